"""Accounts, ``(id, balance)``: what most questions are asked about.

The same rows in qsdb, in sqlite3 in memory and in a dict of tuples. sqlite3 is
at its best: an integer primary key, statements that the module keeps prepared,
one cursor used again and again, transactions begun and ended by hand.
"""

import array
import hashlib
import itertools
import random
import sqlite3
from collections.abc import Iterable, Iterator

import qsdb
from benchmarks.harness import require
from qsdb import i64, u64

__all__ = [
    "INSERT",
    "SEED",
    "SELECT",
    "UPDATE",
    "Account",
    "Dict",
    "Rows",
    "bank",
    "dict_rows",
    "digest",
    "draw_ids",
    "empty_qsdb",
    "empty_sqlite",
    "load_dict",
    "load_qsdb",
    "load_sqlite",
    "opening_rows",
    "qsdb_rows",
    "sqlite_rows",
]

bank = qsdb.Module("bank")


class Account(qsdb.Row, module=bank):
    """One account."""

    id: u64 = qsdb.primary_key()
    balance: i64


SEED = 20

Rows = Iterable[tuple[int, int]]
Dict = dict[int, tuple[int, int]]

OPENING = 1_000_000_000
"""The least opening balance: nobody runs out of money."""

SELECT = "SELECT balance FROM account WHERE id = ?"
UPDATE = "UPDATE account SET balance = ? WHERE id = ?"
INSERT = "INSERT INTO account VALUES (?, ?)"


def opening_rows(count: int) -> Iterator[tuple[int, int]]:
    """Yield the accounts that are loaded; no two balances are one object."""
    return ((number, OPENING + number) for number in range(count))


def draw_ids(count: int, accounts: int) -> list[int]:
    """Draw ids of accounts, uniformly; the same at every call."""
    draw = random.Random(SEED).randrange
    return [draw(accounts) for _ in range(count)]


def empty_qsdb() -> qsdb.Database:
    """Open a database without accounts."""
    return qsdb.Database(bank, seed=1)


def load_qsdb(count: int) -> qsdb.Database:
    """Open a database and load accounts."""
    db = empty_qsdb()
    with db.write() as tx:
        tx[Account].insert_many(Account(*row) for row in opening_rows(count))
    return db


def empty_sqlite() -> sqlite3.Connection:
    """Open sqlite3 in memory without accounts."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute(
        "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)"
    )
    return connection


def load_sqlite(count: int) -> sqlite3.Connection:
    """Open sqlite3 in memory and load accounts."""
    connection = empty_sqlite()
    connection.execute("BEGIN")
    connection.executemany(INSERT, opening_rows(count))
    connection.execute("COMMIT")
    return connection


def load_dict(count: int) -> Dict:
    """Load accounts into a dict."""
    return {row[0]: row for row in opening_rows(count)}


def qsdb_rows(db: qsdb.Database) -> Rows:
    """Give all accounts."""
    with db.read() as tx:
        return [(row.id, row.balance) for row in tx[Account]]


def sqlite_rows(connection: sqlite3.Connection) -> Rows:
    """Give all accounts."""
    require(not connection.in_transaction, "a transaction was left open")
    rows: Rows = connection.execute("SELECT id, balance FROM account").fetchall()
    return rows


def dict_rows(rows: Dict) -> Rows:
    """Give all accounts."""
    require(all(key == row[0] for key, row in rows.items()), "a row under another key")
    return rows.values()


def digest(rows: Rows, count: int) -> str:
    """Give a hash of all accounts, and see that there are `count` of them.

    Raises:
        InvariantError: there are more or fewer.
    """
    ordered = sorted(rows)
    require(len(ordered) == count, f"{len(ordered)} accounts, {count} are right")
    numbers = array.array("q", itertools.chain.from_iterable(ordered))
    return hashlib.blake2b(numbers.tobytes(), digest_size=8).hexdigest()
