"""What is given up when transactions take too much, and what they are told."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import qsdb
from qsdb import TransactionLimits, i64, u32
from qsdb.testing import FakeClock

shop = qsdb.Module("shop")


class Item(qsdb.Row, module=shop):
    id: u32 = qsdb.primary_key()
    shelf: i64 = qsdb.index()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(qsdb.Timestamp.parse("2026-11-25T12:00:00Z"))


@pytest.fixture
def open_shop(clock: FakeClock) -> Iterator[Callable[..., qsdb.Database]]:
    opened: list[qsdb.Database] = []

    def open_one(**limits: Any) -> qsdb.Database:
        db = qsdb.Database(shop, clock=clock, limits=TransactionLimits(**limits))
        opened.append(db)
        with db.write() as tx:
            tx[Item].insert_many([Item(n, n) for n in range(100)])
        return db

    yield open_one
    for db in opened:
        db.check()
        db.close()


def change(db: qsdb.Database, first: int, count: int) -> None:
    with db.write() as tx:
        for number in range(first, first + count):
            row = tx[Item].get(number)
            assert row is not None
            tx[Item].update(row.replace(shelf=row.shelf + 1000))


LOOKS: dict[str, Callable[[Any, int], object]] = {
    "a row": lambda table, number: table.get(number),
    "contains": lambda table, number: Item(number, number) in table,
    "scan": lambda table, _: [*iter(table)],
    "length": lambda table, _: len(table),
    "range": lambda table, number: table.shelf.range(0, number),
    "count": lambda table, number: table.shelf.count(number),
    "filter": lambda table, number: table.shelf.filter(number),
}


@pytest.mark.parametrize("name", LOOKS)
@pytest.mark.parametrize("way", ["read", "optimistic"])
def test_an_offset_for_which_too_many_rows_are_kept(
    open_shop: Callable[..., qsdb.Database], name: str, way: str
) -> None:
    db = open_shop(pinned_rows=10)
    tx = getattr(db, way)()
    table = tx[Item]
    change(db, 0, 6)
    assert LOOKS[name](table, 1) is not None
    change(db, 6, 6)

    with pytest.raises(qsdb.LimitError, match=r"offset 2 cannot .* pinned_rows=10"):
        LOOKS[name](table, 2)
    assert db.stats().undo_rows == 0
    change(db, 0, 12)  # which notes nothing any more
    with pytest.raises(qsdb.LimitError):
        LOOKS[name](table, 3)
    tx.close() if way == "read" else tx.rollback()
    assert db.stats().pins == 0


def test_what_is_changed_often_is_kept_once(
    open_shop: Callable[..., qsdb.Database],
) -> None:
    db = open_shop(pinned_rows=10)
    with db.read() as tx:
        for _ in range(20):
            change(db, 0, 6)

        assert tx[Item].get(1) == Item(1, 1)
    assert db.stats().undo_rows == 0


def test_the_oldest_offset_goes_first(open_shop: Callable[..., qsdb.Database]) -> None:
    db = open_shop(pinned_rows=10)
    with db.read() as old:
        change(db, 0, 8)
        with db.read() as young:
            change(db, 20, 8)

            with pytest.raises(qsdb.LimitError):
                old[Item].get(1)
            assert young[Item].get(1) == Item(1, 1001)
            assert young[Item].get(20) == Item(20, 20)
            assert db.stats().undo_rows == 8


def test_a_commit_after_its_offset_was_given_up(
    open_shop: Callable[..., qsdb.Database],
) -> None:
    db = open_shop(pinned_rows=10)
    tx = db.optimistic()
    tx[Item].update(Item(99, 0))
    change(db, 0, 20)

    with pytest.raises(qsdb.LimitError, match="offset 2 cannot be read any more"):
        tx.commit()
    with pytest.raises(qsdb.ClosedError):
        tx.commit()


def test_an_offset_that_is_too_old(
    open_shop: Callable[..., qsdb.Database], clock: FakeClock
) -> None:
    db = open_shop(pinned_seconds=60)
    with db.read() as old:
        clock.advance(50)
        change(db, 0, 1)
        with db.read() as young:
            clock.advance(11)
            assert old[Item].get(0) == Item(0, 0)  # nobody needs the memory yet
            change(db, 1, 1)

            with pytest.raises(qsdb.LimitError, match="was 61 s old, of pinned"):
                old[Item].get(0)
            assert young[Item].get(0) == Item(0, 1000)


def test_all_that_are_too_old_go(
    open_shop: Callable[..., qsdb.Database], clock: FakeClock
) -> None:
    db = open_shop(pinned_seconds=60)
    old = [db.read()]
    change(db, 0, 1)
    old.append(db.read())
    clock.advance(61)
    change(db, 1, 1)

    assert db.stats().undo_rows == 0
    for each in old:
        with pytest.raises(qsdb.LimitError):
            each[Item].get(1)
        each.close()


def test_an_offset_is_as_old_as_the_last_who_began_there(
    open_shop: Callable[..., qsdb.Database], clock: FakeClock
) -> None:
    db = open_shop(pinned_seconds=60)
    with db.read() as first:
        clock.advance(59)
        with db.read():
            clock.advance(10)
            change(db, 0, 1)

            assert first[Item].get(0) == Item(0, 0)


def test_without_limits_nothing_is_given_up(
    open_shop: Callable[..., qsdb.Database], clock: FakeClock
) -> None:
    db = open_shop(pinned_rows=None)
    with db.read() as tx:
        clock.advance(1e6)
        change(db, 0, 100)

        assert tx[Item].get(99) == Item(99, 99)


def test_who_copies_a_database_keeps_the_offset(
    open_shop: Callable[..., qsdb.Database],
) -> None:
    db = open_shop(pinned_rows=0)
    store = db._directory.store
    hold, _ = store.hold_with_sequences()
    change(db, 0, 50)

    assert store.undo_count == 50
    hold.release()
    change(db, 0, 50)
    assert store.undo_count == 0


def test_the_rows_of_one_transaction(open_shop: Callable[..., qsdb.Database]) -> None:
    db = open_shop(written_rows=3)
    with db.optimistic() as tx:
        for number in range(3):
            tx[Item].update(Item(number, 7))
            tx[Item].update(Item(number, 8))
        with pytest.raises(qsdb.LimitError, match="writes 3 rows at most"):
            tx[Item].delete_by_key(50)
        with pytest.raises(qsdb.LimitError):
            tx.sql("DELETE FROM item")
    with db.read() as reading:
        assert [reading[Item].get(n) for n in (2, 3)] == [Item(2, 8), Item(3, 3)]


WHOLE: dict[str, Callable[[Any], object]] = {
    "DELETE": lambda tx: tx.sql("DELETE FROM item WHERE id < 10"),
    "UPDATE": lambda tx: tx.sql("UPDATE item SET shelf = 0 WHERE id < 10"),
    "UPDATE of keys": lambda tx: tx.sql("UPDATE item SET id = id + 200"),
    "INSERT": lambda tx: tx.sql("INSERT INTO item VALUES (200, 0), (201, 0), (202, 0)"),
    "clear": lambda tx: tx[Item].clear(),
    "insert_many": lambda tx: tx[Item].insert_many(
        [Item(n, 0) for n in range(200, 209)]
    ),
}


@pytest.mark.parametrize("way", WHOLE)
def test_what_writes_many_rows_writes_all_or_none(
    open_shop: Callable[..., qsdb.Database], way: str
) -> None:
    """And what was refused does not count: as much may be written as before."""
    db = open_shop(written_rows=3)
    with db.optimistic() as tx:
        tx[Item].delete_by_key(1)
        with pytest.raises(qsdb.LimitError, match=r"1 and would write \d+ more|3 and"):
            WHOLE[way](tx)
        assert len(tx[Item]) == 99
        assert tx.sql("UPDATE item SET shelf = 7 WHERE id < 3").rows_affected == 2
    with db.read() as reading:
        assert [reading[Item].get(n) for n in range(3)] == [
            Item(0, 7),
            None,
            Item(2, 7),
        ]


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"pinned_rows": -1}, "pinned_rows is None or an int from 0 on, not -1"),
        ({"pinned_rows": 1.5}, "pinned_rows is None or an int from 0 on, not 1.5"),
        ({"pinned_seconds": 0}, "pinned_seconds is None or a number above 0, not 0"),
        (
            {"pinned_seconds": "1"},
            "is None or a number above 0, not '1'",
        ),
        ({"written_rows": 0}, "written_rows is an int from 1 on, not 0"),
        ({"written_rows": None}, "written_rows is an int from 1 on, not None"),
    ],
)
def test_limits_that_are_none(limits: dict[str, Any], told: str) -> None:
    with pytest.raises(qsdb.ArgumentError, match=told):
        TransactionLimits(**limits)


def test_something_else_than_limits() -> None:
    with pytest.raises(qsdb.ArgumentError, match="limits are TransactionLimits, not 5"):
        qsdb.Database(shop, limits=5)  # type: ignore[arg-type]
