"""The platform's process: a database in a directory, which may lose its power.

With the durability ``"interval"`` a commit is in memory first and on the disk a little
later, and a power cut takes those in between. Two calls make one of it here::

    hold()         all that was done gets on the disk; nothing does from now on
    …              bridges and admins go on, and are answered by nobody (`ports`)
    lose_power()   what was done since `hold` has never been

Both are appointments, so the same commits are lost in every run.
"""

import contextlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import qsdb
from examples.qsbridge.hub.tables import platform
from examples.qsbridge.simulation.hashing import state_hash
from examples.qsbridge.simulation.ports import ConfirmedPort
from examples.qsbridge.simulation.power import PowerSwitch
from examples.qsbridge.simulation.syncing import STORAGE, Syncing
from qsdb.files import Directory
from qsdb.testing import FakeClock

__all__ = ["Hub", "HubDownError", "ReducerTime"]


class HubDownError(Exception):
    """The platform does not run, or it ended before it answered."""


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
        commits_lost: How many commits went with it.
        lost: Of these, the calls of bridges and admins, by what was called.
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
        self.cuts_count = self.commits_lost = 0
        self.lost: Counter[str] = Counter()
        self.losses: list[str] = []
        self._directory = directory
        self._clock = clock
        self._seed = seed
        self._switch = PowerSwitch(directory)
        self._db: qsdb.Database | None = None
        self._syncing: Syncing | None = None
        """None while nothing gets on the disk."""
        self._ports: list[ConfirmedPort] = []
        self._held_at = 0
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

    @property
    def is_held(self) -> bool:
        """Whether it runs, and nothing that is done gets on the disk."""
        return self.is_on and self._syncing is None

    def connect(self, token: str | None) -> ConfirmedPort:
        """Connect a bridge.

        Raises:
            ClosedError: the platform does not run, or answers nobody.
        """
        if self._db is None or self.is_held:
            raise qsdb.ClosedError("the platform does not answer")
        port = ConfirmedPort(self._db, token, self.lost)
        self._ports.append(port)
        return port

    def call(self, reducer: str, *arguments: object) -> None:
        """Call a reducer as the gateway does, for an admin.

        Raises:
            ReducerError: the call is refused.
            HubDownError: the platform does not run, or its answer does not come.
        """
        if not self.is_held:
            self.db.call(reducer, *arguments)
            return
        with contextlib.suppress(qsdb.ReducerError):
            self.db.call(reducer, *arguments)
            self.lost[reducer] += 1
        raise HubDownError("the platform lost its power")

    def switch_on(self) -> None:
        """Open the database, and see whether it is as it was on the disk."""
        self._switch = PowerSwitch(self._directory)
        self._db = qsdb.Database(
            platform,
            self._switch,
            clock=self._clock,
            seed=self._seed,
            options=STORAGE,
        )
        self._syncing = Syncing(self._db)
        expected, self._hash_expected = self._hash_expected, None
        if expected is not None and _hash_of_work(self._db) != expected:
            self.losses.append(
                f"after cut {self.cuts_count} of the power the tables were not as "
                "they had been on the disk"
            )
        for act in self._listeners:
            act(self._db)

    def hold(self) -> None:
        """Have all on the disk, and nothing from now on; nobody hears of what comes."""
        self._stop_syncing()
        self.db.wait_durable()
        self._hash_expected = _hash_of_work(self.db)
        for port in self._ports:
            if not port.is_closed:
                port.hold()
        self._held_at = self.db.offset

    def lose_power(self) -> None:
        """Cut the power; what was done since `hold` was never on the disk."""
        self._switch.cut()
        self.cuts_count += 1
        self.commits_lost += self.db.offset - self._held_at
        with contextlib.suppress(qsdb.StorageError):  # what the power has taken
            self._end()

    def switch_off(self) -> None:
        """Close the database in good order."""
        self._stop_syncing()
        self._end()

    def _stop_syncing(self) -> None:
        syncing, self._syncing = self._syncing, None
        if syncing is not None:
            syncing.stop()

    def _end(self) -> None:
        db, self._db = self.db, None
        self._note_times(db)
        self._ports.clear()
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
