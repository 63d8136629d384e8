"""Rows 27 to 32: names, and what a declaration is told."""

import pytest

import qsdb
from qsdb import Row, SchemaError, u8
from qsdb.testing import database


def test_row_027_any_text_is_a_name_but_those_of_the_system() -> None:
    module = qsdb.Module("names")

    class Odd(Row, module=module, name="my table"):
        size: u8 = qsdb.primary_key(name="größe")
        as_said: str = qsdb.column(default="", name='a "b"')

    with database(module) as db:
        db.sql("INSERT INTO \"my table\" VALUES (1, 'x')")
        assert db.sql('SELECT "a ""b""" FROM "my table" WHERE größe = 1')[0][0] == "x"

    class Own(Row, module=module, name="st_mine"):
        id: u8

    class Hidden(Row, module=module):
        _id: u8

    with pytest.raises(SchemaError) as caught:
        qsdb.Database(module)
    assert [("st_mine" in each or "_id" in each) for each in caught.value.mistakes] == [
        True,
        True,
    ]


def test_row_028_a_table_is_named_as_its_class_in_snake_case() -> None:
    module = qsdb.Module("cases")

    class PlayerServerPresence(Row, module=module):
        id: u8

    class HTTPLog(Row, module=module, name="Log"):
        id: u8

    with database(module) as db, db.read() as tx:
        assert not list(tx.player_server_presence)
        assert not list(tx.table("Log"))
        assert db.stats().rows == {"player_server_presence": 0, "Log": 0}


def test_row_029_a_column_has_a_name_in_python_and_one_in_sql() -> None:
    module = qsdb.Module("accessors")

    class Guest(Row, module=module):
        id: u8 = qsdb.primary_key(name="guest id")
        name: str = qsdb.index(name="fullName")

    with database(module) as db:
        db.sql("INSERT INTO guest (\"guest id\", fullName) VALUES (1, 'Ana')")
        with db.read() as tx:
            assert list(tx[Guest].name.filter("Ana")) == [Guest(id=1, name="Ana")]
        stored = db.sql("SELECT col_name, col_attribute FROM st_column WHERE col_pos=0")
        assert ("guest id", "id") in stored.rows


def test_row_030_all_mistakes_are_told_at_once() -> None:
    module = qsdb.Module("wrong")

    class Note(Row, module=module, indexes=[qsdb.Hash("txet")]):
        tags: list[str]
        size: u8 = 300

    @module.reducer
    def write(ctx: qsdb.ReducerContext, text) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        pass

    with pytest.raises(SchemaError) as caught:
        qsdb.Database(module)

    assert len(caught.value.mistakes) == 4
    assert all(each.startswith("module wrong, ") for each in caught.value.mistakes)
    for part in ("tags", "size", "txet", "parameter text"):
        assert part in str(caught.value)


def test_row_031_a_name_is_taken_once() -> None:
    module = qsdb.Module("twice")

    class Note(Row, module=module, indexes=[qsdb.BTree("a", "b", name="a")]):
        a: u8 = qsdb.index()
        b: u8

    module.add_table(Note)

    @module.reducer
    def write(ctx: qsdb.ReducerContext) -> None:
        pass

    module.reducer(write)

    with pytest.raises(SchemaError) as caught:
        qsdb.Database(module)

    assert set(caught.value.mistakes) == {
        "module twice, table note: it is declared twice",
        "module twice, table note, index a: it is declared twice",
        "module twice, reducer write: it is declared twice",
    }


def test_row_031_tables_and_views_share_their_names_and_functions_theirs() -> None:
    shared = qsdb.Module("shared")

    class Note(Row, module=shared):
        a: u8

    @shared.reducer
    def write(ctx: qsdb.ReducerContext) -> None:
        pass

    def later(_: qsdb.ProcedureContext) -> None:
        pass

    def note(_: qsdb.ViewContext) -> list[Note]:
        return []

    later.__name__ = "write"
    shared.procedure(later)
    shared.view(public=True)(note)

    with pytest.raises(SchemaError) as caught:
        qsdb.Database(shared)

    text = str(caught.value)
    assert "procedure write: there is a reducer of this name" in text
    assert "view note: " in text


def test_row_032_keys_and_indexes_are_named_by_their_columns() -> None:
    module = qsdb.Module("generated")

    class Pair(Row, module=module, unique=[("a", "b")], indexes=[qsdb.Hash("b", "a")]):
        a: u8 = qsdb.index()
        b: u8

    with database(module) as db, db.read() as tx:
        assert db.sql(
            "SELECT index_name FROM st_index WHERE index_id >= 4096"
        ).rows == [
            ("a",),
            ("b_a",),
        ]
        assert ("a_b",) in db.sql("SELECT constraint_name FROM st_constraint").rows
        assert tx[Pair].a_b.find(1, 2) is None
        assert not list(tx[Pair].b_a.filter(2, 1))
