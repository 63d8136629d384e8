"""Schemas in words: a line for each column, key and index."""

import enum
from typing import Any

import qsdb
from qsdb import BTree
from qsdb.schema.descriptions import describe, spelled
from qsdb.schema.rows import shape_of
from qsdb.schema.tables import TableOptions, TableSchema, table_schema
from qsdb.values import kinds as k
from qsdb.values.compounds import EnumKind, Field, ProductKind


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
