"""Queries of the town: a text, and what it gives by a plain reading of the rows."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import attrs

from tests.simulation.states import State
from tests.simulation.town import RICH
from tests.simulation.wide_queries import WIDE

__all__ = [
    "CHANGES",
    "QUERIES",
    "Change",
    "Query",
    "asked_query",
    "live_query",
    "params_of",
]

Bag = Counter[tuple[Any, ...]]


@attrs.frozen(eq=False)
class Query:
    """A query, and its judge.

    Attributes:
        text: With parameters ``:n``.
        twin: Gives the rows, for a state and the parameter.
        tables: Which it reads.
        is_event: Whether its rows only come.
    """

    text: str
    twin: Callable[[State, int], list[tuple[Any, ...]]]
    tables: tuple[str, ...]
    is_event: bool = False

    def bag(self, state: State, number: int) -> Bag:
        """Give what the result should be."""
        return Counter(self.twin(state, number))


def params_of(query: Query, number: int) -> dict[str, int]:
    """Give the parameters of a query."""
    return {"n": number} if ":n" in query.text else {}


def _accounts(state: State) -> list[tuple[Any, ...]]:
    return state.rows("account")


def _first(state: State) -> list[tuple[Any, ...]]:
    return [row[:1] for row in state.rows("stock")]


def _places(state: State, _: int) -> list[tuple[Any, ...]]:
    accounts = state.tables["account"]
    return [
        (row[0], accounts[row[1]][1])
        for row in state.rows("stock")
        if row[1] in accounts
    ]


def _thrice(state: State, _: int) -> list[tuple[Any, ...]]:
    accounts, notes = state.tables["account"], state.rows("note")
    return [
        (accounts[row[1]][1], note[0])
        for row in state.rows("stock")
        for note in notes
        if row[1] in accounts and note[1] == row[1]
    ]


QUERIES: tuple[Query, ...] = (
    Query("SELECT * FROM account", lambda state, _: _accounts(state), ("account",)),
    Query(
        "SELECT * FROM account WHERE balance >= :n",
        lambda state, n: [row for row in _accounts(state) if row[3] >= n],
        ("account",),
    ),
    Query(
        "SELECT * FROM account WHERE kind = 1",
        lambda state, _: [row for row in _accounts(state) if row[2] == 1],
        ("account",),
    ),
    Query(
        "SELECT a.* FROM account a JOIN stock s ON a.id = s.slot WHERE s.count > :n",
        lambda state, n: [
            state.tables["account"][row[1]]
            for row in state.rows("stock")
            if row[2] > n and row[1] in state.tables["account"]
        ],
        ("account", "stock"),
    ),
    Query(
        "SELECT place, slot FROM stock WHERE slot IN (1, 3)",
        lambda state, _: [row[:2] for row in state.rows("stock") if row[1] in (1, 3)],
        ("stock",),
    ),
    Query("SELECT place FROM stock", lambda state, _: _first(state), ("stock",)),
    Query("SELECT * FROM note", lambda state, _: state.rows("note"), ("note",)),
    Query(
        "SELECT * FROM rich",
        lambda state, _: [row for row in _accounts(state) if row[3] > RICH],
        ("account",),
    ),
    Query(
        "SELECT s.place, a.name FROM stock s JOIN account a ON s.slot = a.id",
        _places,
        ("account", "stock"),
    ),
    Query(
        "SELECT a.name, n.text FROM stock s JOIN account a ON s.slot = a.id "
        "JOIN note n ON n.weight = s.slot",
        _thrice,
        ("account", "note", "stock"),
    ),
    Query(
        "SELECT id, balance + 1 AS more FROM account "
        "WHERE balance BETWEEN 0 AND :n OR NOT kind = 2",
        lambda state, n: [
            (row[0], row[3] + 1)
            for row in _accounts(state)
            if 0 <= row[3] <= n or row[2] != 2
        ],
        ("account",),
    ),
    Query(
        "SELECT * FROM ping",
        lambda state, _: [(text,) for text in state.pings],
        ("ping",),
        is_event=True,
    ),
    Query(
        "SELECT COUNT(*) AS many FROM account WHERE kind = 1",
        lambda state, _: [(sum(row[2] == 1 for row in _accounts(state)),)],
        ("account",),
    ),
)

_WIDE = tuple(Query(*each) for each in WIDE)
_ASKED = tuple(query for query in QUERIES if not query.is_event)


def live_query(number: int) -> Query:
    """Give what a number means to who listens; two of three are plain queries."""
    return _one_of(QUERIES, number)


def asked_query(number: int) -> Query:
    """Give what a number means to who asks once, and so of no events."""
    return _one_of(_ASKED, number)


def _one_of(plain: tuple[Query, ...], number: int) -> Query:
    place, sort = divmod(number, 3)
    queries = _WIDE if sort == 2 else plain
    return queries[place % len(queries)]


@attrs.frozen(eq=False)
class Change:
    """A statement that changes rows.

    Attributes:
        text: With a parameter ``:n``.
        apply: Changes a state, and gives how many rows that were, or the name of what
            is raised.
        least: The least that the parameter may be.
    """

    text: str
    apply: Callable[[State, int], int | str]
    least: int = -100


def _make_poor(state: State, n: int) -> int:
    accounts = state.tables["account"]
    found = [number for number, row in accounts.items() if row[3] < n]
    for number in found:
        accounts[number] = *accounts[number][:2], 2, accounts[number][3]
    return len(found)


def _delete_from(table: str, place: int) -> Callable[[State, int], int]:
    def apply(state: State, n: int) -> int:
        rows = state.tables[table]
        found = [key for key, row in rows.items() if row[place] < n]
        for key in found:
            del rows[key]
        return len(found)

    return apply


def _insert(state: State, n: int) -> int | str:
    if ("d", 5) in state.tables["stock"]:
        return "UniqueError"
    row: tuple[Any, ...] = ("d", 5, n)
    state.tables["stock"]["d", 5] = row if state.edition < 3 else (*row, 7)
    return 1


CHANGES = (
    Change("UPDATE account SET kind = 2 WHERE balance < :n", _make_poor),
    Change("DELETE FROM stock WHERE count < :n", _delete_from("stock", 2)),
    Change("DELETE FROM note WHERE weight < :n", _delete_from("note", 1), 1),
    Change("INSERT INTO stock (place, slot, count) VALUES ('d', 5, :n)", _insert),
)
