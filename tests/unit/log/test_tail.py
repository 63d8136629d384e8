"""`Tail`: frames one after the other, room ahead, and the next segment."""

import errno

import pytest

from qsdb.errors import DiskFull
from qsdb.log.frames import FRAME_BODY_MAX, Body, pack_records
from qsdb.log.scanning import scan_segment
from qsdb.log.segments import SEGMENT_HEADER_BYTES, segment_name
from qsdb.log.tail import Tail, begin_log, room_of
from qsdb.log.whole_files import write_whole
from qsdb.testing import (
    Fail,
    FaultyDirectory,
    Short,
    SimulatedDirectory,
    TracedDirectory,
    since,
)
from tests.unit.log.written import DATABASE, header_of

FIRST, SECOND = segment_name(1), segment_name(3)


def body_of(*records: bytes) -> Body:
    (body,) = pack_records(records)
    return body


def begin(disk: SimulatedDirectory) -> tuple[FaultyDirectory, Tail]:
    disk.make_directory("log")
    files = FaultyDirectory(disk)
    return files, begin_log(files, header_of())


def write(tail: Tail, *records: bytes) -> None:
    tail.place = tail.write(body_of(*records))


def read(disk: SimulatedDirectory, name: str, first: int = 1) -> list[bytes]:
    scan = scan_segment(
        disk.open(name),
        name,
        database=DATABASE,
        first_offset=first,
        chain=None,
        is_last=True,
    )
    found = [record for _, records in scan for record in records]
    assert scan.torn is None
    return found


def test_frames_stand_one_after_the_other() -> None:
    disk = SimulatedDirectory()
    _, tail = begin(disk)
    write(tail, b"one", b"two")
    assert (tail.synced, tail.marked) == (SEGMENT_HEADER_BYTES,) * 2
    tail.sync()
    write(tail, b"three")
    assert tail.marked == tail.synced < tail.place.position
    assert tail.place.offset == 4
    tail.finish()
    assert read(disk, FIRST) == [b"one", b"two", b"three"]
    assert tail.path == disk.describe(FIRST)


def test_a_sync_without_anything_new_is_none() -> None:
    disk = SimulatedDirectory()
    disk.make_directory("log")
    traced = TracedDirectory(disk)
    tail = begin_log(traced, header_of())
    traced.calls.clear()
    tail.sync()
    assert traced.calls == []


def test_a_frame_is_written_again_where_it_stood() -> None:
    disk = SimulatedDirectory()
    _, tail = begin(disk)
    start = tail.place
    write(tail, b"one")
    tail.sync()
    tail.go_back(start)
    assert tail.synced == start.position
    write(tail, b"one", b"two")
    tail.finish()
    assert read(disk, FIRST) == [b"one", b"two"]


def test_a_write_may_take_some_bytes_at_a_time() -> None:
    files = FaultyDirectory(SimulatedDirectory(), since(0, Short(3), {"write"}))
    file = files.create("a")
    write_whole(file, 2, b"0123456789")
    assert file.read(0, 20) == b"\0\0" + b"0123456789"


@pytest.mark.parametrize(
    "size",
    [0, 1, FRAME_BODY_MAX - 4, FRAME_BODY_MAX - 3, FRAME_BODY_MAX, 2 * FRAME_BODY_MAX],
)
def test_a_record_takes_no_more_than_its_room(size: int) -> None:
    disk = SimulatedDirectory()
    _, tail = begin(disk)
    start, record = tail.place.position, bytes(size)
    for body in pack_records([record]):
        tail.place = tail.write(body)
    assert tail.place.position - start <= room_of(record)


def test_a_mark_fits_beside_what_is_allocated() -> None:
    disk = SimulatedDirectory()
    _, tail = begin(disk)
    tail.allocate(SEGMENT_HEADER_BYTES)
    tail.write_mark()
    assert tail.place.position <= len(disk.contents(FIRST))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_without_room_the_tail_goes_on(code: int) -> None:
    disk = SimulatedDirectory()
    files, tail = begin(disk)
    write(tail, b"one")
    before = tail.allocated
    files.plan = since(0, Fail(code), {"allocate"})
    with pytest.raises(DiskFull, match=r"9999 bytes") as raised:
        tail.allocate(9999)
    assert raised.value.path == disk.describe(FIRST)
    assert tail.allocated == before
    files.plan = since(0, Fail(errno.EIO), {"allocate"})
    with pytest.raises(OSError, match="EIO"):
        tail.allocate(9999)
    write(tail, b"two")


def test_a_new_segment_follows_the_last_frame() -> None:
    disk = SimulatedDirectory()
    _, tail = begin(disk)
    write(tail, b"one", b"two")
    tail.sync()
    chain = tail.place.chain
    tail.rotate(7, 99)
    assert (tail.header.first_offset, tail.header.chain) == (3, chain)
    assert (tail.header.salt, tail.header.created_microseconds) == (7, 99)
    assert tail.place == (SEGMENT_HEADER_BYTES, 3, chain)
    write(tail, b"three")
    tail.finish()
    assert disk.list("log") == [FIRST[4:], SECOND[4:]]
    assert read(disk, SECOND, 3) == [b"three"]


@pytest.mark.parametrize("operation", ["create", "write", "sync"])
def test_a_segment_that_cannot_be_made_is_tried_again(operation: str) -> None:
    disk = SimulatedDirectory()
    files, tail = begin(disk)
    write(tail, b"one", b"two")
    tail.sync()
    files.plan = lambda call: (
        Fail(errno.ENOSPC)
        if call.operation == operation and call.name == f"{SECOND}.tmp"
        else None
    )
    with pytest.raises(DiskFull):
        tail.rotate(7, 99)
    assert not tail.is_ending
    assert tail.header.first_offset == 1
    files.plan = None
    tail.rotate(8, 99)
    write(tail, b"three")
    tail.finish()
    assert read(disk, SECOND, 3) == [b"three"]


def test_a_segment_that_may_have_a_successor_ends_as_it_is() -> None:
    disk = SimulatedDirectory()
    files, tail = begin(disk)
    write(tail, b"one", b"two")
    tail.sync()
    files.plan = since(0, Fail(errno.EIO), {"sync_directory"})
    with pytest.raises(OSError, match="EIO"):
        tail.rotate(7, 99)
    assert tail.is_ending
    size = len(disk.contents(FIRST))
    files.plan = None
    tail.finish()
    assert len(disk.contents(FIRST)) == size  # no mark, which would change its chain


def test_an_end_without_room_has_no_mark() -> None:
    disk = SimulatedDirectory()
    files, tail = begin(disk)
    write(tail, b"one")
    tail.sync()
    end = tail.place.position
    files.plan = since(0, Fail(errno.ENOSPC, written=5), {"write"})
    tail.finish()
    assert len(disk.contents(FIRST)) == end
    assert read(disk, FIRST) == [b"one"]


def test_an_end_that_fails_says_so() -> None:
    files, tail = begin(SimulatedDirectory())
    files.plan = since(0, Fail(errno.EIO), {"write"})
    with pytest.raises(OSError, match="EIO"):
        tail.finish()
    files.plan = since(0, Fail(errno.EIO), {"close"})
    tail.close()
    tail.close()


def test_what_an_attempt_has_left_is_replaced() -> None:
    disk = SimulatedDirectory()
    _, tail = begin(disk)
    write(tail, b"one", b"two")
    tail.sync()
    disk.replace_contents(f"{SECOND}.tmp", b"of an attempt that was cut off")
    tail.rotate(7, 99)
    tail.finish()
    assert read(disk, SECOND, 3) == []


def test_another_error_of_a_new_segment_passes_through() -> None:
    files, tail = begin(SimulatedDirectory())
    write(tail, b"one")
    tail.sync()
    files.plan = since(0, Fail(errno.EIO), {"create"})
    with pytest.raises(OSError, match="EIO"):
        tail.rotate(7, 99)
    tail.close()
