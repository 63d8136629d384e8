"""FROM: the tables of a SELECT, what joins them, and how expressions number them.

ON sees the tables before it and its own. That of an inner join is a condition like
those of WHERE. That of an outer join says which rows fit; where none does, a row of
nothing stands in, and from then on any column of that table may be absent.
"""

from collections.abc import Sequence

from qsdb.errors import QueryError
from qsdb.schema.specifiers import MISSING
from qsdb.schema.views import ViewSchema
from qsdb.sql import syntax
from qsdb.sql.checking import Checker
from qsdb.sql.queries import Outer, Output
from qsdb.sql.scope import Scope
from qsdb.sql.typed import Cell, Constant, Logic, Typed
from qsdb.values.kinds import BOOL

__all__ = ["Joined", "columns_of", "join_tables", "terms_of", "whole_source"]


class Joined:
    """What FROM says.

    Attributes:
        scope: Its tables.
        conditions: What the conditions of inner joins say.
        outer: The outer joins.
    """

    def __init__(self, scope: Scope) -> None:
        """Begin without tables."""
        self.scope = scope
        self.conditions: list[Typed] = []
        self.outer: list[Outer] = []


def join_tables(
    query: str, select: syntax.Select, scope: Scope, checker: Checker
) -> Joined:
    """Take the tables of a SELECT into a scope.

    Args:
        query: The whole text, for errors.
        select: Whose.
        scope: It.
        checker: Checks expressions, in that scope.

    Raises:
        QueryError: there is no such table, or a condition is wrong.
    """
    joined = Joined(scope)
    checker.no_aggregates = "ON is about single rows; aggregates stand in HAVING"
    scope.add(select.table, _arguments(query, select.table, scope, checker))
    for join in select.joins:
        number = scope.add(join.table, _arguments(query, join.table, scope, checker))
        conditions: tuple[Typed, ...] = ()
        if join.condition is not None:
            conditions = terms_of(checker.check(join.condition, BOOL))
        elif join.kind != "INNER":
            fault = f"{join.kind} JOIN says by ON which rows fit each other"
            raise QueryError(fault, query, join.at)
        _take(joined, join.kind, number, conditions)
    return joined


def _take(
    joined: Joined, kind: syntax.JoinKind, number: int, conditions: tuple[Typed, ...]
) -> None:
    scope = joined.scope
    before = [each for each in scope.numbers if each != number]
    if kind == "INNER":
        joined.conditions += conditions
    elif kind == "LEFT":
        joined.outer.append(Outer(number, "LEFT", conditions))
        scope.nullable.add(number)
    elif kind == "RIGHT" and len(before) == 1:
        # The same, said from the other side.
        joined.outer.append(Outer(before[0], "LEFT", conditions))
        scope.nullable.add(before[0])
    else:
        met = tuple(joined.conditions)
        joined.outer.append(Outer(number, kind, conditions, before=met))
        joined.conditions = []
        scope.nullable.update(before if kind == "RIGHT" else scope.numbers)


def terms_of(condition: Typed) -> tuple[Typed, ...]:
    """Give the terms that must all be true, so that a condition is."""
    if isinstance(condition, Logic) and condition.operator == "AND":
        return tuple([each for term in condition.terms for each in terms_of(term)])
    return (condition,)


def _arguments(
    query: str, table: syntax.Table, scope: Scope, checker: Checker
) -> tuple[Typed, ...]:
    """Give the arguments of a view in FROM, defaults for those left out."""
    schema = scope.schema(table)
    given = table.arguments
    if not isinstance(schema, ViewSchema):
        if given is not None:
            fault = f"{schema.name} is a table, and takes no arguments"
            raise QueryError(fault, query, table.at)
        return ()
    given, parameters = given or (), schema.parameters
    for each in parameters[len(given) :]:
        if each.default is MISSING:
            names = ", ".join([each.name for each in parameters])
            fault = f"{schema.name} is a view with arguments: {schema.name}({names})"
            raise QueryError(fault, query, table.at)
    if len(given) > len(parameters):
        fault = f"{schema.name} takes {len(parameters)} arguments, not {len(given)}"
        raise QueryError(fault, query, given[len(parameters)].at)
    arguments = [
        checker.check_argument(node, each.name, each.kind)
        for node, each in zip(given, parameters, strict=False)
    ]
    left = parameters[len(given) :]
    return (*arguments, *[Constant(each.default, each.kind) for each in left])


def columns_of(scope: Scope, source: int) -> list[Output]:
    """Give all columns of a table, as ``*`` has them."""
    columns = scope.columns(source)
    return [
        Output(name, scope.cell_at(source, place)) for place, name in enumerate(columns)
    ]


def whole_source(scope: Scope, outputs: Sequence[Output]) -> int | None:
    """Say which table's rows are given as they are, if any is."""
    first = outputs[0].term if outputs else None
    if not isinstance(first, Cell) or first.source not in scope.numbers:
        return None
    if first.source in scope.nullable:
        return None
    is_whole = [*outputs] == columns_of(scope, first.source)
    return first.source if is_whole else None
