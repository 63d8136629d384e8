"""Messages whose bytes are known: recorded with the official SDK (wire.md)."""

from qsdb.protocol.client_messages import (
    SEND_DROPPED_ROWS,
    CallProcedure,
    CallReducer,
    ClientMessage,
    OneOffQuery,
    Subscribe,
    Unsubscribe,
)
from qsdb.protocol.server_messages import (
    InitialConnection,
    InternalFailure,
    OneOffQueryResult,
    ProcedureResult,
    QuerySetUpdate,
    ReducerErr,
    ReducerOk,
    ReducerOkEmpty,
    ReducerResult,
    Returned,
    ServerMessage,
    SubscribeApplied,
    SubscriptionError,
    TransactionUpdate,
    UnsubscribeApplied,
)
from tests.support.wire_messages import TABLES, person_rows

__all__ = ["BATCHES", "FROM_CLIENTS", "FROM_THE_SERVER", "STARTED_BYTES", "ZOE"]

FROM_CLIENTS: dict[str, tuple[ClientMessage, str]] = {
    "Subscribe": (
        Subscribe(0, 0, ("SELECT * FROM person",)),
        '00 00000000 00000000 01000000 14000000 "SELECT * FROM person"',
    ),
    "CallReducer": (
        CallReducer(1, 0, "add", b"\x04\0\0\0" + "Zoë".encode()),
        '03 01000000 00 03000000 "add" 08000000 04000000 5a6fc3ab',
    ),
    "no arguments": (
        CallReducer(4, 0, "noop", b""),
        '03 04000000 00 04000000 "noop" 00000000',
    ),
    "fail": (
        CallReducer(5, 0, "fail", b"\x04\0\0\0boom"),
        '03 05000000 00 04000000 "fail" 08000000 04000000 "boom"',
    ),
    "nosuch": (
        CallReducer(7, 0, "nosuch", b""),
        '03 07000000 00 06000000 "nosuch" 00000000',
    ),
    "CallProcedure": (
        CallProcedure(8, 0, "echo", b"\x05\0\0\0hello"),
        '04 08000000 00 04000000 "echo" 09000000 05000000 "hello"',
    ),
    "Subscribe nothere": (
        Subscribe(9, 1, ("SELECT * FROM nothere",)),
        '00 09000000 01000000 01000000 15000000 "SELECT * FROM nothere"',
    ),
    "Unsubscribe": (
        Unsubscribe(1, 0, SEND_DROPPED_ROWS),
        "01 01000000 00000000 01",
    ),
    "OneOffQuery": (OneOffQuery(2, "SELECT 1"), '02 02000000 08000000 "SELECT 1"'),
}
"""Sent by the TypeScript SDK 2.10.1, as wire.md has it; the last by its table."""


BATCHES: list[tuple[list[ClientMessage], str]] = [
    (
        [
            Subscribe(
                0,
                0,
                (
                    'SELECT * FROM "person"',
                    'SELECT * FROM "person" WHERE "person"."id" = 1',
                ),
            )
        ],
        (
            "000000000000000000020000001600000053454c454354202a2046524f4d202270657273"
            "6f6e222e00000053454c454354202a2046524f4d2022706572736f6e2220574845524520"
            "22706572736f6e222e22696422203d2031"
        ),
    ),
    (
        [
            CallReducer(1, 0, "add", b"\x08\0\0\0" + "Zoë😀".encode()),
            CallReducer(2, 0, "noop", b""),
            CallReducer(3, 0, "rename", b"\x01\0\0\0" + bytes(4)),
            CallProcedure(4, 0, "echo", b"\x02\0\0\0hi"),
            Subscribe(5, 1, ("SELECT * FROM person",)),
        ],
        (
            "030100000000030000006164640c000000080000005a6fc3abf09f988003020000000004"
            "0000006e6f6f70000000000303000000000600000072656e616d65080000000100000000"
            "000000040400000000040000006563686f06000000020000006869000500000001000000"
            "010000001400000053454c454354202a2046524f4d20706572736f6e"
        ),
    ),
    ([Unsubscribe(6, 0, SEND_DROPPED_ROWS)], "01060000000000000001"),
]
"""Whole v3 frames of one session of the SDK 2.10.1, recorded for this test."""

PERSON = TABLES[0].encoder
SEEDS = PERSON.rows(person_rows("seed1", "seed2"))
ZOE = PERSON.changes([(3, "Zoë")], [])
UPDATE = TransactionUpdate((QuerySetUpdate(0, (ZOE,)),))
IDENTITY, CONNECTION_ID = bytes(range(32)), bytes(range(16))
STARTED = 1790000000002489
"""Of the recorded call, in microseconds since 1970; see `STARTED_BYTES`."""
STARTED_BYTES = STARTED.to_bytes(8, "little").hex()
PERSON_INSERT = (
    '01000000 00000000 01000000 06000000 "person" 01000000 00'
    " 00 0c00 0c000000 03000000 04000000 5a6fc3ab 01 00000000 00000000"
)
TWO_PERSONS = (
    '01000000 06000000 "person" 00 0d00 1a000000'
    ' 01000000 05000000 "seed1" 02000000 05000000 "seed2"'
)

FROM_THE_SERVER: dict[str, tuple[ServerMessage, str]] = {
    "SubscribeApplied": (
        SubscribeApplied(0, 0, (SEEDS,)),
        f"01 00000000 00000000 {TWO_PERSONS}",
    ),
    "ReducerResult": (
        ReducerResult(1, 0x660B1A994D1B9, ReducerOk(b"", UPDATE)),
        f"06 01000000 b9d194a9b1600600 00 00000000 {PERSON_INSERT}",
    ),
    "TransactionUpdate": (UPDATE, f"04 {PERSON_INSERT}"),
    "OkEmpty": (
        ReducerResult(4, STARTED, ReducerOkEmpty()),
        f"06 04000000 {STARTED_BYTES} 01",
    ),
    "Err": (
        ReducerResult(5, STARTED, ReducerErr.of_text("boom")),
        f'06 05000000 {STARTED_BYTES} 02 08000000 04000000 "boom"',
    ),
    "InternalError": (
        ReducerResult(7, STARTED, InternalFailure("no such reducer: nosuch")),
        f'06 07000000 {STARTED_BYTES} 03 17000000 "no such reducer: nosuch"',
    ),
    "ProcedureResult": (
        ProcedureResult(Returned(b"\x05\0\0\0olleh"), STARTED, 7, 8),
        f'07 00 09000000 05000000 "olleh" {STARTED_BYTES} 0700000000000000 08000000',
    ),
    "SubscriptionError": (
        SubscriptionError(9, 1, "no"),
        '03 00 09000000 01000000 02000000 "no"',
    ),
    "UnsubscribeApplied": (
        UnsubscribeApplied(1, 0, (SEEDS, SEEDS)),
        "02 01000000 00000000 00 02000000" + TWO_PERSONS[8:] * 2,
    ),
    "InitialConnection": (
        InitialConnection(IDENTITY, CONNECTION_ID, "t"),
        f'00 {IDENTITY[::-1].hex()} {CONNECTION_ID[::-1].hex()} 01000000 "t"',
    ),
    "no rows": (UnsubscribeApplied(1, 0, None), "02 01000000 00000000 01"),
    "a set that dies": (
        SubscriptionError(None, 1, "no"),
        '03 01 01000000 02000000 "no"',
    ),
    "rows of a query": (
        OneOffQueryResult(3, (SEEDS,)),
        f"05 03000000 00 {TWO_PERSONS}",
    ),
    "a query that fails": (
        OneOffQueryResult(3, "no"),
        '05 03000000 01 02000000 "no"',
    ),
    "a procedure that fails": (
        ProcedureResult(InternalFailure("no"), 0, 0, 8),
        f'07 01 02000000 "no" {"00" * 16} 08000000',
    ),
    "Ok of nothing": (
        ReducerResult(1, -1, ReducerOk(b"", TransactionUpdate(()))),
        f"06 01000000 {'ff' * 8} 00 00000000 00000000",
    ),
}
"""Recorded with the TypeScript SDK 2.10.1 as wire.md has it, with numbers where that
leaves them out; the last seven by its table."""
