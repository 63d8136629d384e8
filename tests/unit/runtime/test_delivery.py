"""The outbox: what is told when, by whom, and in which order."""

import logging
import threading
from collections.abc import Callable, Sequence

import attrs
import pytest

from qsdb.errors import FailedError
from qsdb.runtime import delivery as delivery_module
from qsdb.runtime.delivery import Delivery


@attrs.define
class Message:
    """Calls a function when it is told."""

    act: Callable[[], object]
    offset: int = 0
    phase: object = None
    is_told: bool = False

    def deliver(self) -> None:
        self.is_told = True
        self.act()

    def joined(self, later: Sequence["Message"]) -> "Message":
        every = [self.act, *[each.act for each in later]]
        offset = later[-1].offset
        return Message(lambda: [act() for act in every], offset, self.phase)


def post(delivery: Delivery, act: Callable[[], object], offset: int = 0) -> None:
    """Put something in that waits for the disk, or not, by its offset."""
    if offset:
        delivery.put_durable(Message(act, offset))
    else:
        delivery.put(Message(act))


def test_in_the_order_of_commits() -> None:
    delivery, told = Delivery(None), list[int]()
    for number in range(5):
        post(delivery, lambda n=number: told.append(n))  # type: ignore[misc]
    assert told == []

    delivery.run()
    delivery.run()

    assert told == [0, 1, 2, 3, 4]


def test_what_is_put_in_while_something_is_told_comes_after_it() -> None:
    delivery, told = Delivery(None), list[str]()

    def outer() -> None:
        post(delivery, lambda: told.append("inner"))
        delivery.run()
        told.append("outer")

    post(delivery, outer)
    post(delivery, lambda: told.append("next"))
    delivery.run()

    assert told == ["outer", "next", "inner"]


def test_what_raises_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    delivery, told = Delivery(None), list[str]()
    post(delivery, lambda: 1 / 0)
    post(delivery, lambda: told.append("next"))

    delivery.run()

    assert told == ["next"]
    assert caplog.record_tuples == [
        ("qsdb.delivery", logging.ERROR, "a callback raised")
    ]


def leaving(error: BaseException) -> Callable[[], None]:
    def leave() -> None:
        raise error

    return leave


def test_what_is_no_exception_passes_when_the_rest_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    delivery, told = Delivery(None), list[str]()
    post(delivery, leaving(SystemExit(3)))
    post(delivery, lambda: told.append("next"))
    post(delivery, leaving(KeyboardInterrupt()))
    post(delivery, lambda: post(delivery, lambda: told.append("inner")))
    with pytest.raises(SystemExit) as caught:
        delivery.run()

    assert caught.value.code == 3
    assert told == ["next", "inner"]
    assert caplog.messages == ["a callback raised"]  # the second one
    assert not delivery.outbox
    assert not delivery._is_busy


def test_so_it_is_of_what_is_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    delivery, told = Delivery(lambda offset: offset), list[str]()
    monkeypatch.setattr(delivery, "_start", lambda: None)  # only this thread tells
    post(delivery, leaving(SystemExit(3)), 1)
    post(delivery, lambda: told.append("durable"), 1)
    post(delivery, lambda: told.append("later"), 2)
    post(delivery, lambda: told.append("at once"))
    with pytest.raises(SystemExit):
        delivery.catch_up(1)

    assert told == ["durable", "at once"]


def test_who_comes_while_another_thread_tells_waits_for_it() -> None:
    delivery, told = Delivery(None), list[str]()
    began, may_go = threading.Event(), threading.Event()

    def slow() -> None:
        began.set()
        assert may_go.wait(30)
        told.append("slow")

    post(delivery, slow)
    teller = threading.Thread(target=delivery.run)
    teller.start()
    assert began.wait(30)

    def second() -> None:
        post(delivery, lambda: told.append("second"))
        delivery.run()
        told.append("returned")

    other = threading.Thread(target=second)
    other.start()
    other.join(0.05)
    assert other.is_alive()
    may_go.set()
    other.join(30)
    teller.join(30)

    assert told == ["slow", "second", "returned"]


def test_what_was_cut_off_is_told_again_unless_it_says_that_it_is_told() -> None:
    delivery, told = Delivery(None), list[str]()

    @attrs.define
    class Slow:
        """Is cut off once."""

        is_told: bool = False

        def deliver(self) -> None:
            told.append("slow")
            if len(told) == 1:
                raise KeyboardInterrupt
            self.is_told = True

    message = Slow()
    delivery.put(message)
    delivery.put(message)
    with pytest.raises(KeyboardInterrupt):
        delivery.run()

    delivery.run()

    assert told == ["slow", "slow"]


def test_a_forked_child_does_not_wait_for_a_thread_of_its_parent() -> None:
    """A thread that has ended with the lock is what a child has of it."""
    delivery, told = Delivery(None), list[str]()
    post(delivery, lambda: told.append("it"))
    thread = threading.Thread(target=delivery.lock.acquire)
    thread.start()
    thread.join()
    delivery._is_busy = True

    delivery._forked()
    delivery.run()

    assert told == ["it"]
    assert not delivery._is_busy


def test_a_child_that_was_forked_in_a_callback_goes_on_with_it() -> None:
    delivery, told = Delivery(None), list[str]()

    def fork() -> None:
        delivery._forked()
        post(delivery, lambda: told.append("inner"))
        delivery.run()
        told.append("outer")

    post(delivery, fork)
    delivery.run()

    assert told == ["outer", "inner"]


# What waits for the disk.


class Disk:
    """Offsets get durable when a test says so."""

    def __init__(self) -> None:
        self.offset = 0
        self.has_failed = False
        self.fails_from = 1 << 60
        self._changed = threading.Condition()

    def wait(self, offset: int) -> None:
        with self._changed:
            assert self._changed.wait_for(
                lambda: self.is_failed(offset) or self.offset >= offset, 30
            )
        if self.is_failed(offset):
            raise FailedError("the disk is gone", 0)

    def is_failed(self, offset: int) -> bool:
        return self.has_failed or offset >= self.fails_from

    def reach(self, offset: int) -> None:
        with self._changed:
            self.offset = offset
            self._changed.notify_all()

    def fail(self) -> None:
        with self._changed:
            self.has_failed = True
            self._changed.notify_all()


class Listener:
    """Notes what is told, and lets a test wait for it."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self._changed = threading.Condition()

    def hear(self, what: str) -> Callable[[], None]:
        def note() -> None:
            with self._changed:
                self.told.append(what)
                self._changed.notify_all()

        return note

    def wait_for(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.told) >= count, 30)


def end(delivery: Delivery) -> None:
    delivery.close()
    assert delivery._thread is not None
    delivery._thread.join(30)
    assert not delivery._thread.is_alive()


def test_what_waits_for_the_disk_is_told_when_it_is_there() -> None:
    disk, listener = Disk(), Listener()
    delivery = Delivery(disk.wait)
    post(delivery, listener.hear("five"), 5)
    post(delivery, listener.hear("six"), 6)
    post(delivery, listener.hear("at once"))
    delivery.run()
    assert listener.told == ["at once"]

    disk.reach(5)
    listener.wait_for(2)
    assert listener.told == ["at once", "five"]

    disk.reach(6)
    listener.wait_for(3)
    assert listener.told[2:] == ["six"]
    end(delivery)


def test_in_memory_nothing_waits() -> None:
    delivery, listener = Delivery(None), Listener()
    post(delivery, listener.hear("it"), 5)
    delivery.run()

    assert listener.told == ["it"]
    assert delivery._thread is None


def test_what_callbacks_put_in_is_told_by_the_same_thread() -> None:
    disk, listener = Disk(), Listener()
    delivery = Delivery(disk.wait)

    def act() -> None:
        post(delivery, listener.hear("inner"))
        delivery.run()
        listener.hear("outer")()

    post(delivery, act, 1)
    disk.reach(1)
    listener.wait_for(2)

    assert listener.told == ["outer", "inner"]
    end(delivery)


def test_a_callback_that_would_end_the_thread_does_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk, listener = Disk(), Listener()
    delivery = Delivery(disk.wait)

    def leave() -> None:
        post(delivery, listener.hear("inner"))
        raise SystemExit

    post(delivery, leave, 1)
    post(delivery, listener.hear("next"), 1)
    disk.reach(1)
    listener.wait_for(2)

    assert listener.told == ["next", "inner"]
    assert caplog.messages == ["a callback raised"]
    end(delivery)


def test_with_the_disk_gone_nothing_more_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    disk, listener = Disk(), Listener()
    delivery = Delivery(disk.wait)
    post(delivery, listener.hear("never"), 1)
    disk.fail()
    assert delivery._thread is not None
    delivery._thread.join(30)

    assert not delivery._thread.is_alive()
    assert listener.told == []
    assert "never told" in caplog.text
    assert "a callback raised" not in caplog.text


def test_closing_tells_what_is_due() -> None:
    disk, listener = Disk(), Listener()
    delivery = Delivery(disk.wait)
    post(delivery, listener.hear("due"), 1)
    closing = threading.Thread(target=delivery.close, daemon=True)
    closing.start()
    closing.join(0.05)
    assert closing.is_alive()
    disk.reach(1)
    closing.join(30)

    assert not closing.is_alive()
    assert listener.told == ["due"]


@pytest.mark.parametrize("fails", [False, True])
def test_closing_in_a_callback_tells_what_is_due_after_it(*, fails: bool) -> None:
    disk, told = Disk(), list[str]()
    delivery = Delivery(disk.wait)

    def close() -> None:
        disk.reach(6)
        post(delivery, lambda: told.append("late"), 6)
        if fails:
            post(delivery, lambda: told.append("never"), 7)
            disk.fails_from = 7
        delivery.close()
        told.append("closed")

    post(delivery, close)
    delivery.run()
    end(delivery)

    assert told == ["closed", "late"]


def test_many_who_are_not_behind_are_told_of_each_commit() -> None:
    disk, told = Disk(), list[int]()
    delivery = Delivery(disk.wait)
    count = 2 * delivery_module.WAITING_MAX
    for number in range(1, count + 1):
        message = Message(lambda n=number: told.append(n), number, number % 100)  # type: ignore[misc]
        delivery.put_durable(message)
    assert len(delivery._durable) == count
    disk.reach(count)
    end(delivery)
    assert told == [*range(1, count + 1)]


def test_what_waits_too_long_is_joined_for_each_receiver(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(delivery_module, "WAITING_MAX", 4)
    monkeypatch.setattr(delivery_module, "BEHIND_MIN", 1)
    disk, listener = Disk(), Listener()
    delivery = Delivery(disk.wait)
    delivery._durable_max = 4
    for number in range(1, 41):
        name = "ab"[number % 2]
        act = listener.hear(f"{name}{number}")
        delivery.put_durable(Message(act, number, phase=name))
        assert len(delivery._durable) <= 5
    assert len(delivery._durable) >= 2
    offsets = [each.offset for each in delivery._durable]
    assert offsets == sorted(offsets)

    disk.reach(40)
    listener.wait_for(40)
    end(delivery)

    for name, first in (("a", 2), ("b", 1)):
        told = [each for each in listener.told if each[0] == name]
        assert told == [f"{name}{number}" for number in range(first, 41, 2)]


def test_the_thread_does_not_keep_a_program_alive() -> None:
    disk = Disk()
    delivery = Delivery(disk.wait)
    post(delivery, lambda: None, 1)
    assert delivery._thread is not None
    assert delivery._thread.daemon
    disk.reach(1)
    end(delivery)


def test_an_interrupt_before_what_waited_is_told_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    delivery, told = Delivery(lambda offset: offset), list[int]()
    monkeypatch.setattr(delivery, "_start", lambda: None)  # only this thread tells
    for offset in (1, 2, 3):
        post(delivery, lambda offset=offset: told.append(offset), offset)  # type: ignore[misc]
    tell, calls = delivery.tell, list[object]()

    def interrupted(message: Message) -> None:
        calls.append(message)
        if len(calls) == 2:
            raise KeyboardInterrupt
        tell(message)

    monkeypatch.setattr(delivery, "tell", interrupted)
    with pytest.raises(KeyboardInterrupt):
        delivery.catch_up(2)
    assert told == [1, 2]
    delivery.catch_up(3)
    assert told == [1, 2, 3]
