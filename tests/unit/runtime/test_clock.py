"""The clock of the machine, and how transactions read any clock."""

import time

import qsdb
from qsdb import Timestamp
from qsdb.runtime.clock import SystemClock, nanosecond_reader, tick_reader
from qsdb.testing import FakeClock


def test_the_system_clock_is_the_machines() -> None:
    before = time.time_ns() // 1000
    now = SystemClock().now().micros
    after = time.time_ns() // 1000

    assert before <= now <= after
    assert type(SystemClock().now()) is qsdb.Timestamp


def test_the_system_clock_is_read_without_a_detour() -> None:
    assert nanosecond_reader(SystemClock()) is time.time_ns


def test_any_other_clock_is_read_each_time() -> None:
    clock = FakeClock(qsdb.Timestamp.from_micros(5))
    read = nanosecond_reader(clock)

    assert read() == 5_000
    clock.advance(1)
    assert read() == 1_000_005_000


def test_a_derived_system_clock_is_asked_itself() -> None:
    class Late(SystemClock):
        def now(self) -> qsdb.Timestamp:
            return qsdb.Timestamp.from_micros(-1)

    assert nanosecond_reader(Late())() == -1000


def test_durations_are_measured_by_a_clock_that_never_goes_back() -> None:
    clock = FakeClock(Timestamp.from_micros(-5))
    ticks = tick_reader(clock)

    assert ticks() == -5000
    clock.advance(-1)
    assert ticks() == -5000
    clock.advance(2)
    assert ticks() == 999_995_000


def test_the_clock_of_the_machine_measures_durations_by_its_counter() -> None:
    assert tick_reader(SystemClock()) is time.perf_counter_ns
