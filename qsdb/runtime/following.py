"""`Follower`: reads what another process writes to a log, commit by commit.

::

    log   ░░░░░░│░░░░░░░░░ new new ▒▒ 0000
                place ────► │     │  └ not whole yet: next time
                            └─────┴ applied, one publication each

Rules:

1. It takes no lock and writes nothing, so that the writer does not know of it. What
   it reads may so change while it reads.
2. A frame counts when it is whole, and a record when its last part is. So a torn
   tail is never shown: what a writer that comes back cuts off was not whole, and
   what was whole it keeps.
3. What looks like damage may be a frame that was written between two reads. So it
   is read again, and counts when it is the same a second time: frames that vouch for
   a bad place were written after that, so the second look sees what is there.
4. Whole frames are shown before they are synced. Power loss may take them from the
   disk, and a reader on the same machine goes down with it. One that does not, since
   the disk is another machine's, finds that the frame before its place is not there
   any more: a `StorageError` that says so, and never a mixture of both pasts.

5. Where the writer has published another module, the tables are those of that one from
   then on, or reading ends (`qsdb.runtime.following_modules`).

Damage that begins with zeros is taken for the end until the next segment is there, or
the end is noted (`qsdb.recovery.ends`).
"""

import functools
import threading
from collections.abc import Iterable
from typing import TypeVar

from qsdb.errors import CorruptionError, StorageError
from qsdb.files import Directory as Files
from qsdb.files import File
from qsdb.log.frames import FRAME_HEADER_BYTES, Place
from qsdb.log.records import RecordError, replay
from qsdb.log.scanning import Scan, holds_place, scan_segment
from qsdb.log.segments import SEGMENT_HEADER_BYTES, SegmentHeader, segment_name
from qsdb.recovery.directories import read_twice
from qsdb.recovery.ends import NotedEnd
from qsdb.recovery.opening import Found, list_segments
from qsdb.recovery.state import table_reader
from qsdb.runtime.following_modules import ModuleFollower, publishes
from qsdb.runtime.writer import Writer
from qsdb.store.applying import Replica, TableReaders
from qsdb.store.changes import Noted
from qsdb.store.images import StoredTable

__all__ = ["Follower"]

T = TypeVar("T")

POLL_SECONDS = 0.01
"""Who waits for something new looks for it so often."""


class Follower:
    """Keeps a store at the end of a log.

    Attributes:
        microseconds: The time of the last commit, since 1970 (UTC).
        modules: Takes over what the writer publishes.
    """

    def __init__(self, files: Files, found: Found, writer: Writer) -> None:
        """Go on where a directory was read to.

        Args:
            files: The directory.
            found: What was read.
            writer: Has the lock of the store that holds it; nobody else writes.
        """
        self._files = files
        self._database = found.database
        self._writer = writer
        self._store = writer.directory.store
        self.modules: ModuleFollower | None = None
        self._tables: tuple[StoredTable, ...] = ()
        self._replica = self._current_replica()
        self._first_offset = found.last.scan.header.first_offset
        """Of the segment that is read."""
        self._place = found.last.scan.place
        """After the last record that was applied; what comes in the segment after it
        and was applied all the same, the store's offset tells."""
        self._closing = threading.Event()
        self.microseconds = found.state.microseconds

    def _current_replica(self) -> Replica:
        """Give what applies commits to the tables that there are."""
        store = self._store
        if self._tables is not store.tables:
            self._tables = store.tables
            readers = {table.table_id: _readers(table) for table in store.tables}
            self._replica = Replica(store, readers, self._told)
        return self._replica

    def refresh(self, seconds: float) -> int:
        """Apply what is new, and give the offset then.

        Args:
            seconds: How long to wait for something, if there is nothing.

        Raises:
            StorageError: the log that is needed is not there any more, or is not
                the one that was read.
            CorruptionError: it is damaged.
            SchemaError: its writer has published another module than is read with.
            ClosedError: the database was closed.
            OSError: the system refuses.
        """
        before = self._store.offset
        self._advance()
        while self._store.offset == before and seconds > 0:
            step = min(seconds, POLL_SECONDS)
            seconds -= step
            self._closing.wait(step)
            self._advance()
        return self._store.offset

    def close(self) -> None:
        """Wake who waits."""
        self._closing.set()

    def _advance(self) -> None:
        """Apply what is new, alone with the store."""
        writer = self._writer
        try:
            writer.enter()
            read_twice(self._read_on)
        finally:
            try:  # twice, as in `qsdb.runtime.writer`
                writer.leave()
            finally:
                writer.leave()
        if writer.audience is not None:
            writer.audience.tell()

    def _told(self, opened: Iterable[Noted], offset: int) -> None:
        """Have live queries told of a commit."""
        audience = self._writer.audience
        if audience is not None:
            audience.committed(opened, offset, None)

    def _read_on(self) -> None:
        """Read to the end of the log, from segment to segment."""
        end = NotedEnd(self._files)  # before the log
        while True:
            segments = list_segments(self._files)
            first, following = self._first_offset, self._place.offset
            if first not in segments:
                if following > first and following in segments:
                    self._go_on(following)  # all of it was read, and it was removed
                    continue
                raise StorageError(
                    f"{self._files.describe(segment_name(first))} is not there any "
                    f"more, and commits from offset {following} on were to be read in "
                    "it; open the database again"
                )
            is_last = first == segments[-1]
            header = self._read_segment(is_last=is_last)
            if is_last:
                end.require(header, self._place)
                return
            # To its end, also where all records were read before: a mark that came
            # after them is what the next segment follows on.
            following = self._place.offset
            if following == first or following not in segments:
                raise CorruptionError(
                    self._files.describe(segment_name(following)),
                    0,
                    f"it is missing; the log goes on with offset {segments[-1]}",
                    self._store.offset,
                )
            self._go_on(following)

    def _go_on(self, following: int) -> None:
        """Go on with the segment that begins with an offset."""
        self._place = Place(SEGMENT_HEADER_BYTES, following, self._place.chain)
        self._first_offset = following

    def _read_segment(self, *, is_last: bool) -> SegmentHeader:
        name = segment_name(self._first_offset)
        file, path = self._files.open(name), self._files.describe(name)
        try:
            scan = scan_segment(
                file,
                path,
                database=self._database,
                first_offset=self._first_offset,
                chain=None,
                is_last=is_last,
                start=self._place,
            )
            if not holds_place(file, scan.header, self._place):
                raise StorageError(
                    f"{path} is not what was read before byte "
                    f"{self._place.position}: commits up to offset "
                    f"{self._store.offset} may be lost; open the database again"
                )
            if not is_last or _has_frame(file, self._place):
                self._apply(scan, path)
            return scan.header
        finally:
            file.close()

    def _apply(self, scan: Scan, path: str) -> None:
        store = self._store
        for first_offset, records in scan:
            # An exception may have cut this off before: some are applied already.
            for record in records[max(0, store.offset + 1 - first_offset) :]:
                try:
                    self.microseconds = self._apply_record(record)
                except RecordError as error:
                    raise CorruptionError(
                        path,
                        scan.place.position,
                        f"the commit at offset {store.offset + 1}: {error}",
                        store.offset,
                    ) from None
            self._place = scan.place
        self._place = scan.place

    def _apply_record(self, record: bytes) -> int:
        """Apply the next commit, and give its time.

        Raises:
            RecordError: it does not fit.
            SchemaError: it publishes another module than the one that reads.
        """
        if self.modules is not None and publishes(record):
            microseconds = self.modules.take(record)
            if microseconds is not None:
                return microseconds
        return self._current_replica().apply(functools.partial(replay, record))


def _readers(table: StoredTable) -> TableReaders:
    reader = table_reader(table.table_id, table.bound.schema)
    return reader.read_row, reader.read_key


def _has_frame(file: File, place: Place) -> bool:
    """Whether anything was written at a place: room that is allocated is zeros.

    Looking here first spares reading all of that room each time.
    """
    return any(file.read(place.position, FRAME_HEADER_BYTES))
