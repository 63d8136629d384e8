"""How much memory do a million rows take, with one btree beside the primary key?

Rows are ``(id: u64, number: u64, text: str of 8)``, all values distinct objects,
and the btree is on ``number``. Each run loads them in a process of its own and
tells two figures, per row: by how much the process grew (resident set, so with
what the allocators keep), and how much Python objects hold (`tracemalloc`, in a
process of its own too). The floor is ``{id: (id, number, text)}`` without any
index; sqlite3, whose memory tracemalloc does not see, has an index on ``number``.

Not measured: the peak while rows are loaded; memory that old rows take while a
read transaction is open; rows that were updated. The resident set is read from
/proc, so that question is asked on Linux only.
"""

import argparse
import gc
import json
import mmap
import random
import sqlite3
import subprocess
import sys
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import qsdb
from benchmarks.harness import BYTES, Contender, Cost, Question, Role, Task, require
from benchmarks.program import Benchmark, Sizes, make_parser, run
from qsdb import u64

store = qsdb.Module("store")

SEED = 11
STATUS = Path("/proc/self/statm")


class Record(qsdb.Row, module=store):
    """A row with a btree on its second column."""

    id: u64 = qsdb.primary_key()
    number: u64 = qsdb.index()
    text: str


Raw = tuple[int, int, str]
Holder = Literal["qsdb", "sqlite3", "dict"]
Meter = Literal["resident", "traced"]


@dataclass(frozen=True)
class Use:
    """What a process of its own tells."""

    bytes: int
    rows: int
    total: int


def raw_records(count: int) -> Iterator[Raw]:
    """Yield rows whose numbers come in no order."""
    draw = random.Random(SEED).randrange
    return ((key, draw(1 << 40), f"{key:08}") for key in range(count))


def hold_in_qsdb(count: int) -> qsdb.Database:
    """Load records into qsdb."""
    db = qsdb.Database(store, seed=1)
    with db.write() as tx:
        tx[Record].insert_many(Record(*raw) for raw in raw_records(count))
    return db


def hold_in_sqlite(count: int) -> sqlite3.Connection:
    """Load records into sqlite3 in memory."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.execute("CREATE TABLE record (id INTEGER PRIMARY KEY, number, text)")
    connection.execute("BEGIN")
    connection.executemany("INSERT INTO record VALUES (?, ?, ?)", raw_records(count))
    connection.execute("CREATE INDEX by_number ON record (number)")
    connection.execute("COMMIT")
    return connection


def hold_in_dict(count: int) -> dict[int, Raw]:
    """Load records into a dict of plain tuples."""
    return {raw[0]: raw for raw in raw_records(count)}


def numbers_in_qsdb(db: qsdb.Database) -> list[int]:
    """Give the second column, by its index."""
    with db.read() as tx:
        return [row.number for row in tx[Record].number.range()]


def numbers_in_sqlite(connection: sqlite3.Connection) -> list[int]:
    """Give the second column, by its index."""
    found = connection.execute("SELECT number FROM record ORDER BY number")
    return [number for (number,) in found]


def numbers_in_dict(rows: dict[int, Raw]) -> list[int]:
    """Give the second column."""
    return sorted(raw[1] for raw in rows.values())


def resident_bytes() -> int:
    """Give the size of the resident set."""
    return int(STATUS.read_text().split()[1]) * mmap.PAGESIZE


def traced_bytes() -> int:
    """Give what Python objects hold, after tracing was begun."""
    return tracemalloc.get_traced_memory()[0]


HOLDERS: dict[Holder, tuple[Callable[[int], Any], Callable[[Any], list[int]]]] = {
    "qsdb": (hold_in_qsdb, numbers_in_qsdb),
    "sqlite3": (hold_in_sqlite, numbers_in_sqlite),
    "dict": (hold_in_dict, numbers_in_dict),
}


def be_measured(holder: Holder, meter: Meter, count: int) -> None:
    """Be the process that holds records: tell the figures on standard output."""
    load, numbers_in = HOLDERS[holder]
    read = resident_bytes
    if meter == "traced":
        tracemalloc.start()
        read = traced_bytes
    gc.collect()
    before = read()
    held = load(count)
    gc.collect()
    grown = read() - before
    tracemalloc.stop()
    numbers = numbers_in(held)
    print(json.dumps([grown, len(numbers), sum(numbers)]))


def in_own_process(holder: Holder, meter: Meter, count: int) -> Task[Use]:
    """Have records held by a process of its own."""
    command = [sys.executable, "-m", "benchmarks.bench_memory"]
    command += ["--hold", holder, "--meter", meter, "--rows", str(count)]

    def work() -> Use:
        told = subprocess.run(  # noqa: S603  this very program
            command,
            cwd=Path(__file__).parent.parent,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=True,
        )
        return Use(*json.loads(told.stdout))

    def verify(use: Use) -> object:
        require(use.rows == count, f"{use.rows} rows, {count} are right")
        return use.total

    return Task(work, verify)


def used(seconds: float, use: Use) -> float:  # noqa: ARG001  memory is asked for
    """Give the figure of a run."""
    return use.bytes


def question(meter: Meter, holders: Sequence[Holder], count: int) -> Question:
    """Ask for one of the two figures."""
    roles: dict[Holder, Role] = {"qsdb": "subject", "sqlite3": "peer", "dict": "floor"}
    return Question(
        f"memory of {count:,} rows and a btree, {meter}",
        [
            Contender(
                each, partial(in_own_process, each, meter, count), count, roles[each]
            )
            for each in holders
        ],
        [Cost("qsdb", 1.7, "dict")],
        unit=BYTES,
        reading=used,
    )


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask for the whole process, then for Python objects."""
    if STATUS.exists():
        yield question("resident", ["qsdb", "sqlite3", "dict"], sizes["rows"])
    yield question("traced", ["qsdb", "dict"], sizes["rows"])


MEMORY = Benchmark(
    "bench_memory",
    __doc__,
    full={"rows": 1_000_000},
    small={"rows": 20_000},
    questions=questions,
    seed=SEED,
)


def main() -> None:
    """Run as a program."""
    parser = make_parser(__doc__)
    for option in ("--hold", "--meter", "--rows"):
        parser.add_argument(option, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.hold:
        be_measured(arguments.hold, arguments.meter, int(arguments.rows))
    else:
        run(MEMORY, arguments)


if __name__ == "__main__":
    main()
