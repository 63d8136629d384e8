"""Announcements, and what bridges do with commands.

The wiki counts twelve admin reducers and shows eleven; the twelfth is taken to be
the announcement that `panel_announcement` wraps. How a bridge says that it has done
what a command says is not shown either.
"""

import qsdb
from examples.qsbridge.hub.commands import ALL_SERVERS
from examples.qsbridge.hub.documented.moderation import announce
from examples.qsbridge.hub.extensions import BridgeCommand
from examples.qsbridge.hub.guards import require_admin, require_bridge
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.tables import platform
from qsdb import u64

__all__ = ["admin_announce", "bridge_command_ack"]


@platform.reducer
def admin_announce(ctx: qsdb.ReducerContext, message: str) -> None:
    """Tell all players on all servers something.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor a registered bridge;
            InvalidArgument.
    """
    announce(ctx, require_admin(ctx), ALL_SERVERS, message)


@platform.reducer
def bridge_command_ack(ctx: qsdb.ReducerContext, command_id: u64) -> None:
    """Say that the caller's server has done what a command says, which ends it.

    One for all servers stays for the others until it is swept.

    Raises:
        ReducerError: NotAuthorized, the caller is no registered bridge, or the
            command is another server's; NotFound.
    """
    server_id = require_bridge(ctx).server_id
    commands = ctx.db[BridgeCommand]
    command = commands.get(command_id)
    if command is None:
        raise refusal("NotFound", f"there is no command {command_id}")
    if command.server_id == ALL_SERVERS:
        return
    if command.server_id != server_id:
        raise refusal(
            "NotAuthorized",
            f"command {command_id} is for {command.server_id!r}, not {server_id!r}",
        )
    commands.delete_by_key(command_id)
