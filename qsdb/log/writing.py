"""The log writer: takes records in commit order, and has them on the disk.

Committing threads hand their records to a queue. Whoever flushes takes all that is
there, makes frames of it, and writes and syncs one after the other: never one before
the sync of the last. So what stands before the durable mark is promised, no more.

============  =======================================================
durability    when a commit returns
============  =======================================================
`ALWAYS`      it is on the disk, if it `waits`; those at once share a sync
`INTERVAL`    at once; a thread flushes after `sync_interval` seconds
`OS`          the operating system has it; synced when a segment ends
============  =======================================================

A thread that waits for a sync does it itself if it is alone, which saves two thread
switches. Where several came to the last one, all wait for the log thread, which
flushes for those who came meanwhile; of very many, when they have gone on and most are
back (`qsdb.log.waiting`). Without records for a while that thread writes a mark, so
that damage to the last frame can be told from a torn tail.

**Room before promise.** Before a record is taken, the file has the room for it,
allocated ahead in steps. A full disk so fails the one transaction that would have
needed the room, with `DiskFull`, and it is undone; the next may try again. A
segment that is full is ended there, too, and the next one begun.

**Fail-stop.** After a failed write or sync nobody knows what the disk has: a sync
that succeeds later proves nothing (Rebello et al., ATC 2020). The writer then
fails for good, wakes all who wait with `FailedError`, and touches the file no more.
Opening the database again reads what is really there.
"""

import threading
from collections.abc import Callable

from qsdb.errors import FailedError, UsageError
from qsdb.forks import on_fork
from qsdb.log.background import LogThread
from qsdb.log.frames import (
    FRAME_BODY_MAX,
    LENGTH_BYTES,
    PART,
    Body,
    Place,
    pack_records,
)
from qsdb.log.options import INTERVAL, OS, LogOptions
from qsdb.log.tail import FRAME_ROOM, Tail, room_of
from qsdb.log.waiting import Bell, Waiters

__all__ = ["LogWriter"]

_BUSY = """a signal handler ran in the middle of a write to the log and cannot wait \
for that; what it committed is on the disk soon after, and it cannot close the database\
"""


class LogWriter:
    """Writes the last segment of a log, and begins new ones.

    `append` is called by one thread at a time, which holds the writer lock of the
    database; all else by any thread.

    Attributes:
        failure: Why nothing can be written any more, or None.
        options: How it is written.
        durable_offset: The last commit that a sync has returned for.
        after_flush: Called after each one; what it does is to be quick.
        written_bytes: Most bytes that all records since the opening can need.
        bell, waiters, is_closing, gathering_seconds: For the log thread.
    """

    def __init__(
        self,
        tail: Tail,
        options: LogOptions,
        new_salt: Callable[[], int],
        now: Callable[[], int],
    ) -> None:
        """Go on writing where a log ends.

        Args:
            tail: The end of the log.
            options: How to write.
            new_salt: Gives a random number below 2**32 for each segment.
            now: Gives microseconds since 1970, for the headers of segments.
        """
        self._tail, self.options = tail, options
        self._new_salt, self._now = new_salt, now
        self._queue: list[bytes] = []
        self.written_bytes = self._flushed_cost = self._room_end = 0
        # Most bytes that all records so far can need; those of them that were flushed;
        # and those for which there is room, or less: what is more, `_reserve` sees to.
        self._flushed_offset = self.durable_offset = tail.place.offset - 1
        self.failure: FailedError | None = None
        self.after_flush: Callable[[], object] | None = None
        self._io = threading.RLock()
        """Held by whoever touches the file."""
        self.waiters = Waiters()
        self.bell = Bell()
        self.is_closing = self._is_flushing = self._is_crowded = False
        self._is_loss_told = False
        self._queue_bytes_max = options.queue_bytes_max
        self._is_interval = options.durability == INTERVAL
        self.gathering_seconds = options.sync_interval if self._is_interval else 0.0
        on_fork(self._forked)
        self._thread = LogThread(self) if options.has_thread else None

    # For committing threads.

    def append(self, record: bytes) -> None:
        """Take the record of the next commit; it is decided when this returns.

        Called by one thread at a time, which holds the writer lock.

        Raises:
            DiskFull: there is no room; nothing was taken.
            FailedError: the log has failed before.
        """
        size = len(record)
        cost = size + FRAME_ROOM if size < FRAME_BODY_MAX else room_of(record)
        written = self.written_bytes + cost
        if written > self._room_end:  # also where the log has failed
            self._reserve(cost)
        # No call stands between these two, so no signal handler does.
        self.written_bytes = written
        self._queue += (record,)

    @property
    def appended_offset(self) -> int:
        """The last commit whose record was taken. Waits for a flush that runs."""
        with self._io:
            return self._flushed_offset + len(self._queue)

    def settle(self, offset: int, waits: bool = True) -> None:  # noqa: FBT001, FBT002  hot; by place, as a keyword costs
        """Do what the durability says before the commit at `offset` returns.

        Raises:
            FailedError: it may not be on the disk, nor ever be.
        """
        is_full = self.written_bytes - self._flushed_cost > self._queue_bytes_max
        if self._is_interval:
            if self.bell.is_asleep:
                self.bell.ring()
            if is_full:
                self.flush()
        elif self.options.durability == OS:
            self.flush(sync=False)
        elif waits or is_full:
            self.wait_durable(offset)

    def wait_durable(self, offset: int, timeout: float | None = None) -> bool:
        """Wait until a commit is on the disk, and give whether it is.

        Args:
            offset: Of the commit.
            timeout: Most seconds to wait; None for as long as it takes.

        Raises:
            FailedError: it may not be, nor ever be.
        """
        if self.durable_offset >= offset:
            return True
        is_alone = self._thread is None
        if (is_alone or not self._is_crowded) and self._io.acquire(blocking=is_alone):
            try:
                if self.durable_offset < offset:  # who was faster may have closed it
                    self._flush(sync=True)
            finally:
                self._io.release()
            return True
        if self._io._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001  as below
            raise UsageError(_BUSY)
        try:
            self.waiters.wait(offset, self._hurry, timeout)
        finally:
            if not self.waiters.are_due:
                self.bell.end_gathering()
        if self.durable_offset < offset and self.failure is not None:
            raise self.failure.with_traceback(None)
        return self.durable_offset >= offset

    def flush(
        self, offset: int | None = None, *, sync: bool = True
    ) -> tuple[int, Place]:
        """Write all that was appended, without another thread's help.

        Args:
            offset: Nothing is written if that is on the disk already.
            sync: Whether all is to be on the disk.

        Returns:
            How far the log has come: the first offset of its segment, and the place.

        Raises:
            FailedError: the log has failed.
        """
        with self._io:
            if offset is None or self.durable_offset < offset:
                self._flush(sync=sync)
            return self._tail.header.first_offset, self._tail.place

    def close(self) -> None:
        """Write all that was appended, and a last mark; end the thread.

        Closing twice, or after a failure, writes nothing.

        Raises:
            FailedError: commits may not be on the disk. Told once.
            UsageError: a signal handler asks while its thread writes to the log.
        """
        if self._is_flushing and self._io._is_owned():  # type: ignore[attr-defined]  # noqa: SLF001  as threading.Condition does
            raise UsageError(_BUSY)
        self.is_closing = True
        self.bell.hurry()
        if self._thread is not None:
            self._thread.join()
        with self._io:
            failure = self.failure
            if failure is None:
                self._is_loss_told = True  # by what this raises
                self._flush(sync=True)
                self._room_end = 0  # it is given back
                try:
                    self._tail.finish()
                except OSError as error:
                    raise self.fail(f"{error}") from error
                failure = self.fail("the log is closed")
            self._tail.close()
            if not self._is_loss_told and self.durable_offset < self.appended_offset:
                self._is_loss_told = True
                raise failure.with_traceback(None)

    def fail(self, reason: str) -> FailedError:
        """Touch the file no more, whatever comes; give what it is refused with."""
        self.failure = failure = FailedError(reason, self.durable_offset)
        self.is_closing, self._room_end = True, -1
        self._release_waiters()
        return failure

    def _forked(self) -> None:
        """Have new locks in a forked child: the old ones' holders are not in it."""
        self._io, self.waiters, self.bell = threading.RLock(), Waiters(), Bell()
        self._is_loss_told = True  # it is the parent's

    # For whoever holds the file.

    def _flush(self, *, sync: bool) -> None:
        if self.failure is not None:
            raise self.failure.with_traceback(None)
        if self._is_flushing:
            raise UsageError(_BUSY)
        self._is_flushing, tail = True, self._tail
        was_marked = tail.synced <= tail.marked
        try:
            self._write_queue(sync=sync)
        except OSError as error:
            raise self.fail(f"{error}") from error
        finally:
            self._is_flushing = False
            self._release_waiters()
        if was_marked and self._tail.synced > self._tail.marked:
            self.bell.ring()  # a mark is due when nothing else comes
        if (after_flush := self.after_flush) is not None:  # others may take it away
            after_flush()

    def _write_queue(self, *, sync: bool) -> None:
        tail, record_start = self._tail, None
        self._is_crowded = len(self._queue) > 1
        try:
            for body in pack_records(self._queue[:]):
                if body.flags & PART and record_start is None:
                    record_start = tail.place
                self._write_body(body, sync=sync)
                if body.records_count:
                    record_start = None
                if sync:
                    self._sync()
            if sync and (
                self.durable_offset < self._flushed_offset
                or tail.synced < tail.place.position
            ):
                self._sync()
        finally:
            if record_start is not None:  # cut in two: all parts are written again
                tail.go_back(record_start)

    def _write_body(self, body: Body, *, sync: bool) -> None:
        """Write a frame, and take its records out of the queue.

        With `sync` it is synced at once if all before it is; else it is to be later.
        """
        tail, count = self._tail, body.records_count
        is_synced = sync and tail.synced == tail.place.position
        after = tail.write(body, synced=is_synced)
        if body.flags & PART:
            cost = room_of(self._queue[0]) if count else 0
        else:
            cost = len(body.data) + count * (FRAME_ROOM - LENGTH_BYTES)
        # No call stands between these, so no signal handler does.
        tail.place = after
        if is_synced:
            tail.synced = after.position
        self._flushed_offset += count
        self._flushed_cost += cost
        del self._queue[:count]

    def _sync(self) -> None:
        offset = self._flushed_offset
        self._tail.sync()
        self.durable_offset = offset

    def _hurry(self) -> bool:
        """Have the log thread write now, or when all who go on have done so.

        Returns:
            Whether it will.
        """
        if self.waiters.are_due:
            self.bell.ring()
        else:
            self.bell.hurry()
        return self.failure is None

    def _release_waiters(self) -> None:
        """Let those go on whose commit is on the disk, or never will be."""
        waiters = self.waiters
        if self.failure is not None:
            waiters.release(float("inf"))
            waiters.let_all_go_on()
        elif waiters:
            waiters.release(self.durable_offset)
            self.bell.hurry() if waiters else self.bell.ring()

    # Room.

    def _reserve(self, cost: int) -> None:
        """Have room for a record beside those that wait, in this segment or a new one.

        Raises:
            DiskFull: there is none.
            FailedError: the log has failed.
        """
        with self._io:
            if self.failure is not None:
                raise self.failure.with_traceback(None)
            tail, self._room_end = self._tail, 0  # until it is known
            try:
                needed = self._needed(cost)
                is_full = tail.is_ending or needed > self.options.segment_bytes
                if is_full and needed > tail.allocated:
                    self._flush(sync=True)
                    # A segment without records has the name that the next one gets.
                    if tail.place.offset > tail.header.first_offset:
                        tail.rotate(self._new_salt(), self._now())
                    needed = self._needed(cost)
                if needed > tail.allocated:
                    tail.allocate(needed, tail.allocated + self.options.step_bytes)
            except OSError as error:
                raise self.fail(f"{error}") from error
            if self.failure is None:
                room = tail.allocated - tail.place.position
                self._room_end = self._flushed_cost + room

    def _needed(self, cost: int) -> int:
        waiting = self.written_bytes - self._flushed_cost
        return self._tail.place.position + waiting + cost

    # For the log thread.

    def has_work(self) -> bool:
        """Whether records or threads wait, or the end has come."""
        return bool(self._queue or self.waiters or self.is_closing)

    def unmarked_place(self) -> Place | None:
        """Give where the log ends, if no mark vouches for what is before."""
        tail = self._tail
        return tail.place if tail.synced > tail.marked else None

    def mark(self, place: Place) -> None:
        """Write a frame that vouches for all before a place, if nothing came after.

        Raises:
            FailedError: the log has failed.
        """
        with self._io:
            if self.failure is not None:
                raise self.failure.with_traceback(None)
            if self._queue or self._tail.place is not place:
                return
            if self._needed(room_of(b"")) > self._tail.allocated:
                self._tail.marked = self._tail.synced  # not now; a frame will
                return
            try:
                self._tail.write_mark()
            except OSError as error:
                raise self.fail(f"{error}") from error
            self._room_end -= self._tail.place.position - place.position
