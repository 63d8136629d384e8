"""Resizing: another LIMIT or OFFSET for a live query, while it lives.

Results are shared by all who ask the same, and LIMIT and OFFSET are values of what is
asked. So nothing is done to a result: who asked for it goes over to another one,
between two commits, and is told how the two differ, as of a commit that did that.

The moment at which that is done is when the subscriber has its other result. What an
exception cuts off before leaves the first one; what it cuts off after is made up for.
"""

from collections.abc import Sequence
from typing import Protocol

import attrs

from qsdb.errors import ArgumentError, ClosedError, brief
from qsdb.live.results import AnyTemplate, LiveResult
from qsdb.live.trees import window_of
from qsdb.runtime.asked import Asked, with_window
from qsdb.runtime.batches import Batch, Receiver, Subscriber
from qsdb.runtime.subscriptions import Subscriptions
from qsdb.runtime.updates import Update
from qsdb.sql.typed import Argument, Constant, Typed
from qsdb.values.kinds import U64, MismatchError

__all__ = ["resize"]


class Resizable(Subscriber, Protocol):
    """Who asked for a window."""

    asked: Asked
    """What was asked."""
    values: Sequence[object]
    """Of its parameters."""

    @property
    def receiver(self) -> Receiver:
        """Who is told."""
        ...

    @property
    def caller(self) -> bytes:
        """What ``:sender`` is."""
        ...


def resize(
    hub: Subscriptions, subscriber: Resizable, limit: object, offset: object
) -> None:
    """Have a subscriber go over to another window, and be told the difference.

    Raises:
        ArgumentError: a number is none, or has no room; or the query has no LIMIT.
        UsageError: this thread is in a transaction.
        ClosedError: the query has ended, or the database is closed.
    """
    for name, given in (("limit", limit), ("offset", offset)):
        if given is not None:
            _require_fitting(name, given)
    hub.writer.require_outside()
    while True:
        asked = subscriber.asked
        other = with_window(asked, _parts(asked, offset))
        resizing = _Resizing(hub, subscriber, asked, other)
        if resizing.enter(limit, offset, hub.engine.prepared(other.lifted)):
            break
    if subscriber.receiver.confirmed:
        hub.delivery.catch_up(hub.offset)
    hub.delivery.run()


def _require_fitting(name: str, given: object) -> None:
    try:
        U64.canonical(given)
    except MismatchError as mismatch:
        fault = f"{name} is {mismatch.admitted}, not {brief(given)}"
        raise ArgumentError(fault) from None


def _parts(asked: Asked, offset: object) -> tuple[str, ...]:
    """Say what of the window is to be parameters: OFFSET where there is any."""
    window = None if asked.query is None else window_of(asked.query)
    if window is None or window.limit is None:
        raise ArgumentError(f"no LIMIT can be changed, for there is none: {asked.text}")
    has_offset = offset or window.offset is not None
    return ("limit", "offset") if has_offset else ("limit",)


@attrs.define(eq=False)
class _Resizing:
    """One subscriber that goes over."""

    hub: Subscriptions
    subscriber: Resizable
    was: Asked
    asked: Asked
    values: Sequence[object] = ()
    result: LiveResult | None = None
    batch: Batch | None = None

    def enter(
        self, limit: object, offset: object, template: AnyTemplate | None
    ) -> bool:
        """Do it between two commits; say whether the same was asked still."""
        writer, subscriber = self.hub.writer, self.subscriber
        has_begun = False
        try:
            writer.enter()
            if subscriber.asked is not self.was:
                return False
            before = self._before()
            window = self._window()
            wanted = {
                "limit": window[0] if limit is None else limit,
                "offset": window[1] if offset is None else offset,
            }
            if window != (*wanted.values(),):
                own = subscriber.values[: _count(self.was)]
                self.values = [*own, *[wanted[each] for each in self.asked.window]]
                has_begun = True
                self._begin(before, template)
                self._take()
                self.hub.listening.forget(before, subscriber)
        except BaseException:
            if has_begun and writer.is_mine():
                self._mend()
            raise
        finally:
            try:
                writer.leave()
            finally:  # an interrupt may have cut that off
                writer.leave()
        return True

    def _before(self) -> LiveResult:
        """Give the result that there is."""
        subscriber, found = self.subscriber, self.subscriber.result
        is_current = self.was.queries is self.hub.queries
        # One that failed, or a publication ended, has a result until that is told.
        if found is None or not is_current or subscriber not in found.subscribers:
            raise ClosedError("the live query has ended: its window cannot be another")
        return found

    def _window(self) -> tuple[object, object]:
        """Give LIMIT and OFFSET as they are."""
        assert self.was.query is not None
        window = window_of(self.was.query)
        assert window is not None
        named = self.was.named(self.subscriber.values)

        def number(term: Typed | None) -> object:
            if isinstance(term, Argument):
                return named[term.name]
            return term.value if isinstance(term, Constant) else 0

        return number(window.limit), number(window.offset)

    def _begin(self, before: LiveResult, template: AnyTemplate | None) -> None:
        """Have the other window kept current, and make what is to be told."""
        hub, subscriber, asked = self.hub, self.subscriber, self.asked
        caller, receiver = subscriber.caller, subscriber.receiver
        [held] = hub.listening.hold([(asked, self.values)], caller)
        given = (self.values, caller)
        result, difference = hub.listening.resize(
            before, subscriber, asked, given, held, template
        )
        if difference:
            # By itself, and not with commits that come before or after.
            receiver.moments += 1
            offset = hub.offset
            update = Update(offset, difference, asked.shape)
            self.batch = Batch(receiver, offset, None, [(subscriber, update)])
            self.batch.moment = receiver.moments
            receiver.moments += 1
        self.result = result

    def _take(self) -> None:
        """Have the subscriber go over, and be told; twice is once."""
        hub, subscriber = self.hub, self.subscriber
        subscriber.result = self.result
        subscriber.asked, subscriber.values = self.asked, self.values
        if self.batch is not None:
            delivery, is_confirmed = hub.delivery, subscriber.receiver.confirmed
            (delivery.put_durable if is_confirmed else delivery.put)(self.batch)

    def _mend(self) -> None:
        """Make what is kept fit to what was done, after an exception cut it off."""
        listening, found = self.hub.listening, self.subscriber.result
        assert found is not None
        listening.engine.keep_only(found, self.subscriber)
        if found is self.result:
            self._take()
        listening.mend([])


def _count(asked: Asked) -> int:
    """Give how many parameters the text has."""
    return len(asked.parameters) - len(asked.window)
