"""People: the players, what they carry, and what they do with their evening.

A player joins some server, does something every couple of minutes, and leaves. What
he does is drawn by chance from `HABITS`; among it are things that must not work, as
being on two servers at once. Each item that there is has a number of its own, so
that one that is doubled or lost is noticed.
"""

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Final, Literal

from examples.qsbridge.simulation.agenda import SECOND

if TYPE_CHECKING:
    from examples.qsbridge.simulation.servers import GameServer

__all__ = ["Habit", "Player", "draw_habit", "make_players", "pause"]

Habit = Literal[
    "deposit",
    "withdraw",
    "withdraw twice",
    "transfer",
    "join elsewhere",
    "leave",
    "play",
]

HABITS: Final[dict[Habit, int]] = {
    "deposit": 22,
    "withdraw": 18,
    "withdraw twice": 2,
    "transfer": 12,
    "join elsewhere": 3,
    "leave": 13,
    "play": 30,
}
"""Of a hundred times, how often."""

ITEMS_EACH: Final = 3
PAUSE_SECONDS: Final = 300
"""Between two acts of one player, on the average."""


@dataclass(slots=True, eq=False)
class Player:
    """One player.

    Attributes:
        player_id: As the platform knows him.
        name: As he calls himself.
        items: What he carries: numbers of items.
        server: Whose world he is in.
        is_transferring: Whether he waits for the end of a transfer.
        acts: How often he has been given something to do; an appointment that was
            made before he was taken off a server is one of an earlier time.
    """

    player_id: str
    name: str
    items: list[int]
    server: "GameServer | None" = None
    is_transferring: bool = False
    acts: int = 0


def make_players(count: int) -> list[Player]:
    """Make players, each with some items."""
    return [
        Player(
            player_id=f"Steam:{76561198000000000 + number}",
            name=f"player-{number}",
            items=[*range(number * ITEMS_EACH, (number + 1) * ITEMS_EACH)],
        )
        for number in range(count)
    ]


def draw_habit(rng: Random) -> Habit:
    """Draw what a player does next."""
    (habit,) = rng.choices([*HABITS], [*HABITS.values()])
    return habit


def pause(rng: Random, seconds: float = PAUSE_SECONDS) -> int:
    """Draw a length of time, in microseconds, some seconds on the average."""
    return round(rng.expovariate(1 / seconds) * SECOND)
