"""What `row_limit` counts: what indexes know exactly, and guesses for the rest."""

from collections.abc import Iterator

import pytest

import qsdb
from qsdb import BTree, Hash, Identity, QueryError, u32

ANN = Identity.from_claims("test", "ann")
COUNT = 400

crowd = qsdb.Module("crowd")


class User(
    qsdb.Row, module=crowd, public=True, indexes=[BTree("k", "level"), Hash("team")]
):
    """Nearly all have one `k` and one `team`."""

    id: u32 = qsdb.primary_key()
    k: u32
    level: u32
    team: str | None
    owner: Identity = qsdb.index(default=Identity.ZERO)


class Prize(qsdb.Row, module=crowd, public=True):
    id: u32 = qsdb.primary_key()
    k: u32 = qsdb.index()


@crowd.view(public=True)
def prizes(ctx: qsdb.AnonymousViewContext) -> list[Prize]:
    return list(ctx.db[Prize])


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(crowd) as made:
        with made.write() as tx:
            tx[User].insert_many(
                [
                    User(n, n // (COUNT - 2), n, None if n < 3 else "red", ANN)
                    for n in range(COUNT)
                ]
            )
            tx[Prize].insert_many([Prize(n, n % 2) for n in range(4)])
        yield made


def limit_for(db: qsdb.Database, query: str, **params: object) -> int:
    """Give how many rows a query of a stranger is taken to look at."""
    least, most = 0, 1_000_000
    while least < most:
        limit = (least + most) // 2
        db.sql("SET row_limit = :n", {"n": limit})
        try:
            db.sql(query, params, sender=ANN)
        except QueryError:
            least = limit + 1
        else:
            most = limit
    return least


@pytest.mark.parametrize(
    ("where", "rows"),
    [
        ("k = 0", COUNT - 2),
        ("k = 1", 2),
        ("k = 7", 0),
        ("k IN (1, 1, 7)", 2),
        ("k IN (0, 1)", COUNT),
        ("k = 0 AND level < 10", 10),
        ("k = 0 AND level >= 10 AND level < 12", 2),
        ("k = 0 AND level > 10", COUNT - 13),
        ("k = 0 AND level = 5", 1),
        ("k > 0", 2),
        ("team = 'red'", COUNT - 3),
        ("team = 'blue'", 0),
        ("id IN (1, 2, 9999)", 2),
        ("owner = :sender", COUNT),
        ("level < 10", COUNT),
    ],
)
def test_what_an_index_knows_is_counted(
    db: qsdb.Database, where: str, rows: int
) -> None:
    assert limit_for(db, f"SELECT * FROM user WHERE {where}") == rows


def test_parameters_are_known_too(db: qsdb.Database) -> None:
    query = "SELECT * FROM user WHERE k = :k AND level < :most"
    assert limit_for(db, query, k=0, most=20) == 20
    assert limit_for(db, query, k=1, most=20) == 0
    query = "SELECT * FROM user WHERE team = :team"
    assert limit_for(db, query, team="red") == COUNT - 3


def test_what_is_absent_finds_nothing(db: qsdb.Database) -> None:
    query = "SELECT * FROM user WHERE team = NULLIF(LOWER('RED'), {!r})"
    assert limit_for(db, query.format("red")) == 0
    assert limit_for(db, query.format("blue")) == COUNT - 3


def test_parts_and_joins_are_counted_as_far_as_they_are_known(
    db: qsdb.Database,
) -> None:
    counted = "SELECT COUNT(*) AS n FROM user WHERE k = 0 AND level > 0 AND id <> 3"
    assert limit_for(db, counted) == COUNT - 3
    union = "SELECT id FROM user WHERE k = 1 UNION SELECT id FROM user WHERE k = 7"
    assert limit_for(db, union) == 2
    join = "SELECT p.* FROM user u JOIN prize p ON p.k = u.k WHERE u.id = 1"
    assert limit_for(db, join) == 1 + 2  # of four prizes the root
    exists = (
        "SELECT COUNT(*) AS n FROM user WHERE k = 1 AND EXISTS (SELECT 1 FROM prize)"
    )
    assert limit_for(db, exists) == 2 + 4
    assert limit_for(db, "SELECT * FROM prizes") == 1


def test_subscriptions_are_counted_alike(db: qsdb.Database) -> None:
    query = "SELECT * FROM user WHERE k = :k"
    db.sql("SET row_limit = 100")
    with db.connect(ANN) as conn:
        conn.subscribe(query, params={"k": 1})
        assert len(conn.db[User]) == 2
        with pytest.raises(QueryError, match="looks at some 398 rows"):
            conn.subscribe(query, params={"k": 0})
