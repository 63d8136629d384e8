"""Every state that a simulated disk may be found in, while something runs on it.

A `WatchedDirectory` stands before a `SimulatedDirectory` and hands out images of
it: what the disk may be if the power fails just now. It does so before each call
that changes something, in the middle of each write, and when it is asked. What is
after one such call is before the next. Nothing has to be run again for the next
image, as it would be with a crash.

`every_image` gives all images of a moment that the model of power loss knows, not
some by chance: a `random.Random` that says each time something else, until all was
said. Rare sizes and torn bytes are looked at where they begin and where they end.
"""

import hashlib
import random
from collections.abc import Callable, Iterator, MutableSequence, Sequence
from typing import Any, TypeVar

import pytest

from qsdb.files import File
from qsdb.log.end_notes import END_NAME
from qsdb.recovery.opening import LOCK_NAME
from qsdb.testing import Call, Policy, SimulatedDirectory
from qsdb.testing.disk.inodes import _Write
from qsdb.testing.disk.interposed import InterposedDirectory, InterposedFile
from qsdb.testing.disk.simulated import SimulatedFile, _revived

__all__ = [
    "CHANGES",
    "POLICIES",
    "WatchedDirectory",
    "digest_of",
    "every_image",
    "image_of",
    "refuse_to_sync_a_part",
    "settle",
]

T = TypeVar("T")

CHANGES = frozenset(
    {
        *("write", "sync", "allocate", "truncate", "create", "rename", "remove"),
        *("make_directory", "remove_directory", "sync_directory"),
    }
)
"""The operations that change what is on the disk, or what of it lasts."""

POLICIES: tuple[Policy, ...] = (
    *("kept", "dropped", "torn", "torn", "torn", "garbage", "garbage"),
)


def image_of(
    disk: SimulatedDirectory, rng: random.Random, policy: Policy
) -> SimulatedDirectory:
    """Give what the disk may be after power loss now; its process lives on."""
    return _revived(disk._life.tree.after_power_loss(rng, policy))


def digest_of(disk: SimulatedDirectory) -> bytes:
    """Give a hash of all names and files, but for the lock's, which is for people."""
    found = hashlib.blake2b(digest_size=16)
    for name, content in disk.snapshot_files().items():
        if name != LOCK_NAME:
            found.update(
                b"%d %d " % (len(name), len(content)) + name.encode() + content
            )
    return found.digest()


def settle(disk: SimulatedDirectory) -> None:
    """Have all there is on the disk for good, as a long time does."""
    tree = disk._life.tree
    for inode in tree.files().values():
        inode.sync()
    for name in ("", *disk.list()):
        if name not in (LOCK_NAME, END_NAME):
            disk.sync(name)


def refuse_to_sync_a_part(patch: pytest.MonkeyPatch) -> None:
    """Have `File.write_synced` fail where something else is not synced.

    On a simulated disk it syncs all; a real one may sync what is written alone. What
    was written in the same place, in an attempt that was cut off, is written again.
    """
    write_synced = InterposedFile.write_synced

    def checked(file: InterposedFile, position: int, data: bytes) -> int:
        inner: File = file
        while isinstance(inner, InterposedFile):
            inner = inner.inner
        assert isinstance(inner, SimulatedFile)
        waiting = [
            (each.position, len(each.data))
            for each in inner._inode._changes
            if isinstance(each, _Write)
        ]
        for start, length in waiting:
            is_same = position <= start and start + length <= position + len(data)
            assert is_same, f"{length} bytes at {start} are not synced"
        return write_synced(file, position, data)

    patch.setattr(InterposedFile, "write_synced", checked)


class WatchedDirectory(InterposedDirectory):
    """Says when the disk behind is about to change.

    Attributes:
        disk: The disk behind.
        look: Called before each change with the call, and with the same call in the
            middle of a write.
    """

    def __init__(self, disk: SimulatedDirectory, look: Callable[[Call], None]) -> None:
        super().__init__(disk)
        self.disk = disk
        self.look = look

    def around(self, call: Call, perform: Callable[[], T]) -> T:
        if call.operation not in CHANGES:
            return perform()
        self.look(call)
        if call.operation == "write":
            file: Any = call.target
            file.write(call.position, call.data[: call.size // 2])
            self.look(call)
        return perform()


class _EveryAnswer(random.Random):
    """Answers each question with each of the answers, over many runs."""

    def __init__(self) -> None:
        super().__init__(0)
        self._path: list[tuple[int, int]] = []
        self._at = 0

    def again(self) -> bool:
        """Prepare the next run, and give whether there is one."""
        while self._path and self._path[-1][0] + 1 == self._path[-1][1]:
            self._path.pop()
        if not self._path:
            return False
        taken, count = self._path.pop()
        self._path.append((taken + 1, count))
        self._at = 0
        return True

    def _branch(self, answers: Sequence[T]) -> T:
        if self._at == len(self._path):
            self._path.append((0, len(answers)))
        self._at += 1
        return answers[self._path[self._at - 1][0]]

    def random(self) -> float:
        return self._branch((0.0, 0.999))

    def choice(self, seq: Any) -> Any:
        different = list(dict.fromkeys(seq))
        if all(isinstance(each, float) for each in different):
            return different[0]  # a share: `random` takes both sides of each
        return self._branch(different)

    def randint(self, a: int, b: int) -> int:
        return self._branch(sorted({a, (a + b) // 2, b}))

    def randrange(self, start: int, stop: Any = None, step: int = 1) -> int:
        return self._branch((0, start - 1))

    def shuffle(self, x: MutableSequence[Any]) -> None:
        # Not an answer that could be left out: all orders would have to be tried.
        raise NotImplementedError("the model of power loss does not shuffle")


def every_image(disk: SimulatedDirectory) -> Iterator[SimulatedDirectory]:
    """Give each different image of the disk after power loss now."""
    answers, seen = _EveryAnswer(), set[bytes]()
    is_more = True
    while is_more:
        image = image_of(disk, answers, "torn")
        digest = digest_of(image)
        if digest not in seen:
            seen.add(digest)
            yield image
        is_more = answers.again()
