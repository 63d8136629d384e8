"""Names and kinds: what is found, what agrees, and how the rest is told."""

import pytest

from qsdb.errors import QueryError
from qsdb.schema.tables import ColumnSchema, TableSchema
from qsdb.sql import syntax
from qsdb.sql.checking import Checker
from qsdb.sql.parsing import parse
from qsdb.sql.queries import Change, Insertion, Query
from qsdb.sql.scope import Scope
from qsdb.sql.statements import check_statement
from qsdb.sql.typed import (
    Argument,
    Between,
    Calculation,
    Cell,
    Comparison,
    Constant,
    IsNull,
    Like,
    Logic,
    Negation,
    Not,
    Typed,
    Within,
    can_fail,
)
from qsdb.values import kinds
from qsdb.values.compounds import EnumKind, OptionKind
from qsdb.values.kinds import BOOL, F64, I32, I64, IDENTITY, STR, U16, U32, U64, Kind
from tests.unit.sql.reference import VISIBLE

MOOD = EnumKind("Mood", ("happy", "angry"))
COLUMNS: dict[str, Kind] = {
    "id": U64,
    "level": U16,
    "gold": U32,
    "score": I32,
    "ratio": F64,
    "name": STR,
    "who": IDENTITY,
    "raw": kinds.BYTES,
    "online": BOOL,
    "age": OptionKind(U16),
    "nick": OptionKind(STR),
    "mood": MOOD,
    "tags": kinds.BYTES,
}
PLACES = {name: place for place, name in enumerate(COLUMNS)}
PLAYER = TableSchema(
    "player",
    tuple([ColumnSchema(name, name, kind) for name, kind in COLUMNS.items()]),
    (0,),
)
GUILD = TableSchema(
    "guild", (ColumnSchema("id", "id", U32), ColumnSchema("motto", "motto", STR)), (0,)
)
BOTH = {"player": PLAYER, "guild": GUILD}


def typed(text: str, kind: Kind | None = BOOL, tables: str = "player") -> Typed:
    """Check an expression in the place of a predicate."""
    query = f"SELECT * FROM {tables} WHERE {text}"
    statement = parse(query)
    assert isinstance(statement, syntax.Query)
    select = statement.body
    assert isinstance(select, syntax.Select)
    assert select.where is not None
    scope = Scope(query, BOTH)
    for table in (select.table, *[each.table for each in select.joins]):
        scope.add(table)
    return Checker(query, scope).check(select.where, kind)


def cell(name: str) -> Cell:
    kind = COLUMNS[name]
    if isinstance(kind, OptionKind):
        return Cell(0, PLACES[name], kind.inner, is_optional=True)
    return Cell(0, PLACES[name], kind, is_optional=False)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("online", cell("online")),
        ("level = 5", Comparison("=", cell("level"), Constant(5, U16))),
        ("5 < level", Comparison("<", Constant(5, U16), cell("level"))),
        ("age >= 18", Comparison(">=", cell("age"), Constant(18, U16))),
        ("age = level", Comparison("=", cell("age"), cell("level"))),
        ("mood = 'angry'", Comparison("=", cell("mood"), Constant(1, MOOD))),
        ("who = :sender", Comparison("=", cell("who"), Argument("sender", IDENTITY))),
        (
            ":sender = raw",
            Comparison("=", Argument("sender", kinds.BYTES), cell("raw")),
        ),
        ("level = :a", Comparison("=", cell("level"), Argument("a", U16))),
        ("NOT online", Not(cell("online"))),
        ("NOT NOT online", cell("online")),
        (
            "online AND TRUE AND level = 1",
            Logic(
                "AND",
                (
                    cell("online"),
                    Constant(value=True, kind=BOOL),
                    Comparison("=", cell("level"), Constant(1, U16)),
                ),
            ),
        ),
        (
            "online = (level = 1) = TRUE",
            Comparison(
                "=",
                Comparison(
                    "=",
                    cell("online"),
                    Comparison("=", cell("level"), Constant(1, U16)),
                ),
                Constant(value=True, kind=BOOL),
            ),
        ),
        ("nick IS NULL", IsNull(cell("nick"))),
        ("nick IS NOT NULL", Not(IsNull(cell("nick")))),
        (
            "1 NOT IN (level, 2)",
            Not(Within(Constant(1, U16), (cell("level"), Constant(2, U16)))),
        ),
        (
            "level BETWEEN 1 AND :most",
            Logic(
                "AND",
                (
                    Comparison(">=", cell("level"), Constant(1, U16)),
                    Comparison("<=", cell("level"), Argument("most", U16)),
                ),
            ),
        ),
        ("name NOT LIKE 'a%'", Not(Like(cell("name"), Constant("a%", STR)))),
        (
            "level + 1 * 2 = 5",
            Comparison(
                "=",
                Calculation(
                    cell("level"),
                    (
                        (
                            "+",
                            Calculation(
                                Constant(1, U16), (("*", Constant(2, U16)),), U16
                            ),
                        ),
                    ),
                    U16,
                ),
                Constant(5, U16),
            ),
        ),
        ("level = - -5", Comparison("=", cell("level"), Constant(5, U16))),
        (
            "5 > 1 + -score",
            Comparison(
                ">",
                Constant(5, I32),
                Calculation(
                    Constant(1, I32), (("+", Negation(cell("score"), I32)),), I32
                ),
            ),
        ),
        (
            "- - ratio < - (2.5)",
            Comparison("<", cell("ratio"), Constant(-2.5, F64)),
        ),
        (
            "score % 2 = 1",
            Comparison(
                "=",
                Calculation(cell("score"), (("%", Constant(2, I32)),), I32),
                Constant(1, I32),
            ),
        ),
    ],
)
def test_expressions_get_their_kinds(text: str, expected: Typed) -> None:
    assert typed(text) == expected


def test_columns_of_several_tables_are_told_apart() -> None:
    tables = "player p JOIN guild g ON p.gold = g.id"
    assert typed("p.level = 1 AND motto = 'x'", tables=tables) == Logic(
        "AND",
        (
            Comparison("=", cell("level"), Constant(1, U16)),
            Comparison("=", Cell(1, 1, STR, is_optional=False), Constant("x", STR)),
        ),
    )


def test_parameters_are_gathered_with_their_kinds() -> None:
    query = "SELECT * FROM player WHERE level = :a AND :b < gold AND :sender = who"
    statement = parse(query)
    assert isinstance(statement, syntax.Query)
    select = statement.body
    assert isinstance(select, syntax.Select)
    assert select.where is not None
    scope = Scope(query, BOTH)
    scope.add(select.table)
    checker = Checker(query, scope)
    checker.check(select.where, BOOL)
    assert checker.parameters == {"a": U16, "b": U32}


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ('"zzz" = 1', 1, "in player; strings stand in single quotes"),
        ("agf = 1", 1, "there is no column agf in player; did you mean age?"),
        ("Level = 1", 1, "there is no column Level in player; did you mean level"),
        ("zzz = 1", 1, r"there is no column zzz in player\n"),
        ("g.id = 1", 1, "there is no table g in this query; there are: player"),
        ("playr.id = 1", 1, "no table playr in this query; did you mean player?"),
        ("level", 1, "level is u16, and bool is meant"),
        ("level = gold", 9, "gold is u32, and u16 is meant"),
        ("(level = 1) = gold", 15, "gold is u32, and bool is meant"),
        ("level = (gold = 1)", 10, "this is bool, and u16 is meant"),
        ("1", 1, "1 is not TRUE or FALSE"),
        ("level = 'x'", 9, "'x' is not a whole number"),
        ("1 = 'x'", 1, "nothing beside this tells which kind it is of"),
        ("1 = NULL", 5, "NULL equals nothing: write IS NULL or IS NOT NULL"),
        (":a = 1", 1, "nothing beside :a tells which kind it is of"),
        ("level = :a AND gold = :a", 23, ":a is u16 in one place, and u32 here"),
        (":sender", 1, ":sender is an Identity, and bool is meant"),
        ("name = :sender", 8, ":sender is an Identity, and str is meant"),
        ("age = NULL", 7, "NULL equals nothing: write IS NULL or IS NOT NULL"),
        ("3 < level < 5", 13, "5 is not TRUE or FALSE"),
        ("level LIKE 'x'", 1, "level is u16, and str is meant"),
        ("name + 'x' = 'yx'", 1, "there is no arithmetic with str"),
        ("-level = 1", 1, "u16 has no negative numbers"),
        ("ratio % 2 = 1", 1, "there is no remainder with f64"),
        ("level / 2.0 > 1", 9, "2.0 has a point or an exponent"),
        ("level * 1.5 > 1", 9, r"write a whole number, or CAST\(… AS f64\) beside it"),
        ("level * 1e3 > 1", 9, "1e3 has a point or an exponent"),
        ("level * 1.0 / 2 > 1", 9, "and arithmetic with u16 stays whole"),
        ("level > 1 / 2.0", 13, "2.0 has a point"),
        ("level + COALESCE(level, 1.0) > 1", 25, "1.0 has a point"),
        ("COALESCE(level, 0.0) / 2 > 1", 17, "0.0 has a point"),
        ("CASE WHEN online THEN level ELSE 2.0 END / 2 = 1", 34, "2.0 has a point"),
        ("-ABS(score + -(2.0)) > 1", 14, "-2.0 has a point"),
        ("COALESCE(NULL, NULL) = 1", 1, "COALESCE of NULL alone is NULL"),
        ("CAST(name AS f64) = 1.0", 1, "CAST takes a number, and this is str"),
        ("CAST(NULL AS f64) = 1.0", 1, "CAST takes a number, and this is NULL"),
        ("CAST(level AS str) = 'x'", 15, r"CAST gives numbers \(i8, .*\), not str"),
        ("CAST(TRUE AS u8) = 1", 6, "TRUE is not a whole number"),
        ("CAST(300 AS u8) = 1", 6, "300 is not an int from 0 to 255"),
        ("CAST(level AS u32) = ratio", 22, "ratio is f64, and u32 is meant"),
        ("level = score + 1", 9, "score is i32, and u16 is meant"),
        (" = ".join(["online"] * 50), 1, "more than 48 comparisons in a row"),
    ],
)
def test_what_does_not_agree_is_pointed_at(text: str, column: int, reason: str) -> None:
    with pytest.raises(QueryError, match=reason) as caught:
        typed(text)
    assert caught.value.column == column + len("SELECT * FROM player WHERE ")


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ("playr", "there is no table playr; did you mean player?"),
        ("nowhere", r"there is no table nowhere\n"),
        ("player JOIN player ON TRUE", "player names two tables here; give one of"),
        ("player p JOIN guild p ON TRUE", "p names two tables here"),
        ("player JOIN guild", "id may be player.id or guild.id; say which"),
        ("player p", "there is no table player in this query"),
    ],
)
def test_tables_that_are_none_are_pointed_at(tables: str, reason: str) -> None:
    text = "player.id = 1" if tables == "player p" else "id = 1"
    with pytest.raises(QueryError, match=reason):
        typed(text, tables=tables)


@pytest.mark.parametrize(
    ("output", "value", "kind"),
    [
        ("'x'", "x", STR),
        ("7", 7, I64),
        ("-(1 + 2) * +3", None, I64),
        ("7.5", 7.5, F64),
        ("1e3", 1000.0, F64),
        ("1 + 0.5", None, F64),
        ("- -5", 5, I64),
        ("-(-(2.5))", 2.5, F64),
    ],
)
def test_literals_alone_have_kinds_in_a_result(
    output: str, value: object, kind: Kind
) -> None:
    text = f"SELECT {output} AS it FROM player"
    query = check_statement(text, parse(text), VISIBLE)
    assert isinstance(query, Query)
    [found] = query.outputs
    assert found.name == "it"
    assert found.term.kind == kind
    if value is not None:
        assert found.term == Constant(value, kind)


def test_null_alone_is_an_absent_text() -> None:
    text = "SELECT NULL AS it, (NULL) AS two FROM player"
    query = check_statement(text, parse(text), VISIBLE)
    assert isinstance(query, Query)
    assert [each.term for each in query.outputs] == [Constant(None, STR)] * 2


@pytest.mark.parametrize("output", ["0x12", "1 + NULL", ":a", "1 + 'x'", "'x' + 'y'"])
def test_what_has_no_kind_is_none_of_a_result(output: str) -> None:
    text = f"SELECT {output} AS it FROM player"
    with pytest.raises(QueryError):
        check_statement(text, parse(text), VISIBLE)


def test_between_of_an_expression_works_it_out_once() -> None:
    found = typed("level + 1 BETWEEN 1 AND :most")
    assert isinstance(found, Between)
    assert found.high == Argument("most", U16)


def test_a_parameter_of_what_may_be_absent_and_what_may_not() -> None:
    columns = ColumnSchema("s", "s", STR), ColumnSchema("t", "t", OptionKind(STR))
    tables = {"a": TableSchema("a", columns, ())}
    for text in (
        "UPDATE a SET t = :v WHERE t <> :v",
        "INSERT INTO a (s, t) VALUES (:v, :v)",
        "INSERT INTO a (t, s) VALUES (:v, :v)",
    ):
        checked = check_statement(text, parse(text), tables)
        if isinstance(checked, Change):
            assert checked.query.parameters == {"v": OptionKind(STR)}
            [condition] = checked.query.conditions
            assert isinstance(condition, Comparison)
            assert condition.right == Argument("v", STR, is_optional=True)
        else:
            assert isinstance(checked, Insertion)
            assert checked.parameters == {"v": STR}


PICKY = Argument("p", U16, is_optional=True)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            ":p IS NULL OR level = :p",
            Logic("OR", (IsNull(PICKY), Comparison("=", cell("level"), PICKY))),
        ),
        (
            "level = :p OR :p IS NOT NULL",
            Logic("OR", (Comparison("=", cell("level"), PICKY), Not(IsNull(PICKY)))),
        ),
        (
            "age IN (1, :p) AND :p IS NULL",
            Logic(
                "AND",
                (Within(cell("age"), (Constant(1, U16), PICKY)), IsNull(PICKY)),
            ),
        ),
    ],
)
def test_a_parameter_before_is_null_may_be_absent(text: str, expected: Typed) -> None:
    query = f"SELECT level FROM player WHERE {text}"
    checked = check_statement(query, parse(query), BOTH)
    assert isinstance(checked, Query)
    terms = expected.terms if isinstance(expected, Logic) else ()
    assert checked.conditions in ((expected,), terms)
    assert checked.parameters == {"p": OptionKind(U16)}


def test_a_parameter_that_must_be_there_is_never_absent() -> None:
    text = "UPDATE player SET level = :p, age = :p WHERE :p IS NULL"
    checked = check_statement(text, parse(text), BOTH)
    assert isinstance(checked, Change)
    assert checked.query.parameters == {"p": U16}
    assert checked.query.conditions == (IsNull(Argument("p", U16)),)


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("DELETE FROM player WHERE :p IS NULL", 26, "nothing beside :p tells which"),
        (
            "UPDATE player SET level = :p + 1 WHERE :p IS NULL",
            27,
            "this may be NULL, and level cannot be",
        ),
        (
            "DELETE FROM player WHERE level = :p AND :p IS NULL AND gold = :p",
            63,
            ":p is u16 in one place, and u32 here",
        ),
        (
            "DELETE FROM player WHERE name LIKE 'a' ESCAPE ''",
            47,
            "after ESCAPE stands a string of one character",
        ),
    ],
)
def test_what_does_not_agree_in_a_statement(
    text: str, column: int, reason: str
) -> None:
    with pytest.raises(QueryError, match=reason) as caught:
        check_statement(text, parse(text), BOTH)
    assert caught.value.column == column


def test_the_sender_is_always_there() -> None:
    sender = Argument("sender", IDENTITY)
    assert typed(":sender IS NULL") == IsNull(sender)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("CAST(:n AS u16) = level", ":n = level"),
        ("CAST(0xff AS u16) = level", "255 = level"),
        ("cast(score AS Bigint) = -1", "CAST(score AS i64) = -1"),
    ],
)
def test_what_is_cast_may_take_its_kind_from_that(text: str, same: str) -> None:
    assert typed(text) == typed(same)


def test_the_deepest_nesting_is_checked() -> None:
    deepest = "score"
    for _ in range(48):
        deepest = f"(1 + 2 * -{deepest})"
    typed(f"{deepest} = 1")
    truth = "online"
    for _ in range(48):
        truth = f"(NOT online = {truth})"
    typed(truth)


@pytest.mark.parametrize(
    ("text", "fails"),
    [
        ("level + 1 > 2", True),
        ("NOT (online OR level IN (1, level % 2))", True),
        ("-score > 1", True),
        ("ratio / ratio > 1.0", True),
        ("ratio * 2.0 + ratio > 1.0", False),
        ("-ratio > 1.0", False),
        ("-(ratio / 2.0) > 1.0", True),
        ("level > 2 AND name LIKE 'a%' OR nick IS NULL", False),
    ],
)
def test_what_can_fail_is_known(text: str, *, fails: bool) -> None:
    assert can_fail(typed(text)) is fails
