"""`LogThread`: flushes what was appended, and writes marks when nothing comes.

It sleeps by the bell of its log (`qsdb.log.waiting`), and looks once more for work
after others can see that it sleeps, so that nobody's work is overlooked.
"""

import threading
from typing import Protocol

from qsdb.errors import FailedError
from qsdb.log.frames import Place
from qsdb.log.waiting import Bell, Waiters

__all__ = ["Log", "LogThread"]

_IDLE_SECONDS = 0.05
"""After this long without records the last ones get a mark."""

_COMPANY_SECONDS = 0.002
"""So long it waits for those who go on one after another: who is late, since others use
the interpreter, holds up nobody for longer."""


class Log(Protocol):
    """What the thread needs of a log."""

    bell: Bell
    waiters: Waiters
    is_closing: bool
    gathering_seconds: float
    """How long records may come together before they are written."""

    def has_work(self) -> bool:
        """Whether records or threads wait."""
        ...

    def flush(self) -> object:
        """Write all that was appended."""
        ...

    def unmarked_place(self) -> Place | None:
        """Give where the log ends, if no mark vouches for what is before."""
        ...

    def mark(self, place: Place) -> None:
        """Write a mark, if the log still ends in this place."""
        ...

    def fail(self, reason: str) -> object:
        """Have everything refused from now on."""
        ...


class LogThread:
    """The thread of one log; it does not keep the interpreter alive."""

    def __init__(self, log: Log) -> None:
        """Begin."""
        self._log = log
        self._thread = threading.Thread(target=self._run, name="qsdb log", daemon=True)
        self._thread.start()

    def join(self) -> None:
        """Wait for the end, unless it is this thread that asks."""
        if self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        try:
            while not self._log.is_closing:
                self._work()
        except FailedError:
            return  # those who wait have been told
        except BaseException as error:
            self._log.fail(f"the log thread ended with {error!r}")
            raise

    def _work(self) -> None:
        """Do what is due now, or wait until something is."""
        log, bell, waiters = self._log, self._log.bell, self._log.waiters
        if waiters.are_many_due:  # so one sync will be for all who come back
            bell.gather(_COMPANY_SECONDS, lambda: waiters.are_due)
        if waiters.are_due:  # who is late holds up nobody
            waiters.let_all_go_on()
        if log.has_work():
            if log.gathering_seconds and not log.waiters:
                bell.gather(
                    log.gathering_seconds, lambda: not (log.waiters or log.is_closing)
                )
            log.flush()
            return
        bell.is_asleep = True
        place = log.unmarked_place()
        if log.has_work():  # seen once more, now that others know they must ring
            bell.is_asleep = False
        elif not bell.sleep(-1.0 if place is None else _IDLE_SECONDS):
            assert place is not None
            log.mark(place)
