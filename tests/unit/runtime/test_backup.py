"""Backups: new directories that open directly, made while others write."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

import qsdb
from qsdb import u64
from qsdb.testing import Call, FakeClock, SimulatedDirectory
from qsdb.testing.disk.interposed import InterposedDirectory
from tests.unit.runtime.ledger import (
    NOON,
    Account,
    bank,
    contents,
    open_account,
    open_bank,
    read_bank,
    transfer,
    written_bank,
)

T = TypeVar("T")


def test_a_backup_opens_directly_and_goes_on() -> None:
    _, db = written_bank()
    copy = SimulatedDirectory()

    assert db.backup(copy) == 4

    with open_bank(copy) as again:
        assert contents(again) == contents(db)
        assert again.offset == again.durable_offset == 4
        assert again.recovery is not None
        assert again.recovery.snapshot_offset == 4
        assert (again.owner, again.identity) == (db.owner, db.identity)
        assert again.call(open_account, "cyd") == db.call(open_account, "cyd") == 4
        again.check()


def test_a_backup_of_a_database_in_memory_is_one_on_disk() -> None:
    copy = SimulatedDirectory()
    with qsdb.Database(bank, seed=1, clock=FakeClock(NOON)) as db:
        db.call(open_account, "ann", 7)
        assert db.backup(copy) == 2
        before = contents(db)
        owner = db.owner

    with open_bank(copy) as again:
        assert contents(again) == before
        assert again.owner == owner
    assert read_bank(copy, at=NOON).offset == 2


@pytest.mark.parametrize("as_given", [str, Path])
def test_a_backup_goes_to_a_path(
    tmp_path: Path, as_given: Callable[[Path], Any]
) -> None:
    _, db = written_bank()
    path = tmp_path / "made" / "copy"

    db.backup(as_given(path))

    with qsdb.Database(bank, path) as again:
        assert contents(again) == contents(db)


def test_a_directory_with_anything_in_it_is_refused(tmp_path: Path) -> None:
    disk, db = written_bank()
    (tmp_path / "letter").touch()
    files = disk.snapshot_files()

    for dest in (tmp_path, disk):
        with pytest.raises(qsdb.StorageError, match="is not empty"):
            db.backup(dest)
    assert [each.name for each in tmp_path.iterdir()] == ["letter"]
    assert disk.snapshot_files() == files


def test_what_is_no_path_is_refused() -> None:
    _, db = written_bank()

    with pytest.raises(qsdb.ArgumentError, match="a path or a directory, not 7"):
        db.backup(7)  # type: ignore[arg-type]


def test_none_is_made_inside_a_transaction() -> None:
    _, db = written_bank()
    copy = SimulatedDirectory()

    with db.write(), pytest.raises(qsdb.UsageError, match="inside a write transaction"):
        db.backup(copy)
    assert copy.list() == []


def test_a_closed_database_has_none() -> None:
    _, db = written_bank()
    db.close()

    with pytest.raises(qsdb.ClosedError):
        db.backup(SimulatedDirectory())


class MeddledDirectory(InterposedDirectory):
    """Has something done before each call."""

    action: Callable[[], object] | None = None

    def around(self, call: Call, perform: Callable[[], T]) -> T:
        if self.action is not None and call.operation == "write":
            self.action()
        return perform()


@pytest.mark.slow
def test_it_holds_the_moment_of_the_call_while_others_write() -> None:
    _, db = written_bank()
    with db.write() as tx:
        rows = [Account(f"many {n}", n) for n in range(25_000)]
        tx[Account].insert_many(rows)
    before = contents(db)
    image = SimulatedDirectory()
    copy = MeddledDirectory(image)

    def change_and_commit() -> None:
        db.call(transfer, 1, 2, 1)
        with db.write() as tx:
            newest = tx[Account].insert(Account(f"new {db.offset}", 0)).id
            tx[Account].delete_by_key(newest - 5)

    copy.action = change_and_commit
    assert db.backup(copy) == 5

    assert db.offset > 10
    with read_bank(image) as again:
        assert contents(again) == before
    assert db.stats().pins == 0


@pytest.mark.slow
def test_backups_and_writers_run_side_by_side(tmp_path: Path) -> None:
    disk, db = written_bank()
    is_over = threading.Event()

    def write() -> None:
        while not is_over.is_set():
            db.call(transfer, 1, 2, 1)
            db.call(transfer, 2, 1, 1)

    writers = [threading.Thread(target=write) for _ in range(2)]
    for each in writers:
        each.start()
    try:
        for number in range(5):
            least = db.offset
            offset = db.backup(tmp_path / f"{number}")
            assert offset >= least
            with (
                qsdb.Database(bank, tmp_path / f"{number}", read_only=True) as again,
                again.read() as tx,
            ):
                assert again.offset == offset
                assert sum(row.balance for row in tx[Account]) == 1010
    finally:
        is_over.set()
        for each in writers:
            each.join()
    assert read_bank(disk).offset == db.offset


def test_a_backup_keeps_the_time_of_its_last_commit() -> None:
    clock = FakeClock(NOON)
    _, db = written_bank(clock=clock)
    clock.advance(100)
    copy, second = SimulatedDirectory(), SimulatedDirectory()
    db.backup(copy)

    with read_bank(copy, at=NOON) as again:
        assert again.offset == 4
        again.backup(second)
    assert read_bank(second, at=NOON).offset == 4


@pytest.mark.slow
def test_a_cut_off_backup_leaves_no_database_and_can_be_made_again() -> None:
    _, db = written_bank()
    for number in range(200):
        image = SimulatedDirectory()
        copy, left = MeddledDirectory(image), [number]

        def stop(left: list[int] = left) -> None:
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1

        copy.action = stop
        try:
            db.backup(copy)
        except KeyboardInterrupt:
            with pytest.raises(qsdb.StorageError):
                read_bank(image)
            db.backup(image)  # the same place will do
            with open_bank(image) as other:
                assert other.offset == db.offset
            continue
        break
    assert number > 2
    assert db.stats().pins == 0


def test_sequences_of_a_backup_go_on() -> None:
    module = qsdb.Module("counted")

    class Row(qsdb.Row, module=module):
        id: u64 = qsdb.primary_key(auto_inc=True)

    copy = SimulatedDirectory()
    with qsdb.Database(module) as db:
        with db.write() as tx:
            tx[Row].insert_many([Row(), Row(), Row()])
            tx[Row].delete_by_key(3)
        db.backup(copy)

    with qsdb.Database(module, copy) as again, again.write() as tx:
        assert tx[Row].insert(Row()).id == 4
