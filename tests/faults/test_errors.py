"""Disks that fill up and fail: a transaction is undone, or the database stops.

**Strategy**: a workload is run once to count its calls of the disk. Then it is run
for each of them again with an error of that call, alone or with all later ones of
the kinds that would fail too, and goes on as far as the database lets it. Then the
fault is gone, and what is there is opened: after a killed process, and after power
loss.

**Invariants**:

1. A `DiskFull` has undone its transaction and nothing else, and with room there
   again the next one works.
2. After a `FailedError` nothing is promised any more, nothing is written, and no
   file of the log is synced.
3. What was promised is there (`History.check`), whatever failed.
4. No other errors than these and `StorageError`, where a database is opened or a
   snapshot taken.
"""

import errno
import random
from collections.abc import Callable
from typing import NamedTuple

import pytest

import qsdb
from qsdb.log.segments import LOG_DIRECTORY
from qsdb.testing import (
    Call,
    Fail,
    FailSync,
    Fault,
    FaultyDirectory,
    Plan,
    Policy,
    Short,
    SimulatedDirectory,
    TracedDirectory,
    once,
    since,
)
from tests.conftest import _PROFILE
from tests.support.disks import CHANGES, image_of
from tests.support.hoard import History, Step, abandon, draw_step, open_hoard

pytestmark = pytest.mark.slow

IS_NIGHTLY = _PROFILE == "nightly"
STEPS_COUNT = 24 if IS_NIGHTLY else 14
STRIDE = 1 if IS_NIGHTLY else 2
"""One call in so many is made to fail."""

NEEDS_ROOM = frozenset(
    {"write", "allocate", "create", "rename", "make_directory", "sync", "lock"}
)
READS = frozenset({"size", "read", "exists", "list", "open", "lock"})
SYNCS = frozenset({"sync", "sync_directory"})
POLICIES: tuple[Policy, ...] = ("dropped", "torn", "garbage")


class Outcome(NamedTuple):
    """What became of a workload."""

    is_failed: bool
    refused_count: int
    """How many steps ended with `DiskFull`."""
    errors_count: int
    """How many ended with another `StorageError`, of an opening or a snapshot."""


class Trial:
    """One workload on a disk with a fault."""

    def __init__(
        self, seed: int, plan: Plan | None, durability: str = "always"
    ) -> None:
        self.disk, self.history = SimulatedDirectory(), History(durability)
        self.traced = TracedDirectory(self.disk)
        self.files = FaultyDirectory(self.traced, plan)
        self.seed = seed
        self.refused_count = self.errors_count = 0
        self.failed_at: int | None = None
        """How many calls there were when the database failed."""

    def run(self) -> Outcome:
        """Do the workload, and verify what is left."""
        rng = random.Random(self.seed)
        try:
            db = self.history.open(self.files)
        except qsdb.StorageError:
            self.errors_count += 1
        else:
            self.run_steps(db, rng)
            self.files.plan = None
            self.end(db, rng)
            abandon(db)
        self.files.plan = None
        for policy in POLICIES:
            self.history.check(image_of(self.disk, rng, policy))
        self.history.check(self.disk.kill())
        return Outcome(
            self.failed_at is not None, self.refused_count, self.errors_count
        )

    def run_steps(self, db: qsdb.Database, rng: random.Random) -> None:
        for number in range(STEPS_COUNT):
            if number == STEPS_COUNT - 4:
                self.files.plan = None  # from now on there is room again
            step = draw_step(rng, self.history.models[db.offset])
            self.step(db, step)
            if self.failed_at is not None:
                return

    def step(self, db: qsdb.Database, step: Step) -> None:
        """Do a step, which may end in any of the ways that it is allowed to."""
        try:
            self.history.run(db, step)
        except qsdb.DiskFull:
            self.refused_count += 1
            self.history.check_open(db)
        except qsdb.FailedError:
            self.failed_at = len(self.traced.calls)
        except qsdb.StorageError:
            assert step.kind in ("snapshot", "compact"), step
            self.errors_count += 1
            self.history.check_open(db)

    def end(self, db: qsdb.Database, rng: random.Random) -> None:
        """Close the database; one that failed stays so."""
        if self.failed_at is None:
            self.history.run_many(db, rng, 3)
            db.close()
            self.history.acked = db.offset
            return
        acked = db.durable_offset
        for _ in range(2):
            with pytest.raises(qsdb.FailedError):
                history = self.history.models[:]
                with db.write() as tx:
                    tx.table("item").clear()
            assert history == self.history.models
        try:
            db.close()
        except qsdb.FailedError:
            pass
        db.close()
        assert db.durable_offset == acked
        for call in self.traced.calls[self.failed_at :]:
            is_log = call.name.startswith(LOG_DIRECTORY)
            assert not (is_log and call.operation in CHANGES), call


def calls_of(durability: str) -> list[Call]:
    """Give the calls of the workload when nothing fails."""
    trial = Trial(1, None, durability)
    trial.run()
    return trial.traced.calls


def run_trials(
    durability: str, operations: frozenset[str], plan_of: Callable[[Call], Plan]
) -> list[Outcome]:
    """Run the workload once for each call of some operations, with a fault there."""
    calls = [call for call in calls_of(durability) if call.operation in operations]
    assert len(calls) > 3, operations
    outcomes = []
    for call in calls[::STRIDE]:
        try:
            outcomes.append(Trial(1, plan_of(call), durability).run())
        except BaseException:
            print(f"{durability}, call {call.number}: {call.operation} {call.name}")
            raise
    return outcomes


durabilities = pytest.mark.parametrize("durability", ["always", "interval"])


@durabilities
def test_a_disk_that_is_full_for_one_call(durability: str) -> None:
    fault = Fail(errno.ENOSPC, written=7)
    outcomes = run_trials(durability, NEEDS_ROOM, lambda call: once(call.number, fault))
    assert any(each.refused_count for each in outcomes)
    assert any(each.is_failed for each in outcomes)


@durabilities
def test_a_disk_that_is_full_for_a_while(durability: str) -> None:
    fault = Fail(errno.ENOSPC, written=7)
    outcomes = run_trials(
        durability,
        frozenset({"allocate", "create"}),
        lambda call: since(call.number, fault, NEEDS_ROOM),
    )
    assert any(each.refused_count > 1 for each in outcomes)


@durabilities
def test_a_quota_is_a_full_disk(durability: str) -> None:
    fault = Fail(errno.EDQUOT)
    outcomes = run_trials(
        durability,
        frozenset({"allocate", "create"}),
        lambda call: since(call.number, fault, frozenset({"allocate", "create"})),
    )
    assert not any(each.is_failed for each in outcomes)


@durabilities
@pytest.mark.parametrize("is_lasting", [False, True])
def test_a_disk_that_fails(durability: str, *, is_lasting: bool) -> None:
    fault = Fail(errno.EIO, written=3)
    outcomes = run_trials(
        durability,
        CHANGES - {"remove_directory"} | READS,
        lambda call: (
            since(call.number, fault, CHANGES | READS)
            if is_lasting
            else once(call.number, fault)
        ),
    )
    assert any(each.is_failed for each in outcomes)


@durabilities
def test_a_sync_that_fails_and_takes_all_for_synced(durability: str) -> None:
    fault = FailSync(errno.EIO)
    outcomes = run_trials(durability, SYNCS, lambda call: once(call.number, fault))
    assert any(each.is_failed for each in outcomes)


@durabilities
def test_writes_that_take_a_few_bytes_only(durability: str) -> None:
    outcomes = run_trials(
        durability,
        frozenset({"write"}),
        lambda call: since(call.number, Short(1 + call.number % 40), {"write"}),
    )
    assert not any(each.is_failed or each.refused_count for each in outcomes)


OTHERS = (errno.EINTR, errno.EAGAIN, errno.EROFS, errno.EMFILE, errno.EACCES)


@pytest.mark.parametrize("code", OTHERS, ids=errno.errorcode.get)
def test_other_errors(code: int) -> None:
    """What the system may say besides; each is as final as any."""
    fault: Fault = Fail(code, written=5)
    calls = CHANGES - {"remove_directory"} | {"open", "lock"}
    seed = OTHERS.index(code)
    outcomes = run_trials(
        "always",
        calls,
        lambda call: once(call.number + (0 if IS_NIGHTLY else seed % 3), fault),
    )
    assert any(each.is_failed for each in outcomes)


def test_a_full_disk_undoes_one_transaction_and_the_next_one_works() -> None:
    files = FaultyDirectory(SimulatedDirectory())
    history = History()
    db = history.open(files)
    history.run_many(db, random.Random(1), 5)
    files.plan = since(0, Fail(errno.ENOSPC), frozenset({"allocate", "create"}))
    large = Step("block", (("write", ("page 9", bytes(3000), ())),))
    for _ in range(3):
        with pytest.raises(qsdb.DiskFull, match=r"\d\.log"):
            history.run(db, large)
        history.check_open(db)
    files.plan = None
    history.run(db, large)
    db.close()
    history.check(files)


def test_closing_says_that_commits_are_lost_once() -> None:
    files = FaultyDirectory(SimulatedDirectory())
    history = History("interval")
    db = history.open(files)
    history.run(db, Step("block", (("stock", ("a", 1, 1)),)))
    files.plan = since(0, Fail(errno.EIO), {"write"})
    with pytest.raises(qsdb.FailedError, match="EIO"):
        db.wait_durable()
    with pytest.raises(qsdb.FailedError, match="EIO"):
        db.close()
    db.close()
    files.plan = None
    open_hoard(files).close()  # the directory was given up


def test_closing_on_a_full_disk_writes_no_mark() -> None:
    disk = SimulatedDirectory()
    files = FaultyDirectory(disk)
    history = History()
    db = history.open(files)
    history.run_many(db, random.Random(1), 5)
    files.plan = since(0, Fail(errno.ENOSPC), {"write"})
    db.close()
    history.check(disk)


@pytest.mark.parametrize("operation", ["truncate", "sync"])
def test_an_error_at_the_end_of_closing_is_told(operation: str) -> None:
    files = FaultyDirectory(SimulatedDirectory())
    history = History()
    db = history.open(files)
    files.plan = since(0, Fail(errno.EIO), {operation})
    with pytest.raises(qsdb.FailedError, match="EIO"):
        db.close()
    abandon(db)
    files.plan = None
    open_hoard(files).close()
