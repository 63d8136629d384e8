"""A directory that writes down what is asked of it."""

from pathlib import Path

import pytest

from qsdb.files import open_directory
from qsdb.testing import (
    Fail,
    FaultyDirectory,
    SimulatedDirectory,
    TracedDirectory,
    once,
)


def test_every_call_is_written_down() -> None:
    directory = TracedDirectory(SimulatedDirectory())

    directory.make_directory("dir")
    file = directory.create("a")
    file.allocate(100)
    file.write(3, b"xyz")
    file.sync()
    file.size()
    file.read(2, 50)
    file.truncate(6)
    file.close()
    directory.rename("a", "b")
    directory.sync("dir")
    directory.open("b").close()
    directory.exists("c")
    directory.list()
    lock = directory.lock("LOCK", "text")
    assert not isinstance(lock, str)
    lock.release()
    directory.remove("b")
    directory.remove_directory("dir")

    assert directory.steps() == [
        ("make_directory", "dir", 0, 0),
        ("create", "a", 0, 0),
        ("allocate", "a", 0, 100),
        ("write", "a", 3, 3),
        ("sync", "a", 0, 0),
        ("size", "a", 0, 0),
        ("read", "a", 2, 50),
        ("truncate", "a", 0, 6),
        ("close", "a", 0, 0),
        ("rename", "a", 0, 0),
        ("sync_directory", "dir", 0, 0),
        ("open", "b", 0, 0),
        ("close", "b", 0, 0),
        ("exists", "c", 0, 0),
        ("list", "", 0, 0),
        ("lock", "LOCK", 0, 0),
        ("release", "LOCK", 0, 0),
        ("remove", "b", 0, 0),
        ("remove_directory", "dir", 0, 0),
    ]
    assert [call.number for call in directory.calls] == list(range(19))
    assert directory.calls[3].data == b"xyz"
    assert directory.calls[9].new_name == "b"


def test_a_call_that_fails_is_written_down_too() -> None:
    directory = TracedDirectory(
        FaultyDirectory(SimulatedDirectory({"log": b""}), once(1, Fail(5)))
    )
    file = directory.open("log")

    with pytest.raises(OSError, match="log"):
        file.sync()

    assert directory.steps() == [("open", "log", 0, 0), ("sync", "log", 0, 0)]


def test_a_list_of_calls_may_be_cleared(tmp_path: Path) -> None:
    directory = TracedDirectory(open_directory(tmp_path))
    file = directory.create("log")
    directory.calls.clear()

    file.write(0, b"commit")
    file.sync()

    assert directory.steps() == [("write", "log", 0, 6), ("sync", "log", 0, 0)]
