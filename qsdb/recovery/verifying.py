"""Verifying: whether what is stored is what was written, as far as files tell.

All files are read, also those that opening would not look at, and reading goes on
after damage, so that all of it is told at once:

1. each segment of the log: header, database, frames, and that one follows the other;
2. each snapshot: manifest, and that each chunk is there and hashes to its name;
3. that the log comes to the snapshots, and to where its end was noted;
4. what lies about besides.

*Deep*, the database is also made anew: from the beginning of the log and from each
snapshot, up to the next one, and what comes out is compared with what that holds,
row by row. The end must keep all rules: kinds, unique keys, the catalogue. This
finds faults of the engine too, not of the disk alone.

It reads only and takes no lock, so it may run while the database is written to: what
is wrong is read once more, since it may have been a write that was under way.

A torn tail is no damage (`qsdb.log.scanning`): nobody was promised what stood there.
"""

from collections.abc import Iterator

import attrs

from qsdb.files import Directory, StrPath
from qsdb.log.chunks import OBJECTS_DIRECTORY
from qsdb.log.end_notes import END_NAME
from qsdb.log.manifests import SNAPSHOTS_DIRECTORY, manifest_name
from qsdb.log.segments import LOG_DIRECTORY, segment_name
from qsdb.log.whole_files import TEMPORARY
from qsdb.recovery.directories import find_database
from qsdb.recovery.ends import NotedEnd
from qsdb.recovery.log_checks import LogFound, check_log
from qsdb.recovery.opening import OWN_NAMES, QUARANTINE, Progress
from qsdb.recovery.report import TornTailFound
from qsdb.recovery.salvaging import (
    FileFault,
    fault_at_end,
    likely_database,
    read_headers,
)
from qsdb.recovery.snapshot_checks import (
    SnapshotsFound,
    check_snapshots,
    replay_all,
)
from qsdb.recovery.state import State
from qsdb.recovery.system_errors import own_errors
from qsdb.schema.system import USER_IDS_FIRST

__all__ = ["Verification", "verify"]

_CUT_OFF = "was left by a write that was cut off"


@attrs.frozen(kw_only=True)
class Verification:
    """What verifying found.

    >>> print(Verification(path="data", offset=7, segments_count=1, records_count=7))
    data is sound, at offset 7
      log        1 segments, 7 commits, 0 bytes
      snapshots  none
    """

    path: str
    offset: int | None
    """The last commit; None where the end of the log cannot be told."""
    segments_count: int = 0
    records_count: int = 0
    """Whole commits in the log."""
    log_bytes: int = 0
    snapshots: tuple[int, ...] = ()
    """Offsets of those whose manifests can be read."""
    chunks_count: int = 0
    chunks_bytes: int = 0
    rows_count: int | None = None
    """Rows at the end, of all tables; None where they were not looked at."""
    torn: TornTailFound | None = None
    faults: tuple[FileFault, ...] = ()
    """What is wrong: in which file, where, and why."""
    remarks: tuple[str, ...] = ()
    """What lies about and does no harm, a sentence for each."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing is wrong. A torn tail is no fault."""
        return not self.faults

    def __str__(self) -> str:
        """Give the page."""
        count = len(self.faults)
        places = "one place" if count == 1 else f"{count} places"
        words = "is sound" if self.is_sound else f"is damaged in {places}"
        at = "" if self.offset is None else f", at offset {self.offset}"
        lines = [f"{self.path} {words}{at}"]
        lines.append(
            f"  log        {self.segments_count:,} segments, "
            f"{self.records_count:,} commits, {self.log_bytes:,} bytes"
        )
        if self.snapshots:
            offsets = ", ".join(map(str, self.snapshots))
            lines.append(
                f"  snapshots  of offset {offsets}: {self.chunks_count:,} chunks, "
                f"{self.chunks_bytes:,} bytes"
            )
        else:
            lines.append("  snapshots  none")
        if self.rows_count is not None:
            lines.append(f"  replayed   {self.rows_count:,} rows at the end")
        if self.torn is not None:
            lines.append(
                f"  torn       {self.torn.bytes_count:,} bytes from byte "
                f"{self.torn.position:,} of {self.torn.path}: {self.torn.reason}; "
                "harmless"
            )
        lines += [f"  remark     {each}" for each in self.remarks]
        lines += [f"  FAULT      {each}" for each in self.faults]
        return "\n".join(lines)


@own_errors("check")
def verify(
    path: StrPath | Directory,
    deep: bool = False,  # noqa: FBT001, FBT002  as users know it
    progress: Progress | None = None,
) -> Verification:
    """Check all files of a database; writes nothing.

    Args:
        path: Its directory; it may be open, in this process or another.
        deep: Whether to replay the log between all snapshots, and compare.
        progress: Called with how many segments of the log are read, and how many
            there are.

    Returns:
        What was found, of which `Verification.is_sound` is the sum; to be printed.

    Raises:
        ArgumentError: `path` is no path.
        StorageError: there is no database.
        FormatVersionError: a newer qsdb wrote it.

    Cost: one pass over all files; deep, that of opening for each snapshot.
    """
    directory = find_database(path)
    before: tuple[FileFault, ...] = ()
    while True:
        found = _verify(directory, progress, is_deep=deep)
        if not found.faults or found.faults == before:
            return found
        before = found.faults


def _verify(
    directory: Directory, progress: Progress | None, *, is_deep: bool
) -> Verification:
    faults: list[FileFault] = []
    end_note = NotedEnd(directory)  # before the log
    headers = read_headers(directory)
    database = likely_database(directory, headers) or b""
    steps = _Steps(len(headers), progress)
    log = check_log(directory, headers, database, faults.append, steps.step)
    found = check_snapshots(directory, database, faults.append)
    begin = min(headers, default=0)
    faults += _faults_between(directory, begin, log, found)
    fault_of_end = fault_at_end(end_note, headers, database, log.end, log.torn)
    if fault_of_end is not None:
        faults.append(fault_of_end)
    end: State | None = None
    if is_deep:
        starts = [each.offset for each in found.snapshots]
        starts = [each for each in starts if headers and each + 1 >= begin]
        if begin == 1:
            starts.insert(0, 0)
        told = {each.path for each in faults}
        end = replay_all(directory, database, starts, told, faults.append)
        problems = () if end is None else end.problems()
        faults += [FileFault(directory.describe(), 0, each) for each in problems]
    return Verification(
        path=directory.describe(),
        offset=log.last_offset,
        segments_count=len(headers),
        records_count=log.records_count,
        log_bytes=log.bytes_count,
        snapshots=tuple([each.offset for each in found.snapshots]),
        chunks_count=len(found.chunks),
        chunks_bytes=sum([each.bytes_count for each in found.chunks.values()]),
        rows_count=None if end is None else _rows_count(end),
        torn=log.torn if fault_of_end is None else None,
        faults=tuple(faults),
        remarks=tuple(_remarks(directory, begin, found, end_note)),
    )


class _Steps:
    """Counts segments, and tells how many are read."""

    def __init__(self, count: int, progress: Progress | None) -> None:
        self._count = count
        self._progress = progress
        self._done = 0

    def step(self) -> None:
        self._done += 1
        if self._progress is not None:
            self._progress(self._done, self._count)


def _rows_count(state: State) -> int:
    """Count the rows of users, without those that describe their tables."""
    tables = state.tables.items()
    return sum([len(e.rows) for number, e in tables if number >= USER_IDS_FIRST])


def _faults_between(
    directory: Directory, begin: int, log: LogFound, found: SnapshotsFound
) -> Iterator[FileFault]:
    """Yield where log and snapshots do not go together."""
    offsets = [each.offset for each in found.snapshots]
    if max(offsets, default=0) + 1 < begin:
        path = directory.describe(segment_name(1))
        reason = (
            f"it is missing; the log begins with {begin}, and no snapshot before it"
        )
        yield FileFault(path, 0, reason)
    for offset in offsets:
        if log.last_offset is not None and offset > log.last_offset:
            path = directory.describe(manifest_name(offset))
            reason = f"the log ends with offset {log.last_offset}: a part is missing"
            yield FileFault(path, 0, reason)


def _remarks(
    directory: Directory, begin: int, found: SnapshotsFound, end: NotedEnd
) -> Iterator[str]:
    """Yield what lies about, and what is kept for nothing."""
    if end.note is None and end.damage is None:
        yield (
            f"{directory.describe(END_NAME)} is not there yet: were the end of the log "
            "missing, nobody could tell; opening it to write notes where it ends"
        )
    for name in directory.list():
        if name not in OWN_NAMES:
            yield f"{directory.describe(name)} is no file of a database"
        elif name.endswith(TEMPORARY):
            yield f"{directory.describe(name)} {_CUT_OFF}"
    for each in found.snapshots:
        if each.offset + 1 < begin:
            path = directory.describe(manifest_name(each.offset))
            yield f"{path} is of no use: the log begins with {begin}"
    yield from _remarks_on_files(directory, found)


def _remarks_on_files(directory: Directory, found: SnapshotsFound) -> Iterator[str]:
    unneeded: list[str] = []
    for name in _file_names(directory):
        if name.endswith(TEMPORARY):
            yield f"{directory.describe(name)} {_CUT_OFF}"
        elif name.startswith(f"{QUARANTINE}/"):
            yield f"{directory.describe(name)} was taken out of the way"
        elif name.startswith(f"{OBJECTS_DIRECTORY}/") and name not in found.chunks:
            unneeded.append(name)
    if unneeded and found.is_complete:
        path = directory.describe(unneeded[0])
        yield f"{len(unneeded)} chunks are of no snapshot, {path} is the first"


def _file_names(directory: Directory) -> Iterator[str]:
    """Yield the names of all files of a database below its root."""
    folders = [LOG_DIRECTORY, SNAPSHOTS_DIRECTORY, QUARANTINE]
    objects = _names_in(directory, OBJECTS_DIRECTORY)
    for folder in [*folders, *objects]:
        yield from _names_in(directory, folder)


def _names_in(directory: Directory, folder: str) -> list[str]:
    try:
        return [f"{folder}/{name}" for name in directory.list(folder)]
    except (FileNotFoundError, NotADirectoryError):
        return []
