"""Values that are worked out of others, as source: sums, functions, CASE."""

from collections.abc import Callable, Sequence
from typing import Protocol

from qsdb.sql.arithmetic import divider, fitter
from qsdb.sql.functions import FUNCTIONS
from qsdb.sql.typed import (
    Calculation,
    Call,
    Cases,
    Coalesce,
    Negation,
    Typed,
    is_optional,
    parts_of,
)
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
    kind, names = node.kind, writing.names
    place, *places = node.places or [None] * len([*parts_of(node)])
    fit = names.bind("fit", fitter(kind, place))
    if isinstance(node, Negation):
        return writing.of_known([node.term], lambda e: f"{fit}(-{e[0]})", depth)

    def calculate(given: list[str]) -> str:
        steps, total = [given[0]], writing.variable()
        steps_left = zip(node.rest, given[1:], places, strict=True)
        for (operator, _), operand, at in steps_left:
            found = f"{total} {operator} {operand}"
            if operator in ("/", "%"):
                divide = names.bind("divide", divider(operator, kind, at))
                found = f"{divide}({total}, {operand})"
            steps.append(f"{fit}({found})")
        # A tuple, since one call in another would nest as deep as it is long.
        return f"({', '.join([f'({total} := {each})' for each in steps])})[-1]"

    operands = [node.first, *[operand for _, operand in node.rest]]
    return writing.of_known(operands, calculate, depth)


def _called(writing: Writing, node: Call, depth: int) -> str:
    [place] = node.places or (None,)
    made = FUNCTIONS[node.name].make(node.arguments[0].kind, place)
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
