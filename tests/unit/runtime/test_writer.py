"""The writer lock: one transaction at a time, and never twice on one thread."""

import contextlib
import threading
from collections.abc import Iterator

import pytest

import qsdb
from qsdb.runtime.writer import Writer
from qsdb.store.directory import Directory
from qsdb.store.images import StoredTable
from qsdb.store.transactions import WriteTransaction
from qsdb.testing import FakeClock

module = qsdb.Module("written")


class Thing(qsdb.Row, module=module):
    a: qsdb.u8


class BrokenClock(FakeClock):
    """Fails when it is told to."""

    is_broken = False

    def now(self) -> qsdb.Timestamp:
        if self.is_broken:
            raise OSError("no time")
        return super().now()


@pytest.fixture
def clock() -> BrokenClock:
    return BrokenClock()


@pytest.fixture
def writer(clock: BrokenClock) -> Iterator[Writer]:
    tables = [StoredTable(bound) for bound in module.compiled().tables]
    made = Writer(Directory(tables), clock)
    yield made
    assert is_free(made), "a test has left the lock"


def is_free(writer: Writer) -> bool:
    """Whether another thread gets the lock at once."""
    got: list[bool] = []

    def take() -> None:
        with contextlib.suppress(qsdb.ClosedError):
            writer.enter()
        writer.leave()
        got.append(True)

    thread = threading.Thread(target=take, daemon=True)
    thread.start()
    thread.join(1)
    return bool(got)


def test_a_commit_counts_if_it_changed_something(writer: Writer) -> None:
    transaction = writer.begin()
    transaction[Thing].insert(Thing(1))
    writer.commit(transaction)
    writer.commit(writer.begin())

    assert writer.directory.store.offset == 1
    assert writer.rollbacks == 0


def test_a_rollback_counts_always(writer: Writer) -> None:
    transaction = writer.begin()
    transaction[Thing].insert(Thing(1))
    writer.abort()
    writer.begin()
    writer.abort()
    writer.abort()  # this thread is inside nothing

    assert writer.directory.store.offset == 0
    assert writer.rollbacks == 2
    with pytest.raises(qsdb.ClosedError):
        len(transaction[Thing])


def test_one_thread_has_one_transaction(writer: Writer) -> None:
    transaction = writer.begin()

    with pytest.raises(qsdb.UsageError, match="inside a write transaction"):
        writer.require_outside()

    transaction[Thing].insert(Thing(1))
    writer.commit(transaction)
    writer.require_outside()
    assert writer.directory.store.offset == 1


def test_another_thread_waits(writer: Writer) -> None:
    began, ended = threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        writer.commit(writer.begin())
        ended.set()

    transaction = writer.begin()
    thread = threading.Thread(target=work)
    thread.start()
    assert began.wait(5)
    assert not ended.wait(0.02)
    writer.commit(transaction)

    assert ended.wait(5)
    thread.join()


def test_a_clock_that_fails_frees_the_lock(writer: Writer, clock: BrokenClock) -> None:
    clock.is_broken = True
    with pytest.raises(OSError, match="no time"):
        writer.begin()
    writer.abort()

    clock.is_broken = False
    assert is_free(writer)
    writer.commit(writer.begin())


def test_nothing_begins_after_close(writer: Writer) -> None:
    writer.close()

    for begin in (writer.begin, writer.enter):
        with pytest.raises(qsdb.ClosedError, match="the database is closed"):
            begin()
        writer.abort()
    writer.close()
    assert writer.directory.store.is_closed


def test_close_waits_for_the_transaction_that_runs(writer: Writer) -> None:
    transaction = writer.begin()
    threads = [threading.Thread(target=close, args=(writer, errors)) for _ in range(3)]
    for thread in threads:
        thread.start()
    assert not writer.directory.store.is_closed
    transaction[Thing].insert(Thing(1))
    writer.commit(transaction)
    for thread in threads:
        thread.join(5)

    assert errors == [], "closing twice is no error, also at the same time"
    with pytest.raises(qsdb.ClosedError):
        writer.begin()
    writer.abort()
    assert writer.directory.store.offset == 1


errors: list[Exception] = []


def close(writer: Writer, failures: list[Exception]) -> None:
    try:
        writer.close()
    except qsdb.QsdbError as error:
        failures.append(error)


def test_a_lock_that_is_not_mine_is_left_alone(writer: Writer) -> None:
    writer.leave()
    writer.abort()
    writer.enter()
    writer.leave()
    writer.leave()


def test_a_commit_that_the_journal_took_is_one_though_it_was_cut_off(
    writer: Writer,
) -> None:
    class InterruptedJournal:
        told_offset = 0

        def tell(self, _: WriteTransaction) -> None:
            self.told_offset += 1
            raise KeyboardInterrupt

    writer.journal = InterruptedJournal()
    transaction = writer.begin()
    transaction[Thing].insert(Thing(1))

    with pytest.raises(KeyboardInterrupt):
        writer.commit(transaction)
    writer.abort()

    assert (writer.directory.store.offset, writer.rollbacks) == (1, 0)
    writer.directory.store.check()


def test_the_time_of_the_last_beginning_is_kept(
    writer: Writer, clock: BrokenClock
) -> None:
    assert writer.latest == 0
    clock.advance(7)

    writer.begin()
    writer.abort()

    assert writer.latest == 7_000_000_000


def test_a_forked_child_undoes_what_another_thread_was_at(writer: Writer) -> None:
    """A thread that has ended with the lock is what a child has of it."""
    store = writer.directory.store

    def begin() -> None:
        transaction = writer.begin()
        transaction[Thing].insert(Thing(1))
        store.publication.acquire()

    thread = threading.Thread(target=begin)
    thread.start()
    thread.join()

    writer._forked()

    assert writer.current is None
    transaction = writer.begin()
    assert len(transaction[Thing]) == 0
    transaction[Thing].insert(Thing(2))
    writer.commit(transaction)
    assert store.offset == 1
    store.check()


def test_a_child_goes_on_with_the_transaction_in_which_it_was_forked(
    writer: Writer,
) -> None:
    transaction = writer.begin()
    writer._forked()
    transaction[Thing].insert(Thing(1))
    writer.commit(transaction)
    assert writer.directory.store.offset == 1


def test_a_child_forked_outside_transactions_has_locks_of_its_own(
    writer: Writer,
) -> None:
    writer._forked()
    writer.commit(writer.begin())
