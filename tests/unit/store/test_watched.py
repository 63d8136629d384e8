"""Tables as a view reads them: what is noted, and what is refused."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import qsdb
from qsdb import u8
from qsdb.store.current import CurrentTable
from qsdb.store.directory import with_tables
from qsdb.store.watched import PointRead, RangeRead, TableRead, WatchedTables
from qsdb.values.ranges import TOP, Range

hall = qsdb.Module("hall")


class Seat(qsdb.Row, module=hall, indexes=[qsdb.BTree("row", "price", name="by_row")]):
    number: u8 = qsdb.primary_key()
    row: u8
    price: u8 = qsdb.index()
    guest: str | None = qsdb.unique(default=None)
    kind: str = qsdb.index("hash", default="")


class Note(qsdb.Row, module=hall):
    text: str


class Bell(qsdb.Row, module=hall, event=True):
    text: str


SEATS = [Seat(1, 1, 10, "ann", "x"), Seat(2, 1, 20), Seat(3, 2, 10, None, "x")]


@pytest.fixture
def tables() -> Iterator[Any]:
    with qsdb.Database(hall) as db:
        with db.write() as tx:
            tx[Seat].insert_many(SEATS)
            tx[Note].insert(Note("hello"))
        directory = db._directory

        def base_of(entry: Any) -> CurrentTable:
            return CurrentTable(entry.table)

        tables = directory.edition.tables
        yield with_tables(WatchedTables, tables)(tables, base_of)


def seat(number: int | None, value: object) -> PointRead:
    return PointRead("seat", number, value)


BY_PRICE, BY_KIND, BY_GUEST, BY_ROW = 1, 2, 0, 3

READS: list[tuple[Callable[[Any], Any], Any, list[Any]]] = [
    (lambda t: t[Seat].get(1), SEATS[0], [seat(None, 1)]),
    (lambda t: t.seat.get(9), None, [seat(None, 9)]),
    (lambda t: t.table("seat").number.find(2), SEATS[1], [seat(None, 2)]),
    (lambda t: t.seat.number.count(2), 1, [seat(None, 2)]),
    (lambda t: t.seat.number.count(9), 0, [seat(None, 9)]),
    (lambda t: t.seat.guest.find("ann"), SEATS[0], [seat(BY_GUEST, "ann")]),
    (lambda t: t.seat.guest.find("bob"), None, [seat(BY_GUEST, "bob")]),
    (lambda t: [*t.seat.kind.filter("x")], SEATS[::2], [seat(BY_KIND, "x")]),
    (lambda t: t.seat.kind.count("x"), 2, [seat(BY_KIND, "x")]),
    (
        lambda t: [*t.seat.by_row.filter(1)],
        SEATS[:2],
        [RangeRead("seat", BY_ROW, Range((1,), (1, TOP)))],
    ),
    (
        lambda t: t.seat.by_row.count(1, 20),
        1,
        [RangeRead("seat", BY_ROW, Range((1, 20), (1, 20, TOP)))],
    ),
    (
        lambda t: [*t.seat.price.range(15, reverse=True)],
        [SEATS[1]],
        [RangeRead("seat", BY_PRICE, Range((15,), None))],
    ),
    (lambda t: len(t.seat), 3, [TableRead("seat")]),
    (lambda t: [*t.seat], SEATS, [TableRead("seat")]),
    (lambda t: SEATS[0] in t.seat, True, [seat(None, 1)]),
    (lambda t: Note("hello") in t.note, True, [PointRead("note", None, ("hello",))]),
    (lambda t: Note("no") in t.note, False, [PointRead("note", None, ("no",))]),
    (lambda t: bool(t.seat), True, []),
]


@pytest.mark.parametrize(("read", "gives", "noted"), READS, ids=range(len(READS)))
def test_each_look_up_is_noted(
    tables: Any, read: Callable[[Any], Any], gives: Any, noted: list[Any]
) -> None:
    names = [each.accessor for each in tables[Seat]._bound.schema.indexes]
    assert names == ["guest", "price", "kind", "by_row"]

    assert read(tables) == gives
    assert read(tables) == gives  # the same twice is one
    assert tables._end() == frozenset(noted)


@pytest.mark.parametrize(
    "write",
    [
        lambda t: t.seat.insert(SEATS[0]),
        lambda t: t.seat.insert_many(SEATS),
        lambda t: t.seat.update(SEATS[0]),
        lambda t: t.seat.upsert(SEATS[0]),
        lambda t: t.seat.delete(SEATS[0]),
        lambda t: t.seat.delete_by_key(1),
        lambda t: t.seat.clear(),
        lambda t: t.seat.guest.update(SEATS[0]),
        lambda t: t.seat.kind.delete("x"),
    ],
    ids=range(9),
)
def test_writing_is_refused(tables: Any, write: Callable[[Any], Any]) -> None:
    with pytest.raises(qsdb.ReadOnlyError, match="table seat: a view reads and cannot"):
        write(tables)


def test_nothing_is_read_after_the_end(tables: Any) -> None:
    seats, index = tables.seat, tables.seat.price
    later = index.filter(10)
    tables._end()

    assert [*later] == SEATS[::2]  # which was read before
    for use in (
        lambda: seats.get(1),
        lambda: len(seats),
        lambda: [*seats],
        lambda: index.count(10),
        lambda: tables.note,
        lambda: tables[Seat].get(1),
        seats.clear,
    ):
        with pytest.raises(qsdb.ClosedError, match="a view reads while it runs"):
            use()


def test_event_tables_and_sql_are_refused(tables: Any) -> None:
    with pytest.raises(qsdb.UsageError, match="table bell: its rows are told with"):
        tables[Bell]
    with pytest.raises(qsdb.UsageError, match="a view gives its query back"):
        tables.sql("SELECT * FROM seat")
    with pytest.raises(qsdb.NotFoundError, match="no table 'nose'"):
        tables.table("nose")
