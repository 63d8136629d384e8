"""`Store.check` names each rule that is broken, and pins are given up."""

import gc
from collections.abc import Callable

import pytest

import qsdb
from qsdb import f64, u32
from qsdb.store.limits import PinLimits, TransactionLimits
from qsdb.store.pins import Hold, Store
from qsdb.store.undo import Pin

shop = qsdb.Module("shop")


class Item(qsdb.Row, module=shop):
    id: u32 = qsdb.primary_key()
    shelf: u32 = qsdb.index()
    colour: u32 = qsdb.index("hash")
    sku: str = qsdb.unique()
    price: f64


def opened() -> tuple[qsdb.Database, Store]:
    db = qsdb.Database(shop)
    with db.write() as tx:
        tx[Item].insert_many([Item(n, n, n, f"s{n}", 1.0) for n in range(3)])
    return db, db._directory.store


def put_under_a_wrong_key(store: Store) -> None:
    rows = store.tables[0].rows
    rows[7] = rows.pop(0)


def put_a_wrong_kind(store: Store) -> None:
    store.tables[0].rows[0] = (0, "x", 0, "s0", 1.0)


def put_an_uncanonical_row(store: Store) -> None:
    store.tables[0].rows[0] = (0, 0, 0, "s0", True)


def forget_an_entry(number: int) -> Callable[[Store], None]:
    def forget(store: Store) -> None:
        table = store.tables[0]
        table.indexes[number].remove(table.rows[0])

    return forget


def repeat_a_unique_value(store: Store) -> None:
    table = store.tables[0]
    table.rows[1] = (1, 1, 1, "s0", 1.0)


def miscount(store: Store) -> None:
    store.tables[0].count += 1


def keep_notes(store: Store) -> None:
    store.tables[0].layers = ({},)


def pin_the_future(store: Store) -> None:
    store.pins = (Pin(99),)


def pin_for_nobody(store: Store) -> None:
    pin = Pin(1)
    pin.holders = -1
    store.pins = (pin,)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (put_under_a_wrong_key, "stands under the key 7"),
        (put_a_wrong_kind, "column shelf: 'x' is not an int"),
        (put_an_uncanonical_row, "column price: True is not a number"),
        (forget_an_entry(0), "index sku: a unique index holds 2 entries"),
        (forget_an_entry(1), "index shelf: an ordered index holds 2 entries"),
        (forget_an_entry(2), "index colour: a hash index holds 2 values"),
        (repeat_a_unique_value, "two rows have one value"),
        (miscount, "3 rows, counted 4"),
        (keep_notes, "notes of a transaction that has ended"),
        (pin_the_future, "pins at [99], the offset is 2"),
        (pin_for_nobody, "a pin that nobody holds"),
    ],
)
def test_damage_is_named(damage: Callable[[Store], None], told: str) -> None:
    db, store = opened()
    db.check()
    damage(store)

    with pytest.raises(qsdb.InternalError) as caught:
        db.check()
    assert any(told in problem for problem in caught.value.problems)


def test_a_row_that_is_not_in_canonical_form_is_named() -> None:
    db, store = opened()
    store.tables[0].rows[0] = (0, 0, 0, "s0", 1)

    with pytest.raises(qsdb.InternalError, match="not in canonical form"):
        db.check()


def test_a_read_transaction_that_is_forgotten_gives_its_pin_up() -> None:
    db, store = opened()
    reader = db.read()
    with db.write() as tx:
        tx[Item].clear()
    assert db.stats().undo_rows == 3

    del reader
    gc.collect()
    with db.read():
        pass
    assert store.undo_count == 0
    assert db.stats().pins == 0


def test_a_forgotten_pin_is_given_up_by_the_next_commit() -> None:
    db, store = opened()
    db.read()
    gc.collect()
    with db.write() as tx:
        tx[Item].clear()

    assert store.pins == ()


def test_an_older_pin_that_is_forgotten_is_given_up_by_the_next_commit() -> None:
    db, store = opened()
    older = db.read()
    with db.write() as tx:
        tx[Item].delete_by_key(0)
    newer = db.read()
    assert len(store.pins) == 2
    del older
    gc.collect()
    assert len(store.abandoned) == 1
    with db.write() as tx:
        tx[Item].clear()

    assert not store.abandoned
    assert [each.offset for each in store.pins] == [newer.offset]
    assert len(newer[Item]) == 2


def test_readers_at_one_offset_share_a_pin() -> None:
    db, _ = opened()
    first, second = db.read(), db.read()
    assert db.stats().pins == 1
    first.close()
    assert db.stats().pins == 1
    second.close()
    second.close()

    assert db.stats().pins == 0


def test_who_begins_takes_the_pin_of_who_left() -> None:
    db, store = opened()
    with db.read() as reader:
        pin = reader._hold.pin
    for _ in range(3):
        assert (store.pins, store.spare) == ((), pin)
        with db.read() as reader, db.read() as beside:
            assert reader._hold.pin is beside._hold.pin is pin
            assert [each.holders for each in store.pins] == [2]

    with db.write() as tx:
        tx[Item].clear()
    with db.read() as reader:
        assert reader._hold.pin is not pin
    assert not store.abandoned


def test_beside_an_older_read_others_take_the_pin_of_who_left_too() -> None:
    db, store = opened()
    with db.read() as older:
        with db.write() as tx:
            tx[Item].clear()
        with db.read() as reader:
            pin = reader._hold.pin
        assert [each.offset for each in store.pins] == [older.offset]
        with db.read() as reader:
            assert store.pins[-1] is reader._hold.pin is pin
        assert len(older[Item]) == 3

    assert store.pins == ()


def test_a_pin_that_has_kept_rows_is_nobodys_when_it_is_left() -> None:
    db, store = opened()
    reader = db.read()
    with pytest.raises(ZeroDivisionError), db.write() as tx:
        tx[Item].clear()
        _ = 1 / 0
    pin = reader._hold.pin
    assert pin is not None
    assert len(pin.undo) == 1
    reader.close()

    assert store.pins == ()
    assert store.spare is not pin


def test_of_two_threads_that_close_one_read_the_first_does() -> None:
    db, store = opened()
    reader, beside = db.read(), db.read()
    pin = reader._hold.pin
    assert pin is beside._hold.pin

    class Closing(Hold):
        found: Pin | None

        @property
        def pin(self) -> Pin | None:  # type: ignore[override]
            found, self.found = self.found, None
            return found

    hold = Closing()
    hold._store, hold.found = store, pin
    hold.release()

    assert store.pins == (pin,)
    assert pin is not None
    assert pin.holders == 2
    assert not store.abandoned


def test_a_pin_at_an_earlier_commit_goes_with_who_reads_there() -> None:
    db, store = opened()
    reader, another = db.read(), db.read()
    with db.write() as tx:
        tx[Item].clear()
    reader.close()
    assert store.undo_count == 3
    another.close()

    assert store.pins == ()


def test_a_pin_that_a_snapshot_kept_is_nobody_elses() -> None:
    db, store = opened()
    hold, _ = store.hold_with_sequences()
    pin = hold.pin
    hold.release()
    with db.read() as reader:
        assert reader._hold.pin is not pin
        assert not store.pins[0].is_kept


def test_a_hold_that_was_cut_off_before_it_held_anything_goes() -> None:
    hold = Hold()
    hold.__del__()

    assert not hasattr(hold, "pin")


def test_who_is_collected_leaves_also_if_that_is_cut_off() -> None:
    db, store = opened()

    class Cut(Hold):
        count = 0

        def release(self, sweeps: bool = True) -> None:  # noqa: FBT001, FBT002
            self.count += 1
            if self.count == 1:
                raise KeyboardInterrupt
            super().release(sweeps)

    hold = Cut()
    store.pin(hold)
    with pytest.raises(KeyboardInterrupt):
        hold.__del__()

    assert hold.pin is None
    assert store.pins == ()
    db.check()


def test_a_pin_that_is_given_up_is_not_forgotten_in_between() -> None:
    db, store = opened()
    older = db.read()
    with db.write() as tx:
        tx[Item].delete_by_key(0)
    newer = db.read()
    unlink = store._unlink

    def cut(pin: Pin) -> None:
        unlink(pin)
        store._unlink = unlink  # type: ignore[method-assign]
        raise KeyboardInterrupt

    store._unlink = cut  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        older.close()
    assert [pin.holders for pin in store.abandoned] == [1]
    newer.close()
    with db.write() as tx:
        tx[Item].clear()

    assert store.pins == ()
    store.sweep()
    assert not store.abandoned


def test_in_the_middle_of_a_commit_reads_close_and_none_opens() -> None:
    db, store = opened()
    reader, another = db.read(), db.read()
    with store.publication:  # what a finalizer finds that runs in there
        store.is_publishing = True
        with pytest.raises(qsdb.UsageError, match="in the middle of a commit"):
            db.read()
        with pytest.raises(qsdb.UsageError, match="inside a write transaction"):
            db.write().__enter__()
        reader.close()
        assert store.pins[0].holders == 2
        store.is_publishing = False

    another.close()
    store.sweep()
    assert store.pins == ()
    db.check()


def test_a_pin_that_fails_gives_its_lock_back() -> None:
    db, store = opened()
    limits = TransactionLimits(pinned_seconds=1)

    def interrupt() -> int:
        raise KeyboardInterrupt

    store.limits = PinLimits(limits, interrupt)
    with pytest.raises(KeyboardInterrupt):
        db.read()
    store.limits = None

    assert not store.is_busy_here()
    assert not store.publication._is_owned()  # type: ignore[attr-defined]
    assert db.stats().pins == 0  # what it had pinned went with the transaction


def test_a_publication_that_fails_gives_its_lock_back() -> None:
    _, store = opened()
    with pytest.raises(AttributeError):
        store.publish([None], 2)  # type: ignore[list-item]

    assert not store.is_busy_here()
    assert not store.publication._is_owned()  # type: ignore[attr-defined]
    store._leave_publication()  # who has no lock gives none back
