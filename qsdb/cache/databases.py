"""`Cache`: all tables that a connection knows.

Its public names are `table` and those of the tables that the user declared: so whatever
else it has begins with an underscore, and the connection reaches for it.
"""

import threading
from collections.abc import Iterable, Mapping
from typing import Any

from qsdb.cache.events import Event
from qsdb.cache.tables import CachedTable, Change, cached_table_class
from qsdb.errors import MissingNameError, NotFoundError, SchemaError, brief
from qsdb.schema.rows import Row
from qsdb.store.opened import Entry, Scope
from qsdb.store.orders import StoredRow

__all__ = ["Cache"]


class _Mounted:
    """The tables of a mounted module in a cache: ``conn.db.auth``."""

    __slots__ = ("_cache", "_scope")

    def __init__(self, cache: "Cache", scope: Scope) -> None:
        self._cache = cache
        self._scope = scope

    def __getitem__(self, row_class: type[Row]) -> CachedTable[Any]:
        entry = self._scope.by_class.get(row_class)
        if entry is None:
            raise NotFoundError(f"no table of {brief(row_class)} is in this cache")
        return self._cache.table(entry.bound.schema.name)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  a table or a namespace
        if name in self._scope.inner:
            return _Mounted(self._cache, self._scope.inner[name])
        return self.table(name)

    def table(self, name: str) -> CachedTable[Any]:
        """Give the table of a name."""
        return self._cache.table(f"{self._scope.path}.{name}")


Changes = list[tuple[CachedTable[Any], Change]]


class Cache:
    """The tables of a connection's cache: by row class, or by name.

    >>> # conn.db[Message], conn.db.message, conn.db.table("message")
    """

    def __init__(self) -> None:
        """Begin empty; `_take` says what tables there are."""
        self._by_name: Mapping[str, Entry] = {}
        self._by_class: Mapping[type[Row], Entry] = {}
        self._gone: Mapping[type[Row], str] = {}
        self._scopes: Mapping[str, Scope] = {}
        self._lock = threading.RLock()
        self._tables: dict[str, CachedTable[Any]] = {}

    def _take(
        self,
        by_name: Mapping[str, Entry],
        by_class: Mapping[type[Row], Entry],
        gone: Mapping[type[Row], str],
    ) -> None:
        """Have the tables that there are now; those whose rows are as before go on.

        Args:
            by_name: The tables that the connection may see.
            by_class: The same, by row class.
            gone: Row class → what became of its table.
        """
        with self._lock:
            self._by_name, self._by_class = by_name, by_class
            self._scopes = Scope("", by_name).inner
            self._gone = gone
            for name, table in [*self._tables.items()]:
                entry = by_name.get(name)
                if entry is None or not table._become(entry.bound):
                    del self._tables[name]
                    table._retire(entry.bound if entry is not None else None)

    def __getitem__(self, row_class: type[Row]) -> CachedTable[Any]:
        """Give the table that was declared with a row class.

        Raises:
            NotFoundError: there is none that this connection may see.
            SchemaError: it was that of a module that another one has replaced.
        """
        is_class = isinstance(row_class, type)
        entry = self._by_class.get(row_class) if is_class else None
        if is_class and row_class in self._gone:
            raise SchemaError(self._gone[row_class])
        if entry is None:
            raise NotFoundError(f"no table of {brief(row_class)} is in this cache")
        return self.table(entry.bound.schema.name)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  a table or a namespace
        """Give the table of a name, or what is mounted by it."""
        if name.startswith("_"):
            raise AttributeError(name)
        if name in self._scopes and name not in self._by_name:
            return _Mounted(self, self._scopes[name])
        return self.table(name)

    def table(self, name: str) -> CachedTable[Any]:
        """Give the table of a name, also of one that is taken.

        Raises:
            NotFoundError: there is none that this connection may see.
        """
        entry = self._by_name.get(name)
        if entry is None:
            there = ", ".join(self._by_name) or "none"
            raise MissingNameError(f"no table {brief(name)}; there are: {there}")
        with self._lock:
            found = self._tables.get(name)
            if found is None:
                cache_class = cached_table_class(entry.bound)
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
