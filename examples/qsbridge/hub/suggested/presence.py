"""Presence: where players are, told by the bridges of their servers.

In the wiki the game's hook is shown writing `player_server_presence` directly, which
no client can do; a reducer must exist. These three are suggested. They are for
bridges only, and leave `ServerRegistry.online_count` alone: only heartbeats
change that.

The table has one row per player, so a player is on one server at most. What a second
server must know before it takes him is how alive that row is::

    row                            presence_join on another server
    none                           he is let in                       join
    heard of at most 90 s ago      Conflict: he plays there
    older                          he is taken over                   takeover
    any, and he is in transit      Conflict: the transfer decides

Each change of where a player is adds a movement, in the same transaction.
"""

import qsdb
from examples.qsbridge.hub.documented.settings import require_config
from examples.qsbridge.hub.guards import require_bridge
from examples.qsbridge.hub.limits import check_player_id
from examples.qsbridge.hub.movements import NOWHERE, record_movement
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.suggested.admission import check_room, check_welcome
from examples.qsbridge.hub.tables import PlayerServerPresence, platform
from examples.qsbridge.hub.transfers import open_transfer

__all__ = ["presence_beat", "presence_join", "presence_leave"]


@platform.reducer
def presence_join(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Let a player enter the caller's server.

    A player who is on it already is refreshed, also where it is full. One whose
    character is in transit may come back to the source, and nowhere else:
    the destination takes him by `transfer_complete`.

    Raises:
        ReducerError: NotAuthorized, the caller is no registered bridge, or the
            player is banned or missing from the server's whitelist;
            InvalidArgument; NotFound, the server has no settings; Conflict, the
            player is on another server, or in transit; WrongState, the server is
            full.
    """
    server_id = require_bridge(ctx).server_id
    check_player_id(player_id)
    config = require_config(ctx, server_id)
    check_welcome(ctx, player_id, config)
    players = ctx.db[PlayerServerPresence]
    row = players.get(player_id)
    if row is not None and row.server_id == server_id:
        players.update(row.replace(last_heartbeat=ctx.timestamp))
        return
    _check_transit(ctx, player_id, server_id)
    if row is not None and not row.is_stale(ctx.timestamp):
        raise refusal("Conflict", f"player {player_id!r} is on {row.server_id!r}")
    check_room(ctx, config)
    players.upsert(
        PlayerServerPresence(
            player_id=player_id,
            server_id=server_id,
            connected_at=ctx.timestamp,
            last_heartbeat=ctx.timestamp,
        )
    )
    if row is None:
        record_movement(ctx, player_id, NOWHERE, server_id, "join")
    else:
        record_movement(ctx, player_id, row.server_id, server_id, "takeover")


@platform.reducer
def presence_beat(ctx: qsdb.ReducerContext, player_ids: list[str]) -> None:
    """Note which players are still on the caller's server.

    Players who are not there by the table are passed over. A server tells of all
    its players in one call, or in a few of a hundred each.

    Raises:
        ReducerError: NotAuthorized, the caller is no registered bridge.

    Cost: one update for each player who is there, some 4 µs.
    """
    server_id = require_bridge(ctx).server_id
    now = ctx.timestamp
    players = ctx.db[PlayerServerPresence]
    for player_id in player_ids:
        row = players.get(player_id)
        if row is not None and row.server_id == server_id:
            players.update(row.replace(last_heartbeat=now))


@platform.reducer
def presence_leave(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Take a player off the caller's server; elsewhere nothing happens.

    A transfer that is open goes on without him being there.

    Raises:
        ReducerError: NotAuthorized, the caller is no registered bridge;
            InvalidArgument.
    """
    server_id = require_bridge(ctx).server_id
    check_player_id(player_id)
    players = ctx.db[PlayerServerPresence]
    row = players.get(player_id)
    if row is not None and row.server_id == server_id:
        players.delete_by_key(player_id)
        record_movement(ctx, player_id, server_id, NOWHERE, "leave")


def _check_transit(ctx: qsdb.ReducerContext, player_id: str, server_id: str) -> None:
    """Refuse a player whose character is under way, but to the server it left."""
    transfer = open_transfer(ctx, player_id)
    if transfer is None or transfer.status != "in_transit":
        return
    if transfer.from_server_id == server_id:
        return
    raise refusal(
        "Conflict",
        f"player {player_id!r} is in transit from {transfer.from_server_id!r} to "
        f"{transfer.to_server_id!r} (transfer {transfer.transfer_id}), "
        "and arrives there by transfer_complete",
    )
