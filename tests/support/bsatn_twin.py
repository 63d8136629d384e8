"""The slow and obvious twin of qsdb.codec: BSATN read off the table in wire.md.

It walks the kind for every value, and takes bytes one after another, with no
struct for whole numbers and no generated code. It shares nothing with what it
judges but the kinds.
"""

import struct

from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.kinds import (
    NAN,
    BigEndianKind,
    BoolKind,
    BytesKind,
    FloatKind,
    IntKind,
    Kind,
    MicrosKind,
    ScheduleAtKind,
    Stored,
    StrKind,
)

__all__ = ["EMPTY_ITEMS_COUNT_MAX", "TwinError", "decode", "encode", "read"]

EMPTY_ITEMS_COUNT_MAX = 256
"""The one rule that is qsdb's own: items without bytes are at most so many."""


class TwinError(Exception):
    """Bytes are no value of the kind, or a value has no bytes."""


def encode(kind: Kind, value: Stored) -> bytes:
    """Give the bytes of a canonical stored value."""
    match kind:
        case ProductKind():
            assert isinstance(value, tuple)
            pairs = zip(kind.fields, value, strict=True)
            return b"".join([encode(field.kind, part) for field, part in pairs])
        case SumKind():
            assert isinstance(value, tuple)
            tag, payload = value
            return bytes([tag]) + encode(kind.variants[tag].kind, payload)
        case OptionKind():
            return b"\x01" if value is None else b"\x00" + encode(kind.inner, value)
        case ArrayKind():
            assert isinstance(value, tuple)
            items = b"".join([encode(kind.item, item) for item in value])
            if value and not items and len(value) > EMPTY_ITEMS_COUNT_MAX:
                raise TwinError(f"{len(value)} items without bytes")
            return _encode_int(len(value), 4) + items
        case ScheduleAtKind():
            assert isinstance(value, tuple)
            tag, micros = value
            return bytes([tag]) + _encode_int(micros, 8)
        case _:
            return _encode_leaf(kind, value)


def decode(kind: Kind, data: bytes) -> Stored:
    """Give the stored value that `data` is, from the first byte to the last."""
    value, position = read(kind, data, 0)
    if position != len(data):
        raise TwinError(f"{len(data) - position} bytes too many")
    return value


def read(kind: Kind, data: bytes, position: int) -> tuple[Stored, int]:
    """Give the stored value at `position`, and the position after it."""
    source = _Source(data, position)
    return source.value(kind), source.position


def _encode_leaf(kind: Kind, value: Stored) -> bytes:
    match kind:
        case StrKind():
            assert isinstance(value, str)
            return _encode_int(len(value.encode()), 4) + value.encode()
        case BytesKind():
            assert isinstance(value, bytes)
            return _encode_int(len(value), 4) + value
        case BigEndianKind():
            assert isinstance(value, bytes)
            return bytes(reversed(value))
        case FloatKind():
            return struct.pack("<f" if kind.bits == 32 else "<d", value)
        case _:
            assert isinstance(value, int)
            return _encode_int(value, _int_form(kind)[0])


def _encode_int(value: int, size: int) -> bytes:
    return bytes([value >> (8 * place) & 0xFF for place in range(size)])


def _int_form(kind: Kind) -> tuple[int, bool]:
    """Give the size in bytes, and whether the number is signed."""
    match kind:
        case IntKind():
            return kind.bits // 8, kind.signed
        case MicrosKind():
            return 8, True
        case _:
            assert isinstance(kind, BoolKind | EnumKind)
            return 1, False


class _Source:
    """Bytes, and how far they have been taken."""

    def __init__(self, data: bytes, position: int) -> None:
        self.data = data
        self.position = position

    def value(self, kind: Kind) -> Stored:
        match kind:
            case ProductKind():
                return tuple([self.value(field.kind) for field in kind.fields])
            case SumKind():
                tag = self.tag(len(kind.variants))
                return (tag, self.value(kind.variants[tag].kind))
            case OptionKind():
                return None if self.tag(2) else self.value(kind.inner)
            case ArrayKind():
                return self.array(kind)
            case ScheduleAtKind():
                return (self.tag(2), self.number(8, signed=True))
            case _:
                return self.leaf(kind)

    def array(self, kind: ArrayKind) -> Stored:
        count = self.number(4, signed=False)
        items: list[Stored] = []
        for _ in range(count):
            start = self.position
            items.append(self.value(kind.item))
            if self.position == start and count > EMPTY_ITEMS_COUNT_MAX:
                raise TwinError(f"{count} items without bytes")
        return tuple(items)

    def leaf(self, kind: Kind) -> Stored:
        match kind:
            case StrKind():
                return self.text()
            case BytesKind():
                return self.take(self.number(4, signed=False))
            case BigEndianKind():
                return bytes(reversed(self.take(kind.size)))
            case FloatKind():
                return self.real(kind.bits // 8)
            case _:
                return self.whole(kind)

    def whole(self, kind: Kind) -> int:
        match kind:
            case BoolKind():
                return self.tag(2) == 1
            case EnumKind():
                return self.tag(len(kind.variants))
            case _:
                size, signed = _int_form(kind)
                return self.number(size, signed=signed)

    def text(self) -> str:
        taken = self.take(self.number(4, signed=False))
        try:
            return taken.decode("utf-8")
        except UnicodeDecodeError as error:
            raise TwinError(f"no text: {error}") from error

    def real(self, size: int) -> float:
        (value,) = struct.unpack("<f" if size == 4 else "<d", self.take(size))
        assert isinstance(value, float)
        if value != value:
            return NAN
        return 0.0 if value == 0.0 else value

    def tag(self, count: int) -> int:
        tag = self.number(1, signed=False)
        if tag >= count:
            raise TwinError(f"tag {tag} of {count}")
        return tag

    def number(self, size: int, *, signed: bool) -> int:
        number = 0
        for place, byte in enumerate(self.take(size)):
            number += byte << (8 * place)
        if signed and number >> (8 * size - 1):
            number -= 1 << (8 * size)
        return number

    def take(self, count: int) -> bytes:
        taken = self.data[self.position : self.position + count]
        if len(taken) < count:
            raise TwinError(f"{count} bytes wanted, {len(taken)} left")
        self.position += count
        return taken
