"""Procedures: what they are called with, what they can do, and what is refused."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

import qsdb
from qsdb import Identity, ProcedureContext, ReducerContext, Timestamp, u32, u64
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.support.programs import run_python

NOON = Timestamp.parse("2026-11-25T12:00:00Z")
ANN = Identity.from_claims("test", "ann")

shop = qsdb.Module("shop")


class Price(qsdb.Row, module=shop, public=True):
    id: u64 = qsdb.primary_key(auto_inc=True)
    of: str


class Seen(qsdb.Row, module=shop, public=True):
    who: Identity


act: dict[str, Callable[[ProcedureContext], Any]] = {}
"""What `do` and `await_it` do."""


@shop.reducer
def add(ctx: ReducerContext, of: str) -> u64:
    if of == "bad":
        raise qsdb.ReducerError("no such thing")
    return ctx.db[Price].insert(Price(of)).id


@shop.reducer(private=True)
def see(ctx: ReducerContext) -> Identity:
    return ctx.db[Seen].insert(Seen(ctx.sender)).who


@shop.procedure
def fetch(ctx: ProcedureContext, of: str, count: u32 = 1) -> u32:
    with ctx.transaction() as tx:
        tx[Price].insert_many([Price(of)] * count)
    return count


@shop.procedure
async def gather(ctx: ProcedureContext, of: str) -> str:
    await asyncio.sleep(0)
    with ctx.transaction() as tx:
        tx[Price].insert(Price(of))
    await asyncio.sleep(0)
    return of.upper()


@shop.procedure
def do(ctx: ProcedureContext) -> Any:
    return act["now"](ctx)


@shop.procedure
async def await_it(ctx: ProcedureContext) -> Any:
    return await act["now"](ctx)


@shop.procedure(private=True)
def secret(_: ProcedureContext) -> int:
    return 7


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture
def db(clock: FakeClock) -> Iterator[qsdb.Database]:
    with qsdb.Database(shop, clock=clock, seed=1) as made:
        yield made
        with contextlib.suppress(qsdb.ClosedError):
            made.check()


def run(db: qsdb.Database, what: Callable[[ProcedureContext], Any]) -> Any:
    act["now"] = what
    return db.call(do)


def run_async(
    db: qsdb.Database, what: Callable[[ProcedureContext], Coroutine[Any, Any, Any]]
) -> Any:
    act["now"] = what
    return db.call(await_it)


def prices(db: qsdb.Database) -> list[str]:
    return [row.of for row in db.sql("SELECT * FROM price")]


# Calling.


def test_a_procedure_is_called_by_function_and_by_name(db: qsdb.Database) -> None:
    assert db.call(fetch, "tea") == 1
    assert db.call("fetch", "ink", count=2) == 2
    assert prices(db) == ["tea", "ink", "ink"]
    assert db.offset == 3
    assert db.stats().calls == 2


def test_a_coroutine_is_run_to_its_end(db: qsdb.Database) -> None:
    assert db.call(gather, "tea") == "TEA"
    assert db.call("gather", "ink") == "INK"
    assert prices(db) == ["tea", "ink"]


def test_a_procedure_runs_on_the_thread_that_calls(db: qsdb.Database) -> None:
    assert run(db, lambda _: threading.current_thread()) is threading.current_thread()


def test_arguments_are_checked_before_it_begins(db: qsdb.Database) -> None:
    wrong: list[tuple[Any, ...]] = [(), (7,), ("tea", -1), ("tea", 1, 2)]
    for args in wrong:
        for ways in (db.call, db.start):
            with pytest.raises(qsdb.ArgumentError, match="fetch"):
                ways("fetch", *args)
    assert db.stats().calls == 0


def test_what_it_raises_reaches_the_caller(db: qsdb.Database) -> None:
    error = ZeroDivisionError("mine")

    def fail(ctx: ProcedureContext) -> None:
        with ctx.transaction() as tx:
            tx[Price].insert(Price("tea"))
        with ctx.transaction() as tx:
            tx[Price].insert(Price("ink"))
            raise error

    with pytest.raises(ZeroDivisionError) as caught:
        run(db, fail)

    assert caught.value is error
    assert prices(db) == ["tea"]


@pytest.mark.parametrize("key", ["gone", 7, [], len])
def test_what_is_missing_is_not_found(db: qsdb.Database, key: Any) -> None:
    match = "no reducer or procedure .*; there are: add, fetch, gather, do, await_it"
    for way in (db.call, db.start):
        with pytest.raises(qsdb.NotFoundError, match=match):
            way(key)


def test_a_private_procedure_looks_like_a_missing_one(db: qsdb.Database) -> None:
    stranger = db.caller(ANN)
    messages = []
    for name in ("secret", "sacred"):
        with pytest.raises(qsdb.NotFoundError) as caught:
            stranger.call(name)
        messages.append(str(caught.value).replace(name, "…"))
        with pytest.raises(qsdb.NotFoundError):
            stranger.start(name)

    assert messages[0] == messages[1]
    assert db.call(secret) == db.caller(db.owner).call(secret) == 7


def test_a_procedure_is_not_called_in_a_transaction(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Price].insert(Price("tea"))
        for way in (db.call, db.start):
            with pytest.raises(qsdb.UsageError, match="fetch cannot be begun inside"):
                way(fetch, "ink")
        with pytest.raises(qsdb.UsageError, match="gather cannot be begun inside"):
            asyncio.run(db.call_async(gather, "ink"))
    assert prices(db) == ["tea"]


def test_a_coroutine_is_not_run_where_a_loop_runs(db: qsdb.Database) -> None:
    async def main() -> None:
        with pytest.raises(qsdb.UsageError, match=r"write await call_async"):
            db.call(gather, "tea")
        assert db.call(fetch, "ink") == 1

    asyncio.run(main())
    assert prices(db) == ["ink"]


def test_a_function_that_gives_a_coroutine_is_refused(db: qsdb.Database) -> None:
    async def later() -> None: ...

    with pytest.raises(qsdb.UsageError, match="gave a coroutine, of which nothing has"):
        run(db, lambda _: later())


def test_a_closed_database_calls_nothing(db: qsdb.Database) -> None:
    db.close()

    for key in ("fetch", fetch, "add"):
        for way in (db.call, db.start):
            with pytest.raises(qsdb.ClosedError):
                way(key, "tea")


def test_a_database_that_is_read_calls_nothing(tmp_path: Path) -> None:
    qsdb.Database(shop, tmp_path).close()
    with qsdb.Database(shop, tmp_path, read_only=True) as db:
        for key in ("fetch", "add"):
            for way in (db.call, db.start):
                with pytest.raises(qsdb.ReadOnlyError, match="read_only=True and"):
                    way(key, "tea")


@pytest.mark.parametrize("count", [0, -1, True, 1.5, "2"])
def test_the_number_of_threads_is_checked(count: Any) -> None:
    with pytest.raises(qsdb.ArgumentError, match="procedure_threads is an int from 1"):
        qsdb.Database(shop, procedure_threads=count)


# The context.


def test_the_context_knows_the_call(db: qsdb.Database, clock: FakeClock) -> None:
    found: list[tuple[Any, ...]] = []

    def look(ctx: ProcedureContext) -> None:
        begun = ctx.timestamp
        clock.advance(5)
        with ctx.transaction() as tx:
            found.append((ctx.timestamp == begun == NOON, (tx.timestamp - NOON).micros))
        found.append((ctx.sender, ctx.connection_id, ctx.identity, ctx.auth))

    run(db, look)

    assert found[0] == (True, 5_000_000)
    assert found[1][:3] == (db.owner, None, db.identity)
    assert not found[1][3].is_internal
    assert found[1][3].claims is None


def test_the_time_never_goes_back(db: qsdb.Database, clock: FakeClock) -> None:
    clock.advance(60)
    db.call(fetch, "tea")
    clock.advance(-60)

    assert (run(db, lambda ctx: ctx.timestamp) - NOON).micros == 60_000_000


def test_a_client_is_the_sender(db: qsdb.Database) -> None:
    def look(ctx: ProcedureContext) -> tuple[object, ...]:
        with ctx.transaction() as tx:
            tx.sql("INSERT INTO seen VALUES (:sender)")
        return ctx.sender, ctx.connection_id, ctx.auth.claims is not None

    with db.connect(ANN) as conn:
        act["now"] = look
        assert conn.call("do") == (ANN, conn.connection_id, True)
        assert conn.procedures.do() == conn.start(do).result(30)
    assert [row.who for row in db.sql("SELECT * FROM seen")] == [ANN]


def test_numbers_are_drawn_again(clock: FakeClock) -> None:
    def draws() -> list[float]:
        with qsdb.Database(shop, clock=clock, seed=7) as db:
            one = run(db, lambda ctx: [ctx.random.random(), ctx.random.random()])
            db.call(add, "tea")
            return [*one, *run(db, lambda ctx: [ctx.random.random()])]

    assert draws() == draws()
    assert len(set(draws())) == 3


def test_the_log_names_the_procedure(
    db: qsdb.Database, caplog: pytest.LogCaptureFixture
) -> None:
    def look(ctx: ProcedureContext) -> None:
        with ctx.log.timer("looking"):
            ctx.log.warning("look")

    run(db, look)

    [record] = caplog.records
    assert (record.name, record.getMessage()) == ("qsdb.shop.do", "look")
    assert record.sender == db.owner.to_hex()  # type: ignore[attr-defined]
    assert record.timestamp == str(NOON)  # type: ignore[attr-defined]


def test_what_is_read_stays(db: qsdb.Database) -> None:
    db.call(add, "tea")

    def read(ctx: ProcedureContext) -> list[str]:
        with ctx.read() as reading:
            ctx.call(add, "ink")
            return [row.of for row in reading[Price]]

    assert run(db, read) == ["tea"]


def test_reducers_are_called_as_the_caller(db: qsdb.Database) -> None:
    def call(ctx: ProcedureContext) -> tuple[object, ...]:
        return ctx.call(add, "tea"), ctx.call("add", of="ink"), ctx.call(see)

    act["now"] = call
    assert db.caller(ANN).call(do) == (1, 2, ANN)
    assert db.offset == 4
    assert db.stats().calls == 4


def test_what_a_reducer_raises_passes(db: qsdb.Database) -> None:
    def call(ctx: ProcedureContext) -> str:
        with pytest.raises(qsdb.ReducerError, match="no such thing"):
            ctx.call(add, "bad")
        with pytest.raises(qsdb.ArgumentError):
            ctx.call(add)  # type: ignore[call-overload]
        with pytest.raises(qsdb.NotFoundError):
            ctx.call("gone")
        with pytest.raises(qsdb.UsageError, match="secret is a procedure; call it as"):
            ctx.call("secret")
        with ctx.transaction(), pytest.raises(qsdb.UsageError, match="inside a write"):
            ctx.call(add, "tea")
        return "ran" * fetch(ctx, "tea")

    assert run(db, call) == "ran"
    assert prices(db) == ["tea"]


def test_a_context_ends_with_its_call(db: qsdb.Database) -> None:
    kept: list[Any] = []

    def keep(ctx: ProcedureContext) -> None:
        kept.extend([ctx, ctx.transaction()])

    run(db, keep)

    context, block = kept
    uses: list[Callable[[], object]] = [
        context.transaction,
        context.read,
        lambda: context.call(add, "tea"),
        block.__enter__,
    ]
    for use in uses:
        with pytest.raises(qsdb.ClosedError, match="call of procedure do has ended"):
            use()
    assert context.sender == db.owner


# Transactions.


def test_a_block_commits_or_rolls_back(db: qsdb.Database) -> None:
    def work(ctx: ProcedureContext) -> None:
        with ctx.transaction() as tx:
            tx[Price].insert(Price("tea"))
            with pytest.raises(ValueError, match="undone"), tx.savepoint():
                tx.price.insert(Price("ink"))
                raise ValueError("undone")
        with pytest.raises(ValueError, match="mine"), ctx.transaction() as tx:
            tx[Price].insert(Price("map"))
            raise ValueError("mine")
        with pytest.raises(qsdb.ClosedError):
            tx[Price].insert(Price("pen"))

    run(db, work)

    assert prices(db) == ["tea"]
    assert db.stats().rollbacks == 1


def test_blocks_do_not_nest(db: qsdb.Database) -> None:
    def work(ctx: ProcedureContext) -> None:
        with ctx.transaction() as tx:
            tx[Price].insert(Price("tea"))
            with pytest.raises(qsdb.UsageError, match="inside a write"):
                ctx.transaction().__enter__()
            with pytest.raises(qsdb.UsageError, match="cannot be begun inside"):
                db.call(fetch, "ink")
        block = ctx.transaction()
        with block:
            pass
        with pytest.raises(qsdb.UsageError, match="can be entered once"):
            block.__enter__()

    run(db, work)
    assert prices(db) == ["tea"]


def test_what_is_left_open_is_rolled_back_and_told(
    db: qsdb.Database, caplog: pytest.LogCaptureFixture
) -> None:
    def leave(ctx: ProcedureContext) -> str:
        tx = ctx.transaction().__enter__()
        tx[Price].insert(Price("tea"))
        return "done"

    assert run(db, leave) == "done"

    assert "it left a transaction open, which was rolled back" in caplog.text
    assert db.call(add, "ink") == 1
    assert prices(db) == ["ink"]


def test_what_is_left_beside_others_is_rolled_back_and_told(
    db: qsdb.Database, caplog: pytest.LogCaptureFixture
) -> None:
    left: list[Any] = []

    def leave(ctx: ProcedureContext) -> None:
        left.append(ctx.optimistic())
        left[0][Price].insert(Price("tea"))
        with ctx.optimistic() as tx:
            tx[Price].insert(Price("ink"))
        left.append(tx)
        ctx.optimistic()  # which nobody has any more

    run(db, leave)

    assert [each.getMessage() for each in caplog.records] == [
        "it left a transaction open, which was rolled back"
    ]
    assert prices(db) == ["ink"]
    assert db.stats().pins == 0
    with pytest.raises(qsdb.ClosedError):
        left[0][Price].get(1)
    with pytest.raises(qsdb.ClosedError):
        left[0].commit()
    left[0].rollback()


@pytest.mark.parametrize("is_async", [False, True])
def test_a_block_beside_others_that_outlives_the_call(
    db: qsdb.Database, *, is_async: bool
) -> None:
    async def work(ctx: ProcedureContext, begun: asyncio.Event) -> None:
        if is_async:
            async with ctx.optimistic() as tx:
                tx[Price].insert(Price("tea"))
                begun.set()
                await asyncio.sleep(0.001)
        with ctx.optimistic() as tx:
            tx[Price].insert(Price("tea"))
            begun.set()
            await asyncio.sleep(0.001)

    async def begin(ctx: ProcedureContext) -> asyncio.Task[None]:
        begun = asyncio.Event()
        task = asyncio.create_task(work(ctx, begun))
        await begun.wait()
        return task

    async def main() -> None:
        act["now"] = begin
        task = await db.call_async(await_it)
        with pytest.raises(qsdb.ClosedError, match="transaction has ended"):
            await task

    asyncio.run(main())
    assert prices(db) == []


def test_one_that_is_begun_while_the_call_ends(db: qsdb.Database) -> None:
    retrying: Any = db._calls.retrying
    begin = retrying.begin

    def begin_late(ctx: Any) -> None:
        def end_first(isolation: str) -> Any:
            ctx.end()
            return begin(isolation)

        retrying.begin = end_first
        try:
            with pytest.raises(qsdb.ClosedError, match="the call of procedure do has"):
                ctx.optimistic()
        finally:
            retrying.begin = begin

    run(db, begin_late)
    assert db.stats().pins == 0


@pytest.mark.parametrize("way", ["transaction", "optimistic"])
def test_the_sender_in_sql_is_who_called(db: qsdb.Database, way: str) -> None:
    owner = db.call(see)
    with db.write() as tx:
        tx[Seen].insert(Seen(ANN))

    def forget(ctx: ProcedureContext) -> Any:
        with getattr(ctx, way)() as tx:
            return tx.sql("DELETE FROM seen WHERE who = :sender").rows_affected

    act["now"] = forget
    assert db.caller(ANN).call(do) == 1
    assert [row.who for row in db.read()[Seen]] == [owner]
    with db.optimistic() as beside:
        assert beside.sql("DELETE FROM seen WHERE who = :sender").rows_affected == 1


def test_what_a_coroutine_leaves_open_is_told_once(
    db: qsdb.Database, caplog: pytest.LogCaptureFixture
) -> None:
    async def leave(ctx: ProcedureContext) -> None:
        ctx.transaction().__enter__()

    async def main() -> None:
        act["now"] = leave
        await db.call_async(await_it)
        await asyncio.sleep(0)

    asyncio.run(main())
    assert [each.getMessage() for each in caplog.records] == [
        "it left a transaction open, which was rolled back"
    ]
    assert db.call(add, "ink") == 1


def test_a_transaction_of_another_thread_is_left_to_it(db: qsdb.Database) -> None:
    entered, go = threading.Event(), threading.Event()

    def write(ctx: ProcedureContext) -> None:
        with ctx.transaction() as tx:
            tx[Price].insert(Price("tea"))
            entered.set()
            go.wait(30)

    threads = []

    def leave(ctx: ProcedureContext) -> None:
        threads.append(threading.Thread(target=write, args=(ctx,)))
        threads[0].start()
        entered.wait(30)

    run(db, leave)
    go.set()
    threads[0].join()

    assert prices(db) == ["tea"]


def test_an_interrupt_on_entering_leaves_nothing(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    async def work(ctx: ProcedureContext) -> None:
        with pytest.raises(KeyboardInterrupt):
            ctx.transaction().__enter__()
        monkeypatch.undo()
        with ctx.transaction() as tx:
            tx[Price].insert(Price("tea"))

    monkeypatch.setattr("qsdb.runtime.procedure_contexts.soon", interrupt)
    run_async(db, work)
    assert prices(db) == ["tea"]


def test_closing_the_database_ends_its_writing() -> None:
    def work(ctx: ProcedureContext) -> None:
        fetch(ctx, "tea")
        block = ctx.transaction()
        other.close()
        uses: list[Callable[[], object]] = [
            block.__enter__,
            ctx.transaction,
            ctx.read,
            lambda: ctx.call(add, "tea"),
        ]
        for use in uses:
            with pytest.raises(qsdb.ClosedError, match="the database is closed"):
                use()

    with qsdb.Database(shop) as other:
        act["now"] = work
        other.call(do)


def test_subscribers_are_told_of_a_transaction(db: qsdb.Database) -> None:
    with db.connect() as conn:
        told = []
        conn.db[Price].on_insert(lambda event, row: told.append((event.kind, row.of)))
        conn.subscribe("SELECT * FROM price")
        assert conn.call("fetch", "tea") == 1
        assert told == [("transaction", "tea")]
        with pytest.raises(qsdb.NotFoundError, match="no procedure 'gone'; there are:"):
            _ = conn.procedures.gone


def test_its_commits_are_in_the_log() -> None:
    disk = SimulatedDirectory()
    with qsdb.Database(shop, disk) as db:
        db.call(fetch, "tea")
        db.call(gather, "ink")
    with qsdb.Database(shop, disk) as db:
        assert prices(db) == ["tea", "ink"]


# Later, and elsewhere.


WAITS = "this would wait inside of a transaction or a reducer"


def test_nobody_waits_inside_of_a_transaction_for_what_is_started(
    db: qsdb.Database,
) -> None:
    def wait_inside(ctx: ProcedureContext) -> object:
        started = db.start(fetch, "tea")
        with ctx.transaction():
            return started.result(30)

    with pytest.raises(qsdb.UsageError, match=WAITS):
        run(db, wait_inside)
    assert db.call(fetch, "ink") == 1  # nobody has the lock any more

    go = threading.Event()
    act["now"] = lambda _: go.wait(30)
    started = db.start("do")
    with db.write():
        for wait in (started.result, started.exception):
            with pytest.raises(qsdb.UsageError, match=WAITS):
                wait()
            with pytest.raises(TimeoutError):
                wait(0)  # which is no waiting
    with db.read():
        go.set()
        assert started.exception(30) is None
    with db.write():  # it is there
        assert started.result() is True
        assert started.exception() is None


def test_what_is_started_gives_a_future(db: qsdb.Database) -> None:
    assert db.start(fetch, "tea", count=2).result(30) == 2
    assert db.start(gather, "ink").result(30) == "INK"
    assert db.start("add", "map").result(30) == 4
    with pytest.raises(qsdb.ReducerError, match="no such thing"):
        db.start(add, "bad").result(30)
    act["now"] = lambda ctx: (ctx.sender, threading.current_thread().name)
    assert db.caller(ANN).start(do).result(30) == (ANN, "qsdb-procedure")


def test_a_slow_procedure_holds_nobody_up(db: qsdb.Database) -> None:
    go, begun = threading.Event(), threading.Event()

    def wait(ctx: ProcedureContext) -> int:
        begun.set()
        go.wait(30)
        with ctx.transaction() as tx:
            return len(tx[Price])

    act["now"] = wait
    future = db.start(do)
    assert begun.wait(30)
    assert db.call(add, "tea") == 1
    go.set()
    assert future.result(30) == 1


def test_closing_cancels_what_has_no_thread_yet() -> None:
    go, begun = threading.Event(), threading.Event()

    def wait(ctx: ProcedureContext) -> None:
        begun.set()
        go.wait(30)
        fetch(ctx, "tea")

    with qsdb.Database(shop, procedure_threads=1) as db:
        act["now"] = wait
        running, waiting = db.start(do), db.start(fetch, "ink")
        assert begun.wait(30)

    assert waiting.cancelled()
    go.set()
    with pytest.raises(qsdb.ClosedError):
        running.result(30)


def test_all_can_be_awaited(db: qsdb.Database) -> None:
    async def main() -> list[object]:
        names = [
            await db.call_async(gather, "tea"),
            await db.call_async(fetch, "ink", count=2),
            await db.call_async("add", "map"),
        ]
        many = await asyncio.gather(*[db.call_async(gather, c) for c in "abc"])
        with pytest.raises(qsdb.ArgumentError):
            await db.call_async("fetch")
        return [*names, *many]

    assert asyncio.run(main()) == ["TEA", 2, 4, "A", "B", "C"]
    assert len(prices(db)) == 7


def test_what_is_awaited_runs_in_the_loop_or_in_the_pool(db: qsdb.Database) -> None:
    async def here(_: ProcedureContext) -> threading.Thread:
        return threading.current_thread()

    async def main() -> tuple[object, object]:
        act["now"] = here
        loops = await db.call_async(await_it)
        act["now"] = lambda _: threading.current_thread().name
        return loops, await db.call_async(do)

    assert asyncio.run(main()) == (threading.current_thread(), "qsdb-procedure")


def test_a_cancelled_coroutine_ends_its_context(db: qsdb.Database) -> None:
    kept = []

    async def wait(ctx: ProcedureContext) -> None:
        kept.append(ctx)
        await asyncio.sleep(1000)

    async def main() -> None:
        act["now"] = wait
        task = asyncio.ensure_future(db.call_async(await_it))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    with pytest.raises(qsdb.ClosedError):
        kept[0].read()


def test_a_confirmed_client_waits_for_the_disk() -> None:
    disk = SimulatedDirectory()
    with qsdb.Database(shop, disk, sync_interval=0.5) as db:
        conn = db.connect(ANN, confirmed=True)
        conn.subscribe("SELECT * FROM price")
        for number, call in enumerate(("gather", "fetch"), 1):
            asyncio.run(conn.call_async(call, "tea"))
            assert db.durable_offset == db.offset
            assert len(list(conn.db[Price])) == number
        conn.close()
        for way in (conn.start, lambda key, of: asyncio.run(conn.call_async(key, of))):
            with pytest.raises(qsdb.ClosedError, match="this connection is closed"):
                way("gather", "tea")


# Awaiting inside of a transaction.


def test_awaiting_in_a_transaction_rolls_it_back(
    db: qsdb.Database, caplog: pytest.LogCaptureFixture
) -> None:
    seen = []

    async def wait(ctx: ProcedureContext) -> None:
        with ctx.transaction() as tx:
            tx[Price].insert(Price("tea"))
            await asyncio.sleep(0.001)
            seen.append(db.call(add, "ink"))  # the lock is free again

    with pytest.raises(qsdb.UsageError, match="await_it awaited something inside of a"):
        run_async(db, wait)

    assert seen == [1]
    assert prices(db) == ["ink"]
    assert "it awaited inside of a transaction, now rolled back" in caplog.text


def test_an_error_after_that_is_the_cause(db: qsdb.Database) -> None:
    async def wait(ctx: ProcedureContext) -> None:
        with ctx.transaction() as tx:
            await asyncio.sleep(0)
            tx[Price].insert(Price("tea"))

    with pytest.raises(qsdb.UsageError, match="awaited something") as caught:
        run_async(db, wait)

    assert isinstance(caught.value.__context__, qsdb.ClosedError)


def test_a_cancelled_wait_stays_cancelled(db: qsdb.Database) -> None:
    async def wait(ctx: ProcedureContext) -> None:
        with ctx.transaction() as tx:
            tx[Price].insert(Price("tea"))
            await asyncio.sleep(1000)

    async def main() -> None:
        act["now"] = wait
        task = asyncio.ensure_future(db.call_async(await_it))
        await asyncio.sleep(0.001)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert prices(db) == []


def test_tasks_of_a_procedure_write_one_after_the_other(db: qsdb.Database) -> None:
    async def one(ctx: ProcedureContext, of: str) -> None:
        await asyncio.sleep(0.001)
        with ctx.transaction() as tx:
            tx[Price].insert(Price(of))

    async def all_of_them(ctx: ProcedureContext) -> None:
        await asyncio.gather(*[one(ctx, of) for of in "abc"])

    run_async(db, all_of_them)

    assert sorted(prices(db)) == ["a", "b", "c"]


def test_awaiting_what_is_there_suspends_nothing(db: qsdb.Database) -> None:
    async def now() -> str:
        return "tea"

    async def work(ctx: ProcedureContext) -> None:
        with ctx.transaction() as tx:
            tx[Price].insert(Price(await now()))

    run_async(db, work)
    assert prices(db) == ["tea"]


def test_a_thread_of_a_coroutine_may_write(db: qsdb.Database) -> None:
    async def work(ctx: ProcedureContext) -> None:
        await asyncio.to_thread(fetch, ctx, "tea")

    run_async(db, work)
    assert prices(db) == ["tea"]


def test_a_forked_child_counts_with_a_lock_of_its_own(db: qsdb.Database) -> None:
    db._procedures._counting.acquire()

    db._procedures._renew_lock()

    assert db.call(fetch, "tea") == 1


@pytest.mark.slow
def test_a_procedure_that_waits_keeps_no_program_alive(tmp_path: Path) -> None:
    program = """
import threading, qsdb
m = qsdb.Module("m")
@m.procedure
def wait(ctx: qsdb.ProcedureContext) -> None:
    begun.set()
    threading.Event().wait()
begun = threading.Event()
db = qsdb.Database(m, "data")
db.start(wait)
begun.wait()
print("the end")
"""
    done = run_python("-c", program, cwd=tmp_path)

    assert (done.returncode, done.stdout.strip()) == (0, "the end"), done.stderr
