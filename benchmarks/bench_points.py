"""How fast is a row got by its primary key, and one of its columns read?

Each run loads the accounts anew, then gets random ones inside one transaction
and sums their balances. sqlite3 selects the one column; the floor looks up a
tuple in a dict. Of many accounts most lie outside the processor's caches, so
that the floor waits for memory too; of few all lie inside.

Not measured: keys that are missing, of several columns or not ints; the first
get of a transaction; reads beside a writer, when old rows must be looked for.
"""

from collections.abc import Iterator

from benchmarks.accounts import (
    SEED,
    SELECT,
    Account,
    draw_ids,
    load_dict,
    load_qsdb,
    load_sqlite,
)
from benchmarks.harness import Contender, Question, Speed, Task, require
from benchmarks.program import Benchmark, Sizes, make_parser, run


def in_write(accounts: int, ids: list[int]) -> Task[int]:
    """Get in a write transaction of qsdb."""
    db = load_qsdb(accounts)

    def work() -> int:
        total = 0
        with db.write() as tx:
            get = tx[Account].get
            for key in ids:
                total += get(key).balance  # type: ignore[union-attr]  # all are there
        return total

    def verify(total: int) -> int:
        require(db.offset == 2, "reading made a commit")
        return total

    return Task(work, verify, db.close)


def in_read(accounts: int, ids: list[int]) -> Task[int]:
    """Get in a read transaction of qsdb."""
    db = load_qsdb(accounts)

    def work() -> int:
        total = 0
        with db.read() as tx:
            get = tx[Account].get
            for key in ids:
                total += get(key).balance  # type: ignore[union-attr]  # all are there
        return total

    def verify(total: int) -> int:
        require(db.stats().pins == 0, "a read transaction was left open")
        return total

    return Task(work, verify, db.close)


def in_sqlite(accounts: int, ids: list[int]) -> Task[int]:
    """Select by primary key."""
    connection = load_sqlite(accounts)

    def work() -> int:
        execute = connection.cursor().execute
        total = 0
        execute("BEGIN")
        for key in ids:
            ((balance,),) = execute(SELECT, (key,))
            total += balance
        execute("COMMIT")
        return total

    return Task(work, int, connection.close)


def in_dict(accounts: int, ids: list[int]) -> Task[int]:
    """Look up in a dict."""
    rows = load_dict(accounts)

    def work() -> int:
        total = 0
        for key in ids:
            total += rows[key][1]
        return total

    return Task(work, int)


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask with many rows, and with so few that the processor's caches hold them."""
    for accounts in (sizes["accounts"], sizes["accounts_few"]):
        yield question(accounts, draw_ids(sizes["gets"], accounts))


def question(accounts: int, ids: list[int]) -> Question:
    """Ask both kinds of transactions."""
    count = len(ids)
    return Question(
        f"get by primary key, of {accounts:,}",
        [
            Contender("qsdb", lambda: in_write(accounts, ids), count),
            Contender("qsdb read-only", lambda: in_read(accounts, ids), count),
            Contender("sqlite3", lambda: in_sqlite(accounts, ids), count, "peer"),
            Contender("dict", lambda: in_dict(accounts, ids), count, "floor"),
        ],
        [Speed("qsdb", 3.0, "sqlite3"), Speed("qsdb read-only", 3.0, "sqlite3")],
    )


POINTS = Benchmark(
    "bench_points",
    __doc__,
    full={"accounts": 100_000, "accounts_few": 1_000, "gets": 200_000},
    small={"accounts": 100, "accounts_few": 10, "gets": 200},
    questions=questions,
    seed=SEED,
)


def main() -> None:
    """Run as a program."""
    run(POINTS, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
