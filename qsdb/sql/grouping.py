"""GROUP BY and aggregates: expressions of groups, made of expressions of rows.

In a query with groups each expression is about a group: it is made of what the rows of
a group have in common, and of aggregates of them. So every part of it must be a key, an
aggregate, or a constant; a column that is neither is told with its place. Columns of a
table whose primary key is among the keys are keys too, as they are the same for all
rows that have it.
"""

from collections.abc import Iterable, Iterator, Sequence

import attrs

from qsdb.errors import QueryError
from qsdb.sql import syntax
from qsdb.sql.checking import Checker
from qsdb.sql.ordering import position_of
from qsdb.sql.queries import Output, Query
from qsdb.sql.relations import Group
from qsdb.sql.scope import Scope
from qsdb.sql.typed import (
    Aggregate,
    Calculation,
    Cell,
    Exists,
    Typed,
    is_optional,
    parts_of,
    with_parts,
)

__all__ = ["Grouping", "columns_in", "has_aggregates"]


def columns_in(node: object) -> Iterator[syntax.Column]:
    """Yield the columns that an expression names, but for those of subqueries."""
    if isinstance(node, syntax.Column):
        yield node
    elif isinstance(node, tuple):
        for each in node:
            yield from columns_in(each)
    elif attrs.has(type(node)) and not isinstance(node, syntax.Query):
        names = [field.name for field in attrs.fields(type(node))]  # type: ignore[arg-type]  # it has some
        for name in names:
            yield from columns_in(getattr(node, name))


def has_aggregates(nodes: Iterable[Typed]) -> bool:
    """Whether there is an aggregate in any of some expressions."""
    return any(
        isinstance(each, Aggregate) or has_aggregates(parts_of(each)) for each in nodes
    )


class Grouping:
    """The groups of one SELECT.

    Attributes:
        keys: What rows of one group have in common.
        aggregates: What is made of them.
    """

    def __init__(self, query: str, scope: Scope, checker: Checker) -> None:
        """Begin without keys.

        Args:
            query: The whole text, for errors.
            scope: The tables of the SELECT.
            checker: Checks expressions, in that scope.
        """
        self._query = query
        self._scope = scope
        self._checker = checker
        self.keys: list[Typed] = []
        self._asked: list[Typed] = []
        self.aggregates: list[Aggregate] = []

    def take_keys(self, select: syntax.Select) -> None:
        """Take what GROUP BY says.

        Raises:
            QueryError: it names what there is not.
        """
        reason = "GROUP BY is about single rows, and aggregates are of its groups"
        self._checker.no_aggregates = reason
        for node in select.groups or ():
            key = self._checker.check_output(self._meant(node, select.items))
            if key not in self.keys:
                self.keys.append(key)
        self._asked = [*self.keys]

    def _meant(
        self, node: syntax.Expression, items: Sequence[syntax.Star | syntax.Item]
    ) -> syntax.Expression:
        """Give the expression that a name or a number in GROUP BY stands for."""
        place = position_of(self._query, node, len(items))
        if place is not None:
            item = items[place]
            if isinstance(item, syntax.Star):
                fault = "GROUP BY names columns; * is none"
                raise QueryError(fault, self._query, node.at)
            return item.term
        is_name = isinstance(node, syntax.Column) and node.qualifier is None
        if is_name and self._scope.find(node) is None:  # type: ignore[arg-type]
            for each in items:
                if isinstance(each, syntax.Item) and each.alias == node.name:  # type: ignore[union-attr]
                    return each.term
        return node

    # Expressions of groups.

    def take(self, term: Typed, node: object, at: int) -> None:
        """Take in what an expression needs of a group.

        Args:
            term: It.
            node: The same as it was written.
            at: Where it stands.

        Raises:
            QueryError: it is about single rows.
        """
        if term in self.keys:
            return
        if isinstance(term, Aggregate):
            if term not in self.aggregates:
                self.aggregates.append(term)
            return
        if isinstance(term, Exists):
            fault = "a subquery looks at single rows, and here are groups"
            raise QueryError(fault, self._query, at)
        if isinstance(term, Cell):
            if not self._follows(term):
                raise QueryError(
                    self._fault(term), self._query, self._at(term, node, at)
                )
            self.keys.append(term)
            return
        for part in parts_of(self._begun(term)):
            self.take(part, node, at)

    def _begun(self, term: Typed) -> Typed:
        """Give an expression with its begin as one part, if that is a key.

        As in ``k + 1 + 1``, where the rows of a group have ``k + 1`` in common.
        """
        if isinstance(term, Calculation):
            for count in range(len(term.rest) - 1, 0, -1):
                begin = attrs.evolve(term, rest=term.rest[:count])
                if begin in self.keys:
                    places = term.places[:1] + term.places[count + 1 :]
                    rest = term.rest[count:]
                    return attrs.evolve(term, first=begin, rest=rest, places=places)
        return term

    def _follows(self, cell: Cell) -> bool:
        """Whether a column is the same for all rows with the keys."""
        key = self._scope.primary_key(cell.source)
        cells = [self._scope.cell_at(cell.source, place) for place in key]
        return bool(cells) and all(each in self._asked for each in cells)

    def _fault(self, cell: Cell) -> str:
        name = self._scope.columns(cell.source)[cell.place]
        if self._asked:
            return f"{name} stands neither in GROUP BY nor in an aggregate"
        return f"{name} is of single rows; beside aggregates GROUP BY must name it"

    def _at(self, cell: Cell, node: object, at: int) -> int:
        """Say where a column stands in an expression."""
        for column in columns_in(node):
            if self._scope.find(column) == cell:
                return column.at
        return at

    def group(self, leaf: Query) -> Group:
        """Give the groups, of what FROM and WHERE leave.

        Args:
            leaf: Gives that.
        """
        terms = [each.term for each in self.aggregates if each.term is not None]
        columns = [*self.keys, *dict.fromkeys(terms)]
        outputs = tuple([Output("", each) for each in columns])
        aggregates = []
        for each in self.aggregates:
            term = each.term
            if term is not None:
                place = len(self.keys) + [*dict.fromkeys(terms)].index(term)
                term = Cell(0, place, term.kind, is_optional(term))
            aggregates.append(attrs.evolve(each, term=term))
        query = attrs.evolve(leaf, outputs=outputs, whole=None)
        return Group(query, len(self.keys), tuple(aggregates))

    def lifted(self, term: Typed) -> Typed:
        """Give an expression of rows as one of groups; what it needs was taken in."""
        if term in self.keys:
            place = self.keys.index(term)
            return Cell(0, place, term.kind, is_optional(term))
        if isinstance(term, Aggregate):
            place = len(self.keys) + self.aggregates.index(term)
            may_be_absent = is_optional(term)
            if self.keys and term.term is not None:  # a group has a row at least
                may_be_absent = may_be_absent and is_optional(term.term)
            return Cell(0, place, term.kind, may_be_absent)
        term = self._begun(term)
        return with_parts(term, [self.lifted(each) for each in parts_of(term)])
