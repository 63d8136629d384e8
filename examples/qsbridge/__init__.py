"""QS-Bridge on qsdb: the shared database of a cluster of game servers.

`platform` is the hub's module (`hub`): twelve documented tables, a few beside
them, and the reducers that act on them. What runs on top of it is not imported here.
"""

from examples.qsbridge.evening.playing import EventSource, play_event
from examples.qsbridge.hub.documented.lifecycle import (
    init,
    server_heartbeat,
    server_register,
)
from examples.qsbridge.hub.documented.moderation import (
    admin_ban,
    admin_kick,
    admin_unban,
    admin_whitelist_add,
    admin_whitelist_remove,
)
from examples.qsbridge.hub.documented.panel import (
    panel_announcement,
    panel_ban_player,
    panel_kick_player,
    panel_set_max_players,
    panel_set_motd,
    panel_set_password,
    panel_toggle_whitelist,
    panel_unban_player,
)
from examples.qsbridge.hub.documented.roles import admin_grant_role, admin_revoke_role
from examples.qsbridge.hub.documented.sessions import (
    panel_end_session,
    panel_log_action,
    panel_register_session,
)
from examples.qsbridge.hub.documented.settings import (
    admin_set_max_players,
    admin_set_motd,
    admin_set_password,
    admin_toggle_whitelist,
)
from examples.qsbridge.hub.extensions import (
    BridgeCommand,
    PlayerMovement,
    SweepSchedule,
)
from examples.qsbridge.hub.suggested.announcements import (
    admin_announce,
    bridge_command_ack,
)
from examples.qsbridge.hub.suggested.panel import (
    panel_grant_role,
    panel_revoke_role,
    panel_set_server_name,
    panel_whitelist_add,
    panel_whitelist_remove,
)
from examples.qsbridge.hub.suggested.presence import (
    presence_beat,
    presence_join,
    presence_leave,
)
from examples.qsbridge.hub.suggested.server_names import admin_set_server_name
from examples.qsbridge.hub.suggested.sweeps import sweep
from examples.qsbridge.hub.suggested.transfers import (
    transfer_complete,
    transfer_fail,
    transfer_request,
    transfer_snapshot,
)
from examples.qsbridge.hub.tables import (
    SILENCE_MAX,
    AdminLevel,
    AdminRole,
    AdminRoleLevel,
    BanEntry,
    CrossServerEvent,
    GlobalVault,
    ModuleConfig,
    PanelAuditLog,
    PanelSession,
    PlayerServerPresence,
    ServerConfig,
    ServerRegistry,
    ServerTransferQueue,
    WhitelistEntry,
    platform,
)

__all__ = [
    "SILENCE_MAX",
    "AdminLevel",
    "AdminRole",
    "AdminRoleLevel",
    "BanEntry",
    "BridgeCommand",
    "CrossServerEvent",
    "EventSource",
    "GlobalVault",
    "ModuleConfig",
    "PanelAuditLog",
    "PanelSession",
    "PlayerMovement",
    "PlayerServerPresence",
    "ServerConfig",
    "ServerRegistry",
    "ServerTransferQueue",
    "SweepSchedule",
    "WhitelistEntry",
    "admin_announce",
    "admin_ban",
    "admin_grant_role",
    "admin_kick",
    "admin_revoke_role",
    "admin_set_max_players",
    "admin_set_motd",
    "admin_set_password",
    "admin_set_server_name",
    "admin_toggle_whitelist",
    "admin_unban",
    "admin_whitelist_add",
    "admin_whitelist_remove",
    "bridge_command_ack",
    "init",
    "panel_announcement",
    "panel_ban_player",
    "panel_end_session",
    "panel_grant_role",
    "panel_kick_player",
    "panel_log_action",
    "panel_register_session",
    "panel_revoke_role",
    "panel_set_max_players",
    "panel_set_motd",
    "panel_set_password",
    "panel_set_server_name",
    "panel_toggle_whitelist",
    "panel_unban_player",
    "panel_whitelist_add",
    "panel_whitelist_remove",
    "platform",
    "play_event",
    "presence_beat",
    "presence_join",
    "presence_leave",
    "server_heartbeat",
    "server_register",
    "sweep",
    "transfer_complete",
    "transfer_fail",
    "transfer_request",
    "transfer_snapshot",
]
