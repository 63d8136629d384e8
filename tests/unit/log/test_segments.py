"""Segments: names and headers."""

import pickle
import zlib

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.errors import ArgumentError, CorruptionError, FormatVersionError
from qsdb.log.segments import (
    FORMAT_VERSION,
    SEGMENT_HEADER_BYTES,
    SegmentHeader,
    segment_name,
    segment_offset,
)
from tests.unit.log.written import DATABASE, PATH, header_of


def signed(fields: bytes) -> bytes:
    """Give a header with a right checksum of any 56 bytes."""
    return fields + zlib.crc32(fields).to_bytes(4, "little") + bytes(4)


def changed(position: int, value: bytes) -> bytes:
    """Give a header with a right checksum and other bytes at a position."""
    fields = bytearray(header_of().encode()[:56])
    fields[position : position + len(value)] = value
    return signed(bytes(fields))


# Names.


def test_a_name_has_twenty_digits() -> None:
    assert segment_name(1) == "log/00000000000000000001.log"
    assert segment_name(2**64 - 1) == "log/18446744073709551615.log"


@given(st.integers(0, 2**64 - 1))
def test_a_name_tells_the_first_offset(first_offset: int) -> None:
    directory, _, file_name = segment_name(first_offset).partition("/")

    assert directory == "log"
    assert segment_offset(file_name) == first_offset


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_names_sort_like_offsets(offsets: list[int]) -> None:
    names = sorted(map(segment_name, offsets))

    assert names == [segment_name(offset) for offset in sorted(offsets)]


@pytest.mark.parametrize(
    "name",
    [
        "1.log",
        "00000000000000000001.log.tmp",
        "00000000000000000001.log\n",
        "x00000000000000000001.log",
        "000000000000000000001.log",
        "-0000000000000000001.log",
        "0000000000000000000\N{ARABIC-INDIC DIGIT ONE}.log",
        "",
    ],
)
def test_other_names_are_no_segments(name: str) -> None:
    assert segment_offset(name) is None


# Headers.


def test_a_header_has_the_bytes_that_are_documented() -> None:
    header = SegmentHeader(
        database=DATABASE,
        first_offset=1000,
        chain=0xC0FFEE,
        salt=0x5EED5A17,
        created_microseconds=1_700_000_000_000_000,
    )

    data = header.encode()

    assert len(data) == SEGMENT_HEADER_BYTES == 64
    assert data == signed(
        b"\x89qsdb\r\n\x1a"
        + (1).to_bytes(2, "little")
        + (1).to_bytes(2, "little")
        + b"\x01\x01\x00\x00"
        + DATABASE
        + (1000).to_bytes(8, "little")
        + (0xC0FFEE).to_bytes(4, "little")
        + (0x5EED5A17).to_bytes(4, "little")
        + (1_700_000_000_000_000).to_bytes(8, "little")
    )


headers = st.builds(
    SegmentHeader,
    database=st.binary(min_size=16, max_size=16),
    first_offset=st.integers(0, 2**64 - 1),
    chain=st.integers(0, 2**32 - 1),
    salt=st.integers(0, 2**32 - 1),
    created_microseconds=st.integers(0, 2**64 - 1),
    version=st.integers(0, 2**16 - 1),
    reader_version_min=st.integers(0, FORMAT_VERSION),
    flags=st.integers(0, 15),
)


@given(headers)
def test_a_header_comes_back(header: SegmentHeader) -> None:
    data = header.encode()

    again = SegmentHeader.decode(data, PATH, first_offset=header.first_offset)

    assert again == header
    assert pickle.loads(pickle.dumps(again)) == header


@pytest.mark.parametrize("length", [0, 15, 17])
def test_the_id_of_a_database_has_sixteen_bytes(length: int) -> None:
    with pytest.raises(ArgumentError, match=f"has 16 bytes, not {length}"):
        header_of(database=bytes(length))


def test_every_wrong_bit_but_for_the_last_zeros_is_damage() -> None:
    data = header_of().encode()

    for bit in range(64 * 8):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        if bit < 60 * 8:
            with pytest.raises(CorruptionError):
                SegmentHeader.decode(bytes(flipped), PATH, first_offset=1)
        else:
            again = SegmentHeader.decode(bytes(flipped), PATH, first_offset=1)
            assert again == header_of()


def test_every_cut_is_damage() -> None:
    data = header_of(first_offset=9).encode()

    for length in range(64):
        with pytest.raises(CorruptionError) as caught:
            SegmentHeader.decode(data[:length], PATH, first_offset=9)

        error = caught.value
        assert error.reason == f"its header has {length} bytes of 64"
        assert (error.path, error.position) == (PATH, 0)
        assert error.last_good_offset == 8


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (bytes(64), "it does not begin like a segment of a log"),
        (b"\x89PNG\r\n\x1a\n" + bytes(56), "it does not begin like a segment"),
        (b"\x89qsdb\r\n\x1a" + bytes(56), "its header fails its checksum"),
    ],
)
def test_other_files_are_damage(data: bytes, reason: str) -> None:
    with pytest.raises(CorruptionError, match=reason):
        SegmentHeader.decode(data, PATH, first_offset=1)


def test_a_segment_with_another_name_is_damage() -> None:
    data = header_of(first_offset=5).encode()

    with pytest.raises(
        CorruptionError, match="begins with offset 5, its name that it begins with 7"
    ):
        SegmentHeader.decode(data, PATH, first_offset=7)


# Other versions.


def test_a_newer_format_is_read_if_it_allows_that() -> None:
    header = attrs.evolve(header_of(), version=FORMAT_VERSION + 1)

    again = SegmentHeader.decode(header.encode(), PATH, first_offset=1)

    assert again.version == FORMAT_VERSION + 1


@pytest.mark.parametrize(
    ("data", "text"),
    [
        pytest.param(
            changed(10, (FORMAT_VERSION + 1).to_bytes(2, "little")),
            "has a format for readers of version 2 and up, "
            "this qsdb understands version 1",
            id="reader version",
        ),
        pytest.param(
            changed(12, b"\2"),
            "has checksums of sort 2, this qsdb understands sort 1",
            id="checksum",
        ),
        *(
            pytest.param(
                changed(13, bytes([1 | flag])),
                f"has the flags 0x{flag:x}, this qsdb understands none",
                id=f"flag {flag}",
            )
            for flag in (16, 32, 64, 128)
        ),
    ],
)
def test_what_must_be_known_and_is_not_is_refused(data: bytes, text: str) -> None:
    with pytest.raises(FormatVersionError) as caught:
        SegmentHeader.decode(data, PATH, first_offset=1)

    assert str(caught.value).startswith(f"{PATH} {text}")
    assert caught.value.path == PATH


@pytest.mark.parametrize("flag", [1, 2, 4, 8])
def test_what_need_not_be_known_is_ignored(flag: int) -> None:
    header = SegmentHeader.decode(changed(13, bytes([flag])), PATH, first_offset=1)

    assert header == attrs.evolve(header_of(), flags=flag)


# Where it comes from.


@pytest.mark.parametrize("chain", [None, 7])
def test_a_segment_of_this_past_is_taken(chain: int | None) -> None:
    header_of(chain=7).check_origin(PATH, database=DATABASE, chain=chain)


def test_a_segment_of_another_database_is_refused() -> None:
    with pytest.raises(CorruptionError) as caught:
        header_of(first_offset=5).check_origin(PATH, database=bytes(16), chain=0)

    assert caught.value.reason == (
        f"it belongs to the database {DATABASE.hex()}, not to {'00' * 16}"
    )
    assert caught.value.last_good_offset == 4


def test_a_segment_of_another_past_is_refused() -> None:
    with pytest.raises(CorruptionError) as caught:
        header_of(chain=7).check_origin(PATH, database=DATABASE, chain=8)

    assert caught.value.reason == (
        "it follows a segment that ends with checksum 00000007, "
        "the one before it ends with 00000008"
    )
