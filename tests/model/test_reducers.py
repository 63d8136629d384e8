"""Rows 92 to 110: reducers."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import qsdb
from qsdb import ArgumentError, Identity, ReducerContext, Row, Timestamp, u8, u32
from qsdb.testing import FakeClock, assert_no_change, database

module = qsdb.Module("bank")


class Account(Row, module=module, public=True):
    owner: str = qsdb.primary_key()
    balance: u32 = 0


class Draw(Row, module=module):
    number: int


calls_begun = 0
"""A global of the program, as row 109 has it."""


@module.reducer
def deposit(ctx: ReducerContext, owner: str, amount: u32 = 1) -> u32:
    """Add to an account, which may be new."""
    global calls_begun  # noqa: PLW0603  row 109 is about it
    calls_begun += 1
    account = ctx.db[Account].get(owner) or Account(owner)
    return (
        ctx.db[Account].upsert(account.replace(balance=account.balance + amount))
    ).balance


@module.reducer
def transfer(ctx: ReducerContext, source: str, target: str, amount: u32) -> None:
    """Call another reducer, and fail after it, if there is not enough."""
    deposit(ctx, target, amount)
    payer = ctx.db[Account].get(source)
    if payer is None or payer.balance < amount:
        raise qsdb.ReducerError(f"{source} has less than {amount}")
    ctx.db[Account].update(payer.replace(balance=payer.balance - amount))


@module.reducer
def divide(ctx: ReducerContext, by: int) -> int:
    ctx.db[Account].insert(Account("spoilt"))
    return 1 // by


@module.reducer
def draw(ctx: ReducerContext) -> int:
    return ctx.db[Draw].insert(Draw(ctx.random.getrandbits(60))).number


@module.reducer
def describe(ctx: ReducerContext) -> dict[str, object]:
    first, second = ctx.timestamp, ctx.timestamp
    return {
        "times": {first, second},
        "sender": ctx.sender,
        "connection": ctx.connection_id,
        "identity": ctx.identity,
        "is_internal": ctx.auth.is_internal,
        "claims": ctx.auth.claims,
    }


@module.reducer(private=True)
def reset(ctx: ReducerContext) -> int:
    return ctx.db[Account].clear()


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with database(module) as opened:
        yield opened


def balances(db: qsdb.Database) -> dict[str, int]:
    with db.read() as tx:
        return {row.owner: row.balance for row in tx[Account]}


def test_row_092_a_reducer_is_a_function_whose_annotations_are_its_schema(
    db: qsdb.Database,
) -> None:
    assert db.call(deposit, "ana", 5) == 5
    found = db.sql("SELECT name FROM st_reducer WHERE is_private = FALSE")
    assert ("deposit",) in found.rows

    with pytest.raises(qsdb.SchemaError, match="coroutine"):

        @module.reducer
        async def later(ctx: ReducerContext) -> None: ...


def test_row_093_arguments_are_checked_before_a_transaction(db: qsdb.Database) -> None:
    before = calls_begun
    with assert_no_change(db):
        for args in (("ana", -1), ("ana", "1"), (1, 1), ("ana", 1, 1), ()):
            with pytest.raises(ArgumentError, match="deposit"):
                db.call("deposit", *args)
        with pytest.raises(ArgumentError, match="argument amount: -1 is not an int"):
            db.call(deposit, "ana", amount=-1)

    assert calls_begun == before
    assert db.stats().rollbacks == 0


def test_row_094_a_reducer_is_called_by_function_name_or_connection(
    db: qsdb.Database,
) -> None:
    assert db.call(deposit, "ana") == 1
    assert db.call("deposit", owner="ana", amount=2) == 3
    bob = Identity.from_claims("test", "bob")
    assert db.caller(bob).call(deposit, "ana") == 4
    with db.connect() as client:
        assert client.call(deposit, "ana") == 5
        assert client.reducers.deposit("ana") == 6
    with pytest.raises(qsdb.NotFoundError, match="deposti"):
        db.call("deposti", "ana")


def test_row_095_what_a_reducer_returns_reaches_the_caller(db: qsdb.Database) -> None:
    told: list[qsdb.Update] = []
    db.subscribe("SELECT * FROM account", told.append)

    assert db.call(deposit, "ana", 7) == 7
    assert [each.inserts for each in told] == [[Account("ana", 7)]]


def test_row_096_an_error_for_the_caller_has_its_text_and_undoes_all(
    db: qsdb.Database,
) -> None:
    with (
        db.connect() as client,
        assert_no_change(db),
        pytest.raises(qsdb.ReducerError, match=r"^ana has less than 3$"),
    ):
        client.reducers.transfer("ana", "bob", 3)


def test_row_097_any_other_exception_undoes_all_and_reaches_the_caller(
    db: qsdb.Database,
) -> None:
    with assert_no_change(db), pytest.raises(ZeroDivisionError):
        db.call(divide, 0)
    assert db.call(divide, 1) == 1  # it goes on


def test_row_098_a_call_is_all_or_nothing(db: qsdb.Database) -> None:
    db.call(deposit, "ana", 5)
    with pytest.raises(qsdb.ReducerError):
        db.call(transfer, "ana", "bob", 9)
    assert balances(db) == {"ana": 5}
    offset = db.offset
    db.call(transfer, "ana", "bob", 2)
    assert balances(db) == {"ana": 3, "bob": 2}
    assert db.offset == offset + 1


def test_row_099_a_call_inside_a_call_is_the_same_transaction() -> None:
    nested = qsdb.Module("nested")

    class Note(Row, module=nested):
        text: str

    @nested.reducer
    def inner(ctx: ReducerContext, text: str) -> None:
        ctx.db[Note].insert(Note(text))
        if text == "bad":
            raise qsdb.ReducerError(text)

    @nested.reducer
    def outer(ctx: ReducerContext) -> list[str]:
        inner(ctx, "good")
        try:
            inner(ctx, "bad")
        except qsdb.ReducerError:
            pass
        return sorted(row.text for row in ctx.db[Note])

    with database(nested) as db:
        # The error was caught, so what came before it is kept.
        assert db.call(outer) == ["bad", "good"]
        assert db.offset == 2


def test_row_100_a_savepoint_is_undone_alone() -> None:
    saved = qsdb.Module("saved")

    class Note(Row, module=saved):
        id: u8 = qsdb.primary_key(auto_inc=True)
        text: str

    @saved.reducer
    def write(ctx: ReducerContext) -> None:
        ctx.db[Note].insert(Note("a"))
        try:
            with ctx.savepoint():
                ctx.db[Note].clear()
                ctx.db[Note].insert(Note("b"))
                ctx.db[Note].update(Note("of 0"))
        except qsdb.NotFoundError:
            pass
        with ctx.savepoint():
            ctx.db[Note].insert(Note("c"))

    with database(saved) as db:
        db.call(write)
        rows = db.sql("SELECT * FROM note").rows
        assert [(row.id, row.text) for row in rows] == [(1, "a"), (2, "c")]


def test_row_101_calls_run_one_after_the_other_and_reads_stay_stable(
    db: qsdb.Database,
) -> None:
    db.call(deposit, "ana", 5)
    with db.read() as before:
        db.call(deposit, "ana", 5)
        assert before[Account].get("ana") == Account("ana", 5)
    with (
        db.write(),
        pytest.raises(qsdb.UsageError),  # a second writer on this thread
    ):
        db.call(deposit, "ana", 5)
    assert balances(db) == {"ana": 10}

    meeting = threading.Barrier(2, timeout=0.02)
    apart = qsdb.Module("apart")

    @apart.reducer
    def meet(_: ReducerContext) -> bool:
        """Say whether another call runs at the same time."""
        try:
            meeting.wait()
        except threading.BrokenBarrierError:
            return False
        return True

    with database(apart) as other, ThreadPoolExecutor(2) as pool:
        met = [pool.submit(other.call, meet) for _ in range(2)]
        assert [each.result(30) for each in met] == [False, False]
        pool.map(db.call, [deposit] * 20, ["bob"] * 20)
    assert balances(db) == {"ana": 10, "bob": 20}


def test_row_102_the_time_is_one_for_the_whole_call() -> None:
    clock = FakeClock(Timestamp.from_micros(5))
    with database(module, clock=clock) as db:
        assert db.call(describe)["times"] == {Timestamp.from_micros(5)}
        clock.advance(1)
        assert db.call(describe)["times"] == {Timestamp.from_micros(1_000_005)}


def test_row_103_random_numbers_are_reproducible_and_differ_by_call() -> None:
    runs = []
    for seed in (1, 1, 2):
        with database(module, seed=seed) as db:  # at one time, which is no seed
            runs.append((db.call(draw), db.call(draw)))

    assert runs[0] == runs[1]
    assert len({*runs[0], *runs[2]}) == 4


def test_row_104_a_reducer_knows_sender_and_connection(db: qsdb.Database) -> None:
    own = db.call(describe)
    assert (own["sender"], own["connection"]) == (db.owner, None)
    with db.connect() as client:
        seen = client.call(describe)
        assert seen["sender"] == client.identity
        assert seen["connection"] == client.connection_id


def test_row_105_a_reducer_knows_the_claims_of_the_token(db: qsdb.Database) -> None:
    with db.connect() as client:
        claims = client.call(describe)["claims"]
        assert claims["hex_identity"] == client.identity.to_hex()
        assert Identity.from_claims(claims["iss"], claims["sub"]) == client.identity
    with db.connect(token=db.make_token("bank", "ana", {"role": "teller"})) as ana:
        assert ana.call(describe)["claims"]["role"] == "teller"
    assert db.call(describe)["claims"] is None
    assert db.call(describe)["is_internal"] is False


def test_row_106_a_reducer_knows_the_databases_identity(db: qsdb.Database) -> None:
    assert db.call(describe)["identity"] == db.identity != db.owner


def test_row_107_a_private_reducer_looks_like_a_missing_one(db: qsdb.Database) -> None:
    db.call(deposit, "ana")
    with db.connect() as client:
        with pytest.raises(qsdb.NotFoundError) as private:
            client.call("reset")
        with pytest.raises(qsdb.NotFoundError) as missing:
            client.call("unset")
    assert str(private.value).replace("reset", "unset") == str(missing.value)
    assert db.call(reset) == 1


def test_row_109_globals_are_the_programs_and_no_rollback_undoes_them(
    db: qsdb.Database, caplog: pytest.LogCaptureFixture
) -> None:
    before = calls_begun
    with caplog.at_level(logging.CRITICAL), pytest.raises(qsdb.ReducerError):
        db.call(transfer, "ana", "bob", 3)

    assert calls_begun == before + 1
    assert balances(db) == {}


def test_row_110_slow_calls_are_told_of(caplog: pytest.LogCaptureFixture) -> None:
    clock = FakeClock()
    slow = qsdb.Module("slow")

    @slow.reducer
    def work(_: ReducerContext, seconds: u8) -> None:
        clock.advance(seconds)

    with database(slow, clock=clock) as db:  # a second, if nothing is said
        db.call(work, 1)
        assert not caplog.records
        db.call(work, 2)
    with qsdb.Database(slow, clock=clock, slow_reducer=4) as db:
        db.call(work, 4)
    with qsdb.Database(slow, clock=clock, slow_reducer=None) as db:
        db.call(work, 255)

    [record] = caplog.records
    assert (record.levelname, record.name) == ("WARNING", "qsdb.slow.work")
    assert record.seconds == 2  # type: ignore[attr-defined]
    assert record.limit == 1  # type: ignore[attr-defined]
