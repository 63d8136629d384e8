"""Views that are asked once: by whom, with what, and what goes wrong."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import qsdb
from qsdb import QueryError
from tests.unit.runtime.view_hall import (
    ANN,
    BOB,
    Bell,
    Count,
    Note,
    User,
    hall,
    look,
    opened,
    put,
)

HALL = "tests.unit.runtime.view_hall"


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with opened() as db:
        yield db


def names(result: Any) -> list[str]:
    return [row.name for row in result]


def test_each_caller_has_a_result(db: qsdb.Database) -> None:
    text = "SELECT * FROM me"

    assert db.sql(text, sender=ANN).rows == [User(ANN, "ann", 30)]
    assert names(db.caller(BOB).sql(text)) == ["bob"]
    assert db.sql(text).rows == []  # the owner is nobody there
    with db.connect(BOB) as conn:
        assert names(conn.sql(text)) == ["bob"]


def test_a_view_is_a_table_in_a_query(db: qsdb.Database) -> None:
    for text, found in [
        ("SELECT name FROM aged(10)", ["ann", "bob"]),
        ("SELECT name FROM aged(10) WHERE age > 20", ["ann"]),
        ("SELECT name FROM aged(10, 25)", ["bob"]),
        (
            "SELECT a.name FROM aged(1) AS a JOIN note n ON n.author = a.identity",
            ["ann", "bob"],
        ),
        ("SELECT a.name FROM aged(25) a JOIN aged(0, 25) b", ["ann"]),
        (
            "SELECT b.name FROM aged(25) a JOIN aged(0) b ON a.identity = b.identity",
            ["ann"],
        ),
    ]:
        assert sorted(names(db.sql(text, sender=ANN))) == found, text
    assert db.sql("SELECT COUNT(*) AS n FROM aged(0)").rows[0].n == 2
    assert len(db.sql("SELECT * FROM aged(0) LIMIT 1")) == 1
    key = "SELECT * FROM counts WHERE of = 'note'"
    assert db.sql(key).rows == [Count("note", 2)]
    keys = "SELECT * FROM counts WHERE of IN ('note', 'user')"
    assert len(db.sql(keys)) == 2
    assert db.sql("SELECT COUNT(*) AS n FROM counts() WHERE of = 'x'").rows[0].n == 0


def test_arguments_are_literals_or_parameters(db: qsdb.Database) -> None:
    text = "SELECT name FROM aged(:least, :most)"

    assert names(db.sql(text, {"least": 1, "most": 25})) == ["bob"]
    assert names(db.sql(text, {"least": 1, "most": 31})) == ["bob", "ann"]
    with pytest.raises(qsdb.ArgumentError, match="the parameter :most is missing"):
        db.sql(text, {"least": 1})
    assert db.sql("SELECT * FROM counts(NULL)").rows != []
    assert names(db.sql("SELECT * FROM of(:sender)", sender=ANN)) == ["ann"]
    assert names(db.sql("SELECT * FROM of(:who)", {"who": BOB})) == ["bob"]
    with db.connect(ANN) as conn:
        assert names(conn.subscribe("SELECT * FROM of(:sender)").rows) == ["ann"]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("SELECT * FROM aged", r"aged is a view with arguments: aged\(least, most\)"),
        ("SELECT * FROM aged()", "aged is a view with arguments"),
        ("SELECT * FROM aged(1, 2, 3)", "aged takes 2 arguments, not 3"),
        ("SELECT * FROM me(1)", "me takes 0 arguments, not 1"),
        ("SELECT * FROM note(1)", "note is a table, and takes no arguments"),
        ("SELECT * FROM aged('a')", "'a' is"),
        ("SELECT * FROM aged(NULL)", "least cannot be NULL"),
        (
            "SELECT * FROM aged(1 + 1)",
            "least, an argument, is a literal or a parameter",
        ),
        ("SELECT * FROM note n JOIN aged(n.id) a", "least, an argument, is a literal"),
        ("SELECT * FROM nose(1)", "there is no table nose"),
        ("SELECT * FROM aged(1", "the query ends where"),
    ],
)
def test_wrong_calls_are_pointed_at(db: qsdb.Database, text: str, fault: str) -> None:
    with pytest.raises(QueryError, match=fault):
        db.sql(text)


def test_private_views_look_like_missing_ones(db: qsdb.Database) -> None:
    assert len(db.sql("SELECT * FROM secret")) == 2
    assert len(db.sql("SELECT * FROM secret", sender=db.owner)) == 2
    with pytest.raises(QueryError, match="there is no table secret"):
        db.sql("SELECT * FROM secret", sender=ANN)
    with db.connect(ANN) as conn:
        with pytest.raises(QueryError, match="there is no table secret"):
            conn.subscribe("SELECT * FROM secret")
        with pytest.raises(qsdb.NotFoundError):
            conn.db.table("secret")


def test_transactions_see_their_own_state(db: qsdb.Database) -> None:
    text = "SELECT * FROM aged(0)"
    with db.read() as reading:
        with db.write() as tx:
            tx[User].delete_by_key(BOB)
            assert names(tx.sql(text)) == ["ann"]
            tx[User].delete_by_key(ANN)
            assert names(tx.sql(text)) == []
            assert len(db.sql(text)) == 2
        assert names(reading.sql(text)) == ["bob", "ann"]
        assert names(reading.sql(text)) == ["bob", "ann"]
        assert len(reading.sql("SELECT * FROM mine")) == 0
    assert names(db.sql(text)) == []
    with pytest.raises(qsdb.ClosedError):
        reading.sql(text)
    assert db.caller(BOB).call(look, "robert") == ["robert"]


def test_a_read_transaction_runs_a_view_once(
    db: qsdb.Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[Any] = []
    run = db._queries.view_runs.run

    def counted(key: Any, base_of: Any) -> Any:
        runs.append(key.arguments)
        return run(key, base_of)

    monkeypatch.setattr(db._queries.view_runs, "run", counted)
    with db.read() as reading:
        for _ in range(3):
            reading.sql("SELECT * FROM aged(0)")
        reading.sql("SELECT * FROM aged(1)")
    assert runs == [(0, 99), (1, 99)]


def test_a_query_view_is_its_query(db: qsdb.Database) -> None:
    [row] = db.sql("SELECT * FROM mine", sender=ANN)
    assert type(row) is Note
    assert (row.author, row.text) == (ANN, "of ann")
    text = "SELECT text AS of, 7 AS number FROM note"
    with pytest.raises(QueryError, match="which are of str, number u32"):
        db.sql("SELECT * FROM asked(:text)", {"text": text})


def test_rows_of_a_query_collapse(db: qsdb.Database) -> None:
    db.caller(ANN).call("note", "of bob")
    text = "SELECT text AS of, a.age AS number FROM note JOIN user a"
    with pytest.raises(QueryError, match="which are of str, number u32"):
        db.sql("SELECT * FROM asked(:text)", {"text": text})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("SELECT * FROM counts('twice')", "two rows have the primary key of = 'a'"),
        ("SELECT * FROM counts('wrong')", "column number: -1 is not"),
        ("SELECT * FROM asked('none')", "it gave None, not a qsdb.Query"),
        ("SELECT * FROM asked('reads')", "it reads ctx.db and gives a query"),
        ("SELECT * FROM asked('nonsense')", "'nonsense' is not expected here"),
        ("SELECT * FROM asked('SELECT * FROM nose')", "there is no table nose"),
        (
            "SELECT * FROM asked('SELECT * FROM note')",
            "does not give the columns of Co",
        ),
        (
            "SELECT * FROM asked('SELECT MAX(text) AS of, COUNT(*) FROM note')",
            "which are of str, number u32; it gives of str or NULL, .* u64",
        ),
        (
            "SELECT * FROM asked('SELECT * FROM note LIMIT 1')",
            "its query cannot be kept current: LIMIT needs ORDER BY: else nothing",
        ),
        ("SELECT * FROM asked('DELETE FROM note')", "its query is no SELECT"),
        ("SELECT * FROM asked('SELECT * FROM me')", "its query reads me; it can read"),
        ("SELECT * FROM asked('SELECT * FROM bell')", "its query reads bell"),
        (
            "SELECT * FROM asked('SELECT text FROM note WHERE text = :a')",
            "does not give the columns of Count",
        ),
    ],
)
def test_what_a_view_gives_is_checked(db: qsdb.Database, text: str, fault: str) -> None:
    name = text.split()[3].partition("(")[0]
    for ask in (db.sql, db.subscribe):
        with pytest.raises(QueryError, match=f"view {name} failed: .*{fault}"):
            ask(text)
    assert len(db._subscriptions.listening.views) == 0


Body = Callable[[Any], Any]

small = qsdb.Module("small")


class Cell(qsdb.Row, module=small):
    number: qsdb.u8 = qsdb.primary_key()
    text: str = ""
    extra: str | None = None


class Ring(qsdb.Row, module=small, event=True):
    text: str


BODY: list[Body] = []


@small.view
def one(ctx: qsdb.ViewContext) -> Cell | None:
    found: Cell | None = BODY[0](ctx)
    return found


@small.view
def many(ctx: qsdb.AnonymousViewContext) -> list[Cell]:
    found: list[Cell] = BODY[0](ctx)
    return found


@small.view(primary_key=())
def keyless(ctx: qsdb.AnonymousViewContext) -> tuple[Cell, ...]:
    found: list[Cell] = BODY[0](ctx)
    return tuple(found)


@small.view
def query(ctx: qsdb.AnonymousViewContext) -> qsdb.Query[Cell]:
    found: qsdb.Query[Cell] = BODY[0](ctx)
    return found


@pytest.fixture
def cells() -> Iterator[qsdb.Database]:
    with qsdb.Database(small) as db:
        with db.write() as tx:
            tx[Cell].insert_many([Cell(1, "a"), Cell(2, "b", "x")])
        yield db


SOME: Any = 5


@pytest.mark.parametrize(
    ("name", "body", "fault", "cause"),
    [
        ("one", lambda _: 3, "it gave 3, not a row of the class Cell", None),
        ("one", lambda _: [Cell(1)], "it gave .*, not a row of the class Cell", None),
        ("many", lambda _: Cell(1), "it gave Cell.*, not a list of rows", None),
        ("many", lambda _: None, "it gave None, not a list of rows", None),
        ("many", lambda _: [Cell(1), 5], "it gave 5, not a row of the class", None),
        ("many", lambda _: [Cell(1, SOME)], "column text: 5 is not a str", None),
        ("many", lambda _: [Cell(1), Cell(1, "x")], "the primary key number = 1", None),
        ("many", lambda _: 1 / 0, "ZeroDivisionError: division", ZeroDivisionError),
        (
            "many",
            lambda ctx: ctx.db[Cell].insert(Cell(9)),
            "ReadOnlyError: table cell: a view reads and cannot write",
            qsdb.ReadOnlyError,
        ),
        (
            "many",
            lambda ctx: [*ctx.db[Ring]],
            "UsageError: table ring: its rows are told with their commit",
            qsdb.UsageError,
        ),
        ("many", lambda ctx: ctx.sender, "AttributeError: .*sender", AttributeError),
        (
            "query",
            lambda _: qsdb.Query("SELECT * FROM cell WHERE number = :n"),
            "ArgumentError: the parameter :n is missing",
            qsdb.ArgumentError,
        ),
        (
            "query",
            lambda _: qsdb.Query(
                "SELECT number, text, text AS extra FROM cell LIMIT 1"
            ),
            "its query cannot be kept current: LIMIT needs ORDER BY",
            None,
        ),
        (
            "query",
            lambda _: qsdb.Query(
                "SELECT number, extra AS text, text AS extra FROM cell"
            ),
            "text str, extra str or NULL; it gives number u8, text str or NULL, extra",
            None,
        ),
        (
            "query",
            lambda _: qsdb.Query(
                "SELECT 1 AS number FROM st_module WHERE :sender = 0x"
            ),
            "",
            None,
        ),
        (
            "query",
            lambda _: qsdb.Query("SELECT number FROM cell"),
            "the columns of Cell, which are number u8, text str",
            None,
        ),
        (
            "query",
            lambda _: qsdb.Query(
                "SELECT c.* FROM cell c JOIN st_client s ON s.identity = :sender"
            ),
            "its query asks for :sender, and it is the same for all callers",
            None,
        ),
        (
            "query",
            lambda _: qsdb.Query(
                "SELECT c.number, d.text, d.extra FROM cell c JOIN cell d"
            ),
            "two rows have the primary key number = ",
            None,
        ),
    ],
    ids=range(18),
)
def test_errors_name_the_view(
    cells: qsdb.Database, name: str, body: Body, fault: str, cause: Any
) -> None:
    BODY[:] = [body]
    for ask in (cells.sql, cells.subscribe):
        with pytest.raises(
            QueryError, match=f"^view {name} failed: .*{fault}"
        ) as caught:
            ask(f"SELECT * FROM {name}")
        if cause is not None:
            assert type(caught.value.__cause__) is cause
    assert set(cells._subscriptions.engine.sizes.values()) == {0}


def test_rows_that_are_equal_are_one(cells: qsdb.Database) -> None:
    BODY[:] = [lambda ctx: [*ctx.db[Cell], Cell(1, "a")]]
    assert len(cells.sql("SELECT * FROM keyless").rows) == 2
    assert cells.sql("SELECT * FROM many").rows == [Cell(1, "a"), Cell(2, "b", "x")]
    BODY[:] = [lambda _: qsdb.Query("SELECT c.* FROM cell c JOIN cell d")]
    assert cells.sql("SELECT * FROM query").rows == [Cell(1, "a"), Cell(2, "b", "x")]
    BODY[:] = [lambda _: qsdb.Query("SELECT number, text, text AS extra FROM cell")]
    assert cells.sql("SELECT * FROM query").rows == [
        Cell(1, "a", "a"),
        Cell(2, "b", "b"),
    ]


def test_a_context_that_leaks_is_of_no_use(cells: qsdb.Database) -> None:
    leaked: list[Any] = []

    def leak(ctx: Any) -> list[Cell]:
        leaked.extend([ctx.db[Cell], ctx])
        return []

    BODY[:] = [leak]
    cells.sql("SELECT * FROM many")

    table, ctx = leaked
    uses: list[Callable[[], Any]] = [
        lambda: table.get(1),
        lambda: ctx.db[Cell].get(1),
        lambda: ctx.db.ring,
    ]
    for use in uses:
        with pytest.raises(qsdb.ClosedError, match="a view reads while it runs"):
            use()


def test_views_are_in_the_catalogue(db: qsdb.Database) -> None:
    text = "SELECT view_name, is_anonymous FROM st_view WHERE is_public"
    public = {tuple(row) for row in db.sql(text)}
    every = {row.view_name for row in db.sql("SELECT * FROM st_view")}

    assert ("me", False) in public
    assert ("aged", True) in public
    assert every - {name for name, _ in public} == {"secret"}
    seen = db.sql("SELECT view_name, is_anonymous FROM st_view", sender=ANN)
    assert {tuple(row) for row in seen} == public


def test_views_are_not_written_to(db: qsdb.Database) -> None:
    for text in (
        "INSERT INTO counts VALUES ('a', 1)",
        "UPDATE counts SET number = 1",
        "DELETE FROM counts",
    ):
        with pytest.raises(
            qsdb.ReadOnlyError, match="counts is a view; it changes with"
        ):
            db.sql(text)


def test_a_view_that_writes_another_way_is_refused(cells: qsdb.Database) -> None:
    BODY[:] = [lambda _: cells.subscribe("SELECT * FROM cell")]
    with pytest.raises(QueryError, match="UsageError: this thread is inside"):
        cells.subscribe("SELECT * FROM many")
    assert set(cells._subscriptions.engine.sizes.values()) == {0}


FOUND_BY = "is found by whose result it is, and what it was called with"


def test_explain_tells_of_views(db: qsdb.Database) -> None:
    plan = [row.plan for row in db.sql("EXPLAIN SELECT * FROM aged(:n) WHERE age > 3")]
    assert plan == [
        "1. aged(:n, 99)  all rows  as many as the view gives",
        "                 then age > 3 is tested",
        "gives rows of aged",
        f"live: a change of aged {FOUND_BY}",
    ]
    plan = [
        row.plan
        for row in db.sql(
            "EXPLAIN SELECT n.* FROM note n JOIN me m ON n.author = m.identity"
        )
    ]
    assert f"live: a change of m {FOUND_BY}" in "\n".join(plan)
    assert "live: a change of n is always looked at" in "\n".join(plan)


def test_row_limits_do_not_count_views(db: qsdb.Database) -> None:
    db.sql("SET row_limit = 1")
    assert len(db.sql("SELECT * FROM aged(0)", sender=ANN)) == 2
    with pytest.raises(QueryError, match="row_limit"):
        db.sql("SELECT * FROM aged(0) a JOIN note n", sender=ANN)


def test_event_tables_are_joined_when_asked(db: qsdb.Database) -> None:
    text = "SELECT b.*, m.name FROM bell b JOIN me m"
    assert db.sql(text, sender=ANN).rows == []
    assert Bell("x").text == "x"


def test_a_database_that_is_only_read_has_its_views(tmp_path: Any) -> None:
    with qsdb.Database(hall, tmp_path / "d", seed=1) as db:
        db.caller(ANN).call(put, "ann")
        db.wait_durable()
        with qsdb.Database(hall, tmp_path / "d", read_only=True) as follower:
            follower.refresh()
            told: list[Any] = []
            live = follower.subscribe("SELECT * FROM aged(0)", told.append)
            asked = follower.subscribe("SELECT * FROM strict", on_error=told.append)
            assert live.initial == [User(ANN, "ann")]
            db.caller(BOB).call(put, "bob")
            db.wait_durable()
            follower.refresh()
            assert sorted(names(live.rows)) == ["ann", "bob"]
            assert len(asked.rows) == 2
            db.caller(BOB).call(put, "rude")
            db.wait_durable()
            follower.refresh()
            assert "view strict failed: ValueError" in str(asked.error)
            assert len(told) == 3
    with (
        qsdb.Database(None, tmp_path / "d", read_only=True) as bare,
        pytest.raises(QueryError, match="there is no table me"),
    ):
        bare.sql("SELECT * FROM me")
