"""Tables in a read transaction, while others write and close beside it."""

import contextlib
import gc
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import qsdb
from qsdb import u32

shop = qsdb.Module("shop")

NAN = math.nan


class Item(qsdb.Row, module=shop, indexes=[qsdb.BTree("shelf", "weight", name="at")]):
    id: u32 = qsdb.primary_key()
    shelf: int = qsdb.index()
    colour: int = qsdb.index("hash")
    sku: str | None = qsdb.unique()
    weight: float = qsdb.index("hash")


class Tag(qsdb.Row, module=shop):
    word: str


ROWS = [Item(n, n % 3, n % 2, f"s{n}", float(n)) for n in range(4)]


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(shop) as opened:
        with opened.write() as tx:
            tx[Item].insert_many(ROWS)
            tx[Tag].insert(Tag("old"))
        yield opened


def ids(rows: Iterator[Item]) -> list[int]:
    return [row.id for row in rows]


def change_much(items: Any) -> None:
    """Change, delete and insert rows, so that every index is another."""
    items.delete_by_key(0)
    items.update(Item(1, 5, 5, "s9", NAN))
    items.update(Item(3, 0, 0, None, 0.5))
    items.insert(Item(9, 1, 1, "s0", 0.0))


LOOKS: dict[str, Callable[[Any], object]] = {
    "scan": lambda items: sorted(ids(items)),
    "length": len,
    "a row": lambda items: items.get(1),
    "a row that is gone": lambda items: items.get(0),
    "a row to come": lambda items: items.get(9),
    "contains": lambda items: [row in items for row in ROWS],
    "by key": lambda items: [items.id.find(n) for n in (0, 1, 9)],
    "unique": lambda items: [items.sku.find(f"s{n}") for n in (0, 1, 3, 9)],
    "range": lambda items: ids(items.shelf.range()),
    "reversed range": lambda items: ids(items.shelf.range(reverse=True)),
    "closed range": lambda items: ids(items.shelf.range(0, 1, include=(True, True))),
    "open range": lambda items: ids(items.shelf.range(0, 5, include=(False, False))),
    "prefix": lambda items: ids(items.at.filter(0)),
    "prefix range": lambda items: ids(items.at.range((0, 0.5), (1,))),
    "hash": lambda items: sorted(ids(items.colour.filter(1))),
    "hash of NaN": lambda items: sorted(ids(items.weight.filter(NAN))),
    "counts": lambda items: [items.shelf.count(0), items.colour.count(1)],
    "counts of a prefix": lambda items: [items.at.count(0), items.at.count(0, 0.0)],
    "counts of NaN": lambda items: [items.weight.count(n) for n in (NAN, 0, 0.5)],
    "counts of keys": lambda items: [items.id.count(n) for n in (0, 1, 9)],
    "counts of unique": lambda items: [items.sku.count(f"s{n}") for n in (0, 1, 3, 9)],
}


def an_open_transaction(db: qsdb.Database) -> Iterator[None]:
    with db.write() as tx:
        change_much(tx[Item])
        yield
    yield


def a_rollback(db: qsdb.Database) -> Iterator[None]:
    with contextlib.suppress(ZeroDivisionError), db.write() as tx:
        change_much(tx[Item])
        _ = 1 / 0
    yield


def two_commits(db: qsdb.Database) -> Iterator[None]:
    with db.write() as tx:
        change_much(tx[Item])
    with db.write() as tx:
        tx[Item].clear()
    yield


def a_newer_read(db: qsdb.Database) -> Iterator[None]:
    with db.write() as tx:
        change_much(tx[Item])
    with db.read():
        with db.write() as tx:
            tx[Item].clear()
            tx[Tag].clear()
        yield
    yield


WAYS = {each.__name__: each for each in (an_open_transaction, a_rollback)}
WAYS |= {each.__name__: each for each in (two_commits, a_newer_read)}


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize("way", WAYS)
def test_a_read_sees_its_offset(db: qsdb.Database, name: str, way: str) -> None:
    look, reader = LOOKS[name], db.read()
    before = look(reader[Item])

    for _ in WAYS[way](db):
        assert look(reader[Item]) == before
        assert list(reader[Tag]) == [Tag("old")]


COUNTS: dict[str, Callable[[Any], object]] = {
    name: look for name, look in LOOKS.items() if name.startswith("counts")
}


@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("way", ["read", "write"])
def test_counting_unchanged_rows_looks_at_none(
    db: qsdb.Database, name: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.write() if way == "write" else db.read() as tx:
        items: Any = tx[Item]
        wanted = COUNTS[name](items)
        monkeypatch.setattr(type(items), "_select", None)

        assert COUNTS[name](items) == wanted


def test_a_newer_read_sees_what_was_committed(db: qsdb.Database) -> None:
    older: Any = db.read()
    with db.write() as tx:
        change_much(tx[Item])
    newer: Any = db.read()
    with db.write() as tx:
        tx[Item].clear()

    assert newer.offset == older.offset + 1
    assert sorted(ids(iter(newer[Item]))) == [1, 2, 3, 9]
    assert newer[Item].get(1).colour == 5
    assert older[Item].get(1).colour == 1
    assert ids(newer[Item].weight.filter(NAN)) == [1]
    assert sorted(ids(iter(older[Item]))) == [0, 1, 2, 3]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)])
def test_reads_may_close_in_any_order(
    db: qsdb.Database, order: tuple[int, ...]
) -> None:
    readers, states = [], []
    for number in range(3):
        readers.append(db.read())
        states.append((sorted(map(repr, readers[-1][Item])), len(readers[-1][Tag])))
        with db.write() as tx:
            tx[Item].delete_by_key(number)
            if number:
                tx[Tag].insert(Tag(str(number)))
    for number in order:
        readers[number].close()
        for reader, state in zip(readers, states, strict=True):
            if reader._hold.pin is not None:
                rows = sorted(map(repr, reader[Item]))
                assert (rows, len(reader[Tag])) == state

    assert (db.stats().pins, db.stats().undo_rows) == (0, 0)


def test_a_savepoint_does_not_show(db: qsdb.Database) -> None:
    reader = db.read()
    with db.write() as tx:
        tx[Item].update(Item(1, 7, 7, "s1", 7.0))
        with tx.savepoint():
            tx[Item].update(Item(1, 8, 8, "s1", 8.0))
            assert reader[Item].get(1) == ROWS[1]
            assert list(reader[Item].shelf.filter(1)) == [ROWS[1]]
        assert reader[Item].get(1) == ROWS[1]


def test_a_table_outlives_a_transaction_that_nobody_named(db: qsdb.Database) -> None:
    items, index = db.read()[Item], db.read()[Item].shelf
    gc.collect()
    for number in range(2):
        with db.write() as tx:
            tx[Item].delete_by_key(number)

    assert sorted(ids(iter(items))) == [0, 1, 2, 3]
    assert ids(index.range()) == [0, 3, 1, 2]
    assert db.stats().pins == 1
    del items, index
    gc.collect()
    assert db.stats().pins == 0


WRITES: dict[str, Callable[[Any], object]] = {
    "insert": lambda items: items.insert(ROWS[0]),
    "insert_many": lambda items: items.insert_many(ROWS),
    "update": lambda items: items.update(ROWS[0]),
    "upsert": lambda items: items.upsert(ROWS[0]),
    "delete": lambda items: items.delete(ROWS[0]),
    "delete_by_key": lambda items: items.delete_by_key(0),
    "clear": lambda items: items.clear(),
    "update by a unique column": lambda items: items.sku.update(ROWS[0]),
    "update by the key": lambda items: items.id.update(ROWS[0]),
    "delete by a unique column": lambda items: items.sku.delete("s0"),
    "delete by an index": lambda items: items.shelf.delete(0),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_read_transaction_cannot_write(db: qsdb.Database, name: str) -> None:
    with db.read() as tx:
        with pytest.raises(qsdb.ReadOnlyError, match="cannot write"):
            WRITES[name](tx[Item])
        assert len(tx[Item]) == len(ROWS)


@pytest.mark.parametrize("name", LOOKS)
def test_tables_of_a_closed_database_are_closed(db: qsdb.Database, name: str) -> None:
    items = db.read()[Item]
    db.close()

    with pytest.raises(qsdb.ClosedError, match="database is closed"):
        LOOKS[name](items)


def test_no_table_is_opened_after_the_end(db: qsdb.Database) -> None:
    with db.read() as tx:
        pass

    with pytest.raises(qsdb.ClosedError, match="this read transaction has ended"):
        _ = tx[Tag]
    with pytest.raises(qsdb.ClosedError, match="this read transaction has ended"):
        tx.__enter__()
    tx.close()
