"""`Cache`: all tables that a connection knows.

Its public names are `table` and those of the tables that the user declared: so whatever
else it has begins with an underscore, and the connection reaches for it.
"""

import threading
from collections.abc import Mapping
from typing import Any

from qsdb.cache.events import Event
from qsdb.cache.steps import Step, Steps, finish
from qsdb.cache.tables import CachedTable, Change, cached_table_class
from qsdb.errors import MissingNameError, NotFoundError, SchemaError, brief
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.rows import Row
from qsdb.store.orders import StoredRow

__all__ = ["Cache", "Changes"]


class _Mounted:
    """The tables of a mounted module in a cache: ``conn.db.auth``."""

    __slots__ = ("_cache", "_path")

    def __init__(self, cache: "Cache", path: str) -> None:
        self._cache = cache
        self._path = path

    def __getitem__(self, row_class: type[Row]) -> CachedTable[Any]:
        return self._cache._of_class(row_class, self._path)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  a table or a namespace
        return self._cache._below(f"{self._path}.{name}")

    def table(self, name: str) -> CachedTable[Any]:
        """Give the table of a name."""
        return self._cache.table(f"{self._path}.{name}")


Changes = list[tuple[CachedTable[Any], Change]]


class Cache:
    """The tables of a connection's cache: by row class, or by name.

    >>> # conn.db[Message], conn.db.message, conn.db.table("message")
    """

    def __init__(self) -> None:
        """Begin empty; `_take` says what tables there are."""
        self._by_name: Mapping[str, BoundTable] = {}
        self._by_class: Mapping[type[Row], BoundTable] = {}
        self._gone: Mapping[type[Row], str] = {}
        self._lock = threading.RLock()
        self._tables: dict[str, CachedTable[Any]] = {}

    def _take(
        self,
        by_name: Mapping[str, BoundTable],
        by_class: Mapping[type[Row], BoundTable],
        gone: Mapping[type[Row], str],
    ) -> None:
        """Have the tables that there are now; those whose rows are as before go on.

        Twice is once.

        Args:
            by_name: The tables and views that the connection may see.
            by_class: The tables, by row class.
            gone: Row class → what became of its table.
        """
        with self._lock:
            self._by_name, self._by_class = by_name, by_class
            self._gone = gone
            for name, table in [*self._tables.items()]:
                bound = by_name.get(name)
                if bound is None or not table._become(bound):
                    table._retire(bound)
                    del self._tables[name]

    def __getitem__(self, row_class: type[Row]) -> CachedTable[Any]:
        """Give the table that was declared with a row class.

        Raises:
            NotFoundError: there is none that this connection may see.
            SchemaError: it was that of a module that another one has replaced.
        """
        is_class = isinstance(row_class, type)
        bound = self._by_class.get(row_class) if is_class else None
        if is_class and row_class in self._gone:
            raise SchemaError(self._gone[row_class])
        if bound is None:
            raise NotFoundError(f"no table of {brief(row_class)} is in this cache")
        return self.table(bound.schema.name)

    def _of_class(self, row_class: type[Row], path: str) -> CachedTable[Any]:
        """Give the table of a row class in a mounted module, the outermost first."""
        found = [
            name
            for name, bound in self._by_name.items()
            if name.startswith(f"{path}.") and bound.row_class is row_class
        ]
        if not found:
            raise NotFoundError(f"no table of {brief(row_class)} is in this cache")
        return self.table(min(found, key=lambda name: name.count(".")))

    def _below(self, name: str) -> Any:  # noqa: ANN401  a table or a namespace
        """Give the table of a name, or what is mounted by it."""
        is_mount = any(each.startswith(f"{name}.") for each in self._by_name)
        if is_mount and name not in self._by_name:
            return _Mounted(self, name)
        return self.table(name)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  a table or a namespace
        """Give the table of a name, or what is mounted by it."""
        if name.startswith("_"):
            raise AttributeError(name)
        return self._below(name)

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

    def _planned(
        self, moves: Mapping[str, tuple[list[StoredRow], list[StoredRow]]]
    ) -> Changes:
        """Say what comes to tables and what goes; nothing is changed.

        Raises:
            ValueError: a row goes that is not there.
        """
        changes: Changes = []
        with self._lock:
            for name, rows in moves.items():
                table = self._tables.get(name)
                if table is None:
                    table = self.table(name)
                changes.append((table, table._planned(*rows)))
        return changes

    def _take_in(self, changes: Changes) -> None:
        """Take in what comes to tables and what goes, as a whole; twice is once."""
        with self._lock:
            for table, change in changes:
                table._take_in(change)

    def _move(
        self, moves: Mapping[str, tuple[list[StoredRow], list[StoredRow]]]
    ) -> Changes:
        """Take in what came to tables and what went, and give it to be told."""
        changes = self._planned(moves)
        self._take_in(changes)
        return changes

    def _refusal(
        self, moves: Mapping[str, tuple[list[StoredRow], list[StoredRow]]]
    ) -> str | None:
        """Say why something cannot be taken in, if it cannot."""
        with self._lock:
            for name, rows in moves.items():
                fault = self.table(name)._refusal(*rows)
                if fault is not None:
                    return f"table {name}: {fault}"
        return None

    def _silence(self) -> None:
        """Tell nothing any more."""
        with self._lock:
            for table in self._tables.values():
                table._listeners.clear()

    def _tellings(self, changes: Changes, event: Event) -> list[Step]:
        """Give the steps that tell listeners what has changed in tables, and why."""
        steps: list[Step] = []
        for table, change in changes:
            steps += table._tellings(event, change)
        return steps

    def _tell(self, changes: Changes, event: Event) -> None:
        """Tell the listeners of tables what has changed in them, and why."""
        finish(Steps(lambda: self._tellings(changes, event)).run)
