"""The operations of `states`, done on the tables of qsdb, and reads of these tables.

`do` gives what `State.do` gives, by way of the public methods of tables. `look` reads a
table by one of the ways that there are, and `expected` says what should be seen.
"""

import functools
from collections.abc import Callable
from typing import Any

import qsdb
from qsdb import ScheduleAt, TimeDuration, Timestamp
from tests.simulation.queries import Query, asked_query, params_of
from tests.simulation.states import REFUSED, Operation, State
from tests.simulation.town import Edition

__all__ = [
    "LOOKS",
    "content",
    "do",
    "expected",
    "filled_in",
    "left_in",
    "look",
    "tuples",
]

NAMES_MAX = 10
ACCOUNT_KINDS = 3


def filled_in(operation: Operation, now: Timestamp) -> Operation:
    """Say when, of what is to happen some time after now."""
    name, *arguments = operation
    if name not in ("alarm", "errand"):
        return operation
    is_interval, micros, *more = arguments
    due = now.micros + micros
    if is_interval:
        at = ScheduleAt.interval(TimeDuration.from_micros(micros))
    else:
        at = ScheduleAt.time(Timestamp.from_micros(due))
    return name, at, due, *more


def do(tx: Any, state: State, edition: Edition, operation: Operation) -> Any:
    """Do an operation; keys by their places are those in the state."""
    name, *arguments = operation
    try:
        return _ACTS[name](tx, state, edition, *arguments)
    except (qsdb.UniqueError, qsdb.NotFoundError) as error:
        return REFUSED, type(error).__name__


def _add(tx: Any, _: State, edition: Edition, name: str, kind: int, sum_: int) -> Any:
    row = edition.rows["account"](name, kind, sum_)
    return tx.account.insert(row).id


def _move(tx: Any, state: State, _: Edition, place: int, amount: int) -> Any:
    number = state.key("account", place)
    row = tx.account.get(number)
    if row is None:
        raise qsdb.NotFoundError("no such account")
    return tx.account.update(row.replace(balance=row.balance + amount)).balance


def _rename(tx: Any, state: State, _: Edition, place: int, name: str, kind: int) -> Any:
    row = tx.account.id.find(state.key("account", place))
    if row is None:
        raise qsdb.NotFoundError("no such account")
    tx.account.id.update(row.replace(name=name, kind=kind))


def _drop(tx: Any, state: State, _: Edition, place: int) -> Any:
    return tx.account.delete_by_key(state.key("account", place))


def _drop_kind(tx: Any, _state: State, _: Edition, kind: int) -> Any:
    return tx.account.kind.delete(kind)


def _stock(
    tx: Any, _: State, edition: Edition, place: str, slot: int, count: int
) -> Any:
    tx.stock.upsert(edition.rows["stock"](place, slot, count))


def _unstock(tx: Any, state: State, _: Edition, place: int) -> Any:
    return tx.stock.delete_by_key(*state.key("stock", place))


def _note(tx: Any, _: State, edition: Edition, text: str, weight: int) -> Any:
    tx.note.insert(edition.rows["note"](text, weight))


def _unnote(tx: Any, _: State, edition: Edition, text: str, weight: int) -> Any:
    return tx.note.delete(edition.rows["note"](text, weight))


def _clear(tx: Any, _state: State, _: Edition, table: str) -> Any:
    return tx.table(table).clear()


def _tag(tx: Any, state: State, edition: Edition, word: str, weight: int) -> Any:
    if state.edition > 1:
        tx.tag.upsert(edition.rows["tag"](word, weight))


def _ping(tx: Any, _: State, edition: Edition, text: str) -> Any:
    tx.ping.insert(edition.rows["ping"](text))


def _alarm(
    tx: Any, _: State, edition: Edition, at: Any, _due: int, label: int, fails: int
) -> Any:
    row = edition.rows["alarm"](at, label, bool(fails))
    return tx.alarm.insert(row).scheduled_id


def _silence(tx: Any, state: State, _: Edition, place: int) -> Any:
    return tx.alarm.delete_by_key(state.key("alarm", place))


def _errand(tx: Any, _: State, edition: Edition, at: Any, _due: int, label: int) -> Any:
    return tx.errand.insert(edition.rows["errand"](at, label)).scheduled_id


def _ring(tx: Any, _: State, edition: Edition, label: int) -> Any:
    return tx.ring.insert(edition.rows["ring"](label)).id


_ACTS: dict[str, Callable[..., Any]] = {
    "add": _add,
    "move": _move,
    "rename": _rename,
    "drop": _drop,
    "drop_kind": _drop_kind,
    "stock": _stock,
    "unstock": _unstock,
    "note": _note,
    "unnote": _unnote,
    "clear": _clear,
    "tag": _tag,
    "ping": _ping,
    "alarm": _alarm,
    "silence": _silence,
    "errand": _errand,
    "ring": _ring,
}

# Reading.


def tuples(rows: Any) -> list[tuple[Any, ...]]:
    """Give user rows as tuples of the values that users see."""
    return [(*row,) for row in rows]


def content(tx: Any, edition: int) -> dict[str, frozenset[tuple[Any, ...]]]:
    """Give all rows of all tables."""
    names = ["account", "stock", "note", "visit", "alarm", "errand", "ring"]
    if edition > 1:
        names.append("tag")
    return {name: frozenset(tuples(tx.table(name))) for name in names}


def left_in(store: Any) -> dict[str, frozenset[tuple[Any, ...]]]:
    """Give the same of a database that is closed."""
    return {
        table.bound.schema.name: frozenset(
            (*tuple.__new__(table.bound.row_class, row),) for row in table.rows.values()
        )
        for table in store.tables
        if not table.is_system and not table.is_event
    }


def _sorted_by(*places: int) -> Callable[[tuple[Any, ...]], Any]:
    return lambda row: tuple(row[place] for place in places)


def _accounts(state: State, *order: int, **equal: int) -> list[tuple[Any, ...]]:
    names = {"kind": 2, "balance": 3}
    rows = [
        row
        for row in state.tables["account"].values()
        if all(row[names[name]] == value for name, value in equal.items())
    ]
    return sorted(rows, key=_sorted_by(*order, 0))


def _in_order(rows: Any, *places: int) -> list[tuple[Any, ...]]:
    """Give rows in their order; those that are equal in it, in that of their keys."""
    found = tuples(rows)
    keys = [tuple(row[place] for place in places) for row in found]
    if keys != sorted(keys):
        return [("not in order", *keys)]
    return sorted(found, key=_sorted_by(*places, 0))


_Look = tuple[Callable[[Any, State, int], Any], Callable[[State, int], Any]]

LOOKS: dict[str, _Look] = {
    "scan": (
        lambda tx, _, __: sorted(tuples(tx.account)),
        lambda state, _: _accounts(state),
    ),
    "get": (
        lambda tx, state, n: _bare(tx.account.get(state.key("account", n))),
        lambda state, n: state.tables["account"].get(state.key("account", n)),
    ),
    "find": (
        lambda tx, _, n: _bare(tx.account.name.find(f"name {n % NAMES_MAX}")),
        lambda state, n: next(
            (
                row
                for row in state.tables["account"].values()
                if row[1] == f"name {n % NAMES_MAX}"
            ),
            None,
        ),
    ),
    "hash": (
        lambda tx, _, n: sorted(tuples(tx.account.kind.filter(n % ACCOUNT_KINDS))),
        lambda state, n: _accounts(state, kind=n % ACCOUNT_KINDS),
    ),
    "range": (
        lambda tx, _, n: _in_order(tx.account.balance.range(n - 20, n + 20), 3),
        lambda state, n: [
            row for row in _accounts(state, 3) if n - 20 <= row[3] < n + 20
        ],
    ),
    "prefix": (
        lambda tx, _, n: _in_order(
            tx.account.kind_balance.filter(n % ACCOUNT_KINDS), 3
        ),
        lambda state, n: _accounts(state, 3, kind=n % ACCOUNT_KINDS),
    ),
    "counts": (
        lambda tx, _, n: (len(tx.account), tx.account.kind.count(n % ACCOUNT_KINDS)),
        lambda state, n: (
            len(state.tables["account"]),
            len(_accounts(state, kind=n % ACCOUNT_KINDS)),
        ),
    ),
    "stocks": (
        lambda tx, _, n: (
            sorted(tuples(tx.stock)),
            sorted(tuples(tx.stock.slot.filter(n % 4))),
        ),
        lambda state, n: (
            sorted(state.rows("stock")),
            sorted(row for row in state.rows("stock") if row[1] == n % 4),
        ),
    ),
    "notes": (
        lambda tx, _, __: sorted(tuples(tx.note)),
        lambda state, _: sorted(state.rows("note")),
    ),
    "heavy notes": (
        lambda tx, state, n: (
            sorted(tuples(tx.note.weight.range(lo=n % 4)))
            if state.edition > 1
            else None
        ),
        lambda state, n: (
            sorted(row for row in state.rows("note") if row[1] >= n % 4)
            if state.edition > 1
            else None
        ),
    ),
    "sql": (
        lambda tx, _, n: _asked(tx, asked_query(n), n),
        lambda state, n: sorted(asked_query(n).twin(state, n), key=repr),
    ),
    "rest": (
        lambda tx, state, _: content(tx, state.edition),
        lambda state, _: state.content(),
    ),
}
"""Name → a way to read, and what it should give."""


def _asked(tx: Any, query: Query, number: int) -> list[tuple[Any, ...]]:
    return sorted(tuples(tx.sql(query.text, params_of(query, number))), key=repr)


def _bare(row: Any) -> Any:
    return None if row is None else (*row,)


@functools.cache
def _look_names() -> list[str]:
    return [*LOOKS]


def look(tx: Any, state: State, name: str, number: int) -> Any:
    """Read in one way; the state says what keys mean."""
    return LOOKS[name][0](tx, state, number)


def expected(state: State, name: str, number: int) -> Any:
    """Say what that should give."""
    return LOOKS[name][1](state, number)
