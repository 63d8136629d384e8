"""Closing, calling and subscribing in callbacks, and from other threads."""

import threading
from collections.abc import Callable
from typing import Any

import pytest

import qsdb
from qsdb import Event
from tests.unit.runtime.hall import ALL, Ear, Player, engine_of, open_hall, put

P1, P2, P3 = Player(1, "p1"), Player(2, "p2"), Player(3, "p3")
BRITTLE = "SELECT * FROM player WHERE level + 1 > 0"


def once(act: Callable[[], object]) -> Callable[..., object]:
    """Give a function that does something when it is called first."""
    left = [act]
    return lambda *_: left.pop()() if left else None


# In callbacks.


def test_a_call_in_a_callback_is_told_after_what_is_told_now() -> None:
    db = open_hall()
    conn = db.connect()
    order: list[object] = []

    def call() -> None:
        conn.reducers.join(3)
        order.append(("committed", len(list(db.sql(ALL))), len(conn.db[Player])))

    ear = Ear(conn, react=once(call))
    other = Ear(db.connect())
    conn.subscribe(ALL)
    put(db, P1, P2)

    assert order == [("committed", 3, 2)]
    assert ear.heard() == [("+", P1), ("+", P2), ("+", P3)]
    assert ear.events[-1] == Event("reducer", db.offset, "join", "committed")
    assert ear.depth_max == 1
    assert other.heard() == []
    assert len(conn.db[Player]) == 3


def test_a_chain_of_calls_is_never_interleaved() -> None:
    db = open_hall()
    first, second = db.connect(), db.connect()

    def answer(_: str, __: Event, row: Player) -> None:
        if row.id < 20:
            second.reducers.join(row.id + 1)

    ears = Ear(first, react=answer), Ear(second)
    first.subscribe(ALL)
    second.subscribe(ALL)
    first.reducers.join(1)

    expected = [("+", Player(n, f"p{n}")) for n in range(1, 21)]
    assert ears[0].heard() == ears[1].heard() == expected
    assert (ears[0].depth_max, ears[1].depth_max) == (1, 1)
    assert {each.kind for each in ears[1].events[1:]} == {"reducer"}


def test_subscribing_in_a_callback_is_applied_after_it() -> None:
    db = open_hall()
    conn = db.connect()
    found: list[Any] = []

    def subscribe() -> None:
        sub = conn.subscribe(
            "SELECT * FROM player WHERE id > 1",
            on_applied=lambda event: ear.hear("applied", event),
        )
        found.append((sub, sub.is_active, sub.rows))

    ear = Ear(conn, react=once(subscribe))
    first = conn.subscribe("SELECT * FROM player WHERE id = 1")
    put(db, P1, P2)

    [(sub, was_active, rows)] = found
    assert (was_active, rows) == (False, [])
    assert ear.heard() == [("+", P1), ("applied",), ("+", P2)]
    assert ear.kinds() == ["transaction", "applied", "applied"]
    assert ear.depth_max == 1
    assert sub.is_active
    assert (sub.rows, first.rows) == ([P2], [P1])


def test_a_subscription_closed_in_a_callback() -> None:
    db = open_hall()
    conn = db.connect()
    ear = Ear(conn, react=once(lambda: sub.close()))  # noqa: PLW0108  it is made below
    sub = conn.subscribe(ALL)
    put(db, P1, P2)

    # The commit is in the cache, so it is told whole; then its rows leave.
    assert ear.heard() == [("+", P1), ("+", P2), ("-", P1), ("-", P2)]
    assert ear.kinds() == ["transaction", "transaction", "ended", "ended"]
    assert ear.depth_max == 1
    assert (sub.is_active, sub.rows) == (False, [])
    put(db, P3)
    assert ear.heard() == []
    assert set(engine_of(db).sizes.values()) == {0}


def test_begun_and_ended_in_one_callback_is_never_told() -> None:
    db = open_hall(P2)
    conn = db.connect()
    told: list[object] = []
    subs: list[Any] = []

    def both() -> None:
        subs.append(conn.subscribe("SELECT * FROM player", on_applied=told.append))
        subs[0].close()

    ear = Ear(conn, react=once(both))
    conn.subscribe("SELECT * FROM player WHERE id = 1")
    put(db, P1)

    assert ear.heard() == [("+", P1)]
    assert told == []
    assert not subs[0].is_active
    assert list(conn.db[Player]) == [P1]
    assert engine_of(db).sizes["results"] == 1


def test_a_row_that_is_there_again_when_one_of_two_ends_stays() -> None:
    db = open_hall(P1)
    conn = db.connect()
    keeper = conn.subscribe(ALL, "SELECT * FROM player WHERE id = 9")
    sub = conn.subscribe("SELECT * FROM player WHERE id = 1")

    def there_and_back() -> None:
        put(db, P1.replace(level=3))
        put(db, P1)
        sub.close()

    ear = Ear(conn, react=once(there_and_back))
    put(db, P2)

    assert ear.heard() == [
        ("+", P2),
        ("=", P1, P1.replace(level=3)),
        ("=", P1.replace(level=3), P1),
    ]
    assert set(conn.db[Player]) == set(keeper.rows) == {P1, P2}


def test_a_row_that_is_there_again_when_one_of_two_fails_stays() -> None:
    db = open_hall(P1)
    conn = db.connect()
    high = P1.replace(level=255)

    def back(sign: str, *_: object) -> None:
        if sign == "=":
            put(db, P1)

    keeper = conn.subscribe(ALL)
    sub = conn.subscribe(BRITTLE)
    ear = Ear(conn, react=back)
    put(db, high)

    assert ear.heard() == [("=", P1, high), ("=", high, P1)]
    assert list(conn.db[Player]) == keeper.rows == [P1]
    assert sub.error is not None


def test_a_connection_closed_when_it_is_told_of_a_failure() -> None:
    db = open_hall(P1)
    conn = db.connect()
    ear = Ear(conn)
    conn.subscribe("SELECT * FROM player WHERE id = 2")
    conn.subscribe(BRITTLE, on_error=lambda _: conn.close())
    ear.heard()
    put(db, Player(2, "p2", level=255))

    assert ear.heard() == [("-", P1)]
    assert list(conn.db[Player]) == []


def test_closed_by_the_user_when_it_is_told_of_a_failure() -> None:
    db = open_hall(P1)
    conn = db.connect()

    def both() -> None:
        put(db, Player(3, "p3", level=255))
        sub.close()

    errors: list[object] = []
    sub = conn.subscribe("SELECT * FROM guild", BRITTLE, on_error=errors.append)
    ear = Ear(conn, react=once(both))
    put(db, P2)

    assert ear.heard() == [("+", P2), ("-", P1), ("-", P2)]
    assert errors == []
    assert sub.error is None


def test_a_connection_closed_in_a_callback_is_told_nothing_more() -> None:
    db = open_hall()
    conn = db.connect()
    ear = Ear(conn, react=lambda *_: conn.close())
    second = Ear(conn)
    sub = conn.subscribe(ALL, "SELECT name FROM player")
    sub.on_update(lambda *what: ear.hear("update", *what))
    bystander = db.connect()
    other = Ear(bystander)
    bystander.subscribe(ALL)
    put(db, P1, P2)

    assert ear.heard() == [("+", P1)]
    assert second.heard() == []
    assert other.heard() == [("+", P1), ("+", P2)]
    assert len(conn.db[Player]) == 2


def test_a_connection_closed_in_on_applied() -> None:
    db = open_hall(P1)
    conn = db.connect()
    ear = Ear(conn)
    sub = conn.subscribe(ALL, on_applied=lambda _: conn.close())

    assert ear.heard() == []
    assert not sub.is_active
    assert set(engine_of(db).sizes.values()) == {0}


def test_a_connection_closed_while_an_end_is_due() -> None:
    db = open_hall()
    conn = db.connect()
    errors: list[object] = []

    def end_all() -> None:
        sub.close()
        conn.close()

    ear = Ear(conn, react=once(end_all))
    sub = conn.subscribe(ALL, on_error=errors.append)
    put(db, P1)

    assert ear.heard() == [("+", P1)]
    assert list(conn.db[Player]) == [P1]
    assert errors == []


def test_closed_in_the_callback_of_its_end() -> None:
    db = open_hall(P1)
    conn = db.connect()
    errors: list[object] = []

    def hear(sign: str, *_: object) -> None:
        if sign == "-":
            sub.close()

    ear = Ear(conn, react=hear)
    sub = conn.subscribe(BRITTLE, on_error=errors.append)
    put(db, Player(2, "p2", level=255))

    assert ear.heard() == [("+", P1), ("-", P1)]
    assert errors == []
    assert sub.error is not None


def test_another_connection_closed_in_a_callback() -> None:
    db = open_hall()
    first, second = db.connect(), db.connect()
    ears = Ear(first, react=lambda *_: second.close()), Ear(second)
    first.subscribe(ALL)
    second.subscribe(ALL)
    put(db, P1)

    assert (ears[0].heard(), ears[1].heard()) == ([("+", P1)], [])


def test_a_callback_may_close_the_database() -> None:
    db = open_hall()
    conn = db.connect()
    ear = Ear(conn, react=once(db.close))
    conn.subscribe(ALL)
    put(db, P1, P2)

    assert ear.heard() == [("+", P1), ("+", P2)]
    with pytest.raises(qsdb.ClosedError):
        conn.reducers.join(1)


# From another thread.


class Stuck:
    """A callback that waits until it is let go."""

    def __init__(self) -> None:
        self.is_in = threading.Event()
        self.may_go = threading.Event()

    def __call__(self, *_: object) -> None:
        self.is_in.set()
        assert self.may_go.wait(30)


def threaded(function: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=function, daemon=True)
    thread.start()
    return thread


def ended(*threads: threading.Thread) -> bool:
    for thread in threads:
        thread.join(30)
    return not any(each.is_alive() for each in threads)


@pytest.mark.parametrize("what", ["connection", "subscription"])
def test_closing_waits_for_a_callback_that_runs(what: str) -> None:
    db = open_hall()
    conn = db.connect()
    stuck = Stuck()
    ear = Ear(conn, react=once(stuck))
    sub = conn.subscribe(ALL)
    writer = threaded(lambda: put(db, P1, P2))
    assert stuck.is_in.wait(30)
    closer = threaded(conn.close if what == "connection" else sub.close)
    closer.join(0.05)
    assert closer.is_alive()

    stuck.may_go.set()
    assert ended(closer, writer)

    told = [("+", P1)]
    if what == "subscription":
        told += [("+", P2), ("-", P1), ("-", P2)]
    assert ear.heard() == told
    put(db, P3)
    assert ear.heard() == []


def test_closing_in_a_callback_while_another_thread_closes() -> None:
    db = open_hall()
    conn = db.connect()
    threads: list[threading.Thread] = []

    def close() -> None:
        threads.append(threaded(conn.close))
        threads[0].join(0.05)
        conn.close()

    ear = Ear(conn, react=once(close))
    conn.subscribe(ALL)
    put(db, P1, P2)

    assert ended(*threads)
    assert ear.heard() == [("+", P1)]


def test_a_whole_commit_or_nothing_when_another_thread_ends_it() -> None:
    db = open_hall()
    conn = db.connect()
    stuck = Stuck()
    ear = Ear(conn, react=once(stuck))
    sub = conn.subscribe(ALL)
    keeper = conn.subscribe("SELECT * FROM player WHERE id = 1")
    threads = [threaded(lambda: put(db, P1))]
    assert stuck.is_in.wait(30)
    threads += [threaded(lambda: put(db, P2)), threaded(sub.close)]
    for each in threads[1:]:
        each.join(0.05)
    stuck.may_go.set()

    assert ended(*threads)
    told = ear.heard()
    assert told in ([("+", P1)], [("+", P1), ("+", P2), ("-", P2)])
    assert list(conn.db[Player]) == keeper.rows == [P1]


def test_reading_while_another_thread_delivers_sees_whole_rows() -> None:
    db = open_hall(*[Player(n, f"p{n}") for n in range(20)])
    conn = db.connect()
    conn.subscribe(ALL)
    table: Any = conn.db[Player]
    is_over = threading.Event()
    wrong: list[object] = []

    def read() -> None:
        while not is_over.is_set():
            if (
                table.get(7) is None
                or table.name.find("p7") is None
                or len(table) != 20
            ):
                wrong.append(is_over)

    reader = threaded(read)
    for level in range(1, 100):
        put(db, *[Player(n, f"p{n}", level=level) for n in range(20)])
    is_over.set()

    assert ended(reader)
    assert wrong == []
