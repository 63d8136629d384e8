"""Rows 142 and 143: rules of which rows of a public table somebody sees."""

import pytest

import qsdb
from qsdb import Identity, Row, u32, u64
from qsdb.testing import database

ANN = Identity.from_claims("tests", "ann")
BOB = Identity.from_claims("tests", "bob")
ALL = "SELECT * FROM post"

module = qsdb.Module("forum")


class Post(Row, module=module, public=True):
    id: u64 = qsdb.primary_key(auto_inc=True)
    room: u32 = qsdb.index()
    author: Identity = qsdb.index("hash")


class Member(Row, module=module, public=True, primary_key=("room", "who")):
    room: u32
    who: Identity


class Draft(Row, module=module):
    author: Identity = qsdb.primary_key()


@module.reducer
def count(ctx: qsdb.ReducerContext) -> int:
    return len(ctx.db[Post])


module.row_filter("SELECT * FROM post WHERE author = :sender")
module.row_filter("SELECT p.* FROM post p JOIN member m ON m.room = p.room")
module.row_filter("SELECT * FROM member WHERE who = :sender")
module.row_filter("SELECT * FROM draft WHERE author = :sender")


def write_posts(db: qsdb.Database) -> None:
    """Write posts 1 and 2 of Ann, and 3 of Bob, in rooms 1, 2 and 2."""
    with db.write() as tx:
        tx[Post].insert_many([Post(1, ANN), Post(2, ANN), Post(2, BOB)])


def ids(db: qsdb.Database, sender: Identity | None = None) -> list[int]:
    return sorted(row.id for row in db.sql(ALL, sender=sender))


def test_row_142_strangers_see_the_rows_that_filters_give() -> None:
    with database(module) as db, db.connect(BOB) as bob:
        bob.subscribe(ALL)
        live = bob.db[Post]
        write_posts(db)
        assert [row.id for row in live] == ids(db, BOB) == [3]
        assert ids(db, ANN) == [1, 2]

        with db.write() as tx:
            tx[Member].insert(Member(1, BOB))  # a filter of `member` is used in that
        assert sorted(row.id for row in live) == ids(db, BOB) == [1, 3]
        assert ids(db, ANN) == [1, 2]
        with db.write() as tx:
            tx[Member].clear()
        assert [row.id for row in live] == ids(db, BOB) == [3]

    around = qsdb.Module("around")
    around.add_table(Post, public=True)
    around.add_table(Member, public=True)
    around.row_filter("SELECT p.* FROM post p JOIN member m ON m.room = p.room")
    around.row_filter("SELECT m.* FROM member m JOIN post p ON m.room = p.room")
    with pytest.raises(qsdb.SchemaError, match="look into each other"):
        qsdb.Database(around)


def test_row_143_the_owner_and_functions_see_all_rows() -> None:
    with database(module) as db, db.connect(BOB) as bob:
        write_posts(db)
        assert ids(db) == [1, 2, 3]
        with db.connect(db.owner) as own:
            assert len(own.sql(ALL)) == len(own.subscribe(ALL).rows) == 3
        assert bob.call(count) == 3
        assert len(bob.sql(ALL)) == 1
        with pytest.raises(qsdb.QueryError):  # a filter restricts, and never grants
            bob.sql("SELECT * FROM draft")
