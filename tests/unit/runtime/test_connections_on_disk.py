"""Connections that are told only of what is on the disk."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

import qsdb
from qsdb.runtime.prepared import handle_of
from qsdb.schema.system import ST_SECRET
from qsdb.testing import Call, SimulatedDirectory
from qsdb.testing.disk.interposed import InterposedDirectory
from tests.unit.runtime.hall import ALL, Ear, Player, engine_of, hall

T = TypeVar("T")

P1, P2 = Player(1, "p1"), Player(2, "p2")

street = qsdb.Module("street")


class Shout(qsdb.Row, module=street, public=True, event=True):
    text: str


class HeldDirectory(InterposedDirectory):
    """A disk whose syncs wait until they are let through, or fail."""

    def __init__(self) -> None:
        super().__init__(SimulatedDirectory())
        self.may_sync = threading.Event()
        self.may_sync.set()
        self.fails = False

    def around(self, call: Call, perform: Callable[[], T]) -> T:
        if call.operation == "sync":
            assert self.may_sync.wait(30)
            if self.fails:
                raise OSError(5, "the disk is gone")
        return perform()


@pytest.fixture
def disk() -> HeldDirectory:
    return HeldDirectory()


@pytest.fixture
def db(disk: HeldDirectory) -> Iterator[qsdb.Database]:
    made = qsdb.Database(hall, disk, durability="interval", sync_interval=0.001)
    made.wait_durable()
    yield made
    disk.may_sync.set()
    if disk.fails:
        with pytest.raises(qsdb.FailedError):
            made.close()
    else:
        made.close()


def soon(holds: Callable[[], object]) -> bool:
    """Wait for something that another thread does."""
    end = time.monotonic() + 30
    while not holds() and time.monotonic() < end:
        time.sleep(0.001)
    return bool(holds())


def test_it_is_told_of_what_is_on_the_disk(
    disk: HeldDirectory, db: qsdb.Database
) -> None:
    patient, hasty = db.connect(confirmed=True), db.connect()
    ears = Ear(patient), Ear(hasty)
    sub = patient.subscribe(ALL)
    hasty.subscribe(ALL)
    disk.may_sync.clear()

    offset = db.offset
    call = threading.Thread(target=patient.reducers.join, args=(1,), daemon=True)
    call.start()
    assert soon(lambda: db.offset > offset)
    hasty.reducers.join(2)
    assert ears[1].heard() == [("+", P1), ("+", P2)]
    assert ears[0].heard() == sub.rows == list(patient.db[Player]) == []
    assert db.durable_offset < db.offset

    disk.may_sync.set()
    assert soon(lambda: len(ears[0].events) == 2)
    assert ears[0].heard() == [("+", P1), ("+", P2)]
    assert [each.kind for each in ears[0].events] == ["reducer", "transaction"]
    call.join(30)
    assert not call.is_alive()
    assert patient.confirmed
    assert not hasty.confirmed


def test_a_call_of_its_own_is_there_on_the_next_line(db: qsdb.Database) -> None:
    conn = db.connect(confirmed=True)
    conn.subscribe(ALL)
    for number in range(1, 20):
        conn.reducers.join(number)
        assert len(conn.db[Player]) == number
        assert db.durable_offset == db.offset


def test_a_call_of_its_own_in_a_callback_comes_after_it(db: qsdb.Database) -> None:
    conn = db.connect(confirmed=True)
    conn.subscribe(ALL)
    seen: list[int] = []

    def more(_: object, row: Player) -> None:
        if row.id < 5:
            conn.reducers.join(row.id + 1)
            seen.append(len(conn.db[Player]))

    conn.db[Player].on_insert(more)
    conn.reducers.join(1)

    assert soon(lambda: len(conn.db[Player]) == 5)
    assert seen == [1, 2, 3, 4]


def test_who_falls_behind_is_told_of_several_commits_at_once(
    disk: HeldDirectory, db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery = db._subscriptions.delivery
    monkeypatch.setattr(delivery, "_durable_max", 6)
    monkeypatch.setattr("qsdb.runtime.delivery.WAITING_MAX", 6)
    monkeypatch.setattr("qsdb.runtime.delivery.BEHIND_MIN", 1)
    conn, updates = db.connect(confirmed=True), list[qsdb.Update]()
    ear = Ear(conn)
    sub = conn.subscribe("SELECT * FROM player WHERE level > 2", ALL)
    query = db.subscribe(ALL, updates.append, confirmed=True)
    disk.may_sync.clear()
    for number in range(40):
        db.call("join", number % 5, level=number % 4)
        assert len(delivery._durable) <= 8

    disk.may_sync.set()
    now = Counter(db.sql(ALL).rows)
    assert soon(lambda: Counter(query.rows) == now)
    assert len(updates) < 20
    assert [n for each in updates for n in each.offsets][-1] == db.offset
    assert sum([len(each.offsets) for each in updates]) == 40
    db.close()
    assert len(ear.events) < 20
    assert {each.kind for each in ear.events} == {"transaction"}
    assert Counter(conn.db[Player]) == Counter(query.rows)
    high = [each for each in query.rows if each.level > 2]
    assert Counter(sub.rows) == Counter(high + query.rows)


def test_who_is_too_slow_for_events_ends(
    disk: HeldDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = qsdb.Database(street, disk, durability="interval", sync_interval=0.001)
    db.wait_durable()
    delivery = db._subscriptions.delivery
    monkeypatch.setattr(delivery, "_durable_max", 6)
    monkeypatch.setattr("qsdb.runtime.delivery.WAITING_MAX", 6)
    monkeypatch.setattr("qsdb.runtime.delivery.BEHIND_MIN", 1)
    monkeypatch.setattr("qsdb.runtime.updates.EVENT_ROWS_MAX", 9)
    errors, told = list[qsdb.QueryError](), list[qsdb.Update]()
    query = db.subscribe(
        "SELECT * FROM shout", told.append, confirmed=True, on_error=errors.append
    )
    disk.may_sync.clear()
    for number in range(40):
        with db.write() as tx:
            tx[Shout].insert(Shout(f"{number}"))
        assert len(delivery._durable) <= 8
    disk.may_sync.set()
    assert soon(lambda: bool(errors))

    assert errors == [query.error]
    assert "9 are the most" in str(query.error)
    assert (repr(query).split(",")[0], told) == ("<LiveQuery ended", [])
    with pytest.raises(qsdb.QueryError, match="9 are the most"):
        next(query.changes())
    assert db.stats().live_queries == 1
    with db.write() as tx:
        tx[Shout].insert(Shout("last"))
    assert db.stats().live_queries == 0
    db.close()
    assert (told, len(errors)) == ([], 1)


@pytest.fixture
def _joins_at_once(db: qsdb.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(db._subscriptions.delivery, "_durable_max", 0)
    monkeypatch.setattr("qsdb.runtime.delivery.WAITING_MAX", 0)
    monkeypatch.setattr("qsdb.runtime.delivery.BEHIND_MIN", 1)


@pytest.mark.usefixtures("_joins_at_once")
def test_a_call_of_its_own_is_not_told_with_others(
    disk: HeldDirectory, db: qsdb.Database
) -> None:
    conn = db.connect(confirmed=True)
    ear = Ear(conn)
    conn.subscribe(ALL)
    disk.may_sync.clear()
    for number in (1, 2):
        db.call("join", number)
    offset = db.offset
    call = threading.Thread(target=conn.reducers.join, args=(3,), daemon=True)
    call.start()
    assert soon(lambda: db.offset > offset)
    for number in (4, 5):
        db.call("join", number)
    disk.may_sync.set()
    call.join(30)

    assert not call.is_alive()
    assert soon(lambda: len(conn.db[Player]) == 5)
    own = [each.offset for each in ear.events if each.kind == "reducer"]
    assert own == [offset + 1]
    assert [each.offset for each in ear.events][:3] == [offset, offset, *own]


@pytest.mark.usefixtures("_joins_at_once")
def test_a_second_subscription_is_between_what_is_told_as_one(
    disk: HeldDirectory, db: qsdb.Database
) -> None:
    conn = db.connect(confirmed=True)
    conn.subscribe("SELECT * FROM player WHERE id < 5")
    db.call("join", 1)
    db.wait_durable()
    assert soon(lambda: len(conn.db[Player]) == 1)
    ear = Ear(conn)
    disk.may_sync.clear()
    for level in (1, 2):
        db.call("join", 1, level=level)
    second = threading.Thread(target=conn.subscribe, args=(ALL,), daemon=True)
    second.start()
    assert soon(lambda: len({*db._subscriptions.engine.subscribers}) == 2)
    for level in (3, 4):
        db.call("join", 1, level=level)
    disk.may_sync.set()
    second.join(30)

    assert not second.is_alive()
    assert soon(lambda: conn.db[Player].get(1) == levelled(4))
    told = ear.heard()
    print(told)
    assert told[0] == ("=", P1, levelled(2))
    assert told[-1][-1] == levelled(4)
    assert {sign for sign, *_ in told} == {"="}
    assert conn.db[Player].get(1) == levelled(4)
    assert list(conn.db[Player].level.filter(4)) == [levelled(4)]


def levelled(level: int) -> Player:
    return P1.replace(level=level)


def test_first_rows_are_on_the_disk_too(disk: HeldDirectory, db: qsdb.Database) -> None:
    conn = db.connect(confirmed=True)
    ear = Ear(conn)
    disk.may_sync.clear()
    db.call("join", 1)

    thread = threading.Thread(target=conn.subscribe, args=(ALL,), daemon=True)
    thread.start()
    thread.join(0.05)
    assert ear.heard() == list(conn.db[Player]) == []

    disk.may_sync.set()
    thread.join(30)
    assert not thread.is_alive()
    assert ear.heard() == [("+", P1)]


def test_a_second_subscription_finds_the_first_at_its_offset(
    db: qsdb.Database,
) -> None:
    conn = db.connect(confirmed=True)
    conn.subscribe("SELECT * FROM player WHERE id < 5")
    db.call("join", 1)
    db.wait_durable()
    assert soon(lambda: len(conn.db[Player]) == 1)
    ear = Ear(conn)
    # The thread that tells of what is on the disk has to wait meanwhile.
    with db._subscriptions.delivery.lock:
        db.call("join", 1, level=3)
        db.wait_durable()
        thread = threading.Thread(target=conn.subscribe, args=(ALL,), daemon=True)
        thread.start()
        assert soon(lambda: db._subscriptions.delivery.outbox)
    thread.join(30)

    assert not thread.is_alive()
    assert ear.heard() == [("=", P1, P1.replace(level=3))]
    assert [each.kind for each in ear.events] == ["transaction"]
    assert list(conn.db[Player]) == [P1.replace(level=3)]
    assert list(conn.db[Player].level.filter(0)) == []


def test_a_disk_that_fails_lets_nothing_begin(
    disk: HeldDirectory, db: qsdb.Database
) -> None:
    conn = db.connect(confirmed=True)
    ear = Ear(conn)
    disk.may_sync.clear()
    db.call("join", 1)
    disk.fails = True
    disk.may_sync.set()
    with pytest.raises(qsdb.FailedError):
        conn.subscribe(ALL)

    assert ear.heard() == list(conn.db[Player]) == []
    assert set(engine_of(db).sizes.values()) == {0}
    conn.close()


def test_closing_before_the_disk_has_it(disk: HeldDirectory, db: qsdb.Database) -> None:
    closed, kept = db.connect(confirmed=True), db.connect(confirmed=True)
    ears = Ear(closed), Ear(kept)
    sub = kept.subscribe("SELECT * FROM player WHERE id = 1")
    closed.subscribe(ALL)
    kept.subscribe("SELECT * FROM player WHERE id = 2")
    disk.may_sync.clear()
    db.call("join", 1)
    db.call("join", 2)
    closed.close()
    sub.close()
    disk.may_sync.set()

    assert soon(lambda: ears[1].events)
    assert ears[1].heard() == [("+", P2)]
    assert ears[0].heard() == []


def test_a_token_is_good_for_as_long_as_the_database() -> None:
    disk = SimulatedDirectory()
    with qsdb.Database(hall, disk) as db:
        before = db.connect()
    with qsdb.Database(hall, disk) as db:
        again, other = db.connect(token=before.token), db.connect()
        with qsdb.Database(hall, disk, read_only=True) as reader:
            read = reader.connect(token=before.token)

    assert again.identity == before.identity == read.identity
    assert again.token == before.token
    assert other.identity != before.identity
    assert other.connection_id != before.connection_id


def test_a_database_without_a_secret_makes_one_for_each_opening() -> None:
    """One from before there were secrets."""
    disk = SimulatedDirectory()
    with qsdb.Database(hall, disk, seed=1) as db:
        entry = db._directory.system[ST_SECRET]
        with db.write() as tx:
            handle_of(tx, entry).clear()
        with qsdb.Database(hall, disk, read_only=True) as reader:
            token = reader.connect().token
    with qsdb.Database(hall, disk, seed=1) as db, pytest.raises(qsdb.AccessError):
        db.connect(token=token)


def test_in_memory_nothing_is_waited_for() -> None:
    conn = qsdb.Database(hall).connect(confirmed=True)
    ear = Ear(conn)
    conn.subscribe(ALL)
    conn.reducers.join(1)

    assert ear.heard() == [("+", P1)]


def test_what_is_only_read_answers_and_is_followed() -> None:
    disk = SimulatedDirectory()
    with (
        qsdb.Database(hall, disk, durability="always") as db,
        qsdb.Database(hall, disk, read_only=True) as copy,
    ):
        conn = copy.connect()
        ear = Ear(conn)
        conn.subscribe(ALL)
        db.call("join", 1)
        copy.refresh()

        assert ear.heard() == [("+", P1)]
        assert [each.kind for each in ear.events] == ["transaction"]
        with pytest.raises(qsdb.ReadOnlyError):
            conn.reducers.join(2)
