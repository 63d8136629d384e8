"""`row_limit`: what it refuses, and what it lets pass."""

import pytest

from qsdb import QueryError
from qsdb.runtime.variables import Variables
from tests.unit.sql.test_explaining import SIZES, answer_of


def test_without_a_limit_everything_passes() -> None:
    variables = Variables()
    variables.require_cheap(answer_of("SELECT * FROM item"), SIZES)

    assert variables.row_limit is None


COMPARED = """
WHERE EXISTS (SELECT 1 FROM line a JOIN line b ON a.count > b.count + line.count)
"""


@pytest.mark.parametrize(
    ("query", "rows"),
    [
        ("SELECT * FROM item", 10_000),
        ("SELECT * FROM item WHERE id = 1", 1),
        ("SELECT * FROM item WHERE id IN (1, 2)", 2),
        ("SELECT * FROM item i JOIN line l ON i.id = l.item AND i.id = 1", 501),
        ("SELECT * FROM item i WHERE EXISTS (SELECT 1 FROM line)", 10_500),
        (f"SELECT * FROM line {COMPARED}", 500 + 500**2 + 500**3),
    ],
)
def test_rows_are_those_of_all_steps(query: str, rows: int) -> None:
    variables = Variables()
    plan = answer_of(query.replace("*", "COUNT(*) AS n"))
    variables.row_limit = rows
    variables.require_cheap(plan, SIZES)
    variables.row_limit = rows - 1

    with pytest.raises(QueryError, match=f"looks at some {rows:,} rows"):
        variables.require_cheap(plan, SIZES)


def test_each_row_may_be_looked_at_once_whatever_the_server_says() -> None:
    variables = Variables()
    variables.require_cheap(answer_of("SELECT * FROM item"), SIZES, rows_max=1)
    join = answer_of("SELECT COUNT(*) AS n FROM item i JOIN line l ON i.id <> l.item")

    with pytest.raises(QueryError, match="the server's limit is"):
        variables.require_cheap(join, SIZES, rows_max=1)
