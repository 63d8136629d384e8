"""The histories of live queries of several parts notice planted bugs.

**Strategy**: plant one bug at a time in what joins states to queries on tables
(`tests.support.mutants`), and run the histories of `test_live_derived.py` one after the
other until one fails.

**Invariants**:

1. Each planted bug makes a history fail, among the first `SEEDS_MAX`.
2. Without one, they pass: that is `test_live_derived.py`.
"""

from collections import Counter

import pytest

from qsdb.live import (
    addressing,
    derived,
    engine,
    flips,
    nodes,
    operators,
    outer_joins,
    tables,
    trees,
    witnesses,
)
from qsdb.live.states import groups, tops, windows
from tests.property.test_live_derived import run
from tests.support.mutants import Mutant, planted

pytestmark = pytest.mark.slow

SEEDS_MAX = 60

MUTANTS = {
    "the last rows of a group leave its row": Mutant(
        groups, "if group.count or not self._keys:", "if True:"
    ),
    "equal outputs of two groups are told": Mutant(
        nodes,
        "return cancelled([*map(make, inserts)], [*map(make, deletes)])",
        "return [*map(make, inserts)], [*map(make, deletes)]",
    ),
    "what HAVING does not let through goes all the same": Mutant(
        nodes,
        "return self._picked(inserts), self._picked(deletes)",
        "return self._picked(inserts), deletes",
    ),
    "equal rows in order are one": Mutant(
        trees, "has_numbers = not is_set(window)", "has_numbers = False"
    ),
    "places are told of the rows before they are made": Mutant(
        nodes, "Move(make(each.row), each.was, each.now)", "each"
    ),
    "a window is not filled up": Mutant(
        windows, "(left if was else entered).append(entry)", "pass"
    ),
    "the first of a group are told whether they were so before or not": Mutant(
        tops, "cancelled(self._first(key), was)", "(self._first(key), was)"
    ),
    "the rest of a group is not kept": Mutant(
        tops,
        "            group.add(entry_of(row))\n",
        "            group.add(entry_of(row))\n"
        "            if len(group) > self._limit:\n"
        "                group.remove(group[-1])\n",
    ),
    "one part of two is told of": Mutant(
        derived, "number - base: pairs", "number - base: pairs if base == 0 else []"
    ),
    "changes of a LEFT JOIN's table are passed over": Mutant(
        witnesses,
        "for outer in query.outer:\n        wanted",
        "for outer in ():\n        wanted",
    ),
    "a table has its old number where candidates are given": Mutant(
        witnesses,
        ").mapped(lambda each: renumbered(each, places))\n",
        ").mapped(lambda each: renumbered(each, places))\n"
        "    sought = attrs.evolve(sought, outputs=outputs_of(query, bases))\n",
    ),
    "what looks into tables beside a LEFT JOIN's is passed over": Mutant(
        witnesses,
        "*_paths(query.conditions)",
        "*_paths([e for e in query.conditions if sources_of(e) <= {*bases}])",
    ),
    "what looks into tables in ON is passed over": Mutant(
        witnesses, "        yield from _paths(wanted)\n", ""
    ),
    "of what looks into a table only the first finds": Mutant(
        witnesses, "for each in looking] or", "for each in looking[:1]] or"
    ),
    "of values that are looked for only the first one finds": Mutant(
        addressing,
        "[value for each in fixed for value in each[column]]",
        "[value for each in fixed[:1] for value in each[column]]",
    ),
    "columns of ON are not read": Mutant(
        addressing,
        "[*query.tests, *[each",
        "[*query.conditions, *[each",
    ),
    "what comes is looked for where it is already": Mutant(
        witnesses, "of(came, before or now, arguments)", "of(came, now, arguments)"
    ),
    "what goes is looked for where it still was": Mutant(
        witnesses, "of(went, now, arguments)", "of(went, before or now, arguments)"
    ),
    "of others with a key nothing more is asked": Mutant(
        flips, "*[renumbered(e, {source: 1}) for e in alone]", ""
    ),
    "a key is one column at most": Mutant(
        flips,
        "cells = cells_of(rest, source)",
        "cells = dict([*cells_of(rest, source).items()][:1])",
    ),
    "before a commit there were as many as now": Mutant(
        tables,
        "            count -= len(self._inserts",
        "            len(self._inserts",
    ),
    "a row with NULLs comes beside partners": Mutant(
        outer_joins, "self._met([*alone - was_alone]", "self._met([*alone]"
    ),
    "a row with NULLs is not taken away": Mutant(
        outer_joins, "self._met([*was_alone - alone]", "self._met([]"
    ),
    "a LEFT JOIN meets rows that came with it": Mutant(
        outer_joins, "before[each] or now[each] for", "now[each] for"
    ),
    "rows before are not taken away where ON looks into tables": Mutant(
        operators,
        "yield run(*now, *arguments), run(*before, *arguments)",
        "yield run(*now, *arguments), []",
    ),
    "states stay when the last one leaves": Mutant(
        engine, "        if not template.results:\n", "        if False:\n"
    ),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("name", MUTANTS)
def test_a_history_notices(name: str) -> None:
    with planted(MUTANTS[name]):
        for seed in range(SEEDS_MAX):
            try:
                run(seed, Counter())
            except Exception:  # noqa: BLE001  whatever a bug leads to
                return
    pytest.fail(f"nobody notices: {name}")
