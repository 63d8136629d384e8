"""QUALIFY: the first rows of each group, in an order of their own.

::

    SELECT * FROM message
    QUALIFY ROW_NUMBER() OVER (PARTITION BY room ORDER BY sent DESC) <= 3

are the three newest messages of each room. It is taken behind WHERE, GROUP BY and
HAVING, and before DISTINCT, ORDER BY and LIMIT.

Other databases know QUALIFY with any condition and any function of windows. Here it is
this form alone: what can be kept current with the rows of each group in order. The
number itself is no column, since one row that comes first would change those of all.
"""

from collections.abc import Callable, Sequence
from typing import NoReturn

import attrs

from qsdb.errors import QueryError, brief
from qsdb.sql import syntax
from qsdb.sql.checking import Checker
from qsdb.sql.ordering import Term, completed, cut_to, orderings
from qsdb.sql.queries import Output
from qsdb.sql.relations import Relation, Top, cells_of
from qsdb.sql.typed import Constant, Typed
from qsdb.values.kinds import U64

__all__ = ["Make", "Qualified", "Qualifying"]

Make = Callable[[Sequence[Output]], Relation]
"""Makes rows with some columns."""


@attrs.frozen
class Qualified:
    """Which rows QUALIFY takes.

    Attributes:
        groups: What rows of one group have in common.
        order: What they are sorted by.
        limit: How many of each group are taken.
    """

    groups: tuple[Term, ...]
    order: tuple[Term, ...]
    limit: Typed

    @property
    def terms(self) -> tuple[Term, ...]:
        """All that is looked at of a row."""
        return (*self.groups, *self.order)

    def mapped(self, change: Callable[[Typed], Typed]) -> "Qualified":
        """Give the same with other expressions of rows."""
        groups, order = [
            tuple([attrs.evolve(each, term=change(each.term)) for each in terms])
            for terms in (self.groups, self.order)
        ]
        return Qualified(groups, order, self.limit)

    def above(self, make: Make, keys: Sequence[Typed]) -> Make:
        """Give what makes those rows of all rows.

        Args:
            make: Makes all.
            keys: What tells rows apart.
        """

        def made(outputs: Sequence[Output]) -> Relation:
            terms = [each.term for each in self.terms]
            columns = completed(outputs, [*terms, *keys])
            rows = make(columns)
            known, cells = [each.term for each in columns], cells_of(rows)
            places = dict.fromkeys([known.index(each.term) for each in self.groups])
            order = orderings(self.order, keys, columns, cells)
            top = Top(rows, tuple(places), order, self.limit, len(self.order))
            return cut_to(top, outputs, cells)

        return made


class Qualifying:
    """Checks the QUALIFY of one SELECT."""

    def __init__(self, query: str, checker: Checker, outputs: Sequence[Output]) -> None:
        """Begin.

        Args:
            query: The whole text, for errors.
            checker: Checks expressions, in the scope of the SELECT.
            outputs: The columns of its result, which can be meant by their names.
        """
        self._query = query
        self._checker = checker
        self._outputs = outputs

    def check(self, node: syntax.Qualify) -> Qualified:
        """Say which rows are taken.

        Raises:
            QueryError: it is not of the form that there is, or names what there is not.
        """
        call = node.call
        if call.name.upper() != "ROW_NUMBER":
            fault = f"QUALIFY knows ROW_NUMBER(), and not {brief(call.name)}"
            self._fail(fault, call.at)
        if call.arguments != () or call.is_distinct:
            self._fail("ROW_NUMBER() takes no arguments", call.at)
        if not node.order:
            fault = "ROW_NUMBER() needs ORDER BY in OVER (…): else nothing says which"
            self._fail(f"{fault} rows come first", call.at)
        groups = [self._term(syntax.Ordering(each.at, each)) for each in node.groups]
        order = [self._term(each) for each in node.order]
        for each in order:
            self._checker.require_comparable(each.term.kind, each.node.at)
        return Qualified(tuple(groups), tuple(order), self._limit(node))

    def _fail(self, reason: str, at: int) -> NoReturn:
        raise QueryError(reason, self._query, at)

    def _term(self, ordering: syntax.Ordering) -> Term:
        """Find what a term is: a column of a table, or else of the result."""
        node = ordering.term
        if isinstance(node, syntax.Column) and node.qualifier is None:
            named = [each for each in self._outputs if each.name == node.name]
            if named and self._checker.scope.find(node) is None:
                return Term(ordering, named[0].term)
        return Term(ordering, self._checker.check_output(node))

    def _limit(self, node: syntax.Qualify) -> Typed:
        """Say how many rows of each group there are at most."""
        limit = self._checker.check(node.bound, U64)
        number = limit.value if isinstance(limit, Constant) else None
        if node.operator == "<=" or (node.operator == "=" and number == 1):
            return limit
        if node.operator != "<" or not isinstance(number, int):
            fault = "QUALIFY takes the first rows of each group"
            self._fail(f"{fault}: write <= and how many", node.bound.at)
        return Constant(max(number - 1, 0), U64)
