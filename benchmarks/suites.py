"""Suites: one stream of small transactions, asked of all engines alike.

A suite says what is loaded, which transactions are made with which arguments, drawn
beforehand, and what must hold after. It is written three times: as reducers of qsdb,
as SQL, and over mappings from key to row, which serve the floor, a dict, and lmdb.
What only reads is asked as each engine has it for that: qsdb in ``db.read()``, lmdb in
a transaction that cannot write, SQL by SELECT.
Each transaction gives an answer; answers and the rows that are left are the evidence,
so that engines that answer differently are found out.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import qsdb
from benchmarks.harness import Contender, Question, Task, checksum
from benchmarks.keyed import Lmdb, Tables, dicts
from benchmarks.peers import is_installed, left_out
from benchmarks.statements import OPENERS, Raw, Statements

__all__ = ["Answers", "Functions", "Rows", "Step", "Suite", "questions_of"]

Rows = Mapping[str, Sequence[Raw]]
Step = tuple[str, Raw]
"""The name of a transaction, and its arguments."""
Answers = list[Any]
Functions = Mapping[str, Callable[..., Any]]

FEW = 100
"""duckdb is asked so many times fewer transactions: it is made for other work."""


@dataclass(frozen=True)
class Suite:
    """What is asked, in a form for each kind of engine."""

    title: str
    module: qsdb.Module
    tables: Mapping[str, type[qsdb.Row]]
    rows: Rows
    """What is loaded, table by table."""
    key_parts: Mapping[str, int]
    """How many of a table's first columns are its key."""
    steps: Sequence[Step]
    reducers: Functions
    """Those that write, and others that stand for any call."""
    schema: str
    """Statements of SQL, with semicolons between them; CLUSTERED after tables whose
    rows should lie in the order of their keys, where an engine can do that."""
    statements: Callable[[Statements], Functions]
    mapped: Callable[[Tables], Functions]
    check: Callable[[Rows, Answers], object]
    """Takes what is left and what was answered; raises `InvariantError`."""
    readings: Functions = field(default_factory=dict)
    """Those that only read: functions of the database, which begin a read transaction
    of it."""
    idle: frozenset[str] = frozenset()
    """Reducers that write nothing all the same."""
    is_sorted: bool = False
    """Whether keys are scanned in their order."""
    by_hand: Rows = field(default_factory=dict)
    """Tables that serve mappings as indexes; other engines have indexes."""
    asks_lmdb: bool = True
    """Whether mappings keep all that the other engines keep."""
    rows_each: int = 1
    """So many rows are worked on in each transaction; figures are per row."""

    @property
    def count(self) -> int:
        """How many operations there are."""
        return len(self.steps) * self.rows_each


def evidence(suite: Suite, rows: Rows, answers: Answers) -> str:
    """Check what must hold, and give a hash of all that is left and was answered."""
    ordered = {name: sorted(rows[name]) for name in suite.rows}
    suite.check(ordered, answers)
    return checksum((ordered, answers))


def _perform(steps: Sequence[tuple[Callable[..., Any], Raw]]) -> Answers:
    answers: Answers = []
    note = answers.append
    for function, arguments in steps:
        note(function(*arguments))
    return answers


def in_qsdb(suite: Suite) -> Task[Answers]:
    """Call reducers, and functions that begin read transactions."""
    db = qsdb.Database(suite.module, seed=1)
    with db.write() as tx:
        for name, row_class in suite.tables.items():
            table = tx.table(name)
            table.insert_many([row_class(*raw) for raw in suite.rows[name]])
    steps = [
        (suite.readings[name], (db, *arguments))
        if name in suite.readings
        else (db.call, (suite.reducers[name], *arguments))
        for name, arguments in suite.steps
    ]

    def verify(answers: Answers) -> str:
        with db.read() as read:
            rows = {
                name: [tuple(row) for row in read.table(name)] for name in suite.tables
            }
        return evidence(suite, rows, answers)

    return Task(lambda: _perform(steps), verify, db.close)


def in_sql(suite: Suite, engine: str) -> Task[Answers]:
    """Execute statements."""
    peer = OPENERS[engine]()
    for text in suite.schema.replace("CLUSTERED", peer.clustered).split(";"):
        peer.execute(text)
    for name, rows in suite.rows.items():
        peer.load(name, rows)
    functions = suite.statements(peer)
    steps = [(functions[name], arguments) for name, arguments in suite.steps]

    def verify(answers: Answers) -> str:
        return evidence(suite, {each: peer.rows(each) for each in suite.rows}, answers)

    return Task(lambda: _perform(steps), verify, peer.close)


def in_dicts(suite: Suite) -> Task[Answers]:
    """Call functions over dicts."""
    tables = dicts(
        {**suite.rows, **suite.by_hand}, suite.key_parts, is_sorted=suite.is_sorted
    )
    functions = suite.mapped(tables)
    steps = [(functions[name], arguments) for name, arguments in suite.steps]

    def verify(answers: Answers) -> str:
        rows = {name: [*table.values()] for name, table in tables.items()}
        return evidence(suite, rows, answers)

    return Task(lambda: _perform(steps), verify)


def in_lmdb(suite: Suite) -> Task[Answers]:
    """Call the same functions over tables of lmdb, each in a transaction."""
    env = Lmdb(suite.key_parts)
    env.load({**suite.rows, **suite.by_hand}, suite.key_parts)
    functions, only_read = suite.mapped(env.tables), suite.idle.union(suite.readings)
    steps = [
        (name not in only_read, functions[name], arguments)
        for name, arguments in suite.steps
    ]

    def work() -> Answers:
        answers: Answers = []
        begin, note = env.begin, answers.append
        for is_writing, function, arguments in steps:
            with begin(write=is_writing) as env.txn:
                note(function(*arguments))
        return answers

    return Task(work, lambda answers: evidence(suite, env.rows(), answers), env.close)


def questions_of(suite: Suite) -> Iterator[Question]:
    """Ask all engines; and duckdb beside two of them, with fewer transactions."""
    count = suite.count
    contenders = [
        Contender("qsdb", lambda: in_qsdb(suite), count),
        Contender("sqlite3", lambda: in_sql(suite, "sqlite3"), count, "peer"),
    ]
    if is_installed("apsw"):
        contenders.append(
            Contender("apsw", lambda: in_sql(suite, "apsw"), count, "peer")
        )
    if suite.asks_lmdb and is_installed("lmdb"):
        contenders.append(Contender("lmdb", lambda: in_lmdb(suite), count, "peer"))
    contenders.append(Contender("dict", lambda: in_dicts(suite), count, "floor"))
    missing = left_out(["apsw", "duckdb", "lmdb"])
    yield Question(suite.title, contenders, left_out=missing)
    if is_installed("duckdb"):
        few = max(len(suite.steps) // FEW, 10)
        yield _few(replace(suite, steps=suite.steps[:few]))


def _few(suite: Suite) -> Question:
    count = suite.count
    return Question(
        f"{suite.title}, {count:,} only",
        [
            Contender("qsdb", lambda: in_qsdb(suite), count),
            Contender("duckdb", lambda: in_sql(suite, "duckdb"), count, "peer"),
            Contender("dict", lambda: in_dicts(suite), count, "floor"),
        ],
    )
