"""Row filters: queries that say which rows of a table strangers may see.

A module only collects their texts. What they mean is told by SQL, which stands above
this layer: whoever opens a database hands a `CheckFilters` in.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import attrs

from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.tables import RowFilter, TableSchema

__all__ = ["CheckFilters", "FiltersByTable", "give_filters"]


FiltersByTable = Mapping[str, tuple[RowFilter, ...]]
"""Name of a table → the filters that give rows of it."""

CheckFilters = Callable[
    [Sequence[RowFilter], Sequence[TableSchema]], tuple[FiltersByTable, list[str]]
]
"""Sorts filters by table; gives a sentence for each mistake besides."""


def give_filters(
    tables: Iterable[BoundTable],
    filters: Sequence[RowFilter],
    check: CheckFilters | None,
    mistakes: list[str],
) -> None:
    """Give tables their row filters; note what is wrong with them."""
    if check is None:
        mistakes.append("row filters: nothing was given to check them")
        return
    found, wrong = check(filters, [each.schema for each in tables])
    mistakes += wrong
    for bound in tables:
        row_filters = found.get(bound.schema.name, ())
        bound.schema = attrs.evolve(bound.schema, row_filters=row_filters)
