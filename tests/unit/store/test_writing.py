"""Writes that are cut in two by an exception, and what comes of them."""

from collections.abc import Callable, Iterator

import pytest

import qsdb
from qsdb import u32

shop = qsdb.Module("shop")


class Item(qsdb.Row, module=shop, indexes=[qsdb.BTree("shelf", "id")]):
    id: u32 = qsdb.primary_key()
    shelf: u32
    colour: u32 = qsdb.index("hash")
    sku: str = qsdb.unique()


ROWS = [Item(n, n % 3, n % 2, f"s{n}") for n in range(6)]

Write = Callable[[qsdb.Table[Item]], object]

WRITES: dict[str, Write] = {
    "insert": lambda table: table.insert(Item(9, 0, 0, "s9")),
    "insert_many": lambda table: table.insert_many([Item(9, 0, 0, "s9")]),
    "update": lambda table: table.update(Item(1, 9, 9, "s9")),
    "upsert": lambda table: table.upsert(Item(1, 9, 9, "s9")),
    "delete": lambda table: table.delete_by_key(1),
    "clear": lambda table: table.clear(),
    "replace": lambda table: table.sku.update(Item(9, 1, 1, "s1")),
}


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(shop) as opened:
        with opened.write() as tx:
            tx[Item].insert_many(ROWS)
        yield opened


class CutError(BaseException):
    """Comes at a bad moment, like a KeyboardInterrupt."""


METHODS = ("add", "add_many", "remove", "clear")


def cut_index(
    db: qsdb.Database,
    number: int,
    patch: pytest.MonkeyPatch,
    methods: tuple[str, ...] = METHODS,
) -> None:
    """Have the next of some operations on an index do its work and then raise."""
    index = db._directory.store.tables[0].indexes[number]

    def cutting(method: str) -> Callable[..., None]:
        original = getattr(type(index), method)

        def cut(self: object, *args: object) -> None:
            if self is index:
                patch.undo()
                original(self, *args)
                raise CutError
            original(self, *args)

        return cut

    for method in methods:
        patch.setattr(type(index), method, cutting(method))


@pytest.mark.parametrize("number", range(3))
@pytest.mark.parametrize("name", WRITES)
def test_a_write_cut_in_two_is_rolled_back_whole(
    db: qsdb.Database, name: str, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CutError), db.write() as tx:
        cut_index(db, number, monkeypatch)
        WRITES[name](tx[Item])
    db.check()

    with db.read() as reader:
        assert sorted(reader[Item], key=lambda row: row.id) == ROWS
        assert [row.id for row in reader[Item].shelf_id.range()] == [0, 3, 1, 4, 2, 5]


@pytest.mark.parametrize("name", WRITES)
def test_a_cut_write_that_is_caught_cannot_be_committed(
    db: qsdb.Database, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        pytest.raises(
            qsdb.UsageError, match="write to table item in two and was caught"
        ),
        db.write() as tx,
    ):
        cut_index(db, 0, monkeypatch)
        with pytest.raises(CutError):
            WRITES[name](tx[Item])
    db.check()

    assert db.offset == 2
    with db.read() as reader:
        assert sorted(reader[Item], key=lambda row: row.id) == ROWS


def test_a_savepoint_heals_what_was_cut_inside(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with db.write() as tx:
        with pytest.raises(CutError), tx.savepoint():
            cut_index(db, 1, monkeypatch)
            tx[Item].update(Item(1, 9, 9, "s9"))
        tx[Item].update(Item(2, 8, 8, "s8"))
    db.check()

    with db.read() as reader:
        assert reader[Item].get(1) == ROWS[1]
        assert reader[Item].get(2) == Item(2, 8, 8, "s8")


def test_rows_may_come_from_a_generator_that_writes(db: qsdb.Database) -> None:
    with db.write() as tx:
        table = tx[Item]

        def rows() -> Iterator[Item]:
            yield Item(20, 0, 0, "s20")
            table.insert(Item(30, 0, 0, "s30"))
            table.delete_by_key(0)
            yield Item(21, 0, 0, "s21")

        assert table.insert_many(rows()) == 2
        assert len(table) == 8
    db.check()


def test_a_batch_that_collides_with_what_its_generator_wrote_is_refused(
    db: qsdb.Database,
) -> None:
    with db.write() as tx:
        table = tx[Item]

        def rows() -> Iterator[Item]:
            yield Item(20, 0, 0, "s20")
            table.insert(Item(20, 1, 1, "other"))

        with pytest.raises(qsdb.UniqueError):
            table.insert_many(rows())
        assert table.get(20) == Item(20, 1, 1, "other")
    db.check()


def test_a_replacement_that_is_refused_leaves_the_old_row(db: qsdb.Database) -> None:
    with db.write() as tx:
        with pytest.raises(qsdb.UniqueError):
            tx[Item].sku.update(Item(2, 0, 0, "s1"))  # row 2 is another row
        assert tx[Item].get(1) == ROWS[1]
        assert tx[Item].sku.find("s1") == ROWS[1]
    db.check()


def test_a_replacement_cut_in_its_second_half_cannot_be_committed(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        pytest.raises(qsdb.UsageError, match="in two and was caught"),
        db.write() as tx,
    ):
        cut_index(db, 0, monkeypatch, ("add",))
        with pytest.raises(CutError):
            tx[Item].sku.update(Item(9, 1, 1, "s1"))
    db.check()

    with db.read() as reader:
        assert sorted(reader[Item], key=lambda row: row.id) == ROWS
