# ruff: noqa: ARG001  each takes what the transfer takes
"""Of what does the time of a reducer call consist?

Reducers that each go one step further than the one before, up to the transfer of
`benchmarks.bench_transfer`; then the transfer with what a database does besides: a log,
a live query. A line less the line before it is what the
step costs. The floor is the transfer over a dict, which is neither checked, nor
locked, nor undone when it fails, nor seen by others as a whole.

Asked of so few accounts that the processor's caches hold them, and of many: what is
more there is waiting for memory.

Not measured: arguments by keyword; reducers that fail; other kinds of columns.
"""

import functools
import tempfile
from collections.abc import Callable, Iterator

import qsdb
from benchmarks.accounts import Account, bank, load_dict, opening_rows, qsdb_rows
from benchmarks.bench_transfer import SEED, Pairs, draw_pairs, transfer
from benchmarks.harness import Contender, Cost, Question, Task, require
from benchmarks.program import Benchmark, Sizes, make_parser, run
from qsdb import i64, u64

Reducer = Callable[..., None]


@bank.reducer
def nothing(ctx: qsdb.ReducerContext, source: u64, target: u64, amount: i64) -> None:
    """Do nothing."""


@bank.reducer
def open_table(ctx: qsdb.ReducerContext, source: u64, target: u64, amount: i64) -> None:
    """Open the table."""
    ctx.db[Account]


@bank.reducer
def get_two(ctx: qsdb.ReducerContext, source: u64, target: u64, amount: i64) -> None:
    """Get both accounts."""
    accounts = ctx.db[Account]
    accounts.get(source), accounts.get(target)


@bank.reducer
def copy_two(ctx: qsdb.ReducerContext, source: u64, target: u64, amount: i64) -> None:
    """Get both accounts, and make what the transfer would store."""
    accounts = ctx.db[Account]
    payer, payee = accounts.get(source), accounts.get(target)
    if payer is None or payee is None or payer.balance < amount:
        raise qsdb.ReducerError("insufficient funds")
    payer.replace(balance=payer.balance - amount)
    payee.replace(balance=payee.balance + amount)


def calls(reducer: Reducer, accounts: int, pairs: Pairs) -> Task[None]:
    """Call a reducer."""
    return _calls(qsdb.Database(bank, seed=1), reducer, accounts, pairs)


def told_calls(accounts: int, pairs: Pairs) -> Task[None]:
    """Call the transfer, and keep a live query of all accounts current."""
    db = qsdb.Database(bank, seed=1)
    live = db.subscribe("SELECT * FROM account WHERE balance < 0")
    task = _calls(db, transfer, accounts, pairs)

    def verify(_: None) -> object:
        require(not live.rows, "somebody owes money")
        return task.verify(None)

    return Task(task.work, verify, task.close)


def logged_calls(accounts: int, pairs: Pairs) -> Task[None]:
    """Call the transfer, and have it on the disk soon after."""
    folder = tempfile.TemporaryDirectory(prefix="benchmark-")
    db = qsdb.Database(bank, folder.name, seed=1)
    task = _calls(db, transfer, accounts, pairs)

    def close() -> None:
        task.close()
        folder.cleanup()

    return Task(task.work, task.verify, close)


def _calls(
    db: qsdb.Database, reducer: Reducer, accounts: int, pairs: Pairs
) -> Task[None]:
    with db.write() as tx:
        tx[Account].insert_many(Account(*row) for row in opening_rows(accounts))
    before = db.offset

    def work() -> None:
        call = db.call
        for source, target in pairs:
            call(reducer, source, target, 1)

    def verify(_: None) -> int:
        commits = len(pairs) if reducer is transfer else 0
        require(db.offset == before + commits, f"{db.offset - before} commits")
        return sum(balance for _, balance in qsdb_rows(db))

    return Task(work, verify, db.close)


def move(
    rows: dict[int, tuple[int, int]], source: int, target: int, amount: int
) -> None:
    """Move money, or refuse."""
    payer, payee = rows[source], rows[target]
    if payer[1] < amount:
        raise ValueError("insufficient funds")
    rows[source] = (source, payer[1] - amount)
    rows[target] = (target, payee[1] + amount)


def over_a_dict(accounts: int, pairs: Pairs) -> Task[None]:
    """Transfer over a dict."""
    rows = load_dict(accounts)

    def work() -> None:
        for source, target in pairs:
            move(rows, source, target, 1)

    def verify(_: None) -> int:
        return sum(balance for _, balance in rows.values())

    return Task(work, verify)


def question(accounts: int, pairs: Pairs) -> Question:
    """Ask for each step."""
    count = len(pairs)
    steps: dict[str, Reducer] = {
        "nothing": nothing,
        "+ open the table": open_table,
        "+ get two rows": get_two,
        "+ copy them changed": copy_two,
        "+ store: a transfer": transfer,
    }
    floor = Contender("dict", lambda: over_a_dict(accounts, pairs), count, "floor")
    return Question(
        f"budget of a call, {accounts:,} accounts",
        [
            *[
                Contender(name, functools.partial(calls, each, accounts, pairs), count)
                for name, each in steps.items()
            ],
            Contender("… a live query", lambda: told_calls(accounts, pairs), count),
            Contender("… a log", lambda: logged_calls(accounts, pairs), count),
            floor,
        ],
        [Cost("+ store: a transfer", 6.0, "dict")],
    )


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask with few accounts, and with many."""
    for accounts in (sizes["accounts_few"], sizes["accounts"]):
        yield question(accounts, draw_pairs(accounts, sizes["calls"], 0.0))


BUDGET = Benchmark(
    "bench_budget",
    __doc__,
    full={"accounts": 100_000, "accounts_few": 100, "calls": 50_000},
    small={"accounts": 100, "accounts_few": 10, "calls": 50},
    questions=questions,
    seed=SEED,
)


def main() -> None:
    """Run as a program."""
    run(BUDGET, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
