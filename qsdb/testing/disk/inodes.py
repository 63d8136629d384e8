"""What a file holds, and what of it power loss may leave.

A file has a content, which is what reads give, and a disk, which is what the last
sync left. Between them stand the changes since, in order::

    disk     AAAAAAAA                        synced, and never lost
    changes  write(4, BBBBBBBB), grow(16)    each as it was made
    content  AAAABBBB BBBB0000

After power loss,

1. each 512-byte sector that was written to is old, new, what it was between two
   writes, or torn inside at any byte; zeros where nothing was;
2. the size is any between the old and the new one;
3. a cut is done or undone;
4. under the policy ``"garbage"`` bytes that were written and not synced may be
   anything;
5. a byte that was synced and not changed since is intact, whatever else happens.

A sync that failed may leave the file in a state of its own: the system takes
what was not written for written, so that reads give it, no later sync writes
it, and power loss does to it what it likes (1 to 4). Only a later change of the
same bytes makes them sure again.

What this leaves out: sectors that are not 512 bytes, and bytes that rot.

Source: the rules are those of FoundationDB's AsyncFileNonDurable and of LazyFS;
syncs that fail are those of Rebello et al. (USENIX ATC 2020).
"""

import random  # noqa: TID251  the type of an argument
import sys
from collections.abc import Iterator
from typing import Literal, NamedTuple

__all__ = ["SECTOR_BYTES", "Inode", "Policy", "choose_share"]

Policy = Literal["kept", "dropped", "torn", "garbage"]
"""What power loss does to what is not synced.

``"kept"`` leaves all and ``"dropped"`` nothing; ``"torn"`` chooses for each sector,
size and name by itself; ``"garbage"`` does so too, and may put random bytes in the
place of what was written.
"""

SECTOR_BYTES = 512
"""What a disk writes at once. Larger sectors only lose in larger pieces."""

_TORN_IN = 8
"""One sector in so many is torn inside, which real disks do more rarely."""

_GARBAGE_IN = 3
"""One sector in so many holds random bytes, under the policy that has them."""


def choose_share(random: random.Random) -> float:
    """Choose how probably each change is done: for most hardly, fairly, mostly."""
    return random.choice((0.05, 0.5, 0.95))


class _Write(NamedTuple):
    position: int
    data: bytes


class _Grow(NamedTuple):
    size: int


class _Cut(NamedTuple):
    size: int


_Change = _Write | _Grow | _Cut


class Inode:
    """A file without a name.

    Attributes:
        content: What reads give.
        is_private: Whether others who use the computer may not read it.

    Cost: a change O(its bytes), a sync O(bytes changed since the last one),
    `after_power_loss` O(size).
    """

    __slots__ = ("_changes", "_disk", "_lost", "content", "is_private")

    def __init__(self, content: bytes = b"", *, is_private: bool = False) -> None:
        """Begin with a content that is synced."""
        self.is_private = is_private
        self.content = bytearray(content)
        self._disk = bytearray(content)
        self._changes: list[_Change] = []
        # Changes that a failed sync gave up, older than all in `_changes`.
        self._lost: list[_Change] = []

    def write(self, position: int, data: bytes) -> None:
        """Put bytes at a position, zeros before it where nothing was."""
        if data:
            self._change(_Write(position, data))

    def grow(self, size: int) -> None:
        """Have at least `size` bytes."""
        if size > len(self.content):
            self._change(_Grow(size))

    def truncate(self, size: int) -> None:
        """Have exactly `size` bytes."""
        self.grow(size)
        if size < len(self.content):
            self._change(_Cut(size))

    def _change(self, change: _Change) -> None:
        self._changes.append(change)
        _apply(self.content, change)

    def replace(self, content: bytes) -> None:
        """Have another content, synced, whatever there was."""
        self.content[:] = self._disk[:] = content
        self._changes.clear()
        self._lost.clear()

    def sync(self) -> None:
        """Have the changes on the disk, but for those that were given up."""
        for change in self._changes:
            _apply(self._disk, change)
            self._lost = list(_overrule(self._lost, change))
        self._changes.clear()

    def give_up_changes(self) -> None:
        """Fail to sync in the way that takes what was not written for written."""
        self._lost += self._changes
        self._changes.clear()

    def after_power_loss(self, random: random.Random, policy: Policy) -> bytes:
        """Give what the disk may hold after power loss now."""
        changes = self._lost + self._changes
        if policy == "dropped" or not changes:
            return bytes(self._disk)
        if policy == "kept":
            return bytes(self.content)
        outcome = _Outcome(self._disk)
        for change in changes:
            if not isinstance(change, _Cut) or random.random() < 0.5:
                outcome.consider(change)
        return outcome.choose(random, has_garbage=policy == "garbage")


def _apply(content: bytearray, change: _Change) -> None:
    match change:
        case _Write(position, data):
            content.extend(bytes(max(0, position - len(content))))
            content[position : position + len(data)] = data
        case _Grow(size):
            content.extend(bytes(max(0, size - len(content))))
        case _:
            del content[change.size :]


def _overrule(lost: list[_Change], change: _Change) -> Iterator[_Change]:
    """Give what may still happen of lost changes after one that is sure (rule 5).

    Lost sizes happen no more: they would cut or grow what is sure.
    """
    if isinstance(change, _Write):
        start, stop = change.position, change.position + len(change.data)
    else:
        start, stop = change.size, sys.maxsize
    for each in lost:
        if not isinstance(each, _Write):
            continue
        before = each.data[: max(0, start - each.position)]
        if before:
            yield _Write(each.position, before)
        after = each.data[max(0, stop - each.position) :]
        if after:
            yield _Write(max(stop, each.position), after)


class _Sector:
    """What a sector was, from the disk's state to the newest.

    Attributes:
        states: Its bytes, oldest first; all of a whole sector.
        spans: Where in it bytes were written, as (start, stop).
    """

    __slots__ = ("spans", "states")

    def __init__(self, content: bytes) -> None:
        self.states = [content.ljust(SECTOR_BYTES, b"\0")]
        self.spans: list[tuple[int, int]] = []

    def write(self, start: int, data: bytes) -> None:
        state, stop = self.states[-1], start + len(data)
        self.states.append(state[:start] + data + state[stop:])
        self.spans.append((start, stop))

    def cut(self, size: int) -> None:
        """Forget what was behind `size`, in every state."""
        self.states = [state[:size].ljust(SECTOR_BYTES, b"\0") for state in self.states]
        self.spans = [
            (start, min(stop, size)) for start, stop in self.spans if start < size
        ]

    def choose(
        self, random: random.Random, *, share: float, has_garbage: bool
    ) -> bytes:
        """Choose what it is after power loss (rules 1 and 4)."""
        *older, newest = self.states
        chosen = newest if random.random() < share else random.choice(older)
        if random.randrange(_TORN_IN) == 0:
            start, stop = random.choice(self.spans)
            cut = random.randint(start, stop)
            chosen = random.choice(self.states)[:cut] + chosen[cut:]
        if has_garbage and random.randrange(_GARBAGE_IN) == 0:
            start, stop = random.choice(self.spans)
            chosen = chosen[:start] + random.randbytes(stop - start) + chosen[stop:]
        return chosen


class _Outcome:
    """What may become of a file: its sectors' states, and the range of its size."""

    def __init__(self, disk: bytearray) -> None:
        self._disk = bytearray(disk)
        self._sectors: dict[int, _Sector] = {}
        self._size_min = self._size_max = len(disk)

    def consider(self, change: _Change) -> None:
        """Have a change happen perhaps; a cut certainly."""
        match change:
            case _Write(position, data):
                self._write(position, data)
                self._size_max = max(self._size_max, position + len(data))
            case _Grow(size):
                self._size_max = max(self._size_max, size)
            case _:
                self._cut(change.size)
                self._size_min = min(self._size_min, change.size)
                self._size_max = min(self._size_max, change.size)

    def _write(self, position: int, data: bytes) -> None:
        offset = 0
        while offset < len(data):
            number, start = divmod(position + offset, SECTOR_BYTES)
            part = data[offset : offset + SECTOR_BYTES - start]
            sector = self._sectors.get(number)
            if sector is None:
                first = number * SECTOR_BYTES
                content = bytes(self._disk[first : first + SECTOR_BYTES])
                sector = self._sectors[number] = _Sector(content)
            sector.write(start, part)
            offset += len(part)

    def _cut(self, size: int) -> None:
        del self._disk[size:]
        for number, sector in list(self._sectors.items()):
            sector.cut(max(0, size - number * SECTOR_BYTES))
            if not sector.spans:
                del self._sectors[number]

    def choose(self, random: random.Random, *, has_garbage: bool) -> bytes:
        """Choose what there is after power loss."""
        image, share = self._disk, choose_share(random)
        size = random.choice(
            (
                self._size_min,
                random.randint(self._size_min, self._size_max),
                self._size_max,
                self._size_max,
            )
        )
        image.extend(bytes(max(0, size - len(image))))
        for number, sector in self._sectors.items():
            first = number * SECTOR_BYTES
            if first < size:
                chosen = sector.choose(random, share=share, has_garbage=has_garbage)
                image[first : first + SECTOR_BYTES] = chosen
        del image[size:]
        return bytes(image)
