"""EXISTS by indexes that many rows have one value of: what is found is kept.

**Judge**: every row is held against every other one, in plain Python.
"""

from collections.abc import Callable
from typing import Any

import pytest

import qsdb
from qsdb import i64, u64
from qsdb.sql import ways
from tests.support.mutants import Mutant, planted

VALUES = (None, 0, 1)

INDEXES: dict[str, list[Any]] = {
    "none": [],
    "hash": [qsdb.Hash("a", name="by_a")],
    "btree": [qsdb.BTree("a", name="by_a")],
    "hash of two": [qsdb.Hash("a", "b", name="by_both")],
    "btree of two": [qsdb.BTree("a", "b", name="by_both")],
}

CONDITIONS: dict[str, Callable[[Any, Any], bool]] = {
    "o.a = p.a AND o.b = p.b AND o.f < p.f": lambda p, o: (
        None not in (p.a, o.a, p.b, o.b) and (o.a, o.b) == (p.a, p.b) and o.f < p.f
    ),
    "o.a = p.a AND o.b = p.b AND o.f = 1": lambda p, o: (
        None not in (p.a, o.a, p.b, o.b) and (o.a, o.b) == (p.a, p.b) and o.f == 1
    ),
    "o.a = p.a AND o.id <> p.id": lambda p, o: (
        None not in (p.a, o.a) and o.a == p.a and o.id != p.id
    ),
    "o.a = p.a AND o.f IN (1, 2)": lambda p, o: (
        None not in (p.a, o.a) and o.a == p.a and o.f in (1, 2)
    ),
    "o.a IN (p.a, 1) AND o.f > 3": lambda p, o: (
        o.a is not None and o.a in (p.a, 1) and o.f > 3
    ),
}


def opened(indexes: list[Any]) -> tuple[qsdb.Database, list[Any]]:
    module = qsdb.Module("m")

    class Thing(qsdb.Row, module=module, indexes=indexes):
        id: u64 = qsdb.primary_key()
        a: i64 | None
        b: i64 | None
        f: i64

    rows = [
        Thing(3 * n + m, a, b, (n * m) % 5)
        for n, (a, b) in enumerate([(a, b) for a in VALUES for b in VALUES])
        for m in range(3)
    ]
    db = qsdb.Database(module)
    with db.write() as tx:
        tx[Thing].insert_many(rows)
    return db, rows


def compare(indexes: list[Any], condition: str) -> None:
    db, rows = opened(indexes)
    fits = CONDITIONS[condition]
    for sign in ("", "NOT "):
        inner = f"SELECT 1 FROM thing o WHERE {condition}"
        found = db.sql(f"SELECT * FROM thing p WHERE {sign}EXISTS ({inner})")
        expected = [p for p in rows if any(fits(p, o) for o in rows) is not bool(sign)]
        by_id = [sorted(each.id for each in some) for some in (found, expected)]
        assert by_id[0] == by_id[1], (sign, condition)


@pytest.mark.parametrize("indexes", INDEXES)
@pytest.mark.parametrize("condition", CONDITIONS)
def test_what_exists(indexes: str, condition: str) -> None:
    compare(INDEXES[indexes], condition)


def test_a_planted_bug_is_noticed() -> None:
    bug = Mutant(ways, 'parts = [f"k[{number}]" for', 'parts = [f"k[0]" for')
    for indexes in ("hash of two", "btree of two"):
        with planted(bug), pytest.raises(AssertionError):
            compare(INDEXES[indexes], "o.a = p.a AND o.b = p.b AND o.f = 1")


def test_a_value_of_many_rows_is_looked_up_once() -> None:
    looked: list[object] = []

    def look(value: object) -> list[Any]:
        looked.append(value)
        return {1: [(1,), (2,)], 2: [(3,)]}.get(value, [])  # type: ignore[call-overload, no-any-return]

    kept = ways.Kept(look)

    assert [len(kept[value]) for value in (1, 2, 3, 1, 2, 3)] == [2, 1, 0, 2, 1, 0]
    assert looked == [1, 2, 3, 2, 3]
