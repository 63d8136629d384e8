r"""What clients send: five messages, a tag and then the fields in order.

===  =============  ==========================================================
tag  message        fields
===  =============  ==========================================================
0    Subscribe      request_id u32, query_set_id u32, query_strings array<str>
1    Unsubscribe    request_id u32, query_set_id u32, flags u8 (0 or 1)
2    OneOffQuery    request_id u32, query_string str
3    CallReducer    request_id u32, flags u8 (0), reducer str, args bytes
4    CallProcedure  request_id u32, flags u8 (0), procedure str, args bytes
===  =============  ==========================================================

Clients choose the numbers of requests and of query sets, from 0 on, each for itself;
answers repeat them. `args` is BSATN of the product of the parameters.

>>> from qsdb.protocol.subprotocols import V3
>>> data = encode_client_message(CallReducer(1, 0, "add", b"\x07"))
>>> data.hex(" ")
'03 01 00 00 00 00 03 00 00 00 61 64 64 01 00 00 00 07'
>>> [*read_client_frame(data, V3)]
[CallReducer(request_id=1, flags=0, reducer='add', args=b'\x07')]

Messages are tuples, and as such equal to any tuple of the same fields: a message is
told by its class.
"""

import functools
import struct
from collections.abc import Iterator
from typing import NamedTuple

from qsdb.protocol.fields import product
from qsdb.protocol.message_tables import MessageTable
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.subprotocols import Subprotocol
from qsdb.values.compounds import ArrayKind, EnumKind
from qsdb.values.kinds import BYTES, STR, U32

__all__ = [
    "CALL_REDUCER",
    "CLIENT_FRAME_BYTES_MAX",
    "SEND_DROPPED_ROWS",
    "CallProcedure",
    "CallReducer",
    "ClientMessage",
    "OneOffQuery",
    "Subscribe",
    "Unsubscribe",
    "encode_client_message",
    "read_client_frame",
]

CLIENT_FRAME_BYTES_MAX = 32 << 20
"""SpacetimeDB's bound for what one frame of a client may have."""

CALL_REDUCER = b"\3"
"""The tag of that message."""

SEND_DROPPED_ROWS = 1
"""Flags of Unsubscribe: the answer is to list the rows that the client loses."""


class Subscribe(NamedTuple):
    """Asks queries as one set: all of them, or none if one is wrong."""

    request_id: int
    query_set_id: int
    query_strings: tuple[str, ...]


class Unsubscribe(NamedTuple):
    """Ends a set of queries; see `SEND_DROPPED_ROWS`."""

    request_id: int
    query_set_id: int
    flags: int


class OneOffQuery(NamedTuple):
    """Asks a query once."""

    request_id: int
    query_string: str


class CallReducer(NamedTuple):
    """Calls a reducer; there are no flags."""

    request_id: int
    flags: int
    reducer: str
    args: bytes


class CallProcedure(NamedTuple):
    """Calls a procedure; there are no flags."""

    request_id: int
    flags: int
    procedure: str
    args: bytes


ClientMessage = Subscribe | Unsubscribe | OneOffQuery | CallReducer | CallProcedure

_NO_FLAGS = EnumKind("flags", ("Default",))
_UNSUBSCRIBE_FLAGS = EnumKind("flags", ("Default", "SendDroppedRows"))

_TABLE: MessageTable[ClientMessage] = MessageTable(
    "client",
    {
        Subscribe: product(
            "Subscribe", request_id=U32, query_set_id=U32, query_strings=ArrayKind(STR)
        ),
        Unsubscribe: product(
            "Unsubscribe", request_id=U32, query_set_id=U32, flags=_UNSUBSCRIBE_FLAGS
        ),
        OneOffQuery: product("OneOffQuery", request_id=U32, query_string=STR),
        CallReducer: product(
            "CallReducer", request_id=U32, flags=_NO_FLAGS, reducer=STR, args=BYTES
        ),
        CallProcedure: product(
            "CallProcedure", request_id=U32, flags=_NO_FLAGS, procedure=STR, args=BYTES
        ),
    },
)


_CALL_HEAD = struct.Struct("<BIBI")
"""Tag, request, flags, and the length of the name."""
_LENGTH = struct.Struct("<I")
_unpack_head, _unpack_length = _CALL_HEAD.unpack_from, _LENGTH.unpack_from
_make_call = functools.partial(tuple.__new__, CallReducer)


def _read(data: bytes, position: int) -> tuple[ClientMessage, int]:
    """Read the message at a position; give the next position too.

    Nearly all that clients send are calls of reducers, which are read here at a third
    of the cost. All else, and what is wrong with a call, is the table's.

    Raises:
        ProtocolError: there is none.
    """
    try:
        tag, request_id, flags, length = _unpack_head(data, position)
        start = position + _CALL_HEAD.size
        stop = start + length
        (args_length,) = _unpack_length(data, stop)
        args_start = stop + _LENGTH.size
        end = args_start + args_length
        if tag == CALL_REDUCER[0] and not flags and end <= len(data):
            name, args = data[start:stop].decode(), data[args_start:end]
            return _make_call((request_id, flags, name, args)), end
    except (struct.error, UnicodeDecodeError):
        pass
    return _TABLE.read(data, position)


def encode_client_message(message: ClientMessage) -> bytes:
    """Give the bytes of a message, as a client sends them.

    Raises:
        LimitError: a text or the arguments have over 4,294,967,295 bytes.
    """
    return _TABLE.encode(message)


def read_client_frame(data: bytes, subprotocol: Subprotocol) -> Iterator[ClientMessage]:
    """Give the messages of a client's frame, one after another.

    Of what is wrong in a frame nothing is known before its turn: the messages before it
    are to be obeyed.

    Raises:
        ProtocolError: while it is gone through: the frame is empty, longer than
            `CLIENT_FRAME_BYTES_MAX`, or cannot be read.

    Cost: about 1 µs a message.
    """
    if len(data) > CLIENT_FRAME_BYTES_MAX:
        most = f"{len(data)} bytes, at most {CLIENT_FRAME_BYTES_MAX} are allowed"
        raise ProtocolError("frame", CLIENT_FRAME_BYTES_MAX, f"it has {most}")
    return subprotocol.messages(data, _read)
