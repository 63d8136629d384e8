"""Windows: what ORDER BY, LIMIT and OFFSET show, and at which places (S28)."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from qsdb.live.states import windows
from qsdb.live.states.heads import SPARE, IndexedWindow
from qsdb.live.states.numbering import Numbered
from qsdb.live.states.sorting import Entry, SortTerm, entry_function
from qsdb.live.states.windows import Move, Window, composed, patched
from qsdb.values.compounds import ArrayKind, OptionKind
from qsdb.values.kinds import BOOL, F64, I32, IDENTITY, NAN, STR, TIMESTAMP
from qsdb.values.ranges import TOP

Row = tuple[Any, ...]

ID = SortTerm(0, I32)
BEST = entry_function([SortTerm(1, I32, is_descending=True), ID])
"""Rows are (id, score): the best first, of equals the one with the lower id."""


def window(*scores: int, offset: int = 0, limit: int | None = 3) -> Window:
    found = Window(BEST, offset, limit)
    found.fill([*enumerate(scores)])
    return found


# Ties.


def test_the_key_decides_between_equals() -> None:
    assert window(5, 5, 5, 5).rows() == [(0, 5), (1, 5), (2, 5)]
    assert window(5, 5, 5, 5).change([(9, 5)], []) == ([], [])
    assert window(5, 5, 5, 5).change([(-1, 5)], []) == ([(-1, 5)], [(2, 5)])


def test_the_next_comes_in_when_one_goes() -> None:
    assert window(9, 8, 7, 6).moves([], [(1, 8)]) == [
        Move((1, 8), 1, None),
        Move((3, 6), None, 2),
    ]


def test_a_row_that_changes_leaves_and_another_enters() -> None:
    assert window(9, 8, 7, 6).change([(0, 1)], [(0, 9)]) == ([(3, 6)], [(0, 9)])


def test_a_row_that_changes_moves() -> None:
    moves = window(9, 8, 7, 6).moves([(2, 10)], [(2, 7)])

    assert moves == [Move((2, 7), 2, None), Move((2, 10), None, 0)]


def test_all_are_replaced_at_once() -> None:
    found = window(9, 8, 7, 1)

    came, went = found.change([(10, 19), (11, 18), (12, 17)], found.rows())

    assert came == [(10, 19), (11, 18), (12, 17)]
    assert sorted(went) == [(0, 9), (1, 8), (2, 7)]


def test_what_is_behind_the_window_is_not_told() -> None:
    found = window(9, 8, 7, 6, 5)

    assert found.moves([(4, 3)], [(4, 5)]) == ()
    assert found.moves([(4, 5)], [(4, 3)]) == ()
    assert found.moves([], [(3, 6)]) == ()  # the first behind it
    assert found.change([], [(2, 7)]) == ([(4, 5)], [(2, 7)])


def test_only_what_is_not_sorted_by_changes() -> None:
    names = Window(entry_function([ID]), 0, 1)
    names.fill([(1, None), (2, "b")])

    assert names.change([(1, "a")], [(1, None)]) == ([(1, "a")], [(1, None)])
    assert names.change([(2, None)], [(2, "b")]) == ([], [])
    assert names.change([], [(1, "a")]) == ([(2, None)], [(1, "a")])


# Sizes.


@pytest.mark.parametrize(
    ("offset", "limit", "expected"),
    [
        (0, 10, [(0, 9), (1, 8), (2, 7)]),
        (0, None, [(0, 9), (1, 8), (2, 7)]),
        (1, None, [(1, 8), (2, 7)]),
        (0, 0, []),
        (3, 2, []),
        (9, 1, []),
        (2, 5, [(2, 7)]),
    ],
)
def test_windows_of_any_size(
    offset: int, limit: int | None, expected: list[Row]
) -> None:
    found = window(9, 8, 7, offset=offset, limit=limit)

    assert found.rows() == expected
    moves = [*found.moves([(5, 20)], [])]
    assert patched(expected, moves) == found.rows()
    moves = [*found.moves([], [(5, 20)])]
    assert found.rows() == expected
    assert len(found) == 3


def test_rows_before_the_window_shift_it() -> None:
    found = window(9, 8, 7, 6, offset=1, limit=2)

    assert found.moves([], [(0, 9)]) == [Move((1, 8), 0, None), Move((3, 6), None, 1)]
    assert found.moves([(0, 9)], []) == [Move((3, 6), 1, None), Move((1, 8), None, 0)]


@pytest.mark.parametrize("before", [(0, 0), (0, 3), (1, 2), (2, None), (9, 1)])
@pytest.mark.parametrize("after", [(0, 0), (0, 3), (1, 2), (2, None), (4, 2), (9, 1)])
def test_another_window_on_the_same_rows(
    before: tuple[int, int | None], after: tuple[int, int | None]
) -> None:
    found = window(9, 8, 7, 6, 5, 4, offset=before[0], limit=before[1])
    was = found.rows()

    moves = found.resize(*after)

    assert patched(was, moves) == found.rows()
    stay = {*was} & {*found.rows()}
    assert not stay & {move.row for move in moves}


# Order.


def test_what_is_no_plain_value_sorts_beside_all_others() -> None:
    up = entry_function([SortTerm(1, OptionKind(F64)), ID])
    down = entry_function([SortTerm(1, OptionKind(F64), is_descending=True), ID])
    first = entry_function([SortTerm(1, OptionKind(F64), absent_first=True), ID])
    rows = [(0, None), (1, NAN), (2, float("inf")), (3, 1.0), (4, NAN), (5, None)]

    assert [row[0] for row in sorted(rows, key=up)] == [3, 2, 1, 4, 0, 5]
    assert max(map(up, rows[:2])) == max(map(up, rows[1::-1])) == up(rows[0])
    assert [row[0] for row in sorted(rows, key=down)] == [0, 5, 1, 4, 2, 3]
    assert [row[0] for row in sorted(rows, key=first)] == [0, 5, 3, 2, 1, 4]


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (I32, [-5, 0, 7]),
        (BOOL, [False, True]),
        (TIMESTAMP, [-1, 0, 1]),
        (IDENTITY, [bytes(32), bytes(31) + b"\x01", b"\x01" + bytes(31)]),
        (STR, ["", "a", "ab", "b"]),
        (F64, [-float("inf"), 0.0, float("inf"), NAN]),
        (ArrayKind(F64), [(), (0.0,), (0.0, 1.0), (NAN,)]),
        (OptionKind(STR), ["", "a", None]),
    ],
)
def test_every_kind_goes_up_and_down(kind: Any, values: list[Any]) -> None:
    rows = [(n % 2, each) for n, each in enumerate([*values, *values])]
    up = entry_function([SortTerm(1, kind), ID])
    down = entry_function([SortTerm(1, kind, is_descending=True), ID])
    twice = [each for value in values for each in (value, value)]

    assert [row[1] for row in sorted(rows, key=up)] == twice
    assert [row[1] for row in sorted(rows, key=down)] == [*reversed(twice)]
    for entry in map(down, rows):
        assert () < entry < (TOP,)
        assert entry == down(entry[-1])
        assert hash(entry) == hash(down(entry[-1]))


def test_what_goes_down_equals_nothing_else() -> None:
    down = entry_function([SortTerm(0, STR, is_descending=True)])
    entry = down(("a",))

    assert entry[0] != "a"
    with pytest.raises(TypeError):
        entry[0] < "a"  # noqa: B015  it raises
    assert max(entry, (TOP,)) is not entry


# Bags.


def test_equal_rows_are_told_apart_by_numbers() -> None:
    numbered = Numbered()
    found = Window(entry_function([ID, SortTerm(1, I32)]), 0, 2)
    found.fill(numbered.fill([(7,), (7,), (7,)]))

    assert found.rows() == [(7, 0), (7, 1)]
    assert numbered.rows() == [(7, 0), (7, 1), (7, 2)]
    assert found.change(*numbered.change([], [(7,), (7,)])) == ([], [(7, 1)])
    assert numbered.change([], [(7,)]) == ([], [(7, 0)])


# Beside an index.


class Index:
    """Rows as a table has them in order."""

    def __init__(self, entry_of: Callable[[Row], Entry], count: int) -> None:
        self.entry_of = entry_of
        self.rows: dict[int, Row] = {n: (n, 1000 - n) for n in range(count)}
        self.reads = 0

    def _key(self, row: Row) -> Entry:
        return self.entry_of(row)[:-1]

    def read_after(self, bound: Entry, known: int, limit: int) -> list[Row]:
        self.reads += 1
        assert known == sum([not bound < e for e in map(self._key, self.rows.values())])
        entries = sorted(map(self.entry_of, self.rows.values()))
        return [each[-1] for each in entries if bound < each[:-1]][:limit]


def beside(count: int, offset: int, limit: int) -> tuple[Index, IndexedWindow]:
    index = Index(BEST, count)
    return index, IndexedWindow(BEST, index.read_after, offset, limit)


def test_few_rows_are_kept_and_few_are_read() -> None:
    index, found = beside(200, 0, 3)
    assert found.fill([*index.rows.values()]) == [(0, 1000), (1, 999), (2, 998)]

    for n in range(100):
        moves = found.moves([], [index.rows.pop(n)])
        assert moves == [
            Move((n, 1000 - n), 0, None),
            Move((n + 3, 997 - n), None, 2),
        ]

    assert index.reads <= 1 + 100 / SPARE
    assert len(found) <= 4 + 2 * SPARE


def test_rows_that_come_are_not_all_kept() -> None:
    index, found = beside(4, 1, 2)
    found.fill([*index.rows.values()])

    for n in range(100):
        index.rows[-n - 1] = row = (-n - 1, 2000 + n)
        found.moves([row], [])
        assert found.rows() == [index.rows[-n], index.rows[1 - n]]

    assert len(found) <= 4 + 2 * SPARE
    assert index.reads == 0
    assert found.change([], [index.rows.pop(3)]) == ([], [])  # far behind


def test_rows_that_come_behind_the_window_are_not_all_kept() -> None:
    index, found = beside(100, 0, 2)
    found.fill([*index.rows.values()])

    for n in range(100):
        index.rows[200 + n] = row = (200 + n, 990)
        assert found.moves([row], []) == ()

    assert len(found) <= 3 + 2 * SPARE
    assert found.rows() == [(0, 1000), (1, 999)]


def test_what_is_read_then_is_as_the_table_is() -> None:
    index, found = beside(100, 0, 2)
    found.fill([*index.rows.values()])
    gone = [index.rows.pop(n) for n in range(50)]
    index.rows[200] = new = (200, 1000 - 60)

    came, went = found.change([new], gone)

    assert sorted(went) == [(0, 1000), (1, 999)]
    assert came == [(50, 950), (51, 949)]


def test_a_window_beside_an_index_moves() -> None:
    index, found = beside(300, 100, 5)
    found.fill([*index.rows.values()])
    was = found.rows()

    moves = found.resize(0, 2)

    assert patched(was, moves) == found.rows() == [(0, 1000), (1, 999)]
    assert len(found) <= 3 + 2 * SPARE
    moves = found.resize(250, 100)
    assert patched([(0, 1000), (1, 999)], moves) == found.rows()
    assert len(found.rows()) == 50
    assert len(index.rows) == len(found) == 300


def test_move_of_an_empty_list() -> None:
    assert patched([], [Move((1,), None, 0)]) == [(1,)]


# Moves, one after the other.


def drawn(rng: random.Random, rows: list[Row], count: int) -> list[Move]:
    """Draw moves of a list, and make them."""
    moves = []
    for _ in range(count):
        if rows and rng.random() < 0.5:
            place = rng.randrange(len(rows))
            moves.append(Move(rows.pop(place), place, None))
        else:
            place = rng.randrange(len(rows) + 1)
            rows.insert(place, (rng.randrange(9),))
            moves.append(Move(rows[place], None, place))
    return moves


@pytest.mark.parametrize("length", [0, 1, 5, 12])
def test_parts_of_a_list_are_patched_as_the_list(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(windows, "PART", 3)
    monkeypatch.setattr(windows, "FEW", 2)
    rng = random.Random(length)
    for count in range(30):
        before = [(rng.randrange(9),) for _ in range(length)]
        after = [*before]
        moves = drawn(rng, after, count)

        assert patched(before, moves) == after


def test_many_moves_come_to_few() -> None:
    rng = random.Random(1)
    for _ in range(300):
        before = [(number,) for number in range(rng.randrange(7))]
        after = [*before]
        moves = drawn(rng, after, rng.randrange(20))

        few = composed(moves)

        assert patched(before, few) == after
        assert len(few) <= min(len(moves), len(before) + len(after))
        assert composed([*moves, *reversed([_back(each) for each in moves])]) == []


def _back(move: Move) -> Move:
    return Move(move.row, move.now, move.was)


def test_rows_that_change_places_are_not_told_in_full() -> None:
    there_and_back = [
        Move((1,), 0, None),
        Move((1,), None, 2),
        Move((2,), 0, None),
        Move((2,), None, 2),
        Move((3,), 0, None),
        Move((3,), None, 2),
    ]

    assert composed(there_and_back) == []
    assert composed(there_and_back[:4]) == [
        Move((2,), 1, None),
        Move((1,), 0, None),
        Move((1,), None, 1),
        Move((2,), None, 2),
    ]
