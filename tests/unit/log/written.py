"""Segments as a log would write them, in memory, and what a scan makes of bytes."""

from typing import NamedTuple

from qsdb.errors import CorruptionError
from qsdb.files import File
from qsdb.log.frames import (
    FRAME_BODY_MAX,
    FRAME_HEADER_BYTES,
    MARK,
    PART,
    Body,
    Place,
    build_frame,
    pack_records,
)
from qsdb.log.scanning import Scan, TornTail, scan_segment
from qsdb.log.segments import SEGMENT_HEADER_BYTES, SegmentHeader

__all__ = [
    "DATABASE",
    "PATH",
    "SALT",
    "MemoryFile",
    "Outcome",
    "WrittenSegment",
    "header_of",
    "scan_bytes",
    "scan_of",
]

DATABASE = bytes(range(16))
SALT = 0x5EED5A17
PATH = "/db/log/00000000000000000001.log"


class MemoryFile(File):
    """A file in memory, that notes how much each read asked for."""

    def __init__(self, data: bytes | bytearray = b"") -> None:
        self.data = bytearray(data)
        self.requested: list[int] = []

    def size(self) -> int:
        return len(self.data)

    def read(self, position: int, count: int) -> bytes:
        self.requested.append(count)
        return bytes(self.data[position : position + count])

    def write(self, position: int, data: bytes) -> int:
        self.allocate(position)
        self.data[position : position + len(data)] = data
        return len(data)

    def allocate(self, size: int) -> None:
        self.data.extend(bytes(max(size - len(self.data), 0)))

    def truncate(self, size: int) -> None:
        del self.data[size:]

    def sync(self) -> None: ...

    def close(self) -> None: ...


def header_of(
    first_offset: int = 1,
    chain: int = 0,
    salt: int = SALT,
    database: bytes = DATABASE,
) -> SegmentHeader:
    """Give the header of a segment of the test database."""
    return SegmentHeader(
        database=database,
        first_offset=first_offset,
        chain=chain,
        salt=salt,
        created_microseconds=1_700_000_000_000_000,
    )


class WrittenSegment:
    """A segment as it grows.

    Attributes:
        data: Its bytes.
        place: Where the next frame goes.
        durable: Bytes that are synced.
        ends: The place after each frame, and before the first.
        contents: Of each frame, the body and where the zeros after it begin.
        records: All of them; the first has the segment's first offset.
    """

    def __init__(self, header: SegmentHeader | None = None) -> None:
        """Begin with a header, which is synced."""
        self.header = header or header_of()
        self.data = bytearray(self.header.encode())
        self.place = Place(
            SEGMENT_HEADER_BYTES, self.header.first_offset, self.header.chain
        )
        self.durable = len(self.data)
        self.ends = [self.place]
        self.contents: list[tuple[Body, int]] = []
        self.records: list[bytes] = []

    def put(self, body: Body) -> None:
        """Write one frame."""
        content_bytes = FRAME_HEADER_BYTES + len(body.data) + 4
        self.contents.append((body, self.place.position + content_bytes))
        frame, self.place = build_frame(
            self.place, body, salt=self.header.salt, durable=self.durable
        )
        self.data += frame
        self.ends.append(self.place)

    def write(self, *records: bytes, body_max: int = FRAME_BODY_MAX) -> None:
        """Write records, in as many frames as that takes."""
        for body in pack_records(records, body_max):
            self.put(body)
        self.records += records

    def sync(self) -> None:
        """Have all that is written on the disk."""
        self.durable = len(self.data)

    def write_synced(self, *records: bytes) -> None:
        """Write records and sync."""
        self.write(*records)
        self.sync()

    def mark(self) -> None:
        """Write a mark frame, as an idle log does after its last sync."""
        self.put(MARK)

    def whole(self, stop: int) -> tuple[list[bytes], Place]:
        """Give what must be read of the first `stop` bytes, and where it ends."""
        place = self.ends[0]
        for (body, content_end), after in zip(
            self.contents, self.ends[1:], strict=True
        ):
            is_whole = not body.flags & PART or body.records_count
            if content_end <= stop and is_whole:
                place = after
        return self.records[: place.offset - self.header.first_offset], place


class Outcome(NamedTuple):
    """What a scan made of bytes: records, where it would go on, and how it ended."""

    records: list[bytes]
    place: Place
    torn: TornTail | None
    damage: CorruptionError | None

    @property
    def is_clean(self) -> bool:
        """Whether there was neither a tail nor damage."""
        return self.torn is None and self.damage is None


def scan_of(data: bytes | bytearray, *, is_last: bool = True) -> Scan:
    """Give a scan of a segment of the test database."""
    return scan_segment(
        MemoryFile(data),
        PATH,
        database=DATABASE,
        first_offset=1,
        chain=0,
        is_last=is_last,
    )


def scan_bytes(data: bytes | bytearray, *, is_last: bool = True) -> Outcome:
    """Scan a segment to its end, and verify that offsets are consecutive.

    Damage of the segment's header is not caught.
    """
    scan = scan_of(data, is_last=is_last)
    records: list[bytes] = []
    damage = None
    try:
        for first_offset, batch in scan:
            assert first_offset == 1 + len(records)
            assert batch
            records += batch
    except CorruptionError as error:
        damage = error
    assert scan.place.offset == 1 + len(records)
    return Outcome(records, scan.place, scan.torn, damage)
