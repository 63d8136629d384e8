"""Announcements, a server's name, and what bridges do with commands.

The wiki counts twelve admin reducers and shows eleven; the twelfth is taken to be
the announcement that `panel_announcement` wraps. The panel's page has a field for
a server's name, for which no reducer is named either.
"""

import qsdb
from examples.qsbridge.hub.audit import write_audit
from examples.qsbridge.hub.commands import ALL_SERVERS, queue_command
from examples.qsbridge.hub.documented.settings import require_config
from examples.qsbridge.hub.extensions import BridgeCommand
from examples.qsbridge.hub.guards import (
    require_admin,
    require_bridge,
    require_known_server,
    require_server_admin,
    require_session,
)
from examples.qsbridge.hub.limits import REASON_CHARS_MAX, check_filled, check_id
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.tables import (
    AdminLevel,
    ServerConfig,
    ServerRegistry,
    platform,
)
from qsdb import u64

__all__ = [
    "admin_announce",
    "admin_set_server_name",
    "announce",
    "bridge_command_ack",
    "panel_set_server_name",
]


@platform.reducer
def admin_announce(ctx: qsdb.ReducerContext, message: str) -> None:
    """Tell all players on all servers something.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor a registered bridge;
            InvalidArgument.
    """
    announce(ctx, require_admin(ctx), ALL_SERVERS, message)


@platform.reducer
def admin_set_server_name(ctx: qsdb.ReducerContext, server_id: str, name: str) -> None:
    """Set a server's name in the server browser and in the panel.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor this server's bridge;
            NotFound; InvalidArgument.
    """
    set_server_name(ctx, require_server_admin(ctx, server_id), server_id, name)


@platform.reducer
def panel_set_server_name(
    ctx: qsdb.ReducerContext, actor_player_id: str, server_id: str, name: str
) -> None:
    """Set a server's name as `admin_set_server_name` does.

    Raises:
        ReducerError: NotAuthorized, below Admin; NotFound; InvalidArgument.
    """
    require_session(ctx, actor_player_id, AdminLevel.Admin)
    set_server_name(ctx, actor_player_id, server_id, name)


@platform.reducer
def bridge_command_ack(ctx: qsdb.ReducerContext, command_id: u64) -> None:
    """Say that the caller's server has done what a command says, which ends it.

    One for all servers stays for the others until it is swept.

    Raises:
        ReducerError: NotAuthorized, the caller is no registered bridge, or the
            command is another server's; NotFound.
    """
    server_id = require_bridge(ctx).server_id
    command = ctx.db[BridgeCommand].get(command_id)
    if command is None:
        raise refusal("NotFound", f"there is no command {command_id}")
    if command.server_id == ALL_SERVERS:
        return
    if command.server_id != server_id:
        raise refusal(
            "NotAuthorized",
            f"command {command_id} is for {command.server_id!r}, not {server_id!r}",
        )
    ctx.db[BridgeCommand].delete_by_key(command_id)


def announce(
    ctx: qsdb.ReducerContext, actor: str, server_id: str, message: str
) -> None:
    """Leave an announcement for one server, or for all, in the name of `actor`."""
    check_filled("message", message, REASON_CHARS_MAX)
    if server_id != ALL_SERVERS:
        require_known_server(ctx, server_id)
    queue_command(ctx, server_id, "announce", "", message)
    where = "everywhere" if server_id == ALL_SERVERS else f"on {server_id}"
    write_audit(
        ctx,
        actor,
        "announcement",
        f"announced {where}: {message}",
        server_id=server_id,
        message=message,
    )


def set_server_name(
    ctx: qsdb.ReducerContext, actor: str, server_id: str, name: str
) -> None:
    """Set a server's name in the name of `actor`."""
    check_id("name", name)
    config = require_config(ctx, server_id)
    server = require_known_server(ctx, server_id)
    ctx.db[ServerConfig].update(config.replace(server_name=name))
    ctx.db[ServerRegistry].update(server.replace(display_name=name))
    write_audit(
        ctx,
        actor,
        "set_server_name",
        f"named {server_id} {name!r}",
        server_id=server_id,
        name=name,
    )
