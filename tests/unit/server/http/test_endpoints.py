"""Every address: methods, who asks, browsers, and what goes wrong at all of them."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Iterator

import pytest
from starlette.applications import Starlette
from starlette.responses import Response

from qsdb.errors import ClosedError
from qsdb.server.http.desk import Desk
from qsdb.server.http.endpoints import Endpoint
from qsdb.server.http.refusals import Refusal
from qsdb.server.options import HttpOptions
from tests.support.asgi import AsgiClient
from tests.support.http_server import bank_desk, client_of, database_of

BANK = "/v1/database/bank"
JSON = ("content-type", "application/json")


def test_pages_from_anywhere_may_ask() -> None:
    asked = [("access-control-request-method", "POST"), ("origin", "https://a.example")]
    with bank_desk() as desk:
        client = client_of(desk)
        paths = ("/v1/ping", f"{BANK}/sql", f"{BANK}/route/hook", "/v1/nothing")
        for path in paths:
            found = client.ask("OPTIONS", path, headers=asked)
            assert found.status == 200
            assert found.headers["access-control-allow-origin"] == "*"
            assert found.headers["access-control-allow-methods"] == "*"
            allowed = found.headers["access-control-allow-headers"]
            assert allowed == "authorization, accept, content-type"
        for answered in (client.get("/v1/ping"), client.get("/v1/nothing")):
            assert answered.headers["access-control-allow-origin"] == "*"
            told = answered.headers["access-control-expose-headers"]
            assert told == "spacetime-identity, spacetime-identity-token"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/v1/ping", "GET, HEAD"),
        ("OPTIONS", "/v1/ping", "GET, HEAD"),
        ("GET", f"{BANK}/call/rename", "POST"),
        ("FETCH", f"{BANK}", "GET, PUT, DELETE, HEAD"),
    ],
)
def test_other_methods_are_refused(method: str, path: str, allowed: str) -> None:
    with bank_desk() as desk:
        found = client_of(desk).ask(method, path)

        assert (found.status, found.headers["allow"]) == (405, allowed)
        assert found.text == f"there is no {method} here"
        assert method != "FETCH" or b'method="other"' in desk.metrics.text()


def test_head_is_answered_where_get_is() -> None:
    with bank_desk() as desk:
        assert client_of(desk).ask("HEAD", "/v1/health").status == 200


@pytest.mark.parametrize(
    "path", ["/v1/", "/v1/database/bank/", "/v1/database", "/v1/identity/a/b/c"]
)
def test_what_is_nowhere_is_not_found(path: str) -> None:
    with bank_desk() as desk:
        found = client_of(desk).get(path)

    assert found.status in (404, 405)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("shop", "`shop` not found"),
        ("Bank", "`Bank` not found"),
        ("..", "`..` not found"),
        ("bank%00", "`bank?` not found"),
        ("%22%3Cscript%3E", '`"<script>` not found'),
        ("%ed%a0%80", "`\ufffd\ufffd\ufffd` not found"),
        ("a" * 500, f"`{'a' * 128}` not found"),
        ("ab" * 32, "No such database."),
    ],
)
def test_an_unknown_database_is_not_found(name: str, text: str) -> None:
    with bank_desk() as desk:
        client = client_of(desk)
        for path in ("", "/identity", "/schema?version=10", "/route/hook", "/logs"):
            found = client.get(f"/v1/database/{name}{path}")
            assert (found.status, found.text) == (404, text)
        assert client.post(f"/v1/database/{name}/sql", "SELECT 1").status == 404


def test_a_database_has_its_identity_for_a_name_too() -> None:
    with bank_desk() as desk:
        identity = database_of(desk).identity.to_hex()
        found = client_of(desk).get(f"/v1/database/{identity.upper()}/identity")

    assert found.text == identity


def test_who_asks_is_told_who_they_are() -> None:
    with bank_desk() as desk:
        client = client_of(desk)
        first, second = client.get(f"{BANK}/names"), client.get("/v1/database/x/names")
        token = first.headers["spacetime-identity-token"]
        again = client_of(desk, token).get(f"{BANK}/identity")
        in_address = client.get(f"{BANK}/identity?token={token}")

    assert second.status == 404
    assert first.headers["spacetime-identity"] != second.headers["spacetime-identity"]
    for each in (again, in_address):
        assert each.headers["spacetime-identity"] == first.headers["spacetime-identity"]
        assert each.headers["spacetime-identity-token"] == token


@pytest.mark.parametrize("path", [f"{BANK}/names", f"{BANK}/nothing", BANK])
def test_answers_that_make_somebody_new_are_kept_by_no_cache(path: str) -> None:
    with bank_desk() as desk:
        found = client_of(desk).get(path)

    is_told = "spacetime-identity-token" in found.headers
    assert (found.headers.get("cache-control") == "no-store") == is_told


def test_a_token_that_does_not_count_is_refused_everywhere() -> None:
    with bank_desk() as desk:
        client = client_of(desk, "a.b.c")
        paths = (BANK, "/v1/database/x", f"{BANK}/logs", "/v1/metrics")
        for path in paths:
            found = client.get(path)
            assert (found.status, found.text) == (401, "this is no token")
            assert found.headers["www-authenticate"] == "Bearer"
            assert "spacetime-identity" not in found.headers
        assert client.call("rename", 1).status == 401
        odd = client_of(desk).get(BANK, [("authorization", "Basic eA==")])
        assert (odd.status, "Bearer TOKEN" in odd.text) == (400, True)


def test_a_closed_database_is_told() -> None:
    with bank_desk() as desk:
        client = client_of(desk)
        database_of(desk).close()
        for found in (
            client.sql("SELECT * FROM branch"),
            client.call("rename", 1),
            client.get(f"{BANK}/route/hook"),
        ):
            assert (found.status, found.text) == (503, "the database is closed")
        assert client.get("/v1/ping").status == 200


def test_a_server_that_fails_says_so_and_no_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def fail(_: object, __: object) -> Response:
        raise KeyError("secret")

    with bank_desk() as desk:
        endpoint = Endpoint(desk, "/fail", {"GET": fail})
        found = AsgiClient(endpoint).get("/fail")

    assert found.text == "the server has failed; its log says more"
    assert (found.status, found.headers["access-control-allow-origin"]) == (500, "*")
    assert "GET /fail failed" in caplog.messages
    assert caplog.records[0].exc_info is not None


def test_what_cannot_be_sent_is_replaced() -> None:
    assert Refusal(400, "a\ud800").response().body == b"a?"
    assert str(Refusal(400, "why")) == "why"


# Bodies.


@pytest.mark.parametrize("length", ["101", "9" * 30])
def test_a_body_that_is_too_long_is_refused_before_it_comes(length: str) -> None:
    with bank_desk(HttpOptions(body_bytes_max=100, sql_bytes_max=100)) as desk:
        headers = [("content-length", length), JSON]
        for path in ("call/rename", "sql", "route/hook"):
            found = client_of(desk).post(f"{BANK}/{path}", b"", headers)
            text = "the body is too long; at most 100 bytes are read"
            assert (found.status, found.text) == (413, text)


def test_a_body_is_counted_as_it_comes() -> None:
    with bank_desk(HttpOptions(sql_bytes_max=50)) as desk:
        client = client_of(desk)
        parts = [b"SELECT * ", b"FROM branch", b" " * 30]
        assert client.ask("POST", f"{BANK}/sql", parts).status == 200
        assert client.ask("POST", f"{BANK}/sql", [*parts, b" "]).status == 413


def test_a_body_that_does_not_come_is_given_up() -> None:
    with bank_desk(HttpOptions(body_seconds=0.01)) as desk:
        client = client_of(desk)
        found = asyncio.run(client.exchange("POST", f"{BANK}/sql", []))

    assert (found.status, found.text) == (408, "the body does not come")


def test_bodies_of_all_requests_together_are_bounded() -> None:
    text = b"SELECT * FROM branch"
    part = {"type": "http.request", "body": text, "more_body": True}
    whole = {"type": "http.request", "body": text}

    async def ask(desk: Desk) -> list[int]:
        client = client_of(desk)
        half = asyncio.create_task(client.exchange("POST", f"{BANK}/sql", [part]))
        while not desk.bodies._kept:
            await asyncio.sleep(0)
        found = [await client.exchange("POST", f"{BANK}/sql", [whole])]
        found.append(await half)
        found.append(await client.exchange("POST", f"{BANK}/sql", [whole]))
        assert desk.bodies._kept == 0
        assert ("retry-after", "1") in found[0].headers.items()
        return [each.status for each in found]

    bound = HttpOptions(bodies_bytes_max=2 * len(text) - 1, body_seconds=0.1)
    with bank_desk(bound) as desk:
        assert asyncio.run(ask(desk)) == [503, 408, 200]


def test_nobody_answers_to_who_has_gone() -> None:
    with bank_desk() as desk:
        client = client_of(desk)
        gone = [{"type": "http.disconnect"}]
        found = asyncio.run(client.exchange("POST", f"{BANK}/sql", [*gone]))
        assert found.status == 0
        found = asyncio.run(client.exchange("POST", f"{BANK}/route/hook", [*gone]))
        assert found.status == 0


def test_too_many_at_once_are_put_off() -> None:
    go_on, is_there = threading.Event(), threading.Event()

    def wait() -> None:
        is_there.set()
        assert go_on.wait(10)

    async def ask(desk: Desk) -> None:
        [served] = desk.host
        waiting = [asyncio.create_task(desk.run(served, wait)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(Refusal) as caught:
            await desk.run(served, wait)
        assert caught.value.status == 503
        assert caught.value.headers == {"retry-after": "1"}
        await asyncio.to_thread(is_there.wait, 10)
        go_on.set()
        await asyncio.gather(*waiting)
        await desk.run(served, wait)

    with bank_desk(HttpOptions(running_max=2)) as desk:
        asyncio.run(ask(desk))


@contextlib.contextmanager
def busy_procedures(desk: Desk) -> Iterator[None]:
    """Have all threads for procedures wait."""
    [served] = desk.host
    pool, go_on = served.access.procedures.pool, threading.Event()
    for _ in range(pool.threads_max):
        pool.submit(go_on.wait, 30)
    try:
        yield
    finally:
        go_on.set()


def test_procedures_that_wait_hold_up_no_other_requests() -> None:
    with bank_desk() as desk, busy_procedures(desk):
        client = client_of(desk)
        asked = client.post(f"{BANK}/sql", "SELECT * FROM branch")
        called = client.call("rename", 1, "south")
        figures = client.get("/v1/metrics")

    assert [each.status for each in (asked, called, figures)] == [200, 200, 200]


def test_who_waits_for_a_procedure_when_the_database_is_closed_is_told() -> None:
    async def ask(desk: Desk) -> None:
        [served] = desk.host
        asked = asyncio.create_task(desk.run(served, lambda: 7, may_wait=True))
        gone = asyncio.create_task(desk.run(served, lambda: 8, may_wait=True))
        await asyncio.sleep(0)
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        await asyncio.to_thread(served.database.close)
        with pytest.raises(ClosedError, match="the database is closed"):
            await asked

    with bank_desk() as desk, busy_procedures(desk):
        asyncio.run(ask(desk))


def test_who_waits_when_the_server_goes_down_is_told() -> None:
    async def ask(desk: Desk) -> None:
        [served] = desk.host
        asked = asyncio.create_task(desk.run(served, lambda: 7, may_wait=True))
        await asyncio.sleep(0)
        desk.give_up()
        with pytest.raises(Refusal, match="the server goes down") as caught:
            await asked
        assert caught.value.status == 503
        assert desk._awaited == set()
        desk.open()
        assert await desk.run(served, lambda: 8) == 8

    with bank_desk() as desk, busy_procedures(desk):
        asyncio.run(ask(desk))


def test_the_routes_can_be_mounted_elsewhere() -> None:
    with bank_desk() as desk:
        outer = Starlette()
        outer.mount("/db", client_of(desk)._application)
        found = AsgiClient(outer).get("/db/v1/database/bank/names")
        targets = AsgiClient(outer).get("/db/v1/prometheus/sd_config").json()

    assert found.json() == {"names": ["bank"]}
    assert targets == [
        {
            "targets": ["localhost:3000"],
            "labels": {"__metrics_path__": "/db/v1/metrics"},
        }
    ]


def test_opening_and_closing_a_desk_twice_is_no_error() -> None:
    logger = logging.getLogger("qsdb.bank")
    before = (logger.level, [*logger.handlers])
    with bank_desk() as desk:
        desk.open()
        assert logger.handlers == [
            *before[1],
            desk.logs.ring("bank", database_of(desk).identity),
        ]
        desk.close()
        desk.close()
        assert (logger.level, logger.handlers) == before
