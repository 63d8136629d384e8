"""The platform's module and its twelve tables, as documented.

Columns, kinds, keys and their order are those of the public wiki
(``platform/tables/…``), and so are the indexes, but for three that are added: with
them, sweeps do not read a whole history. All tables are public there: any client
may subscribe, also to `ServerConfig.password_hash`. Only `server_config` is local to
a server; the other tables are global.

Statuses are texts in the documented tables; the sets that are admitted stand
beside the table. Some rows answer a question about themselves at a given time;
nothing of the answer is stored, so nothing has to be swept for it to change.
"""

import enum
from typing import Final

import qsdb
from qsdb import Identity, TimeDuration, Timestamp, u32, u64

__all__ = [
    "EVENT_STATUSES",
    "OPEN_TRANSFERS",
    "SERVER_STATUSES",
    "SESSION_MAX",
    "SILENCE_MAX",
    "TRANSFER_STATUSES",
    "AdminLevel",
    "AdminRole",
    "AdminRoleLevel",
    "BanEntry",
    "CrossServerEvent",
    "GlobalVault",
    "ModuleConfig",
    "PanelAuditLog",
    "PanelSession",
    "PlayerServerPresence",
    "ServerConfig",
    "ServerRegistry",
    "ServerTransferQueue",
    "WhitelistEntry",
    "platform",
]

platform: Final = qsdb.Module("qs-bridge-platform")

SILENCE_MAX: Final = TimeDuration.from_seconds(90)
"""Three missed heartbeats: a server silent for longer is shown as degraded."""
SESSION_MAX: Final = TimeDuration.from_seconds(8 * 3600)
"""The life of a panel session and of its cookie."""


SERVER_STATUSES: Final = ("online", "offline", "restarting", "wiping")
TRANSFER_STATUSES: Final = ("pending", "in_transit", "completed", "failed")
OPEN_TRANSFERS: Final = ("pending", "in_transit")
"""Statuses of a transfer that has not ended."""
EVENT_STATUSES: Final = ("scheduled", "active", "completed")


class AdminRoleLevel(enum.Enum):
    """What a role lets an admin do, from the most to the least."""

    Owner = 0
    Admin = 1
    Moderator = 2


class AdminLevel(enum.Enum):
    """What a panel session lets an admin do, from the most to the least.

    A viewer only reads.
    """

    Owner = 0
    Admin = 1
    Moderator = 2
    Viewer = 3

    def suffices_for(self, least: "AdminLevel") -> bool:
        """Tell whether it is `least` or a level above."""
        levels = list(AdminLevel)
        return levels.index(self) <= levels.index(least)


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


class WhitelistEntry(qsdb.Row, module=platform, public=True):
    """A player whom every server with a whitelist admits."""

    entry_id: u64 = qsdb.primary_key(auto_inc=True)
    player_id: str = qsdb.unique()
    added_by: str
    added_at: Timestamp


class AdminRole(qsdb.Row, module=platform, public=True):
    """The one role that a player has, if any."""

    role_id: u64 = qsdb.primary_key(auto_inc=True)
    player_id: str = qsdb.unique()
    role: AdminRoleLevel
    granted_by: str
    granted_at: Timestamp


class ModuleConfig(qsdb.Row, module=platform, public=True):
    """One row, written by `init` and never changed: the root of trust."""

    owner_identity: Identity


class PanelSession(qsdb.Row, module=platform, public=True):
    """An admin who is logged in to the panel: at most one session for each."""

    player_id: str = qsdb.primary_key()
    display_name: str
    admin_level: AdminLevel
    connected_at: Timestamp
    last_activity: Timestamp

    def has_expired(self, now: Timestamp) -> bool:
        """Tell whether it began more than 8 h ago; its cookie ends then too."""
        return now - self.connected_at > SESSION_MAX


class PanelAuditLog(qsdb.Row, module=platform, public=True):
    """Who did what; rows are added and never changed or deleted."""

    log_id: u64 = qsdb.primary_key(auto_inc=True)
    actor_player_id: str
    action: str
    details: str
    """A JSON object as text; its key `summary` is a sentence."""
    timestamp: Timestamp


class PlayerServerPresence(qsdb.Row, module=platform, public=True):
    """Where a player is: at most one row per player, so at most one server."""

    player_id: str = qsdb.primary_key()
    server_id: str = qsdb.index()
    connected_at: Timestamp
    last_heartbeat: Timestamp

    def is_stale(self, now: Timestamp) -> bool:
        """Tell whether the row is too old to keep its player from other servers."""
        return now - self.last_heartbeat > SILENCE_MAX


class GlobalVault(qsdb.Row, module=platform, public=True):
    """One item in a player's vault; what it is, only games know."""

    vault_id: u64 = qsdb.primary_key(auto_inc=True)
    player_id: str = qsdb.index()
    item_data: str
    """JSON text that nobody here reads."""
    slot: u32
    deposited_at: Timestamp
    source_server_id: str


class ServerTransferQueue(
    qsdb.Row,
    module=platform,
    public=True,
    indexes=[
        qsdb.BTree("player_id", "status", name="by_player"),
        qsdb.BTree("status", "requested_at", name="by_status"),
    ],
):
    """A character's way from one server to another; ended ones stay as history.

    ``pending → in_transit → completed``, and ``failed`` from either of the first.
    The two further indexes find the few that are open among all that have ended.
    """

    transfer_id: u64 = qsdb.primary_key(auto_inc=True)
    player_id: str = qsdb.index()
    from_server_id: str
    to_server_id: str
    status: str
    character_snapshot: str
    """JSON text, empty until the source has captured it."""
    requested_at: Timestamp
    completed_at: Timestamp | None
    """When it ended, well or not."""

    @property
    def is_open(self) -> bool:
        """Whether it has not ended."""
        return self.status in OPEN_TRANSFERS


class CrossServerEvent(qsdb.Row, module=platform, public=True):
    """Something that happens on several servers: ``scheduled → active → completed``."""

    event_id: u64 = qsdb.primary_key(auto_inc=True)
    event_type: str
    title: str
    description: str
    participating_servers: tuple[str, ...]
    start_at: Timestamp
    end_at: Timestamp | None
    """None: until somebody completes it."""
    status: str = qsdb.index()
    """An index, so that sweeps do not read those that are over."""
    metadata: str
    """JSON text."""
