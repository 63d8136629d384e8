"""When to ask a provider again, and after how long.

A request is repeated only where a second one can do no harm:

=========================  ========================  ============================
after                      start, stop               restart, wipe, command
=========================  ========================  ============================
`UnreachableError`         again                     again: nothing was sent
`ProviderBusyError`        again                     again: nothing was done
`HostingTimeoutError`      again: doing it twice is  never: what was carried out
`ConnectionCutError`       the same as doing it      already would be done once
`ProviderFailedError`      once                      more
anything else              never                     never: it would fail again
=========================  ========================  ============================

In between it waits for a random time, whose upper end doubles with each try: those who
were turned away together should not come back together (exponential back-off with full
jitter). A provider that names a time is given that time.

Once a try has ended in doubt, the whole does: a later try that certainly did nothing
says nothing of the first.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from examples.qsbridge.hosting.failures import (
    ConnectionCutError,
    HostingError,
    HostingTimeoutError,
    NothingDoneError,
    ProviderBusyError,
    ProviderFailedError,
    UnknownOutcomeError,
    UnreachableError,
)

__all__ = ["Retries"]

T = TypeVar("T")

PASSING = (
    UnreachableError,
    ProviderBusyError,
    HostingTimeoutError,
    ConnectionCutError,
    ProviderFailedError,
)
"""Failures that may be over at the next try."""


@dataclass(frozen=True)
class Retries:
    """How often to try, and how long to wait in between.

    Attributes:
        tries_max: Requests for one order, the first included.
        wait_seconds: Upper end of the first wait; it doubles with each.
        wait_seconds_max: Upper end of any wait. A provider that asks for more time
            than this is not asked again.
        sleep: Waits for so many seconds.
        jitter: Where the random part of a wait comes from.
    """

    tries_max: int = 3
    wait_seconds: float = 0.5
    wait_seconds_max: float = 8.0
    sleep: Callable[[float], None] = time.sleep
    jitter: random.Random = field(default_factory=random.SystemRandom)

    def run(self, attempt: Callable[[], T], *, may_repeat: bool) -> T:
        """Try until it works or may not be tried again.

        Args:
            attempt: One request.
            may_repeat: Whether doing it twice is the same as doing it once.

        Raises:
            HostingError: that of the last try, or of the last that ended in doubt.
        """
        doubt: UnknownOutcomeError | None = None
        number = 0
        while True:
            number += 1
            try:
                return attempt()
            except UnknownOutcomeError as error:
                doubt = error
                wait = self.wait_after(number, error) if may_repeat else None
                if wait is None:
                    raise
            except NothingDoneError as error:
                wait = self.wait_after(number, error)
                if wait is None and doubt is not None:
                    raise doubt from error
                if wait is None:
                    raise
            self.sleep(wait)

    def wait_after(self, number: int, error: HostingError) -> float | None:
        """Give the seconds to wait after a try, or None if that was the last one.

        Args:
            number: Of the try; the first is 1.
            error: What it failed with.
        """
        if number >= self.tries_max or not isinstance(error, PASSING):
            return None
        asked = error.wait_seconds if isinstance(error, ProviderBusyError) else None
        if asked is not None and asked > self.wait_seconds_max:
            return None
        upper = min(self.wait_seconds_max, self.wait_seconds * 2.0 ** (number - 1))
        return max(asked or 0.0, self.jitter.uniform(0.0, upper))
