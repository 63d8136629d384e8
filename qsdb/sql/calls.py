"""Arithmetic, functions, aggregates and CASE, from the syntax tree to typed ones.

Arithmetic stays in the kind of its operands, and with whole numbers a literal has to be
written as one: ``k * 1.0 / 2`` is meant to be what it would not be. A function takes
values of its own kinds (`qsdb.sql.functions`). An aggregate is typed
wherever it stands; whether it may stand there, whoever checks the clause says
(`Checking.no_aggregates`).

=============  =====================================================================
aggregate      is
=============  =====================================================================
COUNT          u64
SUM            of whole numbers i64 or u64, or their own kind where that is wider;
               of floats f64
AVG            f64
MIN, MAX       of the kind of what they are of
=============  =====================================================================
"""

import contextlib
import difflib
from collections.abc import Callable, Iterator, Sequence
from typing import NoReturn, Protocol, cast

from qsdb.sql import syntax
from qsdb.sql.freedom import (
    freedom_of,
    is_null,
    operands_of,
    own_kind,
    real_among,
)
from qsdb.sql.functions import (
    FUNCTIONS,
    NUMBERS,
    Function,
    Parameter,
    cast_to,
)
from qsdb.sql.places import Place
from qsdb.sql.typed import (
    Aggregate,
    AggregateName,
    Calculation,
    Call,
    Cases,
    Coalesce,
    Comparison,
    Constant,
    Negation,
    Typed,
)
from qsdb.values.kinds import BOOL, F64, I64, STR, U64, FloatKind, IntKind, Kind

__all__ = [
    "Checking",
    "check_calculation",
    "check_call",
    "check_cases",
    "check_cast",
    "check_joined",
]

AGGREGATES = {"AVG", "COUNT", "MAX", "MIN", "SUM"}
_SYNONYMS = {"CEILING": "CEIL", "LEN": "LENGTH", "SUBSTRING": "SUBSTR"}
_OTHERS = ("COALESCE", "IFNULL", "NULLIF")

_ABSENT = {
    "NOW": "a query has no clock; give the moment as a parameter",
    "RANDOM": "a query knows no chance; draw the number in Python",
    "ROW_NUMBER": "it stands behind QUALIFY, and takes the first rows of each group",
}

BRANCHES_MAX = 16
"""So many branches are in one `Cases`; more are in another one behind ELSE."""


class Checking(Protocol):
    """Who checks expressions.

    Attributes:
        no_aggregates: Why there can be none where it is checking; None where there can.
    """

    no_aggregates: str | None

    def check(self, node: syntax.Expression, expected: Kind | None = None) -> Typed:
        """Give the typed form of an expression."""
        ...

    def check_output(self, node: syntax.Expression) -> Typed:
        """Give the typed form of one that nothing tells the kind of but itself."""
        ...

    def check_alike(
        self,
        nodes: Sequence[syntax.Expression],
        expected: Kind | None,
        admit: Callable[[Kind], object] = ...,
    ) -> list[Typed]:
        """Give the typed forms of expressions of one kind."""
        ...

    def check_comparable(
        self, nodes: Sequence[syntax.Expression], at: int
    ) -> list[Typed]:
        """Give the typed forms of expressions that are compared."""
        ...

    def require_comparable(self, kind: Kind, at: int) -> None:
        """Refuse a kind whose values do not compare."""
        ...

    def place(self, node: syntax.Expression) -> Place:
        """Say where an expression stands."""
        ...

    def fail(self, reason: str, at: int) -> NoReturn:
        """Refuse what stands at a place."""
        ...


def check_calculation(
    checking: Checking,
    node: syntax.Arithmetic | syntax.Negation,
    expected: Kind | None,
) -> Typed:
    """Give the typed form of a sum, a product or the like, or of a number's negative.

    Raises:
        QueryError: these are no numbers, or not all of them are of one kind.
    """
    operands = [node.term] if isinstance(node, syntax.Negation) else operands_of(node)
    first, *rest = checking.check_alike(
        operands, expected, lambda kind: _require_whole(checking, operands, kind)
    )
    kind = first.kind
    if not isinstance(kind, IntKind | FloatKind):
        checking.fail(f"there is no arithmetic with {kind.name}", node.at)
    if isinstance(node, syntax.Negation):
        if isinstance(kind, IntKind) and not kind.signed:
            checking.fail(f"{kind.name} has no negative numbers", node.at)
        place = checking.place(node)
        return Negation(first, kind, (place,)) if node.times % 2 else first
    operators = [operator for operator, _ in node.rest]
    if "%" in operators and not isinstance(kind, IntKind):
        checking.fail(f"there is no remainder with {kind.name}", node.at)
    places = tuple([checking.place(each) for each in (node, *operands[1:])])
    steps = tuple(zip(operators, rest, strict=True))
    return Calculation(first, steps, kind, places)


def _require_whole(
    checking: Checking, operands: Sequence[syntax.Expression], kind: Kind
) -> None:
    """Refuse numbers with a point among whole ones, also where they are worth one."""
    real = real_among(operands) if isinstance(kind, IntKind) else None
    if real is not None:
        fault = (
            f"{real.text} has a point or an exponent, and arithmetic with {kind.name} "
            "stays whole: write a whole number, or CAST(… AS f64) beside it"
        )
        checking.fail(fault, real.at)


def check_call(checking: Checking, node: syntax.Call, expected: Kind | None) -> Typed:
    """Give the typed form of a function or an aggregate.

    Raises:
        QueryError: there is none of this name, or it takes other arguments.
    """
    name = node.name.upper()
    name = _SYNONYMS.get(name, name)
    if name in AGGREGATES:
        return _aggregate(checking, node, cast(AggregateName, name))
    function = FUNCTIONS.get(name)
    if function is None and name not in _OTHERS:
        checking.fail(_missing(name), node.at)
    if node.arguments is None or node.is_distinct:
        what = "DISTINCT" if node.is_distinct else "*"
        checking.fail(f"{name} takes no {what}; aggregates do", node.at)
    if function is None:
        return _chosen(checking, node, name, expected)
    return _call(checking, node, name, function, expected)


def check_cast(checking: Checking, node: syntax.Cast) -> Typed:
    """Give the typed form of a number that is taken into another kind.

    What has no kind of its own is of that one.

    Raises:
        QueryError: it is no number, or there are no numbers of this kind.
    """
    kind = NUMBERS.get(node.kind.text.lower())
    if kind is None:
        known = ", ".join(dict.fromkeys([each.name for each in NUMBERS.values()]))
        fault = (
            f"CAST gives numbers ({known}; also int and double), not {node.kind.text}"
        )
        checking.fail(fault, node.kind.at)
    if is_null(node.term):
        checking.fail("CAST takes a number, and this is NULL", node.at)
    is_free = isinstance(node.term, syntax.Literal | syntax.Parameter)
    if is_free and own_kind(node.term) not in (F64, STR):
        return checking.check(node.term, kind)
    term = checking.check_output(node.term)
    if not isinstance(term.kind, IntKind | FloatKind):
        checking.fail(f"CAST takes a number, and this is {term.kind.name}", node.at)
    return Call(cast_to(kind), (term,), kind, (checking.place(node),))


def check_joined(checking: Checking, node: syntax.Arithmetic) -> Call:
    """Give the typed form of texts that are put one behind the other by ``||``.

    Raises:
        QueryError: one is no text, or another operator stands among them.
    """
    if any(operator != "||" for operator, _ in node.rest):
        checking.fail("|| stands beside + and - only in parentheses", node.at)
    terms = tuple([checking.check(each, STR) for each in operands_of(node)])
    return Call("CONCAT", terms, STR, (checking.place(node),))


def _missing(name: str) -> str:
    reason = _ABSENT.get(name)
    if reason is not None:
        return f"there is no function {name}: {reason}"
    known = sorted([*AGGREGATES, *FUNCTIONS, *_OTHERS, *_SYNONYMS])
    near = difflib.get_close_matches(name, known, 1, 0.6)
    meant = f"; did you mean {near[0]}?" if near else ""
    return f"there is no function {name}{meant}"


def _call(
    checking: Checking,
    node: syntax.Call,
    name: str,
    function: Function,
    expected: Kind | None,
) -> Call:
    given = node.arguments or ()
    parameters = function.parameters_for(len(given))
    if not function.arguments_min <= len(given) <= len(parameters):
        fault = f"{name} takes {function.arguments_said}, not {len(given)}"
        checking.fail(fault, node.at)
    arguments = []
    for argument, parameter in zip(given, parameters, strict=False):
        is_told = function.gives is None and expected is not None
        wanted = (
            expected if is_told and parameter.admits(cast(Kind, expected)) else None
        )
        arguments.append(_argument(checking, name, argument, parameter, wanted))
    kind = arguments[0].kind if function.gives is None else function.gives
    return Call(name, tuple(arguments), kind, (checking.place(node),))


def _argument(
    checking: Checking,
    name: str,
    node: syntax.Expression,
    parameter: Parameter,
    expected: Kind | None,
) -> Typed:
    kind = parameter.default if expected is None else expected
    is_free = freedom_of(node) > 0
    found = checking.check(node, kind if is_free else None)
    if not parameter.admits(found.kind):
        fault = f"{name} takes {parameter.said} here, and this is {found.kind.name}"
        checking.fail(fault, node.at)
    return found


def _chosen(
    checking: Checking, node: syntax.Call, name: str, expected: Kind | None
) -> Typed:
    """Check COALESCE, or NULLIF."""
    given = node.arguments or ()
    if len(given) < 2 or (name != "COALESCE" and len(given) > 2):
        several = "2 arguments or more" if name == "COALESCE" else "2 arguments"
        checking.fail(f"{name} takes {several}, not {len(given)}", node.at)
    if name == "NULLIF":
        first, second = checking.check_comparable(given, node.at)
        nothing = Constant(None, first.kind)
        return Cases(((Comparison("=", first, second), nothing),), first, first.kind)
    there = [each for each in given if not is_null(each)]
    if not there:
        checking.fail(f"{name} of NULL alone is NULL", node.at)
    first, *rest = checking.check_alike(there, expected)
    return Coalesce((first, *rest), first.kind) if rest else first


# Aggregates.


def _aggregate(checking: Checking, node: syntax.Call, name: AggregateName) -> Aggregate:
    if checking.no_aggregates is not None:
        checking.fail(checking.no_aggregates, node.at)
    place = (checking.place(node),)
    if node.arguments is None and name == "COUNT" and not node.is_distinct:
        return Aggregate(name, None, is_distinct=False, kind=U64, places=place)
    if node.arguments is None or len(node.arguments) != 1:
        star = " or *" if name == "COUNT" else ""
        checking.fail(f"{name} takes one argument{star}", node.at)
    [argument] = node.arguments
    with _within_aggregate(checking):
        term = checking.check_output(argument)
    kind = _kind_of(checking, name, term.kind, argument.at)
    # The least of several is so however often it is there.
    is_distinct = node.is_distinct and name not in ("MIN", "MAX")
    return Aggregate(name, term, is_distinct, kind, place)


@contextlib.contextmanager
def _within_aggregate(checking: Checking) -> Iterator[None]:
    """Refuse aggregates for a while: those of an aggregate."""
    before = checking.no_aggregates
    checking.no_aggregates = "an aggregate is of values of rows, not of an aggregate"
    yield
    checking.no_aggregates = before


def _kind_of(checking: Checking, name: str, kind: Kind, at: int) -> Kind:
    """Give the kind of an aggregate of values of a kind."""
    if name == "COUNT":
        return U64
    if name in ("MIN", "MAX"):
        checking.require_comparable(kind, at)
        return kind
    if not isinstance(kind, IntKind | FloatKind):
        checking.fail(f"{name} is of numbers, and this is {kind.name}", at)
    if name == "AVG" or isinstance(kind, FloatKind):
        return F64
    if kind.bits > 64:
        return kind
    return I64 if kind.signed else U64


# CASE.


def check_cases(checking: Checking, node: syntax.Cases, expected: Kind | None) -> Cases:
    """Give the typed form of CASE.

    Raises:
        QueryError: its values are of several kinds, or its conditions are wrong.
    """
    values = [value for _, value in node.branches]
    values += [] if node.otherwise is None else [node.otherwise]
    known = [each for each in values if not is_null(each)]
    if not known:
        checking.fail("all values of this CASE are NULL", node.at)
    typed = checking.check_alike(known, expected)
    kind = typed[0].kind
    found = iter(typed)
    nothing = Constant(None, kind)
    made = [nothing if is_null(each) else next(found) for each in values]
    otherwise: Typed = nothing if node.otherwise is None else made.pop()
    conditions = _conditions(checking, node)
    branches = tuple(zip(conditions, made, strict=True))
    # The last ones first: they are behind ELSE of those before.
    for start in range((len(branches) - 1) // BRANCHES_MAX * BRANCHES_MAX, -1, -16):
        part = branches[start : start + BRANCHES_MAX]
        otherwise = Cases(part, otherwise, kind)
    assert isinstance(otherwise, Cases)
    return otherwise


def _conditions(checking: Checking, node: syntax.Cases) -> list[Typed]:
    conditions = [condition for condition, _ in node.branches]
    if node.operand is None:
        return [checking.check(each, BOOL) for each in conditions]
    operand, *others = checking.check_comparable([node.operand, *conditions], node.at)
    return [Comparison("=", operand, each) for each in others]
