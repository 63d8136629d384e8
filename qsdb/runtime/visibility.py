"""`Visibility`: which rows somebody may read who is not the owner.

The system tables describe private tables and functions too, but to others a private
table is like one that is missing. So a query of theirs has one condition more for each
system table that it names, and what the row filters of other tables say
(`qsdb.runtime.row_filters`); it is planned and kept current with that as if they had
written it, and EXPLAIN shows it.
"""

from collections.abc import Collection, Iterator

import attrs

from qsdb.runtime.row_filters import RowFilters
from qsdb.sql.narrowing import narrowed
from qsdb.sql.queries import Query, Source
from qsdb.sql.relations import Derived, Selected, with_leaves
from qsdb.sql.statements import Checked, Explanation
from qsdb.sql.typed import Cell, Constant, Not, Typed, Within

__all__ = ["Visibility"]

_NUMBERED = {
    "st_table",
    "st_column",
    "st_sequence",
    "st_index",
    "st_constraint",
    "st_scheduled",
}
"""The system tables whose rows are about a table, and say which in ``table_id``."""


class Visibility:
    """Narrows queries to what all may know."""

    def __init__(self, table_ids: Collection[int], filters: RowFilters) -> None:
        """Let the public tables be known.

        Args:
            table_ids: Their numbers.
            filters: Of their rows.
        """
        self._table_ids = table_ids
        self._filters = filters

    def narrowed(self, checked: Checked) -> Checked:
        """Give a statement with what its tables need besides."""
        match checked:
            case Query() | Derived():
                return self._selected(checked)
            case Explanation(query=query):
                return Explanation(self._selected(query))
            case _:
                return checked  # which others may not run

    def _selected(self, query: Selected) -> Selected:
        if isinstance(query, Query):
            return self._query(query)
        return attrs.evolve(query, root=with_leaves(query.root, self._query))

    def _query(self, query: Query) -> Query:
        def conditions(place: int) -> tuple[Typed, ...]:
            return tuple(self._conditions(place, query.tables[place]))

        # What is asked for is told first; what filters look into, they may know.
        return self._filters.narrowed(narrowed(query, conditions))

    def _conditions(self, place: int, source: Source) -> Iterator[Typed]:
        name = source.schema.name
        if name in _NUMBERED:
            cell = _cell(place, source, "table_id")
            yield Within(cell, tuple([Constant(n, cell.kind) for n in self._table_ids]))
        elif name in ("st_reducer", "st_procedure"):
            yield Not(_cell(place, source, "is_private"))
        elif name == "st_view":
            yield _cell(place, source, "is_public")


def _cell(place: int, source: Source, name: str) -> Cell:
    schema = source.schema
    [column] = [n for n, each in enumerate(schema.columns) if each.name == name]
    return Cell(place, column, schema.columns[column].kind, is_optional=False)
