"""The histories of live queries notice planted bugs.

**Strategy**: plant one bug at a time in the text of `qsdb.live` and of what tells
subscribers (`tests.support.mutants`), and run the histories of `test_live_queries.py`
one after the other until one fails. The push profile has the bugs that are noticed
soonest; the nightly one has all.

**Invariants**:

1. Each planted bug makes a history fail, among the first `SEEDS_MAX`.
2. Without one, they pass: that is `test_live_queries.py`.
"""

import itertools
import os

import pytest

from qsdb.live import (
    addressing,
    engine,
    intervals,
    operators,
    routing,
    tables,
    templates,
)
from qsdb.live.states import changes as changes_of_states
from qsdb.runtime import (
    bags,
    delivery,
    listening,
    live_queries,
    subscriptions,
    updates,
    writer,
)
from qsdb.store import changes, current
from tests.support.live_driver import run
from tests.support.live_histories import draw
from tests.support.mutants import Mutant, planted

pytestmark = pytest.mark.slow

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"

SEEDS_MAX = 200

EVERY_PUSH = {
    "a join reads its tables as they are in all terms": Mutant(
        operators, "            tables[source] = before[source]\n", "            pass\n"
    ),
    "a join reads its tables as they were in all terms": Mutant(
        operators,
        "            tables[source] = now[source]\n",
        "            tables[source] = before[source]\n",
    ),
    "what came and went alike is told": Mutant(
        changes_of_states, "if not inserts or not deletes:", "if True:"
    ),
    "only new rows find queries": Mutant(
        routing, "found.setdefault(reader, []).append((old, None))", "pass"
    ),
    "a self-join is found by its first table's route": Mutant(
        operators,
        "route_of(self.query, source, owner.values)",
        "route_of(self.query, 0, owner.values)",
    ),
    "routes stay when the last one leaves": Mutant(
        engine, "            routes.remove(reader)\n", ""
    ),
    "a row put back is told as come and gone": Mutant(
        changes, "(new := find(key)) != old", "(new := find(key)) is not old"
    ),
}

NIGHTLY = {
    "a table that somebody looks at is passed over": Mutant(
        listening,
        "        self._watch()\n        self.firsts.setdefault",
        "        self.firsts.setdefault",
    ),
    "results of joins are sets": Mutant(
        operators,
        "inserts += run(*tables, NO_CALLER, *values)",
        "inserts += dict.fromkeys(run(*tables, NO_CALLER, *values))",
    ),
    "only old rows find queries": Mutant(
        routing, "found.setdefault(reader, []).append((None, new))", "pass"
    ),
    "an update is a deletion": Mutant(
        tables,
        "return [] if new is None else [new], ",
        "return [] if old is not None else [new], ",
    ),
    "an update is an insertion": Mutant(
        tables,
        "[new], [] if old is None else [old]\n",
        "[new], [] if new is not None else [old]\n",
    ),
    "updates are deletions": Mutant(
        tables,
        "        [new for _, new in pairs if new is not None],\n",
        "        [new for old, new in pairs if old is None],\n",
    ),
    "updates are insertions": Mutant(
        tables,
        "        [old for old, _ in pairs if old is not None],\n",
        "        [old for old, new in pairs if new is None],\n",
    ),
    "all conditions but one are those of the route": Mutant(
        addressing, "len(query.conditions) == 1", "True"
    ),
    "what came was there before": Mutant(tables, "frozenset(inserts)", "frozenset()"),
    "what went was not there before": Mutant(
        tables,
        "FoundRows(deletes, now)",
        "FoundRows([], now)",
    ),
    "a join index keeps rows that are gone": Mutant(
        tables, "                    index.remove(old)\n", "                    ...\n"
    ),
    "a join index does not get new rows": Mutant(
        tables, "                    index.add(new)\n", "                    ...\n"
    ),
    "a join index goes with the first who leaves": Mutant(
        tables,
        "        index.users -= 1\n        if not index.users:",
        "        if True:",
    ),
    "a join index stays": Mutant(
        engine,
        "                self._now[table].drop_index(column)",
        "                pass",
    ),
    "a scan of before has what is new": Mutant(
        tables,
        "return [row for row in rows if row not in inserted] if inserted else rows",
        "return rows",
    ),
    "a scan of before lacks what is gone": Mutant(
        tables,
        "self._old(self._now._scan()) + self._deletes",
        "self._old(self._now._scan())",
    ),
    "an index of before lacks what is gone": Mutant(
        tables, "return self._equal(number).get(value, [])", "return []"
    ),
    "a range of before has all that is gone": Mutant(
        tables, "return self._between(number, within)", "return self.rows"
    ),
    "a range of before lacks what is gone": Mutant(
        tables, "return self._between(number, within)", "return []"
    ),
    "a change of the first column read is all that counts": Mutant(
        routing,
        "itemgetter(first, *(others or [first]))",
        "itemgetter(first, first)",
    ),
    "columns of outputs are not read": Mutant(
        addressing,
        "query.outputs if query.whole is None else ()",
        "()",
    ),
    "columns of conditions are not read": Mutant(
        addressing, "[*query.tests, *[each", "[*[each"
    ),
    "a whole row is looked at for its conditions only": Mutant(
        addressing, "    if query.whole == source:\n        return None\n", ""
    ),
    "of several values only the first finds": Mutant(
        routing,
        "for value in values:\n                    by_value[value]",
        "for value in values[:1]:\n                    by_value[value]",
    ),
    "an interval without its lower end": Mutant(
        intervals, "self.includes_low and low == key", "False"
    ),
    "an interval without its upper end": Mutant(
        intervals, "self.includes_high and key == high", "False"
    ),
    "ends of intervals are exchanged": Mutant(
        addressing,
        "ends = (low_included, high_included)",
        "ends = (high_included, low_included)",
    ),
    "a mirrored comparison is as it was": Mutant(
        templates, "mirrored = _MIRRORED[operator]", "mirrored = operator"
    ),
    "templates of other outputs are equal": Mutant(
        templates, "outputs if query.whole is None else query.whole", "None"
    ),
    "templates of other conditions are equal": Mutant(
        templates, "        count,\n        lifted,\n", "        count,\n"
    ),
    "AND and OR are one": Mutant(
        templates,
        "isinstance(term, Logic) and term.operator == operator",
        "isinstance(term, Logic)",
    ),
    "what is said twice is dropped, and the other too": Mutant(
        templates, "unique = dict.fromkeys(terms)", "unique = dict.fromkeys(terms[:1])"
    ),
    "a result is shared by all values": Mutant(
        engine,
        "result = template.results.get(values)",
        "result = next(iter(template.results.values()), None)",
    ),
    "a result ends with the first who leaves": Mutant(
        engine, "if result.subscribers or template", "if template"
    ),
    "the first of all who share is told": Mutant(
        subscriptions,
        "for subscriber in result.subscribers:\n",
        "for subscriber in [*result.subscribers][:1]:\n",
    ),
    "a commit in a callback is told first": Mutant(
        delivery,
        "message = outbox[0]",
        "outbox.reverse()\n                message = outbox[0]",
    ),
    "rows lack what came": Mutant(bags, "chain(rows, came)", "rows"),
    "rows keep what went": Mutant(bags, "if left.get(row):", "if False:"),
    "pairs are of any keys": Mutant(
        updates,
        "rows = went.get(key_of(stored))",
        "rows = next(iter(went.values()), None)",
    ),
    "who has left is told": Mutant(
        live_queries,
        "        if self.result is None or self.error is not None:\n"
        "            return  # closed meanwhile\n",
        "",
    ),
    "a query that has no room goes on": Mutant(
        subscriptions,
        "if isinstance(what, QueryError) and result is not None:",
        "if False:",
    ),
    "a rollback is told": Mutant(
        writer,
        "if transaction._undo(self.journal):\n                self.rollbacks += 1\n",
        "opened = [*transaction._opened.values()]\n"
        "            offset = self.directory.store.offset + 1\n"
        "            self.audience.committed(opened, offset, None)\n"
        "            if transaction._undo(self.journal):\n"
        "                self.rollbacks += 1\n",
    ),
    "a row by its key is looked for in vain": Mutant(
        current, "return [] if row is None else [row]", "return []"
    ),
}

MUTANTS = EVERY_PUSH | NIGHTLY

NARROW = {
    "what was never in a result ends a query": Mutant(
        operators, "return self._change_whole(values, now, before)", "raise"
    ),
    "a query without room is as it was": Mutant(
        operators,
        "return cancelled(found, self.rows(values, was))",
        "return [], []",
    ),
}


# With a bug in it, what is cut off may fail once more when it is thrown away.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", MUTANTS if IS_NIGHTLY else EVERY_PUSH)
def test_a_history_notices(name: str) -> None:
    with planted(MUTANTS[name]), pytest.raises(Exception):  # noqa: B017, PT011
        for seed in itertools.islice(itertools.count(), SEEDS_MAX):
            run(draw(seed))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", NARROW)
def test_a_history_of_narrow_values_notices(name: str) -> None:
    with planted(NARROW[name]), pytest.raises(Exception):  # noqa: B017, PT011
        for seed in itertools.islice(itertools.count(), SEEDS_MAX):
            run(draw(seed, "narrow"))
