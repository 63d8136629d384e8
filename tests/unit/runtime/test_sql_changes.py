"""INSERT, UPDATE and DELETE: all or nothing, alone and inside of transactions."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import qsdb
from qsdb import (
    ArgumentError,
    KindError,
    LimitError,
    QueryError,
    ReducerContext,
    UniqueError,
)
from tests.unit.runtime.sql_shop import (
    ANN,
    BOB,
    NOON,
    Customer,
    Item,
    Mood,
    filled_shop,
    names,
)


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    database = filled_shop()
    yield database
    database.check()
    database.close()


Run = Callable[..., qsdb.Result]


def items(run: Run) -> list[Any]:
    """Give id, name, price and stock of all items, in order."""
    return sorted(tuple(row) for row in run("SELECT id, name, price, stock FROM item"))


OPENING = [
    *((1, "axe", 10, 3), (2, "saw", 20, 3), (3, "pea", 1, 3)),
    *((4, "nut", 2, 3), (5, "oil", 2, 3)),
]


# INSERT.


def test_what_is_left_out_has_its_default(db: qsdb.Database) -> None:
    result = db.sql("INSERT INTO item (kind, price, name) VALUES ('x', 7, 'new')")

    assert result.rows_affected == 1
    [row] = db.sql("SELECT * FROM item WHERE name = 'new'")
    assert row == Item("new", "x", 7).replace(id=6)
    db.sql("INSERT INTO customer (who, nick) VALUES (:w, 'cat')", {"w": db.owner})
    [customer] = db.sql("SELECT * FROM customer WHERE nick = 'cat'")
    assert customer == Customer(db.owner, "cat", Mood.CALM, NOON)


def test_numbers_are_generated_and_go_on(db: qsdb.Database) -> None:
    insert = "INSERT INTO item (id, name, kind, price) VALUES"
    db.sql(f"{insert} (0, 'a', 'x', 1), (40, 'b', 'x', 1), (0, 'c', 'x', 1)")

    assert [row[0] for row in items(db.sql)] == [1, 2, 3, 4, 5, 6, 40, 41]
    assert names(db.sql("SELECT id FROM item WHERE name = 'c'")) == [41]


def test_a_sequence_that_ends_is_told(db: qsdb.Database) -> None:
    most = 2**64 - 1
    values = f"({most}, 'a', 'x', 1), (0, 'b', 'x', 1)"
    with pytest.raises(LimitError, match="the sequence has come to its end"):
        db.sql(f"INSERT INTO item (id, name, kind, price) VALUES {values}")

    assert items(db.sql) == OPENING


def test_values_are_expressions_and_parameters(db: qsdb.Database) -> None:
    text = "INSERT INTO item VALUES (:id, :n, 'x', 1 + 2 * 3, (4), :note, TRUE)"
    db.sql(text, {"id": 7, "n": "new", "note": None})
    [row] = db.sql("SELECT * FROM item WHERE id = 7")

    assert row == Item("new", "x", 7, 4, on_sale=True).replace(id=7)


def test_a_row_that_is_there_is_no_new_one(db: qsdb.Database) -> None:
    insert = "INSERT INTO ledger VALUES ('a'), ('b'), ('a')"

    assert db.sql(insert).rows_affected == 2
    offset = db.offset
    assert db.sql(insert).rows_affected == 0
    assert db.offset == offset
    assert names(db.sql("SELECT text FROM ledger")) == ["a", "b"]


def test_the_sender_may_be_inserted(db: qsdb.Database) -> None:
    db.sql("INSERT INTO line VALUES (:sender, 4, 1)")

    assert names(db.sql("SELECT customer FROM line WHERE item = 4")) == [db.owner]


# UPDATE and DELETE.


def test_rows_are_changed_by_what_they_were(db: qsdb.Database) -> None:
    text = "UPDATE item SET price = price * 2 + :n, stock = 0 WHERE kind = 'food'"

    assert db.sql(text, {"n": 1}).rows_affected == 3
    assert items(db.sql) == [
        *((1, "axe", 10, 3), (2, "saw", 20, 3), (3, "pea", 3, 0)),
        *((4, "nut", 5, 0), (5, "oil", 5, 0)),
    ]
    assert names(db.sql("SELECT name FROM item WHERE price = 5")) == ["nut", "oil"]


def test_columns_may_be_exchanged(db: qsdb.Database) -> None:
    db.sql("UPDATE item SET name = kind, kind = name WHERE id = 1")
    [row] = db.sql("SELECT name, kind FROM item WHERE id = 1")

    assert row == ("tool", "axe")


def test_unique_values_may_be_exchanged_among_rows(db: qsdb.Database) -> None:
    assert db.sql("UPDATE item SET id = id + 1").rows_affected == 5
    assert [row[0] for row in items(db.sql)] == [2, 3, 4, 5, 6]
    assert db.sql("UPDATE item SET id = 8 - id").rows_affected == 5

    assert items(db.sql) == [
        *((2, "oil", 2, 3), (3, "nut", 2, 3), (4, "pea", 1, 3)),
        *((5, "saw", 20, 3), (6, "axe", 10, 3)),
    ]
    assert names(db.sql("SELECT name FROM item WHERE id = 6")) == ["axe"]


def test_rows_that_become_equal_are_one(db: qsdb.Database) -> None:
    db.sql("INSERT INTO ledger VALUES ('a'), ('b'), ('c')")

    assert db.sql("UPDATE ledger SET text = 'x' WHERE text <> 'c'").rows_affected == 2
    assert names(db.sql("SELECT text FROM ledger")) == ["c", "x"]


def test_a_change_that_changes_nothing_is_no_commit(db: qsdb.Database) -> None:
    offset = db.offset

    assert db.sql("UPDATE item SET price = price").rows_affected == 5
    assert db.sql("UPDATE item SET price = 1 WHERE id = 99").rows_affected == 0
    assert db.sql("DELETE FROM item WHERE id = 99").rows_affected == 0
    assert db.offset == offset


def test_parameters_may_be_none_where_columns_may(db: qsdb.Database) -> None:
    db.sql("UPDATE item SET note = :n", {"n": "x"})
    assert len(db.sql("SELECT * FROM item WHERE note = 'x'")) == 5
    db.sql("UPDATE item SET note = :n", {"n": None})
    assert len(db.sql("SELECT * FROM item WHERE note IS NULL")) == 5

    for text in (
        "UPDATE item SET kind = :n",
        "SELECT * FROM item WHERE note = :n",
        "INSERT INTO item (name, kind, price) VALUES ('a', :n, 1)",
    ):
        with pytest.raises(ArgumentError, match=":n is None; write IS NULL instead"):
            db.sql(text, {"n": None})


def test_rows_are_deleted_and_counted(db: qsdb.Database) -> None:
    assert db.sql("DELETE FROM item WHERE price = 2").rows_affected == 2
    assert [row[0] for row in items(db.sql)] == [1, 2, 3]
    assert db.sql("DELETE FROM item").rows_affected == 3
    assert items(db.sql) == []
    assert db.sql("DELETE FROM line WHERE customer = :sender").rows_affected == 0
    assert db.sql("DELETE FROM line", sender=db.owner).rows_affected == 3


def test_each_statement_is_a_commit(db: qsdb.Database) -> None:
    offset = db.offset
    for text in (
        "INSERT INTO ledger VALUES ('a'), ('b')",
        "UPDATE ledger SET text = 'c' WHERE text = 'a'",
        "DELETE FROM ledger",
    ):
        result = db.sql(text)
        assert (result.columns, [*result], len(result)) == ((), [], 0)

    assert db.offset == offset + 3


# All or nothing.

INSERT = "INSERT INTO item (id, name, kind, price) VALUES"

REFUSED: list[tuple[str, Any, type[Exception], str]] = [
    (
        f"{INSERT} (8, 'a', 'x', 1), (9, 'b', 'x', 1), (10, 'oil', 'x', 1)",
        None,
        UniqueError,
        "table item, column name: another row has 'oil' already",
    ),
    (
        f"{INSERT} (8, 'a', 'x', 1), (8, 'b', 'x', 1)",
        None,
        UniqueError,
        "table item, column id: another row has 8 already",
    ),
    (
        "UPDATE item SET name = 'same'",
        None,
        UniqueError,
        "table item, column name: another row has 'same' already",
    ),
    (
        "UPDATE item SET id = 5 WHERE id = 4",
        None,
        UniqueError,
        "table item, column id: another row has 5 already",
    ),
    (
        "UPDATE item SET stock = stock - 4 + 1 WHERE price = 20",
        None,
        QueryError,
        "the result -1 is not u8 (0 to 255)",
    ),
    (
        "UPDATE item SET price = 100 / (price - 2)",
        None,
        QueryError,
        "something is divided by 0",
    ),
    ("DELETE FROM item WHERE 1 / (price - 1) = 1", None, QueryError, "divided by 0"),
    (
        "INSERT INTO item (name, kind, price) VALUES ('a', 'x', 1), ('b', 'x', 1 / 0)",
        None,
        QueryError,
        "divided by 0",
    ),
    ("UPDATE item SET stock = :n", {"n": 256}, ArgumentError, "from 0 to 255, not 256"),
    ("UPDATE item SET stock = :n", {}, ArgumentError, "the parameter :n is missing"),
    ("DELETE FROM item WHERE id = :n", {"n": -1}, ArgumentError, "not -1"),
]


@pytest.mark.parametrize(("text", "given", "error", "told"), REFUSED)
def test_what_is_refused_changes_nothing(
    db: qsdb.Database, text: str, given: Any, error: type[Exception], told: str
) -> None:
    offset = db.offset
    with pytest.raises(error) as caught:
        db.sql(text, given)

    assert told in str(caught.value)
    assert db.offset == offset
    assert items(db.sql) == OPENING


@pytest.mark.parametrize(("text", "given", "error", "told"), REFUSED)
def test_a_transaction_goes_on_after_what_is_refused(
    db: qsdb.Database, text: str, given: Any, error: type[Exception], told: str
) -> None:
    with db.write() as tx:
        tx.sql("UPDATE item SET stock = 7 WHERE id = 1")
        tx.sql("INSERT INTO item (name, kind, price) VALUES ('new', 'x', 50)")
        before = items(tx.sql)
        with pytest.raises(error):
            tx.sql(text, given)
        assert items(tx.sql) == before, told
        tx.sql("INSERT INTO item (name, kind, price) VALUES ('newer', 'x', 60)")

    assert items(db.sql) == [
        *((1, "axe", 10, 7), *OPENING[1:]),
        *((6, "new", 50, 3), (7, "newer", 60, 3)),
    ]


def test_what_is_refused_takes_no_number(db: qsdb.Database) -> None:
    with db.write() as tx:
        with pytest.raises(UniqueError):
            tx.sql(f"{INSERT} (0, 'a', 'x', 1), (0, 'axe', 'x', 1)")
        tx.sql(f"{INSERT} (0, 'a', 'x', 1)")

    assert names(db.sql("SELECT id FROM item WHERE name = 'a'")) == [6]


def test_a_text_that_cannot_be_stored_is_refused(db: qsdb.Database) -> None:
    with pytest.raises(QueryError, match="is not"):
        db.sql("UPDATE item SET kind = '\ud800'")
    with pytest.raises((KindError, ArgumentError)):
        db.sql("UPDATE item SET kind = :n", {"n": "\ud800"})

    assert items(db.sql) == OPENING


def test_a_block_that_raises_undoes_what_sql_did(db: qsdb.Database) -> None:
    with pytest.raises(ZeroDivisionError), db.write() as tx:
        tx.sql("DELETE FROM item")
        tx.sql("INSERT INTO ledger VALUES ('a')")
        assert items(tx.sql) == []
        raise ZeroDivisionError

    assert items(db.sql) == OPENING
    assert not db.sql("SELECT * FROM ledger").rows


def test_a_savepoint_undoes_what_sql_did(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx.sql("DELETE FROM item WHERE id = 1")
        with pytest.raises(ZeroDivisionError), tx.savepoint():
            tx.sql("UPDATE item SET price = 0")
            raise ZeroDivisionError

    assert items(db.sql) == OPENING[1:]


# In reducers.

wish = qsdb.Module("wishes")


class Wish(qsdb.Row, module=wish):
    of: qsdb.Identity
    text: str


@wish.reducer
def want(ctx: ReducerContext, text: str) -> qsdb.i32:
    ctx.db.sql("INSERT INTO wish VALUES (:sender, :text)", {"text": text})
    ctx.db.sql("UPDATE wish SET text = 'more' WHERE text = 'much' AND of = :sender")
    return len(ctx.db.sql("SELECT * FROM wish WHERE of = :sender"))


def test_a_reducer_changes_as_the_owner_may_and_is_its_caller() -> None:
    with qsdb.Database(wish) as db:
        assert db.caller(ANN).call(want, "much") == 1
        assert db.caller(BOB).call(want, "little") == 1
        assert db.caller(ANN).call(want, "most") == 2

        mine = "SELECT text FROM wish WHERE of = :who"
        assert names(db.sql(mine, {"who": ANN})) == ["more", "most"]
        assert names(db.sql(mine, {"who": BOB})) == ["little"]


def test_in_a_block_the_sender_is_the_owner(db: qsdb.Database) -> None:
    with db.write() as tx:
        tx.sql("INSERT INTO line VALUES (:sender, 9, 9)")
        assert len(tx.sql("SELECT * FROM line WHERE customer = :sender")) == 1
    with db.read() as reading:
        found = reading.sql("SELECT customer FROM line WHERE customer = :sender")
        assert names(found) == [db.owner]
