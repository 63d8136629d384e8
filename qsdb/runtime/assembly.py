"""Putting a database together: store, writer, calls and, on disk, its files."""

from collections.abc import Callable
from typing import NamedTuple, cast

from qsdb.errors import ArgumentError, brief
from qsdb.files import Directory as Files
from qsdb.files import StrPath, open_directory
from qsdb.recovery.opening import Progress
from qsdb.runtime.calls import Calls
from qsdb.runtime.clock import Clock
from qsdb.runtime.journal import DiskJournal
from qsdb.runtime.options import Options
from qsdb.runtime.seeds import Seeds
from qsdb.runtime.storage import Opened, Storage, new_tables, open_storage
from qsdb.runtime.version import VERSION
from qsdb.runtime.writer import Writer
from qsdb.schema.modules import ModuleSchema
from qsdb.store.directory import Directory

__all__ = ["Parts", "as_files", "open_parts"]


class Parts(NamedTuple):
    """What a database is made of."""

    directory: Directory
    writer: Writer
    calls: Calls
    storage: Storage | None
    """None in memory."""


def as_files(path: StrPath | Files) -> Files:
    """Give the directory of a path, or what is one already.

    Raises:
        ArgumentError: it is neither.
    """
    if hasattr(path, "make_directory"):
        return cast(Files, path)
    if isinstance(path, str) or hasattr(path, "__fspath__"):
        return open_directory(path)
    raise ArgumentError(f"path is a str, a path or a directory, not {brief(path)}")


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
        directory = Directory(new_tables(schema))
        writer = Writer(directory, clock)
        calls = Calls(schema, writer, seeds)
        calls.initialise(VERSION)
        return Parts(directory, writer, calls, None)
    opened = open_storage(files, schema, options, seeds.draw, _now(clock), progress)
    try:
        return _on_disk(schema, opened, clock, seeds)
    except BaseException:
        opened.storage.close()
        raise


def _on_disk(schema: ModuleSchema, opened: Opened, clock: Clock, seeds: Seeds) -> Parts:
    storage, stored = opened.storage, opened.module
    directory = Directory(opened.tables, opened.offset)
    writer = Writer(directory, clock, opened.microseconds)
    writer.log = storage.log
    writer.journal = DiskJournal(storage.log, opened.tables, schema)
    storage.snapshots.watch(directory.store)
    if stored is None:
        calls = Calls(schema, writer, seeds)
        calls.initialise(VERSION)
        storage.log.wait_durable(1)
    else:
        identities = stored.database_identity, stored.owner_identity
        # Calls after this opening draw other numbers than those before it.
        calls = Calls(schema, writer, seeds.after(opened.offset), identities)
    return Parts(directory, writer, calls, storage)


def _now(clock: Clock) -> Callable[[], int]:
    return lambda: clock.now().micros
