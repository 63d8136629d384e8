"""A server's name, as the server browser shows it.

The panel's page has a field for it, for which no reducer is named. The registry's
`display_name` is something else: what the bridge calls its server, told anew each
time it registers.
"""

import qsdb
from examples.qsbridge.hub.audit import write_audit
from examples.qsbridge.hub.documented.settings import require_config
from examples.qsbridge.hub.guards import require_server_admin
from examples.qsbridge.hub.limits import check_id
from examples.qsbridge.hub.tables import ServerConfig, platform

__all__ = ["admin_set_server_name", "set_server_name"]


@platform.reducer
def admin_set_server_name(ctx: qsdb.ReducerContext, server_id: str, name: str) -> None:
    """Set a server's name.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor this server's bridge;
            NotFound, the server has no settings; InvalidArgument.
    """
    set_server_name(ctx, require_server_admin(ctx, server_id), server_id, name)


def set_server_name(
    ctx: qsdb.ReducerContext, actor: str, server_id: str, name: str
) -> None:
    """Set a server's name in the name of `actor`."""
    check_id("name", name)
    config = require_config(ctx, server_id)
    ctx.db[ServerConfig].update(config.replace(server_name=name))
    write_audit(
        ctx,
        actor,
        "set_server_name",
        f"named {server_id} {name!r}",
        server_id=server_id,
        name=name,
    )
