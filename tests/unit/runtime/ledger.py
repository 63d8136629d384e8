"""A small bank, for tests of what a database does with its files.

Its three tables have a generated key and indexes of each sort, rows without a key,
and columns whose values users see wrapped.
"""

import enum
from typing import Any

import qsdb
from qsdb import Identity, ReducerContext, StorageOptions, Timestamp, i64, u64
from qsdb.files import Directory
from qsdb.testing import FakeClock, SimulatedDirectory

__all__ = [
    "NOON",
    "QUIET",
    "Account",
    "Audit",
    "Entry",
    "State",
    "bank",
    "close_account",
    "contents",
    "open_account",
    "open_bank",
    "read_bank",
    "transfer",
    "written_bank",
]

NOON = Timestamp.parse("2026-01-01T12:00:00Z")

QUIET = StorageOptions(has_threads=False)
"""Nothing happens by itself, so that every run is the same."""

bank = qsdb.Module("bank")


class State(enum.Enum):
    OPEN = "o"
    FROZEN = "f"


class Account(qsdb.Row, module=bank):
    id: u64 = qsdb.primary_key(auto_inc=True)
    owner: str = qsdb.unique()
    balance: i64 = qsdb.index()
    state: State = qsdb.index("hash", default=State.OPEN)


class Entry(qsdb.Row, module=bank, indexes=[qsdb.BTree("account", "text")]):
    account: u64
    text: str


class Audit(qsdb.Row, module=bank, primary_key=("who", "at")):
    who: Identity
    at: Timestamp
    serial: u64 = qsdb.auto_inc()


@bank.init
def init(ctx: ReducerContext) -> None:
    ctx.db[Account].insert(Account("bank", 1000))


@bank.reducer
def open_account(ctx: ReducerContext, owner: str, balance: i64 = 0) -> u64:
    ctx.db[Audit].upsert(Audit(ctx.sender, ctx.timestamp))
    return ctx.db[Account].insert(Account(owner, balance)).id


@bank.reducer
def transfer(ctx: ReducerContext, source: u64, target: u64, amount: i64) -> None:
    accounts = ctx.db[Account]
    for number, change in ((source, -amount), (target, amount)):
        account = accounts.get(number)
        assert account is not None
        accounts.update(account.replace(balance=account.balance + change))
        ctx.db[Entry].insert(Entry(number, f"{change:+}"))


@bank.reducer
def close_account(ctx: ReducerContext, number: u64) -> None:
    ctx.db[Account].delete_by_key(number)


def open_bank(files: Directory, **arguments: Any) -> qsdb.Database:
    """Open, or create, a bank in a directory; each commit is on the disk at once."""
    given = {
        "durability": "always",
        "clock": FakeClock(NOON),
        "seed": 1,
        "options": QUIET,
        **arguments,
    }
    return qsdb.Database(bank, files, **given)


def read_bank(files: Directory, **arguments: Any) -> qsdb.Database:
    """Open the bank of a directory to read it."""
    return qsdb.Database(bank, files, read_only=True, **arguments)


def written_bank(**arguments: Any) -> tuple[SimulatedDirectory, qsdb.Database]:
    """Make a bank with a few commits, up to offset 4."""
    disk = SimulatedDirectory()
    db = open_bank(disk, **arguments)
    db.call(open_account, "ann", 10)
    db.call(open_account, "bob")
    db.call(transfer, 2, 3, 4)
    return disk, db


def contents(db: qsdb.Database) -> dict[str, list[tuple[object, ...]]]:
    """Give all rows of all tables, as values that users see."""
    with db.read() as tx:
        return {
            name: sorted([(*row,) for row in tx.table(name)], key=repr)
            for name in db.stats().rows
        }
