"""`ExactSum`: the sum of floats that come and go, as if they were added up afresh.

A float sum that is kept by adding and subtracting drifts, and it tells in which order
things happened. Here nothing is rounded before somebody looks: every finite float is a
whole number of parts of a power of two, and Python's whole numbers have no bounds. So
the sum of what is there is exact, and looking at it gives the float that is nearest,
as `math.fsum` does.

What is no number of that sort is counted apart:

1. with a NaN, or with infinities of both signs, the sum is NaN;
2. with infinities of one sign it is that infinity;
3. a sum beyond all floats is infinite, as results of calculations are
   (`qsdb.sql.arithmetic`); and it comes back when what was too much goes.
"""

from qsdb.values.kinds import NAN

__all__ = ["ExactSum"]

_INFINITY = float("inf")


class ExactSum:
    """Floats, of which the sum is known.

    Attributes:
        count: How many there are.
    """

    __slots__ = ("_bits", "_infinite", "_nans", "_negative", "_parts", "count")

    def __init__(self) -> None:
        """Begin without any."""
        self.count = 0
        self._parts = 0
        """The finite ones, as a number of parts …"""
        self._bits = 0
        """… of which 2 to the power of this make 1."""
        self._nans = self._infinite = self._negative = 0
        """How many are NaN, infinite, and infinite below 0."""

    def add(self, value: float) -> None:
        """Take one in. Cost: O(1), of what is of like size."""
        self.count += 1
        if value - value != 0.0:
            self._count(value, 1)
            return
        parts, whole = value.as_integer_ratio()
        self._move(parts, whole.bit_length() - 1)

    def remove(self, value: float) -> None:
        """Take one out that was added."""
        self.count -= 1
        if value - value != 0.0:
            self._count(value, -1)
            return
        parts, whole = value.as_integer_ratio()
        self._move(-parts, whole.bit_length() - 1)

    def sum(self) -> float:
        """Give the sum, rounded once; of nothing 0."""
        return self._over(1)

    def mean(self) -> float:
        """Give the mean, rounded once; there is one at least."""
        return self._over(self.count)

    def _move(self, parts: int, bits: int) -> None:
        if bits > self._bits:
            self._parts <<= bits - self._bits
            self._bits = bits
        self._parts += parts << (self._bits - bits)
        if not self._parts:
            self._bits = 0  # so that one tiny float does not stay for ever

    def _count(self, value: float, sign: int) -> None:
        if value != value:
            self._nans += sign
            return
        self._infinite += sign
        if value < 0:
            self._negative += sign

    def _over(self, count: int) -> float:
        if self._nans or 0 < self._negative < self._infinite:
            return NAN
        if self._infinite:
            return -_INFINITY if self._negative else _INFINITY
        try:
            # Python rounds the quotient of whole numbers once; no zero has a sign.
            return self._parts / (count << self._bits) or 0.0
        except OverflowError:
            return _INFINITY if self._parts > 0 else -_INFINITY
