"""Live queries and connections when another module is published."""

from collections.abc import Callable
from typing import Any

import pytest

import qsdb
from qsdb import Identity, u8, u16, u32, u64
from qsdb.live.derived import KeptResult
from qsdb.runtime.connections import Connection
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.support.editions import BOOK, LOAN, QUIET, Edition, edition

ANN = Identity.from_claims("test", "ann")


def first(**options: Any) -> Edition:
    return edition("", options, book=BOOK, loan=LOAN)


def with_index() -> Edition:
    """What clients can go on with: an index, a table and other functions."""
    loan = {**LOAN, "reader": (str, qsdb.index())}
    shelf = {"id": (u64, qsdb.primary_key())}
    return edition("!", book=BOOK, loan=loan, shelf=shelf)


def with_years() -> Edition:
    """Rows of books are others."""
    return edition("!", book={**BOOK, "year": (u32, 1900)}, loan=LOAN)


def filled(module: qsdb.Module, path: Any = None) -> qsdb.Database:
    db = qsdb.Database(module, path, seed=1, clock=FakeClock(), options=QUIET)
    db.call("add", "Emma")
    db.call("lend", 1, "ann")
    return db


def plain(found: Any) -> list[tuple[object, ...]]:
    return [(*row,) for row in found]


def test_live_queries_go_on_with_rows_of_the_new_class() -> None:
    db, two = filled(first().module), with_index()
    told: list[Any] = []
    loans = db.subscribe("SELECT * FROM loan", told.append)
    joined = db.subscribe(
        "SELECT b.title FROM book b JOIN loan l ON l.book = b.id WHERE l.reader = :who",
        params={"who": "bob!"},
    )

    db.publish(two.module)

    assert told == []
    assert loans.rows == loans.initial == [two.rows["loan"](1, "ann")]
    db.call("lend", 1, "bob")
    [update] = told
    assert update.offset == db.offset == 5
    assert update.updates == [(two.rows["loan"](1, "ann"), two.rows["loan"](1, "bob!"))]
    assert joined.rows == [("Emma",)]
    loans.close()
    joined.close()
    assert db.stats().live_queries == 0
    db.check()


def test_what_is_kept_goes_on_with_the_new_tables() -> None:
    db = filled(first().module)
    count = db.subscribe("SELECT reader, COUNT(*) AS n FROM loan GROUP BY reader")
    last = db.subscribe("SELECT book FROM loan ORDER BY book DESC LIMIT 1")

    db.publish(with_index().module)
    db.call("add", "Persuasion")
    db.call("lend", 2, "ann")

    assert sorted(plain(count.rows)) == [("ann", 1), ("ann!", 1)]
    assert plain(last.rows) == [(2,)]
    count.close()
    last.close()
    assert db.stats().live_queries == 0


def test_what_cannot_be_kept_of_the_new_tables_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    db = filled(first().module)
    errors: list[Any] = []
    count = db.subscribe("SELECT COUNT(*) FROM loan", on_error=errors.append)
    books = db.subscribe("SELECT * FROM book")

    def fails(*_: object) -> None:
        raise qsdb.QueryError("no room")

    with monkeypatch.context() as patch:
        patch.setattr(KeptResult, "fill", fails)
        db.publish(with_index().module)

    [error] = errors
    assert "no room" in str(error)
    assert count.error is error
    db.call("add", "Persuasion")
    assert len(books.rows) == 2
    books.close()
    assert db.stats().live_queries == 0


def test_a_live_query_whose_result_has_other_columns_ends_and_says_why() -> None:
    db = filled(first().module)
    errors: list[Any] = []
    books = db.subscribe("SELECT * FROM book", on_error=errors.append)
    ids = db.subscribe("SELECT id FROM book", on_error=errors.append)
    loans = db.subscribe("SELECT * FROM loan", on_error=errors.append)

    db.publish(with_years().module, allow_breaking=True)

    assert errors == [books.error]
    assert "module library was published, and ended this: table book had" in str(
        books.error
    )
    assert "(id: u64, title: str) and has (id: u64, title: str, year: u32)" in str(
        books.error
    )
    db.call("add", "Dune")
    db.call("lend", 1, "bob")
    assert plain(books.rows) == [(1, "Emma")]
    assert plain(ids.rows) == [(1,), (2,)]
    assert plain(loans.rows) == [(1, "bob!")]
    for each in (books, ids, loans):
        each.close()
    assert db.stats().live_queries == 0


def test_a_live_query_of_one_column_ends_when_that_has_another_kind() -> None:
    def with_pages(kind: Any) -> qsdb.Module:
        return edition("", book={**BOOK, "pages": (kind, 5)}, loan=LOAN).module

    db = filled(with_pages(u8))
    pages = db.subscribe("SELECT pages FROM book")
    joined = db.subscribe("SELECT b.id FROM book b LEFT JOIN loan l ON l.book = b.id")
    asked = db.subscribe("SELECT id FROM book WHERE pages = :n", params={"n": 5})
    counted = db.subscribe("SELECT COUNT(*) AS n FROM book WHERE pages > 3")

    db.publish(with_pages(u16), allow_breaking=True)
    db.call("add", "Dune")

    assert "its result had (pages: u8) and has (pages: u16)" in str(pages.error)
    assert "(id: u64), asked by :n u8 and has (id: u64), asked by :n u16" in str(
        asked.error
    )
    assert joined.error is counted.error is None
    assert plain(joined.rows) == [(1,), (2,)]
    assert plain(counted.rows) == [(2,)]


def filtered(**more: Any) -> qsdb.Module:
    """A public table of which strangers see what a private one says."""
    made = edition("", {"loan": {"public": False}}, book=BOOK, loan={**LOAN, **more})
    made.module.row_filter("SELECT b.* FROM book b JOIN loan l ON l.book = b.id")
    return made.module


def test_strangers_are_told_on_when_a_table_of_a_row_filter_has_another_column() -> (
    None
):
    db = filled(filtered())
    connection = db.connect(ANN)
    errors: list[Any] = []
    seen = connection.subscribe("SELECT * FROM book", on_error=errors.append)
    assert not db.plan(filtered(year=(u32, 1900))).breaking

    db.publish(filtered(year=(u32, 1900)))
    db.call("add", "Dune")
    db.call("lend", 2, "bob")

    assert errors == []
    assert plain(seen.rows) == [(1, "Emma"), (2, "Dune")]
    assert len([*connection.db.book]) == 2


def test_a_live_query_of_a_table_that_is_dropped_ends() -> None:
    db = filled(first().module)
    loans = db.subscribe("SELECT * FROM loan")
    both = db.subscribe("SELECT l.reader FROM loan l JOIN book b ON b.id = l.book")
    db.publish(edition("", book=BOOK).module, allow_breaking=True, drop=["loan"])
    for each in (loans, both):
        assert "ended this: " in str(each.error)
        assert "no table loan" in str(each.error)


PEN = {"id": (u64, qsdb.primary_key()), "ink": str}


@pytest.mark.parametrize(
    ("options", "rows"),
    [
        ({"pen": {"renamed_from": "quill"}}, [(1, "black")]),  # those of another table
        ({"pen": {}}, []),  # those of a new one
    ],
    ids=["a chain", "anew"],
)
def test_a_live_query_of_a_name_that_is_another_tables_is_told(
    options: dict[str, Any], rows: list[Any]
) -> None:
    hidden = {"public": False}  # so that nobody is disconnected
    before = edition("", {"quill": hidden, "pen": hidden}, quill=PEN, pen=PEN)
    db = qsdb.Database(before.module, seed=1, clock=FakeClock(), options=QUIET)
    with db.write() as tx:
        tx.quill.insert(before.rows["quill"](1, "black"))
        tx.pen.insert(before.rows["pen"](2, "blue"))
    told: list[Any] = []
    pens = db.subscribe("SELECT * FROM pen", told.append)
    named = {**options, "biro": {"renamed_from": "pen"}}

    options = {name: {**hidden, **more} for name, more in named.items()}
    after = edition("", options, pen=PEN, biro=PEN)
    db.publish(after.module, drop=[] if rows else ["quill"])

    assert plain(pens.rows) == rows
    [update] = told
    assert (plain(update.inserts), plain(update.deletes)) == (rows, [(2, "blue")])
    assert plain(db.sql("SELECT * FROM biro")) == [(2, "blue")]
    db.check()


def test_who_waits_for_changes_gets_them_through_a_publication() -> None:
    db = filled(first().module)
    query = db.subscribe("SELECT * FROM loan")
    changes = query.changes(timeout=0)
    db.call("lend", 2, "bob")
    db.publish(with_index().module)
    db.call("lend", 3, "cyd")
    offsets = [offset for update in changes for offset in update.offsets]
    assert offsets[-1] == db.offset
    query = db.subscribe("SELECT * FROM book")
    changes = query.changes(timeout=0)
    db.publish(with_years().module, allow_breaking=True)
    with pytest.raises(qsdb.QueryError, match="was published"):
        next(changes)


def test_queries_of_the_catalogue_are_told_what_changes_in_it() -> None:
    db = filled(first().module)
    told: list[Any] = []
    tables = db.subscribe("SELECT table_name FROM st_table", told.append)
    conn = db.connect()
    names = conn.subscribe("SELECT table_name, table_access FROM st_table")

    db.publish(with_index().module)

    [update] = told
    assert (update.offset, update.inserts, update.deletes) == (4, [("shelf",)], [])
    assert ("shelf",) in tables.rows
    assert ("shelf", "public") in names.rows


def test_a_connection_goes_on_and_knows_the_new_tables_and_reducers() -> None:
    one, two = first(), with_index()
    db = filled(one.module)
    conn = db.connect(ANN)
    events: list[tuple[str, object]] = []
    handle = conn.db.loan
    handle.on_insert(lambda event, row: events.append((event.kind, row)))
    subscription = conn.subscribe("SELECT * FROM loan", "SELECT * FROM book")
    assert handle.get(1) == one.rows["loan"](1, "ann")
    idle = db.connect()

    db.publish(two.module)

    assert conn.db.loan is handle
    assert conn.db[two.rows["loan"]] is handle
    assert handle.get(1) == two.rows["loan"](1, "ann")
    assert [*handle.reader.filter("ann")] == [two.rows["loan"](1, "ann")]
    conn.reducers.lend(2, "bob")
    assert events[-1] == ("reducer", two.rows["loan"](2, "bob!"))
    assert subscription.is_active
    conn.subscribe("SELECT * FROM shelf")
    assert [*conn.db.shelf] == []
    assert [*idle.db.shelf] == []
    with pytest.raises(qsdb.SchemaError, match="Loan with"):
        conn.db[one.rows["loan"]]
    conn.close()
    with pytest.raises(qsdb.ClosedError, match="this connection is closed"):
        conn.call("which")


def test_connections_are_closed_where_clients_cannot_go_on() -> None:
    one = first()
    two = with_years()
    gone: list[object] = []

    @one.module.client_connected
    def connected(_: qsdb.ReducerContext) -> None: ...

    @two.module.client_disconnected
    def disconnected(ctx: qsdb.ReducerContext) -> None:
        gone.append(ctx.connection_id)

    db = filled(one.module)
    conn, idle, last = db.connect(ANN), db.connect(), db.connect(confirmed=True)
    last.subscribe("SELECT * FROM loan")
    errors: list[qsdb.QueryError] = []
    deleted: list[object] = []
    conn.db.loan.on_delete(lambda _, row: deleted.append(row))
    subscription = conn.subscribe("SELECT * FROM loan", on_error=errors.append)

    db.publish(two.module, allow_breaking=True)

    assert errors == [subscription.error]
    assert "was published, which disconnects clients: table book column year" in str(
        errors[0]
    )
    assert plain(deleted) == [(1, "ann")]
    assert not subscription.is_active
    for each in (conn, idle, last):
        with pytest.raises(qsdb.ClosedError, match="column year: u32 is added"):
            each.call("which")
        each.close()
    assert sorted(map(repr, gone)) == sorted(
        [repr(each.connection_id) for each in (conn, idle, last)]
    )
    assert [*db.sql("SELECT * FROM st_client")] == []
    db.connect().subscribe("SELECT * FROM book")


def test_notes_of_clients_go_with_them_also_in_a_module_that_has_none() -> None:
    one, two = first(), with_index()

    @one.module.client_connected
    def connected(_: qsdb.ReducerContext) -> None: ...

    db = filled(one.module)
    conn = db.connect()
    db.publish(two.module)
    assert len([*db.sql("SELECT * FROM st_client")]) == 1
    conn.close()
    assert [*db.sql("SELECT * FROM st_client")] == []
    db.connect().close()


def test_a_table_that_becomes_private_is_no_strangers_any_more() -> None:
    one = first()
    two = edition("!", {"loan": {"public": False}}, book=BOOK, loan=LOAN)
    db = filled(one.module)
    conn = db.connect()
    handle = conn.db.loan
    secret = conn.subscribe("SELECT * FROM loan")
    shown = conn.subscribe("SELECT * FROM book")
    mine = db.subscribe("SELECT * FROM loan")

    db.publish(two.module, allow_breaking=True)

    db.call("lend", 2, "bob")
    assert len(mine.rows) == 2
    assert [secret.is_active, shown.is_active] == [False, False]
    assert len(handle) == 0
    conn = db.connect()
    with pytest.raises(qsdb.QueryError, match="no table loan"):
        conn.subscribe("SELECT * FROM loan")
    with pytest.raises(qsdb.NotFoundError):
        conn.db.table("loan")


@pytest.mark.parametrize("use", ["len", "iter", "get", "filter", "count"])
def test_a_handle_of_other_rows_is_refused(use: str) -> None:
    # Of a reader that follows, whose connections stay.
    disk = SimulatedDirectory()
    db = filled(first().module, disk)
    db.wait_durable()
    reading = qsdb.Database(None, disk, read_only=True)
    conn = reading.connect()
    conn.subscribe("SELECT * FROM book")
    handle = conn.db.book
    db.publish(with_years().module, allow_breaking=True)
    reading.refresh()
    uses: dict[str, Callable[[], object]] = {
        "len": lambda: len(handle),
        "iter": lambda: [*handle],
        "get": lambda: handle.get(1),
        "filter": lambda: handle.id.find(1),
        "count": lambda: handle.index("id").find(1),
    }
    with pytest.raises(qsdb.SchemaError, match=r"year: u32\) now; this handle is of"):
        uses[use]()
    assert conn.db.book is not handle
    assert len(conn.db.book) == 0


def test_a_handle_of_a_table_that_is_gone_is_refused() -> None:
    disk = SimulatedDirectory()
    db = filled(first().module, disk)
    db.wait_durable()
    reading = qsdb.Database(None, disk, read_only=True)
    conn = reading.connect()
    errors: list[object] = []
    subscription = conn.subscribe(
        "SELECT * FROM loan", "SELECT * FROM book", on_error=errors.append
    )
    handle = conn.db.loan
    deleted: list[object] = []
    handle.on_delete(lambda event, row: deleted.append((event.kind, *row)))
    db.publish(edition("", book=BOOK).module, allow_breaking=True, drop=["loan"])
    reading.refresh()
    assert errors == [subscription.error]
    assert deleted == [("ended", 1, "ann")]
    with pytest.raises(qsdb.SchemaError, match="table loan is not there any more"):
        len(handle)
    assert not subscription.is_active
    assert conn.sql("SELECT title FROM book").to_dicts() == [{"title": "Emma"}]


def test_confirmed_subscribers_are_told_in_their_order() -> None:
    disk = SimulatedDirectory()
    two = with_index()
    db = filled(first().module, disk)
    conn = db.connect(confirmed=True)
    events: list[object] = []
    conn.db.loan.on_insert(lambda event, row: events.append((event.offset, (*row,))))
    conn.subscribe("SELECT * FROM loan")
    told: list[Any] = []
    query = db.subscribe("SELECT * FROM loan", told.append, confirmed=True)
    db.call("lend", 2, "bob")
    db.publish(two.module)
    conn.call("lend", 3, "cyd")
    assert events[-2:] == [(4, (2, "bob")), (6, (3, "cyd!"))]
    assert plain(conn.db.loan) == [(1, "ann"), (2, "bob"), (3, "cyd!")]
    db.close()
    assert [offset for each in told for offset in each.offsets][-1] == 6
    assert len(query.rows) == 3


def test_a_module_may_be_published_in_a_callback() -> None:
    db, two = filled(first().module), with_index()
    told: list[int] = []

    def publish(update: qsdb.Update) -> None:
        told.append(update.offset)
        if len(told) == 1:
            db.publish(two.module)
            db.call("lend", 2, "bob")

    db.subscribe("SELECT * FROM loan", publish)
    db.call("lend", 1, "cyd")
    assert told == [4, 6]
    assert db.call("which") == "!"


def test_a_subscription_that_is_not_applied_yet_goes_on_or_ends() -> None:
    db = filled(first().module)
    conn = db.connect()
    found: list[Any] = []
    errors: list[object] = []

    def subscribe(_: object) -> None:
        found.append(conn.subscribe("SELECT * FROM loan"))
        db.publish(with_index().module)
        found.append(conn.subscribe("SELECT * FROM loan", on_error=errors.append))
        db.publish(with_years().module, allow_breaking=True)
        query.close()

    query = db.subscribe("SELECT * FROM loan", subscribe)
    db.call("lend", 1, "bob")
    assert errors == [found[1].error]
    assert "disconnects clients" in str(errors)
    with pytest.raises(qsdb.ClosedError):
        conn.call("which")


def test_a_subscription_ends_that_has_just_begun(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    db = filled(first().module)
    conn = db.connect()
    require, errors, left = Connection._require_open, list[object](), [1, 2]

    def publish_at_the_end(connection: Connection) -> None:
        left.pop()
        if not left:
            monkeypatch.undo()
            db.publish(with_years().module, allow_breaking=True)
        require(connection)

    monkeypatch.setattr(Connection, "_require_open", publish_at_the_end)
    with pytest.raises(qsdb.ClosedError, match="disconnects clients"):
        conn.subscribe("SELECT * FROM loan", on_error=errors.append)
    assert len(errors) == 1
    assert db.stats().live_queries == 0


def test_a_query_that_fails_now_ends() -> None:
    one = edition("", book=BOOK, loan=LOAN)
    two = edition("", book=BOOK, loan=LOAN, shelf={"id": (u64, qsdb.primary_key())})

    @two.module.migration(from_=one.module.schema_hash(), tables=["shelf"])
    def fill(ctx: qsdb.MigrationContext) -> None:
        ctx.db.loan.insert(two.rows["loan"](2**64 - 1, "bob"))

    db = filled(one.module)
    query = db.subscribe("SELECT book + 1 AS next FROM loan")
    db.publish(two.module)
    assert query.error is not None
    assert query.rows == [(2,)]


def test_caches_keep_rows_that_no_key_tells_apart_any_more() -> None:
    keyless = {"book": u64, "reader": str}
    one, two = edition("", book=BOOK, loan=LOAN), edition("", book=BOOK, loan=keyless)
    db = filled(one.module)
    conn = db.connect()
    conn.subscribe("SELECT * FROM loan")
    query = db.subscribe("SELECT * FROM loan")
    print(db.publish(two.module, allow_breaking=True))
    with db.write() as tx:
        tx.loan.insert(two.rows["loan"](1, "bob"))
    assert len(query.rows) == 2
    assert len(conn.db.loan) == 2
