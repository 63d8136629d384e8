"""Entries: rows as a window sorts them, by columns that go up or down.

An entry is a tuple with a comparable thing for each term of ORDER BY, and the row at
its end. The terms are a *total order*: the last of them tell any two rows apart, as a
primary key does. So two entries never come to compare their rows, and which of two
equal scores stands first is no accident.

What stands for a value is the value itself wherever that sorts as it should, and a
number with the other sign where the column goes down; NaN and NULL have stand-ins that
lie beside all values. So an entry needs little memory. Going up, NaN stands behind all
numbers and NULL behind everything; going down it is the other way round, unless it is
said where NULL stands.
"""

from collections.abc import Callable, Sequence
from typing import Any

import attrs

from qsdb.sql.readable import StoredRow
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import (
    BigEndianKind,
    BoolKind,
    FloatKind,
    IntKind,
    Kind,
    MicrosKind,
)
from qsdb.values.ranges import TOP
from qsdb.values.source import Names, compile_source

__all__ = ["Entry", "SortTerm", "entry_function"]

Comparable = Any
"""What compares with its like."""

Entry = tuple[Comparable, ...]
"""Comparable things, and the row."""


@attrs.frozen
class SortTerm:
    """One term of ORDER BY.

    Attributes:
        place: The column.
        kind: Of its values.
        is_descending: Whether it goes down.
        absent_first: Whether NULL stands before everything; None for what the module's
            text says.
    """

    place: int
    kind: Kind
    is_descending: bool = False
    absent_first: bool | None = None


class _Edge:
    """Something that lies beside all values; those below 0 lie before them."""

    __slots__ = ("_rank",)

    def __init__(self, rank: int) -> None:
        self._rank = rank

    def __lt__(self, other: object) -> bool:
        if isinstance(other, _Edge):
            return self._rank < other._rank
        return other is TOP or self._rank < 0

    def __gt__(self, other: object) -> bool:
        if isinstance(other, _Edge):
            return self._rank > other._rank
        return other is not TOP and self._rank > 0


_ABSENT_FIRST, _NAN_FIRST, _NAN_LAST, _ABSENT_LAST = map(_Edge, (-2, -1, 1, 2))


class _Downward:
    """A thing that sorts the other way round."""

    __slots__ = ("_key",)

    def __init__(self, key: Comparable) -> None:
        self._key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Downward) and bool(self._key == other._key)

    def __hash__(self) -> int:
        return hash(self._key)

    def __lt__(self, other: Comparable) -> bool:
        if isinstance(other, _Downward):
            return bool(other._key < self._key)
        return NotImplemented


def entry_function(terms: Sequence[SortTerm]) -> Callable[[StoredRow], Entry]:
    """Compile what gives the entry of a row."""
    names = Names()
    parts = [_source(term, names) for term in terms]
    source = f"def entry(row):\n    return ({', '.join([*parts, 'row'])},)\n"
    function = compile_source("order", source, names)["entry"]
    assert callable(function)
    return function


def _source(term: SortTerm, names: Names) -> str:
    value, kind = f"row[{term.place}]", term.kind
    if not isinstance(kind, OptionKind):
        return _value_source(value, kind, names, is_descending=term.is_descending)
    is_first = term.absent_first
    if is_first is None:
        is_first = term.is_descending
    absent = names.bind("absent", _ABSENT_FIRST if is_first else _ABSENT_LAST)
    present = _value_source(value, kind.inner, names, is_descending=term.is_descending)
    return f"({absent} if {value} is None else {present})"


def _value_source(value: str, kind: Kind, names: Names, *, is_descending: bool) -> str:
    sign = "-" if is_descending else ""
    if isinstance(kind, FloatKind):
        nan = names.bind("nan", _NAN_FIRST if is_descending else _NAN_LAST)
        return f"({sign}{value} if {value} == {value} else {nan})"
    if not is_descending:
        return kind.order_source(value, names)
    if isinstance(kind, IntKind | MicrosKind | BoolKind):
        return f"-{value}"
    if isinstance(kind, BigEndianKind):
        return f"-_int.from_bytes({value})"
    downward = names.bind("downward", _Downward)
    return f"{downward}({kind.order_source(value, names)})"
