"""Eight writers and four readers, with the interpreter switching madly.

**Strategy**: accounts hold money, and each has a shelf (an ordered index) and a name (a
unique one). Eight threads write, through `transact`, optimistic transactions of their
own and serial ones: they move money and accounts, give names from one to the other,
insert and delete guests, count, and roll back. Four threads look at everything in read
transactions. The interpreter is told to switch threads every microsecond.

**Invariants**: in every transaction, also in one that is refused later, the money adds
up to what there was at the beginning, by a scan, by points and by the index; the
counter counts each transfer that has committed, once; offsets never go back; nobody is
stuck; in the end nothing is broken and no old row is kept.
"""

import os
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import qsdb
from qsdb import i64, u32

SECONDS = 20.0 if os.environ.get("QSDB_TEST_PROFILE") == "nightly" else 2.0
WRITERS_COUNT, READERS_COUNT = 8, 4
ACCOUNTS_COUNT, SHELVES_COUNT = 24, 5
MONEY = 1_000

bank = qsdb.Module("bank")


class Account(qsdb.Row, module=bank, indexes=[qsdb.BTree("shelf", "id")]):
    id: u32 = qsdb.primary_key()
    money: i64
    shelf: u32
    name: str | None = qsdb.unique()


class Counter(qsdb.Row, module=bank):
    id: u32 = qsdb.primary_key()
    transfers: i64


@pytest.fixture
def mad_switching() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def require_whole(tx: Any) -> None:
    """See that what a transaction sees is a whole."""
    accounts = tx[Account]
    scanned = {row.id: row for row in accounts}
    assert sum(row.money for row in scanned.values()) == ACCOUNTS_COUNT * MONEY
    assert len(accounts) == len(scanned)
    ordered = [*accounts.shelf_id.range()]
    assert {row.id: row for row in ordered} == scanned
    assert [(row.shelf, row.id) for row in ordered] == sorted(
        (row.shelf, row.id) for row in ordered
    )
    assert [accounts.get(key) for key in scanned] == [*scanned.values()]


class Crowd:
    """Writers and readers, until time is up or one of them fails."""

    def __init__(self, db: qsdb.Database) -> None:
        self.db = db
        self.end = time.monotonic() + SECONDS
        self.failures: list[BaseException] = []
        self.transfers = [0] * WRITERS_COUNT
        self.looks = 0

    def transfer(self, tx: Any, rng: random.Random) -> None:
        """Move money and an account, and count that."""
        accounts = tx[Account]
        first, second = rng.sample(range(ACCOUNTS_COUNT), 2)
        payer, payee = accounts.get(first), accounts.get(second)
        amount = rng.randint(1, 50)
        accounts.update(payer.replace(money=payer.money - amount, name=None))
        shelf, name = rng.randrange(SHELVES_COUNT), payer.name or payee.name
        accounts.update(
            payee.replace(money=payee.money + amount, shelf=shelf, name=name)
        )
        counter = tx[Counter].get(1)
        tx[Counter].update(counter.replace(transfers=counter.transfers + 1))

    def host(self, tx: Any, rng: random.Random) -> None:
        """Look at everything, and have a guest come or go."""
        require_whole(tx)
        guest = ACCOUNTS_COUNT + rng.randrange(6)
        if not tx[Account].delete_by_key(guest):
            tx[Account].insert(Account(guest, 0, guest % SHELVES_COUNT, None))
        require_whole(tx)

    def write(self, number: int) -> None:
        rng = random.Random(number)
        ways = [self.by_transact, self.by_hand, self.serially, self.by_hosting]
        while time.monotonic() < self.end and not self.failures:
            rng.choice(ways)(number, rng)

    def by_transact(self, number: int, rng: random.Random) -> None:
        self.db.transact(lambda tx: self.transfer(tx, rng), retries=3)
        self.transfers[number] += 1

    def by_hand(self, number: int, rng: random.Random) -> None:
        tx = self.db.optimistic(rng.choice(("serializable", "snapshot")))
        self.transfer(tx, rng)
        if rng.random() < 0.2:
            tx.rollback()
            return
        try:
            tx.commit()
        except qsdb.ConflictError:
            return
        self.transfers[number] += 1

    def serially(self, number: int, rng: random.Random) -> None:
        with self.db.write() as tx:
            self.transfer(tx, rng)
        self.transfers[number] += 1

    def by_hosting(self, _: int, rng: random.Random) -> None:
        self.db.transact(lambda tx: self.host(tx, rng), retries=2)

    def read(self) -> None:
        last = 0
        while time.monotonic() < self.end and not self.failures:
            with self.db.read() as tx:
                require_whole(tx)
                assert tx.offset >= last, "an offset went back"
                last = tx.offset
                self.looks += 1

    def guarded(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        except BaseException as failure:  # noqa: BLE001  told by the main thread
            self.failures.append(failure)

    def run(self) -> None:
        works: list[tuple[Any, ...]] = [(self.write, n) for n in range(WRITERS_COUNT)]
        works += [(self.read,) for _ in range(READERS_COUNT)]
        threads = [threading.Thread(target=self.guarded, args=work) for work in works]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(SECONDS + 120)
            assert not thread.is_alive(), "a thread is stuck"
        if self.failures:
            raise self.failures[0]


@pytest.mark.slow
@pytest.mark.usefixtures("mad_switching")
def test_all_invariants_hold_in_a_crowd() -> None:
    db = qsdb.Database(bank)
    with db.write() as tx:
        tx[Counter].insert(Counter(1, 0))
        tx[Account].insert_many(
            Account(n, MONEY, n % SHELVES_COUNT, f"name {n}" if n < 8 else None)
            for n in range(ACCOUNTS_COUNT)
        )
    crowd = Crowd(db)
    crowd.run()
    db.check()
    stats = db.stats()
    print(f"{crowd.looks} looks, {sum(crowd.transfers)} transfers, {stats}")
    with db.read() as reading:
        require_whole(reading)
        counter = reading[Counter].get(1)

        assert counter == Counter(1, sum(crowd.transfers))
    assert (db.stats().pins, db.stats().undo_rows) == (0, 0)
    assert stats.conflicts > WRITERS_COUNT
    assert min(crowd.transfers) > 0
