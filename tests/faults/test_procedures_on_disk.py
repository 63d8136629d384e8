"""A scheduled procedure begins once at most, whenever the power fails.

**Strategy**: a database with timers of a procedure is run through a minute on a
simulated disk, with each durability whose commits do not wait for the disk. Before each
call that changes the disk, in the middle of each write, and before each procedure does
anything, images are taken of what the disk may be if the power fails just then. Each
image is opened, as the process that comes after it would, and run to the end of the
minute. What procedures do outside of the database is a list that no image takes back,
as a letter that was sent is not taken back by a crash.

**Invariants**, for each image, of what was begun before the failure and after it:

1. What was begun is noted on the disk: no time and no tick is begun twice.
2. At most one run is missing, that which was taken and not yet begun; right before a
   procedure does anything it is that one, since to be taken is on the disk then.
"""

import random
from collections import Counter
from collections.abc import Callable

import pytest

import qsdb
from qsdb import ScheduleAt, TimeDuration, Timestamp, u64
from qsdb.files import Directory
from qsdb.testing import Call, FakeClock, Policy, SimulatedDirectory
from tests.support.disks import WatchedDirectory, image_of
from tests.support.hoard import abandon
from tests.unit.runtime.ledger import QUIET

pytestmark = pytest.mark.slow

START = Timestamp.parse("2026-11-25T12:00:00Z")

post = qsdb.Module("post")


class Letter(qsdb.Row, module=post, scheduled="send", missed="all"):
    id: u64 = qsdb.primary_key(auto_inc=True)
    at: ScheduleAt
    to: str


class Receipt(qsdb.Row, module=post):
    id: u64 = qsdb.primary_key(auto_inc=True)
    to: str


sent: list[str] = []
"""The world outside."""

at_begin: list[Callable[[], object]] = []
"""What is done before anything is sent."""


@post.procedure
def send(ctx: qsdb.ProcedureContext, letter: Letter) -> None:
    for look in at_begin:
        look()
    sent.append(letter.to)
    with ctx.transaction() as tx:
        tx[Receipt].insert(Receipt(letter.to))


POLICIES: tuple[Policy, ...] = ("kept", "dropped", "torn")
TIMES = {"ann": 15, "bob": 35}
INTERVAL = 10
ENDS = Counter({"ann": 1, "bob": 1, "all": 6})


def after(span: float) -> Timestamp:
    return START + TimeDuration.from_seconds(span)


def opened(disk: Directory, clock: FakeClock, durability: str) -> qsdb.Database:
    return qsdb.Database(
        post, disk, clock=clock, durability=durability, options=QUIET, seed=1
    )


def filled(db: qsdb.Database) -> None:
    with db.write() as tx:
        every = ScheduleAt.interval(TimeDuration.from_seconds(INTERVAL))
        tx[Letter].insert(Letter(every, "all"))
        for to, span in TIMES.items():
            tx[Letter].insert(Letter(ScheduleAt.time(after(span)), to))
    db.wait_durable()


def run_to(db: qsdb.Database, clock: FakeClock, span: float) -> None:
    clock.set(after(span))
    while db.run_due():
        pass


def judge(disk: SimulatedDirectory, now: Timestamp, durability: str) -> int:
    """Run an image to its end, and give how many runs are missing."""
    before, hooks = [*sent], [*at_begin]
    at_begin.clear()
    clock = FakeClock(now)
    try:
        db = opened(disk, clock, durability)
        if not len(db.sql("SELECT * FROM letter")):  # it was not filled yet
            assert not before
            db.close()
            return 0
        run_to(db, clock, 60)
        db.check()
        db.close()
        found = Counter(sent)
        assert found <= ENDS, f"{before} before, {sent} in all"
        missing = (ENDS - found).total()
        assert missing <= 1, f"{before} before, {sent} in all"
        return missing
    finally:
        sent[:], at_begin[:] = before, hooks


@pytest.mark.parametrize("seed", [1])
@pytest.mark.parametrize("durability", ["interval", "os"])
def test_each_run_begins_once_at_most(durability: str, seed: int) -> None:
    disk, clock = SimulatedDirectory(), FakeClock(START)
    sent.clear()
    count = 0

    def look() -> int:
        nonlocal count
        count += 1
        policy = POLICIES[count % 3]
        rng = random.Random(f"{seed}/{count}")
        return judge(image_of(disk, rng, policy), clock.now(), durability)

    def watch(_: Call) -> None:
        look()

    losses: list[int] = []
    at_begin[:] = [lambda: losses.append(look())]
    db = opened(WatchedDirectory(disk, watch), clock, durability)
    filled(db)
    for span in (12, 33, 34, 60):
        run_to(db, clock, span)
    assert Counter(sent) == ENDS
    look()
    abandon(db)
    at_begin.clear()

    print(f"{count} images")
    assert count > 30
    assert losses == [1] * ENDS.total()
