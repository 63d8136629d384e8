"""What do the micro-benchmarks of SpacetimeDB cost, those of rows in bulk?

The tables are ``(id, age, name)`` with ages and names in a thousand buckets, once with
no more than the primary key and a unique number, once with a btree on age and one on
name. 2,048 rows are loaded.

* *empty*: a transaction that does nothing.
* *insert_bulk*: one transaction inserts 256 rows.
* *update_bulk*: one transaction adds 1 to the age of 256 rows, one by one.
* *find_unique*: one transaction finds 256 rows by their unique number.

Figures are per row; mappings have no btrees, so the floor is one without. The others
of that set are asked elsewhere: iterate in bench_scan, filter in bench_filter, circles
and ia_loop in bench_games.
"""

import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import qsdb
from benchmarks.harness import Question, require
from benchmarks.keyed import Tables
from benchmarks.program import Benchmark, Sizes, make_parser, run
from benchmarks.statements import Raw, Statements
from benchmarks.suites import Answers, Functions, Rows, Step, Suite, questions_of
from qsdb import u32, u64

SEED = 35
BUCKETS, BULK = 1_000, 256

people = qsdb.Module("micro")


class Plain(qsdb.Row, module=people):
    """A row that is found by its key and its number."""

    id: u64 = qsdb.primary_key()
    age: u32
    name: str
    number: u64 = qsdb.unique()


class Indexed(qsdb.Row, module=people):
    """A row with a btree on each column."""

    id: u64 = qsdb.primary_key()
    age: u32 = qsdb.index()
    name: str = qsdb.index()
    number: u64 = qsdb.unique()


Class = type[Plain] | type[Indexed]
CLASSES: dict[str, Class] = {"plain": Plain, "indexed": Indexed}


def raw_person(number: int) -> Raw:
    """Give the row of a number; buckets come in no order."""
    age = number * 7_919 % 104_729 % BUCKETS
    return number, age, f"name {number * 6_101 % 99_991 % BUCKETS}", number * 2


@people.reducer
def empty(ctx: qsdb.ReducerContext) -> None:
    """Do nothing."""


def insert_into(row_class: Class, ctx: qsdb.ReducerContext, first: int) -> None:
    """Insert rows."""
    insert = ctx.db[row_class].insert
    for number in range(first, first + BULK):
        insert(row_class(*raw_person(number)))


def update_in(row_class: Class, ctx: qsdb.ReducerContext, first: int) -> None:
    """Add one to the ages of rows."""
    table = ctx.db[row_class]
    get, update = table.get, table.update
    for number in range(first, first + BULK):
        row = get(number)
        if row is not None:
            update(row.replace(age=row.age + 1))


@people.reducer
def insert_plain(ctx: qsdb.ReducerContext, first: u64) -> None:
    """Insert rows without a btree."""
    insert_into(Plain, ctx, first)


@people.reducer
def insert_indexed(ctx: qsdb.ReducerContext, first: u64) -> None:
    """Insert rows with btrees."""
    insert_into(Indexed, ctx, first)


@people.reducer
def update_plain(ctx: qsdb.ReducerContext, first: u64) -> None:
    """Update rows without a btree."""
    update_in(Plain, ctx, first)


@people.reducer
def update_indexed(ctx: qsdb.ReducerContext, first: u64) -> None:
    """Update rows in a btree."""
    update_in(Indexed, ctx, first)


@people.reducer
def find_plain(ctx: qsdb.ReducerContext, first: u64) -> u64:
    """Find rows by their unique number, and sum their ages."""
    find, total = ctx.db[Plain].number.find, 0
    for number in range(first, first + BULK):
        row = find(number * 2)
        total += 0 if row is None else row.age
    return total


def statements(table: str, peer: Statements) -> Functions:
    """Give the transactions in SQL; one for many rows where that is faster."""
    execute = peer.execute
    insert = f"INSERT INTO {table} VALUES (?, ?, ?, ?)"
    update = f"UPDATE {table} SET age = age + 1 WHERE id = ?"
    find = f"SELECT * FROM {table} WHERE number = ?"

    def insert_in_sql(first: int) -> None:
        execute("BEGIN")
        peer.many(insert, [raw_person(n) for n in range(first, first + BULK)])
        execute("COMMIT")

    def update_in_sql(first: int) -> None:
        execute("BEGIN")
        peer.many(update, [(n,) for n in range(first, first + BULK)])
        execute("COMMIT")

    def find_in_sql(first: int) -> int:
        execute("BEGIN")
        total = 0
        for number in range(first, first + BULK):
            ((_, age, _, _),) = execute(find, (number * 2,))
            total += age
        execute("COMMIT")
        return total

    def empty_in_sql() -> None:
        execute("BEGIN")
        execute("COMMIT")

    return functions(empty_in_sql, insert_in_sql, update_in_sql, find_in_sql)


def mapped(table: str, tables: Tables) -> Functions:
    """Give the transactions over mappings; ``by_number`` is an index by hand."""
    rows, by_number = tables[table], tables["by_number"]

    def insert_in_maps(first: int) -> None:
        for number in range(first, first + BULK):
            rows[number] = raw_person(number)
            by_number[number * 2] = (number * 2, number)

    def update_in_maps(first: int) -> None:
        for number in range(first, first + BULK):
            key, age, name, unique = rows[number]
            rows[number] = (key, age + 1, name, unique)

    def find_in_maps(first: int) -> int:
        total = 0
        for number in range(first, first + BULK):
            total += rows[by_number[number * 2][1]][1]
        return total

    return functions(lambda: None, insert_in_maps, update_in_maps, find_in_maps)


def functions(*given: Callable[..., Any]) -> Functions:
    """Give four functions their names."""
    names = ("empty", "insert", "update", "find")
    return dict(zip(names, given, strict=True))


REDUCERS: dict[str, Functions] = {
    "plain": functions(empty, insert_plain, update_plain, find_plain),
    "indexed": functions(empty, insert_indexed, update_indexed, find_plain),
}


def schema(table: str) -> str:
    """Give the table in SQL."""
    text = (
        f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, age INTEGER NOT NULL, "
        "name TEXT NOT NULL, number BIGINT NOT NULL UNIQUE)"
    )
    if table == "indexed":
        for column in ("age", "name"):
            text += f"; CREATE INDEX by_{column} ON {table} ({column})"
    return text


def suite(title: str, table: str, kind: str, loaded: int, count: int) -> Suite:
    """Say what is asked of one table.

    Args:
        title: Of the question.
        table: Plain, or indexed.
        kind: What each transaction does.
        loaded: Rows that are there at first.
        count: How many transactions.
    """
    chance = random.Random(SEED)
    begins: dict[str, list[Raw]] = {
        "empty": [()] * count,
        "insert": [(loaded + n * BULK,) for n in range(count)],
        "update": [(chance.randrange(loaded - BULK),) for _ in range(count)],
        "find": [(chance.randrange(loaded - BULK),) for _ in range(count)],
    }
    steps: list[Step] = [(kind, arguments) for arguments in begins[kind]]
    rows = [raw_person(number) for number in range(loaded)]
    age = sum([row[1] for row in rows])

    def check(found: Rows, answers: Answers) -> None:
        added = len(answers) * BULK
        there = found[table]
        expected = loaded + (added if kind == "insert" else 0)
        require(len(there) == expected, f"{len(there)} rows, {expected} are right")
        ages = sum([row[1] for row in there[:loaded]])
        grown = added if kind == "update" else 0
        require(ages == age + grown, f"ages sum to {ages}, {age + grown} is right")

    return Suite(
        title,
        people,
        {table: CLASSES[table]},
        {table: rows},
        {table: 1, "by_number": 1},
        steps,
        REDUCERS[table],
        schema(table),
        partial(statements, table),
        partial(mapped, table),
        check,
        idle=frozenset({"empty", "find"}),
        by_hand={"by_number": [(row[3], row[0]) for row in rows]},
        asks_lmdb=table == "plain",
        rows_each=1 if kind == "empty" else BULK,
    )


ASKED = {
    "an empty transaction": ("plain", "empty"),
    "insert_bulk": ("plain", "insert"),
    "insert_bulk, btrees": ("indexed", "insert"),
    "update_bulk": ("plain", "update"),
    "update_bulk, btrees": ("indexed", "update"),
    "find_unique": ("plain", "find"),
}


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask all engines for each."""
    for title, (table, kind) in ASKED.items():
        count = sizes["transactions"] * (BULK if kind == "empty" else 1)
        yield from questions_of(suite(title, table, kind, sizes["loaded"], count))


MICRO = Benchmark(
    "bench_micro",
    __doc__,
    full={"loaded": 2_048, "transactions": 200},
    small={"loaded": 512, "transactions": 2},
    questions=questions,
    seed=SEED,
)


def main() -> None:
    """Run as a program."""
    run(MICRO, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
