"""`Update`: how a result changed with a commit, as users see it."""

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from qsdb.live.operators import Difference
from qsdb.sql.loops import StoredRow

__all__ = ["Shape", "Update"]


@attrs.frozen
class Shape:
    """What the rows of a result are to users.

    Attributes:
        columns: The names of the columns.
        make: Makes rows of stored ones.
        key_of: The primary key of a stored row; None where a result has none.
        is_event: Whether rows only come, and none is kept.
    """

    columns: tuple[str, ...]
    make: Callable[[list[StoredRow]], list[Any]]
    key_of: Callable[[StoredRow], object] | None
    is_event: bool = False


class Update:
    """How a result changed with a commit.

    Rows are made when they are asked for, once for all who are told; the lists are the
    caller's own.

    Attributes:
        offset: The commit.
        difference: The same, as stored rows.
    """

    __slots__ = ("_deletes", "_inserts", "_shape", "_updates", "difference", "offset")

    def __init__(self, offset: int, difference: Difference, shape: Shape) -> None:
        """Keep what changed."""
        self.offset = offset
        self.difference = difference
        self._shape = shape
        self._inserts: list[Any] | None = None
        self._deletes: list[Any] | None = None
        self._updates: list[tuple[Any, Any]] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return self._shape.columns

    @property
    def is_event(self) -> bool:
        """Whether the rows are told once, and are not in the result afterwards."""
        return self._shape.is_event

    @property
    def inserts(self) -> list[Any]:
        """All rows that came; one that came twice is there twice."""
        if self._inserts is None:
            self._inserts = self._shape.make([*self.difference.inserts])
        return [*self._inserts]

    @property
    def deletes(self) -> list[Any]:
        """All rows that went."""
        if self._deletes is None:
            self._deletes = self._shape.make([*self.difference.deletes])
        return [*self._deletes]

    @property
    def updates(self) -> list[tuple[Any, Any]]:
        """Those that went and came with the same primary key: old and new."""
        if self._updates is None:
            self._updates = [*self._paired()]
        return [*self._updates]

    def _paired(self) -> Sequence[tuple[Any, Any]]:
        key_of = self._shape.key_of
        if key_of is None:
            return []
        went = {
            key_of(stored): row
            for stored, row in zip(self.difference.deletes, self.deletes, strict=True)
        }
        came = zip(self.difference.inserts, self.inserts, strict=True)
        return [
            (went[key], row) for stored, row in came if (key := key_of(stored)) in went
        ]

    def __repr__(self) -> str:
        """Say how much changed."""
        came, went = len(self.difference.inserts), len(self.difference.deletes)
        return f"<Update at offset {self.offset}: {came} inserts, {went} deletes>"
