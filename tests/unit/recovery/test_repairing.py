"""Repair: the newest state without a gap, and what is lost told."""

import errno
from pathlib import Path
from typing import Any

import attrs
import pytest

import qsdb
from qsdb import ArgumentError, DiskFull, FormatVersionError, StorageError
from qsdb.codec.cbor import read_item
from qsdb.log.frames import MARK, Place, build_frame, pack_records
from qsdb.log.manifests import manifest_name
from qsdb.log.segments import SEGMENT_HEADER_BYTES, SegmentHeader
from qsdb.recovery.repairing import SALVAGED_NAME, Repair, repair
from qsdb.recovery.salvaging import FileFault
from qsdb.recovery.verifying import verify
from qsdb.testing import (
    Fail,
    FaultyDirectory,
    SimulatedDirectory,
    TracedDirectory,
)
from tests.unit.recovery.stored import (
    SEGMENTS,
    Note,
    User,
    cut,
    damaged_frame,
    flip,
    frames_in,
    make,
    never_closed,
    open_again,
    read,
    tables_of,
)

ROOT = "simulated:"


def repaired(
    disk: SimulatedDirectory, *, salvage: bool = False
) -> tuple[Repair, SimulatedDirectory]:
    """Repair into a new disk, which must be sound."""
    target = SimulatedDirectory()
    done = repair(disk, target, salvage=salvage)
    found = verify(target, deep=True)
    assert found.is_sound, str(found)
    assert found.offset == done.offset
    return done, target


def salvaged(target: SimulatedDirectory) -> list[Any]:
    data, items, at = target.contents(SALVAGED_NAME), list[Any](), 0
    while at < len(data):
        item, at = read_item(data, at)
        items.append(item)
    return items


def test_a_sound_database_loses_nothing() -> None:
    disk = make(snapshots=(5,))

    done, target = repaired(disk, salvage=True)

    assert (done.offset, done.last_offset) == (12, 12)
    assert (done.snapshot_offset, done.records_count) == (5, 7)
    assert done.faults == ()
    assert done.skipped == ()
    assert (done.lost_records_count, done.lost_frames_count) == (0, 0)
    assert tables_of(read(target)) == tables_of(read(disk))
    assert target.contents(SALVAGED_NAME) == b""
    assert str(done) == (
        "simulated: at offset 12, repaired from simulated:\n"
        "  snapshot  of offset 5\n"
        "  log       7 commits replayed\n"
        "  lost      nothing\n"
        f"  salvaged  into simulated:/{SALVAGED_NAME}"
    )


def test_what_was_repaired_opens_and_goes_on() -> None:
    disk = make()
    damaged_frame(disk, SEGMENTS[2], 1)
    _, target = repaired(disk)

    with open_again(target) as db, db.write() as tx:
        tx[User].insert(User("new"))

    assert read(target).offset == 7


def test_the_state_before_the_damage_is_kept_and_the_rest_told() -> None:
    disk = make()
    position = damaged_frame(disk, SEGMENTS[2], 1)

    done, target = repaired(disk)

    assert tables_of(read(target)) == tables_of(read(make(offset=6)))
    fault = FileFault(f"{ROOT}/{SEGMENTS[2]}", position, "a frame fails its checksum")
    assert done == Repair(
        source=ROOT,
        target=ROOT,
        offset=6,
        last_offset=12,
        records_count=6,
        faults=(fault,),
        lost_records_count=5,
        lost_frames_count=5,
    )
    assert str(done).splitlines() == [
        "simulated: at offset 6, repaired from simulated:",
        "  log       6 commits replayed",
        f"  damage    {fault}",
        "  lost      offsets 7 to 12; 5 commits of them in 5 whole frames",
    ]


def test_the_original_is_never_written_to() -> None:
    disk = make(snapshots=(5, 9))
    damaged_frame(disk, SEGMENTS[2], 1)
    before, traced = disk.snapshot_files(), TracedDirectory(disk)

    repair(traced, SimulatedDirectory(), salvage=True)

    operations = {call.operation for call in traced.calls}
    assert operations == {"exists", "list", "open", "size", "read", "close"}
    assert disk.snapshot_files() == before


def test_a_snapshot_after_the_damage_saves_what_the_log_lost() -> None:
    disk = make(snapshots=(5, 9))
    damaged_frame(disk, SEGMENTS[2], 1)

    done, target = repaired(disk)

    assert (done.offset, done.snapshot_offset, done.records_count) == (12, 9, 3)
    assert done.faults == ()
    assert tables_of(read(target)) == tables_of(read(make()))


def test_commits_go_on_from_a_snapshot_within_the_damaged_segment() -> None:
    disk = make(snapshots=(8,))
    position = damaged_frame(disk, SEGMENTS[2], 1)

    done, target = repaired(disk)

    assert (done.offset, done.snapshot_offset, done.records_count) == (12, 8, 4)
    assert [each.position for each in done.faults] == [position]
    assert tables_of(read(target)) == tables_of(read(make()))


def test_an_older_snapshot_stands_in_for_a_damaged_one() -> None:
    disk = make(snapshots=(5, 9))
    flip(disk, manifest_name(9), 60)

    done, target = repaired(disk)

    assert (done.offset, done.snapshot_offset) == (12, 5)
    assert done.skipped == ("the snapshot of offset 9: it fails its hash",)
    assert "  passed    the snapshot of offset 9: it fails its hash" in str(done)
    assert tables_of(read(target)) == tables_of(read(make()))


def test_a_snapshot_that_was_passed_over_tells_of_commits() -> None:
    disk = make(snapshots=(5, 12))
    flip(disk, manifest_name(12), 60)
    disk.remove(SEGMENTS[3])

    done, _ = repaired(disk)

    assert (done.offset, done.last_offset) == (9, 12)
    assert "  lost      offsets 10 to 12; 0 commits of them in 0 whole" in str(done)


def test_a_damaged_mark_takes_nothing() -> None:
    disk = make()
    name = SEGMENTS[3]
    header = SegmentHeader.decode(disk.contents(name), "", first_offset=10)
    first, *others = frames_in(disk, name)
    mark, place = build_frame(
        first.after, MARK, salt=header.salt, durable=first.after.position
    )
    data = disk.contents(name)[: first.after.position] + mark
    for other in others:
        frame, place = build_frame(place, other.body, salt=header.salt, durable=64)
        data += frame
    disk.replace_contents(name, data)
    flip(disk, name, first.after.position + 20)
    never_closed(disk)

    done, target = repaired(disk)

    assert (done.offset, len(done.faults)) == (12, 1)
    assert tables_of(read(target)) == tables_of(read(make()))


def test_parts_that_a_snapshot_makes_needless_are_not_salvaged() -> None:
    disk = make(snapshots=(12,))
    name = SEGMENTS[3]
    header = SegmentHeader.decode(disk.contents(name), "", first_offset=10)
    *before, last, mark = frames_in(disk, name)
    place, data = last.place, disk.contents(name)[: last.place.position]
    for number, body in enumerate(pack_records([last.body.data[4:]], body_max=100)):
        frame, place = build_frame(place, body, salt=header.salt, durable=64)
        data += frame if number else bytes(len(frame))
    frame, _ = build_frame(place, mark.body, salt=header.salt, durable=64)
    disk.replace_contents(name, data + frame)
    never_closed(disk)

    done, target = repaired(disk, salvage=True)

    assert len(before) == 2
    assert (done.offset, len(done.faults)) == (12, 1)
    assert salvaged(target) == []


def test_a_torn_tail_is_where_the_log_ends() -> None:
    disk = make()
    cut(disk, SEGMENTS[3], frames_in(disk, SEGMENTS[3])[2].place.position + 80)
    never_closed(disk)

    done, _ = repaired(disk)

    assert (done.offset, done.last_offset) == (11, 11)
    assert [each.reason for each in done.faults] == ["a frame is cut off"]


def test_a_missing_segment_is_a_gap() -> None:
    disk = make()
    disk.remove(SEGMENTS[2])

    done, target = repaired(disk)

    assert (done.offset, done.last_offset, done.lost_records_count) == (5, 12, 3)
    reason = "it is missing; the next segment begins with offset 10"
    assert done.faults == (FileFault(f"{ROOT}/{SEGMENTS[2]}", 0, reason),)
    assert tables_of(read(target)) == tables_of(read(make(offset=5)))


def test_a_missing_segment_after_a_snapshot_is_a_gap() -> None:
    disk = make(snapshots=(5,))
    for name in SEGMENTS[:3]:
        disk.remove(name)

    done, _ = repaired(disk)

    assert (done.offset, done.lost_records_count) == (5, 3)
    reason = "it is missing; the next segment begins with offset 10"
    assert done.faults == (FileFault(f"{ROOT}/{SEGMENTS[2]}", 0, reason),)


@pytest.mark.parametrize("name", SEGMENTS)
def test_a_damaged_header_takes_nothing(name: str) -> None:
    disk = make()
    before = disk.contents(name)
    for damaged in (b"", bytes(SEGMENT_HEADER_BYTES), b"\xff" * SEGMENT_HEADER_BYTES):
        disk.replace_contents(name, damaged + before[len(damaged) :])
        if not damaged:
            flip(disk, name, 44)  # of the salt

        done, target = repaired(disk)

        assert (done.offset, done.last_offset) == (12, 12)
        assert [each.path for each in done.faults] == [f"{ROOT}/{name}"]
        assert tables_of(read(target)) == tables_of(read(make()))


def test_a_damaged_header_and_first_frame_make_a_gap_of_a_segment() -> None:
    disk = make()
    flip(disk, SEGMENTS[2], 20)
    damaged_frame_at = SEGMENT_HEADER_BYTES + 60
    flip(disk, SEGMENTS[2], damaged_frame_at)

    done, _ = repaired(disk)

    assert (done.offset, done.lost_records_count) == (5, 3)
    assert [each.reason for each in done.faults] == ["its header fails its checksum"]


def test_a_damaged_header_before_frames_of_another_past_is_no_bridge() -> None:
    """The first frame says which one it follows."""
    disk, other = make(), SimulatedDirectory()
    with open_again(other, seed=8) as db:
        for number in range(2, 13):
            with db.write() as tx:
                tx[User].insert(User(f"else {number}"))
                tx[Note].insert(Note(f"note {number}" * 8))
    name = SEGMENTS[2]
    disk.replace_contents(name, bytes(64) + other.contents(name)[64:])

    done, _ = repaired(disk)

    assert done.offset == 5
    reasons = [each.reason for each in done.faults]
    assert reasons[0] == "it does not begin like a segment of a log"
    assert reasons[1].startswith("it follows a segment that ends with checksum")


def test_a_damaged_header_of_a_file_that_cannot_be_read_is_one_fault() -> None:
    disk = make()
    flip(disk, SEGMENTS[2], 20)
    faulty = FaultyDirectory(
        disk,
        lambda call: (
            Fail(errno.EIO)
            if (call.operation, call.name) == ("read", SEGMENTS[2])
            and call.size > SEGMENT_HEADER_BYTES
            else None
        ),
    )

    done = repair(faulty, SimulatedDirectory())

    assert done.offset == 5
    assert [each.reason for each in done.faults] == ["it cannot be read: EIO"]


def with_header(disk: SimulatedDirectory, name: str, **changes: Any) -> None:
    data = disk.contents(name)
    header = SegmentHeader.decode(data, "", first_offset=int(name[4:24]))
    changed = attrs.evolve(header, **changes).encode()
    disk.replace_contents(name, changed + data[SEGMENT_HEADER_BYTES:])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"database": bytes(16)}, "it belongs to the"), ({"chain": 7}, "it follows a")],
)
def test_after_a_segment_of_another_log_nothing_is_applied(
    changes: dict[str, Any], reason: str
) -> None:
    disk = make()
    with_header(disk, SEGMENTS[2], **changes)

    done, _ = repaired(disk)

    assert (done.offset, done.last_offset, done.lost_records_count) == (5, 12, 3)
    assert done.faults[0].reason.startswith(reason)


def test_a_segment_that_cannot_be_read_makes_a_gap() -> None:
    disk, target = make(), SimulatedDirectory()
    faulty = FaultyDirectory(
        disk,
        lambda call: (
            Fail(errno.EIO)
            if (call.operation, call.name) == ("size", SEGMENTS[2])
            else None
        ),
    )

    done = repair(faulty, target)

    assert (done.offset, done.lost_records_count) == (5, 3)
    assert [each.reason for each in done.faults] == ["it cannot be read: EIO"]


def test_a_log_without_an_end_goes_on_where_offsets_do() -> None:
    disk = make()
    data = disk.contents(SEGMENTS[1])
    disk.replace_contents(SEGMENTS[1], data + b"\xff" * 9)

    done, target = repaired(disk)

    assert (done.offset, len(done.faults)) == (12, 1)
    assert tables_of(read(target)) == tables_of(read(make()))


def with_records(disk: SimulatedDirectory, *records: bytes) -> None:
    """Put more records at the end of the log, in one frame."""
    name = SEGMENTS[3]
    header = SegmentHeader.decode(disk.contents(name), "", first_offset=10)
    mark = frames_in(disk, name)[-1]
    (body,) = pack_records(records)
    frame, _ = build_frame(mark.after, body, salt=header.salt, durable=64)
    disk.replace_contents(name, disk.contents(name)[: mark.after.position] + frame)


def test_a_record_that_does_not_fit_ends_the_log_before_it() -> None:
    disk = make()
    record = frames_in(disk, SEGMENTS[3])[0].body.data[4:]  # a call, done once more
    half = record[:-40] + b"\xff" * 40
    with_records(disk, record, half, record)

    done, target = repaired(disk, salvage=True)

    assert (done.offset, done.lost_records_count) == (13, 2)
    (fault,) = done.faults
    assert fault.reason.startswith("the commit at offset 14: a record of")
    assert read(target).offset == 13
    assert [item["offset"] for item in salvaged(target)] == [14, 15]


def test_without_a_log_the_newest_snapshot_is_what_there_is() -> None:
    disk = make(snapshots=(5, 9))
    for name in SEGMENTS:
        disk.remove(name)

    done, target = repaired(disk)

    assert (done.offset, done.last_offset, done.records_count) == (9, 12, 0)
    assert [f"{each}" for each in done.faults] == [
        f"{ROOT}/END, byte 0: it notes that the log came to offset 12"
    ]
    assert tables_of(read(target)) == tables_of(read(make(offset=9)))


def test_repairing_tells_how_far_it_is() -> None:
    told: list[tuple[int, int]] = []

    repair(
        make(snapshots=(5,)),
        SimulatedDirectory(),
        progress=lambda *numbers: told.append(numbers),
    )

    assert told == [(1, 2), (2, 2)]


# What cannot be.


def test_where_nothing_is_good_nothing_is_written() -> None:
    disk, target = make(), SimulatedDirectory()
    position = damaged_frame(disk, SEGMENTS[0], 0)

    with pytest.raises(StorageError) as caught:
        repair(disk, target)

    assert str(caught.value) == (
        "nothing in simulated: can be repaired: "
        f"{ROOT}/{SEGMENTS[0]}, byte {position}: a frame fails its checksum. "
        "Nothing was written"
    )
    assert target.snapshot_files() == {}


@pytest.mark.parametrize("is_header_damaged", [False, True])
def test_where_nothing_can_be_read_nothing_is_written(
    *, is_header_damaged: bool
) -> None:
    disk, target = make(offset=1), SimulatedDirectory()
    if is_header_damaged:
        flip(disk, SEGMENTS[0], 20)
        disk.remove("END")  # so that nothing tells the database's id
    else:
        cut(disk, SEGMENTS[0], SEGMENT_HEADER_BYTES)

    with pytest.raises(
        StorageError, match=r"^nothing in simulated: can be repaired. Nothing was"
    ):
        repair(disk, target)
    assert target.snapshot_files() == {}


def test_a_directory_with_something_in_it_is_refused_first() -> None:
    disk, target = TracedDirectory(make()), SimulatedDirectory({"mine": b""})

    with pytest.raises(StorageError, match=r"is not empty, mine is in it"):
        repair(disk, target)

    opened = [call.name for call in disk.calls if call.operation == "open"]
    assert opened == ["END"]  # which tells whether there is a database


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"there is no database in "):
        repair(tmp_path, tmp_path / "new")
    wrong: Any = 7
    with pytest.raises(ArgumentError, match=r"path is a str"):
        repair(make(offset=1), wrong)


def test_a_newer_format_is_not_repaired() -> None:
    disk = make()
    with_header(disk, SEGMENTS[2], reader_version_min=2)

    with pytest.raises(FormatVersionError, match=r"for readers of version 2 and up"):
        repair(disk, SimulatedDirectory())


# What is salvaged.


def test_a_repair_that_was_cut_off_with_what_it_salvages_is_done_again() -> None:
    disk, target = make(), SimulatedDirectory()
    damaged_frame(disk, SEGMENTS[2], 1)
    faulty = FaultyDirectory(
        target,
        lambda call: (
            Fail(errno.ENOSPC)
            if call.operation == "sync" and call.name == SALVAGED_NAME
            else None
        ),
    )
    with pytest.raises(DiskFull, match=r"The repair was undone"):
        repair(disk, faulty, salvage=True)
    with pytest.raises(StorageError, match=r"a copy of a database was begun"):
        verify(target)

    repair(disk, target, salvage=True)

    assert len(salvaged(target)) > 0
    assert read(target).offset == 6


def test_what_cannot_be_applied_is_written_for_people() -> None:
    disk = make()
    damaged_frame(disk, SEGMENTS[2], 1)

    done, target = repaired(disk, salvage=True)

    assert done.salvaged == f"{ROOT}/{SALVAGED_NAME}"
    items = salvaged(target)
    assert [item["offset"] for item in items] == [8, 9, 10, 11, 12]
    users, notes = items[0]["tables"][:2]
    assert (users["table"], users["name"], users["removed"]) == (4096, "user", [])
    assert users["puts"][0][:3] == [6, "user 8", bytes(32)]
    assert (notes["name"], notes["puts"]) == ("note", [["note 8" * 8, 0]])
    assert items[1]["tables"][1]["removed"] == [["note 8" * 8, 0]]
    assert items[0]["tables"][2]["sequences"] == [[0, 7]]
    assert items[0]["call"] is None
    assert items[2]["call"]["reducer"] == "rename"
    assert items[2]["microseconds"] == 9_000_000
    assert (items[0]["segment"], items[0]["position"]) == (SEGMENTS[2], 624)


def test_what_was_salvaged_is_on_the_disk() -> None:
    disk, target = make(), SimulatedDirectory()
    damaged_frame(disk, SEGMENTS[2], 1)
    repair(disk, target, salvage=True)

    assert len(salvaged(target.crash(None, "dropped"))) == 5  # type: ignore[arg-type]


def test_what_cannot_be_decoded_is_kept_as_bytes() -> None:
    disk = make()
    damaged_frame(disk, SEGMENTS[3], 1)
    with_bad = frames_in(make(), SEGMENTS[3])
    name = SEGMENTS[3]
    header = SegmentHeader.decode(disk.contents(name), "", first_offset=10)
    place: Place = with_bad[2].place
    long_record = bytes(100)
    data = disk.contents(name)[: place.position]
    first, second, third = pack_records([long_record], body_max=40)
    for body in (*pack_records([b"\xffbad"]), first, second, third):
        frame, place = build_frame(place, body, salt=header.salt, durable=64)
        data += frame if body is not second else bytes(len(frame))
    disk.replace_contents(name, data)

    _, target = repaired(disk, salvage=True)

    wrong, *parts = salvaged(target)
    assert wrong["bytes"] == b"\xffbad"
    assert wrong["reason"].startswith("a record of 4 bytes is cut off")
    assert [(part["offset"], len(part["part"])) for part in parts] == [
        (13, 40),
        (13, 20),
    ]


def test_repair_is_a_name_of_the_library(tmp_path: Path) -> None:
    with open_again(qsdb.files.open_directory(tmp_path / "old")) as db:
        assert db.offset == 1

    assert qsdb.repair(str(tmp_path / "old"), tmp_path / "new").offset == 1
