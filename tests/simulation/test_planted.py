"""The simulation notices planted bugs of the engine.

**Strategy**: plant one bug at a time (`bugs`), and live through seeds until one finds
something; each test says how many that took. For each push those are planted that are
noticed soonest; before a release all are.

**Invariants**: each planted bug is found within `SEEDS_MAX` seeds, which is less than
the long tier runs; without one nothing is found, which `test_seeds.py` shows.
"""

import gc

import attrs
import pytest

from tests.conftest import _PROFILE
from tests.simulation.bugs import (
    BETWEEN_STATEMENTS,
    BUGS,
    MAKE_CODE,
    RARELY_NOTICED,
)
from tests.simulation.fine import planting
from tests.simulation.plans import draw
from tests.simulation.runs import run
from tests.simulation.town import edition
from tests.support.mutants import Mutant, planted

pytestmark = [
    pytest.mark.slow,
    # What a bug leaves half done is closed by the collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

IS_NIGHTLY = _PROFILE == "nightly"
SEEDS_MAX = 20_000
EVERY_PUSH = [name for name in BUGS if name not in RARELY_NOTICED]


def seeds_until_found(mutant: Mutant, *, makes_code: bool, is_fine: bool) -> int:
    """Live through seeds until something is found, and give how many that took.

    Raises:
        AssertionError: nothing was found.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        with planted(mutant), planting(mutant):
            if makes_code:
                edition.cache_clear()
            for seed in range(SEEDS_MAX):
                plan = draw(seed)
                if is_fine:
                    plan = attrs.evolve(plan, is_fine=True)
                if run(plan).error is not None:
                    return seed + 1
                if seed % 50 == 0:
                    gc.collect()
    finally:
        if makes_code:
            edition.cache_clear()
        gc.collect()
        if was_enabled:
            gc.enable()
    raise AssertionError(f"{SEEDS_MAX} seeds have not found it")


@pytest.mark.parametrize("name", BUGS if IS_NIGHTLY else EVERY_PUSH)
def test_a_planted_bug_is_found(name: str) -> None:
    count = seeds_until_found(
        BUGS[name], makes_code=name in MAKE_CODE, is_fine=name in BETWEEN_STATEMENTS
    )
    print(f"{count} seeds: {name}")


def test_there_are_enough_of_them() -> None:
    assert len(BUGS) >= 20
