"""The report at the end: the cluster as the tables show it, and what was counted."""

from collections.abc import Iterator, Sequence

import qsdb
from examples.qsbridge.evening.cluster import Tally
from examples.qsbridge.evening.events import format_time
from examples.qsbridge.hub.tables import BanEntry, PlayerServerPresence, ServerRegistry
from examples.qsbridge.wording import plain, span
from qsdb import Timestamp

__all__ = ["report"]

SERVER_TITLES = (
    "server",
    "region",
    "mode",
    "status",
    "players",
    "present",
    "heartbeats",
    "joins",
    "refused",
    "last heartbeat",
)
KIND_TITLES = ("kind", "granted", "refused", "because")
KINDS = ("register", "heartbeat", "join", "beat", "leave", "ban", "unban")


def report(db: qsdb.Database, tally: Tally, now: Timestamp) -> Iterator[str]:
    """Yield the report's lines, without ends.

    `players` is what the last heartbeat said, and the limit; `present` counts the
    rows of `player_server_presence`, stale ones too. What `tally` has counted is of
    this run alone.
    """
    yield from _table(SERVER_TITLES, _servers(db, tally, now), left_count=4)
    yield ""
    yield from _table(KIND_TITLES, _kinds(tally), left_count=1)
    yield ""
    yield _bans(db, now)
    yield _players(db, now)
    granted, refused = tally.granted.total(), tally.refused.total()
    yield (
        f"lines    {granted + refused + tally.lines_bad}: {granted} granted, "
        f"{refused} refused, {tally.lines_bad} bad"
    )
    if tally.lines_before:
        yield f"before   {tally.lines_before}, played by an earlier run"
    if granted + refused + tally.lines_before:
        yield f"time     {format_time(now.micros)}"


def _servers(
    db: qsdb.Database, tally: Tally, now: Timestamp
) -> Iterator[tuple[str, ...]]:
    """Yield a row of cells for each registered server, by id."""
    with db.read() as tx:
        presence = tx[PlayerServerPresence]
        for server in sorted(tx[ServerRegistry], key=lambda each: each.server_id):
            server_id = server.server_id
            is_degraded = server.status == "online" and server.is_degraded(now)
            yield (
                server_id,
                server.region,
                server.game_mode,
                "degraded" if is_degraded else server.status,
                f"{server.online_count}/{server.max_players}",
                str(presence.server_id.count(server_id)),
                str(tally.heartbeats[server_id]),
                str(tally.joins[server_id]),
                str(tally.refusals[server_id]),
                f"{span((now - server.last_heartbeat).micros)} ago",
            )


def _kinds(tally: Tally) -> Iterator[tuple[str, ...]]:
    """Yield a row of cells for each kind of event."""
    for kind in KINDS:
        reasons = {
            reason: count
            for (each, reason), count in sorted(tally.refused.items())
            if each == kind
        }
        yield (
            kind,
            str(tally.granted[kind]),
            str(sum(reasons.values())),
            ", ".join(f"{reason} {count}" for reason, count in reasons.items()),
        )


def _bans(db: qsdb.Database, now: Timestamp) -> str:
    with db.read() as tx:
        bans = list(tx[BanEntry])
    active = sum(ban.is_active(now) for ban in bans)
    revoked = sum(ban.revoked for ban in bans)
    expired = len(bans) - active - revoked
    return (
        f"bans     {len(bans)}: {active} active, {revoked} revoked, {expired} expired"
    )


def _players(db: qsdb.Database, now: Timestamp) -> str:
    with db.read() as tx:
        rows = list(tx[PlayerServerPresence])
    stale = sum(row.is_stale(now) for row in rows)
    return f"players  {len(rows)} present, of these {stale} not shown for over 90 s"


def _table(
    titles: Sequence[str], rows: Iterator[tuple[str, ...]], left_count: int
) -> Iterator[str]:
    """Yield aligned lines: `left_count` columns and the last to the left."""
    cells = [tuple(titles), *(tuple(map(plain, row)) for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        parts = [
            cell.ljust(width)
            if place < left_count or place == len(widths) - 1
            else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(parts).rstrip()
