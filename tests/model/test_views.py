"""Rows 126 to 137, and 76: functions whose results are queried as tables."""

from collections.abc import Iterator

import pytest

import qsdb
from qsdb import AnonymousViewContext, Identity, Query, Row, ViewContext, u32, u64
from qsdb.testing import assert_no_change, database

ANN = Identity.from_claims("tests", "ann")
BOB = Identity.from_claims("tests", "bob")

module = qsdb.Module("arena")


class Fighter(Row, module=module):
    identity: Identity = qsdb.primary_key()
    name: str
    points: u32 = qsdb.index()


class Note(Row, module=module):
    id: u64 = qsdb.primary_key(auto_inc=True)
    author: Identity = qsdb.index()
    text: str


class Bell(Row, module=module, event=True):
    text: str


class Score(qsdb.Product):
    name: str
    points: u32


class Total(qsdb.Product):
    fighters: u32


@module.view(public=True)
def me(ctx: ViewContext) -> Fighter | None:
    return ctx.db[Fighter].get(ctx.sender)


@module.view(public=True)
def ranked(ctx: AnonymousViewContext) -> list[Fighter]:
    return list(ctx.db.fighter.points.range(10, 100))


@module.view(public=True)
def total(ctx: AnonymousViewContext) -> Total | None:
    return Total(len(ctx.db[Fighter]))


@module.view(public=True)
def points(ctx: AnonymousViewContext) -> tuple[Score, ...]:
    """Give many equal rows."""
    return tuple(Score("somebody", row.points) for row in ctx.db[Fighter])


@module.view(public=True, primary_key="name")
def best(ctx: AnonymousViewContext, least: u32 = 10) -> list[Score]:
    found = ctx.db.fighter.points.range(least)
    return [Score(row.name, row.points) for row in found]


@module.view(public=True, on_error="abort", primary_key="name")
def strict(ctx: AnonymousViewContext) -> list[Score]:
    return [Score(row.name, row.points) for row in ctx.db[Fighter]]


@module.view(public=True)
def my_notes(_: ViewContext) -> Query[Note]:
    return Query("SELECT * FROM note WHERE author = :sender")


@module.view(public=True)
def writes(ctx: AnonymousViewContext) -> list[Note]:
    return [ctx.db[Note].insert(Note(ANN, "no"))]


@module.view(public=True)
def listens(ctx: AnonymousViewContext) -> list[Bell]:
    return list(ctx.db[Bell])


@module.reducer
def fight(ctx: qsdb.ReducerContext, name: str, points: u32) -> None:
    ctx.db[Fighter].upsert(Fighter(ctx.sender, name, points))


@module.reducer
def note(ctx: qsdb.ReducerContext, text: str) -> None:
    ctx.db[Note].insert(Note(ctx.sender, text))


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with database(module) as opened:
        opened.caller(ANN).call(fight, "ann", 15)
        opened.caller(BOB).call(fight, "bob", 20)
        yield opened


def names(db: qsdb.Database, query: str, sender: Identity | None = None) -> list[str]:
    return sorted(row.name for row in db.sql(query, sender=sender))


def runs(db: qsdb.Database) -> int:
    return db.stats().view_runs


def test_row_126_a_view_has_a_result_for_each_caller(db: qsdb.Database) -> None:
    assert names(db, "SELECT * FROM me", ANN) == ["ann"]
    with db.connect(BOB) as bob, db.connect() as nobody:
        for client in (bob, nobody):
            client.subscribe("SELECT * FROM me")
        assert [row.name for row in bob.db.me] == ["bob"]
        assert not list(nobody.db.me)
        nobody.reducers.fight("new", 1)
        assert [row.name for row in nobody.db.me] == ["new"]


def test_row_127_a_view_without_a_sender_runs_once_for_all(db: qsdb.Database) -> None:
    with db.connect(ANN) as ann, db.connect(BOB) as bob:
        for client in (ann, bob):
            client.subscribe("SELECT * FROM ranked")
        assert (db.stats().views, runs(db)) == (1, 1)
        ann.reducers.fight("ann", 30)
        assert runs(db) == 2
        for client in (ann, bob):
            assert sorted(row.points for row in client.db.ranked) == [20, 30]
            client.subscribe("SELECT * FROM me")
        assert db.stats().views == 3  # one more for each


def test_row_128_a_view_gives_a_row_many_rows_or_a_query(db: qsdb.Database) -> None:
    db.caller(ANN).call(note, "hi")

    assert db.sql("SELECT * FROM me", sender=ANN).rows == [Fighter(ANN, "ann", 15)]
    assert len(db.sql("SELECT * FROM ranked")) == 2
    assert db.sql("SELECT * FROM total").rows == [Total(2)]
    assert len(db.sql("SELECT * FROM points")) == 2
    assert [row.text for row in db.sql("SELECT * FROM my_notes", sender=ANN)] == ["hi"]

    wrong = qsdb.Module("wrong")

    @wrong.view
    def number(_: ViewContext) -> int:
        return 1

    with pytest.raises(qsdb.SchemaError, match="number"):
        qsdb.Database(wrong)


def test_row_129_a_view_only_reads(db: qsdb.Database) -> None:
    with assert_no_change(db), pytest.raises(qsdb.QueryError) as caught:
        db.sql("SELECT * FROM writes")
    assert isinstance(caught.value.__cause__, qsdb.ReadOnlyError)
    assert len(db.sql("SELECT * FROM points")) == 2  # it may iterate over a table
    with pytest.raises(qsdb.ReadOnlyError):
        db.sql("DELETE FROM ranked")


def test_row_076_views_read_no_events(db: qsdb.Database) -> None:
    with pytest.raises(qsdb.QueryError, match="bell"):
        db.sql("SELECT * FROM listens")


def test_row_130_a_view_runs_again_when_what_it_read_changes(
    db: qsdb.Database,
) -> None:
    with db.connect(ANN) as ann:
        ann.subscribe("SELECT * FROM me")
        begun = runs(db)
        db.caller(BOB).call(fight, "bob", 21)  # another key
        db.caller(BOB).call(note, "hi")
        assert runs(db) == begun
        db.caller(ANN).call(fight, "ann", 16)
        assert runs(db) == begun + 1

    with db.subscribe("SELECT * FROM ranked"):
        begun = runs(db)
        db.call(fight, "low", 9)  # outside of the range
        assert runs(db) == begun
        db.call(fight, "low", 10)
        assert runs(db) == begun + 1

    with db.subscribe("SELECT * FROM total") as live:  # a whole table
        assert live.rows == [Total(3)]
        db.caller(Identity.ZERO).call(fight, "zero", 0)
        assert live.rows == [Total(4)]


def test_row_131_a_view_changes_with_the_write(db: qsdb.Database) -> None:
    told: list[tuple[int, int]] = []
    errors: list[qsdb.QsdbError] = []
    with (
        db.subscribe(
            "SELECT * FROM strict", lambda each: told.append((each.offset, 1))
        ),
        db.subscribe(
            "SELECT * FROM fighter", lambda each: told.append((each.offset, 2))
        ),
        db.subscribe("SELECT * FROM best", on_error=errors.append) as lax,
    ):
        db.call(fight, "eve", 30)
        assert sorted(told) == [(db.offset, 1), (db.offset, 2)]
        with assert_no_change(db), pytest.raises(qsdb.ReducerError, match="strict"):
            db.call(fight, "ann", 30)  # two rows with one key
        assert (len(told), errors, lax.error) == (2, [], None)

    lax = db.subscribe("SELECT * FROM best", on_error=errors.append)
    db.call(fight, "ann", 30)  # nobody listens to `strict` any more
    assert errors == [lax.error]
    assert "best" in str(lax.error)


def test_row_132_a_result_is_kept_while_somebody_listens(db: qsdb.Database) -> None:
    with db.connect(ANN) as ann, db.connect(BOB) as bob:
        first = ann.subscribe("SELECT * FROM ranked")
        second = bob.subscribe("SELECT * FROM ranked WHERE points > 15")
        assert (db.stats().views, runs(db)) == (1, 1)
        first.close()
        assert db.stats().views == 1
        second.close()
        assert db.stats().views == 0
    begun = runs(db)
    db.call(fight, "eve", 30)
    assert runs(db) == begun
    for _ in range(2):
        db.sql("SELECT * FROM ranked")  # asked once: it runs, and is not kept
    assert db.stats().views == 0


def test_row_133_equal_rows_are_one(db: qsdb.Database) -> None:
    with db.subscribe("SELECT * FROM points") as live:
        assert len(live.rows) == 2
        db.caller(ANN).call(fight, "ann", 20)
        assert (
            live.rows == db.sql("SELECT * FROM points").rows == [Score("somebody", 20)]
        )


def test_row_134_a_primary_key_pairs_the_changes_of_a_row(db: qsdb.Database) -> None:
    heard: list[tuple[str, int, int]] = []
    with db.connect(ANN) as ann:
        ann.subscribe("SELECT * FROM ranked", "SELECT * FROM me")
        for name in ("ranked", "me"):
            ann.db.table(name).on_update(
                lambda _, old, new: heard.append((new.name, old.points, new.points))
            )
        ann.reducers.fight("ann", 17)
    assert heard == [("ann", 15, 17)] * 2  # that of the table `fighter`

    with db.subscribe("SELECT * FROM best") as live:
        db.caller(BOB).call(fight, "bob", 50)
        db.call(fight, "bob", 60)
        assert "primary key name = 'bob'" in str(live.error)


def test_row_135_a_view_has_parameters(db: qsdb.Database) -> None:
    assert names(db, "SELECT * FROM best(16)") == ["bob"]
    assert names(db, "SELECT * FROM best") == ["ann", "bob"]  # a default
    with db.connect(ANN) as ann:
        high = ann.subscribe("SELECT * FROM best(:least)", params={"least": 25})
        low = ann.subscribe("SELECT * FROM best(0)")
        ann.reducers.fight("ann", 30)
        assert [row.name for row in high.rows] == ["ann"]
        assert len(low.rows) == 2
    with pytest.raises(qsdb.QueryError):
        db.sql("SELECT * FROM best('x')")
    with pytest.raises(qsdb.QueryError):
        db.sql("SELECT * FROM best(1, 2)")


def test_row_136_a_view_shows_of_private_tables_what_it_gives(
    db: qsdb.Database,
) -> None:
    with db.connect(ANN) as ann:
        with pytest.raises(qsdb.QueryError):
            ann.sql("SELECT * FROM fighter")
        assert len(ann.sql("SELECT * FROM ranked")) == 2
        ann.reducers.note("mine")
        db.caller(BOB).call(note, "of another")
        assert [row.text for row in ann.sql("SELECT * FROM my_notes")] == ["mine"]


def test_row_137_a_query_is_kept_current_and_not_run_again(db: qsdb.Database) -> None:
    with db.connect(ANN) as ann:
        ann.subscribe("SELECT * FROM my_notes")
        begun = runs(db)
        for number in range(5):
            ann.reducers.note(f"{number}")
            db.caller(BOB).call(note, "of another")
        assert sorted(row.text for row in ann.db.my_notes) == [*"01234"]
        assert runs(db) == begun


def test_row_136_a_view_shows_what_row_filters_hide() -> None:
    forum = qsdb.Module("forum")

    class Post(Row, module=forum, public=True):
        author: Identity = qsdb.index()
        text: str

    forum.row_filter("SELECT * FROM post WHERE author = :sender")

    @forum.view(public=True)
    def posts(ctx: AnonymousViewContext) -> list[Post]:
        return list(ctx.db[Post])

    @forum.view(public=True)
    def asked(_: ViewContext) -> Query[Post]:
        return Query("SELECT * FROM post")

    with database(forum) as db, db.connect(ANN) as ann:
        ann.subscribe(
            "SELECT * FROM posts", "SELECT * FROM asked", "SELECT * FROM post"
        )
        with db.write() as tx:
            tx[Post].insert_many([Post(ANN, "mine"), Post(BOB, "another's")])
        assert [row.text for row in ann.db[Post]] == ["mine"]
        assert len(ann.db.posts) == len(ann.db.asked) == 2
        assert len(ann.sql("SELECT * FROM posts")) == 2
        assert len(ann.sql("SELECT * FROM asked")) == 2
        text = "SELECT q.text FROM asked q JOIN post p ON p.author = q.author"
        assert ann.sql(text).rows == [("mine",)]
