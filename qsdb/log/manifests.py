"""The manifest: the file that makes a snapshot of some chunks.

A snapshot is the database as it was after one commit: for each table its rows, cut
into chunks (`qsdb.log.chunks`), and the next values of its sequences. The manifest
lists them. It is named after the offset of the commit, and has a header and a body:

====  ====  ==================================================================
 at   size
====  ====  ==================================================================
  0     8   magic, ``89 71 73 64 6d 0d 0a 1a``
  8     2   format version of who wrote it
 10     2   lowest format version that a reader must know
 12     4   zeros
 16    32   BLAKE2b-256 of bytes 0 to 15 and of the body
 48     …   body, CBOR
====  ====  ==================================================================

The body is rare and of many parts, and strangers should be able to read it, hence
CBOR; in its canonical form and without tags, so that one snapshot has one body:

================  ============================================================
``database``      id of the database, 16 bytes
``offset``        of the last commit that is in the snapshot
``chain``         checksum of the log's frame with that commit, or null
``microseconds``  when it was made, since 1970 (UTC)
``tables``        for each table a map of:

                  ``id``         its number in the catalogue
                  ``rows``       how many there are
                  ``sequences``  next values, 33 bytes each, little-endian
                  ``chunks``     in order, each a list of hash, bytes and rows
================  ============================================================

Rules:

1. A manifest is written and synced before its file gets its name. So one that is
   not right is damage, never the work of power loss.
2. Magic and hash stay where they are in every version, so that a newer format is
   told from damage.
3. A reader passes over keys of the body that it does not know.
"""

import hashlib
import re
import struct
from collections.abc import Iterator

import attrs

from qsdb.codec.cbor import CborError, from_cbor, to_cbor
from qsdb.errors import CorruptionError, FormatVersionError
from qsdb.log.chunks import DIGEST_BYTES, Chunk
from qsdb.log.segments import DATABASE_ID_BYTES, check_database_id

__all__ = [
    "MANIFEST_FORMAT_VERSION",
    "SNAPSHOTS_DIRECTORY",
    "Snapshot",
    "TableSnapshot",
    "decode_manifest",
    "encode_manifest",
    "manifest_name",
    "manifest_offset",
]

# All of these are on disk; never change them but for the version.
MANIFEST_FORMAT_VERSION = 1
READER_VERSION_MIN = 1
SNAPSHOTS_DIRECTORY = "snapshots"

_MAGIC = b"\x89qsdm\r\n\x1a"
_HEADER = struct.Struct("<8sHH4x")
_BODY_START = _HEADER.size + DIGEST_BYTES
_SEQUENCE_BYTES = 33
"""One more than a u256 has: the value after the last one."""

_FILE_NAME = re.compile(r"([0-9]{20})\.manifest")


def manifest_name(offset: int) -> str:
    """Give the name of the manifest of a snapshot, from the root of the database.

    >>> manifest_name(7)
    'snapshots/00000000000000000007.manifest'
    """
    return f"{SNAPSHOTS_DIRECTORY}/{offset:020}.manifest"


def manifest_offset(file_name: str) -> int | None:
    """Give the offset of the snapshot that a manifest makes; None for other files.

    >>> manifest_offset("00000000000000000007.manifest"), manifest_offset("7.tmp")
    (7, None)

    Args:
        file_name: As `qsdb.files.Directory.list` gives it, without the directory.
    """
    match = _FILE_NAME.fullmatch(file_name)
    return None if match is None else int(match[1])


@attrs.frozen(kw_only=True)
class TableSnapshot:
    """One table of a snapshot."""

    table_id: int
    """Its number in the catalogue."""
    sequences: tuple[int, ...]
    """The next value of each generated column, from 0 to 2**256."""
    chunks: tuple[Chunk, ...]
    """The rows, in order."""

    @property
    def rows_count(self) -> int:
        """Number of rows."""
        return sum([chunk.rows_count for chunk in self.chunks])


@attrs.frozen(kw_only=True)
class Snapshot:
    """A database after one commit.

    Raises:
        ArgumentError: the database's id is not 16 bytes long.
    """

    database: bytes = attrs.field(validator=check_database_id)
    """Id of the database, 16 bytes."""
    offset: int
    """Of the last commit in it."""
    chain: int | None
    """Checksum of the log's frame with that commit; None where it is not known."""
    microseconds: int
    """When it was made, since 1970 (UTC)."""
    tables: tuple[TableSnapshot, ...] = ()

    @property
    def bytes_count(self) -> int:
        """Size of all chunks, in bytes."""
        return sum([chunk.bytes_count for chunk in self.chunks()])

    def chunks(self) -> Iterator[Chunk]:
        """Give the chunks of all tables."""
        for table in self.tables:
            yield from table.chunks


def encode_manifest(snapshot: Snapshot) -> bytes:
    """Give the content of a snapshot's manifest; cost: about 1 µs a chunk."""
    body = to_cbor(
        {
            "database": snapshot.database,
            "offset": snapshot.offset,
            "chain": snapshot.chain,
            "microseconds": snapshot.microseconds,
            "tables": [_table_content(table) for table in snapshot.tables],
        }
    )
    header = _HEADER.pack(_MAGIC, MANIFEST_FORMAT_VERSION, READER_VERSION_MIN)
    return header + _digest_of(header, body) + body


def _table_content(table: TableSnapshot) -> dict[str, object]:
    return {
        "id": table.table_id,
        "rows": table.rows_count,
        "sequences": [
            each.to_bytes(_SEQUENCE_BYTES, "little") for each in table.sequences
        ],
        "chunks": [list(chunk) for chunk in table.chunks],
    }


def _digest_of(header: bytes, body: bytes) -> bytes:
    return hashlib.blake2b(header + body, digest_size=DIGEST_BYTES).digest()


def decode_manifest(
    data: bytes, path: str, *, offset: int, database: bytes | None
) -> Snapshot:
    """Read a manifest.

    Args:
        data: Content of the file.
        path: Of the file, for messages.
        offset: What the name of the file says.
        database: Id of the database that it must be of; None if any will do.

    Raises:
        CorruptionError: this is no manifest, a damaged one, or that of another
            offset or database.
        FormatVersionError: a newer qsdb wrote it, in a way that older ones must
            not read.

    Cost: about 3 µs a chunk. What is allocated stays in proportion to `data`.
    """
    header, digest = data[: _HEADER.size], data[_HEADER.size : _BODY_START]
    body = data[_BODY_START:]
    if not data.startswith(_MAGIC):
        raise CorruptionError(path, 0, "it does not begin like a manifest")
    if _digest_of(header, body) != digest:
        raise CorruptionError(path, 0, "it fails its hash")
    _, _, reader_version_min = _HEADER.unpack(header)
    if reader_version_min > MANIFEST_FORMAT_VERSION:
        raise FormatVersionError(
            path,
            f"a format for readers of version {reader_version_min} and up",
            f"version {MANIFEST_FORMAT_VERSION}",
        )
    try:
        snapshot = _snapshot_of(_content_of(body))
        _check_origin(snapshot, offset, database)
    except _ContentError as error:
        raise CorruptionError(path, _BODY_START, str(error)) from error
    return snapshot


class _ContentError(ValueError):
    """A body has its right hash and is no manifest's, or that of another."""


def _content_of(body: bytes) -> object:
    try:
        return from_cbor(body)
    except CborError as error:
        raise _ContentError(f"its body: {error}") from error


def _snapshot_of(content: object) -> Snapshot:
    match content:
        case {
            "database": bytes(database),
            "offset": int(offset),
            "chain": int() | None as chain,
            "microseconds": int(microseconds),
            "tables": list(tables),
        } if len(database) == DATABASE_ID_BYTES:
            return Snapshot(
                database=database,
                offset=offset,
                chain=chain,
                microseconds=microseconds,
                tables=tuple([_table_of(table) for table in tables]),
            )
        case _:
            raise _ContentError("its body lacks what a manifest has")


def _table_of(content: object) -> TableSnapshot:
    match content:
        case {
            "id": int(table_id),
            "rows": int(rows_count),
            "sequences": list(sequences),
            "chunks": list(chunks),
        }:
            table = TableSnapshot(
                table_id=table_id,
                sequences=tuple([_sequence_of(each) for each in sequences]),
                chunks=tuple([_chunk_of(chunk) for chunk in chunks]),
            )
        case _:
            raise _ContentError("a table lacks what it must have")
    if table.rows_count != rows_count:
        raise _ContentError(
            f"table {table_id} has {rows_count} rows, its chunks {table.rows_count}"
        )
    return table


def _sequence_of(content: object) -> int:
    match content:
        case bytes() if len(content) == _SEQUENCE_BYTES:
            return int.from_bytes(content, "little")
        case _:
            raise _ContentError(f"a sequence is not {_SEQUENCE_BYTES} bytes")


def _chunk_of(content: object) -> Chunk:
    match content:
        case [bytes(digest), int(bytes_count), int(rows_count)] if (
            len(digest) == DIGEST_BYTES
        ):
            return Chunk(digest, bytes_count, rows_count)
        case _:
            raise _ContentError("a chunk is not a hash, its bytes and its rows")


def _check_origin(snapshot: Snapshot, offset: int, database: bytes | None) -> None:
    """Verify that a snapshot is the one that its file's name and place tell."""
    if snapshot.offset != offset:
        raise _ContentError(
            f"it is of offset {snapshot.offset}, its name says {offset}"
        )
    if database is not None and snapshot.database != database:
        raise _ContentError(
            f"it belongs to the database {snapshot.database.hex()}, "
            f"not to {database.hex()}"
        )
