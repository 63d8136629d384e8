"""`Wire`: one WebSocket, as a link reads it and writes to it.

Frames are handed over as long as the wire `is_ready`; when it is so again, it says so.
Under the server that `qsdb.server.serving` starts, the wire is the connection itself
(`qsdb.server.websocket_protocol`), and nothing stands between. Under any other server
it is made of what ASGI gives (`AsgiWire`), whose ``send`` is awaited.
"""

import abc
import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, MutableMapping
from typing import Any

__all__ = ["EXTENSION", "AsgiWire", "Message", "Receive", "Send", "Wire"]

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

CLOSING_SECONDS = 2
"""A client that takes longer to take what it is sent is cut off."""

REASON_BYTES_MAX = 120
"""What fits into the frame that closes a WebSocket."""

EXTENSION = "qsdb.wire"
"""Under this name a server of our own gives the wire, among the ASGI extensions."""


class Wire(abc.ABC):
    """One WebSocket, after it was accepted.

    Attributes:
        is_ready: Whether more may be written.
        has_gone: Whether the client has gone, as far as writing has told.
        on_ready: Is called when it is ready again, or gone; by the event loop.
        on_frame: Is asked to take a frame at once, when somebody waits in `next` and
            nothing else has come; False has that give it. Not every wire asks.
    """

    is_ready: bool
    has_gone = False
    on_ready: Callable[[], None] | None
    on_frame: Callable[[bytes], bool] | None = None

    @abc.abstractmethod
    async def next(self) -> bytes | str | None:
        """Give the next frame of the client; None when it has gone."""
        ...

    @abc.abstractmethod
    def write(self, frames: Iterable[bytes], *, is_text: bool) -> None:
        """Send frames, in the event loop."""
        ...

    @abc.abstractmethod
    async def close(self, code: int, reason: str) -> None:
        """End it, with what was written before."""
        ...


class AsgiWire(Wire):
    """A WebSocket of any ASGI server."""

    def __init__(self, receive: Receive, send: Send) -> None:
        """Use what the server gives."""
        self._receive = receive
        self._send = send
        self._sending: asyncio.Task[None] | None = None
        self.is_ready = True
        self.on_ready = None

    async def next(self) -> bytes | str | None:
        received = await self._receive()
        if received["type"] != "websocket.receive":
            return None
        data: bytes | None = received.get("bytes")
        if data is not None:
            return data
        text: str = received["text"]
        return text

    def write(self, frames: Iterable[bytes], *, is_text: bool) -> None:
        self.is_ready = False
        work = self._send_all([*frames], is_text=is_text)
        self._sending = asyncio.get_running_loop().create_task(work)

    async def _send_all(self, frames: list[bytes], *, is_text: bool) -> None:
        try:
            for frame in frames:
                await self._send(_message(frame, is_text=is_text))
        except Exception:  # noqa: BLE001  each server below raises something else
            self.has_gone = True
        self.is_ready = True
        if self.on_ready is not None:
            self.on_ready()

    async def close(self, code: int, reason: str) -> None:
        sending, self._sending = self._sending, None
        short = reason.encode()[:REASON_BYTES_MAX].decode(errors="ignore")
        message = {"type": "websocket.close", "code": code, "reason": short}
        with contextlib.suppress(Exception):  # it has gone, or is stuck
            async with asyncio.timeout(CLOSING_SECONDS):
                if sending is not None:
                    await sending
                await self._send(message)


def _message(frame: bytes, *, is_text: bool) -> Message:
    if is_text:
        return {"type": "websocket.send", "text": frame.decode()}
    return {"type": "websocket.send", "bytes": frame}
