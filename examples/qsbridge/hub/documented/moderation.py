"""Moderation: bans, kicks, the whitelist and announcements.

Each action is a function that takes the actor's name, and a reducer that finds
out who that is. The panel's reducers (`panel`) use the functions, with the admin
in front of the panel as the actor.

A ban is a row that all servers see; whether it is active is computed when asked.
To throw a player out who is there, or to tell players something, a command is left
for the server's bridge.
"""

from typing import Final

import qsdb
from examples.qsbridge.hub.audit import write_audit
from examples.qsbridge.hub.commands import ALL_SERVERS, queue_command
from examples.qsbridge.hub.guards import require_admin, require_known_server
from examples.qsbridge.hub.limits import (
    REASON_CHARS_MAX,
    check_filled,
    check_id,
    check_player_id,
    check_text,
)
from examples.qsbridge.hub.movements import NOWHERE, record_movement
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.tables import (
    BanEntry,
    PlayerServerPresence,
    WhitelistEntry,
    platform,
)
from examples.qsbridge.hub.transfers import fail_open_transfer
from qsdb import Timestamp, u64

__all__ = [
    "add_to_whitelist",
    "admin_ban",
    "admin_kick",
    "admin_unban",
    "admin_whitelist_add",
    "admin_whitelist_remove",
    "announce",
    "ban_player",
    "kick_player",
    "remove_from_whitelist",
    "unban_player",
]

HOUR_MICROS: Final = 3_600_000_000


@platform.reducer
def admin_ban(
    ctx: qsdb.ReducerContext,
    player_id: str,
    player_name: str,
    reason: str,
    duration_hours: u64 | None,
) -> None:
    """Ban a player from all servers, for some hours or (None) for ever.

    A player may have several active bans. One who is on a server is to be kicked
    by its bridge, and a transfer of his ends.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor a registered bridge;
            InvalidArgument.
    """
    actor = require_admin(ctx)
    ban_player(ctx, actor, player_id, player_name, reason, duration_hours)


@platform.reducer
def admin_unban(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Revoke all of a player's active bans.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor a registered bridge;
            InvalidArgument; NotFound, the player has no active ban.
    """
    unban_player(ctx, require_admin(ctx), player_id)


@platform.reducer
def admin_kick(ctx: qsdb.ReducerContext, player_id: str, reason: str) -> None:
    """Take a player off the server that he is on, without a ban.

    He is off by the tables at once, and his server's bridge is told to throw him
    out.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor a registered bridge;
            InvalidArgument; NotFound, the player is on no server.
    """
    kick_player(ctx, require_admin(ctx), player_id, reason)


@platform.reducer
def admin_whitelist_add(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Let a player in on every server that has a whitelist.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor a registered bridge;
            InvalidArgument; AlreadyExists.
    """
    add_to_whitelist(ctx, require_admin(ctx), player_id)


@platform.reducer
def admin_whitelist_remove(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Take a player off the whitelist; whoever is on a server stays there.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor a registered bridge;
            InvalidArgument; NotFound.
    """
    remove_from_whitelist(ctx, require_admin(ctx), player_id)


def ban_player(
    ctx: qsdb.ReducerContext,
    actor: str,
    player_id: str,
    player_name: str,
    reason: str,
    duration_hours: int | None,
) -> None:
    """Ban a player in the name of `actor`."""
    check_player_id(player_id)
    check_id("player_name", player_name)
    check_text("reason", reason, REASON_CHARS_MAX)
    ban = ctx.db[BanEntry].insert(
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
    fail_open_transfer(ctx, player_id, actor, "the player is banned")
    presence = ctx.db[PlayerServerPresence].get(player_id)
    if presence is not None:
        queue_command(ctx, presence.server_id, "kick", player_id, reason)
    span = "for ever" if duration_hours is None else f"for {duration_hours} h"
    write_audit(
        ctx,
        actor,
        "ban",
        f"banned {player_name} ({player_id}) {span}" + _because(reason),
        ban_id=ban.ban_id,
        player_id=player_id,
        reason=reason,
        duration_hours=duration_hours,
    )


def unban_player(ctx: qsdb.ReducerContext, actor: str, player_id: str) -> None:
    """Revoke a player's active bans in the name of `actor`."""
    check_player_id(player_id)
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
    write_audit(
        ctx,
        actor,
        "unban",
        f"unbanned {player_id}",
        player_id=player_id,
        bans=len(active),
    )


def kick_player(
    ctx: qsdb.ReducerContext, actor: str, player_id: str, reason: str
) -> None:
    """Take a player off his server in the name of `actor`."""
    check_player_id(player_id)
    check_text("reason", reason, REASON_CHARS_MAX)
    players = ctx.db[PlayerServerPresence]
    presence = players.get(player_id)
    if presence is None:
        raise refusal("NotFound", f"player {player_id!r} is on no server")
    players.delete_by_key(player_id)
    record_movement(ctx, player_id, presence.server_id, NOWHERE, "leave")
    fail_open_transfer(ctx, player_id, actor, "the player was kicked")
    queue_command(ctx, presence.server_id, "kick", player_id, reason)
    write_audit(
        ctx,
        actor,
        "kick",
        f"kicked {player_id} from {presence.server_id}" + _because(reason),
        player_id=player_id,
        server_id=presence.server_id,
        reason=reason,
    )


def add_to_whitelist(ctx: qsdb.ReducerContext, actor: str, player_id: str) -> None:
    """Put a player on the whitelist in the name of `actor`."""
    check_player_id(player_id)
    entries = ctx.db[WhitelistEntry]
    if entries.player_id.find(player_id) is not None:
        raise refusal(
            "AlreadyExists", f"player {player_id!r} is on the whitelist already"
        )
    entries.insert(
        WhitelistEntry(player_id=player_id, added_by=actor, added_at=ctx.timestamp)
    )
    write_audit(
        ctx,
        actor,
        "whitelist_add",
        f"put {player_id} on the whitelist",
        player_id=player_id,
    )


def remove_from_whitelist(ctx: qsdb.ReducerContext, actor: str, player_id: str) -> None:
    """Take a player off the whitelist in the name of `actor`."""
    check_player_id(player_id)
    if not ctx.db[WhitelistEntry].player_id.delete(player_id):
        raise refusal("NotFound", f"player {player_id!r} is not on the whitelist")
    write_audit(
        ctx,
        actor,
        "whitelist_remove",
        f"took {player_id} off the whitelist",
        player_id=player_id,
    )


def announce(
    ctx: qsdb.ReducerContext, actor: str, server_id: str, message: str
) -> None:
    """Leave an announcement for one server, or for all, in the name of `actor`."""
    check_filled("message", message, REASON_CHARS_MAX)
    if server_id != ALL_SERVERS:
        require_known_server(ctx, server_id)
    queue_command(ctx, server_id, "announce", "", message)
    where = "everywhere" if server_id == ALL_SERVERS else f"on {server_id}"
    write_audit(
        ctx,
        actor,
        "announcement",
        f"announced {where}: {message}",
        server_id=server_id,
        message=message,
    )


def _because(reason: str) -> str:
    return f": {reason}" if reason else ""


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
