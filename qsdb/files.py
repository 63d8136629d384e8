"""The one module that touches the operating system: files, directories, locks.

Everything durable goes through two small protocols, so that tests can put a
simulated disk, a tracing one or one that fails underneath (`qsdb.testing`):

* `File`: bytes at positions, and three ways to make them last;
* `Directory`: names of files, and the two calls that make *names* last.

What power loss may take decides how they are used:

============================  ======================================
what was done                 what makes it last
============================  ======================================
`File.write`, a size changed  `File.sync` of the same file
`File.write_synced`           nothing more, if all before it is synced
a file or directory made      `Directory.sync` of the directory above
a rename or removal           `Directory.sync` of the directory above
============================  ======================================

Names are relative to the root, ``""``, and separated by ``/``. What goes wrong leaves
as the system's `OSError`; `qsdb.log` and `qsdb.recovery` say what it means.

The real ones, from `open_directory`, are thin: a call is one of the system. A lock
is the kernel's (``flock``): it ends with the process, so that the text of a dead one
stops nobody, and it holds against a second opening in the same process too. A forked
child gives up its copy at once, so that the lock stays the parent's alone.
"""

import errno
import os
import platform
import sys
from collections.abc import Callable
from typing import Protocol, TypeVar, TypeVarTuple

from qsdb.forks import on_fork, run_fork_callbacks

__all__ = [
    "Directory",
    "File",
    "Lock",
    "OsDirectory",
    "OsFile",
    "OsLock",
    "StrPath",
    "host_name",
    "open_directory",
    "place_of",
    "process_id",
]

StrPath = str | os.PathLike[str]
"""What a path can be given as."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

_BINARY = getattr(os, "O_BINARY", 0)  # Windows changes line ends without
_ZEROS_BYTES = 1 << 16  # so many are written at once where nothing allocates
_LOCK_TEXT_BYTES_MAX = 4096  # so much of a lock's text is read: it is for people
_CLOSED = 2**31 - 1  # the number of no file, and the system says so


class File(Protocol):
    """An open file. Used by one thread at a time."""

    def size(self) -> int:
        """Give the number of bytes in the file."""

    def read(self, position: int, count: int) -> bytes:
        """Give `count` bytes from `position` on; fewer only where the file ends."""

    def write(self, position: int, data: bytes) -> int:
        """Write at `position` and give how many bytes were taken; perhaps not all."""

    def sync(self) -> None:
        """Have data and size on the disk when the call returns (fdatasync)."""

    def write_synced(self, position: int, data: bytes) -> int:
        """Write where all before is synced, and have what was taken so too."""
        taken = self.write(position, data)
        self.sync()
        return taken

    def allocate(self, size: int) -> None:
        """Have the file be at least `size` bytes long, zeros where nothing was."""

    def truncate(self, size: int) -> None:
        """Cut the file at `size`."""

    def close(self) -> None:
        """Give the file up; twice is no error."""


class Lock(Protocol):
    """A lock that this process holds on a directory."""

    def release(self) -> None:
        """Give it up; twice is no error."""


class Directory(Protocol):
    """A tree of files. Used by any thread."""

    def describe(self, name: str = "") -> str:
        """Give the whole path of a name, for messages."""

    def exists(self, name: str = "") -> bool:
        """Whether there is a file or directory of this name."""

    def list(self, name: str = "") -> list[str]:
        """Give the names in a directory, sorted, without their folder."""

    def create(self, name: str, *, private: bool = False) -> File:
        """Make a new file, open to read and write, or `private`: for this user alone.

        Raises:
            FileExistsError: the name is taken.
        """

    def open(self, name: str, *, writable: bool = False) -> File:
        """Open a file that is there."""

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, in the place of one that has it."""

    def remove(self, name: str) -> None:
        """Take a file away."""

    def make_directory(self, name: str = "") -> None:
        """Make a directory, and those above it; one that is there is no error."""

    def remove_directory(self, name: str) -> None:
        """Take an empty directory away."""

    def sync(self, name: str = "") -> None:
        """Have the names in a directory on the disk when the call returns."""

    def lock(self, name: str, text: str) -> Lock | str:
        """Take the lock that a file stands for, and leave a text in it.

        Returns:
            The lock; or, when somebody holds it, the text that they left.
        """


def open_directory(path: StrPath) -> "OsDirectory":
    """Give the directory of a path, which need not be there yet.

    A relative path is taken from the working directory of now.
    """
    return OsDirectory(os.path.abspath(os.fspath(path)))


def place_of(path: StrPath) -> tuple["OsDirectory", str]:
    """Give the directory in which a file is or would be, and its name there."""
    folder, name = os.path.split(os.path.abspath(os.fspath(path)))
    return OsDirectory(folder), name


class OsFile(File):
    """A file of the operating system; made by `OsDirectory`."""

    def __init__(self, descriptor: int, path: str) -> None:
        """Own an open descriptor."""
        self._descriptor = descriptor
        self._path = path

    def size(self) -> int:
        return _call(self._path, os.fstat, self._descriptor).st_size

    def read(self, position: int, count: int) -> bytes:
        return _call(self._path, _read, self._descriptor, count, position)

    def write(self, position: int, data: bytes) -> int:
        return _call(self._path, _write, self._descriptor, data, position)

    def sync(self) -> None:
        _call(self._path, _sync_data, self._descriptor)

    def write_synced(self, position: int, data: bytes) -> int:
        return _call(self._path, _write_synced, self._descriptor, data, position)

    def allocate(self, size: int) -> None:
        end = self.size()
        if end < size:
            _call(self._path, _allocate, self._descriptor, end, size - end)

    def truncate(self, size: int) -> None:
        _call(self._path, os.ftruncate, self._descriptor, size)

    def close(self) -> None:
        # No call may reach the number again: it soon is another file's.
        descriptor, self._descriptor = self._descriptor, _CLOSED
        if descriptor != _CLOSED:
            _call(self._path, os.close, descriptor)


class OsLock(Lock):
    """A lock of the operating system; made by `OsDirectory`."""

    def __init__(self, descriptor: int) -> None:
        """Own the open descriptor of a locked file."""
        self._descriptor = descriptor
        on_fork(self._forget)

    def release(self) -> None:
        if self._descriptor != _CLOSED:
            _unlock(self._descriptor)  # a child of now may have a copy of it
            self._forget()

    def _forget(self) -> None:
        """Close a copy of the lock, which does not unlock it for the others."""
        descriptor, self._descriptor = self._descriptor, _CLOSED
        if descriptor != _CLOSED:
            os.close(descriptor)


class OsDirectory(Directory):
    """A directory of the operating system; made by `open_directory`."""

    def __init__(self, root: str) -> None:
        """Begin at an absolute path."""
        self._root = root

    def describe(self, name: str = "") -> str:
        return os.path.join(self._root, *name.split("/")) if name else self._root

    def exists(self, name: str = "") -> bool:
        try:
            os.stat(self.describe(name))
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True

    def list(self, name: str = "") -> list[str]:
        return sorted(os.listdir(self.describe(name)))

    def create(self, name: str, *, private: bool = False) -> OsFile:
        path = self.describe(name)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _BINARY
        return OsFile(os.open(path, flags, 0o600 if private else 0o666), path)

    def open(self, name: str, *, writable: bool = False) -> OsFile:
        path = self.describe(name)
        flags = (os.O_RDWR if writable else os.O_RDONLY) | _BINARY
        return OsFile(os.open(path, flags), path)

    def rename(self, old: str, new: str) -> None:
        os.replace(self.describe(old), self.describe(new))

    def remove(self, name: str) -> None:
        os.unlink(self.describe(name))

    def make_directory(self, name: str = "") -> None:
        # `sync` cannot be told of directories above the root, for they have no
        # name; so those that are made there are synced here.
        parents: list[str] = []
        path = self._root
        while not os.path.isdir(path) and path != os.path.dirname(path):
            path = os.path.dirname(path)
            parents.append(path)
        os.makedirs(self.describe(name), exist_ok=True)
        for parent in parents:
            _sync_names(parent)

    def remove_directory(self, name: str) -> None:
        os.rmdir(self.describe(name))

    def sync(self, name: str = "") -> None:
        _sync_names(self.describe(name))

    def lock(self, name: str, text: str) -> OsLock | str:
        # Nobody removes the file: the lock would go from under its holder.
        path = self.describe(name)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | _BINARY, 0o666)
        try:
            if _call(path, _try_lock, descriptor):
                _call(path, _replace_text, descriptor, text.encode())
                return OsLock(descriptor)
            left = _call(path, _read, descriptor, _LOCK_TEXT_BYTES_MAX, 0)
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return left.decode("utf-8", "replace")


def process_id() -> int:
    """Give the number of this process, which a forked child has anew."""
    return os.getpid()


def host_name() -> str:
    """Give the name of this computer; for messages, it may be empty."""
    return platform.node()


def _call(path: str, function: Callable[[*Ts], T], *arguments: *Ts) -> T:
    """Call the system, and put a path in what it raises."""
    try:
        return function(*arguments)
    except OSError as error:
        error.filename = path
        raise


def _replace_text(descriptor: int, data: bytes) -> None:
    # In place first: a disk that is full has room for what was there.
    os.ftruncate(descriptor, _write(descriptor, data, 0))


def _write_zeros(descriptor: int, position: int, count: int) -> None:
    """Grow a file where the system cannot preallocate."""
    end = position + count
    while position < end:
        zeros = bytes(min(end - position, _ZEROS_BYTES))
        position += _write(descriptor, zeros, position)


if sys.platform == "win32":  # pragma: no cover  runs on Windows alone
    import msvcrt

    _LOCK_POSITION = 1 << 30  # behind any text: a locked byte cannot be read

    def _read(descriptor: int, count: int, position: int) -> bytes:
        os.lseek(descriptor, position, os.SEEK_SET)
        return os.read(descriptor, count)

    def _write(descriptor: int, data: bytes, position: int) -> int:
        os.lseek(descriptor, position, os.SEEK_SET)
        return os.write(descriptor, data)

    def _sync_names(path: str) -> None:
        """Do nothing: Windows syncs no directories."""

    def _try_lock(descriptor: int) -> bool:
        os.lseek(descriptor, _LOCK_POSITION, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _LOCK_POSITION, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    _read = os.pread
    _write = os.pwrite

    def _sync_names(path: str) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            _call(path, os.fsync, descriptor)
        finally:
            os.close(descriptor)

    def _try_lock(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)

    os.register_at_fork(after_in_child=run_fork_callbacks)

if sys.platform == "darwin":  # pragma: no cover  runs on macOS alone

    def _sync_data(descriptor: int) -> None:
        """Have the drive empty its cache too, which fsync does not there."""
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)

else:
    _sync_data = getattr(os, "fdatasync", os.fsync)

_allocate = getattr(os, "posix_fallocate", _write_zeros)

_DSYNC = getattr(os, "RWF_DSYNC", None)
_NOT_SUPPORTED = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP)


def _write_synced(descriptor: int, data: bytes, position: int) -> int:
    if _DSYNC is not None:
        try:
            return os.pwritev(descriptor, [data], position, _DSYNC)
        except OSError as error:
            if error.errno not in _NOT_SUPPORTED:
                raise
    taken = _write(descriptor, data, position)
    _sync_data(descriptor)
    return taken
