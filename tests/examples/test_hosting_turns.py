import threading

import pytest

import qsdb
from examples.qsbridge.hosting.turns import Turns
from qsdb import Timestamp
from tests.examples.hub import START


def after(seconds: float) -> Timestamp:
    return Timestamp.from_micros(START.micros + round(seconds * 1e6))


def is_granted(turns: Turns, server_id: str, seconds: float) -> bool:
    """Tell whether a server has its turn then; if so, it is used and over."""
    try:
        with turns.turn(server_id, after(seconds)):
            return True
    except qsdb.ReducerError:
        return False


def test_a_server_has_a_turn_each_sixty_seconds() -> None:
    turns = Turns()

    granted = [
        second for second in range(0, 200, 10) if is_granted(turns, "east", second)
    ]

    assert granted == [0, 60, 120, 180]


def test_sixty_seconds_are_enough_and_a_microsecond_less_is_not() -> None:
    turns = Turns()
    assert is_granted(turns, "east", 0)

    assert not is_granted(turns, "east", 59.999_999)
    assert is_granted(turns, "east", 60)


def test_a_refusal_says_how_long_to_wait() -> None:
    turns = Turns()
    assert is_granted(turns, "east", 0)

    with pytest.raises(qsdb.ReducerError) as caught, turns.turn("east", after(47.5)):
        pass

    assert str(caught.value) == (
        "WrongState: there may be one action on a server each 60 s; "
        "the next on 'east' in 12.5 s"
    )


def test_a_clock_that_is_set_back_ends_the_wait() -> None:
    turns = Turns()
    assert is_granted(turns, "east", 3600)

    assert is_granted(turns, "east", 0)
    assert not is_granted(turns, "east", 59)
    with turns.turn("west", after(3600)):
        assert not is_granted(turns, "west", 0), "one is still going on"


def test_each_server_has_its_own_turns() -> None:
    turns = Turns()

    assert is_granted(turns, "east", 0)
    assert is_granted(turns, "west", 0)


def test_a_turn_that_is_given_back_does_not_count() -> None:
    turns = Turns()
    with turns.turn("east", START) as turn:
        turn.give_back()

    assert is_granted(turns, "east", 0)
    assert not is_granted(turns, "east", 1)


def test_a_turn_that_ends_with_an_error_counts() -> None:
    turns = Turns()
    with pytest.raises(OSError, match="gone"), turns.turn("east", START):
        raise OSError("gone")

    assert not is_granted(turns, "east", 59)


def test_while_an_action_is_going_on_no_other_begins() -> None:
    turns = Turns()
    with turns.turn("east", START):
        with pytest.raises(qsdb.ReducerError) as caught, turns.turn("east", after(90)):
            pass
        assert is_granted(turns, "west", 90)

    assert str(caught.value) == (
        "WrongState: an action on server 'east' is still going on"
    )
    assert is_granted(turns, "east", 90)


def test_a_turn_that_was_begun_a_little_earlier_elsewhere_is_refused() -> None:
    turns = Turns()
    assert is_granted(turns, "east", 1)

    assert not is_granted(turns, "east", 0)


def test_another_interval_can_be_chosen() -> None:
    turns = Turns(interval_seconds=5)

    assert is_granted(turns, "east", 0)
    assert not is_granted(turns, "east", 4.9)
    assert is_granted(turns, "east", 5)


def test_of_many_threads_one_gets_the_turn() -> None:
    turns, granted = Turns(), []
    barrier = threading.Barrier(8)

    def ask() -> None:
        barrier.wait()
        granted.append(is_granted(turns, "east", 0))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(granted) == [False] * 7 + [True]
