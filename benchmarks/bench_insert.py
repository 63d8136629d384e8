"""How fast are rows inserted, one by one and many at once?

Each run begins with an empty table and inserts accounts in one transaction,
commit included. Making the row (a row object, a tuple) is part of the work.
Many at once: `insert_many` of a generator, beside `executemany` of a generator,
which does not bring each row into Python again.

Not measured: indexes besides the primary key, generated keys, a transaction for
each row, durability.
"""

from collections.abc import Iterator

from benchmarks.accounts import (
    INSERT,
    Account,
    Dict,
    dict_rows,
    digest,
    empty_qsdb,
    empty_sqlite,
    opening_rows,
    qsdb_rows,
    sqlite_rows,
)
from benchmarks.harness import Contender, Question, Task, Total, require
from benchmarks.program import Benchmark, Sizes, make_parser, run


def by_insert(count: int) -> Task[None]:
    """Insert rows into qsdb one by one."""
    db = empty_qsdb()

    def work() -> None:
        with db.write() as tx:
            insert = tx[Account].insert
            for number, balance in opening_rows(count):
                insert(Account(number, balance))

    def verify(_: None) -> str:
        require(db.offset == 2, "not one commit")
        return digest(qsdb_rows(db), count)

    return Task(work, verify, db.close)


def by_insert_many(count: int) -> Task[None]:
    """Insert rows into qsdb at once."""
    db = empty_qsdb()

    def work() -> None:
        with db.write() as tx:
            tx[Account].insert_many(Account(*row) for row in opening_rows(count))

    def verify(_: None) -> str:
        require(db.offset == 2, "not one commit")
        return digest(qsdb_rows(db), count)

    return Task(work, verify, db.close)


def by_execute(count: int) -> Task[None]:
    """Insert rows into sqlite3 one by one."""
    connection = empty_sqlite()

    def work() -> None:
        execute = connection.cursor().execute
        execute("BEGIN")
        for row in opening_rows(count):
            execute(INSERT, row)
        execute("COMMIT")

    def verify(_: None) -> str:
        return digest(sqlite_rows(connection), count)

    return Task(work, verify, connection.close)


def by_executemany(count: int) -> Task[None]:
    """Insert rows into sqlite3 at once."""
    connection = empty_sqlite()

    def work() -> None:
        connection.execute("BEGIN")
        connection.executemany(INSERT, opening_rows(count))
        connection.execute("COMMIT")

    def verify(_: None) -> str:
        return digest(sqlite_rows(connection), count)

    return Task(work, verify, connection.close)


def by_item(count: int) -> Task[None]:
    """Set items of a dict one by one."""
    rows: Dict = {}

    def work() -> None:
        for number, balance in opening_rows(count):
            rows[number] = (number, balance)

    def verify(_: None) -> str:
        return digest(dict_rows(rows), count)

    return Task(work, verify)


def by_comprehension(count: int) -> Task[Dict]:
    """Make a dict at once."""

    def work() -> Dict:
        return {row[0]: row for row in opening_rows(count)}

    def verify(rows: Dict) -> str:
        return digest(dict_rows(rows), count)

    return Task(work, verify)


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask for single inserts, then for many."""
    count = sizes["inserts"]
    yield Question(
        "insert",
        [
            Contender("qsdb", lambda: by_insert(count), count),
            Contender("sqlite3", lambda: by_execute(count), count, "peer"),
            Contender("dict", lambda: by_item(count), count, "floor"),
        ],
    )
    many = sizes["rows_at_once"]
    yield Question(
        f"insert_many of {many:,} rows",
        [
            Contender("qsdb", lambda: by_insert_many(many), many),
            Contender("sqlite3", lambda: by_executemany(many), many, "peer"),
            Contender("dict", lambda: by_comprehension(many), many, "floor"),
        ],
        [Total("qsdb", 1.6)],
    )


INSERTS = Benchmark(
    "bench_insert",
    __doc__,
    full={"inserts": 100_000, "rows_at_once": 1_000_000},
    small={"inserts": 100, "rows_at_once": 200},
    questions=questions,
)


def main() -> None:
    """Run as a program."""
    run(INSERTS, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
