"""The first rows of a range are those of the whole, in each sort of transaction."""

import itertools
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import qsdb
from qsdb import u8, u32

games = qsdb.Module("games")


class Score(
    qsdb.Row, module=games, public=True, indexes=[qsdb.BTree("team", "points")]
):
    id: u32 = qsdb.primary_key(auto_inc=True)
    team: u8
    points: u32 = qsdb.index()


@games.view(public=True)
def best_three(ctx: qsdb.AnonymousViewContext) -> list[Score]:
    return [*ctx.db[Score].points.range(reverse=True, limit=3)]


@pytest.fixture
def db() -> Iterator[qsdb.Database]:
    with qsdb.Database(games, seed=1) as made:
        with made.write() as tx:
            tx[Score].insert_many(
                [Score(number % 5, number * 37 % 101) for number in range(200)]
            )
        yield made
        made.check()


def change(tx: Any) -> None:
    """Have rows come, go and move."""
    scores = tx[Score]
    for row in [*scores]:
        if row.id % 7 == 0:
            scores.delete(row)
        elif row.id % 11 == 0:
            scores.update(row.replace(points=(row.points * 13 + 5) % 101))
    scores.insert_many([Score(number % 5, number * 53 % 101) for number in range(60)])


@contextmanager
def writing(db: qsdb.Database) -> Iterator[Any]:
    with db.write() as tx:
        change(tx)
        yield tx[Score]


@contextmanager
def reading(db: qsdb.Database) -> Iterator[Any]:
    with db.read() as tx:
        yield tx[Score]


@contextmanager
def reading_before(db: qsdb.Database) -> Iterator[Any]:
    with db.read() as tx:
        scores = tx[Score]
        with db.write() as other:
            change(other)
        yield scores


@contextmanager
def beside(db: qsdb.Database) -> Iterator[Any]:
    with db.optimistic() as tx:
        change(tx)
        yield tx[Score]


@contextmanager
def cached(db: qsdb.Database) -> Iterator[Any]:
    with db.connect() as connection:
        connection.subscribe("SELECT * FROM score")
        yield connection.db[Score]


SORTS: dict[str, Callable[[qsdb.Database], Any]] = {
    each.__name__: each for each in (writing, reading, reading_before, beside, cached)
}

RANGES: list[tuple[str, dict[str, Any]]] = [
    ("points", {}),
    ("points", {"lo": 20}),
    ("points", {"hi": 60, "include": (True, True)}),
    ("points", {"lo": 20, "hi": 60, "include": (False, False)}),
    ("points", {"lo": 60, "hi": 20}),
    ("team_points", {"lo": (2,), "hi": (2,), "include": (True, True)}),
    ("team_points", {"lo": (1, 50), "hi": (3, 10)}),
]


@pytest.mark.parametrize("sort", SORTS)
def test_the_first_of_a_range_are_those_of_the_whole(
    db: qsdb.Database, sort: str
) -> None:
    with SORTS[sort](db) as scores:
        for (name, ends), reverse in itertools.product(RANGES, (False, True)):
            index = scores.index(name)
            whole = [*index.range(**ends, reverse=reverse)]
            for limit in (0, 1, 2, 3, 10, 64, len(whole), 1000, sys.maxsize, 1 << 99):
                found = [*index.range(**ends, reverse=reverse, limit=limit)]
                assert found == whole[:limit]
            assert [*index.range(**ends, reverse=reverse, limit=None)] == whole


@pytest.mark.parametrize("sort", SORTS)
@pytest.mark.parametrize("limit", [-1, True, 2.0, "3", 10.5])
def test_a_limit_that_is_no_number_of_rows_is_refused(
    db: qsdb.Database, sort: str, limit: Any
) -> None:
    with (
        SORTS[sort](db) as scores,
        pytest.raises(qsdb.ArgumentError, match=r"limit is an int from 0, or None"),
    ):
        scores.points.range(limit=limit)


@pytest.mark.parametrize("limit", [None, 0, 3, -1])
def test_the_end_of_the_transaction_is_told_first(
    db: qsdb.Database, limit: int | None
) -> None:
    with db.write() as tx:
        scores = tx[Score]
    with pytest.raises(qsdb.ClosedError):
        scores.points.range(limit=limit)


def test_what_is_found_stands(db: qsdb.Database) -> None:
    with db.write() as tx:
        scores = tx[Score]
        first = [*scores.points.range(limit=5)]
        found = scores.points.range(limit=5)
        scores.clear()

        assert [*found] == first
        assert [*scores.points.range(limit=5)] == []


def test_a_view_of_the_first_is_told_of_what_comes_before_them(
    db: qsdb.Database,
) -> None:
    told: list[list[int]] = []
    subscription = db.subscribe(
        "SELECT * FROM best_three",
        lambda _: told.append(sorted(row.points for row in subscription.rows)),
    )
    assert sorted(row.points for row in subscription.rows) == [99, 100, 100]
    with db.write() as tx:
        tx[Score].insert(Score(1, 500))
    with db.write() as tx:
        tx[Score].insert(Score(1, 3))

    assert told[-1][-1] == 500
    assert len(told) == 1
    subscription.close()


@pytest.mark.parametrize("points", [0, 90])
def test_a_limit_bounds_what_an_optimistic_transaction_depends_on(
    db: qsdb.Database, points: int
) -> None:
    tx = db.optimistic()
    least = [*tx[Score].points.range(lo=0, limit=4)]
    tx[Score].update(least[0].replace(team=9))
    with db.write() as other:
        other[Score].insert(Score(9, points))

    if points == 0:  # which would have been one of them
        with pytest.raises(qsdb.ConflictError):
            tx.commit()
    else:
        tx.commit()
