"""The segment: a file of the log, named after its first offset, and its header.

A segment begins with 64 bytes, little-endian; frames follow (`qsdb.log.frames`):

====  ====  ==================================================================
 at   size
====  ====  ==================================================================
  0     8   magic, ``89 71 73 64 62 0d 0a 1a``: text editors and transfers
            that mend line ends destroy it, so that they are found out
  8     2   format version of who wrote it
 10     2   lowest format version that a reader must know
 12     1   checksum of frames: 1 is ``zlib.crc32``, 2 is kept for CRC-32C
 13     1   flags: 1, the end of the log is noted (`qsdb.log.end_notes`)
 14     2   zeros
 16    16   id of the database
 32     8   offset of the first record, also in the name of the file
 40     4   chain: checksum of the last frame of the segment before, else 0
 44     4   salt: a random number that all checksums of frames begin with
 48     8   time of creation, in microseconds since 1970 (UTC)
 56     4   ``zlib.crc32`` of bytes 0 to 55
 60     4   zeros
====  ====  ==================================================================

Rules:

1. A header is written and synced before its file gets its name. So one that is
   not right is damage, never the work of power loss.
2. Magic and checksum stay where they are in every version, so that a newer
   format is told from damage.
3. Flags 16 and up change what the segment means: a reader that does not know one
   must refuse. Those below may be ignored.
4. A segment belongs to one database, and follows exactly one other: by the
   offset, and by the chain, which tells a stale copy from the true one.
"""

import re
import struct
import zlib

import attrs

from qsdb.errors import ArgumentError, CorruptionError, FormatVersionError

__all__ = [
    "DATABASE_ID_BYTES",
    "FORMAT_VERSION",
    "KEEPS_END",
    "LOG_DIRECTORY",
    "SEGMENT_HEADER_BYTES",
    "SegmentHeader",
    "check_database_id",
    "segment_name",
    "segment_offset",
]

# All of these are on disk; never change them but for the version.
FORMAT_VERSION = 1
READER_VERSION_MIN = 1
LOG_DIRECTORY = "log"
DATABASE_ID_BYTES = 16
KEEPS_END = 1
"""Flag: how far the log has come is noted beside it (`qsdb.log.end_notes`)."""

_MAGIC = b"\x89qsdb\r\n\x1a"
_ZLIB_CRC32 = 1
_MUST_KNOW_FLAGS = 0xF0
_HEADER = struct.Struct("<8sHHBBxx16sQIIQ")
_CHECKSUM = struct.Struct("<I4x")

SEGMENT_HEADER_BYTES = _HEADER.size + _CHECKSUM.size

_FILE_NAME = re.compile(r"([0-9]{20})\.log")


def segment_name(first_offset: int) -> str:
    """Give the name of the segment that begins with an offset, from the root.

    >>> segment_name(1)
    'log/00000000000000000001.log'
    """
    return f"{LOG_DIRECTORY}/{first_offset:020}.log"


def segment_offset(file_name: str) -> int | None:
    """Give the first offset of a segment; None for other files.

    >>> segment_offset("00000000000000000001.log"), segment_offset("1.log.tmp")
    (1, None)

    Args:
        file_name: As `qsdb.files.Directory.list` gives it, without the directory.
    """
    match = _FILE_NAME.fullmatch(file_name)
    return None if match is None else int(match[1])


def check_database_id(
    _holder: object, _attribute: "attrs.Attribute[bytes]", value: bytes
) -> None:
    """Verify the id of a database in what is written; an attrs validator.

    Raises:
        ArgumentError: it is not 16 bytes long.
    """
    # struct would cut or fill it without a word
    if len(value) != DATABASE_ID_BYTES:
        raise ArgumentError(
            f"a database's id has {DATABASE_ID_BYTES} bytes, not {len(value)}"
        )


@attrs.frozen(kw_only=True)
class SegmentHeader:
    """What a segment says of itself.

    Raises:
        ArgumentError: the database's id is not 16 bytes long.
    """

    database: bytes = attrs.field(validator=check_database_id)
    """Id of the database, 16 bytes."""
    first_offset: int
    chain: int
    """Checksum of the last frame of the segment before; 0 if there never was one."""
    salt: int
    """A random number below 2**32."""
    created_microseconds: int
    """Since 1970, UTC."""
    version: int = FORMAT_VERSION
    reader_version_min: int = READER_VERSION_MIN
    flags: int = KEEPS_END

    @property
    def keeps_end(self) -> bool:
        """Whether the end of the log is noted, and the note so to be there."""
        return bool(self.flags & KEEPS_END)

    def encode(self) -> bytes:
        """Give the `SEGMENT_HEADER_BYTES` bytes of the header."""
        fields = _HEADER.pack(
            _MAGIC,
            self.version,
            self.reader_version_min,
            _ZLIB_CRC32,
            self.flags,
            self.database,
            self.first_offset,
            self.chain,
            self.salt,
            self.created_microseconds,
        )
        return fields + _CHECKSUM.pack(zlib.crc32(fields))

    @classmethod
    def decode(cls, data: bytes, path: str, *, first_offset: int) -> "SegmentHeader":
        """Read a header.

        Args:
            data: The first `SEGMENT_HEADER_BYTES` of the file, or all it has.
            path: Of the file, for messages.
            first_offset: What the name of the file says.

        Raises:
            CorruptionError: this is no header, a damaged one, or that of a file
                with another name.
            FormatVersionError: a newer qsdb wrote it, in a way that older ones
                must not read.
        """
        fault = _fault_of(data)
        if fault is not None:
            raise CorruptionError(path, 0, fault, first_offset - 1)
        _, version, reader_version_min, checksum, flags, *rest = _HEADER.unpack_from(
            data
        )
        _refuse_newer(path, reader_version_min, checksum, flags)
        database, found_offset, chain, salt, created = rest
        if found_offset != first_offset:
            raise CorruptionError(
                path,
                0,
                f"its header says that it begins with offset {found_offset}, "
                f"its name that it begins with {first_offset}",
                first_offset - 1,
            )
        return cls(
            database=database,
            first_offset=first_offset,
            chain=chain,
            salt=salt,
            created_microseconds=created,
            version=version,
            reader_version_min=reader_version_min,
            flags=flags,
        )

    def check_origin(self, path: str, *, database: bytes, chain: int | None) -> None:
        """Verify that the segment is of this database and follows the one before.

        Args:
            path: Of the file, for messages.
            database: Id of the database.
            chain: Checksum of the last frame of the segment before; None where
                there is no such segment any more.

        Raises:
            CorruptionError: it is a segment of another database or another past.
        """
        if self.database != database:
            fault = (
                f"it belongs to the database {self.database.hex()}, "
                f"not to {database.hex()}"
            )
        elif chain is not None and self.chain != chain:
            fault = (
                f"it follows a segment that ends with checksum {self.chain:08x}, "
                f"the one before it ends with {chain:08x}"
            )
        else:
            return
        raise CorruptionError(path, 0, fault, self.first_offset - 1)


def _fault_of(data: bytes) -> str | None:
    """Tell why this is no header, or None if it is one."""
    if len(data) < SEGMENT_HEADER_BYTES:
        return f"its header has {len(data)} bytes of {SEGMENT_HEADER_BYTES}"
    if not data.startswith(_MAGIC):
        return "it does not begin like a segment of a log"
    if _CHECKSUM.unpack_from(data, _HEADER.size) != (zlib.crc32(data[: _HEADER.size]),):
        return "its header fails its checksum"
    return None


def _refuse_newer(
    path: str, reader_version_min: int, checksum: int, flags: int
) -> None:
    if reader_version_min > FORMAT_VERSION:
        raise FormatVersionError(
            path,
            f"a format for readers of version {reader_version_min} and up",
            f"version {FORMAT_VERSION}",
        )
    if checksum != _ZLIB_CRC32:
        raise FormatVersionError(
            path, f"checksums of sort {checksum}", f"sort {_ZLIB_CRC32}"
        )
    unknown = flags & _MUST_KNOW_FLAGS
    if unknown:
        raise FormatVersionError(
            path, f"the flags {unknown:#04x}", "none that change the meaning"
        )
