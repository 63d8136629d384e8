"""What a scan makes of segments after power loss, and after bits went wrong.

**Strategy**: write 1 to 12 groups of records, some in parts, in one of two ways:
one group in flight, each synced before the next is written, the last one not; or
several in flight, synced now and then. A record is *acked* once it is synced. Then
the power fails: each sector that was not synced is there, or is still zeros, or is
garbage, or is torn inside, and the file may have lost its end. What a scan leaves is
cut, the log goes on, and the power fails again. Or: a bit of what was synced flips.

**Invariants**:

1. Whatever happened, what is read is the beginning of what was written.
2. After power loss every acked record is read, and the segment is never refused.
3. What is left after the cut is clean, and reads the same.
4. A wrong bit in what was acked is told or harmless, if one group was in flight,
   or if a mark frame was written after the last sync.

Canaries: power does tear, a rule that refuses whenever whole frames follow would
refuse, and without a later frame a wrong bit does drop records in silence.

Each image has a seed of its own, which a failure shows.
"""

import random
from collections import Counter

import pytest

from qsdb.log.frames import Place
from qsdb.log.segments import SEGMENT_HEADER_BYTES
from tests.unit.log.written import Outcome, WrittenSegment, scan_bytes

SECTOR_BYTES = 512
LIVES_MAX = 3

images = pytest.mark.parametrize(
    "images_count", [60, pytest.param(2000, marks=pytest.mark.slow)]
)


def write_groups(rng: random.Random, segment: WrittenSegment, in_flight: str) -> int:
    """Write some groups and give the number of records that are acked then."""
    acked = len(segment.records)
    groups_count = rng.randint(1, 12)
    for number in range(groups_count):
        record_bytes = rng.randint(20, 300)
        records = [rng.randbytes(record_bytes) for _ in range(rng.randint(1, 20))]
        segment.write(*records, body_max=rng.choice((150, 1000, 1 << 20)))
        is_last = number == groups_count - 1
        if not is_last if in_flight == "one" else rng.random() < 0.15:
            segment.sync()
            acked = len(segment.records)
    return acked


def lose_power(rng: random.Random, segment: WrittenSegment) -> bytearray:
    """Give what the disk has of a segment after power loss."""
    image, durable = segment.data.copy(), segment.durable
    has_room = rng.random() < 0.5  # allocated ahead
    for sector in range(durable - durable % SECTOR_BYTES, len(image), SECTOR_BYTES):
        start, stop = max(sector, durable), min(sector + SECTOR_BYTES, len(image))
        fate = rng.random()
        if 0.45 <= fate < 0.8:
            image[start:stop] = bytes(stop - start)
        elif 0.8 <= fate < 0.93:
            image[start:stop] = rng.randbytes(stop - start)
        elif fate >= 0.93:
            torn = rng.randint(start, stop)
            image[torn:stop] = bytes(stop - torn)
    if has_room:
        image += bytes(rng.randrange(5000))
    elif rng.random() < 0.5:
        del image[rng.randint(durable, len(image)) :]
    return image


def go_on(segment: WrittenSegment, outcome: Outcome) -> None:
    """Cut a segment where the scan ended, sync, and have it go on there."""
    end = outcome.place.position
    segment.data = segment.data[:end].ljust(end, b"\0")
    segment.place, segment.records = outcome.place, outcome.records
    segment.sync()


def flip(rng: random.Random, segment: WrittenSegment, stop: int) -> bytearray:
    """Give the bytes of a segment with one bit wrong in a frame before `stop`."""
    data = segment.data.copy()
    bit = rng.randrange(SEGMENT_HEADER_BYTES * 8, stop * 8)
    data[bit // 8] ^= 1 << bit % 8
    return data


def is_silent(outcome: Outcome, acked: int) -> bool:
    """Whether acked records are missing and nobody was told."""
    return outcome.damage is None and len(outcome.records) < acked


@images
@pytest.mark.parametrize("in_flight", ["one", "several"])
def test_power_loss_takes_nothing_acked_and_is_never_refused(
    in_flight: str, images_count: int
) -> None:
    seen: Counter[str] = Counter()
    for seed in range(images_count):
        rng = random.Random(seed)
        segment = WrittenSegment()
        for _ in range(rng.randint(1, LIVES_MAX)):
            acked = write_groups(rng, segment, in_flight)
            segment.data, written = lose_power(rng, segment), segment.records
            outcome = scan_bytes(segment.data)

            assert outcome.damage is None, f"seed {seed}: {outcome.damage}"
            assert outcome.records == written[: len(outcome.records)], f"seed {seed}"
            assert len(outcome.records) >= acked, f"seed {seed}"
            seen["torn"] += outcome.torn is not None
            seen["whole"] += outcome.torn is None
            seen["followed"] += is_followed(segment, outcome)
            go_on(segment, outcome)
            again = scan_bytes(segment.data)
            assert again == (outcome.records, outcome.place, None, None), f"seed {seed}"

    assert seen["torn"] > images_count / 4, seen
    assert seen["whole"] > images_count / 10, seen
    assert in_flight == "one" or seen["followed"] > images_count / 20, seen


def is_followed(segment: WrittenSegment, outcome: Outcome) -> bool:
    """Whether whole frames follow a torn tail's beginning, as a stricter rule asks."""
    if outcome.torn is None:
        return False
    damage = scan_bytes(segment.data, is_last=False).damage
    return damage is not None and damage.frames_after > 0


@images
def test_power_loss_that_tears_a_mark_takes_nothing(images_count: int) -> None:
    torn_count = 0
    for seed in range(images_count):
        rng = random.Random(seed)
        segment = WrittenSegment()
        write_groups(rng, segment, "several")
        segment.sync()
        segment.mark()
        outcome = scan_bytes(lose_power(rng, segment))

        assert outcome.damage is None, f"seed {seed}: {outcome.damage}"
        assert outcome.records == segment.records, f"seed {seed}"
        torn_count += outcome.torn is not None

    assert torn_count > images_count / 10


@images
def test_no_wrong_bit_is_silent_with_one_group_in_flight(images_count: int) -> None:
    told_count = 0
    for seed in range(images_count):
        rng = random.Random(seed)
        segment = WrittenSegment()
        segment.write_synced(b"first")
        acked = write_groups(rng, segment, "one")
        outcome = scan_bytes(flip(rng, segment, segment.durable))

        assert outcome.records == segment.records[: len(outcome.records)]
        assert not is_silent(outcome, acked), f"seed {seed}"
        told_count += outcome.damage is not None

    assert told_count > images_count * 0.9


@images
def test_no_wrong_bit_is_silent_in_an_idle_log_with_a_mark(images_count: int) -> None:
    told_count = 0
    for seed in range(images_count):
        rng = random.Random(seed)
        segment = WrittenSegment()
        write_groups(rng, segment, "several")
        segment.sync()
        segment.mark()
        outcome = scan_bytes(flip(rng, segment, segment.durable))

        assert outcome.records == segment.records[: len(outcome.records)]
        assert not is_silent(outcome, len(segment.records)), f"seed {seed}"
        told_count += outcome.damage is not None

    assert told_count > images_count * 0.9


@images
def test_without_a_mark_wrong_bits_are_silent(images_count: int) -> None:
    silent_count = 0
    for seed in range(images_count):
        rng = random.Random(seed)
        segment = WrittenSegment()
        write_groups(rng, segment, "several")
        outcome = scan_bytes(flip(rng, segment, len(segment.data)))

        assert outcome.records == segment.records[: len(outcome.records)]
        silent_count += is_silent(outcome, len(segment.records))

    assert silent_count > images_count / 4


def test_the_cut_of_a_torn_tail_gives_a_place_to_go_on() -> None:
    segment = WrittenSegment()
    segment.write_synced(b"first")
    segment.write(b"torn")
    segment.data[-10] ^= 1

    outcome = scan_bytes(segment.data)
    go_on(segment, outcome)
    segment.write_synced(b"second")

    assert outcome.place == Place(128, 2, outcome.place.chain)
    assert scan_bytes(segment.data).records == [b"first", b"second"]
