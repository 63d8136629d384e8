"""What a path leads to."""

from pathlib import Path
from typing import Any

import pytest

from qsdb import ArgumentError, DatabaseLocked, StorageError
from qsdb.files import OsDirectory
from qsdb.log.segments import segment_name
from qsdb.recovery.directories import as_files, find_database, take_lock
from qsdb.testing import SimulatedDirectory
from tests.unit.recovery.stored import make


def test_a_path_is_a_directory_and_a_directory_itself(tmp_path: Path) -> None:
    disk = SimulatedDirectory()

    assert as_files(disk) is disk
    for path in (tmp_path, str(tmp_path)):
        found = as_files(path)
        assert isinstance(found, OsDirectory)
        assert found.describe() == str(tmp_path)


def test_something_else_is_no_path() -> None:
    wrong: Any = 7
    with pytest.raises(
        ArgumentError, match=r"^path is a str, a path or a directory, not 7$"
    ):
        as_files(wrong)


def test_a_database_is_found() -> None:
    disk = make(offset=1)

    assert find_database(disk) is disk


@pytest.mark.parametrize("files", [{}, {"LOCK": b""}, {f"{segment_name(1)}.tmp": b"x"}])
def test_where_no_database_is_none_is_found(files: dict[str, bytes]) -> None:
    with pytest.raises(StorageError, match=r"^there is no database in simulated:$"):
        find_database(SimulatedDirectory(files))


def test_a_directory_that_is_not_there_has_no_database(tmp_path: Path) -> None:
    path = tmp_path / "none"

    with pytest.raises(StorageError, match=r"there is no database in .*none$"):
        find_database(path)
    assert not path.exists()


def test_a_directory_of_other_things_has_no_database() -> None:
    disk = SimulatedDirectory({"photo.jpg": b""})

    with pytest.raises(StorageError, match=r"no segment of a log in it, but photo.jpg"):
        find_database(disk)


def test_a_lock_is_taken_once(tmp_path: Path) -> None:
    files = as_files(tmp_path)
    lock = take_lock(files)

    with pytest.raises(DatabaseLocked) as caught:
        take_lock(files)

    assert caught.value.path == str(tmp_path)
    assert caught.value.pid is not None
    lock.release()
    take_lock(files).release()


@pytest.mark.parametrize("text", ["", "process", "process x on y"])
def test_a_lock_of_somebody_unknown_is_told_as_such(text: str) -> None:
    disk = SimulatedDirectory()
    disk.lock("LOCK", text)

    with pytest.raises(DatabaseLocked, match=r"is open in another process") as caught:
        take_lock(disk)

    assert caught.value.pid is None
