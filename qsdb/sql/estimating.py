"""How many rows a plan looks at, as a guess: for EXPLAIN and for ``row_limit``.

Nothing is known of a table but how many rows it has. So, as in System R, what a
condition leaves of them is a fixed part:

=====================================  ==================================
found by                               rows
=====================================  ==================================
all columns of a unique index          1
all columns of another index           the root of the table's rows
some columns, or a range               a quarter of them; of both, a tenth
all rows                               all
=====================================  ==================================

IN counts once for each value. A step is taken for every combination that those before
it leave, and conditions that are only tested count for nothing.

A guess may be far too low, where many rows have one value. So where the indexes are at
hand they are asked (`qsdb.sql.counting`), and only the rest is guessed. `at_most`
guesses nothing: what is not found by a unique index may be all rows.
"""

import math
from collections.abc import Mapping, Sequence

from qsdb.sql.arranging import AnyPlan
from qsdb.sql.counting import IndexCounts
from qsdb.sql.planning import Plan, Step
from qsdb.sql.typed import sources_of

__all__ = ["at_most", "comparing_steps", "estimate", "estimate_looks"]


def estimate(
    plan: AnyPlan, sizes: Mapping[str, int], counts: IndexCounts | None = None
) -> Sequence[int]:
    """Guess how many rows each step looks at, in all; of each part of a query.

    Args:
        plan: The plan.
        sizes: Name of each table → number of its rows.
        counts: Counts instead, where it can.
    """
    if isinstance(plan, Plan):
        return _estimate(plan, sizes, counts)
    found: list[int] = []
    for number, part in enumerate(plan.plans):
        walk = plan.walks.get(number)
        if walk is None or walk.wanted is None or walk.step.filters:
            found += _estimate(part, sizes, counts)
        else:
            found.append(min(walk.wanted, sizes[part.query.sources[0].schema.name]))
    return found


def estimate_looks(
    plan: AnyPlan, sizes: Mapping[str, int], counts: IndexCounts | None = None
) -> int:
    """Guess how many rows are looked at to find whether some exist.

    That is asked of each combination of rows; of none in particular it is asked once.
    What row filters look for is not counted, as nobody has asked for that.

    Args:
        plan: The plan.
        sizes: Name of each table → number of its rows.
        counts: As for `estimate`.
    """
    if not isinstance(plan, Plan):
        return sum([estimate_looks(part, sizes, counts) for part in plan.plans])
    found, tables = 0, plan.query.tables
    combinations = max([1, *_estimate(plan, sizes, counts)])
    own = len(plan.query.sources) + plan.query.own_hidden
    for node, steps in plan.inner.items():
        if max(node.sources) >= own:
            continue
        asked = combinations if sources_of(node) else 1
        for step in steps:
            asked *= max(1, _rows_of(step, sizes[tables[step.source].schema.name]))
            found += asked
    return found


def _estimate(
    plan: Plan, sizes: Mapping[str, int], counts: IndexCounts | None
) -> Sequence[int]:
    found: list[int] = []
    combinations = 1
    for step in plan.steps:
        size = sizes[plan.query.sources[step.source].schema.name]
        counted = None if counts is None else counts.of(plan, step)
        looked_at = _rows_of(step, size) if counted is None else counted
        combinations *= looked_at
        found.append(max(size, combinations) if step.is_hashed else combinations)
    return found


def at_most(plan: AnyPlan, sizes: Mapping[str, int]) -> int:
    """Give how many rows a plan looks at, in all, if everything is at its worst.

    Args:
        plan: The plan.
        sizes: Name of each table → number of its rows.
    """
    if not isinstance(plan, Plan):
        return sum([at_most(part, sizes) for part in plan.plans])
    found, combinations = 0, 1
    for step in plan.all_steps:
        if not step.finds_one:
            combinations *= sizes[plan.query.tables[step.source].schema.name]
        found += combinations
    return found


def comparing_steps(plan: AnyPlan) -> int:
    """Give how many steps of a join compare what they are given with row by row.

    No column of theirs is equal to anything, so there is nothing to look up.
    """
    if not isinstance(plan, Plan):
        return sum(map(comparing_steps, plan.plans))
    return sum([not step.equal for step in plan.steps[1:]])


def _rows_of(step: Step, size: int) -> int:
    if step.path is None:
        return size
    values = math.prod([len(each) for each in step.equal])
    if len(step.equal) == len(step.path.columns):
        one = 1 if step.path.is_unique else math.isqrt(size)
    elif step.equal and step.span is not None:
        one = size // 10
    else:
        one = size // 4
    return min(size, values * max(one, 1))
