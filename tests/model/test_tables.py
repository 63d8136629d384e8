"""Rows 34 to 54: tables, and what is done to their rows."""

from collections.abc import Iterator

import pytest

import qsdb
from qsdb import Identity, NotFoundError, Row, UniqueError, u8, u32
from qsdb.schema.shapes import COLUMNS_COUNT_MAX
from qsdb.testing import assert_no_change, database

module = qsdb.Module("shop")


class Item(Row, module=module, public=True):
    id: u32 = qsdb.primary_key(auto_inc=True)
    sku: str = qsdb.unique()
    price: u32 = 0


class Stock(Row, module=module, primary_key=("shelf", "place")):
    shelf: str
    place: u8
    held: str = ""


class Line(Row, module=module):
    text: str


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with database(module) as opened:
        yield opened


def test_row_034_tables_are_private_unless_they_are_public(db: qsdb.Database) -> None:
    stranger = db.caller(Identity.from_claims("test", "stranger"))

    assert stranger.sql("SELECT * FROM item").rows == []
    with pytest.raises(qsdb.QueryError) as private:
        stranger.sql("SELECT * FROM stock")
    with pytest.raises(qsdb.QueryError) as missing:
        stranger.sql("SELECT * FROM socks")
    assert str(private.value).replace("stock", "socks") == str(missing.value)
    assert db.sql("SELECT * FROM stock").rows == []


def test_row_035_several_tables_have_rows_of_one_class() -> None:
    both = qsdb.Module("both")

    class Player(Row, module=both):
        id: u8 = qsdb.primary_key(auto_inc=True)
        name: str = qsdb.unique()

    both.add_table(Player, name="logged_out")

    with database(both) as db, db.write() as tx:
        online, offline = tx[Player], tx.table("logged_out")
        online.insert(Player("a"))
        assert online.insert(Player("b")).id == 2
        assert offline.insert(Player("a")).replace() == Player("a").replace(id=1)
        with pytest.raises(UniqueError):
            offline.insert(Player("a"))


def test_row_036_a_primary_key_may_have_several_columns(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Stock].insert_many([Stock("a", 1, "pens"), Stock("a", 2, "ink")])

        assert tx[Stock].get("a", 2) == Stock("a", 2, "ink")
        with pytest.raises(UniqueError):
            tx[Stock].insert(Stock("a", 1, "maps"))
        assert tx[Stock].update(Stock("a", 1, "maps")).held == "maps"
        assert tx[Stock].delete_by_key("a", 1)
        assert len(tx[Stock]) == 1


def test_row_037_unique_keys_are_kept_and_may_have_several_columns() -> None:
    keys = qsdb.Module("keys")

    class Seat(Row, module=keys, unique=[("row", "place")]):
        guest: str | None = qsdb.unique(default=None)
        row: u8 = 0
        place: u8 = 0

    with database(keys) as db, db.write() as tx:
        seats = tx[Seat]
        seats.insert_many([Seat("ana", 1, 1), Seat(None, 1, 2), Seat(None, 2, 1)])
        for taken in (Seat("ana", 3, 3), Seat("bob", 1, 2)):
            with pytest.raises(UniqueError):
                seats.insert(taken)
        assert seats.row_place.find(1, 2) == Seat(None, 1, 2)


def test_row_038_an_identical_row_is_inserted_once(db: qsdb.Database) -> None:
    with db.write() as tx:
        pen = tx[Item].insert(Item("pen"))
        tx[Line].insert(Line("x"))

    with assert_no_change(db), db.write() as tx:
        assert tx[Item].insert(pen) == pen
        assert tx[Line].insert(Line("x")) == Line("x")
        assert len(tx[Item]) == len(tx[Line]) == 1


def test_row_039_identity_is_looked_at_before_keys_are(db: qsdb.Database) -> None:
    with db.write() as tx:
        pen = tx[Item].insert(Item("pen"))

        assert tx[Item].insert(pen) == pen  # its keys are taken, by itself
        with pytest.raises(UniqueError):
            tx[Item].insert(pen.replace(price=5))


def test_row_040_insert_gives_the_stored_row(db: qsdb.Database) -> None:
    with db.write() as tx:
        pen = tx[Item].insert(Item("pen", 120))

        assert pen == Item("pen", 120).replace(id=1)
        with pytest.raises(UniqueError, match=r"table item, .*sku.*'pen'"):
            tx[Item].insert(Item("pen", 7))


def test_row_041_a_refused_insert_leaves_the_transaction_usable(
    db: qsdb.Database,
) -> None:
    with db.write() as tx:
        tx[Item].insert(Item("pen", 1))
        with pytest.raises(UniqueError):
            tx[Item].insert(Item("pen", 2))
        with pytest.raises(UniqueError):
            tx[Item].insert_many([Item("ink"), Item("pen")])
        tx[Item].insert(Item("map", 3))

    assert [(row.sku, row.id) for row in db.sql("SELECT * FROM item")] == [
        ("pen", 1),
        ("map", 2),
    ]


def test_row_042_upsert_inserts_or_updates_as_a_whole(db: qsdb.Database) -> None:
    with db.write() as tx:
        stock = tx[Stock]
        stock.upsert(Stock("a", 1, "pens"))
        stock.upsert(Stock("a", 1, "ink"))
        assert list(stock) == [Stock("a", 1, "ink")]

        pen = tx[Item].upsert(Item("pen", 1))
        tx[Item].insert(Item("ink", 1))
        with pytest.raises(UniqueError):
            tx[Item].upsert(pen.replace(sku="ink"))
        assert tx[Item].get(pen.id) == pen  # the old row is still there


def test_row_043_delete_compares_all_columns(db: qsdb.Database) -> None:
    with db.write() as tx:
        pen = tx[Item].insert(Item("pen", 1))

        assert not tx[Item].delete(pen.replace(price=2))
        assert tx[Item].delete(pen)
        assert not tx[Item].delete(pen)


def test_row_044_clear_empties_a_table_and_gives_the_number(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Line].insert_many([Line("a"), Line("b")])

        assert tx[Line].clear() == 2
        assert tx[Line].clear() == 0
        assert not list(tx[Line])


def test_row_045_the_count_has_the_own_writes(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Line].insert(Line("a"))
    with db.write() as tx:
        tx[Line].insert(Line("b"))
        with db.read() as before:
            assert (len(tx[Line]), len(before[Line])) == (2, 1)
        tx[Line].delete(Line("a"))
        assert len(tx[Line]) == 1


def test_row_046_iteration_runs_over_the_rows_as_they_were(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Line].insert_many([Line("a"), Line("b")])
        seen = []
        for row in tx[Line]:
            seen.append(row.text)
            tx[Line].delete(row)
            tx[Line].insert(Line(row.text * 2))

        assert sorted(seen) == ["a", "b"]
        assert {row.text for row in tx[Line]} == {"aa", "bb"}


def test_row_047_a_unique_column_finds_a_row_or_none(db: qsdb.Database) -> None:
    with db.write() as tx:
        pen = tx[Item].insert(Item("pen"))

        assert tx[Item].sku.find("pen") == pen == tx[Item].id.find(1) == tx[Item].get(1)
        assert tx[Item].sku.find("ink") is None


def test_row_048_a_unique_column_deletes_a_row(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Item].insert(Item("pen"))

        assert tx[Item].sku.delete("pen") is True
        assert tx[Item].sku.delete("pen") is False


def test_row_049_update_replaces_the_row_with_the_key(db: qsdb.Database) -> None:
    with db.write() as tx:
        pen = tx[Item].insert(Item("pen", 1))
        tx[Item].insert(Item("ink", 1))

        assert tx[Item].update(pen.replace(price=5)) == tx[Item].get(pen.id)
        assert tx[Item].id.update(pen.replace(price=6)).price == 6
        with pytest.raises(UniqueError):
            tx[Item].update(pen.replace(sku="ink"))
        with pytest.raises(NotFoundError):  # 0 is a key like others, and not the next
            tx[Item].update(Item("map", 1))
        assert len(tx[Item]) == 2


def test_row_050_a_unique_column_updates_the_row_that_has_it(db: qsdb.Database) -> None:
    with db.write() as tx:
        pen = tx[Item].insert(Item("pen", 1))

        assert tx[Item].sku.update(Item("pen", 9)) == pen.replace(price=9)
        assert list(tx[Item]) == [pen.replace(price=9)]


def test_row_051_update_of_a_missing_row_is_an_error(db: qsdb.Database) -> None:
    with db.write() as tx, pytest.raises(NotFoundError, match="table stock"):
        tx[Stock].update(Stock("a", 1))
    assert db.offset == 1


def test_row_052_delete_and_insert_again_is_no_change(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Line].insert(Line("a"))
    told: list[qsdb.Update] = []
    db.subscribe("SELECT * FROM line", told.append)

    with assert_no_change(db), db.write() as tx:
        tx[Line].delete(Line("a"))
        tx[Line].insert(Line("a"))
        tx[Line].insert(Line("b"))
        tx[Line].delete(Line("b"))

    assert told == []


def test_row_053_a_table_has_at_most_65536_columns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert COLUMNS_COUNT_MAX == 65_536
    # As many take seconds; tests/unit/schema/test_shapes.py has them.
    monkeypatch.setattr("qsdb.schema.shapes.COLUMNS_COUNT_MAX", 2)
    wide = qsdb.Module("wide")

    class Wide(Row, module=wide):
        a: u8
        b: u8
        c: u8

    with pytest.raises(qsdb.SchemaError, match="3 columns; at most 2 are possible"):
        qsdb.Database(wide)


def test_row_054_a_table_of_one_row_has_a_key_with_a_default() -> None:
    single = qsdb.Module("single")

    class Config(Row, module=single):
        id: u8 = qsdb.primary_key(default=0)
        motd: str = "hello"

    @single.init
    def init(ctx: qsdb.ReducerContext) -> None:
        ctx.db[Config].insert(Config())

    with database(single) as db, db.write() as tx:
        config = tx[Config].get(0)
        assert config == Config()
        tx[Config].update(Config(motd="bye"))
        assert list(tx[Config]) == [Config(0, "bye")]
        with pytest.raises(UniqueError):
            tx[Config].insert(Config())
