"""Random modules of one family, and a slow model of what publishing them does.

A module has up to three tables; each has a generated key and some of a few columns, in
any order, with indexes or without. The model has a dict for each row, so all that a
migration means to it is: what has the same name stays, what is new has its default.
"""

import copy
import random
from typing import Any

import attrs

import qsdb
from qsdb import i32, i64, u64
from tests.support.editions import Edition, edition

__all__ = ["Model", "TableSpec", "edition_of", "random_change", "random_specs"]

COLUMNS: dict[str, tuple[Any, Any]] = {
    "small": (i32, 0),
    "text": (str, "-"),
    "maybe": (i64 | None, None),
    "flag": (bool, True),
}
"""Column → kind and default."""

NAMES = ("apple", "birch", "cedar")


@attrs.frozen
class TableSpec:
    """One table.

    Attributes:
        columns: Beside the key, in order.
        indexes: Column → ``"btree"`` or ``"hash"``.
        wide: Whether `small` is an i64.
        is_public: Whether strangers may read it.
    """

    columns: tuple[str, ...]
    indexes: dict[str, str]
    wide: bool
    is_public: bool = True

    @property
    def shape(self) -> object:
        """What rows are to those who read them."""
        return self.columns, self.wide and "small" in self.columns


Specs = dict[str, TableSpec]


def random_table(rng: random.Random) -> TableSpec:
    """Give any table."""
    columns = rng.sample([*COLUMNS], rng.randint(1, len(COLUMNS)))
    kinds = ("btree", "hash")
    indexes = {each: rng.choice(kinds) for each in columns if rng.random() < 0.3}
    return TableSpec((*columns,), indexes, wide=False)


def random_specs(rng: random.Random) -> Specs:
    """Give any module."""
    names = rng.sample(NAMES, rng.randint(1, 3))
    return {name: random_table(rng) for name in names}


def random_change(specs: Specs, rng: random.Random) -> Specs:
    """Give a module that can be published after another one."""
    changed = dict(specs)
    for name in [*specs]:
        what = rng.random()
        if what < 0.15 and len(changed) > 1:
            del changed[name]
        elif what < 0.7:
            changed[name] = _other_table(specs[name], rng)
    free = [name for name in NAMES if name not in specs]
    if free and rng.random() < 0.5:
        changed[rng.choice(free)] = random_table(rng)
    items = [*changed.items()]
    rng.shuffle(items)
    return dict(items)


def _other_table(spec: TableSpec, rng: random.Random) -> TableSpec:
    columns, indexes, wide = [*spec.columns], dict(spec.indexes), spec.wide
    match rng.choice(("add", "remove", "move", "index", "wide", "public")):
        case "add":
            left = [each for each in COLUMNS if each not in columns]
            if left:
                columns.insert(rng.randint(0, len(columns)), rng.choice(left))
        case "remove" if len(columns) > 1:
            gone = columns.pop(rng.randrange(len(columns)))
            indexes.pop(gone, None)
        case "move":
            rng.shuffle(columns)
        case "wide":
            wide = True
        case "public":
            return attrs.evolve(spec, is_public=not spec.is_public)
        case _:
            column = rng.choice(columns)
            if indexes.pop(column, None) is None:
                indexes[column] = rng.choice(("btree", "hash"))
    # A column that comes again is a new one, whatever it was before.
    return TableSpec((*columns,), indexes, wide, spec.is_public)


def edition_of(specs: Specs, note: str) -> Edition:
    """Make the module of some tables."""
    tables: dict[str, Any] = {}
    for name, spec in specs.items():
        columns: dict[str, Any] = {"id": (u64, qsdb.primary_key(auto_inc=True))}
        for column in spec.columns:
            kind, default = COLUMNS[column]
            if column == "small" and spec.wide:
                kind = i64
            if column in spec.indexes:
                algorithm: Any = spec.indexes[column]
                default = qsdb.index(algorithm, default=default)
            columns[column] = (kind, default)
        tables[name] = columns
    options = {name: {"public": spec.is_public} for name, spec in specs.items()}
    return edition(note, options, **tables)


Row = dict[str, Any]


class Model:
    """What a database holds.

    Attributes:
        specs: The tables.
        rows: Table → key → column → value.
        following: Table → the next key.
    """

    def __init__(self, specs: Specs) -> None:
        self.specs = specs
        self.rows: dict[str, dict[int, Row]] = {name: {} for name in specs}
        self.following = dict.fromkeys(specs, 1)

    def copy(self) -> "Model":
        """Give a copy that nothing changes."""
        return copy.deepcopy(self)

    def insert(self, name: str, row: Row) -> int:
        """Insert a row and give its key."""
        key = self.following[name]
        self.following[name] += 1
        self.rows[name][key] = row
        return key

    def publish(self, specs: Specs) -> None:
        """Have other tables."""
        rows: dict[str, dict[int, Row]] = {}
        for name, spec in specs.items():
            rows[name] = {
                key: {each: row.get(each, COLUMNS[each][1]) for each in spec.columns}
                for key, row in self.rows.get(name, {}).items()
            }
        self.following = {name: self.following.get(name, 1) for name in specs}
        self.specs, self.rows = specs, rows

    def table(self, name: str) -> list[tuple[Any, ...]]:
        """Give the rows of a table, sorted by their keys."""
        columns = self.specs[name].columns
        return [
            (key, *[row[each] for each in columns])
            for key, row in sorted(self.rows[name].items())
        ]

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Give all rows."""
        return {name: self.table(name) for name in self.specs}
