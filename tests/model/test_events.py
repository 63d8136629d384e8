"""Rows 73 to 76: event tables, whose rows are told and never stored."""

from collections.abc import Iterator
from typing import Any

import pytest

import qsdb
from qsdb import Row, u8
from qsdb.testing import SimulatedDirectory, database

module = qsdb.Module("arena")


class Hit(Row, module=module, public=True, event=True):
    id: u8 = qsdb.primary_key(auto_inc=True)
    who: str = qsdb.unique()
    damage: u8 = qsdb.index(default=1)


class Player(Row, module=module, public=True):
    name: str = qsdb.primary_key()
    team: str


@module.reducer
def hit(ctx: qsdb.ReducerContext, who: str) -> None:
    ctx.db[Hit].insert(Hit(who))
    if not who:
        raise qsdb.ReducerError("missed")


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with database(module) as opened:
        yield opened


def test_row_073_rows_are_told_with_the_commit_and_never_stored() -> None:
    files = SimulatedDirectory()
    with database(module, files) as db:
        told: list[qsdb.Update] = []
        db.subscribe("SELECT * FROM hit", told.append)
        with db.write() as tx:
            row = tx[Hit].insert(Hit("a"))
            assert list(tx[Hit]) == [row]
            assert told == []

        assert [each.inserts for each in told] == [[row]]
        with pytest.raises(qsdb.ReducerError):
            db.call(hit, "")
        assert len(told) == 1
        with db.read() as tx:
            assert list(tx[Hit]) == []
        assert db.offset == 2  # it is a commit, and so in the log
    with database(module, files) as db:
        assert (db.offset, db.sql("SELECT * FROM hit").rows) == (2, [])


def test_row_074_keys_hold_within_the_transaction(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Hit].insert(Hit("a", 5))
        with pytest.raises(qsdb.UniqueError):
            tx[Hit].insert(Hit("a", 6))
        assert tx[Hit].who.find("a") == next(tx[Hit].damage.filter(5))
    with db.write() as tx:
        assert tx[Hit].who.find("a") is None
        assert tx[Hit].insert(Hit("a", 6)).id == 2


def test_row_075_a_client_hears_of_an_insert_and_has_no_row(db: qsdb.Database) -> None:
    heard: list[tuple[str, str]] = []

    def hear(name: str) -> Any:
        return lambda _, *rows: heard.append((name, rows[0].who))

    with db.connect() as client:
        client.db[Hit].on_insert(hear("insert"))
        client.db[Hit].on_update(hear("update"))
        client.db[Hit].on_delete(hear("delete"))
        client.subscribe("SELECT * FROM hit")
        client.reducers.hit("a")
        client.reducers.hit("a")

        assert heard == [("insert", "a"), ("insert", "a")]
        assert len(client.db[Hit]) == 0
        assert list(client.db[Hit]) == []


def test_row_076_events_are_joined_with_tables(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx[Player].insert_many([Player("a", "red"), Player("b", "blue")])
    told: list[qsdb.Update] = []
    db.subscribe(
        "SELECT h.* FROM player p JOIN hit h ON h.who = p.name WHERE p.team = 'red'",
        told.append,
    )
    db.call(hit, "a")
    db.call(hit, "b")

    assert [[row.who for row in each.inserts] for each in told] == [["a"]]
