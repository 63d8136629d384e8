"""Verification: sound databases are, and damage is told, all of it, by its place."""

import errno
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest

import qsdb
from qsdb import ArgumentError, FormatVersionError, StorageError
from qsdb.log.frames import Body, build_frame, pack_records
from qsdb.log.manifests import manifest_name
from qsdb.log.segments import SEGMENT_HEADER_BYTES, SegmentHeader
from qsdb.log.snapshots import SnapshotWriter, read_snapshot
from qsdb.recovery.report import TornTailFound
from qsdb.recovery.salvaging import FileFault
from qsdb.recovery.snapshot_checks import compare_states
from qsdb.recovery.state import State, read_snapshot_state
from qsdb.recovery.verifying import Verification, verify
from qsdb.testing import Fail, FaultyDirectory, SimulatedDirectory, TracedDirectory
from tests.unit.recovery.stored import (
    SEGMENTS,
    User,
    cut,
    damaged_frame,
    flip,
    frames_in,
    make,
    never_closed,
    open_again,
    read,
)

ROOT = "simulated:"
CHECKSUM = "a frame fails its checksum"
HASH = "its content does not hash to its name"


def places(found: Verification) -> list[tuple[str, int, str]]:
    """Give all faults, without the root in front of the files."""
    return [
        (each.path.removeprefix(f"{ROOT}/"), each.position, each.reason)
        for each in found.faults
    ]


def chunks_of(disk: SimulatedDirectory, offset: int) -> list[str]:
    return [chunk.name for chunk in read_snapshot(disk, offset).chunks()]


def own_chunk(disk: SimulatedDirectory) -> str:
    """Give a chunk that the snapshot of offset 9 alone has."""
    return next(each for each in chunks_of(disk, 9) if each not in chunks_of(disk, 5))


# Sound.


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("snapshots", [(), (5, 9), (12,)])
def test_a_sound_database_is_sound(snapshots: tuple[int, ...], *, deep: bool) -> None:
    disk = make(snapshots=snapshots)

    found = verify(disk, deep=deep)

    assert found.is_sound
    assert found.faults == ()
    assert found.remarks == ()
    assert found.torn is None
    assert (found.offset, found.segments_count, found.records_count) == (12, 4, 12)
    assert found.snapshots == snapshots
    tables = read(disk).tables.items()
    rows_count = sum([len(table.rows) for number, table in tables if number >= 4096])
    assert found.rows_count == (rows_count if deep else None)


def test_a_log_whose_beginning_is_gone_is_sound() -> None:
    disk = make(snapshots=(5, 9))
    for name in SEGMENTS[:2]:
        disk.remove(name)

    for deep in (False, True):
        found = verify(disk, deep=deep)
        assert found.is_sound
        assert (found.segments_count, found.records_count) == (2, 7)


def test_verifying_writes_nothing_and_closes_all_files() -> None:
    disk = make(snapshots=(5, 9))
    damaged_frame(disk, SEGMENTS[1], 1)
    traced = TracedDirectory(disk)

    verify(traced, deep=True)

    operations = {call.operation for call in traced.calls}
    assert operations == {"exists", "list", "open", "size", "read", "close"}
    opened = [call.name for call in traced.calls if call.operation == "open"]
    closed = [call.name for call in traced.calls if call.operation == "close"]
    assert sorted(opened) == sorted(closed)


def test_verifying_tells_how_far_it_is() -> None:
    told: list[tuple[int, int]] = []

    verify(make(), progress=lambda *numbers: told.append(numbers))

    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_page_of_a_sound_database() -> None:
    disk = make(snapshots=(5, 9))
    files = disk.snapshot_files()
    log_bytes = sum([len(files[name]) for name in SEGMENTS])
    objects = [data for name, data in files.items() if name.startswith("objects/")]
    chunks = f"{len(objects)} chunks, {sum(map(len, objects)):,} bytes"

    page = str(verify(disk, deep=True))

    assert page.splitlines() == [
        "simulated: is sound, at offset 12",
        f"  log        4 segments, 12 commits, {log_bytes:,} bytes",
        f"  snapshots  of offset 5, 9: {chunks}",
        "  replayed   15 rows at the end",
    ]


def test_a_page_of_all_that_can_be_found() -> None:
    found = Verification(
        path="data",
        offset=None,
        torn=TornTailFound("data/1.log", 64, 40, "it is cut", None),
        faults=(FileFault("data/0.log", 64, CHECKSUM), FileFault("data/x", 0, HASH)),
        remarks=("data/y is no file of a database",),
    )

    assert str(found).splitlines() == [
        "data is damaged in 2 places",
        "  log        0 segments, 0 commits, 0 bytes",
        "  snapshots  none",
        "  torn       40 bytes from byte 64 of data/1.log: it is cut; harmless",
        "  remark     data/y is no file of a database",
        f"  FAULT      data/0.log, byte 64: {CHECKSUM}",
        f"  FAULT      data/x, byte 0: {HASH}",
    ]


def test_what_is_no_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"there is no database in "):
        verify(tmp_path)
    wrong: Any = 7
    with pytest.raises(ArgumentError, match=r"path is a str"):
        verify(wrong)


# The log.


def test_a_torn_tail_is_told_and_harmless() -> None:
    disk = make()
    never_closed(disk)
    position = frames_in(disk, SEGMENTS[3])[2].place.position
    cut(disk, SEGMENTS[3], position + 80)
    size = len(disk.contents(SEGMENTS[3])[position:].rstrip(b"\0"))

    found = verify(disk, deep=True)

    assert found.is_sound
    assert found.offset == 11
    assert found.torn == TornTailFound(
        f"{ROOT}/{SEGMENTS[3]}", position, size, "a frame is cut off", None
    )


def test_damage_in_a_frame_is_told_once() -> None:
    disk = make()
    position = damaged_frame(disk, SEGMENTS[2], 1)

    for deep in (False, True):
        found = verify(disk, deep=deep)
        assert not found.is_sound
        assert places(found) == [(SEGMENTS[2], position, CHECKSUM)]
        assert (found.offset, found.records_count) == (12, 11)


def test_all_damage_is_told_in_all_segments_and_in_one() -> None:
    disk = make(snapshots=(5, 9))
    one, two = [frames_in(disk, SEGMENTS[1])[n].place.position for n in (0, 2)]
    for position in (one, two):
        flip(disk, SEGMENTS[1], position + 60)
    three = damaged_frame(disk, SEGMENTS[2], 3)
    four = damaged_frame(disk, SEGMENTS[3], 1)
    chunk = own_chunk(disk)
    flip(disk, chunk, 20)
    flip(disk, manifest_name(5), 60)

    found = verify(disk, deep=True)

    assert places(found) == [
        (SEGMENTS[1], one, CHECKSUM),
        (SEGMENTS[1], two, CHECKSUM),
        (SEGMENTS[2], three, CHECKSUM),
        (SEGMENTS[3], four, CHECKSUM),
        (manifest_name(5), 0, "it fails its hash"),
        (chunk, 0, HASH),
    ]
    assert found.rows_count is None


def test_a_torn_tail_after_damage_is_no_fault_of_its_own() -> None:
    disk = make()
    position = damaged_frame(disk, SEGMENTS[3], 0)
    cut(disk, SEGMENTS[3], frames_in(make(), SEGMENTS[3])[3].place.position + 20)

    found = verify(disk)

    assert places(found) == [(SEGMENTS[3], position, CHECKSUM)]
    assert found.offset is None


def test_a_sealed_segment_that_is_cut_is_told() -> None:
    disk = make()
    cut(disk, SEGMENTS[1], frames_in(disk, SEGMENTS[1])[3].place.position + 20)

    found = verify(disk)

    assert [(path, reason) for path, _, reason in places(found)] == [
        (SEGMENTS[1], "a frame's header is cut off")
    ]


def test_a_sealed_segment_without_its_last_frame_is_told() -> None:
    disk = make()
    cut(disk, SEGMENTS[1], frames_in(disk, SEGMENTS[1])[3].place.position)

    assert places(verify(disk)) == [
        (
            "log/00000000000000000005.log",
            0,
            "it is missing; the next segment begins with offset 6",
        )
    ]


def test_a_missing_segment_is_told_by_name() -> None:
    disk = make()
    disk.remove(SEGMENTS[2])

    reason = "it is missing; the next segment begins with offset 10"
    for deep in (False, True):
        assert places(verify(disk, deep=deep)) == [(SEGMENTS[2], 0, reason)]


def test_a_damaged_header_hides_the_frames_behind_it() -> None:
    disk = make()
    flip(disk, SEGMENTS[2], 20)

    found = verify(disk, deep=True)

    assert places(found) == [(SEGMENTS[2], 0, "its header fails its checksum")]
    assert (found.offset, found.records_count) == (12, 8)


def test_the_first_header_may_be_the_damaged_one() -> None:
    disk = make()
    flip(disk, SEGMENTS[0], 20)
    flip(disk, SEGMENTS[3], 20)

    found = verify(disk, deep=True)

    assert [path for path, _, _ in places(found)] == [SEGMENTS[0], SEGMENTS[3]]
    assert found.offset is None


def with_header(disk: SimulatedDirectory, name: str, **changes: Any) -> None:
    """Give a segment another header, with a right checksum."""
    data = disk.contents(name)
    header = SegmentHeader.decode(data, "", first_offset=int(name[4:24]))
    changed = attrs.evolve(header, **changes).encode()
    disk.replace_contents(name, changed + data[SEGMENT_HEADER_BYTES:])


def test_a_foreign_segment_is_told_whichever_it_is() -> None:
    for name in SEGMENTS:
        disk = make(snapshots=(9,))
        with_header(disk, name, database=bytes(16))

        found = verify(disk)

        ((path, position, reason),) = places(found)
        assert (path, position) == (name, 0)
        assert reason.startswith(f"it belongs to the database {'0' * 32}, not to ")


def test_a_segment_of_another_past_is_told() -> None:
    disk = make()
    with_header(disk, SEGMENTS[2], chain=7)

    ((path, _, reason), *_) = places(verify(disk))

    assert path == SEGMENTS[2]
    assert reason.startswith("it follows a segment that ends with checksum 00000007")


def test_a_newer_format_is_no_damage() -> None:
    disk = make()
    with_header(disk, SEGMENTS[2], reader_version_min=2)

    with pytest.raises(FormatVersionError, match=r"for readers of version 2 and up"):
        verify(disk)


def test_a_segment_that_the_system_cannot_read_is_told() -> None:
    disk = make()
    faulty = FaultyDirectory(
        disk,
        lambda call: (
            Fail(errno.EIO)
            if call.operation == "size" and call.name == SEGMENTS[1]
            else None
        ),
    )

    assert places(verify(faulty)) == [(SEGMENTS[1], 0, "it cannot be read: EIO")]


def test_a_record_that_does_not_fit_is_found_deep_only() -> None:
    disk = make()
    name = SEGMENTS[3]
    mark = frames_in(disk, name)[-1]
    header = SegmentHeader.decode(disk.contents(name), "", first_offset=10)
    body: Body = next(pack_records([b"\xff" * 20]))
    frame, _ = build_frame(mark.after, body, salt=header.salt, durable=64)
    disk.replace_contents(name, disk.contents(name)[: mark.after.position] + frame)

    assert verify(disk).is_sound
    ((path, _, reason),) = places(verify(disk, deep=True))
    assert path == name
    assert reason.startswith("the commit at offset 13: a record of 20 bytes")


# Snapshots.


def flip_one(disk: SimulatedDirectory, name: str) -> None:
    flip(disk, name, 20)


def cut_short(disk: SimulatedDirectory, name: str) -> None:
    cut(disk, name, 20)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (flip_one, HASH),
        (cut_short, HASH),
        (SimulatedDirectory.remove, "it is missing, with "),
    ],
)
def test_a_damaged_chunk_is_told(
    damage: Callable[[SimulatedDirectory, str], None], reason: str
) -> None:
    disk = make(snapshots=(5, 9))
    name = own_chunk(disk)
    damage(disk, name)

    for deep in (False, True):
        ((path, position, told),) = places(verify(disk, deep=deep))
        assert (path, position) == (name, 0)
        assert told.startswith(reason)


def test_a_chunk_that_the_system_cannot_read_is_told() -> None:
    disk = make(snapshots=(5, 9))
    name = own_chunk(disk)
    faulty = FaultyDirectory(
        disk,
        lambda call: (
            Fail(errno.EIO) if (call.operation, call.name) == ("read", name) else None
        ),
    )

    for deep in (False, True):
        found = verify(faulty, deep=deep)
        assert places(found) == [(name, 0, "it cannot be read: EIO")]


def test_a_snapshot_of_another_database_is_told() -> None:
    disk = make(snapshots=(9,))
    told = read_snapshot(disk, 9)
    foreign = attrs.evolve(told, database=bytes(16), offset=5, tables=())
    SnapshotWriter(disk, foreign, None).finish()

    ((path, _, reason),) = places(verify(disk, deep=True))

    assert path == manifest_name(5)
    assert reason.startswith(f"it belongs to the database {'0' * 32}, not to ")


def test_a_snapshot_ahead_of_the_log_is_told() -> None:
    disk = make(snapshots=(12,))
    disk.remove(SEGMENTS[3])

    assert places(verify(disk)) == [
        (manifest_name(12), 0, "the log ends with offset 9: a part is missing"),
        (
            SEGMENTS[3],
            0,
            (
                "it is missing, with all after it: the log ends with offset 9, and END "
                "notes that it came to offset 12, byte 984 of this segment"
            ),
        ),
    ]


def test_a_log_without_its_beginning_and_snapshots_is_told() -> None:
    disk = make()
    disk.remove(SEGMENTS[0])

    assert places(verify(disk, deep=True)) == [
        (
            SEGMENTS[0],
            0,
            "it is missing; the log begins with 2, and no snapshot before it",
        )
    ]


def test_snapshots_without_a_log_are_told() -> None:
    disk = make(snapshots=(5, 9))
    for name in SEGMENTS:
        disk.remove(name)

    for deep in (False, True):
        found = verify(disk, deep=deep)
        assert places(found) == [
            ("log", 0, "there is no segment of the log"),
            ("END", 0, "it notes that the log came to offset 12"),
        ]


# Deep: what is stored is right by itself, and wrong all the same.


def rewritten(disk: SimulatedDirectory, offset: int, change: str) -> None:
    """Write the snapshot of an offset anew, with something else in it."""
    told = read_snapshot(disk, offset)
    state = read_snapshot_state(disk, offset, told.database)
    users = state.tables[4096]
    match change:
        case "row":
            users.rows[1] = (1, "another", *users.rows[1][2:])
        case "less":
            del users.rows[1]
        case "sequence":
            users.sequences[0] += 1
        case "no table":
            state.tables[4097].rows.clear()
        case _:
            state.tables[6].rows.clear()
    writer = SnapshotWriter(disk, attrs.evolve(told, tables=()), None)
    for number, table in state.tables.items():
        rows = [*table.rows.values()]
        writer.add_table(number, table.kind, [rows], table.sequences)
    writer.finish()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("row", "table user: 1 rows differ from the log"),
        ("less", "table user: 1 rows differ from the log"),
        (
            "sequence",
            "table user: the sequences are [9], those of the log [8]",
        ),
    ],
)
def test_a_snapshot_that_the_log_does_not_lead_to_is_told(
    change: str, reason: str
) -> None:
    disk = make(snapshots=(5, 9))
    rewritten(disk, 9, change)

    assert verify(disk).is_sound
    found = verify(disk, deep=True)
    path, position, told = places(found)[0]
    assert (path, position) == (manifest_name(9), 0)
    assert told == f"{reason}, replayed from offset 5"


def test_the_first_snapshot_is_compared_with_the_beginning_of_the_log() -> None:
    disk = make(snapshots=(5,))
    rewritten(disk, 5, "sequence")

    ((path, _, reason),) = places(verify(disk, deep=True))

    assert path == manifest_name(5)
    assert reason.endswith("replayed from offset 0")


def test_an_end_that_breaks_a_rule_is_told() -> None:
    disk = make(snapshots=(12,))
    rewritten(disk, 12, "module")

    reasons = [each.reason for each in verify(disk, deep=True).faults]

    assert reasons == [
        "table st_module: 1 rows differ from the log, replayed from offset 0",
        "the catalogue: st_module has 0 rows in place of 1",
    ]


def test_tables_that_one_side_only_has_are_told() -> None:
    state, other = read(make()), read(make())
    for number in (1, 2, 4):
        table = other.tables[number]
        for key, row in [*table.rows.items()]:
            if any(type(each) is int and each == 4097 for each in row):
                del table.rows[key]

    assert "table 4097 is in the log only" in [*compare_states(state, other)]
    assert "table 4097 is in the snapshot only" in [*compare_states(other, state)]


def test_a_catalogue_that_is_none_is_told() -> None:
    state = read(make())
    state.tables[2].rows.clear()

    (sentence,) = compare_states(state, State())

    assert sentence == (
        "the catalogue: table user: the columns stand at [], not at 0, 1, …"
    )


# What lies about.


def test_what_lies_about_is_remarked() -> None:
    disk = make(snapshots=(5, 9))
    object_name = "objects/ab/" + "0" * 62
    for name in (
        "log/00000000000000000013.log.tmp",
        "snapshots/00000000000000000013.manifest.tmp",
        f"{object_name}.tmp",
        object_name,
        "objects/stray",
        "quarantine/1.torn",
        "photo.jpg",
    ):
        disk.replace_contents(name, b"x")

    found = verify(disk)

    assert found.is_sound
    left = "was left by a write that was cut off"
    assert [each.removeprefix(f"{ROOT}/") for each in found.remarks] == [
        "photo.jpg is no file of a database",
        f"log/00000000000000000013.log.tmp {left}",
        f"snapshots/00000000000000000013.manifest.tmp {left}",
        "quarantine/1.torn was taken out of the way",
        f"{object_name}.tmp {left}",
        f"1 chunks are of no snapshot, {ROOT}/{object_name} is the first",
    ]


def test_chunks_are_of_no_snapshot_only_where_all_snapshots_are_known() -> None:
    disk = make(snapshots=(5, 9))
    flip(disk, manifest_name(9), 60)

    assert verify(disk).remarks == ()


def test_a_snapshot_before_the_log_is_of_no_use() -> None:
    disk = make(snapshots=(5, 9))
    for name in SEGMENTS[:3]:
        disk.remove(name)

    found = verify(disk, deep=True)

    assert found.is_sound
    assert found.remarks == (
        f"{ROOT}/{manifest_name(5)} is of no use: the log begins with 10",
    )


# While somebody writes.


def test_an_open_database_is_verified() -> None:
    disk = make(snapshots=(5,))
    with open_again(disk) as db:
        with db.write() as tx:
            tx[User].insert(User("new"))

        found = verify(disk, deep=True)

        assert found.is_sound
        assert found.offset == 13


def test_what_a_writer_moves_meanwhile_is_no_damage() -> None:
    disk = make()
    position = damaged_frame(disk, SEGMENTS[2], 1)
    runs: list[int] = []

    def progress(done: int, count: int) -> None:
        runs.append(done)
        if done == count == len(runs):  # the first run has read all
            flip(disk, SEGMENTS[2], position + 60)

    assert verify(disk, progress=progress).is_sound
    assert runs == [1, 2, 3, 4] * 2


@pytest.mark.slow
def test_a_database_that_is_written_to_all_the_time_is_sound(tmp_path: Path) -> None:
    options = qsdb.StorageOptions(segment_bytes=4096, step_bytes=512)
    is_over = threading.Event()
    with open_again(
        qsdb.files.open_directory(tmp_path), durability="os", options=options
    ) as db:

        def write() -> None:
            number = 0
            while not is_over.is_set():
                number += 1
                with db.write() as tx:
                    tx[User].insert(User(f"{number}"))
                if number % 100 == 0:
                    db.snapshot()

        thread = threading.Thread(target=write)
        thread.start()
        try:
            found = [verify(tmp_path, deep=True) for _ in range(8)]
        finally:
            is_over.set()
            thread.join()

    for each in found:
        assert each.is_sound, str(each)
