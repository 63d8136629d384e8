"""A signal handler may raise anywhere: an optimistic transaction is in or out.

**Strategy**: blocks, `transact`, savepoints, SQL and refused commits are run again and
again, each time with `KeyboardInterrupt` raised one step later than the time before, in
the code of `qsdb.store` and `qsdb.runtime` (in the nightly profile at each step, else
at every seventh).

**Invariants**, after each interrupted run: the rows are as before, as in between or as
after; indexes and sequences agree; no notes or pins stay; all locks are free.
"""

import contextlib
import gc
import os
import threading
from collections.abc import Callable
from typing import Any

import pytest

import qsdb
from qsdb import u32
from tests.support.stepper import Interrupter, needs_steps

pytestmark = [pytest.mark.slow, needs_steps]

STRIDE = 1 if os.environ.get("QSDB_TEST_PROFILE") == "nightly" else 7

HERE = ("/qsdb/store/", "/qsdb/runtime/", "<qsdb ")

bank = qsdb.Module("bank")


class Account(qsdb.Row, module=bank):
    id: u32 = qsdb.primary_key()
    owner: str = qsdb.unique()
    balance: int = qsdb.index()
    branch: int = qsdb.index("hash")


class Entry(qsdb.Row, module=bank):
    id: u32 = qsdb.primary_key(auto_inc=True)
    amount: int


def transfer(tx: Any, amount: int) -> None:
    accounts = tx[Account]
    payer, payee = accounts.get(1), accounts.get(2)
    tx[Entry].insert(Entry(amount))
    accounts.update(payer.replace(balance=payer.balance - amount))
    accounts.update(payee.replace(balance=payee.balance + amount, owner="new"))


def in_a_block(db: qsdb.Database) -> None:
    with db.optimistic() as tx:
        transfer(tx, 7)
        assert len([*tx[Account].balance.range()]) == 2
        tx[Account].insert(Account(3, "cyd", 5, 1))


def with_savepoints(db: qsdb.Database) -> None:
    with db.optimistic() as tx:
        tx[Account].insert(Account(3, "cyd", 5, 1))
        with contextlib.suppress(ZeroDivisionError), tx.savepoint():
            tx[Entry].insert_many([Entry(1), Entry(2)])
            tx[Account].delete_by_key(1)
            _ = 1 / 0
        tx.sql("UPDATE account SET balance = balance + 1 WHERE branch > 0")


def in_transact(db: qsdb.Database) -> None:
    rivals = [7]

    def run(tx: Any) -> None:
        transfer(tx, 1)
        while rivals:
            amount = rivals.pop()
            with db.optimistic() as rival:
                transfer(rival, amount)

    db.transact(run)


def refused(db: qsdb.Database) -> None:
    late = db.optimistic()
    transfer(late, 3)
    with db.write() as tx:
        transfer(tx, 7)
    with contextlib.suppress(qsdb.ConflictError):
        late.commit()


SCENES: dict[str, Callable[[qsdb.Database], None]] = {
    "a block": in_a_block,
    "savepoints": with_savepoints,
    "transact": in_transact,
    "a refused one": refused,
}


def opened() -> qsdb.Database:
    db = qsdb.Database(bank, seed=1)
    with db.write() as tx:
        rows = [Account(1, "ann", 100, 1), Account(2, "bob", 0, 1)]
        tx[Account].insert_many(rows)
    return db


def state(db: qsdb.Database) -> str:
    """Give all rows; entries without their numbers, which may have gaps."""
    with db.read() as tx:
        amounts = sorted(row.amount for row in tx[Entry])
        return repr((tx.offset, sorted(map(repr, tx[Account])), amounts))


def is_free(db: qsdb.Database) -> bool:
    """Whether another thread can write in both ways, and draw numbers."""
    done: list[object] = []

    def work() -> None:
        with db.write() as tx:
            tx[Entry].insert(Entry(9))
        with db.optimistic() as beside:
            beside[Entry].insert(Entry(8))
        done.append(state(db))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(10)
    return bool(done)


@pytest.mark.parametrize("scene", SCENES)
def test_an_interrupt_leaves_all_or_nothing(scene: str) -> None:
    db = opened()
    before = state(db)
    SCENES[scene](db)
    after = state(db)
    with db.read() as tx:
        in_between = {before, after, *one_of_two(tx.offset)}
    seen: set[str] = set()
    for step in range(1, 100_000, STRIDE):
        db = opened()
        interrupter = Interrupter(step, HERE)
        with contextlib.suppress(KeyboardInterrupt), interrupter.running():
            SCENES[scene](db)
        where = f"step {step}, in {interrupter.place}"
        gc.collect()
        found = state(db)
        assert found in in_between, where
        seen.add(found)
        assert not db._writer.is_mine(), f"{where}: the lock is left"
        db.check()
        assert db.stats().pins == 0, where
        assert is_free(db), f"{where}: a lock is left"
        db.check()
        if not interrupter.place:
            break
    print(f"{scene}: {step} steps")
    assert step > 100, "hardly anything was interrupted"
    assert {before, after} <= seen


def one_of_two(offset: int) -> set[str]:
    """Give the state after the first of two transfers, if there were two."""
    if offset < 4:
        return set()
    db = opened()
    with db.write() as tx:
        transfer(tx, 7)
    return {state(db)}
