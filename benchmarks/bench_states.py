"""What does a change cost an operator that keeps a state, and how much does it keep?

States as they are in `qsdb.live.states`, told of one changed row after the other:

1. *The best twenty of many*, ``ORDER BY score DESC LIMIT 20``: with random scores, most
   of which are behind the window, and with scores that lead, so that each is shown.
2. *COUNT and SUM by group*, of a thousand groups.
3. *MIN and MAX by group*, of the same.
4. *The best three of each group*, ``QUALIFY ROW_NUMBER() OVER (PARTITION BY …) <= 3``.
5. *Memory* for each row kept, by `tracemalloc`; the rows themselves are the tables'.

The peer is sqlite3 in memory, which is asked again, on the rows as they are in the end;
with the indexes that help it.

Not measured: tables, commits, and telling anybody; `bench_live` has those.
"""

import gc
import sqlite3
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from operator import itemgetter
from random import Random
from typing import Any

from benchmarks.harness import (
    BYTES,
    MICROSECONDS,
    Contender,
    Question,
    Task,
    Within,
    require,
)
from benchmarks.program import Benchmark, Sizes, make_parser, run
from qsdb.live.states.aggregates import count_rows, greatest, least, total
from qsdb.live.states.distinct import DistinctRows
from qsdb.live.states.grouping import grouping_of
from qsdb.live.states.groups import Groups
from qsdb.live.states.sorting import SortTerm, entry_function
from qsdb.live.states.tops import Tops
from qsdb.live.states.windows import Window
from qsdb.sql.arithmetic import fitter
from qsdb.values.kinds import I64

GROUPS = 1000

Row = tuple[Any, ...]
"""id, number, and a number that tells which group it is in."""
Rows = list[Row]
State = Any
"""A state of one input."""
Changes = list[tuple[Rows, Rows]]


def make_rows(count: int) -> Rows:
    """Give rows with random numbers."""
    random = Random(1)
    return [(n, random.randrange(10**9), n % GROUPS) for n in range(count)]


def make_changes(rows: Rows, count: int, first: int = 0) -> Changes:
    """Give changes of random rows, which get numbers from `first` on; and make them."""
    random = Random(2)
    changes: Changes = []
    for _ in range(count):
        place = random.randrange(len(rows))
        old = rows[place]
        rows[place] = new = (old[0], first + random.randrange(10**9), old[2])
        changes.append(([new], [old]))
    return changes


def follow(
    fill: Callable[[Rows], State], rows: Rows, changes: Changes, changed: Rows
) -> Task[State]:
    """Tell a state of changes.

    Args:
        fill: Makes the state of rows.
        rows: Those before the changes.
        changes: What comes and what goes, each time.
        changed: The rows after them.
    """
    state = fill(rows)
    change = state.moves if isinstance(state, Window) else state.change

    def work() -> State:
        for inserts, deletes in changes:
            change(inserts, deletes)
        return state

    def verify(found: State) -> object:
        result = found.rows()
        afresh = fill(changed).rows()
        require(sorted(result) == sorted(afresh), "what is kept is not what is there")
        return result if isinstance(state, Window) else sorted(result)

    return Task(work, verify)


def asked(rows: Rows, text: str, indexes: tuple[str, ...], times: int) -> Task[Rows]:
    """Have sqlite3 answer a query some times."""
    db = sqlite3.connect(":memory:")
    db.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, x INTEGER, g INTEGER)")
    db.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    for index in indexes:
        db.execute(f"CREATE INDEX i{len(index)} ON t ({index})")

    def work() -> Rows:
        found: Rows = []
        for _ in range(times):
            found = db.execute(text).fetchall()
        return found

    def verify(found: Rows) -> object:
        return found if "LIMIT" in text else sorted(found)

    return Task(work, verify, db.close)


def best(rows: Rows) -> Window:
    """Keep the best twenty."""
    terms = [SortTerm(1, I64, is_descending=True), SortTerm(0, I64)]
    window = Window(entry_function(terms), 0, 20)
    window.fill(rows)
    return window


def summed(rows: Rows) -> Groups:
    """Keep COUNT and SUM by group."""
    groups = Groups(grouping_of((2,), [count_rows(), total(1, I64, fitter(I64))]))
    groups.fill(rows)
    return groups


def extremes(rows: Rows) -> Groups:
    """Keep MIN and MAX by group."""
    groups = Groups(grouping_of((2,), [least(1, I64), greatest(1, I64)]))
    groups.fill(rows)
    return groups


def best_of_each(rows: Rows) -> Tops:
    """Keep the best three of each group."""
    terms = [SortTerm(1, I64, is_descending=True), SortTerm(0, I64)]
    tops = Tops(itemgetter(2), entry_function(terms), 3)
    tops.fill(rows)
    return tops


BEST = "SELECT id, x, g FROM t ORDER BY x DESC, id LIMIT 20"
SUMMED = "SELECT g, count(*), sum(x) FROM t GROUP BY g"
EXTREMES = "SELECT g, min(x), max(x) FROM t GROUP BY g"

NUMBERED = "SELECT *, row_number() OVER (PARTITION BY g ORDER BY x DESC, id) AS n"
BEST_OF_EACH = f"SELECT id, x, g FROM ({NUMBERED} FROM t) WHERE n <= 3"


def question(
    title: str,
    sizes: Sizes,
    count: int,
    fill: Callable[[Rows], State],
    ways: tuple[str, str, int],
    bound: float,
) -> Question:
    """Ask what a change costs a state.

    Args:
        title: Of the question.
        sizes: How often things are done.
        count: How many rows there are.
        fill: Makes the state.
        ways: The same in SQL, the index that helps, and where new numbers begin.
        bound: Microseconds that a change may take.
    """
    text, index, first = ways
    rows = make_rows(count)
    changed = [*rows]
    changes = make_changes(changed, sizes["changes"], first)
    peer = partial(asked, changed, text, (index,), sizes["asked"])
    return Question(
        title,
        [
            Contender(
                "state",
                partial(follow, fill, rows, changes, changed),
                sizes["changes"],
            ),
            Contender("sqlite3 asked again", peer, sizes["asked"], "peer"),
        ],
        [Within("state", bound, 1e-6, "us")],
        MICROSECONDS,
    )


def hold(make: Callable[[], object], rows: int) -> Task[int]:
    """Make a state, and give how much memory that takes."""
    kept: list[object] = []

    def work() -> int:
        gc.collect()
        tracemalloc.start()
        try:
            kept.append(make())
            gc.collect()
            return tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()

    return Task(work, lambda _: rows, kept.clear)


def distinct(rows: Rows) -> DistinctRows:
    """Keep rows that are there once."""
    state = DistinctRows()
    state.fill([(row[1],) for row in rows])
    return state


def memory(sizes: Sizes) -> Question:
    """Ask how much memory is kept for each row."""
    rows = make_rows(sizes["kept"])
    states = {
        "window": best,
        "MIN and MAX": extremes,
        "DISTINCT": distinct,
        "best of each group": best_of_each,
    }
    return Question(
        f"memory for each of {len(rows):,} rows",
        [
            Contender(name, partial(hold, partial(make, rows), len(rows)), len(rows))
            for name, make in states.items()
        ],
        [Within(name, 200, 1, "bytes") for name in states],
        BYTES,
        lambda _, found: found,
    )


def questions(sizes: Sizes) -> Iterator[Question]:
    """Yield all questions."""
    some, many = sizes["some"], sizes["many"]
    yield question(
        f"the best twenty of {some:,}, random scores",
        sizes,
        some,
        best,
        (BEST, "x DESC, id", 0),
        15,
    )
    yield question(
        f"the best twenty of {some:,}, leading scores",
        sizes,
        some,
        best,
        (BEST, "x DESC, id", 10**9),
        15,
    )
    yield question(
        f"COUNT and SUM of {many:,} rows in {GROUPS} groups",
        sizes,
        many,
        summed,
        (SUMMED, "g, x", 0),
        10,
    )
    yield question(
        f"MIN and MAX of {many:,} rows in {GROUPS} groups",
        sizes,
        many,
        extremes,
        (EXTREMES, "g, x", 0),
        25,
    )
    yield question(
        f"the best three of each of {GROUPS} groups of {some:,} rows",
        sizes,
        some,
        best_of_each,
        (BEST_OF_EACH, "g, x DESC, id", 0),
        25,
    )
    yield memory(sizes)


STATES = Benchmark(
    "bench_states",
    __doc__,
    {
        "some": 100_000,
        "many": 1_000_000,
        "changes": 20_000,
        "asked": 3,
        "kept": 100_000,
    },
    {"some": 60, "many": 90, "changes": 40, "asked": 1, "kept": 50},
    questions,
)


def main() -> None:
    """Run as a program."""
    run(STATES, make_parser(__doc__).parse_args())


if __name__ == "__main__":
    main()
