"""Optimistic transactions: how they begin and end, and what others see of them."""

import asyncio
import contextlib
import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import qsdb
from qsdb import Identity, ScheduleAt, TimeDuration, Timestamp, i64, u32, u64
from qsdb.testing import FakeClock

NOON = Timestamp.parse("2026-11-25T12:00:00Z")

shop = qsdb.Module("shop")


class Item(qsdb.Row, module=shop, public=True):
    id: u32 = qsdb.primary_key()
    shelf: i64 = qsdb.index()
    colour: i64 = qsdb.index("hash")
    sku: str | None = qsdb.unique()
    price: i64 = 0


class Tag(qsdb.Row, module=shop):
    word: str


class Job(qsdb.Row, module=shop):
    queue: str = qsdb.primary_key()
    number: u32 = qsdb.auto_inc()


class Ticket(qsdb.Row, module=shop):
    id: u32 = qsdb.primary_key(auto_inc=True)
    of: str = ""


class Seat(qsdb.Row, module=shop, primary_key=("hall", "number")):
    hall: str
    number: u32 = qsdb.auto_inc()


class Sold(qsdb.Row, module=shop, event=True, public=True):
    id: u32


class Call(qsdb.Row, module=shop, event=True, public=True):
    who: str
    number: u32 = qsdb.auto_inc()


class Alarm(qsdb.Row, module=shop, scheduled="ring"):
    scheduled_id: u64 = qsdb.primary_key(auto_inc=True)
    scheduled_at: ScheduleAt


@shop.reducer
def ring(ctx: qsdb.ReducerContext, alarm: Alarm) -> None:
    ctx.db[Tag].insert(Tag(f"rung {alarm.scheduled_id}"))


@shop.reducer
def begin_beside(ctx: qsdb.ReducerContext) -> None:
    ctx.db[Tag].insert(Tag("x"))
    database[0].optimistic()


@shop.view(public=True)
def cheap(ctx: qsdb.AnonymousViewContext) -> list[Item]:
    return [row for row in ctx.db[Item] if row.price < 10]


@shop.procedure
def raise_price(ctx: qsdb.ProcedureContext, key: u32, by: i64) -> i64:
    with ctx.optimistic() as tx:
        row = tx[Item].get(key)
        assert row is not None
        return tx[Item].update(row.replace(price=row.price + by)).price


database: list[qsdb.Database] = []


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(shop, clock=FakeClock(NOON)) as opened:
        with opened.write() as tx:
            tx[Item].insert_many([Item(n, n, n % 2, f"s{n}") for n in range(4)])
            tx[Tag].insert(Tag("old"))
        database[:] = [opened]
        yield opened


def set_price(db: qsdb.Database, key: int, price: int) -> None:
    with db.write() as tx:
        row = tx[Item].get(key)
        assert row is not None
        tx[Item].update(row.replace(price=price))


def price_of(db: qsdb.Database, key: int) -> int:
    with db.read() as tx:
        row = tx[Item].get(key)
        assert row is not None
        return row.price


# How it begins and ends.


def test_leaving_the_block_commits(db: qsdb.Database) -> None:
    offset = db.offset
    with db.optimistic() as tx:
        tx[Item].update(Item(1, 1, 1, "s1", 5))

        assert (tx.offset, db.offset, price_of(db, 1)) == (offset, offset, 0)
    assert (db.offset, price_of(db, 1)) == (offset + 1, 5)


def test_an_exception_rolls_back_and_passes(db: qsdb.Database) -> None:
    offset = db.offset
    with pytest.raises(ZeroDivisionError), db.optimistic() as tx:
        tx[Item].clear()
        _ = 1 // 0

    assert (db.offset, len(db.read()[Item])) == (offset, 4)
    with pytest.raises(qsdb.ClosedError):
        tx[Item].get(1)


def test_by_hand(db: qsdb.Database) -> None:
    offset = db.offset
    first, second = db.optimistic(), db.optimistic()
    first[Tag].insert(Tag("a"))
    second[Tag].insert(Tag("b"))

    assert first.commit() == offset + 1 == db.offset
    second.rollback()
    second.rollback()
    assert {tag.word for tag in db.read()[Tag]} == {"old", "a"}


def test_ended_by_hand_inside_of_its_block(db: qsdb.Database) -> None:
    with db.optimistic() as tx:
        tx[Tag].insert(Tag("a"))
        tx.commit()
    with db.optimistic() as tx:
        tx[Tag].insert(Tag("b"))
        tx.rollback()

    assert {tag.word for tag in db.read()[Tag]} == {"old", "a"}


def test_one_that_wrote_nothing_always_commits(db: qsdb.Database) -> None:
    tx = db.optimistic()
    assert len([*tx[Item]]) == 4
    set_price(db, 1, 9)
    set_price(db, 1, 8)

    assert tx.commit() == tx.offset == db.offset - 2


def test_what_a_savepoint_took_back_is_not_written(db: qsdb.Database) -> None:
    tx = db.optimistic()
    with pytest.raises(ZeroDivisionError), tx.savepoint():
        tx[Item].update(Item(1, 1, 1, "s1", 5))
        _ = 1 // 0
    set_price(db, 1, 9)

    assert tx.commit() == tx.offset


def test_without_net_change_there_is_no_commit(db: qsdb.Database) -> None:
    offset = db.offset
    with db.optimistic() as tx:
        tx[Item].delete_by_key(1)
        tx[Item].insert(Item(1, 1, 1, "s1"))
        tx[Item].insert(Item(7, 1, 1, "s7"))
        tx[Item].delete_by_key(7)

    assert db.offset == offset
    db.check()


USES: dict[str, Callable[[Any], object]] = {
    "commit": lambda tx: tx.commit(),
    "commit_async": lambda tx: asyncio.run(tx.commit_async()),
    "a table": lambda tx: tx[Item].get(1),
    "another table": lambda tx: tx[Tag],
    "SQL": lambda tx: tx.sql("SELECT * FROM item"),
    "with": lambda tx: tx.__enter__(),
    "async with": lambda tx: asyncio.run(tx.__aenter__()),
    "a savepoint": lambda tx: tx.savepoint().__enter__(),
}


@pytest.mark.parametrize("name", USES)
def test_after_the_end(db: qsdb.Database, name: str) -> None:
    with db.optimistic() as tx:
        tx[Item].insert(Item(9, 9, 9, None))

    with pytest.raises(qsdb.ClosedError):
        USES[name](tx)


def test_a_refused_one_has_ended(db: qsdb.Database) -> None:
    tx = db.optimistic()
    tx[Item].update(Item(1, 1, 1, "s1", 5))
    set_price(db, 1, 9)
    with pytest.raises(qsdb.ConflictError):
        tx.commit()

    with pytest.raises(qsdb.ClosedError):
        tx.commit()
    stats = db.stats()
    assert (stats.conflicts, stats.rollbacks, stats.pins) == (1, 1, 0)
    assert "  beside    1 conflicts · 0 run serially in the end" in str(stats)


def test_a_forgotten_one_keeps_nothing(db: qsdb.Database) -> None:
    tx = db.optimistic()
    items = tx[Item]
    assert items.get(1) is not None
    set_price(db, 1, 9)
    assert db.stats().pins == 1
    del tx
    assert items.get(2) == Item(2, 2, 0, "s2")
    assert db.stats().pins == 1
    del items
    gc.collect()

    assert db.stats().pins == db.stats().undo_rows == 0


def test_the_time_is_that_of_its_beginning(db: qsdb.Database) -> None:
    with db.optimistic() as tx:
        assert tx.timestamp == NOON


# Where it cannot be.


@pytest.mark.parametrize("isolation", ["read committed", None, []])
def test_an_unknown_isolation(db: qsdb.Database, isolation: Any) -> None:
    with pytest.raises(qsdb.ArgumentError, match=r"'serializable' or 'snapshot', not"):
        db.optimistic(isolation)


def test_inside_of_a_serial_one(db: qsdb.Database) -> None:
    tx = db.optimistic()
    tx[Tag].insert(Tag("a"))
    with db.write():
        with pytest.raises(qsdb.UsageError, match="inside a write transaction"):
            db.optimistic()
        with pytest.raises(qsdb.UsageError, match="inside a write transaction"):
            tx.commit()
    with pytest.raises(qsdb.UsageError, match="inside a write transaction"):
        db.call(begin_beside)

    tx.commit()  # it has gone on
    assert {tag.word for tag in db.read()[Tag]} == {"old", "a"}


def test_of_a_closed_database(db: qsdb.Database) -> None:
    tx = db.optimistic()
    tx[Tag].insert(Tag("a"))
    items = tx[Item]
    db.close()

    with pytest.raises(qsdb.ClosedError, match="database is closed"):
        items.get(1)
    with pytest.raises(qsdb.ClosedError, match="database is closed"):
        len(items)
    with pytest.raises(qsdb.ClosedError, match="database is closed"):
        tx.commit()
    with pytest.raises(qsdb.ClosedError, match="database is closed"):
        db.optimistic()


def test_of_a_database_that_is_only_read(tmp_path: Path) -> None:
    qsdb.Database(shop, tmp_path).close()
    reading = qsdb.Database(shop, tmp_path, read_only=True)
    with pytest.raises(qsdb.ReadOnlyError):
        reading.optimistic()
    reading.close()
    with pytest.raises(qsdb.ClosedError):
        reading.optimistic()


# What is a conflict, and what is told of it.

CONFLICTS: dict[str, tuple[Callable[[Any], object], Callable[[Any], object], str]] = {
    "a row by its key": (
        lambda tx: tx[Item].get(1),
        lambda tx: tx[Item].delete_by_key(1),
        "table item: since offset 2 another transaction has changed the row with id 1",
    ),
    "a row without a key": (
        lambda tx: Tag("old") in tx[Tag],
        lambda tx: tx[Tag].delete(Tag("old")),
        "changed the row ('old',)",
    ),
    "all rows": (
        lambda tx: [*tx[Item]],
        lambda tx: tx[Item].insert(Item(8, 8, 8, None)),
        "changed a row, and all were read",
    ),
    "their number": (
        lambda tx: len(tx[Item]),
        lambda tx: tx[Item].insert(Item(8, 8, 8, None)),
        "changed the number of rows, which was asked for",
    ),
    "a range": (
        lambda tx: [*tx[Item].shelf.range(2)],
        lambda tx: tx[Item].insert(Item(8, 8, 8, None)),
        "changed a row that was looked for by index shelf",
    ),
    "a count of a prefix": (
        lambda tx: tx[Item].shelf.count(8),
        lambda tx: tx[Item].insert(Item(8, 8, 8, None)),
        "changed a row that was looked for by index shelf",
    ),
    "a hash": (
        lambda tx: [*tx[Item].colour.filter(1)],
        lambda tx: tx[Item].update(Item(1, 1, 5, "s1")),
        "changed a row that was looked for by index colour",
    ),
    "a unique value": (
        lambda tx: tx[Item].sku.find("new"),
        lambda tx: tx[Item].insert(Item(8, 8, 8, "new")),
        "changed a row that was looked for by index sku",
    ),
    "a condition": (
        lambda tx: tx.sql("SELECT * FROM item WHERE price > 5"),
        lambda tx: tx[Item].update(Item(1, 1, 1, "s1", 6)),
        "changed a row that a query asks for",
    ),
    "a condition that cannot be answered": (
        lambda tx: tx.sql("SELECT * FROM item WHERE 10 / (price - 7) > 1"),
        lambda tx: tx[Item].update(Item(1, 1, 1, "s1", 7)),
        "changed a row that a query asks for",
    ),
    "the first rows of an index": (
        lambda tx: tx.sql("SELECT * FROM item ORDER BY shelf LIMIT 2"),
        lambda tx: tx[Item].insert(Item(8, -8, 8, None)),
        "changed a row that was looked for by index shelf",
    ),
    "the last rows of an index": (
        lambda tx: tx.sql("SELECT * FROM item ORDER BY shelf DESC LIMIT 2"),
        lambda tx: tx[Item].update(Item(2, 0, 0, "s2")),
        "changed a row that was looked for by index shelf",
    ),
    "as many rows of an index as there are": (
        lambda tx: tx.sql("SELECT * FROM item ORDER BY shelf LIMIT 20"),
        lambda tx: tx[Item].insert(Item(8, 8, 8, None)),
        "changed a row that was looked for by index shelf",
    ),
    "groups": (
        lambda tx: tx.sql("SELECT colour, COUNT(*) FROM item GROUP BY colour"),
        lambda tx: tx[Item].insert(Item(8, 8, 8, None)),
        "table item: since offset 2 another transaction has changed a row, and all",
    ),
    "a row of nothing": (
        lambda tx: tx.sql(
            "SELECT t.* FROM tag t LEFT JOIN item i ON t.word = i.sku "
            "WHERE i.price IS NULL"
        ),
        lambda tx: tx[Item].update(Item(1, 1, 1, "old")),
        "table item: since offset 2 another transaction has changed a row",
    ),
    "a subquery": (
        lambda tx: tx.sql(
            "SELECT * FROM tag WHERE word NOT IN (SELECT sku FROM item WHERE price > 5)"
        ),
        lambda tx: tx[Item].update(Item(1, 1, 1, "old", 6)),
        "table item: since offset 2 another transaction has changed a row",
    ),
    "a view": (
        lambda tx: tx.sql("SELECT * FROM cheap"),
        lambda tx: tx[Item].update(Item(1, 1, 1, "s1", 70)),
        "changed a row, and all were read",
    ),
    "a table in a join": (
        lambda tx: tx.sql("SELECT t.* FROM tag t JOIN item i ON t.word = i.sku"),
        lambda tx: tx[Tag].insert(Tag("new")),
        "table tag: since offset 2 another transaction has changed a row, and all",
    ),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_a_conflict(db: qsdb.Database, name: str) -> None:
    read, change, told = CONFLICTS[name]
    tx, snapshot = db.optimistic(), db.optimistic("snapshot")
    for each in (tx, snapshot):
        read(each)
    with db.write() as writing:
        change(writing)
    tx[Tag].insert(Tag("mine"))
    snapshot[Tag].insert(Tag("also mine"))

    with pytest.raises(qsdb.ConflictError) as caught:
        tx.commit()
    assert told in str(caught.value)
    assert caught.value.offset == 2
    snapshot.commit()
    assert Tag("also mine") in db.read()[Tag]


NO_CONFLICTS: dict[str, tuple[Callable[[Any], object], Callable[[Any], object]]] = {
    "another row": (lambda tx: tx[Item].get(1), lambda tx: tx[Item].delete_by_key(2)),
    "another range": (
        lambda tx: [*tx[Item].shelf.range(hi=2)],
        lambda tx: tx[Item].insert(Item(8, 8, 8, None)),
    ),
    "rows behind the first": (
        lambda tx: tx.sql("SELECT * FROM item ORDER BY shelf LIMIT 2"),
        lambda tx: tx[Item].delete_by_key(3),
    ),
    "rows before the last": (
        lambda tx: tx.sql("SELECT * FROM item ORDER BY shelf DESC LIMIT 2"),
        lambda tx: tx[Item].delete_by_key(0),
    ),
    "another value": (
        lambda tx: [*tx[Item].colour.filter(1)],
        lambda tx: tx[Item].update(Item(2, 2, 5, "s2")),
    ),
    "a condition that does not hold": (
        lambda tx: tx.sql("SELECT * FROM item WHERE price > 5"),
        lambda tx: tx[Item].update(Item(1, 1, 1, "s1", 5)),
    ),
    "the same number": (
        lambda tx: len(tx[Item]),
        lambda tx: tx[Item].update(Item(1, 1, 1, "s1", 5)),
    ),
    "another table": (
        lambda tx: [*tx[Item]],
        lambda tx: tx[Tag].insert(Tag("new")),
    ),
    "its own rows": (
        lambda tx: tx.sql("INSERT INTO item VALUES (7, 7, 7, 's7', 7)"),
        lambda tx: tx[Item].insert(Item(8, 8, 8, None)),
    ),
    "events": (lambda tx: [*tx[Sold]], lambda tx: tx[Sold].insert(Sold(1))),
    "conditions in a join": (
        lambda tx: tx.sql(
            "SELECT t.* FROM tag t JOIN item i ON t.word = i.sku "
            "WHERE t.word LIKE 'x%' AND i.price > 5"
        ),
        lambda tx: tx[Item].update(Item(1, 1, 1, "s1", 5)),
    ),
}


@pytest.mark.parametrize("name", NO_CONFLICTS)
def test_no_conflict(db: qsdb.Database, name: str) -> None:
    read, change = NO_CONFLICTS[name]
    tx = db.optimistic()
    read(tx)
    with db.write() as writing:
        change(writing)
    tx[Job].insert(Job("mine"))

    assert tx.commit() == db.offset


def test_another_module_was_published() -> None:
    first, second = qsdb.Module("m"), qsdb.Module("m")

    class Here(qsdb.Row, module=first):
        id: u32

    class There(qsdb.Row, module=second, name="here"):
        id: u32

    with qsdb.Database(first) as db:
        writes, reads = db.optimistic(), db.optimistic()
        writes[Here].insert(Here(1))
        assert [*reads[Here]] == []
        db.publish(second)

        with pytest.raises(qsdb.ConflictError, match="has published another module"):
            writes.commit()
        reads.commit()
        with db.optimistic() as tx:
            tx[There].insert(There(2))
        assert [*db.read()[There]] == [There(2)]


def test_a_rolled_back_writer_is_no_conflict(db: qsdb.Database) -> None:
    tx = db.optimistic()
    assert len([*tx[Item]]) == 4
    with pytest.raises(ZeroDivisionError), db.write() as writing:
        writing[Item].clear()
        _ = 1 // 0
    tx[Item].delete_by_key(1)

    assert tx.commit() == db.offset


# Generated numbers.


def test_a_number_that_is_no_key(db: qsdb.Database) -> None:
    tx = db.optimistic()
    assert tx[Job].insert(Job("a")).number == 1
    with db.write() as writing:
        assert writing[Job].insert(Job("b")).number == 1

    with pytest.raises(qsdb.ConflictError, match=r"taken a number .* column number"):
        tx.commit()


@pytest.mark.parametrize("way", ["deleted", "changed", "told"])
def test_a_number_of_a_row_that_is_gone(db: qsdb.Database, way: str) -> None:
    row_class: Any = Call if way == "told" else Job
    tx = db.optimistic()
    assert tx[row_class].insert(row_class("a")).number == 1
    with db.write() as writing:
        assert writing[row_class].insert(row_class("b")).number == 1
    with db.write() as writing:
        if way == "deleted":
            writing[Job].delete_by_key("b")
        elif way == "changed":
            writing[Job].update(Job("b").replace(number=9))

    with pytest.raises(qsdb.ConflictError, match=r"taken a number .* column number"):
        tx.commit()


def test_two_draw_the_same_number_after_one_that_was_given(db: qsdb.Database) -> None:
    first, second = db.optimistic(), db.optimistic()
    for tx, name in ((first, "a"), (second, "b")):
        tx[Job].insert(Job(name).replace(number=40))
        tx[Job].delete_by_key(name)
        assert tx[Job].insert(Job(name)).number == 41
    first.commit()
    with db.write() as writing:
        writing[Job].delete_by_key("a")

    with pytest.raises(qsdb.ConflictError, match="taken a number"):
        second.commit()


def test_a_number_that_came_to_nothing_is_free(db: qsdb.Database) -> None:
    """Rolled back, as a whole or to a savepoint, or without a net change."""
    tx = db.optimistic()
    assert tx[Job].insert(Job("a")).number == 1
    assert tx[Ticket].insert(Ticket()).id == 1
    with pytest.raises(ZeroDivisionError), db.write() as writing:
        assert writing[Job].insert(Job("b")).number == 1
        _ = 1 // 0
    with db.write() as writing:
        assert writing[Job].insert(Job("c")).number == 1
        assert writing[Job].delete_by_key("c")
    with db.write() as writing:
        with pytest.raises(ZeroDivisionError), writing.savepoint():
            assert writing[Job].insert(Job("c")).number == 1
            assert writing[Ticket].insert(Ticket()).id == 1
            _ = 1 // 0
        writing[Tag].insert(Tag("new"))
    tx.commit()

    with db.write() as writing:
        assert writing[Job].insert(Job("d")).number == 2
        assert writing[Job].get("a") == Job("a").replace(number=1)


NUMBERED: dict[str, tuple[Any, str]] = {
    "the key": (Ticket(), "id"),
    "in the key": (Seat("a"), "number"),
    "no key": (Call("a"), "number"),
    "beside the key": (Job("a"), "number"),
}


@pytest.mark.parametrize(("row", "column"), NUMBERED.values(), ids=NUMBERED)
def test_a_number_whose_row_comes_and_goes_in_one_transaction(
    db: qsdb.Database, row: Any, column: str
) -> None:
    """Somebody has been given it, so nobody else is."""
    tx = db.optimistic()
    assert getattr(tx[type(row)].insert(row), column) == 1
    with db.write() as writing:
        given: Any = writing[type(row)].insert(row)
        assert getattr(given, column) == 1
        writing[type(row)].delete(given)
        writing[Tag].insert(Tag("new"))

    with pytest.raises(qsdb.ConflictError, match="taken a number that was drawn"):
        tx.commit()


def test_a_number_of_two_that_one_has_deleted_again(db: qsdb.Database) -> None:
    first, second = db.optimistic(), db.optimistic()
    for tx, name in ((first, "a"), (second, "b")):
        tx[Job].insert(Job(name).replace(number=40))
        assert tx[Job].insert(Job(f"{name} next")).number == 41
        tx[Job].delete_by_key(name)
    first[Job].delete_by_key("a next")
    first[Tag].insert(Tag("new"))
    first.commit()

    with pytest.raises(qsdb.ConflictError, match="taken a number that was drawn"):
        second.commit()


@pytest.mark.parametrize(("row", "column"), NUMBERED.values(), ids=NUMBERED)
def test_another_number_is_no_conflict(
    db: qsdb.Database, row: Any, column: str
) -> None:
    """Unless no key tells that none has come and gone."""
    tx = db.optimistic()
    assert getattr(tx[type(row)].insert(row), column) == 1
    name = {Ticket: "of", Seat: "hall", Call: "who", Job: "queue"}[type(row)]
    with db.write() as writing:
        writing[type(row)].insert(row.replace(**{column: 50, name: "b"}))

    if type(row) is Job:
        with pytest.raises(qsdb.ConflictError, match="taken a number that was drawn"):
            tx.commit()
        return
    tx.commit()
    inserted: Any = db.optimistic()[type(row)].insert(row.replace(**{name: "c"}))
    assert getattr(inserted, column) == 51


def test_others_beside_draw_on(db: qsdb.Database) -> None:
    opened = [db.optimistic() for _ in range(4)]
    for number, tx in enumerate(opened):
        assert tx[Job].insert(Job(f"{number}")).number == number + 1
        assert tx[Ticket].insert(Ticket()).id == number + 1
    for tx in opened[::-1]:
        tx.commit()
    with db.write() as writing:
        assert writing[Job].insert(Job("last")).number == 5


def given_and_deleted(tx: Any) -> None:
    tx[Ticket].insert(Ticket().replace(id=100))
    tx[Ticket].delete_by_key(100)
    tx[Tag].insert(Tag("new"))


def undone(tx: Any) -> None:
    with contextlib.suppress(ZeroDivisionError), tx.savepoint():
        tx[Ticket].insert(Ticket().replace(id=2**32 - 1))
        with tx.savepoint():
            tx[Ticket].insert(Ticket().replace(id=7))
        _ = 1 // 0
    tx[Ticket].insert(Ticket())


def refused(tx: Any) -> None:
    tx[Ticket].insert(Ticket())
    given = [Ticket().replace(id=2**32 - 1), Ticket("other").replace(id=1)]
    with pytest.raises(qsdb.UniqueError):
        tx[Ticket].insert_many(given)
    tx[Ticket].insert(Ticket())


def kept_savepoint(tx: Any) -> None:
    with tx.savepoint():
        tx[Ticket].insert(Ticket().replace(id=20))
        tx[Ticket].delete_by_key(20)
    tx[Ticket].insert(Ticket())


@pytest.mark.parametrize("what", [given_and_deleted, undone, refused, kept_savepoint])
def test_numbers_go_on_as_after_a_serial_transaction(
    what: Callable[[Any], None],
) -> None:
    tickets = []
    for way in ("write", "optimistic"):
        with qsdb.Database(shop) as db:
            with getattr(db, way)() as tx:
                what(tx)
            with db.write() as tx:
                tx[Ticket].insert(Ticket("next"))
            tickets.append({row.id: row for row in db.read()[Ticket]})
            db.check()
    assert tickets[0] == tickets[1]


def test_whoever_has_drawn_is_forgotten_with_its_end(db: qsdb.Database) -> None:
    tables = db._writer.directory.store.tables
    [table] = [each for each in tables if each.bound.schema.name == "job"]
    drawn = [db.optimistic() for _ in range(4)]
    for number, tx in enumerate(drawn):
        tx[Job].insert_many([Job(f"{number} {n}") for n in range(3)])
    handle = drawn[0][Job]
    assert len(table.draws.drawers) == 4

    drawn.pop(0).rollback()
    drawn.pop(0).commit()
    assert len(table.draws.drawers) == 2
    del tx, drawn
    gc.collect()
    assert not table.draws.drawers
    with pytest.raises(qsdb.ClosedError):
        handle.insert(Job("late"))


def test_numbers_after_one_that_was_given(db: qsdb.Database) -> None:
    with db.optimistic() as tx:
        jobs = tx[Job]
        assert jobs.insert(Job("a")).number == 1
        jobs.insert(Job("b").replace(number=40))
        assert [jobs.insert(Job(name)).number for name in "cd"] == [41, 42]
    with db.optimistic() as tx:
        assert tx[Job].insert(Job("e")).number == 43
    with db.write() as writing:
        assert writing[Job].insert(Job("f")).number == 44


def test_a_great_number_that_is_not_committed_uses_nothing_up(
    db: qsdb.Database,
) -> None:
    tx = db.optimistic()
    tx[Job].insert(Job("a").replace(number=(1 << 32) - 2))
    assert tx[Job].insert(Job("b")).number == (1 << 32) - 1
    with pytest.raises(qsdb.LimitError, match="come to its end"):
        tx[Job].insert(Job("c"))
    tx.rollback()

    with db.optimistic() as tx:
        assert tx[Job].insert(Job("d")).number == 1


def test_numbers_last_on_the_disk(tmp_path: Path) -> None:
    with qsdb.Database(shop, tmp_path) as db, db.optimistic() as tx:
        tx[Job].insert_many([Job("a"), Job("b")])
    with qsdb.Database(shop, tmp_path) as db:
        with db.write() as writing:
            assert writing[Job].insert(Job("c")).number == 3
        db.check()


# What others see of it.


def test_live_queries_and_views_hear_of_it(db: qsdb.Database) -> None:
    told: list[tuple[list[Any], list[Any]]] = []
    db.subscribe("SELECT * FROM cheap", lambda u: told.append((u.inserts, u.deletes)))
    with db.optimistic() as tx:
        tx[Item].update(Item(1, 1, 1, "s1", 50))
        tx[Item].insert(Item(9, 9, 9, None, 60))

    assert told == [([], [Item(1, 1, 1, "s1")])]


def test_events_are_told_and_not_kept(db: qsdb.Database) -> None:
    told: list[list[Any]] = []
    db.subscribe("SELECT * FROM sold", lambda update: told.append(update.inserts))
    first, second = db.optimistic(), db.optimistic()
    for each in (first, second):
        each[Sold].insert(Sold(1))
        assert [*each[Sold]] == [Sold(1)]
    first.commit()
    second.commit()

    assert told == [[Sold(1)], [Sold(1)]]
    assert len(db.read()[Sold]) == 0


def test_an_interval_counts_from_the_commit() -> None:
    clock = FakeClock(NOON)
    with qsdb.Database(shop, clock=clock, scheduler="manual") as db:
        tx = db.optimistic()
        tx[Alarm].insert(Alarm(ScheduleAt.interval(TimeDuration.from_seconds(10))))
        clock.advance(5)
        tx.commit()
        clock.advance(9)
        assert db.run_due() == 0
        clock.advance(1)
        assert db.run_due() == 1


def test_schedules_are_armed_by_its_commit(db: qsdb.Database) -> None:
    tx = db.optimistic()
    tx[Alarm].insert(Alarm(ScheduleAt.interval(TimeDuration.from_seconds(1))))
    later = NOON + TimeDuration.from_seconds(1)
    assert db.run_due(later) == 0
    tx.commit()

    assert db.run_due(later + TimeDuration.from_seconds(1)) == 1
    assert Tag("rung 1") in db.read()[Tag]


def test_it_is_in_the_log(tmp_path: Path) -> None:
    with qsdb.Database(shop, tmp_path) as db:
        with db.optimistic() as tx:
            tx[Item].insert_many([Item(n, n, n, f"s{n}") for n in range(3)])
        with db.optimistic() as tx:
            tx[Item].update(Item(1, 7, 7, "x"))
            tx[Item].delete_by_key(2)
    with qsdb.Database(shop, tmp_path) as db:
        assert [*db.read()[Item].shelf.range()] == [
            Item(0, 0, 0, "s0"),
            Item(1, 7, 7, "x"),
        ]
        db.check()


def test_a_procedure_waits_in_one(db: qsdb.Database) -> None:
    assert db.call(raise_price, 1, 5) == 5
    assert price_of(db, 1) == 5


# SQL in it.


def test_sql_sees_what_it_has_written(db: qsdb.Database) -> None:
    with db.optimistic() as tx:
        tx.sql("UPDATE item SET price = shelf + 1, shelf = shelf + 10 WHERE id > 1")
        tx.sql("DELETE FROM item WHERE id = 0")
        inserted = tx.sql("INSERT INTO item VALUES (7, 0, 0, 's7', 0)")

        assert inserted.rows_affected == 1
        assert tx.sql("SELECT COUNT(*) AS n FROM item")[0].n == 4
        shelves = tx.sql("SELECT id FROM item WHERE shelf >= 12")
        assert sorted(row.id for row in shelves) == [2, 3]
        with pytest.raises(qsdb.UniqueError):
            tx.sql("INSERT INTO item VALUES (8, 0, 0, 's8', 0), (7, 1, 1, 's9', 0)")
        assert tx[Item].get(8) is None
        assert len(tx.sql("EXPLAIN SELECT * FROM item").rows) > 1
    assert price_of(db, 2) == 3


def test_the_first_rows_are_those_with_what_it_has_written(db: qsdb.Database) -> None:
    with db.optimistic() as tx:
        tx[Item].delete_by_key(0)
        tx[Item].update(Item(1, 9, 1, "s1"))
        tx[Item].insert(Item(8, -8, 8, None))
        for text, expected in (
            ("ORDER BY shelf LIMIT 2", [8, 2]),
            ("ORDER BY shelf DESC LIMIT 2", [1, 3]),
            ("ORDER BY shelf LIMIT 0", []),
            ("WHERE shelf > 1 ORDER BY shelf LIMIT 9", [2, 3, 1]),
        ):
            found = tx.sql(f"SELECT * FROM item {text}")
            assert [row.id for row in found.rows] == expected


def test_a_reader_sees_the_first_rows_of_its_offset(db: qsdb.Database) -> None:
    with db.read() as reading:
        with db.write() as tx:
            tx[Item].insert(Item(8, -8, 8, None))
            tx[Item].update(Item(0, 50, 0, "s0"))
        found = reading.sql("SELECT * FROM item ORDER BY shelf LIMIT 2")
        assert [row.id for row in found.rows] == [0, 1]


def test_unique_values_change_places(db: qsdb.Database) -> None:
    with db.optimistic() as tx:
        first, second = tx[Item].get(1), tx[Item].get(2)
        assert first is not None
        assert second is not None
        tx[Item].update(first.replace(sku=None))
        tx[Item].update(second.replace(sku="s1"))
        tx[Item].update(first.replace(sku="s2"))

    assert db.read()[Item].sku.find("s1") == Item(2, 2, 0, "s1")
    db.check()


def test_a_variable_is_set_with_it(db: qsdb.Database) -> None:
    first, second = db.optimistic(), db.optimistic()
    first.sql("SET row_limit = 1")
    with pytest.raises(ZeroDivisionError), first.savepoint():
        first.sql("SET row_limit = 2")
        _ = 1 // 0
    second.sql("SET row_limit = 3")
    assert first.sql("SHOW row_limit")[0].row_limit == 1
    assert db.sql("SHOW row_limit")[0].row_limit is None
    second.rollback()
    first.commit()

    assert db.sql("SHOW row_limit")[0].row_limit == 1


def test_a_mounted_module_has_its_part() -> None:
    outer, inner = qsdb.Module("outer"), qsdb.Module("inner")

    class Session(qsdb.Row, module=inner):
        who: Identity = qsdb.primary_key()

    outer.mount("auth", inner)
    with qsdb.Database(outer) as db:
        with db.optimistic() as tx:
            tx.auth.session.insert(Session(Identity.ZERO))
            found = tx.auth.sql("SELECT * FROM session")

            assert found.rows == [Session(Identity.ZERO)]
        assert len(db.read().auth.session) == 1


# In an event loop.


def test_it_waits_in_an_event_loop(db: qsdb.Database) -> None:
    async def raise_by(amount: int) -> None:
        async with db.optimistic() as tx:
            row = tx[Item].get(1)
            assert row is not None
            await asyncio.sleep(0)
            tx[Item].update(row.replace(price=row.price + amount))

    async def both() -> list[object]:
        waiting = (raise_by(1), raise_by(2))
        return [*await asyncio.gather(*waiting, return_exceptions=True)]

    assert [type(each) for each in asyncio.run(both())] == [
        type(None),
        qsdb.ConflictError,
    ]
    assert price_of(db, 1) == 1


def test_an_exception_in_an_event_loop(db: qsdb.Database) -> None:
    async def fail() -> None:
        async with db.optimistic() as tx:
            tx[Item].clear()
            raise ZeroDivisionError

    async def end_inside() -> None:
        async with db.optimistic() as tx:
            tx[Tag].insert(Tag("a"))
            await tx.commit_async()

    with pytest.raises(ZeroDivisionError):
        asyncio.run(fail())
    asyncio.run(end_inside())

    assert len(db.read()[Item]) == 4
    assert Tag("a") in db.read()[Tag]


class Block:
    """A block of another thread, which has the writer lock until it is let go."""

    def __init__(self, db: qsdb.Database) -> None:
        self.go = threading.Event()
        self._entered = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(db,))
        self._thread.start()
        self._entered.wait()

    def _run(self, db: qsdb.Database) -> None:
        with db.write() as tx:
            tx[Tag].insert(Tag("of the block"))
            self._entered.set()
            self.go.wait(60)

    def end(self) -> None:
        self.go.set()
        self._thread.join()


@pytest.fixture
def block(db: qsdb.Database) -> Iterator[Block]:
    block = Block(db)
    yield block
    block.end()


def test_the_event_loop_goes_on_while_others_write(
    db: qsdb.Database, block: Block
) -> None:
    async def write() -> int:
        async with db.optimistic() as tx:
            tx[Tag].insert(Tag("a"))
        return db.offset

    async def both() -> tuple[bool, int]:
        writing = asyncio.create_task(write())
        for _ in range(20):
            await asyncio.sleep(0.005)
        was_done = writing.done()
        block.go.set()
        return was_done, await writing

    before = db.offset

    assert asyncio.run(both()) == (False, before + 2)
    assert {each.word for each in db.read()[Tag]} == {"a", "old", "of the block"}
    db.check()


def test_what_is_not_its_turn_may_conflict(db: qsdb.Database, block: Block) -> None:
    async def write() -> None:
        async with db.optimistic() as tx:
            tx[Tag].insert(Tag(f"a tag after {len(tx[Tag])}"))

    async def both() -> list[object]:
        writing = asyncio.create_task(write())
        await asyncio.sleep(0.02)
        block.go.set()
        return [*await asyncio.gather(writing, return_exceptions=True)]

    [outcome] = asyncio.run(both())

    assert isinstance(outcome, qsdb.ConflictError)
    assert db.stats().conflicts == 1


def test_who_is_cancelled_before_its_turn_has_done_nothing(
    db: qsdb.Database, block: Block
) -> None:
    complaints: list[object] = []

    async def write(tx: Any) -> None:
        tx[Tag].insert(Tag("a"))
        tx[Item].clear()
        await tx.commit_async()

    async def cancel(tx: Any) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, what: complaints.append(what))
        writing = asyncio.create_task(write(tx))
        await asyncio.sleep(0.02)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        with pytest.raises(qsdb.ClosedError):
            tx[Tag].insert(Tag("b"))
        with pytest.raises(qsdb.ClosedError):
            await tx.commit_async()
        block.end()
        await asyncio.sleep(0.02)

    asyncio.run(cancel(db.optimistic()))

    assert complaints == []
    assert {each.word for each in db.read()[Tag]} == {"old", "of the block"}
    assert len(db.read()[Item]) == 4
    db.check()


def test_inside_a_block_there_is_no_turn_to_wait_for(db: qsdb.Database) -> None:
    async def write() -> None:
        tx = db.optimistic()
        tx[Tag].insert(Tag("a"))
        with db.write() as block:
            block[Tag].insert(Tag("of the block"))
            with pytest.raises(qsdb.UsageError, match="inside a write transaction"):
                await tx.commit_async()
        await tx.commit_async()

    asyncio.run(write())

    assert {each.word for each in db.read()[Tag]} == {"a", "old", "of the block"}


@pytest.mark.usefixtures("block")
def test_what_is_rolled_back_before_its_turn(db: qsdb.Database) -> None:
    async def write() -> object:
        tx = db.optimistic()
        tx[Tag].insert(Tag("a"))
        writing = asyncio.gather(
            tx.commit_async(), tx.commit_async(), return_exceptions=True
        )
        await asyncio.sleep(0.02)
        tx.rollback()
        return await writing

    outcomes = asyncio.run(write())

    assert [type(each) for each in outcomes] == [qsdb.ClosedError] * 2  # type: ignore[attr-defined]


def test_who_has_written_nothing_waits_for_nobody(
    db: qsdb.Database, block: Block
) -> None:
    async def read() -> tuple[int, int]:
        async with db.optimistic() as tx:
            return len(tx[Item]), tx.offset

    assert asyncio.run(read()) == (4, db.offset)
    assert not block.go.is_set()


def test_whose_turn_does_not_come_waits_in_line(
    db: qsdb.Database, block: Block, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    async def pause(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 200:
            block.go.set()

    monkeypatch.setattr("qsdb.runtime.optimistic.pause", pause)

    async def write() -> None:
        async with db.optimistic() as tx:
            tx[Tag].insert(Tag("a"))

    asyncio.run(write())

    assert (looks[0], max(looks), len(looks)) == (0, 0.01, 200)
    assert {each.word for each in db.read()[Tag]} == {"a", "old", "of the block"}


def test_a_database_that_is_closed_before_its_turn(
    db: qsdb.Database, block: Block
) -> None:
    async def close() -> list[object]:
        tx = db.optimistic()
        tx[Tag].insert(Tag("a"))
        closing = threading.Thread(target=db.close)
        closing.start()
        writing = asyncio.gather(tx.commit_async(), return_exceptions=True)
        await asyncio.sleep(0.02)
        block.end()
        closing.join()
        return [*await writing]

    [outcome] = asyncio.run(close())

    assert isinstance(outcome, qsdb.ClosedError)


@pytest.mark.parametrize("durability", ["always", "interval", "os"])
def test_the_disk_is_awaited(tmp_path: Path, durability: str) -> None:
    with qsdb.Database(shop, tmp_path, durability=durability) as db:

        async def write() -> int:
            async with db.optimistic() as tx:
                tx[Tag].insert(Tag("a"))
            return db.durable_offset

        assert asyncio.run(write()) == 2 or durability != "always"
