"""Slow and obvious twins of the states in `qsdb.live.states`.

Each makes a whole result of whole inputs, each time anew, and shares no code with the
state that it judges. `Followed` holds a state against its twin, change after change.
"""

import functools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import Any

from qsdb.values.kinds import NAN

__all__ = [
    "Followed",
    "Row",
    "Rows",
    "changed",
    "float_mean",
    "float_sum",
    "grouped",
    "set_operation",
    "topped",
    "windowed",
]

Row = tuple[Any, ...]
Rows = list[Row]


class Followed:
    """A state beside what it was told, held against its twin after each change.

    Args:
        state: The state.
        twin: Gives the result of the inputs.
        inputs_count: How many inputs it has.
    """

    def __init__(
        self, state: Any, twin: Callable[..., Iterable[Row]], inputs_count: int = 1
    ) -> None:
        self.state = state
        self._twin = twin
        self.inputs: list[Counter[Row]] = [Counter() for _ in range(inputs_count)]
        self.result: Counter[Row] = Counter()

    def fill(self, *inputs: Rows) -> None:
        """Begin anew with rows."""
        self.inputs = [Counter(each) for each in inputs]
        self.result = Counter(self.state.fill(*inputs))
        self.check()

    def change(self, *changes: tuple[Rows, Rows]) -> tuple[Rows, Rows]:
        """Change the inputs; the changes are made net first."""
        net = []
        for rows, (inserts, deletes) in zip(self.inputs, changes, strict=True):
            after = rows + Counter(inserts)
            after.subtract(Counter(deletes))
            assert min(after.values(), default=0) >= 0, "the test deletes too much"
            after = +after
            net.append(([*(after - rows).elements()], [*(rows - after).elements()]))
            rows.clear()
            rows.update(after)
        asked = [*net[0]] if len(net) == 1 else net
        came, went = self.state.change(*asked)
        assert not Counter(came) & Counter(went), "a row both comes and goes"
        self.result.update(came)
        self.result.subtract(went)
        assert min(self.result.values(), default=0) >= 0, "a row goes that is not there"
        self.result = +self.result
        self.check()
        return came, went

    def check(self) -> None:
        """Compare what was told, what is there, and what ought to be."""
        expected = Counter(self._twin(*[[*each.elements()] for each in self.inputs]))
        assert self.result == expected, "what was told does not add up"
        assert Counter(self.state.rows()) == expected, "what is kept is wrong"


def changed(before: Rows, after: Rows) -> tuple[Rows, Rows]:
    """Give what came and what went between two bags."""
    was, now = Counter(before), Counter(after)
    return [*(now - was).elements()], [*(was - now).elements()]


# Aggregates.


def float_sum(values: Sequence[float]) -> float | None:
    """Add floats up exactly, and round once."""
    return _over(values, 1) if values else None


def float_mean(values: Sequence[float]) -> float | None:
    """Give the mean of floats, rounded once."""
    return _over(values, len(values)) if values else None


def _over(values: Sequence[float], count: int) -> float:
    odd = {str(each) for each in values if not math.isfinite(each)}
    if odd:
        return {"inf": math.inf, "-inf": -math.inf}.get("".join(odd), NAN)
    exact = sum([Fraction(each) for each in values], Fraction(0)) / count
    try:
        return float(exact) or 0.0
    except OverflowError:
        return math.inf if exact > 0 else -math.inf


def _float_last(value: float) -> tuple[bool, float]:
    return (value != value, 0.0 if value != value else value)


def grouped(
    rows: Rows, keys: Sequence[int], wanted: Sequence[tuple[str, int | None]]
) -> Rows:
    """Give a row for each group: its keys, and aggregates by their names."""
    groups: dict[Row, Rows] = {} if keys else {(): []}
    for row in rows:
        groups.setdefault(tuple([row[place] for place in keys]), []).append(row)
    return [
        (*key, *[_aggregate(name, place, group) for name, place in wanted])
        for key, group in groups.items()
    ]


def _aggregate(name: str, place: int | None, rows: Rows) -> Any:
    if place is None:
        return len(rows)
    values = [row[place] for row in rows if row[place] is not None]
    if name.endswith(" distinct"):
        values, name = [*dict.fromkeys(values)], name.removesuffix(" distinct")
    if name == "count":
        return len(values)
    return _AGGREGATES[name](values) if values else None


_AGGREGATES: dict[str, Callable[[list[Any]], Any]] = {
    "sum": sum,
    "mean": lambda values: float(Fraction(sum(values), len(values))),
    "float sum": float_sum,
    "float mean": float_mean,
    "least float": lambda values: min(values, key=_float_last),
    "greatest float": lambda values: max(values, key=_float_last),
    "least": min,
    "greatest": max,
}


# Order.


def windowed(
    rows: Rows,
    terms: Sequence[tuple[int, bool, bool]],
    offset: int,
    limit: int | None,
) -> Rows:
    """Sort by terms (column, whether it goes down, whether NULL is first), and cut."""

    def compared(one: Row, other: Row) -> int:
        for place, is_descending, absent_first in terms:
            found = _compared(
                one[place],
                other[place],
                is_descending=is_descending,
                absent_first=absent_first,
            )
            if found:
                return found
        return 0

    found = sorted(rows, key=functools.cmp_to_key(compared))[offset:]
    return found if limit is None else found[:limit]


def topped(
    rows: Rows, group: int, terms: Sequence[tuple[int, bool, bool]], limit: int
) -> Rows:
    """Give the first rows of each group."""
    groups = dict.fromkeys([row[group] for row in rows])
    return [
        row
        for key in groups
        for row in windowed(
            [each for each in rows if (each[group],) == (key,)], terms, 0, limit
        )
    ]


def _compared(one: Any, other: Any, *, is_descending: bool, absent_first: bool) -> int:
    if one is None or other is None:
        order = (other is None) - (one is None)
        return order if absent_first else -order
    sign = -1 if is_descending else 1
    if one != one or other != other:
        return sign * (bool(one != one) - bool(other != other))
    return sign * (bool(one > other) - bool(one < other))


# Two inputs.


def set_operation(operator: str, left: Rows, right: Rows) -> Rows:
    """Give what a set operation gives, by hand."""
    if operator.startswith("UNION"):
        found = left + right
    else:
        rest = [*right]
        found, unmatched = [], []
        for row in left:
            if row in rest:
                rest.remove(row)
                found.append(row)
            else:
                unmatched.append(row)
        if operator == "EXCEPT ALL":
            found = unmatched
        elif operator == "EXCEPT":
            found = [row for row in left if row not in right]
        elif operator == "INTERSECT":
            found = [row for row in left if row in right]
    return found if operator.endswith("ALL") else [*dict.fromkeys(found)]
