"""The state machine notices planted bugs: what it passes, it has looked at.

**Strategy**: plant one bug at a time in the text of `qsdb.store`
(`tests.support.mutants`) and run the machine of `test_store_machine.py`, without
shrinking, until it fails. What the machine finds, but only after hundreds of
examples, has a script of a few lines besides, which is run in its place.
Interleavings have mutants of their own (`test_interleavings.py`).

**Invariants**:

1. Each planted bug makes the machine, or its script, fail.
2. Without one, they pass.
"""

import itertools
from collections.abc import Callable

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from qsdb.store import (
    changed,
    changing,
    images,
    indexes,
    operations,
    paths,
    pins,
    reading,
    transactions,
    writing,
)
from tests.property.test_store_machine import StoreMachine
from tests.support.mutants import Mutant, planted
from tests.support.schemas import RICH
from tests.support.twins import Twins

pytestmark = pytest.mark.slow

EXAMPLES_MAX = 1000

MUTANTS = {
    "rollback forgets to enter a row in the last index": Mutant(
        images,
        "            for index in indexes:\n                index.add(old)",
        "            for index in indexes[:-1]:\n                index.add(old)",
    ),
    "rollback leaves a row in the first index": Mutant(
        images,
        "for index in indexes:\n                    index.remove(now)",
        "for index in indexes[1:]:\n                    index.remove(now)",
    ),
    "update keeps the old index entry": Mutant(
        operations, "indexes[{number}].remove(old)", "pass"
    ),
    "update moves index entries only if all columns change": Mutant(
        operations, 'moved = " or ".join', 'moved = " and ".join'
    ),
    "update does not look at unique keys": Mutant(
        operations,
        '{otherwise}"\n        yield from self._check_unique("    ")',
        '{otherwise}"',
    ),
    "an explicit value does not move the sequence": Mutant(
        operations,
        'yield f"{indent}    sequences[{number}] = v{place} + 1"',
        'yield f"{indent}    sequences[{number}] += 1"',
    ),
    "a delete is not noted": Mutant(
        writing,
        "        if key not in self._pre:\n"
        "            self._pre[key] = old\n        try:",
        "        try:",
    ),
    "clear is not noted": Mutant(
        writing, "        merge(self._pre, rows)  # type: ignore[arg-type]\n", ""
    ),
    "insert_many stores rows before it looks at unique keys": Mutant(
        writing,
        "        check_unique(stored, batch.values())\n",
        "        rows.update(batch)\n        check_unique(stored, batch.values())\n",
    ),
    "insert_many takes two rows with one unique value": Mutant(
        writing, "if existing.keys_equal(value) or value in seen:", "if value in ():"
    ),
    "an update by a unique column that is refused has deleted the row": Mutant(
        changing, "            self._put_back(same[0])\n", ""
    ),
    "a savepoint undone keeps its sequence numbers": Mutant(
        writing,
        "                stored.sequences[:] = self._before[len(outer)]",
        "                pass",
    ),
    "a savepoint released takes its notes with it": Mutant(
        writing,
        "        merge(outer[-1], inner)\n",
        "        if undo: merge(outer[-1], inner)\n",
    ),
    "a savepoint undone keeps its rows": Mutant(
        writing, "            stored.restore(inner)\n", "            pass\n"
    ),
    "the net change is looked for the wrong way": Mutant(
        transactions, "if find(key) != old:", "if find(key) == old:"
    ),
    "a transaction without net change uses up sequence numbers": Mutant(
        transactions, "handle._restore(has_rows=False)", "pass"
    ),
    "undo is dropped while an older pin is open": Mutant(
        pins, "self.pins[place - 1].take_over(pin)", "pass"
    ),
    "a read transaction shares the newest pin, whatever its offset": Mutant(
        pins, "if self.pins and self.pins[-1].offset == self.offset:", "if self.pins:"
    ),
    "undo is kept though nobody reads": Mutant(
        pins,
        "        self.pins = self.pins[:place] + self.pins[place + 1 :]\n",
        "        self.pins = self.pins[:place] + self.pins[place + (place > 0) :]\n",
    ),
    "the newer image wins over the older": Mutant(
        images,
        "            older.setdefault(key, image)",
        "            older[key] = image",
    ),
    "the number of rows is that of now": Mutant(
        reading, "count = each.counts.get(self._stored, count)", "pass"
    ),
    "a table that changed after a rollback is taken as it is": Mutant(
        reading,
        "stored.changed_at <= offset",
        "stored.changed_at <= offset + 1",
    ),
    "a point read does not look whether the table changed": Mutant(
        operations,
        "if stored.layers or stored.changed_at > self._offset:",
        "if stored.layers:",
    ),
    "a scan does not look at the open transaction's notes": Mutant(
        reading, "        yield from reversed(stored.layers)\n", ""
    ),
    "a point read does not look at the open transaction's notes": Mutant(
        reading, "for images in reversed(stored.layers):", "for images in ():"
    ),
    "a point read looks at savepoints from outside in": Mutant(
        reading,
        "for images in reversed(stored.layers):",
        "for images in stored.layers:",
    ),
    "a point read looks at the newest pin only": Mutant(
        reading,
        "            undo = each.undo.get(stored)\n",
        "            undo = self._store.pins[-1].undo.get(stored)\n",
    ),
    "changed rows come last in a range": Mutant(
        reading, "selected.sort(key=index.entry_of)", "pass"
    ),
    "changed rows are found by any index value": Mutant(
        changed,
        "if row is not None and matches(index, row, within, value):",
        "if row is not None:",
    ),
    "NaN is not found in changed rows": Mutant(
        changed, "return found is value or found == value", "return found == value"
    ),
    "what was gathered once holds for ever": Mutant(
        reading,
        "if gathered is None or not gathered.are_of(places):",
        "if gathered is None:",
    ),
    "more keys in the same places do not matter": Mutant(
        changed, "each is known and len(each) == count", "each is known"
    ),
    "an index of changed rows has none": Mutant(
        changed,
        "            own.add_many([row for row in rows.values() if row is not None])\n",
        "",
    ),
    "the lower end of a range is swapped": Mutant(
        paths, "after=not include[0]", "after=include[0]"
    ),
    "the upper end of a range is swapped": Mutant(
        paths, "after=include[1]", "after=not include[1]"
    ),
    "a prefix finds too much": Mutant(
        paths, "return Range(low, (*low, TOP))", "return Range(low, None)"
    ),
    "None is taken in a unique column": Mutant(
        indexes, "        return value is None\n", "        return False\n"
    ),
    "a hash bucket loses all rows with one": Mutant(
        indexes, "bucket.pop(key, None)", "bucket.clear()"
    ),
    "a hash index keeps one row for each value": Mutant(
        indexes,
        "self.buckets[value] = {bucket: None, key: None}",
        "self.buckets[value] = key",
    ),
}


def an_undone_insert(twins: Twins) -> None:
    """Nothing comes of a transaction, so the next number is the same."""
    twins.insert_and_delete(0, (0, 3, 0, 0))
    twins.commit()
    twins.insert(0, (0, 3, 0, 0))


def an_undone_savepoint(twins: Twins) -> None:
    """The next number is that of before the savepoint."""
    twins.insert(0, (0, 3, 1, 0))
    twins.enter_savepoint()
    twins.insert(0, (0, 3, 1, 1))
    twins.leave_savepoint(undo=True)
    twins.insert(0, (0, 3, 1, 1))


def a_savepoint_over_a_change(twins: Twins) -> None:
    """A reader passes by what the savepoint and the transaction did to a row."""
    twins.insert(0, (1, 3, 0, 0))
    twins.commit()
    twins.open_read()
    twins.update(0, (1, 3, 1, 1))
    twins.enter_savepoint()
    twins.update(0, (1, 3, 2, 2))
    twins.look_up(0, 0, (1, 0, 0, 0))


def three_reads(twins: Twins) -> None:
    """Each sees its own state, also when newer ones have been closed."""
    for number in range(3):
        twins.upsert(0, (1, number, number, 0))
        twins.upsert(0, (2, 3, number, number))
        twins.commit()
        twins.open_read()
    twins.insert(0, (0, 3, 4, 3))
    twins.commit()
    twins.look_up(0, 0, (1, 0, 0, 0))
    twins.close_read(2)
    twins.check()
    twins.close_read(1)
    twins.check()


def a_moved_row(twins: Twins) -> None:
    """A row is changed that stands in the middle of an index, and was NaN."""
    for number in range(4):
        twins.insert(0, (0, 3, number + 1, number))
    twins.insert(0, (0, 2, 4, 0))
    twins.commit()
    twins.open_read()
    for row in range(5):
        twins.update(0, (0, 3, row, 3 - row), like=row)
        twins.check()


def a_row_looked_up_again(twins: Twins) -> None:
    """Rows that have changed are found as often as anybody looks for them."""
    a_moved_row(twins)
    twins.check()
    twins.check()


def a_row_moved_in_one_column(twins: Twins) -> None:
    """An index over two columns follows either."""
    twins.insert(0, (0, 3, 1, 0))
    twins.update(0, (0, 3, 1, 1), like=0)


def ends_of_ranges(twins: Twins) -> None:
    """Each end of a range stands on a row."""
    for number in range(4):
        twins.insert(0, (0, 3, 1, number))
    for place in range(len(RICH.accessors)):
        for low, high in itertools.product((False, True), repeat=2):
            twins.look_between(0, place, (1,), (2,), (low, high), reverse=False)


SCRIPTS = {
    "a transaction without net change uses up sequence numbers": an_undone_insert,
    "a savepoint undone keeps its sequence numbers": an_undone_savepoint,
    "a point read looks at savepoints from outside in": a_savepoint_over_a_change,
    "a point read looks at the newest pin only": three_reads,
    "undo is dropped while an older pin is open": three_reads,
    "changed rows come last in a range": a_moved_row,
    "changed rows are found by any index value": a_moved_row,
    "update moves index entries only if all columns change": a_row_moved_in_one_column,
    "NaN is not found in changed rows": a_moved_row,
    "what was gathered once holds for ever": a_moved_row,
    "more keys in the same places do not matter": a_moved_row,
    "an index of changed rows has none": a_row_looked_up_again,
    "the lower end of a range is swapped": ends_of_ranges,
    "the upper end of a range is swapped": ends_of_ranges,
}


def run_the_machine(examples_max: int) -> None:
    run_state_machine_as_test(
        StoreMachine,
        settings=settings(
            max_examples=examples_max,
            stateful_step_count=50,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            print_blob=False,
            report_multiple_bugs=False,
        ),
    )


def run_script(script: Callable[[Twins], None]) -> None:
    twins = Twins([RICH])
    script(twins)
    twins.check()
    twins.end()


@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in SCRIPTS])
def test_the_machine_notices(name: str) -> None:
    with planted(MUTANTS[name]), pytest.raises(Exception):  # noqa: B017, PT011
        run_the_machine(EXAMPLES_MAX)


@pytest.mark.parametrize("name", SCRIPTS)
def test_the_script_notices(name: str) -> None:
    with planted(MUTANTS[name]), pytest.raises(Exception):  # noqa: B017, PT011
        run_script(SCRIPTS[name])


@pytest.mark.parametrize("script", set(SCRIPTS.values()))
def test_the_script_passes_what_is_right(script: Callable[[Twins], None]) -> None:
    run_script(script)


def test_the_machine_passes_what_is_right() -> None:
    run_the_machine(20)
