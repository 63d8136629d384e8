"""Random histories of a database with live queries: plain lists that can be run again.

A history is drawn from a number and says all that is done, in values: who subscribes to
what, what each transaction does and how it ends, and what callbacks do in their turn.
Nothing in it depends on what happens when it is run. So it can be shortened: each step
that is left out leaves a history.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

from tests.support.live_queries import (
    Question,
    draw_question,
    draw_sum,
    revalued,
    spell,
    spoil,
)
from tests.support.live_schemas import Model, TableSpec, draw_tables

__all__ = ["Close", "Commit", "Drop", "History", "Refused", "Step", "Watch", "draw"]

Operation = tuple[str, str, Any]
"""Name, table, and a stored row or rows."""


@attrs.frozen
class Commit:
    """A write transaction.

    Attributes:
        operations: What it does.
        ending: ``commit``; ``rollback`` after all of them; ``error`` if what the last
            one is refused with ends it.
    """

    operations: tuple[Operation, ...]
    ending: str = "commit"


@attrs.frozen
class Watch:
    """A subscription.

    Attributes:
        name: To close it by.
        text: The query.
        question: What it was spelt from.
        reaction: What its callback does the first time; None for nothing, "raise" for
            an exception each time.
    """

    name: str
    text: str
    question: Question
    reaction: "Commit | Close | Watch | str | None" = None


@attrs.frozen
class Close:
    """Ends a subscription, maybe for the second time."""

    name: str


@attrs.frozen
class Refused:
    """A query that is wrong."""

    text: str


@attrs.frozen
class Drop:
    """All subscriptions end."""


Step = Commit | Watch | Close | Refused | Drop


@attrs.frozen
class History:
    """What happens to one database."""

    seed: int
    sort: str
    specs: tuple[TableSpec, ...]
    steps: tuple[Step, ...]


def draw(seed: int, sort: str = "any", length: int = 80) -> History:
    """Draw a history.

    Args:
        seed: From what.
        sort: Of tables: any, shared with sqlite3, large, or narrow, whose sums have no
            room.
        length: How many steps.
    """
    rng = random.Random(f"{sort} {seed}")
    specs = draw_tables(rng, sort)
    drawer = _Drawer(rng, specs, sort)
    return History(seed, sort, tuple(specs), tuple(drawer.steps(length)))


class _Drawer:
    def __init__(
        self, rng: random.Random, specs: Sequence[TableSpec], sort: str
    ) -> None:
        self.rng = rng
        self.specs = specs
        self.sort = sort
        self.model = Model(specs)
        self.names: list[str] = []
        self.questions: list[Question] = []

    def steps(self, length: int) -> Iterator[Step]:
        rng = self.rng
        yield self.filling()
        for _ in range(rng.randint(3, 10)):
            yield from self.watches()
        for _ in range(length):
            draw = rng.random()
            if draw < 0.86:
                yield self.commit()
            elif draw < 0.93:
                yield from self.watches()
            elif self.names and draw < 0.99:
                yield Close(rng.choice(self.names))
            else:
                yield Drop()

    def filling(self) -> Commit:
        count = 400 if self.sort == "large" else self.rng.randint(3, 12)
        rows = [("upsert", each.name, self.row(each)) for each in self.specs] * 1
        rows += [
            ("upsert" if each.key else "insert", each.name, self.row(each))
            for each in self.specs
            for _ in range(count)
        ]
        return self.done(Commit(tuple([r for r in rows if self.fits(r)])))

    def fits(self, operation: Operation) -> bool:
        name, table, _ = operation
        return name != "upsert" or bool(self.model.specs[table].key)

    # Subscriptions.

    def watches(self) -> Iterator[Step]:
        """Subscribe once or twice, in the same words or in others."""
        rng = self.rng
        if rng.random() < 0.15:
            yield Refused(spoil(rng, draw_question(rng, self.specs)))
            return
        if self.questions and rng.random() < 0.35:
            question = rng.choice(self.questions)
            if rng.random() < 0.6:
                question = revalued(rng, question)
        else:
            question = self.question()
            if self.sort == "large" and len(question.tables) > 1:
                return
            self.questions.append(question)
        yield self.watch(question)
        if rng.random() < 0.4:
            is_same = rng.random() < 0.6
            yield self.watch(question if is_same else revalued(rng, question))

    def question(self) -> Question:
        """Draw what to ask."""
        if self.sort == "narrow" and self.rng.random() < 0.5:
            found = draw_sum(self.rng, self.specs)
            if found is not None:
                return found
        return draw_question(self.rng, self.specs)

    def watch(self, question: Question, *, reacts: bool = True) -> Watch:
        rng = self.rng
        name = f"w{len(self.names)}"
        self.names.append(name)
        # What can fail is one term, so it fails in all words alike.
        text = spell(question, rng if rng.random() < 0.5 else None)
        reaction: Commit | Close | Watch | str | None = None
        if reacts and rng.random() < 0.25:
            draw = rng.random()
            if draw < 0.3:
                reaction = Close(rng.choice(self.names))
            elif draw < 0.6:
                other = rng.choice([question, draw_question(rng, self.specs)])
                if self.sort != "large" or len(other.tables) == 1:
                    reaction = self.watch(other, reacts=False)
            elif draw < 0.85:
                reaction = Commit(tuple(self.operations(rng.choice((1, 2)))))
            else:
                reaction = "raise"
        return Watch(name, text, question, reaction)

    # Transactions.

    def commit(self) -> Commit:
        rng = self.rng
        count = rng.choice((0, 1, 1, 1, 2, 2, 3, 4, 6)) if rng.random() < 0.97 else 30
        operations = tuple(self.operations(count))
        draw = rng.random()
        if draw < 0.1:
            return Commit(operations, "rollback")
        if draw < 0.15:
            refused = self.refused()
            if refused is not None:
                return Commit((*operations, refused), "error")
        return self.done(Commit(operations))

    def done(self, commit: Commit) -> Commit:
        """Let the model follow, so that what comes later fits."""
        for operation in commit.operations:
            self.model.apply(operation)
        return commit

    def refused(self) -> Operation | None:
        """Give an insertion that a row with the same key forbids."""
        for each in self.specs:
            row = self.existing(each)
            others = [n for n in range(len(each.columns)) if n not in each.key]
            if row is None or not each.key or not others:
                continue
            for _ in range(9):
                other = self.moved(each, row, others)
                if other != row:
                    return ("insert", each.name, other)
        return None

    def operations(self, count: int) -> Iterator[Operation]:
        found: list[Operation] = []
        while len(found) < count:
            found += self.some()
        yield from found

    def some(self) -> list[Operation]:
        """Draw an operation, or a few that belong together."""
        rng, spec = self.rng, self.rng.choice(self.specs)
        name, draw = spec.name, self.rng.random()
        if draw > 0.85 and self.sort == "narrow":
            exchanged = self.exchanged()
            if exchanged:
                return exchanged
        row = self.existing(spec)
        if row is None or draw < 0.28:
            sort = "upsert" if spec.key and rng.random() < 0.3 else "insert"
            return [(sort, name, self.row(spec))]
        if draw < 0.44:
            sort = "delete_by_key" if spec.key and rng.random() < 0.3 else "delete"
            return [(sort, name, row)]
        return self.changes(spec, row, draw)

    def changes(self, spec: TableSpec, row: Any, draw: float) -> list[Operation]:  # noqa: C901, PLR0911  a table
        rng, name = self.rng, spec.name
        others = [n for n in range(len(spec.columns)) if n not in spec.key]
        if draw < 0.72 and others:
            return self.replaced(spec, row, self.moved(spec, row, others))
        if draw < 0.77:
            every = range(len(spec.columns))
            return [
                ("delete", name, row),
                ("insert", name, self.moved(spec, row, every)),
            ]
        if draw < 0.82:
            return [("delete", name, row), ("insert", name, row)]
        if draw < 0.85:
            return [("insert", name, row)]
        if draw < 0.89:
            new = self.row(spec)
            return [("insert", name, new), ("delete", name, new)]
        if draw < 0.93:
            return self.swapped(spec, row)
        if draw < 0.94:
            return [("clear", name, None)]
        if draw < 0.95:
            rows = tuple(self.model.tables[name].values())
            return [("clear", name, None), ("insert_many", name, rows)]
        if draw < 0.97:
            rows = tuple([self.row(spec) for _ in range(rng.randint(0, 3))])
            return [("insert_many", name, rows)]
        return self.both(spec, row)

    def replaced(self, spec: TableSpec, old: Any, new: Any) -> list[Operation]:
        if spec.key:
            return [(self.rng.choice(("update", "upsert")), spec.name, new)]
        return [("delete", spec.name, old), ("insert", spec.name, new)]

    def swapped(self, spec: TableSpec, row: Any) -> list[Operation]:
        """Exchange the first columns of two rows."""
        other = self.existing(spec)
        pair = [(row[0], *other[1:]), (other[0], *row[1:])]
        gone = [("delete", spec.name, each) for each in dict.fromkeys((row, other))]
        return [*gone, *[("insert", spec.name, each) for each in pair]]

    def both(self, spec: TableSpec, row: Any) -> list[Operation]:
        """Change two tables, each in a row that there is."""
        other = self.rng.choice(self.specs)
        found: list[Operation] = []
        for table, each in ((spec, row), (other, self.existing(other))):
            if each is not None:
                every = range(len(table.columns))
                found.append(("delete", table.name, each))
                if self.rng.random() < 0.6:
                    moved = self.moved(table, each, every)
                    found.append(("insert", table.name, moved))
        return found

    def exchanged(self) -> list[Operation]:
        """Exchange the narrow values of two rows: what meets in between has no room."""
        found: list[Operation] = []
        rows: list[tuple[TableSpec, Any, int]] = []
        for table in self.specs:
            narrow = [n for n, c in enumerate(table.columns) if c.domain.name == "u8"]
            for row in self.model.tables[table.name].values() if narrow else ():
                rows += [(table, row, place) for place in narrow]
        wide = [each for each in rows if each[1][each[2]] > 2]
        others = [each for each in rows if each[1][each[2]] <= 2]
        if not wide or not others:
            return []
        one, other = self.rng.choice(wide), self.rng.choice(others)
        if one[0] is other[0] and one[1] == other[1]:
            return []
        for (table, row, place), (_, mine, its_place) in ((one, other), (other, one)):
            found.append(("delete", table.name, row))
            moved = (*row[:place], mine[its_place], *row[place + 1 :])
            found.append(("insert", table.name, moved))
        return found

    # Rows.

    def row(self, spec: TableSpec) -> Any:
        columns = spec.columns
        return tuple([self.rng.choice(each.domain.values).stored for each in columns])

    def existing(self, spec: TableSpec) -> Any:
        rows = [*self.model.tables[spec.name].values()]
        return self.rng.choice(rows) if rows else None

    def moved(self, spec: TableSpec, row: Any, places: Sequence[int]) -> Any:
        values = [*row]
        place = self.rng.choice(places)
        values[place] = self.rng.choice(spec.columns[place].domain.values).stored
        return tuple(values)


def shortened(history: History, fails: Callable[[History], bool]) -> History:
    """Leave out steps, then operations, as long as it still fails (delta debugging)."""
    steps = _fewer(
        [*history.steps], lambda some: fails(attrs.evolve(history, steps=tuple(some)))
    )
    for number, step in enumerate(steps):
        if isinstance(step, Commit):

            def still(some: list[Operation], at: int = number) -> bool:
                tried = [*steps]
                tried[at] = attrs.evolve(steps[at], operations=tuple(some))
                return fails(attrs.evolve(history, steps=tuple(tried)))

            operations = _fewer([*step.operations], still)
            steps[number] = attrs.evolve(step, operations=tuple(operations))
    return attrs.evolve(history, steps=tuple(steps))


def _fewer(items: list[Any], fails: Callable[[list[Any]], bool]) -> list[Any]:
    size = max(1, len(items) // 2)
    while items:
        for start in range(0, len(items), size):
            fewer = items[:start] + items[start + size :]
            if fails(fewer):
                items = fewer
                break
        else:
            if size == 1:
                break
            size //= 2
    return items
