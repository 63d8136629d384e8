"""A module that calls `sys.exit()`: it fails, and all others go on."""

import asyncio
import functools
import logging
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import qsdb
from qsdb.protocol import server_messages as s
from qsdb.protocol.client_messages import (
    CallProcedure,
    CallReducer,
    OneOffQuery,
    Subscribe,
)
from qsdb.server.authority import Authority
from qsdb.server.exits import EXITS, FAILURES, ExitedError, contained
from qsdb.server.hosts import Host
from qsdb.server.http.desk import Desk
from qsdb.server.subscribing import Subscribing
from tests.support.asgi_sockets import Doorkeeper, Socket, run
from tests.support.http_server import client_of

leaving = qsdb.Module("leaving")

CAUSES: dict[str, type[BaseException]] = {each.__name__: each for each in EXITS}
COMING, GOING = "token=comes", "token=goes"


class Note(qsdb.Row, module=leaving, public=True):
    id: qsdb.u32 = qsdb.primary_key()


def leave(cause: str) -> None:
    if cause:
        raise CAUSES[cause]


@leaving.client_connected
def come(ctx: qsdb.ReducerContext) -> None:
    if (ctx.auth.claims or {}).get("sub") == "comes":
        raise SystemExit(3)


@leaving.client_disconnected
def go(ctx: qsdb.ReducerContext) -> None:
    if (ctx.auth.claims or {}).get("sub") == "goes":
        raise SystemExit(3)


@leaving.view(public=True)
def gone(_: qsdb.ViewContext) -> list[Note]:
    raise SystemExit(3)


@leaving.reducer
def reduce(ctx: qsdb.ReducerContext, cause: str) -> None:
    ctx.db[Note].upsert(Note(1))
    leave(cause)


@leaving.procedure
def proceed(_: qsdb.ProcedureContext, cause: str) -> None:
    leave(cause)


@leaving.procedure
async def proceed_later(_: qsdb.ProcedureContext, cause: str) -> None:
    await asyncio.sleep(0)
    leave(cause)


@leaving.http("GET", "/answer")
def answer(_: qsdb.ProcedureContext, request: qsdb.HttpRequest) -> qsdb.HttpResponse:
    leave(request.query)
    return qsdb.HttpResponse("well")


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(leaving, scheduler="manual", procedure_threads=1) as db:
        yield db


def text(word: str) -> bytes:
    return len(word).to_bytes(4, "little") + word.encode()


def test_what_would_end_more_is_contained() -> None:
    assert contained(lambda: 7) == 7
    for cause in EXITS:
        with pytest.raises(ExitedError, match=f"it raised {cause.__name__}") as caught:
            contained(functools.partial(leave, cause.__name__))
        assert isinstance(caught.value.__cause__, cause)
    with pytest.raises(KeyError):
        contained(lambda: CAUSES["none"])
    with pytest.raises(KeyboardInterrupt):
        contained(interrupt)
    assert not issubclass(KeyboardInterrupt, FAILURES)


def interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("cause", CAUSES)
def test_a_call_that_exits_has_failed(db: qsdb.Database, cause: str) -> None:
    async def main() -> None:
        socket = Socket(Subscribing(Host({"chat": db}), Doorkeeper()))
        await socket.open()
        for word in (cause, ""):  # and after it the same thread serves on
            socket.say(CallReducer(1, 0, "reduce", text(word)))
            found = await socket.hear_until(s.ReducerResult)
            assert is_failure(found.outcome, "reduce", cause) is bool(word)
            for name in ("proceed", "proceed_later"):
                socket.say(CallProcedure(2, 0, name, text(word)))
                found = await socket.hear_until(s.ProcedureResult)
                assert is_failure(found.status, name, cause) is bool(word)
        await socket.leave()

    run(main)
    assert db.stats().tables["note"].rows == 1


def is_failure(outcome: object, name: str, cause: str) -> bool:
    if not isinstance(outcome, s.InternalFailure):
        return False
    assert outcome.message == (
        f"{name} failed with {cause}; the log of the server says more"
    )
    return True


@pytest.mark.parametrize("asks_once", [False, True])
def test_a_view_that_exits_ends_its_client_alone(
    db: qsdb.Database,
    caplog: pytest.LogCaptureFixture,
    asks_once: bool,  # noqa: FBT001  of two
) -> None:
    async def main() -> None:
        serve = Subscribing(Host({"chat": db}), Doorkeeper())
        socket, other = Socket(serve), Socket(serve)
        await socket.open()
        await other.open()
        view = "SELECT * FROM gone"
        socket.say(OneOffQuery(1, view) if asks_once else Subscribe(1, 1, (view,)))
        assert await socket.closed() == (1011, "the server failed; its log says more")
        other.say(CallReducer(1, 0, "reduce", text("")))
        await other.hear_until(s.ReducerResult)
        await other.leave()

    run(main)
    assert "it raised SystemExit" in caplog.text


@pytest.mark.parametrize("query", [COMING, GOING])
def test_lifecycle_functions_that_exit_end_nobody_else(
    db: qsdb.Database, caplog: pytest.LogCaptureFixture, query: str
) -> None:
    async def main() -> None:
        serve = Subscribing(Host({"chat": db}), Doorkeeper())
        socket = Socket(serve, query=query)
        socket.begin()
        if query == COMING:
            with pytest.raises(ExitedError):
                await socket.over()
        else:
            await socket.next()
            await socket.leave()
        other = Socket(serve)
        assert (await other.open())["type"] == "websocket.accept"
        await other.leave()

    run(main)
    assert db.stats().tables["note"].rows == 0
    assert len(db.sql("SELECT * FROM st_client")) == 0
    if query == GOING:
        assert "client_disconnected failed" in caplog.text


@contextmanager
def desk_of(db: qsdb.Database) -> Iterator[Desk]:
    with Desk(Host({"leaving": db}), Authority()) as desk:
        yield desk


@pytest.mark.parametrize("cause", CAUSES)
def test_over_http_what_exits_has_failed(
    db: qsdb.Database, caplog: pytest.LogCaptureFixture, cause: str
) -> None:
    caplog.set_level(logging.ERROR)
    with desk_of(db) as desk:
        client = client_of(desk)
        for name in ("reduce", "proceed", "proceed_later"):
            found = client.call(name, cause, database="leaving")
            assert (found.status, found.text) == (
                530,
                f"{name} failed with {cause}; the log of the server says more",
            )
            assert client.call(name, "", database="leaving").status == 200
        path = "/v1/database/leaving/route/answer"
        assert client.get(f"{path}?{cause}").status == 500
        assert client.get(path).text == "well"
        found = client.sql("SELECT * FROM gone", database="leaving")
        assert (found.status, found.text) == (
            500,
            "the server has failed; its log says more",
        )
        assert found.headers["access-control-allow-origin"] == "*"
    assert "it raised SystemExit" in caplog.text
