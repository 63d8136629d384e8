"""What a dashboard wants to know of the cluster, as views.

A view is a function of its arguments and of the rows that it reads. While somebody
listens to it, it runs again when one of those rows changes, and at no other time.
But a ban also ends, and a server falls silent, without any row being changed, and a
view has no clock to see it by. So time comes in from the caller, in one of two ways:

* **The row answers.** The view gives what the passing of time cannot change, and its
  rows tell about themselves at any time: `ServerOverview.is_degraded`,
  `BanEntry.is_active`. Who listens to such a view has to ask for it only once.
* **The time is an argument.** A number that depends on the time is right for the time
  that was given. Who wants it current asks again as time goes on, in steps
  (`step_of`) rather than always anew: all who ask within a step share one result.

`active_bans` does both. It gives the bans that are active at `now` *or later*, as far
as anybody can know: whoever listens is given new bans and loses those that are
lifted, and `is_active` leaves out those that have ended since. So for every ``t`` from
`now` on, these are the active bans at ``t``::

    [ban for ban in active_bans(now) if ban.is_active(t)]

`cluster_overview` looks at each ban whenever it runs, and it runs at each heartbeat.
Ask for it every few seconds. Listen to it only where bans are few.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Final

import qsdb
from examples.qsbridge.hub.extensions import PlayerMovement
from examples.qsbridge.hub.tables import (
    SILENCE_MAX,
    BanEntry,
    PanelAuditLog,
    PlayerServerPresence,
    ServerRegistry,
    platform,
)
from qsdb import TimeDuration, Timestamp, u32, u64

__all__ = [
    "ACTIONS_WINDOW",
    "ACTIVE_BANS",
    "STEP",
    "ClusterOverview",
    "Flow",
    "ServerOverview",
    "active_bans",
    "cluster_overview",
    "cluster_servers",
    "count_flow",
    "population_flow",
    "step_of",
    "summarize",
]

STEP: Final = TimeDuration.from_seconds(10)
"""How old a number that depends on the time may be; the wiki's panel has the same."""
ACTIONS_WINDOW: Final = TimeDuration.from_seconds(24 * 3600)
"""How far back admin actions are counted."""
ACTIVE_BANS: Final = (
    "SELECT * FROM ban_entry"
    " WHERE revoked = FALSE AND (expires_at IS NULL OR expires_at > :now)"
)
"""For who wants the bans in the cache of its own connection, by primary key."""


def step_of(now: Timestamp) -> Timestamp:
    """Give the beginning of the step of 10 s that a time lies in.

    >>> str(step_of(Timestamp.parse("2026-03-06T18:00:19.5Z")))
    '2026-03-06T18:00:10Z'
    """
    return Timestamp.from_micros(now.micros - now.micros % STEP.micros)


class ServerOverview(qsdb.Product):
    """One server, as the panel's page has it."""

    server_id: str
    display_name: str
    region: str
    game_mode: str
    status: str
    last_heartbeat: Timestamp
    version: str
    max_players: u32
    online_count: u32
    """Players, as the last heartbeat has it."""
    present_count: u64
    """Players, as presence has it; stale rows count."""

    def is_degraded(self, now: Timestamp) -> bool:
        """Tell whether the server should be heard, and was not for over 90 s."""
        return self.status == "online" and now - self.last_heartbeat > SILENCE_MAX


class ClusterOverview(qsdb.Product):
    """The cluster in numbers, at the time `at`."""

    at: Timestamp
    servers: u64
    """The sum of the next four."""
    online: u64
    offline: u64
    restarting: u64
    wiping: u64
    degraded: u64
    """Those among the online ones that were not heard for over 90 s."""
    players_online: u64
    """The sum of the servers' own counts."""
    players_max: u64
    active_bans: u64
    admin_actions: u64
    """Entries of the audit log of the last 24 h."""


class Flow(qsdb.Product):
    """How many moves there were from one server to another."""

    from_server_id: str
    """Empty: players who came."""
    to_server_id: str
    """Empty: players who went."""
    count: u64


@platform.view(public=True, primary_key="server_id")
def cluster_servers(ctx: qsdb.AnonymousViewContext) -> list[ServerOverview]:
    """Give a row for each server.

    Cost: O(servers), at each heartbeat and at each change of presence.
    """
    presence = ctx.db[PlayerServerPresence].server_id
    return [
        ServerOverview(
            server_id=server.server_id,
            display_name=server.display_name,
            region=server.region,
            game_mode=server.game_mode,
            status=server.status,
            last_heartbeat=server.last_heartbeat,
            version=server.version,
            max_players=server.max_players,
            online_count=server.online_count,
            present_count=presence.count(server.server_id),
        )
        for server in ctx.db[ServerRegistry]
    ]


@platform.view(public=True)
def cluster_overview(
    ctx: qsdb.AnonymousViewContext, now: Timestamp
) -> ClusterOverview | None:
    """Give the one row of the cluster's numbers at a time.

    Cost: O(servers + bans + audit log), each time that it runs.
    """
    return summarize(cluster_servers(ctx), ctx.db[BanEntry], ctx.db[PanelAuditLog], now)


@platform.view(public=True)
def active_bans(_: qsdb.AnonymousViewContext, now: Timestamp) -> qsdb.Query[BanEntry]:
    """Give the bans that are neither lifted nor, at `now`, over.

    Cost: O(bans) to begin with, O(1) for each ban or unban after that.
    """
    return qsdb.Query(ACTIVE_BANS, {"now": now})


@platform.view(public=True, primary_key=("from_server_id", "to_server_id"))
def population_flow(
    ctx: qsdb.AnonymousViewContext, begin: Timestamp, end: Timestamp
) -> list[Flow]:
    """Count moves by where they began and ended, from `begin` until before `end`.

    An end that is yet to come is no mistake: the counts grow until then.

    Cost: O(moves within the window), at each move within it.
    """
    moved_at = ctx.db[PlayerMovement].moved_at
    return count_flow(moved_at.range(begin, end, include=(True, False)))


def summarize(
    servers: Iterable[ServerOverview],
    bans: Iterable[BanEntry],
    actions: Iterable[PanelAuditLog],
    now: Timestamp,
) -> ClusterOverview:
    """Give the cluster's numbers at a time.

    Args:
        servers: All servers.
        bans: All bans, or at least those that are active.
        actions: The audit log, or at least that of the last 24 h.
        now: The time.
    """
    servers = list(servers)
    statuses = Counter(server.status for server in servers)
    return ClusterOverview(
        at=now,
        servers=len(servers),
        online=statuses["online"],
        offline=statuses["offline"],
        restarting=statuses["restarting"],
        wiping=statuses["wiping"],
        degraded=sum(server.is_degraded(now) for server in servers),
        players_online=sum(server.online_count for server in servers),
        players_max=sum(server.max_players for server in servers),
        active_bans=sum(ban.is_active(now) for ban in bans),
        admin_actions=sum(now - each.timestamp <= ACTIONS_WINDOW for each in actions),
    )


def count_flow(moves: Iterable[PlayerMovement]) -> list[Flow]:
    """Count moves by where they began and ended."""
    counts = Counter((move.from_server_id, move.to_server_id) for move in moves)
    return [Flow(origin, to, count) for (origin, to), count in counts.items()]
