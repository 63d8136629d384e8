"""Threads that are no threads: tasks that one seeded scheduler switches between.

A task is a greenlet. It runs until it comes to a *switch point* (a lock, a wait, a call
of the disk, or `World.switch`), where the world may go on with another one. Which one
is drawn from a random source, and nothing else decides anything: so a run repeats
exactly, on every machine, and costs a microsecond where a thread would cost ten.

Time is simulated. It goes on a little at each switch point, and jumps to the next
deadline when everybody waits. When everybody waits without a deadline, that is a
deadlock, and told as such.
"""

import heapq
import itertools
import random
import traceback
from collections.abc import Callable

import greenlet

__all__ = ["DeadlockError", "DoomedError", "Task", "World"]

START = 1_767_225_600_000_000_000
"""Nanoseconds since 1970: the beginning of 2026."""

STEP_MAX = 40_000
"""Nanoseconds that pass between two switch points, at most."""

DOOMED_MAX = 10_000
"""So often may what is to end try to go on, before that is a fault of its own."""


class DeadlockError(Exception):
    """Everybody waits, and for nothing that will come."""


class DoomedError(BaseException):
    """The process of this task is dead. No `Exception`: nobody is to handle it."""


class Task:
    """One simulated thread."""

    def __init__(self, world: "World", name: str, target: Callable[[], object]) -> None:
        self.world = world
        self.name = name
        self.target = target
        self.is_ended = False
        self.is_awake = False
        """Whether it was woken, and not by its deadline."""
        self.ticket = 0
        """Of its latest wait: a deadline of an earlier one wakes nobody."""
        self.joining: list[Task] = []
        self.greenlet = greenlet.greenlet(self._run, world.hub)

    def _run(self) -> None:
        world = self.world
        try:
            self.target()
        except DoomedError:
            pass
        except BaseException as error:  # noqa: BLE001  it is told
            world.ended_by(self, error)
        finally:
            self.is_ended = True
            if self in world.ready:
                world.ready.remove(self)
            for each in self.joining:
                world.wake(each)

    def where(self) -> str:
        """Show where it stands."""
        frame = self.greenlet.gr_frame
        shown = [] if frame is None else traceback.format_stack(frame)[-6:]
        return f"{self.name}:\n{''.join(shown)}"


class World:
    """One process in simulation: its tasks, and its time.

    Attributes:
        now: Nanoseconds since 1970.
        current: The task that runs.
        eagerness: How likely another task goes on at a switch point.
        is_doomed: Whether the process is killed: each switch point raises.
        is_over: Whether nothing of it runs any more: what is left of it, in the hands
            of the garbage collector say, finds its locks free.
        trace: What happened, to be compared and shown.
        failures: What tasks ended with that nobody expected.
    """

    def __init__(self, rng: random.Random, eagerness: float, now: int = START) -> None:
        self.random = rng.random
        self.eagerness = eagerness
        self.now = now
        self.hub = greenlet.getcurrent()
        self.current: Task | None = None
        self.ready: list[Task] = []
        self.tasks: list[Task] = []
        self.trace: list[tuple[object, ...]] = []
        self.failures: list[tuple[Task, BaseException]] = []
        self.is_doomed = self.is_over = False
        self.skew = 0
        """Nanoseconds by which the clock on the wall is wrong."""
        self.set_back = 0
        """Microseconds by which it was set back, all in all."""
        self.death: BaseException | None = None
        """What killed the process, of a task that must not go on."""
        self._deadlines: list[tuple[int, int, Task, int]] = []
        self._numbers = itertools.count()
        self._doomed_count = 0

    def start(self, name: str, target: Callable[[], object]) -> Task:
        """Have a task; it begins at somebody's switch point."""
        task = Task(self, name, target)
        self.tasks.append(task)
        self.ready.append(task)
        return task

    def note(self, *what: object) -> None:
        """Write down what happens."""
        who = self.current
        self.trace.append((self.now, "" if who is None else who.name, *what))

    # What tasks call.

    def switch(self) -> None:
        """Let others go on, perhaps."""
        if self.is_doomed:
            self._refuse()
        self._pass_time()
        if self.random() < self.eagerness and self.current is not None:
            self._go_on()

    def block(self, deadline: int | None = None) -> bool:
        """Wait to be woken; give whether that happened before the deadline."""
        task = self.current
        if self.is_doomed or task is None:
            self._refuse()
        assert task is not None
        task.is_awake = False
        task.ticket += 1
        self.ready.remove(task)
        if deadline is not None:
            number = next(self._numbers)
            entry = deadline, number, task, task.ticket
            heapq.heappush(self._deadlines, entry)
        self._pass_time()
        self._go_on()
        return task.is_awake

    def wake(self, task: Task) -> None:
        """Let a task go on that waits; one that does not is left alone."""
        if task not in self.ready and not task.is_ended:
            task.is_awake = True
            self.ready.append(task)

    def sleep(self, seconds: float) -> None:
        """Wait for some time."""
        self.block(self.now + int(seconds * 1e9))

    def join(self, task: Task, deadline: int | None = None) -> None:
        """Wait for the end of a task."""
        while not task.is_ended:
            assert self.current is not None
            task.joining.append(self.current)
            if not self.block(deadline):
                return

    def die(self, error: BaseException) -> None:
        """Kill the process, from inside: no task goes on from here."""
        if self.is_doomed:
            self._refuse()
        self.death = error
        self.is_doomed = True
        if self.current is not None:
            self.hub.switch()
        raise error

    def ended_by(self, task: Task, error: BaseException) -> None:
        """Take in what a task ended with."""
        if not self.is_doomed:
            self.failures.append((task, error))

    def _refuse(self) -> None:
        self._doomed_count += 1
        if self._doomed_count > DOOMED_MAX:
            raise AssertionError("what is dead goes on and on")
        raise DoomedError

    def _pass_time(self) -> None:
        self.now += 1000 + int(self.random() * STEP_MAX)
        deadlines = self._deadlines
        while deadlines and deadlines[0][0] <= self.now:
            self._expire()

    def _expire(self) -> None:
        _, _, task, ticket = heapq.heappop(self._deadlines)
        if task.ticket == ticket and task not in self.ready and not task.is_ended:
            self.ready.append(task)

    def _go_on(self) -> None:
        """Go on with any task that can; the hub sees to it when there is none."""
        before, ready = self.current, self.ready
        if not ready:
            self.hub.switch()
        else:
            task = ready[int(self.random() * len(ready))]
            if task is before:
                return
            self.current = task
            task.greenlet.switch()
        if self.is_doomed:
            self._refuse()

    # What the hub calls.

    def run(self, until: Task) -> None:
        """Run tasks until one of them ends, or the process is dead.

        Raises:
            DeadlockError: everybody waits.
        """
        while not until.is_ended and not self.is_doomed and not self.failures:
            if not self.ready:
                if not self._deadlines:
                    waiting = [each for each in self.tasks if not each.is_ended]
                    raise DeadlockError("\n".join(each.where() for each in waiting))
                self.now = max(self.now, self._deadlines[0][0])
                self._expire()
                continue
            task = self.ready[int(self.random() * len(self.ready))]
            self.current = task
            task.greenlet.switch()
        self.current = None

    def end(self) -> None:
        """Kill what still runs, and have nothing go on any more."""
        self.is_doomed = True
        for task in self.tasks:
            if not task.is_ended and task.greenlet:  # which has begun
                self.current = task
                task.greenlet.throw(DoomedError)
        self.current = None
        self.is_over = True
        self.tasks.clear()
        self.ready.clear()
