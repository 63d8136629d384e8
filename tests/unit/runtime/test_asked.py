"""What is made of the texts of live queries, and what they have in common."""

from collections.abc import Iterator

import pytest

import qsdb
from qsdb import u32
from qsdb.runtime.asked import Asked

shop = qsdb.Module("shop")


class Item(qsdb.Row, module=shop, public=True):
    id: u32 = qsdb.primary_key()
    price: u32
    stock: u32


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(shop) as opened:
        with opened.write() as tx:
            tx[Item].insert_many([Item(n, n * 10, n % 3) for n in range(6)])
        yield opened


def asked(db: qsdb.Database, text: str, *, is_owner: bool = True) -> Asked:
    return db._subscriptions.asked(text, is_owner)


def test_texts_that_differ_by_constants_share_what_is_made(db: qsdb.Database) -> None:
    texts = [f"SELECT * FROM item WHERE stock = {n} AND price > {n}" for n in range(3)]
    live = [db.subscribe(text) for text in texts]

    common = asked(db, texts[0]).common
    assert all(each.asked.common is common for each in live)
    assert all(each.asked.lifted.query is common.template for each in live)
    assert len({id(each.asked.shape) for each in live}) == 1
    assert [[row.id for row in each.rows] for each in live] == [[3], [1, 4], [2, 5]]


def test_nothing_is_kept_of_a_template_that_nobody_asks(db: qsdb.Database) -> None:
    text = f"SELECT * FROM item WHERE stock = 1 OR id IN ({'7, ' * 500}8)"
    live = db.subscribe(text)
    assert len(db._queries.asked) == 1

    live.close()
    del live
    db._subscriptions._ask.cache_clear()
    assert not db._queries.asked


def test_parameters_and_constants_stand_side_by_side(db: qsdb.Database) -> None:
    text = "SELECT id FROM item WHERE stock = :stock AND price < 40 AND id <> :id"
    live = db.subscribe(text, params={"id": 0, "stock": 0})
    assert [row.id for row in live.rows] == [3]
    assert list(asked(db, text).parameters) == ["stock", "id"]


def test_strangers_and_the_owner_share_what_both_may_see(db: qsdb.Database) -> None:
    text = "SELECT * FROM item WHERE stock = 1"
    both = [asked(db, text, is_owner=each) for each in (True, False)]
    assert both[0].common is both[1].common


def test_a_first_result_that_fails_is_placed_in_its_own_text(db: qsdb.Database) -> None:
    good = db.subscribe("SELECT id FROM item WHERE price / (stock + 1) > 1")
    assert good.rows
    text = "SELECT id FROM item WHERE  price / (stock + 0) > 1"
    with pytest.raises(qsdb.QueryError, match="divi") as caught:
        db.subscribe(text)
    with pytest.raises(qsdb.QueryError) as once:
        db.sql(text)
    places = [(each.value.line, each.value.column) for each in (caught, once)]
    assert places[0] == places[1]
    assert "stock + 0" in str(caught.value)
