"""A day of schedules against a twin that is a list.

**Strategy**: a fake clock is moved through a day in steps of random length, and now and
then back; between the steps rows come, go, and change, the database is closed and
opened again, and reducers fail. There are three scheduled tables, one for each policy
of `missed`; in some of the days they have procedures run, which are never tried again.
After each step `run_due` is called, and what was run is held against a
twin: a list of timers, gone through from the front until nothing is due. Seeds are
fixed; the nightly profile draws its own.

**Invariants**:

1. What is run, when, and in which order is what the twin says; each run happens once.
2. So is when each row is due next, also after reopening.
3. `check` finds nothing.
"""

import os
import random
from typing import Any

import attrs
import pytest

import qsdb
from qsdb import ScheduleAt, TimeDuration, Timestamp, u64
from qsdb.testing import FakeClock, SimulatedDirectory

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"

DAY = 86_400_000_000
SECOND = 1_000_000
POLICIES = ("one", "none", "all")
RETRY = {"one": 0, "none": 1, "all": 2}
TIMERS_MAX = 1_000 if IS_NIGHTLY else 60
SEEDS = (
    [random.SystemRandom().randrange(1 << 32) for _ in range(3)]
    if IS_NIGHTLY
    else [1, 2]
)

NO_RETRY = dict.fromkeys(POLICIES, 0)
"""For procedures."""

Run = tuple[str, int, int]
"""Policy, key of the row, and the time of its transaction."""


@attrs.define
class Timer:
    """One row, as the twin has it."""

    policy: str
    key: int
    interval: int | None
    due: int
    at: ScheduleAt | None = None
    failed: int = 0


class Twin:
    """A list of timers."""

    def __init__(self, retry: dict[str, int]) -> None:
        self.retry = retry
        self.timers: list[Timer] = []

    def run_due(self, now: int) -> list[Run]:
        """Give what is to be run, and move on."""
        found: list[Run] = []
        waiting = [each for each in self.timers if each.due <= now]
        while waiting:
            waiting.sort(
                key=lambda each: (each.due, POLICIES.index(each.policy), each.key)
            )
            timer = waiting.pop(0)
            due = timer.due
            if self.is_run(timer, now):
                found.append((timer.policy, timer.key, now))
                if fails(timer.key, due) and timer.failed < self.retry[timer.policy]:
                    timer.failed += 1
                    continue
            self.go_on(timer, now)
            if timer.policy == "all" and timer.interval and timer.due <= now:
                waiting.append(timer)
        return found

    def is_run(self, timer: Timer, now: int) -> bool:
        if timer.policy != "none" or timer.failed:
            return True
        last = timer.due
        while timer.interval and last + timer.interval <= now:
            last += timer.interval
        return now - last <= SECOND

    def go_on(self, timer: Timer, now: int) -> None:
        timer.failed = 0
        if not timer.interval:
            self.timers.remove(timer)
            return
        timer.due += timer.interval
        while timer.policy != "all" and timer.due <= now:
            timer.due += timer.interval


def place_of(timer: Timer) -> tuple[int, int, int]:
    """Say where a timer stands among those that are due."""
    return timer.due, POLICIES.index(timer.policy), timer.key


def fails(key: int, due: int) -> bool:
    """Whether a run fails: some do, and do so each time."""
    return (key * 7 + due // SECOND) % 29 == 0


class Alarm(qsdb.Row):
    id: u64 = qsdb.primary_key()
    at: ScheduleAt


class Day:
    """A database, its clock, and its twin."""

    def __init__(self, seed: int, *, has_procedures: bool) -> None:
        self.rng = random.Random(seed)
        self.has_procedures = has_procedures
        self.twin = Twin(NO_RETRY if has_procedures else RETRY)
        self.runs: list[Run] = []
        self.module = qsdb.Module("day")
        for policy in POLICIES:
            self.declare(policy)
        self.clock = FakeClock(Timestamp.from_micros(1_000 * DAY))
        self.now = self.clock.now().micros
        self.end = self.now + DAY
        self.disk = SimulatedDirectory()
        self.keys = 0
        self.open()

    def declare(self, policy: Any) -> None:
        self.module.add_table(
            Alarm,
            name=policy,
            scheduled=f"run_{policy}",
            missed=policy,
            retry=self.twin.retry[policy],
        )

        def run(ctx: Any, alarm: Alarm) -> None:
            self.runs.append((policy, alarm.id, ctx.timestamp.micros))
            due = {each.key: each.due for each in self.before}[alarm.id]
            interval = alarm.at.stored[1] if alarm.at.is_interval else 0
            nth = sum(each[1] == alarm.id for each in self.runs) - 1
            if policy == "all" and interval:
                if self.has_procedures:
                    with ctx.read() as reading:
                        due = self.due_of(reading, alarm)
                else:
                    due = self.due_of(ctx.db, alarm)
            assert nth >= 0
            if fails(alarm.id, due):
                raise ValueError

        run.__name__ = f"run_{policy}"
        if self.has_procedures:
            self.module.procedure(run)
        else:
            self.module.reducer(run)

    def due_of(self, transaction: Any, alarm: Alarm) -> int:
        """Give when the run was due that goes on: one interval before the next."""
        timers = self.db._scheduler.timers.table(transaction)  # type: ignore[union-attr]
        table_id = 4096 + POLICIES.index("all")
        timer = timers.get(table_id, alarm.id)
        assert timer is not None
        return int(timer.due.micros - alarm.at.stored[1])

    def open(self) -> None:
        self.db = qsdb.Database(self.module, self.disk, clock=self.clock, seed=1)

    # What happens.

    def step(self) -> None:
        rng = self.rng
        for _ in range(rng.choice((0, 1, 1, 2, 5, 20))):
            self.change()
        if rng.random() < 0.05:
            self.db.close()
            self.open()
        self.pass_time()
        if rng.random() < 0.05:
            self.db.close()
            self.open()
        self.check()

    def pass_time(self) -> None:
        rng = self.rng
        seconds = rng.choice((0.4, 5, 60, 300, 900)) * rng.random()
        if rng.random() < 0.02:
            seconds = rng.choice((7200, -7200, -30)) * rng.random()
        self.clock.advance(round(seconds, 6))
        # No transaction is before one that was committed.
        self.now = max(self.clock.now().micros, self.db._writer.latest // 1000)

    def change(self) -> None:
        rng, twin = self.rng, self.twin
        if twin.timers and (rng.random() < 0.3 or len(twin.timers) >= TIMERS_MAX):
            timer = rng.choice(twin.timers)
            with self.db.write() as tx:
                table = tx.table(timer.policy)
                if rng.random() < 0.7:
                    table.delete_by_key(timer.key)
                    twin.timers.remove(timer)
                else:
                    at = self.drawn()
                    table.update(Alarm(timer.key, at))
                    if at != timer.at:  # or it is left alone
                        self.arm(timer, at)
            return
        self.keys += 1
        at, policy = self.drawn(), rng.choice(POLICIES)
        timer = Timer(policy, self.keys, None, 0)
        with self.db.write() as tx:
            tx.table(policy).insert(Alarm(self.keys, at))
        self.arm(timer, at)
        twin.timers.append(timer)

    def drawn(self) -> ScheduleAt:
        rng = self.rng
        if rng.random() < 0.5:
            micros = rng.choice((60, 600, 3600, 20_000)) * SECOND
            return ScheduleAt.interval(TimeDuration.from_micros(micros))
        when = self.now + round(rng.uniform(-100, 20_000) * SECOND)
        return ScheduleAt.time(Timestamp.from_micros(when))

    def arm(self, timer: Timer, at: ScheduleAt) -> None:
        _, micros = at.stored
        timer.at = at
        timer.interval = micros if at.is_interval else None
        timer.due = self.now + micros if at.is_interval else max(micros, self.now)
        timer.failed = 0

    def check(self) -> None:
        self.before = [attrs.evolve(each) for each in self.twin.timers]
        self.runs.clear()
        count = self.db.run_due()
        expected = self.twin.run_due(self.now)
        assert self.runs == expected
        assert count == len(expected)
        timers = self.db.sql("SELECT * FROM st_timer")
        found = {(each.scheduled_id, each.due.micros, each.failed) for each in timers}
        assert found == {(each.key, each.due, each.failed) for each in self.twin.timers}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "has_procedures"), [(seed, n == 1) for n, seed in enumerate(SEEDS)]
)
def test_each_run_is_as_the_policy_says(
    seed: int, caplog: pytest.LogCaptureFixture, *, has_procedures: bool
) -> None:
    caplog.set_level("CRITICAL", "qsdb.day.scheduler")
    day, runs, steps = Day(seed, has_procedures=has_procedures), 0, 0
    while day.now < day.end:
        day.step()
        runs += len(day.runs)
        steps += 1
        if steps % 50 == 0:
            day.db.check()
    day.db.check()
    day.db.close()

    assert runs > 1_000
    assert steps > 100
