"""Handles and savepoints used after their end, twice, or out of order."""

from collections.abc import Callable

import pytest

import qsdb
from qsdb import u8, u32

shop = qsdb.Module("shop")


class Item(qsdb.Row, module=shop, indexes=[qsdb.Hash("shelf", "colour", name="place")]):
    id: u32 = qsdb.primary_key(auto_inc=True)
    shelf: u32 = qsdb.index()
    colour: u32 = qsdb.index("hash")
    sku: str = qsdb.unique()


class Other(qsdb.Row, module=shop):
    size: u32


ITEM = Item(1, 1, "a")
WRONG = Item(1, 1 << 32, "a")
"""Has a shelf that no table takes."""

USES: dict[str, Callable[[qsdb.Table[Item]], object]] = {
    "insert": lambda table: table.insert(ITEM),
    "insert_many": lambda table: table.insert_many([ITEM]),
    "get": lambda table: table.get(1),
    "update": lambda table: table.update(ITEM),
    "insert a wrong row": lambda table: table.insert(WRONG),
    "update a wrong row": lambda table: table.update(WRONG),
    "upsert a wrong row": lambda table: table.upsert(WRONG),
    "insert wrong rows": lambda table: table.insert_many([WRONG]),
    "upsert": lambda table: table.upsert(ITEM),
    "delete": lambda table: table.delete(ITEM),
    "delete_by_key": lambda table: table.delete_by_key(1),
    "clear": lambda table: table.clear(),
    "len": len,
    "iter": iter,
    "in": lambda table: ITEM in table,
    "find": lambda table: table.sku.find("a"),
    "unique update": lambda table: table.sku.update(ITEM),
    "unique delete": lambda table: table.sku.delete("a"),
    "filter": lambda table: table.shelf.filter(1),
    "range": lambda table: table.shelf.range(1),
    "count": lambda table: table.shelf.count(1),
    "hash count": lambda table: table.colour.count(1),
    "index delete": lambda table: table.shelf.delete(1),
}


@pytest.mark.parametrize("name", USES)
@pytest.mark.parametrize("way", ["write", "read", "optimistic"])
def test_a_handle_after_its_transaction(name: str, way: str) -> None:
    db = qsdb.Database(shop)
    with getattr(db, way)() as tx:
        table = tx[Item]

    with pytest.raises(qsdb.ClosedError):
        USES[name](table)
    assert len(db.read()[Item]) == 0


@pytest.mark.parametrize("way", ["write", "optimistic"])
def test_a_handle_after_its_transaction_and_its_numbers(way: str) -> None:
    few = qsdb.Module("few")

    class Few(qsdb.Row, module=few):
        id: u8 = qsdb.primary_key(auto_inc=True)

    db = qsdb.Database(few)
    with getattr(db, way)() as tx:
        table = tx[Few]
        table.insert(Few().replace(id=255))
        with pytest.raises(qsdb.LimitError):
            table.insert(Few())

    with pytest.raises(qsdb.ClosedError):
        table.insert(Few())


@pytest.mark.parametrize("name", ["insert", "get", "update"])
def test_a_method_kept_from_a_transaction_that_has_ended(name: str) -> None:
    db = qsdb.Database(shop)
    with db.write() as tx:
        method = getattr(tx[Item], name)

    with pytest.raises(qsdb.ClosedError):
        method(1 if name == "get" else ITEM)


def test_savepoints_are_entered_once() -> None:
    db = qsdb.Database(shop)
    with db.write() as tx:
        savepoint = tx.savepoint()
        with savepoint:
            pass
        with pytest.raises(qsdb.UsageError, match="entered once"):
            savepoint.__enter__()


def test_savepoints_end_in_order() -> None:
    db = qsdb.Database(shop)
    with pytest.raises(qsdb.UsageError, match="reverse order"), db.write() as tx:
        outer, inner = tx.savepoint(), tx.savepoint()
        outer.__enter__()
        inner.__enter__()
        outer.__exit__(None, None, None)

    assert db.offset == 1
    db.check()


def test_a_savepoint_of_a_transaction_that_has_ended() -> None:
    db = qsdb.Database(shop)
    with db.write() as tx:
        early, late = tx.savepoint(), tx.savepoint()
        early.__enter__()
        tx[Item].insert(ITEM)
    with pytest.raises(qsdb.ClosedError):
        early.__exit__(None, None, None)
    with pytest.raises(qsdb.ClosedError):
        late.__enter__()


def test_an_open_savepoint_goes_with_its_transaction() -> None:
    db = qsdb.Database(shop)
    with pytest.raises(ZeroDivisionError), db.write() as tx:
        tx[Item].insert(ITEM)
        tx.savepoint().__enter__()
        tx[Item].insert(Item(2, 2, "b"))
        _ = 1 / 0
    db.check()

    with db.read() as reader:
        assert list(reader[Item]) == []
    with db.write() as tx:
        assert tx[Item].insert(ITEM).id == 1


def test_a_commit_keeps_what_an_open_savepoint_did() -> None:
    db = qsdb.Database(shop)
    with db.write() as tx:
        tx[Item].insert(ITEM)
        tx.savepoint().__enter__()
        tx[Item].insert(Item(2, 2, "b"))
    db.check()

    with db.read() as reader:
        assert len(reader[Item]) == 2


def test_changes_in_an_open_savepoint_alone_are_a_commit() -> None:
    db = qsdb.Database(shop)
    with db.write() as tx:
        tx[Item].insert(ITEM)
    with db.write() as tx:
        _ = tx[Item]
        tx.savepoint().__enter__()
        tx[Item].insert(Item(2, 2, "b"))
    db.check()

    assert db.offset == 3


def test_a_hash_index_takes_all_its_columns() -> None:
    db = qsdb.Database(shop)
    with db.write() as tx:
        tx[Item].insert(ITEM)
        assert len(list(tx[Item].place.filter(1, 1))) == 1
        with pytest.raises(qsdb.UsageError, match="all of shelf, colour, not 1"):
            tx[Item].place.filter(1)
        with pytest.raises(qsdb.UsageError, match="a range needs a btree"):
            tx[Item].place.range(1)


def test_handles_name_their_place() -> None:
    db = qsdb.Database(shop)
    with db.write() as tx:
        assert repr(tx[Item]) == "<table item>"
        assert repr(tx[Item].shelf) == "<index shelf of table item>"


def test_foreign_rows_are_in_no_table() -> None:
    db = qsdb.Database(shop)
    with db.write() as tx:
        assert "x" not in tx[Item]
        assert Other(1) not in tx[Item]


def test_tables_are_attributes_of_the_class() -> None:
    described = type(qsdb.Database(shop).read()).__dict__["item"]

    assert described.__doc__ == "The table item."
    assert described.__get__(None, type(qsdb)) is described


def test_a_table_is_one_handle_by_any_name() -> None:
    db = qsdb.Database(shop)
    for block in (db.write(), db.read()):
        with block as tx:
            tables = [tx[Item], tx.item, tx.table("item"), tx[Item], tx.item]
            assert all(table is tables[0] for table in tables)
            assert bool(tx.other)


def test_a_class_that_is_no_table_is_named() -> None:
    class Strange(qsdb.Row):
        a: u32

    db = qsdb.Database(shop)
    for block in (db.write(), db.read()):
        with block as tx:
            with pytest.raises(qsdb.NotFoundError, match="Strange"):
                _ = tx[Strange]
            with pytest.raises(qsdb.NotFoundError, match="'strange'"):
                tx.table("strange")


def test_no_table_is_opened_after_the_end() -> None:
    db = qsdb.Database(shop)
    with db.write() as tx:
        assert tx.timestamp == tx.timestamp
        for way in (tx.commit, tx.rollback):
            with pytest.raises(qsdb.UsageError):
                way()

    with pytest.raises(qsdb.ClosedError, match="this write transaction has ended"):
        _ = tx[Item]


def test_a_table_opened_late_knows_the_savepoints() -> None:
    db = qsdb.Database(shop)
    with db.write() as tx:
        with pytest.raises(ZeroDivisionError), tx.savepoint(), tx.savepoint():
            tx[Item].insert(ITEM)
            _ = 1 / 0
        assert len(tx[Item]) == 0
        assert tx[Item].insert(ITEM).id == 1


def test_what_the_journal_was_told_of_is_committed_after_all() -> None:
    class Journal:
        told_offset = 1

        def tell(self, transaction: object) -> None:
            raise KeyboardInterrupt  # before it was taken, or after

    for told_offset, rows_count in ((1, 0), (2, 1)):
        db, journal = qsdb.Database(shop), Journal()
        writer = db._writer
        transaction = writer.begin()
        transaction[Item].insert(ITEM)
        with pytest.raises(KeyboardInterrupt):
            transaction._finish(journal)
        journal.told_offset = told_offset
        writer.journal = journal
        writer.abort()
        writer.journal = None

        assert db.offset == told_offset
        assert db.stats().rows["item"] == rows_count
        db.check()


def test_what_is_set_beside_rows_ends_as_they_do() -> None:
    class Setting:
        commits = 0

        def pop(self, depth: int, *, undo: bool) -> None:
            raise AssertionError

        def commit(self) -> None:
            self.commits += 1
            if self.commits == 1:
                raise KeyboardInterrupt  # in the middle of the commit

    db, setting = qsdb.Database(shop), Setting()
    with pytest.raises(KeyboardInterrupt), db.write() as tx:
        tx[Item].insert(ITEM)
        tx._beside = setting
    assert (db.offset, setting.commits) == (2, 2)

    with pytest.raises(KeyError), db.write() as tx:
        tx._beside = setting
        raise KeyError
    assert setting.commits == 2
