"""What conditions say of where rows are; and what they do not."""

import pytest

from qsdb.sql.parsing import parse
from qsdb.sql.queries import Query, Source
from qsdb.sql.sargs import End, Equality, Span, equality, span
from qsdb.sql.spelling import spell
from qsdb.sql.statements import check_statement
from qsdb.sql.typed import Constant, Typed
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import I32, STR
from tests.unit.runtime.sql_shop import shop

TABLES = {each.schema.name: each.schema for each in shop.compiled().tables}


def term_of(text: str, tables: str = "item") -> Typed:
    """Give the one condition of a query."""
    query = f"SELECT TRUE FROM {tables} WHERE {text}"
    checked = check_statement(query, parse(query), TABLES)
    assert isinstance(checked, Query)
    [term] = checked.conditions
    return term


def told(found: Equality | None) -> tuple[str, list[str]] | None:
    """Give an equality as the name of the column and the values as texts."""
    if found is None:
        return None
    schema = TABLES["item"]
    sources = [Source("i", schema), Source("l", TABLES["line"])]
    values = [spell(each, sources) for each in found.values]
    return schema.columns[found.column].name, values


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("price = 1", ("price", ["1"])),
        ("1 = price", ("price", ["1"])),
        ("price = :a + 1", ("price", [":a + 1"])),
        ("price = l.count", ("price", ["l.count"])),
        ("price + 1 = l.count", None),
        ("price = stock_of", None),
        ("price IN (1, l.count)", ("price", ["1", "l.count"])),
        ("price IN (1, price)", None),
        ("l.count IN (1, price)", None),
        ("price NOT IN (1)", None),
        ("price = 1 OR price = 2 OR price IN (3, 1)", ("price", ["1", "2", "3"])),
        ("price = 1 OR kind = 'x'", None),
        ("price = 1 OR price > 2", None),
        ("price > 2 OR price = 1", None),
        ("price <> 1", None),
        ("price = price", None),
        ("on_sale", ("on_sale", ["TRUE"])),
        ("NOT on_sale", ("on_sale", ["FALSE"])),
        ("on_sale OR NOT on_sale", ("on_sale", ["TRUE", "FALSE"])),
        ("NOT (on_sale OR price = 1)", None),
        ("note IS NULL", None),
        ("TRUE", None),
    ],
)
def test_equalities_are_read(text: str, found: tuple[str, list[str]] | None) -> None:
    term = term_of(text.replace("stock_of", "i.price"), "item i JOIN line l")

    assert told(equality(term, 0)) == found


def test_equalities_are_of_one_table() -> None:
    term = term_of("price = l.count", "item i JOIN line l")

    assert equality(term, 1) is not None
    assert equality(term, 2) is None
    assert equality(term_of("on_sale"), 1) is None
    assert equality(term_of("NOT on_sale"), 1) is None


PRICE = next(n for n, e in enumerate(TABLES["item"].columns) if e.name == "price")
NOTE = next(n for n, e in enumerate(TABLES["item"].columns) if e.name == "note")
FIVE = Constant(5, I32)


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("price > 5", (5, False), None),
        ("price >= 5", (5, True), None),
        ("price < 5", None, (5, False)),
        ("5 > price", None, (5, False)),
        ("5 <= price", (5, True), None),
    ],
)
def test_spans_are_read(
    text: str, low: tuple[int, bool] | None, high: tuple[int, bool] | None
) -> None:
    first, last = [each and End(FIVE, each[1]) for each in (low, high)]

    assert span(term_of(text), 0) == Span(PRICE, first, last)


@pytest.mark.parametrize(
    "text",
    [
        *("price = 5", "price <> 5", "price < price", "price + 1 < 5", "on_sale"),
        *("note LIKE '%a'", "note LIKE '_a'", "note LIKE ''", "note LIKE :a"),
        *("NOT price < 5", "price < 5 OR price > 7", "note LIKE kind"),
    ],
)
def test_others_are_no_spans(text: str) -> None:
    assert span(term_of(text), 0) is None


@pytest.mark.parametrize(
    ("pattern", "low", "high", "is_exact"),
    [
        ("a%", "a", "b", True),
        ("ab%", "ab", "ac", True),
        ("a", "a", "b", False),
        ("a_", "a", "b", False),
        ("a%%", "a", "b", False),
        ("a%b", "a", "b", False),
        ("a\U0010ffff%", "a\U0010ffff", "b", True),
        ("\U0010ffff%", "\U0010ffff", None, True),
        ("\U0010ffff_", "\U0010ffff", None, False),
    ],
)
def test_a_pattern_spans_what_begins_as_it_does(
    pattern: str,
    low: str,
    high: str | None,
    is_exact: bool,  # noqa: FBT001  of a case
) -> None:
    found = span(term_of(f"note LIKE '{pattern}'"), 0)

    above = None if high is None else End(Constant(high, STR), is_included=False)
    expected = Span(NOTE, End(Constant(low, STR), is_included=True), above, is_exact)
    assert found == expected
    assert span(term_of(f"note LIKE '{pattern}'"), 1) is None


def test_spans_join_where_they_have_other_ends() -> None:
    low, high = (
        Span(0, End(FIVE, is_included=True), None),
        Span(0, None, End(FIVE, is_included=False)),
    )

    joined = low.joined(high)
    assert joined == Span(0, low.low, high.high)
    assert low.joined(low) is None
    assert high.joined(high) is None
    assert joined is not None
    assert joined.joined(low) is None
    rough = low.joined(Span(0, None, high.high, is_exact=False))
    assert rough is not None
    assert not rough.is_exact


def test_an_absent_value_is_spelt_too() -> None:
    assert spell(Constant(None, OptionKind(I32)), []) == "NULL"


def test_long_values_are_cut() -> None:
    assert len(spell(Constant(10**300, I32), [])) < 130
