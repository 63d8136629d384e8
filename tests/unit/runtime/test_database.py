"""`Database`: opened, written, read, looked at and closed."""

import gc
import threading
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import attrs
import pytest

import qsdb
from qsdb import Identity, ReducerContext, Timestamp, u8, u64
from qsdb.testing import FakeClock

NOON = Timestamp.parse("2026-01-01T12:00:00Z")

chat = qsdb.Module("chat")


class User(qsdb.Row, module=chat):
    name: str = qsdb.primary_key()
    level: u8 = 0


class Message(qsdb.Row, module=chat):
    id: u64 = qsdb.primary_key(auto_inc=True)
    text: str = qsdb.index()


@chat.reducer
def send(ctx: ReducerContext, text: str) -> u64:
    return ctx.db[Message].insert(Message(text)).id


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


@pytest.fixture
def db(clock: FakeClock) -> Iterator[qsdb.Database]:
    database = qsdb.Database(chat, clock=clock, seed=1)
    yield database
    database.check()
    database.close()


def texts(db: qsdb.Database) -> list[str]:
    with db.read() as tx:
        return [row.text for row in tx[Message]]


# Opening.


def test_a_database_is_empty_at_first(db: qsdb.Database) -> None:
    with db.read() as tx:
        assert (len(tx[User]), len(tx[Message])) == (0, 0)
    assert db.offset == 1


def test_databases_of_one_module_are_apart(db: qsdb.Database) -> None:
    with qsdb.Database(chat) as other:
        other.call(send, "a")

        assert texts(db) == []
        assert texts(other) == ["a"]
        assert db.call(send, "b") == 1


def test_a_database_keeps_the_module_as_it_was() -> None:
    module = qsdb.Module("growing")

    class First(qsdb.Row, module=module):
        a: u8

    with qsdb.Database(module) as old:

        class Second(qsdb.Row, module=module):
            a: u8

        @module.reducer
        def late(ctx: ReducerContext) -> None: ...

        with qsdb.Database(module) as new, new.read() as tx:
            assert len(tx[Second]) == 0
            new.call(late)
        with old.read() as reading, pytest.raises(qsdb.NotFoundError):
            reading[Second]
        with pytest.raises(qsdb.NotFoundError):
            old.call(late)


def test_a_module_with_mistakes_makes_no_database() -> None:
    module = qsdb.Module("wrong")

    class Bad(qsdb.Row, module=module, name="st_bad"):
        tags: list[str]

    for _ in range(2):
        with pytest.raises(qsdb.SchemaError) as caught:
            qsdb.Database(module)
        assert len(caught.value.mistakes) == 2


def test_the_machines_clock_is_used_if_none_is_given() -> None:
    with qsdb.Database(chat) as db, db.write() as tx:
        assert tx.timestamp > NOON - (NOON - Timestamp.parse("2025-01-01T00:00:00Z"))


@pytest.mark.parametrize("clock", [7, "noon", qsdb])
def test_a_clock_tells_the_time(clock: Any) -> None:
    with pytest.raises(qsdb.ArgumentError, match="a clock has a method now"):
        qsdb.Database(chat, clock=clock)


@pytest.mark.parametrize(
    "name", ["chat", "é" * 500, "x" * 10_000, "\U0001f600" * 31, "a b|c:d"]
)
def test_any_name_of_a_module_gives_identities(name: str) -> None:
    module = qsdb.Module(name)

    with (
        qsdb.Database(module, seed=1) as one,
        qsdb.Database(module, seed=1) as same,
        qsdb.Database(module, seed=2) as other,
    ):
        assert (one.identity, one.owner) == (same.identity, same.owner)
        assert len({one.identity, one.owner, other.identity, other.owner}) == 4


def test_modules_of_other_names_have_other_identities() -> None:
    with (
        qsdb.Database(qsdb.Module("one"), seed=1) as one,
        qsdb.Database(qsdb.Module("two"), seed=1) as two,
    ):
        assert one.identity != two.identity
        assert one.owner != two.owner


def test_a_database_is_shown_by_name_and_offset(db: qsdb.Database) -> None:
    db.call(send, "a")

    assert repr(db) == "<Database chat at offset 2>"


# Writing.


def test_a_block_commits_when_it_is_left(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Message].insert(Message("a"))
        tx[User].insert(User("ann"))
        assert db.offset == 1

    assert db.offset == 2
    assert texts(db) == ["a"]


def test_a_block_rolls_back_what_an_exception_leaves(db: qsdb.Database) -> None:
    error = ValueError("no")

    with pytest.raises(ValueError, match="no") as caught, db.write() as tx:
        tx[Message].insert(Message("a"))
        raise error

    assert caught.value is error
    assert db.offset == 1
    assert texts(db) == []
    assert db.call(send, "b") == 1, "the sequence has no gap"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit, GeneratorExit])
def test_a_block_rolls_back_whatever_ends_it(
    db: qsdb.Database, error: type[BaseException]
) -> None:
    with pytest.raises(error), db.write() as tx:
        tx[Message].insert(Message("a"))
        raise error

    assert texts(db) == []
    assert db.call(send, "b") == 1


def test_a_block_that_is_left_early_commits(db: qsdb.Database) -> None:
    def leave() -> str:
        with db.write() as tx:
            tx[Message].insert(Message("a"))
            return "left"

    assert leave() == "left"
    assert texts(db) == ["a"]


def test_a_block_without_net_change_makes_no_commit(db: qsdb.Database) -> None:
    with db.write() as tx:
        row = tx[Message].insert(Message("a"))
        assert tx[Message].delete(row)

    assert db.offset == 1
    assert db.stats().commits == 1


def test_a_block_has_one_time(db: qsdb.Database, clock: FakeClock) -> None:
    with db.write() as tx:
        clock.advance(5)
        assert tx.timestamp == NOON
    with db.write() as tx:
        assert tx.timestamp == Timestamp.parse("2026-01-01T12:00:05Z")


def test_a_block_has_savepoints(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Message].insert(Message("a"))
        with pytest.raises(ValueError, match="no"), tx.savepoint():
            tx[Message].insert(Message("b"))
            raise ValueError("no")

    assert texts(db) == ["a"]


def test_a_block_takes_the_lock_on_entering(db: qsdb.Database) -> None:
    block = db.write()

    assert db.call(send, "a") == 1

    with block as tx:
        assert len(tx[Message]) == 1


def test_a_refused_block_may_be_entered_later(db: qsdb.Database) -> None:
    block = db.write()

    with db.write(), pytest.raises(qsdb.UsageError), block:
        pytest.fail("entered")
    with block as tx:
        tx[Message].insert(Message("a"))

    assert texts(db) == ["a"]


def test_handles_of_one_table_are_the_same(db: qsdb.Database) -> None:
    with db.write() as tx:
        assert tx[Message] is tx.message is tx[Message]
        assert tx.message is tx.table("message")
    with db.read() as reading:
        assert reading.message is reading[Message] is reading.table("message")


def test_blocks_of_several_threads_follow_each_other(db: qsdb.Database) -> None:
    def count() -> None:
        for _ in range(50):
            with db.write() as tx:
                row = tx[User].get("ann") or User("ann")
                tx[User].upsert(row.replace(level=row.level + 1))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    with db.read() as tx:
        assert tx[User].get("ann") == User("ann", 200)
    assert db.offset == 201


# Odd names.


ODD_NAMES = [
    *("index", "table", "commit", "rollback", "savepoint", "timestamp", "offset"),
    *("close", "_handles", "_opened", "_pin", "_open", "_depth", "_directory"),
    *("__class__", "__bool__", "__len__", "__call__", "__del__", "__getattr__"),
    *("__enter__", "__dict__", "__init__", "a b", "größe", "select", "9", '"'),
    *("class", "\n", "stats", "sql", "mro", "__slots__", "_entries", "_is_open"),
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_table_may_have_any_name(name: str) -> None:
    module = qsdb.Module("odd")

    class Thing(qsdb.Row, module=module, name=name):
        a: u8 = qsdb.primary_key()

    with qsdb.Database(module) as db:
        with db.write() as tx:
            assert bool(tx)
            tx[Thing].insert(Thing(1))
            assert tx.table(name) is tx[Thing]
        with pytest.raises(ValueError, match="no"), db.write() as tx:
            with tx.savepoint():
                tx.table(name).insert(Thing(2))
            raise ValueError("no")
        with db.read() as reading:
            assert bool(reading)
            assert list(reading.table(name)) == [Thing(1)]
            assert reading.offset == 2
            assert f"<table {name}>" == repr(reading.table(name))
        assert db.stats().rows == {name: 1}
        del tx, reading
        db.check()


@pytest.mark.parametrize(
    "name", [*ODD_NAMES, "insert", "get", "filter", "_rows", "_find"]
)
def test_an_index_may_have_any_name(name: str) -> None:
    module = qsdb.Module("odd")

    class Thing(qsdb.Row, module=module, indexes=[qsdb.BTree("b", "c", name=name)]):
        a: u8 = qsdb.primary_key()
        b: u8 = 0
        c: u8 = 0

    with qsdb.Database(module) as db:
        with db.write() as tx:
            tx[Thing].insert(Thing(1, 2, 3))
            assert list(tx[Thing].index(name).filter(2)) == [Thing(1, 2, 3)]
            assert tx[Thing]
        with db.read() as reading:
            assert list(reading[Thing].index(name).filter(2, 3)) == [Thing(1, 2, 3)]
        db.check()


@pytest.mark.parametrize(
    "name",
    [
        *("insert", "get", "update", "delete", "clear", "index", "count", "find"),
        *("key", "row", "self", "cls", "stored", "pre", "old", "indexes", "v0", "o0"),
        *("sequences", "rows", "table", "extra", "k0", "batch", "mro", "type", "len"),
    ],
)
def test_a_column_may_have_any_attribute(name: str) -> None:
    module = qsdb.Module("odd")
    namespace: dict[str, Any] = {
        "__annotations__": {"id": u64, name: u8, "other": str},
        "id": qsdb.primary_key(auto_inc=True),
        name: qsdb.index(),
        "other": "",
    }
    metaclass: Any = type(qsdb.Row)
    thing = metaclass("Thing", (qsdb.Row,), namespace)
    module.add_table(thing, unique=[("id", name)])

    with qsdb.Database(module) as db:
        with db.write() as tx:
            row = tx[thing].insert(thing(**{name: 3}))
            assert getattr(row, name) == 3
            assert list(tx[thing].index(name).filter(3)) == [row]
            assert tx[thing].update(row.replace(**{name: 4})).id == 1
            assert tx[thing].insert_many([thing(5), thing(6)]) == 2
            assert tx[thing].upsert(thing(7).replace(id=1)).other == ""
            assert tx[thing].get(1) == thing(7).replace(id=1)
        with db.read() as reading:
            assert reading[thing].index(name).count(7) == 1
        db.check()


def test_a_composite_key_yields_to_what_has_its_name() -> None:
    module = qsdb.Module("joined")

    class Thing(qsdb.Row, module=module, primary_key=("a", "b")):
        a: u8
        b: u8
        a_b: u8 = qsdb.index()

    class Other(
        qsdb.Row,
        module=module,
        primary_key=("a", "b"),
        indexes=[qsdb.BTree("b", "a", name="a_b")],
    ):
        a: u8
        b: u8

    class Plain(qsdb.Row, module=module, primary_key=("a", "b")):
        a: u8
        b: u8
        a_b: u8

    with qsdb.Database(module) as db, db.write() as tx:
        thing, other = tx[Thing].insert(Thing(1, 2, 3)), tx[Other].insert(Other(1, 2))
        assert list(tx[Thing].a_b.filter(3)) == [thing]
        assert list(tx[Thing].a_b.filter(1)) == []
        assert tx[Thing].get(1, 2) == thing
        assert list(tx[Other].a_b.filter(2)) == [other]
        assert list(tx[Other].a_b.filter(1)) == []
        assert tx[Other].get(1, 2) == other
        with pytest.raises(qsdb.NotFoundError, match="a_b has no index"):
            _ = tx[Plain].a_b


# Reading.


def test_a_read_transaction_is_pinned_at_the_call(db: qsdb.Database) -> None:
    db.call(send, "a")
    reading = db.read()
    db.call(send, "b")

    assert reading.offset == 2
    assert [row.text for row in reading[Message]] == ["a"]
    assert db.stats().pins == 1
    reading.close()
    reading.close()
    assert db.stats().pins == 0


def test_a_read_transaction_that_is_forgotten_unpins(db: qsdb.Database) -> None:
    reading = db.read()
    assert db.stats().pins == 1

    del reading
    gc.collect()
    db.call(send, "a")

    assert db.stats().pins == 0


def test_a_read_transaction_may_be_used_from_any_thread(db: qsdb.Database) -> None:
    db.call(send, "a")
    found: list[object] = []

    with db.read() as tx:
        thread = threading.Thread(target=lambda: found.extend(tx[Message]))
        thread.start()
        thread.join()

    assert found == [Message("a").replace(id=1)]


def test_a_read_transaction_beside_a_block_sees_the_last_commit(
    db: qsdb.Database,
) -> None:
    with db.write() as tx:
        tx[Message].insert(Message("a"))
        with db.read() as reading:
            assert list(reading[Message]) == []
            assert reading.offset == 1
        assert db.stats().rows["message"] == 0
        assert db.offset == 1


# Counters.


def test_stats_count_calls_commits_and_rollbacks(db: qsdb.Database) -> None:
    db.call(send, "a")
    with db.write() as tx:
        tx[User].insert(User("ann"))
    with pytest.raises(ValueError, match="no"), db.write():
        raise ValueError("no")
    reading = db.read()
    db.call(send, "b")
    with db.write() as tx:
        tx[User].update(User("ann", 1))

    stats = db.stats()

    assert attrs.asdict(attrs.evolve(stats, reducers={})) == {
        "module": "chat",
        "offset": 5,
        "commits": 5,
        "rollbacks": 1,
        "calls": 2,
        "pins": 1,
        "undo_rows": 2,
        "tables": {
            "user": {"rows": 1, "written": 2},
            "message": {"rows": 2, "written": 2},
        },
        "reducers": {},
        "live": [],
        "conflicts": 0,
        "fallbacks": 0,
        "evaluations": 0,
        "changes": 0,
        "views": 0,
        "view_runs": 0,
        "runs": 0,
        "run_failures": 0,
        "durable_offset": None,
        "snapshot_offset": None,
        "log_bytes": None,
        "snapshot_error": None,
        "procedures": {},
        "view_calls": {},
        "clients": 0,
    }
    assert type(stats) is qsdb.Stats
    assert str(stats).startswith("chat at offset 5\n")
    reading.close()
    assert db.stats().undo_rows == 0


def test_stats_are_as_they_were(db: qsdb.Database) -> None:
    before = db.stats()

    db.call(send, "a")

    assert before.rows == {"user": 0, "message": 0}
    assert before.offset == 1


def test_stats_may_be_asked_for_while_others_commit(db: qsdb.Database) -> None:
    stop = threading.Event()
    failures: list[Exception] = []

    def ask() -> None:
        while not stop.is_set():
            try:
                with db.read():
                    db.stats()
            except Exception as error:  # noqa: BLE001  any is a failure
                failures.append(error)

    thread = threading.Thread(target=ask)
    thread.start()
    for number in range(300):
        with db.write() as tx:
            tx[User].upsert(User("ann", number % 200))
            tx[Message].insert(Message("a"))
    stop.set()
    thread.join()

    assert failures == []


def test_check_finds_nothing_in_a_sound_database(db: qsdb.Database) -> None:
    db.call(send, "a")
    with db.read():
        db.call(send, "b")
        db.check()


def test_check_tells_what_is_broken() -> None:
    db = qsdb.Database(chat)
    db.call(send, "a")
    table = next(
        each
        for each in db._directory.store.tables
        if each.bound.schema.name == "message"
    )
    table.rows[99] = (7, "stray")

    with pytest.raises(qsdb.InternalError, match="table message") as caught:
        db.check()

    assert len(caught.value.problems) >= 2
    with db.write():
        pass  # the lock is free


# Closing.


def test_close_is_idempotent() -> None:
    database = qsdb.Database(chat)

    database.close()
    database.close()

    with pytest.raises(qsdb.ClosedError):
        database.call(send, "a")


def test_a_with_block_closes_what_it_opened() -> None:
    with qsdb.Database(chat) as db:
        db.call(send, "a")
    with pytest.raises(qsdb.ClosedError):
        db.call(send, "b")
    with pytest.raises(ValueError, match="no"), qsdb.Database(chat) as other:
        raise ValueError("no")
    with pytest.raises(qsdb.ClosedError):
        other.call(send, "b")


def test_what_is_a_fact_is_told_after_close() -> None:
    db = qsdb.Database(chat, seed=1)
    db.call(send, "a")
    db.close()

    assert db.offset == 2
    assert type(db.owner) is type(db.identity) is Identity
    assert repr(db) == "<Database chat at offset 2>"


def test_a_read_transaction_ends_with_the_database() -> None:
    db = qsdb.Database(chat)
    reading = db.read()
    messages = reading[Message]
    db.close()

    with pytest.raises(qsdb.ClosedError, match="the database is closed"):
        messages.get(1)
    with pytest.raises(qsdb.ClosedError):
        list(reading[User])
    reading.close()


def test_a_database_is_closed_by_another_thread_after_the_transaction() -> None:
    db = qsdb.Database(chat)
    closing = [threading.Thread(target=db.close) for _ in range(2)]

    with db.write() as tx:
        for thread in closing:
            thread.start()
        tx[Message].insert(Message("a"))
    for thread in closing:
        thread.join(5)

    assert db.offset == 2
    with pytest.raises(qsdb.ClosedError):
        db.write().__enter__()


def test_a_database_that_nobody_holds_is_collected() -> None:
    db = qsdb.Database(chat)
    db.call(send, "a")
    watched = weakref.ref(db)

    del db
    gc.collect()

    assert watched() is None


def on_another_thread(work: Callable[[], object]) -> list[BaseException]:
    """Run something on a thread of its own, and give what it raised."""
    raised: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001  it is looked at
            raised.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    return raised


def test_a_write_block_is_left_on_its_own_thread() -> None:
    db = qsdb.Database(chat)
    block = db.write()
    tx = block.__enter__()
    tx[User].insert(User("ann"))

    (error,) = on_another_thread(lambda: block.__exit__(None, None, None))
    assert isinstance(error, qsdb.UsageError)
    assert "left by the thread that entered it" in str(error)
    assert db.offset == 1, "nothing is committed"

    block.__exit__(None, None, None)
    assert db.offset == 2
    with pytest.raises(qsdb.UsageError, match="and once"):
        block.__exit__(None, None, None)


def test_a_write_transaction_opens_tables_on_its_own_thread() -> None:
    db = qsdb.Database(chat)
    with db.write() as tx:
        (error,) = on_another_thread(lambda: tx[User])
        assert isinstance(error, qsdb.UsageError)
        assert "belongs to the thread that began it" in str(error)
        assert len(tx[User]) == 0
    db.check()


def test_calls_leave_nothing_for_the_garbage_collector() -> None:
    db = qsdb.Database(chat)
    db.call(send, "hi")
    gc.collect()
    gc.disable()
    try:
        for number in range(100):
            db.call(send, "hi")
            with db.write() as tx:
                tx[User].insert(User(f"{number}"))
            with db.read() as reading:
                assert len(reading[User]) > number
        found = gc.collect()
    finally:
        gc.enable()

    assert found == 0


def test_small_transactions_leave_no_rows_for_one_long_collection() -> None:
    db = qsdb.Database(chat)
    users = [f"user {number}" for number in range(2_000)]
    with db.write() as tx:
        tx[User].insert_many([User(name) for name in users])
    gc.collect()
    for name in users:
        with db.write() as tx:
            tx[User].update(User(name, 1))

    # A row for each transaction since the last young collection, and what is in hand.
    assert len(gc.get_objects(0)) < 1_500


def test_a_collector_that_is_off_stays_off() -> None:
    db = qsdb.Database(chat)
    gc.collect()
    gc.disable()
    try:
        kept = [[number] for number in range(2_000)]
        for number in range(600):
            db.call(send, f"{number}")
        young = len(gc.get_objects(0))
    finally:
        gc.enable()

    assert young >= len(kept)
