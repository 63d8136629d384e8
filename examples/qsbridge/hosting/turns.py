"""One action per server per 60 seconds, and never two at once.

It is kept outside of the database: a turn says nothing about the platform, and is
worth nothing after a restart of the process, which forgets it.

A turn begins before the provider is asked, so that of two admins who click together
one is refused. It counts as an action unless it is *given back*, because nothing was
done.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from examples.qsbridge.hub.refusals import refusal
from qsdb import TimeDuration, Timestamp

__all__ = ["INTERVAL_SECONDS", "Turn", "Turns"]

INTERVAL_SECONDS: Final = 60
"""From the beginning of one action on a server to that of the next."""


@dataclass
class Turn:
    """One action on one server.

    Attributes:
        began_at: When.
        is_going: Whether it is still going on.
        is_given_back: Whether it does not count.
    """

    began_at: Timestamp
    is_going: bool = True
    is_given_back: bool = False

    def keeps_others_away(self, now: Timestamp, interval: TimeDuration) -> bool:
        """Tell whether the next may not begin.

        A clock that is set back by more than the interval ends that; by less it is
        another thread's, which asked for the time a little earlier.
        """
        return self.is_going or abs((now - self.began_at).micros) < interval.micros

    def give_back(self) -> None:
        """Do not count it: the next action may begin at once."""
        self.is_given_back = True


class Turns:
    """Whose turn it was last, for each server; may be used by several threads."""

    def __init__(self, interval_seconds: float = INTERVAL_SECONDS) -> None:
        """Let so many seconds pass between two actions on a server."""
        self._interval = TimeDuration.from_seconds(interval_seconds)
        self._lock = threading.Lock()
        self._last: dict[str, Turn] = {}

    @contextlib.contextmanager
    def turn(self, server_id: str, now: Timestamp) -> Iterator[Turn]:
        """Take a turn for as long as the block runs.

        Args:
            server_id: On which server.
            now: When it begins.

        Raises:
            ReducerError: WrongState, an action on the server is going on, or one
                began less than the interval ago.

        Cost: O(servers acted upon within the interval).
        """
        turn = self._begun(server_id, now)
        try:
            yield turn
        finally:
            with self._lock:
                turn.is_going = False
                if turn.is_given_back:
                    del self._last[server_id]

    def _begun(self, server_id: str, now: Timestamp) -> Turn:
        with self._lock:
            self._last = {
                each: turn
                for each, turn in self._last.items()
                if turn.keeps_others_away(now, self._interval)
            }
            last = self._last.get(server_id)
            if last is not None:
                raise refusal("WrongState", self._why_not(server_id, last, now))
            turn = self._last[server_id] = Turn(now)
            return turn

    def _why_not(self, server_id: str, last: Turn, now: Timestamp) -> str:
        if last.is_going:
            return f"an action on server {server_id!r} is still going on"
        wait = last.began_at + self._interval - now
        return (
            f"there may be one action on a server each {self._interval.micros / 1e6:g} "
            f"s; the next on {server_id!r} in {wait.micros / 1e6:.1f} s"
        )
