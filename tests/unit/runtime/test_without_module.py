"""Databases that are read without the module that made them."""

from typing import Any

import pytest

import qsdb
from qsdb import u64
from qsdb.testing import SimulatedDirectory
from tests.unit.runtime.ledger import (
    NOON,
    Entry,
    close_account,
    contents,
    open_account,
    open_bank,
    transfer,
    written_bank,
)


def read_stored(disk: SimulatedDirectory, **arguments: Any) -> qsdb.Database:
    return qsdb.Database(None, disk, read_only=True, **arguments)


def one(row: Any) -> Any:
    """Give a row that is there: its class is known to nobody."""
    assert row is not None
    return row


def test_tables_are_reached_by_name() -> None:
    disk, db = written_bank()

    with read_stored(disk) as reading, reading.read() as tx:
        assert len(tx.account) == len(tx.table("account")) == 3
        row = one(tx.account.get(2))
        assert (row.id, row.owner, row.balance) == (2, "ann", 6)
        assert row == tx.table("account").get(2)
        assert row._fields == ("id", "owner", "balance", "state")
        assert row._asdict()["balance"] == 6
        assert row.state.name == "OPEN"
        assert repr(row) == "account(id=2, owner='ann', balance=6, state=State.OPEN)"
        assert row in tx.account
        (audit,) = tx.audit
        assert (audit.who, audit.at) == (db.owner, NOON)
        assert tx.audit.get(db.owner, NOON) == audit


def test_indexes_are_there() -> None:
    disk, _ = written_bank()

    with read_stored(disk) as reading, reading.read() as tx:
        accounts = tx.account
        assert one(accounts.owner.find("bob")).id == 3
        assert [row.id for row in accounts.balance.range(0, 100)] == [3, 2]
        open_state = one(accounts.get(1)).state
        assert accounts.state.count(open_state) == 3
        assert [*accounts.state.filter(open_state)] == [*accounts]
        assert [*tx.entry.account_text.filter(2)] == [(2, "-4")]
        assert tx.entry.index("account_text").count(3) == 1


def test_rows_equal_the_tuples_of_what_users_see() -> None:
    disk, db = written_bank()

    with read_stored(disk) as reading:
        found = contents(reading)
    for name in ("entry", "audit"):
        assert found[name] == contents(db)[name]
    plain = [(*row[:3],) for row in contents(db)["account"]]
    assert [row[:3] for row in found["account"]] == plain


def test_the_database_says_what_it_is() -> None:
    disk, db = written_bank()

    with read_stored(disk) as reading:
        assert (reading.owner, reading.identity) == (db.owner, db.identity)
        assert reading.stats().module == "bank"
        assert repr(reading) == "<Database bank at offset 4>"
        reading.check()
        with reading.read() as tx, pytest.raises(qsdb.NotFoundError, match="account"):
            tx[Entry]


def test_it_follows_its_writer() -> None:
    disk, db = written_bank()

    with read_stored(disk) as reading, reading.read() as before:
        db.call(transfer, 1, 2, 5)
        db.call(close_account, 3)
        assert reading.refresh() == 6
        with reading.read() as tx:
            assert [(row.id, row.balance) for row in tx.account] == [(1, 995), (2, 11)]
        assert [row.balance for row in before.account] == [1000, 6, 4]
        reading.check()


def test_a_backup_opens_with_the_module() -> None:
    disk, db = written_bank()
    copy = SimulatedDirectory()

    with read_stored(disk) as reading:
        assert reading.backup(copy) == 4

    with open_bank(copy) as again:
        assert contents(again) == contents(db)
        assert again.call(open_account, "cyd") == 4


def test_a_module_without_tables_is_one_too() -> None:
    disk = SimulatedDirectory()
    empty = qsdb.Module("empty")
    with qsdb.Database(empty, disk):
        pass

    with read_stored(disk) as reading, reading.read() as tx:
        assert reading.stats().rows == {}
        with pytest.raises(qsdb.NotFoundError):
            tx.table("account")


def test_tables_of_any_name_are_shown() -> None:
    disk = SimulatedDirectory()
    odd = qsdb.Module("odd")

    class Row(qsdb.Row, module=odd, name="a\0'; b"):
        n: u64 = qsdb.column(name="the n")

    with qsdb.Database(odd, disk) as db, db.write() as tx:
        tx[Row].insert(Row(1))

    with read_stored(disk) as reading, reading.read() as stored:
        assert [*stored.table("a\0'; b")] == [(1,)]
