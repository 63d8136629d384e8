"""Subscriptions of a connection: what is in its cache, and what is told when."""

import logging
from collections.abc import Callable
from typing import Any

import pytest

import qsdb
from qsdb import Event
from qsdb.runtime.asked import first_result
from tests.unit.runtime.hall import (
    ALL,
    Ear,
    Guild,
    Line,
    Player,
    Seat,
    engine_of,
    open_hall,
    put,
)

STRONG = "SELECT * FROM player WHERE level > 5"
JOINED = "SELECT g.* FROM player p JOIN guild g ON p.guild = g.id"
BRITTLE = "SELECT * FROM player WHERE level + 1 > 0"
"""It fails with a level of 255."""

FIRST_RESULT = "qsdb.runtime.connections.first_result"

P1, P2 = Player(1, "p1"), Player(2, "p2")


def is_empty(db: qsdb.Database) -> bool:
    """Whether nothing is left in the engine."""
    return set(engine_of(db).sizes.values()) == {0} and db.stats().pins == 0


# Beginning.


@pytest.mark.parametrize(
    ("texts", "options", "error"),
    [
        ((), {}, qsdb.ArgumentError),
        ((5,), {}, qsdb.ArgumentError),
        (([ALL],), {}, qsdb.ArgumentError),
        ((ALL, "SELECT * FROM nothing"), {}, qsdb.QueryError),
        ((ALL, "SELECT * FROM secret"), {}, qsdb.QueryError),
        ((ALL, "SELECT * FROM player LIMIT 1"), {}, qsdb.QueryError),
        ((ALL, "DELETE FROM player"), {}, qsdb.QueryError),
        ((ALL, "SELECT * FROM player WHERE id = :id"), {}, qsdb.ArgumentError),
        ((ALL,), {"params": {"id": 1}}, qsdb.ArgumentError),
        ((ALL,), {"on_applied": 5}, qsdb.ArgumentError),
        ((ALL,), {"on_error": "x"}, qsdb.ArgumentError),
        ((ALL, BRITTLE), {}, qsdb.QueryError),
    ],
)
def test_one_that_is_refused_lets_none_begin(
    texts: tuple[Any, ...], options: dict[str, Any], error: type[Exception]
) -> None:
    db = open_hall(P1, Player(3, "p3", level=255))
    conn = db.connect()
    ear = Ear(conn)
    with pytest.raises(error):
        conn.subscribe(*texts, **options)

    assert is_empty(db)
    assert list(conn.db[Player]) == []
    put(db, P2)
    assert ear.heard() == []


def test_an_exception_in_the_first_result_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    db = open_hall(P1)
    conn = db.connect()
    monkeypatch.setattr(FIRST_RESULT, interrupt)
    with pytest.raises(KeyboardInterrupt):
        conn.subscribe(ALL, STRONG)

    assert is_empty(db)


def test_equal_texts_are_one_query() -> None:
    db = open_hall(P1)
    conn = db.connect()
    sub = conn.subscribe(ALL, ALL, f" {ALL}")

    assert repr(sub) == "<Subscription active, 2 queries>"
    assert sub.rows == [P1, P1]
    assert list(conn.db[Player]) == [P1]


def test_all_public_tables() -> None:
    db = open_hall(P1, Guild(1), Line(1), Seat("a", 1))
    db.call("seal")
    conn = db.connect(db.owner)
    sub = conn.subscribe("select  * FROM *", "SELECT * FROM secret WHERE id > 5")

    assert repr(sub) == "<Subscription active, 6 queries>"
    tables = [conn.db.player, conn.db.guild, conn.db.line, conn.db.seat]
    assert [len(each) for each in tables] == [1, 1, 1, 1]
    assert len(conn.db.secret) == len(conn.db.move) == 0
    put(db, Guild(2))
    assert len(conn.db.guild) == 2


def test_a_module_without_public_tables() -> None:
    applied: list[Event] = []
    conn = qsdb.Database(qsdb.Module("silence")).connect()
    sub = conn.subscribe("SELECT * FROM *", on_applied=applied.append)

    assert (sub.rows, sub.is_active) == ([], True)
    assert applied == [Event("applied", 1)]


def test_parameters_are_those_of_all_queries() -> None:
    db = open_hall(Player(1, "p1", 3, 7), Player(2, "p2", 4, 9), Guild(3))
    conn = db.connect()
    sub = conn.subscribe(
        "SELECT * FROM player WHERE level > :level AND guild = :guild",
        "SELECT * FROM guild WHERE id = :guild",
        params={"level": 5, "guild": 3},
    )

    assert sub.rows == [Player(1, "p1", 3, 7), Guild(3)]
    put(db, Player(2, "p2", 3, 9))
    assert {row.id for row in conn.db[Player]} == {1, 2}


def test_it_is_told_that_it_is_applied_before_its_rows_are() -> None:
    db = open_hall(P1, P2, Guild(1))
    conn = db.connect()
    ear = Ear(conn, Player, Guild)

    def applied(event: Event) -> None:
        assert len(conn.db[Player]) == 2
        assert len(conn.db[Guild]) == 1
        ear.hear("applied", event)

    sub = conn.subscribe(ALL, "SELECT * FROM guild", on_applied=applied)

    assert ear.heard() == [("applied",), ("+", P1), ("+", P2), ("+", Guild(1))]
    assert set(ear.events) == {Event("applied", 2)}
    assert sub.is_active


def test_a_failing_on_applied_disturbs_no_rows(
    caplog: pytest.LogCaptureFixture,
) -> None:
    conn = open_hall(P1).connect()
    ear = Ear(conn)
    sub = conn.subscribe(ALL, on_applied=lambda _: 1 / 0)

    assert ear.heard() == [("+", P1)]
    assert sub.is_active
    [record] = caplog.records
    assert record.getMessage() == "a callback of on_applied raised"


# Commits.


def test_events_say_whose_commit_it_was() -> None:
    db = open_hall()
    first, second = db.connect(), db.connect()
    ears = Ear(first), Ear(second)
    subs = first.subscribe(ALL), second.subscribe(ALL)

    first.reducers.join(1)
    db.call("join", 2)
    put(db, Player(3, "p3"))
    first.call("leave", 1)
    subs[0].close()

    offset = db.offset
    own = [
        Event("reducer", offset - 3, "join", "committed"),
        Event("transaction", offset - 2),
        Event("transaction", offset - 1),
        Event("reducer", offset, "leave", "committed"),
        Event("ended", offset),
        Event("ended", offset),
    ]
    assert ears[0].events == own
    assert {each.kind for each in ears[1].events} == {"transaction"}
    assert [each.offset for each in ears[1].events] == [*range(offset - 3, offset + 1)]


def test_what_changes_nothing_is_not_told() -> None:
    db = open_hall(P1)
    conn = db.connect()
    ear = Ear(conn)
    conn.subscribe(ALL)
    ear.heard()

    conn.reducers.join(1)
    put(db, Guild(1))
    with pytest.raises(qsdb.ReducerError):
        conn.reducers.fail()

    assert ear.heard() == []


def test_old_and_new_come_together_if_they_have_one_key() -> None:
    db = open_hall(P1, P2)
    conn = db.connect()
    ear = Ear(conn)
    conn.subscribe(ALL)
    ear.heard()

    put(db, P1.replace(level=3))
    assert ear.heard() == [("=", P1, P1.replace(level=3))]

    with db.write() as tx:  # another key
        tx[Player].delete_by_key(2)
        tx[Player].insert(Player(9, "p2"))
    assert ear.heard() == [("+", Player(9, "p2")), ("-", P2)]

    with db.write() as tx:  # two exchange what they are
        tx[Player].clear()
        tx[Player].insert_many([Player(1, "p2", level=3), Player(9, "p1")])
    assert ear.heard() == [
        ("=", P1.replace(level=3), Player(1, "p2", level=3)),
        ("=", Player(9, "p2"), Player(9, "p1")),
    ]
    table: Any = conn.db[Player]
    assert table.name.find("p1") == Player(9, "p1")


def test_without_a_key_rows_only_come_and_go() -> None:
    db = open_hall(Line(1, "a"))
    conn = db.connect()
    ear = Ear(conn, Line)
    conn.subscribe("SELECT * FROM line")
    ear.heard()

    with db.write() as tx:
        tx[Line].delete(Line(1, "a"))
        tx[Line].insert(Line(1, "b"))

    assert ear.heard() == [("+", Line(1, "b")), ("-", Line(1, "a"))]


def test_the_cache_is_complete_before_anybody_is_told() -> None:
    db = open_hall()
    conn = db.connect()
    seen: list[tuple[int, int]] = []
    for table in (conn.db.player, conn.db.guild):
        table.on_insert(
            lambda *_: seen.append((len(conn.db.player), len(conn.db.guild)))
        )
    conn.subscribe(ALL, "SELECT * FROM guild")

    put(db, P1, P2, Guild(1))

    assert seen == [(2, 1)] * 3


def test_removers_and_callbacks_that_raise(caplog: pytest.LogCaptureFixture) -> None:
    db = open_hall()
    conn = db.connect()
    conn.db[Player].on_insert(lambda *_: 1 / 0)
    ear = Ear(conn)
    other = Ear(db.connect())
    conn.subscribe(ALL)

    put(db, P1)
    assert ear.heard() == [("+", P1)]
    assert len(caplog.records) == 1
    assert caplog.records[0].levelno == logging.ERROR

    for remove in [*ear.remove, *ear.remove]:
        remove()
    put(db, P1.replace(level=1), P2)
    assert ear.heard() == other.heard() == []
    with pytest.raises(qsdb.ArgumentError, match="on_update takes a function, not 5"):
        conn.db[Player].on_update(5)  # type: ignore[arg-type]


def test_a_remover_in_a_callback_takes_effect_at_once() -> None:
    db = open_hall()
    conn = db.connect()
    ear = Ear(conn, react=lambda *_: ear.remove[0]())
    conn.subscribe(ALL)

    put(db, P1, P2)

    assert ear.heard() == [("+", P1)]


# Several queries that give the same rows.


def test_a_row_of_two_queries_is_one_row() -> None:
    both = Player(1, "x", level=7)
    db = open_hall(both)
    conn = db.connect()
    ear = Ear(conn)
    by_level = conn.subscribe(STRONG)
    by_name = conn.subscribe("SELECT * FROM player WHERE name = 'x'")
    assert ear.heard() == [("+", both)]

    put(db, both.replace(level=8))
    assert ear.heard() == [("=", both, both.replace(level=8))]
    put(db, both.replace(level=1))  # in one only, and there another row
    assert ear.heard() == [("=", both.replace(level=8), both.replace(level=1))]
    put(db, both)
    ear.heard()

    by_level.close()
    assert ear.heard() == []
    assert list(conn.db[Player]) == [both]
    by_name.close()
    assert ear.heard() == [("-", both)]
    assert list(conn.db[Player]) == []


def test_a_row_that_one_query_loses_and_another_finds_was_never_away() -> None:
    db = open_hall(Player(1, "a", guild=1), Guild(1), Guild(2))
    conn = db.connect()
    ear = Ear(conn, Guild)
    conn.subscribe(
        "SELECT g.* FROM guild g JOIN player p ON p.guild = g.id WHERE p.level < 5"
    )
    conn.subscribe(
        "SELECT g.* FROM guild g JOIN player p ON p.guild = g.id WHERE p.level >= 5"
    )
    assert ear.heard() == [("+", Guild(1))]

    put(db, Player(1, "a", guild=1, level=9))

    assert ear.heard() == []
    assert list(conn.db[Guild]) == [Guild(1)]


def test_a_join_gives_a_row_several_times() -> None:
    db = open_hall(Player(1, "a", guild=1), Player(2, "b", guild=1), Guild(1))
    conn = db.connect()
    ear = Ear(conn, Guild)
    sub = conn.subscribe(JOINED)
    assert ear.heard() == [("+", Guild(1))]
    assert sub.rows == [Guild(1), Guild(1)]

    db.call("leave", 1)
    assert ear.heard() == []
    put(db, Guild(1, kind=2))
    assert ear.heard() == [("=", Guild(1), Guild(1, kind=2))]
    db.call("leave", 2)
    assert ear.heard() == [("-", Guild(1, kind=2))]


def test_the_new_one_before_the_old_one_goes_does_not_flicker() -> None:
    db = open_hall(P1, P2)
    conn = db.connect()
    ear = Ear(conn)
    old = conn.subscribe(ALL)
    ear.heard()
    new = conn.subscribe("SELECT * FROM player WHERE id = 1")
    old.close()

    assert ear.heard() == [("-", P2)]
    assert new.rows == [P1]


def test_again_after_commits() -> None:
    db = open_hall(P1)
    conn = db.connect()
    ear = Ear(conn)
    conn.subscribe(ALL).close()
    put(db, P2)
    ear.heard()
    sub = conn.subscribe(ALL)

    assert sub.rows == [P1, P2]
    assert ear.heard() == [("+", P1), ("+", P2)]


# Results that are no rows of a table.


def test_other_results_are_in_the_subscription() -> None:
    db = open_hall(Player(1, "a", level=3))
    conn = db.connect()
    sub = conn.subscribe("SELECT name, level + 1 AS next FROM player", ALL)
    told: list[tuple[Event, Any]] = []
    remove = sub.on_update(lambda event, update: told.append((event, update)))
    assert sub.rows == [("a", 4), Player(1, "a", level=3)]

    conn.reducers.join(2, 7)

    [(event, update)] = told
    assert event == Event("reducer", db.offset, "join", "committed")
    assert (update.inserts, update.deletes, update.updates) == ([("p2", 8)], [], [])
    assert update.columns == ("name", "next")
    assert update.offset == db.offset
    assert repr(update) == f"<Update at offset {db.offset}: 1 inserts, 0 deletes>"
    assert update.inserts[0].next == 8
    assert sorted(sub.rows[:2]) == [("a", 4), ("p2", 8)]
    remove()
    db.call("leave", 2)
    assert len(told) == 1
    with pytest.raises(qsdb.ArgumentError, match="on_update takes a function"):
        sub.on_update(None)  # type: ignore[arg-type]


def test_whole_rows_are_told_by_the_cache_alone() -> None:
    db = open_hall()
    sub = db.connect().subscribe(ALL)
    told: list[object] = []
    sub.on_update(lambda *what: told.append(what))

    put(db, P1)

    assert told == []
    assert sub.rows == [P1]


def test_whole_rows_in_order_are_told_with_their_places() -> None:
    db = open_hall(Player(1, "a", level=3), Player(2, "b", level=2))
    conn = db.connect()
    screen: list[Player] = []
    told: list[object] = []
    sub = conn.subscribe("SELECT * FROM player ORDER BY level DESC LIMIT 2", ALL)
    screen += sub.rows[:2]
    conn.db[Player].on_insert(lambda _, row: told.append(row))

    def patch(event: Event, update: Any) -> None:
        told.append(event.kind)
        for move in update.moves:
            if move.now is None:
                del screen[move.was]
            else:
                screen.insert(move.now, move.row)

    sub.on_update(patch)
    put(db, Player(3, "c", level=5))
    assert told == [Player(3, "c", level=5), "transaction"]
    assert screen == sub.rows[:2] == [Player(3, "c", level=5), Player(1, "a", level=3)]
    db.call("leave", 1)
    assert screen == sub.rows[:2] == [Player(3, "c", level=5), Player(2, "b", level=2)]
    put(db, Player(4, "d", level=1))  # it is behind the window
    assert told[1:] == ["transaction", "transaction", Player(4, "d", level=1)]


def test_closing_in_on_update_ends_it_at_once() -> None:
    db = open_hall()
    sub = db.connect().subscribe("SELECT name FROM player", "SELECT id FROM player")
    told: list[Any] = []

    def hear(_: Event, update: Any) -> None:
        told.append(update.inserts)
        sub.close()

    sub.on_update(hear)
    sub.on_update(hear)
    put(db, P1)

    assert told == [[("p1",)]]


# What fails later.


def test_a_query_that_fails_ends_its_set_alone() -> None:
    db = open_hall(P1, Guild(1))
    conn = db.connect()
    ear = Ear(conn, Player, Guild)
    errors: list[qsdb.QueryError] = []
    sub = conn.subscribe(BRITTLE, "SELECT * FROM guild", on_error=errors.append)
    other = conn.subscribe("SELECT * FROM player WHERE id = 2")
    ear.heard()
    ear.kinds()

    put(db, Player(1, "p1", level=255), P2)

    # What it had cannot be kept current, so it is gone before the commit is told.
    assert ear.heard() == [("-", P1), ("-", Guild(1)), ("+", P2)]
    assert [each.offset - db.offset for each in ear.events] == [-1, -1, 0]
    assert ear.kinds() == ["ended", "ended", "transaction"]
    assert errors == [sub.error]
    assert (sub.is_active, other.is_active) == (False, True)
    assert list(conn.db[Player]) == [P2]
    assert engine_of(db).sizes["results"] == 1
    put(db, Guild(2), P2.replace(level=1))
    assert ear.heard() == [("=", P2, P2.replace(level=1))]
    sub.close()
    assert len(errors) == 1


def test_an_on_error_that_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    db = open_hall()
    conn = db.connect()
    sub = conn.subscribe(BRITTLE, on_error=lambda _: 1 / 0)
    conn.subscribe(BRITTLE)
    put(db, Player(1, "p1", level=255))

    assert not sub.is_active
    assert [each.getMessage() for each in caplog.records] == [
        "a callback of on_error raised"
    ]


def during_the_first_result(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]
) -> None:
    """Have something happen while the first result is read."""
    original = first_result

    def first(*arguments: Any) -> Any:
        monkeypatch.setattr(FIRST_RESULT, original)
        act()
        return original(*arguments)

    monkeypatch.setattr(FIRST_RESULT, first)


def test_commits_while_it_begins_are_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    db = open_hall(P1)
    conn = db.connect()
    ear = Ear(conn)

    def commit() -> None:
        put(db, P2)
        db.call("leave", 1)

    during_the_first_result(monkeypatch, commit)

    sub = conn.subscribe(ALL)

    assert ear.heard() == [("+", P2)]
    assert ear.events == [Event("applied", db.offset)]
    assert sub.rows == list(conn.db[Player]) == [P2]


def test_a_failure_while_it_begins_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    db = open_hall(P1)
    conn = db.connect()
    ear = Ear(conn)
    errors: list[qsdb.QueryError] = []
    during_the_first_result(monkeypatch, lambda: put(db, Player(3, "p3", level=255)))

    sub = conn.subscribe(BRITTLE, on_applied=ear.events.append, on_error=errors.append)

    assert (ear.heard(), ear.kinds()) == ([], [])
    assert errors == [sub.error]
    assert (sub.is_active, sub.rows) == (False, [])
    assert is_empty(db)


def test_a_connection_that_closes_while_it_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    db = open_hall(P1)
    conn = db.connect()
    during_the_first_result(monkeypatch, conn.close)
    with pytest.raises(qsdb.ClosedError, match="this connection is closed"):
        conn.subscribe(ALL)

    assert list(conn.db[Player]) == []
    assert is_empty(db)
