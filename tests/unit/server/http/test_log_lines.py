"""The log, for the owner."""

import asyncio
import json
import logging
from collections.abc import Coroutine
from typing import Any

import pytest
from starlette.types import Message

import qsdb
from qsdb.server.authority import Authority
from qsdb.server.hosts import Host
from qsdb.server.http.desk import Desk
from qsdb.server.log_rings import LogRing
from qsdb.server.options import HttpOptions
from tests.support.asgi import AsgiClient
from tests.support.http_server import bank_desk, client_of, database_of, owner_of

PATH = "/v1/database/bank/logs"
LOGGER = logging.getLogger("qsdb.bank.rename")


def ring_of(desk: Desk) -> LogRing:
    return desk.logs.ring("bank", database_of(desk).identity)


def lines_of(data: bytes) -> list[Any]:
    return [json.loads(each) for each in data.splitlines()]


def test_the_owner_reads_the_last_lines() -> None:
    with bank_desk() as desk:
        owner = owner_of(desk)
        for name in ("a", "b", "c"):
            owner.call("rename", 1, name)

        found = owner.get(f"{PATH}?num_lines=2")
        assert found.headers["content-type"] == "application/x-ndjson"
        said = [each["message"] for each in lines_of(found.body)]
        assert said == ["renamed to b", "renamed to c"]
        assert len(lines_of(owner.get(PATH).body)) == 3
        assert owner.get(f"{PATH}?num_lines=0").body == b""
        assert len(lines_of(owner.get(f"{PATH}?num_lines={'9' * 99}").body)) == 3


def test_nobody_else_reads_it() -> None:
    with bank_desk() as desk:
        found = client_of(desk).get(PATH)

    told = "only the owner of the database may do this"
    assert (found.status, found.text) == (403, told)


def test_a_module_that_was_published_under_another_name_has_its_own_log() -> None:
    before, after = qsdb.Module("before_it"), qsdb.Module("after_it")

    @after.reducer
    def say(ctx: qsdb.ReducerContext) -> None:
        ctx.log.info("said")

    with qsdb.Database(before) as db, Desk(Host({"m": db}), Authority()) as desk:
        owner = client_of(desk, desk.authority.owner_token(db.owner))
        db.publish(after)
        assert owner.get("/v1/database/m/logs").body == b""
        assert owner.call("say", database="m").status == 200
        [line] = lines_of(owner.get("/v1/database/m/logs").body)
        assert line["message"] == "said"


@pytest.mark.parametrize("query", ["num_lines=-1", "num_lines=a", "num_lines=²"])
def test_a_number_of_lines_is_a_number(query: str) -> None:
    with bank_desk() as desk:
        found = owner_of(desk).get(f"{PATH}?{query}")

    assert (found.status, found.text) == (400, "num_lines is a number of lines")


class Reader:
    """Somebody who follows the log."""

    def __init__(self, client: AsgiClient, query: str = "follow=true") -> None:
        self.sent: asyncio.Queue[Message] = asyncio.Queue()
        self.gone = asyncio.Event()
        self.is_asked = False
        scope = client.scope("GET", f"{PATH}?{query}")
        application = client._application
        running: Coroutine[Any, Any, None] = application(
            scope, self._receive, self.sent.put
        )  # type: ignore[assignment]
        self.task = asyncio.create_task(running)

    async def _receive(self) -> Message:
        if not self.is_asked:
            self.is_asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def next(self) -> Message:
        return await asyncio.wait_for(self.sent.get(), 10)

    async def lines(self) -> list[str]:
        message = await self.next()
        assert message["more_body"] is True
        return [each["message"] for each in lines_of(message["body"])]


def follow(desk: Desk, story: Any) -> None:
    asyncio.run(asyncio.wait_for(story(owner_of(desk), ring_of(desk)), 30))


def test_who_follows_is_told_of_each_line() -> None:
    async def story(owner: AsgiClient, ring: Any) -> None:
        LOGGER.info("before")
        LOGGER.info("last")
        reader = Reader(owner, "follow=true&num_lines=1")
        assert (await reader.next())["status"] == 200
        assert await reader.lines() == ["last"]
        LOGGER.info("one")
        assert await reader.lines() == ["one"]
        await asyncio.to_thread(LOGGER.warning, "from a thread")
        assert await reader.lines() == ["from a thread"]
        reader.gone.set()
        await reader.task
        assert (ring.followers, reader.sent.qsize()) == ({}, 0)

    with bank_desk() as desk:
        follow(desk, story)


def test_who_is_slow_is_told_how_many_lines_have_gone() -> None:
    async def story(owner: AsgiClient, _: Any) -> None:
        reader = Reader(owner)
        await reader.next()
        await asyncio.sleep(0)
        for number in range(5):
            LOGGER.info("line %d", number)
        assert await reader.lines() == ["2 lines have gone before they could be sent"]
        assert await reader.lines() == ["line 2", "line 3", "line 4"]
        reader.gone.set()
        await reader.task

    with bank_desk(HttpOptions(log_records_max=3)) as desk:
        follow(desk, story)


def test_the_end_of_the_server_ends_it() -> None:
    async def story(owner: AsgiClient, ring: Any) -> None:
        reader = Reader(owner)
        await reader.next()
        await asyncio.sleep(0)
        LOGGER.info("last")
        ring.end()
        assert await reader.lines() == ["last"]
        assert "more_body" not in await reader.next()
        await reader.task

    with bank_desk() as desk:
        follow(desk, story)


def test_few_may_follow_at_once() -> None:
    async def story(owner: AsgiClient, ring: Any) -> None:
        first = Reader(owner)
        await first.next()
        found = await owner.exchange("GET", f"{PATH}?follow=true", [])
        said = "too many follow this log already; try again"
        assert (found.status, found.text) == (503, said)
        assert found.headers["retry-after"] == "5"
        first.task.cancel()
        await asyncio.gather(first.task, return_exceptions=True)
        assert ring.followers == {}

    with bank_desk(HttpOptions(followers_max=1)) as desk:
        follow(desk, story)


def test_who_has_gone_before_the_first_line_is_let_go() -> None:
    async def story(owner: AsgiClient, ring: Any) -> None:
        reader = Reader(owner)
        reader.gone.set()
        await reader.task
        assert ring.followers == {}

    with bank_desk() as desk:
        follow(desk, story)


def test_a_loop_that_has_ended_is_not_woken() -> None:
    with bank_desk() as desk:
        ring = ring_of(desk)
        kept: list[Any] = []

        async def story(owner: AsgiClient) -> None:
            reader = Reader(owner)
            await reader.next()
            await asyncio.sleep(0)
            kept.extend(ring.followers)
            reader.gone.set()
            await reader.task

        asyncio.run(story(owner_of(desk)))
        [wake] = kept
        wake()  # as another thread may do at that moment
