"""`Mounted`: a transaction as a mounted module sees it.

Its tables have the names there that they were declared with, and others are not to be
seen. It is made when it is asked for, and ends with the transaction.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from qsdb.errors import MissingNameError, NotFoundError, brief
from qsdb.schema.contexts import AnyRow, Table, Transaction
from qsdb.schema.results import Result
from qsdb.schema.rows import Row
from qsdb.store.opened import Entry, Opened, Scope

__all__ = ["Mounted", "inside", "scope_within", "within"]

_SHARED = frozenset({"commit", "offset", "rollback", "savepoint", "timestamp"})
"""What is of the whole transaction."""


class Mounted(Transaction):
    """The part of a transaction that belongs to one mounted module."""

    __slots__ = ("_scope", "_transaction")

    def __init__(self, transaction: Opened, scope: Scope) -> None:
        """Show the tables of a scope."""
        self._transaction = transaction
        self._scope = scope

    def __repr__(self) -> str:
        """Name the place."""
        return f"<{self._scope.path} in a transaction>"

    def __getitem__(self, row_class: type[AnyRow]) -> Table[AnyRow]:
        try:
            entry = self._scope.by_class[row_class]
        except (KeyError, TypeError):  # not there, or no hash
            raise self._scope.missing(row_class) from None
        return self._handle(entry)

    def table(self, name: str) -> Table[Row]:
        try:
            entry = self._scope.by_name[name]
        except (KeyError, TypeError):
            raise self._scope.missing(name) from None
        return self._handle(entry)

    def sql(self, text: str, params: Mapping[str, object] | None = None) -> Result:
        return self._transaction._sql_within(self._scope.path, text, params)

    def _handle(self, entry: Entry) -> Table[Any]:
        handle = self._transaction._opened.get(entry)
        return self._transaction._open(entry) if handle is None else handle

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401  a table, or a mount
        """Give a table, or what is mounted in turn."""
        scope = self._scope
        if name in scope.inner:
            return Mounted(self._transaction, scope.inner[name])
        if name in scope.by_name:
            return self.table(name)
        if name in _SHARED:
            return getattr(self._transaction, name)
        raise MissingNameError(str(scope.missing(name)))


def within(
    transaction: Transaction, name: str, functions: Iterable[str] = ()
) -> Mounted:
    """Give the part of a transaction that belongs to a module mounted in it.

    Args:
        transaction: It, or a part of it.
        name: By which the module is mounted in that.
        functions: The whole names of all functions: a module may have no tables.

    Raises:
        NotFoundError: nothing is mounted by this name.
    """
    whole, scope = transaction, None
    if isinstance(transaction, Mounted):
        whole, scope = transaction._transaction, transaction._scope
    assert isinstance(whole, Opened)
    return Mounted(whole, scope_within(scope or whole._tables, name, functions))


def scope_within(scope: Scope, name: str, functions: Iterable[str] = ()) -> Scope:
    """Give the tables of a module that is mounted in another one; as `within`."""
    found = scope.inner.get(name)
    path = f"{scope.path}.{name}" if scope.path else name
    if found is None and any(each.startswith(f"{path}.") for each in functions):
        found = Scope(path, {})
    if found is None:
        there = ", ".join(scope.inner) or "none"
        raise NotFoundError(f"nothing is mounted as {brief(name)}; there are: {there}")
    return found


def inside(
    transaction: Transaction, path: str, functions: Iterable[str] = ()
) -> Transaction:
    """Give the part of a transaction that belongs to what is mounted by a path.

    Args:
        transaction: It.
        path: Names with dots in between; empty for the whole.
        functions: As `within`.

    Raises:
        NotFoundError: as `within`.
    """
    for name in path.split(".") if path else ():
        transaction = within(transaction, name, functions)
    return transaction
