"""A server on a port of this machine, in a thread, for clients of a real network.

It serves what clients of SpacetimeDB need: subscriptions, and the exchange of a token
for a short-lived one. The databases stay in the test's hands.
"""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

import qsdb
from qsdb.errors import AccessError
from qsdb.server.authority import Authority
from qsdb.server.hosts import Host
from qsdb.server.peers import SessionOptions
from qsdb.server.subscribing import Subscribing

__all__ = ["NetworkServer", "Offering", "application_of"]

WAITING_SECONDS = 60
MESSAGE_BYTES_MAX = 32 << 20

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]


class Offering:
    """An application that is told of some sub-protocols alone.

    So a client that would like another best has to make do with what is left.
    """

    def __init__(self, inner: Subscribing, names: Sequence[str]) -> None:
        self._inner = inner
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        offered = [each for each in scope["subprotocols"] if each in self._names]
        await self._inner({**scope, "subprotocols": offered}, receive, send)


def application_of(
    subscribing: Subscribing, authority: Authority, protocols: Sequence[str] = ()
) -> Starlette:
    """Give an application of what clients need.

    Args:
        subscribing: Serves WebSockets.
        authority: Knows tokens.
        protocols: Names of sub-protocols that are served; all if there are none.
    """

    async def token(request: Request) -> Response:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        try:
            credentials = await authority.admit(given)
        except AccessError as error:
            return PlainTextResponse(str(error), 401)
        return JSONResponse({"token": authority.short_lived(credentials)})

    served = Offering(subscribing, protocols) if protocols else subscribing
    return Starlette(
        routes=[
            Route("/v1/identity/websocket-token", token, methods=["POST"]),
            WebSocketRoute("/v1/database/{name}/subscribe", served),
        ]
    )


def serving(app: Starlette) -> uvicorn.Config:
    """Give how an application is served here."""
    return uvicorn.Config(
        app,
        ws="websockets-sansio",
        ws_max_size=MESSAGE_BYTES_MAX,
        ws_per_message_deflate=False,
        log_level="warning",
        lifespan="off",
        timeout_graceful_shutdown=5,
    )


class _Announcing(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listens.set()


class NetworkServer:
    """Serves databases until it is closed.

    Attributes:
        port: Where.
        authority: Knows tokens.
        subscribing: Serves WebSockets.
    """

    def __init__(
        self,
        databases: dict[str, qsdb.Database],
        *,
        protocols: Sequence[str] = (),
        options: SessionOptions | None = None,
    ) -> None:
        """Begin to serve.

        Args:
            databases: By name.
            protocols: Names of sub-protocols that are served; all if there are none.
            options: How clients are served.
        """
        self.authority = Authority()
        self.subscribing = Subscribing(Host(databases), self.authority, options=options)
        app = application_of(self.subscribing, self.authority, protocols)
        self._server = _Announcing(serving(app))
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._run, name="network server")
        self._thread.start()
        if not self._server.listens.wait(WAITING_SECONDS):
            raise TimeoutError("the server does not listen")

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        """Serve until it is told to end; then see the clients off."""
        server = asyncio.ensure_future(self._server.serve(sockets=[self._socket]))
        while not self._server.should_exit:
            await asyncio.wait([server], timeout=0.05)
        await self.subscribing.close()
        await server

    @property
    def url(self) -> str:
        """Where, as the SDK wants it."""
        return f"ws://127.0.0.1:{self.port}"

    def close(self) -> None:
        """End; twice is no error."""
        self._server.should_exit = True
        self._thread.join(WAITING_SECONDS)
        assert not self._thread.is_alive(), "the server does not end"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
