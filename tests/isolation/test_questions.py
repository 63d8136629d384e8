"""Questions in SQL beside each change, and histories of them that sqlite3 replays.

**Strategy**: each question of `tests.support.questions` is asked in a transaction while
each change of one row, of each of its tables, is committed beside it. Two transactions
that each ask one and change rows are run in all orders of their steps. And a seeded
scheduler runs histories of three clients, whose transactions ask these questions and
change rows by statements with questions in them; in the nightly profile with another
seed each time.

**Invariants**:

1. Who commits was told what is so at its commit; also when all that has committed is
   run by sqlite3, one after the other: each answer, each number of changed rows, and
   the rows at the end.
2. Nobody is refused if no row has changed of which the answer may depend.
"""

import itertools
import os
import random
from collections import Counter

import pytest

from tests.support.questions import (
    PAIRS,
    QUESTIONS,
    Feast,
    draw_programs,
    history_faults,
    run_history,
    run_order,
)

pytestmark = pytest.mark.slow

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"

STATEMENTS_COUNT = 50_000 if IS_NIGHTLY else 4_000


PAIRS_COUNT = 1_000 if IS_NIGHTLY else 30


def seed_of_this_run() -> int:
    return random.getrandbits(32) if IS_NIGHTLY else 20261126


@pytest.mark.parametrize("number", range(len(QUESTIONS)))
def test_a_question_beside_each_change(number: int) -> None:
    question, bench = QUESTIONS[number], Feast()
    for pairs in PAIRS:
        assert [*bench.faults(question, *pairs)][:5] == []
    bench.db.check()

    assert bench.commits > 10
    assert bench.conflicts > 3


def test_every_order_of_two_transactions() -> None:
    """Each asks a question and changes rows, in all 20 orders of their steps."""
    seed = seed_of_this_run()
    chance, bench = random.Random(seed), Feast()
    orders = sorted(set(itertools.permutations((0, 0, 0, 1, 1, 1))))
    endings: Counter[int] = Counter()
    for _ in range(PAIRS_COUNT):
        programs = draw_programs(chance)
        for order in orders:
            history = run_order(bench, programs, order)
            endings[history.refused] += 1

            assert [*history_faults(history)] == [], f"{seed} {programs} {order}"
    bench.db.check()
    print(f"seed {seed}: {endings}")

    assert endings.keys() == {0, 1}
    assert min(endings.values()) > PAIRS_COUNT


def test_a_history_is_that_of_its_commits() -> None:
    seed = seed_of_this_run()
    print(f"seed {seed}")
    history = run_history(random.Random(seed), STATEMENTS_COUNT)
    history.db.check()
    print(f"{len(history.committed)} {history.beside} {history.refused}")

    assert [*history_faults(history)][:5] == []
    assert history.beside > STATEMENTS_COUNT // 100
    assert history.refused > STATEMENTS_COUNT // 100
