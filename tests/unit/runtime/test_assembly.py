"""What a database is made of, and arguments that make none."""

from collections.abc import Callable

import pytest

import qsdb
from qsdb.runtime.assembly import (
    Parts,
    check_way_of_opening,
    open_parts,
    open_read_only,
)
from qsdb.runtime.options import options_of
from qsdb.runtime.read_only import ReadOnlyStorage, ReadOnlyWriter
from qsdb.runtime.storage import Storage
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.unit.runtime.ledger import NOON, QUIET, bank, written_bank


def opened(files: SimulatedDirectory | None, clock: FakeClock) -> Parts:
    options = options_of("always", 0, QUIET)
    return open_parts(bank.compiled(), files, options, clock, 1, None)


def test_in_memory_there_is_no_storage() -> None:
    parts = opened(None, FakeClock(NOON))

    assert parts.storage is None
    assert (parts.writer.log, parts.writer.journal) == (None, None)
    assert parts.directory.store.offset == 1


def test_on_disk_the_writer_has_a_log() -> None:
    disk, clock = SimulatedDirectory(), FakeClock(NOON)
    parts = opened(disk, clock)

    assert isinstance(parts.storage, Storage)
    assert parts.writer.log is parts.storage.log
    assert parts.writer.log.durable_offset == 1
    assert parts.writer.latest == NOON.micros * 1000
    parts.storage.close()

    clock.advance(-100)
    again = opened(disk, clock)
    assert again.calls.owner == parts.calls.owner
    assert again.writer.latest == NOON.micros * 1000
    assert again.writer.begin().timestamp == NOON  # the clock went back
    again.writer.abort()
    assert isinstance(again.storage, Storage)
    again.storage.close()


def test_reading_there_is_a_writer_that_refuses() -> None:
    disk, _ = written_bank()

    for at in (None, 3):
        parts = open_read_only(bank.compiled(), disk, at, FakeClock(), None, None)
        assert isinstance(parts.storage, ReadOnlyStorage)
        assert isinstance(parts.writer, ReadOnlyWriter)
        assert parts.storage.microseconds == NOON.micros
        parts.storage.close()


def test_an_opening_that_fails_gives_the_directory_back() -> None:
    class BrokenClock(FakeClock):
        is_broken = False

        def now(self) -> qsdb.Timestamp:
            if self.is_broken:
                raise OSError("no time")
            return super().now()

    disk, clock = SimulatedDirectory(), BrokenClock(NOON)
    parts = opened(disk, clock)
    assert isinstance(parts.storage, Storage)
    parts.storage.close()
    module = qsdb.Module("other time")

    @module.init
    def init(_: qsdb.ReducerContext) -> None:
        raise LookupError("told to")

    with pytest.raises(LookupError, match="told to"):
        qsdb.Database(module, SimulatedDirectory(), clock=clock)
    clock.is_broken = True
    new = SimulatedDirectory()
    with pytest.raises(OSError, match="no time"):
        opened(new, clock)
    clock.is_broken = False
    parts = opened(new, clock)
    assert isinstance(parts.storage, Storage)
    parts.storage.close()


WRONG: dict[str, Callable[[], None]] = {
    "read_only is a bool, not 1": lambda: check_way_of_opening(
        bank, "path", read_only=1, at=None
    ),
    "takes a qsdb.Module, not None": lambda: check_way_of_opening(
        None, "path", read_only=False, at=None
    ),
    "read_only=True needs the path": lambda: check_way_of_opening(
        bank, None, read_only=True, at=None
    ),
    "at=3 needs read_only=True": lambda: check_way_of_opening(
        bank, "path", read_only=False, at=3
    ),
    "an offset from 0 on or a qsdb.Timestamp, not -1": lambda: check_way_of_opening(
        bank, "path", read_only=True, at=-1
    ),
}


@pytest.mark.parametrize("message", WRONG)
def test_a_way_of_opening_that_there_is_not(message: str) -> None:
    with pytest.raises(qsdb.ArgumentError, match=message):
        WRONG[message]()


def test_the_ways_of_opening_that_there_are() -> None:
    check_way_of_opening(bank, None, read_only=False, at=None)
    check_way_of_opening(bank, "path", read_only=False, at=None)
    for module in (bank, None):
        for at in (None, 0, 7, NOON):
            check_way_of_opening(module, "path", read_only=True, at=at)
