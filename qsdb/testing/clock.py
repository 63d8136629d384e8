"""A clock that stands still until it is told to move."""

import threading

from qsdb.errors import brief
from qsdb.values.timestamps import TimeDuration, Timestamp

__all__ = ["FakeClock"]


class FakeClock:
    """Tells the time that a test sets.

    >>> clock = FakeClock(Timestamp.parse("2026-01-01T00:00:00Z"))
    >>> clock.advance(1.5)
    >>> str(clock.now())
    '2026-01-01T00:00:01.500000Z'
    """

    def __init__(self, start: Timestamp | None = None) -> None:
        """Begin at `start`; the epoch if not given.

        Raises:
            TypeError: `start` is no `Timestamp`.
        """
        self._lock = threading.Lock()
        self.set(Timestamp.EPOCH if start is None else start)

    _now: Timestamp

    def now(self) -> Timestamp:
        """Give the time as it was set."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on, or back if `seconds` is negative.

        Raises:
            OverflowError: the time would leave the range of a `Timestamp`.
        """
        with self._lock:
            self._now += TimeDuration.from_seconds(seconds)

    def set(self, now: Timestamp) -> None:
        """Set the time.

        Raises:
            TypeError: `now` is no `Timestamp`.
        """
        if type(now) is not Timestamp:
            raise TypeError(f"a FakeClock shows a qsdb.Timestamp, not {brief(now)}")
        with self._lock:
            self._now = now
