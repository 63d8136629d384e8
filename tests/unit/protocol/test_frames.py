"""Frames to clients: batches, compression, and frames that lie."""

import gzip
import sys
import tracemalloc
import types

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qsdb.errors import ArgumentError
from qsdb.protocol.frames import (
    COMPRESSED_BYTES_MIN,
    FRAME_BYTES_MAX,
    Compression,
    FrameWriter,
    asked_compression,
    open_frame,
)
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.subprotocols import V2, V3

LONG = b"x" * COMPRESSED_BYTES_MIN
SHORT = LONG[1:]


def test_v2_has_one_message_in_each_frame_and_v3_all() -> None:
    messages = [b"ab", b"c", b"def"]

    assert [*FrameWriter(V2).frames(messages)] == [b"\0ab", b"\0c", b"\0def"]
    assert [*FrameWriter(V3).frames(messages)] == [b"\0abcdef"]
    assert [*FrameWriter(V3).frames([])] == []


def test_batches_end_at_the_bound_and_a_longer_message_goes_alone() -> None:
    half, huge = b"h" * (FRAME_BYTES_MAX // 2), b"H" * (FRAME_BYTES_MAX + 1)
    messages = [half, half, b"a", huge, b"b"]

    frames = [*FrameWriter(V3).frames(messages)]

    bodies = [half * 2, b"a", huge, b"b"]
    assert frames == [b"\0" + each for each in bodies]


@settings(max_examples=20)  # each copies megabytes
@given(sizes=st.lists(st.sampled_from([1, FRAME_BYTES_MAX // 3, FRAME_BYTES_MAX])))
def test_no_message_is_lost_or_moved(sizes: list[int]) -> None:
    messages = [bytes((n % 256,)) * size for n, size in enumerate(sizes[:9])]

    frames = [*FrameWriter(V3).frames(messages)]

    assert b"".join([each[1:] for each in frames]) == b"".join(messages)
    assert all(2 <= len(each) <= 1 + FRAME_BYTES_MAX for each in frames)


def test_long_frames_are_gzip_if_the_server_chose_that() -> None:
    writer = FrameWriter(V2, Compression.GZIP)

    long, short = writer.frames([LONG, SHORT])

    assert writer.compression is Compression.GZIP
    assert short == b"\0" + SHORT
    assert long[0] == 2
    assert gzip.decompress(long[1:]) == LONG
    assert [open_frame(each, 2000) for each in (long, short)] == [LONG, SHORT]


def test_nothing_is_compressed_unless_that_was_chosen() -> None:
    assert [*FrameWriter(V3).frames([LONG])] == [b"\0" + LONG]


def test_brotli_is_used_where_it_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    package = types.ModuleType("brotli")
    package.__dict__["compress"] = lambda data, quality: b"%d:%b" % (quality, data[:1])
    monkeypatch.setitem(sys.modules, "brotli", package)
    writer = FrameWriter(V2, Compression.BROTLI)

    assert writer.compression is Compression.BROTLI
    assert [*writer.frames([LONG, SHORT])] == [b"\x011:x", b"\0" + SHORT]


def test_frames_are_plain_where_brotli_is_not_installed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "brotli", None)
    writer = FrameWriter(V2, Compression.BROTLI)

    assert writer.compression is Compression.NONE
    assert [*writer.frames([LONG])] == [b"\0" + LONG]


def test_what_a_client_asks_for_is_read_exactly() -> None:
    assert asked_compression("None") is Compression.NONE
    assert asked_compression("Gzip") is Compression.GZIP
    assert asked_compression("Brotli") is Compression.BROTLI
    assert asked_compression(None) is Compression.BROTLI
    for wrong in ("gzip", "", "None "):
        with pytest.raises(ArgumentError) as refusal:
            asked_compression(wrong)
        assert str(refusal.value) == (
            f"compression is {wrong!r}, not one of None, Gzip, Brotli"
        )


GZIPPED = b"\x02" + gzip.compress(b"y" * 100, mtime=0)


@pytest.mark.parametrize(
    ("frame", "fault"),
    [
        (b"", "byte 0: it is empty; a tag was expected"),
        (b"\x03abc", "byte 0: tag is 3, at most 2 is allowed"),
        (b"\x01abc", "byte 0: tag is 1, brotli, which is not read here"),
        (b"\0" + bytes(101), "byte 1: it has over 100 bytes of messages"),
        (b"\x02", "byte 1: the gzip data is cut off"),
        (
            GZIPPED + b"ab",
            f"byte {len(GZIPPED)}: 2 bytes follow the gzip data",
        ),
        (
            b"\x02" + gzip.compress(bytes(101)),
            "byte 1: it has over 100 bytes of messages",
        ),
    ],
)
def test_frames_that_cannot_be_opened_are_refused(frame: bytes, fault: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        open_frame(frame, 100)

    assert str(refusal.value) == f"frame, {fault}"


def test_gzip_that_is_cut_off_or_damaged_is_refused() -> None:
    assert open_frame(GZIPPED, 100) == b"y" * 100
    for size in range(1, len(GZIPPED)):
        with pytest.raises(ProtocolError, match="cut off"):
            open_frame(GZIPPED[:size], 100)
    with pytest.raises(ProtocolError, match="frame, byte 1: it is not gzip: Error -3"):
        open_frame(b"\x02abc", 100)
    with pytest.raises(ProtocolError, match="it is not gzip"):
        open_frame(GZIPPED[:-5] + b"\xff" + GZIPPED[-4:], 100)


def test_a_small_frame_that_would_be_huge_takes_little_memory() -> None:
    frame = b"\x02" + gzip.compress(bytes(8 << 20))

    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError, match="it has over 1000 bytes"):
            open_frame(frame, 1000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(frame) < 1 << 14
    assert peak < 1 << 17
