"""Errors of the system as qsdb's own: which file, what is wrong, and what to do.

What reads and writes files lets the system's `OSError` through, since only who began
the work knows what it means that it came to nothing. That is said here, once, around
what users call::

    OSError ── no room ──► DiskFull
       └────── all else ─► StorageError: path, the system's words, what to do

The error of the system stays as the `__cause__`. One that names no file is of a user's
own code (a clock, a stream) and passes unchanged.
"""

import contextlib
import errno
from collections.abc import Iterator

from qsdb.errors import DiskFull, StorageError
from qsdb.log.tail import NO_ROOM

__all__ = ["own_error", "own_errors"]

_RIGHTS = "give this user the right to read and write there"
_KIND = "something else has the name of a file; move it away, or put the file back"
_FILES = "close some files, or have the system allow more of them"
_ADVICE = {
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: "the file system takes no writes; open it with read_only=True",
    errno.EISDIR: _KIND,
    errno.ENOTDIR: _KIND,
    errno.EEXIST: _KIND,
    errno.ENOENT: "put the file back, or make the directory that is to hold it",
    errno.EMFILE: _FILES,
    errno.ENFILE: _FILES,
}
_LOOK = "look after the disk, and try again"


@contextlib.contextmanager
def own_errors(work: str) -> Iterator[None]:
    """Have the system's errors leave a block, or a decorated function, as our own.

    Args:
        work: What is undone then, in a word, such as "backup".

    Raises:
        DiskFull: there is no room.
        StorageError: the system refuses a file, whatever for.
    """
    try:
        yield
    except OSError as error:
        if error.filename is None:
            raise
        raise own_error(error, str(error.filename), work) from error


def own_error(error: OSError, path: str, work: str) -> StorageError:
    """Give the error that says the same of a file, and what to do.

    Args:
        error: Of the system.
        path: Of the file.
        work: What is undone, in a word.
    """
    if error.errno in NO_ROOM:
        return DiskFull(path, 0, work)
    reason = error.strerror or error
    advice = _ADVICE.get(error.errno or 0, _LOOK)
    return StorageError(f"the {work} came to nothing: {path}: {reason}; {advice}")
