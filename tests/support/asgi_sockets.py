"""A WebSocket as an ASGI application sees it: two queues, and no network.

Who drives it plays the server between: it may stop taking what is sent, as that does
whose client reads nothing, and may vanish at any moment.
"""

import asyncio
import json
from collections.abc import Callable, Coroutine, MutableMapping
from typing import Any

import attrs

from qsdb.errors import AccessError, ArgumentError
from qsdb.protocol.client_messages import ClientMessage, encode_client_message
from qsdb.protocol.server_messages import ServerMessage
from qsdb.protocol.server_reading import read_server_frame
from qsdb.protocol.subprotocols import V2, V3
from qsdb.server.credentials import Credentials
from qsdb.values.identity import Identity

__all__ = ["SECONDS", "Doorkeeper", "Socket", "eventually", "run"]

SECONDS = 30
"""So long it is waited for what must come."""

BYTES_MAX = 1 << 24
Message = MutableMapping[str, Any]


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a test in an event loop of its own, which must not complain."""
    complaints: list[dict[str, Any]] = []

    async def all_of_it() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: complaints.append(context))
        await asyncio.wait_for(main(), 4 * SECONDS)

    asyncio.run(all_of_it())
    assert complaints == []


@attrs.define
class Doorkeeper:
    """Knows a few tokens.

    Attributes:
        waits: Whoever shows a token waits for this, if it is there.
    """

    number: int = 0
    waits: asyncio.Event | None = None

    async def admit(self, token: str) -> Credentials:
        if self.waits is not None:
            await self.waits.wait()
        if token == "bad":
            raise AccessError("the token is not good")
        if token == "broken":
            raise ArgumentError("this is no token")
        return Credentials(Identity.from_claims("t", token), {"sub": token}, token)

    def anonymous(self) -> Credentials:
        self.number += 1
        subject = f"anonymous {self.number}"
        identity = Identity.from_claims("t", subject)
        return Credentials(identity, {"sub": subject}, f"made {self.number}")


class Socket:
    """One WebSocket.

    Attributes:
        task: Serves it.
        reads: Cleared: the client takes nothing of what is sent.
        has_gone: Whether the client has vanished.
        sent_in_vain: How often it was tried to send something after that.
        taken: All that was taken, as ASGI messages.
    """

    def __init__(
        self,
        application: Callable[..., Coroutine[Any, Any, None]],
        *,
        name: str = "chat",
        subprotocols: tuple[str, ...] = (V3.name,),
        query: str = "",
        headers: tuple[tuple[bytes, bytes], ...] = (),
        extensions: tuple[str, ...] = ("websocket.http.response",),
        client: tuple[str, int] | None = None,
    ) -> None:
        self._scope: dict[str, Any] = {
            "type": "websocket",
            "path_params": {"database": name},
            "subprotocols": list(subprotocols),
            "query_string": query.encode(),
            "headers": list(headers),
            "client": client,
            "extensions": {each: {} for each in extensions},
        }
        self._to_server: asyncio.Queue[Message] = asyncio.Queue()
        self._from_server: asyncio.Queue[Message] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()
        self.has_gone = False
        self.sent_in_vain = 0
        self.taken: list[Message] = []
        self._application = application
        self.task: asyncio.Task[None] | None = None
        self._messages: list[ServerMessage] = []

    # The application's side.

    async def _receive(self) -> Message:
        return await self._to_server.get()

    async def _send(self, message: Message) -> None:
        await self.reads.wait()
        if self.has_gone:
            self.sent_in_vain += 1
            raise OSError("the client has gone")
        self._from_server.put_nowait(message)

    # The client's side.

    def begin(self) -> None:
        """Connect, and wait for nothing."""
        self._to_server.put_nowait({"type": "websocket.connect"})
        serve = self._application(self._scope, self._receive, self._send)
        self.task = asyncio.ensure_future(serve)

    async def open(self) -> Message:
        """Connect, and give what is answered."""
        self.begin()
        return await self.next()

    async def next(self) -> Message:
        """Give what comes next."""
        message = await asyncio.wait_for(self._from_server.get(), SECONDS)
        self.taken.append(message)
        return message

    @property
    def waiting(self) -> int:
        """How many frames of the client the application has not taken yet."""
        return self._to_server.qsize()

    def say(self, *messages: ClientMessage) -> None:
        """Send messages in one frame."""
        self.send(b"".join(map(encode_client_message, messages)))

    def send(self, frame: bytes | str) -> None:
        """Send a frame."""
        key = "bytes" if isinstance(frame, bytes) else "text"
        self._to_server.put_nowait({"type": "websocket.receive", key: frame})

    async def hear(self) -> ServerMessage:
        """Give the next message of a server that speaks BSATN."""
        while not self._messages:
            message = await self.next()
            assert message["type"] == "websocket.send", message
            subprotocol = V3 if V3.name in self._scope["subprotocols"] else V2
            read = read_server_frame(message["bytes"], subprotocol, BYTES_MAX)
            self._messages += read
        return self._messages.pop(0)

    async def hear_until(self, kind: type[ServerMessage]) -> Any:
        """Give the next message of a kind; what comes before is passed over."""
        while not isinstance(message := await self.hear(), kind):
            pass
        return message

    async def hear_json(self) -> Any:
        """Give the next message of a server that speaks JSON."""
        message = await self.next()
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def closed(self) -> tuple[int, str]:
        """Wait for the end by the server; give code and reason."""
        while (message := await self.next())["type"] != "websocket.close":
            assert message["type"] == "websocket.send", message
        await self.over()
        return message["code"], message["reason"]

    def vanish(self, *, is_noticed: bool = True) -> None:
        """Be gone, without a word; what is being sent may not notice that yet."""
        self.has_gone = True
        self._to_server.put_nowait({"type": "websocket.disconnect", "code": 1006})
        if is_noticed:
            self.reads.set()

    async def over(self) -> None:
        """Wait until the application has seen to the end."""
        assert self.task is not None
        await asyncio.wait_for(asyncio.shield(self.task), SECONDS)

    async def leave(self) -> None:
        """Be gone, and wait until the application has seen to that."""
        self.vanish()
        await self.over()


async def eventually(what: Callable[[], bool]) -> None:
    """Wait until something is so."""
    async with asyncio.timeout(SECONDS):
        while not what():
            await asyncio.sleep(0.001)
