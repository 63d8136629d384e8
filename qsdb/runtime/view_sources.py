"""Views in the places of tables: what a query on views reads.

A view that is asked for once is run for that, on what the transaction sees. In one that
only reads it is run once, since nothing it reads changes there.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from qsdb.runtime.prepared import PreparedQuery, handle_of, prepare_on
from qsdb.runtime.view_runs import InstanceKey, ViewRuns
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.views import View
from qsdb.sql.checking import SENDER
from qsdb.sql.queries import Source
from qsdb.sql.relations import Selected
from qsdb.sql.typed import Argument, Constant
from qsdb.store.opened import Entry, Opened
from qsdb.store.orders import StoredRow, key_function
from qsdb.store.reads import ReadTransaction
from qsdb.values.kinds import Stored
from qsdb.values.ranges import Range

__all__ = ["ViewRows", "ViewSources", "keep_rows", "prepare_view_query"]


class ViewRows:
    """Rows of an instance in the place of a table, for one query."""

    __slots__ = ("_bound", "_by_key", "_rows")

    def __init__(self, bound: BoundTable, rows: list[StoredRow]) -> None:
        """Stand for rows, no two of which are equal."""
        self._bound = bound
        self._rows = rows
        self._by_key: dict[object, StoredRow] | None = None

    def _close(self) -> None:
        """Let go of nothing: what is asked of it is asked in a transaction."""

    def __len__(self) -> int:
        return len(self._rows)

    def _scan(self) -> list[StoredRow]:
        return [*self._rows]

    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]:
        """Give the row with a primary key, which is the one index."""
        assert number is None
        assert within is None
        if self._by_key is None:
            key_of = key_function(self._bound)
            self._by_key = {key_of(row): row for row in self._rows}
        row = self._by_key.get(value)
        return [] if row is None else [row]

    def _count(self, number: int | None, within: Range | None, value: object) -> int:
        return len(self._select(number, within, value))


class ViewSources:
    """The tables of a query on views: those of a transaction, and rows of views."""

    def __init__(
        self, runs: ViewRuns, query: Selected, entries: Sequence[Entry | View]
    ) -> None:
        """Prepare.

        Args:
            runs: Runs the views.
            query: It.
            entries: For each of its sources the table, or the view.
        """
        self._runs = runs
        self._query = query
        self._entries = entries

    def keys(
        self, caller: bytes, given: Mapping[str, Stored]
    ) -> Iterator[tuple[int, InstanceKey]]:
        """Yield the sources that are views, and of each the instance.

        Args:
            caller: Who asks.
            given: The values of the query's parameters.
        """
        for number, (source, view) in enumerate(
            zip(self._query.tables, self._entries, strict=True)
        ):
            if isinstance(view, View):
                arguments = _arguments(source, caller, given)
                whose = None if view.is_anonymous else caller
                yield number, InstanceKey(view, whose, arguments)

    def tables(
        self,
        transaction: Opened,
        caller: bytes,
        values: Sequence[object],
    ) -> list[object]:
        """Give a table for each source, as a transaction sees it.

        Args:
            transaction: It. One that only reads runs a view once for the same caller
                and arguments.
            caller: Who asks.
            values: Of the query's parameters.

        Raises:
            QueryError: a view fails.
        """
        given = dict(zip(self._query.parameters, values, strict=True))
        views = dict(self.keys(caller, given))

        def base_of(entry: Entry) -> Any:  # noqa: ANN401  a handle of either kind
            return handle_of(transaction, entry)

        found: list[object] = []
        for number, entry in enumerate(self._entries):
            if not isinstance(entry, View):
                found.append(base_of(entry))
                continue
            key = views[number]
            rows = kept_rows(transaction, key)
            if rows is None:
                stored = [*dict.fromkeys(self._runs.run(key, base_of).rows)]
                rows = keep_rows(transaction, key, stored)
            found.append(rows)
        return found


def prepare_view_query(
    query: Selected,
    entries: Mapping[str, Entry],
    views: Mapping[str, View],
    runs: ViewRuns,
) -> PreparedQuery:
    """Plan and compile a query on views, and perhaps on tables.

    Args:
        query: It.
        entries: Name → table.
        views: Name → view.
        runs: Runs them.
    """
    names = [each.schema.name for each in query.tables]
    sources = [views.get(name) or entries[name] for name in names]
    tables = [each for each in sources if isinstance(each, Entry)]
    bounds = [each.bound for each in sources]
    return prepare_on(query, bounds, tuple(tables), ViewSources(runs, query, sources))


def kept_rows(transaction: Opened, key: InstanceKey) -> ViewRows | None:
    """Give the rows of an instance that a transaction knows already."""
    opened: dict[Any, Any] = transaction._opened  # noqa: SLF001  its names are the user's tables
    rows: ViewRows | None = opened.get(key)
    return rows


def keep_rows(
    transaction: Opened,
    key: InstanceKey,
    stored: list[StoredRow],
) -> ViewRows:
    """Have a transaction know the rows of an instance, if it is one that only reads."""
    rows = ViewRows(key.view.bound, stored)
    if isinstance(transaction, ReadTransaction):
        opened: dict[Any, Any] = transaction._opened  # noqa: SLF001  as above
        opened[key] = rows
    return rows


def _arguments(
    source: Source, caller: bytes, given: Mapping[str, Stored]
) -> tuple[Stored, ...]:
    values: list[Stored] = []
    for each in source.arguments:
        if isinstance(each, Constant):
            values.append(each.value)
            continue
        assert isinstance(each, Argument)
        values.append(caller if each.name == SENDER else given[each.name])
    return tuple(values)
