"""A progress bar, for people who wait at a terminal."""

import time
from collections.abc import Callable
from typing import TextIO

__all__ = ["ProgressBar"]

BAR_WIDTH = 30
DRAWINGS_A_SECOND = 10


class ProgressBar:
    """One line that is drawn over and over; into anything but a terminal, nothing."""

    def __init__(
        self,
        title: str,
        total: int,
        out: TextIO,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin at nothing.

        Args:
            title: What is going on.
            total: How much there is to do.
            out: Where to draw.
            seconds: Tells the time.
        """
        self._title = title
        self._total = max(1, total)
        self._out = out
        self._seconds = seconds
        self._began = seconds()
        self._drawn_at = float("-inf")

    def show(self, done: int, note: str) -> None:
        """Draw, if the last drawing was seen."""
        now = self._seconds()
        if self._out.isatty() and now - self._drawn_at >= 1 / DRAWINGS_A_SECOND:
            self._drawn_at = now
            share = min(1.0, done / self._total)
            filled = round(BAR_WIDTH * share)
            bar = "█" * filled + "·" * (BAR_WIDTH - filled)
            self._out.write(
                f"\r\x1b[2K{self._title} {bar} {share:4.0%} "
                f"{now - self._began:.0f} s  {note}"
            )
            self._out.flush()

    def end(self) -> None:
        """Take the line away."""
        if self._out.isatty():
            self._out.write("\r\x1b[2K")
            self._out.flush()
