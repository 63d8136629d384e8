"""Scans that go on where an earlier one ended."""

import pytest

from qsdb.log.frames import PART, Body, Place
from qsdb.log.scanning import Scan, holds_place, scan_segment
from qsdb.log.segments import SEGMENT_HEADER_BYTES
from tests.unit.log.written import DATABASE, PATH, MemoryFile, WrittenSegment, header_of


def scan_from(
    data: bytes | bytearray, start: Place | None, *, is_last: bool = True
) -> Scan:
    return scan_segment(
        MemoryFile(data),
        PATH,
        database=DATABASE,
        first_offset=1,
        chain=0,
        is_last=is_last,
        start=start,
    )


def read_from(data: bytes | bytearray, start: Place | None) -> tuple[list[bytes], Scan]:
    scan = scan_from(data, start)
    return [record for _, records in scan for record in records], scan


def test_a_scan_begins_at_every_place_where_one_ended() -> None:
    segment = WrittenSegment()
    for record in (b"a", b"bcd" * 7, b""):
        segment.write_synced(record)
        segment.mark()

    for place in segment.ends:
        records, scan = read_from(segment.data, place)
        assert records == segment.records[place.offset - 1 :]
        assert (scan.place, scan.torn) == (segment.place, None)


def test_a_scan_from_a_place_can_be_repeated() -> None:
    segment = WrittenSegment()
    segment.write_synced(b"a")
    start = segment.place
    segment.write_synced(b"b")
    scan = scan_from(segment.data, start)

    assert [*scan] == [*scan] == [(2, [b"b"])]


def test_a_scan_from_the_end_gives_nothing() -> None:
    segment = WrittenSegment()
    segment.write_synced(b"a")

    records, scan = read_from(segment.data + bytes(4096), segment.place)

    assert (records, scan.place, scan.torn) == ([], segment.place, None)


def test_what_grows_is_read_bit_by_bit() -> None:
    segment = WrittenSegment()
    place, records = segment.place, list[bytes]()
    for number in range(20):
        segment.write_synced(*[b"%d" % number] * (number % 3))
        found, scan = read_from(segment.data, place)
        records += found
        place = scan.place

    assert records == segment.records


def test_a_tail_after_a_place_is_torn_there() -> None:
    segment = WrittenSegment()
    segment.write_synced(b"a")
    start = segment.place
    segment.write(b"b")
    del segment.data[-9:]

    _, scan = read_from(segment.data, start)

    assert scan.torn is not None
    assert (scan.torn.position, scan.place) == (start.position, start)


def test_a_record_whose_last_part_is_missing_is_read_from_its_first_part_later() -> (
    None
):
    segment = WrittenSegment()
    segment.write_synced(b"a")
    start = segment.place
    segment.put(Body(b"be", 0, PART))
    _, scan = read_from(segment.data, start)
    assert scan.place == start

    segment.put(Body(b"gin", 1, PART))

    records, scan = read_from(segment.data, scan.place)
    assert (records, scan.place) == ([b"begin"], segment.place)


@pytest.mark.parametrize("size", range(12))
def test_a_place_is_held_where_the_frame_before_it_is(size: int) -> None:
    segment = WrittenSegment()
    segment.write_synced(b"x" * size)
    segment.write_synced(b"y")

    for place in segment.ends:
        assert holds_place(MemoryFile(segment.data), segment.header, place)


@pytest.mark.parametrize("size", range(12))
def test_zeros_that_the_end_of_the_file_cut_off_are_not_missed(size: int) -> None:
    segment = WrittenSegment()
    segment.write_synced(b"x" * size)
    data = bytes(segment.data)
    content_end = segment.contents[-1][1]

    for end in range(content_end, len(data) + 1):
        file = MemoryFile(data[:end])
        assert holds_place(file, segment.header, segment.place)
    assert not holds_place(
        MemoryFile(data[: content_end - 1]), segment.header, segment.place
    )


def test_a_place_is_not_held_by_another_past() -> None:
    one, other = WrittenSegment(), WrittenSegment()
    for segment, record in ((one, b"a"), (other, b"b")):
        segment.write_synced(record)
        segment.write_synced(b"same")

    file = MemoryFile(other.data)

    assert one.ends[0] == other.ends[0]
    assert [holds_place(file, one.header, place) for place in one.ends] == [
        True,
        False,
        False,
    ]


def test_a_place_is_not_held_by_a_file_that_became_shorter_or_has_zeros() -> None:
    segment = WrittenSegment()
    segment.write_synced(b"a")
    short = segment.data[:SEGMENT_HEADER_BYTES]
    zeros = short + bytes(len(segment.data))

    for data in (short, zeros):
        assert not holds_place(MemoryFile(data), segment.header, segment.place)


def test_the_first_place_is_held_by_a_header_with_its_chain() -> None:
    place = Place(SEGMENT_HEADER_BYTES, 8, 0xABCD)

    for chain in (0xABCD, 0):
        header = header_of(first_offset=8, chain=chain)
        file = MemoryFile(header.encode())
        assert holds_place(file, header, place) is (chain == place.chain)
