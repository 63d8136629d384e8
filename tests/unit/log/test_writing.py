"""`LogWriter`: who waits for what, room before promise, and an end for good."""

import errno
import threading
from collections.abc import Callable, Iterator

import pytest

from qsdb.errors import DiskFull, FailedError, UsageError
from qsdb.log.background import LogThread
from qsdb.log.frames import FRAME_BODY_MAX
from qsdb.log.options import ALWAYS, INTERVAL, OS, LogOptions
from qsdb.log.scanning import scan_segment
from qsdb.log.segments import segment_offset
from qsdb.log.tail import Tail, begin_log
from qsdb.log.waiting import FEW, Bell, Waiters, new_waiter
from qsdb.log.writing import LogWriter
from qsdb.testing import Call, Fail, FaultyDirectory, SimulatedDirectory
from tests.support.disks import refuse_to_sync_a_part
from tests.unit.log.written import DATABASE, header_of

WAIT_SECONDS = 30
full = Fail(errno.ENOSPC)


class Log:
    """A log writer on a disk that can fail.

    Attributes:
        hook: Called with each call of the disk.
    """

    def __init__(self, durability: str = ALWAYS, **options: object) -> None:
        self.disk = SimulatedDirectory()
        self.disk.make_directory("log")
        self.files = FaultyDirectory(self.disk, self._plan)
        self.hook: Callable[[Call], object] = lambda _: None
        self.fault: Callable[[Call], Fail | None] = lambda _: None
        self.steps: list[tuple[str, int]] = []
        salts = iter(range(1, 1000))
        options = {"has_thread": False, "step_bytes": 512, **options}
        self.writer = LogWriter(
            begin_log(self.files, header_of()),
            LogOptions(durability=durability, **options),  # type: ignore[arg-type]
            lambda: next(salts),
            lambda: 0,
        )
        self.steps.clear()

    def _plan(self, call: Call) -> Fail | None:
        self.steps.append((call.operation, call.size))
        self.hook(call)
        return self.fault(call)

    def commit(self, record: bytes) -> int:
        """Append a record and settle it, as a committing thread does."""
        self.writer.append(record)
        offset = self.writer.appended_offset
        self.writer.settle(offset)
        return offset

    def records(self) -> list[bytes]:
        """Read what is on the disk, in all segments."""
        found: list[bytes] = []
        for name in self.disk.list("log"):
            first = segment_offset(name)
            assert first == len(found) + 1
            scan = scan_segment(
                self.disk.open(f"log/{name}"),
                name,
                database=DATABASE,
                first_offset=first,
                chain=None,
                is_last=True,
            )
            found += [record for _, records in scan for record in records]
        return found

    def operations(self) -> list[str]:
        return [operation for operation, _ in self.steps]


@pytest.fixture
def log() -> Iterator[Log]:
    made = Log()
    yield made
    made.fault = lambda _: None
    made.writer.close()


def wait_until(is_so: Callable[[], object]) -> None:
    """Let other threads work until something is so."""
    pause = threading.Event()
    for _ in range(10_000):
        if is_so():
            return
        pause.wait(0.001)
    raise AssertionError("it never came to be")


# Durabilities.


def test_a_commit_is_one_write_and_one_sync(log: Log) -> None:
    log.commit(b"one")
    log.steps.clear()
    assert log.commit(b"two") == 2
    assert log.operations() == ["write", "sync"]
    assert log.writer.durable_offset == 2


def test_what_is_behind_something_not_synced_is_not_synced_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mark, and what was written without a sync, could be lost from before it."""
    refuse_to_sync_a_part(monkeypatch)
    log = Log(OS)
    log.commit(b"one")  # not synced
    log.writer.append(b"two")
    log.writer.flush()
    assert log.writer.durable_offset == 2
    place = log.writer.unmarked_place()
    assert place is not None
    log.writer.mark(place)  # not synced either
    log.writer.append(bytes(2 * FRAME_BODY_MAX))  # some frames, each synced
    log.writer.flush()
    assert log.writer.durable_offset == 3
    log.writer.close()
    assert len(log.records()) == 3


def test_an_interval_writes_when_somebody_waits() -> None:
    log = Log(INTERVAL)
    log.commit(b"one")
    log.commit(b"two")
    assert (log.writer.durable_offset, log.writer.appended_offset) == (0, 2)
    assert log.operations() == ["allocate"]
    assert log.writer.wait_durable(1)
    assert log.writer.durable_offset == 2
    assert log.operations() == ["allocate", "write", "sync"]
    assert log.writer.wait_durable(2)
    log.writer.close()
    assert log.records() == [b"one", b"two"]


def test_an_interval_flushes_what_waits_too_long_a_line() -> None:
    log = Log(INTERVAL, queue_bytes_max=300)
    for _ in range(5):
        log.commit(bytes(50))
    assert log.writer.durable_offset == 3
    log.writer.close()


def test_the_system_has_each_commit_at_once() -> None:
    log = Log(OS)
    log.commit(b"one")
    assert log.operations() == ["allocate", "write"]
    assert log.writer.durable_offset == 0
    assert log.records() == [b"one"]
    log.writer.close()
    assert log.writer.durable_offset == 1


def test_several_records_share_a_frame_and_a_sync(log: Log) -> None:
    for number in range(10):
        log.writer.append(b"%d" % number)
    log.steps.clear()
    log.writer.settle(10)
    assert log.operations() == ["write", "sync"]
    log.writer.append(b"last")  # several came to the last one: the thread is to do it
    log.writer.settle(11)
    assert log.writer.durable_offset == 11


def test_what_a_flush_calls_afterwards() -> None:
    log, calls = Log(), list[int]()
    log.writer.after_flush = lambda: calls.append(log.writer.durable_offset)
    log.commit(b"one")
    assert calls == [1]
    assert log.writer.written_bytes > 0
    log.writer.close()


def test_what_is_called_after_a_flush_may_be_taken_away_meanwhile(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As by another thread that closes the database."""
    calls: list[int] = []
    answers = iter([lambda: calls.append(1)])
    taken = property(lambda _: next(answers, None), lambda *_: None)
    monkeypatch.setattr(LogWriter, "after_flush", taken, raising=False)

    log.writer.flush()

    assert calls == [1]


# Room and segments.


def test_segments_end_where_they_are_full() -> None:
    log = Log(segment_bytes=400)
    written = [bytes([number]) * 60 for number in range(12)]
    for record in written:
        log.commit(record)
    log.writer.close()
    assert log.records() == written
    assert len(log.disk.list("log")) == 3


def test_a_record_larger_than_a_segment_has_one_of_its_own() -> None:
    log = Log(segment_bytes=400)
    written = [bytes(1000), b"small", bytes(999)]
    for record in written:
        log.commit(record)
    log.writer.close()
    assert log.records() == written
    assert len(log.disk.list("log")) == 3


@pytest.mark.parametrize("sync", [True, False])
def test_a_record_may_come_in_parts(*, sync: bool) -> None:
    log = Log(ALWAYS if sync else OS)
    written = [b"before", bytes(FRAME_BODY_MAX + 5), b"after"]
    for record in written:
        log.writer.append(record)
    log.writer.flush(sync=sync)
    log.writer.close()
    assert log.records() == written


def test_a_record_that_was_cut_off_is_written_again() -> None:
    log = Log()
    log.commit(b"one")
    large = bytes(2 * FRAME_BODY_MAX + 5)
    syncs_count = 0

    def interrupt(call: Call) -> None:
        nonlocal syncs_count
        syncs_count += call.operation == "sync"
        if syncs_count == 2:
            syncs_count += 1
            raise KeyboardInterrupt

    log.hook = interrupt
    with pytest.raises(KeyboardInterrupt):
        log.commit(large)
    assert log.writer.appended_offset == 2
    assert log.commit(b"three") == 3
    log.writer.close()
    assert log.records() == [b"one", large, b"three"]


def test_without_room_nothing_is_taken(log: Log) -> None:
    log.fault = lambda call: (
        Fail(errno.ENOSPC) if call.operation == "allocate" else None
    )
    with pytest.raises(DiskFull):
        log.writer.append(b"one")
    assert log.operations() == ["allocate", "allocate"]  # a step, and what is needed
    assert log.writer.appended_offset == 0
    log.fault = lambda _: None
    log.commit(b"two")
    assert log.records() == [b"two"]


def test_room_for_less_than_a_step_will_do(log: Log) -> None:
    log.fault = lambda call: (
        Fail(errno.ENOSPC) if call.operation == "allocate" and call.size > 500 else None
    )
    log.commit(b"one")
    assert log.records() == [b"one"]


def test_a_record_larger_than_a_step_is_asked_for_once(log: Log) -> None:
    log.fault = lambda call: (
        Fail(errno.ENOSPC) if call.operation == "allocate" else None
    )
    with pytest.raises(DiskFull):
        log.writer.append(bytes(1000))
    assert log.operations() == ["allocate"]


def test_an_error_while_making_room_is_final(log: Log) -> None:
    log.fault = lambda call: Fail(errno.EIO) if call.operation == "allocate" else None
    for _ in range(2):
        with pytest.raises(FailedError, match="EIO"):
            log.writer.append(b"one")
    assert log.operations() == ["allocate"]


# Failure.


@pytest.mark.parametrize("operation", ["write", "sync"])
def test_an_error_is_final_and_told_once_at_the_end(operation: str) -> None:
    log = Log()
    log.commit(b"one")
    log.fault = lambda call: Fail(errno.EIO) if call.operation == operation else None
    with pytest.raises(FailedError, match="up to offset 1 "):
        log.commit(b"two")
    log.fault = lambda _: None
    log.steps.clear()
    for refused in (
        lambda: log.writer.append(b"three"),
        log.writer.flush,
        lambda: log.writer.wait_durable(2),
        log.writer.close,
    ):
        with pytest.raises(FailedError, match="EIO"):
            refused()
    assert log.writer.wait_durable(1)
    log.writer.close()
    assert set(log.operations()) <= {"close"}


def test_an_error_of_the_end_is_told() -> None:
    log = Log()
    log.fault = lambda call: Fail(errno.EIO) if call.operation == "truncate" else None
    with pytest.raises(FailedError, match="EIO"):
        log.writer.close()
    log.writer.close()


def test_a_close_that_was_cut_off_is_done_again() -> None:
    log = Log(INTERVAL)
    log.commit(b"one")

    def interrupt(call: Call) -> None:
        if call.operation == "sync":
            raise KeyboardInterrupt

    log.hook = interrupt
    with pytest.raises(KeyboardInterrupt):
        log.writer.close()
    log.hook = lambda _: None
    log.writer.close()
    assert log.records() == [b"one"]


def test_after_a_close_that_was_cut_off_there_is_room_before_a_record_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log = Log(ALWAYS)
    log.commit(b"one")
    finish = Tail.finish

    def finishing(tail: Tail) -> None:
        finish(tail)
        raise KeyboardInterrupt

    monkeypatch.setattr(Tail, "finish", finishing)
    with pytest.raises(KeyboardInterrupt):
        log.writer.close()
    monkeypatch.undo()
    log.steps.clear()
    log.writer.append(b"two")
    assert log.operations() == ["allocate"]
    log.writer.close()
    assert log.records() == [b"one", b"two"]


def test_a_log_that_fails_while_room_is_made_takes_nothing_more() -> None:
    log = Log(INTERVAL)
    log.hook = lambda _: log.writer.fail("no more")  # as its thread would
    log.writer.append(b"one")
    with pytest.raises(FailedError, match="no more"):
        log.writer.append(b"two")
    with pytest.raises(FailedError, match="no more"):
        log.writer.close()


def test_a_closed_log_takes_nothing() -> None:
    log = Log()
    log.commit(b"one")
    log.writer.close()
    log.writer.close()
    with pytest.raises(FailedError, match="closed"):
        log.writer.append(b"two")


def test_a_log_that_is_told_to_fail_writes_nothing() -> None:
    log = Log(INTERVAL)
    log.commit(b"one")
    log.writer.fail("no more")
    with pytest.raises(FailedError, match="no more"):
        log.writer.close()
    log.writer.close()
    assert log.records() == []


def test_a_child_has_locks_of_its_own_and_is_silent_about_losses() -> None:
    log = Log(INTERVAL)
    log.commit(b"one")
    log.writer._io.acquire()
    log.writer.fail("forked")
    log.writer._forked()
    ended = threading.Thread(target=log.writer.close)
    ended.start()
    ended.join(WAIT_SECONDS)
    assert not ended.is_alive()


def test_a_flush_inside_a_flush_is_refused(log: Log) -> None:
    """As a signal handler would do it that commits."""
    refused: list[Exception] = []

    def handler(call: Call) -> None:
        if call.operation == "write" and not refused:
            log.writer.append(b"of the handler")
            try:
                log.writer.wait_durable(2)
            except UsageError as error:
                refused.append(error)

    log.writer.append(b"one")
    log.hook = handler
    log.writer.settle(1)
    assert "signal handler" in str(refused[0])
    log.writer.flush()
    assert log.records() == [b"one", b"of the handler"]


def test_a_wait_for_the_log_thread_inside_a_flush_is_refused() -> None:
    """As a signal handler would do it that commits, while many others do so too."""
    log = Log(ALWAYS, has_thread=True)
    refused: list[Exception] = []

    def handler(_: Call) -> None:
        if threading.current_thread() is threading.main_thread() and not refused:
            log.writer.append(b"of the handler")
            try:
                log.writer.wait_durable(3)
            except UsageError as error:
                refused.append(error)

    log.writer.append(b"one")
    log.writer.append(b"two")
    log.hook = handler
    log.writer.flush()
    assert "signal handler" in str(refused[0])
    log.writer.close()
    assert log.records() == [b"one", b"two", b"of the handler"]


# Threads.


@pytest.mark.parametrize("durability", [ALWAYS, INTERVAL, OS])
@pytest.mark.parametrize("letters", [b"abcd", bytes(range(3 * FEW))])
def test_threads_wait_for_their_own_commits(durability: str, letters: bytes) -> None:
    log = Log(durability, has_thread=True, sync_interval=0.001)
    lock, done = threading.Lock(), list[bool]()

    def work(letter: int) -> None:
        for _ in range(20):
            with lock:
                log.writer.append(bytes([letter]) * 9)
                offset = log.writer.appended_offset
            log.writer.settle(offset)
            is_there = log.writer.wait_durable(offset, 0.0001)  # which may be too short
            done.append(is_there or log.writer.wait_durable(offset))

    threads = [threading.Thread(target=work, args=(letter,)) for letter in letters]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT_SECONDS)
    log.writer.close()
    assert done == [True] * 20 * len(letters)
    assert not log.writer.waiters.are_due
    assert sorted(log.records()) == sorted(
        bytes([letter]) * 9 for letter in letters * 20
    )


def test_who_flushes_up_to_a_commit_syncs_no_more_than_needed(log: Log) -> None:
    log.writer.append(b"a")
    log.writer.append(b"b")
    log.writer.flush(2)
    assert log.writer.durable_offset == 2
    steps = [*log.steps]
    log.writer.flush(1)
    assert log.steps == steps
    log.writer.append(b"c")
    log.fault = lambda _: Fail(errno.EIO)
    with pytest.raises(FailedError):
        log.writer.flush(3)
    with pytest.raises(FailedError, match="up to offset 2"):
        log.writer.close()


def test_a_wait_may_end_before_its_commit() -> None:
    log = Log(INTERVAL)
    held, end = threading.Event(), threading.Event()

    def hold(call: Call) -> None:
        if call.operation == "sync":
            held.set()
            end.wait(WAIT_SECONDS)

    log.commit(b"one")
    log.hook = hold
    thread = threading.Thread(target=log.writer.wait_durable, args=(1,))
    thread.start()
    held.wait()
    log.writer._thread = object.__new__(
        LogThread
    )  # so that this one does not flush itself
    assert not log.writer.wait_durable(1, timeout=0)
    end.set()
    thread.join()
    log.writer._thread = None
    assert log.writer.wait_durable(1)
    log.writer.close()


@pytest.mark.parametrize("records_count", [1, 2], ids=["alone", "crowded"])
def test_who_waits_while_the_log_is_closed_is_told_what_is_there(
    records_count: int,
) -> None:
    log = Log(INTERVAL)
    writer, io = log.writer, log.writer._io

    class Late:
        """A lock that is had when another thread has closed the log."""

        def __getattr__(self, name: str) -> object:
            return getattr(io, name)

        def acquire(self, *, blocking: bool) -> bool:
            writer._io = io
            writer.close()
            return io.acquire(blocking=blocking)

    for _ in range(records_count):
        writer.append(b"one")
    writer._is_crowded = records_count > 1
    writer._io = Late()  # type: ignore[assignment]

    assert writer.wait_durable(records_count)
    assert writer.durable_offset == records_count


def test_a_thread_that_waits_is_told_of_a_failure() -> None:
    log = Log(INTERVAL, has_thread=True, sync_interval=0)
    log.fault = lambda call: Fail(errno.EIO) if call.operation == "write" else None
    log.commit(b"one")
    wait_until(lambda: log.writer.failure)
    with pytest.raises(FailedError, match="EIO"):
        log.writer.wait_durable(1)
    with pytest.raises(FailedError, match="EIO"):
        log.writer.close()


def test_who_comes_to_wait_after_a_failure_does_not_wait() -> None:
    log = Log(INTERVAL)
    for record in (b"one", b"two"):
        log.writer.append(record)
    log.fault = lambda call: Fail(errno.EIO) if call.operation == "write" else None
    with pytest.raises(FailedError, match="EIO"):
        log.writer.flush()
    assert log.writer._is_crowded  # by two records; so nobody flushes by itself
    log.writer._thread = object()  # type: ignore[assignment]  # nor if it has a thread

    with pytest.raises(FailedError, match="EIO"):
        log.writer.wait_durable(2)


def test_who_waits_is_told_that_there_is_no_room_to_be_had() -> None:
    """The failure comes to somebody else, who wants room."""
    log = Log(INTERVAL)
    log.commit(b"one")
    waiter = _, waiting = new_waiter(1)
    log.writer.waiters.add(waiter)
    log.fault = lambda call: Fail(errno.EIO) if call.operation == "allocate" else None
    with pytest.raises(FailedError, match="EIO"):
        log.writer.append(bytes(4096))
    assert waiting.acquire(blocking=False)


def test_who_waits_is_told_of_the_end() -> None:
    log = Log(INTERVAL)
    waiter = _, waiting = new_waiter(99)
    log.writer.waiters.add(waiter)
    log.writer.close()
    assert waiting.acquire(blocking=False)


def test_a_failure_that_is_told_often_does_not_grow() -> None:
    log = Log(ALWAYS)
    log.fault = lambda call: Fail(errno.EIO) if call.operation == "write" else None
    lengths: list[int] = []
    for _ in range(5):
        with pytest.raises(FailedError, match="EIO") as caught:
            log.commit(b"one")
        lengths.append(len(caught.traceback))
    assert lengths[-1] == lengths[1]


def test_a_signal_handler_cannot_close_what_its_thread_writes_to(log: Log) -> None:
    refused: list[str] = []

    def handler(call: Call) -> None:
        if call.operation == "write" and not refused:
            with pytest.raises(UsageError, match="a signal handler ran") as caught:
                log.writer.close()
            refused.append(str(caught.value))

    log.hook = handler
    log.commit(b"one")
    assert len(refused) == 1
    assert log.writer.durable_offset == 1


def test_who_waits_in_line_is_told_of_a_failure() -> None:
    log = Log(ALWAYS, has_thread=True)
    log.writer._is_crowded = True
    log.fault = lambda call: Fail(errno.EIO) if call.operation == "sync" else None
    with pytest.raises(FailedError, match="EIO"):
        log.commit(b"one")
    with pytest.raises(FailedError, match="EIO"):
        log.writer.close()


def test_without_a_thread_who_waits_in_line_flushes() -> None:
    log = Log()
    log.writer._is_crowded = True
    log.commit(b"one")
    assert log.writer.durable_offset == 1
    log.writer.close()


def test_an_idle_log_gets_a_mark() -> None:
    log = Log(ALWAYS, has_thread=True)
    log.commit(b"one")
    wait_until(lambda: log.operations().count("write") == 2)
    wait_until(lambda: log.writer._tail.marked == log.writer._tail.synced)
    log.writer.close()


@pytest.mark.parametrize("durability", [INTERVAL, OS])
def test_nobody_is_woken_for_a_mark_twice(durability: str) -> None:
    log, rings_count = Log(durability), 0
    for _ in range(3):
        log.writer.bell.is_asleep = True
        log.writer.append(b"one")
        log.writer.flush(sync=durability == INTERVAL)
        rings_count += not log.writer.bell.is_asleep
    assert rings_count == (durability == INTERVAL)
    log.writer.close()


def test_a_mark_without_room_is_left_out() -> None:
    log = Log()
    log.commit(b"one")
    log.writer._tail.allocated = log.writer._tail.place.position
    log.steps.clear()
    log.writer.mark(log.writer._tail.place)
    assert log.operations() == []
    assert log.writer._tail.marked == log.writer._tail.synced
    log.writer.close()


def test_a_mark_that_fails_is_final() -> None:
    log = Log()
    log.commit(b"one")
    log.fault = lambda call: Fail(errno.EIO) if call.operation == "write" else None
    for _ in range(2):
        with pytest.raises(FailedError, match="EIO"):
            log.writer.mark(log.writer._tail.place)
    log.writer.close()  # nothing is lost


def test_a_thread_looks_once_more_before_it_sleeps() -> None:
    log = Log(INTERVAL)
    looks = iter([False, True])
    log.writer.has_work = lambda: next(looks)  # type: ignore[method-assign]
    thread = object.__new__(LogThread)  # which does not run
    thread._log = log.writer
    thread._work()
    assert not log.writer.bell.is_asleep
    del log.writer.has_work
    log.writer.close()


def test_who_is_late_to_go_on_holds_up_nobody() -> None:
    log = Log(ALWAYS, has_thread=True)
    due = [new_waiter(1) for _ in range(FEW + 2)]
    for each in due:
        log.writer.waiters.add(each)
    log.commit(b"one")
    for _, lock in due:  # of whom none leaves
        assert lock.acquire(timeout=WAIT_SECONDS)
    for each in due:
        log.writer.waiters.leave(each)
    log.commit(b"two")
    log.writer.close()
    assert log.records() == [b"one", b"two"]


def test_the_last_who_goes_on_ends_the_gathering(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Waiters, "wait", lambda *_: None)
    log, ended = Log(INTERVAL, has_thread=True), list[bool]()
    monkeypatch.setattr(Bell, "end_gathering", lambda _: ended.append(True))
    last = new_waiter(1)
    log.writer.waiters.add(last)
    log.writer.waiters.release(1)
    log.writer._is_crowded = True
    assert log.writer._hurry()
    assert not log.writer.wait_durable(99)
    assert not ended
    log.writer.waiters.leave(last)
    assert not log.writer.wait_durable(99)
    assert ended
    monkeypatch.undo()
    log.writer.close()


def test_waiters_that_are_left_are_in_a_hurry() -> None:
    log = Log(INTERVAL)
    log.commit(b"one")
    waiter = _, lock = new_waiter(9)
    log.writer.waiters.add(waiter)
    log.writer.flush()
    assert lock.locked()
    log.writer.fail("no more")
    assert not lock.locked()
    log.writer.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_whatever_ends_the_thread_is_told() -> None:
    log = Log(ALWAYS, has_thread=True)

    def end(call: Call) -> None:
        if call.operation == "write":
            raise ZeroDivisionError

    log.hook = end
    log.writer._is_crowded = True
    with pytest.raises(FailedError, match="ended with ZeroDivisionError"):
        log.commit(b"one")
    log.hook = lambda _: None
    with pytest.raises(FailedError, match="ZeroDivisionError"):
        log.writer.close()


def test_the_log_thread_may_close_the_log() -> None:
    log = Log(INTERVAL, has_thread=True, sync_interval=0)

    def close() -> None:
        log.writer.after_flush = None
        log.writer.close()

    log.writer.after_flush = close
    log.commit(b"one")
    wait_until(lambda: log.writer.failure)
    log.writer.close()
    assert log.records() == [b"one"]


def test_a_mark_is_for_a_place_that_is_still_the_last() -> None:
    log = Log()
    log.commit(b"one")
    place = log.writer._tail.place
    log.commit(b"two")
    log.steps.clear()
    log.writer.mark(place)
    assert log.operations() == []
    log.writer.close()


def test_a_segment_that_has_a_mark_and_no_record_is_not_ended() -> None:
    log = Log(segment_bytes=512)
    log.writer._tail.synced += 1  # as if something had been written
    log.writer.mark(log.writer._tail.place)
    log.writer._tail.synced = log.writer._tail.place.position
    log.commit(b"x" * 600)
    log.writer.close()
    assert log.records() == [b"x" * 600]


def test_a_failure_that_was_told_ends_the_thread() -> None:
    log = Log(INTERVAL)
    log.commit(b"one")
    log.fault = lambda call: Fail(errno.EIO) if call.operation == "write" else None
    thread = object.__new__(LogThread)  # which this one stands for
    thread._log = log.writer
    thread._run()
    assert log.writer.failure is not None
    assert "EIO" in f"{log.writer.failure}"
    with pytest.raises(FailedError, match="EIO"):
        log.writer.close()
