"""`BackOff`: how long to wait before a server is asked again.

Each attempt that fails doubles the wait, up to a bound. What is waited is between half
of that and all of it, by chance: a thousand clients of a server that comes back do not
come at the same moment. A connection that has lasted for the longest wait was a good
one, and the next wait is short again; one that was made and lost at once was not. So
whatever a server does, it is never asked without a wait.

*Source*: "Exponential backoff and jitter", the variant with equal jitter.
"""

from qsdb.client.settings import Settings
from qsdb.runtime.clock import tick_reader

__all__ = ["BackOff"]

NANOSECONDS = 1_000_000_000


class BackOff:
    """Says how long to wait.

    >>> waits = BackOff(Settings(delay_min=1, delay_max=5, draw=lambda: 1.0))
    >>> [waits.next_delay() for _ in range(5)]
    [1.0, 2.0, 4.0, 5.0, 5.0]
    """

    def __init__(self, settings: Settings) -> None:
        """Begin with the shortest wait."""
        self._settings = settings
        self._ticks = tick_reader(settings.clock)
        self._failed_count = 0
        self._connected_at: int | None = None

    def connected(self) -> None:
        """Take in that there is a connection."""
        self._connected_at = self._ticks()

    def next_delay(self) -> float:
        """Give the seconds to wait now."""
        settings = self._settings
        began, self._connected_at = self._connected_at, None
        if began is not None:
            lasted = (self._ticks() - began) / NANOSECONDS
            if lasted >= settings.delay_max:
                self._failed_count = 0
        doubled = settings.delay_min * 2.0 ** min(self._failed_count, 64)
        self._failed_count += 1
        return min(doubled, settings.delay_max) * (0.5 + settings.draw() / 2)
