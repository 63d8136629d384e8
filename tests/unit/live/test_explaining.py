"""What EXPLAIN says of a query as a live one."""

import pytest

from qsdb.live.explaining import explain_live
from qsdb.sql.queries import Query
from qsdb.sql.relations import Derived
from tests.unit.live.scenes import JOIN, opened

DB = opened()

JOINED = "live: JOIN keeps nothing; a change costs as much as the rows that it meets"
LOOKS = (
    "live: EXISTS and IN (SELECT …) keep nothing; a change of what they look for costs "
    "as much as the rows that look for it, and what each looks through"
)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "SELECT COUNT(*) FROM player",
            [
                "live: a change of player is always looked at, if rows come or go",
                (
                    "live: an aggregate keeps of all rows the number of rows; "
                    "a change costs O(1)"
                ),
            ],
        ),
        (
            "SELECT * FROM player LIMIT 3",
            [
                (
                    "live: not possible: LIMIT needs ORDER BY: else nothing says which "
                    "rows come first"
                )
            ],
        ),
        (
            (
                "SELECT g, SUM(lvl), MIN(lvl) AS m, COUNT(DISTINCT name) AS n "
                "FROM player WHERE lvl > 3 GROUP BY g"
            ),
            [
                (
                    "live: a change of player is found by the interval of lvl, "
                    "if it changes g, lvl, name"
                ),
                (
                    "live: GROUP BY keeps for each group the number of rows, exact "
                    "sums, its values in order and how often each value is there; "
                    "a change costs O(log n) among n of them"
                ),
            ],
        ),
        (
            (
                "SELECT * FROM player QUALIFY ROW_NUMBER() "
                "OVER (PARTITION BY g ORDER BY lvl DESC) <= 3"
            ),
            [
                "live: a change of player is always looked at",
                (
                    "live: QUALIFY keeps all rows of each group in order; of n rows "
                    "a change costs O(log n), and as much as the rows it takes of them"
                ),
            ],
        ),
        (
            "SELECT g FROM player QUALIFY ROW_NUMBER() OVER (ORDER BY lvl) <= 3",
            [
                (
                    "live: a change of player is always looked at, "
                    "if it changes id, g, lvl"
                ),
                (
                    "live: QUALIFY keeps all rows there are in order; of n rows "
                    "a change costs O(log n), and as much as the rows it takes of them"
                ),
            ],
        ),
        (
            "SELECT DISTINCT g FROM player ORDER BY g LIMIT 3",
            [
                "live: a change of player is always looked at, if it changes g",
                "live: DISTINCT keeps how often each row is there; a change costs O(1)",
                (
                    "live: ORDER BY keeps all rows in order; of n rows a change costs "
                    "O(log n), and as much as it moves"
                ),
            ],
        ),
        (
            "SELECT * FROM player ORDER BY g DESC LIMIT 3",
            [
                "live: a change of player is always looked at",
                (
                    "live: ORDER BY keeps the first rows, an index has the others; "
                    "a change costs what it moves"
                ),
            ],
        ),
        (
            "SELECT id FROM guild UNION ALL SELECT own FROM guild",
            [
                "live: a change of guild is always looked at, if it changes id",
                "live: a change of guild is always looked at, if it changes own",
            ],
        ),
        (
            "SELECT g FROM player EXCEPT ALL SELECT id FROM guild",
            [
                "live: a change of player is always looked at, if it changes g",
                "live: a change of guild is always looked at, if it changes id",
                (
                    "live: EXCEPT ALL keeps how often each row is on each side; "
                    "a change costs O(1)"
                ),
            ],
        ),
        (
            "SELECT g.id FROM guild g LEFT JOIN player p ON p.g = g.id",
            [
                "live: a change of g is always looked at, if it changes id",
                "live: a change of p is always looked at, if it changes g",
                JOINED.replace("JOIN", "LEFT JOIN"),
            ],
        ),
        (
            (
                "SELECT p.id FROM player p JOIN guild g ON p.g = g.id WHERE NOT EXISTS "
                "(SELECT 1 FROM guild h WHERE h.own = g.id AND h.kind > 1)"
            ),
            [
                "live: a change of p is always looked at, if it changes id, g",
                "live: a change of g is always looked at, if it changes id",
                (
                    "live: a change of h is found by the interval of kind, "
                    "if it changes own, kind"
                ),
                JOINED,
                LOOKS,
                "live: an index of guild.own is made and kept for it",
            ],
        ),
        (
            "SELECT * FROM guild WHERE 7 NOT IN (SELECT g FROM player WHERE lvl > 1)",
            [
                "live: a change of guild is always looked at",
                (
                    "live: a change of player is found by the value of g, "
                    "if it changes g, lvl"
                ),
                LOOKS,
            ],
        ),
        (
            "SELECT id FROM player p WHERE EXISTS (SELECT * FROM edge WHERE src = id)",
            [
                "live: a change of p is always looked at, if it changes id",
                "live: a change of edge is always looked at, if it changes src",
                (
                    "live: EXISTS and IN (SELECT …) keep nothing; a change of what "
                    "they look for costs as much as the rows that look for it, and "
                    "what each looks through"
                ),
                "live: an index of edge.src is made and kept for it",
            ],
        ),
        (
            "SELECT p.id FROM player p LEFT JOIN guild g ON p.g = g.id ORDER BY g.own",
            [
                "live: a change of p is always looked at, if it changes id, g",
                "live: a change of g is always looked at, if it changes id, own",
                JOINED.replace("JOIN", "LEFT JOIN"),
                (
                    "live: ORDER BY keeps all rows in order; of n rows a change costs "
                    "O(log n), and as much as it moves"
                ),
            ],
        ),
        (
            (
                "SELECT p.* FROM player p JOIN edge ON p.id = dst "
                "JOIN guild g ON g.id = src ORDER BY lvl"
            ),
            [
                "live: a change of p is always looked at",
                "live: a change of edge is always looked at",
                "live: a change of g is always looked at, if it changes id",
                JOINED,
                "live: an index of edge.src is made and kept for it",
                "live: an index of edge.dst is made and kept for it",
                (
                    "live: ORDER BY keeps all rows in order, and how often each is "
                    "there; of n rows a change costs O(log n), and as much as it moves"
                ),
            ],
        ),
        (
            "SELECT * FROM player",
            ["live: a change of player is always looked at"],
        ),
        (
            "SELECT id FROM player p WHERE lvl = 3",
            ["live: a change of p is found by the value of lvl, if it changes id, lvl"],
        ),
        (
            "SELECT id FROM player p WHERE lvl = 3 AND lvl IN (3, 4)",
            ["live: a change of p is found by the value of lvl, if it changes id, lvl"],
        ),
        (
            "SELECT * FROM player p WHERE lvl > 3",
            ["live: a change of p is found by the interval of lvl"],
        ),
        (
            JOIN,
            [
                "live: a change of p is always looked at",
                (
                    "live: a change of g is found by the value of kind, "
                    "if it changes id, kind"
                ),
                JOINED,
            ],
        ),
        (
            "SELECT p.id FROM player p CROSS JOIN guild g",
            [
                "live: a change of p is always looked at, if it changes id",
                "live: a change of g is always looked at, if rows come or go",
                JOINED,
                "live: all rows of p are looked at with each change of another table",
                "live: all rows of g are looked at with each change of another table",
            ],
        ),
        (
            "SELECT a.id FROM player a JOIN player b ON a.lvl = b.id",
            [
                "live: a change of a is always looked at, if it changes id, lvl",
                "live: a change of b is always looked at, if it changes id",
                JOINED,
                "live: an index of player.lvl is made and kept for it",
            ],
        ),
        (
            "SELECT p.id FROM player p JOIN guild g ON p.lvl = g.own",
            [
                "live: a change of p is always looked at, if it changes id, lvl",
                "live: a change of g is always looked at, if it changes own",
                JOINED,
                "live: an index of guild.own is made and kept for it",
                "live: an index of player.lvl is made and kept for it",
            ],
        ),
    ],
)
def test_lines(text: str, lines: list[str]) -> None:
    query = DB._queries.check(text, True)  # noqa: FBT003  the key of a cache
    assert isinstance(query, Query | Derived)

    assert explain_live(query) == lines
