"""Live queries in a database: refusals, threads, the disk, and the end."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

import qsdb
from qsdb import u32
from qsdb.runtime import asked, live_queries
from qsdb.runtime.batches import Batch
from qsdb.runtime.writer import Writer
from qsdb.testing import Call, SimulatedDirectory
from qsdb.testing.disk.interposed import InterposedDirectory
from tests.support.programs import run_python

T = TypeVar("T")

club = qsdb.Module("club")


class Member(qsdb.Row, module=club, public=True):
    id: u32 = qsdb.primary_key()
    points: u32 = 0


class Secret(qsdb.Row, module=club):
    id: u32 = qsdb.primary_key()


ALL = "SELECT * FROM member"


@club.reducer
def join(ctx: qsdb.ReducerContext, number: u32) -> None:
    ctx.db[Member].insert(Member(number))


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(club, seed=1) as opened:
        yield opened


def sizes(db: qsdb.Database) -> set[int]:
    return set(db._subscriptions.engine.sizes.values())


def threaded(function: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def ended(thread: threading.Thread) -> bool:
    thread.join(30)
    return not thread.is_alive()


# What is refused.


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"text": 3}, "a query is a str"),
        ({"text": ["SELECT"]}, "a query is a str"),
        ({"callback": 3}, "callback is a function or None, not 3"),
        ({"on_error": "x"}, "on_error is a function or None, not 'x'"),
        ({"confirmed": 1}, "confirmed is a bool, not 1"),
        ({"params": {"unknown": 1}}, "unknown"),
        ({"params": 3}, "3"),
        ({"text": f"{ALL} WHERE id = :id"}, "id"),
        ({"text": f"{ALL} WHERE id = :id", "params": {"id": "x"}}, "id"),
    ],
)
def test_arguments_that_do_not_fit(
    db: qsdb.Database, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(qsdb.ArgumentError, match=message):
        db.subscribe(**{"text": ALL, **arguments})

    assert sizes(db) == {0}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELEKT", "did you mean SELECT"),
        ("SELECT * FROM membre", "membre"),
        (f"{ALL} LIMIT 3", "this cannot be subscribed to: LIMIT needs ORDER BY"),
        ("DELETE FROM member", "only a SELECT can be subscribed to"),
        ("UPDATE member SET points = 1", "only a SELECT can be subscribed to"),
        ("INSERT INTO member VALUES (1, 2)", "only a SELECT can be subscribed to"),
        (f"EXPLAIN {ALL}", "only a SELECT can be subscribed to"),
        ("SHOW row_limit", "only a SELECT can be subscribed to"),
        ("SET row_limit = 3", "only a SELECT can be subscribed to"),
    ],
)
def test_what_cannot_be_subscribed_to(
    db: qsdb.Database, text: str, message: str
) -> None:
    with pytest.raises(qsdb.QueryError, match=message):
        db.subscribe(text)

    assert sizes(db) == {0}


def test_a_private_table_looks_like_a_missing_one(db: qsdb.Database) -> None:
    """To all but the owner, who alone may call `subscribe`."""
    messages = []
    for name in ("secret", "absent"):
        with pytest.raises(qsdb.QueryError) as caught:
            db._subscriptions.asked(f"SELECT * FROM {name}", False)  # noqa: FBT003
        messages.append(str(caught.value).replace(name, "…"))

    assert messages[0] == messages[1]
    assert db.subscribe("SELECT * FROM secret").rows == []


def test_in_a_transaction(db: qsdb.Database) -> None:
    query = db.subscribe(ALL)
    with db.write() as tx:
        with pytest.raises(qsdb.UsageError):
            db.subscribe(ALL)
        with pytest.raises(qsdb.UsageError):
            query.close()
        tx[Member].insert(Member(1))

    assert query.rows == [Member(1)]


@club.reducer
def subscribe_inside(ctx: qsdb.ReducerContext) -> None:  # noqa: ARG001
    _opened[0].subscribe(ALL)


_opened: list[qsdb.Database] = []


def test_in_a_reducer(db: qsdb.Database) -> None:
    _opened[:] = [db]
    with pytest.raises(qsdb.UsageError):
        db.call(subscribe_inside)

    assert sizes(db) == {0}


def test_in_a_read_transaction(db: qsdb.Database) -> None:
    with db.read() as tx:
        query = db.subscribe(ALL)
        db.call(join, 1)

        assert (len(tx[Member]), query.rows) == (0, [Member(1)])


# The end of the database.


def test_a_closed_database_has_no_live_queries_more() -> None:
    db = qsdb.Database(club)
    db.call(join, 1)
    query = db.subscribe(ALL)
    db.close()

    with pytest.raises(qsdb.ClosedError):
        db.subscribe(ALL)
    assert query.rows == query.initial == [Member(1)]
    query.close()
    assert sizes(db) == {0}


def test_a_callback_may_close_the_database() -> None:
    db = qsdb.Database(club)
    told: list[object] = []
    db.subscribe(ALL, lambda _: db.close())
    db.subscribe(ALL, told.append)

    db.call(join, 1)

    assert len(told) == 1
    with pytest.raises(qsdb.ClosedError):
        db.call(join, 2)


# Threads.


def test_closing_waits_for_a_callback_of_another_thread(db: qsdb.Database) -> None:
    began, may_go = threading.Event(), threading.Event()
    told: list[str] = []

    def slow(_: object) -> None:
        began.set()
        assert may_go.wait(30)
        told.append("told")

    query = db.subscribe(ALL, slow)
    committer = threaded(lambda: db.call(join, 1))
    assert began.wait(30)

    def close() -> None:
        query.close()
        told.append("closed")

    closer = threaded(close)
    closer.join(0.05)
    assert closer.is_alive()
    may_go.set()

    assert ended(closer)
    assert ended(committer)
    assert told == ["told", "closed"]


def test_writers_do_not_wait_for_callbacks_to_commit(db: qsdb.Database) -> None:
    """They wait to be told, after they have committed."""
    began, may_go = threading.Event(), threading.Event()

    def slow(update: Any) -> None:
        if update.inserts == [Member(1)]:
            began.set()
            assert may_go.wait(30)

    db.subscribe(ALL, slow)
    first = threaded(lambda: db.call(join, 1))
    assert began.wait(30)
    second = threaded(lambda: db.call(join, 2))
    while db.offset < 3:
        second.join(0.001)
    assert second.is_alive()
    may_go.set()

    assert ended(first)
    assert ended(second)


def test_two_threads_commit_at_once(db: qsdb.Database) -> None:
    """Each hears one serial order, and of its own commit before its call returns."""
    heard: list[list[tuple[int, int]]] = [[], []]

    def listen(number: int) -> Callable[[Any], None]:
        return lambda update: heard[number].append(
            (update.offset, update.inserts[0].id)
        )

    queries = [db.subscribe(ALL, listen(number)) for number in range(2)]
    late: list[int] = []

    def work(first: int) -> None:
        for number in range(first, first + 300):
            db.call(join, number)
            if number not in {told for _, told in [*heard[0]]}:
                late.append(number)

    threads = [threaded(lambda n=n: work(n)) for n in (0, 1000)]  # type: ignore[misc]
    assert all(map(ended, threads))

    assert late == []
    assert heard[0] == heard[1]
    assert [offset for offset, _ in heard[0]] == [*range(2, 602)]
    assert len(queries[0].rows) == 600


def test_subscribing_while_another_thread_commits(db: qsdb.Database) -> None:
    """Nothing is missed and nothing is told twice."""
    is_done = threading.Event()

    def work() -> None:
        for number in range(500):
            db.call(join, number)
        is_done.set()

    committer = threaded(work)
    watched: list[tuple[Any, list[int]]] = []
    while not is_done.is_set():
        offsets: list[int] = []
        query = db.subscribe(ALL, lambda u, o=offsets: o.append(u.offset))  # type: ignore[misc]
        watched.append((query, offsets))
        if len(watched) > 20:
            watched[len(watched) // 2][0].close()
    assert ended(committer)

    for query, offsets in watched:
        if query.result is not None:
            assert offsets == [*range(query.offset + 1, 502)]
            assert len(query.initial) == query.offset - 1
            assert len(query.rows) == 500


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], object]]:
    """Give a list of what another thread does while a first result is read."""
    actions: list[Callable[[], object]] = []
    first_result = asked.first_result

    def slow(*arguments: Any) -> Any:
        for action in actions:
            assert ended(threaded(action))
        return first_result(*arguments)

    monkeypatch.setattr(live_queries, "first_result", slow)
    return actions


def test_commits_during_the_first_result(
    db: qsdb.Database, meanwhile: list[Callable[[], object]]
) -> None:
    db.call(join, 1)
    meanwhile += [lambda: db.call(join, 2), lambda: db.call(join, 3)]
    told: list[tuple[int, list[Member], int]] = []

    query = db.subscribe(
        ALL, lambda update: told.append((update.offset, update.inserts, len(told)))
    )

    assert (query.offset, query.initial) == (2, [Member(1)])
    assert told == [(3, [Member(2)], 0), (4, [Member(3)], 1)]
    assert query.rows == [Member(1), Member(2), Member(3)]


def test_a_callback_that_raises_for_them_is_logged(
    db: qsdb.Database,
    meanwhile: list[Callable[[], object]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    meanwhile += [lambda: db.call(join, 2), lambda: db.call(join, 3)]

    query = db.subscribe(ALL, lambda _: 1 / 0)

    assert query.rows == [Member(2), Member(3)]
    assert caplog.messages == ["a callback raised"] * 2


def test_an_end_during_the_first_result(
    db: qsdb.Database, meanwhile: list[Callable[[], object]]
) -> None:
    def overflow() -> None:
        with db.write() as tx:
            tx[Member].insert(Member(1, 2**32 - 1))

    meanwhile.append(lambda: db.call(join, 7))
    meanwhile.append(overflow)
    told: list[object] = []
    errors: list[object] = []

    query = db.subscribe(
        f"{ALL} WHERE points + 1 > 0", told.append, on_error=errors.append
    )

    assert len(told) == 1
    assert query.rows == [Member(7)]
    assert errors == [query.error]
    assert sizes(db) == {0}


def test_an_exception_during_the_first_result(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(live_queries, "first_result", interrupt)
    with pytest.raises(KeyboardInterrupt):
        db.subscribe(ALL)

    assert sizes(db) == {0}
    assert db.stats().pins == 0


def test_an_exception_while_one_is_entered(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = db._subscriptions.engine
    stays = db.subscribe(ALL)
    subscribe = engine.subscribe

    def interrupted(*arguments: Any) -> Any:
        subscribe(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "subscribe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        db.subscribe(f"{ALL} WHERE id = 1")
    monkeypatch.undo()
    assert engine.sizes["templates"] == 1

    db.call(join, 1)
    assert stays.rows == [Member(1)]
    stays.close()
    assert sizes(db) == {0}


@pytest.mark.parametrize("is_before", [False, True])
def test_an_exception_while_one_leaves(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch, *, is_before: bool
) -> None:
    engine = db._subscriptions.engine
    stays, goes = db.subscribe(ALL), db.subscribe(f"{ALL} WHERE id = 1")
    unsubscribe = engine.unsubscribe

    def interrupted(*arguments: Any) -> None:
        if not is_before:
            unsubscribe(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, "unsubscribe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        goes.close()
    monkeypatch.undo()

    db.call(join, 1)
    assert (stays.rows, goes.rows) == ([Member(1)], [])
    goes.close()
    stays.close()
    assert sizes(db) == {0}


@pytest.mark.parametrize(
    ("name", "act"),
    [
        ("enter", lambda db, _: db.subscribe(ALL)),
        ("take", lambda _, query: query.close()),
    ],
)
def test_an_exception_before_the_lock_is_taken(
    db: qsdb.Database,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    act: Callable[[qsdb.Database, qsdb.LiveQuery], object],
) -> None:
    def interrupt(_: Writer) -> None:
        raise KeyboardInterrupt

    query = db.subscribe(ALL)
    monkeypatch.setattr(Writer, name, interrupt)
    with pytest.raises(KeyboardInterrupt):
        act(db, query)
    monkeypatch.undo()

    db.call(join, 1)
    assert query.rows == [Member(1)]
    assert db.stats().live_queries == 1


def test_an_exception_while_one_that_failed_leaves(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = db._subscriptions.engine
    failing = db.subscribe(f"{ALL} WHERE id + 4294967294 > 0")
    unsubscribe, interrupts = engine.unsubscribe, iter([KeyboardInterrupt])

    def interrupted(*arguments: Any) -> None:
        for each in interrupts:
            raise each
        unsubscribe(*arguments)

    monkeypatch.setattr(engine, "unsubscribe", interrupted)
    with pytest.raises(KeyboardInterrupt):
        db.call(join, 2)
    db.call(join, 1)

    assert isinstance(failing.error, qsdb.QueryError)
    assert sizes(db) == {0}


# The disk.


class HeldDirectory(InterposedDirectory):
    """A disk whose syncs wait until they are let through."""

    def __init__(self) -> None:
        super().__init__(SimulatedDirectory())
        self.may_sync = threading.Event()
        self.may_sync.set()

    def around(self, call: Call, perform: Callable[[], T]) -> T:
        if call.operation == "sync":
            assert self.may_sync.wait(30)
        return perform()


def test_confirmed_is_told_when_it_is_on_the_disk() -> None:
    disk = HeldDirectory()
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    db = qsdb.Database(club, disk, durability="interval", sync_interval=0.001)
    db.wait_durable()
    query = db.subscribe(ALL, lambda _: told.put("confirmed"), confirmed=True)
    db.subscribe(ALL, lambda _: told.put("at once"))

    disk.may_sync.clear()
    db.call(join, 1)
    assert told.get(timeout=30) == "at once"
    assert told.empty()
    assert query.rows == []
    assert db.durable_offset < db.offset

    disk.may_sync.set()
    assert told.get(timeout=30) == "confirmed"
    assert db.durable_offset == db.offset
    assert query.rows == [Member(1)]
    db.close()


def test_confirmed_begins_with_what_is_on_the_disk() -> None:
    disk = HeldDirectory()
    db = qsdb.Database(club, disk, durability="interval", sync_interval=0.001)
    db.wait_durable()
    disk.may_sync.clear()
    db.call(join, 1)
    found: list[Any] = []

    thread = threaded(lambda: found.append(db.subscribe(ALL, confirmed=True)))
    thread.join(0.05)
    assert found == []
    disk.may_sync.set()

    assert ended(thread)
    assert found[0].initial == [Member(1)]
    db.close()


def test_confirmed_in_memory_is_told_at_once(db: qsdb.Database) -> None:
    told: list[object] = []
    db.subscribe(ALL, told.append, confirmed=True)

    db.call(join, 1)

    assert len(told) == 1


def test_what_is_due_is_told_though_the_database_closes() -> None:
    disk = HeldDirectory()
    told: queue.SimpleQueue[str] = queue.SimpleQueue()
    db = qsdb.Database(club, disk, durability="interval", sync_interval=0.001)
    query = db.subscribe(ALL, lambda _: told.put("confirmed"), confirmed=True)
    for number in range(40):
        db.call(join, number)
    db.close()

    assert told.qsize() == 40
    assert len(query.rows) == 40
    assert repr(query).startswith("<LiveQuery ended")


PROGRAM = """
import qsdb, sys, threading
club = qsdb.Module("club")
class Member(qsdb.Row, module=club):
    id: qsdb.u32 = qsdb.primary_key()
db = qsdb.Database(club, sys.argv[1])
told = threading.Event()
query = db.subscribe("SELECT * FROM member", lambda _: told.set(), confirmed=True)
with db.write() as tx:
    tx[Member].insert(Member(1))
assert told.wait(30)
print("done")
"""


@pytest.mark.slow
def test_a_program_may_end_with_live_queries(tmp_path: Any) -> None:
    ran = run_python("-c", PROGRAM, str(tmp_path / "data"), cwd=tmp_path)

    assert (ran.stdout, ran.stderr, ran.returncode) == ("done\n", "", 0)


# Who keeps it.


def test_a_query_that_nobody_can_read_any_more_ends(db: qsdb.Database) -> None:
    kept = db.subscribe(f"{ALL} WHERE id = 1")
    db.subscribe(f"{ALL} WHERE id = 1").rows  # noqa: B018  and it is dropped
    other = db.subscribe(f"{ALL} WHERE id = 2", confirmed=True)
    left = other.subscriber
    del other
    assert len(db._subscriptions.engine.subscribers) == 3
    assert left.count == 0

    db.call(join, 1)

    assert db._subscriptions.engine.subscribers == [kept.subscriber]
    assert not db._subscriptions.unread
    assert kept.rows == [Member(1)]
    del kept
    db.call(join, 2)
    assert sizes(db) == {0}
    left.ended()  # by whoever closes the database at the same moment


def test_a_query_that_is_only_read_may_wait_for_the_disk(db: qsdb.Database) -> None:
    live = db.subscribe(ALL, confirmed=True)
    db.call(join, 1)

    assert live.rows == [Member(1)]


def test_a_query_that_calls_somebody_is_kept(db: qsdb.Database) -> None:
    told: list[Any] = []
    db.subscribe(ALL, told.append)
    db.subscribe("SELECT 200 / (7 - points) AS x FROM member", on_error=told.append)
    db.call(join, 1)
    db.call(join, 2)
    assert [each.offset for each in told] == [2, 3]
    db.sql("UPDATE member SET points = 7")
    assert [type(each) for each in told[2:]] == [qsdb.Update, qsdb.QueryError]


def test_who_reads_changes_keeps_the_query(db: qsdb.Database) -> None:
    changes = db.subscribe(ALL).changes(0)
    db.call(join, 1)
    db.call(join, 2)
    assert [each.inserts for each in changes] == [[Member(1)], [Member(2)]]
    del changes
    db.call(join, 3)
    assert sizes(db) == {0}


def test_a_query_that_goes_in_the_middle_of_a_commit_is_told_nothing(
    db: qsdb.Database,
) -> None:
    kept = [db.subscribe(ALL)]

    def drop(_: object) -> None:
        kept.clear()

    first = db.subscribe(f"{ALL} WHERE id > 0", drop)
    late = db.subscribe(ALL)
    subscriber, late = late.subscriber, None  # type: ignore[assignment]
    batch = Batch(subscriber, 9, None, [])
    subscriber.receive(batch)
    assert batch.is_told
    db.call(join, 1)
    db.call(join, 2)
    assert db._subscriptions.engine.subscribers == [first]


def test_an_interrupt_while_queries_are_let_go(db: qsdb.Database) -> None:
    kept = db.subscribe(ALL)
    for number in (1, 2):
        db.subscribe(f"{ALL} WHERE id = {number}")
    unsubscribe = db._subscriptions.engine.unsubscribe
    calls = []

    def interrupted(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == 1:
            raise KeyboardInterrupt
        unsubscribe(*arguments)

    db._subscriptions.engine.unsubscribe = interrupted  # type: ignore[assignment, method-assign]
    with pytest.raises(KeyboardInterrupt):
        db.call(join, 1)

    assert db._subscriptions.engine.subscribers == [kept.subscriber]
    db.call(join, 2)
    assert kept.rows == [Member(1), Member(2)]
    assert not db._subscriptions.unread


def test_a_query_that_nobody_keeps_lives_through_a_publication(
    db: qsdb.Database,
) -> None:
    kept, dropped = db.subscribe(ALL), db.subscribe(f"{ALL} WHERE id = 1")
    before = kept.asked
    left = dropped.subscriber
    del dropped
    db.publish(club)
    assert kept.asked is not before or kept.asked is kept.subscriber.asked
    left.asked = before
    db.call(join, 1)
    assert kept.rows == [Member(1)]


# Tables that nobody looks at.


def test_a_commit_that_concerns_nobody_is_not_looked_at(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub, seen = db._subscriptions, []
    looks = hub.committed

    def committed(opened: Any, offset: int, origin: object) -> None:
        seen.append(offset)
        looks(opened, offset, origin)

    monkeypatch.setattr(hub, "committed", committed)

    def change_both() -> None:
        for row in (Member(db.offset), Secret(db.offset)):
            with db.write() as tx:
                tx[type(row)].insert(row)

    with db.subscribe(ALL):
        change_both()
        assert seen == [2]
        db.subscribe("SELECT id FROM secret").close()
        with db.subscribe("SELECT id FROM secret"):
            change_both()
            assert seen == [2, 4, 5]
        change_both()
        assert seen == [2, 4, 5, 6]
        db.publish(club)
        change_both()
        assert seen[4:] == [8]
    change_both()
    assert len(seen) == 5
    assert hub.watched == set()


# Where it fails.


def test_each_is_told_where_its_own_text_fails(db: qsdb.Database) -> None:
    db.call(join, 1)
    told: list[qsdb.QueryError] = []
    texts = (
        f"{ALL} WHERE 9 / (points + 5) = 1 AND 7 / points = 1",
        f"{ALL} AS m\nWHERE 9 / (m.points + 5) = 1\n  AND 7 / m.points = :a",
    )
    with pytest.raises(qsdb.QueryError) as caught:
        db.subscribe(texts[0])
    assert (caught.value.line, caught.value.column) == (1, 57)
    db.sql("UPDATE member SET points = 7")
    live = [
        db.subscribe(text, on_error=told.append, params=params)
        for text, params in zip(texts, (None, {"a": 1}), strict=True)
    ]
    assert live[0].result is live[1].result

    db.sql("UPDATE member SET points = 0")

    assert [(each.line, each.column) for each in told] == [(1, 57), (3, 11)]
    assert [type(each) for each in told] == [qsdb.QueryError] * 2
    assert {each.reason for each in told} == {"something is divided by 0"}
    assert str(told[1]).endswith("  AND 7 / m.points = :a\n            ^")
    assert live[0].error is told[0]


# One that is optional.


@pytest.mark.parametrize("number", [None, 1])
def test_an_optional_condition_is_kept_current(
    db: qsdb.Database, number: int | None
) -> None:
    text = f"{ALL} WHERE (:n IS NULL OR id = :n) AND points >= 0"
    live = db.subscribe(text, params={"n": number})
    once = db.subscribe(f"{ALL} WHERE id = :n AND :n IS NOT NULL", None, {"n": number})
    for each in (1, 2):
        db.call(join, each)
    db.sql("UPDATE member SET points = id")
    assert live.rows == db.sql(text, {"n": number}).rows
    assert len(live.rows) == (2 if number is None else 1)
    assert len(once.rows) == (0 if number is None else 1)
    db.sql("DELETE FROM member")
    assert live.rows == once.rows == []


@pytest.mark.parametrize(
    ("constant", "parameters", "given"),
    [
        ("id = 5", "id = :p", {"p": 5}),
        ("id = 5 AND points = 6", "points = :q AND :p = id", {"p": 5, "q": 6}),
        ("id IN (5, 6)", "id IN (:q, :p)", {"p": 5, "q": 6}),
        ("id BETWEEN 5 AND 6", "id BETWEEN :p AND 6", {"p": 5}),
        ("id + 1 = 5", "id + :one = 5", {"one": 1}),
    ],
)
def test_a_constant_and_a_parameter_share_a_result(
    db: qsdb.Database, constant: str, parameters: str, given: dict[str, int]
) -> None:
    one = db.subscribe(f"{ALL} WHERE {constant}")
    other = db.subscribe(f"{ALL} WHERE {parameters}", params=given)
    assert one.result is other.result
