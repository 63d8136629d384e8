"""Prepared statements: from a text to what can be run again and again.

Preparing parses, checks, plans and compiles, a few milliseconds in all; running what
is prepared enters the parameters and calls compiled loops (`qsdb.sql.loops`).
"""

import unicodedata
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from itertools import repeat
from typing import Any, Protocol, cast

import attrs

from qsdb.runtime.predicates import Predicates, predicates_of
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.results import Result
from qsdb.sql.arguments import compile_binder, leave
from qsdb.sql.arranging import AnyPlan, plan_query
from qsdb.sql.checking import SENDER
from qsdb.sql.compiling import Bind, compile_values
from qsdb.sql.queries import Change, Deletion, Insertion, Query
from qsdb.sql.readable import Run
from qsdb.sql.relations import Derived, Selected, origin_of
from qsdb.sql.stages import compile_query
from qsdb.sql.typed import Cell, Constant, Typed, is_optional
from qsdb.store.opened import Entry, Opened
from qsdb.store.optimistic.transactions import OptimisticTransaction
from qsdb.store.orders import StoredRow
from qsdb.store.transactions import WriteTransaction

__all__ = [
    "KEPT_CHARACTERS_MAX",
    "PREPARED_MAX",
    "PreparedChange",
    "PreparedInsertion",
    "PreparedQuery",
    "Values",
    "handle_of",
    "prepare_change",
    "prepare_insertion",
    "prepare_on",
    "prepare_query",
    "rows_maker",
]

PREPARED_MAX = 1024
"""So many statements are kept, those that were used last."""

KEPT_CHARACTERS_MAX = 1000
"""Of strangers longer ones are not: what is made of a text has 300 times its size."""

Values = Sequence[object]


class Sources(Protocol):
    """What gives a table for each source of a query, where some are views."""

    def tables(
        self, transaction: Opened, caller: bytes, values: Values
    ) -> Sequence[object]:
        """Give them as a transaction sees them.

        Raises:
            QueryError: a view fails.
        """
        ...


@attrs.frozen
class PreparedQuery:
    """A query.

    Attributes:
        plan: How it is answered.
        entries: The tables of its sources.
        bounds: What its sources are, tables and views.
        run: Gives stored rows.
        bind: Gives the values of its parameters.
        make: Turns stored rows into rows as users see them.
        is_point: Whether it is one look-up of one row of a table.
        views: Gives its sources, if some of them are views.
        predicates: What it asks of the rows that it looks through.
    """

    plan: AnyPlan
    entries: tuple[Entry, ...]
    bounds: tuple[BoundTable, ...]
    run: Run
    bind: Callable[[Mapping[str, object] | None], Values]
    make: Callable[[list[StoredRow]], list[Any]]
    columns: tuple[str, ...]
    is_point: bool
    views: Sources | None = None
    predicates: Predicates | None = None

    def read(
        self, transaction: Opened, caller: bytes, values: Values
    ) -> list[StoredRow]:
        """Give the stored rows of the result in a transaction."""
        handles: Sequence[object]
        if self.views is None:
            handles = [handle_of(transaction, entry) for entry in self.entries]
        else:
            handles = self.views.tables(transaction, caller, values)
        return self.run_on(handles, caller, values)

    def run_on(
        self, handles: Sequence[object], caller: bytes, values: Values
    ) -> list[StoredRow]:
        """Give the stored rows of the result in tables that were opened for it."""
        if self.predicates is not None:
            handles = self.predicates.noting(handles, caller, values)
        return self.run(*handles, caller, *values)

    def result(self, stored: list[StoredRow]) -> Result:
        """Give what users get for stored rows."""
        return Result(self.columns, self.make(stored))


def prepare_query(query: Selected, entries: Mapping[str, Entry]) -> PreparedQuery:
    """Plan and compile a query on tables.

    Args:
        query: It.
        entries: Name → table.
    """
    sources = tuple([entries[each.schema.name] for each in query.tables])
    return prepare_on(query, [each.bound for each in sources], sources)


def prepare_on(
    query: Selected,
    bounds: Sequence[BoundTable],
    entries: tuple[Entry, ...],
    views: Sources | None = None,
) -> PreparedQuery:
    """Plan and compile a query.

    Args:
        query: It.
        bounds: What its sources are.
        entries: Those of them that are tables.
        views: Gives its sources, if some of them are views.
    """
    plan = plan_query(query)
    return PreparedQuery(
        plan,
        entries,
        tuple(bounds),
        compile_query(plan),
        compile_binder(query.parameters),
        rows_maker(query, bounds),
        query.columns,
        plan.is_point and views is None,
        views,
        predicates_of(plan),
    )


def rows_maker(
    query: Selected, tables: Sequence[BoundTable]
) -> Callable[[list[StoredRow]], list[Any]]:
    """Give what makes rows for users of stored ones.

    They are of the table's class where whole rows are asked for, else named tuples.
    """
    if query.whole is not None:
        return _maker(tables[query.whole].row_class)
    # Names that differ only in how they are written are one in Python.
    names = [unicodedata.normalize("NFKC", each) for each in query.columns]
    named: Any = namedtuple("Row", names, rename=True)  # type: ignore[misc]  # noqa: PYI024
    terms = [
        output.term if isinstance(query, Query) else _told(query, place)
        for place, output in enumerate(query.outputs)
    ]
    leaves = [_leaving(each, tables) for each in terms]
    if all(each is None for each in leaves):
        return _maker(named)
    changed = [(n, each) for n, each in enumerate(leaves) if each is not None]

    def make(stored: list[StoredRow]) -> list[Any]:
        rows = []
        for row in stored:
            values = [*row]
            for place, leaving in changed:
                values[place] = leaving(values[place])
            rows.append(_new(named, values))
        return rows

    return make


_new: Callable[..., Any] = tuple.__new__


def _maker(row_class: type[Any]) -> Callable[[list[StoredRow]], list[Any]]:
    """Give what makes rows of a class of stored ones that have its values."""

    def make(stored: list[StoredRow]) -> list[Any]:
        if len(stored) == 1:
            return [_new(row_class, stored[0])]
        return [*map(_new, repeat(row_class), stored)]

    return make


def _leaving(
    term: Typed, tables: Sequence[BoundTable]
) -> Callable[[object], object] | None:
    """Give what makes a user's value of an output; None where it stays as it is."""
    leaving = leave(term.kind)
    if isinstance(term, Cell):
        binding = tables[term.source].shape.columns[term.place].binding
        leaving = None if binding.is_plain else binding.leave
    if leaving is None or not is_optional(term):
        return leaving
    return lambda value: None if value is None else leaving(value)


def _told(query: Derived, place: int) -> Typed:
    """Give an expression that tells what a column of a result is to users."""
    term = query.outputs[place].term
    origin = origin_of(query.root, place)
    if origin is None:
        return Constant(None, term.kind)
    return attrs.evolve(origin, is_optional=True)


@attrs.frozen
class PreparedChange:
    """An UPDATE or DELETE.

    Attributes:
        selection: The rows that it is about.
        make: Makes new rows of old ones; None for DELETE.
        moves_keys: Whether what is unique changes.
    """

    selection: PreparedQuery
    make: Bind | None
    moves_keys: bool = False

    def execute(
        self,
        transaction: WriteTransaction | OptimisticTransaction,
        caller: bytes,
        params: Mapping[str, object] | None,
    ) -> int:
        """Change rows, all or none, and give their number.

        Where what is unique changes, all are deleted before new ones are inserted: so
        rows may exchange it among them.
        """
        selection = self.selection
        values = selection.bind(params)
        handles = [handle_of(transaction, each) for each in selection.entries]
        handle, *_ = handles
        old = selection.run_on(handles, caller, values)
        if self.make is None:
            handle._remove_all(old)
            return len(old)
        new = [*map(self.make(caller, *values), old)]
        row_class = selection.entries[0].bound.row_class
        with transaction.savepoint():
            store = handle.update
            if self.moves_keys:
                handle._remove_all(old)
                store = handle._insert_given
            for row in new:
                store(_new(row_class, row))
        return len(old)


def prepare_change(
    statement: Change | Deletion, entries: Mapping[str, Entry]
) -> PreparedChange:
    """Plan and compile an UPDATE or DELETE."""
    selection = prepare_query(statement.query, entries)
    if isinstance(statement, Deletion):
        return PreparedChange(selection, None)
    terms = [
        statement.assignments.get(place, output.term)
        for place, output in enumerate(statement.query.outputs)
    ]
    names = [SENDER, *statement.query.parameters]
    schema = statement.query.sources[0].schema
    unique = {
        place
        for index in schema.indexes
        if index.algorithm == "unique"
        for place in index.columns
    }
    unique |= set(schema.primary_key)
    moves_keys = not schema.primary_key or not unique.isdisjoint(statement.assignments)
    return PreparedChange(selection, compile_values(terms, names), moves_keys)


@attrs.frozen
class PreparedInsertion:
    """An INSERT.

    Attributes:
        entry: The table.
        rows: Binds the parameters; then a function of no row gives all rows, one value
            after the other.
    """

    entry: Entry
    bind: Callable[[Mapping[str, object] | None], Values]
    rows: Bind

    def execute(
        self,
        transaction: WriteTransaction | OptimisticTransaction,
        caller: bytes,
        params: Mapping[str, object] | None,
    ) -> int:
        """Insert the rows, all or none, and give the number of those that are new."""
        values = self.bind(params)
        handle = handle_of(transaction, self.entry)
        bound = self.entry.bound
        flat = cast(tuple[object, ...], self.rows(caller, *values)())
        width = len(bound.schema.columns)
        before: int = handle._size()
        with transaction.savepoint():
            for start in range(0, len(flat), width):
                row = flat[start : start + width]
                handle.insert(_new(bound.row_class, row))
        after: int = handle._size()
        return after - before


def prepare_insertion(
    statement: Insertion, entries: Mapping[str, Entry]
) -> PreparedInsertion:
    """Compile an INSERT."""
    columns = statement.schema.columns
    defaults = [
        Constant(0 if column.auto_inc else column.default, column.kind)
        for column in columns
    ]
    terms = [
        default if given is None else given
        for row in statement.rows
        for given, default in zip(row, defaults, strict=True)
    ]
    return PreparedInsertion(
        entries[statement.schema.name],
        compile_binder(statement.parameters),
        compile_values(terms, [SENDER, *statement.parameters], 0),
    )


def handle_of(transaction: Opened, entry: Entry) -> Any:  # noqa: ANN401  of either kind
    """Give the handle of a table, also of one of the system, in a transaction."""
    handle = transaction._opened.get(entry)
    return transaction._open(entry) if handle is None else handle
