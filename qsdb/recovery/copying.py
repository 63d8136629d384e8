"""Copying: a new directory with a database in it, whole or not at all.

A copy is a snapshot, and a log that goes on after it and is still empty. It may have
what was before too (`qsdb.recovery.histories`)::

    END: not finished ───────────────── replaced last ───────────► END: 13
    log/…13.log       snapshots/…12.manifest ───► objects/…

The order makes it safe: first the note of the end says that this is no database yet
(`qsdb.log.end_notes`), then comes all else, and the note of the end that is there is
the commit of the copy. So nobody takes a directory in which a copy was cut off for
anything else (`qsdb.recovery.opening.is_new`), and the next copy into it starts over.

Backups, and what restoring, repairing and loading make, are such copies. Each opens
directly, and keeps the id of the database: it is that database at an earlier time.
"""

import contextlib
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import attrs

from qsdb.errors import StorageError
from qsdb.files import Directory
from qsdb.log.chunks import StoredRow
from qsdb.log.end_notes import END_NAME, EndNote, write_end_note
from qsdb.log.frames import Place
from qsdb.log.manifests import Snapshot
from qsdb.log.segments import (
    LOG_DIRECTORY,
    SEGMENT_HEADER_BYTES,
    SegmentHeader,
    segment_name,
)
from qsdb.log.snapshots import SnapshotWriter, remove_unreferenced
from qsdb.log.whole_files import TEMPORARY, write_file
from qsdb.recovery.directories import take_lock
from qsdb.recovery.ends import NotedEnd
from qsdb.recovery.histories import History
from qsdb.recovery.opening import LOCK_NAME, OWN_NAMES, QUARANTINE
from qsdb.recovery.state import State
from qsdb.schema.system import USER_IDS_FIRST
from qsdb.values.compounds import ProductKind
from qsdb.values.rfc3339 import format_micros

__all__ = [
    "Copy",
    "Origin",
    "TableImage",
    "copy_of",
    "require_empty",
    "write_database",
    "write_state",
]

_SLICE_ROWS = 1024
_FIRST_NAMES = frozenset({LOCK_NAME, END_NAME + TEMPORARY})
"""What may be there when a copy was cut off before it had said that it is one."""


@attrs.frozen(kw_only=True)
class Copy:
    """What was copied, and where to.

    >>> print(Copy(source="data", target="copy", offset=7, tables_count=2))
    copy at offset 7, 1970-01-01T00:00:00Z, from data
      2 tables, 0 rows
    """

    source: str
    target: str
    offset: int
    """The last commit that is in it."""
    microseconds: int = 0
    """The time of that commit, since 1970 (UTC)."""
    tables_count: int = 0
    """Of users' tables."""
    rows_count: int = 0
    """In users' tables."""

    def __str__(self) -> str:
        """Give the page."""
        return (
            f"{self.target} at offset {self.offset}, "
            f"{format_micros(self.microseconds)}, from {self.source}\n"
            f"  {self.tables_count:,} tables, {self.rows_count:,} rows"
        )


def copy_of(state: State, source: str, target: str) -> Copy:
    """Say what was copied, after a state."""
    users = [t for number, t in state.described().items() if number >= USER_IDS_FIRST]
    return Copy(
        source=source,
        target=target,
        offset=state.offset,
        microseconds=state.microseconds,
        tables_count=len(users),
        rows_count=sum([len(table.rows) for table in users]),
    )


class TableImage(NamedTuple):
    """One table of a copy."""

    table_id: int
    row: ProductKind
    slices: Iterable[Sequence[StoredRow]]
    """The rows, all different; each slice is taken when the one before is written."""
    sequences: Sequence[int]
    """The next value of each generated column."""


@attrs.frozen(kw_only=True)
class Origin:
    """What a copy is of."""

    database: bytes
    """Id of the database, 16 bytes."""
    offset: int
    """Of the last commit that is in the tables; 1 at least."""
    microseconds: int
    """The time of that commit, since 1970 (UTC)."""
    salt: int
    """A number below 2**32 that nobody outside knows, for the log of the copy."""


def write_database(
    directory: Directory,
    tables: Iterable[TableImage],
    origin: Origin,
    history: History | None = None,
) -> None:
    """Make a database in a directory that is empty, or not there yet.

    All is on the disk when this returns. Cut off anywhere before, there is no
    database in the directory, and it may be tried again.

    Args:
        directory: Where to.
        tables: Those of the system and of users, at one offset.
        origin: What they are of.
        history: What it is to have of the time before, up to the offset or later: then
            it goes on from there.

    Raises:
        StorageError: there is something in the directory; nothing was written.
        DatabaseLocked: somebody else writes to it.
        LimitError: a row cannot be encoded.
        OSError: the system refuses.

    Cost: 0.4 to 1 µs a row, and a sync for each 64 KiB; and that of the history.
    """
    with _copying(directory, tables, origin, history):
        pass


@contextlib.contextmanager
def _copying(
    directory: Directory,
    tables: Iterable[TableImage],
    origin: Origin,
    history: History | None,
) -> Iterator[None]:
    """Make a database that counts when the block has come to its end.

    So that what is written in the block belongs to it too.
    """
    require_empty(directory)
    begin = Place(0, origin.offset + 1, 0) if history is None else history.place
    directory.make_directory()
    lock = take_lock(directory)
    try:
        require_empty(directory)  # again: another may have finished its copy meanwhile
        write_end_note(directory, EndNote.of_unfinished(origin.database))
        _clear(directory)
        header = SegmentHeader(
            database=origin.database,
            first_offset=begin.offset,
            chain=begin.chain,
            salt=origin.salt,
            created_microseconds=origin.microseconds,
        )
        directory.make_directory(LOG_DIRECTORY)
        write_file(directory, segment_name(begin.offset), header.encode())
        directory.sync(LOG_DIRECTORY)
        directory.sync()
        snapshot = Snapshot(
            database=origin.database,
            offset=origin.offset,
            chain=None,
            microseconds=origin.microseconds,
        )
        writer = SnapshotWriter(directory, snapshot, None)
        for table in tables:
            writer.add_table(*table)
        writer.finish()
        if history is not None:
            history.carry_to(directory, origin.offset)
            directory.sync(LOG_DIRECTORY)
        yield
        note = EndNote(
            database=origin.database,
            first_offset=begin.offset,
            place=begin._replace(position=SEGMENT_HEADER_BYTES),
        )
        write_end_note(directory, note)
    finally:
        lock.release()


def _clear(directory: Directory) -> None:
    """Remove what a copy that was cut off before has left.

    That it is gone for good, the syncs of what is made in the same places see to.
    """
    remove_unreferenced(directory, ())
    for folder in (LOG_DIRECTORY, QUARANTINE):
        names = directory.list(folder) if directory.exists(folder) else []
        for name in names:
            directory.remove(f"{folder}/{name}")


def require_empty(directory: Directory) -> None:
    """Refuse a directory with something in it but a copy that was cut off.

    Raises:
        StorageError: there is.
    """
    names = directory.list() if directory.exists() else []
    if set(names) <= _FIRST_NAMES or _is_unfinished(directory, names):
        return
    raise StorageError(
        f"{directory.describe()} is not empty, {', '.join(names[:3])} is in it. "
        "Nothing was written; name an empty directory, or one that is not there yet"
    )


def _is_unfinished(directory: Directory, names: Collection[str]) -> bool:
    """Whether there is nothing else in a directory than a copy that was cut off."""
    note = NotedEnd(directory).note
    return note is not None and note.is_unfinished and OWN_NAMES.issuperset(names)


def write_state(
    directory: Directory,
    state: State,
    database: bytes,
    beside: Callable[[], object] = lambda: None,
    history: History | None = None,
) -> None:
    """Make a database that holds a state; all else as `write_database`.

    Args:
        directory: Where to.
        state: What it is to hold.
        database: Its id, 16 bytes.
        beside: Writes what else is to be in the directory when the copy counts.
        history: What it is to have of the time before.
    """
    origin = Origin(
        database=database,
        offset=state.offset,
        microseconds=state.microseconds,
        salt=_salt_of(database, state.offset),
    )
    with _copying(directory, _images(state), origin, history):
        beside()


def _images(state: State) -> Iterator[TableImage]:
    for number, table in state.described().items():
        rows = [*table.rows.values()]
        starts = range(0, len(rows), _SLICE_ROWS)
        slices = (rows[start : start + _SLICE_ROWS] for start in starts)
        yield TableImage(number, table.kind, slices, table.sequences)


def _salt_of(database: bytes, offset: int) -> int:
    """Give the salt of a copy: the same each time, and secret as the id is."""
    text = b"copy %d" % offset
    digest = hashlib.blake2b(text, key=database, digest_size=4).digest()
    return int.from_bytes(digest, "little")
