"""`State`: all tables as dicts, made of snapshots and records, without a module.

What tables there are is told by the rows of the system tables, which are restored
like any. A table that a record or a snapshot names, and that is not known yet, has
been described by rows that came before; then the catalogue is read anew.

A module that is published changes that description. Where a record does, all tables of
users are laid aside, and those that the new catalogue still has are taken up again when
one of them is asked for, with the schema that they have now. A table whose rows have
another layout has another id, and all of its rows follow in the same record.

Cost: about 2 µs a row put.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

from qsdb.codec.bsatn import Reader
from qsdb.errors import CorruptionError, brief
from qsdb.files import Directory
from qsdb.log.manifests import manifest_name
from qsdb.log.records import RecordError, TableReader, replay
from qsdb.log.snapshots import read_snapshot, read_table
from qsdb.schema.catalogue_reading import module_of, reducers_of, schemas_of
from qsdb.schema.system import CATALOGUE_IDS, USER_IDS_FIRST, system_tables
from qsdb.schema.tables import TableSchema
from qsdb.store.indexes import UniqueIndex
from qsdb.store.orders import StoredRow, compile_key, value_function
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import MismatchError

__all__ = ["State", "TableState", "read_snapshot_state", "row_kind", "table_reader"]


@functools.lru_cache(maxsize=512)
def row_kind(schema: TableSchema) -> ProductKind:
    """Give the kind of a table's rows.

    It has the table's name in the place of the class's, which nothing stored
    depends on.
    """
    fields = [Field(column.name, column.kind) for column in schema.columns]
    return ProductKind(schema.name, tuple(fields))


@functools.lru_cache(maxsize=512)
def table_reader(table_id: int, schema: TableSchema) -> TableReader:
    """Give what reads the rows of a table; made once for each schema."""
    return TableReader(table_id, row_kind(schema), schema.primary_key)


@functools.lru_cache(maxsize=512)
def _row_key(schema: TableSchema) -> Callable[[StoredRow], object]:
    return compile_key(schema)


class TableState:
    """One table: its rows by key, and where its sequences are."""

    __slots__ = ("key_of", "kind", "reader", "rows", "schema", "sequences")

    def __init__(self, table_id: int, schema: TableSchema) -> None:
        """Begin empty."""
        self.schema = schema
        self.kind = row_kind(schema)
        self.reader = table_reader(table_id, schema)
        self.key_of: Callable[[StoredRow], object] = _row_key(schema)
        self.rows: dict[object, StoredRow] = {}
        self.sequences = [1 for column in schema.columns if column.auto_inc]

    def put(self, data: bytes, at: int, count: int) -> int:
        """Take rows that begin at a place, and give the place after them."""
        read: Reader = self.reader.read_row
        rows, key_of = self.rows, self.key_of
        if self.schema.is_event:  # they were told, and are not kept
            rows = {}
        for _ in range(count):
            row, at = read(data, at)
            rows[key_of(row)] = row  # type: ignore[arg-type, assignment]
        return at

    def remove(self, data: bytes, at: int, count: int) -> int:
        """Drop the rows of keys that begin at a place; give the place after them.

        Raises:
            RecordError: there is no such row.
        """
        read, rows = self.reader.read_key, self.rows
        for _ in range(count):
            key, at = read(data, at)
            if rows.pop(key, None) is None:
                raise RecordError(f"table {self.schema.name} has no row {key!r}")
        return at

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each broken rule that the engine relies on."""
        name, broken = f"table {self.schema.name}", False
        for key, row in self.rows.items():
            problem = self._problem_of_row(key, row)
            if problem is not None:
                broken = True
                yield f"{name}: {problem}"
        if not broken:  # values that are none may not even have a hash
            yield from [f"{name}: {each}" for each in self._problems_of_keys()]
        generated = sum([column.auto_inc for column in self.schema.columns])
        if len(self.sequences) != generated:
            count = len(self.sequences)
            yield f"{name}: {count} sequences, {generated} columns are generated"

    def _problem_of_row(self, key: object, row: StoredRow) -> str | None:
        try:
            # By their texts, since 1 == 1.0 == True.
            is_canonical = repr(self.kind.canonical(row)) == repr(row)
        except MismatchError as mismatch:
            return f"{brief(mismatch.value)} is not {mismatch.admitted}"
        if not is_canonical:
            return f"{brief(row)} is not in canonical form"
        if (self.key_of(row),) != (key,):  # in a tuple, where NaN equals itself
            return f"{brief(row)} stands under the key {brief(key)}"
        return None

    def _problems_of_keys(self) -> Iterator[str]:
        for schema in self.schema.indexes:
            if schema.algorithm != "unique":
                continue
            value_of = value_function(self.schema, schema.columns)
            index = UniqueIndex(self.key_of, value_of, len(schema.columns))
            for row in self.rows.values():
                if index.is_taken(row):
                    value = brief(value_of(row))
                    yield f"two rows have {value} in the unique key {schema.accessor}"
                index.add(row)


class _CatalogueTable(TableState):
    """A table whose rows describe the others."""

    __slots__ = ("_tables",)

    def __init__(self, table_id: int, schema: TableSchema, tables: "_Tables") -> None:
        super().__init__(table_id, schema)
        self._tables = tables

    def put(self, data: bytes, at: int, count: int) -> int:
        self._tables.lay_aside()
        return super().put(data, at, count)

    def remove(self, data: bytes, at: int, count: int) -> int:
        self._tables.lay_aside()
        return super().remove(data, at, count)


class _Tables(dict[int, TableState]):
    """Tables by id; one that is missed is looked for in the catalogue.

    Attributes:
        aside: Those that were there before the catalogue changed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.aside: dict[int, TableState] = {}
        for table_id, bound in system_tables():
            if table_id in CATALOGUE_IDS:
                made: TableState = _CatalogueTable(table_id, bound.schema, self)
            else:
                made = TableState(table_id, bound.schema)
            self[table_id] = made

    def lay_aside(self) -> None:
        """Have all tables of users looked up in the catalogue again."""
        for table_id in [each for each in self if each >= USER_IDS_FIRST]:
            self.aside[table_id] = self.pop(table_id)

    def __missing__(self, table_id: int) -> TableState:
        self._look_up()
        if table_id not in self:
            raise RecordError(f"there is no table with the id {table_id}")
        return self[table_id]

    def _look_up(self) -> None:
        schemas = self.schemas()
        aside, self.aside = self.aside, {}
        for found_id, schema in schemas.items():
            if found_id not in self:
                found = self[found_id] = TableState(found_id, schema)
                before = aside.get(found_id)
                if before is not None:
                    found.rows, found.sequences = before.rows, before.sequences

    def settle(self) -> None:
        """End a commit that changed the catalogue: a table that is gone leaves nothing.

        Its id may be another table's in the next one. A catalogue that is none is for
        whoever asks for its tables.
        """
        with contextlib.suppress(ValueError):
            self._look_up()

    def system_rows(self) -> Mapping[int, tuple[StoredRow, ...]]:
        return {
            table_id: tuple(table.rows.values())
            for table_id, table in self.items()
            if table_id < USER_IDS_FIRST
        }

    def schemas(self) -> Mapping[int, TableSchema]:
        return _schemas_of(tuple(self.system_rows().items()))


@functools.lru_cache(maxsize=16)
def _schemas_of(
    rows: tuple[tuple[int, tuple[StoredRow, ...]], ...],
) -> Mapping[int, TableSchema]:
    """Read a catalogue, whose values are of the right classes since they were decoded.

    It is the same at each opening of a database, and reading it takes a millisecond.
    """
    return MappingProxyType(schemas_of(dict(rows)))


class State:
    """What a database holds at one offset.

    Attributes:
        tables: Id → table, those of users and of the system.
        offset: The last commit that is in it.
        microseconds: The time of that commit.
    """

    def __init__(self) -> None:
        """Begin with empty system tables, at offset 0."""
        self._tables = _Tables()
        self.offset = 0
        self.microseconds = 0

    @property
    def tables(self) -> Mapping[int, TableState]:
        """Id → table, those of users and of the system.

        Raises:
            ValueError: the rows of the system tables are no catalogue.
        """
        if self._tables.aside:
            self.schemas()
        return self._tables

    def table(self, table_id: int) -> TableState:
        """Give a table, also one that the catalogue describes since a moment.

        Raises:
            RecordError: there is none.
            ValueError: the rows of the system tables are no catalogue.
        """
        return self._tables[table_id]

    def apply(self, record: bytes) -> None:
        """Do what the next commit did.

        Raises:
            RecordError: the record does not fit; the state is then of no use.
        """
        self.microseconds = replay(record, self._tables)
        if self._tables.aside:
            self._tables.settle()
        self.offset += 1

    def catalogue(self) -> Mapping[int, tuple[StoredRow, ...]]:
        """Give the rows of the system tables."""
        return self._tables.system_rows()

    def schemas(self) -> Mapping[int, TableSchema]:
        """Give the id → the schema of each table of users.

        Raises:
            ValueError: the rows of the system tables are no catalogue.
        """
        found = self._tables.schemas()
        for table_id in found:
            self.table(table_id)
        return found

    def described(self) -> dict[int, TableState]:
        """Give the id → table of the system's and users' tables, ascending.

        Raises:
            ValueError: the rows of the system tables are no catalogue.
        """
        numbers = [*[number for number, _ in system_tables()], *self.schemas()]
        return {number: self._tables[number] for number in sorted(numbers)}

    def problems(self) -> Iterator[str]:
        """Yield a sentence for each broken rule that the engine relies on.

        Cost: some microseconds a row.
        """
        try:
            tables = self.described()
            module_of(self.catalogue())
            reducers_of(self.catalogue())
        except ValueError as error:
            yield f"the catalogue: {error}"
            return
        for table in tables.values():
            yield from table.problems()


def read_snapshot_state(directory: Directory, offset: int, database: bytes) -> State:
    """Give what a snapshot holds.

    Args:
        directory: Of the database.
        offset: Of the snapshot.
        database: Id of the database that it must be of.

    Raises:
        CorruptionError: it cannot be read.
        FormatVersionError: a newer qsdb wrote it.
        OSError: the system refuses.

    Cost: 1 to 2 µs a row.
    """
    snapshot = read_snapshot(directory, offset, database=database)
    path = directory.describe(manifest_name(offset))
    state = State()
    state.offset, state.microseconds = offset, snapshot.microseconds
    for table in sorted(snapshot.tables, key=lambda each: each.table_id):
        try:
            found = state.table(table.table_id)
        except ValueError as error:  # also what a catalogue is not
            raise CorruptionError(path, 0, f"{error}") from None
        if len(table.sequences) != len(found.sequences):
            name, count = found.schema.name, len(found.sequences)
            fault = f"table {name} has {len(table.sequences)} sequences, not {count}"
            raise CorruptionError(path, 0, fault)
        found.sequences[:] = table.sequences
        rows, key_of = found.rows, found.key_of
        for chunk in read_table(directory, table, found.kind):
            rows.update(zip(map(key_of, chunk), chunk, strict=True))
    return state
