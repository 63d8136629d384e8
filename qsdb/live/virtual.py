"""Views as tables of the engine: one for each view, with the rows of all its instances.

An *instance* of a view is its result for one caller and some arguments. All that are
kept are in one table, in which each row has a column more: the number of its instance.
A query on a view is a query on that table with a condition more::

    SELECT * FROM my_orders WHERE open
    SELECT <its columns> FROM my_orders WHERE open AND instance = :instance

Where a view is looked into (EXISTS), or joined by LEFT JOIN, that stands in there. So
all who ask the same of their own instances share a template, and a changed row finds
those whose instance it is in by one look-up, like any other column that is fixed. The
column has an index, by which joins find rows too; so they need no other one, and an
instance can come and go without a commit.
"""

from collections.abc import Iterable
from itertools import accumulate

import attrs

from qsdb.live.tables import Pairs
from qsdb.schema.tables import ColumnSchema, IndexSchema, TableSchema
from qsdb.schema.views import ViewSchema
from qsdb.sql.narrowing import narrowed
from qsdb.sql.queries import Query, Source
from qsdb.sql.readable import StoredRow
from qsdb.sql.relations import Derived, Selected, with_leaves
from qsdb.sql.typed import Argument, Cell, Comparison, Typed
from qsdb.values.kinds import U64, Kind
from qsdb.values.ranges import Range

__all__ = [
    "INSTANCE",
    "VirtualTable",
    "gives_whole_rows",
    "instance_column",
    "instance_parameter",
    "live_form",
    "virtual_schema",
]

INSTANCE = "(instance)"
"""The name of the column; no column of a user's row has it, since no attribute can."""


def virtual_schema(schema: ViewSchema) -> TableSchema:
    """Give the table of all instances of a view."""
    columns = (*schema.columns, ColumnSchema(INSTANCE, INSTANCE, U64))
    index = IndexSchema(INSTANCE, (len(schema.columns),), "hash")
    return TableSchema(schema.name, columns, (), (index,))


def instance_column(schema: TableSchema) -> int | None:
    """Give the place of the column with the instance; None in other tables."""
    last = len(schema.columns) - 1
    return last if schema.columns[last].attribute == INSTANCE else None


def instance_parameter(source: int) -> str:
    """Name the parameter that is the instance of a query's table."""
    return f"{INSTANCE}{source}"


def live_form(query: Selected) -> Selected:
    """Give a query with the tables of all instances in the places of views."""
    if not query.views:
        return query
    if isinstance(query, Query):
        return _live_leaf(query, 0)
    bases = iter([*accumulate([len(leaf.tables) for leaf in query.leaves], initial=0)])
    root = with_leaves(query.root, lambda leaf: _live_leaf(leaf, next(bases)))
    parameters = dict(query.parameters)
    parameters |= {instance_parameter(number): U64 for number in query.views}
    whole = None if query.whole in query.views else query.whole
    return Derived(root, parameters, whole)


def _live_leaf(query: Query, base: int) -> Query:
    """Give the same of a query whose first table has a number in a greater one."""
    tables, views = [*query.tables], query.views
    parameters: dict[str, Kind] = dict(query.parameters)
    for number in views:
        source = tables[number]
        assert isinstance(source.schema, ViewSchema)
        tables[number] = Source(source.alias, virtual_schema(source.schema))
        parameters[instance_parameter(base + number)] = U64

    def conditions_of(number: int) -> tuple[Typed, ...]:
        if number not in views:
            return ()
        column = Cell(
            number, len(query.tables[number].schema.columns), U64, is_optional=False
        )
        instance = Argument(instance_parameter(base + number), U64)
        return (Comparison("=", column, instance),)

    count = len(query.sources)
    return attrs.evolve(
        narrowed(query, conditions_of),
        sources=tuple(tables[:count]),
        hidden=tuple(tables[count:]),
        # Its rows have a column more, which is not asked for.
        whole=None if query.whole in views else query.whole,
        parameters=parameters,
    )


def gives_whole_rows(query: Query) -> bool:
    """Whether a query on one table gives its rows, or all of a view's columns."""
    if query.whole is not None:
        return True
    columns = query.sources[0].schema.columns
    terms = [each.term for each in query.outputs]
    places = [each.place for each in terms if isinstance(each, Cell)]
    own = instance_column(query.sources[0].schema)
    return own is not None and {*places, own} == {*range(len(columns))}


class VirtualTable:
    """The rows of all instances of one view: instance → its rows."""

    def __init__(self) -> None:
        """Begin without any."""
        self._rows: dict[int, dict[StoredRow, None]] = {}

    def move(
        self, instance: int, inserts: Iterable[StoredRow], deletes: Iterable[StoredRow]
    ) -> Pairs:
        """Take in what came to an instance and what went; twice is once.

        Returns:
            The same as a change of this table.
        """
        rows = self._rows.setdefault(instance, {})
        pairs: Pairs = []
        for row in deletes:
            went = (*row, instance)
            rows.pop(went, None)
            pairs.append((went, None))
        for row in inserts:
            came = (*row, instance)
            rows[came] = None
            pairs.append((None, came))
        if not rows:
            del self._rows[instance]
        return pairs

    def _scan(self) -> list[StoredRow]:
        return [row for rows in self._rows.values() for row in rows]

    def _count(self, number: int | None, within: Range | None, value: object) -> int:
        return len(self._select(number, within, value))

    def _select(
        self, number: int | None, within: Range | None, value: object
    ) -> list[StoredRow]:
        """Give the rows of an instance, which is the one index."""
        assert number == 0
        assert within is None
        return [*self._rows.get(value, ())]  # type: ignore[call-overload]
