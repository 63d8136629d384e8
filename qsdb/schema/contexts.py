"""What functions of a module are handed: contexts, transactions, tables, indexes.

These classes are the types that user code names, and their documentation; the
store and the runtime make the objects. A `Table` belongs to one transaction:
after its end every use raises `ClosedError`.
"""

import abc
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from qsdb.logs import CallLog
from qsdb.schema.new_uuids import NewUuids
from qsdb.schema.results import Result
from qsdb.schema.rows import Row
from qsdb.values.identity import ConnectionId, Identity

__all__ = [
    "UNBOUNDED",
    "AnyContext",
    "AnyRow",
    "Auth",
    "Index",
    "ReducerContext",
    "Savepoint",
    "Table",
    "Transaction",
]

R = TypeVar("R")
AnyRow = TypeVar("AnyRow", bound=Row)


class _Unbounded:
    """Stands for an end of a range that is left out; None is a value."""

    def __repr__(self) -> str:
        return "UNBOUNDED"


UNBOUNDED = _Unbounded()


class Index(abc.ABC, Generic[R]):
    """A unique column, or an index, of one table in one transaction.

    Values are those of the index's columns in order; a wrong kind raises
    `KindError`. What the declaration does not carry (a range on a hash index)
    raises `UsageError`.
    """

    __slots__ = ()

    @abc.abstractmethod
    def find(self, *key: object) -> R | None:
        """Give the row with this key of a unique column, or None.

        Raises:
            UsageError: the column is not unique, or the key is None, which
                many rows may have.
        """
        ...

    @abc.abstractmethod
    def update(self, row: R) -> R:
        """Replace the row that has the same value in this unique column.

        A generated primary key that is 0 in `row` stays what it was; all other
        columns are stored as given.

        Raises:
            NotFoundError: there is none.
            UniqueError: another row has one of the row's other keys.
        """
        ...

    @abc.abstractmethod
    def filter(self, *prefix: object) -> Iterator[R]:
        """Yield the rows whose first columns equal `prefix`, in key order.

        A hash index takes values for all its columns, a btree for one or more.
        The result stands when the call returns; later writes do not show.

        Cost: O(log n) to find, then O(rows found).
        """
        ...

    @abc.abstractmethod
    def range(
        self,
        lo: object = UNBOUNDED,
        hi: object = UNBOUNDED,
        include: tuple[bool, bool] = (True, False),
        reverse: bool = False,  # noqa: FBT001, FBT002  the contract has it by place too
        *,
        limit: int | None = None,
    ) -> Iterator[R]:
        """Yield the rows between two keys of a btree, in key order.

        The result stands when the call returns; later writes do not show.

        Args:
            lo: Lower end: a value, or a tuple for several columns, of which a
                shorter one is a prefix. Left out, the range is open.
            hi: Upper end, likewise.
            include: Whether rows at the lower and at the upper end belong.
            reverse: Highest first.
            limit: At most so many rows, the first of them; None for all.

        Cost: O(log n) to find, then O(rows found); with a limit O(limit), and what has
        changed in the table since the transaction's offset.

        Raises:
            ArgumentError: the limit is neither None nor an int from 0.
        """
        ...

    @abc.abstractmethod
    def count(self, *prefix: object) -> int:
        """Give the number of rows that `filter` would yield."""
        ...

    @abc.abstractmethod
    def delete(self, *prefix: object) -> int:
        """Delete the rows that `filter` would yield; on a unique column, give a bool.

        Returns:
            How many there were.
        """
        ...


class Table(abc.ABC, Generic[R]):
    """One table in one transaction.

    ``table.<column>`` and ``table.<index name>`` give an `Index`; so does
    ``table.index("name")`` where a method has the name.
    """

    __slots__ = ()

    @abc.abstractmethod
    def insert(self, row: R) -> R:
        """Store a row and give it back with generated values filled in.

        A row that is in the table already, equal in all columns, is left as it
        is. Cost: O(1), and O(log n) for each btree.

        Raises:
            KindError: a value is of a wrong kind or range.
            UniqueError: a key is taken.
            LimitError: a sequence has come to its end.
        """
        ...

    @abc.abstractmethod
    def insert_many(self, rows: Iterable[R]) -> int:
        """Insert all rows or, if one is refused, none; give the number inserted.

        Raises:
            KindError, UniqueError, LimitError: as `insert` does.
        """
        ...

    @abc.abstractmethod
    def get(self, *key: object) -> R | None:
        """Give the row with this primary key, or None. Cost: O(1).

        Raises:
            KindError: the key is of a wrong kind.
            UsageError: the table has no primary key, or another number of
                columns in it.
        """
        ...

    @abc.abstractmethod
    def update(self, row: R) -> R:
        """Replace the row that has the same primary key, and give it back.

        Raises:
            NotFoundError: there is none.
            KindError, UniqueError: as `insert` does.
            UsageError: the table has no primary key.
        """
        ...

    @abc.abstractmethod
    def upsert(self, row: R) -> R:
        """Update the row with the same primary key, or insert it.

        A row whose generated primary key is 0 is always inserted: 0 is "the next".

        Raises:
            KindError, UniqueError, LimitError, UsageError: as `insert` and
                `update` do.
        """
        ...

    @abc.abstractmethod
    def delete(self, row: R) -> bool:
        """Delete the row that is equal in all columns; give whether it was there.

        Raises:
            KindError: the row is of another table's class.
        """
        ...

    @abc.abstractmethod
    def delete_by_key(self, *key: object) -> bool:
        """Delete the row with this primary key; give whether it was there.

        Raises:
            KindError, UsageError: as `get` does.
        """
        ...

    @abc.abstractmethod
    def clear(self) -> int:
        """Delete all rows and give their number. Cost: O(rows)."""
        ...

    @abc.abstractmethod
    def index(self, name: str) -> Index[R]:
        """Give the unique column or index of this name.

        Raises:
            NotFoundError: there is none.
        """
        ...

    @abc.abstractmethod
    def __len__(self) -> int:
        """Give the number of rows. Cost: O(1)."""
        ...

    @abc.abstractmethod
    def __iter__(self) -> Iterator[R]:
        """Iterate over the rows as they are now; later writes do not show.

        The order is no promise. Cost: a copy of n references at once.
        """
        ...

    @abc.abstractmethod
    def __contains__(self, row: object) -> bool:
        """Whether the table holds a row equal in all columns."""
        ...

    def __bool__(self) -> bool:
        """A table is there, also when it is empty."""
        return True

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Index[R]: ...


class Savepoint(abc.ABC):
    """A part of a transaction that can be undone alone: ``with ctx.savepoint():``.

    An exception that leaves the block undoes what the block did, and goes on.
    """

    __slots__ = ()

    @abc.abstractmethod
    def __enter__(self) -> None:
        """Begin."""
        ...

    @abc.abstractmethod
    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Keep what was done, or undo it if an exception passes."""
        ...


class Transaction(abc.ABC):
    """The database inside one transaction: a table for each row class and name."""

    __slots__ = ()

    @abc.abstractmethod
    def __getitem__(self, row_class: type[AnyRow]) -> Table[AnyRow]:
        """Give the table that was declared with this row class.

        Raises:
            NotFoundError: the module has none.
        """
        ...

    @abc.abstractmethod
    def table(self, name: str) -> Table[Row]:
        """Give the table of this name.

        Raises:
            NotFoundError: the module has none.
        """
        ...

    def sql(self, text: str, params: Mapping[str, object] | None = None) -> Result:
        """Run a statement of SQL in this transaction, with the rights of the owner.

        Args:
            text: The statement.
            params: The values of its parameters, by name.

        Raises:
            QueryError: it is wrong, or a result has no room in its kind.
            ArgumentError: parameters do not fit.
            ReadOnlyError: it changes something, and the transaction only reads.
            ClosedError: the transaction has ended.
        """
        raise NotImplementedError  # pragma: no cover  the runtime's have their own

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...  # noqa: ANN401  a table, or a mount


@attrs.frozen
class Auth:
    """What is known of the caller besides its identity."""

    is_internal: bool = False
    """Whether the database itself calls: `init`, schedules."""
    claims: Mapping[str, object] | None = None
    """The claims of the caller's token; None without one."""


class AnyContext(NewUuids):
    """What a function knows of its call, whatever it may do."""

    __slots__ = ("sender",)

    sender: Identity
    """Who calls."""

    @property
    @abc.abstractmethod
    def connection_id(self) -> ConnectionId | None:
        """Over which connection; None for `init`, schedules and `db.call`."""
        ...

    @property
    @abc.abstractmethod
    def identity(self) -> Identity:
        """The database's own identity."""
        ...

    @property
    @abc.abstractmethod
    def auth(self) -> Auth:
        """What is known of the caller besides its identity."""
        ...

    @property
    @abc.abstractmethod
    def log(self) -> CallLog:
        """A logger that names the module and the function; it has timers, too."""
        ...


class ReducerContext(AnyContext):
    """What a reducer knows of its call, and the transaction it runs in."""

    __slots__ = ("db",)

    db: Transaction
    """The tables; commit and rollback are the call's."""

    @abc.abstractmethod
    def within(self, name: str) -> "ReducerContext":
        """Give the context for functions of the module that is mounted by a name.

        Raises:
            NotFoundError: nothing is mounted by this name.
        """
        ...

    @abc.abstractmethod
    def savepoint(self) -> Savepoint:
        """Give a context manager whose block is undone alone if it raises."""
        ...
