"""What power loss leaves of a file: each legal state occurs, and no other.

The twin below tells for every byte which values are legal after power loss, from
the rules alone: it keeps, for each position, the values that were seen there since
the byte was sure.
"""

import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.testing.disk.inodes import SECTOR_BYTES, Inode, Policy

POLICIES: tuple[Policy, ...] = ("kept", "dropped", "torn", "garbage")
SEEDS = range(2000)


def outcomes(inode: Inode, policy: Policy = "torn") -> set[bytes]:
    """Give what power loss leaves over many seeds."""
    return {inode.after_power_loss(random.Random(seed), policy) for seed in SEEDS}


def changed(content: bytes, *changes: Callable[[Inode], None]) -> Inode:
    """Give a file with a synced content and unsynced changes."""
    inode = Inode(content)
    for change in changes:
        change(inode)
    return inode


def test_policies_keep_all_or_nothing() -> None:
    inode = changed(b"old", lambda each: each.write(1, b"NEW"))

    assert outcomes(inode, "kept") == {b"oNEW"}
    assert outcomes(inode, "dropped") == {b"old"}
    assert inode.content == b"oNEW"


@pytest.mark.parametrize("policy", POLICIES)
def test_what_is_synced_is_intact(policy: Policy) -> None:
    inode = changed(b"", lambda each: each.write(0, b"x" * 2000), Inode.sync)

    assert outcomes(inode, policy) == {b"x" * 2000}


def test_an_append_has_any_size_and_is_new_or_zeros_or_torn() -> None:
    inode = changed(b"ab", lambda each: each.write(2, b"cde"))

    # Some tails of zeros are torn inside, the others lie in one sector whole.
    found = outcomes(inode)

    assert {len(each) for each in found} == {2, 3, 4, 5}
    assert {b"ab", b"abcde", b"ab\0\0\0", b"abc\0\0", b"ab\0\0e"} <= found
    assert all(each[2:].strip(b"\0") in b"cde" for each in found)
    assert all(each.startswith(b"ab") for each in found)


def test_sectors_are_old_or_new_each_by_itself() -> None:
    inode = changed(
        b"o" * 3 * SECTOR_BYTES, lambda each: each.write(0, b"n" * 3 * SECTOR_BYTES)
    )

    found = {
        tuple(each[first : first + SECTOR_BYTES] for first in (0, 512, 1024))
        for each in outcomes(inode)
    }

    names = {b"o" * SECTOR_BYTES: "o", b"n" * SECTOR_BYTES: "n"}
    whole = {"".join(names.get(part, "?") for part in parts) for parts in found}
    assert whole >= {"ooo", "oon", "ono", "onn", "noo", "non", "nno", "nnn"}


def test_a_sector_is_torn_at_any_byte() -> None:
    inode = changed(b"o" * 8, lambda each: each.write(1, b"n" * 6))

    assert outcomes(inode) == {
        *(b"o" + b"n" * cut + b"o" * (7 - cut) for cut in range(7)),
        *(b"o" * (7 - cut) + b"n" * cut + b"o" for cut in range(7)),
    }


def test_a_sector_may_be_as_between_two_writes() -> None:
    inode = changed(
        b"o", lambda each: each.write(0, b"1"), lambda each: each.write(0, b"2")
    )

    assert outcomes(inode) == {b"o", b"1", b"2"}


def test_an_unsynced_size_is_any_between() -> None:
    inode = changed(b"ab", lambda each: each.grow(6))

    assert outcomes(inode) == {b"ab".ljust(size, b"\0") for size in range(2, 7)}


def test_a_cut_is_done_or_undone() -> None:
    inode = changed(b"abcdef", lambda each: each.truncate(2))

    assert outcomes(inode) == outcomes(inode, "garbage") == {b"ab", b"abcdef"}


def test_a_cut_takes_what_was_written_behind_it() -> None:
    inode = changed(
        b"",
        lambda each: each.write(0, b"x" * 600),
        lambda each: each.truncate(10),
        lambda each: each.grow(600),
        Inode.sync,
        lambda each: each.write(300, b"y" * 300),
        lambda each: each.truncate(301),
        lambda each: each.write(301, b"z"),
    )

    found = outcomes(inode)

    assert all(each[:300] == b"x" * 10 + bytes(290) for each in found)
    assert bytes(290) + b"yz" in {each[10:] for each in found}
    assert bytes(290) + b"yz" + b"y" * 298 in {each[10:] for each in found}


def test_a_cut_is_done_in_all_sectors_or_in_none() -> None:
    inode = changed(
        b"o" * 1024,
        lambda each: each.write(0, b"n" * 10),
        lambda each: each.truncate(10),
        lambda each: each.grow(1024),
    )

    tails = {each[10:] for each in outcomes(inode)}

    assert {b"", bytes(1014), b"o" * 1014} < tails
    assert all(tail in (bytes(len(tail)), b"o" * 1014) for tail in tails)


def test_a_cut_and_regrown_file_may_show_what_it_was() -> None:
    inode = changed(b"abcd", lambda each: each.truncate(0), lambda each: each.grow(4))

    assert outcomes(inode) == {b"abcd", *(bytes(size) for size in range(5))}


def test_garbage_stands_only_where_something_was_written() -> None:
    inode = changed(b"o" * 1024, lambda each: each.write(500, b"n" * 20))

    found = outcomes(inode, "garbage")

    assert all(each[:500] + each[520:] == b"o" * 1004 for each in found)
    assert any(set(each[500:512]) - set(b"on") for each in found)
    assert any(set(each[512:520]) - set(b"on") for each in found)
    assert not any(set(each) - set(b"on") for each in outcomes(inode, "torn"))


def test_what_a_failed_sync_gave_up_is_read_and_never_sure() -> None:
    inode = changed(b"old", lambda each: each.write(0, b"new"))
    inode.give_up_changes()
    inode.sync()

    assert inode.content == b"new"
    assert outcomes(inode, "dropped") == {b"old"}
    assert {b"old", b"new"} < outcomes(inode)


def test_what_is_written_after_a_failed_sync_becomes_sure() -> None:
    inode = changed(b"........", lambda each: each.write(1, b"aaaaaa"))
    inode.give_up_changes()
    inode.write(3, b"BB")
    inode.sync()

    assert inode.content == b".aaBBaa."
    assert outcomes(inode, "dropped") == {b"...BB..."}
    assert {each[3:5] for each in outcomes(inode)} == {b"BB"}
    assert {b"...BB...", b".aaBBaa."} < outcomes(inode)


@pytest.mark.parametrize(
    ("position", "data"),
    [(0, b"B"), (0, b"BBBB"), (3, b"BB"), (4, b"BBBB"), (6, b"BBBB"), (7, b"B")],
)
def test_only_bytes_that_are_written_again_become_sure(
    position: int, data: bytes
) -> None:
    inode = changed(b"........", lambda each: each.write(2, b"aaaa"))
    inode.give_up_changes()
    inode.write(position, data)
    inode.sync()

    disk = bytearray(b"........")
    disk[position : position + len(data)] = data
    assert outcomes(inode, "dropped") == {bytes(disk)}
    assert {bytes(disk), bytes(inode.content)} < outcomes(inode)


def test_lost_sizes_never_touch_what_is_sure() -> None:
    inode = changed(b"abcd", lambda each: each.truncate(1))
    inode.give_up_changes()
    inode.write(1, b"XYZW")
    inode.sync()
    assert outcomes(inode) == {b"aXYZW"}

    inode.write(5, b"lost")
    inode.give_up_changes()
    inode.truncate(3)
    inode.sync()

    assert outcomes(inode) == {b"aXY"}


def test_a_replaced_content_is_sure() -> None:
    inode = changed(b"abc", lambda each: each.write(0, b"lost"))
    inode.give_up_changes()
    inode.write(0, b"unsynced")

    inode.replace(b"other")

    assert inode.content == b"other"
    assert outcomes(inode) == {b"other"}


class Twin:
    """Which bytes and sizes are legal after power loss, position by position."""

    SIZE_MAX = 2200

    def __init__(self, content: bytes) -> None:
        self.content = bytearray(content)
        self.seen = [{self._at(place)} for place in range(self.SIZE_MAX)]
        self.written: set[int] = set()  # and not sure
        self.recent: set[int] = set()  # changed since the last sync, failed or not
        self.sizes = {len(content)}
        self.has_lost = False

    def _at(self, place: int) -> int:
        return self.content[place] if place < len(self.content) else 0

    def write(self, position: int, data: bytes) -> None:
        if data:
            self._resize(max(len(self.content), position + len(data)))
            self.content[position : position + len(data)] = data
            self._note(position, position + len(data))
            self.recent.update(range(position, position + len(data)))
            self.written.update(range(position, position + len(data)))

    def grow(self, size: int) -> None:
        self._resize(max(len(self.content), size))

    def truncate(self, size: int) -> None:
        self._resize(size)

    def _resize(self, size: int) -> None:
        old = len(self.content)
        self.content = self.content[:size].ljust(size, b"\0")
        self.sizes.add(size)
        self._note(min(size, old), max(size, old))
        # Growth makes nothing sure: a lost cut may show what was there.
        self.recent.update(range(size, old))

    def _note(self, start: int, stop: int) -> None:
        for place in range(start, stop):
            self.seen[place].add(self._at(place))

    def sync(self) -> None:
        sure = self.recent if self.has_lost else range(self.SIZE_MAX)
        for place in sure:
            self.seen[place] = {self._at(place)}
        self.written.difference_update(sure)
        self.recent.clear()
        if not self.has_lost:
            self.sizes = {len(self.content)}

    def give_up_changes(self) -> None:
        self.has_lost = True
        self.recent.clear()

    def misfits(self, image: bytes, policy: Policy) -> list[str]:
        found = [
            f"byte {place} is {image[place]}, legal are {self.seen[place]}"
            for place in range(len(image))
            if image[place] not in self.seen[place]
            and not (policy == "garbage" and place in self.written)
        ]
        if not min(self.sizes) <= len(image) <= max(self.sizes):
            found.append(f"{len(image)} bytes, legal are {self.sizes}")
        return found


POSITIONS = st.sampled_from([0, 1, 2, 3, 509, 511, 512, 513, 1024, 1100]) | st.integers(
    0, 1100
)
CHANGES = st.one_of(
    st.tuples(
        st.just("write"),
        POSITIONS,
        st.binary(max_size=4) | st.sampled_from([b"w" * 511, b"v" * 513, b"u" * 1025]),
    ),
    st.tuples(st.sampled_from(["grow", "truncate"]), POSITIONS),
    st.tuples(st.sampled_from(["sync", "sync", "give_up_changes"])),
)


@pytest.mark.slow
@given(
    st.binary(max_size=4) | st.just(b"s" * 1030),
    st.lists(CHANGES, max_size=12),
    st.integers(0, 2**32),
)
def test_every_state_after_power_loss_is_legal(
    content: bytes, changes: list[tuple[object, ...]], seed: int
) -> None:
    inode, twin = Inode(content), Twin(content)

    for name, *arguments in changes:
        getattr(inode, str(name))(*arguments)
        getattr(twin, str(name))(*arguments)
        assert inode.content == twin.content

    for policy in POLICIES:
        for number in range(4):
            image = inode.after_power_loss(random.Random(seed + number), policy)
            assert twin.misfits(image, policy) == []


@pytest.mark.slow
@given(st.lists(CHANGES, max_size=8), st.integers(0, 2**32))
def test_one_seed_gives_one_state(changes: list[tuple[object, ...]], seed: int) -> None:
    inode = Inode(b"s" * 600)
    for name, *arguments in changes:
        getattr(inode, str(name))(*arguments)

    for policy in POLICIES:
        first = inode.after_power_loss(random.Random(seed), policy)
        assert inode.after_power_loss(random.Random(seed), policy) == first
