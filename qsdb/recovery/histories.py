"""`History`: what a copy has of the time before it.

A copy is the state at one offset (`qsdb.recovery.copying`). With its history it can be
restored to earlier offsets and times too, as the directory that it is of can::

    of the directory                                    the copy's own
    snapshots/…40.manifest ─► objects/…                 snapshots/…12.manifest
    log/…01.log ─ log/…58.log ─ log/…97.log, in part ─► log/…13.log, still empty

Files are carried over as they are, the newest first, and the last segment of the log up
to a place of which all before is on the disk. There the copy's own log goes on: offset
and checksum are those of the place. What cannot be read ends the history: what is older
is of no use without it, and the copy is good without either.
"""

import contextlib
import logging
from collections.abc import Iterator

import attrs

from qsdb.errors import CorruptionError, FormatVersionError
from qsdb.files import Directory
from qsdb.log.chunks import Chunk, check_chunk
from qsdb.log.frames import Place
from qsdb.log.segments import segment_name
from qsdb.log.snapshots import SnapshotWriter, list_snapshots, read_snapshot
from qsdb.log.whole_files import read_file, write_file
from qsdb.recovery.opening import list_segments

__all__ = ["History"]

logger = logging.getLogger("qsdb.recovery")

_PIECE_BYTES = 1 << 20


class _UnreadableError(Exception):
    """A file of the history cannot be read, or is not whole."""


@attrs.frozen
class History:
    """The history of a directory, up to a place in its log.

    Attributes:
        files: The directory. Nothing is removed from it meanwhile, or the history ends
            there.
        first_offset: Of the segment that the log comes to.
        place: In that segment; all before it is on the disk.
    """

    files: Directory
    first_offset: int
    place: Place

    @property
    def last_offset(self) -> int:
        """The last commit that is in it."""
        return self.place.offset - 1

    def carry_to(self, target: Directory, offset: int) -> None:
        """Write it into a directory of a copy that does not count yet.

        The names of segments are to be synced by who calls.

        Args:
            target: The directory of the copy.
            offset: Of the snapshot that is in it.

        Raises:
            OSError: the system refuses to write.

        Cost: that of copying files, and of hashing the snapshots.
        """
        oldest = self.place.offset
        for first in reversed(list_segments(self.files)):
            if first >= oldest:  # empty so far: the copy has its own in that place
                continue
            name = segment_name(first)
            end = self.place.position if first == self.first_offset else None
            try:
                write_file(target, name, _pieces(self.files, name, end))
            except _UnreadableError as error:
                logger.warning("a backup has no history before %s: %s", oldest, error)
                break
            oldest = first
        for older in reversed(list_snapshots(self.files)):
            if oldest <= older + 1 <= offset:
                with contextlib.suppress(_UnreadableError):  # others serve as well
                    self._carry_snapshot(target, older)

    def _carry_snapshot(self, target: Directory, offset: int) -> None:
        try:
            snapshot = read_snapshot(self.files, offset)
        except (CorruptionError, FormatVersionError, OSError) as error:
            raise _UnreadableError from error
        writer = SnapshotWriter(target, attrs.evolve(snapshot, tables=()), None)
        for table in snapshot.tables:
            writer.carry_table(table, self._content_of)
        writer.finish()

    def _content_of(self, chunk: Chunk) -> bytes:
        try:
            data = read_file(self.files, chunk.name)
            check_chunk(data, chunk, self.files.describe(chunk.name))
        except (CorruptionError, OSError) as error:
            raise _UnreadableError from error
        return data


def _pieces(files: Directory, name: str, end: int | None) -> Iterator[bytes]:
    """Yield what is in a file, up to an end if there is one."""
    position = 0
    try:
        file = files.open(name)
        try:
            size = file.size() if end is None else end
            while position < size:
                piece = file.read(position, min(_PIECE_BYTES, size - position))
                if not piece:
                    path = files.describe(name)
                    raise _UnreadableError(f"{path} ends at {position}, not {size}")
                yield piece
                position += len(piece)
        finally:
            file.close()
    except OSError as error:
        raise _UnreadableError(f"{error}") from error
