"""What table handles of write and read transactions share.

A handle is one table in one transaction. Its public names are those of `Table`
and, besides, the columns and indexes that the user declared: so whatever else
a handle has begins with an underscore, and this unit reaches for it across
objects.

No class of handles or transactions has a ``__getattr__``: on CPython 3.11 its
mere presence makes every attribute access of the instance slower, and a call
of a small reducer by a quarter.
"""

import abc
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import repeat
from types import FunctionType
from typing import NoReturn, TypeVar

from qsdb.errors import ClosedError, UsageError
from qsdb.schema.contexts import Index, Table
from qsdb.schema.modules import BoundTable, derived
from qsdb.schema.row_source import ALL
from qsdb.schema.specifiers import MISSING
from qsdb.store.access import IndexAccess, index_attributes, no_index
from qsdb.store.operations import canonical_row
from qsdb.store.orders import StoredRow, generated_key, key_function
from qsdb.store.paths import Path, enter_key, paths_of
from qsdb.values.ranges import Range
from qsdb.values.source import printable

__all__ = ["TableHandle", "closed", "handle_class", "no_primary_key"]

R = TypeVar("R")
Handle = TypeVar("Handle", bound="TableHandle[object]")


def closed(key: object = None) -> NoReturn:  # noqa: ARG001  like rows.get
    """Stand in for ``rows.get`` once the transaction has ended.

    Raises:
        ClosedError: always.
    """
    raise ClosedError("this table handle belongs to a transaction that has ended")


class TableHandle(Table[R]):
    """One table in one transaction; subclasses are made for each table."""

    __slots__ = ()

    _bound: BoundTable
    _paths: Mapping[str, Path]
    _canonical: Callable[[StoredRow], StoredRow]
    _row_key: Callable[[StoredRow], object]
    _generated_key: tuple[int, ...]
    """Places of the primary key's generated columns."""
    _find: Callable[[object], StoredRow | None]

    @abc.abstractmethod
    def _require_open(self) -> object:
        """Refuse what is asked after the end.

        Raises:
            ClosedError: the transaction, or the database, has ended.
        """
        ...

    @abc.abstractmethod
    def _scan(self) -> list[StoredRow]:
        """Give all rows, in a list of the caller's own."""
        ...

    @abc.abstractmethod
    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]:
        """Give rows by an index: in a range of it, or equal to a value.

        The list is the caller's own.

        Args:
            number: Which of the table's indexes; None is the primary key.
            within: The range, for an ordered index; in key order.
            value: The value, for the others.
        """
        ...

    @abc.abstractmethod
    def _first(
        self,
        number: int,
        within: Range,
        count: int,
        is_reversed: bool,  # noqa: FBT001  generated code calls it by place
    ) -> list[StoredRow]:
        """Give the first rows that `_select` would give in a range, or the last ones.

        Args:
            number: Which of the table's indexes, an ordered one.
            within: The range.
            count: At most so many rows; one or more.
            is_reversed: Whether the last ones come first.
        """
        ...

    @abc.abstractmethod
    def _count(self, number: int | None, within: Range | None, value: object) -> int:
        """Give the number of rows that `_select` would give."""
        ...

    @abc.abstractmethod
    def _replace(self, path: Path, row: R) -> R:
        """Replace the row that has the same value on a unique path."""
        ...

    @abc.abstractmethod
    def _remove_all(self, stored: list[StoredRow]) -> int:
        """Delete rows that are there and give their number."""
        ...

    def __repr__(self) -> str:
        """Name the table."""
        return f"<table {self._bound.schema.name}>"

    def __iter__(self) -> Iterator[R]:
        return self._users_rows(self._scan())

    def index(self, name: str) -> Index[R]:
        try:
            path = self._paths.get(name)
        except TypeError:  # no hash, so no name
            path = None
        if path is None:
            raise no_index(self._bound, self._paths, name)
        return IndexAccess(self, path)

    def get(self, *key: object) -> R | None:
        """Refuse; tables with a primary key have a generated `get`."""
        no_primary_key(self._bound)

    def __contains__(self, row: object) -> bool:
        self._require_open()
        if type(row) is not self._bound.row_class:
            return False
        stored = self._canonical(tuple.__getitem__(row, ALL))  # type: ignore[call-overload]
        return self._find(self._row_key(stored)) == stored

    def _users_rows(self, stored: Iterable[StoredRow]) -> Iterator[R]:
        """Give stored rows as rows of the user's class, one by one, in C."""
        return map(tuple.__new__, repeat(self._bound.row_class), stored)  # type: ignore[arg-type]

    def _key(self, values: tuple[object, ...]) -> object:
        """Turn a user's primary key into a row key.

        Raises:
            KindError: a value is of a wrong kind.
            UsageError: there is no primary key, or it has more or fewer columns.
        """
        self._require_open()
        bound = self._bound
        schema, columns = bound.schema, bound.shape.columns
        places = schema.primary_key
        if not places:
            no_primary_key(bound)
        given = [value for value in values if value is not MISSING]
        if len(given) != len(places):
            names = ", ".join(schema.column_names(places))
            raise UsageError(
                f"table {schema.name}: the primary key is {names}; "
                f"{len(given)} values were given"
            )
        key = [
            enter_key(schema.name, schema.columns[n].name, columns[n].binding, value)
            for n, value in zip(places, given, strict=True)
        ]
        return key[0] if len(key) == 1 else tuple(key)


def no_primary_key(bound: BoundTable) -> NoReturn:
    """Refuse what needs a primary key.

    Raises:
        UsageError: always.
    """
    raise UsageError(
        f"table {bound.schema.name} has no primary key: get, update, upsert and "
        "delete_by_key need one"
    )


def handle_class(
    base: type[Handle], bound: BoundTable, operations: Mapping[str, object]
) -> type[Handle]:
    """Derive the handle class of one table. Cost: about a millisecond.

    Its name makes errors of Python's own read well: ``'table message' object has no
    attribute 'rom'``, ``table message.get() got an unexpected keyword argument``.

    Args:
        base: For write or for read transactions.
        bound: The table.
        operations: Generated functions, by name.
    """
    name = f"table {printable(bound.schema.name)}"
    for function in operations.values():
        assert isinstance(function, FunctionType)
        function.__qualname__ = f"{name}.{function.__name__}"
    methods = {each for kind in base.__mro__ for each in vars(kind)}
    members = {
        each: member
        for each, member in _members(bound).items()
        # A column whose name a method has keeps to `index`.
        if each not in methods or not isinstance(member, property)
    }
    return type(name, (base,), {**members, **operations})


@derived
def _members(bound: BoundTable) -> dict[str, object]:
    """Give the class members that every handle of a table has."""
    paths = paths_of(bound)
    return {
        "__slots__": (),
        "__doc__": f"The table {bound.schema.name} in one transaction.",
        "_bound": bound,
        "_paths": paths,
        "_canonical": staticmethod(canonical_row(bound)),
        "_row_key": staticmethod(key_function(bound)),
        "_generated_key": generated_key(bound.schema),
        **index_attributes(bound, paths),
    }
