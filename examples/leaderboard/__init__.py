"""Leaderboard: players, their guilds and scores; the module that is watched here.

Its reducers are for the game's server, which calls them as the owner of the database:
a client that could call `score` would soon be first.
"""

from typing import Final

import qsdb
from qsdb import u32, u64

__all__ = [
    "Guild",
    "Membership",
    "Player",
    "come_online",
    "go_offline",
    "join_guild",
    "leaderboard",
    "leave_guild",
    "score",
]

POINTS_MAX: Final = 1000
"""Nobody scores more at once."""

leaderboard = qsdb.Module("leaderboard")


class Player(qsdb.Row, module=leaderboard, public=True):
    """Somebody who plays."""

    id: u64 = qsdb.primary_key()
    name: str
    score: u32 = qsdb.index(default=0)
    online: bool = False


class Guild(qsdb.Row, module=leaderboard, public=True):
    """A guild that players may join."""

    name: str = qsdb.primary_key()


class Membership(qsdb.Row, module=leaderboard, public=True):
    """That a player is in a guild; nobody is in two."""

    player: u64 = qsdb.primary_key()
    guild: str = qsdb.index()


@leaderboard.reducer(private=True)
def score(ctx: qsdb.ReducerContext, player: u64, points: u32) -> u32:
    """Add points to an online player's score, and give the sum."""
    if not 1 <= points <= POINTS_MAX:
        raise qsdb.ReducerError(f"points are 1 to {POINTS_MAX}, not {points}")
    old = _player(ctx, player)
    if not old.online:
        raise qsdb.ReducerError(f"player {player} is offline, and scores nothing")
    return ctx.db[Player].update(old.replace(score=old.score + points)).score


@leaderboard.reducer(private=True)
def come_online(ctx: qsdb.ReducerContext, player: u64) -> None:
    """Have a player online; one who is already stays so."""
    ctx.db[Player].update(_player(ctx, player).replace(online=True))


@leaderboard.reducer(private=True)
def go_offline(ctx: qsdb.ReducerContext, player: u64) -> None:
    """Have a player offline; one who is already stays so."""
    ctx.db[Player].update(_player(ctx, player).replace(online=False))


@leaderboard.reducer(private=True)
def join_guild(ctx: qsdb.ReducerContext, player: u64, guild: str) -> None:
    """Have a player in a guild, who must be in none."""
    _player(ctx, player)
    if ctx.db[Guild].get(guild) is None:
        raise qsdb.ReducerError(f"there is no guild {guild!r}")
    old = ctx.db[Membership].get(player)
    if old is not None:
        raise qsdb.ReducerError(f"player {player} is in a guild, {old.guild!r}")
    ctx.db[Membership].insert(Membership(player, guild))


@leaderboard.reducer(private=True)
def leave_guild(ctx: qsdb.ReducerContext, player: u64) -> None:
    """Have a player in no guild any more."""
    if not ctx.db[Membership].delete_by_key(player):
        raise qsdb.ReducerError(f"player {player} is in no guild")


def _player(ctx: qsdb.ReducerContext, player: int) -> Player:
    found = ctx.db[Player].get(player)
    if found is None:
        raise qsdb.ReducerError(f"there is no player {player}")
    return found
