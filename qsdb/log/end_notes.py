"""The note of the end: how far the log has come, in a file of its own.

A log that is cut off where a frame ends, or whose last segment is gone, looks like
the log of an earlier day. Nothing in it tells; so ``END`` does, beside it::

    END ─────────────────────────────────┐ the log comes at least to here
                                         ▼
    log   ░░░░░░░│░░░░░░░░░░░│░░░░░░░░░░░░░░░░░░ … and may go on

It has 64 bytes, little-endian:

====  ====  ==================================================================
 at   size
====  ====  ==================================================================
  0     8   magic, ``89 71 73 64 65 0d 0a 1a``
  8     2   format version of who wrote it
 10     2   lowest format version that a reader must know
 12     1   what it says: 1, the log comes to the place below; 2, this is a copy
            that was begun and never finished, and all that follows is zeros
 13     3   zeros
 16    16   id of the database
 32     8   first offset of a segment, which names its file
 40     8   position in that segment, in bytes: the log comes at least to here
 48     8   offset of the next record there
 56     4   chain: checksum of the last frame before it, or of the segment's header
            where there is none
 60     4   ``zlib.crc32`` of bytes 0 to 59
====  ====  ==================================================================

Rules:

1. A note is true when it is written and true for ever after: all that it tells of is
   on the disk before. So it need not be taken back when the log goes on, a reader
   that has an older one is not misled, and power loss makes none that is wrong.
2. It is written, as a whole (`qsdb.log.whole_files`), when a segment was begun,
   before a frame in that is synced; when the log ends for now, after its last sync;
   and when a log is opened to go on, if it has come further than the note. Never at
   a commit.
3. A reader reads it before it looks at the log: what was noted then is there now.
4. The file gets its name only when it is whole. So one that is not right is damage,
   never the work of power loss.
5. Every segment of a log with a note says so in its header (`KEEPS_END`), so that
   the note itself is missed. Those that were written before there were notes do not.
6. Magic and checksum stay where they are in every version, so that a newer format
   is told from damage.
"""

import struct
import zlib

import attrs

from qsdb.errors import CorruptionError, FormatVersionError
from qsdb.files import Directory
from qsdb.log.frames import Place
from qsdb.log.segments import check_database_id
from qsdb.log.whole_files import read_file, write_file

__all__ = [
    "END_FORMAT_VERSION",
    "END_NAME",
    "EndNote",
    "read_end_note",
    "write_end_note",
]

# All of these are on disk; never change them but for the version.
END_FORMAT_VERSION = 1
READER_VERSION_MIN = 1
END_NAME = "END"

_MAGIC = b"\x89qsde\r\n\x1a"
_FIELDS = struct.Struct("<8sHHB3x16sQQQI")
_CHECKSUM = struct.Struct("<I")
_COMES_TO, _IS_UNFINISHED = 1, 2


@attrs.frozen(kw_only=True)
class EndNote:
    """How far a log has come; or that it is of a copy that was not finished.

    Raises:
        ArgumentError: the database's id is not 16 bytes long.
    """

    database: bytes = attrs.field(validator=check_database_id)
    """Id of the database, 16 bytes."""
    first_offset: int
    """Of the segment that the log comes to."""
    place: Place
    """In that segment; all before it is on the disk."""
    is_unfinished: bool = False
    """Whether a copy was begun here, of which nothing counts yet."""

    @classmethod
    def of_unfinished(cls, database: bytes) -> "EndNote":
        """Make the one that a copy has until it is whole."""
        return cls(
            database=database, first_offset=0, place=Place(0, 0, 0), is_unfinished=True
        )

    @property
    def last_offset(self) -> int:
        """The last commit that is in the log."""
        return self.place.offset - 1

    def encode(self) -> bytes:
        """Give the content of the file."""
        position, offset, chain = self.place
        fields = _FIELDS.pack(
            _MAGIC,
            END_FORMAT_VERSION,
            READER_VERSION_MIN,
            _IS_UNFINISHED if self.is_unfinished else _COMES_TO,
            self.database,
            self.first_offset,
            position,
            offset,
            chain,
        )
        return fields + _CHECKSUM.pack(zlib.crc32(fields))

    @classmethod
    def decode(cls, data: bytes, path: str) -> "EndNote":
        """Read the content of the file.

        Args:
            data: All of it.
            path: Of the file, for messages.

        Raises:
            CorruptionError: this is no note, or a damaged one.
            FormatVersionError: a newer qsdb wrote it, in a way that older ones
                must not read.
        """
        fault = _fault_of(data)
        if fault is not None:
            raise CorruptionError(path, 0, fault)
        _, _, reader_version_min, says, database, *numbers = _FIELDS.unpack_from(data)
        if reader_version_min > END_FORMAT_VERSION:
            raise FormatVersionError(
                path,
                f"a format for readers of version {reader_version_min} and up",
                f"version {END_FORMAT_VERSION}",
            )
        if says not in (_COMES_TO, _IS_UNFINISHED):
            raise FormatVersionError(
                path,
                f"a note of sort {says}",
                f"the sorts {_COMES_TO} and {_IS_UNFINISHED}",
            )
        first_offset, position, offset, chain = numbers
        return cls(
            database=database,
            first_offset=first_offset,
            place=Place(position, offset, chain),
            is_unfinished=says == _IS_UNFINISHED,
        )


def _fault_of(data: bytes) -> str | None:
    """Tell why this is no note, or None if it is one."""
    size = _FIELDS.size + _CHECKSUM.size
    if len(data) != size:
        return f"it has {len(data)} bytes, the note of a log's end has {size}"
    if not data.startswith(_MAGIC):
        return "it does not begin like the note of a log's end"
    if _CHECKSUM.unpack_from(data, _FIELDS.size) != (zlib.crc32(data[: _FIELDS.size]),):
        return "it fails its checksum"
    return None


def write_end_note(directory: Directory, note: EndNote) -> None:
    """Have a note on the disk, in the place of an older one.

    All that it tells of must be there already.

    Raises:
        OSError: the disk refuses; the older one is as it was, or the new one there.
    """
    write_file(directory, END_NAME, note.encode())
    directory.sync()


def read_end_note(directory: Directory) -> EndNote | None:
    """Read the note of a directory; None if there is none.

    Raises:
        CorruptionError: it is damaged.
        FormatVersionError: a newer qsdb wrote it.
        OSError: it cannot be read.
    """
    try:
        data = read_file(directory, END_NAME)
    except FileNotFoundError:
        return None
    return EndNote.decode(data, directory.describe(END_NAME))
