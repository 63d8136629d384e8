"""Folds: what is kept of one column of a group, as values come and go.

`qsdb.live.states.aggregates` reads results off them. NULL never comes here, and all
values of one fold are of one kind. A fold is made by a class, or by what equals another
if it makes the same; so aggregates of one column share one.
"""

from collections.abc import Callable
from typing import Any, Protocol

import attrs

from qsdb.live.states.ordered import Ordered
from qsdb.sql.exact import ExactSum
from qsdb.values.kinds import NAN, FloatKind, Kind, Stored
from qsdb.values.ranges import TOP

__all__ = [
    "Count",
    "Distinct",
    "DistinctOf",
    "FloatTotal",
    "Fold",
    "InOrder",
    "Total",
]


Value = Any
"""What a fold is made for."""


class Fold(Protocol):
    """Values of one column, or what matters of them."""

    def add(self, value: Value) -> None:
        """Take a value in."""
        ...

    def remove(self, value: Value) -> None:
        """Take a value out that was added."""
        ...


class Count:
    """How many there are.

    Attributes:
        count: The number.
    """

    __slots__ = ("count",)

    def __init__(self) -> None:
        """Begin without any."""
        self.count = 0

    def add(self, _: Stored) -> None:
        """Count one more."""
        self.count += 1

    def remove(self, _: Stored) -> None:
        """Count one fewer."""
        self.count -= 1


class Total:
    """Whole numbers: their sum, exact and without bounds.

    Attributes:
        count: How many there are.
        value: The sum.
    """

    __slots__ = ("count", "value")

    def __init__(self) -> None:
        """Begin without any."""
        self.count = self.value = 0

    def add(self, value: int) -> None:
        """Take a value in."""
        self.count += 1
        self.value += value

    def remove(self, value: int) -> None:
        """Take a value out."""
        self.count -= 1
        self.value -= value

    def mean(self, count: int) -> float:
        """Give the sum divided by a number, rounded once."""
        return self.value / count


class FloatTotal(ExactSum):
    """Floats: their sum, exact, as if they were added up afresh.

    Attributes:
        count: How many there are.
    """

    __slots__ = ("count",)

    def __init__(self) -> None:
        """Begin without any."""
        super().__init__()
        self.count = 0

    def add(self, value: float) -> None:
        self.count += 1
        super().add(value)

    def remove(self, value: float) -> None:
        self.count -= 1
        super().remove(value)


class _Floats(Ordered[Any]):
    """Floats in order: NaN stands last, and so it is the greatest."""

    __slots__ = ()

    def __getitem__(self, place: int) -> Stored:
        found = super().__getitem__(place)
        return NAN if found is TOP else found

    def add(self, value: float) -> None:
        super().add(value if value == value else TOP)

    def remove(self, value: float) -> None:
        super().remove(value if value == value else TOP)


class _Keyed(Ordered[Any]):
    """Values that do not sort by themselves, each behind its order key."""

    __slots__ = ("_order",)

    def __init__(self, order: Callable[[Stored], Stored]) -> None:
        super().__init__()
        self._order = order

    def __getitem__(self, place: int) -> Stored:
        found: Stored = super().__getitem__(place)[1]
        return found

    def add(self, value: Stored) -> None:
        super().add((self._order(value), value))

    def remove(self, value: Stored) -> None:
        super().remove((self._order(value), value))


@attrs.frozen
class InOrder:
    """Makes folds that have all values, in the order of their kind."""

    kind: Kind

    def __call__(self) -> Ordered[Any]:
        """Make one."""
        if isinstance(self.kind, FloatKind):
            return _Floats()
        return Ordered() if self.kind.is_naturally_ordered else _Keyed(self.kind.order)


class Distinct:
    """Each value once, in another fold.

    Attributes:
        inner: The other.
    """

    __slots__ = ("_counts", "inner")

    def __init__(self, inner: Fold) -> None:
        """Begin without any."""
        self.inner: Any = inner
        self._counts: dict[Stored, int] = {}

    def add(self, value: Stored) -> None:
        """Take a value in."""
        count = self._counts.get(value, 0)
        self._counts[value] = count + 1
        if not count:
            self.inner.add(value)

    def remove(self, value: Stored) -> None:
        """Take a value out."""
        count = self._counts[value] - 1
        if count:
            self._counts[value] = count
        else:
            del self._counts[value]
            self.inner.remove(value)


@attrs.frozen
class DistinctOf:
    """Makes folds that have each value once."""

    make: Callable[[], Fold]

    def __call__(self) -> Distinct:
        """Make one."""
        return Distinct(self.make())
