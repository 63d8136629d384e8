"""The generated operations: one table of every sort of key, and what is refused."""

import enum
import math
from collections.abc import Iterator
from typing import Any

import pytest

import qsdb
from qsdb import Identity, u8

shop = qsdb.Module("shop")

ANN, BOB = (Identity.from_claims("shop", name) for name in ("ann", "bob"))


class Colour(enum.Enum):
    RED = "r"
    BLUE = "b"


class Stock(qsdb.Row, module=shop, primary_key=("owner", "colour")):
    owner: Identity
    colour: Colour
    count: int = 0


class Level(qsdb.Row, module=shop, indexes=[qsdb.BTree("name")]):
    height: float = qsdb.primary_key()
    name: str = qsdb.unique()


class Ticket(qsdb.Row, module=shop):
    number: u8 = qsdb.primary_key(auto_inc=True)
    serial: u8 = qsdb.auto_inc()
    name: str | None = qsdb.unique(default=None)


class Part(qsdb.Row, module=shop, primary_key=("owner", "number")):
    number: u8 = qsdb.auto_inc()
    owner: str
    name: str = qsdb.unique()


class Tag(qsdb.Row, module=shop):
    word: str


@pytest.fixture
def tx() -> Iterator[Any]:
    with qsdb.Database(shop) as db:
        with db.write() as transaction:
            yield transaction
        db.check()


def test_a_composite_key_of_wrapped_values(tx: Any) -> None:
    row = tx[Stock].insert(Stock(ANN, Colour.BLUE, 5))

    assert tx[Stock].get(ANN, Colour.BLUE) == row
    assert tx[Stock].get(BOB, Colour.BLUE) is None
    assert tx[Stock].owner_colour.find(ANN, Colour.BLUE) == row
    assert tx[Stock].update(row.replace(count=6)).count == 6
    assert tx[Stock].upsert(row.replace(colour=Colour.RED)).count == 5
    assert tx[Stock].delete_by_key(ANN, Colour.RED)
    assert not tx[Stock].delete_by_key(ANN, Colour.RED)
    with pytest.raises(qsdb.UniqueError, match="columns owner, colour"):
        tx[Stock].insert(row)
    with pytest.raises(qsdb.KindError, match="column owner"):
        tx[Stock].get(bytes(32), Colour.RED)
    with pytest.raises(qsdb.KindError, match="column colour"):
        tx[Stock].delete_by_key(ANN, "b")
    with pytest.raises(qsdb.UsageError, match="1 values were given"):
        tx[Stock].get(ANN)


@pytest.mark.parametrize("height", [0.0, -1.5, math.nan, math.inf])
def test_a_float_may_be_a_key(tx: Any, height: float) -> None:
    levels = tx[Level]
    levels.insert(Level(height, "a"))
    levels.insert(Level(100.0, "b"))

    assert levels.get(height).name == "a"
    assert levels.update(Level(height, "c")) in levels
    assert [row.name for row in levels.name.range()] == ["b", "c"]
    assert levels.name.update(Level(height, "c")) == levels.get(height)
    with pytest.raises(qsdb.UniqueError):
        levels.insert(Level(height, "d"))
    with pytest.raises(qsdb.UniqueError):
        levels.update(Level(height, "b"))
    assert levels.delete_by_key(height)
    assert levels.name.find("c") is None


def test_zeros_and_ints_are_floats_alike(tx: Any) -> None:
    tx[Level].insert(Level(-0.0, "zero"))

    assert tx[Level].get(0).name == "zero"
    assert repr(tx[Level].get(-0.0).height) == "0.0"
    with pytest.raises(qsdb.UniqueError):
        tx[Level].insert(Level(0, "again"))


def test_rows_of_another_class_are_refused(tx: Any) -> None:
    tickets = tx[Ticket]
    for write in (tickets.insert, tickets.update, tickets.upsert, tickets.delete):
        for wrong in (Tag("a"), ("a",), None):
            with pytest.raises(qsdb.KindError, match="a Ticket row"):
                write(wrong)
    with pytest.raises(qsdb.KindError, match="a Ticket row"):
        tickets.insert_many([Ticket(), Tag("a")])
    with pytest.raises(qsdb.KindError, match="a Ticket row"):
        tickets.name.update(Tag("a"))

    assert len(tickets) == 0


def test_two_sequences_in_one_table(tx: Any) -> None:
    tickets = tx[Ticket]
    first = tickets.insert(Ticket())
    assert (first.number, first.serial) == (1, 1)
    assert tickets.update(first.replace(serial=0)).serial == 0
    assert tickets.insert_many([Ticket(), Ticket().replace(serial=250), Ticket()]) == 3

    assert sorted((row.number, row.serial) for row in tickets) == [
        (1, 0),
        (2, 2),
        (3, 250),
        (4, 251),
    ]
    with pytest.raises(qsdb.LimitError, match=r"column serial: .* end, 255"):
        tickets.insert_many([Ticket() for _ in range(9)])
    assert len(tickets) == 4
    assert tickets.insert(Ticket()).number == 5


def test_upsert_updates_or_inserts(tx: Any) -> None:
    ticket = tx[Ticket].upsert(Ticket(name="a"))
    assert (ticket.number, ticket.serial) == (1, 1)
    assert tx[Ticket].upsert(ticket.replace(name="b")).name == "b"

    assert len(tx[Ticket]) == 1
    with pytest.raises(qsdb.NotFoundError, match="no row with number 9"):
        tx[Ticket].update(ticket.replace(number=9))


@pytest.mark.parametrize("begin", ["write", "optimistic"])
def test_a_key_that_no_row_could_have_is_refused_as_such(begin: str) -> None:
    with qsdb.Database(shop) as db, getattr(db, begin)() as tx:
        tx[Ticket].insert(Ticket(name="a"))
        tx[Part].insert(Part(owner="ann", name="a"))
        for wrong in (-1, 256, True, 1.0, 1 << 30, -(1 << 70)):
            for write in (tx[Ticket].update, tx[Ticket].upsert):
                with pytest.raises(qsdb.KindError, match=r"column number: .* 255"):
                    write(Ticket(name="b").replace(number=wrong))
            with pytest.raises(qsdb.KindError, match=r"column number: .* 255"):
                tx[Part].update(Part(owner="ann", name="b").replace(number=wrong))
        with pytest.raises(qsdb.KindError, match=r"column owner: .* a str"):
            tx[Part].update(Part(owner="\udfff", name="b").replace(number=1))
        with pytest.raises(qsdb.NotFoundError, match="no row with owner, number"):
            tx[Part].update(Part(owner="bob", name="b").replace(number=1))

        assert [row.name for row in tx[Ticket]] == ["a"]
        assert [row.name for row in tx[Part]] == ["a"]


def put_row_0(tickets: Any, row: tuple[object, ...]) -> None:
    """Store a row whose generated key is 0, which no operation would."""
    tickets._pre[0] = None
    tickets._rows[0] = row
    for index in tickets._stored.indexes:
        index.add(row)


def test_upsert_takes_0_for_the_next_key_though_a_row_has_it(tx: Any) -> None:
    tickets = tx[Ticket]
    put_row_0(tickets, (0, 0, "zero"))
    assert tickets.upsert(Ticket(name="a")).number == 1
    assert tickets.upsert(Ticket(name="b")).number == 2
    with pytest.raises(qsdb.UniqueError, match="column name"):
        tickets.upsert(Ticket(name="zero"))

    assert sorted((row.number, row.name) for row in tickets) == [
        (0, "zero"),
        (1, "a"),
        (2, "b"),
    ]
    assert tickets.update(Ticket(name="null")).number == 0


def test_an_update_by_a_unique_column_keeps_a_generated_key(tx: Any) -> None:
    tickets = tx[Ticket]
    for name in ("a", "b"):
        tickets.insert(Ticket(name=name))
    row = tickets.name.update(Ticket(name="b"))
    assert (row.number, row.serial) == (2, 0)
    assert tickets.get(2) == row
    moved = Ticket(name="a").replace(number=9, serial=7)
    assert tickets.name.update(moved) == moved
    put_row_0(tickets, (0, 0, "zero"))
    assert tickets.name.update(Ticket(name="zero").replace(serial=5)).number == 0

    assert sorted(row.number for row in tickets) == [0, 2, 9]
    assert tickets.insert(Ticket()).number == 10


def test_a_generated_part_of_a_key_is_kept_too(tx: Any) -> None:
    parts = tx[Part]
    first = parts.insert(Part("a", "x"))
    assert parts.upsert(Part("a", "y")).number == 2

    assert parts.name.update(Part("a", "x")) == first
    assert parts.name.update(Part("b", "x")).number == 1
    assert sorted((row.number, row.owner) for row in parts) == [(1, "b"), (2, "a")]


def test_what_yields_no_rows_is_a_wrong_argument(tx: Any) -> None:
    for wrong in (None, 5, Ticket):
        with pytest.raises(qsdb.ArgumentError) as caught:
            tx[Ticket].insert_many(wrong)
        assert str(caught.value).startswith("table ticket: insert_many takes rows, not")
        assert caught.value.__suppress_context__

    class Broken:
        def __iter__(self) -> Iterator[Ticket]:
            raise TypeError("the user's own")

    with pytest.raises(TypeError, match="the user's own"):
        tx[Ticket].insert_many(Broken())
    assert len(tx[Ticket]) == 0


def test_a_table_without_a_key_is_a_set_of_rows(tx: Any) -> None:
    tags = tx[Tag]
    assert tags.insert(Tag("a")) == tags.insert(Tag("a"))
    assert tags.insert_many([Tag("a"), Tag("b"), Tag("b")]) == 1

    assert sorted(row.word for row in tags) == ["a", "b"]
    assert tags.delete(Tag("a"))
    assert not tags.delete(Tag("a"))
    assert tags.clear() == 1


def test_a_batch_is_all_or_none(tx: Any) -> None:
    tickets = tx[Ticket]
    tickets.insert(Ticket(name="a"))
    for batch, columns in (
        ([Ticket(name="b"), Ticket(name="a")], ("name",)),
        ([Ticket(name="b"), Ticket(name="b")], ("name",)),
        ([Ticket(name="b"), Ticket(name="c").replace(number=1)], ("number",)),
        ([Ticket().replace(number=7), Ticket(name="c").replace(number=7)], ("number",)),
    ):
        with pytest.raises(qsdb.UniqueError) as taken:
            tickets.insert_many(batch)
        assert taken.value.columns == columns
        assert [row.name for row in tickets] == ["a"]
    (row,) = tickets
    assert tickets.insert_many([row, Ticket(), Ticket()]) == 2


def test_the_row_that_comes_back_is_canonical(tx: Any) -> None:
    row = tx[Level].insert(Level(3, "a"))

    assert type(row.height) is float
    assert repr(tx[Level].update(Level(3, "b"))) == "Level(height=3.0, name='b')"
    assert tx[Level].delete(Level(3, "b"))
