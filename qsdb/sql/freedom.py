"""How much of an expression's kind is its own, before anything is looked up.

A literal or a parameter has none and takes that of what it stands beside. So of several
expressions that are to be of one kind the least free one tells.
"""

from collections.abc import Sequence

from qsdb.sql import syntax
from qsdb.values.kinds import F64, I64, STR, Kind

__all__ = [
    "SENDER",
    "freedom_of",
    "is_null",
    "operands_of",
    "own_kind",
    "own_kind_of",
    "real_among",
]

SENDER = "sender"
"""The parameter that is the caller's identity; whoever runs the query gives it."""

_ALIKE = {"ABS", "CEIL", "COALESCE", "FLOOR", "IFNULL", "NULLIF", "ROUND"}
"""Functions whose value is of the kind of their arguments."""


def operands_of(node: syntax.Arithmetic) -> list[syntax.Expression]:
    """Give the operands of a sum, a product or the like."""
    return [node.first, *[operand for _, operand in node.rest]]


def _parts(node: syntax.Expression) -> list[syntax.Expression] | None:
    """Give the expressions that are of the kind of a whole one; None of others."""
    match node:
        case syntax.Negation(term=term):
            return [term]
        case syntax.Arithmetic():
            return operands_of(node)
        case syntax.Cases(branches=branches, otherwise=otherwise):
            values = [value for _, value in branches]
            found = values if otherwise is None else [*values, otherwise]
            return [each for each in found if not is_null(each)] or None
        case syntax.Call(name=name, arguments=arguments) if name.upper() in _ALIKE:
            return [each for each in arguments or () if not is_null(each)] or None
        case _:
            return None


def is_null(node: syntax.Expression) -> bool:
    """Whether an expression is NULL, as a literal."""
    return isinstance(node, syntax.Literal) and node.form == "null"


def freedom_of(node: syntax.Expression) -> int:
    """Say how free the kind of an expression is: 0 not at all, 2 wholly.

    The caller is an Identity, but may be bytes too.
    """
    match node:
        case syntax.Literal(form=form):
            return 0 if form == "bool" else 2
        case syntax.Parameter(name=name):
            return 1 if name == SENDER else 2
        case _:
            parts = _parts(node)
            return 0 if parts is None else min(map(freedom_of, parts))


def own_kind(node: syntax.Expression) -> Kind | None:
    """Give the kind of what is made of literals alone; None for all else."""
    match node:
        case syntax.Literal(form="text"):
            return STR
        case syntax.Literal(form="number", text=text):
            return I64 if text.lstrip("+-").isdigit() else F64
        case syntax.Arithmetic(rest=((operator, _), *_)) if operator == "||":
            return STR
        case _:
            return own_kind_of(_parts(node) or ())


def own_kind_of(nodes: Sequence[syntax.Expression]) -> Kind | None:
    """Give the kind of several that are to be of one, if all are made of literals."""
    kinds = {own_kind(each) for each in nodes}
    if kinds == {I64, F64}:
        return F64
    return kinds.pop() if len(kinds) == 1 else None


def real_among(nodes: Sequence[syntax.Expression]) -> syntax.Literal | None:
    """Give the first number with a point among those that give several their kind."""
    for node in nodes:
        if isinstance(node, syntax.Literal):
            if own_kind(node) == F64:
                return node
        elif (found := real_among(_parts(node) or ())) is not None:
            return found
    return None
