"""Power loss at every moment: what was promised is there, and nothing is half there.

**Strategy**: a seeded workload runs on a simulated disk with tiny segments. Before
each change of the disk, and in each write, the power may fail; what it may leave is
drawn several times, or enumerated. Each image is opened, verified, gone on with, and
opened again. Recovery is watched in the same way, and what it leaves, too. *Lives*
go on from one crash to the next.

**Invariants** (`History.check`):

1. The state is that of one offset: all tables, sequences and indexes.
2. That offset is not before the last one that a call or `durable_offset` promised.
3. The next commit works, gets numbers that were never given, and is there again.
"""

import random

import pytest

from qsdb.testing import (
    Call,
    Crash,
    FaultyDirectory,
    Policy,
    SimulatedCrash,
    SimulatedDirectory,
    once,
)
from tests.conftest import _PROFILE
from tests.faults.watching import Judge, watched
from tests.support.disks import (
    POLICIES,
    WatchedDirectory,
    every_image,
    image_of,
    refuse_to_sync_a_part,
    settle,
)
from tests.support.hoard import History, Step, abandon, open_hoard

pytestmark = pytest.mark.slow

IS_NIGHTLY = _PROFILE == "nightly"
STEPS_COUNT = 100 if IS_NIGHTLY else 40
LIVES_COUNT = 20_000 if IS_NIGHTLY else 10_000
CRASHES_MAX = 10
DIFFERENT: tuple[Policy, ...] = ("dropped", "torn", "garbage", "kept")
DURABILITIES = ("always", "interval", "os")


@pytest.fixture(autouse=True)
def _no_part_is_synced_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    refuse_to_sync_a_part(monkeypatch)


@pytest.mark.parametrize("durability", DURABILITIES)
def test_the_power_may_fail_at_any_moment(durability: str) -> None:
    seed, disk, history = 1, SimulatedDirectory(), History(durability)
    judge = Judge(history)
    files = watched(disk, judge, seed)
    db = history.open(files)
    history.run_many(db, random.Random(seed), STEPS_COUNT)
    db.close()
    history.acked = db.offset
    files.look(Call("close", "", disk))
    print(f"{judge.images_count} images, {len(judge.found)} different")
    assert len(judge.found) > 10
    assert max(judge.found.values()) == db.offset


class Recoveries:
    """Watches recoveries, and the recoveries of what is left of these."""

    def __init__(self, judge: Judge, seed: int, depth_max: int = 3) -> None:
        self.judge, self.seed, self.depth_max = judge, seed, depth_max
        self.counts = [0] * (depth_max + 1)

    def look(self, disk: SimulatedDirectory, depth: int = 0) -> None:
        """Judge images of now, and watch how each is recovered."""
        policies: tuple[Policy, ...] = ("torn",) if depth > 1 else DIFFERENT
        for policy in policies:
            self.counts[depth] += 1
            name = f"{self.seed}/{depth}/{self.counts[depth]}"
            if not self.judge.judge(image_of(disk, random.Random(name), policy)):
                continue
            if depth < self.depth_max:
                self.recover(image_of(disk, random.Random(name), policy), depth + 1)

    def recover(self, disk: SimulatedDirectory, depth: int) -> None:
        files = WatchedDirectory(disk, lambda _: self.look(disk, depth))
        open_hoard(files, self.judge.history.durability).close()


@pytest.mark.parametrize("seed", range(20 if IS_NIGHTLY else 1))
def test_the_power_may_fail_in_recovery_too(seed: int) -> None:
    rng, disk, history = random.Random(seed), SimulatedDirectory(), History("interval")
    judge = Judge(history)
    recoveries = Recoveries(judge, seed)
    is_looking = False

    def look(_: Call) -> None:
        if is_looking:
            recoveries.look(disk)

    db = history.open(WatchedDirectory(disk, look))
    history.run_many(db, rng, 8)
    history.run(db, Step("block", (("stock", ("z", 9, seed)),)))  # to be written
    is_looking = True
    history.run(db, Step("wait_durable"))
    abandon(db)
    print(f"images by depth: {recoveries.counts}, {len(judge.found)} different")
    assert all(recoveries.counts)


def live(seed: int, crashes_max: int = CRASHES_MAX) -> History:
    """Live through some crashes, each followed by what the last one has left."""
    rng, disk = random.Random(seed), SimulatedDirectory()
    history = History(rng.choice(DURABILITIES))
    for _ in range(rng.randint(1, crashes_max)):
        crash = Crash(rng.choice(("before", "during", "after")))
        files = FaultyDirectory(disk, once(rng.randrange(120), crash))
        db = None
        try:
            db = history.reopen(files)
            history.run_many(db, rng, 12)
            db.close()
            history.acked = db.offset
        except SimulatedCrash:
            pass
        if db is not None:
            abandon(db)
        is_kill = rng.random() < 0.3
        disk = disk.kill() if is_kill else disk.crash(rng, rng.choice(POLICIES))
    history.check(disk, goes_on=IS_NIGHTLY or seed % 4 == 0)
    return history


@pytest.mark.parametrize("thousand", range(LIVES_COUNT // 1000))
def test_a_life_goes_on_after_each_crash(thousand: int) -> None:
    first = 1000 * thousand
    if IS_NIGHTLY:
        first = random.SystemRandom().getrandbits(32)
    live_many(range(first, first + 1000))


def live_many(seeds: range) -> None:
    commits_count = 0
    for seed in seeds:
        try:
            commits_count += live(seed).submitted
        except BaseException:
            print(f"live({seed})")
            raise
    assert commits_count > 5 * len(seeds)


def test_every_image_of_a_commit_and_of_a_new_segment() -> None:
    disk, history = SimulatedDirectory(), History()
    judge = Judge(history)
    is_looking = False

    def look(_: Call) -> None:
        if is_looking:
            for image in every_image(disk):
                judge.judge(image)

    db = history.open(WatchedDirectory(disk, look))
    for number in range(20):
        settle(disk)
        is_looking = True
        history.run(db, Step("block", (("stock", ("a", 1, number)),)))
        is_looking = False
        if len(disk.list("log")) > 1:
            break
    abandon(db)
    print(f"{judge.images_count} images, {len(judge.found)} different")
    assert len(disk.list("log")) == 2
    assert len(judge.found) > 20
