"""Opening: from a directory to the state it holds, and to the end of its log.

The newest snapshot that can be read is where it begins, then the log is replayed
from there::

    snapshots   ···5        ···9 (damaged: passed over, and told)
    log         1…4 │ 5…8 │ 9…11 ▒▒▒ (torn: copied to quarantine, then cut)
                      └──┴────────► offset 11

Rules:

1. Nothing is written before everything has been read and found good. Damage, a
   missing segment, a segment of another database: each is refused by name, and
   nothing has changed.
2. What was read is synced before anything is promised on top of it: a process that
   was killed may have left it in the cache only.
3. A torn tail is copied to ``quarantine/`` and cut off, and both are synced.
4. Done again from any point where it was cut off, it comes to the same.
5. The commit that creates a database is offset 1. Where it is torn, there never
   was a database.
"""

import itertools
from collections.abc import Callable
from typing import NamedTuple, NoReturn

import attrs

from qsdb.errors import CorruptionError, StorageError
from qsdb.files import Directory, File
from qsdb.log.records import RecordError, record_time
from qsdb.log.scanning import Scan, TornTail, scan_segment
from qsdb.log.segments import (
    LOG_DIRECTORY,
    SEGMENT_HEADER_BYTES,
    SegmentHeader,
    segment_name,
    segment_offset,
)
from qsdb.log.snapshots import list_snapshots
from qsdb.log.tail import Tail, write_whole
from qsdb.recovery.report import Recovery, TornTailFound
from qsdb.recovery.state import State, read_snapshot_state

__all__ = [
    "LOCK_NAME",
    "OWN_NAMES",
    "QUARANTINE",
    "Found",
    "is_new",
    "list_segments",
    "mend",
    "no_directory",
    "read_state",
]

LOCK_NAME = "LOCK"
QUARANTINE = "quarantine"
OWN_NAMES = frozenset({LOCK_NAME, LOG_DIRECTORY, QUARANTINE, "snapshots", "objects"})
"""What stands in the root of a database."""
_COPY_BYTES = 1 << 20

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
    report: Recovery


def is_new(directory: Directory) -> bool:
    """Whether there is no database in a directory, and none can have been.

    Raises:
        StorageError: there is something else in it.
    """
    if not directory.exists():
        return True
    try:
        names = directory.list()
    except NotADirectoryError:
        raise no_directory(directory) from None
    if list_segments(directory):
        return False
    snapshots = list_snapshots(directory)
    if snapshots:
        return _is_unfinished_copy(directory, snapshots)
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


def _is_unfinished_copy(directory: Directory, snapshots: list[int]) -> bool:
    """Whether `qsdb.recovery.copying` was cut off: its log has no name yet."""
    temporary = [f"{segment_name(offset + 1)}.tmp" for offset in snapshots]
    return any(directory.exists(name) for name in temporary)


def list_segments(directory: Directory) -> list[int]:
    """Give the first offsets of all segments of the log, oldest first."""
    is_there = directory.exists(LOG_DIRECTORY)
    names = directory.list(LOG_DIRECTORY) if is_there else []
    found = [segment_offset(name) for name in names]
    return sorted([offset for offset in found if offset is not None])


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
    offsets = list_segments(directory)
    if not offsets:
        raise CorruptionError(
            directory.describe(LOG_DIRECTORY), 0, "there is no segment of the log"
        )
    reader = _Reader(directory, offsets)
    state, snapshot_offset, skipped = reader.newest_snapshot(at_most)
    last = reader.replay(state, until, progress)
    report = Recovery(
        directory.describe(),
        offset=state.offset,
        snapshot_offset=snapshot_offset,
        records_count=state.offset - (snapshot_offset or 0),
        torn=_told(last, None),
        skipped=tuple(skipped),
    )
    return Found(state, reader.database, last, report)


class _Reader:
    """Reads the snapshots and the log of one directory."""

    def __init__(self, directory: Directory, offsets: list[int]) -> None:
        """Look at the header of the first segment, which names the database."""
        self._directory = directory
        self._offsets = offsets
        self.database = self._header(offsets[0]).database

    def _header(self, first_offset: int) -> SegmentHeader:
        name = segment_name(first_offset)
        file = self._directory.open(name)
        try:
            data = file.read(0, SEGMENT_HEADER_BYTES)
        finally:
            file.close()
        path = self._directory.describe(name)
        return SegmentHeader.decode(data, path, first_offset=first_offset)

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
    ) -> "LastSegment":
        """Bring a state to the end of the log, or to where `until` says.

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
        return segment

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


def _told(last: LastSegment, quarantine: str | None) -> TornTailFound | None:
    torn = last.scan.torn
    if torn is None:
        return None
    return TornTailFound(
        last.path, torn.position, torn.bytes_count, torn.reason, quarantine
    )


def mend(directory: Directory, found: Found) -> tuple[Tail, Recovery]:
    """Make the end of the log one to go on from, and have all of it on the disk.

    Whoever calls it holds the lock of the directory.

    Returns:
        The end of the log, and what is to be told.
    """
    last, report = found.last, found.report
    torn, place = last.scan.torn, last.scan.place
    for name in directory.list(LOG_DIRECTORY):
        if name.endswith(".tmp"):  # a segment that was never begun
            directory.remove(f"{LOG_DIRECTORY}/{name}")
    file = directory.open(last.name, writable=True)
    try:
        if torn is not None:
            quarantine = _copy_to_quarantine(directory, file, last.name, torn)
            report = attrs.evolve(report, torn=_told(last, quarantine))
        if torn is not None or file.size() < place.position:
            # Also where a frame's last zeros are missing.
            file.truncate(place.position)
            file.allocate(place.position)
        file.sync()
        directory.sync(LOG_DIRECTORY)
    except BaseException:
        file.close()
        raise
    return Tail(directory, last.scan.header, file, place), report


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
