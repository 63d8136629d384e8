"""Whether a version is for a server: its version, its game and the game's engine.

A server says its version and its game when it registers with the platform, and the
registry knows both from its mirror. The engine of a game nobody says; the owner
tells it once for each game, and needs to only for mods that name engines.
"""

import qsdb
from examples.qsbridge.hub.refusals import refusal
from examples.qsbridge.mods.extensions import GameEngine, ServerMirror
from examples.qsbridge.mods.finding import project_by_id
from examples.qsbridge.mods.guards import require_owner
from examples.qsbridge.mods.limits import ALL, check_id
from examples.qsbridge.mods.semver import loose_precedence, precedence
from examples.qsbridge.mods.tables import ModVersion, registry

__all__ = [
    "check_compatible",
    "game_engine_remove",
    "game_engine_set",
    "server_by_id",
]


@registry.reducer
def game_engine_set(ctx: qsdb.ReducerContext, game_module: str, engine: str) -> None:
    """Say on which engine a game runs, ``ue4`` for example.

    Raises:
        ReducerError: NotAuthorized, not the owner; InvalidArgument.
    """
    require_owner(ctx)
    check_id("game_module", game_module)
    check_id("engine", engine)
    if engine == ALL:
        raise refusal("InvalidArgument", "engine is '*'; a game runs on one engine")
    ctx.db[GameEngine].upsert(GameEngine(game_module, engine))


@registry.reducer
def game_engine_remove(ctx: qsdb.ReducerContext, game_module: str) -> None:
    """Forget the engine of a game.

    Raises:
        ReducerError: NotAuthorized, not the owner; NotFound.
    """
    require_owner(ctx)
    if not ctx.db[GameEngine].delete_by_key(game_module):
        raise refusal("NotFound", f"the engine of {game_module!r} is not known")


def server_by_id(db: qsdb.Transaction, server_id: str) -> ServerMirror:
    """Give a server of the platform.

    Raises:
        ReducerError: NotFound, the mirror has none of this id.
    """
    server = db[ServerMirror].get(server_id)
    if server is None:
        raise refusal("NotFound", f"the platform has no server {server_id!r}")
    return server


def check_compatible(
    db: qsdb.Transaction, server: ServerMirror, version: ModVersion
) -> None:
    """Check that a version is for a server.

    Raises:
        ReducerError: Conflict, with what the version asks and what the server is.
    """
    named = f"{project_by_id(db, version.project_id).slug} {version.version}"
    _check_platform(server, version, named)
    if version.games != (ALL,) and server.game_module not in version.games:
        raise refusal(
            "Conflict",
            f"{named} is for {', '.join(version.games)}, and {server.server_id!r} "
            f"runs {server.game_module}",
        )
    if version.engines == (ALL,):
        return
    game = db[GameEngine].get(server.game_module)
    if game is None or game.engine not in version.engines:
        runs_on = "an engine that is not known" if game is None else game.engine
        raise refusal(
            "Conflict",
            f"{named} is for {', '.join(version.engines)}, and {server.game_module} "
            f"of {server.server_id!r} runs on {runs_on}",
        )


def _check_platform(server: ServerMirror, version: ModVersion, named: str) -> None:
    if not version.platform_min:
        return
    has = loose_precedence(server.version)
    if has is None or has < precedence(version.platform_min):
        raise refusal(
            "Conflict",
            f"{named} is for version {version.platform_min} or newer, and "
            f"{server.server_id!r} has {server.version!r}",
        )
