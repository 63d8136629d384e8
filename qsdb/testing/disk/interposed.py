"""A directory that stands before another one and sees every call.

Each call of a `Directory`, and of the files and locks that it gave, becomes a
`Call` and goes through one method, `InterposedDirectory.around`::

    log ──► InterposedFile.write ──► around(call, perform) ──► inner file's write

A subclass overrides `around`, and may write the call down, perform it, perform
something else, or raise. `describe` alone is no call: it asks the system nothing.
"""

import threading
from collections.abc import Callable
from typing import Literal, NamedTuple, TypeVar

from qsdb.files import Directory, File, Lock

__all__ = [
    "Call",
    "InterposedDirectory",
    "InterposedFile",
    "InterposedLock",
    "Operation",
]

T = TypeVar("T")

Operation = Literal[
    "size",
    "read",
    "write",
    "sync",
    "allocate",
    "truncate",
    "close",
    "exists",
    "list",
    "create",
    "open",
    "rename",
    "remove",
    "make_directory",
    "remove_directory",
    "sync_directory",
    "lock",
    "release",
]
"""What a call does; ``"sync"`` is a file's, ``"sync_directory"`` a directory's."""


class Call(NamedTuple):
    """One call of the file layer.

    Attributes:
        operation: What it does.
        name: Its first argument; for a file, the name that it was opened by.
        target: The file, lock or directory of the inner side that it is for.
        position: Where it reads or writes.
        size: How many bytes it reads or writes, or the size that it gives a file.
        data: What it writes.
        new_name: What `name` is renamed to.
        number: How many calls of the same `InterposedDirectory` came before.
    """

    operation: Operation
    name: str
    target: File | Directory | Lock
    position: int = 0
    size: int = 0
    data: bytes = b""
    new_name: str = ""
    number: int = 0


class InterposedDirectory(Directory):
    """Gives every call to `around`, with the call of the inner directory in it.

    Attributes:
        inner: The directory behind.
        calls_count: How many calls there were.
    """

    def __init__(self, inner: Directory) -> None:
        """Stand before a directory."""
        self.inner = inner
        self.calls_count = 0
        self._mutex = threading.Lock()

    def around(self, call: Call, perform: Callable[[], T]) -> T:
        """Do a call; `perform` is the inner one. To be overridden."""
        return perform()

    def see(self, call: Call, perform: Callable[[], T]) -> T:
        """Number a call and do it; files and locks bring theirs here too."""
        with self._mutex:
            number = self.calls_count
            self.calls_count += 1
        return self.around(call._replace(number=number), perform)

    def describe(self, name: str = "") -> str:
        return self.inner.describe(name)

    def exists(self, name: str = "") -> bool:
        call = Call("exists", name, self.inner)
        return self.see(call, lambda: self.inner.exists(name))

    def list(self, name: str = "") -> list[str]:
        call = Call("list", name, self.inner)
        return self.see(call, lambda: self.inner.list(name))

    def create(self, name: str, *, private: bool = False) -> "InterposedFile":
        call = Call("create", name, self.inner)
        file = self.see(call, lambda: self.inner.create(name, private=private))
        return InterposedFile(self, file, name)

    def open(self, name: str, *, writable: bool = False) -> "InterposedFile":
        call = Call("open", name, self.inner)
        file = self.see(call, lambda: self.inner.open(name, writable=writable))
        return InterposedFile(self, file, name)

    def rename(self, old: str, new: str) -> None:
        call = Call("rename", old, self.inner, new_name=new)
        self.see(call, lambda: self.inner.rename(old, new))

    def remove(self, name: str) -> None:
        call = Call("remove", name, self.inner)
        self.see(call, lambda: self.inner.remove(name))

    def make_directory(self, name: str = "") -> None:
        call = Call("make_directory", name, self.inner)
        self.see(call, lambda: self.inner.make_directory(name))

    def remove_directory(self, name: str) -> None:
        call = Call("remove_directory", name, self.inner)
        self.see(call, lambda: self.inner.remove_directory(name))

    def sync(self, name: str = "") -> None:
        call = Call("sync_directory", name, self.inner)
        self.see(call, lambda: self.inner.sync(name))

    def lock(self, name: str, text: str) -> "InterposedLock | str":
        call = Call("lock", name, self.inner)
        taken = self.see(call, lambda: self.inner.lock(name, text))
        return taken if isinstance(taken, str) else InterposedLock(self, taken, name)


class InterposedFile(File):
    """A file that an `InterposedDirectory` gave."""

    def __init__(self, directory: InterposedDirectory, inner: File, name: str) -> None:
        """Be made by the directory."""
        self.inner = inner
        self._directory = directory
        self._name = name

    def size(self) -> int:
        call = Call("size", self._name, self.inner)
        return self._directory.see(call, self.inner.size)

    def read(self, position: int, count: int) -> bytes:
        call = Call("read", self._name, self.inner, position, count)
        return self._directory.see(call, lambda: self.inner.read(position, count))

    def write(self, position: int, data: bytes) -> int:
        call = Call("write", self._name, self.inner, position, len(data), data)
        return self._directory.see(call, lambda: self.inner.write(position, data))

    def sync(self) -> None:
        call = Call("sync", self._name, self.inner)
        self._directory.see(call, self.inner.sync)

    def allocate(self, size: int) -> None:
        call = Call("allocate", self._name, self.inner, size=size)
        self._directory.see(call, lambda: self.inner.allocate(size))

    def truncate(self, size: int) -> None:
        call = Call("truncate", self._name, self.inner, size=size)
        self._directory.see(call, lambda: self.inner.truncate(size))

    def close(self) -> None:
        call = Call("close", self._name, self.inner)
        self._directory.see(call, self.inner.close)


class InterposedLock(Lock):
    """A lock that an `InterposedDirectory` gave."""

    def __init__(self, directory: InterposedDirectory, inner: Lock, name: str) -> None:
        """Be made by the directory."""
        self.inner = inner
        self._directory = directory
        self._name = name

    def release(self) -> None:
        call = Call("release", self._name, self.inner)
        self._directory.see(call, self.inner.release)
