"""The explorer finds every order of steps; each step is one, and none is missed."""

import math
from collections.abc import Callable, Sequence

import pytest

from tests.support.gates import (
    Actor,
    DeadlockError,
    Explorer,
    GatedBucket,
    GatedDict,
    GateLock,
)

Function = Callable[[], object]


def explored(make: Callable[[], Sequence[Function]]) -> tuple[list[object], Explorer]:
    """Run functions in all interleavings; give what they returned each time."""
    explorer = Explorer()
    runs = explorer.runs(lambda: [Actor(each, reads=True) for each in make()])
    return [tuple(outcomes) for outcomes in runs], explorer


def counter(cells: GatedDict) -> Function:
    """Give a function that adds 1 in two steps, and gives what it wrote."""

    def count() -> object:
        found = cells["n"]
        cells["n"] = found + 1
        return found + 1

    return count


def writer(cells: GatedDict, *names: str) -> Function:
    def write() -> None:
        for name in names:
            cells[name] = 1

    return write


def test_a_lost_update_is_found() -> None:
    def make() -> list[Function]:
        cells = GatedDict({"n": 0}, "cells")
        return [counter(cells), counter(cells)]

    found, _ = explored(make)

    assert set(found) == {(1, 2), (2, 1), (1, 1)}


@pytest.mark.parametrize("counts", [(1, 1), (2, 3), (4, 3)])
def test_every_order_of_writes_to_one_cell_is_run_once(counts: tuple[int, int]) -> None:
    orders: list[list[str]] = []

    def make() -> list[Function]:
        cells, order = GatedDict({}, "cells"), list[str]()
        orders.append(order)

        def write(name: str, count: int) -> Function:
            def run() -> None:
                for _ in range(count):
                    cells[name] = 1
                    order.append(name)

            return run

        return [*map(write, "ab", counts), lambda: cells.get("a")]

    _, explorer = explored(make)
    found = {"".join(order) for order in orders}

    assert len(found) == math.comb(sum(counts), counts[0])
    # Once for each place of the one read between the writes.
    assert explorer.count == len(found) * (sum(counts) + 1)


def test_steps_on_different_cells_are_run_in_one_order() -> None:
    def make() -> list[Function]:
        return [counter(GatedDict({"n": 0}, "cells")) for _ in range(2)]

    _, explorer = explored(make)

    assert explorer.count == 1


def test_what_only_one_looks_at_has_no_gate() -> None:
    def make() -> list[Function]:
        cells, others = GatedDict({"n": 0}, "cells"), GatedDict({}, "others")
        return [counter(cells), writer(others, "a", "b")]

    _, explorer = explored(make)

    assert (explorer.count, explorer.redundant) == (1, 0)


COPIES: dict[str, Callable[[GatedDict], object]] = {
    "values": lambda cells: len(list(cells.values())),
    "keys": lambda cells: len(list(cells.keys())),
    "len": len,
    "list": lambda cells: len(list(cells)),
}


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_one_step(name: str) -> None:
    def make() -> list[Function]:
        kind = GatedBucket if name == "list" else GatedDict
        cells = kind({"a": 1}, "cells")
        return [lambda: COPIES[name](cells), writer(cells, "b", "c")]

    found, explorer = explored(make)

    assert set(found) == {(1, None), (2, None), (3, None)}
    assert explorer.count == 3


def test_another_dicts_update_is_one_step() -> None:
    def make() -> list[Function]:
        cells = GatedDict({"a": 1}, "cells")

        def copy() -> object:
            copied: dict[str, int] = {}
            copied.update(cells)
            return len(copied)

        return [copy, writer(cells, "b", "c")]

    found, explorer = explored(make)

    assert set(found) == {(1, None), (2, None), (3, None)}
    assert explorer.count == 3


CHANGES: dict[str, Callable[[GatedDict], object]] = {
    "set": lambda cells: cells.__setitem__("b", 2),
    "delete": lambda cells: cells.__delitem__("a"),
    "pop": lambda cells: cells.pop("a"),
    "setdefault": lambda cells: cells.setdefault("b", 2),
    "update": lambda cells: cells.update({"b": 2, "c": 3}),
    "clear": lambda cells: cells.clear(),
}

LOOKS: dict[str, Callable[[GatedDict], object]] = {
    "get": lambda cells: (cells.get("a"), cells.get("b")),
    "in": lambda cells: ("a" in cells, "b" in cells),
    "item": lambda cells: cells["z"],
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("look", LOOKS)
def test_each_operation_has_a_gate(change: str, look: str) -> None:
    def make() -> list[Function]:
        cells = GatedDict({"a": 1, "z": 26}, "cells")

        def act() -> None:
            CHANGES[change](cells)

        def see() -> object:
            try:
                return LOOKS[look](cells)
            except KeyError:
                return None

        return [see, act]

    _, explorer = explored(make)
    looks = 1 if look == "item" else 2

    assert explorer.count == looks + 1


def test_a_lock_keeps_others_out() -> None:
    def make() -> list[Function]:
        cells, lock = GatedDict({"n": 0}, "cells"), GateLock()

        def count() -> object:
            with lock:
                return counter(cells)()

        return [count, count]

    found, _ = explored(make)

    assert set(found) == {(1, 2), (2, 1)}


def test_a_deadlock_is_an_outcome() -> None:
    def make() -> list[Function]:
        locks = [GateLock(), GateLock()]

        def take(one: GateLock, other: GateLock) -> str:
            with one, other:
                return "done"

        return [lambda: take(*locks), lambda: take(*locks[::-1])]

    explorer = Explorer()
    runs = explorer.runs(lambda: [Actor(each, reads=True) for each in make()])
    found = [[type(outcome) for outcome in outcomes] for outcomes in runs]

    assert [str, str] in found
    assert [DeadlockError, DeadlockError] in found


def test_an_exception_is_an_outcome() -> None:
    def fail() -> object:
        raise ZeroDivisionError

    explorer = Explorer()
    actors = [Actor(fail, reads=True), Actor(lambda: 1, reads=True)]
    ((failed, result),) = explorer.runs(lambda: actors)

    assert isinstance(failed, ZeroDivisionError)
    assert result == 1


def test_outside_of_a_run_gates_are_open() -> None:
    cells = GatedBucket({"a": 1}, "cells")
    cells.update({"b": 2})

    with GateLock():
        assert list(cells) == ["a", "b"]
