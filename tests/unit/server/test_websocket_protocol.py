"""WebSockets under uvicorn: what applications of ASGI see, and what clients do."""

# ruff: noqa: ARG001  all applications of ASGI take three things

import asyncio
import base64
import contextlib
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, cast

import pytest
import uvicorn
from uvicorn.server import ServerState

from qsdb.server import websocket_protocol
from qsdb.server.websocket_frames import close_frame, server_frame
from qsdb.server.websocket_protocol import WebSocketProtocol
from qsdb.server.wires import EXTENSION, AsgiWire, Message, Receive, Send, Wire
from tests.support.websocket_client import WebSocketClient
from tests.unit.server.test_websocket_frames import client_frame

SECONDS = 30
Scope = dict[str, Any]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class Server(uvicorn.Server):
    """Runs an application in a thread."""

    def __init__(self, app: App) -> None:
        super().__init__(
            uvicorn.Config(
                cast(Any, app),
                host="127.0.0.1",
                port=0,
                ws=WebSocketProtocol,
                log_config=None,
                access_log=False,
                lifespan="off",
                root_path="/below",
                timeout_graceful_shutdown=5,
            )
        )
        self.is_ready = threading.Event()
        self.loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.loop = asyncio.get_running_loop()
        self.is_ready.set()

    @property
    def place(self) -> tuple[str, int]:
        host, port = self.servers[0].sockets[0].getsockname()
        return host, port

    def connect(
        self,
        path: str = "/x",
        subprotocol: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> WebSocketClient:
        return WebSocketClient(*self.place, path, subprotocol, headers)


@contextlib.contextmanager
def running(app: App) -> Iterator[Server]:
    server = Server(app)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert server.is_ready.wait(SECONDS)
    try:
        yield server
    finally:
        server.should_exit = True
        thread.join(SECONDS)
        assert not thread.is_alive()


def wire_of(scope: Scope) -> Wire:
    wire = scope["extensions"][EXTENSION]
    assert isinstance(wire, Wire)
    return wire


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Send back what comes, by ASGI."""
    await receive()
    await send({"type": "websocket.accept", "subprotocol": "two", "headers": []})
    while (event := await receive())["type"] == "websocket.receive":
        data = event.get("bytes")
        more = {"text": event["text"] + "!"} if data is None else {"bytes": data}
        await send({"type": "websocket.send", **more})


async def echo_by_wire(scope: Scope, receive: Receive, send: Send) -> None:
    """Send back what comes, by the wire."""
    await receive()
    await send({"type": "websocket.accept"})
    wire = wire_of(scope)
    while (frame := await wire.next()) is not None:
        is_text = isinstance(frame, str)
        data = f"{frame}!".encode() if isinstance(frame, str) else frame
        wire.write([data], is_text=is_text)


@pytest.mark.parametrize("app", [echo, echo_by_wire])
def test_messages_go_both_ways(app: App) -> None:
    with running(app) as server, server.connect() as client:
        for size in (0, 1, 200, 70_000):
            client.send(b"x" * size)
            assert client.receive() == b"x" * size
        client.send("Zoë".encode(), opcode=1)
        assert client.receive() == "Zoë!".encode()
        client.send(b"a", fin=False)
        client.send(b"p", opcode=9)
        client.send(b"nobody has asked", opcode=10)
        client.send(b"b", opcode=0)
        assert client.receive() == b"ab"
        assert client.pings == [b"pong p"]


def test_an_application_is_told_of_the_request() -> None:
    told: list[Scope] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        told.append(scope)
        await echo(scope, receive, send)

    with (
        running(app) as server,
        server.connect("/a%20b?c=d", "one", {"X-More": "y"}) as ws,
    ):
        assert ws.headers["sec-websocket-protocol"] == "two"

    [scope] = told
    assert (scope["type"], scope["scheme"], scope["root_path"]) == (
        *("websocket", "ws"),
        "/below",
    )
    assert (scope["path"], scope["raw_path"]) == ("/below/a b", b"/below/a%20b")
    assert (scope["query_string"], scope["subprotocols"]) == (b"c=d", ["one"])
    assert (b"x-more", b"y") in scope["headers"]


def test_an_application_can_refuse_by_http() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        headers = [(b"x-why", b"so")]
        start = {"type": "websocket.http.response.start", "status": 404}
        await send({**start, "headers": headers})
        for body in (b"nothing here", b"nor here"):
            await send({"type": "websocket.http.response.body", "body": body})
        assert (await receive())["type"] == "websocket.disconnect"

    with (
        running(app) as server,
        pytest.raises(ConnectionError, match=r"^404 nothing here$"),
    ):
        server.connect()


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Sec-WebSocket-Version": "7"}, 426), ({"Sec-WebSocket-Key": "x"}, 400)],
)
def test_what_is_no_upgrade_is_refused(headers: dict[str, str], status: int) -> None:
    with running(echo) as server, pytest.raises(ConnectionError, match=f"^{status} "):
        server.connect(headers=headers)


async def close_at_once(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.close", "code": 4000})


async def refuse_twice(scope: Scope, receive: Receive, send: Send) -> None:
    await close_at_once(scope, receive, send)
    await close_at_once(scope, receive, send)


async def say_nothing(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()


async def fail(scope: Scope, receive: Receive, send: Send) -> None:
    raise KeyError("a secret")


@pytest.mark.parametrize(
    ("app", "said"),
    [
        (close_at_once, "^403 $"),
        (refuse_twice, "^403 $"),
        (say_nothing, "^500 nobody has answered this$"),
        (fail, "^500 the server failed; its log says more$"),
    ],
)
def test_an_application_that_does_not_accept_is_answered_for(
    app: App, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with running(app) as server, pytest.raises(ConnectionError, match=said):
        server.connect()
    assert ("a secret" in caplog.text) == (app is fail)


async def accept_and_close(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "bytes": b"last"})
    await send({"type": "websocket.close", "code": 4001, "reason": "enough"})
    await send({"type": "websocket.send", "bytes": b"too late"})


async def close_twice(scope: Scope, receive: Receive, send: Send) -> None:
    await accept_and_close(scope, receive, send)
    await send({"type": "websocket.close", "code": 4002})
    raise KeyError("once more")


async def accept_and_return(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})


async def accept_and_fail(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    raise KeyError("a secret")


@pytest.mark.parametrize(
    ("app", "closed", "count"),
    [
        (accept_and_close, (4001, "enough"), 1),
        (close_twice, (4001, "enough"), 1),
        (accept_and_return, (1000, ""), 0),
        (accept_and_fail, (1011, "the server failed; its log says more"), 0),
    ],
)
def test_an_application_ends_a_websocket(
    app: App, closed: tuple[int, str], count: int
) -> None:
    told = []
    with running(app) as server, server.connect() as client:
        while (frame := client.receive_or_end()) is not None:
            told.append(frame)

    assert client.closed == closed
    assert told == [b"last"] * count


@pytest.mark.parametrize(
    ("opcode", "payload", "code"),
    [
        (1, b"\xff", 1007),
        (3, b"", 1002),
        (8, b"\x00\x01", 1002),
        (2, b"x" * 200, 1009),
    ],
)
def test_a_client_that_breaks_a_rule_is_closed(
    opcode: int, payload: bytes, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(websocket_protocol, "CLIENT_FRAME_BYTES_MAX", 100)
    with running(echo) as server, server.connect() as client:
        client.send(payload, opcode)

        assert client.receive_or_end() is None

    assert client.closed is not None
    assert client.closed[0] == code


def test_a_client_ends_a_websocket() -> None:
    told: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        told.append(await receive())
        told.append(await receive())

    with running(app) as server, server.connect() as client:
        client.send(b"\x0f\xa0bye", opcode=8)
        assert client.receive_or_end() is None

    assert client.closed == (4000, "bye")
    assert told[0] == {"type": "websocket.disconnect", "code": 4000, "reason": "bye"}
    assert told[1]["type"] == "websocket.disconnect"


def test_a_client_that_vanishes_is_told_of() -> None:
    gone = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await echo_by_wire(scope, receive, send)
        gone.set()

    with running(app) as server:
        server.connect().close()
        assert gone.wait(SECONDS)


def test_a_server_that_goes_down_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_protocol, "CLOSING_SECONDS", 0.05)
    with running(echo) as server:
        client = server.connect()

    assert client.receive_or_end() is None
    assert client.closed == (1012, "the server goes down")
    client.close()


def test_a_request_that_waits_is_answered_when_the_server_goes_down() -> None:
    begun = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        begun.set()
        await receive()

    found: list[str] = []

    def connect(server: Server) -> None:
        try:
            server.connect()
        except ConnectionError as error:
            found.append(str(error))

    with running(app) as server:
        thread = threading.Thread(target=connect, args=(server,))
        thread.start()
        assert begun.wait(SECONDS)
    thread.join(SECONDS)

    assert found == ["503 the server goes down"]


def test_a_silent_client_is_pinged_and_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_protocol, "SILENT_SECONDS", 0.05)
    with running(echo) as server, server.connect() as client:
        assert client.receive_or_end() is None

    assert client.pings
    assert set(client.pings) == {b""}


def test_a_client_that_talks_is_not_pinged() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        wire = wire_of(scope)
        assert isinstance(wire, WebSocketProtocol)
        assert wire._timer is not None
        wire._timer.cancel()
        wire._look()
        wire.write([b"looked"], is_text=False)
        await wire.next()

    with running(app) as server, server.connect() as client:
        assert client.receive() == b"looked"
        assert client.pings == []


def test_a_client_that_does_not_read_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket_protocol, "WRITTEN_BYTES_MAX", 1000)
    readiness: list[bool] = []
    ready, full = threading.Event(), threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        wire = wire_of(scope)
        readiness.append(wire.is_ready)
        while wire.is_ready:
            wire.write([b"x" * 100_000], is_text=False)
        readiness.append(wire.is_ready)
        wire.on_ready = ready.set
        full.set()
        await wire.next()

    with running(app) as server, server.connect() as client:
        assert full.wait(SECONDS)
        while not ready.is_set():
            assert client.receive() == b"x" * 100_000

    assert readiness == [True, False]


def test_who_sends_too_much_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_protocol, "WAITING_BYTES_MAX", 1000)
    go = threading.Event()
    waiting: list[int] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        wire = wire_of(scope)
        assert isinstance(wire, WebSocketProtocol)
        await asyncio.to_thread(go.wait, SECONDS)
        while (frame := await wire.next()) is not None:
            waiting.append(wire._waiting_bytes)
            wire.write([str(len(frame)).encode()], is_text=False)

    with running(app) as server, server.connect() as client:

        def send_all() -> None:
            for _ in range(100):
                client.send(b"x" * 50_000)

        sender = threading.Thread(target=send_all)
        sender.start()
        go.set()
        told = [client.receive() for _ in range(100)]
        sender.join(SECONDS)

    assert told == [b"50000"] * 100
    assert max(waiting) < 50_000 * 12


def upgrade_of(server: Server) -> socket.socket:
    """Ask to upgrade, over a socket of one's own."""
    there = socket.create_connection(server.place, timeout=SECONDS)
    there.sendall(
        b"GET /x HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade"
        b"\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n"
    )
    return there


class Socket(asyncio.Transport):
    """Stands for a socket: it keeps what is written, and reads as a client does."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []
        self._state = {"open"}

    def is_now(self, state: str) -> bool:
        return state in self._state

    def set_write_buffer_limits(
        self, high: int | None = None, low: int | None = None
    ) -> None: ...

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def pause_reading(self) -> None:
        self._state.add("paused")

    def resume_reading(self) -> None:
        self._state.discard("paused")

    def close(self) -> None:
        self._state.discard("open")

    def abort(self) -> None:
        self._state.add("cut")


class Bare:
    """What connections of one server share, and a way to make them."""

    def __init__(self, app: App = echo) -> None:
        self._config = uvicorn.Config(cast(Any, app))
        self._config.load()
        self._shared = ServerState()

    def begin(self) -> tuple[WebSocketProtocol, Socket]:
        """Give a connection that waits for the answer."""
        protocol, socket = WebSocketProtocol(self._config, self._shared, {}), Socket()
        protocol.connection_made(socket)
        key = base64.b64encode(bytes(16)).decode()
        head = f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}"
        protocol.data_received(f"GET /x HTTP/1.1\r\n{head}\r\n\r\n".encode())
        return protocol, socket

    async def connection(self) -> tuple[WebSocketProtocol, Socket]:
        """Give a connection that is accepted."""
        protocol, socket = self.begin()
        await settle()
        assert socket.written.pop(0).startswith(b"HTTP/1.1 101")
        return protocol, socket


async def settle() -> None:
    """Let all that is ready run."""
    for _ in range(5):
        await asyncio.sleep(0)


def test_pings_of_a_client_that_does_not_read_are_not_piled_up() -> None:
    async def run() -> None:
        protocol, socket = await Bare().connection()
        protocol.data_received(client_frame(9, b"0"))
        protocol.pause_writing()
        for number in (b"1", b"2", b"3"):
            protocol.data_received(client_frame(9, number))
        assert socket.written == [server_frame(10, b"0")]
        protocol.resume_writing()
        assert socket.written == [server_frame(10, b"0"), server_frame(10, b"3")]
        protocol.resume_writing()
        assert len(socket.written) == 2
        protocol.pause_writing()
        protocol.data_received(client_frame(9, b"4"))
        protocol.connection_lost(None)
        assert len(socket.written) == 2

    asyncio.run(run())


def test_empty_messages_have_their_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket_protocol, "WAITING_BYTES_MAX", 100_000)

    async def deaf(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await go.wait()
        while (await receive())["type"] == "websocket.receive":
            pass

    async def run() -> None:
        protocol, socket = await Bare(deaf).connection()
        protocol.data_received(client_frame(2, b"") * 100)
        assert not socket.is_now("paused")
        protocol.data_received(client_frame(2, b"") * 300)
        assert socket.is_now("paused")
        go.set()
        await settle()
        assert not socket.is_now("paused")
        assert protocol._waiting_bytes == 0
        protocol.connection_lost(None)
        await settle()

    go = asyncio.Event()
    asyncio.run(run())


def test_a_client_that_has_ended_it_and_reads_nothing_is_cut_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket_protocol, "CLOSING_SECONDS", 0)

    async def run() -> None:
        protocol, socket = await Bare().connection()
        protocol.pause_writing()
        protocol.data_received(client_frame(8, b""))
        assert not socket.is_now("open")
        await asyncio.sleep(0.01)
        assert socket.is_now("cut")
        protocol.connection_lost(None)

    asyncio.run(run())


def test_the_server_closes_when_the_client_has_heard_it() -> None:
    async def run() -> None:
        server = Bare(accept_and_return)
        protocol, socket = await server.connection()
        await settle()
        assert socket.written == [close_frame(1000, "")]
        protocol.data_received(client_frame(2, b"sent before it knew"))
        protocol.shutdown()
        assert socket.is_now("open")
        protocol.data_received(client_frame(8, b"\x03\xe8"))
        assert not socket.is_now("open")
        assert not socket.is_now("cut")
        protocol.connection_lost(None)
        assert len(socket.written) == 1

    asyncio.run(run())


def test_who_goes_before_the_answer_is_not_let_in() -> None:
    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await go.wait()
        await echo(scope, receive, send)
        told.set()

    async def run() -> None:
        protocol, socket = Bare(slow).begin()
        await settle()
        protocol.shutdown()
        [answer] = socket.written
        assert answer.startswith(b"HTTP/1.1 503")
        go.set()
        await told.wait()
        protocol.connection_lost(None)
        assert socket.written == [answer]

    go, told = asyncio.Event(), asyncio.Event()
    asyncio.run(run())


def test_what_was_sent_last_arrives_though_the_client_sends_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """To close a socket with unread bytes cuts off what the other side has not read."""
    monkeypatch.setattr(websocket_protocol, "WAITING_BYTES_MAX", 1000)
    go = threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.to_thread(go.wait, SECONDS)
        wire = wire_of(scope)
        wire.write([b"x" * 3_000_000], is_text=False)
        await wire.close(1001, "the end")

    with running(app) as server, server.connect() as client:
        for _ in range(20):
            client.send(b"y" * 20_000)
        go.set()

        assert client.receive_or_end() == b"x" * 3_000_000
        assert client.receive_or_end() is None

    assert client.closed == (1001, "the end")


def test_a_long_message_that_does_not_come_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket_protocol, "LONG_BYTES", 100)

    async def run() -> None:
        protocol, socket = await Bare().connection()
        protocol.data_received(client_frame(2, b"x" * 200))
        await settle()
        written = len(socket.written)
        protocol.data_received(client_frame(2, b"x" * 99, fin=False))
        with monkeypatch.context() as patched:
            patched.setattr(websocket_protocol, "LONG_SECONDS", 0.0)
            protocol._look()
        protocol.data_received(client_frame(0, b"x" * 99, fin=False))
        protocol._look()
        assert len(socket.written) == written
        monkeypatch.setattr(websocket_protocol, "LONG_SECONDS", 0.0)
        protocol.data_received(client_frame(9, b""))
        protocol._look()
        assert socket.written[-1] == close_frame(1008, "a message did not come in 0 s")
        protocol.connection_lost(None)

    asyncio.run(run())


def test_long_messages_of_all_clients_together_are_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(websocket_protocol, "LONG_BYTES", 100)
    monkeypatch.setattr(websocket_protocol, "UNFINISHED_BYTES_MAX", 1000)

    async def run() -> None:
        server = Bare()
        (first, _), (second, socket) = [await server.connection() for _ in range(2)]
        long = client_frame(2, b"x" * 2000)
        first.data_received(long[:600])
        second.data_received(long[:300])
        assert socket.is_now("open")
        second.data_received(long[300:500])
        assert not socket.is_now("open")
        said = close_frame(1013, "others send long messages; try again later")
        assert socket.written == [said]
        first.data_received(long[600:])
        third, socket = await server.connection()
        third.data_received(long[:300])
        assert socket.is_now("open")
        for each in (first, second, third):
            each.connection_lost(None)
        await settle()

    asyncio.run(run())


def test_frames_can_come_together() -> None:
    with running(echo) as server, upgrade_of(server) as there:
        data = b""
        while b"\r\n\r\n" not in data:
            data += there.recv(1000)
        there.sendall(
            b"\x82\x81\0\0\0\0a\x82\x81\0\0\0\0b\x88\x80\0\0\0\0\x82\x80\0\0\0\0"
        )
        data = data.split(b"\r\n\r\n")[1]
        while part := there.recv(1000):
            data += part

    assert data in (b"\x88\0", b"\x82\x01a\x82\x01b\x88\0")


def test_who_sends_before_the_answer_is_refused() -> None:
    begun, go = threading.Event(), threading.Event()

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        begun.set()
        await asyncio.to_thread(go.wait, SECONDS)

    with running(app) as server, upgrade_of(server) as there:
        assert begun.wait(SECONDS)
        there.sendall(b"\x82\x81\0\0\0\0a")
        data = b""
        while part := there.recv(1000):
            data += part
        go.set()

    assert data.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert data.endswith(b"nothing is to be sent before the answer")


# Under other servers.


def test_a_wire_is_made_of_what_other_servers_give() -> None:
    async def check() -> None:
        incoming: asyncio.Queue[Message] = asyncio.Queue()
        sent: list[Message] = []
        gate = asyncio.Event()

        async def send(message: Message) -> None:
            await gate.wait()
            sent.append(message)

        wire, ready = AsgiWire(incoming.get, send), asyncio.Event()
        wire.on_ready = ready.set
        incoming.put_nowait({"type": "websocket.receive", "bytes": b"a", "text": None})
        incoming.put_nowait({"type": "websocket.receive", "text": "b"})
        incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
        assert [await wire.next() for _ in range(3)] == [b"a", "b", None]
        readiness = [wire.is_ready]
        wire.write([b"1", b"2"], is_text=False)
        readiness.append(wire.is_ready)
        gate.set()
        await asyncio.wait_for(ready.wait(), SECONDS)
        readiness.append(wire.is_ready)
        wire.on_ready = None
        wire.write([b"3"], is_text=True)
        await wire.close(1001, "ë" * 100)
        assert readiness == [True, False, True]
        assert sent == [
            {"type": "websocket.send", "bytes": b"1"},
            {"type": "websocket.send", "bytes": b"2"},
            {"type": "websocket.send", "text": "3"},
            {"type": "websocket.close", "code": 1001, "reason": "ë" * 60},
        ]

    asyncio.run(check())


def test_a_client_that_is_stuck_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qsdb.server.wires.CLOSING_SECONDS", 0.01)

    async def check() -> None:
        async def send(_: Message) -> None:
            await asyncio.Event().wait()

        wire = AsgiWire(asyncio.Queue[Message]().get, send)
        wire.write([b"1"], is_text=False)
        await asyncio.wait_for(wire.close(1000, ""), SECONDS)

    asyncio.run(check())


def test_a_client_that_has_gone_is_no_error() -> None:
    async def check() -> None:
        async def send(_: Message) -> None:
            raise OSError("it has gone")

        wire = AsgiWire(asyncio.Queue[Message]().get, send)
        wire.write([b"1"], is_text=False)
        await wire.close(1000, "")
        assert wire.is_ready

    asyncio.run(check())


logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
