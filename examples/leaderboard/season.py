"""A season: who plays, and what they do, all of it decided by a seed.

Players with low numbers play more often than others, so those at the top of the list
come from some hundreds of them, and the list has something to tell.
"""

import random
from collections.abc import Callable
from functools import partial
from typing import Final

import qsdb
from examples.leaderboard import (
    Guild,
    Membership,
    Player,
    come_online,
    go_offline,
    join_guild,
    leave_guild,
    score,
)

__all__ = ["GUILDS", "Season"]

GUILDS: Final = (
    "Amber Foxes",
    "Black Tide",
    "Copper Moon",
    "Dawn Patrol",
    "Elder Oaks",
    "Frostborn",
    "Grey Wardens",
    "High Road",
    "Iron Choir",
    "Jade Serpents",
    "Last Lantern",
    "Night Heron",
)
FIRST_SYLLABLES: Final = ("Ar", "Bel", "Cor", "Dun", "El", "Fen", "Gal", "Hal")
LAST_SYLLABLES: Final = ("a", "ek", "ion", "is", "or", "ra", "us", "wyn")
SCORE_MAX: Final = 10_000
"""Scores at the beginning are less than this."""
POINTS_MAX: Final = 500
ONLINE_SHARE: Final = 0.5
GUILD_SHARE: Final = 0.6
"""How many are online, and in a guild, at the beginning: about so many stay so."""
EAGERNESS: Final = 3
"""By how much those who play most play more than the others."""
SCORING: Final = 0.7
"""How often who is online and thought of scores."""
PARTING: Final = 0.15
"""How often they go offline; and those who are offline come online."""
STAYING: Final = 1 / 3
"""How often a member who thinks of leaving the guild scores instead."""

Deed = Callable[[], object]


class Season:
    """Players in a database, and what they do, one deed and one commit after another.

    It asks the database how things are, and keeps nothing but its random numbers.
    """

    def __init__(self, db: qsdb.Database, players_count: int, seed: int) -> None:
        """Have players and guilds in an empty database.

        Args:
            db: Of the module `examples.leaderboard.leaderboard`.
            players_count: How many play; at least 1.
            seed: The same season comes of the same seed.
        """
        self._db = db
        self._players_count = players_count
        self._rng = rng = random.Random(seed)  # noqa: S311  to be the same again
        numbers = range(1, players_count + 1)
        with db.write() as tx:
            tx[Guild].insert_many(map(Guild, GUILDS))
            tx[Player].insert_many([self._newcomer(each) for each in numbers])
            members = [each for each in numbers if rng.random() < GUILD_SHARE]
            tx[Membership].insert_many(
                [Membership(each, self._any_guild()) for each in members]
            )

    def _newcomer(self, number: int) -> Player:
        rng = self._rng
        name = f"{rng.choice(FIRST_SYLLABLES)}{rng.choice(LAST_SYLLABLES)}-{number}"
        return Player(
            number, name, rng.randrange(SCORE_MAX), rng.random() < ONLINE_SHARE
        )

    def _any_guild(self) -> str:
        """Give a guild, rather one of the first."""
        return GUILDS[int(len(GUILDS) * self._rng.random() ** 1.5)]

    def next(self) -> Deed:
        """Decide what happens next; calling it is one call of a reducer.

        Cost: two look-ups for each player thought of, who are some two.
        """
        rng = self._rng
        while True:
            number = 1 + int(self._players_count * rng.random() ** EAGERNESS)
            with self._db.read() as tx:
                player, membership = tx[Player].get(number), tx[Membership].get(number)
            assert player is not None
            die = rng.random()
            if player.online:
                return self._deed(number, die, is_member=membership is not None)
            if die < PARTING:
                return partial(self._db.call, come_online, number)

    def _deed(self, number: int, die: float, *, is_member: bool) -> Deed:
        """Give what a player who is online does."""
        call, rng = self._db.call, self._rng
        if die < PARTING:
            return partial(call, go_offline, number)
        if die < PARTING + SCORING or (is_member and rng.random() < STAYING):
            return partial(call, score, number, rng.randint(1, POINTS_MAX))
        if is_member:
            return partial(call, leave_guild, number)
        return partial(call, join_guild, number, self._any_guild())
