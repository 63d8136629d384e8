"""Reading a segment: its records in order, and how it ends.

A segment that was written until the power failed ends in frames that are not
whole, or not in order: the disk keeps what it likes of bytes that were not yet
synced. Nobody was promised these, so they are cut off and all is well: a *torn
tail*. But frames that were synced, and went bad since, may have been promised:
that is *damage*, and nobody may take it for a torn tail. Both begin alike, at the
first place where no right frame stands. What tells them apart are the durable
marks of later frames:

1. Damage, if a frame after the bad place has a durable mark beyond it: those
   bytes were known synced when the frame was built. Its header is witness
   enough, the body may be torn.
2. Damage in every segment but the last, which was synced before the next began.
3. Otherwise a torn tail. It begins after the last record that is whole, so with
   the first part of a record whose last part is not there.
4. Zeros up to the end are room that was allocated ahead. They are no tail.
5. A frame with right checksums that breaks the format is damage wherever it
   stands: neither power loss nor the disk writes such.

::

    frame │ frame │ ??? │ frame │ frame │ zeros
                  ▲        └ durable mark ≤ ▲: a torn tail; beyond: damage

With frames written one at a time, each after the sync of the one before, every
frame vouches for all before it; a mark frame vouches for the last. What nothing
vouches for cannot be judged: damage to the last frame of the log passes for a
torn tail, and zeros over it for its end, unless the database was closed and has
noted its end (`qsdb.recovery.ends`). At the end of any other segment the chain in the
header of the next one tells.

Who follows a log that another process writes reads on from the `Place` where the
last scan ended. It asks first whether the frame before that is still what it was
(`holds_place`): where power loss took frames that had been read, it is not.

*Source*: etcd and TigerBeetle refuse what SQLite, PostgreSQL and SpacetimeDB drop.
"""

from collections.abc import Iterator
from typing import NamedTuple

import attrs

from qsdb.errors import CorruptionError, FormatVersionError
from qsdb.files import File
from qsdb.log.frames import (
    FRAME_BYTES_MAX,
    FRAME_MAGIC,
    KNOWN_FLAGS,
    MUST_KNOW_FLAGS,
    PART,
    Body,
    Frame,
    Place,
    parse_frame,
    parse_header,
    unpack_records,
)
from qsdb.log.segments import SEGMENT_HEADER_BYTES, SegmentHeader

__all__ = ["FRAME_ZEROS_MAX", "Scan", "TornTail", "holds_place", "scan_segment"]

_WINDOW_BYTES = 8 * FRAME_BYTES_MAX
"""Read at once: large against the part of it that is read again for the next."""
FRAME_ZEROS_MAX = 7
"""Most zeros that stand after a frame's checksum."""


@attrs.frozen
class TornTail:
    """The remains of writes that were never promised."""

    position: int
    """Where to cut, in bytes."""
    bytes_count: int
    """From there to the last byte that is not zero."""
    reason: str
    """What is wrong with it."""


def scan_segment(  # noqa: PLR0913  each says something else of the segment
    file: File,
    path: str,
    *,
    database: bytes,
    first_offset: int,
    chain: int | None,
    is_last: bool,
    start: Place | None = None,
) -> "Scan":
    """Check the header of a segment and give a scan of its records.

    Args:
        file: The segment.
        path: Of the file, for messages.
        database: Id of the database that it must belong to.
        first_offset: What its name says.
        chain: Of the place where the segment before ended; None if that is gone.
        is_last: Whether it is the last segment of the log.
        start: Where to begin: the `place` of a scan of this segment that has come
            to its end; the first frame if not given.

    Raises:
        CorruptionError: the header is damaged, or that of another segment.
        FormatVersionError: a newer qsdb wrote it.
    """
    data = file.read(0, SEGMENT_HEADER_BYTES)
    header = SegmentHeader.decode(data, path, first_offset=first_offset)
    header.check_origin(path, database=database, chain=chain)
    if start is None:
        start = Place(SEGMENT_HEADER_BYTES, header.first_offset, header.chain)
    return Scan(file, path, header, start, is_last=is_last)


def holds_place(file: File, header: SegmentHeader, place: Place) -> bool:
    """Whether what stood before a place of a segment stands there still.

    Args:
        file: The segment.
        header: What it says of itself now.
        place: The `Scan.place` of an earlier scan.

    Cost: one read of a few bytes.
    """
    if place.position == SEGMENT_HEADER_BYTES:
        return place.chain == header.chain
    checksum = place.chain.to_bytes(4, "little")
    count = len(checksum) + FRAME_ZEROS_MAX
    # The end of the file may have cut off the zeros.
    data = file.read(place.position - count, count).ljust(count, b"\0")
    return any(
        data[count - len(end) :] == end
        for end in [checksum + bytes(each) for each in range(FRAME_ZEROS_MAX + 1)]
    )


class Scan:
    """One segment, read from the same place each time that it is iterated.

    Iterating gives, for each frame with records, the offset of the first one and
    the list of them, never empty. What was given is good, however the scan ends.

    Attributes:
        header: Of the segment.
        place: After the last whole record or mark: where to go on writing. Up to
            7 bytes beyond the end of the file, where that cut off a frame's zeros.
        torn: The torn tail, or None where the segment ends cleanly. Known, as
            `place` is, when the iteration has come to its end.

    Iterating raises:
        CorruptionError: the segment is damaged; nothing was changed.
        FormatVersionError: a frame has flags that this qsdb does not know.

    Cost: one pass in windows of 8 MiB; a second one of what follows the end.
    """

    def __init__(
        self,
        file: File,
        path: str,
        header: SegmentHeader,
        start: Place,
        *,
        is_last: bool,
    ) -> None:
        """Look at nothing yet."""
        self._file = file
        self._path = path
        self._start = start
        self._is_last = is_last
        self.header = header
        self.place = start
        self.torn: TornTail | None = None

    def __iter__(self) -> Iterator[tuple[int, list[bytes]]]:
        """Give the records of each frame, with the offset of the first."""
        window, salt = _Window(self._file), self.header.salt
        self.place = place = self._start
        self.torn = None
        parts: list[bytes] = []
        while True:
            index = window.reach(place.position)
            frame = parse_frame(window.data, index, place.position, salt)
            if isinstance(frame, str) or frame.place != place:
                break
            records = self._records(frame, parts)
            place = frame.after
            if not parts:
                self.place = place
            if records:
                yield frame.place.offset, records
        fault = frame if isinstance(frame, str) else _fault_of_link(frame.place, place)
        self._end(window, place.position, fault, is_record_whole=not parts)

    def _records(self, frame: Frame, parts: list[bytes]) -> list[bytes]:
        """Give the records that end in a frame; `parts` is for those that do not."""
        unknown = frame.body.flags & MUST_KNOW_FLAGS & ~KNOWN_FLAGS
        if unknown:
            raise FormatVersionError(
                self._path,
                f"a frame with the flags {unknown:#010x} at byte "
                f"{frame.place.position}",
                f"the flags {KNOWN_FLAGS:#010x}",
            )
        records = _records_with(frame.body, parts)
        if isinstance(records, str):
            beyond = _look_beyond(self._file, frame.place.position, self.header.salt)
            raise self._damage(frame.place.position, records, beyond.frames_count)
        return records

    def _end(
        self, window: "_Window", position: int, fault: str, *, is_record_whole: bool
    ) -> None:
        """Judge what stands from the first place on where no right frame is."""
        end = window.content_end(position)
        if end == position:
            if is_record_whole:
                return
            fault = f"the last part of record {self.place.offset} is missing"
        beyond = _look_beyond(self._file, position, self.header.salt)
        if beyond.durable > position or not self._is_last:
            raise self._damage(position, fault, beyond.frames_count)
        start = self.place.position
        self.torn = TornTail(start, end - start, fault)

    def _damage(self, position: int, fault: str, frames_after: int) -> CorruptionError:
        good = self.place.offset - 1
        return CorruptionError(self._path, position, fault, good, frames_after)


def _records_with(body: Body, parts: list[bytes]) -> list[bytes] | str:
    """Give the records that end in a body, or what breaks the format.

    Args:
        body: Of the frame that follows those of `parts`.
        parts: Of the record that has begun; changed to what is so afterwards.
    """
    if not body.flags & PART:
        return "a record ends without its last part" if parts else unpack_records(body)
    if body.records_count > 1:
        return f"a part of one record ends {body.records_count} records"
    parts.append(body.data)
    if body.records_count == 0:
        return []
    record = b"".join(parts)
    parts.clear()
    return [record]


def _fault_of_link(found: Place, expected: Place) -> str:
    """Tell why a frame that is right by itself does not belong in its place."""
    if found.offset != expected.offset:
        return (
            f"a frame begins with offset {found.offset}, "
            f"{expected.offset} would be the next"
        )
    return (
        f"a frame follows one with checksum {found.chain:08x}, "
        f"the one before it has {expected.chain:08x}"
    )


class _Beyond(NamedTuple):
    """What the frames after a bad place tell.

    durable is the highest durable mark in a right header, frames_count the
    number of whole frames.
    """

    durable: int
    frames_count: int


def _look_beyond(file: File, bad_position: int, salt: int) -> _Beyond:
    """Look for frames after a bad place.

    Cost: one search, 2 GB/s.
    """
    window = _Window(file)
    durable = frames_count = 0
    position = bad_position + 1
    while True:
        position = window.find(FRAME_MAGIC, position)
        if position < 0:
            return _Beyond(durable, frames_count)
        index = window.reach(position)
        header = parse_header(window.data, index, position, salt)
        if isinstance(header, str):
            position += 1
            continue
        durable = max(durable, header.durable)
        frame = parse_frame(window.data, index, position, salt)
        if isinstance(frame, Frame):
            frames_count += 1
            position = frame.after.position
        else:
            position += 1


class _Window:
    """Part of a file in memory, which moves from its beginning to its end."""

    def __init__(self, file: File) -> None:
        """Begin with nothing."""
        self._file = file
        self._start = 0
        self._is_at_end = False
        self.data = b""

    def reach(self, position: int) -> int:
        """Have in `data` what a frame at `position` can need, or all that is left.

        Returns:
            Where in `data` the position is; beyond its end, if it is beyond
            that of the file.
        """
        stop = self._start + len(self.data)
        if position + FRAME_BYTES_MAX > stop and not self._is_at_end:
            self.data = self._file.read(position, _WINDOW_BYTES)
            self._start = position
            self._is_at_end = len(self.data) < _WINDOW_BYTES
        return position - self._start

    def find(self, wanted: bytes, position: int) -> int:
        """Give the first place from `position` on where the bytes are, or -1."""
        while True:
            index = self.reach(position)
            found = self.data.find(wanted, index)
            if found >= 0:
                return self._start + found
            if self._is_at_end:
                return -1
            # They may lie across the end of the window.
            position = self._start + len(self.data) - len(wanted) + 1

    def content_end(self, position: int) -> int:
        """Give the place after the last byte that is not zero.

        At least `position`, from where on the search goes.
        """
        end = position
        while True:
            index = self.reach(position)
            chunk = self.data[index:]
            if chunk != bytes(len(chunk)):
                end = position + len(chunk.rstrip(b"\0"))
            if self._is_at_end:
                return end
            position += len(chunk)
