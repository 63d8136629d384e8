"""From expressions of the syntax tree to typed ones: names found, kinds agreed.

A column has its kind, and nothing is turned into another kind: u16 and u32 do not
compare. A literal or a parameter has no kind of its own and takes that of what it
stands beside; where nothing stands there, nothing tells, and it is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NoReturn

from qsdb.errors import QueryError
from qsdb.sql import syntax
from qsdb.sql.calls import (
    check_calculation,
    check_call,
    check_cases,
    check_cast,
    check_joined,
)
from qsdb.sql.freedom import (
    SENDER,
    freedom_of,
    is_null,
    own_kind,
    own_kind_of,
)
from qsdb.sql.literals import LiteralError, read_literal
from qsdb.sql.places import Place
from qsdb.sql.scope import Scope
from qsdb.sql.tokens import NESTING_MAX
from qsdb.sql.typed import (
    Argument,
    Between,
    Cell,
    Comparison,
    Constant,
    IsNull,
    Like,
    Logic,
    Not,
    Typed,
    Within,
    is_optional,
)
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.kinds import (
    BOOL,
    BYTES,
    IDENTITY,
    STR,
    BigEndianKind,
    BoolKind,
    BytesKind,
    FloatKind,
    IntKind,
    Kind,
    MicrosKind,
    StrKind,
)

__all__ = ["SENDER", "Checker"]

_COMPARABLE = (
    BoolKind,
    IntKind,
    FloatKind,
    StrKind,
    BytesKind,
    BigEndianKind,
    MicrosKind,
    EnumKind,
    ProductKind,
    ArrayKind,
    SumKind,
)
"""Kinds whose values have an order that users expect."""

_Test = syntax.IsNull | syntax.In | syntax.Between | syntax.Like
_Predicate = syntax.Logic | syntax.Not | syntax.Comparison | _Test


class Checker:
    """Checks the expressions of one query.

    A parameter may be None where it stands before IS NULL, or is what an optional
    column is to be, unless it is also what another column is to be. The last use may
    decide, so where there is one of these all is checked once more, with what is known.

    Attributes:
        scope: The tables of the query that is being checked.
        no_aggregates: Why there can be no aggregates in it; None where there can.
        subquery: Checks EXISTS and IN with a query.
    """

    no_aggregates: str | None = "there are no aggregates here"

    def __init__(
        self, query: str, scope: Scope, told: Mapping[str, Kind] | None = None
    ) -> None:
        """Begin.

        Args:
            query: The whole text, for errors.
            scope: The tables that the query has.
            told: `parameters`, where all was checked before.
        """
        self._query = query
        self.scope = scope
        self.subquery: Callable[[syntax.Exists | syntax.InQuery], Typed] | None = None
        self._told = {} if told is None else told
        self._kinds: dict[str, Kind] = {}
        self._untold: dict[str, int] = {}
        """Those whose kind was not known where they stood, and where."""
        self._admits: set[str] = set()
        self._refuses: set[str] = set()

    @property
    def parameters(self) -> dict[str, Kind]:
        """Name → kind, of the parameters found so far; optional if None is a value."""
        nullable = self._admits - self._refuses
        return {
            name: OptionKind(kind) if name in nullable else kind
            for name, kind in self._kinds.items()
        }

    @property
    def is_sure(self) -> bool:
        """Whether what was found holds, and need not be checked once more.

        Raises:
            QueryError: nothing tells which kind a parameter is of.
        """
        for name, at in self._untold.items():
            if name not in self._kinds:
                self.fail(f"nothing beside :{name} tells which kind it is of", at)
        return not self._untold and not self._admits - self._refuses

    def check(  # noqa: C901, PLR0912  a table
        self, node: syntax.Expression, expected: Kind | None = None
    ) -> Typed:
        """Give the typed form of an expression.

        Args:
            node: The expression.
            expected: The kind that it must have; None where any will do.

        Raises:
            QueryError: a name is not found, or kinds do not agree.
        """
        match node:
            case syntax.Literal():
                return self._literal(node, expected)
            case syntax.Parameter():
                return self._parameter(node, expected)
            case syntax.Column():
                found: Typed = self.scope.cell(node)
            case syntax.Arithmetic() if "||" in [each for each, _ in node.rest]:
                found = check_joined(self, node)
            case syntax.Arithmetic() | syntax.Negation():
                return check_calculation(self, node, expected)
            case syntax.Call():
                found = check_call(self, node, expected)
            case syntax.Cases():
                found = check_cases(self, node, expected)
            case syntax.Cast():
                found = check_cast(self, node)
            case syntax.Exists() | syntax.InQuery():
                if self.subquery is None:
                    self.fail("there are no subqueries here", node.at)
                found = self.subquery(node)
            case _:
                found = self._predicate(node)
        if expected is not None and found.kind != expected:
            what = node.name if isinstance(node, syntax.Column) else "this"
            fault = f"{what} is {found.kind.name}, and {expected.name} is meant"
            self.fail(fault, node.at)
        return found

    def check_output(self, node: syntax.Expression) -> Typed:
        """Give the typed form of what a column of a result is.

        What is made of literals alone is str, i64 or, with a point, f64; NULL is an
        absent str.

        Raises:
            QueryError: a name is not found, or kinds do not agree.
        """
        return (
            Constant(None, STR) if is_null(node) else self.check(node, own_kind(node))
        )

    def check_value(self, node: syntax.Expression, column: str, kind: Kind) -> Typed:
        """Give the typed form of what a column is to be.

        Args:
            node: An expression.
            column: The column's name.
            kind: The column's kind; None belongs to an optional one.

        Raises:
            QueryError: a name is not found, or kinds do not agree.
        """
        inner = _inner(kind)
        if is_null(node) and inner is not kind:
            return Constant(None, kind)
        if is_null(node):
            self.fail(f"{column} cannot be NULL", node.at)
        if isinstance(node, syntax.Parameter) and node.name != SENDER:
            (self._refuses if inner is kind else self._admits).add(node.name)
            return self._parameter(node, inner)
        found = self.check(node, inner)
        if inner is kind and is_optional(found):
            self.fail(f"this may be NULL, and {column} cannot be", node.at)
        return found

    def check_argument(self, node: syntax.Expression, name: str, kind: Kind) -> Typed:
        """Give the typed form of an argument of a view: a literal or a parameter.

        Args:
            node: An expression.
            name: What the view calls it.
            kind: Of which kind it is to be; None belongs to an optional one.

        Raises:
            QueryError: it is something else, or of another kind.
        """
        found = None
        if isinstance(node, syntax.Literal | syntax.Parameter):
            found = self.check_value(node, name, kind)
        if not isinstance(found, Constant | Argument):
            self.fail(f"{name}, an argument, is a literal or a parameter", node.at)
        return found

    def fail(self, reason: str, at: int) -> NoReturn:
        """Refuse what stands at a place."""
        raise QueryError(reason, self._query, at)

    # What takes its kind from elsewhere.

    def _literal(self, node: syntax.Literal, expected: Kind | None) -> Constant:
        if node.form == "null":
            self.fail("NULL equals nothing: write IS NULL or IS NOT NULL", node.at)
        if expected is None and node.form == "bool":
            expected = BOOL
        if expected is None:
            self.fail("nothing beside this tells which kind it is of", node.at)
        try:
            return Constant(read_literal(node, expected), expected)
        except LiteralError as error:
            self.fail(str(error), node.at)

    def _parameter(self, node: syntax.Parameter, expected: Kind | None) -> Argument:
        if node.name == SENDER:
            kind = IDENTITY if expected is None else expected
            if kind not in (IDENTITY, BYTES):
                fault = f":{SENDER} is an Identity, and {kind.name} is meant"
                self.fail(fault, node.at)
            return Argument(SENDER, kind)
        if expected is None:
            fault = f"nothing beside :{node.name} tells which kind it is of"
            self.fail(fault, node.at)
        known = self._kinds.setdefault(node.name, expected)
        if known != expected:
            fault = (
                f":{node.name} is {known.name} in one place, and {expected.name} here"
            )
            self.fail(fault, node.at)
        is_optional = isinstance(self._told.get(node.name), OptionKind)
        return Argument(node.name, expected, is_optional)

    def _untyped(self, node: syntax.Parameter) -> Argument:
        """Give a parameter of which nothing is asked but whether it is there."""
        self._admits.add(node.name)
        known = self._kinds.get(node.name) or self._told.get(node.name)
        if known is None:
            self._untold[node.name] = node.at
            return Argument(node.name, BOOL)  # until all is checked once more
        return self._parameter(node, _inner(known))

    def place(self, node: syntax.Expression) -> Place:
        """Say where an expression stands."""
        return Place(self._query, node.at)

    # What is true, false or unknown.

    def _predicate(self, node: _Predicate) -> Typed:
        match node:
            case syntax.Logic(operator=operator, terms=terms):
                return Logic(operator, tuple([self.check(e, BOOL) for e in terms]))
            case syntax.Not():
                term = self.check(node.term, BOOL)
                return Not(term) if node.times % 2 else term
            case syntax.Comparison():
                return self._comparison(node)
            case _:
                found = self._test(node)
                return Not(found) if node.is_negated else found

    def _test(self, node: _Test) -> Typed:
        match node:
            case syntax.IsNull(term=syntax.Parameter() as given) if (
                given.name != SENDER
            ):
                return IsNull(self._untyped(given))
            case syntax.IsNull():
                return IsNull(self.check(node.term))
            case syntax.In():
                term, *choices = self.check_comparable(
                    [node.term, *node.choices], node.at
                )
                return Within(term, tuple(choices))
            case syntax.Between():
                operands = [node.term, node.low, node.high]
                term, low, high = self.check_comparable(operands, node.at)
                if not isinstance(term, Cell | Constant | Argument):
                    return Between(term, low, high)  # it is not worked out twice
                ends = Comparison(">=", term, low), Comparison("<=", term, high)
                return Logic("AND", ends)
            case _:
                return self._like(node)

    def _like(self, node: syntax.Like) -> Like:
        term, pattern = self.check(node.term, STR), self.check(node.pattern, STR)
        if node.escape is None:
            return Like(term, pattern)
        if len(node.escape.text) != 1:
            self.fail("after ESCAPE stands a string of one character", node.escape.at)
        return Like(term, pattern, node.escape.text)

    def _comparison(self, node: syntax.Comparison) -> Typed:
        if len(node.rest) > NESTING_MAX:
            self.fail(f"more than {NESTING_MAX} comparisons in a row", node.at)
        (operator, second), *more = node.rest
        left, right = self.check_comparable([node.first, second], node.at)
        found = Comparison(operator, left, right)
        for operator, operand in more:  # of the truth of what is before
            found = Comparison(operator, found, self.check(operand, BOOL))
        return found

    def check_comparable(
        self, nodes: Sequence[syntax.Expression], at: int
    ) -> list[Typed]:
        """Give the typed forms of expressions that are compared with each other."""
        found = self.check_alike(nodes, None)
        self.require_comparable(found[0].kind, at)
        return found

    def require_comparable(self, kind: Kind, at: int) -> None:
        """Refuse a kind whose values do not compare.

        Raises:
            QueryError: they do not.
        """
        if not isinstance(kind, _COMPARABLE):
            self.fail(f"values of {kind.name} do not compare", at)

    def check_alike(
        self,
        nodes: Sequence[syntax.Expression],
        expected: Kind | None,
        admit: Callable[[Kind], object] = lambda _: None,
    ) -> list[Typed]:
        """Check expressions that are to be of one kind, that of the first to tell.

        That one is not checked again: nested ones would be so once more each time.
        Literals alone are of the kind that they have as columns of a result.

        Args:
            nodes: They.
            expected: The kind that they must have; None where any will do.
            admit: Takes the kind as soon as it is known, and may refuse.
        """
        if expected is None:
            expected = own_kind_of([each for each in nodes if not is_null(each)])
        if expected is not None:
            admit(expected)
            return [self.check(each, expected) for each in nodes]
        telling = min(nodes, key=freedom_of)
        told = self.check(telling)
        admit(told.kind)
        return [
            told if each is telling else self.check(each, told.kind) for each in nodes
        ]


def _inner(kind: Kind) -> Kind:
    return kind.inner if isinstance(kind, OptionKind) else kind
