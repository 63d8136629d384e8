"""Tables as joins read them: now, before the commit, and by an index of a column."""

from typing import Any

import pytest

from qsdb.live.tables import Before, FoundRows, JoinIndex, Now, Pair, Rows
from qsdb.store.current import CurrentTable
from qsdb.values.ranges import TOP, Range
from tests.unit.live.scenes import Odd, Player, opened

Row = tuple[Any, ...]


def player(key: int, group: int | None = None, level: int = 0) -> Row:
    return (key, group, level, "")


def now_of(*rows: Row, row_class: type = Player) -> Now:
    """Give a table that holds some rows."""
    db = opened()
    with db.write() as tx:
        for row in rows:
            tx.table(row_class.__name__.lower()).insert(tuple.__new__(row_class, row))
    store = db._directory.by_class[row_class].table
    return Now(store.bound.schema, CurrentTable(store))


def plain(rows: list[Any]) -> list[Row]:
    assert type(rows) is list
    return sorted([(*tuple.__iter__(row),) for row in rows], key=repr)


OLD = [player(1, 1, 5), player(2, 1, 6), player(3, None, 7)]
NEW = [player(2, 2, 6), player(3, None, 7), player(4, 1, 5)]
PAIRS: list[Pair] = [
    (OLD[0], None),
    (OLD[1], NEW[0]),
    (None, NEW[2]),
]


@pytest.fixture
def before() -> Before:
    now = now_of(*NEW)
    now.keep_index(2)
    return Before(now, PAIRS)


def by_group(*ends: object) -> tuple[int, Range, None]:
    """Give what looks in the ordered index of `Player.g` for one value."""
    kind = now_of().schema.columns[1].kind
    order = kind.order(ends[0])
    return 0, Range((order,), (order, TOP)), None


def test_a_few_rows_in_the_place_of_a_table() -> None:
    rows = Rows(OLD)

    assert rows._scan() == OLD
    assert rows._select(0, None, 1) == OLD


def test_a_few_rows_that_are_looked_up() -> None:
    rows = FoundRows(OLD, now_of(*OLD))

    assert rows._scan() == OLD
    assert rows._select(None, None, 2) == OLD[1:2]
    assert rows._select(None, None, 9) == []
    assert rows._select(-3, None, 7) == OLD[2:]
    assert rows._select(*by_group(1)) == OLD[:2]
    assert rows._select(*by_group(2)) == []


def test_before_by_all_rows(before: Before) -> None:
    assert plain(before._scan()) == OLD


@pytest.mark.parametrize(
    ("key", "found"), [(1, OLD[:1]), (2, OLD[1:2]), (3, OLD[2:]), (4, []), (9, [])]
)
def test_before_by_key(before: Before, key: int, found: list[Row]) -> None:
    assert plain(before._select(None, None, key)) == found


@pytest.mark.parametrize(("group", "found"), [(1, OLD[:2]), (2, []), (9, [])])
def test_before_by_an_ordered_index(
    before: Before, group: int, found: list[Row]
) -> None:
    assert plain(before._select(*by_group(group))) == found


def test_before_by_ranges_with_open_ends(before: Before) -> None:
    """None comes last in an ordered index."""
    [_, at_one, _] = by_group(1)
    [_, at_two, _] = by_group(2)

    assert plain(before._select(0, Range(None, None), None)) == OLD
    assert plain(before._select(0, Range(None, at_one.high), None)) == OLD[:2]
    assert plain(before._select(0, Range(at_two.low, None), None)) == OLD[2:]


@pytest.mark.parametrize(("level", "found"), [(5, OLD[:1]), (6, OLD[1:2]), (9, [])])
def test_before_by_a_kept_index(before: Before, level: int, found: list[Row]) -> None:
    assert plain(before._select(-3, None, level)) == found


def test_before_by_a_hash_index() -> None:
    old, new = (1, 1.5, False, 0, ""), (1, 2.5, False, 0, "")
    before = Before(now_of(new, row_class=Odd), [(old, new)])

    assert before._select(0, None, 1.5) == [old]
    assert before._select(0, None, 2.5) == []


def test_before_is_asked_again(before: Before) -> None:
    for _ in range(2):
        assert plain(before._select(None, None, 1)) == OLD[:1]
        assert plain(before._select(*by_group(1))) == OLD[:2]


def test_before_without_insertions() -> None:
    before = Before(now_of(), [(OLD[0], None)])

    assert before._scan() == [OLD[0]]


# Indexes that joins keep.


def test_a_kept_index_follows() -> None:
    now = now_of(*OLD)
    now.keep_index(1)
    assert plain(now._select(-2, None, 1)) == OLD[:2]

    for _ in range(2):  # twice is once
        now.apply(PAIRS)
    assert now._select(-2, None, 1) == [NEW[2]]
    assert now._select(-2, None, 2) == [NEW[0]]
    assert now.indexes[1].rows == JoinIndex(1, NEW).rows


def test_a_kept_index_is_counted() -> None:
    now = now_of(*OLD)
    now.keep_index(1)
    index = now.indexes[1]
    now.keep_index(1)
    assert now.indexes[1] is index

    now.drop_index(1)
    assert now.indexes == {1: index}

    now.drop_index(1)
    assert now.indexes == {}


def test_a_join_index_knows_no_none() -> None:
    index = JoinIndex(1, OLD)
    assert index.rows == {1: {OLD[0]: None, OLD[1]: None}}

    index.remove(OLD[2])
    index.remove(player(9, 9))
    index.remove(OLD[0])
    assert index.rows == {1: {OLD[1]: None}}

    index.remove(OLD[1])
    assert index.rows == {}


def test_now_is_the_table() -> None:
    now = now_of(*NEW)

    assert plain(now._scan()) == NEW
    assert plain(now._select(None, None, 2)) == [NEW[0]]
    assert plain(now._select(*by_group(1))) == [NEW[2]]
    assert now.value_of(None)(NEW[0]) == 2
    assert now.value_of(-3)(NEW[0]) == 6


def test_what_sorts_rows_is_made_once() -> None:
    now = now_of()

    assert now.entry_of(0) is now.entry_of(0)
    assert now.entry_of(0)(OLD[0]) < now.entry_of(0)(OLD[2])
