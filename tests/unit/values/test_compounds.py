"""Kinds made of others: where they refuse, in which words, and how they sort.

The laws that hold for all kinds are in test_kinds.py.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from qsdb.codec import layout
from qsdb.values import kinds as k
from qsdb.values.compounds import (
    EMPTY_ITEMS_COUNT_MAX,
    ArrayKind,
    EnumKind,
    Field,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.kinds import Kind, MismatchError, Stored
from qsdb.values.misfits import Misfit
from qsdb.values.source import Names, compile_source

COLOUR = EnumKind("Colour", ("red", "green", "blue"))
POSITION = ProductKind("Position", (Field("x", k.F64), Field("y", k.F64)))
UNIT = ProductKind("Unit", ())
SHAPE = SumKind((Field("Circle", k.F64), Field("Position", POSITION)))
COLOURS = "one of Colour.red, Colour.green, Colour.blue"
ALL = [OptionKind(k.U8), ArrayKind(k.U8), COLOUR, POSITION, UNIT, SHAPE]

each_compound = pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)


def refusal(kind: Kind, value: Stored) -> tuple[object, str]:
    """Give the value that `kind` blames, and what it would have taken."""
    with pytest.raises(MismatchError) as caught:
        kind.canonical(value)
    return caught.value.value, caught.value.admitted


def is_suspect(kind: Kind, value: Stored) -> bool:
    names = Names()
    source = f"def is_suspect(x):\n    return {kind.suspicion('x', names)}\n"
    function = compile_source("test of compounds", source, names)["is_suspect"]
    assert callable(function)
    return bool(function(value))


def in_order(kind: Kind, values: Sequence[Stored]) -> list[Stored]:
    key: Any = kind.order
    return sorted(values, key=key)


@pytest.mark.parametrize(
    ("kind", "name", "default"),
    [
        (OptionKind(k.STR), "str | None", None),
        (ArrayKind(k.U8), "tuple[u8, ...]", ()),
        (COLOUR, "Colour", 0),
        (POSITION, "Position", (0.0, 0.0)),
        (UNIT, "Unit", ()),
        (SHAPE, "Circle | Position", (0, 0.0)),
    ],
)
def test_names_are_those_of_annotations(kind: Kind, name: str, default: Stored) -> None:
    assert kind.name == name
    assert kind.default == default


@each_compound
def test_what_is_never_stored_is_refused_and_suspect(kind: Kind) -> None:
    never: list[object] = [[], {}, Misfit(1), "x", 1.5]
    for value in never:
        assert is_suspect(kind, value)
        with pytest.raises(MismatchError):
            kind.canonical(value)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (OptionKind(k.U8), None),
        (OptionKind(k.U8), 5),
        (ArrayKind(k.U8), ()),
        (ArrayKind(k.U8), (1, 2)),
        (COLOUR, 2),
        (POSITION, (1.0, 2.0)),
        (UNIT, ()),
        (SHAPE, (0, 1.0)),
        (SHAPE, (1, (1.0, 2.0))),
    ],
)
def test_plain_values_are_taken_without_suspicion(kind: Kind, value: Stored) -> None:
    assert not is_suspect(kind, value)
    assert kind.canonical(value) == value


@pytest.mark.parametrize(
    ("kind", "value", "canonical"),
    [
        (OptionKind(k.F64), 1, 1.0),
        (ArrayKind(k.F64), (1, -0.0), (1.0, 0.0)),
        (POSITION, (1, 2), (1.0, 2.0)),
        (SHAPE, (1, (1, 2)), (1, (1.0, 2.0))),
    ],
)
def test_parts_become_canonical(kind: Kind, value: Stored, canonical: Stored) -> None:
    assert is_suspect(kind, value)
    assert repr(kind.canonical(value)) == repr(canonical)


@pytest.mark.parametrize(
    ("kind", "value", "blamed", "admitted"),
    [
        (OptionKind(k.U8), 256, 256, "an int from 0 to 255, or None"),
        (OptionKind(COLOUR), Misfit("x"), "x", f"{COLOURS}, or None"),
        (OptionKind(ArrayKind(k.U8)), (1, 256), 256, "an int from 0 to 255"),
        (OptionKind(ArrayKind(k.U8)), (None,), None, "an int from 0 to 255"),
        (OptionKind(ArrayKind(k.U8)), 5, 5, "a sequence of u8, or None"),
        (OptionKind(ArrayKind(COLOUR)), (Misfit("x"),), "x", COLOURS),
        (OptionKind(SHAPE), (1, (1.0,)), (1.0,), "a Position"),
        (ArrayKind(OptionKind(k.U8)), (1, 256), 256, "an int from 0 to 255, or None"),
        (ArrayKind(k.U8), 5, 5, "a sequence of u8"),
        (ArrayKind(k.U8), (1, 256), 256, "an int from 0 to 255"),
        (COLOUR, 3, 3, COLOURS),
        (COLOUR, True, True, COLOURS),
        (COLOUR, -1, -1, COLOURS),
        (POSITION, (1.0,), (1.0,), "a Position"),
        (POSITION, (1.0, 2.0, 3.0), (1.0, 2.0, 3.0), "a Position"),
        (UNIT, (1,), (1,), "a Unit"),
        (SHAPE, (1.0,), (1.0,), "one of Circle | Position"),
        (SHAPE, (2, 1.0), (2, 1.0), "one of Circle | Position"),
        (SHAPE, (-1, 1.0), (-1, 1.0), "one of Circle | Position"),
        (SHAPE, (True, 1.0), (True, 1.0), "one of Circle | Position"),
        (SHAPE, (1, (1.0,)), (1.0,), "a Position"),
    ],
)
def test_the_innermost_fault_is_blamed(
    kind: Kind, value: Stored, blamed: object, admitted: str
) -> None:
    assert is_suspect(kind, value)
    assert refusal(kind, value) == (blamed, admitted)


def test_a_fault_in_a_product_names_the_fields_on_the_way() -> None:
    line = ProductKind("Line", (Field("start", POSITION), Field("end", POSITION)))

    blamed, admitted = refusal(line, ((0.0, 0.0), (0.0, "x")))

    assert blamed == "x"
    assert admitted.endswith(
        "an infinity or NaN (field y of Position) (field end of Line)"
    )


def test_none_sorts_after_every_value() -> None:
    kind = OptionKind(k.I8)

    assert in_order(kind, [None, 5, -5, 0]) == [-5, 0, 5, None]


def test_nan_sorts_after_numbers_and_before_none() -> None:
    kind = OptionKind(k.F64)
    values = [None, k.NAN, float("inf"), 0.0]

    assert in_order(kind, values) == values[::-1]


def test_a_sum_sorts_by_its_tag_first() -> None:
    values = [(1, (0.0, 0.0)), (0, k.NAN), (0, 9.0)]

    assert in_order(SHAPE, values) == values[::-1]


@pytest.mark.parametrize(
    ("kind", "is_natural"),
    [
        (OptionKind(k.U8), False),
        (ArrayKind(k.U8), True),
        (ArrayKind(k.F64), False),
        (COLOUR, True),
        (UNIT, True),
        (POSITION, False),
        (SHAPE, False),
        (SumKind((Field("u8", k.U8), Field("str", k.STR))), True),
    ],
)
def test_only_floats_and_options_need_keys(kind: Kind, *, is_natural: bool) -> None:
    assert kind.is_naturally_ordered == is_natural


@pytest.mark.parametrize(
    "item", [UNIT, ProductKind("Pair", (Field("a", UNIT), Field("b", UNIT)))]
)
def test_items_that_hold_nothing_are_bounded(item: ProductKind) -> None:
    kind = ArrayKind(item)
    most = (item.default,) * EMPTY_ITEMS_COUNT_MAX

    assert not is_suspect(kind, most)
    assert kind.canonical(most) == most
    assert is_suspect(kind, (*most, item.default))
    _, admitted = refusal(kind, (*most, item.default))
    assert admitted == f"a sequence of at most 256 {item.name}, which hold nothing"


@pytest.mark.parametrize(
    "item", [k.BOOL, OptionKind(UNIT), ProductKind("P", (Field("a", k.U8),))]
)
def test_items_that_hold_something_are_not_bounded(item: Kind) -> None:
    many = (item.default,) * (EMPTY_ITEMS_COUNT_MAX + 1)

    assert not is_suspect(ArrayKind(item), many)
    assert ArrayKind(item).canonical(many) == many


def test_as_many_items_that_hold_nothing_are_admitted_as_can_be_encoded() -> None:
    assert EMPTY_ITEMS_COUNT_MAX == layout.EMPTY_ITEMS_COUNT_MAX
