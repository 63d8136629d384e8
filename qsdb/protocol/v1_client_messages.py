r"""What clients of the protocol before this one send: v1, of all 1.x SDKs.

===  ================  =======================================================
tag  message           fields
===  ================  =======================================================
0    CallReducer       reducer str, args bytes, request_id u32, flags u8
1    Subscribe         query_strings array<str>, request_id u32
2    OneOffQuery       message_id bytes, query_string str
3    SubscribeSingle   query str, request_id u32, query_id u32
4    SubscribeMulti    query_strings array<str>, request_id u32, query_id u32
5    Unsubscribe       request_id u32, query_id u32
6    UnsubscribeMulti  request_id u32, query_id u32
7    CallProcedure     procedure str, args bytes, request_id u32, flags u8
===  ================  =======================================================

A frame is one message, without any tag of its own. `Subscribe` takes the place of all
that was subscribed to before.

>>> from qsdb.protocol.subprotocols import V1
>>> data = encode_v1_client_message(UnsubscribeMulti(1, 7))
>>> data.hex(" ")
'06 01 00 00 00 07 00 00 00'
>>> [*V1.messages(data, read_v1_client_message)]
[UnsubscribeMulti(request_id=1, query_id=7)]
"""

from typing import NamedTuple

from qsdb.protocol.fields import product
from qsdb.protocol.message_tables import MessageTable
from qsdb.values.compounds import ArrayKind, EnumKind
from qsdb.values.kinds import BYTES, STR, U32

__all__ = [
    "NO_SUCCESS_NOTIFY",
    "CallProcedure",
    "CallReducer",
    "OneOffQuery",
    "Subscribe",
    "SubscribeMulti",
    "SubscribeSingle",
    "Unsubscribe",
    "UnsubscribeMulti",
    "V1ClientMessage",
    "encode_v1_client_message",
    "read_v1_client_message",
]

NO_SUCCESS_NOTIFY = 1
"""Flags of a call: no answer is wanted if it commits and changes nothing there."""


class CallReducer(NamedTuple):
    """Calls a reducer; see `NO_SUCCESS_NOTIFY`."""

    reducer: str
    args: bytes
    request_id: int
    flags: int


class Subscribe(NamedTuple):
    """Asks queries in the place of all that were asked before."""

    query_strings: tuple[str, ...]
    request_id: int


class OneOffQuery(NamedTuple):
    """Asks a query once; the answer repeats `message_id`, whatever it is."""

    message_id: bytes
    query_string: str


class SubscribeSingle(NamedTuple):
    """Asks one query."""

    query: str
    request_id: int
    query_id: int


class SubscribeMulti(NamedTuple):
    """Asks queries as one set."""

    query_strings: tuple[str, ...]
    request_id: int
    query_id: int


class Unsubscribe(NamedTuple):
    """Ends what `SubscribeSingle` began."""

    request_id: int
    query_id: int


class UnsubscribeMulti(NamedTuple):
    """Ends what `SubscribeMulti` began."""

    request_id: int
    query_id: int


class CallProcedure(NamedTuple):
    """Calls a procedure; there are no flags."""

    procedure: str
    args: bytes
    request_id: int
    flags: int


V1ClientMessage = (
    CallReducer
    | Subscribe
    | OneOffQuery
    | SubscribeSingle
    | SubscribeMulti
    | Unsubscribe
    | UnsubscribeMulti
    | CallProcedure
)

_CALL_FLAGS = EnumKind("flags", ("FullUpdate", "NoSuccessNotify"))
_NO_FLAGS = EnumKind("flags", ("Default",))
_TEXTS = ArrayKind(STR)
_NUMBERS = {"request_id": U32, "query_id": U32}

_TABLE: MessageTable[V1ClientMessage] = MessageTable(
    "v1 client",
    {
        CallReducer: product(
            "CallReducer", reducer=STR, args=BYTES, request_id=U32, flags=_CALL_FLAGS
        ),
        Subscribe: product("Subscribe", query_strings=_TEXTS, request_id=U32),
        OneOffQuery: product("OneOffQuery", message_id=BYTES, query_string=STR),
        SubscribeSingle: product("SubscribeSingle", query=STR, **_NUMBERS),
        SubscribeMulti: product("SubscribeMulti", query_strings=_TEXTS, **_NUMBERS),
        Unsubscribe: product("Unsubscribe", **_NUMBERS),
        UnsubscribeMulti: product("UnsubscribeMulti", **_NUMBERS),
        CallProcedure: product(
            "CallProcedure", procedure=STR, args=BYTES, request_id=U32, flags=_NO_FLAGS
        ),
    },
)


def encode_v1_client_message(message: V1ClientMessage) -> bytes:
    """Give the bytes of a message, as a client sends them.

    Raises:
        LimitError: a text or bytes have over 4,294,967,295 bytes.
    """
    return _TABLE.encode(message)


def read_v1_client_message(data: bytes, position: int) -> tuple[V1ClientMessage, int]:
    """Read the message at a position before the end; give the next position too.

    Raises:
        ProtocolError: there is none.

    Cost: about 1 µs.
    """
    return _TABLE.read(data, position)
