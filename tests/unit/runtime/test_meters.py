"""What functions cost: figures, and who is told of a slow one."""

import logging
from typing import Any

import pytest

import qsdb
from qsdb import ReducerContext, ScheduleAt, Timestamp, u64
from qsdb.runtime.stats import CallStats
from qsdb.testing import FakeClock

NOON = Timestamp.parse("2026-01-01T12:00:00Z")

works = qsdb.Module("works")
clock = FakeClock(NOON)
"""Moved by reducers, which so take as long as they say."""


class Item(qsdb.Row, module=works):
    id: u64 = qsdb.primary_key()


class Timer(qsdb.Row, module=works, scheduled="tick"):
    id: u64 = qsdb.primary_key(auto_inc=True)
    at: ScheduleAt


@works.init
def begin(ctx: ReducerContext) -> None:  # noqa: ARG001
    clock.advance(2)


@works.client_connected
def greet(ctx: ReducerContext) -> None:  # noqa: ARG001
    clock.advance(0.25)


@works.reducer
def work(ctx: ReducerContext, seconds: float, fail: bool = False) -> str:  # noqa: FBT001, FBT002
    clock.advance(seconds)
    if fail:
        raise qsdb.ReducerError("no")
    ctx.db[Item].upsert(Item(1))
    return "done"


@works.reducer
def tick(ctx: ReducerContext, timer: Timer) -> None:  # noqa: ARG001
    clock.advance(3)


def opened(**arguments: Any) -> qsdb.Database:
    clock.set(NOON)
    return qsdb.Database(works, clock=clock, seed=1, **arguments)


def fields_of(record: logging.LogRecord) -> tuple[object, ...]:
    found = vars(record)
    names = ("reducer", "seconds", "limit", "offset", "failed", "connection")
    return tuple([found[name] for name in names])


def test_calls_and_seconds_are_counted_for_each_function() -> None:
    with opened() as db:
        db.call(work, 0.5)
        db.call(work, 1.5)
        with pytest.raises(qsdb.ReducerError):
            db.call(work, 0.25, fail=True)
        with pytest.raises(qsdb.ArgumentError):
            db.call("work", "long")
        with db.connect():
            pass

        assert db.stats().reducers == {
            "begin": CallStats(1, 0, 2.0, 2.0),
            "work": CallStats(3, 1, 2.25, 1.5),
            "greet": CallStats(1, 0, 0.25, 0.25),
            "tick": CallStats(0, 0, 0.0, 0.0),
        }


def test_runs_of_schedules_count_as_calls() -> None:
    with opened(slow_reducer=None) as db:
        with db.write() as tx:
            tx[Timer].insert(Timer(ScheduleAt.time(NOON)))
        db.run_due()

        assert db.stats().reducers["tick"] == CallStats(1, 0, 3.0, 3.0)


def test_a_slow_call_is_told_of_with_its_call(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with opened(slow_reducer=1) as db, db.connect() as conn:
        conn.call("work", 1.0)
        conn.call("work", 1.5)
        conn.call("work", 1.25)

    first, second = caplog.records
    connection = conn.connection_id.to_hex()
    assert first.name == "qsdb.works.work"
    assert first.levelno == logging.WARNING
    assert first.getMessage() == (
        "work took 1.500000 s, and all who write waited; the limit is 1.000000 s"
    )
    assert fields_of(first) == ("work", 1.5, 1.0, 3, False, connection)
    found = vars(first)
    assert found["sender"] == conn.identity.to_hex()
    assert found["module_name"] == "works"
    assert found["timestamp"] == "2026-01-01T12:00:03.250000Z"
    assert fields_of(second)[3] == 3  # it changed nothing


def test_a_slow_call_that_fails_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    with opened(slow_reducer=0.5) as db, pytest.raises(qsdb.ReducerError):
        db.call(work, 1.5, fail=True)

    (record,) = caplog.records
    assert fields_of(record) == ("work", 1.5, 0.5, 1, True, None)


def test_a_slow_run_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    with opened(slow_reducer=2.5) as db:
        with db.write() as tx:
            tx[Timer].insert(Timer(ScheduleAt.time(NOON)))
        db.run_due()

    (record,) = caplog.records
    assert fields_of(record) == ("tick", 3.0, 2.5, 3, False, None)


def test_who_logs_a_slow_call_may_write(caplog: pytest.LogCaptureFixture) -> None:
    class Writing(logging.Filter):
        def filter(self, record: logging.LogRecord) -> bool:
            with db.write() as tx:
                tx[Item].upsert(Item(2))
            return True

    watching, logger = Writing(), logging.getLogger("qsdb.works.work")
    logger.addFilter(watching)
    try:
        with opened() as db:
            assert db.call(work, 1.5) == "done"
            assert db.offset == 3
    finally:
        logger.removeFilter(watching)
    assert len(caplog.records) == 1


def test_without_a_limit_nobody_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with opened(slow_reducer=None) as db:
        db.call(work, 1000.0)

    assert caplog.records == []


@pytest.mark.parametrize("slow", [-0.1, 3601, float("nan"), "1", True])
def test_a_limit_is_a_number_of_seconds(slow: Any) -> None:
    with pytest.raises(
        qsdb.ArgumentError,
        match="slow_reducer is a number of seconds from 0 to 3600 or None, not ",
    ):
        opened(slow_reducer=slow)


def test_the_log_of_a_call_has_timers(caplog: pytest.LogCaptureFixture) -> None:
    module = qsdb.Module("timed")

    @module.reducer
    def plan(ctx: ReducerContext) -> None:
        with ctx.log.timer("path"):
            clock.advance(1.5)

    with (
        caplog.at_level(logging.INFO, "qsdb"),
        qsdb.Database(module, clock=clock, slow_reducer=None) as db,
    ):
        db.call(plan)

    (record,) = caplog.records
    assert record.getMessage() == "path took 1.500000 s"
    assert vars(record)["reducer"] == "plan"


def test_a_clock_may_have_a_stopwatch_of_its_own() -> None:
    class Watch(FakeClock):
        ticks = 0

        def monotonic_ns(self) -> int:
            self.ticks += 7_000_000
            return self.ticks

    module = qsdb.Module("watched")

    @module.reducer
    def wait(ctx: ReducerContext) -> None: ...

    with qsdb.Database(module, clock=Watch()) as db:
        db.call(wait)
        db.call(wait)

        assert db.stats().reducers == {"wait": CallStats(2, 0, 0.014, 0.007)}


def test_the_clock_of_the_machine_measures_too() -> None:
    with qsdb.Database(works) as db:
        db.call(work, 0.0)
        counted = db.stats().reducers["work"]

    assert counted.calls == 1
    assert 0 < counted.longest == counted.seconds


def test_functions_of_one_name_are_counted_together() -> None:
    module = qsdb.Module("alike")

    @module.reducer
    def tick(ctx: ReducerContext) -> None: ...

    def of_clients(ctx: ReducerContext) -> None: ...

    of_clients.__name__ = "tick"
    module.client_connected(of_clients)

    with qsdb.Database(module, clock=clock) as db, db.connect() as conn:
        conn.call("tick")

        assert db.stats().reducers == {"tick": CallStats(2, 0, 0.0, 0.0)}


def test_a_call_that_is_refused_after_its_function_ran_is_a_failure() -> None:
    module = qsdb.Module("refused")

    async def later() -> None: ...

    @module.reducer
    def begin(ctx: ReducerContext) -> Any:  # noqa: ARG001
        clock.advance(0.5)
        return later()

    with qsdb.Database(module, clock=clock) as db:
        with pytest.raises(qsdb.UsageError, match="begin gave a coroutine"):
            db.call(begin)

        assert db.stats().reducers == {"begin": CallStats(1, 1, 0.5, 0.5)}
