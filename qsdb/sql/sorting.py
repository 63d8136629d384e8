"""Orders as source, and what is done with bags of rows."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter

from qsdb.sql.readable import StoredRow
from qsdb.sql.relations import Ordering
from qsdb.sql.typed import Cell
from qsdb.values.compounds import EnumKind
from qsdb.values.kinds import (
    BoolKind,
    FloatKind,
    IntKind,
    Kind,
    MicrosKind,
    Stored,
)
from qsdb.values.source import Names

__all__ = [
    "all_of_both",
    "all_of_first",
    "ascending_key",
    "first_of_each",
    "key_function",
    "smallest",
    "sorts",
]

_NEGATED = (BoolKind, IntKind, MicrosKind, EnumKind)
"""Kinds whose values can be turned round by a minus."""


def sorts(order: Sequence[Ordering], names: Names) -> Iterator[tuple[str, bool]]:
    """Yield sorts to be done one after the other: the key, and whether it is reversed.

    A sort keeps the order of equals, so the last terms come first. Neighbours of one
    direction are one sort.
    """
    runs = [
        (is_descending, [*terms])
        for is_descending, terms in groupby(order, lambda each: each.is_descending)
    ]
    for is_descending, terms in reversed(runs):
        yield _key(terms, names), is_descending


def _key(terms: Sequence[Ordering], names: Names) -> str:
    """Write a key by which rows sort, or sort reversed."""
    cells = [each.term for each in terms if isinstance(each.term, Cell)]
    if all(e.kind.is_naturally_ordered and not e.is_optional for e in cells):
        return names.bind("key", itemgetter(*[each.place for each in cells]))
    keys = []
    for each, cell in zip(terms, cells, strict=True):
        is_last = each.is_descending == each.are_nulls_first
        source = cell.kind.order_source(_spelt(cell), names)
        keys.append(_with_null(cell, source, is_last=is_last))
    return f"lambda r0: ({''.join([f'{each}, ' for each in keys])})"


def _spelt(cell: Cell) -> str:
    return f"r0[{cell.place}]"


def _with_null(cell: Cell, source: str, *, is_last: bool) -> str:
    """Write a key that has a place for NULL, if there may be one."""
    if not cell.is_optional:
        return source
    absent, present = (1, 0) if is_last else (0, 1)
    return f"(({absent},) if {_spelt(cell)} is None else ({present}, {source}))"


def ascending_key(order: Sequence[Ordering], names: Names) -> str:
    """Write one key by which rows sort, whichever directions there are."""
    if not any(each.is_descending for each in order):
        return _key(order, names)
    keys = []
    for each in order:
        assert isinstance(each.term, Cell)
        source = each.term.kind.order_source(_spelt(each.term), names)
        if each.is_descending:
            source = _turned(each.term, names)
        is_last = not each.are_nulls_first
        keys.append(_with_null(each.term, source, is_last=is_last))
    return f"lambda r0: ({''.join([f'{each}, ' for each in keys])})"


def _turned(cell: Cell, names: Names) -> str:
    """Write a key by which values sort the other way round."""
    spelt, kind = _spelt(cell), cell.kind
    if isinstance(kind, _NEGATED):
        return f"-{spelt}"
    if isinstance(kind, FloatKind):  # NaN is the greatest
        return f"((0,) if {spelt} != {spelt} else (1, -{spelt}))"
    return f"{names.bind('Turned', Turned)}({_order(kind, spelt, names)})"


def _order(kind: Kind, spelt: str, names: Names) -> str:
    return kind.order_source(spelt, names)


class Turned:
    """A value that sorts the other way round."""

    __slots__ = ("_key",)

    def __init__(self, key: object) -> None:
        """Turn a key round."""
        self._key = key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Turned) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __lt__(self, other: "Turned") -> bool:
        return other._key < self._key  # type: ignore[operator,no-any-return]


_FEW = 8
"""A heap is worth it for less than one in so many rows."""


Leading = Callable[[list[StoredRow], int], list[StoredRow]]
"""Takes rows and a number, and leaves out rows that cannot be among so many first."""


def leading_of(first: Ordering) -> Leading | None:
    """Give what leaves out rows by the first term of an order; None if nothing does.

    It looks at that term alone, so it costs less than to compare whole keys.
    """
    cell = first.term
    assert isinstance(cell, Cell)
    is_float = isinstance(cell.kind, FloatKind)
    if cell.is_optional or not (is_float or cell.kind.is_naturally_ordered):
        return None
    value_of, is_descending = itemgetter(cell.place), first.is_descending

    def lead(rows: list[StoredRow], count: int) -> list[StoredRow]:
        values = [*map(value_of, rows)]
        if is_float and any(each != each for each in values):
            return rows
        if is_descending:
            edge = heapq.nlargest(count, values)[-1]
            return [r for r, v in zip(rows, values, strict=True) if v >= edge]
        edge = heapq.nsmallest(count, values)[-1]
        return [r for r, v in zip(rows, values, strict=True) if v <= edge]

    return lead


def smallest(
    rows: list[StoredRow],
    count: int,
    key: Callable[[StoredRow], object],
    lead: Leading | None,
) -> list[StoredRow]:
    """Give the first rows of an order, and perhaps some that come behind.

    Args:
        rows: Rows, in any order; the list is this function's own.
        count: How many.
        key: Gives what they sort by.
        lead: Leaves out rows by their first key alone.
    """
    if 0 < count < len(rows) // _FEW:
        if lead is None:
            return heapq.nsmallest(count, rows, key)  # type: ignore[arg-type]
        rows = lead(rows, count)
    rows.sort(key=key)  # type: ignore[arg-type]
    return rows


def key_function(places: Sequence[int]) -> Callable[[StoredRow], Stored]:
    """Give what gives the values of a row at some places, as what has a hash."""
    return itemgetter(*places) if places else lambda _: ()


def first_of_each(
    rows: list[StoredRow],
    count: int,
    group_of: Callable[[StoredRow], Stored],
    key: Callable[[StoredRow], object],
) -> list[StoredRow]:
    """Give the first rows of each group.

    Args:
        rows: All rows.
        count: How many.
        group_of: Gives what rows of one group have in common.
        key: Gives what they sort by.
    """
    groups: dict[Stored, list[StoredRow]] = {}
    for row in rows:
        groups.setdefault(group_of(row), []).append(row)
    return [
        row
        for each in groups.values()
        for row in heapq.nsmallest(count, each, key)  # type: ignore[arg-type]
    ]


def all_of_both(left: list[StoredRow], right: list[StoredRow]) -> list[StoredRow]:
    """Give the rows of two bags as often as they are in both."""
    return [*(Counter(left) & Counter(right)).elements()]


def all_of_first(left: list[StoredRow], right: list[StoredRow]) -> list[StoredRow]:
    """Give the rows of a bag, less those of another one."""
    return [*(Counter(left) - Counter(right)).elements()]
