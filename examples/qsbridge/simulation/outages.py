"""Outages: servers that crash or stand still, and the platform without power."""

from collections.abc import Callable
from typing import Final

import qsdb
from examples.qsbridge.simulation.agenda import SECOND
from examples.qsbridge.simulation.people import pause
from examples.qsbridge.simulation.world import World

__all__ = ["Outages"]

SERVER_OUTAGES_MINUTE: Final = 1.0
"""In the whole cluster."""
UNHEARD_CALLS: Final = 50
SHORTEST_WITH_CUTS: Final = 600 * SECOND


class Outages:
    """Breaks things, and has them mended."""

    def __init__(self, world: World) -> None:
        """Begin with everything in order."""
        self._world = world

    def begin(self, length: int) -> None:
        """Plan outages for so many microseconds.

        The platform has two, unless the time is too short to come back from them.
        """
        self._strike_later()
        if length >= SHORTEST_WITH_CUTS:
            for third in (1, 2):
                self._world.agenda.after(length * third // 3, self._cut_power)

    def _strike_later(self) -> None:
        seconds = 60 / SERVER_OUTAGES_MINUTE
        self._world.agenda.after(pause(self._world.rng, seconds), self._strike)

    def _strike(self) -> None:
        """Have a server crash or stand still."""
        world = self._world
        server = world.rng.choice([*world.servers.values()])
        is_crash = world.rng.random() < 0.6
        if server.state == "up" and world.hub.is_on and not server.unsettled:
            if is_crash:
                world.tally["servers crashed"] += 1
                server.crash()
                delay = round(world.rng.uniform(20, 200) * SECOND)
                world.agenda.after(delay, server.start)
            else:
                world.tally["servers stood still"] += 1
                server.hang()
                delay = round(world.rng.uniform(60, 300) * SECOND)
                world.agenda.after(delay, server.resume)
        self._strike_later()

    def _cut_power(self) -> None:
        world = self._world
        world.tally["power cuts"] += 1
        world.hub.lose_power([_unheard(number) for number in range(UNHEARD_CALLS)])
        delay = round(world.rng.uniform(5, 30) * SECOND)
        world.agenda.after(delay, world.hub.switch_on)


def _unheard(number: int) -> Callable[[qsdb.Database], object]:
    """Give a call that nobody will remember, since the power is cut before it."""
    return lambda db: db.call("admin_whitelist_add", f"Steam:unheard-{number}")
