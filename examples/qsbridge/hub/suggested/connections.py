"""Connections: what a server is when its bridge has gone.

A bridge that disconnects takes its server offline at once, and not three missed
heartbeats later. Its players' rows stay until they are stale, and the transfers from
and to it for as long (`AwayBridge`, `sweep_servers`), so a bridge that is back within
90 s has lost nobody.

A server that is being restarted or wiped has no bridge for a while: that is what these
words say, and they stay. So an admin who restarts a server sees ``restarting`` until
its bridge registers again, which makes it ``online``, or has been silent for 180 s,
which makes it ``offline``. Nobody is on it meanwhile.

Two bridges are not to be mistaken for one that has gone. One that has reconnected,
and whose old connection ends only now, has another connection open: nothing is
done. One whose server another identity has taken over is no bridge any more.

A connection that begins is nothing: a server is online when its bridge registers or
sends a heartbeat.
"""

import qsdb
from examples.qsbridge.hub.extensions import AwayBridge
from examples.qsbridge.hub.tables import ServerRegistry, platform

__all__ = ["client_disconnected"]

CONNECTIONS = "SELECT connection_id FROM st_client WHERE identity = :sender"
"""`st_client` has a row for each open connection, and still for the one that ends."""


@platform.client_disconnected
def client_disconnected(ctx: qsdb.ReducerContext) -> None:
    """Take a server offline whose bridge has gone, if it was online.

    Cost: O(open connections) for a bridge.
    """
    server = ctx.db[ServerRegistry].stdb_identity.find(ctx.sender)
    if server is None or len(ctx.db.sql(CONNECTIONS)) > 1:
        return
    if server.status == "online":
        ctx.db[AwayBridge].upsert(AwayBridge(server.server_id, ctx.timestamp))
        server = server.replace(status="offline")
    ctx.db[ServerRegistry].update(server.replace(online_count=0))
