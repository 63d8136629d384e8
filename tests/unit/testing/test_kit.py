"""Databases for tests, and the watch over what must not change."""

from typing import Any

import pytest

import qsdb
from qsdb import ReducerContext, Timestamp, testing, u64
from qsdb.testing import FakeClock, SimulatedDirectory, assert_no_change, database

till = qsdb.Module("till")


class Coin(qsdb.Row, module=till):
    id: u64 = qsdb.primary_key()
    worth: u64


class Note(qsdb.Row, module=till):
    id: u64 = qsdb.primary_key(auto_inc=True)
    worth: u64


@till.reducer
def pay(ctx: ReducerContext, worth: u64) -> float:
    if not worth:
        raise qsdb.ReducerError("nothing is paid")
    ctx.db[Coin].insert(Coin(len(ctx.db[Coin]), worth))
    return ctx.random.random()


def test_two_are_alike() -> None:
    with (
        database(till) as one,
        database(till) as other,
        database(till, seed=2) as third,
    ):
        assert one.owner == other.owner != third.owner
        drawn = one.call(pay, 5)
        assert drawn == other.call(pay, 5) != third.call(pay, 5)


def test_time_stands_still_until_it_is_moved() -> None:
    clock = FakeClock()
    with database(till, clock=clock) as db:
        with db.write() as tx:
            assert tx.timestamp == Timestamp.EPOCH
        clock.advance(3)
        with db.write() as tx:
            assert tx.timestamp == Timestamp.from_micros(3_000_000)
    with database(till) as db, db.write() as tx:
        assert tx.timestamp == Timestamp.EPOCH


def test_one_may_be_on_a_disk() -> None:
    disk = SimulatedDirectory()
    with database(till, disk) as db:
        db.call(pay, 5)
    with database(till, disk) as db:
        assert db.offset == 2


def test_a_module_is_needed() -> None:
    with pytest.raises(qsdb.ArgumentError, match=r"Database takes a qsdb\.Module"):
        database("till")  # type: ignore[arg-type]


# What must not change.


def test_a_refused_call_changes_nothing() -> None:
    with database(till) as db:
        with assert_no_change(db), pytest.raises(qsdb.ReducerError):
            db.call(pay, 0)
        with pytest.raises(qsdb.ReducerError), assert_no_change(db):
            db.call(pay, 0)
        assert db.stats().pins == 0


def test_a_change_is_shown() -> None:
    with database(till) as db:
        db.call(pay, 5)
        with pytest.raises(AssertionError) as caught, assert_no_change(db):
            with db.write() as tx:
                tx[Coin].update(Coin(0, 6))
            with db.write() as tx:
                tx[Note].insert(Note(worth=10))

        assert str(caught.value).splitlines() == [
            "2 commits after offset 2:",
            "  table coin",
            "+ Coin(id=0, worth=6)",
            "- Coin(id=0, worth=5)",
            "  table note",
            "+ Note(id=1, worth=10)",
        ]
        assert db.stats().pins == 0


def test_of_many_changes_a_few_are_shown() -> None:
    with database(till) as db:
        with pytest.raises(AssertionError) as caught, assert_no_change(db):
            for number in range(7):
                db.call(pay, number + 1)

        lines = str(caught.value).splitlines()
        assert lines[0] == "7 commits after offset 1:"
        assert len(lines) == 2 + 5 + 1
        assert lines[-1] == "  … and 2 rows more"


def test_commits_that_undo_each_other_are_commits() -> None:
    def there_and_back(db: qsdb.Database) -> None:
        with db.write() as tx:
            tx[Coin].insert(Coin(1, 1))
        with db.write() as tx:
            tx[Coin].delete_by_key(1)

    with database(till) as db:
        with pytest.raises(AssertionError) as caught, assert_no_change(db):
            there_and_back(db)

        assert str(caught.value).splitlines() == [
            "2 commits after offset 1:",
            "  in the end all rows are as they were",
        ]


def test_a_change_beside_an_exception_is_told_with_it() -> None:
    def pay_and_fail(db: qsdb.Database) -> None:
        db.call(pay, 5)
        raise ValueError("no change left")

    with database(till) as db:
        with pytest.raises(AssertionError) as caught, assert_no_change(db):
            pay_and_fail(db)

        assert type(caught.value.__context__) is ValueError


@pytest.mark.parametrize("given", [None, till, "till"])
def test_a_database_is_watched_and_nothing_else(given: Any) -> None:
    with (
        pytest.raises(qsdb.ArgumentError, match="takes a Database, not"),
        assert_no_change(given),
    ):
        pass


def test_there_is_nothing_else() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        getattr(testing, "nothing")  # noqa: B009  checkers know that it is not there


def inn(*names: str) -> qsdb.Module:
    """Give a module with some tables."""
    module = qsdb.Module("inn")

    class Room(qsdb.Row):
        id: qsdb.u32 = qsdb.primary_key()

    for name in names:
        module.add_table(Room, name=name)
    return module


def test_tables_that_come_and_go_are_a_change() -> None:
    with database(inn("attic", "cellar")) as db:
        with pytest.raises(AssertionError) as caught, assert_no_change(db):
            db.publish(inn("cellar", "roof"), allow_breaking=True)
        assert str(caught.value) == (
            "1 commit after offset 1:\n  table attic is gone\n  table roof is new"
        )


def test_a_database_for_tests_takes_what_others_take() -> None:
    disk = SimulatedDirectory()
    with database(
        inn("attic"), disk, durability="always", scheduler="manual", slow_reducer=None
    ) as db:
        assert db.stats().durable_offset == 1
    with database(inn("attic"), disk, read_only=True) as db:
        assert db.offset == 1
