"""Rows 174 to 179: what is on the disk, and when."""

import random
import time

import pytest

import qsdb
from qsdb import Row, StorageOptions, Timestamp, u32
from qsdb.testing import FakeClock, SimulatedDirectory, database
from tests.support.disks import image_of

module = qsdb.Module("vault")
runs: list[int] = []
"""Noted by the reducer, each time that it runs."""


class Coin(Row, module=module):
    id: u32 = qsdb.primary_key(auto_inc=True)
    worth: u32


@module.reducer
def mint(ctx: qsdb.ReducerContext, worth: u32) -> u32:
    runs.append(worth)
    return ctx.db[Coin].insert(Coin(worth)).id


SMALL = StorageOptions(
    has_threads=False, segment_bytes=600, step_bytes=64, snapshots_kept=1
)


def worths(db: qsdb.Database) -> list[int]:
    with db.read() as tx:
        return sorted(coin.worth for coin in tx[Coin])


def test_row_174_changes_are_logged_and_recovery_runs_no_code() -> None:
    files = SimulatedDirectory()
    with database(module, files) as db:
        for worth in (5, 7):
            db.call(mint, worth)
    runs.clear()
    with database(module, files) as db:
        assert db.recovery is not None
        assert db.recovery.records_count == 3
        assert worths(db) == [5, 7]
    assert runs == []


def test_row_175_a_snapshot_is_where_the_next_opening_begins() -> None:
    files = SimulatedDirectory()
    with database(module, files) as db:
        db.call(mint, 5)
        assert db.snapshot() == 2
        db.call(mint, 7)
    with database(module, files) as db:
        assert db.recovery is not None
        assert db.recovery.snapshot_offset == 2
        assert db.recovery.records_count == 1
        assert worths(db) == [5, 7]

    often = StorageOptions(snapshot_commits=2)
    with qsdb.Database(module, SimulatedDirectory(), options=often) as db:
        for worth in range(8):
            db.call(mint, worth)
        deadline = time.monotonic() + 30
        while not db.stats().snapshot_offset and time.monotonic() < deadline:
            time.sleep(0.001)
        assert db.stats().snapshot_offset  # it was taken by itself


def test_row_176_who_asks_is_told_only_of_what_is_on_the_disk() -> None:
    files = SimulatedDirectory()
    with qsdb.Database(module, files, durability="always") as db:
        db.call(mint, 5)
        assert db.durable_offset == db.offset == 2
        after_power_loss = image_of(files, random.Random(1), "dropped")
    with database(module, after_power_loss) as db:
        assert worths(db) == [5]
        durable = []
        with db.connect(identity=db.owner, confirmed=True) as client:
            client.db[Coin].on_insert(
                lambda event, _: durable.append(db.durable_offset >= event.offset)
            )
            client.subscribe("SELECT * FROM coin")
            client.reducers.mint(7)
            assert durable == [True, True]
            assert db.wait_durable(db.offset)


def test_row_177_log_that_nobody_needs_is_given_up() -> None:
    files = SimulatedDirectory()
    with qsdb.Database(module, files, options=SMALL) as db:
        for worth in range(20):
            db.call(mint, worth)
        size = sum(map(len, files.snapshot_files().values()))
        db.snapshot()

        assert db.compact() > 1
        assert sum(map(len, files.snapshot_files().values())) < size
    with qsdb.Database(module, files, options=SMALL) as db:
        assert worths(db) == [*range(20)]


def test_row_178_a_database_is_read_as_it_was() -> None:
    files, clock = SimulatedDirectory(), FakeClock()
    with database(module, files, clock=clock) as db:
        for worth in (5, 7, 9):
            clock.advance(10)
            db.call(mint, worth)
    for at in (3, Timestamp.from_micros(25_000_000)):
        with qsdb.Database(module, files, read_only=True, at=at) as past:
            assert past.offset == 3
            assert worths(past) == [5, 7]
            with pytest.raises(qsdb.ReadOnlyError):
                past.call(mint, 1)


def test_row_179_without_a_path_a_database_is_in_memory() -> None:
    with qsdb.Database(module) as db:
        db.call(mint, 5)
        assert db.durable_offset == db.offset
        assert db.recovery is None
        with pytest.raises(qsdb.UsageError, match="in memory"):
            db.snapshot()
