"""Reading past damage: all whole frames of a segment, and where they break off.

Opening stops at the first bad place. Tools go on from there: whatever happened
before it, a frame that is right by itself is known as one::

    frame frame ▒▒▒▒▒ frame frame ▒▒ frame ▒▒▒
               ▲           ▲        ▲
               └ breaks: where no right frame follows the one before

What stands after a break is good as it is, but nobody knows what was between. A
record in parts is given only if all its parts stand in a row; parts without the
others are `Remains`.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from qsdb.errors import CorruptionError, FormatVersionError
from qsdb.files import Directory
from qsdb.log.frames import (
    FRAME_MAGIC,
    KNOWN_FLAGS,
    MUST_KNOW_FLAGS,
    PART,
    Frame,
    Place,
    parse_frame,
    unpack_records,
)
from qsdb.log.segments import SEGMENT_HEADER_BYTES, SegmentHeader, segment_name
from qsdb.log.snapshots import list_snapshots, read_snapshot
from qsdb.log.whole_files import read_file
from qsdb.recovery.ends import NotedEnd
from qsdb.recovery.opening import list_segments
from qsdb.recovery.report import TornTailFound

__all__ = [
    "Break",
    "FileFault",
    "Headers",
    "Records",
    "Remains",
    "Walk",
    "fault_at_end",
    "fault_of",
    "likely_database",
    "read_headers",
]


class FileFault(NamedTuple):
    """What is wrong in a file.

    >>> print(FileFault("data/log/1.log", 64, "a frame fails its checksum"))
    data/log/1.log, byte 64: a frame fails its checksum
    """

    path: str
    position: int
    """In bytes."""
    reason: str

    def __str__(self) -> str:
        """Give the line."""
        return f"{self.path}, byte {self.position}: {self.reason}"


def fault_of(error: CorruptionError | OSError, path: str) -> FileFault:
    """Give what is wrong; an error of the system is one of the whole file."""
    if isinstance(error, CorruptionError):
        return FileFault(error.path, error.position, error.reason)
    return FileFault(path, 0, f"it cannot be read: {error.strerror or error}")


Headers = Mapping[int, SegmentHeader | FileFault]
"""First offset of a segment → what it says of itself, or why that is not known."""


def read_headers(directory: Directory) -> Headers:
    """Read the headers of all segments of a log, in order.

    Raises:
        FormatVersionError: a newer qsdb wrote one.
    """
    found: dict[int, SegmentHeader | FileFault] = {}
    for first_offset in list_segments(directory):
        name = segment_name(first_offset)
        path = directory.describe(name)
        try:
            data = read_file(directory, name, SEGMENT_HEADER_BYTES)
            found[first_offset] = SegmentHeader.decode(
                data, path, first_offset=first_offset
            )
        except (CorruptionError, OSError) as error:
            found[first_offset] = fault_of(error, path)
    return found


def likely_database(directory: Directory, headers: Headers) -> bytes | None:
    """Give the id that most segments and snapshots have; None where none tells.

    The note of the end is asked, too.

    Raises:
        FormatVersionError: a newer qsdb wrote a manifest or the note.
    """
    votes: Counter[bytes] = Counter()
    for header in headers.values():
        if isinstance(header, SegmentHeader):
            votes[header.database] += 1
    for offset in list_snapshots(directory):
        try:
            votes[read_snapshot(directory, offset).database] += 1
        except (CorruptionError, OSError):
            continue
    note = NotedEnd(directory).note
    if note is not None:
        votes[note.database] += 1
    return votes.most_common(1)[0][0] if votes else None


def fault_at_end(
    end: NotedEnd,
    headers: Headers,
    database: bytes,
    place: Place | None,
    torn: TornTailFound | None = None,
) -> FileFault | None:
    """Tell where a log does not come to what was noted, or the note is damaged.

    Args:
        end: What was noted; read before the log.
        headers: Of all segments.
        database: Id of the database; a last segment of another is told elsewhere.
        place: Where the log ends in the last one; None where that cannot be told.
        torn: What stands there.
    """
    last = [*headers.values()][-1:]
    error = end.damage
    if last and isinstance(last[0], SegmentHeader) and last[0].database == database:
        error = end.fault(last[0], place, torn)
    elif not last and end.note is not None:
        reason = f"it notes that the log came to offset {end.note.last_offset}"
        return FileFault(end.path, 0, reason)
    return None if error is None else fault_of(error, end.path)


class Break(NamedTuple):
    """A place where no right frame follows the one before."""

    position: int
    """In bytes."""
    reason: str
    is_end: bool
    """Whether no whole frame comes after it."""


class Records(NamedTuple):
    """Whole records that stand one after the other."""

    position: int
    """Of the frame in which they end."""
    first_offset: int
    records: list[bytes]


class Remains(NamedTuple):
    """A part of a record, of which another part is lost, or what is none."""

    position: int
    """Of the frame."""
    offset: int
    """Of the record."""
    data: bytes


class Walk:
    """One segment, past all damage; read from its beginning when it is iterated.

    Attributes:
        end: After the last frame, or None where it cannot be told which that was.
            Known when the iteration has come to its end.

    Iterating gives whole records, what is left of others, and breaks.

    Iterating raises:
        FormatVersionError: a frame has flags that this qsdb does not know.

    Cost: one pass, some microseconds a frame, and a search from each break.
    """

    def __init__(self, data: bytes, path: str, header: SegmentHeader) -> None:
        """Look at nothing yet.

        Args:
            data: The segment.
            path: Of the segment, for messages.
            header: Of the segment.
        """
        self._data = data
        self._path = path
        self._header = header
        self.end: Place | None = None

    def __iter__(self) -> Iterator[Records | Remains | Break]:
        """Join parts; give all else as it comes."""
        parts: list[Frame] = []
        is_joined = True  # whether the frame before is known, so that parts begin
        for frame in self._frames():
            if isinstance(frame, Frame) and frame.body.flags & PART:
                parts.append(frame)
                if not frame.body.records_count:
                    continue
                yield from _joined(parts) if is_joined else map(_remains_of, parts)
            else:
                yield from map(_remains_of, parts)
                if isinstance(frame, Break):
                    yield frame
                elif frame.body.records_count:
                    yield _unpacked(frame)
            parts.clear()
            is_joined = isinstance(frame, Frame)
        yield from map(_remains_of, parts)

    def _frames(self) -> Iterator[Frame | Break]:
        """Yield the whole frames in order, and breaks between them."""
        header, data = self._header, self._data
        place = Place(SEGMENT_HEADER_BYTES, header.first_offset, header.chain)
        while True:
            frame = parse_frame(data, place.position, place.position, header.salt)
            if isinstance(frame, str):
                found = _next_frame(data, place.position + 1, header.salt)
                self.end = place
                if found is not None or data[place.position :].strip(b"\0"):
                    self.end = None
                    yield Break(place.position, frame, found is None)
                if found is None:
                    return
                frame = found
            elif frame.place != place:
                reason = "a frame is here that does not follow the one before it"
                yield Break(place.position, reason, is_end=False)
            _refuse_newer(self._path, frame)
            yield frame
            place = frame.after


def _next_frame(data: bytes, position: int, salt: int) -> Frame | None:
    """Give the first whole frame from a position on."""
    while True:
        position = data.find(FRAME_MAGIC, position)
        if position < 0:
            return None
        frame = parse_frame(data, position, position, salt)
        if isinstance(frame, Frame):
            return frame
        position += 1


def _refuse_newer(path: str, frame: Frame) -> None:
    unknown = frame.body.flags & MUST_KNOW_FLAGS & ~KNOWN_FLAGS
    if unknown:
        raise FormatVersionError(
            path,
            f"a frame with the flags {unknown:#010x} at byte {frame.place.position}",
            f"the flags {KNOWN_FLAGS:#010x}",
        )


def _joined(parts: list[Frame]) -> Iterator[Records]:
    last, record = parts[-1], b"".join([each.body.data for each in parts])
    yield Records(last.place.position, last.place.offset, [record])


def _unpacked(frame: Frame) -> Records | Remains:
    records = unpack_records(frame.body)
    if isinstance(records, str):
        return _remains_of(frame)
    return Records(frame.place.position, frame.place.offset, records)


def _remains_of(frame: Frame) -> Remains:
    return Remains(frame.place.position, frame.place.offset, frame.body.data)
