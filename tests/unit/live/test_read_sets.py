"""Read sets: whom a changed row concerns, and what is left when all have gone."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qsdb
from qsdb import u8
from qsdb.live.read_sets import ReadSets
from qsdb.schema.tables import TableSchema
from qsdb.store.watched import PointRead, RangeRead, Read, TableRead
from qsdb.values.ranges import TOP, Range

hall = qsdb.Module("hall")


class Seat(qsdb.Row, module=hall, indexes=[qsdb.BTree("row", "price", name="by_row")]):
    number: u8 = qsdb.primary_key()
    row: u8
    price: u8
    kind: str = qsdb.index("hash", default="")


class Note(qsdb.Row, module=hall):
    text: str


SCHEMAS: dict[str, TableSchema] = {
    each.schema.name: each.schema for each in hall.compiled().tables
}
KIND, BY_ROW = 0, 1


@pytest.fixture
def readers() -> ReadSets[str]:
    return ReadSets(SCHEMAS.__getitem__)


def test_who_has_read_by_a_key_is_concerned(readers: ReadSets[str]) -> None:
    readers.enter("one", [PointRead("seat", None, 1)])
    readers.enter("x", [PointRead("seat", KIND, "x")])
    readers.enter("all", [TableRead("seat")])
    readers.enter("note", [PointRead("note", None, ("hello",))])

    assert "seat" in readers
    assert "nose" not in readers
    assert len(readers) == 2
    old, new = (1, 1, 5, "x"), (1, 1, 5, "y")
    assert [*readers.concerned("seat", [(old, new)])] == ["all", "one", "x"]
    assert [*readers.concerned("seat", [(None, (2, 1, 5, "z"))])] == ["all"]
    assert [*readers.concerned("seat", [((2, 1, 5, "x"), None)])] == ["all", "x"]
    assert [*readers.concerned("note", [(("hello",), None)])] == ["note"]
    assert [*readers.concerned("note", [(("no",), None)])] == []
    assert [*readers.concerned("nose", [(None, (1,))])] == []


@pytest.mark.parametrize(
    ("within", "rows"),
    [
        (Range(None, None), [(1, 5), (2, 5), (2, 6)]),
        (Range((2,), (2, TOP)), [(2, 5), (2, 6)]),
        (Range((2, 5), (2, 6)), [(2, 5)]),
        (Range((2, 5, TOP), None), [(2, 6)]),
        (Range(None, (2, 5, TOP)), [(1, 5), (2, 5)]),
        (Range((3,), None), []),
    ],
)
def test_ends_of_ranges_count(
    readers: ReadSets[str], within: Range, rows: list[Any]
) -> None:
    readers.enter("it", [RangeRead("seat", BY_ROW, within)])
    found = [
        row
        for row in [(1, 5), (2, 5), (2, 6)]
        if readers.concerned("seat", [((9, *row, ""), None)])
    ]
    assert found == rows


def test_entering_and_leaving_twice_is_once(readers: ReadSets[str]) -> None:
    reads: list[Read] = [
        PointRead("seat", None, 1),
        RangeRead("seat", BY_ROW, Range(None, None)),
        TableRead("seat"),
    ]
    for _ in range(2):
        readers.enter("it", reads)
    readers.enter("other", reads)
    for _ in range(2):
        readers.leave("it", reads)
    assert [*readers.concerned("seat", [((1, 1, 1, ""), None)])] == ["other"]
    readers.leave("it", [PointRead("seat", None, 7), PointRead("seat", KIND, "q")])
    readers.leave("it", [RangeRead("seat", BY_ROW, Range((1,), None))])
    for _ in range(2):
        readers.leave("other", reads)
    assert len(readers) == 0


ROWS = st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 3), st.just(""))
PRICES = st.integers(0, 3)
BOUNDS = st.one_of(
    st.none(),
    st.tuples(st.integers(0, 2)),
    st.tuples(st.integers(0, 2), PRICES),
    st.tuples(st.integers(0, 2), st.just(TOP)),
    st.tuples(st.integers(0, 2), PRICES, st.just(TOP)),
)
READS = st.one_of(
    st.builds(PointRead, st.just("seat"), st.none(), st.integers(0, 3)),
    st.builds(
        RangeRead, st.just("seat"), st.just(BY_ROW), st.builds(Range, BOUNDS, BOUNDS)
    ),
    st.just(TableRead("seat")),
)


def holds(read: Any, row: tuple[Any, ...]) -> bool:
    """Whether a row was read, without any index."""
    if isinstance(read, PointRead):
        return bool(row[0] == read.value)
    if isinstance(read, RangeRead):
        return read.within.holds((row[1], row[2], row[0]))
    return True


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.lists(READS, max_size=3)), max_size=60),
    st.lists(ROWS, min_size=1, max_size=3),
    st.integers(0, 60),
)
def test_those_are_found_who_have_read_a_row(
    entered: list[tuple[int, list[Any]]], rows: list[Any], gone: int
) -> None:
    readers: ReadSets[int] = ReadSets(SCHEMAS.__getitem__)
    sets: dict[int, set[Any]] = {}
    for reader, reads in entered:
        readers.enter(reader, reads)
        sets.setdefault(reader, set()).update(reads)
    for reader, reads in entered[:gone]:
        readers.leave(reader, reads)
        sets[reader].difference_update(reads)

    found = readers.concerned("seat", [(row, None) for row in rows])
    assert set(found) == {
        reader
        for reader, reads in sets.items()
        if any(holds(read, row) for read in reads for row in rows)
    }
    for reader, left in sets.items():
        readers.leave(reader, left)
    assert len(readers) == 0
