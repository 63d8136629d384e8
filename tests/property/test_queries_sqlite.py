"""SQL against sqlite3, in the part of the language that both have.

**Strategy**: the same rows in both, of whole numbers, texts, floats that are finite,
bools and absent values; Hypothesis draws queries over one to three tables. Left out is
what differs on purpose: NaN, which sqlite3 takes for NULL; sums that have no room,
which it turns into floats; division by 0, which is NULL there; LIKE without case,
which can be turned off.

**Invariants**:

1. Both give the same bag. With LIMIT it is as long as it may be, and part of the bag
   without.
2. So they do for what stands above bags of rows: outer joins, EXISTS and IN with a
   query, groups, DISTINCT, UNION and its kin, CASE and the functions that both have.
3. Sorted by all columns, both give the same list, also of a part.
"""

import re
import sqlite3
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.query_judge import bag
from tests.support.query_tables import COLUMNS, FORMS, filled, finite_rows, source
from tests.support.query_texts import LITERALS, VALUES, Writer, pick
from tests.support.relation_texts import Wide

pytestmark = pytest.mark.slow

NAMES = [each.__name__.lower() for each in FORMS]
SHARED = {**LITERALS, "int": LITERALS["int"][:-1], "float": ("0", "-1.5", "2", "0.5")}
TYPES = {"int": "INTEGER", "str": "TEXT", "float": "REAL", "bool": "INTEGER"}

arguments = st.fixed_dictionaries(
    {
        f"{kind}_{n}": st.sampled_from(
            [each for each in VALUES[kind] if str(each) not in ("nan", "inf", "-inf")]
        )
        for kind in ("int", "str", "float", "bool")
        for n in "12"
    }
)


@st.composite
def queries(draw: st.DrawFn) -> tuple[str, int | None]:
    """Draw a query, and a limit."""
    count = pick(draw, (1, 1, 2, 2, 3))
    sources = [source(f"s{n}", pick(draw, NAMES)) for n in range(count)]
    columns = [each for one in sources for each in one.columns]
    writer = Writer(draw, columns, ("+", "-", "*"), SHARED)
    query = writer.query(sources).partition(" LIMIT ")[0]
    return query, pick(draw, (None, None, None, 0, 1, 3))


def peer(rows: Sequence[tuple[Any, ...]]) -> sqlite3.Connection:
    """Give the same tables in sqlite3."""
    connection = sqlite3.connect(":memory:")
    connection.execute("PRAGMA case_sensitive_like = ON")
    columns = ", ".join([f"{each.text} {TYPES[each.kind]}" for each in COLUMNS])
    marks = ", ".join("?" * len(COLUMNS))
    for name in NAMES:
        connection.execute(f"CREATE TABLE {name} ({columns})")
        connection.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)
    return connection


def plain(value: Any) -> Any:
    """Give a value as both have it: no bool, and no zero with a sign."""
    if isinstance(value, bool):
        return int(value)
    return value + 0.0 if isinstance(value, float) else value


def untyped(value: Any) -> Any:
    """Give a value likewise, where CASE may give a whole number beside floats.

    To sqlite3 that is a whole number; here the column has a kind, and it is a float.
    """
    value = plain(value)
    is_whole = isinstance(value, float) and value.is_integer()
    return int(value) if is_whole else value


@settings(max_examples=max(25, settings().max_examples // 4))
@given(finite_rows, st.lists(queries(), min_size=5, max_size=10), arguments)
def test_sqlite3_gives_the_same(
    drawn: Sequence[tuple[Any, ...]],
    asked: Sequence[tuple[str, int | None]],
    values: dict[str, Any],
) -> None:
    rows = drawn[:5]
    db, connection = filled(rows), peer(rows)
    for query, limit in asked:
        given = {name: value for name, value in values.items() if f":{name}" in query}
        expected = bag(map(plain, row) for row in connection.execute(query, given))
        found = bag(map(plain, row) for row in db.sql(query, given))
        assert found == expected, query
        if limit is not None:
            cut = bag(
                map(plain, row) for row in db.sql(f"{query} LIMIT {limit}", given)
            )
            assert cut <= found, query
            assert cut.total() == min(limit, found.total()), query
    connection.close()


@st.composite
def wide_queries(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a query that is more than a bag of rows, and an order with a part."""
    tables = [source(name, name) for name in NAMES]
    columns = [each for one in tables for each in one.columns]
    query = Wide(Writer(draw, columns, (), SHARED), tables, is_shared=True).query()
    count = 1 + max(map(int, re.findall(r" AS x(\d+)", query)))
    terms = [
        f"{number} {pick(draw, ('ASC', 'DESC'))} NULLS {pick(draw, ('FIRST', 'LAST'))}"
        for number in draw(st.permutations(range(1, count + 1)))
    ]
    limit = pick(draw, ("", " LIMIT 2", " LIMIT 1 OFFSET 1", " LIMIT 3 OFFSET 2"))
    return query, f" ORDER BY {', '.join(terms)}{limit}"


@settings(max_examples=max(25, settings().max_examples // 4))
@given(finite_rows, st.lists(wide_queries(), min_size=5, max_size=10), arguments)
def test_sqlite3_gives_the_same_of_groups_orders_and_joins(
    drawn: Sequence[tuple[Any, ...]],
    asked: Sequence[tuple[str, str]],
    values: dict[str, Any],
) -> None:
    rows = drawn[:5]
    db, connection = filled(rows), peer(rows)
    for query, order in asked:
        given = {name: value for name, value in values.items() if f":{name}" in query}
        expected = [
            tuple(map(untyped, row)) for row in connection.execute(query, given)
        ]
        found = [tuple(map(untyped, row)) for row in db.sql(query, given)]
        assert bag(found) == bag(expected), query
        expected = [
            tuple(map(plain, row)) for row in connection.execute(query + order, given)
        ]
        found = [tuple(map(plain, row)) for row in db.sql(query + order, given)]
        assert found == expected, query + order
    connection.close()
    connection.close()
