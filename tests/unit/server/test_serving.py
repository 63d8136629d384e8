"""A server that listens: HTTP and WebSockets on one port, from its start to its end."""

import asyncio
import gc
import http.client
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import qsdb
from qsdb.errors import StorageError
from qsdb.files import open_directory
from qsdb.protocol import server_messages as s
from qsdb.protocol.client_messages import CallReducer, Subscribe, encode_client_message
from qsdb.protocol.server_reading import read_server_frame
from qsdb.protocol.subprotocols import V3
from qsdb.server import links, websocket_protocol
from qsdb.server import serving as serving_module
from qsdb.server.app import application, service_of
from qsdb.server.options import ServerOptions
from qsdb.server.own_processes import SWITCH_SECONDS
from qsdb.server.peers import SessionOptions
from qsdb.server.serving import Running, in_background, serve
from qsdb.server.wires import Message
from tests.support.served_app import running, serving
from tests.support.sources import ROOT
from tests.support.websocket_client import WebSocketClient
from tests.unit.server import chatting as c
from tests.unit.server.test_sessions import line

PATH = "/v1/database/chat/subscribe"


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(c.chatting) as db:
        yield db


@pytest.fixture
def server(db: qsdb.Database) -> Iterator[Running]:
    with serving({"chat": db}) as server:
        yield server


def connect(
    server: Running, path: str = PATH, headers: Mapping[str, str] | None = None
) -> WebSocketClient:
    place = urlsplit(server.address)
    assert place.hostname is not None
    assert place.port is not None
    return WebSocketClient(place.hostname, place.port, path, V3.name, headers)


def messages(client: WebSocketClient, count: int) -> list[s.ServerMessage]:
    found: list[s.ServerMessage] = []
    while len(found) < count:
        found += read_server_frame(client.receive(), V3, 1 << 20)
    return found


def ask(server: Running, method: str, path: str, **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=30)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    found = response.status, response.read()
    connection.close()
    return found


def test_http_and_websockets_share_a_port(server: Running) -> None:
    assert ask(server, "GET", "/v1/ping") == (200, b"")
    status, body = ask(server, "GET", "/v1/database/chat/names")
    assert (status, json.loads(body)) == (200, {"names": ["chat"]})

    with connect(server) as client:
        client.send(encode_client_message(Subscribe(1, 1, ("SELECT * FROM line",))))
        client.send(encode_client_message(CallReducer(2, 0, "say", line(1, "hi"))))
        first, applied, result = messages(client, 3)

    assert isinstance(first, s.InitialConnection)
    assert isinstance(applied, s.SubscribeApplied)
    assert isinstance(result, s.ReducerResult)
    assert client.headers["spacetime-identity"] == first.identity.hex()
    assert client.headers["spacetime-identity-token"] == first.token


def test_a_token_makes_the_same_identity_again(server: Running) -> None:
    with connect(server) as client:
        token = client.headers["spacetime-identity-token"]
    status, body = ask(
        server,
        "POST",
        "/v1/identity/websocket-token",
        Authorization=f"Bearer {token}",
    )
    short = json.loads(body)["token"]

    assert status == 200
    with connect(server, f"{PATH}?token={short}") as again:
        assert (
            again.headers["spacetime-identity"] == client.headers["spacetime-identity"]
        )
    with connect(server, headers={"Authorization": f"Bearer {token}"}) as again:
        assert again.headers["spacetime-identity-token"] == token


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1/database/nobody/subscribe", 404),
        (f"{PATH}?token=bad", 401),
        (f"{PATH}?confirmed=perhaps", 400),
        ("/v1/elsewhere", 403),
    ],
)
def test_who_is_refused_is_told_by_http(
    server: Running, path: str, status: int
) -> None:
    with pytest.raises(ConnectionError, match=f"^{status} "):
        connect(server, path)


def test_when_the_server_ends_clients_are_told_what_was_committed(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_protocol, "CLOSING_SECONDS", 0.2)  # it says nothing
    with serving({"chat": db}) as server:
        client = connect(server)
        client.send(encode_client_message(Subscribe(1, 1, ("SELECT * FROM line",))))
        messages(client, 2)
        for number in range(50):
            db.call(c.say, 1, f"line {number}")
    told = 0
    while (frame := client.receive_or_end()) is not None:
        told += len(list(read_server_frame(frame, V3, 1 << 20)))
    assert told == 50
    assert client.closed == (1001, "the server goes down")
    client.close()


def test_who_waits_for_a_procedure_when_the_server_ends_is_told(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving_module, "REQUEST_SECONDS", 0.05)
    c.GATE.clear()
    with serving({"chat": db}) as server:
        place = urlsplit(server.address).netloc
        connection = http.client.HTTPConnection(place, timeout=30)
        headers = {"content-type": "application/json"}
        connection.request("POST", "/v1/database/chat/call/wait", "[]", headers)
        pool = db._procedures.pool
        while not pool._shared.threads_count:
            ask(server, "GET", "/v1/ping")
    response = connection.getresponse()
    told = response.status, response.read()
    connection.close()
    c.GATE.set()

    assert told == (503, b"the server goes down; what was asked for may yet be done")


def test_one_application_is_served_by_one_server_after_another(
    tmp_path: Path,
) -> None:
    with qsdb.Database(c.chatting, tmp_path / "chat") as db:
        service = service_of({"chat": db})
        for number in range(2):
            server = Running(service, host="127.0.0.1", port=0)
            with running(server), connect(server) as client:
                call = CallReducer(number, 0, "say", line(1, "hi"))
                client.send(encode_client_message(call))
                first, result = messages(client, 2)
                assert isinstance(first, s.InitialConnection)
                assert isinstance(result, s.ReducerResult)
        assert len(db.sql("SELECT * FROM line")) == 2


def test_a_place_that_is_taken_is_an_error(db: qsdb.Database) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StorageError, match=f"port {port}: the server cannot"):
            serve({"chat": db}, port=port)
        with (
            pytest.raises(StorageError, match=f"port {port}: the server cannot"),
            in_background({"chat": db}, port=port),
        ):
            raise AssertionError


PROGRAM = """
import sys
import qsdb
from qsdb.files import open_directory
from qsdb.server.serving import serve
from tests.unit.server.chatting import chatting

with qsdb.Database(chatting, sys.argv[1] + "/chat", sync_interval=60.0) as db:
    def ready(address: str) -> None:
        db.call("say", 1, "begun")
        print(address, flush=True)
    serve({"chat": db}, port=0, directory=open_directory(sys.argv[1]), ready=ready)
print("closed", flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_and_nothing_is_lost(
    tmp_path: Path, number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline().startswith("http://127.0.0.1:")

        process.send_signal(number)

        assert process.stdout.read() == "closed\n"
    assert process.wait(30) == 0
    assert (tmp_path / "chat.owner-token").stat().st_mode & 0o777 == 0o600
    with qsdb.Database(c.chatting, tmp_path / "chat") as db:
        assert [row.text for row in db.sql("SELECT * FROM line")] == ["begun"]


def test_an_application_answers_by_itself(db: qsdb.Database) -> None:
    app = application({"chat": db})

    async def ask() -> list[Message]:
        told: list[Message] = []

        async def send(message: Message) -> None:
            told.append(message)

        scope = {"type": "http", "method": "GET", "path": "/v1/ping", "headers": []}
        await app({**scope, "query_string": b""}, no_body, send)
        return told

    async def no_body() -> Message:
        return {"type": "http.request", "body": b""}

    assert asyncio.run(ask())[0]["status"] == 200


def test_nobody_has_to_be_told_where_it_listens(db: qsdb.Database) -> None:
    async def run() -> str:
        server = Running(service_of({"chat": db}), host="::1", port=0)
        serving = asyncio.ensure_future(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        address = server.address
        server.should_exit = True
        await serving
        return address

    assert asyncio.run(run()).startswith("http://[::1]:")


def test_a_server_runs_beside_a_program(db: qsdb.Database) -> None:
    with in_background({"chat": db}) as address:
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        connection.request("GET", "/v1/ping")
        assert connection.getresponse().status == 200
        connection.close()
    with pytest.raises(ConnectionRefusedError):
        connection.request("GET", "/v1/ping")


def test_an_owner_finds_a_token(db: qsdb.Database, tmp_path: Path) -> None:
    told: list[str] = []

    def ready(address: str) -> None:
        told.append(address)
        signal.raise_signal(signal.SIGTERM)

    assert threading.current_thread() is threading.main_thread()
    serve({"chat": db}, port=0, directory=open_directory(tmp_path), ready=ready)

    assert len(told) == 1
    assert (tmp_path / "chat.owner-token").read_text().count(".") == 2


def test_a_server_has_the_interpreter_for_its_own(db: qsdb.Database) -> None:
    told: list[tuple[bool, float]] = []

    def ready(_: str) -> None:
        told.append((gc.get_freeze_count() > 0, sys.getswitchinterval()))
        signal.raise_signal(signal.SIGTERM)

    before = sys.getswitchinterval()
    serve({"chat": db}, port=0, ready=ready)

    [(was_frozen, seconds)] = told
    assert was_frozen
    assert seconds == pytest.approx(SWITCH_SECONDS)
    assert sys.getswitchinterval() == before
    assert gc.get_freeze_count() == 0


def test_who_waits_for_each_answer_is_not_faster_than_allowed(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such calls are handled as they come in, and counted there."""
    rests: list[int] = []
    rest = links.Link._rest

    async def noted(link: links.Link) -> None:
        rests.append(link._left)
        await rest(link)

    monkeypatch.setattr(links.Link, "_rest", noted)
    monkeypatch.setattr(links, "RATE_SECONDS", 0.001)
    options = ServerOptions(sessions=SessionOptions(messages_max=20))
    with serving({"chat": db}, options=options) as server, connect(server) as client:
        messages(client, 1)
        for number in range(100):
            call = CallReducer(number, 0, "say", line(1, "hi"))
            client.send(encode_client_message(call))
            messages(client, 1)

    assert rests == [0] * 5
