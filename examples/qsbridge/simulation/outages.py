"""Outages: servers that crash or stand still, and the platform without power.

The platform's power goes slowly: its disk takes nothing any more, and some seconds
later the machine stops. What it was asked to do in between is lost.
"""

from typing import Final

from examples.qsbridge.simulation.agenda import SECOND
from examples.qsbridge.simulation.people import pause
from examples.qsbridge.simulation.world import World

__all__ = ["Outages"]

SERVER_OUTAGES_MINUTE: Final = 1.0
"""In the whole cluster."""
HOLD_SECONDS: Final = (1.0, 5.0)
"""Between the disk's end and the machine's, at least and at most."""
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
                self._world.agenda.after(length * third // 3, self._stop_disk)

    def _strike_later(self) -> None:
        seconds = 60 / SERVER_OUTAGES_MINUTE
        self._world.agenda.after(pause(self._world.rng, seconds), self._strike)

    def _strike(self) -> None:
        """Have a server crash or stand still."""
        world = self._world
        server = world.rng.choice([*world.servers.values()])
        is_crash = world.rng.random() < 0.6
        if server.state == "up" and world.hub.is_on and not server.waiting:
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

    def _stop_disk(self) -> None:
        world = self._world
        world.hub.hold()
        delay = round(world.rng.uniform(*HOLD_SECONDS) * SECOND)
        world.agenda.after(delay, self._cut_power)

    def _cut_power(self) -> None:
        world = self._world
        world.tally["power cuts"] += 1
        world.hub.lose_power()
        delay = round(world.rng.uniform(5, 30) * SECOND)
        world.agenda.after(delay, world.hub.switch_on)
