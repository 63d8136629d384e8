"""`Database`: the object that users open, and that hands everything on.

It owns nothing but its parts: a `Directory` of tables over a store, a `Writer`
with the one lock, and the `Calls` of the module's reducers.
"""

import contextlib
import weakref
from typing import Literal, Self

from qsdb.errors import ArgumentError, ClosedError, ReadOnlyError, brief
from qsdb.files import Directory as Files
from qsdb.files import StrPath
from qsdb.log.options import INTERVAL
from qsdb.recovery.directories import as_files
from qsdb.recovery.opening import Progress
from qsdb.runtime.assembly import (
    check_way_of_opening,
    check_way_of_running,
    open_parts,
    open_read_only,
    self_check_of,
)
from qsdb.runtime.blocks import WriteBlock
from qsdb.runtime.call_contexts import Sender
from qsdb.runtime.callers import Caller
from qsdb.runtime.calling import Calling
from qsdb.runtime.clients import Clients
from qsdb.runtime.clock import Clock, SystemClock
from qsdb.runtime.connecting import Connector
from qsdb.runtime.meters import limit_of
from qsdb.runtime.migrating import Migrating
from qsdb.runtime.options import StorageOptions, limits_of, options_of
from qsdb.runtime.procedures import THREADS, Procedures
from qsdb.runtime.retrying import Retrying
from qsdb.runtime.row_filters import check_filters
from qsdb.runtime.stats import Stats, TableStats
from qsdb.runtime.subscriptions import Subscriptions
from qsdb.runtime.transacting import Transacting
from qsdb.schema.modules import Module
from qsdb.store.limits import TransactionLimits
from qsdb.store.reads import ReadTransaction
from qsdb.values.identity import Identity
from qsdb.values.timestamps import Timestamp

__all__ = ["Database"]


class Database(Migrating, Calling, Transacting):
    """A module's tables in memory, and the transactions on them.

    >>> from qsdb.schema.rows import Row
    >>> notes = Module("notes")
    >>> class Note(Row, module=notes):
    ...     text: str
    >>> with Database(notes) as db:
    ...     with db.write() as tx:
    ...         _ = tx[Note].insert(Note("milk"))
    ...     with db.read() as tx:
    ...         print(list(tx[Note]))
    [Note(text='milk')]
    """

    def __init__(  # noqa: PLR0913  as users know it from other databases
        self,
        module: Module | None,
        path: StrPath | Files | None = None,
        *,
        read_only: bool = False,
        at: int | Timestamp | None = None,
        durability: str = INTERVAL,
        sync_interval: float = 0.01,
        clock: Clock | None = None,
        seed: int | None = None,
        options: StorageOptions | None = None,
        progress: Progress | None = None,
        scheduler: Literal["thread", "manual"] = "thread",
        slow_reducer: float | None = 1.0,
        procedure_threads: int = THREADS,
        limits: TransactionLimits | None = None,
        self_check: int | None = None,
    ) -> None:
        """Open a database, or create it: tables, and `init`, as one commit, offset 1.

        Args:
            module: What to hold. In a directory with another one it is published, in
                one commit, if no data is given up by that. None, with `read_only`, for
                the tables that are stored: their rows are named tuples.
            path: The directory to keep it in, made if it is not there; in memory
                only if not given.
            read_only: Whether to read only, also beside the process that writes.
                Nothing is locked, made or written, and what the writer commits later
                comes with `refresh`.
            at: With `read_only`: the offset, or the time, of the state to read; the
                last commit until then. The newest state if not given.
            durability: When a commit is on the disk: ``"always"`` when it returns,
                ``"interval"`` within `sync_interval`, ``"os"`` when the operating
                system pleases.
            sync_interval: Seconds, for ``"interval"``.
            clock: Where the time comes from; the machine's if not given.
            seed: What ``ctx.random`` and the identities derive from; entropy of
                the operating system if not given.
            options: How files are cut, and when snapshots are taken.
            progress: Called with how many segments of the log are read, and how
                many there are.
            scheduler: Who runs what is due in scheduled tables: a ``"thread"``, if the
                clock is the machine's, or whoever calls `run_due`, ``"manual"``.
            slow_reducer: Seconds that a reducer may take; a call of one that takes
                longer, once the database is open, is told of in the log, as a warning.
                None for as long as it likes.
            procedure_threads: How many threads the pool for procedures has at most.
            limits: How much transactions may take that others write beside.
            self_check: Every so many commits one live query, chosen by the seed, is
                asked again; one that is not what it was said to be ends with an
                `InternalError`. None for never.

        Raises:
            SchemaError: the module's declarations are wrong, or no rule leads to them
                from those that are stored, or data would be given up; with all
                mistakes, or the plan. Whatever `init` and migrations raise passes
                through, and then nothing was created or changed.
            ArgumentError: an argument is of a wrong kind, or the database has no
                state at `at`; the text says where it has.
            StorageError: the directory cannot be opened: `DatabaseLocked`,
                `CorruptionError`, `FormatVersionError`, `DiskFull`, something else is
                in it, or, with `read_only`, nothing; or the system refuses. Nothing was
                changed.
        """
        check_way_of_opening(module, path, read_only=read_only, at=at)
        check_way_of_running(seed, clock, scheduler, procedure_threads)
        check = self_check_of(self_check, seed)
        how = options_of(durability, sync_interval, options)
        limit, bounds = limit_of(slow_reducer), limits_of(limits)
        files = None if path is None else as_files(path)
        has_thread = scheduler == "thread" and type(clock) in (type(None), SystemClock)
        clock = SystemClock() if clock is None else clock
        schema = None if module is None else module.compiled(check_filters)
        if read_only and files is not None:
            parts = open_read_only(schema, files, at, clock, seed, progress)
        else:
            assert schema is not None
            parts = open_parts(schema, files, how, clock, seed, progress)
        self._directory, self._writer, self._calls = parts[:3]
        self._storage, self._scheduler = parts.storage, parts.scheduler
        self._calls.meters.set_limit(limit)
        self._calls.retrying = Retrying(self._writer, self._calls.seeds, bounds)
        self._subscriptions = hub = Subscriptions(parts.queries, self._writer)
        hub.engine.self_check, parts.publisher.subscriptions = check, hub
        self._publisher = parts.publisher
        self._sender = Sender(self._calls.owner)
        self._procedures = Procedures(self._calls, procedure_threads)
        parts.publisher.clients = clients = None if read_only else Clients(self._calls)
        self._connector = Connector(self._procedures, self._subscriptions, clients)
        if self._storage is not None:
            # Closes it when the program ends, or nobody has it any more.
            self._finalizer = weakref.finalize(self, self._storage.close)
        if clients is not None:
            clients.disconnect_all()
        if self._scheduler is not None:
            self._scheduler.start(self, self._procedures, has_thread=has_thread)

    def __repr__(self) -> str:
        """Name the module and the offset."""
        return f"<Database {self._calls.module.name} at offset {self.offset}>"

    @property
    def owner(self) -> Identity:
        """The identity that owns the database; `call` acts as it."""
        return self._calls.owner

    @property
    def identity(self) -> Identity:
        """The database's own identity."""
        return self._calls.identity

    @property
    def offset(self) -> int:
        """The number of the last commit; creation is 1."""
        return self._directory.store.offset

    def caller(self, identity: Identity) -> Caller:
        """Give the database as somebody else sees it.

        Raises:
            ArgumentError: `identity` is no `Identity`.
        """
        if type(identity) is not Identity:
            raise ArgumentError(f"caller takes a qsdb.Identity, not {brief(identity)}")
        return Caller(self._procedures, self._subscriptions, Sender(identity))

    def write(self) -> WriteBlock:
        """Give the serial write transaction, for a ``with`` block.

        The writer lock is taken on entering. Leaving the block commits; an
        exception rolls everything back and goes on. The block and what is opened in
        it belong to one thread.
        """
        return WriteBlock(self._writer)

    def read(self) -> ReadTransaction:
        """Give a stable read transaction at the last commit, pinned at this call.

        It may be used from any thread, while others write. Close it, or use it
        with ``with``: as long as it is open, rows that change are kept.

        Raises:
            ClosedError: the database is closed.
        """
        directory = self._directory
        if directory.store.is_closed:
            self._require_open()
        return directory.read()

    def run_due(self, now: Timestamp | None = None) -> int:
        """Run what is due in scheduled tables, and give how many functions were run.

        All on this thread, procedures too, to their end (but coroutines in the pool,
        where this thread is in an event loop). A function that fails is
        logged (``qsdb.<module>.scheduler``) and counted, and the others are run. What
        they make due meanwhile waits for the next time. In a callback nothing is run
        while another thread does so, which may wait for that callback.

        Args:
            now: What counts as now, if that is later than the clock. No later
                transaction is before what was due then.

        Raises:
            ArgumentError: `now` is no `Timestamp`.
            ReadOnlyError: the database is only read.
            UsageError: this thread is inside a transaction.
            ClosedError: the database is closed.
            StorageError: it cannot be written.
        """
        if now is not None and type(now) is not Timestamp:
            raise ArgumentError(f"now is a qsdb.Timestamp, not {brief(now)}")
        self._require_open()
        if self._scheduler is None:
            raise ReadOnlyError("a database that is only read runs nothing")
        is_in_callback = self._subscriptions.delivery.is_telling_here
        return self._scheduler.run_due(now, is_waiting=is_in_callback)

    def stats(self) -> Stats:
        """Give counters and sizes; ``print(db.stats())`` shows them as a page.

        Raises:
            ClosedError: the database is closed.
        """
        self._require_open()
        store, writer = self._directory.store, self._writer
        clients = self._connector.clients
        engine = self._subscriptions.engine
        views = self._subscriptions.listening.views
        store.sweep()
        stats = Stats(
            module=self._calls.module.name,
            offset=store.offset,
            commits=store.offset - writer.first_offset,
            rollbacks=writer.rollbacks,
            conflicts=writer.conflicts,
            fallbacks=self._calls.retrying.fallbacks,
            calls=self._calls.count + self._procedures.count,
            pins=len(store.pins),
            undo_rows=store.undo_count,
            tables={
                table.bound.schema.name: TableStats(table.count, table.written)
                for table in store.tables
                if not table.is_system
            },
            reducers=self._calls.meters.stats(),
            live=self._subscriptions.listening.stats(),
            evaluations=engine.counters.evaluations,
            changes=engine.counters.changes,
            views=len(views),
            view_runs=views.runs,
            procedures=self._procedures.tallies.stats(),
            view_calls=views.tallies.stats(),
            clients=0 if clients is None else clients.count,
            runs=0 if self._scheduler is None else self._scheduler.counts.runs,
            run_failures=(
                0 if self._scheduler is None else self._scheduler.counts.failures
            ),
        )
        return self._with_disk_stats(stats)

    def check(self) -> None:
        """Verify every invariant. Cost: O(rows · log rows), under the writer lock.

        Raises:
            InternalError: with a sentence for each that is broken.
            UsageError: this thread is inside a transaction.
            ClosedError: the database is closed.
        """
        writer = self._writer
        writer.require_outside()
        try:
            writer.enter()
            self._directory.store.check()
            if self._scheduler is not None:
                self._scheduler.check()
        finally:
            try:
                writer.leave()
            finally:  # an interrupt may have cut that off
                writer.leave()

    def close(self) -> None:
        """End the database, with all commits on the disk; twice is no error.

        Raises:
            UsageError: this thread is inside a transaction.
            FailedError: the disk failed; the directory is given up all the same.
        """
        self._writer.require_outside()
        if self._scheduler is not None:
            is_in_callback = self._subscriptions.delivery.is_telling_here
            self._scheduler.close(is_waiting=is_in_callback)
        self._procedures.close()
        if self._connector.clients is not None:
            with contextlib.suppress(ClosedError):  # another thread may be faster
                self._connector.clients.disconnect_all()
        self._writer.close()
        try:
            if self._storage is not None:
                self._storage.close()
                self._finalizer.detach()
        finally:
            self._subscriptions.close()

    def __enter__(self) -> Self:
        """Give the database itself.

        Raises:
            ClosedError: it is closed.
        """
        self._require_open()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Close."""
        self.close()
