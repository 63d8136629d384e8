"""The direct check finds what is planted in a history."""

from typing import Any

import attrs
import pytest

from tests.support.commit_order import Record, faults

ROWS = {1: 10, 2: 20}

FIRST = Record(
    "T1",
    "serializable",
    5,
    [(("get", (1,)), 10), (("put", (2, 21)), None)],
    ended="committed",
    before=5,
    offset=6,
)
REFUSED = Record(
    "T2",
    "serializable",
    5,
    [(("all", ()), [(1, 10), (2, 20)]), (("add", (1, 1)), 11)],
    ended="refused",
    before=6,
)
READER = Record(
    "T3",
    "serializable",
    5,
    [(("len", ()), 2), (("range", (0, 15)), [(10, 1)])],
    ended="committed",
    before=6,
    offset=5,
)
UNDONE = Record("T4", "serializable", 6, [(("delete", (1,)), True)])
LAST = {1: 10, 2: 21}


def found(*records: Record, last: dict[int, int] = LAST) -> list[str]:
    return [*faults(5, ROWS, records, last)]


def test_a_right_history() -> None:
    assert found(FIRST, REFUSED, READER, UNDONE) == []


def changed(record: Record, **changes: Any) -> Record:
    return attrs.evolve(record, **changes)


@pytest.mark.parametrize(
    ("records", "told"),
    [
        ([changed(FIRST, offset=7)], "T1: its commit is 7, not 6"),
        ([changed(FIRST, before=4)], "T1: offset 4 came after 5"),
        ([], "the rows at the end are"),
        (
            [changed(FIRST, events=[(("get", (1,)), 11), *FIRST.events[1:]])],
            "T1: it read something else than what was there",
        ),
        ([FIRST, changed(REFUSED, before=5)], "T2: it was refused for nothing"),
        ([FIRST, changed(READER, ended="refused")], "T3: it was refused for nothing"),
        (
            [FIRST, changed(REFUSED, ended="committed", offset=7)],
            "T2: others were faster, and it has committed",
        ),
    ],
    ids=range(7),
)
def test_a_wrong_history(records: list[Record], told: str) -> None:
    last = {1: 11, 2: 21} if len(records) > 1 and records[1].offset == 7 else LAST

    assert [each for each in found(*records, last=last) if each.startswith(told)]


def test_at_the_level_snapshot_only_rows_that_are_written_count() -> None:
    skewed = changed(REFUSED, level="snapshot", ended="committed", offset=7)

    assert found(FIRST, skewed, last={1: 11, 2: 21}) == []
    assert "refused for nothing" in found(FIRST, changed(REFUSED, level="snapshot"))[0]


def test_what_was_not_there_is_not_deleted() -> None:
    looked = Record("T5", "snapshot", 5, [(("delete", (9,)), False)], "committed", 6, 5)

    assert looked.written == set()
    assert found(FIRST, looked) == []
