"""Timers: when something is due, and how long to wait before trying again.

Nothing here reads a clock: whoever asks says what time it is. So a test plays an hour
in no time, and a simulation drives a hundred bridges with one clock.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from qsdb import Timestamp

__all__ = ["Backoff", "Countdown", "system_now"]


def system_now() -> Timestamp:
    """Give the time of the machine's clock."""
    return Timestamp.from_micros(time.time_ns() // 1000)


@dataclass(frozen=True, slots=True)
class Countdown:
    """So many seconds from some time on.

    A clock that is set back ends it: too early does less harm than an hour too late.
    """

    begun_at: Timestamp
    seconds: float

    def is_over(self, now: Timestamp) -> bool:
        """Tell whether it has run out."""
        return not 0 <= (now - self.begun_at).micros < self.seconds * 1e6

    def left(self, now: Timestamp) -> float:
        """Give the seconds that are left, 0 when it is over."""
        if self.is_over(now):
            return 0.0
        return self.seconds - (now - self.begun_at).micros / 1e6


class Backoff:
    """Seconds to wait before the next attempt: longer and longer, and never in step.

    Each wait is twice the one before, up to a bound. Of that a part, by chance at least
    half, is waited: a hundred bridges that lost the same platform in the same moment do
    not come back in the same moment.

    >>> waits = Backoff(lambda: 1.0)
    >>> [waits.next() for _ in range(8)]
    [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0]
    """

    FIRST = 1.0
    LONGEST = 60.0

    def __init__(self, chance: Callable[[], float]) -> None:
        """Begin.

        Args:
            chance: Gives numbers from 0 to 1, as `random.random`.
        """
        self._chance = chance
        self._whole = self.FIRST

    def next(self) -> float:
        """Give the seconds to wait now, from half a second to a minute."""
        whole, self._whole = self._whole, min(self._whole * 2, self.LONGEST)
        return whole * (0.5 + 0.5 * self._chance())

    def reset(self) -> None:
        """Begin anew, after an attempt that went well."""
        self._whole = self.FIRST
