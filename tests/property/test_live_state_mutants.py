"""The twins of states notice planted bugs.

**Strategy**: plant one bug at a time in the text of `qsdb.live.states`
(`tests.support.mutants`), and run random changes of the state that it is in, from fixed
seeds, until its twin disagrees.

**Invariants**:

1. Each planted bug is noticed, among the first `SEEDS_MAX`.
2. Without one nothing is.
"""

import itertools
import types
from collections.abc import Callable
from random import Random

import pytest

from qsdb.live.states import (
    aggregates,
    distinct,
    folds,
    grouping,
    groups,
    heads,
    ordered,
    set_operations,
    tops,
    windows,
)
from qsdb.live.states.aggregates import average, count, count_rows, greatest, total
from qsdb.live.states.grouping import grouping_of
from qsdb.live.states.groups import Groups
from qsdb.live.states.heads import IndexedWindow
from qsdb.live.states.sorting import SortTerm, entry_function
from qsdb.live.states.windows import Window
from qsdb.sql.arithmetic import fitter
from qsdb.values.compounds import OptionKind
from qsdb.values.kinds import F64, I32, I64, NAN, STR
from tests.support import state_twins as twins
from tests.support.mutants import Mutant, planted
from tests.support.state_screens import Ordering, Screen, keyed, picked
from tests.support.state_twins import Followed, Rows

pytestmark = pytest.mark.slow

SEEDS_MAX = 60

KEYS = [None, 0, 1, 2]
NUMBERS = [None, 0.0, 0.1, 0.2, 1e308, -1e308, float("inf"), -float("inf"), NAN]

Scene = Callable[[Random], None]


def rows_of(random: Random) -> Rows:
    """Draw rows: a key, a number, and a letter."""
    return [
        (random.choice(KEYS), random.choice(NUMBERS), random.choice("ab"))
        for _ in range(random.randrange(4))
    ]


def follow(followed: Followed, random: Random, width: int = 3) -> None:
    """Change all inputs some times."""
    for _ in range(12):
        followed.change(
            *[
                (
                    [row[:width] for row in rows_of(random)],
                    picked(there, [random.randrange(30) for _ in range(2)]),
                )
                for there in followed.inputs
            ]
        )


def aggregating(random: Random) -> None:
    aggregated = [
        count_rows(),
        count(1, distinct=True),
        total(1, F64, fitter(F64)),
        average(1, F64, fitter(F64)),
        greatest(1, F64),
    ]
    names: list[tuple[str, int | None]] = [
        ("count", None),
        ("count distinct", 1),
        ("float sum", 1),
        ("float mean", 1),
        ("greatest float", 1),
    ]
    state = Groups(grouping_of((0,), aggregated))
    follow(Followed(state, lambda rows: twins.grouped(rows, (0,), names)), random)


def exchanging(random: Random) -> None:
    """Put one row in the place of another, as most commits do."""
    aggregated = [
        count_rows(),
        count(1),
        total(1, I32, fitter(I64), room=(I64.least, I64.greatest)),
        average(1, I32, fitter(F64)),
        greatest(1, I32),
    ]
    names: list[tuple[str, int | None]] = [
        ("count", None),
        ("count", 1),
        ("sum", 1),
        ("mean", 1),
        ("greatest", 1),
    ]
    followed = Followed(
        Groups(grouping_of((0,), aggregated)),
        lambda rows: twins.grouped(rows, (0,), names),
    )
    followed.fill([("a", None, n) for n in range(2)] + [("b", 7, 2)])
    for number in range(3, 30):
        gone = picked(followed.inputs[0], [random.randrange(30)])
        key = random.choice("ab")
        followed.change(([(key, random.choice([None, 1, 2]), number)], gone))


def distinctly(random: Random) -> None:
    state = distinct.DistinctRows()
    follow(Followed(state, lambda rows: [*dict.fromkeys(rows)]), random, 1)


def operating(random: Random) -> None:
    def all_of_both(left: Rows, right: Rows) -> Rows:
        return twins.set_operation("INTERSECT ALL", left, right)

    def rest(left: Rows, right: Rows) -> Rows:
        return twins.set_operation("EXCEPT", left, right)

    state = set_operations.SetOperation("INTERSECT", is_all=True)
    follow(Followed(state, all_of_both, 2), random, 1)
    state = set_operations.SetOperation("EXCEPT", is_all=False)
    follow(Followed(state, rest, 2), random, 1)


def topping(random: Random) -> None:
    terms = [SortTerm(2, STR, is_descending=True), SortTerm(1, OptionKind(F64))]
    state = tops.Tops(lambda row: row[0], entry_function(terms), 2)
    wanted = [(2, True, False), (1, False, False)]
    follow(Followed(state, lambda rows: twins.topped(rows, 0, wanted, 2)), random)


TERMS = [SortTerm(0, I32, is_descending=True), SortTerm(3, I32)]


def scored(random: Random, most: int) -> Rows:
    return [
        (random.randrange(9), 0, 0, random.randrange(400))
        for _ in range(random.randrange(most))
    ]


def windowing(random: Random) -> None:
    screen = Screen(Window(entry_function(TERMS), random.randrange(3), 3), TERMS)
    for _ in range(12):
        gone = [random.randrange(30) for _ in range(2)]
        screen.apply(scored(random, 4), picked(screen.rows, gone))
        if random.random() < 0.2:
            screen.resize(random.randrange(4), random.randrange(4))


def windowing_beside_an_index(random: Random) -> None:
    entry_of = entry_function(TERMS)
    index = Ordering(entry_of)
    window = IndexedWindow(entry_of, index.read_after, random.randrange(3), 3)
    screen = Screen(window, TERMS)
    for most in (300, *[5] * 11):
        there = screen.rows
        first = sorted(there, key=entry_of)[:12]
        inserts, deletes = keyed(there, scored(random, most), first)
        index.rows = there.copy()
        index.rows.subtract(deletes)
        index.rows.update(inserts)
        index.rows = +index.rows
        screen.apply(inserts, deletes)


SCENES: dict[str, Scene] = {
    each.__name__: each
    for each in (
        *(aggregating, exchanging, distinctly, operating, topping),
        *(windowing, windowing_beside_an_index),
    )
}

_NOTED = "before[key] = self._first(key)\n            group"

Bug = tuple[Scene, types.ModuleType, str, str]

BUGS: dict[str, Bug] = {
    "a group stays when its last row goes": (
        *(aggregating, groups),
        *("if group.count or not self._keys:", "if True:"),
    ),
    "a group was what it is after the first of its rows": (
        *(aggregating, groups),
        "            if key not in touched:\n                touched[key] = self",
        "            if True:\n                touched[key] = self",
    ),
    "NULL is added": (
        *(aggregating, groups),
        "            if value is not None:\n                fold.add(value)\n",
        "            fold.add(value or 0.0)\n",
    ),
    "what goes stays in the sum": (
        *(exchanging, grouping),
        *("{fold}.value += came - went", "{fold}.value += came"),
    ),
    "NULL in the place of a value leaves it there": (
        *(exchanging, grouping),
        *('yield f"            if went is not None: {fold}.remove(went)"', "pass"),
    ),
    "a value in the place of NULL is not taken in": (
        *(exchanging, grouping),
        *('yield f"            if came is not None: {fold}.add(came)"', "pass"),
    ),
    "the sum of nothing is 0": (
        *(exchanging, grouping),
        *(" <= {greatest} and {source}.count", " <= {greatest}"),
    ),
    "floats are added up one by one": (
        *(aggregating, aggregates),
        *(
            "return FloatTotal if isinstance(kind, FloatKind) else Total",
            "return Total",
        ),
    ),
    "the greatest stays when it goes": (
        *(aggregating, ordered),
        *("            del items[place]\n", ""),
    ),
    "NaN is sorted like other numbers": (
        *(aggregating, folds),
        *("super().add(value if value == value else TOP)", "super().add(value)"),
    ),
    "what is there twice is counted twice": (
        *(aggregating, folds),
        *("        if not count:\n", "        if True:\n"),
    ),
    "DISTINCT tells of each row that comes": (
        *(distinctly, distinct),
        *("elif not was:", "else:"),
    ),
    "DISTINCT tells of each row that goes": (
        *(distinctly, distinct),
        *("if not counts[row]:", "if counts[row] < was:"),
    ),
    "what comes several times is told once": (
        *(operating, set_operations),
        *(".extend([row] * abs(more))", ".append(row)"),
    ),
    "a row on both sides is looked at twice": (
        *(operating, set_operations),
        *(
            "                    if row not in before:\n",
            "                    if True:\n",
        ),
    ),
    "a group is told as it was after the first row that goes": (
        *(topping, tops),
        "                before[key] = self._first(key)\n            self._groups",
        "                before[key] = []\n            self._groups",
    ),
    "a group was what it is after the first row that comes": (
        *(topping, tops),
        f"            if key not in before:\n                {_NOTED}",
        f"            if True:\n                {_NOTED}",
    ),
    "one row too many of each group": (
        *(topping, tops),
        *("group.first(self._limit)", "group.first(self._limit + 1)"),
    ),
    "the last of a group are the first": (
        *(topping, ordered),
        *("return items[:count] if", "return items[-count:] if"),
    ),
    "a window is not filled up": (
        *(windowing, windows),
        *("(left if was else entered).append(entry)", "pass"),
    ),
    "what goes is thought to be behind the window": (
        *(windowing, windows),
        *("if (not gone or high < min(gone)) and", "if"),
    ),
    "places are those after the change": (
        *(windowing, windows),
        *("rank(key) - newer - offset_was", "rank(key) - offset_was"),
    ),
    "a window that moves forgets where it was": (
        *(windowing, windows),
        *("self._moved([], [], before)", "self._moved([], [], offset)"),
    ),
    "what came is told as crossing too": (
        *(windowing, windows),
        *("if id(entry) not in new and was", "if was"),
    ),
    "all rows are thought to be read": (
        *(windowing_beside_an_index, heads),
        *("entries[-1][:-1] if len(found) == count else _END", "_END"),
    ),
    "rows behind what is read are kept": (
        *(windowing_beside_an_index, heads),
        *("[each for each in come if not reach < each[:-1]]", "come"),
    ),
    "a window is read no further": (
        *(windowing_beside_an_index, heads),
        *("if missing > 0 and", "if not entries and"),
    ),
}


def is_noticed(scene: Scene) -> bool:
    """Whether anything goes wrong in a scene."""
    for seed in range(SEEDS_MAX):
        try:
            scene(Random(seed))
        except Exception:  # noqa: BLE001  whatever a bug leads to
            return True
    return False


@pytest.mark.parametrize("name", SCENES)
def test_without_a_bug_nothing_is_noticed(name: str) -> None:
    assert not is_noticed(SCENES[name])


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_noticed(bug: str) -> None:
    scene, module, text, other = BUGS[bug]

    with planted(Mutant(module, text, other)):
        assert is_noticed(scene)


def test_there_is_a_bug_for_each_scene() -> None:
    assert {scene for scene, *_ in BUGS.values()} == {*SCENES.values()}
    assert len({*itertools.chain([text for _, _, text, _ in BUGS.values()])}) > 15
