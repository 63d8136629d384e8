"""The player passport: all that the platform knows of one player.

**Who may see it.** Identities and players are different things. An identity is a
connection's, and the platform knows the identities of its owner and of bridges;
a player, and so an admin, is an id from the game's shop that has no connection of
its own. An admin sits before the panel, and the gateway speaks for him. So both are
looked at, as in panel reducers: the *caller* is the owner, which the gateway is, and
the *actor*, whom it names, is logged in to the panel with some role; a viewer's
suffices. Anybody else is refused. A session that ends, or whose role is revoked, ends
what was subscribed to in its name (`on_error` has the refusal): the session is among
the rows that each view reads.

A view has no clock, so a session that is over counts until it is swept, which the
database does every 30 seconds.

**Several views.** Who listens is sent the rows that have changed. Were the passport
one row, a sign of life of the player would send his vault again. So there is one view
for each sort of rows; `PASSPORT_QUERIES` asks for all of them in one go. Nothing in
them depends on the time: bans, presence and transfers answer for any time themselves
(see `views`).
"""

from typing import Final

import qsdb
from examples.qsbridge.hub.extensions import PlayerMovement
from examples.qsbridge.hub.guards import require_login
from examples.qsbridge.hub.tables import (
    AdminRole,
    AdminRoleLevel,
    BanEntry,
    GlobalVault,
    PlayerServerPresence,
    ServerTransferQueue,
    WhitelistEntry,
    platform,
)

__all__ = [
    "PASSPORT_QUERIES",
    "Passport",
    "passport_bans",
    "passport_movements",
    "passport_presence",
    "passport_transfers",
    "passport_vault",
    "player_passport",
]

PASSPORT_QUERIES: Final = (
    "SELECT * FROM player_passport(:actor_player_id, :player_id)",
    "SELECT * FROM passport_presence(:actor_player_id, :player_id)",
    "SELECT * FROM passport_bans(:actor_player_id, :player_id)",
    "SELECT * FROM passport_vault(:actor_player_id, :player_id)",
    "SELECT * FROM passport_transfers(:actor_player_id, :player_id)",
    "SELECT * FROM passport_movements(:actor_player_id, :player_id)",
)
"""All of a passport: parameters ``actor_player_id`` and ``player_id``."""


class Passport(qsdb.Product):
    """The first page: what a player is to the platform."""

    player_id: str
    player_name: str
    """As in his last ban; empty if he never had one, for nothing else has names."""
    is_whitelisted: bool
    role: AdminRoleLevel | None


@platform.view(public=True, primary_key="player_id")
def player_passport(
    ctx: qsdb.ViewContext, actor_player_id: str, player_id: str
) -> Passport | None:
    """Give the first page. There is one for every id, also of players never seen.

    Raises:
        ReducerError: NotAuthorized, the caller is not the owner, or the actor is not
            logged in to the panel. So do the other views here.
    """
    require_login(ctx, actor_player_id)
    bans = ctx.db[BanEntry].player_id.filter(player_id)
    last_ban = max(bans, key=lambda ban: ban.ban_id, default=None)
    role = ctx.db[AdminRole].player_id.find(player_id)
    return Passport(
        player_id=player_id,
        player_name="" if last_ban is None else last_ban.player_name,
        is_whitelisted=ctx.db[WhitelistEntry].player_id.find(player_id) is not None,
        role=None if role is None else role.role,
    )


@platform.view(public=True)
def passport_presence(
    ctx: qsdb.ViewContext, actor_player_id: str, player_id: str
) -> PlayerServerPresence | None:
    """Give the server that the player is on, if he is on one."""
    require_login(ctx, actor_player_id)
    return ctx.db[PlayerServerPresence].get(player_id)


@platform.view(public=True)
def passport_bans(
    ctx: qsdb.ViewContext, actor_player_id: str, player_id: str
) -> list[BanEntry]:
    """Give all bans of the player, active and not."""
    require_login(ctx, actor_player_id)
    return list(ctx.db[BanEntry].player_id.filter(player_id))


@platform.view(public=True)
def passport_vault(
    ctx: qsdb.ViewContext, actor_player_id: str, player_id: str
) -> list[GlobalVault]:
    """Give the items in the player's vault."""
    require_login(ctx, actor_player_id)
    return list(ctx.db[GlobalVault].player_id.filter(player_id))


@platform.view(public=True)
def passport_transfers(
    ctx: qsdb.ViewContext, actor_player_id: str, player_id: str
) -> list[ServerTransferQueue]:
    """Give the player's transfers, open and ended, with their snapshots."""
    require_login(ctx, actor_player_id)
    return list(ctx.db[ServerTransferQueue].player_id.filter(player_id))


@platform.view(public=True)
def passport_movements(
    ctx: qsdb.ViewContext, actor_player_id: str, player_id: str
) -> list[PlayerMovement]:
    """Give the player's moves."""
    require_login(ctx, actor_player_id)
    return list(ctx.db[PlayerMovement].player_id.filter(player_id))
