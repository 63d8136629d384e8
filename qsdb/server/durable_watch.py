"""`DurableWatch`: tells the event loop when what clients wait for is on the disk.

With confirmed delivery messages wait in outboxes for an offset. One thread for each
database syncs up to the highest that is wanted, and then has the sessions looked at. So
while one sync runs the next calls commit, and one sync is for all of them: it is the
clients' speed that says how often the disk is synced.

When the disk fails, what is not on it never will be. Then whoever waits is woken once
more, and finds `DurableWatch.failure`; so does who looks when its own time has come.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable

from qsdb.log.writing import LogWriter

__all__ = ["DurableWatch"]

_LOGGER = logging.getLogger("qsdb.server")


class DurableWatch:
    """Waits for the disk on behalf of many clients.

    Attributes:
        loop: Where those who wait are called.
        wanted: The highest offset that was.
        failure: Why nothing more comes on the disk, in words for clients; None as long
            as the disk works.
    """

    def __init__(self, log: LogWriter, loop: asyncio.AbstractEventLoop) -> None:
        """Begin with nobody waiting.

        Args:
            log: Of the database.
            loop: Where those who wait are called.
        """
        self._log = log
        self.loop = loop
        self._waiting: dict[Callable[[], None], None] = {}
        self.wanted = 0
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._is_closed = False
        self.failure: str | None = None

    @property
    def durable(self) -> int:
        """The offset that is on the disk."""
        return self._log.durable_offset

    def want(self, offset: int, wake: Callable[[], None] | None) -> None:
        """Have an offset synced, and somebody woken when it is on the disk, or earlier.

        In the event loop, as long as there is no `failure`.

        Args:
            offset: Of a commit.
            wake: Is called in the event loop; None if nobody is to be woken.
        """
        if wake is not None:
            self._waiting[wake] = None
        if offset <= self.wanted:
            return
        with self._changed:
            self.wanted = offset
            if self._thread is None:
                self._start()
            self._changed.notify()

    def _start(self) -> None:
        self._thread = threading.Thread(
            target=self._follow, name="qsdb-server-durable", daemon=True
        )
        self._thread.start()

    def _follow(self) -> None:
        offset = 0  # up to which all were woken; others may sync further meanwhile
        while True:
            with self._changed:
                while self.wanted <= offset:
                    if self._is_closed:
                        return
                    self._changed.wait()
                offset = self.wanted
            try:
                self._log.flush(offset)
            except Exception:  # also of what is done after a flush
                _LOGGER.exception("clients wait for the disk, which has failed")
                self._call(self._fail)
                return
            self._call(self._wake)

    def _call(self, function: Callable[[], None]) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self.loop.call_soon_threadsafe(function)

    def _fail(self) -> None:
        self.failure = "the disk of the database has failed"
        self._wake()

    def _wake(self) -> None:
        """Wake all who wait; who has to wait on will say so."""
        waiting, self._waiting = self._waiting, {}
        for wake in waiting:
            wake()

    def close(self) -> None:
        """End the thread, when what is wanted is on the disk."""
        with self._changed:
            self._is_closed = True
            self._changed.notify()
