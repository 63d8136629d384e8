"""Rows 55 to 65: indexes."""

from collections.abc import Iterator

import pytest

import qsdb
from qsdb import ConnectionId, Identity, Row, Table, TimeDuration, Timestamp, f64, u8
from qsdb.testing import database

module = qsdb.Module("halls")


class Seat(
    Row,
    module=module,
    indexes=[
        qsdb.BTree("hall", "row", "place", name="by_place"),
        qsdb.Hash("hall", "row"),
    ],
):
    id: u8 = qsdb.primary_key()
    hall: str
    row: u8
    place: u8 = 0
    price: u8 = qsdb.index(default=0)
    kind: str = qsdb.index("hash", default="")


@pytest.fixture
def seats() -> Iterator[Table[Seat]]:
    """Give the table in a transaction, with rows of before it and of its own."""
    with database(module) as db:
        with db.write() as tx:
            tx[Seat].insert_many(
                [
                    Seat(1, "a", 1, 2, price=30),
                    Seat(2, "a", 2, 1, price=10, kind="box"),
                    Seat(3, "b", 1, 1, price=20),
                ]
            )
        with db.write() as tx:
            tx[Seat].insert(Seat(4, "a", 1, 1, price=20, kind="box"))
            yield tx[Seat]


def ids(rows: Iterator[Seat]) -> list[int]:
    return [row.id for row in rows]


def test_row_055_a_btree_finds_equal_values_and_ranges(seats: Table[Seat]) -> None:
    assert ids(seats.price.filter(20)) == [3, 4]
    assert ids(seats.price.range(10, 30)) == [2, 3, 4]
    assert seats.price.count(20) == 2


def test_row_056_each_end_of_a_range_is_included_excluded_or_open(
    seats: Table[Seat],
) -> None:
    price = seats.price

    assert ids(price.range(10, 30, include=(True, True))) == [2, 3, 4, 1]
    assert ids(price.range(10, 30, include=(False, False))) == [3, 4]
    assert ids(price.range(lo=20)) == [3, 4, 1]
    assert ids(price.range(hi=20)) == [2]
    assert ids(price.range()) == [2, 3, 4, 1]


def test_row_057_a_btree_of_several_columns_takes_the_first_of_them(
    seats: Table[Seat],
) -> None:
    assert ids(seats.by_place.filter("a")) == [4, 1, 2]
    assert ids(seats.by_place.filter("a", 1)) == [4, 1]
    assert ids(seats.by_place.filter("a", 1, 2)) == [1]


def test_row_058_a_range_may_stand_behind_equal_columns(seats: Table[Seat]) -> None:
    assert ids(seats.by_place.range(("a", 1, 2), ("a", 3))) == [1, 2]
    assert ids(seats.by_place.range(("a", 2))) == [2, 3]
    assert ids(seats.by_place.range(("a",), ("a",), include=(True, True))) == [4, 1, 2]


def test_row_059_results_are_in_key_order_with_the_own_writes(
    seats: Table[Seat],
) -> None:
    assert ids(seats.price.range()) == [2, 3, 4, 1]  # 4 is of this transaction
    assert ids(seats.price.range(reverse=True))[0] == 1
    assert ids(seats.by_place.range(reverse=True)) == [3, 2, 1, 4]


def test_row_060_a_hash_index_takes_values_for_all_its_columns(
    seats: Table[Seat],
) -> None:
    assert sorted(ids(seats.kind.filter("box"))) == [2, 4]
    assert sorted(ids(seats.hall_row.filter("a", 1))) == [1, 4]
    with pytest.raises(qsdb.UsageError):
        seats.hall_row.filter("a")
    with pytest.raises(qsdb.UsageError, match="a range needs a btree"):
        seats.kind.range("a")


def test_row_062_an_index_deletes_what_it_finds(seats: Table[Seat]) -> None:
    assert seats.price.delete(20) == 2
    assert seats.by_place.delete("a", 1) == 1
    assert seats.kind.delete("stage") == 0
    assert ids(iter(seats)) == [2]


def test_row_063_every_kind_with_an_order_can_be_indexed() -> None:
    kinds = qsdb.Module("kinds")

    class Point(qsdb.Product):
        x: f64

    class Things(Row, module=kinds):
        flag: bool = qsdb.index()
        real: f64 = qsdb.index()
        text: str = qsdb.index()
        data: bytes = qsdb.index()
        many: tuple[u8, ...] = qsdb.index()
        maybe: u8 | None = qsdb.index()
        point: Point = qsdb.index()
        who: Identity = qsdb.index()
        connection: ConnectionId = qsdb.index()
        when: Timestamp = qsdb.index()
        span: TimeDuration = qsdb.index()

    def things(n: int) -> Things:
        return Things(
            n == 2,
            n / 2,
            str(n),
            bytes([n]),
            (n,),
            n,
            Point(n),
            Identity.from_bytes(bytes([n] * 32)),
            ConnectionId.from_bytes(bytes([n] * 16)),
            Timestamp.from_micros(n),
            TimeDuration.from_micros(n),
        )

    low, high = things(1), things(2)
    with database(kinds) as db, db.write() as tx:
        tx[Things].insert_many([high, low])
        for name in qsdb.asdict(low):
            index = tx[Things].index(name)
            assert list(index.range()) == [low, high]
            assert list(index.filter(getattr(high, name))) == [high]


def test_row_064_an_index_has_a_name(seats: Table[Seat]) -> None:
    assert ids(seats.index("by_place").filter("b")) == [3]
    assert ids(seats.index("price").filter(10)) == [2]
    with pytest.raises(qsdb.NotFoundError, match="by_plaice"):
        seats.index("by_plaice")


def test_row_065_a_key_is_an_index_and_needs_no_second_one() -> None:
    keys = qsdb.Module("keyed")

    class Key(Row, module=keys, primary_key=("a", "b")):
        a: u8 = qsdb.unique()
        b: u8

    with database(keys) as db, db.write() as tx:
        tx[Key].insert_many([Key(1, 2), Key(2, 2)])

        assert tx[Key].a.find(2) == tx[Key].get(2, 2) == tx[Key].a_b.find(2, 2)
        assert db.sql("SELECT * FROM st_index WHERE index_id >= 4096").rows == []
        assert "unique index a," in str(db.sql("EXPLAIN SELECT * FROM key WHERE a = 2"))
