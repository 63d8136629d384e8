"""The two forms that version 1 of the protocol has: BSATN, and JSON in text frames."""

import abc
import functools
import weakref
from collections.abc import Iterable
from typing import Any

from qsdb.codec.json_text import write_json
from qsdb.codec.sats_json import json_writer
from qsdb.protocol.client_messages import CLIENT_FRAME_BYTES_MAX
from qsdb.protocol.protocol_error import ProtocolError
from qsdb.protocol.subprotocols import V1
from qsdb.protocol.tables import TableEncoder
from qsdb.protocol.v1_client_messages import V1ClientMessage, read_v1_client_message
from qsdb.protocol.v1_json import V1JsonTableEncoder, encode_v1_json, read_v1_json
from qsdb.protocol.v1_server_messages import V1ServerMessage
from qsdb.protocol.v1_tables import V1TableEncoder
from qsdb.server.call_tables import Function, Remote
from qsdb.server.json_arguments import ArgumentsReader, arguments_reader
from qsdb.sql.readable import StoredRow
from qsdb.values.compounds import ProductKind
from qsdb.values.kinds import MismatchError

__all__ = ["V1_BINARY", "V1_JSON", "V1Form"]

_ENCODERS_MAX = 1024

Encoder = V1TableEncoder | V1JsonTableEncoder


class V1Form(abc.ABC):
    """How messages of version 1 are written."""

    @abc.abstractmethod
    def read(self, frame: bytes | str) -> Iterable[V1ClientMessage]:
        """Read the message of a frame.

        Raises:
            ProtocolError: it has none.
        """
        ...

    @abc.abstractmethod
    def encode(self, message: V1ServerMessage) -> bytes:
        """Write a message."""
        ...

    @abc.abstractmethod
    def encoder(self, table_id: int, table: str, kind: ProductKind) -> Encoder:
        """Give what writes the changes of one query."""
        ...

    @abc.abstractmethod
    def rows(self, table: str, kind: ProductKind, rows: list[StoredRow]) -> Any:  # noqa: ANN401  a part of a message, in this form
        """Write the result of a query that is asked once."""
        ...

    @abc.abstractmethod
    def arguments(self, found: Remote, args: bytes) -> tuple[object, ...]:
        """Read the arguments of a call.

        Raises:
            ArgumentError: they do not fit.
        """
        ...

    @abc.abstractmethod
    def value(self, found: Remote, result: object) -> bytes | None:
        """Write what a function gave; None if it is not what was declared."""
        ...


class _Binary(V1Form):
    def read(self, frame: bytes | str) -> Iterable[V1ClientMessage]:
        if isinstance(frame, str):
            raise ProtocolError("frame", 0, "it is text, and messages are bytes")
        if len(frame) > CLIENT_FRAME_BYTES_MAX:
            most = f"{len(frame)} bytes, at most {CLIENT_FRAME_BYTES_MAX} are allowed"
            raise ProtocolError("frame", CLIENT_FRAME_BYTES_MAX, f"it has {most}")
        return V1.messages(frame, read_v1_client_message)

    def encode(self, message: V1ServerMessage) -> bytes:
        return message.encode()

    def encoder(self, table_id: int, table: str, kind: ProductKind) -> Encoder:
        return _binary_encoder(table_id, table, kind)

    def rows(self, table: str, kind: ProductKind, rows: list[StoredRow]) -> Any:  # noqa: ANN401
        return TableEncoder(table, kind, is_event=False).rows(rows)

    def arguments(self, found: Remote, args: bytes) -> tuple[object, ...]:
        return found.read(args)

    def value(self, found: Remote, result: object) -> bytes | None:
        return found.write(result)


class _Json(V1Form):
    def read(self, frame: bytes | str) -> Iterable[V1ClientMessage]:
        if isinstance(frame, bytes):
            raise ProtocolError("frame", 0, "it is bytes, and messages are text")
        return [read_v1_json(frame)]

    def encode(self, message: V1ServerMessage) -> bytes:
        return encode_v1_json(message)

    def encoder(self, table_id: int, table: str, kind: ProductKind) -> Encoder:
        return _json_encoder(table_id, table, kind)

    def rows(self, table: str, kind: ProductKind, rows: list[StoredRow]) -> Any:  # noqa: ANN401
        return V1JsonTableEncoder(0, table, kind).rows(rows)

    def arguments(self, found: Remote, args: bytes) -> tuple[object, ...]:
        return _arguments_reader(found.function)(args)

    def value(self, found: Remote, result: object) -> bytes | None:
        binding = found.function.returns
        if binding is None:
            return b"[]"
        try:
            stored = binding.kind.canonical(binding.enter(result))
        except MismatchError:
            return None
        return write_json(json_writer(binding.kind)(stored)).encode()


V1_BINARY: V1Form = _Binary()
V1_JSON: V1Form = _Json()

_READERS: weakref.WeakKeyDictionary[Function, ArgumentsReader] = (
    weakref.WeakKeyDictionary()
)


def _arguments_reader(function: Function) -> ArgumentsReader:
    found = _READERS.get(function)
    if found is None:
        found = _READERS[function] = arguments_reader(function.parameters)
    return found


@functools.lru_cache(_ENCODERS_MAX)
def _binary_encoder(number: int, table: str, kind: ProductKind) -> V1TableEncoder:
    return V1TableEncoder(number, table, kind)


@functools.lru_cache(_ENCODERS_MAX)
def _json_encoder(number: int, table: str, kind: ProductKind) -> V1JsonTableEncoder:
    return V1JsonTableEncoder(number, table, kind)
