"""Who calls: the owner, the bridge of a registered server, or anybody else.

The documented guard is `is_owner` (there `is_gateway`: the gateway connects with
the publisher's token). Two pages disagree on whether it also stands before the
admin reducers; here those accept the owner or a registered bridge.

A bridge's server is always the one that its identity is registered for, and
never an argument.
"""

from typing import Final

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.tables import (
    AdminLevel,
    ModuleConfig,
    PanelSession,
    ServerRegistry,
)

__all__ = [
    "OWNER",
    "check_session",
    "is_owner",
    "require_admin",
    "require_bridge",
    "require_known_server",
    "require_login",
    "require_owner",
    "require_server_admin",
    "require_session",
]

OWNER: Final = "owner"
"""How rows name the owner when he calls directly and not through the panel."""


def is_owner(ctx: qsdb.ReducerContext | qsdb.ViewContext) -> bool:
    """Tell whether the caller is the owner whom `init` has written down."""
    return any(row.owner_identity == ctx.sender for row in ctx.db[ModuleConfig])


def require_owner(ctx: qsdb.ReducerContext | qsdb.ViewContext) -> None:
    """Let nobody pass but the owner: the gateway, or an operator's command line.

    Raises:
        ReducerError: NotAuthorized.
    """
    if not is_owner(ctx):
        raise refusal("NotAuthorized", "the caller is not the owner of the platform")


def require_bridge(ctx: qsdb.ReducerContext) -> ServerRegistry:
    """Give the server whose bridge is calling.

    Raises:
        ReducerError: NotAuthorized, the caller is no registered bridge.
    """
    server = ctx.db[ServerRegistry].stdb_identity.find(ctx.sender)
    if server is None:
        raise refusal("NotAuthorized", "the caller is not a registered bridge")
    return server


def require_admin(ctx: qsdb.ReducerContext) -> str:
    """Give the text that names an admin caller in rows: ``owner``, ``server:…``.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor a registered bridge.
    """
    if is_owner(ctx):
        return OWNER
    server = ctx.db[ServerRegistry].stdb_identity.find(ctx.sender)
    if server is None:
        raise refusal(
            "NotAuthorized", "the caller is neither the owner nor a registered bridge"
        )
    return f"server:{server.server_id}"


def require_server_admin(ctx: qsdb.ReducerContext, server_id: str) -> str:
    """Give the text that names a caller who may set up a server.

    The owner may set up every server, a bridge its own.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor this server's bridge.
    """
    actor = require_admin(ctx)
    if actor not in {OWNER, f"server:{server_id}"}:
        raise refusal(
            "NotAuthorized", f"{actor!r} may set up its own server, not {server_id!r}"
        )
    return actor


def require_known_server(ctx: qsdb.ReducerContext, server_id: str) -> ServerRegistry:
    """Give a server's row.

    Raises:
        ReducerError: NotFound.
    """
    server = ctx.db[ServerRegistry].get(server_id)
    if server is None:
        raise refusal("NotFound", f"there is no server {server_id!r}")
    return server


def require_session(
    ctx: qsdb.ReducerContext, actor_player_id: str, least: AdminLevel
) -> PanelSession:
    """Give the session of the admin for whom the gateway calls, now active again.

    Raises:
        ReducerError: NotAuthorized, as `check_session` says.
    """
    session = check_session(ctx, actor_player_id, least)
    return ctx.db[PanelSession].update(session.replace(last_activity=ctx.timestamp))


def check_session(
    ctx: qsdb.ReducerContext, actor_player_id: str, least: AdminLevel
) -> PanelSession:
    """Give the session of the admin for whom the gateway calls, as it is.

    The sender is always the gateway; who acts is an argument. Both are checked:
    the sender is the owner, and the actor is logged in with a level that suffices.

    Raises:
        ReducerError: NotAuthorized.
    """
    session = require_login(ctx, actor_player_id)
    if session.has_expired(ctx.timestamp):
        raise refusal(
            "NotAuthorized",
            f"the panel session of {actor_player_id!r} has expired; it began at "
            f"{session.connected_at} and lasts 8 h",
        )
    if not session.admin_level.suffices_for(least):
        raise refusal(
            "NotAuthorized",
            f"{actor_player_id!r} is {session.admin_level.name}, "
            f"and this takes {least.name} or above",
        )
    return session


def require_login(
    ctx: qsdb.ReducerContext | qsdb.ViewContext, actor_player_id: str
) -> PanelSession:
    """Give the session of the admin for whom the gateway asks, also an expired one.

    For views, which have no clock to see by whether it has.

    Raises:
        ReducerError: NotAuthorized, not the owner, or the admin is not logged in.
    """
    require_owner(ctx)
    session = ctx.db[PanelSession].get(actor_player_id)
    if session is None:
        raise refusal(
            "NotAuthorized", f"{actor_player_id!r} is not logged in to the panel"
        )
    return session
