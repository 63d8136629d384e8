"""How fast are all rows of a table gone through, and one column summed?

Each run loads the accounts anew and goes through the table a few times inside
one transaction; figures are per row. In qsdb each row is an object with all
columns; so sqlite3 selects all columns, and once more the one that is summed.
The floor goes through the values of a dict.

Not measured: sums that the engine works out itself (``SELECT sum(balance)``);
tables whose rows were updated and so lie scattered; tables beyond the caches.
"""

from collections.abc import Iterator

from benchmarks.accounts import Account, load_dict, load_qsdb, load_sqlite
from benchmarks.harness import Contender, Question, Speed, Task
from benchmarks.program import Benchmark, Sizes, make_parser, run


def in_write(accounts: int, scans: int) -> Task[int]:
    """Go through in a write transaction of qsdb."""
    db = load_qsdb(accounts)

    def work() -> int:
        total = 0
        with db.write() as tx:
            for _ in range(scans):
                for row in tx[Account]:
                    total += row.balance
        return total

    return Task(work, int, db.close)


def in_read(accounts: int, scans: int) -> Task[int]:
    """Go through in a read transaction of qsdb."""
    db = load_qsdb(accounts)

    def work() -> int:
        total = 0
        with db.read() as tx:
            for _ in range(scans):
                for row in tx[Account]:
                    total += row.balance
        return total

    return Task(work, int, db.close)


def in_sqlite(accounts: int, scans: int) -> Task[int]:
    """Select all columns."""
    connection = load_sqlite(accounts)

    def work() -> int:
        total = 0
        for _ in range(scans):
            for _, balance in connection.execute("SELECT id, balance FROM account"):
                total += balance
        return total

    return Task(work, int, connection.close)


def in_sqlite_column(accounts: int, scans: int) -> Task[int]:
    """Select the one column."""
    connection = load_sqlite(accounts)

    def work() -> int:
        total = 0
        for _ in range(scans):
            for (balance,) in connection.execute("SELECT balance FROM account"):
                total += balance
        return total

    return Task(work, int, connection.close)


def in_dict(accounts: int, scans: int) -> Task[int]:
    """Go through the values of a dict."""
    rows = load_dict(accounts)

    def work() -> int:
        total = 0
        for _ in range(scans):
            for _, balance in rows.values():
                total += balance
        return total

    return Task(work, int)


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask one question of both kinds of transactions."""
    accounts, scans = sizes["accounts"], sizes["scans"]
    count = accounts * scans
    column = "sqlite3, one column"
    yield Question(
        "scan, a column summed",
        [
            Contender("qsdb", lambda: in_write(accounts, scans), count),
            Contender("qsdb read-only", lambda: in_read(accounts, scans), count),
            Contender("sqlite3", lambda: in_sqlite(accounts, scans), count, "peer"),
            Contender(column, lambda: in_sqlite_column(accounts, scans), count, "peer"),
            Contender("dict", lambda: in_dict(accounts, scans), count, "floor"),
        ],
        [Speed("qsdb", 1.3, "sqlite3"), Speed("qsdb read-only", 1.3, "sqlite3")],
    )


SCANS = Benchmark(
    "bench_scan",
    __doc__,
    full={"accounts": 100_000, "scans": 5},
    small={"accounts": 100, "scans": 2},
    questions=questions,
)


def main() -> None:
    """Run as a program."""
    run(SCANS, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
