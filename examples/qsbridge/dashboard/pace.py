"""Pace: events of the past are played in the rhythm in which they happened."""

import time
from collections.abc import Callable
from typing import Final

from qsdb import Timestamp

__all__ = ["Pace"]

WAIT_SECONDS: Final = 0.1
"""How long nobody is told of the time at most."""


class Pace:
    """The time of the events, as it passes when they are played faster or slower."""

    def __init__(
        self,
        speed: float,
        seconds: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """Stand ready; time begins with the first event.

        Args:
            speed: How many seconds of theirs pass in one here; infinity for all.
            seconds: Tells the time here.
            sleep: Waits some seconds.
        """
        self._speed = speed
        self._seconds = seconds
        self._sleep = sleep
        self._first_at: int | None = None
        self._begun_at = 0.0

    def wait(self, at: int, tell: Callable[[Timestamp], object]) -> None:
        """Wait until an event is due; one that is late is not waited for.

        Args:
            at: When it happened, in microseconds since 1970.
            tell: Is told the time of the events while it passes.
        """
        if self._first_at is None:
            self._first_at, self._begun_at = at, self._seconds()
        due = self._begun_at + (at - self._first_at) / 1_000_000 / self._speed
        while (now := self._seconds()) < due:
            passed = int((now - self._begun_at) * self._speed * 1_000_000)
            tell(Timestamp.from_micros(self._first_at + passed))
            self._sleep(min(due - now, WAIT_SECONDS))
