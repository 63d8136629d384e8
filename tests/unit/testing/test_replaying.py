"""Logged calls are run again, and the first that does something else is found."""

import contextlib
import itertools
import random
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qsdb
from qsdb import (
    Identity,
    ReducerContext,
    ScheduleAt,
    StorageOptions,
    TimeDuration,
    Timestamp,
    f64,
    i64,
    u64,
)
from qsdb.log.recording import write_plain, write_sequences
from qsdb.recovery.restoring import read_at
from qsdb.runtime.module_tables import stored_row_of_module
from qsdb.testing import (
    FakeClock,
    Replay,
    SimulatedDirectory,
    database,
    replay,
    replaying,
)
from qsdb.testing.reruns import Rerun, Stored

NOON = Timestamp.parse("2026-01-01T12:00:00Z")

farm = qsdb.Module("farm")


class Spot(qsdb.Product):
    x: i64
    y: i64


class Cow(qsdb.Row, module=farm):
    id: u64 = qsdb.primary_key(auto_inc=True)
    name: str
    weight: f64 = 0.0
    spot: Spot | None = None


class Note(qsdb.Row, module=farm):
    who: Identity
    at: Timestamp
    text: str


class Milking(qsdb.Row, module=farm, scheduled="milk"):
    id: u64 = qsdb.primary_key(auto_inc=True)
    at: ScheduleAt
    cow: str


class Feeding(qsdb.Row, module=farm, scheduled="feed", missed="all", retry=1):
    id: u64 = qsdb.primary_key(auto_inc=True)
    at: ScheduleAt


class Bell(qsdb.Row, module=farm, event=True):
    loud: bool


chance: list[Callable[[], object]] = [lambda: 0]
"""What `wobble` has besides its context."""


@farm.init
def found(ctx: ReducerContext) -> None:
    ctx.db[Cow].insert(Cow(f"first {ctx.random.random()}"))
    ctx.db[Milking].insert(Milking(ScheduleAt.time(ctx.timestamp), "first"))


@farm.client_connected
def greet(ctx: ReducerContext) -> None:
    ctx.db[Note].insert(Note(ctx.sender, ctx.timestamp, f"over {ctx.connection_id}"))


@farm.client_disconnected
def wave(ctx: ReducerContext) -> None:
    ctx.db[Note].insert(Note(ctx.sender, ctx.timestamp, "bye"))


@farm.reducer
def buy(ctx: ReducerContext, names: list[str], spot: Spot | None = None) -> None:
    while names:
        name = names.pop(0)  # which changes what it was given, and not what is logged
        weight = 400 + ctx.random.random()
        ctx.db[Cow].insert(Cow(name, weight, spot))
    ctx.db[Note].insert(Note(ctx.sender, ctx.timestamp, "bought"))
    ctx.db[Bell].insert(Bell(loud=True))


@farm.reducer
def sell(ctx: ReducerContext, number: u64) -> None:
    if not ctx.db[Cow].delete_by_key(number):
        raise qsdb.ReducerError(f"there is no cow {number}")


@farm.reducer
def milk(ctx: ReducerContext, row: Milking) -> None:
    if row.cow == "sick":
        raise qsdb.ReducerError("it is sick")
    assert ctx.auth.is_internal
    ctx.db[Note].insert(Note(ctx.sender, ctx.timestamp, f"milked {row.cow}"))
    if row.cow == "moved":
        later = ctx.timestamp + TimeDuration.from_seconds(7)
        ctx.db[Milking].update(row.replace(at=ScheduleAt.time(later), cow="again"))


@farm.reducer
def feed(ctx: ReducerContext, row: Feeding) -> None:
    ctx.db[Note].insert(Note(ctx.sender, ctx.timestamp, f"fed {row.id}"))
    if ctx.timestamp.micros % 3 == 0:
        ctx.db[Feeding].update(
            row.replace(at=ScheduleAt.interval(TimeDuration.from_seconds(3)))
        )


@farm.reducer
def wobble(ctx: ReducerContext, name: str) -> None:
    drawn = f"{chance[0]()}"
    ctx.db[Cow].insert(Cow(name))
    ctx.db[Note].insert(Note(ctx.sender, ctx.timestamp, drawn))


@pytest.fixture(autouse=True)
def certain() -> Iterator[None]:
    chance[0] = lambda: 0
    yield
    chance[0] = lambda: 0


def lived(disk: SimulatedDirectory, **arguments: Any) -> int:
    """Have a database live through something of all sorts; give its last offset."""
    clock = FakeClock(NOON)
    with qsdb.Database(farm, disk, clock=clock, seed=5, **arguments) as db:
        db.call(buy, ["Ada", "Bea"], Spot(1, -2))
        db.caller(Identity.from_claims("test", "eve")).call(buy, ["Cleo"])
        with db.write() as tx:
            tx[Milking].insert(Milking(ScheduleAt.time(NOON), "moved"))
            tx[Milking].insert(Milking(ScheduleAt.time(NOON), "sick"))
            each = ScheduleAt.interval(TimeDuration.from_seconds(2))
            tx[Milking].insert(Milking(each, "often"))
            tx[Feeding].insert(Feeding(each))
        with pytest.raises(qsdb.ReducerError):
            db.call(sell, 99)
        with db.connect() as conn:
            for _ in range(5):
                clock.advance(3.5)
                db.run_due()
                conn.call("buy", [])
        db.sql("UPDATE cow SET weight = weight + 1.5")
        db.call(sell, 2)
        row = Milking(ScheduleAt.time(NOON), "by hand")
        db.sql("DELETE FROM note")
        with pytest.raises(AssertionError):
            db.call(milk, row)
        return db.offset


def test_what_is_certain_is_the_same_again() -> None:
    disk = SimulatedDirectory()
    last = lived(disk)

    report = replay(disk, farm)

    assert report.deviation is None, str(report)
    assert (report.from_offset, report.to_offset) == (1, last)
    assert report.replayed + report.applied == last
    assert report.applied == 3 + 1  # a block, two statements, and a run that failed
    assert str(report) == (
        f"{disk.describe()}, commits 1 to {last}: {report.replayed} calls did the same "
        f"again, {report.applied} commits were no calls"
    )


def test_any_part_can_be_replayed() -> None:
    disk = SimulatedDirectory()
    last = lived(disk, options=StorageOptions(segment_bytes=512))

    for first, until in itertools.combinations(range(1, last + 1, 9), 2):
        report = replay(disk, farm, first, until)

        assert report.deviation is None, str(report)
        assert (report.from_offset, report.to_offset) == (first, until)
        assert report.replayed + report.applied == until - first + 1


@pytest.mark.slow
@given(st.data())
@settings(max_examples=20, deadline=None)
def test_any_history_is_the_same_again(data: st.DataObject) -> None:
    disk, clock = SimulatedDirectory(), FakeClock(NOON)
    options = StorageOptions(segment_bytes=600, step_bytes=64, snapshot_commits=7)
    with qsdb.Database(farm, disk, clock=clock, seed=5, options=options) as db:
        interval = ScheduleAt.interval(TimeDuration.from_seconds(2))
        steps: dict[str, Callable[[], object]] = {
            "buy": lambda: db.call(buy, ["a", "b"], Spot(db.offset, 1)),
            "sell": lambda: db.call(sell, data.draw(st.integers(1, 9))),
            "feed": lambda: db.sql(
                "INSERT INTO feeding (at) VALUES (:at)", {"at": interval}
            ),
            "fast": lambda: db.sql("DELETE FROM feeding WHERE id = 1"),
            "milk": lambda: db.sql(
                "INSERT INTO milking (at, cow) VALUES (:at, :cow)",
                {"at": interval, "cow": data.draw(st.sampled_from(["moved", "sick"]))},
            ),
            "wait": lambda: clock.advance(data.draw(st.floats(0, 9))),
            "run": db.run_due,
            "greet": lambda: db.connect().close(),
            "save": db.snapshot,
        }
        for step in data.draw(st.lists(st.sampled_from(sorted(steps)), max_size=30)):
            with contextlib.suppress(qsdb.ReducerError):
                steps[step]()
        last = db.offset
    first = data.draw(st.integers(1, last))

    report = replay(disk, farm, first)

    assert report.deviation is None, str(report)
    assert report.replayed + report.applied == last - first + 1


def test_progress_is_told() -> None:
    disk = SimulatedDirectory()
    lived(disk)
    told: list[tuple[int, int]] = []

    replay(disk, farm, 3, 7, progress=lambda *each: told.append(each))

    assert told == [(1, 5), (2, 5), (3, 5), (4, 5), (5, 5)]


def salted() -> Callable[[], object]:
    """Give what goes through a set in an order that is another in each process.

    Strings do so since their hashes have a salt; here the salt is a counter.
    """
    salt = itertools.count()

    class Text(str):
        __slots__ = ()

        def __hash__(self) -> int:
            return hash(("salted", int(self) * turn[0]))

    turn = [0]

    def first() -> object:
        turn[0] = next(salt) * 7919 + 1
        return [*{Text(f"{number}") for number in range(50)}]

    return first


def counting() -> Callable[[], object]:
    count = itertools.count()
    return lambda: next(count)


@pytest.mark.parametrize(
    "uncertain",
    [
        pytest.param(random.Random(3).random, id="random numbers of its own"),
        pytest.param(time.perf_counter_ns, id="the clock of the machine"),
        pytest.param(counting(), id="a counter outside of the database"),
        pytest.param(salted(), id="the order of a set"),
    ],
)
def test_what_is_left_to_chance_is_found(uncertain: Callable[[], object]) -> None:
    disk = SimulatedDirectory()
    with database(farm, disk) as db:
        db.call(buy, ["Ada"])
        chance[0] = uncertain
        db.call(wobble, "Cleo")
        db.call(wobble, "Dora")

    report = replay(disk, farm)

    deviation = report.deviation
    assert deviation is not None
    assert (report.to_offset, report.replayed, report.applied) == (3, 2, 0)
    assert (deviation.offset, deviation.reducer) == (3, "wobble")
    assert deviation.arguments == {"name": "Cleo"}
    assert (deviation.sender, deviation.connection) == (db.owner, None)
    assert (deviation.timestamp, deviation.error) == (Timestamp.EPOCH, None)
    assert [*deviation.tables] == ["note"]
    (logged,), (now,) = deviation.tables["note"].logged, deviation.tables["note"].found
    assert logged != now
    assert logged.startswith("Note(who=")


def test_the_report_shows_the_call_and_its_changes() -> None:
    disk = SimulatedDirectory()
    chance[0] = lambda: 1
    with database(farm, disk) as db:
        db.call(wobble, "Bea")
    chance[0] = lambda: 2

    report = replay(disk, farm)

    owner = db.owner
    path = disk.describe()
    assert str(report).splitlines() == [
        f"{path}, commits 1 to 2: the call of commit 2 does something else now",
        "  wobble(name='Bea')",
        f"  called by {owner.to_hex()} at 1970-01-01T00:00:00Z",
        "  table note: - is logged, + is what it does now",
        f"  - Note(who={owner!r}, at={Timestamp.EPOCH!r}, text='1')",
        f"  + Note(who={owner!r}, at={Timestamp.EPOCH!r}, text='2')",
        "  before it 1 calls did the same again, 0 commits were no calls",
    ]


def changed(act: Callable[[ReducerContext], object]) -> Replay:
    """Have a reducer do nothing but insert three rows, then something else."""
    module = qsdb.Module("later")
    acts: list[Callable[[ReducerContext], object]] = []

    class Item(qsdb.Row, module=module):
        id: u64 = qsdb.primary_key(auto_inc=True)
        text: str = ""

    @module.reducer
    def begin(ctx: ReducerContext) -> None:
        ctx.db[Item].insert_many([Item("a"), Item("b"), Item("c")])

    @module.reducer
    def do(ctx: ReducerContext) -> None:
        acts.pop()(ctx)

    def before(ctx: ReducerContext) -> None:
        ctx.db.item.delete_by_key(1)
        ctx.db.item.insert(Item("d"))

    disk = SimulatedDirectory()
    with database(module, disk) as db, db.connect() as conn:
        db.call(begin)
        acts.append(before)
        conn.call("do")
    acts.append(act)
    report = replay(disk, module, 3)
    assert acts == []
    assert report.deviation is not None
    assert report.deviation.connection == conn.connection_id
    assert (report.replayed, report.applied) == (0, 0)
    return report


def test_an_exception_is_shown() -> None:
    def fail(ctx: ReducerContext) -> None:
        ctx.db.item.clear()
        raise KeyError("lost")

    report = changed(fail)

    assert report.deviation is not None
    assert report.deviation.connection is not None
    assert isinstance(report.deviation.error, KeyError)
    assert report.deviation.tables["item"].found == ()
    assert {*report.deviation.tables["item"].logged} == {
        "without the row 1",
        "Item(id=4, text='d')",
        "the next id is 5",
    }
    assert "\n  now it raises KeyError: 'lost'\n" in str(report)
    assert f" over {report.deviation.connection.to_hex()} at " in str(report)


def test_a_call_that_does_nothing_any_more_is_found() -> None:
    report = changed(lambda ctx: None)  # noqa: ARG005

    assert report.deviation is not None
    assert report.deviation.error is None
    assert report.deviation.tables["item"].found == ()


def test_of_many_changes_a_few_are_shown() -> None:
    def much(ctx: ReducerContext) -> None:
        ctx.db.item.clear()
        row = ctx.db.item
        for number in range(20):
            first = next(iter(row), None)
            kind = type(first) if first is not None else None
            if kind is None:
                text = "long " * 100
                ctx.db.sql("INSERT INTO item (text) VALUES (:t)", {"t": text})
            else:
                row.insert(kind(f"{number}"))

    lines = str(changed(much)).splitlines()

    assert len([line for line in lines if line.startswith("  +")]) == 11
    assert any(line.startswith("  + … and ") for line in lines)
    assert max(map(len, lines)) == len("  + ") + 200


def test_the_order_of_changes_is_no_difference() -> None:
    def other_order(ctx: ReducerContext) -> None:
        ctx.db.sql("INSERT INTO item (text) VALUES ('d')")
        ctx.db.item.delete_by_key(1)

    with pytest.raises(AssertionError):  # there is no deviation
        changed(other_order)


# What cannot be replayed.


def test_bounds_lie_in_the_log() -> None:
    disk = SimulatedDirectory()
    last = lived(disk)

    for first, until in ((5, 4), (1, last + 1), (last + 1, last + 1), (last + 2, None)):
        with pytest.raises(
            qsdb.ArgumentError,
            match=f"can replay the commits 1 to {last}, and {first} to .* are no part",
        ):
            replay(disk, farm, first, until)


@pytest.mark.parametrize("bound", [0, -1, "1", 1.0, True])
def test_bounds_are_offsets(bound: Any) -> None:
    disk = SimulatedDirectory()
    lived(disk)

    with pytest.raises(qsdb.ArgumentError, match="from_offset is an int of at least 1"):
        replay(disk, farm, bound)
    with pytest.raises(qsdb.ArgumentError, match="to_offset is an int of at least 1"):
        replay(disk, farm, 1, bound)


def test_what_was_compacted_away_cannot_be_replayed() -> None:
    disk = SimulatedDirectory()
    options = StorageOptions(segment_bytes=256, step_bytes=64, snapshots_kept=1)
    clock = FakeClock(NOON)
    with qsdb.Database(
        farm, disk, clock=clock, options=options, durability="always"
    ) as db:
        for number in range(20):
            db.call(buy, [f"{number}"])
        kept = db.snapshot()
        db.call(buy, ["late"])
        assert db.compact()
        db.call(buy, ["later"])

    report = replay(disk, farm)

    assert (report.from_offset, report.to_offset) == (kept + 1, kept + 2)
    assert report.replayed == 2
    with pytest.raises(
        qsdb.ArgumentError, match=f"can replay the commits {kept + 1} to {kept + 2}"
    ):
        replay(disk, farm, kept)


def test_there_must_be_a_database() -> None:
    with pytest.raises(qsdb.StorageError, match="there is no database"):
        replay(SimulatedDirectory(), farm)


@pytest.mark.parametrize("given", [None, "farm", Cow])
def test_a_module_is_needed(given: Any) -> None:
    with pytest.raises(qsdb.ArgumentError, match=r"replay takes a qsdb\.Module, not"):
        replay(SimulatedDirectory(), given)


def small(name: str = "act", kind: type = int, column: str = "text") -> qsdb.Module:
    """Make a module with one table and one reducer."""
    module = qsdb.Module("small")

    class Item(qsdb.Row, module=module, name="item"):
        id: u64 = qsdb.primary_key(auto_inc=True)
        text: str = qsdb.column(name=column, default="")

    def act(ctx: ReducerContext, number: kind) -> None:  # type: ignore[valid-type]  # noqa: ARG001
        ctx.db[Item].insert(Item())

    act.__name__ = name
    module.reducer(act)
    return module


def small_log() -> SimulatedDirectory:
    disk = SimulatedDirectory()
    with database(small(), disk) as db:
        db.call("act", 1)
    return disk


def test_a_module_without_the_init_that_was_run_is_refused() -> None:
    module = qsdb.Module("bare")

    @module.init
    def begin(ctx: ReducerContext) -> None: ...

    disk = SimulatedDirectory()
    with database(module, disk):
        pass

    assert replay(disk, module).replayed == 1
    with pytest.raises(qsdb.NotFoundError, match="offset 1 was made by begin, which"):
        replay(disk, qsdb.Module("bare"))


@pytest.mark.parametrize("first", [1, 2])
def test_a_function_that_is_gone_is_named(first: int) -> None:
    with pytest.raises(
        qsdb.NotFoundError,
        match="offset 2 was made by act, which module small does not have",
    ):
        replay(small_log(), small("other"), first)


def test_a_function_with_other_arguments_is_refused() -> None:
    with pytest.raises(qsdb.SchemaError, match="act took other arguments when it was"):
        replay(small_log(), small(kind=str))


@pytest.mark.parametrize("first", [1, 2])
def test_a_module_with_other_tables_is_refused(first: int) -> None:
    with pytest.raises(qsdb.SchemaError, match="module small has"):
        replay(small_log(), small(column="words"), first)


def test_the_database_may_be_open() -> None:
    disk = SimulatedDirectory()
    with database(small(), disk) as db:
        db.call("act", 1)
        db.wait_durable()

        assert replay(disk, small()).replayed == 1
        assert db.call("act", 2) is None


def test_a_database_that_was_never_created_is_none() -> None:
    module = qsdb.Module("stillborn")

    @module.init
    def fail(ctx: ReducerContext) -> None:  # noqa: ARG001
        raise KeyError

    disk = SimulatedDirectory()
    with pytest.raises(KeyError):
        database(module, disk)

    with pytest.raises(qsdb.StorageError, match="there is no database in"):
        replay(disk, module)


def test_a_commit_that_changes_the_schema_ends_what_one_module_can_replay() -> None:
    disk = small_log()
    found = read_at(disk)
    stored = Stored(stored_row_of_module(found.state, "it"), {})
    rerun = Rerun(small().compiled(), found.state, stored, "it")
    record = write_plain(0, write_sequences(1, [(0, 5)]))

    with pytest.raises(qsdb.ArgumentError, match="replay up to 2 with the module from"):
        rerun.run(3, record)


def test_what_is_no_record_is_damage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replaying, "logged_records", lambda *_: [(2, b"junk")])

    with pytest.raises(qsdb.CorruptionError, match="the commit at offset 2: a record"):
        replay(small_log(), small(), 2)


def long_log() -> tuple[SimulatedDirectory, list[str]]:
    """Make a log of many segments, and give their names."""
    disk = SimulatedDirectory()
    options = StorageOptions(segment_bytes=256, step_bytes=64)
    with qsdb.Database(small(), disk, durability="always", options=options) as db:
        for _ in range(9):
            db.call("act", 1)
    return disk, sorted(f"log/{name}" for name in disk.list("log"))


def test_a_segment_that_is_missing_is_named() -> None:
    disk, names = long_log()
    disk.remove(names[2])

    with pytest.raises(qsdb.CorruptionError, match="it is missing; the next segment"):
        replay(disk, small())


def test_a_log_that_is_missing_is_told() -> None:
    disk, names = long_log()
    for name in names:
        disk.remove(name)

    with pytest.raises(qsdb.CorruptionError, match="there is no segment of the log"):
        replay(disk, small())


def test_arguments_are_logged_as_they_were_given() -> None:
    module = qsdb.Module("lists")

    class Sum(qsdb.Row, module=module):
        of: str

    @module.reducer
    def add(ctx: ReducerContext, rows: list[list[i64]] | None = None) -> None:
        ctx.db[Sum].insert(Sum(f"{rows}"))
        if rows is not None:
            rows[0].append(7)
            rows.append([])

    disk, given_rows = SimulatedDirectory(), [[1, 2], [3]]
    with database(module, disk) as db:
        db.call(add, given_rows)
        db.call(add)

    assert given_rows == [[1, 2], [3]]
    report = replay(disk, module)
    assert (report.replayed, report.deviation) == (2, None)


def test_views_are_there_for_calls_that_ask_them() -> None:
    module = qsdb.Module("views")

    class Item(qsdb.Row, module=module):
        id: u64 = qsdb.primary_key()

    @module.view
    def items(ctx: qsdb.AnonymousViewContext) -> list[Item]:
        return list(ctx.db[Item])

    @module.reducer
    def add(ctx: ReducerContext) -> None:
        ctx.db[Item].insert(Item(len(ctx.db.sql("SELECT * FROM items"))))

    disk = SimulatedDirectory()
    with database(module, disk) as db:
        db.call(add)
        db.call(add)

    report = replay(disk, module)
    assert report.deviation is None, str(report)
    assert report.replayed == 2


def test_what_scheduled_procedures_call_is_internal_and_no_run_of_a_timer() -> None:
    module = qsdb.Module("procedures")

    class Asking(qsdb.Row, module=module, scheduled="ask"):
        id: u64 = qsdb.primary_key(auto_inc=True)
        at: ScheduleAt

    class Noting(qsdb.Row, module=module, scheduled="note"):
        id: u64 = qsdb.primary_key(auto_inc=True)
        at: ScheduleAt

    class Note(qsdb.Row, module=module):
        at: Timestamp
        is_internal: bool

    @module.reducer
    def note(ctx: ReducerContext, row: Noting) -> None:
        ctx.db[Note].insert(Note(ctx.timestamp, ctx.auth.is_internal))
        if row.id:  # armed anew before it is due
            later = ScheduleAt.time(ctx.timestamp + TimeDuration.from_seconds(99))
            ctx.db[Noting].update(row.replace(at=later))

    @module.procedure
    def ask(ctx: qsdb.ProcedureContext, row: Asking) -> None:
        ctx.call(note, Noting(row.at))  # which is no row of the table
        with ctx.read() as tx:
            [there] = tx[Noting]
        ctx.call(note, there)

    disk, clock = SimulatedDirectory(), FakeClock(NOON)
    with qsdb.Database(module, disk, clock=clock, seed=1) as db:
        with db.write() as tx:
            tx[Asking].insert(Asking(ScheduleAt.time(NOON)))
            soon = ScheduleAt.time(NOON + TimeDuration.from_seconds(9))
            tx[Noting].insert(Noting(soon))
        assert db.run_due() == 1
        clock.advance(99)
        assert db.run_due() == 1
        assert all(row.is_internal for row in db.sql("SELECT * FROM note"))

    report = replay(disk, module)
    assert report.deviation is None, str(report)
    assert report.replayed == 3


@pytest.mark.parametrize("missed", ["one", "none", "all"])
@pytest.mark.parametrize("seconds", [3, 10, 20, 65])
def test_a_run_that_arms_its_timer_anew_is_the_same_again(
    missed: Any, seconds: int
) -> None:
    module = qsdb.Module("rearming")

    class Tick(qsdb.Row, module=module, scheduled="tick", missed=missed):
        id: u64 = qsdb.primary_key(auto_inc=True)
        at: ScheduleAt

    @module.reducer
    def tick(ctx: ReducerContext, row: Tick) -> None:
        other = ScheduleAt.interval(TimeDuration.from_seconds(seconds))
        ctx.db[Tick].update(row.replace(at=other))

    disk, clock = SimulatedDirectory(), FakeClock(NOON)
    with qsdb.Database(module, disk, clock=clock, seed=1) as db:
        ten = ScheduleAt.interval(TimeDuration.from_seconds(10))
        db.sql("INSERT INTO tick (at) VALUES (:at)", {"at": ten})
        clock.advance(30)
        assert db.run_due() >= 1

    report = replay(disk, module)
    assert report.deviation is None, str(report)


def test_clients_that_were_noted_have_what_their_token_says() -> None:
    module = qsdb.Module("door")

    class Told(qsdb.Row, module=module):
        id: u64 = qsdb.primary_key(auto_inc=True)
        text: str

    def tell(ctx: ReducerContext) -> None:
        claims = ctx.auth.claims
        ctx.db[Told].insert(Told("nothing" if claims is None else str(claims["sub"])))

    @module.client_connected
    def come(ctx: ReducerContext) -> None:
        tell(ctx)

    @module.client_disconnected
    def go(ctx: ReducerContext) -> None:
        tell(ctx)

    @module.reducer
    def say(ctx: ReducerContext) -> None:
        tell(ctx)

    disk = SimulatedDirectory()
    with database(module, disk) as db:
        with db.connect() as conn:
            conn.call(say)
        with db.read() as tx:
            assert len({row.text for row in tx[Told]} - {"nothing"}) == 1
    report = replay(disk, module)
    assert report.deviation is None
    assert report.replayed == 3
