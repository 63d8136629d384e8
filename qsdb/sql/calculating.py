"""Values that are worked out of others, as source: sums, functions, CASE."""

from collections.abc import Callable, Sequence
from typing import Protocol

from qsdb.sql.arithmetic import divider, fitter
from qsdb.sql.functions import function_of
from qsdb.sql.places import AnyPlace
from qsdb.sql.typed import (
    Calculation,
    Call,
    Cases,
    Coalesce,
    Constant,
    Negation,
    Typed,
    is_optional,
    parts_of,
)
from qsdb.values.kinds import IntKind, Kind
from qsdb.values.source import Names

__all__ = ["Worked", "write_worked"]

Worked = Calculation | Negation | Call | Coalesce | Cases


class Writing(Protocol):
    """Who writes expressions."""

    names: Names

    def variable(self, letter: str = "x") -> str:
        """Give a name that nothing has yet."""
        ...

    def value(self, node: Typed, depth: int = 0) -> str:
        """Write what an expression is."""
        ...

    def true(self, node: Typed, depth: int = 0) -> str:
        """Write whether a predicate is true."""
        ...

    def of_known(
        self, operands: Sequence[Typed], write: Callable[[list[str]], str], depth: int
    ) -> str:
        """Write something of values that is absent where one of them is."""
        ...


def write_worked(writing: Writing, node: Worked, depth: int) -> str:
    """Write what a value is that is worked out; None where it is absent."""
    match node:
        case Calculation() | Negation():
            return _calculated(writing, node, depth)
        case Call():
            return _called(writing, node, depth)
        case Coalesce(terms=terms):
            return _coalesced(writing, terms, depth)
        case _:
            source = writing.value(node.otherwise, depth + 1)
            for condition, value in reversed(node.branches):
                test = writing.true(condition, depth + 1)
                source = f"{writing.value(value, depth + 1)} if {test} else {source}"
            return f"({source})"


def _calculated(writing: Writing, node: Calculation | Negation, depth: int) -> str:
    if isinstance(node, Negation):
        [place] = node.places or [None]
        steps = _Steps(writing, node.kind, place)
        return writing.of_known([node.term], lambda e: steps.fitting(f"-{e[0]}"), depth)
    place, *places = node.places or [None] * len([*parts_of(node)])
    steps = _Steps(writing, node.kind, place)

    def calculate(given: list[str]) -> str:
        number, *others = given
        found = []
        for (operator, term), operand, at in zip(
            node.rest, others, places, strict=True
        ):
            if operator in ("/", "%"):
                found.append(steps.divided(operator, number, operand, term, at))
            else:
                found.append(steps.fitting(f"{number} {operator} {operand}", operator))
            number = steps.total
        # A tuple, since one call in another would nest as deep as it is long.
        return found[0] if len(found) == 1 else f"({', '.join(found)})[-1]"

    operands = [node.first, *[operand for _, operand in node.rest]]
    return writing.of_known(operands, calculate, depth)


class _Steps:
    """Writes the steps of a calculation, each of which gives the total a value.

    Whole numbers are looked at where they are, whether they fit and whether a division
    needs to mind signs, and a function is called only if so: it costs as much as ten
    additions. What cannot be is not looked for: the sum of what has no sign is not less
    than 0, and 100 is not 0.
    """

    def __init__(self, writing: Writing, kind: Kind, place: AnyPlace) -> None:
        self._kind, self._names = kind, writing.names
        self._fit = writing.names.bind("fit", fitter(kind, place))
        self.total = writing.variable()

    def divided(
        self, operator: str, number: str, operand: str, term: Typed, place: AnyPlace
    ) -> str:
        """Write a division of a number, which is the total or the first operand.

        Args:
            operator: ``/`` or ``%``.
            number: What is divided.
            operand: By what.
            term: The same.
            place: Where it stands.
        """
        total, kind = self.total, self._kind
        divide = self._names.bind("divide", divider(operator, kind, place))
        if not isinstance(kind, IntKind) or not operand.isidentifier():
            return f"({total} := {self._fit}({divide}({number}, {operand})))"
        python = {"/": "//"}.get(operator, operator)
        known = term.value if isinstance(term, Constant) else None
        is_positive = isinstance(known, int) and known > 0
        if is_positive and not kind.least:
            return f"({total} := {number} {python} {operand})"
        test = f"({total} := {number}) >= 0" + ("" if is_positive else f" < {operand}")
        return (
            f"({total} := {total} {python} {operand} if {test} "
            f"else {self._fit}({divide}({total}, {operand})))"
        )

    def fitting(self, found: str, operator: str = "") -> str:
        """Write that a result is the total, if it fits.

        Args:
            found: The result.
            operator: What gives it of two numbers of the kind; empty for what else may.
        """
        total, kind = self.total, self._kind
        if not isinstance(kind, IntKind):
            return f"({total} := {self._fit}({found}))"
        known = f"({total} := {found})"
        if kind.least < 0 or operator != "-":
            known += f" <= {kind.greatest}"
        if kind.least < 0 or operator not in ("+", "*"):
            known = f"{kind.least} <= {known}"
        return f"({total} if {known} else {self._fit}({total}))"


def _called(writing: Writing, node: Call, depth: int) -> str:
    [place] = node.places or (None,)
    made = function_of(node.name).make(node.arguments[0].kind, place)
    function = writing.names.bind(node.name.lower(), made)
    return writing.of_known(
        node.arguments, lambda given: f"{function}({', '.join(given)})", depth
    )


def _coalesced(writing: Writing, terms: Sequence[Typed], depth: int) -> str:
    """Write the first value that is there; those behind it are not worked out."""
    tests: list[str] = []
    for term in terms[:-1]:
        source = writing.value(term, depth + 1)
        if not is_optional(term):
            return f"({' else '.join([*tests, source])})"
        variable = writing.variable()
        tests.append(f"{variable} if ({variable} := {source}) is not None")
    source = writing.value(terms[-1], depth + 1)
    return f"({' else '.join([*tests, source])})"
