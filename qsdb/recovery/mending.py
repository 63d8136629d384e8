"""Mending: the end of a log becomes one to go on from, and all of it lasts.

What was read is synced before anything is promised on top of it: a process that was
killed may have left it in the cache only. A torn tail is copied to ``quarantine/``
and cut off, and both are synced. Then the end is noted, if it is not yet. Done again
from any point where it was cut off, it comes to the same.
"""

import itertools

import attrs

from qsdb.errors import DiskFull
from qsdb.files import Directory, File
from qsdb.log.end_notes import END_NAME, EndNote, write_end_note
from qsdb.log.scanning import TornTail
from qsdb.log.segments import LOG_DIRECTORY
from qsdb.log.tail import NO_ROOM, Tail
from qsdb.log.whole_files import TEMPORARY, write_whole
from qsdb.recovery.opening import QUARANTINE, Found, torn_tail_of
from qsdb.recovery.report import Recovery

__all__ = ["mend"]

_COPY_BYTES = 1 << 20


def mend(directory: Directory, found: Found) -> tuple[Tail, Recovery]:
    """Make the end of the log one to go on from, and have all of it on the disk.

    Whoever calls it holds the lock of the directory.

    Returns:
        The end of the log, and what is to be told.

    Raises:
        DiskFull: there is no room to note the end of a log that has no commit yet.
        OSError: the system refuses.
    """
    last, report = found.last, found.report
    torn, place = last.scan.torn, last.scan.place
    for name in directory.list(LOG_DIRECTORY):
        if name.endswith(TEMPORARY):  # a segment that was never begun
            directory.remove(f"{LOG_DIRECTORY}/{name}")
    file = directory.open(last.name, writable=True)
    try:
        if torn is not None:
            quarantine = _copy_to_quarantine(directory, file, last.name, torn)
            report = attrs.evolve(report, torn=torn_tail_of(last, quarantine))
        if torn is not None or file.size() < place.position:
            # Also where a frame's last zeros are missing.
            file.truncate(place.position)
            file.allocate(place.position)
        file.sync()
        directory.sync(LOG_DIRECTORY)
        note = _note_end(directory, found)
    except BaseException:
        file.close()
        raise
    return Tail(directory, last.scan.header, file, place, note), report


def _note_end(directory: Directory, found: Found) -> EndNote | None:
    """Note where the log ends, all of which is synced, and give what is noted."""
    scan = found.last.scan
    note = EndNote(
        database=found.database,
        first_offset=scan.header.first_offset,
        place=scan.place,
    )
    if note == found.note:
        directory.sync()  # who wrote it may have been killed before
        return note
    try:
        write_end_note(directory, note)
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        # An older note holds, and older logs are allowed to have none. But one that
        # keeps notes has to have its first before its first commit.
        if found.state.offset == 0:
            path = directory.describe(END_NAME)
            raise DiskFull(path, len(note.encode())) from error
        return found.note
    return note


def _copy_to_quarantine(
    directory: Directory, file: File, segment: str, torn: TornTail
) -> str:
    """Keep the bytes of a torn tail, synced, before they are cut off."""
    directory.make_directory(QUARANTINE)
    base = f"{QUARANTINE}/{segment.rpartition('/')[2]}.{torn.position}"
    numbers = itertools.count(1)
    name = f"{base}.torn"
    while directory.exists(name):
        name = f"{base}.{next(numbers)}.torn"
    copy = directory.create(name)
    try:
        end, at = torn.position + torn.bytes_count, torn.position
        while at < end:
            data = file.read(at, min(_COPY_BYTES, end - at))
            write_whole(copy, at - torn.position, data)
            at += len(data)
        copy.sync()
    finally:
        copy.close()
    directory.sync(QUARANTINE)
    directory.sync()
    return directory.describe(name)
