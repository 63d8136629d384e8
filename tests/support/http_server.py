"""A server without a network: a module with secrets, and clients of its HTTP API."""

import enum
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.applications import Starlette

import qsdb
from qsdb import (
    HttpRequest,
    HttpResponse,
    ProcedureContext,
    ReducerContext,
    ScheduleAt,
    Timestamp,
    ViewContext,
    f64,
    u8,
    u32,
    u64,
    u256,
)
from qsdb.server.authority import Authority, Trust
from qsdb.server.doors import Door
from qsdb.server.hosts import Host
from qsdb.server.http.desk import Desk
from qsdb.server.http.routes import http_routes
from qsdb.server.options import HttpOptions
from qsdb.testing import FakeClock
from tests.support.asgi import AsgiClient

NOON = Timestamp.parse("2026-01-01T12:00:00Z")

bank = qsdb.Module("bank")


class Mood(enum.Enum):
    calm = 0
    angry = 1


class Place(qsdb.Product):
    x: f64
    y: f64


class Branch(qsdb.Row, module=bank, public=True):
    id: u32 = qsdb.primary_key()
    name: str
    mood: Mood = Mood.calm
    at: Place | None = None
    big: u256 = 0
    photo: bytes = b""


class HiddenAccount(qsdb.Row, module=bank):
    id: u32 = qsdb.primary_key()
    pin_hidden: str = qsdb.unique()


class HiddenTimer(qsdb.Row, module=bank, scheduled="hidden_sweep"):
    id: u64 = qsdb.primary_key(auto_inc=True)
    at: ScheduleAt


class Visit(qsdb.Row, module=bank):
    number: u64 = qsdb.primary_key(auto_inc=True)
    sender: qsdb.Identity
    connection: qsdb.ConnectionId


bank.row_filter(
    "SELECT b.* FROM branch b WHERE b.name <> 'hidden_branch' OR b.id = 1000"
)

BANNED = "banned"


@bank.init
def begin(ctx: ReducerContext) -> None:
    ctx.db[Branch].insert(Branch(1, "north", at=Place(0.5, -1.0), photo=b"\x01\xff"))
    ctx.db[Branch].insert(Branch(2, "hidden_branch"))
    ctx.db[HiddenAccount].insert(HiddenAccount(7, "hidden_pin_1234"))


@bank.client_connected
def come(ctx: ReducerContext) -> None:
    claims = ctx.auth.claims or {}
    if claims.get("sub") == BANNED:
        raise qsdb.ReducerError("you are banned")
    if claims.get("sub") == "unwanted":
        raise qsdb.AccessError("not you")
    if claims.get("sub") == "odd":
        raise KeyError("hidden_key_of_client_connected")
    assert ctx.connection_id is not None
    ctx.db[Visit].insert(Visit(sender=ctx.sender, connection=ctx.connection_id))


@bank.client_disconnected
def go(ctx: ReducerContext) -> None:
    ctx.log.debug("%s has gone", ctx.sender)


@bank.reducer
def rename(ctx: ReducerContext, id: u32, name: str = "new") -> None:  # noqa: A002
    found = ctx.db[Branch].get(id)
    if found is None:
        raise qsdb.ReducerError(f"there is no branch {id}")
    ctx.log.info("renamed to %s", name)
    ctx.db[Branch].update(found.replace(name=name))


@bank.reducer
def take_pin(ctx: ReducerContext) -> None:
    ctx.db[HiddenAccount].insert(HiddenAccount(8, "hidden_pin_1234"))


@bank.reducer
def break_down(_: ReducerContext) -> None:
    raise RuntimeError("hidden_text_of_an_exception")


@bank.reducer(private=True)
def hidden_reducer(ctx: ReducerContext, much: u8) -> None:
    ctx.db[Branch].insert(Branch(100 + much, "made"))


@bank.reducer
def hidden_sweep(_: ReducerContext, timer: HiddenTimer) -> None:
    assert timer.id


@bank.procedure
def where(ctx: ProcedureContext, id: u32) -> Place | None:  # noqa: A002
    with ctx.read() as tx:
        found = tx[Branch].get(id)
    return None if found is None else found.at


@bank.procedure
async def slowly(ctx: ProcedureContext, names: list[str]) -> u32:
    with ctx.transaction() as tx:
        for number, name in enumerate(names):
            tx[Branch].insert(Branch(50 + number, name))
    return len(names)


@bank.procedure
def unsaid(_: ProcedureContext) -> None:
    return None


@bank.procedure
def misgiven(_: ProcedureContext) -> u8:
    return 1000


AT_CLOSING: list[Callable[[], object]] = []
"""What a procedure calls before it goes on."""


@bank.procedure
def close_down(ctx: ProcedureContext) -> None:
    for each in AT_CLOSING:
        each()
    ctx.read().__enter__()


@bank.procedure(private=True)
def hidden_procedure(_: ProcedureContext) -> str:
    return "hidden_result"


@bank.view(public=True)
def first_branches(ctx: ViewContext) -> list[Branch]:
    return [*ctx.db[Branch]][:1]


@bank.view(public=True)
def broken(ctx: ViewContext) -> list[Branch]:
    [account] = ctx.db[HiddenAccount]
    raise RuntimeError(f"the pin is {account.pin_hidden}")


@bank.view(public=False)
def hidden_view(ctx: ViewContext) -> list[HiddenAccount]:
    return [*ctx.db[HiddenAccount]]


@bank.http("GET", "/hook")
@bank.http("POST", "/hook")
def hook(ctx: ProcedureContext, request: HttpRequest) -> HttpResponse:
    assert ctx.sender == qsdb.Identity.ZERO
    assert ctx.connection_id is None
    with ctx.transaction() as tx:
        count = len(tx[Branch])
    told = [request.method, request.path, request.query, request.body.decode(), count]
    given = request.headers.get("x-given", "")
    headers = {"x-given": given, "content-length": "7", "Connection": "close"}
    if request.method == "GET":
        return HttpResponse(repr(told), headers=headers)
    return HttpResponse(request.body, status=201, headers={"content-type": "a/b"})


@bank.http("ANY", "/odd/")
async def odd(_: ProcedureContext, request: HttpRequest) -> HttpResponse:
    match request.query:
        case "raise":
            raise KeyError("hidden_key_of_a_handler")
        case "refuse":
            raise qsdb.ReducerError("not today")
        case _:
            return "no response"  # type: ignore[return-value]


SHOP = "https://shop.example"
SHARED = b"shared secret of the bank's site"


@contextmanager
def bank_desk(
    options: HttpOptions | None = None, door: Door | None = None
) -> Iterator[Desk]:
    clock = FakeClock(NOON)
    authority = Authority(None, Trust(secrets={SHOP: SHARED}), clock=clock)
    with (
        qsdb.Database(bank, clock=clock, seed=1, scheduler="manual") as db,
        Desk(Host({"bank": db}), authority, options, door) as desk,
    ):
        yield desk


def client_of(desk: Desk, token: str | None = None) -> AsgiClient:
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    return AsgiClient(Starlette(routes=http_routes(desk)), headers)


def database_of(desk: Desk) -> qsdb.Database:
    return desk.host.find("bank").database


def owner_of(desk: Desk) -> AsgiClient:
    return client_of(desk, desk.authority.owner_token(database_of(desk).owner))
