"""Definitions of modules: read by an independent reader, and compared with them."""

import enum
import os
from typing import Any

import pytest
from hypothesis import given, settings

import qsdb
from examples.qsbridge import platform, registry
from qsdb import ScheduleAt, f64, i128, u8, u32, u64
from qsdb.codec.json_faults import JsonFaultError
from qsdb.codec.json_text import read_json, write_json
from qsdb.runtime.row_filters import check_filters
from qsdb.schema.module_schemas import ModuleSchema
from qsdb.server.definition_types import MODULE
from qsdb.server.definitions import Version, definition, definition_bsatn
from qsdb.server.meta_types import bsatn_of
from tests.support.definition_judge import (
    judge_version_9,
    judge_version_10,
    sections_of,
)
from tests.support.definition_reader import (
    UNIT,
    read_definition,
    shape_of_kind,
    shape_of_type,
)
from tests.support.schemas import TableSpec, build, module_specs

EXAMPLES = 300 if os.environ.get("QSDB_TEST_PROFILE") == "nightly" else 10
VERSIONS: tuple[Version, ...] = (9, 10)


class Mood(enum.Enum):
    calm = 1
    angry = 2


class Place(qsdb.Product):
    x: f64
    y: f64 = 0.5


class Nowhere(qsdb.Product):
    pass


town = qsdb.Module("town")


class Person(qsdb.Row, module=town, public=True):
    id: u64 = qsdb.primary_key(auto_inc=True)
    email: str = qsdb.unique()
    town: str = qsdb.index("hash")
    age: u8 = qsdb.column(name="years", default=7)
    mood: Mood = Mood.angry
    at: Place | Nowhere = Nowhere()
    marks: tuple[tuple[u8, str | None], ...] = ()
    photo: bytes = b""
    wealth: i128 = -1


class Pair(
    qsdb.Row,
    module=town,
    primary_key=("a", "b"),
    unique=[("b", "c"), ("c", "b")],
    indexes=[qsdb.BTree("b", "a", name="backwards"), qsdb.Hash("c")],
):
    a: u8
    b: u8
    c: u8 = 3


class Shout(qsdb.Row, module=town, event=True, public=True):
    text: str
    who: qsdb.Identity
    by: qsdb.ConnectionId | None


class Timer(qsdb.Row, module=town, scheduled="ring"):
    id: u64 = qsdb.primary_key(auto_inc=True)
    at: ScheduleAt = qsdb.column(name="due_at")


town.add_table(Pair, name="pair_b", primary_key=("c",))
town.row_filter("SELECT * FROM person WHERE town = 'Ulm'")


@town.reducer
def ring(ctx: qsdb.ReducerContext, timer: Timer) -> None:
    """Run when a timer is due."""


@town.reducer
def move(
    ctx: qsdb.ReducerContext, who: u64, to: Place | None, bag: list[Mood] | None = None
) -> None:
    """Move somebody."""


@town.reducer(private=True)
def start(ctx: qsdb.ReducerContext) -> None:
    """Begin."""


def _begin(ctx: qsdb.ReducerContext) -> None:
    """Run at the beginning, under the name of a reducer."""


_begin.__name__ = "start"
town.init(_begin)


@town.client_connected
def welcome(ctx: qsdb.ReducerContext) -> None:
    """Greet."""


@town.procedure
def count(_: qsdb.ProcedureContext, of: tuple[u8, u32]) -> list[Place]:
    """Give what is a kind."""
    return [Place(each) for each in of]


@town.procedure(private=True)
async def wait(ctx: qsdb.ProcedureContext) -> None:
    """Give nothing."""


@town.procedure
def anything(_: qsdb.ProcedureContext) -> dict[str, int]:
    """Give what is no kind."""
    return {}


@town.procedure
def unsaid(ctx: qsdb.ProcedureContext):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """Do not say what it gives."""


@town.view(public=True)
def me(_: qsdb.ViewContext) -> Person | None:
    """Give one row."""
    return None


@town.view
def everybody(ctx: qsdb.AnonymousViewContext, least: u8 = 0) -> list[Person]:
    """Give rows to all."""
    return [each for each in ctx.db[Person] if each.age >= least]


@town.view(primary_key="text")
def shouts(_: qsdb.ViewContext) -> list[Shout]:
    """Give rows of another key."""
    return []


@town.http("GET", "/gate")
@town.http("POST", "/gate")
def gate(_: qsdb.ProcedureContext, request: qsdb.HttpRequest) -> qsdb.HttpResponse:
    """Answer HTTP."""
    return qsdb.HttpResponse(request.body)


@town.http("ANY", "")
async def door(_: qsdb.ProcedureContext, __: qsdb.HttpRequest) -> qsdb.HttpResponse:
    """Answer all the rest."""
    return qsdb.HttpResponse()


inner = qsdb.Module("inner")


class Session(qsdb.Row, module=inner):
    token: str = qsdb.primary_key()


class Tick(qsdb.Row, module=inner, scheduled="tick"):
    id: u64 = qsdb.primary_key(auto_inc=True)
    at: ScheduleAt


@inner.reducer
def tick(ctx: qsdb.ReducerContext, timer: Tick) -> None:
    """Run when it is due."""


inner.row_filter("SELECT * FROM session")


@inner.procedure
def renew(ctx: qsdb.ProcedureContext, seconds: u32) -> str:
    raise NotImplementedError  # never run: only its declaration is read


@inner.view(public=True)
def latest(ctx: qsdb.AnonymousViewContext) -> Pair | None:
    """Look."""


middle = qsdb.Module("middle")
middle.mount("deep", inner)
whole = qsdb.Module("whole")
whole.add_table(Pair)
whole.mount("auth", inner)
whole.mount("outer", middle)


def compiled(module: qsdb.Module) -> ModuleSchema:
    return module.compiled(check_filters)


def read_back(module: ModuleSchema, version: Version) -> Any:
    """Give the definition; its bytes and its text say the same."""
    data = definition(module, version)
    assert read_definition(definition_bsatn(module, version), version) == data
    assert read_json(write_json(data)) == data
    return data


MODULES = [town, platform, registry, qsdb.Module("empty"), whole]


@pytest.mark.parametrize("module", MODULES[:-1], ids=lambda each: each.name)
def test_version_9_says_what_the_module_is(module: qsdb.Module) -> None:
    schema = compiled(module)

    judge_version_9(schema, read_back(schema, 9))


@pytest.mark.parametrize("module", MODULES, ids=lambda each: each.name)
def test_version_10_says_what_the_module_is(module: qsdb.Module) -> None:
    schema = compiled(module)

    judge_version_10(schema, read_back(schema, 10))


@settings(max_examples=EXAMPLES)
@given(module_specs())
def test_definitions_say_what_any_module_is(specs: tuple[TableSpec, ...]) -> None:
    module, _ = build(specs)
    schema = compiled(module)

    judge_version_9(schema, read_back(schema, 9))
    judge_version_10(schema, read_back(schema, 10))


def test_mounted_modules_are_submodules_with_names_of_their_own() -> None:
    found = sections_of(definition(compiled(whole), 10))

    auth, outer = found["Submodules"]
    assert (auth["namespace"], outer["namespace"]) == ("auth", "outer")
    (deep,) = sections_of(outer["module"])["Submodules"]
    assert deep["namespace"] == "deep"
    assert deep["module"] == auth["module"]
    inside = sections_of(auth["module"])
    assert [each["source_name"] for each in inside["Tables"]] == ["session", "tick"]
    assert [each["source_name"] for each in inside["Procedures"]] == ["renew"]
    assert [each["source_name"] for each in inside["Views"]] == ["latest"]
    assert inside["RowLevelSecurity"] == [{"sql": "SELECT * FROM session"}]
    assert inside["Schedules"] == [
        {
            "source_name": {"some": "tick_sched"},
            "table_name": "tick",
            "schedule_at_col": 1,
            "function_name": "tick",
        }
    ]


def test_version_9_refuses_mounted_modules_by_name() -> None:
    with pytest.raises(qsdb.SchemaError) as caught:
        definition(compiled(whole), 9)

    for name, told in zip(("auth", "outer"), caught.value.mistakes, strict=True):
        assert told.startswith(f"module whole: {name} is mounted in it, for which")


def test_a_small_module_reads_literally() -> None:
    small = qsdb.Module("small")

    class Note(qsdb.Row, module=small, public=True):
        id: u32 = qsdb.primary_key(auto_inc=True)
        text: str | None

    @small.reducer
    def write(ctx: qsdb.ReducerContext, text: str) -> None: ...

    assert write_json(definition(compiled(small), 9)) == (
        '{"typespace":{"types":[{"Product":{"elements":['
        '{"name":{"some":"id"},"algebraic_type":{"U32":[]}},'
        '{"name":{"some":"text"},"algebraic_type":{"Sum":{"variants":['
        '{"name":{"some":"some"},"algebraic_type":{"String":[]}},'
        '{"name":{"some":"none"},"algebraic_type":{"Product":{"elements":[]}}}]}}}]}}]},'
        '"tables":[{"name":"note","product_type_ref":0,"primary_key":[0],"indexes":['
        '{"name":{"some":"note_id_idx_btree"},"accessor_name":{"some":"id"},'
        '"algorithm":{"BTree":[0]}}],"constraints":[{"name":{"some":"note_id_key"},'
        '"data":{"Unique":{"columns":[0]}}}],"sequences":['
        '{"name":{"some":"note_id_seq"},"column":0,"start":{"none":[]},'
        '"min_value":{"none":[]},"max_value":{"none":[]},"increment":1}],'
        '"schedule":{"none":[]},"table_type":{"User":[]},"table_access":{"Public":[]}}],'
        '"reducers":[{"name":"write","params":{"elements":[{"name":{"some":"text"},'
        '"algebraic_type":{"String":[]}}]},"lifecycle":{"none":[]}}],'
        '"types":[{"name":{"scope":[],"name":"Note"},"ty":0,"custom_ordering":true}],'
        '"misc_exports":[],"row_level_security":[]}'
    )


def test_lifecycle_functions_make_room_for_reducers() -> None:
    found = sections_of(definition(compiled(town), 10))

    names = [each["source_name"] for each in found["Reducers"]]
    assert names == ["ring", "move", "start", "start_2", "welcome"]
    assert found["LifeCycleReducers"] == [
        {"lifecycle_spec": {"Init": []}, "function_name": "start_2"},
        {"lifecycle_spec": {"OnConnect": []}, "function_name": "welcome"},
    ]


def test_a_function_of_a_schedule_takes_the_type_of_the_rows() -> None:
    found = sections_of(definition(compiled(town), 10))

    (timer,) = [each for each in found["Tables"] if each["source_name"] == "timer"]
    (ring_,) = [each for each in found["Reducers"] if each["source_name"] == "ring"]
    (taken,) = ring_["params"]["elements"]
    assert taken["algebraic_type"] == {"Ref": timer["product_type_ref"]}


def test_tables_of_one_class_share_its_type_and_no_name() -> None:
    found = definition(compiled(town), 9)

    tables: Any = found["tables"]
    pair, pair_b = [each for each in tables if each["name"].startswith("pair")]
    assert pair["product_type_ref"] == pair_b["product_type_ref"]
    keys = [
        each["name"]["some"] for each in pair["constraints"] + pair_b["constraints"]
    ]
    assert keys == ["pair_a_b_key", "pair_b_c_key", "pair_c_b_key", "pair_b_c_key_2"]


@pytest.fixture
def giving() -> ModuleSchema:
    """Give a module whose reducers give something."""
    module, guests = qsdb.Module("giving"), qsdb.Module("guests")
    odd_enum: Any = enum.Enum("odd_enum", {"a b": 1, "c": 2})

    @module.reducer
    def number(_: qsdb.ReducerContext) -> u64:
        return 7

    @module.reducer
    def place(_: qsdb.ReducerContext) -> list[Place] | None:
        return None

    @module.reducer
    def nothing(ctx: qsdb.ReducerContext) -> None: ...

    @module.reducer
    def no_kind(_: qsdb.ReducerContext) -> dict[str, int]:
        return {}

    @module.reducer
    def no_identifier(_: qsdb.ReducerContext) -> odd_enum:
        return odd_enum(1)

    @guests.reducer
    def name(_: qsdb.ReducerContext) -> str:
        return "Zoë"

    module.mount("guests", guests)
    return compiled(module)


def given_by(data: Any) -> dict[str, Any]:
    """Give the shapes of what reducers give, by name."""
    found = sections_of(data)
    types = found.get("Typespace", {"types": []})["types"]
    given = {
        each["source_name"]: shape_of_type(each["ok_return_type"], types)
        for each in found["Reducers"]
    }
    for each in found.get("Submodules", []):
        given |= given_by(each["module"])
    return given


def test_reducers_give_nothing_to_tools_of_spacetimedb(giving: ModuleSchema) -> None:
    assert {*given_by(definition(giving, 10)).values()} == {UNIT}


def test_who_asks_for_it_is_told_what_reducers_give(giving: ModuleSchema) -> None:
    data = definition(giving, 10, has_returns=True)

    named = {
        name: UNIT if each.returns is None else shape_of_kind(each.returns.kind)
        for name, each in giving.reducers.items()
        if name != "no_identifier"
    }
    given = {f"guests.{k}" if k == "name" else k: v for k, v in given_by(data).items()}
    assert given == {**named, "no_identifier": UNIT}
    assert {k for k, v in given.items() if v != UNIT} == {
        *("number", "place", "guests.name")
    }


@pytest.mark.parametrize("version", VERSIONS)
def test_equal_modules_have_equal_definitions(version: Version) -> None:
    def made() -> ModuleSchema:
        module = qsdb.Module("twice")
        module.add_table(Pair, name="b")
        module.add_table(Person, name="a")
        module.reducer(move)
        return compiled(module)

    assert definition_bsatn(made(), version) == definition_bsatn(made(), version)


def test_names_that_are_no_identifiers_are_refused_together() -> None:
    odd = qsdb.Module("odd")
    odd_enum: Any = enum.Enum("odd_enum", {"a b": 1, "c": 2})

    class Wheel(qsdb.Product):
        letter: odd_enum

    class Cart(qsdb.Product):
        wheel: Wheel

    class Row(
        qsdb.Row, module=odd, name="my table", indexes=[qsdb.BTree("a", name="by a")]
    ):
        a: u8 = qsdb.column(name="col a")
        b: tuple[odd_enum | None, ...] = ()
        c: Cart | Wheel | None = None

    @odd.reducer
    def take(ctx: qsdb.ReducerContext, pair: tuple[odd_enum, u8]) -> None: ...

    @odd.procedure
    def give(_: qsdb.ProcedureContext) -> odd_enum:
        return odd_enum(1)

    @odd.view
    def rows(_: qsdb.ViewContext) -> list[Row]:
        return []

    with pytest.raises(qsdb.SchemaError) as caught:
        definition(compiled(odd), 10)

    fault = "odd_enum.a b: the name 'a b' is no identifier"
    assert caught.value.mistakes == (
        "table my table: the name 'my table' is no identifier",
        "table my table, column col a: the name 'col a' is no identifier",
        f"table my table, column b, {fault}",
        f"table my table, column c, {fault}",
        "table my table, index by a: the name 'by a' is no identifier",
        "view rows, column col a: the name 'col a' is no identifier",
        f"view rows, column b, {fault}",
        f"view rows, column c, {fault}",
        f"reducer take, parameter pair, {fault}",
        f"procedure give, what it returns, {fault}",
    )


def test_a_dot_in_a_name_is_a_namespace_which_is_an_identifier() -> None:
    odd = qsdb.Module("odd")
    odd.add_table(Pair, name="a b.c")

    with pytest.raises(qsdb.SchemaError, match="namespace a b: the name 'a b' is no"):
        definition(compiled(odd), 10)


@pytest.mark.parametrize(
    ("data", "told"),
    [
        ({"V11": []}, "RawModuleDef has no variant V11"),
        ({"V10": {}}, "RawModuleDefV10 has other fields"),
        ({"V10": {"sections": [{"Views": [{"index": 0}]}]}}, "view has other fields"),
        ({"V8BackCompat": [1]}, "is not a nothing"),
    ],
)
def test_data_that_is_no_definition_has_no_bytes(data: Any, told: str) -> None:
    with pytest.raises((ValueError, JsonFaultError), match=told):
        bsatn_of(MODULE, data)
