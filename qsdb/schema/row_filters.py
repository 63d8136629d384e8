"""Row filters: queries that say which rows of a table strangers may see.

A module only collects their texts. What they mean is told by SQL, which stands above
this layer: whoever opens a database hands a `CheckFilters` in.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from qsdb.schema.tables import TableSchema

__all__ = ["CheckFilters", "FiltersByTable", "RowFilter"]


@attrs.frozen
class RowFilter:
    """A query for the rows of one table.

    Attributes:
        text: In SQL.
        namespace: Where the module is mounted that declared it, as names of tables
            begin there; empty for the outermost one. Names in the text belong to it.
    """

    text: str
    namespace: str = ""

    def __str__(self) -> str:
        """Give the text, and where its names belong."""
        return (
            f"{self.text!r} in {self.namespace}" if self.namespace else repr(self.text)
        )


FiltersByTable = Mapping[str, tuple[RowFilter, ...]]
"""Name of a table → the filters that give rows of it."""

CheckFilters = Callable[
    [Sequence[RowFilter], Sequence["TableSchema"]], tuple[FiltersByTable, list[str]]
]
"""Sorts filters by table; gives a sentence for each mistake besides."""
