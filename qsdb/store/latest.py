"""`Latest`: one look-up of one row at the last commit, without a pin.

A pin costs more than the look-up itself, and is of no use to whoever reads once. So
such a read holds the publication lock instead, for as long as it takes, and says so by
`is_looked_at`: nothing is committed or rolled back meanwhile, but by a signal handler
on this thread; then the row is looked up again. A transaction that is open may go on
and change rows; what it notes is looked through, as by any reader (`qsdb.store.images`,
rule 2).
"""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

from qsdb.store.opened import Entry, Tables
from qsdb.store.reading import ReadTable, table_at
from qsdb.store.undo import Pin

__all__ = ["Latest"]

T = TypeVar("T")


class Latest:
    """Tables as they are at the last commit, whichever that is."""

    def __init__(self, tables: Tables) -> None:
        """Read `tables`."""
        self._store = tables.store
        self._handles: dict[Entry, ReadTable[Any]] = {}
        # Newer than all commits: no undo is looked through.
        self._pin = Pin(sys.maxsize)

    def read(self, entry: Entry, read: Callable[..., T], *arguments: object) -> T:
        """Give what a function reads in one table.

        Args:
            entry: The table.
            read: Is given a handle of it and the arguments; it is to be short, since
                commits wait for it.
            arguments: More for it.

        Raises:
            ClosedError: the database is closed.
            UsageError: this thread is in the middle of a publication.
        """
        handle = self._handles.get(entry)
        if handle is None:
            handle = self._handles[entry] = table_at(
                entry.read_class, self._store, entry.table, None, self._pin
            )
        store = self._store
        with store.standstill() if store.is_publishing else store.publication:
            while True:
                store.is_looked_at = True
                found = read(handle, *arguments)
                if store.is_looked_at:
                    return found
