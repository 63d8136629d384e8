"""The meter: how many commits there were, and what one took."""

import time
from collections.abc import Callable

__all__ = ["Meter"]


class Meter:
    """Takes the time of calls that commit."""

    def __init__(self, seconds: Callable[[], float] = time.perf_counter) -> None:
        """Begin at nothing.

        Args:
            seconds: Tells the time.
        """
        self._seconds = seconds
        self._begun_at = seconds()
        self._spent = 0.0
        self._count = 0

    def run(self, call: Callable[[], object]) -> None:
        """Call, and take the time of it, with all that is told of the commit."""
        begun_at = self._seconds()
        call()
        self._spent += self._seconds() - begun_at
        self._count += 1

    @property
    def commits_per_second(self) -> float:
        """Commits in each second that has passed, whatever else it was used for."""
        passed = self._seconds() - self._begun_at
        return self._count / passed if passed > 0 else 0.0

    @property
    def micros_per_commit(self) -> float:
        """What a commit took on average."""
        return self._spent / self._count * 1_000_000 if self._count else 0.0
