"""Who calls: the registry's owner, the bridge of a server, or anybody else.

The gateway connects as the owner and speaks for admins and players. The registry
is a database of its own and has an owner of its own: it is not the platform that
says who that is. Who the bridge of a server is, it knows from its mirror.
"""

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.extensions import RegistryConfig, ServerMirror
from examples.qsbridge.mods.tables import InstalledMod, registry

__all__ = ["init", "require_bridge_of", "require_owner"]


@registry.init
def init(ctx: qsdb.ReducerContext) -> None:
    """Write down the publisher as the owner."""
    ctx.db[RegistryConfig].insert(RegistryConfig(owner_identity=ctx.sender))


def require_owner(ctx: qsdb.ReducerContext) -> None:
    """Refuse everybody but the owner whom `init` has written down.

    Raises:
        ReducerError: NotAuthorized.
    """
    if not any(row.owner_identity == ctx.sender for row in ctx.db[RegistryConfig]):
        raise refusal("NotAuthorized", "the caller is not the owner of the registry")


def require_bridge_of(ctx: qsdb.ReducerContext, install: InstalledMod) -> None:
    """Refuse everybody but the bridge of the server that an install is on.

    Raises:
        ReducerError: NotAuthorized.
    """
    server = ctx.db[ServerMirror].stdb_identity.find(ctx.sender)
    if server is None:
        raise refusal("NotAuthorized", "the caller is not the bridge of a known server")
    if server.server_id != install.server_id:
        raise refusal(
            "NotAuthorized",
            f"install {install.install_id} is on {install.server_id!r}, and the "
            f"caller is the bridge of {server.server_id!r}",
        )
