"""One life of the database in a world, and what its functions do: `Process`.

It is what all that goes on has in common: the world, the disk, the history, and the
database once it is open. What it finds wrong ends the world at once (`Process.find`),
since what is raised in a callback or a reducer would be swallowed.
"""

import contextlib
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import qsdb
from tests.simulation.disks import WorldDirectory
from tests.simulation.doing import content, do, expected, filled_in, left_in, look
from tests.simulation.histories import FindingError, History, Step
from tests.simulation.plans import Plan
from tests.simulation.states import Operation, State
from tests.simulation.tasks import Task, World
from tests.simulation.threads import RLock
from tests.simulation.town import Edition, edition

__all__ = ["BoomError", "Process"]


class BoomError(Exception):
    """What a transaction is rolled back with."""


class Process:
    """A process that has the database open, or is about to.

    Attributes:
        counts: What came about how often.
        is_stopping: Whether the disk has failed, and nobody begins anything any more.
        steps: Task → what its last transaction staged.
        attempts: Optimistic transaction, by its id → what it has done.
        journeys: Task → what its next procedure does, if not two scripts.
    """

    db: qsdb.Database

    def __init__(
        self,
        plan: Plan,
        world: World,
        disk: WorldDirectory,
        history: History,
        counts: "Counter[str]",
    ) -> None:
        self.plan = plan
        self.world = world
        self.disk = disk
        self.history = history
        self.counts = counts
        self.is_stopping = False
        self._judging = RLock(world)
        self.steps: dict[Task | None, Step] = {}
        self.attempts: dict[int, Any] = {}
        self.journeys: dict[Any, Callable[[Any], None]] = {}

    def find(self, text: str) -> NoReturn:
        """Tell that something is wrong; nothing goes on after that."""
        where = "".join(traceback.format_stack()[-9:-1])
        self.world.die(FindingError(f"{text}\n{where}"))
        raise AssertionError("nothing goes on here")

    def require(self, is_right: object, *what: object) -> None:
        """Tell that something is wrong, if it is."""
        if not is_right:
            self.find(" ".join(map(str, what)))

    def compare(self, found: object, should: object, *what: object) -> None:
        """Tell that something is not what it should be."""
        if found != should:
            self.find(
                f"{' '.join(map(str, what))}:\n  is     {found}\n  not    {should}"
            )

    def judged(self, check: Callable[[], Any]) -> Any:
        """Call a judge alone, and have what it finds end the world."""
        try:
            with self._judging:
                return check()
        except FindingError as error:
            self.find(str(error))

    # What is there.

    def edition(self, state: State) -> Edition:
        """Give the row classes of a state."""
        return edition(state.edition)[0]

    def reader(self, tx: Any) -> Callable[[int], Any]:
        """Give what reads all by a transaction, for a history."""
        return lambda number: content(tx, number) if _fits(tx, number) else None

    def observe(self) -> State:
        """Take in what was committed by now; give the last state."""
        durable = self.db.durable_offset
        self.judged(self._observe)
        self.promise(durable)
        return self.history.states[-1]

    def _observe(self) -> None:
        history, db = self.history, self.db
        store = db._directory.store
        if db.offset <= history.last and history.opening is None:
            return
        try:
            with db.read() as tx:
                history.settle(tx.offset, self.reader(tx))
        except qsdb.ClosedError:  # somebody is told of a commit as it is closed
            history.settle(db.offset, lambda _: left_in(store))

    def last_offset(self) -> int:
        """Take in what was committed by now; give the last offset."""
        self.observe()
        return self.history.last

    def promise(self, offset: int) -> None:
        """Take in that an offset is said to be on the disk."""
        # One more may be on the disk, of a commit that is not seen to its end.
        self.require(offset <= self.history.last + 1, offset, "is durable, not there")
        self.history.promised = max(self.history.promised, offset)

    def state_at(self, tx: Any) -> State:
        """Give what a read transaction should see."""
        history = self.history
        self.judged(lambda: history.settle(tx.offset, self.reader(tx)))
        self.require(0 < tx.offset <= history.last, "no such offset", tx.offset)
        state: State = self.judged(lambda: history.resolve(tx.offset, self.reader(tx)))
        return state

    # Transactions.

    def begin(self, tx: Any) -> State:
        """Begin to change something, first of all in a transaction."""
        history, offset = self.history, tx._store.offset
        state: State = self.judged(lambda: history.begin(offset, self.reader(tx)))
        micros = tx.timestamp.micros
        self.require(micros >= state.micros, "time goes back to", micros)
        state.micros = micros
        return state

    def stage(self, state: State, *, is_commit: bool = False) -> None:
        """Say what the transaction leaves, last of all in it."""
        step = self.history.stage(state, is_commit=is_commit)
        self.steps[self.world.current] = step

    @contextlib.contextmanager
    def undoing(self) -> Iterator[None]:
        """Take in that what raises is rolled back."""
        try:
            yield
        except BaseException:
            if not self.world.is_doomed:  # what is dead undoes nothing
                self.unstage()
            raise

    def unstage(self) -> None:
        """Say that the transaction of this task is rolled back."""
        self.history.pending_step = None
        self.steps.pop(self.world.current, None)

    def act(self, tx: Any, script: int) -> int:
        """Do a script of operations in a transaction."""
        with self.undoing():
            state = self.begin(tx)
            operations = self.plan.scripts[script]
            for operation in operations:
                self.operate(tx, state, operation)
            self.stage(state)
        return len(operations)

    def operate(self, tx: Any, state: State, operation: Operation) -> None:
        """Do an operation on the database and on the model."""
        self.world.switch()
        match operation:
            case ("nested", fails, inner):
                self._operate_nested(tx, state, fails=bool(fails), inner=inner)
            case ("look", name, number):
                found = look(tx, state, name, number)
                self.compare(found, expected(state, name, number), "inside,", name)
            case _:
                filled = filled_in(operation, tx.timestamp)
                before = state.copy()
                found = do(tx, before, self.edition(state), filled)
                state.skip_gap(filled, found)
                self.compare(found, state.do(filled), *filled)

    def _operate_nested(
        self, tx: Any, state: State, *, fails: bool, inner: tuple[Operation, ...]
    ) -> None:
        before = state.copy()
        before.pings = dict(state.pings)
        try:
            with tx.savepoint():
                for operation in inner:
                    self.operate(tx, state, operation)
                if fails:
                    raise BoomError  # noqa: TRY301  out of the block
        except BoomError:
            if not fails:
                raise
            state.take(before)

    # What the module's functions do.

    def ring(self, tx: Any, alarm: Any) -> None:
        """Do what an alarm is for: note that it rang, or fail."""
        with self.undoing():
            state, number = self.begin(tx), alarm.scheduled_id
            row = state.tables["alarm"].get(number)
            self.compare((*alarm,), row, "the alarm that rings")
            due = state.due[number]
            self.require(tx.timestamp.micros >= due, "an alarm rings before", due)
            self.counts["an alarm rings"] += 1
            if alarm.fails:
                self.history.failed.add(number)
                raise BoomError
            self.operate(tx, state, ("ring", alarm.label))
            if alarm.scheduled_at.is_time:
                del state.tables["alarm"][number], state.due[number]
            else:
                state.due[number] += alarm.scheduled_at.value.micros
            self.stage(state, is_commit=True)

    def run_errand(self, ctx: Any, errand: Any) -> None:
        """Do what an errand is for, once in all lives."""
        number, done = errand.scheduled_id, self.history.errands
        self.require(number not in done, "errand", number, "is run again")
        done.add(number)
        self.counts["an errand is run"] += 1
        self.world.sleep(0.002)
        with ctx.transaction() as tx, self.undoing():
            state = self.begin(tx)
            is_there = number in state.tables["errand"]
            self.require(not is_there, "errand", number, "runs, and is not taken")
            self.operate(tx, state, ("ring", errand.label))
            self.stage(state)

    def travel(self, ctx: Any, scripts: tuple[int, int]) -> None:
        """Do two scripts, in two transactions of a procedure; or what is said."""
        journey = self.journeys.pop(self.world.current, None)
        if journey is not None:
            journey(ctx)
            return
        for script in scripts:
            with ctx.transaction() as tx:
                self.act(tx, script)
            self.committed()
            self.world.sleep(0.001)

    def visit(self, tx: Any, connection: object, *, is_coming: bool) -> None:
        """Take in that a client comes or goes."""
        with self.undoing():
            state = self.begin(tx)
            visits = state.tables["visit"]
            if is_coming:
                tx.visit.insert(self.edition(state).rows["visit"](connection))
                visits[connection] = (connection,)
            else:
                found = tx.visit.delete_by_key(connection)
                self.compare(found, visits.pop(connection, None) is not None, "visit")
            step = self.history.stage(state, is_commit=True)
            # A client may go in the middle of what this task does, as it tells of a
            # publication: what it has committed itself is still to be looked at.
            self.steps.setdefault(self.world.current, step)

    # What a transaction was.

    def committed(self) -> Step | None:
        """Verify that the last transaction of this task was a commit, if it had to."""
        step = self.steps.pop(self.world.current, None)
        self.observe()
        if step is not None:
            is_commit = step.offset is not None
            self.compare(is_commit, step.is_commit, "whether that was a commit")
            if step.offset is not None and self.plan.options["durability"] == "always":
                self.promise(step.offset)
        return step


def _fits(tx: Any, number: int) -> bool:
    """Whether a transaction has the tables of an edition, whatever rows there are."""
    schemas = {name: each.bound.schema for name, each in tx._tables.by_name.items()}
    is_marked = any(column.name == "mark" for column in schemas["stock"].columns)
    return ("tag" in schemas, is_marked) == (number > 1, number > 2)
