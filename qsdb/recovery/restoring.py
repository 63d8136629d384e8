"""Restoring: a database as it was at an offset or a time, in a new directory.

Any directory with a database serves, also one that is open in this or another
process, and one that is damaged behind the wanted offset. What can be restored
begins with the oldest snapshot that the log goes on from (with offset 1, where the
log reaches back that far) and ends with the log.
"""

from typing import TypeVar

from qsdb.errors import ArgumentError, CorruptionError, StorageError, brief
from qsdb.files import Directory, StrPath
from qsdb.log.snapshots import list_snapshots, read_snapshot
from qsdb.recovery.copying import Copy, copy_of, require_empty, write_state
from qsdb.recovery.directories import as_files, find_database, read_twice
from qsdb.recovery.opening import Found, Progress, Until, list_segments, read_state
from qsdb.recovery.system_errors import own_errors
from qsdb.values.timestamps import Timestamp

__all__ = ["lowest_offset", "read_at", "restore"]

T = TypeVar("T")


@own_errors("restoring")
def restore(
    backup: StrPath | Directory,
    dest: StrPath | Directory,
    to_offset: int | None = None,
    to_time: Timestamp | None = None,
    *,
    progress: Progress | None = None,
) -> Copy:
    """Make a new directory with a database as it was; the newest state if not told.

    Args:
        backup: A directory with a database; nothing is written to it.
        dest: The new one: empty, or not there yet.
        to_offset: The last commit to be in it.
        to_time: Or: all commits until then, and none after.
        progress: Called with how many segments of the log are read, and how many
            there are.

    Returns:
        What was restored; to be printed.

    Raises:
        ArgumentError: an argument is of a wrong kind, both limits are given, or
            the database has no state there, and then the text says where it has.
        StorageError: there is no database, it is damaged before the wanted state,
            or `dest` is not empty; nothing was written.
        DiskFull: there is no room for the new directory.

    Cost: that of opening, and of writing a snapshot.
    """
    _check_limits(to_offset, to_time)
    source, target = find_database(backup), as_files(dest)
    require_empty(target)
    found = read_at(source, to_offset, to_time, progress)
    write_state(target, found.state, found.database)
    return copy_of(found.state, source.describe(), target.describe())


def _check_limits(to_offset: int | None, to_time: Timestamp | None) -> None:
    if to_offset is not None and to_time is not None:
        raise ArgumentError("restore takes to_offset or to_time, not both")
    if to_offset is not None and (type(to_offset) is not int or to_offset < 1):
        raise ArgumentError(
            f"to_offset is an int of at least 1, not {brief(to_offset)}"
        )
    if to_time is not None and type(to_time) is not Timestamp:
        raise ArgumentError(f"to_time is a qsdb.Timestamp, not {brief(to_time)}")


def read_at(
    directory: Directory,
    to_offset: int | None = None,
    to_time: Timestamp | None = None,
    progress: Progress | None = None,
) -> Found:
    """Read the state of a database at an offset or time, also while it is written to.

    Raises:
        ArgumentError: the database has no state there.
        StorageError: it never came to its first commit, or is damaged.
        OSError: the system refuses.
    """
    while True:
        lowest = lowest_offset(directory)
        try:
            return _read_at(directory, to_offset, to_time, progress)
        except (CorruptionError, OSError):
            # Unless what was missed has been removed meanwhile, by a compaction.
            if lowest_offset(directory) <= lowest:
                raise


def _read_at(
    directory: Directory,
    to_offset: int | None,
    to_time: Timestamp | None,
    progress: Progress | None,
) -> Found:
    if to_offset is not None:
        found = _read_at_offset(directory, to_offset, progress)
    elif to_time is not None:
        found = _read_at_time(directory, to_time.micros, progress)
    else:
        found = read_twice(lambda: read_state(directory, progress=progress))
    if found.state.offset == 0:
        raise StorageError(f"there is no database in {directory.describe()}")
    return found


def _read_at_offset(
    directory: Directory, to_offset: int, progress: Progress | None
) -> Found:
    lowest = lowest_offset(directory)
    until: Until = lambda state, _: state.offset >= to_offset  # noqa: E731  typed so
    if to_offset >= lowest:
        found = read_twice(
            lambda: read_state(
                directory, at_most=to_offset, until=until, progress=progress
            )
        )
        if found.state.offset == to_offset:
            return found
    highest = read_twice(lambda: read_state(directory)).state.offset
    raise ArgumentError(
        f"{directory.describe()} has no state at offset {to_offset}; it has those from "
        f"{lowest} to {highest}"
    )


def _read_at_time(
    directory: Directory, microseconds: int, progress: Progress | None
) -> Found:
    lowest = lowest_offset(directory)
    at_most = _newest_snapshot(directory, microseconds)
    if at_most >= lowest or lowest == 1:
        found = read_twice(
            lambda: read_state(
                directory,
                at_most=at_most,
                until=lambda _, time: time > microseconds,
                progress=progress,
            )
        )
        if found.state.offset > 0:
            return found
    first = read_twice(
        lambda: read_state(
            directory, at_most=lowest, until=lambda state, _: state.offset >= lowest
        )
    )
    if first.state.offset == 0:
        return first
    raise ArgumentError(
        f"{directory.describe()} has no state at "
        f"{Timestamp.from_micros(microseconds)}; it has those from "
        f"{Timestamp.from_micros(first.state.microseconds)} on"
    )


def lowest_offset(directory: Directory) -> int:
    """Give the first offset of which there may be a state."""
    begin = min(list_segments(directory), default=1)
    reaching = [each for each in list_snapshots(directory) if each + 1 >= begin]
    return 1 if begin == 1 else min(reaching, default=begin)


def _newest_snapshot(directory: Directory, microseconds: int) -> int:
    """Give the offset of the newest snapshot that is not after a time; 0 if none is."""
    for offset in reversed(list_snapshots(directory)):
        try:
            if read_snapshot(directory, offset).microseconds <= microseconds:
                return offset
        except (CorruptionError, OSError):
            continue
    return 0
