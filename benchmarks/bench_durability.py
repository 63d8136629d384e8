"""What does it cost to have transfers on the disk, and not in memory only?

The transfers are those of bench_transfer. Two questions:

* ``always``: each transfer is on the disk before its call returns. qsdb does so
  from one thread, and from 32 that wait at once; sqlite3 with a write-ahead log and
  ``synchronous=FULL``; the floor is a bare loop of ``os.pwrite`` and
  ``os.fdatasync``, which writes the log that qsdb has written, in as many pieces as
  there are transfers, into space that was allocated before.
* ``interval``: the disk has each transfer soon. The clock runs until it has all:
  qsdb's run ends with `wait_durable`. sqlite3 with ``synchronous=NORMAL`` need not,
  and does not; the floor is qsdb in memory.

After the clock has stopped, all close and open what is on the disk: it must hold
all transfers, also what the bare loop wrote.

Not measured: what a disk does that says it has written and has not; sqlite3 from
several threads, which wait for each other's locks.
"""

import argparse
import itertools
import os
import shutil
import sqlite3
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import cache, partial
from pathlib import Path

import qsdb
from benchmarks.accounts import (
    INSERT,
    SELECT,
    UPDATE,
    Account,
    bank,
    opening_rows,
    qsdb_rows,
    sqlite_rows,
)
from benchmarks.bench_transfer import (
    SEED,
    Pairs,
    by_reducer,
    draw_pairs,
    transfer,
    verified,
)
from benchmarks.harness import Contender, Cost, Question, Speed, Task, require
from benchmarks.program import Benchmark, Sizes, make_parser, run
from qsdb.log.end_notes import END_NAME
from qsdb.log.segments import segment_name

THREADS = 32


def new_folder(directory: Path) -> Path:
    """Make an empty folder for one run, which removes it."""
    return Path(tempfile.mkdtemp(prefix="benchmark-", dir=directory))


def open_bank(folder: Path, durability: str) -> qsdb.Database:
    """Open a bank that is kept in a folder."""
    return qsdb.Database(bank, folder, durability=durability, seed=1)


def load_bank(folder: Path, accounts: int, durability: str) -> qsdb.Database:
    """Make a bank with accounts, all on the disk."""
    db = open_bank(folder, durability)
    with db.write() as tx:
        tx[Account].insert_many(Account(*row) for row in opening_rows(accounts))
    db.wait_durable()
    return db


def make_transfers(db: qsdb.Database, pairs: Pairs) -> None:
    """Call the reducer."""
    call = db.call
    for source, target in pairs:
        call(transfer, source, target, 1)


def make_transfers_at_once(db: qsdb.Database, pairs: Pairs) -> None:
    """Call the reducer from many threads, each with its share."""
    threads = [
        threading.Thread(target=make_transfers, args=(db, pairs[number::THREADS]))
        for number in range(THREADS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def found_in(folder: Path, accounts: int, offset: int) -> str:
    """Open a bank again, and give the hash of its accounts."""
    with open_bank(folder, "always") as db:
        require(db.offset == offset, f"offset {db.offset} on disk, {offset} is right")
        return verified(qsdb_rows(db), accounts)


def by_always(directory: Path, accounts: int, pairs: Pairs, threads: int) -> Task[None]:
    """Have each transfer on the disk when its call returns."""
    folder = new_folder(directory)
    db = load_bank(folder, accounts, "always")
    make = make_transfers if threads == 1 else make_transfers_at_once

    def verify(_: None) -> str:
        require(db.durable_offset == db.offset, "a transfer is not on the disk")
        db.close()
        return found_in(folder, accounts, 2 + len(pairs))

    def close() -> None:
        db.close()
        shutil.rmtree(folder)

    return Task(partial(make, db, pairs), verify, close)


def by_interval(directory: Path, accounts: int, pairs: Pairs) -> Task[bool]:
    """Have all transfers on the disk in the end."""
    folder = new_folder(directory)
    db = load_bank(folder, accounts, "interval")

    def work() -> bool:
        make_transfers(db, pairs)
        return db.wait_durable()

    def verify(is_durable: bool) -> str:  # noqa: FBT001  what `work` gives
        require(is_durable, "the last transfer is not on the disk")
        require(db.durable_offset == db.offset, "a transfer is not on the disk")
        db.close()
        return found_in(folder, accounts, 2 + len(pairs))

    def close() -> None:
        db.close()
        shutil.rmtree(folder)

    return Task(work, verify, close)


def open_sqlite(folder: Path, synchronous: str) -> sqlite3.Connection:
    """Open sqlite3 on disk."""
    connection = sqlite3.connect(folder / "bank.sqlite", isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute(f"PRAGMA synchronous = {synchronous}")
    return connection


def by_sqlite(
    directory: Path, accounts: int, pairs: Pairs, synchronous: str
) -> Task[None]:
    """Take the steps of the reducer as six statements."""
    folder = new_folder(directory)
    connection = open_sqlite(folder, synchronous)
    connection.execute(
        "CREATE TABLE account (id INTEGER PRIMARY KEY, balance INTEGER NOT NULL)"
    )
    connection.execute("BEGIN")
    connection.executemany(INSERT, opening_rows(accounts))
    connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def work() -> None:
        execute = connection.cursor().execute
        for source, target in pairs:
            execute("BEGIN")
            ((payer,),) = execute(SELECT, (source,))
            ((payee,),) = execute(SELECT, (target,))
            if payer < 1:
                raise ValueError("insufficient funds")
            execute(UPDATE, (payer - 1, source))
            execute(UPDATE, (payee + 1, target))
            execute("COMMIT")

    def verify(_: None) -> str:
        connection.close()
        with closing(open_sqlite(folder, synchronous)) as again:
            return verified(sqlite_rows(again), accounts)

    def close() -> None:
        connection.close()
        shutil.rmtree(folder)

    return Task(work, verify, close)


def logs(directory: Path, accounts: int, pairs: Pairs) -> tuple[bytes, bytes, bytes]:
    """Give the log before the transfers, what they add, and the note of its end."""
    folder = new_folder(directory)
    try:
        load_bank(folder, accounts, "always").close()
        before = (folder / segment_name(1)).read_bytes()
        end = (folder / END_NAME).read_bytes()
        with open_bank(folder, "always") as db:
            make_transfers(db, pairs)
        after = (folder / segment_name(1)).read_bytes()
    finally:
        shutil.rmtree(folder)
    require(after.startswith(before), "the log was not written on")
    return before, after[len(before) :], end


def cut(data: bytes, count: int) -> list[bytes]:
    """Cut bytes into so many pieces of almost one size."""
    ends = [len(data) * number // count for number in range(count + 1)]
    return [data[start:end] for start, end in itertools.pairwise(ends)]


def by_bare_loop(
    directory: Path, accounts: int, before: bytes, pieces: list[bytes], end: bytes
) -> Task[None]:
    """Write a log in pieces, each synced before the next."""
    folder = new_folder(directory)
    file = folder / segment_name(1)
    file.parent.mkdir()
    file.write_bytes(before)
    (folder / END_NAME).write_bytes(end)
    descriptor = os.open(file, os.O_RDWR)
    os.posix_fallocate(descriptor, len(before), sum(map(len, pieces)))
    os.fsync(descriptor)

    def work() -> None:
        write, sync, position = os.pwrite, os.fdatasync, len(before)
        for piece in pieces:
            write(descriptor, piece, position)
            sync(descriptor)
            position += len(piece)

    def close() -> None:
        os.close(descriptor)
        shutil.rmtree(folder)

    def verify(_: None) -> str:
        return found_in(folder, accounts, 2 + len(pieces))

    return Task(work, verify, close)


def questions(directory: Path, sizes: Sizes) -> Iterator[Question]:
    """Ask for transfers that are on the disk at once, then for those that are soon."""
    accounts, count = sizes["accounts"], sizes["transfers_always"]
    yield always_question(directory, accounts, draw_pairs(accounts, count, 0.0))
    count = sizes["transfers_interval"]
    yield interval_question(directory, accounts, draw_pairs(accounts, count, 0.0))


def always_question(directory: Path, accounts: int, pairs: Pairs) -> Question:
    """Ask what a transfer costs that is on the disk when its call returns."""
    at_once, floor = f"qsdb, {THREADS} threads", "pwrite + fdatasync"
    given = directory, accounts, pairs

    @cache
    def log() -> tuple[bytes, list[bytes], bytes]:
        before, added, end = logs(*given)
        return before, cut(added, len(pairs)), end

    tasks = [
        Contender("qsdb", partial(by_always, *given, 1), len(pairs)),
        Contender(at_once, partial(by_always, *given, THREADS), len(pairs)),
        Contender("sqlite3", partial(by_sqlite, *given, "FULL"), len(pairs), "peer"),
    ]
    targets = [Speed(at_once, 4, "qsdb")]
    if not hasattr(os, "posix_fallocate"):
        return Question("transfer, always", tasks, targets)
    bare = Contender(
        floor, lambda: by_bare_loop(directory, accounts, *log()), len(pairs), "floor"
    )
    return Question(
        "transfer, always", [*tasks, bare], [Cost("qsdb", 1.3, floor), *targets]
    )


def interval_question(directory: Path, accounts: int, pairs: Pairs) -> Question:
    """Ask what a transfer costs that is on the disk soon."""
    count, floor = len(pairs), "qsdb in memory"
    given = directory, accounts, pairs
    return Question(
        "transfer, interval",
        [
            Contender("qsdb", partial(by_interval, *given), count),
            Contender("sqlite3", partial(by_sqlite, *given, "NORMAL"), count, "peer"),
            Contender(floor, partial(by_reducer, accounts, pairs), count, "floor"),
        ],
        [Cost("qsdb", 1.7, floor), Speed("qsdb", 3.5, "sqlite3")],
    )


def durability(arguments: argparse.Namespace) -> Benchmark:
    """Give the benchmark for what was chosen."""
    return Benchmark(
        "bench_durability",
        __doc__,
        full={
            "accounts": 100_000,
            "transfers_always": 8_000,
            "transfers_interval": 100_000,
        },
        small={"accounts": 100, "transfers_always": 64, "transfers_interval": 200},
        questions=partial(questions, arguments.directory),
        seed=SEED,
    )


def main() -> None:
    """Run as a program."""
    arguments = make_parser(__doc__).parse_args()
    run(durability(arguments), arguments)


if __name__ == "__main__":
    main()
