"""Connections in an event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import qsdb.client
from qsdb.client import AsyncConnection, UnansweredError
from qsdb.errors import ArgumentError, ClosedError, QueryError
from qsdb.protocol.server_messages import OneOffQueryResult
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
from tests.unit.client.talk import User, encoder, hall


def run(script: Script, work: Callable[[AsyncConnection], Awaitable[Any]]) -> Any:
    """Connect, do some work, and give what it gave."""

    async def begin(url: str) -> Any:
        async with await qsdb.client.connect_async(url, "hall", module=hall) as conn:
            return await work(conn)

    with ScriptedServer(script) as server:
        return asyncio.run(begin(server.url))


def test_methods_are_awaited() -> None:
    async def script(peer: Peer) -> None:
        asked = await serve_users(peer)
        call = await peer.receive()
        await peer.send(seven(call, (asked.query_set_id, USERS, [BOB], [])))
        query = await peer.receive()
        part = encoder(USERS).rows([ANN])
        await peer.send(OneOffQueryResult(query.request_id, (part,)))
        await peer.receive()

    async def work(conn: AsyncConnection) -> None:
        told: list[str] = []
        async with await conn.subscribe(USERS) as sub:
            conn.db[User].on_insert(lambda _, row: told.append(row.name))
            assert await conn.reducers.rename(1) == 7
            assert [each.name for each in sub.rows] == ["ann", "bob"]
            assert [*await conn.sql(USERS)] == [User(1, "ann")]
        assert [*conn.db.user] == []
        assert told == ["bob"]
        assert repr(sub) == "<AsyncSubscription ended, 1 queries>"
        assert repr(conn).startswith("<AsyncConnection online of ")

    run(script, work)


def test_many_calls_may_be_under_way() -> None:
    async def work(conn: AsyncConnection) -> list[Any]:
        return await asyncio.gather(*[conn.call("rename", n) for n in range(50)])

    assert run(answer_calls, work) == [7] * 50


def test_what_is_wrong_is_raised() -> None:
    async def work(conn: AsyncConnection) -> None:
        with pytest.raises(QueryError):
            await conn.subscribe("SELECT * FROM nothing")
        with pytest.raises(ArgumentError):
            await conn.subscribe(USERS, on_error=7)  # type: ignore[arg-type]
        with pytest.raises(ArgumentError):
            await conn.reducers.rename("x")

    run(greet, work)


def test_a_call_that_is_cancelled_leaves_the_connection_as_it_was() -> None:
    async def script(peer: Peer) -> None:
        await peer.greet()
        first = await peer.receive()
        second = await peer.receive()
        await peer.send(seven(first), seven(second))
        await peer.until_gone()

    async def work(conn: AsyncConnection) -> Any:
        task = asyncio.create_task(conn.call("rename", 1))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await conn.call("rename", 2)

    assert run(script, work) == 7


def test_closing_tells_those_who_wait_and_can_be_done_twice() -> None:
    async def work(conn: AsyncConnection) -> None:
        task = asyncio.create_task(conn.call("rename", 1))
        await asyncio.sleep(0)
        await asyncio.gather(conn.close(), conn.close())
        await conn.close()
        with pytest.raises(UnansweredError):
            await task
        with pytest.raises(ClosedError):
            await conn.subscribe(USERS)

    run(greet, work)


def test_a_callback_may_have_tasks_made() -> None:
    async def script(peer: Peer) -> None:
        await serve_users(peer)
        await peer.send(seven(await peer.receive()))
        await peer.until_gone()

    async def work(conn: AsyncConnection) -> Any:
        tasks: list[asyncio.Task[Any]] = []

        def on_applied(_: object) -> None:
            tasks.append(asyncio.create_task(conn.call("rename", 1)))

        await conn.subscribe(USERS, on_applied=on_applied)
        return await tasks[0]

    assert run(script, work) == 7
