"""The world that is simulated is one: locks exclude, time passes, nothing is by chance.

**Strategy**: small programs of tasks that take locks, wait and sleep, under many seeds.

**Invariants**:

1. Locks, conditions and events do what those of `threading` do, in simulated time.
2. The same seed gives the same order, and some other seed another one.
3. Who waits for nothing is told as a deadlock; what is killed goes no further.
"""

import random
from collections.abc import Callable

import pytest

from tests.simulation.tasks import DeadlockError, DoomedError, World
from tests.simulation.threads import Condition, Event, Lock, RLock, SimulatedThreading

SEEDS = range(30)


def world_of(seed: int = 1) -> World:
    return World(random.Random(seed), 0.5)


def lived(world: World, *programs: Callable[[], object]) -> None:
    """Run programs at the same time, all to their ends."""

    def main() -> None:
        for task in [world.start(f"{n}", each) for n, each in enumerate(programs)]:
            world.join(task)

    task = world.start("main", main)
    world.run(task)
    failures = [error for _, error in world.failures]
    world.end()
    if failures:
        raise failures[0]


def order_of(seed: int) -> list[int]:
    world, order = world_of(seed), list[int]()

    def program(number: int) -> None:
        for _ in range(3):
            world.switch()
            order.append(number)

    lived(world, lambda: program(0), lambda: program(1), lambda: program(2))
    return order


def test_a_seed_gives_one_order_and_seeds_give_many() -> None:
    assert [order_of(seed) for seed in SEEDS] == [order_of(seed) for seed in SEEDS]
    assert len({tuple(order_of(seed)) for seed in SEEDS}) > 20


@pytest.mark.parametrize("sort", [Lock, RLock, Condition])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_lock_lets_one_in(sort: type[Lock], seed: int) -> None:
    world = world_of(seed)
    lock, inside = sort(world), list[int]()

    def program(number: int) -> None:
        for _ in range(3):
            with lock:
                inside.append(number)
                world.switch()
                assert inside == [number]
                inside.remove(number)

    lived(world, lambda: program(0), lambda: program(1), lambda: program(2))


def test_a_lock_is_waited_for_as_long_as_is_said() -> None:
    world = world_of()
    lock = Lock(world)

    def holder() -> None:
        with lock:
            world.sleep(1.0)

    def program() -> None:
        while not lock.locked():
            world.sleep(0.01)
        assert not lock.acquire(blocking=False)
        assert not lock.acquire(timeout=0.5)
        assert lock.acquire(timeout=5)
        lock.release()
        with pytest.raises(RuntimeError):
            lock.release()

    lived(world, holder, program)


def test_a_reentrant_lock_is_its_tasks() -> None:
    world = world_of()
    lock = RLock(world)

    def holder() -> None:
        with lock, lock:
            world.sleep(1.0)
            assert lock._is_owned()
        assert not lock._is_owned()

    def program() -> None:
        world.sleep(0.1)
        assert not lock._is_owned()
        assert not lock.acquire(blocking=False)
        assert not lock.acquire(timeout=0.1)
        with pytest.raises(RuntimeError):
            lock.release()

    lived(world, holder, program)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_condition_wakes_who_waits(seed: int) -> None:
    world = world_of(seed)
    condition, made, taken = Condition(world), list[int](), list[int]()

    def maker() -> None:
        for number in range(5):
            with condition:
                made.append(number)
                condition.notify()

    def taker() -> None:
        while len(taken) < 5:
            with condition:
                condition.wait_for(lambda: made)
                taken.append(made.pop(0))

    lived(world, maker, taker)
    assert taken == [0, 1, 2, 3, 4]


def test_waits_end_when_their_time_is_over() -> None:
    world = world_of()
    event, condition = Event(world), Condition(world)

    def program() -> None:
        began = world.now
        assert not event.wait(2.0)
        with condition:
            assert not condition.wait(3.0)
            assert not condition.wait_for(lambda: False, 4.0)
        assert 9e9 < world.now - began < 9.1e9
        event.set()
        assert event.wait()

    lived(world, program)


def test_a_thread_is_a_task_and_is_joined() -> None:
    world = world_of()
    threading, done = SimulatedThreading(world), list[object]()

    def work(number: int) -> None:
        world.sleep(0.5)
        done.append((number, threading.current_thread().name))

    def program() -> None:
        thread = threading.Thread(target=work, args=(7,), name="worker", daemon=True)
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
        thread.join()
        assert not thread.is_alive()

    lived(world, program)
    assert done == [(7, "worker")]


def test_a_deadlock_is_told_with_where_everybody_waits() -> None:
    world = world_of()
    first, second = Lock(world), Lock(world)

    def program(one: Lock, other: Lock) -> None:
        with one:
            world.sleep(0.1)
            with other:
                pass

    def main() -> None:
        world.start("a", lambda: program(first, second))
        world.join(world.start("b", lambda: program(second, first)))

    task = world.start("main", main)
    with pytest.raises(DeadlockError, match="with other"):
        world.run(task)
    world.end()


def test_what_is_killed_goes_no_further() -> None:
    world = world_of()
    lock, done = Lock(world), list[str]()

    def program(name: str) -> None:
        try:
            with lock:
                world.sleep(1.0)
                if name == "first":
                    world.die(ValueError("the power fails"))
                world.sleep(1.0)
                done.append(name)
        except DoomedError:
            with pytest.raises(DoomedError):
                lock.acquire()
            raise

    def main() -> None:
        world.join(world.start("first", lambda: program("first")))
        world.join(world.start("second", lambda: program("second")))

    task = world.start("main", main)
    world.run(task)
    world.end()

    assert done == []
    assert isinstance(world.death, ValueError)
    assert world.failures == []
    with lock:  # of a world that is over, all is free
        pass
