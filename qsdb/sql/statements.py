"""From whole statements of the syntax tree to what they ask for.

The parts are checked in the order in which they take effect: FROM with its ON, one
table after the other, since ON sees only what is before it; WHERE; what is selected;
LIMIT. The first fault ends it.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

import attrs

from qsdb.errors import QueryError
from qsdb.schema.specifiers import MISSING
from qsdb.schema.tables import ColumnSchema, TableSchema
from qsdb.schema.views import ViewSchema
from qsdb.sql import syntax
from qsdb.sql.checking import Checker
from qsdb.sql.literals import LiteralError, read_literal
from qsdb.sql.queries import (
    Change,
    Checked,
    Deletion,
    Explanation,
    Insertion,
    Output,
    Query,
    Setting,
    Showing,
)
from qsdb.sql.scope import Scope, find_column, find_table
from qsdb.sql.typed import Cell, Constant, Logic, Typed
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import BOOL, U64, Kind

__all__ = ["VARIABLES", "check_statement"]

VARIABLES = {"row_limit": OptionKind(U64)}
"""What SET and SHOW know: name → kind. NULL is no limit."""

Tables = Mapping[str, TableSchema]


def check_statement(query: str, statement: syntax.Statement, tables: Tables) -> Checked:
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

    def _fail(self, reason: str, at: int) -> NoReturn:
        raise QueryError(reason, self._query, at)

    def check(self, statement: syntax.Statement) -> Checked:  # noqa: PLR0911  a table
        match statement:
            case syntax.Select():
                return self._select(statement)
            case syntax.Explain(query=query):
                return Explanation(self._select(query))
            case syntax.Insert():
                return self._insert(statement)
            case syntax.Delete():
                return Deletion(self._rows(statement.table, statement.where))
            case syntax.Update():
                return self._update(statement)
            case syntax.SetVariable():
                name = self._variable(statement.variable)
                value = self.checker.check_value(statement.value, name, VARIABLES[name])
                return Setting(name, value, self.checker.parameters)
            case _:
                return Showing(self._variable(statement.variable))

    # Queries.

    def _select(self, select: syntax.Select) -> Query:
        conditions = [*self._from(select.table, select.joins)]
        if select.where is not None:
            conditions += _terms(self.checker.check(select.where, BOOL))
        counts = [each for each in select.items if isinstance(each, syntax.Count)]
        if counts and len(select.items) > 1:
            self._fail("COUNT(*) stands alone in a list of columns", counts[0].at)
        outputs = () if counts else tuple(self._outputs(select.items))
        return Query(
            tuple(self._scope.sources),
            tuple(conditions),
            outputs,
            self._whole_source(outputs),
            is_count=bool(counts),
            count_name=(counts[0].alias or "count") if counts else "",
            limit=self._limit(select.limit),
            parameters=self.checker.parameters,
        )

    def _from(
        self, table: syntax.Table, joins: Sequence[syntax.Join]
    ) -> Iterator[Typed]:
        """Take the tables in, and yield what ON says of their rows."""
        self._scope.add(table, self._arguments(table))
        for join in joins:
            self._scope.add(join.table, self._arguments(join.table))
            if join.condition is not None:
                yield from _terms(self.checker.check(join.condition, BOOL))

    def _arguments(self, table: syntax.Table) -> tuple[Typed, ...]:
        """Give the arguments of a view in FROM, defaults for those left out."""
        schema = find_table(self._query, table.path, self._tables)
        given = table.arguments
        if not isinstance(schema, ViewSchema):
            if given is not None:
                self._fail(
                    f"{schema.name} is a table, and takes no arguments", table.at
                )
            return ()
        given, parameters = given or (), schema.parameters
        for each in parameters[len(given) :]:
            if each.default is MISSING:
                names = ", ".join([each.name for each in parameters])
                fault = (
                    f"{schema.name} is a view with arguments: {schema.name}({names})"
                )
                self._fail(fault, table.at)
        if len(given) > len(parameters):
            fault = f"{schema.name} takes {len(parameters)} arguments, not {len(given)}"
            self._fail(fault, given[len(parameters)].at)
        arguments = [
            self.checker.check_argument(node, each.name, each.kind)
            for node, each in zip(given, parameters, strict=False)
        ]
        left = parameters[len(given) :]
        return (*arguments, *[Constant(each.default, each.kind) for each in left])

    def _outputs(
        self, items: Sequence[syntax.Star | syntax.Count | syntax.Item]
    ) -> Iterator[Output]:
        names: set[str] = set()
        for item in items:
            for output in self._outputs_of(item, len(names) + 1):
                if output.name in names:
                    fault = f"two columns of the result are called {output.name}"
                    self._fail(f"{fault}; give one of them an alias", item.at)
                names.add(output.name)
                yield output

    def _outputs_of(
        self, item: syntax.Star | syntax.Count | syntax.Item, number: int
    ) -> Iterator[Output]:
        if isinstance(item, syntax.Item):
            term = self.checker.check_output(item.term)
            own = item.term.name if isinstance(item.term, syntax.Column) else None
            yield Output(item.alias or own or f"column{number}", term)
            return
        assert isinstance(item, syntax.Star)
        numbers: Sequence[int] = range(len(self._scope.sources))
        if item.qualifier is not None:
            numbers = [self._scope.source(item.qualifier, item.at)]
        for source in numbers:
            yield from self._columns(source)

    def _columns(self, source: int) -> Iterator[Output]:
        for place, column in enumerate(self._scope.sources[source].schema.columns):
            yield Output(column.name, self._scope.cell_at(source, place))

    def _whole_source(self, outputs: Sequence[Output]) -> int | None:
        """Say which table's rows are given as they are, if any is."""
        first = outputs[0].term if outputs else None
        if not isinstance(first, Cell):
            return None
        is_whole = tuple(outputs) == tuple(self._columns(first.source))
        return first.source if is_whole else None

    def _limit(self, limit: syntax.Literal | None) -> int | None:
        if limit is None:
            return None
        try:
            found = read_literal(limit, U64)
        except LiteralError as error:
            self._fail(str(error), limit.at)
        assert isinstance(found, int)
        return found

    # What changes rows.

    def _rows(self, table: syntax.Path, where: syntax.Expression | None) -> Query:
        """Give the query for whole rows of one table."""
        self._scope.add(syntax.Table(table, None))
        conditions: tuple[Typed, ...] = ()
        if where is not None:
            conditions = _terms(self.checker.check(where, BOOL))
        return Query(
            tuple(self._scope.sources),
            conditions,
            tuple(self._columns(0)),
            whole=0,
            is_count=False,
            count_name="",
            limit=None,
            parameters=self.checker.parameters,
        )

    def _update(self, update: syntax.Update) -> Change:
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

    def _insert(self, insert: syntax.Insert) -> Insertion:
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


def _terms(condition: Typed) -> tuple[Typed, ...]:
    """Give the terms that must all be true, so that a condition is."""
    if isinstance(condition, Logic) and condition.operator == "AND":
        return tuple([each for term in condition.terms for each in _terms(term)])
    return (condition,)


def _has_default(column: ColumnSchema) -> bool:
    return column.auto_inc or column.default is not MISSING
