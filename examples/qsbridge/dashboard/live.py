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
SILENCE_MAX: Final = TimeDuration.from_seconds(24 * 3600)
"""A hub that was silent for longer is a recording."""
AHEAD_MAX: Final = TimeDuration.from_seconds(90)
"""And so is one whose time is further ahead."""


def _time_here() -> Timestamp:
    return Timestamp.from_micros(time.time_ns() // 1000)


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

    def refresh(self, now: Timestamp, *, is_past: bool = False) -> None:
        """Draw if something has changed and the last frame has been seen.

        Without a terminal nothing is seen until the end, so nothing is drawn.

        Args:
            now: The time on the hub.
            is_past: Whether it is one that has passed here; then the headline says so.
        """
        is_old = (
            self.watch.has_changed or self._drawn is None or now - self._drawn >= TICK
        )
        if self._screen.is_terminal and is_old and self._seconds() >= self._next_at:
            self.draw(now, is_past=is_past)

    def draw(self, now: Timestamp, *, is_past: bool = False) -> None:
        """Draw now; the arguments are those of `refresh`."""
        begun_at = self._seconds()
        picture = self.watch.picture(now, is_past=is_past)
        screen = self._screen
        screen.show(frame(picture, self._source, screen.width, screen.height))
        self._drawn = now
        ended_at = self._seconds()
        self._next_at = max(
            begun_at + FRAME_SECONDS, ended_at + PAUSES * (ended_at - begun_at)
        )


class HubClock:
    """Tells the hub's time from outside.

    That is the time here, since the hub runs on this machine: so a server that nobody
    has heard of for two minutes is shown as one, also where nothing is written any
    more. But what is looked at may be a recording, as an evening that was played or
    simulated, whose clock was another. It shows: a hub that runs writes every half
    minute, when it sweeps. If the newest that a hub has heard is a day old, or is yet
    to come, it is shown as of then.

    Attributes:
        is_past: Whether it is.
    """

    def __init__(self, here: Callable[[], Timestamp] = _time_here) -> None:
        """Begin.

        Args:
            here: Tells the time of this machine.
        """
        self.is_past = False
        self._here = here

    def now(self, heard: Timestamp) -> Timestamp:
        """Give the hub's time.

        Args:
            heard: When the hub last wrote something; `Timestamp.EPOCH` for never.
        """
        here = self._here()
        is_near = -AHEAD_MAX <= here - heard <= SILENCE_MAX
        self.is_past = heard != Timestamp.EPOCH and not is_near
        return heard if self.is_past else here
