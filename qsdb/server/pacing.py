"""`Pace`: when one client is written to.

Answers are written as soon as the event loop comes to it. So is what others commit, if
the client was not written to just before. If it was, that waits until every client
could have been written to, one after the other: so where many clients are told what all
of them do, a frame has several commits, and not all time goes into frames. It waits
`GAP_SECONDS_MAX` at most, and not at all where much of it has come.
"""

import asyncio
import threading
from collections.abc import Callable

from qsdb.server.outboxes import Outbox
from qsdb.server.traffic import Traffic

__all__ = ["GAP_SECONDS_MAX", "WRITE_SECONDS", "Pace"]

WRITE_SECONDS = 20e-6
"""About twice as long as it takes to write to a client."""

GAP_SECONDS_MAX = 0.02
"""So long a client waits at most, after a frame, for what others commit."""


class Pace:
    """When one client is written to.

    Attributes:
        outbox: What it is to be sent; whoever makes this sets it.
    """

    outbox: Outbox

    def __init__(self, write: Callable[[], object], traffic: Traffic) -> None:
        """Begin with nothing to write; in the event loop.

        Args:
            write: Writes what is due; it says so first (`begin`).
            traffic: Knows how many clients there are.
        """
        self._write = write
        self._traffic = traffic
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._is_due = False
        self._later: asyncio.TimerHandle | None = None
        self._written = self._loop.time() - GAP_SECONDS_MAX

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
        if not (self._is_due or (self.outbox.may_wait and self.has_time())):
            self._is_due = True
            self._loop.call_soon(self._write)

    def has_time(self) -> bool:
        """Have it written later, if the client was written to just now; say whether."""
        if self._later is None:
            gap = min(WRITE_SECONDS * self._traffic.clients, GAP_SECONDS_MAX)
            at = self._written + gap
            if at <= self._loop.time():
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
        self._written = self._loop.time()
