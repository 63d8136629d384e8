"""Opening: from a directory to the state it holds, and to the end of its log.

The newest snapshot that can be read is where it begins, then the log is replayed
from there::

    snapshots   ···5        ···9 (damaged: passed over, and told)
    log         1…4 │ 5…8 │ 9…11 ▒▒▒ (torn: nobody was promised that)
                      └──┴────────► offset 11
    END                     9…    (the log comes at least to here)

Rules:

1. Nothing is written before everything has been read and found good. Damage, a
   missing segment, a segment of another database: each is refused by name, and
   nothing has changed.
2. What is noted of the end of the log is read before the log: it has to come as far
   (`qsdb.recovery.ends`).
3. Who goes on from there, and does not only read, mends the end
   (`qsdb.recovery.mending`).
4. The commit that creates a database is offset 1. Where it is torn, there never
   was a database.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple, NoReturn

from qsdb.errors import CorruptionError, StorageError
from qsdb.files import Directory, File
from qsdb.log.chunks import OBJECTS_DIRECTORY
from qsdb.log.end_notes import END_NAME, EndNote
from qsdb.log.manifests import SNAPSHOTS_DIRECTORY
from qsdb.log.records import RecordError, record_time
from qsdb.log.scanning import Scan, scan_segment
from qsdb.log.segments import (
    LOG_DIRECTORY,
    SEGMENT_HEADER_BYTES,
    SegmentHeader,
    segment_name,
    segment_offset,
)
from qsdb.log.snapshots import list_snapshots
from qsdb.log.whole_files import TEMPORARY
from qsdb.recovery.ends import NotedEnd
from qsdb.recovery.good_snapshots import with_good_snapshot
from qsdb.recovery.report import Recovery, TornTailFound
from qsdb.recovery.state import State, read_snapshot_state

__all__ = [
    "LOCK_NAME",
    "OWN_NAMES",
    "QUARANTINE",
    "Found",
    "is_new",
    "list_segments",
    "no_directory",
    "read_header",
    "read_state",
    "torn_tail_of",
]

LOCK_NAME = "LOCK"
QUARANTINE = "quarantine"
OWN_NAMES = frozenset(
    {
        *(LOCK_NAME, END_NAME, END_NAME + TEMPORARY),
        *(LOG_DIRECTORY, QUARANTINE, SNAPSHOTS_DIRECTORY, OBJECTS_DIRECTORY),
    }
)
"""What stands in the root of a database."""

Progress = Callable[[int, int], object]
"""Is told how many segments of the log are read, and how many there are to read."""

Until = Callable[[State, int], bool]
"""Is asked before each commit, with the state before it and the commit's time in
microseconds, whether that is enough."""


class LastSegment(NamedTuple):
    """A segment that has been read, at best to its end."""

    name: str
    path: str
    file: File
    """Closed."""
    scan: Scan


class Found(NamedTuple):
    """What a directory holds; nothing has been written yet."""

    state: State
    database: bytes
    """Its id, 16 bytes."""
    last: LastSegment
    note: EndNote | None
    """How far the log came when that was last noted."""
    report: Recovery


def is_new(directory: Directory) -> bool:
    """Whether there is no database in a directory, and none can have been.

    Raises:
        StorageError: there is something else in it, or a copy that was cut off.
    """
    if not directory.exists():
        return True
    try:
        names = directory.list()
    except NotADirectoryError:
        raise no_directory(directory) from None
    if END_NAME in names:
        _refuse_unfinished(directory)
        return False
    if list_segments(directory) or list_snapshots(directory):
        return False
    strangers = [name for name in names if name not in OWN_NAMES]
    if LOG_DIRECTORY in names:
        found = directory.list(LOG_DIRECTORY)
        strangers += [f"{LOG_DIRECTORY}/{e}" for e in found if not _is_of_log(e)]
    if strangers:
        raise StorageError(
            f"{directory.describe()} is no database: there is no segment of a log in "
            f"it, but {', '.join(strangers[:3])}. Nothing was written; name an empty "
            "directory, or one that is not there yet"
        )
    return True


def no_directory(directory: Directory) -> StorageError:
    """Make the error for a path at which, or above which, there is a file."""
    return StorageError(
        f"{directory.describe()} is a file, or is below one, and a database is a "
        "directory. Nothing was written; name another place"
    )


def _is_of_log(name: str) -> bool:
    return segment_offset(name.removesuffix(".tmp")) is not None


def _refuse_unfinished(directory: Directory) -> None:
    """Refuse a copy that was begun and never finished: nothing of it counts.

    Raises:
        StorageError: it is one.
    """
    note = NotedEnd(directory).note
    if note is not None and note.is_unfinished:
        raise StorageError(
            f"a copy of a database was begun in {directory.describe()} and not "
            "finished, so nothing in it counts. Nothing was written; make the copy "
            "into it again, which starts over, or remove it"
        )


def list_segments(directory: Directory) -> list[int]:
    """Give the first offsets of all segments of the log, oldest first."""
    is_there = directory.exists(LOG_DIRECTORY)
    names = directory.list(LOG_DIRECTORY) if is_there else []
    found = [segment_offset(name) for name in names]
    return sorted([offset for offset in found if offset is not None])


def read_header(directory: Directory, first_offset: int) -> SegmentHeader:
    """Give the header of the segment that begins with an offset.

    Raises:
        CorruptionError, FormatVersionError: it cannot be read.
    """
    name = segment_name(first_offset)
    file = directory.open(name)
    try:
        data = file.read(0, SEGMENT_HEADER_BYTES)
    finally:
        file.close()
    path = directory.describe(name)
    return SegmentHeader.decode(data, path, first_offset=first_offset)


def read_state(
    directory: Directory,
    *,
    at_most: int | None = None,
    until: Until | None = None,
    progress: Progress | None = None,
) -> Found:
    """Read what a directory holds.

    Args:
        directory: With a database in it.
        at_most: No snapshot after this offset is to be read.
        until: Where to end; at the end of the log if not given.
        progress: Is told how far the log is read.

    Raises:
        CorruptionError, FormatVersionError: it cannot be read; nothing was changed.
    """
    try:
        return _read_state(directory, at_most, until, progress)
    except CorruptionError as error:
        raise with_good_snapshot(directory, error) from None


def _read_state(
    directory: Directory,
    at_most: int | None,
    until: Until | None,
    progress: Progress | None,
) -> Found:
    end = NotedEnd(directory)  # before the log
    offsets = list_segments(directory)
    if not offsets:
        raise CorruptionError(
            directory.describe(LOG_DIRECTORY), 0, end.told_without_log()
        )
    reader = _Reader(directory, offsets)
    state, snapshot_offset, skipped = reader.newest_snapshot(at_most)
    last, is_to_the_end = reader.replay(state, until, progress)
    if is_to_the_end:
        end.require(last.scan.header, last.scan.place, last.scan.torn)
    report = Recovery(
        directory.describe(),
        offset=state.offset,
        snapshot_offset=snapshot_offset,
        records_count=state.offset - (snapshot_offset or 0),
        torn=torn_tail_of(last),
        skipped=tuple(skipped),
    )
    return Found(state, reader.database, last, end.note, report)


class _Reader:
    """Reads the snapshots and the log of one directory."""

    def __init__(self, directory: Directory, offsets: list[int]) -> None:
        """Look at the header of the first segment, which names the database."""
        self._directory = directory
        self._offsets = offsets
        self.database = read_header(directory, offsets[0]).database

    def newest_snapshot(
        self, at_most: int | None
    ) -> tuple[State, int | None, list[str]]:
        """Give the state of the newest snapshot that can be read, or an empty one.

        Returns:
            The state, the snapshot's offset, and why newer ones were passed over.

        Raises:
            CorruptionError, OSError: none can be read, and the log alone does not
                reach back.
        """
        skipped: list[str] = []
        error: CorruptionError | OSError | None = None
        for offset in reversed(list_snapshots(self._directory)):
            if at_most is not None and offset > at_most:
                continue
            if error is not None and offset + 1 < self._offsets[0]:
                raise error  # the log does not go on from older ones
            try:
                state = read_snapshot_state(self._directory, offset, self.database)
            except (CorruptionError, OSError) as damage:
                error = error or damage
                reason = getattr(damage, "reason", damage)
                skipped.append(f"the snapshot of offset {offset}: {reason}")
            else:
                return state, offset, skipped
        if self._offsets[0] > 1:
            if error is not None:
                raise error
            name = self._directory.describe(segment_name(1))
            raise CorruptionError(
                name, 0, f"it is missing; the log begins with {self._offsets[0]}", 0
            )
        return State(), None, skipped

    def replay(
        self, state: State, until: Until | None, progress: Progress | None
    ) -> tuple["LastSegment", bool]:
        """Bring a state to the end of the log, or to where `until` says.

        Returns:
            The last segment read, and whether `until` would have had more.

        Raises:
            CorruptionError: the log is damaged, has a gap, or ends before the state.
        """
        needed = [
            first
            for first, following in itertools.zip_longest(
                self._offsets, self._offsets[1:]
            )
            if following is None or following > state.offset + 1
        ]
        chain, expected = None, needed[0]  # there is one: the last
        if expected > state.offset + 1:
            self._refuse_gap(state.offset + 1, expected)
        number = 0
        while True:
            first = needed[number]
            number += 1
            if first != expected:
                self._refuse_gap(expected, first)
            segment = self._open(first, chain, is_last=number == len(needed))
            try:
                is_done = _replay(segment, state, until)
            finally:
                segment.file.close()
            if progress is not None:
                progress(number, len(needed))
            chain, expected = segment.scan.place.chain, segment.scan.place.offset
            if is_done or number == len(needed):
                break
        if expected <= state.offset:
            raise CorruptionError(
                segment.path,
                segment.scan.place.position,
                f"the log ends with offset {expected - 1}, and there is a snapshot of "
                f"offset {state.offset}: a part of the log is missing",
                expected - 1,
            )
        is_enough = until is not None and until(state, state.microseconds)
        return segment, not (is_done or is_enough)

    def _open(self, first: int, chain: int | None, *, is_last: bool) -> "LastSegment":
        name = segment_name(first)
        file, path = self._directory.open(name), self._directory.describe(name)
        try:
            scan = scan_segment(
                file,
                path,
                database=self.database,
                first_offset=first,
                chain=chain,
                is_last=is_last,
            )
        except BaseException:
            file.close()
            raise
        return LastSegment(name, path, file, scan)

    def _refuse_gap(self, expected: int, found: int) -> NoReturn:
        raise CorruptionError(
            self._directory.describe(segment_name(expected)),
            0,
            f"it is missing; the next segment begins with offset {found}",
            expected - 1,
        )


def _replay(segment: "LastSegment", state: State, until: Until | None) -> bool:
    """Apply the records of a segment that are not in the state yet.

    Returns:
        Whether `until` said that it is enough.

    Raises:
        CorruptionError: the segment is damaged, or what is in it is no record.
    """
    for first_offset, records in segment.scan:
        passed = max(0, state.offset + 1 - first_offset)
        for record in records[passed:]:
            try:
                if until is not None and until(state, record_time(record)):
                    return True
                state.apply(record)
            except RecordError as error:
                raise CorruptionError(
                    segment.path,
                    segment.scan.place.position,
                    f"the commit at offset {state.offset + 1}: {error}",
                    state.offset,
                ) from None
    return False


def torn_tail_of(
    last: LastSegment, quarantine: str | None = None
) -> TornTailFound | None:
    """Tell of the torn tail of a segment, if it has one.

    Args:
        last: The segment.
        quarantine: Where the bytes were copied to.
    """
    torn = last.scan.torn
    if torn is None:
        return None
    return TornTailFound(
        last.path, torn.position, torn.bytes_count, torn.reason, quarantine
    )
