"""`Directory`: the tables of one database, and the transactions on them.

It derives from `WriteTransaction` and `ReadTransaction` classes of the database's
own, in which each table is an attribute: ``tx.message``.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from qsdb.store.images import StoredTable
from qsdb.store.opened import Opened, Tables
from qsdb.store.pins import Store
from qsdb.store.reads import ReadTransaction
from qsdb.store.transactions import WriteTransaction

__all__ = ["Directory"]

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


class Directory(Tables):
    """The tables of a database, and the classes of its transactions."""

    def __init__(
        self,
        tables: Sequence[StoredTable],
        offset: int = 0,
        write_base: type[WriteTransaction] = WriteTransaction,
        read_base: type[ReadTransaction] = ReadTransaction,
    ) -> None:
        """Make the store and the classes.

        Args:
            tables: In the order of their declaration, and after them those of
                the system, which transactions do not show.
            offset: Of the commit that the tables are at.
            write_base: What write transactions derive from.
            read_base: What read transactions derive from.
        """
        super().__init__(Store(tables, offset))
        self.write_class = self.with_tables(write_base)
        self.read_class = self.with_tables(read_base)

    def with_tables(self, base: type[_T]) -> type[_T]:
        """Derive a class of transactions in which each table is an attribute."""
        attributes = {name: _TableAttribute(name) for name in self.by_name}
        return _with_tables(base, self, attributes)


def _with_tables(
    base: type[_T], tables: Tables, attributes: Mapping[str, _TableAttribute]
) -> type[_T]:
    """Derive a class whose tables are attributes, but for names that are taken."""
    members: dict[str, object] = {"__doc__": base.__doc__, "_tables": tables}
    # Not hasattr, which also sees what the metaclass has: register, mro.
    taken = {name for each in base.__mro__ for name in vars(each)}
    members |= {
        name: each
        for name, each in attributes.items()
        if not (name.startswith("__") or name in members or name in taken)
    }
    return type(base.__name__, (base,), members)
