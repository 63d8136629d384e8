"""`Pace`: when one client is written to.

Answers are written as soon as the event loop comes to it. So is what others commit, if
the client was not written to just before. If it was, that waits until everybody who is
written to these days could have been, one after the other: so where many clients are
told what all of them do, it comes together, in one frame where the protocol has such,
and not all time goes into writing. With few clients nothing waits, since timers count
milliseconds. `GAP_SECONDS_MAX` is the longest wait; with confirmed delivery it may be
twice that and a sync, for what comes when the disk was asked already. Many commits do
not wait, nor does the end of a session.
"""

import asyncio
import threading
import weakref
from collections.abc import Callable

from qsdb.server.outboxes import Outbox

__all__ = ["GAP_SECONDS_MAX", "WRITE_SECONDS", "Crowd", "Pace"]

WRITE_SECONDS = 20e-6
"""About twice as long as it takes to write to a client."""

GAP_SECONDS_MIN = 1e-3
"""A shorter wait is none: a timer would take longer."""

GAP_SECONDS_MAX = 0.02
"""So long a client waits at most, after a frame, for what others commit."""

WINDOW_SECONDS = 0.25
"""Who was written to in so long a time counts."""


class Crowd:
    """How many clients an event loop writes to, all databases together.

    Attributes:
        window: Numbers the present window of time.
    """

    def __init__(self, now: float) -> None:
        """Begin with nobody."""
        self.window = 0
        self._until = now + WINDOW_SECONDS
        self._count = self._last_count = 0

    @property
    def size(self) -> int:
        """How many were written to in this window or in the one before."""
        return max(self._count, self._last_count)

    def add(self, now: float, window: int) -> int:
        """Count one who is written to, once in a window; give the present one's number.

        Args:
            now: The time.
            window: The last one in which it was counted.
        """
        if now >= self._until:
            is_next = now < self._until + WINDOW_SECONDS
            self._last_count = self._count if is_next else 0
            self._count = 0
            self._until = now + WINDOW_SECONDS
            self.window += 1
        if window != self.window:
            self._count += 1
        return self.window


_crowds: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Crowd] = (
    weakref.WeakKeyDictionary()
)


class Pace:
    """When one client is written to.

    Attributes:
        outbox: What it is to be sent; whoever makes this sets it.
    """

    outbox: Outbox

    def __init__(
        self, write: Callable[[], object], ask_the_disk: Callable[[], object]
    ) -> None:
        """Begin with nothing to write; in the event loop.

        Args:
            write: Writes what is due; it says so first (`begin`).
            ask_the_disk: Has synced what is to be written later.
        """
        self._write = write
        self._ask_the_disk = ask_the_disk
        self._loop = loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._is_due = False
        self._later: asyncio.TimerHandle | None = None
        self._written = loop.time() - GAP_SECONDS_MAX
        self._window = -1
        self._crowd = _crowds.setdefault(loop, Crowd(loop.time()))

    def wake(self) -> None:
        """Have what waits written; from any thread."""
        # Whoever puts something in does so first, and who writes says first that it
        # does: so nothing is overlooked.
        if self._is_due or (self._later is not None and self.outbox.may_wait):
            return
        try:
            if threading.get_ident() == self._thread:
                self.look()
            else:
                self._loop.call_soon_threadsafe(self.look)
        except RuntimeError:  # the loop has ended; and `suppress` is slow
            pass

    def look(self) -> None:
        """Have what waits written; in the event loop."""
        if self._is_due:
            return
        if self.outbox.may_wait:
            is_new = self._later is None
            if self.has_time():
                if is_new:
                    self._ask_the_disk()
                return
        self._is_due = True
        self._loop.call_soon(self._write)

    def has_time(self) -> bool:
        """Have it written later, if the client was written to just now; say whether."""
        if self._later is None:
            gap = min(WRITE_SECONDS * self._crowd.size, GAP_SECONDS_MAX)
            at = self._written + gap
            if gap < GAP_SECONDS_MIN or at <= self._loop.time():
                return False
            self._later = self._loop.call_at(at, self._write)
        return True

    def begin(self) -> None:
        """Take in that what waits is gone through now."""
        self._is_due = False
        if self._later is not None:
            self._later.cancel()
            self._later = None

    def note(self) -> None:
        """Take in that something was written."""
        self._written = now = self._loop.time()
        self._window = self._crowd.add(now, self._window)
