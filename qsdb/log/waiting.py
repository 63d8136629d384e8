"""How threads wait for the log: for a commit to be on the disk, and for work.

`Waiters` are threads that each wait for an offset. Each has a lock of its own, so
that exactly those are woken whose commit is there; a condition would wake all, and
all but one in vain. When many are due at once they go on one after another: who was
woken wakes the next. All at once would only wait for the interpreter, each in a queue
of the operating system, and be woken once more. A few do go on at once: they are soon
through, and the log is written meanwhile.

A `Bell` is what the log thread sleeps by. Ringing it costs one look at a flag while
the thread is awake, since it is rung by every commit.
"""

import contextlib
import threading
from collections.abc import Callable, Iterable

__all__ = ["FEW", "Bell", "Waiter", "Waiters", "new_waiter"]

FEW = 8
"""So many that are due go on all at once."""

Waiter = tuple[int, threading.Lock]
"""What a thread waits for, and what it waits by."""


def _held_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


def new_waiter(offset: int) -> Waiter:
    """Make what a thread waits by."""
    return offset, _held_lock()


class Waiters:
    """Threads that wait for offsets; true while any waits for one that is not there."""

    __slots__ = ("_due", "_waiting")

    def __init__(self) -> None:
        """Begin with none."""
        self._waiting: list[Waiter] = []
        self._due: dict[Waiter, None] = {}
        """Those whose offset is there, until they have left; the first goes on."""

    def __bool__(self) -> bool:
        """Whether anybody waits for what is not there."""
        return bool(self._waiting)

    @property
    def are_due(self) -> bool:
        """Whether some are about to go on, of whom most will soon be back."""
        return bool(self._due)

    @property
    def are_many_due(self) -> bool:
        """Whether so are so many that they go on one after another."""
        return len(self._due) > FEW

    def wait(self, offset: int, ask: Callable[[], bool], seconds: float | None) -> None:
        """Wait until an offset is there.

        Args:
            offset: It.
            ask: Has it come, now that this thread waits for it; says whether it will.
            seconds: To wait at most; None for as long as it takes.
        """
        waiter = new_waiter(offset)
        try:
            self.add(waiter)
            if ask():
                waiter[1].acquire(timeout=-1 if seconds is None else seconds)
        finally:
            try:
                self.leave(waiter)
            except BaseException:  # an interrupt has cut that off
                self.leave(waiter)
                raise

    def add(self, waiter: Waiter) -> None:
        """Have a thread stand in line; its lock can be had when the offset is there.

        It leaves the line, whatever happens.
        """
        self._waiting.append(waiter)

    def release(self, offset: float) -> None:
        """Let those go on who wait for an offset up to this one; by one at a time.

        Cut off by an exception, it is done again, as they still wait.
        """
        found = [each for each in self._waiting[:] if each[0] <= offset]
        self._due |= dict.fromkeys(found)
        self._let_go_on(self._first() if self.are_many_due else list(self._due))
        for each in found:
            if not _take_out(self._waiting, each):  # it has left meanwhile
                self._due.pop(each, None)
        self._let_go_on(self._first())  # who was may just have left

    def leave(self, waiter: Waiter) -> None:
        """Take in that a thread has gone on, and let the next one; twice is once."""
        _take_out(self._waiting, waiter)  # in this order: see `release`
        self._due.pop(waiter, None)
        self._let_go_on(self._first())

    def let_all_go_on(self) -> None:
        """Wait no longer for the first of those who are due."""
        self._let_go_on(list(self._due))

    def _first(self) -> list[Waiter]:
        # Other threads change the dict, so it is copied in one go.
        return list(self._due)[:1]

    def _let_go_on(self, waiters: Iterable[Waiter]) -> None:
        for _, lock in waiters:
            if lock.locked():  # else it was let go on already
                try:  # noqa: SIM105  that costs more than all the rest here
                    lock.release()
                except RuntimeError:  # by somebody who was faster
                    pass


def _take_out(line: list[Waiter], waiter: Waiter) -> bool:
    """Take a waiter out of a line once, and give whether it was in it."""
    if waiter not in line:
        return False
    try:
        line.remove(waiter)
    except ValueError:  # somebody was faster
        return False
    return True


class Bell:
    """Wakes one thread that sleeps, or that lets others come together.

    Attributes:
        is_asleep: Whether the thread sleeps, and nobody has rung.
    """

    __slots__ = ("_hurry", "_is_gathering", "_wake", "is_asleep")

    def __init__(self) -> None:
        """Begin with a thread that is awake."""
        self.is_asleep = False
        self._is_gathering = False
        self._wake = _held_lock()
        self._hurry = threading.Event()

    def sleep(self, seconds: float) -> bool:
        """Sleep until somebody rings, and give whether somebody did.

        The thread sets `is_asleep`, looks once more whether there is work, and only
        then calls this: so nobody's work is overlooked.

        Args:
            seconds: At most so long; below 0 for as long as it takes.
        """
        was_rung = self._wake.acquire(timeout=seconds)
        self.is_asleep = False
        return was_rung

    def gather(
        self, seconds: float, is_needed: Callable[[], bool] = lambda: True
    ) -> None:
        """Let so many seconds pass, fewer if somebody is in a hurry.

        Args:
            seconds: At most so long.
            is_needed: Is asked once more, now that others know that they may hurry.
        """
        self._is_gathering = True
        if is_needed():
            self._hurry.wait(seconds)
        self._is_gathering = False
        self._hurry.clear()

    def ring(self) -> None:
        """Wake the thread if it sleeps."""
        if self.is_asleep:
            self.is_asleep = False
            with contextlib.suppress(RuntimeError):  # somebody was faster
                self._wake.release()

    def hurry(self) -> None:
        """Wake the thread also where it lets others come together."""
        self.end_gathering()
        self.ring()

    def end_gathering(self) -> None:
        """Wake the thread only where it lets others come together."""
        if self._is_gathering:
            self._hurry.set()
