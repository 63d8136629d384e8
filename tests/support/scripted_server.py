"""A WebSocket server that follows a script, for clients: real sockets, no database.

A script is a coroutine function of a `Peer`; it is run for each client that connects,
and says what a server would say. What is asked over HTTP besides is answered with
`ScriptedServer.definition`, or 404.
"""

import asyncio
import http
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any, Self

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.typing import Subprotocol as Name

from qsdb.protocol.client_messages import ClientMessage, read_client_frame
from qsdb.protocol.frames import FrameWriter
from qsdb.protocol.server_messages import InitialConnection, ServerMessage
from qsdb.protocol.subprotocols import V2, V3

__all__ = ["Peer", "Script", "ScriptedServer"]

WAIT_SECONDS = 20


class Peer:
    """One client, as a script sees it.

    Attributes:
        request: With which it came.
    """

    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection
        self._subprotocol = V3 if connection.subprotocol == V3.name else V2
        self._read: list[ClientMessage] = []
        assert connection.request is not None
        self.request = connection.request

    async def greet(self, token: str = "made", identity: int = 7) -> None:
        """Say who the client is."""
        who = identity.to_bytes(32, "big")
        await self.send(InitialConnection(who, bytes(15) + b"\1", token))

    async def send(self, *messages: ServerMessage) -> None:
        """Send messages, in as few frames as possible."""
        encoded = [each.encode() for each in messages]
        for frame in FrameWriter(self._subprotocol).frames(encoded):
            await self._connection.send(frame)

    async def send_raw(self, data: bytes | str) -> None:
        """Send any frame."""
        await self._connection.send(data)

    async def receive(self) -> Any:
        """Wait for a message."""
        while not self._read:
            frame = await self._connection.recv()
            assert isinstance(frame, bytes)
            self._read = [*read_client_frame(frame, self._subprotocol)]
        return self._read.pop(0)

    async def until_gone(self) -> None:
        """Wait until the client has gone."""
        await self._connection.wait_closed()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close in order."""
        await self._connection.close(code, reason)

    def cut(self) -> None:
        """Have the connection vanish."""
        self._connection.transport.abort()


Script = Callable[[Peer], Awaitable[None]]


class ScriptedServer:
    """A server in a thread of its own, on a port that was free.

    Attributes:
        url: Where it is.
        definition: What it answers when the schema is asked for; None for 404, and an
            int for that status.
        refusal: Status and text with which all are refused; None to let them in.
        subprotocols: What it speaks.
        faults: What scripts have raised.
        paths: What was asked for, in order.
    """

    def __init__(self, script: Script) -> None:
        self._script = script
        self.definition: object = None
        self.refusal: tuple[int, str] | None = None
        self.subprotocols = [V3.name, V2.name]
        self.faults: list[BaseException] = []
        self.paths: list[str] = []
        self.url = ""
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._over = asyncio.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(WAIT_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(WAIT_SECONDS)
        assert not self._thread.is_alive()
        if self.faults:
            raise self.faults[0]

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        async with serve(
            self._follow,
            "127.0.0.1",
            0,
            subprotocols=[Name(each) for each in self.subprotocols],
            select_subprotocol=self._select,
            process_request=self._answer,
            compression=None,
            close_timeout=1,
        ) as server:
            self.url = f"ws://127.0.0.1:{_port(server)}"
            self._ready.set()
            await self._over.wait()

    def _select(self, _: ServerConnection, offered: Any) -> Name | None:
        found = [each for each in self.subprotocols if each in offered]
        return Name(found[0]) if found else None

    def _answer(self, _: ServerConnection, request: Request) -> Response | None:
        self.paths.append(request.path)
        if "/schema" in request.path:
            if self.definition is None:
                return _response(404, b"no definition")
            if isinstance(self.definition, int):
                return _response(self.definition, b"no definition")
            if isinstance(self.definition, bytes):
                return _response(200, self.definition)
            return _response(200, json.dumps(self.definition).encode())
        if self.refusal is not None:
            return _response(self.refusal[0], self.refusal[1].encode())
        return None

    async def _follow(self, connection: ServerConnection) -> None:
        try:
            await self._script(Peer(connection))
        except ConnectionClosed:
            pass  # the client has gone
        except BaseException as error:
            self.faults.append(error)
            raise


def _port(server: Server) -> int:
    [socket] = server.sockets
    port: int = socket.getsockname()[1]
    return port


def _response(status: int, body: bytes) -> Response:
    headers = Headers({"Content-Length": str(len(body)), "Connection": "close"})
    return Response(status, http.HTTPStatus(status).phrase, headers, body)
