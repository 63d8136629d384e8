"""`Tallies`: what functions cost that run without the writer lock.

Procedures and views run on any thread, several at once, so they are counted under a
lock of their own. Of reducers `qsdb.runtime.meters` knows the same, and costs less.
"""

import contextlib
import threading
from collections.abc import Iterator

from qsdb.forks import on_fork
from qsdb.runtime.clock import Clock, tick_reader
from qsdb.runtime.stats import CallStats

__all__ = ["Tallies"]

_NONE = CallStats(0, 0, 0.0, 0.0)


class Tallies:
    """The figures of some functions, by name."""

    def __init__(self, clock: Clock) -> None:
        """Begin with nothing.

        Args:
            clock: What durations are measured with.
        """
        self._ticks = tick_reader(clock)
        self._by_name: dict[str, CallStats] = {}
        self._renew_lock()
        on_fork(self._renew_lock)

    def _renew_lock(self) -> None:
        self._counting = threading.Lock()

    @contextlib.contextmanager
    def counted(self, name: str) -> Iterator[None]:
        """Count a call of a function, when the block has ended."""
        began, failures = self._ticks(), 1
        try:
            yield
            failures = 0
        finally:
            seconds = (self._ticks() - began) / 1e9
            with self._counting:
                was = self._by_name.get(name, _NONE)
                self._by_name[name] = CallStats(
                    was.calls + 1,
                    was.failures + failures,
                    was.seconds + seconds,
                    max(was.longest, seconds),
                )

    def stats(self) -> dict[str, CallStats]:
        """Give the figures of all functions that have been called."""
        return {**self._by_name}
