"""Live queries of one table: what a subscriber must be told, net."""

import pytest

from tests.unit.live.scenes import (
    FILTER,
    Ear,
    Edge,
    Odd,
    Player,
    engine_of,
    opened,
    put,
)


def at(level: int) -> Player:
    return Player(1, lvl=level)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        pytest.param(3, 7, [([at(7)], [])], id="into the filter"),
        pytest.param(7, 9, [([at(9)], [at(7)])], id="within it"),
        pytest.param(9, 2, [([], [at(9)])], id="out of it"),
        pytest.param(2, 3, [], id="outside"),
        pytest.param(7, 7, [], id="to an equal row"),
    ],
)
def test_an_update(
    old: int, new: int, told: list[tuple[list[Player], list[Player]]]
) -> None:
    db = opened(at(old))
    ear = Ear(db, FILTER)

    put(db, at(new))

    assert ear.heard() == told
    assert ear.query.rows == [at(new)] * (new > 5)


def test_an_update_within_the_filter_is_a_pair() -> None:
    db = opened(at(7))
    ear = Ear(db, FILTER)

    put(db, at(9))

    assert ear.paired() == [[(at(7), at(9))]]


def test_there_and_back_in_one_transaction() -> None:
    db = opened(at(3))
    ear = Ear(db, FILTER)

    put(db, at(7), at(3))
    with db.write() as tx:
        tx[Player].insert(Player(2, lvl=9))
        tx[Player].delete_by_key(2)

    assert ear.heard() == []


def test_a_row_is_deleted_and_inserted_again() -> None:
    db = opened(at(7))
    ear = Ear(db, FILTER)

    with db.write() as tx:
        tx[Player].delete(at(7))
        tx[Player].insert(at(7))
    assert ear.heard() == []

    with db.write() as tx:
        tx[Player].delete(at(7))
        tx[Player].insert(at(8))
    assert ear.paired() == [[(at(7), at(8))]]


def test_another_primary_key_is_no_pair() -> None:
    db = opened(at(7))
    ear = Ear(db, FILTER)

    with db.write() as tx:
        tx[Player].delete(at(7))
        tx[Player].insert(Player(2, lvl=7))

    [update] = ear.updates
    assert update.updates == []
    assert (update.inserts, update.deletes) == ([Player(2, lvl=7)], [at(7)])


def test_two_rows_exchange_their_keys() -> None:
    one, two = Player(1, lvl=7, name="x"), Player(2, lvl=8, name="y")
    db = opened(one, two)
    ear = Ear(db, FILTER)

    crossed = two.replace(id=1), one.replace(id=2)
    put(db, *crossed)

    [pairs] = ear.paired()
    assert sorted(pairs, key=lambda pair: pair[0].id) == [
        (one, crossed[0]),
        (two, crossed[1]),
    ]


def test_a_table_is_emptied_and_filled_again() -> None:
    rows = [Player(number, lvl=number) for number in range(10)]
    db = opened(*rows)
    ear = Ear(db, FILTER)

    with db.write() as tx:
        tx[Player].clear()
        tx[Player].insert_many(rows)
    assert ear.heard() == []

    db.sql("DELETE FROM player")
    db.sql("DELETE FROM player")
    [(came, went)] = ear.heard()
    assert (came, {row.lvl for row in went}) == ([], {6, 7, 8, 9})


@pytest.mark.parametrize("term", ["TRUE", "FALSE"])
def test_a_filter_that_looks_at_no_column(term: str) -> None:
    db = opened()
    ear = Ear(db, f"SELECT * FROM player WHERE {term}")

    put(db, at(1))

    assert ear.heard() == ([([at(1)], [])] if term == "TRUE" else [])


def test_a_table_without_a_key_is_a_set() -> None:
    db = opened(Edge(1, 2))
    ear = Ear(db, "SELECT * FROM edge")

    put(db, Edge(1, 2))
    assert ear.heard() == []

    put(db, Edge(1, 3))
    assert ear.heard() == [([Edge(1, 3)], [])]
    assert ear.query.rows == [Edge(1, 2), Edge(1, 3)]


def test_a_change_in_a_table_without_a_key_is_no_pair() -> None:
    db = opened(Edge(1, 2))
    ear = Ear(db, "SELECT * FROM edge")

    with db.write() as tx:
        tx[Edge].delete(Edge(1, 2))
        tx[Edge].insert(Edge(1, 3))

    assert ear.paired() == [[]]


def test_a_projection_that_makes_rows_equal() -> None:
    db = opened(Player(1, lvl=7), Player(2, lvl=7))
    ear = Ear(db, "SELECT lvl FROM player")
    assert ear.query.rows == [(7,), (7,)]

    with db.write() as tx:
        tx[Player].delete_by_key(1)

    assert ear.heard() == [([], [(7,)])]
    assert ear.query.rows == [(7,)]
    assert ear.query.columns == ("lvl",)


def test_a_column_that_is_not_asked_for() -> None:
    db = opened(at(7))
    narrow, whole = Ear(db, "SELECT id FROM player WHERE lvl > 5"), Ear(db, FILTER)

    put(db, at(7).replace(name="new"))

    assert narrow.heard() == []
    assert whole.heard() == [([at(7).replace(name="new")], [at(7)])]


def test_what_stays_the_same_though_a_column_changes() -> None:
    db = opened(at(7))
    ear = Ear(db, "SELECT lvl > 5 AS is_high FROM player")

    put(db, at(9))
    assert ear.heard() == []

    put(db, at(2))
    assert ear.heard() == [([(False,)], [(True,)])]


def test_a_query_that_is_not_concerned_is_not_looked_at() -> None:
    db = opened(at(1))
    text = "SELECT * FROM player WHERE lvl ="
    kept = [db.subscribe(f"{text} {level}") for level in range(100)]
    engine = engine_of(db)
    before = engine.counters.evaluations

    put(db, at(50))

    assert {each.values for each in engine.evaluated} == {(1,), (50,)}
    assert engine.counters.evaluations == before + 2
    assert engine.counters.commits == 1
    assert engine.counters.changes == 2
    assert [each.rows for each in kept if each.rows] == [[at(50)]]


def test_ends_of_a_range_are_told_apart() -> None:
    db = opened()
    texts = ["lvl > 5", "lvl >= 5", "lvl < 5", "lvl <= 5", "lvl BETWEEN 4 AND 5"]
    ears = {each: Ear(db, f"SELECT * FROM player WHERE {each}") for each in texts}

    put(db, at(5))

    told = [text for text, ear in ears.items() if ear.heard()]
    assert told == ["lvl >= 5", "lvl <= 5", "lvl BETWEEN 4 AND 5"]
    assert len(engine_of(db).evaluated) == 3


def test_parameters() -> None:
    db = opened(at(7))
    ear = Ear(db, "SELECT * FROM player WHERE lvl = :wanted", params={"wanted": 8})
    assert ear.query.initial == []

    put(db, at(8))

    assert ear.heard() == [([at(8)], [])]


def test_what_is_not_wanted_need_not_have_room() -> None:
    text = "SELECT * FROM odd WHERE 10 / small > 1 AND small + 9 < 90 AND flag"
    db = opened(Odd(1, flag=True, small=2))
    ear = Ear(db, text)

    put(db, Odd(2, small=255), Odd(3, flag=True, small=3), Odd(4, small=0))

    assert ear.errors == []
    assert ear.heard() == [([Odd(3, flag=True, small=3)], [])]
    assert len(db.sql(text).rows) == 2
