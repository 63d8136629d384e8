"""Snapshots of an open database: when they are taken, how, and what is kept.

One is taken beside the writers: it pins an offset and copies table by table
(`qsdb.store.pinned`). Its manifest is written last, and after the log has all up to
its offset on the disk, so that no snapshot is ever ahead of the log.

One at a time; `compact` and backups wait for it, since they count on files that
stay. An error leaves the older snapshots and the log as they are, and commits go
on. After an error of the disk none is taken any more, and nothing removed, until the
database is opened again: what looks written may not be, and a sync that succeeds
after one that failed proves nothing (`qsdb.log.writing`, fail-stop).
"""

import contextlib
import itertools
import logging
import threading
from collections.abc import Callable, Iterator

from qsdb.errors import ClosedError, CorruptionError, StorageError, UsageError
from qsdb.files import Directory as Files
from qsdb.forks import on_fork
from qsdb.log.manifests import Snapshot
from qsdb.log.segments import LOG_DIRECTORY, segment_name, segment_offset
from qsdb.log.snapshots import (
    SnapshotWriter,
    list_snapshots,
    read_snapshot,
    remove_unreferenced,
)
from qsdb.log.tail import NO_ROOM
from qsdb.log.writing import LogWriter
from qsdb.recovery.state import row_kind
from qsdb.runtime.options import StorageOptions
from qsdb.store.pinned import PinnedState
from qsdb.store.pins import Store

__all__ = ["Snapshots"]

logger = logging.getLogger("qsdb.snapshots")

_BUSY = (
    "a signal handler ran while its thread takes a snapshot or compacts; that must end "
    "before it can take another, compact or close"
)


class Snapshots:
    """Takes the snapshots of one database.

    Attributes:
        error: Why the last one was not taken; None if it was.
        offset: Of the newest snapshot; 0 if there is none.
    """

    def __init__(
        self,
        files: Files,
        database: bytes,
        log: LogWriter,
        options: StorageOptions,
        offset: int = 0,
    ) -> None:
        """Take none yet.

        Args:
            files: The directory.
            database: Its id.
            log: What has commits on the disk.
            options: How often, and how many are kept.
            offset: Of the newest snapshot; 0 if there is none.
        """
        self._files = files
        self._database = database
        self._log = log
        self._options = options
        self._lock = threading.RLock()
        """Held by who takes a snapshot or compacts, to the end of it."""
        self._is_closed = False
        self._is_busy = False
        """Whether the holder of the lock is at it."""
        on_fork(self._forked)
        self._watched: tuple[Store, Callable[[], int]] | None = None
        self._bytes_before = log.written_bytes
        self._disk_error: Exception | None = None
        """The first one since the database was opened."""
        self._is_scheduled = False
        """Whether a thread of its own is to take one, or at it."""
        self._running: threading.Thread | None = None
        """The last such thread, once it runs."""
        self._tried_offset = offset
        """Where the last attempt was made; the next one waits as for a success."""
        self.error: Exception | None = None
        self.offset = offset

    def watch(self, store: Store, latest: Callable[[], int]) -> None:
        """Take snapshots of a store from now on, also by themselves.

        Args:
            store: What the log is written for.
            latest: Gives a time, in microseconds since 1970, that is not before the
                last commit's.
        """
        self._watched = store, latest
        if self._options.has_threads:
            self._log.after_flush = self._take_if_due

    def take(self) -> int:
        """Take a snapshot of the last commit, and give its offset.

        Raises:
            StorageError: the log has failed, or the disk has, for a snapshot before.
            OSError: the disk refuses; there is no new snapshot.
            UsageError: nothing is watched yet, or a signal handler asks while its
                thread is at this already.
            ClosedError: the database is closed.
        """
        if self._watched is None:
            raise UsageError("there is no store yet to take a snapshot of")
        store, latest = self._watched
        with self.alone(), PinnedState(store) as state:
            self._require_good_disk("no snapshot is taken of")
            self._bytes_before = self._log.written_bytes
            self._tried_offset = state.offset
            if state.offset == self.offset and self.error is None:
                return self.offset
            try:
                self._write(state, latest())
            except ClosedError:
                raise
            except Exception as error:
                self.error = error
                if _may_have_lost(error):
                    self._disk_error = self._disk_error or error
                raise
            self.error = None
            self.offset = state.offset
            return state.offset

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Let nobody else take a snapshot or compact, nor close, in the block.

        Raises:
            UsageError, ClosedError, StorageError: it cannot be entered.
        """
        with self._lock:
            if self._is_busy:
                raise UsageError(_BUSY)
            if self._is_closed:
                raise ClosedError("the database is closed")
            if self._log.failure is not None:
                raise self._log.failure.with_traceback(None)
            self._is_busy = True
            try:
                yield
            finally:
                self._is_busy = False

    def _require_good_disk(self, what: str) -> None:
        """Refuse what counts on the disk, after an error of it.

        Raises:
            StorageError: there was one.
        """
        if self._disk_error is not None:
            raise StorageError(
                f"after {self._disk_error!r} {what} {self._files.describe()} until it "
                "is opened again"
            )

    def _forked(self) -> None:
        """Have a new lock in a forked child: the holder may not be in it."""
        self._lock, self._is_busy = threading.RLock(), False

    def _write(self, state: PinnedState, microseconds: int) -> None:
        previous = None
        if self.offset:
            with contextlib.suppress(CorruptionError):  # then all is written anew
                previous = read_snapshot(self._files, self.offset)
        snapshot = Snapshot(
            database=self._database,
            offset=state.offset,
            chain=None,
            microseconds=microseconds,
        )
        writer = SnapshotWriter(self._files, snapshot, previous)
        for table in state.tables:
            kind = row_kind(table.bound.schema)
            writer.add_table(table.table_id, kind, table.slices(), table.sequences)
        self._log.wait_durable(state.offset)
        writer.finish()

    def _take_if_due(self) -> None:
        """Begin a snapshot if there is enough new in the log; on the log thread."""
        log, options = self._log, self._options
        is_due = (
            log.durable_offset - self._tried_offset >= options.snapshot_commits
            or log.written_bytes - self._bytes_before >= options.snapshot_log_bytes
        )
        if not is_due or self._disk_error is not None or self._is_scheduled:
            return
        self._is_scheduled = True
        thread = threading.Thread(
            target=self._take_alone, name="qsdb snapshot", daemon=True
        )
        try:
            thread.start()
        except RuntimeError as error:  # the system has no more threads
            self.error, self._tried_offset = error, log.durable_offset
            self._bytes_before = log.written_bytes
            self._is_scheduled = False
            return
        self._running = thread  # not before: it could not be waited for

    def _take_alone(self) -> None:
        try:
            self.take()
            if self._options.compacts:
                self.compact()
        except ClosedError:  # the database was closed meanwhile
            logger.debug("no snapshot was taken before the end")
        except Exception:
            work = "removed" if self.error is None else "taken"
            logger.exception("no snapshot was %s; the database goes on", work)
        finally:
            self._is_scheduled = False

    def compact(self) -> int:
        """Remove older snapshots, and the log that only they need.

        Returns:
            How many segments of the log were removed. None are as long as there
            are fewer snapshots than are to be kept.

        Raises:
            StorageError: a snapshot to be kept is damaged, or the disk has failed;
                nothing was removed.
            OSError: a part of one to be kept is missing, and nothing was removed; or
                the disk refuses.
            UsageError, ClosedError: as `take` does.

        Cost: reads all that is kept, and hashes it.
        """
        with self.alone():
            self._require_good_disk("nothing is removed from")
            kept = list_snapshots(self._files)[-self._options.snapshots_kept :]
            remove_unreferenced(self._files, kept)
            if len(kept) < self._options.snapshots_kept:
                return 0
            return self._remove_segments(kept[0])

    def _remove_segments(self, offset: int) -> int:
        """Remove the segments of the log that end at or before an offset."""
        names = self._files.list(LOG_DIRECTORY)
        offsets = [segment_offset(name) for name in names]
        firsts = sorted([each for each in offsets if each is not None])
        count = 0
        for first, following in itertools.pairwise(firsts):
            if following > offset + 1:
                break
            # Oldest first: whenever this is cut off, no gap is left.
            self._files.remove(segment_name(first))
            self._files.sync(LOG_DIRECTORY)
            count += 1
        return count

    def close(self) -> None:
        """Let no snapshot be taken any more; wait for the end of one that is.

        Raises:
            UsageError: a signal handler asks while its thread is at one.
        """
        self._log.after_flush = None
        with self._lock:
            if self._is_busy:
                raise UsageError(_BUSY)
            self._is_closed = True
        running = self._running
        if running is not None and running is not threading.current_thread():
            running.join()


def _may_have_lost(error: Exception) -> bool:
    """Whether an error leaves it open what is on the disk: a full one does not."""
    if isinstance(error, OSError):
        return error.errno not in NO_ROOM
    return isinstance(error, StorageError)
