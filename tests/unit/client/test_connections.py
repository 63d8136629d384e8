"""Connections for threads: over real sockets, with a server that follows a script."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import attrs
import pytest

import qsdb.client
from qsdb.client import (
    Connection,
    NotConnectedError,
    RemoteError,
    UnansweredError,
)
from qsdb.client.loop_threads import LoopThread
from qsdb.errors import (
    AccessError,
    ArgumentError,
    ClosedError,
    MissingNameError,
    NotFoundError,
    QsdbError,
    QueryError,
    ReducerError,
    UsageError,
)
from qsdb.protocol.server_messages import (
    InternalFailure,
    OneOffQueryResult,
    ReducerErr,
    ReducerResult,
    SubscriptionError,
)
from tests.support.scripted_server import Peer, Script, ScriptedServer
from tests.unit.client.scripts import (
    ANN,
    BOB,
    USERS,
    answer_calls,
    greet,
    serve_users,
    seven,
)
from tests.unit.client.talk import User, applied, encoder, hall, transaction

SECONDS = 20


@contextmanager
def connected(script: Script, **options: Any) -> Iterator[Connection]:
    with (
        ScriptedServer(script) as server,
        qsdb.client.connect(server.url, "hall", module=hall, **options) as connection,
    ):
        yield connection


@contextmanager
def impatient(conn: Connection) -> Iterator[None]:
    """Have a connection wait for very little time."""
    client = conn._client
    patient = client.settings
    client.settings = attrs.evolve(patient, timeout=0.05, close_timeout=0.05)
    yield
    client.settings = patient


def test_it_says_who_it_is() -> None:
    with connected(greet) as conn:
        shown = repr(conn)

        assert conn.identity == qsdb.Identity.from_bytes(bytes(31) + b"\7")
        assert conn.connection_id == qsdb.ConnectionId.from_bytes(bytes(15) + b"\1")
        assert conn.token == "made"
        states = [(conn.is_connected, conn.is_closed)]
    states.append((conn.is_connected, conn.is_closed))

    assert shown == "<Connection online of 0000000000000000…>"
    assert repr(conn) == "<Connection closed of 0000000000000000…>"
    assert states == [(True, False), (False, True)]


def test_what_it_asks_for_when_it_connects() -> None:
    seen: list[Any] = []

    async def script(peer: Peer) -> None:
        seen.append((peer.request.path, peer.request.headers.get("Authorization")))
        await greet(peer)

    with ScriptedServer(script) as server:
        for token, confirmed in ((None, None), ("a.b.c", True)):
            qsdb.client.connect(
                server.url, "hall", token, hall, confirmed=confirmed
            ).close()

    start = "/v1/database/hall/subscribe?compression=None&columns=true"
    assert seen == [(start, None), (f"{start}&confirmed=true", "Bearer a.b.c")]


def test_functions_are_called_by_attribute_name_and_themselves() -> None:
    with connected(answer_calls) as conn:
        found = [
            conn.reducers.rename(1, name="a"),
            conn.call("rename", 1),
            conn.call(hall.compiled().reducers["rename"].function, 1),
        ]
        with pytest.raises(MissingNameError, match="no reducer 'measure'"):
            conn.reducers.measure()
        assert callable(conn.procedures.measure)

    assert found == [7, 7, 7]


def test_calls_are_started_and_awaited() -> None:
    with connected(answer_calls) as conn:
        futures = [conn.start("rename", number) for number in range(20)]
        found = [each.result(SECONDS) for each in futures]
        with pytest.raises(ArgumentError):
            conn.start("rename", -1)
        awaited = asyncio.run(conn.call_async("rename", 1))
    with pytest.raises(ClosedError):
        conn.start("rename", 1)

    assert found == [7] * 20
    assert awaited == 7


def test_a_callback_may_start_calls() -> None:
    async def script(peer: Peer) -> None:
        await serve_users(peer)
        await peer.send(seven(await peer.receive()))
        await peer.until_gone()

    with connected(script) as conn:
        started: list[Future[Any]] = []
        conn.subscribe(
            USERS, on_applied=lambda _: started.append(conn.start("rename", 1))
        )

        assert started[0].result(SECONDS) == 7


def test_the_cache_has_what_a_call_did_on_the_next_line() -> None:
    async def script(peer: Peer) -> None:
        asked = await serve_users(peer)
        call = await peer.receive()
        await peer.send(seven(call, (asked.query_set_id, USERS, [BOB], [ANN])))
        await peer.until_gone()

    with connected(script) as conn:
        sub = conn.subscribe(USERS)
        first = [*conn.db[User]]
        conn.reducers.rename(1)

        assert first == [User(1, "ann")]
        assert [each.name for each in conn.db.user] == ["bob"]
        assert conn.db[User].get(2) == sub.rows[0]


def test_errors_of_calls_come_as_they_are() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        for outcome in (ReducerErr.of_text("no"), InternalFailure("KeyError")):
            call = await peer.receive()
            await peer.send(ReducerResult(call.request_id, 0, outcome))
        await peer.until_gone()

    with connected(script) as conn:
        with pytest.raises(ReducerError, match="no"):
            conn.reducers.quiet()
        with pytest.raises(RemoteError, match="KeyError"):
            conn.reducers.quiet()
        with pytest.raises(NotFoundError):
            conn.call("nothing")
        with pytest.raises(ArgumentError):
            conn.reducers.rename("x")


def test_queries_are_asked() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        query = await peer.receive()
        part = encoder("SELECT name FROM user WHERE id = 1").rows([("ann",)])
        await peer.send(OneOffQueryResult(query.request_id, (part,)))
        query = await peer.receive()
        await peer.send(OneOffQueryResult(query.request_id, "too much"))
        await peer.until_gone()

    with connected(script) as conn:
        found = conn.sql("SELECT name FROM user WHERE id = :n", {"n": 1})
        with pytest.raises(QueryError, match="too much"):
            conn.sql(USERS)

    assert [row.name for row in found] == ["ann"]


def test_a_subscription_that_is_refused_raises() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        asked = await peer.receive()
        await peer.send(SubscriptionError(asked.request_id, asked.query_set_id, "no"))
        await peer.until_gone()

    with connected(script) as conn:
        with pytest.raises(QueryError, match="no"):
            conn.subscribe(USERS)
        with pytest.raises(ArgumentError, match="on_applied is a function or None"):
            conn.subscribe(USERS, on_applied=7)  # type: ignore[arg-type]


def test_a_subscription_ends() -> None:
    async def script(peer: Peer) -> None:
        await serve_users(peer)
        await peer.receive()  # Unsubscribe

    with connected(script) as conn:
        with conn.subscribe(USERS) as sub:
            there = [*conn.db.user]
        sub.close()

        assert there == [User(1, "ann")]
        assert [*conn.db.user] == []
    sub.close()


def test_callbacks_run_on_one_thread_and_cannot_wait() -> None:
    told: list[Any] = []
    done = threading.Event()

    async def script(peer: Peer) -> None:
        asked = await serve_users(peer)
        await peer.send(transaction((asked.query_set_id, USERS, [BOB], [])))
        await peer.until_gone()

    with connected(script) as conn:

        def on_insert(_: object, row: User) -> None:
            told.append((row.name, type(threading.current_thread())))
            for wait in (
                conn.reducers.quiet,
                lambda: conn.sql(USERS),
                lambda: conn.subscribe(USERS),
                lambda: qsdb.client.connect("ws://127.0.0.1:1", "hall", module=hall),
            ):
                try:
                    wait()
                except UsageError as error:
                    told.append(str(error)[:29])
            if row.name == "bob":
                done.set()

        conn.db[User].on_insert(on_insert)
        conn.subscribe(USERS)
        assert done.wait(SECONDS)

    refused = ["this is a callback of a conne"] * 4
    assert told == [("ann", LoopThread), *refused, ("bob", LoopThread), *refused]


def test_a_callback_may_close_the_subscription_and_the_connection() -> None:
    ended = threading.Event()

    async def script(peer: Peer) -> None:
        await serve_users(peer)
        await peer.until_gone()
        ended.set()

    with connected(script) as conn:
        closing: list[Any] = []

        def on_applied(_: object) -> None:
            conn.close()
            conn.close()
            closing.append(conn.is_closed)

        sub = conn.subscribe(USERS, on_applied=on_applied)

        assert not sub.is_active
        assert closing == [True]
        assert ended.wait(SECONDS)
        assert [*conn.db.user] == [User(1, "ann")]
        conn.close()


def test_a_callback_may_close_subscriptions_of_another_connection() -> None:
    async def script(peer: Peer) -> None:
        await serve_users(peer)
        await peer.until_gone()

    with connected(script) as one, connected(script) as other:
        sub = one.subscribe(USERS)
        gone = threading.Event()
        one.db[User].on_delete(lambda *_: gone.set())
        other.subscribe(USERS, on_applied=lambda _: sub.close())

        assert gone.wait(SECONDS)


def test_closing_is_done_once_by_whoever() -> None:
    with connected(greet) as conn:
        threads = [threading.Thread(target=conn.close) for _ in range(4)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(SECONDS)

        assert conn.is_closed
        assert not any(each.is_alive() for each in threads)
        for use in (conn.reducers.quiet, lambda: conn.subscribe(USERS)):
            with pytest.raises(ClosedError, match="this connection is closed"):
                use()


def test_who_waits_while_it_is_closed_is_told() -> None:
    asked = threading.Event()

    async def script(peer: Peer) -> None:
        await peer.greet()
        await peer.receive()
        asked.set()
        await peer.until_gone()

    errors: list[QsdbError] = []

    with connected(script) as conn:

        def call() -> None:
            try:
                conn.reducers.quiet()
            except QsdbError as error:
                errors.append(error)

        thread = threading.Thread(target=call)
        thread.start()
        assert asked.wait(SECONDS)
        conn.close()
        thread.join(SECONDS)

    assert [type(each) for each in errors] in ([UnansweredError], [ClosedError])


def test_a_call_without_an_answer_ends_with_the_timeout() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        call = await peer.receive()
        late = await peer.receive()
        await peer.send(seven(call), seven(late))
        await peer.until_gone()

    with connected(script) as conn:
        with (
            impatient(conn),
            pytest.raises(UnansweredError, match=r"rename: no answer .*0.05 seconds"),
        ):
            conn.reducers.rename(1)
        conn.reducers.rename(1)

        assert conn.is_connected


def test_a_subscription_without_an_answer_is_ended() -> None:
    said: list[Any] = []

    async def script(peer: Peer) -> None:
        await peer.greet()
        asked = await peer.receive()
        said.append(await peer.receive())
        await peer.send(applied(asked, [ANN]))
        await answer_rest(peer)

    async def answer_rest(peer: Peer) -> None:
        call = await peer.receive()
        await peer.send(seven(call))
        await peer.until_gone()

    with connected(script) as conn:
        with impatient(conn), pytest.raises(UnansweredError, match="a subscription"):
            conn.subscribe(USERS)
        conn.reducers.rename(1)

        assert [*conn.db.user] == []
    assert [type(each).__name__ for each in said] == ["Unsubscribe"]


def test_a_callback_that_does_not_return_hangs_nobody() -> None:
    go_on = threading.Event()
    stuck, begun = threading.Event(), threading.Event()

    async def script(peer: Peer) -> None:
        asked = await serve_users(peer)
        await asyncio.to_thread(begun.wait, SECONDS)
        await peer.send(transaction((asked.query_set_id, USERS, [BOB], [])))
        await peer.until_gone()

    with connected(script) as conn:

        def on_insert(_: object, row: User) -> None:
            if row.name == "bob":
                stuck.set()
                go_on.wait(SECONDS)

        conn.db[User].on_insert(on_insert)
        conn.subscribe(USERS)
        begun.set()
        assert stuck.wait(SECONDS)
        grace = "qsdb.client.connections.GRACE_SECONDS"
        with pytest.MonkeyPatch.context() as patch, impatient(conn):
            patch.setattr(grace, 0.05)
            with pytest.raises(UnansweredError, match="a callback runs still"):
                conn.reducers.quiet()
            conn.close()
            go_on.set()
    conn._thread.join(SECONDS)

    assert not conn._thread.is_alive()
    assert conn.is_closed


def test_an_interrupt_while_waiting_goes_through() -> None:
    with connected(greet) as conn, pytest.MonkeyPatch.context() as patch:

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(LoopThread, "_result", interrupted)
        with pytest.raises(KeyboardInterrupt):
            conn.reducers.quiet()
        patch.undo()
        assert conn.is_connected


def test_a_loop_that_has_ended_does_nothing() -> None:
    thread = LoopThread()
    thread.finish(_nothing)
    thread.join(SECONDS)
    thread.finish(_nothing)
    thread.soon(lambda: 1 // 0)
    with pytest.raises(ClosedError):
        thread.wait(_nothing(), 1)


def test_who_waits_for_a_loop_that_ends_is_told() -> None:
    thread = LoopThread()

    async def end() -> None:
        thread.loop.stop()
        await _never()

    with pytest.raises(ClosedError):
        thread.wait(end(), None)


def test_a_timeout_of_what_was_to_be_done_is_its_own() -> None:
    thread = LoopThread()

    async def late() -> None:
        raise TimeoutError("mine")

    with pytest.raises(TimeoutError, match="mine"):
        thread.wait(late(), None)
    thread.finish(_nothing)
    thread.join(SECONDS)
    with pytest.raises(ClosedError):
        thread._result(Future(), 0.01)


def test_one_may_wait_for_as_long_as_it_takes() -> None:
    with connected(answer_calls, timeout=None) as conn:
        assert conn.reducers.rename(1) == 7


async def _nothing() -> None:
    pass


async def _never() -> None:
    await asyncio.Event().wait()


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(NotConnectedError, match=r"no answer from 127.0.0.1:1/v1/data"):
        qsdb.client.connect("ws://127.0.0.1:1", "hall", module=hall)


@pytest.mark.parametrize(
    ("status", "error", "match"),
    [
        (401, AccessError, "refused: 401 bad token"),
        (403, AccessError, "refused: 403 bad token"),
        (404, NotFoundError, "no such database: 404 bad token"),
        (503, NotConnectedError, "does not connect: 503 bad token"),
    ],
)
def test_a_server_that_refuses(status: int, error: type[Exception], match: str) -> None:
    with ScriptedServer(greet) as server:
        server.refusal = (status, "bad token")
        with pytest.raises(error, match=match):
            qsdb.client.connect(server.url, "hall", module=hall)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (1008, AccessError),
        (4001, AccessError),
        (1000, AccessError),
        (1011, NotConnectedError),
        (1013, NotConnectedError),
    ],
)
def test_a_server_that_closes_before_it_speaks(
    code: int, error: type[Exception]
) -> None:
    async def script(peer: Peer) -> None:
        await peer.close(code, "because")

    with ScriptedServer(script) as server, pytest.raises(error, match="because"):
        qsdb.client.connect(server.url, "hall", module=hall)


def test_a_server_that_vanishes_before_it_speaks() -> None:
    async def script(peer: Peer) -> None:
        peer.cut()

    with (
        ScriptedServer(script) as server,
        pytest.raises(NotConnectedError, match="without a word"),
    ):
        qsdb.client.connect(server.url, "hall", module=hall)


def test_a_server_of_another_protocol() -> None:
    server = ScriptedServer(greet)
    server.subprotocols = ["v1.bsatn.spacetimedb"]
    with server, pytest.raises(NotConnectedError, match=r"speaks none of v3.bsatn"):
        qsdb.client.connect(server.url, "hall", module=hall)


def test_version_2_is_spoken_too() -> None:
    server = ScriptedServer(answer_calls)
    server.subprotocols = ["v2.bsatn.spacetimedb"]
    with server, qsdb.client.connect(server.url, "hall", module=hall) as conn:
        found = conn.reducers.rename(1)

    assert found == 7


@pytest.mark.parametrize(
    ("token", "module", "match"),
    [
        ("", hall, "a token is"),
        (7, hall, "a token is"),
        ("a\nb", hall, "a token is"),
        ("ü", hall, "a token is"),
        (None, 7, "module is a qsdb.Module or None, not 7"),
    ],
)
def test_what_is_given_is_checked(token: Any, module: Any, match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        qsdb.client.connect("ws://127.0.0.1:1", "hall", token, module)
