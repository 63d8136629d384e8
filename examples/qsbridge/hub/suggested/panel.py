"""Panel reducers that the wiki does not name.

It lets the gateway call the admin reducers of the whitelist and of roles, and check
the admin's level by itself; then the rows and the audit log name the owner, and not
the admin who did it. By these the database checks, and names him::

    whitelist, add and remove      Moderator
    server's name                  Admin
    roles, grant and revoke        Owner
"""

import qsdb
from examples.qsbridge.hub.documented.moderation import (
    add_to_whitelist,
    remove_from_whitelist,
)
from examples.qsbridge.hub.documented.roles import grant_role, revoke_role
from examples.qsbridge.hub.guards import require_session
from examples.qsbridge.hub.suggested.server_names import set_server_name
from examples.qsbridge.hub.tables import AdminLevel, AdminRoleLevel, platform

__all__ = [
    "panel_grant_role",
    "panel_revoke_role",
    "panel_set_server_name",
    "panel_whitelist_add",
    "panel_whitelist_remove",
]


@platform.reducer
def panel_whitelist_add(
    ctx: qsdb.ReducerContext, actor_player_id: str, player_id: str
) -> None:
    """Put a player on the whitelist as `admin_whitelist_add` does.

    Raises:
        ReducerError: NotAuthorized, below Moderator; what `admin_whitelist_add`
            raises.
    """
    require_session(ctx, actor_player_id, AdminLevel.Moderator)
    add_to_whitelist(ctx, actor_player_id, player_id)


@platform.reducer
def panel_whitelist_remove(
    ctx: qsdb.ReducerContext, actor_player_id: str, player_id: str
) -> None:
    """Take a player off the whitelist as `admin_whitelist_remove` does.

    Raises:
        ReducerError: NotAuthorized, below Moderator; what `admin_whitelist_remove`
            raises.
    """
    require_session(ctx, actor_player_id, AdminLevel.Moderator)
    remove_from_whitelist(ctx, actor_player_id, player_id)


@platform.reducer
def panel_set_server_name(
    ctx: qsdb.ReducerContext, actor_player_id: str, server_id: str, name: str
) -> None:
    """Set a server's name as `admin_set_server_name` does.

    Raises:
        ReducerError: NotAuthorized, below Admin; what `admin_set_server_name`
            raises.
    """
    require_session(ctx, actor_player_id, AdminLevel.Admin)
    set_server_name(ctx, actor_player_id, server_id, name)


@platform.reducer
def panel_grant_role(
    ctx: qsdb.ReducerContext,
    actor_player_id: str,
    player_id: str,
    role: AdminRoleLevel,
) -> None:
    """Give a player a role as `admin_grant_role` does.

    Raises:
        ReducerError: NotAuthorized, below Owner; what `admin_grant_role` raises.
    """
    require_session(ctx, actor_player_id, AdminLevel.Owner)
    grant_role(ctx, actor_player_id, player_id, role)


@platform.reducer
def panel_revoke_role(
    ctx: qsdb.ReducerContext, actor_player_id: str, player_id: str
) -> None:
    """Take a player's role away as `admin_revoke_role` does.

    Raises:
        ReducerError: NotAuthorized, below Owner; what `admin_revoke_role` raises.
    """
    require_session(ctx, actor_player_id, AdminLevel.Owner)
    revoke_role(ctx, actor_player_id, player_id)
