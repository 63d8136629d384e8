"""The strategies reach what they promise: every kind, and every sort of fault."""

from collections.abc import Callable

import pytest
from hypothesis import Phase, find, given, settings

from qsdb.values import kinds as k
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    Field,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.kinds import Kind, MismatchError, Stored
from tests.support.strategies import SCALAR_KINDS, kinds, rough_values, stored_values

POINT = ProductKind("Point", (Field("x", OptionKind(k.I32)), Field("y", k.F64)))

search = settings(max_examples=2000, derandomize=True, phases=[Phase.generate])
"""Shrinking would take longer than finding, and nobody looks at what is found."""


def parts_of(kind: Kind) -> list[Kind]:
    match kind:
        case OptionKind():
            return [kind.inner]
        case ArrayKind():
            return [kind.item]
        case ProductKind():
            return [field.kind for field in kind.fields]
        case SumKind():
            return [variant.kind for variant in kind.variants]
        case _:
            return []


def depth(kind: Kind) -> int:
    return max([1 + depth(part) for part in parts_of(kind)], default=0)


def is_refused(kind: Kind, value: Stored) -> bool:
    try:
        kind.canonical(value)
    except MismatchError:
        return True
    return False


@pytest.mark.parametrize(
    "form", [EnumKind, OptionKind, ArrayKind, ProductKind, SumKind]
)
def test_every_form_of_kind_is_drawn(form: type[Kind]) -> None:
    kind = find(kinds(), lambda kind: isinstance(kind, form), settings=search)

    assert isinstance(kind, form)


@pytest.mark.parametrize("scalar", SCALAR_KINDS, ids=lambda kind: kind.name)
def test_every_scalar_kind_is_drawn(scalar: Kind) -> None:
    flat = kinds(depth_max=0)

    assert find(flat, lambda kind: kind == scalar, settings=search) == scalar


@given(kinds(depth_max=2))
def test_kinds_are_no_deeper_than_asked(kind: Kind) -> None:
    assert depth(kind) <= 2


@given(kinds())
def test_no_option_holds_an_option(kind: Kind) -> None:
    assert not any(
        isinstance(part, OptionKind)
        for part in parts_of(kind)
        if isinstance(kind, OptionKind)
    )


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(lambda value: value == (None, 0.0), id="plain"),
        pytest.param(lambda value: value[0] == -(1 << 31), id="bound"),
        pytest.param(lambda value: value[1] is k.NAN, id="nan"),
    ],
)
def test_stored_values_reach_the_edges(wanted: Callable[[Stored], bool]) -> None:
    value = find(stored_values(POINT), wanted, settings=search)

    assert not is_refused(POINT, value)


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(lambda value: type(value) is not tuple, id="no tuple"),
        pytest.param(lambda value: type(value) is list, id="list"),
        pytest.param(
            lambda value: type(value) is tuple and len(value) == 1, id="short"
        ),
        pytest.param(lambda value: type(value) is tuple and len(value) == 3, id="long"),
    ],
)
def test_rough_values_are_wrong_in_every_way(wanted: Callable[[Stored], bool]) -> None:
    value = find(rough_values(POINT), wanted, settings=search)

    assert is_refused(POINT, value)


def test_rough_values_are_often_right() -> None:
    value = find(
        rough_values(POINT),
        lambda value: not is_refused(POINT, value),
        settings=search,
    )

    assert not is_refused(POINT, value)
