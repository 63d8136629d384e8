"""Characters on their way from one server to another.

The platform's transfer has a step for each of these::

    transfer_request    capture_character   source: out of the world, into store
    transfer_snapshot                       source: the text, to the platform
    transfer_complete   restore_character   destination: into the world
                        forget_character    source, if its database is another one
    transfer_fail       release_character   source: `spawn` brings him back

A character is in the world or in store, never both and never twice: capturing takes it
out in the transaction that stores it, and again gives the same text, so that a bridge
that was killed in between asks once more. While it is captured it cannot come back
here. Within one game database `restore_character` takes it out of store itself.
"""

import qsdb
from examples.qsbridge.game.guards import require_player, require_server
from examples.qsbridge.game.players import enter, store
from examples.qsbridge.game.snapshots import Character
from examples.qsbridge.game.tables import StoredCharacter, survival
from examples.qsbridge.hub.limits import check_player_id
from examples.qsbridge.hub.refusals import refusal

__all__ = [
    "capture_character",
    "forget_character",
    "release_character",
    "restore_character",
]


@survival.reducer
def capture_character(ctx: qsdb.ReducerContext, player_id: str) -> str:
    """Take a player out of the world for a transfer, and give his snapshot.

    Raises:
        ReducerError: NotAuthorized, the caller is no server of this game; NotFound,
            the player is not on it; InvalidArgument.
    """
    stored = ctx.db[StoredCharacter].get(player_id)
    is_again = stored is not None and stored.is_captured
    if stored is not None and is_again and stored.server_id == require_server(ctx):
        return stored.snapshot
    return store(ctx, require_player(ctx, player_id), is_captured=True).snapshot


@survival.reducer
def release_character(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Let a captured character come back: its transfer has failed.

    Raises:
        ReducerError: NotAuthorized, the caller is no server of this game; NotFound,
            it has captured no such character; InvalidArgument.
    """
    captured = _captured(ctx, player_id)
    ctx.db[StoredCharacter].update(captured.replace(is_captured=False))


@survival.reducer
def forget_character(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Delete a captured character: it is in another game database now.

    Raises:
        ReducerError: as `release_character` does.
    """
    _captured(ctx, player_id)
    ctx.db[StoredCharacter].delete_by_key(player_id)


@survival.reducer
def restore_character(ctx: qsdb.ReducerContext, snapshot: str) -> None:
    """Bring a character that was captured into the caller's server.

    Raises:
        ReducerError: NotAuthorized, the caller is no server of this game, or the
            player is banned; InvalidArgument, the text is no snapshot of version 1
            within the bounds; AlreadyExists, the player is in the world; Conflict, he
            has another character in store, or this one was released.
    """
    server_id = require_server(ctx)
    character = Character.from_json(snapshot)
    stored = ctx.db[StoredCharacter].get(character.player_id)
    if stored is not None and not stored.is_captured:
        raise refusal(
            "Conflict",
            f"player {character.player_id!r} has a character in store that is not "
            f"on its way",
        )
    enter(ctx, server_id, character)


def _captured(ctx: qsdb.ReducerContext, player_id: str) -> StoredCharacter:
    server_id = require_server(ctx)
    check_player_id(player_id)
    stored = ctx.db[StoredCharacter].get(player_id)
    if stored is None or not stored.is_captured or stored.server_id != server_id:
        raise refusal(
            "NotFound", f"{server_id!r} has captured no character of {player_id!r}"
        )
    return stored
