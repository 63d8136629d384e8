"""Where the time comes from: an argument, so that tests can be the clock."""

import time
from collections.abc import Callable
from typing import Protocol

from qsdb.values.timestamps import Timestamp

__all__ = ["Clock", "SystemClock", "nanosecond_reader", "never_back", "tick_reader"]


_LONG_AGO = -(1 << 80)
"""Nanoseconds before the first `Timestamp`."""


class Clock(Protocol):
    """Tells the time; `qsdb.testing.FakeClock` is another one.

    It may have a method ``monotonic_ns`` too: nanoseconds since whenever, by which
    durations are measured. Without it they are measured by `now`.
    """

    def now(self) -> Timestamp:
        """Give the present time."""
        ...


class SystemClock:
    """The wall clock of the machine, in microseconds."""

    def now(self) -> Timestamp:
        """Give the present time."""
        return Timestamp.from_stored(time.time_ns() // 1000)


def nanosecond_reader(clock: Clock) -> Callable[[], int]:
    """Give a function that reads a clock in nanoseconds since the epoch.

    Every transaction reads the clock and few look at the time, so the reading
    is kept as a number and made a `Timestamp` when somebody asks.
    """
    if type(clock) is SystemClock:
        return time.time_ns
    return lambda: clock.now().micros * 1000


def tick_reader(clock: Clock) -> Callable[[], int]:
    """Give a function that reads a clock in nanoseconds, to measure durations.

    It never goes back, if it is used by one thread at a time. With the machine's clock
    it costs some 50 ns.
    """
    if type(clock) is SystemClock:
        return time.perf_counter_ns
    own: Callable[[], int] | None = getattr(clock, "monotonic_ns", None)
    return never_back(nanosecond_reader(clock), _LONG_AGO) if own is None else own


def never_back(now: Callable[[], int], latest: int) -> Callable[[], int]:
    """Give a reader of a clock that stands still while the clock is behind.

    Used by one thread at a time.

    >>> times = iter([7, 5, 9])
    >>> now = never_back(lambda: next(times), 6)
    >>> now(), now(), now()
    (7, 7, 9)
    """

    def read() -> int:
        nonlocal latest
        found = now()
        if found > latest:  # noqa: PLR1730  `max` costs a call
            latest = found
        return latest

    return read
