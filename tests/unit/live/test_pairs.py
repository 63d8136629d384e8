"""`Update.updates` of results that are not whole rows: pairs that share a key."""

from typing import Any

import pytest

from tests.unit.live.scenes import Ear, Edge, Guild, Player, opened, put

Pair = tuple[tuple[Any, ...], tuple[Any, ...]]


def pairs(ear: Ear) -> list[Pair]:
    """Give what was paired by the last commit, in some order."""
    return sorted([(tuple(o), tuple(n)) for each in ear.paired() for o, n in each])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("SELECT id, name FROM player", [((1, ""), (1, "ann"))]),
        ("SELECT name, id AS number FROM player", [(("", 1), ("ann", 1))]),
        ("SELECT DISTINCT name, id FROM player", [(("", 1), ("ann", 1))]),
        ("SELECT id, name FROM player ORDER BY lvl LIMIT 3", [((1, ""), (1, "ann"))]),
        ("SELECT name FROM player", []),
        ("SELECT id + 0 AS id, name FROM player", []),
        ("SELECT name, COUNT(*) AS n, MIN(id) AS id FROM player GROUP BY name", []),
        ("SELECT id, name FROM player UNION SELECT id, name FROM player", []),
        (
            "SELECT p.id, p.name, g.own FROM player p JOIN guild g ON p.g = g.id",
            [((1, "", 0), (1, "ann", 0))],
        ),
        (
            "SELECT p.id, p.name, e.dst FROM player p JOIN edge e ON e.src = p.id",
            [((1, "", 5), (1, "ann", 5))],
        ),
    ],
)
def test_rows_that_keep_the_primary_key(text: str, expected: list[Pair]) -> None:
    db = opened(Player(1, g=1), Player(2, g=1), Guild(1), Edge(1, 5))
    ear = Ear(db, text)

    put(db, Player(1, g=1, name="ann"), Player(3, name="new"))

    assert pairs(ear) == expected


def test_of_a_join_the_keys_of_all_tables_that_stand_in_it() -> None:
    db = opened(Player(1, g=1), Player(2, g=1), Guild(1), Guild(2))
    ear = Ear(
        db,
        "SELECT g.id AS guild, g.own, p.id, p.lvl FROM guild g "
        "JOIN player p ON p.g = g.id",
    )

    put(db, Player(1, g=1, lvl=3), Player(2, g=2))  # the second one moves
    assert pairs(ear) == [((1, 0, 1, 0), (1, 0, 1, 3))]


def test_of_groups_the_key_that_they_are_made_by() -> None:
    db = opened(Player(1, g=1), Guild(1))
    ear = Ear(
        db,
        "SELECT g.id, COUNT(*) AS n FROM guild g JOIN player p ON p.g = g.id "
        "GROUP BY g.id",
    )

    put(db, Player(2, g=1))
    assert pairs(ear) == [((1, 1), (1, 2))]
