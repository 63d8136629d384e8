"""Bridges: the game servers' ends of the platform, each with a cache of its own.

A bridge asks for what its server needs to know, and from then on has it at hand: its
own settings, all bans, and the players on its own server. So a ban that an admin speaks
on one server is known on every other by the next line of code, and whether somebody may
join is answered without asking anybody.

What a bridge does is played from the event file, so these only look on. They connect
without the servers' identities: a connection of a server's own that ends, as when
the program does, would take the server offline, which the file does not tell.
"""

from collections.abc import Iterator

import qsdb
from examples.qsbridge.hub.tables import (
    BanEntry,
    PlayerServerPresence,
    ServerConfig,
    ServerRegistry,
)
from qsdb import Timestamp

__all__ = ["Bridge", "Bridges"]

QUERIES = (
    "SELECT * FROM server_config WHERE server_id = :server_id",
    "SELECT * FROM ban_entry",
    "SELECT * FROM player_server_presence WHERE server_id = :server_id",
)
"""Only a server's own players: with all of them, each beat of a player would go to
every server of the cluster."""


class Bridge:
    """One server's connection.

    Attributes:
        server_id: Its server.
    """

    def __init__(self, db: qsdb.Database, server_id: str) -> None:
        """Connect and subscribe."""
        self.server_id = server_id
        self._connection = db.connect()
        self._connection.subscribe(*QUERIES, params={"server_id": server_id})

    @property
    def bans(self) -> list[BanEntry]:
        """All bans, as this server knows them."""
        return list(self._connection.db[BanEntry])

    @property
    def players(self) -> list[PlayerServerPresence]:
        """The players on this server."""
        return list(self._connection.db[PlayerServerPresence])

    @property
    def config(self) -> ServerConfig | None:
        """The settings of this server, if it has any."""
        return self._connection.db[ServerConfig].get(self.server_id)

    def is_banned(self, player_id: str, now: Timestamp) -> bool:
        """Tell whether a player may not join, from what is at hand."""
        bans = self._connection.db[BanEntry].player_id.filter(player_id)
        return any(ban.is_active(now) for ban in bans)


class Bridges:
    """The bridges of a cluster, by the server's id."""

    def __init__(self, db: qsdb.Database) -> None:
        """Connect the servers that are registered."""
        self._db = db
        self._by_server: dict[str, Bridge] = {}
        with db.read() as tx:
            server_ids = sorted(each.server_id for each in tx[ServerRegistry])
        for server_id in server_ids:
            self.connect(server_id)

    def connect(self, server_id: str) -> None:
        """Connect a server that has just registered; again is no error."""
        if server_id not in self._by_server:
            self._by_server[server_id] = Bridge(self._db, server_id)

    def __getitem__(self, server_id: str) -> Bridge:
        """Give the bridge of a server."""
        return self._by_server[server_id]

    def __iter__(self) -> Iterator[Bridge]:
        """Give the bridges, in the order in which they connected."""
        return iter(self._by_server.values())

    def __len__(self) -> int:
        """Give their number."""
        return len(self._by_server)
