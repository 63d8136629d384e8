"""Clients of the arena that cost little themselves: bytes made before, results counted.

They speak version 3 of the protocol over plain sockets in one event loop, in the
process that measures, so the server has a core of its own.
"""

import asyncio
import base64
import struct
from collections.abc import Callable

from qsdb.protocol import server_messages as s
from qsdb.protocol.client_messages import CallReducer, Subscribe, encode_client_message
from qsdb.protocol.server_reading import read_server_frame
from qsdb.protocol.subprotocols import V3

__all__ = ["Client", "connect", "rename_call"]

BYTES_MAX = 64 << 20
PATH = "/v1/database/arena/subscribe"


def rename_call(request: int, number: int, name: str) -> bytes:
    """Give the message of a call that changes one row."""
    text = name.encode()
    args = struct.pack("<II", number, len(text)) + text
    return encode_client_message(CallReducer(request, 0, "rename", args))


class Client(asyncio.Protocol):
    """One connection.

    Attributes:
        on_message: Takes what the server sends, if anybody wants to know.
        bytes: How many came.
    """

    def __init__(self) -> None:
        self.on_message: Callable[[s.ServerMessage], object] | None = None
        self.bytes = 0
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray()
        self._head = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask to upgrade."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        key = base64.b64encode(bytes(16)).decode()
        transport.write(
            f"GET {PATH} HTTP/1.1\r\nHost: arena\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: {V3.name}\r\n\r\n"
            "".encode()
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Take in that the server has gone."""
        if not self._head.done():
            self._head.set_exception(ConnectionError("the server is not there"))

    async def ready(self) -> None:
        """Wait for the answer to the request."""
        await self._head

    def data_received(self, data: bytes) -> None:
        """Take what comes; frames are read if anybody wants to know."""
        self.bytes += len(data)
        if self._head.done() and self.on_message is None:
            return
        buffer = self._buffer
        buffer += data
        if not self._head.done():
            head, found, rest = bytes(buffer).partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head.split(b"\r\n")[0]:
                self._head.set_exception(ConnectionError(head.decode("latin-1")))
                return
            self._head.set_result(None)
            buffer[:] = rest
        self._read_frames()

    def _read_frames(self) -> None:
        buffer, position = self._buffer, 0
        while len(buffer) - position >= 2:
            size, start = buffer[position + 1], position + 2
            if size == 126:
                size = int.from_bytes(buffer[start : start + 2], "big")
                start += 2
            elif size == 127:
                size = int.from_bytes(buffer[start : start + 8], "big")
                start += 8
            if len(buffer) - start < size:
                break
            position = start + size
            if self.on_message is not None and buffer[start : start + 1] == b"\0":
                frame = bytes(buffer[start:position])
                for message in read_server_frame(frame, V3, BYTES_MAX):
                    self.on_message(message)
        del buffer[:position]

    def send(self, payload: bytes) -> None:
        """Send messages as one frame, masked with zeros."""
        size = len(payload)
        if size < 126:
            head = struct.pack("!BB", 0x82, 0x80 | size)
        elif size < 1 << 16:
            head = struct.pack("!BBH", 0x82, 0x80 | 126, size)
        else:
            head = struct.pack("!BBQ", 0x82, 0x80 | 127, size)
        assert self._transport is not None
        self._transport.write(head + bytes(4) + payload)

    def subscribe(self, *queries: str) -> None:
        """Subscribe, as set 0."""
        self.send(encode_client_message(Subscribe(0, 0, queries)))

    def close(self) -> None:
        """Go."""
        if self._transport is not None:
            self._transport.abort()


async def connect(port: int) -> Client:
    """Connect to the arena."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(Client, "127.0.0.1", port)
    await client.ready()
    return client
