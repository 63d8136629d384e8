"""Calls of reducers: arguments in, one transaction, the result or the exception out."""

import logging
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

import qsdb
from qsdb import Identity, ReducerContext, Timestamp, f32, u8, u32, u64
from qsdb.runtime.seeds import Seeds
from qsdb.schema.contexts import Auth
from qsdb.testing import FakeClock

ALICE = Identity.from_claims("test", "alice")
NOON = Timestamp.parse("2026-01-01T12:00:00Z")

bank = qsdb.Module("bank")


class Account(qsdb.Row, module=bank):
    owner: str = qsdb.primary_key()
    cents: u32 = 0


class Entry(qsdb.Row, module=bank):
    id: u64 = qsdb.primary_key(auto_inc=True)
    text: str = qsdb.index(default="")


@bank.reducer
def deposit(ctx: ReducerContext, owner: str, cents: u32 = 100) -> u32:
    row = ctx.db[Account].get(owner) or Account(owner)
    return ctx.db[Account].upsert(row.replace(cents=row.cents + cents)).cents


@bank.reducer
def withdraw(ctx: ReducerContext, owner: str, cents: u32) -> None:
    row = ctx.db[Account].get(owner)
    if row is None or row.cents < cents:
        raise qsdb.ReducerError("not enough")
    ctx.db[Account].update(row.replace(cents=row.cents - cents))


@bank.reducer
def transfer(ctx: ReducerContext, source: str, target: str, cents: u32) -> None:
    """Deposits first, so that a failing withdrawal has something to undo."""
    deposit(ctx, target, cents)
    withdraw(ctx, source, cents)


@bank.reducer
def take(ctx: ReducerContext, numbers: list[f32], text: tuple[str, ...] = ()) -> Any:  # noqa: ARG001
    taken.append((numbers, text))
    numbers.append(7.0)
    return numbers


@bank.reducer(private=True)
def audit(ctx: ReducerContext) -> str:  # noqa: ARG001
    return "audited"


@bank.reducer
def run(ctx: ReducerContext) -> object:
    """Do what the test wants."""
    return wanted[0](ctx)


taken: list[tuple[list[float], tuple[str, ...]]] = []
wanted: list[Callable[[ReducerContext], object]] = []


def without_reducers(stats: qsdb.Stats) -> qsdb.Stats:
    """Leave out what test_meters.py is about."""
    return attrs.evolve(stats, reducers={})


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture
def db(clock: FakeClock) -> Iterator[qsdb.Database]:
    database = qsdb.Database(bank, clock=clock, seed=7)
    taken.clear()
    wanted.clear()
    yield database
    database.check()
    database.close()


def run_as(db: qsdb.Database, function: Callable[[ReducerContext], object]) -> Any:
    wanted[:] = [function]
    return db.call(run)


def cents(db: qsdb.Database) -> dict[str, int]:
    with db.read() as tx:
        return {row.owner: row.cents for row in tx[Account]}


# Arguments and results.


def test_a_reducer_is_called_by_function_or_by_name(db: qsdb.Database) -> None:
    assert db.call(deposit, "ann", 5) == 5
    assert db.call("deposit", "ann", 6) == 11
    assert db.call(deposit, "ann", cents=7) == 18
    assert db.call("deposit", cents=8, owner="ann") == 26
    assert db.call(deposit, "ann") == 126
    assert cents(db) == {"ann": 126}


def test_names_of_parameters_do_not_meet_those_of_call() -> None:
    module = qsdb.Module("names")

    @module.reducer
    def odd(
        ctx: ReducerContext,  # noqa: ARG001
        self: u8,
        reducer: u8,
        key: u8,
        args: u8,
        sender: u8,
        context: u8 = 6,
        values: u8 = 7,
        function: u8 = 8,
    ) -> list[int]:
        return [self, reducer, key, args, sender, context, values, function]

    expected = [1, 2, 3, 4, 5, 6, 7, 8]
    with qsdb.Database(module) as db:
        assert db.call(odd, self=1, reducer=2, key=3, args=4, sender=5) == expected
        alice = db.caller(ALICE)
        assert alice.call("odd", 1, 2, 3, sender=5, args=4, values=7) == expected


def test_a_list_arrives_as_a_list_of_its_own(db: qsdb.Database) -> None:
    given = [1.5, 2]

    result = db.call(take, given)

    assert result == [1.5, 2.0, 7.0]
    assert given == [1.5, 2], "the caller's list is not the reducer's"
    assert taken == [([1.5, 2.0, 7.0], ())]
    assert [type(each) for each in result] == [float] * 3


def test_a_tuple_parameter_takes_any_sequence(db: qsdb.Database) -> None:
    db.call("take", (), ["a"])

    assert taken == [([7.0], ("a",))]
    assert type(taken[0][0]) is list
    assert type(taken[0][1]) is tuple


def test_the_result_is_what_the_reducer_returned(db: qsdb.Database) -> None:
    result = object()

    assert run_as(db, lambda ctx: result) is result  # noqa: ARG005
    assert run_as(db, lambda ctx: ctx.db[Entry].insert(Entry("a"))) == (
        Entry("a").replace(id=1)
    )
    assert run_as(db, lambda ctx: None) is None  # noqa: ARG005


def test_a_wrong_argument_is_refused_before_the_transaction(db: qsdb.Database) -> None:
    db.call(deposit, "ann")
    before = db.stats()

    for args in ((), (5,), ("ann", True), ("ann", -1), ("ann", 1, 2)):
        with pytest.raises(qsdb.ArgumentError):
            db.call("deposit", *args)
    with pytest.raises(qsdb.ArgumentError):
        db.call("take", [None])

    assert db.stats() == before
    assert taken == []


def test_arguments_are_checked_while_another_thread_writes(db: qsdb.Database) -> None:
    refused = threading.Event()

    def call() -> None:
        with pytest.raises(qsdb.ArgumentError):
            db.call("deposit", 5)
        refused.set()

    with db.write():
        thread = threading.Thread(target=call)
        thread.start()
        assert refused.wait(5), "no lock is taken for arguments"
    thread.join()


# How a call ends.


def test_a_call_is_one_commit(db: qsdb.Database) -> None:
    offset = db.offset

    db.call(deposit, "ann")

    assert db.offset == offset + 1
    assert db.stats().commits == 2
    assert db.stats().calls == 1


def test_reducers_that_call_each_other_share_the_transaction(db: qsdb.Database) -> None:
    db.call(deposit, "ann", 10)
    offset = db.offset

    db.call(transfer, "ann", "bob", 4)

    assert cents(db) == {"ann": 6, "bob": 4}
    assert db.offset == offset + 1
    assert db.stats().calls == 2


def test_a_failing_inner_reducer_undoes_all(db: qsdb.Database) -> None:
    db.call(deposit, "ann", 10)
    before = db.stats()

    with pytest.raises(qsdb.ReducerError, match="not enough"):
        db.call(transfer, "ann", "bob", 11)

    assert cents(db) == {"ann": 10}
    expected = attrs.evolve(before, rollbacks=before.rollbacks + 1, calls=2)
    assert without_reducers(db.stats()) == without_reducers(expected)


def test_a_caught_failure_keeps_what_was_done(db: qsdb.Database) -> None:
    def forgiving(ctx: ReducerContext) -> None:
        deposit(ctx, "ann", 5)
        with pytest.raises(qsdb.ReducerError):
            withdraw(ctx, "ann", 6)

    run_as(db, forgiving)

    assert cents(db) == {"ann": 5}


class OwnError(Exception):
    """One that qsdb does not know."""


@pytest.mark.parametrize(
    "error",
    [
        qsdb.ReducerError("no"),
        OwnError("no", 5),
        KeyError("x"),
        TypeError("a type error of the reducer's own"),
        qsdb.ArgumentError("of the reducer's own"),
        StopIteration(),
        KeyboardInterrupt(),
        SystemExit(3),
        GeneratorExit(),
        ExceptionGroup("several", [ValueError(1)]),
    ],
    ids=repr,
)
def test_what_a_reducer_raises_reaches_the_caller_as_it_is(
    db: qsdb.Database, error: BaseException
) -> None:
    before = db.stats()

    def fail(ctx: ReducerContext) -> None:
        ctx.db[Account].insert(Account("ann"))
        ctx.db[Entry].insert(Entry("a"))
        raise error

    with pytest.raises(type(error)) as caught:
        run_as(db, fail)

    assert caught.value is error
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    expected = attrs.evolve(before, rollbacks=1, calls=1)
    assert without_reducers(db.stats()) == without_reducers(expected)
    assert cents(db) == {}
    # The lock is free again, for this thread and for others.
    thread = threading.Thread(target=db.call, args=(deposit, "bob"))
    thread.start()
    thread.join(5)
    assert cents(db) == {"bob": 100}
    assert run_as(db, lambda ctx: ctx.db[Entry].insert(Entry("b")).id) == 1


def test_a_failed_commit_rolls_back_and_frees_the_lock(db: qsdb.Database) -> None:
    db.call(deposit, "ann")

    def interrupted(ctx: ReducerContext) -> None:
        table: Any = ctx.db[Account]
        table.clear()
        # As when Ctrl-C comes between a row and its index entries, and is caught.
        table._stored.is_interrupted = True

    with pytest.raises(qsdb.UsageError, match="cut a write to table account in two"):
        run_as(db, interrupted)

    assert cents(db) == {"ann": 100}
    assert db.call(deposit, "ann") == 200


@pytest.mark.parametrize(
    "idle",
    [
        lambda ctx: None,  # noqa: ARG005
        lambda ctx: ctx.db[Account].get("ann"),
        lambda ctx: ctx.db[Account].update(Account("ann", 100)),
        lambda ctx: ctx.db[Account].insert(Account("ann", 100)),
        lambda ctx: ctx.db[Account].delete(ctx.db[Account].insert(Account("bob"))),
        lambda ctx: ctx.db[Entry].delete(ctx.db[Entry].insert(Entry("a"))),
        lambda ctx: (ctx.db[Account].clear(), deposit(ctx, "ann")),
    ],
    ids=[
        *("nothing", "read", "same update", "same insert"),
        *("insert and delete", "sequence", "clear and insert"),
    ],
)
def test_a_call_without_net_change_makes_no_commit(
    db: qsdb.Database, idle: Callable[[ReducerContext], object]
) -> None:
    db.call(deposit, "ann")
    before = db.stats()

    run_as(db, idle)

    expected = attrs.evolve(before, calls=before.calls + 1)
    assert without_reducers(db.stats()) == without_reducers(expected)
    assert run_as(db, lambda ctx: ctx.db[Entry].insert(Entry("a")).id) == 1


# The context.


def test_the_context_tells_who_calls(db: qsdb.Database) -> None:
    assert run_as(db, lambda ctx: ctx.sender) == db.owner
    wanted[:] = [lambda ctx: ctx.sender]
    assert db.caller(ALICE).call(run) == ALICE
    assert db.caller(ALICE).call("run") == ALICE
    assert db.caller(ALICE).identity == ALICE
    assert run_as(db, lambda ctx: ctx.connection_id) is None


def test_the_context_tells_the_database(db: qsdb.Database) -> None:
    identity = run_as(db, lambda ctx: ctx.identity)

    assert identity == db.identity
    assert identity != db.owner
    assert type(identity) is type(db.owner) is Identity


def test_the_context_tells_the_time(db: qsdb.Database, clock: FakeClock) -> None:
    def twice(ctx: ReducerContext) -> tuple[Timestamp, Timestamp]:
        first = ctx.timestamp
        clock.advance(5)
        return first, ctx.timestamp

    assert run_as(db, twice) == (NOON, NOON)
    assert run_as(db, lambda ctx: str(ctx.timestamp)) == "2026-01-01T12:00:05Z"
    assert run_as(db, lambda ctx: type(ctx.timestamp)) is Timestamp


def test_the_context_tells_what_is_known_of_the_caller(db: qsdb.Database) -> None:
    assert run_as(db, lambda ctx: ctx.auth) == Auth(is_internal=False, claims=None)


def test_the_context_logs_for_module_and_reducer(
    db: qsdb.Database, caplog: pytest.LogCaptureFixture
) -> None:
    def say(ctx: ReducerContext) -> None:
        ctx.log.info("greeted %s", "ann")

    with caplog.at_level(logging.INFO):
        run_as(db, say)

    (record,) = caplog.records
    assert record.name == "qsdb.bank.run"
    assert record.getMessage() == "greeted ann"
    assert vars(record)["sender"] == db.owner.to_hex()
    assert vars(record)["timestamp"] == "2026-01-01T12:00:00Z"
    assert isinstance(run_as(db, lambda ctx: ctx.log), logging.LoggerAdapter)


def test_a_context_is_no_place_for_notes(db: qsdb.Database) -> None:
    def note(ctx: Any) -> None:
        ctx.noted = 1

    with pytest.raises(AttributeError):
        run_as(db, note)


# Randomness.


def draws(db: qsdb.Database, count: int = 3) -> list[float]:
    return [run_as(db, lambda ctx: ctx.random.random()) for _ in range(count)]


def test_random_numbers_come_from_the_seed() -> None:
    with qsdb.Database(bank, seed=7) as one, qsdb.Database(bank, seed=7) as two:
        assert draws(one) == draws(two)
    with qsdb.Database(bank, seed=7) as one, qsdb.Database(bank, seed=8) as other:
        assert draws(one) != draws(other)


def test_each_call_draws_other_numbers(db: qsdb.Database) -> None:
    assert len(set(draws(db, 50))) == 50


def test_one_call_has_one_source(db: qsdb.Database) -> None:
    def three(ctx: ReducerContext) -> list[float]:
        assert ctx.random is ctx.random
        return [ctx.random.random() for _ in range(3)]

    first = run_as(db, three)

    expected = random.Random(Seeds(7).of_call(1))
    assert first == [expected.random() for _ in range(3)]
    assert type(run_as(db, lambda ctx: ctx.random)) is random.Random


def test_a_failed_call_does_not_repeat_its_numbers(db: qsdb.Database) -> None:
    seen: list[float] = []

    def fail(ctx: ReducerContext) -> None:
        seen.append(ctx.random.random())
        raise OwnError

    for _ in range(3):
        with pytest.raises(OwnError):
            run_as(db, fail)

    assert len({*seen, *draws(db)}) == 6


def test_a_call_without_commit_does_not_repeat_its_numbers(db: qsdb.Database) -> None:
    offset = db.offset

    assert len(set(draws(db))) == 3
    assert db.offset == offset


def test_refused_calls_do_not_move_the_numbers() -> None:
    with qsdb.Database(bank, seed=7) as one, qsdb.Database(bank, seed=7) as two:
        for key, args in (("deposit", ()), ("nowhere", ()), ("deposit", (5,))):
            with pytest.raises(qsdb.UsageError):
                one.call(key, *args)

        assert draws(one) == draws(two)


def test_without_a_seed_numbers_differ() -> None:
    with qsdb.Database(bank) as one, qsdb.Database(bank) as two:
        assert draws(one) != draws(two)
        assert one.identity != two.identity
        assert one.owner != two.owner


# Savepoints.


def test_a_savepoint_undoes_only_what_it_did(db: qsdb.Database) -> None:
    def partly(ctx: ReducerContext) -> None:
        deposit(ctx, "ann", 5)
        with pytest.raises(OwnError), ctx.savepoint():
            deposit(ctx, "ann", 50)
            deposit(ctx, "bob", 50)
            raise OwnError
        with ctx.savepoint():
            deposit(ctx, "ann", 2)

    run_as(db, partly)

    assert cents(db) == {"ann": 7}


def test_savepoints_nest(db: qsdb.Database) -> None:
    def nested(ctx: ReducerContext) -> None:
        with ctx.savepoint():
            deposit(ctx, "ann", 1)
            with pytest.raises(OwnError), ctx.savepoint():
                deposit(ctx, "ann", 2)
                with ctx.savepoint():
                    deposit(ctx, "ann", 4)
                raise OwnError
            deposit(ctx, "ann", 8)

    run_as(db, nested)

    assert cents(db) == {"ann": 9}


def test_a_savepoint_in_a_failed_call_is_undone_too(db: qsdb.Database) -> None:
    def fail(ctx: ReducerContext) -> None:
        with ctx.savepoint():
            deposit(ctx, "ann", 1)
            with ctx.savepoint():
                deposit(ctx, "bob", 1)
                raise OwnError

    with pytest.raises(OwnError):
        run_as(db, fail)

    assert cents(db) == {}


def test_a_savepoint_that_nobody_left_is_kept(db: qsdb.Database) -> None:
    def open_ended(ctx: ReducerContext) -> None:
        ctx.db[Entry].insert(Entry("before"))
        wanted.append(ctx.savepoint())  # type: ignore[arg-type]
        wanted[-1].__enter__()  # type: ignore[attr-defined]

    offset = db.offset
    run_as(db, open_ended)

    assert db.offset == offset + 1
    with db.read() as tx:
        assert [row.text for row in tx[Entry]] == ["before"]
    assert run_as(db, lambda ctx: ctx.db[Entry].insert(Entry("after")).id) == 2


# What others see meanwhile.


def test_a_reducer_reads_the_last_commit_beside_its_own_transaction(
    db: qsdb.Database,
) -> None:
    db.call(deposit, "ann", 5)

    def look(ctx: ReducerContext) -> None:
        deposit(ctx, "ann", 3)
        assert ctx.db[Account].get("ann") == Account("ann", 8)
        assert cents(db) == {"ann": 5}
        with db.read() as tx:
            assert tx.offset == db.offset == 2
        stats = db.stats()
        assert (stats.offset, stats.rows["account"]) == (2, 1)
        assert stats.calls == 2

    run_as(db, look)

    assert cents(db) == {"ann": 8}


def test_another_thread_reads_the_last_commit_while_a_reducer_runs(
    db: qsdb.Database,
) -> None:
    found: list[object] = []

    def look(ctx: ReducerContext) -> None:
        deposit(ctx, "ann")
        thread = threading.Thread(target=lambda: found.append(cents(db)))
        thread.start()
        thread.join(5)

    run_as(db, look)

    assert found == [{}]


def test_calls_of_several_threads_follow_each_other(db: qsdb.Database) -> None:
    results: list[int] = []

    def work() -> None:
        for _ in range(100):
            results.append(db.call(deposit, "ann", 1))  # noqa: PERF401  calls, not a list

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(results) == list(range(1, 401))
    assert cents(db) == {"ann": 400}
    assert db.offset == 401
    assert db.stats().calls == 400


# Private reducers.


def test_the_owner_calls_private_reducers(db: qsdb.Database) -> None:
    assert db.call(audit) == "audited"
    assert db.call("audit") == "audited"
    assert db.caller(db.owner).call(audit) == "audited"


@pytest.mark.parametrize("by", ["function", "name"])
def test_a_private_reducer_looks_like_a_missing_one(db: qsdb.Database, by: str) -> None:
    def missing(ctx: ReducerContext) -> None: ...

    stranger = db.caller(ALICE)
    private_key: Any = audit if by == "function" else "audit"
    missing_key: Any = missing if by == "function" else "missing"

    messages = []
    for key in (private_key, missing_key):
        for args in ((), ("wrong",)):
            with pytest.raises(qsdb.NotFoundError) as caught:
                stranger.call(key, *args)
            assert type(caught.value) is qsdb.NotFoundError
            messages.append(str(caught.value))

    assert {each.replace("missing", "audit") for each in messages} == {messages[0]}
    assert "audit" not in messages[2], "the list of reducers does not tell it"
    assert db.stats().calls == 0


def test_an_unknown_reducer_is_told_with_those_there_are(db: qsdb.Database) -> None:
    with pytest.raises(qsdb.NotFoundError) as caught:
        db.call("depsit")

    assert str(caught.value) == (
        "module bank: no reducer depsit; there are: deposit, withdraw, transfer, "
        "take, run"
    )


def test_without_reducers_none_are_told() -> None:
    with (
        qsdb.Database(qsdb.Module("bare")) as db,
        pytest.raises(qsdb.NotFoundError, match="no reducer x; there are: none"),
    ):
        db.call("x")


def test_a_reducer_of_another_module_is_unknown() -> None:
    with (
        qsdb.Database(qsdb.Module("bare")) as db,
        pytest.raises(qsdb.NotFoundError, match="no reducer deposit"),
    ):
        db.call(deposit, "ann")


# Init.


def test_init_runs_in_the_commit_that_creates_the_database() -> None:
    module = qsdb.Module("begun")
    seen: list[ReducerContext] = []

    class Setting(qsdb.Row, module=module):
        name: str = qsdb.primary_key()
        value: u64

    @module.reducer
    def put(ctx: ReducerContext, name: str, value: u64) -> None:
        ctx.db[Setting].insert(Setting(name, value))

    @module.init
    def begin(ctx: ReducerContext) -> None:
        seen.append(ctx)
        put(ctx, "drawn", ctx.random.getrandbits(64))
        put(ctx, "time", ctx.timestamp.micros)
        with ctx.savepoint():
            put(ctx, "saved", 1)

    with qsdb.Database(module, clock=FakeClock(NOON), seed=7) as db:
        (ctx,) = seen
        assert db.offset == 1
        assert (db.stats().commits, db.stats().calls) == (1, 1)
        assert (ctx.sender, ctx.identity) == (db.owner, db.identity)
        assert ctx.auth == Auth(is_internal=True)
        assert ctx.connection_id is None
        with db.read() as tx:
            assert tx.offset == 1
            assert set(tx[Setting]) == {
                Setting("drawn", random.Random(Seeds(7).of_call(1)).getrandbits(64)),
                Setting("time", NOON.micros),
                Setting("saved", 1),
            }
        with pytest.raises(qsdb.NotFoundError):
            db.call(begin)
        with pytest.raises(qsdb.NotFoundError):
            db.call("begin")


def test_creation_is_offset_1_without_init_and_without_change() -> None:
    module = qsdb.Module("idle")

    with qsdb.Database(module) as db:
        assert (db.offset, db.stats().commits, db.stats().calls) == (1, 1, 0)

    @module.init
    def idle(ctx: ReducerContext) -> None: ...

    with qsdb.Database(module) as db:
        assert (db.offset, db.stats().commits, db.stats().calls) == (1, 1, 1)


def test_an_init_that_raises_leaves_no_database() -> None:
    module = qsdb.Module("failing")
    error = OwnError()

    class Thing(qsdb.Row, module=module):
        a: u8

    @module.init
    def fail(ctx: ReducerContext) -> None:
        ctx.db[Thing].insert(Thing(1))
        if failing:
            raise error

    failing = True
    with pytest.raises(OwnError) as caught:
        qsdb.Database(module)
    assert caught.value is error

    failing = False
    with qsdb.Database(module) as db, db.read() as tx:
        assert list(tx[Thing]) == [Thing(1)]


def test_calls_of_init_are_numbered_with_the_others() -> None:
    module = qsdb.Module("numbered")
    drawn: list[float] = []

    @module.init
    def begin(ctx: ReducerContext) -> None:
        drawn.append(ctx.random.random())

    @module.reducer
    def draw(ctx: ReducerContext) -> None:
        drawn.append(ctx.random.random())

    with qsdb.Database(module, seed=1) as db:
        db.call(draw)

    assert drawn[0] != drawn[1]
