"""Rows 78 to 91: tables whose rows have a function run."""

import threading
from collections.abc import Iterator

import attrs
import pytest

import qsdb
from qsdb import Row, ScheduleAt, SchemaError, TimeDuration, Timestamp, u64
from qsdb.testing import FakeClock, SimulatedDirectory, assert_no_change, database

module = qsdb.Module("bells")


class Bell(Row, module=module, public=True, scheduled="ring"):
    id: u64 = qsdb.primary_key(auto_inc=True)
    at: ScheduleAt
    name: str


class Rung(Row, module=module):
    name: str
    when: Timestamp
    order: u64 = qsdb.auto_inc()


@module.reducer
def ring(ctx: qsdb.ReducerContext, due: Bell) -> None:
    if due.name == "cracked":
        raise qsdb.ReducerError("no sound")
    assert ctx.sender == ctx.identity
    assert ctx.connection_id is None
    assert ctx.auth.is_internal
    ctx.db[Rung].insert(Rung(due.name, ctx.timestamp))


def seconds(count: float) -> Timestamp:
    return Timestamp.from_micros(int(count * 1e6))


@attrs.frozen
class Tower:
    """A database and its clock.

    Attributes:
        db: It.
        clock: It stands at the epoch at first.
    """

    db: qsdb.Database
    clock: FakeClock

    def hang(self, name: str, *, at: float = 0, each: float = 0) -> None:
        """Insert a timer, at so many seconds or each so many seconds."""
        when = ScheduleAt.time(seconds(at))
        if each:
            when = ScheduleAt.interval(TimeDuration.from_seconds(each))
        with self.db.write() as tx:
            tx[Bell].insert(Bell(when, name))

    def after(self, count: float) -> list[tuple[str, float]]:
        """Let seconds pass, run what is due, and give all runs: name and second."""
        self.clock.advance(count)
        self.db.run_due()
        with self.db.read() as tx:
            rows = sorted(tx[Rung], key=lambda row: row.order)
        return [(row.name, row.when.micros / 1e6) for row in rows]


@pytest.fixture
def tower() -> Iterator[Tower]:
    clock = FakeClock()
    with database(module, clock=clock) as db:
        yield Tower(db, clock)


def test_row_078_a_scheduled_table_has_a_key_a_time_and_a_reducer() -> None:
    wrong = qsdb.Module("wrong")

    class NoKey(Row, module=wrong, scheduled="missing"):
        at: ScheduleAt

    class NoTime(Row, module=wrong, scheduled="run"):
        id: u64 = qsdb.primary_key(auto_inc=True)

    @wrong.reducer
    def run(ctx: qsdb.ReducerContext, due: NoTime) -> None:
        pass

    with pytest.raises(SchemaError) as caught:
        qsdb.Database(wrong)
    assert "no_key" in str(caught.value)
    assert "no_time" in str(caught.value)

    with database(module) as db, db.connect() as stranger:
        with pytest.raises(qsdb.NotFoundError):  # it is hidden from strangers
            stranger.reducers.ring(Bell(ScheduleAt.time(seconds(0)), "x"))
        names = db.sql("SELECT reducer_name, schedule_name FROM st_scheduled")
        assert names.rows == [("ring", "bell")]


def test_row_079_a_time_runs_once_when_it_has_come(tower: Tower) -> None:
    tower.hang("noon", at=10)
    tower.hang("past", at=-5)

    assert tower.after(0) == [("past", 0)]
    assert tower.after(9) == [("past", 0)]
    assert tower.after(3) == [("past", 0), ("noon", 12)]
    assert tower.after(100) == [("past", 0), ("noon", 12)]
    assert not tower.db.sql("SELECT * FROM bell")


def test_row_080_an_interval_runs_after_each_without_drift(tower: Tower) -> None:
    tower.hang("hour", each=10)

    assert tower.after(9) == []
    assert tower.after(3) == [("hour", 12)]
    assert tower.after(8) == [("hour", 12), ("hour", 20)]  # not 22
    assert tower.after(35)[2:] == [("hour", 55)]  # three were missed, and come as one
    assert tower.after(5)[3:] == [("hour", 60)]


def test_row_081_an_interval_is_longer_than_0(tower: Tower) -> None:
    for micros in (0, -1):
        when = ScheduleAt.interval(TimeDuration.from_micros(micros))
        with (
            assert_no_change(tower.db),
            pytest.raises(qsdb.KindError),
            tower.db.write() as tx,
        ):
            tx[Bell].insert(Bell(when, "x"))


def test_row_082_a_time_may_be_centuries_ahead(tower: Tower) -> None:
    century = 100 * 365 * 86_400
    tower.hang("late", at=century)

    assert tower.after(century - 1) == []
    assert tower.after(1) == [("late", century)]


def test_row_083_a_timer_is_armed_by_the_commit(tower: Tower) -> None:
    with pytest.raises(RuntimeError), tower.db.write() as tx:
        tx[Bell].insert(Bell(ScheduleAt.time(seconds(0)), "never"))
        raise RuntimeError

    assert tower.after(1) == []
    assert tower.db.stats().runs == 0


def test_row_084_an_update_moves_a_timer_and_a_delete_stops_it(tower: Tower) -> None:
    tower.hang("moved", at=1)
    tower.hang("gone", at=1)
    with tower.db.write() as tx:
        tx[Bell].update(Bell(ScheduleAt.time(seconds(5)), "moved").replace(id=1))
        tx[Bell].delete_by_key(2)

    assert tower.after(4) == []
    assert tower.after(1) == [("moved", 5)]


def test_row_085_a_run_that_fails_has_done_nothing_and_its_row_goes(
    tower: Tower,
) -> None:
    tower.hang("cracked", at=1)
    tower.hang("whole", at=1)

    assert tower.after(1) == [("whole", 1)]
    assert not tower.db.sql("SELECT * FROM bell")
    assert tower.db.stats().run_failures == 1

    again = qsdb.Module("again")

    class Try(Row, module=again, scheduled="attempt", retry=2):
        id: u64 = qsdb.primary_key(auto_inc=True)
        at: ScheduleAt

    @again.reducer
    def attempt(_: qsdb.ReducerContext, due: Try) -> None:
        raise qsdb.ReducerError(f"{due}")

    clock = FakeClock()
    with database(again, clock=clock) as db:
        with db.write() as tx:
            tx[Try].insert(Try(ScheduleAt.time(seconds(0))))
        left = []
        for _ in range(3):
            db.run_due()
            left.append(len(db.sql("SELECT * FROM try")))
        assert left == [1, 1, 0]


def test_row_086_a_run_and_the_end_of_its_row_are_one_commit(tower: Tower) -> None:
    tower.hang("noon", at=1)
    seen: list[tuple[int, int]] = []
    tower.db.subscribe(
        "SELECT * FROM bell",
        lambda update: seen.append((update.offset, len(update.deletes))),
    )
    before = tower.db.offset

    assert tower.after(1) == [("noon", 1)]
    assert seen == [(before + 1, 1)]
    assert tower.db.offset == before + 1


def test_row_087_a_procedure_runs_when_its_row_is_gone() -> None:
    posts = qsdb.Module("posts")
    seen: list[tuple[str, int, bool]] = []

    class Letter(Row, module=posts, scheduled="post"):
        id: u64 = qsdb.primary_key(auto_inc=True)
        at: ScheduleAt
        text: str

    @posts.procedure
    def post(ctx: qsdb.ProcedureContext, due: Letter) -> None:
        with ctx.read() as tx:
            left = len(tx[Letter])
        seen.append((due.text, left, ctx.sender == ctx.identity))
        if due.text == "lost":
            raise OSError("no stamps")

    files, clock = SimulatedDirectory(), FakeClock()
    with database(posts, files, clock=clock) as db:
        with db.write() as tx:
            for text in ("lost", "found"):
                tx[Letter].insert(Letter(ScheduleAt.time(seconds(1)), text))
        clock.advance(1)
        assert db.run_due() == 2
        assert db.stats().run_failures == 1
    assert seen == [("lost", 1, True), ("found", 0, True)]
    with database(posts, files, clock=clock) as db:
        assert db.run_due() == 0  # at most once, whatever came of it
        with db.connect() as stranger, pytest.raises(qsdb.NotFoundError):
            stranger.procedures.post(Letter(ScheduleAt.time(seconds(1)), "x"))


def test_row_088_what_was_due_while_the_process_was_down_runs_late() -> None:
    files, clock = SimulatedDirectory(), FakeClock()
    with database(module, files, clock=clock) as db:
        Tower(db, clock).hang("once", at=10)
        Tower(db, clock).hang("each", each=20)
    clock.advance(50)
    with database(module, files, clock=clock) as db:
        tower = Tower(db, clock)
        assert tower.after(0) == [("once", 50), ("each", 50)]
        assert tower.after(10)[2:] == [("each", 60)]  # counted on from 20, 40

    policies = qsdb.Module("policies")

    class Skip(Row, module=policies, scheduled="skip", missed="none"):
        id: u64 = qsdb.primary_key(auto_inc=True)
        at: ScheduleAt

    class Every(Row, module=policies, scheduled="every", missed="all"):
        id: u64 = qsdb.primary_key(auto_inc=True)
        at: ScheduleAt

    ran: list[str] = []

    @policies.reducer
    def skip(_: qsdb.ReducerContext, due: Skip) -> None:
        ran.append(f"skip {due.id}")

    @policies.reducer
    def every(_: qsdb.ReducerContext, due: Every) -> None:
        ran.append(f"every {due.id}")

    clock = FakeClock()
    with database(policies, clock=clock) as db:
        each = ScheduleAt.interval(TimeDuration.from_seconds(10))
        with db.write() as tx:
            tx[Skip].insert(Skip(each))
            tx[Every].insert(Every(each))
        clock.advance(35)
        db.run_due()
    assert ran == ["every 1"] * 3


def test_row_089_the_sender_of_a_run_is_the_database(tower: Tower) -> None:
    tower.hang("noon", at=0)  # the reducer looks

    assert tower.after(0) == [("noon", 0)]
    assert tower.db.stats().run_failures == 0


def test_row_090_runs_come_one_after_the_other_in_the_order_of_their_times(
    tower: Tower,
) -> None:
    for name, at in (("c", 3), ("a", 1), ("b", 2)):
        tower.hang(name, at=at)

    assert [name for name, _ in tower.after(5)] == ["a", "b", "c"]
    assert tower.db.stats().runs == 3


def test_row_090_a_procedure_that_takes_long_delays_no_reducer() -> None:
    both = qsdb.Module("both")
    ran, over = threading.Event(), threading.Event()

    class Slow(Row, module=both, scheduled="wait"):
        id: u64 = qsdb.primary_key(auto_inc=True)
        at: ScheduleAt

    class Quick(Row, module=both, scheduled="run"):
        id: u64 = qsdb.primary_key(auto_inc=True)
        at: ScheduleAt

    @both.procedure
    def wait(_: qsdb.ProcedureContext, due: Slow) -> None:
        if due.id and ran.wait(30):
            over.set()

    @both.reducer
    def run(_: qsdb.ReducerContext, due: Quick) -> None:
        if due.id:
            ran.set()

    with qsdb.Database(both) as db:  # a thread runs what is due
        with db.write() as tx:
            tx[Slow].insert(Slow(ScheduleAt.time(seconds(0))))  # is due first
            tx[Quick].insert(Quick(ScheduleAt.time(seconds(1))))
        assert over.wait(30)


def test_row_091_a_test_moves_the_clock(tower: Tower) -> None:
    tower.hang("noon", at=43_200)

    assert tower.db.run_due() == 0
    assert tower.db.run_due(now=seconds(43_200)) == 1
    assert tower.after(0) == [("noon", 43_200)]
