"""Panel sessions: admins who are logged in, as the gateway reports them.

The gateway has checked who it is (Steam, then the role) and holds the cookie. The
row shows the others who is there, and is what every panel reducer looks at.
"""

import qsdb
from examples.qsbridge.hub.audit import write_audit
from examples.qsbridge.hub.guards import require_owner, require_session
from examples.qsbridge.hub.limits import (
    METADATA_BYTES_MAX,
    check_bytes,
    check_id,
    check_player_id,
)
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.tables import (
    AdminLevel,
    AdminRole,
    PanelAuditLog,
    PanelSession,
    platform,
)

__all__ = ["panel_end_session", "panel_log_action", "panel_register_session"]


@platform.reducer
def panel_register_session(
    ctx: qsdb.ReducerContext,
    player_id: str,
    display_name: str,
    admin_level: AdminLevel | None = None,
) -> None:
    """Begin an admin's session, in place of one that he has.

    His level is that of his role. The owner may name a lower one, `Viewer` also
    for a player without a role.

    Raises:
        ReducerError: NotAuthorized, not the owner, or the player has no role that
            gives this level; InvalidArgument.
    """
    require_owner(ctx)
    check_player_id(player_id)
    check_id("display_name", display_name)
    level = _level(ctx, player_id, admin_level)
    ctx.db[PanelSession].upsert(
        PanelSession(
            player_id=player_id,
            display_name=display_name,
            admin_level=level,
            connected_at=ctx.timestamp,
            last_activity=ctx.timestamp,
        )
    )
    write_audit(
        ctx,
        player_id,
        "session_start",
        f"{display_name} logged in as {level.name}",
        admin_level=level.name,
    )


@platform.reducer
def panel_end_session(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """End an admin's session; without one nothing happens.

    Raises:
        ReducerError: NotAuthorized, not the owner.
    """
    require_owner(ctx)
    session = ctx.db[PanelSession].get(player_id)
    if session is not None:
        ctx.db[PanelSession].delete_by_key(player_id)
        write_audit(ctx, player_id, "session_end", f"{session.display_name} logged out")


@platform.reducer
def panel_log_action(
    ctx: qsdb.ReducerContext, actor_player_id: str, action: str, details: str
) -> None:
    """Write down what an admin has done by way of the gateway.

    Panel reducers log by themselves; this is for what happens outside of the
    database, as hosting actions. `details` is stored as given.

    Raises:
        ReducerError: NotAuthorized, not the owner, or the admin is not logged in;
            InvalidArgument.
    """
    require_session(ctx, actor_player_id, AdminLevel.Viewer)
    check_id("action", action)
    check_bytes("details", details, METADATA_BYTES_MAX)
    ctx.db[PanelAuditLog].insert(
        PanelAuditLog(
            actor_player_id=actor_player_id,
            action=action,
            details=details,
            timestamp=ctx.timestamp,
        )
    )


def _level(
    ctx: qsdb.ReducerContext, player_id: str, wanted: AdminLevel | None
) -> AdminLevel:
    role = ctx.db[AdminRole].player_id.find(player_id)
    if wanted is AdminLevel.Viewer:
        return wanted
    if role is None:
        raise refusal(
            "NotAuthorized", f"Not an admin: player {player_id!r} has no role"
        )
    highest = AdminLevel[role.role.name]
    if wanted is None:
        return highest
    if not highest.suffices_for(wanted):
        raise refusal(
            "NotAuthorized",
            f"player {player_id!r} is {highest.name} and cannot be logged in as "
            f"{wanted.name}",
        )
    return wanted
