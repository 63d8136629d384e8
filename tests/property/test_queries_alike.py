"""Queries that are said in other words, or asked of other indexes, give the same.

**Strategy**: one table in five forms with the same rows (`tests.support.query_tables`),
without any index, with keys, with an ordered index of each column, with hash indexes,
with indexes over several columns. Hypothesis draws rows and queries.

**Invariants**:

1. A query gives the same bag of each form, and of any two of them joined.
2. The order of terms does not matter, nor whether IN is written as OR and BETWEEN as
   two comparisons.
3. Rows for which a predicate is true, rows for which its contrary is, and rows for
   which it is unknown are all rows.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.query_judge import bag
from tests.support.query_tables import COLUMNS, FORMS, filled, rows, source
from tests.support.query_texts import LITERALS, Writer, arguments, pick

pytestmark = pytest.mark.slow

modest = settings(max_examples=max(15, settings().max_examples // 4))

NAMES = [each.__name__.lower() for each in FORMS]
names = st.sampled_from(NAMES)
pairs_of_names = st.lists(st.tuples(names, names), min_size=4, max_size=4)

QUIET = {**LITERALS, "int": LITERALS["int"][:-1]}
"""Sums of these have room."""


def bare(draw: st.DrawFn) -> Writer:
    """Draw over one table, and nothing that may fail."""
    return Writer(draw, COLUMNS, ("+", "-"), QUIET)


@st.composite
def conditions(draw: st.DrawFn) -> str:
    """Draw what is asked of one table."""
    return bare(draw).where()


@st.composite
def joins(draw: st.DrawFn) -> str:
    """Draw what is asked of two tables, which are to be filled in."""
    sources = [source("x", "{0}"), source("y", "{1}")]
    columns = [each for one in sources for each in one.columns]
    writer = Writer(draw, columns, ("+", "-"), QUIET)
    return f"SELECT x.id AS i, y.id AS j FROM {writer.joined(sources)}{writer.where()}"


def asked(db: Any, query: str, values: dict[str, Any]) -> Counter[str]:
    """Ask, with the parameters that the query has."""
    given = {name: value for name, value in values.items() if f":{name}" in query}
    return bag(db.sql(query, given))


@modest
@given(rows, st.lists(conditions(), min_size=5, max_size=10), arguments)
def test_indexes_do_not_matter(
    drawn: Any, wheres: Sequence[str], values: dict[str, Any]
) -> None:

    db = filled(drawn)
    for where in wheres:
        first, *others = [
            asked(db, f"SELECT * FROM {name}{where}", values) for name in NAMES
        ]
        for name, other in zip(NAMES[1:], others, strict=True):
            assert other == first, f"{name}{where}"
        for name in NAMES:
            query = f"SELECT COUNT(*) FROM {name}{where}"
            assert asked(db, query, values) == {f"({first.total()},)": 1}, query


@modest
@given(rows, st.lists(joins(), min_size=2, max_size=4), pairs_of_names, arguments)
def test_indexes_of_joined_tables_do_not_matter(
    drawn: Any,
    queries: Sequence[str],
    pairs: Sequence[tuple[str, str]],
    values: dict[str, Any],
) -> None:
    db = filled(drawn[:5])
    for query in queries:
        expected = asked(db, query.format("plain", "plain"), values)
        for pair in pairs:
            joined = query.format(*pair)
            assert asked(db, joined, values) == expected, joined


@st.composite
def likes(draw: st.DrawFn) -> tuple[str, str]:
    """Draw a predicate and the same in other words."""
    writer = bare(draw)
    value, kind = writer.telling()
    is_not, first, second = (
        pick(draw, ("", "NOT ")),
        writer.value(kind),
        writer.value(kind),
    )
    match pick(draw, ("IN", "BETWEEN", "order", "order of OR", "contrary")):
        case "IN":
            other = f"({value} = {first} OR {value} = {second})"
            return f"{value} {is_not}IN ({first}, {second})", is_not + other
        case "BETWEEN":
            other = f"({value} >= {first} AND {second} >= {value})"
            return f"{value} {is_not}BETWEEN {first} AND {second}", is_not + other
        case "contrary":
            return f"{value} <> {first}", f"NOT {value} = {first}"
        case form:
            terms = [f"({writer.predicate(1)})" for _ in range(3)]
            joining = " OR " if form == "order of OR" else " AND "
            order = draw(st.permutations(terms))
            return (
                is_not + f"({joining.join(terms)})",
                is_not + f"({joining.join(order)})",
            )


@modest
@given(
    rows,
    st.lists(st.tuples(names, likes()), min_size=5, max_size=10),
    conditions(),
    arguments,
)
def test_other_words_do_not_matter(
    drawn: Any,
    given_pairs: Sequence[tuple[str, tuple[str, str]]],
    where: str,
    values: dict[str, Any],
) -> None:
    db = filled(drawn)
    more = f"{where} AND" if where else " WHERE"
    for name, (first, second) in given_pairs:
        query = f"SELECT * FROM {name}{more}"
        found = asked(db, f"{query} {first}", values)
        assert asked(db, f"{query} {second}", values) == found, f"{query} {first}"


@st.composite
def predicates(draw: st.DrawFn) -> str:
    return bare(draw).predicate()


@modest
@given(rows, st.lists(st.tuples(names, predicates()), min_size=4), arguments)
def test_true_false_and_unknown_are_everything(
    drawn: Any, given_predicates: Sequence[tuple[str, str]], values: dict[str, Any]
) -> None:
    db = filled(drawn)
    for name, predicate in given_predicates:
        query = f"SELECT * FROM {name}"
        parts = [
            asked(db, f"{query} WHERE {each}", values)
            for each in (
                predicate,
                f"NOT ({predicate})",
                f"({predicate}) IS NULL",
            )
        ]
        assert sum(parts, Counter()) == asked(db, query, values), predicate
