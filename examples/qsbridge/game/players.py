"""Players in the world: they come, move, are hurt and healed, eat, die and leave.

A move is taken as the server tells it. One that is faster than any player can be is
recorded by the anti-cheat and is a move all the same: the network may have held the
player's packets back, and what follows from a record is for people to decide.
"""

import json
import math
from typing import Final

import qsdb
from examples.qsbridge.game.guards import (
    PlayerInWorld,
    require_player,
    require_server,
    require_unbanned,
)
from examples.qsbridge.game.security import SEVERITY_MAX, record_event
from examples.qsbridge.game.snapshots import Character, check_position
from examples.qsbridge.game.tables import (
    HEALTH_MAX,
    PlayerPosition,
    PlayerVitals,
    StoredCharacter,
    survival,
)
from examples.qsbridge.hub.limits import check_count, check_player_id
from examples.qsbridge.hub.refusals import refusal
from qsdb import f64, u32

__all__ = [
    "SLACK",
    "SPEED_MAX",
    "die",
    "enter",
    "feed",
    "heal",
    "hurt",
    "leave_world",
    "move",
    "spawn",
    "store",
    "take_out",
]

SPEED_MAX: Final = 12.0
"""Of a player, in metres a second."""
DAMAGE_MAX: Final = 10_000
SLACK: Final = 5.0
"""Metres that a move may be longer, whatever time has passed."""


@survival.reducer
def spawn(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Bring a player into the world, on the caller's server.

    He comes back as he was stored, or begins anew at the origin.

    Raises:
        ReducerError: NotAuthorized, the caller is no server of this game, or the
            player is banned; InvalidArgument; AlreadyExists, he is in the world;
            WrongState, his character is on its way to another server.
    """
    server_id = require_server(ctx)
    check_player_id(player_id)
    stored = ctx.db[StoredCharacter].get(player_id)
    if stored is None:
        enter(ctx, server_id, Character(player_id, 0.0, 0.0, 0.0, HEALTH_MAX, 0))
        return
    if stored.is_captured:
        raise refusal(
            "WrongState", f"player {player_id!r} is on his way to another server"
        )
    enter(ctx, server_id, Character.from_json(stored.snapshot))


@survival.reducer
def leave_world(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Take a player out of the world; `spawn` brings him back as he is now.

    Raises:
        ReducerError: as `move` does.
    """
    store(ctx, require_player(ctx, player_id), is_captured=False)


@survival.reducer
def move(ctx: qsdb.ReducerContext, player_id: str, x: f64, y: f64, z: f64) -> None:
    """Move a player; one who is too fast is recorded, and moved.

    Raises:
        ReducerError: NotAuthorized, the caller is no server of this game; NotFound,
            the player is not on it; InvalidArgument, a coordinate is not finite, or
            out of the world.
    """
    player = require_player(ctx, player_id)
    check_position(x, y, z)
    before = player.position
    distance = math.dist((before.x, before.y, before.z), (x, y, z))
    seconds = max(0, (ctx.timestamp - before.moved_at).micros) / 1e6
    admitted = SPEED_MAX * seconds + SLACK
    if distance > admitted:
        evidence = {
            "from": [before.x, before.y, before.z],
            "to": [x, y, z],
            "seconds": seconds,
            "metres": distance,
            "metres_max": admitted,
        }
        severity = min(SEVERITY_MAX, math.ceil(distance / admitted))
        server_id = player.vitals.server_id
        text = json.dumps(evidence)
        record_event(ctx, player_id, server_id, "speed", severity, text)
    ctx.db[PlayerPosition].update(PlayerPosition(player_id, x, y, z, ctx.timestamp))


@survival.reducer
def hurt(ctx: qsdb.ReducerContext, player_id: str, damage: u32) -> bool:
    """Take health from a player, and give whether that was his death.

    Raises:
        ReducerError: as `move` does; InvalidArgument, the damage is not 1 to 10,000.
    """
    vitals = require_player(ctx, player_id).vitals
    check_count("damage", damage, DAMAGE_MAX)
    if damage >= vitals.health:
        take_out(ctx, player_id)
        return True
    ctx.db[PlayerVitals].update(vitals.replace(health=vitals.health - damage))
    return False


@survival.reducer
def heal(ctx: qsdb.ReducerContext, player_id: str, amount: u32) -> None:
    """Give a player health, up to 100.

    Raises:
        ReducerError: as `move` does; InvalidArgument, the amount is not 1 to 100.
    """
    vitals = require_player(ctx, player_id).vitals
    check_count("amount", amount, HEALTH_MAX)
    health = min(HEALTH_MAX, vitals.health + amount)
    ctx.db[PlayerVitals].update(vitals.replace(health=health))


@survival.reducer
def feed(ctx: qsdb.ReducerContext, player_id: str, amount: u32) -> None:
    """Take hunger from a player, down to 0.

    Raises:
        ReducerError: as `move` does; InvalidArgument, the amount is not 1 to 100.
    """
    vitals = require_player(ctx, player_id).vitals
    check_count("amount", amount, HEALTH_MAX)
    hunger = max(0, vitals.hunger - amount)
    ctx.db[PlayerVitals].update(vitals.replace(hunger=hunger))


@survival.reducer
def die(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Have a player die: his character is gone, and `spawn` begins a new one.

    Raises:
        ReducerError: as `move` does.
    """
    require_player(ctx, player_id)
    take_out(ctx, player_id)


# What other reducers do with players.


def enter(ctx: qsdb.ReducerContext, server_id: str, character: Character) -> None:
    """Bring a character into the world, and out of store.

    Raises:
        ReducerError: NotAuthorized, the player is banned; AlreadyExists, he is in the
            world.
    """
    player_id = character.player_id
    require_unbanned(ctx, player_id)
    vitals = ctx.db[PlayerVitals].get(player_id)
    if vitals is not None:
        raise refusal(
            "AlreadyExists", f"player {player_id!r} is on {vitals.server_id!r}"
        )
    _, x, y, z, health, hunger = character
    ctx.db[PlayerPosition].insert(PlayerPosition(player_id, x, y, z, ctx.timestamp))
    ctx.db[PlayerVitals].insert(PlayerVitals(player_id, server_id, health, hunger))
    ctx.db[StoredCharacter].delete_by_key(player_id)


def take_out(ctx: qsdb.ReducerContext, player_id: str) -> None:
    """Take a player out of the world, and keep nothing of him."""
    ctx.db[PlayerPosition].delete_by_key(player_id)
    ctx.db[PlayerVitals].delete_by_key(player_id)


def store(
    ctx: qsdb.ReducerContext, player: PlayerInWorld, *, is_captured: bool
) -> StoredCharacter:
    """Take a player out of the world, and keep his character."""
    place, vitals = player
    character = Character(
        place.player_id, place.x, place.y, place.z, vitals.health, vitals.hunger
    )
    take_out(ctx, place.player_id)
    return ctx.db[StoredCharacter].insert(
        StoredCharacter(
            player_id=place.player_id,
            server_id=vitals.server_id,
            snapshot=character.to_json(),
            is_captured=is_captured,
            stored_at=ctx.timestamp,
        )
    )
