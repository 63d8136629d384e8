"""One simulation, from its first minute to its last."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from examples.qsbridge.bridge import ServerDetails
from examples.qsbridge.hub.extensions import PlayerMovement
from examples.qsbridge.hub.views import Flow, count_flow
from examples.qsbridge.simulation.agenda import SECOND, Agenda
from examples.qsbridge.simulation.checks import Check, check_soundness, run_checks
from examples.qsbridge.simulation.crowd import Crowd
from examples.qsbridge.simulation.hashing import state_hash
from examples.qsbridge.simulation.hub import Hub, ReducerTime
from examples.qsbridge.simulation.outages import Outages
from examples.qsbridge.simulation.people import make_players
from examples.qsbridge.simulation.servers import GameServer
from examples.qsbridge.simulation.settings import Settings
from examples.qsbridge.simulation.staff import Staff
from examples.qsbridge.simulation.watching import Observer
from examples.qsbridge.simulation.world import World
from qsdb import Timestamp, Transaction
from qsdb.files import Directory

__all__ = ["Result", "Simulation"]

START: Final = Timestamp.parse("2026-03-06T18:00:00Z")
REGIONS: Final = ("ap-south", "eu-west", "sa-east", "us-east", "us-west")
MODES: Final = ("pvp", "pve", "creative")
SWEEP: Final = 30 * SECOND
ARRIVAL: Final = 6
"""All players come in the first sixth of the time."""

Progress = Callable[[int, str], None]
"""Told of the microseconds that have been simulated, and how things are."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a simulation.

    Attributes:
        settings: Of what size it was.
        checks: What had to hold, and whether it did.
        state_hash: Of all rows; the same for the same settings.
        tally: What was done, by what it was.
        refused: What was refused, by what was wanted and why.
        lost: What the power took, by what was called.
        commits_lost: How many commits that were, with the platform's own.
        rows: Table → rows at the end.
        times: Reducer → what it took.
        flows: Who went from where to where.
        regions: Server's id → region.
        commits: How many there were.
        seconds: Of real time, without checks and hash.
        seconds_after: For these.
    """

    settings: Settings
    checks: list[Check]
    state_hash: str
    tally: Counter[str]
    refused: Counter[tuple[str, str]]
    lost: Counter[str]
    commits_lost: int
    rows: dict[str, int]
    times: dict[str, ReducerTime]
    flows: list[Flow]
    regions: dict[str, str]
    commits: int
    seconds: float
    seconds_after: float

    @property
    def is_sound(self) -> bool:
        """Whether everything held that had to."""
        return not any(check.faults for check in self.checks)


class Simulation:
    """A cluster that is simulated.

    Attributes:
        world: What there is.
        observer: Who sees every change of the platform.
    """

    def __init__(self, settings: Settings, directory: Directory) -> None:
        """Set the cluster up, at the first moment.

        Args:
            settings: Its size and seed.
            directory: Where the platform's database is kept; empty, or not there.

        Raises:
            StorageError: the directory cannot be used.
        """
        self._settings = settings
        self._seconds = 0.0
        agenda = Agenda(START)
        hub = Hub(directory, agenda.clock, settings.seed)
        self.world = World(agenda, hub, settings.seed)
        self.observer = Observer()
        hub.when_on(self.observer.attach)
        hub.switch_on()
        _populate(self.world, settings)
        _sweep(self.world)
        Outages(self.world).begin(settings.length)

    def run(self, progress: Progress | None = None) -> None:
        """Simulate all of it.

        Args:
            progress: Told how far it is, each simulated second.
        """
        began = time.perf_counter()
        told, agenda, tally = 0, self.world.agenda, self.world.tally
        for now in agenda.keep(self._settings.length):
            if progress is not None and now - told >= SECOND:
                told = now
                progress(now, f"{agenda.clock.now()}  {tally['join']:,} joins")
        self._seconds = time.perf_counter() - began

    def checks(self, tx: Transaction) -> list[Check]:
        """Check what must hold of the tables as they are now."""
        return run_checks(self.world, self.observer, tx)

    def end(self) -> Result:
        """Check what must hold, and switch the platform off."""
        began = time.perf_counter()
        world, db = self.world, self.world.hub.db
        with db.read() as tx:
            checks = [*self.checks(tx), check_soundness(db)]
            flows = count_flow(tx[PlayerMovement])
        found = state_hash(db)
        rows, commits = db.stats().rows, db.offset
        world.hub.switch_off()
        return Result(
            self._settings,
            checks,
            found,
            world.tally,
            world.refused,
            world.hub.lost,
            world.hub.commits_lost,
            rows,
            world.hub.times,
            flows,
            {each.server_id: each.details.region for each in world.servers.values()},
            commits,
            self._seconds,
            time.perf_counter() - began,
        )


def _populate(world: World, settings: Settings) -> None:
    """Make servers, players and admins, each with something to do."""
    crowd = Crowd(world)
    for number in range(settings.servers):
        region, mode = REGIONS[number % len(REGIONS)], MODES[number % len(MODES)]
        server = GameServer(
            world,
            crowd,
            ServerDetails(
                server_id=f"{region}-{mode}-{number + 1}",
                display_name=f"{region} {mode} {number + 1}",
                region=region,
                game_module="qs-bridge-survival",
                game_mode=mode,
                version="1.4.2",
                max_players=settings.capacity,
            ),
        )
        world.servers[server.server_id] = server
        server.start()
    world.add_players(make_players(settings.players))
    crowd.begin(within=settings.length // ARRIVAL)
    Staff(world).begin()


def _sweep(world: World) -> None:
    """Run what is due, as the database does by itself where its clock is real."""
    if world.hub.is_on:
        world.hub.db.run_due()
    world.agenda.after(SWEEP, lambda: _sweep(world))
