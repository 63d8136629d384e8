"""What tests need: databases, a clock to move, and disks that fail and lose power.

`database` opens a database in which nothing is left to chance, and `assert_no_change`
watches over one; for pytest there are fixtures (`qsdb.testing.plugin`). `FakeClock`
stands still until a test moves it. `SimulatedDirectory` is a disk in memory that can
crash; `FaultyDirectory` and `TracedDirectory` stand before any disk, and let calls go
wrong or write them down. `replay` runs logged calls again, and finds those that do
something else then.
"""

import typing

from qsdb import front_doors

if typing.TYPE_CHECKING:
    from qsdb.testing.clock import FakeClock
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
    from qsdb.testing.kit import assert_no_change, database
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

_HOMES = {
    "qsdb.testing.clock": ("FakeClock",),
    "qsdb.testing.disk.faults": (
        "Crash",
        "Fail",
        "FailSync",
        "Fault",
        "FaultyDirectory",
        "FlipBit",
        "IgnoreSync",
        "Plan",
        "Short",
        "once",
        "since",
    ),
    "qsdb.testing.disk.inodes": ("Policy",),
    "qsdb.testing.disk.interposed": ("Call", "Operation"),
    "qsdb.testing.disk.simulated": ("SimulatedCrash", "SimulatedDirectory"),
    "qsdb.testing.disk.traces": ("TracedDirectory",),
    "qsdb.testing.kit": ("assert_no_change", "database"),
    "qsdb.testing.replay_report": ("Deviation", "Replay", "TableDeviation"),
    "qsdb.testing.replaying": ("replay",),
}
"""Module → the public names that are at home there."""

if not typing.TYPE_CHECKING:  # pragma: no branch  checkers would admit any name
    __getattr__, __dir__ = front_doors.front_door(__name__, _HOMES)
