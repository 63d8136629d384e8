"""A new directory with a database in it: whole, or none."""

import random
from pathlib import Path
from typing import Literal

import pytest

import qsdb
from qsdb import DatabaseLocked, StorageError, verify
from qsdb.files import Directory, Lock
from qsdb.log.end_notes import EndNote, write_end_note
from qsdb.log.segments import SEGMENT_HEADER_BYTES, SegmentHeader, segment_name
from qsdb.log.snapshots import list_snapshots
from qsdb.recovery.copying import (
    Copy,
    Origin,
    TableImage,
    copy_of,
    require_empty,
    write_database,
    write_state,
)
from qsdb.recovery.directories import take_lock
from qsdb.recovery.opening import is_new, read_state
from qsdb.recovery.state import State
from qsdb.testing import Crash, FaultyDirectory, Policy, SimulatedCrash, once
from qsdb.testing import SimulatedDirectory as Disk
from tests.unit.recovery.stored import User, make, open_again, read, tables_of

DATABASE = bytes(range(16))
SEED = 20_260_101


@pytest.fixture(scope="module")
def state() -> State:
    return read(make())


def test_a_copy_holds_the_state_and_its_time(state: State) -> None:
    disk = Disk()

    write_state(disk, state, DATABASE)

    found = read_state(disk)
    assert tables_of(found.state) == tables_of(state)
    assert (found.state.offset, found.state.microseconds) == (12, 11_000_000)
    assert found.database == DATABASE
    assert (found.report.snapshot_offset, found.report.records_count) == (12, 0)


def test_a_copy_is_a_snapshot_and_an_empty_log(state: State) -> None:
    disk = Disk()

    write_state(disk, state, DATABASE)

    files = disk.snapshot_files()
    objects = [name for name in files if name.startswith("objects/")]
    assert files.keys() - {*objects} == {
        "END",
        "LOCK",
        "snapshots/00000000000000000012.manifest",
        "log/00000000000000000013.log",
    }
    data = disk.contents(segment_name(13))
    header = SegmentHeader.decode(data, "", first_offset=13)
    assert len(data) == SEGMENT_HEADER_BYTES
    assert (header.chain, header.created_microseconds) == (0, 11_000_000)


def test_a_copy_opens_and_goes_on(state: State) -> None:
    disk = Disk()
    write_state(disk, state, DATABASE)

    with open_again(disk) as db, db.write() as tx:
        row = tx[User].insert(User("one more"))
    with open_again(disk) as db, db.read() as tx:
        assert db.offset == 13
        assert row.id == 10
        assert row in tx[User]


def test_two_copies_of_one_state_are_the_same_bytes(state: State) -> None:
    one, other, foreign = Disk(), Disk(), Disk()

    write_state(one, state, DATABASE)
    write_state(other, state, DATABASE)
    write_state(foreign, state, bytes(16))

    name = segment_name(13)
    assert one.snapshot_files().keys() == other.snapshot_files().keys()
    assert one.contents(name) == other.contents(name)
    salts = [
        SegmentHeader.decode(each.contents(name), "", first_offset=13).salt
        for each in (one, foreign)
    ]
    assert salts[0] != salts[1]


def test_many_rows_are_written_in_slices() -> None:
    state = read(make(offset=2))
    table = state.tables[4096]
    (row,) = table.rows.values()
    for number in range(2, 3000):
        table.rows[number] = (number, f"user {number}", *row[2:])
    disk = Disk()

    write_state(disk, state, DATABASE)

    assert tables_of(read(disk)) == tables_of(state)


def test_parents_are_made(tmp_path: Path, state: State) -> None:
    files = qsdb.files.open_directory(tmp_path / "a" / "b")

    write_state(files, state, DATABASE)

    assert read(files).offset == 12


@pytest.mark.parametrize("name", ["END", "log/x", "photo.jpg"])
def test_a_directory_with_something_in_it_is_refused(name: str, state: State) -> None:
    disk = Disk({name: b"mine"})
    before = disk.snapshot_files()

    with pytest.raises(StorageError) as caught:
        write_state(disk, state, DATABASE)

    assert str(caught.value) == (
        f"simulated: is not empty, {name.partition('/')[0]} is in it. Nothing was "
        "written; name an empty directory, or one that is not there yet"
    )
    assert disk.snapshot_files() == before


def test_an_empty_directory_and_none_will_do(tmp_path: Path) -> None:
    require_empty(qsdb.files.open_directory(tmp_path))
    require_empty(qsdb.files.open_directory(tmp_path / "none"))


def test_somebody_who_writes_there_is_not_disturbed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    files = qsdb.files.open_directory(tmp_path)
    lock = take_lock(files)
    monkeypatch.setattr("qsdb.recovery.copying.require_empty", lambda _: None)

    with pytest.raises(DatabaseLocked):
        write_state(files, state, DATABASE)
    lock.release()


def test_a_copy_that_was_finished_meanwhile_is_kept(
    monkeypatch: pytest.MonkeyPatch, state: State
) -> None:
    disk = Disk()
    write_end_note(disk, EndNote.of_unfinished(DATABASE))

    def late(directory: Directory) -> Lock:
        monkeypatch.undo()
        write_state(directory, state, DATABASE)
        return take_lock(directory)

    monkeypatch.setattr("qsdb.recovery.copying.take_lock", late)
    with pytest.raises(StorageError, match=r"is not empty, END, LOCK, log is in it"):
        write_state(disk, read(make(offset=2)), DATABASE)

    assert tables_of(read(disk)) == tables_of(state)
    take_lock(disk).release()


def test_the_lock_is_given_back_after_an_error(state: State) -> None:
    disk = Disk()
    kind = state.tables[4096].kind

    def slices() -> list[list[tuple[object, ...]]]:
        raise RuntimeError("no rows")

    with pytest.raises(RuntimeError, match=r"no rows"):
        write_database(
            disk,
            (TableImage(4096, kind, slices(), []) for _ in range(1)),
            Origin(database=DATABASE, offset=1, microseconds=0, salt=0),
        )

    assert not is_whole(disk)
    take_lock(disk).release()
    write_state(disk, state, DATABASE)
    assert tables_of(read(disk)) == tables_of(state)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["kept", "dropped", "torn", "garbage"])
@pytest.mark.parametrize("moment", ["before", "during", "after"])
def test_a_crash_anywhere_leaves_no_database_or_all_of_it(
    policy: Policy, moment: Literal["before", "during", "after"]
) -> None:
    state = read(make(offset=4))
    expected, rng, whole = tables_of(state), random.Random(SEED), 0
    print(f"seed {SEED}")
    calls_count = _calls_count(state)
    for number in range(calls_count):
        disk = Disk()
        with pytest.raises(SimulatedCrash):
            write_state(
                FaultyDirectory(disk, once(number, Crash(moment))), state, DATABASE
            )
        after = disk.crash(rng, policy)
        if is_whole(after):
            whole += 1
        else:  # and so it may be tried again, in the same place
            write_state(after, state, DATABASE)
            after = after.crash(rng, policy)
        assert tables_of(read(after)) == expected
        assert verify(after, deep=True).is_sound

    assert whole < calls_count / 2


def is_whole(disk: Disk) -> bool:
    """Whether there is a database in a directory, and no copy that was cut off."""
    try:
        return not is_new(disk)
    except StorageError as error:
        assert "a copy of a database was begun" in str(error)
        return False


@pytest.mark.parametrize("policy", ["kept", "dropped", "torn", "garbage"])
def test_nothing_of_a_copy_that_was_cut_off_comes_back(policy: Policy) -> None:
    """Also where the next one is of an earlier offset, and the power fails."""
    later, earlier = read(make(offset=6)), read(make(offset=4))
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    disk = Disk()
    stop = _calls_count(later) - 6
    with pytest.raises(SimulatedCrash):
        write_state(FaultyDirectory(disk, once(stop, Crash("after"))), later, DATABASE)
    disk = disk.crash(rng, "kept")
    assert list_snapshots(disk) == [6]

    write_state(disk, earlier, DATABASE)

    after = disk.crash(rng, policy)
    assert list_snapshots(after) == [4]
    assert after.list("log") == ["00000000000000000005.log"]
    assert tables_of(read(after)) == tables_of(earlier)


def test_a_copy_that_was_cut_off_among_other_things_is_left_alone(
    state: State,
) -> None:
    disk = Disk({"photo.jpg": b"mine"})
    write_end_note(disk, EndNote.of_unfinished(DATABASE))

    with pytest.raises(StorageError, match=r"is not empty, END, photo.jpg is in it"):
        write_state(disk, state, DATABASE)


@pytest.mark.parametrize("name", ["LOCK", "END.tmp"])
def test_what_a_copy_begins_with_is_in_the_way_of_none(name: str, state: State) -> None:
    disk = Disk({name: b"x"})

    write_state(disk, state, DATABASE)

    assert tables_of(read(disk)) == tables_of(state)


def _calls_count(state: State) -> int:
    counted = FaultyDirectory(Disk())
    write_state(counted, state, DATABASE)
    return counted.calls_count


def test_when_it_returns_all_is_on_the_disk(state: State) -> None:
    disk = Disk()
    write_state(disk, state, DATABASE)

    after = disk.crash(random.Random(SEED), "dropped")

    assert tables_of(read(after)) == tables_of(state)


def test_a_copy_tells_what_is_in_it(state: State) -> None:
    told = copy_of(state, "data", "copy")

    assert told == Copy(
        source="data",
        target="copy",
        offset=12,
        microseconds=11_000_000,
        tables_count=2,
        rows_count=15,
    )
    assert str(told) == (
        "copy at offset 12, 1970-01-01T00:00:11Z, from data\n  2 tables, 15 rows"
    )
