"""Admission: whom a server lets in, wherever he comes from.

Three rules, in this order: no active ban, a place on the whitelist where the server
has one, and room. A player who connects meets them in `presence_join`, one who is
about to be transferred in `transfer_request`.
"""

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.tables import (
    BanEntry,
    PlayerServerPresence,
    ServerConfig,
    WhitelistEntry,
)

__all__ = ["check_room", "check_welcome"]


def check_welcome(
    ctx: qsdb.ReducerContext, player_id: str, config: ServerConfig
) -> None:
    """Check that a player is neither banned nor missing from a whitelist.

    Raises:
        ReducerError: NotAuthorized.

    Cost: O(bans of the player).
    """
    for ban in ctx.db[BanEntry].player_id.filter(player_id):
        if ban.is_active(ctx.timestamp):
            raise refusal("NotAuthorized", f"player {player_id!r} is banned")
    if not config.whitelist_enabled:
        return
    if ctx.db[WhitelistEntry].player_id.find(player_id) is None:
        raise refusal(
            "NotAuthorized",
            f"player {player_id!r} is not on the whitelist, "
            f"and server {config.server_id!r} admits nobody else",
        )


def check_room(ctx: qsdb.ReducerContext, config: ServerConfig) -> None:
    """Check that a server takes one player more.

    Raises:
        ReducerError: WrongState.

    Cost: O(log players).
    """
    count = ctx.db[PlayerServerPresence].server_id.count(config.server_id)
    if count >= config.max_players:
        raise refusal("WrongState", f"server {config.server_id!r} is full ({count})")
