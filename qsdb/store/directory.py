"""`Directory`: the tables of one database, and the transactions on them.

Each `Edition` of them derives classes of its own from `WriteTransaction` and
`ReadTransaction`, in which each table is an attribute: ``tx.message``.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TypeVar

from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.rows import Row
from qsdb.store.images import StoredTable
from qsdb.store.mounted import within
from qsdb.store.opened import Entry, Opened, Tables
from qsdb.store.optimistic.transactions import OptimisticTransaction
from qsdb.store.pins import Store
from qsdb.store.reads import ReadTransaction, begin_reading
from qsdb.store.transactions import WriteTransaction

__all__ = ["Directory", "Edition", "with_tables"]

_NONE: Mapping[type[Row], str] = MappingProxyType({})

_T = TypeVar("_T", bound=Opened)


class _TableAttribute:
    """``tx.message``: opens the table once, then the instance has it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.__doc__ = f"The table {name}."

    def __get__(self, transaction: "Opened | None", owner: type) -> object:
        if transaction is None:
            return self
        handle = transaction.table(self.name)
        transaction.__dict__[self.name] = handle
        return handle


class _ScopeAttribute:
    """``tx.auth``: what is mounted by this name."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.__doc__ = f"The tables of the module that is mounted as {name}."

    def __get__(self, transaction: "Opened | None", owner: type) -> object:
        return self if transaction is None else within(transaction, self.name)


class Edition:
    """The tables of one schema, and the classes of transactions on them.

    Attributes:
        tables: The tables.
        write_class: The class of write transactions, with each table as an attribute.
        read_class: That of read transactions.
        optimistic_class: That of optimistic ones.
    """

    __slots__ = ("optimistic_class", "read_class", "tables", "write_class")

    def __init__(
        self,
        tables: Tables,
        write_base: type[WriteTransaction],
        read_base: type[ReadTransaction],
        optimistic_base: type[OptimisticTransaction],
    ) -> None:
        """Derive the classes."""
        self.tables = tables
        self.write_class = with_tables(write_base, tables)
        self.read_class = with_tables(read_base, tables)
        self.optimistic_class = with_tables(optimistic_base, tables)


class Directory:
    """The tables of a database, and the classes of its transactions.

    When a module is published another `Edition` takes the place of the one before,
    whose transactions that are open go on with what they have.

    Attributes:
        store: The rows.
        by_name: Name → table, without those of the system.
        by_class: Row class → the table that was declared with it.
        system: Id → table, of those that describe the others.
        write_class: The class of write transactions.
        read_class: That of read transactions; `read` begins one.
        optimistic_class: That of optimistic ones.
        edition: All of these.
    """

    by_name: Mapping[str, Entry]
    by_class: Mapping[type[Row], Entry]
    system: Mapping[int, Entry]
    write_class: type[WriteTransaction]
    read_class: type[ReadTransaction]
    optimistic_class: type[OptimisticTransaction]
    edition: Edition

    def __init__(
        self,
        tables: Sequence[StoredTable],
        offset: int = 0,
        write_base: type[WriteTransaction] = WriteTransaction,
        read_base: type[ReadTransaction] = ReadTransaction,
        optimistic_base: type[OptimisticTransaction] = OptimisticTransaction,
    ) -> None:
        """Make the store and the classes.

        Args:
            tables: In the order of their declaration, and after them those of
                the system, which transactions do not show.
            offset: Of the commit that the tables are at.
            write_base: What write transactions derive from.
            read_base: What read transactions derive from.
            optimistic_base: What optimistic ones derive from.
        """
        self.store = Store(tables, offset)
        self._bases = write_base, read_base, optimistic_base
        self.take(self.prepared(tables), offset)

    def prepared(
        self,
        tables: Sequence[StoredTable],
        bounds: Sequence[BoundTable] | None = None,
        gone: Mapping[type[Row], str] = _NONE,
    ) -> Edition:
        """Prepare another edition; `take` takes it.

        Args:
            tables: As for the directory; tables that it has may be among them.
            bounds: How each is declared; as the tables say if not given.
            gone: Row class → what became of its table, of those that have none more.
        """
        return Edition(Tables(self.store, tables, bounds, gone), *self._bases)

    def take(self, edition: Edition, offset: int) -> None:
        """Have another edition in the place of this one, at once; twice is once.

        Args:
            edition: Made by `prepared`; no transaction writes meanwhile. Tables that
                it has no more stay as they are, for those who read them.
            offset: Of the commit that it is at.

        Raises:
            UsageError: this thread is in the middle of a publication.
        """
        store, tables = self.store, edition.tables
        with store.standstill():
            store.retire(tables.stored)
            for entry in tables.entries:
                entry.table.bound = entry.bound
            # No call stands between these, so no signal handler does.
            self.by_name, self.by_class = tables.by_name, tables.by_class
            self.system, self.edition = tables.system, edition
            self.write_class = edition.write_class
            self.read_class = edition.read_class
            self.optimistic_class = edition.optimistic_class
            store.tables = tables.stored
            store.offset = offset

    def read(self) -> ReadTransaction:
        """Begin a read transaction at the last commit.

        Raises:
            UsageError: this thread is in the middle of a publication.
        """
        while True:
            read_class = self.read_class
            reading = begin_reading(read_class)
            # Tables and offset change together, in one step.
            if read_class is self.read_class:
                return reading
            reading.close()


def with_tables(base: type[_T], tables: Tables) -> type[_T]:
    """Derive a class whose tables are attributes, but for names that are taken."""
    attributes: dict[str, object] = {
        name: _ScopeAttribute(name) for name in tables.inner
    }
    attributes |= {name: _TableAttribute(name) for name in tables.by_name}
    members: dict[str, object] = {"__doc__": base.__doc__, "_tables": tables}
    # Not hasattr, which also sees what the metaclass has: register, mro.
    taken = {name for each in base.__mro__ for name in vars(each)}
    members |= {
        name: each
        for name, each in attributes.items()
        if not (name.startswith("__") or name in members or name in taken)
    }
    return type(base.__name__, (base,), members)
