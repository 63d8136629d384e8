"""A server on a port of this machine, in a thread, for clients of a real network.

It is the one of `qsdb.server.serving`; the databases stay in the test's hands.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from types import TracebackType
from typing import Any, Self, cast

import attrs
from starlette.applications import Starlette

import qsdb
from qsdb.server.app import Service, service_of
from qsdb.server.peers import SessionOptions
from qsdb.server.serving import Running

__all__ = ["NetworkServer"]

WAITING_SECONDS = 60

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Scope]]
Send = Callable[[Scope], Awaitable[None]]


class Offering:
    """An application that is told of some sub-protocols alone.

    So a client that would like another best has to make do with what is left.
    """

    def __init__(self, inner: Starlette, names: Sequence[str]) -> None:
        self._inner = inner
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            offered = [each for each in scope["subprotocols"] if each in self._names]
            scope = {**scope, "subprotocols": offered}
        await self._inner(scope, receive, send)


class NetworkServer:
    """Serves databases until it is closed.

    Attributes:
        service: What it is made of.
        port: Where it listens.
    """

    def __init__(
        self,
        databases: Mapping[str, qsdb.Database],
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
        self.service: Service = service_of(databases, sessions=options)
        served = self.service
        if protocols:
            app = cast(Starlette, Offering(served.app, protocols))
            served = attrs.evolve(served, app=app)
        self._listens = threading.Event()
        self.address = ""
        self._running = Running(served, host="127.0.0.1", port=0, ready=self._ready)
        self._thread = threading.Thread(target=self._run, name="network server")
        self._thread.start()
        if not self._listens.wait(WAITING_SECONDS):
            raise TimeoutError("the server does not listen")

    def _ready(self, address: str) -> None:
        self.address = address
        self._listens.set()

    def _run(self) -> None:
        asyncio.run(self._running.serve())

    @property
    def url(self) -> str:
        """Where WebSockets are, as the SDK wants it."""
        return self.address.replace("http", "ws", 1)

    def close(self) -> None:
        """End; twice is no error."""
        self._running.should_exit = True
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
