"""Bytes that are no message: refused by one error, at every byte, and cheaply."""

import os
import pickle
import random
import tracemalloc
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.protocol.client_messages import encode_client_message, read_client_frame
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.row_lists import RowList
from qsdb.protocol.server_messages import (
    ReducerOk,
    ReducerResult,
    ServerMessage,
    SubscribeApplied,
    TransactionUpdate,
    UnsubscribeApplied,
)
from qsdb.protocol.server_reading import read_server_frame
from qsdb.protocol.subprotocols import V2, V3
from qsdb.protocol.tables import read_table_rows, read_table_update
from tests.support.wire_messages import wire
from tests.support.wire_records import BATCHES, FROM_CLIENTS, FROM_THE_SERVER
from tests.support.wire_twin import TwinError, client_messages, server_messages

CLIENT = {title: wire(text) for title, (_, text) in FROM_CLIENTS.items()}
SERVER = {title: wire(text) for title, (_, text) in FROM_THE_SERVER.items()}
FRAMES = [bytes.fromhex(text) for _, text in BATCHES]
BYTES_MAX = 1 << 20
"""A great claim must not be believed: no sample has a thousandth of it."""

MUTANTS_COUNT = 20_000 if os.environ.get("QSDB_TEST_PROFILE") == "nightly" else 1000


def _from_client(data: bytes) -> list[object]:
    return [*read_client_frame(data, V3)]


def _from_server(data: bytes) -> list[object]:
    return [*read_server_frame(b"\0" + data, V3, BYTES_MAX)]


@pytest.mark.parametrize("title", CLIENT)
def test_a_client_frame_cut_off_anywhere_is_refused(title: str) -> None:
    for size in range(len(CLIENT[title])):
        for subprotocol in (V2, V3):
            with pytest.raises(ProtocolError) as refusal:
                next(read_client_frame(CLIENT[title][:size], subprotocol))
            assert 0 <= refusal.value.position <= size


@pytest.mark.parametrize("title", SERVER)
def test_a_server_frame_cut_off_anywhere_is_refused(title: str) -> None:
    for size in range(len(SERVER[title])):
        frame = b"\0" + SERVER[title][:size]
        for subprotocol in (V2, V3):
            with pytest.raises(ProtocolError) as refusal:
                next(read_server_frame(frame, subprotocol, BYTES_MAX))
            assert 0 <= refusal.value.position <= size


@pytest.mark.parametrize("title", CLIENT)
def test_bytes_after_a_message_are_refused(title: str) -> None:
    with pytest.raises(ProtocolError, match="1 bytes follow the one message"):
        next(read_client_frame(CLIENT[title] + b"\0", V2))
    with pytest.raises(ProtocolError, match=r"client message, .* tag is 255"):
        _from_client(CLIENT[title] + b"\xff")


def _mutants(samples: list[bytes], count: int) -> Iterator[bytes]:
    """Change, cut out, repeat, insert and exchange bytes of recorded messages."""
    source = random.Random(7)
    for _ in range(count):
        data = bytearray(source.choice(samples))
        for _ in range(source.randint(1, 3)):
            at = source.randrange(len(data) + 1)
            to = min(len(data), at + source.randint(0, 6))
            other = source.choice(samples)
            match source.randrange(6):
                case 0:
                    data[at:to] = source.randbytes(to - at)
                case 1:
                    del data[at:to]
                case 2:
                    data[at:at] = data[at:to]
                case 3:
                    data[at : at + 4] = source.choice([b"\xff" * 4, bytes(4)])
                case 4:
                    data[at:at] = source.randbytes(2)
                case _:
                    data[at:] = other[at:]
        yield bytes(data)


def _judged(
    read: Callable[[bytes], list[object]],
    twin: Callable[[bytes], list[object]],
    data: bytes,
) -> bool:
    """Read with both; say whether it was taken. Nothing else may be raised."""
    try:
        expected: list[object] | None = twin(data)
    except TwinError:
        expected = None
    try:
        messages: list[object] | None = read(data)
    except ProtocolError as error:
        assert 0 <= error.position <= len(data)
        messages = None
    assert (messages is None) == (expected is None), data.hex()
    if messages is not None and expected is not None:
        assert len(messages) == len(expected)
    return messages is not None


def test_mutants_of_client_frames_are_taken_only_if_the_twin_takes_them() -> None:
    taken = 0
    for data in _mutants([*CLIENT.values(), *FRAMES], MUTANTS_COUNT):
        if _judged(_from_client, lambda each: [*client_messages(each)], data):
            taken += 1
            messages = [*read_client_frame(data, V3)]
            assert b"".join(map(encode_client_message, messages)) == data

    assert 0 < taken < MUTANTS_COUNT


def test_mutants_of_server_frames_are_taken_only_if_the_twin_takes_them() -> None:
    taken = 0
    for data in _mutants([*SERVER.values()], MUTANTS_COUNT):
        if _judged(_from_server, lambda each: [*server_messages(each)], data):
            taken += 1
            messages = [*read_server_frame(b"\0" + data, V3, BYTES_MAX)]
            assert b"".join([each.encode() for each in messages]) == data
            _open(messages)

    assert 0 < taken < MUTANTS_COUNT


def _open(messages: list[ServerMessage]) -> None:
    """Open all parts; their hints may lie, and nothing worse."""
    for rows in [each for message in messages for each in _row_lists(message)]:
        try:
            rows.split()
        except ProtocolError as error:
            assert error.subject == "RowList"


def _row_lists(message: ServerMessage) -> Iterator[RowList]:
    match message:
        case SubscribeApplied(_, _, tuple(parts)) | UnsubscribeApplied(
            _, _, tuple(parts)
        ):
            yield from [read_table_rows(each).rows for each in parts]
        case TransactionUpdate(query_sets) | ReducerResult(
            _, _, ReducerOk(_, TransactionUpdate(query_sets))
        ):
            for part in [part for each in query_sets for part in each.tables]:
                for entry in read_table_update(part).rows:
                    yield from entry
        case _:
            pass


@given(data=st.binary(min_size=1, max_size=64))
def test_any_bytes_are_messages_or_are_refused(data: bytes) -> None:
    _judged(_from_client, lambda each: [*client_messages(each)], data)
    _judged(_from_server, lambda each: [*server_messages(each)], data)


CLAIMS = {
    "query_strings": (_from_client, "00 00000000 00000000"),
    "query_string": (_from_client, "02 00000000"),
    "reducer": (_from_client, "03 00000000 00"),
    "args": (_from_client, '04 00000000 00 01000000 "a"'),
    "token": (_from_server, "00" + "00" * 48),
    "tables": (_from_server, "01 00000000 00000000"),
    "table": (_from_server, "01 00000000 00000000 01000000"),
    "offsets": (_from_server, "01 00000000 00000000 01000000 00000000 01"),
    "rows": (_from_server, "01 00000000 00000000 01000000 00000000 00 0100"),
    "query sets": (_from_server, "04"),
    "updates": (_from_server, "04 01000000 00000000"),
    "entries": (_from_server, "04 01000000 00000000 01000000 00000000"),
    "ret_value": (_from_server, "06 00000000 0000000000000000 00"),
    "value": (_from_server, "07 00"),
}
"""What stands before a claim of 4,294,967,295, and who reads it."""


@pytest.mark.parametrize("title", CLAIMS)
def test_a_great_claim_takes_no_memory(title: str) -> None:
    read, text = CLAIMS[title]
    data = wire(text) + b"\xff" * 4 + bytes(100)

    tracemalloc.start()
    try:
        with pytest.raises(ProtocolError):
            read(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak < 1 << 16


def test_the_error_can_be_pickled() -> None:
    error = ProtocolError("frame", 7, "it is empty")

    copy = pickle.loads(pickle.dumps(error))

    assert (copy.subject, copy.position, copy.reason) == ("frame", 7, "it is empty")
    assert str(copy) == "frame, byte 7: it is empty"
