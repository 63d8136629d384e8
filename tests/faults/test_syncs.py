"""Each sync is needed: without it some power loss takes what was promised.

**Strategy**: a workload is run once to list its syncs, each with the *reason* that
one reads from the calls around it. Then it is run for each of them again with that
one ignored, and images of the moments after are judged until one is wrong. This
tests the model of power loss as much as the database: a model that kept everything
would find no sync needed.

**Invariants**:

1. A sync of a reason that is not in `NEEDLESS` is missed, at least once for each
   reason.
2. One of a reason in `NEEDLESS` is not; what it is for stands there.
"""

import random
from collections import defaultdict
from collections.abc import Sequence

import pytest

from qsdb.recovery.opening import QUARANTINE
from qsdb.testing import (
    Call,
    FaultyDirectory,
    IgnoreSync,
    Policy,
    SimulatedDirectory,
    TracedDirectory,
    once,
)
from tests.faults.watching import Judge
from tests.support.disks import WatchedDirectory, image_of
from tests.support.hoard import History, Step, abandon

pytestmark = pytest.mark.slow

POLICIES: tuple[Policy, ...] = ("dropped", *("torn",) * 6, "kept")
PLACES_MAX = 40
"""So many changes after an ignored sync are looked at."""

NEEDLESS = {
    "truncate log": "at the end of a segment it makes the last mark last, and gives "
    "room back; a cut that is undone leaves zeros, which are no tail",
}
"""Reason → why it is done all the same."""


class MissedError(Exception):
    """An image is wrong, as it was to be."""


def steps() -> Sequence[Step]:
    rng = random.Random(4)
    return [
        Step("block", (("write", (f"page {number}", rng.randbytes(200), ())),))
        for number in range(9)
    ]


def reason_of(calls: Sequence[Call], number: int) -> str:
    """Say what a sync is for, by the last change of what it syncs."""
    call = calls[number]
    if call.operation == "sync":
        for before in reversed(calls[:number]):
            if before.name == call.name and before.operation in ("write", "truncate"):
                kind = "tmp" if call.name.endswith(".tmp") else "log"
                if len([each for each in calls[:number] if each.name == call.name]) > 6:
                    kind = "log"
                return f"{before.operation} {kind}"
    for before in reversed(calls[:number]):
        above = (before.new_name or before.name).rpartition("/")[0]
        if before.operation in ("rename", "make_directory") and above == call.name:
            return f"{before.operation} in {call.name or 'the root'}"
    return f"{call.operation} of {call.name}"


def run_once(number: int | None) -> list[Call]:
    """Run the workload with one sync ignored, and give the calls.

    Raises:
        MissedError: some image is wrong.
    """
    disk, history = SimulatedDirectory(), History()
    judge = Judge(history)
    places_count = 0

    def look(_: Call) -> None:
        nonlocal places_count
        if number is None or faulty.calls_count <= number + 1:
            return
        if places_count < PLACES_MAX:
            places_count += 1
            judge_images(judge, disk, places_count)

    traced = TracedDirectory(WatchedDirectory(disk, look))
    plan = None if number is None else once(number, IgnoreSync())
    faulty = FaultyDirectory(traced, plan)
    db = history.open(faulty)
    try:
        for step in steps():
            history.run(db, step)
        db.close()
    finally:
        abandon(db)
    return traced.calls


def judge_images(judge: Judge, disk: SimulatedDirectory, place: int) -> None:
    for number, policy in enumerate(POLICIES):
        try:
            judge.judge(image_of(disk, random.Random(f"{place}/{number}"), policy))
        except Exception as error:
            raise MissedError from error


def test_each_sync_of_a_log_is_missed() -> None:
    calls = run_once(None)
    syncs = [call.number for call in calls if call.operation.startswith("sync")]
    missed: dict[str, list[bool]] = defaultdict(list)
    for number in syncs:
        reason = reason_of(calls, number)
        try:
            run_once(number)
        except MissedError:
            missed[reason].append(True)
        else:
            missed[reason].append(False)
    for reason, found in missed.items():
        print(f"{reason}: {sum(found)} of {len(found)} missed")
    needed = {reason for reason, found in missed.items() if any(found)}
    assert set(missed) - needed == set(NEEDLESS)


def killed_and_opened(ignored: str | None) -> SimulatedDirectory:
    """Kill a process in the middle of a flush, and open what it has left.

    Returns:
        The disk then, of which nothing was synced by the operation `ignored`.
    """
    disk, history = SimulatedDirectory(), History("os")
    db = history.open(disk)
    for step in steps()[:4]:
        history.run(db, step)
    abandon(db)
    disk = disk.kill()
    name = f"log/{disk.list('log')[-1]}"
    file = disk.open(name, writable=True)
    file.write(len(disk.contents(name).rstrip(b"\0")) + 8, b"torn")

    def plan(call: Call) -> IgnoreSync | None:
        text = f"{call.operation} {call.name.partition('/')[0]}"
        return IgnoreSync() if text == ignored else None

    db = history.reopen(FaultyDirectory(disk, plan))
    assert db.recovery is not None
    assert db.recovery.torn is not None
    assert history.acked == db.offset
    abandon(db)
    for number in range(40):
        image = image_of(disk, random.Random(number), "torn" if number else "dropped")
        if not [name for name in image.snapshot_files() if name.startswith(QUARANTINE)]:
            raise MissedError("the torn tail is gone")
        try:
            history.check(image)
        except Exception as error:
            raise MissedError from error
    return disk


@pytest.mark.parametrize(
    "operation",
    ["sync log", "sync_directory quarantine", "sync_directory "],
)
def test_each_sync_of_a_recovery_is_missed(operation: str) -> None:
    """That of what a killed process wrote, and those of the copied tail."""
    with pytest.raises(MissedError):
        killed_and_opened(operation)


def test_a_recovery_that_syncs_loses_nothing() -> None:
    killed_and_opened(None)
