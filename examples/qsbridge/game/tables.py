"""The game's module and its tables: where players are, and how they are.

A player is *in the world* when he has a position; then he has vitals too, and a server.
A character that is not in the world may be stored. It is in the world or stored, never
both.

The public wiki gives the columns of `PlayerPosition`, but for the last one, those of
`SecurityEvent`, but for the first and the last, and the name of `ChatLog`; the rest is
ours. Distances are in metres.
"""

from typing import Final

import qsdb
from examples.qsbridge.game.outbox import outbox
from qsdb import Identity, ScheduleAt, Timestamp, f64, u32, u64

__all__ = [
    "HEALTH_MAX",
    "HUNGER_MAX",
    "ChatLog",
    "GameServer",
    "HungerSchedule",
    "PlatformBan",
    "PlayerPosition",
    "PlayerVitals",
    "SecurityEvent",
    "StoredCharacter",
    "survival",
]

survival: Final = qsdb.Module("qs-bridge-survival")
survival.mount("outbox", outbox)

HEALTH_MAX: Final = 100
HUNGER_MAX: Final = 100
"""At 0 a player is fed."""


class GameServer(qsdb.Row, module=survival):
    """A server that runs this game, and the identity that its bridge has here."""

    server_id: str = qsdb.primary_key()
    identity: Identity = qsdb.unique()


class PlayerPosition(qsdb.Row, module=survival, public=True):
    """Where a player is; the row is there while he is in the world."""

    player_id: str = qsdb.primary_key()
    x: f64
    y: f64
    z: f64
    moved_at: Timestamp


class PlayerVitals(qsdb.Row, module=survival, public=True):
    """How a player is; nobody in the world has a health of 0."""

    player_id: str = qsdb.primary_key()
    server_id: str = qsdb.index()
    health: u32
    hunger: u32


class StoredCharacter(qsdb.Row, module=survival):
    """A character out of the world."""

    player_id: str = qsdb.primary_key()
    server_id: str
    """Where he was."""
    snapshot: str
    """See `snapshots`."""
    is_captured: bool
    """Whether it is on its way to another server, and may not come back here."""
    stored_at: Timestamp


class SecurityEvent(
    qsdb.Row,
    module=survival,
    indexes=[qsdb.BTree("player_id", "event_type", "timestamp", name="by_player")],
):
    """Something that the anti-cheat has seen; it records and never bans."""

    event_id: u64 = qsdb.primary_key(auto_inc=True)
    player_id: str
    server_id: str
    event_type: str
    severity: u32
    """1 to 10."""
    evidence: str
    """A JSON object as text."""
    timestamp: Timestamp
    is_posted: bool
    """Whether the platform is told of it."""


class ChatLog(qsdb.Row, module=survival, public=True):
    """What was said, on which server; never changed."""

    message_id: u64 = qsdb.primary_key(auto_inc=True)
    player_id: str = qsdb.index()
    server_id: str = qsdb.index()
    text: str
    sent_at: Timestamp


class PlatformBan(qsdb.Row, module=survival):
    """A player whom the platform has banned, as `bans` has copied it."""

    player_id: str = qsdb.primary_key()
    expires_at: Timestamp | None

    def is_active(self, now: Timestamp) -> bool:
        """Tell whether the ban has not expired."""
        return self.expires_at is None or self.expires_at > now


class HungerSchedule(qsdb.Row, module=survival, scheduled="grow_hungry"):
    """One row, made by `init`."""

    scheduled_id: u64 = qsdb.primary_key(auto_inc=True)
    scheduled_at: ScheduleAt
