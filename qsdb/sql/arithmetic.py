"""Numbers in queries: results stay in the kind of their operands.

Whole numbers have bounds, and what is beyond them ends the query; they are divided
towards 0, as in C and in other databases. Floats are rounded to what their kind
holds, beyond its range they are infinite; there is one NaN, and no zero has a sign.
"""

import functools
from collections.abc import Callable

from qsdb.errors import QueryError
from qsdb.values.kinds import NAN, FloatKind, IntKind, Kind
from qsdb.values.singles import round_to_single

__all__ = ["DIVISIONS", "fitter"]


def fitter(kind: Kind) -> Callable[[float], float]:
    """Give what takes a result into a kind.

    It raises `QueryError` where a whole number has no room; floats become infinite.
    """
    if isinstance(kind, FloatKind):
        return _single if kind.bits == 32 else _double
    assert isinstance(kind, IntKind)
    return functools.partial(_fit, kind)


def _fit(kind: IntKind, value: int) -> int:
    if not kind.least <= value <= kind.greatest:
        bounds = f"{kind.least} to {kind.greatest}"
        raise QueryError(f"the result {value} is not {kind.name} ({bounds})")
    return value


def _double(value: float) -> float:
    """Give a float as it is stored: there is one NaN, and no zero has a sign."""
    return NAN if value != value else value or 0.0


def _single(value: float) -> float:
    try:
        return _double(round_to_single(value))
    except OverflowError:
        return float("inf") if value > 0 else float("-inf")


def _quotient(a: int, b: int) -> int:
    """Divide whole numbers, towards 0."""
    _refuse_zero(b)
    found = abs(a) // abs(b)
    return found if (a < 0) == (b < 0) else -found


def _remainder(a: int, b: int) -> int:
    return a - b * _quotient(a, b)


def _ratio(a: float, b: float) -> float:
    _refuse_zero(b)
    return a / b


def _refuse_zero(divisor: float) -> None:
    if not divisor:
        raise QueryError("something is divided by 0")


DIVISIONS: dict[tuple[str, type[Kind]], Callable[..., float]] = {
    ("/", IntKind): _quotient,
    ("%", IntKind): _remainder,
    ("/", FloatKind): _ratio,
}
"""Operator and kind → the function, which refuses a 0."""
