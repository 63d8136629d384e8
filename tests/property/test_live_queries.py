"""Live queries against a judge that knows no increments, over random histories.

**Strategy**: histories are drawn from fixed numbers (`tests.support.live_histories`):
small tables with few values, some tens of queries at once, transactions that insert,
change, exchange and put back, and that roll back or are refused at the end; callbacks
that commit, subscribe, close and raise in their turn. `tests.support.live_driver` runs
them and judges each commit by a naive evaluator of whole queries; where sqlite3 means
the same, by sqlite3 too. The nightly profile draws from numbers of its own.

**Invariants**: I1 to I4 and I6 to I9, as the driver lists them. Besides, a run has come
by all that `COVERED` names: what was not hit was not tested.

A failure names seed and step; `run(draw(seed, sort))` repeats it, and `shortened` makes
it short.
"""

import os
import random
from collections import Counter
from typing import Any

import attrs
import pytest

from qsdb.live.operators import Template
from tests.support.live_driver import COVERED, run
from tests.support.live_histories import (
    Close,
    Commit,
    History,
    Watch,
    draw,
    shortened,
)
from tests.support.live_queries import Question
from tests.support.live_schemas import LARGE, ColumnSpec, TableSpec

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"

SEEDS = range(900)
SHARED_SEEDS = range(75)
LARGE_SEEDS = range(30)
NARROW_SEEDS = range(50)
NIGHTLY_FACTOR = 4


def seeds_of(seeds: range) -> list[int]:
    """Give the fixed numbers; in the nightly profile many more, other ones each day."""
    if not IS_NIGHTLY:
        return [*seeds]
    draw_seed = random.SystemRandom().randrange
    return [draw_seed(1 << 32) for _ in range(len(seeds) * NIGHTLY_FACTOR)]


@pytest.mark.slow
def test_what_is_told_adds_up() -> None:
    seen: Counter[str] = Counter()
    transactions = sum([run(draw(seed), seen) for seed in seeds_of(SEEDS)])

    assert {name for name in COVERED if not seen[name]} == set()
    assert transactions >= 50_000


@pytest.mark.slow
def test_sqlite3_says_the_same() -> None:
    seen: Counter[str] = Counter()
    for seed in seeds_of(SHARED_SEEDS):
        run(draw(seed, "shared"), seen)

    assert seen["judged by sqlite3"] > 10_000


@pytest.mark.slow
def test_hundreds_of_rows_and_values() -> None:
    seen: Counter[str] = Counter()
    for seed in seeds_of(LARGE_SEEDS):
        run(draw(seed, "large", 40), seen)

    assert seen["passed over: table value"] > 0
    assert seen["looked at: table value"] > 0


@pytest.mark.slow
def test_rows_that_never_met_may_have_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: Counter[str] = Counter()
    change_whole = Template._change_whole

    def counted(*args: Any) -> Any:
        difference = change_whole(*args)
        seen["never met"] += 1
        return difference

    monkeypatch.setattr(Template, "_change_whole", counted)
    for seed in seeds_of(NARROW_SEEDS):
        run(draw(seed, "narrow"), seen)

    assert seen["failed"] > 0
    assert seen["never met"] > 0


# The harness itself.


TABLE = TableSpec(
    "t0", tuple([ColumnSpec(name, LARGE[0]) for name in ("c0", "c1")]), (0,), (), ()
)
EVERYTHING = Question(("t0",), (), None, 0, {})


def a_history(*steps: Commit | Watch | Close) -> History:
    return History(0, "any", (TABLE,), steps)


def test_a_history_is_the_same_each_time() -> None:
    assert repr(draw(5)) == repr(draw(5))
    assert repr(draw(5)) != repr(draw(6))


def test_a_history_is_made_short() -> None:
    needed = ("insert", "t0", (7, 7))
    others = [("insert", "t0", (number, 0)) for number in range(5)]
    history = a_history(
        Commit((*others, needed)), Commit((others[0],)), Watch("w", "", EVERYTHING)
    )

    def fails(tried: History) -> bool:
        return any(
            isinstance(step, Commit) and needed in step.operations
            for step in tried.steps
        )

    assert shortened(history, fails) == a_history(Commit((needed,)))


def test_a_step_that_fails_is_named() -> None:
    wrong = attrs.evolve(EVERYTHING, tables=("t1",))
    history = a_history(Commit(()), Watch("w0", "SELECT * FROM t1", wrong))

    with pytest.raises(AssertionError, match=r"seed 0 \(any\), step 1 of 2, Watch"):
        run(history)
