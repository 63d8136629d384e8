"""Hypothesis strategies for what qsdb works on: kinds, and values of them.

`kinds` draws any kind a column can have, `stored_values` the canonical stored
values of one kind, and `rough_values` things that look like them and may be
wrong at any depth: a bool for an int, a NaN of its own, a tuple too long.

Compounds are drawn part by part, from few strategies that are made once:
Hypothesis takes ten times as long to check a new strategy as to draw from it.
"""

import functools
import math

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from qsdb.values import kinds as k
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    Field,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.kinds import Kind, Stored

__all__ = ["SCALAR_KINDS", "kinds", "rough_values", "stored_likes", "stored_values"]

INT_KINDS: tuple[k.IntKind, ...] = (
    *(k.I8, k.I16, k.I32, k.I64, k.I128, k.I256),
    *(k.U8, k.U16, k.U32, k.U64, k.U128, k.U256),
)

SCALAR_KINDS: tuple[Kind, ...] = (
    *(k.BOOL, *INT_KINDS, k.F32, k.F64, k.STR, k.BYTES),
    *(k.IDENTITY, k.CONNECTION_ID, k.UUID),
    *(k.TIMESTAMP, k.TIME_DURATION, k.SCHEDULE_AT),
)
"""Every kind that is not made of others, but for enums."""

_class_names = st.sampled_from(("Position", "Inventory", "Colour", "State"))
_part_names = st.sampled_from(("x", "y", "name", "owner", "hit_points", "last_seen"))
_parts = st.lists(_part_names, max_size=4, unique=True).map(tuple)
_parts_or_one = _parts.map(lambda names: names or ("x",))

_scalar_kinds = st.sampled_from(SCALAR_KINDS)
_forms = st.sampled_from(("scalar", "enum", "option", "array", "product", "sum"))
_leaf_forms = st.sampled_from(("scalar", "scalar", "scalar", "enum"))

_rough_floats = st.floats() | st.sampled_from(
    [0.0, -0.0, math.nan, -math.nan, float("nan"), 1e39, 1e-50]
)
_lengths = st.integers(0, 4)
_is_odd = st.integers(0, 7).map(lambda number: number == 7)
_faults = st.sampled_from(("other", "short", "long", "list"))


@st.composite
def kinds(draw: st.DrawFn, *, depth_max: int = 3) -> Kind:
    """Draw a kind: a scalar, an enum, or one made of others.

    An option never holds an option, since both would store None alike.

    Args:
        draw: Given by Hypothesis.
        depth_max: How many kinds may lie around a scalar.
    """
    return _draw_kind(draw, depth_max)


@st.composite
def stored_values(draw: st.DrawFn, kind: Kind) -> Stored:
    """Draw a canonical stored value of `kind`."""
    return _draw_value(draw, kind, is_rough=False)


@st.composite
def rough_values(draw: st.DrawFn, kind: Kind) -> Stored:
    """Draw a value near those of `kind`: right, not canonical yet, or wrong.

    Compounds may be rough at any depth, and tuples too short or too long.
    """
    return _draw_value(draw, kind, is_rough=True)


@functools.cache
def stored_likes() -> SearchStrategy[Stored]:
    """Draw any built-in value of the sorts that are stored, canonical or not."""
    leaves: SearchStrategy[Stored] = st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 300),
        _edge_ints(),
        _rough_floats,
        st.text(max_size=4),
        st.sampled_from(["\ud800", "é\udfff"]),
        st.binary(max_size=4),
        st.sampled_from([bytes(16), bytes(32), b"\xff" * 16]),
    )
    return leaves | st.lists(leaves, max_size=3).map(tuple)


def _draw_kind(draw: st.DrawFn, depth_max: int) -> Kind:
    form = draw(_forms if depth_max else _leaf_forms)
    match form:
        case "scalar":
            return draw(_scalar_kinds)
        case "enum":
            return EnumKind(draw(_class_names), draw(_parts_or_one))
        case "option":
            inner = _draw_kind(draw, depth_max - 1)
            return inner if isinstance(inner, OptionKind) else OptionKind(inner)
        case "array":
            return ArrayKind(_draw_kind(draw, depth_max - 1))
        case _:
            return _draw_compound(draw, form, depth_max)


def _draw_compound(draw: st.DrawFn, form: str, depth_max: int) -> Kind:
    names = draw(_parts if form == "product" else _parts_or_one)
    fields = tuple([Field(name, _draw_kind(draw, depth_max - 1)) for name in names])
    if form == "product":
        return ProductKind(draw(_class_names), fields)
    return SumKind(fields)


def _draw_value(draw: st.DrawFn, kind: Kind, *, is_rough: bool) -> Stored:
    value = _draw_parts(draw, kind, is_rough=is_rough)
    if not is_rough or not draw(_is_odd):
        return value
    match draw(_faults), value:
        case "short", (_, *rest):
            return tuple(rest)
        case "long", tuple():
            return (*value, 0)
        case "list", tuple():
            return list(value)
        case _:
            return draw(stored_likes())


def _draw_parts(draw: st.DrawFn, kind: Kind, *, is_rough: bool) -> Stored:
    match kind:
        case OptionKind():
            if draw(_is_odd):
                return None
            return _draw_value(draw, kind.inner, is_rough=is_rough)
        case ArrayKind():
            parts = [kind.item] * draw(_lengths)
        case ProductKind():
            parts = [field.kind for field in kind.fields]
        case SumKind():
            tag = draw(_tags(len(kind.variants)))
            payload = kind.variants[tag].kind
            return (tag, _draw_value(draw, payload, is_rough=is_rough))
        case k.FloatKind() if is_rough:
            return draw(_rough_floats)
        case _:
            return draw(_leaf_values(kind))
    return tuple([_draw_value(draw, part, is_rough=is_rough) for part in parts])


@functools.cache
def _leaf_values(kind: Kind) -> SearchStrategy[Stored]:
    match kind:
        case k.BoolKind():
            return st.booleans()
        case k.StrKind():
            return st.text(max_size=12)
        case k.BytesKind():
            return st.binary(max_size=12)
        case k.BigEndianKind():
            return st.binary(min_size=kind.size, max_size=kind.size)
        case _:
            return _number_values(kind)


def _number_values(kind: Kind) -> SearchStrategy[Stored]:
    match kind:
        case k.IntKind():
            return _ints_between(kind.least, kind.greatest)
        case EnumKind():
            return _tags(len(kind.variants))
        case k.FloatKind():
            return st.floats(width=32 if kind.bits == 32 else 64).map(_one_nan)
        case k.MicrosKind():
            return _micros()
        case _:
            assert isinstance(kind, k.ScheduleAtKind), f"no strategy for {kind!r}"
            return st.tuples(st.integers(0, 1), _micros())


@functools.cache
def _tags(count: int) -> SearchStrategy[int]:
    return st.integers(0, count - 1)


def _ints_between(least: int, greatest: int) -> SearchStrategy[int]:
    edges = [least, least + 1, 0, 1, greatest - 1, greatest]
    return st.integers(least, greatest) | st.sampled_from(edges)


def _edge_ints() -> SearchStrategy[int]:
    """Draw the bounds of every int kind, and what lies just outside."""
    bounds = [bound for kind in INT_KINDS for bound in (kind.least, kind.greatest)]
    return st.builds(int.__add__, st.sampled_from(bounds), st.integers(-1, 1))


def _micros() -> SearchStrategy[int]:
    return _ints_between(-(1 << 63), (1 << 63) - 1)


def _one_nan(value: float) -> float:
    """Give the canonical form: the one NaN, and no negative zero."""
    return k.NAN if math.isnan(value) else value or 0.0
