"""How costs grow: the exponent that fits best.

A cost that grows as size to the power of e is a straight line of slope e where both
axes are logarithmic: 0 is no growth, 1 is in proportion. The slope is that of least
squares.
"""

import math
from collections.abc import Sequence

__all__ = ["exponent"]


def exponent(points: Sequence[tuple[float, float]]) -> float:
    """Give the e of y ~ x ** e that fits best.

    Raises:
        ValueError: there are fewer than two different x.
    """
    logs = [(math.log(x), math.log(y)) for x, y in points]
    x_mean = sum(x for x, _ in logs) / len(logs)
    y_mean = sum(y for _, y in logs) / len(logs)
    width = sum((x - x_mean) ** 2 for x, _ in logs)
    if width == 0:
        raise ValueError("an exponent needs two different sizes")
    return sum((x - x_mean) * (y - y_mean) for x, y in logs) / width
