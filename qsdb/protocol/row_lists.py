r"""`RowList`: rows of one table, one after another, and where each begins.

Rows have no mark at their end, and whoever does not know their kind must still be able
to tell them apart. So a hint stands before them::

    00  size u16                     every row has so many bytes
    01  count u32, start u64 …       where each row begins; it ends where the next does
        length u32, rows …           the rows, in either case

Of rows that all are of one size, 1 to 65,535 bytes, the first form is written, also
where it is only by chance. No rows have the second form: 9 bytes.

>>> data = encode_row_list([b"\1\0", b"\2\0"])
>>> data.hex(" ")
'00 02 00 04 00 00 00 01 00 02 00'
>>> read_row_list(data).split()
[b'\x01\x00', b'\x02\x00']
"""

import struct
from collections.abc import Callable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

from qsdb.codec.bsatn import encoder, fixed_size, reader
from qsdb.protocol.fields import product
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.values.compounds import ArrayKind, Field, ProductKind, SumKind
from qsdb.values.kinds import BYTES, U8, U16, U64, Stored

__all__ = [
    "NO_ROWS",
    "ROW_LIST",
    "RowList",
    "encode_row_list",
    "read_row_list",
    "row_change_encoder",
    "row_list_encoder",
]

ROW_SIZE_MAX = (1 << 16) - 1
"""The size of a row in the hint is a u16."""

ROW_LIST = product(
    "RowList",
    size_hint=SumKind((Field("FixedSize", U16), Field("RowOffsets", ArrayKind(U64)))),
    rows_data=BYTES,
)

_read: Callable[[bytes, int], tuple[Any, int]] = reader(ROW_LIST)
_pack_one = struct.Struct("<BHI").pack
_encode_same_size = encoder(product("RowList", tag=U8, size=U16, rows_data=BYTES))
_encode_offsets = encoder(
    product("RowList", tag=U8, offsets=ArrayKind(U64), rows_data=BYTES)
)

NO_ROWS = _encode_offsets((1, (), b""))
"""The row list of no rows."""


class RowList(NamedTuple):
    """Rows that were received, still encoded.

    Attributes:
        size_hint: The size of every row in bytes, or the place where each begins.
        rows_data: All rows, one after another.
    """

    size_hint: int | tuple[int, ...]
    rows_data: bytes

    @classmethod
    def of_stored(cls, stored: Any) -> "RowList":  # noqa: ANN401  as a reader gives it
        """Take what the codec reads as a value of `ROW_LIST`."""
        (_, size_hint), rows_data = stored
        return cls(size_hint, rows_data)

    def split(self) -> list[bytes]:
        """Give the rows. Cost: O(bytes).

        Raises:
            ProtocolError: the hint does not fit the data.
        """
        hint, data = self
        if isinstance(hint, int):
            if not hint or len(data) % hint:
                raise _misfit(f"{len(data)} bytes are no rows of {hint} bytes each")
            return [data[at : at + hint] for at in range(0, len(data), hint)]
        ends = (*hint[1:], len(data)) if hint else ()
        if (hint[0] if hint else len(data)) != 0:
            raise _misfit(f"{len(data)} bytes do not begin with a row")
        for start, end in zip(hint, ends, strict=True):
            if start > end:
                raise _misfit(f"a row at {start} would end at {end} of {len(data)}")
        return [data[start:end] for start, end in zip(hint, ends, strict=True)]


def encode_row_list(rows: Sequence[bytes]) -> bytes:
    """Give the row list of encoded rows. Cost: about 1 µs, and 0.1 µs a row."""
    if not rows:
        return NO_ROWS
    size = len(rows[0])
    if 1 <= size <= ROW_SIZE_MAX and len({*map(len, rows)}) == 1:
        return _encode_same_size((0, size, b"".join(rows)))
    starts = accumulate(map(len, rows[:-1]), initial=0)
    return _encode_offsets((1, tuple(starts), b"".join(rows)))


def row_list_encoder(kind: ProductKind) -> Callable[[Sequence[Stored]], bytes]:
    """Give the function that makes a row list of stored rows of a kind.

    Where all rows of the kind have one size, none of them is measured.
    """
    encode, fixed = encoder(kind), fixed_size(kind)

    if fixed is None or not 1 <= fixed <= ROW_SIZE_MAX:

        def encode_rows(rows: Sequence[Stored]) -> bytes:
            if len(rows) == 1:  # as with most changes
                row = encode(rows[0])
                if 1 <= (size := len(row)) <= ROW_SIZE_MAX:
                    return _pack_one(0, size, size) + row
            return encode_row_list([*map(encode, rows)])

        return encode_rows

    head = _pack_one(0, fixed, fixed)

    def encode_same_size(rows: Sequence[Stored]) -> bytes:
        if len(rows) == 1:
            return head + encode(rows[0])
        if not rows:
            return NO_ROWS
        return _encode_same_size((0, fixed, b"".join(map(encode, rows))))

    return encode_same_size


def row_change_encoder(kind: ProductKind) -> Callable[[Stored, Stored], bytes]:
    """Give the function that makes two row lists: of one that came, one that went."""
    encode, fixed = encoder(kind), fixed_size(kind)

    if fixed is None or not 1 <= fixed <= ROW_SIZE_MAX:

        def encode_change(new: Stored, old: Stored) -> bytes:
            came, went = encode(new), encode(old)
            size, old_size = len(came), len(went)
            if 0 < size <= ROW_SIZE_MAX and 0 < old_size <= ROW_SIZE_MAX:
                head = _pack_one(0, size, size)
                return b"".join((head, came, _pack_one(0, old_size, old_size), went))
            return encode_row_list([came]) + encode_row_list([went])

        return encode_change

    head = _pack_one(0, fixed, fixed)
    return lambda new, old: b"".join((head, encode(new), head, encode(old)))


def read_row_list(data: bytes) -> RowList:
    """Read what `encode_row_list` gives.

    Raises:
        DecodeError: it is cut off, or its hint has another form.
    """
    stored, _ = _read(data, 0)
    return RowList.of_stored(stored)


def _misfit(reason: str) -> ProtocolError:
    return ProtocolError("RowList", 0, reason)
