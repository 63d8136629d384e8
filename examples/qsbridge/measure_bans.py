"""How fast a ban is everywhere: ``python -m examples.qsbridge.measure_bans``.

Registers servers, each with a bridge of its own, and bans players one after the other.
Of each ban it measures the time from the call of the reducer to the moment in which the
last of the servers' caches holds it: all in one process, so no network is in it. Then
it is checked that each ban was one commit, and is in every cache.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import qsdb
from examples.qsbridge.bridge import Bridge, GameHooks, ServerDetails
from examples.qsbridge.hub.documented.moderation import admin_ban
from examples.qsbridge.hub.tables import BanEntry, platform

__all__ = ["Cluster", "main"]

WARM_UP = 20
"""Bans before the ones that are measured, in each run."""


@dataclass(frozen=True, slots=True)
class Spread:
    """How one ban spread.

    Attributes:
        commits: How many commits it was.
        caches: How many caches hold it when the call returns.
        micros: From the call to the last cache.
    """

    commits: int
    caches: int
    micros: float


class Cluster:
    """A platform in memory, and servers with bridges."""

    def __init__(
        self, servers: int, nanos: Callable[[], int] = time.perf_counter_ns
    ) -> None:
        """Register the servers.

        Args:
            servers: How many.
            nanos: Reads a clock, in nanoseconds.
        """
        self._nanos = nanos
        self._last = 0
        self._db = qsdb.Database(platform, scheduler="manual")  # no sweeps meanwhile
        self._bridges = [self._bridge(f"server-{n}") for n in range(servers)]

    def _bridge(self, server_id: str) -> Bridge:
        server = ServerDetails(
            server_id=server_id,
            display_name=server_id,
            region="us-east",
            game_module="humanitz",
            game_mode="pvp",
            version="1.0",
            max_players=100,
        )
        bridge = Bridge(self._connect, server, _Idle())
        bridge.tick()
        return bridge

    def _connect(self, token: str | None) -> qsdb.Connection:
        """Connect, and read the clock whenever a ban is in this connection's cache."""
        connection = self._db.connect(token=token)
        connection.db[BanEntry].on_insert(self._arrived)
        return connection

    def _arrived(self, event: qsdb.Event, row: BanEntry) -> None:
        self._last = self._nanos()

    def ban(self, player_id: str) -> Spread:
        """Ban a player for ever, and see how that spreads."""
        offset, begun = self._db.offset, self._nanos()
        self._db.call(admin_ban, player_id, player_id, "aimbot", None)
        return Spread(
            commits=self._db.offset - offset,
            caches=sum(
                bridge.may_join(player_id).reason == "banned"
                for bridge in self._bridges
            ),
            micros=(self._last - begun) / 1000,
        )

    def close(self) -> None:
        """End all."""
        for bridge in self._bridges:
            bridge.close()
        self._db.close()


class _Idle(GameHooks):
    """A game that does nothing."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a line for each run; give the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.qsbridge.measure_bans",
        description="Measure how fast a ban is in the caches of all servers.",
    )
    for name, default in (("servers", 100), ("bans", 200), ("runs", 5)):
        parser.add_argument(
            f"--{name}", type=int, default=default, metavar="N", help="%(default)s"
        )
    chosen = parser.parse_args(arguments)
    if min(chosen.servers, chosen.bans, chosen.runs) < 1:
        parser.error("servers, bans and runs are 1 or more")
    print("run  median ms  99 % ms  bans in all caches after one commit")
    is_everywhere = True
    for run in range(1, chosen.runs + 1):
        cluster = Cluster(chosen.servers)
        bans = [cluster.ban(f"player-{n}") for n in range(WARM_UP + chosen.bans)]
        cluster.close()
        whole = sum((each.commits, each.caches) == (1, chosen.servers) for each in bans)
        times = sorted(each.micros / 1000 for each in bans[WARM_UP:])
        print(
            f"{run:3}  {statistics.median(times):9.3f}  {percentile(times, 99):7.3f}  "
            f"{whole} of {len(bans)}"
        )
        is_everywhere = is_everywhere and whole == len(bans)
    return 0 if is_everywhere else 1


def percentile(ordered: Sequence[float], percent: int) -> float:
    """Give the smallest value that is not below so many percent of all.

    >>> percentile([1.0, 2.0, 3.0, 4.0], 50), percentile([1.0, 2.0, 3.0], 99)
    (2.0, 3.0)
    """
    return ordered[-(-len(ordered) * percent // 100) - 1]


if __name__ == "__main__":
    sys.exit(main())
