"""Mending the end of a log: torn tails are kept and cut, and all of it lasts."""

import errno
import random

import pytest

from qsdb.log.segments import segment_name
from qsdb.recovery.mending import mend
from qsdb.recovery.opening import read_state
from qsdb.recovery.report import TornTailFound
from qsdb.testing import (
    Fail,
    FaultyDirectory,
    SimulatedDirectory,
    TracedDirectory,
)
from tests.unit.recovery.stored import (
    SEGMENTS,
    cut,
    frames_in,
    make,
    never_closed,
    segments,
)

ROOT = "simulated:"


def torn_disk() -> SimulatedDirectory:
    """Give a database whose last commit is torn."""
    disk = make()
    cut(disk, SEGMENTS[3], frames_in(disk, SEGMENTS[3])[2].place.position + 40)
    never_closed(disk)
    return disk


def test_a_torn_tail_is_told_and_nothing_is_changed() -> None:
    disk = torn_disk()
    before = disk.snapshot_files()
    size = len(disk.contents(SEGMENTS[3])[576:].rstrip(b"\0"))

    found = read_state(disk)

    assert found.state.offset == 11
    assert found.report.torn == TornTailFound(
        f"{ROOT}/{SEGMENTS[3]}", 576, size, "a frame's header is cut off", None
    )
    assert disk.snapshot_files() == before


def test_a_torn_tail_is_kept_in_quarantine_and_cut() -> None:
    disk = torn_disk()
    tail = disk.contents(SEGMENTS[3])[576:]

    end, report = mend(disk, read_state(disk))
    end.close()

    name = "quarantine/00000000000000000010.log.576.torn"
    assert report.torn is not None
    assert report.torn.quarantine == f"{ROOT}/{name}"
    after = disk.crash(random.Random(1), "dropped")
    assert after.contents(name) == tail.rstrip(b"\0")
    assert len(after.contents(SEGMENTS[3])) == 576


def test_names_in_quarantine_are_never_taken_twice() -> None:
    disk = torn_disk()
    base = "quarantine/00000000000000000010.log.576"
    for name in (f"{base}.torn", f"{base}.1.torn"):
        disk.replace_contents(name, b"older")

    _, report = mend(disk, read_state(disk))

    assert report.torn is not None
    assert report.torn.quarantine == f"{ROOT}/{base}.2.torn"


def test_mending_again_changes_nothing() -> None:
    disk = torn_disk()
    mend(disk, read_state(disk))
    before = disk.snapshot_files()

    _, report = mend(disk, read_state(disk))

    assert report.torn is None
    assert disk.snapshot_files() == before


def test_a_segment_that_was_never_begun_is_removed() -> None:
    disk = make()
    disk.replace_contents("log/00000000000000000013.log.tmp", b"x")
    disk.replace_contents("log/notes", b"x")

    mend(disk, read_state(disk))

    assert disk.list("log") == [name.removeprefix("log/") for name in SEGMENTS] + [
        "notes"
    ]


def test_zeros_that_a_frame_lacks_are_put_back() -> None:
    disk = make(offset=1)
    (name,) = [segment_name(offset) for offset in segments(disk)]
    data = disk.contents(name)
    cut(disk, name, len(data.rstrip(b"\0")))
    lacking = len(data) - len(disk.contents(name))

    mend(disk, read_state(disk))

    assert disk.contents(name) == data
    assert lacking > 0


def test_a_file_is_closed_when_mending_fails() -> None:
    disk = torn_disk()
    found = read_state(disk)
    traced = TracedDirectory(
        FaultyDirectory(
            disk,
            lambda call: Fail(errno.EIO) if call.operation == "truncate" else None,
        )
    )

    with pytest.raises(OSError, match=r"EIO"):
        mend(traced, found)

    closed = [call.name for call in traced.calls if call.operation == "close"]
    assert closed[-1] == SEGMENTS[3]
