"""Snapshots on a disk that loses power, fills up and fails.

**Strategy**: a workload is run once to count its calls of the disk. Then it is run
for each of them again, with a crash before, in or after that call, or an error of
it; and for each sync again, which then does nothing. What the disk may be after a
crash is drawn several times.

**Invariants**:

1. Every snapshot that is listed can be read, and is what was written.
2. Snapshots that are on the disk before, and are not removed, are there afterwards.
3. A snapshot whose `finish` has returned is there.
4. Nothing but `OSError` is raised, and afterwards the same can be done again.
5. Each sync is needed: without it some crash breaks one of these.

Each image has a seed of its own, which a failure shows.
"""

import errno
import random
from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

import pytest

from qsdb.errors import CorruptionError
from qsdb.files import Directory
from qsdb.log.manifests import manifest_name
from qsdb.log.snapshots import (
    SnapshotWriter,
    list_snapshots,
    read_snapshot,
    remove_unreferenced,
)
from qsdb.testing import (
    Call,
    Crash,
    Fail,
    FailSync,
    Fault,
    FaultyDirectory,
    IgnoreSync,
    Plan,
    Policy,
    Short,
    SimulatedCrash,
    SimulatedDirectory,
    TracedDirectory,
    once,
    since,
)
from tests.unit.log.snapshotting import (
    PLAYER,
    Tables,
    player_rows,
    read_all,
    take,
    told,
)

Moment = Literal["before", "during", "after"]

TABLES: dict[int, Tables] = {
    1: {1: player_rows(3), 2: player_rows(4)},
    2: {1: player_rows(3), 2: player_rows(5), 3: player_rows(6)},
}
"""Offset → what a snapshot is taken of; the two share a chunk."""

POLICIES: tuple[Policy, ...] = ("kept", "dropped", "torn", "torn", "garbage", "garbage")
MOMENTS: tuple[Moment, ...] = ("before", "during", "after")
OPERATIONS = frozenset(
    {
        *("size", "read", "write", "sync", "close", "exists", "list", "create", "open"),
        *("rename", "remove", "make_directory", "sync_directory"),
    }
)
SYNCS = ("sync", "sync_directory")


class Workload(NamedTuple):
    """Something done with snapshots, and what has to be true of it."""

    prepare: Callable[[], SimulatedDirectory]
    """Gives the disk as it is before."""
    run: Callable[[Directory], object]
    before: frozenset[int]
    """Offsets of which at least one is there, until the end."""
    after: frozenset[int]
    """Offsets that are there from the end on."""


def empty_disk() -> SimulatedDirectory:
    return SimulatedDirectory()


def disk_with_first() -> SimulatedDirectory:
    disk = SimulatedDirectory()
    take(disk, 1, TABLES[1])
    return disk


def disk_with_attempt() -> SimulatedDirectory:
    """Give a disk with all chunks, by a process that was killed before any sync."""
    disk = SimulatedDirectory()
    writer = SnapshotWriter(disk, told(2), None)
    for table_id, rows in TABLES[2].items():
        writer.add_table(table_id, PLAYER, [rows], [])
    return disk.kill()


def disk_with_both() -> SimulatedDirectory:
    disk = disk_with_first()
    take(disk, 2, TABLES[2], read_snapshot(disk, 1))
    return disk


def disk_with_second_not_synced() -> SimulatedDirectory:
    """Give a disk on which the process was killed before its very last sync."""
    disk = disk_with_first()
    last = calls_of(take_second, disk_with_first())[-1]
    assert last[:2] == ("sync_directory", "snapshots")
    with pytest.raises(SimulatedCrash):
        take_second(FaultyDirectory(disk, once(last.number, Crash("before"))))
    return disk.kill()


def take_first(directory: Directory) -> None:
    take(directory, 1, TABLES[1])


def take_second(directory: Directory) -> None:
    take(directory, 2, TABLES[2], read_snapshot(directory, 1))


def take_second_alone(directory: Directory) -> None:
    take(directory, 2, TABLES[2])


def keep_second(directory: Directory) -> None:
    remove_unreferenced(directory, [2])


WORKLOADS = {
    "first": Workload(empty_disk, take_first, frozenset(), frozenset({1})),
    "second": Workload(disk_with_first, take_second, frozenset({1}), frozenset({1, 2})),
    "after an attempt": Workload(
        disk_with_attempt, take_second_alone, frozenset(), frozenset({2})
    ),
    "removal": Workload(disk_with_both, keep_second, frozenset({2}), frozenset({2})),
    "removal after a kill": Workload(
        disk_with_second_not_synced, keep_second, frozenset({1, 2}), frozenset({2})
    ),
}

each_workload = pytest.mark.parametrize("name", WORKLOADS)


def calls_of(run: Callable[[Directory], object], disk: Directory) -> list[Call]:
    """Give the calls of a disk, numbered, where nothing goes wrong."""
    traced = TracedDirectory(disk)
    run(traced)
    return traced.calls


def fault_of(disk: SimulatedDirectory, workload: Workload, *, is_done: bool) -> str:
    """Tell what is wrong with a disk; nothing if invariants 1 to 3 hold."""
    try:
        found = read_all(disk)
    except (CorruptionError, OSError) as error:
        return f"a snapshot that is listed cannot be read: {error}"
    for offset, tables in found.items():
        if tables != TABLES[offset]:
            return f"snapshot {offset} is not what was written"
    if is_done and not workload.after <= found.keys():
        return f"of {set(workload.after)} there is {set(found)}"
    if workload.before and not workload.before & found.keys():
        return f"of {set(workload.before)} there is none"
    return ""


def crash_faults(
    workload: Workload, plan: Plan, seeds: range, policies: tuple[Policy, ...]
) -> Iterator[str]:
    """Run a workload that crashes by a plan, or else at its end; give faults."""
    disk = workload.prepare()
    is_done = False
    try:
        workload.run(FaultyDirectory(disk, plan))
        is_done = True
    except SimulatedCrash:
        pass
    for seed in seeds:
        for number, policy in enumerate(policies):
            image = disk.crash(random.Random(f"{seed} {number}"), policy)
            fault = fault_of(image, workload, is_done=is_done)
            if fault:
                yield f"{fault} (policy {policy}, seed {seed} {number})"


def both(first: Plan, second: Plan) -> Plan:
    """Give a plan that does what either says."""
    return lambda call: first(call) or second(call)


@pytest.mark.slow
@each_workload
def test_a_crash_at_any_call_leaves_whole_snapshots_and_none_is_lost(name: str) -> None:
    workload = WORKLOADS[name]
    calls = calls_of(workload.run, workload.prepare())

    for call in calls:
        for moment in MOMENTS:
            plan = once(call.number, Crash(moment))
            for fault in crash_faults(workload, plan, range(8), POLICIES):
                pytest.fail(f"crash {moment} {call[:2]} ({call.number}): {fault}")


@each_workload
def test_what_is_done_stays_when_the_power_fails(name: str) -> None:
    faults = crash_faults(WORKLOADS[name], lambda _: None, range(3), POLICIES)

    assert list(faults) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", [each for each in WORKLOADS if each != "removal"])
def test_every_sync_is_needed(name: str) -> None:
    # A removal cannot know whether it is one after a kill; that one needs all.
    workload = WORKLOADS[name]
    calls = calls_of(workload.run, workload.prepare())
    syncs = [call for call in calls if call.operation in SYNCS]

    for sync in syncs:
        ignored = once(sync.number, IgnoreSync())
        is_missed = any(
            fault
            for call in reversed(calls[sync.number :])
            for fault in crash_faults(
                workload,
                both(ignored, once(call.number, Crash("after"))),
                range(20),
                ("dropped", "torn"),
            )
        )
        assert is_missed, f"nobody misses {sync[:2]}, call {sync.number}"


@pytest.mark.slow
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("lasts", ["once", "on"])
@each_workload
def test_an_error_of_any_call_is_raised_and_breaks_nothing(
    name: str, lasts: str, code: int
) -> None:
    workload = WORKLOADS[name]
    for call in calls_of(workload.run, workload.prepare()):
        fault = Fail(code, written=call.size // 2)
        check_error(
            workload,
            call,
            once(call.number, fault)
            if lasts == "once"
            else since(call.number, fault, OPERATIONS),
        )


@pytest.mark.slow
@each_workload
def test_a_failed_sync_breaks_nothing_and_no_power_loss_after_it(name: str) -> None:
    workload = WORKLOADS[name]
    for call in calls_of(workload.run, workload.prepare()):
        if call.operation in SYNCS:
            plan = once(call.number, FailSync(errno.EIO))
            check_error(workload, call, plan, is_repeated=call.operation == "sync")


def check_error(
    workload: Workload, call: Call, plan: Plan, *, is_repeated: bool = True
) -> None:
    """Check that a failed run leaves all in order, and that it can be repeated.

    Args:
        workload: What is run.
        call: The one that fails first.
        plan: Makes it fail.
        is_repeated: Whether the disk works again afterwards.
    """
    disk = workload.prepare()
    faulty = FaultyDirectory(disk, plan)
    is_done = True
    try:
        workload.run(faulty)
    except OSError as error:
        assert error.errno in {errno.ENOSPC, errno.EIO}
        is_done = False
    fault = fault_of(disk, workload, is_done=is_done)
    assert not fault, f"{call[:2]} fails ({call.number}): {fault}"
    if is_repeated:
        faulty.plan = None
        workload.run(faulty)
        is_done = True
        remove_unreferenced(faulty, list_snapshots(disk))
        assert not any(each.endswith(".tmp") for each in disk.snapshot_files())
    for seed, policy in enumerate(POLICIES):
        image = disk.crash(random.Random(seed), policy)
        fault = fault_of(image, workload, is_done=is_done)
        assert not fault, f"{call[:2]} fails ({call.number}), seed {seed}: {fault}"


def failing(operation: str, name_end: str, fault: Fault) -> Plan:
    """Plan a fault of every call of an operation on files whose names end so."""
    return lambda call: (
        fault if call.operation == operation and call.name.endswith(name_end) else None
    )


@pytest.mark.parametrize("operation", ["create", "write", "sync", "close", "rename"])
@pytest.mark.parametrize("name", ["first", "second"])
def test_a_failed_snapshot_leaves_no_temporary_file(name: str, operation: str) -> None:
    workload = WORKLOADS[name]
    disk = workload.prepare()
    files = disk.snapshot_files()
    plan = failing(operation, ".manifest.tmp", Fail(errno.ENOSPC))

    with pytest.raises(OSError, match="ENOSPC"):
        workload.run(FaultyDirectory(disk, plan))

    new = disk.snapshot_files().keys() - files.keys()
    assert all(name.startswith("objects/") for name in new)
    assert not any(name.endswith(".tmp") for name in new)


def test_a_temporary_file_that_cannot_be_removed_does_not_hide_the_error() -> None:
    disk = disk_with_first()
    plan = both(
        failing("write", ".tmp", Fail(errno.ENOSPC)),
        failing("remove", ".tmp", Fail(errno.EIO)),
    )

    with pytest.raises(OSError, match="ENOSPC"):
        take_second(FaultyDirectory(disk, plan))

    take_second(disk)
    assert list_snapshots(disk) == [1, 2]


def test_writes_that_take_little_at_a_time_are_gone_on_with() -> None:
    disk = SimulatedDirectory()

    take_first(FaultyDirectory(disk, failing("write", "", Short(100))))

    assert read_all(disk) == {1: TABLES[1]}


def test_a_chunk_that_cannot_be_read_is_written_again() -> None:
    disk = disk_with_first()
    first = read_snapshot(disk, 1)
    [shared, _] = first.chunks()
    traced = TracedDirectory(
        FaultyDirectory(disk, failing("read", shared.name, Fail(errno.EIO)))
    )

    take(traced, 2, TABLES[2], first)

    created = [call.name for call in traced.calls if call.operation == "create"]
    assert f"{shared.name}.tmp" in created
    assert created[-1] == f"{manifest_name(2)}.tmp"
    assert len(created) == 4


def test_a_chunk_that_went_bad_is_replaced_for_good() -> None:
    disk = disk_with_first()
    first = read_snapshot(disk, 1)
    bad = next(first.chunks())
    disk.replace_contents(bad.name, b"rotten")

    take(disk, 2, TABLES[1], first)

    image = disk.crash(random.Random(1), "dropped")
    assert read_all(image) == {1: TABLES[1], 2: TABLES[1]}


def test_a_snapshot_without_rows_stays_when_the_power_fails() -> None:
    disk = SimulatedDirectory()
    take(disk, 1, {1: []})

    assert read_all(disk.crash(random.Random(1), "dropped")) == {1: {1: []}}
