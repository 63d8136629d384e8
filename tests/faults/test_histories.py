"""What is read again is what was: histories, clocks, threads and sizes.

**Strategy**: random histories are closed and opened again, with and without each of
their snapshots; the clock goes back, stands still and leaps; eight threads commit at
once at the shortest switch interval; records and segments come to unusual sizes.

**Invariants**:

1. The state after opening is that before closing, from wherever it was read.
2. Times never go back in the log, whatever the clock does.
3. What a thread was promised is there, and offsets count all of it.
4. A record may be larger than a frame, a segment than its bound, and there may be
   thousands of segments.
"""

import itertools
import random
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import qsdb
from qsdb import Timestamp
from qsdb.log.frames import FRAME_BODY_MAX
from qsdb.log.records import read_record
from qsdb.log.scanning import scan_segment
from qsdb.log.segments import SEGMENT_HEADER_BYTES, SegmentHeader, segment_offset
from qsdb.testing import FakeClock, SimulatedDirectory, TracedDirectory
from tests.conftest import _PROFILE
from tests.support.hoard import (
    History,
    Step,
    abandon,
    draw_step,
    hoard,
    open_hoard,
    state_of,
)

pytestmark = pytest.mark.slow

IS_NIGHTLY = _PROFILE == "nightly"
HISTORIES_COUNT = 500 if IS_NIGHTLY else 30
THREADS_COUNT = 8
COMMITS_COUNT = 200 if IS_NIGHTLY else 40


def records_of(disk: SimulatedDirectory) -> Iterator[bytes]:
    """Give all records in the log, oldest first."""
    for name in disk.list("log"):
        first = segment_offset(name)
        assert first is not None
        file = disk.open(f"log/{name}")
        header = SegmentHeader.decode(
            file.read(0, SEGMENT_HEADER_BYTES), name, first_offset=first
        )
        scan = scan_segment(
            file,
            name,
            database=header.database,
            first_offset=first,
            chain=None,
            is_last=True,
        )
        for _, records in scan:
            yield from records


@pytest.mark.parametrize("durability", ["always", "interval", "os"])
def test_a_history_is_read_as_it_was_lived(durability: str) -> None:
    for seed in range(HISTORIES_COUNT // 3):
        rng, disk = random.Random(seed), SimulatedDirectory()
        history = History(durability)
        db = history.open(disk)
        for _ in range(3):
            history.run_many(db, rng, 12)
            before = state_of(db)
            db.close()
            history.acked = db.offset
            db = history.reopen(disk)
            assert state_of(db) == before, f"seed {seed}"
        db.close()
        without_snapshots(history, disk)


def without_snapshots(history: History, disk: SimulatedDirectory) -> None:
    """Read the same from older snapshots, and from the log alone where it is whole."""
    files = disk.snapshot_files()
    manifests = [name for name in files if name.startswith("snapshots/")]
    has_whole_log = "log/00000000000000000001.log" in files
    for name in reversed(manifests[not has_whole_log :]):
        del files[name]
        history.check(SimulatedDirectory(files))


def test_opening_and_closing_twice_gives_the_same_bytes() -> None:
    disk, history = SimulatedDirectory(), History()
    db = history.open(disk)
    history.run_many(db, random.Random(1), 20)
    db.close()
    before = disk.snapshot_files()
    traced = TracedDirectory(disk)
    open_hoard(traced).close()
    wrote = {call.name for call in traced.calls if call.operation == "write"}
    after = disk.snapshot_files()
    newest = max(name for name in after if name.startswith("log/"))
    assert wrote <= {newest, "END.tmp"}  # a mark, and that the log comes so far
    assert {e for e in after if after[e] != before[e]} <= {newest, "END"}


# The clock.


def test_times_never_go_back_in_the_log() -> None:
    day, noon = 86_400, Timestamp.parse("2026-01-01T12:00:00Z")
    clock, disk = FakeClock(noon), SimulatedDirectory()
    leaps = (0, -day, 0, 1, -day, 36_525 * day, -36_500 * day, 0, -1, 5)
    number = offset = 0
    for _ in range(3):
        with open_hoard(disk, clock=clock) as db:
            for leap in leaps:
                clock.advance(leap)
                number += 1
                Step("block", (("stock", ("a", 1, number)),)).on_database(db)
                Step("call", (("add", (f"item {number}", 1, 1)),)).on_database(db)
            clock.advance(-day)
            offset = db.offset
    times = [read_record(record).microseconds for record in records_of(disk)]
    assert len(times) == offset == 1 + 2 * number
    by_life = [times[first : first + 20] for first in range(1, len(times), 20)]
    for before, after in itertools.pairwise(by_life):
        assert min(after) >= before[-1], "a time of an earlier life comes again"


# Threads.


@pytest.mark.parametrize("durability", ["always", "interval", "os"])
def test_eight_threads_have_their_promises_kept(
    tmp_path: Path, durability: str
) -> None:
    interval = sys.getswitchinterval()
    db = open_hoard(str(tmp_path), durability, has_threads=True, segment_bytes=16384)
    promised: list[tuple[str, int]] = []
    errors: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for number in range(COMMITS_COUNT):
                Step("block", (("stock", (name, number, 1)),)).on_database(db)
                if number % 10 == 0:
                    assert db.wait_durable()
                promised.append((name, number))
        except BaseException as error:
            errors.append(error)
            raise

    threads = [
        threading.Thread(target=work, args=(letter,))
        for letter in "abcdefgh"[:THREADS_COUNT]
    ]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(100)
    finally:
        sys.setswitchinterval(interval)
    assert not errors
    assert len(promised) == THREADS_COUNT * COMMITS_COUNT
    before = state_of(db)
    db.close()
    assert db.offset == 1 + len(promised)
    with open_hoard(str(tmp_path)) as again:
        assert again.offset == db.offset
        assert state_of(again) == before
        again.check()


# Sizes.


@pytest.mark.parametrize("durability", ["always", "os"])
def test_a_record_may_span_frames(durability: str) -> None:
    rng, disk, history = random.Random(1), SimulatedDirectory(), History(durability)
    db = history.open(disk)
    sizes = [FRAME_BODY_MAX + extra for extra in (-200, -50, 0, 1)]
    for size in [*sizes, 3 * FRAME_BODY_MAX + 17]:
        page = "write", ("page 1", rng.randbytes(size), ("x",))
        history.run(db, Step("block", (page,)))
        history.run(db, Step("block", (("stock", ("a", 1, size)),)))
    abandon(db)
    history.acked = db.offset
    history.check(disk.kill())


def test_all_room_that_a_large_record_needs_is_there_before() -> None:
    """So the disk is full before the promise, and not after it."""
    disk, history = SimulatedDirectory(), History("interval")
    traced = TracedDirectory(disk)
    db = history.open(traced)
    page = "write", ("page 1", bytes(2 * FRAME_BODY_MAX + 9), ())
    history.run(db, Step("block", (page,)))
    db.close()
    room: dict[str, int] = {}
    for call in traced.calls:
        if call.operation == "allocate":
            room[call.name] = call.size
        if call.operation == "write" and call.position >= SEGMENT_HEADER_BYTES:
            assert call.position + call.size <= room[call.name]


def test_there_may_be_many_segments() -> None:
    disk = SimulatedDirectory()
    segments_count = 10_000 if IS_NIGHTLY else 5000
    with open_hoard(disk, segment_bytes=256) as db:
        while len(disk.list("log")) < segments_count:
            Step("block", (("stock", ("a", 1, db.offset)),)).on_database(db)
        before = state_of(db)
    progress: list[tuple[int, int]] = []
    again = qsdb.Database(
        hoard,
        disk,
        progress=lambda *counts: progress.append(counts),
    )
    assert state_of(again) == before
    again.close()
    assert progress[-1] == (segments_count, segments_count)


def test_random_steps_come_to_every_kind() -> None:
    """Canary: a generator too narrow would find nothing."""
    history, kinds = History(), set[str]()
    db = history.open(SimulatedDirectory())
    rng = random.Random(1)
    for _ in range(200):
        step = draw_step(rng, history.models[db.offset])
        history.run(db, step)
        kinds.add(step.kind)
        kinds.update(name for name, _ in step.operations)
    db.close()
    assert kinds >= {"block", "refused block", "call", "refused call", "wait_durable"}
    assert kinds >= {"add", "move", "drop", "stock", "unstock", "note", "unnote"}
    assert kinds >= {"write", "clear"}
