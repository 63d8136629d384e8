"""The store against dicts and lists: every operation, in any order.

**Strategy**: Hypothesis draws one to three tables of any columns, keys and
indexes, and then operations on them: writes that collide all the time, since a
column has a handful of values; savepoints inside savepoints; commits and
rollbacks; read transactions opened and closed at any moment. A model made of
lists (`tests.support.model`) does the same and is the judge.

**Invariants**:

1. Each operation gives what the model gives, or the error that it names, and
   an operation that is refused changes nothing.
2. Results of an ordered index are in exactly the model's order.
3. After each step, every open transaction sees its state of the model: the
   write transaction its own writes, a read transaction its offset's rows.
4. Between transactions `Database.check` finds nothing broken, and without a
   read transaction no old row is kept.
5. A read transaction changes nothing: with and without one, the same
   operations give the same results, rows, order and offsets.
"""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from tests.support.schemas import TableSpec, module_specs
from tests.support.twins import Twins

READS_MAX = 4
"""Read transactions open at once: enough for pins before, between and after."""

DEPTH_MAX = 3

tables = st.integers(0, 2)
accessors = st.integers(0, 7)
numbers = st.tuples(*[st.integers(0, 7)] * 4)
"""A row, or a key, of at most four columns."""
ends = st.lists(st.integers(0, 7), max_size=3)
"""Numbers for the first columns of an index; none leaves the end out."""
likes = st.none() | st.integers(0, 7)
"""Which of the rows that are there to take values from."""
batches = st.lists(numbers, max_size=6)
bools = st.booleans()


WRITES: dict[str, Callable[[Twins, int, int, Any, int | None], None]] = {
    "insert": lambda twins, table, _, row, __: twins.insert(table, row),
    "update": lambda twins, table, _, row, like: twins.update(table, row, like),
    "upsert": lambda twins, table, _, row, like: twins.upsert(table, row, like),
    "update_by": Twins.update_by,
    "delete": lambda twins, table, _, row, like: twins.delete(table, row, like),
    "delete_by_key": lambda twins, table, _, row, like: twins.delete_by_key(
        table, row, like
    ),
    "delete_by": Twins.delete_by,
    "write_wrongly": lambda twins, table, place, row, _: twins.write_wrongly(
        table, row, place
    ),
    "insert_and_delete": lambda twins, table, _, row, __: twins.insert_and_delete(
        table, row
    ),
    "clear": lambda twins, table, *_: twins.clear(table),
}

names = [name for name in WRITES for _ in range(4 if name == "insert" else 1)]
writes = st.tuples(st.sampled_from(names), tables, accessors, numbers, likes)


class StoreMachine(RuleBasedStateMachine):
    """Draws operations; `Twins` does them and compares."""

    twins: Twins

    @initialize(specs=module_specs(), rows=st.lists(numbers, max_size=16))
    def open(self, specs: tuple[TableSpec, ...], rows: Any) -> None:
        self.twins = Twins(specs)
        for place, row in enumerate(rows):
            self.twins.insert(place, row)

    @rule(writes=st.lists(writes, min_size=1, max_size=8))
    def write(self, writes: Any) -> None:
        for name, table, accessor, row, like in writes:
            WRITES[name](self.twins, table, accessor, row, like)
            self.twins.check_written(table)

    @rule(table=tables, rows=batches)
    def insert_many(self, table: int, rows: Any) -> None:
        self.twins.insert_many(table, rows)

    @rule(table=tables, accessor=accessors, key=numbers, like=likes)
    def look_up(self, table: int, accessor: int, key: Any, like: int | None) -> None:
        self.twins.look_up(table, accessor, key, like)

    @rule(
        table=tables,
        accessor=accessors,
        low=ends,
        high=ends,
        include=st.tuples(bools, bools),
        reverse=bools,
    )
    def look_between(
        self,
        table: int,
        accessor: int,
        low: Any,
        high: Any,
        include: Any,
        reverse: bool,  # noqa: FBT001  Hypothesis's way
    ) -> None:
        self.twins.look_between(table, accessor, low, high, include, reverse=reverse)

    @precondition(lambda self: self.twins.depth < DEPTH_MAX)
    @rule()
    def enter_savepoint(self) -> None:
        self.twins.enter_savepoint()

    @precondition(lambda self: self.twins.depth)
    @rule(undo=bools)
    def leave_savepoint(self, undo: bool) -> None:  # noqa: FBT001  Hypothesis's way
        self.twins.leave_savepoint(undo=undo)

    @precondition(lambda self: self.twins.is_writing)
    @rule(commits=st.sampled_from((True, True, False)))
    def end(self, commits: bool) -> None:  # noqa: FBT001  Hypothesis's way
        if commits:
            self.twins.commit()
        else:
            self.twins.rollback()

    @rule(number=st.integers(0, READS_MAX - 1))
    def open_or_close_a_read(self, number: int) -> None:
        self.twins.open_or_close_read(number)

    @invariant()
    def all_transactions_see_their_state(self) -> None:
        self.twins.check()

    def teardown(self) -> None:
        if hasattr(self, "twins"):
            self.twins.end()


TestStore = pytest.mark.slow(StoreMachine.TestCase)
TestStore.settings = settings(
    max_examples=max(80, settings().max_examples), stateful_step_count=50
)


steps = st.sampled_from(("commit", "commit", "rollback", "enter", "release", "undo"))
scripts = st.lists(st.lists(writes, max_size=4) | steps, max_size=20)
reads = st.lists(st.integers(0, READS_MAX - 1), min_size=20, max_size=20)


def run_step(twins: Twins, step: Any) -> None:
    match step:
        case list():
            for name, table, accessor, row, like in step:
                WRITES[name](twins, table, accessor, row, like)
        case "commit" if twins.is_writing:
            twins.commit()
        case "rollback" if twins.is_writing:
            twins.rollback()
        case "enter":
            twins.enter_savepoint()
        case "release" | "undo":
            twins.leave_savepoint(undo=step == "undo")
        case _:
            assert step in ("commit", "rollback")


def seen(twins: Twins) -> list[str]:
    """Give all that is stored, in the order in which scans and indexes give it."""
    with twins.database.read() as transaction:
        rows = [list(transaction.table(spec.name)) for spec in twins.specs]
        rows += [
            list(transaction.table(spec.name).index(by.name).range())
            for spec in twins.specs
            for by in spec.accessors
            if by.algorithm == "btree"
        ]
    stats = twins.database.stats()
    return [*map(repr, rows), repr((stats.offset, stats.commits, stats.rollbacks))]


@pytest.mark.slow
@given(specs=module_specs(), script=scripts, numbers=reads)
def test_read_transactions_change_nothing(
    specs: tuple[TableSpec, ...], script: Any, numbers: list[int]
) -> None:
    alone, watched = Twins(specs), Twins(specs)
    for step, number in zip(script, numbers, strict=False):
        run_step(alone, step)
        run_step(watched, step)
        watched.open_or_close_read(number)

        assert seen(watched) == seen(alone)

    watched.end()
    alone.end()

    assert seen(watched) == seen(alone)
