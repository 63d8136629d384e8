"""`AsgiSocket`: a WebSocket to an ASGI application, without a server and a network.

The client says what it likes, reads when it likes, and vanishes when it likes; all that
the application raises reaches the test.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

__all__ = ["AsgiSocket"]

WAITING_SECONDS = 60

Message = MutableMapping[str, Any]
App = Callable[
    [
        Message,
        Callable[[], Awaitable[Message]],
        Callable[[Message], Awaitable[None]],
    ],
    Awaitable[None],
]


class GoneError(OSError):
    """The client has gone, says the server below."""


class AsgiSocket:
    """One WebSocket.

    Attributes:
        frames: What it was sent and has not been taken yet.
        code: With which the application has closed it; None as long as it has not.
    """

    def __init__(
        self, app: App, database: str, protocol: str, *, query: bytes = b""
    ) -> None:
        """Begin to connect; in an event loop.

        Args:
            app: The application.
            database: The name in the path.
            protocol: The sub-protocol that is offered.
            query: What stands behind the path.
        """
        self.frames: asyncio.Queue[bytes | str] = asyncio.Queue()
        self.code: int | None = None
        self._received: asyncio.Queue[Message] = asyncio.Queue()
        self._answered = asyncio.Event()
        self._reads = asyncio.Event()
        self._reads.set()
        self._is_accepted = self._is_gone = False
        scope: Message = {
            "type": "websocket",
            "path_params": {"database": database},
            "subprotocols": [protocol],
            "query_string": query,
            "headers": [],
            "extensions": {"websocket.http.response": {}},
        }
        self._received.put_nowait({"type": "websocket.connect"})
        self._task = asyncio.ensure_future(app(scope, self._received.get, self._send))

    async def _send(self, message: Message) -> None:
        await self._reads.wait()
        if self._is_gone:
            raise GoneError("the client has gone")
        match message["type"]:
            case "websocket.accept":
                self._is_accepted = True
            case "websocket.send":
                assert self.code is None
                data = message.get("bytes")
                self.frames.put_nowait(message["text"] if data is None else data)
            case "websocket.close":
                assert self.code is None
                self.code = message["code"]
                self._received.put_nowait({"type": "websocket.disconnect"})
            case _:
                pass
        self._answered.set()

    async def accepted(self) -> bool:
        """Say whether it is let in."""
        async with asyncio.timeout(WAITING_SECONDS):
            await self._answered.wait()
        return self._is_accepted

    def say(self, frame: bytes | str) -> None:
        """Send a frame."""
        key = "text" if isinstance(frame, str) else "bytes"
        self._received.put_nowait({"type": "websocket.receive", key: frame})

    async def hear(self) -> bytes | str:
        """Give the next frame."""
        async with asyncio.timeout(WAITING_SECONDS):
            return await self.frames.get()

    def stop_reading(self) -> None:
        """Take nothing more, for now."""
        self._reads.clear()

    def read_on(self) -> None:
        """Take what comes again."""
        self._reads.set()

    def vanish(self) -> None:
        """Be gone without a word."""
        self._is_gone = True
        self._reads.set()
        self._received.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def ended(self) -> None:
        """Wait until the application has done with it; raise what it raises."""
        try:
            async with asyncio.timeout(WAITING_SECONDS):
                await self._task
        except GoneError:
            pass
