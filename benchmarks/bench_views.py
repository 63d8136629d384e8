"""What does a view cost each commit, beside many callers who have theirs?

``my_account`` reads one row, that of its caller. As many callers as there are rows
listen to it, each on a connection of its own. A commit changes one row, so one view
runs again and one caller is told, however many there are. Ten callers are the peer,
nobody the floor; beside them is a table that each may read, and asks for the own row.

Not measured: views that read much, and run again for each of their rows; the beginning
of a view; memory.
"""

from collections.abc import Iterator
from functools import partial

import qsdb
from benchmarks.bench_live import Told
from benchmarks.harness import Contender, Cost, Question, Task, require
from benchmarks.program import Benchmark, Sizes, make_parser, run
from qsdb import Identity, u64

bank = qsdb.Module("bank")


class Account(qsdb.Row, module=bank):
    """One for each caller."""

    owner: Identity = qsdb.primary_key()
    balance: u64


class Shown(qsdb.Row, module=bank, public=True):
    """The same for all to see."""

    owner: Identity = qsdb.primary_key()
    balance: u64


@bank.view(public=True)
def my_account(ctx: qsdb.ViewContext) -> Account | None:
    """Give the caller's row."""
    return ctx.db[Account].get(ctx.sender)


VIEW = "SELECT * FROM my_account"
TABLE = "SELECT * FROM shown WHERE owner = :sender"


def who(number: int) -> Identity:
    """Give a caller."""
    return Identity.from_bytes(number.to_bytes(32, "big"))


def commit_beside(
    rows: int, commits: int, row_class: type[Account | Shown], callers: int
) -> Task[Told]:
    """Change rows one by one.

    Args:
        rows: How many there are.
        commits: How many are changed, of those whose callers listen.
        row_class: Of which table: one of them is read by a view.
        callers: How many listen, each to the own row.
    """
    db, told = qsdb.Database(bank, seed=1), Told()
    people = [who(number) for number in range(rows)]
    with db.write() as tx:
        for each in people:
            tx[row_class].insert(row_class(each, 0))
    name, text = ("my_account", VIEW) if row_class is Account else ("shown", TABLE)
    for each in people[:callers]:
        client = db.connect(each)
        client.db.table(name).on_update(told)
        client.subscribe(text)
    runs = db.stats().view_runs

    def work() -> Told:
        for number in range(commits):
            with db.write() as tx:
                changed = people[number % (callers or rows)]
                tx[row_class].update(row_class(changed, number + 1))
        return told

    def verify(found: Told) -> object:
        require(found.count == (commits if callers else 0), f"{found.count} were told")
        ran = db.stats().view_runs - runs
        expected = commits if callers and row_class is Account else 0
        require(ran == expected, f"views ran {ran} times, not {expected}")
        db.check()
        return db.offset

    return Task(work, verify, db.close)


def questions(sizes: Sizes) -> Iterator[Question]:
    """Ask for commits."""
    callers, commits = sizes["callers"], sizes["commits"]
    beside = partial(commit_beside, callers, commits)
    many, few = f"{callers:,} have their view", "10 have their view"
    yield Question(
        "a commit that changes what one caller's view reads",
        [
            Contender(many, lambda: beside(Account, callers), commits),
            Contender(few, lambda: beside(Account, 10), commits, "peer"),
            Contender(
                f"{callers:,} ask a table", lambda: beside(Shown, callers), commits
            ),
            Contender("nobody listens", lambda: beside(Account, 0), commits, "floor"),
        ],
        [Cost(many, 1.5, few)],
    )


VIEWS = Benchmark(
    "bench_views",
    __doc__,
    full={"callers": 10_000, "commits": 5_000},
    small={"callers": 30, "commits": 40},
    questions=questions,
)


def main() -> None:
    """Run as a program."""
    run(VIEWS, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
