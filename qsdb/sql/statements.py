"""From whole statements of the syntax tree to what they ask for.

Queries are the matter of `qsdb.sql.selecting`; here are the statements that have one or
change rows. The first fault ends it.
"""

from collections.abc import Mapping
from typing import NoReturn

import attrs

from qsdb.errors import QueryError
from qsdb.schema.specifiers import MISSING
from qsdb.schema.tables import ColumnSchema, TableSchema
from qsdb.sql import commands, syntax
from qsdb.sql.checking import Checker
from qsdb.sql.joining import columns_of, terms_of
from qsdb.sql.queries import (
    Change,
    Deletion,
    Insertion,
    Query,
    Setting,
    Showing,
)
from qsdb.sql.relations import Selected
from qsdb.sql.scope import Scope, find_column, find_table
from qsdb.sql.selecting import Selecting
from qsdb.sql.typed import Typed, renumbered
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import BOOL, U64, Kind

__all__ = ["VARIABLES", "Checked", "Explanation", "check_statement"]

VARIABLES = {"row_limit": OptionKind(U64)}
"""What SET and SHOW know: name → kind. NULL is no limit."""

Tables = Mapping[str, TableSchema]


@attrs.frozen
class Explanation:
    """How a query would be answered."""

    query: Selected


Checked = Selected | Explanation | Insertion | Deletion | Change | Setting | Showing


def check_statement(
    query: str, statement: commands.Statement, tables: Tables
) -> Checked:
    """Say what a statement asks for.

    Args:
        query: The whole text, for errors.
        statement: What it was parsed to.
        tables: Those that may be seen, by name: others are as if there were none.

    Raises:
        QueryError: a name is not found, or kinds do not agree.
    """
    statements = _Statements(query, tables)
    checked = statements.check(statement)
    if not statements.checker.is_sure:
        told = statements.checker.parameters
        checked = _Statements(query, tables, told).check(statement)
    return checked


class _Statements:
    """Checks one statement.

    Attributes:
        checker: Checks its expressions.
    """

    def __init__(
        self, query: str, tables: Tables, told: Mapping[str, Kind] | None = None
    ) -> None:
        self._query = query
        self._tables = tables
        self._scope = Scope(query, tables)
        self.checker = Checker(query, self._scope, told)
        self._selecting = Selecting(query, tables, self.checker)

    def _fail(self, reason: str, at: int) -> NoReturn:
        raise QueryError(reason, self._query, at)

    def check(self, statement: commands.Statement) -> Checked:  # noqa: PLR0911  a table
        match statement:
            case syntax.Query():
                return self._selecting.check(statement)
            case commands.Explain(query=query):
                return Explanation(self._selecting.check(query))
            case commands.Insert():
                return self._insert(statement)
            case commands.Delete():
                return Deletion(self._rows(statement.table, statement.where))
            case commands.Update():
                return self._update(statement)
            case commands.SetVariable():
                name = self._variable(statement.variable)
                value = self.checker.check_value(statement.value, name, VARIABLES[name])
                return Setting(name, value, self.checker.parameters)
            case _:
                return Showing(self._variable(statement.variable))

    # What changes rows.

    def _rows(self, table: syntax.Path, where: syntax.Expression | None) -> Query:
        """Give the query for whole rows of one table."""
        self._scope.add(syntax.Table(table, None))
        conditions: tuple[Typed, ...] = ()
        if where is not None:
            conditions = terms_of(self.checker.check(where, BOOL))
        self.checker.subquery = None
        places = self._scope.places()
        return Query(
            tuple(self._scope.sources),
            tuple([renumbered(each, places) for each in conditions]),
            tuple(columns_of(self._scope, 0)),
            whole=0,
            parameters=self.checker.parameters,
            hidden=tuple(self._scope.hidden),
            own_hidden=len(self._scope.hidden),
        )

    def _update(self, update: commands.Update) -> Change:
        query = self._rows(update.table, update.where)
        [source] = query.sources
        assignments: dict[int, Typed] = {}
        for assignment in update.assignments:
            place = self._assigned(source.schema, assignment.column)
            if place in assignments:
                name = assignment.column.text
                self._fail(f"{name} is assigned twice", assignment.column.at)
            column = source.schema.columns[place]
            assignments[place] = self._value(assignment.value, column)
        query = attrs.evolve(query, parameters=self.checker.parameters)
        return Change(query, assignments)

    def _insert(self, insert: commands.Insert) -> Insertion:
        schema = find_table(self._query, insert.table, self._tables)
        places = [*range(len(schema.columns))]
        if insert.columns is not None:
            places = [self._assigned(schema, each) for each in insert.columns]
            for number, place in enumerate(places):
                if place in places[:number]:
                    named = insert.columns[number]
                    self._fail(f"{named.text} is named twice", named.at)
        rows = []
        for row in insert.rows:
            if len(row) != len(places):
                values = "1 value" if len(row) == 1 else f"{len(row)} values"
                columns = "1 column" if len(places) == 1 else f"{len(places)} columns"
                fault = f"{values} for {columns} of {schema.name}"
                self._fail(fault, row[0].at)
            given: list[Typed | None] = [None] * len(schema.columns)
            for place, value in zip(places, row, strict=True):
                given[place] = self._value(value, schema.columns[place])
            rows.append(tuple(given))
        absent = [
            column.name
            for place, column in enumerate(schema.columns)
            if place not in places and not _has_default(column)
        ]
        if absent:
            fault = f"{', '.join(absent)} of {schema.name} must be given"
            self._fail(fault, insert.table.at)
        return Insertion(schema, tuple(rows), self.checker.parameters)

    def _assigned(self, schema: TableSchema, path: syntax.Path) -> int:
        if len(path.parts) > 1:
            fault = f"a column of {schema.name} is named here without the table"
            self._fail(fault, path.at)
        return find_column(self._query, schema, path)

    def _value(self, node: syntax.Expression, column: ColumnSchema) -> Typed:
        return self.checker.check_value(node, column.name, column.kind)

    def _variable(self, path: syntax.Path) -> str:
        if path.text not in VARIABLES:
            known = ", ".join(VARIABLES)
            self._fail(f"there is no variable {path.text}; there is: {known}", path.at)
        return path.text


def _has_default(column: ColumnSchema) -> bool:
    return column.auto_inc or column.default is not MISSING
