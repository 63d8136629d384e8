"""Backing up by the files alone: a copy of a database that may be open elsewhere."""

from qsdb.files import Directory, StrPath
from qsdb.recovery.copying import Copy, copy_of, require_empty, write_state
from qsdb.recovery.directories import as_files, find_database
from qsdb.recovery.histories import History
from qsdb.recovery.opening import Progress
from qsdb.recovery.restoring import read_at
from qsdb.recovery.system_errors import own_errors

__all__ = ["back_up"]


@own_errors("backup")
def back_up(
    source: StrPath | Directory,
    dest: StrPath | Directory,
    *,
    history: bool = True,
    progress: Progress | None = None,
) -> Copy:
    """Make a new directory with the newest state of a database.

    Args:
        source: A directory with a database; nothing is written to it.
        dest: The new one: empty, or not there yet.
        history: Whether the log and older snapshots are copied too, so that the new
            one can be restored to earlier states.
        progress: Called with how many segments of the log are read, and how many
            there are.

    Returns:
        What was copied; to be printed.

    Raises:
        ArgumentError: an argument is of a wrong kind.
        StorageError: there is no database, it is damaged, or `dest` is not empty;
            nothing was written.
        DiskFull: there is no room for the new directory.

    Cost: that of opening, of writing a snapshot, and of copying the files.
    """
    files, target = find_database(source), as_files(dest)
    require_empty(target)
    found = read_at(files, progress=progress)
    database, end, past = found.database, found.last.scan, None
    if history:
        past = History.up_to(files, database, end.header.first_offset, end.place)
    write_state(target, found.state, database, history=past)
    return copy_of(found.state, files.describe(), target.describe())
