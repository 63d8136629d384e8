"""Transactions that run beside each other, step by step, and are recorded.

A `Program` is what one transaction does; a schedule says whose turn it is at each step.
The last step of each is its end. One database serves many schedules: it is filled anew
before each.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import attrs

import qsdb
from qsdb import i64, u32
from tests.support.commit_order import Operation, Record, State, faults

__all__ = ["Bench", "Program", "count_schedules", "schedules"]

OPENING: State = {1: 10, 2: 20, 3: 30}

numbers = qsdb.Module("numbers")


class Number(qsdb.Row, module=numbers):
    id: u32 = qsdb.primary_key()
    value: i64 = qsdb.index()


@attrs.frozen
class Program:
    """What one transaction does.

    Attributes:
        operations: Each one is a step.
        commits: Whether it commits in the end.
        is_serial: Whether it is a serial transaction, all of it in one step.
    """

    operations: tuple[Operation, ...]
    commits: bool = True
    is_serial: bool = False

    @property
    def steps_count(self) -> int:
        """How many steps it takes."""
        return 1 if self.is_serial else len(self.operations) + 1


def schedules(programs: Sequence[Program]) -> Iterator[tuple[int, ...]]:
    """Yield every order of the steps of some programs: whose turn it is at each."""
    left = [program.steps_count for program in programs]

    def walk(made: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
        if not any(left):
            yield made
        for number, count in enumerate(left):
            if count:
                left[number] -= 1
                yield from walk((*made, number))
                left[number] += 1

    yield from walk(())


def count_schedules(programs: Sequence[Program]) -> int:
    """Give the number of `schedules`."""
    counts = [program.steps_count for program in programs]
    return math.factorial(sum(counts)) // math.prod(map(math.factorial, counts))


class Bench:
    """A database on which schedules are run."""

    def __init__(self) -> None:
        self.db = qsdb.Database(numbers, seed=1)

    def run(
        self, programs: Sequence[Program], schedule: Sequence[int], level: Any
    ) -> list[str]:
        """Run a schedule, and give what is wrong with what came of it."""
        self.fill()
        first = self.db.offset
        open_: dict[int, tuple[Any, Record]] = {}
        places = [0] * len(programs)
        ended: list[Record] = []
        for turn in schedule:
            program, name = programs[turn], f"T{turn + 1}"
            if program.is_serial:
                ended.append(self.run_serially(name, program))
                continue
            if turn not in open_:
                begun = self.db.optimistic(level)
                open_[turn] = begun, Record(name, level, begun.offset)
            transaction, record = open_[turn]
            if places[turn] < len(program.operations):
                operation = program.operations[places[turn]]
                given = do(transaction, operation)
                record.events.append((operation, given))
                places[turn] += 1
            else:
                self.end(transaction, record, commits=program.commits)
                ended.append(record)
        with self.db.read() as reading:
            last = {row.id: row.value for row in reading[Number]}
        return [*faults(first, OPENING, ended, last)]

    def fill(self) -> None:
        """Have the rows of the beginning."""
        with self.db.write() as writing:
            writing[Number].clear()
            writing[Number].insert_many([Number(*pair) for pair in OPENING.items()])

    def run_serially(self, name: str, program: Program) -> Record:
        """Run a program as one serial transaction."""
        record = Record(name, "serial", self.db.offset, before=self.db.offset)
        with self.db.write() as writing:
            for operation in program.operations:
                record.events.append((operation, do(writing, operation)))
        record.ended, record.offset = "committed", self.db.offset
        return record

    def end(self, transaction: Any, record: Record, *, commits: bool) -> None:
        """End an optimistic transaction."""
        record.before = self.db.offset
        if not commits:
            transaction.rollback()
            return
        try:
            record.offset = transaction.commit()
            record.ended = "committed"
        except qsdb.ConflictError:
            record.ended = "refused"


def do(transaction: Any, operation: Operation) -> object:
    """Do an operation in a transaction, and give what comes out."""
    name, given = operation
    return DOING[name](transaction, transaction[Number], *given)


def _get(_: Any, table: Any, key: int) -> int | None:
    row = table.get(key)
    return None if row is None else row.value


def _all(_: Any, table: Any) -> list[tuple[int, int]]:
    return sorted((row.id, row.value) for row in table)


def _range(_: Any, table: Any, low: int, high: int) -> list[tuple[int, int]]:
    return [(row.value, row.id) for row in table.value.range(low, high)]


def _where(transaction: Any, _: Any, number: int) -> list[tuple[int, int]]:
    text = "SELECT * FROM number WHERE value % :n = 0"
    rows = transaction.sql(text, {"n": number})
    return sorted((row.id, row.value) for row in rows)


def _put(_: Any, table: Any, key: int, value: int) -> None:
    table.upsert(Number(key, value))


def _add(_: Any, table: Any, key: int, more: int) -> int:
    row = table.get(key)
    value = more + (0 if row is None else row.value)
    added: int = table.upsert(Number(key, value)).value
    return added


DOING: dict[str, Callable[..., object]] = {
    "get": _get,
    "all": _all,
    "len": lambda _, table: len(table),
    "range": _range,
    "where": _where,
    "put": _put,
    "add": _add,
    "delete": lambda _, table, key: table.delete_by_key(key),
}
