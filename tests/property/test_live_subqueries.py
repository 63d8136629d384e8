"""Live queries with EXISTS and IN: their rows are what asking anew gives.

**Strategy**: Hypothesis draws two tables, queries that join them (also by LEFT and
RIGHT JOIN, with inner joins before and behind) and look into them by EXISTS, NOT
EXISTS, IN and NOT IN, of columns, constants and parameters, beside conditions on any
of the tables, and transactions that
insert and delete rows of both. Values are few and often NULL, so that what is looked
for comes and goes. Besides, all of a list of joins, with all ways to look up a table by
several values.

**Invariants**: after each commit the rows of a live query are the bag that `db.sql`
gives, and its update is what came and went, with no row in both.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qsdb
from qsdb import i32
from tests.support.query_judge import bag
from tests.support.query_texts import LITERALS, Column, Source, Writer
from tests.support.relation_texts import Wide

pytestmark = pytest.mark.slow

module = qsdb.Module("live_subqueries")


class Left(qsdb.Row, module=module):
    id: i32 = qsdb.primary_key()
    a: i32 | None = qsdb.index()
    b: i32


class Right(qsdb.Row, module=module):
    id: i32 = qsdb.primary_key()
    a: i32 | None
    b: i32 = qsdb.index()


TABLES = [
    Source(
        name,
        name,
        tuple(
            [
                Column(f"{name}.{column}", "int", is_optional=column == "a")
                for column in ("id", "a", "b")
            ]
        ),
    )
    for name in ("left", "right")
]
TABLES = [Source(e.alias, f'"{e.table}"', e.columns) for e in TABLES]


@st.composite
def queries(draw: st.DrawFn) -> str:
    columns = [each for table in TABLES for each in table.columns]
    literals = {**LITERALS, "int": ("0", "1", "2")}
    return Wide(Writer(draw, columns, (), literals), TABLES).live()


ON = 'r.id NOT IN (SELECT i.b FROM "right" i WHERE i.a = l.a)'
JOINED = (
    '"left" l CROSS JOIN "right" r',
    '"left" l JOIN "right" r ON r.b = l.b',
    '"left" l JOIN "right" r ON r.id > l.b',
    '"left" l JOIN "right" r ON r.b = l.b LEFT JOIN "left" o ON o.id = r.a',
    '"left" l CROSS JOIN "right" r LEFT JOIN "right" o ON o.b = l.a AND o.id = r.id',
    '"left" l LEFT JOIN "right" o ON o.b = l.b JOIN "right" r ON r.a = l.b',
    '"left" o RIGHT JOIN "right" r ON o.b = r.b JOIN "left" l ON l.id = r.b',
    f'"left" l JOIN "right" r ON r.b = l.b LEFT JOIN "left" o ON o.id = r.a AND {ON}',
)
CHOSEN = ("r.id IN (0, 2, 3)", "r.b IN (0, 1)", "r.a IN (0, 1, 5)", "l.a IN (0, 1)")
LOOKING = (
    'EXISTS (SELECT 1 FROM "left" i WHERE i.id = l.b AND i.b = r.b)',
    'NOT EXISTS (SELECT 1 FROM "right" i WHERE i.b = l.id)',
    'r.a IN (SELECT i.b FROM "left" i WHERE i.id <> l.id)',
    '1 NOT IN (SELECT i.a FROM "right" i WHERE i.b = l.b)',
    "TRUE",
)
"""Of several tables one is begun with, and the others are looked up: here by lists of
values, one value after the other."""
BESIDE = (
    '(r.id NOT IN (SELECT i.b FROM "left" i) OR o.id IS NOT NULL)',
    '(EXISTS (SELECT 1 FROM "right" i WHERE i.b = l.id) AND NOT o.b = l.b)',
)
"""What looks into tables, and stands beside what is said of an outer join's."""

values = st.tuples(st.sampled_from((None, 0, 1)), st.integers(0, 2))
changes = st.lists(
    st.tuples(st.sampled_from((Left, Right)), st.integers(0, 3), st.none() | values),
    min_size=1,
    max_size=4,
)


@settings(max_examples=max(25, settings().max_examples // 4))
@given(
    st.lists(queries(), min_size=2, max_size=4),
    st.lists(changes, max_size=8),
    st.tuples(*[st.integers(0, 2)] * 2),
)
def test_rows_are_those_of_asking_anew(
    texts: Sequence[str],
    transactions: Sequence[Sequence[Any]],
    numbers: Sequence[int],
) -> None:
    run(texts, transactions, {f"int_{n}": each for n, each in enumerate(numbers, 1)})


@pytest.mark.parametrize("joined", JOINED)
def test_no_row_comes_once_for_each_value_it_is_looked_up_by(joined: str) -> None:
    random = Random(joined)
    has_outer = " o " in joined
    outputs = "l.id AS l, r.id AS r" + (", o.id AS o" if has_outer else "")
    texts = [
        f"SELECT {outputs} FROM {joined} WHERE {chosen} AND {looking}"
        for chosen in CHOSEN
        for looking in (*LOOKING, *(BESIDE if has_outer else ()))
    ]
    transactions = [
        [
            (
                random.choice((Left, Right)),
                random.randrange(4),
                None
                if random.random() < 0.3
                else (random.choice((None, 0, 1)), random.randrange(3)),
            )
            for _ in range(random.choice((1, 1, 2, 3)))
        ]
        for _ in range(60)
    ]
    assert run(texts, transactions) > 100


def run(
    texts: Sequence[str],
    transactions: Sequence[Sequence[Any]],
    values: Mapping[str, int] | None = None,
) -> int:
    """Judge queries through some transactions; give how often one was told."""
    count = 0
    db = qsdb.Database(module, seed=1)
    updates: list[list[Any]] = [[] for _ in texts]
    given = [
        {name: each for name, each in (values or {}).items() if f":{name}" in text}
        for text in texts
    ]
    live = [
        db.subscribe(text, told.append, params=params)
        for text, told, params in zip(texts, updates, given, strict=True)
    ]
    for transaction in transactions:
        before = [bag(each.rows) for each in live]
        for told in updates:
            told.clear()
        with db.write() as tx:
            for table, key, new in transaction:
                tx[table].delete_by_key(key)
                if new is not None:
                    tx[table].insert(table(key, *new))
        for text, params, query, told, was in zip(
            texts, given, live, updates, before, strict=True
        ):
            expected = bag(db.sql(text, params))
            assert bag(query.rows) == expected, text
            came: Counter[str] = Counter()
            went: Counter[str] = Counter()
            for update in told:
                count += 1
                came, went = bag(update.inserts), bag(update.deletes)
                assert not came & went
            assert was + came - went == expected
    db.check()
    db.close()
    return count
