"""Roles: who may do what, granted and revoked by the owner alone.

The owner identity grants the first role; `init` makes none. A panel session has a
copy of its admin's level, so a role that changes changes the session, and a role
that goes ends it. The last Owner among the roles stays: nobody could grant from
the panel any more.

Each action is a function that takes the actor's name, and a reducer.
"""

import qsdb
from examples.qsbridge.hub.audit import write_audit
from examples.qsbridge.hub.guards import OWNER, require_owner
from examples.qsbridge.hub.limits import check_player_id
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.tables import (
    AdminLevel,
    AdminRole,
    AdminRoleLevel,
    PanelSession,
    platform,
)

__all__ = ["admin_grant_role", "admin_revoke_role", "grant_role", "revoke_role"]


@platform.reducer
def admin_grant_role(
    ctx: qsdb.ReducerContext, player_id: str, role: AdminRoleLevel
) -> None:
    """Give a player a role, in place of the one that he has.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument; Conflict, the
            player is the last Owner.
    """
    require_owner(ctx)
    grant_role(ctx, OWNER, player_id, role)


@platform.reducer
def admin_revoke_role(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Take a player's role away, and end his panel session.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument; NotFound, the
            player has no role; Conflict, the player is the last Owner.
    """
    require_owner(ctx)
    revoke_role(ctx, OWNER, player_id)


def grant_role(
    ctx: qsdb.ReducerContext, actor: str, player_id: str, role: AdminRoleLevel
) -> None:
    """Give a player a role in the name of `actor`."""
    check_player_id(player_id)
    roles = ctx.db[AdminRole]
    old = roles.player_id.find(player_id)
    granted = AdminRole(
        player_id=player_id, role=role, granted_by=actor, granted_at=ctx.timestamp
    )
    if old is None:
        roles.insert(granted)
    else:
        if role is not AdminRoleLevel.Owner:
            _check_not_last_owner(ctx, old)
        roles.player_id.update(granted)
    sessions = ctx.db[PanelSession]
    session = sessions.get(player_id)
    if session is not None:
        sessions.update(session.replace(admin_level=AdminLevel[role.name]))
    write_audit(
        ctx,
        actor,
        "grant_role",
        f"made {player_id} {role.name}",
        player_id=player_id,
        role=role.name,
    )


def revoke_role(ctx: qsdb.ReducerContext, actor: str, player_id: str) -> None:
    """Take a player's role away in the name of `actor`."""
    check_player_id(player_id)
    old = ctx.db[AdminRole].player_id.find(player_id)
    if old is None:
        raise refusal("NotFound", f"player {player_id!r} has no role")
    _check_not_last_owner(ctx, old)
    ctx.db[AdminRole].delete_by_key(old.role_id)
    ctx.db[PanelSession].delete_by_key(player_id)
    write_audit(
        ctx,
        actor,
        "revoke_role",
        f"took the role {old.role.name} from {player_id}",
        player_id=player_id,
        role=old.role.name,
    )


def _check_not_last_owner(ctx: qsdb.ReducerContext, old: AdminRole) -> None:
    if old.role is not AdminRoleLevel.Owner:
        return
    owners = [row for row in ctx.db[AdminRole] if row.role is AdminRoleLevel.Owner]
    if len(owners) == 1:
        raise refusal("Conflict", f"player {old.player_id!r} is the last Owner")
