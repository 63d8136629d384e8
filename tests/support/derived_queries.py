"""Random queries of several parts, as texts that qsdb and sqlite3 read alike.

What the two mean differently is written out: an order says where NULL stands, and
floats are such that their sums need no rounding. For sqlite3 `for_peer` adds the key to
an order, which qsdb has by itself, and says QUALIFY, which it does not know, by a query
in FROM.
"""

import re
from random import Random

__all__ = ["draw_query", "for_peer", "is_ordered"]

_WHERE = (
    "p.n > 1",
    "p.n <= 2 OR p.s = 'a'",
    "p.g IS NOT NULL",
    "p.x * 2 > 1",
    "p.g IN (SELECT g FROM q)",
    "p.n NOT IN (SELECT n FROM q WHERE q.g = p.g)",
    "p.n NOT IN (SELECT n FROM q)",
    "1 NOT IN (SELECT n FROM q)",
    "2 NOT IN (SELECT n FROM q WHERE q.g = p.g)",
    "(0 IN (SELECT n FROM q WHERE q.g > 0)) IS NULL",
    "EXISTS (SELECT 1 FROM q WHERE q.g = p.g AND q.n > p.n)",
    "NOT EXISTS (SELECT 1 FROM q WHERE q.g = p.g)",
    "COALESCE(p.n, 0) + p.id > 2",
)
_LOOKING = (
    "p.n NOT IN (SELECT n FROM q)",
    "p.id IN (SELECT n FROM q)",
    "3 NOT IN (SELECT n FROM q)",
    "NOT EXISTS (SELECT 1 FROM q WHERE q.n = p.id)",
    "EXISTS (SELECT 1 FROM p t WHERE t.n = p.g AND t.id <> p.id)",
    "EXISTS (SELECT 1 FROM q WHERE q.n = p.n AND q.id NOT IN (SELECT g FROM p))",
    "p.g NOT IN (SELECT n FROM q WHERE q.g = p.g)",
)
"""What looks for other rows than those that a join on g brings together."""
_JOINED = (
    "q.n > 1",
    "q.id IS NULL OR q.n > p.n",
    "p.n = q.n",
)
_OUTER = (
    "p LEFT JOIN q ON {}",
    "p LEFT JOIN q ON {}",
    "q RIGHT JOIN p ON {}",
    "p JOIN q r ON p.n = r.n LEFT JOIN q ON {}",
    "p LEFT JOIN q ON {} JOIN q r ON p.n = r.n",
    "p LEFT JOIN q ON {} JOIN q r ON r.id = q.n",
    "p LEFT JOIN q ON {} JOIN p s ON s.n = p.g",
    "q RIGHT JOIN p ON {} JOIN q r ON p.n = r.id",
    "p JOIN q r ON p.n = r.id LEFT JOIN q ON {} JOIN p s ON s.id = r.n",
)
"""Outer joins, and inner ones before and behind them; what ON says is left open."""
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
    sort = random.choice((_rows, _groups, _distinct, _sets, _window, _window, _tops))
    return sort(random)


def is_ordered(text: str) -> bool:
    """Whether a query says in which order its rows come."""
    return "ORDER BY" in text.rpartition(")")[2]


def for_peer(text: str) -> str:
    """Give a query as sqlite3 has it, with the key at the end of its order."""
    found = _QUALIFIED.fullmatch(text)
    if found is not None:
        return _numbered(*found.groups())
    if "ORDER BY 1" in text:  # of rows that have none
        return text
    return re.sub(r"(ORDER BY .*?)( LIMIT|$)", r"\1, p.id\2", text)


_QUALIFIED = re.compile(
    r"SELECT (DISTINCT )?(.*?) (FROM [pq]\b.*) QUALIFY (.*)\) (<=|<|=) (\d)"
)
_ALIAS = re.compile(r"(?:FROM|JOIN) (?:[pq] )?([pqrs])\b")


def _flat(text: str) -> str:
    """Give a text without what stands in parentheses."""
    while (shorter := re.sub(r"\([^()]*\)", "", text)) != text:
        text = shorter
    return text


def _numbered(once: str | None, columns: str, rest: str, over: str, *last: str) -> str:
    """Give a query with QUALIFY as one that counts in FROM."""
    keys = [f"{alias}.id" for alias in _ALIAS.findall(_flat(rest))]
    if " GROUP BY " in rest:
        keys = re.split(" GROUP BY | HAVING ", rest)[1].split(", ")
    spelt = ", ".join([f"{each} NULLS LAST" for each in keys])
    if columns == "*":
        columns = "p.id, p.g, p.n, p.x, p.s"
    names = [re.split(r" AS |\.", each)[-1] for each in columns.split(", ")]
    counted = f"SELECT {columns}, {over}, {spelt}) AS number {rest}"
    operator, limit = last
    return (
        f"SELECT {once or ''}{', '.join(names)} FROM ({counted}) "
        f"WHERE number {operator} {limit}"
    )


def _from(random: Random) -> tuple[str, list[str]]:
    """Draw FROM, and the conditions that there can be."""
    joined = random.random()
    if joined < 0.35:
        return "p", [*_WHERE]
    if joined < 0.5:
        return "p JOIN q ON p.g = q.g", [*_WHERE, *_JOINED]
    on = "p.g = q.g" + random.choice(("", " AND q.n > 1", " AND q.n < p.n"))
    if random.random() < 0.3:
        on += f" AND ({random.choice(_LOOKING)})"
    # What looks into other tables must not look at those of a LEFT JOIN; but it may
    # stand beside what does.
    beside = [
        f"({random.choice(_LOOKING)}) {random.choice(('OR', 'AND NOT'))} ({each})"
        for each in _JOINED
    ]
    source = random.choice(_OUTER).format(on)
    return source, random.choice(([*_WHERE, *_JOINED], beside))


def _tail(random: Random) -> str:
    source, conditions = _from(random)
    wanted = random.sample(conditions, random.choice((0, 1, 1, 1, 2)))
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


def _tops(random: Random) -> str:
    """Draw the first rows of each group."""
    tail = _tail(random)
    keys = random.sample(_KEYS, random.choice((0, 1, 1, 2)))
    order = random.sample((*_ORDER, "p.n + p.id"), random.randrange(1, 3))
    columns = random.choice(("p.id, p.s", "p.s, p.g", "p.n"))
    once = ""
    if " JOIN " in tail:
        columns += ", q.n AS m"
        order.append(random.choice(("q.n", "q.id")))
    elif random.random() < 0.4:
        columns = "*"
    elif random.random() < 0.3:
        once = "DISTINCT "
    elif random.random() < 0.4:
        made = random.sample(_AGGREGATES, 2)
        tail += " GROUP BY p.g, p.s"
        columns = f"p.g AS k0, p.s AS k1, {made[0]} AS a0"
        keys, order = random.choice(([], ["p.g"], ["p.s"])), made
    terms = [
        f"{each}{random.choice(('', ' DESC'))} NULLS {random.choice(('FIRST', 'LAST'))}"
        for each in order
    ]
    parts = f"PARTITION BY {', '.join(keys)} " if keys else ""
    limit = random.choice(("<= 0", "<= 1", "<= 2", "<= 3", "= 1", "< 3"))
    window = f"ROW_NUMBER() OVER ({parts}ORDER BY {', '.join(terms)}) {limit}"
    return f"SELECT {once}{columns} {tail} QUALIFY {window}"
