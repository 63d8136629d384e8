"""Whole statements: what is accepted, what it asks for, and how the rest is told."""

from typing import Any

import attrs
import pytest

from qsdb.errors import QueryError
from qsdb.schema.specifiers import MISSING
from qsdb.schema.tables import ColumnSchema, TableSchema
from qsdb.sql.parsing import parse
from qsdb.sql.queries import (
    Change,
    Deletion,
    Insertion,
    Query,
    Setting,
    Showing,
)
from qsdb.sql.statements import Checked, Explanation, check_statement
from qsdb.sql.typed import Argument, Cell, Comparison, Constant, Typed
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import I32, STR, U64
from tests.unit.sql.reference import CASES, VISIBLE

STRICTER = {
    "int-54": "an L behind a number",
    "str-11": "digits as text",
    "bytes-10": "digits as hex",
    "update-04": "a column assigned twice",
}
"""Accepted by the engine, and traps; refused here."""

MORE_EVEN = {"int-47": "a point in a whole number of 256 bits, as in all others"}
"""The contrary."""

SUBSCRIPTIONS_TAKE = {"shape-20": "SELECT * FROM *, which is a text and no grammar"}
"""Not for one query."""

SUBSCRIPTIONS_REFUSE = {
    "shape-22": "INSERT",
    "shape-25": "EXPLAIN",
    "shape-26": "SHOW",
}
"""Statements that are right, but nothing that one can subscribe to."""


def checked(query: str, tables: Any = VISIBLE) -> Checked:
    """Parse and check a statement."""
    return check_statement(query, parse(query), tables)


@pytest.mark.parametrize("case", CASES, ids=[each["id"] for each in CASES])
def test_the_cases_are_accepted_or_not(case: dict[str, Any]) -> None:
    name, query = case["id"], case["sql"]
    is_accepted = case["expect"] == "accept"
    if name in STRICTER or name in SUBSCRIPTIONS_TAKE:
        is_accepted = False
    if name in MORE_EVEN or name in SUBSCRIPTIONS_REFUSE:
        is_accepted = True
    if is_accepted or name in LIFTED:
        assert isinstance(checked(query), Checked)
    else:
        with pytest.raises(QueryError):
            checked(query)


LIFTED = {
    *("ident-12", "shape-01", "shape-03", "int-40", "int-59", "sender-12"),
    *("sender-13", "type-25", "type-26", "logic-04", "logic-05", "logic-07"),
    *("logic-08", "logic-10", "logic-18", "logic-20", "join-11", "join-12"),
    *("join-14", "join-15", "join-16", "join-23", "join-24", "join-25", "join-30"),
    *("join-35", "join-36", "query-14", "insert-13", "insert-15", "insert-16"),
    *("insert-17", "update-06", "type-22", "type-28", "query-11"),
    *("shape-08", "shape-16", "shape-17", "query-16", "str-16", "join-20"),
    *("type-14", "update-14", "inject-01"),
}
"""Refused by the engine, and part of the language here."""


def test_the_cases_that_are_set_apart_are_there() -> None:
    apart = {*STRICTER, *MORE_EVEN, *SUBSCRIPTIONS_TAKE, *SUBSCRIPTIONS_REFUSE}
    by_id = {each["id"]: each for each in CASES}

    assert len(by_id) == len(CASES) == 279
    assert {*apart, *LIFTED} <= set(by_id)
    assert all(by_id[each].get("liftable") for each in LIFTED)
    assert all(by_id[each]["expect"] == "reject" for each in LIFTED)


# What statements ask for.

COLUMNS = (
    ColumnSchema("id", "id", U64, auto_inc=True),
    ColumnSchema("name", "name", STR),
    ColumnSchema("age", "age", OptionKind(I32), default=None),
    ColumnSchema("level", "level", I32, default=7),
)
T = TableSchema("t", COLUMNS, (0,))
U = TableSchema("u", (ColumnSchema("x", "x", I32), ColumnSchema("y", "y", I32)), ())
TABLES = {"t": T, "u": U}

ID = Cell(0, 0, U64, is_optional=False)
NAME = Cell(0, 1, STR, is_optional=False)
AGE = Cell(0, 2, I32, is_optional=True)
LEVEL = Cell(0, 3, I32, is_optional=False)


def asked(query: str) -> Query:
    found = checked(query, TABLES)
    assert isinstance(found, Query)
    return found


def test_columns_have_default_and_key_as_declared() -> None:
    assert COLUMNS[1].default is MISSING
    assert COLUMNS[3].default == 7


@pytest.mark.parametrize(
    ("query", "columns", "whole"),
    [
        ("SELECT * FROM t", ("id", "name", "age", "level"), 0),
        ("SELECT t.* FROM t", ("id", "name", "age", "level"), 0),
        ("SELECT id, name, age, level FROM t", ("id", "name", "age", "level"), 0),
        ("SELECT a.* FROM t JOIN u a", ("x", "y"), 1),
        ("SELECT x, y FROM t JOIN u", ("x", "y"), 1),
        ("SELECT * FROM t JOIN u", ("id", "name", "age", "level", "x", "y"), None),
        ("SELECT y, x FROM u", ("y", "x"), None),
        ("SELECT x FROM u", ("x",), None),
        ("SELECT x AS a, y FROM u", ("a", "y"), None),
        ("SELECT x, y, x AS z FROM u", ("x", "y", "z"), None),
        ("SELECT x + 1, y, x = y FROM u", ("column1", "y", "column3"), None),
        ("SELECT TRUE FROM u", ("column1",), None),
        ("SELECT :sender FROM u", ("column1",), None),
        ('SELECT x "a b", y count FROM u', ("a b", "count"), None),
    ],
)
def test_results_have_their_columns(
    query: str, columns: tuple[str, ...], whole: int | None
) -> None:
    found = asked(query)

    assert found.columns == columns
    assert found.whole == whole


def test_conditions_of_on_and_where_come_together() -> None:
    found = asked(
        "SELECT * FROM t JOIN u ON level = x AND (y = 1 AND age = 2) WHERE name = 'a'"
    )

    x, y = Cell(1, 0, I32, is_optional=False), Cell(1, 1, I32, is_optional=False)
    assert found.conditions == (
        Comparison("=", LEVEL, x),
        Comparison("=", y, Constant(1, I32)),
        Comparison("=", AGE, Constant(2, I32)),
        Comparison("=", NAME, Constant("a", STR)),
    )
    assert [each.alias for each in found.sources] == ["t", "u"]


def test_parameters_are_told_with_their_kinds() -> None:
    found = asked("SELECT level + :a FROM t WHERE age = :b AND name = :c")

    assert found.parameters == {"b": I32, "c": STR, "a": I32}


def test_explain_is_of_a_query() -> None:
    query = "SELECT * FROM t WHERE level = 1"
    found = checked(f"EXPLAIN {query}", TABLES)

    assert found == Explanation(asked(query))


def test_delete_is_of_whole_rows() -> None:
    found = checked("DELETE FROM t WHERE level = 1", TABLES)
    everything = checked("DELETE FROM t", TABLES)

    assert found == Deletion(asked("SELECT * FROM t WHERE level = 1"))
    assert everything == Deletion(asked("SELECT * FROM t"))


def test_update_is_of_whole_rows_and_says_what_they_become() -> None:
    found = checked("UPDATE t SET age = NULL, name = :n, level = level + 1", TABLES)

    assert isinstance(found, Change)
    expected = attrs.evolve(asked("SELECT * FROM t"), parameters={"n": STR})
    assert found.query == expected
    assert set(found.assignments) == {1, 2, 3}
    assert found.assignments[1] == Argument("n", STR)
    assert found.assignments[2] == Constant(None, OptionKind(I32))


def test_a_parameter_for_an_optional_column_may_be_none() -> None:
    found = checked("UPDATE t SET age = :a", TABLES)

    assert isinstance(found, Change)
    assert found.query.parameters == {"a": OptionKind(I32)}


@pytest.mark.parametrize(
    ("insert", "rows"),
    [
        ("u VALUES (1, 2)", [(1, 2)]),
        ("INTO u VALUES (1, 2), (3, 4)", [(1, 2), (3, 4)]),
        ("u (y, x) VALUES (1, 2)", [(2, 1)]),
        ("t (name) VALUES ('a'), ('b')", [(None, n, None, None) for n in "ab"]),
    ],
)
def test_insert_gives_values_by_name(insert: str, rows: list[Any]) -> None:
    found = checked(f"INSERT {insert}", TABLES)

    assert isinstance(found, Insertion)
    assert [tuple(map(of_constant, row)) for row in found.rows] == rows


def of_constant(node: Typed | None) -> Any:
    if node is None:
        return None
    assert isinstance(node, Constant)
    return node.value


def test_variables_are_set_and_shown() -> None:
    found = checked("SET row_limit = 5", TABLES)

    assert found == Setting("row_limit", Constant(5, U64), {})
    assert checked("SET row_limit TO 5", TABLES) == found
    assert checked("SHOW row_limit", TABLES) == Showing("row_limit")
    assert checked("SET row_limit = :n", TABLES) == Setting(
        "row_limit", Argument("n", U64, is_optional=True), {"n": OptionKind(U64)}
    )


# What is wrong.


@pytest.mark.parametrize(
    ("query", "column", "reason"),
    [
        ("SELECT * FROM nix", 15, "there is no table nix"),
        ("SELECT * FROM t JOIN t", 22, "t names two tables here; give one of them"),
        (
            "SELECT id, id FROM t",
            12,
            "two columns of the result are called id; give one of them an alias",
        ),
        ("SELECT *, id FROM t", 11, "two columns of the result are called id"),
        ("SELECT * FROM t a JOIN t b", 8, "two columns of the result are called id"),
        ("SELECT b.* FROM t a", 8, "there is no table b in this query; there are: a"),
        ("SELECT nam FROM t", 8, "there is no column nam in t; did you mean name?"),
        ("SELECT 0x1 FROM t", 8, "nothing beside this tells which kind it is of"),
        ("SELECT * FROM t WHERE level", 23, "level is i32, and bool is meant"),
        ("SELECT * FROM t LIMIT 1.5", 23, "1.5 is not a whole number (u64)"),
        (
            "SELECT * FROM t LIMIT 18446744073709551616",
            23,
            "18446744073709551616 is not an int from 0 to 18446744073709551615",
        ),
        ("SELECT x FROM u JOIN t ON z = 1", 27, "there is no column z in u or t"),
        ("SELECT a.x FROM u a JOIN u b ON b.x = c.x JOIN u c", 39, "no table c in"),
        ("DELETE FROM nix", 13, "there is no table nix"),
        ("DELETE FROM t WHERE nix = 1", 21, "there is no column nix in t"),
        ("UPDATE nix SET a = 1", 8, "there is no table nix"),
        ("UPDATE t SET nix = 1", 14, "there is no column nix in t"),
        ("UPDATE t SET t.id = 1", 14, "a column of t is named here without the table"),
        ("UPDATE t SET id = 1, id = 2", 22, "id is assigned twice"),
        ("UPDATE t SET level = NULL", 22, "level cannot be NULL"),
        ("UPDATE t SET level = age", 22, "this may be NULL, and level cannot be"),
        ("UPDATE t SET level = 'x'", 22, "'x' is not a whole number (i32)"),
        ("UPDATE t SET level = name", 22, "name is str, and i32 is meant"),
        ("UPDATE t SET level = 1 WHERE :a = 1", 30, "nothing beside :a tells which"),
        ("INSERT INTO nix VALUES (1)", 13, "there is no table nix"),
        ("INSERT INTO u (x, z) VALUES (1, 2)", 19, "there is no column z in u"),
        ("INSERT INTO u (x, u.y) VALUES (1, 2)", 19, "is named here without the table"),
        ("INSERT INTO u (x, y, x) VALUES (1, 2, 3)", 22, "x is named twice"),
        ("INSERT INTO u VALUES (1)", 23, "1 value for 2 columns of u"),
        ("INSERT INTO u VALUES (1, 2), (1, 2, 3)", 31, "3 values for 2 columns of u"),
        ("INSERT INTO u (x) VALUES (1)", 13, "y of u must be given"),
        ("INSERT INTO t (age) VALUES (1)", 13, "name of t must be given"),
        ("INSERT INTO u VALUES (1, NULL)", 26, "y cannot be NULL"),
        ("INSERT INTO u VALUES (1, x)", 26, "there is no column x"),
        ("INSERT INTO u VALUES (1, :sender)", 26, ":sender is an Identity, and i32 is"),
        ("SET nix = 1", 5, "there is no variable nix; there is: row_limit"),
        ("SHOW nix", 6, "there is no variable nix; there is: row_limit"),
        ("SET row_limit = -1", 17, "-1 is not an int from 0 to"),
        ("SET row_limit = TRUE", 17, "TRUE is not a whole number (u64)"),
    ],
)
def test_what_is_wrong_is_pointed_at(query: str, column: int, reason: str) -> None:
    with pytest.raises(QueryError) as caught:
        checked(query, TABLES)

    assert reason in caught.value.reason
    assert (caught.value.line, caught.value.column) == (1, column)
    assert str(caught.value).endswith(f"\n  {query}\n  {'^':>{column}}")


def test_a_place_in_a_later_line_is_told() -> None:
    with pytest.raises(QueryError) as caught:
        checked("SELECT *\nFROM t\nWHERE  nix = 1", TABLES)

    assert (caught.value.line, caught.value.column) == (3, 8)
    assert str(caught.value) == (
        "line 3, column 8: there is no column nix in t\n  WHERE  nix = 1\n         ^"
    )


def test_all_are_named_that_are_left_out() -> None:
    columns = tuple([ColumnSchema(each, each, I32) for each in "wxy"])
    with pytest.raises(QueryError, match="w, y of u must be given"):
        checked("INSERT INTO u (x) VALUES (1)", {"u": TableSchema("u", columns, ())})
