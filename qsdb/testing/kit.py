"""Databases for tests: the same every time, and a watch over what must not change."""

import contextlib
from collections.abc import Iterator
from typing import Literal, TypedDict, Unpack

from qsdb.errors import ArgumentError, brief
from qsdb.files import Directory, StrPath
from qsdb.recovery.opening import Progress
from qsdb.runtime.clock import Clock
from qsdb.runtime.database import Database
from qsdb.runtime.options import StorageOptions
from qsdb.schema.modules import Module
from qsdb.store.limits import TransactionLimits
from qsdb.store.reads import ReadTransaction
from qsdb.testing.clock import FakeClock
from qsdb.values.timestamps import Timestamp

__all__ = ["assert_no_change", "database"]

_ROWS_SHOWN_MAX = 5
"""Of each table, in the text of a failed assertion."""


class DatabaseOptions(TypedDict, total=False):
    """What `Database` takes besides, by name."""

    read_only: bool
    at: int | Timestamp | None
    durability: str
    sync_interval: float
    options: StorageOptions | None
    progress: Progress | None
    scheduler: Literal["thread", "manual"]
    slow_reducer: float | None
    procedure_threads: int
    limits: TransactionLimits | None
    self_check: int | None


def database(
    module: Module,
    path: StrPath | Directory | None = None,
    *,
    clock: Clock | None = None,
    seed: int = 1,
    **others: Unpack[DatabaseOptions],
) -> Database:
    """Open a database for a test, in which nothing is left to chance.

    Args:
        module: What to hold.
        path: Where to keep it, a `SimulatedDirectory` say; in memory if not given.
        clock: Where the time comes from; a `FakeClock` at the epoch if not given.
        seed: What ``ctx.random`` and identities derive from.
        others: What else `Database` takes.

    Raises:
        What `Database` raises.

    >>> with database(Module("empty")) as one, database(Module("empty")) as other:
    ...     one.owner == other.owner
    True
    """
    clock = FakeClock() if clock is None else clock
    return Database(module, path, clock=clock, seed=seed, **others)


@contextlib.contextmanager
def assert_no_change(db: Database) -> Iterator[None]:
    """Assert that a block commits nothing; an exception that leaves it goes on.

    ``with assert_no_change(db), pytest.raises(ReducerError): db.call(…)``

    Raises:
        ArgumentError: `db` is no `Database`.
        AssertionError: there is a commit more; the text shows which rows are
            different, up to five of each table.

    Cost: that of a read transaction; O(rows) where the assertion fails.
    """
    if not isinstance(db, Database):
        raise ArgumentError(f"assert_no_change takes a Database, not {brief(db)}")
    with db.read() as before:
        try:
            yield
        finally:
            with db.read() as after:
                if after.offset != before.offset:
                    raise AssertionError(_described(before, after))


def _described(before: ReadTransaction, after: ReadTransaction) -> str:
    count = after.offset - before.offset
    commits = "1 commit" if count == 1 else f"{count} commits"
    lines = [f"{commits} after offset {before.offset}:"]
    # A module may have been published: so each has tables of its own.
    there, here = [each._tables.by_name for each in (before, after)]  # noqa: SLF001  as elsewhere
    for name in {**there, **here}:
        if name not in there or name not in here:
            lines.append(f"  table {name} is {'new' if name in here else 'gone'}")
        was = {*before.table(name)} if name in there else set()
        now = {*after.table(name)} if name in here else set()
        changed = [f"- {row!r}" for row in was - now]
        changed += [f"+ {row!r}" for row in now - was]
        if changed:
            lines += [f"  table {name}", *sorted(changed)[:_ROWS_SHOWN_MAX]]
            if len(changed) > _ROWS_SHOWN_MAX:
                lines.append(f"  … and {len(changed) - _ROWS_SHOWN_MAX} rows more")
    if len(lines) == 1:
        lines.append("  in the end all rows are as they were")
    return "\n".join(lines)
