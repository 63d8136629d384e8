"""A table in an optimistic transaction: its own writes over what was there."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import qsdb
from qsdb import i64, u32

shop = qsdb.Module("shop")


class Item(qsdb.Row, module=shop, indexes=[qsdb.BTree("shelf", "id", name="place")]):
    id: u32 = qsdb.primary_key()
    shelf: i64 = qsdb.index()
    colour: i64 = qsdb.index("hash")
    sku: str | None = qsdb.unique()


class Tag(qsdb.Row, module=shop):
    word: str


class Job(qsdb.Row, module=shop):
    id: u32 = qsdb.primary_key(auto_inc=True)
    name: str = qsdb.unique()


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(shop) as opened:
        with opened.write() as tx:
            tx[Item].insert_many([item(n) for n in range(30)])
            tx[Tag].insert(Tag("old"))
        yield opened
        opened.check()


def item(number: int, shelf: int | None = None) -> Item:
    return Item(number, number if shelf is None else shelf, number % 3, f"s{number}")


def change_few(items: Any) -> None:
    items.update(item(3, 100))
    items.delete_by_key(4)
    items.insert(Item(40, 4, 1, None))


def change_many(items: Any) -> None:
    """More than are looked through one by one."""
    for number in range(0, 30, 2):
        items.update(item(number, -number))
    items.insert_many([Item(n, 5, 7, None) for n in range(40, 60)])
    assert items.shelf.count(5) == 21  # the index of the buffer is there now
    assert items.colour.count(7) == 20
    assert items.sku.find("s2") == item(2, -2)
    for number in range(40, 50):
        items.delete_by_key(number)
    items.update(Item(50, 6, 8, "fifty"))
    items.update(Item(51, 6, 8, None))


LOOKS: dict[str, Callable[[Any], object]] = {
    "scan": lambda items: sorted(items, key=lambda row: int(row.id)),
    "length": len,
    "rows": lambda items: [items.get(n) for n in range(61)],
    "contains": lambda items: [item(n) in items for n in range(61)],
    "range": lambda items: [*items.shelf.range(-5, 50)],
    "reversed": lambda items: [*items.shelf.range(reverse=True)],
    "prefix": lambda items: [*items.place.filter(5)],
    "composite range": lambda items: [*items.place.range((5, 45), (6, 99))],
    "hash": lambda items: sorted(items.colour.filter(7), key=lambda row: int(row.id)),
    "unique": lambda items: [items.sku.find(f"s{n}") for n in range(30)],
    "new unique": lambda items: items.sku.find("fifty"),
    "counts": lambda items: [items.shelf.count(n) for n in (4, 5, 6, 100)],
    "count of keys": lambda items: [items.id.count(n) for n in (3, 4, 40)],
}


@pytest.mark.parametrize("change", [change_few, change_many])
@pytest.mark.parametrize("name", LOOKS)
def test_it_looks_as_it_will(
    db: qsdb.Database, name: str, change: Callable[[Any], None]
) -> None:
    look = LOOKS[name]
    with db.read() as reading:
        before = look(reading[Item])
    tx = db.optimistic()
    change(tx[Item])
    found = look(tx[Item])
    with db.read() as reading:
        assert look(reading[Item]) == before
    tx.commit()
    with db.read() as reading:
        assert look(reading[Item]) == found


def test_changes_of_others_do_not_show(db: qsdb.Database) -> None:
    tx = db.optimistic("snapshot")
    before = {name: look(tx[Item]) for name, look in LOOKS.items()}
    with db.write() as writing:
        change_many(writing[Item])

    assert {name: look(tx[Item]) for name, look in LOOKS.items()} == before


@pytest.mark.parametrize("change", [change_few, change_many])
def test_a_savepoint_takes_all_back(
    db: qsdb.Database, change: Callable[[Any], None]
) -> None:
    with db.optimistic() as tx:
        items = tx[Item]
        items.insert(Item(70, 70, 0, "seventy"))
        before = {name: look(items) for name, look in LOOKS.items()}
        with pytest.raises(ZeroDivisionError), tx.savepoint():
            with tx.savepoint():
                change(items)
            items.update(Item(70, 71, 0, "more"))
            items.delete_by_key(70)
            _ = 1 // 0

        assert {name: look(items) for name, look in LOOKS.items()} == before
    assert db.read()[Item].get(70) == Item(70, 70, 0, "seventy")


def test_savepoints_end_in_order(db: qsdb.Database) -> None:
    tx = db.optimistic()
    outer, inner = tx.savepoint(), tx.savepoint()
    outer.__enter__()
    inner.__enter__()
    with pytest.raises(qsdb.UsageError, match="entered once"):
        inner.__enter__()
    with pytest.raises(qsdb.UsageError, match="reverse order"):
        outer.__exit__(None, None, None)
    tx.rollback()
    with pytest.raises(qsdb.ClosedError, match="ended inside its savepoint"):
        inner.__exit__(None, None, None)


@pytest.mark.parametrize(
    "write",
    [
        pytest.param(lambda t: t.insert(Item(1, 0, 0, None)), id="a key of before"),
        pytest.param(lambda t: t.insert(Item(90, 0, 0, "s1")), id="a value of before"),
        pytest.param(lambda t: t.insert(Item(90, 0, 0, "own")), id="an own value"),
        pytest.param(lambda t: t.update(Item(80, 0, 0, "s1")), id="by an update"),
        pytest.param(
            lambda t: t.sku.update(Item(1, 0, 0, "own")), id="by a unique column"
        ),
        pytest.param(
            lambda t: t.insert_many([Item(90, 0, 0, None), Item(91, 0, 0, "own")]),
            id="one of many",
        ),
    ],
)
def test_what_is_taken(db: qsdb.Database, write: Callable[[Any], object]) -> None:
    with db.optimistic() as tx:
        items = tx[Item]
        items.insert(Item(80, 0, 0, "own"))
        with pytest.raises(qsdb.UniqueError):
            write(items)

        assert [*map(items.get, (1, 80, 90))] == [item(1), Item(80, 0, 0, "own"), None]
        assert len(items) == 31


def test_an_equal_row_is_left_as_it_is(db: qsdb.Database) -> None:
    with db.optimistic() as tx:
        assert tx[Item].insert(item(1)) == item(1)
        assert tx[Item].insert_many([item(1), item(2), item(77)]) == 1


bad: Any = "x"


@pytest.mark.parametrize(
    "rows", [[Tag("x")], [item(50), 7], [Item(50, bad, 0, None)]], ids=repr
)
def test_many_rows_of_which_one_is_wrong(db: qsdb.Database, rows: list[Any]) -> None:
    with db.optimistic() as tx:
        with pytest.raises(qsdb.KindError):
            tx[Item].insert_many(rows)
        assert len(tx[Item]) == 30


def test_no_rows(db: qsdb.Database) -> None:
    with db.optimistic() as tx, pytest.raises(qsdb.ArgumentError, match="takes rows"):
        tx[Item].insert_many(7)  # type: ignore[arg-type]


def test_a_generator_that_ends_the_transaction(db: qsdb.Database) -> None:
    tx = db.optimistic()

    def rows() -> Iterator[Item]:
        tx.rollback()
        yield item(50)

    with pytest.raises(qsdb.ClosedError):
        tx[Item].insert_many(rows())


def test_updates_by_a_unique_column(db: qsdb.Database) -> None:
    with db.optimistic() as tx:
        jobs = tx[Job]
        first = jobs.insert(Job("a"))
        jobs.insert_many([Job("b"), Job("c")])

        assert jobs.name.update(Job("a")) == first
        moved = jobs.name.update(Job("b").replace(id=9))
        assert moved.id == 9
        assert jobs.insert(Job("d")).id == 10
        with pytest.raises(qsdb.NotFoundError):
            jobs.name.update(Job("z"))
        assert jobs.upsert(Job("e")).id == 11
        assert jobs.upsert(Job("f").replace(id=11)).name == "f"
        assert jobs.name.delete("f")
    with db.write() as writing:
        assert writing[Job].insert(Job("g")).id == 12


def test_a_table_without_a_key(db: qsdb.Database) -> None:
    with db.optimistic() as tx:
        tags = tx[Tag]
        assert tags.delete(Tag("old"))
        assert not tags.delete(Tag("old"))
        tags.insert(Tag("new"))
        for refused in (tags.update, tags.upsert):
            with pytest.raises(qsdb.UsageError, match="no primary key"):
                refused(Tag("new"))
        with pytest.raises(qsdb.KindError):
            tags.delete(item(1))  # type: ignore[arg-type]
    assert [*db.read()[Tag]] == [Tag("new")]


def test_clear(db: qsdb.Database) -> None:
    with db.optimistic() as tx:
        tx[Item].insert(item(50))

        assert tx[Item].clear() == 31
        assert len(tx[Item]) == 0
        assert [*tx[Item].shelf.range()] == []
    assert len(db.read()[Item]) == 0


def test_an_exception_that_cuts_a_write_in_two(db: qsdb.Database) -> None:
    """Nothing is half done: what comes after it sees the whole write, or none."""
    tx = db.optimistic()
    jobs = tx[Job]
    jobs.insert(Job("a"))

    class StopError(BaseException):
        """As of a signal handler."""

    def stop(_: object) -> Any:
        raise StopError

    handles: Any = type(jobs)
    insert = handles._insert_given
    handles._insert_given = lambda _, row: stop(row)
    try:
        with pytest.raises(StopError):
            jobs.name.update(Job("a").replace(id=9))
    finally:
        handles._insert_given = insert
    assert [*jobs] == []
    tx.rollback()


def test_a_write_that_did_not_come_to_pass_is_not_taken_back(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    tx = db.optimistic()
    items = tx[Item]
    with pytest.raises(qsdb.LimitError), tx.savepoint():
        items.delete_by_key(1)
        monkeypatch.setattr(tx._hold, "rows_max", 1)
        items.delete_by_key(2)

    assert len(items) == 30
    tx.rollback()


def test_others_take_a_unique_value(db: qsdb.Database) -> None:
    tx = db.optimistic("snapshot")
    tx[Item].insert(Item(90, 0, 0, "new"))
    with db.write() as writing:
        writing[Item].insert(Item(91, 0, 0, "new"))

    with pytest.raises(qsdb.ConflictError, match="stored a row with sku 'new'"):
        tx.commit()


def test_a_unique_value_goes_from_one_row_to_another(db: qsdb.Database) -> None:
    tx = db.optimistic()
    tx[Item].update(Item(1, 1, 1, None))
    tx[Item].update(Item(2, 2, 2, "s1"))
    tx[Item].delete_by_key(3)
    with db.write() as writing:
        writing[Item].delete_by_key(20)
    tx.commit()

    assert db.read()[Item].sku.find("s1") == Item(2, 2, 2, "s1")


def test_an_exception_in_the_middle_of_the_commit(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    class StopError(BaseException):
        """As of a signal handler."""

    tx = db.optimistic()
    change_few(tx[Item])
    index = db._directory.by_class[Item].table.indexes[1]
    real = type(index).add

    def add(self: Any, row: Any) -> None:
        if row[0] == 40:
            raise StopError
        real(self, row)

    monkeypatch.setattr(type(index), "add", add)
    with pytest.raises(StopError):
        tx.commit()
    monkeypatch.undo()
    db.check()

    assert sorted(row.id for row in db.read()[Item]) == [*range(30)]
