"""Planted bugs in what stands above bags of rows: the examples notice each of them.

**Strategy**: the queries of ``tests/unit/runtime/relations.txt``, and walks of an index
with many equal values, asked of a database that is opened with the bug planted.

**Invariant**: one of them gives other rows than are written there.
"""

import pytest

from qsdb.sql import (
    accumulating,
    finding,
    grouping,
    loops,
    ordering,
    planning,
    qualifying,
    sorting,
    stages,
    subqueries,
    walking,
)
from tests.support.mutants import Mutant, planted
from tests.unit.runtime.sql_club import opened
from tests.unit.runtime.test_sql_relations import (
    examples,
    is_ordered,
    require_walks,
)

pytestmark = pytest.mark.slow

MUTANTS = {
    "the greatest is the least": Mutant(
        accumulating, 'sign, name = (">", "greatest")', 'sign, name = ("<", "greatest")'
    ),
    "a left join is an inner join": Mutant(
        finding, 'rows = f"{rows} or ({self.nothing(step.source)},)"', "pass"
    ),
    "all nodes of a subquery look into the last one's hash table": Mutant(
        finding, 'arguments.append(f"g{step.source}=g{step.source}")', "pass"
    ),
    "a hash table is made in another one's place": Mutant(
        finding, 'f"def {name}({made}={made}):"', 'f"def {name}():"'
    ),
    "NOT IN passes over NULL": Mutant(
        subqueries, "if is_optional(column):", "if False:"
    ),
    "NULL comes last in every order": Mutant(
        sorting, "(1, 0) if is_last else (0, 1)", "(1, 0)"
    ),
    "the keys do not decide at the edge of a walk": Mutant(
        walking, "if tie(found[wanted - 1]) != edge:", "if True:"
    ),
    "COUNT(DISTINCT) counts all": Mutant(
        accumulating, 'case "COUNT" if aggregate.is_distinct:', 'case "COUNT" if False:'
    ),
    "EXCEPT is INTERSECT": Mutant(
        stages, '"in" if compound.operator == "INTERSECT" else "not in"', '"in"'
    ),
    "INTERSECT ALL is EXCEPT ALL": Mutant(
        stages,
        'all_of_both if compound.operator == "INTERSECT" else all_of_first',
        "all_of_first",
    ),
    "the first term of an order is sorted by first": Mutant(
        sorting,
        "for is_descending, terms in reversed(runs):",
        "for is_descending, terms in runs:",
    ),
    "WHERE says nothing behind an outer join": Mutant(
        planning, "late = tuple(self.due())", "late = tuple(self.due())[:0]"
    ),
    "rows that fitted come again in a full join": Mutant(
        loops, "not in fitting{step.source}", "is not None"
    ),
    "NULL is in no query": Mutant(subqueries, "if is_optional(term):", "if False:"),
    "a walk ends after its first part": Mutant(
        walking, "if len(rows) < count:", "if True:"
    ),
    "the last rows of a group are its first": Mutant(
        sorting, "heapq.nsmallest(count, each, key)", "heapq.nlargest(count, each, key)"
    ),
    "fewer than so many are so many": Mutant(
        qualifying, "max(number - 1, 0)", "number"
    ),
    "keys are no part of an order": Mutant(
        ordering, "if each not in places", "if False"
    ),
    "all aggregates of a group are its first": Mutant(
        grouping,
        "place = len(self.keys) + self.aggregates.index(term)",
        "place = len(self.keys)",
    ),
}


def ask() -> None:
    """Ask all examples of a new database, in which nothing is compiled yet."""
    db = opened()
    for query, expected in examples():
        found = [tuple(row) for row in db.sql(query)]
        if is_ordered(query):
            assert found == expected
        else:
            assert sorted(found, key=repr) == sorted(expected, key=repr)
    require_walks()


@pytest.mark.parametrize("name", MUTANTS)
def test_a_planted_bug_is_noticed(name: str) -> None:
    with planted(MUTANTS[name]), pytest.raises(AssertionError):
        ask()
