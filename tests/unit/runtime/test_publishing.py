"""Another module in the place of the one that a database has."""

import contextlib
import gc
import weakref
from typing import Any

import pytest

import qsdb
from qsdb import MigrationContext, ReducerContext, u32, u64
from qsdb.runtime import migrated_tables, publishing
from qsdb.runtime.publishing import _Rows
from qsdb.runtime.writer import Writer
from qsdb.schema.system import (
    CATALOGUE_IDS,
    ST_CLIENT,
    ST_CREDENTIALS,
    ST_SECRET,
    ST_TIMER,
    system_tables,
)
from qsdb.store.directory import Directory
from qsdb.store.reads import ReadTransaction
from qsdb.testing import FakeClock, SimulatedDirectory
from tests.support.editions import BOOK, LOAN, QUIET, Edition, contents, edition

CLOSED = (
    "this connection is closed: module library was published, which disconnects "
    "clients: table book column year: u32 is added, old rows have 1900"
)
YEARS = {**BOOK, "year": (u32, 1900)}


def first() -> Edition:
    return edition("1", book=BOOK, loan=LOAN)


def second() -> Edition:
    """Books have a year, loans an index; there are readers."""
    loan = {**LOAN, "reader": (str, qsdb.index())}
    reader = {"name": (str, qsdb.primary_key())}
    return edition("2", reader=reader, loan=loan, book=YEARS)


def filled(module: qsdb.Module, path: Any = None) -> qsdb.Database:
    db = qsdb.Database(module, path, seed=1, clock=FakeClock(), options=QUIET)
    db.call("add", "Emma")
    db.call("add", "Ulysses")
    db.call("lend", 1, "ann")
    return db


PLACES = pytest.mark.parametrize("place", [lambda: None, SimulatedDirectory])


@PLACES
def test_tables_are_those_of_the_module_and_rows_are_converted(place: Any) -> None:
    one, two = first(), second()
    db = filled(one.module, place())
    offset = db.offset

    plan = db.publish(two.module, allow_breaking=True)

    assert db.offset == db.durable_offset == offset + 1
    assert [step.subject for step in plan.breaking] == ["table book"]
    assert contents(db) == {
        "reader": [],
        "loan": [(1, "ann1")],
        "book": [(1, "Emma", 1900), (2, "Ulysses", 1900)],
    }
    db.check()
    with db.read() as tx:
        assert [*tx.loan.reader.filter("ann1")] == [two.rows["loan"](1, "ann1")]
    assert db.call("add", "Dune") == 3


def test_a_plan_says_what_would_be_done_and_does_nothing() -> None:
    one, two = first(), second()
    db = filled(one.module)
    with qsdb.testing.assert_no_change(db):
        plan = db.plan(two.module)
        with db.write():
            assert str(db.plan(two.module)) == str(plan)

    assert "column year: u32 is added" in str(plan)
    assert plan.breaking
    assert db.plan(one.module).is_empty
    db.publish(two.module, allow_breaking=True)
    assert db.plan(two.module).is_empty


def test_what_disconnects_clients_has_to_be_allowed() -> None:
    db = filled(first().module)

    with (
        qsdb.testing.assert_no_change(db),
        pytest.raises(
            qsdb.SchemaError, match=r"allow_breaking=True.*\n.*3 step"
        ) as told,
    ):
        db.publish(second().module)

    assert "column year: u32 is added" in str(told.value)
    assert db.call("which") == "1"


def test_functions_are_exchanged_without_a_commit() -> None:
    one, two = first(), edition("2", book=BOOK, loan=LOAN)
    db = filled(one.module)
    with db.read() as before:
        db.publish(two.module, allow_breaking=True)
        assert db.offset == before.offset
        assert db.call("which") == "2"
        db.call("lend", 2, "bob")
        assert [*before[one.rows["loan"]]] == [one.rows["loan"](1, "ann1")]
    with db.read() as tx:
        assert tx[two.rows["loan"]].get(2) == two.rows["loan"](2, "bob2")


def test_the_same_module_may_be_published_again() -> None:
    one = first()
    db = filled(one.module)

    @one.module.reducer
    def more(ctx: ReducerContext) -> str:  # noqa: ARG001  it has one
        return "more"

    with pytest.raises(qsdb.NotFoundError):
        db.call(more)
    db.publish(one.module)

    assert db.call(more) == "more"
    assert db.sql("SELECT name FROM st_reducer WHERE name = 'more'").to_dicts()
    offset = db.offset
    db.publish(one.module)
    assert db.offset == offset


def test_init_is_not_run_again() -> None:
    one = first()
    two = first()

    @two.module.init
    def init(ctx: ReducerContext) -> None:  # noqa: ARG001  it has one
        raise AssertionError

    db = filled(one.module)
    db.publish(two.module)
    assert db.call("which") == "1"


def test_functions_of_the_module_before_are_found_by_name_only() -> None:
    module = qsdb.Module("m")

    @module.reducer
    def one(ctx: ReducerContext) -> int:  # noqa: ARG001  it has one
        return 1

    again = qsdb.Module("m")

    @again.reducer(private=False)
    def two(ctx: ReducerContext) -> int:  # noqa: ARG001  it has one
        return 2

    db = qsdb.Database(module)
    db.publish(again)

    assert db.call("two") == 2
    with pytest.raises(qsdb.NotFoundError, match="no reducer one; there are: two"):
        db.call(one)


def test_reads_keep_the_tables_that_they_have() -> None:
    one, two = first(), second()
    db = filled(one.module)
    older = db.read()
    untouched = db.read()
    books = older[one.rows["book"]]
    assert len(books) == 2

    db.publish(two.module, allow_breaking=True)
    db.call("add", "Dune")
    db.call("lend", 1, "bob")

    assert [row.title for row in books] == ["Emma", "Ulysses"]
    assert older.offset == untouched.offset == 4
    assert older[one.rows["loan"]].get(1) == one.rows["loan"](1, "ann1")
    assert [*untouched.table("book")] == [*books]
    assert [*untouched.sql("SELECT title FROM book WHERE id = 2")] == [("Ulysses",)]
    names = [row.table_name for row in untouched.sql("SELECT * FROM st_table")]
    assert "reader" not in names
    with pytest.raises(qsdb.QueryError, match="no column year"):
        untouched.sql("SELECT year FROM book")
    with db.read() as newer:
        assert len(newer[two.rows["book"]]) == 3
        assert newer.offset == 7
    db.check()
    db.close()
    for use in (lambda: len(books), lambda: books.get(1), lambda: [*books]):
        with pytest.raises(qsdb.ClosedError):
            use()


def test_a_row_class_of_the_module_before_is_refused_with_both() -> None:
    one, two = first(), edition("2", book=YEARS)
    db = filled(one.module)
    db.publish(two.module, allow_breaking=True, drop=["loan"])
    with db.read() as tx:
        with pytest.raises(qsdb.SchemaError) as changed:
            tx[one.rows["book"]]
        with pytest.raises(qsdb.SchemaError) as dropped:
            tx[one.rows["loan"]]
        with pytest.raises(qsdb.NotFoundError):
            tx.table("loan")
    assert "Book with (id: u64, title: str) is not the row class" in str(changed.value)
    assert "Book with (id: u64, title: str, year: u32)" in str(changed.value)
    assert "library, published with offset 5, has no such table" in str(dropped.value)
    conn = db.connect()
    with pytest.raises(qsdb.SchemaError, match="is not the row class"):
        conn.db[one.rows["book"]]


def test_classes_that_are_gone_are_not_kept() -> None:
    db = filled(first().module)
    db.publish(second().module, allow_breaking=True)
    gc.collect()
    reference = weakref.ref(db.read()._tables.by_name["book"].bound.row_class)
    db.publish(first().module, allow_breaking=True)
    gc.collect()
    assert reference() is None


def test_rows_stand_in_the_way_of_a_table_that_is_removed() -> None:
    db = filled(first().module)
    without = edition("3", book=BOOK)
    with pytest.raises(qsdb.SchemaError, match=r"drop=\['loan'\]"):
        db.publish(without.module, allow_breaking=True)
    with db.write() as tx:
        tx.loan.clear()
    db.publish(without.module, allow_breaking=True)
    assert contents(db).keys() == {"book"}


def test_what_the_data_forbids_changes_nothing() -> None:
    db = filled(first().module)
    db.call("add", "Emma")
    unique = edition("2", book={**BOOK, "title": (str, qsdb.unique())}, loan=LOAN)
    with qsdb.testing.assert_no_change(db), pytest.raises(qsdb.SchemaError) as told:
        db.publish(unique.module, allow_breaking=True)
    assert "'Emma'" in str(told.value)
    assert db.call("which") == "1"
    db.check()


def test_a_migration_fills_tables_from_old_rows() -> None:
    one = first()
    two = edition("2", book=BOOK, loan=LOAN, reader={"name": (str, qsdb.primary_key())})
    seen: list[object] = []

    @two.module.migration(from_=one.module.schema_hash(), tables=["reader"])
    def fill(ctx: MigrationContext) -> None:
        for loan in ctx.old("loan"):
            ctx.db.reader.insert(two.rows["reader"](loan.reader))
            ctx.db.loan.update(two.rows["loan"](loan.book, loan.reader.upper()))
        with contextlib.suppress(qsdb.NotFoundError):
            ctx.old("cellar")
        seen.extend([ctx.sender, ctx.auth.is_internal, ctx.timestamp])
        seen.append(ctx.random.random() < 1)

    db = filled(one.module)
    loans = db.subscribe("SELECT * FROM loan")
    older = db.read()
    plan = db.publish(two.module)

    assert [each.name for each in plan.migrations] == ["fill"]
    assert contents(db)["reader"] == [("ann1",)]
    assert contents(db)["loan"] == [(1, "ANN1")]
    assert [(*row,) for row in loans.rows] == [(1, "ANN1")]
    assert [*older[one.rows["loan"]]] == [one.rows["loan"](1, "ann1")]
    assert seen[0] == db.owner
    assert seen[1:] == [True, seen[2], True]
    db.check()
    older.close()
    db.call("lend", 1, "bob")
    assert [(*row,) for row in loans.rows] == [(1, "bob2")]


def raises(_: MigrationContext, __: object) -> Any:
    raise ZeroDivisionError("zero")


def asks_for_a_strange_table(ctx: MigrationContext, _: object) -> Any:
    ctx.old("cellar")


def publishes(_: MigrationContext, again: Any) -> Any:
    again()


def awaits(_: MigrationContext, __: object) -> Any:
    async def late() -> None: ...

    return late()


@pytest.mark.parametrize(
    ("do", "error", "text"),
    [
        (raises, ZeroDivisionError, "zero"),
        (
            asks_for_a_strange_table,
            qsdb.NotFoundError,
            "no table 'cellar' before; there were: book, loan",
        ),
        (publishes, qsdb.UsageError, "inside a write transaction"),
        (awaits, qsdb.UsageError, "migration fill gave a coroutine"),
    ],
)
def test_a_migration_that_fails_changes_nothing(
    do: Any, error: type[Exception], text: str
) -> None:
    one = first()
    two = edition("2", book=BOOK, loan=LOAN, reader={"name": (str, qsdb.primary_key())})
    db = filled(one.module)

    @two.module.migration(from_=one.module.schema_hash(), tables=["reader"])
    def fill(ctx: MigrationContext) -> Any:
        ctx.db.loan.clear()
        return do(ctx, lambda: db.publish(two.module))

    with qsdb.testing.assert_no_change(db), pytest.raises(error, match=text):
        db.publish(two.module, allow_breaking=True)
    assert db.call("which") == "1"
    db.call("lend", 1, "bob")
    db.check()


def test_publishing_is_refused_where_it_cannot_be() -> None:
    one, two = first(), edition("2", book=BOOK, loan=LOAN)
    disk = SimulatedDirectory()
    db = filled(one.module, disk)

    @two.module.reducer
    def within(ctx: ReducerContext) -> None:  # noqa: ARG001  it has one
        db.publish(one.module)

    db.publish(two.module)
    with pytest.raises(qsdb.UsageError, match="inside a write transaction"):
        db.call("within")
    with db.write(), pytest.raises(qsdb.UsageError, match="inside a write"):
        db.publish(one.module)
    with pytest.raises(qsdb.ArgumentError, match=r"qsdb.Module, not 'library'"):
        db.publish("library")  # type: ignore[arg-type]
    with pytest.raises(qsdb.ArgumentError, match="allow_breaking is a bool, not 1"):
        db.publish(one.module, 1)  # type: ignore[arg-type]
    for drop in ("loan", 5, [1]):
        with pytest.raises(qsdb.ArgumentError, match="drop is a list of names"):
            db.publish(one.module, drop=drop)  # type: ignore[arg-type]
    with pytest.raises(qsdb.SchemaError, match="drop: loan is no table"):
        db.publish(one.module, drop=["loan"])
    db.wait_durable()
    with qsdb.Database(two.module, disk, read_only=True) as reader:
        assert reader.plan(two.module).is_empty
        with pytest.raises(qsdb.ReadOnlyError, match="its writer has to do it"):
            reader.publish(one.module)
    db.close()
    with pytest.raises(qsdb.ClosedError):
        db.publish(one.module)
    with pytest.raises(qsdb.ClosedError):
        db.plan(one.module)


def test_a_module_with_mistakes_is_refused_with_all_of_them() -> None:
    db = filled(first().module)
    wrong = edition("2", book={"id": list, "title": set}, loan=LOAN)
    with pytest.raises(qsdb.SchemaError, match="2 mistakes"):
        db.publish(wrong.module)


def test_one_module_may_serve_several_databases() -> None:
    one, two = first(), second()
    dbs = [filled(one.module) for _ in range(2)]
    dbs[0].publish(two.module, allow_breaking=True)
    dbs[1].call("lend", 2, "bob")
    dbs[1].publish(two.module, allow_breaking=True)
    dbs[0].call("lend", 2, "cyd")
    assert contents(dbs[0])["loan"] == [(1, "ann1"), (2, "cyd2")]
    assert contents(dbs[1])["loan"] == [(1, "ann1"), (2, "bob1")]


class Between:
    """Publishes a module the first time that a method is called, before it runs."""

    def __init__(
        self,
        patch: pytest.MonkeyPatch,
        where: tuple[type[object], str],
        db: qsdb.Database,
        module: qsdb.Module,
    ) -> None:
        place, name = where
        method = getattr(place, name)
        self.is_done = False

        def publish_first(*arguments: Any) -> Any:
            if not self.is_done:
                self.is_done = True
                db.publish(module, allow_breaking=True)
            return method(*arguments)

        patch.setattr(place, name, publish_first)


def call(db: qsdb.Database) -> object:
    return db.call("which")


def change(db: qsdb.Database) -> object:
    db.sql("UPDATE loan SET reader = 'bob' WHERE book = 1")
    return [*db.sql("SELECT reader FROM loan")] == [("bob",)]


def ask(db: qsdb.Database) -> object:
    return [*db.sql("SELECT b.title FROM book b JOIN loan l ON l.book = b.id")]


def explain(db: qsdb.Database) -> object:
    return len([*db.sql("EXPLAIN SELECT * FROM loan WHERE reader = 'ann'")])


def read(db: qsdb.Database) -> object:
    with db.read() as tx:
        return tx.offset, [row.year for row in tx.book]


def listen(db: qsdb.Database) -> object:
    query = db.subscribe("SELECT title FROM book WHERE id = 2")
    db.sql("UPDATE book SET title = 'x' WHERE id = 2")
    return query.rows


def listen_over_a_connection(db: qsdb.Database) -> object:
    conn = db.connect()
    try:
        conn.subscribe("SELECT * FROM loan")
    except qsdb.ClosedError as error:
        return str(error)
    return None


@pytest.mark.parametrize(
    ("do", "where", "expected"),
    [
        (call, (Writer, "begin"), "2"),
        (change, (Writer, "begin"), True),
        (ask, (Directory, "read"), [("Emma",)]),
        (explain, (Directory, "read"), 3),
        (read, (ReadTransaction, "__init__"), (5, [1900, 1900])),
        (listen, (Writer, "enter"), [("x",)]),
        (
            listen_over_a_connection,
            (Writer, "enter"),
            CLOSED,
        ),
    ],
)
def test_what_begins_while_a_module_is_published_finds_the_new_one(
    do: Any, where: Any, expected: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = filled(first().module)
    between = Between(monkeypatch, where, db, second().module)

    found = do(db)

    assert between.is_done
    assert found == expected
    db.check()


def test_what_waits_while_a_module_is_published_has_the_new_tables() -> None:
    """A transaction of the old ones would write where nobody reads any more."""
    two = second()
    db = filled(first().module)
    writer = db._writer
    acquire = writer._acquire

    def wait() -> None:
        writer._acquire = acquire
        db.publish(two.module, allow_breaking=True)
        acquire()

    writer._acquire = wait  # type: ignore[assignment]
    with db.write() as tx:
        assert len(tx.reader) == 0
        tx.loan.clear()
    assert contents(db)["loan"] == []
    db.check()


@pytest.mark.parametrize("is_primary", [False, True])
def test_a_fill_that_gives_other_values_each_time_is_refused(
    monkeypatch: pytest.MonkeyPatch, *, is_primary: bool
) -> None:
    is_planned: list[bool] = []
    migrated = migrated_tables.migrated

    def later(*arguments: Any) -> Any:
        is_planned.append(True)
        return migrated(*arguments)

    def code(old: Any) -> str:
        return "x" if is_planned else str(old.title)

    monkeypatch.setattr(publishing, "migrated", later)
    specifier = qsdb.primary_key if is_primary else qsdb.unique
    columns = {**BOOK, "code": (str, specifier(fill=code))}
    if is_primary:
        columns["id"] = u64
    two = edition("2", book=columns, loan=LOAN)
    db = filled(first().module)
    with (
        qsdb.testing.assert_no_change(db),
        pytest.raises(qsdb.UniqueError, match=r"table book.*'x'"),
    ):
        db.publish(two.module, allow_breaking=True)
    db.check()


def test_a_migration_may_fill_a_table_that_was_there() -> None:
    one, two = first(), edition("2", book={**BOOK, "title": u32}, loan=LOAN)

    @two.module.migration(from_=None, tables=["book"])
    def count(ctx: MigrationContext) -> None:
        assert len(ctx.db.book) == 0
        for old in ctx.old("book"):
            ctx.db.book.insert(two.rows["book"](id=old.id, title=len(old.title)))

    db = filled(one.module)
    db.publish(two.module, allow_breaking=True)
    assert contents(db)["book"] == [(1, 4), (2, 7)]
    db.check()


def test_a_rule_may_look_for_a_row() -> None:
    db = filled(first().module)
    with db.read() as tx:
        rows = _Rows(tx.table("book"))  # type: ignore[arg-type]
        assert (1, "Emma") in rows
        assert (1, "Dune") not in rows
        assert len(rows) == len([*rows]) == 2


def test_each_system_table_describes_the_module_or_has_data_of_its_own() -> None:
    # Who adds one decides: publishing exchanges the rows of the first, which
    # `catalogue_rows` gives, and leaves those of the others alone.
    of_data = {ST_CLIENT, ST_CREDENTIALS, ST_TIMER, ST_SECRET}
    assert CATALOGUE_IDS | of_data == {number for number, _ in system_tables()}
    assert not CATALOGUE_IDS & of_data
