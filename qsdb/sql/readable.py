"""Tables as plans read them: whatever has rows may stand for one."""

from collections.abc import Callable
from typing import Protocol

from qsdb.values.kinds import Stored
from qsdb.values.ranges import Range

__all__ = ["Countable", "Readable", "Run", "StoredRow", "Walkable"]

StoredRow = tuple[Stored, ...]


class Readable(Protocol):
    """A table, for whoever runs a plan; lists are the caller's own."""

    def _scan(self) -> list[StoredRow]:
        """Give all rows."""
        ...

    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]:
        """Give rows by an index: in a range of an ordered one, or equal to a value.

        Args:
            number: As `qsdb.sql.paths.IndexPath` has it.
            within: The range; None for an index without order.
            value: The value, of several columns a tuple.
        """
        ...


class Countable(Readable, Protocol):
    """A table whose rows can be counted: what plans of COUNT(*) need."""

    def _count(self, number: int | None, within: Range | None, value: object) -> int:
        """Give the number of rows that `_select` would give."""
        ...

    def __len__(self) -> int:
        """Give the number of all rows."""
        ...


class Walkable(Readable, Protocol):
    """A table that gives the first rows of an ordered index, and no more."""

    def _first(
        self,
        number: int,
        within: Range,
        count: int,
        is_reversed: bool,  # noqa: FBT001  it is called by generated code
    ) -> list[StoredRow]:
        """Give the first rows that `_select` would give, or the last ones.

        Args:
            number: The index.
            within: The range.
            count: How many rows.
            is_reversed: Whether the last ones come first.
        """
        ...


Run = Callable[..., list[StoredRow]]
"""Takes each of the query's tables, then the caller's identity as bytes, and then the
parameters in their order.

It gives stored rows of the table that is asked for whole, or tuples of the outputs.
It raises `QueryError` where a result has no room in its kind, and where something is
divided by 0.
"""
