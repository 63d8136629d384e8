"""Self-checks: a live query that is not what asking again gives ends, and no other."""

import logging
import pickle
from typing import Any

import pytest

import qsdb
from qsdb.live.differences import Difference
from qsdb.live.operators import Template
from qsdb.live.self_checks import BrokenResultError
from tests.unit.live.scenes import (
    JOIN,
    Ear,
    Guild,
    Player,
    engine_of,
    opened,
    put,
    scenes,
)

TEXTS = (
    "SELECT * FROM player",
    JOIN,
    "SELECT g, COUNT(*) AS n FROM player GROUP BY g HAVING COUNT(*) > 0",
    "SELECT DISTINCT g FROM player",
    "SELECT name FROM player ORDER BY lvl LIMIT 3",
    "SELECT g FROM player UNION ALL SELECT id FROM guild ORDER BY g LIMIT 3",
    "SELECT g FROM player UNION ALL SELECT id FROM guild",
    "SELECT g FROM player EXCEPT SELECT id FROM guild",
    "SELECT g.id FROM guild g LEFT JOIN player p ON p.g = g.id",
)


def checked(every: int = 1) -> qsdb.Database:
    return qsdb.Database(scenes, seed=1, self_check=every)


def test_what_is_right_goes_on() -> None:
    db = checked()
    ears = [Ear(db, text) for text in TEXTS]
    for number in range(40):
        put(db, Player(number % 7, g=number % 3, lvl=number), Guild(number % 2, kind=1))

    check: Any = engine_of(db).self_check
    assert check.count == 40
    assert [each.errors for each in ears] == [[]] * len(TEXTS)


def test_a_check_comes_every_so_many_commits() -> None:
    db = checked(3)
    put(db, Player(1))
    ear = Ear(db, TEXTS[0])
    for number in range(7):
        put(db, Player(number, lvl=9))

    check: Any = engine_of(db).self_check
    assert check.count == 2
    ear.query.close()
    put(db, Player(1))
    assert check.count == 2


def test_what_is_kept_wrongly_ends_its_query(caplog: pytest.LogCaptureFixture) -> None:
    db = checked()
    put(db, Player(1, g=1), Player(2, g=2))
    ear = Ear(db, TEXTS[2])
    [result] = engine_of(db).results
    state: Any = result
    groups = state._root._source._state
    groups._groups[1].count = 7
    with caplog.at_level(logging.ERROR, "qsdb.live"):
        put(db, Player(3, g=2))

    assert ear.heard() == []
    [only] = ear.errors
    error: Any = only
    assert issubclass(type(error), qsdb.InternalError)
    assert "2 rows are kept, and there are 2, or others" in str(error)
    assert ear.query.error is error
    assert "a live query is ended" in caplog.text
    assert engine_of(db).is_idle
    put(db, Player(4))
    assert len(db.sql("SELECT * FROM player")) == 4


def test_what_raises_ends_its_query_and_no_commit(
    caplog: pytest.LogCaptureFixture,
) -> None:
    db = opened()
    put(db, Player(1, lvl=1), Player(2, lvl=2))
    ear = Ear(db, TEXTS[4])
    [result] = engine_of(db).results
    shown: Any = result
    shown._root._source._window._entries._items.clear()
    other = Ear(db, TEXTS[0])
    with caplog.at_level(logging.ERROR, "qsdb.live"):
        put(db, Player(1, lvl=3))

    [error] = ear.errors
    assert type(error) is BrokenResultError
    assert "it cannot be kept: " in error.reason
    assert ear.query.error is error
    assert "a live query is ended" in caplog.text
    assert other.heard() == [([Player(1, lvl=3)], [Player(1, lvl=1)])]
    put(db, Player(4))
    assert len(db.sql("SELECT * FROM player")) == 3


def test_what_is_told_wrongly_ends_its_query(monkeypatch: pytest.MonkeyPatch) -> None:
    db = checked()
    ear, other = Ear(db, "SELECT id FROM guild"), Ear(db, TEXTS[0])
    check: Any = engine_of(db).self_check
    monkeypatch.setattr(check, "_choose", lambda _: 0)
    change = Template.change

    def forgetting(self: Template, *args: Any) -> Difference:
        found = change(self, *args)
        return found if self.tables == ["player"] else Difference([], found.deletes)

    monkeypatch.setattr(Template, "change", forgetting)
    put(db, Guild(1), Player(1))

    [error] = ear.errors
    assert "a commit was told as 0 inserts, and there are 1, or others" in str(error)
    assert other.heard() == [([Player(1)], [])]
    assert other.errors == []


def test_what_cannot_be_asked_is_not_judged() -> None:
    db = checked()
    ear = Ear(db, "SELECT id FROM player WHERE 10 / lvl > 1 AND lvl < 9")
    put(db, Player(1, lvl=1))
    check: Any = engine_of(db).self_check
    put(db, Guild(1))

    assert check.count == 1
    assert ear.errors == []
    put(db, Player(2, lvl=0))
    [error] = ear.errors
    assert "divided by 0" in str(error)
    result: Any = object()
    assert check.chosen(list) is None
    assert check.chosen(lambda: [result]) is result


def test_what_fails_when_asked_is_left_alone() -> None:
    db = checked()
    ear = Ear(db, "SELECT id FROM player")
    [result] = engine_of(db).results
    check: Any = engine_of(db).self_check

    class Failing:
        def asked_twice(self, *_: object) -> None:
            raise qsdb.QueryError("no room")

    class Result:
        template = Failing()
        values = result.values

    assert check.problem(Result(), None, {}, {}) is None
    assert ear.errors == []


def test_events_are_not_kept_and_not_judged() -> None:
    module = qsdb.Module("events")

    class Ping(qsdb.Row, module=module, event=True):
        id: int

    db = qsdb.Database(module, seed=1, self_check=1)
    told: list[Any] = []
    query = db.subscribe("SELECT * FROM ping", told.append)
    for number in range(3):
        with db.write() as tx:
            tx[Ping].insert(Ping(number))

    assert len(told) == 3
    assert query.error is None


def test_published_modules_are_checked_too() -> None:
    db = checked()
    ear = Ear(db, TEXTS[3])
    check: Any = engine_of(db).self_check
    db.publish(scenes)
    put(db, Player(1, g=1))

    assert id(engine_of(db).self_check) == id(check)
    assert check.count > 0
    assert ear.errors == []


@pytest.mark.parametrize("every", [0, -1, True, "1", 1.5])
def test_a_number_of_commits(every: Any) -> None:
    with pytest.raises(qsdb.ArgumentError, match="self_check is a number of commits"):
        qsdb.Database(scenes, self_check=every)


def test_the_error_is_pickled() -> None:
    error = pickle.loads(pickle.dumps(BrokenResultError("it differs")))

    assert (error.reason, error.problems) == ("it differs", ("it differs",))
    assert isinstance(error, qsdb.QueryError)


def test_without_it_nothing_is_checked() -> None:
    assert engine_of(opened()).self_check is None
