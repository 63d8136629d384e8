"""What does a commit cost beside a live query that keeps a state?

A reducer changes one row, again and again, while

1. nobody listens,
2. somebody listens to such a query of another table: that is to cost nothing,
3. somebody listens to the query, and is told of each change of its result.

What 3 costs more than 1 is what following a change costs, from the commit to the
callback: ``ORDER BY … LIMIT 20``, ``COUNT`` and ``SUM`` by group, ``MIN`` and ``MAX``
by group, ``NOT EXISTS``. The peer is sqlite3 in memory, which is asked again, on the
rows as they are in the end, with the index that helps it.

Not measured: filling the state when somebody begins to listen, which is O(rows);
several listeners; the network. `bench_states` has the states alone, and their memory.
"""

import sqlite3
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import Any

import qsdb
from benchmarks.harness import (
    Contender,
    Cost,
    Outcome,
    Question,
    Target,
    Task,
    require,
)
from benchmarks.program import Benchmark, Sizes, make_parser, run
from qsdb import i64, u64

SEED = 9
TEAMS = 1000
SCORES = 10**9

Rows = list[tuple[Any, ...]]
Changes = list[tuple[int, int]]
"""Which player, and the new score."""

arena = qsdb.Module("arena")


class Player(qsdb.Row, module=arena):
    """One player."""

    id: u64 = qsdb.primary_key()
    team: u64
    score: i64


class Ban(qsdb.Row, module=arena):
    """A player who may not play."""

    id: u64 = qsdb.primary_key()


class Elsewhere(qsdb.Row, module=arena):
    """A row of a table that nothing changes."""

    id: u64 = qsdb.primary_key()
    team: u64
    score: i64


class Nobody(qsdb.Row, module=arena):
    """Likewise; there is none."""

    id: u64 = qsdb.primary_key()


@arena.reducer
def score(ctx: qsdb.ReducerContext, player: u64, score: i64) -> None:
    """Give a player another score."""
    players = ctx.db[Player]
    row = players.get(player)
    if row is None:
        raise qsdb.ReducerError("there is no such player")
    players.update(row.replace(score=score))


@arena.reducer
def ban(ctx: qsdb.ReducerContext, player: u64, score: i64) -> None:  # noqa: ARG001
    """Ban a player, or no more."""
    bans = ctx.db[Ban]
    if not bans.delete_by_key(player):
        bans.insert(Ban(player))


@dataclass(frozen=True)
class Follow:
    """A query that is followed."""

    title: str
    text: str
    """With `player` for the table."""
    index: str
    """What sqlite3 is helped by."""
    reducer: Any
    bound: float
    """Microseconds that a change may take."""


BEST = Follow(
    "LIMIT 20",
    "SELECT id, score FROM player ORDER BY score DESC, id LIMIT 20",
    "player (score DESC, id)",
    score,
    15.0,
)
SUMMED = Follow(
    "COUNT, SUM by group",
    "SELECT team, count(*) AS n, sum(score) AS s FROM player GROUP BY team",
    "player (team, score)",
    score,
    10.0,
)
EXTREMES = Follow(
    "MIN, MAX by group",
    "SELECT team, min(score) AS a, max(score) AS b FROM player GROUP BY team",
    "player (team, score)",
    score,
    25.0,
)
FREE = Follow(
    "NOT EXISTS",
    "SELECT * FROM player WHERE NOT EXISTS "
    "(SELECT 1 FROM ban WHERE ban.id = player.id)",
    "player (team)",
    ban,
    25.0,
)


@dataclass(frozen=True)
class Beyond(Target):
    """To need at most `bound` microseconds more than another contender."""

    other: str

    def value(self, outcome: Outcome) -> float:
        """Give the difference of the medians."""
        mine, theirs = outcome.series(self.subject), outcome.series(self.other)
        return (mine.median - theirs.median) * 1e6

    @property
    def text(self) -> str:
        """The target in words."""
        return f"target ≤ {self.bound:g} us more than {self.other}"


def players(count: int) -> Rows:
    """Give players with random scores."""
    random = Random(SEED)
    return [(n, n % TEAMS, random.randrange(SCORES)) for n in range(count)]


def draw_changes(rows: int, count: int) -> Changes:
    """Draw players and their new scores."""
    random = Random(SEED + 1)
    return [(random.randrange(rows), random.randrange(SCORES)) for _ in range(count)]


def commits(
    follow: Follow, rows: Rows, changes: Changes, listens_to: str | None
) -> Task[None]:
    """Make commits beside a listener.

    Args:
        follow: What changes, and what the result in the end is asked by.
        rows: Those before.
        changes: What is done.
        listens_to: The query that somebody listens to.
    """
    db = qsdb.Database(arena, seed=SEED)
    with db.write() as tx:
        tx[Player].insert_many([Player(*row) for row in rows])
        tx[Elsewhere].insert_many([Elsewhere(*row) for row in rows[:TEAMS]])
    told: deque[qsdb.Update] = deque(maxlen=1)  # to keep all has a cost of its own
    live = None if listens_to is None else db.subscribe(listens_to, told.append)

    def work() -> None:
        call, reducer = db.call, follow.reducer
        for player, number in changes:
            call(reducer, player, number)

    def verify(_: None) -> Rows:
        found = sorted(map(tuple, db.sql(follow.text).rows))
        if live is not None and listens_to == follow.text:
            require(sorted(map(tuple, live.rows)) == found, "what is told is not there")
            require(told, "nothing was told")
        else:
            require(not told, "somebody was told of what does not concern them")
        return found

    return Task(work, verify, db.close)


def asked(follow: Follow, rows: Rows, changes: Changes, times: int) -> Task[Rows]:
    """Have sqlite3 answer the query some times."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE player (id INTEGER PRIMARY KEY, team INT, score INT)")
    db.execute("CREATE TABLE ban (id INTEGER PRIMARY KEY)")
    db.executemany("INSERT INTO player VALUES (?, ?, ?)", rows)
    db.execute(f"CREATE INDEX helping ON {follow.index}")
    banned: set[int] = set()
    for player, number in changes:
        if follow.reducer is ban:
            banned ^= {player}
        else:
            db.execute("UPDATE player SET score = ? WHERE id = ?", (number, player))
    db.executemany("INSERT INTO ban VALUES (?)", [(each,) for each in banned])

    def work() -> Rows:
        found: Rows = []
        for _ in range(times):
            found = db.execute(follow.text).fetchall()
        return found

    return Task(work, sorted, db.close)


def question(follow: Follow, count: int, sizes: Sizes) -> Question:
    """Ask what following a query costs."""
    rows, changes = players(count), draw_changes(count, sizes["changes"])
    elsewhere = follow.text.replace("player", "elsewhere").replace("ban", "nobody")
    ways = {"nobody listens": None, "of another table": elsewhere, "told": follow.text}
    times = sizes["asked"]
    return Question(
        f"{follow.title}, of {count:,} rows",
        [
            *[
                Contender(
                    name, partial(commits, follow, rows, changes, text), len(changes)
                )
                for name, text in ways.items()
            ],
            Contender(
                "sqlite3 asked again",
                partial(asked, follow, rows, changes, times),
                times,
                "peer",
            ),
        ],
        [
            Beyond("told", follow.bound, "nobody listens"),
            Cost("of another table", 1.05, "nobody listens"),
        ],
    )


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask for each operator."""
    yield question(BEST, sizes["rows"], sizes)
    yield question(SUMMED, sizes["rows_many"], sizes)
    yield question(EXTREMES, sizes["rows_many"], sizes)
    yield question(FREE, sizes["rows"], sizes)


KEPT = Benchmark(
    "bench_kept",
    __doc__,
    full={"rows": 100_000, "rows_many": 1_000_000, "changes": 20_000, "asked": 5},
    small={"rows": 50, "rows_many": 100, "changes": 50, "asked": 2},
    questions=questions,
    seed=SEED,
)


def main() -> None:
    """Run as a program."""
    run(KEPT, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
