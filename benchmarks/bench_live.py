"""What do live queries cost: each commit, memory, and beside asking anew?

1. *A commit beside many who listen*, each to a room of its own: ``SELECT * FROM
   message WHERE room = :room``. A commit changes one message, so one of them is told.
   Who listens to the room of each commit alone is the peer, nobody the floor.
2. *Memory for each of them*, by `tracemalloc`, first results included.
3. *One row of a join that changes* where the other way is to ask again: ``entry JOIN
   account``, a million entries, all of which are in the result.
4. *Many who ask the same*: the query is looked at once for each commit, and told to
   all.

5. *NOT EXISTS*: of many players one joins a guild or leaves it, while somebody listens
   to those who are free. The peer is sqlite3 in memory, asked again.

6. *Many that fit one key*: many persons are of one crowd, in which many are seen; one
   more is seen, and no more, while somebody listens to those who have company, or to
   the crowd with all who are seen. One row of the results changes, or none.

Not measured: connections and their caches; the first result of a join; commits of
many rows; what is told only when it is on the disk.
"""

import gc
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import qsdb
from benchmarks.harness import (
    MICROSECONDS,
    Contender,
    Cost,
    Outcome,
    Question,
    Target,
    Task,
    Unit,
    Within,
    require,
)
from benchmarks.program import Benchmark, Sizes, make_parser, run
from qsdb import u64

chat = qsdb.Module("chat")


class Message(qsdb.Row, module=chat):
    """A line in a room."""

    id: u64 = qsdb.primary_key()
    room: u64 = qsdb.index()
    text: str


ledger = qsdb.Module("ledger")


class Account(qsdb.Row, module=ledger):
    """Few, and all of one kind."""

    id: u64 = qsdb.primary_key()
    kind: u64


class Entry(qsdb.Row, module=ledger):
    """Many for each account."""

    id: u64 = qsdb.primary_key()
    account: u64 = qsdb.index("hash")
    amount: u64


ROOM = "SELECT * FROM message WHERE room = :room"
JOIN = "SELECT e.* FROM entry e JOIN account a ON e.account = a.id WHERE a.kind = 1"
ACCOUNTS = 1000

SUBSCRIPTION_BYTES = Unit("bytes each", 1)


@dataclass(frozen=True)
class Each(Target):
    """To need at most `bound` bytes for each."""

    def value(self, outcome: Outcome) -> float:
        return outcome.series(self.subject).median

    @property
    def text(self) -> str:
        return f"target ≤ {self.bound:g} bytes each"


class Told:
    """Counts what it is told."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, *_: object) -> None:
        self.count += 1


def open_chat(rooms: int) -> qsdb.Database:
    """Open a database with one message in each room."""
    db = qsdb.Database(chat, seed=1)
    with db.write() as tx:
        tx[Message].insert_many([Message(n, n, "first") for n in range(rooms)])
    return db


def commit_beside(
    rooms: int, commits: int, listeners: int, rooms_used: int, told_each: int
) -> Task[Told]:
    """Change messages one by one.

    Args:
        rooms: How many there are.
        commits: How many messages are changed.
        listeners: How many listen, room by room.
        rooms_used: How many of the first rooms the changes are in.
        told_each: How many are told of a commit.
    """
    db, told = open_chat(rooms), Told()
    for number in range(listeners):
        db.subscribe(ROOM, told, {"room": number % rooms_used})

    def work() -> Told:
        for number in range(commits):
            key = number % rooms_used
            with db.write() as tx:
                tx[Message].update(Message(key, key, f"text {number}"))
        return told

    def verify(found: Told) -> object:
        require(found.count == commits * told_each, f"{found.count} were told")
        looked_at = db.stats().evaluations
        expected = commits if listeners else 0
        require(looked_at == expected, f"{looked_at} queries were looked at")
        db.check()
        return db.offset

    return Task(work, verify, db.close)


def subscribe_all(rooms: int, *, by_text: bool = False) -> Task[int]:
    """Have one listen in each room, and give how much memory that takes.

    Args:
        rooms: How many there are.
        by_text: Whether the room stands in the text, so that each is another one.
    """
    db, told = open_chat(rooms), Told()
    db.subscribe(ROOM, told, {"room": 0})  # what all of them share is there

    def work() -> int:
        gc.collect()
        tracemalloc.start()
        try:
            for number in range(1, rooms):
                if by_text:
                    db.subscribe(ROOM.replace(":room", f"{number}"), told)
                else:
                    db.subscribe(ROOM, told, {"room": number})
            gc.collect()
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    def verify(_: int) -> object:
        live = db.stats().live_queries
        require(live == rooms, f"{live} live queries, not {rooms}")
        return live

    return Task(work, verify, db.close)


def open_ledger(entries: int) -> qsdb.Database:
    """Open a database with many entries of few accounts."""
    db = qsdb.Database(ledger, seed=1)
    with db.write() as tx:
        tx[Account].insert_many([Account(n, 1) for n in range(ACCOUNTS)])
        tx[Entry].insert_many([Entry(n, n % ACCOUNTS, n) for n in range(entries)])
    return db


def change_entries(db: qsdb.Database, changes: int, first: int = 0) -> None:
    """Change entries one by one."""
    for number in range(first, changes):
        with db.write() as tx:
            tx[Entry].update(Entry(number, (number + 1) % ACCOUNTS, number + 1))


Totals = tuple[int, int]


def keep_current(entries: int, changes: int) -> Task[Callable[[], Totals]]:
    """Change entries while somebody listens to the join."""
    db = open_ledger(entries)
    query = db.subscribe(JOIN)
    change_entries(db, 1)  # the first has the result counted

    def totals() -> Totals:
        return len(query.rows), sum([row.account for row in query.rows])

    def work() -> Callable[[], Totals]:
        change_entries(db, changes + 1, 1)
        return totals

    return Task(work, lambda found: found(), db.close)


def ask_again(entries: int, changes: int) -> Task[list[Entry]]:
    """Ask for the join after the same changes."""
    db = open_ledger(entries)
    change_entries(db, changes + 1)

    def work() -> list[Entry]:
        return [*db.sql(JOIN)]

    def verify(rows: list[Entry]) -> Totals:
        return len(rows), sum([row.account for row in rows])

    return Task(work, verify, db.close)


guilds = qsdb.Module("guilds")


class Player(qsdb.Row, module=guilds):
    """Many."""

    id: u64 = qsdb.primary_key()


class Member(qsdb.Row, module=guilds):
    """A player who has a guild."""

    player: u64 = qsdb.primary_key()


FREE = "SELECT id FROM player AS p WHERE NOT EXISTS "
FREE += "(SELECT 1 FROM member AS m WHERE m.player = p.id)"


def join_and_leave(players: int, commits: int, *, has_listener: bool) -> Task[int]:
    """Have players join one after the other, and each third one leave at once."""
    db = qsdb.Database(guilds, seed=1)
    with db.write() as tx:
        tx[Player].insert_many([Player(n) for n in range(players)])
    query = db.subscribe(FREE) if has_listener else None
    with db.write() as tx:  # the first has the query compiled
        tx[Member].insert(Member(players))

    def work() -> int:
        key = -1
        for number in range(commits):
            with db.write() as tx:
                if number % 3 == 2:
                    tx[Member].delete_by_key(key)
                else:
                    key = number % players
                    tx[Member].insert(Member(key))
        return commits

    def verify(_: int) -> object:
        found = db.sql(FREE).rows
        if query is not None:
            kept = sorted([row.id for row in query.rows])
            require(kept == sorted([row.id for row in found]), "it is told wrongly")
        return sorted([(row.id,) for row in found])

    return Task(work, verify, db.close)


def free_in_sqlite(players: int, commits: int, times: int) -> Task[list[tuple[int]]]:
    """Have sqlite3 say who is free after the same changes."""
    gone = [number for number in range(commits) if number % 3 == 1]
    gone = [number for number in gone if number + 1 < commits]
    there = {n % players for n in range(commits) if n % 3 != 2} - {*gone}
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE player (id INTEGER PRIMARY KEY)")
    db.execute("CREATE TABLE member (player INTEGER PRIMARY KEY)")
    db.executemany("INSERT INTO player VALUES (?)", [(n,) for n in range(players)])
    db.executemany("INSERT INTO member VALUES (?)", [(n,) for n in there])

    def work() -> list[tuple[int]]:
        found: list[tuple[int]] = []
        for _ in range(times):
            found = db.execute(FREE).fetchall()
        return found

    return Task(work, sorted, db.close)


def absence(sizes: Sizes) -> Question:
    """Ask what a commit costs that gives one of many a partner, or takes it."""
    players, commits = sizes["players"], sizes["commits"]
    join = partial(join_and_leave, players, commits)
    again = partial(free_in_sqlite, players, commits, 3)
    return Question(
        f"NOT EXISTS of {players:,} rows, with the commit",
        [
            Contender("listened to", partial(join, has_listener=True), commits),
            Contender("sqlite3 asked again", again, 3, "peer"),
            Contender(
                "nobody listens", partial(join, has_listener=False), commits, "floor"
            ),
        ],
        [Within("listened to", 25, 1e-6, "us")],
        MICROSECONDS,
    )


crowds = qsdb.Module("crowds")


class Crowd(qsdb.Row, module=crowds):
    """There is one."""

    id: u64 = qsdb.primary_key()


class Person(qsdb.Row, module=crowds):
    """Many, of one crowd."""

    id: u64 = qsdb.primary_key()
    crowd: u64 = qsdb.index()


class Seen(qsdb.Row, module=crowds):
    """Somebody of a crowd who is seen."""

    id: u64 = qsdb.primary_key()
    crowd: u64 = qsdb.index()


COMPANY = "SELECT * FROM person p WHERE EXISTS "
COMPANY += "(SELECT 1 FROM seen s WHERE s.crowd = p.crowd)"
WHOLE = "SELECT c.id AS crowd, s.id AS seen FROM crowd c "
WHOLE += "LEFT JOIN seen s ON s.crowd = c.id"


def come_and_go(persons: int, commits: int, text: str | None) -> Task[int]:
    """Have somebody be seen, and no more, while somebody listens to a query."""
    db = qsdb.Database(crowds, seed=1)
    with db.write() as tx:
        tx[Crowd].insert(Crowd(1))
        tx[Person].insert_many([Person(n, 1) for n in range(persons)])
        tx[Seen].insert_many([Seen(n, 1) for n in range(persons)])
    query = None if text is None else db.subscribe(text)
    with db.write() as tx:  # the first has the query compiled
        tx[Seen].insert(Seen(persons, 1))

    def work() -> int:
        for number in range(commits):
            with db.write() as tx:
                if number % 2:
                    tx[Seen].delete_by_key(persons + 1)
                else:
                    tx[Seen].insert(Seen(persons + 1, 1))
        return commits

    def verify(done: int) -> object:
        if query is not None and text is not None:
            found = sorted(map(tuple, db.sql(text).rows))
            require(sorted(map(tuple, query.rows)) == found, "it is told wrongly")
        return done

    return Task(work, verify, db.close)


def crowd(sizes: Sizes) -> Iterator[Question]:
    """Ask what a commit costs where many rows fit the one that changes."""
    persons, commits = sizes["persons"], sizes["commits"]
    for name, text in (("EXISTS", COMPANY), ("LEFT JOIN", WHOLE)):
        yield Question(
            f"{name} where {persons:,} rows fit one key, with the commit",
            [
                Contender(
                    "listened to", partial(come_and_go, persons, commits, text), commits
                ),
                Contender(
                    "nobody listens",
                    partial(come_and_go, persons, commits, None),
                    commits,
                    "floor",
                ),
            ],
            [Within("listened to", 100, 1e-6, "us")],
            MICROSECONDS,
        )


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask for commits, memory, the join and the shared query."""
    rooms, commits = sizes["subscriptions"], sizes["commits"]
    texts = sizes["texts"]
    beside = partial(commit_beside, rooms, commits)
    many, one = f"{rooms:,} listen", "1 listens"
    yield Question(
        "a commit beside live queries of other rooms",
        [
            Contender(many, lambda: beside(rooms, rooms, 1), commits),
            Contender(one, lambda: beside(1, 1, 1), commits, "peer"),
            Contender("nobody listens", lambda: beside(0, 1, 0), commits, "floor"),
        ],
        [Cost(many, 1.3, one)],
    )
    for what, count, by_text in (
        ("memory of a live query", rooms, False),
        ("the same, where the room stands in each text", texts, True),
    ):
        yield Question(
            what,
            [
                Contender(
                    "qsdb", partial(subscribe_all, count, by_text=by_text), count - 1
                )
            ],
            [Each("qsdb", 1536)],
            SUBSCRIPTION_BYTES,
            reading=lambda _, found: float(found),
        )
    entries, changes = sizes["entries"], sizes["changes"]
    yield Question(
        f"one row of a join with {entries:,} rows changes",
        [
            Contender("kept current", lambda: keep_current(entries, changes), changes),
            Contender("asked again", lambda: ask_again(entries, changes), 1, "peer"),
        ],
        [Cost("kept current", 1e-4, "asked again")],
    )
    same = sizes["sharing"]
    yield Question(
        "a commit beside many who ask the same",
        [
            Contender(f"{same:,} listen", lambda: beside(same, 1, same), commits),
            Contender(one, lambda: beside(1, 1, 1), commits, "peer"),
        ],
        unit=MICROSECONDS,
    )
    yield absence(sizes)
    yield from crowd(sizes)


LIVE = Benchmark(
    "bench_live",
    __doc__,
    full={
        "subscriptions": 100_000,
        "texts": 10_000,
        "commits": 5_000,
        "entries": 1_000_000,
        "changes": 2_000,
        "sharing": 1_000,
        "players": 100_000,
        "persons": 10_000,
    },
    small={
        "subscriptions": 50,
        "texts": 20,
        "commits": 20,
        "entries": 2_000,
        "changes": 10,
        "sharing": 10,
        "players": 30,
        "persons": 30,
    },
    questions=questions,
)


def main() -> None:
    """Run as a program."""
    run(LIVE, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
