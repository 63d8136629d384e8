"""One look-up at the last commit, without a pin."""

import qsdb
from qsdb import u32
from qsdb.store.latest import Latest
from qsdb.store.reading import ReadTable

shop = qsdb.Module("shop")


class Item(qsdb.Row, module=shop):
    id: u32 = qsdb.primary_key()
    price: u32


@shop.reducer
def price(ctx: qsdb.ReducerContext, key: u32, price: u32) -> None:
    ctx.db[Item].upsert(Item(key, price))


def test_a_look_that_a_signal_handler_disturbs_is_taken_again() -> None:
    db = qsdb.Database(shop, seed=0)
    directory = db._directory
    latest = Latest(directory.edition.tables)
    seen: list[object] = []

    def look(items: ReadTable[Item], key: int) -> object:
        seen.append(items.get(key))
        if len(seen) == 1:
            db.call(price, 1, 5)  # as a handler on this thread may
        return items.get(key)

    db.call(price, 1, 4)
    found = latest.read(directory.by_class[Item], look, 1)

    assert seen == [Item(1, 4), Item(1, 5)]
    assert found == Item(1, 5)


def test_the_commit_after_a_look_waits_and_those_after_it_do_not() -> None:
    db = qsdb.Database(shop, seed=0)
    store = db._directory.store
    db.call(price, 1, 4)
    text, flags = "SELECT price FROM item WHERE id = 1", []
    assert db.sql(text).rows == [(4,)]
    flags.append(store.is_looked_at)
    db.call(price, 1, 5)
    flags.append(store.is_looked_at)

    assert flags == [True, False]
    assert db.sql(text).rows == [(5,)]
