"""Queries of the town that are more than bags of rows, and what they give.

Groups, outer joins, DISTINCT, the first rows in an order, rows that exist elsewhere or
do not, and results together: what a live query keeps state for, and what an optimistic
transaction has to be validated for, though it has looked at more than it gives.
"""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from tests.simulation.states import State

__all__ = ["WIDE"]

Rows = list[tuple[Any, ...]]


def _kinds(state: State) -> dict[int, list[int]]:
    """Give the balances of the accounts of each kind."""
    found: dict[int, list[int]] = defaultdict(list)
    for row in state.rows("account"):
        found[row[2]].append(row[3])
    return found


def _groups(state: State, _: int) -> Rows:
    return [(kind, len(each), sum(each)) for kind, each in _kinds(state).items()]


def _ends(state: State, _: int) -> Rows:
    return [
        (kind, min(each), max(each))
        for kind, each in _kinds(state).items()
        if len(each) > 1
    ]


def _whole(state: State, n: int) -> Rows:
    found = [row[3] for row in state.rows("account") if row[3] < n]
    return [(len(found), sum(found) if found else None)]


def _stocks_by_kind(state: State, _: int) -> Rows:
    accounts, found = state.tables["account"], defaultdict[int, int](int)
    for row in state.rows("stock"):
        if row[1] in accounts:
            found[accounts[row[1]][2]] += 1
    return [*found.items()]


def _perhaps(state: State, _: int) -> Rows:
    accounts = state.tables["account"]
    return [
        (*row[:2], accounts[row[1]][1] if row[1] in accounts else None)
        for row in state.rows("stock")
    ]


def _slots(state: State, n: int) -> set[int]:
    return {row[1] for row in state.rows("stock") if row[2] > n}


def _distinct(state: State, n: int) -> Rows:
    return [(slot,) for slot in _slots(state, n)]


def _first(places: slice, sign: int) -> Callable[[State, int], Rows]:
    def first(state: State, _: int) -> Rows:
        rows = sorted(state.rows("account"), key=lambda row: (sign * row[3], row[0]))
        return [(row[0], row[3]) for row in rows[places]]

    return first


def _existing(state: State, n: int) -> Rows:
    return [row for row in state.rows("account") if row[0] in _slots(state, n)]


def _missing(state: State, n: int) -> Rows:
    return [row for row in state.rows("note") if row[1] not in _slots(state, n)]


def _together(state: State, _: int) -> Rows:
    stocks, notes = state.rows("stock"), state.rows("note")
    return [(n,) for n in {row[1] for row in stocks} | {row[1] for row in notes}]


WIDE: tuple[
    tuple[str, Callable[[State, int], Rows], tuple[str, ...]],
    ...,
] = (
    (
        (
            "SELECT kind, COUNT(*) AS many, SUM(balance) AS total FROM account "
            "GROUP BY kind"
        ),
        _groups,
        ("account",),
    ),
    (
        (
            "SELECT kind, MIN(balance) AS least, MAX(balance) AS most FROM account "
            "GROUP BY kind HAVING COUNT(*) > 1"
        ),
        _ends,
        ("account",),
    ),
    (
        (
            "SELECT COUNT(*) AS many, SUM(balance) AS total FROM account "
            "WHERE balance < :n"
        ),
        _whole,
        ("account",),
    ),
    (
        (
            "SELECT a.kind, COUNT(*) AS many FROM stock s "
            "JOIN account a ON s.slot = a.id GROUP BY a.kind"
        ),
        _stocks_by_kind,
        ("account", "stock"),
    ),
    (
        (
            "SELECT s.place, s.slot, a.name FROM stock s LEFT JOIN account a "
            "ON s.slot = a.id"
        ),
        _perhaps,
        ("account", "stock"),
    ),
    ("SELECT DISTINCT slot FROM stock WHERE count > :n", _distinct, ("stock",)),
    (
        "SELECT id, balance FROM account ORDER BY balance DESC, id LIMIT 2",
        _first(slice(2), -1),
        ("account",),
    ),
    (
        "SELECT id, balance FROM account ORDER BY balance, id LIMIT 2 OFFSET 1",
        _first(slice(1, 3), 1),
        ("account",),
    ),
    (
        (
            "SELECT * FROM account a WHERE EXISTS "
            "(SELECT 1 FROM stock s WHERE s.slot = a.id AND s.count > :n)"
        ),
        _existing,
        ("account", "stock"),
    ),
    (
        (
            "SELECT * FROM note WHERE weight NOT IN "
            "(SELECT slot FROM stock WHERE count > :n)"
        ),
        _missing,
        ("note", "stock"),
    ),
    (
        "SELECT slot FROM stock UNION SELECT weight FROM note",
        _together,
        ("note", "stock"),
    ),
)
"""A text, with a parameter ``:n`` or none; what it gives; which tables it reads."""
