"""Whole writes: all of some bytes into a file, or a file that is all there or not.

The system may take less than it is given, and power loss may leave any part of what
was not synced. `write_whole` is for the first, `write_file` for both: a file is
written under another name and synced, and then gets its own. So whoever finds a file
of that name finds all of it, the old content or the new.

That the name itself lasts takes `Directory.sync` of the directory above, which
several files may share; so it is left to the caller.
"""

import contextlib
from collections.abc import Iterable

from qsdb.files import Directory, File

__all__ = ["TEMPORARY", "read_file", "write_file", "write_whole"]

TEMPORARY = ".tmp"
"""What the name of a file ends in as long as it is not all there."""


def write_whole(
    file: File, position: int, data: bytes, *, synced: bool = False
) -> None:
    """Write all of `data`, however little the system takes at a time.

    Args:
        file: Where to.
        position: The first byte's.
        data: What to write.
        synced: Whether all of it is to be on the disk when this returns.
    """
    write = file.write_synced if synced else file.write
    taken = write(position, data)
    while taken < len(data):
        data = data[taken:]
        position += taken
        taken = write(position, data)


def write_file(
    directory: Directory,
    name: str,
    data: bytes | Iterable[bytes],
    *,
    private: bool = False,
) -> None:
    """Have a file of this name hold all of the data, synced, or be as it was.

    Args:
        directory: Where to.
        name: Of the file; what has it is replaced.
        data: All that it is to hold, or the pieces of that. What making them raises
            passes through; the file is as it was then too.
        private: Whether only this user of the computer may read it.
    """
    temporary = name + TEMPORARY
    if directory.exists(temporary):
        directory.remove(temporary)
    file = directory.create(temporary, private=private)
    try:
        try:
            position = 0
            for piece in (data,) if isinstance(data, bytes) else data:
                write_whole(file, position, piece)
                position += len(piece)
            file.sync()
        finally:
            file.close()
        directory.rename(temporary, name)
    except Exception:
        with contextlib.suppress(OSError):
            directory.remove(temporary)
        raise


def read_file(directory: Directory, name: str, count: int | None = None) -> bytes:
    """Give what a file begins with; all of it without a count.

    Raises:
        OSError: the system refuses.
    """
    file = directory.open(name)
    try:
        return file.read(0, file.size() if count is None else count)
    finally:
        file.close()
