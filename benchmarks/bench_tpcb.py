"""How fast are deposits made, as TPC-B has them?

A branch has ten tellers and 100,000 accounts. Each transaction adds to an account, its
teller and its branch, notes so in a history, and answers the account's balance: three
rows read and written, one inserted. Afterwards accounts, tellers, branches and the
history must tell the same sum for each branch.

Not as in TPC-B: rows without filler, tellers of the account's branch only, a number
for each line of the history.
"""

import random
from collections import Counter
from collections.abc import Iterator

import qsdb
from benchmarks.harness import Question, require
from benchmarks.keyed import Tables
from benchmarks.program import Benchmark, Sizes, make_parser, run
from benchmarks.statements import Statements
from benchmarks.suites import Answers, Functions, Rows, Step, Suite, questions_of
from qsdb import i64, u64

SEED = 31
TELLERS = 10

bank = qsdb.Module("tpcb")


class Branch(qsdb.Row, module=bank):
    """Has tellers and accounts."""

    id: u64 = qsdb.primary_key()
    balance: i64


class Teller(qsdb.Row, module=bank):
    """Works at a branch."""

    id: u64 = qsdb.primary_key()
    branch: u64
    balance: i64


class Account(qsdb.Row, module=bank):
    """Is with a branch."""

    id: u64 = qsdb.primary_key()
    branch: u64
    balance: i64


class History(qsdb.Row, module=bank):
    """One deposit."""

    id: u64 = qsdb.primary_key()
    account: u64
    teller: u64
    branch: u64
    delta: i64


@bank.reducer
def deposit(
    ctx: qsdb.ReducerContext, number: u64, account: u64, teller: u64, delta: i64
) -> i64:
    """Add to three balances, and note it."""
    db = ctx.db
    accounts, tellers, branches = db[Account], db[Teller], db[Branch]
    payee, clerk = accounts.get(account), tellers.get(teller)
    if payee is None or clerk is None:
        raise qsdb.ReducerError("no such account or teller")
    branch = branches.get(payee.branch)
    if branch is None:
        raise qsdb.ReducerError("no such branch")
    balance = payee.balance + delta
    accounts.update(payee.replace(balance=balance))
    tellers.update(clerk.replace(balance=clerk.balance + delta))
    branches.update(branch.replace(balance=branch.balance + delta))
    db[History].insert(History(number, account, teller, branch.id, delta))
    return balance


SCHEMA = """
CREATE TABLE branch (id INTEGER PRIMARY KEY, balance BIGINT NOT NULL);
CREATE TABLE teller (
    id INTEGER PRIMARY KEY, branch BIGINT NOT NULL, balance BIGINT NOT NULL
);
CREATE TABLE account (
    id INTEGER PRIMARY KEY, branch BIGINT NOT NULL, balance BIGINT NOT NULL
);
CREATE TABLE history (
    id INTEGER PRIMARY KEY, account BIGINT NOT NULL, teller BIGINT NOT NULL,
    branch BIGINT NOT NULL, delta BIGINT NOT NULL
)
"""


def statements(peer: Statements) -> Functions:
    """Give the transaction in SQL."""
    execute = peer.execute
    account_text = (
        "UPDATE account SET balance = balance + ? WHERE id = ? "
        "RETURNING branch, balance"
    )
    teller_text = "UPDATE teller SET balance = balance + ? WHERE id = ?"
    branch_text = "UPDATE branch SET balance = balance + ? WHERE id = ?"
    history_text = "INSERT INTO history VALUES (?, ?, ?, ?, ?)"

    def deposit_in_sql(number: int, account: int, teller: int, delta: int) -> int:
        execute("BEGIN")
        ((branch, balance),) = execute(account_text, (delta, account))
        execute(teller_text, (delta, teller))
        execute(branch_text, (delta, branch))
        execute(history_text, (number, account, teller, branch, delta))
        execute("COMMIT")
        return int(balance)

    return {"deposit": deposit_in_sql}


def mapped(tables: Tables) -> Functions:
    """Give the transaction over mappings."""
    accounts, tellers = tables["account"], tables["teller"]
    branches, history = tables["branch"], tables["history"]

    def deposit_in_maps(number: int, account: int, teller: int, delta: int) -> int:
        _, branch, balance = accounts[account]
        balance += delta
        accounts[account] = (account, branch, balance)
        _, where, held = tellers[teller]
        tellers[teller] = (teller, where, held + delta)
        branches[branch] = (branch, branches[branch][1] + delta)
        history[number] = (number, account, teller, branch, delta)
        return int(balance)

    return {"deposit": deposit_in_maps}


def check(rows: Rows, answers: Answers) -> None:
    """See that the tables agree, branch by branch."""
    require(len(rows["history"]) == len(answers), "a deposit is not in the history")
    told: Counter[int] = Counter()
    for _, _, _, branch, delta in rows["history"]:
        told[branch] += delta
    for table in ("teller", "account"):
        found: Counter[int] = Counter()
        for _, branch, balance in rows[table]:
            found[branch] += balance
        for branch, balance in rows["branch"]:
            require(found[branch] == balance, f"{table}s of branch {branch} disagree")
    for branch, balance in rows["branch"]:
        require(told[branch] == balance, f"the history of branch {branch} disagrees")


def suite(sizes: Sizes) -> Suite:
    """Draw deposits."""
    branches, each = sizes["branches"], sizes["accounts_each"]
    chance = random.Random(SEED)
    steps: list[Step] = []
    for number in range(sizes["deposits"]):
        account = chance.randrange(branches * each)
        teller = account // each * TELLERS + chance.randrange(TELLERS)
        delta = chance.randint(-999_999, 999_999)
        steps.append(("deposit", (number, account, teller, delta)))
    return Suite(
        "TPC-B",
        bank,
        {"branch": Branch, "teller": Teller, "account": Account, "history": History},
        {
            "branch": [(n, 0) for n in range(branches)],
            "teller": [(n, n // TELLERS, 0) for n in range(branches * TELLERS)],
            "account": [(n, n // each, 0) for n in range(branches * each)],
            "history": [],
        },
        {"branch": 1, "teller": 1, "account": 1, "history": 1},
        steps,
        {"deposit": deposit},
        SCHEMA,
        statements,
        mapped,
        check,
    )


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask all engines."""
    yield from questions_of(suite(sizes))


TPCB = Benchmark(
    "bench_tpcb",
    __doc__,
    full={"branches": 1, "accounts_each": 100_000, "deposits": 50_000},
    small={"branches": 2, "accounts_each": 50, "deposits": 100},
    questions=questions,
    seed=SEED,
)


def main() -> None:
    """Run as a program."""
    run(TPCB, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
