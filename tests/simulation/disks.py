"""The simulated disk of a world: each call is a switch point, and may go wrong."""

import errno
from collections.abc import Callable
from typing import TypeVar

from qsdb.testing import Crash, Fail, FailSync, SimulatedCrash, SimulatedDirectory
from qsdb.testing.disk.interposed import Call, InterposedDirectory
from tests.simulation.plans import Fault
from tests.simulation.tasks import World

__all__ = ["WorldDirectory"]

T = TypeVar("T")

TAKES_ROOM = frozenset({"allocate", "create", "make_directory", "write"})
"""What a full disk refuses."""

CHANGES = frozenset(
    {"write", "sync", "sync_directory", "allocate", "truncate", "create", "rename"}
)
"""What a disk that fails refuses."""

SYNCS = frozenset({"sync", "sync_directory"})


class WorldDirectory(InterposedDirectory):
    """A disk in a world.

    Attributes:
        disk: What is behind.
        has_failed: Whether the fault has happened.
        is_armed: Whether it may.
    """

    def __init__(self, disk: SimulatedDirectory, world: World, fault: Fault) -> None:
        super().__init__(disk)
        self.disk = disk
        self.has_failed = False
        self.is_armed = fault.is_early
        self._world = world
        self._fault = fault
        self._count = 0
        self._happened = 0

    def see(self, call: Call, perform: Callable[[], T]) -> T:
        world = self._world
        if world.is_doomed:
            raise SimulatedCrash("the process is dead")
        world.switch()
        world.trace.append((call.operation, call.name, call.position, call.size))
        if not self.is_armed:
            return perform()
        self._count += 1
        return self._with_fault(call, perform)

    def _with_fault(self, call: Call, perform: Callable[[], T]) -> T:
        fault = self._fault
        if self._count <= fault.call or fault.sort == "none":
            return perform()
        match fault.sort:
            case "crash" if call.operation in CHANGES or call.operation == "remove":
                self._tell()
                try:
                    Crash(fault.moment).happen(call, perform)
                except SimulatedCrash as error:
                    self._world.die(error)
            case "full" if call.operation in TAKES_ROOM and self._is_refused():
                self._tell()
                Fail(errno.ENOSPC, written=call.size // 2).happen(call, perform)
            case "fail" if call.operation in CHANGES and self._is_refused():
                self._tell()
                Fail(errno.EIO, written=call.size // 2).happen(call, perform)
            case "fail sync" if call.operation in SYNCS and self._is_refused():
                self._tell()
                FailSync(errno.EIO).happen(call, perform)
        return perform()

    def _is_refused(self) -> bool:
        self._happened += 1
        return self._happened <= self._fault.count

    def _tell(self) -> None:
        self.has_failed = True
        self._world.note("fault", self._fault.sort)
