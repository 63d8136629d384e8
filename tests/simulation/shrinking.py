"""Of a run that found something, the least that still finds it.

Interactions are left out, many at a time at first and one at a time in the end, as long
as something is found; then whole lives. What is left is not the very least, and short
enough to be read.
"""

from collections.abc import Callable

import attrs

from tests.simulation.plans import Plan
from tests.simulation.runs import run

__all__ = ["shrunk"]

RUNS_MAX = 600


def is_finding(plan: Plan) -> bool:
    """Whether a run of this plan finds something."""
    return run(plan).error is not None


def shrunk(plan: Plan, is_bad: Callable[[Plan], bool] = is_finding) -> Plan:
    """Give a plan with fewer interactions that is as bad.

    Args:
        plan: One that is.
        is_bad: Says whether a plan is.
    """
    left = [each.number for each in plan.interactions()]
    everything = frozenset(left)
    size, runs_count = max(1, len(left) // 2), 0
    while runs_count < RUNS_MAX:
        for start in range(0, len(left), size):
            kept = left[:start] + left[start + size :]
            runs_count += 1
            if is_bad(plan.without(everything - frozenset(kept))):
                left = kept
                break
        else:
            if size == 1:
                break
            size = max(1, size // 2)
    return _with_fewer_lives(plan.without(everything - frozenset(left)), is_bad)


def _with_fewer_lives(plan: Plan, is_bad: Callable[[Plan], bool]) -> Plan:
    for place in reversed(range(len(plan.lives) - 1)):
        lives = plan.lives[:place] + plan.lives[place + 1 :]
        fewer = attrs.evolve(plan, lives=lives)
        if is_bad(fewer):
            plan = fewer
    return plan
