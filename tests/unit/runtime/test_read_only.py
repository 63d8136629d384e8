"""A database that is read and not owned: nothing is locked, and nothing written."""

import gc
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest

import qsdb
from qsdb.log.segments import segment_name
from qsdb.testing import SimulatedDirectory, TracedDirectory
from tests.unit.runtime.ledger import (
    Account,
    bank,
    contents,
    init,
    open_account,
    open_bank,
    read_bank,
    transfer,
    written_bank,
)

READING = {"exists", "list", "open", "read", "size", "close", "describe"}


def test_it_shows_what_its_writer_committed() -> None:
    disk, db = written_bank()

    with read_bank(disk) as reading:
        assert contents(reading) == contents(db)
        assert (reading.offset, reading.durable_offset) == (4, 4)
        assert (reading.owner, reading.identity) == (db.owner, db.identity)
        assert reading.stats().rows == db.stats().rows
        assert reading.stats().durable_offset is None
        assert repr(reading) == "<Database bank at offset 4>"
        reading.check()


def test_it_writes_nothing_and_takes_no_lock(tmp_path: Path) -> None:
    disk, db = written_bank()
    db.snapshot()
    db.call(transfer, 1, 2, 3)
    files, traced = disk.snapshot_files(), TracedDirectory(disk)

    for module in (bank, None):
        with qsdb.Database(module, traced, read_only=True) as reading:
            reading.refresh()
            reading.backup(tmp_path / f"copy {module}")
            reading.check()
        with qsdb.Database(module, traced, read_only=True, at=3):
            pass

    assert {call.operation for call in traced.calls} <= READING
    assert disk.snapshot_files() == files
    db.call(transfer, 1, 2, 3)


def test_many_read_beside_the_writer() -> None:
    disk, db = written_bank()
    readers = [read_bank(disk) for _ in range(3)]

    db.call(open_account, "cyd")

    assert [reader.offset for reader in readers] == [4, 4, 4]
    assert read_bank(disk).offset == 5


def test_it_reads_what_a_dead_writer_left() -> None:
    alive, db = written_bank()
    before = contents(db)
    disk = SimulatedDirectory(alive.snapshot_files())

    with read_bank(disk) as reading:
        assert contents(reading) == before
    with open_bank(disk) as again:
        assert contents(again) == before


def test_a_torn_tail_is_the_end_and_stays_where_it_is() -> None:
    disk, db = written_bank()
    before = contents(db)
    db.close()
    log = disk.open(segment_name(1), writable=True)
    end = log.size()
    log.write(end, b"torn")

    with read_bank(disk) as reading:
        assert contents(reading) == before
        assert reading.recovery is not None
        torn = reading.recovery.torn
        assert torn is not None
        assert (torn.position, torn.bytes_count, torn.quarantine) == (end, 4, None)
        assert reading.refresh() == 4
    assert disk.contents(segment_name(1))[end:] == b"torn"


def test_damage_is_told_as_to_a_writer() -> None:
    disk, db = written_bank()
    db.close()
    log = disk.open(segment_name(1), writable=True)
    log.write(100, b"damage")

    with pytest.raises(qsdb.CorruptionError):
        read_bank(disk)


WRITES: tuple[Callable[[qsdb.Database], object], ...] = (
    lambda db: db.call(transfer, 1, 2, 3),
    lambda db: db.call("transfer", 1, 2, 3),
    lambda db: db.call("no such reducer"),
    lambda db: db.caller(db.owner).call(open_account, "dan"),
    lambda db: db.write().__enter__(),
    lambda db: db.snapshot(),
    lambda db: db.compact(),
)


@pytest.mark.parametrize("number", range(len(WRITES)))
@pytest.mark.parametrize("has_module", [True, False])
def test_whatever_writes_is_refused(number: int, *, has_module: bool) -> None:
    disk, db = written_bank()
    before = contents(db)

    with qsdb.Database(bank if has_module else None, disk, read_only=True) as reading:
        with pytest.raises(qsdb.ReadOnlyError, match="read_only=True"):
            WRITES[number](reading)
        assert contents(read_bank(disk)) == before
        assert reading.refresh() == 4
        reading.check()


def test_rows_cannot_be_written() -> None:
    disk, _ = written_bank()

    with (
        read_bank(disk) as reading,
        reading.read() as tx,
        pytest.raises(qsdb.ReadOnlyError),
    ):
        tx[Account].insert(Account("eve", 1))


@pytest.mark.parametrize("number", range(5))
def test_a_closed_one_says_so(number: int) -> None:
    disk, _ = written_bank()
    reading = read_bank(disk)
    reading.close()
    reading.close()

    with pytest.raises(qsdb.ClosedError):
        WRITES[number](reading)
    for use in (reading.read, reading.stats, reading.refresh, reading.snapshot):
        with pytest.raises(qsdb.ClosedError):
            use()


def test_one_that_nobody_has_any_more_is_gone() -> None:
    disk, _ = written_bank()
    reading = read_bank(disk)
    gone = weakref.ref(reading)

    del reading
    gc.collect()

    assert gone() is None


# Where there is no database.


def test_a_directory_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(qsdb.StorageError, match="there is no database in"):
        qsdb.Database(bank, tmp_path / "nowhere", read_only=True)
    assert [*tmp_path.iterdir()] == []


def test_an_empty_directory_stays_empty(tmp_path: Path) -> None:
    with pytest.raises(qsdb.StorageError, match="there is no database in"):
        qsdb.Database(bank, tmp_path, read_only=True)
    assert [*tmp_path.iterdir()] == []


def test_a_directory_of_something_else_is_none(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").touch()

    with pytest.raises(qsdb.StorageError, match="is no database"):
        qsdb.Database(bank, tmp_path, read_only=True)


def test_a_database_that_never_came_to_its_first_commit_is_none() -> None:
    module = qsdb.Module("failing")

    @module.init
    def fail(_: qsdb.ReducerContext) -> None:
        raise ValueError

    disk = SimulatedDirectory()
    with pytest.raises(ValueError, match=r"^$"):
        qsdb.Database(module, disk)

    with pytest.raises(qsdb.StorageError, match="there is no database in"):
        qsdb.Database(module, disk, read_only=True)


# Arguments.


def test_a_module_of_another_schema_is_refused() -> None:
    disk, _ = written_bank()
    other = qsdb.Module("other")

    class Entry(qsdb.Row, module=other):
        text: str

    with pytest.raises(qsdb.SchemaError, match="module other has"):
        qsdb.Database(other, disk, read_only=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"read_only": 1}, "read_only is a bool, not 1"),
        ({"read_only": True}, "needs the path"),
        ({"at": 3}, r"at=3 needs read_only=True"),
    ],
)
def test_arguments_that_do_not_go_together(
    arguments: dict[str, int], message: str
) -> None:
    with pytest.raises(qsdb.ArgumentError, match=message):
        qsdb.Database(bank, **arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize("path", [None, "somewhere"])
def test_a_module_can_be_left_out_by_those_who_read_only(path: str | None) -> None:
    with pytest.raises(qsdb.ArgumentError, match="None is possible with read_only"):
        qsdb.Database(None, path)
    with pytest.raises(qsdb.ArgumentError, match=r"takes a qsdb.Module, not 'bank'"):
        qsdb.Database(cast(qsdb.Module, "bank"), path, read_only=True)


def test_the_module_may_have_other_reducers() -> None:
    disk, db = written_bank()
    same = qsdb.Module("same")
    for bound in bank.compiled().tables:
        keys = {"primary_key": ("who", "at")} if bound.schema.name == "audit" else {}
        indexes = [qsdb.BTree("account", "text")]
        more = {"indexes": indexes} if bound.schema.name == "entry" else {}
        same.add_table(bound.row_class, **keys, **more)  # type: ignore[arg-type]
    same.init(init)

    with qsdb.Database(same, disk, read_only=True) as reading:
        assert contents(reading) == contents(db)


def test_progress_is_told() -> None:
    disk, _ = written_bank()
    told: list[tuple[int, int]] = []

    def note(done: int, total: int) -> None:
        told.append((done, total))

    read_bank(disk, progress=note)

    assert told == [(1, 1)]
