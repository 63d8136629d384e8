"""Long random histories of five clients, looked at in two ways.

**Strategy**: a seeded scheduler chooses whose step is next. Each client runs one random
transaction after the other: most are optimistic and commit, some roll back, some are
serial. In the nightly profile a history has 100,000 operations, and another seed each
time. Two workloads: rows that are read and written in all ways, for the direct check;
and lists that are read and appended to, for the search for cycles, which knows nothing
of offsets.

**Invariants**: those of `tests.support.commit_order`, and no ring of transactions in
`tests.support.append_cycles`.
"""

import os
import random
from typing import Any

import attrs
import pytest

import qsdb
from qsdb import i64, u32
from tests.support.append_cycles import Appending, cycle_faults
from tests.support.beside import OPENING, Bench, Number, do
from tests.support.commit_order import Operation, Record, faults
from tests.support.schedules import LEVELS, Level

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"

OPERATIONS_COUNT = 100_000 if IS_NIGHTLY else 10_000
CLIENTS_COUNT = 5

LIST_LENGTH = 40
"""A list with so many numbers is left alone, and another one begun."""


def draw_operation(chance: random.Random) -> Operation:
    """Draw an operation on few rows, so that transactions meet."""
    key, value = chance.randrange(1, 9), chance.randrange(60)
    operations: list[Operation] = [
        ("get", (key,)),
        ("get", (key,)),
        ("put", (key, value)),
        ("put", (key, value)),
        ("add", (key, 1)),
        ("delete", (key,)),
        ("range", (value, value + chance.randrange(12))),
        ("where", (chance.randrange(5, 12),)),
        ("len", ()),
        ("all", ()),
    ]
    return chance.choice(operations)


@attrs.define
class Client:
    """Who runs one transaction after the other."""

    transaction: Any = None
    record: Record | None = None
    left: int = 0


def run_rows(
    bench: Bench, level: Level, chance: random.Random, count: int
) -> list[Record]:
    """Run a history of operations on rows; give its transactions as they ended."""
    clients = [Client() for _ in range(CLIENTS_COUNT)]
    ended: list[Record] = []
    while count > 0 or any(client.record for client in clients):
        client = chance.choice(clients)
        if client.record is None:
            if count <= 0:
                continue
            if chance.random() < 0.1:
                ended.append(run_serial(bench, chance))
                continue
            client.transaction = bench.db.optimistic(level)
            client.record = Record("T", level, client.transaction.offset)
            client.left = chance.randrange(1, 6)
        record = client.record
        if client.left:
            operation = draw_operation(chance)
            record.events.append((operation, do(client.transaction, operation)))
            client.left -= 1
            count -= 1
        else:
            bench.end(client.transaction, record, commits=chance.random() > 0.05)
            ended.append(record)
            client.record = None
    return ended


def run_serial(bench: Bench, chance: random.Random) -> Record:
    record = Record("S", "serial", bench.db.offset, before=bench.db.offset)
    with bench.db.write() as writing:
        for _ in range(chance.randrange(1, 3)):
            operation = draw_operation(chance)
            record.events.append((operation, do(writing, operation)))
    record.ended, record.offset = "committed", bench.db.offset
    return record


def seed_of_this_run() -> int:
    return random.getrandbits(32) if IS_NIGHTLY else 20261126


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_a_history_of_rows(level: Level) -> None:
    seed = seed_of_this_run()
    print(f"seed {seed}")
    bench = Bench()
    bench.fill()
    first = bench.db.offset
    records = run_rows(bench, level, random.Random(seed), OPERATIONS_COUNT)
    with bench.db.read() as reading:
        last = {row.id: row.value for row in reading[Number]}
    bench.db.check()
    endings = {record.ended for record in records}

    assert [*faults(first, OPENING, records, last)][:5] == []
    assert endings == {"committed", "refused", "rolled back"}


lists = qsdb.Module("lists")


class Numbers(qsdb.Row, module=lists):
    id: u32 = qsdb.primary_key()
    items: tuple[i64, ...] = ()


class Appenders:
    """Clients that read lists and append to them."""

    def __init__(self, level: Level, seed: int) -> None:
        self.db = qsdb.Database(lists, seed=1)
        self.level = level
        self.chance = random.Random(seed)
        self.keys = [*range(8)]
        self.next_key, self.next_number = 8, 0
        self.committed: list[Appending] = []
        self.refused = 0

    def run(self, count: int) -> None:
        open_: dict[int, tuple[Any, Appending, int]] = {}
        while count > 0 or open_:
            client = self.chance.randrange(CLIENTS_COUNT)
            if client not in open_:
                if count <= 0:
                    continue
                begun = Appending(-1, {}, {})  # its number is that of its commit
                steps = self.chance.randrange(2, 5)
                open_[client] = self.db.optimistic(self.level), begun, steps
            transaction, told, left = open_[client]
            if left:
                self.step(transaction, told)
                open_[client] = transaction, told, left - 1
                count -= 1
            else:
                del open_[client]
                self.end(transaction, told)

    def step(self, transaction: Any, told: Appending) -> None:
        """Read a list, or read it and append a number to it."""
        key = self.chance.choice(self.keys)
        table = transaction[Numbers]
        row = table.get(key) or Numbers(key)
        own = told.appends.get(key, ())
        seen = tuple(row.items[: len(row.items) - len(own)])
        assert tuple(row.items[len(seen) :]) == own
        assert told.reads.setdefault(key, seen) == seen
        if self.chance.random() < 0.5:
            return
        self.next_number += 1
        table.upsert(row.replace(items=(*row.items, self.next_number)))
        told.appends[key] = (*own, self.next_number)
        if len(row.items) >= LIST_LENGTH and key in self.keys:
            self.keys[self.keys.index(key)] = self.next_key
            self.next_key += 1

    def end(self, transaction: Any, told: Appending) -> None:
        try:
            transaction.commit()
        except qsdb.ConflictError:
            self.refused += 1
        else:
            number = len(self.committed)
            self.committed.append(attrs.evolve(told, number=number))

    def faults(self) -> list[str]:
        with self.db.read() as reading:
            last = {row.id: tuple(row.items) for row in reading[Numbers]}
        snapshot = self.level == "snapshot"
        return [*cycle_faults(self.committed, last, snapshot=snapshot)]


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
def test_a_history_of_lists(level: Level) -> None:
    seed = seed_of_this_run()
    print(f"seed {seed}")
    appenders = Appenders(level, seed)
    appenders.run(OPERATIONS_COUNT)
    appenders.db.check()

    assert appenders.faults()[:5] == []
    assert appenders.refused > 10


@pytest.mark.slow
def test_the_level_snapshot_has_rings_that_the_other_forbids() -> None:
    """So the search finds some where there are some."""
    appenders = Appenders("snapshot", 7)
    appenders.run(2_000)
    appenders.level = "serializable"

    assert "transactions come before each other" in appenders.faults()[0]
