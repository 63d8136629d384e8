"""`LiveQuery`: a result that is kept current, and who is told of it.

A function is told of each commit, by whoever commits; `LiveQuery.changes` is read by a
thread at its own speed.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

from qsdb.errors import ArgumentError, QueryError, brief
from qsdb.live.results import LiveResult
from qsdb.runtime.asked import Asked, RepublishedError, first_result
from qsdb.runtime.backlogs import Backlog, Changes
from qsdb.runtime.bags import Known, known
from qsdb.runtime.batches import Batch
from qsdb.runtime.resizing import resize
from qsdb.runtime.subscriptions import Subscriptions
from qsdb.runtime.timeouts import check_timeout
from qsdb.runtime.unheld import Unheld
from qsdb.runtime.updates import Update, difference_of
from qsdb.sql.arguments import bind_parameters
from qsdb.sql.readable import StoredRow

__all__ = ["LiveQuery", "check_callbacks", "subscribe"]

Callback = Callable[[Update], object]
OnError = Callable[[QueryError], object]


class LiveQuery:
    """A query whose result is kept current until it is closed.

    One that calls a function, on changes or on errors, is kept until then whether its
    user keeps it or not. One that calls none ends when nobody has it any more, nor its
    `changes`.

    Attributes:
        offset: The commit at which it began; `initial` was its result then.
        error: Why it ended by itself; None if it did not.
        confirmed: Whether it is told only of what is on the disk.
        asked: What was asked.
        values: Of its parameters.
        result: What it shares with all who ask the same; None when it has ended.
        subscriber: What is told for it: itself, or what does not keep it.
    """

    is_prompt = False

    __slots__ = (
        "__weakref__",
        "_backlogs",
        "_bag",
        "_callback",
        "_initial",
        "_on_error",
        "_pending",
        "_subscriptions",
        "asked",
        "confirmed",
        "error",
        "moments",
        "offset",
        "result",
        "subscriber",
        "values",
    )

    def __init__(
        self,
        subscriptions: Subscriptions,
        asked: Asked,
        values: Sequence[object],
        callback: Callback | None,
        on_error: OnError | None,
        *,
        confirmed: bool,
    ) -> None:
        """Prepare; `subscribe` begins it."""
        self._subscriptions = subscriptions
        self._callback = callback
        self._on_error = on_error
        self._pending: list[Batch] | None = []
        self._initial: list[StoredRow] = []
        self._bag: Known | None = None
        self._backlogs: Sequence[Backlog] = ()  # few have any
        self.asked, self.values = asked, values
        self.confirmed = confirmed
        self.error: QueryError | None = None
        self.moments = 0
        self.offset = 0
        self.result: LiveResult | None = None
        self.subscriber: LiveQuery | Unheld = self
        if callback is None and on_error is None:
            self.subscriber = Unheld(self, asked, values, confirmed=confirmed)

    def __del__(self) -> None:
        """End, if it is read by nobody any more; by the next commit."""
        # One that calls a function comes here when it has ended, or with its database.
        subscriber = getattr(self, "subscriber", None)  # if it was made in full
        if isinstance(subscriber, Unheld) and subscriber.result is not None:
            self._subscriptions.unread.append(subscriber)

    @property
    def receiver(self) -> Self:
        """Who is told: the query itself."""
        return self

    @property
    def caller(self) -> bytes:
        """What ``:sender`` is: the owner."""
        return self.asked.queries.owner.stored

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self.asked.shape.columns

    @property
    def initial(self) -> list[Any]:
        """The result when it began."""
        return self.asked.shape.make([*self._initial])

    @property
    def rows(self) -> list[Any]:
        """The result now; in a callback, at that update's offset."""
        bag = self._bag
        return self.initial if bag is None else self.asked.shape.make(bag.rows)

    @property
    def count(self) -> int:
        """How many rows the result has now."""
        bag = self._bag
        return len(self._initial) if bag is None else bag.count

    def begin(self, offset: int, stored: list[StoredRow]) -> list[Batch]:
        """Take the first result; give what has come since, to be told now."""
        self.offset = offset
        self._initial = stored
        pending, self._pending = self._pending or [], None
        return pending

    def receive(self, batch: Batch) -> None:
        """Take a commit in, and tell of it."""
        if self._pending is not None:
            self._pending.append(batch)
            return
        if self.result is None or self.error is not None:
            return  # closed meanwhile
        for _, what in batch.parts:  # one, or none that is left of several
            if isinstance(what, QueryError):
                self._fail(batch, what)
                return
            if self._bag is None:
                self._bag = known(self._initial, what.shape)
            self._bag.apply(what)
            if self._backlogs:
                self._put(what)
            batch.is_told = True  # and no interrupt comes before the call
            if self._callback is not None:
                self._callback(what)

    def _fail(self, batch: Batch, error: QueryError) -> None:
        for backlog in self._backlogs:
            backlog.end(error)
        result = self.result
        if result is not None and self.subscriber in result.subscribers:
            # One that is too slow is kept current still, until the next commit.
            self._subscriptions.unread.append(self.subscriber)
        else:
            result = None
        batch.is_told = True  # and no interrupt comes before the call
        self.error, self.result = error, result
        if self._on_error is not None:
            self._on_error(error)

    def moment_of(self, _: object) -> int:
        """Say after which of its moments a commit is: it has none but its beginning."""
        return self.moments

    def _put(self, update: Update) -> None:
        """Hand an update to who reads, and forget who does no more."""
        self._backlogs = [each for each in self._backlogs if not each.is_ended]
        for backlog in self._backlogs:
            backlog.put(update)

    def ended(self) -> None:
        """Take in that nothing more comes."""
        self.result = None
        for backlog in self._backlogs:
            backlog.end(self.error)

    def changes(self, timeout: float | None = None) -> Changes:
        """Give what waits for changes and yields each: all that is new since `initial`.

        Of several readers each is given all, so go on with the same one after its
        time was over: ``for update in changes``. One that is slower than the commits
        is given several in one update, which says the same: see `Update.offsets`.
        Rows of event tables are given as far as they come after this call.

        Args:
            timeout: Ends when nothing came for so many seconds; None to wait until the
                query is closed, or the database.

        Raises:
            ArgumentError: the timeout is no number of seconds.
            UsageError: this thread is in a transaction, or in a callback.
        """
        check_timeout(timeout)
        self._subscriptions.require_outside()
        backlog = Backlog()
        delivery = self._subscriptions.delivery
        delivery.run()  # an interrupt may have left what is in the bag already
        with delivery.lock:
            bag = self._bag
            if bag is not None and (first := _since_begun(self, self._initial, bag)):
                backlog.put(first)
            self._backlogs = [*self._backlogs, backlog]
            if self.result is None or self.error is not None:
                backlog.end(self.error)
        # What is read keeps the query.
        return Changes(backlog, timeout, functools.partial(_require_outside, self))

    def resize(self, limit: int | None = None, offset: int | None = None) -> None:
        """Have another window on the same rows, and be told how the two differ.

        That is one update like those of commits, after all that was committed before;
        it has the offset of the last commit. Others who ask the same as this query did
        go on as they were. What does not change the rows is not told.

        Args:
            limit: How many rows the window has at most; None for as many as now.
            offset: How many rows of the order stand before it; None for as many as now.

        Raises:
            ArgumentError: the query is no window, `ORDER BY` with `LIMIT`, or a number
                is less than 0 or greater than 18446744073709551615.
            UsageError: this thread is in a transaction.
            ClosedError: the query has ended, or the database is closed.
            FailedError: the query is confirmed, and the disk failed.

        In a callback it is done at once, and told after that.

        Cost: O(rows that come, leave, or stand between the windows) where nobody else
        asks for either window, once the query has an OFFSET or if none is given; else
        that of subscribing again, O(rows in order). Some milliseconds the first time.
        """
        resize(self._subscriptions, self.subscriber, limit, offset)

    def close(self) -> None:
        """End; once this has returned no callback comes. Twice is no error.

        A callback that another thread is in the middle of is waited for.

        Raises:
            UsageError: this thread is in a transaction.
        """
        self._subscriptions.leave([self.subscriber])
        self._subscriptions.wait_for_callbacks()
        self.ended()

    def __enter__(self) -> Self:
        """Give the query itself."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Say what it is and where it began."""
        has_ended = self.result is None or self.error is not None
        state = "ended" if has_ended else "live"
        return f"<LiveQuery {state}, begun at offset {self.offset}>"


def subscribe(  # noqa: PLR0913  what users may say
    subscriptions: Subscriptions,
    text: str,
    callback: Callback | None,
    params: Mapping[str, object] | None,
    caller: bytes,
    *,
    confirmed: bool,
    on_error: OnError | None,
) -> LiveQuery:
    """Begin a live query, as the owner.

    Raises:
        QueryError: the query is wrong, or cannot be kept current.
        ArgumentError: parameters do not fit, or a callback cannot be called.
        UsageError: this thread is in a transaction.
        ClosedError: the database is closed.
    """
    check_callbacks(callback=callback, on_error=on_error)
    if type(confirmed) is not bool:
        raise ArgumentError(f"confirmed is a bool, not {brief(confirmed)}")
    if type(text) is not str:
        raise ArgumentError(f"a query is a str, not {brief(text)}")
    asked = subscriptions.asked(text, True)  # noqa: FBT003  the key of a cache
    values = bind_parameters(asked.parameters, params)
    query = LiveQuery(
        subscriptions, asked, values, callback, on_error, confirmed=confirmed
    )
    try:
        with subscriptions.enter(
            [(query.subscriber, asked, values)], caller
        ) as reading:
            stored = first_result(asked, reading, caller, values)
            offset = reading.offset
        if confirmed and subscriptions.wait_durable is not None:
            subscriptions.wait_durable(offset)
        with subscriptions.delivery.lock:
            for batch in query.begin(offset, stored):
                subscriptions.delivery.tell(batch)
        subscriptions.delivery.run()
    except BaseException as error:
        if query.result is not None:
            subscriptions.leave([query.subscriber])
        if isinstance(error, RepublishedError):
            return subscribe(
                subscriptions,
                text,
                callback,
                params,
                caller,
                confirmed=confirmed,
                on_error=on_error,
            )
        raise
    return query


def _since_begun(query: LiveQuery, initial: list[StoredRow], bag: Known) -> Update:
    """Give all changes until now in one. Cost: O(rows)."""
    shape = query.asked.shape
    first = min(query.offset + 1, bag.offset)  # not every change has its own commit
    return Update(bag.offset, difference_of(initial, bag.rows, shape), shape, first)


def _require_outside(query: LiveQuery) -> None:
    query._subscriptions.require_outside()  # noqa: SLF001  of this module


def check_callbacks(**callbacks: object) -> None:
    """Refuse what cannot be called.

    Raises:
        ArgumentError: one is neither None nor a function.
    """
    for name, each in callbacks.items():
        if each is not None and not callable(each):
            raise ArgumentError(f"{name} is a function or None, not {brief(each)}")
