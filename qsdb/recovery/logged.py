"""Logged commits one by one, for those who want more than the state they lead to.

Opening (`qsdb.recovery.opening`) applies records as fast as it can and forgets them.
Here they are given out, each with its offset, after the same checks of segments and
frames.
"""

import contextlib
from collections.abc import Iterator

from qsdb.errors import CorruptionError
from qsdb.files import Directory
from qsdb.log.scanning import Scan, scan_segment
from qsdb.log.segments import LOG_DIRECTORY, segment_name
from qsdb.recovery.opening import list_segments, read_header

__all__ = ["log_end", "logged_records"]


def logged_records(
    directory: Directory, database: bytes, first: int, last: int
) -> Iterator[tuple[int, bytes]]:
    """Yield the offset and the record of each commit from one offset to another.

    Args:
        directory: With a database in it.
        database: Its id.
        first: Offset of the first one, which the log reaches back to.
        last: Of the last one; at the end of the log there are no more.

    Raises:
        CorruptionError, FormatVersionError: the log cannot be read.
        OSError: the system refuses.
    """
    segments = list_segments(directory)
    before = [each for each in segments if each <= first]
    needed = [*before[-1:], *[each for each in segments if first < each <= last]]
    chain, following = None, (before or [first])[-1]
    for begin in needed:
        if begin != following:
            raise CorruptionError(
                directory.describe(segment_name(following)),
                0,
                f"it is missing; the next segment begins with offset {begin}",
                following - 1,
            )
        is_last = begin == segments[-1]
        with _scan(directory, database, begin, chain, is_last=is_last) as scan:
            for start, records in scan:
                for offset, record in enumerate(records, start):
                    if first <= offset <= last:
                        yield offset, record
            chain, following = scan.place.chain, scan.place.offset


def log_end(directory: Directory) -> tuple[bytes, int]:
    """Give the id of a database, and the offset of the last commit in its log.

    Cost: that of reading the last segment.

    Raises:
        CorruptionError, FormatVersionError: that cannot be read, or is not there.
        OSError: the system refuses.
    """
    segments = list_segments(directory)
    if not segments:
        fault = "there is no segment of the log"
        raise CorruptionError(directory.describe(LOG_DIRECTORY), 0, fault)
    database = read_header(directory, segments[-1]).database
    with _scan(directory, database, segments[-1], None, is_last=True) as scan:
        for _ in scan:
            pass
        return database, scan.place.offset - 1


@contextlib.contextmanager
def _scan(
    directory: Directory,
    database: bytes,
    begin: int,
    chain: int | None,
    *,
    is_last: bool,
) -> Iterator[Scan]:
    """Open the segment that begins with an offset, and close it at the end."""
    name = segment_name(begin)
    file = directory.open(name)
    try:
        yield scan_segment(
            file,
            directory.describe(name),
            database=database,
            first_offset=begin,
            chain=chain,
            is_last=is_last,
        )
    finally:
        file.close()
