"""Rows 117 to 123: functions that are no transaction, and open some."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import attrs
import pytest

import qsdb
from qsdb import Identity, ProcedureContext, ReducerContext, Row, u32
from qsdb.testing import FakeClock, assert_no_change, database

module = qsdb.Module("market")


class Price(Row, module=module, public=True):
    thing: str = qsdb.primary_key()
    cents: u32


@attrs.define
class Outside:
    """What procedures do in these tests, in the place of the world outside.

    Attributes:
        ask: Is called by `ask_outside`.
        open_block: A block that `forget` has entered and not left.
    """

    ask: Callable[[], int] = lambda: 0
    open_block: object = None


outside = Outside()


@module.reducer
def put(ctx: ReducerContext, thing: str, cents: u32) -> None:
    ctx.db[Price].upsert(Price(thing, cents))


@module.procedure
def put_two(ctx: ProcedureContext, first: str, second: str) -> int:
    """Write in two transactions; no nuts are to be had in the second."""
    with ctx.transaction() as tx:
        tx[Price].insert(Price(first, 1))
    with ctx.transaction() as tx:
        tx[Price].insert(Price(second, 2))
        if second == "nut":
            raise LookupError("nobody answers")
    with ctx.read() as reading:
        return len(reading[Price])


@module.procedure
async def put_later(ctx: ProcedureContext, thing: str) -> Identity:
    await asyncio.sleep(0)
    with ctx.transaction() as tx:
        tx[Price].upsert(Price(thing, 3))
    await asyncio.sleep(0)
    return ctx.sender


@module.procedure
def ask_outside(ctx: ProcedureContext, thing: str) -> u32:
    cents = outside.ask()
    with ctx.transaction() as tx:
        tx[Price].upsert(Price(thing, cents))
    return cents


@module.procedure
async def wait_inside(ctx: ProcedureContext) -> None:
    with ctx.transaction() as tx:
        tx[Price].insert(Price("spoilt", 1))
        await asyncio.sleep(0)


@module.procedure
def give(ctx: ProcedureContext, what: str) -> object:
    return {"error": ValueError("a value"), "sender": ctx.sender}[what]


@module.procedure
def forget(ctx: ProcedureContext) -> None:
    outside.open_block = block = ctx.transaction()
    block.__enter__()[Price].insert(Price("spoilt", 1))


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with database(module) as opened:
        yield opened


def things(db: qsdb.Database) -> list[str]:
    with db.read() as tx:
        return sorted(row.thing for row in tx[Price])


def test_row_117_a_procedure_has_no_tables_and_opens_transactions(
    db: qsdb.Database,
) -> None:
    begun = db.offset
    assert db.call(put_two, "ink", "tea") == 2
    assert db.offset == begun + 2

    with pytest.raises(LookupError):
        db.call(put_two, "jam", "nut")
    assert things(db) == ["ink", "jam", "tea"]  # the second is undone, and it alone

    assert db.call(put_later, "oil") == db.owner  # a coroutine, run to its end
    assert asyncio.run(db.call_async(put_later, "rye")) == db.owner
    assert things(db) == ["ink", "jam", "oil", "rye", "tea"]
    assert not hasattr(ProcedureContext, "db")


def test_row_118_a_body_runs_once(db: qsdb.Database) -> None:
    asked: list[int] = []

    def ask() -> int:
        asked.append(1)
        return 7

    outside.ask = ask
    with pytest.raises(qsdb.UniqueError):
        db.call(put_two, "ink", "ink")  # its commit fails: it is not tried again
    for thing in ("tea", "tea", "jam"):
        assert db.call(ask_outside, thing) == 7
    assert len(asked) == 3
    assert things(db) == ["ink", "jam", "tea"]


def test_row_119_whatever_a_procedure_returns_reaches_its_caller(
    db: qsdb.Database,
) -> None:
    found = db.call(give, "error")
    assert isinstance(found, ValueError)  # no error is special unless it is raised
    with db.connect() as client:
        assert client.procedures.give("sender") == client.identity
        assert client.start(give, "sender").result(30) == client.identity
        assert client.call("give", "sender") == client.identity
        with pytest.raises(qsdb.ArgumentError, match="what"):
            client.procedures.give(7)


def test_row_120_others_write_while_a_procedure_waits_outside(
    db: qsdb.Database,
) -> None:
    begun, answered = threading.Event(), threading.Event()

    def ask() -> int:
        begun.set()
        return 5 * answered.wait(30)

    outside.ask = ask
    asking = db.start(ask_outside, "tea")
    assert begun.wait(30)
    db.call(put, "ink", 1)  # it holds no lock meanwhile
    assert things(db) == ["ink"]
    answered.set()
    assert asking.result(30) == 5
    assert things(db) == ["ink", "tea"]

    with db.write(), pytest.raises(qsdb.UsageError, match="inside of a transaction"):
        db.call(ask_outside, "jam")
    with assert_no_change(db), pytest.raises(qsdb.UsageError, match="awaited"):
        db.call(wait_inside)
    asking = db.start(ask_outside, "jam")
    with db.write(), pytest.raises(qsdb.UsageError, match="would wait inside of"):
        asking.result()
    assert asking.result(30) == 5


def test_row_121_its_commits_are_told_as_transactions(db: qsdb.Database) -> None:
    heard: list[tuple[str, str | None, str]] = []
    with db.connect() as client, db.connect() as other:
        for each in (client, other):
            each.db[Price].on_insert(
                lambda event, row: heard.append((event.kind, event.reducer, row.thing))
            )
            each.subscribe("SELECT * FROM price")
        client.procedures.put_two("ink", "tea")

    assert heard == [
        ("transaction", None, thing) for thing in ("ink", "ink", "tea", "tea")
    ]


def test_row_122_a_transaction_that_is_left_open_is_rolled_back_and_logged(
    db: qsdb.Database, caplog: pytest.LogCaptureFixture
) -> None:
    with assert_no_change(db):
        db.call(forget)

    [record] = caplog.records
    assert (record.name, record.levelname) == ("qsdb.market.forget", "ERROR")
    assert "left a transaction open" in record.getMessage()
    db.call(put, "ink", 1)  # nobody is locked out
    assert things(db) == ["ink"]


def test_row_123_so_many_procedures_run_at_once() -> None:
    together, free = threading.Barrier(3), threading.Event()

    def ask() -> int:
        if not free.is_set():
            together.wait(30)
            free.wait(30)
        return 1

    outside.ask = ask
    with qsdb.Database(module, clock=FakeClock(), procedure_threads=2) as db:
        running: list[Future[Any]] = [db.start(ask_outside, each) for each in "ab"]
        together.wait(30)  # passes only if two of them run
        waiting = db.start(ask_outside, "c")
        assert not waiting.running()
        free.set()
        assert [each.result(30) for each in [*running, waiting]] == [1, 1, 1]
        assert things(db) == ["a", "b", "c"]
