"""What tests need: databases, a clock to move, and disks that fail and lose power.

`database` opens a database in which nothing is left to chance, and `assert_no_change`
watches over one; for pytest there are fixtures (`qsdb.testing.plugin`). `FakeClock`
stands still until a test moves it. `SimulatedDirectory` is a disk in memory that can
crash; `FaultyDirectory` and `TracedDirectory` stand before any disk, and let calls go
wrong or write them down. `replay` runs logged calls again, and finds those that do
something else then.
"""

import importlib
from typing import TYPE_CHECKING

from qsdb.testing.clock import FakeClock
from qsdb.testing.kit import assert_no_change, database

if TYPE_CHECKING:
    from qsdb.testing.disk.faults import (
        Crash,
        Fail,
        FailSync,
        Fault,
        FaultyDirectory,
        FlipBit,
        IgnoreSync,
        Plan,
        Short,
        once,
        since,
    )
    from qsdb.testing.disk.inodes import Policy
    from qsdb.testing.disk.interposed import Call, Operation
    from qsdb.testing.disk.simulated import SimulatedCrash, SimulatedDirectory
    from qsdb.testing.disk.traces import TracedDirectory
    from qsdb.testing.replay_report import Deviation, Replay, TableDeviation
    from qsdb.testing.replaying import replay

__all__ = [
    "Call",
    "Crash",
    "Deviation",
    "Fail",
    "FailSync",
    "FakeClock",
    "Fault",
    "FaultyDirectory",
    "FlipBit",
    "IgnoreSync",
    "Operation",
    "Plan",
    "Policy",
    "Replay",
    "Short",
    "SimulatedCrash",
    "SimulatedDirectory",
    "TableDeviation",
    "TracedDirectory",
    "assert_no_change",
    "database",
    "once",
    "replay",
    "since",
]

_MODULES = (
    *("disk.faults", "disk.inodes", "disk.interposed", "disk.simulated"),
    *("disk.traces", "replay_report", "replaying"),
)


def __getattr__(name: str) -> object:
    """Load what few programs need when it is first used."""
    if name in __all__:
        modules = [importlib.import_module(f"qsdb.testing.{m}") for m in _MODULES]
        return next(vars(module)[name] for module in modules if name in vars(module))
    raise AttributeError(f"module 'qsdb.testing' has no attribute {name!r}")
