# ruff: noqa: ARG001  each takes what the transfer takes
"""Of what does the time of a reducer call consist?

Reducers that each go one step further than the one before, up to the transfer of
`benchmarks.bench_transfer`; then the transfer with what a database does besides: a log,
a live query. A line less the line before it is what the
step costs. The floor is the transfer over a dict, which is neither checked, nor
locked, nor undone when it fails, nor seen by others as a whole.

Then what the host costs while it idles: the same transfer of a module with lifecycle
functions, a schedule, a view, a procedure, an event table, a row filter and a handler
of HTTP, with a client that is connected, and none of it has anything to do. The target
is 1.1 times the bare transaction: the call of a module that has nothing besides.

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


host = qsdb.Module("host")
"""A module of all sorts; the transfer has to do with none of it."""

host.add_table(Account)
host.reducer(transfer)


class Guest(qsdb.Row, module=host, public=True):
    """Who is connected."""

    connection: qsdb.ConnectionId = qsdb.primary_key()
    who: qsdb.Identity


class Timer(qsdb.Row, module=host, scheduled="ring"):
    """A row that is due in a year."""

    id: u64 = qsdb.primary_key(auto_inc=True)
    at: qsdb.ScheduleAt


class Bell(qsdb.Row, module=host, event=True, public=True):
    """What is told, and not stored."""

    loud: bool


host.row_filter("SELECT * FROM guest WHERE who = :sender")


@host.client_connected
def come(ctx: qsdb.ReducerContext) -> None:
    """Write down who comes."""
    assert ctx.connection_id is not None
    ctx.db[Guest].insert(Guest(ctx.connection_id, ctx.sender))


@host.client_disconnected
def go(ctx: qsdb.ReducerContext) -> None:
    """Forget who goes."""
    ctx.db[Guest].delete_by_key(ctx.connection_id)


@host.reducer
def ring(ctx: qsdb.ReducerContext, timer: Timer) -> None:
    """Tell those who listen."""
    ctx.db[Bell].insert(Bell(loud=True))


@host.view(public=True)
def guests(ctx: qsdb.AnonymousViewContext) -> list[Guest]:
    """Give who is connected."""
    return list(ctx.db[Guest])


@host.procedure
def fetch(ctx: qsdb.ProcedureContext) -> None:
    """Fetch nothing."""


@host.http("GET", "/hook")
def hook(ctx: qsdb.ProcedureContext, request: qsdb.HttpRequest) -> qsdb.HttpResponse:
    """Answer nothing."""
    return qsdb.HttpResponse()


def idle_calls(accounts: int, pairs: Pairs) -> Task[None]:
    """Call the transfer while the host has nothing to do."""
    db = qsdb.Database(host, seed=1)
    with db.write() as tx:
        year = qsdb.TimeDuration.from_seconds(365 * 86_400)
        tx[Timer].insert(Timer(qsdb.ScheduleAt.interval(year)))
    conn = db.connect()
    task = _calls(db, transfer, accounts, pairs)

    def verify(_: None) -> object:
        require(not conn.is_closed, "the client is not connected")
        return task.verify(None)

    return Task(task.work, verify, task.close)


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


def idle_question(accounts: int, pairs: Pairs) -> Question:
    """Ask what the idle host adds."""
    count = len(pairs)
    return Question(
        f"a transfer beside an idle host, {accounts:,} accounts",
        [
            Contender("idle host", lambda: idle_calls(accounts, pairs), count),
            Contender("bare", lambda: calls(transfer, accounts, pairs), count),
        ],
        [Cost("idle host", 1.1, "bare")],
    )


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask with few accounts, and with many; then beside an idle host."""
    for accounts in (sizes["accounts_few"], sizes["accounts"]):
        yield question(accounts, draw_pairs(accounts, sizes["calls"], 0.0))
    few = sizes["accounts_few"]
    yield idle_question(few, draw_pairs(few, sizes["calls"], 0.0))


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
