"""Panel reducers: what an admin does by way of the gateway.

The sender is always the gateway, so the admin is an argument, and two checks are
made: the caller is the owner, and the admin's session has the level that the
action takes. Then the action is the same as that of the admin reducers, with the
admin's id in the rows and in the audit log.

==========================================  =========
ban, unban, kick, announcement              Moderator
password, whitelist switch, limit, message  Admin
==========================================  =========

A Moderator's ban must have an end.
"""

import qsdb
from examples.qsbridge.hub.documented.moderation import (
    announce,
    ban_player,
    kick_player,
    unban_player,
)
from examples.qsbridge.hub.documented.settings import (
    set_max_players,
    set_motd,
    set_password,
    toggle_whitelist,
)
from examples.qsbridge.hub.guards import require_session
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.tables import AdminLevel, platform
from qsdb import u32, u64

__all__ = [
    "panel_announcement",
    "panel_ban_player",
    "panel_kick_player",
    "panel_set_max_players",
    "panel_set_motd",
    "panel_set_password",
    "panel_toggle_whitelist",
    "panel_unban_player",
]


@platform.reducer
def panel_ban_player(
    ctx: qsdb.ReducerContext,
    actor_player_id: str,
    player_id: str,
    player_name: str,
    reason: str,
    duration_hours: u64 | None,
) -> None:
    """Ban a player as `admin_ban` does; a Moderator not for ever.

    Raises:
        ReducerError: NotAuthorized, below Moderator, or a Moderator gives no
            duration; what `admin_ban` raises.
    """
    session = require_session(ctx, actor_player_id, AdminLevel.Moderator)
    if session.admin_level is AdminLevel.Moderator and duration_hours is None:
        raise refusal(
            "NotAuthorized",
            f"{actor_player_id!r} is Moderator and may not ban for ever, "
            "which takes Admin or above",
        )
    ban_player(ctx, actor_player_id, player_id, player_name, reason, duration_hours)


@platform.reducer
def panel_unban_player(
    ctx: qsdb.ReducerContext, actor_player_id: str, player_id: str
) -> None:
    """Revoke a player's bans as `admin_unban` does.

    Raises:
        ReducerError: NotAuthorized, below Moderator; what `admin_unban` raises.
    """
    require_session(ctx, actor_player_id, AdminLevel.Moderator)
    unban_player(ctx, actor_player_id, player_id)


@platform.reducer
def panel_kick_player(
    ctx: qsdb.ReducerContext, actor_player_id: str, player_id: str, reason: str
) -> None:
    """Kick a player as `admin_kick` does.

    Raises:
        ReducerError: NotAuthorized, below Moderator; what `admin_kick` raises.
    """
    require_session(ctx, actor_player_id, AdminLevel.Moderator)
    kick_player(ctx, actor_player_id, player_id, reason)


@platform.reducer
def panel_announcement(
    ctx: qsdb.ReducerContext, actor_player_id: str, server_id: str, message: str
) -> None:
    """Tell the players of one server something, or (``*``) of all.

    Raises:
        ReducerError: NotAuthorized, below Moderator; NotFound, there is no such
            server; InvalidArgument.
    """
    require_session(ctx, actor_player_id, AdminLevel.Moderator)
    announce(ctx, actor_player_id, server_id, message)


@platform.reducer
def panel_set_motd(
    ctx: qsdb.ReducerContext, actor_player_id: str, server_id: str, motd: str
) -> None:
    """Set a server's message as `admin_set_motd` does.

    Raises:
        ReducerError: NotAuthorized, below Admin; what `admin_set_motd` raises.
    """
    require_session(ctx, actor_player_id, AdminLevel.Admin)
    set_motd(ctx, actor_player_id, server_id, motd)


@platform.reducer
def panel_set_max_players(
    ctx: qsdb.ReducerContext, actor_player_id: str, server_id: str, max_players: u32
) -> None:
    """Set a server's limit as `admin_set_max_players` does.

    Raises:
        ReducerError: NotAuthorized, below Admin; what `admin_set_max_players`
            raises.
    """
    require_session(ctx, actor_player_id, AdminLevel.Admin)
    set_max_players(ctx, actor_player_id, server_id, max_players)


@platform.reducer
def panel_set_password(
    ctx: qsdb.ReducerContext, actor_player_id: str, server_id: str, password: str
) -> None:
    """Set a server's password as `admin_set_password` does.

    Raises:
        ReducerError: NotAuthorized, below Admin; what `admin_set_password` raises.
    """
    require_session(ctx, actor_player_id, AdminLevel.Admin)
    set_password(ctx, actor_player_id, server_id, password)


@platform.reducer
def panel_toggle_whitelist(
    ctx: qsdb.ReducerContext,
    actor_player_id: str,
    server_id: str,
    enabled: bool,  # noqa: FBT001  an argument in its documented place
) -> None:
    """Switch a server's whitelist as `admin_toggle_whitelist` does.

    Raises:
        ReducerError: NotAuthorized, below Admin; what `admin_toggle_whitelist`
            raises.
    """
    require_session(ctx, actor_player_id, AdminLevel.Admin)
    toggle_whitelist(ctx, actor_player_id, server_id, enabled=enabled)
