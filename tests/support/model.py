"""The judge of the store: tables as lists of tuples, searched from end to end.

Slow, obvious, and of other stuff than `qsdb.store`, with which it shares no
code: no dict, no index, no pre-image. A row is a tuple of the values that a user
meant. A transaction works on a copy of everything, a savepoint is another copy,
and each commit's state is kept as it is for who reads at its offset.

The one clever thing is `compare`: the documented order of values, written
down as what is asked of two of them.
"""

import contextlib
import enum
import functools
import math
from collections.abc import Iterable, Sequence
from typing import Any

import qsdb
from tests.support.schemas import TableSpec

__all__ = ["LEFT_OUT", "Model", "ModelTable", "RefusedError", "compare", "same"]

Row = tuple[object, ...]
End = tuple[object, ...] | None
"""An end of a range: values for the first columns, or None where it is left out."""

LEFT_OUT: End = None


class RefusedError(Exception):
    """The operation is refused, with one of these errors.

    Attributes:
        errors: Classes, of which any is right.
        keys: For `UniqueError`: names of the columns of each key that is taken.
    """

    def __init__(
        self,
        errors: Iterable[type[Exception]],
        keys: Iterable[tuple[str, ...]] = (),
    ) -> None:
        self.errors = set(errors)
        self.keys = set(keys)
        super().__init__(self.errors, self.keys)


def compare(left: Any, right: Any) -> int:  # noqa: PLR0911  a table of kinds
    """Give a negative number, 0 or a positive one, by the documented order."""
    match left, right:
        case (None, _) | (_, None):
            return (left is None) - (right is None)
        case float(), float():
            return (math.isnan(left) - math.isnan(right)) or (
                (left > right) - (left < right)
            )
        case enum.Enum(), enum.Enum():
            members = list(type(left))
            return members.index(left) - members.index(right)
        case qsdb.Product(), qsdb.Product():
            ranks = getattr(left, "RANK", 0) - getattr(right, "RANK", 0)
            return ranks or compare(tuple(left), tuple(right))
        case tuple(), tuple():
            steps = [compare(*pair) for pair in zip(left, right, strict=False)]
            lengths = len(left) - len(right)
            return next((step for step in steps if step), lengths)
        case qsdb.ScheduleAt(), qsdb.ScheduleAt():
            return (left.is_time - right.is_time) or compare(left.value, right.value)
        case _:
            return int(left > right) - int(left < right)


def same(left: object, right: object) -> bool:
    """Whether values are equal: NaN equals NaN."""
    return compare(left, right) == 0


class ModelTable:
    """One table's rows, in no order, and what its sequences give next."""

    def __init__(self, spec: TableSpec) -> None:
        self.spec = spec
        self.rows: list[Row] = []
        self.next = [1 for _ in spec.columns]
        """For each column, also those that no sequence fills."""

    def copy(self) -> "ModelTable":
        """Give a copy that goes its own way."""
        other = ModelTable(self.spec)
        other.rows, other.next = self.rows[:], self.next[:]
        return other

    # Reading.

    def equal(self, columns: Sequence[int], values: Row) -> list[Row]:
        """Give the rows whose first `columns` equal `values`, in their order."""
        columns = columns[: len(values)]
        return [row for row in self.rows if same(pick(row, columns), values)]

    def get(self, key: Row) -> Row | None:
        """Give the row with a primary key."""
        return next(iter(self.equal(self.spec.primary_key, key)), None)

    def in_order(self, columns: Sequence[int], rows: Iterable[Row]) -> list[Row]:
        """Sort by columns, then by the primary key or else the whole row."""
        last = self.spec.primary_key or range(len(self.spec.columns))

        def step(left: Row, right: Row) -> int:
            by_columns = compare(pick(left, columns), pick(right, columns))
            return by_columns or compare(pick(left, last), pick(right, last))

        return sorted(rows, key=functools.cmp_to_key(step))

    def between(
        self, columns: Sequence[int], low: End, high: End, include: tuple[bool, bool]
    ) -> list[Row]:
        """Give the rows of a range, in order."""

        def is_in(row: Row) -> bool:
            if low is not None:
                step = compare(pick(row, columns[: len(low)]), low)
                if step < 0 or (step == 0 and not include[0]):
                    return False
            if high is not None:
                step = compare(pick(row, columns[: len(high)]), high)
                if step > 0 or (step == 0 and not include[1]):
                    return False
            return True

        return self.in_order(columns, [row for row in self.rows if is_in(row)])

    def holding(self, row: Row) -> list[Row]:
        """Give the row equal in all columns, in a list, or an empty list."""
        return [each for each in self.rows if same(each, row)]

    def holds(self, row: Row) -> bool:
        """Whether a row equal in all columns is there."""
        return bool(self.holding(row))

    # Writing.

    def insert(self, row: Row) -> Row:
        """Store a row with its sequences' numbers filled in."""
        return self._insert_given(self._filled(row))

    def _insert_given(self, row: Row) -> Row:
        if not self.holds(row):
            self._require_free(row, besides=None)
            self.rows.append(row)
            self._follow(row)
        return row

    def insert_many(self, rows: Iterable[Row]) -> int:
        """Insert all or none; whatever is wrong with any row may be told."""
        trial = self.copy()
        errors: set[type[Exception]] = set()
        keys: set[tuple[str, ...]] = set()
        for row in rows:
            try:
                trial.insert(row)
            except RefusedError as refused:
                errors |= refused.errors
                keys |= refused.keys
                trial._pass_over(row)
        if errors:
            raise RefusedError(errors, keys)
        count = len(trial.rows) - len(self.rows)
        self.rows, self.next = trial.rows, trial.next
        return count

    def update(self, row: Row) -> Row:
        """Replace the row with the same primary key."""
        old = self.get(pick(row, self.spec.primary_key))
        if old is None:
            raise RefusedError([qsdb.NotFoundError])
        return self._put_in_place_of(old, row)

    def upsert(self, row: Row) -> Row:
        """Update, or insert where there is nothing to update.

        0 in a generated key is no key, also where a row happens to have it.
        """
        old = self.get(pick(row, self.spec.primary_key))
        if self._key_left_out(row):
            old = None
        return self.insert(row) if old is None else self._put_in_place_of(old, row)

    def update_by(self, columns: Sequence[int], row: Row) -> Row:
        """Replace the row with the same values in unique columns.

        Where a generated key is left out, the row keeps its own; 0 in another
        generated column is stored as it is given.
        """
        if tuple(columns) == self.spec.primary_key:
            return self.update(row)
        values = pick(row, columns)
        found = [] if None in values else self.equal(columns, values)
        if not found:
            raise RefusedError([qsdb.NotFoundError])
        (old,) = found
        left_out = self._key_left_out(row)
        row = tuple([(old if n in left_out else row)[n] for n in range(len(row))])
        key = self.spec.primary_key
        if key and same(pick(old, key), pick(row, key)):
            return self._put_in_place_of(old, row)
        trial = self.copy()
        trial.rows.remove(old)
        trial._insert_given(row)
        self.rows, self.next = trial.rows, trial.next
        return row

    def delete_all(self, rows: Iterable[Row]) -> int:
        """Delete rows that are there."""
        gone = list(rows)
        self.rows = [row for row in self.rows if row not in gone]
        return len(gone)

    def _key_left_out(self, row: Row) -> list[int]:
        """Give the generated columns of the key that are 0."""
        return [
            place
            for place in self.spec.primary_key
            if self.spec.columns[place].is_generated and row[place] == 0
        ]

    def _put_in_place_of(self, old: Row, row: Row) -> Row:
        self._require_free(row, besides=old)
        self.rows[self.rows.index(old)] = row
        self._follow(row)
        return row

    def _require_free(self, row: Row, besides: Row | None) -> None:
        """Refuse a row one of whose keys another row has; None is free."""
        keys = [key for key in self.spec.unique_keys if None not in pick(row, key)]
        if self.spec.primary_key:
            keys.append(self.spec.primary_key)
        taken = [
            self.spec.names(key)
            for key in keys
            for other in self.rows
            if other is not besides and same(pick(other, key), pick(row, key))
        ]
        if taken:
            raise RefusedError([qsdb.UniqueError], taken)

    def _filled(self, row: Row) -> Row:
        """Put the next number where a generated column is 0."""
        values = list(row)
        for place, column in enumerate(self.spec.columns):
            if column.is_generated and values[place] == 0:
                if self.next[place] > column.domain.greatest:
                    raise RefusedError([qsdb.LimitError])
                values[place] = self.next[place]
        return tuple(values)

    def _follow(self, row: Row) -> None:
        """Move sequences on to what a row holds."""
        for place, column in enumerate(self.spec.columns):
            value = row[place]
            if column.is_generated:
                assert isinstance(value, int)
                self.next[place] = max(self.next[place], value + 1)

    def _pass_over(self, row: Row) -> None:
        """Do with sequences what a row does that is refused for another reason."""
        with contextlib.suppress(RefusedError):
            self._follow(self._filled(row))


def pick(row: Row, columns: Iterable[int]) -> Row:
    """Give some values of a row."""
    return tuple([row[place] for place in columns])


class Model:
    """The tables, all their committed states, and the transaction that is open."""

    def __init__(self, specs: Iterable[TableSpec]) -> None:
        self.tables = [ModelTable(spec) for spec in specs]
        self.commits = [[], [table.copy() for table in self.tables]]
        """Offset → the tables at it. Creation is 1."""
        self.savepoints: list[list[ModelTable]] = []
        self.is_open = False

    @property
    def offset(self) -> int:
        """The number of the last commit."""
        return len(self.commits) - 1

    def begin(self) -> None:
        """Begin a transaction."""
        self.is_open = True

    def commit(self) -> None:
        """Keep what was done; without net change it is as if nothing had been."""
        if self._has_changed():
            self.commits.append([table.copy() for table in self.tables])
            self._end()
        else:
            self.rollback()

    def _has_changed(self) -> bool:
        pairs = zip(self.tables, self.commits[-1], strict=True)
        return any(
            len(now.rows) != len(old.rows)
            or not all(old.holds(row) for row in now.rows)
            for now, old in pairs
        )

    def rollback(self) -> None:
        """Forget what was done."""
        self.tables = [table.copy() for table in self.commits[-1]]
        self._end()

    def _end(self) -> None:
        self.is_open = False
        self.savepoints.clear()

    def enter_savepoint(self) -> None:
        """Remember how things are."""
        self.savepoints.append([table.copy() for table in self.tables])

    def leave_savepoint(self, *, undo: bool) -> None:
        """End the innermost savepoint."""
        before = self.savepoints.pop()
        if undo:
            self.tables = before
