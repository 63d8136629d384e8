"""How do costs grow: with rows, with live queries, with connections?

Each question asks for the same operation at sizes ten times one another, in qsdb and,
by rows, in sqlite3 and a dict; ``--plots`` of ``python -m benchmarks`` draws the
answers, with the exponent of n that fits. 0 is no growth, 1 is in proportion. A dict of
many rows grows too, since its rows lie outside the processor's caches.

* *By rows*: get and update by primary key, a transfer by reducer, insert and delete, a
  filter by a btree with ten hits, whose range is read.
* *By live queries*: a commit beside queries of other rooms, and one of its own.
* *By transfers*: the bytes that the log has for each, so that the length of the log of
  a day or of a year can be reckoned from how many there will be.
* *By connections*: a commit beside callers who listen to a row each, one of whom is
  told.

A table is loaded once for all rounds of its size, since loading ten million rows would
take longer than all that is asked; what is done leaves as many rows as there were.

All sizes are in memory at once; who has little memory asks ``--quick``.

Not measured: a first result; how long opening takes (bench_recovery).
"""

import argparse
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import qsdb
from benchmarks.bench_durability import (
    found_in,
    load_bank,
    make_transfers,
    new_folder,
    open_bank,
)
from benchmarks.bench_live import ROOM, Message, Told, open_chat
from benchmarks.bench_transfer import draw_pairs
from benchmarks.bench_views import TABLE, Shown, who
from benchmarks.bench_views import bank as shown_bank
from benchmarks.harness import (
    Contender,
    Outcome,
    Point,
    Question,
    Role,
    Target,
    Task,
    Unit,
    require,
)
from benchmarks.program import Benchmark, Sizes, make_parser, run
from qsdb import i64, u64

SEED = 36
HITS = 10

ledger = qsdb.Module("growth")


class Entry(qsdb.Row, module=ledger):
    """Ten of them in each group."""

    id: u64 = qsdb.primary_key()
    group: u64 = qsdb.index()
    balance: i64


@ledger.reducer
def move(ctx: qsdb.ReducerContext, source: u64, target: u64) -> None:
    """Move one from one entry to another."""
    entries = ctx.db[Entry]
    payer, payee = entries.get(source), entries.get(target)
    if payer is None or payee is None:
        raise qsdb.ReducerError("no such entry")
    entries.update(payer.replace(balance=payer.balance - 1))
    entries.update(payee.replace(balance=payee.balance + 1))


LOG_ACCOUNTS = 1_000
LOG_BYTES = Unit("bytes of log", 1)
KINDS = {
    "get": "get by primary key, by rows",
    "update": "update by primary key, by rows",
    "transfer": "transfer, by rows",
    "insert": "insert and delete, by rows",
    "filter": f"filter by a btree with {HITS} hits, by rows",
}


def decades(least: int, most: int) -> list[int]:
    """Give sizes ten times one another, the greatest always among them."""
    sizes = [most]
    while sizes[-1] // 10 >= least:
        sizes.append(sizes[-1] // 10)
    return sizes[::-1]


def draw_keys(rows: int, count: int) -> list[int]:
    """Draw keys, an even number of them."""
    draw = random.Random(SEED).randrange
    return [draw(rows) for _ in range(count)]


class InQsdb:
    """A table of qsdb that is kept while its size is asked about."""

    def __init__(self, rows: int) -> None:
        self.db = qsdb.Database(ledger, seed=1)
        self.rows = rows
        with self.db.write() as tx:
            tx[Entry].insert_many(Entry(n, n // HITS, 0) for n in range(rows))
        self.close = self.db.close

    def total(self) -> tuple[int, int]:
        """Count rows and sum balances."""
        with self.db.read() as tx:
            return len(tx[Entry]), sum([row.balance for row in tx[Entry]])

    def get(self, keys: list[int]) -> int:
        """Get rows in one transaction."""
        found = 0
        with self.db.write() as tx:
            get = tx[Entry].get
            for key in keys:
                found += get(key).id == key  # type: ignore[union-attr]  # it is there
        return found

    def update(self, keys: list[int]) -> int:
        """Update rows in one transaction."""
        with self.db.write() as tx:
            update = tx[Entry].update
            for key in keys:
                update(Entry(key, key // HITS, 0))
        return len(keys)

    def transfer(self, keys: list[int]) -> int:
        """Call the reducer."""
        call, before = self.db.call, self.db.offset
        for key in keys:
            call(move, key, (key + 1) % self.rows)
        return self.db.offset - before

    def insert(self, keys: list[int]) -> int:
        """Insert rows beyond those that are there, and delete them again."""
        with self.db.write() as tx:
            insert, delete = tx[Entry].insert, tx[Entry].delete_by_key
            for number in range(self.rows, self.rows + len(keys)):
                insert(Entry(number, number // HITS, 0))
            return sum([delete(n) for n in range(self.rows, self.rows + len(keys))])

    def filter(self, keys: list[int]) -> int:
        """Read the rows of groups."""
        found = 0
        with self.db.write() as tx:
            rows_of = tx[Entry].group.filter
            for key in keys:
                for row in rows_of(key // HITS):
                    found += row.group == key // HITS
        return found // HITS


class InSqlite:
    """The same in sqlite3."""

    def __init__(self, rows: int) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.execute = self.connection.cursor().execute
        self.rows = rows
        self.execute("CREATE TABLE entry (id INTEGER PRIMARY KEY, part, balance)")
        self.execute("BEGIN")
        raw = ((n, n // HITS, 0) for n in range(rows))
        self.connection.executemany("INSERT INTO entry VALUES (?, ?, ?)", raw)
        self.execute("CREATE INDEX by_part ON entry (part)")
        self.execute("COMMIT")
        self.close = self.connection.close

    def total(self) -> tuple[int, int]:
        """Count rows and sum balances."""
        (found,) = self.execute("SELECT count(*), sum(balance) FROM entry")
        return found[0], found[1]

    def get(self, keys: list[int]) -> int:
        """Select rows."""
        execute, found = self.execute, 0
        for key in keys:
            ((read,),) = execute("SELECT id FROM entry WHERE id = ?", (key,))
            found += read == key
        return found

    def update(self, keys: list[int]) -> int:
        """Update rows in one transaction."""
        execute = self.execute
        execute("BEGIN")
        for key in keys:
            execute("UPDATE entry SET balance = ? WHERE id = ?", (0, key))
        execute("COMMIT")
        return len(keys)

    def transfer(self, keys: list[int]) -> int:
        """Select two rows and update them."""
        execute, text = self.execute, "SELECT balance FROM entry WHERE id = ?"
        change = "UPDATE entry SET balance = ? WHERE id = ?"
        for key in keys:
            other = (key + 1) % self.rows
            execute("BEGIN")
            ((payer,),) = execute(text, (key,))
            ((payee,),) = execute(text, (other,))
            execute(change, (payer - 1, key))
            execute(change, (payee + 1, other))
            execute("COMMIT")
        return len(keys)

    def insert(self, keys: list[int]) -> int:
        """Insert rows, and delete them again."""
        execute, deleted = self.execute, 0
        execute("BEGIN")
        for number in range(self.rows, self.rows + len(keys)):
            execute("INSERT INTO entry VALUES (?, ?, 0)", (number, number // HITS))
        for number in range(self.rows, self.rows + len(keys)):
            deleted += execute("DELETE FROM entry WHERE id = ?", (number,)).rowcount
        execute("COMMIT")
        return deleted

    def filter(self, keys: list[int]) -> int:
        """Select the rows of groups."""
        execute, found = self.execute, 0
        for key in keys:
            text = "SELECT id, part, balance FROM entry WHERE part = ?"
            for row in execute(text, (key // HITS,)):
                found += row[1] == key // HITS
        return found // HITS


class InDict:
    """The same in a dict of tuples, with a dict of keys by group."""

    def __init__(self, rows: int) -> None:
        self.entries = {n: (n, n // HITS, 0) for n in range(rows)}
        self.rows = rows
        self.groups: dict[int, list[int]] = {}
        for n in range(rows):
            self.groups.setdefault(n // HITS, []).append(n)

    def close(self) -> None:
        """Let go of the rows."""
        self.entries, self.groups = {}, {}

    def total(self) -> tuple[int, int]:
        """Count rows and sum balances."""
        return len(self.entries), sum([row[2] for row in self.entries.values()])

    def get(self, keys: list[int]) -> int:
        """Look up rows."""
        entries, found = self.entries, 0
        for key in keys:
            found += entries[key][0] == key
        return found

    def update(self, keys: list[int]) -> int:
        """Set rows."""
        entries = self.entries
        for key in keys:
            entries[key] = (key, key // HITS, 0)
        return len(keys)

    def transfer(self, keys: list[int]) -> int:
        """Look up two rows and set them."""
        entries = self.entries
        for key in keys:
            other = (key + 1) % self.rows
            payer, payee = entries[key], entries[other]
            entries[key] = (key, payer[1], payer[2] - 1)
            entries[other] = (other, payee[1], payee[2] + 1)
        return len(keys)

    def insert(self, keys: list[int]) -> int:
        """Set rows, and take them out again."""
        entries = self.entries
        for number in range(self.rows, self.rows + len(keys)):
            entries[number] = (number, number // HITS, 0)
        for number in range(self.rows, self.rows + len(keys)):
            del entries[number]
        return len(keys)

    def filter(self, keys: list[int]) -> int:
        """Look up the rows of groups."""
        entries, groups, found = self.entries, self.groups, 0
        for key in keys:
            for number in groups[key // HITS]:
                found += entries[number][1] == key // HITS
        return found // HITS


Holder = InQsdb | InSqlite | InDict
HOLDERS: dict[str, tuple[type[Holder], Role]] = {
    "qsdb": (InQsdb, "subject"),
    "sqlite3": (InSqlite, "peer"),
    "dict": (InDict, "floor"),
}


def operate(held: Holder, kind: str, keys: list[int]) -> Task[int]:
    """Do one kind of thing for each key, in a table that is loaded."""
    operation: Callable[[list[int]], int] = getattr(held, kind)

    def verify(done: int) -> int:
        require(done == len(keys), f"{done} of {len(keys)} were done")
        require(held.total() == (held.rows, 0), f"left are {held.total()}")
        return done

    return Task(partial(operation, keys), verify)


@dataclass(frozen=True)
class Beyond(Target):
    """To grow at most `bound` times as much as the floor does between two sizes."""

    floor: str
    sizes: tuple[int, int]

    def value(self, outcome: Outcome) -> float:
        ours, theirs = (
            outcome.series(f"{name}, {self.sizes[1]:,} rows").over(
                outcome.series(f"{name}, {self.sizes[0]:,} rows")
            )
            for name in (self.subject, self.floor)
        )
        return ours / theirs

    @property
    def text(self) -> str:
        least, most = self.sizes
        return f"target from {least:,} to {most:,} ≤ {self.bound:g} × as {self.floor}"  # noqa: RUF001  a sign


def by_rows(sizes: Sizes) -> Iterator[Question]:
    """Ask for operations on tables of all sizes."""
    count = sizes["operations"]
    loaded: list[Holder] = []

    @cache
    def holder(name: str, rows: int) -> Holder:
        held = HOLDERS[name][0](rows)
        loaded.append(held)
        return held

    def setup(name: str, rows: int, kind: str) -> Task[int]:
        return operate(holder(name, rows), kind, draw_keys(rows, count))

    try:
        for kind, title in KINDS.items():
            contenders = [
                Contender(
                    f"{name}, {rows:,} rows",
                    partial(setup, name, rows, kind),
                    count,
                    role,
                    Point(name, rows),
                )
                for rows in decades(sizes["rows_least"], sizes["rows"])
                for name, (_, role) in HOLDERS.items()
            ]
            yield Question(title, contenders, _targets(kind, sizes))
    finally:
        for held in loaded:
            held.close()


def _targets(kind: str, sizes: Sizes) -> list[Target]:
    """Give what operations on a row should reach."""
    if kind == "filter":
        return []
    return [Beyond("qsdb", 2, "dict", (sizes["rows"] // 100, sizes["rows"]))]


def log_of(directory: Path, transfers: int) -> Task[int]:
    """Make transfers, and give by how much the log grew."""
    folder = new_folder(directory)
    load_bank(folder, LOG_ACCOUNTS, "interval").close()
    before = folder_bytes(folder)
    pairs = draw_pairs(LOG_ACCOUNTS, transfers, 0.0)

    def work() -> int:
        with open_bank(folder, "interval") as db:
            make_transfers(db, pairs)
        return folder_bytes(folder) - before

    def verify(grown: int) -> str:
        require(grown >= transfers, f"{transfers} transfers are in {grown} bytes")
        found_in(folder, LOG_ACCOUNTS, 2 + transfers)
        return "all transfers"

    return Task(work, verify, lambda: shutil.rmtree(folder))


def folder_bytes(folder: Path) -> int:
    """Give the size of all files."""
    return sum([path.stat().st_size for path in folder.rglob("*") if path.is_file()])


def by_transfers(directory: Path, sizes: Sizes) -> Question:
    """Ask for the bytes of logs of all lengths."""
    return Question(
        "bytes of log for each transfer, by transfers",
        [
            Contender(
                f"qsdb, {count:,} transfers",
                partial(log_of, directory, count),
                count,
                point=Point("qsdb", count),
            )
            for count in decades(sizes["transfers"] // 100, sizes["transfers"])
        ],
        unit=LOG_BYTES,
        reading=lambda _, grown: float(grown),
    )


def beside_queries(rooms: int, commits: int) -> Task[Told]:
    """Commit beside so many live queries, one of which is told each time."""
    db, told = open_chat(rooms), Told()
    for number in range(rooms):
        db.subscribe(ROOM, told, {"room": number})
    return commits_of(
        db, told, commits, lambda n: Message(n % rooms, n % rooms, f"{n}")
    )


def beside_connections(count: int, commits: int) -> Task[Told]:
    """Commit beside so many connections, one of which is told each time."""
    db, told = qsdb.Database(shown_bank, seed=1), Told()
    people = [who(number) for number in range(count)]
    with db.write() as tx:
        tx[Shown].insert_many([Shown(each, 0) for each in people])
    for each in people:
        client = db.connect(each)
        client.db[Shown].on_update(told)
        client.subscribe(TABLE)
    return commits_of(db, told, commits, lambda n: Shown(people[n % count], n + 1))


def commits_of(
    db: qsdb.Database, told: Told, commits: int, row: Callable[[int], Message | Shown]
) -> Task[Told]:
    """Update a row in each of so many commits."""
    rows: list[Any] = [row(number) for number in range(commits)]

    def work() -> Told:
        for each in rows:
            with db.write() as tx:
                tx[type(each)].update(each)
        return told

    def verify(found: Told) -> int:
        require(found.count == commits, f"{found.count} were told, not {commits}")
        db.check()
        return commits

    return Task(work, verify, db.close)


def by_listeners(sizes: Sizes) -> Iterator[Question]:
    """Ask for commits beside those who listen."""
    commits = sizes["commits"]
    beside = "a commit that one is told of, by"
    asked: dict[str, tuple[str, Callable[[int, int], Task[Told]]]] = {
        "live_queries": (f"{beside} live queries", beside_queries),
        "connections": (f"{beside} connections", beside_connections),
    }
    for size, (title, make) in asked.items():
        contenders = [
            Contender(
                f"qsdb, {count:,}",
                partial(make, count, commits),
                commits,
                point=Point("qsdb", count),
            )
            for count in decades(1, sizes[size])
        ]
        yield Question(title, contenders)


def questions(directory: Path, sizes: Sizes) -> Iterator[Question]:
    """Ask for growth by rows, by who listens, and by transfers."""
    yield from by_rows(sizes)
    yield from by_listeners(sizes)
    yield by_transfers(directory, sizes)


def growth(arguments: argparse.Namespace) -> Benchmark:
    """Give the benchmark for what was chosen."""
    return Benchmark(
        "bench_growth",
        __doc__,
        full={
            "rows_least": 1_000,
            "rows": 10_000_000,
            "operations": 20_000,
            "live_queries": 100_000,
            "connections": 1_000,
            "commits": 2_000,
            "transfers": 100_000,
        },
        small={
            "rows_least": 10,
            "rows": 1_000,
            "operations": 20,
            "live_queries": 100,
            "connections": 10,
            "commits": 20,
            "transfers": 200,
        },
        questions=partial(questions, arguments.directory),
        seed=SEED,
    )


def main() -> None:
    """Run as a program."""
    arguments = make_parser(__doc__).parse_args()
    run(growth(arguments), arguments)


if __name__ == "__main__":
    main()
