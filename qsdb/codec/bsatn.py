"""BSATN: values as bytes, by functions that are compiled once for each kind.

Bytes say nothing of types or names; there is no padding and no alignment, and
whole numbers are little-endian:

=====================  =====================================================
bool                   one byte, 0 or 1
u8 … u256, i8 … i256   1 to 32 bytes, two's complement
f32, f64               IEEE bits, 4 or 8 bytes
str, bytes             u32 length in bytes, then the bytes (text: UTF-8)
Identity, ConnectionId
UUID                   32, 16 and 16 bytes: the number, so reversed
Timestamp, duration    i64 microseconds
ScheduleAt             tag (0 interval, 1 time), then i64 microseconds
enum                   one byte: the tag
option                 **0 and the value, or 1 for None**
array                  u32 count, then the items
product                the fields, one after another; a row is one
sum                    one byte tag, then the payload
=====================  =====================================================

>>> from qsdb.values.compounds import Field, OptionKind, ProductKind
>>> from qsdb.values.kinds import STR, U8, U16
>>> fields = Field("id", U16), Field("name", STR), Field("age", OptionKind(U8))
>>> player = ProductKind("Player", fields)
>>> encoder(player)((258, "Zoë", None)).hex(" ")
'02 01 04 00 00 00 5a 6f c3 ab 01'
>>> decoder(player)(bytes.fromhex("0201 03000000 416e6e 0029"))
(258, 'Ann', 41)
>>> fixed_size(player), fixed_size(U16)
(None, 2)

Rules:

1. ``decode(encode(value))`` is `value`, for every canonical stored value.
2. What decodes is canonical, whatever the bytes: the one `NAN`, no ``-0.0``.
   So bytes may change on the way through, values never.
3. Wrong bytes raise `DecodeError` and nothing else. What is
   allocated stays in proportion to the input.
4. An array of items without bytes (of an empty product) has at most 256 of
   them, in both directions; kinds nest at most 64 levels.

Functions are kept for as long as the program runs, one of each sort for each
kind. Finding one again hashes the whole kind (microseconds): keep it where it is
called for every row.

*Source*: SpacetimeDB's BSATN, checked against its published vectors.
"""

import functools

from qsdb.codec.decode import (
    Buffer,
    Decoder,
    Reader,
    decoder_source,
    reader_source,
)
from qsdb.codec.encode import Encoder, encoder_source
from qsdb.codec.layout import layout, refuse_deep, size_range
from qsdb.values.kinds import Kind
from qsdb.values.source import Names, compile_source

__all__ = [
    "Buffer",
    "DecodeError",
    "Decoder",
    "Encoder",
    "Reader",
    "decoder",
    "encoder",
    "fixed_size",
    "plain_codes",
    "reader",
]


class DecodeError(ValueError):
    """Bytes are no value of the kind, or end too early or too late.

    Attributes:
        position: Of the bytes that are wrong, from the start of the input.
        reason: What was found there and what was allowed.
    """

    def __init__(self, position: int, reason: str) -> None:
        """Name the place and the reason."""
        self.position = position
        self.reason = reason
        super().__init__(f"byte {position}: {reason}")

    def __reduce__(self) -> tuple[type["DecodeError"], tuple[int, str]]:
        """Pickle by the parts."""
        return type(self), (self.position, self.reason)

    @classmethod
    def truncated(
        cls, size: int, start: int, scalars: tuple[tuple[str, int], ...]
    ) -> "DecodeError":
        """Tell which of `scalars`, (name, bytes) from `start`, was cut off."""
        position, (name, needed) = start, scalars[0]
        for following in scalars[1:]:
            if position + needed > size:
                break
            position += needed
            name, needed = following
        left = max(size - position, 0)
        return cls(position, f"{name} needs {_bytes(needed)}, finds {left}")

    @classmethod
    def misfit(
        cls, name: str, size: int, scalars: tuple[tuple[str, int], ...]
    ) -> "DecodeError":
        """Tell why input of `size` bytes does not consist of `scalars`."""
        needed = sum(each for _, each in scalars)
        if size > needed:
            return cls.trailing(name, needed, size)
        return cls.truncated(size, 0, scalars)

    @classmethod
    def trailing(cls, name: str, position: int, size: int) -> "DecodeError":
        """Tell that the value ended before the input did."""
        return cls(position, f"{name} ends here, {_bytes(size - position)} after it")

    @classmethod
    def unknown(cls, name: str, position: int, found: int, bound: int) -> "DecodeError":
        """Tell that a byte is not below its bound."""
        return cls(position, f"{name} is {found}, at most {bound - 1} is allowed")

    @classmethod
    def overlong(cls, name: str, position: int, found: int, most: int) -> "DecodeError":
        """Tell that a length or count claims more than there can be."""
        return cls(position, f"{name} has length {found}, at most {most} is possible")

    @classmethod
    def unreadable(cls, start: int, error: UnicodeDecodeError) -> "DecodeError":
        """Tell which byte of a text from `start` is not UTF-8."""
        found = error.object[error.start]
        reason = f"str is not UTF-8: byte 0x{found:02x}, {error.reason}"
        return cls(start + error.start, reason)


@functools.cache
def encoder(kind: Kind) -> Encoder:
    """Give the function that encodes stored values of `kind`.

    It takes a canonical value, checks nothing but lengths, and raises
    `LimitError` where one is over 4,294,967,295, or an array has more than 256
    items without bytes.

    Raises:
        LimitError: `kind` nests more than 64 levels deep.

    Cost: about a millisecond at the first call for a kind.
    """
    refuse_deep(kind)
    names = Names()
    source = encoder_source(kind, names, encoder)
    function = compile_source(f"{kind.name} encoder", source, names)["encode"]
    assert callable(function)
    return function


@functools.cache
def decoder(kind: Kind) -> Decoder:
    """Give the function that decodes bytes that are one value of `kind`.

    It takes exactly `bytes`, and raises `DecodeError` where they are not one
    canonical encoding or any other of a value, from the first byte to the last.

    Raises:
        LimitError: `kind` nests more than 64 levels deep.

    Cost: about a millisecond at the first call for a kind.
    """
    refuse_deep(kind)
    names = Names(DecodeError=DecodeError)
    source = decoder_source(kind, names, reader)
    function = compile_source(f"{kind.name} decoder", source, names)["decode"]
    assert callable(function)
    return function


@functools.cache
def reader(kind: Kind) -> Reader:
    """Give the function that reads a value of `kind` out of a longer input.

    It takes bytes, a bytearray or a memoryview of single bytes, and a position
    from 0 to the end; it gives the value and the position after it, and raises
    `DecodeError`. The input may change afterwards: values are copies.

    Raises:
        LimitError: `kind` nests more than 64 levels deep.

    Cost: about a millisecond at the first call for a kind.
    """
    refuse_deep(kind)
    names = Names(DecodeError=DecodeError)
    source = reader_source(kind, names, reader)
    function = compile_source(f"{kind.name} reader", source, names)["read"]
    assert callable(function)
    return function


def fixed_size(kind: Kind) -> int | None:
    """Give the encoded size in bytes, if it is the same for every value.

    >>> from qsdb.values.kinds import IDENTITY, STR
    >>> fixed_size(IDENTITY), fixed_size(STR)
    (32, None)
    """
    least, greatest = size_range(kind)
    return least if least == greatest else None


@functools.cache
def plain_codes(kind: Kind) -> str | None:
    """Give the codes with which one `struct` packs a value's parts as they are.

    They pack ``*value``, little-endian and unaligned, together with whatever stands
    beside it. None where a value has parts that need more than that.

    >>> from qsdb.values.compounds import Field, ProductKind
    >>> from qsdb.values.kinds import STR, U8, U64
    >>> plain_codes(ProductKind("pair", (Field("a", U8), Field("b", U64))))
    'BQ'
    >>> plain_codes(ProductKind("text", (Field("a", STR),))), plain_codes(U8)
    (None, None)
    """
    shape = layout(kind)
    return shape.codes if shape.is_flat and shape.is_packed_plainly else None


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count} bytes"
