"""How threads wait for the log: for a commit to be on the disk, and for work.

`Waiters` are threads that each wait for an offset. Each has a lock of its own, so
that exactly those are woken whose commit is there; a condition would wake all, and
all but one in vain.

A `Bell` is what the log thread sleeps by. Ringing it costs one look at a flag while
the thread is awake, since it is rung by every commit.
"""

import contextlib
import threading

__all__ = ["Bell", "Waiters"]


def _held_lock() -> threading.Lock:
    lock = threading.Lock()
    lock.acquire()
    return lock


class Waiters:
    """Threads that wait for offsets."""

    __slots__ = ("_waiting",)

    def __init__(self) -> None:
        """Begin with none."""
        self._waiting: list[tuple[int, threading.Lock]] = []

    def __bool__(self) -> bool:
        """Whether anybody waits."""
        return bool(self._waiting)

    def add(self, offset: int) -> threading.Lock:
        """Wait for an offset from now on; the lock can be had when it is there."""
        lock = _held_lock()
        self._waiting.append((offset, lock))
        return lock

    def release(self, offset: float) -> None:
        """Let those go on who wait for an offset up to this one; by one at a time."""
        for waiter in self._waiting[:]:  # more may come meanwhile
            wanted, lock = waiter
            if wanted <= offset:
                # First this: a signal handler may cut it off between the two. Whoever
                # was let go on then is so once more, which is no matter.
                try:  # noqa: SIM105  that costs more than all the rest here
                    lock.release()
                except RuntimeError:
                    pass
                self._waiting.remove(waiter)


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

    def gather(self, seconds: float) -> None:
        """Let so many seconds pass, fewer if somebody is in a hurry."""
        self._is_gathering = True
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
        if self._is_gathering:
            self._hurry.set()
        self.ring()
