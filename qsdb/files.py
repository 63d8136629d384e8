"""The one module that touches the operating system: files, directories, locks.

Everything durable goes through two small protocols, so that tests can put a
simulated disk, a tracing one or one that fails underneath (`qsdb.testing`):

* `File`: bytes at positions, and three ways to make them last;
* `Directory`: names of files, and the two calls that make *names* last.

What power loss may take decides how they are used:

========================  ==========================================
what was done             what makes it last
========================  ==========================================
`File.write`              `File.sync` of the same file
a size that grew          `File.sync` (the size is part of the data)
`File.truncate`           `File.sync`
a file or directory made  `Directory.sync` of the directory above
a rename or removal       `Directory.sync` of the directory above
========================  ==========================================

Names are relative to the root and separated by ``/``; ``""`` is the root itself.
Everything that goes wrong leaves as the `OSError` that the system gave, with the
name in it; `qsdb.log` and `qsdb.recovery` say what it means.
"""

from typing import Protocol

__all__ = ["Directory", "File", "Lock"]


class File(Protocol):
    """An open file. Used by one thread at a time."""

    def size(self) -> int:
        """Give the number of bytes in the file."""
        ...

    def read(self, position: int, count: int) -> bytes:
        """Give `count` bytes from `position` on; fewer only where the file ends."""
        ...

    def write(self, position: int, data: bytes) -> int:
        """Write at `position` and give how many bytes were taken; perhaps not all."""
        ...

    def sync(self) -> None:
        """Have data and size on the disk when the call returns (fdatasync)."""
        ...

    def allocate(self, size: int) -> None:
        """Have the file be at least `size` bytes long, zeros where nothing was."""
        ...

    def truncate(self, size: int) -> None:
        """Cut the file at `size`."""
        ...

    def close(self) -> None:
        """Give the file up; twice is no error."""
        ...


class Lock(Protocol):
    """A lock that this process holds on a directory."""

    def release(self) -> None:
        """Give it up; twice is no error."""
        ...


class Directory(Protocol):
    """A tree of files. Used by any thread."""

    def describe(self, name: str = "") -> str:
        """Give the whole path of a name, for messages."""
        ...

    def exists(self, name: str = "") -> bool:
        """Whether there is a file or directory of this name."""
        ...

    def list(self, name: str = "") -> list[str]:
        """Give the names in a directory, sorted, without their folder."""
        ...

    def create(self, name: str) -> File:
        """Make a new file, open to read and write.

        Raises:
            FileExistsError: the name is taken.
        """
        ...

    def open(self, name: str, *, writable: bool = False) -> File:
        """Open a file that is there."""
        ...

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, in the place of one that has it."""
        ...

    def remove(self, name: str) -> None:
        """Take a file away."""
        ...

    def make_directory(self, name: str = "") -> None:
        """Make a directory, and those above it; one that is there is no error."""
        ...

    def remove_directory(self, name: str) -> None:
        """Take an empty directory away."""
        ...

    def sync(self, name: str = "") -> None:
        """Have the names in a directory on the disk when the call returns."""
        ...

    def lock(self, name: str, text: str) -> Lock | str:
        """Take the lock that a file stands for, and leave a text in it.

        Returns:
            The lock; or, when somebody holds it, the text that they left.
        """
        ...
