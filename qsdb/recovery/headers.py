"""A segment's header made anew from its frames, where the one that is there is damaged.

All that frames need to be read by is told elsewhere too::

    header ▒▒▒▒▒▒▒▒▒▒▒   first offset: the name      chain: the first frame
           ▒▒ salt ▒▒     database: the other files   salt: worked out, see below
    frame │ … checksum    of fields, begun with the salt
    frame │ … checksum    the same salt, or it was no frame

A checksum goes on from what it began with, one to one. So it can be run backwards,
over the fields that it is of, to the salt that it began with. That gives some salt
for any bytes; it is the right one if the frame says that it stands where it does, with
the offset that the name of the file tells, and its body has the checksum that it
should. All other frames are then checked by that salt, as always.
"""

import struct
from collections.abc import Iterator

from qsdb.log.frames import (
    FRAME_HEADER_BYTES,
    FRAME_MAGIC,
    Frame,
    parse_frame,
)
from qsdb.log.segments import SEGMENT_HEADER_BYTES, SegmentHeader

__all__ = ["header_from_frames"]

_CRC = struct.Struct("<I")
_POLYNOMIAL = 0xEDB88320  # of zlib.crc32
_ONES = 0xFFFF_FFFF


def header_from_frames(
    data: bytes, *, first_offset: int, database: bytes
) -> SegmentHeader | None:
    """Give a header by which the frames of a segment can be read.

    Args:
        data: The segment; its first `SEGMENT_HEADER_BYTES` are not looked at.
        first_offset: What the name of the file says.
        database: Id of the database that it is to be of.

    Returns:
        The header, without the time of creation, which nothing else tells; None if
        the first frame is damaged too.
    """
    start = SEGMENT_HEADER_BYTES
    stop = start + FRAME_HEADER_BYTES
    if len(data) < stop or not data.startswith(FRAME_MAGIC, start):
        return None
    (checksum,) = _CRC.unpack_from(data, stop - _CRC.size)
    salt = _begun_with(data[start : stop - _CRC.size], checksum)
    frame = parse_frame(data, start, start, salt)
    if not isinstance(frame, Frame) or frame.place.offset != first_offset:
        return None
    return SegmentHeader(
        database=database,
        first_offset=first_offset,
        chain=frame.place.chain,
        salt=salt,
        created_microseconds=0,
    )


def _begun_with(data: bytes, checksum: int) -> int:
    """Give the value that ``zlib.crc32`` of the data must begin with to end so."""
    # By their highest bytes, which are all different: that is why there is a way back.
    entries = {entry >> 24: (index, entry) for index, entry in enumerate(_entries())}
    state = checksum ^ _ONES
    for byte in reversed(data):
        index, entry = entries[state >> 24]
        state = ((state ^ entry) << 8 | (index ^ byte)) & _ONES
    return state ^ _ONES


def _entries() -> Iterator[int]:
    """Yield what the checksum does with each byte."""
    for entry in range(256):
        for _ in range(8):
            entry = entry >> 1 ^ (_POLYNOMIAL if entry & 1 else 0)  # noqa: PLW2901
        yield entry
