"""Random queries of several parts, as texts that qsdb and sqlite3 read alike.

What the two mean differently is written out: an order says where NULL stands, and
floats are such that their sums need no rounding. For sqlite3 `with_key` adds the key to
an order, which qsdb has by itself.
"""

import re
from random import Random

__all__ = ["draw_query", "with_key"]

_WHERE = (
    "p.n > 1",
    "p.n <= 2 OR p.s = 'a'",
    "p.g IS NOT NULL",
    "p.x * 2 > 1",
    "p.g IN (SELECT g FROM q)",
    "p.n NOT IN (SELECT n FROM q WHERE q.g = p.g)",
    "p.n NOT IN (SELECT n FROM q)",
    "EXISTS (SELECT 1 FROM q WHERE q.g = p.g AND q.n > p.n)",
    "NOT EXISTS (SELECT 1 FROM q WHERE q.g = p.g)",
    "COALESCE(p.n, 0) + p.id > 2",
)
_JOINED = (
    "q.n > 1",
    "q.id IS NULL OR q.n > p.n",
    "p.n = q.n",
)
_AGGREGATES = (
    "COUNT(*)",
    "COUNT(p.n)",
    "COUNT(DISTINCT p.n)",
    "SUM(p.n)",
    "SUM(DISTINCT p.n)",
    "SUM(p.x)",
    "AVG(p.n)",
    "AVG(p.x)",
    "MIN(p.n)",
    "MAX(p.x)",
    "MIN(p.s)",
    "MAX(p.s)",
)
_KEYS = ("p.g", "p.s", "p.n", "p.n % 2")
_HAVING = ("COUNT(*) > 1", "SUM(p.n) > 2", "MAX(p.n) IS NULL OR MIN(p.id) < 3")
_PARTS = (
    "SELECT g FROM p",
    "SELECT n FROM p WHERE s = 'a'",
    "SELECT g FROM q",
    "SELECT n FROM q",
    "SELECT MAX(n) AS m FROM p GROUP BY g",
    "SELECT DISTINCT g FROM p",
)
_SETS = ("UNION", "UNION ALL", "INTERSECT", "EXCEPT")
_ORDER = ("p.n", "p.x", "p.s", "p.g")


def draw_query(random: Random) -> str:
    """Draw a query."""
    sort = random.choice((_rows, _groups, _distinct, _sets, _window, _window))
    return sort(random)


def with_key(text: str) -> str:
    """Give a query with the primary key at the end of its order, if it has one."""
    if "ORDER BY 1" in text:  # of rows that have none
        return text
    return re.sub(r"(ORDER BY .*?)( LIMIT|$)", r"\1, p.id\2", text)


def _from(random: Random) -> tuple[str, list[str]]:
    """Draw FROM, and the conditions that there can be."""
    joined = random.random()
    if joined < 0.5:
        return "p", [*_WHERE]
    if joined < 0.7:
        return "p JOIN q ON p.g = q.g", [*_WHERE, *_JOINED]
    on = "p.g = q.g" + random.choice(("", " AND q.n > 1", " AND q.n < p.n"))
    # What looks into other tables must not look at those of a LEFT JOIN.
    return f"p LEFT JOIN q ON {on}", [*_WHERE, *_JOINED]


def _tail(random: Random) -> str:
    source, conditions = _from(random)
    wanted = random.sample(conditions, random.choice((0, 0, 1, 1, 2)))
    where = f" WHERE {' AND '.join([f'({each})' for each in wanted])}" if wanted else ""
    return f"FROM {source}{where}"


def _rows(random: Random) -> str:
    tail = _tail(random)
    other = ", q.n AS m, q.id AS other" if " JOIN " in tail else ""
    return f"SELECT p.id, p.s{other} {tail}"


def _groups(random: Random) -> str:
    aggregates = random.sample(_AGGREGATES, random.randrange(1, 4))
    named = [f"{each} AS a{n}" for n, each in enumerate(aggregates)]
    keys = random.sample(_KEYS, random.choice((0, 1, 1, 2)))
    columns = [f"{each} AS k{n}" for n, each in enumerate(keys)]
    if keys and random.random() < 0.2:
        columns = []  # rows of several groups may be equal then
    found = f"SELECT {', '.join([*columns, *named])} {_tail(random)}"
    if keys:
        found += f" GROUP BY {', '.join(keys)}"
        if random.random() < 0.4:
            found += f" HAVING {random.choice(_HAVING)}"
    return found


def _distinct(random: Random) -> str:
    columns = random.sample(_ORDER, random.randrange(1, 3))
    return f"SELECT DISTINCT {', '.join(columns)} {_tail(random)}"


def _sets(random: Random) -> str:
    one, other = random.sample(_PARTS, 2)
    found = f"{one} {random.choice(_SETS)} {other}"
    if random.random() < 0.4:
        found += f" ORDER BY 1 NULLS LAST LIMIT {random.randrange(1, 5)}"
    return found


def _window(random: Random) -> str:
    terms = [
        f"{each}{random.choice(('', ' DESC'))} NULLS {random.choice(('FIRST', 'LAST'))}"
        for each in random.sample(_ORDER, random.randrange(1, 3))
    ]
    wanted = random.sample(_WHERE, random.choice((0, 0, 1)))
    where = f" WHERE {wanted[0]}" if wanted else ""
    columns = random.choice(("*", "p.id, p.n", "p.s"))
    found = f"SELECT {columns} FROM p{where} ORDER BY {', '.join(terms)}"
    if random.random() < 0.8:
        found += f" LIMIT {random.randrange(5)}"
        if random.random() < 0.5:
            found += f" OFFSET {random.randrange(4)}"
    return found
