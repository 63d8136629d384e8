"""`Connection`: one client in the process, with a cache of what it subscribed to.

A connection is the receiver of all of its subscriptions (`qsdb.runtime.receiving`).
What begins and ends subscriptions goes through the outbox too, and so is told in its
turn, never in the middle of something else.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Self

import attrs

from qsdb.cache.databases import Cache
from qsdb.cache.events import Event
from qsdb.cache.steps import Step, Steps
from qsdb.errors import (
    ArgumentError,
    ClosedError,
    QueryError,
    brief,
)
from qsdb.runtime.asked import Asked, RepublishedError, first_result
from qsdb.runtime.batches import Published
from qsdb.runtime.call_contexts import Sender
from qsdb.runtime.calling import Calling
from qsdb.runtime.clients import Clients
from qsdb.runtime.live_queries import check_callbacks
from qsdb.runtime.namespaces import Functions
from qsdb.runtime.procedures import Procedures
from qsdb.runtime.queries import Queries
from qsdb.runtime.query_sets import Subscription
from qsdb.runtime.receiving import Receiving
from qsdb.runtime.subscriptions import Subscriptions
from qsdb.schema.results import Result
from qsdb.sql.arguments import bind_each
from qsdb.sql.everything import asks_for_everything, select_all

__all__ = ["Connection"]

Values = Sequence[object]


@attrs.define(eq=False)
class _InTurn:
    """What is done with a subscription in the order of what is told."""

    steps: Steps
    is_told: bool = False

    def deliver(self) -> None:
        self.steps.run()
        self.is_told = True


class Connection(Receiving, Calling):
    """One client in the process, until it is closed.

    One that nobody has any more and that was not closed is told on, by what it
    subscribed to.

    Attributes:
        identity: Who it is.
        connection_id: Its number, as reducers see it.
        token: What to give `Database.connect` to be the same identity again.
        confirmed: Whether it is told only of what is on the disk.
        db: What it knows of tables: rows of its subscriptions.
        reducers: What it can call, by name.
        procedures: Likewise.
    """

    def __init__(
        self,
        procedures: Procedures,
        subscriptions: Subscriptions,
        sender: Sender,
        token: str,
        *,
        clients: Clients | None,
        confirmed: bool,
    ) -> None:
        """Connect; `Database.connect` gives the parts."""
        assert sender.connection is not None
        self.identity = sender.identity
        self.connection_id = sender.connection
        self.token = token
        self._sender = sender
        self.confirmed = confirmed
        self._procedures = procedures
        self._calls = calls = procedures.calls
        self._clients = clients
        self._subscriptions = subscriptions
        self._is_owner = self.identity == calls.owner
        self._open: dict[Subscription, bool] = {}
        self._is_closed = False
        self._why = "this connection is closed"
        self.moments = 0
        self.db = Cache()
        self._take(subscriptions.queries)
        subscriptions.connect(self)
        self._take(subscriptions.queries)  # whichever was published meanwhile

    # Calling.

    def call(self, function: object, /, *args: object, **kwargs: object) -> Any:  # noqa: ANN401  what the function gives
        """Run a reducer or procedure as this identity, and give what it returns.

        The cache has what it did, then; a confirmed connection waits for the disk.

        Raises:
            NotFoundError: there is no such function for it.
            ArgumentError: the arguments do not fit.
            UsageError: this thread is in a transaction, or as `Database.call` says.
            ClosedError: the connection or the database is closed.
        """
        self._require_open()
        result = self._calls.call(self._sender, function, args, kwargs)
        if self.confirmed:
            self._settle()
        return result

    def _settle(self) -> None:
        self._subscriptions.delivery.catch_up(self._subscriptions.offset)

    def sql(self, text: str, params: Mapping[str, object] | None = None) -> Result:
        """Run a query as this identity; otherwise as `Database.sql`.

        Raises:
            AccessError: it changes something, and this is not the owner.
            QueryError, ArgumentError: as `Database.sql` does.
            ClosedError: the connection or the database is closed.
        """
        self._require_open()
        return self._subscriptions.queries.run(text, params, self.identity)

    # Subscribing.

    def subscribe(
        self,
        *queries: str,
        on_applied: Callable[[Event], object] | None = None,
        on_error: Callable[[QueryError], object] | None = None,
        params: Mapping[str, object] | None = None,
    ) -> Subscription:
        """Have the results of queries in the cache, as a whole and from one offset.

        Args:
            queries: Each a SELECT; ``SELECT * FROM *`` is all public tables.
            on_applied: Is told when the rows are in the cache, before callbacks of
                rows are.
            on_error: Is told if a query fails later; then all of them end.
            params: The values of their parameters.

        Raises:
            QueryError: one is wrong, or cannot be kept current; then none begins.
            ArgumentError: an argument is of a wrong kind.
            UsageError: this thread is in a transaction.
            ClosedError: the connection or the database is closed.
        """
        self._require_open()
        check_callbacks(on_applied=on_applied, on_error=on_error)
        if not queries:
            raise ArgumentError("subscribe takes queries, and there is none")
        hub = self._subscriptions
        texts = dict.fromkeys([each for text in queries for each in self._texts(text)])
        asked = [hub.asked(text, self._is_owner) for text in texts]
        values = bind_each([each.parameters for each in asked], params)
        caller = self.identity.stored
        if not self._is_owner:
            require = self._subscriptions.queries.require_cheap
            for each, given in zip(asked, values, strict=True):
                require(each.first.plan, each.given(caller, given))
        pairs = [*zip(asked, values, strict=True)]
        subscription = Subscription(self, pairs, on_applied, on_error)
        hub.writer.require_outside()
        try:
            self._begin_with(subscription, pairs)
        except RepublishedError:
            return self.subscribe(
                *queries, on_applied=on_applied, on_error=on_error, params=params
            )
        except BaseException:  # nobody has it, so nobody could end it
            if subscription in self._open:
                self.end(subscription)
            else:
                hub.leave(subscription.queries)
            raise
        return subscription

    def _begin_with(
        self, subscription: Subscription, asked: Iterable[tuple[Asked, Values]]
    ) -> None:
        """Enter a subscription, and have it applied."""
        hub, caller = self._subscriptions, self.identity.stored
        triples = [
            (query, *pair)
            for query, pair in zip(subscription.queries, asked, strict=True)
        ]
        with hub.enter(triples, caller) as reading:
            offset = reading.offset
            first = [first_result(each, reading, caller, v) for _, each, v in triples]
        if self.confirmed and hub.wait_durable is not None:
            hub.wait_durable(offset)
        self._open[subscription] = True
        self._require_open()  # another thread may have closed it meanwhile
        applying = functools.partial(self._applying, subscription, offset, first)
        hub.delivery.put(_InTurn(Steps(applying)))
        hub.delivery.run()

    def _texts(self, text: object) -> Sequence[str]:
        if type(text) is not str:
            raise ArgumentError(f"a query is a str, not {brief(text)}")
        if not asks_for_everything(text):
            return [text]
        return [*map(select_all, self._subscriptions.queries.public_names)]

    def end(self, subscription: Subscription) -> None:
        """End a subscription, as the user wishes; twice is no error.

        Raises:
            UsageError: this thread is in a transaction.
        """
        hub = self._subscriptions
        ended = None
        if subscription in self._open:
            ended = functools.partial(self._end_in_turn, subscription)
        hub.leave(subscription.queries, ended)
        self._open.pop(subscription, False)
        subscription.is_active = False
        subscription.silence()
        hub.delivery.run()
        hub.wait_for_callbacks()

    def _end_in_turn(self, subscription: Subscription, offset: int) -> _InTurn:
        return _InTurn(Steps(functools.partial(self._removing, subscription, offset)))

    # The end.

    @property
    def is_closed(self) -> bool:
        """Whether it was closed, by whomever, or the database was."""
        return self._is_closed or self._calls.writer.directory.store.is_closed

    def close(self) -> None:
        """End: once this has returned nothing of it is told; twice is no error.

        What it knew can still be read.

        Raises:
            UsageError: this thread is in a transaction.
        """
        hub = self._subscriptions
        hub.leave([query for each in [*self._open] for query in each.queries])
        self._is_closed = True
        for subscription in [*self._open]:
            hub.leave(subscription.queries)  # one that was begun meanwhile
        self.ended()
        hub.wait_for_callbacks()
        if self._clients is not None:
            self._clients.disconnect(self._sender)

    def _take(self, queries: Queries) -> None:
        """Know what can be asked and called since a module was published."""
        by_name, by_class = queries.visible_tables(is_owner=self._is_owner)
        self.db._take(by_name, by_class, queries.gone)
        calls = self._calls
        names = calls.names_for(self.identity)
        self.reducers = Functions("reducer", self.call, names)
        names = calls.procedures_for(self.identity)
        self.procedures = Functions("procedure", self.call, names)

    def _going_on(self, published: Published, offset: int) -> list[Step]:
        error = published.ends
        if error is None:
            return [functools.partial(self._take, published.queries)]
        steps: list[Step] = [
            Steps(functools.partial(self._failing, each, error, offset)).run
            for each in [*self._open]
        ]
        return [*steps, functools.partial(self._close_for, error)]

    def _close_for(self, error: QueryError) -> None:
        self._why = f"this connection is closed: {error}"
        self.close()

    def ended(self) -> None:
        """Take in that nothing more comes."""
        self.db._silence()
        while self._open:
            subscription, _ = self._open.popitem()
            subscription.is_active = False
            subscription.silence()

    def _require_open(self) -> None:
        if self._is_closed:
            raise ClosedError(self._why)

    def __enter__(self) -> Self:
        """Give the connection itself."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Say whose it is."""
        state = "closed" if self._is_closed else "open"
        return f"<Connection {state} of {self.identity.to_hex()[:16]}…>"
