"""Scheduled procedures: run once at most, in the pool, never twice at a time."""

import asyncio
import errno
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import qsdb
from qsdb import ProcedureContext, ScheduleAt, TimeDuration, Timestamp, u32, u64
from qsdb.runtime import scheduler as scheduler_module
from qsdb.runtime.due_runs import Run
from qsdb.testing import Fail, FakeClock, FaultyDirectory, SimulatedDirectory

START = Timestamp.parse("2026-11-25T12:00:00Z")
PAST = ScheduleAt.time(Timestamp.EPOCH)


class Fetch(qsdb.Row):
    id: u64 = qsdb.primary_key(auto_inc=True)
    at: ScheduleAt
    note: str = ""


class Done(qsdb.Row):
    id: u32 = qsdb.primary_key(auto_inc=True)
    note: str


class Tick(qsdb.Row):
    id: u64 = qsdb.primary_key(auto_inc=True)
    at: ScheduleAt


class Works:
    """A database with a scheduled procedure, and a scheduled reducer beside it."""

    def __init__(self, *, is_async: bool = False, missed: Any = None) -> None:
        self.module = module = qsdb.Module("works")
        module.add_table(Fetch, scheduled="fetch", missed=missed)
        module.add_table(Tick, scheduled="tick")
        module.add_table(Done)
        self.act: Callable[[ProcedureContext, Fetch], object] = lambda *_: None
        self.contexts: list[ProcedureContext] = []
        self.notes: list[str] = []

        def work(ctx: ProcedureContext, row: Fetch) -> None:
            self.contexts.append(ctx)
            self.notes.append(row.note)
            self.act(ctx, row)
            with ctx.transaction() as tx:
                tx.table("done").insert(Done(row.note))

        if is_async:

            @module.procedure
            async def fetch(ctx: ProcedureContext, row: Fetch) -> None:
                await asyncio.sleep(0)
                work(ctx, row)

        else:

            @module.procedure
            def fetch(ctx: ProcedureContext, row: Fetch) -> None:  # type: ignore[misc]
                work(ctx, row)

        @module.reducer
        def tick(_: qsdb.ReducerContext, row: Tick) -> None:  # noqa: ARG001
            self.notes.append("tick")

    def open(self, *args: Any, **options: Any) -> qsdb.Database:
        return qsdb.Database(self.module, *args, **options)


def put(db: qsdb.Database, at: ScheduleAt = PAST, note: str = "") -> None:
    with db.write() as tx:
        tx.table("fetch").insert(Fetch(at, note))


def after(span: float) -> ScheduleAt:
    return ScheduleAt.time(START + TimeDuration.from_seconds(span))


def every(span: float) -> ScheduleAt:
    return ScheduleAt.interval(TimeDuration.from_seconds(span))


def rows(db: qsdb.Database, table: str) -> list[str]:
    return [row.note for row in db.sql(f"SELECT * FROM {table}")]


def soon(condition: Callable[[], object]) -> bool:
    """Whether something comes true."""
    for _ in range(3000):
        if condition():
            return True
        time.sleep(0.01)
    return False


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(START)


@pytest.fixture(params=[False, True], ids=["plain", "async"])
def works(request: pytest.FixtureRequest) -> Works:
    return Works(is_async=request.param)


# By hand.


def test_a_time_is_taken_before_it_runs(works: Works, clock: FakeClock) -> None:
    with works.open(clock=clock) as db:
        put(db, after(10), "ten")

        def look(ctx: ProcedureContext, row: Fetch) -> None:
            assert rows(db, "fetch") == []
            assert not db.sql("SELECT * FROM st_timer")
            assert ctx.sender == ctx.identity == db.identity
            assert ctx.auth.is_internal
            assert ctx.connection_id is None
            assert (ctx.timestamp, row.note) == (
                START + TimeDuration.from_seconds(10),
                "ten",
            )

        works.act = look
        assert db.run_due() == 0
        clock.advance(10)
        assert db.run_due() == 1
        assert rows(db, "done") == ["ten"]
        assert db.run_due() == 0
        assert (db.stats().runs, db.stats().run_failures) == (1, 0)
        db.check()


def test_what_fails_is_told_and_not_run_again(
    works: Works, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: ProcedureContext, row: Fetch) -> None:
        if row.note == "bad":
            raise ZeroDivisionError

    works.act = fail
    with works.open(clock=clock) as db:
        put(db, note="bad")
        put(db, note="good")

        assert db.run_due() == 2
        assert db.run_due() == 0
        assert rows(db, "done") == ["good"]
        assert (db.stats().runs, db.stats().run_failures) == (2, 1)
    [record] = [each for each in caplog.records if each.name == "qsdb.works.scheduler"]
    assert record.getMessage().startswith("fetch failed, which was due at 2026-11-25")
    assert record.exc_info is not None


def test_an_interval_goes_on_after_a_failure(works: Works, clock: FakeClock) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    works.act = fail
    with works.open(clock=clock) as db:
        put(db, every(10))
        for _ in range(3):
            clock.advance(10)
            assert db.run_due() == 1
        assert len(works.notes) == 3


@pytest.mark.parametrize(("missed", "runs"), [("one", 1), ("none", 0), ("all", 3)])
def test_missed_runs_are_as_those_of_reducers(
    clock: FakeClock, missed: str, runs: int
) -> None:
    works = Works(missed=missed)
    with works.open(clock=clock) as db:
        put(db, every(10))
        clock.advance(35)
        assert db.run_due() == runs
        clock.advance(5)
        assert db.run_due() == 1
        assert len(works.notes) == runs + 1


def test_a_late_time_may_be_given_up(clock: FakeClock) -> None:
    works = Works(missed="none")
    with works.open(clock=clock) as db:
        put(db, after(1))
        clock.advance(60)
        assert db.run_due() == 0
        assert rows(db, "fetch") == []
        assert db.stats().runs == 0


def test_what_is_due_runs_in_order_with_reducers(
    works: Works, clock: FakeClock
) -> None:
    with works.open(clock=clock) as db:
        put(db, after(1), "one")
        put(db, after(3), "three")
        with db.write() as tx:
            tx.table("tick").insert(Tick(after(2)))
        clock.advance(5)
        assert db.run_due() == 3
        assert works.notes == ["one", "tick", "three"]


def test_a_procedure_may_run_what_is_due_but_itself(
    works: Works, clock: FakeClock
) -> None:
    inside: list[int] = []
    with works.open(clock=clock) as db:

        def again(_: ProcedureContext, row: Fetch) -> None:
            if row.note == "first":
                clock.advance(100)
                inside.append(db.run_due())

        works.act = again
        put(db, every(10), "first")
        put(db, after(50), "second")
        clock.advance(10)
        assert db.run_due() == 1
        assert inside == [1]
        assert works.notes == ["first", "second"]
        assert db.run_due() == 1  # the ticks that were missed meanwhile, as one


def test_an_interrupt_passes(works: Works, clock: FakeClock) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    works.act = interrupt
    with works.open(clock=clock) as db:
        put(db)
        with pytest.raises(KeyboardInterrupt):
            db.run_due()
        works.act = lambda *_: None
        assert db.run_due() == 0
        put(db)
        assert db.run_due() == 1


def test_in_an_event_loop_what_is_due_runs_too(works: Works, clock: FakeClock) -> None:
    async def main(db: qsdb.Database) -> int:
        return db.run_due()

    with works.open(clock=clock) as db:
        put(db, note="in a loop")
        assert asyncio.run(main(db)) == 1
        assert rows(db, "done") == ["in a loop"]


def test_a_run_is_on_the_disk_before_it_begins(clock: FakeClock) -> None:
    for durability in ("os", "interval", "always"):
        works, disk = Works(), SimulatedDirectory()
        with works.open(
            disk, clock=clock, durability=durability, sync_interval=60
        ) as db:
            durable: list[int] = []
            put(db)
            offset = db.offset
            works.act = lambda *_, db=db, durable=durable: durable.append(
                db.durable_offset
            )
            assert db.run_due() == 1
            assert durable == [offset + 1]


def test_on_a_full_disk_nothing_is_run(clock: FakeClock) -> None:
    works, disk = Works(), FaultyDirectory(SimulatedDirectory())
    options = qsdb.StorageOptions(step_bytes=1)
    with works.open(disk, clock=clock, durability="always", options=options) as db:
        put(db, note="x" * 1000)
        disk.plan = lambda call: (
            Fail(errno.ENOSPC) if call.operation in ("write", "allocate") else None
        )
        with pytest.raises(qsdb.DiskFull):
            db.run_due()
        assert works.notes == []
        assert db.stats().runs == 0
        disk.plan = None
        assert db.run_due() == 1


def test_a_disk_that_fails_begins_nothing(clock: FakeClock) -> None:
    works, disk = Works(), FaultyDirectory(SimulatedDirectory())
    db = works.open(disk, clock=clock, durability="os")
    put(db)
    disk.plan = lambda call: Fail(errno.EIO) if call.operation == "sync" else None

    with pytest.raises(qsdb.FailedError):
        db.run_due()

    assert works.notes == []
    with pytest.raises(qsdb.FailedError):
        db.close()


# By itself.


@pytest.fixture
def going(works: Works) -> Iterator[qsdb.Database]:
    with works.open() as db:
        yield db


def test_the_pool_runs_what_is_due(works: Works, going: qsdb.Database) -> None:
    names: list[str] = []
    works.act = lambda *_: names.append(threading.current_thread().name)
    put(going, note="now")

    assert soon(lambda: rows(going, "done") == ["now"])
    assert names == ["qsdb-procedure"]
    assert soon(lambda: going.stats().runs == 1)


def test_a_slow_procedure_holds_no_reducer_up(
    works: Works, going: qsdb.Database
) -> None:
    go = threading.Event()
    works.act = lambda *_: go.wait(30)
    put(going, note="slow")
    assert soon(lambda: works.notes == ["slow"])

    with going.write() as tx:
        tx.table("tick").insert(Tick(PAST))

    assert soon(lambda: works.notes == ["slow", "tick"])
    assert rows(going, "done") == []
    go.set()
    assert soon(lambda: rows(going, "done") == ["slow"])


def test_ticks_never_run_at_the_same_time(
    works: Works, going: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_module, "SLEEP_MAX", 0.01)
    at_once: list[int] = []
    running = threading.Semaphore(0)

    def slow(*_: object) -> None:
        running.release()
        time.sleep(0.02)  # several intervals long
        at_once.append(running._value)
        running.acquire()

    works.act = slow
    put(going, every(0.002))

    assert soon(lambda: len(at_once) >= 4)
    assert set(at_once) == {1}
    going.sql("DELETE FROM fetch")


def test_a_run_by_hand_leaves_alone_what_runs(
    works: Works, going: qsdb.Database
) -> None:
    go = threading.Event()
    works.act = lambda *_: go.wait(30)
    put(going, every(0.001))
    assert soon(lambda: works.notes)
    time.sleep(0.005)

    assert going.run_due() == 0

    going.sql("DELETE FROM fetch")
    go.set()


def test_a_failure_in_the_pool_is_told(
    works: Works, going: qsdb.Database, caplog: pytest.LogCaptureFixture
) -> None:
    def leave(_: ProcedureContext, row: Fetch) -> None:
        raise {"exit": SystemExit, "bad": ValueError}[row.note]

    works.act = leave
    put(going, note="bad")
    assert soon(lambda: going.stats().run_failures == 1)
    assert "fetch failed, which was due" in caplog.text
    put(going, note="exit")
    assert soon(lambda: going.stats().run_failures == 2)
    assert soon(lambda: "running what is due failed" in caplog.text)
    assert rows(going, "fetch") == []


def test_what_has_no_thread_yet_is_due_when_it_is_opened_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    works, disk, go = Works(), SimulatedDirectory(), threading.Event()
    works.act = lambda *_: go.wait(30)
    with works.open(disk, procedure_threads=1) as db:
        put(db, note="first")
        assert soon(lambda: works.notes == ["first"])
        put(db, note="second")
        busy = db._scheduler.procedures.busy  # type: ignore[union-attr]
        assert soon(lambda: len(busy) == 2)
    go.set()
    assert soon(lambda: "fetch was cut off" in caplog.text)

    with works.open(disk, scheduler="manual") as db:
        assert rows(db, "fetch") == ["second"]
        assert db.run_due() == 1
        assert rows(db, "done") == ["second"]
    assert works.notes == ["first", "second"]


def test_what_is_closed_before_it_is_taken_is_left(clock: FakeClock) -> None:
    works, disk = Works(), SimulatedDirectory()
    db = works.open(disk, clock=clock)
    put(db)
    scheduler = db._scheduler
    assert scheduler is not None
    [(due, number)] = scheduler._due(START.micros, is_thread=True)
    run = Run(scheduler.timers, db._writer, number, due, due)
    ends: list[object] = []
    db.close()

    scheduler.procedures._work(number, lambda: run, ends.append)
    with pytest.raises(qsdb.ClosedError):
        scheduler._hand_over(run)

    assert (works.notes, ends, scheduler.procedures.busy) == ([], [], set())
    with works.open(disk, clock=clock) as db:
        assert db.run_due() == 1


def test_a_full_disk_is_waited_for(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_module, "SLEEP_MAX", 0.02)
    monkeypatch.setattr(scheduler_module, "PAUSE", 20_000)
    works, disk = Works(), FaultyDirectory(SimulatedDirectory())
    options = qsdb.StorageOptions(step_bytes=1)
    with works.open(disk, durability="always", options=options) as db:
        with db.write() as tx:
            then = tx.timestamp + TimeDuration.from_seconds(0.1)
            tx.table("fetch").insert(Fetch(ScheduleAt.time(then)))
        disk.plan = lambda call: (
            Fail(errno.ENOSPC) if call.operation in ("write", "allocate") else None
        )
        assert soon(lambda: "what is due waits" in caplog.text)
        assert works.notes == []
        disk.plan = None
        assert soon(lambda: rows(db, "done") == [""])


def test_a_disk_that_fails_ends_the_thread(caplog: pytest.LogCaptureFixture) -> None:
    works, disk = Works(), FaultyDirectory(SimulatedDirectory())
    db = works.open(disk, durability="os")
    thread = db._scheduler._bell.thread  # type: ignore[union-attr]
    assert thread is not None
    disk.plan = lambda call: Fail(errno.EIO) if call.operation == "sync" else None
    with caplog.at_level(logging.ERROR, "qsdb.works.scheduler"):
        put(db)
        thread.join(30)

    assert not thread.is_alive()
    assert works.notes == []
    assert "nothing is run any more by itself" in caplog.text
    with pytest.raises(qsdb.FailedError):
        db.close()


def test_a_forked_child_runs_none(works: Works, clock: FakeClock) -> None:
    with works.open(clock=clock) as db:
        scheduler = db._scheduler
        assert scheduler is not None
        put(db)
        scheduler.procedures.busy.update([(4096, 1)])
        assert db.run_due() == 0
        scheduler.counts._lock.acquire()

        scheduler.procedures._forked()
        scheduler.counts._renew_lock()

        assert db.run_due() == 1
