"""An application of somebody's own that has databases mounted, under another server."""

import asyncio
import contextlib
import http.client
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import fastapi
import pytest
import uvicorn

import qsdb
import qsdb.client
from qsdb.errors import AccessError
from qsdb.server.app import application
from tests.unit.server import chatting as c

SECONDS = 30


@contextlib.contextmanager
def uvicorn_of(app: Any) -> Iterator[str]:
    """Serve an application as its author would, by uvicorn alone; give the address."""
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False)
    server, ready = uvicorn.Server(config), threading.Event()
    startup = server.startup

    async def and_tell(sockets: Any = None) -> None:
        await startup(sockets)
        ready.set()

    server.startup = and_tell  # type: ignore[method-assign]
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    assert ready.wait(SECONDS)
    host, port = server.servers[0].sockets[0].getsockname()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.should_exit = True
        thread.join(SECONDS)
        assert not thread.is_alive()


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(c.chatting) as db:
        yield db


@pytest.fixture(params=["/", "/games/db"])
def place(request: pytest.FixtureRequest) -> str:
    """Give where the databases are mounted."""
    found: str = request.param
    return found


@pytest.fixture
def app(db: qsdb.Database, place: str) -> fastapi.FastAPI:
    app = fastapi.FastAPI()

    @app.get("/health")
    def health() -> str:
        return "well"

    app.mount(place, application({"chat": db}))
    return app


def ask(address: str, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=SECONDS)
    with contextlib.closing(connection):
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()


def test_fastapi_serves_its_own_routes_and_databases(
    app: fastapi.FastAPI, place: str
) -> None:
    with uvicorn_of(app) as address:
        root = f"{address}{place.rstrip('/')}"
        with qsdb.client.connect(root, "chat", module=c.chatting) as conn:
            conn.subscribe("SELECT * FROM line")
            assert conn.reducers.say(1, "hi") == 1
            assert [row.text for row in conn.db[c.Line]] == ["hi"]
            assert conn.procedures.reverse("abc") == "cba"
            assert len(conn.sql("SELECT * FROM line")) == 2
        assert ask(address, "/health") == (200, b'"well"')
        assert ask(address, f"{place.rstrip('/')}/v1/ping") == (200, b"")
        with pytest.raises(AccessError):  # by this server's means: a status of HTTP
            qsdb.client.connect(root, "chat", token="x.y.z", module=c.chatting)


def test_one_application_is_served_anew(app: fastapi.FastAPI, place: str) -> None:
    for number in range(2):
        with uvicorn_of(app) as address:
            root = f"{address}{place.rstrip('/')}"
            with qsdb.client.connect(root, "chat", module=c.chatting) as conn:
                assert conn.reducers.say(1, "hi") == number + 1
