"""How fast are rows updated by primary key, and what does the collector pay later?

Each run loads the accounts anew and updates random ones in one transaction,
commit included: first with a row made from scratch, then with one that was got
and replaced, beside a select and an update in sqlite3. The last question updates
every account of a large table once, in one transaction and in transactions of a
hundred, and then times one full garbage collection, the first since the update;
loading and updating are not in that figure. It is a matter of how many rows the
collector has seen before: young collections free it from looking at a row again,
and they happen when more is made than dropped.

Not measured: indexed columns that change, a transaction for each update (see
bench_transfer), reads at an older offset, for which old rows must be kept.
"""

import gc
from collections.abc import Iterator, Sequence

from benchmarks.accounts import (
    SEED,
    SELECT,
    UPDATE,
    Account,
    dict_rows,
    digest,
    draw_ids,
    load_dict,
    load_qsdb,
    load_sqlite,
    qsdb_rows,
    sqlite_rows,
)
from benchmarks.harness import (
    MILLISECONDS,
    Contender,
    Question,
    Speed,
    Task,
    Total,
    require,
)
from benchmarks.program import Benchmark, Sizes, make_parser, run

BATCH = 100


def by_update(accounts: int, ids: Sequence[int]) -> Task[None]:
    """Update with rows made from scratch."""
    db = load_qsdb(accounts)

    def work() -> None:
        with db.write() as tx:
            update = tx[Account].update
            for balance, key in enumerate(ids):
                update(Account(key, balance))

    def verify(_: None) -> str:
        require(db.offset == 3, "not one commit")
        return digest(qsdb_rows(db), accounts)

    return Task(work, verify, db.close)


def by_statement(accounts: int, ids: Sequence[int]) -> Task[None]:
    """Update by primary key in sqlite3."""
    connection = load_sqlite(accounts)

    def work() -> None:
        execute = connection.cursor().execute
        execute("BEGIN")
        for balance, key in enumerate(ids):
            execute(UPDATE, (balance, key))
        execute("COMMIT")

    def verify(_: None) -> str:
        return digest(sqlite_rows(connection), accounts)

    return Task(work, verify, connection.close)


def by_item(accounts: int, ids: Sequence[int]) -> Task[None]:
    """Set items of a dict."""
    rows = load_dict(accounts)

    def work() -> None:
        for balance, key in enumerate(ids):
            rows[key] = (key, balance)

    def verify(_: None) -> str:
        return digest(dict_rows(rows), accounts)

    return Task(work, verify)


def by_replace(accounts: int, ids: Sequence[int]) -> Task[None]:
    """Get a row, replace a column, update."""
    db = load_qsdb(accounts)

    def work() -> None:
        with db.write() as tx:
            get, update = tx[Account].get, tx[Account].update
            for key in ids:
                row = get(key)
                assert row is not None
                update(row.replace(balance=row.balance + 1))

    def verify(_: None) -> str:
        require(db.offset == 3, "not one commit")
        return digest(qsdb_rows(db), accounts)

    return Task(work, verify, db.close)


def by_two_statements(accounts: int, ids: Sequence[int]) -> Task[None]:
    """Select, then update, in sqlite3."""
    connection = load_sqlite(accounts)

    def work() -> None:
        execute = connection.cursor().execute
        execute("BEGIN")
        for key in ids:
            ((balance,),) = execute(SELECT, (key,))
            execute(UPDATE, (balance + 1, key))
        execute("COMMIT")

    def verify(_: None) -> str:
        return digest(sqlite_rows(connection), accounts)

    return Task(work, verify, connection.close)


def by_two_look_ups(accounts: int, ids: Sequence[int]) -> Task[None]:
    """Get an item of a dict, then set it."""
    rows = load_dict(accounts)

    def work() -> None:
        for key in ids:
            rows[key] = (key, rows[key][1] + 1)

    def verify(_: None) -> str:
        return digest(dict_rows(rows), accounts)

    return Task(work, verify)


def collect_after_qsdb(accounts: int) -> Task[int]:
    """Update all accounts of qsdb, then collect garbage."""
    task = by_update(accounts, range(accounts))
    task.work()
    return Task(gc.collect, lambda _: task.verify(None), task.close)


def collect_after_many(accounts: int) -> Task[int]:
    """Update all accounts of qsdb in many transactions, then collect garbage."""
    db = load_qsdb(accounts)
    for first in range(0, accounts, BATCH):
        with db.write() as tx:
            update = tx[Account].update
            for key in range(first, min(first + BATCH, accounts)):
                update(Account(key, key))
    return Task(gc.collect, lambda _: digest(qsdb_rows(db), accounts), db.close)


def collect_after_dict(accounts: int) -> Task[int]:
    """Update all accounts of a dict, then collect garbage."""
    task = by_item(accounts, range(accounts))
    task.work()
    return Task(gc.collect, lambda _: task.verify(None))


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask for both kinds of updates, then for the collector."""
    accounts, count = sizes["accounts"], sizes["updates"]
    ids = draw_ids(count, accounts)
    yield Question(
        "update by primary key",
        [
            Contender("qsdb", lambda: by_update(accounts, ids), count),
            Contender("sqlite3", lambda: by_statement(accounts, ids), count, "peer"),
            Contender("dict", lambda: by_item(accounts, ids), count, "floor"),
        ],
        [Speed("qsdb", 0.7, "sqlite3")],
    )
    yield Question(
        "get, replace, update",
        [
            Contender("qsdb", lambda: by_replace(accounts, ids), count),
            Contender(
                "sqlite3", lambda: by_two_statements(accounts, ids), count, "peer"
            ),
            Contender("dict", lambda: by_two_look_ups(accounts, ids), count, "floor"),
        ],
    )
    many = sizes["rows_to_collect"]
    yield Question(
        f"collection after {many:,} updates",
        [
            Contender("qsdb", lambda: collect_after_qsdb(many), 1),
            Contender("qsdb in hundreds", lambda: collect_after_many(many), 1),
            Contender("dict", lambda: collect_after_dict(many), 1, "floor"),
        ],
        [Total("qsdb", 0.06)],
        unit=MILLISECONDS,
        collects=False,
    )


UPDATES = Benchmark(
    "bench_update",
    __doc__,
    full={"accounts": 100_000, "updates": 100_000, "rows_to_collect": 1_000_000},
    small={"accounts": 100, "updates": 200, "rows_to_collect": 200},
    questions=questions,
    seed=SEED,
)


def main() -> None:
    """Run as a program."""
    run(UPDATES, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
