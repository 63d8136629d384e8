"""The reducer by which the registry learns of the platform's servers."""

from collections import Counter

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.extensions import ServerMirror
from examples.qsbridge.mods.guards import require_owner
from examples.qsbridge.mods.tables import registry
from qsdb import Identity

__all__ = ["ServerLine", "server_mirror_set"]


class ServerLine(qsdb.Product):
    """A server of the platform, as far as the registry is concerned."""

    server_id: str
    stdb_identity: Identity
    version: str
    game_module: str


@registry.reducer
def server_mirror_set(ctx: qsdb.ReducerContext, servers: list[ServerLine]) -> None:
    """Make the mirror hold these servers and no others.

    Said again it changes nothing, and so makes no commit. Installs on a server that
    is gone stay; it may come back.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument, an id or an
            identity stands there twice.

    Cost: O(servers).
    """
    require_owner(ctx)
    _check_once("server_id", [each.server_id for each in servers])
    _check_once("stdb_identity", [each.stdb_identity.to_hex() for each in servers])
    mirror = ctx.db[ServerMirror]
    wanted = {
        ServerMirror(each.server_id, each.stdb_identity, each.version, each.game_module)
        for each in servers
    }
    held = {*mirror}
    for row in held - wanted:  # first, since an identity may move between servers
        mirror.delete(row)
    mirror.insert_many(sorted(wanted - held, key=lambda row: row.server_id))


def _check_once(what: str, values: list[str]) -> None:
    for value, count in Counter(values).items():
        if count > 1:
            raise refusal("InvalidArgument", f"{what} {value!r} is there {count} times")
