"""`Waiters` and `Bell`: exactly those are woken who are to be."""

import contextlib
import itertools
import threading
from collections.abc import Callable
from typing import Any

import pytest

from qsdb.log import waiting
from qsdb.log.waiting import Bell, Waiter, Waiters, new_waiter
from tests.support.stepper import Interrupter, needs_steps


def stand_in_line(waiters: Waiters, *offsets: int) -> list[Waiter]:
    made = [new_waiter(offset) for offset in offsets]
    for each in made:
        waiters.add(each)
    return made


def is_let_go(waiter: Waiter) -> bool:
    """Take a waiter's lock, if it can be had."""
    return waiter[1].acquire(blocking=False)


@pytest.fixture
def waiters(monkeypatch: pytest.MonkeyPatch) -> Waiters:
    """Make a line in which one is many."""
    monkeypatch.setattr(waiting, "FEW", 0)
    return Waiters()


def test_few_are_let_go_on_at_once_and_many_one_after_another() -> None:
    for count in (waiting.FEW, waiting.FEW + 1):
        waiters = Waiters()
        due = stand_in_line(waiters, *[1] * count)
        waiters.release(1)
        is_one = count > waiting.FEW
        assert [is_let_go(each) for each in due] == [True] + [not is_one] * (count - 1)


def test_those_up_to_an_offset_are_let_go_on_one_after_another(
    waiters: Waiters,
) -> None:
    third, first, second = stand_in_line(waiters, 3, 1, 2)
    waiters.release(2)
    assert [is_let_go(each) for each in (third, first, second)] == [False, True, False]
    assert (bool(waiters), waiters.are_due) == (True, True)
    waiters.leave(first)
    assert is_let_go(second)
    waiters.leave(second)
    assert (bool(waiters), waiters.are_due) == (True, False)
    assert not is_let_go(third)
    waiters.release(float("inf"))
    assert is_let_go(third)
    assert not waiters


def test_all_may_be_let_go_on_at_once(waiters: Waiters) -> None:
    due = stand_in_line(waiters, 1, 1, 1)
    waiters.release(1)
    waiters.let_all_go_on()
    assert all(map(is_let_go, due))
    for each in due:
        waiters.leave(each)
    assert not waiters.are_due


def test_who_leaves_too_early_has_nobody_go_on_twice(waiters: Waiters) -> None:
    first, early, last = stand_in_line(waiters, 1, 1, 1)
    waiters.leave(early)
    assert not any(map(is_let_go, (first, early, last)))
    waiters.release(1)
    assert is_let_go(first)
    waiters.leave(early)
    assert not is_let_go(last)
    waiters.leave(first)
    waiters.leave(first)
    assert is_let_go(last)


def test_who_leaves_before_its_turn_is_passed_over(waiters: Waiters) -> None:
    first, early, last = stand_in_line(waiters, 1, 1, 1)
    waiters.release(1)
    waiters.leave(early)
    waiters.leave(first)
    assert is_let_go(last)


class Line(list[Waiter]):
    """A line of which something happens once it has been copied, or looked at."""

    def __init__(self, waiters: list[Waiter], then: Callable[[], object]) -> None:
        super().__init__(waiters)
        self.then = then

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        self.then()
        return found

    def __contains__(self, waiter: object) -> bool:
        is_there = super().__contains__(waiter)
        self.then()
        return is_there


def test_who_leaves_in_the_middle_of_a_release_is_not_due() -> None:
    waiters = Waiters()
    [waiter] = stand_in_line(waiters, 1)

    def leave() -> None:
        waiters._waiting = []
        waiters.leave(waiter)

    waiters._waiting = Line([waiter], leave)
    waiters.release(1)
    assert not waiters.are_due


def test_who_is_taken_out_by_somebody_faster_was_not_there() -> None:
    waiters = Waiters()
    [waiter] = stand_in_line(waiters, 1)
    waiters._waiting = line = Line([waiter], list)
    line.then = line.clear
    waiters.leave(waiter)
    assert not waiters


def test_who_is_cut_off_while_it_leaves_leaves_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waiters, leave = Waiters(), Waiters.leave
    cut_off = [True]

    def leaving(self: Waiters, waiter: Waiter) -> None:
        if cut_off.pop():
            cut_off.append(False)
            raise KeyboardInterrupt
        leave(self, waiter)

    monkeypatch.setattr(Waiters, "leave", leaving)
    with pytest.raises(KeyboardInterrupt):
        waiters.wait(1, lambda: True, 0)
    assert not waiters


def test_a_lock_that_somebody_faster_has_released_is_no_trouble() -> None:
    class Lock:
        def locked(self) -> bool:
            return True

        def release(self) -> None:
            raise RuntimeError

    waiters, lock = Waiters(), Lock()
    waiters.add((1, lock))  # type: ignore[arg-type]
    waiters.release(1)
    assert waiters.are_due


def test_what_will_not_come_is_not_waited_for() -> None:
    waiters = Waiters()
    waiters.wait(1, lambda: False, None)
    assert not waiters


def all_go_on(waiters: Waiters, line: list[Waiter]) -> bool:
    """Have all of a line go on who can, until nobody can; say whether all did."""
    while gone := [each for each in line if is_let_go(each)]:
        for each in gone:
            waiters.leave(each)
            line.remove(each)
    return not (line or waiters or waiters.are_due)


@needs_steps
@pytest.mark.parametrize("count", [1, 3, waiting.FEW, waiting.FEW + 1])
def test_a_release_that_is_cut_off_anywhere_is_done_again(count: int) -> None:
    for step in itertools.count(1):
        waiters = Waiters()
        line = stand_in_line(waiters, *[1] * count)
        interrupter = Interrupter(step, ("/qsdb/log/waiting",))
        with contextlib.suppress(KeyboardInterrupt), interrupter.running():
            waiters.release(1)
        if waiters:  # as who flushes next sees
            waiters.release(1)
        assert all_go_on(waiters, line), interrupter.place
        if not interrupter.place:
            break


@needs_steps
@pytest.mark.parametrize("count", [1, 3, waiting.FEW + 1])
def test_who_is_cut_off_anywhere_while_it_waits_leaves_the_line(count: int) -> None:
    for step in itertools.count(1):
        waiters = Waiters()
        line = stand_in_line(waiters, *[1] * (count - 1))
        interrupter = Interrupter(step, ("/qsdb/log/waiting",))

        def ask(waiters: Waiters = waiters) -> bool:
            waiters.release(1)
            waiters.let_all_go_on()
            return True

        with contextlib.suppress(KeyboardInterrupt), interrupter.running():
            waiters.wait(1, ask, None)
        waiters.release(1)
        assert all_go_on(waiters, line), interrupter.place
        if not interrupter.place:
            break


def test_a_bell_that_is_rung_wakes_who_sleeps() -> None:
    bell = Bell()
    bell.is_asleep = True
    bell.ring()
    assert not bell.is_asleep
    assert bell.sleep(-1)


def test_ringing_without_a_sleeper_does_nothing() -> None:
    bell = Bell()
    bell.ring()
    bell.is_asleep = True
    assert not bell.sleep(0)
    assert not bell.is_asleep


def test_two_may_ring_at_once() -> None:
    bell = Bell()
    for _ in range(2):
        bell.is_asleep = True
        bell.ring()
    assert bell.sleep(0)
    assert not bell.sleep(0)


def test_gathering_lasts_until_somebody_is_in_a_hurry() -> None:
    bell = Bell()
    thread = threading.Thread(target=bell.gather, args=(100,))
    thread.start()
    while thread.is_alive():
        bell.hurry()
        thread.join(0.001)
    bell.gather(0)
    bell.hurry()
    assert not bell._hurry.is_set()


def test_what_is_not_needed_any_more_is_not_waited_for() -> None:
    Bell().gather(100, lambda: False)
