"""Views that give a query: of every sort that is kept current; and queries that look
into views."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import qsdb
from qsdb import QueryError, u8, u32, u64
from qsdb.live.derived import KeptResult

arena = qsdb.Module("arena")
Anonymous = qsdb.AnonymousViewContext


class Fighter(qsdb.Row, module=arena, public=True):
    id: u32 = qsdb.primary_key()
    guild: str
    level: u8 = qsdb.index(default=1)


class Seat(qsdb.Row, module=arena):
    guild: str
    who: qsdb.Identity


class Guild(qsdb.Product):
    guild: str
    many: u64
    level: u64


class Name(qsdb.Product):
    guild: str


class Share(qsdb.Product):
    id: u32
    share: u8


@arena.view(public=True)
def top(_: Anonymous) -> qsdb.Query[Fighter]:
    return qsdb.Query("SELECT * FROM fighter ORDER BY level DESC LIMIT 2")


@arena.view(public=True)
def second(_: Anonymous, guild: str) -> qsdb.Query[Fighter]:
    """Sorted by what has no index, and with a column that is made."""
    return qsdb.Query(
        "SELECT id, guild, level FROM fighter WHERE guild = :guild "
        "ORDER BY guild, level LIMIT 1 OFFSET 1",
        {"guild": guild},
    )


@arena.view(public=True, primary_key="guild")
def guilds(_: Anonymous) -> qsdb.Query[Guild]:
    return qsdb.Query(
        "SELECT guild, COUNT(*) AS many, SUM(level) AS level FROM fighter "
        "GROUP BY guild HAVING COUNT(*) > 1"
    )


@arena.view(public=True)
def names(_: Anonymous) -> qsdb.Query[Name]:
    return qsdb.Query("SELECT DISTINCT guild FROM fighter")


@arena.view(public=True)
def ends(_: Anonymous) -> qsdb.Query[Fighter]:
    return qsdb.Query(
        "SELECT * FROM fighter WHERE level > 8 UNION "
        "SELECT * FROM fighter WHERE level < 2"
    )


@arena.view(public=True)
def firsts(_: Anonymous) -> qsdb.Query[Fighter]:
    return qsdb.Query(
        "SELECT * FROM fighter QUALIFY "
        "ROW_NUMBER() OVER (PARTITION BY guild ORDER BY level DESC) = 1"
    )


@arena.view(public=True)
def my_best(_: qsdb.ViewContext) -> qsdb.Query[Fighter]:
    return qsdb.Query(
        "SELECT f.* FROM fighter f JOIN seat s ON s.guild = f.guild "
        "WHERE s.who = :sender ORDER BY level DESC LIMIT 1"
    )


@arena.view(public=True)
def nobodys(_: Anonymous) -> qsdb.Query[Name]:
    return qsdb.Query(
        "SELECT guild FROM seat WHERE who = :sender GROUP BY guild HAVING COUNT(*) > 0"
    )


@arena.view(public=True)
def shares(_: Anonymous) -> qsdb.Query[Share]:
    """Asked once it stops at the first row; kept, it works all of them out."""
    return qsdb.Query(
        "SELECT id, 100 / level AS share FROM fighter WHERE 100 / level > 0 "
        "ORDER BY level DESC LIMIT 1"
    )


@arena.view(public=True, on_error="abort")
def strict(_: Anonymous) -> qsdb.Query[Guild]:
    return qsdb.Query(
        "SELECT guild, COUNT(*) AS many, SUM(level) - 1 AS level FROM fighter "
        "GROUP BY guild"
    )


ROWS = [
    Fighter(1, "red", 1),
    Fighter(2, "red", 9),
    Fighter(3, "blue", 5),
    Fighter(4, "green", 5),
]


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(arena) as db:
        with db.write() as tx:
            tx[Fighter].insert_many(ROWS)
        yield db


def asked(db: qsdb.Database, text: str) -> list[str]:
    return sorted(map(repr, db.sql(text)))


def step_by_step(db: qsdb.Database) -> Iterator[None]:
    """Change the rows in all sorts of ways, one commit after the other."""
    steps: list[Any] = [
        lambda table: table.insert(Fighter(5, "blue", 7)),
        lambda table: table.update(Fighter(3, "blue", 9)),
        lambda table: table.delete_by_key(2),
        lambda table: table.update(Fighter(1, "blue", 2)),
        lambda table: table.insert_many([Fighter(6, "blue", 1), Fighter(7, "red", 3)]),
        lambda table: table.clear(),
        lambda table: table.insert_many(ROWS),
    ]
    for step in steps:
        with db.write() as tx:
            step(tx[Fighter])
        yield


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("SELECT * FROM top", [ROWS[1], ROWS[2]]),
        ("SELECT * FROM second('red')", [ROWS[1]]),
        ("SELECT * FROM guilds", [Guild("red", 2, 10)]),
        ("SELECT * FROM names", [Name("red"), Name("blue"), Name("green")]),
        ("SELECT * FROM ends", [ROWS[0], ROWS[1]]),
        ("SELECT * FROM firsts", ROWS[1:]),
    ],
)
def test_a_view_gives_any_query_that_is_kept_current(
    db: qsdb.Database, text: str, first: list[Any]
) -> None:
    assert asked(db, text) == sorted(map(repr, first))
    updates: list[Any] = []
    live = db.subscribe(text, updates.append)
    told = [*live.initial]
    assert sorted(map(repr, told)) == sorted(map(repr, first))
    for _ in step_by_step(db):
        assert live.error is None
        assert sorted(map(repr, live.rows)) == asked(db, text)
        for update in updates:
            for row in update.deletes:
                told.remove(row)
            told += update.inserts
        updates.clear()
        assert sorted(map(repr, told)) == sorted(map(repr, live.rows))
    assert db.stats().view_runs == 1  # and never again
    live.close()
    assert {*db._subscriptions.listening.views.queries.sizes.values()} == {0}


def test_a_view_of_groups_is_told_in_updates(db: qsdb.Database) -> None:
    with db.connect() as conn:
        conn.subscribe("SELECT * FROM guilds")
        told: list[Any] = []
        conn.db.guilds.on_update(lambda _, old, new: told.append((old, new)))
        with db.write() as tx:
            tx[Fighter].update(Fighter(1, "red", 4))
        assert told == [(Guild("red", 2, 10), Guild("red", 2, 13))]


def test_a_query_that_is_sorted_knows_its_caller(db: qsdb.Database) -> None:
    with db.connect() as ann, db.connect() as bob:
        with db.write() as tx:
            tx[Seat].insert(Seat("red", ann.identity))
            tx[Seat].insert(Seat("blue", bob.identity))
        subs = [each.subscribe("SELECT * FROM my_best") for each in (ann, bob)]
        assert [each.rows for each in subs] == [[ROWS[1]], [ROWS[2]]]
        with db.write() as tx:
            tx[Fighter].insert(Fighter(9, "blue", 200))
        assert [[row.id for row in each.rows] for each in subs] == [[2], [9]]
    with pytest.raises(QueryError, match="its query asks for :sender, and it is the"):
        db.sql("SELECT * FROM nobodys")


def test_what_is_kept_of_a_query_is_good_after_a_rollback(db: qsdb.Database) -> None:
    texts = ["SELECT * FROM guilds", "SELECT * FROM top", "SELECT * FROM strict"]
    lives = [db.subscribe(text) for text in texts]

    def check() -> None:
        for live, text in zip(lives, texts, strict=True):
            assert live.error is None
            assert sorted(map(repr, live.rows)) == asked(db, text)

    refused = pytest.raises(
        qsdb.ReducerError, match=r"view strict failed: the result -1 .*rolled back$"
    )
    with refused, db.write() as tx:
        tx[Fighter].insert(Fighter(5, "red", 99))
        tx[Fighter].insert(Fighter(6, "grey", 0))
    check()
    with db.write() as tx:  # nothing that a view reads, and it settles nothing
        tx[Seat].insert(Seat("red", qsdb.Identity.ZERO))
    with db.write() as tx:
        tx[Fighter].insert(Fighter(7, "red", 3))
    check()
    queries = [
        each.query for each in db._subscriptions.listening.views._by_key.values()
    ]
    for query in queries:
        assert isinstance(query, KeptResult)
        assert query._is_current  # not made anew with each commit
    with db.write() as tx:
        tx[Fighter].delete_by_key(2)
    check()


def test_a_query_that_fails_of_rows_it_does_not_give(db: qsdb.Database) -> None:
    text = "SELECT * FROM shares"
    with db.write() as tx:
        tx[Fighter].insert(Fighter(5, "red", 0))
    assert db.sql(text).rows == [Share(2, 11)]
    with pytest.raises(QueryError, match=r"^view shares failed: .*by 0") as caught:
        db.subscribe(text)
    assert isinstance(caught.value.__cause__, QueryError)
    assert len(db._subscriptions.listening.views) == 0
    with db.write() as tx:
        tx[Fighter].delete_by_key(5)
    live = db.subscribe(text)
    with db.write() as tx:
        tx[Fighter].insert(Fighter(6, "red", 0))
    assert str(live.error).startswith("view shares failed: ")


LOOKING = """
SELECT * FROM fighter f WHERE EXISTS (SELECT 1 FROM top t WHERE t.id = f.id)
SELECT * FROM fighter WHERE guild NOT IN (SELECT guild FROM guilds)
SELECT * FROM fighter f WHERE EXISTS (SELECT 1 FROM top t JOIN second('red') s ON
    s.id = t.id WHERE t.guild = f.guild)
SELECT * FROM names n WHERE EXISTS (SELECT 1 FROM ends e WHERE e.guild = n.guild
    AND NOT EXISTS (SELECT 1 FROM top t WHERE t.id = e.id))
SELECT COUNT(*) AS n FROM fighter WHERE id IN (SELECT id FROM top)
SELECT f.id, t.level FROM fighter f LEFT JOIN top t ON t.id = f.id
SELECT f.id FROM fighter f LEFT JOIN top t ON t.id = f.id
    LEFT JOIN second('red') s ON s.id = f.id WHERE t.id IS NULL AND s.id IS NULL
SELECT f.id, t.level FROM fighter f LEFT JOIN top t ON t.id = f.id
    WHERE EXISTS (SELECT 1 FROM ends e WHERE e.guild = f.guild)
"""


@pytest.mark.parametrize("text", LOOKING.strip().split("\nSELECT "))
def test_queries_look_into_views(db: qsdb.Database, text: str) -> None:
    text = f"SELECT {text.removeprefix('SELECT ')}"
    live = db.subscribe(text)
    assert sorted(map(repr, live.rows)) == asked(db, text)
    others = [db.subscribe("SELECT * FROM second('blue')")]
    for _ in step_by_step(db):
        assert live.error is None
        assert sorted(map(repr, live.rows)) == asked(db, text)
    for each in (live, *others):
        each.close()
    listening = db._subscriptions.listening
    assert {*listening.engine.sizes.values()} == {0}
    assert len(listening.views) == 0


def test_a_follower_that_is_cut_off_takes_a_commit_in_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "db"
    with qsdb.Database(arena, place, durability="always") as db:
        with db.write() as tx:
            tx[Fighter].insert_many(ROWS)
        with qsdb.Database(arena, place, read_only=True) as following:
            lives = [following.subscribe(f"SELECT * FROM {n}") for n in ("top", "ends")]
            queries = following._subscriptions.listening.views.queries
            commit = queries.commit

            def cut_off(changes: Any) -> None:
                commit(changes)
                monkeypatch.undo()
                raise KeyboardInterrupt

            monkeypatch.setattr(queries, "commit", cut_off)
            with db.write() as tx:
                tx[Fighter].insert(Fighter(9, "grey", 99))
            with pytest.raises(KeyboardInterrupt):
                following.refresh()
            following.refresh()
            assert [sorted(each.id for each in live.rows) for live in lives] == [
                [2, 9],
                [1, 2, 9],
            ]
            with db.write() as tx:
                tx[Fighter].insert(Fighter(10, "grey", 100))
            following.refresh()
            assert sorted(each.id for each in lives[0].rows) == [9, 10]
