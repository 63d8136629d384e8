"""Timers when another module is published."""

import threading
from typing import Any

import pytest

import qsdb
from qsdb import (
    KindError,
    ReducerContext,
    ScheduleAt,
    TimeDuration,
    Timestamp,
    u32,
    u64,
)
from qsdb.runtime.due_runs import Run
from qsdb.runtime.writer import Writer
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.support.editions import QUIET, Edition, row_class

NOON = Timestamp.parse("2026-11-25T12:00:00Z")

ALARM = {
    "id": (u64, qsdb.primary_key(auto_inc=True)),
    "at": ScheduleAt,
    "note": str,
}


def clockwork(
    note: str,
    columns: dict[str, Any] = ALARM,
    reducer: str | None = "ring",
) -> Edition:
    """Give a module whose alarms ring, and say what rang."""
    module = qsdb.Module("clockwork")
    alarm = row_class(module, "alarm", columns, scheduled=reducer)
    rung = row_class(module, "rung", {"id": (u64, qsdb.auto_inc()), "note": str})

    def ring(ctx: ReducerContext, timer: Any) -> None:
        ctx.db[rung].insert(rung(note=note + timer.note))

    ring.__annotations__ = {"timer": alarm}
    module.reducer(ring)
    return Edition(module, {"alarm": alarm, "rung": rung})


def every(seconds: float) -> ScheduleAt:
    return ScheduleAt.interval(TimeDuration.from_seconds(seconds))


def opened(made: Edition, disk: Any = None) -> tuple[qsdb.Database, FakeClock]:
    clock = FakeClock(NOON)
    return qsdb.Database(made.module, disk, clock=clock, seed=1, options=QUIET), clock


def put(db: qsdb.Database, made: Edition, at: ScheduleAt, note: str) -> None:
    with db.write() as tx:
        tx.table("alarm").insert(made.rows["alarm"](at=at, note=note))


def rung(db: qsdb.Database) -> list[str]:
    return sorted([row.note for row in db.sql("SELECT note FROM rung")])


def timers(db: qsdb.Database) -> dict[tuple[int, int], float]:
    return {
        (row.table_id, row.scheduled_id): (row.due.micros - NOON.micros) / 1e6
        for row in db.sql("SELECT * FROM st_timer")
    }


@pytest.mark.parametrize("place", [lambda: None, SimulatedDirectory])
def test_timers_go_with_rows_that_are_converted(place: Any) -> None:
    one = clockwork("1")
    two = clockwork("2", {**ALARM, "tone": (u32, 440)})
    db, clock = opened(one, place())
    put(db, one, every(10), "a")
    put(db, one, ScheduleAt.time(NOON + TimeDuration.from_seconds(25)), "b")
    clock.advance(12)
    assert db.run_due() == 1
    [was] = {table_id for table_id, _ in timers(db)}

    db.publish(two.module, allow_breaking=True)

    [now] = {table_id for table_id, _ in timers(db)}
    assert now > was
    assert timers(db) == {(now, 1): 20.0, (now, 2): 25.0}
    db.check()
    clock.advance(20)
    assert db.run_due() == 2
    assert rung(db) == ["1a", "2a", "2b"]
    assert timers(db) == {(now, 1): 40.0}
    db.check()


def test_timers_stay_where_rows_do() -> None:
    one, two = clockwork("1"), clockwork("2")
    db, clock = opened(one)
    put(db, one, every(10), "a")
    before = timers(db)
    db.publish(two.module)
    assert timers(db) == before
    clock.advance(10)
    db.run_due()
    assert rung(db) == ["2a"]


def test_a_table_that_becomes_scheduled_is_armed_and_no_more_if_not() -> None:
    one, two = clockwork("1", reducer=None), clockwork("2")
    db, clock = opened(one)
    put(db, one, every(10), "a")
    clock.advance(5)
    assert timers(db) == {}

    db.publish(two.module, allow_breaking=True)

    assert [*timers(db).values()] == [15.0]
    db.check()
    clock.advance(10)
    assert db.run_due() == 1
    db.publish(one.module, allow_breaking=True)
    assert timers(db) == {}
    clock.advance(10)
    assert db.run_due() == 0
    assert rung(db) == ["2a"]
    db.check()


def test_rows_that_cannot_be_armed_are_refused_and_shown() -> None:
    bare = clockwork("", reducer=None)
    db, _ = opened(bare)
    for seconds in (0, 5, *[-1] * 10):
        put(db, bare, every(seconds), "never")
    put(db, bare, ScheduleAt.time(NOON), "fine")

    for attempt in (db.plan, db.publish):
        with pytest.raises(qsdb.SchemaError) as caught:
            attempt(clockwork("").module)
        text = str(caught.value)
        place = "table alarm, column at: an interval of a schedule is longer than 0: "
        assert place in text
        assert text.count("note='never'") == 10
        assert "and 1 more" in text
    assert timers(db) == {}
    db.check()


def test_what_a_fill_function_raises_is_told_and_not_the_interval() -> None:
    old = {name: kind for name, kind in ALARM.items() if name != "at"}
    bare = clockwork("", old, None)
    db, _ = opened(bare)
    with db.write() as tx:
        tx[bare.rows["alarm"]].insert(bare.rows["alarm"](note="never"))

    def fill(row: Any) -> ScheduleAt:
        raise ValueError(f"no time for {row.note}")

    columns = ALARM | {"at": (ScheduleAt, qsdb.column(fill=fill))}
    with pytest.raises(qsdb.SchemaError, match="no time for never") as caught:
        db.plan(clockwork("", columns).module)
    assert "longer than 0" not in str(caught.value)


def test_a_row_that_would_be_armed_beyond_the_end_of_time_is_refused() -> None:
    bare = clockwork("", reducer=None)
    db, _ = opened(bare)
    put(db, bare, ScheduleAt.interval(TimeDuration.from_micros((1 << 63) - 1)), "never")

    with pytest.raises(KindError, match="ends before the end of time"):
        db.publish(clockwork("").module)
    assert timers(db) == {}
    db.check()


def test_a_migration_changes_when_something_is_due() -> None:
    one = clockwork("1")
    two = clockwork("2", {**ALARM, "tone": (u32, 440)})

    @two.module.migration(from_=one.module.schema_hash())
    def later(ctx: qsdb.MigrationContext) -> None:
        alarms: Any = ctx.db.table("alarm")
        alarms.update(alarms.get(1).replace(at=every(100)))
        alarms.insert(two.rows["alarm"](at=every(7), note="new"))
        alarms.delete_by_key(2)

    db, clock = opened(one)
    for note in ("a", "b", "c"):
        put(db, one, every(10), note)
    clock.advance(1)
    db.publish(two.module, allow_breaking=True)
    assert {number: due for (_, number), due in timers(db).items()} == {
        1: 101.0,
        3: 10.0,
        4: 8.0,
    }
    db.check()


def test_what_is_about_to_run_while_a_module_is_published_runs_in_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one, two = clockwork("1"), clockwork("2", {**ALARM, "tone": (u32, 440)})
    db, clock = opened(one)
    put(db, one, every(10), "a")
    put(db, one, every(10), "b")
    clock.advance(10)
    begin, done = Writer.begin, list[bool]()

    def publish_first(writer: Writer) -> Any:
        if not done:
            done.append(True)
            db.publish(two.module, allow_breaking=True)
        return begin(writer)

    monkeypatch.setattr(Writer, "begin", publish_first)
    assert db.run_due() == 0
    assert db.run_due() == 2
    assert rung(db) == ["2a", "2b"]
    db.check()


def test_a_run_that_fails_in_a_module_that_is_gone_is_not_counted() -> None:
    one, two = clockwork("1"), clockwork("2", {**ALARM, "tone": (u32, 440)})
    db, clock = opened(one)
    put(db, one, every(10), "a")
    scheduler = db._scheduler
    assert scheduler is not None
    clock.advance(10)
    [(due, number)] = scheduler._due(clock.now().micros, is_thread=False)
    run = Run(scheduler.timers, db._writer, number, due, due)
    db.publish(two.module, allow_breaking=True)
    with db.write() as tx:
        assert run.begin(tx) is None
        assert run.fail(tx) == ()
    db.check()


def test_the_thread_begins_when_there_is_something_to_run() -> None:
    one, two = clockwork("1", reducer=None), clockwork("2")
    has_run = threading.Event()
    with qsdb.Database(one.module) as db:
        assert db._scheduler is not None
        assert db._scheduler._bell.thread is None
        put(db, one, every(0.01), "a")
        db.subscribe("SELECT * FROM rung", lambda _: has_run.set())
        db.publish(two.module, allow_breaking=True)
        assert has_run.wait(20)
        thread = db._scheduler._bell.thread
        db.publish(clockwork("3").module)
        assert db._scheduler._bell.thread is thread
