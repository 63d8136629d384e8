"""Live queries with EXISTS and IN: their rows are what asking anew gives.

**Strategy**: Hypothesis draws two tables, queries that join them and look into them by
EXISTS, NOT EXISTS, IN and NOT IN, and transactions that insert and delete rows of both.
Values are few and often NULL, so that what is looked for comes and goes.

**Invariants**: after each commit the rows of a live query are the bag that `db.sql`
gives, and its update is what came and went, with no row in both.
"""

from collections import Counter
from collections.abc import Sequence
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
    return Wide(
        Writer(draw, columns, (), literals, has_parameters=False), TABLES
    ).live()


values = st.tuples(st.sampled_from((None, 0, 1)), st.integers(0, 2))
changes = st.lists(
    st.tuples(st.sampled_from((Left, Right)), st.integers(0, 3), st.none() | values),
    min_size=1,
    max_size=4,
)


@settings(max_examples=max(25, settings().max_examples // 4))
@given(st.lists(queries(), min_size=2, max_size=4), st.lists(changes, max_size=8))
def test_rows_are_those_of_asking_anew(
    texts: Sequence[str], transactions: Sequence[Sequence[Any]]
) -> None:
    db = qsdb.Database(module, seed=1)
    updates: list[list[Any]] = [[] for _ in texts]
    live = [
        db.subscribe(text, told.append)
        for text, told in zip(texts, updates, strict=True)
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
        for text, query, told, was in zip(texts, live, updates, before, strict=True):
            expected = bag(db.sql(text))
            assert bag(query.rows) == expected, text
            came: Counter[str] = Counter()
            went: Counter[str] = Counter()
            for update in told:
                came, went = bag(update.inserts), bag(update.deletes)
                assert not came & went
            assert was + came - went == expected
    db.check()
