"""Segments cut at every byte, with every bit flipped, and with worse done to them.

Every record was synced, and the log was idle after that, so that a mark frame
stands at the end. Whatever is done to the bytes, what a scan gives is the
beginning of what was written; and as long as a later frame vouches for the place,
nothing that is missing is passed over in silence.
"""

import itertools
import random
import struct
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.errors import CorruptionError
from qsdb.log.frames import FRAME_MAGIC, Place
from qsdb.log.segments import SEGMENT_HEADER_BYTES
from tests.unit.log.written import (
    SALT,
    Outcome,
    WrittenSegment,
    header_of,
    scan_bytes,
)

SECTOR_BYTES = 512
SEED = 20_240_607


def small_segment() -> WrittenSegment:
    """Give a segment with frames of each sort, in about 700 bytes."""
    segment = WrittenSegment()
    segment.write_synced(b"first", b"", b"third")
    segment.mark()
    segment.write_synced(b"four")
    segment.write(b"a record in three parts", body_max=9)
    segment.sync()
    segment.write_synced(b"last")
    segment.mark()
    return segment


def large_segment() -> WrittenSegment:
    """Give a segment of about 16 sectors."""
    rng = random.Random(SEED)
    segment = WrittenSegment()
    while len(segment.data) < 16 * SECTOR_BYTES:
        count = rng.randint(1, 8)
        segment.write_synced(*(rng.randbytes(rng.randint(0, 90)) for _ in range(count)))
    segment.mark()
    return segment


def check(segment: WrittenSegment, data: bytes | bytearray) -> Outcome | None:
    """Scan a damaged segment: what is read was written; None if the header is bad."""
    try:
        outcome = scan_bytes(data)
    except CorruptionError as error:
        assert error.position == 0
        return None
    assert outcome.records == segment.records[: len(outcome.records)]
    if outcome.damage is not None:
        good = outcome.damage.last_good_offset
        assert good == len(outcome.records)
    return outcome


def is_silent(segment: WrittenSegment, outcome: Outcome | None) -> bool:
    """Whether records are missing and nobody was told."""
    return (
        outcome is not None
        and outcome.damage is None
        and outcome.records != segment.records
    )


# Cut off.


@pytest.mark.parametrize("zeros_count", [0, 100])
@pytest.mark.parametrize("build", [small_segment, WrittenSegment])
def test_a_segment_cut_at_any_byte_keeps_what_is_whole(
    build: Callable[[], WrittenSegment], zeros_count: int
) -> None:
    segment = build()

    for stop in range(SEGMENT_HEADER_BYTES, len(segment.data) + 1):
        outcome = scan_bytes(segment.data[:stop] + bytes(zeros_count))

        records, place = segment.whole(stop)
        has_tail = segment.data[place.position : stop].strip(b"\0") != b""
        assert outcome.records == records, stop
        assert outcome.place == place, stop
        assert outcome.damage is None, stop
        assert (outcome.torn is not None) == has_tail, stop


def test_a_segment_cut_in_its_header_is_damage() -> None:
    segment = small_segment()

    for stop in range(SEGMENT_HEADER_BYTES):
        with pytest.raises(CorruptionError, match="its header has"):
            scan_bytes(segment.data[:stop])


def test_a_segment_that_is_not_the_last_may_be_cut_between_frames_only() -> None:
    segment = small_segment()

    for stop in range(SEGMENT_HEADER_BYTES, len(segment.data) + 1):
        outcome = scan_bytes(segment.data[:stop], is_last=False)

        records, place = segment.whole(stop)
        has_tail = segment.data[place.position : stop].strip(b"\0") != b""
        assert (outcome.records, outcome.torn) == (records, None), stop
        assert (outcome.damage is not None) == has_tail, stop


# Wrong bits.


@pytest.mark.slow
def test_no_wrong_bit_drops_a_record_in_silence() -> None:
    segment = small_segment()
    zeros = set(range(60, SEGMENT_HEADER_BYTES))
    for (_, content_end), after in zip(segment.contents, segment.ends[1:], strict=True):
        zeros.update(range(content_end, after.position))
    last_mark = segment.ends[-2].position

    for bit in range(len(segment.data) * 8):
        data = bytearray(segment.data)
        data[bit // 8] ^= 1 << bit % 8
        outcome = check(segment, data)

        assert not is_silent(segment, outcome), bit
        is_harmless = outcome is not None and outcome.is_clean
        assert is_harmless == (bit // 8 in zeros), bit
        is_torn = outcome is not None and outcome.torn is not None
        assert not is_torn or bit // 8 >= last_mark, bit


@pytest.mark.slow
def test_a_wrong_bit_in_a_segment_that_is_not_the_last_is_always_told() -> None:
    segment = small_segment()

    for bit in range(SEGMENT_HEADER_BYTES * 8, len(segment.data) * 8):
        data = bytearray(segment.data)
        data[bit // 8] ^= 1 << bit % 8
        outcome = scan_bytes(data, is_last=False)

        is_in_zeros = outcome.place == segment.place
        assert (outcome.damage is None) == is_in_zeros, bit


def test_without_a_mark_the_last_frame_cannot_be_judged() -> None:
    segment = WrittenSegment()
    segment.write_synced(b"first")
    segment.write_synced(b"second")
    data = bytearray(segment.data)
    data[-8] ^= 1

    outcome = check(segment, data)

    assert is_silent(segment, outcome)  # what the documentation owns up to


# Wrong bytes.


def runs(data: bytearray) -> Iterator[tuple[int, int, bytes]]:
    """Yield (start, stop, bytes) of runs that begin at each sector and elsewhere."""
    rng = random.Random(SEED)
    for sector in range(0, len(data), SECTOR_BYTES):
        for length in (1, 8, 100, SECTOR_BYTES, 4096):
            for start in (sector, sector + rng.randrange(SECTOR_BYTES)):
                stop = min(start + length, len(data))
                size = max(stop - start, 0)
                yield start, stop, bytes(size)
                yield start, stop, b"\xff" * size
                yield start, stop, rng.randbytes(size)


@pytest.mark.slow
def test_no_run_of_wrong_bytes_drops_a_record_in_silence() -> None:
    segment = large_segment()
    last_mark = segment.ends[-2].position
    judged = 0

    for start, stop, wrong in runs(segment.data):
        data = segment.data[:start] + wrong + segment.data[stop:]
        outcome = check(segment, data)

        if stop <= last_mark:
            judged += 1
            assert not is_silent(segment, outcome), (SEED, start, stop)
    assert judged > 300


@pytest.mark.slow
def test_no_two_sectors_swapped_drop_a_record_in_silence() -> None:
    segment = large_segment()
    last_mark = segment.ends[-2].position
    sectors = [
        slice(start, start + SECTOR_BYTES)
        for start in range(0, last_mark - SECTOR_BYTES, SECTOR_BYTES)
    ]

    for one in sectors:
        for other in sectors:
            data = segment.data.copy()
            data[one], data[other] = segment.data[other], segment.data[one]
            outcome = check(segment, data)

            assert not is_silent(segment, outcome), (SEED, one, other)
            is_whole = outcome is not None and outcome.records == segment.records
            assert is_whole == (one == other)


@pytest.mark.slow
def test_no_sector_written_twice_drops_a_record_in_silence() -> None:
    segment = large_segment()
    last_mark = segment.ends[-2].position
    starts = range(0, last_mark - SECTOR_BYTES, SECTOR_BYTES)

    for source in starts:
        for target in starts:
            data = segment.data.copy()
            data[target : target + SECTOR_BYTES] = segment.data[
                source : source + SECTOR_BYTES
            ]

            assert not is_silent(segment, check(segment, data)), (SEED, source, target)


# Frames in wrong places.


def equal_frames() -> WrittenSegment:
    """Give a segment whose frames are all of one length."""
    segment = WrittenSegment()
    for number in range(6):
        segment.write_synced(b"record %d" % number)
    segment.mark()
    return segment


def test_a_frame_copied_over_another_is_damage() -> None:
    segment = equal_frames()
    positions = [place.position for place in segment.ends[:-1]]
    places = list(itertools.pairwise(positions))

    for target, (start, stop) in enumerate(places):
        for source, (source_start, source_stop) in enumerate(places):
            data = segment.data.copy()
            data[start:stop] = segment.data[source_start:source_stop]
            outcome = scan_bytes(data)

            assert (outcome.damage is None) == (source == target)
            if outcome.damage is not None:
                assert outcome.records == segment.records[:target]
                assert outcome.damage.reason == (
                    f"a frame is here that was written to byte {source_start}"
                )


def test_a_frame_copied_to_the_end_is_not_read() -> None:
    segment = equal_frames()

    outcome = scan_bytes(segment.data + segment.data[SEGMENT_HEADER_BYTES:])

    assert outcome.records == segment.records
    assert outcome.damage is None
    assert outcome.torn is not None


def test_frames_of_another_segment_are_not_read() -> None:
    segment = equal_frames()
    other = WrittenSegment(header_of(salt=SALT + 1))
    for number in range(6):
        other.write_synced(b"record %d" % number)
    start = segment.ends[3].position

    outcome = scan_bytes(segment.data[:start] + other.data[start:])

    assert outcome.records == segment.records[:3]
    assert outcome.torn is not None
    assert outcome.torn.reason == "a frame's header fails its checksum"


def test_frames_left_from_a_tail_that_was_cut_off_are_not_read() -> None:
    segment = WrittenSegment()
    segment.write_synced(b"first")
    cut, durable = segment.place, segment.durable
    for number in range(3):  # in flight when the power failed
        segment.write(b"record %d" % number)
    before = segment.data.copy()
    del segment.data[durable:]
    segment.place = cut
    segment.write_synced(b"record x")  # as long as the frame that was there

    outcome = scan_bytes(segment.data + before[len(segment.data) :])

    assert outcome.records == [b"first", b"record x"]
    assert outcome.place == segment.place
    assert outcome.torn is not None
    assert outcome.torn.reason.startswith("a frame follows one with checksum")


def test_log_bytes_in_a_torn_record_vouch_for_nothing() -> None:
    inner = equal_frames()
    segment = WrittenSegment()
    segment.write_synced(b"first")
    segment.write(bytes(inner.data))
    data = segment.data.copy()
    data[segment.ends[1].position] ^= 1

    outcome = scan_bytes(data)

    assert data.count(FRAME_MAGIC) == 1 + 7
    assert outcome.records == [b"first"]
    assert outcome.damage is None


# Lengths.


@pytest.mark.slow
def test_no_length_makes_a_scan_allocate_much() -> None:
    segment = small_segment()
    tracemalloc.start()

    for position in range(SEGMENT_HEADER_BYTES, len(segment.data) - 4):
        data = segment.data.copy()
        data[position : position + 4] = b"\xff\xff\xff\xff"
        tracemalloc.reset_peak()
        before, _ = tracemalloc.get_traced_memory()
        check(segment, data)
        _, peak = tracemalloc.get_traced_memory()

        assert peak - before < 100_000, position
    tracemalloc.stop()


def test_frames_after_a_wrong_length_are_found() -> None:
    segment = equal_frames()
    data = segment.data.copy()
    struct.pack_into("<I", data, SEGMENT_HEADER_BYTES + 4, 0xFFFF_FFFF)

    outcome = scan_bytes(data)

    assert outcome.damage is not None
    assert outcome.damage.frames_after == 6


# Anything.


@given(data=st.binary(max_size=300))
def test_any_bytes_after_the_header_are_judged(data: bytes) -> None:
    segment = WrittenSegment()

    outcome = scan_bytes(segment.data + data)

    assert outcome.records == []
    assert outcome.place == Place(SEGMENT_HEADER_BYTES, 1, 0)
    assert outcome.is_clean == (data.strip(b"\0") == b"")


@given(
    changes=st.lists(
        st.tuples(st.integers(0, 10_000), st.binary(min_size=1, max_size=8)),
        max_size=4,
    ),
    stop=st.integers(0, 1_000),
)
def test_any_changes_leave_a_true_beginning(
    changes: list[tuple[int, bytes]], stop: int
) -> None:
    segment = small_segment()
    data = segment.data.copy()
    for position, wrong in changes:
        start = position % len(data)
        data[start : start + len(wrong)] = wrong

    check(segment, data[:stop])
