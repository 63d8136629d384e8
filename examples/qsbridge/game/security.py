"""The anti-cheat: it records what it sees, and never bans.

A ban is for people to decide, and for the platform, since it holds on every server. So
what is severe is posted to the platform, in the transaction that records it, and admins
find it in the audit log.

A cheater's client repeats itself many times a second. Of one sort of event by one
player, one in a minute is posted; all are recorded.
"""

import json
from typing import Final

import qsdb
from examples.qsbridge.game.guards import require_player
from examples.qsbridge.game.outbox import post
from examples.qsbridge.game.tables import SecurityEvent, survival
from examples.qsbridge.hub.json_objects import read_object
from examples.qsbridge.hub.limits import check_bytes, check_count, check_id
from qsdb import TimeDuration, u32

__all__ = [
    "EVIDENCE_BYTES_MAX",
    "SEVERE",
    "SEVERITY_MAX",
    "record_event",
    "report_security_event",
]

SEVERE: Final = 8
"""The platform is told from this severity on."""
SEVERITY_MAX: Final = 10
EVIDENCE_BYTES_MAX: Final = 16 << 10
"""In a message, JSON in JSON, it is twice as long at most, and fits."""
POSTING_PAUSE: Final = TimeDuration.from_seconds(60)


@survival.reducer
def report_security_event(
    ctx: qsdb.ReducerContext,
    player_id: str,
    event_type: str,
    severity: u32,
    evidence: str,
) -> None:
    """Record something that the caller's server has seen of a player on it.

    `evidence` is a JSON object as text; `severity` is 1 to 10.

    Raises:
        ReducerError: NotAuthorized; NotFound, the player is not on the server;
            InvalidArgument.
    """
    server_id = require_player(ctx, player_id).vitals.server_id
    check_id("event_type", event_type)
    check_count("severity", severity, SEVERITY_MAX)
    check_bytes("evidence", evidence, EVIDENCE_BYTES_MAX)
    read_object("evidence", evidence)
    record_event(ctx, player_id, server_id, event_type, severity, evidence)


def record_event(
    ctx: qsdb.ReducerContext,
    player_id: str,
    server_id: str,
    event_type: str,
    severity: int,
    evidence: str,
) -> None:
    """Record an event, and post it if it is severe and news."""
    is_posted = severity >= SEVERE and not _was_posted(ctx, player_id, event_type)
    ctx.db[SecurityEvent].insert(
        SecurityEvent(
            player_id=player_id,
            server_id=server_id,
            event_type=event_type,
            severity=severity,
            evidence=evidence,
            timestamp=ctx.timestamp,
            is_posted=is_posted,
        )
    )
    if is_posted:
        message = {
            "player_id": player_id,
            "server_id": server_id,
            "event_type": event_type,
            "severity": severity,
            "evidence": evidence,
        }
        payload = json.dumps(message, ensure_ascii=False)
        post(ctx.within("outbox"), "security_event", payload)


def _was_posted(ctx: qsdb.ReducerContext, player_id: str, event_type: str) -> bool:
    """Tell whether the platform has heard of this within the last minute."""
    recent = (
        ctx.db[SecurityEvent]
        .index("by_player")
        .range(
            (player_id, event_type, ctx.timestamp - POSTING_PAUSE),
            (player_id, event_type, ctx.timestamp),
            include=(False, True),
        )
    )
    return any(event.is_posted for event in recent)
