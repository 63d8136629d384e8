"""A module for tests of the command line, and how these run it."""

import enum
from pathlib import Path

import click.testing

import qsdb
from qsdb import Identity, Timestamp, f64, u32, u64
from qsdb.cli.program import program
from qsdb.testing import FakeClock

__all__ = ["SPEC", "Sold", "Toy", "fill", "run", "shop"]

SPEC = "tests.unit.cli.shop:shop"

shop = qsdb.Module("toy_shop")


class Size(enum.Enum):
    small = 0
    large = 1


class Toy(qsdb.Row, module=shop, public=True):
    id: u32 = qsdb.primary_key(auto_inc=True)
    name: str = qsdb.unique()
    price: f64 = qsdb.index()
    size: Size = Size.small
    seller: Identity | None = None


class Sold(qsdb.Row, module=shop):
    at: Timestamp
    toy: u32 = qsdb.index("hash")


@shop.reducer
def add(ctx: qsdb.ReducerContext, name: str, price: f64 = 1.5) -> u32:
    """Add a toy."""
    return ctx.db[Toy].insert(Toy(name, price)).id


@shop.reducer
def sell(ctx: qsdb.ReducerContext, toy: u32) -> None:
    """Sell a toy, if there is one."""
    if not ctx.db[Toy].delete_by_key(toy):
        raise qsdb.ReducerError(f"there is no toy {toy}")
    ctx.db[Sold].insert(Sold(ctx.timestamp, toy))


@shop.reducer
def fall(_: qsdb.ReducerContext) -> None:
    """Raise what no qsdb error is."""
    raise ZeroDivisionError("fallen")


@shop.procedure
def count(ctx: qsdb.ProcedureContext) -> u64:
    """Give the number of toys."""
    with ctx.read() as tx:
        return len(tx[Toy])


@shop.view(public=True)
def cheap(ctx: qsdb.AnonymousViewContext) -> list[Toy]:
    """Give toys that cost little."""
    return list(ctx.db[Toy].price.range(hi=2.0))


def fill(path: Path) -> None:
    """Make a database: a ball and a kite, added a second apart."""
    clock = FakeClock(Timestamp.parse("2024-02-29T13:00:00Z"))
    with qsdb.Database(shop, path, clock=clock, seed=1) as db:
        db.call(add, "ball")
        clock.advance(1)
        db.call(add, "kite", 20.0)


def run(*arguments: str | Path, text: str | None = None) -> click.testing.Result:
    """Run the command line in this process.

    Args:
        arguments: Of the command line.
        text: Standard input, which is no terminal.
    """
    runner = click.testing.CliRunner()
    return runner.invoke(program, [str(each) for each in arguments], input=text)
