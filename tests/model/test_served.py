"""Rows that need a server: 33, 97, 113, 124, 125, 165, 166, 171, 180, 192 and 194.

Requests of HTTP are calls of the application, without a network; clients connect to a
server that runs in a thread.
"""

import asyncio
import contextlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from starlette.applications import Starlette

import qsdb
import qsdb.client
from qsdb import (
    HttpRequest,
    HttpResponse,
    Identity,
    ProcedureContext,
    ReducerContext,
    Row,
    u32,
)
from qsdb.client import NotConnectedError, RemoteError, UnansweredError
from qsdb.server.app import service_of
from qsdb.server.authority import Authority, Trust
from qsdb.server.hosts import Host
from qsdb.server.http.desk import Desk
from qsdb.server.http.routes import http_routes
from qsdb.server.serving import in_background
from qsdb.testing import database
from tests.support.asgi import AsgiClient
from tests.support.cutting_proxy import CuttingProxy
from tests.support.issuing import (
    ADDRESS,
    EC,
    Provider,
    claims,
    clock,
    ec_key,
    es256,
    rs256,
    rsa_key,
)

SECONDS = 30
"""Whoever waits so long waits for what does not come."""

module = qsdb.Module("shop")


class Bill(Row, module=module, public=True):
    number: u32 = qsdb.primary_key()
    paid: bool = False


class Guest(Row, module=module):
    who: Identity
    audience: str = ""


@module.client_connected
def come(ctx: ReducerContext) -> None:
    assert ctx.auth.claims is not None
    audience = ctx.auth.claims.get("aud")
    ctx.db[Guest].insert(Guest(ctx.sender, repr(audience)))
    if audience == "another shop":
        raise qsdb.ReducerError("not for us")


@module.client_disconnected
def go(ctx: ReducerContext) -> None:
    ctx.db[Guest].insert(Guest(ctx.sender, "gone"))


@module.reducer
def put(ctx: ReducerContext, number: u32, paid: bool = False) -> u32:  # noqa: FBT001, FBT002
    if number == 0:
        raise ZeroDivisionError("a secret of the module")
    ctx.db[Bill].upsert(Bill(number, paid))
    return number


@module.procedure
def who(ctx: ProcedureContext) -> Identity:
    return ctx.sender


@module.http("POST", "/paid")
def paid(ctx: ProcedureContext, request: HttpRequest) -> HttpResponse:
    if request.headers.get("x-secret") != "tea":
        return HttpResponse("who are you?", status=403)
    with ctx.transaction() as tx:
        tx[Bill].upsert(Bill(request.json()["bill"], paid=True))
    caller = [ctx.sender == Identity.ZERO, ctx.connection_id, ctx.auth.claims]
    told = [*caller, request.method, request.path, request.parameters]
    return HttpResponse(json.dumps(told), status=201, headers={"X-Shop": "ours"})


@module.http("ANY", "/slash/")
async def slash(_: ProcedureContext, request: HttpRequest) -> HttpResponse:
    if request.method == "PUT":
        raise LookupError("a secret of the handler")
    return HttpResponse(request.method)


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with database(module) as opened:
        yield opened


@pytest.fixture
def web(db: qsdb.Database) -> Iterator[AsgiClient]:
    """Give a client of an application that serves the database."""
    service = service_of({"shop": db})
    yield AsgiClient(service.app)
    service.desk.close()  # or loggers would stay as it has set them


ROUTE = "/v1/database/shop/route"


def guests(db: qsdb.Database) -> list[Guest]:
    return [*db.sql("SELECT * FROM guest")]


def test_row_033_a_server_gives_the_schema_as_data(web: AsgiClient) -> None:
    older = web.get("/v1/database/shop/schema?version=9").json()
    newer = web.get("/v1/database/shop/schema?version=10").json()

    names = [each["name"] for each in older["tables"]]
    assert names == ["bill"]  # what is private is the owner's business
    [functions] = [each["Reducers"] for each in newer["sections"] if "Reducers" in each]
    assert "put" in [each["source_name"] for each in functions]


def test_row_113_a_call_by_http_is_a_client_for_its_length(
    db: qsdb.Database, web: AsgiClient
) -> None:
    asked = web.call("who", database="shop")

    [first, last] = guests(db)
    assert f"{first.who.to_hex()}" in asked.text
    assert (first.who, last.audience) == (last.who, "gone")
    assert not db.sql("SELECT * FROM st_client")


def test_row_124_a_module_has_routes_of_exact_paths(
    db: qsdb.Database, web: AsgiClient
) -> None:
    for method in ("GET", "DELETE", "BREW"):
        found = web.ask(method, f"{ROUTE}/slash/")
        assert (found.status, found.text) == (200, method)
    for path in ("/slash", "/slash//", "/Slash/", "/paid/", "/", "/other"):
        assert web.post(f"{ROUTE}{path}").status == 404
    assert web.get(f"{ROUTE}/paid").status == 405
    assert guests(db) == []


@pytest.mark.parametrize(
    ("method", "path", "said"),
    [
        ("GET", "/a", "answer answers GET '/a' already"),
        ("ANY", "/a", "answer answers ANY '/a' already"),
        ("GET", "b", "http GET 'b': a path is"),
        ("GET", "/{name}", "a path is"),
    ],
)
def test_row_124_routes_that_cannot_be_are_mistakes_of_the_schema(
    method: str, path: str, said: str
) -> None:
    wrong = qsdb.Module("wrong")

    @wrong.http("GET", "/a")
    @wrong.http(method, path)
    def answer(_: ProcedureContext, __: HttpRequest) -> HttpResponse:
        return HttpResponse()

    with pytest.raises(qsdb.SchemaError, match=said):
        qsdb.Database(wrong)


def test_row_125_a_handler_is_given_the_request_and_opens_transactions(
    db: qsdb.Database, web: AsgiClient, caplog: pytest.LogCaptureFixture
) -> None:
    path, body = f"{ROUTE}/paid?a=1&b=%20", b'{"bill": 7}'
    refused = web.post(path, body, [("authorization", "Bearer rubbish")])
    assert (refused.status, refused.text) == (403, "who are you?")
    assert not db.sql("SELECT * FROM bill")

    done = web.post(path, body, [("X-Secret", "tea")])

    assert (done.status, done.headers["x-shop"]) == (201, "ours")
    assert done.json() == [True, None, None, "POST", "/paid", {"a": "1", "b": " "}]
    assert db.sql("SELECT * FROM bill").rows == [Bill(7, paid=True)]
    assert guests(db) == []  # nobody has connected

    failed = web.ask("PUT", f"{ROUTE}/slash/")
    assert failed.status == 500
    assert "secret" not in failed.text
    assert "a secret of the handler" in caplog.text


@contextlib.contextmanager
def trusting(db: qsdb.Database, trust: Trust) -> Iterator[AsgiClient]:
    """Give a client of a server that trusts others, whose documents are at hand."""
    provider = Provider(rsa_key("r1"), ec_key("e1"))
    authority = Authority(None, trust, clock=clock(), fetch=provider.fetch)
    with Desk(Host({"shop": db}), authority) as desk:
        yield AsgiClient(Starlette(routes=http_routes(desk)))


def ask_who(web: AsgiClient, token: str) -> tuple[int, str]:
    """Show a token, and give the status and the text of the answer."""
    kind = ("content-type", "application/json")
    headers = [("authorization", f"Bearer {token}"), kind]
    found = web.post("/v1/database/shop/call/who", b"[]", headers)
    return found.status, found.text


SITE, SECRET = "https://site.example", b"s" * 32


def test_row_165_a_server_verifies_its_own_tokens_and_those_of_others(
    db: qsdb.Database,
) -> None:
    trust = Trust(secrets={SITE: SECRET}, issuers=(ADDRESS,))
    with trusting(db, trust) as web:
        minted = web.post("/v1/identity").json()
        assert jwt.get_unverified_header(minted["token"])["alg"] == "ES256"
        by_site = jwt.encode(claims(iss=SITE), SECRET, "HS256")
        for token, identity in (
            (minted["token"], minted["identity"]),
            (rs256(claims()), Identity.from_claims(ADDRESS, "alice").to_hex()),
            (es256(claims()), Identity.from_claims(ADDRESS, "alice").to_hex()),
            (by_site, Identity.from_claims(SITE, "alice").to_hex()),
        ):
            status, text = ask_who(web, token)
            assert status == 200
            assert identity in text
        head, said, _ = rs256(claims()).split(".")
        for refused in (
            "rubbish",
            f"{head}.{said}.",
            rs256(claims(exp=1)),  # it has ended
            rs256(claims(), "r2"),  # nobody's key
            rs256(claims(iss="https://evil.example")),
            jwt.encode(claims(iss=SITE), b"t" * 32, "HS256"),
            jwt.encode(claims(), SECRET, "HS256"),  # of the site alone
            jwt.encode(claims(iss="qsdb"), EC, "ES256"),
            jwt.encode(claims(iss=SITE), "", "none"),
        ):
            assert ask_who(web, refused)[0] == 401


def test_row_166_a_server_may_take_tokens_for_its_audience_alone(
    db: qsdb.Database,
) -> None:
    trust = Trust(issuers=(ADDRESS,), audiences=("shop", "store"))
    with trusting(db, trust) as web:
        for audience in ("shop", ["x", "store"]):
            assert ask_who(web, rs256(claims(aud=audience)))[0] == 200
        for other in (claims(), claims(aud="x"), claims(aud=["x"]), claims(aud=7)):
            status, text = ask_who(web, rs256(other))
            assert (status, "another audience" in text) == (401, True)

    with trusting(db, Trust(issuers=(ADDRESS,))) as web:  # then the module looks
        assert ask_who(web, rs256(claims(aud="x")))[0] == 200
        status, text = ask_who(web, rs256(claims(aud="another shop")))
        assert (status, "not for us" in text) == (403, True)


def test_row_171_a_server_has_metrics_for_prometheus(
    db: qsdb.Database, web: AsgiClient
) -> None:
    db.call(put, 1)
    lines = web.get("/v1/metrics").text.splitlines()

    labels = 'database="shop",function="put"'
    assert f"qsdb_function_calls_total{{{labels}}} 1.0" in lines
    assert 'qsdb_table_rows{database="shop",table="bill"} 1.0' in lines


# Over the network.


@pytest.fixture
def server(db: qsdb.Database) -> Iterator[str]:
    """Give the address of a server of the database."""
    with in_background({"shop": db}) as address:
        yield address


def connect(address: str, **options: Any) -> qsdb.client.Connection:
    return qsdb.client.connect(address, "shop", module=module, **options)


ALL = "SELECT * FROM bill"


def test_row_097_who_is_far_away_is_told_the_kind_of_an_exception_alone(
    server: str, caplog: pytest.LogCaptureFixture
) -> None:
    with connect(server) as conn, pytest.raises(RemoteError) as caught:
        conn.reducers.put(0)

    assert "put failed with ZeroDivisionError" in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "a secret of the module" in caplog.text


def test_row_180_a_connection_over_the_network_is_as_one_in_process(
    db: qsdb.Database, server: str
) -> None:
    with connect(server) as conn:
        token, identity = conn.token, conn.identity
        assert identity != db.owner
        conn.subscribe(ALL)
        conn.reducers.put(7)
        assert list(conn.db[Bill]) == [Bill(7)]
        assert conn.sql("SELECT number FROM bill").rows == [(7,)]
        assert conn.procedures.who() == identity
        known = conn.db
    assert list(known[Bill]) == [Bill(7)]  # it can still be read
    with pytest.raises(qsdb.ClosedError):
        conn.reducers.put(8)
    with connect(server, token=token) as again:
        assert again.identity == identity


def test_row_192_a_calls_result_comes_after_its_effects_over_the_network(
    server: str,
) -> None:
    with connect(server) as conn:
        conn.subscribe(ALL)
        assert conn.db[Bill].get(conn.reducers.put(7)) == Bill(7)

    async def talk() -> None:
        async with await qsdb.client.connect_async(
            server, "shop", module=module
        ) as other:
            await other.subscribe(ALL)
            seen: list[tuple[u32, bool]] = []

            async def put_one(number: u32) -> None:
                made = await other.reducers.put(number)
                seen.append((made, other.db[Bill].get(made) == Bill(number)))

            await asyncio.gather(*map(put_one, range(1, 20)))
            assert seen == [(number, True) for number in range(1, 20)]
            with pytest.raises(RemoteError):
                await other.reducers.put(0)

    asyncio.run(talk())


def test_row_194_a_connection_that_breaks_is_made_again(
    db: qsdb.Database, server: str
) -> None:
    back, lost, may_connect = (threading.Event() for _ in range(3))
    heard: list[tuple[str, Bill]] = []

    async def wait(_: float) -> None:
        await asyncio.to_thread(may_connect.wait, SECONDS)

    port = urlsplit(server).port
    assert port is not None
    with (
        CuttingProxy(port) as proxy,
        ThreadPoolExecutor() as pool,
        connect(f"ws://127.0.0.1:{proxy.port}", sleep=wait) as conn,
    ):
        conn.on_disconnect(lambda _: lost.set())
        conn.on_reconnect(back.set)
        conn.subscribe(ALL)
        identity, first = conn.identity, conn.connection_id
        for number in (1, 2, 3):
            conn.reducers.put(number)
        conn.db[Bill].on_insert(lambda event, row: heard.append((event.kind, row)))
        conn.db[Bill].on_delete(lambda event, row: heard.append((event.kind, row)))
        conn.db[Bill].on_update(lambda event, _, row: heard.append((event.kind, row)))

        proxy.answers.is_shut = True
        unanswered = pool.submit(conn.reducers.put, 1)
        assert proxy.answers.has_lost.wait(SECONDS)
        proxy.cut()
        assert lost.wait(SECONDS)
        with pytest.raises(UnansweredError):  # it may have run, or not
            unanswered.result(SECONDS)
        with pytest.raises(NotConnectedError):
            conn.reducers.put(9)
        assert len(conn.db[Bill]) == 3  # what was known

        db.call(put, 2, paid=True)
        db.sql("DELETE FROM bill WHERE number = 3")
        db.call(put, 4)
        may_connect.set()
        assert back.wait(SECONDS)

        changed = [Bill(2, paid=True), Bill(3), Bill(4)]  # and nothing of 1
        assert sorted(heard, key=repr) == [("applied", each) for each in changed]
        assert (conn.identity, conn.connection_id == first) == (identity, False)
        assert conn.reducers.put(5) == 5  # the subscription is there again
        assert {*conn.db[Bill]} == {*db.sql(ALL)}
