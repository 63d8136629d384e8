"""The platform's process: a database in a directory, which may lose its power.

What is called after the power is cut is in memory and never on the disk. So the
moment of a cut can be chosen such that the same commits are lost in every run: all
before it are on the disk, none after it.
"""

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import qsdb
from examples.qsbridge.hub.tables import platform
from examples.qsbridge.simulation.hashing import state_hash
from examples.qsbridge.simulation.power import PowerSwitch
from qsdb.files import Directory
from qsdb.testing import FakeClock

__all__ = ["Hub", "HubDownError", "ReducerTime"]


class HubDownError(Exception):
    """The platform does not run."""


@dataclass(slots=True)
class ReducerTime:
    """What one reducer took, over all runs of the platform's process."""

    calls: int = 0
    failures: int = 0
    seconds: float = 0.0
    longest: float = 0.0


class Hub:
    """The platform, switched on and off.

    Attributes:
        times: What reducers took, by name, until it was last switched off.
        cuts_count: How often the power was cut.
        losses: What was not as it should be after a cut.
    """

    def __init__(self, directory: Directory, clock: FakeClock, seed: int) -> None:
        """Prepare; `switch_on` opens the database.

        Args:
            directory: Empty, or not there.
            clock: The database's.
            seed: What its identities and random numbers derive from.
        """
        self.times: dict[str, ReducerTime] = {}
        self.cuts_count = 0
        self.losses: list[str] = []
        self._directory = directory
        self._clock = clock
        self._seed = seed
        self._switch = PowerSwitch(directory)
        self._db: qsdb.Database | None = None
        self._hash_expected: str | None = None
        self._listeners: list[Callable[[qsdb.Database], object]] = []

    @property
    def is_on(self) -> bool:
        """Whether the platform runs."""
        return self._db is not None

    @property
    def db(self) -> qsdb.Database:
        """The database.

        Raises:
            HubDownError: the platform does not run.
        """
        if self._db is None:
            raise HubDownError("the platform does not run")
        return self._db

    def when_on(self, act: Callable[[qsdb.Database], object]) -> None:
        """Have something done each time the database is open."""
        self._listeners.append(act)

    def connect(self, token: str | None) -> qsdb.Connection:
        """Connect a client.

        Raises:
            ClosedError: the platform does not run.
        """
        if self._db is None:
            raise qsdb.ClosedError("the platform does not run")
        return self._db.connect(token=token)

    def switch_on(self) -> None:
        """Open the database, and see whether it is as it was on the disk."""
        self._switch = PowerSwitch(self._directory)
        self._db = qsdb.Database(
            platform, self._switch, clock=self._clock, seed=self._seed
        )
        expected, self._hash_expected = self._hash_expected, None
        if expected is not None and _hash_of_work(self._db) != expected:
            self.losses.append(
                f"after cut {self.cuts_count} of the power the tables were not as "
                "they had been on the disk"
            )
        for act in self._listeners:
            act(self._db)

    def lose_power(self, calls: Iterable[Callable[[qsdb.Database], object]]) -> None:
        """Cut the power, and make calls that never reach the disk.

        Args:
            calls: Each is given the database. What it raises because of the cut is
                passed over.
        """
        db = self.db
        db.wait_durable()
        self._hash_expected = _hash_of_work(db)
        self._switch.cut()
        self.cuts_count += 1
        for call in calls:
            with contextlib.suppress(qsdb.StorageError):
                call(db)
        self._end()

    def switch_off(self) -> None:
        """Close the database in good order."""
        self._end()

    def _end(self) -> None:
        db, self._db = self.db, None
        self._note_times(db)
        with contextlib.suppress(qsdb.StorageError):  # what the power has taken
            db.close()

    def _note_times(self, db: qsdb.Database) -> None:
        for name, each in db.stats().reducers.items():
            total = self.times.setdefault(name, ReducerTime())
            total.calls += each.calls
            total.failures += each.failures
            total.seconds += each.seconds
            total.longest = max(total.longest, each.longest)


def _hash_of_work(db: qsdb.Database) -> str:
    """Hash what opening leaves alone; it marks servers offline, without bridges."""
    return state_hash(db, leave_out=("server_registry", "away_bridge"))
