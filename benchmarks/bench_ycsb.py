"""How fast are the six workloads of YCSB, over rows of ten fields of 100 letters?

A: half reads, half updates of one field. B: 95 % reads. C: reads only. D: 95 % reads
of what was inserted lately, 5 % inserts. E: 95 % scans of up to 100 rows from a key on,
5 % inserts. F: half reads, half reads that a write of the same row follows. Keys are
drawn by Zipf's law with an exponent of 0.99, hot ones spread over all keys. Afterwards
there must be as many rows as were loaded and inserted, with all their fields whole.

Not as in YCSB: keys are numbers; one thread, as fast as it can.
"""

import itertools
import random
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

import qsdb
from benchmarks.draws import zipf
from benchmarks.harness import Question, require
from benchmarks.keyed import Tables
from benchmarks.program import Benchmark, Sizes, make_parser, run
from benchmarks.statements import Execute, Raw, Statements
from benchmarks.suites import Answers, Functions, Rows, Step, Suite, questions_of
from qsdb import u8, u64

SEED = 34
ALPHA = 0.99
FIELDS, LETTERS, SCANNED = 10, 100, 100
MIXES = {
    "A": {"read": 50, "update": 50},
    "B": {"read": 95, "update": 5},
    "C": {"read": 100},
    "D": {"read": 95, "insert": 5},
    "E": {"scan": 95, "insert_sorted": 5},
    "F": {"read": 50, "change": 50},
}

store = qsdb.Module("ycsb")


class Record(qsdb.Row, module=store):
    """A row of one kilobyte."""

    key: u64 = qsdb.primary_key()
    field0: str
    field1: str
    field2: str
    field3: str
    field4: str
    field5: str
    field6: str
    field7: str
    field8: str
    field9: str


SORTED = "sorted_record"
store.add_table(Record, name=SORTED, indexes=[qsdb.BTree("key", name="in_order")])

NAMES = tuple([f"field{number}" for number in range(FIELDS)])


def _found(row: Record | None) -> Record:
    if row is None:
        raise qsdb.ReducerError("no such record")
    return row


def read(db: qsdb.Database, key: int) -> str:
    """Read a row, and give one of its fields."""
    with db.read() as tx:
        return _found(tx[Record].get(key)).field3


@store.reducer
def update(ctx: qsdb.ReducerContext, key: u64, number: u8, text: str) -> None:
    """Write a field."""
    records = ctx.db[Record]
    row = _found(records.get(key))
    records.update(row.replace(**{NAMES[number]: text}))


@store.reducer
def change(ctx: qsdb.ReducerContext, key: u64, number: u8, text: str) -> str:
    """Read a row, and write a field."""
    records = ctx.db[Record]
    row = _found(records.get(key))
    records.update(row.replace(**{NAMES[number]: text}))
    return row.field3


@store.reducer
def insert(ctx: qsdb.ReducerContext, key: u64, texts: list[str]) -> None:
    """Insert a row."""
    ctx.db[Record].insert(Record(key, *texts))


@store.reducer
def insert_sorted(ctx: qsdb.ReducerContext, key: u64, texts: list[str]) -> None:
    """Insert a row where rows are scanned."""
    ctx.db.table(SORTED).insert(Record(key, *texts))


def scan(db: qsdb.Database, key: int, count: int) -> int:
    """Read rows from a key on, and sum their keys."""
    with db.read() as tx:
        rows: Iterable[Any] = tx.table(SORTED).in_order.range(key, limit=count)
        return sum([row.key for row in rows])


COLUMNS = ", ".join([f"{name} TEXT NOT NULL" for name in NAMES])


class InSql:
    """The transactions as statements."""

    def __init__(self, table: str, execute: Execute) -> None:
        self.execute = execute
        self._select = f"SELECT * FROM {table} WHERE key = ?"
        self._scan = f"SELECT * FROM {table} WHERE key >= ? ORDER BY key LIMIT ?"
        self._insert = f"INSERT INTO {table} VALUES (?{', ?' * FIELDS})"
        self._updates = [f"UPDATE {table} SET {x} = ? WHERE key = ?" for x in NAMES]

    def read(self, key: int) -> str:
        """Read all fields."""
        (row,) = self.execute(self._select, (key,))
        return str(row[4])

    def update(self, key: int, number: int, text: str) -> None:
        """Write one of them."""
        self.execute(self._updates[number], (text, key))

    def change(self, key: int, number: int, text: str) -> str:
        """Read all and write one."""
        self.execute("BEGIN")
        found = self.read(key)
        self.execute(self._updates[number], (text, key))
        self.execute("COMMIT")
        return found

    def insert(self, key: int, texts: list[str]) -> None:
        """Insert a row."""
        self.execute(self._insert, (key, *texts))

    insert_sorted = insert

    def scan(self, key: int, count: int) -> int:
        """Read all fields of some rows."""
        return sum([row[0] for row in self.execute(self._scan, (key, count))])


class InMaps:
    """The transactions over a mapping."""

    def __init__(self, table: str, tables: Tables) -> None:
        self.records: Any = tables[table]

    def read(self, key: int) -> str:
        """Read a row."""
        return str(self.records[key][4])

    def update(self, key: int, number: int, text: str) -> None:
        """Write a row anew."""
        row = self.records[key]
        self.records[key] = (*row[: number + 1], text, *row[number + 2 :])

    def change(self, key: int, number: int, text: str) -> str:
        """Read a row, and write it anew."""
        row = self.records[key]
        self.records[key] = (*row[: number + 1], text, *row[number + 2 :])
        return str(row[4])

    def insert(self, key: int, texts: list[str]) -> None:
        """Put a row."""
        self.records[key] = (key, *texts)

    insert_sorted = insert

    def scan(self, key: int, count: int) -> int:
        """Read some rows in their order."""
        records = self.records
        keys = records.irange(key)
        return sum([records[each][0] for each in itertools.islice(keys, count)])


REDUCERS: Functions = {
    "update": update,
    "change": change,
    "insert": insert,
    "insert_sorted": insert_sorted,
}
READINGS: Functions = {"read": read, "scan": scan}


def statements(table: str, peer: Statements) -> Functions:
    """Give the transactions in SQL."""
    engine = InSql(table, peer.execute)
    return {name: getattr(engine, name) for name in (*READINGS, *REDUCERS)}


def mapped(table: str, tables: Tables) -> Functions:
    """Give the transactions over mappings."""
    engine = InMaps(table, tables)
    return {name: getattr(engine, name) for name in (*READINGS, *REDUCERS)}


def text_of(chance: random.Random) -> str:
    """Draw a field: its first eight digits tell the others."""
    return f"{chance.randrange(10**8):08}" * (LETTERS // 8) + "    "


def load(records: int) -> list[Raw]:
    """Draw the rows that are there at first."""
    chance = random.Random(SEED)
    return [(key, *[text_of(chance) for _ in range(FIELDS)]) for key in range(records)]


def draw_steps(workload: str, records: int, count: int) -> list[Step]:
    """Draw transactions."""
    chance = random.Random(f"{SEED} {workload}")
    mix = MIXES[workload]
    spread = chance.sample(range(records), records)
    ranks = zipf(chance, records, ALPHA, count)
    steps: list[Step] = []
    newest = records - 1
    for name, rank in zip(
        chance.choices([*mix], [*mix.values()], k=count), ranks, strict=True
    ):
        key = newest - rank if workload == "D" else spread[rank]
        match name:
            case "read":
                steps.append((name, (key,)))
            case "scan":
                steps.append((name, (key, chance.randint(1, SCANNED))))
            case "insert" | "insert_sorted":
                newest += 1
                texts = [text_of(chance) for _ in range(FIELDS)]
                steps.append((name, (newest, texts)))
            case _:
                number = chance.randrange(FIELDS)
                steps.append((name, (key, number, text_of(chance))))
    return steps


def suite(workload: str, rows: list[Raw], count: int) -> Suite:
    """Draw the transactions of a workload, and say what must hold."""
    steps = draw_steps(workload, len(rows), count)
    table = SORTED if workload == "E" else "record"

    def check(found: Rows, answers: Answers) -> None:
        names = [name for (name, _), _ in zip(steps, answers, strict=False)]
        expected = len(rows) + sum([name.startswith("insert") for name in names])
        records = found[table]
        require(len(records) == expected, f"{len(records)} rows, {expected} are right")
        broken = [
            row[0]
            for row in records
            if any(field != field[:8] * (LETTERS // 8) + "    " for field in row[1:])
        ]
        require(not broken, f"fields are broken in rows {broken[:3]}")

    return Suite(
        f"YCSB {workload}",
        store,
        {table: Record},
        {table: rows},
        {table: 1},
        steps,
        REDUCERS,
        f"CREATE TABLE {table} (key INTEGER PRIMARY KEY, {COLUMNS})",
        partial(statements, table),
        partial(mapped, table),
        check,
        readings=READINGS,
        is_sorted=workload == "E",
    )


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask all engines for each workload."""
    rows = load(sizes["records"])
    for workload in MIXES:
        count = sizes["scans"] if workload == "E" else sizes["operations"]
        yield from questions_of(suite(workload, rows, count))


YCSB = Benchmark(
    "bench_ycsb",
    __doc__,
    full={"records": 50_000, "operations": 50_000, "scans": 5_000},
    small={"records": 200, "operations": 100, "scans": 20},
    questions=questions,
    seed=SEED,
)


def main() -> None:
    """Run as a program."""
    run(YCSB, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
