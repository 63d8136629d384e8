"""Event loops that look again before they sleep.

A client that waits for each answer sends its next call some 50 µs after the last one.
If the server sleeps meanwhile, the system has to wake it, which takes as long again and
is a quarter of the time until the answer. So a loop whose last waits were all short
looks again and again, for as long as that may pay, and sleeps when it has not paid.

Whoever sends rarely costs nothing by this, and each look gives other threads a chance
to have the interpreter. What it costs is processor time, between messages that come
faster than every `PATIENCE_NS`.
"""

import asyncio
import selectors
import sys

from qsdb.runtime.clock import SystemClock, tick_reader

__all__ = ["PATIENCE_NS", "PatientSelector", "patient_loop"]

PATIENCE_NS = 200_000
"""So long it looks at most before it sleeps."""

SHORT_WAITS = 3
"""After so many short waits, one after the other, the next seems to be short, too."""

Found = list[tuple[selectors.SelectorKey, int]]


class PatientSelector(selectors.DefaultSelector):
    """Waits for sockets in the best way there is, and looks again before it sleeps."""

    def __init__(self) -> None:
        """Begin without patience."""
        super().__init__()
        self._now = tick_reader(SystemClock())
        self._short_waits = 0

    def select(self, timeout: float | None = None) -> Found:
        """Give what is ready; wait for it, as long as `timeout` says, in seconds."""
        look = super().select
        if timeout is not None and timeout <= 0:
            return look(timeout)
        now = self._now
        began = now()
        if self._short_waits < SHORT_WAITS:
            found = look(timeout)
            is_short = bool(found) and now() - began < PATIENCE_NS
            self._short_waits = self._short_waits + 1 if is_short else 0
            return found
        until = began + PATIENCE_NS
        if timeout is not None:
            until = min(until, began + int(timeout * 1e9))
        while now() < until:
            if found := look(0):
                return found
        self._short_waits = 0
        if timeout is not None:  # others may have had the interpreter for long
            timeout = max(0.0, timeout - (now() - began) / 1e9)
        return look(timeout)


def patient_loop() -> asyncio.AbstractEventLoop:
    """Make an event loop that is patient, where loops are made of selectors."""
    if sys.platform == "win32":  # pragma: no cover  there sockets have another loop
        return asyncio.new_event_loop()
    return asyncio.SelectorEventLoop(PatientSelector())
