"""The end of a log against its note: in all that reads, and beside a writer."""

import errno
from collections.abc import Callable
from typing import TypeVar

import attrs
import pytest

import qsdb
from qsdb import CorruptionError, DiskFull, StorageError
from qsdb.log.end_notes import EndNote, read_end_note, write_end_note
from qsdb.log.frames import Place
from qsdb.log.segments import SEGMENT_HEADER_BYTES, SegmentHeader, segment_name
from qsdb.recovery.ends import NotedEnd
from qsdb.recovery.mending import mend
from qsdb.recovery.opening import read_state
from qsdb.testing import (
    Call,
    Fail,
    FaultyDirectory,
    SimulatedDirectory,
    TracedDirectory,
)
from qsdb.testing.disk.interposed import InterposedDirectory
from tests.unit.recovery.stored import (
    MODULE,
    SEGMENTS,
    User,
    cut,
    frames_in,
    make,
    never_closed,
    open_again,
    segments,
    tables_of,
)

ROOT = "simulated:"
T = TypeVar("T")


def noted(disk: SimulatedDirectory) -> EndNote:
    note = read_end_note(disk)
    assert note is not None
    return note


def refused(disk: SimulatedDirectory) -> CorruptionError:
    """Give what all who read the end of the log are told, the same."""
    before = disk.snapshot_files()
    told: list[CorruptionError] = []
    for reading in (
        lambda: read_state(disk),
        lambda: open_again(disk),
        lambda: qsdb.Database(MODULE, disk, read_only=True),
        lambda: qsdb.restore(disk, SimulatedDirectory()),
        lambda: qsdb.dump(disk, Sink()),
    ):
        with pytest.raises(CorruptionError) as caught:
            reading()
        told.append(caught.value)
    assert len(set(map(str, told))) == 1
    assert {**disk.snapshot_files(), "LOCK": b""} == {**before, "LOCK": b""}
    found = qsdb.verify(disk)
    assert (told[0].path, told[0].position, told[0].reason) in found.faults
    done = qsdb.repair(disk, SimulatedDirectory())
    places = [(each.path, each.position) for each in done.faults]
    assert (told[0].path, told[0].position) in places  # perhaps in words of its own
    return told[0]


class Sink:
    """Takes a dump, and is never given one."""

    def write(self, data: bytes, /) -> object:
        raise AssertionError(data)


# What is noted.


def test_a_close_notes_where_the_log_ends() -> None:
    disk = make()

    last = frames_in(disk, SEGMENTS[3])[-1]
    database = read_state(disk).database
    assert noted(disk) == EndNote(database=database, first_offset=10, place=last.after)


def test_a_segment_is_noted_when_it_is_begun() -> None:
    disk = SimulatedDirectory()
    with open_again(disk) as db:
        for number in range(12):
            first = segments(disk)[-1]
            header = SegmentHeader.decode(
                disk.contents(segment_name(first)), "", first_offset=first
            )
            place = Place(SEGMENT_HEADER_BYTES, first, header.chain)
            assert (noted(disk).first_offset, noted(disk).place) == (first, place)
            with db.write() as tx:
                tx[User].insert(User(f"user {number}" * 9))
    assert len(segments(disk)) > 2


def test_no_commit_writes_a_note() -> None:
    traced = TracedDirectory(make())
    with open_again(traced) as db:
        traced.calls.clear()
        with db.write() as tx:
            tx[User].insert(User("one more"))
        assert not [call for call in traced.calls if call.name.startswith("END")]


def test_an_opening_notes_what_a_killed_process_has_left() -> None:
    disk = make()
    end = noted(disk)
    never_closed(disk)
    assert noted(disk).place.offset == 10

    tail, _ = mend(disk, read_state(disk))

    assert noted(disk) == end
    assert tail.place == end.place


def test_a_note_that_tells_all_is_not_written_again() -> None:
    disk = make()
    traced = TracedDirectory(disk)

    mend(traced, read_state(disk))

    assert not [call for call in traced.calls if call.operation == "rename"]


def test_a_copy_notes_where_its_log_begins() -> None:
    disk, copy = make(), SimulatedDirectory()

    qsdb.restore(disk, copy, to_offset=7)

    assert (noted(copy).first_offset, noted(copy).place) == (8, Place(64, 8, 0))
    copy.remove(segment_name(8))
    with pytest.raises(CorruptionError, match=r"END notes that it came to offset 7"):
        read_state(copy)


def test_a_directory_that_was_moved_away_keeps_its_older_note() -> None:
    """And what has its path now is left alone."""
    disk, other = make(), make(offset=3)
    db = open_again(disk)
    with db.write() as tx:
        tx[User].insert(User("one more"))
    foreign = attrs.evolve(noted(other), database=bytes(16))
    write_end_note(disk, foreign)

    db.close()

    assert noted(disk) == foreign


def test_a_note_that_was_damaged_meanwhile_is_left_alone() -> None:
    disk = make()
    with open_again(disk):
        disk.replace_contents("END", b"x")

    with pytest.raises(CorruptionError, match=r"END, byte 0: it has 1 bytes"):
        read_state(disk)


# A log that lacks its end.


def test_a_log_that_was_cut_is_refused_with_what_is_good() -> None:
    disk = make()
    position = frames_in(disk, SEGMENTS[3])[1].place.position
    cut(disk, SEGMENTS[3], position)

    error = refused(disk)

    assert (error.path, error.position) == (f"{ROOT}/{SEGMENTS[3]}", position)
    assert error.last_good_offset == 10
    assert error.reason == (
        "the log ends here, with offset 10, and END notes that it came to byte 984 and "
        "offset 12: a part of it is missing"
    )


def test_a_tail_that_is_noted_is_no_torn_one() -> None:
    disk = make()
    position = frames_in(disk, SEGMENTS[3])[2].place.position
    cut(disk, SEGMENTS[3], position + 80)

    error = refused(disk)

    assert "with offset 11 (a frame is cut off), and END notes" in error.reason
    assert qsdb.verify(disk).torn is None


def test_a_last_segment_that_is_missing_is_told_by_name() -> None:
    for count in (1, 2, 3):
        disk = make()
        for name in SEGMENTS[-count:]:
            disk.remove(name)

        error = refused(disk)

        good = (9, 5, 1)[count - 1]
        assert (error.path, error.position) == (f"{ROOT}/{SEGMENTS[3]}", 0)
        assert error.last_good_offset == good
        assert error.reason == (
            f"it is missing, with all after it: the log ends with offset {good}, and "
            "END notes that it came to offset 12, byte 984 of this segment"
        )


def test_what_is_there_can_be_restored_and_repaired() -> None:
    disk = make()
    disk.remove(SEGMENTS[3])
    expected = tables_of(read_state(make(offset=9)).state)

    restored, mended = SimulatedDirectory(), SimulatedDirectory()
    qsdb.restore(disk, restored, to_offset=9)
    done = qsdb.repair(disk, mended)

    assert (done.offset, done.last_offset) == (9, 12)
    for each in (restored, mended):
        assert tables_of(read_state(each).state) == expected
        assert qsdb.verify(each, deep=True).is_sound
    with qsdb.Database(MODULE, disk, at=9, read_only=True) as db:
        assert db.offset == 9
    with pytest.raises(CorruptionError, match=r"it is missing, with all after it"):
        qsdb.restore(disk, SimulatedDirectory(), to_offset=10)
    with pytest.raises(CorruptionError, match=r"it is missing, with all after it"):
        qsdb.restore(
            disk, SimulatedDirectory(), to_time=qsdb.Timestamp.from_micros(1 << 60)
        )


def test_a_log_of_another_past_is_refused() -> None:
    disk, other = make(), make()
    with open_again(other) as db, db.write() as tx:
        tx[User].insert(User("one more"))
    ours = noted(disk)
    place = ours.place._replace(chain=ours.place.chain ^ 1)
    write_end_note(disk, attrs.evolve(ours, place=place))

    error = refused(disk)

    assert (error.path, error.position) == (f"{ROOT}/{SEGMENTS[3]}", 984)
    assert error.last_good_offset is None
    assert error.reason == (
        "what stands before this is not what END notes, which is offset 12 with the "
        f"checksum {place.chain:08x}: the log has another past"
    )
    write_end_note(other, attrs.evolve(ours, place=place))
    assert refused(other).reason == error.reason


def test_a_log_that_went_on_is_fine() -> None:
    """As one does that a qsdb writes which knows no notes."""
    disk = make(offset=3)
    older = noted(disk)
    make_more = [f"user {number}" * 9 for number in range(20, 30)]
    with open_again(disk) as db:
        for name in make_more:
            with db.write() as tx:
                tx[User].insert(User(name))
    assert segments(disk)[-1] > older.first_offset

    write_end_note(disk, older)

    assert read_state(disk).state.offset == 13
    disk.remove(segment_name(1))  # a segment before it, and that it names, may be gone
    assert NotedEnd(disk).note == older


def test_a_segment_that_is_noted_and_not_needed_may_be_gone_or_damaged() -> None:
    disk = make(snapshots=(9,))
    name = segment_name(6)
    header = SegmentHeader.decode(disk.contents(name), "", first_offset=6)
    place = Place(SEGMENT_HEADER_BYTES, 6, header.chain)
    write_end_note(disk, attrs.evolve(noted(disk), first_offset=6, place=place))

    disk.replace_contents(name, b"x" * 900)
    assert read_state(disk).state.offset == 12
    for each in SEGMENTS[:3]:
        disk.remove(each)
    assert read_state(disk).state.offset == 12


# The note itself.


def test_a_missing_note_is_told() -> None:
    disk = make()
    disk.remove("END")

    error = refused(disk)

    assert (error.path, error.position) == (f"{ROOT}/END", 0)
    assert error.last_good_offset == 12
    assert error.reason == (
        "it is missing, and without it nobody can tell whether the end of the log is; "
        "what is there ends with offset 12"
    )


def test_a_damaged_note_is_told_and_all_before_the_end_is_read() -> None:
    disk = make()
    disk.replace_contents("END", bytes(64))

    error = refused(disk)

    assert error.reason == "it does not begin like the note of a log's end"
    qsdb.restore(disk, SimulatedDirectory(), to_offset=12)


def test_a_note_that_cannot_be_read_is_told() -> None:
    disk = make()
    faulty = FaultyDirectory(
        disk,
        lambda call: (
            Fail(errno.EIO) if (call.operation, call.name) == ("read", "END") else None
        ),
    )

    with pytest.raises(OSError, match=r"EIO"):
        read_state(faulty)
    (fault,) = qsdb.verify(faulty).faults
    assert fault.path == f"{ROOT}/END"
    assert fault.reason.startswith("it cannot be read: ")


def test_a_note_of_another_database_is_told() -> None:
    disk = make()
    write_end_note(disk, attrs.evolve(noted(disk), database=bytes(16)))

    error = refused(disk)

    assert error.path == f"{ROOT}/END"
    assert error.reason.startswith(f"it belongs to the database {'0' * 32}, the log to")


def without_flag(disk: SimulatedDirectory) -> None:
    """Have the log as it was before there were notes."""
    disk.remove("END")
    for name in SEGMENTS:
        data = disk.contents(name)
        header = SegmentHeader.decode(data, "", first_offset=int(name[4:24]))
        old = attrs.evolve(header, flags=0).encode()
        disk.replace_contents(name, old + data[SEGMENT_HEADER_BYTES:])


def test_an_older_log_has_none_and_gets_one() -> None:
    disk = make()
    end = noted(disk)
    without_flag(disk)

    found = qsdb.verify(disk, deep=True)
    assert found.is_sound
    assert found.remarks == (
        (
            f"{ROOT}/END is not there yet: were the end of the log missing, nobody "
            "could tell; opening it to write notes where it ends"
        ),
    )
    assert read_state(disk).state.offset == 12
    mend(disk, read_state(disk))

    assert noted(disk) == end
    assert qsdb.verify(disk).remarks == ()


def test_an_unfinished_write_of_a_note_is_remarked() -> None:
    disk = make()
    disk.replace_contents("END.tmp", b"x")

    assert qsdb.verify(disk).remarks == (
        f"{ROOT}/END.tmp was left by a write that was cut off",
    )
    open_again(disk).close()
    assert "END.tmp" not in disk.list()


def without_room(disk: SimulatedDirectory) -> FaultyDirectory:
    return FaultyDirectory(
        disk,
        lambda call: (
            Fail(errno.ENOSPC)
            if (call.operation, call.name) == ("create", "END.tmp")
            else None
        ),
    )


def test_a_full_disk_opens_with_the_older_note() -> None:
    disk = make()
    never_closed(disk)
    older = noted(disk)

    mend(without_room(disk), read_state(disk))
    assert noted(disk) == older
    with open_again(without_room(disk)):
        pass
    assert noted(disk) == older


def test_an_older_log_on_a_full_disk_opens_without_a_note() -> None:
    disk = make()
    without_flag(disk)

    mend(without_room(disk), read_state(disk))

    assert read_end_note(disk) is None


def test_a_log_without_a_commit_has_to_be_noted_before_its_first() -> None:
    """It was made just before the power failed, or the disk was full."""
    disk = SimulatedDirectory()
    with pytest.raises(DiskFull, match=r"no room on the disk for simulated:/END to"):
        open_again(without_room(disk))
    assert read_end_note(disk) is None
    with pytest.raises(DiskFull, match=r"no room on the disk for simulated:/END to"):
        open_again(without_room(disk))

    open_again(disk).close()

    assert noted(disk).last_offset == 1


@pytest.mark.parametrize("offset", [0, 12])
def test_a_disk_that_fails_opens_nothing(offset: int) -> None:
    disk = make() if offset else SimulatedDirectory()
    if offset:
        never_closed(disk)
    faulty = FaultyDirectory(
        disk,
        lambda call: (
            Fail(errno.EIO)
            if (call.operation, call.name) == ("write", "END.tmp")
            else None
        ),
    )

    with pytest.raises(StorageError, match=r"the opening came to nothing: .*END.tmp"):
        open_again(faulty)


def test_a_rotation_without_room_for_its_note_undoes_one_commit() -> None:
    disk = SimulatedDirectory()
    faulty = FaultyDirectory(disk)
    with open_again(faulty) as db:
        faulty.plan = without_room(disk).plan
        with pytest.raises(DiskFull, match=r"simulated:/END"):
            for number in range(9):
                with db.write() as tx:
                    tx[User].insert(User(f"user {number}" * 9))
        offset = db.offset
        faulty.plan = None
        with db.write() as tx:
            tx[User].insert(User("one more"))
        assert db.offset == offset + 1
    assert read_state(disk).state.offset == offset + 1


# Beside a writer.


class BesideWriter(InterposedDirectory):
    """Does something once, right after the first file of the log was read."""

    def __init__(self, disk: SimulatedDirectory, action: Callable[[], object]) -> None:
        super().__init__(disk)
        self.actions = [action]

    def around(self, call: Call, perform: Callable[[], T]) -> T:
        done = perform()
        if call.operation == "close" and call.name.startswith("log/") and self.actions:
            self.actions.pop()()
        return done


def write_and_close(db: qsdb.Database) -> None:
    for number in range(20):
        with db.write() as tx:
            tx[User].insert(User(f"late {number}" * 9))
    db.close()


READERS: dict[str, Callable[[InterposedDirectory], object]] = {
    "opening": lambda files: qsdb.Database(MODULE, files, read_only=True).close(),
    "restoring": lambda files: qsdb.restore(files, SimulatedDirectory()),
    "repairing": lambda files: qsdb.repair(files, SimulatedDirectory()),
}


@pytest.mark.parametrize("name", READERS)
def test_a_writer_that_goes_on_meanwhile_makes_no_false_alarm(
    name: str,
) -> None:
    disk = make(offset=3)
    db = open_again(disk)
    files = BesideWriter(disk, lambda: write_and_close(db))

    READERS[name](files)

    assert files.actions == []
    assert noted(disk).last_offset == 23


def test_verifying_beside_a_writer_makes_no_false_alarm() -> None:
    disk = make(offset=3)
    db = open_again(disk)
    files = BesideWriter(disk, lambda: write_and_close(db))

    assert qsdb.verify(files).is_sound


def test_who_follows_is_told_when_the_end_goes_missing() -> None:
    disk = make()
    with qsdb.Database(MODULE, disk, read_only=True) as reading:
        with open_again(disk) as db, db.write() as tx:
            tx[User].insert(User("one more"))
        size = frames_in(disk, SEGMENTS[3])[-2].place.position
        cut(disk, SEGMENTS[3], size)

        with pytest.raises(StorageError, match=r"END notes that it came to byte"):
            reading.refresh()
