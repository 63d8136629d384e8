"""Modules are published one after the other, with everything that goes on meanwhile.

**Strategy**: Hypothesis draws a module of one to three tables, and then steps: rows are
written; random changes of the module are published, or refused, or the database is
opened again with them; read transactions are opened and closed; live queries begin, and
a connection has some; a snapshot is taken; a reader follows. The database is on a
simulated disk, of which images are taken in the middle of publications, as if the power
failed. A model of dicts is the judge (`tests.support.publications`).

Tables and columns come, go, move and are renamed, also in chains; columns become wider,
optional, unique, and go back where that can be; keys are generated or not; what is new
has a default, the value of a function, or none; a migration function fills tables.

**Invariants**, after each step:

1. The tables are those of the model, and `Database.check` finds nothing broken.
2. A read transaction that is open has the tables and rows of its offset.
3. A live query has the rows of its table, and was told of each change of them; if the
   rows of its table have other columns now, or it is gone, the query has ended.
4. A connection has the rows of what it subscribed to, or was closed by a module that
   disconnects clients.
5. Each image has the state of before or of after; opened again, so has the database.
6. A change is refused exactly where the model says so, and has changed nothing then.
7. Who reads without a module has, when refreshed, what the writer has.
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
from tests.support.editions import QUIET, Edition, contents
from tests.support.publications import (
    Change,
    Model,
    RefusedError,
    changed_edition,
    edition_of,
    random_change,
    random_specs,
    random_value,
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
        self.open(edition_of(self.model.specs, "0"))
        self.follower: qsdb.Database | None = None

    def open(self, made: Edition) -> None:
        self.db = qsdb.Database(
            made.module,
            WatchedDirectory(self.disk, self.look),
            durability="always",
            clock=FakeClock(),
            seed=1,
            options=QUIET,
        )
        self.made, self.rows = made, made.rows
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
        columns = model.specs[name].columns
        row = {each: random_value(rng, column) for each, column in columns.items()}
        if keys and rng.random() < 0.3:
            key = rng.choice(keys)
            del model.rows[name][key]
            assert table.delete_by_key(key)
        elif keys and rng.random() < 0.4:
            key = rng.choice(keys)
            if model.is_free(name, row, key):
                model.rows[name][key] = row
                table.update(self.rows[name](id=key, **row))
        elif model.is_free(name, row, key := model.next_key(name)):
            given = {} if model.specs[name].is_generated else {"id": key}
            made = table.insert(self.rows[name](**given, **row))
            assert made.id == model.insert(name, row) == key

    # Modules.

    @rule(seed=seeds)
    def publish(self, seed: int) -> None:
        rng = random.Random(seed)
        before, shapes = self.model.copy(), self.shapes()
        change = random_change(self.model.specs, rng)
        made = self.changed(change)
        drop = [] if change.is_withheld else change.gone(self.model.specs)
        try:
            self.model.publish(change)
        except RefusedError:
            self.refuse(made, drop)
            return
        self.rng = rng

        plan = self.db.publish(made.module, allow_breaking=True, drop=drop)

        self.rng = None
        assert self.db.call("which") == f"{self.count}"
        self.made, self.rows = made, made.rows
        self.judge_images(before)
        assert self.db.plan(made.module).is_empty
        self.end_queries(shapes)
        if plan.breaking and self.connection is not None:
            with pytest.raises(qsdb.ClosedError):
                self.connection.call("which")
            self.connection = None

    def changed(self, change: Change) -> Edition:
        self.count += 1
        return changed_edition(change, f"{self.count}", self.made.module)

    def refuse(self, made: Edition, drop: list[str]) -> None:
        """Publish what must be refused; that nothing changes invariants look at."""
        note, offset = self.db.call("which"), self.db.offset
        with pytest.raises((qsdb.SchemaError, qsdb.UniqueError)):
            self.db.publish(made.module, allow_breaking=True, drop=drop)
        assert (self.db.call("which"), self.db.offset) == (note, offset)

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
        before, made = self.model.copy(), self.made
        change = random_change(self.model.specs, rng)
        other = self.changed(change)
        try:
            if change.keeps_all(self.model.specs):
                self.model.publish(change)
                made = other
        except RefusedError:
            with pytest.raises((qsdb.SchemaError, qsdb.UniqueError)):
                self.open(other)
        self.rng = rng
        self.open(made)
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
                for column, spec in model.specs[name].columns.items():
                    values = [row[column] for row in model.rows[name].values()]
                    if spec.key in ("hash", "btree") and values:
                        index = reading.table(name).index(column)
                        assert index.count(values[0]) == values.count(values[0])

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


PublishingMachine.TestCase.settings = settings(
    max_examples=max(10, (settings().max_examples - 100) // 4), stateful_step_count=15
)

TestPublishing = PublishingMachine.TestCase
