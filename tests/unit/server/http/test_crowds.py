"""Requests of one address that wants all, over HTTP; others are served."""

import asyncio
import threading
from collections.abc import Callable

from starlette.responses import PlainTextResponse, Response

from qsdb.server.doors import Door, DoorOptions
from qsdb.server.http.endpoints import Endpoint
from qsdb.testing import FakeClock
from tests.support.asgi import Answered, AsgiClient
from tests.support.http_server import bank_desk, client_of

ONE, OTHER = [("x-forwarded-for", "192.0.2.1")], [("x-forwarded-for", "192.0.2.2")]
SCHEMA = "/v1/database/bank/schema"


def door(**options: int) -> Door:
    behind_proxy = DoorOptions(proxies=("127.0.0.1",), **options)  # type: ignore[arg-type]  # of ints
    return Door(behind_proxy, clock=FakeClock())


def is_crowded(found: Answered, seconds: str) -> bool:
    assert found.headers["access-control-allow-origin"] == "*"
    return (found.status, found.headers.get("retry-after")) == (429, seconds)


def test_an_address_is_somebody_new_as_often_as_it_may() -> None:
    at = door(identities_each_max=4)
    with bank_desk(door=at) as desk:
        client = client_of(desk)
        assert client.ask("POST", "/v1/identity", headers=ONE).status == 200
        assert client.get(SCHEMA + "?version=9", ONE).status == 200
        assert client.get("/v1/database/nobody/schema", ONE).status == 404
        assert client.get("/v1/database/bank/logs", ONE).status == 403
        for method, path in (
            ("POST", "/v1/identity"),
            ("GET", SCHEMA),
            ("GET", "/v1/database/nobody/schema"),
            ("GET", "/v1/database/bank/logs"),
        ):
            found = client.ask(method, path, headers=ONE)
            assert is_crowded(found, "15"), (method, path, found)
            assert "spacetime-identity" not in found.headers
            assert found.text == (
                "this address has had 4 new identities and tokens that are not valid "
                "in a minute; try again later"
            )
        assert client.get("/v1/ping", ONE).status == 200  # that makes nobody
        made = client.ask("POST", "/v1/identity", headers=OTHER)
        assert made.status == 200
        assert len(at.identities) == 2


def test_an_address_may_show_so_many_tokens_that_are_none() -> None:
    with bank_desk(door=door(identities_each_max=2)) as desk:
        wrong, good = client_of(desk, "x"), client_of(desk).post("/v1/identity").json()
        right = client_of(desk, good["token"])
        for _ in range(3):
            found = right.ask("POST", "/v1/identity/websocket-token", headers=ONE)
            assert found.status == 200
        statuses = [
            wrong.ask("POST", "/v1/identity/websocket-token", headers=ONE).status
            for _ in range(3)
        ]
        assert statuses == [401, 401, 429]
        assert is_crowded(right.get(SCHEMA, ONE), "30")
        assert right.get(SCHEMA + "?version=9", OTHER).status == 200


def test_without_a_bound_by_address_an_operator_does_as_they_like() -> None:
    with bank_desk(door=Door(DoorOptions(identities_each_max=1))) as desk:
        client = client_of(desk)  # from this machine, by a proxy that nobody named
        found = [client.ask("POST", "/v1/identity", headers=ONE) for _ in range(5)]
        assert [each.status for each in found] == [200] * 5


def waiting(gate: threading.Event) -> Callable[..., object]:
    async def answer(*_: object) -> Response:
        await asyncio.get_running_loop().run_in_executor(None, gate.wait, 30)
        return PlainTextResponse("done")

    return answer


def test_an_address_has_so_many_requests_in_work() -> None:
    gate = threading.Event()
    with bank_desk(door=door(requests_each_max=2)) as desk:
        client = AsgiClient(Endpoint(desk, "/slow", {"GET": waiting(gate)}))  # type: ignore[dict-item]  # it takes all

        async def ask(headers: list[tuple[str, str]]) -> Answered:
            empty = [{"type": "http.request", "body": b"", "more_body": False}]
            return await client.exchange("GET", "/slow", [*empty], headers)

        async def main() -> list[Answered]:
            async with asyncio.timeout(30):
                first = [asyncio.ensure_future(ask(ONE)) for _ in range(2)]
                await asyncio.sleep(0)
                third = await ask(ONE)
                assert is_crowded(third, "5")
                assert third.text == (
                    "this address has 2 requests in work, and no more are allowed "
                    "at once"
                )
                other = asyncio.ensure_future(ask(OTHER))
                await asyncio.sleep(0)
                gate.set()
                return [*await asyncio.gather(*first, other), await ask(ONE)]

        assert [each.text for each in asyncio.run(main())] == ["done"] * 4
        assert len(desk.door.requests) == 0
        assert (
            b'qsdb_http_requests_total{method="GET",route="/slow",status="429"} 1.0'
            in (desk.metrics.text())
        )
