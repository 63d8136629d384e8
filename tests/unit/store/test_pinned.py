"""All tables at one offset, slice by slice, while others write."""

from collections.abc import Iterator

import pytest

import qsdb
from qsdb import u8, u64
from qsdb.schema.system import system_tables
from qsdb.store import pinned
from qsdb.store.orders import StoredRow
from qsdb.store.pinned import PinnedState, PinnedTable

module = qsdb.Module("pinned")


class Thing(qsdb.Row, module=module):
    id: u64 = qsdb.primary_key(auto_inc=True)
    text: str = ""


class Bag(qsdb.Row, module=module):
    a: u8


@pytest.fixture(autouse=True)
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pinned, "SLICE_ROWS", 3)


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(module) as made:
        with made.write() as tx:
            tx[Thing].insert_many([Thing(f"{n}") for n in range(1, 11)])
            tx[Bag].insert(Bag(1))
        yield made
        assert made.stats().pins == 0
        made.check()


def pin(db: qsdb.Database) -> PinnedState:
    return PinnedState(db._directory.store)


def things_of(state: PinnedState) -> PinnedTable:
    (found,) = [each for each in state.tables if each.bound.row_class is Thing]
    return found


def rows_of(slices: Iterator[list[StoredRow]]) -> list[StoredRow]:
    return [row for rows in slices for row in rows]


BEFORE: list[StoredRow] = [(n, f"{n}") for n in range(1, 11)]


def test_all_tables_are_there_by_their_ids(db: qsdb.Database) -> None:
    with pin(db) as state:
        ids = [each.table_id for each in state.tables]
        assert ids == [*[n for n, _ in system_tables()], 4096, 4097]
        assert state.offset == db.offset == 2
        assert [rows_of(each.slices()) for each in state.tables][-2:] == [
            BEFORE,
            [(1,)],
        ]
        assert things_of(state).sequences == (11,)


def test_rows_come_in_slices(db: qsdb.Database) -> None:
    with pin(db) as state:
        assert [len(rows) for rows in things_of(state).slices()] == [3, 3, 3, 1]


def test_what_changed_before_the_first_slice_is_as_it_was(db: qsdb.Database) -> None:
    with pin(db) as state:
        with db.write() as tx:
            things = tx[Thing]
            things.update(Thing("new").replace(id=1))
            things.delete_by_key(2)
            things.delete_by_key(9)
            things.insert(Thing("more"))
        with db.write() as tx:
            tx[Thing].insert(Thing("again").replace(id=9))

        found = rows_of(things_of(state).slices())

        assert sorted(found) == BEFORE
        assert found[-1] == (2, "2")  # rows that are gone come last
        assert things_of(state).sequences == (11,)


def test_what_changes_between_slices_is_as_it_was(db: qsdb.Database) -> None:
    with pin(db) as state:
        found: list[StoredRow] = []
        for rows in things_of(state).slices():
            found += rows
            with db.write() as tx:
                things = tx[Thing]
                for number in range(1, 11, 2):
                    things.delete_by_key(number)
                for number in range(2, 11, 2):
                    things.upsert(Thing(f"x{len(found)}").replace(id=number))
                things.insert_many([Thing(), Thing()])
        assert found == BEFORE


def test_an_open_transaction_is_not_seen(db: qsdb.Database) -> None:
    with db.write() as tx, pin(db) as state:
        tx[Thing].clear()
        tx[Thing].insert(Thing("new"))
        assert sorted(rows_of(things_of(state).slices())) == BEFORE
        tx[Thing].clear()
        tx[Thing].insert_many([Thing(f"{n}").replace(id=n) for n in range(1, 11)])


def test_a_state_is_given_up_once(db: qsdb.Database) -> None:
    state = pin(db)
    assert db.stats().pins == 1

    state.release()
    state.release()

    assert db.stats().pins == 0
