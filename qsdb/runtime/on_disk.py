"""What a database does with its files: wait for them, copy them, make room.

`Database` is derived from it, so these are its methods. In memory there are no
files: everything is as durable as it will ever be, and what needs files says so.
What is only read has files of somebody else: they are followed, and never changed.
"""

from collections.abc import Iterator

import attrs

from qsdb.errors import ArgumentError, ReadOnlyError, UsageError, brief
from qsdb.files import Directory as Files
from qsdb.files import StrPath
from qsdb.recovery.copying import Origin, TableImage, write_database
from qsdb.recovery.directories import as_files
from qsdb.recovery.histories import History
from qsdb.recovery.report import Recovery
from qsdb.recovery.state import row_kind
from qsdb.recovery.system_errors import own_errors
from qsdb.runtime.asking import Asking
from qsdb.runtime.calls import Calls
from qsdb.runtime.read_only import ReadOnlyStorage
from qsdb.runtime.stats import Stats
from qsdb.runtime.storage import Storage
from qsdb.runtime.timeouts import check_timeout
from qsdb.runtime.writer import Writer
from qsdb.store.directory import Directory
from qsdb.store.pinned import PinnedState

__all__ = ["OnDisk"]


class OnDisk(Asking):
    """The part of a `Database` that has to do with files."""

    _directory: Directory
    _writer: Writer
    _calls: Calls
    _storage: Storage | ReadOnlyStorage | None
    """None in memory."""

    @property
    def durable_offset(self) -> int:
        """The last commit that is on the disk; in memory the last one.

        Of a database that is only read it is the last one that was read, which its
        writer may not have synced yet.
        """
        storage = self._storage
        if isinstance(storage, Storage):
            return storage.log.durable_offset
        return self._directory.store.offset

    @property
    def recovery(self) -> Recovery | None:
        """What opening found; None in memory."""
        return None if self._storage is None else self._storage.recovery

    def wait_durable(
        self, offset: int | None = None, timeout: float | None = None
    ) -> bool:
        """Wait until a commit is on the disk, and give whether it is.

        Args:
            offset: Of the commit; the last one if not given.
            timeout: Most seconds to wait; None for as long as it takes.

        Raises:
            ArgumentError: there is no such commit yet, or the timeout is negative.
            FailedError: it may not be on the disk, nor ever be.
            UsageError: this thread is inside a transaction.
            ClosedError: the database is closed.
        """
        self._require_outside()
        last = self._directory.store.offset
        if offset is not None and (type(offset) is not int or not 0 <= offset <= last):
            raise ArgumentError(
                f"an offset is an int from 0 to {last}, not {brief(offset)}"
            )
        check_timeout(timeout)
        if not isinstance(self._storage, Storage):
            return True
        return self._storage.log.wait_durable(
            last if offset is None else offset, timeout
        )

    @own_errors("snapshot")
    def snapshot(self) -> int:
        """Take a snapshot of the last commit now, while others write.

        The next opening begins with it in place of the log up to there. Chunks that
        are as in the snapshot before are not written again.

        Returns:
            The offset of the commit.

        Raises:
            StorageError: the log has failed, or the system refuses; older snapshots
                are as they were.
            DiskFull: there is no room; the same holds.
            ReadOnlyError: the database is only read.
            UsageError: it is in memory, or this thread is inside a transaction.
            ClosedError: the database is closed.

        Cost: about 1.5 µs a row, on this thread.
        """
        return self._require_own_files("takes no snapshots").snapshots.take()

    @own_errors("compaction")
    def compact(self) -> int:
        """Remove older snapshots, and the log that only they need.

        The newest `StorageOptions.snapshots_kept` stay, with the log since the
        oldest of them; what is older cannot be travelled back to any more.

        Returns:
            How many segments of the log were removed.

        Raises:
            StorageError: a snapshot to be kept is damaged, or the disk has failed
                before; nothing was removed.
            ReadOnlyError, UsageError, ClosedError: as `snapshot` does.
        """
        return self._require_own_files("has no log to compact").snapshots.compact()

    @own_errors("backup")
    def backup(self, dest: StrPath | Files, *, history: bool = True) -> int:
        """Copy the database to a new directory, while others write.

        The copy opens directly. It holds all that was committed when this was
        called, and may hold what was committed soon after. With its history it can be
        restored to all that this database can be (`qsdb.restore`).

        Args:
            dest: A directory that is empty or not there yet, or in which a copy was
                begun and cut off.
            history: Whether the log and older snapshots are copied too. There are none
                in memory, and none are taken from who only reads, or has failed.

        Returns:
            The offset of the last commit that is in it.

        Raises:
            ArgumentError: `dest` is no path.
            StorageError: there is something in the directory, and nothing was written;
                or the system refuses, and there is no database in `dest` then.
            DiskFull: there is no room; the same holds.
            FailedError: the log fails, as it is written for its history.
            DatabaseLocked: somebody else writes to it.
            UsageError: this thread is inside a transaction.
            ClosedError: the database is closed.

        Cost: about 1.5 µs a row, on this thread, and a sync for each 64 KiB. With its
        history that of copying the files; snapshots and compactions wait meanwhile.
        """
        self._require_outside()
        files, storage = as_files(dest), self._storage
        if not (history and isinstance(storage, Storage) and not storage.log.failure):
            with PinnedState(self._directory.store) as state:
                self._copy(files, state, None)
                return state.offset
        # So that nothing is removed that is carried over.
        with storage.snapshots.alone(), PinnedState(self._directory.store) as state:
            end = storage.log.flush()
            past = History.up_to(storage.files, storage.database, *end)
            self._copy(files, state, past)
            return past.last_offset

    def _copy(self, files: Files, state: PinnedState, history: History | None) -> None:
        """Write a copy of a state."""
        storage, draw = self._storage, self._calls.seeds.draw
        if storage is None:
            database = draw(128).to_bytes(16, "big")
        else:
            database = storage.database
        if isinstance(storage, ReadOnlyStorage):
            microseconds = storage.microseconds
        else:
            microseconds = self._writer.latest // 1000
        origin = Origin(
            database=database,
            offset=state.offset,
            microseconds=microseconds,
            salt=draw(32),
        )
        write_database(files, _images(state), origin, history)

    @own_errors("reading")
    def refresh(self, timeout: float | None = None) -> int:
        """Read what its writer has committed since, in another process.

        Commit by commit: read transactions that are open stay at their offset. What
        is read may not be synced yet, so power loss may take it from the disk.

        Args:
            timeout: Most seconds to wait for a new commit; None for not waiting.

        Returns:
            The offset after that.

        Raises:
            StorageError: the log that is needed was compacted away, or power loss
                took what had been read: open the database again. Or the system
                refuses.
            CorruptionError, FormatVersionError: the log cannot be read further.
            SchemaError: the writer has published a module with other tables than that
                with which this was opened, and what is read stays as it was before;
                without one it goes on with the new tables.
            ArgumentError: the timeout is negative.
            UsageError: the database was not opened with ``read_only=True``, or was
                with ``at=…``.
            ClosedError: the database is closed.

        Cost: some 100 µs, and about 10 µs a commit.
        """
        self._require_outside()
        check_timeout(timeout)
        if not isinstance(self._storage, ReadOnlyStorage):
            raise UsageError(
                "only a database opened with read_only=True follows the log; this one "
                "has all commits as it is"
            )
        return self._storage.refresh(0 if timeout is None else timeout)

    def _with_disk_stats(self, stats: Stats) -> Stats:
        """Add what there is to count of its own files."""
        storage = self._storage
        if not isinstance(storage, Storage):
            return stats
        error = storage.snapshots.error
        told = None if error is None else f"{type(error).__name__}: {error}"
        return attrs.evolve(
            stats,
            durable_offset=storage.log.durable_offset,
            snapshot_offset=storage.snapshots.offset,
            log_bytes=storage.log.written_bytes,
            snapshot_error=told,
        )

    def _require_own_files(self, what: str) -> Storage:
        self._require_outside()
        if self._storage is None:
            raise UsageError(f"a database in memory {what}; open it with a path")
        if isinstance(self._storage, ReadOnlyStorage):
            raise ReadOnlyError(
                f"a database opened with read_only=True {what}; its writer has to do it"
            )
        return self._storage

    def _require_outside(self) -> None:
        self._require_open()
        self._writer.require_outside()


def _images(state: PinnedState) -> Iterator[TableImage]:
    """Yield the tables of a state, and release it: old rows are kept no longer."""
    for each in state.tables:
        kind = row_kind(each.bound.schema)
        yield TableImage(each.table_id, kind, each.slices(), each.sequences)
    state.release()
