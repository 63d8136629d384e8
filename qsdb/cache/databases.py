"""`Cache`: all tables that a connection knows.

Its public names are `table` and those of the tables that the user declared: so whatever
else it has begins with an underscore, and the connection reaches for it.
"""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from qsdb.cache.events import Event
from qsdb.cache.tables import CachedTable, Change, cached_table_class
from qsdb.errors import MissingNameError, NotFoundError, brief
from qsdb.schema.bound import BoundTable
from qsdb.schema.rows import Row
from qsdb.store.orders import StoredRow

__all__ = ["Cache"]

Changes = list[tuple[CachedTable[Any], Change]]


class Cache:
    """The tables of a connection's cache: by row class, or by name.

    >>> # conn.db[Message], conn.db.message, conn.db.table("message")
    """

    def __init__(
        self,
        by_name: Mapping[str, BoundTable],
        by_class: Mapping[type[Row], BoundTable],
    ) -> None:
        """Begin empty.

        Args:
            by_name: The tables and views that the connection may see.
            by_class: The tables, by row class.
        """
        self._by_name = by_name
        self._by_class = by_class
        self._lock = threading.RLock()
        self._tables: dict[str, CachedTable[Any]] = {}

    def __getitem__(self, row_class: type[Row]) -> CachedTable[Any]:
        """Give the table that was declared with a row class.

        Raises:
            NotFoundError: there is none that this connection may see.
        """
        is_class = isinstance(row_class, type)
        bound = self._by_class.get(row_class) if is_class else None
        if bound is None:
            raise NotFoundError(f"no table of {brief(row_class)} is in this cache")
        return self.table(bound.schema.name)

    def __getattr__(self, name: str) -> CachedTable[Any]:
        """Give the table of a name."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self.table(name)

    def table(self, name: str) -> CachedTable[Any]:
        """Give the table of a name, also of one that is taken.

        Raises:
            NotFoundError: there is none that this connection may see.
        """
        bound = self._by_name.get(name)
        if bound is None:
            there = ", ".join(self._by_name) or "none"
            raise MissingNameError(f"no table {brief(name)}; there are: {there}")
        with self._lock:
            found = self._tables.get(name)
            if found is None:
                cache_class = cached_table_class(bound)
                found = self._tables[name] = cache_class(self._lock)
            return found

    def _move(
        self, moves: Mapping[str, tuple[list[StoredRow], list[StoredRow]]]
    ) -> Changes:
        """Take in what came to tables and what went, as a whole."""
        with self._lock:
            return [
                (table, table._move(*rows))
                for name, rows in moves.items()
                for table in [self.table(name)]
            ]

    def _silence(self) -> None:
        """Tell nothing any more."""
        with self._lock:
            for table in self._tables.values():
                table._listeners.clear()

    def _tell(
        self, changes: Iterable[tuple[CachedTable[Any], Change]], event: Event
    ) -> None:
        """Tell the listeners of tables what has changed in them, and why."""
        for table, change in changes:
            table._tell(event, change)
