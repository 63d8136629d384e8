"""What clients do: each public way to use a database, and what is true of it.

Each interaction is a method of `Client`, named by its kind.
"""

from collections.abc import Callable
from typing import Any

import qsdb
from qsdb import Identity
from qsdb.testing import SimulatedDirectory
from tests.simulation.doing import content, expected, look, tuples
from tests.simulation.histories import Step
from tests.simulation.listening import CachedQueries, Listener
from tests.simulation.optimistic import OptimisticClient
from tests.simulation.plans import Interaction
from tests.simulation.processes import BoomError, Process
from tests.simulation.queries import CHANGES, asked_query, live_query, params_of
from tests.simulation.states import State
from tests.simulation.town import edition

__all__ = ["Client", "Common"]

SOON = 100_000
"""How many chances others have to go on before something is there."""


class Common:
    """What the clients of a process have in common.

    Attributes:
        listeners: Live queries.
        caches: Connections.
        followers: Who reads beside the writer.
        is_step_running: Whether a step of which there is one at a time is going on.
        has_compacted: Whether log may have gone that somebody reads.
    """

    def __init__(self) -> None:
        self.listeners: list[Listener] = []
        self.caches: list[CachedQueries] = []
        self.followers: dict[int, qsdb.Database] = {}
        self.is_step_running = False
        self.has_compacted = False


class Client(OptimisticClient):
    """Does interactions, one after the other."""

    def __init__(self, process: Process, common: Common) -> None:
        self.process = process
        self.common = common
        self.db = process.db

    def run(self, interactions: list[Interaction]) -> None:
        """Do them, until there is a reason to stop."""
        process = self.process
        for each in interactions:
            if process.is_stopping:
                return
            process.world.note("begins", str(each))
            process.steps.pop(process.world.current, None)  # of one that failed
            try:
                getattr(self, each.kind)(*each.arguments)
            except (qsdb.StorageError, OSError) as error:
                process.require(process.disk.has_failed, each, "failed:", repr(error))
                process.counts[f"{type(error).__name__} is told"] += 1
                if isinstance(error, qsdb.FailedError):
                    process.is_stopping = True
                process.world.note("failed", type(error).__name__)
            except Exception as error:  # noqa: BLE001  it is told
                process.find(f"{each} raised {error!r}")
            else:
                process.counts[each.kind] += 1
            process.world.switch()

    # Writing.

    def call(self, script: int, is_failing: int) -> None:
        """Call a reducer."""
        if is_failing:
            return self.block(script, is_failing)
        count = self.db.call("act", script)
        self.process.compare(count, len(self.process.plan.scripts[script]), "result")
        self.process.committed()
        return None

    def block(self, script: int, is_failing: int) -> None:
        """Write in a block, which may be rolled back."""
        process = self.process
        try:
            with self.db.write() as tx:
                process.act(tx, script)
                if is_failing:
                    process.unstage()
                    raise BoomError  # noqa: TRY301  out of the block
        except BoomError:
            process.counts["a rollback"] += 1
        process.committed()

    def procedure(self, first: int, second: int) -> None:
        """Call a procedure with two transactions."""
        self.db.call("travel", first, second)
        self.process.committed()

    def change(self, number: int, value: int) -> None:
        """Change rows by a statement of SQL."""
        process, change = self.process, CHANGES[number % len(CHANGES)]
        n = max(value - 40, change.least)
        given: int | str = 0

        def apply(state: State) -> State | None:
            nonlocal given
            after = state.copy()
            given = change.apply(after, n)
            return None if after.is_same(state) else after

        def run() -> tuple[object, int]:
            params = {"n": n} if ":n" in change.text else {}
            try:
                return self.db.sql(change.text, params).rows_affected, 0
            except qsdb.UniqueError as error:
                return type(error).__name__, 0

        step = Step(change.text, apply)
        result = self._alone(step, run)
        if result is not None and step.offset is not None:
            before = process.history.states[step.offset - 1]
            process.compare(result[0], change.apply(before.copy(), n), change.text)

    def publish(self) -> None:
        """Publish the edition that follows."""
        target = self.process.observe().edition + 1
        if target > 3:
            return

        def apply(state: State) -> State | None:
            return state.migrated(target) if state.edition == target - 1 else None

        module = edition(target)[0].module
        step = Step(f"edition {target} is published", apply)
        done = self._alone(step, lambda: self.db.publish(module, allow_breaking=True))
        if done is not None:
            self.process.require(step.offset is not None, "publishing is no commit")

    def _alone(self, step: Step, run: Callable[[], Any]) -> Any:
        """Do a step, unless another one is going on; then give None."""
        common, history = self.common, self.process.history
        if common.is_step_running:
            return None
        common.is_step_running = True
        history.steps.append(step)
        try:
            return run()
        finally:
            if not self.process.world.is_doomed:
                self.process.observe()  # also if it failed: it may be a commit
                if step in history.steps:
                    history.steps.remove(step)
            common.is_step_running = False

    # Reading.

    def read(self, looks: tuple[tuple[str, int, int], ...]) -> None:
        """Read at one offset while others write."""
        process = self.process
        with self.db.read() as tx:
            state = process.state_at(tx)
            for name, number, waits in looks:
                found = look(tx, state, name, number)
                should = expected(state, name, number)
                process.compare(found, should, name, number, "at", tx.offset)
                if waits:
                    process.world.sleep(0.001)
                else:
                    process.world.switch()

    def sql(self, number: int, value: int, _: int) -> None:
        """Ask a query at the last commit."""
        process, query = self.process, asked_query(number)
        before = process.last_offset()
        found = self.db.sql(query.text, params_of(query, value))
        rows = sorted(tuples(found), key=repr)
        process.observe()
        ways = [
            sorted(query.twin(state, value), key=repr)
            for offset in range(before, process.history.last + 1)
            for state in process.history.candidates(offset)
        ]
        if rows not in ways:
            process.compare(rows, ways, query.text, "since offset", before)

    # Listening.

    def subscribe(self, number: int, value: int, confirmed: int) -> None:
        """Begin a live query."""
        query = live_query(number)
        listener = Listener(self.process, query, value, confirmed=bool(confirmed))
        listener.begin()
        self.common.listeners.append(listener)

    def unsubscribe(self, place: int) -> None:
        """End a live query."""
        if self.common.listeners:
            found = self.common.listeners.pop(place % len(self.common.listeners))
            found.end()

    def connect(self, confirmed: int, choice: int) -> None:
        """Connect, with a cache."""
        identity = Identity.from_bytes(bytes(31) + bytes([1 + choice % 3]))
        edition_before = self.process.observe().edition
        connection = self.db.connect(identity, confirmed=bool(confirmed))
        self.process.committed()
        cache = CachedQueries(self.process, connection, choice)
        try:
            cache.begin()
        except qsdb.ClosedError:  # by a module that was published meanwhile
            is_right = edition_before < self.process.observe().edition == 3
            self.process.require(is_right, "a new connection is closed")
            return
        self.common.caches.append(cache)

    def call_connected(self, script: int, place: int) -> None:
        """Call a reducer over a connection, which then knows its commit."""
        caches = self.common.caches
        if not caches:
            return
        cache = caches[place % len(caches)]
        if self._is_over(cache):
            return
        try:
            cache.connection.call("act", script)
        except qsdb.ClosedError:
            is_closed = self._is_over(cache)
            self.process.require(is_closed, "a call finds the connection closed")
            return
        step = self.process.committed()
        if (
            step is not None
            and step.offset is not None
            and not cache.connection.is_closed
        ):
            cache.require_since(step.offset)

    def _is_over(self, cache: CachedQueries) -> bool:
        return cache.is_over or cache.connection.is_closed

    def disconnect(self, place: int) -> None:
        """Close a connection."""
        if self.common.caches:
            cache = self.common.caches.pop(place % len(self.common.caches))
            cache.is_over = True
            cache.connection.close()
            self.process.observe()

    # Time and the disk.

    def wait(self, milliseconds: float) -> None:
        """Do nothing for a while."""
        self.process.world.sleep(milliseconds / 1000)

    def clock(self, seconds: int) -> None:
        """Have somebody set the clock."""
        world = self.process.world
        world.skew += seconds * 1_000_000_000
        world.set_back += max(0, -seconds) * 1_000_000

    def run_due(self) -> None:
        """Run what is due."""
        self.db.run_due()
        self.process.observe()

    def wait_durable(self) -> None:
        """Wait until all is on the disk."""
        offset = self.process.last_offset()
        self.process.require(self.db.wait_durable(offset), "not durable")
        self.process.promise(offset)

    def snapshot(self) -> None:
        """Take a snapshot, which is never ahead of the log."""
        offset = self.db.snapshot()
        self.process.observe()
        self.process.promise(offset)

    def compact(self, is_after_snapshot: int) -> None:
        """Remove what is old."""
        if is_after_snapshot:
            self.snapshot()
        self.common.has_compacted = True
        self.db.compact()

    def check(self) -> None:
        """Have the database verify itself."""
        self.db.check()

    def stats(self) -> None:
        """Count."""
        self.process.require(self.db.stats().offset <= self.db.offset, "stats")

    def backup(self) -> None:
        """Copy the database, and read the copy."""
        process, dest = self.process, SimulatedDirectory()
        before = self.db.offset
        offset = self.db.backup(dest)
        process.observe()
        process.require(before <= offset <= process.history.last, "backup", offset)
        module = self._module_at(offset)
        with qsdb.Database(module, dest, read_only=True, seed=1) as copy:
            self._compare(copy, "the backup")

    def _module_at(self, offset: int) -> qsdb.Module | None:
        """Give the module of an offset; None, which costs more, if nobody knows."""
        candidates = self.process.history.candidates(offset)
        numbers = {state.edition for state in candidates}
        return edition(numbers.pop())[0].module if len(numbers) == 1 else None

    def _compare(self, db: qsdb.Database, what: str) -> None:
        """Compare another database with the state at its offset."""
        process = self.process
        process.observe()
        with db.read() as tx:
            # Whoever reads the files may have a commit that nobody sees yet; but one
            # alone, and it is seen soon.
            is_near = tx.offset <= process.history.last + 1
            process.require(is_near, what, "is ahead")
            chances = iter(range(SOON))
            while tx.offset > process.history.last and next(chances, None) is not None:
                process.world.switch()
                process.observe()
            process.require(tx.offset <= process.history.last, what, "stays ahead")
            state = process.state_at(tx)
            found = content(tx, state.edition)
            process.compare(found, state.content(), what, "at", tx.offset)

    def follow(self, number: int) -> None:
        """Read beside the writer, or go on with that."""
        followers = self.common.followers
        if number not in followers:
            disk = self.process.disk
            followers[number] = qsdb.Database(None, disk, read_only=True, seed=1)
            self._compare(followers[number], "a follower")
            return
        follower = followers.pop(number)
        try:
            follower.refresh()
        except qsdb.StorageError:
            if not self.common.has_compacted:
                raise
            follower.close()
            return
        self._compare(follower, "a follower that went on")
        followers.setdefault(number, follower)

    def travel(self, place: int) -> None:
        """Read the database as it once was."""
        process = self.process
        process.observe()
        offset = 1 + place % process.history.last
        module = self._module_at(offset)
        try:
            db = qsdb.Database(module, process.disk, read_only=True, at=offset, seed=1)
        except qsdb.ArgumentError:  # it is not on the disk, any more or yet
            process.counts["a journey is refused"] += 1
            return
        with db:
            process.compare(db.offset, offset, "the offset of a journey")
            self._compare(db, "a journey")
