"""A signal handler may raise anywhere: no update is lost, and none is told twice.

**Strategy**: a commit, a subscription and its end are run again and again, each time
with `KeyboardInterrupt` raised one step later than the time before, until nothing was
left to interrupt (`tests.support.stepper`), in the code of `qsdb.live`, `qsdb.runtime`
and `qsdb.store`. Then something more is committed, as a program does that lives on.

**Invariants**, after each interrupted run and the commit that follows:

1. Each live query was told of each commit that changed its result, once and in order,
   and its rows are the result.
2. The locks are free. When all that the program knows of is closed nothing is kept.
"""

import contextlib
import gc
from collections.abc import Callable
from typing import Any

import attrs
import pytest

import qsdb
from qsdb import u32
from tests.support.stepper import Interrupter, needs_steps

pytestmark = [pytest.mark.slow, needs_steps]

shop = qsdb.Module("shop")


class Item(qsdb.Row, module=shop):
    id: u32 = qsdb.primary_key()
    shelf: u32
    count: u32 = qsdb.index()


class Shelf(qsdb.Row, module=shop):
    id: u32 = qsdb.primary_key()
    size: u32


TEXTS = (
    "SELECT * FROM item",
    "SELECT * FROM item WHERE count > 1",
    "SELECT s.size FROM item i JOIN shelf s ON i.shelf = s.size",
)
KEPT = (
    "SELECT COUNT(*), SUM(count) AS s, MAX(count) AS m FROM item",
    "SELECT id FROM item ORDER BY count DESC LIMIT 1",
    (
        "SELECT s.id, COUNT(i.id) AS n FROM shelf s LEFT JOIN item i ON i.shelf = s.id "
        "GROUP BY s.id"
    ),
)
"""Queries with states; each commit changes them too."""
HANDED_OVER = "Asking.subscribe:"
"""Here a query is complete, and nobody has it yet: it stays, as one does that nobody
closes."""

HERE = ("/qsdb/live/", "/qsdb/store/", "/qsdb/runtime/", "<qsdb ")


@attrs.define(eq=False)
class Watched:
    """A live query and the offsets that it was told of."""

    text: str
    query: Any
    offsets: list[int]


class Scene:
    """A database with a few who listen."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        self.texts = texts
        self.db = qsdb.Database(shop, seed=1)
        with self.db.write() as tx:
            tx[Item].insert(Item(1, 1, 1))
            tx[Shelf].insert_many([Shelf(1, 1), Shelf(2, 2)])
        self.watched: list[Watched] = []
        for text in (*texts, texts[0]):
            self.watch(text)

    def watch(self, text: str) -> None:
        offsets: list[int] = []
        query = self.db.subscribe(text, lambda update: offsets.append(update.offset))
        self.watched.append(Watched(text, query, offsets))

    def commit(self, number: int) -> None:
        with self.db.write() as tx:
            tx[Item].insert(Item(number, 2, number))
            tx[Item].delete_by_key(1)
            tx[Shelf].upsert(Shelf(number, number))


def in_a_commit(scene: Scene) -> None:
    scene.commit(2)


def in_a_subscription(scene: Scene) -> None:
    joined = "FROM item i JOIN shelf s ON i.count = s.size"
    what = "i.id" if scene.texts is TEXTS else "MAX(i.id)"
    scene.watch(f"SELECT {what} {joined}")


def in_another_of_the_same(scene: Scene) -> None:
    scene.watch(scene.texts[2])


def in_the_end_of_one(scene: Scene) -> None:
    scene.watched[2].query.close()


SCENES: dict[str, Callable[[Scene], None]] = {
    "a commit": in_a_commit,
    "a subscription": in_a_subscription,
    "another of the same": in_another_of_the_same,
    "the end of one": in_the_end_of_one,
}


def check(scene: Scene, begun: int, where: str) -> None:
    db = scene.db
    for each in scene.watched:
        if each.query.result is None:
            continue
        assert sorted(set(each.offsets)) == each.offsets, f"{where}: told twice"
        first = each.query.offset
        expected = [n for n in range(begun + 1, db.offset + 1) if n > first]
        assert each.offsets == expected, f"{where}: told of {each.offsets}"
        rows = map(repr, db.sql(each.text).rows)
        assert sorted(map(repr, each.query.rows)) == sorted(rows), where


# In `__del__`, and in a generator that nobody has any more, the exception goes nowhere,
# as that of a signal handler does; of the latter CPython 3.12 says so.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <(generator|function LiveQuery.__del__)"
    ":pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("texts", [TEXTS, KEPT], ids=["plain", "kept"])
@pytest.mark.parametrize("name", SCENES)
def test_an_interrupt_loses_nothing(name: str, texts: tuple[str, ...]) -> None:
    for step in range(1, 100_000):
        scene = Scene(texts)
        begun = scene.db.offset
        interrupter = Interrupter(step, HERE)
        with contextlib.suppress(KeyboardInterrupt), interrupter.running():
            SCENES[name](scene)
        where = f"step {step}, in {interrupter.place}"
        gc.collect(0)
        db = scene.db
        assert not db._writer.is_mine(), f"{where}: the writer lock is left"
        delivery = db._subscriptions.delivery
        assert not delivery._is_mine(), f"{where}: the lock of delivery is left"
        scene.commit(3)
        check(scene, begun, where)
        for each in scene.watched:
            each.query.close()
        if not interrupter.place.startswith(HANDED_OVER):
            assert set(db._subscriptions.engine.sizes.values()) == {0}, where
        db.check()
        assert db.stats().pins == 0, where
        if not interrupter.place:
            break
    print(f"{name}: {step} steps")
    assert step > 30, "hardly anything was interrupted"
