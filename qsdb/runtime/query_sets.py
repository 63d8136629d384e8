"""`Subscription`: queries that a connection asked together, applied as a whole."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol, Self

from qsdb.cache.events import Event
from qsdb.cache.listeners import Listeners, Telling
from qsdb.cache.steps import Step
from qsdb.errors import QueryError
from qsdb.live.results import LiveResult
from qsdb.runtime.asked import Asked
from qsdb.runtime.bags import Known, known
from qsdb.runtime.batches import Receiver
from qsdb.runtime.updates import Update
from qsdb.values.identity import Identity

__all__ = ["Connected", "SetQuery", "Subscription"]


class Connected(Receiver, Protocol):
    """The connection, as its subscriptions need it."""

    identity: Identity

    def end(self, subscription: "Subscription") -> None:
        """End a subscription, as the user wishes."""
        ...


class SetQuery:
    """One query of a subscription.

    Attributes:
        owner: The subscription.
        asked: What it asks.
        values: Of its parameters.
        bag: Its result.
        result: What it shares with all who ask the same; None when it has ended.
    """

    __slots__ = ("asked", "bag", "owner", "result", "values")

    def __init__(
        self, owner: "Subscription", asked: Asked, values: Sequence[object]
    ) -> None:
        """Prepare."""
        self.owner = owner
        self.asked = asked
        self.values = values
        self.bag: Known = known([], asked.shape)
        self.result: LiveResult | None = None

    @property
    def receiver(self) -> Connected:
        """Who is told: the connection."""
        return self.owner.connection

    @property
    def count(self) -> int:
        """How many rows the result has now."""
        return self.bag.count

    @property
    def has_updates(self) -> bool:
        """Whether `Subscription.on_update` tells of it.

        The cache tells of whole rows, but not of places in an order.
        """
        return self.asked.table is None or self.asked.shape.is_ordered

    @property
    def caller(self) -> bytes:
        """What ``:sender`` is: who connected."""
        return self.owner.connection.identity.stored


class Subscription:
    """Queries that a connection asked together.

    Attributes:
        connection: Whose it is.
        queries: The queries.
        error: Why it ended by itself; None if it did not.
        is_active: Whether it has been applied and has not ended.
        is_there: Whether its rows are in the cache; so it may still be when it has
            ended, and is kept current until that is told. Only who tells changes it.
        pending: What is known of commits since it began, until it is applied; then
            None.
    """

    __slots__ = (
        "_listeners",
        "connection",
        "error",
        "is_active",
        "is_there",
        "pending",
        "queries",
    )

    def __init__(
        self,
        connection: Connected,
        asked: Iterable[tuple[Asked, Sequence[object]]],
        on_applied: Callable[[Event], object] | None,
        on_error: Callable[[QueryError], object] | None,
    ) -> None:
        """Prepare; the connection begins it.

        Args:
            connection: It.
            asked: Each query, and the values of its parameters.
            on_applied: Is told when it is applied.
            on_error: Is told when it ends by itself.
        """
        self.connection = connection
        self.queries = [SetQuery(self, each, values) for each, values in asked]
        self.error: QueryError | None = None
        self.is_active = self.is_there = False
        self.pending: list[tuple[int, SetQuery, Update | QueryError]] | None = []
        self._listeners = listeners = Listeners()
        if on_applied is not None:
            listeners.add("on_applied", on_applied)
        if on_error is not None:
            listeners.add("on_error", on_error)

    @property
    def rows(self) -> list[Any]:
        """The rows of all its queries now, one query after the other."""
        return [
            row for each in self.queries for row in each.asked.shape.make(each.bag.rows)
        ]

    # What the connection does with it, in the order of delivery.

    def telling(self, kind: str, *values: object) -> Step:
        """Give the step that tells of something.

        Args:
            kind: ``on_applied``; ``on_update`` of a result that is not in the cache, or
                in order; or ``on_error``, which is why it ended by itself.
            values: What functions are called with.
        """
        return Telling(self._listeners, kind, lambda: [values]).run

    def silence(self) -> None:
        """Tell nothing any more."""
        self._listeners.clear()

    # What users do with it.

    def on_update(
        self, callback: Callable[[Event, Update], object]
    ) -> Callable[[], None]:
        """Have a function told of each change of a result: ``callback(event, update)``.

        This is for queries that do not give whole rows of a table, which are in the
        cache of the connection, ``conn.db``, and are told of there; and for those with
        ORDER BY, whose `Update.moves` say at which places rows came and went.

        Returns:
            A function that ends it.

        Raises:
            ArgumentError: it is no function.
        """
        return self._listeners.add("on_update", callback)

    def close(self) -> None:
        """End: its rows leave the cache, if no other subscription has them.

        Once this has returned nothing of it is told any more, but in a callback: then
        the rows that leave are told of after that. Twice is no error.

        Raises:
            UsageError: this thread is in a transaction.
        """
        self.connection.end(self)

    def __enter__(self) -> Self:
        """Give the subscription itself."""
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Say how many queries it has, and whether it is active."""
        state = "active" if self.is_active else "ended"
        return f"<Subscription {state}, {len(self.queries)} queries>"
