"""Readers on eight threads while one writes, with the interpreter switching madly.

**Strategy.** Accounts hold money, and each has a shelf (an ordered index) and a
colour (a hash index). One thread writes: it moves money between accounts, moves
accounts between shelves and colours, inserts and deletes guests that hold
nothing, opens savepoints and rolls transactions back in the middle. Eight
threads open read transactions and look at everything in several ways. The
interpreter is told to switch threads every microsecond.

**Invariants.** In every read transaction: the money adds up to what there was at
the beginning, by a scan, by points, by shelves in order and by colours; the
ordered range is sorted and complete; counts agree with `len`; what was read once
reads the same again; offsets never go back. And no thread sees an exception.
"""

import contextlib
import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import NoReturn

import pytest

import qsdb
from qsdb import i64, u32

SECONDS = 10.0 if os.environ.get("QSDB_TEST_PROFILE") == "nightly" else 5.0
READERS_COUNT = 8
ACCOUNTS_COUNT = 60
SHELVES_COUNT, COLOURS_COUNT = 7, 4
MONEY = 1_000

bank = qsdb.Module("bank")


class Account(qsdb.Row, module=bank, indexes=[qsdb.BTree("shelf", "id")]):
    id: u32 = qsdb.primary_key()
    money: i64
    shelf: u32
    colour: u32 = qsdb.index("hash")


@pytest.fixture
def mad_switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


class RollbackError(Exception):
    """Ends a transaction without a commit."""


def give_up() -> NoReturn:
    raise RollbackError


def write_once(db: qsdb.Database, rng: random.Random) -> None:
    """Run one random transaction that keeps the money together."""
    with db.write() as tx:
        accounts = tx[Account]
        for _ in range(rng.randint(1, 4)):
            source, target = rng.sample(range(ACCOUNTS_COUNT), 2)
            payer, payee = accounts.get(source), accounts.get(target)
            assert payer is not None
            assert payee is not None
            amount = rng.randint(1, 50)
            accounts.update(
                payer.replace(
                    money=payer.money - amount, shelf=rng.randrange(SHELVES_COUNT)
                )
            )
            accounts.update(
                payee.replace(
                    money=payee.money + amount, colour=rng.randrange(COLOURS_COUNT)
                )
            )
        guest = ACCOUNTS_COUNT + rng.randrange(20)
        if not accounts.delete_by_key(guest):
            shelf, colour = rng.randrange(SHELVES_COUNT), rng.randrange(COLOURS_COUNT)
            accounts.insert(Account(guest, 0, shelf, colour))
        if rng.random() < 0.3:
            with contextlib.suppress(RollbackError), tx.savepoint():
                accounts.clear()
                give_up()
        if rng.random() < 0.3:
            give_up()


def look_once(db: qsdb.Database) -> int:
    """Check one read transaction; give its offset."""
    with db.read() as tx:
        accounts = tx[Account]
        scanned = {row.id: row for row in accounts}
        assert sum(row.money for row in scanned.values()) == ACCOUNTS_COUNT * MONEY
        assert len(accounts) == len(scanned)

        points = [accounts.get(number) for number in range(ACCOUNTS_COUNT)]
        assert points == [scanned[number] for number in range(ACCOUNTS_COUNT)]

        ordered = list(accounts.shelf_id.range())
        assert [(row.shelf, row.id) for row in ordered] == sorted(
            (row.shelf, row.id) for row in scanned.values()
        )
        assert {row.id: row for row in ordered} == scanned
        backwards = list(accounts.shelf_id.range(reverse=True))
        assert backwards == ordered[::-1]
        counts = [accounts.shelf_id.count(shelf) for shelf in range(SHELVES_COUNT)]
        assert sum(counts) == len(accounts)

        coloured = [
            row
            for colour in range(COLOURS_COUNT)
            for row in accounts.colour.filter(colour)
        ]
        assert sum(row.money for row in coloured) == ACCOUNTS_COUNT * MONEY
        assert {row.id: row for row in coloured} == scanned
        assert {row.id: row for row in accounts} == scanned
        return tx.offset


class Crowd:
    """One writer and many readers, until time is up or one of them fails."""

    def __init__(self, db: qsdb.Database, seed: int) -> None:
        self.db = db
        self.rng = random.Random(seed)
        self.end = time.monotonic() + SECONDS
        self.failures: list[BaseException] = []
        self.offsets: list[int] = []

    def read(self) -> None:
        last = 0
        while time.monotonic() < self.end and not self.failures:
            offset = look_once(self.db)
            assert offset >= last, "an offset went back"
            last = offset
            self.offsets.append(offset)

    def write(self) -> None:
        while time.monotonic() < self.end and not self.failures:
            with contextlib.suppress(RollbackError):
                write_once(self.db, self.rng)

    def guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except BaseException as failure:  # noqa: BLE001  told by the main thread
            self.failures.append(failure)

    def run(self) -> None:
        works = [self.write, *[self.read for _ in range(READERS_COUNT)]]
        threads = [
            threading.Thread(target=self.guarded, args=(work,)) for work in works
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if self.failures:
            raise self.failures[0]


@pytest.mark.slow
@pytest.mark.usefixtures("mad_switching")
def test_eight_readers_see_whole_transactions_while_one_writes() -> None:
    seed = 20261120
    db = qsdb.Database(bank)
    with db.write() as tx:
        tx[Account].insert_many(
            Account(n, MONEY, n % SHELVES_COUNT, n % COLOURS_COUNT)
            for n in range(ACCOUNTS_COUNT)
        )
    crowd = Crowd(db, seed)
    crowd.run()
    db.check()
    stats = db.stats()
    looks, seen = len(crowd.offsets), len(set(crowd.offsets))
    print(f"seed {seed}: {looks} looks at {seen} offsets, {stats.commits} commits")

    assert (stats.pins, stats.undo_rows) == (0, 0)
    assert seen > READERS_COUNT
    assert stats.rollbacks > 0
