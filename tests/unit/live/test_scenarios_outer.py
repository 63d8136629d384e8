"""Live queries where outer joins stand beside inner ones, EXISTS and IN."""

from typing import Any

import pytest

from qsdb.live.trees import is_set, window_of
from qsdb.sql.relations import Derived
from tests.unit.live.scenes import Ear, Edge, Guild, Player, opened, put

Row = tuple[Any, ...]


def told(ear: Ear) -> list[tuple[list[Row], list[Row]]]:
    """Give what was told, as plain tuples in some order."""
    return [
        (sorted(map(tuple, came), key=repr), sorted(map(tuple, went), key=repr))
        for came, went in ear.heard()
    ]


# An outer join and inner ones.

PLAYER = "SELECT p.id, g.own, e.dst FROM player p"
LEFT = "LEFT JOIN guild g ON p.g = g.id"
INNER = "JOIN edge e ON p.lvl = e.src"
RIGHT = "FROM guild g RIGHT JOIN player p ON p.g = g.id"


@pytest.mark.parametrize(
    "text",
    [
        f"{PLAYER} {LEFT} {INNER}",
        f"{PLAYER} {INNER} {LEFT}",
        f"{PLAYER} {INNER} {LEFT} JOIN player o ON o.id = p.id",
        f"SELECT p.id, g.own, e.dst {RIGHT} {INNER}",
    ],
)
def test_a_partner_beside_an_inner_join(text: str) -> None:
    db = opened(Player(1, g=7, lvl=5), Edge(5, 6))
    ear = Ear(db, text)

    put(db, Guild(7, own=3))
    assert told(ear) == [([(1, 3, 6)], [(1, None, 6)])]
    put(db, Guild(7, own=4), Edge(5, 8))
    assert told(ear) == [([(1, 4, 6), (1, 4, 8)], [(1, 3, 6)])]
    with db.write() as tx:
        tx[Guild].delete_by_key(7)
    assert told(ear) == [([(1, None, 6), (1, None, 8)], [(1, 4, 6), (1, 4, 8)])]


def test_an_inner_join_with_the_partners() -> None:
    db = opened(Player(1, g=7), Edge(3, 6))
    ear = Ear(
        db,
        "SELECT p.id, e.dst FROM player p LEFT JOIN guild g ON p.g = g.id "
        "JOIN edge e ON g.own = e.src OR g.id IS NULL",
    )
    assert [*map(tuple, ear.query.rows)] == [(1, 6)]

    put(db, Guild(7, own=9))
    assert told(ear) == [([], [(1, 6)])]
    put(db, Guild(7, own=3))
    assert told(ear) == [([(1, 6)], [])]


def test_of_many_partners_only_the_first_and_the_last_have_nothing_beside_them() -> (
    None
):
    db = opened(Guild(1), Guild(2, own=1))
    ear = Ear(
        db,
        "SELECT g.id, p.id AS p, b.id AS b FROM guild g "
        "LEFT JOIN player p ON p.g = g.id LEFT JOIN player b ON b.lvl = g.own",
    )
    assert sorted(map(tuple, ear.query.rows)) == [(1, None, None), (2, None, None)]

    put(db, Player(5, g=1, lvl=1))
    assert told(ear) == [
        ([(1, 5, None), (2, None, 5)], [(1, None, None), (2, None, None)])
    ]
    put(db, Player(6, g=1, lvl=1), Guild(3))
    assert told(ear) == [([(1, 6, None), (2, None, 6), (3, None, None)], [])]
    put(db, Player(5, g=2, lvl=2), Player(7, g=2, lvl=1))
    assert told(ear) == [
        (
            [(2, 5, 6), (2, 5, 7), (2, 7, 6), (2, 7, 7)],
            [(1, 5, None), (2, None, 5), (2, None, 6)],
        )
    ]
    with db.write() as tx:
        tx[Player].clear()
    assert told(ear) == [
        (
            [(1, None, None), (2, None, None)],
            [(1, 6, None), (2, 5, 6), (2, 5, 7), (2, 7, 6), (2, 7, 7)],
        )
    ]


# What looks into other tables beside one of an outer join.

OUTER = "SELECT g.id, p.id AS member FROM guild g LEFT JOIN player p ON p.g = g.id"

NESTED = (
    "EXISTS (SELECT 1 FROM edge e WHERE e.dst = g.id AND EXISTS "
    "(SELECT 1 FROM player i WHERE i.lvl = e.src))"
)


@pytest.mark.parametrize(
    ("condition", "inserted", "came", "went"),
    [
        (
            "g.id NOT IN (SELECT e.dst FROM edge e) OR p.id IS NOT NULL",
            Edge(0, 1),
            [],
            [(1, None)],
        ),
        (
            "EXISTS (SELECT 1 FROM edge e WHERE e.dst = g.id) OR p.id = 5",
            Edge(0, 1),
            [(1, None)],
            [],
        ),
        (
            "EXISTS (SELECT 1 FROM edge e WHERE e.dst = g.id) AND p.id IS NULL",
            Edge(0, 1),
            [(1, None)],
            [],
        ),
        (
            f"NOT ({NESTED} AND p.id IS NULL)",
            Edge(9, 1),
            [],
            [(1, None)],
        ),
    ],
)
def test_what_is_looked_for_beside_an_outer_table(
    condition: str, inserted: Edge, came: list[Row], went: list[Row]
) -> None:
    db = opened(Guild(1), Guild(2), Player(5, g=2, lvl=9))
    text = f"{OUTER} WHERE {condition}"
    ears = [Ear(db, text), Ear(db, text.replace("SELECT", "SELECT DISTINCT", 1))]

    put(db, inserted)
    assert [told(each) for each in ears] == [[(came, went)]] * 2


ON_LOOKS = f"{OUTER} AND EXISTS (SELECT 1 FROM edge e WHERE e.dst = g.id)"


@pytest.mark.parametrize(
    "text", [ON_LOOKS, f"{ON_LOOKS} AND p.lvl = 9 WHERE g.own = 0"]
)
def test_on_of_an_outer_join_looks_into_another_table(text: str) -> None:
    db = opened(Guild(1), Guild(2), Player(5, g=2, lvl=9))
    ear = Ear(db, text)
    assert sorted(map(tuple, ear.query.rows)) == [(1, None), (2, None)]

    put(db, Edge(0, 1))
    assert told(ear) == []
    put(db, Edge(0, 2))
    assert told(ear) == [([(2, 5)], [(2, None)])]
    put(db, Player(6, g=2, lvl=9))
    assert told(ear) == [([(2, 6)], [])]
    with db.write() as tx:
        tx[Edge].delete(Edge(0, 2))
    assert told(ear) == [([(2, None)], [(2, 5), (2, 6)])]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT p.id, g.own FROM player p JOIN guild g ON p.g = g.id", True),
        ("SELECT g.own FROM player p LEFT JOIN guild g ON p.g = g.id", True),
        ("SELECT own FROM guild JOIN edge ON own = src", True),
        ("SELECT p.* FROM player p JOIN guild g ON p.g = g.id", False),
        ("SELECT id FROM player", True),
        ("SELECT id FROM player UNION ALL SELECT own FROM guild", False),
    ],
)
def test_which_sorted_rows_are_a_set(text: str, found: bool) -> None:  # noqa: FBT001  a column
    query = opened()._queries.check(f"{text} ORDER BY 1", True)  # noqa: FBT003  the key of a cache
    assert isinstance(query, Derived)
    window = window_of(query)

    assert window is not None
    assert is_set(window) is found


def test_a_sorted_outer_join_is_a_set() -> None:
    db = opened(Player(1, g=7), Player(2, g=8), Player(3), Guild(8, own=5))
    ear = Ear(
        db,
        "SELECT g.own FROM player p LEFT JOIN guild g ON p.g = g.id OR p.g IS NULL "
        "ORDER BY g.own, p.id LIMIT 3",
    )
    assert [*map(tuple, ear.query.rows)] == [(5,), (5,), (None,)]

    put(db, Guild(7, own=5))
    assert [*map(tuple, ear.query.rows)] == [(5,), (5,), (5,)]
    with db.write() as tx:
        tx[Guild].delete_by_key(7)
        tx[Guild].delete_by_key(8)
    assert [*map(tuple, ear.query.rows)] == [(None,), (None,), (None,)]
