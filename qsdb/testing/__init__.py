"""What tests need: a clock to move, and disks that fail and lose power.

`FakeClock` stands still until a test moves it. `SimulatedDirectory` is a disk in
memory that can crash; `FaultyDirectory` and `TracedDirectory` stand before any
disk, and let calls go wrong or write them down.
"""

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

__all__ = [
    "Call",
    "Crash",
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
    "Short",
    "SimulatedCrash",
    "SimulatedDirectory",
    "TracedDirectory",
    "once",
    "since",
]
