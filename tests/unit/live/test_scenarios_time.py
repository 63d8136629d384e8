"""Several live queries at once, and what callbacks do in their turn."""

import gc
import logging
import weakref
from typing import Any

import pytest

import qsdb
from tests.unit.live.scenes import (
    FILTER,
    JOIN,
    Ear,
    Guild,
    Odd,
    Player,
    engine_of,
    opened,
    put,
)


def at(level: int, key: int = 1) -> Player:
    return Player(key, lvl=level)


# Beginning and ending.


def test_the_first_result_and_then_changes() -> None:
    db = opened(at(7))
    put(db, at(8))
    ear = Ear(db, FILTER)
    assert (ear.query.offset, ear.query.initial) == (db.offset, [at(8)])

    put(db, at(9))

    assert ear.heard() == [([at(9)], [at(8)])]
    assert ear.query.initial == [at(8)]
    assert ear.query.rows == [at(9)]


def test_an_update_knows_its_offset_and_columns() -> None:
    db = opened()
    ear = Ear(db, FILTER)

    put(db, at(7), at(8, 2))

    [update] = ear.updates
    assert update.offset == db.offset
    assert update.columns == ("id", "g", "lvl", "name")
    assert repr(update) == f"<Update at offset {db.offset}: 2 inserts, 0 deletes>"
    assert update.inserts == [at(7), at(8, 2)]
    assert update.deletes == []
    assert update.updates == []


def test_without_a_callback() -> None:
    db = opened()
    query = db.subscribe(FILTER)

    put(db, at(7))

    assert query.rows == [at(7)]


def test_a_query_says_what_it_is() -> None:
    db = opened()
    with db.subscribe(FILTER) as query:
        assert repr(query) == "<LiveQuery live, begun at offset 1>"
    assert repr(query) == "<LiveQuery ended, begun at offset 1>"


def test_who_subscribes_in_a_callback_begins_after_that_commit() -> None:
    db = opened()
    late: list[Ear] = []

    def subscribe_once() -> None:
        if not late:
            late.append(Ear(db, FILTER))

    first = Ear(db, FILTER, subscribe_once)

    put(db, at(7))
    assert late[0].query.initial == [at(7)]
    assert late[0].query.offset == db.offset
    assert late[0].heard() == []

    put(db, at(8))
    assert late[0].heard() == [([at(8)], [at(7)])]
    assert len(first.heard()) == 2


def test_who_closes_itself_in_a_callback_hears_no_more() -> None:
    db = opened()
    ear = Ear(db, FILTER, lambda: ear.query.close())  # noqa: PLW0108  not there yet

    put(db, at(7))
    put(db, at(8))

    assert ear.heard() == [([at(7)], [])]
    assert ear.query.rows == [at(7)]


def test_who_is_closed_while_something_is_due_does_not_hear_it() -> None:
    db = opened()
    first = Ear(db, FILTER, lambda: second.query.close())  # noqa: PLW0108  not yet
    second = Ear(db, "SELECT id FROM player")

    put(db, at(7))

    assert len(first.heard()) == 1
    assert second.heard() == []


def test_closing_twice() -> None:
    db = opened()
    query = db.subscribe(FILTER)

    query.close()
    query.close()

    assert set(engine_of(db).sizes.values()) == {0}


def test_subscribing_again_begins_anew() -> None:
    db = opened()
    ear = Ear(db, JOIN)
    put(db, Player(1, g=1), Guild(1, kind=1))
    ear.query.close()
    put(db, Guild(1, kind=2))

    again = Ear(db, JOIN)
    assert again.query.initial == []

    put(db, Guild(1, kind=1))
    assert again.heard() == [([Player(1, g=1)], [])]
    assert len(ear.heard()) == 1


def test_what_is_closed_can_go() -> None:
    db = opened()
    query = db.subscribe(FILTER)
    result = weakref.ref(query.result)
    before = engine_of(db).sizes
    assert before == {"templates": 1, "results": 1, "indexes": 0, "tables": 1}

    put(db, at(7))
    query.close()
    put(db, at(8))
    del query
    gc.collect()

    assert result() is None
    assert set(engine_of(db).sizes.values()) == {0}


def test_a_query_that_is_not_closed_lives_on() -> None:
    db = opened()
    told: list[Any] = []
    db.subscribe(FILTER, told.append)
    gc.collect()

    put(db, at(7))

    assert len(told) == 1


# Sharing.


def test_a_hundred_who_ask_the_same() -> None:
    db = opened()
    ears = [Ear(db, FILTER) for _ in range(100)]
    ears[40].query.close()

    put(db, at(7))

    assert engine_of(db).sizes["results"] == 1
    assert engine_of(db).counters.evaluations == 1
    updates = {id(update) for ear in ears for update in ear.updates}
    assert len(updates) == 1
    assert [len(ear.heard()) for ear in ears].count(1) == 99


def test_a_callback_that_raises_is_logged_and_disturbs_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    db = opened()
    before, after = Ear(db, FILTER), Ear(db, FILTER)
    raising = db.subscribe("SELECT * FROM player", lambda _: 1 / 0)
    last = Ear(db, FILTER)

    with caplog.at_level(logging.ERROR, "qsdb.delivery"):
        put(db, at(7))
        put(db, at(8))

    assert [len(ear.heard()) for ear in (before, after, last)] == [2, 2, 2]
    assert raising.rows == [at(8)]
    raised = [each.exc_info[0] for each in caplog.records if each.exc_info]
    assert raised == [ZeroDivisionError, ZeroDivisionError]
    assert caplog.messages == ["a callback raised"] * 2


def test_what_one_does_to_an_update_is_not_seen_by_another() -> None:
    db = opened(at(7))

    def spoil(update: Any) -> None:
        for each in (update.inserts, update.deletes, update.updates):
            each.clear()

    db.subscribe(FILTER, spoil)
    ear = Ear(db, FILTER)

    put(db, at(8))

    [update] = ear.updates
    assert (update.inserts, update.deletes) == ([at(8)], [at(7)])
    assert update.updates == [(at(7), at(8))]


def test_the_same_words_with_other_values() -> None:
    db = opened()
    text = "SELECT * FROM player WHERE lvl = :lvl"
    ears = {lvl: Ear(db, text, params={"lvl": lvl}) for lvl in (1, 2)}
    assert engine_of(db).sizes["templates"] == 1
    assert engine_of(db).sizes["results"] == 2

    put(db, at(2))

    assert ears[1].heard() == []
    assert ears[2].heard() == [([at(2)], [])]


# Transactions.


def test_a_rollback_tells_nothing_and_leaves_nothing() -> None:
    db = opened(Guild(1, kind=1))
    ear = Ear(db, JOIN)

    with pytest.raises(ZeroDivisionError), db.write() as tx:
        tx[Player].insert(Player(1, g=1))
        tx[Guild].delete_by_key(1)
        _ = 1 / 0
    assert ear.heard() == []

    put(db, Player(2, g=1))
    assert ear.heard() == [([Player(2, g=1)], [])]
    assert ear.query.rows == [Player(2, g=1)]


def test_transactions_that_change_nothing_on_balance() -> None:
    db = opened(at(7))
    ear = Ear(db, FILTER)
    offset = db.offset

    with db.write():
        pass
    with db.write() as tx:
        assert tx[Player].get(1) == at(7)
    with db.write() as tx:
        tx[Player].delete_by_key(1)
        tx[Player].insert(at(7))

    assert (ear.heard(), db.offset) == ([], offset)


def test_a_commit_in_a_callback_is_told_after_the_current_one() -> None:
    db = opened()
    heard: list[tuple[str, int, list[int]]] = []
    queries: dict[str, Any] = {}

    def listen(name: str) -> Any:
        def hear(update: Any) -> None:
            levels = [row.lvl for row in queries[name].rows]
            heard.append((name, update.offset, levels))
            if name == "first" and levels[0] < 9:
                put(db, at(levels[0] + 1))
                heard.append(("committed", db.offset, levels))

        return hear

    for name in ("first", "second"):
        queries[name] = db.subscribe(FILTER, listen(name))
    start = db.offset

    put(db, at(7))

    assert heard == [
        ("first", start + 1, [7]),
        ("committed", start + 2, [7]),
        ("second", start + 1, [7]),
        ("first", start + 2, [8]),
        ("committed", start + 3, [8]),
        ("second", start + 2, [8]),
        ("first", start + 3, [9]),
        ("second", start + 3, [9]),
    ]


def test_a_large_transaction_over_many_queries() -> None:
    db = opened()
    ears = [Ear(db, f"SELECT * FROM player WHERE g = {n}") for n in range(100)]
    rows = [Player(number, g=number % 200) for number in range(2000)]

    with db.write() as tx:
        tx[Player].insert_many(rows)

    assert [len(ear.query.rows) for ear in ears] == [10] * 100
    assert [len(ear.heard()) for ear in ears] == [1] * 100
    assert engine_of(db).counters.evaluations == 100


def test_a_table_that_nobody_listens_to() -> None:
    db = opened()
    ear = Ear(db, FILTER)

    put(db, Guild(1))

    assert (ear.heard(), engine_of(db).counters.commits) == ([], 0)


# Failing.


SMALL = "SELECT * FROM odd WHERE small + 250 < 255"


def test_a_query_whose_result_has_no_room_ends() -> None:
    db = opened(Odd(1))
    failing, shared, other = (
        Ear(db, SMALL),
        Ear(db, SMALL),
        Ear(db, "SELECT * FROM odd"),
    )

    put(db, Odd(2, small=6))

    assert db.sql("SELECT id FROM odd").rows == [(1,), (2,)]
    for ear in (failing, shared):
        assert ear.heard() == []
        assert ear.errors == [ear.query.error]
        assert "u8" in str(ear.query.error)
        assert repr(ear.query).startswith("<LiveQuery ended")
    assert other.heard() == [([Odd(2, small=6)], [])]
    assert engine_of(db).sizes["templates"] == 1

    put(db, Odd(3))
    assert failing.heard() == []
    assert failing.query.rows == [Odd(1)]
    failing.query.close()


def test_a_query_may_begin_again_after_it_has_failed() -> None:
    db = opened()
    failed = Ear(db, SMALL)
    put(db, Odd(2, small=6))
    assert failed.query.error is not None

    db.sql("DELETE FROM odd")
    again = Ear(db, SMALL)
    put(db, Odd(3))

    assert again.heard() == [([Odd(3)], [])]
    failed.query.close()
    put(db, Odd(4))
    assert again.heard() == [([Odd(4)], [])]


def test_a_query_that_cannot_begin_leaves_nothing() -> None:
    db = opened(Odd(1, small=6))

    with pytest.raises(qsdb.QueryError, match="u8"):
        db.subscribe(SMALL)

    assert set(engine_of(db).sizes.values()) == {0}


def test_failing_without_on_error() -> None:
    db = opened()
    query = db.subscribe(SMALL)

    put(db, Odd(1, small=6))

    assert isinstance(query.error, qsdb.QueryError)


def test_who_is_closed_before_the_error_is_told_does_not_hear_it() -> None:
    db = opened()
    errors: list[qsdb.QueryError] = []
    db.subscribe(SMALL, on_error=lambda _: closed.close())
    closed = db.subscribe(SMALL, on_error=errors.append)

    put(db, Odd(1, small=6))

    assert errors == []
    assert closed.error is None


def test_an_on_error_that_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    db = opened()
    raising = db.subscribe(SMALL, on_error=lambda _: 1 / 0)
    ear = Ear(db, SMALL)

    put(db, Odd(1, small=6))

    assert raising.error is not None
    assert ear.errors == [ear.query.error]
    assert caplog.messages == ["a callback raised"]


# Interrupts, as a signal handler raises them; all places of them are looked at in
# tests/property/test_live_interrupts.py.


def test_a_commit_that_is_cut_off_is_told_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    db = opened()
    ears = [Ear(db, FILTER), Ear(db, "SELECT * FROM odd WHERE small + 250 < 255")]
    delivery = db._subscriptions.delivery
    put_in, cut_off = delivery.put, iter([True])

    def cut(*arguments: Any, **options: Any) -> None:
        put_in(*arguments, **options)
        if next(cut_off, False):
            raise KeyboardInterrupt

    monkeypatch.setattr(delivery, "put", cut)
    with pytest.raises(KeyboardInterrupt):
        put(db, at(7), Odd(1, small=6))
    put(db, at(8))

    assert ears[0].heard() == [([at(7)], []), ([at(8)], [at(7)])]
    assert ears[1].errors == [ears[1].query.error]
    assert engine_of(db).sizes["results"] == 1


def test_a_callback_that_is_cut_off_was_told_and_so_are_the_others() -> None:
    db = opened()
    interrupts = iter([KeyboardInterrupt])

    def interrupt() -> None:
        for each in interrupts:
            raise each

    ear, next_one = Ear(db, FILTER, interrupt), Ear(db, FILTER)
    with pytest.raises(KeyboardInterrupt):
        put(db, at(7))
    assert ear.heard() == next_one.heard() == [([at(7)], [])]

    put(db, at(8))
    assert ear.heard() == next_one.heard() == [([at(8)], [at(7)])]
