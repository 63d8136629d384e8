"""The structures behind a table's keys, alone."""

import math

import pytest

import qsdb
from qsdb.store.indexes import HashIndex, UniqueIndex
from qsdb.values.ranges import TOP


def test_top_is_above_everything() -> None:
    values: list[object] = [None, 0, "z", b"\xff", (1,), float("inf")]
    for value in values:
        assert value < TOP
        assert not value > TOP
        below: tuple[object, ...] = (value,)
        above: tuple[object, ...] = (TOP,)
        assert below < above
    assert not TOP > TOP


def test_entering_a_row_twice_in_a_hash_index_is_entering_it_once() -> None:
    index = HashIndex(lambda row: row[0], lambda row: row[1])
    index.add((1, "a"))
    index.add((1, "a"))
    assert index.keys_equal("a") == [1]

    index.add((2, "a"))
    index.add((2, "a"))
    assert index.keys_equal("a") == [1, 2]


def test_removing_a_row_that_is_not_there_is_no_error() -> None:
    def key_of(row: tuple[object, ...]) -> object:
        return row[0]

    def value_of(row: tuple[object, ...]) -> object:
        return row[1]

    hashed, unique = HashIndex(key_of, value_of), UniqueIndex(key_of, value_of, 1)
    for index in (hashed, unique):
        index.remove((1, "a"))
        index.add((1, "a"))
        index.remove((2, "a"))
        assert index.keys_equal("a") == [1]
        index.remove((1, "a"))
        assert index.keys_equal("a") == []


@pytest.mark.parametrize("kind", [HashIndex, UniqueIndex])
def test_nan_is_a_key_like_any_other(kind: type[HashIndex | UniqueIndex]) -> None:
    more = (1,) if kind is UniqueIndex else ()
    index = kind(lambda row: row[0], lambda row: row[1], *more)
    index.add((math.nan, math.nan))
    index.add((math.nan, math.nan))
    assert index.keys_equal(math.nan) == [math.nan]
    if isinstance(index, UniqueIndex):
        assert not index.is_taken((math.nan, math.nan))
        assert index.is_taken((1.0, math.nan))

    index.remove((math.nan, math.nan))
    assert index.keys_equal(math.nan) == []


def test_one_none_makes_a_key_of_several_columns_free() -> None:
    one = UniqueIndex(lambda row: row[0], lambda row: row[1], 1)
    two = UniqueIndex(lambda row: row[0], lambda row: row[1], 2)

    assert one.is_free(None)
    assert not one.is_free((None, 1))
    assert two.is_free((None, 1))
    assert not two.is_free((0, (None,)))


@pytest.mark.parametrize("kind", [HashIndex, UniqueIndex])
def test_rows_with_a_value_are_counted(kind: type[HashIndex | UniqueIndex]) -> None:
    more = (1,) if kind is UniqueIndex else ()
    index = kind(lambda row: row[0], lambda row: row[1], *more)
    index.add((1, "a"))
    assert (index.count_equal("a"), index.count_equal("b")) == (1, 0)

    if kind is HashIndex:
        index.add((2, "a"))
        index.add((None, "b"))
        assert (index.count_equal("a"), index.count_equal("b")) == (2, 1)
        index.remove((2, "a"))
        assert index.count_equal("a") == 1


def test_many_entries_are_sorted_though_their_row_keys_do_not_compare() -> None:
    module = qsdb.Module("keyless")

    class Note(qsdb.Row, module=module):
        size: int | None = qsdb.index()
        name: str | None

    db = qsdb.Database(module)
    rows = [Note(size, name) for size in (2, None, 1) for name in (None, "b", "a")]
    with db.write() as tx:
        assert tx[Note].insert_many(rows) == len(rows)
        found = [(row.size, row.name) for row in tx[Note].index("size").range()]
    db.check()

    sizes = [size for size, _ in found]
    assert sizes == [1, 1, 1, 2, 2, 2, None, None, None]
    assert set(found) == {(row.size, row.name) for row in rows}
