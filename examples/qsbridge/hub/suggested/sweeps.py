"""Sweeps: what time alone brings about, done by the database every 30 seconds.

=================  ==========================================  ===================
reducer            when                                        then
=================  ==========================================  ===================
`sweep_servers`    no heartbeat for over 180 s                 offline, without
                                                               players and transfers
                   offline, and not back for over 90 s         without transfers
`sweep_presence`   a player not heard of for over 90 s         on no server
`sweep_transfers`  pending for over 60 s, or not ended         failed
                   over 300 s after it was requested
`sweep_events`     `start_at` is there; `end_at` is there      active; completed
`sweep_commands`   not acknowledged for over 300 s             deleted
`sweep_sessions`   begun over 8 h ago                          deleted
`sweep_snapshots`  a transfer that ended over 7 days ago       its snapshot is blank
=================  ==========================================  ===================

`sweep` does all of them. The row that `init` makes has the database call it; with
nothing to do it writes nothing but when it is due next. The owner may call each of
them by its name, which is how a test or an operator gets ahead of the schedule.

A transfer has no column for when its snapshot was taken, so both its times count
from the request. That is also what its player feels: whatever becomes of his
transfer, after 300 s he can be let in elsewhere.

A server is offline as its bridge's connection has ended, or as somebody says so who
knows it: the owner, or its hosting provider. After the first it may be back in a
second, and the players who are on it are waited for, 90 s, until their rows are stale;
so long its transfers are waited for too. Otherwise a short reconnect would lose a
transfer with each sweep that falls into it. After the second nobody is expected, and
they fail at once. A server that is being restarted or wiped is not offline, and is
waited for until it has been silent for 180 s, or its transfers take too long.

What sweeps look at is small (servers, sessions) or found by an index, but for one
table: `sweep_presence` reads all players. An index on `last_heartbeat` would move
with every beat of every player, which costs several times what the reading does.
"""

from typing import Final

import qsdb
from examples.qsbridge.hub.audit import write_audit
from examples.qsbridge.hub.extensions import (
    AwayBridge,
    BridgeCommand,
    KeptSnapshot,
    SweepSchedule,
)
from examples.qsbridge.hub.guards import require_owner
from examples.qsbridge.hub.movements import NOWHERE, record_movement
from examples.qsbridge.hub.suggested.events import complete_event, start_event
from examples.qsbridge.hub.tables import (
    OPEN_TRANSFERS,
    SILENCE_MAX,
    CrossServerEvent,
    PanelSession,
    PlayerServerPresence,
    ServerRegistry,
    ServerTransferQueue,
    platform,
)
from examples.qsbridge.hub.transfers import fail_transfer
from qsdb import TimeDuration

__all__ = [
    "sweep",
    "sweep_commands",
    "sweep_events",
    "sweep_presence",
    "sweep_servers",
    "sweep_sessions",
    "sweep_snapshots",
    "sweep_transfers",
]

SWEEP: Final = "sweep"
"""How the audit log names what was done by time."""

SERVER_SILENCE_MAX: Final = TimeDuration.from_seconds(180)
PENDING_MAX: Final = TimeDuration.from_seconds(60)
TRANSFER_MAX: Final = TimeDuration.from_seconds(300)
COMMAND_MAX: Final = TimeDuration.from_seconds(300)
SNAPSHOT_MAX: Final = TimeDuration.from_seconds(7 * 24 * 3600)


@platform.reducer(private=True)
def sweep(ctx: qsdb.ReducerContext, schedule: SweepSchedule) -> None:  # noqa: ARG001  it is handed over
    """Do all sweeps; the database calls this by itself."""
    _end_silent_servers(ctx)
    _drop_stale_players(ctx)
    _fail_late_transfers(ctx)
    _advance_events(ctx)
    _drop_old_commands(ctx)
    _end_old_sessions(ctx)
    _blank_old_snapshots(ctx)


@platform.reducer
def sweep_servers(ctx: qsdb.ReducerContext) -> None:
    """Take servers that have been silent for over 180 s for offline.

    Their players are on no server then, and transfers from or to them fail. These fail
    too where a server is offline already: at once if the owner or its hosting provider
    has said so, and after 90 s if its bridge's connection has ended, which may be back.

    Raises:
        ReducerError: NotAuthorized, not the owner.

    Cost: O(servers + what is done), and the open transfers where one is offline.
    """
    require_owner(ctx)
    _end_silent_servers(ctx)


@platform.reducer
def sweep_presence(ctx: qsdb.ReducerContext) -> None:
    """Take players off whom no server has named for over 90 s.

    Raises:
        ReducerError: NotAuthorized, not the owner.

    Cost: O(players), some 1 µs for each.
    """
    require_owner(ctx)
    _drop_stale_players(ctx)


@platform.reducer
def sweep_transfers(ctx: qsdb.ReducerContext) -> None:
    """Give up transfers that take too long.

    Raises:
        ReducerError: NotAuthorized, not the owner.

    Cost: O(log transfers + what is done).
    """
    require_owner(ctx)
    _fail_late_transfers(ctx)


@platform.reducer
def sweep_events(ctx: qsdb.ReducerContext) -> None:
    """Start the events whose time has come, and end those whose time is over.

    One whose both times have passed goes through both states at once.

    Raises:
        ReducerError: NotAuthorized, not the owner.

    Cost: O(events that are not over).
    """
    require_owner(ctx)
    _advance_events(ctx)


@platform.reducer
def sweep_commands(ctx: qsdb.ReducerContext) -> None:
    """Drop commands that no bridge has acknowledged for over 300 s.

    Raises:
        ReducerError: NotAuthorized, not the owner.

    Cost: O(log commands + what is done).
    """
    require_owner(ctx)
    _drop_old_commands(ctx)


@platform.reducer
def sweep_sessions(ctx: qsdb.ReducerContext) -> None:
    """End panel sessions that began over 8 h ago, as their cookies have ended.

    Raises:
        ReducerError: NotAuthorized, not the owner.

    Cost: O(sessions).
    """
    require_owner(ctx)
    _end_old_sessions(ctx)


@platform.reducer
def sweep_snapshots(ctx: qsdb.ReducerContext) -> None:
    """Blank the snapshots of transfers that ended over 7 days ago.

    The transfers stay, as all that have ended do.

    Raises:
        ReducerError: NotAuthorized, not the owner.

    Cost: O(log transfers + what is done).
    """
    require_owner(ctx)
    _blank_old_snapshots(ctx)


def _end_silent_servers(ctx: qsdb.ReducerContext) -> None:
    servers = ctx.db[ServerRegistry]
    gone: set[str] = set()
    for server in servers:
        if ctx.timestamp - server.last_heartbeat > SERVER_SILENCE_MAX:
            gone.add(server.server_id)
            servers.update(server.replace(status="offline", online_count=0))
            for row in ctx.db[PlayerServerPresence].server_id.filter(server.server_id):
                _drop_player(ctx, row)
        elif server.status == "offline" and not _may_be_back(ctx, server.server_id):
            gone.add(server.server_id)
    if gone:
        _fail_transfers_of(ctx, gone)


def _may_be_back(ctx: qsdb.ReducerContext, server_id: str) -> bool:
    """Tell whether a server is offline since its bridge went, and not for long."""
    away = ctx.db[AwayBridge].get(server_id)
    return away is not None and ctx.timestamp - away.since <= SILENCE_MAX


def _fail_transfers_of(ctx: qsdb.ReducerContext, server_ids: set[str]) -> None:
    by_status = ctx.db[ServerTransferQueue].index("by_status")
    for status in OPEN_TRANSFERS:
        for transfer in by_status.filter(status):
            ends = (transfer.from_server_id, transfer.to_server_id)
            lost = next((each for each in ends if each in server_ids), None)
            if lost is not None:
                fail_transfer(ctx, transfer, SWEEP, f"{lost} has gone offline")


def _drop_stale_players(ctx: qsdb.ReducerContext) -> None:
    now = ctx.timestamp
    for row in ctx.db[PlayerServerPresence]:
        if row.is_stale(now):
            _drop_player(ctx, row)


def _drop_player(ctx: qsdb.ReducerContext, row: PlayerServerPresence) -> None:
    ctx.db[PlayerServerPresence].delete_by_key(row.player_id)
    record_movement(ctx, row.player_id, row.server_id, NOWHERE, "leave")


def _fail_late_transfers(ctx: qsdb.ReducerContext) -> None:
    by_status = ctx.db[ServerTransferQueue].index("by_status")
    for status, most in (("pending", PENDING_MAX), ("in_transit", TRANSFER_MAX)):
        before = ctx.timestamp - most
        late = by_status.range((status,), (status, before), include=(True, False))
        for transfer in late:
            seconds = most.micros // 1_000_000
            fail_transfer(
                ctx, transfer, SWEEP, f"{status} over {seconds} s after the request"
            )


def _advance_events(ctx: qsdb.ReducerContext) -> None:
    now = ctx.timestamp
    by_status = ctx.db[CrossServerEvent].status
    for event in by_status.filter("scheduled"):
        if event.start_at <= now:
            start_event(ctx, SWEEP, event)
    for event in by_status.filter("active"):
        if event.end_at is not None and event.end_at <= now:
            complete_event(ctx, SWEEP, event)


def _drop_old_commands(ctx: qsdb.ReducerContext) -> None:
    commands = ctx.db[BridgeCommand]
    before = ctx.timestamp - COMMAND_MAX
    for command in commands.created_at.range(hi=before, include=(True, False)):
        commands.delete_by_key(command.command_id)


def _end_old_sessions(ctx: qsdb.ReducerContext) -> None:
    sessions = ctx.db[PanelSession]
    for session in sessions:
        if session.has_expired(ctx.timestamp):
            sessions.delete_by_key(session.player_id)
            write_audit(
                ctx,
                SWEEP,
                "session_end",
                f"the session of {session.display_name} has run out",
                player_id=session.player_id,
            )


def _blank_old_snapshots(ctx: qsdb.ReducerContext) -> None:
    kept, transfers = ctx.db[KeptSnapshot], ctx.db[ServerTransferQueue]
    before = ctx.timestamp - SNAPSHOT_MAX
    for each in kept.ended_at.range(hi=before, include=(True, False)):
        kept.delete_by_key(each.transfer_id)
        transfer = transfers.get(each.transfer_id)
        if transfer is not None:
            transfers.update(transfer.replace(character_snapshot=""))
