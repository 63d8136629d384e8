"""What the server has, compared with the client's module; or taken instead of one."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import qsdb
import qsdb.client
from qsdb import u8, u16, u64
from qsdb.client import NotConnectedError
from qsdb.client.fetching import Answer, _answer
from qsdb.errors import AccessError, ArgumentError, NotFoundError, SchemaError
from qsdb.server.definitions import definition
from tests.support.scripted_server import Peer, ScriptedServer
from tests.unit.client.scripts import (
    ANN,
    USERS,
    answer_calls,
    greet,
    serve_users,
    seven,
)
from tests.unit.client.talk import hall, transaction
from tests.unit.client.test_definition_reading import outer


def defined(module: qsdb.Module) -> Any:
    return definition(module.compiled(), 10)


def other_hall() -> qsdb.Module:
    module = qsdb.Module("hall")

    class User(qsdb.Row, module=module, public=True):
        id: u64 = qsdb.primary_key()
        name: str
        mood: u16
        age: u8 | None = None

    class Note(qsdb.Row, module=module, public=True):
        text: str

    class More(qsdb.Row, module=module, public=True):
        text: str

    return module


def test_the_same_module_is_taken() -> None:
    with ScriptedServer(answer_calls) as server:
        server.definition = defined(hall)
        with qsdb.client.connect(server.url, "hall", module=hall) as conn:
            assert conn.reducers.rename(1) == 7


def test_another_module_is_refused_with_each_difference() -> None:
    with ScriptedServer(greet) as server:
        server.definition = defined(other_hall())
        with pytest.raises(SchemaError) as caught:
            qsdb.client.connect(server.url, "hall", module=hall)

    first, second = caught.value.mistakes
    assert first.startswith("the server has another module than hall: table user is (")
    assert "mood: u16, age: u8 | None) there, and (id: u64, name: str, mood" in first
    assert second.endswith(
        "note is (text: str) there, and (text: str, owner: u64) here"
    )


def test_a_module_that_was_published_meanwhile_ends_the_connection() -> None:
    told: list[Any] = []
    gone = threading.Semaphore(0)

    def on_disconnect(error: object) -> None:
        told.append(type(error).__name__)
        gone.release()

    async def cut(peer: Peer) -> None:
        await peer.greet()
        await peer.receive()
        server.definition = defined(other_hall())
        peer.cut()

    async def sleep(_: float) -> None:
        """Wait for nothing."""

    with ScriptedServer(cut) as server:
        server.definition = defined(hall)
        with qsdb.client.connect(server.url, "hall", module=hall, sleep=sleep) as conn:
            conn.on_disconnect(on_disconnect)
            with pytest.raises(qsdb.client.UnansweredError):
                conn.reducers.quiet()
            assert gone.acquire(timeout=20)
            assert gone.acquire(timeout=20)

    assert told == ["NotConnectedError", "SchemaError"]


def test_a_definition_that_is_none_is_refused() -> None:
    with ScriptedServer(greet) as server:
        server.definition = b"{}"
        with pytest.raises(SchemaError, match="definition cannot be read: KeyError"):
            qsdb.client.connect(server.url, "hall", module=hall)


# Without a module.


@contextmanager
def served(script: Any, module: qsdb.Module) -> Iterator[qsdb.client.Connection]:
    with ScriptedServer(script) as server:
        server.definition = defined(module)
        with qsdb.client.connect(server.url, module.name) as conn:
            yield conn


def test_without_a_module_rows_are_named_tuples() -> None:
    async def script(peer: Peer) -> None:
        asked = await serve_users(peer)
        bob = (2, "bob", 1, None)
        change = transaction((asked.query_set_id, USERS, [bob], [ANN]))
        await peer.send(change)
        await peer.send(seven(await peer.receive()))
        await peer.until_gone()

    with served(script, hall) as conn:
        conn.subscribe(USERS)
        # The definition does not say what reducers give.
        value = conn.reducers.rename(5, name="x")
        [row] = conn.db.user

        assert value is None
        assert row._asdict() == {"id": 2, "name": "bob", "mood": row.mood, "age": None}
        assert row.mood.name == "angry"
        assert conn.db.user.get(2) == row
        assert callable(conn.procedures.measure)
        with pytest.raises(NotFoundError):
            conn.call("nothing")


@pytest.mark.parametrize(
    ("args", "kwargs", "match"),
    [
        ((), {}, r"rename\(number, name\) was given 0 by place"),
        ((1, "a", 2), {}, "3 by place"),
        ((1,), {"number": 1}, r"\['number'\] by name"),
        ((1,), {"nick": "a"}, "nick"),
        ((-1, "a"), {}, r"rename\(\), argument number: -1 is not"),
        (("x", "a"), {}, "argument number: 'x' is not"),
    ],
)
def test_arguments_are_checked_without_a_module(
    args: tuple[object, ...], kwargs: dict[str, object], match: str
) -> None:
    with served(greet, hall) as conn, pytest.raises(ArgumentError, match=match):
        conn.call("rename", *args, **kwargs)


def test_values_of_all_sorts_are_sent_without_a_module() -> None:
    sent: list[bytes] = []

    async def script(peer: Peer) -> None:
        await peer.greet()
        while True:
            call = await peer.receive()
            sent.append(call.args)
            await peer.send(seven(call))

    with served(script, outer) as conn:
        conn.call("hall.enter", "me")
        conn.reducers.hall.enter(name="me")

    assert sent == [b"\2\0\0\0me"] * 2


@pytest.mark.parametrize(
    ("status", "error", "text"),
    [
        (404, NotFoundError, "there is no database hall: no definition; or the server"),
        (500, SchemaError, "^the server does not say what tables hall has"),
    ],
)
def test_a_server_that_does_not_tell_needs_a_module(
    status: int, error: type[Exception], text: str
) -> None:
    with ScriptedServer(greet) as server:
        server.definition = status
        with pytest.raises(error, match=text) as caught:
            qsdb.client.connect(server.url, "hall")
    assert f"give its module with module=… ({status} no" in str(caught.value)


def test_names_that_no_class_can_have_need_a_module() -> None:
    data = json.dumps(defined(hall)).replace('"calm"', '"mro"')
    with ScriptedServer(greet) as server:
        server.definition = data.encode()
        with pytest.raises(SchemaError, match=r"no classes can be made: .*module=…"):
            qsdb.client.connect(server.url, "hall")


# HTTP.


@pytest.mark.parametrize("status", [401, 403])
def test_a_definition_may_be_refused(status: int) -> None:
    line = f"HTTP/1.1 {status} No\r\nContent-Length: 3\r\n\r\nbad"
    with raw_server(line.encode()) as url, pytest.raises(AccessError, match="bad"):
        qsdb.client.connect(url, "hall", "a.token", hall)


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (b"", "end|Remote|without"),
        (b"nonsense\r\n\r\n", "nonsense"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "IncompleteRead"),
        (b"HTTP/1.1 200 OK\r\n\r\n" + bytes(2 << 20), "over 1114112 bytes"),
    ],
    ids=["nothing", "no HTTP", "cut off", "long"],
)
def test_what_is_no_answer_is_told(
    data: bytes, match: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qsdb.client.schema_checks.DEFINITION_BYTES_MAX", 1 << 20)
    with raw_server(data) as url, pytest.raises(NotConnectedError, match=match):
        qsdb.client.connect(url, "hall", module=hall)


def test_answers_may_come_in_chunks() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

    assert _answer(head + b"2\r\nab\r\n1\r\nc\r\n0\r\n\r\n") == Answer(200, b"abc")


def test_the_token_is_shown() -> None:
    seen: list[bytes] = []
    with raw_server(b"", seen) as url, pytest.raises(NotConnectedError):
        qsdb.client.connect(url, "hall", "a.b", hall)

    assert b"\r\nAuthorization: Bearer a.b\r\n" in seen[0]


def test_tls_is_spoken_where_it_is_asked_for() -> None:
    seen: list[bytes] = []
    with raw_server(b"no TLS", seen) as url, pytest.raises(NotConnectedError):
        qsdb.client.connect(url.replace("ws", "wss"), "hall", module=hall)

    assert seen[0][:1] == b"\x16"  # a handshake


@contextmanager
def raw_server(answer: bytes, seen: list[bytes] | None = None) -> Iterator[str]:
    """Answer one request with some bytes."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.settimeout(20)
                data = connection.recv(1 << 16)
                if seen is not None:
                    seen.append(data)
                try:
                    connection.sendall(answer)
                except OSError:
                    pass  # the client has had enough

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}"
        thread.join(20)
