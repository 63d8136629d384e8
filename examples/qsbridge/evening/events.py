"""What an event is, and how the event file writes it.

Each line of the file is one JSON object. It has `at` (a time in RFC 3339, or a
whole number of microseconds since 1970) and `kind`; the rest goes by kind:

========= ====================================================================
register  server, display_name, region, game_module, game_mode, hosting_id,
          version, max_players, wipe_schedule, config_template_id
heartbeat server, online_count
join      server, player
beat      server, players (an array: who is on that server)
leave     server, player
ban       player, name, reason, hours (null: for ever)
unban     player
========= ====================================================================

Bans are the owner's, unless the line has a `server`, whose bridge then calls.
Any line with a server may name a `bridge`, which is the connection that makes
the call; left out, it is named like the server. Two bridges are two identities,
so that a line can show a stranger who claims a server that is not his.

What a field means to the platform (an empty id, a limit of 0 players) is not
looked at here: reducers judge that, and their refusals are results.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

__all__ = [
    "EPOCH",
    "MICROSECOND",
    "BadLine",
    "Ban",
    "Beat",
    "Event",
    "Heartbeat",
    "Join",
    "Leave",
    "Register",
    "Unban",
    "format_time",
]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no event, and why."""

    line: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Event:
    """What every event has. `line` counts from 1; `at` is in microseconds."""

    kind: ClassVar[str]
    line: int
    at: int
    server: str | None
    bridge: str | None
    """Name of the calling bridge; None is the owner of the database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Register(_Event):
    """A bridge registers its server."""

    kind: ClassVar[str] = "register"
    server: str
    display_name: str
    region: str
    game_module: str
    game_mode: str
    hosting_id: str
    version: str
    max_players: int
    wipe_schedule: str
    config_template_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(_Event):
    """A bridge says that its server is alive."""

    kind: ClassVar[str] = "heartbeat"
    server: str
    online_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Join(_Event):
    """A player wants to enter a server."""

    kind: ClassVar[str] = "join"
    server: str
    player: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat(_Event):
    """A bridge says which players are still there."""

    kind: ClassVar[str] = "beat"
    server: str
    players: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leave(_Event):
    """A player has left a server."""

    kind: ClassVar[str] = "leave"
    server: str
    player: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban(_Event):
    """An admin bans a player from all servers."""

    kind: ClassVar[str] = "ban"
    player: str
    name: str
    reason: str
    hours: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unban(_Event):
    """An admin lifts a player's bans."""

    kind: ClassVar[str] = "unban"
    player: str


Event = Register | Heartbeat | Join | Beat | Leave | Ban | Unban


def format_time(micros: int) -> str:
    """Give a time in RFC 3339, in UTC, with as many digits as it needs.

    >>> format_time(1_500_000)
    '1970-01-01T00:00:01.500000Z'
    """
    text = (EPOCH + micros * MICROSECOND).isoformat()
    return text.removesuffix("+00:00") + "Z"
