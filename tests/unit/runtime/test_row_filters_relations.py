"""Row filters in queries of all sorts: what is hidden has no part in any result."""

from typing import Any

import pytest

import qsdb
from qsdb import Identity, u32

module = qsdb.Module("narrow")
ANN, BOB = [Identity.from_bytes(bytes([n]) * 32) for n in (1, 2)]


class Post(qsdb.Row, module=module, public=True):
    id: u32 = qsdb.primary_key()
    owner: Identity
    room: u32 | None


class Room(qsdb.Row, module=module, public=True):
    id: u32 = qsdb.primary_key()


class Secret(qsdb.Row, module=module):
    id: u32 = qsdb.primary_key()


module.row_filter("SELECT * FROM post WHERE owner = :sender")

DB = qsdb.Database(module, seed=1)
with DB.write() as tx:
    tx[Room].insert_many([Room(1), Room(2)])
    tx[Post].insert_many([Post(1, ANN, 1), Post(2, BOB, 2), Post(3, BOB, 7)])


def rows(query: str, sender: Identity | None) -> list[tuple[Any, ...]]:
    return sorted(map(tuple, DB.sql(query, sender=sender)), key=repr)


@pytest.mark.parametrize(
    ("query", "ann", "owner"),
    [
        ("SELECT COUNT(*) FROM post", [(1,)], [(3,)]),
        ("SELECT id FROM post ORDER BY id DESC LIMIT 1", [(1,)], [(3,)]),
        (
            "SELECT id FROM room UNION ALL SELECT id FROM post",
            [(1,), (1,), (2,)],
            [(1,), (1,), (2,), (2,), (3,)],
        ),
        (
            "SELECT id FROM room r WHERE EXISTS (SELECT 1 FROM post WHERE room = r.id)",
            [(1,)],
            [(1,), (2,)],
        ),
        (
            "SELECT id FROM room WHERE id NOT IN (SELECT room FROM post)",
            [(2,)],
            [],
        ),
        (
            "SELECT r.id, p.id AS p FROM room r LEFT JOIN post p ON p.room = r.id",
            [(1, 1), (2, None)],
            [(1, 1), (2, 2)],
        ),
        (
            "SELECT p.id FROM post p LEFT JOIN room r ON p.room = r.id",
            [(1,)],
            [(1,), (2,), (3,)],
        ),
        (
            "SELECT r.id, p.id AS p FROM room r FULL JOIN post p ON p.room = r.id",
            [(1, 1), (2, None)],
            [(1, 1), (2, 2), (None, 3)],
        ),
        (
            "SELECT p.id, r.id AS r FROM post p FULL JOIN room r ON p.room = r.id",
            [(1, 1), (None, 2)],
            [(1, 1), (2, 2), (3, None)],
        ),
        (
            "SELECT p.id, r.id AS r FROM room r RIGHT JOIN post p ON p.room = r.id",
            [(1, 1)],
            [(1, 1), (2, 2), (3, None)],
        ),
    ],
)
def test_what_is_hidden_has_no_part_in_it(
    query: str, ann: list[tuple[Any, ...]], owner: list[tuple[Any, ...]]
) -> None:
    assert rows(query, ANN) == ann
    assert rows(query, None) == owner


@pytest.mark.parametrize(
    "query",
    [
        "SELECT table_id FROM st_table WHERE table_name = 'secret' LIMIT 5",
        "SELECT id FROM room WHERE 'secret' IN (SELECT table_name FROM st_table)",
        (
            "SELECT r.id FROM room r LEFT JOIN st_table s ON s.table_name = 'secret' "
            "WHERE s.table_id IS NOT NULL"
        ),
    ],
)
def test_the_catalogue_tells_strangers_of_no_private_table(query: str) -> None:
    assert rows(query, ANN) == []
    assert rows(query, None) != []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM secret UNION SELECT * FROM room",
        "SELECT * FROM room WHERE EXISTS (SELECT 1 FROM secret)",
        "SELECT * FROM room WHERE id IN (SELECT id FROM secret)",
        "SELECT r.id FROM room r LEFT JOIN secret s ON s.id = r.id",
    ],
)
def test_private_tables_look_like_missing_ones(query: str) -> None:
    with pytest.raises(qsdb.QueryError, match="there is no table secret"):
        DB.sql(query, sender=ANN)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT * FROM post LIMIT 1", "without LIMIT"),
        (
            "SELECT p.* FROM post p JOIN room r ON TRUE LEFT JOIN room s ON TRUE",
            "that can be kept current: without subqueries or outer joins",
        ),
        (
            "SELECT * FROM post WHERE EXISTS (SELECT 1 FROM room)",
            "that can be kept current: without subqueries or outer",
        ),
    ],
)
def test_filters_join_tables_and_do_nothing_wider(text: str, reason: str) -> None:
    other = qsdb.Module("other")
    for each in (Post, Room):
        other.add_table(each, public=True)
    other.row_filter(text)
    with pytest.raises(qsdb.SchemaError, match=reason):
        qsdb.Database(other)
