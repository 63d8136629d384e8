"""`Waiters` and `Bell`: exactly those are woken who are to be."""

import threading

from qsdb.log.waiting import Bell, Waiters


def test_those_up_to_an_offset_are_let_go_on() -> None:
    waiters = Waiters()
    locks = [waiters.add(offset) for offset in (3, 1, 2)]
    waiters.release(2)
    assert [lock.locked() for lock in locks] == [True, False, False]
    assert waiters
    waiters.release(float("inf"))
    assert not locks[0].locked()
    assert not waiters


def test_a_release_that_was_cut_off_is_done_again() -> None:
    """As a signal handler cuts it off, after the lock and before the list."""
    waiters = Waiters()
    first, second = waiters.add(1), waiters.add(1)
    first.release()
    waiters.release(1)
    assert not second.locked()
    assert not waiters


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
