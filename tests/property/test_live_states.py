"""States tell exactly how results change, whatever comes and goes.

**Strategy**: inputs of few rows over few values, among them NULL, NaN and infinities;
changes of any size, one after the other. After each of them the state is held against a
slow twin that makes the whole result anew (`tests.support.state_twins`).

**Invariants**:

1. What was told adds up to what the twin gives; no row both comes and goes.
2. What the state has is the same; so is that of a state filled with the same rows.
3. Moves make the list that was into the list that is.
"""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.live.states.aggregates import (
    average,
    count,
    count_rows,
    greatest,
    least,
    total,
)
from qsdb.live.states.distinct import DistinctRows
from qsdb.live.states.folds import FloatTotal
from qsdb.live.states.grouping import grouping_of
from qsdb.live.states.groups import Groups
from qsdb.live.states.heads import IndexedWindow
from qsdb.live.states.numbering import Numbered
from qsdb.live.states.set_operations import SetOperation
from qsdb.live.states.sorting import SortTerm, entry_function
from qsdb.live.states.tops import Tops
from qsdb.live.states.windows import Window
from qsdb.sql.arithmetic import fitter
from qsdb.sql.syntax import SetOperator
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import F64, I32, I64, NAN, STR
from tests.support.state_screens import Ordering, Screen, keyed, picked
from tests.support.state_twins import (
    Followed,
    Row,
    Rows,
    float_mean,
    float_sum,
    grouped,
    set_operation,
    topped,
)

pytestmark = pytest.mark.slow

KEYS = st.sampled_from([None, 0, 1, 2])
NUMBERS = st.sampled_from([None, -3, 0, 1, 2, 5])
FLOATS = st.sampled_from(
    [None, 0.0, 0.1, 1.5, -2.5, 1e308, -1e308, 5e-324, float("inf"), -float("inf"), NAN]
)
TEXTS = st.sampled_from(["", "a", "b", "é"])
ROWS = st.tuples(KEYS, NUMBERS, FLOATS, TEXTS)

Steps = list[tuple[list[int], Rows]]
"""Of each change which rows of those that are there go, and which come."""


def steps_of(rows: st.SearchStrategy[Row]) -> st.SearchStrategy[Steps]:
    """Draw changes."""
    step = st.tuples(
        st.lists(st.integers(0, 30), max_size=4), st.lists(rows, max_size=4)
    )
    return st.lists(step, max_size=8)


def follow(followed: Followed, steps: Steps) -> None:
    """Change one input step by step."""
    for places, inserts in steps:
        deletes = picked(followed.inputs[0], places)
        followed.change((inserts, deletes))


def follow_two(followed: Followed, steps: list[tuple[Any, Any]]) -> None:
    """Change two inputs step by step."""
    for sides in steps:
        changes = [
            (inserts, picked(there, places))
            for there, (places, inserts) in zip(followed.inputs, sides, strict=True)
        ]
        followed.change(*changes)


def two_steps_of(rows: st.SearchStrategy[Row]) -> st.SearchStrategy[Any]:
    """Draw changes of two inputs."""
    side = st.tuples(
        st.lists(st.integers(0, 30), max_size=3), st.lists(rows, max_size=3)
    )
    return st.lists(st.tuples(side, side), max_size=8)


# Sums.


@given(st.lists(FLOATS.filter(lambda each: each is not None)), st.randoms())
def test_a_float_sum_does_not_tell_the_order(values: list[float], random: Any) -> None:
    exact = FloatTotal()
    gone = [each for each in values if random.random() < 0.5]
    for each in random.sample(values + gone, len(values + gone)):
        exact.add(each)
    for each in random.sample(gone, len(gone)):
        exact.remove(each)

    assert repr(exact.value) == repr(float_sum(values) or 0.0)
    if values:
        assert repr(exact.mean(exact.count)) == repr(float_mean(values))


@given(st.lists(st.floats()), st.lists(st.floats()))
def test_any_floats_are_added_exactly(values: list[float], gone: list[float]) -> None:
    exact = FloatTotal()
    for each in gone + values:
        exact.add(each)
    for each in gone:
        exact.remove(each)

    assert repr(exact.value) == repr(float_sum(values) or 0.0)


# Groups.

WANTED = {
    "count rows": (count_rows(), ("count", None)),
    "count": (count(1), ("count", 1)),
    "count distinct": (count(2, distinct=True), ("count distinct", 2)),
    "sum": (
        total(1, I32, fitter(I64), room=(I64.least, I64.greatest)),
        ("sum", 1),
    ),
    "sum distinct": (total(1, I32, fitter(I64), distinct=True), ("sum distinct", 1)),
    "mean": (average(1, I32, fitter(F64)), ("mean", 1)),
    "float sum": (total(2, F64, fitter(F64)), ("float sum", 2)),
    "float mean": (average(2, F64, fitter(F64)), ("float mean", 2)),
    "least": (least(1, I32), ("least", 1)),
    "greatest": (greatest(1, I32), ("greatest", 1)),
    "least float": (least(2, F64), ("least float", 2)),
    "greatest float": (greatest(2, F64), ("greatest float", 2)),
    "least text": (least(3, STR), ("least", 3)),
}


@pytest.mark.parametrize("keys", [(), (0,), (0, 3)], ids=str)
@given(data=st.data())
def test_groups(keys: tuple[int, ...], data: st.DataObject) -> None:
    names = data.draw(st.lists(st.sampled_from([*WANTED]), max_size=4))
    steps = data.draw(steps_of(ROWS))
    aggregates = [WANTED[each][0] for each in names]
    twins = [WANTED[each][1] for each in names]

    def twin(rows: Rows) -> Rows:
        return grouped(rows, keys, twins)

    followed = Followed(Groups(grouping_of(keys, aggregates)), twin)
    followed.fill([])
    follow(followed, steps)
    rows = [*followed.inputs[0].elements()]
    Followed(Groups(grouping_of(keys, aggregates)), twin).fill(rows)


# Sets and bags.


@given(steps_of(st.tuples(KEYS, FLOATS)))
def test_distinct(steps: Steps) -> None:
    followed = Followed(DistinctRows(), lambda rows: [*dict.fromkeys(rows)])
    followed.fill([])
    follow(followed, steps)


@given(steps_of(st.tuples(KEYS)))
def test_numbered(steps: Steps) -> None:
    def twin(rows: Rows) -> Rows:
        return [
            (*row, number)
            for row, many in Counter(rows).items()
            for number in range(many)
        ]

    followed = Followed(Numbered(), twin)
    followed.fill([])
    follow(followed, steps)


OPERATORS: list[SetOperator] = ["UNION", "INTERSECT", "EXCEPT"]


@pytest.mark.parametrize("is_all", [False, True])
@pytest.mark.parametrize("operator", OPERATORS)
@given(steps=two_steps_of(st.tuples(KEYS)))
def test_set_operations(*, operator: SetOperator, is_all: bool, steps: Any) -> None:
    def twin(left: Rows, right: Rows) -> Rows:
        return set_operation(f"{operator}{' ALL' * is_all}", left, right)

    followed = Followed(SetOperation(operator, is_all=is_all), twin, 2)
    followed.fill([(1,), (1,)], [(1,), (None,)])
    follow_two(followed, steps)


# The first of each group.


@given(steps_of(st.tuples(KEYS, NUMBERS, st.integers(0, 9))), st.integers(0, 3))
def test_tops(steps: Steps, limit: int) -> None:
    terms = [SortTerm(1, OptionKind(I32), is_descending=True), SortTerm(2, I32)]
    wanted = [(1, True, True), (2, False, False)]

    def state() -> Tops:
        return Tops(lambda row: row[0], entry_function(terms), limit)

    def twin(rows: Rows) -> Rows:
        return topped(rows, 0, wanted, limit)

    followed = Followed(state(), twin)
    followed.fill([(None, 1, 1), (0, None, 2)])
    follow(followed, steps)
    Followed(state(), twin).fill([*followed.inputs[0].elements()])


# Windows.

TERMS = [
    SortTerm(0, OptionKind(I32)),
    SortTerm(0, OptionKind(I32), is_descending=True),
    SortTerm(0, OptionKind(I32), absent_first=True),
    SortTerm(1, OptionKind(F64)),
    SortTerm(1, OptionKind(F64), is_descending=True),
    SortTerm(1, OptionKind(F64), is_descending=True, absent_first=False),
    SortTerm(2, STR, is_descending=True),
    SortTerm(2, STR),
]
KEY = SortTerm(3, I32)
SORTED = st.tuples(NUMBERS, FLOATS, TEXTS, st.integers(0, 40))
LIMITS = st.one_of(st.none(), st.integers(0, 5))


@given(
    st.lists(st.sampled_from(TERMS), max_size=3),
    st.integers(0, 3),
    LIMITS,
    st.lists(st.one_of(steps_of(SORTED), st.tuples(st.integers(0, 6), LIMITS))),
)
def test_windows(
    terms: list[SortTerm], offset: int, limit: int | None, steps: list[Any]
) -> None:
    terms = [*terms, KEY]
    screen = Screen(Window(entry_function(terms), offset, limit), terms)
    for step in steps:
        if isinstance(step, tuple):
            screen.resize(*step)
            continue
        for places, inserts in step:
            screen.apply(inserts, picked(screen.rows, places))
    filled = Window(entry_function(terms), screen.window.offset, screen.window.limit)

    assert filled.fill([*screen.rows]) == screen.shown


@given(
    st.lists(st.sampled_from(TERMS), max_size=2),
    st.integers(0, 3),
    st.integers(0, 4),
    st.lists(st.tuples(NUMBERS, FLOATS, TEXTS, st.integers(0, 200)), max_size=90),
    st.lists(
        st.one_of(
            steps_of(SORTED),
            st.tuples(st.integers(0, 20), st.integers(0, 5)),
            st.integers(2, 80),
        ),
        max_size=6,
    ),
)
def test_windows_beside_an_index(
    terms: list[SortTerm], offset: int, limit: int, rows: Rows, steps: list[Any]
) -> None:
    terms = [*terms, KEY]
    entry_of = entry_function(terms)
    index = Ordering(entry_of)
    window = IndexedWindow(entry_of, index.read_after, offset, limit)
    screen = Screen(window, terms)
    screen.rows = Counter({row[3]: row for row in rows}.values())
    index.rows = screen.rows
    screen.shown = window.fill([*screen.rows])
    screen.check([])
    for step in steps:
        if isinstance(step, tuple):
            screen.resize(*step)
            continue
        changes = [([0] * step, [])] if isinstance(step, int) else step
        for places, drawn in changes:  # a number is of rows that go at once
            inserts, deletes = keyed(screen.rows, drawn, picked(screen.rows, places))
            index.rows = +Counter(screen.rows)
            index.rows.subtract(deletes)
            index.rows.update(inserts)
            index.rows = +index.rows
            screen.apply(inserts, deletes)
            index.rows = screen.rows
