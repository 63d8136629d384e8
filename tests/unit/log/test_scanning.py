"""Scans: records in order, and each way in which a segment can end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.errors import CorruptionError, FormatVersionError
from qsdb.log.frames import (
    FRAME_BODY_MAX,
    FRAME_BYTES_MAX,
    FRAME_MAGIC,
    PART,
    Body,
    Place,
    build_frame,
    pack_records,
)
from qsdb.log.scanning import TornTail, scan_segment
from tests.unit.log.written import (
    DATABASE,
    PATH,
    MemoryFile,
    Outcome,
    WrittenSegment,
    header_of,
    scan_bytes,
    scan_of,
)


def segment_of(*groups: list[bytes]) -> WrittenSegment:
    """Give a segment with a frame for each group, each synced before the next."""
    segment = WrittenSegment()
    for group in groups:
        segment.write_synced(*group)
    return segment


def damaged(segment: WrittenSegment, position: int) -> bytes:
    """Give the bytes of a segment with one of them wrong."""
    data = bytearray(segment.data)
    data[position] ^= 0xFF
    return bytes(data)


def told(outcome: Outcome) -> tuple[int, int | None, int, str]:
    """Give place, last good offset, frames after and reason of the damage found."""
    error = outcome.damage
    assert error is not None
    assert error.path == PATH
    return (
        error.position,
        error.last_good_offset,
        error.frames_after,
        error.reason,
    )


# What is read.


def test_records_come_in_order_with_their_offsets() -> None:
    segment = segment_of([b"a", b"", b"bc"], [b"d"])

    assert list(scan_of(segment.data)) == [(1, [b"a", b"", b"bc"]), (4, [b"d"])]


def test_a_scan_tells_where_to_go_on() -> None:
    segment = segment_of([b"a", b"b"])
    file = MemoryFile(segment.data)
    frame, _ = build_frame(
        scan_bytes(file.data).place, Body(b"", 0), salt=segment.header.salt, durable=0
    )

    file.write(scan_bytes(file.data).place.position, frame)

    assert scan_bytes(file.data).is_clean
    assert scan_bytes(segment.data).place == segment.place


def test_a_scan_can_be_repeated() -> None:
    scan = scan_of(segment_of([b"a"], [b"b"]).data + b"torn")

    first, torn, place = list(scan), scan.torn, scan.place
    assert list(scan) == first == [(1, [b"a"]), (2, [b"b"])]
    assert (scan.torn, scan.place) == (torn, place)
    next(iter(scan))
    assert scan.torn is None
    assert scan.place.offset == 2


@pytest.mark.parametrize("zeros_count", [0, 1, 7, 8, 48, 5000])
@pytest.mark.parametrize("is_last", [True, False])
def test_zeros_at_the_end_are_no_tail(zeros_count: int, is_last: bool) -> None:  # noqa: FBT001  a parameter of pytest
    segment = segment_of([b"a"])

    outcome = scan_bytes(segment.data + bytes(zeros_count), is_last=is_last)

    assert outcome == ([b"a"], segment.place, None, None)


@pytest.mark.parametrize("zeros_count", [0, 100])
def test_a_segment_may_have_no_frames(zeros_count: int) -> None:
    segment = WrittenSegment()

    outcome = scan_bytes(segment.data + bytes(zeros_count))

    assert outcome == ([], Place(64, 1, 0), None, None)


def test_marks_are_passed_over() -> None:
    segment = segment_of([b"a"])
    segment.mark()
    segment.write_synced(b"b")
    segment.mark()

    assert list(scan_of(segment.data)) == [(1, [b"a"]), (2, [b"b"])]
    assert scan_bytes(segment.data).place == segment.place


def test_the_zeros_of_the_last_frame_may_be_missing() -> None:
    segment = segment_of([b"a"])

    outcome = scan_bytes(segment.data[:-1])

    assert segment.data.endswith(b"\0")
    assert outcome == ([b"a"], segment.place, None, None)


def test_a_later_segment_begins_with_offset_and_chain_of_the_one_before() -> None:
    before = segment_of([b"a", b"b"])
    first_offset, chain = before.place.offset, before.place.chain
    segment = WrittenSegment(header_of(first_offset, chain, salt=5))
    segment.write_synced(b"c")

    scan = scan_segment(
        MemoryFile(segment.data),
        PATH,
        database=DATABASE,
        first_offset=first_offset,
        chain=chain,
        is_last=True,
    )

    assert scan.header == segment.header
    assert list(scan) == [(3, [b"c"])]
    assert scan.place == segment.place


@pytest.mark.parametrize(
    ("database", "first_offset", "chain", "reason"),
    [
        (bytes(16), 3, 7, "it belongs to the database"),
        (DATABASE, 4, 7, "its header says that it begins with offset 3"),
        (DATABASE, 3, 8, "it follows a segment that ends with checksum"),
    ],
)
def test_a_segment_from_elsewhere_is_refused_at_once(
    database: bytes, first_offset: int, chain: int, reason: str
) -> None:
    segment = WrittenSegment(header_of(3, 7))

    with pytest.raises(CorruptionError, match=reason):
        scan_segment(
            MemoryFile(segment.data),
            PATH,
            database=database,
            first_offset=first_offset,
            chain=chain,
            is_last=True,
        )


def test_offsets_may_be_very_large() -> None:
    first_offset = 2**64 - 5
    segment = WrittenSegment(header_of(first_offset))
    segment.write_synced(b"a", b"b")
    segment.write_synced(b"c")

    scan = scan_segment(
        MemoryFile(segment.data),
        PATH,
        database=DATABASE,
        first_offset=first_offset,
        chain=None,
        is_last=True,
    )

    assert list(scan) == [(first_offset, [b"a", b"b"]), (first_offset + 2, [b"c"])]
    assert scan.place.offset == 2**64 - 2


@pytest.mark.slow
@given(
    groups=st.lists(
        st.tuples(
            st.lists(st.binary(max_size=30), max_size=6),
            st.integers(4, 32),
            st.sampled_from(("sync", "mark", "go on")),
        ),
        max_size=8,
    )
)
def test_what_was_written_is_read(
    groups: list[tuple[list[bytes], int, str]],
) -> None:
    segment = WrittenSegment()
    for records, body_max, following in groups:
        segment.write(*records, body_max=body_max)
        if following == "sync":
            segment.sync()
        elif following == "mark":
            segment.mark()

    outcome = scan_bytes(segment.data, is_last=len(groups) % 2 == 0)

    assert outcome == (segment.records, segment.place, None, None)


# Torn tails.


def test_bytes_that_are_no_frame_are_a_torn_tail() -> None:
    segment = segment_of([b"a"])

    outcome = scan_bytes(segment.data + b"x" * 50 + bytes(100))

    tail = TornTail(segment.place.position, 50, "no frame begins here")
    assert outcome == ([b"a"], segment.place, tail, None)


def test_a_frame_cut_off_is_a_torn_tail() -> None:
    segment = segment_of([b"a"], [b"bcd"])
    start = segment.ends[1]

    outcome = scan_bytes(segment.data[: start.position + 50])

    tail = TornTail(start.position, 49, "a frame is cut off")  # the 50th is a zero
    assert outcome == ([b"a"], start, tail, None)


def test_frames_after_a_torn_one_do_not_make_it_damage() -> None:
    segment = WrittenSegment()
    for record in (b"a", b"b", b"c"):  # all in flight at once
        segment.write(record)

    outcome = scan_bytes(damaged(segment, segment.ends[1].position + 8))

    assert outcome.records == [b"a"]
    assert outcome.damage is None
    assert outcome.torn is not None
    assert outcome.torn.position == segment.ends[1].position


# Damage.


def test_a_bad_frame_before_a_durable_mark_is_damage() -> None:
    segment = segment_of([b"a"], [b"b"], [b"c"], [b"d"])
    bad = segment.ends[1].position

    outcome = scan_bytes(damaged(segment, bad + 50))

    assert outcome.records == [b"a"]
    assert told(outcome) == (bad, 1, 2, "a frame fails its checksum")


def test_a_mark_vouches_for_the_last_frame() -> None:
    segment = segment_of([b"a"], [b"b"])
    bad = segment.ends[1].position
    torn = scan_bytes(damaged(segment, bad))
    segment.mark()

    outcome = scan_bytes(damaged(segment, bad))

    assert torn.damage is None
    assert told(outcome) == (bad, 1, 1, "no frame begins here")


def test_the_header_of_a_torn_frame_vouches_for_those_before() -> None:
    segment = segment_of([b"a"], [b"b"])
    segment.write(b"c" * 1000)
    bad = segment.ends[1].position

    outcome = scan_bytes(damaged(segment, bad)[:-500])

    assert told(outcome) == (bad, 1, 0, "no frame begins here")


def test_zeros_before_a_durable_mark_are_damage() -> None:
    segment = segment_of([b"a"], [b"b"])
    segment.mark()
    start, end = segment.ends[1].position, segment.ends[2].position
    data = segment.data[:start] + bytes(end - start) + segment.data[end:]

    assert told(scan_bytes(data)) == (start, 1, 1, "no frame begins here")


def test_zeros_before_frames_that_were_in_flight_are_a_torn_tail() -> None:
    segment = segment_of([b"a"])
    segment.write(b"b")
    segment.write(b"c")
    start, end = segment.ends[1].position, segment.ends[2].position
    data = segment.data[:start] + bytes(end - start) + segment.data[end:]

    outcome = scan_bytes(data + bytes(10))

    assert outcome.damage is None
    assert outcome.torn == TornTail(
        start, len(segment.data.rstrip(b"\0")) - start, "no frame begins here"
    )


def test_any_tail_is_damage_in_a_segment_that_is_not_the_last() -> None:
    segment = segment_of([b"a"])

    outcome = scan_bytes(segment.data + bytes(64) + b"x", is_last=False)

    assert outcome.records == [b"a"]
    assert told(outcome) == (len(segment.data), 1, 0, "no frame begins here")


def test_a_frame_out_of_order_is_a_bad_place() -> None:
    segment = segment_of([b"a"])
    position = segment.place.position
    segment.place = Place(position, 7, segment.place.chain)
    segment.write(b"x")

    outcome = scan_bytes(segment.data)

    assert outcome.records == [b"a"]
    assert outcome.torn is not None
    assert outcome.torn.position == position
    assert outcome.torn.reason == "a frame begins with offset 7, 2 would be the next"


def test_a_frame_of_another_past_is_a_bad_place() -> None:
    segment = segment_of([b"a"])
    position, offset, chain = segment.place
    segment.place = Place(position, offset, 0xBAD)
    segment.write_synced(b"x")
    segment.mark()

    outcome = scan_bytes(segment.data)

    reason = (
        f"a frame follows one with checksum 00000bad, the one before it has {chain:08x}"
    )
    assert told(outcome) == (position, 1, 1, reason)


@pytest.mark.parametrize(
    ("bodies", "bad", "reason"),
    [
        ([Body(b"x", 1)], 0, "a body does not consist of 1 records"),
        ([Body(b"x", 2, PART)], 0, "a part of one record ends 2 records"),
        (
            [Body(b"x", 0, PART), Body(b"\0\0\0\0", 1)],
            1,
            "a record ends without its last part",
        ),
        ([Body(b"x", 0, PART), Body(b"", 0)], 1, "a record ends without its last part"),
    ],
)
def test_a_whole_frame_that_breaks_the_format_is_damage(
    bodies: list[Body], bad: int, reason: str
) -> None:
    segment = segment_of([b"a"])
    for body in bodies:
        segment.put(body)
    segment.mark()

    outcome = scan_bytes(segment.data)

    assert outcome.records == [b"a"]
    frames_after = len(bodies) - bad
    assert told(outcome) == (
        segment.ends[1 + bad].position,
        1,
        frames_after,
        reason,
    )


@pytest.mark.parametrize("bit", [17, 18, 31])
def test_a_flag_that_must_be_known_and_is_not_is_refused(bit: int) -> None:
    segment = segment_of([b"a"])
    position = segment.place.position
    segment.put(Body(b"", 0, 1 << bit | 1))
    scan = iter(scan_of(segment.data))

    assert next(scan) == (1, [b"a"])
    with pytest.raises(FormatVersionError) as caught:
        next(scan)
    assert str(caught.value).startswith(
        f"{PATH} has a frame with the flags {1 << bit:#010x} at byte {position}, "
        "this qsdb understands the flags 0x00010000"
    )


@pytest.mark.parametrize("bit", [0, 15])
def test_a_flag_that_need_not_be_known_is_ignored(bit: int) -> None:
    segment = segment_of([b"a"])
    segment.put(Body(b"\1\0\0\0b", 1, 1 << bit))

    assert scan_bytes(segment.data).records == [b"a", b"b"]


# Records in parts.


def in_parts() -> WrittenSegment:
    """Give a segment whose second record is in three parts; nothing is synced."""
    segment = WrittenSegment()
    segment.write(b"a")
    segment.write(b"b" * 25, body_max=10)
    return segment


def test_a_record_in_parts_is_one_record() -> None:
    segment = in_parts()
    segment.write(b"c")

    assert list(scan_of(segment.data)) == [(1, [b"a"]), (2, [b"b" * 25]), (3, [b"c"])]


@pytest.mark.parametrize("parts_count", [1, 2])
@pytest.mark.parametrize("zeros_count", [0, 5000])
def test_without_its_last_part_a_record_is_cut_off_whole(
    parts_count: int, zeros_count: int
) -> None:
    segment = in_parts()
    first, stop = segment.ends[1], segment.ends[1 + parts_count]
    data = segment.data[: stop.position] + bytes(zeros_count)

    outcome = scan_bytes(data)

    tail = TornTail(
        first.position,
        stop.position - first.position,
        "the last part of record 2 is missing",
    )
    assert outcome == ([b"a"], first, tail, None)


def test_a_torn_last_part_cuts_back_to_the_first() -> None:
    segment = in_parts()
    first = segment.ends[1]

    outcome = scan_bytes(segment.data[:-8])

    assert (outcome.records, outcome.place) == ([b"a"], first)
    assert outcome.torn is not None
    assert outcome.torn.position == first.position
    assert outcome.torn.reason == "a frame is cut off"


def test_parts_that_were_synced_make_no_damage_of_a_last_part_that_was_not() -> None:
    segment = WrittenSegment()
    for body in pack_records([b"b" * 25], 10):
        segment.put(body)
        segment.sync()

    outcome = scan_bytes(damaged(segment, segment.ends[2].position))

    assert outcome.damage is None
    assert outcome.torn is not None
    assert outcome.torn.position == 64


def test_a_missing_last_part_is_damage_in_a_segment_that_is_not_the_last() -> None:
    segment = in_parts()
    end = segment.ends[2].position

    outcome = scan_bytes(segment.data[:end], is_last=False)

    assert told(outcome) == (end, 1, 0, "the last part of record 2 is missing")


def test_a_record_larger_than_a_body_goes_through() -> None:
    record = bytes(range(256)) * 4096 * 2 + b"!"
    segment = WrittenSegment()
    segment.write(b"a", record, b"z")

    assert len(segment.ends) == 1 + 1 + 3 + 1
    assert scan_bytes(segment.data).records == [b"a", record, b"z"]


# Windows.


def large_segment() -> WrittenSegment:
    """Give a segment of 20 MiB, whose frames lie across the windows of a scan."""
    segment = WrittenSegment()
    for number in range(21):
        segment.write_synced(bytes([number]) * (FRAME_BODY_MAX - 4 - 1000 * number))
    return segment


def test_a_large_segment_is_read_in_windows() -> None:
    segment = large_segment()
    file = MemoryFile(segment.data)
    scan = scan_segment(
        file, PATH, database=DATABASE, first_offset=1, chain=0, is_last=True
    )

    records = [record for _, batch in scan for record in batch]

    assert records == segment.records
    assert scan.place == segment.place
    assert len(file.requested) > 2
    assert max(file.requested) <= 9 << 20


def test_frames_far_behind_the_bad_place_are_found() -> None:
    segment = large_segment()

    outcome = scan_bytes(damaged(segment, 100))

    assert told(outcome) == (64, 0, 20, "a frame's header fails its checksum")


@pytest.mark.parametrize("shift", range(-4, 5))
def test_a_frame_across_the_end_of_a_window_is_found(shift: int) -> None:
    # The search begins one byte after the bad place, with a window of 8 frames.
    window_end = 64 + 1 + 8 * FRAME_BYTES_MAX
    segment = WrittenSegment()
    segment.durable = segment.place.position + 1
    segment.place = Place(window_end + shift, 5, 0)
    gap = segment.place.position - len(segment.data)
    segment.data += b"\xf5" * gap
    segment.put(Body(b"", 0))

    outcome = scan_bytes(segment.data)

    assert told(outcome) == (64, 0, 1, "no frame begins here")


def test_the_end_of_a_tail_is_found_behind_many_zeros() -> None:
    segment = segment_of([b"a"])
    zeros_count = 20 << 20

    outcome = scan_bytes(segment.data + bytes(zeros_count) + b"x" + bytes(100))

    assert outcome.torn is not None
    assert outcome.torn.bytes_count == zeros_count + 1


def test_magic_alone_vouches_for_nothing() -> None:
    segment = segment_of([b"a"])

    outcome = scan_bytes(segment.data + FRAME_MAGIC * 1000)

    assert outcome.damage is None
    assert outcome.torn is not None
    assert outcome.torn.bytes_count == 4000
