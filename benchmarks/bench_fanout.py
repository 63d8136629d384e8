"""How long does a commit take until all who listen to its row have been told?

One writer, and from one to a thousand who listen, all of them to the row that changes:

* *by key*: all ask for the same row.
* *by range*: each asks for a range of its own, read by a btree.
* *by join*: each asks for the things of a room from a value of its own on.

The clock runs from the first commit to the last callback; figures are for one commit.
The peer is what one would do without live queries: sqlite3 asks all the queries again
after each commit, and looks whether the result is another. Afterwards what each
listener was told must add up to what its query gives.

Not measured: a network (bench_server); listeners whom a commit does not concern
(bench_live); pydbsp, which keeps results current too, but needs Python 3.12.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator
from functools import partial

import qsdb
from benchmarks.harness import Contender, Point, Question, Task, require
from benchmarks.program import Benchmark, Sizes, make_parser, run
from qsdb import u64

SPACING = 10_000
"""Values of things lie so far apart, and one moves in between."""
CHANGED = 5
THINGS_EACH = 10

hall = qsdb.Module("hall")


class Room(qsdb.Row, module=hall):
    """Has ten things."""

    id: u64 = qsdb.primary_key()
    kind: u64


class Thing(qsdb.Row, module=hall):
    """One of them changes its value again and again."""

    id: u64 = qsdb.primary_key()
    room: u64 = qsdb.index()
    value: u64 = qsdb.index()


Raw = tuple[int, int, int]

QUERIES = {
    "key": "SELECT * FROM thing WHERE id = :id",
    "range": "SELECT * FROM thing WHERE value >= :low AND value < :high",
    "join": (
        "SELECT t.* FROM thing t JOIN room r ON t.room = r.id "
        "WHERE r.id = 0 AND t.value >= :low"
    ),
}


def parameters(kind: str, number: int) -> dict[str, int]:
    """Give what one listener asks for: the row that changes is always in it."""
    low = CHANGED * SPACING - number
    every = {"id": CHANGED, "low": low, "high": (CHANGED + 1) * SPACING + number}
    return {name: every[name] for name in every if f":{name}" in QUERIES[kind]}


def raw_things(count: int) -> list[Raw]:
    """Give the things that are there at first."""
    return [(n, n // THINGS_EACH, n * SPACING) for n in range(count)]


def new_values(commits: int) -> list[int]:
    """Give the values that the thing has, one after the other."""
    return [CHANGED * SPACING + 1 + number % (SPACING - 2) for number in range(commits)]


class Listener:
    """Adds up what it is told."""

    def __init__(self, initial: list[Thing]) -> None:
        self.rows = Counter(initial)
        self.updates = 0

    def __call__(self, update: qsdb.Update) -> None:
        self.updates += 1
        self.rows.update(update.inserts)
        self.rows.subtract(update.deletes)


def be_told(kind: str, things: int, listeners: int, commits: int) -> Task[None]:
    """Commit beside live queries."""
    db = qsdb.Database(hall, seed=1)
    with db.write() as tx:
        tx[Room].insert_many([Room(n, 1) for n in range(things // THINGS_EACH)])
        tx[Thing].insert_many([Thing(*raw) for raw in raw_things(things)])
    told = []
    for number in range(listeners):
        given = parameters(kind, number)
        listener = Listener([*db.sql(QUERIES[kind], given)])
        db.subscribe(QUERIES[kind], listener, given)
        told.append(listener)
    rows = [Thing(CHANGED, 0, value) for value in new_values(commits)]

    def work() -> None:
        for row in rows:
            with db.write() as tx:
                tx[Thing].update(row)

    def verify(_: None) -> int:
        for number, listener in enumerate(told):
            require(listener.updates == commits, f"{listener.updates} updates")
            now = Counter(db.sql(QUERIES[kind], parameters(kind, number)))
            require(+listener.rows == now, f"listener {number} has other rows")
        return commits

    return Task(work, verify, db.close)


def ask_again(kind: str, things: int, listeners: int, commits: int) -> Task[int]:
    """Ask sqlite3 all queries after each commit."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(
        "CREATE TABLE room (id INTEGER PRIMARY KEY, kind INTEGER);"
        "CREATE TABLE thing (id INTEGER PRIMARY KEY, room INTEGER, value INTEGER);"
        "CREATE INDEX by_room ON thing (room);"
        "CREATE INDEX by_value ON thing (value);"
    )
    rooms = [(n, 1) for n in range(things // THINGS_EACH)]
    connection.executemany("INSERT INTO room VALUES (?, ?)", rooms)
    insert = "INSERT INTO thing VALUES (?, ?, ?)"
    connection.executemany(insert, raw_things(things))
    text, values = QUERIES[kind], new_values(commits)
    asked = [parameters(kind, number) for number in range(listeners)]

    def work() -> int:
        execute = connection.cursor().execute
        update = "UPDATE thing SET value = ? WHERE id = ?"
        results = [execute(text, each).fetchall() for each in asked]
        changed = 0
        for value in values:
            execute(update, (value, CHANGED))
            for number, each in enumerate(asked):
                found = execute(text, each).fetchall()
                if found != results[number]:
                    results[number] = found
                    changed += 1
        return changed

    def verify(changed: int) -> int:
        require(changed == listeners * commits, f"{changed} changes were seen")
        return commits

    return Task(work, verify, connection.close)


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask for each kind of query, with more and more who listen."""
    commits, things = sizes["commits"], sizes["things"]
    counts = [n for n in (1, 10, 100, 1_000) if n <= sizes["listeners"]]
    for kind in QUERIES:
        contenders = []
        for count in counts:
            live = partial(be_told, kind, things, count, commits)
            again = partial(ask_again, kind, things, count, commits)
            told, name = Point("qsdb", count), f"qsdb, {count:,} listen"
            contenders.append(Contender(name, live, commits, point=told))
            name = f"sqlite3, {count:,} ask again"
            point = Point("sqlite3 asked again", count)
            contenders.append(Contender(name, again, commits, "peer", point))
        yield Question(
            f"fan-out of a query by {kind}, by listeners",
            contenders,
            left_out=["pydbsp (needs Python 3.12)"],
        )


FANOUT = Benchmark(
    "bench_fanout",
    __doc__,
    full={"things": 10_000, "listeners": 1_000, "commits": 200},
    small={"things": 100, "listeners": 10, "commits": 10},
    questions=questions,
)


def main() -> None:
    """Run as a program."""
    run(FANOUT, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
