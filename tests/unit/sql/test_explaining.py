"""Plans as people read them: which way to rows is taken, and why no other."""

from pathlib import Path

import pytest

from qsdb.sql.arranging import AnyPlan, plan_query
from qsdb.sql.estimating import at_most, comparing_steps, estimate_looks
from qsdb.sql.explaining import explain
from qsdb.sql.parsing import parse
from qsdb.sql.planning import Plan, make_plan
from qsdb.sql.queries import Query
from qsdb.sql.relations import Derived
from qsdb.sql.statements import check_statement
from tests.unit.runtime.sql_shop import shop

TABLES = {each.schema.name: each.schema for each in shop.compiled().tables}
SIZES = {
    "item": 10_000,
    "line": 500,
    "customer": 100,
    "ledger": 1,
    "rich": 64,
    "secret": 1,
    "odd table": 0,
}

GOLDEN = Path(__file__).with_name("plans.txt").read_text("utf-8")


def examples() -> list[tuple[str, str]]:
    """Give queries and their plans; blank lines part them, ``---`` stands between."""
    blocks = [each for each in GOLDEN.split("\n\n") if "\n---\n" in each]
    pairs = [each.strip().split("\n---\n") for each in blocks]
    return [(query, plan) for query, plan in pairs]


def answer_of(query: str) -> AnyPlan:
    checked = check_statement(query, parse(query), TABLES)
    assert isinstance(checked, Query | Derived)
    return plan_query(checked)


def plan_of(query: str, first: int | None = None, *, wishes: bool = False) -> Plan:
    checked = check_statement(query, parse(query), TABLES)
    assert isinstance(checked, Query)
    return make_plan(checked, first, wishes=wishes)


@pytest.mark.parametrize(("query", "plan"), examples())
def test_plans_are_these(query: str, plan: str) -> None:
    assert "\n".join(explain(answer_of(query), SIZES)) == plan


def test_there_are_examples() -> None:
    assert len(examples()) == GOLDEN.count("\n---\n") > 30


JOIN = "SELECT i.* FROM line l JOIN item i ON l.item = i.id WHERE i.name = 'axe'"


def test_a_plan_may_begin_with_a_table_and_wish_for_indexes() -> None:
    lines = explain(plan_of(JOIN, 1, wishes=True), SIZES)

    assert [each.split("  ")[:2] for each in lines[::2]] == [
        ["1. item i", "all rows"],
        ["2. line l", "index item, kept for this query, equal to i.id"],
        ["gives rows of item"],
    ]
    assert lines[1].endswith("then i.name = 'axe' is tested")
    assert lines[3].endswith("then l.item = i.id is tested")


def test_the_order_of_from_does_not_matter() -> None:
    tables = ["line l", "item i", "customer c"]
    on = "l.item = i.id AND l.customer = c.who AND c.nick = 'ann'"
    plans = set()
    for order in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        joined = " JOIN ".join([tables[each] for each in order])
        query = f"SELECT l.count FROM {joined} WHERE {on}"
        plan = plan_of(query)
        plans.add(tuple([plan.query.sources[e.source].alias for e in plan.steps]))

    assert plans == {("c", "l", "i")}


def test_one_look_up_of_one_row_is_a_point() -> None:
    assert plan_of("SELECT * FROM item WHERE id = :n").is_point
    assert plan_of("SELECT * FROM item WHERE name = 'a' AND stock = 1").is_point
    assert not plan_of("SELECT * FROM item WHERE id IN (1, 2)").is_point
    assert not plan_of("SELECT * FROM item WHERE kind = 'a'").is_point
    assert not plan_of("SELECT * FROM line WHERE item = 1").is_point
    assert not plan_of(JOIN).is_point


def test_what_is_looked_at_is_guessed_of_all_parts() -> None:
    join = "SELECT i.id FROM item i JOIN line l ON i.price > l.count"
    both = answer_of(f"{join} UNION {join}")

    assert comparing_steps(both) == 2 * comparing_steps(answer_of(join)) == 2
    assert at_most(both, SIZES) == 2 * at_most(answer_of(join), SIZES) > 10_000_000
    looked = answer_of("SELECT COUNT(*) FROM item WHERE id IN (SELECT item FROM line)")
    assert estimate_looks(looked, SIZES) == 10_000 * 22
    assert estimate_looks(answer_of(join), SIZES) == 0
