"""Queries of a database: what they give, whom they are for, and when."""

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import qsdb
from qsdb import (
    AccessError,
    ArgumentError,
    ClosedError,
    QueryError,
    ReadOnlyError,
    UsageError,
)
from qsdb.testing import SimulatedDirectory
from tests.unit.runtime.sql_shop import (
    ANN,
    BOB,
    NOON,
    Circle,
    Item,
    Line,
    Mood,
    Odd,
    Place,
    Rich,
    Square,
    buy,
    filled_shop,
    names,
    shop,
)


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    database = filled_shop()
    yield database
    database.check()
    database.close()


# Rows.


def test_whole_rows_are_of_the_class_of_the_table(db: qsdb.Database) -> None:
    [axe] = db.sql("SELECT * FROM item WHERE id = 1")
    [line] = db.sql(
        "SELECT l.* FROM line l JOIN item i ON i.id = l.item WHERE i.id = 1"
    )

    assert axe == Item("axe", "tool", 10, note="sharp").replace(id=1)
    assert type(axe) is Item
    assert line == Line(ANN, 1)


def test_other_rows_are_named_tuples(db: qsdb.Database) -> None:
    result = db.sql("SELECT price * 2 AS twice, name FROM item WHERE id = 2")

    assert result.columns == ("twice", "name")
    assert [*result] == [(40, "saw")]
    assert result[0].twice == 40
    assert result[0]._fields == ("twice", "name")


def test_odd_names_are_places_and_stay_true_in_columns(db: qsdb.Database) -> None:
    db.sql('INSERT INTO "odd table" VALUES (1, 2, 3)')
    [whole] = db.sql('SELECT * FROM "odd table"')
    result = db.sql('SELECT "class", "a b", "qu""ote <b>" AS _x FROM "odd table"')

    assert whole == Odd(1, 2, 3)
    assert result.columns == ("class", "a b", "_x")
    assert result[0]._fields == ("_0", "_1", "_2")
    assert result.to_dicts() == [{"class": 2, "a b": 1, "_x": 3}]
    assert db.sql('SELECT * FROM "odd table"').to_dicts() == [
        {"a b": 1, "class": 2, 'qu"ote <b>': 3}
    ]


RICH = Rich(
    *(1, True, 0.5, "é", b"\1", Mood.ANGRY, Place(3, NOON), Square(4)),
    *((NOON,), None, ANN, qsdb.ConnectionId.from_bytes(bytes(16)), NOON),
    *(qsdb.TimeDuration.from_micros(5), qsdb.ScheduleAt.time(NOON)),
    uuid.UUID(int=7),
)
COLUMNS = [*Rich.__annotations__]


def insert_rich(db: qsdb.Database) -> dict[str, Any]:
    """Insert a row by parameters, and give them."""
    given = dict(zip(COLUMNS, RICH, strict=True))
    marks = ", ".join([f":{name}" for name in COLUMNS])
    assert db.sql(f"INSERT INTO rich VALUES ({marks})", given).rows_affected == 1
    return given


def test_parameters_are_of_every_kind_and_so_are_outputs(db: qsdb.Database) -> None:
    given = insert_rich(db)

    assert [*db.sql("SELECT * FROM rich")] == [RICH]
    for name in COLUMNS:
        other = db.sql(f"SELECT {name}, id AS n FROM rich")
        assert [*other] == [(given[name], 1)], name
        assert type(other[0][0]) is type(given[name])


@pytest.mark.parametrize(
    "name", ["id", "flag", "number", "text", "raw", "mood", "who", "conn", "at", "uid"]
)
def test_what_compares_is_compared_with_parameters(
    db: qsdb.Database, name: str
) -> None:
    given = {"a": insert_rich(db)[name]}

    assert [*db.sql(f"SELECT * FROM rich WHERE {name} = :a", given)] == [RICH]
    assert [*db.sql(f"SELECT * FROM rich WHERE {name} <> :a", given)] == []


@pytest.mark.parametrize("name", ["place", "shape", "tags", "maybe", "lasts"])
def test_what_no_literal_is_compares_by_parameters(
    db: qsdb.Database, name: str
) -> None:
    insert_rich(db)
    db.sql("UPDATE rich SET maybe = :m", {"m": Place(1, NOON)})
    [row] = db.sql("SELECT * FROM rich")
    given = {"a": getattr(row, name)}

    assert names(db.sql(f"SELECT id FROM rich WHERE {name} = :a", given)) == [1]
    assert names(db.sql(f"SELECT id FROM rich WHERE {name} <= :a", given)) == [1]
    assert names(db.sql(f"SELECT id FROM rich WHERE {name} < :a", given)) == []
    text = f"SELECT a.id FROM rich a JOIN rich b ON a.{name} = b.{name}"
    assert names(db.sql(text)) == [1]
    live = db.subscribe(f"SELECT * FROM rich WHERE {name} >= :a", params=given)
    db.sql("DELETE FROM rich")
    assert live.rows == []


def test_a_schedule_does_not_compare(db: qsdb.Database) -> None:
    with pytest.raises(QueryError, match="values of ScheduleAt do not compare"):
        db.sql("SELECT * FROM rich WHERE due = :a", {"a": 1})


def test_names_that_python_takes_for_one_are_two(db: qsdb.Database) -> None:
    insert_rich(db)
    [row] = db.sql("SELECT id AS \u017f, id + 1 AS s FROM rich")
    assert tuple(row) == (1, 2)
    assert row.s == 1
    assert db.sql("SELECT id AS \u017f, id + 1 AS s FROM rich").columns == (
        "\u017f",
        "s",
    )


def test_compounds_are_changed_by_parameters(db: qsdb.Database) -> None:
    insert_rich(db)
    given = {"s": Circle(9), "m": Place(1, NOON), "t": [NOON, NOON]}
    db.sql("UPDATE rich SET shape = :s, maybe = :m, tags = :t", given)
    [row] = db.sql("SELECT shape, maybe, tags FROM rich")

    assert row == (Circle(9), Place(1, NOON), (NOON, NOON))
    db.sql("UPDATE rich SET maybe = :m", {"m": None})
    assert db.sql("SELECT maybe FROM rich")[0].maybe is None


def test_the_sender_is_an_identity_in_results_too(db: qsdb.Database) -> None:
    query = (
        "SELECT :sender AS me, who = :sender AS is_me FROM customer WHERE nick = 'ann'"
    )

    assert [*db.sql(query, sender=ANN)] == [(ANN, True)]
    assert [*db.sql(query)] == [(db.owner, False)]


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("", ["axe", "nut", "oil", "pea", "saw"]),
        ("WHERE kind = 'food' AND price = 1 + 1", ["nut", "oil"]),
        ("WHERE price = :two + 0 AND stock = 3", ["nut", "oil"]),
        ("WHERE price > 1 + 1", ["axe", "saw"]),
        ("WHERE name = 'a' OR name = 'oil' OR name = 'axe'", ["axe", "oil"]),
        ("WHERE note IS NULL AND on_sale", ["pea"]),
        ("WHERE note LIKE 's%'", ["axe"]),
        ("WHERE note < 'zzz'", ["axe", "nut"]),
        ("WHERE note > 'i'", ["axe"]),
        ("WHERE note >= note", ["axe", "nut"]),
        ("WHERE kind = 'tool' AND price BETWEEN 15 AND 5", []),
        ("WHERE price BETWEEN 2 AND 10", ["axe", "nut", "oil"]),
        ("WHERE id IN (1, 1, :two, 99)", ["axe", "saw"]),
        ("WHERE kind IN ('tool', 'x') AND name IN ('axe', 'pea')", ["axe"]),
    ],
)
def test_rows_are_found(db: qsdb.Database, where: str, found: list[str]) -> None:
    given = {"two": 2} if ":two" in where else None
    result = db.sql(f"SELECT name FROM item {where}", given)
    count = db.sql(f"SELECT COUNT(*) AS n FROM item {where}", given)
    limited = db.sql(f"SELECT name FROM item {where} LIMIT 1", given)

    assert names(result) == found
    assert [*count] == [(len(found),)]
    assert count.columns == ("n",)
    assert len(limited) == min(1, len(found))
    assert not db.sql(f"SELECT * FROM item {where} LIMIT 0", given).rows


def test_a_limit_may_be_beyond_what_a_machine_counts(db: qsdb.Database) -> None:
    most = 2**64 - 1
    for columns in ("*", "name"):
        assert len(db.sql(f"SELECT {columns} FROM item LIMIT {most}")) == 5
        where = "WHERE price = 1 + 1"
        assert len(db.sql(f"SELECT {columns} FROM item {where} LIMIT {most}")) == 2


@pytest.mark.parametrize("count", [2, 16, 17, 33, 60])
@pytest.mark.parametrize("column", ["id", "kind", "stock"])
def test_many_tables_are_joined(db: qsdb.Database, count: int, column: str) -> None:
    db.sql("DELETE FROM item WHERE id > 2")
    db.sql("UPDATE item SET kind = name, stock = 1 WHERE id = 1")
    joins = [
        f"JOIN item i{n} ON i{n}.{column} = i{n - 1}.{column} AND i{n}.id IN (1, 2)"
        for n in range(1, count)
    ]
    tables = f"FROM item i0 {' '.join(joins)}"

    assert [*db.sql(f"SELECT COUNT(*) AS n {tables}")] == [(2,)]
    assert names(db.sql(f"SELECT i{count - 1}.name {tables}")) == ["axe", "saw"]
    assert len(db.sql(f"SELECT i0.* {tables} LIMIT 1")) == 1
    assert db.sql(f"SELECT i0.* {tables} WHERE i0.name = 'axe'")[0].id == 1


def test_a_null_finds_nothing_in_a_join(db: qsdb.Database) -> None:
    pairs = db.sql(
        "SELECT a.name AS x, b.name AS y FROM item a JOIN item b ON a.note = b.note"
    )

    assert names(pairs) == ["axe", "nut"]


def test_a_plan_spells_what_is_cast(db: qsdb.Database) -> None:
    [*lines] = db.sql("EXPLAIN SELECT id FROM item WHERE cast(price AS double) > 1.5")
    assert any("CAST(price AS f64) > 1.5" in str(each) for each in lines)


def test_explain_gives_rows_with_a_plan(db: qsdb.Database) -> None:
    result = db.sql("EXPLAIN SELECT * FROM item WHERE id = 1")

    assert result.columns == ("plan",)
    assert result[0].plan == "1. item  primary key id, equal to 1  ~1 row"
    assert result[1].plan == "gives rows of item"
    with db.read() as tx:
        assert [*tx.sql("EXPLAIN SELECT * FROM item WHERE id = 1")] == [*result]


def test_errors_at_run_time_are_told(db: qsdb.Database) -> None:
    with pytest.raises(QueryError, match="something is divided by 0"):
        db.sql("SELECT price / (price - price) FROM item")
    with pytest.raises(
        QueryError, match=r"the result 2147483647\d* is not i32|is not i32"
    ):
        db.sql("SELECT price * 2147483647 FROM item")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "SELECT name,\n  price / (price - price) AS x\nFROM item",
            """line 2, column 12: something is divided by 0
    price / (price - price) AS x
             ^""",
        ),
        (
            "SELECT * FROM item WHERE price + 1 = 2 AND 2 * stock * 200 > 1",
            """line 1, column 44: the result 1200 is not u8 (0 to 255)
  SELECT * FROM item WHERE price + 1 = 2 AND 2 * stock * 200 > 1
                                             ^""",
        ),
        (
            "UPDATE item SET stock = 1 + 256 - stock % (stock - 3) WHERE id = 1",
            "line 1, column 29: 256 is not an int from 0 to 255\n",
        ),
        (
            "UPDATE item SET price = - (price - 2147483647 - 11) WHERE id = 1",
            "line 1, column 25: the result 2147483648 is not i32",
        ),
        ("DELETE FROM item WHERE 1 % (price - 1) = 1", "line 1, column 29: something"),
        (
            "INSERT INTO item (name, kind, price) VALUES ('b', 'x', 1 / 0)",
            "line 1, column 60: something is divided by 0\n",
        ),
        ("SET row_limit = 3 - 4", "line 1, column 17: the result -1 is not u64"),
    ],
)
def test_what_fails_as_it_runs_is_pointed_at(
    db: qsdb.Database, text: str, told: str
) -> None:
    with pytest.raises(QueryError) as caught:
        db.sql(text)
    assert str(caught.value).startswith(told)
    assert (caught.value.line, caught.value.column) != (0, 0)


@pytest.mark.parametrize("text", [b"SELECT 1", None, 5, ["SELECT"], {"a": 1}])
def test_a_query_is_a_text(db: qsdb.Database, text: Any) -> None:
    with db.write() as tx, db.read() as reading:
        for run in (db.sql, db.caller(ANN).sql, tx.sql, reading.sql):
            with pytest.raises(ArgumentError, match="a query is a str, not"):
                run(text)


def test_an_error_points_at_the_place(db: qsdb.Database) -> None:
    with pytest.raises(QueryError) as caught:
        db.sql("SELECT *\nFROM itm")

    assert str(caught.value) == (
        "line 2, column 6: there is no table itm; did you mean item?\n"
        "  FROM itm\n"
        "       ^"
    )


# Rights.


def test_a_private_table_looks_like_none(db: qsdb.Database) -> None:
    def told(table: str, run: Callable[[str], object]) -> str:
        with pytest.raises(QueryError) as caught:
            run(f"SELECT * FROM {table}")
        return str(caught.value).replace(table, "TABLE")

    def of_ann(text: str) -> object:
        return db.sql(text, sender=ANN)

    assert told("secret", of_ann) == told("mystic", of_ann)
    assert told("secret", of_ann) == told("secret", db.caller(ANN).sql)
    assert "TABLE\n" in told("secret", of_ann)
    assert "secret" not in told("secrte", of_ann).replace("secrte", "")
    assert db.sql("SELECT pin FROM secret")[0].pin == "1234"
    assert db.sql("SELECT pin FROM secret", sender=db.owner)[0].pin == "1234"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT i.* FROM item i JOIN secret s ON i.id = s.id",
        "DELETE FROM secret",
        "INSERT INTO secret VALUES (1, 'x')",
        "UPDATE secret SET pin = 'x'",
        "EXPLAIN SELECT * FROM secret",
    ],
)
def test_a_private_table_is_nowhere(db: qsdb.Database, query: str) -> None:
    with pytest.raises(QueryError, match="there is no table secret"):
        db.sql(query, sender=ANN)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM item",
        "UPDATE item SET price = 1",
        "INSERT INTO line VALUES (:sender, 1, 1)",
        "SET row_limit = 5",
    ],
)
def test_only_the_owner_changes_anything(db: qsdb.Database, statement: str) -> None:
    offset = db.offset
    for run in (db.caller(ANN).sql, lambda text: db.sql(text, sender=ANN)):
        with pytest.raises(AccessError) as caught:
            run(statement)
        assert str(caught.value) == (
            "only the owner may change anything by SQL; call a reducer instead"
        )

    assert db.offset == offset
    assert db.caller(db.owner).sql(statement).rows_affected is not None


def test_private_tables_are_in_no_catalogue_of_others(db: qsdb.Database) -> None:
    ids = {row.table_name: row.table_id for row in db.sql("SELECT * FROM st_table")}
    private = (
        *("st_module", "st_row_level_security", "st_timer", "st_secret"),
        "st_connection_credentials",
    )
    hidden = {ids[name] for name in ("secret", "ledger", *private)}
    conn = db.connect(identity=ANN)
    for name in ("st_table", "st_column", "st_sequence", "st_index", "st_constraint"):
        query = f"SELECT * FROM {name}"
        every, theirs = db.sql(query).rows, db.sql(query, sender=ANN).rows
        known = [row for row in every if row.table_id not in hidden]
        assert Counter(theirs) == Counter(known)
        assert conn.sql(query).rows == theirs
        conn.subscribe(query)
        assert Counter(conn.db.table(name)) == Counter(theirs)
        found = db.sql(f"SELECT x.* FROM st_table t JOIN {name} x ON TRUE", sender=ANN)
        assert not hidden & {row.table_id for row in found}
        for number in hidden:
            which = f"{query} WHERE table_id = {number}"
            assert db.sql(which, sender=ANN).rows == []
    assert hidden <= {row.table_id for row in db.sql("SELECT * FROM st_column")}
    names = {row.name for row in db.sql("SELECT name FROM st_reducer", sender=ANN)}
    reducers = db.sql("SELECT * FROM st_reducer")
    assert names == {row.name for row in reducers if not row.is_private}


def test_tables_of_the_system_are_read_and_not_changed(db: qsdb.Database) -> None:
    query = "SELECT table_name FROM st_table WHERE table_access = 'private'"

    assert {"secret", "ledger"} <= {row.table_name for row in db.sql(query)}
    with pytest.raises(QueryError, match="there is no table st_module"):
        db.sql("SELECT * FROM st_module", sender=ANN)
    assert len(db.sql("SELECT * FROM st_module")) == 1
    with db.read() as tx:
        assert len(tx.sql("SELECT * FROM st_module")) == 1
    for statement in (
        "DELETE FROM st_table",
        "UPDATE st_table SET table_name = 'x'",
        "INSERT INTO st_reducer VALUES (1, 'x', TRUE, 0x00)",
    ):
        with pytest.raises(AccessError, match="is a table of the system; it changes"):
            db.sql(statement)


def test_a_sender_is_an_identity(db: qsdb.Database) -> None:
    with pytest.raises(ArgumentError, match=r"sender is a qsdb.Identity, not 'ann'"):
        db.sql("SELECT * FROM item", sender="ann")  # type: ignore[arg-type]


def test_a_caller_asks_as_itself(db: qsdb.Database) -> None:
    query = "SELECT item FROM line WHERE customer = :sender AND item > :least"

    assert names(db.caller(ANN).sql(query, {"least": 0})) == [1, 3]
    assert names(db.caller(BOB).sql(query, {"least": 0})) == [3]
    assert not db.sql(query, {"least": 0}).rows


# Variables.


def test_a_row_limit_is_for_everybody_but_the_owner(db: qsdb.Database) -> None:
    assert [*db.sql("SHOW row_limit")] == [(None,)]
    db.sql("SET row_limit = :n", {"n": 4})

    assert db.sql("SHOW row_limit").columns == ("row_limit",)
    assert db.sql("SHOW row_limit", sender=ANN)[0].row_limit == 4
    assert len(db.sql("SELECT * FROM item")) == 5
    assert len(db.sql("SELECT * FROM item WHERE id = 1", sender=ANN)) == 1
    assert len(db.sql("SELECT * FROM line", sender=ANN)) == 3
    with pytest.raises(QueryError) as caught:
        db.sql("SELECT * FROM item", sender=ANN)
    assert caught.value.reason == (
        "this looks at some 5 rows, and row_limit is 4; ask for fewer, or have an index"
        " made"
    )
    db.sql("SET row_limit = NULL")
    assert [*db.sql("SHOW row_limit")] == [(None,)]
    assert len(db.sql("SELECT * FROM item", sender=ANN)) == 5
    db.sql("SET row_limit = :n", {"n": None})
    assert len(db.sql("SELECT * FROM item", sender=ANN)) == 5
    db.sql("SET row_limit TO 5")
    assert len(db.sql("SELECT * FROM item", sender=ANN)) == 5


def test_a_row_limit_is_one_of_the_database(db: qsdb.Database) -> None:
    with db.write() as tx:
        assert tx.sql("SET row_limit = 7").rows_affected == 0
        assert [*tx.sql("SHOW row_limit")] == [(7,)]
    with db.read() as tx:
        assert [*tx.sql("SHOW row_limit")] == [(7,)]
    other = filled_shop()
    assert [*other.sql("SHOW row_limit")] == [(None,)]


def limit(run: Callable[[str], qsdb.Result]) -> int | None:
    found: int | None = run("SHOW row_limit")[0].row_limit
    return found


def test_a_row_limit_is_set_with_its_transaction(db: qsdb.Database) -> None:
    db.sql("SET row_limit = 3")
    with db.write() as tx:
        tx.sql("SET row_limit = 7")
        assert (limit(tx.sql), limit(db.sql)) == (7, 3)
        tx.sql("SET row_limit = 8")
        with db.read() as reading:
            assert limit(reading.sql) == 3
    assert limit(db.sql) == 8

    with pytest.raises(KeyError), db.write() as tx:
        tx.sql("SET row_limit = NULL")
        assert limit(tx.sql) is None
        raise KeyError
    assert limit(db.sql) == 8


def test_a_row_limit_is_undone_with_its_savepoint(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx.sql("SET row_limit = 1")
        with tx.savepoint():
            with tx.savepoint():
                tx.sql("SET row_limit = 2")
            assert limit(tx.sql) == 2
            with pytest.raises(KeyError), tx.savepoint():
                tx.sql("SET row_limit = 3")
                raise KeyError
            assert limit(tx.sql) == 2
        with pytest.raises(KeyError), tx.savepoint():
            tx.sql("SET row_limit = 4")
            with tx.savepoint():
                tx.sql("SET row_limit = 5")
            raise KeyError
        assert limit(tx.sql) == 2
        left = tx.savepoint()
        left.__enter__()
        tx.sql("SET row_limit = 6")
    assert limit(db.sql) == 6  # a savepoint that nobody left is kept, as its rows are


def test_a_reducer_that_fails_leaves_the_row_limit() -> None:
    module = qsdb.Module("limits")

    @module.reducer
    def restrict(ctx: qsdb.ReducerContext, fails: qsdb.u8) -> None:
        ctx.db.sql("SET row_limit = 9")
        if fails:
            raise qsdb.ReducerError("no")

    with qsdb.Database(module) as db:
        with pytest.raises(qsdb.ReducerError):
            db.call(restrict, 1)
        assert limit(db.sql) is None
        db.call(restrict, 0)
        assert limit(db.sql) == 9


# Which state is seen.


def test_beside_a_transaction_the_last_commit_is_seen(db: qsdb.Database) -> None:
    queries = ["SELECT name FROM item WHERE id = 9", "SELECT name FROM item"]
    with db.write() as tx:
        tx[Item].insert(Item("new", "x", 5).replace(id=9))
        tx[Item].delete_by_key(1)

        assert [len(db.sql(each)) for each in queries] == [0, 5]
        assert [len(tx.sql(each)) for each in queries] == [1, 5]
        assert "new" in names(tx.sql(queries[1]))
    assert [len(db.sql(each)) for each in queries] == [1, 5]


def test_a_read_transaction_stays_where_it_is(db: qsdb.Database) -> None:
    with db.read() as old:
        db.sql("UPDATE item SET price = price + 100")
        db.sql("DELETE FROM item WHERE id = 5")

        assert names(old.sql("SELECT price FROM item")) == [1, 10, 2, 2, 20]
        assert old.sql("SELECT price FROM item WHERE id = 5")[0].price == 2
        assert old.sql("SELECT COUNT(*) AS n FROM item WHERE price < 50")[0].n == 5
        assert len(db.sql("SELECT * FROM item WHERE price < 50")) == 0


def test_a_reducer_sees_its_own_writes_by_sql(db: qsdb.Database) -> None:
    assert db.caller(BOB).call(buy, 5) == 2
    assert db.call(buy, 5) == 1
    assert names(db.sql("SELECT item FROM line WHERE customer = :sender")) == [5]


def test_in_a_reducer_the_database_is_at_the_last_commit() -> None:
    module = qsdb.Module("counter")

    class Tick(qsdb.Row, module=module):
        id: qsdb.u64 = qsdb.primary_key(auto_inc=True)

    @module.reducer
    def tick(ctx: qsdb.ReducerContext) -> tuple[qsdb.u64, ...]:
        ctx.db.sql("INSERT INTO tick (id) VALUES (0)")
        query = "SELECT COUNT(*) AS n FROM tick"
        return (ctx.db.sql(query)[0].n, counter.sql(query)[0].n)

    with qsdb.Database(module) as counter:
        assert counter.call(tick) == (1, 0)
        assert counter.call(tick) == (2, 1)
        assert names(counter.sql("SELECT id FROM tick")) == [1, 2]


def test_what_changes_rows_is_not_for_inside_a_transaction(db: qsdb.Database) -> None:
    with (
        db.write(),
        pytest.raises(UsageError, match="inside a write transaction"),
    ):
        db.sql("DELETE FROM item")
    assert len(db.sql("SELECT * FROM item")) == 5


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM item",
        "UPDATE item SET price = 1",
        "INSERT INTO line VALUES (:sender, 1, 1)",
    ],
)
def test_a_read_transaction_changes_nothing(db: qsdb.Database, statement: str) -> None:
    with db.read() as tx, pytest.raises(ReadOnlyError, match="cannot write; use db"):
        tx.sql(statement)


# The end.

ANY = [
    "SELECT * FROM item WHERE id = 1",
    "SELECT * FROM item",
    "SELECT * FROM item LIMIT 0",
    "DELETE FROM item",
    "INSERT INTO line VALUES (:sender, 1, 1)",
    "EXPLAIN SELECT * FROM item",
    "SHOW row_limit",
]


@pytest.mark.parametrize("text", ANY)
def test_after_the_end_nothing_runs(db: qsdb.Database, text: str) -> None:
    with db.write() as writing:
        writing.sql("SELECT * FROM item")
    with db.read() as reading:
        reading.sql("SELECT * FROM item")

    with pytest.raises(ClosedError, match="this write transaction has ended"):
        writing.sql(text)
    with pytest.raises(ClosedError, match="this read transaction has ended"):
        reading.sql(text)
    closed = filled_shop()
    closed.sql("SELECT * FROM item WHERE id = 1")
    closed.close()
    with pytest.raises(ClosedError, match="the database is closed"):
        closed.sql(text)


def test_a_database_that_is_read_only_is_asked_and_not_changed() -> None:
    disk = SimulatedDirectory()
    with qsdb.Database(shop, disk, durability="always") as db:
        db.sql("INSERT INTO ledger VALUES ('a')")
        for module in (shop, None):
            with qsdb.Database(module, disk, read_only=True) as reading:
                assert names(reading.sql("SELECT text FROM ledger")) == ["a"]
                with pytest.raises(ReadOnlyError, match="cannot write"):
                    reading.sql("DELETE FROM ledger")


def test_what_sql_changed_is_there_after_opening_again() -> None:
    disk = SimulatedDirectory()
    with qsdb.Database(shop, disk, durability="always") as db:
        db.sql("INSERT INTO ledger VALUES ('a'), ('b')")
        db.sql("UPDATE ledger SET text = 'c' WHERE text = 'b'")
        db.sql("DELETE FROM ledger WHERE text = 'a'")
    with qsdb.Database(shop, disk) as db:
        assert names(db.sql("SELECT text FROM ledger")) == ["c"]


# Prepared statements.


def test_statements_are_prepared_once_for_each_sort_of_caller(
    db: qsdb.Database,
) -> None:
    cache = db._queries.prepared
    before = cache.cache_info()
    for number in (1, 2, 3):
        db.sql("SELECT * FROM item WHERE id = :n", {"n": number})
    own = cache.cache_info()
    for sender in (ANN, BOB):
        db.sql("SELECT * FROM item WHERE id = :n", {"n": 1}, sender)
    with db.read() as tx:
        tx.sql("SELECT * FROM item WHERE id = :n", {"n": 1})
    after = cache.cache_info()

    assert (own.misses - before.misses, own.hits - before.hits) == (1, 2)
    assert (after.misses - own.misses, after.hits - own.hits) == (1, 2)


def test_long_texts_of_strangers_are_not_kept(db: qsdb.Database) -> None:
    cache = db._queries.prepared
    db.sql("SELECT id FROM item", sender=ANN)
    sizes = []
    for text, sender in (
        (f"SELECT id FROM item {' ' * 1000}", ANN),
        (f"SELECT id FROM item WHERE id = 1 {'OR id = 2 ' * 100}", ANN),
        (f"SELECT id FROM item WHERE id = 1 {'OR id = 2 ' * 100}", None),
        ("SELECT id FROM item WHERE id = 1".ljust(1000), ANN),
        ("SELECT id FROM item WHERE id = 1".ljust(1001), ANN),
    ):
        before = cache.cache_info().currsize
        found = db.sql(text, sender=sender).rows
        assert found == db.sql(text, sender=sender).rows
        sizes.append(cache.cache_info().currsize - before)

    assert sizes == [0, 0, 1, 1, 0]


def test_what_is_wrong_is_not_kept(db: qsdb.Database) -> None:
    size = db._queries.prepared.cache_info().currsize
    for _ in range(2):
        with pytest.raises(QueryError):
            db.sql("SELECT nothing FROM item")

    assert db._queries.prepared.cache_info().currsize == size


def test_so_many_statements_are_kept_and_no_more(db: qsdb.Database) -> None:
    cache = db._queries.prepared
    assert cache.cache_info().maxsize == 1024


# Threads.


def test_points_beside_a_writer_see_commits_only(db: qsdb.Database) -> None:
    queries = ["SELECT stock, price FROM item WHERE id = 1"]
    queries.append("SELECT stock, price FROM item WHERE name = 'axe'")
    queries.append("SELECT stock, price FROM item WHERE stock < 255 AND id = 1")
    db.sql("UPDATE item SET stock = 0, price = 0")
    seen: list[set[Any]] = [set() for _ in queries]
    done = threading.Event()

    def read(number: int) -> None:
        while not done.is_set():
            seen[number].update(tuple(row) for row in db.sql(queries[number]))

    threads = [threading.Thread(target=read, args=(n,)) for n in range(len(queries))]
    for thread in threads:
        thread.start()
    for number in range(1, 200):
        with db.write() as tx:
            # Uncommitted, the two never agree.
            tx.sql("UPDATE item SET stock = :n, price = -1", {"n": number})
            tx.sql("UPDATE item SET price = :n", {"n": number})
    done.set()
    for thread in threads:
        thread.join()

    for number, found in enumerate(seen):
        assert found, queries[number]
        assert all(stock == price for stock, price in found)
