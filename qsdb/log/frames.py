"""The frame: what one write puts into a segment of the log, and how it is known again.

A *record* is what one commit wrote; the log does not look into it. A *frame*
holds a run of records and is all there or not there. Little-endian, and aligned
to 8 bytes in the segment:

====  ====  ==================================================================
 at   size
====  ====  ==================================================================
  0     4   magic, ``f5 71 64 62``
  4     4   length of the body in bytes, at most `FRAME_BODY_MAX`
  8     8   position of the frame in its segment
 16     8   offset of its first record; without records, of the next one
 24     4   number of records that end in the frame
 28     4   flags
 32     8   durable mark: bytes of the segment known synced when it was built
 40     4   checksum of the frame before; in the first one the segment's chain
 44     4   checksum of bytes 0 to 43
 48     …   body
  …     4   checksum of bytes 0 to 43 and the body
  …     …   zeros to a multiple of 8
====  ====  ==================================================================

Checksums are ``zlib.crc32``, begun with the segment's salt. The second one goes
on where the first stopped and leaves out the bytes of the first: a CRC over data
and its own CRC is the same for all data.

The body is the records, each after its length (4 bytes); record k has the
frame's offset plus k. A record too large for one body goes in *parts*: frames
with the flag `PART`, each with nothing but a piece of it in the body. All but
the last count no record, so the record is there when its last part is. Without
records a frame is a *mark*: it carries only its durable mark.

::

    ┌──────────┬──────────┬──────┬────────┬────────┬────────┬──────┬ ─ ─
    │ segment  │ records  │ mark │ part   │ part   │ part   │ rec… │ zeros
    │ header   │ 1 2 3    │      │ of 4   │ of 4   │ of 4   │ 5    │
    └──────────┴──────────┴──────┴────────┴────────┴────────┴──────┴ ─ ─
      count =    3          0      0        0        1        1

Rules:

1. Position and salt: a frame is right only in the place it was built for. Copies,
   remains of other segments and log bytes inside users' values are not frames.
2. The header can be checked alone, and a length is believed only after that and
   if the body then ends within the bound and the bytes at hand.
3. Each frame names the one before. So order is checked, and yet each frame
   alone can be known as one, whatever happened to those before.
4. Flags in the upper half change what a frame means: a reader that does not know
   one must refuse. Those in the lower half may be ignored.

*Source*: etcd's rolling checksum, LevelDB's fragments; the durable mark is ours.
"""

import itertools
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from qsdb.errors import ArgumentError

__all__ = [
    "FRAME_BODY_MAX",
    "FRAME_BYTES_MAX",
    "FRAME_HEADER_BYTES",
    "FRAME_MAGIC",
    "KNOWN_FLAGS",
    "LENGTH_BYTES",
    "MARK",
    "MUST_KNOW_FLAGS",
    "PART",
    "Body",
    "Frame",
    "FrameHeader",
    "Place",
    "build_frame",
    "pack_records",
    "parse_frame",
    "parse_header",
    "unpack_records",
]

# All of these are on disk; never change them.
FRAME_MAGIC = b"\xf5qdb"
"""No UTF-8 text holds it, so that a search for frames seldom stops for nothing."""
FRAME_BODY_MAX = 1 << 20
"""In bytes. A bound on what a damaged length makes a reader do, and within what
CRC-32 finds every two wrong bits."""
PART = 1 << 16
"""Flag: the body is a piece of one record, without a length before it."""
KNOWN_FLAGS = PART
MUST_KNOW_FLAGS = 0xFFFF_0000

_FIELDS = struct.Struct("<4sIQQIIQI")
_HEADER = struct.Struct("<4sIQQIIQII")
_CRC = _LENGTH = struct.Struct("<I")
_ALIGNMENT = 8

LENGTH_BYTES = _LENGTH.size
"""What a record needs in a frame besides its own bytes."""

FRAME_HEADER_BYTES = _HEADER.size
FRAME_BYTES_MAX = FRAME_HEADER_BYTES + FRAME_BODY_MAX + _ALIGNMENT
"""Length of the largest frame, with checksum and zeros."""


class Place(NamedTuple):
    """Where a frame goes, and what it must carry to be taken there."""

    position: int
    """In bytes from the start of the segment."""
    offset: int
    """Of the first record to be stored here."""
    chain: int
    """Checksum of the frame before."""


class Body(NamedTuple):
    """What a frame carries."""

    data: bytes
    records_count: int
    """Number of records that end in it."""
    flags: int = 0


MARK = Body(b"", 0)
"""Of a frame that carries only its durable mark."""


class Frame(NamedTuple):
    """A frame that is right by itself; whether it belongs here, its place tells."""

    place: Place
    durable: int
    body: Body
    after: Place
    """Where the next frame goes."""


class FrameHeader(NamedTuple):
    """A frame's header that is right by itself; the body may be anything."""

    length: int
    place: Place
    records_count: int
    flags: int
    durable: int
    checksum: int


def pack_records(
    records: Sequence[bytes], body_max: int = FRAME_BODY_MAX
) -> Iterator[Body]:
    """Yield bodies that hold the records, as few as will do, in order.

    Args:
        records: Any number, of any length, also empty.
        body_max: Longest body in bytes, from 4 to `FRAME_BODY_MAX`.

    Raises:
        ArgumentError: `body_max` is out of these bounds.

    Cost: O(bytes); copies them once.

    >>> [
    ...     body.records_count
    ...     for body in pack_records([b"ab", b"", b"c" * 9], body_max=10)
    ... ]
    [2, 1]
    >>> [body.records_count for body in pack_records([b"ab", b"c" * 21], body_max=10)]
    [1, 0, 0, 1]
    """
    if not LENGTH_BYTES <= body_max <= FRAME_BODY_MAX:
        raise ArgumentError(
            f"a frame's body has {LENGTH_BYTES} to {FRAME_BODY_MAX} bytes at most, "
            f"not {body_max}"
        )
    sizes = list(map(len, records))
    if sizes and sum(sizes) + len(sizes) * LENGTH_BYTES <= body_max:
        lengths = map(_LENGTH.pack, sizes)  # nothing here loops in Python
        pairs = zip(lengths, records, strict=True)
        yield Body(b"".join(itertools.chain.from_iterable(pairs)), len(sizes))
        return
    pieces: list[bytes] = []
    size = 0
    for record in records:
        needed = LENGTH_BYTES + len(record)
        if pieces and size + needed > body_max:
            yield Body(b"".join(pieces), len(pieces) // 2)
            pieces, size = [], 0
        if needed > body_max:
            yield from _parts(record, body_max)
        else:
            pieces += _LENGTH.pack(len(record)), record
            size += needed
    if pieces:
        yield Body(b"".join(pieces), len(pieces) // 2)


def _parts(record: bytes, body_max: int) -> Iterator[Body]:
    for start in range(0, len(record), body_max):
        stop = start + body_max
        yield Body(record[start:stop], int(stop >= len(record)), PART)


def unpack_records(body: Body) -> list[bytes] | str:
    """Give the records of a body without parts, or what is wrong with it.

    Cost: about 0.1 µs a record.
    """
    data, records = body.data, list[bytes]()
    append, length_at, prefix = records.append, _LENGTH.unpack_from, _LENGTH.size
    at, last = 0, len(data) - prefix
    while at <= last:
        start = at + prefix
        at = start + length_at(data, at)[0]
        append(data[start:at])
    if at != len(data) or len(records) != body.records_count:
        return f"a body does not consist of {body.records_count} records"
    return records


def build_frame(
    place: Place, body: Body, *, salt: int, durable: int
) -> tuple[bytes, Place]:
    """Give the bytes of a frame, and the place of the next one.

    Args:
        place: Where it will be written.
        body: From `pack_records`, or `MARK`.
        salt: Of the segment.
        durable: How many bytes of the segment are known to be synced, so at
            most ``place.position``.

    Cost: a few µs and one copy.
    """
    data, count, flags = body
    assert len(data) <= FRAME_BODY_MAX
    assert durable <= place.position
    position, offset, chain = place
    fields = _FIELDS.pack(
        FRAME_MAGIC, len(data), position, offset, count, flags, durable, chain
    )
    header_checksum = zlib.crc32(fields, salt)
    checksum = zlib.crc32(data, header_checksum)
    frame_bytes = _frame_bytes(len(data))
    frame = b"".join(
        (fields, _CRC.pack(header_checksum), data, _CRC.pack(checksum))
    ).ljust(frame_bytes, b"\0")
    return frame, Place(position + frame_bytes, offset + count, checksum)


def _frame_bytes(body_length: int) -> int:
    """Give the length of a frame, checksum and zeros included."""
    end = FRAME_HEADER_BYTES + body_length + _CRC.size
    return end + -end % _ALIGNMENT


def parse_header(
    buffer: bytes, index: int, position: int, salt: int
) -> FrameHeader | str:
    """Give the header of a frame, or what is wrong with it.

    Args:
        buffer: Bytes of the segment.
        index: Where in `buffer` to look.
        position: Where in the segment that is.
        salt: Of the segment.
    """
    if len(buffer) < index + FRAME_HEADER_BYTES:
        return "a frame's header is cut off"
    magic, length, at, offset, count, flags, durable, chain, checksum = (
        _HEADER.unpack_from(buffer, index)
    )
    if magic != FRAME_MAGIC:
        return "no frame begins here"
    if zlib.crc32(buffer[index : index + _FIELDS.size], salt) != checksum:
        return "a frame's header fails its checksum"
    if at != position:
        return f"a frame is here that was written to byte {at}"
    if length > FRAME_BODY_MAX:
        return f"a frame's body has {length} bytes, the bound is {FRAME_BODY_MAX}"
    place = Place(position, offset, chain)
    return FrameHeader(length, place, count, flags, durable, checksum)


def parse_frame(buffer: bytes, index: int, position: int, salt: int) -> Frame | str:
    """Give the frame, or what is wrong with it.

    Args:
        buffer: Bytes of the segment; from `index` on `FRAME_BYTES_MAX` of them, or
            all that there are.
        index: Where in `buffer` to look.
        position: Where in the segment that is.
        salt: Of the segment.

    Cost: one checksum and one copy of the body. Nothing is allocated by a length
    that was not checked.
    """
    header = parse_header(buffer, index, position, salt)
    if isinstance(header, str):
        return header
    length, place, count, flags, durable, header_checksum = header
    start = index + FRAME_HEADER_BYTES
    stop = start + length
    if len(buffer) < stop + _CRC.size:
        return "a frame is cut off"
    data = buffer[start:stop]
    checksum = zlib.crc32(data, header_checksum)
    if _CRC.unpack_from(buffer, stop) != (checksum,):
        return "a frame fails its checksum"
    after = Place(position + _frame_bytes(length), place.offset + count, checksum)
    return Frame(place, durable, Body(data, count, flags), after)
