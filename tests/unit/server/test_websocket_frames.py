"""Frames of WebSockets: put together from pieces, or refused by a rule."""

import itertools
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.server.websocket_frames import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    TEXT,
    FrameError,
    FrameReader,
    close_frame,
    close_reason,
    server_frame,
)

MAX = 70_000
MASKS = st.binary(min_size=4, max_size=4)


def client_frame(
    opcode: int, payload: bytes, mask: bytes = b"\1\2\3\4", *, fin: bool = True
) -> bytes:
    """Make a frame byte by byte, as the RFC draws it."""
    size = len(payload)
    head = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 1 << 16:
        head += bytes([0x80 | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([0x80 | 127]) + size.to_bytes(8, "big")
    return head + mask + bytes([b ^ mask[n % 4] for n, b in enumerate(payload)])


def read(*data: bytes, most: int = MAX) -> list[tuple[int, bytes]]:
    reader = FrameReader(most)
    return [each for piece in data for each in reader.feed(piece)]


def test_the_example_of_the_rfc_is_read() -> None:
    masked = bytes.fromhex("81 85 37 fa 21 3d 7f 9f 4d 51 58")

    assert read(masked) == [(TEXT, b"Hello")]


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535, 65_536])
def test_all_lengths_are_read_and_written(size: int) -> None:
    payload = bytes(n % 251 for n in range(size))

    assert read(client_frame(BINARY, payload)) == [(BINARY, payload)]
    written = server_frame(BINARY, payload)
    assert written.endswith(payload)
    assert len(written) - size == (2 if size < 126 else 4 if size < 65_536 else 10)


def test_a_frame_can_be_cut_anywhere() -> None:
    frames = [client_frame(BINARY, b"x" * 300), client_frame(TEXT, b"yes")]
    data = b"".join(frames)

    for cut in range(len(data) + 1):
        assert read(data[:cut], data[cut:]) == [(BINARY, b"x" * 300), (TEXT, b"yes")]
    assert read(*[bytes([byte]) for byte in data])[1] == (TEXT, b"yes")


def test_a_message_can_come_in_several_frames_with_pings_between() -> None:
    found = read(
        client_frame(BINARY, b"a", fin=False)
        + client_frame(PING, b"p")
        + client_frame(0, b"b", fin=False)
        + client_frame(PONG, b"")
        + client_frame(0, b"c")
        + client_frame(BINARY, b"d")
    )

    assert found == [(PING, b"p"), (PONG, b""), (BINARY, b"abc"), (BINARY, b"d")]


@pytest.mark.parametrize(
    ("data", "code", "reason"),
    [
        (b"\xc2\x80", 1002, "reserved bits are set"),
        (b"\x82\x01a", 1002, "a client's frame is masked"),
        (client_frame(PING, b"x" * 126), 1002, "a control frame is short and whole"),
        (client_frame(CLOSE, b"", fin=False), 1002, "a control frame is short"),
        (client_frame(3, b""), 1002, "opcode 3 is not known"),
        (client_frame(11, b""), 1002, "opcode 11 is not known"),
        (client_frame(0, b"x"), 1002, "a message is begun once, then continued"),
        (client_frame(BINARY, b"x", fin=False) * 2, 1002, "a message is begun once"),
        (client_frame(BINARY, b"x" * 301), 1009, "a message has at most 300 bytes"),
        (b"\x82\xff" + b"\xff" * 8, 1009, "a message has at most 300 bytes"),
        (
            client_frame(BINARY, b"x" * 200, fin=False) + client_frame(0, b"x" * 101),
            1009,
            "a message has at most 300 bytes",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused(data: bytes, code: int, reason: str) -> None:
    with pytest.raises(FrameError, match=reason) as caught:
        read(data, most=300)

    assert caught.value.code == code


def test_a_message_in_very_many_frames_takes_no_more_than_its_bytes() -> None:
    first = client_frame(BINARY, b"ab", fin=False)
    more = client_frame(0, b"ab", fin=False)
    last = client_frame(0, b"ab")
    reader = FrameReader(1 << 20)
    reader.feed(first)
    tracemalloc.start()
    try:
        for _ in range(4):
            reader.feed(more * 1000)
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert reader.waiting_bytes == 2 * 4_001
    assert taken < 30_000
    assert reader.feed(last) == [(2, b"ab" * 4_002)]
    assert reader.waiting_bytes == 0


def test_an_end_says_why() -> None:
    assert close_reason(b"") == (1005, "")
    assert close_reason(b"\x03\xe9away") == (1001, "away")
    assert close_reason(close_frame(4000, "Zoë")[2:]) == (4000, "Zoë")
    assert len(close_frame(1011, "ë" * 200)) == 2 + 124
    for wrong in (b"\x03", b"\x03\xed", b"\x00\x00", b"\x13\x88"):
        with pytest.raises(FrameError, match="is no code to close with"):
            close_reason(wrong)
    with pytest.raises(FrameError, match="the reason is not UTF-8"):
        close_reason(b"\x03\xe8\xff")


@given(
    st.lists(st.tuples(st.sampled_from([TEXT, BINARY]), st.binary(max_size=200))),
    st.lists(MASKS, min_size=1, max_size=4),
    st.lists(st.integers(1, 60), min_size=1, max_size=6),
    st.lists(st.integers(0, 3), min_size=1, max_size=6),
)
def test_messages_are_those_that_were_sent(
    messages: list[tuple[int, bytes]],
    masks: list[bytes],
    sizes: list[int],
    splits: list[int],
) -> None:
    data = b""
    endless_masks, endless_splits = itertools.cycle(masks), itertools.cycle(splits)
    for opcode, payload in messages:
        count = next(endless_splits)
        step = len(payload) // (count + 1) or 1
        parts = [payload[step * n : step * (n + 1)] for n in range(count)]
        parts.append(payload[step * count :])
        for number, part in enumerate(parts):
            is_last = number == len(parts) - 1
            sort = 0 if number else opcode
            data += client_frame(sort, part, next(endless_masks), fin=is_last)
    pieces, at = [], 0
    for size in itertools.cycle(sizes):
        if at >= len(data):
            break
        pieces.append(data[at : at + size])
        at += size

    assert read(*pieces) == messages


@given(st.binary(max_size=80))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    try:
        found = read(data)
    except FrameError as error:
        assert error.code in (1002, 1007, 1009)
    else:
        assert sum(len(payload) for _, payload in found) <= len(data)
