"""Repairing: from a damaged directory to a new one that opens.

What is damaged stays as it is. The new directory gets the newest state that can be
told without a gap: the newest snapshot that can be read, and the commits that follow
it one after the other::

    snapshots   ···5             ···12 (damaged: passed over, and told)
    log         1…4 │ 5…8 │ 9 ▒▒▒ 11 12 13 │ 14…
                  └──┴──────┘ state of offset 9; 10 is lost, 11 and up are salvaged

A damaged place takes no more than what stood there: where the commits around it
follow one another all the same (a mark stood there, or a snapshot holds what was
lost), it is passed over. A damaged header takes nothing, if the first frame is whole
(`qsdb.recovery.headers`). Commits after a gap cannot be applied. They are counted,
and on request written for people to look at, into ``quarantine/salvaged.cbor``: a
sequence of CBOR maps, one for each record, with the rows put and the keys removed.
"""

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import attrs

from qsdb.codec.cbor import to_cbor
from qsdb.errors import CorruptionError, StorageError
from qsdb.files import Directory, StrPath
from qsdb.log.frames import Place
from qsdb.log.records import RecordError, read_record
from qsdb.log.segments import SegmentHeader, segment_name
from qsdb.log.snapshots import list_snapshots
from qsdb.log.whole_files import read_file, write_whole
from qsdb.recovery.copying import require_empty, write_state
from qsdb.recovery.directories import as_files, find_database
from qsdb.recovery.ends import NotedEnd
from qsdb.recovery.headers import header_from_frames
from qsdb.recovery.opening import QUARANTINE, Progress
from qsdb.recovery.salvaging import (
    Break,
    FileFault,
    Headers,
    Records,
    Remains,
    Walk,
    fault_at_end,
    fault_of,
    likely_database,
    read_headers,
)
from qsdb.recovery.state import State, read_snapshot_state
from qsdb.recovery.system_errors import own_errors

__all__ = ["SALVAGED_NAME", "Repair", "repair"]

SALVAGED_NAME = f"{QUARANTINE}/salvaged.cbor"


@attrs.frozen(kw_only=True)
class Repair:
    """What could be saved, and what is lost.

    >>> print(Repair(source="data", target="mended", offset=9, last_offset=12))
    mended at offset 9, repaired from data
      log       0 commits replayed
      lost      offsets 10 to 12; 0 commits of them in 0 whole frames
    """

    source: str
    target: str
    offset: int
    """The last commit that was saved."""
    last_offset: int
    """The last commit that anything tells of."""
    snapshot_offset: int | None = None
    """Of the snapshot that was read; None if there was none to read."""
    records_count: int = 0
    """Commits that were read from the log."""
    skipped: tuple[str, ...] = ()
    """Why newer snapshots could not be read, a sentence for each."""
    faults: tuple[FileFault, ...] = ()
    """What is wrong in the log, from the snapshot on."""
    lost_records_count: int = 0
    """Whole commits that come after a gap."""
    lost_frames_count: int = 0
    """The frames that these were in."""
    salvaged: str | None = None
    """Where they were written to, not applied; None where that was not asked for."""

    def __str__(self) -> str:
        """Give the page."""
        lines = [f"{self.target} at offset {self.offset}, repaired from {self.source}"]
        if self.snapshot_offset is not None:
            lines.append(f"  snapshot  of offset {self.snapshot_offset}")
        lines += [f"  passed    {each}" for each in self.skipped]
        lines.append(f"  log       {self.records_count:,} commits replayed")
        lines += [f"  damage    {each}" for each in self.faults]
        if self.last_offset > self.offset:
            lines.append(
                f"  lost      offsets {self.offset + 1} to {self.last_offset}; "
                f"{self.lost_records_count:,} commits of them in "
                f"{self.lost_frames_count:,} whole frames"
            )
        else:
            lines.append("  lost      nothing")
        if self.salvaged is not None:
            lines.append(f"  salvaged  into {self.salvaged}")
        return "\n".join(lines)


@own_errors("repair")
def repair(
    path: StrPath | Directory,
    dest: StrPath | Directory,
    *,
    salvage: bool = False,
    progress: Progress | None = None,
) -> Repair:
    """Make a new directory that opens, of what a damaged one still tells.

    Args:
        path: The damaged directory; nothing is written to it.
        dest: The new one: empty, or not there yet.
        salvage: Whether commits that cannot be applied are to be written into
            ``quarantine/salvaged.cbor`` of the new one.
        progress: Called with how many segments of the log are read, and how many
            there are.

    Returns:
        What was saved, and what is lost; to be printed.

    Raises:
        StorageError: there is no database, nothing of it can be read, or `dest` is
            not empty; nothing was written.
        FormatVersionError: a newer qsdb wrote it.
        DiskFull: there is no room for the new directory.

    Cost: that of opening; each segment is held in memory as a whole.
    """
    source, target = find_database(path), as_files(dest)
    require_empty(target)
    end = NotedEnd(source)  # before the log
    headers = read_headers(source)
    database = likely_database(source, headers)
    found = None if database is None else _read(source, headers, database, progress)
    if database is None or found is None or found.state.offset == 0:
        first = "" if found is None or not found.faults else f": {found.faults[0]}"
        raise StorageError(
            f"nothing in {source.describe()} can be repaired{first}. "
            "Nothing was written"
        )
    state = found.state
    lost = _salvaged(state, found.lost) if salvage else None
    write_state(target, state, database, lambda: _write_salvaged(target, lost))
    records = [each for _, each in found.lost if isinstance(each, Records)]
    ends = [each.first_offset + len(each.records) - 1 for each in records]
    began = [first - 1 for first in headers]
    noted = end.note
    if noted is not None and noted.database == database:
        ends.append(noted.last_offset)
    fault_of_end = fault_at_end(end, headers, database, found.end)
    return Repair(
        source=source.describe(),
        target=target.describe(),
        offset=state.offset,
        last_offset=max([state.offset, *ends, *began, *list_snapshots(source)]),
        snapshot_offset=found.snapshot_offset,
        records_count=state.offset - (found.snapshot_offset or 0),
        skipped=tuple(found.skipped),
        faults=(*found.faults, *([fault_of_end] if fault_of_end else [])),
        lost_records_count=sum([len(each.records) for each in records]),
        lost_frames_count=len(records),
        salvaged=target.describe(SALVAGED_NAME) if salvage else None,
    )


class _Found(NamedTuple):
    state: State
    snapshot_offset: int | None
    skipped: list[str]
    faults: list[FileFault]
    lost: list[tuple[str, Records | Remains]]
    """The name of a segment, and what in it could not be applied."""
    end: Place | None = None
    """Where the last segment ends; None where that cannot be told."""


def _read(
    directory: Directory, headers: Headers, database: bytes, progress: Progress | None
) -> _Found:
    """Give the newest state without a gap, and all that comes after it."""
    offset_max: int | None = None
    wrong: list[FileFault] = []
    while True:
        reader = _Reader(directory, database, offset_max)
        reader.read_log(headers, progress)
        if reader.wrong_record is None:
            faults = [*reader.found.faults, *wrong]
            return reader.found._replace(faults=faults, end=reader.end)
        # It was applied in part, so all is read once more, up to there.
        wrong.append(reader.wrong_record)
        offset_max = reader.found.state.offset


class _Reader:
    """Reads the newest snapshot, and from there the log, past all damage.

    Attributes:
        found: What was read.
        end: Where the last segment read ends; None where that cannot be told.
        wrong_record: What ended the reading at once: a record that does not fit.
    """

    def __init__(
        self, directory: Directory, database: bytes, offset_max: int | None
    ) -> None:
        """Read the newest snapshot, and later apply nothing beyond `offset_max`."""
        self._directory = directory
        self._database = database
        self._offset_max = offset_max
        self.end: Place | None = None
        self._is_over = False
        self.wrong_record: FileFault | None = None
        skipped: list[str] = []
        for offset in reversed(list_snapshots(directory)):
            try:
                state = read_snapshot_state(directory, offset, database)
            except (CorruptionError, OSError) as error:
                reason = fault_of(error, "").reason
                skipped.append(f"the snapshot of offset {offset}: {reason}")
            else:
                self.found = _Found(state, offset, skipped, [], [])
                return
        self.found = _Found(State(), None, skipped, [], [])

    def read_log(self, headers: Headers, progress: Progress | None) -> None:
        """Read all segments that may hold what comes after the snapshot."""
        offset = self.found.state.offset
        needed = [
            first
            for first, following in itertools.zip_longest(headers, [*headers][1:])
            if following is None or following > offset + 1
        ]
        if needed and needed[0] > offset + 1:
            self._miss(offset + 1, needed[0])
        for number, first in enumerate(needed, start=1):
            self._read_segment(first, headers[first])
            if self.wrong_record is not None:
                return
            if progress is not None:
                progress(number, len(needed))

    def _read_segment(self, first: int, header: SegmentHeader | FileFault) -> None:
        name = segment_name(first)
        path, end = self._directory.describe(name), self.end
        self.end = None
        if end is not None and end.offset != first:
            self._miss(end.offset, first)
            end = None
        try:
            data = read_file(self._directory, name)
            if isinstance(header, FileFault):
                self.found.faults.append(header)
                made = header_from_frames(
                    data, first_offset=first, database=self._database
                )
                if made is None:
                    return
                header = made
            chain = None if end is None else end.chain
            header.check_origin(path, database=self._database, chain=chain)
        except (CorruptionError, OSError) as error:
            # From here on it is another past, or unknown what is missing.
            self.found.faults.append(fault_of(error, path))
            self._is_over = True
            return
        walk = Walk(data, path, header)
        for item in walk:
            if isinstance(item, Break):
                fault = FileFault(path, item.position, item.reason)
                self.found.faults.append(fault)
            else:
                self._take(name, item)
            if self.wrong_record is not None:
                return
        self.end = walk.end

    def _miss(self, offset: int, following: int) -> None:
        path = self._directory.describe(segment_name(offset))
        reason = f"it is missing; the next segment begins with offset {following}"
        self.found.faults.append(FileFault(path, 0, reason))

    def _take(self, name: str, item: Records | Remains) -> None:
        """Apply what comes next, and note what cannot be applied."""
        state = self.found.state
        if isinstance(item, Remains):
            if item.offset > state.offset:
                self.found.lost.append((name, item))
            return
        for number, record in enumerate(item.records):
            offset = item.first_offset + number
            if offset <= state.offset:
                continue
            is_next = offset == state.offset + 1 and not self._is_over
            if not is_next or offset - 1 == self._offset_max:
                rest = item._replace(first_offset=offset, records=item.records[number:])
                self.found.lost.append((name, rest))
                return
            try:
                state.apply(record)
            except RecordError as error:
                path = self._directory.describe(name)
                reason = f"the commit at offset {offset}: {error}"
                self.wrong_record = FileFault(path, item.position, reason)
                return


def _salvaged(
    state: State, lost: list[tuple[str, Records | Remains]]
) -> Iterator[bytes]:
    """Yield what cannot be applied, decoded as far as that goes."""
    for name, item in lost:
        place = {"segment": name, "position": item.position}
        if isinstance(item, Remains):
            yield to_cbor(place | {"offset": item.offset, "part": item.data})
            continue
        for offset, record in enumerate(item.records, start=item.first_offset):
            try:
                content = _content_of(state, record)
            except ValueError as error:
                content = {"bytes": record, "reason": f"{error}"}
            yield to_cbor(place | {"offset": offset} | content)


def _content_of(state: State, data: bytes) -> dict[str, object]:
    """Decode a record by the tables of a state.

    Raises:
        ValueError: it is no record of these tables.
    """
    record = read_record(data)
    tables: list[object] = []
    for section in record.sections:
        table = state.table(section.table_id)
        puts, removed = table.reader.rows(record, section)
        tables.append(
            {
                "table": section.table_id,
                "name": table.schema.name,
                "puts": puts,
                "removed": removed,
                "sequences": section.sequences,
            }
        )
    call = None if record.call is None else record.call._asdict()
    return {"microseconds": record.microseconds, "call": call, "tables": tables}


def _write_salvaged(directory: Directory, items: Iterator[bytes] | None) -> None:
    if items is None:
        return
    directory.make_directory(QUARANTINE)
    file = directory.create(SALVAGED_NAME)
    try:
        position = 0
        for data in items:
            write_whole(file, position, data)
            position += len(data)
        file.sync()
    finally:
        file.close()
    directory.sync(QUARANTINE)
    directory.sync()
