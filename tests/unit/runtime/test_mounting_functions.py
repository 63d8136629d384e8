"""Views and procedures of mounted modules: they see the names of their own module."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

import qsdb
from qsdb import Identity, ScheduleAt, Timestamp, u32, u64
from qsdb.testing import FakeClock

ANN = Identity.from_claims("tests", "ann")
BOB = Identity.from_claims("tests", "bob")

hall = qsdb.Module("hall")


class Seat(qsdb.Row, module=hall, public=True):
    id: u64 = qsdb.primary_key(auto_inc=True)
    who: Identity = qsdb.index()
    row: u32


class Sweep(qsdb.Row, module=hall, scheduled="sweep"):
    scheduled_id: u64 = qsdb.primary_key(auto_inc=True)
    scheduled_at: ScheduleAt


@hall.reducer
def sit(ctx: qsdb.ReducerContext, row: u32) -> u64:
    return ctx.db[Seat].insert(Seat(ctx.sender, row)).id


@hall.reducer
def best(ctx: qsdb.ReducerContext) -> int:
    [seat] = ctx.db.sql("SELECT * FROM front(1)")
    return int(seat.row)


@hall.procedure
def fill(ctx: qsdb.ProcedureContext, row: u32) -> str:
    with ctx.transaction() as tx:
        tx[Seat].insert(Seat(ctx.sender, row))
        with tx.savepoint():
            tx.seat.insert(Seat(ctx.sender, row + 1))
        assert tx.timestamp >= ctx.timestamp
        shown = repr(tx)
    ctx.call("sit", row + 2)
    ctx.call(sit, row + 3)
    with ctx.read() as reading:
        return f"{shown}: {len(reading.sql('SELECT * FROM seat'))}"


@hall.procedure
async def fill_beside(ctx: qsdb.ProcedureContext) -> int:
    with ctx.optimistic("snapshot") as tx:
        await asyncio.sleep(0)
        tx.seat.insert(Seat(ctx.sender, 7))
    with ctx.read() as reading:
        return len(reading.seat)


@hall.procedure
async def fill_awaiting(ctx: qsdb.ProcedureContext, row: u32) -> int | None:
    async with ctx.optimistic() as tx:
        await asyncio.sleep(0)
        tx.seat.insert(Seat(ctx.sender, row))
        assert tx.timestamp >= ctx.timestamp
        if not row:
            raise ValueError("no")
        return tx.sql("DELETE FROM seat WHERE who <> :sender").rows_affected


@hall.procedure
def fail(ctx: qsdb.ProcedureContext) -> None:
    with ctx.transaction() as tx:
        tx[Seat].insert(Seat(ctx.sender, 1))
        raise ValueError("no")


@hall.procedure
async def doze(ctx: qsdb.ProcedureContext) -> None:
    with ctx.transaction() as tx:
        tx[Seat].insert(Seat(ctx.sender, 1))
        await asyncio.sleep(0.01)


@hall.procedure
def sweep(ctx: qsdb.ProcedureContext, timer: Sweep) -> None:
    assert timer.scheduled_id
    with ctx.transaction() as tx:
        tx[Seat].clear()


@hall.procedure
def know(ctx: qsdb.ProcedureContext) -> str:
    with pytest.raises(qsdb.NotFoundError, match="nothing is mounted as 'nix'"):
        ctx.within("nix")
    with pytest.raises(qsdb.NotFoundError, match="no reducer or procedure others"):
        ctx.call(others)
    assert ctx.new_uuid_v4().version == 4
    assert ctx.new_uuid_v7() < ctx.new_uuid_v7()
    assert ctx.connection_id is None
    assert ctx.random.random() < 1
    ctx.log.info("known")
    return f"{ctx.sender == ANN} {ctx.identity != ctx.sender} {ctx.auth.is_internal}"


def others(ctx: qsdb.ReducerContext) -> None: ...


@hall.view(public=True)
def mine(ctx: qsdb.ViewContext) -> list[Seat]:
    return [*ctx.db.seat.who.filter(ctx.sender)]


@hall.view(public=True)
def front(_: qsdb.AnonymousViewContext, most: u64) -> qsdb.Query[Seat]:
    return qsdb.Query("SELECT * FROM seat ORDER BY row LIMIT :most", {"most": most})


@hall.view
def asking(ctx: qsdb.AnonymousViewContext) -> list[Seat]:
    return [*ctx.db.sql("SELECT * FROM seat")]


@hall.view
def viewing(_: qsdb.AnonymousViewContext) -> qsdb.Query[Seat]:
    return qsdb.Query("SELECT * FROM mine")


def house() -> qsdb.Module:
    """Mount it below another one, and once more at the side."""
    module, floor = qsdb.Module("house"), qsdb.Module("floor")
    floor.mount("hall", hall)
    module.mount("floor", floor)
    module.mount("side", hall)

    @module.view(public=True, primary_key=())
    def seats(ctx: qsdb.AnonymousViewContext) -> list[Seat]:
        return [*ctx.db.side.seat, *ctx.db.floor.hall.seat]

    @module.procedure
    def fill_all(ctx: qsdb.ProcedureContext, row: u32) -> list[str]:
        deep = ctx.within("floor").within("hall")
        return [fill(ctx.within("side"), row), fill(deep, row)]

    return module


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(Timestamp.parse("2026-01-01T00:00:00Z"))


@pytest.fixture
def db(clock: FakeClock) -> Iterator[qsdb.Database]:
    with qsdb.Database(house(), clock=clock, scheduler="manual") as db:
        yield db


def rows(found: Any) -> list[int]:
    return sorted([each.row for each in found])


def test_views_are_run_on_the_tables_of_their_module(db: qsdb.Database) -> None:
    for name in ("floor.hall.sit", "side.sit"):
        db.caller(ANN).call(name, len(name))
        db.caller(BOB).call(name, 1)
    assert rows(db.sql("SELECT * FROM side.mine", sender=ANN)) == [8]
    assert rows(db.sql("SELECT * FROM floor.hall.mine", sender=ANN)) == [14]
    assert rows(db.sql('SELECT * FROM "floor".hall.front(:n)', {"n": 2})) == [1, 14]
    assert db.call("side.best") == 1
    with db.write() as tx:
        assert rows(tx.floor.hall.sql("SELECT * FROM front(9)")) == [1, 14]
        assert rows(tx.floor.sql("SELECT * FROM hall.front(1)")) == [1]
    for name, fault in [
        ("asking", "a view gives its query back: return qsdb.Query"),
        ("viewing", "its query reads side.mine; it can read tables"),
    ]:
        with pytest.raises(
            qsdb.QueryError, match=rf"^view side\.{name} failed.*{fault}"
        ):
            db.sql(f"SELECT * FROM side.{name}")
    with pytest.raises(qsdb.QueryError, match=r"no table side\.asking"):
        db.sql("SELECT * FROM side.asking", sender=ANN)
    names = {row.view_name for row in db.sql("SELECT * FROM st_view")}
    assert {"seats", "side.mine", "floor.hall.front"} <= names


def test_views_of_several_mounts_are_kept_apart(db: qsdb.Database) -> None:
    with db.connect(ANN) as conn:
        conn.subscribe("SELECT * FROM side.mine", "SELECT * FROM floor.hall.mine")
        sub = conn.subscribe("SELECT * FROM floor.hall.front(1)")
        conn.subscribe("SELECT * FROM seats")
        told: list[int] = []
        conn.db.floor.hall.mine.on_insert(lambda _, row: told.append(row.row))
        conn.reducers.floor.hall.sit(5)
        conn.reducers.side.sit(3)
        db.caller(BOB).call("floor.hall.sit", 4)
        assert told == [5]
        assert rows(conn.db.side.mine) == [3]
        assert rows(conn.db.floor.hall.mine) == [5]
        assert rows(sub.rows) == [4]
        assert rows(conn.db.seats) == [3, 4, 5]


def test_procedures_are_called_by_their_names(db: qsdb.Database) -> None:
    assert db.call("side.fill", 1) == "<side in a transaction>: 4"
    assert db.call("floor.hall.fill", 1) == "<floor.hall in a transaction>: 4"
    with db.connect(ANN) as conn:
        shown = conn.procedures.floor.hall.fill(10)
        assert shown == "<floor.hall in a transaction>: 8"
        assert conn.procedures.side.know is not None
    assert db.call("fill_all", 3) == [
        "<side in a transaction>: 8",
        "<floor.hall in a transaction>: 12",
    ]
    assert db.call("side.fill_beside") == 9
    assert db.start("side.fill_beside").result(10) == 10
    with pytest.raises(ValueError, match="no"):
        db.call("side.fail")
    with pytest.raises(qsdb.UsageError, match="awaited something inside of a trans"):
        db.call("side.doze")
    assert len(db.sql("SELECT * FROM side.seat")) == 10
    assert db.caller(ANN).call("floor.hall.know") == "True True False"
    with pytest.raises(qsdb.NotFoundError, match="fill"):
        db.call(fill, 1)  # it is there twice
    names = {row.name for row in db.sql("SELECT * FROM st_procedure")}
    assert {"fill_all", "side.sweep", "floor.hall.fill"} <= names


def test_a_mounted_procedure_awaits_in_a_transaction_beside_others(
    db: qsdb.Database,
) -> None:
    db.call("side.sit", 1)
    assert db.caller(ANN).call("side.fill_awaiting", 2) == 1
    assert [seat.row for seat in db.sql("SELECT * FROM side.seat")] == [2]
    with pytest.raises(ValueError, match="no"):
        db.call("side.fill_awaiting", 0)
    assert len(db.sql("SELECT * FROM side.seat")) == 1
    assert db.stats().pins == 0


def test_scheduled_procedures_run(db: qsdb.Database, clock: FakeClock) -> None:
    db.call("side.sit", 1)
    db.call("floor.hall.sit", 1)
    due = ScheduleAt.time(Timestamp.parse("2026-01-01T00:00:01Z"))
    with db.write() as tx:
        tx.side[Sweep].insert(Sweep(due))
    clock.advance(2)
    assert db.run_due() == 1
    assert len(db.sql("SELECT * FROM side.seat")) == 0
    assert len(db.sql("SELECT * FROM floor.hall.seat")) == 1


def test_a_mounted_module_may_have_functions_alone() -> None:
    sums, module = qsdb.Module("sums"), qsdb.Module("m")

    class Sum(qsdb.Product):
        number: u32

    @sums.view(public=True)
    def two(_: qsdb.AnonymousViewContext) -> list[Sum]:
        return [Sum(2)]

    @sums.procedure
    def three(ctx: qsdb.ProcedureContext) -> int:
        with ctx.read() as reading:
            assert repr(reading) == "<sums in a transaction>"
        return 3

    module.mount("sums", sums)
    with qsdb.Database(module) as db:
        assert db.sql("SELECT * FROM sums.two").rows == [Sum(2)]
        assert db.call("sums.three") == db.call(three) == 3
