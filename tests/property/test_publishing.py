"""Modules are published one after the other, with everything that goes on meanwhile.

**Strategy**: Hypothesis draws a module of one to three tables, and then steps: rows are
written; random changes of the module are published, or the database is opened again
with them; read transactions are opened and closed; live queries begin, and a connection
has some; a snapshot is taken; a reader follows. The database is on a simulated disk, of
which images are taken in the middle of publications, as if the power failed. A model of
dicts is the judge (`tests.support.publications`).

**Invariants**, after each step:

1. The tables are those of the model, and `Database.check` finds nothing broken.
2. A read transaction that is open has the tables and rows of its offset.
3. A live query has the rows of its table, and was told of each change of them; if the
   rows of its table have other columns now, or it is gone, the query has ended.
4. A connection has the rows of what it subscribed to, or was closed by a module that
   disconnects clients.
5. Each image has the state of before or of after; opened again, so has the database.
6. Who reads without a module has, when refreshed, what the writer has.
"""

import random
from collections import Counter
from typing import Any

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

import qsdb
from qsdb.testing import FakeClock, Policy, SimulatedDirectory
from tests.support.disks import WatchedDirectory, digest_of, image_of
from tests.support.editions import QUIET, contents
from tests.support.publications import (
    Model,
    edition_of,
    random_change,
    random_specs,
)

pytestmark = pytest.mark.slow

POLICIES: tuple[Policy, ...] = ("kept", "dropped", "torn")
IMAGES_MAX = 3
"""So many are taken of one publication."""

seeds = st.integers(0, 1 << 32)


def ordered(found: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: sorted(rows) for name, rows in found.items()}


@attrs.define(eq=False)
class Listening:
    """A live query of a whole table."""

    query: qsdb.LiveQuery
    table: str
    told: Counter[Any]

    def take(self, update: qsdb.Update) -> None:
        self.told.update([(*row,) for row in update.inserts])
        self.told.subtract([(*row,) for row in update.deletes])


class PublishingMachine(RuleBasedStateMachine):
    """Draws steps, and compares."""

    db: qsdb.Database
    model: Model

    @initialize(seed=seeds)
    def begin(self, seed: int) -> None:
        rng = random.Random(seed)
        self.disk = SimulatedDirectory()
        self.images: list[SimulatedDirectory] = []
        self.rng: random.Random | None = None
        self.count = 0
        self.model = Model(random_specs(rng))
        self.open()
        self.follower: qsdb.Database | None = None

    def open(self) -> None:
        self.count += 1
        made = edition_of(self.model.specs, f"{self.count}")
        self.db = qsdb.Database(
            made.module,
            WatchedDirectory(self.disk, self.look),
            durability="always",
            clock=FakeClock(),
            seed=1,
            options=QUIET,
        )
        self.rows = made.rows
        self.reads: list[tuple[Any, Model, dict[str, Any]]] = []
        self.queries: list[Listening] = []
        self.connection: qsdb.Connection | None = None
        self.listed: list[str] = []

    def look(self, _: object) -> None:
        """Take an image of the disk, now and then."""
        rng = self.rng
        if rng is not None and len(self.images) < IMAGES_MAX and rng.random() < 0.3:
            self.images.append(image_of(self.disk, rng, rng.choice(POLICIES)))

    # Rows.

    @rule(seed=seeds)
    def write(self, seed: int) -> None:
        rng, before = random.Random(seed), self.model.copy()
        with self.db.write() as tx:
            for _ in range(rng.randint(1, 4)):
                self.change(tx, rng)
        if self.model.contents() == before.contents():  # that was no commit
            self.model.following = before.following

    def change(self, tx: Any, rng: random.Random) -> None:
        model, name = self.model, rng.choice([*self.model.specs])
        table, keys = tx.table(name), [*model.rows[name]]
        row = {
            column: {
                "small": rng.randint(-2, 2),
                "text": rng.choice("ab"),
                "maybe": rng.choice((None, 1, 2)),
                "flag": rng.random() < 0.5,
            }[column]
            for column in model.specs[name].columns
        }
        if keys and rng.random() < 0.3:
            key = rng.choice(keys)
            del model.rows[name][key]
            assert table.delete_by_key(key)
        elif keys and rng.random() < 0.4:
            key = rng.choice(keys)
            model.rows[name][key] = row
            table.update(self.rows[name](id=key, **row))
        else:
            assert table.insert(self.rows[name](**row)).id == model.insert(name, row)

    # Modules.

    @rule(seed=seeds)
    def publish(self, seed: int) -> None:
        rng = self.rng = random.Random(seed)
        before, shapes = self.model.copy(), self.shapes()
        specs = random_change(self.model.specs, rng)
        self.count += 1
        made = edition_of(specs, f"{self.count}")
        drop = [name for name in self.model.specs if name not in specs]
        self.model.publish(specs)

        plan = self.db.publish(made.module, allow_breaking=True, drop=drop)

        self.rng = None
        assert self.db.call("which") == made_note(self.count)
        self.rows = made.rows
        self.judge_images(before)
        assert self.db.plan(made.module).is_empty
        self.end_queries(shapes)
        if plan.breaking and self.connection is not None:
            with pytest.raises(qsdb.ClosedError):
                self.connection.call("which")
            self.connection = None

    def shapes(self) -> dict[str, object]:
        return {name: each.shape for name, each in self.model.specs.items()}

    def end_queries(self, before: dict[str, object]) -> None:
        after = self.shapes()
        gone = [e for e in self.queries if before[e.table] != after.get(e.table)]
        for each in gone:
            assert each.query.error is not None
            self.queries.remove(each)

    def judge_images(self, before: Model) -> None:
        images, self.images = self.images, []
        known = (ordered(before.contents()), ordered(self.model.contents()))
        for image in {digest_of(each): each for each in images}.values():
            with qsdb.Database(None, image, read_only=True) as reader:
                assert ordered(contents(reader)) in known
                reader.check()

    @rule(seed=seeds)
    def open_again(self, seed: int) -> None:
        """Open it with the same module, or another one if that gives nothing up."""
        rng = random.Random(seed)
        self.db.close()
        before = self.model.copy()
        specs = random_change(self.model.specs, rng)
        kept = all(
            {*spec.columns} <= {*specs[name].columns}
            for name, spec in self.model.specs.items()
            if name in specs
        )
        if kept and specs.keys() >= self.model.specs.keys():
            self.model.publish(specs)
        self.rng = rng
        self.open()
        self.rng = None
        self.judge_images(before)

    # What goes on.

    @precondition(lambda self: len(self.reads) < 3)
    @rule()
    def read(self) -> None:
        self.reads.append((self.db.read(), self.model.copy(), self.rows))

    @precondition(lambda self: self.reads)
    @rule(number=st.integers(0, 2))
    def end_read(self, number: int) -> None:
        reading, *_ = self.reads.pop(number % len(self.reads))
        reading.close()

    @precondition(lambda self: len(self.queries) < 4)
    @rule(number=st.integers(0, 2))
    def subscribe(self, number: int) -> None:
        names = [*self.model.specs]
        name = names[number % len(names)]
        told: Counter[Any] = Counter(self.model.table(name))
        made: Any = Listening(None, name, told)  # type: ignore[arg-type]
        made.query = self.db.subscribe(f"SELECT * FROM {name}", made.take)
        self.queries.append(made)

    @precondition(lambda self: self.connection is None)
    @rule()
    def connect(self) -> None:
        self.connection = self.db.connect()
        specs = self.model.specs
        self.listed = [name for name, each in specs.items() if each.is_public]
        if self.listed:
            self.connection.subscribe(*[f"SELECT * FROM {n}" for n in self.listed])

    @rule()
    def snapshot(self) -> None:
        self.db.snapshot()

    @rule()
    def follow(self) -> None:
        if self.follower is None:
            self.follower = qsdb.Database(None, self.disk, read_only=True)
        self.follower.refresh()
        assert ordered(contents(self.follower)) == ordered(self.model.contents())
        assert self.follower.offset == self.db.offset
        self.follower.check()

    # What holds.

    @invariant()
    def is_as_the_model_says(self) -> None:
        assert ordered(contents(self.db)) == ordered(self.model.contents())
        self.db.check()

    @invariant()
    def reads_stay(self) -> None:
        for reading, model, rows in self.reads:
            for name in model.specs:
                found = sorted([(*row,) for row in reading[rows[name]]])
                assert found == model.table(name)
                for column, kind in model.specs[name].indexes.items():
                    index = reading.table(name).index(column)
                    value = model.table(name)[0] if model.table(name) else None
                    if kind == "hash" and value is not None:
                        place = 1 + model.specs[name].columns.index(column)
                        same = [
                            e for e in model.table(name) if e[place] == value[place]
                        ]
                        assert index.count(value[place]) == len(same)

    @invariant()
    def queries_are_told(self) -> None:
        for each in self.queries:
            assert each.query.error is None
            rows = self.model.table(each.table)
            assert sorted([(*row,) for row in each.query.rows]) == rows
            assert +each.told == Counter(rows)

    @invariant()
    def connections_know(self) -> None:
        if self.connection is not None:
            for name in self.listed:
                rows = [(*row,) for row in self.connection.db.table(name)]
                assert sorted(rows) == self.model.table(name)

    def teardown(self) -> None:
        if hasattr(self, "db"):
            self.db.close()
            assert qsdb.verify(self.disk, deep=True).is_sound


def made_note(count: int) -> str:
    return f"{count}"


PublishingMachine.TestCase.settings = settings(
    max_examples=max(10, (settings().max_examples - 100) // 4), stateful_step_count=15
)

TestPublishing = PublishingMachine.TestCase
