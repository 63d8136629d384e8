"""Connections that are cut off while they are told: what is lost, which is nothing.

At all places where an exception may come: `tests/property/test_live_interrupts.py`.
"""

from collections.abc import Callable
from typing import Any

import pytest

import qsdb
from qsdb import Connection
from qsdb.cache.counts import Counts
from qsdb.cache.databases import Cache
from qsdb.runtime.asked import first_result
from tests.unit.runtime.hall import ALL, Ear, Player, engine_of, open_hall, put

FIRST_RESULT = "qsdb.runtime.connections.first_result"

P1, P2, P3 = Player(1, "p1", level=1), Player(2, "p2", level=2), Player(3, "p3")


def interrupt_once(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, *, after: bool = False
) -> None:
    """Have the next call of a method cut off, before or after it was done."""
    original, interrupts = getattr(owner, name), [KeyboardInterrupt()]

    def interrupted(*arguments: Any) -> Any:
        if interrupts and not after:
            raise interrupts.pop()
        found = original(*arguments)
        if interrupts:
            raise interrupts.pop()
        return found

    monkeypatch.setattr(owner, name, interrupted)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize(
    ("owner", "name"), [(Counts, "take"), (Cache, "_take_in"), (Cache, "_planned")]
)
def test_a_commit_is_in_the_cache_once(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, *, after: bool
) -> None:
    db = open_hall(P1)
    conn = db.connect()
    sub = conn.subscribe(ALL)
    names = conn.subscribe("SELECT name FROM player")
    assert list(conn.db.player.level.filter(2)) == []
    ear = Ear(conn)

    interrupt_once(monkeypatch, owner, name, after=after)
    with pytest.raises(KeyboardInterrupt):
        put(db, P2)

    assert [*conn.db[Player]] == sub.rows == [P1, P2]
    assert list(conn.db.player.level.filter(2)) == [P2]
    assert [row.name for row in names.rows] == ["p1", "p2"]
    assert ear.heard() == [("+", P2)]
    with db.write() as tx:
        tx[Player].delete_by_key(2)
        tx[Player].insert(P3)
    assert [*conn.db[Player]] == sub.rows == [P1, P3]
    assert list(conn.db.player.level.filter(2)) == []


@pytest.mark.parametrize("after", [False, True])
def test_a_subscription_that_is_cut_off_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, *, after: bool
) -> None:
    db = open_hall(P1)
    conn = db.connect()
    interrupt_once(monkeypatch, Connection, "_beginning", after=after)
    with pytest.raises(KeyboardInterrupt):
        conn.subscribe(ALL)

    put(db, P2)
    assert [*conn.db[Player]] == []
    assert set(engine_of(db).sizes.values()) == {0}
    assert conn._open == {}


def test_who_leaves_when_it_is_applied_has_no_subscription() -> None:
    db = open_hall(P1)
    conn = db.connect()
    ear = Ear(conn)

    def leave(_: object) -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        conn.subscribe(ALL, on_applied=leave)

    assert ear.heard() == [("+", P1), ("-", P1)]
    assert [*conn.db[Player]] == []
    assert set(engine_of(db).sizes.values()) == {0}


def test_what_was_committed_meanwhile_is_taken_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The commit comes while the first result is read, and is told twice."""
    db = open_hall(P1)
    conn = db.connect()
    receive = Connection._receiving

    def slow(*arguments: Any) -> Any:
        found = first_result(*arguments)
        put(db, P2)
        return found

    def twice(self: Connection, batch: Any) -> Any:
        receive(self, batch)
        return receive(self, batch)

    monkeypatch.setattr(FIRST_RESULT, slow)
    monkeypatch.setattr(Connection, "_receiving", twice)
    sub = conn.subscribe(ALL)

    assert sub.rows == [*conn.db[Player]] == [P1, P2]


def test_all_others_are_told_before_an_exit_goes_on() -> None:
    db = open_hall()
    conn, told = db.connect(), list[object]()
    sub = conn.subscribe(ALL, "SELECT id FROM player")

    def leave(*_: object) -> None:
        raise SystemExit(3)

    conn.db[Player].on_insert(leave)
    conn.db[Player].on_insert(lambda _, row: told.append(row))
    sub.on_update(lambda _, update: told.append(update.inserts))
    db.subscribe(ALL, leave)
    db.subscribe(ALL, lambda update: told.append(update.inserts))
    other = db.connect()
    other.subscribe(ALL)
    with pytest.raises(SystemExit):
        put(db, P1, P2)

    assert told == [P1, P2, [(1,), (2,)], [P1, P2]]
    assert [*other.db[Player]] == [P1, P2]


@pytest.mark.parametrize("act", ["close", "leave"])
def test_an_end_that_is_cut_off_leaves_no_rows(
    monkeypatch: pytest.MonkeyPatch, act: str
) -> None:
    db = open_hall(P1)
    conn = db.connect()
    sub, ear = conn.subscribe(ALL), Ear(conn)
    ends: dict[str, tuple[type, str, Callable[[], object]]] = {
        "close": (Connection, "_end_in_turn", sub.close),
        "leave": (type(engine_of(db)), "unsubscribe", sub.close),
    }
    owner, name, end = ends[act]
    interrupt_once(monkeypatch, owner, name)
    with pytest.raises(KeyboardInterrupt):
        end()
    put(db, P2)

    assert [*conn.db[Player]] == []
    assert not sub.is_active
    assert ear.heard() == [("-", P1)]
    sub.close()
    assert set(engine_of(db).sizes.values()) == {0}


def test_a_failure_that_is_cut_off_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    db, errors = open_hall(P1), list[qsdb.QueryError]()
    conn = db.connect()
    texts = [f"SELECT * FROM player WHERE level + {n} > 0" for n in (1, 2)]
    sub = conn.subscribe(*texts, on_error=errors.append)
    interrupt_once(monkeypatch, Connection, "_remove")
    with pytest.raises(KeyboardInterrupt):
        put(db, Player(2, "p2", level=255))

    assert errors == [sub.error]
    assert [*conn.db[Player]] == []
