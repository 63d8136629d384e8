# ruff: noqa: SLF001  a part of the store is taken out and exchanged
"""What do pre-images cost a write, when no read transaction is open?

The twin is the same database but for what a pre-image does: where the generated
operations say ``if key not in pre: pre[key] = old``, the twin's, made from the
same source, append ``(key, old)`` to an undo list; its tables do not show what
is noted to readers, and its commit empties the list and does not work out
whether anything has changed on balance. So the twin writes in place and could
roll back, and could do nothing else.

Each run loads the accounts anew and makes one transaction of many updates, or of
many inserts, or many transactions of two updates each; commits are included.

Not measured: writes beside a pin; what a rollback costs; `insert_many`, deletes.
"""

import linecache
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import qsdb
from benchmarks.accounts import Account, digest, draw_ids, load_qsdb, qsdb_rows
from benchmarks.harness import Contender, Cost, Question, Task, require
from benchmarks.program import Benchmark, Sizes, make_parser, run
from qsdb.schema.rows import Row
from qsdb.store.handles import closed
from qsdb.store.images import Images
from qsdb.store.transactions import WriteTransaction
from qsdb.store.writing import WriteTable
from qsdb.values.source import Names, compile_source

Load = Callable[[int], qsdb.Database]

NOTING = re.compile(r"^( +)if key not in pre: pre\[key\] = (old|None)$", re.MULTILINE)
OPERATIONS = ("insert", "update", "upsert")


def twin_source(source: str) -> str:
    """Give the source of a table's operations with an undo list for pre-images.

    Raises:
        InvariantError: an operation does not note exactly one image.
    """
    counts = {
        part.split("(")[0]: len(NOTING.findall(part))
        for part in re.split(r"^def ", source, flags=re.MULTILINE)[1:]
    }
    for name in OPERATIONS:
        require(counts.get(name) == 1, f"{name} notes {counts.get(name)} images, not 1")
    require(sum(counts.values()) == len(OPERATIONS), f"more notes than one: {counts}")
    return NOTING.sub(r"\1pre.append((key, \2))", source)


def twin_operations(table_class: type) -> dict[str, object]:
    """Compile the operations of a table anew, from the changed source."""
    # Any of them leads to the source of all and to the names that it uses.
    operation = vars(table_class)["update"]
    source = "".join(linecache.getlines(operation.__code__.co_filename))
    names = Names()
    names.objects.update(operation.__globals__)
    made = compile_source("operations with an undo list", twin_source(source), names)
    return {name: made[name] for name in OPERATIONS}


def open_twin_table(transaction: WriteTransaction, entry: Any) -> WriteTable[Row]:  # noqa: ANN401  private
    """Open a table with an undo list; stands for `WriteTransaction._open`."""
    handle: WriteTable[Row] = entry.write_class()
    handle._stored = entry.table
    handle._rows = entry.rows
    handle._find = entry.find
    handle._pre = cast(Images, [])
    transaction._opened[entry] = handle
    return handle


def finish_twin(transaction: WriteTransaction, _journal: object = None) -> int:
    """Commit by forgetting how to undo; stands for `WriteTransaction._finish`."""
    store = transaction._store
    offset = store.offset
    opened = transaction._opened.values()
    for handle in opened:
        stored = handle._stored
        if handle._pre:
            offset = store.offset + 1
            handle._pre.clear()
        stored.count = len(stored.rows)
    store.offset = offset
    transaction._is_open = False
    for handle in opened:
        handle._find = closed
    return offset


def load_twin(count: int) -> qsdb.Database:
    """Open a database with accounts whose writes keep an undo list."""
    db = load_qsdb(count)
    directory, writer = db._directory, db._writer
    entry = directory.by_class[Account]
    members = {"__slots__": (), **twin_operations(entry.write_class)}
    entry.write_class = type("TwinTable", (entry.write_class,), members)
    transaction = {"_open": open_twin_table, "_finish": finish_twin}
    writer._write_class = type("TwinTransaction", (directory.write_class,), transaction)
    return db


def update_in_one(load: Load, accounts: int, ids: Sequence[int]) -> Task[None]:
    """Make one transaction of many updates."""
    db = load(accounts)

    def work() -> None:
        with db.write() as tx:
            update = tx[Account].update
            for balance, key in enumerate(ids):
                update(Account(key, balance))

    def verify(_: None) -> str:
        return verified(db, accounts, commits=1)

    return Task(work, verify, db.close)


def insert_in_one(load: Load, accounts: int, count: int) -> Task[None]:
    """Make one transaction of many inserts."""
    db = load(accounts)

    def work() -> None:
        with db.write() as tx:
            insert = tx[Account].insert
            for key in range(accounts, accounts + count):
                insert(Account(key, key))

    def verify(_: None) -> str:
        return verified(db, accounts + count, commits=1)

    return Task(work, verify, db.close)


def update_by_twos(load: Load, accounts: int, ids: Sequence[int]) -> Task[None]:
    """Make a transaction for each two updates."""
    db = load(accounts)

    def work() -> None:
        write = db.write
        for balance, key in enumerate(ids):
            with write() as tx:
                update = tx[Account].update
                update(Account(key, balance))
                update(Account(accounts - 1 - key, balance))

    def verify(_: None) -> str:
        return verified(db, accounts, commits=len(ids))

    return Task(work, verify, db.close)


def verified(db: qsdb.Database, count: int, commits: int) -> str:
    """Give the hash of all accounts, after every rule of the store is checked."""
    require(db.offset == 2 + commits, f"{db.offset - 2} commits, not {commits}")
    db.check()
    return digest(qsdb_rows(db), count)


def question(title: str, make: Callable[[Load], Task[None]], count: int) -> Question:
    """Have a database and its twin do the same."""
    return Question(
        title,
        [
            Contender("qsdb", lambda: make(load_qsdb), count),
            Contender("undo list", lambda: make(load_twin), count, "floor"),
        ],
        [Cost("qsdb", 1.25, "undo list")],
    )


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask for large transactions, then for small ones."""
    accounts, count = sizes["accounts"], sizes["writes"]
    ids = draw_ids(count, accounts)
    yield question(
        "pre-images: update, in one transaction",
        lambda load: update_in_one(load, accounts, ids),
        count,
    )
    yield question(
        "pre-images: insert, in one transaction",
        lambda load: insert_in_one(load, accounts, count),
        count,
    )
    yield question(
        "pre-images: transaction of two updates",
        lambda load: update_by_twos(load, accounts, ids),
        count,
    )


PREIMAGES = Benchmark(
    "bench_preimages",
    __doc__,
    full={"accounts": 100_000, "writes": 100_000},
    small={"accounts": 100, "writes": 100},
    questions=questions,
)


def main() -> None:
    """Run as a program."""
    run(PREIMAGES, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
