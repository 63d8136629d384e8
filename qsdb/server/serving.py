"""`serve`: a process that serves databases, until it is told to end.

It runs the application under uvicorn, with WebSockets of our own
(`qsdb.server.websocket_protocol`). At a signal it takes no more clients, tells those
that are there what was committed, and lets them go; then the databases can be closed.
"""

import asyncio
import contextlib
import queue
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from socket import socket
from types import FrameType

import uvicorn

from qsdb.errors import StorageError
from qsdb.files import Directory
from qsdb.runtime.database import Database
from qsdb.server.app import Service, service_of
from qsdb.server.authority import Trust
from qsdb.server.doors import Door
from qsdb.server.http_heads import HttpProtocol
from qsdb.server.options import ServerOptions
from qsdb.server.own_processes import own_process
from qsdb.server.owner_tokens import write_owner_tokens
from qsdb.server.patient_loops import patient_loop
from qsdb.server.websocket_protocol import WebSocketProtocol

__all__ = ["Running", "in_background", "serve"]

HEAD_BYTES_MAX = 64 << 10
"""Of a request without its body."""

STARTUP_SECONDS = 30
"""A server that takes longer to listen is taken for one that cannot."""

REQUEST_SECONDS = 10
"""So long requests that run may take when the server goes down; then they are told."""

SHUTDOWN_SECONDS = 15
"""So long it may take until they have read that."""


class Running(uvicorn.Server):
    """A server that runs.

    Attributes:
        service: What it serves.
    """

    def __init__(
        self,
        service: Service,
        *,
        host: str,
        port: int,
        ready: Callable[[str], object] | None = None,
    ) -> None:
        """Prepare.

        Args:
            service: What is served.
            host: Where to listen.
            port: Likewise; 0 for one that is free.
            ready: Takes the address, once clients can connect.
        """
        config = uvicorn.Config(
            service.app,
            host=host,
            port=port,
            http=_protocol_of(service.door),
            ws=WebSocketProtocol,
            proxy_headers=False,  # the door believes those that the operator names
            log_config=None,
            access_log=False,
            lifespan="on",
            server_header=False,
            h11_max_incomplete_event_size=HEAD_BYTES_MAX,
            timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        )
        super().__init__(config)
        self.service = service
        self._ready = ready

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Listen, and say so."""
        await super().startup(sockets)
        if self.started and self._ready is not None:
            self._ready(self.address)

    @property
    def address(self) -> str:
        """Where clients connect: ``http://127.0.0.1:3000``."""
        name, port, *_ = self.servers[0].sockets[0].getsockname()
        shown = f"[{name}]" if ":" in name else name
        return f"http://{shown}:{port}"

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Take a signal: end, and leave to the caller what comes after that.

        uvicorn would raise it once more, and databases were never closed.
        """
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Take no more clients, let those go that are there, and end."""
        for server in self.servers:
            server.close()
        desk = self.service.desk
        desk.close()  # or who follows a log would be waited for
        late = asyncio.get_running_loop().call_later(REQUEST_SECONDS, desk.give_up)
        await self.service.subscribing.close()
        await super().shutdown(sockets)
        late.cancel()


def _run(running: Running) -> None:
    """Serve, to the end."""
    with (
        contextlib.suppress(SystemExit),  # it cannot listen
        asyncio.Runner(loop_factory=patient_loop) as runner,
    ):
        runner.run(running.serve())


def _protocol_of(at: Door) -> type[HttpProtocol]:
    """Give the protocol of connections that come through a door."""

    class Counted(HttpProtocol):
        door: Door | None = at

    return Counted


def serve(  # noqa: PLR0913  what operators say
    databases: Mapping[str, Database],
    *,
    host: str = "127.0.0.1",
    port: int = 3000,
    directory: Directory | None = None,
    trust: Trust | None = None,
    options: ServerOptions | None = None,
    ready: Callable[[str], object] | None = None,
) -> None:
    """Serve databases until the process is told to end, by SIGINT or SIGTERM.

    The process is taken to do nothing else: meanwhile the garbage collector leaves
    alone what is there at the beginning, and threads take turns more often.

    Args:
        databases: By the names that clients use; whoever opened them closes them.
        host: Where to listen.
        port: Likewise; 0 for one that is free.
        directory: Where the key of the server's tokens is kept, and a token for the
            owner of each database; without it there are none of the latter.
        trust: Whose tokens count besides; nobody's if not given.
        options: How much of the server may be had; the usual if not given.
        ready: Takes the address, once clients can connect.

    Raises:
        ArgumentError: a name is none, two databases are one, or an option is wrong.
        StorageError: the key or a token cannot be kept; or the address cannot be
            listened on.
    """
    service = service_of(databases, directory=directory, trust=trust, options=options)
    if directory is not None:
        write_owner_tokens(directory, service.host, service.authority)
    running = Running(service, host=host, port=port, ready=ready)
    with own_process():
        _run(running)
    if not running.started:
        raise StorageError(f"{host}, port {port}: the server cannot listen there")


@contextlib.contextmanager
def in_background(
    databases: Mapping[str, Database],
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    trust: Trust | None = None,
    options: ServerOptions | None = None,
) -> Iterator[str]:
    """Serve databases in a thread for the length of a block: for tests and notebooks.

    ::

        with in_background({"chat": db}) as address:
            conn = qsdb.client.connect(address.replace("http", "ws"), "chat", …)

    Args:
        databases: By the names that clients use.
        host: Where to listen.
        port: Likewise; 0 for one that is free.
        trust: Whose tokens count besides those of this server.
        options: How much of the server may be had; the usual if not given.

    Yields:
        The address: ``http://127.0.0.1:41233``.

    Raises:
        ArgumentError: a name is none, two databases are one, or an option is wrong.
        StorageError: the address cannot be listened on.
    """
    listening: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    service = service_of(databases, trust=trust, options=options)
    running = Running(service, host=host, port=port, ready=listening.put)

    def run() -> None:
        _run(running)
        listening.put(None)

    thread = threading.Thread(target=run, name="qsdb-server", daemon=True)
    thread.start()
    address = listening.get(timeout=STARTUP_SECONDS)
    if address is None:
        raise StorageError(f"{host}, port {port}: the server cannot listen there")
    try:
        yield address
    finally:
        running.should_exit = True
        thread.join()
