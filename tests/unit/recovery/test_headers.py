"""A header made anew from frames: the one that was there, or none."""

import random

import attrs
import pytest

from qsdb.log.segments import SEGMENT_HEADER_BYTES, SegmentHeader
from qsdb.recovery.headers import header_from_frames
from tests.unit.log.written import DATABASE, WrittenSegment, header_of

SEED = 20_260_102


def made(data: bytes | bytearray, first_offset: int = 1) -> SegmentHeader | None:
    return header_from_frames(bytes(data), first_offset=first_offset, database=DATABASE)


@pytest.mark.parametrize("salt", [0, 1, 0x5EED5A17, 0xFFFF_FFFF])
def test_the_header_is_the_one_that_was(salt: int) -> None:
    header = header_of(first_offset=7, chain=0xC0FFEE, salt=salt)
    segment = WrittenSegment(header)
    segment.write(b"one", b"two")
    segment.data[:SEGMENT_HEADER_BYTES] = bytes(SEGMENT_HEADER_BYTES)

    found = made(segment.data, 7)

    assert found == attrs.evolve(header, created_microseconds=0)


def test_any_salt_is_found() -> None:
    rng = random.Random(SEED)
    print(f"seed {SEED}")
    for _ in range(200):
        salt = rng.getrandbits(32)
        segment = WrittenSegment(header_of(salt=salt))
        segment.write(rng.randbytes(rng.randrange(100)))
        found = made(segment.data)
        assert found is not None
        assert found.salt == salt


def test_a_mark_will_do() -> None:
    segment = WrittenSegment()
    segment.mark()

    assert made(segment.data) is not None


@pytest.mark.parametrize("size", [0, 64, 100, 111])
def test_without_a_frame_there_is_none(size: int) -> None:
    segment = WrittenSegment()
    segment.write(b"one")

    assert made(segment.data[:size]) is None


def test_a_frame_of_another_offset_is_none() -> None:
    segment = WrittenSegment()
    segment.write(b"one")

    assert made(segment.data, 2) is None


def test_a_first_frame_that_is_damaged_gives_none_or_no_other_header() -> None:
    """Where the checksum of its header is over other bytes, so is that of its body."""
    segment = WrittenSegment()
    segment.write(b"one", b"two")
    whole = len(segment.data)
    last_zeros = len(bytes(segment.data)) - len(bytes(segment.data).rstrip(b"\0"))
    segment.write(b"three")
    for bit in range(8 * SEGMENT_HEADER_BYTES, 8 * (whole - last_zeros)):
        data = bytearray(segment.data)
        data[bit // 8] ^= 1 << bit % 8
        found = made(data)
        if found is not None:  # another salt, by which no other frame is right
            assert SEGMENT_HEADER_BYTES <= bit // 8 < SEGMENT_HEADER_BYTES + 44
            assert found.salt != segment.header.salt
