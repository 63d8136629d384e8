"""Keep the registry told of the platform's servers: one database follows another.

The registry decides by rows of its own, since a reducer reads one database. So what
it has to know of the platform is copied, by a live query on the platform and a
reducer of the registry that says "these servers, and no others". As it says all, it
may be said again at any time: after a crash of either database, after a change that
was missed, and by two threads at once, the last one to speak being right.

Heartbeats, which change each server's row every 30 s, are not looked at: the query
does not read the columns that they write.
"""

from types import TracebackType
from typing import Final, Self

import qsdb
from examples.qsbridge.mods.servers import ServerLine, server_mirror_set

__all__ = ["RegistryMirror"]

SERVERS: Final = (
    "SELECT server_id, stdb_identity, version, game_module FROM server_registry"
)


class RegistryMirror:
    """Brings the platform's servers to the registry, from now until it is closed.

    Register, rename of a version, takeover and removal of a server reach the
    registry before the call to the platform returns. What the registry refuses (it
    is closed, its disk is full) is logged by qsdb (``qsdb.delivery``), and made good
    with the next change, or by a new mirror.

    Cost: O(servers) for each change of one of the four columns.
    """

    def __init__(self, platform_db: qsdb.Database, registry_db: qsdb.Database) -> None:
        """Bring the registry to where the platform is, and begin to follow.

        Raises:
            ClosedError, StorageError: one of the databases cannot be used.
        """
        self._platform = platform_db
        self._registry = registry_db
        self._changes = platform_db.subscribe(SERVERS, self._follow)
        told: list[ServerLine] | None = None
        while told != (servers := self._servers()):  # it may change meanwhile
            registry_db.call(server_mirror_set, servers)
            told = servers

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Follow no more; what the registry knows stays as it is."""
        self._changes.close()

    def _follow(self, _: qsdb.Update) -> None:
        self._registry.call(server_mirror_set, self._servers())

    def _servers(self) -> list[ServerLine]:
        """Give all servers as they are now, which is not before the change told."""
        lines = [ServerLine(*row) for row in self._platform.sql(SERVERS)]
        return sorted(lines, key=lambda line: line.server_id)
