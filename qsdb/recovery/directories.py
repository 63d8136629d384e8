"""What a path leads to: a directory, a database in it, and the lock of it.

All that works on the files of a database begins here, and so takes the same things
for a path and refuses the same with the same words.
"""

from collections.abc import Callable
from typing import TypeVar, cast

from qsdb.errors import (
    ArgumentError,
    CorruptionError,
    DatabaseLocked,
    StorageError,
    brief,
)
from qsdb.files import Directory, Lock, StrPath, host_name, open_directory, process_id
from qsdb.recovery.opening import LOCK_NAME, is_new

__all__ = ["as_files", "find_database", "read_twice", "take_lock"]

T = TypeVar("T")


def as_files(path: StrPath | Directory) -> Directory:
    """Give the directory of a path, or what is one already.

    Raises:
        ArgumentError: it is neither.
    """
    if hasattr(path, "make_directory"):
        return cast(Directory, path)
    if isinstance(path, str) or hasattr(path, "__fspath__"):
        return open_directory(path)
    raise ArgumentError(f"path is a str, a path or a directory, not {brief(path)}")


def find_database(path: StrPath | Directory) -> Directory:
    """Give the directory of a database that is there; writes nothing.

    Raises:
        ArgumentError: `path` is no path.
        StorageError: there is no database.
    """
    directory = as_files(path)
    if is_new(directory):
        raise StorageError(f"there is no database in {directory.describe()}")
    return directory


def take_lock(directory: Directory) -> Lock:
    """Take the lock of a directory, which whoever writes there holds.

    Raises:
        DatabaseLocked: somebody has it.
    """
    taken = directory.lock(LOCK_NAME, f"process {process_id()} on {host_name()}")
    if isinstance(taken, str):
        words = taken.split()
        is_told = len(words) > 1 and words[1].isdecimal()
        raise DatabaseLocked(directory.describe(), int(words[1]) if is_told else None)
    return taken


def read_twice(read: Callable[[], T]) -> T:
    """Read files beside a writer: what fails once is tried again.

    A writer may move things meanwhile. What is wrong twice in the same place is wrong.

    Args:
        read: Called again after an error, until it succeeds or the same comes back.

    Raises:
        CorruptionError: it was met twice in the same place.
        FileNotFoundError: the same file was missed twice.
    """
    before = ""
    while True:
        try:
            return read()
        except (CorruptionError, FileNotFoundError) as error:
            if f"{error}" == before:
                raise
            before = f"{error}"
