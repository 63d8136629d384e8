"""Tables for queries of groups, orders and joins: a club, its members, their visits."""

import enum

import qsdb
from qsdb import Timestamp, i8, i32, i64, u8, u32

__all__ = ["Club", "Level", "Member", "Visit", "club", "opened"]

club = qsdb.Module("club")


class Level(enum.Enum):
    low = 0
    high = 1


class Club(qsdb.Row, module=club, public=True):
    id: u32 = qsdb.primary_key()
    name: str = qsdb.unique()


class Member(
    qsdb.Row,
    module=club,
    public=True,
    indexes=[qsdb.BTree("club", "score", name="by_score")],
):
    id: u32 = qsdb.primary_key()
    club: u32 | None = qsdb.index()
    score: i32 = qsdb.index()
    name: str | None = None
    weight: float = 0.5
    level: Level = Level.low
    since: Timestamp = Timestamp.from_micros(0)
    small: i8 = 0
    who: qsdb.Identity = qsdb.Identity.ZERO


class Visit(qsdb.Row, module=club, public=True):
    member: u32
    minutes: u8
    big: i64 = 0


class Hit(qsdb.Row, module=club, public=True, event=True):
    member: u32


@club.view(public=True)
def strong(ctx: qsdb.AnonymousViewContext) -> list[Member]:
    return [each for each in ctx.db[Member] if each.score > 1]


def opened() -> qsdb.Database:
    """Open a database with a few rows."""
    db = qsdb.Database(club, seed=1)
    day = 86_400_000_000
    with db.write() as tx:
        tx[Club].insert_many([Club(1, "Ants"), Club(2, "Bees"), Club(3, "Cats")])
        tx[Member].insert_many(
            [
                Member(1, 1, 3, "Ann", 0.1, Level.high, Timestamp.from_micros(day)),
                Member(2, 1, 1, None, 0.2),
                Member(3, 2, 3, "Cy", 0.3, small=-128),
                Member(4, None, 2, "Di", 0.4),
                Member(5, 9, 2, "Eve", 0.5),
            ]
        )
        tx[Visit].insert_many(
            [
                Visit(1, 30, 2**62),
                Visit(1, 40, 2**62),
                Visit(2, 255, 2**62),
                Visit(7, 1),
            ]
        )
    return db
