"""`ChangingTable`: what handles share that write, each in a way of its own.

Insert, update and upsert are generated for each table. The rest is put together here
from three steps that a handle has: find the row under a key, take it out, put it back.
"""

import abc
from collections.abc import Callable
from typing import TypeVar

from qsdb.errors import ConstraintError
from qsdb.schema.row_source import ALL
from qsdb.store.handles import TableHandle, no_primary_key
from qsdb.store.indexes import is_free
from qsdb.store.mistakes import missing, wrong_row
from qsdb.store.orders import StoredRow
from qsdb.store.paths import Path

__all__ = ["ChangingTable"]

R = TypeVar("R")


class ChangingTable(TableHandle[R]):
    """A table whose rows can be changed; subclasses are generated."""

    __slots__ = ()

    _insert_given: Callable[[R], R]
    """Generated: insert with 0 in generated columns, if that is what is given."""

    @abc.abstractmethod
    def _size(self) -> int:
        """Give the number of rows, which is not what the user has asked for."""
        ...

    @abc.abstractmethod
    def _remove(self, key: object) -> None:
        """Delete the row under a row key that is there."""
        ...

    @abc.abstractmethod
    def _put_back(self, row: StoredRow) -> None:
        """Put a row back that was just removed."""
        ...

    @abc.abstractmethod
    def _note_interrupted(self) -> None:
        """Take in that an exception cut a write in two."""
        ...

    def update(self, row: R) -> R:
        return no_primary_key(self._bound)

    def upsert(self, row: R) -> R:
        return no_primary_key(self._bound)

    def delete(self, row: R) -> bool:
        self._require_open()
        if type(row) is not self._bound.row_class:
            raise wrong_row(self._bound, row)
        stored = self._canonical(tuple.__getitem__(row, ALL))  # type: ignore[call-overload]
        key = self._row_key(stored)
        if self._find(key) != stored:
            return False
        self._remove(key)
        return True

    def delete_by_key(self, *key: object) -> bool:
        stored = self._key(key)
        if self._find(stored) is None:
            return False
        self._remove(stored)
        return True

    def _remove_all(self, stored: list[StoredRow]) -> int:
        for row in stored:
            self._remove(self._row_key(row))
        return len(stored)

    def _replace(self, path: Path, row: R) -> R:
        if path.is_primary:
            return self.update(row)
        bound = self._bound
        if type(row) is not bound.row_class:
            raise wrong_row(bound, row)
        stored = self._canonical(tuple.__getitem__(row, ALL))  # type: ignore[call-overload]
        values = tuple([stored[place] for place in path.columns])
        value = values[0] if len(values) == 1 else values
        is_nobodys = is_free(value, len(values))
        same = [] if is_nobodys else self._select(path.unique, None, value)
        if not same:
            raise missing(bound, path.columns, value)
        if self._generated_key:
            stored = _with_key_of(same[0], stored, self._generated_key)
            (row,) = self._users_rows([stored])
        old_key, key = self._row_key(same[0]), self._row_key(stored)
        if bound.schema.primary_key and (old_key is key or old_key == key):
            return self.update(row)
        self._remove(old_key)
        try:
            return self._insert_given(row)
        except ConstraintError:  # refused, so nothing of it is stored
            self._put_back(same[0])
            raise
        except BaseException:
            self._note_interrupted()
            raise


def _with_key_of(
    old: StoredRow, stored: StoredRow, generated_key: tuple[int, ...]
) -> StoredRow:
    """Give a row with the generated key of another where its own is left out."""
    values = list(stored)
    for place in generated_key:
        values[place] = values[place] or old[place]
    return tuple(values)
