"""The checkers fire on planted bugs: what they pass, they have looked at.

**Strategy**: plant one bug at a time in the text of `qsdb.store` and run a part of what
`test_interleavings.py` runs, a history of `test_histories.py`, all scripts, or a
machine of `test_beside_machine.py`.

**Invariants**: each bug is found by the direct check, those of rows by their key by the
search for cycles too, some others by scripts, by the machine or by questions; and
without a bug nothing is found.
"""

import itertools
import random
from collections.abc import Iterator

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from qsdb.runtime import optimistic as ending
from qsdb.runtime import predicates
from qsdb.store import changed, draws, pins, reading
from qsdb.store.optimistic import (
    holds,
    merging,
    notes,
    seen,
    tables,
    transactions,
)
from tests.isolation.test_beside_machine import AloneMachine
from tests.isolation.test_histories import Appenders, run_rows
from tests.isolation.test_interleavings import SETS
from tests.isolation.test_schedules import SCRIPTS
from tests.support.beside import OPENING, Bench, Number, schedules
from tests.support.commit_order import faults
from tests.support.mutants import Mutant, planted
from tests.support.questions import (
    PAIRS,
    QUESTIONS,
    Feast,
    history_faults,
    run_history,
)
from tests.support.schedules import LEVELS, Level, run_script

pytestmark = pytest.mark.slow

CHANGED = (
    "            if now is not row and now != row:\n"
    '                return f"changed {self._row_text(key)}"\n'
)

MUTANTS = {
    "rows that were read are not looked at again": Mutant(
        seen,
        "for key in seen if self._require_open().notes_reads else self._buffer:",
        "for key in self._buffer:",
    ),
    "rows that are written are not looked at": Mutant(
        seen,
        "for key in seen if self._require_open().notes_reads else self._buffer:",
        "for key in [each for each in seen if each not in self._buffer]:",
    ),
    "a row that is gone counts as the same": Mutant(
        seen,
        "if now is not row and now != row:",
        "if now is not None and now != row:",
    ),
    "a row that is new counts as the same": Mutant(
        seen,
        "if now is not row and now != row:",
        "if row is not None and now != row:",
    ),
    "a row that is equal counts as another": Mutant(
        seen, "if now is not row and now != row:", "if now is not row:"
    ),
    "changes of a table are told by the wrong offset": Mutant(
        seen,
        "if stored.changed_at <= self._offset:",
        "if stored.changed_at <= self._offset + 1:",
    ),
    "rows are read as they are now": Mutant(
        seen,
        "if stored.layers or stored.changed_at > self._offset:",
        "if stored.layers:",
    ),
    "own writes are not seen by key": Mutant(
        seen, "        if key in buffer:\n", "        if False:\n"
    ),
    "own writes are not seen by an index": Mutant(
        seen, "        if mine:\n", "        if False:\n"
    ),
    "rows that own writes replace are seen by an index": Mutant(
        seen,
        "        rows = [row for row in rows if key_of(row) not in buffer]\n"
        "        mine",
        "        mine",
    ),
    "rows that own writes replace are seen in a scan": Mutant(
        seen,
        "            rows = [row for row in rows if key_of(row) not in buffer]\n"
        "            rows += [row for",
        "            rows += [row for",
    ),
    "own rows come last in a range": Mutant(
        seen, "rows.sort(key=index.entry_of)", "pass"
    ),
    "own writes do not count": Mutant(
        tables, "self._extra += 1 if old is None else -1", "pass"
    ),
    "a scan is not noted": Mutant(
        seen, "            notes.is_whole = True\n", "            pass\n"
    ),
    "a count is not noted": Mutant(
        seen, "            notes.has_size = True\n", "            pass\n"
    ),
    "a condition is not noted": Mutant(
        seen, "            notes.predicates[condition] = test\n", "            pass\n"
    ),
    "a condition is asked of new rows only": Mutant(
        notes,
        "for test in self.predicates.values() for row in rows):",
        "for test in self.predicates.values() for _, row in changes if row):",
    ),
    "a range is not looked at": Mutant(
        notes, "if _is_in_one(table, number, ranges, rows):", "if False:"
    ),
    "a range has no lower end": Mutant(
        notes, "first = 0 if low is None else bisect_left(entries, low)", "first = 0"
    ),
    "a range has no upper end": Mutant(
        notes,
        "(high is None or entries[first] < high)",
        "True",
    ),
    "old rows are not looked at": Mutant(
        notes,
        "rows = [row for pair in changes for row in pair if row is not None]",
        "rows = [row for _, row in changes if row is not None]",
    ),
    "new rows are not looked at": Mutant(
        notes,
        "rows = [row for pair in changes for row in pair if row is not None]",
        "rows = [row for row, _ in changes if row is not None]",
    ),
    "what was changed back counts as changed": Mutant(
        notes, "if new is not old and new != old:", "if True:"
    ),
    "nothing is looked at": Mutant(
        transactions, "if self._store.offset != self._offset:", "if False:"
    ),
    "who has only read is looked at": Mutant(
        ending, "if not self._has_written:", "if False:"
    ),
    "deleted rows stay": Mutant(
        merging, "            elif key in rows:\n", "            elif False:\n"
    ),
    "index entries stay": Mutant(
        merging, "            index.remove(old)\n", "            pass\n"
    ),
    "index entries are not made": Mutant(
        merging, "            index.add(new)\n", "            pass\n"
    ),
    "a reader looks at the newest old rows only": Mutant(
        changed,
        "            self.rows.update(images)\n",
        "            self.rows = images\n",
    ),
    "what was gathered once holds for ever": Mutant(
        reading,
        "if gathered is None or not gathered.are_of(places):",
        "if gathered is None:",
    ),
}

OF_THE_MACHINE = {
    "a savepoint takes nothing back": Mutant(
        holds, "self.undo.pop()()", "self.undo.pop()"
    ),
    "a savepoint takes back the first write last": Mutant(
        holds, "self.undo.pop()()", "self.undo.pop(mark)()"
    ),
    "a savepoint does not count": Mutant(
        tables, "self._extra += is_there - was_there", "pass"
    ),
    "the indexes of the buffer stay behind": Mutant(
        tables, "                index.remove(old)\n", "                pass\n"
    ),
    "the indexes of the buffer hear of no new row": Mutant(
        tables, "                index.add(row)\n", "                pass\n"
    ),
    "a unique value counts as taken by its own row": Mutant(
        tables, "if other is not key and other != key:", "if True:"
    ),
    "insert_many keeps what it has done when it is refused": Mutant(
        tables, "            hold.take_back(mark)\n", "            pass\n"
    ),
}
"""What needs more sorts of tables and operations than the histories have."""

OF_KEYS = (
    "rows that were read are not looked at again",
    "rows that are written are not looked at",
    "a row that is new counts as the same",
    "changes of a table are told by the wrong offset",
    "rows are read as they are now",
    "nothing is looked at",
)
"""What the search for cycles is to find: its transactions read and write by key."""


OF_SCRIPTS = {
    "unique values are not looked at again": Mutant(
        merging, "if holder not in buffer:", "if False:"
    ),
    "a number is drawn twice": Mutant(
        draws, "self._following[number] = found + 1", "pass"
    ),
    "a number that was drawn may come and go": Mutant(
        pins, "if is_commit and handle._pre and table.draws.drawers:", "if False:"
    ),
    "publishing is no matter": Mutant(
        transactions, "if transaction._tables is not self._tables:", "if False:"
    ),
}
"""What the scripts are to find."""

OF_QUESTIONS = {
    "of the ways through a table the last one counts": Mutant(
        predicates,
        "ways.setdefault(step.source, []).append([*_own_conditions(step)])",
        "ways[step.source] = [[*_own_conditions(step)]]",
    ),
    "a way that asks for all rows does not count": Mutant(
        predicates,
        "        if all(found):\n",
        "        found = [each for each in found if each]\n        if found:\n",
    ),
    "a row is asked for if all ways ask for it": Mutant(
        predicates, '_joined("OR", [_joined', '_joined("AND", [_joined'
    ),
    "what ON says of a whole table counts": Mutant(
        predicates, "step.own if is_whole(step) else step.filters", "step.filters"
    ),
    "what is tested behind others counts for none": Mutant(
        predicates, "begin += len(part.query.tables)", "begin += 0"
    ),
    "parts of a query have no conditions": Mutant(
        predicates, "in enumerate(plan.plans):", "in enumerate(()):"
    ),
    "equal conditions of other numbers are one": Mutant(
        predicates, "(self, place, caller, *values)", "(self, place, caller)"
    ),
}
"""What questions beside each change are to find, or histories of them."""


def wrong_schedules(level: Level) -> Iterator[str]:
    """Yield what the direct check finds in a few orders of each set, and a history."""
    for programs in SETS.values():
        bench = Bench()
        for order in itertools.islice(schedules(programs), 0, None, 61):
            yield from bench.run(programs, order, level)
            if order[0]:  # the first third of them, which is enough
                break
        bench.db.check()
    bench = Bench()
    bench.fill()
    first = bench.db.offset
    records = run_rows(bench, level, random.Random(3), 2_000)
    with bench.db.read() as reading_:
        last = {row.id: row.value for row in reading_[Number]}
    yield from faults(first, OPENING, records, last)


def is_caught(level: Level) -> bool:
    """Whether the direct check finds anything, or an operation fails."""
    try:
        return any(True for _ in wrong_schedules(level))
    except Exception as error:  # noqa: BLE001  of whatever sort: it shows
        print(repr(error))
        return True


@pytest.mark.parametrize("name", MUTANTS)
def test_the_direct_check_notices(name: str) -> None:
    with planted(MUTANTS[name]):
        assert any(is_caught(level) for level in LEVELS)


@pytest.mark.parametrize("name", OF_SCRIPTS)
def test_the_scripts_notice(name: str) -> None:
    found = 0
    with planted(OF_SCRIPTS[name]):
        for script, level in itertools.product(SCRIPTS.values(), LEVELS):
            try:
                run_script(script, level)
            except Exception as error:  # noqa: BLE001  of whatever sort: it shows
                print(repr(error))
                found += 1

    assert found


@pytest.mark.parametrize("name", OF_THE_MACHINE)
def test_the_machine_notices(name: str) -> None:
    looked = settings(
        max_examples=400,
        stateful_step_count=40,
        database=None,
        phases=[Phase.generate],
        derandomize=True,
    )
    with planted(OF_THE_MACHINE[name]):
        try:
            run_state_machine_as_test(AloneMachine, settings=looked)
        except Exception as error:  # noqa: BLE001  of whatever sort: it shows
            print(repr(error)[:200])
            return
    raise AssertionError("nothing was noticed")


def is_told_wrongly() -> bool:
    """Whether a question beside a change, or a history of them, shows anything."""
    try:
        bench = Feast()
        for question, pairs in itertools.product(QUESTIONS, PAIRS):
            if any(True for _ in bench.faults(question, *pairs)):
                return True
        history = run_history(random.Random(3), 1_000)
        return any(True for _ in history_faults(history))
    except Exception as error:  # noqa: BLE001  of whatever sort: it shows
        print(repr(error))
        return True


@pytest.mark.parametrize("name", OF_QUESTIONS)
def test_the_questions_notice(name: str) -> None:
    with planted(OF_QUESTIONS[name]):
        assert is_told_wrongly()


def rings(level: Level) -> list[str]:
    """Give what the search for cycles finds in a history."""
    appenders = Appenders(level, 5)
    appenders.run(4_000)
    return appenders.faults()


@pytest.mark.parametrize("name", OF_KEYS)
def test_the_search_for_cycles_notices(name: str) -> None:
    with planted(MUTANTS[name]):
        try:
            found = any(rings(level) for level in LEVELS)
        except AssertionError:  # a list changed under its reader's eyes
            found = True

    assert found


@pytest.mark.parametrize("level", LEVELS)
def test_without_a_bug_nothing_is_found(level: Level) -> None:
    assert [*wrong_schedules(level)] == []
    assert rings(level) == []
    assert not is_told_wrongly()
