"""Running the functions of a migration: the new tables are theirs, and the old rows.

They run one after the other in a transaction on a store of their own, in which nobody
else is. When all have run that store is thrown away, and its tables are taken by the
database, if they are published (`qsdb.runtime.publishing`).
"""

from collections.abc import Callable, Collection, Sequence
from itertools import repeat
from types import CoroutineType
from typing import Any

from qsdb.errors import NotFoundError, UsageError, brief
from qsdb.runtime.blocks import WriteBlock
from qsdb.runtime.call_contexts import INTERNAL, CallContext, Sender
from qsdb.runtime.calls import Calls
from qsdb.runtime.migrated_tables import Migrated
from qsdb.runtime.transactions import queries_of, sql_directory
from qsdb.runtime.writer import Writer
from qsdb.schema.migrations import Migration, MigrationContext
from qsdb.schema.stored import stored_module
from qsdb.store.images import StoredTable
from qsdb.store.transactions import WriteTransaction
from qsdb.values.timestamps import Timestamp

__all__ = ["run_migrations"]

_new: Callable[..., Any] = tuple.__new__


class _OldRows:
    """The rows of the tables that there were, as named tuples."""

    def __init__(self, before: Sequence[StoredTable]) -> None:
        users = [each for each in before if not each.is_system]
        module = stored_module("before", [each.bound.schema for each in users])
        self._tables = {
            each.bound.schema.name: (bound.row_class, each)
            for each, bound in zip(users, module.tables, strict=True)
        }

    def of(self, name: object) -> list[Any]:
        found = self._tables.get(name) if isinstance(name, str) else None
        if found is None:
            there = ", ".join(self._tables) or "none"
            raise NotFoundError(f"no table {brief(name)} before; there were: {there}")
        row_class, table = found
        return [*map(_new, repeat(row_class), table.rows.values())]


class _Then:
    """A clock that stands still."""

    def __init__(self, then: Timestamp) -> None:
        self._then = then

    def now(self) -> Timestamp:
        return self._then


class _MigrationCall(CallContext, MigrationContext):
    """The context of one function."""

    __slots__ = ("_old",)

    _old: _OldRows

    def old(self, table: str) -> Collection[Any]:
        return self._old.of(table)


def run_migrations(
    functions: Sequence[Migration],
    found: Migrated,
    before: Sequence[StoredTable],
    calls: Calls,
    nanoseconds: int,
) -> None:
    """Run functions on tables that nobody else has yet.

    Args:
        functions: In their order.
        found: The tables; all of users' are new or copies.
        before: Those that there were.
        calls: Of the database.
        nanoseconds: When the migration is, since 1970.

    Raises:
        Whatever a function raises; then the tables are of no use.
    """
    scratch = sql_directory(found.tables)
    queries_of(calls.writer, calls.owner, scratch.edition)
    writer = Writer(scratch, _Then(Timestamp.from_stored(nanoseconds // 1000)))
    old = _OldRows(before)
    with WriteBlock(writer) as transaction:
        for function in functions:
            _run(function, transaction, old, calls)
            _require_no_events(function, transaction)


def _require_no_events(migration: Migration, transaction: WriteTransaction) -> None:
    """Refuse rows that would be nowhere: nobody is told of a migration's events."""
    for handle in transaction._opened.values():  # noqa: SLF001  its names are tables
        stored = handle._stored  # noqa: SLF001  likewise
        if stored.is_event and len(handle):
            raise UsageError(
                f"migration {migration.name} inserted into {stored.bound.schema.name}, "
                "an event table: who listens is not told of what happens in a "
                "migration; call a reducer when the module is published"
            )


def _run(
    migration: Migration, transaction: WriteTransaction, old: _OldRows, calls: Calls
) -> None:
    calls.count = number = calls.count + 1
    context = _MigrationCall()
    context.db = transaction
    context.sender = calls.owner
    context._known = Sender(calls.owner, auth=INTERNAL)  # noqa: SLF001  made by hand
    context._call = (calls, migration, number, ())  # noqa: SLF001  likewise
    context._old = old  # noqa: SLF001  likewise
    transaction._context = context  # noqa: SLF001  likewise
    result = migration.function(context)
    if type(result) is CoroutineType:
        result.close()
        raise UsageError(
            f"migration {migration.name} gave a coroutine, of which nothing has run; "
            "it runs in one go under the writer lock and cannot await"
        )
