"""Indexes as users have them: what each declaration carries, and what not."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import qsdb
from qsdb import u8, u32

shop = qsdb.Module("shop")


class Size(qsdb.Product):
    width: int
    height: int | None


class Item(
    qsdb.Row,
    module=shop,
    unique=[("shelf", "place")],
    indexes=[
        qsdb.BTree("shelf", "place", "id", name="by_place"),
        qsdb.Hash("shelf", "size"),
        qsdb.BTree("id"),
        qsdb.BTree("tags"),
    ],
):
    id: u32 = qsdb.primary_key()
    sku: str | None = qsdb.unique()
    shelf: int = 0
    place: int | None = None
    size: Size | None = qsdb.unique(default=None)
    tags: tuple[int, ...] = ()
    count: int = qsdb.index(default=0)
    bare: int = 0


class Log(qsdb.Row, module=shop):
    line: str = qsdb.unique()
    number: u8 = qsdb.auto_inc()


ROWS = [
    Item(1, "a", 0, 1, Size(1, None), (1,), 5),
    Item(2, "b", 0, 2, Size(1, 1), (1, 2), 6),
    Item(3, None, 1, None, None, (), 7),
    Item(4, None, 1, None, None, (2,), 7),
]


@pytest.fixture
def items() -> Iterator[Any]:
    with qsdb.Database(shop) as db, db.write() as tx:
        tx[Item].insert_many(ROWS)
        yield tx[Item]


def ids(rows: Iterator[Item]) -> list[int]:
    return [row.id for row in rows]


FOUND: dict[str, tuple[Callable[[Any], object], object]] = {
    "by the key": (lambda items: items.id.find(2), ROWS[1]),
    "by a missing key": (lambda items: items.id.find(9), None),
    "by a unique column": (lambda items: items.sku.find("a"), ROWS[0]),
    "by two unique columns": (lambda items: items.shelf_place.find(0, 2), ROWS[1]),
    "a product with None": (lambda items: items.size.find(Size(1, None)), ROWS[0]),
    "filter by the key": (lambda items: ids(items.id.filter(2)), [2]),
    "filter by a unique column": (lambda items: ids(items.sku.filter("b")), [2]),
    "filter by a prefix": (lambda items: ids(items.by_place.filter(1)), [3, 4]),
    "filter by all": (lambda items: ids(items.by_place.filter(0, 2, 2)), [2]),
    "None is a value": (lambda items: ids(items.by_place.filter(1, None)), [3, 4]),
    "filter by a hash": (
        lambda items: ids(items.shelf_size.filter(0, Size(1, 1))),
        [2],
    ),
    "range over the key": (lambda items: ids(items.id.range(2, 4)), [2, 3]),
    "range over arrays": (lambda items: ids(items.tags.range((1,), (2,))), [1, 2]),
    "range of a prefix": (lambda items: ids(items.by_place.range((0, 2))), [2, 3, 4]),
    "a lone value is a prefix": (lambda items: ids(items.by_place.range(1)), [3, 4]),
    "range to None": (
        lambda items: ids(items.by_place.range((0,), (1, None))),
        [1, 2],
    ),
    "backwards": (lambda items: ids(items.id.range(reverse=True)), [4, 3, 2, 1]),
    "an empty range": (lambda items: ids(items.id.range(4, 2)), []),
    "count of a unique column": (lambda items: items.sku.count("a"), 1),
    "count of a btree": (lambda items: items.by_place.count(1), 2),
    "count of a hash": (lambda items: items.shelf_size.count(1, None), 2),
    "an index by name": (lambda items: ids(items.index("count").filter(7)), [3, 4]),
}


@pytest.mark.parametrize("name", FOUND)
def test_found(items: Any, name: str) -> None:
    look, wanted = FOUND[name]

    assert look(items) == wanted


REFUSED: dict[str, tuple[Callable[[Any], object], str]] = {
    "find on a btree": (lambda items: items.by_place.find(0), "use filter"),
    "find None": (lambda items: items.sku.find(None), "many rows may have None"),
    "find one None": (lambda items: items.shelf_place.find(1, None), "may have None"),
    "filter None": (lambda items: items.sku.filter(None), "many rows may have None"),
    "delete None": (lambda items: items.sku.delete(None), "many rows may have None"),
    "update by a btree": (lambda items: items.by_place.update(ROWS[0]), "needs a uni"),
    "range on a hash": (lambda items: items.shelf_size.range(0), "needs a btree"),
    "range on a key": (lambda items: items.sku.range("a"), "needs a btree"),
    "prefix on a hash": (lambda items: items.shelf_size.filter(0), "prefixes need"),
    "prefix on a key": (lambda items: items.shelf_place.find(0), "prefixes need"),
    "too many": (lambda items: items.by_place.filter(1, 2, 3, 4), "4 values for"),
    "none at all": (lambda items: items.by_place.filter(), "0 values for"),
    "an empty end": (lambda items: items.by_place.range(()), "0 values for"),
    "no key": (lambda items: items.get(), "0 values were given"),
    "long key": (lambda items: items.get(1, 2), "2 values were given"),
    "a column without index": (lambda items: items.bare, "bare has no index"),
    "no such index": (lambda items: items.index("other"), "no index 'other'"),
    "no name at all": (lambda items: items.index(["sku"]), r"no index \['sku'\]"),
    "one bool for both ends": (lambda items: items.id.range(include=True), "not True"),
    "a bool for one end": (lambda items: items.id.range(include=(True,)), "two bools"),
    "a list of bools": (
        lambda items: items.id.range(include=[True, False]),
        r"table item, index id: include is a tuple of two .* not \[True, False\]",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused(items: Any, name: str) -> None:
    look, text = REFUSED[name]

    with pytest.raises(qsdb.UsageError, match=text):
        look(items)
    assert len(items) == len(ROWS)


def test_ends_that_are_not_two_bools_are_wrong_arguments(items: Any) -> None:
    for include in (None, True, (), (1,), ("a", "b"), (True, True, True)):
        with pytest.raises(qsdb.ArgumentError, match="include is a tuple"):
            items.id.range(include=include)


@pytest.mark.parametrize("way", ["write", "read"])
@pytest.mark.parametrize("name", [*FOUND, *REFUSED])
def test_after_its_end_a_handle_tells_that_alone(way: str, name: str) -> None:
    look = FOUND[name][0] if name in FOUND else REFUSED[name][0]
    with qsdb.Database(shop) as db:
        with db.write() if way == "write" else db.read() as tx:
            items: Any = tx[Item]
            indexes = _Indexes(items)
        if name in ("a column without index", "no such index", "no name at all"):
            with pytest.raises(qsdb.NotFoundError):
                look(indexes)
        else:
            with pytest.raises(qsdb.ClosedError, match="has ended"):
                look(indexes)


class _Indexes:
    """Gives a table's indexes as they were taken before the end."""

    def __init__(self, items: Any) -> None:
        self._items = items
        self._kept = {name: items.index(name) for name in items._paths}

    def index(self, name: Any) -> Any:
        return self._items.index(name)

    def __getattr__(self, name: str) -> Any:
        return self._kept.get(name) or getattr(self._items, name)


@pytest.mark.parametrize("way", ["write", "read"])
def test_what_is_not_a_row_is_not_in_a_table_that_is_open(way: str) -> None:
    with qsdb.Database(shop) as db:
        with db.write() if way == "write" else db.read() as tx:
            items: Any = tx[Item]
            assert 3 not in items
        for row in (3, ROWS[0], ROWS[0].replace(shelf="0")):
            with pytest.raises(qsdb.ClosedError, match="has ended"):
                _ = row in items
        with pytest.raises(qsdb.ClosedError, match="has ended"):
            items.sku.update(3)


@pytest.mark.parametrize("way", ["write", "read"])
def test_errors_of_python_name_the_table(way: str) -> None:
    module = qsdb.Module("named")
    module.add_table(Item, name="shelves")
    module.add_table(Item, name="a\0b")
    with (
        qsdb.Database(module) as db,
        db.write() if way == "write" else db.read() as tx,
    ):
        shelves: Any = tx[Item]
        with pytest.raises(AttributeError) as caught:
            _ = shelves.nosuch
        assert str(caught.value) == "'table shelves' object has no attribute 'nosuch'"
        with pytest.raises(TypeError, match=r"^table shelves\.get\(\) got an unexpec"):
            shelves.get(id=1)
        with pytest.raises(AttributeError, match=r"^'table a\\x00b' object has no"):
            _ = tx.table("a\0b").nosuch


WRONG: dict[str, Callable[[Any], object]] = {
    "text for a number": lambda items: items.get("1"),
    "a bool for a number": lambda items: items.get(True),
    "too great": lambda items: items.get(1 << 32),
    "too small": lambda items: items.delete_by_key(-1),
    "a number for a text": lambda items: items.sku.find(5),
    "in a prefix": lambda items: items.by_place.filter("0"),
    "in a range": lambda items: items.by_place.range((0, "1")),
    "a tuple for a product": lambda items: items.shelf_size.filter(0, (1, 1)),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_key_of_a_wrong_kind_is_refused(items: Any, name: str) -> None:
    with pytest.raises(qsdb.KindError, match="table item, column"):
        WRONG[name](items)


def test_deleting_by_a_unique_column_tells_whether() -> None:
    with qsdb.Database(shop) as db, db.write() as tx:
        items = tx[Item]
        items.insert_many(ROWS)

        assert items.sku.delete("a") is True
        assert items.sku.delete("a") is False
        assert items.id.delete(2) is True
        assert items.by_place.delete(1) == 2
        assert items.by_place.delete(1) == 0
        assert len(items) == 0


def test_a_product_with_none_is_unique_like_any_value(items: Any) -> None:
    with pytest.raises(qsdb.UniqueError, match="column size"):
        items.insert(Item(9, None, 9, 9, Size(1, None)))


def test_updating_by_a_unique_column() -> None:
    with qsdb.Database(shop) as db, db.write() as tx:
        items: Any = tx[Item]
        items.insert_many(ROWS)
        changed = ROWS[0].replace(count=9)
        assert items.sku.update(changed) == changed
        moved = changed.replace(id=9)
        assert items.sku.update(moved) == moved
        assert items.id.update(moved.replace(count=1)).count == 1

        assert sorted(ids(iter(items))) == [2, 3, 4, 9]
        for row, error in (
            (Item(1, "z"), qsdb.NotFoundError),
            (Item(1, None), qsdb.NotFoundError),
            (Item(2, "a"), qsdb.UniqueError),
            (Item("1", "a"), qsdb.KindError),  # type: ignore[arg-type]
            (Log("a"), qsdb.KindError),
        ):
            with pytest.raises(error):
                items.sku.update(row)
        assert sorted(ids(iter(items))) == [2, 3, 4, 9]


def test_a_table_without_a_primary_key() -> None:
    with qsdb.Database(shop) as db, db.write() as tx:
        logs: Any = tx[Log]
        first = logs.insert(Log("a"))
        assert logs.line.update(Log("a").replace(number=7)).number == 7
        assert first not in logs
        # An update stores what it is given, 0 in a generated column too.
        assert logs.line.update(Log("a")).number == 0
        for method, argument in (
            (logs.get, "a"),
            (logs.update, first),
            (logs.upsert, first),
            (logs.delete_by_key, "a"),
        ):
            with pytest.raises(qsdb.UsageError, match="no primary key"):
                method(argument)


def test_a_replacement_needs_no_generated_value() -> None:
    with qsdb.Database(shop) as db, db.write() as tx:
        logs: Any = tx[Log]
        logs.insert(Log("a").replace(number=255))
        logs.line.update(Log("a"))
        with pytest.raises(qsdb.LimitError):
            logs.insert(Log("b"))

        assert [row.number for row in logs] == [0]


def test_a_range_takes_its_arguments_by_place(items: Any) -> None:
    found = items.id.range(1, 3, (False, True), True)  # noqa: FBT003  that is asked
    assert ids(found) == [3, 2]
