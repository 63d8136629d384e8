"""Small transactions beside each other, in every order of their steps.

**Strategy**: some thirty sets of two or three transactions, of two to four steps each,
are run in all orders that there are; more than 200,000 at each level in the nightly
profile, an even choice of them in the other one. They read and write the same three
rows by key, by range, by condition, as a whole and by their number; some roll back,
some stand beside a serial transaction.

**Invariants**: those of `tests.support.commit_order`, whose direct check is made after
each schedule: also that nobody is refused for nothing.
"""

import os
from collections.abc import Sequence

import pytest

from tests.support.beside import Bench, Program, count_schedules, schedules
from tests.support.commit_order import Operation
from tests.support.schedules import LEVELS, Level

IS_NIGHTLY = os.environ.get("QSDB_TEST_PROFILE") == "nightly"

STRIDE = 1 if IS_NIGHTLY else 151
"""Of the orders of a large set one in so many is run; a prime, for all sorts."""

SMALL = 200
"""A set with no more orders is run in all of them, always."""


Step = tuple[str, *tuple[int, ...]]
"""An operation with its numbers behind it."""


def program(*steps: Step) -> Program:
    return Program(operations_of(steps))


def serial(*steps: Step) -> Program:
    return Program(operations_of(steps), is_serial=True)


def undone(*steps: Step) -> Program:
    return Program(operations_of(steps), commits=False)


def operations_of(steps: Sequence[Step]) -> tuple[Operation, ...]:
    return tuple([(name, tuple(rest)) for name, *rest in steps])


GET1: Step = ("get", 1)
GET2: Step = ("get", 2)
ALL: Step = ("all",)
PUT1, PUT2, PUT3 = ("put", 1, 11), ("put", 2, 21), ("put", 3, 31)
LOW, HIGH, EVEN = ("range", 0, 15), ("range", 15, 40), ("where", 4)

SETS: dict[str, tuple[Program, ...]] = {
    "lost update": (program(("add", 1, 1)), program(("add", 1, 2))),
    "write skew": (program(GET1, GET2, PUT1), program(GET1, GET2, PUT2)),
    "crossed reads": (program(GET2, PUT1), program(GET1, PUT2)),
    "blind writes": (program(PUT1, PUT2), program(("put", 2, 22), ("put", 1, 12))),
    "phantom": (program(LOW, ("put", 4, 5)), program(LOW, ("put", 5, 6))),
    "a row moves": (program(LOW, HIGH, PUT3), program(("put", 2, 12))),
    "deleted and changed": (program(("delete", 1)), program(("add", 1, 1))),
    "deleted twice": (program(("delete", 1)), program(("delete", 1), PUT2)),
    "counted": (program(("len",), PUT1), program(("put", 9, 1), ("delete", 2))),
    "changed back": (program(GET1, PUT2), program(PUT1), program(("put", 1, 10))),
    "condition": (program(EVEN, PUT1), program(("put", 3, 32)), program(EVEN)),
    "insert of both": (program(("put", 7, 1)), program(("put", 7, 1)), program(ALL)),
    "rolled back": (undone(PUT1, PUT2), program(GET1, PUT2), program(GET2, PUT1)),
    "beside a serial one": (
        program(GET1, EVEN, PUT2),
        serial(("add", 1, 2), ("add", 3, 2)),
        program(("len",), LOW, PUT3),
    ),
    "beside two serial ones": (
        program(ALL, PUT1, LOW),
        serial(("delete", 2)),
        serial(("put", 2, 20)),
        program(("len",), PUT3),
    ),
    "only readers": (program(GET1, GET2), program(PUT1, PUT2), program(ALL, LOW)),
    "three in a ring": (program(GET1, PUT2), program(GET2, PUT3), program(ALL, PUT1)),
    "ranges in a ring": (
        program(LOW, ("put", 4, 20)),
        program(HIGH, ("put", 5, 2)),
        program(EVEN, ("delete", 1)),
    ),
    "numbers in a ring": (
        program(("len",), ("put", 6, 60)),
        program(("len",), ("delete", 3)),
        program(("range", 50, 70), PUT1),
    ),
    "sums": (
        program(ALL, ("add", 1, 1)),
        program(ALL, ("add", 2, 1)),
        program(ALL, ("add", 3, 1)),
    ),
    "own writes": (
        program(PUT1, LOW),
        program(("delete", 2), HIGH),
        program(("put", 4, 4), EVEN),
    ),
    "conditions and keys": (
        program(EVEN, ("delete", 3)),
        program(("where", 5), ("put", 2, 24)),
        program(GET2, ("add", 1, 2)),
    ),
    "long: keys": (
        program(GET1, GET2, PUT3),
        program(GET2, ("get", 3), PUT1),
        program(GET1, ("get", 3), PUT2),
    ),
    "long: ranges": (
        program(LOW, GET2, ("put", 4, 16)),
        program(HIGH, ("delete", 1), LOW),
        program(("range", 10, 21), ("len",), ("add", 3, -25)),
    ),
    "long: conditions": (
        program(EVEN, GET1, ("put", 4, 44)),
        program(("where", 5), ("put", 1, 12), EVEN),
        program(("where", 2), ("delete", 2), ("len",)),
    ),
    "long: moves": (
        program(("add", 1, -3), ("add", 2, 3), ALL),
        program(("add", 2, -5), ("add", 3, 5), ALL),
        program(("add", 3, -7), ("add", 1, 7), ALL),
    ),
    "long: mixed": (
        program(ALL, ("delete", 1), ("put", 1, 13)),
        program(("len",), GET1, ("put", 8, 3)),
        undone(PUT1, ("delete", 2), ("put", 9, 9)),
    ),
    "long: back and forth": (
        program(PUT1, ("put", 1, 10), GET2),
        program(GET1, PUT2, ("put", 2, 20)),
        program(LOW, HIGH, PUT3),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", SETS)
def test_every_order_of_steps(name: str, level: Level) -> None:
    bench, programs = Bench(), SETS[name]
    orders = [*schedules(programs)]
    stride = 1 if len(orders) <= SMALL else STRIDE
    for order in orders[::stride]:
        wrong = bench.run(programs, order, level)

        assert not wrong, f"{name}, {level}, {order}: {wrong}"
    bench.db.check()

    assert bench.db.stats().pins == bench.db.stats().undo_rows == 0


def test_there_are_enough() -> None:
    assert sum(map(count_schedules, SETS.values())) >= 200_000


def test_the_orders_are_those_that_there_are() -> None:
    programs = SETS["write skew"]
    orders = [*schedules(programs)]

    assert len(set(orders)) == len(orders) == count_schedules(programs) == 70
    assert all(order.count(0) == order.count(1) == 4 for order in orders)
