"""Kinds and defaults as plain data, and as CBOR that nobody has to trust."""

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb import LimitError
from qsdb.codec.cbor import from_cbor, to_cbor
from qsdb.codec.layout import KIND_DEPTH_MAX
from qsdb.schema.kind_data import kind_from_data, kind_to_data, value_from_data
from qsdb.values import kinds as k
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    Field,
    OptionKind,
    ProductKind,
    SumKind,
)
from tests.support.strategies import SCALAR_KINDS, kinds, stored_values

PLACE = ProductKind("Place", (Field("x", k.F32), Field("y", k.F32)))


def nested(levels_count: int) -> k.Kind:
    """Make a kind of so many levels, of the sort with the most lists around."""
    kind: k.Kind = k.U8
    for _ in range(levels_count - 1):
        kind = ProductKind("P", (Field("x", kind),))
    return kind


def nested_data(levels_count: int) -> Any:
    data: Any = "u8"
    for _ in range(levels_count - 1):
        data = ["product", "P", [["x", data]]]
    return data


# Kinds as data.


@pytest.mark.parametrize("kind", SCALAR_KINDS, ids=lambda kind: kind.name)
def test_a_kind_without_parts_is_its_name(kind: k.Kind) -> None:
    assert kind_to_data(kind) == kind.name
    assert kind_from_data(kind.name) is kind


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (OptionKind(k.U8), ["option", "u8"]),
        (ArrayKind(OptionKind(k.STR)), ["array", ["option", "str"]]),
        (EnumKind("Mood", ("calm", "mad")), ["enum", "Mood", ["calm", "mad"]]),
        (PLACE, ["product", "Place", [["x", "f32"], ["y", "f32"]]]),
        (ProductKind("Unit", ()), ["product", "Unit", []]),
        (
            SumKind((Field("Place", PLACE), Field("Id", k.UUID))),
            ["sum", [["Place", kind_to_data(PLACE)], ["Id", "UUID"]]],
        ),
        (EnumKind("u8", ("str",)), ["enum", "u8", ["str"]]),
    ],
)
def test_a_kind_with_parts_is_a_list(kind: k.Kind, data: object) -> None:
    assert kind_to_data(kind) == data
    assert kind_from_data(data) == kind


@pytest.mark.slow
@given(kinds())
def test_every_kind_comes_back_equal(kind: k.Kind) -> None:
    data = kind_to_data(kind)

    again = kind_from_data(from_cbor(to_cbor(data)))

    assert again == kind
    assert kind_to_data(again) == data


def test_the_deepest_kind_comes_back_equal() -> None:
    kind = nested(KIND_DEPTH_MAX)

    assert kind_from_data(from_cbor(to_cbor(kind_to_data(kind)))) == kind


def test_a_deeper_kind_is_neither_written_nor_read() -> None:
    with pytest.raises(LimitError, match="more than 64 levels"):
        kind_to_data(nested(KIND_DEPTH_MAX + 1))
    with pytest.raises(ValueError, match="more than 64 levels"):
        kind_from_data(nested_data(KIND_DEPTH_MAX + 1))


@pytest.mark.parametrize(
    "kind", [k.IntKind(24, signed=True), k.BigEndianKind("UUID", 17)]
)
def test_a_kind_that_nobody_can_declare_is_not_written(kind: k.Kind) -> None:
    with pytest.raises(ValueError, match=f"the kind {kind.name} has no form"):
        kind_to_data(ArrayKind(kind))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        *itertools.product(
            ("u24", "option", "", 5, None, b"u8", [], {}, {"u8": 1}, ["u8"]),
            ["is no kind"],
        ),
        (["option"], "is no kind"),
        (["option", "u8", "u8"], "is no kind"),
        (["tuple", "u8"], "is no kind"),
        ([["option"], "u8"], "is no kind"),
        (["option", "u24"], "'u24' is no kind"),
        (["option", ["option", "u8"]], "an option of u8 | None"),
        (["array", None], "None is no kind"),
        (["enum", "E", "abc"], "is no kind"),
        (["enum", 5, ["a"]], "is no kind"),
        (["enum", "E", []], "a kind of 0 variants; 1 to 256 are possible"),
        (["enum", "E", [*map(str, range(257))]], "a kind of 257 variants"),
        (["enum", "E", ["a", 5]], "E: 5 is no name"),
        (["enum", "E", ["a", []]], r"E: \[\] is no name"),
        (["enum", "E", ["a", "b", "a"]], "E: the name 'a' stands there twice"),
        (["product", "P", {}], "is no kind"),
        (["product", "P", ["x"]], "P: 'x' is no name with a kind"),
        (["product", "P", [["x"]]], "is no name with a kind"),
        (["product", "P", [["x", "u8", 0]]], "is no name with a kind"),
        (["product", "P", [[1, "u8"]]], "is no name with a kind"),
        (["product", "P", [["x", "u24"]]], "'u24' is no kind"),
        (["product", "P", [["x", "u8"], ["x", "u8"]]], "P: the name 'x' stands"),
        (["sum", []], "a kind of 0 variants"),
        (["sum", [["x", "u8"], ["x", "u8"]]], "a union: the name 'x' stands"),
    ],
)
def test_what_is_no_kind_is_refused(data: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        kind_from_data(data)


def test_data_that_holds_itself_is_no_kind() -> None:
    data: list[Any] = ["array"]
    data.append(data)

    with pytest.raises(ValueError, match="more than 64 levels"):
        kind_from_data(data)


_likes = st.recursive(
    st.sampled_from(["u8", "option", "array", "enum", "product", "sum", "x"])
    | st.none()
    | st.integers(0, 3)
    | st.binary(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
)


@pytest.mark.slow
@given(_likes)
def test_data_is_a_kind_or_a_value_error(data: object) -> None:
    try:
        kind = kind_from_data(data)
    except ValueError:
        return
    assert kind_to_data(kind) == data


# Values.


@pytest.mark.slow
@given(st.data())
def test_every_value_comes_back_canonical(data: st.DataObject) -> None:
    kind = data.draw(kinds())
    value = data.draw(stored_values(kind))

    again = value_from_data(kind, from_cbor(to_cbor(value)))

    assert repr(again) == repr(value)
    assert (kind.canonical(again),) == (again,)


def test_a_nan_comes_back_as_the_one() -> None:
    kind = ArrayKind(k.F64)

    again = value_from_data(kind, from_cbor(to_cbor((float("nan"), -0.0))))

    assert type(again) is tuple
    assert again[0] is k.NAN
    assert str(again[1]) == "0.0"


@pytest.mark.parametrize(
    ("kind", "data"),
    [(k.U8, 256), (k.U8, True), (k.STR, b""), (PLACE, [1.0]), (k.BOOL, {}), (k.U8, [])],
)
def test_a_value_of_another_kind_is_refused(kind: k.Kind, data: object) -> None:
    with pytest.raises(ValueError, match=" is not "):
        value_from_data(kind, data)
