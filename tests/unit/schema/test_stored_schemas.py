"""What a catalogue says of a module, its hash, and when two of them are the same."""

from typing import Any

import attrs
import pytest
from hypothesis import given

import qsdb
from qsdb import BTree, Identity, Timestamp, u8, u64
from qsdb.schema.catalogue import catalogue_rows
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.schedules import Schedule
from qsdb.schema.schema_hashes import are_same, schema_hash
from qsdb.schema.specifiers import MISSING
from qsdb.schema.stored_schemas import StoredSchema, schema_of_module, stored_schema
from qsdb.schema.tables import ColumnSchema, IndexSchema, TableSchema
from qsdb.values import kinds as k
from tests.support.schemas import TableSpec, build, module_specs


def written_and_read(module: ModuleSchema) -> StoredSchema:
    rows = catalogue_rows(
        module,
        database_identity=Identity.ZERO,
        owner_identity=Identity.ZERO,
        seed=1,
        created=Timestamp.EPOCH,
        version="1",
    )
    return stored_schema(rows)


def test_what_is_read_is_what_the_module_says() -> None:
    module = qsdb.Module("chat")

    class Message(qsdb.Row, module=module, public=True, indexes=[BTree("text", "id")]):
        id: u64 = qsdb.primary_key(auto_inc=True)
        text: str = "?"

    @module.reducer
    def send(_: qsdb.ReducerContext, text: str, more: list[u8]) -> None: ...

    @module.reducer(private=True)
    def sweep(_: qsdb.ReducerContext) -> None: ...

    read = written_and_read(module.compiled())
    assert read == schema_of_module(module.compiled())
    assert read.reducers == {
        "send": "(text: str, more: tuple[u8, ...])",
        "sweep": "private ()",
    }
    assert read.module == "chat"
    assert read.hash == module.schema_hash() == module.compiled().schema_hash


def test_rows_that_are_no_catalogue_are_refused() -> None:
    with pytest.raises(ValueError, match="st_module has 0 rows"):
        stored_schema({})


# Hashes.


POINT = TableSchema(
    "point",
    (
        ColumnSchema("id", "id", k.U64, auto_inc=True),
        ColumnSchema("x", "x", k.F64, default=k.NAN),
        ColumnSchema("at", "at", k.SCHEDULE_AT),
    ),
    (0,),
    (IndexSchema("x", (1,), "btree"), IndexSchema("x", (1,), "unique")),
)
OTHER = attrs.evolve(POINT, name="other")


def with_column(place: int, **changes: Any) -> TableSchema:
    columns = list(POINT.columns)
    columns[place] = attrs.evolve(columns[place], **changes)
    return attrs.evolve(POINT, columns=tuple(columns))


def test_the_hash_stays_what_it_is() -> None:
    assert schema_hash([POINT, OTHER]) == "58b4cb355280fa15"


def test_orders_of_tables_and_indexes_make_no_difference() -> None:
    turned = attrs.evolve(POINT, indexes=POINT.indexes[::-1])

    assert schema_hash([OTHER, turned]) == schema_hash([POINT, OTHER])
    assert are_same([OTHER, turned], [POINT, OTHER])


CHANGED = [
    OTHER,
    attrs.evolve(POINT, primary_key=()),
    attrs.evolve(POINT, indexes=POINT.indexes[:1]),
    attrs.evolve(POINT, is_public=True),
    attrs.evolve(POINT, is_event=True),
    attrs.evolve(POINT, schedule=Schedule("f", 2)),
    attrs.evolve(POINT, schedule=Schedule("f", 2, retry=1)),
    attrs.evolve(POINT, schedule=Schedule("f", 2, missed="all")),
    attrs.evolve(POINT, columns=POINT.columns[::-1]),
    with_column(0, name="n"),
    with_column(0, attribute="n"),
    with_column(0, auto_inc=False),
    with_column(0, kind=k.U32),
    with_column(1, default=MISSING),
    with_column(1, default=0.0),
    with_column(1, default=None),
]


def test_every_part_of_a_table_makes_a_difference() -> None:
    hashes = [schema_hash([each]) for each in [POINT, *CHANGED]]

    assert len(set(hashes)) == len(hashes)
    assert not any(are_same([POINT], [each]) for each in CHANGED)
    assert not are_same([POINT], [POINT, POINT])


@pytest.mark.slow
@given(module_specs(), module_specs())
def test_schemas_are_the_same_where_tables_and_indexes_are(
    one: tuple[TableSpec, ...], other: tuple[TableSpec, ...]
) -> None:
    before, after = (
        [bound.schema for bound in build(specs)[0].compiled().tables]
        for specs in (one, other)
    )

    expected = set(map(in_order, before)) == set(map(in_order, after))
    assert are_same(before, after) == expected
    assert (schema_hash(before) == schema_hash(after)) == expected


def in_order(table: TableSchema) -> TableSchema:
    return attrs.evolve(table, indexes=tuple(sorted(table.indexes, key=repr)))
