"""`LiveQuery.changes`: a thread that reads what changes, at its own speed."""

import contextlib
import itertools
import queue
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

import qsdb
from qsdb import u8, u32
from qsdb.live.states.windows import patched
from qsdb.runtime import backlogs, updates
from tests.support.stepper import Interrupter, needs_steps

pond = qsdb.Module("pond")


class Fish(qsdb.Row, module=pond, public=True):
    id: u32 = qsdb.primary_key()
    size: u8 = 0


class Splash(qsdb.Row, module=pond, public=True, event=True):
    size: u8


ALL = "SELECT * FROM fish"
FRAGILE = "SELECT id FROM fish WHERE size + 1 > 0"


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(pond, seed=1) as opened:
        yield opened


def put(db: qsdb.Database, number: int, size: int = 0) -> None:
    with db.write() as tx:
        tx[Fish].upsert(Fish(number, size))


def said(update: Any) -> tuple[range, list[Fish], list[Fish]]:
    return update.offsets, update.inserts, update.deletes


def test_each_commit_in_its_turn(db: qsdb.Database) -> None:
    query = db.subscribe(ALL)
    changes = query.changes(timeout=0)
    assert [*changes] == []
    reader = query.changes()
    put(db, 1)  # before the first is asked for
    first = query.offset + 1
    assert said(next(reader)) == (range(first, first + 1), [Fish(1)], [])

    put(db, 2)
    put(db, 1, 7)

    at = first + 1
    assert said(next(reader)) == (range(at, at + 1), [Fish(2)], [])
    assert said(next(reader)) == (range(at + 1, at + 2), [Fish(1, 7)], [Fish(1)])
    query.close()
    assert [*reader] == []


def test_it_begins_with_all_that_is_new_since_the_first_result(
    db: qsdb.Database,
) -> None:
    put(db, 1)
    put(db, 2)
    query = db.subscribe(ALL)
    put(db, 2, 5)
    put(db, 3)
    put(db, 3, 1)

    [update] = query.changes(timeout=0)

    assert update.offsets == range(query.offset + 1, db.offset + 1)
    assert Counter(update.inserts) == Counter([Fish(2, 5), Fish(3, 1)])
    assert update.deletes == [Fish(2)]
    assert query.initial == [Fish(1), Fish(2)]


def test_each_reader_is_given_all(db: qsdb.Database) -> None:
    query = db.subscribe(ALL)
    one, other = query.changes(timeout=0), query.changes(timeout=0)
    put(db, 1)

    assert [each.inserts for each in one] == [[Fish(1)]]
    assert [each.inserts for each in other] == [[Fish(1)]]
    put(db, 2)
    assert [each.inserts for each in one] == [[Fish(2)]]
    del one
    other.close()
    put(db, 3)
    assert query._backlogs == []


def test_who_falls_behind_is_given_several_in_one(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlogs, "UPDATES_MAX", 5)
    query = db.subscribe(ALL)
    reader = query.changes()
    put(db, 0)
    next(reader)
    [backlog] = query._backlogs
    for number in range(100):
        put(db, number % 7, number)
        assert len(backlog._state[0]) <= 5

    query.close()
    told = [*reader]

    offsets = [number for each in told for number in each.offsets]
    assert offsets == [*range(query.offset + 2, db.offset + 1)]
    rows = Counter([Fish(0)])
    for each in told:
        rows.update(each.inserts)
        rows.subtract(each.deletes)
    assert +rows == Counter(query.rows)
    assert len(told[0].offsets) > 5


def test_what_came_and_went_while_behind_is_not_told(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlogs, "UPDATES_MAX", 1)
    query = db.subscribe(ALL)
    reader = query.changes(timeout=0)
    put(db, 0)
    next(reader)
    put(db, 1)
    with db.write() as tx:
        tx[Fish].delete(Fish(1))

    assert [*reader] == []


def test_an_order_does_not_add_up_to_more_than_its_rows(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlogs, "UPDATES_MAX", 3)
    for number in range(9):
        put(db, number, number)
    query = db.subscribe("SELECT * FROM fish ORDER BY size, id LIMIT 3")
    reader = query.changes(timeout=0)
    shown, rng = query.rows, random.Random(1)
    for _ in range(40):
        for _ in range(20):
            put(db, rng.randrange(9), rng.randrange(100))
        for update in reader:
            if len(update.offsets) > 1:
                assert len(update.moves or ()) <= 6
            shown = patched(shown, update.moves or ())
        assert shown == query.rows


def test_an_order_that_is_as_it_was_is_not_told(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlogs, "UPDATES_MAX", 1)
    for number in range(5):
        put(db, number, number)
    reader = db.subscribe("SELECT * FROM fish ORDER BY size LIMIT 3").changes(0)
    for _ in range(10):
        put(db, 0, 100)
        put(db, 0, 0)

    assert [*reader] == []


def test_a_thread_reads_while_others_commit(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlogs, "UPDATES_MAX", 8)
    query = db.subscribe("SELECT size FROM fish")
    found: queue.SimpleQueue[Counter[Any]] = queue.SimpleQueue()

    def read() -> None:
        rows: Counter[Any] = Counter(query.initial)
        last = query.offset
        for update in query.changes():
            assert update.offsets.start > last
            last = update.offset
            rows.update(update.inserts)
            rows.subtract(update.deletes)
            assert min(rows.values()) >= 0
            if last % 10 == 0:
                time.sleep(0.002)
        found.put(+rows)

    def write(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(300):
            put(db, rng.randrange(20), rng.randrange(5))

    threads = [threading.Thread(target=read, daemon=True) for _ in range(2)]
    threads += [threading.Thread(target=write, args=(n,), daemon=True) for n in (1, 2)]
    for each in threads:
        each.start()
    for each in threads[2:]:
        each.join(60)
    db.close()

    assert [found.get(timeout=60) for _ in range(2)] == [Counter(query.rows)] * 2


def test_a_query_that_fails_ends_it_with_the_error(db: qsdb.Database) -> None:
    query = db.subscribe(FRAGILE)
    reader = query.changes()
    put(db, 1)
    assert len(next(reader).inserts) == 1
    put(db, 2)
    put(db, 3, 255)

    assert len(next(reader).inserts) == 1
    with pytest.raises(qsdb.QueryError, match="256 is not u8"):
        next(reader)
    with pytest.raises(qsdb.QueryError, match="256 is not u8"):
        [*query.changes()]


def test_events(db: qsdb.Database) -> None:
    query = db.subscribe("SELECT * FROM splash")
    reader = query.changes(timeout=0)
    put(db, 1)
    assert [*reader] == []
    reader = query.changes(timeout=5)
    threading.Timer(0.05, splash, (db,)).start()

    assert next(reader).inserts == [Splash(3)]


def test_who_is_too_far_behind_with_events_is_told_so(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "EVENT_ROWS_MAX", 3)
    query = db.subscribe("SELECT * FROM splash")
    slow, other = query.changes(timeout=0), query.changes(timeout=0)
    for count in (9, 1):  # one commit may have any number
        with db.write() as tx:
            tx[Splash].insert_many([Splash(number) for number in range(count)])
        assert len(next(other).inserts) == count
    assert len(next(slow).inserts) == 9
    with pytest.raises(qsdb.QueryError, match=r"10 rows .* and 3 are the most"):
        next(slow)

    slow = query.changes(timeout=0)
    for _ in range(4):
        splash(db)
        assert next(other).inserts == [Splash(3)]
    told: list[list[Splash]] = []
    with pytest.raises(qsdb.QueryError, match=r"4 rows .* and 3 are the most"):
        told += (update.inserts for update in slow)
    assert told == [[Splash(3)]] * 3
    assert query.error is None
    splash(db)
    assert [each.inserts for each in other] == [[Splash(3)]]
    assert len(query._backlogs) == 1


def splash(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Splash].insert(Splash(3))


def test_who_waits_is_woken_when_the_database_is_closed() -> None:
    db = qsdb.Database(pond)
    query = db.subscribe(ALL)
    ended = threading.Event()

    def read() -> None:
        assert [each.inserts for each in query.changes()] == [[Fish(1)]]
        ended.set()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    put(db, 1)
    assert not ended.wait(0.02)
    db.close()

    assert ended.wait(30)
    assert [*query.changes()] != []


@pytest.mark.parametrize("timeout", [-1, "1", True, float("nan"), 1e20])
def test_a_timeout_that_is_none(db: qsdb.Database, timeout: Any) -> None:
    with pytest.raises(qsdb.ArgumentError, match="a timeout is a number of seconds"):
        db.subscribe(ALL).changes(timeout)


def test_where_nothing_can_come(db: qsdb.Database) -> None:
    refused: list[BaseException] = []

    def callback(_: object) -> None:
        with pytest.raises(qsdb.UsageError, match="a callback waits") as caught:
            query.changes()
        refused.append(caught.value)

    query = db.subscribe(ALL, callback)
    put(db, 1)
    assert len(refused) == 1
    with db.write(), pytest.raises(qsdb.UsageError, match="transaction"):
        query.changes()


def test_no_event_is_lost_between_two_looks(db: qsdb.Database) -> None:
    query = db.subscribe("SELECT * FROM splash")
    changes = query.changes(timeout=0)
    for size in (1, 2):
        db.sql(f"INSERT INTO splash VALUES ({size})")
    assert [each.inserts for each in changes] == [[Splash(1)], [Splash(2)]]
    db.sql("INSERT INTO splash VALUES (3)")
    assert [each.inserts for each in changes] == [[Splash(3)]]


def test_reading_in_a_callback_is_refused(db: qsdb.Database) -> None:
    query = db.subscribe(ALL)
    changes, refused = query.changes(timeout=0), list[str]()

    def read(_: qsdb.Update) -> None:
        with pytest.raises(qsdb.UsageError) as caught:
            next(changes)
        refused.append(str(caught.value))

    db.subscribe(ALL, read)
    put(db, 1)
    assert refused == ["a callback waits for changes, and they come after it"]


# Interrupts.


HERE = ("/runtime/live_queries.py", "/runtime/backlogs.py", "/threading.py")


@pytest.mark.slow
@needs_steps
def test_an_interrupt_loses_no_update_and_doubles_none() -> None:
    for step in itertools.count(1):
        with qsdb.Database(pond, seed=1) as db:
            told: list[Any] = []
            query = db.subscribe(ALL, told.append)
            readers = [query.changes(timeout=0) for _ in range(2)]
            interrupter = Interrupter(step, HERE)
            with contextlib.suppress(KeyboardInterrupt), interrupter.running():
                put(db, 1)
            late = query.changes(timeout=0)
            put(db, 2)
            where = f"step {step}, in {interrupter.place}"
            assert query.rows == [Fish(1), Fish(2)], where
            for each in (told, *readers, late):
                come = [row for update in each for row in update.inserts]
                assert come == [Fish(1), Fish(2)], where
            assert not lock_is_left(readers), where
        if not interrupter.place:
            break
    assert step > 5, "hardly anything was interrupted"


def lock_is_left(readers: list[Any]) -> bool:
    """Whether another thread cannot read what a reader has."""
    thread = threading.Thread(target=lambda: [*map(list, readers)], daemon=True)
    thread.start()
    thread.join(30)
    return thread.is_alive()


@pytest.mark.slow
@needs_steps
def test_an_interrupt_of_a_failure_ends_all_readers() -> None:
    for step in itertools.count(1):
        with qsdb.Database(pond, seed=1) as db:
            failed: list[Any] = []
            query = db.subscribe(FRAGILE, on_error=failed.append)
            readers = [query.changes(timeout=0) for _ in range(2)]
            interrupter = Interrupter(step, HERE)
            with contextlib.suppress(KeyboardInterrupt), interrupter.running():
                put(db, 3, 255)
            put(db, 4)
            where = f"step {step}, in {interrupter.place}"
            assert len(failed) == 1, where
            for each in readers:
                with pytest.raises(qsdb.QueryError):
                    next(each)
            assert query.error is failed[0], where
        if not interrupter.place:
            break
    assert step > 5, "hardly anything was interrupted"


def test_what_was_put_in_last_twice_is_once(db: qsdb.Database) -> None:
    query = db.subscribe(ALL)
    reader = query.changes(timeout=0)
    put(db, 1)
    update = next(reader)
    backlog = backlogs.Backlog()
    for _ in range(2):
        backlog.put(update)

    assert backlog.take(0) is update
    backlog.put(update)  # it was read meanwhile
    assert backlog.take(0) is None
