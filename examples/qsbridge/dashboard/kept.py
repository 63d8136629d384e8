"""Kept rows: those of a connection's cache as objects, each made once.

A cache holds rows in stored form and makes an object whenever one is read, which takes
some 10 µs. Who reads all of them ten times a second is better off with objects that
are kept, and the cache's callbacks keep them current.
"""

from collections.abc import Callable
from typing import Generic, TypeVar

import qsdb

__all__ = ["Kept"]

R = TypeVar("R")


class Kept(Generic[R]):
    """The rows of one table or view that a connection has subscribed to."""

    def __init__(
        self,
        connection: qsdb.Connection,
        name: str,
        key: Callable[[R], object],
        note: Callable[[R], object],
    ) -> None:
        """Begin, before anything is subscribed to.

        Args:
            connection: Its cache has the rows.
            name: Of the table or view.
            key: Gives the primary key of a row.
            note: Is told of each row that comes, changes or goes.
        """
        self._rows: dict[object, R] = {}
        self._key = key
        self._note = note
        table = connection.db.table(name)
        table.on_insert(lambda _, row: self._put(row))
        table.on_update(lambda _, __, row: self._put(row))
        table.on_delete(lambda _, row: self._drop(row))

    def _put(self, row: R) -> None:
        self._rows[self._key(row)] = row
        self._note(row)

    def _drop(self, row: R) -> None:
        self._rows.pop(self._key(row), None)
        self._note(row)

    def rows(self) -> list[R]:
        """Give the rows as they are now; other threads may go on to change them."""
        return list(self._rows.values())
