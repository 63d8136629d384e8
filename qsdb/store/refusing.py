"""`ReadOnlyTable`: what handles share that only read."""

import abc
from collections.abc import Iterable
from typing import NoReturn, TypeVar

from qsdb.store.handles import TableHandle
from qsdb.store.orders import StoredRow
from qsdb.store.paths import Path

__all__ = ["ReadOnlyTable"]

R = TypeVar("R")


class ReadOnlyTable(TableHandle[R]):
    """A table that refuses whatever would change it."""

    __slots__ = ()

    @abc.abstractmethod
    def _refuse(self) -> NoReturn:
        """Say why.

        Raises:
            ReadOnlyError: always, but
            ClosedError: the handle's time is over.
        """
        ...

    def insert(self, row: R) -> R:
        self._refuse()

    def insert_many(self, rows: Iterable[R]) -> int:
        self._refuse()

    def update(self, row: R) -> R:
        self._refuse()

    def upsert(self, row: R) -> R:
        self._refuse()

    def delete(self, row: R) -> bool:
        self._refuse()

    def delete_by_key(self, *key: object) -> bool:
        self._refuse()

    def clear(self) -> int:
        self._refuse()

    def _replace(self, path: Path, row: R) -> R:
        self._refuse()

    def _remove_all(self, stored: list[StoredRow]) -> int:
        self._refuse()
