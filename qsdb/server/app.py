"""`application`: the databases of a process, as one ASGI application.

It is all that clients of SpacetimeDB ask for: the HTTP API and the WebSockets, below
``/v1``. `qsdb.server.serving` runs it by itself; whoever has an application of their
own mounts it there::

    app = fastapi.FastAPI()
    app.mount("/", qsdb.server.app.application({"chat": db}))

Databases are opened and closed by who has them.
"""

import contextlib
from collections.abc import AsyncIterator, Mapping

import attrs
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from qsdb.files import Directory
from qsdb.runtime.database import Database
from qsdb.server.authority import Authority, Trust
from qsdb.server.doors import Door
from qsdb.server.hosts import Host
from qsdb.server.http.desk import Desk
from qsdb.server.http.routes import http_routes
from qsdb.server.options import ServerOptions
from qsdb.server.subscribing import Subscribing

__all__ = ["Service", "application", "service_of"]

SUBSCRIBE = "/v1/database/{database}/subscribe"


@attrs.frozen(eq=False)
class Service:
    """What a server is made of.

    Attributes:
        host: The databases.
        authority: Makes tokens, and says who shows one.
        door: Says how much of the server an address may have.
        desk: Answers requests of HTTP.
        subscribing: Serves WebSockets.
        app: All of it, as an ASGI application.
    """

    host: Host
    authority: Authority
    door: Door
    desk: Desk
    subscribing: Subscribing
    app: Starlette


def service_of(
    databases: Mapping[str, Database],
    *,
    directory: Directory | None = None,
    trust: Trust | None = None,
    options: ServerOptions | None = None,
) -> Service:
    """Put a server together.

    Args:
        databases: By the names that clients use.
        directory: Where the key of the server's tokens is kept; without it there is a
            new one each time, and tokens of before are not valid any more.
        trust: Whose tokens count besides; nobody's if not given.
        options: How much of the server may be had; the usual if not given.

    Raises:
        ArgumentError: a name is none, two databases are one, or an option is wrong.
        StorageError: the key cannot be read, or not be kept.
    """
    host = Host(databases)
    authority = Authority(directory, trust)
    options = options or ServerOptions()
    door = Door(options.door)
    desk = Desk(host, authority, options.http, door)
    subscribing = Subscribing(host, authority, options=options.sessions, door=door)
    desk.open()  # also where it is mounted, and nobody runs its lifespan

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        desk.open()
        subscribing.open()
        try:
            yield
        finally:
            await subscribing.close()
            desk.close()

    routes = [WebSocketRoute(SUBSCRIBE, subscribing), *http_routes(desk)]
    app = Starlette(routes=routes, lifespan=lifespan)
    return Service(host, authority, door, desk, subscribing, app)


def application(
    databases: Mapping[str, Database],
    *,
    directory: Directory | None = None,
    trust: Trust | None = None,
    options: ServerOptions | None = None,
) -> Starlette:
    """Give an ASGI application that serves databases; see `service_of`.

    Raises:
        ArgumentError: a name is none, two databases are one, or an option is wrong.
        StorageError: the key cannot be read, or not be kept.
    """
    return service_of(databases, directory=directory, trust=trust, options=options).app
