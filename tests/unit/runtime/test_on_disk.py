"""What a database does with its files, as users ask for it."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

import qsdb
from qsdb import StorageOptions
from qsdb.testing import SimulatedDirectory
from tests.unit.runtime.ledger import (
    QUIET,
    bank,
    contents,
    open_account,
    open_bank,
    read_bank,
    transfer,
    written_bank,
)


@pytest.fixture
def in_memory() -> qsdb.Database:
    db = qsdb.Database(bank, seed=1)
    db.call(open_account, "ann")
    return db


# Durability.


def test_in_memory_all_is_as_durable_as_it_will_be(in_memory: qsdb.Database) -> None:
    assert in_memory.durable_offset == in_memory.offset == 2
    assert in_memory.wait_durable()
    assert in_memory.wait_durable(1, timeout=0)
    assert in_memory.recovery is None


def test_on_disk_a_commit_becomes_durable() -> None:
    disk = SimulatedDirectory()
    db = open_bank(disk, durability="os")
    db.call(open_account, "ann")

    assert (db.offset, db.durable_offset) == (2, 1)
    assert db.wait_durable(1)
    assert db.durable_offset == 1
    assert db.wait_durable()
    assert db.durable_offset == 2
    assert db.wait_durable(timeout=0)


def test_with_threads_it_becomes_so_by_itself() -> None:
    db = open_bank(
        SimulatedDirectory(), durability="interval", options=StorageOptions()
    )
    db.call(open_account, "ann")

    assert db.wait_durable(2, timeout=60)
    db.close()


def test_a_read_only_one_waits_for_nothing() -> None:
    disk, _ = written_bank()

    assert read_bank(disk).wait_durable(4)


@pytest.mark.parametrize("offset", [-1, 3, True, "2", 1.0])
def test_only_commits_that_there_are_can_be_waited_for(
    in_memory: qsdb.Database, offset: Any
) -> None:
    with pytest.raises(qsdb.ArgumentError, match="an offset is an int from 0 to 2"):
        in_memory.wait_durable(offset)


@pytest.mark.parametrize("timeout", [-1, float("nan"), "1", threading.TIMEOUT_MAX * 2])
def test_a_timeout_is_a_number_of_seconds(
    in_memory: qsdb.Database, timeout: Any
) -> None:
    with pytest.raises(qsdb.ArgumentError, match="a timeout is a number of seconds"):
        in_memory.wait_durable(1, timeout)


USES: tuple[Callable[[qsdb.Database], object], ...] = (
    lambda db: db.wait_durable(),
    lambda db: db.snapshot(),
    lambda db: db.compact(),
    lambda db: db.backup(SimulatedDirectory()),
    lambda db: db.refresh(),
)


@pytest.mark.parametrize("number", range(len(USES)))
def test_inside_a_transaction_nothing_of_it_is_possible(number: int) -> None:
    _, db = written_bank()

    with db.write(), pytest.raises(qsdb.UsageError, match="inside a write transaction"):
        USES[number](db)


@pytest.mark.parametrize("number", range(len(USES)))
def test_after_the_end_nothing_of_it_is_possible(number: int) -> None:
    _, db = written_bank()
    db.close()

    with pytest.raises(qsdb.ClosedError, match="the database is closed"):
        USES[number](db)


# Snapshots.


def test_a_snapshot_spares_the_log(in_memory: qsdb.Database) -> None:
    disk, db = written_bank()
    assert db.snapshot() == 4
    db.call(transfer, 1, 2, 1)
    before = contents(db)
    db.close()

    with open_bank(disk) as again:
        assert contents(again) == before
        recovery = again.recovery
        assert recovery is not None
        assert (recovery.snapshot_offset, recovery.records_count) == (4, 1)
    for method in (in_memory.snapshot, in_memory.compact):
        with pytest.raises(qsdb.UsageError, match="open it with a path"):
            method()


def test_compacting_needs_enough_snapshots() -> None:
    disk = SimulatedDirectory()
    options = StorageOptions(has_threads=False, segment_bytes=256, step_bytes=1)
    db = open_bank(disk, options=options)
    assert db.compact() == 0
    for _ in range(3):
        db.call(open_account, f"{db.offset}")
        db.snapshot()
    segments = len(disk.list("log"))

    removed = db.compact()

    assert removed > 0
    assert len(disk.list("log")) == segments - removed


# Opening.


def test_recovery_tells_of_a_new_database_and_of_an_old_one() -> None:
    disk = SimulatedDirectory()
    for is_created in (True, False):
        with open_bank(disk) as db:
            assert db.recovery is not None
            assert db.recovery.is_created is is_created


def test_calls_after_an_opening_draw_other_numbers() -> None:
    module = qsdb.Module("dice")

    class Throw(qsdb.Row, module=module):
        number: float

    @module.reducer
    def throw(ctx: qsdb.ReducerContext) -> float:
        return ctx.db[Throw].insert(Throw(ctx.random.random())).number

    disk = SimulatedDirectory()
    drawn = []
    for _ in range(3):
        with qsdb.Database(module, disk, seed=1, options=QUIET) as db:
            drawn += [db.call(throw), db.call(throw)]

    assert len(set(drawn)) == 6


# Counters.


def test_stats_tell_of_the_files() -> None:
    _, db = written_bank()
    db.snapshot()

    stats = db.stats()

    assert (stats.durable_offset, stats.snapshot_offset) == (4, 4)
    assert stats.log_bytes is not None
    assert stats.log_bytes > 500
    assert stats.snapshot_error is None
    assert "  snapshot  of offset 4\n" in str(stats)


def test_in_memory_there_is_nothing_to_tell(in_memory: qsdb.Database) -> None:
    stats = in_memory.stats()

    assert (stats.durable_offset, stats.snapshot_offset) == (None, None)
    assert (stats.log_bytes, stats.snapshot_error) == (None, None)


def test_closing_twice_is_no_error() -> None:
    _, db = written_bank()

    db.close()
    db.close()
