"""What a database does with its files: wait for them, copy them, make room.

`Database` is derived from it, so these are its methods. In memory there are no
files: everything is as durable as it will ever be, and what needs files says so.
"""

import threading

from qsdb.errors import ArgumentError, ClosedError, UsageError, brief
from qsdb.recovery.report import Recovery
from qsdb.runtime.storage import Storage
from qsdb.runtime.writer import Writer
from qsdb.store.directory import Directory

__all__ = ["OnDisk"]


class OnDisk:
    """The part of a `Database` that has to do with files."""

    _directory: Directory
    _writer: Writer
    _storage: Storage | None
    """None in memory."""

    @property
    def durable_offset(self) -> int:
        """The last commit that is on the disk; in memory the last one."""
        storage = self._storage
        return (
            self._directory.store.offset
            if storage is None
            else storage.log.durable_offset
        )

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
        self._require_open()
        self._writer.require_outside()
        last = self._directory.store.offset
        if offset is not None and (type(offset) is not int or not 0 <= offset <= last):
            raise ArgumentError(
                f"an offset is an int from 0 to {last}, not {brief(offset)}"
            )
        if timeout is not None and not 0 <= timeout <= threading.TIMEOUT_MAX:
            raise ArgumentError(
                f"a timeout is a number of seconds from 0 on, not {brief(timeout)}"
            )
        if self._storage is None:
            return True
        return self._storage.log.wait_durable(
            last if offset is None else offset, timeout
        )

    def snapshot(self) -> int:
        """Take a snapshot of the last commit now, while others write.

        The next opening begins with it in place of the log up to there. Chunks that
        are as in the snapshot before are not written again.

        Returns:
            The offset of the commit.

        Raises:
            StorageError: the log has failed.
            OSError: the disk refuses; older snapshots are as they were.
            UsageError: the database is in memory, or this thread is inside a
                transaction.
            ClosedError: the database is closed.

        Cost: about 1.5 µs a row, on this thread.
        """
        storage = self._require_files("takes no snapshots")
        return storage.snapshots.take(self._directory.store)

    def compact(self) -> int:
        """Remove older snapshots, and the log that only they need.

        The newest `StorageOptions.snapshots_kept` stay, with the log since the
        oldest of them; what is older cannot be travelled back to any more.

        Returns:
            How many segments of the log were removed.

        Raises:
            StorageError: a snapshot to be kept is damaged, or the disk has failed
                before; nothing was removed.
            UsageError, ClosedError: as `snapshot` does.
        """
        return self._require_files("has no log to compact").snapshots.compact()

    def _require_files(self, what: str) -> Storage:
        self._require_open()
        self._writer.require_outside()
        if self._storage is None:
            raise UsageError(f"a database in memory {what}; open it with a path")
        return self._storage

    def _require_open(self) -> None:
        if self._directory.store.is_closed:
            raise ClosedError("the database is closed")
