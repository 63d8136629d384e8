"""What does it cost to write beside others, and how do many fare who want the same?

First, alone: the transfer of `bench_transfer.py`, as a block of ``db.write()``, as a
block of ``db.optimistic()``, and by ``db.transact()``; on 100,000 accounts, uniformly.

Then eight threads want money from the same few accounts: pairs are drawn by Zipf's law
with an exponent of 1.5, so most transfers touch the first account. Each thread gives
the processor away between reading and writing, as whoever waits for something does
there, so that transactions do meet. It is compared with one thread that does all of it,
and asked how many conflicts there were for each transfer, how many were run serially in
the end, and how long the longest took: whoever is slow must get through.

Not measured: durability; transactions that wait for longer than an instant.
"""

import dataclasses
import functools
import threading
import time
from collections.abc import Callable, Iterator

import qsdb
from benchmarks.accounts import Account, load_qsdb, qsdb_rows
from benchmarks.bench_transfer import Pairs, draw_pairs, verified
from benchmarks.harness import (
    MILLISECONDS,
    Contender,
    Cost,
    Question,
    Role,
    Task,
    Unit,
    require,
)
from benchmarks.program import Benchmark, Sizes, make_parser, run

THREADS = 8
ALPHA = 1.5

Transfer = Callable[[int, int], object]


def move(
    tx: qsdb.Transaction, source: int, target: int, wait: Callable[[], object]
) -> None:
    """Move money from one account to another."""
    accounts = tx[Account]
    payer, payee = accounts.get(source), accounts.get(target)
    wait()
    if payer is None or payee is None or payer.balance < 1:
        raise ValueError("insufficient funds")
    accounts.update(payer.replace(balance=payer.balance - 1))
    accounts.update(payee.replace(balance=payee.balance + 1))


def nothing() -> None:
    """Wait for nothing."""


def give_way() -> None:
    """Let another thread run."""
    time.sleep(0)


def by_write(db: qsdb.Database, wait: Callable[[], object]) -> Transfer:
    """Move money in a serial transaction."""

    def transfer(source: int, target: int) -> None:
        with db.write() as tx:
            move(tx, source, target, wait)

    return transfer


def by_optimistic(db: qsdb.Database, wait: Callable[[], object]) -> Transfer:
    """Move money in an optimistic transaction, which nobody disturbs."""

    def transfer(source: int, target: int) -> None:
        with db.optimistic() as tx:
            move(tx, source, target, wait)

    return transfer


def by_transact(db: qsdb.Database, wait: Callable[[], object]) -> Transfer:
    """Have money moved again until that gets through."""

    def transfer(source: int, target: int) -> None:
        db.transact(lambda tx: move(tx, source, target, wait))

    return transfer


Way = Callable[[qsdb.Database, Callable[[], object]], Transfer]


@dataclasses.dataclass(frozen=True)
class Fared:
    """How the threads fared."""

    conflicts: int
    fallbacks: int
    longest: float
    """Seconds that the longest transfer took."""


def by_threads(accounts: int, pairs: Pairs, way: Way, threads: int) -> Task[Fared]:
    """Share the transfers out among threads."""
    db = load_qsdb(accounts)
    before = db.offset
    transfer = way(db, give_way)
    longest = [0.0] * threads

    def work_off(number: int, part: Pairs) -> None:
        for source, target in part:
            began = time.perf_counter()
            transfer(source, target)
            longest[number] = max(longest[number], time.perf_counter() - began)

    def work() -> Fared:
        shares = [
            threading.Thread(target=work_off, args=(n, pairs[n::threads]))
            for n in range(threads)
        ]
        for thread in shares:
            thread.start()
        for thread in shares:
            thread.join()
        stats = db.stats()
        return Fared(stats.conflicts, stats.fallbacks, max(longest))

    def verify(_: Fared) -> str:
        require(db.offset == before + len(pairs), "a transfer made no commit")
        require(db.stats().pins == 0, "an offset is pinned still")
        return verified(qsdb_rows(db), accounts)

    return Task(work, verify, db.close)


def alone(accounts: int, pairs: Pairs, way: Way) -> Task[None]:
    """Make one transfer after the other."""
    db = load_qsdb(accounts)
    before = db.offset
    transfer = way(db, nothing)

    def work() -> None:
        for source, target in pairs:
            transfer(source, target)

    def verify(_: None) -> str:
        require(db.offset == before + len(pairs), "a transfer made no commit")
        return verified(qsdb_rows(db), accounts)

    return Task(work, verify, db.close)


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask about cost, and about contention."""
    accounts = sizes["accounts"]
    uniform = draw_pairs(accounts, sizes["transfers"], 0.0)
    count = len(uniform)
    ways: dict[str, tuple[Way, Role]] = {
        "write": (by_write, "peer"),
        "optimistic": (by_optimistic, "subject"),
        "transact": (by_transact, "subject"),
    }
    yield Question(
        "transfer, alone",
        [
            Contender(
                name, functools.partial(alone, accounts, uniform, way), count, role
            )
            for name, (way, role) in ways.items()
        ],
        [Cost("optimistic", 2.2, "write"), Cost("transact", 2.2, "write")],
    )
    yield from questions_of_many(accounts, draw_pairs(accounts, sizes["hot"], ALPHA))


def questions_of_many(accounts: int, pairs: Pairs) -> Iterator[Question]:
    """Ask how eight threads fare."""

    def contender(name: str, way: Way, threads: int, role: Role) -> Contender:
        task = functools.partial(by_threads, accounts, pairs, way, threads)
        return Contender(name, task, len(pairs), role)

    many = contender("8 threads", by_transact, THREADS, "subject")
    title = f"transfer by transact, alpha {ALPHA:g}"
    yield Question(
        title,
        [
            many,
            contender("1 thread", by_transact, 1, "peer"),
            contender("8 threads, write", by_write, THREADS, "peer"),
        ],
    )
    conflicts, serially = Unit("conflicts/op", 1), Unit("serial runs/op", 1)
    yield Question(
        f"{title}: conflicts", [many], (), conflicts, lambda _, fared: fared.conflicts
    )
    yield Question(
        f"{title}: run serially in the end",
        [many],
        (),
        serially,
        lambda _, fared: fared.fallbacks,
    )
    whole = dataclasses.replace(many, count=1)
    yield Question(
        f"{title}: the longest",
        [whole],
        (),
        MILLISECONDS,
        lambda _, fared: fared.longest,
    )


OPTIMISTIC = Benchmark(
    "bench_optimistic",
    __doc__,
    full={"accounts": 100_000, "transfers": 50_000, "hot": 20_000},
    small={"accounts": 100, "transfers": 100, "hot": 80},
    questions=questions,
)


def main() -> None:
    """Run as a program."""
    run(OPTIMISTIC, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
