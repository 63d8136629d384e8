"""Random databases, copied in every way there is: each copy holds the same.

Strategy
    Tables of any sort with rows of any kind (`tests.support.schemas`), filled by
    random commits on a simulated disk, with a snapshot somewhere. The database is
    then restored, repaired, dumped and loaded.

Invariants
    1. Each copy has the state of the original: rows, sequences, catalogue, offset.
    2. Each copy verifies deep, and so does the original.
    3. A copy of a copy has the same dump.
"""

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qsdb
from qsdb import ConstraintError
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.support.schemas import TableSpec, build, module_specs
from tests.unit.recovery.stored import read, tables_of

OPTIONS = qsdb.StorageOptions(segment_bytes=2048, step_bytes=1, has_threads=False)

_numbers = st.integers(0, 40)
_commits = st.lists(
    st.tuples(st.integers(0, 2), st.lists(_numbers, min_size=4, max_size=4)),
    max_size=12,
)


def fill(
    disk: SimulatedDirectory,
    specs: tuple[TableSpec, ...],
    commits: list[tuple[int, list[int]]],
    snapshot_after: int,
) -> None:
    """Make a database, and insert a row with each commit, as far as keys allow."""
    module, classes = build(specs)
    clock = FakeClock()
    with qsdb.Database(
        module, disk, durability="always", clock=clock, seed=1, options=OPTIONS
    ) as db:
        for number, (table, values) in enumerate(commits):
            clock.advance(1)
            spec = specs[table % len(specs)]
            row_class: Any = classes[spec.name]
            given_values = {
                column.name: column.domain.pair(value)[0]
                for column, value in zip(spec.columns, values, strict=False)
            }
            try:
                with db.write() as tx:
                    tx[row_class].insert(row_class(**given_values))
            except ConstraintError:
                continue
            if number == snapshot_after:
                db.snapshot()


@pytest.mark.slow
@given(module_specs(), _commits, st.integers(0, 12))
def test_every_copy_holds_the_same(
    specs: tuple[TableSpec, ...],
    commits: list[tuple[int, list[int]]],
    snapshot_after: int,
) -> None:
    disk = SimulatedDirectory()
    fill(disk, specs, commits, snapshot_after)
    state = read(disk)
    expected = state.offset, tables_of(state)
    copies = {name: SimulatedDirectory() for name in ("restore", "repair", "load")}
    stream = io.BytesIO()

    qsdb.restore(disk, copies["restore"])
    repair = qsdb.repair(disk, copies["repair"])
    qsdb.dump(disk, stream)
    qsdb.load(io.BytesIO(stream.getvalue()), copies["load"])

    assert repair.faults == ()
    for name, copy in {"original": disk, **copies}.items():
        found = qsdb.verify(copy, deep=True)
        assert found.is_sound, f"{name}: {found}"
        copied = read(copy)
        assert (copied.offset, tables_of(copied)) == expected, name
    again = io.BytesIO()
    qsdb.dump(copies["load"], again)
    assert again.getvalue() == stream.getvalue()
