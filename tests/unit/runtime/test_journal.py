"""What a transaction did becomes the right record of the log."""

from collections.abc import Iterator
from typing import Any

import pytest

import qsdb
from qsdb import Identity, ReducerContext, u8, u64
from qsdb.codec.bsatn import decoder
from qsdb.log.records import TableReader
from qsdb.log.writing import LogWriter
from qsdb.recovery.state import row_kind
from qsdb.runtime.journal import DiskJournal
from qsdb.runtime.storage import Storage
from qsdb.schema.catalogue import parameters_kind
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.unit.runtime.ledger import NOON, QUIET
from tests.unit.runtime.logged import records_of

module = qsdb.Module("journalled")


class Thing(qsdb.Row, module=module):
    id: u64 = qsdb.primary_key(auto_inc=True)
    name: str
    serial: u8 = qsdb.auto_inc()


class Bag(qsdb.Row, module=module):
    text: str


class Pair(qsdb.Row, module=module, primary_key=("a", "b")):
    a: u8
    b: str


@module.init
def init(ctx: ReducerContext) -> None:
    ctx.db[Bag].insert(Bag("init"))


@module.reducer
def add(ctx: ReducerContext, name: str, whose: Identity, count: u8 = 1) -> None:
    for _ in range(count):
        ctx.db[Thing].insert(Thing(f"{name} {whose.to_hex()[:2]}"))


@module.reducer
def note(ctx: ReducerContext, text: str) -> None:
    ctx.db[Bag].insert(Bag(text))


@pytest.fixture
def disk() -> SimulatedDirectory:
    return SimulatedDirectory()


@pytest.fixture
def db(disk: SimulatedDirectory) -> Iterator[qsdb.Database]:
    made = qsdb.Database(
        module,
        disk,
        durability="always",
        clock=FakeClock(NOON),
        seed=1,
        options=QUIET,
    )
    yield made
    made.close()


def reader_of(row_class: type[Any]) -> TableReader:
    tables = module.compiled().tables
    (number,) = [n for n, each in enumerate(tables) if each.row_class is row_class]
    schema = tables[number].schema
    return TableReader(4096 + number, row_kind(schema), schema.primary_key)


def test_the_first_record_describes_the_tables_and_holds_what_init_did(
    disk: SimulatedDirectory, db: qsdb.Database
) -> None:
    (record,) = records_of(disk, db)

    assert record.microseconds == NOON.micros
    ids = [section.table_id for section in record.sections]
    assert ids == sorted(ids)
    assert ids[0] == 1
    assert ids[-1] == reader_of(Bag).table_id
    rows, removed = reader_of(Bag).rows(record, record.sections[-1])
    assert (rows, removed) == ([("init",)], [])
    assert record.call is not None
    assert (record.call.reducer, record.call.arguments) == ("init", b"")


def test_a_call_is_noted_with_all_that_repeats_it(
    disk: SimulatedDirectory, db: qsdb.Database
) -> None:
    caller = Identity.from_hex("ab" * 32)
    db.caller(caller).call(add, "x", whose=caller, count=2)

    call = records_of(disk, db)[-1].call

    assert call is not None
    assert (call.reducer, call.caller) == ("add", caller.stored)
    assert call.connection == bytes(16)
    assert call.state == db._calls.seeds.state_of_call(2)
    kind = parameters_kind(module.compiled().reducers["add"])
    assert decoder(kind)(call.arguments) == ("x", caller.stored, 2)


def test_plain_arguments_are_noted_too(
    disk: SimulatedDirectory, db: qsdb.Database
) -> None:
    db.call(note, "é")

    call = records_of(disk, db)[-1].call

    assert call is not None
    kind = parameters_kind(module.compiled().reducers["note"])
    assert decoder(kind)(call.arguments) == ("é",)


def test_a_block_is_noted_without_a_call(
    disk: SimulatedDirectory, db: qsdb.Database
) -> None:
    with db.write() as tx:
        tx[Bag].insert(Bag("x"))

    record = records_of(disk, db)[-1]

    assert (record.call, record.microseconds) == (None, NOON.micros)


def test_rows_come_by_tables_and_sequences_at_the_end(
    disk: SimulatedDirectory, db: qsdb.Database
) -> None:
    with db.write() as tx:
        tx[Pair].insert(Pair(1, "a"))
        tx[Bag].insert(Bag("x"))
        tx[Bag].delete(Bag("init"))
        tx[Thing].insert(Thing("t"))

    record = records_of(disk, db)[-1]

    things, bags, pairs = reader_of(Thing), reader_of(Bag), reader_of(Pair)
    assert [(each.table_id, each.sequences) for each in record.sections] == [
        (things.table_id, ()),
        (bags.table_id, ()),
        (pairs.table_id, ()),
        (things.table_id, ((0, 2), (1, 2))),
    ]
    found = [
        codec.rows(record, section)
        for codec, section in zip((things, bags, pairs), record.sections, strict=False)
    ]
    assert found == [
        ([(1, "t", 1)], []),
        ([("x",)], [("init",)]),
        ([(1, "a")], []),
    ]


def test_only_sequences_that_moved_are_noted(
    disk: SimulatedDirectory, db: qsdb.Database
) -> None:
    with db.write() as tx:
        tx[Thing].insert(Thing("t").replace(id=70, serial=0))
    with db.write() as tx:
        tx[Thing].insert(Thing("u").replace(id=5))

    first, second = records_of(disk, db)[-2:]

    assert first.sections[-1].sequences == ((0, 71), (1, 2))
    assert second.sections[-1].sequences == ((1, 3),)


def test_only_rows_that_are_different_are_noted(
    disk: SimulatedDirectory, db: qsdb.Database
) -> None:
    with db.write() as tx:
        tx[Pair].insert(Pair(1, "a"))
        tx[Pair].insert(Pair(2, "b"))
    with db.write() as tx:
        tx[Pair].delete_by_key(1, "a")
        tx[Pair].delete_by_key(2, "b")
        tx[Pair].insert(Pair(2, "b"))
        tx[Bag].insert(Bag("gone"))
        tx[Bag].delete(Bag("gone"))

    record = records_of(disk, db)[-1]

    (section,) = record.sections
    assert reader_of(Pair).rows(record, section) == ([], [(1, "a")])


def test_what_changed_nothing_is_not_noted(
    disk: SimulatedDirectory, db: qsdb.Database
) -> None:
    with db.write() as tx:
        tx[Bag].insert(Bag("gone"))
        tx[Bag].delete(Bag("gone"))
    with pytest.raises(ValueError, match="no"), db.write() as tx:
        tx[Bag].insert(Bag("no"))
        raise ValueError("no")

    assert len(records_of(disk, db)) == db.offset == 1


def test_a_journal_says_what_it_was_told_of(db: qsdb.Database) -> None:
    storage, journal = db._storage, db._writer.journal
    assert isinstance(storage, Storage)
    assert isinstance(storage.log, LogWriter)
    assert isinstance(journal, DiskJournal)

    assert journal.told_offset == 1
    db.call(note, "a")
    assert journal.told_offset == 2


def test_a_transaction_that_the_log_refuses_is_undone(db: qsdb.Database) -> None:
    storage = db._storage
    assert isinstance(storage, Storage)
    storage.log.fail("it was told to")

    with pytest.raises(qsdb.FailedError, match="it was told to"):
        db.call(note, "a")
    assert db.offset == 1
    db.check()
