"""Syntax: what is read as what, what is refused, and how it is said."""

from typing import Any

import pytest

from qsdb.errors import QueryError
from qsdb.sql.commands import (
    Assignment,
    Delete,
    Explain,
    Insert,
    SetVariable,
    Show,
    Update,
)
from qsdb.sql.grouping import columns_in
from qsdb.sql.parsing import parse
from qsdb.sql.syntax import (
    Arithmetic,
    Between,
    Call,
    Cases,
    Column,
    Comparison,
    Exists,
    Expression,
    In,
    InQuery,
    IsNull,
    Item,
    Join,
    Like,
    Literal,
    Logic,
    Negation,
    Not,
    Ordering,
    Parameter,
    Path,
    Query,
    Select,
    Star,
    Table,
    United,
)
from tests.unit.sql.reference import CASES

OF_SYNTAX = {"Empty", "ParserError", "MultiStatement", "TooLong"}
ELSEWHERE = {"shape-20"}
"""A text that is compared as a whole, and stands for many queries."""
REFUSED = {"int-54"}
"""The engine swallows an L behind a number; here it is none."""


@pytest.mark.parametrize("case", CASES, ids=[each["id"] for each in CASES])
def test_the_cases_are_read_or_refused(case: dict[str, Any]) -> None:
    if case["expect"] == "accept" and case["id"] not in ELSEWHERE | REFUSED:
        parse(case["sql"])
        return
    is_of_syntax = case.get("error_class") in OF_SYNTAX and not case.get("liftable")
    if is_of_syntax or case["id"] in REFUSED:
        with pytest.raises(QueryError):
            parse(case["sql"])


def where(text: str) -> Expression:
    statement = parse(f"DELETE FROM t WHERE {text}")
    assert isinstance(statement, Delete)
    assert statement.where is not None
    return statement.where


def column(name: str, at: int) -> Column:
    return Column(at, None, name)


def number(text: str, at: int) -> Literal:
    return Literal(at, "number", text)


BEGIN = len("DELETE FROM t WHERE ")


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("a", column("a", BEGIN)),
        ("((a))", column("a", BEGIN + 2)),
        ("t.a", Column(BEGIN, "t", "a")),
        ("s.t.a", Column(BEGIN, "s.t", "a")),
        ("count", column("count", BEGIN)),
        (":a", Parameter(BEGIN, "a")),
        ("'x'", Literal(BEGIN, "text", "x")),
        ("0xAb", Literal(BEGIN, "hex", "Ab")),
        ("TRUE", Literal(BEGIN, "bool", "true")),
        ("False", Literal(BEGIN, "bool", "false")),
        ("NULL", Literal(BEGIN, "null", "null")),
        ("+7", number("7", BEGIN)),
        ("- 7", number("-7", BEGIN)),
        ("- -7", number("7", BEGIN)),
        ("-(-7)", number("7", BEGIN)),
        ("+(-7)", number("-7", BEGIN)),
        ("+ -7", number("-7", BEGIN)),
        ("- + -(-(+7))", number("-7", BEGIN)),
        ("-+-a", Negation(BEGIN, 2, column("a", BEGIN + 3))),
        ("-(7)", number("-7", BEGIN)),
        (
            "a AND b OR c AND d AND e",
            Logic(
                BEGIN,
                "OR",
                (
                    Logic(BEGIN, "AND", (column("a", BEGIN), column("b", BEGIN + 6))),
                    Logic(
                        BEGIN + 11,
                        "AND",
                        (
                            column("c", BEGIN + 11),
                            column("d", BEGIN + 17),
                            column("e", BEGIN + 23),
                        ),
                    ),
                ),
            ),
        ),
        (
            "NOT NOT a = 1",
            Not(
                BEGIN,
                2,
                Comparison(
                    BEGIN + 8,
                    column("a", BEGIN + 8),
                    (("=", number("1", BEGIN + 12)),),
                ),
            ),
        ),
        (
            "3 < a <> b",
            Comparison(
                BEGIN,
                number("3", BEGIN),
                (("<", column("a", BEGIN + 4)), ("<>", column("b", BEGIN + 9))),
            ),
        ),
        (
            "a - 1 + b * 2",
            Arithmetic(
                BEGIN,
                column("a", BEGIN),
                (
                    ("-", number("1", BEGIN + 4)),
                    (
                        "+",
                        Arithmetic(
                            BEGIN + 8,
                            column("b", BEGIN + 8),
                            (("*", number("2", BEGIN + 12)),),
                        ),
                    ),
                ),
            ),
        ),
        ("a IS NULL", IsNull(BEGIN, column("a", BEGIN), is_negated=False)),
        ("a is not null", IsNull(BEGIN, column("a", BEGIN), is_negated=True)),
        (
            "a NOT IN (1, :b)",
            In(
                BEGIN,
                column("a", BEGIN),
                (number("1", BEGIN + 10), Parameter(BEGIN + 13, "b")),
                is_negated=True,
            ),
        ),
        (
            "a BETWEEN 1 AND 2 AND b",
            Logic(
                BEGIN,
                "AND",
                (
                    Between(
                        BEGIN,
                        column("a", BEGIN),
                        number("1", BEGIN + 10),
                        number("2", BEGIN + 16),
                        is_negated=False,
                    ),
                    column("b", BEGIN + 22),
                ),
            ),
        ),
        (
            "a NOT LIKE 'x%'",
            Like(
                BEGIN,
                column("a", BEGIN),
                Literal(BEGIN + 11, "text", "x%"),
                is_negated=True,
            ),
        ),
        (
            "a LIKE escape ESCAPE '!'",
            Like(
                BEGIN,
                column("a", BEGIN),
                column("escape", BEGIN + 7),
                is_negated=False,
                escape=Literal(BEGIN + 21, "text", "!"),
            ),
        ),
        ("lower(a)", Call(BEGIN, "lower", (column("a", BEGIN + 6),))),
        ("now()", Call(BEGIN, "now", ())),
        (
            "SUM(DISTINCT a)",
            Call(BEGIN, "SUM", (column("a", BEGIN + 13),), is_distinct=True),
        ),
        (
            "a || 'x'",
            Arithmetic(
                BEGIN,
                column("a", BEGIN),
                (("||", Literal(BEGIN + 5, "text", "x")),),
            ),
        ),
        (
            "CASE a WHEN 1 THEN b ELSE end END",
            Cases(
                BEGIN,
                column("a", BEGIN + 5),
                ((number("1", BEGIN + 12), column("b", BEGIN + 19)),),
                column("end", BEGIN + 26),
            ),
        ),
        (
            "CASE WHEN a THEN b END",
            Cases(
                BEGIN,
                None,
                ((column("a", BEGIN + 10), column("b", BEGIN + 17)),),
                None,
            ),
        ),
        (
            "EXISTS (SELECT * FROM u)",
            Exists(
                BEGIN,
                Query(
                    BEGIN + 8,
                    Select(
                        BEGIN + 8,
                        (Star(BEGIN + 15, None),),
                        Table(Path(BEGIN + 22, ("u",)), None),
                    ),
                ),
            ),
        ),
        (
            "a NOT IN (SELECT b FROM u)",
            InQuery(
                BEGIN,
                column("a", BEGIN),
                Query(
                    BEGIN + 10,
                    Select(
                        BEGIN + 10,
                        (Item(BEGIN + 17, column("b", BEGIN + 17), None),),
                        Table(Path(BEGIN + 24, ("u",)), None),
                    ),
                ),
                is_negated=True,
            ),
        ),
        ("exists", column("exists", BEGIN)),
    ],
)
def test_expressions(text: str, expression: Expression) -> None:
    assert where(text) == expression


@pytest.mark.parametrize("operator", ["=", "==", "<>", "!=", "<", "<=", ">", ">="])
def test_operators_have_one_spelling(operator: str) -> None:
    found = where(f"a {operator} b")
    assert isinstance(found, Comparison)
    [(spelt, _)] = found.rest
    assert spelt == {"==": "=", "!=": "<>"}.get(operator, operator)
    assert type(spelt) is str


def test_a_query() -> None:
    query = (
        "SELECT ALL a.*, *, COUNT(*) AS n, b c FROM s.t AS a JOIN u ON a.x = u.x "
        "INNER JOIN v w CROSS JOIN z WHERE y LIMIT 1e2"
    )
    body = Select(
        0,
        (
            Star(11, "a"),
            Star(16, None),
            Item(19, Call(19, "COUNT", None), "n"),
            Item(34, Column(34, None, "b"), "c"),
        ),
        Table(Path(43, ("s", "t")), "a"),
        (
            Join(
                52,
                Table(Path(57, ("u",)), None),
                Comparison(62, Column(62, "a", "x"), (("=", Column(68, "u", "x")),)),
            ),
            Join(78, Table(Path(83, ("v",)), "w"), None),
            Join(93, Table(Path(98, ("z",)), None), None),
        ),
        Column(106, None, "y"),
    )
    assert parse(query) == Query(0, body, (), Literal(114, "number", "1e2"))


def selected(query: str) -> Select:
    """Parse a query that is one SELECT."""
    found = parse(query)
    assert isinstance(found, Query)
    assert isinstance(found.body, Select)
    return found.body


def test_positions_are_those_of_the_text() -> None:
    statement = parse("SELECT COUNT(*) FROM t LIMIT ALL")
    assert isinstance(statement, Query)
    body = selected("SELECT COUNT(*) FROM t LIMIT ALL")
    assert body.items == (Item(7, Call(7, "COUNT", None), None),)
    assert body.table.at == 21
    assert statement.limit is None


def test_groups_orders_and_limits() -> None:
    query = (
        "SELECT DISTINCT a FROM t GROUP BY a, b HAVING c "
        "ORDER BY a, b DESC NULLS LAST, end ASC NULLS FIRST LIMIT :n OFFSET 3"
    )
    a, b = column("a", 16), column("b", 37)
    body = Select(
        0,
        (Item(16, a, None),),
        Table(Path(23, ("t",)), None),
        (),
        None,
        is_distinct=True,
        groups=(column("a", 34), b),
        having=column("c", 46),
    )
    order = (
        Ordering(57, column("a", 57)),
        Ordering(60, column("b", 60), is_descending=True, are_nulls_first=False),
        Ordering(79, column("end", 79), are_nulls_first=True),
    )
    limit, offset = Parameter(105, "n"), number("3", 115)
    assert parse(query) == Query(0, body, order, limit, offset)


def test_outer_joins_may_say_outer() -> None:
    joins = selected(
        "SELECT * FROM t LEFT JOIN a ON x RIGHT OUTER JOIN b ON y FULL JOIN c ON z"
    ).joins
    assert [each.kind for each in joins] == ["LEFT", "RIGHT", "FULL"]
    assert [each.at for each in joins] == [16, 33, 57]


def test_set_operations_go_from_the_left_and_intersect_first() -> None:
    found = parse(
        "SELECT a FROM t UNION ALL SELECT a FROM u INTERSECT SELECT a FROM v "
        "EXCEPT (SELECT a FROM w LIMIT 1) ORDER BY a"
    )
    assert isinstance(found, Query)
    assert len(found.order) == 1
    outermost = found.body
    assert isinstance(outermost, United)
    assert (outermost.operator, outermost.is_all, outermost.at) == ("EXCEPT", False, 68)
    assert isinstance(outermost.right, Query)
    first = outermost.left
    assert isinstance(first, United)
    assert (first.operator, first.is_all) == ("UNION", True)
    assert isinstance(first.right, United)
    assert first.right.operator == "INTERSECT"


def test_the_other_statements() -> None:
    t, a = Path(7, ("t",)), Path(14, ("a",))
    assert parse("EXPLAIN SELECT * FROM t") == Explain(
        0, Query(8, Select(8, (Star(15, None),), Table(Path(22, ("t",)), None)))
    )
    assert parse("INSERT INTO t (a, b) VALUES (1, 'x'), (:a, NULL)") == Insert(
        0,
        Path(12, ("t",)),
        (Path(15, ("a",)), Path(18, ("b",))),
        (
            (Literal(29, "number", "1"), Literal(32, "text", "x")),
            (Parameter(39, "a"), Literal(43, "null", "null")),
        ),
    )
    assert parse("INSERT t VALUES (1)") == Insert(
        0, t, None, ((Literal(17, "number", "1"),),)
    )
    assert parse("DELETE FROM t") == Delete(0, Path(12, ("t",)), None)
    assert parse("UPDATE t SET  a = b, u.c = 2 WHERE d") == Update(
        0,
        t,
        (
            Assignment(a, Column(18, None, "b")),
            Assignment(Path(21, ("u", "c")), Literal(27, "number", "2")),
        ),
        Column(35, None, "d"),
    )
    assert parse("SET a TO 1") == SetVariable(
        0, Path(4, ("a",)), Literal(9, "number", "1")
    )
    assert parse("SET a = 1") == SetVariable(
        0, Path(4, ("a",)), Literal(8, "number", "1")
    )
    assert parse("SHOW a") == Show(0, Path(5, ("a",)))


@pytest.mark.parametrize("operator", ["AND", "OR", "+", "*", "="])
def test_long_chains_are_flat(operator: str) -> None:
    found = where(f" {operator} ".join(["a"] * 5000))
    match found:
        case Logic(terms=terms):
            assert len(terms) == 5000
        case Comparison(rest=rest) | Arithmetic(rest=rest):
            assert len(rest) == 4999
        case _:
            raise AssertionError(found)


@pytest.mark.parametrize(("sign", "kind"), [("NOT ", Not), ("- ", Negation)])
def test_long_rows_of_signs_are_one_node(sign: str, kind: type) -> None:
    found = where(sign * 9000 + "a")
    assert isinstance(found, Not | Negation)
    assert type(found) is kind
    assert found.times == 9000


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELEC * FROM t", "'SELEC' is not expected here; did you mean SELECT?"),
        ("INSERT INTO t (a) VALUE (1)", "'VALUE' is not .*did you mean VALUES?"),
        ("SELECT * FROM t WHERE", "the query ends where an expression must follow"),
        ("SELECT * FROM t WHERE (a = 1", "the query ends where a parenthesis is open"),
        ("SELECT * FROM", "the query ends where a name must follow"),
        ("SELECT a b c FROM t", "'c' is not expected here; a comma or FROM may stand"),
        ("SELECT * FROM t WHERE a < = 1", "'=' is not expected here; an expression"),
        ("SELECT * FROM t WHERE a LIKE 'b' ESCAPE 5", "'5' is not .*; a string may"),
        ("SELECT * FROM t LIMIT -1", "'-' is not .*; ALL, a number or a parameter may"),
        (
            "SELECT a FROM t WHERE a b",
            "'b' is not expected here; a comparison, the end",
        ),
    ],
)
def test_what_does_not_follow_the_grammar_is_pointed_at(
    query: str, reason: str
) -> None:
    with pytest.raises(QueryError, match=reason):
        parse(query)


@pytest.mark.parametrize(
    ("query", "column", "told"),
    [
        ("SELECT * FROM t WHRE x = 1", 17, "'x' cannot follow the name 'WHRE'; did"),
        ("SELECT name frm user", 13, "'user' cannot follow .* did you mean FROM?"),
        ("SELECT a form t", 10, "did you mean FROM?"),
        ("SELECT * FROM t limt 5", 17, "did you mean LIMIT?"),
        ("SELECT * FROM t JION u ON TRUE", 17, "did you mean JOIN?"),
        ("SELECT * FROM t u WHRE x = 1", 19, "'WHRE' is not .* did you mean WHERE?"),
        ("SELECT * FROM t WHERE a = 1 adn b = 2", 29, "did you mean AND?"),
        ("SELECT * FROM t ORDR BY a", 17, "did you mean ORDER?"),
        # What is named on purpose, and what is no word of the grammar.
        ("SELECT a AS frm t", 17, "'t' is not expected here"),
        ('SELECT a "frm" t', 16, "'t' is not expected here"),
        ("SELECT * FROM s.whre x y", 24, "'y' is not expected here"),
        ("SELECT a b c FROM t", 12, "'c' is not expected here"),
    ],
)
def test_a_misspelt_word_is_not_taken_for_a_name(
    query: str, column: int, told: str
) -> None:
    with pytest.raises(QueryError, match=told) as caught:
        parse(query)
    assert caught.value.column == column


JOINED = "',' has no meaning here: tables are joined"


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT * FROM t NATURAL JOIN u", "'NATURAL' .*: a join says by ON"),
        ("SELECT * FROM t JOIN u USING (a)", "'USING' .*: a join says by ON"),
        ("SELECT * FROM (SELECT * FROM t) u", r"'\(' .*: FROM names tables and views"),
        (
            "SELECT (SELECT 1 FROM t) FROM t",
            "'SELECT' .*: a query in another one stands",
        ),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "'WITH' .*: a query in another one"),
        ("SELECT SUM(a) OVER (x) FROM t", r"'\(' .*: aggregates are of groups"),
        ("CREATE TABLE t (a INT)", "'CREATE' .*: tables and indexes are declared in"),
        ("SELECT id FROM p a, g b", f"{JOINED} by words: write JOIN … ON"),
        ("SELECT id FROM p, g", JOINED),
        ("SELECT id FROM p JOIN g ON a = b, h", JOINED),
        ("SELECT a FROM p WHERE EXISTS (SELECT 1 FROM g, h)", JOINED),
        ("SELECT a FROM v(1,,2)", "',' is not expected here"),
        ("SELECT a FROM p ORDER BY a,,b", "',' is not expected here"),
        ("DELETE FROM p, g", "',' is not expected here"),
        ("SELECT a,, b FROM p", "',' is not expected here"),
        ("BEGIN", "'BEGIN' has no meaning here: transactions are blocks in Python"),
        ("INSERT INTO t VALUES (1) RETURNING a", "'RETURNING' .*: the rows are not"),
    ],
)
def test_what_is_missing_is_refused_with_the_reason(query: str, reason: str) -> None:
    with pytest.raises(QueryError, match=reason):
        parse(query)


@pytest.mark.parametrize(
    ("query", "place"), [("SELECT * FROM t\nWHER a", (2, 1)), ("SHOW  ", (1, 5))]
)
def test_the_place_is_given(query: str, place: tuple[int, int]) -> None:
    with pytest.raises(QueryError) as caught:
        parse(query)
    assert (caught.value.line, caught.value.column) == place


def test_qualify() -> None:
    found = parse(
        "SELECT a FROM t WHERE b QUALIFY row_number() "
        "OVER (PARTITION BY c, d + 1 ORDER BY e DESC) < :k ORDER BY f"
    )

    assert isinstance(found, Query)
    assert isinstance(found.body, Select)
    qualify = found.body.qualify
    assert qualify is not None
    assert (qualify.at, qualify.call.name, qualify.operator) == (24, "row_number", "<")
    assert [each.name for each in columns_in(qualify.groups)] == ["c", "d"]
    assert [each.is_descending for each in qualify.order] == [True]
    assert qualify.bound == Parameter(92, "k")
    assert len(found.order) == 1
    least = parse("SELECT a FROM t QUALIFY ROW_NUMBER() OVER () <= 1")
    assert isinstance(least, Query)
    assert isinstance(least.body, Select)
    assert least.body.qualify is not None
    assert least.body.qualify.groups == ()
    assert least.body.qualify.order == ()


def test_words_of_qualify_are_names_elsewhere() -> None:
    found = parse("SELECT qualify, over AS qualify FROM partition over")

    assert isinstance(found, Query)
    assert isinstance(found.body, Select)
    assert [each.name for each in columns_in(found.body.items)] == ["qualify", "over"]
    assert found.body.table.alias == "over"


def test_the_columns_in_an_expression_are_those_outside_of_subqueries() -> None:
    found = where(
        "a + b.c IN (1, CASE d WHEN e THEN f END) OR EXISTS (SELECT g FROM u)"
    )
    assert [each.name for each in columns_in(found)] == [*"acdef"]
