"""The end of the log: the segment that is written to, and how the next one begins.

A `Tail` writes frames one after the other, knows what a sync has returned for, and
has room allocated ahead, so that a full disk shows before anything is promised and
a sync has no new size to write. How far the log has come it notes where that is rare:
when a segment was begun, and at the end (`qsdb.log.end_notes`).

Errors of the system leave it as they are, but for "no room", which is `DiskFull` as
long as nothing has changed; what anything else means is for `qsdb.log.writing` to say.

It is used by one thread at a time.
"""

import contextlib
import errno
from collections.abc import Iterator

from qsdb.errors import DiskFull, StorageError
from qsdb.files import Directory, File
from qsdb.log.end_notes import END_NAME, EndNote, read_end_note, write_end_note
from qsdb.log.frames import (
    FRAME_BODY_MAX,
    FRAME_HEADER_BYTES,
    MARK,
    Body,
    Place,
    build_frame,
)
from qsdb.log.segments import (
    LOG_DIRECTORY,
    SEGMENT_HEADER_BYTES,
    SegmentHeader,
    segment_name,
)
from qsdb.log.whole_files import write_whole

__all__ = [
    "FRAME_ROOM",
    "NO_ROOM",
    "Tail",
    "begin_log",
    "room_of",
]

NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
"""The errors that say that the disk is full, or the share of it that one may use."""

FRAME_ROOM = FRAME_HEADER_BYTES + 16
"""Most bytes that a frame adds to those of one record in it, its length too."""


def room_of(record: bytes) -> int:
    """Give the most bytes of a segment that a record can take, a mark if empty."""
    size = len(record)
    return size + FRAME_ROOM * (1 + size // FRAME_BODY_MAX)


class Tail:
    """The last segment of a log.

    Attributes:
        header: Of the segment.
        place: Where the next frame goes.
        synced: Up to where a sync has returned, in bytes of the segment.
        marked: Up to where a durable mark in the segment vouches.
        allocated: How much room the segment has, in bytes, besides that of one mark.
        is_ending: Whether the next segment may have its name already, so that
            nothing is to be written to this one any more.
    """

    __slots__ = (
        "_directory",
        "_file",
        "_note",
        "allocated",
        "header",
        "is_ending",
        "marked",
        "place",
        "synced",
    )

    def __init__(
        self,
        directory: Directory,
        header: SegmentHeader,
        file: File,
        place: Place,
        note: EndNote | None,
    ) -> None:
        """Go on at a place.

        Args:
            directory: Of the database.
            header: Of the segment.
            file: The segment, writable; all before `place` is synced.
            place: Where the next frame goes.
            note: What is noted of the end of the log.
        """
        self._directory = directory
        self._note = note
        self._file = file
        self.header = header
        self.place = place
        self.allocated = self.synced = self.marked = place.position
        self.is_ending = False

    @property
    def path(self) -> str:
        """The whole path of the segment, for messages."""
        return self._directory.describe(segment_name(self.header.first_offset))

    def write(self, body: Body, *, synced: bool = False) -> Place:
        """Write a frame at `place`, and give the place after it.

        Args:
            body: What the frame carries.
            synced: Whether it is to be on the disk when this returns; everything
                before it must be there.

        The caller moves `place` there, so that it can do so together with what
        belongs to that; a frame written again stands where it stood.
        """
        frame, after = build_frame(
            self.place, body, salt=self.header.salt, durable=self.synced
        )
        write_whole(self._file, self.place.position, frame, synced=synced)
        self.marked = self.synced
        return after

    def write_mark(self) -> None:
        """Write a frame that vouches for all before it; it needs no sync itself."""
        self.place = self.write(MARK)

    def sync(self) -> None:
        """Have everything up to `place` on the disk."""
        position = self.place.position
        if self.synced < position:
            self._file.sync()
        self.synced = position

    def go_back(self, place: Place) -> None:
        """Have the next frame written at a place before this one."""
        self.place = place
        self.synced = min(self.synced, place.position)

    def allocate(self, needed: int, ahead: int = 0) -> None:
        """Have room in the segment.

        Args:
            needed: For so many bytes.
            ahead: For so many, if the disk has that.

        Raises:
            DiskFull: there is not what is needed.
        """
        size = max(needed, ahead)
        try:
            self._file.allocate(size + FRAME_ROOM)
        except OSError as error:
            if size > needed and error.errno in NO_ROOM:
                self.allocate(needed)
                return
            _refuse_if_full(error, self.path, size)
            raise
        self.allocated = size

    def rotate(self, salt: int, microseconds: int) -> None:
        """End the segment, of which all is synced, and begin the next one.

        Cut off by an exception, it is to be done again before anything else.

        Args:
            salt: A random number below 2**32.
            microseconds: The time now, since 1970.

        Raises:
            DiskFull: there is no room; this segment goes on.
        """
        header = SegmentHeader(
            database=self.header.database,
            first_offset=self.place.offset,
            chain=self.place.chain,
            salt=salt,
            created_microseconds=microseconds,
        )
        self._cut()
        file, old = _prepare_segment(self._directory, header), self._file
        self.is_ending = True
        try:
            note = _begin_segment(self._directory, header)
        except BaseException:
            file.close()
            raise
        # No call stands between these, so no signal handler does.
        self._file, self.header, self.place = file, header, note.place
        self._note = note
        self.allocated = self.synced = self.marked = SEGMENT_HEADER_BYTES
        self.is_ending = False
        old.close()

    def finish(self) -> None:
        """End the log for now: a last mark, no room ahead, the end noted.

        To be done again if cut off. Where the disk has no room for mark or note, there
        is none: they promise nothing.
        """
        if not self.is_ending:
            with _passing_over_no_room():
                self.write_mark()
        self._cut()
        with _passing_over_no_room():
            self._note_end()

    def _note_end(self) -> None:
        """Note that all is on the disk up to `place`.

        Only in the place of the note that is known: a directory that was moved away
        has an end that comes at least as far, and another may have its path now.
        """
        try:
            found = read_end_note(self._directory)
        except StorageError:
            return
        if found == self._note:
            note = _note_of(self.header, self.place)
            write_end_note(self._directory, note)
            self._note = note

    def _cut(self) -> None:
        """Give back the room after `place`."""
        self.allocated = self.place.position
        self._file.truncate(self.place.position)
        self._file.sync()

    def close(self) -> None:
        """Give the file up as it is; twice is no error."""
        with contextlib.suppress(OSError):  # what it says changes nothing any more
            self._file.close()


def begin_log(directory: Directory, header: SegmentHeader) -> Tail:
    """Begin a log with its first segment.

    Raises:
        DiskFull: there is no room; there is no log yet, or an empty one.
    """
    file = _prepare_segment(directory, header)
    try:
        note = _begin_segment(directory, header)
    except BaseException:
        file.close()
        raise
    return Tail(directory, header, file, note.place, note)


def _prepare_segment(directory: Directory, header: SegmentHeader) -> File:
    """Make the file of a segment, synced, under another name.

    Raises:
        DiskFull: there is no room; nothing has changed.
    """
    name = segment_name(header.first_offset)
    temporary = f"{name}.tmp"
    try:
        if directory.exists(temporary):  # an attempt that was cut off
            directory.remove(temporary)
        file = directory.create(temporary)
        try:
            write_whole(file, 0, header.encode())
            file.sync()
        except BaseException:
            file.close()
            raise
    except OSError as error:
        _refuse_if_full(error, directory.describe(name), SEGMENT_HEADER_BYTES)
        raise
    return file


def _begin_segment(directory: Directory, header: SegmentHeader) -> EndNote:
    """Give the file of a segment its name, for good, and note that it is there.

    Returns:
        The note; its first frame goes to the place in that.

    Raises:
        DiskFull: there is no room for the note.
    """
    name = segment_name(header.first_offset)
    directory.rename(f"{name}.tmp", name)
    directory.sync(LOG_DIRECTORY)
    place = Place(SEGMENT_HEADER_BYTES, header.first_offset, header.chain)
    note = _note_of(header, place)
    try:
        write_end_note(directory, note)
    except OSError as error:
        _refuse_if_full(error, directory.describe(END_NAME), len(note.encode()))
        raise
    return note


def _note_of(header: SegmentHeader, place: Place) -> EndNote:
    return EndNote(
        database=header.database, first_offset=header.first_offset, place=place
    )


@contextlib.contextmanager
def _passing_over_no_room() -> Iterator[None]:
    """Let the block end where the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise


def _refuse_if_full(error: OSError, path: str, bytes_count: int) -> None:
    if error.errno in NO_ROOM:
        raise DiskFull(path, bytes_count) from error
