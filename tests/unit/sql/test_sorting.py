"""Sorting: orders of all sorts of columns, and the first rows of many."""

import functools
import random
from collections.abc import Sequence
from typing import Any

import pytest

from qsdb.sql.readable import StoredRow
from qsdb.sql.relations import Ordering
from qsdb.sql.sorting import (
    Turned,
    all_of_both,
    all_of_first,
    ascending_key,
    leading_of,
    smallest,
    sorts,
)
from qsdb.sql.typed import Cell
from qsdb.values.kinds import BOOL, F64, I32, NAN, STR, Kind
from qsdb.values.source import Names, compile_source
from tests.support.relation_judge import comparing

CELLS: Sequence[tuple[Kind, bool, tuple[Any, ...]]] = (
    (I32, False, (-1, 0, 1, 2, 3)),
    (STR, False, ("", "a", "b", "é")),
    (F64, False, (-1.5, 0.0, 2.0, float("inf"), float("-inf"))),
    (BOOL, False, (False, True)),
    (I32, True, (None, 0, 1)),
    (STR, True, (None, "a", "b")),
    (F64, True, (None, NAN, 0.5)),
    (F64, False, (NAN, 0.5, 1.5)),
)
ROWS = [
    tuple([random.Random(n * 31 + seed).choice(e[2]) for n, e in enumerate(CELLS)])
    for seed in range(60)
]


def orders() -> list[tuple[Ordering, ...]]:
    """Give orders that begin with each column in each direction, and are total."""
    found = []
    for first, (kind, may_be_absent, _) in enumerate(CELLS):
        for is_descending in (False, True):
            for nulls_first in (False, True):
                cell = Cell(0, first, kind, may_be_absent)
                others = [
                    Ordering(Cell(0, n, each[0], each[1]), n % 2 == 1, n % 3 == 1)
                    for n, each in enumerate(CELLS)
                    if n != first
                ]
                found.append((Ordering(cell, is_descending, nulls_first), *others))
    return found


def evaluated(source: str, names: Names) -> Any:
    code = f"def key():\n    return {source}\n"
    made: Any = compile_source("key", code, names)["key"]
    return made()


@pytest.mark.parametrize("order", orders())
def test_rows_are_sorted_as_by_comparing_each_two(order: tuple[Ordering, ...]) -> None:
    expected = sorted(ROWS, key=functools.cmp_to_key(comparing(order, {})))
    names, passes = Names(), [*ROWS]
    for key, is_reversed in sorts(order, names):
        passes.sort(key=evaluated(key, names), reverse=is_reversed)
    assert list(map(repr, passes)) == list(map(repr, expected))
    names = Names()
    key = evaluated(ascending_key(order, names), names)
    for count in (0, 1, 3, 20, 99):
        for lead in (None, leading_of(order[0])):
            found = smallest([*ROWS], count, key, lead)[:count]
            assert list(map(repr, found)) == list(map(repr, expected[:count]))


def test_what_is_turned_sorts_the_other_way_round() -> None:
    assert [each._key for each in sorted(map(Turned, "bca"))] == [*"cba"]
    assert Turned(1) == Turned(1) != Turned(2)
    assert len({Turned(1), Turned(1)}) == 1


def test_bags_are_joined() -> None:
    left: list[StoredRow] = [(1,), (1,), (2,), (1,)]
    right: list[StoredRow] = [(1,), (1,), (3,)]
    assert all_of_both([*left], right) == [(1,), (1,)]
    assert sorted(all_of_first([*left], right)) == [(1,), (2,)]
