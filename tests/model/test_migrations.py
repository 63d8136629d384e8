"""Rows 144 to 157, 159 and 162, and 77: another module for the same data."""

import enum
import types
from typing import Any

import pytest

import qsdb
from qsdb import (
    Database,
    MigrationContext,
    Module,
    ReducerContext,
    Row,
    ScheduleAt,
    SchemaError,
    TimeDuration,
    u8,
    u32,
    u64,
)
from qsdb.testing import FakeClock, SimulatedDirectory, assert_no_change, database

Columns = dict[str, Any]

BOOK: Columns = {"id": (u32, qsdb.primary_key()), "title": str}
DUNE = {"id": 1, "title": "Dune"}
EMMA = {"id": 2, "title": "Emma"}


def add_table(module: Module, name: str, columns: Columns, **options: Any) -> type[Any]:
    """Declare a table: each column is a kind, or a kind and a default or specifier."""
    space: dict[str, Any] = {"__annotations__": {}, "__module__": __name__}
    for column, given in columns.items():
        kind, *value = given if isinstance(given, tuple) else (given,)
        space["__annotations__"][column] = kind
        if value:
            space[column] = value[0]
    keywords = {"module": module, "name": name, "public": True, **options}
    made: type[Any] = types.new_class(
        name.title(), (Row,), keywords, lambda namespace: namespace.update(space)
    )
    return made


def library(columns: Columns = BOOK, version: int = 1, **options: Any) -> Module:
    """Make a module with a table, `book` if no name is given, and a reducer."""
    module = Module("library")
    add_table(module, options.pop("name", "book"), columns, **options)

    @module.reducer
    def which(_: ReducerContext) -> int:
        return version

    return module


def filled(module: Module, *rows: Columns, name: str = "book") -> Database:
    """Open a database with these rows."""
    db = database(module)
    with db.write() as tx:
        table = tx.table(name)
        for row in rows:
            columns = ", ".join(row)
            values = ", ".join(f":{column}" for column in row)
            tx.sql(f"INSERT INTO {name} ({columns}) VALUES ({values})", row)
        assert len(table) == len(rows)
    return db


def contents(db: Database, name: str = "book") -> list[tuple[object, ...]]:
    with db.read() as tx:
        return sorted([(*row,) for row in tx.table(name)], key=repr)


def published(
    old: Columns, new: Columns, *rows: Columns, **options: Any
) -> list[tuple[object, ...]]:
    """Give what has become of rows of `book` with other columns."""
    with filled(library(old), *rows) as db:
        db.publish(library(new, **options), allow_breaking=True)
        db.check()
        return contents(db)


def refusal(old: Columns, new: Columns, *rows: Columns, **options: Any) -> str:
    """Give why columns cannot become others; and see that nothing has changed."""
    with filled(library(old), *rows) as db:
        with assert_no_change(db), pytest.raises(SchemaError) as caught:
            db.publish(library(new, 2, **options), allow_breaking=True)
        assert db.call("which") == 1
        db.check()
    return str(caught.value)


def test_row_144_a_plan_says_what_would_be_done() -> None:
    renewed = library({**BOOK, "year": (u32, 1900)})
    with filled(library(), DUNE) as db:
        with assert_no_change(db):
            plan = db.plan(renewed)
        assert [step.subject for step in plan.steps] == ["table book"]
        assert plan.breaking == list(plan.steps)
        assert "! table book  column year: u32 is added, old rows have 1900" in str(
            plan
        )

        worse = {"id": BOOK["id"], "title": u8, "pages": u32}
        with assert_no_change(db), pytest.raises(SchemaError) as caught:
            db.plan(library(worse))
        for text in ("column title", "column pages"):  # all mistakes at once
            assert text in str(caught.value)


def test_row_145_what_disconnects_clients_has_to_be_allowed() -> None:
    gone: list[object] = []
    former, renewed = library(), library({**BOOK, "year": (u32, 1900)}, 2)

    @former.client_connected
    def came(ctx: ReducerContext) -> None: ...

    @renewed.client_disconnected
    def left(ctx: ReducerContext) -> None:
        gone.append(ctx.sender)

    with filled(former, DUNE) as db, db.connect() as client:
        with assert_no_change(db), pytest.raises(SchemaError, match="allow_breaking"):
            db.publish(renewed)
        assert client.call("which") == 1
        db.publish(renewed, allow_breaking=True)
        with pytest.raises(qsdb.ClosedError, match="year"):
            client.call("which")
        assert gone == [client.identity]  # of the new module
        with db.connect() as another:
            assert another.call("which") == 2


def test_row_146_a_publication_is_one_commit_or_nothing() -> None:
    files = SimulatedDirectory()
    renewed = library({**BOOK, "year": (u32, 1900)}, 2)
    note = add_table(renewed, "note", {"text": str})
    failures = [OSError("no")]

    @renewed.migration(from_=library().schema_hash(), tables=["note"])
    def fill(ctx: MigrationContext) -> None:
        ctx.db[note].insert(note(text="new"))
        if failures:
            raise failures.pop()

    with database(library(), files) as db:
        db.sql("INSERT INTO book VALUES (1, 'Dune')")
        with db.read() as before:
            with assert_no_change(db), pytest.raises(OSError, match="no"):
                db.publish(renewed, allow_breaking=True)
            assert db.call("which") == 1
            db.publish(renewed, allow_breaking=True)
            assert db.offset == before.offset + 1
            assert [(*row,) for row in before.table("book")] == [(1, "Dune")]
        assert contents(db) == [(1, "Dune", 1900)]
    with database(renewed, files) as db:
        assert (contents(db), contents(db, "note")) == ([(1, "Dune", 1900)], [("new",)])


def test_row_147_a_table_more_is_there_for_everybody() -> None:
    renewed = library(version=2)
    add_table(renewed, "shelf", {"room": (u32, qsdb.primary_key())})

    with filled(library(), DUNE) as db, db.connect() as client:
        client.subscribe("SELECT * FROM book")
        db.publish(renewed)  # disconnects nobody
        assert client.call("which") == 2
        assert len(client.db.book) == 1
        client.subscribe("SELECT * FROM shelf")
        db.sql("INSERT INTO shelf VALUES (7)")
        assert [(*row,) for row in client.db.shelf] == [(7,)]


def test_row_148_a_table_goes_if_it_is_empty_or_by_its_name() -> None:
    both = library()
    add_table(both, "shelf", {"room": u32})

    with filled(both, DUNE) as db:
        db.sql("INSERT INTO shelf VALUES (7)")
        with assert_no_change(db), pytest.raises(SchemaError, match="1 row"):
            db.publish(library(), allow_breaking=True)
        assert "loses its 1 row" in str(db.plan(library(), drop=["shelf"]))
        db.publish(library(), allow_breaking=True, drop=["shelf"])
        with pytest.raises(qsdb.QueryError):
            db.sql("SELECT * FROM shelf")
        db.publish(both)
        db.publish(library(), allow_breaking=True)  # it is empty
        assert contents(db) == [(1, "Dune")]


def test_row_149_a_column_more_has_a_default_or_is_filled() -> None:
    new = {
        "id": BOOK["id"],
        "size": (u8, qsdb.column(fill=lambda old: len(old.title))),
        "title": str,
        "number": (u64, qsdb.auto_inc()),
        "pages": (u32, 0),
    }
    assert published(BOOK, new, DUNE) == [(1, 4, "Dune", 1, 0)]

    pages = {**BOOK, "pages": u32}
    assert "without a default" in refusal(BOOK, pages, DUNE)
    assert published(BOOK, pages) == []  # of an empty table anything may change


def test_row_150_columns_go_move_and_have_other_names() -> None:
    moved = {"title": str, "id": BOOK["id"]}
    named = {
        "key": (u32, qsdb.primary_key(renamed_from="id")),
        "name": (str, qsdb.column(renamed_from="title")),
    }
    assert published(BOOK, moved, DUNE) == [("Dune", 1)]
    assert published(BOOK, named, DUNE) == [(1, "Dune")]
    assert published(BOOK, {"id": BOOK["id"]}, DUNE) == [(1,)]
    with filled(library(), DUNE) as db:
        plan = db.plan(library({"id": BOOK["id"]}))
        assert "loses its values in 1 row" in str(plan)
        db.publish(library(name="volume", renamed_from="book"), allow_breaking=True)
        assert contents(db, "volume") == [(1, "Dune")]


class Mood(enum.Enum):
    calm = 0
    angry = 1


class MoreMoods(enum.Enum):
    glad = 0
    angry = 1
    calm = 2


def test_row_151_a_column_of_another_kind_keeps_its_values_or_is_filled() -> None:
    old = {"id": (u8, qsdb.primary_key()), "a": u32, "b": str, "c": Mood}
    new = {"id": (u64, qsdb.primary_key()), "a": u32 | None, "b": str, "c": MoreMoods}
    row = {"id": 1, "a": 300, "b": "7", "c": Mood.calm}

    assert published(old, new, row) == [(1, 300, "7", MoreMoods.calm)]
    assert "u32 cannot become u8" in refusal(old, {**old, "a": u8}, row)
    as_number = qsdb.column(fill=lambda each: int(each.b))
    assert published(old, {**old, "b": (u32, as_number)}, row) == [
        (1, 300, 7, Mood.calm)
    ]


def test_row_152_indexes_come_and_go_while_clients_stay() -> None:
    by_title = {**BOOK, "title": (str, qsdb.index())}
    hashed = {**BOOK, "title": (str, qsdb.index("hash"))}

    with filled(library(), DUNE, EMMA) as db, db.connect() as client:
        client.subscribe("SELECT * FROM book")
        for columns in (by_title, hashed):
            db.publish(library(columns))
            with db.read() as tx:
                assert [row.id for row in tx.book.title.filter("Emma")] == [2]
            assert [row.id for row in client.db.book.title.filter("Emma")] == [2]
        db.publish(library())
        with db.read() as tx, pytest.raises(AttributeError):
            tx.book.title  # noqa: B018  there is no index
        assert len(client.db.book) == 2
        db.check()


def test_row_153_a_key_more_is_checked_against_the_rows() -> None:
    unique = {**BOOK, "title": (str, qsdb.unique())}
    doubled = [{"id": number, "title": f"{number // 2}"} for number in range(30)]

    told = refusal(BOOK, unique, *doubled)
    assert told.count("(2 rows)") == 10
    assert "5 more" in told
    assert len(published(BOOK, unique, DUNE, EMMA)) == 2

    by_title = {"id": u32, "title": (str, qsdb.primary_key())}
    assert "Dune" in refusal(BOOK, by_title, DUNE, {"id": 3, "title": "Dune"})
    with filled(library(), DUNE, EMMA) as db:
        db.publish(library(by_title), allow_breaking=True)
        with db.write() as tx:
            assert tx.book.get("Emma") in tx.book
        db.publish(library(), allow_breaking=True)
        assert len(contents(db)) == 2


def test_row_154_a_column_becomes_generated_after_its_greatest_value() -> None:
    numbered = {"id": (u32, qsdb.primary_key(auto_inc=True)), "title": str}

    with filled(library(), DUNE, {"id": 40, "title": "Emma"}) as db:
        db.publish(library(numbered), allow_breaking=True)
        db.sql("INSERT INTO book (title) VALUES ('Ubik')")
        assert (41, "Ubik") in contents(db)
        db.publish(library(), allow_breaking=True)
        with pytest.raises(qsdb.QueryError):
            db.sql("INSERT INTO book (title) VALUES ('Solo')")


def test_row_155_a_table_becomes_private_or_public() -> None:
    query = "SELECT * FROM book"
    with filled(library(public=False), DUNE) as db, db.connect() as client:
        with pytest.raises(qsdb.QueryError):
            client.sql(query)
        db.publish(library())
        live = client.subscribe(query)
        assert len(live.rows) == 1
        with pytest.raises(SchemaError, match="private"):
            db.publish(library(public=False))
        db.publish(library(public=False), allow_breaking=True)
        assert not live.is_active
        db.sql("INSERT INTO book VALUES (2, 'Emma')")
        assert not list(client.db.book)
        with db.connect() as another, pytest.raises(qsdb.QueryError):
            another.subscribe(query)


def test_row_156_a_table_is_scheduled_or_no_more() -> None:
    timer: Columns = {
        "id": (u64, qsdb.primary_key(auto_inc=True)),
        "at": ScheduleAt,
    }
    ran: list[str] = []

    def clockwork(scheduled: str | None) -> Module:
        module = Module("clockwork")
        alarm = add_table(module, "alarm", timer, scheduled=scheduled)

        def ring(_: ReducerContext, due: Any) -> None:
            ran.append(f"ring {due.id}")

        def hum(_: ReducerContext, due: Any) -> None:
            ran.append(f"hum {due.id}")

        for function in (ring, hum):
            function.__annotations__["due"] = alarm
            module.reducer(function)
        return module

    clock = FakeClock()
    with database(clockwork(None), clock=clock) as db:
        each = ScheduleAt.interval(TimeDuration.from_seconds(10))
        with db.write() as tx:
            tx.sql("INSERT INTO alarm (at) VALUES (:at)", {"at": each})
        for scheduled in ("ring", "hum", None):
            db.publish(clockwork(scheduled), allow_breaking=True)
            clock.advance(10)
            db.run_due()
    assert ran == ["ring 1", "hum 1"]


def test_row_157_a_table_becomes_one_of_events_if_it_is_empty() -> None:
    assert "keeps no rows; the table has 1 row" in refusal(BOOK, BOOK, DUNE, event=True)
    with filled(library()) as db:
        for is_event in (True, False):
            db.publish(library(event=is_event), allow_breaking=True)
            db.sql("INSERT INTO book VALUES (1, 'Dune')")
            assert len(contents(db)) == (not is_event)


def test_row_077_columns_of_events_change_freely() -> None:
    with database(library(event=True)) as db:
        db.sql("INSERT INTO book VALUES (1, 'Dune')")
        db.publish(library({"place": str}, event=True), allow_breaking=True)
        told: list[object] = []
        db.subscribe("SELECT * FROM book", lambda update: told.extend(update.inserts))
        db.sql("INSERT INTO book VALUES ('here')")
        assert [(*row,) for row in told] == [("here",)]  # type: ignore[misc]


def test_row_159_the_same_module_again_is_no_commit() -> None:
    files = SimulatedDirectory()
    with database(library(), files) as db:
        offset = db.offset
        assert db.plan(library()).is_empty
        db.publish(library())
        db.publish(library(version=2))  # other functions, the same schema
        assert (db.call("which"), db.offset) == (2, offset)
    with database(library(), files) as db:
        assert db.offset == offset


def test_row_162_a_function_of_the_users_fills_tables_from_old_rows() -> None:
    def renewed(from_: str | None) -> Module:
        module = Module("library")
        first = add_table(module, "letter", {"id": (u32, qsdb.primary_key()), "a": str})

        @module.migration(from_=from_, tables=["letter"], drop=["book"])
        def split(ctx: MigrationContext) -> None:
            for old in ctx.old("book"):
                ctx.db[first].insert(first(id=old.id, a=old.title[0]))

        return module

    for from_ in (library().schema_hash(), None):
        with filled(library(), DUNE, EMMA) as db:
            assert "split" in str(db.plan(renewed(from_)))
            db.publish(renewed(from_), allow_breaking=True)
            assert contents(db, "letter") == [(1, "D"), (2, "E")]

    files = SimulatedDirectory()
    with database(library(), files) as db:
        db.sql("INSERT INTO book VALUES (1, 'Dune')")
    with database(library({**BOOK, "year": (u32, 1900)}), files) as db:
        assert contents(db) == [(1, "Dune", 1900)]  # opening a directory publishes
    with pytest.raises(SchemaError, match="book"):
        database(renewed("0" * 16), files)


def arena(least: int, *, is_wide: bool = False) -> qsdb.Module:
    """Give a module with a view, whose body or columns may be others."""
    module = qsdb.Module("arena")

    class Fighter(qsdb.Row, module=module):
        name: str = qsdb.primary_key()
        points: u32

    class Line(qsdb.Product):
        name: str

    def great(ctx: qsdb.AnonymousViewContext) -> list[Fighter]:
        return [row for row in ctx.db[Fighter] if row.points >= least]

    def great_lines(ctx: qsdb.AnonymousViewContext) -> list[Line]:
        return [Line(row.name) for row in ctx.db[Fighter]]

    great_lines.__name__ = "great"
    module.view(public=True)(great_lines if is_wide else great)
    return module


def test_row_158_a_view_with_another_body_goes_on_and_tells_the_difference() -> None:
    with database(arena(0)) as db, db.connect() as client:
        db.sql("INSERT INTO fighter VALUES ('ann', 3), ('bob', 7)")
        live = db.subscribe("SELECT * FROM great")
        client.subscribe("SELECT * FROM great")
        gone: list[str] = []
        client.db.great.on_delete(lambda _, row: gone.append(row.name))

        plan = db.publish(arena(5))

        assert plan.breaking == []
        assert gone == ["ann"]
        assert [row.name for row in client.db.great] == ["bob"]
        assert [row.name for row in live.rows] == ["bob"]


def test_row_158_a_view_with_other_columns_disconnects() -> None:
    with database(arena(0)) as db:
        client = db.connect()
        live = db.subscribe("SELECT * FROM great")
        other = arena(0, is_wide=True)
        with pytest.raises(qsdb.SchemaError, match="view great"):
            db.publish(other)

        [step] = db.publish(other, allow_breaking=True).breaking

        assert step.subject == "view great"
        assert live.error is not None
        with pytest.raises(qsdb.ClosedError):
            client.sql("SELECT * FROM great")
        assert db.sql("SELECT * FROM great").columns == ("name",)
