"""Snapshots of an open database: by themselves, on demand, and what is kept."""

import errno
import logging
import threading
from collections.abc import Callable
from typing import TypeVar

import pytest

import qsdb
from qsdb import StorageOptions
from qsdb.files import Directory
from qsdb.log.manifests import manifest_name
from qsdb.log.segments import segment_name
from qsdb.log.snapshots import list_snapshots, read_snapshot
from qsdb.runtime.snapshots import Snapshots
from qsdb.runtime.storage import Storage
from qsdb.schema.system import system_tables
from qsdb.testing import Call, Fail, FaultyDirectory, SimulatedDirectory, since
from qsdb.testing.disk.interposed import InterposedDirectory
from tests.unit.runtime.ledger import (
    NOON,
    contents,
    open_account,
    open_bank,
    read_bank,
    transfer,
    written_bank,
)

T = TypeVar("T")

SMALL = StorageOptions(has_threads=False, segment_bytes=256, step_bytes=1)


def snapshots_of(db: qsdb.Database) -> Snapshots:
    storage = db._storage
    assert isinstance(storage, Storage)
    return storage.snapshots


def bank_with_snapshots(files: Directory) -> qsdb.Database:
    """Open a bank with four accounts, and a snapshot after each."""
    db = open_bank(files, options=SMALL)
    for number in range(4):
        db.call(open_account, f"{number}")
        db.snapshot()
    return db


# On demand.


def test_a_snapshot_holds_the_last_commit() -> None:
    disk, db = written_bank()

    assert db.snapshot() == 4

    snapshot = read_snapshot(disk, 4)
    assert snapshot.microseconds == NOON.micros
    assert [table.table_id for table in snapshot.tables] == [
        *[table_id for table_id, _ in system_tables()],
        *(4096, 4097, 4098),
    ]


def test_a_second_one_of_the_same_commit_is_the_first() -> None:
    disk, db = written_bank()
    db.snapshot()
    files = disk.snapshot_files()

    assert db.snapshot() == 4
    assert disk.snapshot_files() == files


def test_a_damaged_one_is_written_anew_by_the_next() -> None:
    disk, db = written_bank()
    db.snapshot()
    disk.replace_contents(manifest_name(4), b"damage")
    db.call(transfer, 1, 2, 3)

    assert db.snapshot() == 5

    db.close()
    with open_bank(disk) as again:
        assert again.recovery is not None
        assert (again.recovery.snapshot_offset, again.offset) == (5, 5)


def test_a_snapshot_is_never_ahead_of_the_log() -> None:
    disk = SimulatedDirectory()
    db = open_bank(disk, durability="os")
    db.call(open_account, "ann")
    assert db.durable_offset == 1

    db.snapshot()

    assert db.durable_offset == 2


def test_the_time_is_not_before_that_of_the_last_commit() -> None:
    disk, db = written_bank()
    db._writer.latest += 5_000_000_000
    db.snapshot()

    assert read_snapshot(disk, 4).microseconds == NOON.micros + 5_000_000


def test_without_a_store_none_is_taken() -> None:
    _, db = written_bank()
    found = snapshots_of(db)
    idle = Snapshots(found._files, bytes(16), found._log, SMALL)

    with pytest.raises(qsdb.UsageError, match="no store yet"):
        idle.take()


# Errors.

REFUSAL = r"after OSError.* nothing is removed .* until it is opened again"


def test_an_error_of_the_disk_is_told_and_nothing_is_removed() -> None:
    disk = SimulatedDirectory()
    faulty = FaultyDirectory(disk)
    db = open_bank(faulty, options=SMALL)
    for number in range(3):
        db.call(open_account, f"{number}")
        db.snapshot()
    db.call(open_account, "last")
    faulty.plan = since(0, Fail(errno.EIO), ("create",))
    before = disk.snapshot_files()

    with pytest.raises(qsdb.StorageError, match=r"the snapshot came to nothing: .*EIO"):
        db.snapshot()

    faulty.plan = None
    stats = db.stats()
    assert stats.snapshot_error is not None
    assert stats.snapshot_error.startswith("OSError: ")
    assert stats.snapshot_offset == 4
    assert disk.snapshot_files().keys() >= before.keys()
    with pytest.raises(qsdb.StorageError, match=REFUSAL):
        db.compact()
    # What looks written may not be, and a sync that succeeds later proves nothing.
    refusal = r"after OSError.* no snapshot is taken of .* until it is opened again"
    with pytest.raises(qsdb.StorageError, match=refusal):
        db.snapshot()
    assert disk.snapshot_files() == before
    db.close()
    with open_bank(disk, options=SMALL) as again:
        assert again.snapshot() == 5
        assert again.compact() > 0


def test_a_log_that_failed_has_no_snapshots() -> None:
    _, db = written_bank()
    snapshots_of(db)._log.fail("it was told to")
    db._directory.store.offset += 1  # a commit that is not on the disk

    with pytest.raises(qsdb.FailedError):
        db.snapshot()
    db._directory.store.offset -= 1


# What is kept.


def test_compacting_keeps_the_newest_and_the_log_from_the_oldest_of_them() -> None:
    disk = SimulatedDirectory()
    db = open_bank(disk, options=SMALL)
    for number in range(6):
        db.call(open_account, f"{number}")
        if number % 2:
            db.snapshot()
    assert list_snapshots(disk) == [3, 5, 7]
    segments = len(disk.list("log"))

    removed = db.compact()

    assert list_snapshots(disk) == [5, 7]
    assert removed == 5
    assert len(disk.list("log")) == segments - removed
    assert db.compact() == 0
    before = contents(db)
    db.close()
    with open_bank(disk, options=SMALL) as again:
        assert contents(again) == before
    assert [read_bank(disk, at=n).offset for n in (5, 6, 7)] == [5, 6, 7]


def test_the_last_segment_stays() -> None:
    disk, db = written_bank()
    for _ in range(3):
        db.call(transfer, 1, 2, 1)
        db.snapshot()

    assert db.compact() == 0
    assert len(disk.list("log")) == 1


def test_a_damaged_snapshot_to_be_kept_stops_the_removal() -> None:
    disk = SimulatedDirectory()
    db = bank_with_snapshots(disk)
    disk.replace_contents(manifest_name(5), b"damage")
    before = disk.snapshot_files()

    with pytest.raises(qsdb.CorruptionError):
        db.compact()
    assert disk.snapshot_files() == before


def test_a_damaged_chunk_of_one_to_be_kept_stops_the_removal() -> None:
    disk = SimulatedDirectory()
    db = bank_with_snapshots(disk)
    chunk = next(each for each in read_snapshot(disk, 5).chunks())
    content = disk.contents(chunk.name)
    disk.replace_contents(chunk.name, content[:-1] + bytes([content[-1] ^ 1]))
    before = disk.snapshot_files()

    with pytest.raises(qsdb.CorruptionError, match="does not hash to its name"):
        db.compact()
    assert disk.snapshot_files() == before


def test_a_full_disk_stops_one_snapshot_and_no_removal() -> None:
    faulty = FaultyDirectory(SimulatedDirectory())
    db = bank_with_snapshots(faulty)
    db.call(open_account, "last")
    faulty.plan = since(0, Fail(errno.ENOSPC), ("create",))
    with pytest.raises(qsdb.DiskFull, match=r"\. The snapshot was undone, all commits"):
        db.snapshot()
    assert db.stats().snapshot_error is not None
    faulty.plan = None

    assert db.compact() > 0


def test_a_failed_log_has_no_snapshots_and_nothing_is_removed() -> None:
    """As in a forked child, whose log is its parent's."""
    disk = SimulatedDirectory()
    db = bank_with_snapshots(disk)
    db.call(open_account, "last")
    storage = db._storage
    assert isinstance(storage, Storage)
    storage._forked()
    storage.snapshots._forked()
    before = disk.snapshot_files()

    for use in (db.snapshot, db.compact):
        with pytest.raises(qsdb.FailedError, match="a forked process"):
            use()
    assert disk.snapshot_files() == before


class HookedDirectory(InterposedDirectory):
    """Calls something before each call of the disk."""

    hook: Callable[[Call], object] = staticmethod(lambda _: None)

    def around(self, call: Call, perform: Callable[[], T]) -> T:
        self.hook(call)
        return perform()


def test_a_signal_handler_cannot_take_part_in_what_its_thread_does() -> None:
    files = HookedDirectory(SimulatedDirectory())
    db = open_bank(files, options=SMALL)
    db.call(open_account, "a")
    refused: list[str] = []

    def handler(call: Call) -> None:
        if call.operation != "create" or refused:
            return
        for use in (db.snapshot, db.compact, db.close):
            with pytest.raises(qsdb.UsageError, match="a signal handler ran") as caught:
                use()
            refused.append(str(caught.value))

    files.hook = handler
    with pytest.raises(qsdb.ClosedError):  # half of the close was done
        db.snapshot()
    assert len(refused) == 3
    db.close()
    assert open_bank(files, options=SMALL).offset == 2


def test_closing_waits_for_a_thread_that_has_only_begun() -> None:
    """One that does not have the lock yet finds the database closed."""
    db = open_bank(SimulatedDirectory(), options=SMALL)
    snapshots = snapshots_of(db)
    may_begin = threading.Event()
    refused: list[str] = []

    def take() -> None:
        may_begin.wait()
        with pytest.raises(qsdb.ClosedError) as caught:
            snapshots.take()
        refused.append(str(caught.value))

    snapshots._running = running = threading.Thread(target=take)
    running.start()
    closing = threading.Thread(target=snapshots.close)
    closing.start()
    closing.join(0.05)
    assert closing.is_alive()
    may_begin.set()
    closing.join()
    assert refused == ["the database is closed"]
    db.close()


def test_closing_waits_for_who_compacts() -> None:
    files = HookedDirectory(SimulatedDirectory())
    db = bank_with_snapshots(files)
    is_removing, may_go_on = threading.Event(), threading.Event()

    def hold(call: Call) -> None:
        if call.operation == "remove" and not is_removing.is_set():
            is_removing.set()
            may_go_on.wait()

    files.hook = hold
    removed: list[int] = []
    compacting = threading.Thread(target=lambda: removed.append(db.compact()))
    compacting.start()
    is_removing.wait()
    closing = threading.Thread(target=db.close)
    closing.start()
    closing.join(0.05)
    assert closing.is_alive()
    may_go_on.set()
    closing.join()
    compacting.join()
    assert removed[0] > 0

    with open_bank(files, options=SMALL) as again:
        assert again.offset == 5
    for use in (db.snapshot, db.compact):
        with pytest.raises(qsdb.ClosedError):
            use()


# By themselves.


class SignallingDirectory(InterposedDirectory):
    """Tells when a snapshot is on the disk."""

    def __init__(self, inner: SimulatedDirectory) -> None:
        super().__init__(inner)
        self.is_taken = threading.Event()
        self.is_asked_for = threading.Event()
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.fault: Exception | None = None

    def around(self, call: Call, perform: Callable[[], T]) -> T:
        is_manifest = call.new_name.startswith("snapshots/")
        if is_manifest:
            self.is_asked_for.set()
            self.may_go_on.wait()
            if self.fault is not None:
                raise self.fault
        result = perform()
        if call.operation == "sync_directory" and call.name == "snapshots":
            self.is_taken.set()
        return result


def often(**options: int) -> StorageOptions:
    return StorageOptions(**options)  # type: ignore[arg-type]


def end_of(db: qsdb.Database) -> None:
    """Wait for the snapshot that is being taken."""
    pause = threading.Event()
    while snapshots_of(db)._is_scheduled:
        pause.wait(0.001)


@pytest.mark.parametrize(
    "options", [{"snapshot_commits": 3}, {"snapshot_log_bytes": 1}]
)
def test_a_snapshot_is_taken_when_there_is_enough_log(options: dict[str, int]) -> None:
    disk = SignallingDirectory(SimulatedDirectory())
    db = open_bank(disk, options=often(**options))
    for number in range(5):
        db.call(open_account, f"{number}")

    disk.is_taken.wait()
    end_of(db)

    assert snapshots_of(db).offset > 0
    db.close()
    with open_bank(disk) as again:
        assert again.recovery is not None
        assert again.recovery.snapshot_offset is not None


@pytest.mark.parametrize("compacts", [False, True])
def test_old_log_goes_with_them_where_that_is_wanted(compacts: bool) -> None:  # noqa: FBT001
    disk = SignallingDirectory(SimulatedDirectory())
    options = StorageOptions(
        compacts=compacts, snapshot_commits=5, segment_bytes=400, step_bytes=1
    )
    db = open_bank(disk, options=options)
    for number in range(60):
        db.call(open_account, f"{number}")
        end_of(db)
    db.close()

    assert (len(list_snapshots(disk)) == 2) is compacts
    assert disk.exists(segment_name(1)) is not compacts
    assert qsdb.verify(disk, deep=True).is_sound
    with open_bank(disk) as again:
        assert again.offset == 61


def test_what_cannot_be_removed_is_told(caplog: pytest.LogCaptureFixture) -> None:
    disk = SimulatedDirectory()
    db = open_bank(
        disk, options=StorageOptions(compacts=True, snapshot_commits=1 << 40)
    )
    for number in range(3):
        db.call(open_account, f"{number}")
        db.snapshot()
    db.call(open_account, "last")
    older = read_snapshot(disk, list_snapshots(disk)[-1])
    for chunk in older.chunks():  # one that stays is no more whole
        file = disk.open(chunk.name, writable=True)
        file.write(0, b"?")
        file.close()
    with caplog.at_level(logging.ERROR, logger="qsdb.snapshots"):
        snapshots_of(db)._take_alone()

    assert caplog.messages == ["no snapshot was removed; the database goes on"]
    assert db.call(open_account, "one more") == 6


def test_none_is_taken_while_there_is_little_log() -> None:
    disk = SimulatedDirectory()
    db = open_bank(disk, options=StorageOptions())
    for number in range(5):
        db.call(open_account, f"{number}")
    db.close()

    assert list_snapshots(disk) == []


def test_one_at_a_time_is_taken_and_closing_waits_for_it() -> None:
    disk = SignallingDirectory(SimulatedDirectory())
    disk.may_go_on.clear()
    db = open_bank(disk, options=often(snapshot_commits=1))
    disk.is_asked_for.wait()
    for number in range(5):  # commits go on meanwhile
        db.call(open_account, f"{number}")
    assert not disk.is_taken.is_set()
    closing = threading.Thread(target=db.close)
    closing.start()
    disk.may_go_on.set()
    closing.join()

    assert len(list_snapshots(disk)) == 1
    with open_bank(disk) as again:
        assert again.offset == 6


def test_after_one_that_failed_the_next_is_as_far_away_as_after_any() -> None:
    disk = SignallingDirectory(SimulatedDirectory())
    disk.fault = MemoryError("no memory")
    db = open_bank(disk, options=often(snapshot_commits=1))
    disk.is_asked_for.wait()
    end_of(db)
    assert db.stats().snapshot_error == "MemoryError: no memory"
    snapshots = snapshots_of(db)
    assert snapshots._tried_offset == db.offset
    snapshots._take_if_due()
    assert not snapshots._is_scheduled
    disk.fault = None
    db.close()


def test_without_a_thread_to_be_had_none_is_taken_now(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    db = open_bank(SimulatedDirectory(), options=often(snapshot_commits=1))
    end_of(db)

    def refuse(_: object) -> None:
        raise RuntimeError("can't start new thread")

    db.call(open_account, "a")
    snapshots = snapshots_of(db)
    end_of(db)
    snapshots._tried_offset = 0
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        snapshots._take_if_due()
    assert not snapshots._is_scheduled
    assert str(snapshots.error) == "can't start new thread"
    db.close()


def test_one_that_the_end_cuts_off_is_no_error(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = SignallingDirectory(SimulatedDirectory())
    disk.fault = qsdb.ClosedError("the database is closed")  # as its tables say then
    with caplog.at_level(logging.DEBUG, logger="qsdb.snapshots"):
        db = open_bank(disk, options=often(snapshot_commits=1))
        disk.is_asked_for.wait()
        end_of(db)
    (record,) = caplog.records
    assert record.levelno == logging.DEBUG
    assert snapshots_of(db).error is None
    disk.fault = None
    db.close()


def test_one_that_fails_is_logged_and_no_other_is_tried(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk = SignallingDirectory(SimulatedDirectory())
    disk.fault = OSError(errno.EIO, "the disk fails")
    with caplog.at_level(logging.ERROR, logger="qsdb.snapshots"):
        db = open_bank(disk, options=often(snapshot_commits=1))
        disk.is_asked_for.wait()
        end_of(db)
    (record,) = caplog.records
    assert record.getMessage().startswith("no snapshot was taken")
    disk.is_asked_for.clear()

    for number in range(5):
        db.call(open_account, f"{number}")
    assert not disk.is_asked_for.is_set()
    assert db.stats().snapshot_error is not None
    disk.fault = None
    db.close()
    with open_bank(disk) as again:
        assert again.offset == 6
