"""Frames: their bytes, records in bodies, and frames that are none."""

import struct
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.errors import ArgumentError
from qsdb.log.frames import (
    FRAME_BODY_MAX,
    FRAME_BYTES_MAX,
    FRAME_HEADER_BYTES,
    FRAME_MAGIC,
    KNOWN_FLAGS,
    MARK,
    MUST_KNOW_FLAGS,
    PART,
    Body,
    Frame,
    FrameHeader,
    Place,
    build_frame,
    pack_records,
    parse_frame,
    parse_header,
    unpack_records,
)

PLACE = Place(4096, 7, 0xC0FFEE)
SALT = 0x5EED5A17


def frame_of(body: Body, place: Place = PLACE, durable: int = 64) -> bytes:
    """Give the bytes of a frame."""
    return build_frame(place, body, salt=SALT, durable=durable)[0]


def signed(fields: bytes, data: bytes) -> bytes:
    """Give a frame with right checksums of any header fields and any body."""
    header_checksum = zlib.crc32(fields, SALT)
    checksum = zlib.crc32(data, header_checksum)
    return (
        fields
        + struct.pack("<I", header_checksum)
        + data
        + checksum.to_bytes(4, "little")
    )


# The bytes.


def test_a_frame_has_the_bytes_that_are_documented() -> None:
    body = Body(b"\x03\0\0\0abc\0\0\0\0", 2)

    frame, after = build_frame(PLACE, body, salt=SALT, durable=2048)

    fields = (
        b"\xf5qdb"
        + (11).to_bytes(4, "little")
        + (4096).to_bytes(8, "little")
        + (7).to_bytes(8, "little")
        + (2).to_bytes(4, "little")
        + (0).to_bytes(4, "little")
        + (2048).to_bytes(8, "little")
        + (0xC0FFEE).to_bytes(4, "little")
    )
    checksum = zlib.crc32(fields + body.data, SALT)
    assert frame == (
        fields
        + zlib.crc32(fields, SALT).to_bytes(4, "little")
        + body.data
        + checksum.to_bytes(4, "little")
        + b"\0"
    )
    assert after == (4096 + 64, 9, checksum)


def test_a_mark_is_a_frame_without_a_body() -> None:
    frame, after = build_frame(PLACE, MARK, salt=SALT, durable=4096)

    parsed = parse_frame(frame, 0, PLACE.position, SALT)
    assert parsed == Frame(PLACE, 4096, MARK, after)
    assert after.offset == PLACE.offset
    assert len(frame) == 56


def test_the_checksum_of_a_mark_depends_on_its_fields() -> None:
    checksums = {
        build_frame(PLACE, MARK, salt=salt, durable=durable)[1].chain
        for salt in (0, 1)
        for durable in (0, 8)
    }

    assert len(checksums) == 4


def test_the_magic_is_no_text() -> None:
    with pytest.raises(UnicodeDecodeError):
        FRAME_MAGIC.decode()


def test_the_flag_of_parts_must_be_known() -> None:
    assert PART & MUST_KNOW_FLAGS == PART == KNOWN_FLAGS


# Records in bodies.


@pytest.mark.parametrize(
    ("records", "body_max", "bodies"),
    [
        pytest.param([], 10, [], id="none"),
        pytest.param([b""], 4, [Body(b"\0\0\0\0", 1)], id="empty record"),
        pytest.param(
            [b"ab", b"cd"],
            12,
            [Body(b"\2\0\0\0ab\2\0\0\0cd", 2)],
            id="two that just fit",
        ),
        pytest.param(
            [b"ab", b"cd"],
            11,
            [Body(b"\2\0\0\0ab", 1), Body(b"\2\0\0\0cd", 1)],
            id="two that just do not",
        ),
        pytest.param(
            [b"abcdef"],
            10,
            [Body(b"\6\0\0\0abcdef", 1)],
            id="one that just fits",
        ),
        pytest.param(
            [b"abcdefg"],
            10,
            [Body(b"abcdefg", 1, PART)],
            id="one part",
        ),
        pytest.param(
            [b"abcdefghij"],
            5,
            [Body(b"abcde", 0, PART), Body(b"fghij", 1, PART)],
            id="two whole parts",
        ),
        pytest.param(
            [b"a", b"bcdefghijkl", b"m"],
            5,
            [
                Body(b"\1\0\0\0a", 1),
                Body(b"bcdef", 0, PART),
                Body(b"ghijk", 0, PART),
                Body(b"l", 1, PART),
                Body(b"\1\0\0\0m", 1),
            ],
            id="parts between others",
        ),
    ],
)
def test_records_are_packed_into_few_bodies(
    records: list[bytes], body_max: int, bodies: list[Body]
) -> None:
    assert list(pack_records(records, body_max)) == bodies


@pytest.mark.parametrize("body_max", [-1, 0, 3, FRAME_BODY_MAX + 1])
def test_the_bound_of_bodies_has_bounds(body_max: int) -> None:
    with pytest.raises(ArgumentError, match=f"has 4 to 1048576 .* not {body_max}"):
        list(pack_records([], body_max))


@given(
    records=st.lists(st.binary(max_size=40), max_size=20),
    body_max=st.integers(4, 64),
)
def test_packed_records_come_back(records: list[bytes], body_max: int) -> None:
    found: list[bytes] = []
    parts: list[bytes] = []
    for body in pack_records(records, body_max):
        assert len(body.data) <= body_max
        if body.flags:
            parts.append(body.data)
            if body.records_count:
                found.append(b"".join(parts))
                parts = []
        else:
            unpacked = unpack_records(body)
            assert isinstance(unpacked, list)
            found += unpacked

    assert found == records
    assert parts == []


@pytest.mark.parametrize(
    ("data", "records_count"),
    [
        pytest.param(b"", 1, id="fewer than counted"),
        pytest.param(b"\0\0\0\0", 0, id="more than counted"),
        pytest.param(b"\1\0\0\0", 1, id="record cut off"),
        pytest.param(b"\0\0\0\0\0", 1, id="length cut off"),
        pytest.param(b"\xff\xff\xff\xff", 1, id="length of four GiB"),
        pytest.param(b"\2\0\0\0a\0\0\0\0", 2, id="length one too large"),
    ],
)
def test_a_body_that_is_no_run_of_records_is_told(
    data: bytes, records_count: int
) -> None:
    assert unpack_records(Body(data, records_count)) == (
        f"a body does not consist of {records_count} records"
    )


@given(data=st.binary(max_size=64), records_count=st.integers(0, 5))
def test_any_body_is_records_or_none(data: bytes, records_count: int) -> None:
    records = unpack_records(Body(data, records_count))

    if not isinstance(records, str):
        again = b"".join(len(each).to_bytes(4, "little") + each for each in records)
        assert again == data
        assert len(records) == records_count


# Parsing.

places = st.builds(
    Place,
    st.integers(0, 2**60).map(lambda number: number * 8),
    st.integers(0, 2**63),
    st.integers(0, 2**32 - 1),
)


@given(
    place=places,
    data=st.binary(max_size=100),
    records_count=st.integers(0, 2**16),
    flags=st.integers(0, 2**32 - 1),
    salt=st.integers(0, 2**32 - 1),
    before=st.binary(max_size=20),
    following=st.binary(max_size=20),
)
def test_a_frame_comes_back_from_any_place_in_a_buffer(
    place: Place,
    data: bytes,
    records_count: int,
    flags: int,
    salt: int,
    before: bytes,
    following: bytes,
) -> None:
    body = Body(data, records_count, flags)
    durable = place.position // 2
    frame, after = build_frame(place, body, salt=salt, durable=durable)
    buffer = before + frame + following

    parsed = parse_frame(buffer, len(before), place.position, salt)

    assert parsed == Frame(place, durable, body, after)
    assert after.position == place.position + len(frame)
    assert after.position % 8 == 0


def test_a_header_is_known_without_its_body() -> None:
    frame = frame_of(Body(b"abc", 1), durable=1024)

    header = parse_header(frame[:FRAME_HEADER_BYTES], 0, PLACE.position, SALT)

    assert isinstance(header, FrameHeader)
    assert header[:5] == (3, PLACE, 1, 0, 1024)


def test_the_largest_frame_has_the_length_that_is_told() -> None:
    frame = frame_of(Body(bytes(FRAME_BODY_MAX), 1))

    assert len(frame) == FRAME_BYTES_MAX
    assert isinstance(parse_frame(frame, 0, PLACE.position, SALT), Frame)


def test_the_zeros_at_the_end_do_not_count() -> None:
    frame = frame_of(Body(b"abc", 1))

    assert frame.endswith(b"\0")
    whole = parse_frame(frame, 0, PLACE.position, SALT)
    assert parse_frame(frame[:-1], 0, PLACE.position, SALT) == whole
    assert parse_frame(frame[:-1] + b"x", 0, PLACE.position, SALT) == whole


def test_every_wrong_bit_before_the_zeros_is_found() -> None:
    frame = frame_of(Body(b"abc", 1))
    content_bytes = FRAME_HEADER_BYTES + 3 + 4

    for bit in range(content_bytes * 8):
        flipped = bytearray(frame)
        flipped[bit // 8] ^= 1 << bit % 8

        assert isinstance(parse_frame(bytes(flipped), 0, PLACE.position, SALT), str)


def test_every_cut_before_the_zeros_is_found() -> None:
    frame = frame_of(Body(b"abc", 1))

    for length in range(FRAME_HEADER_BYTES + 3 + 4):
        fault = parse_frame(frame[:length], 0, PLACE.position, SALT)

        is_in_header = length < FRAME_HEADER_BYTES
        assert fault == (
            "a frame's header is cut off" if is_in_header else "a frame is cut off"
        )


def test_a_frame_in_another_place_is_none() -> None:
    frame = frame_of(MARK)

    assert parse_frame(frame, 0, 8192, SALT) == (
        "a frame is here that was written to byte 4096"
    )


def test_a_frame_with_another_salt_is_none() -> None:
    frame = frame_of(Body(b"abc", 1))

    for bit in range(32):
        fault = parse_frame(frame, 0, PLACE.position, SALT ^ 1 << bit)

        assert fault == "a frame's header fails its checksum"


def test_zeros_are_no_frame() -> None:
    assert parse_frame(bytes(100), 0, 0, 0) == "no frame begins here"


def test_a_wrong_body_is_told_from_a_wrong_header() -> None:
    frame = frame_of(Body(b"abc", 1)).replace(b"abc", b"abd")

    assert parse_frame(frame, 0, PLACE.position, SALT) == "a frame fails its checksum"


@pytest.mark.parametrize("length", [FRAME_BODY_MAX + 1, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_a_length_over_the_bound_is_not_believed(length: int) -> None:
    fields = struct.pack("<4sIQQIIQI", FRAME_MAGIC, length, 4096, 7, 1, 0, 64, 0)
    frame = signed(fields, b"abc")

    tracemalloc.start()
    fault = parse_frame(frame, 0, 4096, SALT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert fault == f"a frame's body has {length} bytes, the bound is 1048576"
    assert peak < 10_000


def test_a_length_within_the_bound_is_not_believed_without_the_bytes() -> None:
    fields = struct.pack(
        "<4sIQQIIQI", FRAME_MAGIC, FRAME_BODY_MAX, 4096, 7, 1, 0, 64, 0
    )
    frame = signed(fields, b"abc")

    tracemalloc.start()
    fault = parse_frame(frame, 0, 4096, SALT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert fault == "a frame is cut off"
    assert peak < 10_000


@given(data=st.binary(max_size=200), position=st.integers(0, 2**64 - 1))
def test_any_bytes_are_no_frame(data: bytes, position: int) -> None:
    assert isinstance(parse_frame(FRAME_MAGIC + data, 0, position, SALT), str)
