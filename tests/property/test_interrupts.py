"""A signal handler may raise anywhere: a transaction is in or out, never half.

**Strategy**: a call, also of a procedure, a write block, a savepoint and a read are
run again and again, each time with `KeyboardInterrupt` raised one step later than the
time before, until nothing was left to interrupt (`tests.support.stepper`), in the code
of `qsdb.store` and `qsdb.runtime`.

**Invariants**, after each interrupted run:

1. The rows are as before or as after, indexes and sequences agree, and no notes
   or pins stay (`Database.check`).
2. What a read transaction sees that was open is as it was.
3. Both locks are free, and the next transaction works.
"""

import contextlib
import gc
import threading
from collections.abc import Callable

import pytest

import qsdb
from qsdb import u32
from tests.support.stepper import Interrupter, needs_steps

pytestmark = [pytest.mark.slow, needs_steps]

bank = qsdb.Module("bank")


class Account(qsdb.Row, module=bank):
    id: u32 = qsdb.primary_key()
    owner: str = qsdb.unique()
    balance: int = qsdb.index()
    branch: int = qsdb.index("hash")


class Entry(qsdb.Row, module=bank):
    id: u32 = qsdb.primary_key(auto_inc=True)
    amount: int


@bank.reducer
def transfer(ctx: qsdb.ReducerContext, amount: int) -> None:
    accounts = ctx.db[Account]
    payer, payee = accounts.get(1), accounts.get(2)
    assert payer is not None
    assert payee is not None
    ctx.db[Entry].insert(Entry(amount))
    accounts.update(payer.replace(balance=payer.balance - amount))
    accounts.update(payee.replace(balance=payee.balance + amount, owner="new"))
    if amount > 50:
        raise qsdb.ReducerError("too much")


@bank.procedure
def pay(ctx: qsdb.ProcedureContext, amount: int) -> None:
    with ctx.transaction() as tx:
        tx[Account].insert(Account(3, "cyd", amount, 1))
        tx[Entry].insert(Entry(amount))


HERE = ("/qsdb/store/", "/qsdb/runtime/", "<qsdb ")


def in_a_call(db: qsdb.Database) -> None:
    db.call(transfer, 7)


def in_a_call_that_fails(db: qsdb.Database) -> None:
    with contextlib.suppress(qsdb.ReducerError):
        db.call(transfer, 70)


def in_a_block(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Account].insert(Account(3, "cyd", 5, 1))
        with contextlib.suppress(ZeroDivisionError), tx.savepoint():
            tx[Entry].insert(Entry(1))
            tx[Account].delete_by_key(1)
            _ = 1 / 0
        with tx.savepoint():
            tx[Entry].insert(Entry(2))
            tx[Account].clear()


def in_a_procedure(db: qsdb.Database) -> None:
    db.call(pay, 7)


def in_reads(db: qsdb.Database) -> None:
    with db.read() as older:
        with db.write() as tx:
            tx[Account].delete_by_key(2)
            tx[Entry].insert_many([Entry(1), Entry(2)])
        with db.read() as newer:
            assert len(newer[Account]) == 1
        assert len(older[Account]) == 2


SCENES: dict[str, Callable[[qsdb.Database], None]] = {
    "a call": in_a_call,
    "a call that fails": in_a_call_that_fails,
    "a block": in_a_block,
    "a procedure": in_a_procedure,
    "reads": in_reads,
}


def opened() -> qsdb.Database:
    db = qsdb.Database(bank, seed=1)
    with db.write() as tx:
        rows = [Account(1, "ann", 100, 1), Account(2, "bob", 0, 1)]
        tx[Account].insert_many(rows)
    return db


def state(db: qsdb.Database) -> tuple[object, ...]:
    with db.read() as tx:
        return tx.offset, sorted(map(repr, tx[Account])), sorted(map(repr, tx[Entry]))


def is_free(db: qsdb.Database) -> bool:
    """Whether another thread can write and read."""
    done: list[object] = []

    def work() -> None:
        with db.write() as tx:
            tx[Entry].insert(Entry(9))
        done.append(state(db))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(10)
    return bool(done)


@pytest.mark.parametrize("has_reader", [False, True])
@pytest.mark.parametrize("scene", SCENES)
def test_an_interrupt_leaves_all_or_nothing(scene: str, *, has_reader: bool) -> None:
    db = opened()
    before = state(db)
    SCENES[scene](db)
    after = state(db)
    seen: set[object] = set()
    for step in range(1, 100_000):
        db = opened()
        reader = db.read() if has_reader else None
        interrupter = Interrupter(step, HERE)
        with contextlib.suppress(KeyboardInterrupt), interrupter.running():
            SCENES[scene](db)
        where = f"step {step}, in {interrupter.place}"
        gc.collect(0)
        found = state(db)
        assert found in (before, after), where
        seen.add(repr(found))
        if reader is not None:
            assert sorted(map(repr, reader[Account])) == before[1], where
            assert list(reader[Account].balance.range()) != [], where
            reader.close()
        assert not db._writer.is_mine(), f"{where}: the lock is left"
        db.check()
        assert db.stats().pins == 0, where
        assert is_free(db), f"{where}: a lock is left"
        with db.read() as tx:
            ids = [row.id for row in tx[Entry]]
        assert sorted(ids) == list(range(1, len(ids) + 1)), "a number is lost"
        if not interrupter.place:
            break
    print(f"{scene}: {step} steps")
    assert step > 100, "hardly anything was interrupted"
    assert seen == {repr(before), repr(after)}
