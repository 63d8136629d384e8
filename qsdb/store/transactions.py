"""Transactions over a store: which tables are open in them, and how they end.

A `Directory` knows the tables of one database by row class and by name, and has
the handle classes made for them. `WriteTransaction` and `ReadTransaction` open
a handle for each table when it is first asked for; subclasses made by the
directory give each table as an attribute. Who may write, and when, is not
decided here: the runtime holds the writer lock.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn, Self, TypeVar, cast

from qsdb.errors import ClosedError, NotFoundError, UsageError, brief
from qsdb.schema.contexts import AnyRow, Savepoint, Table, Transaction
from qsdb.schema.modules import BoundTable
from qsdb.schema.rows import Row
from qsdb.store.handles import closed
from qsdb.store.images import Images, StoredTable
from qsdb.store.pins import Hold, Pin, Store
from qsdb.store.reading import ReadTable, read_table_class
from qsdb.store.writing import WriteTable, write_table_class
from qsdb.values.timestamps import Timestamp

__all__ = ["Directory", "ReadTransaction", "WriteTransaction", "beginner"]


class _TableAttribute:
    """``tx.message``: opens the table once, then the instance has it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.__doc__ = f"The table {name}."

    def __get__(self, transaction: "_Open | None", owner: type) -> object:
        if transaction is None:
            return self
        handle = transaction.table(self.name)
        transaction.__dict__[self.name] = handle
        return handle


class Directory:
    """The tables of a database, by row class and by name, and their handles."""

    def __init__(self, tables: Sequence[BoundTable]) -> None:
        """Make the store and the classes of its handles."""
        self.store = Store(tables)
        self.by_name: dict[str, _Entry] = {}
        self.by_class: dict[type[Row], _Entry] = {}
        for table in self.store.tables:
            entry = _Entry(table)
            self.by_name[table.bound.schema.name] = entry
            self.by_class.setdefault(table.bound.row_class, entry)
        attributes = {name: _TableAttribute(name) for name in self.by_name}
        self.write_class = _with_tables(WriteTransaction, self, attributes)
        self.read_class = _with_tables(ReadTransaction, self, attributes)

    def missing(self, key: object) -> NotFoundError:
        """Make the error for a row class or name that no table has."""
        there = ", ".join(self.by_name) or "none"
        if not isinstance(key, type):
            return NotFoundError(f"no table {brief(key)}; there are: {there}")
        return NotFoundError(f"no table of {key.__name__}; there are: {there}")


class _Entry:
    """One table and its two handle classes."""

    __slots__ = ("find", "read_class", "rows", "table", "write_class")

    write_class: type[WriteTable[Row]]
    read_class: type[ReadTable[Row]]

    def __init__(self, table: StoredTable) -> None:
        self.table = table
        self.rows = table.rows
        self.find = table.rows.get
        self.write_class = cast(type[WriteTable[Row]], write_table_class(table.bound))
        self.read_class = cast(type[ReadTable[Row]], read_table_class(table.bound))


AnyObject = TypeVar("AnyObject")
_T = TypeVar("_T", bound="_Open")


def _with_tables(
    base: type[_T], directory: Directory, attributes: Mapping[str, _TableAttribute]
) -> type[_T]:
    """Derive a class whose tables are attributes, but for names that are taken."""
    members: dict[str, object] = {"__doc__": base.__doc__, "_directory": directory}
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

    # Slots, since attributes of the class cost more to read. Derived classes have
    # a dict besides, where tables go that were asked for by attribute.
    __slots__ = ("_by_class", "_handles", "_store")

    _directory: Directory
    """Of the derived class: the tables of one database."""
    _store: Store
    _by_class: Mapping[type[Row], _Entry]
    """The directory's, at hand."""
    _handles: dict[type[Row], Table[Row]]
    """Those that were asked for by row class."""

    def __getitem__(self, row_class: type[AnyRow]) -> Table[AnyRow]:
        handle = self._handles.get(row_class)
        if handle is None:
            entry = self._by_class.get(row_class)
            if entry is None:
                raise self._directory.missing(row_class)
            handle = self._handles[row_class] = self._open(entry)
        return handle  # type: ignore[return-value]

    def table(self, name: str) -> Table[Row]:
        entry = self._directory.by_name.get(name)
        if entry is None:
            raise self._directory.missing(name)
        return self._open(entry)

    def _open(self, entry: _Entry) -> Table[Row]:
        """Give the one handle of a table, made when it is first asked for."""
        raise NotImplementedError  # pragma: no cover  both kinds have their own


_new = cast(Callable[[type[AnyObject]], AnyObject], object.__new__)
"""Makes an object whose slots are set by whoever calls: a constructor costs a call
that takes as long as setting ten of them."""


class WriteTransaction(_Open):
    """The one transaction that writes; it commits or rolls back as a whole.

    Whoever runs it (``with db.write()``, or a call) ends it: its own `commit` and
    `rollback` raise `UsageError`.
    """

    __slots__ = ("_depth", "_is_open", "_nanoseconds", "_offset", "_opened")

    _depth: int
    """How many savepoints are open."""
    _is_open: bool
    _nanoseconds: int
    """When it began, since the epoch."""
    _offset: int
    """Where the store is after the end, once that is decided; -1 before."""
    _opened: list[WriteTable[Row]]

    @property
    def timestamp(self) -> Timestamp:
        """The time at which the transaction began; the same throughout."""
        return Timestamp.from_stored(self._nanoseconds // 1000)

    def _open(self, entry: _Entry) -> Table[Row]:
        stored = entry.table
        for handle in self._opened:
            if handle._stored is stored:
                return handle
        if not self._is_open:
            raise ClosedError("this write transaction has ended")
        # In the way of every call, so there is no constructor: a frame less.
        handle = _new(entry.write_class)
        handle._stored = stored
        handle._rows = entry.rows
        handle._find = entry.find
        pre: Images = {}
        handle._pre = pre
        layers: tuple[Images, ...] = (pre,)
        if self._depth or stored.sequences:
            handle._note_sequences(self._depth)
            layers = (*[{} for _ in range(self._depth)], pre)
        # No call stands between these two, so no signal handler does.
        self._opened += (handle,)
        stored.layers = layers
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

    def _finish(self) -> int:  # noqa: C901  the hot path, without calls
        """Commit; give the offset that the store is then at.

        Raises:
            UsageError: an exception cut a write in two and was swallowed; the
                transaction is to be rolled back.
        """
        if self._depth:  # a savepoint that nobody left
            self._collapse(undo=False)
        store = self._store
        offset = store.offset
        for handle in self._opened:
            if handle._pre:
                if handle._stored.is_interrupted:
                    _refuse_interrupted(handle._stored)
                if offset == store.offset:
                    find = handle._find
                    for key, old in handle._pre.items():
                        if find(key) != old:
                            offset += 1
                            break
        if offset == store.offset:
            for handle in self._opened:
                handle._restore_sequences()
        self._offset = offset
        store.publish(self._opened, offset)
        self._is_open = False
        for handle in self._opened:
            handle._find = closed
        return offset

    def _undo(self) -> bool:
        """Roll back; or end the commit, where an exception cut that in two.

        Returns:
            Whether it was rolled back.
        """
        store = self._store
        is_undone = self._offset < 0
        if is_undone:
            self._collapse(undo=True)
            for handle in self._opened:
                handle._restore()
            self._offset = store.offset
        store.publish(self._opened, self._offset)
        self._is_open = False
        for handle in self._opened:
            handle._find = closed
        return is_undone

    def _push(self) -> None:
        self._depth += 1
        for handle in self._opened:
            handle._push()

    def _pop(self, *, undo: bool) -> None:
        for handle in self._opened:
            handle._pop(undo=undo)
        self._depth -= 1

    def _collapse(self, *, undo: bool) -> None:
        """End all savepoints, also one that an exception cut in two."""
        for handle in self._opened:
            while len(handle._stored.layers) > 1:
                handle._pop(undo=undo)
        self._depth = 0


def beginner(
    write_class: type[WriteTransaction],
) -> Callable[[int], WriteTransaction]:
    """Make the function that begins a transaction at a time in nanoseconds.

    Whoever calls it holds the writer lock.
    """
    directory = write_class._directory
    store, by_class = directory.store, directory.by_class

    def begin(nanoseconds: int) -> WriteTransaction:
        transaction = _new(write_class)
        transaction._store = store
        transaction._by_class = by_class
        transaction._handles = {}
        transaction._opened = []
        transaction._nanoseconds = nanoseconds
        transaction._depth = 0
        transaction._offset = -1
        transaction._is_open = True
        return transaction

    return begin


def _refuse_interrupted(table: StoredTable) -> NoReturn:
    raise UsageError(
        f"an exception cut a write to table {table.bound.schema.name} in two and "
        "was caught; the transaction is rolled back"
    )


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

    __slots__ = ("_hold", "_offset", "_opened")

    def __init__(self) -> None:
        """Pin the last commit."""
        directory = self._directory
        self._store = directory.store
        self._by_class = directory.by_class
        self._handles = {}
        self._opened: list[ReadTable[Row]] = []
        self._hold = Hold(self._store)
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
        for handle in self._opened:
            handle._close()
        self._hold.release()

    def _require_open(self) -> Pin:
        pin = self._hold.pin
        if pin is None:
            raise ClosedError("this read transaction has ended")
        return pin

    def _open(self, entry: _Entry) -> Table[Row]:
        for handle in self._opened:
            if handle._stored is entry.table:
                return handle
        pin = self._require_open()
        opened = entry.read_class(self._store, entry.table, self._hold, pin)
        self._opened.append(opened)
        return opened
