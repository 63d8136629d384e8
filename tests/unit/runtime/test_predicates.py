"""Conditions of queries in optimistic transactions: on what rows these depend."""

from collections.abc import Iterator
from typing import Any

import pytest

import qsdb
from qsdb import i64, u32

feast = qsdb.Module("feast")


class Person(qsdb.Row, module=feast):
    id: u32 = qsdb.primary_key()
    age: i64
    size: i64 = 0
    place: i64 = qsdb.index(default=0)


class Ban(qsdb.Row, module=feast, unique=[("kind", "age")]):
    id: u32 = qsdb.primary_key()
    kind: i64
    age: i64 | None = None
    weight: i64 = 1


class Guest(qsdb.Row, module=feast):
    id: u32 = qsdb.primary_key()


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(feast) as opened:
        with opened.write() as tx:
            tx[Person].insert_many([Person(n, n + 6, n, n) for n in range(4)])
            tx[Ban].insert(Ban(1, 1, 50))
        yield opened


def asking(db: qsdb.Database, text: str, **params: object) -> Any:
    """Begin a transaction, run a statement in it, and write besides."""
    tx = db.optimistic()
    tx.sql(text, params)
    tx[Guest].insert(Guest(1))
    return tx


WITHOUT = (
    "SELECT id FROM person WHERE age NOT IN (SELECT age FROM ban WHERE weight = 1)"
)
EITHER = (
    "SELECT id FROM person WHERE age IN (SELECT age FROM ban WHERE weight = 1) "
    "OR age IN (SELECT age FROM ban WHERE weight = 2)"
)
BOTH = (
    "SELECT weight FROM ban WHERE weight = 9 UNION "
    "SELECT size FROM person WHERE age = 9"
)
LEFT = (
    "SELECT p.id, b.id AS ban FROM person p LEFT JOIN ban b "
    "ON b.weight = p.size AND b.kind = 9"
)

OLD, ELDER = Person(1, 7, 8, 1), Person(1, 70, 1, 1)

CONFLICTS: dict[str, tuple[str, qsdb.Row]] = {
    # Several ways to look through one table.
    "NOT IN: a value": (
        "SELECT id FROM person WHERE age NOT IN (SELECT age FROM ban)",
        Ban(2, 1, 7),
    ),
    "NOT IN: NULL": (
        "SELECT id FROM person WHERE age NOT IN (SELECT age FROM ban)",
        Ban(2, 1, None),
    ),
    "NOT IN with a condition: a value": (
        WITHOUT,
        Ban(2, 1, 7),
    ),
    "NOT IN with a condition: NULL": (
        WITHOUT,
        Ban(2, 1, None),
    ),
    "a change by NOT IN": (
        "UPDATE person SET size = 1 WHERE age NOT IN (SELECT age FROM ban)",
        Ban(2, 1, 7),
    ),
    "IN or IN: the first": (
        EITHER,
        Ban(2, 1, 7, 1),
    ),
    "IN or IN: the second": (
        EITHER,
        Ban(2, 1, 7, 2),
    ),
    "all rows, or some": (
        (
            "SELECT id FROM person WHERE age IN (SELECT age FROM ban) AND size "
            "IN (SELECT weight FROM ban WHERE weight = 2)"
        ),
        Ban(2, 3, 7, 5),
    ),
    # Queries of several parts.
    "a count": ("SELECT COUNT(*) AS n FROM person WHERE age > 8", ELDER),
    "a sum": ("SELECT SUM(size) AS n FROM person WHERE age = 7", OLD),
    "groups": (
        "SELECT size, MAX(place) AS n FROM person WHERE age > 8 GROUP BY size",
        ELDER,
    ),
    "each once": ("SELECT DISTINCT size FROM person WHERE age = 7", OLD),
    "the first of an order": (
        "SELECT id FROM person WHERE age > 8 ORDER BY size LIMIT 1",
        ELDER,
    ),
    "the second of two": (
        BOTH,
        Person(1, 9, 8, 1),
    ),
    "what is walked": (
        "SELECT id FROM person WHERE age > 8 ORDER BY place LIMIT 3",
        ELDER,
    ),
    "a row of nothing": (
        (
            "SELECT p.id, b.id AS ban FROM person p LEFT JOIN ban b "
            "ON b.weight = p.size WHERE b.kind IS NULL"
        ),
        Ban(2, 9, 7),
    ),
    "what fits a left row": (
        LEFT,
        Ban(2, 9, 7),
    ),
    "a right row": (
        (
            "SELECT p.id, b.id AS ban FROM person p RIGHT JOIN ban b "
            "ON b.weight = p.size AND b.kind = 9 WHERE b.age = 7"
        ),
        Ban(2, 5, 7),
    ),
    "what fails before it does not hold": (
        (
            "SELECT b.id FROM person p JOIN ban b ON 10 / b.kind > p.age "
            "WHERE p.size = 1 AND 20 / b.weight > 1"
        ),
        Ban(2, 0, 7, 30),
    ),
}


@pytest.mark.parametrize("name", CONFLICTS)
def test_a_conflict(db: qsdb.Database, name: str) -> None:
    text, row = CONFLICTS[name]
    tx = asking(db, text)
    with db.write() as writing:
        writing[type(row)].upsert(row)

    with pytest.raises(qsdb.ConflictError, match="changed a row"):
        tx.commit()


NO_CONFLICTS: dict[str, tuple[str, qsdb.Row]] = {
    "NOT IN with a condition": (
        WITHOUT,
        Ban(2, 1, 7, 2),
    ),
    "IN or IN": (
        EITHER,
        Ban(2, 1, 7, 3),
    ),
    "a count": ("SELECT COUNT(*) AS n FROM person WHERE age > 8", OLD),
    "a sum": ("SELECT SUM(size) AS n FROM person WHERE age = 9", OLD),
    "groups": (
        "SELECT size, MAX(place) AS n FROM person WHERE age > 8 GROUP BY size",
        OLD,
    ),
    "each once": ("SELECT DISTINCT size FROM person WHERE age = 9", OLD),
    "an order": ("SELECT id FROM person WHERE age > 8 ORDER BY size", OLD),
    "the second of two": (
        BOTH,
        OLD,
    ),
    "the first of two": (
        BOTH,
        Ban(2, 5, 7),
    ),
    "what is walked": (
        (
            "SELECT id FROM person p WHERE EXISTS (SELECT 1 FROM ban WHERE weight = 1) "
            "ORDER BY place LIMIT 3"
        ),
        Ban(2, 5, 7, 2),
    ),
    "a left join": (
        (
            "SELECT p.id, b.id AS ban FROM person p LEFT JOIN ban b "
            "ON b.weight = p.size AND b.kind = 9 WHERE p.age = 9"
        ),
        OLD,
    ),
    "what does not fit a left row": (
        LEFT,
        Ban(2, 5, 7),
    ),
    "a right join": (
        (
            "SELECT p.id, b.id AS ban FROM person p RIGHT JOIN ban b "
            "ON b.weight = p.size WHERE b.age = 9"
        ),
        Ban(2, 5, 7),
    ),
    "what cannot fail before it": (
        (
            "SELECT b.id FROM person p JOIN ban b ON b.kind > p.age "
            "WHERE p.size = 1 AND 20 / b.weight > 1"
        ),
        Ban(2, 0, 7, 30),
    ),
}


@pytest.mark.parametrize("name", NO_CONFLICTS)
def test_no_conflict(db: qsdb.Database, name: str) -> None:
    text, row = NO_CONFLICTS[name]
    tx = asking(db, text)
    with db.write() as writing:
        writing[type(row)].upsert(row)

    assert tx.commit() == db.offset


def test_no_write_skew_by_not_in(db: qsdb.Database) -> None:
    """Who is banned is not invited; who is invited is not banned."""
    first, second = db.optimistic(), db.optimistic()
    for [key] in first.sql(
        "SELECT id FROM person WHERE age = 7 AND age NOT IN (SELECT age FROM ban)"
    ):
        first[Guest].insert(Guest(key))
    if second[Guest].get(1) is None:
        second[Ban].insert(Ban(2, 1, 7))
    second.commit()

    with pytest.raises(qsdb.ConflictError, match="table ban"):
        first.commit()


def test_a_table_is_looked_through_and_looked_into(db: qsdb.Database) -> None:
    """Of one table a way looks at all rows, and another one counts by an index."""
    text = "DELETE FROM person WHERE age NOT IN (SELECT age FROM ban WHERE kind = 1)"
    with db.optimistic() as tx:
        count = tx.sql(text).rows_affected
    with db.read() as reading:
        left = len(reading[Person])

    assert (count, left) == (4, 0)


def test_an_equal_question_is_noted_once(db: qsdb.Database) -> None:
    tx = db.optimistic()
    for age in (7, 7, 8, 7):
        tx.sql("SELECT * FROM person WHERE age = :age", {"age": age})
    people: Any = tx[Person]

    assert len(people._notes.predicates) == 2
