"""`transact`: a function runs again until it gets through."""

import asyncio
import contextlib
import threading
import types
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

import qsdb
from qsdb import i64, u32
from qsdb.runtime.retrying import SECONDS_MAX, Retrying
from qsdb.schema.procedures import ProcedureTransaction
from qsdb.store.limits import TransactionLimits

counts = qsdb.Module("counts")


class Count(qsdb.Row, module=counts):
    id: u32 = qsdb.primary_key()
    value: i64 = 0


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(counts, seed=1) as opened:
        with opened.write() as tx:
            tx[Count].insert(Count(1))
        yield opened


def value(db: qsdb.Database) -> int:
    with db.read() as tx:
        row = tx[Count].get(1)
        assert row is not None
        return row.value


def raise_by(tx: qsdb.Transaction, more: int) -> int:
    row = tx[Count].get(1)
    assert row is not None
    return tx[Count].update(row.replace(value=row.value + more)).value


class Rival:
    """Is faster than a function, so and so often."""

    def __init__(self, db: qsdb.Database, times: int) -> None:
        self.db = db
        self.times = times
        self.runs: list[str] = []

    def disturb(self, tx: Any) -> None:
        self.runs.append(type(tx).__name__)
        if self.times:
            self.times -= 1
            thread = threading.Thread(target=self._write)
            thread.start()
            thread.join()

    def _write(self) -> None:
        with self.db.write() as tx:
            raise_by(tx, 100)

    def run(self, tx: ProcedureTransaction) -> int:
        seen = raise_by(tx, 1)
        self.disturb(tx)
        return seen

    async def run_async(self, tx: ProcedureTransaction) -> int:
        await asyncio.sleep(0)
        return self.run(tx)


def test_it_gives_what_the_function_returns(db: qsdb.Database) -> None:
    assert db.transact(lambda tx: raise_by(tx, 5)) == 5
    assert value(db) == 5


def test_it_runs_again_on_what_is_there_now(db: qsdb.Database) -> None:
    rival = Rival(db, 3)

    assert db.transact(rival.run) == 301
    assert (value(db), len(rival.runs)) == (301, 4)
    assert (db.stats().conflicts, db.stats().fallbacks) == (3, 0)


@pytest.mark.parametrize("retries", [0, 1, 4])
def test_the_last_run_is_serial(db: qsdb.Database, retries: int) -> None:
    rival = Rival(db, retries + 1)

    assert db.transact(rival.run, retries=retries) == 100 * (retries + 1) + 1
    assert rival.runs == [
        *["SqlOptimisticTransaction"] * (retries + 1),
        "SqlWriteTransaction",
    ]
    assert db.stats().fallbacks == 1


def test_each_run_knows_after_which_commit_it_has_begun(db: qsdb.Database) -> None:
    rival, offsets = Rival(db, 2), list[int]()

    def run(tx: ProcedureTransaction) -> None:
        offsets.append(tx.offset)
        rival.run(tx)
        offsets.append(tx.offset)

    db.transact(run, retries=1)
    assert rival.runs[-1] == "SqlWriteTransaction"
    assert offsets == [2, 2, 3, 3, 4, 4]
    assert db.offset == 5
    with db.write() as tx:
        assert tx.offset == 5
    with pytest.raises(qsdb.ClosedError, match="this write transaction has ended"):
        _ = tx.offset


def test_more_rows_than_are_allowed_are_told_at_once() -> None:
    limits, runs = TransactionLimits(written_rows=2), []

    def run(tx: ProcedureTransaction) -> None:
        runs.append(tx)
        tx[Count].insert_many([Count(n) for n in range(3)])

    with qsdb.Database(counts, limits=limits) as db:
        with pytest.raises(qsdb.LimitError, match="writes 2 rows at most"):
            db.transact(run)
        assert len(runs) == 1


def test_at_the_level_snapshot_reads_may_change(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Count].insert(Count(2))
    rival = Rival(db, 1)

    def copy(tx: ProcedureTransaction) -> None:
        row = tx[Count].get(1)
        assert row is not None
        rival.disturb(tx)
        tx[Count].update(Count(2, row.value))

    db.transact(copy, isolation="snapshot")
    assert len(rival.runs) == 1
    assert db.read()[Count].get(2) == Count(2, 0)


def test_an_exception_passes_and_rolls_back(db: qsdb.Database) -> None:
    def fail(tx: ProcedureTransaction) -> None:
        raise_by(tx, 5)
        raise qsdb.ConflictError("count", "done so itself", 7)

    with pytest.raises(qsdb.ConflictError, match="done so itself"):
        db.transact(fail)
    assert (value(db), db.stats().pins) == (0, 0)


@pytest.mark.parametrize("function", [3, None, "give"])
def test_what_is_no_function_is_not_run(db: qsdb.Database, function: Any) -> None:
    with pytest.raises(qsdb.ArgumentError, match="a function of a transaction is to"):
        db.transact(function, 3)
    with pytest.raises(qsdb.ArgumentError, match="a function of a transaction is to"):
        asyncio.run(db.transact_async(function, 3))


@pytest.mark.parametrize("retries", [-1, 1.0, True, None])
def test_a_number_of_retries_that_is_none(db: qsdb.Database, retries: Any) -> None:
    with pytest.raises(qsdb.ArgumentError, match="retries is an int from 0 on, not"):
        db.transact(lambda tx: raise_by(tx, 5), retries=retries)


def test_inside_of_a_serial_transaction(db: qsdb.Database) -> None:
    with db.write(), pytest.raises(qsdb.UsageError, match="inside a write"):
        db.transact(lambda tx: raise_by(tx, 5))


@pytest.mark.parametrize("way", ["commit", "rollback"])
def test_the_function_does_not_end_it(db: qsdb.Database, way: str) -> None:
    def end(tx: Any) -> None:
        raise_by(tx, 5)
        getattr(tx, way)()

    for retries in (0, 1):
        with pytest.raises(qsdb.UsageError, match="transact commits when its func"):
            db.transact(end, retries=retries)

    async def end_late(tx: Any) -> None:
        await tx.commit_async()

    with pytest.raises(qsdb.UsageError, match="transact commits when its function"):
        asyncio.run(db.transact_async(end_late))
    assert value(db) == 0


def test_a_coroutine_function_is_refused(db: qsdb.Database) -> None:
    async def late(tx: ProcedureTransaction) -> None:
        raise_by(tx, 5)

    with pytest.raises(qsdb.ArgumentError, match="await transact_async"):
        _ = db.transact(late)


def test_a_generator_function_is_refused(db: qsdb.Database) -> None:
    def some(tx: ProcedureTransaction) -> Iterator[int]:
        yield raise_by(tx, 5)

    async def many(tx: ProcedureTransaction) -> AsyncIterator[int]:
        yield raise_by(tx, 5)

    before = value(db)
    for function in (some, many):
        with pytest.raises(qsdb.ArgumentError, match="a generator function, of which"):
            db.transact(function)
    assert value(db) == before


def test_retries_wait_longer_and_longer_by_chance(db: qsdb.Database) -> None:
    waited: list[float] = []
    limits = TransactionLimits()
    retrying = Retrying(db._writer, db._calls.seeds, limits, waited.append)
    rival = Rival(db, 12)

    assert retrying.run(rival.run, 12, "serializable") == 1201
    assert len(waited) == 11  # the first one is at once
    assert all(0 <= each <= SECONDS_MAX for each in waited)
    assert waited[0] < 0.0004
    assert len(set(waited)) > 5


class Republished:
    """A directory in which another module is published while a transaction begins."""

    def __init__(self, db: qsdb.Database) -> None:
        self.store = db._directory.store
        self.real = db._directory.optimistic_class
        self.former = type("Former", (self.real,), {})
        self.asked = 0

    @property
    def optimistic_class(self) -> type:
        self.asked += 1
        return self.former if self.asked == 1 else self.real


def test_one_that_began_while_a_module_was_published_begins_again(
    db: qsdb.Database,
) -> None:
    directory = Republished(db)
    writer: Any = types.SimpleNamespace(
        clock=db._writer.clock, directory=directory, require_writable=lambda: None
    )
    retrying = Retrying(writer, db._calls.seeds, TransactionLimits())

    assert type(retrying.begin("snapshot")) is directory.real
    assert directory.asked == 4
    assert db.stats().pins == 0


def test_it_does_wait(db: qsdb.Database) -> None:
    assert db.transact(Rival(db, 2).run) == 201


class Slow:
    """Reads, and is overtaken so often that its offset is given up, until the last."""

    def __init__(self, db: qsdb.Database, times: int, *, reads_on: bool) -> None:
        self.rival, self.reads_on = Rival(db, times), reads_on

    def run(self, tx: Any) -> int:
        seen = raise_by(tx, 1)
        self.rival.disturb(tx)
        if self.reads_on:
            tx[Count].get(2)
        return seen

    async def run_async(self, tx: Any) -> int:
        await asyncio.sleep(0)
        return self.run(tx)


@pytest.fixture
def strict() -> Iterator[qsdb.Database]:
    limits = TransactionLimits(pinned_rows=0)
    with qsdb.Database(counts, seed=1, limits=limits) as opened:
        with opened.write() as tx:
            tx[Count].insert(Count(1))
        yield opened


@pytest.mark.parametrize("reads_on", [False, True])
@pytest.mark.parametrize("times", [1, 3])
def test_one_whose_offset_was_given_up_runs_again(
    strict: qsdb.Database, times: int, *, reads_on: bool
) -> None:
    with pytest.raises(qsdb.LimitError, match="offset 2 cannot be read any more"):
        Slow(strict, 1, reads_on=True).run(strict.optimistic())
    before = value(strict)
    slow = Slow(strict, times, reads_on=reads_on)

    assert strict.transact(slow.run, retries=2) == before + 100 * times + 1
    assert strict.stats().fallbacks == (times > 2)
    slow = Slow(strict, 2, reads_on=reads_on)
    assert asyncio.run(strict.transact_async(slow.run_async)) == value(strict)


def test_a_limit_of_another_kind_passes(db: qsdb.Database) -> None:
    runs: list[object] = []

    def fail(tx: ProcedureTransaction) -> None:
        runs.append(tx)
        raise qsdb.LimitError("too much")

    with pytest.raises(qsdb.LimitError, match="too much"):
        db.transact(fail)
    assert len(runs) == 1


# In an event loop.


@pytest.mark.parametrize("times", [0, 1])
def test_a_function_that_is_no_coroutine_function(
    db: qsdb.Database, times: int
) -> None:
    rival: Any = Rival(db, times)
    with pytest.raises(qsdb.ArgumentError, match=r"has given .* use transact"):
        asyncio.run(db.transact_async(rival.run, retries=0))

    assert (value(db), len(rival.runs)) == (100 * times, 1)


def test_a_coroutine_runs_again(db: qsdb.Database) -> None:
    rival = Rival(db, 3)

    assert asyncio.run(db.transact_async(rival.run_async)) == 301
    assert (value(db), len(rival.runs)) == (301, 4)


def test_many_coroutines_get_through(db: qsdb.Database) -> None:
    async def slowly(tx: ProcedureTransaction) -> int:
        seen = raise_by(tx, 1)
        await asyncio.sleep(0)
        return seen

    async def all_of_them() -> list[int]:
        waiting = [db.transact_async(slowly, retries=1000) for _ in range(8)]
        return await asyncio.gather(*waiting)

    assert sorted(asyncio.run(all_of_them())) == [*range(1, 9)]
    assert value(db) == 8


@pytest.mark.slow
def test_a_crowd_of_coroutines_gets_through(db: qsdb.Database) -> None:
    async def slowly(tx: ProcedureTransaction) -> None:
        raise_by(tx, 1)
        await asyncio.sleep(0.001)

    async def all_of_them() -> None:
        await asyncio.gather(*[db.transact_async(slowly) for _ in range(30)])

    asyncio.run(all_of_them())
    assert value(db) == 30
    assert db.stats().fallbacks == 0


def test_the_last_run_of_a_coroutine_is_serial(db: qsdb.Database) -> None:
    rival = Rival(db, 2)

    async def run(tx: ProcedureTransaction) -> int:
        return rival.run(tx)

    assert asyncio.run(db.transact_async(run, retries=1)) == 201
    assert rival.runs[-1] == "SqlWriteTransaction"


def test_the_last_run_of_a_coroutine_cannot_wait(db: qsdb.Database) -> None:
    rival = Rival(db, 2)

    with pytest.raises(qsdb.ConflictError, match="always been faster, and the last"):
        asyncio.run(db.transact_async(rival.run_async, retries=1))
    assert value(db) == 200
    db.check()


class Lingering:
    """Awaits again and again when it is ended, and then may fail."""

    def __init__(self, times: int, error: Exception | None = None) -> None:
        self.times, self.error = times, error
        self.ended = 0

    async def linger(self) -> None:
        try:
            await asyncio.sleep(0)
        finally:
            self.ended += 1
            if self.ended < self.times:
                await self.linger()
            elif self.error is not None:
                raise self.error


@pytest.mark.parametrize("times", [1, 2, 5])
def test_the_last_run_of_a_coroutine_that_waits_when_it_ends(
    db: qsdb.Database, times: int
) -> None:
    rival, lingering = Rival(db, 1), Lingering(times)

    async def run(tx: ProcedureTransaction) -> None:
        rival.run(tx)
        if len(rival.runs) == 2:
            await lingering.linger()

    with pytest.raises(qsdb.ConflictError, match="always been faster, and the last"):
        asyncio.run(db.transact_async(run, retries=0))
    assert (lingering.ended, value(db)) == (times, 100)


def test_the_last_run_of_a_coroutine_that_fails_when_it_ends(
    db: qsdb.Database,
) -> None:
    rival, lingering = Rival(db, 1), Lingering(1, ZeroDivisionError("so"))

    async def run(tx: ProcedureTransaction) -> None:
        rival.run(tx)
        if len(rival.runs) == 2:
            await lingering.linger()

    with pytest.raises(qsdb.ConflictError, match="always been faster") as caught:
        asyncio.run(db.transact_async(run, retries=0))
    assert caught.value.__cause__ is lingering.error


def test_the_last_run_of_a_coroutine_that_never_ends(db: qsdb.Database) -> None:
    rival, goes_on = Rival(db, 1), [True]

    async def run(tx: ProcedureTransaction) -> None:
        rival.run(tx)
        while len(rival.runs) == 2 and goes_on[0]:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0)

    made: list[Any] = []

    def kept(tx: ProcedureTransaction) -> Any:
        made.append(run(tx))
        return made[-1]

    with pytest.raises(qsdb.ConflictError, match="always been faster"):
        asyncio.run(db.transact_async(kept, retries=0))
    goes_on[0] = False
    made[-1].close()
    assert value(db) == 100


def test_an_exception_of_a_coroutine(db: qsdb.Database) -> None:
    async def fail(tx: ProcedureTransaction) -> None:
        raise_by(tx, 5)
        await asyncio.sleep(0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        asyncio.run(db.transact_async(fail))
    assert (value(db), db.stats().pins) == (0, 0)
