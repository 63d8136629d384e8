"""What stands for `threading` and `time` in qsdb while a world is simulated.

The names are those that qsdb uses. `simulated` puts them into every module of qsdb
that imports the real ones, and takes them out again.
"""

import contextlib
import functools
import sys
import threading
import types
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tests.simulation.tasks import Task, World

__all__ = ["SimulatedThreading", "simulated"]


class Lock:
    """A lock that is nobody's in particular."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._is_held = False
        self._waiting: list[Task] = []

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002  as that of threading
        world = self._world
        if world.is_over:
            return True
        world.switch()
        deadline = None if timeout < 0 else world.now + int(timeout * 1e9)
        while self._is_held:
            if not blocking:
                return False
            assert world.current is not None
            self._waiting.append(world.current)
            if not world.block(deadline):
                if world.current in self._waiting:
                    self._waiting.remove(world.current)
                if self._is_held:
                    return False
        self._is_held = True
        return True

    def release(self) -> None:
        world = self._world
        if world.is_doomed:
            return
        if not self._is_held:
            raise RuntimeError("release unlocked lock")
        self._is_held = False
        if self._waiting:
            world.wake(self._waiting.pop(0))
        world.switch()

    def locked(self) -> bool:
        return self._is_held

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class RLock:
    """A lock of a task, which may take it again."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._owner: Task | None = None
        self._count = 0
        self._waiting: list[Task] = []

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002  as that of threading
        world = self._world
        if world.is_over:
            return True
        me = world.current
        if self._owner is me and me is not None:
            self._count += 1
            return True
        world.switch()
        deadline = None if timeout < 0 else world.now + int(timeout * 1e9)
        while self._owner is not None:
            if not blocking:
                return False
            assert me is not None
            self._waiting.append(me)
            if not world.block(deadline):
                if me in self._waiting:
                    self._waiting.remove(me)
                if self._owner is not None:
                    return False
        self._owner, self._count = me, 1
        return True

    def release(self) -> None:
        world = self._world
        if world.is_doomed:
            return
        if self._owner is not world.current:
            raise RuntimeError("cannot release un-acquired lock")
        self._count -= 1
        if not self._count:
            self._owner = None
            if self._waiting:
                world.wake(self._waiting.pop(0))
            world.switch()

    def _is_owned(self) -> bool:
        world = self._world
        return not world.is_doomed and self._owner is world.current is not None

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class Condition:
    """A lock, and tasks that wait for something to change under it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = RLock(world)
        self._sleeping: list[Task] = []
        self.acquire, self.release = self._lock.acquire, self._lock.release

    def wait(self, timeout: float | None = None) -> bool:
        world = self._world
        if world.is_over:
            return True
        me = world.current
        assert me is not None
        deadline = None if timeout is None else world.now + int(timeout * 1e9)
        self._sleeping.append(me)
        lock = self._lock
        count, lock._count = lock._count, 1
        lock._owner = None
        if lock._waiting:
            world.wake(lock._waiting.pop(0))
        is_woken = world.block(deadline)
        if me in self._sleeping:
            self._sleeping.remove(me)
        lock.acquire()
        lock._count = count
        return is_woken

    def wait_for(
        self, predicate: Callable[[], object], timeout: float | None = None
    ) -> object:
        deadline = None if timeout is None else self._world.now + int(timeout * 1e9)
        while not (result := predicate()):
            left = None if deadline is None else (deadline - self._world.now) / 1e9
            if left is not None and left <= 0:
                break
            self.wait(left)
            if self._world.is_over:
                break
        return result

    def notify(self, count: int = 1) -> None:
        for _ in range(min(count, len(self._sleeping))):
            self._world.wake(self._sleeping.pop(0))

    def notify_all(self) -> None:
        self.notify(len(self._sleeping))

    def __enter__(self) -> bool:
        return self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class Event:
    """Something that happens once, until it is cleared."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._is_set = False
        self._waiting: list[Task] = []

    def is_set(self) -> bool:
        return self._is_set

    def set(self) -> None:
        self._is_set = True
        world = self._world
        if world.is_doomed:
            return
        for task in self._waiting:
            world.wake(task)
        self._waiting.clear()
        world.switch()

    def clear(self) -> None:
        self._is_set = False

    def wait(self, timeout: float | None = None) -> bool:
        world = self._world
        if world.is_over:
            return True
        world.switch()
        deadline = None if timeout is None else world.now + int(timeout * 1e9)
        while not self._is_set:
            me = world.current
            assert me is not None
            self._waiting.append(me)
            if not world.block(deadline):
                if me in self._waiting:
                    self._waiting.remove(me)
                break
        return self._is_set


class Thread:
    """A thread that is a task."""

    def __init__(
        self,
        world: World,
        target: Callable[..., object],
        args: Sequence[object] = (),
        name: str = "thread",
    ) -> None:
        self._world = world
        self.name = name
        self._target, self._args = target, args
        self.task: Task | None = None

    def start(self) -> None:
        world, target, args = self._world, self._target, self._args
        del (
            self._target,
            self._args,
        )  # as a thread, it keeps them no longer than it runs
        self.task = world.start(self.name, lambda: target(*args))
        threads = world.__dict__.setdefault("threads", {})
        threads[self.task] = self
        world.switch()

    def is_alive(self) -> bool:
        return self.task is not None and not self.task.is_ended

    def join(self, timeout: float | None = None) -> None:
        world = self._world
        if world.is_over or self.task is None:
            return
        world.switch()
        deadline = None if timeout is None else world.now + int(timeout * 1e9)
        world.join(self.task, deadline)


_Thread = Thread


class SimulatedThreading(types.ModuleType):
    """The names of `threading` that qsdb uses."""

    TIMEOUT_MAX = threading.TIMEOUT_MAX

    def __init__(self, world: World) -> None:
        super().__init__("threading")
        self._world = world
        self._main = Thread(world, lambda: None, name="main")

    def Lock(self) -> Lock:  # noqa: N802  as threading has it
        return Lock(self._world)

    def RLock(self) -> RLock:  # noqa: N802
        return RLock(self._world)

    def Condition(self) -> Condition:  # noqa: N802
        return Condition(self._world)

    def Event(self) -> Event:  # noqa: N802
        return Event(self._world)

    def Thread(self, *, daemon: bool = False, **how: Any) -> "_Thread":  # noqa: N802
        assert daemon, "no thread of a database keeps a program alive"
        return Thread(self._world, **how)

    def current_thread(self) -> "_Thread":
        threads: dict[Task | None, _Thread] = self._world.__dict__.get("threads", {})
        return threads.get(self._world.current, self._main)

    def get_ident(self) -> int:
        current = self._world.current
        return 0 if current is None else 1 + self._world.tasks.index(current)


class SimulatedTime(types.ModuleType):
    """The names of `time` that qsdb uses."""

    def __init__(self, world: World) -> None:
        super().__init__("time")
        self._world = world

    def time_ns(self) -> int:
        return self._world.now + self._world.skew

    def perf_counter_ns(self) -> int:
        return self._world.now


@functools.cache
def _users(name: str, _: int) -> list[types.ModuleType]:
    """Give the modules that have the real one; looked for when there are more."""
    real = sys.modules[name]
    return [
        module
        for key, module in sorted(sys.modules.items())
        if key.startswith("qsdb.") and vars(module).get(name) is real
    ]


@contextlib.contextmanager
def simulated(world: World) -> Iterator[None]:
    """Have qsdb live in a world, for the length of a block."""
    others: dict[str, types.ModuleType] = {
        "threading": SimulatedThreading(world),
        "time": SimulatedTime(world),
    }
    places = [
        (module, name) for name in others for module in _users(name, len(sys.modules))
    ]
    real = [(module, name, vars(module)[name]) for module, name in places]
    try:
        for module, name in places:
            setattr(module, name, others[name])
        yield
    finally:
        for module, name, its_own in real:
            setattr(module, name, its_own)
