"""A disk in memory that can lose power: a `Directory` for tests of durability.

>>> import random
>>> disk = SimulatedDirectory({"log": b"synced "})
>>> file = disk.open("log", writable=True)
>>> file.write(7, b"not synced")
10
>>> disk.crash(random.Random(1), "dropped").contents("log")
b'synced '

What a crash may leave is told in `inodes` (bytes) and `names`. The old directory
and what was opened in it belong to a process that is dead: every call raises
`SimulatedCrash`, so that no thread of the old life works on. Only the crash itself
may be had again, for another image of the same moment.
"""

import errno
import random  # noqa: TID251  the type of an argument
import threading
from collections.abc import Mapping

from qsdb.files import Directory, File, Lock
from qsdb.testing.disk.inodes import Inode, Policy
from qsdb.testing.disk.names import Tree

__all__ = ["SimulatedCrash", "SimulatedDirectory", "SimulatedFile", "SimulatedLock"]


class SimulatedCrash(BaseException):
    """The process is dead. No `Exception`, so that no handler takes it for one."""


class _Life:
    """The disk as one process has it, until a crash; entered around each call.

    Attributes:
        tree: The disk.
        locked: The files whose locks are held.
        is_over: Whether the process is dead.
    """

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.locked: set[Inode] = set()
        self.is_over = False
        self._mutex = threading.Lock()

    def __enter__(self) -> Tree:
        self._mutex.acquire()
        if self.is_over:
            self._mutex.release()
            raise SimulatedCrash(f"the process that used {self.tree.prefix} is dead")
        return self.tree

    def __exit__(self, *_: object) -> None:
        self._mutex.release()

    def end(self) -> None:
        """Refuse every call from now on; twice is no error."""
        with self._mutex:
            self.is_over = True


class SimulatedDirectory(Directory):
    """A tree of files in memory, with what a power loss would leave of it.

    Used by any thread. Cost: a call O(bytes that it moves), `crash` O(bytes on the
    disk).
    """

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        """Begin with files: name → content, all of it synced."""
        tree = Tree("simulated:")
        for name, content in (files or {}).items():
            tree.install(name, content)
        self._life = _Life(tree)

    def crash(self, random: random.Random, policy: Policy) -> "SimulatedDirectory":
        """Lose power, and give the disk as it is found then.

        The dead process's disk stays as it is: another call gives another image of
        the same moment, and `kill` the disk of a computer that went on.
        """
        self._life.end()
        return _revived(self._life.tree.after_power_loss(random, policy))

    def kill(self) -> "SimulatedDirectory":
        """Kill the process, and give the disk as the next one finds it.

        All that was written is there, and what was not synced still is not: a
        later crash may take it. The disk is the new process's alone.
        """
        self._life.end()
        return _revived(self._life.tree)

    def snapshot_files(self) -> dict[str, bytes]:
        """Give name → content of all files, sorted by name; also after a crash."""
        files = self._life.tree.files()
        return {name: bytes(files[name].content) for name in sorted(files)}

    def contents(self, name: str) -> bytes:
        """Give what a file holds; also after a crash."""
        return bytes(self._life.tree.inode(name).content)

    def replace_contents(self, name: str, data: bytes) -> None:
        """Have a file hold something else, as if it had always been so.

        File and folders are made where they are not there. All names in these
        folders are synced, and so is what the file holds.
        """
        with self._life as tree:
            tree.install(name, data)

    def break_syncs(self, name: str = "") -> None:
        """Let no later `sync` of a directory have an effect, before the next crash."""
        with self._life as tree:
            tree.folder(name).is_broken = True

    def describe(self, name: str = "") -> str:
        return self._life.tree.describe(name)

    def exists(self, name: str = "") -> bool:
        with self._life as tree:
            return tree.has(name)

    def list(self, name: str = "") -> list[str]:
        with self._life as tree:
            return sorted(tree.folder(name).entries)

    def is_private(self, name: str) -> bool:
        """Whether a file was created for this user alone; also after a crash."""
        return self._life.tree.inode(name).is_private

    def create(self, name: str, *, private: bool = False) -> "SimulatedFile":
        with self._life as tree:
            inode = Inode(is_private=private)
            tree.add(name, inode)
            return SimulatedFile(self._life, inode, name, is_writable=True)

    def open(self, name: str, *, writable: bool = False) -> "SimulatedFile":
        with self._life as tree:
            inode = tree.inode(name)
            return SimulatedFile(self._life, inode, name, is_writable=writable)

    def rename(self, old: str, new: str) -> None:
        with self._life as tree:
            tree.move(old, new)

    def remove(self, name: str) -> None:
        with self._life as tree:
            tree.remove(name, tree.inode(name))

    def make_directory(self, name: str = "") -> None:
        with self._life as tree:
            tree.make_folders(name)

    def remove_directory(self, name: str) -> None:
        with self._life as tree:
            folder = tree.folder(name)
            if folder.entries:
                raise tree.failure(errno.ENOTEMPTY, name)
            tree.remove(name, folder)

    def sync(self, name: str = "") -> None:
        with self._life as tree:
            tree.sync(tree.folder(name))

    def lock(self, name: str, text: str) -> "SimulatedLock | str":
        with self._life as tree:
            if not tree.has(name):
                tree.add(name, Inode())
            inode = tree.inode(name)
            if inode in self._life.locked:
                return inode.content.decode("utf-8", "replace")
            inode.truncate(0)
            inode.write(0, text.encode())
            self._life.locked.add(inode)
            return SimulatedLock(self._life, inode)


def _revived(tree: Tree) -> SimulatedDirectory:
    directory = SimulatedDirectory()
    directory._life = _Life(tree)  # noqa: SLF001  a second constructor
    return directory


class SimulatedFile(File):
    """An open file of a `SimulatedDirectory`, which follows it under any name."""

    def __init__(
        self, life: _Life, inode: Inode, name: str, *, is_writable: bool
    ) -> None:
        """Be made by the directory."""
        self._life = life
        self._inode = inode
        self._name = name
        self._is_writable = is_writable
        self._is_open = True

    def size(self) -> int:
        with self._life as tree:
            self._check(tree)
            return len(self._inode.content)

    def read(self, position: int, count: int) -> bytes:
        with self._life as tree:
            self._check(tree, position, count)
            return bytes(self._inode.content[position : position + count])

    def write(self, position: int, data: bytes) -> int:
        with self._life as tree:
            self._check(tree, position, is_change=True)
            self._inode.write(position, data)
            return len(data)

    def sync(self) -> None:
        with self._life as tree:
            self._check(tree)
            self._inode.sync()

    def allocate(self, size: int) -> None:
        with self._life as tree:
            self._check(tree, is_change=True)
            self._inode.grow(size)

    def truncate(self, size: int) -> None:
        with self._life as tree:
            self._check(tree, size, is_change=True)
            self._inode.truncate(size)

    def close(self) -> None:
        with self._life:
            self._is_open = False

    def give_up_changes(self) -> None:
        """Take what is not synced for synced, as a system may after a failed sync.

        Reads give it, and no later `sync` writes it.
        """
        with self._life as tree:
            self._check(tree)
            self._inode.give_up_changes()

    def _check(self, tree: Tree, *numbers: int, is_change: bool = False) -> None:
        if not self._is_open or (is_change and not self._is_writable):
            raise tree.failure(errno.EBADF, self._name)
        if min(numbers, default=0) < 0:
            raise tree.failure(errno.EINVAL, self._name)


class SimulatedLock(Lock):
    """A lock on a file of a `SimulatedDirectory`."""

    def __init__(self, life: _Life, inode: Inode) -> None:
        """Be made by the directory."""
        self._life = life
        self._inode: Inode | None = inode

    def release(self) -> None:
        with self._life:
            # Once: by then the lock may be somebody else's.
            inode, self._inode = self._inode, None
            if inode is not None:
                self._life.locked.remove(inode)
