"""How fast does a reducer move money from one account to another?

Each run loads the accounts anew and then makes one transaction after the other:
read two accounts, refuse if the first has too little, write both. The pairs are
drawn beforehand, uniformly or, with ``--alpha``, by Zipf's law: account k with a
weight of 1 / (k + 1) ** alpha. qsdb is called through `db.call`, which checks
arguments, locks, runs the reducer and commits; sqlite3 does the same steps, and
once more with two updates that read on their own; the floor is a function over a
dict, which can neither roll back nor be read from another thread.

Not measured: durability, callers on several threads, calls over a network.
"""

import argparse
import functools
import random
from collections.abc import Iterator

import qsdb
from benchmarks.accounts import (
    SELECT,
    UPDATE,
    Account,
    Rows,
    bank,
    dict_rows,
    digest,
    load_dict,
    load_qsdb,
    load_sqlite,
    opening_rows,
    qsdb_rows,
    sqlite_rows,
)
from benchmarks.draws import zipf
from benchmarks.harness import Contender, Question, Speed, Task, require
from benchmarks.program import Benchmark, Sizes, make_parser, run
from qsdb import i64, u64

SEED = 7

Pairs = list[tuple[int, int]]


@bank.reducer
def transfer(ctx: qsdb.ReducerContext, source: u64, target: u64, amount: i64) -> None:
    """Move money, or refuse."""
    accounts = ctx.db[Account]
    payer, payee = accounts.get(source), accounts.get(target)
    if payer is None or payee is None or payer.balance < amount:
        raise qsdb.ReducerError("insufficient funds")
    accounts.update(payer.replace(balance=payer.balance - amount))
    accounts.update(payee.replace(balance=payee.balance + amount))


def draw_pairs(accounts: int, count: int, alpha: float) -> Pairs:
    """Draw pairs of different accounts; the same at every call."""
    chance = random.Random(SEED)
    pairs = zip(*[zipf(chance, accounts, alpha, count) for _ in "ab"], strict=True)
    return [(a, b if a != b else (b + 1) % accounts) for a, b in pairs]


def verified(rows: Rows, accounts: int) -> str:
    """Give the hash of all accounts; money is neither made nor lost."""
    rows = list(rows)
    opening = sum(balance for _, balance in opening_rows(accounts))
    require(sum(balance for _, balance in rows) == opening, "money was made or lost")
    return digest(rows, accounts)


def by_reducer(accounts: int, pairs: Pairs) -> Task[None]:
    """Call the reducer."""
    db = load_qsdb(accounts)
    before = db.offset

    def work() -> None:
        call = db.call
        for source, target in pairs:
            call(transfer, source, target, 1)

    def verify(_: None) -> str:
        require(db.offset == before + len(pairs), "a transfer made no commit")
        return verified(qsdb_rows(db), accounts)

    return Task(work, verify, db.close)


def by_sqlite(accounts: int, pairs: Pairs) -> Task[None]:
    """Take the steps of the reducer as six statements."""
    connection = load_sqlite(accounts)

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
        return verified(sqlite_rows(connection), accounts)

    return Task(work, verify, connection.close)


def by_two_updates(accounts: int, pairs: Pairs) -> Task[None]:
    """Let two statements do the reading too."""
    connection = load_sqlite(accounts)
    debit = "UPDATE account SET balance = balance - ? WHERE id = ? AND balance >= ?"
    credit = "UPDATE account SET balance = balance + ? WHERE id = ?"

    def work() -> None:
        execute = connection.cursor().execute
        for source, target in pairs:
            execute("BEGIN")
            if execute(debit, (1, source, 1)).rowcount != 1:
                raise ValueError("insufficient funds")
            if execute(credit, (1, target)).rowcount != 1:
                raise ValueError("no such account")
            execute("COMMIT")

    def verify(_: None) -> str:
        return verified(sqlite_rows(connection), accounts)

    return Task(work, verify, connection.close)


def by_dict(accounts: int, pairs: Pairs) -> Task[None]:
    """Call a function over a dict."""
    rows = load_dict(accounts)

    def transfer_in_dict(source: int, target: int, amount: int) -> None:
        payer, payee = rows[source], rows[target]
        if payer[1] < amount:
            raise ValueError("insufficient funds")
        rows[source] = (source, payer[1] - amount)
        rows[target] = (target, payee[1] + amount)

    def work() -> None:
        for source, target in pairs:
            transfer_in_dict(source, target, 1)

    def verify(_: None) -> str:
        return verified(dict_rows(rows), accounts)

    return Task(work, verify)


def questions(alpha: float, sizes: Sizes) -> Iterator[Question]:
    """Ask one question."""
    accounts, count = sizes["accounts"], sizes["transfers"]
    pairs = draw_pairs(accounts, count, alpha)
    two = "sqlite3, two updates"
    yield Question(
        f"transfer, alpha {alpha:g}" if alpha else "transfer",
        [
            Contender("qsdb", lambda: by_reducer(accounts, pairs), count),
            Contender("sqlite3", lambda: by_sqlite(accounts, pairs), count, "peer"),
            Contender(two, lambda: by_two_updates(accounts, pairs), count, "peer"),
            Contender("dict", lambda: by_dict(accounts, pairs), count, "floor"),
        ],
        [Speed("qsdb", 1.2, "sqlite3")],
    )


def transfers(arguments: argparse.Namespace) -> Benchmark:
    """Give the benchmark for what was chosen."""
    return Benchmark(
        "bench_transfer",
        __doc__,
        full={"accounts": 100_000, "transfers": 100_000},
        small={"accounts": 100, "transfers": 200},
        questions=functools.partial(questions, arguments.alpha),
        seed=SEED,
    )


def main() -> None:
    """Run as a program."""
    parser = make_parser(__doc__)
    parser.add_argument(
        "--alpha", type=float, default=0.0, help="how hot the hottest accounts are"
    )
    arguments = parser.parse_args()
    run(transfers(arguments), arguments)


if __name__ == "__main__":
    main()
