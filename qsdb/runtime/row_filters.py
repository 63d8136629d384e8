"""Row filters at work: their texts checked, and put into the queries of strangers.

A filter is a query for rows of one table. Where that table stands in the FROM of a
stranger's query, the filter's conditions become conditions of the query, those of
several filters joined by OR. The other tables of a filter are looked into only
(`qsdb.sql.typed.Exists`): a row is there once, with however many rows they let it pass.
They are filtered themselves, and so on; but a table that a filter of its own joins with
itself is taken whole, as nothing else would have an end.

All this happens to the typed tree, before planning. So a filter that fixes a column by
``:sender`` uses the index of that column, and tells live queries of few commits.

*Source*: row-level security of SpacetimeDB, and of PostgreSQL.
"""

import graphlib
from collections.abc import Iterable, Mapping, Sequence

import attrs

from qsdb.errors import QueryError, SchemaError
from qsdb.live.refusing import why_not_live
from qsdb.schema.row_filters import FiltersByTable
from qsdb.schema.tables import RowFilter, TableSchema
from qsdb.sql.narrowing import narrowed
from qsdb.sql.parsing import parse
from qsdb.sql.queries import Query, Source
from qsdb.sql.relations import Derived
from qsdb.sql.statements import check_statement
from qsdb.sql.typed import Exists, Logic, Typed, renumbered, sources_of

__all__ = ["RowFilters", "check_filters", "within_namespace"]


def check_filters(
    declared: Sequence[RowFilter], tables: Sequence[TableSchema]
) -> tuple[FiltersByTable, list[str]]:
    """Sort row filters by the tables whose rows they give.

    Returns:
        The filters of each table, and a sentence for each mistake.

    Cost: some milliseconds; nothing where there are no filters.
    """
    by_name = {each.name: each for each in tables}
    found: dict[str, list[RowFilter]] = {}
    queries: dict[str, list[Query]] = {}
    mistakes: list[str] = []
    for row_filter in declared:
        try:
            query = _check(row_filter, by_name)
        except QueryError as error:
            at = f"line {error.line}, column {error.column}: " if error.line else ""
            mistakes.append(f"row filter {row_filter}: {at}{error.reason}")
            continue
        name = _target(query).name
        if row_filter in found.setdefault(name, []):
            mistakes.append(f"row filter {row_filter}: it is declared twice")
        found[name].append(row_filter)
        queries.setdefault(name, []).append(query)
    circle = _circle(queries)
    if circle:
        mistakes.append(f"row filters look into each other: {' → '.join(circle)}")
    return {name: tuple(each) for name, each in found.items()}, mistakes


def _target(query: Query) -> TableSchema:
    assert query.whole is not None
    return query.sources[query.whole].schema


def _check(row_filter: RowFilter, tables: Mapping[str, TableSchema]) -> Query:
    """Give the query of a filter.

    Raises:
        QueryError: it is wrong, or no query for rows of one table.
    """
    text = row_filter.text
    tables = within_namespace(row_filter.namespace, tables)
    query = check_statement(text, parse(text), tables)
    if not isinstance(query, Query | Derived):
        raise QueryError("a row filter is a SELECT")
    if isinstance(query, Derived) or query.whole is None:
        raise QueryError(
            "a row filter gives whole rows of one table, and all of them: "
            "SELECT t.* FROM t …, without LIMIT"
        )
    if query.hidden or query.outer or why_not_live(query) is not None:
        raise QueryError(
            "a row filter joins tables, with conditions that can be kept current: "
            f"{why_not_live(query) or 'without subqueries or outer joins'}"
        )
    if query.parameters:
        names = ", ".join([f":{name}" for name in query.parameters])
        raise QueryError(f"a row filter has no parameter but :sender, not {names}")
    for number in query.events:
        if number != query.whole:
            name = query.sources[number].schema.name
            raise QueryError(f"{name} is an event table, which has no rows to look for")
    return query


def within_namespace(
    namespace: str, tables: Mapping[str, TableSchema]
) -> Mapping[str, TableSchema]:
    """Give tables by the names that they have for a mounted module."""
    if not namespace:
        return tables
    prefix = f"{namespace}."
    return {
        name.removeprefix(prefix): schema
        for name, schema in tables.items()
        if name.startswith(prefix)
    }


def _circle(queries: Mapping[str, Iterable[Query]]) -> list[str]:
    """Give the names of tables whose filters need each other without an end."""
    graph = {
        name: {
            each.schema.name
            for query in several
            for each in query.sources
            if each.schema.name != name
        }
        for name, several in queries.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        circle: list[str] = error.args[1]
        return circle[::-1]
    return []


class RowFilters:
    """The row filters of a database."""

    def __init__(self, tables: Mapping[str, TableSchema]) -> None:
        """Read those that the schemas of tables have.

        Raises:
            SchemaError: one is wrong.
        """
        declared = [each for schema in tables.values() for each in schema.row_filters]
        found, mistakes = check_filters(declared, [*tables.values()])
        if mistakes:
            raise SchemaError(*mistakes)
        self._queries = {
            name: [_check(each, tables).without_places() for each in several]
            for name, several in found.items()
        }

    def narrowed(self, query: Query) -> Query:
        """Give a query with the filters of its tables."""
        if not self._queries:
            return query
        embedding = _Embedding(self._queries, query)
        names = [each.schema.name for each in query.tables]
        # Before those of the query: if one of these fails, then of a row to be seen.
        query = narrowed(query, lambda n: embedding.conditions(n, names[n]))
        return attrs.evolve(query, hidden=(*query.hidden, *embedding.hidden))


class _Embedding:
    """Filters on their way into one query.

    Attributes:
        hidden: The tables that they look into, in the order of their numbers.
    """

    def __init__(self, queries: Mapping[str, Sequence[Query]], query: Query) -> None:
        self._queries = queries
        self._count = len(query.tables)
        self.hidden: list[Source] = []

    def conditions(self, place: int, name: str) -> tuple[Typed, ...]:
        """Give what must be true of a row, so that it may be seen.

        Args:
            place: The number of its table in the query.
            name: The name of its table.
        """
        several = [
            self._terms(query, place, name) for query in self._queries.get(name, ())
        ]
        if not several or not all(several):
            return ()  # there is no filter, or one that lets all rows pass
        if len(several) == 1:
            return several[0]
        alternatives = [
            each[0] if len(each) == 1 else Logic("AND", each) for each in several
        ]
        return (Logic("OR", tuple(alternatives)),)

    def _terms(self, query: Query, place: int, name: str) -> tuple[Typed, ...]:
        """Give the conditions of one filter."""
        numbers: dict[int, int] = {}
        for number, source in enumerate(query.sources):
            numbers[number] = self._count + len(self.hidden)
            if number == query.whole:
                numbers[number] = place
            else:
                self.hidden.append(source)
        conditions = [renumbered(each, numbers) for each in query.conditions]
        own = [each for each in conditions if sources_of(each) <= {place}]
        inner = [each for each in conditions if not sources_of(each) <= {place}]
        others = [
            (numbers[number], source.schema.name)
            for number, source in enumerate(query.sources)
            if number != query.whole
        ]
        for number, other in others:
            if other != name:
                inner += self.conditions(number, other)
        if others:
            found = Exists(tuple([number for number, _ in others]), tuple(inner))
            own.append(found)
        return tuple(own)
