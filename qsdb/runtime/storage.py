"""A database on disk: what `Database` opens in place of empty tables.

`open_storage` takes the lock of a directory, reads what it holds, compares the
stored schema with the module's, and gives the tables, the offset and the log to go
on with. A directory without a database gets one. Nothing is written before all is
found good.
"""

from collections.abc import Callable, Sequence

import attrs

from qsdb.errors import (
    CorruptionError,
    DatabaseLocked,
    SchemaError,
)
from qsdb.files import Directory as Files
from qsdb.files import Lock, host_name, on_fork, process_id
from qsdb.log.segments import LOG_DIRECTORY, SegmentHeader
from qsdb.log.tail import Tail, begin_log
from qsdb.log.writing import LogWriter
from qsdb.recovery.opening import LOCK_NAME, Progress, is_new, mend, read_state
from qsdb.recovery.report import Recovery
from qsdb.recovery.state import State
from qsdb.runtime.options import Options
from qsdb.runtime.snapshots import Snapshots
from qsdb.schema.catalogue import module_of
from qsdb.schema.comparison import describe, difference
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.system import USER_IDS_FIRST, StModule, system_tables
from qsdb.store.images import StoredTable

__all__ = ["Opened", "Storage", "new_tables", "open_storage"]


class Storage:
    """The files of an open database.

    Attributes:
        files: Its directory.
        log: What has commits on the disk.
        snapshots: What takes snapshots.
        recovery: What opening found.
    """

    def __init__(
        self,
        files: Files,
        lock: Lock,
        log: LogWriter,
        snapshots: Snapshots,
        recovery: Recovery,
    ) -> None:
        """Own them."""
        self.files = files
        self.log = log
        self.snapshots = snapshots
        self.recovery = recovery
        self._lock = lock
        on_fork(self._forked)

    def _forked(self) -> None:
        self.log.fail("this is a forked process; the database is its parent's")

    def close(self) -> None:
        """Have all commits on the disk, and give the directory up."""
        try:
            self.snapshots.close()
            self.log.close()
        finally:
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


def new_tables(schema: ModuleSchema) -> list[StoredTable]:
    """Give empty tables: those of a module, then those of the system."""
    users = enumerate(schema.tables, USER_IDS_FIRST)
    return [
        *[StoredTable(bound, table_id) for table_id, bound in users],
        *[StoredTable(bound, table_id) for table_id, bound in system_tables()],
    ]


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
        SchemaError: it holds tables of another schema.
        StorageError: there is something else in the directory.
        OSError: the system refuses.
    """
    files.make_directory()
    lock = _take_lock(files)
    try:
        if is_new(files):
            state, database = State(), draw(128).to_bytes(16, "big")
            tail = _begin(files, database, draw(32), now())
            recovery = Recovery(files.describe(), is_created=True)
        else:
            found = read_state(files, progress=progress)
            state, database = found.state, found.database
            _compare(state, schema, files.describe())
            tail, recovery = mend(files, found)
        tables = _tables_of(state, schema)
        module = module_of(state.catalogue()) if state.offset else None
        if module is None:
            recovery = attrs.evolve(recovery, is_created=True)
        log = LogWriter(tail, options.log, lambda: draw(32), now)
        snapshots = Snapshots(files, database, log, options.storage, now)
    except BaseException:
        lock.release()
        raise
    storage = Storage(files, lock, log, snapshots, recovery)
    return Opened(storage, tables, state.offset, state.microseconds, module)


def _take_lock(files: Files) -> Lock:
    text = f"process {process_id()} on {host_name()}"
    taken = files.lock(LOCK_NAME, text)
    if isinstance(taken, str):
        words = taken.split()
        is_told = len(words) > 1 and words[1].isdecimal()
        raise DatabaseLocked(files.describe(), int(words[1]) if is_told else None)
    return taken


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


def _compare(state: State, schema: ModuleSchema, path: str) -> None:
    """Refuse a module whose tables are not those that are stored.

    Raises:
        SchemaError: with each difference, and both schemas.
    """
    if state.offset == 0:
        return
    try:
        stored = [*state.schemas().values()]
    except ValueError as error:
        raise CorruptionError(path, 0, f"its catalogue: {error}") from None
    declared = [bound.schema for bound in schema.tables]
    differences = difference(stored, declared)
    if differences:
        raise SchemaError(
            *[f"{path}: {each}" for each in differences],
            f"stored is:\n{describe(stored)}",
            f"module {schema.name} has:\n{describe(declared)}",
        )


def _tables_of(state: State, schema: ModuleSchema) -> list[StoredTable]:
    """Give the tables of a module with what a state has in them."""
    if state.offset == 0:
        return new_tables(schema)
    ids = {table.schema.name: number for number, table in state.tables.items()}
    tables = []
    for bound in (*schema.tables, *[bound for _, bound in system_tables()]):
        table = StoredTable(bound, ids[bound.schema.name])
        stored = state.tables[table.table_id]
        table.adopt(stored.rows, stored.sequences)
        tables.append(table)
    return tables
