"""Random tables for live queries, and a model of them that is dicts.

Columns have a handful of values each, so that rows meet all the time. A value is given
in three forms: as it is stored, as a user hands it in, and as SQL spells it (None where
SQL cannot; a parameter then says it).
"""

import math
import random
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Any

import attrs

import qsdb
from qsdb import Identity, Timestamp

__all__ = [
    "CALLERS",
    "NAN",
    "ColumnSpec",
    "Domain",
    "Model",
    "TableSpec",
    "Value",
    "build",
    "draw_tables",
    "plain",
]

NAN = math.nan
CALLERS = [Identity.from_bytes(bytes([number]) * 32) for number in (1, 2)]

Row = tuple[Any, ...]
Rows = dict[object, Row]


@attrs.frozen
class Value:
    """A value in its three forms."""

    stored: Any
    given: Any
    spelt: str | None


def _plainly(values: Iterable[Any]) -> list[Value]:
    return [Value(each, each, repr(each)) for each in values]


@attrs.frozen(eq=False)
class Domain:
    """The values of a sort of column.

    Attributes:
        name: For messages, and so that equal kinds are known.
        kind: The name of the kind without None: columns of one can be compared.
        annotation: What a user writes.
        values: All there are.
    """

    name: str
    kind: str
    annotation: Any
    values: list[Value]


_INTEGERS = _plainly(range(6))
_TEXTS = _plainly(["", "a", "b", "é"])
_FLOATS = [
    Value(0.0, -0.0, "0.0"),
    *_plainly([0.0, 1.5, 2.0]),
    Value(math.inf, math.inf, None),
    Value(NAN, float("nan"), None),
]
_NONE = Value(None, None, None)

SHARED = [
    Domain("i32", "i32", qsdb.i32, _INTEGERS),
    Domain("str", "str", str, _TEXTS),
    Domain("i32?", "i32", qsdb.i32 | None, [*_INTEGERS[:4], _NONE, _NONE]),
    Domain("bool", "bool", bool, [Value(n, n, str(n).upper()) for n in (False, True)]),
    Domain("f64-", "f64", float, _FLOATS[1:4]),
    Domain("str?", "str", str | None, [*_TEXTS[:3], _NONE]),
]
"""What sqlite3 has too."""

DOMAINS = [
    *SHARED,
    Domain("f64", "f64", float, _FLOATS),
    Domain("f64?", "f64", float | None, [*_FLOATS, _NONE]),
    Domain("u8", "u8", qsdb.u8, _plainly([0, 1, 2] * 6 + [250])),
    Domain("bytes", "bytes", bytes, [Value(n, n, None) for n in (b"", b"a", b"b")]),
    Domain("u256", "u256", qsdb.u256, _plainly([0, 1, 1 << 200])),
    Domain(
        "identity",
        "identity",
        Identity,
        [Value(each.stored, each, None) for each in CALLERS],
    ),
    Domain(
        "timestamp",
        "timestamp",
        Timestamp,
        [Value(n, Timestamp.from_micros(n), None) for n in (0, 1, 2)],
    ),
]

LARGE = [
    Domain("i32", "i32", qsdb.i32, _plainly(range(300))),
    Domain("str", "str", str, _plainly([f"t{number}" for number in range(20)])),
]


NARROW = [each for each in DOMAINS if each.name in ("i32", "u8")]
"""What sums have no room in."""

DOMAINS_OF = {"any": DOMAINS, "shared": SHARED, "large": LARGE, "narrow": NARROW}


@attrs.frozen
class ColumnSpec:
    """A column."""

    name: str
    domain: Domain


@attrs.frozen
class TableSpec:
    """A table.

    Attributes:
        key: Places of the primary key's columns; none for a table without one.
        unique: Places of unique columns.
        indexes: Algorithm and places of columns.
    """

    name: str
    columns: tuple[ColumnSpec, ...]
    key: tuple[int, ...]
    unique: tuple[int, ...]
    indexes: tuple[tuple[str, tuple[int, ...]], ...]


def draw_tables(rng: random.Random, sort: str) -> list[TableSpec]:
    """Draw one to three tables; `sort` as `DOMAINS_OF` has it."""
    domains = DOMAINS_OF[sort]
    return [_draw_table(rng, f"t{n}", domains) for n in range(rng.choice((1, 2, 2, 3)))]


def _draw_table(rng: random.Random, name: str, domains: list[Domain]) -> TableSpec:
    count = rng.randint(2, 5)
    first = domains[0] if rng.random() < 0.8 else rng.choice(domains)
    others = [rng.choice([domains[0], *domains]) for _ in range(count - 1)]
    columns = [ColumnSpec(f"c{n}", each) for n, each in enumerate([first, *others])]
    key: tuple[int, ...] = rng.choice(((0,), (0,), (0,), (0, 1), ()))
    if any(columns[place].domain.name.endswith("?") for place in key):
        key = ()
    places = range(len(columns))
    unique = [n for n in places if n not in key and rng.random() < 0.1]
    used: set[tuple[int, ...]] = {key, *[(each,) for each in unique]}
    indexes = []
    for _ in range(rng.randint(0, 3)):
        over = tuple(rng.sample(places, rng.choice((1, 1, 2))))
        if over not in used:
            used.add(over)
            indexes.append((rng.choice(("btree", "hash")), over))
    return TableSpec(name, tuple(columns), key, tuple(unique), tuple(indexes))


def build(
    specs: Iterable[TableSpec], events: Container[str] = ()
) -> tuple[qsdb.Module, dict[str, Any]]:
    """Make a module with these tables, and give the classes by name.

    Args:
        specs: The tables.
        events: The names of those that are event tables.
    """
    module = qsdb.Module("live")
    return module, {
        spec.name: _row_class(module, spec, is_event=spec.name in events)
        for spec in specs
    }


def _row_class(module: qsdb.Module, spec: TableSpec, *, is_event: bool) -> Any:
    def names(places: Sequence[int]) -> tuple[str, ...]:
        return tuple([spec.columns[place].name for place in places])

    sorts = {"btree": qsdb.BTree, "hash": qsdb.Hash}
    members = {
        "__module__": __name__,
        "__qualname__": spec.name.title(),
        "__annotations__": {each.name: each.domain.annotation for each in spec.columns},
    }
    metaclass: Any = type(qsdb.Row)
    return metaclass(
        spec.name.title(),
        (qsdb.Row,),
        members,
        module=module,
        name=spec.name,
        event=is_event,
        primary_key=names(spec.key),
        unique=[names((each,)) for each in spec.unique],
        indexes=[
            sorts[algorithm](*names(places), name=f"x{number}")
            for number, (algorithm, places) in enumerate(spec.indexes)
        ],
    )


def plain(row: Any) -> Row:
    """Give a row of qsdb as a tuple of stored values, where NaN is one object."""
    return tuple(
        [
            (NAN if each != each else each)
            if (leave := _STORED.get(type(each))) is None
            else leave(each)
            for each in tuple.__iter__(row)
        ]
    )


_STORED: dict[type, Callable[[Any], Any]] = {
    Identity: lambda each: each.stored,
    Timestamp: lambda each: each.micros,
}


class Model:
    """Tables as dicts.

    Attributes:
        tables: Name → key → stored row; replaced when something changes.
    """

    def __init__(self, specs: Iterable[TableSpec]) -> None:
        """Begin without rows."""
        self.specs = {each.name: each for each in specs}
        self.tables: dict[str, Rows] = {name: {} for name in self.specs}

    def copy(self) -> "Model":
        """Give a model that changes by itself."""
        copy = Model(self.specs.values())
        copy.tables = {name: dict(rows) for name, rows in self.tables.items()}
        return copy

    def key_of(self, table: str, row: Row) -> object:
        """Give what there is one of in a table."""
        key = self.specs[table].key
        return tuple([row[place] for place in key]) if key else row

    def apply(self, operation: Sequence[Any]) -> bool:  # noqa: C901  a table
        """Do what an operation says; False where it is to be refused."""
        name, table, what = operation
        rows = self.tables[table]
        match name:
            case "insert":
                return self._put(table, what, may_replace=False)
            case "upsert":
                return self._put(table, what, may_replace=True)
            case "update":
                has_row = self.key_of(table, what) in rows
                return has_row and self._put(table, what, may_replace=True)
            case "delete":
                key = self.key_of(table, what)
                if rows.get(key) == what:
                    del rows[key]
            case "delete_by_key":
                rows.pop(self.key_of(table, what), None)
            case "clear":
                rows.clear()
            case "insert_many":
                before = dict(rows)
                if not all(self._put(table, row, may_replace=False) for row in what):
                    self.tables[table] = before
                    return False
            case _:
                raise AssertionError(name)
        return True

    def _put(self, table: str, row: Row, *, may_replace: bool) -> bool:
        rows, key = self.tables[table], self.key_of(table, row)
        old = rows.get(key)
        if old is not None and (old != row if not may_replace else False):
            return False
        for place in self.specs[table].unique:
            value = row[place]
            for other in rows.values():
                if value is not None and other is not old and other[place] is value:
                    return False
                if other is not old and value is not None and other[place] == value:
                    return False
        rows[key] = row
        return True
