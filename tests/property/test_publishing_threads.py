"""Modules are published while other threads write, read, ask, listen and connect.

**Strategy**: one thread adds a book and its loan in each call; one reads both, by
tables and by SQL; one listens and connects, and leaves. The main thread publishes
meanwhile, now a module with other columns of books, now the first one again; and so
does another thread.

**Invariants**: whoever looks sees as many books as loans; nobody gets an error, but who
is connected when a module disconnects clients; live queries have been told of each
loan; and at the end `Database.check` finds nothing broken.
"""

import threading
from collections.abc import Callable
from typing import Any

import pytest

import qsdb
from qsdb import ReducerContext, u32, u64
from qsdb.testing import SimulatedDirectory
from tests.support.editions import BOOK, LOAN, QUIET, Edition, edition

pytestmark = pytest.mark.slow

PUBLICATIONS = 15


def with_both(made: Edition) -> Edition:
    @made.module.reducer
    def both(ctx: ReducerContext, reader: str) -> u64:
        book = ctx.db[made.rows["book"]].insert(made.rows["book"](title=reader))
        ctx.db[made.rows["loan"]].insert(made.rows["loan"](book.id, reader))
        number: int = book.id
        return number

    return made


def first() -> Edition:
    return with_both(edition("1", book=BOOK, loan=LOAN))


def second() -> Edition:
    loan = {**LOAN, "reader": (str, qsdb.index())}
    return with_both(edition("2", loan=loan, book={**BOOK, "year": (u32, 1900)}))


class Workers:
    """Threads that do what they do until it is over."""

    def __init__(self) -> None:
        self.is_over = threading.Event()
        self.errors: list[BaseException] = []
        self.counts: dict[str, int] = {}
        self._threads: list[threading.Thread] = []

    def start(self, work: Callable[[], object]) -> None:
        def run() -> None:
            name = getattr(work, "__name__", "")
            try:
                while not self.is_over.is_set():
                    work()
                    self.counts[name] = self.counts.get(name, 0) + 1
            except BaseException as error:  # noqa: BLE001  it is raised at the end
                self.errors.append(error)
                self.is_over.set()

        thread = threading.Thread(target=run, daemon=True)
        self._threads.append(thread)
        thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()
        for error in self.errors:
            raise error


@pytest.mark.parametrize("place", [lambda: None, SimulatedDirectory])
def test_everybody_goes_on_while_modules_are_published(  # noqa: C901  five threads
    place: Any,
) -> None:
    modules = [first().module, second().module]
    db = qsdb.Database(modules[0], place(), options=QUIET)
    told: list[int] = []
    loans = db.subscribe("SELECT * FROM loan", lambda each: told.append(each.offset))
    workers, calls = Workers(), [0]

    def call() -> None:
        calls[0] += 1
        assert db.call("both", f"reader {calls[0] % 5}") == calls[0]

    def read() -> None:
        with db.read() as tx:
            books = [*tx.book]
            assert len(books) == len(tx.loan) == len({row.id for row in books})
            joined = tx.sql("SELECT b.title FROM book b JOIN loan l ON l.book = b.id")
            assert len([*joined]) == len(books)
        found = db.sql("SELECT l.reader FROM loan l JOIN book b ON l.book = b.id")
        assert len([*found]) >= len(books)

    def listen() -> None:
        with db.subscribe("SELECT book FROM loan") as query:
            assert query.error is None
        try:
            with db.connect() as conn:
                conn.subscribe("SELECT * FROM loan", "SELECT * FROM book")
                assert conn.call("which") in ("1", "2")
        except qsdb.ClosedError as error:
            assert "which disconnects clients" in str(error)

    def publish() -> None:
        db.publish(modules[1], allow_breaking=True)
        db.publish(modules[0], allow_breaking=True)

    for work in (call, read, listen, publish):
        workers.start(work)
    for number in range(1, PUBLICATIONS + 1):
        db.publish(modules[number % 2], allow_breaking=True)
        if workers.is_over.is_set():
            break
    workers.is_over.set()
    workers.join()

    print(workers.counts)
    assert len(loans.rows) == len(told) == calls[0]
    assert workers.counts.keys() == {"call", "read", "listen", "publish"}
    assert told == sorted(told)
    db.check()
    db.close()
