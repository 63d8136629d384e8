"""How long do the slowest of many commits take?

Transfers between random accounts, called one after the other, each timed by itself;
on disk with ``interval``, so that a thread writes beside. The longest is the figure of
one question, that which one in a thousand exceeds the figure of the other. What holds a
commit up is the collector, the thread that writes, and the machine: so sqlite3 in
memory and a dict take the same steps, and are timed in the same way.

Not measured: a snapshot that is taken meanwhile (bench_recovery asks that).
"""

import argparse
import shutil
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from benchmarks.accounts import (
    SELECT,
    UPDATE,
    dict_rows,
    load_dict,
    load_sqlite,
    qsdb_rows,
    sqlite_rows,
)
from benchmarks.bench_durability import load_bank, new_folder
from benchmarks.bench_transfer import SEED, Pairs, draw_pairs, transfer, verified
from benchmarks.harness import MILLISECONDS, Contender, Question, Task, Total, require
from benchmarks.program import Benchmark, Sizes, make_parser, run

__all__ = ["longest", "one_in_a_thousand", "time_each"]

Times = Sequence[int]
"""Nanoseconds of each transfer."""
Transfer = Callable[[int, int], object]


def time_each(make: Transfer, pairs: Pairs) -> Times:
    """Make transfers, and note how long each took."""
    times, now = array("q"), time.perf_counter_ns
    note = times.append
    for source, target in pairs:
        began = now()
        make(source, target)
        note(now() - began)
    return times


def longest(_: float, times: Times) -> float:
    """Give the longest in seconds."""
    return max(times) / 1e9


def one_in_a_thousand(_: float, times: Times) -> float:
    """Give what one in a thousand exceeds, in seconds."""
    return sorted(times)[len(times) * 999 // 1000] / 1e9


def in_qsdb(directory: Path, accounts: int, pairs: Pairs) -> Task[Times]:
    """Call the reducer."""
    folder = new_folder(directory)
    db = load_bank(folder, accounts, "interval")
    call = db.call

    def make(source: int, target: int) -> None:
        call(transfer, source, target, 1)

    def verify(times: Times) -> str:
        require(len(times) == len(pairs), "a transfer was not timed")
        require(db.offset == 2 + len(pairs), "a transfer made no commit")
        return verified(qsdb_rows(db), accounts)

    def close() -> None:
        db.close()
        shutil.rmtree(folder)

    return Task(partial(time_each, make, pairs), verify, close)


def in_sqlite(accounts: int, pairs: Pairs) -> Task[Times]:
    """Execute six statements."""
    connection = load_sqlite(accounts)
    execute = connection.cursor().execute

    def make(source: int, target: int) -> None:
        execute("BEGIN")
        ((payer,),) = execute(SELECT, (source,))
        ((payee,),) = execute(SELECT, (target,))
        if payer < 1:
            raise ValueError("insufficient funds")
        execute(UPDATE, (payer - 1, source))
        execute(UPDATE, (payee + 1, target))
        execute("COMMIT")

    def verify(times: Times) -> str:
        require(len(times) == len(pairs), "a transfer was not timed")
        return verified(sqlite_rows(connection), accounts)

    return Task(partial(time_each, make, pairs), verify, connection.close)


def in_dict(accounts: int, pairs: Pairs) -> Task[Times]:
    """Set two items."""
    rows = load_dict(accounts)

    def make(source: int, target: int) -> None:
        payer, payee = rows[source], rows[target]
        if payer[1] < 1:
            raise ValueError("insufficient funds")
        rows[source] = (source, payer[1] - 1)
        rows[target] = (target, payee[1] + 1)

    def verify(times: Times) -> str:
        require(len(times) == len(pairs), "a transfer was not timed")
        return verified(dict_rows(rows), accounts)

    return Task(partial(time_each, make, pairs), verify)


def questions(directory: Path, sizes: Sizes) -> Iterator[Question]:
    """Ask for the longest, and for what one in a thousand exceeds."""
    accounts, count = sizes["accounts"], sizes["transfers"]
    pairs = draw_pairs(accounts, count, 0.0)
    contenders = [
        Contender("qsdb", lambda: in_qsdb(directory, accounts, pairs), 1),
        Contender("sqlite3", lambda: in_sqlite(accounts, pairs), 1, "peer"),
        Contender("dict", lambda: in_dict(accounts, pairs), 1, "floor"),
    ]
    asked = {
        f"the longest of {count:,} commits": (longest, 0.02),
        "what one in a thousand commits exceeds": (one_in_a_thousand, 0.001),
    }
    for title, (reading, bound) in asked.items():
        targets = [Total("qsdb", bound)]
        yield Question(title, contenders, targets, MILLISECONDS, reading)


def pauses(arguments: argparse.Namespace) -> Benchmark:
    """Give the benchmark for what was chosen."""
    return Benchmark(
        "bench_pauses",
        __doc__,
        full={"accounts": 1_000_000, "transfers": 1_000_000},
        small={"accounts": 50, "transfers": 200},
        questions=partial(questions, arguments.directory),
        seed=SEED,
    )


def main() -> None:
    """Run as a program."""
    arguments = make_parser(__doc__).parse_args()
    run(pauses(arguments), arguments)


if __name__ == "__main__":
    main()
