"""A server's status, set from outside: what the hosting provider was told.

The documented reducers only ever set ``online``. The panel shows three more, and no
reducer is named that sets them. Any of the four may follow any other: what a server
really does, its next heartbeat tells.

Who says that a server is offline knows it, and does not suppose it from a connection
that has ended: its open transfers fail at the next sweep, and nobody waits for it.
"""

import qsdb
from examples.qsbridge.hub.audit import write_audit
from examples.qsbridge.hub.extensions import AwayBridge
from examples.qsbridge.hub.guards import OWNER, require_known_server, require_owner
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.tables import SERVER_STATUSES, ServerRegistry, platform

__all__ = ["server_set_status", "set_status"]


@platform.reducer
def server_set_status(ctx: qsdb.ReducerContext, server_id: str, status: str) -> None:
    """Set a server's status; nobody is on one that is offline.

    Its players' presence stays until it is stale, so a short absence loses nobody. A
    status that it has already changes nothing, and leaves no entry in the audit log.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound; InvalidArgument, there
            is no such status.
    """
    require_owner(ctx)
    if status not in SERVER_STATUSES:
        raise refusal(
            "InvalidArgument",
            f"status {status!r} is none of {', '.join(SERVER_STATUSES)}",
        )
    server = require_known_server(ctx, server_id)
    set_status(ctx, server, status)
    if server.status != status:
        write_audit(
            ctx,
            OWNER,
            "set_status",
            f"set the status of {server_id} from {server.status} to {status}",
            server_id=server_id,
            status=status,
            before=server.status,
        )


def set_status(ctx: qsdb.ReducerContext, server: ServerRegistry, status: str) -> None:
    """Set the status of a server, of which nobody waits to hear any more."""
    assert status in SERVER_STATUSES
    ctx.db[AwayBridge].delete_by_key(server.server_id)
    count = 0 if status == "offline" else server.online_count
    ctx.db[ServerRegistry].update(server.replace(status=status, online_count=count))
