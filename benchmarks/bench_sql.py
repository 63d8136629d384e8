"""How fast does SQL find rows: one by its key, many by looking at all, and by a join?

Each run loads players and guilds anew and asks each question several times, with other
parameters each time; both engines have prepared the statement before. In qsdb each row
is an object with all columns, sqlite3 gives tuples of them; one column of what is found
is summed. The floor is what one would write by hand: a dict for the key, a list
comprehension for the filter, lists of rows by guild for the join.

* A point is asked outside of transactions, ``db.sql`` against one statement of sqlite3,
  and in a transaction.
* A filter looks at all rows, since no index helps it: it finds a tenth of them, or a
  few, or counts them; it compares whole numbers, or floats, or works something out.
* The join begins with the guilds of a region, and finds their players by an index.

Not measured: preparing, which takes qsdb some milliseconds; joins without an index;
queries beside a writer, when old rows must be looked for; conditions of many terms.
"""

import random
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import qsdb
from benchmarks.harness import Contender, Cost, Question, Speed, Task, require
from benchmarks.program import Benchmark, Sizes, make_parser, run
from qsdb import f64, i64, u32, u64

game = qsdb.Module("game")


class Guild(qsdb.Row, module=game):
    """A guild."""

    id: u32 = qsdb.primary_key()
    region: u32 = qsdb.index("hash")


class Player(qsdb.Row, module=game):
    """A player; its level and score have no index."""

    id: u64 = qsdb.primary_key()
    guild: u32 = qsdb.index("hash")
    level: u32
    score: i64
    name: str
    speed: f64


SEED = 7
LEVELS = 1_000
MEMBERS = 20
"""Players of each guild."""
REGION_GUILDS = 10
"""Guilds of each region."""

RawGuild = tuple[int, int]
RawPlayer = tuple[int, int, int, int, str, float]
Execute = Callable[[int], int]
"""Asks once, with a parameter; gives the sum of what is found."""


@dataclass(frozen=True)
class Asking:
    """What is asked.

    Attributes:
        statement: Of qsdb, with the parameter ``:n``.
        peer: The same for sqlite3.
        place: Of the column to be summed, among those that are selected.
        column: Its name.
        players: How many players there are.
        values: The parameter, one time after the other.
        floor: Makes the function that stands for the floor.
    """

    statement: str
    peer: str
    place: int
    column: str
    players: int
    values: tuple[int, ...]
    floor: Callable[[list[RawPlayer]], Execute]


def raw_guilds(players: int) -> list[RawGuild]:
    """Give the guilds of so many players."""
    return [(n, n // REGION_GUILDS) for n in range(max(players // MEMBERS, 1))]


def raw_players(count: int) -> list[RawPlayer]:
    """Give players of all levels, spread over the guilds."""
    draw = random.Random(SEED).randrange
    guilds = max(count // MEMBERS, 1)
    return [
        (n, draw(guilds), draw(LEVELS), draw(1_000_000), f"player {n}", draw(999) / 7)
        for n in range(count)
    ]


def load_qsdb(players: int) -> qsdb.Database:
    """Open a database with players and guilds."""
    db = qsdb.Database(game, seed=1)
    with db.write() as tx:
        tx[Guild].insert_many(Guild(*raw) for raw in raw_guilds(players))
        tx[Player].insert_many(Player(*raw) for raw in raw_players(players))
    return db


def load_sqlite(players: int) -> sqlite3.Connection:
    """Open sqlite3 in memory with the same rows and indexes."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute(
        "CREATE TABLE guild (id INTEGER PRIMARY KEY, region INTEGER NOT NULL)"
    )
    connection.execute(
        "CREATE TABLE player (id INTEGER PRIMARY KEY, guild INTEGER NOT NULL, "
        "level INTEGER NOT NULL, score INTEGER NOT NULL, name TEXT NOT NULL, "
        "speed REAL NOT NULL)"
    )
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO guild VALUES (?, ?)", raw_guilds(players))
    insert = "INSERT INTO player VALUES (?, ?, ?, ?, ?, ?)"
    connection.executemany(insert, raw_players(players))
    connection.execute("CREATE INDEX by_region ON guild (region)")
    connection.execute("CREATE INDEX by_guild ON player (guild)")
    connection.execute("COMMIT")
    return connection


def outside(asking: Asking) -> Task[int]:
    """Ask qsdb with ``db.sql``."""
    db = load_qsdb(asking.players)
    statement, column = asking.statement, asking.column
    db.sql(statement, {"n": 0})
    sql = db.sql

    def work() -> int:
        total = 0
        for value in asking.values:
            for row in sql(statement, {"n": value}):
                total += getattr(row, column)
        return total

    def verify(total: int) -> int:
        require(db.offset == 2, "asking made a commit")
        require(db.stats().pins == 0, "a read transaction was left open")
        return total

    return Task(work, verify, db.close)


def inside(asking: Asking) -> Task[int]:
    """Ask qsdb in one read transaction."""
    db = load_qsdb(asking.players)
    statement, column = asking.statement, asking.column
    db.sql(statement, {"n": 0})

    def work() -> int:
        total = 0
        with db.read() as tx:
            for value in asking.values:
                for row in tx.sql(statement, {"n": value}):
                    total += getattr(row, column)
        return total

    return Task(work, int, db.close)


def in_sqlite(asking: Asking) -> Task[int]:
    """Ask sqlite3, each time by itself; the module keeps the statement prepared."""
    connection = load_sqlite(asking.players)
    statement, place = asking.peer, asking.place
    execute = connection.cursor().execute
    execute(statement, (0,))

    def work() -> int:
        total = 0
        for value in asking.values:
            for row in execute(statement, (value,)):
                total += row[place]
        return total

    return Task(work, int, connection.close)


def by_hand(asking: Asking) -> Task[int]:
    """Ask what was written by hand."""
    ask = asking.floor(raw_players(asking.players))
    return Task(lambda: sum([ask(value) for value in asking.values]), int)


def point_by_hand(players: list[RawPlayer]) -> Execute:
    """Look up in a dict."""
    rows = {raw[0]: raw for raw in players}
    return lambda key: rows[key][3]


def filter_by_hand(players: list[RawPlayer]) -> Execute:
    """Go through a list."""
    return lambda low: sum([row[3] for row in players if row[2] >= low and row[3] >= 0])


def count_by_hand(players: list[RawPlayer]) -> Execute:
    """Go through a list, and count."""
    return lambda low: len([1 for row in players if row[2] >= low and row[3] >= 0])


def float_by_hand(players: list[RawPlayer]) -> Execute:
    """Go through a list."""
    return lambda low: sum([row[3] for row in players if row[5] < low])


def remainder_by_hand(players: list[RawPlayer]) -> Execute:
    """Go through a list, and calculate."""
    return lambda low: sum([row[3] for row in players if (row[2] + 1) % 100 == low])


def join_by_hand(players: list[RawPlayer]) -> Execute:
    """Look up guilds, then their players."""
    guilds: dict[int, list[int]] = {}
    for number, region in raw_guilds(len(players)):
        guilds.setdefault(region, []).append(number)
    members: dict[int, list[RawPlayer]] = {}
    for row in players:
        members.setdefault(row[1], []).append(row)
    return lambda region: sum(
        [row[3] for guild in guilds[region] for row in members.get(guild, ())]
    )


def asked(where: str, columns: str = "*", tables: str = "player") -> tuple[str, str]:
    """Give a statement for qsdb and for sqlite3."""
    statement = f"SELECT {columns} FROM {tables} WHERE {where}"
    return statement, statement.replace(":n", "?")


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask for points, filters, and a join."""
    players, draw = sizes["players"], random.Random(SEED + 2).randrange
    keys = tuple([draw(players) for _ in range(sizes["points"])])
    point = Asking(*asked("id = :n"), 3, "score", players, keys, point_by_hand)
    yield question(
        f"SQL, a row by primary key, of {players:,}",
        point,
        len(keys),
        [Speed("qsdb", 0.5, "sqlite3")],
    )
    condition = "level >= :n AND score >= 0"
    times = sizes["scans"]
    for title, low, place in (("a tenth found", 900, 3), ("few found", 999, 3)):
        values = (low,) * times
        asking = Asking(
            *asked(condition), place, "score", players, values, filter_by_hand
        )
        yield question(
            f"SQL, all of {players:,} rows looked at, {title}",
            asking,
            players * times,
            [Cost("qsdb", 2.0, "sqlite3")],
        )
    for title, text, given, by_hand_of in (
        ("by floats", "speed < :n", 14, float_by_hand),
        ("by a calculation", "(level + 1) % 100 = :n", 7, remainder_by_hand),
    ):
        asking = Asking(*asked(text), 3, "score", players, (given,) * times, by_hand_of)
        yield question(
            f"SQL, all of {players:,} rows looked at, {title}",
            asking,
            players * times,
            [Cost("qsdb", 2.0, "sqlite3")],
        )
    counted = asked(condition, "COUNT(*) AS hits")
    counting = Asking(*counted, 0, "hits", players, (500,) * times, count_by_hand)
    yield question(
        f"SQL, all of {players:,} rows looked at and counted",
        counting,
        players * times,
        [Cost("qsdb", 2.0, "sqlite3")],
    )
    regions = len({region for _, region in raw_guilds(players)})
    values = tuple([draw(regions) for _ in range(sizes["joins"])])
    join = asked("g.region = :n", "p.*", "player p JOIN guild g ON p.guild = g.id")
    found = sum(
        values.count(guild // REGION_GUILDS) for _, guild, *_ in raw_players(players)
    )
    yield question(
        f"SQL, a join by indexes, {REGION_GUILDS} guilds of {MEMBERS} players",
        Asking(*join, 3, "score", players, values, join_by_hand),
        max(found, 1),
        [Cost("qsdb", 2.0, "sqlite3")],
    )


def question(
    title: str, asking: Asking, count: int, targets: list[Speed | Cost]
) -> Question:
    """Ask everybody."""
    return Question(
        title,
        [
            Contender("qsdb", lambda: outside(asking), count),
            Contender("qsdb in a transaction", lambda: inside(asking), count),
            Contender("sqlite3", lambda: in_sqlite(asking), count, "peer"),
            Contender("by hand", lambda: by_hand(asking), count, "floor"),
        ],
        targets,
    )


SQL = Benchmark(
    "bench_sql",
    __doc__,
    full={"players": 100_000, "points": 50_000, "scans": 5, "joins": 200},
    small={"players": 200, "points": 50, "scans": 2, "joins": 5},
    questions=questions,
    seed=SEED,
)


def main() -> None:
    """Run as a program."""
    run(SQL, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
