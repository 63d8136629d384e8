"""The fixtures, in runs of pytest of their own."""

import re

import pytest

pytest_plugins = ["pytester"]

MODULE = """
import qsdb
from qsdb import ReducerContext, Timestamp, u64

till = qsdb.Module("till")

class Coin(qsdb.Row, module=till):
    id: u64 = qsdb.primary_key()

@till.reducer
def pay(ctx: ReducerContext, id: u64) -> int:
    ctx.db[Coin].insert(Coin(id))
    return ctx.random.getrandbits(64)

opened = []
"""


def run(pytester: pytest.Pytester, text: str, *options: str) -> pytest.RunResult:
    """Run tests beside the module, in this process."""
    pytester.makepyfile(MODULE + text)
    return pytester.runpytest_inprocess("-p", "qsdb.testing.plugin", "-s", *options)


def test_a_database_is_opened_and_closed(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
def test_one(qsdb_database, qsdb_clock):
    db = qsdb_database(till)
    opened.append(db)
    qsdb_clock.advance(2)
    with db.write() as tx:
        assert tx.timestamp == Timestamp.from_micros(2_000_000)
    db.call(pay, 7)
    opened.append(qsdb_database(till))
    opened[1].close()

def test_both_are_closed():
    import pytest
    for db in opened:
        with pytest.raises(qsdb.ClosedError):
            db.call(pay, 8)
""",
    )
    result.assert_outcomes(passed=2)


def test_one_that_is_broken_fails_its_test(pytester: pytest.Pytester) -> None:
    result = run(
        pytester,
        """
def test_one(qsdb_database):
    db = qsdb_database(till)
    opened.append(db)
    db.call(pay, 7)
    db._directory.by_name["coin"].rows[8] = (9,)

def test_it_is_closed():
    import pytest
    with pytest.raises(qsdb.ClosedError):
        opened[0].stats()
""",
    )
    result.assert_outcomes(passed=2, errors=1)
    result.stdout.fnmatch_lines(["*InternalError*"])


DRAW = """
def test_drawn(qsdb_database, qsdb_seed):
    print("seed", qsdb_seed, "drew", qsdb_database(till).call(pay, 7))
"""


def drawn(result: pytest.RunResult) -> tuple[int, int]:
    """Give the seed and what was drawn."""
    result.assert_outcomes(passed=1)
    found = re.search(r"seed (\d+) drew (\d+)", result.stdout.str())
    assert found is not None
    assert f"qsdb: --qsdb-seed={found[1]}" in result.stdout.str()
    return int(found[1]), int(found[2])


def test_a_run_can_be_repeated(pytester: pytest.Pytester) -> None:
    first = drawn(run(pytester, DRAW))
    assert drawn(run(pytester, DRAW, f"--qsdb-seed={first[0]}")) == first
    assert drawn(run(pytester, DRAW)) != first
    assert drawn(run(pytester, DRAW, "--qsdb-seed=5"))[0] == 5


def test_a_seed_is_a_number(pytester: pytest.Pytester) -> None:
    result = run(pytester, DRAW, "--qsdb-seed=soon")

    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*--qsdb-seed: invalid int value: 'soon'"])
