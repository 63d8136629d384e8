"""EXISTS and IN with a query: whether other tables have rows that fit.

Both become `qsdb.sql.typed.Exists`, which asks whether a combination of rows of the
subquery's tables meets all of its conditions. The subquery sees the columns around it.

IN has three answers. It is true if a value of the query equals the term. Else it is
unknown, if the term is NULL and the query gives anything, or if the query gives a NULL;
and else it is false. So NOT IN is true only where neither is so::

    x IN (SELECT y FROM t)
    EXISTS (t WHERE y = x)  OR  NULL AND (EXISTS (t WHERE y IS NULL)
                                          OR x IS NULL AND EXISTS (t))
"""

from collections.abc import Sequence
from typing import NoReturn

import attrs

from qsdb.errors import QueryError
from qsdb.sql import syntax
from qsdb.sql.checking import Checker
from qsdb.sql.freedom import freedom_of
from qsdb.sql.joining import columns_of, join_tables, terms_of
from qsdb.sql.scope import Scope
from qsdb.sql.typed import (
    Comparison,
    Constant,
    Exists,
    IsNull,
    Logic,
    Not,
    Typed,
    is_optional,
)
from qsdb.values.kinds import BOOL

__all__ = ["Subqueries"]

_UNKNOWN = Constant(None, BOOL)


@attrs.frozen
class _Rows:
    """What a subquery looks for.

    Attributes:
        sources: Its tables.
        conditions: What must be true of their rows.
        columns: What it gives.
    """

    sources: tuple[int, ...]
    conditions: tuple[Typed, ...]
    columns: tuple[Typed, ...]

    def meeting(self, *more: Typed) -> Exists:
        """Say whether there are rows that meet more conditions."""
        return Exists(self.sources, (*self.conditions, *more))


class Subqueries:
    """Checks the subqueries of one statement."""

    def __init__(self, query: str, checker: Checker) -> None:
        """Begin.

        Args:
            query: The whole text, for errors.
            checker: Checks expressions.
        """
        self._query = query
        self._checker = checker

    def _fail(self, reason: str, at: int) -> NoReturn:
        raise QueryError(reason, self._query, at)

    def check(self, node: syntax.Exists | syntax.InQuery) -> Typed:
        """Give the typed form of EXISTS or IN.

        Raises:
            QueryError: the query in it is wrong, or gives more than rows of tables.
        """
        is_in = isinstance(node, syntax.InQuery)
        selects = [*self._selects(node.query, is_in=is_in)]
        if not isinstance(node, syntax.InQuery):
            found = [self._rows(each).meeting() for each in selects]
            return _either([*found])
        tests = [self._within(node, each) for each in selects]
        found_in = _either(tests)
        return Not(found_in) if node.is_negated else found_in

    def _selects(self, body: syntax.Body, *, is_in: bool) -> list[syntax.Select]:
        """Give the SELECTs in one of which rows must be found."""
        if isinstance(body, syntax.Select):
            return [body]
        if isinstance(body, syntax.Query):
            self._require_plain(body, is_in=is_in)
            return self._selects(body.body, is_in=is_in)
        if body.operator != "UNION":
            fault = f"{body.operator} cannot stand in a subquery; say it by AND"
            self._fail(fault, body.at)
        both = (body.left, body.right)
        return [each for part in both for each in self._selects(part, is_in=is_in)]

    def _require_plain(self, query: syntax.Query, *, is_in: bool) -> None:
        limit = query.limit
        if query.offset is not None:
            self._fail("OFFSET cannot stand in a subquery", query.offset.at)
        is_one = isinstance(limit, syntax.Literal) and limit.text.strip("0") != ""
        if limit is not None and (is_in or not is_one):
            self._fail("LIMIT cannot stand in a subquery", limit.at)

    def _rows(self, select: syntax.Select) -> _Rows:
        """Check a SELECT in the scope around it."""
        checker = self._checker
        around, reason = checker.scope, checker.no_aggregates
        scope = checker.scope = around.inner()
        conditions = self._conditions(select, scope)
        columns: list[Typed] = []
        for item in select.items:
            if isinstance(item, syntax.Item):
                columns.append(checker.check_output(item.term))
                continue
            numbers: Sequence[int] = scope.numbers
            if item.qualifier is not None:
                numbers = [scope.source(item.qualifier, item.at)]
            columns += [e.term for n in numbers for e in columns_of(scope, n)]
        checker.scope, checker.no_aggregates = around, reason
        return _Rows(tuple(scope.numbers), tuple(conditions), tuple(columns))

    def _conditions(self, select: syntax.Select, scope: Scope) -> list[Typed]:
        """Check FROM and WHERE."""
        checker = self._checker
        joined = join_tables(self._query, select, scope, checker)
        if joined.outer:
            fault = "the joins of a subquery are inner joins"
            self._fail(fault, select.joins[0].at)
        for source in scope.sources:
            if source.schema.is_event:
                fault = f"{source.schema.name} is an event table, which has no rows"
                self._fail(f"{fault} to look for", select.table.at)
        conditions = joined.conditions
        checker.no_aggregates = "a subquery looks at single rows: no aggregates in it"
        if select.groups is not None or select.having is not None:
            self._fail("a subquery looks at single rows: no groups in it", select.at)
        if select.qualify is not None:
            self._fail("QUALIFY cannot stand in a subquery", select.qualify.at)
        if select.where is not None:
            conditions += terms_of(checker.check(select.where, BOOL))
        return conditions

    def _within(self, node: syntax.InQuery, select: syntax.Select) -> Typed:
        """Say whether a value is among those of a SELECT."""
        rows = self._rows(select)
        if len(rows.columns) != 1:
            count = len(rows.columns)
            self._fail(f"IN takes a query of 1 column, not of {count}", select.at)
        [column] = rows.columns
        checker = self._checker
        is_free = freedom_of(node.term) > 0
        term = checker.check(node.term, column.kind if is_free else None)
        checker.require_comparable(term.kind, node.at)
        if term.kind != column.kind:
            kinds = f"{term.kind.name}, and the query gives {column.kind.name}"
            self._fail(f"this is {kinds}", node.at)
        found = rows.meeting(Comparison("=", column, term))
        unknown: list[Typed] = []
        if is_optional(column):
            unknown.append(rows.meeting(IsNull(column)))
        if is_optional(term):
            unknown.append(Logic("AND", (IsNull(term), rows.meeting())))
        if not unknown:
            return found
        return Logic("OR", (found, Logic("AND", (_UNKNOWN, _either(unknown)))))


def _either(terms: Sequence[Typed]) -> Typed:
    return terms[0] if len(terms) == 1 else Logic("OR", tuple(terms))
