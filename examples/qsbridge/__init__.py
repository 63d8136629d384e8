"""QS-Bridge on qsdb: what an operator of several game servers runs.

`platform` is the hub's module (`hub`): twelve documented tables, a few beside them, and
the reducers that act on them. Two parts add to it what clients call: `hosting` its
procedures, `evening` the reducer that plays an event file. `registry` is the module of
a second database (`mods`): which mods there are, and which server has which. Games have
databases of their own (`game`). What runs on top of them is not imported here: game
servers' bridges (`bridge`), `dashboard` and `simulation`.
"""

from examples.qsbridge.evening.playing import (
    EventSource,
    play_event,
)
from examples.qsbridge.hosting.procedures import (
    hosting_action,
    hosting_command,
)
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
from examples.qsbridge.hub.documented.roles import (
    admin_grant_role,
    admin_revoke_role,
)
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
    AwayBridge,
    BridgeCommand,
    KeptSnapshot,
    PlayerMovement,
    SweepSchedule,
)
from examples.qsbridge.hub.passport import (
    PASSPORT_QUERIES,
    Passport,
    passport_bans,
    passport_movements,
    passport_presence,
    passport_transfers,
    passport_vault,
    player_passport,
)
from examples.qsbridge.hub.suggested.announcements import (
    admin_announce,
    bridge_command_ack,
)
from examples.qsbridge.hub.suggested.connections import (
    client_disconnected,
)
from examples.qsbridge.hub.suggested.events import (
    event_complete,
    event_create,
    event_delete,
    event_start,
)
from examples.qsbridge.hub.suggested.inbox import (
    DeadLetter,
    InboxPosition,
    inbox_advance,
    inbox_apply,
    inbox_discard,
    inbox_retry,
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
from examples.qsbridge.hub.suggested.server_names import (
    admin_set_server_name,
)
from examples.qsbridge.hub.suggested.status import (
    server_set_status,
)
from examples.qsbridge.hub.suggested.sweeps import (
    sweep,
    sweep_commands,
    sweep_events,
    sweep_presence,
    sweep_servers,
    sweep_sessions,
    sweep_snapshots,
    sweep_transfers,
)
from examples.qsbridge.hub.suggested.transfers import (
    transfer_complete,
    transfer_fail,
    transfer_request,
    transfer_snapshot,
)
from examples.qsbridge.hub.suggested.vault import (
    vault_deposit,
    vault_withdraw,
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
from examples.qsbridge.hub.views import (
    ClusterOverview,
    Flow,
    ServerOverview,
    active_bans,
    cluster_overview,
    cluster_servers,
    population_flow,
    step_of,
)
from examples.qsbridge.mods import registry

__all__ = [
    "PASSPORT_QUERIES",
    "SILENCE_MAX",
    "AdminLevel",
    "AdminRole",
    "AdminRoleLevel",
    "AwayBridge",
    "BanEntry",
    "BridgeCommand",
    "ClusterOverview",
    "CrossServerEvent",
    "DeadLetter",
    "EventSource",
    "Flow",
    "GlobalVault",
    "InboxPosition",
    "KeptSnapshot",
    "ModuleConfig",
    "PanelAuditLog",
    "PanelSession",
    "Passport",
    "PlayerMovement",
    "PlayerServerPresence",
    "ServerConfig",
    "ServerOverview",
    "ServerRegistry",
    "ServerTransferQueue",
    "SweepSchedule",
    "WhitelistEntry",
    "active_bans",
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
    "client_disconnected",
    "cluster_overview",
    "cluster_servers",
    "event_complete",
    "event_create",
    "event_delete",
    "event_start",
    "hosting_action",
    "hosting_command",
    "inbox_advance",
    "inbox_apply",
    "inbox_discard",
    "inbox_retry",
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
    "passport_bans",
    "passport_movements",
    "passport_presence",
    "passport_transfers",
    "passport_vault",
    "platform",
    "play_event",
    "player_passport",
    "population_flow",
    "presence_beat",
    "presence_join",
    "presence_leave",
    "registry",
    "server_heartbeat",
    "server_register",
    "server_set_status",
    "step_of",
    "sweep",
    "sweep_commands",
    "sweep_events",
    "sweep_presence",
    "sweep_servers",
    "sweep_sessions",
    "sweep_snapshots",
    "sweep_transfers",
    "transfer_complete",
    "transfer_fail",
    "transfer_request",
    "transfer_snapshot",
    "vault_deposit",
    "vault_withdraw",
]
