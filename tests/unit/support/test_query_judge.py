"""The judge of whole queries says what SQL says, and notices what is wrong."""

from typing import Any

import pytest

from qsdb.schema.tables import ColumnSchema, TableSchema
from qsdb.sql.parsing import parse
from qsdb.sql.queries import Query
from qsdb.sql.relations import Derived
from qsdb.sql.statements import check_statement
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import I8
from tests.support.query_judge import Verdict, bag, judged_query

T = TableSchema(
    "t",
    (ColumnSchema("a", "a", I8), ColumnSchema("b", "b", OptionKind(I8))),
    (),
)
ROWS = [(0, 1), (1, None), (2, 1), (127, 2)]


def verdict_of(query: str) -> Verdict:
    checked = check_statement(query, parse(query), {"t": T})
    assert isinstance(checked, Query | Derived)
    return judged_query(checked, {"t": ROWS}, {})


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT * FROM t", ROWS),
        ("SELECT b FROM t", [(1,), (None,), (1,), (2,)]),
        ("SELECT a FROM t WHERE b = 1", [(0,), (2,)]),
        ("SELECT a FROM t WHERE NOT b = 1", [(127,)]),
        ("SELECT a FROM t WHERE (b = 1) IS NULL", [(1,)]),
        (
            "SELECT x.a AS i, y.a AS j FROM t x JOIN t y ON x.a = y.b",
            [(1, 0), (1, 2), (2, 127)],
        ),
        ("SELECT y.* FROM t x JOIN t y ON x.a = 2 WHERE y.b = 1", [(0, 1), (2, 1)]),
        ("SELECT COUNT(*) FROM t", [(4,)]),
        ("SELECT COUNT(*) FROM t WHERE a > 127", [(0,)]),
        ("SELECT COUNT(*) FROM t LIMIT 0", []),
        ("SELECT a FROM t WHERE b = 1 LIMIT 1", [(2,)]),
        ("SELECT a FROM t WHERE b = 1 LIMIT 5", [(2,), (0,)]),
    ],
)
def test_what_is_right_has_no_fault(query: str, rows: list[Any]) -> None:
    verdict = verdict_of(query)

    assert verdict.fault(rows) is None
    assert not verdict.may_fail


@pytest.mark.parametrize(
    ("query", "rows", "fault"),
    [
        ("SELECT a FROM t WHERE b = 1", [(0,)], "missing"),
        ("SELECT a FROM t WHERE b = 1", [(0,), (2,), (2,)], "too many"),
        ("SELECT a FROM t WHERE b = 1", [(0,), (True,)], "missing"),
        ("SELECT a FROM t WHERE b = 1 LIMIT 1", [(5,)], "too many"),
        ("SELECT a FROM t WHERE b = 1 LIMIT 1", [], "0 rows, and 1 to 1"),
        ("SELECT a FROM t WHERE b = 1 LIMIT 1", [(0,), (2,)], "2 rows, and 1 to 1"),
        ("SELECT COUNT(*) FROM t", [(3,)], "4 to 4 are right"),
        ("SELECT COUNT(*) FROM t", [], "4 to 4 are right"),
        ("SELECT COUNT(*) FROM t LIMIT 0", [(4,)], "1 rows, and 0 to 0 are right"),
    ],
)
def test_what_is_wrong_is_noticed(query: str, rows: list[Any], fault: str) -> None:
    assert fault in str(verdict_of(query).fault(rows))


def test_what_cannot_be_worked_out_may_be_there_or_not() -> None:
    verdict = verdict_of("SELECT a FROM t WHERE a + b > 2")

    assert verdict.may_fail
    assert verdict.sure == bag([(2,)])
    assert verdict.perhaps == bag([(127,)])
    assert verdict.fault([(2,)]) is None
    assert verdict.fault([(2,), (127,)]) is None
    assert verdict.fault([(127,)])
    assert verdict.fault([(2,), (0,)])


def test_what_no_row_comes_to_may_fail_all_the_same() -> None:
    assert verdict_of("SELECT a FROM t WHERE a < 0 AND 1 / a = 1").may_fail
    assert verdict_of("SELECT 1 / a AS x FROM t WHERE a > 0").may_fail
    assert not verdict_of("SELECT a FROM t WHERE a / 2 = 1").may_fail
