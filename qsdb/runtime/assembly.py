"""Putting a database together: store, writer, calls and, on disk, its files."""

from collections.abc import Callable
from typing import NamedTuple

from qsdb.errors import ArgumentError, brief
from qsdb.files import Directory as Files
from qsdb.live.self_checks import SelfCheck
from qsdb.recovery.opening import Progress
from qsdb.runtime.calls import Calls
from qsdb.runtime.clock import Clock
from qsdb.runtime.collection import collection_paused
from qsdb.runtime.following import Follower
from qsdb.runtime.following_modules import ModuleFollower
from qsdb.runtime.journal import DiskJournal
from qsdb.runtime.module_tables import new_tables
from qsdb.runtime.options import Options
from qsdb.runtime.publishing import Publisher
from qsdb.runtime.queries import Queries
from qsdb.runtime.read_only import (
    ReadOnlyCalls,
    ReadOnlyStorage,
    ReadOnlyWriter,
    find_at,
)
from qsdb.runtime.scheduler import Scheduler
from qsdb.runtime.seeds import Seeds
from qsdb.runtime.storage import Opened, Storage, open_storage
from qsdb.runtime.transactions import queries_of, sql_directory
from qsdb.runtime.version import VERSION
from qsdb.runtime.writer import Writer
from qsdb.schema.modules import Module, ModuleSchema
from qsdb.store.directory import Directory
from qsdb.values.timestamps import Timestamp

__all__ = [
    "Parts",
    "check_way_of_opening",
    "check_way_of_running",
    "open_parts",
    "open_read_only",
    "self_check_of",
]


class Parts(NamedTuple):
    """What a database is made of."""

    directory: Directory
    writer: Writer
    calls: Calls
    queries: Queries
    storage: Storage | ReadOnlyStorage | None
    """None in memory."""
    scheduler: Scheduler | None
    """None where nothing is written."""
    publisher: Publisher


def check_way_of_opening(
    module: object, path: object, *, read_only: object, at: object
) -> None:
    """Refuse arguments of `Database` that do not go together.

    Raises:
        ArgumentError: as it says.
    """
    if type(read_only) is not bool:
        raise ArgumentError(f"read_only is a bool, not {brief(read_only)}")
    if not isinstance(module, Module) and not (module is None and read_only):
        raise ArgumentError(
            f"Database takes a qsdb.Module, not {brief(module)}; None is possible with "
            "read_only=True"
        )
    if read_only and path is None:
        raise ArgumentError("read_only=True needs the path of a database on disk")
    if at is None:
        return
    if not read_only:
        raise ArgumentError(
            f"at={brief(at)} needs read_only=True: what was cannot be written to"
        )
    is_offset = type(at) is int and at >= 0
    if not is_offset and type(at) is not Timestamp:
        raise ArgumentError(
            f"at is an offset from 0 on or a qsdb.Timestamp, not {brief(at)}"
        )


def check_way_of_running(
    seed: object, clock: object, scheduler: object, procedure_threads: object
) -> None:
    """Refuse arguments of `Database` that say how it is run, and are none.

    Raises:
        ArgumentError: as it says.
    """
    if seed is not None and type(seed) is not int:
        raise ArgumentError(f"a seed is an int or None, not {brief(seed)}")
    if clock is not None and not callable(getattr(clock, "now", None)):
        raise ArgumentError(f"a clock has a method now, {brief(clock)} has none")
    if scheduler not in ("thread", "manual"):
        given = brief(scheduler)
        raise ArgumentError(f"scheduler is 'thread' or 'manual', not {given}")
    if type(procedure_threads) is not int or procedure_threads < 1:
        given = brief(procedure_threads)
        raise ArgumentError(f"procedure_threads is an int from 1 on, not {given}")


def self_check_of(every: object, seed: int | None) -> SelfCheck | None:
    """Give what checks live queries, if they are to be checked.

    Raises:
        ArgumentError: it is no number of commits.
    """
    if every is None:
        return None
    if type(every) is not int or every < 1:
        given = brief(every)
        raise ArgumentError(
            f"self_check is a number of commits from 1 on or None, not {given}"
        )
    draw = Seeds(seed).draw
    return SelfCheck(every, lambda count: draw(32) % count)


def open_parts(
    schema: ModuleSchema,
    files: Files | None,
    options: Options,
    clock: Clock,
    seed: int | None,
    progress: Progress | None,
) -> Parts:
    """Open a database, in memory or on disk, and create it if it is not there.

    Raises:
        Whatever `open_storage` and the module's `init` raise; then nothing is open.
    """
    seeds = Seeds(seed)
    if files is None:
        directory = sql_directory(new_tables(schema))
        writer = Writer(directory, clock)
        calls = Calls(schema, writer, seeds)
        queries = queries_of(writer, calls.owner, views=calls.module.views)
        scheduler = Scheduler(calls)  # before `init`, whose rows are armed too
        calls.initialise(VERSION)
        publisher = Publisher(calls)
        publisher.scheduler = scheduler
        return Parts(directory, writer, calls, queries, None, scheduler, publisher)
    with collection_paused():
        opened = open_storage(files, schema, options, seeds.draw, _now(clock), progress)
    try:
        return _on_disk(schema, opened, clock, seeds)
    except BaseException:
        opened.storage.close()
        raise


def _on_disk(schema: ModuleSchema, opened: Opened, clock: Clock, seeds: Seeds) -> Parts:
    storage, stored = opened.storage, opened.module
    directory = sql_directory(opened.tables, opened.offset)
    writer = Writer(directory, clock, opened.microseconds)
    writer.log = storage.log
    served = opened.before or schema
    writer.journal = DiskJournal(storage.log, served)
    storage.snapshots.watch(directory.store, lambda: writer.latest // 1000)
    if stored is None:
        calls = Calls(schema, writer, seeds)
        queries = queries_of(writer, calls.owner, views=calls.module.views)
        scheduler = Scheduler(calls)
        calls.initialise(VERSION)
        storage.log.wait_durable(1)
    else:
        identities = stored.database_identity, stored.owner_identity
        # Calls after this opening draw other numbers than those before it.
        calls = Calls(served, writer, seeds.after(opened.offset), identities)
        queries = queries_of(writer, calls.owner, views=calls.module.views)
        if opened.before is not None:  # which knows no functions, to run schedules with
            Publisher(calls).publish(schema, allow_breaking=True, drop=())
            queries = queries.current
        scheduler = Scheduler(calls)
    publisher = Publisher(calls)
    publisher.scheduler = scheduler
    return Parts(directory, writer, calls, queries, storage, scheduler, publisher)


def _now(clock: Clock) -> Callable[[], int]:
    return lambda: clock.now().micros


def open_read_only(
    schema: ModuleSchema | None,
    files: Files,
    at: int | Timestamp | None,
    clock: Clock,
    seed: int | None,
    progress: Progress | None,
) -> Parts:
    """Open a database to read it; nothing is locked, and nothing written.

    Raises:
        Whatever `find_at` raises.
    """
    with collection_paused():
        readable = find_at(files, schema, at, progress)
    found, module = readable.found, readable.module
    directory = sql_directory(readable.tables, found.state.offset)
    writer = ReadOnlyWriter(directory, clock, found.state.microseconds)
    identities = module.database_identity, module.owner_identity
    calls = ReadOnlyCalls(readable.schema, writer, Seeds(seed), identities)
    follower = Follower(files, found, writer) if at is None else None
    queries = queries_of(writer, calls.owner, views=calls.module.views)
    storage = ReadOnlyStorage(files, found, follower)
    publisher = Publisher(calls)
    if follower is not None:
        follower.modules = ModuleFollower(publisher, files.describe(), schema)
    return Parts(directory, writer, calls, queries, storage, None, publisher)
