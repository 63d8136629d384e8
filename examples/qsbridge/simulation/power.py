"""A directory whose power can be cut.

From the cut on nothing is written any more: what was on the disk stays, and what a
process had only in its memory is lost, as when the machine stops. The database
that writes there finds every write failing and refuses further commits; closing it
gives the lock back, and the directory behind can be opened anew.
"""

import errno
from collections.abc import Callable
from typing import Final, TypeVar

from qsdb.testing.disk.interposed import Call, InterposedDirectory

__all__ = ["PowerSwitch"]

T = TypeVar("T")

WRITING: Final = frozenset(
    {
        "write",
        "sync",
        "allocate",
        "truncate",
        "create",
        "rename",
        "remove",
        "make_directory",
        "remove_directory",
        "sync_directory",
    }
)


class PowerSwitch(InterposedDirectory):
    """Stands before a directory until its power is cut.

    Attributes:
        is_cut: Whether it is.
    """

    is_cut = False

    def cut(self) -> None:
        """Let nothing be written from now on."""
        self.is_cut = True

    def around(self, call: Call, perform: Callable[[], T]) -> T:
        if self.is_cut and call.operation in WRITING:
            raise OSError(errno.EIO, "the power is cut", call.name)
        return perform()
