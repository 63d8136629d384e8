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
from examples.qsbridge.dashboard.kept import Kept
from examples.qsbridge.dashboard.picture import Picture, PresentPlayer
from examples.qsbridge.hub.documented.lifecycle import SWEEP_INTERVAL
from examples.qsbridge.hub.extensions import PlayerMovement
from examples.qsbridge.hub.tables import (
    BanEntry,
    PanelAuditLog,
    PlayerServerPresence,
)
from examples.qsbridge.hub.views import (
    ACTIONS_WINDOW,
    ACTIVE_BANS,
    Flow,
    ServerOverview,
    count_flow,
    summarize,
)
from qsdb import TimeDuration, Timestamp

__all__ = ["FLOW_WINDOW", "NEWEST_MAX", "Watch"]

NEWEST_MAX: Final = 20
"""More bans, entries, flows or players than this a picture never has."""
FLOW_WINDOW: Final = TimeDuration.from_seconds(3600)
RENEWAL: Final = TimeDuration.from_seconds(3600)
"""How old a window gets before it begins anew."""
WINDOW: Final = (
    ACTIVE_BANS,
    "SELECT * FROM ban_entry WHERE banned_at >= :day",
    "SELECT * FROM panel_audit_log WHERE timestamp >= :day",
    "SELECT * FROM player_movement WHERE moved_at >= :hour",
)
"""Of the time `now`; `day` and `hour` are as much before it."""
SWEEPS: Final = (
    "SELECT due FROM st_timer JOIN st_table ON st_table.table_id = st_timer.table_id"
    " WHERE st_table.table_name = 'sweep_schedule'"
)
"""When the hub sweeps next; only its owner may ask."""

T = TypeVar("T")


class Watch:
    """A connection to a hub, and what its subscriptions tell.

    Attributes:
        has_changed: Whether something has, since the last picture.
        latest: The newest time in any row; the hub's clock was there already.
    """

    def __init__(self, db: qsdb.Database) -> None:
        """Begin to listen.

        Cost: once and every hour, O(bans + audit log); then of what changes.
        """
        self.has_changed = True
        self.latest = Timestamp.EPOCH
        self._db = db
        self._connection = connection = db.connect()
        self._servers: Kept[ServerOverview] = Kept(
            connection,
            "cluster_servers",
            key=lambda row: row.server_id,
            note=lambda row: self._note(row.last_heartbeat),
        )
        self._bans: Kept[BanEntry] = Kept(
            connection,
            "ban_entry",
            key=lambda row: row.ban_id,
            note=lambda row: self._note(row.banned_at),
        )
        self._actions: Kept[PanelAuditLog] = Kept(
            connection,
            "panel_audit_log",
            key=lambda row: row.log_id,
            note=lambda row: self._note(row.timestamp),
        )
        self._moves: Kept[PlayerMovement] = Kept(
            connection,
            "player_movement",
            key=lambda row: row.move_id,
            note=lambda row: self._note(row.moved_at),
        )
        self._players: Kept[PlayerServerPresence] = Kept(
            connection,
            "player_server_presence",
            key=lambda row: row.player_id,
            note=lambda row: self._note(row.last_heartbeat),
        )
        connection.subscribe(
            "SELECT * FROM cluster_servers", "SELECT * FROM player_server_presence"
        )
        self._open(self.latest)

    def _open(self, now: Timestamp) -> None:
        """Begin a window."""
        self._begun = now
        self._window = self._connection.subscribe(
            *WINDOW,
            params={"now": now, "day": now - ACTIONS_WINDOW, "hour": now - FLOW_WINDOW},
        )

    def _note(self, at: Timestamp) -> None:
        """Note that a row of that time has changed."""
        self.has_changed = True
        self.latest = max(self.latest, at)

    @property
    def heard(self) -> Timestamp:
        """When the hub last wrote: a row, or that it has swept; EPOCH for never."""
        dues: Iterable[Timestamp] = (row.due for row in self._db.sql(SWEEPS))
        return max([self.latest, *(due - SWEEP_INTERVAL for due in dues)])

    def close(self) -> None:
        """Listen no more."""
        self._connection.close()

    def picture(self, now: Timestamp, *, is_past: bool = False) -> Picture:
        """Look at what there is, as of a time.

        Cost: O(servers + players + active bans + rows of the window).

        Args:
            now: The time.
            is_past: Whether it has passed where the picture is seen.
        """
        if now - self._begun > RENEWAL:
            old = self._window
            self._open(now)
            old.close()
        self.has_changed = False
        servers, bans = self._servers.rows(), self._bans.rows()
        day, hour = now - ACTIONS_WINDOW, now - FLOW_WINDOW
        actions = [each for each in self._actions.rows() if each.timestamp >= day]
        moves = (each for each in self._moves.rows() if each.moved_at >= hour)
        return Picture(
            now=now,
            overview=summarize(servers, bans, actions, now),
            servers=sorted(servers, key=lambda each: each.server_id),
            bans=_newest(
                (each for each in bans if each.banned_at >= day),
                lambda each: each.ban_id,
            ),
            actions=_newest(actions, lambda each: each.log_id),
            flows=_largest(count_flow(moves)),
            players=_named(
                _newest(self._players.rows(), lambda each: each.connected_at.micros),
                bans,
            ),
            is_past=is_past,
        )


def _named(
    players: Iterable[PlayerServerPresence], bans: Iterable[BanEntry]
) -> list[PresentPlayer]:
    """Give players with the names that bans have of them."""
    found = {each.player_id: "" for each in players}
    for ban in bans:
        if ban.player_id in found:
            found[ban.player_id] = ban.player_name
    return [
        PresentPlayer(
            each.player_id, found[each.player_id], each.server_id, each.connected_at
        )
        for each in players
    ]


def _newest(rows: Iterable[T], key: Callable[[T], int]) -> list[T]:
    return heapq.nlargest(NEWEST_MAX, rows, key)


def _largest(flows: Iterable[Flow]) -> list[Flow]:
    """Give the largest flows, by name among equals, so that none jumps about."""
    return heapq.nsmallest(
        NEWEST_MAX,
        flows,
        lambda each: (-each.count, each.from_server_id, each.to_server_id),
    )
