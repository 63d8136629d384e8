"""Transactions over a store: which tables are open in them, and how they end.

A `Directory` knows the tables of one database by row class and by name, and has
the handle classes made for them. `WriteTransaction` and `ReadTransaction` open
a handle for each table when it is first asked for; subclasses made by the
directory give each table as an attribute. Who may write, and when, is not
decided here: the runtime holds the writer lock.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, Self, TypeVar, cast

from qsdb.errors import ClosedError, NotFoundError, UsageError
from qsdb.schema.contexts import AnyRow, Savepoint, Table, Transaction
from qsdb.schema.modules import BoundTable
from qsdb.schema.rows import Row
from qsdb.store.images import Hold, Store, StoredTable
from qsdb.store.reading import ReadTable, read_table_class
from qsdb.store.writing import WriteTable, closed, write_table_class
from qsdb.values.timestamps import Timestamp

__all__ = ["Directory", "ReadTransaction", "WriteTransaction"]


class _TableAttribute:
    """``tx.message``: opens the table once, then the instance has it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.__doc__ = f"The table {name}."

    def __get__(self, transaction: "_Open | None", owner: type) -> object:
        if transaction is None:
            return self
        handle = transaction._open(self.name)
        transaction.__dict__[self.name] = handle
        return handle


class Directory:
    """The tables of a database, by row class and by name, and their handles."""

    def __init__(self, tables: Sequence[BoundTable]) -> None:
        """Make the store and the classes of its handles."""
        self.store = Store(tables)
        self.entries: dict[object, _Entry] = {}
        for table in self.store.tables:
            entry = _Entry(table)
            self.entries[table.bound.schema.name] = entry
            self.entries.setdefault(table.bound.row_class, entry)
        attributes = {
            name: _TableAttribute(name)
            for name in self.entries
            if isinstance(name, str)
        }
        self.write_class = _with_tables(WriteTransaction, self, attributes)
        self.read_class = _with_tables(ReadTransaction, self, attributes)

    def entry(self, key: object) -> "_Entry":
        """Give what is known of a table by its row class or name.

        Raises:
            NotFoundError: there is no such table.
        """
        entry = self.entries.get(key)
        if entry is None:
            there = ", ".join([each for each in self.entries if isinstance(each, str)])
            what = f"of {key.__name__}" if isinstance(key, type) else repr(key)
            raise NotFoundError(f"no table {what}; there are: {there or 'none'}")
        return entry


class _Entry:
    """One table and its two handle classes."""

    def __init__(self, table: StoredTable) -> None:
        self.table = table
        self.write_class = write_table_class(table.bound)
        self.read_class = read_table_class(table.bound)


_T = TypeVar("_T", bound="_Open")


def _with_tables(
    base: type[_T], directory: Directory, attributes: Mapping[str, _TableAttribute]
) -> type[_T]:
    """Derive a class whose tables are attributes, but for names that are taken."""
    members: dict[str, object] = {"__doc__": base.__doc__, "_directory": directory}
    members["_entries"] = directory.entries
    # Not hasattr, which also sees what the metaclass has: register, mro.
    taken = {name for each in base.__mro__ for name in vars(each)}
    members |= {
        name: each
        for name, each in attributes.items()
        if not (name.startswith("__") or name in members or name in taken)
    }
    return type(base.__name__, (base,), members)


class _Open(Transaction):
    """A transaction and the handles that it has opened."""

    _directory: Directory
    """Of the derived class: the tables of one database."""
    _entries: Mapping[object, _Entry]
    """Of the derived class: those of the directory, at hand."""

    def __init__(self) -> None:
        self._handles: dict[object, Table[Row]] = {}

    def __getitem__(self, row_class: type[AnyRow]) -> Table[AnyRow]:
        handle = self._handles.get(row_class)
        return self._open(row_class) if handle is None else handle  # type: ignore[return-value]

    def table(self, name: str) -> Table[Row]:
        handle = self._handles.get(name)
        return self._open(name) if handle is None else handle

    def _open(self, key: object) -> Table[Row]:
        """Open a table that was not asked for by this key before."""
        raise NotImplementedError  # pragma: no cover  both kinds have their own


_new = cast(Callable[[type[WriteTable[object]]], WriteTable[Row]], object.__new__)


class WriteTransaction(_Open):
    """The one transaction that writes; it commits or rolls back as a whole.

    Whoever runs it (``with db.write()``, or a call) ends it: its own `commit` and
    `rollback` raise `UsageError`.
    """

    _depth = 0
    _is_open = True

    def __init__(self, nanoseconds: int) -> None:
        """Begin; the caller holds the writer lock.

        Args:
            nanoseconds: The time since the epoch, as the clock gave it.
        """
        self._handles = {}
        self._opened: list[WriteTable[Row]] = []
        self._nanoseconds = nanoseconds

    @property
    def timestamp(self) -> Timestamp:
        """The time at which the transaction began; the same throughout."""
        return Timestamp.from_stored(self._nanoseconds // 1000)

    def _open(self, key: object) -> Table[Row]:
        entry = self._entries.get(key) or self._directory.entry(key)
        for handle in self._opened:
            if handle._stored is entry.table:
                break
        else:
            if not self._is_open:
                raise ClosedError("this write transaction has ended")
            handle = _new(entry.write_class)
            handle._open(entry.table, self._depth)
            self._opened.append(handle)
        self._handles[key] = handle
        return handle

    def savepoint(self) -> Savepoint:
        """Give a context manager whose block is undone alone if it raises."""
        return _LayeredSavepoint(self)

    def commit(self) -> NoReturn:
        """Refuse: leaving the ``with`` block, or the call, commits.

        Raises:
            UsageError: always.
        """
        raise UsageError("a transaction is committed by leaving its block or its call")

    def rollback(self) -> NoReturn:
        """Refuse: an exception that leaves the block or the call rolls back.

        Raises:
            UsageError: always.
        """
        raise UsageError("to roll back, raise an exception out of the block or call")

    def _finish(self) -> bool:  # noqa: C901  the hot path, without calls
        """Commit; give whether there was any net change.

        Raises:
            UsageError: an exception cut a write in two and was swallowed; the
                transaction is rolled back.
        """
        while self._depth:  # a savepoint that nobody left
            self._pop(undo=False)
        has_changed = False
        for handle in self._opened:
            pre = handle._pre
            if not pre:
                continue
            if handle._stored.is_interrupted:
                self._refuse_interrupted(handle._stored)
            if not has_changed:
                find = handle._find
                for key, old in pre.items():
                    if find(key) != old:
                        has_changed = True
                        break
        if not has_changed:
            for handle in self._opened:
                handle._restore_sequences()
        self._directory.store.publish(self._opened, int(has_changed))
        self._is_open = False
        for handle in self._opened:
            handle._find = closed
        return has_changed

    def _refuse_interrupted(self, table: StoredTable) -> NoReturn:
        self._undo()
        raise UsageError(
            f"an exception cut a write to table {table.bound.schema.name} in two and "
            "was caught; the transaction is rolled back"
        )

    def _undo(self) -> None:
        """Roll back."""
        while self._depth:
            self._pop(undo=True)
        for handle in self._opened:
            handle._restore()
        self._directory.store.publish(self._opened, 0)
        self._is_open = False
        for handle in self._opened:
            handle._find = closed

    def _push(self) -> None:
        for handle in self._opened:
            handle._push()
        self._depth += 1

    def _pop(self, *, undo: bool) -> None:
        for handle in self._opened:
            handle._pop(undo=undo)
        self._depth -= 1


class _LayeredSavepoint(Savepoint):
    """A savepoint as a layer of pre-images in every open table."""

    __slots__ = ("_depth", "_transaction")

    def __init__(self, transaction: WriteTransaction) -> None:
        self._transaction = transaction
        self._depth = -1

    def __enter__(self) -> None:
        transaction = self._transaction
        if not transaction._is_open:
            raise ClosedError("this write transaction has ended")
        if self._depth >= 0:
            raise UsageError("a savepoint can be entered once; make another")
        transaction._push()
        self._depth = transaction._depth

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        transaction = self._transaction
        if not transaction._is_open:
            raise ClosedError("the transaction ended inside its savepoint")
        if transaction._depth != self._depth:
            raise UsageError("savepoints end in the reverse order of their beginning")
        transaction._pop(undo=kind is not None)


class ReadTransaction(_Open):
    """The database as it was at one offset, for as long as it is open.

    Use it with ``with``, or call `close`; one that is collected, and its tables
    with it, closes itself.
    """

    def __init__(self) -> None:
        """Pin the last commit."""
        super().__init__()
        self._hold = Hold(self._directory.store)
        assert self._hold.pin is not None
        self._offset = self._hold.pin.offset

    @property
    def offset(self) -> int:
        """The number of the commit whose state is read."""
        return self._offset

    def __enter__(self) -> Self:
        """Give the transaction itself."""
        self._require_open()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Give the offset up; closing twice is no error."""
        for handle in self._handles.values():
            assert isinstance(handle, ReadTable)
            handle._close()
        self._hold.release()

    def _require_open(self) -> None:
        if self._hold.pin is None:
            raise ClosedError("this read transaction has ended")

    def _open(self, key: object) -> Table[Row]:
        entry = self._directory.entry(key)
        handle = self._handles.get(entry)
        if handle is None:
            self._require_open()
            opened = entry.read_class(self._directory.store, entry.table, self._hold)
            handle = self._handles[entry] = cast(ReadTable[Row], opened)
        self._handles[key] = handle
        return handle
