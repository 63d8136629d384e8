"""A dashboard that runs: it draws when something has changed, as often as it pays.

At most ten frames a second, since nobody sees more; and however large the cluster, at
most a tenth of the time goes into drawing, since what is drawn should have the rest.
"""

import time
from collections.abc import Callable
from typing import Final

import qsdb
from examples.qsbridge.dashboard.frames import frame
from examples.qsbridge.dashboard.watch import Watch
from examples.terminal.screen import Screen
from qsdb import TimeDuration, Timestamp

__all__ = ["Dashboard", "HubClock"]

FRAME_SECONDS: Final = 0.1
PAUSES: Final = 9
"""How many times as long as drawing took nothing is drawn after it."""
TICK: Final = TimeDuration.from_seconds(1)
"""Times are shown in seconds, so a frame is old when one has passed on the hub."""


class Dashboard:
    """A hub, watched on a screen."""

    def __init__(
        self,
        db: qsdb.Database,
        screen: Screen,
        source: str,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to listen.

        Args:
            db: The hub; one that is only read will do.
            screen: Where it is drawn.
            source: Where it is from, for the headline.
            seconds: Tells the time that passes here, not on the hub.
        """
        self.watch = Watch(db)
        self._screen = screen
        self._source = source
        self._seconds = seconds
        self._next_at = float("-inf")
        self._drawn: Timestamp | None = None

    def refresh(self, now: Timestamp) -> None:
        """Draw if something has changed and the last frame has been seen.

        Without a terminal nothing is seen until the end, so nothing is drawn.
        """
        is_old = (
            self.watch.has_changed or self._drawn is None or now - self._drawn >= TICK
        )
        if self._screen.is_terminal and is_old and self._seconds() >= self._next_at:
            self.draw(now)

    def draw(self, now: Timestamp) -> None:
        """Draw now."""
        begun_at = self._seconds()
        picture = self.watch.picture(now)
        screen = self._screen
        screen.show(frame(picture, self._source, screen.width, screen.height))
        self._drawn = now
        ended_at = self._seconds()
        self._next_at = max(
            begun_at + FRAME_SECONDS, ended_at + PAUSES * (ended_at - begun_at)
        )


class HubClock:
    """Tells the hub's time from outside: by its rows, and by what has passed since.

    The hub may run on another clock than this machine, a simulated one even. But a
    row that says when it was written is not from the future. Between rows the clock
    goes on by itself, so that servers fall silent though nobody writes any more.
    """

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        """Begin in 1970, with the first row yet to be seen."""
        self._seconds = seconds
        self._latest = Timestamp.EPOCH
        self._seen_at = seconds()

    def now(self, latest: Timestamp) -> Timestamp:
        """Give the time, having seen a row of the time `latest`; it never goes back."""
        seconds = self._seconds()
        passed = TimeDuration.from_seconds(seconds - self._seen_at)
        now = self._latest + passed
        if latest > now:
            self._latest, self._seen_at = latest, seconds
            return latest
        return now
