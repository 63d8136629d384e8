"""`History`: what a copy has of the time before it.

A copy is the state at one offset (`qsdb.recovery.copying`). With its history it can be
restored to earlier offsets and times too, as the directory that it is of can::

    of the directory                                    the copy's own
    snapshots/…40.manifest ─► objects/…                 snapshots/…12.manifest
    log/…01.log ─ log/…58.log ─ log/…97.log, in part ─► log/…13.log, still empty

Files are carried over as they are, the newest first, and the last segment of the log up
to a place of which all before is on the disk. There the copy's own log goes on: offset
and checksum are those of the place. Each segment is read once more, where it was
written to: what cannot be read, is damaged, or does not lead to the next one ends the
history. What is older is of no use without it, and the copy is good without either.
"""

import contextlib
import logging
from collections.abc import Iterator
from typing import Self

import attrs

from qsdb.errors import CorruptionError, FormatVersionError, StorageError
from qsdb.files import Directory, File
from qsdb.log.chunks import Chunk, check_chunk
from qsdb.log.frames import Place
from qsdb.log.scanning import FRAME_ZEROS_MAX, scan_segment
from qsdb.log.segments import SEGMENT_HEADER_BYTES, segment_name
from qsdb.log.snapshots import SnapshotWriter, list_snapshots, read_snapshot
from qsdb.log.whole_files import read_file, write_file
from qsdb.recovery.opening import list_segments, read_header

__all__ = ["History"]

logger = logging.getLogger("qsdb.recovery")

_PIECE_BYTES = 1 << 20


class _UnreadableError(Exception):
    """A file of the history cannot be read, or is not whole."""


@attrs.frozen
class History:
    """The history of a directory, up to a place in its log; made by `up_to`.

    Attributes:
        files: The directory. Nothing is removed from it meanwhile, or the history ends
            there.
        database: Id of the database, 16 bytes.
        first_offset: Of the segment that the log comes to.
        place: In that segment; all before it is on the disk. The copy's own log begins
            with this offset, and goes on from this checksum.
    """

    files: Directory
    database: bytes
    first_offset: int
    place: Place

    @classmethod
    def up_to(
        cls, files: Directory, database: bytes, first_offset: int, place: Place
    ) -> Self:
        """Take a history up to a place.

        Raises:
            CorruptionError: the segment cannot be read.
            OSError: likewise.
        """
        if place.offset == first_offset:
            # There are no commits in the last segment, but perhaps marks: the copy has
            # its own in that place, and goes on after the segment before.
            place = place._replace(chain=read_header(files, first_offset).chain)
        return cls(files, database, first_offset, place)

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
            StorageError: what is newer than that snapshot cannot be read.
            OSError: the system refuses to write.

        Cost: that of copying files, and of their checksums.
        """
        following = self.place
        for first in reversed(list_segments(self.files)):
            if first >= following.offset:
                continue
            try:
                following = self._carry_segment(target, first, following)
            except _UnreadableError as error:
                if target.exists(segment_name(first)):
                    target.remove(segment_name(first))
                if following.offset > offset + 1:  # the copy itself needs it
                    raise StorageError(
                        f"the backup came to nothing: {error}; without history the "
                        "newest state alone can be copied"
                    ) from error
                text = "a backup has no history before offset %s: %s"
                logger.warning(text, following.offset, error)
                break
        for older in reversed(list_snapshots(self.files)):
            if following.offset <= older + 1 <= offset:
                with contextlib.suppress(_UnreadableError):  # others serve as well
                    self._carry_snapshot(target, older)

    def _carry_segment(self, target: Directory, first: int, following: Place) -> Place:
        """Write a segment, and see that it leads to what follows; give its begin."""
        name = segment_name(first)
        end = self.place.position if first == self.first_offset else None
        write_file(target, name, _pieces(self.files, name, end))
        file = target.open(name)
        try:
            return self._checked(file, first, following)
        except (CorruptionError, FormatVersionError) as error:
            raise _UnreadableError(f"{error}") from error
        finally:
            file.close()

    def _checked(self, file: File, first: int, following: Place) -> Place:
        """See that a segment is whole, and leads to a place; give where it begins.

        Raises:
            CorruptionError, FormatVersionError: it does not.
        """
        path = self.files.describe(segment_name(first))
        scan = scan_segment(
            file,
            path,
            database=self.database,
            first_offset=first,
            chain=None,
            is_last=False,
        )
        for _ in scan:
            pass
        if scan.place[1:] != following[1:]:
            raise CorruptionError(path, scan.place.position, "the log has a gap here")
        return Place(SEGMENT_HEADER_BYTES, first, scan.header.chain)

    def _carry_snapshot(self, target: Directory, offset: int) -> None:
        try:
            snapshot = read_snapshot(self.files, offset, database=self.database)
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
                if not piece and size - position <= FRAME_ZEROS_MAX:
                    piece = bytes(size - position)  # zeros that the end has cut off
                if not piece:
                    path = files.describe(name)
                    raise _UnreadableError(f"{path} ends at {position}, not {size}")
                yield piece
                position += len(piece)
        finally:
            file.close()
    except OSError as error:
        raise _UnreadableError(f"{error}") from error
