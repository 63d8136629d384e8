"""Databases as they were: at every offset and time that files reach back to."""

from typing import Any

import pytest

import qsdb
from qsdb import StorageOptions, TimeDuration, Timestamp
from qsdb.log.snapshots import list_snapshots
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.unit.runtime.ledger import (
    NOON,
    contents,
    open_account,
    open_bank,
    read_bank,
    transfer,
    written_bank,
)

Contents = dict[str, list[tuple[object, ...]]]

SMALL = StorageOptions(
    has_threads=False, segment_bytes=600, step_bytes=64, snapshots_kept=2
)


class Past:
    """A bank with a history: one commit a second, and snapshots in between."""

    def __init__(self, *, snapshots: tuple[int, ...] = (4, 8)) -> None:
        self.disk = SimulatedDirectory()
        self.clock = FakeClock(NOON)
        self.db = open_bank(self.disk, clock=self.clock, options=SMALL)
        self.states: dict[int, Contents] = {1: contents(self.db)}
        self.times = {1: self.clock.now()}
        while self.db.offset < 12:
            self.clock.advance(1)
            self.step()
            self.states[self.db.offset] = contents(self.db)
            self.times[self.db.offset] = self.clock.now()
            if self.db.offset in snapshots:
                self.db.snapshot()

    def step(self) -> None:
        if self.db.offset % 3 != 1:
            self.db.call(transfer, 1, 2, 7)
        else:
            self.db.call(open_account, f"owner {self.db.offset}")

    def at(self, at: Any) -> qsdb.Database:
        return read_bank(self.disk, at=at)


@pytest.fixture(scope="module")
def past() -> Past:
    return Past()


def compacted() -> Past:
    past = Past(snapshots=(5, 9))
    assert past.db.compact() > 0
    assert list_snapshots(past.disk) == [5, 9]
    return past


@pytest.mark.parametrize("offset", range(1, 13))
def test_every_offset_can_be_travelled_to(past: Past, offset: int) -> None:
    with past.at(offset) as reading:
        assert reading.offset == offset
        assert contents(reading) == past.states[offset]
        reading.check()


@pytest.mark.parametrize("offset", range(1, 13))
def test_every_time_can_be_travelled_to(past: Past, offset: int) -> None:
    time = past.times[offset]
    half = TimeDuration.from_micros(500_000)

    for at in (time, time + half):
        with past.at(at) as reading:
            assert reading.offset == offset
            assert contents(reading) == past.states[offset]


def test_the_newest_state_is_that_of_all_later_times(past: Past) -> None:
    assert past.at(Timestamp.parse("2999-01-01T00:00:00Z")).offset == 12


def test_commits_at_the_same_time_belong_together() -> None:
    disk, _ = written_bank()

    assert read_bank(disk, at=NOON).offset == 4


def test_an_older_snapshot_is_used_where_the_newest_is_too_new(past: Past) -> None:
    used = {offset: past.at(offset).recovery for offset in (3, 4, 7, 8, 12)}

    assert {n: each and each.snapshot_offset for n, each in used.items()} == {
        3: None,
        4: 4,
        7: 4,
        8: 8,
        12: 8,
    }


def test_without_a_module_too(past: Past) -> None:
    with qsdb.Database(None, past.disk, read_only=True, at=6) as reading:
        with reading.read() as tx:
            found = {row.id: row.balance for row in tx.account}
        assert found == {row[0]: row[2] for row in past.states[6]["account"]}


def test_it_stays_where_it_is(past: Past) -> None:
    with past.at(6) as reading:
        with pytest.raises(qsdb.UsageError, match="at offset 6, and stays so"):
            reading.refresh()
        assert reading.offset == 6


def test_a_state_of_the_past_can_be_copied_and_gone_on_from(past: Past) -> None:
    copy = SimulatedDirectory()

    with past.at(past.times[6]) as reading:
        assert reading.backup(copy) == 6

    with open_bank(copy) as db:
        assert contents(db) == past.states[6]
        db.call(open_account, "another future")
        assert db.offset == 7


# What cannot be travelled to.


@pytest.mark.parametrize("at", [0, 13, 1 << 70])
def test_an_offset_that_never_was_is_refused_with_the_range(
    past: Past, at: int
) -> None:
    with pytest.raises(qsdb.ArgumentError, match="from 1 to 12"):
        past.at(at)


def test_a_time_before_the_database_is_refused_with_the_first(past: Past) -> None:
    with pytest.raises(qsdb.ArgumentError, match=r"2026-01-01T12:00:00\S+ on"):
        past.at(NOON - TimeDuration.from_micros(1))


@pytest.mark.parametrize("at", [-1, True, "noon", 1.5])
def test_at_is_an_offset_or_a_time(past: Past, at: object) -> None:
    with pytest.raises(qsdb.ArgumentError, match=r"at is an offset from 0 on or"):
        past.at(at)


def test_what_was_compacted_away_is_refused_with_the_range() -> None:
    past = compacted()

    for offset in range(5, 13):
        assert contents(past.at(offset)) == past.states[offset]
        assert past.at(past.times[offset]).offset == offset
    with pytest.raises(qsdb.ArgumentError, match="from 5 to 12"):
        past.at(4)
    with pytest.raises(qsdb.ArgumentError, match=r"it has those from 2026"):
        past.at(past.times[4])


def test_a_snapshot_is_not_before_its_last_commit_though_the_clock_goes_back() -> None:
    disk, clock = SimulatedDirectory(), FakeClock(NOON)
    db = open_bank(disk, clock=clock)
    clock.advance(10)
    db.call(open_account, "ann")
    clock.set(NOON)
    db.snapshot()

    assert read_bank(disk, at=NOON).offset == 1
    assert read_bank(disk, at=NOON + TimeDuration.from_seconds(10)).offset == 2
