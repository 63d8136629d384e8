"""The reducers that the wiki names, as far as this example has them.

Names and effects are documented. The arguments of `server_register` and
`server_heartbeat` are not shown there, nor is any limit or refusal; where the
wiki is silent, the choice stands in the docstring.
"""

import qsdb
from examples.qsbridge.guards import require_admin, require_bridge
from examples.qsbridge.limits import (
    REASON_CHARS_MAX,
    check_count,
    check_id,
    check_server_id,
    check_text,
)
from examples.qsbridge.refusals import refusal
from examples.qsbridge.tables import (
    SILENCE_MAX,
    BanEntry,
    ModuleConfig,
    ServerConfig,
    ServerRegistry,
    platform,
)
from qsdb import Timestamp, u32, u64

__all__ = ["admin_ban", "admin_unban", "init", "server_heartbeat", "server_register"]

HOUR_MICROS = 3_600_000_000


@platform.init
def init(ctx: qsdb.ReducerContext) -> None:
    """Write down the publisher as the owner."""
    ctx.db[ModuleConfig].insert(ModuleConfig(owner_identity=ctx.sender))


@platform.reducer
def server_register(  # noqa: PLR0913, PLR0917  one for each thing a server tells
    ctx: qsdb.ReducerContext,
    server_id: str,
    display_name: str,
    region: str,
    game_module: str,
    game_mode: str,
    hosting_id: str,
    version: str,
    max_players: u32,
    wipe_schedule: str,
    config_template_id: str,
) -> None:
    """Bind a server's id to the calling bridge and mark the server online.

    Any identity may register: that is how a bridge becomes one. Empty
    `hosting_id`, `wipe_schedule` and `config_template_id` keep what is stored.
    A server's config is made when it is missing and never overwritten, and
    leads: a server that registers again keeps the limit its config has.

    Raises:
        ReducerError: InvalidArgument; Conflict, the caller is bound to another
            id, or the id to another bridge that was heard less than 90 s ago.
    """
    check_server_id(server_id)
    check_id("display_name", display_name)
    check_id("region", region)
    check_id("game_module", game_module)
    check_id("game_mode", game_mode)
    check_text("hosting_id", hosting_id)
    check_id("version", version)
    check_count("max_players", max_players)
    check_text("wipe_schedule", wipe_schedule)
    check_text("config_template_id", config_template_id)
    old = _claimable_server(ctx, server_id)
    config = _config(ctx, server_id, display_name, max_players)
    ctx.db[ServerRegistry].upsert(
        ServerRegistry(
            server_id=server_id,
            stdb_identity=ctx.sender,
            display_name=display_name,
            region=region,
            game_module=game_module,
            game_mode=game_mode,
            hosting_id=hosting_id or (old.hosting_id if old else ""),
            status="online",
            last_heartbeat=ctx.timestamp,
            version=version,
            max_players=config.max_players,
            online_count=0,
            wipe_schedule=wipe_schedule or (old.wipe_schedule if old else ""),
            config_template_id=config_template_id
            or (old.config_template_id if old else ""),
        )
    )


@platform.reducer
def server_heartbeat(ctx: qsdb.ReducerContext, online_count: u32) -> None:
    """Note that the caller's server is alive, and how many players it has.

    The count is stored as given. Whatever the status was, it becomes online.

    Raises:
        ReducerError: NotAuthorized, the caller is no registered bridge.
    """
    server = require_bridge(ctx)
    ctx.db[ServerRegistry].update(
        server.replace(
            status="online", last_heartbeat=ctx.timestamp, online_count=online_count
        )
    )


@platform.reducer
def admin_ban(
    ctx: qsdb.ReducerContext,
    player_id: str,
    player_name: str,
    reason: str,
    duration_hours: u64 | None,
) -> None:
    """Ban a player from all servers, for some hours or (None) for ever.

    A player may have several active bans. Whoever is on a server stays there
    until the server's bridge, seeing the row, lets the player leave.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor a registered bridge;
            InvalidArgument.
    """
    actor = require_admin(ctx)
    check_id("player_id", player_id)
    check_id("player_name", player_name)
    check_text("reason", reason, REASON_CHARS_MAX)
    ctx.db[BanEntry].insert(
        BanEntry(
            player_id=player_id,
            player_name=player_name,
            reason=reason,
            banned_by=actor,
            banned_at=ctx.timestamp,
            expires_at=_expiry(ctx.timestamp, duration_hours),
            revoked=False,
            revoked_by="",
            revoked_at=None,
        )
    )


@platform.reducer
def admin_unban(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Revoke all of a player's active bans.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor a registered bridge;
            InvalidArgument; NotFound, the player has no active ban.
    """
    actor = require_admin(ctx)
    check_id("player_id", player_id)
    bans = ctx.db[BanEntry]
    active = [
        ban for ban in bans.player_id.filter(player_id) if ban.is_active(ctx.timestamp)
    ]
    if not active:
        raise refusal("NotFound", f"player {player_id!r} has no active ban")
    for ban in active:
        bans.update(
            ban.replace(revoked=True, revoked_by=actor, revoked_at=ctx.timestamp)
        )


def _claimable_server(
    ctx: qsdb.ReducerContext, server_id: str
) -> ServerRegistry | None:
    """Give the row that the caller is about to renew or take over, if there is one."""
    servers = ctx.db[ServerRegistry]
    bound = servers.stdb_identity.find(ctx.sender)
    if bound is not None and bound.server_id != server_id:
        raise refusal("Conflict", f"the caller is registered as {bound.server_id!r}")
    old = servers.get(server_id)
    if old is None or old.stdb_identity == ctx.sender:
        return old
    if ctx.timestamp - old.last_heartbeat < SILENCE_MAX:
        raise refusal("Conflict", f"{server_id!r} belongs to another bridge")
    return old


def _config(
    ctx: qsdb.ReducerContext, server_id: str, server_name: str, max_players: int
) -> ServerConfig:
    """Give the server's config, made now where it is missing."""
    configs = ctx.db[ServerConfig]
    return configs.get(server_id) or configs.insert(
        ServerConfig(
            server_id=server_id,
            server_name=server_name,
            max_players=max_players,
            password_hash="",
            whitelist_enabled=False,
            motd="",
        )
    )


def _expiry(now: Timestamp, hours: int | None) -> Timestamp | None:
    """Give the end of a ban that begins now."""
    if hours is None:
        return None
    if hours == 0:
        raise refusal("InvalidArgument", "duration_hours is 0; None bans for ever")
    try:
        return Timestamp.from_micros(now.micros + hours * HOUR_MICROS)
    except OverflowError as error:
        raise refusal(
            "InvalidArgument", f"duration_hours is {hours}, beyond the end of time"
        ) from error
