"""How fast is SmallBank: six small transactions over customers' two accounts?

Balance 15 %, DepositChecking 15, TransactSavings 15, Amalgamate 15, WriteCheck 15,
SendPayment 25. Nine of ten customers are drawn from a hundred hot ones. A transaction
that lacks funds does nothing, and says so. Each answers by how much it changed all the
money there is, so afterwards the total must be what it was and all these.

Not as in SmallBank: customers are named by number.
"""

import random
from collections.abc import Iterator

import qsdb
from benchmarks.harness import Question, require
from benchmarks.keyed import Tables
from benchmarks.program import Benchmark, Sizes, make_parser, run
from benchmarks.statements import Execute, Statements
from benchmarks.suites import Answers, Functions, Rows, Step, Suite, questions_of
from qsdb import i64, u64

SEED = 32
OPENING = 10_000
HOT_SHARE = 0.9
MIX = {
    "balance": 15,
    "deposit_checking": 15,
    "transact_savings": 15,
    "amalgamate": 15,
    "write_check": 15,
    "send_payment": 25,
}

bank = qsdb.Module("smallbank")


class Customer(qsdb.Row, module=bank):
    """Has one account of each kind."""

    id: u64 = qsdb.primary_key()
    name: str


class Savings(qsdb.Row, module=bank):
    """Is never below 0."""

    customer: u64 = qsdb.primary_key()
    balance: i64


class Checking(qsdb.Row, module=bank):
    """May be overdrawn by a check."""

    customer: u64 = qsdb.primary_key()
    balance: i64


def _found(row: Savings | Checking | None) -> int:
    if row is None:
        raise qsdb.ReducerError("no such customer")
    return row.balance


def balance(db: qsdb.Database, customer: int) -> int:
    """Give what a customer has in both accounts."""
    with db.read() as tx:
        savings = _found(tx[Savings].get(customer))
        return savings + _found(tx[Checking].get(customer))


@bank.reducer
def deposit_checking(ctx: qsdb.ReducerContext, customer: u64, amount: i64) -> i64:
    """Add to a checking account."""
    checking = ctx.db[Checking]
    held = _found(checking.get(customer))
    checking.update(Checking(customer, held + amount))
    return amount


@bank.reducer
def transact_savings(ctx: qsdb.ReducerContext, customer: u64, amount: i64) -> i64:
    """Add to savings, or take from them what is there."""
    savings = ctx.db[Savings]
    held = _found(savings.get(customer))
    if held + amount < 0:
        return 0
    savings.update(Savings(customer, held + amount))
    return amount


@bank.reducer
def amalgamate(ctx: qsdb.ReducerContext, source: u64, target: u64) -> i64:
    """Move all that one has to another's checking account."""
    savings, checking = ctx.db[Savings], ctx.db[Checking]
    saved, held = _found(savings.get(source)), _found(checking.get(source))
    other = _found(checking.get(target))
    savings.update(Savings(source, 0))
    checking.update(Checking(source, 0))
    checking.update(Checking(target, other + saved + held))
    return 0


@bank.reducer
def write_check(ctx: qsdb.ReducerContext, customer: u64, amount: i64) -> i64:
    """Pay by check; whoever has too little pays one more."""
    checking = ctx.db[Checking]
    saved = _found(ctx.db[Savings].get(customer))
    held = _found(checking.get(customer))
    paid = amount if saved + held >= amount else amount + 1
    checking.update(Checking(customer, held - paid))
    return -paid


@bank.reducer
def send_payment(
    ctx: qsdb.ReducerContext, source: u64, target: u64, amount: i64
) -> i64:
    """Move money from one checking account to another, if there is enough."""
    checking = ctx.db[Checking]
    held, other = _found(checking.get(source)), _found(checking.get(target))
    if held < amount:
        return 0
    checking.update(Checking(source, held - amount))
    checking.update(Checking(target, other + amount))
    return 0


SCHEMA = """
CREATE TABLE customer (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
CREATE TABLE savings (customer INTEGER PRIMARY KEY, balance BIGINT NOT NULL);
CREATE TABLE checking (customer INTEGER PRIMARY KEY, balance BIGINT NOT NULL)
"""


class InSql:
    """The transactions as statements."""

    SAVED = "SELECT balance FROM savings WHERE customer = ?"
    HELD = "SELECT balance FROM checking WHERE customer = ?"
    SAVE = "UPDATE savings SET balance = ? WHERE customer = ?"
    HOLD = "UPDATE checking SET balance = ? WHERE customer = ?"
    BOTH = (
        "SELECT s.balance, c.balance FROM savings s "
        "JOIN checking c ON c.customer = s.customer WHERE s.customer = ?"
    )

    def __init__(self, execute: Execute) -> None:
        self.execute = execute

    def balance(self, customer: int) -> int:
        """Take one statement; nothing is written."""
        ((saved, held),) = self.execute(self.BOTH, (customer,))
        return int(saved + held)

    def deposit_checking(self, customer: int, amount: int) -> int:
        """Take one statement, which is a transaction of its own."""
        add = "UPDATE checking SET balance = balance + ? WHERE customer = ?"
        self.execute(add, (amount, customer))
        return amount

    def transact_savings(self, customer: int, amount: int) -> int:
        """Take one statement, which writes if there is enough."""
        add = (
            "UPDATE savings SET balance = balance + ? "
            "WHERE customer = ? AND balance + ? >= 0 RETURNING 1"
        )
        return amount if list(self.execute(add, (amount, customer, amount))) else 0

    def amalgamate(self, source: int, target: int) -> int:
        """Read three balances and write three."""
        execute = self.execute
        execute("BEGIN")
        ((saved, held),) = execute(self.BOTH, (source,))
        ((other,),) = execute(self.HELD, (target,))
        execute(self.SAVE, (0, source))
        execute(self.HOLD, (0, source))
        execute(self.HOLD, (other + saved + held, target))
        execute("COMMIT")
        return 0

    def write_check(self, customer: int, amount: int) -> int:
        """Read two balances and write one."""
        execute = self.execute
        execute("BEGIN")
        ((saved, held),) = execute(self.BOTH, (customer,))
        paid = amount if saved + held >= amount else amount + 1
        execute(self.HOLD, (held - paid, customer))
        execute("COMMIT")
        return -paid

    def send_payment(self, source: int, target: int, amount: int) -> int:
        """Read two balances and write both."""
        execute = self.execute
        execute("BEGIN")
        ((held,),) = execute(self.HELD, (source,))
        ((other,),) = execute(self.HELD, (target,))
        if held >= amount:
            execute(self.HOLD, (held - amount, source))
            execute(self.HOLD, (other + amount, target))
        execute("COMMIT")
        return 0


class InMaps:
    """The transactions over mappings."""

    def __init__(self, tables: Tables) -> None:
        self.savings = tables["savings"]
        self.checking = tables["checking"]

    def balance(self, customer: int) -> int:
        """Read two rows."""
        return int(self.savings[customer][1] + self.checking[customer][1])

    def deposit_checking(self, customer: int, amount: int) -> int:
        """Read and write a row."""
        checking = self.checking
        checking[customer] = (customer, checking[customer][1] + amount)
        return amount

    def transact_savings(self, customer: int, amount: int) -> int:
        """Read and write a row, if there is enough."""
        held = self.savings[customer][1] + amount
        if held < 0:
            return 0
        self.savings[customer] = (customer, held)
        return amount

    def amalgamate(self, source: int, target: int) -> int:
        """Read and write three rows."""
        savings, checking = self.savings, self.checking
        moved = savings[source][1] + checking[source][1]
        other = checking[target][1]
        savings[source] = (source, 0)
        checking[source] = (source, 0)
        checking[target] = (target, other + moved)
        return 0

    def write_check(self, customer: int, amount: int) -> int:
        """Read two rows and write one."""
        saved, held = self.savings[customer][1], self.checking[customer][1]
        paid = amount if saved + held >= amount else amount + 1
        self.checking[customer] = (customer, held - paid)
        return -paid

    def send_payment(self, source: int, target: int, amount: int) -> int:
        """Read and write two rows, if there is enough."""
        checking = self.checking
        held, other = checking[source][1], checking[target][1]
        if held >= amount:
            checking[source] = (source, held - amount)
            checking[target] = (target, other + amount)
        return 0


def statements(peer: Statements) -> Functions:
    """Give the transactions in SQL."""
    engine = InSql(peer.execute)
    return {name: getattr(engine, name) for name in MIX}


def mapped(tables: Tables) -> Functions:
    """Give the transactions over mappings."""
    engine = InMaps(tables)
    return {name: getattr(engine, name) for name in MIX}


def draw_steps(customers: int, count: int) -> list[Step]:
    """Draw transactions."""
    chance, hot = random.Random(SEED), max(2, min(100, customers // 2))

    def somebody() -> int:
        return chance.randrange(hot if chance.random() < HOT_SHARE else customers)

    def step(name: str) -> Step:
        first, second = somebody(), somebody()
        second = second if second != first else (first + 1) % customers
        amount = chance.randint(1, OPENING // 10)
        match name:
            case "balance":
                return name, (first,)
            case "deposit_checking" | "write_check":
                return name, (first, amount)
            case "transact_savings":
                return name, (first, chance.choice((amount, -amount)))
            case "amalgamate":
                return name, (first, second)
            case _:
                return name, (first, second, amount)

    return [step(name) for name in chance.choices([*MIX], [*MIX.values()], k=count)]


def suite(sizes: Sizes) -> Suite:
    """Draw transactions, and say what must hold."""
    customers = sizes["customers"]
    steps = draw_steps(customers, sizes["transactions"])
    opening = [(number, OPENING) for number in range(customers)]

    def check(rows: Rows, answers: Answers) -> None:
        pairs = zip(steps, answers, strict=False)
        changed = sum(answer for (name, _), answer in pairs if name != "balance")
        total = sum(row[1] for table in ("savings", "checking") for row in rows[table])
        expected = 2 * customers * OPENING + changed
        require(total == expected, f"the money is {total}, {expected} is right")
        for table in rows:
            require(len(rows[table]) == customers, f"{table} has other rows")
        least = min(row[1] for row in rows["savings"])
        require(least >= 0, f"savings of {least}")

    return Suite(
        "SmallBank",
        bank,
        {"customer": Customer, "savings": Savings, "checking": Checking},
        {
            "customer": [(n, f"customer {n}") for n in range(customers)],
            "savings": opening,
            "checking": opening,
        },
        {"customer": 1, "savings": 1, "checking": 1},
        steps,
        {
            "deposit_checking": deposit_checking,
            "transact_savings": transact_savings,
            "amalgamate": amalgamate,
            "write_check": write_check,
            "send_payment": send_payment,
        },
        SCHEMA,
        statements,
        mapped,
        check,
        readings={"balance": balance},
    )


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask all engines."""
    yield from questions_of(suite(sizes))


SMALLBANK = Benchmark(
    "bench_smallbank",
    __doc__,
    full={"customers": 100_000, "transactions": 50_000},
    small={"customers": 50, "transactions": 200},
    questions=questions,
    seed=SEED,
)


def main() -> None:
    """Run as a program."""
    run(SMALLBANK, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
