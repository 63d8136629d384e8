"""What is due is run once, whenever the power fails.

**Strategy**: a database with timers is run through a minute on a simulated disk. Before
each call that changes the disk, and in the middle of each write, images are taken of
what the disk may be if the power fails just then (`tests.support.disks`). Each image is
opened, as the process that comes after it would, and run to the end of the minute.

**Invariants**, for each image:

1. A row of a time is there and has not run, or is gone and has run once.
2. An interval has run as often as it was due before its next time, and at those times.
3. At the end all has been run that would have been without the failure, once each.
"""

import random
from collections import Counter

import pytest

import qsdb
from qsdb import ScheduleAt, TimeDuration, Timestamp, u64
from qsdb.files import Directory
from qsdb.testing import FakeClock, Policy, SimulatedDirectory
from tests.support.disks import WatchedDirectory, image_of
from tests.support.hoard import abandon
from tests.unit.runtime.ledger import QUIET

pytestmark = pytest.mark.slow

START = Timestamp.parse("2026-11-25T12:00:00Z")

minute = qsdb.Module("minute")


class Alarm(qsdb.Row, module=minute, scheduled="ring", missed="all", retry=1):
    id: u64 = qsdb.primary_key(auto_inc=True)
    at: ScheduleAt
    note: str


class Rung(qsdb.Row, module=minute):
    id: u64 = qsdb.primary_key(auto_inc=True)
    note: str


@minute.reducer
def ring(ctx: qsdb.ReducerContext, alarm: Alarm) -> None:
    ctx.db[Rung].insert(Rung(alarm.note))
    if alarm.note == "bad":
        raise ValueError(alarm.note)


POLICIES: tuple[Policy, ...] = ("kept", "dropped", "torn")
TIMES = {"early": 15, "bad": 25, "late": 35}
INTERVAL = 10
ENDS = {"early": 1, "late": 1, "tick": 6}


def after(span: float) -> Timestamp:
    return START + TimeDuration.from_seconds(span)


def opened(disk: Directory, clock: FakeClock) -> qsdb.Database:
    return qsdb.Database(
        minute, disk, clock=clock, durability="always", options=QUIET, seed=1
    )


def filled(db: qsdb.Database) -> None:
    with db.write() as tx:
        every = ScheduleAt.interval(TimeDuration.from_seconds(INTERVAL))
        tx[Alarm].insert(Alarm(every, "tick"))
        for note, span in TIMES.items():
            tx[Alarm].insert(Alarm(ScheduleAt.time(after(span)), note))


def run_to(db: qsdb.Database, clock: FakeClock, span: float) -> None:
    clock.set(after(span))
    while db.run_due():
        pass


def rung(db: qsdb.Database) -> Counter[str]:
    return Counter([row.note for row in db.sql("SELECT note FROM rung")])


class Judge:
    """Opens images, and runs them to their end."""

    def __init__(self) -> None:
        self.found: Counter[tuple[tuple[str, int], ...]] = Counter()

    def judge(self, disk: SimulatedDirectory, now: Timestamp) -> None:
        clock = FakeClock(now)
        try:
            db = opened(disk, clock)
        except BaseException:
            print(f"at {now}")
            raise
        alarms = {row.note: row for row in db.sql("SELECT * FROM alarm")}
        runs = rung(db)
        self.found[tuple(sorted(runs.items()))] += 1
        db.check()
        if "tick" in alarms:
            for note in TIMES:
                expected = 0 if note in alarms or note == "bad" else 1
                assert runs[note] == expected, note
            [timer] = [
                each
                for each in db.sql("SELECT * FROM st_timer")
                if each.scheduled_id == alarms["tick"].id
            ]
            due = (timer.due - START).micros // 1_000_000
            assert due == INTERVAL * (runs["tick"] + 1)
            run_to(db, clock, 60)
            assert rung(db) == ENDS
        else:
            assert not alarms
            assert not runs
        db.close()


@pytest.mark.parametrize("seed", [1])
def test_each_run_happens_once(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("CRITICAL", "qsdb.minute.scheduler")
    judge, disk, clock = Judge(), SimulatedDirectory(), FakeClock(START)
    count = 0

    def look(_: object) -> None:
        nonlocal count
        count += 1
        policy = POLICIES[count % 3]
        rng = random.Random(f"{seed}/{count}")
        judge.judge(image_of(disk, rng, policy), clock.now())

    db = opened(WatchedDirectory(disk, look), clock)
    filled(db)
    for span in (12, 33, 34, 60):
        run_to(db, clock, span)
    assert rung(db) == ENDS
    look(None)
    abandon(db)

    print(f"{count} images, {len(judge.found)} states")
    assert count > 50
    assert len(judge.found) == 9
