"""What does it cost to begin: to import qsdb, to open a database, to call a reducer?

Each run is a program of its own, from the start of Python to its end; the figure is
the processor time that it takes, of the user and of the system. The floor is a program
that does the same without a library.

1. Import: ``import qsdb``, and ``import sqlite3``.
2. First call: a module with one table is declared and opened in memory, and a reducer
   called; the peer creates a table in memory and inserts.
3. First query: SQL is asked besides, for which qsdb loads a parser.

Compiled files are kept in a folder of the benchmark's, and made in the round that
warms up. Not measured: the first import ever, which compiles; cold disks.
"""

import functools
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import qsdb
from benchmarks.harness import MILLISECONDS, Contender, Question, Task, Total, require
from benchmarks.program import Benchmark, Sizes, make_parser, run

IMPORT_SECONDS_MAX = 0.06

CALL_QSDB = """
import qsdb

bank = qsdb.Module("bank")

class Account(qsdb.Row, module=bank):
    id: qsdb.u64 = qsdb.primary_key(auto_inc=True)
    balance: qsdb.i64

@bank.reducer
def deposit(ctx: qsdb.ReducerContext, amount: qsdb.i64) -> None:
    ctx.db[Account].insert(Account(balance=amount))

db = qsdb.Database(bank)
db.call(deposit, 100)
"""
GET_QSDB = """
with db.read() as tx:
    print(tx[Account].get(1).balance)
"""
ASK_QSDB = """
[row] = db.sql("SELECT balance FROM account WHERE id = 1")
print(row.balance)
"""
CALL_SQLITE = """
import sqlite3

db = sqlite3.connect(":memory:")
db.execute("CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)")
with db:
    db.execute("INSERT INTO account (balance) VALUES (100)")
[(balance,)] = db.execute("SELECT balance FROM account WHERE id = 1")
print(balance)
db.close()
"""
CALL_DICT = """
accounts = {}
accounts[1] = 100
print(accounts[1])
"""


def processor_seconds() -> float:
    """Give what the programs that have ended took so far."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def programs(code: str, says: str, folder: str) -> Task[float]:
    """Run a program, which says something.

    Args:
        code: Its source.
        says: What it is to print.
        folder: Where compiled files are kept.
    """
    root = str(Path(qsdb.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root, "PYTHONPYCACHEPREFIX": folder}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    said: list[str] = []

    def work() -> float:
        before = processor_seconds()
        ran = subprocess.run(  # noqa: S603  our own program
            [sys.executable, "-c", code],
            env=environment,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
        said.append(ran.stdout if ran.returncode == 0 else f"ended {ran.returncode}")
        return processor_seconds() - before

    def verify(_: float) -> str:
        require(said == [says], f"it said {said}")
        return says

    return Task(work, verify)


def taken(_: float, seconds: float) -> float:
    """Give the figure of a run: what the program took."""
    return seconds


def question(
    title: str, codes: tuple[str, str, str], says: str, folder: str
) -> Question:
    """Ask for programs of qsdb, of sqlite3 and of neither."""
    mine, peer, floor = [
        functools.partial(programs, code, says, folder) for code in codes
    ]
    return Question(
        title,
        [
            Contender("qsdb", mine, 1),
            Contender("sqlite3", peer, 1, "peer"),
            Contender("Python alone", floor, 1, "floor"),
        ],
        [Total("qsdb", IMPORT_SECONDS_MAX)] if title == "import" else [],
        MILLISECONDS,
        taken,
    )


def questions(_: Sizes) -> Iterator[Question]:
    """Ask for the import, for the first call, and for the first query."""
    with tempfile.TemporaryDirectory(prefix="benchmark-") as folder:
        imports = ("import qsdb", "import sqlite3", "pass")
        yield question("import", imports, "", folder)
        calls = (CALL_QSDB + GET_QSDB, CALL_SQLITE, CALL_DICT)
        yield question("import, open, call", calls, "100\n", folder)
        queries = (CALL_QSDB + ASK_QSDB, CALL_SQLITE, CALL_DICT)
        yield question("import, open, call, ask SQL", queries, "100\n", folder)


IMPORT = Benchmark(
    "bench_import",
    __doc__,
    full={"programs": 1},
    small={"programs": 1},
    questions=questions,
)


def main() -> None:
    """Run as a program."""
    run(IMPORT, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
