"""A directory whose calls go wrong where a plan says so.

A *plan* is asked before each call and gives a *fault*, or None to let it pass::

    faulty = FaultyDirectory(disk, once(7, Fail(errno.EIO)))

The faults:

=================  ====================================================
`Fail`             raise an `OSError`, a write perhaps after some bytes
`FailSync`         likewise, and what was not synced is taken for synced
`Short`            write some of the bytes and tell so
`IgnoreSync`       sync nothing and tell nobody
`FlipBit`          read one bit wrong
`Crash`            end the process before, in or after the call
=================  ====================================================

Run a workload once without a plan to count its calls (`calls_count`), and then
once for each of them. The same fault at the same call of a deterministic workload
is the same test again.

Source: the I/O error loops of SQLite, and RocksDB's FaultInjectionTestFS.
"""

import contextlib
import errno
from collections.abc import Callable, Container
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar, cast

from qsdb.files import Directory, File
from qsdb.testing.disk.interposed import Call, InterposedDirectory, InterposedFile
from qsdb.testing.disk.simulated import (
    SimulatedCrash,
    SimulatedDirectory,
    SimulatedFile,
)

__all__ = [
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
]

T = TypeVar("T")


class Fault(Protocol):
    """What goes wrong with a call."""

    def happen(self, call: Call, perform: Callable[[], object]) -> object:
        """Do the call wrongly: give a result of its kind, or raise.

        Raises:
            ValueError: nothing of this kind can happen to such a call.
        """


Plan = Callable[[Call], Fault | None]
"""Which fault happens to a call; None for none."""


def once(number: int, fault: Fault) -> Plan:
    """Plan a fault of one call, by its number."""
    return lambda call: fault if call.number == number else None


def since(number: int, fault: Fault, operations: Container[str]) -> Plan:
    """Plan a fault of every call of these operations, from a number on."""
    return lambda call: (
        fault if call.number >= number and call.operation in operations else None
    )


@dataclass(frozen=True, slots=True)
class Fail(Fault):
    """The call raises an `OSError`.

    Attributes:
        code: The error number, such as ``errno.ENOSPC``.
        written: How many bytes a write takes before; another call does nothing.
    """

    code: int
    written: int = 0

    def happen(self, call: Call, perform: Callable[[], object]) -> object:
        if call.operation == "write":
            _write_some(call, self.written)
        raise _failure(call, self.code)


@dataclass(frozen=True, slots=True)
class FailSync(Fault):
    """The sync fails, and the system takes for synced what it has not written.

    A file reads as before, no later sync writes what is lost, and power loss may
    take it. No later sync of the directory has an effect, if it is one's. Only a
    `SimulatedDirectory` can do so.
    """

    code: int

    def happen(self, call: Call, perform: Callable[[], object]) -> object:
        _expect(self, call, "sync", "sync_directory")
        target: object = call.target
        while isinstance(target, InterposedFile | InterposedDirectory):
            target = target.inner
        match target:
            case SimulatedFile():
                target.give_up_changes()
            case SimulatedDirectory():
                target.break_syncs(call.name)
            case _:
                raise ValueError(f"no simulated disk is behind {call.name!r}")
        raise _failure(call, self.code)


@dataclass(frozen=True, slots=True)
class Short(Fault):
    """A write takes at most `size` bytes, and tells so."""

    size: int

    def happen(self, call: Call, perform: Callable[[], object]) -> object:
        _expect(self, call, "write")
        return _write_some(call, self.size)


@dataclass(frozen=True, slots=True)
class IgnoreSync(Fault):
    """A sync of a file or directory returns at once, and nothing lasts by it."""

    def happen(self, call: Call, perform: Callable[[], object]) -> object:
        _expect(self, call, "sync", "sync_directory")
        return None


@dataclass(frozen=True, slots=True)
class FlipBit(Fault):
    """A read gives one bit wrong.

    Attributes:
        bit: Which one, from the first byte's lowest; modulo the bits read.
    """

    bit: int

    def happen(self, call: Call, perform: Callable[[], object]) -> object:
        _expect(self, call, "read")
        data = bytearray(cast("bytes", perform()))
        if data:
            place, shift = divmod(self.bit % (len(data) * 8), 8)
            data[place] ^= 1 << shift
        return bytes(data)


@dataclass(frozen=True, slots=True)
class Crash(Fault):
    """The process ends.

    Attributes:
        moment: When. ``"during"`` a write half of its bytes are taken; all other
            calls are one step for the disk, so that it is ``"before"``.
    """

    moment: Literal["before", "during", "after"]

    def happen(self, call: Call, perform: Callable[[], object]) -> object:
        if self.moment == "after":
            with contextlib.suppress(OSError):  # the world ends all the same
                perform()
        elif self.moment == "during" and call.operation == "write":
            _write_some(call, call.size // 2)
        raise SimulatedCrash(f"crash {self.moment} call {_text(call)}")


class FaultyDirectory(InterposedDirectory):
    """Has calls go wrong by a plan; once crashed, all of them.

    Attributes:
        plan: May be replaced at any time: then the space is back, say.
        is_crashed: Whether a `SimulatedCrash` has gone through.
    """

    def __init__(self, inner: Directory, plan: Plan | None = None) -> None:
        """Stand before a directory; without a plan all goes well."""
        super().__init__(inner)
        self.plan = plan
        self.is_crashed = False

    def around(self, call: Call, perform: Callable[[], T]) -> T:
        if self.is_crashed:
            raise SimulatedCrash(f"call {_text(call)} after the crash")
        fault = None if self.plan is None else self.plan(call)
        try:
            if fault is None:
                return perform()
            return cast("T", fault.happen(call, perform))
        except SimulatedCrash:
            self.is_crashed = True
            raise


def _write_some(call: Call, count: int) -> int:
    data = call.data[:count]
    return cast("File", call.target).write(call.position, data) if data else 0


def _failure(call: Call, code: int) -> OSError:
    return OSError(code, errno.errorcode.get(code, "unknown error"), call.name)


def _expect(fault: Fault, call: Call, *operations: str) -> None:
    if call.operation not in operations:
        raise ValueError(f"{fault} cannot happen to call {_text(call)}")


def _text(call: Call) -> str:
    return f"{call.number}, {call.operation} {call.name!r}"
