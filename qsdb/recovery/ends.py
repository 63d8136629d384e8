"""The end of a log against its note: whether all is there that was once.

::

    END ──────────────────────────┐
                                  ▼
    log   ░░░░░░░│░░░░░░          │     a part is missing: damage
    log   ░░░░░░░│░░░░░░░░░░░░░░░░░     all is there
    log   ░░░░░░░│░░░░░░░░░░░░░░░░░░░░  it went on: so it does between two notes

The note is read first and the log then, so that a writer that goes on meanwhile
makes no false alarm (`qsdb.log.end_notes`, rule 3). It says nothing against states
before the end: who reads only up to one of these needs no check.
"""

from qsdb.errors import CorruptionError
from qsdb.files import Directory
from qsdb.log.end_notes import END_NAME, EndNote, read_end_note
from qsdb.log.frames import Place
from qsdb.log.scanning import TornTail, holds_place
from qsdb.log.segments import SEGMENT_HEADER_BYTES, SegmentHeader, segment_name
from qsdb.recovery.report import TornTailFound

__all__ = ["NotedEnd"]

Torn = TornTail | TornTailFound


class NotedEnd:
    """What the note of a log says; read when this is made, so before the log.

    Attributes:
        path: Of the note, for messages.
        note: The note; None where there is none, or none that can be read.
        damage: Why it cannot be read, or None.
    """

    def __init__(self, directory: Directory) -> None:
        """Read it.

        Raises:
            FormatVersionError: a newer qsdb wrote it.
        """
        self._directory = directory
        self.path = directory.describe(END_NAME)
        self.note: EndNote | None = None
        self.damage: CorruptionError | OSError | None = None
        try:
            self.note = read_end_note(directory)
        except (CorruptionError, OSError) as error:
            self.damage = error

    def require(
        self, header: SegmentHeader, place: Place, torn: Torn | None = None
    ) -> None:
        """Verify that a log comes as far as is noted; arguments as for `fault`.

        Raises:
            CorruptionError, OSError: what `fault` gives.
        """
        fault = self.fault(header, place, torn)
        if fault is not None:
            raise fault

    def fault(
        self, header: SegmentHeader, place: Place | None, torn: Torn | None = None
    ) -> CorruptionError | OSError | None:
        """Tell what is wrong with the end of a log, or None.

        Args:
            header: Of the last segment.
            place: Where the log ends in it; None where that cannot be told.
            torn: What stands there.
        """
        note = self.note
        good = None if place is None else place.offset - 1
        if isinstance(self.damage, CorruptionError):
            return self._damage_of_note(self.damage.reason, good)
        if note is None:
            return self.damage or self._fault_without(header, place)
        if note.database != header.database:
            return self._damage_of_note(
                f"it belongs to the database {note.database.hex()}, "
                f"the log to {header.database.hex()}",
                good,
            )
        return self._fault_of_log(note, header, place, torn)

    def _fault_of_log(
        self,
        note: EndNote,
        header: SegmentHeader,
        place: Place | None,
        torn: Torn | None,
    ) -> CorruptionError | None:
        good = None if place is None else place.offset - 1
        if header.first_offset < note.first_offset:
            return CorruptionError(
                self._directory.describe(segment_name(note.first_offset)),
                0,
                "it is missing, with all after it: the log ends "
                f"{_told(good)}, and {END_NAME} notes that it came to offset "
                f"{note.last_offset}, byte {note.place.position} of this segment",
                good,
            )
        is_last = header.first_offset == note.first_offset
        if is_last and place is not None and place.position < note.place.position:
            reason = "" if torn is None else f" ({torn.reason})"
            return CorruptionError(
                self._directory.describe(segment_name(header.first_offset)),
                place.position,
                f"the log ends here, {_told(good)}{reason}, and {END_NAME} notes that "
                f"it came to byte {note.place.position} and offset {note.last_offset}: "
                "a part of it is missing",
                good,
            )
        if place is not None and not self._is_past_of(note, header):
            return CorruptionError(
                self._directory.describe(segment_name(note.first_offset)),
                note.place.position,
                f"what stands before this is not what {END_NAME} notes, which is "
                f"offset {note.last_offset} with the checksum {note.place.chain:08x}: "
                "the log has another past",
            )
        return None

    def told_without_log(self) -> str:
        """Say that no segment is there, and how far the log came once."""
        note = self.note
        noted = (
            ""
            if note is None
            else (f"; {END_NAME} notes that it came to offset {note.last_offset}")
        )
        return f"there is no segment of the log{noted}"

    def _fault_without(
        self, header: SegmentHeader, place: Place | None
    ) -> CorruptionError | None:
        """Miss the note of a log that keeps one, but for one without any commit.

        That may have been made just before the power failed.
        """
        if not header.keeps_end or place is None or place.offset == 1:
            return None
        return self._damage_of_note(
            "it is missing, and without it nobody can tell whether the end of the log "
            f"is; what is there ends {_told(place.offset - 1)}",
            place.offset - 1,
        )

    def _damage_of_note(self, reason: str, good: int | None) -> CorruptionError:
        return CorruptionError(self.path, 0, reason, good)

    def _is_past_of(self, note: EndNote, last: SegmentHeader) -> bool:
        """Whether the log went through the place that is noted, if that is there."""
        if note.place == Place(SEGMENT_HEADER_BYTES, last.first_offset, last.chain):
            return True  # where the last one begins, as it is while a log is written
        name = segment_name(note.first_offset)
        try:
            file = self._directory.open(name)
        except FileNotFoundError:
            return True  # compacted away since, so that the log went on
        try:
            header = SegmentHeader.decode(
                file.read(0, SEGMENT_HEADER_BYTES),
                self._directory.describe(name),
                first_offset=note.first_offset,
            )
            return holds_place(file, header, note.place)
        except CorruptionError:
            return True  # damage of its own, of a segment that is not needed
        finally:
            file.close()


def _told(offset: int | None) -> str:
    return "at an unknown offset" if offset is None else f"with offset {offset}"
