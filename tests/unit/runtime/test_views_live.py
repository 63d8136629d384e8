"""Views that are listened to: what is told, how often they run, and how they end."""

from collections.abc import Iterator
from typing import Any

import pytest

import qsdb
from qsdb import QueryError, u8, u32
from tests.unit.runtime.view_hall import ANN, BOB, Bell, Note, User, note, opened, put


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with opened() as db:
        yield db


def names(rows: Any) -> list[str]:
    return sorted([row.name for row in rows])


def is_empty(db: qsdb.Database) -> bool:
    views = db._subscriptions.listening.views
    sizes = {*db._subscriptions.engine.sizes.values(), *views.queries.sizes.values()}
    return sizes == {0} and len(views) == len(views.readers) == 0


def test_changes_are_told_with_the_commit(db: qsdb.Database) -> None:
    told: list[Any] = []
    with db.subscribe("SELECT * FROM aged(25)", told.append) as live:
        assert live.initial == [User(ANN, "ann", 30)]
        db.caller(BOB).call(put, "bob", 26)
        db.caller(ANN).call(put, "ann", 31)
        db.caller(ANN).call(put, "ann", 3)
        assert names(live.rows) == ["bob"]
    db.caller(ANN).call(put, "ann", 40)

    assert [(len(each.inserts), len(each.deletes)) for each in told] == [
        (1, 0),
        (1, 1),
        (0, 1),
    ]
    [(old, new)] = told[1].updates
    assert (old.age, new.age) == (30, 31)
    assert is_empty(db)


def test_what_is_made_of_several_rows_of_views(db: qsdb.Database) -> None:
    told: list[Any] = []
    text = (
        "SELECT COUNT(*) AS n, MAX(u.age) AS age FROM aged(25) u "
        "JOIN aged(28) v ON u.name = v.name"
    )
    best = db.subscribe("SELECT * FROM aged(25) ORDER BY age DESC LIMIT 1")
    with db.subscribe(text, told.append) as live:
        assert [tuple(each) for each in live.initial] == [(1, 30)]
        db.caller(BOB).call(put, "bob", 29)
        db.caller(ANN).call(put, "ann", 27)
        assert [tuple(each) for each in live.rows] == [(1, 29)]
        assert best.rows == [User(BOB, "bob", 29)]
    best.close()

    assert [tuple(each) for update in told for each in update.inserts] == [
        (2, 30),
        (1, 29),
    ]
    assert is_empty(db)


def test_a_point_runs_again_only_when_that_key_changes(db: qsdb.Database) -> None:
    clients = [db.connect(who) for who in (ANN, BOB)]
    for client in clients:
        client.subscribe("SELECT * FROM me")
    before = db.stats()
    assert (before.views, before.view_runs) == (2, 2)

    db.call(put, "owner")
    db.caller(ANN).call(note, "x")
    assert db.stats().view_runs == 2
    db.caller(ANN).call(put, "anna")
    assert db.stats().view_runs == 3
    assert [names(each.db.me) for each in clients] == [["anna"], ["bob"]]
    with db.write() as tx:  # what is put back has not changed
        tx[User].update(User(ANN, "x"))
        tx[User].update(User(ANN, "anna"))
    assert db.stats().view_runs == 3
    with db.write() as tx:
        tx[User].clear()
    assert db.stats().view_runs == 5
    assert "views     2 kept · 5 runs" in str(db.stats())
    for client in clients:
        client.close()
    assert is_empty(db)
    assert (db.stats().views, db.stats().view_runs) == (0, 5)


def test_ranges_run_again_when_something_in_them_changes(db: qsdb.Database) -> None:
    live = db.subscribe("SELECT * FROM aged(25, 35)")
    runs = []
    for age in (20, 24, 25, 36, 35, 34, 24):
        db.caller(BOB).call(put, "bob", age)
        runs.append(db.stats().view_runs)
    # The upper end is not in the range.
    assert runs == [1, 1, 2, 3, 3, 4, 5]
    live.close()


def test_who_asks_the_same_shares_an_instance(db: qsdb.Database) -> None:
    ann, bob = db.connect(ANN), db.connect(BOB)
    for client in (ann, bob):
        client.subscribe("SELECT * FROM aged(0)", "SELECT name FROM aged(0) v")
        client.subscribe("SELECT * FROM aged(:n, 99)", params={"n": 0})
    assert (db.stats().views, db.stats().live_queries) == (1, 2)
    ann.subscribe("SELECT * FROM me")
    bob.subscribe("SELECT * FROM me")
    bob.subscribe("SELECT m.name FROM me m JOIN me n")
    assert db.stats().views == 3
    ann.close()
    assert db.stats().views == 2
    bob.close()
    assert is_empty(db)


def test_queries_on_views_are_kept_current(db: qsdb.Database) -> None:
    with db.connect(ANN) as conn:
        sub = conn.subscribe(
            "SELECT a.name, n.text FROM aged(0) a JOIN note n ON n.author = a.identity "
            "JOIN me m WHERE m.age > 25"
        )
        told: list[Any] = []
        sub.on_update(lambda _, update: told.append(len(update.inserts)))
        assert names(sub.rows) == ["ann", "bob"]
        with db.write() as tx:  # both sides at once
            tx[User].insert(User(db.owner, "eve"))
            tx[Note].insert(Note(db.owner, "of eve"))
        assert names(sub.rows) == ["ann", "bob", "eve"]
        conn.call(put, "ann", 3)
        assert sub.rows == []
        assert told == [1, 0]


def test_rows_of_event_tables_meet_views(db: qsdb.Database) -> None:
    told: list[Any] = []
    with db.connect(ANN) as conn:
        sub = conn.subscribe("SELECT b.text, m.name FROM bell b JOIN me m")
        sub.on_update(lambda _, update: told.extend(update.inserts))
        with db.write() as tx:
            tx[Bell].insert(Bell("ding"))
            tx[User].update(User(ANN, "anna"))
    assert [tuple(each) for each in told] == [("ding", "anna")]


def test_caches_have_views_by_name(db: qsdb.Database) -> None:
    events: list[Any] = []
    with db.connect(ANN) as conn:
        sub = conn.subscribe("SELECT * FROM me", "SELECT * FROM mine")
        conn.db.me.on_update(lambda _, old, new: events.append((old.age, new.age)))
        conn.db.mine.on_insert(lambda event, row: events.append((event.kind, row.text)))
        conn.db.me.on_delete(lambda _, row: events.append(row.name))
        assert conn.db.me.get(ANN) == User(ANN, "ann", 30)
        assert [row.text for row in conn.db.table("mine")] == ["of ann"]
        conn.call(put, "ann", 31)
        conn.call(note, "more")
        db.caller(BOB).call(note, "not mine")
        with db.write() as tx:
            tx[User].delete_by_key(ANN)
        sub.close()
        assert [*conn.db.mine] == []
    assert events == [(30, 31), ("reducer", "more"), "ann"]
    assert is_empty(db)


def test_caches_have_no_views_with_arguments(db: qsdb.Database) -> None:
    with db.connect(ANN) as conn:
        sub = conn.subscribe("SELECT * FROM aged(0, 25)", "SELECT * FROM aged(25)")
        assert names(sub.rows) == ["ann", "bob"]
        with pytest.raises(qsdb.NotFoundError, match="no table 'aged'"):
            conn.db.table("aged")
        with pytest.raises(qsdb.NotFoundError):
            conn.db[User]  # which is private


def test_everything_is_all_tables(db: qsdb.Database) -> None:
    with db.connect(ANN) as conn:
        sub = conn.subscribe("SELECT * FROM *")
        assert len(sub.queries) == 2
    assert db.stats().view_runs == 0


def test_an_error_ends_what_listens(db: qsdb.Database) -> None:
    errors: list[Any] = []
    with db.connect(BOB) as conn:
        ended = conn.subscribe(
            "SELECT * FROM me", "SELECT * FROM lax", on_error=errors.append
        )
        other = conn.subscribe("SELECT * FROM me")
        live = db.subscribe("SELECT name FROM lax", on_error=errors.append)
        assert len(conn.db.lax) == 2
        conn.call(put, "rude")

        fault = "view lax failed: ValueError: no such names"
        assert [str(each) for each in errors] == [fault, fault]
        assert isinstance(errors[0].__cause__, ValueError)
        assert (str(ended.error), str(live.error)) == (fault, fault)
        assert not ended.is_active
        assert other.is_active
        assert [*conn.db.lax] == []
        assert names(conn.db.me) == ["rude"]
        with pytest.raises(QueryError, match=fault):
            conn.subscribe("SELECT * FROM me", "SELECT * FROM lax")
        assert db.stats().views == 1
        conn.call(put, "kind")
        assert len(conn.subscribe("SELECT * FROM lax").rows) == 2
    assert is_empty(db)


def test_an_error_undoes_the_transaction_where_the_view_says_so(
    db: qsdb.Database,
) -> None:
    told: list[Any] = []
    live = db.subscribe("SELECT * FROM strict", told.append)
    joined = db.subscribe("SELECT * FROM aged(0)", told.append)
    own = db.caller(ANN).call
    before = db.offset
    for _ in range(2):
        with pytest.raises(qsdb.ReducerError, match="view strict failed: V") as caught:
            own(put, "rude")
        assert isinstance(caught.value.__cause__, ValueError)
        assert str(caught.value).endswith("; the transaction is rolled back")
    with pytest.raises(ZeroDivisionError), db.write() as tx:
        tx[User].clear()
        raise ZeroDivisionError
    with pytest.raises(qsdb.ReducerError), db.write() as tx:
        tx[User].clear()
        tx[User].insert(User(ANN, "rude"))

    assert (db.offset, told, db.stats().rollbacks) == (before, [], 4)
    assert names(live.rows) == names(joined.rows) == ["ann", "bob"]
    assert (live.error, joined.error) == (None, None)
    own(put, "anna")
    assert names(live.rows) == names(joined.rows) == ["anna", "bob"]
    assert len(told) == 2
    live.close()
    own(put, "rude")  # nobody listens to it any more
    with pytest.raises(QueryError, match="view strict failed"):
        db.subscribe("SELECT * FROM strict")
    joined.close()
    assert is_empty(db)


shop = qsdb.Module("shop")


class Item(qsdb.Row, module=shop):
    id: u32 = qsdb.primary_key()
    shelf: u8
    weight: u8 = 1


class Shelf(qsdb.Row, module=shop):
    id: u8 = qsdb.primary_key()
    room: u8


class Place(qsdb.Row):
    room: u8
    weight: u8


@shop.view
def rooms(_: qsdb.AnonymousViewContext) -> qsdb.Query[Place]:
    return qsdb.Query(
        "SELECT s.room, i.weight FROM item i JOIN shelf s ON i.shelf = s.id"
    )


@shop.view(primary_key="room")
def heaviest(_: qsdb.AnonymousViewContext) -> qsdb.Query[Place]:
    return qsdb.Query(
        "SELECT s.room, i.weight FROM item i JOIN shelf s ON i.shelf = s.id"
    )


@shop.view(on_error="abort")
def summed(_: qsdb.AnonymousViewContext) -> qsdb.Query[Place]:
    return qsdb.Query(
        "SELECT s.room, i.weight + 200 AS weight FROM item i JOIN shelf s "
        "ON i.shelf = s.id"
    )


@pytest.fixture
def store() -> Iterator[qsdb.Database]:
    with qsdb.Database(shop) as db:
        with db.write() as tx:
            tx[Shelf].insert_many([Shelf(1, 1), Shelf(2, 1), Shelf(3, 2)])
            tx[Item].insert_many([Item(1, 1), Item(2, 2), Item(3, 2)])
        yield db


def test_a_query_is_kept_current_without_running_again(store: qsdb.Database) -> None:
    told: list[Any] = []
    live = store.subscribe("SELECT * FROM rooms", told.append)
    assert live.rows == [Place(1, 1)]
    with store.write() as tx:
        tx[Item].delete_by_key(1)
        tx[Item].insert(Item(4, 1, 2))
    assert told[0].inserts == [Place(1, 2)]
    assert told[0].deletes == []  # of another item it is there still
    with store.write() as tx:
        tx[Item].delete_by_key(2)
    assert len(told) == 1
    with store.write() as tx:
        tx[Item].delete_by_key(3)
        tx[Shelf].update(Shelf(1, 7))
    assert sorted(map(repr, told[1].deletes)) == [repr(Place(1, n)) for n in (1, 2)]
    assert live.rows == [Place(7, 2)]
    assert store.stats().view_runs == 1
    live.close()
    assert is_empty(store)


def test_keys_of_a_query_must_stay_unique(store: qsdb.Database) -> None:
    live = store.subscribe("SELECT * FROM heaviest")
    assert live.rows == [Place(1, 1)]
    with store.write() as tx:
        tx[Item].insert(Item(5, 3, 9))
    assert len(live.rows) == 2
    with store.write() as tx:  # the row with its key goes, and it comes
        tx[Item].update(Item(5, 3, 8))
    assert live.error is None
    with store.write() as tx:
        tx[Item].insert(Item(6, 1, 2))
    assert "view heaviest failed: two rows have the primary key room = 1" in str(
        live.error
    )
    assert is_empty(store)


def test_what_is_undone_is_moved_back(store: qsdb.Database) -> None:
    live = store.subscribe("SELECT * FROM summed")
    rooms = store.subscribe("SELECT * FROM rooms")
    with (
        pytest.raises(qsdb.ReducerError, match="the result 300 is"),
        store.write() as tx,
    ):
        tx[Item].insert(Item(7, 3, 100))
        tx[Item].delete_by_key(1)
    assert store.stats().rollbacks == 1
    with store.write() as tx:
        tx[Shelf].update(Shelf(3, 9))
        tx[Shelf].update(Shelf(1, 8))
    assert rooms.rows == store.sql("SELECT * FROM rooms").rows
    assert len(live.rows) == 2


class FullDisk:
    """A journal that takes nothing."""

    told_offset = 0

    def tell(self, transaction: object) -> None:
        raise OSError(28, "no room")


def test_what_the_disk_refuses_is_moved_back(store: qsdb.Database) -> None:
    told: list[Any] = []
    rooms = store.subscribe("SELECT * FROM rooms", told.append)
    store._writer.journal = FullDisk()
    with pytest.raises(OSError, match="no room"), store.write() as tx:
        tx[Item].insert(Item(7, 3, 100))
        tx[Item].delete_by_key(1)
    store._writer.journal = None
    assert told == []
    with store.write() as tx:
        tx[Shelf].update(Shelf(3, 9))
        tx[Shelf].update(Shelf(1, 8))
    assert sorted(map(repr, rooms.rows)) == [repr(Place(n, 1)) for n in (1, 8)]
    assert sorted(map(repr, store.sql("SELECT * FROM rooms"))) == sorted(
        map(repr, rooms.rows)
    )


def test_a_savepoint_that_nobody_left_counts(db: qsdb.Database) -> None:
    live = db.subscribe("SELECT * FROM aged(0)")
    with db.write() as tx:
        tx.savepoint().__enter__()
        tx[User].insert(User(db.owner, "eve"))
    assert names(live.rows) == ["ann", "bob", "eve"]


def test_a_wrong_query_beside_a_view_leaves_nothing(db: qsdb.Database) -> None:
    with db.connect(ANN) as conn:
        with pytest.raises(QueryError, match="view counts failed"):
            conn.subscribe("SELECT * FROM me", "SELECT * FROM counts('twice')")
        assert is_empty(db)
        with pytest.raises(
            QueryError, match="cannot be subscribed to: LIMIT needs ORDER"
        ):
            conn.subscribe("SELECT * FROM me", "SELECT * FROM me LIMIT 1")
        assert is_empty(db)


def test_an_exception_while_a_view_begins_leaves_nothing(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    views = db._subscriptions.listening.views

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for owner, place in [
        (views, "use"),
        (views.readers, "enter"),
        (views.queries, "subscribe"),
        (db._subscriptions.engine, "subscribe"),
    ]:
        for text in ("SELECT * FROM mine", "SELECT * FROM aged(0)"):
            with monkeypatch.context() as patch:
                patch.setattr(owner, place, interrupt)
                if (place, "mine" in text) not in QUIET:
                    with pytest.raises(KeyboardInterrupt):
                        db.subscribe(text)
            db.subscribe(text).close()
            assert is_empty(db), place


QUIET = [("enter", True), ("subscribe", False)]
"""What is not called for a view that gives a query, or rows."""


def test_an_exception_while_the_second_of_two_begins(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = db._subscriptions.engine
    subscribe, calls = engine.subscribe, []

    def interrupt(*arguments: Any) -> Any:
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return subscribe(*arguments)

    with db.connect(ANN) as conn:
        kept = conn.subscribe("SELECT * FROM mine")
        monkeypatch.setattr(engine, "subscribe", interrupt)
        with pytest.raises(KeyboardInterrupt):
            conn.subscribe("SELECT * FROM me", "SELECT name FROM me v")
        assert db.stats().views == 1
        conn.call(note, "more")
        assert len(kept.rows) == 2
    assert is_empty(db)


def test_an_interrupt_in_a_commit_is_made_good(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    live = db.subscribe("SELECT * FROM aged(0)")
    failing = db.subscribe("SELECT * FROM lax")
    views = db._subscriptions.listening.views
    enter = views.readers.enter

    def interrupt(*arguments: Any) -> None:
        monkeypatch.undo()
        enter(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(views.readers, "leave", interrupt)
    with pytest.raises(KeyboardInterrupt), db.write() as tx:
        tx[User].insert(User(db.owner, "rude"))
        tx[User].delete_by_key(ANN)
    before = db.offset
    db.call(put, "later")
    assert db.offset == before + 1
    assert names(live.rows) == ["bob", "later"]
    assert "view lax failed" in str(failing.error)
    assert db._subscriptions.listening.views.readers.concerned(
        "user", [((b"", "", 3), None)]
    )


def test_a_view_that_fails_once_more_is_run_once(db: qsdb.Database) -> None:
    live = db.subscribe("SELECT * FROM lax")
    db.caller(ANN).call(put, "rude")
    runs = db.stats().view_runs
    db.caller(BOB).call(put, "bobby")
    assert db.stats().view_runs == runs
    assert live.error is not None
    assert is_empty(db)


def test_closing_the_database_ends_views(db: qsdb.Database) -> None:
    live = db.subscribe("SELECT * FROM aged(0)")
    db.close()
    assert live.rows != []
    assert len(db._subscriptions.listening.views) == 0
