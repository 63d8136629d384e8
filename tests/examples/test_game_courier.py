"""Messages between databases, each of which may lose its last commits."""

import itertools
import os
import random
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

import qsdb
from examples.qsbridge.game.courier import OutboxSetBackError
from qsdb.testing import Policy, SimulatedCrash
from tests.examples.two_disks import Forgetful, Sleepless, TwoDisks

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"
POLICIES: tuple[Policy, ...] = (
    ("kept", "dropped", "torn", "garbage") if IS_NIGHTLY else ("kept", "dropped")
)
STRIDE = 1 if IS_NIGHTLY else 29
"""Of so many crashes one is tried; a prime, so that all sorts are."""

Make = Callable[[], TwoDisks]
Fates = tuple[Policy, Policy]


def work(disks: TwoDisks) -> None:
    """Post messages and bring them: one, then two, then one that is not brought."""
    disks.report()
    disks.courier.carry()
    disks.report()
    disks.report()
    disks.courier.carry()
    disks.report()
    disks.game.wait_durable()


def crash_and_go_on(make: Make, step: int, fates: Fates) -> None:
    """Die at a step, begin again, die once more, and compare."""
    disks = make()
    disks.steps.last = step
    rng = random.Random(step)
    try:
        with pytest.raises(SimulatedCrash):
            work(disks)
        disks.lose_power(rng, *fates)
        disks.report()
        disks.courier.carry()
        disks.check_settled()
        disks.report()
        disks.lose_power(rng, *fates)
        disks.report()
        disks.check_settled()
    finally:
        disks.abandon()


def crashes(make: Make) -> list[tuple[int, Fates]]:
    """Give each step of `work`, with each fate of both disks."""
    disks = make()
    work(disks)
    disks.abandon()
    steps = range(1, disks.steps.passed + 1)
    return [*itertools.product(steps, itertools.product(POLICIES, POLICIES))]


@pytest.mark.slow
def test_each_message_is_in_effect_once_whenever_the_process_dies() -> None:
    for step, fates in crashes(TwoDisks)[::STRIDE]:
        crash_and_go_on(TwoDisks, step, fates)


FAULTS: dict[str, Make] = {
    "does not wait for the game's disk": lambda: TwoDisks(game_like=Sleepless),
    "does not wait for the platform's": lambda: TwoDisks(platform_like=Sleepless),
    "takes each message for new": lambda: TwoDisks(platform_like=Forgetful),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_found_by_some_crash(name: str) -> None:
    make = FAULTS[name]

    with pytest.raises((AssertionError, qsdb.ReducerError, OutboxSetBackError)):
        for step, fates in crashes(make)[::-3]:
            crash_and_go_on(make, step, fates)


FATES = st.sampled_from((None, *POLICIES))
ACTS = st.one_of(
    st.tuples(st.sampled_from(("report", "flush game", "flush platform"))),
    st.tuples(st.just("carry"), st.integers(1, 40), FATES, FATES),
    st.tuples(st.just("crash"), FATES, FATES),
)


@pytest.mark.slow
@hypothesis.settings(max_examples=300 if IS_NIGHTLY else 10)
@hypothesis.given(st.lists(ACTS, max_size=12), st.randoms(use_true_random=False))
def test_databases_that_die_together_or_alone_agree_in_the_end(
    acts: list[tuple[Any, ...]], rng: random.Random
) -> None:
    disks = TwoDisks()
    try:
        for name, *details in acts:
            disks.do(name, details, rng)
            disks.check_never_ahead()
        disks.check_settled()
    finally:
        disks.abandon()
