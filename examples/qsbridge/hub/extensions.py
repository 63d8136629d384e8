"""Tables beside the documented twelve, for what those leave open.

`bridge_command` carries what a server's bridge is to do (the documented tables
have no way for a kick or an announcement to reach it), `player_movement` keeps
the history that population flow is counted from (presence knows only where a
player is now), `sweep_schedule` has the sweeps run by the database itself, and
`kept_snapshot` says which ended transfers still have their snapshot, and `away_bridge`
which servers are offline because their bridge's connection has ended: it may be back.
"""

import qsdb
from examples.qsbridge.hub.tables import platform
from qsdb import ScheduleAt, Timestamp, u64

__all__ = [
    "AwayBridge",
    "BridgeCommand",
    "KeptSnapshot",
    "PlayerMovement",
    "SweepSchedule",
]


class BridgeCommand(qsdb.Row, module=platform, public=True):
    """Something that a bridge is to do; gone when it says that it has done it."""

    command_id: u64 = qsdb.primary_key(auto_inc=True)
    server_id: str = qsdb.index()
    """`*` for all servers."""
    kind: str
    """`kick` or `announce`."""
    player_id: str
    """Whom to kick; empty for an announcement."""
    payload: str
    """Why he is kicked; what is announced."""
    created_at: Timestamp = qsdb.index()


class PlayerMovement(qsdb.Row, module=platform, public=True):
    """One move of one player; never changed."""

    move_id: u64 = qsdb.primary_key(auto_inc=True)
    player_id: str = qsdb.index()
    from_server_id: str
    """Empty: from nowhere."""
    to_server_id: str
    """Empty: to nowhere."""
    moved_at: Timestamp = qsdb.index()
    kind: str
    """`join`, `leave`, `transfer` or `takeover`."""


class KeptSnapshot(qsdb.Row, module=platform):
    """An ended transfer whose character snapshot is still stored.

    A snapshot may have 1 MiB. Without this table, a sweep that blanks old ones
    would have to look through all transfers that ever ended.
    """

    transfer_id: u64 = qsdb.primary_key()
    ended_at: Timestamp = qsdb.index()


class AwayBridge(qsdb.Row, module=platform):
    """A server whose bridge's connection has ended; gone when the bridge is back.

    A server that is offline because the owner or its hosting provider says so has no
    row: nobody expects it back.
    """

    server_id: str = qsdb.primary_key()
    since: Timestamp


class SweepSchedule(qsdb.Row, module=platform, scheduled="sweep"):
    """One row, made by `init`: the database sweeps by itself at this interval."""

    scheduled_id: u64 = qsdb.primary_key(auto_inc=True)
    scheduled_at: ScheduleAt
