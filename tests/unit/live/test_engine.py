"""The engine: who is asked, what changes, and what is kept for it."""

from typing import Any

import pytest

import qsdb
from qsdb.live.differences import Difference
from qsdb.live.engine import Engine
from qsdb.live.results import LiveResult
from qsdb.live.tables import Pair
from qsdb.live.templates import Lifted, lift
from qsdb.sql.queries import Query
from qsdb.store.current import CurrentTable
from tests.unit.live.scenes import FILTER, JOIN, Guild, Player, opened, put

NOTHING = {"templates": 0, "results": 0, "indexes": 0, "tables": 0}


class Bench:
    """An engine over a database that tells it nothing by itself."""

    def __init__(self, *rows: Any, db: qsdb.Database | None = None) -> None:
        self.db = opened(*rows) if db is None else db
        tables = self.db._directory.store.tables
        by_name = {
            each.bound.schema.name: (each.bound.schema, CurrentTable(each))
            for each in tables
        }
        self.engine = Engine(by_name.__getitem__)

    def lifted(self, text: str) -> Lifted:
        query = self.db._queries.check(text, True)  # noqa: FBT003  the key of a cache
        assert isinstance(query, Query)
        return lift(query)

    def subscribe(self, text: str, who: object = "me", caller: bytes = b"") -> Any:
        lifted = self.lifted(text)
        return self.engine.subscribe(lifted, lifted.values(caller, {}), who)

    def commit(self, **changes: list[Pair]) -> list[tuple[LiveResult, Any]]:
        return [*self.engine.commit(changes).items()]


def stored(row: Any) -> tuple[Any, ...]:
    return (*tuple.__iter__(row),)


NEW = Player(1, g=1, lvl=9)
PAIR: Pair = (None, stored(NEW))


def test_who_asks_the_same_shares_a_result() -> None:
    bench = Bench()
    one = bench.subscribe(FILTER, "one")
    other = bench.subscribe("SELECT x.* FROM player x WHERE 5 < x.lvl", "other")

    assert one is other
    assert [*one.subscribers] == ["one", "other"]
    assert bench.engine.sizes == {**NOTHING, "templates": 1, "results": 1, "tables": 1}

    bench.engine.unsubscribe(one, "one")
    assert [*one.subscribers] == ["other"]
    assert bench.engine.sizes["results"] == 1

    bench.engine.unsubscribe(one, "other")
    assert bench.engine.sizes == NOTHING
    assert bench.engine.is_idle


people = qsdb.Module("people")


class Person(qsdb.Row, module=people):
    who: qsdb.Identity = qsdb.primary_key()


def test_callers_do_not_share() -> None:
    bench = Bench(db=qsdb.Database(people))
    text = "SELECT * FROM person WHERE who = :sender"
    ann, bob, again = (
        bench.subscribe(text, number, who * 32)
        for number, who in enumerate((b"a", b"b", b"a"))
    )
    assert ann is again
    assert ann is not bob
    assert bench.engine.sizes["templates"] == 1
    row = Person(qsdb.Identity.from_bytes(b"b" * 32))
    with bench.db.write() as tx:
        tx[Person].insert(row)

    told = bench.commit(person=[(None, stored(row))])

    assert told == [(bob, Difference([stored(row)], []))]
    assert bench.engine.evaluated == [bob]


class Sensor(qsdb.Row, module=people):
    id: qsdb.u32 = qsdb.primary_key()
    room: str | None = None
    heat: float = 0.0


class Beep(qsdb.Row, module=people, event=True):
    room: str


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT * FROM sensor", True),
        ("SELECT * FROM sensor WHERE room = 'a'", True),
        ("SELECT * FROM sensor WHERE room IN ('a', 'b')", True),
        ("SELECT * FROM sensor WHERE room = 'a' OR room = 'b'", True),
        ("SELECT * FROM sensor WHERE room = 'a' OR id = 5", False),
        ("SELECT * FROM sensor WHERE room = 'a' AND id > 5", False),
        ("SELECT * FROM sensor WHERE heat = 1.5", False),
        ("SELECT * FROM sensor WHERE id > 5", False),
        ("SELECT * FROM sensor WHERE room LIKE 'a%'", False),
        ("SELECT id FROM sensor", False),
        ("SELECT s.* FROM sensor s JOIN beep b ON b.room = s.room", False),
        ("SELECT * FROM beep WHERE room = 'a'", False),
    ],
)
def test_what_a_route_alone_tells_is_not_asked_again(
    text: str, expected: object
) -> None:
    bench = Bench(db=qsdb.Database(people))

    assert bench.subscribe(text).takes_all is expected


def test_absent_values_are_equal_to_none() -> None:
    bench = Bench(db=qsdb.Database(people))
    lifted = bench.lifted("SELECT * FROM sensor WHERE room = :room")
    values = lifted.values(b"", {"room": None})
    result = bench.engine.subscribe(lifted, values, "me")

    assert not result.takes_all
    assert bench.commit(sensor=[(None, (1, None, 0.0))]) == []


def test_leaving_twice_or_late_is_no_error() -> None:
    bench = Bench()
    result = bench.subscribe(FILTER)
    bench.engine.unsubscribe(result, "me")
    bench.engine.unsubscribe(result, "me")
    assert bench.engine.sizes == NOTHING

    again = bench.subscribe(FILTER)
    assert again is not result
    bench.engine.unsubscribe(result, "me")
    assert bench.engine.sizes["results"] == 1


def test_a_template_stays_for_other_values() -> None:
    bench = Bench()
    one = bench.subscribe("SELECT * FROM player WHERE lvl = 1")
    two = bench.subscribe("SELECT * FROM player WHERE lvl = 2")
    assert bench.engine.sizes["templates"] == 1

    bench.engine.unsubscribe(one, "me")
    assert bench.engine.sizes == {**NOTHING, "templates": 1, "results": 1, "tables": 1}
    assert bench.engine.listens_to("player")

    bench.engine.unsubscribe(two, "me")
    assert bench.engine.sizes == NOTHING
    assert not bench.engine.listens_to("player")


def test_a_commit_says_which_results_change() -> None:
    bench = Bench()
    high = bench.subscribe(FILTER)
    bench.subscribe("SELECT * FROM player WHERE lvl < 5")
    bench.subscribe("SELECT id + 1 AS n FROM player WHERE lvl = 9 AND g = 7")
    bench.subscribe("SELECT * FROM guild")
    put(bench.db, NEW)

    [(result, difference)] = bench.commit(player=[PAIR])

    assert result is high
    assert difference == Difference([stored(NEW)], [])
    assert bench.engine.evaluated == [high]
    counters = bench.engine.counters
    assert (counters.commits, counters.evaluations, counters.changes) == (1, 1, 1)


def test_a_commit_of_two_tables() -> None:
    bench = Bench()
    result = bench.subscribe(JOIN)
    guild = Guild(1, kind=1)
    put(bench.db, NEW, guild)

    changes: dict[str, list[Pair]] = {
        "player": [PAIR],
        "guild": [(None, stored(guild))],
    }
    once = bench.commit(**changes)
    twice = bench.commit(**changes)

    assert once == twice == [(result, Difference([stored(NEW)], []))]


def test_a_result_that_does_not_change() -> None:
    bench = Bench(Player(1, lvl=8))
    bench.subscribe("SELECT lvl > 5 AS is_high FROM player")
    old = stored(Player(1, lvl=8))
    put(bench.db, NEW)

    assert bench.commit(player=[(old, stored(NEW))]) == []
    assert len(bench.engine.evaluated) == 1


def test_a_result_that_has_no_room() -> None:
    bench = Bench()
    failing = bench.subscribe("SELECT * FROM player WHERE lvl + 2147483640 > 0")
    other = bench.subscribe(FILTER)
    put(bench.db, NEW)

    told = dict(bench.commit(player=[PAIR]))

    assert isinstance(told[failing], qsdb.QueryError)
    assert told[failing].__traceback__ is None
    assert told[other] == Difference([stored(NEW)], [])


def test_a_join_wishes_for_indexes() -> None:
    bench = Bench(NEW)
    result = bench.subscribe("SELECT a.* FROM player a JOIN guild b ON a.lvl = b.own")
    assert result.template.wishes() == {("player", 2), ("guild", 1)}
    assert bench.engine.sizes["indexes"] == 2
    guild = Guild(3, own=9)
    put(bench.db, guild)

    told = bench.commit(guild=[(None, stored(guild))])

    assert told == [(result, Difference([stored(NEW)], []))]


def test_columns_that_are_read() -> None:
    bench = Bench()
    texts = {
        "SELECT id FROM player WHERE lvl > 5": [frozenset({0, 2})],
        "SELECT * FROM player WHERE lvl > 5": [None],
        "SELECT id, g, lvl, name FROM player": [None],
        "SELECT id, g, lvl FROM player WHERE name = 'x'": [None],
        JOIN: [None, frozenset({0, 2})],
        "SELECT p.id FROM player p CROSS JOIN guild g": [
            frozenset({0}),
            frozenset(),
        ],
    }

    for text, columns in texts.items():
        result = bench.subscribe(text)
        assert [each.columns for each in result.readers] == columns


# After an exception has cut something off.


def a_busy_bench() -> tuple[Bench, list[Any]]:
    bench = Bench(NEW)
    results = [
        bench.subscribe(FILTER),
        bench.subscribe("SELECT * FROM player WHERE lvl = 9"),
        bench.subscribe("SELECT * FROM player WHERE lvl = 8"),
        bench.subscribe("SELECT a.* FROM player a JOIN guild b ON a.lvl = b.own"),
        bench.subscribe("SELECT b.* FROM player a JOIN guild b ON a.lvl = b.own"),
    ]
    return bench, results


def test_mending_what_is_whole_changes_nothing() -> None:
    bench, results = a_busy_bench()
    before = bench.engine.sizes
    bench.engine.mend([])
    assert bench.engine.sizes == before

    for result in results:
        bench.engine.unsubscribe(result, "me")
    assert bench.engine.sizes == NOTHING


def test_mending_takes_out_who_is_gone() -> None:
    bench, results = a_busy_bench()
    bench.engine.unsubscribe(results[0], "me")
    stays = bench.subscribe(FILTER, "you")

    bench.engine.mend(["me"])

    assert bench.engine.sizes == {**NOTHING, "templates": 1, "results": 1, "tables": 1}
    put(bench.db, Player(2, lvl=6))
    told = bench.commit(player=[(None, stored(Player(2, lvl=6)))])
    assert [result for result, _ in told] == [stays]


def test_mending_what_was_cut_off() -> None:
    """Half a beginning: no result, no route, no index; half an end: a route left."""
    bench, results = a_busy_bench()
    engine = bench.engine
    results[1].subscribers.clear()
    del results[2].template.results[results[2].values]
    del engine._now["player"].indexes[2]
    results[4].subscribers.clear()

    engine.mend([])

    assert engine.sizes == {"templates": 2, "results": 2, "indexes": 2, "tables": 2}
    guild = Guild(1, own=9)
    put(bench.db, guild)
    told = bench.commit(guild=[(None, stored(guild))])
    assert told == [(results[3], Difference([stored(NEW)], []))]
    for result in results:
        engine.unsubscribe(result, "me")
    assert engine.sizes == NOTHING
