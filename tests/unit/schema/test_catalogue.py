"""The catalogue's way there and back: what is read equals what was written."""

import enum
import uuid
from typing import Any

import attrs
import pytest
from hypothesis import given

import qsdb
from qsdb import BTree, Hash, Identity, ScheduleAt, TimeDuration, Timestamp
from qsdb.codec.cbor import from_cbor
from qsdb.errors import LimitError
from qsdb.schema.catalogue import catalogue_rows, parameters_kind
from qsdb.schema.catalogue_reading import module_of, reducers_of, schemas_of
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.specifiers import MISSING
from qsdb.schema.system import USER_IDS_FIRST, StModule, system_tables
from qsdb.schema.tables import TableSchema
from qsdb.values import kinds as k
from qsdb.values.compounds import ArrayKind, Field, ProductKind
from tests.support.schemas import DOMAINS, Domain, TableSpec, build, module_specs

Rows = dict[int, list[tuple[object, ...]]]


class Mood(enum.Enum):
    CALM = "z"
    ANGRY = "a"


class Place(qsdb.Product):
    x: float
    y: float = 0.0


class Message(qsdb.Row):
    id: qsdb.u64 = qsdb.primary_key(auto_inc=True)
    room: str = qsdb.index("hash", name="the room")
    number: qsdb.u32 = qsdb.auto_inc()
    sender: Identity = qsdb.unique()
    at: Place = Place(float("nan"))
    mood: Mood | None = Mood.ANGRY
    big: qsdb.i256 = -(1 << 255)
    keys: tuple[uuid.UUID, ...] = ()
    due: ScheduleAt = ScheduleAt.interval(TimeDuration.from_seconds(1))


class Log(qsdb.Row):
    text: str


def chat() -> qsdb.Module:
    module = qsdb.Module("chat")
    module.add_table(
        Message,
        public=True,
        unique=[("room", "number")],
        indexes=[BTree("room", "mood", name="by room"), Hash("sender")],
    )
    module.add_table(Log)
    module.add_table(Log, name="old log", indexes=[BTree("text")])

    @module.reducer
    def send(
        _: qsdb.ReducerContext, room: str, places: list[Place], mood: Mood | None = None
    ) -> None: ...

    @module.reducer(private=True)
    def sweep(_: qsdb.ReducerContext) -> None: ...

    return module


def written(module: qsdb.Module | ModuleSchema) -> Rows:
    schema = module.compiled() if isinstance(module, qsdb.Module) else module
    return catalogue_rows(
        schema,
        database_identity=Identity.from_bytes(b"d" * 32),
        owner_identity=Identity.from_bytes(b"o" * 32),
        seed=(1 << 64) - 1,
        created=Timestamp.from_micros(7),
        version="0.1.0",
    )


def schemas(module: qsdb.Module) -> list[TableSchema]:
    return [bound.schema for bound in module.compiled().tables]


def by_name(rows: Rows, name: str) -> list[tuple[object, ...]]:
    table_id = next(n for n, bound in system_tables() if bound.schema.name == name)
    return rows[table_id]


def users(rows: Rows, name: str) -> list[tuple[object, ...]]:
    """Give the rows of a system table that describe user tables."""
    found = by_name(rows, name)
    place = 0 if name in {"st_table", "st_column"} else 1
    return [row for row in found if int(str(row[place])) >= USER_IDS_FIRST]


# There and back.


def test_tables_come_back_equal() -> None:
    module = chat()

    found = schemas_of(written(module))

    assert found == dict(enumerate(schemas(module), USER_IDS_FIRST))
    assert repr(found) == repr(dict(enumerate(schemas(module), USER_IDS_FIRST)))


def test_reducers_come_back_with_the_kinds_of_their_parameters() -> None:
    module = chat()

    found = reducers_of(written(module))

    reducers = module.compiled().reducers
    assert found == {name: parameters_kind(each) for name, each in reducers.items()}
    assert list(found) == ["send", "sweep"]
    assert found["sweep"] == ProductKind("sweep", ())
    assert found["send"].fields[0] == Field("room", k.STR)
    assert isinstance(found["send"].fields[1].kind, ArrayKind)


def test_the_module_comes_back() -> None:
    assert module_of(written(chat())) == StModule(
        database_identity=Identity.from_bytes(b"d" * 32),
        owner_identity=Identity.from_bytes(b"o" * 32),
        module_name="chat",
        seed=(1 << 64) - 1,
        created=Timestamp.from_micros(7),
        version="0.1.0",
    )


def test_an_empty_module_has_a_catalogue() -> None:
    rows = written(qsdb.Module("empty"))

    assert not schemas_of(rows)
    assert not reducers_of(rows)
    assert module_of(rows).module_name == "empty"


@pytest.mark.slow
@given(module_specs())
def test_any_tables_come_back_equal(specs: tuple[TableSpec, ...]) -> None:
    module, _ = build(specs)

    rows = written(module)

    assert list(schemas_of(rows).values()) == schemas(module)
    assert_canonical(rows)


def test_the_order_of_rows_does_not_matter() -> None:
    rows = written(chat())
    turned = {table_id: each[::-1] for table_id, each in reversed(rows.items())}

    assert repr(schemas_of(turned)) == repr(schemas_of(rows))
    assert list(reducers_of(turned)) == list(reducers_of(rows))


def test_keys_and_indexes_keep_any_order() -> None:
    [bound, *rest] = chat().compiled().tables
    turned = attrs.evolve(bound.schema, indexes=bound.schema.indexes[::-1])
    module = attrs.evolve(
        chat().compiled(), tables=(attrs.evolve(bound, schema=turned), *rest)
    )

    assert schemas_of(written(module))[USER_IDS_FIRST] == turned


def assert_canonical(rows: Rows) -> None:
    for table_id, bound in system_tables():
        for row in rows[table_id]:
            assert repr(bound.shape.kind.canonical(row)) == repr(row)


def test_rows_are_canonical() -> None:
    assert_canonical(written(chat()))


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_every_default_comes_back(domain: Domain) -> None:
    for number in range(len(domain.values) + len(domain.others)):
        given_value, meant = domain.pair(number)
        annotations = {"it": domain.annotation}
        metaclass: Any = type(qsdb.Row)
        row_class = metaclass(
            "Holder", (qsdb.Row,), {"__annotations__": annotations, "it": given_value}
        )
        module = qsdb.Module("defaults")
        module.add_table(row_class)

        [found] = schemas_of(written(module)).values()

        [column] = found.columns
        [binding] = [each.binding for each in module.compiled().tables[0].shape.columns]
        assert [found] == schemas(module)
        assert repr(column.kind.canonical(column.default)) == repr(column.default)
        assert repr(binding.leave(column.default)) == repr(meant)


def test_a_column_without_a_default_stays_so() -> None:
    [message, *_] = schemas_of(written(chat())).values()

    assert [each.name for each in message.columns if each.default is MISSING] == [
        *("id", "the room", "number", "sender")
    ]


# What stands in the rows.


def test_user_tables_have_ids_from_4096_in_the_order_of_declaration() -> None:
    assert users(written(chat()), "st_table") == [
        (4096, "message", "user", "public", (0,)),
        (4097, "log", "user", "private", ()),
        (4098, "old log", "user", "private", ()),
    ]


def test_a_column_has_a_kind_in_cbor() -> None:
    rows = [row for row in users(written(chat()), "st_column") if row[0] == 4096]

    kinds = [from_cbor(row[4]) for row in rows]  # type: ignore[arg-type]
    assert [row[1] for row in rows] == [*range(9)]
    assert rows[1][2:4] == ("the room", "room")
    assert kinds[0] == "u64"
    assert kinds[4] == ["product", "Place", [["x", "f64"], ["y", "f64"]]]
    assert [row[5] for row in rows][:3] == [True, False, True]
    assert [row[6] is None for row in rows] == [True] * 4 + [False] * 5
    assert from_cbor(rows[6][6]) == -(1 << 255)  # type: ignore[arg-type]


def test_keys_and_indexes_are_numbered_together() -> None:
    rows = written(chat())

    assert users(rows, "st_constraint") == [
        (4096, 4096, "sender", (3,)),
        (4097, 4096, "room_number", (1, 2)),
    ]
    assert users(rows, "st_index") == [
        (4098, 4096, "room", "hash", (1,)),
        (4099, 4096, "by room", "btree", (1, 5)),
        (4100, 4096, "sender", "hash", (3,)),
        (4101, 4098, "text", "btree", (0,)),
    ]


def test_generated_columns_have_sequences() -> None:
    rows = users(written(chat()), "st_sequence")

    assert rows == [(4096, 4096, 0), (4097, 4096, 2)]


def test_reducers_are_numbered_and_may_be_private() -> None:
    rows = by_name(written(chat()), "st_reducer")

    assert [row[:3] for row in rows] == [
        (4096, "send", False),
        (4097, "sweep", True),
    ]


def test_system_tables_describe_themselves() -> None:
    rows = written(qsdb.Module("empty"))

    assert by_name(rows, "st_table") == [
        (1, "st_table", "system", "public", (0,)),
        (2, "st_column", "system", "public", (0, 1)),
        (3, "st_sequence", "system", "public", (0,)),
        (4, "st_index", "system", "public", (0,)),
        (5, "st_constraint", "system", "public", (0,)),
        (6, "st_module", "system", "private", (0,)),
        (7, "st_client", "system", "public", (1,)),
        (9, "st_scheduled", "system", "public", (0,)),
        (10, "st_row_level_security", "system", "private", (0, 2, 1)),
        (11, "st_connection_credentials", "system", "private", (0,)),
        (12, "st_view", "system", "public", (0,)),
        (64, "st_reducer", "system", "public", (0,)),
        (65, "st_timer", "system", "private", (0, 1)),
        (66, "st_secret", "system", "private", (0,)),
        (70, "st_procedure", "system", "public", (0,)),
    ]
    columns = [row[2] for row in by_name(rows, "st_column") if row[0] == 1]
    assert columns == [
        *("table_id", "table_name", "table_type", "table_access", "table_primary_key")
    ]


# System tables are tables.


def test_system_tables_are_made_once() -> None:
    assert system_tables() is system_tables()


def test_system_tables_have_ids_below_those_of_users() -> None:
    ids = [table_id for table_id, _ in system_tables()]

    assert ids == sorted(set(ids))
    assert ids[-1] < USER_IDS_FIRST


@pytest.mark.parametrize("name", ["st_table", "st_", "st_mine"])
def test_users_have_no_names_of_system_tables(name: str) -> None:
    module = qsdb.Module("chat")
    module.add_table(Log, name=name)

    with pytest.raises(qsdb.SchemaError, match="beginning with st_ belong to qsdb"):
        module.compiled()


# What cannot be written.


def test_a_kind_that_nests_too_deep_is_refused() -> None:
    kind: k.Kind = k.U8
    for _ in range(64):
        kind = ArrayKind(kind)
    [bound, *rest] = chat().compiled().tables
    deep = attrs.evolve(bound.schema.columns[1], kind=kind)
    columns = (bound.schema.columns[0], deep, *bound.schema.columns[2:])
    schema = attrs.evolve(bound.schema, columns=columns)
    module = attrs.evolve(
        chat().compiled(), tables=(attrs.evolve(bound, schema=schema), *rest)
    )

    with pytest.raises(LimitError, match="more than 64 levels"):
        written(module)


def test_a_seed_out_of_range_is_refused() -> None:
    nobody = Identity.from_bytes(bytes(32))

    with pytest.raises(k.MismatchError):
        catalogue_rows(
            chat().compiled(),
            database_identity=nobody,
            owner_identity=nobody,
            seed=1 << 64,
            created=Timestamp.EPOCH,
            version="",
        )
