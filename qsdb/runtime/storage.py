"""A database on disk: what `Database` opens in place of empty tables.

`open_storage` takes the lock of a directory, reads what it holds, compares the
stored schema with the module's, and gives the tables, the offset and the log to go
on with. If the module is another one it is to be published then, which is known to be
possible. A directory without a database gets one. Nothing is written before all is
found good.
"""

from collections.abc import Callable, Sequence

import attrs

from qsdb.files import Directory as Files
from qsdb.files import Lock
from qsdb.forks import on_fork
from qsdb.log.segments import LOG_DIRECTORY, SegmentHeader
from qsdb.log.snapshots import list_snapshots
from qsdb.log.tail import Tail, begin_log
from qsdb.log.writing import LogWriter
from qsdb.recovery.directories import take_lock
from qsdb.recovery.mending import mend
from qsdb.recovery.opening import Progress, is_new, no_directory, read_state
from qsdb.recovery.report import Recovery
from qsdb.recovery.state import State
from qsdb.recovery.system_errors import own_errors
from qsdb.runtime.module_tables import (
    load_tables,
    new_tables,
    stored_if_other,
    stored_row_of_module,
)
from qsdb.runtime.options import Options
from qsdb.runtime.snapshots import Snapshots
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.system import StModule
from qsdb.store.images import StoredTable

__all__ = ["Opened", "Storage", "open_storage"]


class Storage:
    """The files of an open database.

    Attributes:
        files: Its directory.
        database: Its id, 16 bytes.
        log: What has commits on the disk.
        snapshots: What takes snapshots.
        recovery: What opening found.
    """

    def __init__(
        self,
        files: Files,
        database: bytes,
        lock: Lock,
        log: LogWriter,
        snapshots: Snapshots,
        recovery: Recovery,
    ) -> None:
        """Own them."""
        self.files = files
        self.database = database
        self.log = log
        self.snapshots = snapshots
        self.recovery = recovery
        self._lock = lock
        on_fork(self._forked)

    def _forked(self) -> None:
        self.log.fail("this is a forked process; the database is its parent's")

    def close(self) -> None:
        """Have all commits on the disk, and give the directory up.

        Cut off by an exception before the log is closed, it keeps the directory, and
        is to be called again: nobody else may write there meanwhile.
        """
        try:
            self.snapshots.close()
            self.log.close()
        finally:
            if self.log.failure is not None:
                self._lock.release()


@attrs.frozen
class Opened:
    """What a directory gave."""

    storage: Storage
    tables: Sequence[StoredTable]
    offset: int
    microseconds: int
    module: StModule | None
    """What the stored catalogue says of the database; None for a new one."""
    before: ModuleSchema | None
    """The module that is stored, if the given one is still to be published."""


@own_errors("opening")
def open_storage(
    files: Files,
    schema: ModuleSchema,
    options: Options,
    draw: Callable[[int], int],
    now: Callable[[], int],
    progress: Progress | None,
) -> Opened:
    """Open a directory for a module, or make a database in it.

    Args:
        files: The directory.
        schema: The module.
        options: How files are written.
        draw: Gives a random number of so many bits.
        now: Gives microseconds since 1970.
        progress: Is told how far the log is read.

    Raises:
        DatabaseLocked: somebody has it open.
        CorruptionError, FormatVersionError: it cannot be read; nothing was changed.
        SchemaError: it holds tables of a schema from which no rule leads to this one.
        StorageError: there is something else in the directory, or the system refuses.
        DiskFull: there is no room.
    """
    is_new(files)  # or something else, where not even a lock may be left
    try:
        files.make_directory()
    except (FileExistsError, NotADirectoryError):
        raise no_directory(files) from None
    lock, tail = take_lock(files), None
    try:
        if is_new(files):
            state, database = State(), draw(128).to_bytes(16, "big")
            tables, module, before = new_tables(schema), None, None
            newest_snapshot = 0
            tail = _begin(files, database, draw(32), now())
            recovery = Recovery(files.describe(), is_created=True)
        else:
            found = read_state(files, progress=progress)
            state, database = found.state, found.database
            tables, module, before = _load(state, schema, files.describe())
            newest_snapshot = max(list_snapshots(files), default=0)
            tail, recovery = mend(files, found)
            recovery = attrs.evolve(recovery, is_created=module is None)
        log = LogWriter(tail, options.log, lambda: draw(32), now)
    except BaseException:
        if tail is not None:
            tail.close()
        lock.release()
        raise
    snapshots = Snapshots(files, database, log, options.storage, newest_snapshot)
    storage = Storage(files, database, lock, log, snapshots, recovery)
    return Opened(storage, tables, state.offset, state.microseconds, module, before)


def _load(
    state: State, schema: ModuleSchema, path: str
) -> tuple[list[StoredTable], StModule | None, ModuleSchema | None]:
    """Give the tables of a state, what it says of the database, and its module.

    The module is None where it is the one that is given.

    A state at offset 0 is that of a database of which not even the commit that
    creates it was stored.
    """
    if state.offset == 0:
        return new_tables(schema), None, None
    before = stored_if_other(state, schema, path)
    tables = load_tables(state, before or schema, path)
    return tables, stored_row_of_module(state, path), before


def _begin(files: Files, database: bytes, salt: int, microseconds: int) -> Tail:
    """Make the first segment of a log; nothing counts before that has its name."""
    files.make_directory(LOG_DIRECTORY)
    files.sync()
    header = SegmentHeader(
        database=database,
        first_offset=1,
        chain=0,
        salt=salt,
        created_microseconds=microseconds,
    )
    return begin_log(files, header)
