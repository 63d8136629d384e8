"""Settings: what an admin sets up on one server.

The wiki shows `admin_set_password`, `admin_toggle_whitelist` and
`admin_set_max_players` without saying which server they act on, though each has
settings of its own. Here the server's id comes first. The owner may set up every
server, a bridge its own.

Each setting is a function that takes the actor's name, and a reducer that finds
out who that is; the panel's reducers (`panel`) use the functions.
"""

from typing import Final

import qsdb
from examples.qsbridge.hub.audit import write_audit
from examples.qsbridge.hub.guards import require_known_server, require_server_admin
from examples.qsbridge.hub.limits import (
    MOTD_CHARS_MAX,
    PASSWORD_CHARS_MAX,
    check_count,
    check_text,
)
from examples.qsbridge.hub.passwords import (
    SALT_BYTES,
    SCHEME,
    hash_password,
    is_hash,
)
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.hub.tables import ServerConfig, ServerRegistry, platform
from qsdb import u32

__all__ = [
    "admin_set_max_players",
    "admin_set_motd",
    "admin_set_password",
    "admin_toggle_whitelist",
    "require_config",
    "set_max_players",
    "set_motd",
    "set_password",
    "toggle_whitelist",
]

NO_PASSWORD: Final = ""


@platform.reducer
def admin_set_password(ctx: qsdb.ReducerContext, server_id: str, password: str) -> None:
    """Set a server's password; an empty one lets everybody in.

    `password` may be given as its hash (`passwords.hash_password`), and should:
    arguments are in the commit log.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor this server's bridge;
            NotFound, the server has no settings; InvalidArgument.
    """
    set_password(ctx, require_server_admin(ctx, server_id), server_id, password)


@platform.reducer
def admin_toggle_whitelist(
    ctx: qsdb.ReducerContext,
    server_id: str,
    enabled: bool,  # noqa: FBT001  an argument in its documented place
) -> None:
    """Have a server admit only players on the whitelist, or everybody.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor this server's bridge;
            NotFound, the server has no settings.
    """
    actor = require_server_admin(ctx, server_id)
    toggle_whitelist(ctx, actor, server_id, enabled=enabled)


@platform.reducer
def admin_set_max_players(
    ctx: qsdb.ReducerContext, server_id: str, max_players: u32
) -> None:
    """Set how many players a server takes; nobody is kicked.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor this server's bridge;
            NotFound, the server has no settings; InvalidArgument.
    """
    actor = require_server_admin(ctx, server_id)
    set_max_players(ctx, actor, server_id, max_players)


@platform.reducer
def admin_set_motd(ctx: qsdb.ReducerContext, server_id: str, motd: str) -> None:
    """Set the message that players see when they connect.

    Raises:
        ReducerError: NotAuthorized, neither the owner nor this server's bridge;
            NotFound, the server has no settings; InvalidArgument.
    """
    set_motd(ctx, require_server_admin(ctx, server_id), server_id, motd)


def set_password(
    ctx: qsdb.ReducerContext, actor: str, server_id: str, password: str
) -> None:
    """Set a server's password in the name of `actor`."""
    check_text("password", password, PASSWORD_CHARS_MAX)
    config = require_config(ctx, server_id)
    if not password:
        stored = NO_PASSWORD
    elif is_hash(password):
        stored = password
    elif password.startswith(SCHEME):
        raise refusal(
            "InvalidArgument",
            f"password begins with {SCHEME!r} and is no hash of hash_password",
        )
    else:
        stored = hash_password(password, ctx.random.randbytes(SALT_BYTES))
    ctx.db[ServerConfig].update(config.replace(password_hash=stored))
    done = "set" if stored else "cleared"
    write_audit(
        ctx,
        actor,
        "set_password",
        f"{done} the password of {server_id}",
        server_id=server_id,
    )


def toggle_whitelist(
    ctx: qsdb.ReducerContext, actor: str, server_id: str, *, enabled: bool
) -> None:
    """Switch a server's whitelist in the name of `actor`."""
    config = require_config(ctx, server_id)
    ctx.db[ServerConfig].update(config.replace(whitelist_enabled=enabled))
    switched = "on" if enabled else "off"
    write_audit(
        ctx,
        actor,
        "toggle_whitelist",
        f"switched the whitelist of {server_id} {switched}",
        server_id=server_id,
        enabled=enabled,
    )


def set_max_players(
    ctx: qsdb.ReducerContext, actor: str, server_id: str, max_players: int
) -> None:
    """Set a server's limit in the name of `actor`; the registry shows it too."""
    check_count("max_players", max_players)
    config = require_config(ctx, server_id)
    server = require_known_server(ctx, server_id)
    ctx.db[ServerConfig].update(config.replace(max_players=max_players))
    ctx.db[ServerRegistry].update(server.replace(max_players=max_players))
    write_audit(
        ctx,
        actor,
        "set_max_players",
        f"set the limit of {server_id} to {max_players} players",
        server_id=server_id,
        max_players=max_players,
    )


def set_motd(ctx: qsdb.ReducerContext, actor: str, server_id: str, motd: str) -> None:
    """Set a server's message in the name of `actor`."""
    check_text("motd", motd, MOTD_CHARS_MAX)
    config = require_config(ctx, server_id)
    ctx.db[ServerConfig].update(config.replace(motd=motd))
    write_audit(
        ctx,
        actor,
        "set_motd",
        f"set the message of {server_id} to {motd!r}",
        server_id=server_id,
        motd=motd,
    )


def require_config(ctx: qsdb.ReducerContext, server_id: str) -> ServerConfig:
    """Give a server's settings.

    Raises:
        ReducerError: NotFound.
    """
    config = ctx.db[ServerConfig].get(server_id)
    if config is None:
        raise refusal("NotFound", f"server {server_id!r} has no settings")
    return config
