"""A database as it was, in a new directory."""

import itertools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

import qsdb
from qsdb import ArgumentError, CorruptionError, StorageError, Timestamp
from qsdb.log.manifests import manifest_name
from qsdb.recovery.restoring import read_at, restore
from qsdb.recovery.state import State
from qsdb.recovery.verifying import verify
from qsdb.testing import SimulatedDirectory, TracedDirectory
from qsdb.testing.disk.interposed import Call, InterposedDirectory
from tests.unit.recovery.stored import (
    SEGMENTS,
    User,
    cut,
    damaged_frame,
    flip,
    make,
    never_closed,
    open_again,
    read,
    segments,
    tables_of,
)

T = TypeVar("T")


def at(seconds: float) -> Timestamp:
    return Timestamp.from_micros(round(seconds * 1_000_000))


def restored(
    disk: SimulatedDirectory,
    to_offset: int | None = None,
    to_time: Timestamp | None = None,
) -> SimulatedDirectory:
    """Restore into a new disk, which must be sound."""
    target = SimulatedDirectory()
    told = restore(disk, target, to_offset, to_time)
    found = verify(target, deep=True)
    assert found.is_sound, str(found)
    assert told.offset == found.offset
    return target


def test_without_a_limit_it_is_the_newest_state() -> None:
    disk = make(snapshots=(5,))

    target = restored(disk)

    assert tables_of(read(target)) == tables_of(read(disk))
    assert read(target).microseconds == 11_000_000


@pytest.mark.parametrize("snapshots", [(), (5, 9)])
def test_every_offset_can_be_restored(snapshots: tuple[int, ...]) -> None:
    disk = make(snapshots=snapshots)

    for offset in range(1, 13):
        target = restored(disk, offset)
        assert read(target).offset == offset
        assert tables_of(read(target)) == tables_of(read(make(offset=offset)))


def test_a_time_is_after_all_commits_until_then() -> None:
    disk = make()  # commit n is of second n - 1

    for seconds, offset in ((0, 1), (0.5, 1), (1, 2), (10.9, 11), (11, 12), (9e9, 12)):
        assert read(restored(disk, to_time=at(seconds))).offset == offset


def test_a_snapshot_is_not_used_for_a_time_before_it() -> None:
    disk = make(snapshots=(5, 9))
    damaged_frame(disk, SEGMENTS[1], 0)  # only what begins with the log notices

    assert read(restored(disk, to_time=at(6))).offset == 7
    assert read(restored(disk, to_time=at(10))).offset == 11
    with pytest.raises(CorruptionError):
        restore(disk, SimulatedDirectory(), to_time=at(2))


def test_damaged_manifests_are_passed_over_for_a_time() -> None:
    disk = make(snapshots=(5, 9))
    flip(disk, manifest_name(9), 60)

    assert read(restored(disk, to_time=at(10))).offset == 11


def test_what_was_restored_goes_on_by_itself() -> None:
    disk = make()
    target = restored(disk, 7)

    with open_again(target) as db, db.write() as tx:
        tx[User].insert(User("new"))

    assert segments(target) == [8]
    assert read(target).offset == 8
    assert read(disk).offset == 12


def test_damage_behind_the_wanted_state_does_not_matter() -> None:
    disk = make()
    damaged_frame(disk, SEGMENTS[2], 2)

    assert read(restored(disk, 6)).offset == 6
    with pytest.raises(CorruptionError, match=r"repair PATH NEW_PATH"):
        restore(disk, SimulatedDirectory())


def test_the_original_is_not_written_to() -> None:
    traced = TracedDirectory(make(snapshots=(5,)))

    restore(traced, SimulatedDirectory(), 7)

    operations = {call.operation for call in traced.calls}
    assert operations == {"exists", "list", "open", "size", "read", "close"}


def test_restoring_tells_how_far_it_is() -> None:
    told: list[tuple[int, int]] = []

    for limits in ({}, {"to_offset": 12}, {"to_time": at(99)}):
        arguments: dict[str, Any] = limits
        restore(
            make(),
            SimulatedDirectory(),
            **arguments,
            progress=lambda *numbers: told.append(numbers),
        )

    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)] * 3


# What there is no state of.


def test_an_offset_after_the_end_is_refused_with_the_range() -> None:
    with pytest.raises(ArgumentError) as caught:
        restore(make(), SimulatedDirectory(), 13)

    assert str(caught.value) == (
        "simulated: has no state at offset 13; it has those from 1 to 12"
    )


def test_an_offset_before_the_oldest_snapshot_is_refused_with_the_range() -> None:
    disk = make(snapshots=(4, 5, 9))
    for name in SEGMENTS[:2]:
        disk.remove(name)
    target = SimulatedDirectory()

    for offset in (1, 4):
        with pytest.raises(ArgumentError) as caught:
            restore(disk, target, offset)
        assert str(caught.value) == (
            f"simulated: has no state at offset {offset}; it has those from 5 to 12"
        )
    assert read(restored(disk, 5)).offset == 5
    assert target.snapshot_files() == {}


def test_a_time_before_the_first_commit_is_refused_with_the_range() -> None:
    disk = make(snapshots=(5, 9))

    with pytest.raises(ArgumentError) as caught:
        restore(disk, SimulatedDirectory(), to_time=at(-1))

    assert str(caught.value) == (
        "simulated: has no state at 1969-12-31T23:59:59Z; it has those from "
        "1970-01-01T00:00:00Z on"
    )


def test_a_time_before_the_oldest_snapshot_is_refused_with_the_range() -> None:
    disk = make(snapshots=(5, 9))
    for name in SEGMENTS[:2]:
        disk.remove(name)

    with pytest.raises(
        ArgumentError, match=r"it has those from 1970-01-01T00:00:04Z on"
    ):
        restore(disk, SimulatedDirectory(), to_time=at(3))


def test_a_log_without_its_beginning_is_refused_as_damage() -> None:
    disk = make()
    disk.remove(SEGMENTS[0])

    for limits in ({"to_offset": 5}, {"to_time": at(3)}):
        arguments: dict[str, Any] = limits
        with pytest.raises(
            CorruptionError, match=r"it is missing; the log begins with"
        ):
            restore(disk, SimulatedDirectory(), **arguments)


def test_a_database_that_never_came_to_be_is_none() -> None:
    disk = make(offset=1)
    cut(disk, SEGMENTS[0], 1000)
    never_closed(disk)

    for limits in ({}, {"to_time": at(3)}):
        arguments: dict[str, Any] = limits
        with pytest.raises(StorageError, match=r"^there is no database in simulated:$"):
            restore(disk, SimulatedDirectory(), **arguments)


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"to_offset": 0}, "^to_offset is an int of at least 1, not 0$"),
        ({"to_offset": True}, "^to_offset is an int of at least 1, not True$"),
        ({"to_offset": 1.5}, "^to_offset is an int of at least 1, not 1.5$"),
        ({"to_time": 7}, r"^to_time is a qsdb\.Timestamp, not 7$"),
        (
            {"to_offset": 1, "to_time": at(1)},
            "^restore takes to_offset or to_time, not both$",
        ),
    ],
)
def test_wrong_limits_are_refused(limits: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        restore(make(), SimulatedDirectory(), **limits)


def test_wrong_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"there is no database in "):
        restore(tmp_path, tmp_path / "new")
    with pytest.raises(StorageError, match=r"is not empty, x is in it"):
        restore(make(), SimulatedDirectory({"x": b""}))


# While somebody writes.


def test_an_open_database_is_restored() -> None:
    disk = make()
    with open_again(disk) as db:
        with db.write() as tx:
            tx[User].insert(User("new"))

        assert read(restored(disk)).offset == 13


def test_what_goes_wrong_once_is_read_again() -> None:
    disk = make()
    position = damaged_frame(disk, SEGMENTS[2], 1)
    told: list[int] = []

    def progress(done: int, _: int) -> None:
        told.append(done)
        if told == [1, 2, 1]:
            flip(disk, SEGMENTS[2], position + 60)

    state = read_at(disk, progress=progress).state

    assert state.offset == 12
    assert told == [1, 2, 1, 2, 3, 4]


class CompactedMeanwhile(InterposedDirectory):
    """A directory that is compacted just before one of the calls."""

    def __init__(self, disk: SimulatedDirectory, number: int) -> None:
        super().__init__(SimulatedDirectory(disk.snapshot_files()))
        self.number = number

    def around(self, call: Call, perform: Callable[[], T]) -> T:
        if call.number == self.number:
            options = qsdb.StorageOptions(snapshots_kept=1)
            with open_again(self.inner, options=options) as db:
                assert db.compact() > 0
        return perform()


@pytest.mark.parametrize("limit", [{"to_offset": 3}, {"to_time": at(2)}])
def test_what_is_compacted_away_meanwhile_is_refused(limit: dict[str, Any]) -> None:
    disk = make(snapshots=(5, 9))
    ends: set[str] = set()

    for number in itertools.count():
        meanwhile = CompactedMeanwhile(disk, number)
        try:
            state = read_at(meanwhile, **limit).state
            assert (state.offset, tables_of(state)) == (3, tables_of(at_three(disk)))
            ends.add("read")
        except ArgumentError as error:
            assert "it has those from " in str(error)
            ends.add("refused")
        if meanwhile.calls_count <= number:
            break

    assert ends == {"read", "refused"}


def at_three(disk: SimulatedDirectory) -> State:
    return read_at(disk, to_offset=3).state


@pytest.mark.slow
def test_a_database_that_is_written_to_all_the_time_is_restored(tmp_path: Path) -> None:
    options = qsdb.StorageOptions(segment_bytes=4096, step_bytes=512, snapshots_kept=1)
    is_over = threading.Event()
    with open_again(
        qsdb.files.open_directory(tmp_path / "live"), durability="os", options=options
    ) as db:

        def write() -> None:
            number = 0
            while not is_over.is_set():
                number += 1
                with db.write() as tx:
                    tx[User].insert(User(f"{number}"))
                if number % 100 == 0:
                    db.snapshot()
                    db.compact()

        thread = threading.Thread(target=write)
        thread.start()
        try:
            copies = [
                restore(tmp_path / "live", tmp_path / f"copy {number}")
                for number in range(8)
            ]
        finally:
            is_over.set()
            thread.join()

    for number, copy in enumerate(copies):
        found = verify(tmp_path / f"copy {number}", deep=True)
        assert found.is_sound, str(found)
        assert copy.rows_count == copy.offset - 1
