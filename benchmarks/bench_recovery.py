"""How long does a database on disk take to open, and a writer to wait for a snapshot?

* Replay: a bank with its accounts and transfers in the log, and no snapshot, is
  opened. The peer makes the transfers again, two statements each, in sqlite3 in
  memory; the floor makes them in a dict; both have the accounts already.
* Load: the rows of bench_memory, with their btree, are read from a snapshot. The
  peer copies a sqlite3 database from disk to memory, page by page; the floor reads
  a pickle, and makes a dict and a sorted list.
* Pause: a thread makes one transfer after the other while another one takes a
  snapshot of all accounts. The figure is the longest that one transfer took; the
  floor is the longest in as many transfers as are asked for with no snapshot. Both
  threads share one interpreter, so most of it is waiting for its lock.

Files were written a moment ago, so the system has them in memory.

Not measured: cold disks; how long a snapshot takes.
"""

import argparse
import array
import functools
import hashlib
import itertools
import pickle
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import qsdb
from benchmarks.accounts import qsdb_rows
from benchmarks.bench_durability import load_bank, make_transfers, new_folder, open_bank
from benchmarks.bench_memory import (
    Raw,
    Record,
    numbers_in_qsdb,
    numbers_in_sqlite,
    raw_records,
    store,
)
from benchmarks.bench_transfer import (
    Pairs,
    by_dict,
    by_two_updates,
    draw_pairs,
    transfer,
    verified,
)
from benchmarks.harness import (
    MILLISECONDS,
    Contender,
    InvariantError,
    Question,
    Task,
    Total,
    require,
)
from benchmarks.program import Benchmark, Sizes, make_parser, run

REPLAYED_PER_SECOND = 250_000
LOADED_PER_SECOND = 500_000
PAUSE_SECONDS_MAX = 0.04
BATCH = 100
"""So many transfers are made before looking whether the snapshot is taken."""


def recovered(db: qsdb.Database) -> qsdb.Recovery:
    """Give what was found on the disk.

    Raises:
        InvariantError: the database is in memory.
    """
    if db.recovery is None:
        raise InvariantError("the database is in memory")
    return db.recovery


def by_replay(folder: Path, accounts: int, count: int) -> Task[qsdb.Database]:
    """Open a bank whose transfers are in the log."""

    def verify(db: qsdb.Database) -> str:
        with db:
            found = recovered(db)
            require(found.snapshot_offset is None, "there was a snapshot")
            require(found.records_count == 2 + count, "a transfer was not replayed")
            return verified(qsdb_rows(db), accounts)

    return Task(functools.partial(open_bank, folder, "interval"), verify)


def replay_question(folder: Path, accounts: int, pairs: Pairs) -> Question:
    """Ask for a log of transfers."""
    with load_bank(folder, accounts, "interval") as db:
        make_transfers(db, pairs)
    count, peer = len(pairs), "sqlite3, two updates"
    return Question(
        f"replay of {count:,} transfers",
        [
            Contender("qsdb", lambda: by_replay(folder, accounts, count), count),
            Contender(peer, lambda: by_two_updates(accounts, pairs), count, "peer"),
            Contender("dict", lambda: by_dict(accounts, pairs), count, "floor"),
        ],
        [Total("qsdb", count / REPLAYED_PER_SECOND)],
    )


def numbers_digest(numbers: Sequence[int]) -> str:
    """Give a hash of numbers, which stand in their order."""
    require(all(a <= b for a, b in itertools.pairwise(numbers)), "disorder")
    return hashlib.blake2b(array.array("q", numbers).tobytes()).hexdigest()


def by_snapshot(folder: Path, count: int) -> Task[qsdb.Database]:
    """Open a database whose rows are in a snapshot."""

    def verify(db: qsdb.Database) -> str:
        with db:
            found = recovered(db)
            require(found.snapshot_offset == db.offset == 2, "another snapshot")
            require(found.records_count == 0, "something was replayed")
            with db.read() as tx:
                require(len(tx[Record]) == count, "a row is missing")
            return numbers_digest(numbers_in_qsdb(db))

    return Task(lambda: qsdb.Database(store, folder), verify)


def by_backup(file: Path) -> Task[sqlite3.Connection]:
    """Copy a database of sqlite3 to memory."""

    def work() -> sqlite3.Connection:
        connection = sqlite3.connect(":memory:")
        with closing(sqlite3.connect(file)) as on_disk:
            on_disk.backup(connection)
        return connection

    def verify(connection: sqlite3.Connection) -> str:
        with closing(connection):
            return numbers_digest(numbers_in_sqlite(connection))

    return Task(work, verify)


Plain = tuple[dict[int, Raw], list[tuple[int, int]]]


def by_pickle(file: Path) -> Task[Plain]:
    """Read rows from a pickle, and make what finds them by key and by number."""

    def work() -> Plain:
        rows: list[Raw] = pickle.loads(file.read_bytes())  # noqa: S301  our own
        return {row[0]: row for row in rows}, sorted((row[1], row[0]) for row in rows)

    def verify(found: Plain) -> str:
        by_id, by_number = found
        require(all(by_id[key][1] == number for number, key in by_number), "disorder")
        return numbers_digest([number for number, _ in by_number])

    return Task(work, verify)


def write_records(folder: Path, count: int) -> None:
    """Write the rows in the three forms that are loaded."""
    with qsdb.Database(store, folder / "qsdb") as db:
        with db.write() as tx:
            tx[Record].insert_many(Record(*raw) for raw in raw_records(count))
        db.snapshot()
    with closing(sqlite3.connect(folder / "records.sqlite")) as connection:
        connection.execute("CREATE TABLE record (id INTEGER PRIMARY KEY, number, text)")
        connection.executemany(
            "INSERT INTO record VALUES (?, ?, ?)", raw_records(count)
        )
        connection.execute("CREATE INDEX by_number ON record (number)")
        connection.commit()
    folder.joinpath("records.pickle").write_bytes(pickle.dumps([*raw_records(count)]))


def load_question(folder: Path, count: int) -> Question:
    """Ask for a snapshot."""
    write_records(folder, count)
    sqlite, plain = folder / "records.sqlite", folder / "records.pickle"
    return Question(
        f"load of {count:,} rows and a btree",
        [
            Contender("qsdb", lambda: by_snapshot(folder / "qsdb", count), count),
            Contender("sqlite3, backup", lambda: by_backup(sqlite), count, "peer"),
            Contender("pickle", lambda: by_pickle(plain), count, "floor"),
        ],
        [Total("qsdb", count / LOADED_PER_SECOND)],
    )


def longest_transfer(
    db: qsdb.Database, pairs: Pairs, is_over: Callable[[], bool]
) -> float:
    """Make all transfers, and again until it is over; give the longest, in seconds."""
    call, clock = db.call, time.perf_counter
    longest = 0.0
    while True:
        for source, target in pairs:
            began = clock()
            call(transfer, source, target, 1)
            longest = max(longest, clock() - began)
        if is_over():
            return longest


def by_pause(
    directory: Path, accounts: int, pairs: Pairs, *, has_snapshot: bool
) -> Task[float]:
    """Make transfers, during a snapshot or on their own."""
    folder = new_folder(directory)
    db = load_bank(folder, accounts, "interval")
    before = db.offset

    def work() -> float:
        if not has_snapshot:
            return longest_transfer(db, pairs, lambda: True)
        has_begun = threading.Event()

        def take() -> int:
            has_begun.set()
            return db.snapshot()

        with ThreadPoolExecutor(1) as other:
            snapshot = other.submit(take)
            has_begun.wait()
            longest = longest_transfer(db, pairs[:BATCH], snapshot.done)
            require(snapshot.result() >= before, "the snapshot is of another offset")
        return longest

    def verify(_: float) -> int:
        offset, expected = db.offset, verified(qsdb_rows(db), accounts)
        db.close()
        with open_bank(folder, "interval") as again:
            is_there = recovered(again).snapshot_offset is not None
            require(is_there == has_snapshot, "no snapshot, or one that was not taken")
            require(again.offset == offset, "a transfer is not on the disk")
            require(verified(qsdb_rows(again), accounts) == expected, "other accounts")
        return accounts

    def close() -> None:
        db.close()
        shutil.rmtree(folder)

    return Task(work, verify, close)


def longest(seconds: float, found: float) -> float:  # noqa: ARG001  see Question
    """Give the figure of a run."""
    return found


def pause_question(directory: Path, accounts: int, pairs: Pairs) -> Question:
    """Ask for the longest pause."""
    ask = functools.partial(by_pause, directory, accounts, pairs)
    floor = "qsdb, no snapshot"
    return Question(
        f"longest transfer while {accounts:,} rows are saved",
        [
            Contender("qsdb", lambda: ask(has_snapshot=True), 1),
            Contender(floor, lambda: ask(has_snapshot=False), 1, "floor"),
        ],
        [Total("qsdb", PAUSE_SECONDS_MAX)],
        unit=MILLISECONDS,
        reading=longest,
    )


def questions(directory: Path, sizes: Sizes) -> Iterator[Question]:
    """Ask for replay, load and pause."""
    accounts, count = sizes["accounts"], sizes["transfers"]
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=directory) as name:
        folder = Path(name) / "replay"
        yield replay_question(folder, accounts, draw_pairs(accounts, count, 0.0))
    with tempfile.TemporaryDirectory(prefix="benchmark-", dir=directory) as name:
        yield load_question(Path(name), sizes["rows"])
    many = sizes["accounts_saved"]
    pairs = draw_pairs(many, sizes["transfers_alone"], 0.0)
    yield pause_question(directory, many, pairs)


def recovery(arguments: argparse.Namespace) -> Benchmark:
    """Give the benchmark for what was chosen."""
    return Benchmark(
        "bench_recovery",
        __doc__,
        full={
            "accounts": 100_000,
            "transfers": 500_000,
            "rows": 1_000_000,
            "accounts_saved": 1_000_000,
            "transfers_alone": 100_000,
        },
        small={
            "accounts": 100,
            "transfers": 200,
            "rows": 1_000,
            "accounts_saved": 1_000,
            "transfers_alone": 200,
        },
        questions=functools.partial(questions, arguments.directory),
    )


def main() -> None:
    """Run as a program."""
    arguments = make_parser(__doc__).parse_args()
    run(recovery(arguments), arguments)


if __name__ == "__main__":
    main()
