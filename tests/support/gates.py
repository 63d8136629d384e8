"""All interleavings of a few threads over shared structures, one after the other.

Each actor is a function in a thread of its own, and one thread runs at a time.
Before an actor touches anything shared it comes to a *gate* and says what the
step will be: which *cell* (a dict, an attribute, a lock) and whether it writes.
When all actors stand at gates, the explorer lets one of them make its step and
run to its next gate. A run is a list of such choices; the next run repeats them
up to the last place where another choice is left (stateless search).

Two steps that touch different cells, or only read, come to the same in either
order, and one order is enough: *sleep sets* (Godefroid, 1996) leave out
interleavings that differ in nothing else. Each that is left is looked at.

Nor are there gates before what the others never look at. Cells have a *label*,
which is the same in each run; a label is shared when one actor reads and another
writes cells of it. What is shared shows in the runs themselves: when a run finds
one label more, the search begins anew with it.

`GatedDict` is a dict whose operations are such steps. What C code does with a
dict that it is given, ``other.update(shared)``, calls no method of `shared`; but
it asks for the attribute ``keys`` before it copies in one go, so that is where
its gate stands.
"""

import functools
import threading
from collections.abc import Callable, Iterator, KeysView, Sequence, ValuesView
from typing import Any

import attrs

__all__ = [
    "Actor",
    "Explorer",
    "GateLock",
    "GatedBucket",
    "GatedDict",
    "begin_step",
    "end_step",
    "gate",
]

Cell = object
Label = str


@attrs.frozen
class Step:
    """What an actor does next."""

    cell: Cell
    writes: bool
    is_ready: Callable[[], bool] = lambda: True

    def commutes(self, other: "Step") -> bool:
        """Whether both orders of two steps come to the same."""
        return self._cells.isdisjoint(other._cells) or not (self.writes or other.writes)

    @property
    def _cells(self) -> frozenset[Cell]:
        return (
            self.cell if isinstance(self.cell, frozenset) else frozenset((self.cell,))
        )


class DeadlockError(Exception):
    """Every actor waits for another."""


class Actor:
    """A function to run, and where it is."""

    def __init__(self, function: Callable[[], object], *, reads: bool) -> None:
        """Prepare.

        Args:
            function: What to run; its result or exception becomes `outcome`.
            reads: Whether reading is a step. Who is the only one to write what
                it reads, or reads under a lock, needs none.
        """
        self.function = function
        self.reads = reads
        self.step: Step | None = None
        self.is_in_step = False
        self.outcome: object = None
        self.turn = _held_lock()


def _held_lock() -> threading.Lock:
    """Give a lock that somebody else is to release."""
    lock = threading.Lock()
    lock.acquire()
    return lock


class Worker:
    """A thread that runs one function after the other: cheaper than one for each."""

    def __init__(self) -> None:
        self._task: Callable[[], None] | None = None
        self._wake = _held_lock()
        threading.Thread(target=self._work, daemon=True).start()

    def _work(self) -> None:
        while True:
            self._wake.acquire()
            if self._task is None:
                return
            self._task()

    def start(self, task: Callable[[], None] | None) -> None:
        """Run a function; None ends the thread."""
        self._task = task
        self._wake.release()


@attrs.define
class Node:
    """A place in the search where one of several actors goes on."""

    ready: dict[int, Step]
    sleeping: set[int]
    chosen: int
    done: set[int] = attrs.field(factory=set)

    def next_choice(self) -> int | None:
        """Give an actor that has not been tried, or None."""
        left = self.ready.keys() - self.sleeping - self.done
        return min(left) if left else None


class Explorer:
    """Runs actors in all interleavings.

    Attributes:
        count: Interleavings that have been run.
        redundant: Runs given up since they differ from others in nothing.
    """

    def __init__(self) -> None:
        self.count = self.redundant = 0
        self._path: list[Node] = []
        self._depth = 0
        self._read: set[Label] = set()
        self._written: set[Label] = set()
        self._shared: set[Label] = set()
        self._is_redundant = self._is_started = self._is_stuck = False
        self._actors: Sequence[Actor] = ()
        self._by_thread: dict[int, Actor] = {}
        self._workers: list[Worker] = []
        self._running = 0
        self._arrived, self._finished = _held_lock(), _held_lock()

    def runs(self, prepare: Callable[[], Sequence[Actor]]) -> Iterator[list[object]]:
        """Yield the actors' outcomes for each interleaving.

        Args:
            prepare: Makes everything anew for each run, the same each time.
        """
        try:
            yield from self._search(prepare)
        finally:
            while self._workers:
                self._workers.pop().start(None)

    def _search(self, prepare: Callable[[], Sequence[Actor]]) -> Iterator[list[object]]:
        while True:
            self._run(prepare())
            if not self._read & self._written <= self._shared:
                self._shared = self._read & self._written
                self._path.clear()
                self.count = self.redundant = 0
                continue
            if self._is_redundant:
                self.redundant += 1
            else:
                self.count += 1
                yield [actor.outcome for actor in self._actors]
            if not self._turn_back():
                return

    def _turn_back(self) -> bool:
        """Go back to the last node with another choice, and make it."""
        while self._path:
            node = self._path[-1]
            node.done.add(node.chosen)
            choice = node.next_choice()
            if choice is not None:
                node.chosen = choice
                return True
            self._path.pop()
        return False

    def _run(self, actors: Sequence[Actor]) -> None:
        global _current  # noqa: PLW0603  gates are reached from deep inside
        self._actors = actors
        self._depth = 0
        self._is_redundant = self._is_started = self._is_stuck = False
        self._by_thread = {}
        self._running = len(actors)
        self._workers += [Worker() for _ in actors[len(self._workers) :]]
        _current = self
        for worker, actor in zip(self._workers, actors, strict=False):
            worker.start(functools.partial(self._act, actor))
            self._arrived.acquire()  # at its first gate, or at its end
        self._is_started = True
        if self._running:
            self._let_go()
            self._finished.acquire()
        _current = None

    def _act(self, actor: Actor) -> None:
        self._by_thread[threading.get_ident()] = actor
        try:
            actor.outcome = actor.function()
        except BaseException as error:  # noqa: BLE001  it is the outcome
            actor.outcome = error
        actor.step = None
        self._running -= 1
        if not self._is_started:
            self._arrived.release()
        elif self._running:
            self._let_go()
        else:
            self._finished.release()

    def gate(
        self,
        cell: Cell,
        label: Label | None,
        *,
        writes: bool,
        always: bool,
        is_ready: Callable[[], bool],
    ) -> None:
        """Stop the calling actor until its step is chosen."""
        actor = self._by_thread.get(threading.get_ident())
        if actor is None or not (writes or actor.reads or always):
            return
        if not self._is_shared(label, writes=writes) or actor.is_in_step:
            return
        if self._is_redundant and is_ready():
            return
        actor.step = Step(cell, writes, is_ready)
        if self._is_started:
            if self._let_go() is actor:
                return
        else:
            self._arrived.release()
        actor.turn.acquire()
        if self._is_stuck:
            raise DeadlockError

    def _is_shared(self, label: Label | None, *, writes: bool) -> bool:
        """Whether others look at cells of a sort, as far as is known."""
        if label is None:
            return True
        (self._written if writes else self._read).add(label)
        return label in self._shared

    def in_step(self, *, is_in_step: bool) -> None:
        """Have all that the calling actor touches from now on be one step, or not."""
        actor = self._by_thread.get(threading.get_ident())
        if actor is not None:
            actor.is_in_step = is_in_step

    def _let_go(self) -> Actor | None:
        """Choose who makes a step; give the actor, or None when all are done."""
        if self._is_stuck:
            return None
        ready = {
            number: each.step
            for number, each in enumerate(self._actors)
            if each.step is not None and each.step.is_ready()
        }
        if ready:
            chosen = self._actors[self._choose(ready)]
            if self._by_thread.get(threading.get_ident()) is not chosen:
                chosen.turn.release()
            return chosen
        if any(each.step for each in self._actors):
            self._give_up()
        return None

    def _give_up(self) -> None:
        """End the threads of a run in which nobody can go on."""
        self._is_stuck = True
        for each in self._actors:
            if each.step is not None:
                each.turn.release()

    def _choose(self, ready: dict[int, Step]) -> int:
        if self._is_redundant:
            return min(ready)
        depth, self._depth = self._depth, self._depth + 1
        if depth < len(self._path):
            node = self._path[depth]
            assert node.ready.keys() == ready.keys(), "a run does not repeat itself"
            node.ready = ready
            return node.chosen
        sleeping = self._asleep(ready) if depth else set()
        awake = ready.keys() - sleeping
        if not awake:
            self._is_redundant = True
            return min(ready)
        node = Node(ready, sleeping, min(awake))
        self._path.append(node)
        return node.chosen

    def _asleep(self, ready: dict[int, Step]) -> set[int]:
        """Give the actors whose step now is in a run that was made before."""
        last = self._path[-1]
        made = last.ready[last.chosen]
        return {
            number
            for number in last.sleeping | last.done
            if number in ready and last.ready[number].commutes(made)
        }


_current: Explorer | None = None


def gate(
    cell: Cell,
    label: Label | None,
    *,
    writes: bool,
    always: bool = False,
    is_ready: Callable[[], bool] = lambda: True,
) -> None:
    """Come to a gate before a step on `cell`; outside of a run, pass.

    Args:
        cell: What is touched, and nothing else is.
        label: The sort of cell; None for one that always counts.
        writes: Whether the step changes it.
        always: Whether it is a step of those too to whom reading is none.
        is_ready: Whether the step can be made now.
    """
    if _current is not None:
        _current.gate(cell, label, writes=writes, always=always, is_ready=is_ready)


def begin_step(*cells: Cell) -> None:
    """Come to a gate before a step that lasts until `end_step`.

    Args:
        cells: What it touches: cells, and dicts that are.
    """
    touched = [id(each) if isinstance(each, dict) else each for each in cells]
    gate(frozenset(touched), None, writes=True)
    if _current is not None:
        _current.in_step(is_in_step=True)


def end_step() -> None:
    """End it, if there is one."""
    if _current is not None:
        _current.in_step(is_in_step=False)


class GateLock:
    """A lock that actors wait for at a gate."""

    def __init__(self) -> None:
        self._is_held = False

    def _is_owned(self) -> bool:
        """Nobody asks for it twice: no signal handlers run here."""
        return False

    def acquire(self) -> bool:
        gate(id(self), None, writes=True, is_ready=lambda: not self._is_held)
        assert not self._is_held
        self._is_held = True
        return True

    def release(self) -> None:
        self._is_held = False

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()


class GatedDict(dict[Any, Any]):
    """A dict each of whose operations is a step of its own."""

    def __init__(self, content: dict[Any, Any], label: Label) -> None:
        """Begin with `content`."""
        super().__init__(content)
        self.label = label

    def get(self, key: object, default: Any = None) -> Any:
        gate(id(self), self.label, writes=False)
        return super().get(key, default)

    def __getitem__(self, key: object) -> Any:
        gate(id(self), self.label, writes=False)
        return super().__getitem__(key)

    def __contains__(self, key: object) -> bool:
        gate(id(self), self.label, writes=False)
        return super().__contains__(key)

    def __len__(self) -> int:
        gate(id(self), self.label, writes=False)
        return super().__len__()

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        gate(id(self), self.label, writes=False)
        return super().values()

    @property
    def keys(self) -> Callable[[], KeysView[Any]]:  # type: ignore[override]
        """``other.update(shared)`` asks for this, and then copies in one go."""
        gate(id(self), self.label, writes=False)
        return super().keys

    def __setitem__(self, key: object, value: object) -> None:
        gate(id(self), self.label, writes=True)
        super().__setitem__(key, value)

    def __delitem__(self, key: object) -> None:
        gate(id(self), self.label, writes=True)
        super().__delitem__(key)

    def pop(self, key: object, *default: Any) -> Any:
        gate(id(self), self.label, writes=True)
        return super().pop(key, *default)

    def setdefault(self, key: object, default: Any = None) -> Any:
        gate(id(self), self.label, writes=True)
        return super().setdefault(key, default)

    def update(self, *others: Any) -> None:  # type: ignore[override]
        gate(id(self), self.label, writes=True)
        super().update(*others)

    def clear(self) -> None:
        gate(id(self), self.label, writes=True)
        super().clear()


class GatedBucket(GatedDict):
    """A dict that ``list(shared)`` is called on; `GatedDict` must not have this.

    A dict with an ``__iter__`` of its own is no longer copied in one go.
    """

    def __iter__(self) -> Iterator[Any]:
        gate(id(self), self.label, writes=False)
        return super().__iter__()

    def __len__(self) -> int:
        return dict.__len__(self)  # ``list`` asks while it iterates
