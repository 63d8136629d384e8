"""Where the time comes from: an argument, so that tests can be the clock."""

import time
from typing import Protocol

from qsdb.values.timestamps import Timestamp

__all__ = ["Clock", "SystemClock"]


class Clock(Protocol):
    """Tells the time; `qsdb.testing.FakeClock` is another one."""

    def now(self) -> Timestamp:
        """Give the present time."""
        ...


class SystemClock:
    """The wall clock of the machine, in microseconds."""

    def now(self) -> Timestamp:
        """Give the present time. Cost: about 0.2 µs."""
        return Timestamp.from_stored(time.time_ns() // 1000)
