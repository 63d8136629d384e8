"""`Moves`: what came to tables and what went, gathered from several results."""

from collections.abc import Iterable

from qsdb.runtime.query_sets import SetQuery
from qsdb.sql.readable import StoredRow

__all__ = ["Moves"]


class Moves:
    """Rows that came and rows that went.

    Attributes:
        by_table: Name → these and those.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self.by_table: dict[str, tuple[list[StoredRow], list[StoredRow]]] = {}

    def add(
        self,
        query: SetQuery,
        inserts: Iterable[StoredRow],
        deletes: Iterable[StoredRow],
    ) -> None:
        """Add a change of a result, if it has whole rows of a table."""
        if query.asked.table is not None:
            came, went = self.by_table.setdefault(query.asked.table, ([], []))
            came += inserts
            went += deletes
