"""A history comes to the same state by every way in which it can be read.

**Strategy**: tables of any sort, with rows of any kind (`tests.support.schemas`),
get random commits on a simulated disk: inserts, upserts, updates and deletes,
several in one commit. In between segments end, snapshots are taken, and a follower
refreshes, or not.

**Invariants**:

1. Live, opened again, read only, without the module, by following, at its offset,
   and from a backup: each has the rows and sequences of the live database, and keeps
   its rules (`Database.check`).
2. At each earlier offset and time there is what was there then.
3. Without the module, users see the same values, but for the classes.
4. A read transaction of the follower sees its offset, whatever came after.
"""

import contextlib
import enum
from collections.abc import Iterator
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qsdb
from qsdb import ConstraintError, NotFoundError, StorageOptions, Timestamp
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.support.schemas import TableSpec, build, module_specs

OPTIONS = StorageOptions(segment_bytes=1024, step_bytes=1, has_threads=False)

State = tuple[int, list[tuple[int, list[str], tuple[int, ...]]]]


@attrs.frozen
class Change:
    """What is done to one table in a commit."""

    action: str
    table: int
    values: tuple[int, ...]


_numbers = st.tuples(*[st.integers(0, 6)] * 4)
_actions = st.sampled_from(("insert", "upsert", "update", "delete", "insert"))
_changes = st.builds(Change, _actions, st.integers(0, 2), _numbers)
_between = st.sampled_from(("", "", "refresh", "snapshot"))
_commits = st.lists(
    st.tuples(st.lists(_changes, min_size=1, max_size=4), _between),
    min_size=5,
    max_size=12,
)
REFUSALS = (ConstraintError, NotFoundError)
Commits = list[tuple[list[Change], str]]


def state_of(db: qsdb.Database) -> State:
    """Give all rows and sequences, those of the system too, as they are stored."""
    return db.offset, sorted(
        [
            (
                table.table_id,
                sorted(map(repr, table.rows.values())),
                table.settled_sequences,
            )
            for table in db._directory.store.tables
        ]
    )


def plain(value: Any) -> object:
    """Give a value without the classes that only a module has."""
    if isinstance(value, enum.Enum):
        return value.name
    if isinstance(value, qsdb.Product | tuple):
        return tuple([plain(part) for part in value])
    return value


def seen(tx: Any, names: list[str]) -> dict[str, list[str]]:
    """Give what users see of tables: the values, without classes of theirs."""
    return {
        name: sorted([repr(plain((*row,))) for row in tx.table(name)]) for name in names
    }


class History:
    """A database with a past, and a follower of it.

    Attributes:
        states: Offset → what was there.
        times: Offset → when.
    """

    def __init__(self, specs: tuple[TableSpec, ...]) -> None:
        self.specs = specs
        self.module, self.classes = build(specs)
        self.disk, self.clock = SimulatedDirectory(), FakeClock(Timestamp.EPOCH)
        self.db = self.open(self.disk)
        self.states = {1: state_of(self.db)}
        self.times = {1: self.clock.now()}
        self.follower = qsdb.Database(self.module, self.disk, read_only=True)
        self.reads = [self.follower.read()]

    def open(self, disk: SimulatedDirectory) -> qsdb.Database:
        return qsdb.Database(
            self.module,
            disk,
            durability="always",
            clock=self.clock,
            seed=1,
            options=OPTIONS,
        )

    def write(self, commits: Commits) -> None:
        """Make commits of the changes that the rules of the tables allow."""
        for changes, between in commits:
            self.clock.advance(1)
            with self.db.write() as tx:
                for change in changes:
                    with contextlib.suppress(*REFUSALS), tx.savepoint():
                        self._do(tx, change)
            if self.db.offset not in self.states:
                self.states[self.db.offset] = state_of(self.db)
                self.times[self.db.offset] = self.clock.now()
            if between == "snapshot":
                self.db.snapshot()
            if between == "refresh":
                self.follower.refresh()
                self.reads.append(self.follower.read())

    def _do(self, tx: Any, change: Change) -> None:
        spec = self.specs[change.table % len(self.specs)]
        table = tx[self.classes[spec.name]]
        pairs = zip(spec.columns, change.values, strict=False)
        values = {column.name: column.domain.pair(n)[0] for column, n in pairs}
        row = self.classes[spec.name](**values)
        if change.action == "delete":
            rows = [*table]
            if rows:
                table.delete(rows[change.values[0] % len(rows)])
        elif change.action == "insert" or not spec.primary_key:
            table.insert(row)
        else:
            getattr(table, change.action)(row)

    def ways(self) -> Iterator[tuple[str, qsdb.Database]]:
        """Yield the ways to the newest state that write nothing to the directory."""
        disk, module = self.disk, self.module
        yield "live", self.db
        yield "read only", qsdb.Database(module, disk, read_only=True)
        yield "without", qsdb.Database(None, disk, read_only=True)
        at = max(self.states)
        yield "at", qsdb.Database(module, disk, read_only=True, at=at)
        self.follower.refresh()
        yield "following", self.follower
        for name, source in (("live", self.db), ("follower", self.follower)):
            copy = SimulatedDirectory()
            source.backup(copy)
            yield f"backup of {name}", self.open(copy)


@pytest.mark.slow
@settings(max_examples=max(20, settings().max_examples // 4))
@given(module_specs(), _commits)
def test_every_way_leads_to_the_same_state(
    specs: tuple[TableSpec, ...], commits: Commits
) -> None:
    history = History(specs)
    history.write(commits)
    last = max(history.states)
    names = [spec.name for spec in specs]
    with history.db.read() as tx:
        expected = seen(tx, names)

    for way, db in history.ways():
        assert state_of(db) == history.states[last], way
        db.check()
        with db.read() as tx:
            assert seen(tx, names) == expected, way
    _check_the_past(history)
    _check_reads(history)

    history.db.close()
    with history.open(history.disk) as again:
        assert state_of(again) == history.states[last]
        again.check()


def _check_the_past(history: History) -> None:
    for offset, state in history.states.items():
        for at in (offset, history.times[offset]):
            for module in (history.module, None):
                with qsdb.Database(
                    module, history.disk, read_only=True, at=at
                ) as reading:
                    assert state_of(reading) == state, at
                    reading.check()


def _check_reads(history: History) -> None:
    names = [spec.name for spec in history.specs]
    for reading in history.reads:
        with (
            qsdb.Database(
                history.module, history.disk, read_only=True, at=reading.offset
            ) as then,
            then.read() as tx,
        ):
            assert seen(reading, names) == seen(tx, names), reading.offset
        reading.close()
    assert history.follower.stats().pins == 0
