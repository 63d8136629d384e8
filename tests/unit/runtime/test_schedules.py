"""Scheduled tables: what is run when, and what is left of it."""

import errno
import gc
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import qsdb
from qsdb import ScheduleAt, TimeDuration, Timestamp, u32, u64
from qsdb.runtime import scheduler as scheduler_module
from qsdb.schema.system import StTimer
from qsdb.testing import Fail, FakeClock, FaultyDirectory, SimulatedDirectory

START = Timestamp.parse("2026-11-25T12:00:00Z")
Run = tuple[str, float]
"""What the note of a row says, and the seconds since the start."""


class Alarm(qsdb.Row):
    id: u64 = qsdb.primary_key(auto_inc=True)
    at: ScheduleAt
    note: str = ""


class Rung(qsdb.Row):
    id: u64 = qsdb.primary_key(auto_inc=True)
    note: str


class Clockwork:
    """A database with one scheduled table, and a clock."""

    def __init__(self, disk: SimulatedDirectory | None = None, **options: Any) -> None:
        self.module = module = qsdb.Module("clockwork")
        module.add_table(Alarm, scheduled="ring", **options)
        module.add_table(Rung)
        self.runs: list[Run] = []
        self.act: Callable[[Any, Alarm], object] = lambda *_: None
        self.context: Any = None

        @module.reducer
        def ring(ctx: qsdb.ReducerContext, alarm: Alarm) -> None:
            self.runs.append((alarm.note, seconds(ctx.timestamp)))
            self.context = ctx
            assert ctx.db.table("alarm").get(alarm.id) == alarm
            ctx.db.table("rung").insert(Rung(alarm.note))
            self.act(ctx, alarm)

        @module.reducer
        def hello(_: qsdb.ReducerContext) -> None: ...

        self.clock = FakeClock(START)
        self.disk = disk
        self.db = self.opened()

    def opened(self) -> qsdb.Database:
        return qsdb.Database(self.module, self.disk, clock=self.clock, seed=1)

    def reopen(self) -> None:
        self.db.close()
        self.db = self.opened()

    def put(self, at: ScheduleAt, note: str = "") -> int:
        with self.db.write() as tx:
            row = tx.table("alarm").insert(Alarm(at, note=note))
            assert isinstance(row, Alarm)
            return row.id

    def after(self, span: float) -> list[Run]:
        """Let time pass, run what is due, and give what was run."""
        self.clock.advance(span)
        return self.due()

    def due(self, now: Timestamp | None = None) -> list[Run]:
        self.runs.clear()
        count = self.db.run_due(now)
        assert count == len(self.runs)
        self.db.check()
        return [*self.runs]

    @property
    def alarms(self) -> list[str]:
        return [row.note for row in self.db.sql("SELECT * FROM alarm")]

    @property
    def rung(self) -> list[str]:
        return [row.note for row in self.db.sql("SELECT * FROM rung")]

    @property
    def timers(self) -> dict[int, float]:
        rows = self.db.sql("SELECT * FROM st_timer")
        return {row.scheduled_id: seconds(row.due) for row in rows}


def seconds(when: Timestamp) -> float:
    return (when - START).micros / 1e6


def at(span: float) -> ScheduleAt:
    return ScheduleAt.time(START + TimeDuration.from_seconds(span))


def every(span: float) -> ScheduleAt:
    return ScheduleAt.interval(TimeDuration.from_seconds(span))


@pytest.fixture
def clockwork() -> Iterator[Clockwork]:
    made = Clockwork()
    yield made
    made.db.close()


# When.


def test_a_time_is_run_once_and_its_row_goes(clockwork: Clockwork) -> None:
    clockwork.put(at(10), "ten")

    assert clockwork.after(9.999) == []
    assert clockwork.after(0.001) == [("ten", 10.0)]
    assert clockwork.alarms == []
    assert clockwork.timers == {}
    assert clockwork.after(100) == []
    assert clockwork.rung == ["ten"]


def test_a_time_that_is_past_is_due_at_once(clockwork: Clockwork) -> None:
    clockwork.put(at(-1000), "past")
    assert clockwork.timers == {1: 0.0}

    assert clockwork.due() == [("past", 0.0)]


def test_an_interval_is_run_after_each(clockwork: Clockwork) -> None:
    clockwork.clock.advance(3)
    clockwork.put(every(10), "tick")

    assert clockwork.after(9.9) == []
    assert clockwork.after(0.1) == [("tick", 13.0)]
    assert clockwork.after(10) == [("tick", 23.0)]
    assert clockwork.alarms == ["tick"]


def test_an_interval_does_not_drift(clockwork: Clockwork) -> None:
    clockwork.put(every(10))

    assert clockwork.after(14) == [("", 14.0)]
    assert clockwork.timers == {1: 20.0}
    assert clockwork.after(5.9) == []
    assert clockwork.after(0.3) == [("", 20.2)]
    assert clockwork.timers == {1: 30.0}


def test_what_is_due_is_run_in_the_order_of_the_times(clockwork: Clockwork) -> None:
    for span in (3, 1, 2):
        clockwork.put(at(span), f"at {span}")
    clockwork.put(every(1.5), "every")

    found = [note for note, _ in clockwork.after(5)]

    assert found == ["at 1", "every", "at 2", "at 3"]


def test_now_may_be_said(clockwork: Clockwork) -> None:
    clockwork.put(at(10))
    clockwork.put(every(20))

    assert clockwork.due(START) == []
    assert clockwork.due(START + TimeDuration.from_seconds(10)) == [("", 10.0)]
    assert clockwork.due(START - TimeDuration.from_seconds(10)) == []
    assert clockwork.due(START + TimeDuration.from_seconds(25)) == [("", 25.0)]
    with clockwork.db.write() as tx:
        assert seconds(tx.timestamp) == 25.0  # no transaction is before an earlier one


def test_a_clock_that_is_set_back_is_waited_for(clockwork: Clockwork) -> None:
    clockwork.put(every(10))
    assert clockwork.after(10) == [("", 10.0)]

    assert clockwork.after(-86_400) == []
    assert clockwork.after(86_400 + 9) == []
    assert clockwork.after(1) == [("", 20.0)]


def test_a_clock_that_jumps_ahead_makes_no_burst(clockwork: Clockwork) -> None:
    clockwork.put(every(1))

    assert len(clockwork.after(100 * 365 * 86_400)) == 1
    assert len(clockwork.after(1)) == 1


def test_rows_of_init_are_armed() -> None:
    module = qsdb.Module("early")
    module.add_table(Alarm, scheduled="ring")

    @module.init
    def init(ctx: qsdb.ReducerContext) -> None:
        ctx.db.table("alarm").insert(Alarm(ScheduleAt.time(ctx.timestamp)))

    @module.reducer
    def ring(_: qsdb.ReducerContext, alarm: Alarm) -> None: ...

    for disk in (None, SimulatedDirectory()):
        with qsdb.Database(module, disk, clock=FakeClock(START)) as db:
            assert db.run_due() == 1
            assert db.run_due() == 0


# What commits do to it.


def test_only_what_is_committed_is_armed(clockwork: Clockwork) -> None:
    with pytest.raises(ZeroDivisionError), clockwork.db.write() as tx:
        tx.table("alarm").insert(Alarm(at(1)))
        raise ZeroDivisionError
    with clockwork.db.write() as tx:
        with pytest.raises(ZeroDivisionError), tx.savepoint():
            tx.table("alarm").insert(Alarm(at(1)))
            raise ZeroDivisionError
        gone = tx.table("alarm").insert(Alarm(at(1)))
        tx.table("alarm").delete(gone)

    assert clockwork.timers == {}
    assert clockwork.after(2) == []


def test_a_row_that_goes_is_not_run(clockwork: Clockwork) -> None:
    number = clockwork.put(every(1))
    clockwork.put(at(1), "stays")
    clockwork.db.sql("DELETE FROM alarm WHERE id = :id", {"id": number})

    assert clockwork.after(5) == [("stays", 5.0)]


def test_a_row_that_says_another_time_is_armed_anew(clockwork: Clockwork) -> None:
    number = clockwork.put(every(10))
    clockwork.clock.advance(4)
    with clockwork.db.write() as tx:
        tx.table("alarm").update(Alarm(every(20)).replace(id=number))

    assert clockwork.timers == {number: 24.0}


def test_a_row_that_changes_otherwise_keeps_its_time(clockwork: Clockwork) -> None:
    number = clockwork.put(every(10))
    clockwork.clock.advance(4)
    with clockwork.db.write() as tx:
        tx.table("alarm").update(Alarm(every(10), note="new").replace(id=number))

    assert clockwork.timers == {number: 10.0}
    assert clockwork.after(6) == [("new", 10.0)]


@pytest.mark.parametrize(
    "span", [TimeDuration.from_micros(n) for n in (0, -1, -(1 << 63), (1 << 63) - 1)]
)
def test_an_interval_that_is_none_is_refused(
    clockwork: Clockwork, span: TimeDuration
) -> None:
    with pytest.raises(qsdb.KindError, match="table alarm, column at: TimeDuration"):
        clockwork.put(ScheduleAt.interval(span))

    assert clockwork.alarms == []
    assert clockwork.db.offset == 1


def test_the_last_timestamp_is_a_time(clockwork: Clockwork) -> None:
    clockwork.put(ScheduleAt.time(Timestamp.from_micros((1 << 63) - 1)))

    assert clockwork.after(1e9) == []
    assert len(clockwork.alarms) == 1


# The reducer.


def test_the_context_is_the_databases_own(clockwork: Clockwork) -> None:
    clockwork.put(at(0))
    clockwork.due()

    ctx = clockwork.context
    assert ctx.sender == clockwork.db.identity
    assert ctx.connection_id is None
    assert ctx.auth.is_internal


def test_strangers_do_not_see_it(clockwork: Clockwork) -> None:
    alarm = Alarm(at(0)).replace(id=7)
    refused = pytest.raises(qsdb.NotFoundError, match="no reducer ring; there are: h")
    with clockwork.db.connect() as stranger, refused:
        stranger.call("ring", alarm)
    with clockwork.db.write() as tx:
        tx.table("alarm").insert(alarm)
    clockwork.db.call("ring", alarm)  # the owner may

    assert clockwork.runs == [("", 0.0)]
    assert clockwork.alarms == [""]  # that was a call, and no run


def test_it_may_delete_its_row(clockwork: Clockwork) -> None:
    clockwork.act = lambda ctx, alarm: ctx.db.table("alarm").delete(alarm)
    clockwork.put(every(1))
    clockwork.put(at(1))

    assert len(clockwork.after(1)) == 2
    assert clockwork.timers == {}
    assert clockwork.after(10) == []


def test_it_may_give_its_row_another_time(clockwork: Clockwork) -> None:
    def later(ctx: Any, alarm: Alarm) -> None:
        then = ScheduleAt.time(ctx.timestamp + TimeDuration.from_seconds(5))
        ctx.db.table("alarm").update(alarm.replace(at=then))

    clockwork.act = later
    number = clockwork.put(at(1))

    assert clockwork.after(1) == [("", 1.0)]
    assert clockwork.timers == {number: 6.0}
    assert clockwork.after(5) == [("", 6.0)]


def test_what_it_makes_due_waits_for_the_next_time(clockwork: Clockwork) -> None:
    def again(ctx: Any, _: Alarm) -> None:
        ctx.db.table("alarm").insert(Alarm(ScheduleAt.time(ctx.timestamp)))

    clockwork.act = again
    clockwork.put(at(0))

    assert clockwork.db.run_due() == 1
    assert clockwork.db.run_due() == 1


def test_what_goes_meanwhile_is_not_run(clockwork: Clockwork) -> None:
    clockwork.act = lambda ctx, _: ctx.db.table("alarm").clear()
    clockwork.put(at(1), "first")
    clockwork.put(at(2), "second")

    assert clockwork.after(2) == [("first", 2.0)]


def test_callbacks_see_its_commit_and_may_call(clockwork: Clockwork) -> None:
    told: list[str] = []

    def hear(update: qsdb.Update) -> None:
        told.extend([row.note for row in update.inserts])
        if len(told) == 1:
            clockwork.put(at(0), "from a callback")
            clockwork.db.run_due()

    clockwork.db.subscribe("SELECT * FROM rung", hear)
    clockwork.put(at(0), "first")
    clockwork.db.run_due()

    assert told == ["first", "from a callback"]


def test_a_callback_does_not_wait_for_a_thread_that_waits_for_it(
    clockwork: Clockwork,
) -> None:
    """One thread runs what is due and waits to tell; another one tells."""
    db, runs = clockwork.db, []
    clockwork.put(at(0), "due")
    has_run, is_told = threading.Event(), threading.Event()
    clockwork.act = lambda *_: has_run.set()
    other = threading.Thread(target=lambda: runs.append(db.run_due()), daemon=True)

    def hear(update: qsdb.Update) -> None:
        if update.inserts[0].note == "by hand":
            other.start()
            assert has_run.wait(10)
            runs.append(db.run_due())
            is_told.set()

    db.subscribe("SELECT * FROM rung", hear)
    insert = "INSERT INTO rung (note) VALUES ('by hand')"
    caller = threading.Thread(target=db.sql, args=[insert], daemon=True)
    caller.start()

    assert is_told.wait(10)
    caller.join(10)
    other.join(10)
    assert runs == [0, 1]


# Failures.


def fails(*_: object) -> None:
    raise ValueError("no")


def test_a_run_that_fails_is_told_and_given_up(
    clockwork: Clockwork, caplog: pytest.LogCaptureFixture
) -> None:
    clockwork.act = fails
    clockwork.put(at(1), "time")
    clockwork.put(every(1), "interval")

    with caplog.at_level(logging.ERROR, "qsdb.clockwork.scheduler"):
        assert [note for note, _ in clockwork.after(1)] == ["time", "interval"]

    assert clockwork.rung == []
    assert clockwork.alarms == ["interval"]
    assert clockwork.timers == {2: 2.0}
    assert [each.getMessage() for each in caplog.records] == [
        f"ring failed, which was due at {START + TimeDuration.from_seconds(1)}"
    ] * 2
    stats = clockwork.db.stats()
    assert (stats.runs, stats.run_failures) == (2, 2)
    assert "due       2 runs of schedules · 2 failed" in str(stats)


@pytest.mark.parametrize(
    "error", [qsdb.ClosedError, qsdb.StorageError, qsdb.UsageError, LookupError]
)
def test_whatever_a_reducer_raises_is_its_own(
    clockwork: Clockwork, error: type[Exception], caplog: pytest.LogCaptureFixture
) -> None:
    def some(_: object, alarm: Alarm) -> None:
        if alarm.note == "bad":
            raise error("by the reducer")

    clockwork.act = some
    for note in ("bad", "good"):
        clockwork.put(at(1), note)

    clockwork.after(1)

    assert clockwork.rung == ["good"]
    assert clockwork.alarms == []
    assert "by the reducer" in caplog.text


def test_what_cannot_be_committed_is_the_reducers_too(clockwork: Clockwork) -> None:
    def endless(ctx: Any, _: Alarm) -> None:
        ctx.db.table("alarm").insert(Alarm(every(-1)))

    clockwork.act = endless
    clockwork.put(at(1), "bad")

    clockwork.after(1)

    assert clockwork.rung == []
    assert clockwork.alarms == []
    assert clockwork.db.stats().run_failures == 1


def test_the_others_are_run(clockwork: Clockwork) -> None:
    def some(_: object, alarm: Alarm) -> None:
        if alarm.note == "bad":
            raise ValueError

    clockwork.act = some
    for note in ("good", "bad", "better"):
        clockwork.put(at(1), note)

    clockwork.after(1)

    assert clockwork.rung == ["good", "better"]


@pytest.mark.parametrize("sort", ["reducer", "procedure"])
def test_a_view_that_lets_no_timer_go_does_not_stop_the_others(
    sort: str, caplog: pytest.LogCaptureFixture
) -> None:
    module, clock, ran = qsdb.Module("held"), FakeClock(START), []

    class Held(qsdb.Row, module=module, scheduled="run"):
        id: u64 = qsdb.primary_key(auto_inc=True)
        at: ScheduleAt

    class Free(qsdb.Row, module=module, scheduled="other"):
        id: u64 = qsdb.primary_key(auto_inc=True)
        at: ScheduleAt

    def run(_: Any, row: Held) -> None:
        ran.append(type(row).__name__)

    getattr(module, sort)(run)

    @module.reducer
    def other(_: qsdb.ReducerContext, row: Free) -> None:
        ran.append(type(row).__name__)

    @module.view(on_error="abort")
    def all_held(ctx: qsdb.AnonymousViewContext) -> list[Held]:
        if not len(ctx.db[Held]):
            raise LookupError("it is gone")
        return list(ctx.db[Held])

    db = qsdb.Database(module, clock=clock)
    with db.write() as tx:
        tx[Held].insert(Held(at(0)))
        tx[Free].insert(Free(at(1)))
    with db.subscribe("SELECT * FROM all_held"):
        clock.advance(1)
        db.run_due()
        assert "Free" in ran
        assert len(db.sql("SELECT * FROM held")) == 1
        assert "run stays due since 2026-11-25T12:00:00Z" in caplog.text
    ran.clear()
    assert db.run_due() == 1  # nobody listens any more
    assert ran == ["Held"]
    assert len(db.sql("SELECT * FROM held")) == 0
    db.check()


def test_a_run_that_fails_is_tried_again() -> None:
    clockwork = Clockwork(retry=2)
    tries = iter(["fails", "runs", "fails", "fails", "fails"])

    def some(*_: object) -> None:
        if next(tries) == "fails":
            raise ValueError

    clockwork.act = some
    clockwork.put(every(10))

    assert clockwork.after(10) == [("", 10.0)]
    assert clockwork.timers == {1: 10.0}
    assert clockwork.due() == [("", 10.0)]
    assert clockwork.timers == {1: 20.0}
    assert clockwork.rung == [""]
    assert clockwork.after(10) == [("", 20.0)]
    assert clockwork.due() == clockwork.due() == [("", 20.0)]
    assert clockwork.timers == {1: 30.0}  # given up


def test_how_often_it_was_tried_is_kept() -> None:
    clockwork = Clockwork(SimulatedDirectory(), retry=2)
    clockwork.act = fails
    clockwork.put(at(1))
    clockwork.clock.advance(1)

    for left in (1, 1, 0):
        assert clockwork.db.run_due() == 1
        assert len(clockwork.alarms) == left
        clockwork.reopen()
    assert clockwork.db.run_due() == 0
    clockwork.db.close()


def test_what_failed_and_is_gone_by_then_is_forgotten(clockwork: Clockwork) -> None:
    class Deleting(logging.Handler):
        def emit(self, _: logging.LogRecord) -> None:
            clockwork.db.sql("DELETE FROM alarm")

    clockwork.act = fails
    clockwork.put(every(1))
    logger, handler = logging.getLogger("qsdb.clockwork.scheduler"), Deleting()
    logger.addHandler(handler)
    try:
        assert clockwork.after(1) == [("", 1.0)]
    finally:
        logger.removeHandler(handler)

    assert clockwork.timers == {}


def test_an_interrupt_passes_and_the_run_comes_again(clockwork: Clockwork) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    clockwork.act = interrupted
    clockwork.put(at(1), "again")
    clockwork.clock.advance(1)
    with pytest.raises(KeyboardInterrupt):
        clockwork.db.run_due()
    clockwork.act = lambda *_: None

    assert clockwork.due() == [("again", 1.0)]


def test_what_is_tried_again_is_not_missed() -> None:
    clockwork = Clockwork(missed="none", retry=2)
    clockwork.act = fails
    clockwork.put(at(1), "time")
    clockwork.put(every(10), "tick")
    assert clockwork.after(1) == [("time", 1.0)]

    assert clockwork.after(5) == [("time", 6.0)]
    assert clockwork.after(4) == [("time", 10.0), ("tick", 10.0)]
    assert clockwork.alarms == ["tick"]
    assert clockwork.after(5) == [("tick", 15.0)]


def test_what_is_armed_anew_waits_also_where_each_run_counts() -> None:
    clockwork = Clockwork(missed="all")

    def again(ctx: Any, alarm: Alarm) -> None:
        then = ScheduleAt.time(START + TimeDuration.from_seconds(len(clockwork.runs)))
        ctx.db.table("alarm").update(alarm.replace(at=then))

    clockwork.act = again
    clockwork.put(at(0))
    clockwork.clock.advance(20)

    assert clockwork.db.run_due() == 1


@pytest.mark.parametrize("missed", ["one", "none", "all"])
def test_an_interval_to_the_end_of_time(missed: Any) -> None:
    clockwork = Clockwork(missed=missed)
    end = Timestamp.from_micros((1 << 63) - 1)
    clockwork.put(ScheduleAt.interval(end - START - TimeDuration.from_seconds(10)))
    clockwork.clock.set(end)

    # The end stands for all that is behind it.
    assert clockwork.db.run_due() == {"none": 0, "one": 1, "all": 2}[missed]
    clockwork.db.run_due()
    assert clockwork.alarms == [""]


# What is missed.


@pytest.mark.parametrize(
    ("missed", "expected"),
    [
        ("one", [("time", 35.0), ("tick", 35.0)]),
        ("none", []),
        ("all", [("tick", 35.0), ("time", 35.0), ("tick", 35.0), ("tick", 35.0)]),
    ],
)
@pytest.mark.parametrize("is_down", [False, True])
def test_what_was_due_and_not_run(
    missed: Any, expected: list[Run], *, is_down: bool
) -> None:
    clockwork = Clockwork(SimulatedDirectory(), missed=missed)
    clockwork.put(every(10), "tick")
    clockwork.put(at(15), "time")
    clockwork.clock.advance(35)
    if is_down:
        clockwork.reopen()

    assert sorted(clockwork.due()) == sorted(expected)
    assert clockwork.timers == {1: 40.0}
    assert clockwork.alarms == ["tick"]
    assert clockwork.after(5) == [("tick", 40.0)]
    clockwork.db.close()


def test_what_is_a_little_late_is_not_missed() -> None:
    clockwork = Clockwork(missed="none")
    clockwork.put(every(10), "tick")
    clockwork.put(at(21), "time")

    assert clockwork.after(11) == [("tick", 11.0)]
    assert clockwork.after(11) == [("time", 22.0)]
    assert clockwork.timers == {1: 30.0}


def test_each_missed_run_is_a_commit() -> None:
    clockwork = Clockwork(missed="all")
    clockwork.put(every(1))
    offset = clockwork.db.offset

    assert len(clockwork.after(50)) == 50
    assert clockwork.db.offset == offset + 50


# On disk.


def test_a_run_comes_once_whatever_is_reopened() -> None:
    clockwork = Clockwork(SimulatedDirectory())
    clockwork.put(every(10), "tick")
    clockwork.put(at(5), "time")
    assert clockwork.after(12) == [("time", 12.0), ("tick", 12.0)]

    clockwork.reopen()

    assert clockwork.due() == []
    assert clockwork.timers == {1: 20.0}
    assert clockwork.after(8) == [("tick", 20.0)]
    clockwork.db.close()


def test_another_schedule_is_published_by_opening() -> None:
    disk = SimulatedDirectory()
    clockwork = Clockwork(disk)
    clockwork.put(every(10), "tick")
    offset, timers = clockwork.db.offset, clockwork.timers
    clockwork.db.close()

    clockwork = Clockwork(disk, retry=1)

    assert clockwork.db.offset == offset + 1
    assert clockwork.timers == timers
    assert [row.retry for row in clockwork.db.sql("SELECT * FROM st_scheduled")] == [1]


def test_what_is_only_read_runs_nothing() -> None:
    disk = SimulatedDirectory()
    clockwork = Clockwork(disk)
    clockwork.put(at(0))
    clockwork.db.close()

    with qsdb.Database(clockwork.module, disk, read_only=True) as reader:
        with pytest.raises(qsdb.ReadOnlyError, match="is only read runs nothing"):
            reader.run_due()
        assert len(reader.sql("SELECT * FROM alarm")) == 1


# Refusals.


def test_where_nothing_can_be_run(clockwork: Clockwork) -> None:
    with clockwork.db.write(), pytest.raises(qsdb.UsageError):
        clockwork.db.run_due()
    with pytest.raises(qsdb.ArgumentError, match=r"now is a qsdb\.Timestamp, not 5"):
        clockwork.db.run_due(5)  # type: ignore[arg-type]
    clockwork.db.close()
    with pytest.raises(qsdb.ClosedError):
        clockwork.db.run_due()


@pytest.mark.parametrize("scheduler", ["", None, True, "threads"])
def test_a_scheduler_there_is_not(scheduler: Any) -> None:
    with pytest.raises(qsdb.ArgumentError, match="scheduler is 'thread' or 'manual'"):
        qsdb.Database(qsdb.Module("m"), scheduler=scheduler)


def test_a_timer_without_its_row_is_found(clockwork: Clockwork) -> None:
    clockwork.put(every(1))
    timers = clockwork.db._scheduler.timers  # type: ignore[union-attr]
    with clockwork.db.write() as tx:
        timers.table(tx).clear()
    with pytest.raises(qsdb.InternalError, match=r"row \(4096, 1\) is not in st_timer"):
        clockwork.db.check()

    with clockwork.db.write() as tx:
        table = timers.table(tx)
        table.insert(StTimer(4096, 1, START, 0))
        table.insert(StTimer(4096, 9, START, 0))
    with pytest.raises(qsdb.InternalError, match=r"has \(4096, 9\), and there is no s"):
        clockwork.db.check()
    with clockwork.db.write() as tx:
        timers.table(tx).delete_by_key(4096, 9)


# By itself.


class Beat(qsdb.Row):
    id: u64 = qsdb.primary_key(auto_inc=True)
    at: ScheduleAt
    left: u32 = 0


def beating(
    act: Callable[[Any, Beat], object], retry: int = 0, **options: Any
) -> tuple[qsdb.Module, qsdb.Database]:
    module = qsdb.Module("heart")
    module.add_table(Beat, scheduled="beat", retry=retry)

    @module.reducer
    def beat(ctx: qsdb.ReducerContext, row: Beat) -> None:
        act(ctx, row)

    return module, qsdb.Database(module, **options)


def soon(holds: Callable[[], object]) -> bool:
    end = time.monotonic() + 30
    while not holds() and time.monotonic() < end:
        time.sleep(0.002)
    return bool(holds())


def put(db: qsdb.Database, at: ScheduleAt) -> None:
    with db.write() as tx:
        tx.table("beat").insert(Beat(at))


def test_a_thread_runs_what_is_due() -> None:
    threads: list[str] = []
    _, db = beating(lambda *_: threads.append(threading.current_thread().name))
    put(db, ScheduleAt.time(Timestamp.EPOCH))
    put(db, every(0.02))

    assert soon(lambda: len(threads) >= 4)
    db.close()
    count = len(threads)
    time.sleep(0.05)
    assert set(threads) == {"qsdb-scheduler"}
    assert len(threads) == count


def test_by_hand_there_is_no_thread() -> None:
    runs: list[int] = []
    _, db = beating(lambda *_: runs.append(1), scheduler="manual")
    put(db, ScheduleAt.time(Timestamp.EPOCH))
    time.sleep(0.03)
    assert runs == []

    assert db.run_due() == 1
    db.close()


def test_the_thread_waits_before_it_tries_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(scheduler_module, "PAUSE", 30_000)
    monkeypatch.setattr(scheduler_module, "SLEEP_MAX", 0.02)
    tries: list[float] = []

    def twice(*_: object) -> None:
        tries.append(time.monotonic())
        if len(tries) < 3:
            raise ValueError("not yet")

    _, db = beating(twice, retry=5)
    put(db, ScheduleAt.time(Timestamp.EPOCH))
    assert soon(lambda: len(tries) == 3)
    db.close()

    first, second, third = tries
    assert second - first >= 0.03
    assert third - second >= 0.06


def test_the_thread_may_close_the_database_in_a_callback() -> None:
    closed = threading.Event()
    _, db = beating(lambda *_: None)

    def close(update: qsdb.Update) -> None:
        if update.deletes:
            db.close()
            closed.set()

    db.subscribe("SELECT * FROM beat", close)
    put(db, ScheduleAt.time(Timestamp.EPOCH))

    assert closed.wait(30)
    with pytest.raises(qsdb.ClosedError):
        db.sql("SELECT * FROM beat")


def test_a_callback_may_close_the_database_while_the_thread_tells() -> None:
    """The thread waits for the callback, so the callback does not for the thread."""
    _, db = beating(lambda *_: None)
    first = threading.Event()

    def close(_: qsdb.Update) -> None:
        if not first.is_set():
            first.set()
            offset = db.offset
            assert soon(lambda: db.offset > offset)  # it has committed, and waits
            time.sleep(0.02)
            db.close()

    db.subscribe("SELECT * FROM beat", close)
    with db.write() as tx:
        tx.table("beat").insert(Beat(ScheduleAt.time(tx.timestamp)))

    assert first.is_set()
    with pytest.raises(qsdb.ClosedError):
        db.sql("SELECT * FROM beat")


def test_a_callback_may_close_the_database_that_runs_by_hand() -> None:
    _, db = beating(lambda *_: None)
    with db._scheduler._running:  # type: ignore[union-attr]
        put(db, ScheduleAt.time(Timestamp.EPOCH))
        time.sleep(0.02)  # the thread waits
        db.subscribe("SELECT * FROM beat", lambda _: db.close())
        assert db.run_due() == 1
    with pytest.raises(qsdb.ClosedError):
        db.run_due()


def test_an_exit_is_a_failure_in_the_thread(caplog: pytest.LogCaptureFixture) -> None:
    runs: list[int] = []

    def leave(_: Any, beat: Beat) -> None:
        runs.append(beat.left)
        if not beat.left:
            raise SystemExit

    _, db = beating(leave)
    for left in (0, 1):
        with db.write() as tx:
            tx.table("beat").insert(Beat(ScheduleAt.time(Timestamp.EPOCH), left=left))

    assert soon(lambda: runs == [0, 1])
    assert soon(lambda: not db.sql("SELECT * FROM beat").rows)
    assert "beat failed, which was due" in caplog.text
    db.close()


def test_the_thread_goes_on_after_what_was_not_to_happen(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_module, "SLEEP_MAX", 0.01)
    runs: list[int] = []
    _, db = beating(lambda *_: runs.append(1))
    scheduler = db._scheduler
    assert scheduler is not None
    tick, count = scheduler.tick, iter([1, 2])

    def stumbling() -> float:
        if next(count, None):
            raise SystemExit
        return tick()

    monkeypatch.setattr(scheduler, "tick", stumbling)
    put(db, ScheduleAt.time(Timestamp.EPOCH))

    assert soon(lambda: runs)
    assert "running what is due failed, and is tried again" in caplog.text
    db.close()


def test_the_thread_ends_with_the_database() -> None:
    _, db = beating(lambda *_: None)
    scheduler = db._scheduler
    assert scheduler is not None
    bell = scheduler._bell
    put(db, every(1000))
    del db, scheduler
    gc.collect()

    assert bell.thread is not None
    bell.thread.join(30)
    assert not bell.thread.is_alive()


def test_a_module_without_schedules_has_no_thread() -> None:
    with qsdb.Database(qsdb.Module("m")) as db:
        assert db._scheduler is not None
        assert db._scheduler._bell.thread is None
        assert db.run_due() == 0


def test_a_disk_that_fails_ends_the_thread(caplog: pytest.LogCaptureFixture) -> None:
    disk = FaultyDirectory(SimulatedDirectory())
    _, db = beating(lambda *_: None, path=disk, durability="always")
    disk.plan = lambda call: Fail(errno.EIO) if call.operation == "sync" else None
    with caplog.at_level(logging.ERROR, "qsdb.heart.scheduler"):
        with pytest.raises(qsdb.FailedError):
            put(db, ScheduleAt.time(Timestamp.EPOCH))
        scheduler = db._scheduler
        assert scheduler is not None
        assert scheduler._bell.thread is not None
        scheduler._bell.thread.join(30)
        assert not scheduler._bell.thread.is_alive()

    assert "nothing is run any more by itself" in caplog.text
    with pytest.raises(qsdb.FailedError):
        db.close()


def test_a_full_disk_is_waited_for(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_module, "SLEEP_MAX", 0.02)
    runs: list[int] = []
    disk = FaultyDirectory(SimulatedDirectory())
    options = qsdb.StorageOptions(step_bytes=1)
    _, db = beating(
        lambda *_: runs.append(1), path=disk, durability="always", options=options
    )
    with db.write() as tx:
        then = tx.timestamp + TimeDuration.from_seconds(0.1)
        tx.table("beat").insert(Beat(ScheduleAt.time(then)))
    disk.plan = lambda call: (
        Fail(errno.ENOSPC) if call.operation in ("write", "allocate") else None
    )

    assert soon(lambda: "what is due waits" in caplog.text)
    assert len(db.sql("SELECT * FROM beat")) == 1
    disk.plan = None
    assert soon(lambda: not db.sql("SELECT * FROM beat").rows)
    db.close()


def test_what_fails_at_the_end_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    _, db = beating(lambda *_: None)
    scheduler = db._scheduler
    assert scheduler is not None
    db.close()

    scheduler.fail(qsdb.StorageError("the log is closed"))

    assert caplog.records == []


def test_a_forked_child_runs_what_is_due_by_hand() -> None:
    runs: list[int] = []
    _, db = beating(lambda *_: runs.append(1), scheduler="manual")
    put(db, ScheduleAt.time(Timestamp.EPOCH))
    scheduler = db._scheduler
    assert scheduler is not None
    thread = threading.Thread(target=scheduler._running.acquire)
    thread.start()
    thread.join()

    scheduler._forked()

    assert db.run_due() == 1
    assert scheduler._bell.thread is None
    db.close()
