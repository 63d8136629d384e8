"""Live joins: what a subscriber must be told, net and with multiplicity."""

import math
from typing import Any

import pytest

import qsdb
from tests.unit.live.scenes import (
    JOIN,
    KINDRED,
    Ear,
    Edge,
    Guild,
    Odd,
    Player,
    engine_of,
    opened,
    put,
)

GOOD = Guild(1, kind=1)
BAD = Guild(1, kind=2)
MEMBER = Player(1, g=1)


def test_both_sides_at_once() -> None:
    db = opened()
    ear = Ear(db, JOIN)

    put(db, MEMBER, GOOD)
    assert ear.heard() == [([MEMBER], [])]

    with db.write() as tx:
        tx[Player].clear()
        tx[Guild].clear()
    assert ear.heard() == [([], [MEMBER])]


def test_one_side_comes_while_the_other_goes() -> None:
    db = opened(GOOD)
    ear = Ear(db, JOIN)

    with db.write() as tx:
        tx[Player].insert(MEMBER)
        tx[Guild].delete(GOOD)

    assert ear.heard() == []


def test_a_row_moves_from_one_partner_to_another() -> None:
    other = Guild(2, kind=1)
    db = opened(GOOD, other, MEMBER)
    members, guilds = Ear(db, JOIN), Ear(db, KINDRED)

    moved = MEMBER.replace(g=2)
    put(db, moved)

    assert members.heard() == [([moved], [MEMBER])]
    assert guilds.heard() == [([other], [GOOD])]


def test_a_partner_begins_and_ceases_to_match() -> None:
    members = [Player(number, g=1) for number in range(3)]
    db = opened(BAD, Guild(9, kind=2), *members)
    ear = Ear(db, JOIN)

    put(db, GOOD)
    [(came, went)] = ear.heard()
    assert (sorted(map(repr, came)), went) == (sorted(map(repr, members)), [])

    put(db, BAD)
    [(came, went)] = ear.heard()
    assert (came, len(went)) == ([], 3)

    put(db, Guild(9, kind=1))
    assert ear.heard() == []


def test_a_row_with_several_partners() -> None:
    text = "SELECT p.* FROM player p JOIN guild g ON p.g = g.own"
    partners = [Guild(number, own=1) for number in range(3)]
    db = opened(MEMBER, *partners[:2])
    ear = Ear(db, text)
    assert ear.query.rows == [MEMBER, MEMBER]

    with db.write() as tx:
        tx[Guild].delete(partners[0])
    assert ear.heard() == [([], [MEMBER])]
    assert ear.query.rows == [MEMBER]

    with db.write() as tx:
        tx[Guild].delete(partners[1])
        tx[Guild].insert(partners[2])
    assert ear.heard() == []

    with db.write() as tx:
        tx[Guild].delete(partners[2])
    assert ear.heard() == [([], [MEMBER])]
    assert ear.query.rows == []


def test_a_column_that_is_not_in_the_query() -> None:
    db = opened(GOOD, MEMBER)
    whole = Ear(db, JOIN)
    narrow = Ear(db, "SELECT p.id FROM player p JOIN guild g ON p.g = g.id")

    renamed = MEMBER.replace(name="new")
    put(db, renamed)

    assert whole.heard() == [([renamed], [MEMBER])]
    assert narrow.heard() == []


SELF = "SELECT a.* FROM player a JOIN player b ON a.g = b.lvl WHERE a.name = 'x'"


def test_a_self_join_notices_its_second_table() -> None:
    first, second = Player(1, g=4, name="x"), Player(2, lvl=3, name="y")
    db = opened(first, second)
    ear = Ear(db, SELF)

    put(db, second.replace(lvl=4))
    assert ear.heard() == [([first], [])]

    put(db, second)
    assert ear.heard() == [([], [first])]


def test_a_row_that_joins_itself() -> None:
    itself = Player(1, g=4, lvl=4, name="x")
    db = opened()
    ear = Ear(db, SELF)

    put(db, itself)
    assert ear.heard() == [([itself], [])]

    with db.write() as tx:
        tx[Player].delete(itself)
    assert ear.heard() == [([], [itself])]


def test_a_row_that_is_both_sides_for_others() -> None:
    middle = Player(2, g=5, lvl=4, name="x")
    db = opened(Player(1, g=4, name="x"), middle, Player(3, lvl=5), Player(4, lvl=6))
    ear = Ear(db, SELF)
    assert {row.id for row in ear.query.rows} == {1, 2}

    moved = middle.replace(g=6, lvl=9)
    put(db, moved)

    [(came, went)] = ear.heard()
    assert came == [moved]
    assert sorted([row.id for row in went]) == [1, 2]


def test_none_joins_nothing() -> None:
    text = "SELECT a.id AS a, b.id AS b FROM odd a JOIN odd b ON a.number = b.number"
    db = opened(Odd(1))
    ear = Ear(db, text)

    put(db, Odd(2))
    assert (ear.heard(), ear.query.rows) == ([], [])

    put(db, Odd(2, 1.0))
    assert ear.heard() == [([(2, 2)], [])]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param(math.nan, float("nan"), id="NaN"),
        pytest.param(0.0, -0.0, id="zeros"),
        pytest.param(math.inf, math.inf, id="infinity"),
    ],
)
@pytest.mark.parametrize("is_late", [False, True])
def test_floats_join_by_their_order(one: float, other: float, *, is_late: bool) -> None:
    text = "SELECT a.id AS a, b.id AS b FROM odd a JOIN odd b ON a.number = b.number"
    db = opened(Odd(1, one)) if is_late else opened(Odd(1, one), Odd(2, other))
    ear = Ear(db, text)
    if is_late:
        put(db, Odd(2, other))

    assert sorted(ear.query.rows) == [(1, 1), (1, 2), (2, 1), (2, 2)]


def test_values_that_python_takes_for_equal() -> None:
    db = opened()
    texts = ["flag", "small = 1", "number = 1.0", "id = 1", "text = '1'"]
    ears = {each: Ear(db, f"SELECT id FROM odd WHERE {each}") for each in texts}

    put(db, Odd(2, flag=True))
    put(db, Odd(3, small=1))
    put(db, Odd(4, 1.0))
    put(db, Odd(1))
    put(db, Odd(5, text="1"))

    told = {text: ear.heard() for text, ear in ears.items()}
    ids = [2, 3, 4, 1, 5]
    assert told == {
        text: [([(number,)], [])] for text, number in zip(texts, ids, strict=True)
    }


CHAIN = (
    "SELECT a.id AS a, c.id AS c FROM player a JOIN edge b ON a.id = b.src "
    "JOIN guild c ON b.dst = c.id"
)


def test_the_middle_of_a_chain() -> None:
    db = opened(Player(1), Player(2), Guild(1), Guild(2))
    ear = Ear(db, CHAIN)

    put(db, Edge(1, 2))
    assert ear.heard() == [([(1, 2)], [])]

    with db.write() as tx:
        tx[Edge].delete(Edge(1, 2))
        tx[Edge].insert(Edge(2, 2))
    assert ear.heard() == [([(2, 2)], [(1, 2)])]


def test_all_of_a_chain_at_once() -> None:
    db = opened(Player(1), Edge(1, 1), Guild(1))
    ear = Ear(db, CHAIN)

    with db.write() as tx:
        tx[Player].clear()
        tx[Edge].clear()
        tx[Guild].clear()
        tx[Player].insert(Player(2))
        tx[Edge].insert_many([Edge(2, 2), Edge(2, 3)])
        tx[Guild].insert_many([Guild(2), Guild(3)])

    [(came, went)] = ear.heard()
    assert (sorted(came), went) == ([(2, 2), (2, 3)], [(1, 1)])


def test_a_condition_across_two_tables() -> None:
    text = "SELECT p.id FROM player p JOIN guild g ON p.g = g.id WHERE g.own > p.lvl"
    db = opened(Player(1, g=1, lvl=5), Guild(1, own=5))
    ear = Ear(db, text)

    put(db, Guild(1, own=6))
    put(db, Player(1, g=1, lvl=6))
    put(db, Player(1, g=1, lvl=5))
    put(db, Guild(1, own=4))

    assert ear.heard() == [([(1,)], []), ([], [(1,)])] * 2


def test_a_cross_join() -> None:
    db = opened(Player(1), Guild(1))
    ear = Ear(db, "SELECT p.id AS p, g.id AS g FROM player p CROSS JOIN guild g")
    assert ear.query.rows == [(1, 1)]

    put(db, Player(2), Guild(2))

    [(came, went)] = ear.heard()
    assert (sorted(came), went) == ([(1, 2), (2, 1), (2, 2)], [])


@pytest.mark.parametrize(
    "condition",
    [
        "b.number IN (1.0, 2.0)",
        "b.text IN ('a', 'b')",
        "b.text IN ('a', 'b') AND b.id > 0",
        "b.text BETWEEN 'a' AND 'b'",
        "b.text LIKE 'a%'",
        "b.text >= 'a'",
        "(b.text = 'a' OR b.text = 'b')",
    ],
)
def test_a_row_that_is_gone_goes_once(condition: str) -> None:
    """By an index that is asked several times, or for a range."""
    text = f"SELECT a.id FROM player a CROSS JOIN odd b WHERE {condition}"
    db = opened(Odd(1, 1.0, text="a"), Odd(2, 2.0, text="z"))
    ear = Ear(db, text)
    put(db, Player(1))
    assert (1,) in ear.query.rows
    ear.heard()

    with db.write() as tx:
        tx[Player].insert(Player(2))
        tx[Odd].clear()

    [(came, went)] = ear.heard()
    assert came == []
    assert went == [(1,)] * len(went)
    assert ear.query.rows == []


def test_a_join_keeps_an_index_as_long_as_it_is_needed() -> None:
    db = opened(GOOD, MEMBER)
    text = "SELECT p.* FROM player p JOIN guild g ON p.lvl = g.own"
    queries: list[Any] = [db.subscribe(text), db.subscribe(text + " WHERE g.kind = 1")]
    engine = engine_of(db)
    assert engine.sizes == {"templates": 2, "results": 2, "indexes": 2, "tables": 2}

    queries[0].close()
    assert engine.sizes["indexes"] == 2

    queries[1].close()
    assert set(engine.sizes.values()) == {0}


def test_rows_of_users_are_not_those_that_are_stored() -> None:
    db = opened(GOOD, MEMBER)
    query = db.subscribe(JOIN)
    query.initial.clear()
    query.rows.clear()

    assert query.initial == query.rows == [MEMBER]
    assert isinstance(query.rows[0], qsdb.Row)


SUM = (
    "SELECT a.id AS one, a.small + b.small AS total FROM odd a JOIN odd b"
    " ON a.text = b.text WHERE a.flag AND NOT b.flag"
)


def test_a_pair_that_never_met_may_have_no_room() -> None:
    db = opened(Odd(1, flag=True, small=0), Odd(2, small=255))
    ear = Ear(db, SUM)

    put(db, Odd(1, flag=True, small=255), Odd(2, small=0))
    assert ear.errors == []
    assert ear.heard() == []

    put(db, Odd(1, flag=True, small=254), Odd(3, small=1))
    assert ear.heard() == [([(1, 254)], [])]
    assert sorted(ear.query.rows) == sorted(db.sql(SUM).rows)


def test_a_pair_that_meets_has_to_have_room() -> None:
    db = opened(Odd(1, flag=True, small=0), Odd(2, small=255))
    ear = Ear(db, SUM)

    put(db, Odd(1, flag=True, small=1))

    assert [each.reason for each in ear.errors] == [
        "the result 256 is not u8 (0 to 255)"
    ]
    assert ear.heard() == []


def test_what_joins_nothing_need_not_have_room() -> None:
    text = (
        "SELECT a.id AS one FROM guild g JOIN odd a ON g.id = a.id"
        " JOIN odd b ON a.id = b.id WHERE a.small + b.small < 100"
    )
    db = opened(Guild(1))
    ear = Ear(db, text)

    put(db, Odd(1, small=1), Odd(2, small=255))

    assert ear.errors == []
    assert ear.heard() == [([(1,)], [])]
    assert ear.query.rows == db.sql(text).rows
