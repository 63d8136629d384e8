"""`Index` as users have it: values in, rows of the user's class out.

One class serves write and read transactions: both kinds of handles give stored
rows by an index (`Selecting`), and the rest is the same.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NoReturn, Protocol, TypeVar

from qsdb.errors import (
    ArgumentError,
    KindError,
    MissingNameError,
    UsageError,
    brief,
)
from qsdb.schema.contexts import UNBOUNDED, Index, Table
from qsdb.schema.modules import BoundTable
from qsdb.store.indexes import is_free
from qsdb.store.orders import StoredRow
from qsdb.store.paths import Path
from qsdb.values.ranges import Range

__all__ = ["IndexAccess", "Selecting", "index_attributes", "no_index"]

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)


class Selecting(Protocol[R]):
    """What an index needs of its table's handle."""

    def _require_open(self) -> object: ...
    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]: ...
    def _first(
        self,
        number: int,
        within: Range,
        count: int,
        is_reversed: bool,  # noqa: FBT001  as generated code calls it
    ) -> list[StoredRow]: ...
    def _count(
        self, number: int | None, within: Range | None, value: object
    ) -> int: ...
    def _users_rows(self, stored: Iterable[StoredRow]) -> Iterator[R]: ...
    def _replace(self, path: Path, row: R) -> R: ...
    def _remove_all(self, stored: list[StoredRow]) -> int: ...


_ROWS_MAX = sys.maxsize // 2
"""More than any table has: who looks for so many may add as many to it."""

_REFUSALS = (ArgumentError, KindError, UsageError)
"""What a path raises, which knows no transaction. Where one has ended, that is told
instead; looking only then costs right calls nothing."""


class IndexAccess(Index[R]):
    """One accessor of one table handle."""

    __slots__ = ("_path", "_table")

    def __init__(self, table: Selecting[R], path: Path) -> None:
        """Look up in `table` by `path`."""
        self._table = table
        self._path = path

    def __repr__(self) -> str:
        """Name the place."""
        return f"<index {self._path.accessor} of table {self._path.table}>"

    def find(self, *key: object) -> R | None:
        number, value = self._unique_value(key)
        stored = self._table._select(number, None, value)
        return next(self._table._users_rows(stored), None)

    def update(self, row: R) -> R:
        try:
            self._path.require(self._is_unique, "update needs a unique column")
            return self._table._replace(self._path, row)
        except _REFUSALS:
            self._table._require_open()
            raise

    def filter(self, *prefix: object) -> Iterator[R]:
        return self._table._users_rows(self._table._select(*self._equal(prefix)))

    def range(
        self,
        lo: object = UNBOUNDED,
        hi: object = UNBOUNDED,
        include: tuple[bool, bool] = (True, False),
        reverse: bool = False,  # noqa: FBT001, FBT002  the contract has it by place too
        *,
        limit: int | None = None,
    ) -> Iterator[R]:
        table, path = self._table, self._path
        try:
            within = path.range(lo, hi, include)
            if limit is not None:
                _require_count(limit)
        except _REFUSALS:
            table._require_open()
            raise
        if limit:
            assert path.lookup is not None
            count = min(limit, _ROWS_MAX)
            stored = table._first(path.lookup, within, count, bool(reverse))
        elif limit is None:
            stored = table._select(path.lookup, within, None)
            if reverse:
                stored.reverse()
        else:
            table._require_open()
            stored = []
        return table._users_rows(stored)

    def count(self, *prefix: object) -> int:
        return self._table._count(*self._equal(prefix))

    def delete(self, *prefix: object) -> int:
        """Delete what `filter` would yield; on a unique column give a bool."""
        if self._is_unique and len(prefix) == len(self._path.columns):
            number, value = self._unique_value(prefix)
            stored = self._table._select(number, None, value)
            return bool(self._table._remove_all(stored))
        return self._table._remove_all(self._table._select(*self._equal(prefix)))

    @property
    def _is_unique(self) -> bool:
        return self._path.is_primary or self._path.unique is not None

    def _unique_value(self, key: tuple[object, ...]) -> tuple[int | None, object]:
        """Give the unique index's number and the value to look up in it."""
        path = self._path
        try:
            path.require(self._is_unique, "the columns are not unique; use filter")
            value = path.stored_key(key)
            is_no_key = not path.is_primary and is_free(value, len(path.columns))
            path.require(
                not is_no_key, "many rows may have None; it finds no single one"
            )
        except _REFUSALS:
            self._table._require_open()
            raise
        return (None if path.is_primary else path.unique), value

    def _equal(
        self, prefix: tuple[object, ...]
    ) -> tuple[int | None, Range | None, object]:
        """Give what to select for equality on the first columns."""
        path = self._path
        if path.lookup is None:
            number, value = self._unique_value(prefix)
            return number, None, value
        try:
            if path.is_ordered:
                return path.lookup, path.prefix_range(prefix), None
            return path.lookup, None, path.stored_key(prefix)
        except _REFUSALS:
            self._table._require_open()
            raise


def _require_count(limit: object) -> None:
    if type(limit) is not int or limit < 0:
        raise ArgumentError(
            f"range: limit is an int from 0, or None for all rows, not {brief(limit)}"
        )


def index_attributes(
    bound: BoundTable, paths: Mapping[str, Path]
) -> dict[str, property]:
    """Give the attributes by which a handle's indexes are reached.

    A name that a method of `Table` has keeps the method, and one that begins with
    an underscore is the handle's own. A column without an index has an attribute
    that says so.
    """
    attributes = {
        column.attribute: property(_refuser(bound, paths, column.attribute))
        for column in bound.schema.columns
    }
    attributes |= {
        accessor: property(_getter(path)) for accessor, path in paths.items()
    }
    return {
        name: attribute
        for name, attribute in attributes.items()
        if not name.startswith("_")
        and not any(name in vars(each) for each in Table.__mro__)
    }


def no_index(
    bound: BoundTable, paths: Mapping[str, Path], name: str
) -> MissingNameError:
    """Make the error for a name that no index has."""
    there = f"there are indexes: {', '.join(paths) or 'none'}"
    if name in [column.attribute for column in bound.schema.columns]:
        what = f"the column {name} has no index; {there}. Declare it with qsdb.index()"
    else:
        what = f"no index {brief(name)}; {there}"
    return MissingNameError(f"table {bound.schema.name}: {what}")


def _refuser(
    bound: BoundTable, paths: Mapping[str, Path], column: str
) -> Callable[[Any], object]:
    def refuse(table: object) -> NoReturn:  # noqa: ARG001  it stands for a property
        raise no_index(bound, paths, column)

    return refuse


def _getter(path: Path) -> Callable[[Any], object]:
    def get(table: Selecting[Any]) -> IndexAccess[Any]:
        return IndexAccess(table, path)

    return get
