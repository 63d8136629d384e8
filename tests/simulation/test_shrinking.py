"""A run that finds something is made short, and shown by one command."""

import subprocess
import sys

import pytest

from tests.simulation.__main__ import described, shown
from tests.simulation.bugs import BUGS
from tests.simulation.fine import planting
from tests.simulation.plans import Plan, draw
from tests.simulation.runs import run
from tests.simulation.shrinking import shrunk
from tests.support.mutants import planted

pytestmark = pytest.mark.slow


def test_a_plan_is_left_with_what_is_needed() -> None:
    plan = draw(3)
    numbers = [each.number for each in plan.interactions()]
    needed = {numbers[0], numbers[-1]}

    def is_bad(plan: Plan) -> bool:
        return needed <= {each.number for each in plan.interactions()}

    left = shrunk(plan, is_bad)
    assert {each.number for each in left.interactions()} == needed


def test_a_planted_bug_is_shown_on_a_page() -> None:
    bug = BUGS["a savepoint undoes nothing"]
    with planted(bug), planting(bug):
        plan = next(plan for plan in map(draw, range(500)) if run(plan).error)
        before = len([*plan.interactions()])
        left = shrunk(plan)
        outcome = run(left)
    count = len([*left.interactions()])
    assert 0 < count <= min(before, 4)
    page = described(left) + shown(outcome)
    assert "nested" in page
    assert "FindingError" in page


def test_a_seed_is_shown_by_one_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.simulation", "1"],
        capture_output=True,
        text=True,
        timeout=250,
        check=True,
    )
    assert done.stdout.startswith("seed 1, ")
    assert done.stdout.endswith("nothing is wrong\n")
