"""Functions of the user's: who is told, in which order, and until when."""

import logging
from collections.abc import Callable

import pytest

from qsdb import ArgumentError
from qsdb.cache.listeners import Listeners


def test_in_the_order_in_which_they_came() -> None:
    listeners, told = Listeners(), list[object]()
    listeners.add("come", lambda event, row: told.append((1, event, row)))
    listeners.add("come", lambda event, row: told.append((2, event, row)))
    listeners.add("go", lambda event, row: told.append((3, event, row)))

    listeners.tell("come", "event", ["a", "b"])

    expected = [(1, "event", "a"), (1, "event", "b")]
    assert told == [*expected, (2, "event", "a"), (2, "event", "b")]


def test_with_none_nothing_happens() -> None:
    listeners = Listeners()
    listeners.tell("come", "event", ["a"])

    assert not listeners


def test_one_function_twice_is_two() -> None:
    listeners, told = Listeners(), list[object]()

    def hear(_: object, row: object) -> None:
        told.append(row)

    remove = listeners.add("come", hear)
    listeners.add("come", hear)
    listeners.tell("come", "event", ["a"])
    assert told == ["a", "a"]

    remove()
    remove()
    listeners.tell("come", "event", ["b"])
    assert told == ["a", "a", "b"]
    assert listeners


def test_the_last_one_that_goes_leaves_nothing() -> None:
    listeners = Listeners()
    remove = listeners.add("come", print)
    assert listeners

    remove()
    assert not listeners


def test_what_is_taken_out_while_it_is_told_hears_no_more() -> None:
    listeners, told = Listeners(), list[object]()
    removers: list[Callable[[], None]] = []

    def hear(_: object, row: object) -> None:
        told.append(row)
        for remove in removers:
            remove()

    removers += [listeners.add("come", hear), listeners.add("come", hear)]
    listeners.tell("come", "event", ["a", "b"])

    assert told == ["a"]


def test_who_comes_in_a_callback_hears_the_next_time() -> None:
    listeners, told = Listeners(), list[object]()
    listeners.add("come", lambda *_: listeners.add("come", lambda *_: told.append(1)))

    listeners.tell("come", "event", ["a"])
    assert told == []
    listeners.tell("come", "event", ["a"])
    assert told == [1]


def test_clearing_in_a_callback_ends_all() -> None:
    listeners, told = Listeners(), list[object]()

    def hear(_: object, row: object) -> None:
        told.append(row)
        listeners.clear()

    listeners.add("come", hear)
    listeners.add("come", hear)
    listeners.tell("come", "event", ["a", "b"])

    assert told == ["a"]
    assert not listeners


def test_what_raises_is_logged_and_disturbs_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    listeners, told = Listeners(), list[object]()
    listeners.add("come", lambda *_: 1 / 0)
    listeners.add("come", lambda _, row: told.append(row))

    listeners.tell("come", "event", ["a", "b"])

    assert told == ["a", "b"]
    [first, second] = caplog.records
    assert first.getMessage() == second.getMessage() == "a callback of come raised"
    assert (first.name, first.levelno) == ("qsdb.delivery", logging.ERROR)
    assert first.exc_info is not None
    assert first.exc_info[0] is ZeroDivisionError


def test_what_is_no_exception_passes_when_all_are_called() -> None:
    listeners, told = Listeners(), list[object]()

    def leave(_: object, row: object) -> None:
        told.append(row)
        raise SystemExit(row)

    listeners.add("come", leave)
    listeners.add("come", lambda _, row: told.append(row))
    with pytest.raises(SystemExit, match="a"):
        listeners.tell("come", "event", ["a", "b"])

    assert told == ["a", "b", "a", "b"]


def test_what_cannot_be_called_is_refused() -> None:
    listeners = Listeners()
    with pytest.raises(ArgumentError, match="come takes a function, not 5"):
        listeners.add("come", 5)  # type: ignore[arg-type]

    assert not listeners


def test_what_happens_once_is_told_once_and_of_values_only(
    caplog: pytest.LogCaptureFixture,
) -> None:
    listeners, told = Listeners(), list[object]()

    def raising(_: object) -> None:
        stop()
        raise ValueError("of the user's")

    listeners.add("end", raising)
    stop = listeners.add("end", told.append)
    listeners.add("end", lambda why: told.append(f"{why}!"))
    listeners.tell_once("end", "why")
    listeners.tell_once("other", "why")

    assert told == ["why!"]
    assert "a callback of end raised" in caplog.text
