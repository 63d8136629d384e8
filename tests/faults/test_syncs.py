"""Each sync is needed: without it some power loss takes what was promised.

**Strategy**: a workload is run once to list its syncs, each with the *reason* that
one reads from the calls around it. Then it is run for each of them again with that
one ignored, and images of the moments after are judged until one is wrong. This
tests the model of power loss as much as the database: a model that kept everything
would find no sync needed.

**Invariants**:

1. A sync is missed, at least once for each reason.
2. That of the directory after the end was noted is not missed by whoever opens what
   is left: the older note holds as well. It is by those who lose the end of the log.
"""

import random
from collections import defaultdict
from collections.abc import Callable, Sequence

import pytest

from qsdb.errors import CorruptionError
from qsdb.files import Directory
from qsdb.recovery.opening import QUARANTINE, read_state
from qsdb.testing import (
    Call,
    Crash,
    FaultyDirectory,
    IgnoreSync,
    Policy,
    SimulatedCrash,
    SimulatedDirectory,
    TracedDirectory,
    once,
)
from tests.faults.watching import Judge
from tests.support.disks import WatchedDirectory, image_of
from tests.support.hoard import History, Step, abandon, open_hoard

pytestmark = pytest.mark.slow

POLICIES: tuple[Policy, ...] = ("dropped", *("torn",) * 6, "kept")
PLACES_MAX = 40
"""So many changes after an ignored sync are looked at."""


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
                if call.name.startswith("END"):
                    return f"{before.operation} note"
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
    assert set(missed) == needed


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


def close(files: Directory, _: Directory) -> None:
    db = open_hoard(files)
    steps()[1].on_database(db)
    db.close()


def begin_a_segment(files: Directory, disk: Directory) -> None:
    db = open_hoard(files)
    before = disk.list("log")
    for step in steps():
        step.on_database(db)
        if disk.list("log") != before:
            break
    assert disk.list("log") != before
    abandon(db)


def recover(files: Directory, _: Directory) -> None:
    abandon(open_hoard(files))


def left_open() -> SimulatedDirectory:
    """Give a disk that a process was killed on."""
    disk = SimulatedDirectory()
    db = open_hoard(disk)
    steps()[0].on_database(db)
    abandon(db)
    return disk.kill()


def killed_in_a_close() -> SimulatedDirectory:
    """Give a disk that a process was killed on when the note had its name."""
    disk = left_open()
    files = FaultyDirectory(disk)
    db = open_hoard(files)
    steps()[1].on_database(db)
    files.plan = lambda call: (
        Crash("before") if call.operation == "sync_directory" else None
    )
    with pytest.raises(SimulatedCrash):
        db.close()
    abandon(db)
    return disk.kill()


Go = Callable[[Directory, Directory], None]


def is_end_missed(
    made: Callable[[], SimulatedDirectory], go: Go, *, is_last_ignored: bool
) -> bool:
    """Whether a log is refused that lost its end after the power failed.

    Args:
        made: Gives the disk to begin with.
        go: What is then done on it.
        is_last_ignored: Whether the last sync of the root does nothing.
    """
    disk = made()
    traced = TracedDirectory(disk)
    go(traced, disk)
    if is_last_ignored:
        syncs = [
            call.number
            for call in traced.calls
            if (call.operation, call.name) == ("sync_directory", "")
        ]
        disk = made()
        go(FaultyDirectory(disk, once(syncs[-1], IgnoreSync())), disk)
    files = image_of(disk, random.Random(1), "dropped").snapshot_files()
    name = max(each for each in files if each.startswith("log/"))
    if go is begin_a_segment:
        del files[name]
    else:
        files[name] = files[name].rstrip(b"\0")[:-1]
    try:
        read_state(SimulatedDirectory(files))
    except CorruptionError as error:
        assert "END notes that it came to" in error.reason
        return True
    return False


@pytest.mark.parametrize(
    ("made", "go"),
    [
        (left_open, close),
        (left_open, begin_a_segment),
        (left_open, recover),
        (killed_in_a_close, recover),
    ],
)
def test_the_sync_that_makes_a_note_last_is_missed(
    made: Callable[[], SimulatedDirectory], go: Go
) -> None:
    """By who loses the end of the log after that, for the note is an older one."""
    assert is_end_missed(made, go, is_last_ignored=False)
    assert not is_end_missed(made, go, is_last_ignored=True)
