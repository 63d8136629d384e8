"""What has changed since an offset, gathered once for many look-ups."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import qsdb
from qsdb import i64, u32

shop = qsdb.Module("shop")


class Item(qsdb.Row, module=shop):
    id: u32 = qsdb.primary_key()
    shelf: i64 = qsdb.index()
    colour: i64 = qsdb.index("hash")
    sku: str | None = qsdb.unique()


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(shop) as opened:
        with opened.write() as tx:
            tx[Item].insert_many([item(number) for number in range(6)])
        yield opened


def item(number: int, more: int = 0) -> Item:
    sku = f"s{number + more}" if number % 3 else None
    return Item(number, number + more, (number + more) % 2, sku)


LOOKS: dict[str, Callable[[Any], list[Any]]] = {
    "ordered": lambda tx: [*tx[Item].shelf.range(2, 5)],
    "hash": lambda tx: sorted([row.id for row in tx[Item].colour.filter(1)]),
    "unique": lambda tx: [tx[Item].sku.find("s2"), tx[Item].sku.find("s102")],
    "first": lambda tx: [*tx.sql("SELECT * FROM item ORDER BY shelf LIMIT 3")],
}


@pytest.mark.parametrize("name", LOOKS)
def test_rows_are_found_as_often_as_anybody_looks(db: qsdb.Database, name: str) -> None:
    look = LOOKS[name]
    with db.read() as tx:
        right = look(tx)
        for more in (100, 200, 300):
            with db.write() as writing:
                writing[Item].update(item(2, more))
                writing[Item].delete_by_key(3)
                assert [look(tx) for _ in range(3)] == [right] * 3
                writing[Item].upsert(item(3, more))
                assert look(tx) == right

            assert [look(tx) for _ in range(3)] == [right] * 3


def test_it_is_gathered_once_between_two_changes(db: qsdb.Database) -> None:
    reading = db.read()
    items: Any = reading[Item]
    seen: list[dict[object, object]] = []
    for more in (100, 200):
        with db.write() as tx:
            tx[Item].update(item(more // 100, more))
        for _ in range(2):
            assert items.sku.find("s2") == item(2)
            seen.append(items._changed(items._pin))
    reading.close()

    assert [len(each) for each in seen] == [1, 1, 2, 2]
    assert seen[0] is seen[1]
    assert seen[2] is seen[3]


def test_a_newer_read_that_ends_is_no_matter(db: qsdb.Database) -> None:
    reading = db.read()
    items = reading[Item]
    with db.write() as tx:
        tx[Item].update(item(1, 100))
    newer = db.read()
    with db.write() as tx:
        tx[Item].update(item(2, 100))
    found = [[*items.shelf.range(1, 3)] for _ in range(3)]
    newer.close()
    found += [[*items.shelf.range(1, 3)] for _ in range(3)]
    reading.close()

    assert found == [[item(1), item(2)]] * 6


def test_unique_values_are_looked_up_beside_many_changes(db: qsdb.Database) -> None:
    tx = db.optimistic()
    with db.write() as writing:
        for number in (0, 1, 2, 3, 5):
            writing[Item].update(item(number, 100))

    with pytest.raises(qsdb.UniqueError):
        tx[Item].insert(Item(10, 0, 0, "s4"))
    for number in range(10, 20):
        tx[Item].insert(Item(number, 0, 0, f"n{number}"))

    assert tx.commit() == db.offset
