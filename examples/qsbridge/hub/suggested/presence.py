"""Reducers that the wiki does not name: where players are.

There the game's hook is shown writing `player_server_presence` directly, which
no client can do; a reducer must exist. These three are suggested. They are for
bridges only, and leave `ServerRegistry.online_count` alone: only heartbeats
change that.

Left out for now: `presence_join` does not look at a server's whitelist, since
the table `whitelist_entry` is not part of this example yet. The column
`ServerConfig.whitelist_enabled` is there, false in every row that
`server_register` makes, and has no effect.
"""

import qsdb
from examples.qsbridge.hub.guards import require_bridge
from examples.qsbridge.hub.limits import check_id
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.tables import (
    BanEntry,
    PlayerServerPresence,
    ServerConfig,
    platform,
)

__all__ = ["presence_beat", "presence_join", "presence_leave"]


@platform.reducer
def presence_join(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Let a player enter the caller's server.

    A player who is on it already is refreshed. A row of another server that is
    older than 90 s is taken over.

    Raises:
        ReducerError: NotAuthorized, the caller is no registered bridge, or the
            player is banned; InvalidArgument; NotFound, the server has no
            config; WrongState, the server is full; Conflict, the player is on
            another server.
    """
    server_id = require_bridge(ctx).server_id
    check_id("player_id", player_id)
    _check_ban(ctx, player_id)
    players = ctx.db[PlayerServerPresence]
    row = players.get(player_id)
    if row is not None and row.server_id == server_id:
        players.update(row.replace(last_heartbeat=ctx.timestamp))
        return
    _check_room(ctx, server_id)
    if row is not None and not row.is_stale(ctx.timestamp):
        raise refusal("Conflict", f"player {player_id!r} is on {row.server_id!r}")
    players.upsert(
        PlayerServerPresence(
            player_id=player_id,
            server_id=server_id,
            connected_at=ctx.timestamp,
            last_heartbeat=ctx.timestamp,
        )
    )


@platform.reducer
def presence_beat(ctx: qsdb.ReducerContext, player_ids: list[str]) -> None:
    """Note which players are still on the caller's server.

    Players who are not there by the table are passed over.

    Raises:
        ReducerError: NotAuthorized, the caller is no registered bridge.
    """
    server_id = require_bridge(ctx).server_id
    players = ctx.db[PlayerServerPresence]
    for player_id in player_ids:
        row = players.get(player_id)
        if row is not None and row.server_id == server_id:
            players.update(row.replace(last_heartbeat=ctx.timestamp))


@platform.reducer
def presence_leave(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Take a player off the caller's server; elsewhere nothing happens.

    Raises:
        ReducerError: NotAuthorized, the caller is no registered bridge;
            InvalidArgument.
    """
    server_id = require_bridge(ctx).server_id
    check_id("player_id", player_id)
    players = ctx.db[PlayerServerPresence]
    row = players.get(player_id)
    if row is not None and row.server_id == server_id:
        players.delete_by_key(player_id)


def _check_ban(ctx: qsdb.ReducerContext, player_id: str) -> None:
    for ban in ctx.db[BanEntry].player_id.filter(player_id):
        if ban.is_active(ctx.timestamp):
            raise refusal("NotAuthorized", f"player {player_id!r} is banned")


def _check_room(ctx: qsdb.ReducerContext, server_id: str) -> None:
    config = ctx.db[ServerConfig].get(server_id)
    if config is None:
        raise refusal("NotFound", f"server {server_id!r} has no config")
    count = ctx.db[PlayerServerPresence].server_id.count(server_id)
    if count >= config.max_players:
        raise refusal("WrongState", f"server {server_id!r} is full ({count})")
