"""The judge of live queries: a query evaluated plainly, on tables that are lists.

Every combination of rows is looked at, one table inside the other, and a condition is
asked as soon as the rows that it is about are there. There are no indexes, no plans and
no state; nothing is shared with `qsdb.live` but the typed tree, which is read here once
more, into closures.

Truth has three values, True, False and None for unknown, and each rule is written as
SQL states it.
"""

import fnmatch
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from qsdb.sql.queries import Query
from qsdb.sql.typed import (
    Argument,
    Between,
    Calculation,
    Cell,
    Comparison,
    Constant,
    IsNull,
    Like,
    Logic,
    Not,
    Typed,
    Within,
)
from qsdb.values.kinds import IntKind

__all__ = ["Bag", "Judge", "TroubleError"]

Row = tuple[Any, ...]
Bag = Counter[Row]
Look = Callable[[Sequence[Row]], Any]


class TroubleError(Exception):
    """A result has no room in its kind."""


class Judge:
    """One query with its values.

    Attributes:
        names: Its tables, in the order of FROM.
    """

    def __init__(self, query: Query, values: Mapping[str, Any]) -> None:
        """Read a query.

        Args:
            query: The typed tree.
            values: Of its parameters, and of ``sender``, as they are stored.
        """
        self.names = [each.schema.name for each in query.sources]
        self._values = values
        self._tests: list[list[Look]] = [[] for _ in query.sources]
        for condition in query.conditions:
            self._tests[_last_source(condition)].append(self._look(condition))
        whole = query.whole
        outputs = [self._look(each.term) for each in query.outputs]
        self._project: Look = (
            (lambda rows: tuple([each(rows) for each in outputs]))
            if whole is None
            else (lambda rows: rows[whole])
        )

    def result(self, tables: Sequence[Iterable[Row]]) -> Bag:
        """Give the result for the rows of each table.

        Raises:
            TroubleError: it has no room.
        """
        found: list[Row] = []
        self._extend(found, [()] * len(tables), tables, 0)
        return Counter(found)

    def _extend(
        self,
        found: list[Row],
        rows: list[Row],
        tables: Sequence[Iterable[Row]],
        source: int,
    ) -> None:
        tests, is_last = self._tests[source], source + 1 == len(tables)
        for row in tables[source]:
            rows[source] = row
            for test in tests:
                if test(rows) is not True:
                    break
            else:
                if is_last:
                    found.append(self._project(rows))
                else:
                    self._extend(found, rows, tables, source + 1)

    def _look(self, node: Typed) -> Look:  # noqa: C901, PLR0911, PLR0912  a table of rules
        match node:
            case Cell(source=source, place=place):
                return lambda rows: rows[source][place]
            case Constant(value=value):
                return lambda _: value
            case Argument(name=name):
                given = self._values[name]
                return lambda _: given
            case IsNull(term=term):
                look = self._look(term)
                return lambda rows: look(rows) is None
            case Not(term=term):
                return _contrary(self._look(term))
            case Logic(operator=operator, terms=terms):
                looks = [self._look(each) for each in terms]
                return _joined(looks, decisive=operator == "OR")
            case Comparison(operator=operator, left=left, right=right):
                return _compared(operator, self._look(left), self._look(right))
            case Within(term=term, choices=choices):
                look = self._look(term)
                equal = [_compared("=", look, self._look(each)) for each in choices]
                return _joined(equal, decisive=True)
            case Between(term=term, low=low, high=high):
                look = self._look(term)
                ends = [
                    _compared(">=", look, self._look(low)),
                    _compared("<=", look, self._look(high)),
                ]
                return _joined(ends, decisive=False)
            case Like(term=term, pattern=pattern, escape=None):
                return _like(self._look(term), self._look(pattern))
            case Calculation(first=first, rest=rest, kind=kind):
                operands = [self._look(operand) for _, operand in rest]
                assert isinstance(kind, IntKind)
                assert {operator for operator, _ in rest} == {"+"}
                return _sum(kind, [self._look(first), *operands])
            case _:
                raise AssertionError(f"no query of the tests has {node!r}")


def _last_source(node: Any) -> int:
    """Give the last table that an expression looks at."""
    if isinstance(node, Cell):
        return node.source
    parts: list[Any] = []
    for name in getattr(node, "__attrs_attrs__", ()):
        value = getattr(node, name.name)
        parts += value if isinstance(value, tuple) else [value]
    flat = [
        part for each in parts for part in (each if type(each) is tuple else [each])
    ]
    return max(map(_last_source, flat), default=0)


def _contrary(look: Look) -> Look:
    def contrary(rows: Sequence[Row]) -> bool | None:
        found = look(rows)
        return None if found is None else not found

    return contrary


def _joined(looks: list[Look], *, decisive: bool) -> Look:
    def joined(rows: Sequence[Row]) -> bool | None:
        is_unknown = False
        for look in looks:
            found: bool | None = look(rows)
            if found is decisive:
                return decisive
            is_unknown = is_unknown or found is None
        return None if is_unknown else not decisive

    return joined


_FITS: dict[str, tuple[int, ...]] = {
    "=": (0,),
    "<>": (-1, 1),
    "<": (-1,),
    "<=": (-1, 0),
    ">": (1,),
    ">=": (0, 1),
}
"""Comparison → the signs of what is compared that it is true of."""


def _compared(operator: str, left: Look, right: Look) -> Look:
    fits = _FITS[operator]

    def compared(rows: Sequence[Row]) -> bool | None:
        one, other = left(rows), right(rows)
        if one is None or other is None:
            return None
        return _sign(one, other) in fits

    return compared


def _sign(one: Any, other: Any) -> int:
    """Give -1, 0 or 1; NaN is the greatest and equals itself."""
    if type(one) is float and (math.isnan(one) or math.isnan(other)):
        return int(math.isnan(one)) - int(math.isnan(other))
    return int(one > other) - int(one < other)


def _like(text: Look, pattern: Look) -> Look:
    def like(rows: Sequence[Row]) -> bool | None:
        one, wanted = text(rows), pattern(rows)
        if one is None or wanted is None:
            return None
        shell = re.sub(r"[\[*?]", r"[\g<0>]", wanted).translate({37: "*", 95: "?"})
        return fnmatch.fnmatchcase(one, shell)

    return like


def _sum(kind: IntKind, looks: list[Look]) -> Look:
    def total(rows: Sequence[Row]) -> int | None:
        found: list[int | None] = [look(rows) for look in looks]
        so_far = 0
        for each in found:
            if each is None:
                return None
            so_far += each
            if not kind.least <= so_far <= kind.greatest:
                raise TroubleError
        return so_far

    return total
