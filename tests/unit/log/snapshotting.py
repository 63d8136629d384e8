"""Small databases to take snapshots of, and what a disk has of them."""

from collections.abc import Mapping, Sequence

from qsdb.files import Directory
from qsdb.log.chunks import StoredRow
from qsdb.log.manifests import Snapshot
from qsdb.log.snapshots import (
    SnapshotWriter,
    list_snapshots,
    read_snapshot,
    read_table,
)
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import BYTES, U64

__all__ = [
    "DATABASE",
    "PLAYER",
    "Tables",
    "player_rows",
    "read_all",
    "read_tables",
    "take",
    "told",
]

DATABASE = bytes(range(16))
PLAYER = ProductKind("Player", (Field("id", U64), Field("face", BYTES)))

Tables = Mapping[int, Sequence[StoredRow]]
"""Id of a table → its rows, which are players."""


def player_rows(count: int, *, face: int = 1, face_bytes: int = 600) -> list[StoredRow]:
    """Give the rows of some players; few of them are one chunk."""
    return [(number, bytes([face]) * face_bytes) for number in range(count)]


def told(offset: int) -> Snapshot:
    """Give what a snapshot of the test database says of itself."""
    return Snapshot(
        database=DATABASE, offset=offset, chain=offset * 7, microseconds=offset * 1000
    )


def take(
    directory: Directory,
    offset: int,
    tables: Tables,
    previous: Snapshot | None = None,
) -> Snapshot:
    """Take a snapshot of tables, whose sequences all are at the offset."""
    writer = SnapshotWriter(directory, told(offset), previous)
    for table_id, rows in tables.items():
        writer.add_table(table_id, PLAYER, [rows], [offset])
    return writer.finish()


def read_tables(
    directory: Directory, offset: int
) -> tuple[Snapshot, dict[int, list[StoredRow]]]:
    """Give a snapshot, and what it has of each table."""
    snapshot = read_snapshot(directory, offset, database=DATABASE)
    tables = {
        table.table_id: [
            row for rows in read_table(directory, table, PLAYER) for row in rows
        ]
        for table in snapshot.tables
    }
    return snapshot, tables


def read_all(directory: Directory) -> dict[int, dict[int, list[StoredRow]]]:
    """Give offset → what the snapshot has of each table, for all there are."""
    return {
        offset: read_tables(directory, offset)[1]
        for offset in list_snapshots(directory)
    }
