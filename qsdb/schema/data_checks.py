"""What the rows of a table must be like, so that a change of it can be made.

A *check* looks at the old rows and gives one sentence where they forbid the change.
It shows up to `GROUPS_SHOWN_MAX` groups of rows, and says how many more there are.
"""

import itertools
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Protocol, cast

import attrs

from qsdb.errors import brief
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.column_sources import (
    ColumnSource,
    StoredRow,
    compile_values,
    old_row_function,
)
from qsdb.schema.tables import TableSchema
from qsdb.values.kinds import IntKind, Stored
from qsdb.values.timestamps import ScheduleAt

__all__ = [
    "GROUPS_SHOWN_MAX",
    "Check",
    "EmptyCheck",
    "FillCheck",
    "IntervalCheck",
    "KeyCheck",
    "NumbersCheck",
    "counted",
]

GROUPS_SHOWN_MAX = 10


class Check(Protocol):
    """A question to the rows of a stored table."""

    def problem(self, rows: Collection[StoredRow]) -> str | None:
        """Say what forbids the change, or None."""
        ...  # pragma: no cover  a protocol


def counted(count: int, what: str = "row") -> str:
    """Give a number of things.

    >>> counted(1), counted(2000)
    ('1 row', '2,000 rows')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def _listed(shown: Iterator[str]) -> str:
    """Join texts, all that are not shown as a number."""
    texts = list(itertools.islice(shown, GROUPS_SHOWN_MAX))
    rest = sum(1 for _ in shown)
    return ", ".join(texts) + (f", and {rest:,} more" if rest else "")


@attrs.frozen
class EmptyCheck:
    """No rule does this to rows, so there must be none."""

    text: str
    """What cannot be done, and why: ``"table t, column n: …"``."""

    def problem(self, rows: Collection[StoredRow]) -> str | None:
        """Say how many rows there are, or None."""
        return f"{self.text}; the table has {counted(len(rows))}" if rows else None


@attrs.frozen(eq=False)
class KeyCheck:
    """No two rows may have the same values in some columns of the new table."""

    stored: TableSchema
    declared: BoundTable
    sources: Sequence[ColumnSource]
    columns: tuple[int, ...]
    """Of the key, in the new table; all columns where the rows are the key."""
    name: str
    """``"primary key"``, ``"unique key email"``; empty where rows are the key."""
    is_none_free: bool = False
    """Whether many rows may have None."""

    def problem(self, rows: Collection[StoredRow]) -> str | None:
        """Say which values several rows have, or None. Cost: O(rows)."""
        if not rows:
            return None
        values_of = compile_values(
            self.stored, self.declared, self.sources, self.columns
        )
        try:
            counts = Counter(map(values_of, rows))
        except Exception:  # noqa: BLE001  of a user: `FillCheck` tells of it
            return None
        if len(counts) == len(rows):
            return None
        groups = [
            (value, count)
            for value, count in counts.items()
            if count > 1 and not (self.is_none_free and None in value)
        ]
        if not groups:
            return None
        listed = _listed(
            f"{self._shown(value)} ({counted(count)})" for value, count in groups
        )
        place = f"table {self.declared.schema.name}"
        if not self.name:
            return f"{place}: rows would be equal, and are kept once only: {listed}"
        return f"{place}, {self.name}: rows have the same value: {listed}"

    def _shown(self, values: StoredRow) -> str:
        if not self.name:
            make = cast(Callable[[type, StoredRow], object], tuple.__new__)
            return brief(make(self.declared.row_class, values))
        key: Stored = values[0] if len(values) == 1 else values
        return brief(self.declared.users_key(self.columns, key))


@attrs.frozen(eq=False)
class FillCheck:
    """A user's function must give each row a value that the column takes."""

    stored: TableSchema
    declared: BoundTable
    sources: Sequence[ColumnSource]
    column: int

    def problem(self, rows: Collection[StoredRow]) -> str | None:
        """Say for which rows it does not, or None. Cost: O(rows) calls."""
        name = self.declared.schema.columns[self.column].name
        place = f"table {self.declared.schema.name}, column {name}: "
        faults = self._faults(rows, place)
        first = next(faults, None)
        if first is None:
            return None
        return place + _listed(itertools.chain([first], faults))

    def _faults(self, rows: Iterable[StoredRow], place: str) -> Iterator[str]:
        fill = compile_values(self.stored, self.declared, self.sources, [self.column])
        shown = old_row_function(self.stored)
        for row in rows:
            try:
                fill(row)
            except Exception as error:  # noqa: BLE001  a user may raise any
                text = f"{error}".removeprefix(place)
                yield f"{text} ({type(error).__name__}), for {brief(shown(row))}"


@attrs.frozen(eq=False)
class IntervalCheck:
    """Rows that are to be scheduled must say when: no interval is 0 or negative."""

    stored: TableSchema
    declared: BoundTable
    sources: Sequence[ColumnSource]
    column: int
    """Of the new table: the one that says when."""

    def problem(self, rows: Collection[StoredRow]) -> str | None:
        """Say which rows do not, or None. Cost: O(rows)."""
        name = self.declared.schema.columns[self.column].name
        values_of = compile_values(
            self.stored, self.declared, self.sources, [self.column]
        )
        try:
            whens = [ScheduleAt.from_stored(values_of(row)[0]) for row in rows]  # type: ignore[arg-type]
        except Exception:  # noqa: BLE001  of a user: `FillCheck` tells of it
            return None
        shown = old_row_function(self.stored)
        listed = _listed(
            brief(shown(row))
            for row, when in zip(rows, whens, strict=True)
            if not when.is_time and when.stored[1] <= 0
        )
        if not listed:
            return None
        place = f"table {self.declared.schema.name}, column {name}"
        return f"{place}: an interval of a schedule is longer than 0: {listed}"


@attrs.frozen
class NumbersCheck:
    """A new generated column must have room for a number for each row."""

    text: str
    """Which column."""
    kind: IntKind

    def problem(self, rows: Collection[StoredRow]) -> str | None:
        """Say how many rows there are, and how many numbers, or None."""
        if len(rows) <= self.kind.greatest:
            return None
        return (
            f"{self.text}: {self.kind.name} has numbers up to "
            f"{self.kind.greatest:,}, and there are {counted(len(rows))}"
        )
