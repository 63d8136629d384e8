"""A signal handler may raise anywhere, also while views are run and moved.

**Strategy**: as in `test_live_interrupts.py`, with views of each sort of reading: a
commit, one that a view undoes, a subscription and its end are run again and again, each
time with `KeyboardInterrupt` raised some steps later than the time before. The nightly
profile makes smaller steps, from another one each day. Then more is committed.

**Invariants**, after each interrupted run and the commit that follows:

1. Each live query has the rows that asking anew gives, and was told of each commit that
   changed them, once and in order.
2. What is kept of views is what is read; and nothing, when all is closed.
"""

import contextlib
import gc
import os
import random
from collections.abc import Callable
from typing import Any

import pytest

import qsdb
from qsdb import u32, u64
from tests.support.stepper import Interrupter, needs_steps

pytestmark = [pytest.mark.slow, needs_steps]

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"
STRIDE = 7 if IS_NIGHTLY else 61
FIRST = random.SystemRandom().randrange(STRIDE) + 1 if IS_NIGHTLY else 1

shop = qsdb.Module("shop")


class Item(qsdb.Row, module=shop):
    id: u32 = qsdb.primary_key()
    shelf: u32
    count: u32 = qsdb.index()


class Shelf(qsdb.Row, module=shop):
    id: u32 = qsdb.primary_key()
    size: u32


class Shelved(qsdb.Product):
    shelf: u32
    items: u64


Anonymous = qsdb.AnonymousViewContext


@shop.view
def one(ctx: Anonymous, key: u32) -> Item | None:
    return ctx.db[Item].get(key)


@shop.view
def many(ctx: Anonymous, least: u32) -> list[Item]:
    return list(ctx.db.item.count.range(least))


@shop.view
def everything(ctx: Anonymous) -> list[Shelf]:
    return list(ctx.db[Shelf])


@shop.view
def fitting(_: Anonymous, least: u32) -> qsdb.Query[Shelf]:
    return qsdb.Query(
        "SELECT s.* FROM item i JOIN shelf s ON i.shelf = s.size "
        "WHERE i.count > :least",
        {"least": least},
    )


@shop.view
def fullest(_: Anonymous) -> qsdb.Query[Item]:
    return qsdb.Query("SELECT * FROM item ORDER BY count DESC LIMIT 1")


@shop.view
def counted(_: Anonymous) -> qsdb.Query[Shelved]:
    return qsdb.Query("SELECT shelf, COUNT(*) AS items FROM item GROUP BY shelf")


@shop.view(on_error="abort")
def crowded(ctx: Anonymous) -> list[Item]:
    if ctx.db.item.count.count(99):
        raise ValueError("99 are too many")
    return []


TEXTS = (
    "SELECT * FROM one(2)",
    "SELECT m.* FROM many(2) m JOIN shelf s ON m.id = s.id",
    "SELECT * FROM everything WHERE size < 100",
    "SELECT * FROM fitting(0)",
    "SELECT * FROM crowded",
    "SELECT * FROM fullest",
    "SELECT * FROM counted",
    "SELECT s.* FROM shelf s LEFT JOIN fullest f ON f.shelf = s.id WHERE f.id IS NULL",
)


class Scene:
    """A database with a few who listen."""

    def __init__(self) -> None:
        self.db = qsdb.Database(shop, seed=1)
        with self.db.write() as tx:
            tx[Item].insert(Item(1, 1, 1))
            tx[Shelf].insert_many([Shelf(1, 1), Shelf(2, 2)])
        self.watched: list[tuple[str, Any, list[Any]]] = []
        for text in (*TEXTS, TEXTS[0]):
            self.watch(text)

    def watch(self, text: str) -> None:
        told: list[Any] = []
        self.watched.append((text, self.db.subscribe(text, told.append), told))

    def commit(self, number: int, count: int) -> None:
        with self.db.write() as tx:
            tx[Item].insert(Item(number, 2, count))
            tx[Item].delete_by_key(1)
            tx[Shelf].upsert(Shelf(number, number))


def in_a_commit(scene: Scene) -> None:
    scene.commit(2, 2)


def in_one_that_is_undone(scene: Scene) -> None:
    with pytest.raises(qsdb.ReducerError):
        scene.commit(2, 99)


def in_a_subscription(scene: Scene) -> None:
    scene.watch("SELECT i.* FROM one(1) i JOIN fitting(1) f ON f.size = i.shelf")


def in_the_end_of_one(scene: Scene) -> None:
    scene.watched[3][1].close()


SCENES: dict[str, Callable[[Scene], None]] = {
    "a commit": in_a_commit,
    "one that is undone": in_one_that_is_undone,
    "a subscription": in_a_subscription,
    "the end of one": in_the_end_of_one,
}

HANDED_OVER = "Asking.subscribe:"
HERE = ("/qsdb/live/", "/qsdb/store/", "/qsdb/runtime/", "<qsdb ")


def check(scene: Scene, where: str) -> None:
    for text, query, told in scene.watched:
        if query.result is None:
            continue
        offsets = [each.offset for each in told]
        assert sorted(set(offsets)) == offsets, f"{where}: told twice"
        rows = sorted(map(repr, scene.db.sql(text).rows))
        assert sorted(map(repr, query.rows)) == rows, f"{where}: {text}"
    views = scene.db._subscriptions.listening.views
    for key, instance in views._by_key.items():
        assert instance.results, f"{where}: {key.view.name} is kept for nobody"
        assert instance.reads == views._runner.run(key, views._base_of).reads, where
        assert instance.is_noted, where


# In `__del__`, and in a generator that nobody has any more, the exception goes nowhere,
# as that of a signal handler does; of the latter CPython 3.12 says so.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <(generator|function LiveQuery.__del__)"
    ":pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("name", SCENES)
def test_an_interrupt_loses_nothing(name: str) -> None:
    for step in range(FIRST, 100_000, STRIDE):
        scene = Scene()
        interrupter = Interrupter(step, HERE)
        with contextlib.suppress(KeyboardInterrupt), interrupter.running():
            SCENES[name](scene)
        where = f"step {step}, in {interrupter.place}"
        gc.collect(0)
        db = scene.db
        assert not db._writer.is_mine(), f"{where}: the writer lock is left"
        scene.commit(3, 3)
        check(scene, where)
        for _, query, _ in scene.watched:
            query.close()
        if not interrupter.place.startswith(HANDED_OVER):
            subscriptions = db._subscriptions
            views = subscriptions.listening.views
            assert set(subscriptions.engine.sizes.values()) == {0}, where
            assert set(views.queries.sizes.values()) == {0}, where
            assert len(views) == len(views.readers) == 0
        db.check()
        if not interrupter.place:
            break
    print(f"{name}: {step} steps")
    assert step > 30, "hardly anything was interrupted"
