"""The agenda: what happens when, in simulated time.

A discrete-event simulation: the clock jumps from one appointment to the next, and
an hour passes as fast as its appointments can be kept. Those of one moment are
kept in the order in which they were made, so a history depends on nothing but the
seed.
"""

import heapq
import time
from collections.abc import Callable, Iterator

from qsdb import Timestamp
from qsdb.testing import FakeClock

__all__ = ["SECOND", "Act", "Agenda", "JumpingClock"]

SECOND = 1_000_000
"""In microseconds, as all times here."""

Act = Callable[[], None]


class JumpingClock(FakeClock):
    """Shows simulated time; durations are measured in real time."""

    @staticmethod
    def monotonic_ns() -> int:
        """Give nanoseconds since whenever."""
        return time.perf_counter_ns()


class Agenda:
    """Appointments, and the clock that they move.

    Attributes:
        clock: The time, for the database too.
    """

    def __init__(self, start: Timestamp) -> None:
        """Begin with nothing to do."""
        self.clock = JumpingClock(start)
        self._start = start.micros
        self._now = 0
        self._made = 0
        self._heap: list[tuple[int, int, Act]] = []

    @property
    def now(self) -> int:
        """Microseconds since the start."""
        return self._now

    def after(self, delay: int, act: Act) -> None:
        """Make an appointment, some microseconds from now."""
        self._made += 1
        heapq.heappush(self._heap, (self._now + max(0, delay), self._made, act))

    def keep(self, until: int) -> Iterator[int]:
        """Keep the appointments before a time, and yield the time of each after it."""
        while self._heap and self._heap[0][0] < until:
            self._now, _, act = heapq.heappop(self._heap)
            self.clock.set(Timestamp.from_micros(self._start + self._now))
            act()
            yield self._now
        self._now = until
        self.clock.set(Timestamp.from_micros(self._start + until))
