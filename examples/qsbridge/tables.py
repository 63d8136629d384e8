"""The platform's module and its tables, as documented.

Columns, kinds, keys and their order are those of the public wiki
(``platform/tables/…``). All tables are public there: any client may subscribe,
also to `ServerConfig.password_hash`. Only `server_config` is local to a server;
the other tables are global.

Three rows answer a question about themselves at a given time; nothing of the
answer is stored, so nothing has to be swept for it to change.
"""

from typing import Final

import qsdb
from qsdb import Identity, TimeDuration, Timestamp, u32, u64

__all__ = [
    "SILENCE_MAX",
    "BanEntry",
    "ModuleConfig",
    "PlayerServerPresence",
    "ServerConfig",
    "ServerRegistry",
    "platform",
]

platform: Final = qsdb.Module("qs-bridge-platform")

SILENCE_MAX: Final = TimeDuration.from_seconds(90)
"""Three missed heartbeats: a server silent for longer is shown as degraded."""


class ServerRegistry(qsdb.Row, module=platform, public=True):
    """The master directory: one row per server, with its two identifiers."""

    server_id: str = qsdb.primary_key()
    stdb_identity: Identity = qsdb.unique()
    display_name: str
    region: str
    game_module: str
    game_mode: str
    hosting_id: str
    status: str
    last_heartbeat: Timestamp
    version: str
    max_players: u32
    online_count: u32
    wipe_schedule: str
    config_template_id: str

    def is_degraded(self, now: Timestamp) -> bool:
        """Tell whether the last heartbeat is older than 90 s."""
        return now - self.last_heartbeat > SILENCE_MAX


class ServerConfig(qsdb.Row, module=platform, public=True):
    """Settings of one server; its `max_players` is the limit that is enforced."""

    server_id: str = qsdb.primary_key()
    server_name: str
    max_players: u32
    password_hash: str
    whitelist_enabled: bool
    motd: str


class BanEntry(qsdb.Row, module=platform, public=True):
    """One ban, active or not; unbanning keeps the row as history."""

    ban_id: u64 = qsdb.primary_key(auto_inc=True)
    player_id: str = qsdb.index()
    player_name: str
    reason: str
    banned_by: str
    banned_at: Timestamp
    expires_at: Timestamp | None
    revoked: bool
    revoked_by: str
    revoked_at: Timestamp | None

    def is_active(self, now: Timestamp) -> bool:
        """Tell whether the ban is neither revoked nor expired."""
        return not self.revoked and (self.expires_at is None or self.expires_at > now)


class PlayerServerPresence(qsdb.Row, module=platform, public=True):
    """Where a player is: at most one row per player, so at most one server."""

    player_id: str = qsdb.primary_key()
    server_id: str = qsdb.index()
    connected_at: Timestamp
    last_heartbeat: Timestamp

    def is_stale(self, now: Timestamp) -> bool:
        """Tell whether the row is too old to keep its player from other servers."""
        return now - self.last_heartbeat > SILENCE_MAX


class ModuleConfig(qsdb.Row, module=platform, public=True):
    """One row, written by `init` and never changed: the root of trust."""

    owner_identity: Identity
