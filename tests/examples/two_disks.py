"""Game and platform on a disk each, in processes that die at any step.

A step is a call to one of the databases, before it and after it, or a call of either to
its disk. `Steps` counts them; at the one that it is told, the process is dead. What is
not synced by then is lost or not, on each disk by itself.
"""

import functools
import json
import random
from typing import Any, cast

import qsdb
from examples.qsbridge import platform
from examples.qsbridge.game.courier import Courier
from examples.qsbridge.game.guards import admit_server
from examples.qsbridge.game.outbox import outbox_position
from examples.qsbridge.game.players import spawn
from examples.qsbridge.game.security import SEVERE, report_security_event
from examples.qsbridge.game.survival import survival
from examples.qsbridge.game.tables import SecurityEvent
from examples.qsbridge.hub.suggested.inbox import InboxPosition
from examples.qsbridge.hub.tables import PanelAuditLog
from qsdb import Identity
from qsdb.testing import (
    Call,
    Crash,
    FakeClock,
    Fault,
    FaultyDirectory,
    Policy,
    SimulatedCrash,
    SimulatedDirectory,
)
from tests.support.hoard import abandon

SERVER = Identity.from_claims("test", "game server")
PLAYER = "Steam:7"
OPTIONS = qsdb.StorageOptions(has_threads=False, step_bytes=4096)


class Steps:
    """Counts the steps of a process, and ends it at one of them.

    Attributes:
        passed: How many there were since the first opening.
        last: The process dies at this one; None for at none.
    """

    def __init__(self) -> None:
        self.passed = 0
        self.last: int | None = None

    def is_last(self) -> bool:
        self.passed += 1
        return self.passed == self.last

    def take(self) -> None:
        if self.is_last():
            raise SimulatedCrash("between two calls")

    def on_disk(self, call: Call) -> Fault | None:
        moment = "during" if call.operation == "write" else "before"
        return Crash(moment) if self.is_last() else None  # type: ignore[arg-type]


class Stepping:
    """A database of a process that may die at each call, as a courier uses it."""

    def __init__(self, db: qsdb.Database, steps: Steps) -> None:
        self.db = db
        self._steps = steps

    def _stepped(self, function: Any, *arguments: object) -> Any:
        self._steps.take()
        result = function(*arguments)
        self._steps.take()
        return result

    def call(self, *arguments: object) -> Any:
        return self._stepped(self.db.call, *arguments)

    def read(self) -> Any:
        return self._stepped(self.db.read)

    def wait_durable(self, *offset: int) -> Any:
        return self._stepped(self.db.wait_durable, *offset)


class Sleepless(Stepping):
    """One that does not wait for its disk: a fault that the tests have to find."""

    def wait_durable(self, *offset: int) -> bool:
        return True


class Forgetful(Stepping):
    """A platform that takes every message for new: another such fault."""

    def call(self, *arguments: object) -> Any:
        source, sequence = str(arguments[1]), cast("int", arguments[2])
        with self.db.write() as tx:
            tx[InboxPosition].upsert(InboxPosition(source, sequence - 1))
        return super().call(*arguments)


class TwoDisks:
    """The two databases, whatever became of them.

    Attributes:
        steps: Of all processes until now.
    """

    def __init__(
        self,
        game_like: type[Stepping] = Stepping,
        platform_like: type[Stepping] = Stepping,
    ) -> None:
        self.steps = Steps()
        self._game_like, self._platform_like = game_like, platform_like
        game, hub = _new_files()
        self._disks = [SimulatedDirectory(game), SimulatedDirectory(hub)]
        self._faulty = [FaultyDirectory(disk) for disk in self._disks]
        self.game, self.platform = self._opened(0), self._opened(1)
        self._reported = 0
        self._begin()
        self.steps.passed = 0

    def _begin(self) -> None:
        """Have a courier for the databases as they are open now."""
        self.steps.last = None
        self.courier = Courier(
            "survival",
            cast("qsdb.Database", self._game_like(self.game, self.steps)),
            cast("qsdb.Database", self._platform_like(self.platform, self.steps)),
        )

    def _opened(self, which: int) -> qsdb.Database:
        faulty = FaultyDirectory(self._disks[which], self.steps.on_disk)
        self._faulty[which] = faulty
        return _opened((survival, platform)[which], faulty)

    def lose_power(
        self, rng: random.Random, game: Policy | None, platform: Policy | None
    ) -> None:
        """End what is not dead yet, and begin again; None for what lives on."""
        fates = [game, platform]
        for which, faulty in enumerate(self._faulty):
            if faulty.is_crashed and fates[which] is None:
                fates[which] = "dropped"
        self.steps.last = None
        for which, fate in enumerate(fates):
            if fate is not None:
                abandon((self.game, self.platform)[which])
                self._disks[which] = self._disks[which].crash(rng, fate)
        if fates[0] is not None:
            self.game = self._opened(0)
        if fates[1] is not None:
            self.platform = self._opened(1)
        self._begin()
        self.check_never_ahead()

    def abandon(self) -> None:
        for db in (self.game, self.platform):
            abandon(db)

    def report(self) -> None:
        """Have the game record something that the platform is told of."""
        self._reported += 1
        evidence = json.dumps({"number": self._reported})
        caller = self.game.caller(SERVER)
        sort = f"sort {self._reported}"
        caller.call(report_security_event, PLAYER, sort, SEVERE, evidence)

    def do(self, name: str, details: list[Any], rng: random.Random) -> None:
        """Do what a test has drawn."""
        match name, details:
            case "report", _:
                self.report()
            case "flush game", _:
                self.game.wait_durable()
            case "flush platform", _:
                self.platform.wait_durable()
            case "carry", [steps, game, platform]:
                self.steps.last = self.steps.passed + steps
                try:
                    self.courier.carry()
                except SimulatedCrash:
                    self.lose_power(rng, game, platform)
                self.steps.last = None
            case _:
                self.lose_power(rng, *details)

    # What must hold.

    def recorded(self) -> list[str]:
        """Give what the game knows to have happened, in order."""
        with self.game.read() as tx:
            rows = sorted(tx[SecurityEvent], key=lambda row: row.event_id)
        return [row.evidence for row in rows if row.is_posted]

    def told(self) -> list[str]:
        """Give what the platform's admins find, in order."""
        with self.platform.read() as tx:
            rows = sorted(tx[PanelAuditLog], key=lambda row: row.log_id)
        return [json.loads(row.details)["evidence"] for row in rows]

    def check_never_ahead(self) -> None:
        """Whatever a crash has left, the platform knows of nothing that is not so."""
        recorded, told = self.recorded(), self.told()
        assert told == recorded[: len(told)]

    def check_settled(self) -> None:
        """With all brought, each message is in effect once, in order."""
        self.courier.carry()
        assert self.told() == self.recorded()
        with self.game.read() as tx:
            position = outbox_position(tx)
        assert position.posted == position.acknowledged == len(self.recorded())


@functools.cache
def _new_files() -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Give the files of both databases, with a player in the world."""
    disks = SimulatedDirectory(), SimulatedDirectory()
    with _opened(survival, disks[0]) as game, _opened(platform, disks[1]):
        game.call(admit_server, "east", SERVER)
        game.caller(SERVER).call(spawn, PLAYER)
    return disks[0].snapshot_files(), disks[1].snapshot_files()


def _opened(
    module: qsdb.Module, files: SimulatedDirectory | FaultyDirectory
) -> qsdb.Database:
    return qsdb.Database(module, files, clock=FakeClock(), seed=1, options=OPTIONS)
