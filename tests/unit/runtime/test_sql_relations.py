"""Queries that are more than a bag of rows: what they give, in which order."""

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import qsdb
from qsdb import Timestamp
from qsdb.errors import QueryError
from tests.unit.runtime.sql_club import Club, Level, Member, club, opened

DB = opened()


def rows(query: str, **params: object) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in DB.sql(query, params or None)]


GOLDEN = Path(__file__).with_name("relations.txt").read_text("utf-8")


def examples() -> list[tuple[str, list[Any]]]:
    """Give queries and their rows; blank lines part them, ``---`` stands between."""
    blocks = [each for each in GOLDEN.split("\n\n") if "\n---\n" in each]
    pairs = [each.split("\n---\n") for each in blocks]
    return [(query, [*ast.literal_eval(f"[\n{rows}\n]")]) for query, rows in pairs]


def is_ordered(query: str) -> bool:
    """Whether a query says in which order its rows come."""
    return "ORDER BY" in query.rpartition(")")[2]


def test_there_are_examples() -> None:
    assert len(examples()) == GOLDEN.count("\n---\n") > 80


@pytest.mark.parametrize(("query", "expected"), examples())
def test_queries(query: str, expected: list[tuple[Any, ...]]) -> None:
    found = rows(query)
    if not is_ordered(query):
        found, expected = sorted(found, key=repr), sorted(expected, key=repr)
    assert found == expected


def test_rows_of_a_table_stay_rows_of_its_class() -> None:
    first = DB.sql(
        "SELECT m.* FROM member m JOIN club c ON m.club = c.id "
        "ORDER BY c.name DESC, m.id LIMIT 1"
    )
    both = DB.sql(
        "SELECT * FROM club WHERE id = 1 UNION SELECT * FROM club ORDER BY id"
    )
    walked = DB.sql("SELECT * FROM member ORDER BY score LIMIT 1")
    assert walked[0] == DB.sql("SELECT * FROM member WHERE id = 2")[0]
    assert type(first[0]) is Member
    assert first[0].id == 3
    assert both.rows == [Club(1, "Ants"), Club(2, "Bees"), Club(3, "Cats")]


def test_values_are_those_of_users() -> None:
    [row] = DB.sql("SELECT MAX(since) AS s, MIN(level) AS l, COUNT(*) AS n FROM member")
    assert row.s == Timestamp.from_micros(86_400_000_000)
    assert row.l is Level.low
    outer = DB.sql(
        "SELECT m.level, m.who, m.since FROM club c LEFT JOIN member m "
        "ON m.club = c.id AND m.score = 3 ORDER BY c.id"
    )
    assert [each.level for each in outer] == [Level.high, Level.low, None]
    assert [each.who for each in outer] == [qsdb.Identity.ZERO] * 2 + [None]
    moments = DB.sql("SELECT DATE_TRUNC('day', since) AS d FROM member WHERE id = 1")
    assert moments[0].d == Timestamp.from_micros(86_400_000_000)


def test_limits_may_be_parameters() -> None:
    query = "SELECT id FROM member ORDER BY score DESC LIMIT :k OFFSET :n"
    assert rows(query, k=2, n=1) == [(3,), (4,)]
    assert rows(query, k=0, n=0) == []
    assert rows(query, k=2**64 - 1, n=2**64 - 1) == []
    assert rows("SELECT id FROM club WHERE id = :i ORDER BY id LIMIT :k", k=1, i=2) == [
        (2,)
    ]
    by_club = "SELECT id FROM member WHERE :c IS NULL OR club = :c ORDER BY id LIMIT 2"
    assert rows(by_club, c=None) == [(1,), (2,)]


def test_an_index_that_is_walked_for_nothing_gives_nothing() -> None:
    query = (
        "SELECT id FROM member WHERE club = :c AND (:c IS NULL OR id > 0) "
        "ORDER BY score LIMIT 2"
    )
    assert rows(query, c=None) == []
    assert rows(query, c=1) == [(2,), (1,)]


def test_pinned_reads_walk_what_they_saw() -> None:
    db = opened()
    best = "SELECT id, score FROM member ORDER BY score DESC LIMIT 2"
    with db.read() as tx:
        with db.write() as writing:
            writing.sql("UPDATE member SET score = 9 WHERE id IN (2, 5)")
            writing.sql("DELETE FROM member WHERE id = 1")
            assert [tuple(e) for e in writing.sql(best)] == [(2, 9), (5, 9)]
            assert [tuple(e) for e in tx.sql(best)] == [(1, 3), (3, 3)]
        assert [tuple(e) for e in tx.sql(best)] == [(1, 3), (3, 3)]
    assert [tuple(e) for e in db.sql(best)] == [(2, 9), (5, 9)]


def test_changes_may_look_into_other_tables() -> None:
    db = opened()
    query = "DELETE FROM member WHERE club NOT IN (SELECT id FROM club)"
    assert db.sql(query).rows_affected == 1
    query = (
        "UPDATE member SET score = 0 WHERE EXISTS "
        "(SELECT 1 FROM visit v WHERE v.member = member.id)"
    )
    assert db.sql(query).rows_affected == 2


def test_views_are_grouped_and_joined_like_tables() -> None:
    assert rows("SELECT COUNT(*), MAX(score) FROM strong") == [(4, 3)]
    query = (
        "SELECT c.id, s.id AS s FROM club c LEFT JOIN strong s ON s.club = c.id "
        "ORDER BY c.id"
    )
    assert rows(query) == [(1, 1), (2, 3), (3, None)]
    query = "SELECT id FROM club WHERE id IN (SELECT club FROM strong) ORDER BY id"
    assert rows(query) == [(1,), (2,)]


@pytest.mark.parametrize(
    ("query", "column", "reason"),
    [
        ("SELECT SUM(big) FROM visit", 8, "the result 13835058055282163712 is not i64"),
        ("SELECT ABS(small) FROM member", 8, "the result 128 is not i8"),
        ("SELECT DATE_TRUNC('x', since) FROM member", 8, "'x' is none of year, month"),
        (
            "SELECT id FROM club WHERE EXISTS (SELECT 1 FROM hit)",
            49,
            "hit is an event table, which has no rows to look for",
        ),
    ],
)
def test_what_fails_is_pointed_at(query: str, column: int, reason: str) -> None:
    with pytest.raises(QueryError) as caught:
        DB.sql(query)
    assert reason in caught.value.reason
    assert caught.value.column == column


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        (
            "SELECT * FROM club LIMIT 1",
            "LIMIT needs ORDER BY: else nothing says which rows come first",
        ),
        (
            "SELECT c.id FROM club c FULL JOIN member m ON m.id = c.id",
            "FULL JOIN is not kept current; LEFT JOIN is",
        ),
        (
            "SELECT EXISTS (SELECT 1 FROM member) FROM club",
            "EXISTS or IN (SELECT …) among columns or in an order is not kept current",
        ),
    ],
)
def test_what_is_not_kept_current_is_refused_and_explained(
    query: str, reason: str
) -> None:
    with pytest.raises(QueryError) as caught:
        DB.subscribe(query)
    assert caught.value.reason == f"this cannot be subscribed to: {reason}"
    assert DB.sql(f"EXPLAIN {query}")[-1].plan == f"live: not possible: {reason}"


def test_subqueries_are_kept_current() -> None:
    db = opened()
    live = db.subscribe(
        "SELECT id FROM club WHERE id NOT IN (SELECT club FROM member WHERE club > 0)"
    )
    db.sql("DELETE FROM member WHERE club = 2")
    assert sorted(live.rows) == [(2,), (3,)]
    db.sql("INSERT INTO member (id, club, score) VALUES (8, 3, 1)")
    assert sorted(live.rows) == [(2,)]
    assert club.name == "club"


def test_a_walk_goes_on_until_it_has_enough_and_takes_all_that_are_equal() -> None:
    require_walks()


def require_walks() -> None:
    """Walk an index whose values are mostly equal, and compare with sorting all."""
    db = qsdb.Database(club, seed=1)
    with db.write() as tx:
        tx[Member].insert_many(Member(n, n % 3, n // 40, str(n)) for n in range(200))
    everything = [tuple(row) for row in db.sql("SELECT id, club, score FROM member")]
    conditions: dict[str, Callable[[Any], bool]] = {
        "": lambda _: True,
        "WHERE club = 1": lambda row: row[1] == 1,
        "WHERE id > 20": lambda row: row[0] > 20,
        "WHERE name = '7'": lambda row: row[0] == 7,
    }
    keys: dict[str, Callable[[Any], Any]] = {
        "ASC": lambda row: (row[2], row[0]),
        "DESC": lambda row: (-row[2], row[0]),
    }
    for condition, where in conditions.items():
        for direction in keys:
            for limit in (1, 2, 39, 41, 150, 500):
                rows = [
                    (row[0],)
                    for row in sorted(
                        everything,
                        key=lambda row: (
                            row[2] * (-1) ** (direction == "DESC"),
                            row[0],
                        ),
                    )
                    if where(row)
                ]
                query = (
                    f"SELECT id FROM member {condition} "
                    f"ORDER BY score {direction} LIMIT {limit}"
                )
                assert [tuple(row) for row in db.sql(query)] == rows[:limit], query
