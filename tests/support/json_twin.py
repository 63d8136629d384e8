"""The slow and obvious twin of SATS-JSON: read off section 6 of wire.md.

It walks the kind for every value. It shares nothing with what it judges but the kinds.
"""

import struct
from collections.abc import Sequence
from typing import Any

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

__all__ = ["TwinError", "read", "write"]

FIELDS = {
    k.IDENTITY: "__identity__",
    k.CONNECTION_ID: "__connection_id__",
    k.UUID: "__uuid__",
    k.TIMESTAMP: "__timestamp_micros_since_unix_epoch__",
    k.TIME_DURATION: "__time_duration_micros__",
}
EMPTY = ProductKind("unit", ())


class TwinError(Exception):
    """JSON data is no value of the kind."""


def elsewhere(kind: Kind) -> Kind:
    """Give a special kind as the product or sum that it is in SATS."""
    match kind:
        case k.ScheduleAtKind():
            parts = [("Interval", k.TIME_DURATION), ("Time", k.TIMESTAMP)]
            return SumKind(tuple([Field(*each) for each in parts]))
        case EnumKind():
            return SumKind(tuple([Field(name, EMPTY) for name in kind.variants]))
        case OptionKind():
            return SumKind((Field("some", kind.inner), Field("none", EMPTY)))
        case ArrayKind() if kind.item == k.U8:
            return k.BYTES
        case _:
            return kind


def write(kind: Kind, value: Any, *, named: bool) -> object:
    """Give JSON data for a canonical stored value."""
    if kind in FIELDS:
        inner = _number(kind, value)
        return {FIELDS[kind]: inner} if named else [inner]
    if isinstance(kind, OptionKind):
        value = (1, ()) if value is None else (0, value)
    if isinstance(kind, EnumKind):
        value = (value, ())
    match elsewhere(kind):
        case ProductKind() as product:
            return _write_product(product, value, named=named)
        case SumKind() as union:
            tag, payload = value
            inner = write(union.variants[tag].kind, payload, named=named)
            return {union.variants[tag].name: inner} if named else [tag, inner]
        case ArrayKind() as array:
            return [write(array.item, each, named=named) for each in value]
        case leaf:
            return _write_leaf(leaf, value)


def _write_product(kind: ProductKind, value: Any, *, named: bool) -> object:
    parts = [
        write(field.kind, part, named=named)
        for field, part in zip(kind.fields, value, strict=True)
    ]
    if not named or not parts or kind.is_tuple:
        return parts
    names = [field.name for field in kind.fields]
    return dict(zip(names, parts, strict=True))


def _write_leaf(kind: Kind, value: Any) -> object:
    match kind:
        case k.FloatKind():
            return value if abs(value) < float("inf") else None
        case k.IntKind(bits=256):
            return f"{value:#x}"
        case k.BytesKind():
            return "".join([f"{each:02x}" for each in value])
        case _:
            return value


def _number(kind: Kind, value: Stored) -> object:
    if isinstance(value, bytes):
        number = int.from_bytes(value, "big")
        return f"{number:#x}" if kind == k.IDENTITY else number
    return value


def read(kind: Kind, data: Any) -> Stored:
    """Give the stored value of JSON data.

    Raises:
        TwinError: it is none.
    """
    if kind in FIELDS:
        return _read_special(kind, data)
    if isinstance(kind, OptionKind) and data is None:
        return None
    match elsewhere(kind):
        case ProductKind() as product:
            parts = _parts(data, [each.name for each in product.fields])
            pairs = zip(product.fields, parts, strict=True)
            return tuple([read(each.kind, part) for each, part in pairs])
        case SumKind() as union:
            return _read_sum(kind, union, data)
        case ArrayKind() as array:
            _require(isinstance(data, list))
            found = tuple([read(array.item, each) for each in data])
            _require(len(found) <= 256 or not _is_empty(array.item))
            return found
        case leaf:
            return _read_leaf(kind, leaf, data)


def _read_leaf(kind: Kind, leaf: Kind, data: object) -> Stored:
    match leaf:
        case k.BytesKind():
            found = _read_bytes(data)
            return tuple(found) if isinstance(kind, ArrayKind) else found
        case k.IntKind(bits=256):
            return _canonical(leaf, _wide(data))
        case k.FloatKind():
            return _read_float(leaf, data)
        case _:
            return _canonical(leaf, data)


def _read_special(kind: Kind, data: object) -> Stored:
    (inner,) = _parts(data, [FIELDS[kind]])
    if isinstance(kind, k.MicrosKind):
        return _canonical(k.I64, inner)
    assert isinstance(kind, k.BigEndianKind)
    number = _wide(inner) if kind == k.IDENTITY else inner
    _canonical(k.U256 if kind == k.IDENTITY else k.U128, number)
    assert isinstance(number, int)
    return number.to_bytes(kind.size, "big")


def _read_sum(kind: Kind, union: SumKind, data: object) -> Stored:
    names = [each.name for each in union.variants]
    tag: object = None
    payload: object = None
    if isinstance(data, dict) and len(data) == 1:
        ((name, payload),) = data.items()
        numbers = {
            f"{place:0{width}}": place
            for place in range(len(names))
            for width in (1, 2, 3)
        }
        tag = names.index(name) if name in names else numbers.get(name)
    elif isinstance(data, list) and len(data) == 2:
        tag, payload = data
    _require(type(tag) is int)
    assert type(tag) is int
    _require(0 <= tag < len(names))
    value = read(union.variants[tag].kind, payload)
    if isinstance(kind, OptionKind):
        return value if tag == 0 else None
    return tag if isinstance(kind, EnumKind) else (tag, value)


def _parts(data: object, names: Sequence[str]) -> list[object]:
    if isinstance(data, dict):
        _require(set(data) == set(names))
        return [data[name] for name in names]
    _require(isinstance(data, list))
    assert isinstance(data, list)
    _require(len(data) == len(names))
    return data


def _read_bytes(data: object) -> bytes:
    if isinstance(data, list):
        return bytes([_u8(each) for each in data])
    _require(isinstance(data, str))
    assert isinstance(data, str)
    _require(len(data) % 2 == 0 and set(data.lower()) <= set("0123456789abcdef"))
    return bytes([int(data[at : at + 2], 16) for at in range(0, len(data), 2)])


def _u8(data: object) -> int:
    number = _canonical(k.U8, data)
    assert isinstance(number, int)
    return number


def _wide(data: object) -> object:
    if not isinstance(data, str):
        return data
    digits = data.removeprefix("-")
    in_hex = digits.startswith("0x")
    digits = digits.removeprefix("0x")
    allowed = "0123456789abcdefABCDEF" if in_hex else "0123456789"
    _require(bool(digits) and set(digits) <= set(allowed))
    _require(len(digits) <= (64 if in_hex else 78))
    number = int(digits, 16 if in_hex else 10)
    return -number if data.startswith("-") else number


def _read_float(kind: k.FloatKind, data: object) -> Stored:
    _require(type(data) in (int, float))
    assert isinstance(data, int | float)
    try:
        number = float(data)
        if kind.bits == 32:
            number = struct.unpack("<f", struct.pack("<f", number))[0]
    except OverflowError:
        raise TwinError from None
    _require(abs(number) < float("inf"))
    return number + 0.0


def _is_empty(kind: Kind) -> bool:
    return isinstance(kind, ProductKind) and all(
        _is_empty(each.kind) for each in kind.fields
    )


def _canonical(kind: Kind, data: object) -> Stored:
    try:
        return kind.canonical(data)
    except k.MismatchError:
        raise TwinError from None


def _require(holds: bool) -> None:  # noqa: FBT001  it is what is required
    if not holds:
        raise TwinError
