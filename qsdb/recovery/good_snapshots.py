"""What damage leaves good: a snapshot needs nothing of the log before it.

Damage in the log says how far that is good. A whole snapshot of a later offset holds
all commits up to there, whatever became of their records::

    log         1 2 3 ▒ 5 6 7 8        the last good one: 3
    snapshots             ···6         the last good one: 6
"""

from qsdb.errors import CorruptionError
from qsdb.files import Directory
from qsdb.log.snapshots import list_snapshots, read_snapshot
from qsdb.recovery.state import read_snapshot_state

__all__ = ["with_good_snapshot"]


def with_good_snapshot(directory: Directory, error: CorruptionError) -> CorruptionError:
    """Give an error that tells the last good commit, in the log or in a snapshot.

    Args:
        directory: Of the database.
        error: Tells the last one of the log, or nothing of commits.

    Cost: that of reading the newest snapshot that is whole, if it is of use.
    """
    told = error.last_good_offset
    for offset in reversed(list_snapshots(directory)):
        if told is not None and offset <= told:
            break
        try:
            database = read_snapshot(directory, offset).database
            read_snapshot_state(directory, offset, database)
        except (CorruptionError, OSError):
            continue
        return CorruptionError(
            error.path, error.position, error.reason, offset, error.frames_after
        )
    return error
