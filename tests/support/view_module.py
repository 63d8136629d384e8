"""A module with views of every sort, for histories of them."""

import qsdb
from qsdb import Identity, i32, u8, u64

__all__ = [
    "Bag",
    "Member",
    "Pair",
    "Player",
    "Sum",
    "Total",
    "club",
    "who",
]

club = qsdb.Module("club")


class Player(qsdb.Row, module=club, public=True, indexes=[qsdb.BTree("team", "score")]):
    id: u8 = qsdb.primary_key()
    team: u8
    score: i32 = qsdb.index()
    name: str = qsdb.index("hash")
    code: u8 | None = qsdb.unique(default=None)
    friend: u8 = 0


class Member(qsdb.Row, module=club):
    identity: Identity = qsdb.primary_key()
    player: u8


class Bag(qsdb.Row, module=club, public=True):
    """A table without a key."""

    player: u8 = qsdb.index()
    what: str


class Total(qsdb.Product):
    team: u8
    count: u64


class Pair(qsdb.Row):
    name: str
    what: str


class Sum(qsdb.Product):
    id: u8
    friend: u8


def who(number: int) -> Identity:
    """Give one of a few callers."""
    return Identity.from_bytes(bytes(31) + bytes([number]))


Anonymous = qsdb.AnonymousViewContext


@club.view(public=True)
def me(ctx: qsdb.ViewContext) -> Member | None:
    return ctx.db[Member].get(ctx.sender)


@club.view(public=True)
def my_player(ctx: qsdb.ViewContext) -> Player | None:
    """What is read depends on what was read."""
    member = me(ctx)
    return None if member is None else ctx.db[Player].get(member.player)


@club.view(public=True)
def friends(ctx: Anonymous, first: u8) -> list[Player]:
    found = []
    player = ctx.db[Player].get(first)
    while player is not None and player not in found:
        found.append(player)
        player = ctx.db[Player].get(player.friend)
    return found


@club.view(public=True)
def team(ctx: Anonymous, team: u8) -> list[Player]:
    return list(ctx.db.player.team_score.filter(team))


@club.view(public=True)
def ranged(
    ctx: Anonymous, lo: i32, hi: i32, with_lo: u8 = 1, with_hi: u8 = 0
) -> list[Player]:
    include = (bool(with_lo), bool(with_hi))
    return list(ctx.db.player.score.range(lo, hi, include))


@club.view(public=True)
def above(ctx: Anonymous, team: u8, lo: i32) -> tuple[Player, ...]:
    """The end that is left open is another team's beginning."""
    return tuple(ctx.db.player.team_score.range((team, lo)))


@club.view(public=True)
def named(ctx: Anonymous, name: str) -> list[Player]:
    return list(ctx.db.player.name.filter(name))


@club.view(public=True)
def coded(ctx: Anonymous, code: u8) -> Player | None:
    found: Player | None = ctx.db.player.code.find(code)
    return found


@club.view(public=True, primary_key="team")
def totals(ctx: Anonymous) -> list[Total]:
    counts: dict[int, int] = {}
    for player in ctx.db[Player]:
        counts[player.team] = counts.get(player.team, 0) + 1
    return [Total(each, count) for each, count in counts.items()]


@club.view(public=True)
def size(ctx: Anonymous) -> list[Total]:
    return [Total(0, len(ctx.db.player))]


@club.view(public=True)
def sizes(ctx: Anonymous, team: u8) -> list[Total]:
    """The number of a team, and of those with a score of 0."""
    players = ctx.db.player
    counts = players.team_score.count(team), players.score.count(0)
    return [Total(n, count) for n, count in enumerate(counts)]


@club.view(public=True)
def holds(ctx: Anonymous, player: u8, what: str) -> Bag | None:
    row = Bag(player, what)
    return row if row in ctx.db[Bag] else None


@club.view(public=True)
def mine(_: qsdb.ViewContext) -> qsdb.Query[Bag]:
    return qsdb.Query(
        "SELECT b.* FROM bag b JOIN member m ON b.player = m.player "
        "WHERE m.identity = :sender"
    )


@club.view(public=True)
def pairs(_: Anonymous, least: i32) -> qsdb.Query[Pair]:
    """Of players with the same name who have the same, one row is given."""
    return qsdb.Query(
        "SELECT p.name, b.what FROM player p JOIN bag b ON b.player = p.id "
        "WHERE p.score >= :least",
        {"least": least},
    )


@club.view(public=True)
def befriended(_: Anonymous, what: str) -> qsdb.Query[Player]:
    """Joins by a column that has no index."""
    return qsdb.Query(
        "SELECT p.* FROM player p JOIN bag b ON p.friend = b.player "
        "WHERE b.what = :what",
        {"what": what},
    )


@club.view(public=True)
def of_team(_: Anonymous, team: u8) -> qsdb.Query[Player]:
    return qsdb.Query("SELECT * FROM player WHERE team = :team", {"team": team})


@club.view(public=True, primary_key="name")
def leaders(ctx: Anonymous, least: i32) -> list[Pair]:
    """Fails when two of a name lead with different codes."""
    return [
        Pair(each.name, f"{each.code}") for each in ctx.db.player.score.range(least)
    ]


@club.view(public=True, primary_key="name")
def leading(_: Anonymous, least: i32) -> qsdb.Query[Pair]:
    """Fails when two of a name lead and have different things."""
    return qsdb.Query(
        "SELECT p.name, b.what FROM player p JOIN bag b ON b.player = p.id "
        "WHERE p.score >= :least",
        {"least": least},
    )


@club.view(public=True)
def sums(_: Anonymous, team: u8) -> qsdb.Query[Sum]:
    """Fails when a sum has no room."""
    return qsdb.Query(
        "SELECT id, id + friend AS friend FROM player WHERE team = :team",
        {"team": team},
    )


@club.view(public=True, on_error="abort")
def guarded(ctx: Anonymous, team: u8) -> list[Player]:
    players = list(ctx.db.player.team_score.filter(team))
    if any(each.score == 3 for each in players):
        raise ValueError("a score of 3")
    return players


@club.view(public=True)
def best(_: Anonymous) -> qsdb.Query[Player]:
    """Walks in the order of an index."""
    return qsdb.Query("SELECT * FROM player ORDER BY score DESC LIMIT 2")


@club.view(public=True)
def best_of(_: Anonymous, team: u8) -> qsdb.Query[Player]:
    return qsdb.Query(
        "SELECT * FROM player WHERE team = :team ORDER BY name, code LIMIT 2 OFFSET 1",
        {"team": team},
    )


@club.view(public=True)
def my_first(_: qsdb.ViewContext) -> qsdb.Query[Bag]:
    return qsdb.Query(
        "SELECT b.* FROM bag b JOIN member m ON b.player = m.player "
        "WHERE m.identity = :sender ORDER BY b.what LIMIT 1"
    )


@club.view(public=True, primary_key="team")
def counted(_: Anonymous, least: u64) -> qsdb.Query[Total]:
    return qsdb.Query(
        "SELECT team, COUNT(*) AS count FROM player GROUP BY team "
        "HAVING COUNT(*) > :least",
        {"least": least},
    )


@club.view(public=True)
def highest(_: Anonymous) -> qsdb.Query[Sum]:
    """Fails when a number has no room."""
    return qsdb.Query(
        "SELECT team AS id, MAX(friend) + 1 AS friend FROM player GROUP BY team"
    )


@club.view(public=True)
def distinct_pairs(_: Anonymous) -> qsdb.Query[Pair]:
    return qsdb.Query(
        "SELECT DISTINCT p.name, b.what FROM player p JOIN bag b ON b.player = p.id"
    )


@club.view(public=True)
def either(_: Anonymous, team: u8) -> qsdb.Query[Player]:
    return qsdb.Query(
        "SELECT * FROM player WHERE team = :team UNION ALL "
        "SELECT * FROM player WHERE score > 3",
        {"team": team},
    )


@club.view(public=True)
def first_of_each(_: Anonymous) -> qsdb.Query[Player]:
    return qsdb.Query(
        "SELECT * FROM player QUALIFY "
        "ROW_NUMBER() OVER (PARTITION BY team ORDER BY score DESC) <= 1"
    )
