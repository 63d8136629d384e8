"""How fast are the transfers of SpacetimeDB's keynote, from cold to hot accounts?

100,000 accounts; a transfer reads two, refuses if the first has too little, and writes
both. Accounts are drawn by Zipf's law with an exponent alpha from 0, where all are
alike, to 1.5, where a few are in most transfers: engines whose writers wait for each
other's rows slow down there. For each alpha:

* *in memory*: calls one after the other.
* *interval*: the disk has each transfer soon, and the clock runs until it has all.
* *always*: a transfer counts when it is on the disk. Up to 2,560 are on their way at
  once, as in the keynote: ``in flight`` is one thread that calls on and waits for the
  oldest to be on the disk; ``threads`` are 32 that wait each for its own. sqlite and
  lmdb make one after the other: they have no more than one writer.

Redis runs a script for each transfer, 2,560 of them sent before answers are read.

Not measured: the network. In the keynote all calls come over WebSockets and HTTP;
bench_server asks that.
"""

import argparse
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import qsdb
from benchmarks.accounts import Account, bank, opening_rows
from benchmarks.bench_durability import (
    THREADS,
    by_always,
    by_interval,
    found_in,
    new_folder,
)
from benchmarks.bench_transfer import (
    SEED,
    Pairs,
    by_dict,
    by_reducer,
    by_sqlite,
    draw_pairs,
    transfer,
)
from benchmarks.harness import Contender, Cost, Question, Speed, Task, require
from benchmarks.peers import is_installed, left_out
from benchmarks.program import Benchmark, Sizes, make_parser, run
from benchmarks.transfer_peers import by_apsw, by_file, by_lmdb, by_redis

ALPHAS = (0.0, 0.5, 1.0, 1.5)
IN_FLIGHT = 2_560
CHECKED = 64
"""So many calls are made between two looks at how many are on their way."""
SYNC_INTERVAL = 0.0005
"""Seconds: what is on its way waits no longer for company."""


def by_flight(
    directory: Path, in_flight: int, accounts: int, pairs: Pairs
) -> Task[None]:
    """Call on while no more than so many transfers are not on the disk yet."""
    folder = new_folder(directory)
    db = qsdb.Database(
        bank, folder, durability="interval", sync_interval=SYNC_INTERVAL, seed=1
    )
    with db.write() as tx:
        tx[Account].insert_many(Account(*row) for row in opening_rows(accounts))
    db.wait_durable()
    before = db.offset

    def work() -> None:
        call, wait = db.call, db.wait_durable
        for number, (source, target) in enumerate(pairs):
            call(transfer, source, target, 1)
            if number % CHECKED == 0 and number >= in_flight:
                wait(before + number - in_flight + CHECKED)
        wait()

    def verify(_: None) -> str:
        require(db.durable_offset == db.offset, "a transfer is not on the disk")
        db.close()
        return found_in(folder, accounts, before + len(pairs))

    def close() -> None:
        db.close()
        shutil.rmtree(folder)

    return Task(work, verify, close)


def in_memory(alpha: float, accounts: int, pairs: Pairs) -> Question:
    """Ask for transfers in memory."""
    given, count = (accounts, pairs), len(pairs)
    contenders = [
        Contender("qsdb", partial(by_reducer, *given), count),
        Contender("sqlite3", partial(by_sqlite, *given), count, "peer"),
    ]
    if is_installed("apsw"):
        contenders.append(Contender("apsw", partial(by_apsw, *given), count, "peer"))
    if is_installed("lmdb"):
        make = partial(by_lmdb, None, *given)
        contenders.append(Contender("lmdb", make, count, "peer"))
    if is_installed("redis"):
        make = partial(by_redis, "", IN_FLIGHT, None, *given)
        contenders.append(Contender("Redis", make, count, "peer"))
    contenders.append(Contender("dict", partial(by_dict, *given), count, "floor"))
    return Question(
        f"keynote, alpha {alpha:g}, in memory",
        contenders,
        [Speed("qsdb", 1.4, "sqlite3"), Cost("qsdb", 6, "dict")],
        left_out=left_out(["apsw", "lmdb", "redis"]),
    )


def interval(alpha: float, directory: Path, accounts: int, pairs: Pairs) -> Question:
    """Ask for transfers that are on the disk soon."""
    given, count = (directory, accounts, pairs), len(pairs)
    contenders = [Contender("qsdb", partial(by_interval, *given), count)]
    memory = "sqlite3 in memory"
    make = partial(by_sqlite, accounts, pairs)
    contenders.append(Contender(memory, make, count, "peer"))
    engines = ["sqlite3", *(["apsw"] if is_installed("apsw") else [])]
    for engine in engines:
        for synchronous in ("OFF", "NORMAL"):
            task = partial(by_file, engine, synchronous, *given)
            name = f"{engine} {synchronous}"
            contenders.append(Contender(name, task, count, "peer"))
    if is_installed("redis"):
        task = partial(by_redis, "everysec", IN_FLIGHT, *given)
        contenders.append(Contender("Redis everysec", task, count, "peer"))
    floor = partial(by_dict, accounts, pairs)
    contenders.append(Contender("dict", floor, count, "floor"))
    return Question(
        f"keynote, alpha {alpha:g}, interval",
        contenders,
        [Speed("qsdb", 1.05, memory), Speed("qsdb", 4, "sqlite3 NORMAL")],
        left_out=left_out(["apsw", "redis"]),
    )


def always(alpha: float, directory: Path, accounts: int, pairs: Pairs) -> Question:
    """Ask for transfers that are on the disk before they count."""
    given, count = (directory, accounts, pairs), len(pairs)
    flight, at_once = f"qsdb, {IN_FLIGHT:,} in flight", f"qsdb, {THREADS} threads"
    contenders = [
        Contender(flight, partial(by_flight, directory, IN_FLIGHT, *given[1:]), count),
        Contender(at_once, partial(by_always, *given, THREADS), count),
    ]
    engines = ["sqlite3", *(["apsw"] if is_installed("apsw") else [])]
    for engine in engines:
        task = partial(by_file, engine, "FULL", *given)
        contenders.append(Contender(f"{engine} FULL", task, count, "peer"))
    if is_installed("lmdb"):
        contenders.append(
            Contender("lmdb sync", partial(by_lmdb, *given), count, "peer")
        )
    if is_installed("redis"):
        task = partial(by_redis, "always", IN_FLIGHT, *given)
        contenders.append(Contender("Redis always", task, count, "peer"))
    return Question(
        f"keynote, alpha {alpha:g}, always",
        contenders,
        [Speed(at_once, 4, "sqlite3 FULL")],
        left_out=left_out(["apsw", "lmdb", "redis"]),
    )


def counted(accounts: int, pairs: Pairs) -> Task[None]:
    """Call the reducer; the evidence is how often, for pairs that differ."""
    task = by_reducer(accounts, pairs)

    def verify(result: None) -> int:
        task.verify(result)
        return len(pairs)

    return Task(task.work, verify, task.close)


def hot_beside_cold(accounts: int, count: int) -> Question:
    """Ask whether transfers between few accounts are slower than between all."""
    hot, cold = (
        partial(counted, accounts, draw_pairs(accounts, count, alpha))
        for alpha in (ALPHAS[-1], ALPHAS[0])
    )
    names = f"qsdb, alpha {ALPHAS[-1]:g}", f"qsdb, alpha {ALPHAS[0]:g}"
    return Question(
        "keynote, hot beside cold",
        [Contender(names[0], hot, count), Contender(names[1], cold, count, "peer")],
        [Cost(names[0], 1, names[1])],
    )


def questions(directory: Path, sizes: Sizes) -> Iterator[Question]:
    """Ask for each alpha and promise."""
    accounts = sizes["accounts"]
    for alpha in ALPHAS:
        pairs = draw_pairs(accounts, sizes["transfers"], alpha)
        yield in_memory(alpha, accounts, pairs)
        yield interval(alpha, directory, accounts, pairs)
        synced = draw_pairs(accounts, sizes["transfers_synced"], alpha)
        yield always(alpha, directory, accounts, synced)
    yield hot_beside_cold(accounts, sizes["transfers"])


def keynote(arguments: argparse.Namespace) -> Benchmark:
    """Give the benchmark for what was chosen."""
    return Benchmark(
        "bench_keynote",
        __doc__,
        full={"accounts": 100_000, "transfers": 100_000, "transfers_synced": 10_000},
        small={"accounts": 50, "transfers": 100, "transfers_synced": 40},
        questions=partial(questions, arguments.directory),
        seed=SEED,
    )


def main() -> None:
    """Run as a program."""
    arguments = make_parser(__doc__).parse_args()
    run(keynote(arguments), arguments)


if __name__ == "__main__":
    main()
