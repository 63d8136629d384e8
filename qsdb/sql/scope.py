"""Which tables and columns a query can name.

1. Names are compared exactly; case counts.
2. A table has the name of its alias, if there is one, and then no other.
3. A bare column is looked for in all tables of the query, and must be in one only.

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
    return QueryError(
        f"there is no column {name}{place}{_near(name, names)}", query, at
    )


class Scope:
    """The tables of one query, in the order of FROM."""

    def __init__(self, query: str, tables: Mapping[str, TableSchema]) -> None:
        """Begin without any.

        Args:
            query: The whole text, for errors.
            tables: Those that may be seen, by name.
        """
        self._query = query
        self._tables = tables
        self.sources: list[Source] = []

    def add(self, table: Table, arguments: tuple[Typed, ...] = ()) -> None:
        """Take a table of FROM in.

        Args:
            table: It.
            arguments: Of a view.

        Raises:
            QueryError: there is no such table, or another one has its name here.
        """
        schema = find_table(self._query, table.path, self._tables)
        alias = table.alias or table.path.text
        if alias in [each.alias for each in self.sources]:
            fault = f"{alias} names two tables here; give one of them an alias"
            raise QueryError(fault, self._query, table.at)
        self.sources.append(Source(alias, schema, arguments))

    def source(self, alias: str, at: int) -> int:
        """Give the number of the table with this name.

        Raises:
            QueryError: there is none in this query.
        """
        aliases = [each.alias for each in self.sources]
        if alias not in aliases:
            near = _near(alias, aliases) or f"; there are: {', '.join(aliases)}"
            fault = f"there is no table {alias} in this query{near}"
            raise QueryError(fault, self._query, at)
        return aliases.index(alias)

    def cell(self, column: Column) -> Cell:
        """Find a column.

        Raises:
            QueryError: there is none of this name, or more than one.
        """
        numbers: Sequence[int] = range(len(self.sources))
        if column.qualifier is not None:
            numbers = [self.source(column.qualifier, column.at)]
        found = [
            (number, place)
            for number in numbers
            for place, each in enumerate(self.sources[number].schema.columns)
            if each.name == column.name
        ]
        if not found:
            names = [
                each.name
                for number in numbers
                for each in self.sources[number].schema.columns
            ]
            aliases = " or ".join([self.sources[number].alias for number in numbers])
            raise _no_column(self._query, column.name, column.at, aliases, names)
        if len(found) > 1:
            spellings = [f"{self.sources[n].alias}.{column.name}" for n, _ in found]
            fault = f"{column.name} may be {' or '.join(spellings)}; say which"
            raise QueryError(fault, self._query, column.at)
        [(number, place)] = found
        return self.cell_at(number, place)

    def cell_at(self, source: int, place: int) -> Cell:
        """Give the column at a place of one of the tables."""
        kind = self.sources[source].schema.columns[place].kind
        if isinstance(kind, OptionKind):
            return Cell(source, place, kind.inner, is_optional=True)
        return Cell(source, place, kind, is_optional=False)


def _near(name: str, names: Iterable[str]) -> str:
    """Say which names are meant perhaps, if there are any."""
    by_lower = {each.lower(): each for each in names}
    close = difflib.get_close_matches(name.lower(), by_lower, 3, 0.6)
    meant = " or ".join([by_lower[each] for each in close])
    return f"; did you mean {meant}?" if meant else ""
