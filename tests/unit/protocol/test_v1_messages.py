"""Messages of v1: judged by a twin, and refused where they are none."""

from typing import Any

import pytest

from qsdb.live.differences import Difference
from qsdb.protocol import v1_client_messages as c
from qsdb.protocol import v1_server_messages as s
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.subprotocols import V1
from qsdb.protocol.tables import TableEncoder
from qsdb.protocol.v1_tables import V1TableEncoder
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import U8
from tests.support.wire_messages import wire
from tests.support.wire_v1_twin import client_message, server_message

FROM_CLIENTS: list[c.V1ClientMessage] = [
    c.CallReducer("add", b"\1", 2, c.NO_SUCCESS_NOTIFY),
    c.CallReducer("add", b"", 2, 0),
    c.Subscribe(("a", "Zoë"), 3),
    c.OneOffQuery(b"\7\7", "a"),
    c.SubscribeSingle("a", 1, 2),
    c.SubscribeMulti(("a", ""), 1, 2),
    c.Unsubscribe(1, 2),
    c.UnsubscribeMulti(1, 2),
    c.CallProcedure("echo", b"\1", 2, 0),
]

KIND = ProductKind("spot", (Field("x", U8),))
SPOT = V1TableEncoder(4096, "spot", KIND)
CAME = SPOT.changes([(1,), (2,)], [])
MOVED = SPOT.changes([(1,)], [(2,)])
CAME_TOLD: list[Any] = [4096, "spot", 2, [{"deletes": [], "inserts": [b"\1", b"\2"]}]]
MOVED_TOLD: list[Any] = [4096, "spot", 2, [{"deletes": [b"\2"], "inserts": [b"\1"]}]]
BOTH_TOLD = [4096, "spot", 4, [*CAME_TOLD[3], *MOVED_TOLD[3]]]
"""What is told of one table is told at once."""

OTHER = V1TableEncoder(4097, "spöt", KIND).changes([(3,)], [])
OTHER_TOLD = [4097, "spöt", 1, [{"deletes": [], "inserts": [b"\3"]}]]
ROWS = TableEncoder("spot", KIND, is_event=False).rows([(7,)])
IDENTITY, CONNECTION_ID = bytes(range(32)), bytes(range(16))
CALL = s.ReducerCall("add", 5, b"\1\2", 6)
CALL_TOLD = [1, IDENTITY, CONNECTION_ID, "add", 5, b"\1\2", 6, 0, 2]

START, END = False, True

FROM_THE_SERVER: list[tuple[s.V1ServerMessage, list[Any]]] = [
    (
        s.InitialSubscription((CAME, OTHER, MOVED), 1, -2),
        ["InitialSubscription", [BOTH_TOLD, OTHER_TOLD], 1, -2],
    ),
    (
        s.TransactionUpdate(s.Committed((MOVED,)), 1, IDENTITY, CONNECTION_ID, CALL, 2),
        ["TransactionUpdate", ["Committed", [MOVED_TOLD]], *CALL_TOLD],
    ),
    (
        s.TransactionUpdate(s.Failed("no\ud800"), 1, IDENTITY, CONNECTION_ID, CALL, 2),
        ["TransactionUpdate", ["Failed", "no\\ud800"], *CALL_TOLD],
    ),
    (
        s.TransactionUpdateLight(1, (MOVED,)),
        ["TransactionUpdateLight", 1, [MOVED_TOLD]],
    ),
    (
        s.IdentityToken(IDENTITY, "t", CONNECTION_ID),
        ["IdentityToken", IDENTITY, "t", CONNECTION_ID],
    ),
    (
        s.OneOffQueryResponse(b"\7", None, (ROWS,), 3),
        ["OneOffQueryResponse", b"\7", None, [{"table": "spot", "rows": [b"\7"]}], 3],
    ),
    (
        s.OneOffQueryResponse(b"\7", "no", (), 3),
        ["OneOffQueryResponse", b"\7", "no", [], 3],
    ),
    (
        s.SingleApplied(START, 1, 2, 3, 4, "spot", CAME),
        ["SubscribeApplied", 1, 2, 3, 4, "spot", CAME_TOLD],
    ),
    (
        s.SingleApplied(END, 1, 2, 3, 4, "spot", MOVED),
        ["UnsubscribeApplied", 1, 2, 3, 4, "spot", MOVED_TOLD],
    ),
    (
        s.SubscriptionError(1, None, 3, None, "no"),
        ["SubscriptionError", 1, None, 3, None, "no"],
    ),
    (
        s.SubscriptionError(1, 2, None, 4, "no"),
        ["SubscriptionError", 1, 2, None, 4, "no"],
    ),
    (
        s.MultiApplied(START, 1, 2, 3, (CAME,)),
        ["SubscribeMultiApplied", 1, 2, 3, [CAME_TOLD]],
    ),
    (
        s.MultiApplied(END, 1, 2, 3, ()),
        ["UnsubscribeMultiApplied", 1, 2, 3, []],
    ),
    (
        s.ProcedureResult(s.Returned(b"\1"), 1, 2, 3),
        ["ProcedureResult", ["Returned", b"\1"], 1, 2, 3],
    ),
    (
        s.ProcedureResult(s.ProcedureFailed("no"), 1, 2, 3),
        ["ProcedureResult", ["InternalError", "no"], 1, 2, 3],
    ),
]


@pytest.mark.parametrize("number", range(len(FROM_CLIENTS)))
def test_what_clients_send_is_what_the_twin_reads_and_comes_back(number: int) -> None:
    message = FROM_CLIENTS[number]
    data = c.encode_v1_client_message(message)

    assert client_message(data) == [type(message).__name__, *message]
    (read,) = V1.messages(data, c.read_v1_client_message)
    assert read == message
    assert type(read) is type(message)


@pytest.mark.parametrize("number", range(len(FROM_CLIENTS)))
def test_what_clients_cut_off_is_refused(number: int) -> None:
    data = c.encode_v1_client_message(FROM_CLIENTS[number])

    for size in range(len(data)):
        with pytest.raises(ProtocolError):
            next(V1.messages(data[:size], c.read_v1_client_message))
    with pytest.raises(ProtocolError, match="1 bytes follow the one message of v1"):
        next(V1.messages(data + b"\0", c.read_v1_client_message))


def test_faults_of_clients_are_told_with_their_place() -> None:
    for data, fault in (
        ("08", "v1 client message, byte 0: tag is 8, at most 7 is allowed"),
        (
            "00 00000000 00000000 00000000 02",
            "CallReducer, byte 13: flags is 2, at most 1 is allowed",
        ),
        (
            "01 ffffffff 00000000",
            (
                "Subscribe, byte 1: "
                "tuple[str, ...] has length 4294967295, at most 1 is possible"
            ),
        ),
    ):
        with pytest.raises(ProtocolError) as refusal:
            c.read_v1_client_message(wire(data), 0)
        assert str(refusal.value) == fault


@pytest.mark.parametrize("number", range(len(FROM_THE_SERVER)))
def test_what_the_server_sends_is_what_the_twin_reads(number: int) -> None:
    message, told = FROM_THE_SERVER[number]

    assert server_message(message.encode()) == told


def test_an_update_is_encoded_once_for_all_who_are_told() -> None:
    encoder = V1TableEncoder(4096, "spot", KIND)
    update = Difference([(1,)], [(2,)])

    encoded = encoder.update(update)

    assert encoded == MOVED
    assert encoder.update(update) is encoded
    assert encoder.update(Difference([(1,), (2,)], [])) == CAME
