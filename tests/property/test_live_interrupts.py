"""A signal handler may raise anywhere: no update is lost, and none is told twice.

Live queries listen, and connections with caches; both have functions called.

**Strategy**: a commit, a subscription and its end are run again and again, each time
with `KeyboardInterrupt` raised one step later than the time before, until nothing was
left to interrupt (`tests.support.stepper`), in the code of `qsdb.live`, `qsdb.runtime`
and `qsdb.store`. Then something more is committed, as a program does that lives on.

**Invariants**, after each interrupted run and the commit that follows:

1. Each live query was told of each commit that changed its result, once and in order,
   and its rows are the result.
2. Each cache has the rows that its subscriptions give, by its keys and by its indexes.
   Its functions were told of each row that came, went or is another, once; a row that
   is told is there.
3. The locks are free. When all that the program knows of is closed nothing is kept.
"""

import contextlib
import gc
from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs
import pytest

import qsdb
from qsdb import u32
from tests.support.stepper import Interrupter, needs_steps

pytestmark = [pytest.mark.slow, needs_steps]

shop = qsdb.Module("shop")


class Item(qsdb.Row, module=shop, public=True):
    id: u32 = qsdb.primary_key()
    shelf: u32
    count: u32 = qsdb.index()


class Shelf(qsdb.Row, module=shop, public=True):
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

HERE = ("/qsdb/live/", "/qsdb/store/", "/qsdb/runtime/", "/qsdb/cache/", "<qsdb ")


@attrs.define(eq=False)
class Watched:
    """A live query and the offsets that it was told of."""

    text: str
    query: Any
    offsets: list[int]


class Client:
    """A connection, what is asked by it, and what its functions were told.

    Attributes:
        sub: The subscription that stays.
        told: Table → what came and what went, one after the other.
        updates: Of the result that is in no table.
    """

    def __init__(self, db: qsdb.Database) -> None:
        self.db, self.conn = db, db.connect(db.owner)
        self.told: dict[type[Any], list[tuple[Any, Any]]] = {Item: [], Shelf: []}
        self.updates: list[qsdb.Update] = []
        for table in self.told:
            self.listen(table)
        list(self.conn.db.item.count.filter(1))  # so there is an index
        self.sub = self.conn.subscribe(*ASKED)
        self.first = self.conn.sql(ASKED[-1]).rows
        self.sub.on_update(lambda _, update: self.updates.append(update))

    def listen(self, table: type[Any]) -> None:
        cached, hear = self.conn.db[table], self.hear
        cached.on_insert(lambda _, row: hear(table, row, None))
        cached.on_delete(lambda _, row: hear(table, None, row))
        cached.on_update(lambda _, old, new: hear(table, new, old))

    def hear(self, table: type[Any], came: Any, went: Any) -> None:
        self.told[table].append((came, went))  # and nothing of qsdb before that
        for row in (came, went):
            if row is not None:
                is_there = row in self.conn.db[table]
                assert is_there == (row is came), f"{row} is told too early or late"

    def check(self, where: str) -> None:
        for table, told in self.told.items():
            name = table.__name__.lower()
            wanted = {*self.db.sql(f"SELECT * FROM {name}").rows}
            cached = self.conn.db[table]
            assert {*cached} == wanted, f"{where}: the cache has {[*cached]}"
            found = {cached.get(row.id) for row in wanted}
            assert found == wanted, f"{where}: by keys there are {found}"
            rows = Counter([came for came, _ in told if came is not None])
            rows.subtract([went for _, went in told if went is not None])
            assert rows == Counter(wanted), f"{where}: told of {told}"
        items = {*self.db.sql("SELECT * FROM item").rows}
        found = {*self.conn.db.item.count.range()}
        assert found == items, f"{where}: the index has {found}"
        rows = Counter(self.first)
        for update in self.updates:
            rows.update(update.inserts)
            rows.subtract(update.deletes)
        assert rows == Counter(self.db.sql(ASKED[-1]).rows), f"{where}: {self.updates}"
        rows = Counter(self.sub.rows)
        asked = [row for text in ASKED for row in self.db.sql(text).rows]
        assert rows == Counter(asked), f"{where}: the subscription has {rows}"


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
        self.client: Client | None = None

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


ASKED = ("SELECT * FROM item", "SELECT * FROM shelf", "SELECT count FROM item")
"""What connections ask: tables, and a result that is none."""


def of_a_client(scene: Scene) -> Client:
    assert scene.client is not None
    return scene.client


def in_a_clients_subscription(scene: Scene) -> None:
    client = of_a_client(scene)
    client.conn.subscribe("SELECT * FROM item WHERE count > 0", "SELECT id FROM item")


def in_a_clients_end(scene: Scene) -> None:
    client = of_a_client(scene)
    other = client.conn.subscribe("SELECT * FROM item WHERE count > 0")
    other.close()


CLIENT_SCENES: dict[str, Callable[[Scene], None]] = {
    "a commit": in_a_commit,
    "a subscription": in_a_clients_subscription,
    "an end": in_a_clients_end,
}

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


@pytest.mark.filterwarnings(
    "ignore:Exception ignored in. <generator:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("name", CLIENT_SCENES)
def test_an_interrupt_leaves_caches_whole(name: str) -> None:
    for step in range(1, 100_000):
        scene = Scene(TEXTS[:1])
        client = scene.client = Client(scene.db)
        begun, count = scene.db.offset, len(client.conn._open)
        interrupter = Interrupter(step, HERE)
        with contextlib.suppress(KeyboardInterrupt), interrupter.running():
            CLIENT_SCENES[name](scene)
        where = f"step {step}, in {interrupter.place}"
        db, hub = scene.db, scene.db._subscriptions
        assert not db._writer.is_mine(), f"{where}: the writer lock is left"
        assert not hub.delivery._is_mine(), f"{where}: the lock of delivery is left"
        if interrupter.place and name == "a subscription":
            assert len(client.conn._open) == count, f"{where}: it is open"
            assert len(hub.engine.subscribers) == 2 + len(ASKED), where
        for number in (3, 4):
            scene.commit(number)
            check(scene, begun, where)
            client.check(where)
        for sub in [*client.conn._open]:
            sub.close()
        assert {*client.conn.db.item} == {*client.conn.db.shelf} == set(), where
        assert not hub.delivery.outbox, where
        client.conn.close()
        for each in scene.watched:
            each.query.close()
        assert set(hub.engine.sizes.values()) == {0}, where
        if not interrupter.place:
            break
    print(f"{name}: {step} steps")
    assert step > 30, "hardly anything was interrupted"
