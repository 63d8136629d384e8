"""Who calls a game's reducers, and for whom.

Players do not connect: their server's bridge calls for them. The owner admits servers
(`admit_server`), and each acts for the players who are on it, and for no others.
"""

from typing import NamedTuple

import qsdb
from examples.qsbridge.game.tables import (
    GameServer,
    PlatformBan,
    PlayerPosition,
    PlayerVitals,
    survival,
)
from examples.qsbridge.hub.limits import check_player_id, check_server_id
from examples.qsbridge.hub.refusals import refusal
from qsdb import Identity

__all__ = [
    "PlayerInWorld",
    "admit_server",
    "require_player",
    "require_server",
    "require_unbanned",
]


class PlayerInWorld(NamedTuple):
    """A player's two rows."""

    position: PlayerPosition
    vitals: PlayerVitals


@survival.reducer(private=True)
def admit_server(ctx: qsdb.ReducerContext, server_id: str, identity: Identity) -> None:
    """Let the bridge with this identity act for a server; an older one is replaced.

    Raises:
        ReducerError: InvalidArgument; Conflict, the identity is another server's.
    """
    check_server_id(server_id)
    servers = ctx.db[GameServer]
    other = servers.identity.find(identity)
    if other is not None and other.server_id != server_id:
        raise refusal("Conflict", f"the identity is that of {other.server_id!r}")
    servers.upsert(GameServer(server_id, identity))


def require_server(ctx: qsdb.ReducerContext) -> str:
    """Give the id of the server that calls.

    Raises:
        ReducerError: NotAuthorized, the caller is no admitted server.
    """
    server = ctx.db[GameServer].identity.find(ctx.sender)
    if server is None:
        raise refusal("NotAuthorized", "the caller is no server of this game")
    return server.server_id


def require_player(ctx: qsdb.ReducerContext, player_id: str) -> PlayerInWorld:
    """Give a player who is in the world, on the server that calls.

    Raises:
        ReducerError: NotAuthorized; InvalidArgument; NotFound.
    """
    server_id = require_server(ctx)
    check_player_id(player_id)
    vitals = ctx.db[PlayerVitals].get(player_id)
    position = ctx.db[PlayerPosition].get(player_id)
    if position is None or vitals is None or vitals.server_id != server_id:
        raise refusal("NotFound", f"player {player_id!r} is not on {server_id!r}")
    return PlayerInWorld(position, vitals)


def require_unbanned(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Let nobody pass whom the platform has banned.

    Raises:
        ReducerError: NotAuthorized.
    """
    ban = ctx.db[PlatformBan].get(player_id)
    if ban is not None and ban.is_active(ctx.timestamp):
        raise refusal("NotAuthorized", f"player {player_id!r} is banned")
