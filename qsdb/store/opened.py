"""What write and read transactions share: tables, and the handles opened in them.

A transaction opens a handle for each table when it is first asked for. Who may
write, and when, is not decided here: the runtime holds the writer lock.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, cast

from qsdb.errors import NotFoundError, QsdbError, SchemaError, brief
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.contexts import AnyRow, Table, Transaction
from qsdb.schema.results import Result
from qsdb.schema.rows import Row
from qsdb.store.images import StoredTable
from qsdb.store.optimistic.tables import OptimisticTable
from qsdb.store.pins import Store
from qsdb.store.reading import ReadTable, read_table_class
from qsdb.store.writing import WriteTable, write_table_class

__all__ = ["Entry", "Opened", "Scope", "Tables"]

_NONE: Mapping[type[Row], str] = MappingProxyType({})


class Entry:
    """One table of an edition, and its handle classes.

    Attributes:
        table: Its rows.
        bound: How it is declared. The table may be that of another edition as well, in
            which the same layout of rows has other names or another row class.
    """

    __slots__ = (
        "bound",
        "find",
        "optimistic_class",
        "read_class",
        "rows",
        "table",
        "write_class",
    )

    write_class: type[WriteTable[Row]]
    read_class: type[ReadTable[Row]]
    optimistic_class: type[OptimisticTable[Row]] | None
    """Made when it is first asked for, as few databases need it."""

    def __init__(self, table: StoredTable, bound: BoundTable) -> None:
        """Make the classes, or take those that were made for the declaration."""
        self.table = table
        self.bound = bound
        self.rows = table.rows
        self.find = table.rows.get
        self.write_class = cast(type[WriteTable[Row]], write_table_class(bound))
        self.read_class = cast(type[ReadTable[Row]], read_table_class(bound))
        self.optimistic_class = None


class Scope:
    """Tables of a database by the names that they have for one module in it.

    Attributes:
        path: Where the module is mounted; empty for the outermost.
        by_name: Name → table, also of modules that are mounted in this one.
        by_class: Row class → the table that was declared with it: the first of the
            module's own, or that of the only module in it that has any.
        inner: Name → scope of a module that is mounted in this one.
    """

    __slots__ = ("by_class", "by_name", "inner", "path")

    def __init__(self, path: str, entries: Mapping[str, Entry]) -> None:
        """Sort tables."""
        self.path = path
        self.by_name = entries
        of_class: dict[type[Row], dict[str, Entry]] = {}
        inner: dict[str, dict[str, Entry]] = {}
        for name, entry in entries.items():
            namespace, _, _ = name.rpartition(".")
            tables = of_class.setdefault(entry.bound.row_class, {})
            tables.setdefault(namespace, entry)
            first, dot, rest = name.partition(".")
            if dot:
                inner.setdefault(first, {})[rest] = entry
        # What is mounted comes after the module's own, whose names may have dots too.
        self.by_class = {
            row_class: next(iter(tables.values()))
            for row_class, tables in of_class.items()
            if "" in tables or len(tables) == 1
        }
        below = f"{path}." if path else ""
        self.inner = {name: Scope(below + name, each) for name, each in inner.items()}

    def missing(self, key: object) -> QsdbError:
        """Make the error for a row class or name that no table has."""
        there = ", ".join(self.by_name) or "none"
        if not isinstance(key, type):
            return NotFoundError(f"no table {brief(key)}; there are: {there}")
        return NotFoundError(f"no table of {key.__name__}; there are: {there}")


class Tables(Scope):
    """The tables of a database at one time: its store, and what is known of each.

    Attributes:
        store: The rows.
        by_name: Name → table, without those of the system.
        system: Id → table, of those that describe the others.
        stored: All of them.
        gone: Row class → what became of its table, of those that have none any more.
    """

    def __init__(
        self,
        store: Store,
        tables: Sequence[StoredTable],
        bounds: Sequence[BoundTable] | None = None,
        gone: Mapping[type[Row], str] = _NONE,
    ) -> None:
        """Sort tables that are, or will be, those of a store.

        Args:
            store: It.
            tables: In the order of their declaration.
            bounds: How each is declared; as the tables say if not given.
            gone: Row class → what became of its table.
        """
        self.store = store
        self.stored = tuple(tables)
        self.gone = gone
        by_name: dict[str, Entry] = {}
        self.system: dict[int, Entry] = {}
        bounds = bounds or [each.bound for each in tables]
        for table, bound in zip(tables, bounds, strict=True):
            entry = Entry(table, bound)
            if table.is_system:
                self.system[table.table_id] = entry
                continue
            by_name[bound.schema.name] = entry
        super().__init__("", by_name)

    @property
    def entries(self) -> list[Entry]:
        """All of them, those of the system too."""
        return [*self.by_name.values(), *self.system.values()]

    def missing(self, key: object) -> QsdbError:
        """Make the error for a row class or name that no table has."""
        if isinstance(key, type) and key in self.gone:
            return SchemaError(self.gone[key])
        return super().missing(key)


class Opened(Transaction):
    """A transaction and the handles that it has opened."""

    # Slots, since attributes of the class cost more to read. Derived classes have
    # a dict besides, where tables go that were asked for by attribute.
    __slots__ = ("_by_class", "_opened", "_store")

    _tables: Tables
    """Of the derived class: those of one database."""
    _store: Store
    _by_class: Mapping[type[Row], Entry]
    """Of the tables, at hand."""
    _opened: dict[Entry, Any]
    """The handles of the tables that were asked for."""

    def __getitem__(self, row_class: type[AnyRow]) -> Table[AnyRow]:
        try:
            entry = self._by_class[row_class]
        except (KeyError, TypeError):  # not there, or no hash
            raise self._tables.missing(row_class) from None
        handle = self._opened.get(entry)
        if handle is None:
            handle = self._open(entry)
        return handle  # type: ignore[return-value]

    def table(self, name: str) -> Table[Row]:
        try:
            entry = self._tables.by_name[name]
        except (KeyError, TypeError):
            raise self._tables.missing(name) from None
        handle = self._opened.get(entry)
        return self._open(entry) if handle is None else handle

    def _sql_within(
        self, namespace: str, text: str, params: Mapping[str, object] | None
    ) -> Result:
        """Run a statement whose names are those of a mounted module."""
        raise NotImplementedError  # pragma: no cover  the runtime's have their own

    def _open(self, entry: Entry) -> Table[Row]:
        """Make the handle of a table that was not asked for before."""
        raise NotImplementedError  # pragma: no cover  both kinds have their own
