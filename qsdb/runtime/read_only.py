"""A database that is read and not owned: beside its writer, or as it once was.

No lock is taken and nothing is written, so that any number of processes may read,
also a directory that they may not write to. In place of the log writer stands a
`Follower`, where the newest state is read; the state at an earlier offset stays as
it is. Whatever writes is refused before it begins.
"""

from typing import NoReturn

import attrs

from qsdb.errors import ClosedError, ReadOnlyError, UsageError
from qsdb.files import Directory as Files
from qsdb.recovery.directories import find_database
from qsdb.recovery.opening import Found, Progress
from qsdb.recovery.report import Recovery
from qsdb.recovery.restoring import read_at
from qsdb.recovery.system_errors import own_errors
from qsdb.runtime.call_contexts import Sender
from qsdb.runtime.calls import Calls
from qsdb.runtime.following import Follower
from qsdb.runtime.module_tables import load_tables, make_module, stored_row_of_module
from qsdb.runtime.writer import Writer
from qsdb.schema.functions import Reducer
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.procedures import Procedure
from qsdb.schema.system import StModule
from qsdb.store.images import StoredTable
from qsdb.store.transactions import WriteTransaction
from qsdb.values.identity import Identity
from qsdb.values.timestamps import Timestamp

__all__ = ["ReadOnlyCalls", "ReadOnlyStorage", "ReadOnlyWriter", "Readable", "find_at"]


class ReadOnlyStorage:
    """The files of a database that is only read.

    Attributes:
        files: Its directory.
        database: Its id, 16 bytes.
        recovery: What opening found.
    """

    def __init__(self, files: Files, found: Found, follower: Follower | None) -> None:
        """Keep what was found; without a follower it stays at its offset."""
        self.files = files
        self.database = found.database
        self.recovery: Recovery = found.report
        self._microseconds = found.state.microseconds
        self._follower = follower

    @property
    def microseconds(self) -> int:
        """The time of the last commit, since 1970 (UTC)."""
        follower = self._follower
        return self._microseconds if follower is None else follower.microseconds

    def refresh(self, seconds: float) -> int:
        """Apply what is new in the log, and give the offset; see `Follower.refresh`.

        Raises:
            UsageError: the database was opened at an offset or time.
        """
        if self._follower is None:
            raise UsageError(
                f"{self.files.describe()} was opened as it was at offset "
                f"{self.recovery.offset}, and stays so; open it without at=…"
            )
        return self._follower.refresh(seconds)

    def close(self) -> None:
        """Wake who waits for the log."""
        if self._follower is not None:
            self._follower.close()


class ReadOnlyWriter(Writer):
    """A writer that begins nothing; its lock is for whoever applies the log."""

    __slots__ = ()

    def begin(self) -> WriteTransaction:
        """Refuse.

        Raises:
            ReadOnlyError: always, but
            ClosedError: the database is closed.
        """
        _refuse(self, "write")

    def require_writable(self) -> None:
        """Refuse, likewise.

        Raises:
            ReadOnlyError: always, but
            ClosedError: the database is closed.
        """
        _refuse(self, "write")


class ReadOnlyCalls(Calls):
    """Calls of which none runs."""

    __slots__ = ()

    def call(
        self,
        sender: Sender,
        key: object,
        args: tuple[object, ...],
        kwargs: dict[str, object],
    ) -> object:
        """Refuse, whatever is called.

        Raises:
            ReadOnlyError: always, but
            ClosedError: the database is closed.
        """
        _refuse(self.writer, "call reducers")

    def find(self, identity: Identity, key: object) -> Reducer | Procedure:
        """Refuse, likewise.

        Raises:
            ReadOnlyError: always, but
            ClosedError: the database is closed.
        """
        _refuse(self.writer, "call functions")


def _refuse(writer: Writer, what: str) -> NoReturn:
    if writer.directory.store.is_closed:
        raise ClosedError("the database is closed")
    raise ReadOnlyError(
        f"the database was opened with read_only=True and cannot {what}; use db.read()"
    )


@attrs.frozen
class Readable:
    """What a directory gave to whoever only reads."""

    files: Files
    found: Found
    schema: ModuleSchema
    tables: list[StoredTable]
    module: StModule
    """What the stored catalogue says of the database."""


@own_errors("opening")
def find_at(
    files: Files,
    schema: ModuleSchema | None,
    at: int | Timestamp | None,
    progress: Progress | None,
) -> Readable:
    """Read a directory for a module, and write nothing.

    Args:
        files: The directory.
        schema: The module; None for one that is made of what is stored.
        at: The last commit to be read, or a time: all commits until then.
        progress: Is told how far the log is read.

    Raises:
        StorageError: there is no database, it is damaged, or the system refuses.
        ArgumentError: it has no state there; the text says where it has.
        SchemaError: it holds tables of another schema.
    """
    find_database(files)
    path = files.describe()
    if isinstance(at, Timestamp):
        found = read_at(files, to_time=at, progress=progress)
    else:
        found = read_at(files, to_offset=at, progress=progress)
    module = stored_row_of_module(found.state, path)
    if schema is None:
        schema = make_module(found.state, path)
    tables = load_tables(found.state, schema, path)
    return Readable(files, found, schema, tables, module)
