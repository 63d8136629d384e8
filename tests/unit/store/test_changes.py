"""The net change of a commit, and tables as they stand."""

from typing import Any

import pytest

from qsdb.store.changes import Noted, net_change
from qsdb.store.current import CurrentTable
from qsdb.store.images import StoredTable
from qsdb.values.ranges import TOP, Range
from tests.unit.live.scenes import Edge, Guild, Odd, Player, opened


class Handle:
    """A table and what a transaction noted of it."""

    def __init__(self, stored: StoredTable, pre: dict[Any, Any]) -> None:
        self._stored = stored
        self._pre = pre
        self._emitted = dict(stored.rows)


def stored(*rows: Any) -> StoredTable:
    """Give a table that holds some rows."""
    db = opened()
    with db.write() as tx:
        tx[type(rows[0])].insert_many(rows)
    return db._directory.by_class[type(rows[0])].table


def changes(*handles: Noted) -> dict[str, list[Any]]:
    return {
        name: [tuple(map(_plain, pair)) for pair in pairs]
        for name, pairs in net_change(handles).items()
    }


def _plain(row: Any) -> Any:
    return None if row is None else (*tuple.__iter__(row),)


def test_old_and_new_of_each_key() -> None:
    table = stored(Guild(1, 5), Guild(2))
    pre = {1: (1, 4, 0), 2: None, 3: (3, 0, 0), 4: None}

    assert changes(Handle(table, pre)) == {
        "guild": [((1, 4, 0), (1, 5, 0)), (None, (2, 0, 0)), ((3, 0, 0), None)]
    }


def test_tables_that_are_the_same_are_left_out() -> None:
    read = Handle(stored(Player(1)), {})
    put_back = Handle(stored(Guild(1)), {1: (1, 0, 0), 9: None})
    changed = Handle(stored(Edge(1, 2)), {(1, 2): None})

    assert changes(read, put_back, changed) == {"edge": [(None, (1, 2))]}


@pytest.fixture
def table() -> CurrentTable:
    rows = [Odd(1, 1.5, text="a"), Odd(2, 1.5, text="b"), Odd(3, 2.5, text="c")]
    return CurrentTable(stored(*rows))


def ids(rows: list[Any]) -> list[Any]:
    assert type(rows) is list
    return [_plain(row)[0] for row in rows]


def test_all_rows(table: CurrentTable) -> None:
    assert ids(table._scan()) == [1, 2, 3]


@pytest.mark.parametrize(
    ("number", "within", "value", "found"),
    [
        pytest.param(None, None, 2, [2], id="by key"),
        pytest.param(None, None, 9, [], id="by a key that is not there"),
        pytest.param(0, None, 1.5, [1, 2], id="by a hash index"),
        pytest.param(0, None, 9.5, [], id="by a value that is not there"),
        pytest.param(1, Range(("a",), ("b", TOP)), None, [1, 2], id="by a range"),
        pytest.param(1, Range(("c", TOP), None), None, [], id="by an empty range"),
    ],
)
def test_by_an_index(
    table: CurrentTable,
    number: int | None,
    within: Range | None,
    value: object,
    found: list[int],
) -> None:
    assert ids(table._select(number, within, value)) == found


def test_rows_of_the_open_transaction_are_seen() -> None:
    db = opened()
    current = CurrentTable(db._directory.by_class[Guild].table)
    with db.write() as tx:
        tx[Guild].insert(Guild(1))
        assert ids(current._scan()) == [1]
