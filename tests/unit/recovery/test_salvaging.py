"""Reading past damage."""

import errno

import pytest

from qsdb import FormatVersionError
from qsdb.log.frames import MARK, PART, Body
from qsdb.recovery.salvaging import (
    Break,
    FileFault,
    Records,
    Remains,
    Walk,
    likely_database,
    read_headers,
)
from qsdb.testing import Fail, FaultyDirectory, SimulatedDirectory
from tests.unit.log.written import DATABASE, PATH, WrittenSegment, header_of
from tests.unit.recovery.stored import SEGMENTS, flip, make

ONE, TWO, THREE = b"one", b"two", b"three" * 9


def written() -> WrittenSegment:
    """Give a segment with a frame for each of three records."""
    segment = WrittenSegment()
    for record in (ONE, TWO, THREE):
        segment.write_synced(record)
    return segment


def walk(segment: WrittenSegment, data: bytes | None = None) -> Walk:
    return Walk(bytes(segment.data) if data is None else data, PATH, segment.header)


def with_flip(segment: WrittenSegment, frame: int, place: int = 50) -> bytes:
    data = bytearray(segment.data)
    data[segment.ends[frame].position + place] ^= 1
    return bytes(data)


def test_a_sound_segment_has_records_and_an_end() -> None:
    segment = written()
    segment.mark()
    found = walk(segment)

    assert [*found] == [
        Records(64, 1, [ONE]),
        Records(segment.ends[1].position, 2, [TWO]),
        Records(segment.ends[2].position, 3, [THREE]),
    ]
    assert found.end == segment.place


def test_zeros_after_the_end_are_none_of_it() -> None:
    segment = written()
    found = walk(segment, bytes(segment.data) + bytes(4096))

    assert len([*found]) == 3
    assert found.end == segment.place


def test_an_empty_segment_ends_where_it_begins() -> None:
    segment = WrittenSegment()
    found = walk(segment)

    assert [*found] == []
    assert found.end == segment.ends[0]


def test_reading_goes_on_after_a_break() -> None:
    segment = written()
    found = walk(segment, with_flip(segment, 1))

    assert [*found] == [
        Records(64, 1, [ONE]),
        Break(segment.ends[1].position, "a frame fails its checksum", is_end=False),
        Records(segment.ends[2].position, 3, [THREE]),
    ]
    assert found.end == segment.place


def test_a_break_at_the_end_leaves_the_end_unknown() -> None:
    segment = written()
    found = walk(segment, with_flip(segment, 2))

    assert [*found][2:] == [
        Break(segment.ends[2].position, "a frame fails its checksum", is_end=True)
    ]
    assert found.end is None


def test_the_magic_of_frames_alone_is_no_frame() -> None:
    segment = written()
    data = segment.data[:64] + b"\xf5qdb" * 9 + segment.data[100:]

    found = [*walk(segment, bytes(data))]

    assert found[0] == Break(64, "a frame's header fails its checksum", is_end=False)
    assert len(found) == 3


def test_a_frame_of_another_past_is_a_break() -> None:
    segment, other = written(), WrittenSegment()
    other.write_synced(b"eno")
    data = bytes(other.data) + bytes(segment.data[len(other.data) :])

    found = [*walk(segment, data)]

    reason = "a frame is here that does not follow the one before it"
    assert found[1] == Break(segment.ends[1].position, reason, is_end=False)
    assert found[2:] == [*walk(segment)][1:]


def test_records_are_joined_of_their_parts() -> None:
    segment = WrittenSegment()
    segment.write(ONE, THREE, TWO, body_max=20)

    assert [each.records for each in walk(segment) if isinstance(each, Records)] == [
        [ONE],
        [THREE],
        [TWO],
    ]


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_parts_without_the_others_are_remains(lost: int) -> None:
    segment = WrittenSegment()
    segment.write(ONE, THREE, TWO, body_max=20)  # frames: 1, 3 parts, 1

    found = [*walk(segment, with_flip(segment, lost))]

    remains = [each for each in found if isinstance(each, Remains)]
    parts = {1: THREE[:20], 2: THREE[20:40], 3: THREE[40:]}
    del parts[lost]
    assert [each.data for each in remains] == [*parts.values()]
    assert [each.offset for each in remains] == [2, 2]
    assert [each.records for each in found if isinstance(each, Records)] == [
        [ONE],
        [TWO],
    ]


def test_parts_at_the_end_without_the_last_are_remains() -> None:
    segment = WrittenSegment()
    segment.write(THREE, body_max=20)

    found = [*walk(segment, bytes(segment.data[: segment.ends[2].position]))]

    assert [each.offset for each in found if isinstance(each, Remains)] == [1, 1]


def test_parts_that_another_record_follows_are_remains() -> None:
    segment = WrittenSegment()
    segment.put(Body(b"begin", 0, PART))
    segment.write(ONE)

    assert [*walk(segment)] == [
        Remains(64, 1, b"begin"),
        Records(segment.ends[1].position, 1, [ONE]),
    ]


def test_a_body_that_is_no_records_is_remains() -> None:
    segment = WrittenSegment()
    segment.put(Body(b"xx", 1))
    segment.put(MARK)

    assert [*walk(segment)] == [Remains(64, 1, b"xx")]


def test_flags_of_a_newer_format_are_refused() -> None:
    segment = written()
    segment.put(Body(b"", 0, 1 << 20))

    with pytest.raises(FormatVersionError) as caught:
        [*walk(segment)]

    assert caught.value.found == (
        f"a frame with the flags 0x00100000 at byte {segment.ends[3].position}"
    )
    assert caught.value.understood == "the flags 0x00010000"


def test_flags_that_may_be_ignored_are() -> None:
    segment = WrittenSegment()
    segment.put(Body(b"\x03\0\0\0one", 1, 1))

    assert [*walk(segment)] == [Records(64, 1, [ONE])]


# Headers.


def test_headers_are_read_past_damaged_ones() -> None:
    disk = make(snapshots=(9,))
    flip(disk, SEGMENTS[1], 20)

    headers = read_headers(disk)

    path = f"simulated:/{SEGMENTS[1]}"
    assert [*headers] == [1, 2, 6, 10]
    assert headers[2] == FileFault(path, 0, "its header fails its checksum")
    assert f"{headers[2]}" == f"{path}, byte 0: its header fails its checksum"
    assert not isinstance(headers[6], FileFault)


def test_a_header_that_the_system_cannot_read_is_a_fault() -> None:
    disk = make()
    faulty = FaultyDirectory(
        disk,
        lambda call: (
            Fail(errno.EIO)
            if call.operation == "read" and call.name == SEGMENTS[1]
            else None
        ),
    )

    fault = read_headers(faulty)[2]

    assert isinstance(fault, FileFault)
    assert fault.reason == "it cannot be read: EIO"


def test_the_database_is_that_of_most_files() -> None:
    disk = make(snapshots=(5, 9))
    found = likely_database(disk, read_headers(disk))
    for name in SEGMENTS[:2]:
        foreign = header_of(int(name[4:24])).encode()
        disk.replace_contents(name, foreign + disk.contents(name)[64:])

    assert found is not None
    assert found != DATABASE
    assert likely_database(disk, read_headers(disk)) == found


def test_manifests_tell_the_database_too() -> None:
    disk = make(snapshots=(5, 9))
    database = likely_database(disk, read_headers(disk))
    for name in SEGMENTS:
        flip(disk, name, 20)
    flip(disk, "snapshots/00000000000000000005.manifest", 60)

    assert likely_database(disk, read_headers(disk)) == database

    flip(disk, "snapshots/00000000000000000009.manifest", 60)
    assert likely_database(disk, read_headers(disk)) == database  # the end's note
    disk.remove("END")
    assert likely_database(disk, read_headers(disk)) is None


def test_an_empty_directory_has_no_headers() -> None:
    assert read_headers(SimulatedDirectory()) == {}
