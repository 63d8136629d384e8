"""Messages of version 1 as JSON: both directions, and whatever strangers send."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.protocol import v1_client_messages as c
from qsdb.protocol import v1_server_messages as s
from qsdb.protocol.client_messages import CLIENT_FRAME_BYTES_MAX
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.v1_json import V1JsonTableEncoder, encode_v1_json, read_v1_json
from qsdb.values.compounds import ArrayKind, Field, OptionKind, ProductKind
from qsdb.values.kinds import BYTES, F64, IDENTITY, STR, U8, U64
from tests.support.v1_client import json_frame

FROM_CLIENTS: list[tuple[c.V1ClientMessage, str]] = [
    (
        c.CallReducer("add", b'["Zo\xc3\xab"]', 2, c.NO_SUCCESS_NOTIFY),
        '{"CallReducer":{"reducer":"add","args":"[\\"Zoë\\"]","request_id":2,"flags":1}}',
    ),
    (
        c.CallReducer("add", b"", 4_294_967_295, 0),
        '{"CallReducer":{"args":"","flags":0,"reducer":"add","request_id":4294967295}}',
    ),
    (
        c.Subscribe(("a", "b"), 3),
        '{"Subscribe":{"query_strings":["a","b"],"request_id":3}}',
    ),
    (c.Subscribe((), 3), '{"Subscribe":[[],3]}'),
    (
        c.OneOffQuery(b"\7\xab", "a"),
        '{"OneOffQuery":{"message_id":"07ab","query_string":"a"}}',
    ),
    (
        c.SubscribeSingle("a", 1, 2),
        '{"SubscribeSingle":{"query":"a","request_id":1,"query_id":{"id":2}}}',
    ),
    (
        c.SubscribeMulti(("a",), 1, 2),
        ' {"SubscribeMulti": {"query_strings":["a"], "request_id":1,"query_id":[2]}}\n',
    ),
    (
        c.Unsubscribe(1, 2),
        '{"Unsubscribe":{"request_id":1,"query_id":{"id":2}}}',
    ),
    (
        c.UnsubscribeMulti(1, 2),
        '{"UnsubscribeMulti":{"request_id":1,"query_id":[2]}}',
    ),
    (
        c.CallProcedure("echo", b"[]", 2, 0),
        '{"CallProcedure":{"procedure":"echo","args":"[]","request_id":2,"flags":0}}',
    ),
]

KIND = ProductKind("spot", (Field("x", U8), Field("name", STR)))
SPOT = V1JsonTableEncoder(7, "spot", KIND)
CAME = SPOT.changes([(1, "Zoë"), (2, '"')], [])
MOVED = SPOT.changes([(1, "a")], [(2, "b")])
CAME_TOLD = {
    "table_id": 7,
    "table_name": "spot",
    "num_rows": 2,
    "updates": [
        {
            "deletes": [],
            "inserts": ['{"x":1,"name":"Zoë"}', '{"x":2,"name":"\\""}'],
        }
    ],
}
MOVED_TOLD = {
    "table_id": 7,
    "table_name": "spot",
    "num_rows": 2,
    "updates": [
        {
            "deletes": ['{"x":2,"name":"b"}'],
            "inserts": ['{"x":1,"name":"a"}'],
        }
    ],
}
BOTH_TOLD = {
    **CAME_TOLD,
    "num_rows": 4,
    "updates": [*CAME_TOLD["updates"], *MOVED_TOLD["updates"]],  # type: ignore[misc]
}
IDENTITY_BYTES, CONNECTION_ID = bytes(range(32)), bytes(range(16))
WHO = {"__identity__": f"0x{int.from_bytes(IDENTITY_BYTES, 'big'):x}"}
NUMBER = {"__connection_id__": int.from_bytes(CONNECTION_ID, "big")}
MICROS = "total_host_execution_duration_micros"
DURATION = "total_host_execution_duration"
NONE: dict[str, Any] = {"none": []}
CALL = s.ReducerCall("add", 5, b'["x"]', 6)


def transaction(status: Any) -> dict[str, Any]:
    return {
        "status": status,
        "timestamp": {"__timestamp_micros_since_unix_epoch__": 1},
        "caller_identity": WHO,
        "caller_connection_id": NUMBER,
        "reducer_call": {
            "reducer_name": "add",
            "reducer_id": 5,
            "args": '["x"]',
            "request_id": 6,
        },
        "energy_quanta_used": {"quanta": 0},
        DURATION: {"__time_duration_micros__": 2},
    }


def single(name: str, update: Any) -> dict[str, Any]:
    rows = {"table_id": 4, "table_name": "spot", "table_rows": update}
    return {name: {"request_id": 1, MICROS: 2, "query_id": {"id": 3}, "rows": rows}}


def procedure(status: Any) -> dict[str, Any]:
    return {
        "ProcedureResult": {
            "status": status,
            "timestamp": {"__timestamp_micros_since_unix_epoch__": -1},
            DURATION: {"__time_duration_micros__": 2},
            "request_id": 3,
        }
    }


FROM_THE_SERVER: list[tuple[s.V1ServerMessage, Any]] = [
    (
        s.InitialSubscription((CAME, MOVED), 1, -2),
        {
            "InitialSubscription": {
                "database_update": {"tables": [BOTH_TOLD]},
                "request_id": 1,
                DURATION: {"__time_duration_micros__": -2},
            }
        },
    ),
    (
        s.TransactionUpdate(
            s.Committed((MOVED,)), 1, IDENTITY_BYTES, CONNECTION_ID, CALL, 2
        ),
        {"TransactionUpdate": transaction({"Committed": {"tables": [MOVED_TOLD]}})},
    ),
    (
        s.TransactionUpdate(
            s.Failed('no\ud800"'), 1, IDENTITY_BYTES, CONNECTION_ID, CALL, 2
        ),
        {"TransactionUpdate": transaction({"Failed": 'no\\ud800"'})},
    ),
    (
        s.TransactionUpdateLight(1, (MOVED,)),
        {
            "TransactionUpdateLight": {
                "request_id": 1,
                "update": {"tables": [MOVED_TOLD]},
            }
        },
    ),
    (
        s.IdentityToken(IDENTITY_BYTES, "t", CONNECTION_ID),
        {"IdentityToken": {"identity": WHO, "token": "t", "connection_id": NUMBER}},
    ),
    (
        s.OneOffQueryResponse(b"\7\xab", None, (SPOT.rows([(7, "a")]),), 3),  # type: ignore[arg-type]
        {
            "OneOffQueryResponse": {
                "message_id": "07ab",
                "error": NONE,
                "tables": [{"table_name": "spot", "rows": ['{"x":7,"name":"a"}']}],
                DURATION: {"__time_duration_micros__": 3},
            }
        },
    ),
    (
        s.OneOffQueryResponse(b"", "no\ud800", (), 3),
        {
            "OneOffQueryResponse": {
                "message_id": "",
                "error": {"some": "no\\ud800"},
                "tables": [],
                DURATION: {"__time_duration_micros__": 3},
            }
        },
    ),
    (
        s.SingleApplied(False, 1, 2, 3, 4, "spot", CAME),  # noqa: FBT003  as in v1
        single("SubscribeApplied", CAME_TOLD),
    ),
    (
        s.SingleApplied(True, 1, 2, 3, 4, "spot", MOVED),  # noqa: FBT003
        single("UnsubscribeApplied", MOVED_TOLD),
    ),
    (
        s.SubscriptionError(1, None, 3, None, "no"),
        {
            "SubscriptionError": {
                MICROS: 1,
                "request_id": NONE,
                "query_id": {"some": 3},
                "table_id": NONE,
                "error": "no",
            }
        },
    ),
    (
        s.SubscriptionError(1, 2, None, 4, "\udfff"),
        {
            "SubscriptionError": {
                MICROS: 1,
                "request_id": {"some": 2},
                "query_id": NONE,
                "table_id": {"some": 4},
                "error": "\\udfff",
            }
        },
    ),
    (
        s.MultiApplied(False, 1, 2, 3, (CAME,)),  # noqa: FBT003
        {
            "SubscribeMultiApplied": {
                "request_id": 1,
                MICROS: 2,
                "query_id": {"id": 3},
                "update": {"tables": [CAME_TOLD]},
            }
        },
    ),
    (
        s.MultiApplied(True, 1, 2, 3, ()),  # noqa: FBT003
        {
            "UnsubscribeMultiApplied": {
                "request_id": 1,
                MICROS: 2,
                "query_id": {"id": 3},
                "update": {"tables": []},
            }
        },
    ),
    (
        s.ProcedureResult(s.Returned(b'"\xc3\xab"'), -1, 2, 3),
        procedure({"Returned": '"ë"'}),
    ),
    (
        s.ProcedureResult(s.ProcedureFailed("no\ud800"), -1, 2, 3),
        procedure({"InternalError": "no\\ud800"}),
    ),
]


@pytest.mark.parametrize("number", range(len(FROM_CLIENTS)))
def test_what_clients_send_is_read(number: int) -> None:
    message, frame = FROM_CLIENTS[number]

    for text in (frame, json_frame(message)):
        read = read_v1_json(text)
        assert read == message
        assert type(read) is type(message)


@pytest.mark.parametrize("number", range(len(FROM_THE_SERVER)))
def test_what_the_server_sends_is_json_of_these_names(number: int) -> None:
    message, told = FROM_THE_SERVER[number]

    data = encode_v1_json(message)

    assert json.loads(data.decode()) == told
    assert b" " not in data.replace(b"x y", b"")


def test_rows_are_texts_of_their_own() -> None:
    nested = ProductKind("n", (Field("y", OptionKind(U64)),))
    kind = ProductKind(
        "odd",
        (
            Field("data", BYTES),
            Field("at", F64),
            Field("who", IDENTITY),
            Field("all", ArrayKind(nested)),
        ),
    )
    encoder = V1JsonTableEncoder(1, "odd", kind)
    row = (b"\1\xff", float("nan"), bytes(32), (((1 << 64) - 1,), (None,)))

    table = json.loads(encoder.rows([row]).decode())

    assert table["table_name"] == "odd"
    [text] = table["rows"]
    assert json.loads(text) == {
        "data": "01ff",
        "at": None,
        "who": {"__identity__": "0x0"},
        "all": [{"y": {"some": (1 << 64) - 1}}, {"y": {"none": []}}],
    }


ODD_NAMES = ("spot", 'a,"num_rows":7,"updates":[', '\\"', '"', "Zoë]},", ",", "")


@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.sampled_from(ODD_NAMES),
            st.lists(st.tuples(st.integers(0, 255), st.sampled_from(ODD_NAMES))),
            st.lists(st.tuples(st.integers(0, 255), st.sampled_from(ODD_NAMES))),
        )
    )
)
def test_what_is_told_of_one_table_is_told_at_once(
    changes: list[tuple[int, str, list[tuple[int, str]], list[tuple[int, str]]]],
) -> None:
    parts = [
        V1JsonTableEncoder(number, name, KIND).changes(came, went)
        for number, name, came, went in changes
    ]
    expected: dict[tuple[int, str], dict[str, Any]] = {}
    for part in parts:
        told = json.loads(part)
        table = told["table_id"], told["table_name"]
        there = expected.setdefault(table, {**told, "num_rows": 0, "updates": []})
        there["num_rows"] += told["num_rows"]
        there["updates"] += told["updates"]

    text = encode_v1_json(s.TransactionUpdateLight(1, tuple(parts)))

    tables = json.loads(text)["TransactionUpdateLight"]["update"]["tables"]
    assert tables == [*expected.values()]


A_NUMBER = "an int from 0 to 4294967295"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "frame, byte 0: Expecting value, at character 0"),
        ("nul", "frame, byte 0: Expecting value, at character 0"),
        ("{}x", "frame, byte 0: Extra data, at character 2"),
        ("[" * 100_000, "frame, byte 0: it nests too deep"),
        ("7", "frame, byte 0: 7 is no object of one name"),
        ("{}", "frame, byte 0: an object of length 0 is no object of one name"),
        (
            '{"Subscribe":[[],1],"Unsubscribe":[1,[2]]}',
            "frame, byte 0: an object of length 2 is no object of one name",
        ),
        ('{"subscribe":[[],1]}', "frame, byte 0: 'subscribe' is no message"),
        ('{"\\ud800":1}', "frame, byte 0: '\\ud800' is no message"),
        (
            '{"Subscribe":{"query_strings":["a",7],"request_id":1}}',
            "Subscribe, byte 0: 7 is not a str of valid Unicode, at .query_strings[1]",
        ),
        (
            '{"Unsubscribe":{"request_id":-1,"query_id":{"id":2}}}',
            f"Unsubscribe, byte 0: -1 is not {A_NUMBER}, at .request_id",
        ),
        (
            '{"Unsubscribe":{"request_id":1.0,"query_id":{"id":2}}}',
            f"Unsubscribe, byte 0: 1.0 is not {A_NUMBER}, at .request_id",
        ),
        (
            '{"CallReducer":{"reducer":"a","args":"","request_id":1,"flags":2}}',
            "frame, byte 0: flags are 2, at most 1 is allowed",
        ),
        (
            '{"CallProcedure":{"procedure":"a","args":"","request_id":1,"flags":1}}',
            "frame, byte 0: flags are 1, at most 0 is allowed",
        ),
        (
            '{"CallReducer":{"reducer":"a","args":"\\ud800","request_id":1,"flags":0}}',
            "CallReducer, byte 0: '\\ud800' is not a str of valid Unicode, at .args",
        ),
    ],
)
def test_what_is_no_message_is_refused_with_why(text: str, fault: str) -> None:
    with pytest.raises(ProtocolError) as refusal:
        read_v1_json(text)
    assert str(refusal.value) == fault


def test_a_frame_that_is_too_long_is_not_read() -> None:
    with pytest.raises(ProtocolError, match="a text of length 33554433; at most"):
        read_v1_json(" " * (CLIENT_FRAME_BYTES_MAX + 1))


@pytest.mark.parametrize("number", range(len(FROM_CLIENTS)))
def test_a_frame_that_is_cut_off_anywhere_is_refused(number: int) -> None:
    text = FROM_CLIENTS[number][1].strip()

    for size in range(len(text)):
        with pytest.raises(ProtocolError):
            read_v1_json(text[:size])
        with pytest.raises(ProtocolError):
            read_v1_json(text + text[size:])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["request_id", "query_id", "id", "args", "reducer", "flags", "query"]
            )
            | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=10,
)
NAMES = st.sampled_from([type(each).__name__ for each, _ in FROM_CLIENTS])


def _read(text: str) -> c.V1ClientMessage | None:
    """Read a frame, or have it refused; nothing else may be raised."""
    try:
        message = read_v1_json(text)
    except ProtocolError as error:
        assert str(error).isprintable() or "\\" in repr(str(error))
        assert len(str(error)) < 1000
        return None
    assert read_v1_json(json_frame(message)) == message
    return message


@given(data=JSON)
def test_any_json_is_a_message_or_refused(data: object) -> None:
    _read(json.dumps(data))


@given(name=NAMES, data=JSON)
def test_any_fields_are_a_message_or_refused(name: str, data: object) -> None:
    _read(json.dumps({name: data}))


@given(data=st.data())
def test_messages_with_another_value_somewhere_are_messages_or_refused(
    data: st.DataObject,
) -> None:
    message, _ = data.draw(st.sampled_from(FROM_CLIENTS))
    [(name, fields)] = json.loads(json_frame(message)).items()
    field = data.draw(st.sampled_from(sorted(fields)))
    match data.draw(st.integers(0, 2)):
        case 0:
            del fields[field]
        case 1:
            fields[field] = data.draw(JSON)
        case _:
            fields[data.draw(st.text(max_size=3))] = data.draw(JSON)
    _read(json.dumps({name: fields}))


@given(data=st.data())
def test_texts_with_other_characters_are_messages_or_refused(
    data: st.DataObject,
) -> None:
    text = data.draw(st.sampled_from(FROM_CLIENTS))[1]
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, min(len(text), start + 6)))
    put = data.draw(st.text(alphabet='{}[]",:\\0127aué\0', max_size=4))
    _read(text[:start] + put + text[end:])


@given(text=st.text(max_size=40))
def test_any_text_is_a_message_or_refused(text: str) -> None:
    _read(text)
