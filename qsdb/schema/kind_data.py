"""Kinds as plain data: how the catalogue keeps a type, as CBOR (`qsdb.codec.cbor`).

A kind is written as texts and lists, which any CBOR tool can show::

    "u8"                                             every kind without parts, by name
    ["option", KIND]
    ["array", KIND]
    ["enum", "Mood", ["calm", "angry"]]
    ["product", "Place", [["x", KIND], ["y", KIND]]]
    ["sum", [["Circle", KIND], ["Square", KIND]]]

A stored value is plain data as it is (its tuples become lists), so a default is
written directly, and read by its kind.

Reading trusts nothing. What is no kind, nests too deep or names a part twice is
a ValueError.
"""

from collections.abc import Mapping
from typing import Any

from qsdb.codec.layout import KIND_DEPTH_MAX, refuse_deep
from qsdb.errors import brief
from qsdb.values import kinds
from qsdb.values.compounds import (
    VARIANTS_COUNT_MAX,
    ArrayKind,
    EnumKind,
    Field,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.kinds import Kind, MismatchError, Stored

__all__ = ["kind_from_data", "kind_to_data", "value_from_data"]

_PARTLESS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        *(kinds.BOOL, kinds.F32, kinds.F64, kinds.STR, kinds.BYTES),
        *(kinds.I8, kinds.I16, kinds.I32, kinds.I64, kinds.I128, kinds.I256),
        *(kinds.U8, kinds.U16, kinds.U32, kinds.U64, kinds.U128, kinds.U256),
        *(kinds.IDENTITY, kinds.CONNECTION_ID, kinds.UUID),
        *(kinds.TIMESTAMP, kinds.TIME_DURATION, kinds.SCHEDULE_AT),
    )
}
"""The kinds that are not made of others and not a user's, by name."""


def kind_to_data(kind: Kind) -> object:
    """Give a kind as texts and lists of them.

    Raises:
        LimitError: it nests more than `KIND_DEPTH_MAX` levels deep.
        ValueError: it is, or has inside, a kind that has no form here.

    >>> kind_to_data(OptionKind(kinds.U8))
    ['option', 'u8']
    """
    refuse_deep(kind)
    return _kind_data(kind)


def _kind_data(kind: Kind) -> object:
    match kind:
        case OptionKind():
            return ["option", _kind_data(kind.inner)]
        case ArrayKind():
            return ["array", _kind_data(kind.item)]
        case EnumKind():
            return ["enum", kind.class_name, list(kind.variants)]
        case ProductKind():
            return ["product", kind.class_name, _fields_data(kind.fields)]
        case SumKind():
            return ["sum", _fields_data(kind.variants)]
        case _ if _PARTLESS.get(kind.name) == kind:
            return kind.name
        case _:
            raise ValueError(f"the kind {kind.name} has no form in the catalogue")


def _fields_data(fields: tuple[Field, ...]) -> object:
    return [[field.name, _kind_data(field.kind)] for field in fields]


def kind_from_data(data: object) -> Kind:
    """Give the kind that `kind_to_data` gave as `data`.

    Raises:
        ValueError: `data` is no kind, or nests more than `KIND_DEPTH_MAX` deep.

    >>> kind_from_data(["array", "str"]).name
    'tuple[str, ...]'
    """
    return _kind(data, KIND_DEPTH_MAX)


def _kind(data: object, levels_count: int) -> Kind:
    """Read a kind of at most so many levels."""
    if not levels_count:
        raise ValueError(f"a kind nests more than {KIND_DEPTH_MAX} levels deep")
    inside = levels_count - 1
    match data:
        case str() if data in _PARTLESS:
            return _PARTLESS[data]
        case ["option", inner]:
            return _option(_kind(inner, inside))
        case ["array", item]:
            return ArrayKind(_kind(item, inside))
        case ["enum", str(class_name), list(names)]:
            return EnumKind(class_name, _variants(_names(names, class_name)))
        case ["product", str(class_name), list(parts)]:
            return ProductKind(class_name, _fields(parts, class_name, inside))
        case ["sum", list(parts)]:
            return SumKind(_variants(_fields(parts, "a union", inside)))
        case _:
            raise ValueError(f"{brief(data)} is no kind")


def _option(inner: Kind) -> Kind:
    if isinstance(inner, OptionKind):
        raise ValueError(  # noqa: TRY004  it is data that is wrong
            f"an option of {inner.name}: both would store None alike"
        )
    return OptionKind(inner)


def _fields(parts: list[object], owner: str, levels_count: int) -> tuple[Field, ...]:
    fields: list[Field] = []
    for part in parts:
        match part:
            case [str(name), data]:
                fields.append(Field(name, _kind(data, levels_count)))
            case _:
                raise ValueError(f"{owner}: {brief(part)} is no name with a kind")
    _names([field.name for field in fields], owner)
    return tuple(fields)


def _names(names: list[Any], owner: str) -> tuple[str, ...]:
    """Refuse what is no list of different names."""
    seen: set[str] = set()
    for name in names:
        if type(name) is not str:
            raise ValueError(f"{owner}: {brief(name)} is no name")
        if name in seen:
            raise ValueError(f"{owner}: the name {brief(name)} stands there twice")
        seen.add(name)
    return tuple(names)


def _variants(variants: tuple[Any, ...]) -> tuple[Any, ...]:
    if not 1 <= len(variants) <= VARIANTS_COUNT_MAX:
        bound = f"1 to {VARIANTS_COUNT_MAX} are possible"
        raise ValueError(f"a kind of {len(variants)} variants; {bound}")
    return variants


def value_from_data(kind: Kind, data: object) -> Stored:
    """Give the canonical stored value of a kind that was written as `data`.

    Raises:
        ValueError: `data` is no value of this kind.

    >>> value_from_data(ArrayKind(kinds.U8), [1, 2])
    (1, 2)
    """
    try:
        return kind.canonical(_tuples(data))
    except MismatchError as mismatch:
        given = brief(mismatch.value)
        raise ValueError(f"{given} is not {mismatch.admitted}") from None


def _tuples(data: object) -> object:
    """Give lists as tuples, at any depth."""
    return tuple([_tuples(item) for item in data]) if type(data) is list else data
