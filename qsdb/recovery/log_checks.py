"""Checking the log: every segment, past all damage, and that one follows the other.

The first fault of a segment is the one that opening would refuse, in its words; what
comes after it is found by `qsdb.recovery.salvaging`.
"""

from collections.abc import Callable
from typing import NamedTuple

import attrs

from qsdb.errors import CorruptionError
from qsdb.files import Directory, File
from qsdb.log.frames import Place
from qsdb.log.scanning import Scan, scan_segment
from qsdb.log.segments import LOG_DIRECTORY, SegmentHeader, segment_name
from qsdb.recovery.report import TornTailFound
from qsdb.recovery.salvaging import (
    Break,
    FileFault,
    Headers,
    Records,
    Walk,
    fault_of,
)

__all__ = ["LogFound", "Tell", "check_log"]

Tell = Callable[[FileFault], object]
"""Takes a fault."""


class LogFound(NamedTuple):
    """What there is of a log."""

    bytes_count: int
    records_count: int
    """Whole ones."""
    end: Place | None
    """None where that cannot be told."""
    torn: TornTailFound | None

    @property
    def last_offset(self) -> int | None:
        """The last commit; None where the end of the log cannot be told."""
        return None if self.end is None else self.end.offset - 1


def check_log(
    directory: Directory,
    headers: Headers,
    database: bytes,
    tell: Tell,
    step: Callable[[], object],
) -> LogFound:
    """Check all segments of a log.

    Args:
        directory: Of the database.
        headers: Of its segments.
        database: Its id.
        tell: Takes each fault.
        step: Called after each segment.

    Raises:
        FormatVersionError: a newer qsdb wrote it.

    Cost: one pass over the log; where there is damage, a segment is held in memory.
    """
    checker = _LogChecker(directory, database, tell)
    last = max(headers, default=0)
    if not headers:
        path = directory.describe(LOG_DIRECTORY)
        tell(FileFault(path, 0, "there is no segment of the log"))
    for first_offset, header in headers.items():
        checker.check(first_offset, header, is_last=first_offset == last)
        step()
    return LogFound(
        checker.bytes_count, checker.records_count, checker.place, checker.torn
    )


class _LogChecker:
    """Checks one segment after the other.

    Attributes:
        place: Where the next segment begins; None where that is not known.
    """

    def __init__(self, directory: Directory, database: bytes, tell: Tell) -> None:
        self._directory = directory
        self._database = database
        self._tell = tell
        self.place: Place | None = None
        self.bytes_count = self.records_count = 0
        self.torn: TornTailFound | None = None

    def check(
        self, first_offset: int, header: SegmentHeader | FileFault, *, is_last: bool
    ) -> None:
        place, self.place = self.place, None
        if place is not None and place.offset != first_offset:
            path = self._directory.describe(segment_name(place.offset))
            reason = (
                f"it is missing; the next segment begins with offset {first_offset}"
            )
            self._tell(FileFault(path, 0, reason))
            place = None
        if isinstance(header, FileFault):
            self._tell(header)
            return
        name = segment_name(first_offset)
        path = self._directory.describe(name)
        try:
            file = self._directory.open(name)
            try:
                self.bytes_count += file.size()
                scan = scan_segment(
                    file,
                    path,
                    database=self._database,
                    first_offset=first_offset,
                    chain=None if place is None else place.chain,
                    is_last=is_last,
                )
                self._scan(scan, file, path, is_last=is_last)
            finally:
                file.close()
        except (CorruptionError, OSError) as error:
            self._tell(fault_of(error, path))

    def _scan(self, scan: Scan, file: File, path: str, *, is_last: bool) -> None:
        """Read a segment as opening does, and from the first fault on past all."""
        count = 0
        try:
            for _, records in scan:
                count += len(records)
        except CorruptionError as error:
            self._tell(fault_of(error, path))
            walk = Walk(file.read(0, file.size()), path, scan.header)
            self._go_on(walk, error, is_last=is_last)
            return
        self.records_count += count
        self.place = scan.place
        if scan.torn is not None:
            position, bytes_count, reason = attrs.astuple(scan.torn)
            self.torn = TornTailFound(path, position, bytes_count, reason, None)

    def _go_on(self, walk: Walk, error: CorruptionError, *, is_last: bool) -> None:
        for item in walk:
            if isinstance(item, Records):
                self.records_count += len(item.records)
            elif isinstance(item, Break) and item.position > error.position:
                if item.is_end and is_last:
                    continue  # a torn tail
                self._tell(FileFault(error.path, item.position, item.reason))
        self.place = walk.end
