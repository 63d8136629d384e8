"""`Subscription` and `AsyncSubscription`: queries that were asked together.

Two faces of one thing: they differ in `close`, which is awaited in an event loop.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol, Self

from qsdb.cache.events import Event
from qsdb.cache.listeners import Listeners
from qsdb.client.questions import Question
from qsdb.client.results import LiveResult
from qsdb.errors import QueryError
from qsdb.runtime.updates import Update

__all__ = ["AnySubscription", "AsyncSubscription", "Subscription"]


class AnySubscription:
    """Queries that were asked together, until they end.

    Attributes:
        results: What is known of each.
        error: Why it ended by itself; None if it did not.
        is_active: Whether it has been applied and has not ended.
    """

    def __init__(
        self,
        questions: Iterable[Question],
        on_applied: Callable[[Event], object] | None,
        on_error: Callable[[QueryError], object] | None,
    ) -> None:
        """Prepare; the connection begins it.

        Args:
            questions: The queries.
            on_applied: Is told when it is applied, for the first time.
            on_error: Is told when it ends by itself.
        """
        self.results = [LiveResult(each) for each in questions]
        self.error: QueryError | None = None
        self.is_active = False
        self._listeners = listeners = Listeners()
        if on_applied is not None:
            listeners.add("on_applied", on_applied)
        if on_error is not None:
            listeners.add("on_error", on_error)
        self._was_applied = False

    @property
    def rows(self) -> list[Any]:
        """The rows of all its queries now, one query after the other.

        Those of one are in no order, also with ORDER BY: they come without places.
        """
        return [row for each in self.results for row in each.rows]

    def on_update(
        self, callback: Callable[[Event, Update], object]
    ) -> Callable[[], None]:
        """Have a function told of each change of a result: ``callback(event, update)``.

        This is for queries that do not give whole rows of a table: those are in the
        cache of the connection, ``conn.db``, and are told of there.

        Returns:
            A function that ends it.

        Raises:
            ArgumentError: it is no function.
        """
        return self._listeners.add("on_update", callback)

    # What the connection does with it.

    def tell_applied(self, event: Event) -> None:
        """Tell that it was applied, once."""
        if not self._was_applied:
            self._was_applied = True
            self._listeners.tell_once("on_applied", event)

    def tell_update(self, event: Event, update: Update) -> None:
        """Tell that a result changed that is not in the cache."""
        self._listeners.tell("on_update", event, [update])

    def tell_error(self) -> None:
        """Tell why it ended by itself."""
        if self.error is not None:
            self._listeners.tell_once("on_error", self.error)

    def silence(self) -> None:
        """Tell nothing any more."""
        self._listeners.clear()

    def __repr__(self) -> str:
        """Say how many queries it has, and whether it is active."""
        state = "active" if self.is_active else "ended"
        return f"<{type(self).__name__} {state}, {len(self.results)} queries>"


class _Ends(Protocol):
    """A connection, as its subscriptions need it."""

    def end(self, subscription: "Subscription") -> None:
        """End a subscription."""
        ...


class _EndsAsync(Protocol):
    """A connection in an event loop, likewise."""

    async def end(self, subscription: "AsyncSubscription") -> None:
        """End a subscription."""
        ...


class Subscription(AnySubscription):
    """Queries that were asked together, until they end."""

    def __init__(
        self,
        connection: _Ends,
        questions: Iterable[Question],
        on_applied: Callable[[Event], object] | None,
        on_error: Callable[[QueryError], object] | None,
    ) -> None:
        """Prepare, for a connection."""
        super().__init__(questions, on_applied, on_error)
        self.connection = connection

    def close(self) -> None:
        """End: its rows leave the cache, if no other subscription has them.

        Once this has returned nothing of it is told any more, but in a callback: then
        the rows that leave are told of after that. Twice is no error.
        """
        self.connection.end(self)

    def __enter__(self) -> Self:
        """Give the subscription itself."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Close."""
        self.close()


class AsyncSubscription(AnySubscription):
    """Queries that were asked together in an event loop, until they end."""

    def __init__(
        self,
        connection: _EndsAsync,
        questions: Iterable[Question],
        on_applied: Callable[[Event], object] | None,
        on_error: Callable[[QueryError], object] | None,
    ) -> None:
        """Prepare, for a connection."""
        super().__init__(questions, on_applied, on_error)
        self.connection = connection

    async def close(self) -> None:
        """End, as `Subscription.close`."""
        await self.connection.end(self)

    async def __aenter__(self) -> Self:
        """Give the subscription itself."""
        return self

    async def __aexit__(self, kind: object, error: object, trace: object) -> None:
        """Close."""
        await self.close()
