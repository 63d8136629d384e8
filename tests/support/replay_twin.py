"""The slow, obvious twin of transactions beside each other: copy all, run all again.

When a transaction begins, its twin copies every row of the last commit. What the
transaction does, the twin does to its copy. When it commits, the twin takes the rows of
the last commit *now*, does everything again on those, one operation after the other,
and compares what each gives. If all give the same, the transaction is as good as run
now; if not, it has to be refused.

The twin knows no keys, ranges, notes or offsets. It is not told what a transaction
builds on, so it cannot say that one is refused for nothing, but where nothing at all
has changed.
"""

from collections.abc import Callable, Sequence
from typing import Any

import qsdb
from tests.support.model import Model, ModelTable, RefusedError
from tests.support.schemas import TableSpec
from tests.support.twins import Numbers, Twins, check_table

__all__ = ["Beside", "TwinTables"]

Judge = Callable[[], object]


class TwinTables:
    """A database and the rows of its last commit, as its twin has them."""

    def __init__(self, specs: Sequence[TableSpec]) -> None:
        self.opener = Twins(specs)
        self.database = self.opener.database
        self.specs = self.opener.specs
        self.rows: list[ModelTable] = [each.copy() for each in self.opener.model.tables]

    def begin(self, *, is_serial: bool = False) -> "Beside":
        """Begin a transaction, and its twin."""
        return Beside(self, is_serial=is_serial)

    def check(self) -> None:
        """Compare what is committed."""
        self.database.check()
        with self.database.read() as reading:
            for table in self.rows:
                check_table(reading.table(table.spec.name), table)


class Beside(Twins):
    """One transaction and its twin."""

    def __init__(self, tables: TwinTables, *, is_serial: bool) -> None:
        """Begin; a serial one is to end before anything else is done."""
        self.of = tables
        self.specs, self.classes = tables.specs, tables.opener.classes
        self.database = tables.database
        self.model = Model(self.specs)
        self.model.tables = self.began = [each.copy() for each in tables.rows]
        self.model.tables = [each.copy() for each in tables.rows]
        self.model.begin()
        self.reads, self._savepoints = [], []
        self.log: list[tuple[Judge, object]] = []
        self._serial = self.database.write() if is_serial else None
        self._transaction: Any = (
            self.database.optimistic() if self._serial is None else self._serial
        )
        if self._serial is not None:
            self._transaction = self._serial.__enter__()

    # Reading.

    def read_all(self, table: int) -> None:
        self._both(
            lambda: sorted(map(repr, map(tuple, self._handle(table)))),
            lambda: sorted(map(repr, self._model(table).rows)),
        )

    def read_count(self, table: int) -> None:
        self._both(
            lambda: len(self._handle(table)), lambda: len(self._model(table).rows)
        )

    def read_key(self, table: int, key: Numbers, like: int | None) -> None:
        columns = self._spec(table).primary_key
        given, meant = self._values(table, columns, key, like)
        if columns:
            self._both(
                lambda: repr(_as_tuple(self._handle(table).get(*given))),
                lambda: repr(self._model(table).get(meant)),
            )

    def read_equal(
        self, table: int, accessor: int, key: Numbers, like: int | None
    ) -> None:
        by = self._accessor(table, accessor)
        if by is None:
            return
        given, meant = self._prefix(table, by, key, like)
        if by.algorithm == "unique" and None in meant:
            return  # which is refused, and tried elsewhere
        self._both(
            lambda: sorted(
                map(repr, map(tuple, self._handle(table).index(by.name).filter(*given)))
            ),
            lambda: sorted(map(repr, self._model(table).equal(by.columns, meant))),
        )

    def read_between(
        self,
        table: int,
        accessor: int,
        low: Numbers,
        high: Numbers,
        include: tuple[bool, bool],
    ) -> None:
        by = self._accessor(table, accessor)
        if by is None or by.algorithm != "btree" or not (low and high):
            return
        given_low, meant_low = self._values(table, by.columns, low)
        given_high, meant_high = self._values(table, by.columns, high)
        is_one = len(by.columns) == 1
        lo, hi = (given_low[0], given_high[0]) if is_one else (given_low, given_high)
        self._both(
            lambda: [
                repr(tuple(row))
                for row in self._handle(table).index(by.name).range(lo, hi, include)
            ],
            lambda: [
                repr(row)
                for row in self._model(table).between(
                    by.columns, meant_low, meant_high, include
                )
            ],
        )

    # How it ends.

    def leave(self, *, commits: bool) -> bool:
        """End it, and give whether it was refused."""
        while self._savepoints:
            self.leave_savepoint(undo=not commits)
        if self._serial is not None:
            self._serial.__exit__(None, None, None)
            self.of.rows = self.model.tables
            return False
        if not commits:
            for table in self.model.tables:
                check_table(self._transaction.table(table.spec.name), table)
            self._transaction.rollback()
            return False
        had_changed = self._has_changed_since()
        had_written = self._has_written()
        repeats = self._repeats()
        try:
            self._transaction.commit()
        except qsdb.ConflictError:
            assert had_changed, "refused, though nothing has changed since it began"
            return True
        if had_written:  # if not, it was right where it has read, and so it commits
            assert repeats, "committed, though it would do something else now"
            self.of.rows = self.model.tables
        return False

    def _has_changed_since(self) -> bool:
        pairs = zip(self.began, self.of.rows, strict=True)
        return any(not _are_same(old, now) for old, now in pairs)

    def _has_written(self) -> bool:
        pairs = zip(self.began, self.model.tables, strict=True)
        return any(not _are_same(old, new) for old, new in pairs)

    def _repeats(self) -> bool:
        """Do everything again on what is committed now; whether all is the same."""
        self.model.tables = [each.copy() for each in self.of.rows]
        return all(_outcome(judge) == outcome for judge, outcome in self.log)

    def begin(self) -> None:
        """Nothing: it has begun."""

    def enter_savepoint(self) -> None:
        super().enter_savepoint()
        self.log.append((self.model.enter_savepoint, ("given", None)))

    def leave_savepoint(self, *, undo: bool) -> None:
        if self._savepoints:
            super().leave_savepoint(undo=undo)
            self.log.append(
                (lambda: self.model.leave_savepoint(undo=undo), ("given", None))
            )

    def _both(self, real: Judge, judge: Judge, *, names_keys: bool = True) -> None:
        def noted() -> object:
            outcome = _outcome(judge)
            self.log.append((judge, outcome))
            result = outcome[1]
            if isinstance(result, RefusedError):
                raise result
            return result

        super()._both(real, noted, names_keys=names_keys)


def _outcome(judge: Judge) -> tuple[str, object]:
    """Give what comes of an operation, to be compared with what comes of it later."""
    try:
        return "given", judge()
    except RefusedError as refused:
        return "refused", _SameError(refused)


class _SameError(RefusedError):
    """A refusal that equals others alike."""

    def __init__(self, other: RefusedError) -> None:
        super().__init__(other.errors, other.keys)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _SameError) and self.errors == other.errors

    def __hash__(self) -> int:
        return hash(frozenset(self.errors))


def _are_same(left: ModelTable, right: ModelTable) -> bool:
    return len(left.rows) == len(right.rows) and all(map(left.holds, right.rows))


def _as_tuple(row: Any) -> object:
    return None if row is None else tuple(row)
