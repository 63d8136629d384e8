"""Row filters against a slow twin, after random commits with several callers.

**Strategy**: for each set of filters (`tests.support.filter_twin.RULES`) a database
with three callers, who each subscribe to all questions; half of them when there are
rows already. Commits of some random operations on few values, so that rows of joined
tables come, go and change together with those that they let be seen.

**Invariants**, at every commit:

1. what a caller asks once is what the twin says;
2. so is what each live query has, which is the sum of what it was told;
3. so is what is in the cache of a connection: all rows of a table that are seen;
4. the owner sees all.

Then bugs are planted, and each must be noticed.
"""

import os
import random
from collections import Counter
from typing import Any

import pytest

import qsdb
from qsdb import Identity
from qsdb.live import operators, witnesses
from qsdb.runtime import row_filters, visibility
from qsdb.sql import finding, ways
from tests.support.filter_twin import (
    CALLERS,
    QUESTIONS,
    RULES,
    Admin,
    Member,
    Message,
    Room,
    Rule,
    Seen,
    module_of,
)
from tests.support.mutants import Mutant, planted

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"

COMMITS = 25
SEEDS = 40 if IS_NIGHTLY else 2

TABLES: tuple[Any, ...] = (Message, Member, Room, Admin)


def change(tx: Any, rng: random.Random) -> None:
    """Do something at random in a transaction."""
    who = rng.choice(CALLERS)
    row: Any = rng.choice(
        [
            Message(rng.randrange(8), rng.randrange(3), who, rng.randrange(5)),
            Message(rng.randrange(8), rng.randrange(3), who, rng.randrange(5)),
            Member(rng.randrange(6), rng.randrange(3), who, rng.randrange(5)),
            Member(rng.randrange(6), rng.randrange(3), who, rng.randrange(5)),
            Room(rng.randrange(3), rng.random() < 0.6),
            Admin(who, rng.randrange(2)),
        ]
    )
    table = tx[type(row)]
    key = next(iter(row))
    if rng.random() < 0.35:
        table.delete_by_key(key)
    elif rng.random() < 0.04:
        table.clear()
    else:
        table.upsert(row)


class Watcher:
    """A caller with a connection and live queries."""

    def __init__(
        self, db: qsdb.Database, rules: tuple[Rule, ...], caller: Identity
    ) -> None:
        self.db, self.rules, self.caller = db, rules, caller
        self.connection = db.connect(caller)
        self.subscriptions = [
            (each, self.connection.subscribe(each.text)) for each in QUESTIONS
        ]

    def check(self, rows: dict[str, list[Any]]) -> None:
        seen = Seen(self.rules, rows, self.caller)
        for question, subscription in self.subscriptions:
            expected = question.answer(seen)
            asked = self.db.sql(question.text, sender=self.caller)
            assert Counter([(*row,) for row in asked]) == expected, question.text
            live = Counter([(*row,) for row in subscription.rows])
            assert live == expected, f"live: {question.text}"
            text = (
                f"SELECT COUNT(*) AS n {question.text[question.text.index('FROM') :]}"
            )
            assert self.db.sql(text, sender=self.caller)[0].n == expected.total()
        for row_class in (Message, Member):
            name = row_class.__name__.lower()
            assert Counter(self.connection.db[row_class]) == Counter(seen.of(name))


def run(name: str, seed: int) -> None:
    """Run a history and judge it."""
    rng, rules = random.Random(seed), RULES[name]
    with qsdb.Database(module_of(rules)) as db:
        watchers = [Watcher(db, rules, CALLERS[0])]
        for number in range(COMMITS):
            with db.write() as tx:
                for _ in range(rng.choice([1, 1, 2, 3, 6])):
                    change(tx, rng)
            if number == COMMITS // 3:
                watchers += [Watcher(db, rules, each) for each in CALLERS[1:]]
            with db.read() as tx:
                rows = {each.__name__.lower(): [*tx[each]] for each in TABLES}
            for watcher in watchers:
                watcher.check(rows)
            assert len(db.sql("SELECT * FROM message")) == len(rows["message"])
        db.check()


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
def test_who_sees_what_is_as_the_twin_says(name: str) -> None:
    for seed in range(SEEDS):
        run(name, seed)


EVERY_PUSH = {
    "changes of witnesses are passed over": Mutant(
        witnesses, "pairs = concerned.get(search.source, ())", "pairs = ()"
    ),
    "only witnesses that come are looked at": Mutant(
        witnesses,
        "[row for pair in pairs for row in pair if row is not None]",
        "[new for _, new in pairs if new is not None]",
    ),
    "a row that was seen before is told as new": Mutant(
        operators,
        "yield run(*now, *arguments), run(*before, *arguments)",
        "yield run(*now, *arguments), []",
    ),
    "witnesses are looked for as they were": Mutant(
        operators,
        "yield run(*now, *arguments), run(*before, *arguments)",
        "yield run(*before, *arguments), run(*before, *arguments)",
    ),
    "filters of one table are joined by AND": Mutant(
        row_filters,
        'Logic("OR", tuple(alternatives))',
        'Logic("AND", tuple(alternatives))',
    ),
    "tables inside of filters are not filtered": Mutant(
        row_filters, "if other != name:", "if False:"
    ),
    "filters are forgotten": Mutant(
        visibility,
        "self._filters.narrowed(narrowed(query, conditions))",
        "narrowed(query, conditions)",
    ),
}

NIGHTLY = {
    "only witnesses that go are looked at": Mutant(
        witnesses,
        "[row for pair in pairs for row in pair if row is not None]",
        "[old for old, _ in pairs if old is not None]",
    ),
    "candidates are looked for among the new rows": Mutant(
        witnesses, "else old or now[name]", "else now[name]"
    ),
    "inner witnesses are passed over": Mutant(
        witnesses,
        "            yield inner, tables, (*certain, *needed)\n",
        "            pass\n",
    ),
    "what is beside OR must be true": Mutant(
        witnesses, "[parts] if is_all else", "[parts] if True else"
    ),
    "the first filter counts": Mutant(
        row_filters, "if len(several) == 1:", "if len(several) >= 1:"
    ),
    "a filter that lets all pass is passed over": Mutant(
        row_filters, "not all(several)", "not any(several)"
    ),
    "the last of several tables finds nothing": Mutant(
        finding, 'inner = "True"', 'inner = "True" if number == 1 else "False"'
    ),
    "a hash table is that of the first row": Mutant(
        ways, 'grouped = f"g{step.source}{made}.get', 'grouped = f"{{}}.get'
    ),
}

MUTANTS = EVERY_PUSH | NIGHTLY


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS if IS_NIGHTLY else EVERY_PUSH)
def test_a_planted_bug_is_noticed(name: str) -> None:
    with planted(MUTANTS[name]), pytest.raises(AssertionError):
        for seed in range(4):
            for rules in RULES:
                run(rules, seed)
