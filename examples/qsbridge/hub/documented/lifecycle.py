"""Lifecycle: the platform's beginning, and servers that register and stay alive.

Names and effects are documented. The arguments of `server_register` and
`server_heartbeat` are not shown there, nor is any limit or refusal; where the
wiki is silent, the choice stands in the docstring.
"""

from typing import Final

import qsdb
from examples.qsbridge.hub.extensions import AwayBridge, SweepSchedule
from examples.qsbridge.hub.guards import require_bridge
from examples.qsbridge.hub.limits import (
    check_count,
    check_id,
    check_server_id,
    check_text,
)
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.tables import (
    SILENCE_MAX,
    ModuleConfig,
    ServerConfig,
    ServerRegistry,
    platform,
)
from qsdb import ScheduleAt, TimeDuration, u32

__all__ = ["SWEEP_INTERVAL", "init", "server_heartbeat", "server_register"]

SWEEP_INTERVAL: Final = TimeDuration.from_seconds(30)


@platform.init
def init(ctx: qsdb.ReducerContext) -> None:
    """Write down the publisher as the owner, and have the database sweep."""
    ctx.db[ModuleConfig].insert(ModuleConfig(owner_identity=ctx.sender))
    ctx.db[SweepSchedule].insert(
        SweepSchedule(scheduled_at=ScheduleAt.interval(SWEEP_INTERVAL))
    )


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
    A server's settings are made when they are missing and never overwritten, and
    lead: a server that registers again keeps the limit that they give.

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
    ctx.db[AwayBridge].delete_by_key(server_id)
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
    ctx.db[AwayBridge].delete_by_key(server.server_id)
    ctx.db[ServerRegistry].update(
        server.replace(
            status="online", last_heartbeat=ctx.timestamp, online_count=online_count
        )
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
    silence = ctx.timestamp - old.last_heartbeat
    if silence < SILENCE_MAX:
        raise refusal(
            "Conflict",
            f"{server_id!r} belongs to another bridge, heard "
            f"{max(silence.micros, 0) // 1_000_000} s ago; "
            "it is free after 90 s of silence",
        )
    return old


def _config(
    ctx: qsdb.ReducerContext, server_id: str, server_name: str, max_players: int
) -> ServerConfig:
    """Give the server's settings, made now where they are missing."""
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
