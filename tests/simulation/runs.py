"""A run: what a seed stands for is lived through, twice if it is to be the same.

**Strategy**: a plan (`plans`) has some lives of one process. In each the database is
opened on what the disk has left, clients do their interactions at the same time, and
the log, snapshot, delivery and scheduler threads do theirs; all of them are tasks of a
simulated world (`tasks`), and which goes on where is drawn. A life ends well, or by a
crash, a loss of power, or a disk that fails. In the last one nothing fails any more: so
after what is safe comes what is live.

**Invariants**:

1. Whatever is read, by whatever way, is the state of one offset, as the model has it.
2. After a crash the state is that of one offset, of what was promised or later.
3. Who listens is told of every commit, exactly (`listening`).
4. An alarm never rings before its time, an errand is run once at most, and in the end
   all that is due has been done.
5. In the last life all clients go on, all becomes durable, and one more opening finds
   the same.
6. Nothing raises what it is not to raise, and nobody waits for ever.
"""

import contextlib
import functools
import gc
import logging
import random
import sys
import weakref
from collections import Counter
from collections.abc import Iterator
from typing import Any

import attrs

import qsdb
from qsdb.testing import SimulatedCrash, SimulatedDirectory
from tests.simulation.caching import cached
from tests.simulation.disks import WorldDirectory
from tests.simulation.doing import content
from tests.simulation.fine import finely
from tests.simulation.histories import FindingError, History
from tests.simulation.interactions import Client, Common
from tests.simulation.optimistic import watched
from tests.simulation.plans import CLIENTS, Fault, LifePlan, Plan, draw
from tests.simulation.processes import Process
from tests.simulation.tasks import START, DoomedError, World
from tests.simulation.threads import simulated
from tests.simulation.town import EDITIONS, edition

__all__ = ["Outcome", "run"]

LIVELINESS = 3
"""So many things each client does in the end, to show that it can."""


@attrs.define(eq=False)
class Outcome:
    """What came of a run.

    Attributes:
        trace: All that happened, in its order.
        counts: What came about how often.
        error: What was found, or None.
    """

    trace: list[tuple[object, ...]]
    counts: "Counter[str]"
    error: BaseException | None = None


def run(plan: Plan | int) -> Outcome:
    """Live through what a seed stands for."""
    if isinstance(plan, int):
        plan = draw(plan)
    outcome = Outcome([], Counter())
    with cached(), _quiet() as logged:
        try:
            _Run(plan, outcome, logged).live()
        except Exception as error:  # noqa: BLE001  it is told
            outcome.error = error
    return outcome


@contextlib.contextmanager
def _quiet() -> Iterator["_Logged"]:
    """Keep the collector still, and take what is logged."""
    was_enabled = gc.isenabled()
    gc.disable()
    logger, logged = logging.getLogger("qsdb"), _Logged()
    level, propagates = logger.level, logger.propagate
    hook, sys.unraisablehook = sys.unraisablehook, _pass_over_doom
    logger.addHandler(logged)
    logger.propagate = False
    logger.setLevel(logging.WARNING)
    try:
        yield logged
    finally:
        sys.unraisablehook = hook
        logger.removeHandler(logged)
        logger.propagate = propagates
        logger.setLevel(level)
        if was_enabled:
            gc.enable()


def _pass_over_doom(what: "sys.UnraisableHookArgs") -> None:
    """Show what a finalizer raises, but for what comes of a killed process."""
    if what.exc_type is not DoomedError:
        sys.__unraisablehook__(what)


FORBIDDEN = (
    "a callback raised",
    "a callback of %s raised",
    "running what is due failed",
)
"""What is logged of what is never to happen, by its beginning."""


class _Logged(logging.Handler):
    """Takes what is logged of what must not happen."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def handle(self, record: logging.LogRecord) -> bool:
        if str(record.msg).startswith(FORBIDDEN) and record.exc_info:
            error = record.exc_info[1]
            if isinstance(error, Exception) and not isinstance(
                error, qsdb.StorageError
            ):
                self.found.append(f"{record.msg}: {error!r}")
        return True


class _Run:
    """Lives one life after the other."""

    def __init__(self, plan: Plan, outcome: Outcome, logged: _Logged) -> None:
        self.plan = plan
        self.outcome = outcome
        self.logged = logged
        self.history = History()
        self.disk = SimulatedDirectory()
        self.rng = random.Random(f"run {plan.seed}")
        self.now = START
        self.skew = 0

    def live(self) -> None:
        """Live all lives; after the last one, open once more."""
        for number, life in enumerate(self.plan.lives):
            self._live_one(life, is_last=number + 1 == len(self.plan.lives))
        if self.plan.seed % 4 == 0:
            self._live_one(LifePlan(Fault("none"), ()), is_last=True)
            qsdb.verify(self.disk)

    def _live_one(self, life: LifePlan, *, is_last: bool) -> None:
        world = World(self.rng, self.plan.eagerness, self.now)
        world.skew = self.skew
        world.trace = self.outcome.trace
        disk = WorldDirectory(self.disk, world, life.fault)
        process = Process(self.plan, world, disk, self.history, self.outcome.counts)
        before = {*weakref.finalize._registry}  # type: ignore[attr-defined]
        is_fine = self.plan.is_fine
        with simulated(world), finely(world) if is_fine else contextlib.nullcontext():
            story = _Story(process, life, is_last=is_last)
            try:
                with watched(process):
                    main = world.start("main", story.tell)
                    world.run(main)
            finally:
                self._end(world, before)
        self._judge(world)
        self.now, self.skew = world.now, world.skew
        self._lose(life.fault, world, is_closed=story.is_closed)

    def _end(self, world: World, before: set[Any]) -> None:
        """Let go of a process, so that nothing of it is closed any more."""
        for finalizer in {*weakref.finalize._registry} - before:  # type: ignore[attr-defined]
            finalizer.detach()
        world.end()

    def _judge(self, world: World) -> None:
        if world.death is not None and not isinstance(world.death, SimulatedCrash):
            raise world.death
        for task, error in world.failures:
            if not isinstance(error, SimulatedCrash):
                raise FindingError(f"{task.name} ended with {error!r}") from error
        if self.logged.found:
            raise FindingError(f"this was logged: {self.logged.found}")

    def _lose(self, fault: Fault, world: World, *, is_closed: bool) -> None:
        """Have the disk as the next life finds it."""
        if world.death is not None:
            self.outcome.counts["a crash"] += 1
        if is_closed:
            return
        policy = fault.policy
        if fault.sort == "fail sync":
            # While the computer is on, no sync of what is lost has an effect.
            policy = policy or "dropped"
        self.disk = (
            self.disk.kill() if policy is None else self.disk.crash(self.rng, policy)
        )


class _Story:
    """What the main task of a life does."""

    def __init__(self, process: Process, life: LifePlan, *, is_last: bool) -> None:
        self.process, self.life, self.is_last = process, life, is_last
        self.is_closed = False

    def tell(self) -> None:
        """Open, have clients do what they do, and close."""
        process, world = self.process, self.process.world
        for number in EDITIONS:
            edition(number)[1][:] = [process]
        if not self._open():
            return
        process.disk.is_armed = True
        common = Common()
        tasks = []
        for number in range(CLIENTS):
            mine = [each for each in self.life.interactions if each.client == number]
            if mine:
                run_mine = functools.partial(Client(process, common).run, mine)
                tasks.append(world.start(f"client {number}", run_mine))
        for task in tasks:
            world.join(task)
        if self.is_last and not process.is_stopping:
            _require_progress(process, common)
        self._close(common)

    def _open(self) -> bool:
        process, history = self.process, self.process.history
        newest = max(state.edition for state in history.states)
        for step in history.steps:
            after = step.change(history.states[-1])
            newest = max(newest, after.edition if after is not None else 0)
        history.crash(newest)
        options = dict(process.plan.options)
        how = {
            name: options.pop(name)
            for name in ("durability", "sync_interval", "scheduler")
        }
        try:
            process.db = qsdb.Database(
                edition(newest)[0].module,
                process.disk,
                seed=process.plan.seed,
                options=qsdb.StorageOptions(**options),
                **how,
            )
        except (qsdb.StorageError, OSError) as error:
            process.require(process.disk.has_failed, "opening failed:", repr(error))
            process.counts["an opening fails"] += 1
            return False
        process.observe()
        with process.db.read() as tx:
            state = process.state_at(tx)
            process.compare(
                content(tx, state.edition), state.content(), "what was opened"
            )
            if not process.disk.has_failed:
                process.compare([*tx.table("visit")], [], "clients after an opening")
        return True

    def _close(self, common: Common) -> None:
        process, history = self.process, self.process.history
        for follower in common.followers.values():
            follower.close()
        caches = [each for each in common.caches if not each.connection.is_closed]
        try:
            process.db.close()
        except qsdb.StorageError as error:
            process.require(process.disk.has_failed, "closing failed:", repr(error))
            return
        if process.is_stopping or process.disk.has_failed:
            return
        self.is_closed = True
        process.promise(history.last)
        for listener in common.listeners:
            listener.require_all_told()
        for cache in caches:
            cache.require_all_told()


def _require_progress(process: Process, common: Common) -> None:
    """Verify that all goes on when nothing fails: what is live, after what is safe."""
    db, world = process.db, process.world
    for _ in range(LIVELINESS):
        with db.write() as tx, process.undoing():
            state = process.begin(tx)
            process.operate(tx, state, ("stock", "live", 1, state.micros % 1000))
            process.stage(state)
        process.committed()
    for _ in range(100):
        state = process.observe()
        if not _waiting(state.tables):
            break
        last = max((row[1].value.micros for row in _waiting(state.tables)), default=0)
        now = max(last, (world.now + world.skew) // 1000)
        db.run_due(qsdb.Timestamp.from_micros(now))
        world.sleep(0.02)
    else:
        process.find(f"these never run: {_waiting(process.observe().tables)}")
    offset = process.last_offset()  # alarms go on ringing
    process.require(db.wait_durable(offset), "not durable in the end")
    process.promise(offset)
    for follower in common.followers.values():
        if not common.has_compacted:
            follower.refresh()
            is_there = follower.offset >= process.history.promised
            process.require(is_there, "a follower stays behind", follower.offset)
    db.check()


def _waiting(tables: dict[str, Any]) -> list[tuple[Any, ...]]:
    """Give what is still to run once."""
    rows = [*tables["alarm"].values(), *tables["errand"].values()]
    return [row for row in rows if row[1].is_time]
