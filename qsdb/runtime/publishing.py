"""`Publisher`: has another module in the place of the one that a database has.

In one transaction, under the writer lock::

    plan          what changes, or why it cannot                     qsdb.schema.plans
    tables        built beside those that there are                  .migrated_tables
    functions     of the module's migrations, on those               .migration_calls
    catalogue     timers and clients, likewise; the record of all of it
    handles       transactions, statements, live queries, prepared   .rebinding
    ───────────   the record is taken by the log: it is a commit
    exchange      all at once, and nothing that could fail

Whatever fails before the line has changed nothing. What an interrupt cuts off after it
is done again from its beginning: each step says what shall be. So there is one module
or the other, and after a crash the log says which.

Whoever reads goes on with the tables that they have. Calls that wait for the lock find
the functions of the new module. Where nothing changes that is stored, it is no commit,
and functions are exchanged alone.
"""

import weakref
from collections.abc import Collection, Iterator, Mapping
from typing import Any

import attrs

from qsdb.errors import QueryError, SchemaError
from qsdb.runtime.calls import Calls
from qsdb.runtime.client_notes import set_clients
from qsdb.runtime.clients import Clients
from qsdb.runtime.journal import DiskJournal
from qsdb.runtime.migrated_tables import (
    Migrated,
    changed_rows,
    migrated,
    record_of,
    set_catalogue,
)
from qsdb.runtime.migrated_timers import set_timers
from qsdb.runtime.migration_calls import run_migrations
from qsdb.runtime.prepared import handle_of
from qsdb.runtime.queries import Queries
from qsdb.runtime.rebinding import Change, Rebinding
from qsdb.runtime.scheduler import Scheduler
from qsdb.runtime.subscriptions import Subscriptions
from qsdb.runtime.transactions import queries_of
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.plans import MigrationPlan, plan_migration
from qsdb.schema.row_shapes import columns_text
from qsdb.schema.rows import Row
from qsdb.schema.stored_schemas import stored_schema
from qsdb.store.directory import Edition
from qsdb.store.images import StoredTable
from qsdb.store.opened import Tables
from qsdb.store.orders import StoredRow
from qsdb.store.reading import ReadTable
from qsdb.store.reads import ReadTransaction, begin_reading
from qsdb.values.timestamps import Timestamp

__all__ = ["Publisher"]


@attrs.frozen(eq=False)
class _Exchange:
    """All that is exchanged, ready to be taken."""

    module: ModuleSchema
    edition: Edition
    offset: int
    journal: DiskJournal | None
    rebinding: Rebinding | None


class Publisher:
    """Publishes modules to one database.

    Attributes:
        calls: Runs the functions of the module.
        scheduler: Runs what is due; None where nothing does, or does yet.
        subscriptions: Who listens; None where nobody does yet.
        clients: Who is connected; None where nobody is, or is noted.
    """

    def __init__(self, calls: Calls) -> None:
        """Publish to the database of some calls."""
        self.calls = calls
        self.scheduler: Scheduler | None = None
        self.subscriptions: Subscriptions | None = None
        self.clients: Clients | None = None
        self._writer = calls.writer
        self._exchange: _Exchange | None = None
        """What is about to be taken, or was last."""
        self._is_decided = False

    def plan(self, module: ModuleSchema, drop: Collection[str]) -> MigrationPlan:
        """Say how the database would come to a module; nothing is changed.

        Raises:
            SchemaError: it cannot; with all that rules or data have against it.
            ClosedError: the database is closed.

        Cost: O(rows) for some changes, else O(columns).
        """
        with self._writer.directory.read() as reading:
            return self._planned(reading, module, drop)

    def _planned(
        self, reading: ReadTransaction, module: ModuleSchema, drop: Collection[str]
    ) -> MigrationPlan:
        tables = reading._tables  # noqa: SLF001  its names are the user's tables
        rows = {
            number: handle_of(reading, entry)._scan()  # noqa: SLF001  likewise
            for number, entry in tables.system.items()
        }
        return plan_migration(
            stored_schema(rows, self.calls.module),
            module,
            lambda name: _Rows(handle_of(reading, tables.by_name[name])),
            drop=drop,
        )

    def publish(
        self, module: ModuleSchema, *, allow_breaking: bool, drop: Collection[str]
    ) -> MigrationPlan:
        """Have a module in the place of the one that there is.

        Raises:
            SchemaError: it cannot be, or clients would be disconnected and that is not
                allowed; nothing has changed.
            StorageError: it cannot be written; likewise.
            Whatever a migration's function raises; likewise.
            UsageError: this thread is in a transaction.
            ClosedError: the database is closed.
        """
        writer = self._writer
        writer.require_outside()
        try:
            nanoseconds = writer.enter_to_publish()
            with writer.directory.read() as reading:
                plan = self._planned(reading, module, drop)
                if not allow_breaking:
                    _refuse_breaking(plan)
                offset = self._do(plan, reading, nanoseconds)
        except BaseException:
            try:
                self._end_cut_off()
            finally:
                self._end_cut_off()
            raise
        finally:
            try:
                writer.leave()
            finally:  # an interrupt may have cut that off
                writer.leave()
        self._tell(offset)
        return plan

    def _do(
        self, plan: MigrationPlan, reading: ReadTransaction, nanoseconds: int
    ) -> int:
        """Do it, and give the offset after it."""
        directory, module = self._writer.directory, plan.declared
        before = directory.store.tables
        found = migrated(plan, before)
        if plan.migrations:
            run_migrations(plan.migrations, found, before, self.calls, nanoseconds)
        set_timers(found, Timestamp.from_stored(nanoseconds // 1000))
        set_catalogue(found, module)
        if self.clients is not None:
            set_clients(found, self.clients.to_note(module))
        record = record_of(found, nanoseconds // 1000)
        log = self._writer.log
        offset = directory.store.offset + (record is not None)
        exchange = self._prepared(module, found, reading, offset, _ends(plan))
        if log is not None and record is not None:
            self._exchange = exchange
            log.append(record)
        self._exchange, self._is_decided = exchange, True
        self._end_cut_off()
        return exchange.offset

    def adopt(self, module: ModuleSchema, found: Migrated, offset: int) -> None:
        """Have tables that were published elsewhere, under the writer lock.

        Args:
            module: Their module.
            found: They, with all of their rows.
            offset: The commit that made them.
        """
        try:
            with self._writer.directory.read() as reading:
                exchange = self._prepared(module, found, reading, offset, None)
            self._exchange, self._is_decided = exchange, True
            self._end_cut_off()
        except BaseException:
            try:
                self._end_cut_off()
            finally:
                self._end_cut_off()
            raise

    def _prepared(
        self,
        module: ModuleSchema,
        found: Migrated,
        reading: ReadTransaction,
        offset: int,
        ends: QueryError | None,
    ) -> _Exchange:
        writer, hub = self._writer, self.subscriptions
        directory, log = writer.directory, writer.log
        gone = _gone(directory.edition.tables, module, offset)
        edition = directory.prepared(found.tables, found.bounds, gone)
        old: Queries = directory.read_class._queries  # type: ignore[attr-defined]  # noqa: SLF001  set by `queries_of`
        owner, variables = self.calls.owner, old.variables
        queries = queries_of(writer, owner, edition, variables, module.views)
        queries.view_runs.tallies = old.view_runs.tallies
        rebinding = None
        if hub is not None:
            with begin_reading(edition.read_class) as after:
                names = {
                    bound.schema.name
                    for table, bound in zip(found.tables, found.bounds, strict=True)
                    if _has_other_rows(table, bound, found.sources.get(table))
                }
                change = Change(
                    module.name, queries, offset, names, reading, after, ends
                )
                rebinding = Rebinding(hub, change)
        journal = None if log is None else DiskJournal(log, module)
        return _Exchange(module, edition, offset, journal, rebinding)

    def _take(self, exchange: _Exchange) -> None:
        """Exchange all that there is for what was prepared; twice is once."""
        writer = self._writer
        writer.directory.take(exchange.edition, exchange.offset)
        writer.renew()
        writer.journal = exchange.journal
        self.calls.serve(exchange.module)
        if self.scheduler is not None:
            self.scheduler.renew()
        if exchange.rebinding is not None:
            exchange.rebinding.take()

    def _end_cut_off(self) -> None:
        """Take what is decided, also after an exception; twice is once."""
        exchange, log = self._exchange, self._writer.log
        if not self._writer.is_mine():
            return
        if exchange is not None:
            is_told = log is not None and log.appended_offset >= exchange.offset
            if self._is_decided or is_told:
                self._take(exchange)
            self._exchange, self._is_decided = None, False
        if self.clients is not None:
            self.clients.published()

    def _tell(self, offset: int) -> None:
        """Wait for the disk, and tell everybody."""
        log = self._writer.log
        try:
            if log is not None:
                log.wait_durable(offset)
        finally:
            if self.scheduler is not None:
                self.scheduler.go_on()
            if self.subscriptions is not None:
                self.subscriptions.tell()


def _has_other_rows(
    table: StoredTable, bound: BoundTable, source: StoredTable | None
) -> bool:
    """Whether a name stands for other rows than before, or for those of another."""
    if source is None or source.bound.schema.name != bound.schema.name:
        return True
    return bool(changed_rows(table, source))


class _Rows(Collection[StoredRow]):
    """The rows of a table in a read transaction, copied when they are looked at."""

    def __init__(self, table: ReadTable[Any]) -> None:
        self._table = table

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[StoredRow]:
        return iter(self._table._scan())  # noqa: SLF001  as above

    def __contains__(self, row: object) -> bool:
        return row in self._table._scan()  # noqa: SLF001  as above


def _refuse_breaking(plan: MigrationPlan) -> None:
    if plan.breaking:
        raise SchemaError(
            f"module {plan.declared.name} is not published: clients would be "
            f"disconnected, which allow_breaking=True allows\n{plan}"
        )


def _ends(plan: MigrationPlan) -> QueryError | None:
    """Say why connections end, if they do."""
    if not plan.breaking:
        return None
    steps = "; ".join([f"{step.subject} {step.text}" for step in plan.breaking])
    return QueryError(
        f"module {plan.declared.name} was published, which disconnects clients: {steps}"
    )


def _gone(tables: Tables, module: ModuleSchema, offset: int) -> Mapping[type[Row], str]:
    """Say of each row class that no table has any more what became of its table."""
    there = {bound.row_class for bound in module.tables}
    by_name = {bound.schema.name: bound for bound in module.tables}
    gone: weakref.WeakKeyDictionary[type[Row], str] = weakref.WeakKeyDictionary(
        {each: text for each, text in tables.gone.items() if each not in there}
    )
    for row_class, entry in tables.by_class.items():
        if row_class not in there:
            now = by_name.get(entry.bound.schema.name)
            gone[row_class] = _became(entry.bound, now, module, offset)
    return gone


def _became(
    was: BoundTable, now: BoundTable | None, module: ModuleSchema, offset: int
) -> str:
    name = was.schema.name
    told = (
        f"{was.row_class.__name__} with {columns_text(was.schema)} is not the row "
        f"class of table {name} any more: module {module.name}, published with offset "
        f"{offset}, has "
    )
    if now is None:
        return f"{told}no such table"
    return f"{told}{now.row_class.__name__} with {columns_text(now.schema)}"
