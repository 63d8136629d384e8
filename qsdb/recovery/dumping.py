"""Dumping and loading: a whole database as one stream that strangers can read.

A dump is a sequence of CBOR items (RFC 8742), which most tools for CBOR can show::

    {"format": "qsdb dump", "version": 1, "reader": 1,
     "database": h'…', "offset": 9, "microseconds": 1700000000000000}
    {"table": 4096, "name": "user", "public": true, "primary_key": [0],
     "columns": [{"name": "id", "attribute": "id", "kind": "u64",
                  "generated": true}, …],
     "indexes": [{"name": "by_room", "algorithm": "btree", "columns": [1, 2]}, …],
     "sequences": [7]}
    [[1, "ada", …], [2, "bob", …], …]
    [[…]]
    {"end": "qsdb dump", "tables": 9, "rows": 80, "blake2b": h'…'}

* A list holds rows of the table named last; there are as many lists as it takes.
* Rows are as they are stored: identities, connections and UUIDs are bytes, times
  and spans microseconds, an enum its place, a union the place and the value, a
  `ScheduleAt` 0 and a span or 1 and a time. Kinds are written as the catalogue has
  them (`qsdb.schema.kind_data`).
* Tables come by ascending number, those of the system first; their rows describe all
  others, so that what stands in the item of a table is there for readers only.
* ``sequences`` has the next value of each generated column.
* The hash is BLAKE2b with 32 bytes, of all bytes before the end item.

Loading checks everything before it writes anything: the hash, the catalogue, each
value by its kind, all unique keys. What is wrong is told with the byte where its
item begins.
"""

import hashlib
from collections.abc import Iterator
from typing import Protocol

from qsdb.codec.cbor import to_cbor
from qsdb.errors import ArgumentError, brief
from qsdb.files import Directory, StrPath
from qsdb.recovery.copying import Copy, copy_of
from qsdb.recovery.directories import find_database
from qsdb.recovery.opening import Progress
from qsdb.recovery.restoring import read_at
from qsdb.recovery.state import TableState
from qsdb.recovery.system_errors import own_error, own_errors
from qsdb.schema.kind_data import kind_to_data
from qsdb.schema.specifiers import MISSING
from qsdb.schema.tables import ColumnSchema

__all__ = [
    "DUMP_FORMAT",
    "DUMP_VERSION",
    "HASH_BYTES",
    "Sink",
    "dump",
    "require_stream",
    "stream_name",
    "table_item",
]

# All of these are in dumps; never change them but for the version.
DUMP_FORMAT = "qsdb dump"
DUMP_VERSION = 1
READER_VERSION_MIN = 1
HASH_BYTES = 32

# These may change.
_ROWS_BYTES = 1 << 16
"""A list of rows that has so many bytes is ended."""


class Sink(Protocol):
    """What a dump is written to: a binary file, or anything with its `write`."""

    def write(self, data: bytes, /) -> object:
        """Take all of the bytes."""
        ...


@own_errors("dump")
def dump(
    path: StrPath | Directory, target: Sink, *, progress: Progress | None = None
) -> Copy:
    """Write all that a database holds, as one stream that any CBOR tool can read.

    Args:
        path: Its directory; it may be open, in this process or another.
        target: A binary file, open to write.
        progress: Called with how many segments of the log are read, and how many
            there are.

    Returns:
        What was written; to be printed.

    Raises:
        ArgumentError: `path` is no path, or `target` no file.
        StorageError: there is no database, or it is damaged; nothing was written. Or
            the system refuses; what was written then has no end, and is refused by
            `load`.
        DiskFull: there is no room; the same holds.

    Cost: that of opening, and about 4 µs a row.
    """
    require_stream(target, "write")
    directory = find_database(path)
    found = read_at(directory, progress=progress)
    state = found.state
    tables = state.described()
    digest = hashlib.blake2b(digest_size=HASH_BYTES)
    header = {
        "format": DUMP_FORMAT,
        "version": DUMP_VERSION,
        "reader": READER_VERSION_MIN,
        "database": found.database,
        "offset": state.offset,
        "microseconds": state.microseconds,
    }
    for data in _items(header, tables):
        digest.update(data)
        _write(target, data)
    end = {
        "end": DUMP_FORMAT,
        "tables": len(tables),
        "rows": sum([len(table.rows) for table in tables.values()]),
        "blake2b": digest.digest(),
    }
    _write(target, to_cbor(end))
    return copy_of(state, directory.describe(), stream_name(target))


def _write(target: Sink, data: bytes) -> None:
    try:
        target.write(data)
    except OSError as error:
        raise own_error(error, stream_name(target), "dump") from error


def require_stream(stream: object, method: str) -> None:
    """Refuse what is no file, a path say.

    Raises:
        ArgumentError: it has not the method, ``"read"`` or ``"write"``.
    """
    if not callable(getattr(stream, method, None)):
        raise ArgumentError(
            f"a dump is in a binary file, open to {method}, not {brief(stream)}"
        )


def stream_name(stream: object) -> str:
    """Give the name of a stream, for messages."""
    name = getattr(stream, "name", None)
    return name if isinstance(name, str) else "the dump"


def _items(header: object, tables: dict[int, TableState]) -> Iterator[bytes]:
    yield to_cbor(header)
    for table_id, table in tables.items():
        yield to_cbor(table_item(table_id, table))
        yield from _row_items(table)


def table_item(table_id: int, table: TableState) -> dict[str, object]:
    """Give what stands before the rows of a table."""
    schema = table.schema
    return {
        "table": table_id,
        "name": schema.name,
        "public": schema.is_public,
        "primary_key": schema.primary_key,
        "columns": [_column_data(each) for each in schema.columns],
        "indexes": [
            {
                "name": each.accessor,
                "algorithm": each.algorithm,
                "columns": each.columns,
            }
            for each in schema.indexes
        ],
        "sequences": table.sequences,
    }


def _column_data(column: ColumnSchema) -> dict[str, object]:
    data: dict[str, object] = {
        "name": column.name,
        "attribute": column.attribute,
        "kind": kind_to_data(column.kind),
        "generated": column.auto_inc,
    }
    if column.default is not MISSING:
        data["default"] = column.default
    return data


def _row_items(table: TableState) -> Iterator[bytes]:
    """Yield lists of the rows of a table, none of them empty."""
    pending: list[bytes] = []
    size = 0
    for row in table.rows.values():
        data = to_cbor(row)
        pending.append(data)
        size += len(data)
        if size >= _ROWS_BYTES:
            yield _list_of(pending)
            pending, size = [], 0
    if pending:
        yield _list_of(pending)


def _list_of(items: list[bytes]) -> bytes:
    """Join items to a list: the head of one of that length, and they."""
    empty = to_cbor([0] * len(items))
    return empty[: len(empty) - len(items)] + b"".join(items)
