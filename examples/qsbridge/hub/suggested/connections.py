"""Connections: what a server is when its bridge has gone.

A bridge that disconnects takes its server offline at once, and not three missed
heartbeats later. Its players' rows stay until they are stale, so a bridge that is
back within 90 s has lost nobody.

Two bridges are not to be mistaken for one that has gone. One that has reconnected,
and whose old connection ends only now, has another connection open: nothing is
done. One whose server another identity has taken over is no bridge any more.

A connection that begins is nothing: a server is online when its bridge registers or
sends a heartbeat.
"""

import qsdb
from examples.qsbridge.hub.tables import ServerRegistry, platform

__all__ = ["client_disconnected"]

CONNECTIONS = "SELECT connection_id FROM st_client WHERE identity = :sender"
"""`st_client` has a row for each open connection, and still for the one that ends."""


@platform.client_disconnected
def client_disconnected(ctx: qsdb.ReducerContext) -> None:
    """Take a server offline whose bridge has gone.

    Cost: O(open connections) for a bridge.
    """
    server = ctx.db[ServerRegistry].stdb_identity.find(ctx.sender)
    if server is None or len(ctx.db.sql(CONNECTIONS)) > 1:
        return
    ctx.db[ServerRegistry].update(server.replace(status="offline", online_count=0))
