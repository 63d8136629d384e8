"""Numbers in queries: results stay in the kind of their operands.

Whole numbers have bounds, and what is beyond them ends the query; they are divided
towards 0, as in C and in other databases. Floats are rounded to what their kind
holds, beyond its range they are infinite; there is one NaN, and no zero has a sign.
"""

from collections.abc import Callable

from qsdb.errors import brief
from qsdb.sql.places import AnyPlace, failure
from qsdb.values.kinds import NAN, FloatKind, IntKind, Kind
from qsdb.values.singles import round_to_single

__all__ = ["divider", "fitter"]


def fitter(kind: Kind, place: AnyPlace = None) -> Callable[[float], float]:
    """Give what takes a result into a kind.

    It raises `QueryError` where a whole number has no room; floats become infinite.

    Args:
        kind: The kind.
        place: Where what gives the result stands.
    """
    if isinstance(kind, FloatKind):
        return _single if kind.bits == 32 else _double
    assert isinstance(kind, IntKind)
    least, greatest = kind.least, kind.greatest

    def fit(value: float) -> float:
        if not least <= value <= greatest:
            bounds = f"{kind.name} ({least} to {greatest})"
            raise failure(f"the result {brief(value)} is not {bounds}", place)
        return value

    return fit


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
    found = abs(a) // abs(b)
    return found if (a < 0) == (b < 0) else -found


def _remainder(a: int, b: int) -> int:
    return a - b * _quotient(a, b)


def _ratio(a: float, b: float) -> float:
    return a / b


_DIVISIONS: dict[tuple[str, type[Kind]], Callable[..., float]] = {
    ("/", IntKind): _quotient,
    ("%", IntKind): _remainder,
    ("/", FloatKind): _ratio,
}
"""Operator and kind → the function."""


def divider(operator: str, kind: Kind, place: AnyPlace = None) -> Callable[..., float]:
    """Give what divides numbers of a kind; it raises `QueryError` where that is by 0.

    Args:
        operator: ``/`` or ``%``.
        kind: The kind.
        place: Where the divisor stands.
    """
    division = _DIVISIONS[operator, type(kind)]

    def divide(a: float, b: float) -> float:
        if not b:
            raise failure("something is divided by 0", place)
        return division(a, b)

    return divide
