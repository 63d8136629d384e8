"""What the server sends: the recorded bytes, the twin, and what is refused."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.protocol.frames import FrameWriter
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.server_messages import (
    InternalFailure,
    OneOffQueryResult,
    ProcedureResult,
    QuerySetUpdate,
    ReducerErr,
    ReducerResult,
    ServerMessage,
    SubscriptionError,
    TransactionUpdate,
    head_of_one_part,
)
from qsdb.protocol.server_reading import read_server_frame
from qsdb.protocol.subprotocols import V2, V3
from tests.support.wire_messages import SERVER_MESSAGES, wire
from tests.support.wire_records import FROM_THE_SERVER, STARTED_BYTES, ZOE
from tests.support.wire_twin import server_messages


@pytest.mark.parametrize("title", FROM_THE_SERVER)
def test_messages_have_the_bytes_that_were_recorded(title: str) -> None:
    message, text = FROM_THE_SERVER[title]
    data = wire(text)

    assert message.encode() == data
    for subprotocol in (V2, V3):
        (read,) = read_server_frame(b"\0" + data, subprotocol, 1000)
        assert read == message
        assert type(read) is type(message)


@pytest.mark.slow
@given(pairs=st.lists(SERVER_MESSAGES, min_size=1, max_size=2))
def test_a_batch_is_what_the_twin_reads_and_comes_back(
    pairs: list[tuple[ServerMessage, dict[str, Any]]],
) -> None:
    messages = [message for message, _ in pairs]
    (frame,) = FrameWriter(V3).frames([each.encode() for each in messages])

    assert server_messages(frame[1:]) == [told for _, told in pairs]
    read = [*read_server_frame(frame, V3, 1 << 20)]
    assert read == messages
    assert [type(each) for each in read] == [type(each) for each in messages]


def test_parts_that_carry_rows_are_shared_between_messages() -> None:
    one = TransactionUpdate((QuerySetUpdate(0, (ZOE,)), QuerySetUpdate(7, (ZOE,))))

    (read,) = server_messages(one.encode())

    numbers = [each["query_set_id"] for each in read["query_sets"]]
    assert numbers == [0, 7]
    first, second = [each["tables"] for each in read["query_sets"]]
    assert first == second


@pytest.mark.parametrize("number", [0, 7, 2**32 - 1])
def test_a_head_and_a_part_are_an_update_of_one_query(number: int) -> None:
    update = TransactionUpdate((QuerySetUpdate(number, (ZOE,)),))

    assert head_of_one_part(number) + ZOE == update.encode()


def test_messages_for_people_may_hold_what_is_no_unicode() -> None:
    bad, told = "\ud800!", "\\ud800!"
    messages: list[ServerMessage] = [
        SubscriptionError(None, 0, bad),
        OneOffQueryResult(0, bad),
        ReducerResult(0, 0, InternalFailure(bad)),
        ProcedureResult(InternalFailure(bad), 0, 0, 0),
    ]

    for message in messages:
        (read,) = server_messages(message.encode())
        assert told in (read.get("error"), read.get("payload"))
    assert ReducerErr.of_text(bad).text() == told


def test_a_refusal_that_is_no_text_is_refused() -> None:
    with pytest.raises(ProtocolError, match="ReducerErr, byte 0: length of str needs"):
        ReducerErr(b"\x01").text()


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("08", "server message, byte 0: tag is 8, at most 7 is allowed"),
        (
            "02 01000000 00000000 02",
            "UnsubscribeApplied, byte 9: tag of option is 2, at most 1 is allowed",
        ),
        (
            "05 01000000 02",
            "OneOffQueryResult, byte 5: tag of result is 2, at most 1 is allowed",
        ),
        (
            f"06 01000000 {STARTED_BYTES} 04",
            "ReducerResult, byte 13: tag of outcome is 4, at most 3 is allowed",
        ),
        ("07 02", "ProcedureResult, byte 1: tag of status is 2, at most 1 is allowed"),
        (
            "04 ffffffff",
            "TransactionUpdate, byte 5: u32 needs 4 bytes, finds 0",
        ),
        (
            "01 00000000 00000000 ffffffff",
            "SubscribeApplied, byte 13: length of str needs 4 bytes, finds 0",
        ),
    ],
)
def test_faults_are_told_with_their_place(text: str, fault: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        next(read_server_frame(b"\0" + wire(text), V3, 100))

    assert str(refusal.value) == fault
