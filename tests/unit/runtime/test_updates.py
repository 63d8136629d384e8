"""Updates: pairs, and several of them as one."""

import random
from collections import Counter

import pytest

from qsdb.live.differences import Difference
from qsdb.live.states.windows import Move, change_of, patched
from qsdb.runtime.updates import Shape, Update, difference_of, merged

Row = tuple[object, ...]

SHAPE = Shape(("id", "n"), list, lambda row: row[0])
EVENTS = Shape(("id", "n"), list, None, is_event=True)


def update(
    offset: int, inserts: list[Row], deletes: list[Row], shape: Shape = SHAPE
) -> Update:
    return Update(offset, Difference(inserts, deletes), shape)


def test_what_it_is_about() -> None:
    one = update(5, [(1, 1)], [])

    assert (one.offset, one.offsets) == (5, range(5, 6))
    assert repr(one) == "<Update at offset 5: 1 inserts, 0 deletes>"


def test_rows_of_one_key_are_paired_each_once() -> None:
    came: list[Row] = [(1, 2), (1, 2), (2, 0), (3, 1)]
    went: list[Row] = [(1, 1), (3, 0), (3, 0), (4, 4)]

    assert update(5, came, went).updates == [((1, 1), (1, 2)), ((3, 0), (3, 1))]
    assert update(5, came * 2, went * 2).updates == [
        ((1, 1), (1, 2)),
        ((1, 1), (1, 2)),
        ((3, 0), (3, 1)),
        ((3, 0), (3, 1)),
    ]
    assert update(5, came, went, EVENTS).updates == []


def test_several_as_one() -> None:
    one = merged(
        [
            update(5, [(1, 1)], [(2, 2)]),
            merged([update(7, [(2, 3)], []), update(8, [(3, 3)], [(1, 1)])]),
            update(9, [(3, 4)], [(3, 3)]),
        ]
    )

    assert (one.offset, one.offsets) == (9, range(5, 10))
    assert sorted(one.inserts) == [(2, 3), (3, 4)]
    assert one.deletes == [(2, 2)]
    assert one.updates == [((2, 2), (2, 3))]
    assert repr(one) == "<Update at offsets 5 to 9: 2 inserts, 1 deletes>"


SORTED = Shape(("id", "n"), list, lambda row: row[0], is_ordered=True)


def moved(offset: int, *moves: Move) -> Update:
    inserts, deletes = change_of(moves)
    return Update(offset, Difference(inserts, deletes, moves=moves), SORTED)


def test_moves_of_several_come_to_the_same() -> None:
    moves = [
        Move((1, 1), 0, None),
        Move((2, 2), None, 1),
        Move((2, 2), 1, None),
        Move((3, 3), None, 0),
    ]

    one = merged([moved(5, *moves[:2]), moved(6, *moves[2:])])

    assert one.moves == [moves[0], moves[3]]
    assert (one.inserts, one.deletes) == ([(3, 3)], [(1, 1)])
    assert update(5, [(1, 1)], []).moves is None


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        ("abc", "abc", 0),
        ("abc", "xbc", 2),
        ("abc", "abx", 2),
        ("abc", "axyc", 3),
        ("abc", "", 3),
        ("", "abc", 3),
        ("aab", "ab", 1),
        ("abc", "cba", 6),
    ],
)
def test_the_difference_of_two_lists(before: str, after: str, count: int) -> None:
    was: list[Row] = [(each,) for each in before]
    now: list[Row] = [(each,) for each in after]

    found = difference_of(was, now, SORTED)

    assert found.moves is not None
    assert len(found.moves) == count
    assert patched(was, found.moves) == now
    assert difference_of(was, now, SHAPE).moves is None


def test_a_result_that_only_moved_says_something() -> None:
    moves = [Move((1, 1), 0, None), Move((1, 1), None, 1)]

    assert Update(5, Difference([], [], moves=moves), SORTED)


def test_several_that_say_nothing_together() -> None:
    assert not merged([update(5, [(1, 1)], []), update(6, [], [(1, 1)])])
    assert update(5, [(1, 1)], [])


def test_events_add_up() -> None:
    one = merged([update(5, [(1, 1)], [], EVENTS), update(6, [(1, 1)], [], EVENTS)])

    assert one.is_event
    assert one.inserts == [(1, 1), (1, 1)]


def test_any_updates_add_up_to_what_they_do_one_by_one() -> None:
    rng = random.Random(1)
    for _ in range(200):
        first = Counter[Row]([(rng.randrange(3), rng.randrange(2)) for _ in range(4)])
        result, updates = first.copy(), list[Update]()
        for offset in range(5, 5 + rng.randrange(1, 7)):
            before = result.copy()
            for _ in range(rng.randrange(4)):
                row = (rng.randrange(3), rng.randrange(2))
                result[row] = max(0, result[row] + rng.choice((-1, 1)))
            came, went = result - before, before - result
            inserts, deletes = [*came.elements()], [*went.elements()]
            updates.append(update(offset, inserts, deletes))

        one = merged(updates)

        assert not Counter(one.inserts) & Counter(one.deletes)
        first.update(one.inserts)
        first.subtract(one.deletes)
        assert +first == +result
