"""Rows 66 to 72: generated columns."""

from collections.abc import Iterator

import pytest

import qsdb
from qsdb import Row, i64, u8, u32
from qsdb.testing import SimulatedDirectory, database

module = qsdb.Module("queue")


class Ticket(Row, module=module):
    id: u32 = qsdb.primary_key(auto_inc=True)
    place: i64 = qsdb.auto_inc()
    name: str


class Small(Row, module=module):
    id: u8 = qsdb.primary_key(auto_inc=True)


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with database(module) as opened:
        yield opened


def test_row_066_nothing_or_0_is_the_next_value(db: qsdb.Database) -> None:
    with db.write() as tx:
        assert tx[Ticket].insert(Ticket("a")).id == 1
        assert tx[Ticket].insert(Ticket("b").replace(id=0)).id == 2
    db.sql("INSERT INTO ticket (name) VALUES ('c')")
    db.sql("INSERT INTO ticket VALUES (0, 0, 'd')")
    assert [row.id for row in db.sql("SELECT * FROM ticket")] == [1, 2, 3, 4]


def test_row_067_an_explicit_value_moves_the_sequence_on(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Ticket].insert(Ticket("a").replace(id=7))

        assert tx[Ticket].insert(Ticket("b")).id == 8
        assert tx[Ticket].insert(Ticket("c").replace(id=3)).id == 3
        assert tx[Ticket].insert(Ticket("d")).id == 9


def test_row_068_a_sequence_that_has_ended_is_an_error(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Small].insert(Small().replace(id=255))
        with pytest.raises(qsdb.LimitError, match=r"table small, column id.*255"):
            tx[Small].insert(Small())
        assert len(tx[Small]) == 1


def test_row_069_a_rollback_leaves_no_gap(db: qsdb.Database) -> None:
    with pytest.raises(RuntimeError), db.write() as tx:
        assert tx[Ticket].insert(Ticket("a")).id == 1
        raise RuntimeError
    with db.write() as tx:
        with pytest.raises(RuntimeError), tx.savepoint():
            tx[Ticket].insert(Ticket("b"))
            raise RuntimeError
        assert tx[Ticket].insert(Ticket("c")).id == 1


def test_row_070_a_sequence_goes_on_after_a_restart() -> None:
    files = SimulatedDirectory()
    for expected in (1, 2):
        with database(module, files) as db:
            with db.write() as tx:
                assert tx[Ticket].insert(Ticket("a")).id == expected
            with db.write() as tx:
                tx[Ticket].clear()


def test_row_071_a_table_has_several_sequences(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Ticket].insert(Ticket("a").replace(place=10))

        assert tx[Ticket].insert(Ticket("b")) == Ticket("b").replace(id=2, place=11)


def test_row_072_a_generated_column_need_not_be_unique(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Ticket].insert(Ticket("a").replace(place=5))
        tx[Ticket].insert(Ticket("b").replace(place=5))

        assert [row.place for row in tx[Ticket]] == [5, 5]
