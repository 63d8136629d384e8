"""Which tables and columns a query can name.

1. Names are compared exactly; case counts.
2. A table has the name of its alias, if there is one, and then no other.
3. A bare column is looked for in all tables of the query, and must be in one only.
4. What a subquery does not find in its own tables is looked for around it.

What is not found is told with what is near it.
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence

from qsdb.errors import QueryError
from qsdb.schema.tables import TableSchema
from qsdb.sql.queries import Source
from qsdb.sql.syntax import Column, Path, Table
from qsdb.sql.typed import Cell, Typed
from qsdb.values.compounds import OptionKind

__all__ = ["Scope", "find_column", "find_table"]


def find_table(
    query: str, path: Path, tables: Mapping[str, TableSchema]
) -> TableSchema:
    """Find a table by its name.

    Args:
        query: The whole text, for errors.
        path: Its name.
        tables: Those that may be seen, by name: others are as if there were none.

    Raises:
        QueryError: there is none.
    """
    found = tables.get(path.text)
    if found is None:
        near = _near(path.text, tables)
        raise QueryError(f"there is no table {path.text}{near}", query, path.at)
    return found


def find_column(query: str, schema: TableSchema, path: Path) -> int:
    """Give the place of a table's column.

    Raises:
        QueryError: there is none of this name.
    """
    names = [column.name for column in schema.columns]
    if path.text not in names:
        raise _no_column(query, path.text, path.at, schema.name, names)
    return names.index(path.text)


def _no_column(
    query: str, name: str, at: int, where: str, names: Iterable[str]
) -> QueryError:
    place = f" in {where}" if where else ""
    hint = _near(name, names)
    if query[at] == '"':
        hint += "; strings stand in single quotes"
    return QueryError(f"there is no column {name}{place}{hint}", query, at)


HIDDEN = 1_000_000
"""The number of the first table of a subquery, while it is not known how many tables
the query around it has."""


class Scope:
    """The tables of one query, in the order of FROM.

    Attributes:
        sources: They.
        around: The scope of the query in which this one is a subquery.
        numbers: Of the sources, as expressions have them.
        hidden: The tables of all subqueries, in the order of their numbers.
        nullable: The numbers of tables for which rows of nothing may stand in.
    """

    def __init__(
        self,
        query: str,
        tables: Mapping[str, TableSchema],
        around: "Scope | None" = None,
    ) -> None:
        """Begin without any.

        Args:
            query: The whole text, for errors.
            tables: Those that may be seen, by name.
            around: That of the query in which this one is a subquery.
        """
        self._query = query
        self._tables = tables
        self.around = around
        self.sources: list[Source] = []
        self.hidden: list[Source] = [] if around is None else around.hidden
        self.numbers: list[int] = []
        self.nullable: set[int] = set()

    def inner(self) -> "Scope":
        """Give the scope of a subquery."""
        return Scope(self._query, self._tables, self)

    def add(self, table: Table, arguments: tuple[Typed, ...] = ()) -> int:
        """Take a table of FROM in, and give its number.

        Args:
            table: It.
            arguments: Of a view.

        Raises:
            QueryError: there is no such table, or another one has its name here.
        """
        schema = self.schema(table)
        alias = table.alias or table.path.text
        if alias in [each.alias for each in self.sources]:
            fault = f"{alias} names two tables here; give one of them an alias"
            raise QueryError(fault, self._query, table.at)
        source = Source(alias, schema, arguments)
        number = len(self.sources)
        if self.around is not None:
            number = HIDDEN + len(self.hidden)
            self.hidden.append(source)
        self.sources.append(source)
        self.numbers.append(number)
        return number

    def schema(self, table: Table) -> TableSchema:
        """Find a table that may be seen.

        Raises:
            QueryError: there is none of its name.
        """
        return find_table(self._query, table.path, self._tables)

    def columns(self, number: int) -> list[str]:
        """Give the names of a table's columns."""
        return [each.name for each in self._source(number).schema.columns]

    def primary_key(self, number: int) -> tuple[int, ...]:
        """Give the places of a table's primary key; none where it has none."""
        return self._source(number).schema.primary_key

    def keys(self, number: int) -> list[Cell]:
        """Give the columns that tell the rows of a table apart."""
        places = self.primary_key(number) or range(len(self.columns(number)))
        return [self.cell_at(number, place) for place in places]

    def places(self) -> dict[int, int]:
        """Give the numbers of all tables, once those of FROM are all known."""
        count = len(self.sources)
        found = {number: number for number in self.numbers}
        return found | {HIDDEN + n: count + n for n in range(len(self.hidden))}

    def source(self, alias: str, at: int) -> int:
        """Give the number of the table with this name.

        Raises:
            QueryError: there is none in this query.
        """
        found = self._number(alias)
        if found is None:
            aliases = [each.alias for each in self.sources]
            near = _near(alias, aliases) or f"; there are: {', '.join(aliases)}"
            fault = f"there is no table {alias} in this query{near}"
            raise QueryError(fault, self._query, at)
        return found

    def _number(self, alias: str) -> int | None:
        for number, source in zip(self.numbers, self.sources, strict=True):
            if source.alias == alias:
                return number
        return None

    def cell(self, column: Column) -> Cell:
        """Find a column, here or around.

        Raises:
            QueryError: there is none of this name, or more than one.
        """
        scope: Scope | None = self
        while scope is not None:
            found = scope.find(column)
            if found is not None:
                return found
            scope = scope.around
        numbers: Sequence[int] = self.numbers
        if column.qualifier is not None:
            numbers = [self.source(column.qualifier, column.at)]
        named = [self._source(number) for number in numbers]
        names = [each.name for source in named for each in source.schema.columns]
        aliases = " or ".join([each.alias for each in named])
        raise _no_column(self._query, column.name, column.at, aliases, names)

    def find(self, column: Column) -> Cell | None:
        """Find a column in these tables; None if there is none of its name.

        Raises:
            QueryError: there is more than one.
        """
        numbers: Sequence[int] = self.numbers
        if column.qualifier is not None:
            number = self._number(column.qualifier)
            numbers = [] if number is None else [number]
        found = [
            (number, place)
            for number in numbers
            for place, each in enumerate(self._source(number).schema.columns)
            if each.name == column.name
        ]
        if len(found) > 1:
            spellings = [f"{self._source(n).alias}.{column.name}" for n, _ in found]
            fault = f"{column.name} may be {' or '.join(spellings)}; say which"
            raise QueryError(fault, self._query, column.at)
        return self.cell_at(*found[0]) if found else None

    def _source(self, number: int) -> Source:
        return self.sources[self.numbers.index(number)]

    def cell_at(self, number: int, place: int) -> Cell:
        """Give the column at a place of one of the tables."""
        kind = self._source(number).schema.columns[place].kind
        may_be_absent = number in self.nullable
        if isinstance(kind, OptionKind):
            return Cell(number, place, kind.inner, is_optional=True)
        return Cell(number, place, kind, may_be_absent)


def _near(name: str, names: Iterable[str]) -> str:
    """Say which names are meant perhaps, if there are any."""
    by_lower = {each.lower(): each for each in names}
    close = difflib.get_close_matches(name.lower(), by_lower, 3, 0.6)
    meant = " or ".join([by_lower[each] for each in close])
    return f"; did you mean {meant}?" if meant else ""
