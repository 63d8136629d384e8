"""From a SELECT of the syntax tree to the queries and operators that answer it.

The parts are checked in the order in which they take effect: FROM with its ON, WHERE,
GROUP BY, HAVING, what is selected, ORDER BY, QUALIFY, LIMIT. What comes out is a plain
`Query`, or, where more is asked than a bag of rows, a tree of operators over such
queries (`qsdb.sql.relations`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NoReturn

import attrs

from qsdb.errors import QueryError
from qsdb.schema.tables import TableSchema
from qsdb.sql import syntax
from qsdb.sql.checking import Checker
from qsdb.sql.grouping import Grouping, has_aggregates
from qsdb.sql.joining import columns_of, join_tables, terms_of, whole_source
from qsdb.sql.ordering import Limits, Term, arranged, order_terms
from qsdb.sql.qualifying import Make, Qualified, Qualifying
from qsdb.sql.queries import Output, Query
from qsdb.sql.relations import (
    Compound,
    Derived,
    Distinct,
    Filter,
    Project,
    Relation,
    Selected,
    cells_of,
    leaves_of,
    outputs_of,
    with_leaves,
)
from qsdb.sql.scope import Scope
from qsdb.sql.subqueries import Subqueries
from qsdb.sql.typed import Constant, Typed, is_optional, renumbered
from qsdb.values.kinds import BOOL, STR, U64, Kind

__all__ = ["Selecting"]


@attrs.frozen
class _Item:
    """A column of the result, and the expression or star that says so."""

    output: Output
    node: syntax.Star | syntax.Item


@attrs.frozen
class _Arranging:
    """Which rows of a SELECT are taken, and in which order.

    Attributes:
        order: The terms of ORDER BY.
        limits: LIMIT and OFFSET.
        qualified: What QUALIFY says.
        is_distinct: Whether equal rows are given once.
    """

    order: Sequence[Term]
    limits: Limits
    qualified: Qualified | None
    is_distinct: bool

    @property
    def terms(self) -> list[Term]:
        """All that it looks at."""
        qualified = self.qualified
        return [*self.order, *(qualified.terms if qualified is not None else ())]

    def mapped(self, change: Callable[[Typed], Typed]) -> "_Arranging":
        """Give the same with other expressions."""
        order = [attrs.evolve(each, term=change(each.term)) for each in self.order]
        qualified = self.qualified and self.qualified.mapped(change)
        return attrs.evolve(self, order=order, qualified=qualified)


class Selecting:
    """Checks the queries of one statement."""

    def __init__(
        self, query: str, tables: Mapping[str, TableSchema], checker: Checker
    ) -> None:
        """Begin.

        Args:
            query: The whole text, for errors.
            tables: Those that may be seen, by name.
            checker: Checks expressions.
        """
        self._query = query
        self._tables = tables
        self._checker = checker
        checker.subquery = Subqueries(query, checker).check

    def _fail(self, reason: str, at: int) -> NoReturn:
        raise QueryError(reason, self._query, at)

    def check(self, query: syntax.Query) -> Selected:
        """Say what a query asks for.

        Raises:
            QueryError: a name is not found, or kinds do not agree.
        """
        root, whole = self._asked(query)
        parameters = self._checker.parameters

        def known(leaf: Query) -> Query:
            return attrs.evolve(leaf, parameters=parameters)

        root = with_leaves(root, known)
        return root if isinstance(root, Query) else Derived(root, parameters, whole)

    def _asked(self, query: syntax.Query) -> tuple[Relation, int | None]:
        """Give the tree for a query, and the table whose rows it gives whole."""
        if isinstance(query.body, syntax.Select):
            return self._select(query.body, query)
        root, whole = self._body(query.body)
        outputs = [
            Output(each.name, cell)
            for each, cell in zip(outputs_of(root), cells_of(root), strict=True)
        ]
        order = order_terms(self._query, query.order, outputs, None, self._checker)
        keys = [each.term for each in outputs]
        limits = self._limits(query)
        return arranged(lambda _: root, outputs, order, keys, limits), whole

    def _body(self, body: syntax.Body) -> tuple[Relation, int | None]:
        match body:
            case syntax.Select():
                return self._select(body, syntax.Query(body.at, body))
            case syntax.Query():
                return self._asked(body)
            case _:
                return self._united(body)

    def _limits(self, query: syntax.Query) -> Limits:
        limit, offset = [
            None if node is None else self._checker.check(node, U64)
            for node in (query.limit, query.offset)
        ]
        return limit, offset

    def _united(self, united: syntax.United) -> tuple[Relation, int | None]:
        left, left_whole = self._body(united.left)
        right, right_whole = self._body(united.right)
        firsts, seconds = outputs_of(left), outputs_of(right)
        name = united.operator
        if len(firsts) != len(seconds):
            counts = f"{len(firsts)} columns on the left, and {len(seconds)}"
            self._fail(f"{name} has {counts} on the right", united.at)
        outputs = []
        for place, (first, second) in enumerate(zip(firsts, seconds, strict=True)):
            kinds = first.term.kind, second.term.kind
            left = _with_null_as(left, place, kinds[1])
            right = _with_null_as(right, place, kinds[0])
            cells = cells_of(left)[place], cells_of(right)[place]
            if cells[0].kind != cells[1].kind:
                fault = f"{name}: {first.name} is {kinds[0].name} on the left"
                self._fail(f"{fault}, and {kinds[1].name} on the right", united.at)
            may_be_absent = any(map(is_optional, cells))
            either = attrs.evolve(cells[0], is_optional=may_be_absent)
            outputs.append(Output(first.name, either))
        whole = None
        if left_whole is not None and right_whole is not None:
            tables = _tables_of(left)[left_whole], _tables_of(right)[right_whole]
            whole = left_whole if tables[0] == tables[1] else None
        return Compound(name, united.is_all, left, right, tuple(outputs)), whole

    # One SELECT.

    def _select(
        self, select: syntax.Select, query: syntax.Query
    ) -> tuple[Relation, int | None]:
        checker = self._checker
        scope = checker.scope = Scope(self._query, self._tables)
        joined = join_tables(self._query, select, scope, checker)
        conditions = joined.conditions
        if select.where is not None:
            reason = "WHERE is about single rows; aggregates stand in HAVING"
            checker.no_aggregates = reason
            conditions += terms_of(checker.check(select.where, BOOL))
        grouping = Grouping(self._query, scope, checker)
        grouping.take_keys(select)
        checker.no_aggregates = None
        items = [*self._items(select.items, scope)]
        having = None
        if select.having is not None:
            having = checker.check(select.having, BOOL)
        outputs = [each.output for each in items]
        check = checker.check_output
        order = order_terms(self._query, query.order, outputs, check, checker)
        qualified = None
        if select.qualify is not None:
            qualifying = Qualifying(self._query, checker, outputs)
            qualified = qualifying.check(select.qualify)
        arranging = _Arranging(
            order, self._limits(query), qualified, select.is_distinct
        )
        whole = whole_source(scope, outputs)
        leaf = Query(
            tuple(scope.sources),
            tuple(conditions),
            tuple(outputs),
            whole,
            {},
            outer=tuple(joined.outer),
        )
        terms = [each.term for each in outputs]
        terms += [each.term for each in arranging.terms]
        if select.groups is None and having is None and not has_aggregates(terms):
            root = self._rows(leaf, arranging, scope)
        else:
            whole = None
            self._take(grouping, items, select.having, having, arranging.terms)
            root = self._groups(grouping, leaf, having, arranging)
        return _numbered(root, scope), whole

    def _rows(self, leaf: Query, arranging: "_Arranging", scope: Scope) -> Relation:
        """Give the tree for a SELECT without groups."""

        def make(outputs: Sequence[Output]) -> Relation:
            whole = leaf.whole if len(outputs) == len(leaf.outputs) else None
            return attrs.evolve(leaf, outputs=tuple(outputs), whole=whole)

        numbers = scope.numbers if leaf.whole is None else [leaf.whole]
        keys = [cell for number in numbers for cell in scope.keys(number)]
        return self._arranged(make, leaf.outputs, keys, arranging)

    def _groups(
        self,
        grouping: Grouping,
        leaf: Query,
        having: Typed | None,
        arranging: "_Arranging",
    ) -> Relation:
        """Give the tree for a SELECT with groups."""
        rows: Relation = grouping.group(leaf)
        if having is not None:
            rows = Filter(rows, grouping.lifted(having))
        lifted = [Output(e.name, grouping.lifted(e.term)) for e in leaf.outputs]

        def make(outputs: Sequence[Output]) -> Relation:
            return Project(rows, tuple(outputs))

        keys = [grouping.lifted(each) for each in grouping.keys]
        return self._arranged(make, lifted, keys, arranging.mapped(grouping.lifted))

    def _arranged(
        self,
        make: Make,
        outputs: Sequence[Output],
        keys: Sequence[Typed],
        arranging: "_Arranging",
    ) -> Relation:
        """Give the tree for what is behind groups, and before the end."""
        order, limits = arranging.order, arranging.limits
        if arranging.qualified is not None:
            make = arranging.qualified.above(make, keys)
        if arranging.is_distinct:
            return self._distinct(make(outputs), outputs, order, limits)
        return arranged(make, outputs, order, keys, limits)

    def _distinct(
        self,
        rows: Relation,
        outputs: Sequence[Output],
        order: Sequence[Term],
        limits: Limits,
    ) -> Relation:
        known, cells = [each.term for each in outputs], cells_of(rows)
        for each in order:
            if each.term not in known:
                fault = "rows that are there once are sorted by their columns alone"
                self._fail(f"with DISTINCT, {fault}", each.node.at)
        named = [
            Output(each.name, cell) for each, cell in zip(outputs, cells, strict=True)
        ]
        order = [attrs.evolve(e, term=cells[known.index(e.term)]) for e in order]
        distinct = Distinct(rows)
        return arranged(lambda _: distinct, named, order, cells, limits)

    def _take(
        self,
        grouping: Grouping,
        items: Sequence[_Item],
        node: syntax.Expression | None,
        having: Typed | None,
        others: Sequence[Term],
    ) -> None:
        """Take in what the expressions of a SELECT need of its groups."""
        for item in items:
            grouping.take(item.output.term, item.node, item.node.at)
        if having is not None and node is not None:
            grouping.take(having, node, node.at)
        for each in others:
            grouping.take(each.term, each.node, each.node.at)

    # What is selected.

    def _items(
        self, items: Sequence[syntax.Star | syntax.Item], scope: Scope
    ) -> Iterator[_Item]:
        names: set[str] = set()
        for item in items:
            for output in self._outputs(item, names, scope):
                if output.name in names:
                    fault = f"two columns of the result are called {output.name}"
                    self._fail(f"{fault}; give one of them an alias", item.at)
                names.add(output.name)
                yield _Item(output, item)

    def _outputs(
        self, item: syntax.Star | syntax.Item, names: set[str], scope: Scope
    ) -> Iterator[Output]:
        if isinstance(item, syntax.Item):
            term = self._checker.check_output(item.term)
            yield Output(item.alias or _own_name(item.term, names), term)
            return
        numbers: Sequence[int] = scope.numbers
        if item.qualifier is not None:
            numbers = [scope.source(item.qualifier, item.at)]
        for source in numbers:
            yield from columns_of(scope, source)


def _own_name(node: syntax.Expression, names: set[str]) -> str:
    """Give the name of a column that has no alias."""
    if isinstance(node, syntax.Column):
        return node.name
    name = node.name.lower() if isinstance(node, syntax.Call) else ""
    if isinstance(node, syntax.Cast):
        name = "cast"
    return name if name and name not in names else f"column{len(names) + 1}"


def _with_null_as(relation: Relation, place: int, kind: Kind) -> Relation:
    """Give rows of which a column that is NULL, as it was written, has another kind."""
    match relation:
        case Query(outputs=outputs) | Project(outputs=outputs):
            if outputs[place].term != Constant(None, STR):
                return relation
            found: Query | Project | Compound = relation
            term: Typed = Constant(None, kind)
        case Distinct(input=rows):
            return attrs.evolve(relation, input=_with_null_as(rows, place, kind))
        case Compound(outputs=outputs):
            left = _with_null_as(relation.left, place, kind)
            right = _with_null_as(relation.right, place, kind)
            if {cells_of(each)[place].kind for each in (left, right)} != {kind}:
                return relation
            found = attrs.evolve(relation, left=left, right=right)
            term = attrs.evolve(cells_of(relation)[place], kind=kind)
        case _:
            return relation
    changed = [*outputs]
    changed[place] = Output(outputs[place].name, term)
    return attrs.evolve(found, outputs=tuple(changed))


def _numbered(root: Relation, scope: Scope) -> Relation:
    """Give the tables of subqueries their numbers, behind those of FROM."""
    if not scope.hidden:
        return root
    places = scope.places()

    def numbered(leaf: Query) -> Query:
        found = leaf.mapped(lambda node: renumbered(node, places))
        hidden = tuple(scope.hidden)
        return attrs.evolve(found, hidden=hidden, own_hidden=len(hidden))

    return with_leaves(root, numbered)


def _tables_of(root: Relation) -> list[TableSchema]:
    return [table.schema for leaf in leaves_of(root) for table in leaf.tables]
