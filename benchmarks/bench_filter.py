"""How fast are some hundred rows found by an index?

Each run loads items anew and then, inside one transaction, looks for values with
a few hundred hits each, by a hash index, by a btree, and as a range of a btree;
the ids of what is found are summed. Figures are per row found. sqlite3 has its
btrees on the same columns and selects all columns, as qsdb does; the floor has
lists of keys in a dict, and a sorted list with `bisect`.

Not measured: filters without an index, counts, indexes of several columns,
what an index costs a write.
"""

import bisect
import random
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import qsdb
from benchmarks.harness import Contender, Question, Task, require
from benchmarks.program import Benchmark, Sizes, make_parser, run
from qsdb import u32, u64

shop = qsdb.Module("shop")


class Item(qsdb.Row, module=shop):
    """An item; the same groups are indexed twice."""

    id: u64 = qsdb.primary_key()
    hashed: u32 = qsdb.index("hash")
    ordered: u32 = qsdb.index("btree")
    rank: u32 = qsdb.index("btree")


SEED = 5
Raw = tuple[int, int, int, int]
Kind = Literal["hash", "btree", "range"]
Table = qsdb.Table[Item]


@dataclass(frozen=True)
class Search:
    """What is looked for."""

    kind: Kind
    groups: int
    hits: int
    """How many rows each group, and so each search, has."""
    values: tuple[int, ...]
    """The groups that are looked for; a range begins with a group's first rank."""

    @property
    def count(self) -> int:
        """How many rows are found in all."""
        return len(self.values) * self.hits


def raw_items(search: Search) -> list[Raw]:
    """Give the items: groups of one size, in random order."""
    ranks = list(range(search.groups * search.hits))
    random.Random(SEED + 1).shuffle(ranks)
    groups = [rank // search.hits for rank in ranks]
    columns = zip(range(len(ranks)), groups, groups, ranks, strict=True)
    return list(columns)


def load_items(search: Search) -> qsdb.Database:
    """Open a database and load the items."""
    db = qsdb.Database(shop, seed=1)
    with db.write() as tx:
        tx[Item].insert_many(Item(*raw) for raw in raw_items(search))
    return db


def finder(table: Table, search: Search) -> Callable[[int], Iterable[Item]]:
    """Give the function that finds the rows for one value."""
    match search.kind:
        case "hash":
            return table.hashed.filter
        case "btree":
            return table.ordered.filter
        case "range":
            rank, hits = table.rank, search.hits
            return lambda group: rank.range(group * hits, (group + 1) * hits)


def total_found(table: Table, search: Search) -> int:
    """Sum the ids of what is found."""
    total = 0
    find = finder(table, search)
    for value in search.values:
        for row in find(value):
            total += row.id
    return total


def in_write(search: Search) -> Task[int]:
    """Find in a write transaction of qsdb."""
    db = load_items(search)

    def work() -> int:
        with db.write() as tx:
            return total_found(tx[Item], search)

    return Task(work, int, db.close)


def in_read(search: Search) -> Task[int]:
    """Find in a read transaction of qsdb."""
    db = load_items(search)

    def work() -> int:
        with db.read() as tx:
            return total_found(tx[Item], search)

    return Task(work, int, db.close)


STATEMENTS: dict[Kind, str] = {
    "hash": "SELECT * FROM item WHERE hashed = ?",
    "btree": "SELECT * FROM item WHERE ordered = ?",
    "range": "SELECT * FROM item WHERE rank >= ? AND rank < ? ORDER BY rank",
}


def in_sqlite(search: Search) -> Task[int]:
    """Find with a statement."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    columns = ("hashed", "ordered", "rank")
    connection.execute(
        "CREATE TABLE item (id INTEGER PRIMARY KEY, hashed INTEGER, ordered INTEGER, "
        "rank INTEGER)"
    )
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO item VALUES (?, ?, ?, ?)", raw_items(search))
    for column in columns:
        connection.execute(f"CREATE INDEX by_{column} ON item ({column})")
    connection.execute("COMMIT")
    statement, hits, kind = STATEMENTS[search.kind], search.hits, search.kind

    def work() -> int:
        total = 0
        execute = connection.cursor().execute
        execute("BEGIN")
        for value in search.values:
            ends = (value * hits, (value + 1) * hits) if kind == "range" else (value,)
            for number, _, _, _ in execute(statement, ends):
                total += number
        execute("COMMIT")
        return total

    def verify(total: int) -> int:
        (plan,) = connection.execute(
            f"EXPLAIN QUERY PLAN {statement}", (0, 0)[: statement.count("?")]
        )
        require("USING INDEX" in str(plan), f"sqlite3 uses no index: {plan}")
        return total

    return Task(work, verify, connection.close)


def in_dict(search: Search) -> Task[int]:
    """Find keys in a dict or a sorted list, then the rows in a dict."""
    rows = {raw[0]: raw for raw in raw_items(search)}
    keys: dict[int, list[int]] = {}
    for raw in rows.values():
        keys.setdefault(raw[1], []).append(raw[0])
    order = sorted((raw[3], raw[0]) for raw in rows.values())
    hits = search.hits

    def find_range(group: int) -> Iterable[int]:
        first = bisect.bisect_left(order, (group * hits,))
        last = bisect.bisect_left(order, ((group + 1) * hits,))
        return [key for _, key in order[first:last]]

    find = find_range if search.kind == "range" else keys.__getitem__

    def work() -> int:
        total = 0
        for value in search.values:
            for key in find(value):
                total += rows[key][0]
        return total

    return Task(work, int)


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask for both kinds of index, then for a range."""
    draw = random.Random(SEED).randrange
    values = tuple([draw(sizes["groups"]) for _ in range(sizes["searches"])])
    titles: dict[Kind, str] = {
        "hash": "filter by a hash index",
        "btree": "filter by a btree",
        "range": "range of a btree",
    }
    for kind, title in titles.items():
        search = Search(kind, sizes["groups"], sizes["hits"], values)
        yield question(f"{title}, {search.hits} hits", search)


def question(title: str, search: Search) -> Question:
    """Ask for one kind of search."""
    count = search.count
    return Question(
        title,
        [
            Contender("qsdb", lambda: in_write(search), count),
            Contender("qsdb read-only", lambda: in_read(search), count),
            Contender("sqlite3", lambda: in_sqlite(search), count, "peer"),
            Contender("dict", lambda: in_dict(search), count, "floor"),
        ],
    )


FILTERS = Benchmark(
    "bench_filter",
    __doc__,
    full={"groups": 400, "hits": 256, "searches": 1_000},
    small={"groups": 4, "hits": 16, "searches": 20},
    questions=questions,
    seed=SEED,
)


def main() -> None:
    """Run as a program."""
    run(FILTERS, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
