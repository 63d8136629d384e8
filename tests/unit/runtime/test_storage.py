"""Opening a directory for a module: found, made, or refused and left as it was."""

import errno
import os
from pathlib import Path

import pytest

import qsdb
from qsdb import StorageError, StorageOptions
from qsdb.log.end_notes import EndNote, write_end_note
from qsdb.log.segments import segment_name
from qsdb.runtime.options import options_of
from qsdb.runtime.storage import Opened, open_storage
from qsdb.schema.system import system_tables
from qsdb.testing import (
    Fail,
    FaultyDirectory,
    Plan,
    SimulatedDirectory,
    TracedDirectory,
)
from tests.unit.runtime.ledger import (
    QUIET,
    bank,
    contents,
    open_account,
    open_bank,
    read_bank,
    written_bank,
)


def opened(disk: SimulatedDirectory | FaultyDirectory) -> Opened:
    return open_storage(
        disk,
        bank.compiled(),
        options_of("always", 0, QUIET),
        lambda bits: bits,
        lambda: 7,
        None,
    )


def test_a_new_directory_gets_a_log_and_no_commit() -> None:
    disk = SimulatedDirectory()

    found = opened(disk)

    assert (found.offset, found.microseconds, found.module) == (0, 0, None)
    assert found.storage.database == (128).to_bytes(16, "big")
    assert disk.list() == ["END", "LOCK", "log"]
    assert found.storage.recovery.is_created
    assert [table.count for table in found.tables] == [0] * (3 + len(system_tables()))
    found.storage.close()


def test_an_old_one_gives_what_it_holds() -> None:
    disk, db = written_bank()
    db.close()

    found = opened(disk)

    assert (found.offset, found.storage.recovery.is_created) == (4, False)
    assert found.module is not None
    assert found.module.owner_identity == db.owner
    assert found.tables[0].count == 3
    found.storage.close()


def test_a_database_without_its_first_commit_is_made_again() -> None:
    disk = SimulatedDirectory()
    for _ in range(2):
        found = opened(disk)
        assert (found.offset, found.module) == (0, None)
        assert found.storage.recovery.is_created
        found.storage.close()

    with open_bank(disk) as db:
        assert db.offset == 1


def test_only_one_may_have_it_open() -> None:
    disk, db = written_bank()

    with pytest.raises(qsdb.DatabaseLocked) as error:
        open_bank(disk)
    assert error.value.pid == os.getpid()
    db.close()
    open_bank(disk).close()


def test_another_module_is_refused_and_nothing_is_written() -> None:
    disk, db = written_bank()
    db.close()
    other = qsdb.Module("other")

    class Account(qsdb.Row, module=other):
        name: str

    traced = TracedDirectory(disk)
    with pytest.raises(qsdb.SchemaError):
        qsdb.Database(other, traced)

    changes = {"write", "truncate", "create", "rename", "remove", "allocate"}
    assert changes.isdisjoint(call.operation for call in traced.calls)
    open_bank(disk).close()


def test_a_directory_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letter").touch()

    with pytest.raises(qsdb.StorageError, match="is no database"):
        qsdb.Database(bank, tmp_path)
    assert {each.name for each in tmp_path.iterdir()} <= {"letter", "LOCK"}


def test_init_that_fails_makes_no_database() -> None:
    module = qsdb.Module("failing")
    is_failing = True

    @module.init
    def init(_: qsdb.ReducerContext) -> None:
        if is_failing:
            raise ValueError("not yet")

    disk = SimulatedDirectory()
    for _ in range(2):
        with pytest.raises(ValueError, match="not yet"):
            qsdb.Database(module, disk, options=QUIET)
    is_failing = False

    with qsdb.Database(module, disk, options=QUIET) as db:
        assert db.offset == 1


def failing_at(number: int) -> Plan:
    """Let one call fail; but the lock can always be given back."""
    fail = Fail(errno.EIO)
    return lambda call: (
        fail if call.number == number and call.operation != "release" else None
    )


@pytest.mark.slow
def test_an_error_at_any_call_leaves_the_directory_free() -> None:
    alive, db = written_bank()
    db.snapshot()
    db.call(open_account, "cyd")
    before = contents(db)
    files = alive.snapshot_files()
    log = files[segment_name(1)]
    files[segment_name(1)] = log + b"torn"
    seen = 0
    for number in range(1000):
        disk = SimulatedDirectory(files)
        faulty = FaultyDirectory(disk, failing_at(number))
        try:
            opened(faulty).storage.close()
        except (OSError, qsdb.StorageError):
            seen += 1
        with open_bank(disk) as again:
            assert contents(again) == before
        if faulty.calls_count <= number:
            break
    assert seen > 20


def test_a_forked_child_has_no_database() -> None:
    _, db = written_bank()
    storage = db._storage
    assert storage is not None

    storage._forked()  # type: ignore[union-attr]

    with pytest.raises(qsdb.FailedError, match="forked"):
        db.call(open_account, "dan")


@pytest.mark.slow
def test_a_real_fork_leaves_the_parent_alone(tmp_path: Path) -> None:
    with qsdb.Database(bank, tmp_path) as db:
        db.call(open_account, "ann")
        child = os.fork()
        if not child:  # pragma: no cover  in the child
            status = 1
            try:
                db.call(open_account, "child")
            except qsdb.FailedError:
                status = 0
            os._exit(status)
        assert os.waitpid(child, 0)[1] == 0
        db.call(open_account, "bob")
        before = contents(db)

    with qsdb.Database(bank, tmp_path, read_only=True) as again:
        assert contents(again) == before


def test_a_copy_that_was_cut_off_is_no_new_database() -> None:
    _, db = written_bank()
    copy = SimulatedDirectory()
    db.backup(copy)
    write_end_note(copy, EndNote.of_unfinished(bytes(16)))
    before = copy.snapshot_files()

    for opening in (open_bank, read_bank, qsdb.verify):
        with pytest.raises(StorageError, match=r"a copy of a database was begun in"):
            opening(copy)

    assert copy.snapshot_files() == before


def test_small_segments_are_begun_as_they_are_asked_for() -> None:
    disk = SimulatedDirectory()
    options = StorageOptions(has_threads=False, segment_bytes=256, step_bytes=1)

    with open_bank(disk, options=options) as db:
        for number in range(5):
            db.call(open_account, f"{number}")
        assert len(disk.list("log")) == 6
        before = contents(db)

    with open_bank(disk, options=options) as db:
        assert contents(db) == before


def test_a_close_that_is_cut_off_keeps_the_directory() -> None:
    disk = SimulatedDirectory()
    storage = opened(disk).storage
    close = storage.log.close

    def interrupted() -> None:
        raise KeyboardInterrupt

    storage.log.close = interrupted  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        storage.close()
    with pytest.raises(qsdb.DatabaseLocked):
        opened(disk)
    storage.log.close = close  # type: ignore[method-assign]
    storage.close()

    opened(disk).storage.close()


def test_an_opening_that_fails_at_its_end_leaves_nothing_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    disk = SimulatedDirectory()
    opened(disk).storage.close()

    def fail(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("qsdb.runtime.storage.LogWriter", fail)
        with pytest.raises(MemoryError):
            opened(disk)

    opened(disk).storage.close()


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_in_the_place_of_the_directory_is_told(
    tmp_path: Path, below: str
) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a user's own")

    for use in (
        lambda path: qsdb.Database(bank, path),
        lambda path: qsdb.Database(bank, path, read_only=True),
        qsdb.verify,
    ):
        with pytest.raises(qsdb.StorageError):
            use(file / below)
    with pytest.raises(qsdb.StorageError, match=r"is a file, or is below one, and a"):
        qsdb.Database(bank, file / below)

    assert file.read_bytes() == b"a user's own"
    assert [*tmp_path.iterdir()] == [file]


def test_a_database_that_was_closed_is_not_closed_again_when_it_goes() -> None:
    disk = SimulatedDirectory()
    db = qsdb.Database(bank, disk)
    db.close()
    finalizer = db._finalizer

    assert not finalizer.alive
