"""Transactions beside each other against the twin that runs everything again.

**Strategy**: Hypothesis draws tables of any columns, keys and indexes, and then
transactions on them: up to three optimistic ones at a time, which insert, update,
delete, read by keys, ranges and as a whole, enter savepoints and leave them; serial
ones in between; commits and rollbacks. Another machine has one optimistic transaction
after the other, and does all to it that `test_store_machine.py` does to a serial one.

**Invariants**:

1. Each operation gives what the twin gives, on the rows of its beginning and its own.
2. What commits would give the same if it were run at its commit from the beginning.
3. What is refused is refused because something has changed since it began.
4. Between the steps the committed rows are the twin's, nothing is broken, and in the
   end no old row is kept.
"""

from typing import Any

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from qsdb.store.optimistic import seen
from tests.property.test_store_machine import (
    StoreMachine,
    accessors,
    likes,
    numbers,
    tables,
)
from tests.support.replay_twin import Beside, TwinTables
from tests.support.schemas import TableSpec, module_specs
from tests.support.twins import Twins

OPEN_MAX = 3


def without_sequences(specs: tuple[TableSpec, ...]) -> tuple[TableSpec, ...]:
    """Give tables without generated columns: beside others these leave gaps."""
    return tuple(
        [
            attrs.evolve(
                spec,
                columns=tuple(
                    [attrs.evolve(each, is_generated=False) for each in spec.columns]
                ),
            )
            for spec in specs
        ]
    )


specs = module_specs().map(without_sequences)
bools = st.booleans()

OPERATIONS: dict[str, Any] = {
    "insert": lambda each, t, _, row, __: each.insert(t, row),
    "insert_many": lambda each, t, a, row, _: each.insert_many(t, [row, (a, *row)]),
    "update": lambda each, t, _, row, like: each.update(t, row, like),
    "upsert": lambda each, t, _, row, like: each.upsert(t, row, like),
    "update_by": lambda each, t, a, row, like: each.update_by(t, a, row, like),
    "delete": lambda each, t, _, row, like: each.delete(t, row, like),
    "delete_by_key": lambda each, t, _, row, like: each.delete_by_key(t, row, like),
    "delete_by": lambda each, t, a, row, like: each.delete_by(t, a, row, like),
    "clear": lambda each, t, *_: each.clear(t),
    "read_all": lambda each, t, *_: each.read_all(t),
    "read_count": lambda each, t, *_: each.read_count(t),
    "read_key": lambda each, t, _, row, like: each.read_key(t, row, like),
    "read_equal": lambda each, t, a, row, like: each.read_equal(t, a, row, like),
    "read_between": lambda each, t, a, row, like: each.read_between(
        t, a, row[:2], row[2:], (bool(a % 2), like is None)
    ),
    "savepoint": lambda each, *_: each.enter_savepoint(),
    "release": lambda each, *_: each.leave_savepoint(undo=False),
    "undo": lambda each, *_: each.leave_savepoint(undo=True),
}
RARE = ("clear", "read_all", "savepoint", "release", "undo")
weighted = [name for name in OPERATIONS for _ in range(1 if name in RARE else 3)]
operations = st.lists(
    st.tuples(st.sampled_from(weighted), tables, accessors, numbers, likes),
    min_size=1,
    max_size=4,
)


def operate(each: Beside, drawn: Any) -> None:
    for name, table, accessor, row, like in drawn:
        OPERATIONS[name](each, table, accessor, row, like)


class BesideMachine(RuleBasedStateMachine):
    """Draws operations; `Beside` does them and compares."""

    twins: TwinTables
    refused = committed = 0

    @initialize(specs=specs, rows=st.lists(numbers, max_size=12))
    def open(self, specs: tuple[TableSpec, ...], rows: Any) -> None:
        self.twins = TwinTables(specs)
        self.running: list[Beside] = []
        first = self.twins.begin(is_serial=True)
        for place, row in enumerate(rows):
            first.insert(place, row)
        first.leave(commits=True)

    @rule(number=st.integers(0, OPEN_MAX - 1), drawn=operations)
    def run(self, number: int, drawn: Any) -> None:
        if number >= len(self.running):
            self.running.append(self.twins.begin())
            number = -1
        operate(self.running[number], drawn)

    @rule(number=st.integers(0, OPEN_MAX - 1), commits=st.sampled_from((1, 1, 1, 0)))
    def end(self, number: int, commits: int) -> None:
        if number < len(self.running):
            self.running.pop(number).leave(commits=bool(commits))

    @rule(drawn=operations)
    def run_serially(self, drawn: Any) -> None:
        serial = self.twins.begin(is_serial=True)
        operate(serial, drawn)
        serial.leave(commits=True)

    @invariant()
    def the_committed_rows_are_the_twins(self) -> None:
        if hasattr(self, "twins"):
            self.twins.check()

    def teardown(self) -> None:
        if hasattr(self, "twins"):
            while self.running:
                self.running.pop().leave(commits=True)
            self.twins.check()
            stats = self.twins.database.stats()
            assert (stats.pins, stats.undo_rows) == (0, 0)


TestBeside = pytest.mark.slow(BesideMachine.TestCase)
TestBeside.settings = settings(
    max_examples=max(80, settings().max_examples), stateful_step_count=40
)


class OptimisticTwins(Twins):
    """As `Twins`, with an optimistic transaction in the place of the serial one."""

    def begin(self) -> None:
        if not self.model.is_open:
            self._transaction = self.database.optimistic()
            self.model.begin()

    def _leave(self, error: Exception | None) -> None:
        if error is None:
            self._transaction.commit()
        else:
            self._transaction.rollback()
        self._transaction = None


class AloneMachine(StoreMachine):
    """Has optimistic transactions one after the other.

    Their buffers have indexes from the first row on, as otherwise those of many rows.
    """

    few = seen.FEW

    @initialize(specs=specs, rows=st.lists(numbers, max_size=16))
    def open(self, specs: tuple[TableSpec, ...], rows: Any) -> None:
        seen.FEW = 0
        self.twins = OptimisticTwins(specs)
        for place, row in enumerate(rows):
            self.twins.insert(place, row)

    def teardown(self) -> None:
        super().teardown()
        seen.FEW = self.few


TestAlone = pytest.mark.slow(AloneMachine.TestCase)
TestAlone.settings = settings(
    max_examples=max(60, settings().max_examples), stateful_step_count=50
)
