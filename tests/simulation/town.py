"""The modules that are simulated: three editions of one town, each of which follows.

edition 1   accounts, stocks, notes, visits, alarms that ring, errands, pings, a view
edition 2   an index more, and a table of tags
edition 3   a column more of stocks, which clients cannot go on with

What a reducer does is not said here: `Bodies` is whoever is the judge, and is given the
transaction. So the same text is run on the database and on the model.
"""

import functools
from typing import Any, Protocol

import attrs

import qsdb
from qsdb import ConnectionId, ScheduleAt, i32, i64, u8, u32, u64

__all__ = ["EDITIONS", "RICH", "Bodies", "Edition", "edition"]

EDITIONS = (1, 2, 3)

RICH = 50
"""Whose balance is above this is in the view ``rich``."""


class Bodies(Protocol):
    """What the functions of the module do."""

    def act(self, tx: Any, script: int) -> int:
        """Do a script of operations in a transaction."""

    def ring(self, tx: Any, alarm: Any) -> None:
        """Do what an alarm is for."""

    def visit(self, tx: Any, connection: object, *, is_coming: bool) -> None:
        """Take in that a client comes or goes."""

    def run_errand(self, ctx: Any, errand: Any) -> None:
        """Do what an errand is for, as a procedure."""

    def travel(self, ctx: Any, scripts: tuple[int, int]) -> None:
        """Do two scripts, in two transactions of a procedure."""


@attrs.frozen(eq=False)
class Edition:
    """A module, and its row classes by the names of their tables."""

    number: int
    module: qsdb.Module
    rows: dict[str, type[Any]]


@functools.cache
def edition(number: int) -> tuple[Edition, list[Bodies]]:
    """Give a module, and a list that is to have one element: what its functions do."""
    module = qsdb.Module("town")
    bodies: list[Bodies] = []
    rows = {**_people(module), **_goods(module, number), **_timers(module)}
    _functions(module, bodies, rows)
    _visitors(module, bodies)
    return Edition(number, module, rows), bodies


def _people(module: qsdb.Module) -> dict[str, type[Any]]:
    class Account(
        qsdb.Row, module=module, public=True, indexes=[qsdb.BTree("kind", "balance")]
    ):
        id: u32 = qsdb.primary_key(auto_inc=True)
        name: str = qsdb.unique()
        kind: u8 = qsdb.index("hash")
        balance: i64 = qsdb.index()

    class Visit(qsdb.Row, module=module, public=True):
        connection: ConnectionId = qsdb.primary_key()

    class Ping(qsdb.Row, module=module, public=True, event=True):
        text: str

    return {"account": Account, "visit": Visit, "ping": Ping}


def _goods(module: qsdb.Module, number: int) -> dict[str, type[Any]]:
    by_weight = qsdb.index() if number > 1 else qsdb.column()

    class Note(qsdb.Row, module=module, public=True):
        text: str
        weight: u32 = by_weight

    found: dict[str, type[Any]] = {"note": Note}
    if number < 3:

        class Stock(
            qsdb.Row, module=module, public=True, primary_key=("place", "slot")
        ):
            place: str
            slot: u32 = qsdb.index()
            count: i64

        found["stock"] = Stock
    else:

        class MarkedStock(
            qsdb.Row,
            module=module,
            name="stock",
            public=True,
            primary_key=("place", "slot"),
        ):
            place: str
            slot: u32 = qsdb.index()
            count: i64
            mark: u8 = 7

        found["stock"] = MarkedStock
    if number > 1:

        class Tag(qsdb.Row, module=module, public=True):
            word: str = qsdb.primary_key()
            weight: i32

        found["tag"] = Tag
    return found


def _timers(module: qsdb.Module) -> dict[str, type[Any]]:
    class Alarm(qsdb.Row, module=module, scheduled="ring", public=True):
        scheduled_id: u64 = qsdb.primary_key(auto_inc=True)
        scheduled_at: ScheduleAt
        label: u32
        fails: bool

    class Errand(qsdb.Row, module=module, scheduled="run_errand"):
        scheduled_id: u64 = qsdb.primary_key(auto_inc=True)
        scheduled_at: ScheduleAt
        label: u32

    class Ring(qsdb.Row, module=module, public=True):
        id: u64 = qsdb.primary_key(auto_inc=True)
        label: u32

    return {"alarm": Alarm, "errand": Errand, "ring": Ring}


def _functions(
    module: qsdb.Module, bodies: list[Bodies], rows: dict[str, type[Any]]
) -> None:
    account, alarm, errand = rows["account"], rows["alarm"], rows["errand"]

    @module.reducer
    def act(ctx: qsdb.ReducerContext, script: u32) -> u32:
        return bodies[0].act(ctx.db, script)

    def ring(ctx: qsdb.ReducerContext, timer: Any) -> None:
        bodies[0].ring(ctx.db, timer)

    ring.__annotations__["timer"] = alarm
    module.reducer(ring)

    def run_errand(ctx: qsdb.ProcedureContext, timer: Any) -> None:
        bodies[0].run_errand(ctx, timer)

    run_errand.__annotations__["timer"] = errand
    module.procedure(run_errand)

    @module.procedure
    def travel(ctx: qsdb.ProcedureContext, first: u32, second: u32) -> None:
        bodies[0].travel(ctx, (first, second))

    def rich(ctx: qsdb.AnonymousViewContext) -> Any:
        return [*ctx.db[account].balance.range(lo=RICH, include=(False, True))]

    rich.__annotations__["return"] = list[account]  # type: ignore[valid-type]
    module.view(public=True)(rich)


def _visitors(module: qsdb.Module, bodies: list[Bodies]) -> None:
    @module.client_connected
    def connected(ctx: qsdb.ReducerContext) -> None:
        bodies[0].visit(ctx.db, ctx.connection_id, is_coming=True)

    @module.client_disconnected
    def disconnected(ctx: qsdb.ReducerContext) -> None:
        bodies[0].visit(ctx.db, ctx.connection_id, is_coming=False)
