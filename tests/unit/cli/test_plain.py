"""Plain data: the same of a user's value and of what a server answers."""

import math
import uuid
from typing import cast

import pytest

import qsdb
from qsdb import ConnectionId, Identity, ScheduleAt, TimeDuration, Timestamp
from qsdb.cli.plain_types import plain_of_type, variant_names
from qsdb.cli.plain_values import columns_of, plain, plain_row
from qsdb.codec.sats_json import json_writer
from qsdb.schema.bindings import Binding
from qsdb.schema.rows import RowClass, shape_of
from qsdb.server.algebraic_types import Typespace, inline_type
from tests.support.zoo import Animal, Cage, Member, Mood, Nowhere, Number, Place

ZERO = Identity.ZERO
ANIMAL = Animal(
    uuid.UUID("01888d6e-5c00-7000-8000-000000000001"),
    "lion",
    Mood.angry,
    Cage(3, Place(1.0, -0.5), "Ada"),
    math.pi,
    b"\x00*",
    ((7, None), (8, "x")),
    ("hay", "grass"),
    Place(2.0, 0.0),
    Identity.from_hex("c2" * 32),
)


class Times(qsdb.Row):
    at: Timestamp
    after: TimeDuration
    due: ScheduleAt
    next: ScheduleAt
    over: ConnectionId | None
    member: Member


TIMES = Times(
    Timestamp.parse("2024-02-29T13:00:00Z"),
    TimeDuration.from_micros(-1),
    ScheduleAt.interval(TimeDuration.from_micros(1_500_000)),
    ScheduleAt.time(Timestamp.EPOCH),
    ConnectionId.from_hex("0" * 31 + "1"),
    Member.index,
)
NUMBER = Number(
    *(-1, 1, -3, -(2**63), -(2**127), -(2**255)),
    *(255, 1, 2, 2**128 - 1, 2**256 - 1, True),
)

CELLS = [
    (f"{type(row).__name__}.{column.name}", column.binding, value)
    for row in (ANIMAL, TIMES, NUMBER)
    for shape in [shape_of(cast(RowClass, type(row)))]
    for column, value in zip(shape.columns, row, strict=True)
]


@pytest.mark.parametrize(
    ("binding", "value"), [pytest.param(*each, id=name) for name, *each in CELLS]
)
def test_both_ways_give_the_same(binding: Binding, value: object) -> None:
    kind = binding.kind
    stored = binding.enter(value)
    typespace = Typespace()
    by_reference = typespace.type_of(kind)

    expected = plain(value, kind)

    for named in (True, False):
        data = json_writer(kind, named=named)(stored)
        assert plain_of_type(inline_type(kind), data) == expected
        assert plain_of_type(by_reference, data, typespace.types) == expected


def test_a_row_is_plain() -> None:
    assert dict(zip(columns_of(TIMES), plain_row(TIMES), strict=True)) == {
        "at": "2024-02-29T13:00:00Z",
        "after": "-0.000001",
        "due": {"Interval": "+1.500000"},
        "next": {"Time": "1970-01-01T00:00:00Z"},
        "over": f"0x{'0' * 31}1",
        "member": "index",
    }
    assert plain(ANIMAL) == {
        "animal_id": 0,
        "chip": "01888d6e-5c00-7000-8000-000000000001",
        "species": "lion",
        "mood": "angry",
        "lives": {
            "Cage": {"number_of": 3, "at": {"x": 1.0, "y": -0.5}, "constructor": "Ada"}
        },
        "weight": math.pi,
        "photo": "0x002a",
        "marks": [[7, None], [8, "x"]],
        "eats": ["hay", "grass"],
        "place": {"x": 2.0, "y": 0.0},
        "keeper": f"0x{'c2' * 32}",
    }


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        ({"a": [b"", Nowhere()]}, {"a": ["0x", {}]}),
        (object, "<class 'object'>"),
    ],
)
def test_what_json_has_not_is_text(value: object, shown: object) -> None:
    assert plain(value) == shown


def test_what_a_server_leaves_out_is_none() -> None:
    option = {
        "Sum": {
            "variants": [
                {"name": {"some": "some"}, "algebraic_type": {"U8": []}},
                {
                    "name": {"some": "none"},
                    "algebraic_type": {"Product": {"elements": []}},
                },
            ]
        }
    }

    assert plain_of_type(option, None) is None
    assert plain_of_type({"F64": []}, None) is None
    assert plain_of_type({"U256": []}, 7) == 7
    assert variant_names({"U8": []}) == []
