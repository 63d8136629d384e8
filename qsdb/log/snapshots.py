"""Snapshots on disk: writing them, reading them, and removing what is not needed.

::

    snapshots/00000000000000000700.manifest      objects/0b/91c4…
    snapshots/00000000000000001400.manifest ───► objects/5f/02aa…
                                            └──► objects/e7/d310…

The manifest comes last, and is the commit of the snapshot: without it there is no
snapshot, with it every chunk is on the disk. So power loss leaves a snapshot whole
or not at all, and older ones as they were, since what they are made of is never
changed. The order, which each sync is for:

1. a chunk: written under another name, synced, renamed. So a file that has the
   name of a chunk holds all of it.
2. the directories with names that the snapshot needs, each once. Names that the
   previous snapshot needs last already. All others are synced, though the file was
   found there: it may be of an attempt that came to nothing before its sync.
3. the manifest: written under another name, synced, renamed.
4. its directory.

A chunk that is there is not written again. Its bytes are compared, though, and
where they went bad, or cannot be read, the file is replaced: else one bad file would
be in every snapshot from then on.

Removal goes the other way: manifests, sync, then chunks that no other one lists.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import attrs

from qsdb.codec.bsatn import encoder, reader
from qsdb.codec.layout import refuse_deep
from qsdb.errors import CorruptionError
from qsdb.files import Directory
from qsdb.log.chunks import (
    OBJECTS_DIRECTORY,
    Chunk,
    StoredRow,
    check_chunk,
    cut_rows,
    read_rows,
)
from qsdb.log.manifests import (
    SNAPSHOTS_DIRECTORY,
    Snapshot,
    TableSnapshot,
    decode_manifest,
    encode_manifest,
    manifest_name,
    manifest_offset,
)
from qsdb.log.whole_files import TEMPORARY, read_file, write_file
from qsdb.values.compounds import ArrayKind, ProductKind

__all__ = [
    "SnapshotWriter",
    "list_snapshots",
    "read_snapshot",
    "read_table",
    "remove_unreferenced",
]

_OBJECT_FOLDER = re.compile(r"[0-9a-f]{2}")
_OBJECT_FILE = re.compile(r"[0-9a-f]{62}")


class SnapshotWriter:
    """Writes one snapshot; one at a time for a database.

    Tables are added, then `finish` makes the snapshot. After an exception the writer
    is to be dropped: there is no snapshot then, and no temporary file. Chunks that
    were written stay for the next one, or until `remove_unreferenced`.

    Every method raises the `OSError` of the disk. After ``EIO`` remove nothing before
    the database was opened again: a later sync that succeeds proves nothing.
    """

    def __init__(
        self, directory: Directory, snapshot: Snapshot, previous: Snapshot | None
    ) -> None:
        """Begin a snapshot; writes nothing yet.

        Args:
            directory: Of the database.
            snapshot: What it says of itself, still without tables.
            previous: A snapshot that is in the directory, the newest one; None if
                there is none. Its chunks are where new ones are most likely found.
        """
        self._directory = directory
        self._snapshot = snapshot
        self._tables: list[TableSnapshot] = []
        # Names that last, or will by what `_unsynced` holds.
        self._lasting: set[str] = set()
        self._unsynced: set[str] = set()
        if previous is not None:
            self._need(manifest_name(previous.offset))
            for chunk in previous.chunks():
                self._need(chunk.name)
            self._unsynced.clear()

    def add_table(
        self,
        table_id: int,
        row: ProductKind,
        slices: Iterable[Sequence[StoredRow]],
        sequences: Sequence[int],
    ) -> None:
        """Write the rows of a table.

        Args:
            table_id: Its number in the catalogue.
            row: The kind of its rows.
            slices: The rows, all different, in an order that changes little from
                one snapshot to the next. Each slice is taken when the rows of the
                one before are written, but for less than a chunk; so who makes
                them can pause in between.
            sequences: The next value of each generated column.

        Raises:
            LimitError: `row` nests more than 63 levels deep, or a row cannot be
                encoded.

        Cost: 0.4 to 1 µs a row, and a sync for each new chunk: 64 KiB.
        """
        refuse_deep(ArrayKind(row))  # which reading needs
        chunks: list[Chunk] = []
        for chunk, data in cut_rows(encoder(row), slices):
            self._put(chunk.name, data)
            chunks.append(chunk)
        self._tables.append(
            TableSnapshot(
                table_id=table_id, sequences=tuple(sequences), chunks=tuple(chunks)
            )
        )

    def carry_table(
        self, table: TableSnapshot, content_of: Callable[[Chunk], bytes]
    ) -> None:
        """Take a table over from a snapshot of another directory.

        Args:
            table: The table there.
            content_of: Gives what a chunk holds. What it raises passes through.
        """
        for chunk in table.chunks:
            self._put(chunk.name, content_of(chunk))
        self._tables.append(table)

    def finish(self) -> Snapshot:
        """Make the snapshot of the tables added; on the disk when this returns.

        Replaces a snapshot of the same offset.
        """
        snapshot = attrs.evolve(self._snapshot, tables=tuple(self._tables))
        name = manifest_name(snapshot.offset)
        self._directory.make_directory(SNAPSHOTS_DIRECTORY)
        self._need(SNAPSHOTS_DIRECTORY)
        for folder in sorted(self._unsynced):
            self._directory.sync(folder)
        write_file(self._directory, name, encode_manifest(snapshot))
        self._directory.sync(SNAPSHOTS_DIRECTORY)
        return snapshot

    def _put(self, name: str, data: bytes) -> None:
        """Have a chunk in the directory; its name lasts when `finish` syncs."""
        if not _holds(self._directory, name, data):
            folder = _folder_of(name)
            if folder in self._lasting and not self._directory.exists(folder):
                # Power loss took it, after a sync of the previous snapshot that failed.
                self._lasting -= {name, folder, _folder_of(folder)}
            if folder not in self._lasting:
                self._directory.make_directory(folder)
            write_file(self._directory, name, data)
            self._unsynced.add(folder)
        self._need(name)

    def _need(self, name: str) -> None:
        """Have a name last, and those of the folders above it."""
        while name not in self._lasting and name:
            self._lasting.add(name)
            name = _folder_of(name)
            self._unsynced.add(name)


def _folder_of(name: str) -> str:
    return name.rpartition("/")[0]


def _holds(directory: Directory, name: str, data: bytes) -> bool:
    """Whether there is a file of this content, as far as it can be read."""
    try:
        return read_file(directory, name) == data
    except OSError:
        return False


def list_snapshots(directory: Directory) -> list[int]:
    """Give the offsets of all snapshots in a database's directory, newest last."""
    names = _names_in(directory, SNAPSHOTS_DIRECTORY)
    offsets = [manifest_offset(name) for name in names]
    return [offset for offset in offsets if offset is not None]


def _names_in(directory: Directory, folder: str) -> list[str]:
    return directory.list(folder) if directory.exists(folder) else []


def read_snapshot(
    directory: Directory, offset: int, *, database: bytes | None = None
) -> Snapshot:
    """Read the manifest of a snapshot, but none of its rows.

    Args:
        directory: Of the database.
        offset: One that `list_snapshots` gave.
        database: Id of the database that it must be of; None if any will do.

    Raises:
        CorruptionError: the manifest is damaged, or of another database.
        FormatVersionError: a newer qsdb wrote it.
        OSError: it cannot be read, or is not there.
    """
    name = manifest_name(offset)
    data = read_file(directory, name)
    path = directory.describe(name)
    return decode_manifest(data, path, offset=offset, database=database)


def read_table(
    directory: Directory, table: TableSnapshot, row: ProductKind
) -> Iterator[tuple[StoredRow, ...]]:
    """Yield the rows of a table, chunk by chunk, in order.

    What was yielded is right, also when the next chunk is not.

    Args:
        directory: Of the database.
        table: From a snapshot.
        row: The kind of its rows.

    Raises:
        CorruptionError: a chunk is damaged or missing, or its rows are of
            another kind.
        FormatVersionError: a newer qsdb wrote it.
        OSError: a chunk cannot be read.

    Cost: 0.3 to 1.5 µs a row.
    """
    read = reader(ArrayKind(row))
    for chunk in table.chunks:
        path = directory.describe(chunk.name)
        try:
            data = read_file(directory, chunk.name)
        except FileNotFoundError:
            fault = f"it is missing, with {chunk.rows_count} rows of a snapshot"
            raise CorruptionError(path, 0, fault) from None
        yield read_rows(data, chunk, path, read)


def remove_unreferenced(directory: Directory, keep_offsets: Collection[int]) -> None:
    """Remove all snapshots but those to be kept, and all that no kept one needs.

    All that is kept is read first, and nothing removed if any of it is damaged: what
    is removed may be what it could be mended with. When this returns, the kept ones
    last, so that the log before the oldest may go.
    Not while a snapshot is written. Files that are none of a snapshot stay.

    Args:
        directory: Of the database.
        keep_offsets: Of the snapshots to be kept, each of which must be there.

    Raises:
        CorruptionError: a manifest or chunk to be kept is damaged; nothing was
            removed.
        FormatVersionError: a newer qsdb wrote it; nothing was removed.
        OSError: something to be kept is not there, and nothing was removed; or
            the disk failed, and what is left can be removed later.

    Cost: reads all chunks that are kept, and hashes them.
    """
    kept = [read_snapshot(directory, offset) for offset in keep_offsets]
    for name, chunk in {e.name: e for each in kept for e in each.chunks()}.items():
        check_chunk(read_file(directory, name), chunk, directory.describe(name))
    _remove_manifests(directory, {manifest_name(each.offset) for each in kept})
    _remove_objects(directory, {chunk.name for each in kept for chunk in each.chunks()})


def _remove_manifests(directory: Directory, kept: set[str]) -> None:
    if not directory.exists(SNAPSHOTS_DIRECTORY):
        return
    # Who was killed may not have synced the names that are here, nor the removal
    # of those that are not.
    directory.sync(SNAPSHOTS_DIRECTORY)
    doomed = [
        name
        for file_name in directory.list(SNAPSHOTS_DIRECTORY)
        if manifest_offset(file_name.removesuffix(TEMPORARY)) is not None
        and (name := f"{SNAPSHOTS_DIRECTORY}/{file_name}") not in kept
    ]
    for name in doomed:
        directory.remove(name)
    if doomed:
        directory.sync(SNAPSHOTS_DIRECTORY)


def _remove_objects(directory: Directory, kept: set[str]) -> None:
    for folder in _names_in(directory, OBJECTS_DIRECTORY):
        if not _OBJECT_FOLDER.fullmatch(folder):
            continue
        path = f"{OBJECTS_DIRECTORY}/{folder}"
        for file_name in directory.list(path):
            name = f"{path}/{file_name}"
            is_object = _OBJECT_FILE.fullmatch(file_name.removesuffix(TEMPORARY))
            if is_object and name not in kept:
                directory.remove(name)
