"""Each anomaly as a script, at both levels.

The scripts stand in `scripts/`, and `tests.support.schedules` says how they are read.
Sixteen are those of Hermitage (M. Kleppmann), the rest is more of what a database like
this one has: keys, numbers, ranges, modules, savepoints, subscriptions.
"""

from pathlib import Path

import pytest

from tests.support.schedules import LEVELS, Level, run_script, scripts_in

SCRIPTS = scripts_in(Path(__file__).parent / "scripts")

RANGES = ("range_phantoms", "moves_over_a_range")
"""Those that need the index."""

ALLOWED = {
    "g1c_circular_flow",
    "g2_predicate_write_skew",
    "g2_two_edges",
    "g2_write_skew",
}
"""The schedules of Hermitage that only the level serializable refuses."""


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_a_schedule(name: str, level: Level) -> None:
    run_script(SCRIPTS[name], level)


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", sorted(SCRIPTS.keys() - set(RANGES)))
def test_a_schedule_without_an_index(name: str, level: Level) -> None:
    run_script(SCRIPTS[name], level, has_index=False)


def test_there_are_56_cases() -> None:
    assert len(SCRIPTS) * len(LEVELS) == 56


def test_the_level_snapshot_shows_what_it_allows() -> None:
    """A level that refused as much as the other one would not have been set."""
    differ = {
        name
        for name, script in SCRIPTS.items()
        for step in script.steps
        if step.wanted == ("ok", "conflict")
    }

    assert differ >= ALLOWED
