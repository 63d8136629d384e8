"""Transactions beside each other, as a kind of interaction of their own.

Such a transaction reads at one offset and writes at another. What it has done and seen
is kept as an `Attempt`, and is done again on the state that its commit came after::

    offset   4            5            6           7
             │ reads, and writes for   │           │ commits: all that it did at 4 is
             └─ itself ─────────────────────────── ┘ done again on the state of 6

**Invariants**:

1. It sees the state of its offset and its own writes, whoever commits meanwhile.
2. A serializable one has seen what it would have seen right before its commit.
3. Its commit changes the rows that it wrote, and no others.
4. It is a conflict only if somebody has committed since it began.
5. `transact` always gets through.

All of that holds for each form of it: by hand, awaited, of a procedure. What awaits has
the task as its event loop: whenever it is suspended others may go on, and it may be
cancelled (`driven`). Then nothing is committed.
"""

import asyncio
import contextlib
from collections.abc import Callable, Generator, Iterator
from typing import Any

import attrs

import qsdb
from qsdb.runtime import optimistic, retrying
from qsdb.store.optimistic.transactions import OptimisticTransaction
from tests.simulation.doing import do, expected, filled_in, look
from tests.simulation.processes import BoomError, Process
from tests.simulation.states import NUMBERED, Key, Operation, State
from tests.simulation.tasks import World

__all__ = ["Attempt", "OptimisticClient", "watched"]

PLACED = {
    **dict.fromkeys(("move", "rename", "drop"), "account"),
    "unstock": "stock",
    "silence": "alarm",
}
"""Operation → the table in which its first argument is a place."""


@attrs.define(eq=False)
class Attempt:
    """What one transaction has done and seen.

    Attributes:
        base: The state that it began with.
        scratch: The same with its own writes.
        is_serializable: Whether all that it read is to be so in the end.
        seen: Each operation, and what it gave.
        is_merged: Whether it came to its commit.
    """

    base: State
    scratch: State
    is_serializable: bool
    world: World
    seen: list[tuple[Operation, Any]] = attrs.Factory(list)
    is_merged: bool = False

    @property
    def is_commit(self) -> bool:
        """Whether there is anything to be committed."""
        return not self.scratch.is_same(self.base)

    def after(self, state: State) -> State:
        """Give the state after its commit."""
        after = state.copy()
        after.pings = dict(self.scratch.pings)
        after.has_gaps = True
        for name, rows in self.scratch.tables.items():
            self._write(name, rows, after)
        return after

    def _write(self, name: str, rows: dict[Any, Any], after: State) -> None:
        before = self.base.tables[name]
        for key in before.keys() - rows.keys():
            after.tables[name].pop(key, None)
        for key, row in rows.items():
            if before.get(key) == row:
                continue
            after.tables[name][key] = row
            if name in after.following:
                after.following[name] = max(after.following[name], key + 1)
            for due in (key, -key) if name in ("alarm", "errand") else ():
                if due in self.scratch.due:
                    # It counts from the commit, which may be earlier on the clock than
                    # the transaction, if that was set back in between.
                    after.due[due] = self.scratch.due[due] - self.world.set_back

    def is_beside(self, state: State) -> bool:
        """Whether nobody has written what it writes: the first who commits wins.

        So it is at either level. Where another edition was published rows are others.
        """
        return state.edition != self.base.edition or all(
            state.tables[name].get(key) == before.get(key)
            for name, rows in self.scratch.tables.items()
            for before in [self.base.tables[name]]
            for key in before.keys() | rows.keys()
            if before.get(key) != rows.get(key)
        )

    def is_seen(self, state: State) -> bool:
        """Whether it would have seen the same there."""
        state = state.copy()
        return all(seen_again(state, each, found) for each, found in self.seen)


def seen_again(state: State, operation: Operation, found: Any) -> bool:
    """Do an operation again, and give whether the same is seen."""
    match operation:
        case ("look", name, number):
            return bool(expected(state, name, number) == found)
        case ("nested", fails, _):
            before = state.copy()
            before.pings = dict(state.pings)
            is_same = all(seen_again(state, each, seen) for each, seen in found)
            if fails:
                state.take(before)
            return is_same
        case _:
            number_from(state, operation, found)
            return bool(state.do(operation) == found)


def number_from(state: State, operation: Operation, found: Any) -> None:
    """Have the next number be the one that the database gave."""
    table = NUMBERED.get(operation[0])
    if table is not None and isinstance(found, int):
        state.following[table] = found


def exact(state: State, operation: Operation) -> Operation:
    """Give an operation that means the same row, whatever others do."""
    name, *arguments = operation
    if name == "look" and arguments[0] == "get":
        return (name, "get", Key(state.key("account", arguments[1])))
    if name in PLACED:
        key = Key(state.key(PLACED[name], arguments[0]))
        return (name, key, *arguments[1:])
    return operation


@contextlib.contextmanager
def watched(process: Process) -> Iterator[None]:
    """Have the judge there when a transaction is validated, under the writer lock."""
    merge = OptimisticTransaction._merge

    def judged(tx: OptimisticTransaction, transaction: Any) -> None:
        attempt: Attempt = process.attempts.pop(id(tx))
        with process.undoing():
            state = process.begin(transaction)
            merge(tx, transaction)
            attempt.is_merged = True
            is_first = attempt.is_beside(state)
            process.require(is_first, "this writes over what another one wrote:", tx)
            is_same = not attempt.is_serializable or attempt.is_seen(state)
            process.require(
                is_same, "this commits, and would see other things now:", tx
            )
            process.stage(attempt.after(state))

    OptimisticTransaction._merge = judged  # type: ignore[assignment, method-assign]
    try:
        with awaiting(process.world):
            yield
    finally:
        OptimisticTransaction._merge = merge  # type: ignore[method-assign]


class _Suspended:
    """What a coroutine awaits so that others go on."""

    def __await__(self) -> Generator[None, None, None]:
        yield None


def driven(world: World, coroutine: Any, *, is_cancelled: bool = False) -> Any:
    """Run a coroutine to its end, as an event loop that has nothing else to do.

    Args:
        world: Whose tasks may go on wherever it is suspended.
        coroutine: It.
        is_cancelled: Whether it is cancelled where it is suspended first.
    """
    thrown: BaseException | None = None
    while True:
        try:
            coroutine.send(None) if thrown is None else coroutine.throw(thrown)
        except StopIteration as end:
            return end.value
        thrown = asyncio.CancelledError() if is_cancelled else None
        is_cancelled = False
        try:
            world.switch()
        except BaseException as error:  # noqa: BLE001  the world has ended
            thrown = error


@contextlib.contextmanager
def awaiting(world: World) -> Iterator[None]:
    """Have the coroutines of qsdb wait in a world, and not in threads of their own."""

    async def pause(seconds: float) -> None:
        world.sleep(seconds)
        await _Suspended()

    async def in_a_thread(function: Any, *arguments: object) -> Any:
        await _Suspended()
        return function(*arguments)

    running: Any = retrying
    ending: Any = optimistic
    real = running.pause, ending.pause, ending.in_a_thread
    running.pause, ending.pause, ending.in_a_thread = pause, pause, in_a_thread
    try:
        yield
    finally:
        running.pause, ending.pause, ending.in_a_thread = real


class OptimisticClient:
    """The part of a client that writes beside others."""

    process: Process
    db: qsdb.Database

    def optimistic(self, script: int, level: int, is_failing: int) -> None:
        """Write beside others, and commit, or not, in one of the forms that there are.

        A procedure may leave its transaction open: then it is rolled back.
        """
        process, world = self.process, self.process.world
        isolation = "snapshot" if level == 0 else "serializable"
        form = script % 3
        if form == 0:
            tx = self.db.optimistic(isolation)  # type: ignore[arg-type]
            self._write(tx, tx.commit, script, level, is_failing)
        elif form == 1:
            tx = self.db.optimistic(isolation)  # type: ignore[arg-type]
            process.counts["an awaited commit"] += 1

            def commit() -> int:
                return int(driven(world, tx.commit_async()))

            self._write(tx, commit, script, level, is_failing)
        else:
            left: list[Any] = []

            def journey(ctx: Any) -> None:
                tx = ctx.optimistic(isolation)
                if is_failing:
                    left.append(tx)
                    self._attempt(tx, script, is_serializable=level > 0)
                else:
                    self._write(tx, tx.commit, script, level, is_failing)

            process.counts["a transaction of a procedure"] += 1
            process.journeys[world.current] = journey
            self.db.call("travel", script, script)
            for tx in left:
                process.require(tx._hold.pin is None, "the call has ended, and not", tx)

    def _write(
        self,
        tx: Any,
        commit: Callable[[], int],
        script: int,
        level: int,
        is_failing: int,
    ) -> None:
        process = self.process
        attempt = self._attempt(tx, script, is_serializable=level > 0)
        if attempt is None or is_failing:
            tx.rollback()
            return
        try:
            offset = commit()
        except qsdb.ConflictError:
            is_right = process.last_offset() > tx.offset
            process.require(is_right, "a conflict with nobody")
            process.counts["a conflict"] += 1
            process.steps.pop(process.world.current, None)
            return
        process.require(attempt.is_merged or not attempt.is_commit, "nothing is merged")
        step = process.committed()
        if step is not None and step.offset is not None:
            process.compare(offset, step.offset, "the offset of a commit")

    def transact(self, script: int, retries: int, is_failing: int) -> None:
        """Write beside others, as often as it takes."""
        if script % 2:
            self._transact_awaiting(script, retries, is_failing)
            return
        process = self.process

        def run(tx: Any) -> None:
            if isinstance(tx, OptimisticTransaction):
                if self._attempt(tx, script, is_serializable=True) is None:
                    raise BoomError
            else:
                process.act(tx, script)
                process.counts["a serial attempt"] += 1
            if is_failing:
                if not isinstance(tx, OptimisticTransaction):
                    process.unstage()
                raise BoomError

        try:
            self.db.transact(run, retries=retries)
        except BoomError:
            process.steps.pop(process.world.current, None)
            process.counts["a rollback"] += 1
        process.committed()

    def _transact_awaiting(self, script: int, retries: int, is_failing: int) -> None:
        """As a coroutine, which may be cancelled, and may await in its last run too."""
        process, world = self.process, self.process.world

        async def run(tx: Any) -> None:
            if isinstance(tx, OptimisticTransaction):
                if self._attempt(tx, script, is_serializable=True) is None:
                    raise BoomError
                await _Suspended()
                return
            process.act(tx, script)
            process.counts["a serial attempt"] += 1
            if script % 4 == 3:
                process.unstage()
                await _Suspended()

        made = self.db.transact_async(run, retries=retries)
        process.counts["an awaited transact"] += 1
        try:
            driven(world, made, is_cancelled=bool(is_failing))
        except (BoomError, asyncio.CancelledError) as error:
            process.steps.pop(world.current, None)
            process.counts["a rollback"] += 1
            process.counts[f"{type(error).__name__} is told"] += 1
        except qsdb.ConflictError:
            process.require(script % 4 == 3, "it awaits nothing, and is refused")
            process.steps.pop(world.current, None)
            process.counts["a coroutine gives up"] += 1
        process.committed()

    def _attempt(
        self, tx: Any, script: int, *, is_serializable: bool
    ) -> Attempt | None:
        """Do a script; None if nobody knows what there is to be seen."""
        process = self.process
        process.observe()
        candidates = process.history.candidates(tx.offset)
        if len(candidates) > 1:
            return None
        base = candidates[0].copy()
        attempt = Attempt(base, base.copy(), is_serializable, process.world)
        process.attempts[id(tx)] = attempt
        names = (("counts",), ("get", "find"), ("sql",), ("sql",))[script % 4]
        reads = [("look", name, process.plan.seed + script) for name in names]
        for operation in (*reads, *process.plan.scripts[script]):
            attempt.seen.append(self._operate(tx, attempt.scratch, operation))
        process.world.sleep(0.001)  # so that somebody may come between
        return attempt

    def _operate(
        self, tx: Any, scratch: State, operation: Operation
    ) -> tuple[Operation, Any]:
        process = self.process
        process.world.switch()
        done = exact(scratch, filled_in(operation, tx.timestamp))
        found: Any
        match done:
            case ("look", name, number):
                found = look(tx, scratch, name, number)
                process.compare(found, expected(scratch, name, number), "beside,", name)
            case ("nested", fails, inner):
                found = self._operate_nested(tx, scratch, fails=fails, inner=inner)
            case _:
                found = do(tx, scratch, process.edition(scratch), done)
                number_from(scratch, done, found)
                process.compare(found, scratch.do(done), *done)
        return done, found

    def _operate_nested(
        self, tx: Any, scratch: State, *, fails: int, inner: tuple[Operation, ...]
    ) -> list[tuple[Operation, Any]]:
        before, found = scratch.copy(), list[tuple[Operation, Any]]()
        before.pings = dict(scratch.pings)
        try:
            with tx.savepoint():
                found += [self._operate(tx, scratch, each) for each in inner]
                if fails:
                    raise BoomError  # noqa: TRY301  out of the block
        except BoomError:
            if not fails:
                raise
            scratch.take(before)
        return found
