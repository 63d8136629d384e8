"""Queries that tell of events, against a judge, over random histories.

**Strategy**: the histories of `tests.support.live_histories`, in which one table or two
are event tables. Beside the database goes a model in which these are empty when a
transaction begins. Joins meet tables with an index that fits and without one, which
change in other commits than those that have events.

**Invariants**: for each query of an event table, and each commit,

1. what comes is the whole result on the tables as they are after the commit, with the
   rows of the events that it has, if it has any; else nothing is told;
2. nothing ever goes, and a query of events begins empty;
3. the event tables are empty afterwards.

Besides, a run has come by all that `COVERED` names.
"""

import contextlib
import random
from collections import Counter
from typing import Any

import pytest

import qsdb
from qsdb.live import addressing, engine, routing, tables
from tests.property.test_live_queries import seeds_of
from tests.support.live_driver import perform
from tests.support.live_histories import Close, Commit, Watch, draw
from tests.support.live_judge import Bag, Judge
from tests.support.live_schemas import Model, build, plain
from tests.support.mutants import Mutant, planted

SEEDS = range(100)

SEEDS_MAX = 100

COVERED = {
    "told of one table",
    "told of a join",
    "joined by an index made for it",
    "joined with what came after it began",
    "untold",
}

MUTANTS = {
    "what events look into is not known of": Mutant(
        addressing, "if query.events and source not in query.events:", "if True:"
    ),
    "who is never concerned is not entered": Mutant(
        routing, "self._never[reader] = None", "self._never.pop(reader, None)"
    ),
    "a row is found by each value that is looked for": Mutant(
        tables, "return self._equal(number).get(value, [])", "return self.rows"
    ),
    "indexes stay as they were": Mutant(
        engine, "                now.apply(changed)\n", "                pass\n"
    ),
}


class _Rolled(Exception):  # noqa: N818  no error: how a transaction is to end
    """Rolls a transaction back."""


class _Listening:
    """A query of events, and what it was told."""

    def __init__(self, db: qsdb.Database, watch: Watch, asked: Any) -> None:
        given = watch.question.params
        params = {name: given[name].given for name in asked.parameters}
        values = {name: given[name].stored for name in asked.parameters}
        self.watch = watch
        self.judge = Judge(asked, values | {"sender": db.owner.stored})
        self.told: list[tuple[int, Bag]] = []
        self.live = db.subscribe(watch.text, self, params)
        assert self.live.initial == []
        result: Any = self.live.result
        self.has_own_index = bool(result.template.wishes())

    def __call__(self, update: qsdb.Update) -> None:
        assert update.is_event
        assert update.deletes == []
        came = Counter([plain(each) for each in update.inserts])
        self.told.append((update.offset, came))


class _Run:
    """One database with event tables, and its model."""

    def __init__(self, seed: int, seen: Counter[str]) -> None:
        history = draw(seed)
        names = [each.name for each in history.specs]
        rng = random.Random(f"events {seed}")
        self.events = {*rng.sample(names, min(len(names), rng.choice((1, 1, 2))))}
        module, self.classes = build(history.specs, self.events)
        self.db = qsdb.Database(module, seed=1)
        self.history, self.seen = history, seen
        self.model = Model(history.specs)
        self.listening: dict[str, _Listening] = {}

    def step(self, step: object) -> None:
        match step:
            case Commit():
                self.commit(step)
            case Watch():
                self.listen(step)
            case Close(name=name) if name in self.listening:
                self.listening.pop(name).live.close()

    def listen(self, watch: Watch) -> None:
        question = watch.question
        if question.can_fail or not self.events & {*question.tables}:
            return  # others judge that
        asked: Any = self.db._queries.check(watch.text, True)  # noqa: FBT003  a key
        self.listening[watch.name] = _Listening(self.db, watch, asked)

    def commit(self, commit: Commit) -> None:
        model = self.model.copy()
        for name in self.events:
            model.tables[name] = {}
        before = {name: dict(rows) for name, rows in model.tables.items()}
        refused = [not model.apply(each) for each in commit.operations]
        is_kept = commit.ending == "commit"
        with contextlib.suppress(_Rolled), self.db.write() as tx:
            for operation, is_refused in zip(commit.operations, refused, strict=True):
                specs = model.specs
                assert perform(tx, self.classes, specs, operation) == is_refused
            if not is_kept:
                raise _Rolled
        if is_kept:
            self.model = model
        changed = {n for n in before if is_kept and before[n] != model.tables[n]}
        for listening in self.listening.values():
            self.check(listening, changed)
        for name in self.events:
            assert not self.db.sql(f"SELECT * FROM {name}").rows

    def check(self, listening: _Listening, changed: set[str]) -> None:
        judge, told, seen = listening.judge, listening.told, self.seen
        tables = [self.model.tables[name].values() for name in judge.names]
        expected: Bag = Counter()
        if changed & self.events & {*judge.names}:
            expected = judge.result([[*each] for each in tables])
        found, listening.told = told, []
        text = listening.watch.text
        assert found == ([(self.db.offset, expected)] if expected else []), text
        if not expected:
            seen["untold"] += 1
            return
        seen[f"told of {'one table' if len(tables) == 1 else 'a join'}"] += 1
        if listening.has_own_index:
            seen["joined by an index made for it"] += 1
            seen["joined with what came after it began"] += not changed - self.events


def run(seed: int, seen: Counter[str]) -> None:
    """Run a history.

    Raises:
        AssertionError: with the seed and the step, if anything is not as it should be.
    """
    one = _Run(seed, seen)
    for number, step in enumerate(one.history.steps):
        try:
            one.step(step)
        except Exception as error:
            raise AssertionError(f"seed {seed}, step {number}, {step}") from error
    one.db.close()


@pytest.mark.slow
def test_what_comes_is_the_result_for_the_events() -> None:
    seen: Counter[str] = Counter()
    for seed in seeds_of(SEEDS):
        run(seed, seen)

    assert {name for name in COVERED if not seen[name]} == set()


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_a_history_notices(name: str) -> None:
    with planted(MUTANTS[name]), pytest.raises(AssertionError, match="seed"):
        for seed in range(SEEDS_MAX):
            run(seed, Counter())
