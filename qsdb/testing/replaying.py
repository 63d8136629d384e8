"""`replay`: run logged calls again, to find the one that does something else.

A reducer may use what it was given, and nothing besides: its arguments, the tables and
its context. Then it does the same whenever it is run. One that draws from `random`,
looks at the clock of the machine, counts in a global variable or goes through a set of
strings in whatever order it has, does something else, and nobody notices until that
matters. Here it is noticed: the state before a commit is read, the calls of the commits
after it are run in memory (`qsdb.testing.reruns`), and the first whose changes are
others than those in the log is shown.
"""

from collections.abc import Callable

from qsdb.errors import ArgumentError, CorruptionError, StorageError, brief
from qsdb.files import Directory, StrPath
from qsdb.log.records import RecordError
from qsdb.log.segments import LOG_DIRECTORY
from qsdb.recovery.directories import find_database
from qsdb.recovery.logged import log_end, logged_records
from qsdb.recovery.restoring import lowest_offset, read_at
from qsdb.recovery.state import State
from qsdb.recovery.system_errors import own_errors
from qsdb.runtime.module_tables import load_tables, stored_row_of_module
from qsdb.runtime.row_filters import check_filters
from qsdb.schema.catalogue_reading import reducers_of
from qsdb.schema.modules import Module
from qsdb.testing.replay_report import Replay
from qsdb.testing.reruns import Rerun, Stored

__all__ = ["Progress", "replay"]

Progress = Callable[[int, int], object]
"""Is told how many commits are done, and how many there are."""


@own_errors("replay")
def replay(
    path: StrPath | Directory,
    module: Module,
    from_offset: int | None = None,
    to_offset: int | None = None,
    *,
    progress: Progress | None = None,
) -> Replay:
    """Run the logged calls of some commits again, and compare what they change.

    Nothing is written, and the database may be open, here or in another process. What
    reducers do outside of the database they do again.

    Args:
        path: The directory of the database.
        module: With the functions that are run.
        from_offset: The first commit; the first that can be if not given.
        to_offset: The last one; the last that is logged if not given.
        progress: Called after each commit with how many are done, and how many there
            are.

    Returns:
        What came of it, up to the first call that changed something else; to be
        printed.

    Raises:
        ArgumentError: an argument is of a wrong kind, the log does not have these
            commits any more or yet, or one of them changed the schema.
        SchemaError: the module has other tables, or a function of other arguments,
            than were stored.
        NotFoundError: it lacks a function that was called.
        StorageError: there is no database, or it is damaged.

    Cost: that of opening, and about three times that of each call on disk.
    """
    if not isinstance(module, Module):
        raise ArgumentError(f"replay takes a qsdb.Module, not {brief(module)}")
    files = find_database(path)
    first, last, database = _bounds(files, from_offset, to_offset)
    described, schema = files.describe(), module.compiled(check_filters)
    state = read_at(files, to_offset=max(1, first - 1)).state
    known = stored_row_of_module(state, described)
    stored = Stored(known, reducers_of(state.catalogue()))
    if first == 1:
        load_tables(state, schema, described)  # refuses a module of another schema
        state = State()
    rerun = Rerun(schema, state, stored, described)
    deviation, offset = None, first
    for offset, record in logged_records(files, database, first, last):
        try:
            deviation = rerun.run(offset, record)
        except RecordError as error:
            raise CorruptionError(
                files.describe(LOG_DIRECTORY),
                0,
                f"the commit at offset {offset}: {error}",
                offset - 1,
            ) from None
        if progress is not None:
            progress(offset - first + 1, last - first + 1)
        if deviation is not None:
            break
    return Replay(described, first, offset, rerun.replayed, rerun.applied, deviation)


def _bounds(
    files: Directory, from_offset: int | None, to_offset: int | None
) -> tuple[int, int, bytes]:
    """Give the first and the last commit to run, and the id of the database.

    Raises:
        ArgumentError: there are no such commits.
    """
    for name, each in (("from_offset", from_offset), ("to_offset", to_offset)):
        if each is not None and (type(each) is not int or each < 1):
            raise ArgumentError(f"{name} is an int of at least 1, not {brief(each)}")
    lowest = lowest_offset(files)
    if lowest > 1:
        lowest += 1  # since the state before it is needed
    database, highest = log_end(files)
    if not highest:
        raise StorageError(f"there is no database in {files.describe()}")
    first = lowest if from_offset is None else from_offset
    last = highest if to_offset is None else to_offset
    if not lowest <= first <= last <= highest:
        raise ArgumentError(
            f"{files.describe()} can replay the commits {lowest} to {highest}, and "
            f"{first} to {last} are no part of them"
        )
    return first, last, database
