"""What time alone does: every 30 seconds players get hungry, and who is fed heals.

The database calls `grow_hungry` by the row that `init` makes.
"""

from typing import Final

import qsdb
from examples.qsbridge.game.players import take_out
from examples.qsbridge.game.tables import (
    HEALTH_MAX,
    HUNGER_MAX,
    HungerSchedule,
    PlayerVitals,
    survival,
)
from qsdb import ScheduleAt, TimeDuration

__all__ = ["FED", "HUNGER_INTERVAL", "grow_hungry", "init"]

HUNGER_INTERVAL: Final = TimeDuration.from_seconds(30)
FED: Final = 50
"""Who is less hungry heals."""
STARVING: Final = 5
"""Health that a player loses at once whose hunger is full."""


@survival.init
def init(ctx: qsdb.ReducerContext) -> None:
    """Have the database call `grow_hungry`."""
    ctx.db[HungerSchedule].insert(
        HungerSchedule(scheduled_at=ScheduleAt.interval(HUNGER_INTERVAL))
    )


@survival.reducer(private=True)
def grow_hungry(
    ctx: qsdb.ReducerContext,
    schedule: HungerSchedule,  # noqa: ARG001  the row that is due
) -> None:
    """Make everybody hungrier by 1; heal the fed by 1; starve the others, to death.

    Cost: O(players in the world).
    """
    players = ctx.db[PlayerVitals]
    for vitals in players:
        hunger = min(HUNGER_MAX, vitals.hunger + 1)
        health = vitals.health
        if hunger == HUNGER_MAX:
            health -= min(STARVING, health)
        elif hunger < FED:
            health = min(HEALTH_MAX, health + 1)
        if health:
            players.update(vitals.replace(health=health, hunger=hunger))
        else:
            take_out(ctx, vitals.player_id)
