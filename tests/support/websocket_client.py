"""A WebSocket over a plain socket, to see what a server sends, byte by byte."""

import base64
import os
import socket
import struct
from collections.abc import Mapping
from types import TracebackType
from typing import Self

__all__ = ["WebSocketClient"]

SECONDS = 30


class WebSocketClient:
    """A client that blocks.

    Attributes:
        headers: Of the answer to the request, their names in lower case.
        closed: Code and reason, once the server has closed it.
        pings: What the server has pinged with.
    """

    def __init__(
        self,
        host: str,
        port: int,
        path: str,
        subprotocol: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self.socket = socket.create_connection((host, port), timeout=SECONDS)
        self._buffer = b""
        self.closed: tuple[int, str] | None = None
        self.pings: list[bytes] = []
        given = {
            "Host": f"{host}:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
            "Sec-WebSocket-Version": "13",
            **(headers or {}),
        }
        if subprotocol is not None:
            given["Sec-WebSocket-Protocol"] = subprotocol
        lines = [f"GET {path} HTTP/1.1", *[f"{n}: {v}" for n, v in given.items()]]
        self.socket.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, self._buffer = self._buffer.split(b"\r\n\r\n", 1)
        first, *rest = head.decode("latin-1").split("\r\n")
        pairs = [line.split(":", 1) for line in rest]
        self.headers = {name.lower(): value.strip() for name, value in pairs}
        status = first.split(" ", 2)[1]
        if status != "101":
            size = int(self.headers.get("content-length", "0"))
            while len(self._buffer) < size:
                self._more()
            self.close()
            raise ConnectionError(f"{status} {self._buffer.decode()}")

    def _more(self) -> None:
        data = self.socket.recv(1 << 16)
        if not data:
            raise EOFError
        self._buffer += data

    def _take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._more()
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def send(self, payload: bytes, opcode: int = 2, *, fin: bool = True) -> None:
        """Send a message, or a frame of one."""
        size, mask = len(payload), os.urandom(4)
        head = bytes([(0x80 if fin else 0) | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 1 << 16:
            head += struct.pack("!BH", 0x80 | 126, size)
        else:
            head += struct.pack("!BQ", 0x80 | 127, size)
        masked = bytes([b ^ mask[n % 4] for n, b in enumerate(payload)])
        self.socket.sendall(head + mask + masked)

    def receive(self) -> bytes:
        """Give the next message.

        Raises:
            EOFError: there is none any more.
        """
        while True:
            first, second = self._take(2)
            size = second & 0x7F
            if size == 126:
                size = int.from_bytes(self._take(2), "big")
            elif size == 127:
                size = int.from_bytes(self._take(8), "big")
            payload = self._take(size)
            assert not second & 0x80, "a server masks nothing"
            match first & 0x0F:
                case 8:
                    code = int.from_bytes(payload[:2], "big")
                    self.closed = code, payload[2:].decode()
                    raise EOFError
                case 9:
                    self.pings.append(payload)
                case 10:
                    self.pings.append(b"pong " + payload)
                case _:
                    return payload

    def receive_or_end(self) -> bytes | None:
        """Give the next message, or None if there is none any more."""
        try:
            return self.receive()
        except (EOFError, ConnectionError):
            return None

    def close(self) -> None:
        """Go away without a word."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
