"""`V1Sets`: which queries stand in which sets of one client of version 1.

There a query counts once, in however many sets it stands: it begins with the first of
them and ends with the last::

    set 0      lines, rooms          begins both
    set 1      rooms, doors          begins doors alone
    end of 0                         ends lines; rooms stands in set 1
    end of 1                         ends rooms and doors

Sets begin and end where the client's messages are handled. That a query has failed,
which ends all sets in which it stands, is told by whichever thread has committed, at
any time. So each change is made at once, under a lock.
"""

import threading
from collections.abc import Iterable, Sequence

from qsdb.protocol.v1_json import V1JsonTableEncoder
from qsdb.protocol.v1_tables import V1TableEncoder
from qsdb.server.query_sets import ServedQuery

__all__ = ["Number", "Query", "V1Sets"]

Query = ServedQuery[V1TableEncoder | V1JsonTableEncoder]
Number = int | None
"""A client's number of a set; None of the one that `Subscribe` has begun."""


class V1Sets:
    """The sets of one client, and the queries in them."""

    __slots__ = ("_lock", "_queries", "_texts")

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = threading.Lock()
        self._queries: dict[str, Query] = {}
        self._texts: dict[Number, Sequence[str]] = {}

    def __contains__(self, number: Number) -> bool:
        """Say whether there is a set of a number."""
        return number in self._texts

    def is_asked(self, text: str) -> bool:
        """Say whether a query stands in some set."""
        return text in self._queries

    @property
    def all_queries(self) -> list[Query]:
        """The queries that stand in some set."""
        return [*self._queries.values()]

    def is_begun(self, number: Number, texts: Sequence[str]) -> bool:
        """Say whether a set that was begun has not ended meanwhile."""
        return self._texts.get(number) is texts

    def begin(
        self, number: Number, texts: Sequence[str], fresh: Iterable[Query]
    ) -> list[Query] | None:
        """Note a set.

        Args:
            number: Of it.
            texts: Its queries.
            fresh: Those that no set had as they were read.

        Returns:
            All queries of the set; None if one that is not fresh has ended since.
        """
        with self._lock:
            known = self._queries | {each.asked.text: each for each in fresh}
            if not known.keys() >= {*texts}:
                return None
            self._queries = known
            self._texts[number] = texts
            return [known[text] for text in texts]

    def queries(self, number: Number) -> list[Query]:
        """Give the queries of a set; none if there is no such set."""
        with self._lock:
            return [self._queries[text] for text in self._texts.get(number, ())]

    def end(self, number: Number) -> list[Query]:
        """Forget a set; give the queries that stand in no other one."""
        with self._lock:
            self._texts.pop(number, None)
            return self._gone()

    def end_all(self) -> list[Query]:
        """Forget all sets; give all queries."""
        with self._lock:
            self._texts.clear()
            return self._gone()

    def fail(self, query: Query) -> tuple[list[Number], list[Query]]:
        """Forget the sets in which a query stands that has failed.

        Returns:
            Their numbers, and the queries that stand in no other one.
        """
        with self._lock:
            if self._queries.get(query.asked.text) is not query:
                return [], []  # it has ended, and another asks the same
            text, sets = query.asked.text, self._texts
            numbers = [number for number, texts in sets.items() if text in texts]
            for number in numbers:
                del sets[number]
            return numbers, self._gone()

    def _gone(self) -> list[Query]:
        kept = {text for texts in self._texts.values() for text in texts}
        queries = self._queries
        return [queries.pop(text) for text in [*queries] if text not in kept]
