"""Schemas in words: descriptions, and a sentence for each difference."""

import enum
import random
from collections.abc import Callable
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qsdb
from qsdb import BTree, Hash
from qsdb.schema.catalogue import parameters_kind
from qsdb.schema.descriptions import describe, difference, reducer_difference, spelled
from qsdb.schema.rows import shape_of
from qsdb.schema.specifiers import MISSING
from qsdb.schema.tables import (
    ColumnSchema,
    IndexSchema,
    TableOptions,
    TableSchema,
    table_schema,
)
from qsdb.values import kinds as k
from qsdb.values.compounds import EnumKind, Field, ProductKind
from tests.support.schemas import TableSpec, build, module_specs


class Mood(enum.Enum):
    CALM = "z"
    ANGRY = "a"


class Circle(qsdb.Product):
    radius: float


class Square(qsdb.Product):
    side: int


class Message(qsdb.Row):
    id: qsdb.u64 = qsdb.primary_key(auto_inc=True)
    room: str = qsdb.unique(name="the room")
    mood: Mood = Mood.ANGRY
    shapes: tuple[Circle | Square | None, ...] = ()


class Bare(qsdb.Row):
    x: int


def schema(row_class: type[Any], **options: Any) -> TableSchema:
    return table_schema(shape_of(row_class), TableOptions(**options))  # type: ignore[arg-type]


MESSAGE = schema(Message, public=True, indexes=(BTree("mood", "room", name="by mood"),))
BARE = schema(Bare)
SHAPE = "Circle(radius: f64) | Square(side: i64)"


# Descriptions.


def test_a_schema_is_described_line_by_line() -> None:
    assert describe([MESSAGE, BARE]).splitlines() == [
        "public table message, primary key id",
        "  column id: u64, generated",
        "  column the room: str, attribute room",
        "  column mood: Mood{CALM, ANGRY}, default 1",
        f"  column shapes: tuple[{SHAPE} | None, ...], default ()",
        "  unique key room over the room",
        "  btree index by mood over mood, the room",
        "private table bare, no primary key",
        "  column x: i64",
    ]


def test_no_tables_are_no_text() -> None:
    assert describe([]) == ""


def test_a_kind_is_spelled_with_its_parts() -> None:
    inner = ProductKind(
        "Place", (Field("x", k.F32), Field("mood", EnumKind("M", ("a",))))
    )

    assert spelled(inner) == "Place(x: f32, mood: M{a})"


# Differences.


def column(place: int, **changes: Any) -> TableSchema:
    """Give the message table with one column changed."""
    columns = list(MESSAGE.columns)
    columns[place] = attrs.evolve(columns[place], **changes)
    return attrs.evolve(MESSAGE, columns=tuple(columns))


ADDED = attrs.evolve(
    MESSAGE, columns=(*MESSAGE.columns, ColumnSchema("sent", "sent", k.TIMESTAMP))
)
IN_THE_MIDDLE = attrs.evolve(
    MESSAGE,
    columns=(MESSAGE.columns[0], ColumnSchema("n", "n", k.U8), *MESSAGE.columns[1:]),
    indexes=(
        IndexSchema("room", (2,), "unique"),
        IndexSchema("by mood", (3, 2), "btree"),
    ),
)
TURNED = attrs.evolve(
    MESSAGE,
    columns=(*MESSAGE.columns[1::-1], *MESSAGE.columns[2:]),
    primary_key=(1,),
    indexes=(
        IndexSchema("room", (0,), "unique"),
        IndexSchema("by mood", (2, 0), "btree"),
    ),
)


def both(stored: str, declared: str) -> str:
    return f"{stored} in the stored schema, {declared} in the module"


def sentences(declared: TableSchema) -> list[str]:
    """Give what is different about the message table."""
    found = difference([MESSAGE], [declared])
    assert all(each.startswith("table message: ") for each in found)
    return [each.removeprefix("table message: ") for each in found]


def test_a_table_may_stand_on_one_side_only() -> None:
    assert difference([MESSAGE], [BARE]) == [
        "table message is not in the module",
        "table bare is not in the stored schema",
    ]


@pytest.mark.parametrize(
    ("declared", "sentence"),
    [
        (
            attrs.evolve(MESSAGE, is_public=False),
            both("it is public", "private"),
        ),
        (ADDED, "column sent is not in the stored schema"),
        (IN_THE_MIDDLE, "column n is not in the stored schema"),
        (
            TURNED,
            both(
                "the columns are id, the room, mood, shapes",
                "the room, id, mood, shapes",
            ),
        ),
        (column(1, kind=k.BYTES), both("column the room is str", "bytes")),
        (
            column(2, kind=EnumKind("Mood", ("CALM", "MAD"))),
            both("column mood is Mood{CALM, ANGRY}", "Mood{CALM, MAD}"),
        ),
        (
            column(1, attribute="channel"),
            both("column the room is the attribute room", "channel"),
        ),
        (
            column(0, auto_inc=False),
            both("column id is generated", "not generated"),
        ),
        (
            column(2, default=MISSING),
            both("column mood has the default 1", "no default"),
        ),
        (
            column(2, default=0),
            both("column mood has the default 1", "the default 0"),
        ),
        (
            attrs.evolve(MESSAGE, primary_key=()),
            both("the primary key is id", "none"),
        ),
        (
            attrs.evolve(MESSAGE, primary_key=(1, 0)),
            both("the primary key is id", "the room, id"),
        ),
        (
            attrs.evolve(MESSAGE, indexes=MESSAGE.indexes[:1]),
            "btree index by mood over mood, the room is not in the module",
        ),
    ],
)
def test_each_difference_is_a_sentence(declared: TableSchema, sentence: str) -> None:
    assert sentences(declared) == [sentence]


def test_a_renamed_column_is_another_one() -> None:
    assert sentences(column(1, name="text")) == [
        "column the room is not in the module",
        "column text is not in the stored schema",
        "unique key room over the room is not in the module",
        "btree index by mood over mood, the room is not in the module",
        "unique key room over text is not in the stored schema",
        "btree index by mood over mood, text is not in the stored schema",
    ]


def test_an_index_with_another_algorithm_is_another_one() -> None:
    hashed = schema(
        Message, public=True, indexes=(Hash("mood", "room", name="by mood"),)
    )

    assert sentences(hashed) == [
        "btree index by mood over mood, the room is not in the module",
        "hash index by mood over mood, the room is not in the stored schema",
    ]


def test_equal_schemas_have_no_difference() -> None:
    assert difference([MESSAGE, BARE], [MESSAGE, BARE]) == []
    assert difference([], []) == []


def test_the_order_of_tables_and_indexes_is_no_difference() -> None:
    turned = attrs.evolve(MESSAGE, indexes=MESSAGE.indexes[::-1])

    assert difference([MESSAGE, BARE], [BARE, turned]) == []


def test_a_default_of_nan_is_no_difference() -> None:
    table = TableSchema("t", (ColumnSchema("x", "x", k.F64, default=k.NAN),), ())

    assert difference([table], [table]) == []


def test_names_that_look_like_lists_are_told_apart() -> None:
    names = ("a, b", "c", "a", "b, c")
    columns = tuple([ColumnSchema(each, f"x{n}", k.U8) for n, each in enumerate(names)])
    one = TableSchema("t", columns, (), (IndexSchema("i", (0, 1), "btree"),))
    other = attrs.evolve(one, indexes=(IndexSchema("i", (2, 3), "btree"),))

    assert len(difference([one], [other])) == 2


@pytest.mark.slow
@given(module_specs(), module_specs(), st.integers(0, 1 << 32))
def test_there_is_a_difference_where_schemas_are_not_equal(
    one: tuple[TableSpec, ...], other: tuple[TableSpec, ...], seed: int
) -> None:
    before, after = (
        [bound.schema for bound in build(specs)[0].compiled().tables]
        for specs in (one, other)
    )
    shuffled = random.Random(seed).sample(before, len(before))

    assert difference(before, shuffled) == []
    assert (difference(before, after) == []) == (
        set(map(index_order_apart, before)) == set(map(index_order_apart, after))
    )


def index_order_apart(table: TableSchema) -> TableSchema:
    return attrs.evolve(table, indexes=tuple(sorted(table.indexes, key=repr)))


# Reducers.


def signatures(*functions: Callable[..., None], private: bool) -> Any:
    module = qsdb.Module("chat")
    for function in functions:
        module.reducer(private=private)(function)
    reducers = module.compiled().reducers
    return {name: parameters_kind(each) for name, each in reducers.items()}


def gone(_: qsdb.ReducerContext) -> None: ...


def fresh(_: qsdb.ReducerContext) -> None: ...


def send(_: qsdb.ReducerContext, room: str, shapes: list[Circle]) -> None: ...


def another_send(_: qsdb.ReducerContext, channel: str) -> None: ...


def move(_: qsdb.ReducerContext, mood: Mood) -> None: ...


def move_by_default(_: qsdb.ReducerContext, mood: Mood = Mood.CALM) -> None: ...


another_send.__name__, move_by_default.__name__ = "send", "move"


def test_each_difference_of_reducers_is_a_sentence() -> None:
    stored = signatures(gone, send, private=False)
    declared = signatures(another_send, fresh, private=False)

    circles = "tuple[Circle(radius: f64), ...]"
    takes = f"reducer send takes (room: str, shapes: {circles})"
    assert reducer_difference(stored, declared) == [
        "reducer gone is not in the module",
        "reducer fresh is not in the stored schema",
        both(takes, "(channel: str)"),
    ]


def test_access_and_defaults_of_reducers_are_no_difference() -> None:
    stored = signatures(gone, move, private=False)
    declared = signatures(move_by_default, gone, private=True)

    assert reducer_difference(stored, declared) == []
