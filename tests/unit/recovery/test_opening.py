"""Reading a directory: where it begins, what it refuses, and where it ends."""

import errno
from collections.abc import Callable

import attrs
import pytest

from qsdb import CorruptionError, StorageError
from qsdb.log.end_notes import EndNote, write_end_note
from qsdb.log.frames import Body, Place, build_frame, pack_records
from qsdb.log.segments import SEGMENT_HEADER_BYTES, SegmentHeader, segment_name
from qsdb.log.snapshots import SnapshotWriter, list_snapshots, read_snapshot
from qsdb.recovery.opening import is_new, read_state
from qsdb.testing import (
    Fail,
    FaultyDirectory,
    SimulatedDirectory,
    TracedDirectory,
)
from tests.unit.recovery.stored import (
    SEGMENTS,
    cut,
    damaged_frame,
    flip,
    frames_in,
    make,
    never_closed,
    open_again,
    read,
    segments,
    tables_of,
)

ROOT = "simulated:"


def manifest(offset: int) -> str:
    return f"snapshots/{offset:020}.manifest"


def chunk_of(disk: SimulatedDirectory, offset: int, *, table_id: int = 4096) -> str:
    """Give the name of the first chunk that a snapshot has of a table."""
    snapshot = read_snapshot(disk, offset)
    table = next(each for each in snapshot.tables if each.table_id == table_id)
    return table.chunks[0].name


# Whether there is a database.


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"LOCK": b"process 1"},
        {"LOCK": b"", "log/00000000000000000001.log.tmp": b"x"},
        {"quarantine/x": b""},
    ],
)
def test_what_never_held_a_commit_is_new(files: dict[str, bytes]) -> None:
    assert is_new(SimulatedDirectory(files))


def test_a_segment_or_a_snapshot_makes_it_a_database() -> None:
    assert not is_new(make(offset=1))
    assert not is_new(SimulatedDirectory({"log/x": b"", manifest(9): b""}))
    assert not is_new(SimulatedDirectory({manifest(9): b""}))


def test_snapshots_without_a_log_are_a_database() -> None:
    """Whatever a segment is called that never was begun: they are not given up."""
    files = {manifest(9): b"", f"{segment_name(10)}.tmp": b""}

    assert not is_new(SimulatedDirectory(files))


def test_a_note_without_a_log_is_a_database() -> None:
    disk = make()
    for name in SEGMENTS:
        disk.remove(name)

    assert not is_new(disk)
    with pytest.raises(CorruptionError) as caught:
        open_again(disk)
    assert caught.value.reason == (
        "there is no segment of the log; END notes that it came to offset 12"
    )


def test_a_damaged_note_is_of_a_database() -> None:
    assert not is_new(SimulatedDirectory({"END": b"x"}))


def test_a_copy_that_was_cut_off_is_told() -> None:
    disk = SimulatedDirectory({manifest(9): b"", segment_name(10): b""})
    write_end_note(disk, EndNote.of_unfinished(bytes(16)))

    with pytest.raises(StorageError) as caught:
        is_new(disk)

    assert str(caught.value) == (
        "a copy of a database was begun in simulated: and not finished, so nothing in "
        "it counts. Nothing was written; make the copy into it again, which starts "
        "over, or remove it"
    )


def test_a_directory_with_logs_of_another_kind_is_refused() -> None:
    disk = SimulatedDirectory(
        {"log/app.log": b"started", f"{segment_name(1)}.tmp": b""}
    )

    with pytest.raises(StorageError, match=r"in it, but log/app\.log\. Nothing was"):
        is_new(disk)


def test_a_directory_of_other_things_is_refused_by_three_names() -> None:
    disk = SimulatedDirectory(dict.fromkeys(("a", "b", "c", "d"), b""))

    with pytest.raises(StorageError) as caught:
        is_new(disk)

    assert str(caught.value) == (
        "simulated: is no database: there is no segment of a log in it, but a, b, c. "
        "Nothing was written; name an empty directory, or one that is not there yet"
    )


# Where reading begins.


def test_the_log_alone_gives_the_state() -> None:
    found = read_state(make())

    assert found.report.snapshot_offset is None
    assert (found.report.offset, found.report.records_count) == (12, 12)
    assert found.state.microseconds == 11_000_000


def test_the_newest_snapshot_is_where_reading_begins() -> None:
    disk = make(snapshots=(5, 9))
    for name in SEGMENTS[:2]:
        disk.remove(name)

    found = read_state(disk)

    assert (found.report.snapshot_offset, found.report.records_count) == (9, 3)
    assert tables_of(found.state) == tables_of(read(make()))


def test_no_snapshot_after_an_offset_is_read() -> None:
    disk = make(snapshots=(5, 9))

    for at_most, expected in ((12, 9), (9, 9), (8, 5), (4, None)):
        report = read_state(disk, at_most=at_most).report
        assert report.snapshot_offset == expected


def test_reading_ends_where_it_is_told_to() -> None:
    disk = make()
    found = read_state(disk, until=lambda state, _: state.offset >= 7)

    assert found.state.offset == 7
    assert tables_of(found.state) == tables_of(read(make(offset=7)))


def test_reading_tells_how_far_it_is() -> None:
    disk, told = make(), list[tuple[int, int]]()

    read_state(disk, progress=lambda *numbers: told.append(numbers))

    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def break_chunk(disk: SimulatedDirectory, offset: int) -> None:
    flip(disk, chunk_of(disk, offset), 30)


def lose_chunk(disk: SimulatedDirectory, offset: int) -> None:
    disk.remove(chunk_of(disk, offset))


def break_manifest(disk: SimulatedDirectory, offset: int) -> None:
    flip(disk, manifest(offset), 60)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (break_chunk, "its content does not hash to its name"),
        (lose_chunk, "it is missing, with 7 rows of a snapshot"),
        (break_manifest, "it fails its hash"),
    ],
)
def test_an_older_snapshot_stands_in_for_a_damaged_one(
    damage: Callable[[SimulatedDirectory, int], None], reason: str
) -> None:
    disk = make(snapshots=(5, 9))
    damage(disk, 9)

    found = read_state(disk)

    assert found.report.snapshot_offset == 5
    assert found.report.skipped == (f"the snapshot of offset 9: {reason}",)
    assert tables_of(found.state) == tables_of(read(make()))


def test_the_log_stands_in_for_all_snapshots() -> None:
    disk = make(snapshots=(5, 9))
    for offset in (5, 9):
        break_manifest(disk, offset)

    found = read_state(disk)

    assert found.report.snapshot_offset is None
    assert len(found.report.skipped) == 2
    assert tables_of(found.state) == tables_of(read(make()))


def test_a_snapshot_that_the_system_cannot_read_is_passed_over() -> None:
    disk = make(snapshots=(5, 9))
    name = chunk_of(disk, 9)
    faulty = FaultyDirectory(
        disk,
        lambda call: (
            Fail(errno.EIO) if call.operation == "read" and call.name == name else None
        ),
    )

    report = read_state(faulty).report

    assert report.snapshot_offset == 5
    assert report.skipped[0].startswith("the snapshot of offset 9: [Errno 5]")


def test_without_the_log_the_damaged_snapshot_is_what_is_told() -> None:
    disk = make(snapshots=(5, 9))
    break_manifest(disk, 9)
    for name in SEGMENTS[:3]:
        disk.remove(name)

    with pytest.raises(CorruptionError, match=r"000009.manifest, byte 0: it fails its"):
        read_state(disk)


def test_a_damaged_snapshot_without_an_older_one_is_told() -> None:
    disk = make(snapshots=(9,))
    break_manifest(disk, 9)
    disk.remove(SEGMENTS[0])

    with pytest.raises(CorruptionError, match=r"000009.manifest, byte 0: it fails its"):
        read_state(disk)


def test_without_a_snapshot_the_log_must_begin_with_1() -> None:
    disk = make()
    disk.remove(SEGMENTS[0])

    with pytest.raises(CorruptionError) as caught:
        read_state(disk)

    assert caught.value.path == f"{ROOT}/{SEGMENTS[0]}"
    assert caught.value.reason == "it is missing; the log begins with 2"


# The log.


@pytest.mark.parametrize("files", [{}, {"log/x": b""}])
def test_without_a_segment_there_is_nothing_to_read(files: dict[str, bytes]) -> None:
    with pytest.raises(
        CorruptionError, match=r"^simulated:/log, byte 0: there is no segment of"
    ):
        read_state(SimulatedDirectory(files))


def test_a_missing_segment_is_told_by_name() -> None:
    disk = make()
    disk.remove(SEGMENTS[2])

    with pytest.raises(CorruptionError) as caught:
        read_state(disk)

    error = caught.value
    assert error.path == f"{ROOT}/{SEGMENTS[2]}"
    assert error.reason == "it is missing; the next segment begins with offset 10"
    assert error.last_good_offset == 5


def test_a_segment_that_a_snapshot_needs_is_told_by_name() -> None:
    disk = make(snapshots=(5,))
    for name in SEGMENTS[:3]:
        disk.remove(name)

    with pytest.raises(CorruptionError) as caught:
        read_state(disk)

    assert caught.value.path == f"{ROOT}/{SEGMENTS[2]}"
    assert caught.value.last_good_offset == 5


def test_a_log_that_ends_before_its_snapshot_is_told() -> None:
    disk = make(snapshots=(12,))
    disk.remove(SEGMENTS[3])

    with pytest.raises(CorruptionError) as caught:
        read_state(disk)

    assert caught.value.reason == (
        "the log ends with offset 9, and there is a snapshot of offset 12: a part of "
        "the log is missing"
    )


def test_damage_in_the_log_is_told_with_what_is_good() -> None:
    disk = make()
    position = damaged_frame(disk, SEGMENTS[2], 1)

    with pytest.raises(CorruptionError) as caught:
        read_state(disk)

    error = caught.value
    assert (error.path, error.position) == (f"{ROOT}/{SEGMENTS[2]}", position)
    assert error.last_good_offset == 6
    assert error.frames_after == 2


@pytest.mark.parametrize("place", [0, 20, 60])
def test_damage_in_a_header_is_told(place: int) -> None:
    disk = make()
    flip(disk, SEGMENTS[2], place)

    if place == 60:  # zeros that mean nothing
        assert read(disk).offset == 12
    else:
        with pytest.raises(CorruptionError, match=r"byte 0: it"):
            read_state(disk)


def test_a_segment_of_another_database_is_told() -> None:
    disk = make()
    header = SegmentHeader.decode(disk.contents(SEGMENTS[2]), "", first_offset=6)
    foreign = SegmentHeader(
        database=bytes(16),
        first_offset=6,
        chain=header.chain,
        salt=header.salt,
        created_microseconds=0,
    )
    data = disk.contents(SEGMENTS[2])
    disk.replace_contents(SEGMENTS[2], foreign.encode() + data[SEGMENT_HEADER_BYTES:])
    traced = TracedDirectory(disk)

    with pytest.raises(CorruptionError, match=r"it belongs to the database 0000000"):
        read_state(traced)

    opened = [call.name for call in traced.calls if call.operation == "open"]
    closed = [call.name for call in traced.calls if call.operation == "close"]
    assert sorted(opened) == sorted(closed)


def with_record(disk: SimulatedDirectory, record: bytes) -> SimulatedDirectory:
    """Put one more record at the end of the log, with right checksums."""
    name = SEGMENTS[3]
    mark = frames_in(disk, name)[-1]
    header = SegmentHeader.decode(disk.contents(name), "", first_offset=10)
    (body,) = pack_records([record])
    frame, _ = build_frame(mark.after, body, salt=header.salt, durable=64)
    disk.replace_contents(name, disk.contents(name)[: mark.after.position] + frame)
    return disk


@pytest.mark.parametrize(
    ("record", "until"), [(b"", True), (b"\xff", False), (b"\xff" * 9, False)]
)
def test_what_is_no_record_is_damage(record: bytes, *, until: bool) -> None:
    disk = with_record(make(), record)

    with pytest.raises(CorruptionError) as caught:
        read_state(disk, until=(lambda state, _: state.offset > 12) if until else None)

    assert caught.value.reason.startswith("the commit at offset 13: a record")
    assert caught.value.last_good_offset == 12


# What is read all the same.


def test_a_database_whose_first_commit_is_torn_is_made_anew() -> None:
    disk = make(offset=1)
    (name,) = [segment_name(offset) for offset in segments(disk)]
    cut(disk, name, 1000)
    never_closed(disk)

    assert read(disk).offset == 0
    with open_again(disk) as db:
        assert db.offset == 1


def test_a_record_in_parts_is_read_as_one() -> None:
    disk = make()
    name = SEGMENTS[3]
    last = frames_in(disk, name)[2]
    header = SegmentHeader.decode(disk.contents(name), "", first_offset=10)
    record = last.body.data[4:]
    place: Place = last.place
    data = disk.contents(name)[: place.position]
    bodies: list[Body] = [*pack_records([record], body_max=100)]
    for body in bodies:
        frame, place = build_frame(place, body, salt=header.salt, durable=64)
        data += frame
    disk.replace_contents(name, data)
    never_closed(disk)

    assert len(bodies) > 1
    assert tables_of(read(disk)) == tables_of(read(make()))


def test_snapshots_are_read_of_the_same_database_only() -> None:
    disk = make(snapshots=(9,))
    told = read_snapshot(disk, 9)
    SnapshotWriter(
        disk, attrs.evolve(told, database=bytes(16), offset=11), None
    ).finish()

    report = read_state(disk).report

    assert list_snapshots(disk) == [9, 11]
    assert report.snapshot_offset == 9
    assert "it belongs to the database 0000" in report.skipped[0]


def test_files_are_closed_after_reading() -> None:
    traced = TracedDirectory(make(snapshots=(5, 9)))

    read_state(traced)

    counts = [
        len([call for call in traced.calls if call.operation == operation])
        for operation in ("open", "close", "write")
    ]
    assert counts[0] == counts[1] > 0
    assert counts[2] == 0
