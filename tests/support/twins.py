"""A database and its model side by side: each operation is done to both.

`Twins` compares what comes out: the same result, or the same error and nothing
changed. Operations take rows and keys as lists of small numbers, of which each
stands for a value of the column's domain, so that scripts can be written down
and drawn at random alike. Numbers too many are not looked at. With `like` the
values of a row that is there take their place, but for the columns that the
operation is to change.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

import qsdb
from qsdb.runtime.blocks import WriteBlock
from qsdb.store.reads import ReadTransaction
from tests.support.model import Model, ModelTable, RefusedError, pick
from tests.support.schemas import Accessor, TableSpec, build

__all__ = ["Numbers", "OpenRead", "Twins"]

Numbers = Sequence[int]
Values = tuple[object, ...]
Like = int | None
"""Which of the table's rows to take values from."""


class UndoneError(Exception):
    """What the tests raise to roll back."""


@attrs.frozen
class OpenRead:
    """A read transaction, and the tables as they were at its offset."""

    transaction: ReadTransaction
    tables: list[ModelTable]


class Twins:
    """A database, the model that judges it, and the read transactions open."""

    def __init__(self, specs: Sequence[TableSpec]) -> None:
        self.specs = specs
        self.module, self.classes = build(specs)
        self.database = qsdb.Database(self.module, seed=0)
        self.model = Model(specs)
        self.reads: list[OpenRead] = []
        self._block: WriteBlock | None = None
        self._transaction: Any = None
        self._savepoints: list[Any] = []

    @property
    def is_writing(self) -> bool:
        """Whether a write transaction is open."""
        return self.model.is_open

    @property
    def depth(self) -> int:
        """How many savepoints are open."""
        return len(self._savepoints)

    # Transactions.

    def begin(self) -> None:
        """Begin a write transaction, unless one is open."""
        if not self.model.is_open:
            self._block = self.database.write()
            self._transaction = self._block.__enter__()
            self.model.begin()

    def commit(self) -> None:
        """Leave all savepoints and commit."""
        while self._savepoints:
            self.leave_savepoint(undo=False)
        self._leave(None)
        self.model.commit()
        self._check_between()

    def rollback(self) -> None:
        """Have an exception leave all savepoints and the transaction."""
        while self._savepoints:
            self.leave_savepoint(undo=True)
        self._leave(UndoneError())
        self.model.rollback()
        self._check_between()

    def _leave(self, error: Exception | None) -> None:
        assert self._block is not None
        self._block.__exit__(None if error is None else UndoneError, error, None)
        self._block = self._transaction = None

    def enter_savepoint(self) -> None:
        """Enter a savepoint inside those that are open."""
        self.begin()
        savepoint = self._transaction.savepoint()
        savepoint.__enter__()
        self._savepoints.append(savepoint)
        self.model.enter_savepoint()

    def leave_savepoint(self, *, undo: bool) -> None:
        """Leave the innermost savepoint."""
        if self._savepoints:
            error = UndoneError() if undo else None
            self._savepoints.pop().__exit__(type(error) if error else None, error, None)
            self.model.leave_savepoint(undo=undo)

    def open_read(self) -> None:
        """Open a read transaction at the last commit."""
        transaction = self.database.read()

        assert transaction.offset == self.model.offset

        tables = self.model.commits[self.model.offset]
        self.reads.append(OpenRead(transaction, tables))

    def close_read(self, number: int) -> None:
        """Compare all that a read transaction sees, and close it."""
        if self.reads:
            read = self.reads.pop(number % len(self.reads))
            self.check_read(read)
            read.transaction.close()

    def open_or_close_read(self, number: int) -> None:
        """Close the read transaction of this number, or open one more."""
        if number < len(self.reads):
            self.close_read(number)
        else:
            self.open_read()

    def end(self) -> None:
        """Roll back what is open and close all reads, the newest first."""
        if self.model.is_open:
            self.rollback()
        while self.reads:
            self.close_read(-1)
        self._check_between()

    # Writing.

    def insert(self, table: int, row: Numbers) -> None:
        given, meant = self._row(table, row)
        self._both(
            lambda: tuple(self._handle(table).insert(given)),
            lambda: self._model(table).insert(meant),
        )

    def insert_and_delete(self, table: int, row: Numbers) -> None:
        """Insert a row and take it out again, if it was not there."""
        rows = self._model(table).rows[:]
        self.insert(table, row)
        if len(self._model(table).rows) > len(rows):
            self.delete(table, row, like=len(rows))

    def insert_many(self, table: int, rows: Sequence[Numbers]) -> None:
        pairs = [self._row(table, row) for row in rows]
        self._both(
            lambda: self._handle(table).insert_many([given for given, _ in pairs]),
            lambda: self._model(table).insert_many([meant for _, meant in pairs]),
            names_keys=False,
        )

    def update(self, table: int, row: Numbers, like: Like = None) -> None:
        keep = self._spec(table).primary_key
        given, meant = self._row(table, row, like, keep)
        if keep:
            self._both(
                lambda: tuple(self._handle(table).update(given)),
                lambda: self._model(table).update(meant),
            )

    def upsert(self, table: int, row: Numbers, like: Like = None) -> None:
        keep = self._spec(table).primary_key
        given, meant = self._row(table, row, like, keep)
        if keep:
            self._both(
                lambda: tuple(self._handle(table).upsert(given)),
                lambda: self._model(table).upsert(meant),
            )

    def update_by(
        self, table: int, accessor: int, row: Numbers, like: Like = None
    ) -> None:
        unique = [each for each in self._spec(table).accessors if each.is_unique]
        if unique:
            by = unique[accessor % len(unique)]
            given, meant = self._row(table, row, like, by.columns)
            self._both(
                lambda: tuple(self._handle(table).index(by.name).update(given)),
                lambda: self._model(table).update_by(by.columns, meant),
                names_keys=False,
            )

    def delete(self, table: int, row: Numbers, like: Like = None) -> None:
        given, meant = self._row(table, row, like)
        self._both(
            lambda: self._handle(table).delete(given),
            lambda: bool(self._delete(table, lambda each: each.holding(meant))),
        )

    def delete_by_key(self, table: int, key: Numbers, like: Like = None) -> None:
        columns = self._spec(table).primary_key
        given, meant = self._values(table, columns, key, like)
        if columns:
            self._both(
                lambda: self._handle(table).delete_by_key(*given),
                lambda: bool(self._delete(table, lambda t: t.equal(columns, meant))),
            )

    def delete_by(
        self, table: int, accessor: int, key: Numbers, like: Like = None
    ) -> None:
        by = self._accessor(table, accessor)
        if by is not None:
            given, meant = self._prefix(table, by, key, like)
            is_key = by.is_unique and len(meant) == len(by.columns)
            if is_key and _is_free(self._spec(table), by, meant):
                refuses(
                    lambda: self._handle(table).index(by.name).delete(*given),
                    qsdb.UsageError,
                )
                return
            kind = bool if is_key else int
            self._both(
                lambda: self._handle(table).index(by.name).delete(*given),
                lambda: kind(self._delete(table, lambda t: t.equal(by.columns, meant))),
            )

    def clear(self, table: int) -> None:
        self._both(
            lambda: self._handle(table).clear(),
            lambda: self._delete(table, lambda each: each.rows),
        )

    def write_wrongly(self, table: int, row: Numbers, place: int) -> None:
        """Give a value of a wrong kind to every operation that takes a row."""
        spec = self._spec(table)
        place %= len(spec.columns)
        good, _ = self._row(table, row)
        # A sequence at its end may be told of first.
        safe = {each.name: 1 for each in spec.columns if each.is_generated}
        good = good.replace(**safe)
        bad = good.replace(
            **{spec.columns[place].name: spec.columns[place].domain.wrong}
        )
        handle = self._handle(table)
        refuses(lambda: handle.insert(bad), qsdb.KindError)
        refuses(lambda: handle.insert_many([good, bad]), qsdb.KindError)
        refuses(lambda: handle.delete(bad), qsdb.KindError)
        if spec.primary_key:
            refuses(lambda: handle.update(bad), qsdb.KindError)
            refuses(lambda: handle.upsert(bad), qsdb.KindError)

    def _delete(self, table: int, chosen: Callable[[ModelTable], list[Values]]) -> int:
        model = self._model(table)
        return model.delete_all(chosen(model))

    # Reading.

    def look_up(
        self, table: int, accessor: int, key: Numbers, like: Like = None
    ) -> None:
        """Compare what an index says of one key, in all transactions."""
        by = self._accessor(table, accessor)
        given, row = self._row(table, key, like)
        for handle, model in self._views(table):
            assert (given in handle) == model.holds(row)
            if by is not None:
                key_pair = self._values(table, by.columns, key, like)
                _look_up_key(handle, model, by, key_pair)
                prefix_pair = self._prefix(table, by, key, like)
                _look_up_prefix(handle, model, by, prefix_pair)

    def look_between(
        self,
        table: int,
        accessor: int,
        low: Numbers,
        high: Numbers,
        include: tuple[bool, bool],
        *,
        reverse: bool,
    ) -> None:
        """Compare a range, in all transactions; an end without numbers is open."""
        by = self._accessor(table, accessor)
        if by is None:
            return
        given_low, meant_low = self._values(table, by.columns, low)
        given_high, meant_high = self._values(table, by.columns, high)
        ends: dict[str, object] = {}
        if low:
            ends["lo"] = given_low if len(by.columns) > 1 else given_low[0]
        if high:
            ends["hi"] = given_high if len(by.columns) > 1 else given_high[0]
        for handle, model in self._views(table):
            index = handle.index(by.name)
            if by.algorithm != "btree":
                refuses(lambda: index.range(**ends), qsdb.UsageError)  # noqa: B023
                continue
            found = index.range(**ends, include=include, reverse=reverse)
            wanted = model.between(
                by.columns,
                meant_low if low else None,
                meant_high if high else None,
                include,
            )
            wanted = wanted[:: -1 if reverse else 1]
            assert [tuple(row) for row in found] == wanted
            for limit in {0, 1, len(wanted) // 2, len(wanted) + 1}:
                found = index.range(
                    **ends, include=include, reverse=reverse, limit=limit
                )
                assert [tuple(row) for row in found] == wanted[:limit]

    # Comparing whole states.

    def check(self) -> None:
        """Compare all that any open transaction sees."""
        if self._transaction is not None:
            for spec, model in zip(self.specs, self.model.tables, strict=True):
                check_table(self._transaction.table(spec.name), model)
        for read in self.reads:
            self.check_read(read)

    def check_written(self, table: int) -> None:
        """Compare what the write transaction sees of one table."""
        if self._transaction is not None:
            check_table(self._handle(table), self._model(table))

    def check_read(self, read: OpenRead) -> None:
        """Compare all that a read transaction sees."""
        for model in read.tables:
            check_table(read.transaction.table(model.spec.name), model)

    def _check_between(self) -> None:
        """Compare what can be seen when no transaction is open."""
        self.database.check()
        stats = self.database.stats()
        assert self.database.offset == self.model.offset
        assert stats.pins == len({read.transaction.offset for read in self.reads})
        if not self.reads:
            assert stats.undo_rows == 0
        counts = {each.spec.name: len(each.rows) for each in self.model.tables}
        assert stats.rows == counts
        with self.database.read() as transaction:
            for model in self.model.tables:
                check_table(transaction.table(model.spec.name), model)
                rows = [tuple(row) for row in transaction.table(model.spec.name)]
                assert set(map(repr, rows)) == set(map(repr, model.rows))

    # The plumbing.

    def _spec(self, table: int) -> TableSpec:
        return self.specs[table % len(self.specs)]

    def _model(self, table: int) -> ModelTable:
        return self.model.tables[table % len(self.specs)]

    def _handle(self, table: int) -> Any:
        self.begin()
        return self._transaction.table(self._spec(table).name)

    def _accessor(self, table: int, number: int) -> Accessor | None:
        accessors = self._spec(table).accessors
        return accessors[number % len(accessors)] if accessors else None

    def _views(self, table: int) -> Iterator[tuple[Any, ModelTable]]:
        """Yield the table in each open transaction, beside its model."""
        name = self._spec(table).name
        if self._transaction is not None:
            yield self._transaction.table(name), self._model(table)
        for read in self.reads:
            yield read.transaction.table(name), read.tables[table % len(self.specs)]

    def _values(
        self,
        table: int,
        columns: Sequence[int],
        numbers: Numbers,
        like: Like = None,
    ) -> tuple[Values, Values]:
        """Give the values that numbers stand for: as given, and as meant."""
        spec, rows = self._spec(table), self._model(table).rows
        if like is not None and rows:
            values = pick(rows[like % len(rows)], columns)
            return values, values
        pairs = [
            spec.columns[place].domain.pair(number)
            for place, number in zip(columns, numbers, strict=False)
        ]
        given, meant = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        return tuple(given), tuple(meant)

    def _prefix(
        self, table: int, by: Accessor, numbers: Numbers, like: Like
    ) -> tuple[Values, Values]:
        """Give values for `filter`: a prefix where the index can do with one."""
        given, meant = self._values(table, by.columns, numbers, like)
        if by.algorithm == "btree":
            count = 1 + numbers[-1] % len(by.columns)
            return given[:count], meant[:count]
        return given, meant

    def _row(
        self,
        table: int,
        numbers: Numbers,
        like: Like = None,
        keep: Sequence[int] | None = None,
    ) -> tuple[Any, Values]:
        """Give a row of the table's class, and what it means."""
        spec, rows = self._spec(table), self._model(table).rows
        places = range(len(spec.columns))
        given, meant = map(list, self._values(table, places, numbers))
        if like is not None and rows:
            old = rows[like % len(rows)]
            for place in places if keep is None else keep:
                given[place] = meant[place] = old[place]
        columns = zip(spec.columns, given, strict=True)
        row = self.classes[spec.name](**{each.name: value for each, value in columns})
        return row, tuple(meant)

    def _both(
        self,
        real: Callable[[], object],
        judge: Callable[[], object],
        *,
        names_keys: bool = True,
    ) -> None:
        """Do it to both, and compare results or errors."""
        self.begin()
        try:
            wanted = judge()
        except RefusedError as refused:
            error = refuses(real, *refused.errors)
            if isinstance(error, qsdb.UniqueError) and names_keys:
                assert error.columns in refused.keys
        else:
            found = real()
            assert type(found) is type(wanted)
            assert found == wanted, f"{found!r} came out, {wanted!r} is right"


def check_table(handle: Any, model: ModelTable) -> None:
    """Compare a table's rows, their number, and the order of each btree."""
    assert len(handle) == len(model.rows)
    assert Counter(map(tuple, handle)) == Counter(model.rows)
    for by in model.spec.accessors:
        if by.algorithm == "btree":
            found = [tuple(row) for row in handle.index(by.name).range()]
            assert found == model.in_order(by.columns, model.rows)
        elif by.algorithm == "hash":
            values = {pick(row, by.columns) for row in model.rows}
            found = [
                row for each in values for row in handle.index(by.name).filter(*each)
            ]
            assert Counter(map(tuple, found)) == Counter(model.rows)
        else:
            keys = [pick(row, by.columns) for row in model.rows]
            keys = [each for each in keys if not _is_free(model.spec, by, each)]
            assert None not in [handle.index(by.name).find(*key) for key in keys]


Pair = tuple[Values, Values]
"""Values as given, and as meant."""


def _look_up_key(handle: Any, model: ModelTable, by: Accessor, key: Pair) -> None:
    """Compare what is found under values for all columns of an index."""
    given, meant = key
    index = handle.index(by.name)
    if by.is_unique and not _is_free(model.spec, by, meant):
        found = index.find(*given)
        assert _one(found) == model.equal(by.columns, meant)
    else:
        refuses(lambda: index.find(*given), qsdb.UsageError)
    if by.columns == model.spec.primary_key:
        assert _one(handle.get(*given)) == model.equal(by.columns, meant)


def _look_up_prefix(handle: Any, model: ModelTable, by: Accessor, prefix: Pair) -> None:
    """Compare what is found under values for the first columns of an index."""
    given, meant = prefix
    index = handle.index(by.name)
    if by.algorithm == "unique" and _is_free(model.spec, by, meant):
        refuses(lambda: index.filter(*given), qsdb.UsageError)
        refuses(lambda: index.count(*given), qsdb.UsageError)
        return
    wanted = model.equal(by.columns, meant)
    rows = [tuple(row) for row in index.filter(*given)]
    if by.algorithm == "btree":
        assert rows == model.in_order(by.columns, wanted)
    else:
        assert Counter(rows) == Counter(wanted)
    assert index.count(*given) == len(wanted)


def _one(row: Any) -> list[Values]:
    return [] if row is None else [tuple(row)]


def refuses(real: Callable[[], object], *errors: type[Exception]) -> Exception:
    """Have an operation raise one of `errors`, and give it."""
    try:
        result = real()
    except errors as error:
        assert type(error) in errors
        return error
    raise AssertionError(f"{result!r} came out, {errors} should be raised")


def _is_free(spec: TableSpec, by: Accessor, values: Values) -> bool:
    """Whether many rows may have these values of a key."""
    return by.columns != spec.primary_key and None in values
