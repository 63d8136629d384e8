"""Files that were changed behind the database's back: told, or without effect.

**Strategy**: a database is written, with snapshots and several segments, and closed.
Then its files are cut at every byte, every bit of them is flipped, runs of bytes are
overwritten, sectors swapped and repeated, frames copied, files exchanged with older
ones or those of another database, and taken away. Each time the directory is read.

**Invariants**: what is read is

1. the *same* as before: the bytes are padding, or there is another copy; or
2. *refused* with `CorruptionError` or `FormatVersionError`, and nothing is changed; or
3. an earlier offset, *dropped* to, only where the database was not closed and the end
   of the log is hit: nothing vouches for the last frame, nor for a mark
   (`qsdb.log.scanning`), and nothing notes how far the log came.

Canary: the same flips in the last frame of a log without a mark do drop a commit.
"""

import itertools
import random
from collections.abc import Iterator, Mapping
from typing import Literal

import attrs
import pytest

from qsdb.errors import CorruptionError, FormatVersionError
from qsdb.log.frames import Frame, parse_frame
from qsdb.log.segments import SEGMENT_HEADER_BYTES, SegmentHeader
from qsdb.recovery.opening import read_state
from qsdb.recovery.state import State
from qsdb.testing import SimulatedDirectory
from tests.conftest import _PROFILE
from tests.support.disks import image_of
from tests.support.hoard import History, Step, abandon, open_hoard

pytestmark = pytest.mark.slow

IS_NIGHTLY = _PROFILE == "nightly"
FLIPPED_SHARE = {"log": 0.5, "log and snapshots": 0.125}
"""Which part of all bits is flipped, but at night all."""

Files = Mapping[str, bytes]
Verdict = Literal["same", "refused", "dropped"]


@attrs.frozen
class Written:
    """A closed database."""

    history: History
    files: Files
    """Name → content."""
    older: Files = attrs.field(factory=dict)
    """The same some commits before."""
    share: float = 1.0
    """Which part of its bits is to be flipped."""
    contents: object = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        state = read_state(SimulatedDirectory(self.files)).state
        object.__setattr__(self, "contents", _contents(state))

    @property
    def segments(self) -> list[str]:
        """Names of the segments that are read, oldest first."""
        return [name for name in self.files if name.startswith("log/")]

    def with_file(self, name: str, content: bytes | None) -> SimulatedDirectory:
        """Give a disk with another content of one file, or without it."""
        files = {**self.files}
        if content is None:
            del files[name]
        else:
            files[name] = content
        return SimulatedDirectory(files)

    def judge(self, disk: SimulatedDirectory) -> Verdict:
        """Read what is left."""
        before = disk.snapshot_files()
        try:
            found = read_state(disk)
        except (CorruptionError, FormatVersionError) as error:
            assert str(error), "no text"
            assert disk.snapshot_files() == before
            return "refused"
        finally:
            assert disk.snapshot_files() == before
        if _contents(found.state) == self.contents:
            return "same"
        db = open_hoard(disk)
        try:
            self.history.acked = 0
            self.history.check_open(db)
        finally:
            abandon(db)
        assert db.offset < self.history.submitted
        return "dropped"


def _contents(state: State) -> object:
    tables = state.tables.items()
    return {number: (table.rows, table.sequences) for number, table in tables}


def written(
    seed: int,
    *,
    has_snapshots: bool,
    steps_count: int = 10,
    share: float = 1.0,
    is_closed: bool = True,
) -> Written:
    """Write a database, and close it, or have the log only end as if it was."""
    rng, disk, history = random.Random(seed), SimulatedDirectory(), History()
    db = history.open(disk)
    older: Files = {}
    for number in range(2 * steps_count):
        count = rng.getrandbits(32)
        add = "add", (f"item {number}", number, 1)
        history.run(db, Step("block", (add, ("stock", ("a", 1, count)))))
        if number == steps_count:
            older = disk.snapshot_files()
        if has_snapshots and number in (4, 9):
            db.snapshot()
    end = disk.contents("END")
    db.close()
    files = disk.snapshot_files()
    if not is_closed:
        files["END"] = end
    return Written(history, files, older, share)


def frames_of(content: bytes, name: str) -> list[tuple[int, Frame]]:
    """Give the frames of a sound segment: where its bytes end, and the frame."""
    first = int(name[4:24])
    header = SegmentHeader.decode(content, name, first_offset=first)
    position, found = SEGMENT_HEADER_BYTES, []
    frame = parse_frame(content, position, position, header.salt)
    while isinstance(frame, Frame):
        found.append((position + 52 + len(frame.body.data), frame))
        position = frame.after.position
        frame = parse_frame(content, position, position, header.salt)
    return found


@pytest.fixture(scope="module", params=FLIPPED_SHARE)
def sample(request: pytest.FixtureRequest) -> Written:
    share = 1.0 if IS_NIGHTLY else FLIPPED_SHARE[request.param]
    return written(1, has_snapshots=request.param != "log", share=share)


@pytest.fixture(scope="module")
def plain() -> Written:
    return written(2, has_snapshots=False)


def test_a_closed_log_cut_at_any_byte_is_refused(plain: Written) -> None:
    name = plain.segments[-1]
    content = plain.files[name]
    for length in range(len(content)):
        is_whole = not content[length:].strip(b"\0")
        verdict = plain.judge(plain.with_file(name, content[:length]))
        assert verdict == ("same" if is_whole else "refused"), length


def test_a_log_without_its_last_segments_is_refused_by_name(plain: Written) -> None:
    for count in range(1, len(plain.segments) + 1):
        files = {**plain.files}
        for name in plain.segments[-count:]:
            del files[name]
        disk = SimulatedDirectory(files)
        assert plain.judge(disk) == "refused"
        is_one_left = count < len(plain.segments)
        named = plain.segments[-1] if is_one_left else "END notes that it came"
        with pytest.raises(CorruptionError, match=named):
            read_state(disk)


def test_an_open_log_without_its_last_segment_is_refused_by_name() -> None:
    """Also where the process was killed, or the power failed, and none was closed."""
    disk, history = SimulatedDirectory(), History()
    db = history.open(disk)
    for number in range(20):
        history.run(db, Step("block", (("stock", ("a", 1, number)),)))
        (*_, name) = [each for each in disk.snapshot_files() if each[:4] == "log/"]
        image = image_of(disk, random.Random(number), "dropped")
        files = image.snapshot_files()
        del files[name]
        with pytest.raises(CorruptionError, match="END notes that it came to"):
            read_state(SimulatedDirectory(files))
    assert len(disk.list("log")) > 2
    abandon(db)


def test_a_missing_or_damaged_note_of_the_end_is_refused_by_name(
    plain: Written,
) -> None:
    for content in (None, b"", bytes(64), plain.files["END"] + b"\0"):
        disk = plain.with_file("END", content)
        assert plain.judge(disk) == "refused"
        with pytest.raises(CorruptionError, match="simulated:/END, byte 0: it "):
            read_state(disk)


def test_an_older_note_of_the_end_holds(plain: Written) -> None:
    assert plain.older["END"] != plain.files["END"]
    assert plain.judge(plain.with_file("END", plain.older["END"])) == "same"


def test_a_log_cut_at_any_byte_gives_its_longest_beginning() -> None:
    plain = written(2, has_snapshots=False, is_closed=False)
    name = plain.segments[-1]
    content = plain.files[name]
    frames = frames_of(content, name)
    assert len(frames) > 2
    plain.history.acked = 0
    for length in range(len(content) + 1):
        disk = plain.with_file(name, content[:length])
        if length < SEGMENT_HEADER_BYTES:
            assert plain.judge(disk) == "refused"
            continue
        whole = [frame.after.offset for end, frame in frames if end <= length]
        expected = max(whole, default=frames[0][1].place.offset) - 1
        assert read_state(disk).state.offset == expected, length
        if length % 16 == 0:
            db = open_hoard(disk)
            assert plain.history.check_open(db) == expected, length
            abandon(db)


def flips(sample: Written) -> Iterator[tuple[str, int]]:
    chance = random.Random(5)
    for name, content in sample.files.items():
        for bit in range(8 * len(content)):
            if chance.random() < sample.share:
                yield name, bit


def test_every_flipped_bit_is_told_or_harmless(sample: Written) -> None:
    verdicts: dict[Verdict, int] = {"same": 0, "refused": 0, "dropped": 0}
    for name, bit in flips(sample):
        content = bytearray(sample.files[name])
        content[bit // 8] ^= 1 << bit % 8
        verdict = sample.judge(sample.with_file(name, bytes(content)))
        assert verdict != "dropped", f"bit {bit} of {name}"
        verdicts[verdict] += 1
    print(verdicts)
    assert verdicts["same"] > 10
    assert verdicts["refused"] > 10


def test_without_a_mark_the_last_commit_cannot_be_judged() -> None:
    disk, history = SimulatedDirectory(), History()
    db = history.open(disk)
    for number in range(3):
        history.run(db, Step("block", (("stock", ("a", 1, number)),)))
    sample = Written(history, disk.snapshot_files())
    abandon(db)
    name = sample.segments[-1]
    frames = frames_of(sample.files[name], name)
    *_, (_, before), (end, last) = frames
    for bit in range(8 * last.place.position, 8 * end, 5):
        content = bytearray(sample.files[name])
        content[bit // 8] ^= 1 << bit % 8
        assert sample.judge(sample.with_file(name, bytes(content))) == "dropped"
        at = 8 * before.place.position + bit % (8 * (end - last.place.position))
        content = bytearray(sample.files[name])
        content[at // 8] ^= 1 << at % 8
        verdict = sample.judge(sample.with_file(name, bytes(content)))
        assert verdict == "refused" or at // 8 >= before.after.position - 8


def test_runs_of_bytes_are_told_or_harmless(sample: Written) -> None:
    rng = random.Random(1)
    for name, content in sample.files.items():
        for start in range(0, len(content), 64 if IS_NIGHTLY else 256):
            length = rng.choice((1, 7, 64, 512, 4096))
            stop = min(start + length, len(content))
            for run in (bytes(stop - start), b"\xff" * (stop - start)):
                changed = content[:start] + run + content[stop:]
                verdict = sample.judge(sample.with_file(name, changed))
                assert verdict != "dropped", (name, start, stop)


def test_sectors_swapped_or_repeated_are_told(plain: Written) -> None:
    for name in plain.segments:
        content = plain.files[name]
        first, second = content[:512].ljust(512, b"\0"), content[512:1024]
        swapped = second + first[: len(content) - len(second)] + content[1024:]
        repeated = first + first[: len(second)] + content[1024:]
        assert plain.judge(plain.with_file(name, swapped)) == "refused"
        if name != plain.segments[-1]:
            assert plain.judge(plain.with_file(name, repeated)) == "refused"


def test_a_frame_copied_elsewhere_is_none(plain: Written) -> None:
    name = plain.segments[-1]
    content = plain.files[name]
    frames = frames_of(content, name)
    for _, frame in frames:
        copy = content[frame.place.position : frame.after.position]
        disk = plain.with_file(name, content + copy)
        assert plain.judge(disk) == "same"
    for (_, one), (_, other) in itertools.pairwise(frames):
        copy = content[one.place.position : one.after.position]
        start = other.place.position
        changed = content[:start] + copy + content[start + len(copy) :]
        assert plain.judge(plain.with_file(name, changed)) == "refused"


def test_a_file_of_another_database_is_refused(plain: Written) -> None:
    rng = random.Random(3)
    other_disk = SimulatedDirectory()
    db = open_hoard(other_disk, segment_bytes=1024)
    abandon(db)
    foreign = other_disk.contents("log/00000000000000000001.log")
    header = SegmentHeader.decode(foreign, "", first_offset=1)
    changed = attrs.evolve(header, database=rng.randbytes(16)).encode()
    for name in plain.segments:
        first = int(name[4:24])
        content = plain.files[name]
        own = SegmentHeader.decode(content, name, first_offset=first)
        assert own.database == header.database  # both are of seed 1
        moved = attrs.evolve(own, database=rng.randbytes(16)).encode()
        disk = plain.with_file(name, moved + content[SEGMENT_HEADER_BYTES:])
        assert plain.judge(disk) == "refused"
    first_name = plain.segments[0]
    disk = plain.with_file(first_name, changed + foreign[SEGMENT_HEADER_BYTES:])
    assert plain.judge(disk) == "refused"


def test_an_older_copy_of_a_file_is_refused(plain: Written) -> None:
    told = 0
    for name in plain.segments[:-1]:
        content = plain.older.get(name)
        if content is not None and content != plain.files[name]:
            told += 1
            assert plain.judge(plain.with_file(name, content)) == "refused"
    assert told


def test_a_segment_of_another_past_is_refused() -> None:
    """Of the same database, offsets and length, but of a copy that went on alone."""
    disk, history = SimulatedDirectory(), History()
    db = history.open(disk)
    history.run(db, Step("block", (("stock", ("a", 1, 0)),)))
    db.close()
    pasts = []
    for count in (7, 8):
        copy = SimulatedDirectory(disk.snapshot_files())
        with open_hoard(copy) as db:
            for number in range(30):
                Step("block", (("stock", ("a", number, count)),)).on_database(db)
        pasts.append(copy.snapshot_files())
    one, other = pasts
    names = [name for name in one if name.startswith("log/")]
    assert names == [name for name in other if name.startswith("log/")]
    for name in names[2:]:
        with pytest.raises(CorruptionError, match="follows a segment"):
            read_state(SimulatedDirectory({**one, name: other[name]}))


def test_segments_swapped_are_refused(plain: Written) -> None:
    one, other = plain.segments[:2]
    files = {**plain.files, one: plain.files[other], other: plain.files[one]}
    assert plain.judge(SimulatedDirectory(files)) == "refused"


def test_a_missing_segment_is_refused_by_name(plain: Written) -> None:
    for name in plain.segments:
        disk = plain.with_file(name, None)
        assert plain.judge(disk) == "refused"
        with pytest.raises(CorruptionError, match=name):
            read_state(disk)


def test_the_last_segment_is_missed_where_a_snapshot_is_beyond() -> None:
    sample = written(4, has_snapshots=False)
    db = open_hoard(disk := SimulatedDirectory(sample.files))
    db.snapshot()
    db.close()
    sample = attrs.evolve(sample, files=disk.snapshot_files())
    disk = sample.with_file(sample.segments[-1], None)
    assert sample.judge(disk) == "refused"


def test_a_missing_or_damaged_snapshot_is_passed_over() -> None:
    sample = written(5, has_snapshots=True)
    needed = (*sample.segments, "LOCK", "END")
    others = [name for name in sample.files if name not in needed]
    assert any(name.startswith("objects/") for name in others)
    for name in others:
        assert sample.judge(sample.with_file(name, None)) == "same"
        assert sample.judge(sample.with_file(name, b"")) == "same"
        assert sample.judge(sample.with_file(name, bytes(9))) == "same"


def test_lengths_that_lie_allocate_nothing(plain: Written) -> None:
    """A frame's length, a record's and a section's count are taken to their bounds."""
    name = plain.segments[0]
    content = plain.files[name]
    start = SEGMENT_HEADER_BYTES
    for at in (start + 4, start + 24, start + 48, start + 57, start + 61, start + 65):
        changed = content[:at] + b"\xff\xff\xff\xff" + content[at + 4 :]
        assert plain.judge(plain.with_file(name, changed)) == "refused"
