"""Snapshots of any rows come back, and lives with many crashes lose none.

**Strategy**: draw tables of any kinds of rows, hand them over in slices of any
sizes, read them. And: live with a database that takes snapshots of tables which
change a little each time, and removes old ones; at some call of the disk the power
fails or the process is killed, and the next one goes on with what there is.

**Invariants**:

1. What is read is what was written, rows and order and types.
2. Every snapshot that is listed is whole, after whatever happened.
3. A snapshot that was finished, or kept by a removal, is there until it is removed.
4. After a removal there are the files of the kept snapshots and no others.

Each life has a seed of its own, which a failure shows.
"""

import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.log.chunks import StoredRow
from qsdb.log.manifests import Snapshot, manifest_name
from qsdb.log.snapshots import (
    SnapshotWriter,
    list_snapshots,
    read_snapshot,
    read_table,
    remove_unreferenced,
)
from qsdb.testing import (
    Crash,
    FaultyDirectory,
    Policy,
    SimulatedCrash,
    SimulatedDirectory,
    once,
)
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.kinds import Kind
from tests.support.strategies import kinds, stored_values
from tests.unit.log.snapshotting import DATABASE, read_all, take, told


class DrawnTable:
    """A table of any kind of rows."""

    def __init__(self, row: ProductKind, rows: list[StoredRow], size: int) -> None:
        self.row = row
        self.rows = rows
        self.slices = [rows[at : at + size] for at in range(0, len(rows), size)]

    def __repr__(self) -> str:
        return f"{self.row!r} {self.slices!r}"


def row_kind(parts: list[Kind]) -> ProductKind:
    """Make a row of columns of these kinds."""
    fields = [Field(f"column_{index}", part) for index, part in enumerate(parts)]
    return ProductKind("Row", tuple(fields))


row_kinds = st.lists(kinds(depth_max=2), max_size=5).map(row_kind)


def tables_of(row: ProductKind) -> st.SearchStrategy[DrawnTable]:
    rows = st.lists(stored_values(row), max_size=8, unique_by=repr)
    return st.builds(DrawnTable, st.just(row), rows, st.integers(1, 8))


tables = st.lists(row_kinds.flatmap(tables_of), max_size=3)


@pytest.mark.slow
@given(tables, st.lists(st.integers(0, 2**256), max_size=3))
def test_rows_of_any_kind_come_back(
    drawn: list[DrawnTable], sequences: list[int]
) -> None:
    directory = SimulatedDirectory()
    writer = SnapshotWriter(directory, told(1), None)
    for number, table in enumerate(drawn):
        writer.add_table(number, table.row, table.slices, sequences)
    written = writer.finish()

    snapshot = read_snapshot(directory, 1, database=DATABASE)

    assert snapshot == written
    for number, table in enumerate(drawn):
        found = snapshot.tables[number]
        chunks = read_table(directory, found, table.row)
        assert repr([row for rows in chunks for row in rows]) == repr(table.rows)
        assert (found.table_id, found.sequences) == (number, tuple(sequences))


# Lives.

POLICIES: tuple[Policy, ...] = ("kept", "dropped", "torn", "garbage")
Contents = dict[int, list[StoredRow]]


class Life:
    """A database that is snapshotted, crashed, and snapshotted again.

    Attributes:
        written: Offset → the tables that a snapshot was begun of.
        promised: Offsets that must be there.
        seen: How often what happened.
    """

    def __init__(self, seed: int, seen: Counter[str]) -> None:
        self.rng = random.Random(seed)
        self.disk = SimulatedDirectory()
        self.offset = 0
        self.tables: Contents = {1: [], 2: [], 3: []}
        self.written: dict[int, Contents] = {}
        self.promised: set[int] = set()
        self.seen = seen

    def live(self) -> None:
        """Go on until the process ends at some call; give the next one its disk."""
        rng = self.rng
        plan = once(
            rng.randrange(150), Crash(rng.choice(("before", "during", "after")))
        )
        faulty = FaultyDirectory(self.disk, plan)
        try:
            for _ in range(4):
                if rng.random() < 0.6:
                    self.take(faulty)
                else:
                    self.remove(faulty)
        except SimulatedCrash:
            self.seen["crash"] += 1
        if rng.random() < 0.3:
            self.disk = self.disk.kill()
        else:
            self.disk = self.disk.crash(rng, rng.choice(POLICIES))

    def take(self, faulty: FaultyDirectory) -> None:
        """Change the tables a little and take a snapshot."""
        self.change()
        self.offset += self.rng.randrange(1, 3)
        self.written[self.offset] = {
            number: list(rows) for number, rows in self.tables.items()
        }
        take(faulty, self.offset, self.tables, self.previous())
        self.promised.add(self.offset)
        self.seen["snapshot"] += 1

    def previous(self) -> Snapshot | None:
        """Give the newest snapshot, which some have forgotten."""
        offsets = list_snapshots(self.disk)
        if not offsets or self.rng.random() < 0.3:
            return None
        return read_snapshot(self.disk, offsets[-1])

    def change(self) -> None:
        rows = self.tables[self.rng.randrange(1, 4)]
        if rows and self.rng.random() < 0.5:
            del rows[self.rng.randrange(len(rows))]
        else:
            size = self.rng.choice((10, 900, 50_000))
            rows.append((self.offset, bytes([self.rng.randrange(256)]) * size))

    def remove(self, faulty: FaultyDirectory) -> None:
        """Keep the newest snapshots, one or two."""
        kept = list_snapshots(self.disk)[-self.rng.randrange(1, 3) :]
        self.promised &= set(kept)
        remove_unreferenced(faulty, kept)
        self.promised |= set(kept)
        self.seen["removal"] += 1
        needed = {manifest_name(offset) for offset in kept}
        for offset in kept:
            snapshot = read_snapshot(self.disk, offset)
            needed |= {chunk.name for chunk in snapshot.chunks()}
        assert self.disk.snapshot_files().keys() == needed

    def check(self) -> None:
        """Verify invariants 2 and 3."""
        found = read_all(self.disk)
        for offset, tables_read in found.items():
            assert tables_read == self.written[offset]
        assert self.promised <= found.keys()
        self.seen["not promised"] += bool(found.keys() - self.promised)
        self.seen["half written"] += bool(self.written.keys() - found.keys())


@pytest.mark.parametrize("lives_count", [10, pytest.param(200, marks=pytest.mark.slow)])
def test_lives_with_many_crashes_lose_no_snapshot(lives_count: int) -> None:
    seen: Counter[str] = Counter()
    for seed in range(lives_count):
        life = Life(seed, seen)
        for number in range(6):
            life.live()
            try:
                life.check()
            except Exception as error:
                raise AssertionError(f"seed {seed}, crash {number}") from error

    print(seen)
    happened = ("crash", "snapshot", "removal", "not promised", "half written")
    assert all(seen[each] for each in happened)
