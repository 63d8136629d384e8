"""What a server says of its module: read as it was declared, or refused."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qsdb
from qsdb import ScheduleAt, u8, u16, u64
from qsdb.client.definition_reading import ServedModule, read_definition
from qsdb.client.type_reading import DefinitionError, TypeReader, wire_form
from qsdb.schema.views import ViewSchema
from qsdb.server.definitions import definition
from qsdb.values import kinds as k
from qsdb.values.compounds import ArrayKind, OptionKind, tuple_kind
from tests.unit.client.talk import hall
from tests.unit.client.test_bound_texts import odd

outer = qsdb.Module("outer")


class Point(qsdb.Product):
    x: u8
    y: u16


class Circle(qsdb.Product):
    at: Point
    radius: u8


class Box(qsdb.Product):
    low: Point
    high: Point


class Empty(qsdb.Product):
    pass


class Void(qsdb.Product):
    pass


class Shape(qsdb.Row, module=outer, public=True, indexes=[qsdb.Hash("kind")]):
    id: u64 = qsdb.primary_key(auto_inc=True)
    kind: str
    code: u8 = qsdb.unique()
    what: Circle | Box
    pair: tuple[u8, str]
    some: tuple[Point | None, ...]
    when: ScheduleAt
    empty: Empty | Void
    bits: tuple[u8, ...]


class Cell(qsdb.Row, module=outer, primary_key=("x", "y")):
    x: u8
    y: u8
    z: u8 = qsdb.index()


@outer.reducer
def draw(ctx: qsdb.ReducerContext, what: Circle | Box, times: list[u8]) -> Circle:
    at = what.at if isinstance(what, Circle) else what.low
    return Circle(at, ctx.random.choice(times))


@outer.view(public=True)
def cells(ctx: qsdb.ViewContext, z: u8) -> list[Cell]:
    return [*ctx.db[Cell].z.filter(z)]


outer.mount("hall", (inner := qsdb.Module("inner")))


class Guest(qsdb.Row, module=inner, public=True):
    name: str = qsdb.primary_key()


@inner.reducer
def enter(ctx: qsdb.ReducerContext, name: str) -> None:
    ctx.db[Guest].insert(Guest(name))


@inner.procedure
def invite(ctx: qsdb.ProcedureContext, name: str) -> None: ...


@inner.view(public=True)
def guests(_: qsdb.AnonymousViewContext) -> list[Guest]:
    return []


def read(module: qsdb.Module) -> ServedModule:
    return read_definition(json.dumps(definition(module.compiled(), 10)).encode())


@pytest.mark.parametrize("module", [hall, odd, outer], ids=lambda each: each.name)
def test_tables_are_read_as_they_were_declared(module: qsdb.Module) -> None:
    compiled = module.compiled()
    served = read(module).tables
    bounds = [*compiled.tables, *[each.bound for each in compiled.views.values()]]

    assert [*served] == [
        each.schema.name for each in bounds if "." not in each.schema.name
    ] + [n for n in served if "." in n]
    for bound in bounds:
        here, there = bound.schema, served[bound.schema.name]
        assert [(c.name, wire_form(c.kind)) for c in here.columns] == [
            (c.name, wire_form(c.kind)) for c in there.columns
        ]
        assert (here.is_public, here.is_event) == (there.is_public, there.is_event)
        assert isinstance(there, ViewSchema) == isinstance(here, ViewSchema)
        if len(here.primary_key) < 2:
            assert there.primary_key == here.primary_key


def test_indexes_are_read() -> None:
    tables = read(outer).tables
    found = {
        name: [(each.accessor, each.columns, each.algorithm) for each in t.indexes]
        for name, t in tables.items()
    }

    assert found["shape"] == [("code", (2,), "unique"), ("kind", (1,), "hash")]
    # A key of several columns is written as a unique one.
    assert found["cell"] == [("x_y", (0, 1), "unique"), ("z", (2,), "btree")]


def test_functions_are_read() -> None:
    functions = read(outer).functions
    draw = functions["draw"]
    declared = outer.compiled().reducers["draw"].parameters.parameters

    assert [*functions] == ["draw", "hall.enter", "hall.invite"]
    assert [each.name for each in draw.parameters] == ["what", "times"]
    assert [wire_form(each.kind) for each in draw.parameters] == [
        wire_form(each.binding.kind) for each in declared
    ]
    assert read(hall).functions["clean"].is_private
    assert not read(hall).functions["measure"].is_reducer


def test_arguments_of_views_are_read() -> None:
    view = read(outer).tables["cells"]
    assert isinstance(view, ViewSchema)

    assert [(each.name, each.kind) for each in view.parameters] == [("z", k.U8)]


def kind_of(given_type: Any, *types: Any) -> k.Kind:
    return TypeReader(types, {0: "First"}).kind(given_type)


def part(name: str | None, given_type: Any) -> Any:
    named: Any = {"none": []} if name is None else {"some": name}
    return {"name": named, "algebraic_type": given_type}


UNIT: Any = {"Product": {"elements": []}}


def test_types_are_read() -> None:
    byte: Any = {"U8": []}
    option = {"Sum": {"variants": [part("some", byte), part("none", UNIT)]}}
    pair = {"Product": {"elements": [part(None, byte), part(None, {"String": []})]}}
    mixed = {"Sum": {"variants": [part("A", UNIT), part("B", byte)]}}

    assert kind_of({"Array": byte}) == k.BYTES
    assert kind_of({"Array": {"Array": byte}}) == ArrayKind(k.BYTES)
    assert kind_of(option) == OptionKind(k.U8)
    assert kind_of(pair) == tuple_kind([k.U8, k.STR])
    assert kind_of({"Ref": 0}, {"I256": []}) == k.IntKind(256, signed=True)
    assert kind_of({"Ref": 0}, pair | {}) == tuple_kind([k.U8, k.STR])
    assert kind_of(mixed).name == "A | B"


@pytest.mark.parametrize(
    ("given_type", "match"),
    [
        ({"Ref": 0}, "over 64 levels"),
        ({"Nothing": []}, "no type 'Nothing'"),
    ],
)
def test_what_is_no_type_is_refused(given_type: Any, match: str) -> None:
    with pytest.raises(DefinitionError, match=match):
        kind_of(given_type, {"Array": {"Ref": 0}})


def section(**parts: Any) -> bytes:
    return json.dumps(
        {"sections": [{name: each} for name, each in parts.items()]}
    ).encode()


def nested(depth: int) -> Any:
    inner = nested(depth - 1) if depth else []
    return {"sections": [{"Submodules": [{"namespace": "a", "module": inner}]}]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"7",
        b"\xff",
        b"[" * 10_000,
        b"[]",
        b'{"sections": 7}',
        b'{"sections": [7]}',
        section(Tables=[{}]),
        section(Types=[{"ty": []}]),
        section(Typespace={"types": [{"U8": []}]}, Tables=[{"product_type_ref": 0}]),
        section(Typespace={"types": [{"U8": []}]}, Tables=[{"product_type_ref": 9}]),
        section(Views=[{"source_name": "v", "return_type": {"U8": []}}]),
        json.dumps(nested(20)).encode(),
    ],
    ids=range(13),
)
def test_what_is_no_definition_is_refused(body: bytes) -> None:
    with pytest.raises(DefinitionError):
        read_definition(body)


WHOLE = json.dumps(definition(outer.compiled(), 10))


@settings(max_examples=60)
@given(st.integers(0, len(WHOLE)), st.sampled_from('0[]{}"\\a9-'), st.booleans())
def test_reading_ends_whatever_comes(at: int, letter: str, cut: bool) -> None:  # noqa: FBT001
    text = WHOLE[:at] + ("" if cut else letter + WHOLE[at + 1 :])
    try:
        found = read_definition(text.encode())
    except DefinitionError:
        return

    assert isinstance(found, ServedModule)


def test_columns_that_are_no_attributes_get_one() -> None:
    row = {"Product": {"elements": [part("class", {"U8": []}), part("x", {"U8": []})]}}
    table = {
        "source_name": "odd",
        "product_type_ref": 0,
        "primary_key": [],
        "indexes": [
            {"accessor_name": {"none": []}, "algorithm": {"Direct": 0}},
            {"accessor_name": {"some": "fast"}, "algorithm": {"Direct": 1}},
        ],
        "constraints": [],
        "table_access": {"Public": []},
        "is_event": False,
    }
    body = section(Typespace={"types": [row]}, Tables=[table])
    schema = read_definition(body).tables["odd"]

    assert [each.attribute for each in schema.columns] == ["column_0", "x"]
    assert [each.accessor for each in schema.indexes] == ["fast"]
