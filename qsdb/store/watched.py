"""Tables as a view reads them: nothing is written, and each look-up is noted.

What a function reads is three things: what stands under a value of an index, also if
that is nothing; what lies in a range of an ordered one; or a table as a whole. From a
changed row it can be told which of these it concerns, so a result that was made of
reads stands for as long as none of them is concerned.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, Protocol, TypeVar

from qsdb.errors import ClosedError, ReadOnlyError, UsageError
from qsdb.schema.bound_tables import BoundTable, derived
from qsdb.schema.contexts import Table
from qsdb.schema.results import Result
from qsdb.schema.rows import Row
from qsdb.store.handles import handle_class
from qsdb.store.opened import Entry, Opened, Tables
from qsdb.store.operations import read_operations
from qsdb.store.orders import StoredRow
from qsdb.store.refusing import ReadOnlyTable
from qsdb.values.ranges import Range

__all__ = [
    "PointRead",
    "RangeRead",
    "Read",
    "TableRead",
    "Watchable",
    "WatchedTables",
    "watched_table_class",
]

R = TypeVar("R")


class PointRead(NamedTuple):
    """What stands under a value of an index; of the primary key if that is None."""

    table: str
    number: int | None
    value: object


class RangeRead(NamedTuple):
    """What lies in a range of an ordered index."""

    table: str
    number: int
    within: Range


class TableRead(NamedTuple):
    """All of a table."""

    table: str


Read = PointRead | RangeRead | TableRead


class Watchable(Protocol):
    """A table that is read, in a transaction or beside one."""

    def _scan(self) -> list[StoredRow]: ...
    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]: ...
    def _first(
        self,
        number: int,
        within: Range,
        count: int,
        is_reversed: bool,  # noqa: FBT001  as handles have it
    ) -> list[StoredRow]: ...
    def _count(
        self, number: int | None, within: Range | None, value: object
    ) -> int: ...
    def __len__(self) -> int: ...


class WatchedTable(ReadOnlyTable[R]):
    """One table; subclasses are generated."""

    __slots__ = ("_base", "_reads")

    def __init__(self, base: Watchable, reads: dict[Read, None]) -> None:
        """Read `base`, and note in `reads` what was read."""
        self._base = base
        self._reads: dict[Read, None] | None = reads

    def _close(self) -> None:
        """End the handle: every later use raises `ClosedError`."""
        self._reads = None

    def _require_open(self) -> dict[Read, None]:
        if self._reads is None:
            _refuse_late()
        return self._reads

    def _refuse(self) -> NoReturn:
        self._require_open()
        raise ReadOnlyError(
            f"table {self._bound.schema.name}: a view reads and cannot write; call a "
            "reducer to change anything"
        )

    def _find(self, key: object) -> StoredRow | None:
        return next(iter(self._select(None, None, key)), None)

    def _note(self, number: int | None, within: Range | None, value: object) -> None:
        name = self._bound.schema.name
        if within is None:
            self._require_open()[PointRead(name, number, value)] = None
        else:
            assert number is not None
            self._require_open()[RangeRead(name, number, within)] = None

    def _scan(self) -> list[StoredRow]:
        self._require_open()[TableRead(self._bound.schema.name)] = None
        return self._base._scan()

    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]:
        self._note(number, within, value)
        return self._base._select(number, within, value)

    def _first(
        self,
        number: int,
        within: Range,
        count: int,
        is_reversed: bool,  # noqa: FBT001  as the base class has it
    ) -> list[StoredRow]:
        """Give the first rows, and note the whole range: others may come first."""
        self._note(number, within, None)
        return self._base._first(number, within, count, is_reversed)

    def _count(self, number: int | None, within: Range | None, value: object) -> int:
        self._note(number, within, value)
        return self._base._count(number, within, value)

    def __len__(self) -> int:
        self._require_open()[TableRead(self._bound.schema.name)] = None
        return len(self._base)


def _refuse_late() -> NoReturn:
    raise ClosedError("a view reads while it runs, and this run of it has ended")


@derived
def watched_table_class(bound: BoundTable) -> type[WatchedTable[Any]]:
    """Make the class of one table. Cost: about a millisecond."""
    return handle_class(WatchedTable, bound, read_operations(bound, is_live=True))


class WatchedTables(Opened):
    """All tables, for one run of a view."""

    __slots__ = ("_base_of", "_reads")

    def __init__(self, tables: Tables, base_of: Callable[[Entry], Watchable]) -> None:
        """Begin a run.

        Args:
            tables: Of the database.
            base_of: Gives a table to read.
        """
        self._store = tables.store
        self._by_class = tables.by_class
        self._opened: dict[Entry, WatchedTable[Any]] = {}
        self._base_of: Callable[[Entry], Watchable] | None = base_of
        self._reads: dict[Read, None] = {}

    def _open(self, entry: Entry) -> Table[Row]:
        base_of, bound = self._base_of, entry.bound
        if base_of is None:
            _refuse_late()
        if entry.table.is_event:
            raise UsageError(
                f"table {bound.schema.name}: its rows are told with their commit and "
                "are nowhere afterwards, so no view can read them"
            )
        handle = watched_table_class(bound)(base_of(entry), self._reads)
        return self._opened.setdefault(entry, handle)

    def _end(self) -> frozenset[Read]:
        """End the run, and give what was read."""
        self._base_of = None
        for handle in self._opened.values():
            handle._close()
        return frozenset(self._reads)

    def sql(self, text: str, params: object = None) -> Result:
        """Refuse.

        Raises:
            UsageError: always.
        """
        raise UsageError("a view gives its query back: return qsdb.Query(…)")

    def _sql_within(self, namespace: str, text: str, params: object) -> Result:
        return self.sql(text)
