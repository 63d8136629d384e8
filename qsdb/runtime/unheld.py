"""`Unheld`: what subscribes for a live query that only its user holds.

A query with a callback is of use to nobody else's knowledge: it is kept as long as it
is subscribed. One without is there to be read, and when nobody can read it any more it
may go. So the engine does not have that query itself but this in its place, which does
not keep it; and when it is gone, the next commit ends what was subscribed for it.
"""

import weakref
from collections.abc import Sequence
from typing import Protocol, Self

from qsdb.live.results import LiveResult
from qsdb.runtime.asked import Asked
from qsdb.runtime.batches import Batch

__all__ = ["Unheld"]


class Read(Protocol):
    """The query, as it is told."""

    asked: Asked
    result: LiveResult | None

    @property
    def count(self) -> int:
        """How many rows the result has now."""
        ...

    def receive(self, batch: Batch) -> None:
        """Take a commit in."""
        ...

    def ended(self) -> None:
        """Take in that nothing more comes."""
        ...


class Unheld:
    """The subscriber and receiver for one query.

    Attributes:
        confirmed: Whether it is told only of what is on the disk.
        values: Of the query's parameters.
        moments: As of every receiver.
        is_prompt: False, likewise.
    """

    is_prompt = False

    __slots__ = ("_asked", "_query", "_result", "confirmed", "moments", "values")

    def __init__(
        self, query: Read, asked: Asked, values: Sequence[object], *, confirmed: bool
    ) -> None:
        """Stand for a query."""
        self._query = weakref.ref(query)
        self._asked, self.values, self.confirmed = asked, values, confirmed
        self._result: LiveResult | None = None
        self.moments = 0

    @property
    def receiver(self) -> Self:
        """Who is told: this."""
        return self

    @property
    def caller(self) -> bytes:
        """What ``:sender`` is: the owner."""
        return self._asked.queries.owner.stored

    @property
    def asked(self) -> Asked:
        """What was asked; also for the query."""
        return self._asked

    @asked.setter
    def asked(self, asked: Asked) -> None:
        self._asked = asked
        query = self._query()
        if query is not None:
            query.asked = asked

    @property
    def result(self) -> LiveResult | None:
        """What is shared with all who ask the same; also for the query."""
        return self._result

    @result.setter
    def result(self, result: LiveResult | None) -> None:
        self._result = result
        query = self._query()
        if query is not None:
            query.result = result

    @property
    def count(self) -> int:
        """How many rows the result has now; none where nobody can see them."""
        query = self._query()
        return 0 if query is None else query.count

    def moment_of(self, _: object) -> int:
        """Say after which of its moments a commit is: it has none but its beginning."""
        return self.moments

    def receive(self, batch: Batch) -> None:
        """Have the query take a commit in, if it is there."""
        query = self._query()
        if query is None:
            batch.is_told = True
        else:
            query.receive(batch)

    def ended(self) -> None:
        """Have the query take in that nothing more comes."""
        query = self._query()
        if query is not None:
            query.ended()
