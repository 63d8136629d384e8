"""Small databases on a simulated disk, ways to damage them, and what they hold."""

from collections.abc import Iterable
from typing import Any

import qsdb
from qsdb.files import Directory
from qsdb.log.end_notes import EndNote, write_end_note
from qsdb.log.frames import Frame, Place, parse_frame
from qsdb.log.segments import (
    SEGMENT_HEADER_BYTES,
    SegmentHeader,
    segment_name,
    segment_offset,
)
from qsdb.log.whole_files import read_file
from qsdb.recovery.opening import read_state
from qsdb.recovery.state import State
from qsdb.testing import FakeClock, SimulatedDirectory

__all__ = [
    "MODULE",
    "OPTIONS",
    "SEGMENTS",
    "Note",
    "User",
    "cut",
    "damaged_frame",
    "flip",
    "frames_in",
    "make",
    "never_closed",
    "open_again",
    "read",
    "segments",
    "tables_of",
]

SEGMENTS = [f"log/{offset:020}.log" for offset in (1, 2, 6, 10)]
"""Of a database of 12 commits: 1, 2 to 5, 6 to 9, 10 to 12 and a mark."""

MODULE = qsdb.Module("stored")


class User(qsdb.Row, module=MODULE, public=True):
    """With a generated key, a unique one, and values that are hard to compare."""

    id: qsdb.u64 = qsdb.primary_key(auto_inc=True)
    name: str = qsdb.unique()
    owner: qsdb.Identity = qsdb.Identity.ZERO
    weight: float = float("nan")
    nick: str | None = qsdb.unique(default=None)


class Note(qsdb.Row, module=MODULE):
    """Without a key."""

    text: str = qsdb.index()
    at: qsdb.Timestamp = qsdb.Timestamp.from_micros(0)


@MODULE.reducer
def rename(ctx: qsdb.ReducerContext, name: str, to: str) -> None:
    """A call, so that the log has one."""
    row = ctx.db[User].name.find(name)
    assert row is not None
    ctx.db[User].update(row.replace(name=to))


OPTIONS = qsdb.StorageOptions(segment_bytes=1400, step_bytes=1, has_threads=False)
"""So that four commits fill a segment."""


def open_again(directory: Directory, **options: Any) -> qsdb.Database:
    """Open a directory, the same way each time."""
    settings: dict[str, Any] = {
        "durability": "always",
        "clock": FakeClock(),
        "seed": 7,
        "options": OPTIONS,
    } | options
    return qsdb.Database(MODULE, directory, **settings)


def make(
    disk: SimulatedDirectory | None = None,
    *,
    offset: int = 12,
    snapshots: Iterable[int] = (),
) -> SimulatedDirectory:
    """Make a database of so many commits, a second each, and close it."""
    disk = SimulatedDirectory() if disk is None else disk
    clock = FakeClock()
    with open_again(disk, clock=clock) as db:
        for number in range(2, offset + 1):
            clock.advance(1)
            _commit(db, number)
            if number in snapshots:
                db.snapshot()
    return disk


def _commit(db: qsdb.Database, number: int) -> None:
    if number % 5 == 0:
        db.call(rename, f"user {number - 1}", f"{number}")
        return
    with db.write() as tx:
        tx[User].insert(User(f"user {number}"))
        tx[Note].insert(Note(f"note {number}" * 8))
        if number % 3 == 0:
            tx[Note].delete(Note(f"note {number - 1}" * 8))


def segments(disk: Directory) -> list[int]:
    """Give the first offsets of the segments."""
    offsets = [segment_offset(name) for name in disk.list("log")]
    return [offset for offset in offsets if offset is not None]


def frames_in(disk: SimulatedDirectory, name: str) -> list[Frame]:
    """Give the frames of a segment that is sound."""
    data = disk.contents(name)
    header = SegmentHeader.decode(
        data, name, first_offset=segment_offset(name.removeprefix("log/")) or 0
    )
    place = Place(SEGMENT_HEADER_BYTES, header.first_offset, header.chain)
    found: list[Frame] = []
    while place.position < len(data):
        frame = parse_frame(data, place.position, place.position, header.salt)
        assert isinstance(frame, Frame)
        found.append(frame)
        place = frame.after
    return found


def never_closed(disk: Directory) -> None:
    """Have noted of the end only what is while a database is open."""
    first_offset = segments(disk)[-1]
    data = read_file(disk, segment_name(first_offset))
    header = SegmentHeader.decode(data, "", first_offset=first_offset)
    place = Place(SEGMENT_HEADER_BYTES, first_offset, header.chain)
    note = EndNote(database=header.database, first_offset=first_offset, place=place)
    write_end_note(disk, note)


def flip(disk: SimulatedDirectory, name: str, position: int) -> None:
    """Flip a bit of a file."""
    data = bytearray(disk.contents(name))
    data[position] ^= 0x10
    disk.replace_contents(name, bytes(data))


def damaged_frame(disk: SimulatedDirectory, name: str, number: int) -> int:
    """Flip a bit in the body of a frame, and give the frame's position."""
    position = frames_in(disk, name)[number].place.position
    flip(disk, name, position + 60)
    return position


def cut(disk: SimulatedDirectory, name: str, size: int) -> None:
    """Cut a file; a negative size counts from the end."""
    disk.replace_contents(name, disk.contents(name)[:size])


def read(directory: Directory) -> State:
    """Give what opening would read."""
    return read_state(directory).state


def tables_of(state: State) -> dict[str, tuple[list[str], list[int]]]:
    """Give the name of a table → its rows as texts, sorted, and its sequences."""
    return {
        table.schema.name: (sorted(map(repr, table.rows.values())), table.sequences)
        for table in state.described().values()
    }
