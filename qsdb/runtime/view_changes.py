"""What becomes of an instance of a view, told before it happens.

A change says what is to be, and not by how much that differs: how often each row is
there, and what was read. So it may be made twice, when an interrupt has cut it off.
"""

from collections.abc import Mapping, Sequence

import attrs

from qsdb.errors import QueryError
from qsdb.live.differences import Difference
from qsdb.live.engine import Changes
from qsdb.live.results import LiveResult
from qsdb.runtime.view_results import MisgivenError, require_keys
from qsdb.runtime.view_runs import Found, InstanceKey, failed
from qsdb.store.orders import StoredRow
from qsdb.store.watched import Read

__all__ = [
    "Change",
    "Instance",
    "Pending",
    "asked_again",
    "begun",
    "dropped",
    "ending",
    "run_again",
]


class Instance:
    """A view for one caller and some arguments, as it is kept.

    Attributes:
        number: What it is told from others by, also in the engine's table.
        key: Whose it is.
        rows: Its rows, and how often each is there: once, but for a query.
        reads: What was read for them.
        is_noted: Whether that is noted, all of it and nothing else.
        query: The live query that it is; None where it is rows that were given.
        results: The live queries that read it.
    """

    __slots__ = ("is_noted", "key", "number", "query", "reads", "results", "rows")

    def __init__(self, number: int, key: InstanceKey) -> None:
        """Begin empty."""
        self.number = number
        self.key = key
        self.rows: dict[StoredRow, int] = {}
        self.reads: frozenset[Read] = frozenset()
        self.is_noted = True
        self.query: LiveResult | None = None
        self.results: dict[LiveResult, None] = {}


@attrs.frozen
class Change:
    """What is to become of an instance.

    Attributes:
        counts: Row → how often it is to be there, where that is new.
        inserts: Rows that come.
        deletes: Rows that go.
        reads: What was read.
        error: Why it ends instead; None if it does not.
    """

    instance: Instance
    counts: Mapping[StoredRow, int]
    inserts: Sequence[StoredRow]
    deletes: Sequence[StoredRow]
    reads: frozenset[Read]
    error: QueryError | None = None


@attrs.define
class Pending:
    """What a transaction does to instances.

    Attributes:
        offset: The commit that it is to be.
        tables: What it changes that queries of instances read.
        changes: What is to become of instances.
        is_whole: Whether that is all of it, and no interrupt has cut it off.
    """

    offset: int = 0
    tables: Changes = attrs.field(factory=dict)
    changes: list[Change] = attrs.field(factory=list)
    is_whole: bool = False


def begun(instance: Instance, found: Found) -> Change:
    """Give an instance what a first run has found."""
    counts: dict[StoredRow, int] = {}
    for row in found.rows:
        counts[row] = counts.get(row, 0) + 1
    return Change(instance, counts, [*counts], (), found.reads)


def dropped(instance: Instance) -> Change:
    """Take everything from an instance."""
    rows = [*instance.rows]
    return Change(instance, dict.fromkeys(rows, 0), (), rows, frozenset())


def ending(instance: Instance, error: QueryError) -> Change:
    """End an instance."""
    return Change(instance, {}, (), (), instance.reads, error.with_traceback(None))


def run_again(instance: Instance, found: Found) -> Change:
    """Give an instance what another run has found."""
    rows, now = instance.rows, dict.fromkeys(found.rows, 1)
    inserts = [row for row in now if row not in rows]
    deletes = [row for row in rows if row not in now]
    counts = dict.fromkeys(inserts, 1) | dict.fromkeys(deletes, 0)
    return Change(instance, counts, inserts, deletes, found.reads)


def asked_again(instance: Instance, difference: Difference | QueryError) -> Change:
    """Give an instance the change of its query's result, which is a bag."""
    view, rows = instance.key.view, instance.rows
    if isinstance(difference, QueryError):
        return ending(instance, failed(view, difference))
    counts: dict[StoredRow, int] = {}
    for row in difference.inserts:
        counts[row] = counts.get(row, rows.get(row, 0)) + 1
    for row in difference.deletes:
        counts[row] = counts.get(row, rows.get(row, 0)) - 1
    inserts = [row for row, count in counts.items() if count and row not in rows]
    deletes = [row for row, count in counts.items() if not count and row in rows]
    if inserts and view.bound.schema.primary_key:
        left = dict.fromkeys([row for row in rows if counts.get(row, 1)])
        try:
            require_keys(view, left | dict.fromkeys(inserts))
        except MisgivenError as error:
            return ending(instance, failed(view, error))
    return Change(instance, counts, inserts, deletes, frozenset())
