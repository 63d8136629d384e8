"""Who calls: the owner, the bridge of a registered server, or anybody else.

The documented guard is `is_owner` (there `is_gateway`: the gateway connects with
the publisher's token). Two pages disagree on whether it also stands before the
admin reducers; here those accept the owner or a registered bridge.

A bridge's server is always the one that its identity is registered for, and
never an argument.
"""

import qsdb
from examples.qsbridge.refusals import refusal
from examples.qsbridge.tables import ModuleConfig, ServerRegistry

__all__ = ["is_owner", "require_admin", "require_bridge"]


def is_owner(ctx: qsdb.ReducerContext) -> bool:
    """Tell whether the caller is the owner whom `init` has written down."""
    return any(row.owner_identity == ctx.sender for row in ctx.db[ModuleConfig])


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
        return "owner"
    server = ctx.db[ServerRegistry].stdb_identity.find(ctx.sender)
    if server is None:
        raise refusal(
            "NotAuthorized", "the caller is neither the owner nor a registered bridge"
        )
    return f"server:{server.server_id}"
