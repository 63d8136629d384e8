"""What the system refuses leaves as qsdb's own error: file, words, what to do."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import qsdb
from qsdb import DiskFull, StorageError
from qsdb.files import Directory, open_directory
from qsdb.recovery.system_errors import own_error, own_errors
from qsdb.testing import Call, Fail, FaultyDirectory, SimulatedDirectory
from tests.unit.recovery.stored import MODULE, SEGMENTS, User, make, open_again

Use = Callable[[Directory], object]


def snapshot(files: Directory) -> None:
    with open_again(files) as db:
        db.snapshot()


def backup_to(files: Directory) -> None:
    with open_again(make(offset=3)) as db:
        db.backup(files)


def open_and_refresh(files: Directory) -> None:
    with qsdb.Database(MODULE, files, read_only=True) as db:
        db.refresh()


class Sink:
    """A user's stream, without and with a name."""

    def __init__(self, error: OSError | None = None) -> None:
        self.error = error

    def write(self, data: bytes, /) -> object:
        if self.error is not None:
            raise self.error
        return len(data)


READ: dict[str, Use] = {
    "opening": lambda files: open_again(files).close(),
    "reading": lambda files: qsdb.Database(MODULE, files, read_only=True).close(),
    "refreshing": open_and_refresh,
    "restoring": lambda files: qsdb.restore(files, SimulatedDirectory()),
    "dumping": lambda files: qsdb.dump(files, Sink()),
}
WRITTEN: dict[str, tuple[str, Use]] = {
    "opening": ("opening", lambda files: open_again(files).close()),
    "backup": ("backup", backup_to),
    "restoring": ("restoring", lambda files: qsdb.restore(make(offset=3), files)),
    "repair": ("repair", lambda files: qsdb.repair(make(offset=3), files)),
}


def failing(operation: str, code: int, part: str = "") -> Callable[[Call], Fail | None]:
    def plan(call: Call) -> Fail | None:
        is_it = call.operation == operation and part in call.name
        return Fail(code) if is_it else None

    return plan


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (errno.EACCES, "give this user the right to read and write there"),
        (errno.EMFILE, "close some files, or have the system allow more of them"),
        (errno.EIO, "look after the disk, and try again"),
    ],
)
def test_a_segment_that_cannot_be_read_is_named(
    name: str, code: int, advice: str
) -> None:
    files = FaultyDirectory(make(), failing("open", code, SEGMENTS[1]))

    with pytest.raises(StorageError) as caught:
        READ[name](files)

    assert str(caught.value).endswith(
        f"came to nothing: {SEGMENTS[1]}: {errno.errorcode[code]}; {advice}"
    )
    assert isinstance(caught.value.__cause__, OSError)


@pytest.mark.parametrize("name", READ)
def test_a_segment_that_is_a_directory_is_named(name: str, tmp_path: Path) -> None:
    with open_again(open_directory(tmp_path)) as db:
        for number in range(9):
            with db.write() as tx:
                tx[User].insert(User(f"user {number}" * 9))
    path = max((tmp_path / "log").iterdir())
    path.unlink()
    path.mkdir()

    with pytest.raises(StorageError) as caught:
        READ[name](open_directory(tmp_path))

    assert str(caught.value).endswith(
        f"came to nothing: {path}: {os.strerror(errno.EISDIR)}; something else has the "
        "name of a file; move it away, or put the file back"
    )
    (fault,) = qsdb.verify(tmp_path).faults
    assert fault.path == str(path)


@pytest.mark.parametrize("name", WRITTEN)
@pytest.mark.parametrize("operation", ["create", "write"])
def test_a_full_disk_is_told_with_what_was_undone(name: str, operation: str) -> None:
    work, use = WRITTEN[name]
    files = FaultyDirectory(
        SimulatedDirectory(), failing(operation, errno.ENOSPC, ".tmp")
    )

    with pytest.raises(DiskFull) as caught:
        use(files)

    assert caught.value.work in (work, "transaction")
    assert "all commits before it are good; make room and try again" in str(
        caught.value
    )
    files.plan = None
    use(files)  # what it left is in no way of the next one


def test_a_full_disk_stops_a_snapshot() -> None:
    disk = make(offset=3)
    files = FaultyDirectory(disk, failing("create", errno.ENOSPC, ".manifest"))

    with pytest.raises(DiskFull, match=r"The snapshot was undone, all commits before"):
        snapshot(files)

    snapshot(disk)


def test_a_check_that_may_not_list_is_told() -> None:
    files = FaultyDirectory(make(), failing("list", errno.EACCES))

    with pytest.raises(StorageError, match=r"^the check came to nothing: .*right to"):
        qsdb.verify(files)


@pytest.mark.parametrize(
    ("code", "kind"), [(errno.ENOSPC, DiskFull), (errno.EPIPE, StorageError)]
)
def test_a_dump_that_its_stream_refuses_is_told(
    code: int, kind: type[StorageError]
) -> None:
    sink: Any = Sink(OSError(code, os.strerror(code)))
    with pytest.raises(kind, match=r"the dump"):
        qsdb.dump(make(offset=3), sink)

    sink.name = "my file"
    with pytest.raises(kind, match=r"my file"):
        qsdb.dump(make(offset=3), sink)


def test_a_load_that_is_refused_is_told() -> None:
    class Source:
        def read(self, count: int, /) -> bytes:
            raise OSError("mine")

    with pytest.raises(OSError, match=r"^mine$"):  # it is the user's own
        qsdb.load(Source(), SimulatedDirectory())
    files = FaultyDirectory(SimulatedDirectory(), failing("list", errno.EACCES))
    with pytest.raises(StorageError, match=r"^the loading came to nothing: "):
        qsdb.load(Source(), files)


def test_an_error_without_a_file_passes() -> None:
    mine = OSError("mine")
    with pytest.raises(OSError, match=r"^mine$") as caught, own_errors("work"):
        raise mine

    assert caught.value is mine


def test_an_error_of_no_number_is_told_in_its_own_words() -> None:
    error = own_error(OSError("odd"), "a file", "work")

    assert str(error) == (
        "the work came to nothing: a file: odd; look after the disk, and try again"
    )
