"""What clients send: the recorded bytes, the twin, and what is refused."""

import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.protocol.client_messages import (
    CLIENT_FRAME_BYTES_MAX,
    ClientMessage,
    OneOffQuery,
    encode_client_message,
    read_client_frame,
)
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.subprotocols import V2, V3
from tests.support.wire_messages import CLIENT_MESSAGES, wire
from tests.support.wire_records import BATCHES, FROM_CLIENTS
from tests.support.wire_twin import client_messages


@pytest.mark.parametrize("title", FROM_CLIENTS)
def test_messages_have_the_bytes_that_were_recorded(title: str) -> None:
    message, text = FROM_CLIENTS[title]
    data = wire(text)

    assert encode_client_message(message) == data
    for subprotocol in (V2, V3):
        (read,) = read_client_frame(data, subprotocol)
        assert read == message
        assert type(read) is type(message)


@pytest.mark.parametrize("number", range(len(BATCHES)))
def test_whole_frames_of_the_sdk_are_read_and_made_again(number: int) -> None:
    messages, text = BATCHES[number]
    frame = bytes.fromhex(text)

    assert [*read_client_frame(frame, V3)] == messages
    assert b"".join(map(encode_client_message, messages)) == frame


@pytest.mark.slow
@given(pairs=st.lists(CLIENT_MESSAGES, min_size=1, max_size=2))
def test_a_batch_is_what_the_twin_reads_and_comes_back(
    pairs: list[tuple[ClientMessage, dict[str, Any]]],
) -> None:
    messages = [message for message, _ in pairs]
    frame = b"".join(map(encode_client_message, messages))

    assert client_messages(frame) == [told for _, told in pairs]
    read = [*read_client_frame(frame, V3)]
    assert read == messages
    assert [type(each) for each in read] == [type(each) for each in messages]


def test_v2_takes_one_message_in_each_frame() -> None:
    data = encode_client_message(OneOffQuery(1, "a"))

    with pytest.raises(ProtocolError) as refusal:
        next(read_client_frame(data * 2, V2))

    assert str(refusal.value) == (
        "frame, byte 10: 10 bytes follow the one message of v2.bsatn.spacetimedb"
    )


@pytest.mark.parametrize("subprotocol", [V2, V3])
def test_an_empty_frame_is_refused(subprotocol: Any) -> None:
    with pytest.raises(ProtocolError, match="frame, byte 0: it is empty"):
        next(read_client_frame(b"", subprotocol))


def test_what_stands_before_a_fault_is_given() -> None:
    data = encode_client_message(OneOffQuery(1, "a"))
    messages = read_client_frame(data + b"\x05", V3)

    assert next(messages) == OneOffQuery(1, "a")
    with pytest.raises(ProtocolError) as refusal:
        next(messages)
    assert str(refusal.value) == (
        "client message, byte 10: tag is 5, at most 4 is allowed"
    )


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param(
            "01 01000000 00000000 02",
            "Unsubscribe, byte 9: flags is 2, at most 1 is allowed",
            id="flags of Unsubscribe",
        ),
        pytest.param(
            "03 01000000 01 00000000 00000000",
            "CallReducer, byte 5: flags is 1, at most 0 is allowed",
            id="flags of CallReducer",
        ),
        pytest.param(
            "04 01000000 ff 00000000 00000000",
            "CallProcedure, byte 5: flags is 255, at most 0 is allowed",
            id="flags of CallProcedure",
        ),
        pytest.param(
            "02 01000000 02000000 c328",
            "OneOffQuery, byte 9: str is not UTF-8: byte 0xc3, "
            "invalid continuation byte",
            id="no UTF-8",
        ),
        pytest.param(
            "02 01000000 ffffffff 61",
            "OneOffQuery, byte 5: str has length 4294967295, at most 1 is possible",
            id="giant text",
        ),
        pytest.param(
            "00 01000000 02000000 ffffffff 00000000",
            "Subscribe, byte 9: tuple[str, ...] has length 4294967295, "
            "at most 1 is possible",
            id="giant array",
        ),
        pytest.param(
            '03 01000000 00 01000000 "a" ffffffff',
            "CallReducer, byte 11: bytes has length 4294967295, at most 0 is possible",
            id="giant arguments",
        ),
    ],
)
def test_faults_are_told_with_their_place(text: str, fault: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        next(read_client_frame(wire(text), V3))

    assert str(refusal.value) == fault


def test_a_frame_of_more_than_the_bound_is_refused_at_once() -> None:
    frame = bytes(CLIENT_FRAME_BYTES_MAX + 1)

    with pytest.raises(ProtocolError) as refusal:
        read_client_frame(frame, V3)

    assert str(refusal.value) == (
        "frame, byte 33554432: it has 33554433 bytes, at most 33554432 are allowed"
    )


def test_a_frame_of_many_messages_is_never_many_objects() -> None:
    frame = encode_client_message(OneOffQuery(0, "")) * 5_000

    tracemalloc.start()
    try:
        count = sum(1 for _ in read_client_frame(frame, V3))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert count == 5_000
    assert peak < 1 << 15
