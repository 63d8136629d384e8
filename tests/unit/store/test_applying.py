"""A replica comes to what the transaction came to, and is cut off like one."""

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import cast

import pytest

import qsdb
from qsdb import u8, u64
from qsdb.log.records import RecordError, TableReader, read_record, replay
from qsdb.log.writing import LogWriter
from qsdb.recovery.state import row_kind
from qsdb.runtime.blocks import WriteBlock
from qsdb.runtime.journal import DiskJournal
from qsdb.runtime.module_tables import new_tables
from qsdb.runtime.writer import Writer
from qsdb.store.applying import Replica, ReplicaTable
from qsdb.store.directory import Directory
from qsdb.testing import FakeClock

module = qsdb.Module("replicated")


class Thing(qsdb.Row, module=module, indexes=[qsdb.BTree("kind", "size")]):
    id: u64 = qsdb.primary_key(auto_inc=True)
    name: str = qsdb.unique()
    kind: u8 = qsdb.index("hash")
    size: float = 0.0


def thing(number: int, name: str, kind: int, size: float = 0.0) -> Thing:
    return Thing(name, kind, size).replace(id=number)


class Plain(qsdb.Row, module=module):
    id: u64 = qsdb.primary_key()
    text: str


class Bag(qsdb.Row, module=module):
    a: u8
    b: str


class RecordingLog:
    """Takes records as a log does, and keeps them."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.appended_offset = 0

    def append(self, record: bytes) -> None:
        self.records.append(record)
        self.appended_offset += 1


class Pair:
    """A writer, and a replica of what it writes."""

    def __init__(self) -> None:
        schema, self.log = module.compiled(), RecordingLog()
        tables = new_tables(schema)
        self.source = Directory(tables)
        self.writer = Writer(self.source, FakeClock())
        log = cast(LogWriter, self.log)
        self.writer.journal = DiskJournal(log, schema)
        self.target = Directory(new_tables(schema))
        readers = {
            table.table_id: TableReader(
                table.table_id,
                row_kind(table.bound.schema),
                table.bound.schema.primary_key,
            )
            for table in tables
        }
        self.replica = Replica(
            self.target.store,
            {n: (each.read_row, each.read_key) for n, each in readers.items()},
        )

    def write(self) -> WriteBlock:
        return WriteBlock(self.writer)

    def follow(self) -> None:
        """Apply what was not applied yet."""
        for record in self.log.records[self.target.store.offset :]:
            self.replica.apply(functools.partial(replay, record))

    def check(self) -> None:
        """Verify that both are the same, indexes and sequences too."""
        self.target.store.check()
        assert self.target.store.offset == self.source.store.offset
        for one, other in zip(
            self.source.store.tables, self.target.store.tables, strict=True
        ):
            assert repr(sorted(one.rows.items())) == repr(sorted(other.rows.items()))
            assert one.sequences == other.sequences == [*other.settled_sequences]


@pytest.fixture
def pair() -> Iterator[Pair]:
    made = Pair()
    with made.write() as tx:
        for number in range(4):
            tx[Thing].insert(Thing(f"t{number}", kind=number % 2))
            tx[Plain].insert(Plain(number, "p"))
            tx[Bag].insert(Bag(number, "b"))
    made.follow()
    made.check()
    yield made
    made.follow()
    made.check()


def names(tx: qsdb.Transaction) -> list[str]:
    return sorted(row.name for row in tx[Thing])


def test_inserts_updates_and_deletes_are_repeated(pair: Pair) -> None:
    with pair.write() as tx:
        tx[Thing].insert(Thing("new", 7, 1.5))
        tx[Thing].update(thing(1, "t0", 1, -2.0))
        tx[Thing].delete_by_key(2)
        tx[Plain].upsert(Plain(1, "q"))
        tx[Plain].delete_by_key(2)
        tx[Bag].delete(Bag(0, "b"))
        tx[Bag].insert(Bag(9, ""))

    pair.follow()

    with pair.target.read() as reading:
        assert names(reading) == ["new", "t0", "t2", "t3"]
        assert [row.name for row in reading[Thing].kind.filter(1)] == ["t3", "t0"]
        assert [row.id for row in reading[Thing].kind_size.range()] == [3, 1, 4, 5]


def test_unique_values_may_be_exchanged(pair: Pair) -> None:
    with pair.write() as tx:
        tx[Thing].update(thing(1, "spare", 0))
        tx[Thing].update(thing(2, "t0", 1))
        tx[Thing].update(thing(1, "t1", 0))
        tx[Thing].delete_by_key(3)
        tx[Thing].insert(Thing("t2", 3))

    pair.follow()

    with pair.target.read() as reading:
        found = [reading[Thing].name.find(each) for each in ("t0", "t1", "t2")]
        assert [row and row.id for row in found] == [2, 1, 5]


def test_a_cleared_table_is_empty(pair: Pair) -> None:
    with pair.write() as tx:
        tx[Thing].clear()
        tx[Bag].clear()

    pair.follow()

    with pair.target.read() as reading:
        assert (len(reading[Thing]), len(reading[Bag]), len(reading[Plain])) == (
            0,
            0,
            4,
        )


def test_sequences_follow_where_no_row_stayed(pair: Pair) -> None:
    with pair.write() as tx:
        row = tx[Thing].insert(Thing("gone", 0))
        tx[Thing].delete_by_key(row.id)
        tx[Plain].insert(Plain(77, ""))

    pair.follow()

    (things,) = [t for t in pair.target.store.tables if t.bound.row_class is Thing]
    assert things.settled_sequences == (6,)


def test_readers_stay_at_their_offset(pair: Pair) -> None:
    readings = [pair.target.read()]
    expected = [names(readings[0])]
    for number in range(4):
        with pair.write() as tx:
            tx[Thing].insert(Thing(f"new{number}", number))
            tx[Thing].delete_by_key(number)
            tx[Thing].update(thing(4, "t3", number))
        pair.follow()
        readings.append(pair.target.read())
        expected.append(names(readings[-1]))

    for number, reading in enumerate(readings):
        assert reading.offset == number + 1
        assert names(reading) == expected[number]
        assert len(reading[Thing]) == len(expected[number])
        kinds = [row.kind for row in reading[Thing].kind_size.range()]
        assert kinds == sorted(row.kind for row in reading[Thing])
        reading.close()


def test_the_result_of_the_change_is_given(pair: Pair) -> None:
    with pair.write() as tx:
        tx[Plain].insert(Plain(50, ""))
        nanoseconds = tx.timestamp.micros * 1000

    (record,) = pair.log.records[1:]

    given = pair.replica.apply(functools.partial(replay, record))
    assert given == nanoseconds // 1000


# What is cut off.


def thrown_in(
    pair: Pair, change: Callable[..., object], error: type[BaseException]
) -> None:
    """Apply records that are cut off, and verify that nothing has changed."""
    store = pair.target.store
    before = [dict(table.rows) for table in store.tables]
    sequences = [table.settled_sequences for table in store.tables]
    with pytest.raises(error):
        pair.replica.apply(change)

    store.check()
    assert [table.rows for table in store.tables] == before
    assert [tuple(table.sequences) for table in store.tables] == sequences
    assert store.offset == 1
    assert not any(table.is_interrupted for table in store.tables)


@pytest.mark.parametrize("has_reader", [False, True])
def test_a_record_that_is_cut_off_changes_nothing(
    pair: Pair, *, has_reader: bool
) -> None:
    reading = pair.target.read() if has_reader else None
    with pair.write() as tx:
        tx[Bag].insert(Bag(200, "x"))
        tx[Plain].update(Plain(1, "y"))
        tx[Thing].insert(Thing("new", 0))
        tx[Thing].update(thing(1, "u", 0))
        tx[Thing].delete_by_key(2)
    (record,) = pair.log.records[1:]
    # Where a section ends a record may end, too.
    ends = [9, *[section.stop for section in read_record(record).sections]]

    for size in set(range(len(record))).difference(ends):
        thrown_in(pair, functools.partial(replay, record[:size]), RecordError)
    if reading is not None:
        assert names(reading) == ["t0", "t1", "t2", "t3"]
        reading.close()


@pytest.mark.parametrize("name", ["thing", "plain", "bag"])
def test_a_row_that_is_not_there_cannot_be_removed(pair: Pair, name: str) -> None:
    with pair.write() as tx:
        for row in [*tx.table(name)][:2]:
            tx.table(name).delete(row)
    (record,) = pair.log.records[1:]

    def twice(tables: Mapping[int, ReplicaTable]) -> None:
        replay(record, tables)
        replay(record, tables)

    thrown_in(pair, twice, RecordError)


def test_a_table_that_is_not_there_is_refused(pair: Pair) -> None:
    def change(tables: Mapping[int, ReplicaTable]) -> None:
        tables[9999]

    thrown_in(pair, change, KeyError)


def test_a_row_put_twice_is_noted_as_it_was_at_first(pair: Pair) -> None:
    with pair.write() as tx:
        tx[Thing].update(thing(1, "u", 1))
        tx[Plain].update(Plain(1, "y"))
    (record,) = pair.log.records[1:]

    def twice_and_fail(tables: Mapping[int, ReplicaTable]) -> None:
        replay(record, tables)
        replay(record, tables)
        raise KeyboardInterrupt

    thrown_in(pair, twice_and_fail, KeyboardInterrupt)


def test_a_row_put_and_removed_is_noted_as_it_was_at_first(pair: Pair) -> None:
    with pair.write() as tx:
        tx[Thing].update(thing(1, "u", 1))
        tx[Plain].update(Plain(1, "y"))
    with pair.write() as tx:
        tx[Thing].delete_by_key(1)
        tx[Plain].delete_by_key(1)
    update, removal = pair.log.records[1:]

    def both_and_fail(tables: Mapping[int, ReplicaTable]) -> None:
        replay(update, tables)
        replay(removal, tables)
        raise KeyboardInterrupt

    thrown_in(pair, both_and_fail, KeyboardInterrupt)


def change_and_remove(tx: qsdb.Transaction) -> None:
    tx[Thing].update(thing(1, "t0", 1))
    tx[Thing].delete_by_key(2)


def remove(tx: qsdb.Transaction) -> None:
    tx[Thing].delete_by_key(2)


@pytest.mark.parametrize(
    ("method", "write"),
    [("add", change_and_remove), ("remove", change_and_remove), ("remove", remove)],
)
def test_an_exception_in_an_index_changes_nothing(
    pair: Pair,
    method: str,
    write: Callable[[qsdb.Transaction], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pair.write() as tx:
        write(tx)
    (record,) = pair.log.records[1:]
    (things,) = [t for t in pair.target.store.tables if t.bound.row_class is Thing]
    index_class = type(things.indexes[1])
    right = getattr(index_class, method)

    def fail(*_: object) -> None:
        """Fail once; then the index works, as it does after an interrupt."""
        setattr(index_class, method, right)
        raise KeyboardInterrupt

    with monkeypatch.context() as patching:
        patching.setattr(index_class, method, fail)
        thrown_in(pair, functools.partial(replay, record), KeyboardInterrupt)
