"""Calls: hooks of the game that are still to be called.

What the platform tells a bridge is put here by whatever thread hears of it, and handed
to the game by the thread that drives the bridge. A hook that raises has not taken what
it was told: its call is kept, and made again at the next tick. Others are made
meanwhile, but for those about the same thing, which wait behind it::

    told       on_ban(7)  on_item(4)  on_unban(7)  on_config
    a tick     raises     done        waits        done
    the next   done                   done

So one hook that fails holds up no other, and yet no game hears that a ban was lifted
before it hears of the ban.
"""

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

__all__ = ["Call", "Calls"]

LOGGER: Final = logging.getLogger("qsbridge.bridge")


@dataclass(slots=True, eq=False)
class Call:
    """One call of a hook.

    Attributes:
        act: Makes it.
        subject: What it is about; calls about the same are made one after the other.
        name: What it tells, for the log.
        failure: What it raised when it was made last.
        is_done: Whether it has returned.
    """

    act: Callable[[], object]
    subject: tuple[object, ...]
    name: str
    failure: Exception | None = None
    is_done: bool = False


class Calls:
    """Calls in the order in which they came.

    Any thread may `add` one; one thread at a time does the rest.
    """

    def __init__(self) -> None:
        """Begin with none."""
        self._next: deque[Call] = deque()
        self._failed: list[Call] = []
        self._waiting: set[tuple[object, ...]] = set()
        """The subjects of those that have failed."""

    def add(self, call: Call) -> None:
        """Put one behind the others."""
        self._next.append(call)

    def make(self) -> None:
        """Make those that are due, also those that are added meanwhile.

        One that is interrupted, by Ctrl-C as an example, is due still.
        """
        while self._next:
            call = self._next[0]
            if not self._is_made(call):
                self._failed.append(call)
                self._waiting.add(call.subject)
            self._next.popleft()

    def try_again(self) -> None:
        """Have those due once more that have failed, before those that came later."""
        if self._failed:
            self._next.extendleft(reversed(self._failed))
            self._failed.clear()
            self._waiting.clear()

    def give_up(self) -> list[Call]:
        """Forget those that are not done, and give them."""
        left = [each for each in (*self._failed, *self._next) if not each.is_done]
        self._failed.clear()
        self._next.clear()
        self._waiting.clear()
        return left

    def _is_made(self, call: Call) -> bool:
        """Make a call, unless it is to wait; tell whether it is out of the way."""
        if call.is_done:
            return True
        if call.subject in self._waiting:
            return False
        try:
            call.act()
        except Exception as error:
            if call.failure is None:
                LOGGER.exception(
                    "a hook of the game failed, and is called again: %s", call.name
                )
            call.failure = error
            return False
        call.is_done = True
        return True
