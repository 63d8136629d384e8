"""Relations among live queries that need no judge.

**Strategy**: random tables, transactions and queries as `test_live_queries.py` has
them; then the same again in another way that has to come to the same.

**Invariants**:

1. *Split*: a transaction in two commits gives changes that add up to its own.
2. *Undo*: the inverse transaction gives the inverse change.
3. *Shuffle*: operations on different rows may come in any order.
4. *Partition*: what is told of ``p`` and of ``NOT p`` adds up to what is told without a
   condition, where nothing is optional.
5. *Other words*: aliases, sides, the order of terms and doubled ones are of no matter.
6. *Other plans*: nor are indexes; nor whether queries are found by what changed or all
   of them are looked at, and whether the same in other words is one template.
7. *Late*: who subscribes later and follows ends with the same rows.
8. *Self-join*: one table with itself is two tables of equal content.
"""

import os
import random
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

import attrs
import pytest

import qsdb
from qsdb.live import operators
from qsdb.live.routing import Always
from qsdb.live.templates import lift
from qsdb.runtime import asked as asking
from tests.support.live_histories import Commit, Operation, draw
from tests.support.live_judge import Bag
from tests.support.live_queries import Question, draw_question, spell
from tests.support.live_schemas import (
    SHARED,
    ColumnSpec,
    Model,
    TableSpec,
    build,
    plain,
)

pytestmark = pytest.mark.slow

SEEDS = range(200 if os.environ.get("QSDB_TEST_PROFILE") == "nightly" else 20)
COMMITS = 25
QUESTIONS = 6

Change = tuple[Bag, Bag]
Asked = tuple[str, Question]


class Stream:
    """A database, and what each of its live queries is told."""

    def __init__(self, specs: Iterable[TableSpec]) -> None:
        module, self.classes = build(specs)
        self.db = qsdb.Database(module, seed=1)
        self.told: list[list[Change]] = []
        self.queries: list[Any] = []

    def ask(self, text: str, question: Question) -> int:
        told: list[Change] = []

        def hear(update: Any) -> None:
            bags = [
                Counter(map(plain, rows)) for rows in (update.inserts, update.deletes)
            ]
            told.append((bags[0], bags[1]))

        names = set(re.findall(r":(p\d+)", text))
        params = {name: question.params[name].given for name in names}
        self.queries.append(self.db.subscribe(text, hear, params))
        self.told.append(told)
        return len(self.told) - 1

    def commit(self, operations: Sequence[Operation]) -> list[Change]:
        """Do operations, and give the change of each query."""
        before = [len(each) for each in self.told]
        with self.db.write() as tx:
            for name, table, what in operations:
                row = tuple.__new__(self.classes[table], what)
                getattr(tx.table(table), name)(row)
        return [
            each[-1] if len(each) > count else (Counter(), Counter())
            for each, count in zip(self.told, before, strict=True)
        ]


def net(changes: Iterable[Change]) -> Change:
    total: Bag = Counter()
    for inserts, deletes in changes:
        total.update(inserts)
        total.subtract(deletes)
    return +total, -total


def without_unique(specs: Iterable[TableSpec]) -> list[TableSpec]:
    """Nothing is refused then, in whatever order it comes."""
    return [attrs.evolve(each, unique=()) for each in specs]


def net_operations(seed: int) -> tuple[list[TableSpec], list[list[list[Operation]]]]:
    """Give tables, and for each transaction what it does to each key, net."""
    history = draw(seed)
    specs = without_unique(history.specs)
    model = Model(specs)
    found: list[list[list[Operation]]] = []
    for step in history.steps:
        if not isinstance(step, Commit) or step.ending != "commit":
            continue
        before = model.copy()
        for operation in step.operations:
            model.apply(operation)
        changes: list[list[Operation]] = []
        for name, rows in model.tables.items():
            old_rows = before.tables[name]
            for key in {**old_rows, **rows}:
                old, new = old_rows.get(key), rows.get(key)
                if old != new:
                    gone = [] if old is None else [("delete", name, old)]
                    come = [] if new is None else [("insert", name, new)]
                    changes.append([*gone, *come])
        if changes:
            found.append(changes)
    return specs, found[:COMMITS]


def questions(seed: int, specs: Sequence[TableSpec]) -> list[Asked]:
    rng = random.Random(seed)
    found: list[Asked] = []
    while len(found) < QUESTIONS:
        question = draw_question(rng, specs)
        if not question.can_fail and len(question.tables) < 4:
            found.append((spell(question), question))
    return found


def flat(groups: Iterable[Iterable[Operation]]) -> list[Operation]:
    return [operation for group in groups for operation in group]


def streams(specs: Sequence[TableSpec], asked: Sequence[Asked], count: int = 2) -> Any:
    found = [Stream(specs) for _ in range(count)]
    for stream in found:
        for each in asked:
            stream.ask(*each)
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_split_and_shuffle(seed: int) -> None:
    rng = random.Random(seed)
    specs, transactions = net_operations(seed)
    whole, split, shuffled = streams(specs, questions(seed, specs), 3)
    for groups in transactions:
        changes = whole.commit(flat(groups))
        at = rng.randint(0, len(groups))
        parts = split.commit(flat(groups[:at])), split.commit(flat(groups[at:]))
        assert [net(pair) for pair in zip(*parts, strict=True)] == changes
        assert shuffled.commit(flat(rng.sample(groups, len(groups)))) == changes


def inverse(groups: Iterable[Sequence[Operation]]) -> list[Operation]:
    names = {"insert": "delete", "delete": "insert"}
    return [
        (names[name], table, row)
        for group in groups
        for name, table, row in reversed(group)
    ]


@pytest.mark.parametrize("seed", SEEDS)
def test_undo(seed: int) -> None:
    specs, transactions = net_operations(seed)
    [stream] = streams(specs, questions(seed, specs), 1)
    for groups in transactions:
        done = stream.commit(flat(groups))
        undone = stream.commit(inverse(groups))
        assert undone == [(deletes, inserts) for inserts, deletes in done]
        stream.commit(flat(groups))


@pytest.mark.parametrize("seed", SEEDS)
def test_partition(seed: int) -> None:
    rng = random.Random(seed)
    specs, transactions = net_operations(seed)
    optional = {
        each.name: any(column.domain.name.endswith("?") for column in each.columns)
        for each in specs
    }
    [stream] = streams(specs, (), 1)
    parts: list[list[int]] = []
    while len(parts) < QUESTIONS:
        question = draw_question(rng, specs)
        if any(optional[name] for name in question.tables):
            if all(optional.values()):
                return
            continue
        if question.where is None or question.can_fail or len(question.tables) > 3:
            continue
        wheres = (None, question.where, ("not", question.where))
        three = [attrs.evolve(question, where=each) for each in wheres]
        parts.append([stream.ask(spell(each), each) for each in three])
    for groups in transactions:
        changes = stream.commit(flat(groups))
        for every, with_it, without_it in parts:
            assert net([changes[with_it], changes[without_it]]) == changes[every]


@pytest.mark.parametrize("seed", SEEDS)
def test_other_words_and_other_plans(seed: int) -> None:
    rng = random.Random(seed)
    specs, transactions = net_operations(seed)
    asked = questions(seed, specs)
    [plain_words] = streams(specs, asked, 1)
    others = [(spell(question, rng), question) for _, question in asked]
    [other_words] = streams(specs, others, 1)
    [no_index] = streams([attrs.evolve(e, indexes=()) for e in specs], asked, 1)
    every = [
        attrs.evolve(
            each,
            indexes=tuple(
                [
                    (rng.choice(("btree", "hash")), (place,))
                    for place in range(len(each.columns))
                    if each.key != (place,)
                ]
            ),
        )
        for each in specs
    ]
    [all_indexes] = streams(every, asked, 1)
    for groups in transactions:
        changes = plain_words.commit(flat(groups))
        for other in (other_words, no_index, all_indexes):
            assert other.commit(flat(groups)) == changes


@pytest.mark.parametrize("seed", SEEDS)
def test_without_routes_and_without_sharing(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    specs, transactions = net_operations(seed)
    asked = questions(seed, specs) * 2
    [usual] = streams(specs, asked, 1)
    with monkeypatch.context() as patch:
        patch.setattr(operators, "route_of", lambda *_: Always())
        [without_routes] = streams(specs, asked, 1)
    with monkeypatch.context() as patch:
        patch.setattr(
            asking, "lift", lambda query: attrs.evolve(lift(query), key=object())
        )
        [without_sharing] = streams(specs, asked, 1)
    for groups in transactions:
        changes = usual.commit(flat(groups))
        for other in (without_routes, without_sharing):
            assert other.commit(flat(groups)) == changes
    counters = [
        each.db._subscriptions.engine.counters for each in (usual, without_routes)
    ]
    assert counters[0].evaluations <= counters[1].evaluations
    assert counters[0].changes == counters[1].changes


@pytest.mark.parametrize("seed", SEEDS)
def test_late(seed: int) -> None:
    specs, transactions = net_operations(seed)
    asked = questions(seed, specs)
    [stream] = streams(specs, asked, 1)
    for number, groups in enumerate(transactions):
        stream.commit(flat(groups))
        if number % 5 == 0:
            for each in asked:
                stream.ask(*each)
    rows = [Counter(map(plain, query.rows)) for query in stream.queries]
    for start in range(0, len(rows), len(asked)):
        assert rows[start : start + len(asked)] == rows[: len(asked)]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_self_join_is_a_join_of_two_equal_tables(seed: int) -> None:
    rng = random.Random(seed)
    columns = tuple([ColumnSpec(f"c{n}", rng.choice(SHARED[:3])) for n in range(3)])
    table = TableSpec("t0", columns, (), (), (("btree", (1,)), ("hash", (2,))))
    twin = attrs.evolve(table, name="t1")
    stream = Stream([table, twin])
    pairs: list[tuple[int, int]] = []
    while len(pairs) < QUESTIONS:
        question = draw_question(rng, [table])
        if len(question.tables) == 2 and not question.can_fail:
            two = attrs.evolve(question, tables=("t0", "t1"))
            pairs.append(
                (stream.ask(spell(question), question), stream.ask(spell(two), two))
            )
    rows: set[Any] = set()
    for _ in range(2 * COMMITS):
        draws = [
            tuple([rng.choice(each.domain.values).stored for each in columns])
            for _ in range(rng.randint(1, 3))
        ]
        gone = rng.sample(sorted(rows, key=repr), min(len(rows), rng.randint(0, 2)))
        rows = (rows - {*gone}) | {*draws}
        operations = [
            *[("delete", name, row) for row in gone for name in ("t0", "t1")],
            *[("insert", name, row) for row in draws for name in ("t0", "t1")],
        ]
        changes = stream.commit(operations)
        for alone, both in pairs:
            assert changes[alone] == changes[both]
