"""The watch: what the dashboard knows of the hub, current by subscription.

Bans, audit log and movements grow for ever, and a dashboard shows their last hours. So
it asks for what came after a beginning: a *window* that new rows enter by themselves.
Rows that are too old by now are passed over when a picture is made; every hour the
window begins anew, and they are forgotten.
"""

import heapq
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

import qsdb
from examples.qsbridge.dashboard.picture import Picture
from examples.qsbridge.hub.views import (
    ACTIONS_WINDOW,
    Flow,
    ServerOverview,
    count_flow,
    summarize,
)
from qsdb import TimeDuration, Timestamp

__all__ = ["FLOW_WINDOW", "NEWEST_MAX", "Watch"]

NEWEST_MAX: Final = 20
"""More bans, entries or flows than this a picture never has."""
FLOW_WINDOW: Final = TimeDuration.from_seconds(3600)
RENEWAL: Final = TimeDuration.from_seconds(3600)
"""How old a window gets before it begins anew."""

T = TypeVar("T")


class Watch:
    """Live queries of a hub.

    Attributes:
        has_changed: Whether something has, since the last picture.
    """

    def __init__(self, db: qsdb.Database) -> None:
        """Begin to listen.

        Cost: once and every hour, O(bans + audit log); then of what changes.
        """
        self._db = db
        self.has_changed = True
        self._servers = db.subscribe("SELECT * FROM cluster_servers", self._note)
        self._open(self._last_heartbeat())

    def _last_heartbeat(self) -> Timestamp:
        servers: list[ServerOverview] = self._servers.rows
        return max((each.last_heartbeat for each in servers), default=Timestamp.EPOCH)

    def _open(self, now: Timestamp) -> None:
        """Begin the windows."""
        self._begun = now
        day, hour = now - ACTIONS_WINDOW, now - FLOW_WINDOW
        self._active = self._ask("SELECT * FROM active_bans(:since)", now)
        self._bans = self._ask("SELECT * FROM ban_entry WHERE banned_at >= :since", day)
        self._actions = self._ask(
            "SELECT * FROM panel_audit_log WHERE timestamp >= :since", day
        )
        self._moves = self._ask(
            "SELECT * FROM player_movement WHERE moved_at >= :since", hour
        )

    def _ask(self, query: str, since: Timestamp) -> qsdb.LiveQuery:
        return self._db.subscribe(query, self._note, {"since": since})

    def _note(self, _: qsdb.Update) -> None:
        self.has_changed = True

    def close(self) -> None:
        """Listen no more."""
        self._servers.close()
        self._close_windows()

    def _close_windows(self) -> None:
        for each in (self._active, self._bans, self._actions, self._moves):
            each.close()

    @property
    def latest(self) -> Timestamp:
        """The newest time in any row: the hub's clock was there already.

        Cost: O(servers + rows of the windows).
        """
        times: list[Timestamp] = [
            self._last_heartbeat(),
            *(each.banned_at for each in self._bans.rows),
            *(each.timestamp for each in self._actions.rows),
            *(each.moved_at for each in self._moves.rows),
        ]
        return max(times)

    def picture(self, now: Timestamp) -> Picture:
        """Look at what there is, as of a time.

        Cost: O(servers + active bans + rows of the windows).
        """
        if now - self._begun > RENEWAL:
            self._close_windows()
            self._open(now)
        self.has_changed = False
        servers: list[ServerOverview] = self._servers.rows
        day, hour = now - ACTIONS_WINDOW, now - FLOW_WINDOW
        bans = [each for each in self._bans.rows if each.banned_at >= day]
        actions = [each for each in self._actions.rows if each.timestamp >= day]
        flows = count_flow(each for each in self._moves.rows if each.moved_at >= hour)
        return Picture(
            now=now,
            overview=summarize(servers, self._active.rows, actions, now),
            servers=sorted(servers, key=lambda each: each.server_id),
            bans=_newest(bans, lambda each: each.ban_id),
            actions=_newest(actions, lambda each: each.log_id),
            flows=_largest(flows),
        )


def _newest(rows: Iterable[T], key: Callable[[T], int]) -> list[T]:
    return heapq.nlargest(NEWEST_MAX, rows, key)


def _largest(flows: Iterable[Flow]) -> list[Flow]:
    """Give the largest flows, by name among equals, so that none jumps about."""
    return heapq.nsmallest(
        NEWEST_MAX,
        flows,
        lambda each: (-each.count, each.from_server_id, each.to_server_id),
    )
