"""The state machine notices planted bugs: what it passes, it has looked at.

**Strategy**: plant one bug at a time in the text of `qsdb.store`
(`tests.support.mutants`) and run the machine of `test_store_machine.py` on few
examples, without shrinking. Interleavings have mutants of their own.

**Invariants**:

1. Each planted bug makes the machine fail.
2. Without one, the same examples pass.
"""

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from qsdb.store import images, indexes, operations, paths, reading, transactions, writing
from tests.property.test_store_machine import StoreMachine
from tests.support.mutants import Mutant, planted

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
        "        for index in self.indexes:\n            index.remove(row)",
        "        for index in self.indexes[1:]:\n            index.remove(row)",
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
        "        if key not in self._pre:\n            self._pre[key] = old\n        try:",
        "        try:",
    ),
    "clear is not noted": Mutant(
        writing, "        merge(self._pre, rows)  # type: ignore[arg-type]\n", ""
    ),
    "insert_many stores rows before it looks at unique keys": Mutant(
        writing,
        "        _check_unique(stored, batch.values())\n",
        "        rows.update(batch)\n        _check_unique(stored, batch.values())\n",
    ),
    "insert_many takes two rows with one unique value": Mutant(
        writing, "if existing.keys_equal(value) or value in seen:", "if value in ():"
    ),
    "an update by a unique column that is refused has deleted the row": Mutant(
        writing, "self._stored.restore({old_key: same[0]})", "pass"
    ),
    "a savepoint undone keeps its sequence numbers": Mutant(
        writing, "                stored.sequences[:] = before", "                pass"
    ),
    "a savepoint released takes its notes with it": Mutant(
        writing, "        merge(self._pre, inner)\n", "        if undo: merge(self._pre, inner)\n"
    ),
    "a savepoint undone keeps its rows": Mutant(
        writing, "        if undo:\n            stored.restore(inner)\n", ""
    ),
    "the net change is looked for the wrong way": Mutant(
        transactions, "if find(key) != old:", "if find(key) == old:"
    ),
    "a transaction without net change uses up sequence numbers": Mutant(
        transactions, "handle._restore_sequences()", "pass"
    ),
    "undo is dropped while an older pin is open": Mutant(
        images, "_merge_pin(self.pins[place - 1], pin)", "pass"
    ),
    "a read transaction shares the newest pin, whatever its offset": Mutant(
        images, "if self.pins and self.pins[-1].offset == self.offset:", "if self.pins:"
    ),
    "undo is kept though nobody reads": Mutant(
        images,
        "        self.pins = self.pins[:place] + self.pins[place + 1 :]\n",
        "        self.pins = self.pins[:place] + self.pins[place + (place > 0) :]\n",
    ),
    "the newer image wins over the older": Mutant(
        images, "            older.setdefault(key, image)", "            older[key] = image"
    ),
    "the number of rows is that of now": Mutant(
        reading, "count = each.counts.get(self._stored, count)", "pass"
    ),
    "a scan does not look at the open transaction's notes": Mutant(
        reading, "        yield from reversed(stored.layers)\n", ""
    ),
    "a point read does not look at the open transaction's notes": Mutant(
        reading, "for images in reversed(stored.layers):", "for images in ():"
    ),
    "a point read looks at savepoints from outside in": Mutant(
        reading, "for images in reversed(stored.layers):", "for images in stored.layers:"
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
        reading, "if row is not None and _matches(index, row, within, value):",
        "if row is not None:",
    ),
    "NaN is not found in changed rows": Mutant(
        reading, "return found is value or found == value", "return found == value"
    ),
    "the lower end of a range is swapped": Mutant(
        paths, "after=not include[0]", "after=include[0]"
    ),
    "the upper end of a range is swapped": Mutant(
        paths, "after=include[1]", "after=not include[1]"
    ),
    "a prefix finds too much": Mutant(
        paths, "self.bound(values, after=True))", "None)"
    ),
    "None is taken in a unique column": Mutant(
        indexes, "        return value is None\n", "        return False\n"
    ),
    "a hash bucket loses all rows with one": Mutant(
        indexes, "bucket.pop(key, None)", "bucket.clear()"
    ),
    "a hash index keeps one row for each value": Mutant(
        indexes, "self.buckets[value] = {bucket: None, key: None}", "self.buckets[value] = key"
    ),
}  # fmt: skip


def run_the_machine() -> None:
    run_state_machine_as_test(  # type: ignore[no-untyped-call]
        StoreMachine,
        settings=settings(
            max_examples=EXAMPLES_MAX,
            stateful_step_count=50,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            print_blob=False,
            report_multiple_bugs=False,
        ),
    )


@pytest.mark.parametrize("name", MUTANTS)
def test_the_machine_notices(name: str) -> None:
    with planted(MUTANTS[name]), pytest.raises(Exception):  # noqa: B017, PT011
        run_the_machine()


def test_the_machine_passes_what_is_right() -> None:
    run_the_machine()
