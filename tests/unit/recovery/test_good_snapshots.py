"""The last good commit: told by the log, or by a snapshot that is beyond."""

import errno
from collections.abc import Callable

import pytest

from qsdb import CorruptionError
from qsdb.log.manifests import manifest_name
from qsdb.recovery.good_snapshots import with_good_snapshot
from qsdb.recovery.opening import read_state
from qsdb.testing import Fail, FaultyDirectory, SimulatedDirectory
from tests.unit.recovery.stored import SEGMENTS, damaged_frame, flip, make


def refused(disk: SimulatedDirectory) -> CorruptionError:
    with pytest.raises(CorruptionError) as caught:
        read_state(disk)
    return caught.value


def frame_before_a_snapshot(disk: SimulatedDirectory) -> None:
    damaged_frame(disk, SEGMENTS[2], 1)  # offset 7, and the snapshot is of 8


def header_of_the_first_segment(disk: SimulatedDirectory) -> None:
    flip(disk, SEGMENTS[0], 20)


def header_of_the_needed_segment(disk: SimulatedDirectory) -> None:
    flip(disk, SEGMENTS[2], 20)


def all_of_the_log(disk: SimulatedDirectory) -> None:
    for name in SEGMENTS:
        disk.remove(name)


def note_and_end_of_the_log(disk: SimulatedDirectory) -> None:
    disk.remove(SEGMENTS[3])
    disk.remove(SEGMENTS[2])


DAMAGES: list[Callable[[SimulatedDirectory], None]] = [
    frame_before_a_snapshot,
    header_of_the_first_segment,
    header_of_the_needed_segment,
    all_of_the_log,
    note_and_end_of_the_log,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_snapshot_beyond_the_damage_is_good(
    damage: Callable[[SimulatedDirectory], None],
) -> None:
    disk = make(snapshots=(3, 8))
    damage(disk)

    error = refused(disk)

    assert (error.last_good_offset, error.first_bad_offset) == (8, 9)
    assert "Commits up to offset 8 are good; 9 may not be" in str(error)


def test_the_older_snapshot_is_good_where_the_newer_one_is_not() -> None:
    disk = make(snapshots=(3, 8))
    flip(disk, manifest_name(8), 60)
    flip(disk, SEGMENTS[0], 20)

    assert refused(disk).last_good_offset == 3


def test_a_log_that_is_good_beyond_its_snapshots_is_what_is_told() -> None:
    disk = make(snapshots=(3, 8))
    damaged_frame(disk, SEGMENTS[3], 1)

    assert refused(disk).last_good_offset == 10


def test_an_older_snapshot_that_the_log_does_not_go_on_from_is_good() -> None:
    disk = make(snapshots=(3, 8))
    flip(disk, manifest_name(8), 60)
    for name in SEGMENTS[:2]:
        disk.remove(name)

    error = refused(disk)

    assert error.path.endswith(manifest_name(8))
    assert error.last_good_offset == 3


def test_where_nothing_can_be_read_nothing_is_told() -> None:
    disk = make(snapshots=(3,))
    faulty = FaultyDirectory(
        disk, lambda call: Fail(errno.EIO) if call.operation == "read" else None
    )
    error = CorruptionError("x", 0, "it is so")

    assert with_good_snapshot(faulty, error) is error


def test_frames_that_follow_are_told_where_there_are_any() -> None:
    one, none = make(), make()
    damaged_frame(one, SEGMENTS[2], 1)
    flip(none, SEGMENTS[2], 20)

    assert "7 may not be, and 2 whole frames follow in this file. " in str(refused(one))
    assert "6 may not be. Nothing was changed" in str(refused(none))
