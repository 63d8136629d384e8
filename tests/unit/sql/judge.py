"""The slow obvious twin of compiled expressions: it walks the typed tree.

It shares nothing with `qsdb.sql.compiling` but the tree. Truth has three values, here
True, False and None, and every rule is written as SQL states it. Where SQL leaves open
whether something is looked at that cannot be worked out, such as ``1 / 0``, the rules
are those of `qsdb`: AND and OR go from the left and no further than they must, and
beside an absent value nothing is worked out.
"""

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import add, mul, sub
from typing import Any

from qsdb.sql.typed import (
    Argument,
    Between,
    Calculation,
    Call,
    Cases,
    Cell,
    Coalesce,
    Comparison,
    Constant,
    Exists,
    IsNull,
    Like,
    Logic,
    Negation,
    Not,
    Typed,
    Within,
    is_optional,
)
from qsdb.values.kinds import FloatKind, Kind
from tests.unit.sql.function_judge import called, in_room

__all__ = ["TroubleError", "holds", "judged", "order_of"]

Rows = Sequence[Sequence[Any]]


class TroubleError(Exception):
    """A result has no room, or something is divided by 0."""


def judged(  # noqa: C901, PLR0911, PLR0912  a table of rules
    node: Typed,
    rows: Rows,
    arguments: Mapping[str, Any],
    tables: Sequence[Sequence[Sequence[Any]]] = (),
) -> Any:
    """Give what an expression is; None where it is absent or unknown.

    Args:
        node: The expression.
        rows: Of each table the row at hand.
        arguments: The values of parameters.
        tables: Of each table all rows, for conditions that look for some.
    """

    def of(each: Typed) -> Any:
        return judged(each, rows, arguments, tables)

    match node:
        case Cell(source=source, place=place):
            return rows[source][place]
        case Constant(value=value):
            return value
        case Argument(name=name):
            return arguments[name]
        case IsNull(term=term):
            return of(term) is None
        case Not(term=term):
            found = of(term)
            return None if found is None else not found
        case Logic(operator=joining, terms=terms):
            tests = [partial(of, each) for each in terms]
            return _joined(tests, decisive=joining == "OR")
        case Comparison(operator=comparing, left=left, right=right):
            found = _known([left, right], of)
            return None if found is None else _compared(comparing, *found)
        case Within(term=term, choices=choices):
            return _tested(of(term), [("=", e) for e in choices], of, decisive=True)
        case Between(term=term, low=low, high=high):
            ends = [(">=", low), ("<=", high)]
            return _tested(of(term), ends, of, decisive=False)
        case Like(term=term, pattern=pattern, escape=escape):
            found = _known([term, pattern], of)
            return None if found is None else _is_like(found[0], found[1], escape)
        case Negation(term=term, kind=kind):
            found = of(term)
            return None if found is None else _fitted(kind, -found)
        case Calculation(first=first, rest=rest, kind=kind):
            operands = _known([first, *[operand for _, operand in rest]], of)
            if operands is None:
                return None
            total = operands[0]
            for (operator, _), operand in zip(rest, operands[1:], strict=True):
                total = _fitted(kind, _calculated(kind, operator, total, operand))
            return total
        case Exists(sources=sources, conditions=conditions):
            return any(
                all(
                    judged(each, found, arguments, tables) is True
                    for each in conditions
                )
                for found in _witnesses(sources, rows, tables)
            )
        case Coalesce(terms=terms):
            for each in terms:
                found = of(each)
                if found is not None:
                    return found
            return None
        case Cases(branches=branches, otherwise=otherwise):
            for condition, value in branches:
                if of(condition) is True:
                    return of(value)
            return of(otherwise)
        case Call(name=name, arguments=given, kind=kind):
            found = _known(given, of)
            return None if found is None else called(name, kind, found)
        case _:
            raise AssertionError(f"{node!r} stands in no condition of rows")


def _witnesses(
    sources: Sequence[int], rows: Rows, tables: Sequence[Sequence[Sequence[Any]]]
) -> Iterator[Rows]:
    """Yield the rows at hand with each combination of those of other tables."""
    count = max(len(rows), *[number + 1 for number in sources])
    for found in itertools.product(*[tables[number] for number in sources]):
        known = [*rows, *[()] * (count - len(rows))]
        for number, row in zip(sources, found, strict=True):
            known[number] = row
        yield known


def holds(
    node: Typed, rows: Rows, arguments: Mapping[str, Any], *, wanted: bool = True
) -> bool:
    """Say whether a predicate is true, or false; nothing is worked out beyond that.

    So what is known not to be true need not be found to be false, or unknown.
    """

    def of(each: Typed) -> Any:
        return judged(each, rows, arguments)

    match node:
        case Logic(operator=joining, terms=terms):
            told = (holds(each, rows, arguments, wanted=wanted) for each in terms)
            return all(told) if wanted is (joining == "AND") else any(told)
        case Not(term=term):
            return holds(term, rows, arguments, wanted=not wanted)
        case Within(term=term, choices=choices):
            pairs, is_any = [("=", each) for each in choices], wanted
        case Between(term=term, low=low, high=high):
            pairs, is_any = [(">=", low), ("<=", high)], not wanted
        case _:
            found: bool | None = judged(node, rows, arguments)
            return found is wanted
    value = of(term)
    if value is None:
        return False
    others = ((operator, of(other)) for operator, other in pairs)
    told = (
        other is not None and _compared(operator, value, other) is wanted
        for operator, other in others
    )
    return any(told) if is_any else all(told)


def _tested(
    value: Any,
    tests: Sequence[tuple[str, Typed]],
    of: Callable[[Typed], Any],
    *,
    decisive: bool,
) -> bool | None:
    """Compare a value that is worked out once with others, from the left."""
    if value is None:
        return None

    def tell(operator: str, other: Typed) -> bool | None:
        found = of(other)
        return None if found is None else _compared(operator, value, found)

    return _joined([partial(tell, *each) for each in tests], decisive=decisive)


def _known(nodes: Sequence[Typed], of: Callable[[Typed], Any]) -> list[Any] | None:
    """Give values; None where one is absent, and then others are not worked out.

    Those that can be absent come first, since they alone tell of that.
    """
    found = {}
    for node in sorted(nodes, key=is_optional, reverse=True):
        found[id(node)] = of(node)
        if found[id(node)] is None:
            return None
    return [found[id(node)] for node in nodes]


def _joined(terms: Sequence[Callable[[], Any]], *, decisive: bool) -> bool | None:
    """Join truths from the left, no further than needed."""
    is_unknown = False
    for term in terms:
        found: bool | None = term()
        if found is decisive:
            return decisive
        is_unknown = is_unknown or found is None
    return None if is_unknown else not decisive


def _compared(operator: str, left: Any, right: Any) -> bool:
    difference = order_of(left, right)
    return {
        "=": difference == 0,
        "<>": difference != 0,
        "<": difference < 0,
        "<=": difference <= 0,
        ">": difference > 0,
        ">=": difference >= 0,
    }[operator]


def order_of(left: Any, right: Any) -> int:
    """Give -1, 0 or 1; NaN is the greatest and equals itself."""
    if isinstance(left, float) and (math.isnan(left) or math.isnan(right)):
        return int(math.isnan(left)) - int(math.isnan(right))
    return int(left > right) - int(left < right)


def _is_like(text: str, pattern: str, escape: str | None) -> bool:
    if not pattern:
        return not text
    head, tail = pattern[0], pattern[1:]
    if head == escape:
        own, tail = tail[:1] or head, tail[1:]
        return text[:1] == own and _is_like(text[1:], tail, escape)
    if head == "%":
        return any(_is_like(text[n:], tail, escape) for n in range(len(text) + 1))
    return (
        text[:1] != "" and head in ("_", text[0]) and _is_like(text[1:], tail, escape)
    )


def _calculated(kind: Kind, operator: str, left: Any, right: Any) -> Any:
    if operator in ("/", "%"):
        if right == 0:
            raise TroubleError
        if isinstance(kind, FloatKind):
            return left / right
        sign = 1 if (left < 0) == (right < 0) else -1
        quotient = abs(left) // abs(right) * sign
        return quotient if operator == "/" else left - right * quotient
    return {"+": add, "-": sub, "*": mul}[operator](left, right)


def _fitted(kind: Kind, value: Any) -> Any:
    found = in_room(kind, value)
    if found is None:
        raise TroubleError
    return found
