"""Random modules of one family, and a slow model of what publishing them does.

A module has up to three tables; each has a key, generated or not, and a few columns in
any order, of which each may be optional, unique or indexed. A *change* is another
module, and with it the truth of where each table and each column of it comes from: that
is told to the database by names and ``renamed_from`` alone. So the model, which has a
dict for each row, needs no rule of its own to match names, and says what becomes of
each value, or that the change must be refused.
"""

import copy
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

import qsdb
from qsdb import i32, i64, u64
from tests.support.editions import Edition, edition

__all__ = [
    "Change",
    "Column",
    "Model",
    "RefusedError",
    "TableSpec",
    "changed_edition",
    "edition_of",
    "random_change",
    "random_specs",
    "random_value",
]

SORTS: dict[str, tuple[Any, Any, Callable[[int], Any]]] = {
    "small": (i32, 0, lambda key: 10 * key),
    "text": (str, "-", "row {}".format),
    "flag": (bool, True, lambda key: key % 2 == 0),
}
"""Sort of column → kind, default, and what functions fill in for a key."""

COLUMNS = ("a", "b", "c", "d", "e")
TABLES = ("apple", "birch", "cedar", "daisy")
KEYS = (None, None, "btree", "hash", "unique")


@attrs.frozen
class Column:
    """One column beside the key.

    Attributes:
        sort: One of `SORTS`.
        is_wide: Whether a small one is an i64.
        is_option: Whether it may be None.
        key: ``"unique"``, or an index of this algorithm.
        former: What it says it is renamed from, also when that is long done.
        gives: What old rows have where it is new: its ``"default"``, what a function
            gives (``"fill"``), or ``"nothing"``.
    """

    sort: str
    is_wide: bool = False
    is_option: bool = False
    key: str | None = None
    former: str | None = None
    gives: str = "default"

    def takes(self, old: "Column") -> bool:
        """Whether a rule makes its values of those of another."""
        (_, wide, option), (_, was_wide, was_option) = self.kind, old.kind
        return wide >= was_wide and option >= was_option

    @property
    def kind(self) -> tuple[str, bool, bool]:
        """What the kind depends on."""
        return self.sort, self.is_wide and self.sort == "small", self.is_option

    def annotated(self) -> tuple[Any, Any]:
        """Give its annotation, and what stands behind it."""
        kind, default, fill = SORTS[self.sort]
        kind = i64 if self.kind[1] else kind
        words: dict[str, Any] = {"renamed_from": self.former}
        if self.gives != "nothing":
            words["default"] = default
        if self.gives == "fill":
            words["fill"] = lambda old: fill(old.id)
        annotation = kind | None if self.is_option else kind
        if self.key == "unique":
            return annotation, qsdb.unique(**words)
        if self.key is not None:
            algorithm: Any = self.key
            return annotation, qsdb.index(algorithm, **words)
        return annotation, qsdb.column(**words)


@attrs.frozen
class TableSpec:
    """One table.

    Attributes:
        columns: Beside the key, in order.
        is_public: Whether strangers may read it.
        is_generated: Whether the key is.
        former: What it says it is renamed from, also when that is long done.
    """

    columns: Mapping[str, Column]
    is_public: bool = True
    is_generated: bool = True
    former: str | None = None

    @property
    def shape(self) -> object:
        """What rows are to those who read them."""
        return [(name, each.kind) for name, each in self.columns.items()]

    @property
    def published(self) -> "TableSpec":
        """The table as later modules have it: every column has a default."""
        columns = {
            name: attrs.evolve(each, gives="default")
            if each.gives == "nothing"
            else each
            for name, each in self.columns.items()
        }
        return attrs.evolve(self, columns=columns)


Specs = dict[str, TableSpec]


@attrs.define
class Change:
    """A module that is to be published, and where what it has comes from.

    Attributes:
        specs: The tables.
        tables: Table → the table that it was; those that are new are not there.
        columns: Table → column → the column that it was, likewise.
        filled: The tables that a migration function fills.
        is_withheld: Whether nobody says that tables may go with their rows.
        is_circle: Whether names go round in a circle.
    """

    specs: Specs
    tables: dict[str, str]
    columns: dict[str, dict[str, str]]
    filled: set[str] = attrs.field(factory=set)
    is_withheld: bool = False
    is_circle: bool = False

    def gone(self, before: Specs) -> list[str]:
        """Give the tables that no table comes from."""
        return [name for name in before if name not in self.tables.values()]

    def keeps_all(self, before: Specs) -> bool:
        """Whether no table and no column is given up."""
        return (
            not self.gone(before)
            and not self.filled
            and all(
                {*before[old].columns} <= {*self.columns[name].values()}
                for name, old in self.tables.items()
            )
        )


def random_value(rng: random.Random, column: Column) -> Any:
    """Give a value that a column takes."""
    if column.is_option and rng.random() < 0.4:
        return None
    return {
        "small": rng.randint(-2, 2),
        "text": rng.choice("ab"),
        "flag": rng.random() < 0.5,
    }[column.sort]


def random_column(rng: random.Random) -> Column:
    """Give any new column."""
    return Column(
        rng.choice([*SORTS]),
        is_option=rng.random() < 0.3,
        key=rng.choice(KEYS),
        gives=rng.choice(("default", "fill")),
    )


def random_table(rng: random.Random, others: Sequence[TableSpec] = ()) -> TableSpec:
    """Give any new table, or one like another one: queries may go on with it."""
    if others and rng.random() < 0.5:
        return attrs.evolve(rng.choice(others), former=None)
    names = rng.sample(COLUMNS, rng.randint(1, len(COLUMNS) - 1))
    columns = {name: random_column(rng) for name in names}
    return TableSpec(columns, is_generated=rng.random() < 0.7)


def random_specs(rng: random.Random) -> Specs:
    """Give any module."""
    names = rng.sample(TABLES, rng.randint(1, 3))
    specs: Specs = {}
    for name in names:
        specs[name] = random_table(rng, [*specs.values()])
    return specs


def random_change(before: Specs, rng: random.Random) -> Change:
    """Give a module that may follow another one, or that must be refused then."""
    now = _renamed([*before], TABLES, rng)
    change = Change({}, {}, {}, is_withheld=rng.random() < 0.2)
    for old, name in now.items():
        if rng.random() < 0.15 and name == old and change.specs:
            continue  # it is removed
        former = old if name != old else before[old].former
        spec = attrs.evolve(before[old], former=former)
        change.tables[name] = old
        change.columns[name] = {each: each for each in spec.columns}
        change.specs[name] = spec
        if rng.random() < 0.7:
            _change_table(change, name, rng)
    if rng.random() < 0.5:
        # A stored name is free where what has it is renamed, or it would be that one.
        taken = {*now.values()} | {old for old, name in now.items() if old == name}
        free = [name for name in TABLES if name not in taken]
        if free:
            change.specs[rng.choice(free)] = random_table(rng, [*before.values()])
    items = [*change.specs.items()]
    rng.shuffle(items)
    change.specs = dict(items)
    return change


def _renamed(
    names: list[str], pool: tuple[str, ...], rng: random.Random, often: float = 0.3
) -> dict[str, str]:
    """Give the name before → the name now: one has a free one, another one has its."""
    now = {name: name for name in names}
    free = [name for name in pool if name not in now]
    if free and rng.random() < often:
        chain = rng.sample(names, min(len(names), rng.randint(1, 3)))
        now |= dict(zip(chain, [rng.choice(free), *chain], strict=False))
    return now


def _change_table(change: Change, name: str, rng: random.Random) -> None:
    spec = change.specs[name]
    what = rng.choice([*_CHANGES, "rename", "fill by migration", "circle", "rename"])
    if what == "rename":
        spec = _rename(change, name, spec, rng)
    elif what == "circle":
        spec = _circle(change, spec, rng)
    elif what == "fill by migration":
        # Whether it is public changes too, so that the schema is another one for sure.
        other = random_table(rng)
        spec = attrs.evolve(other, is_public=not spec.is_public, former=spec.former)
        change.filled.add(name)
    else:
        spec = _CHANGES[what](spec, rng)
    # A column that comes again is a new one, whatever it was before.
    origins = change.columns[name]
    change.columns[name] = {e: old for e, old in origins.items() if e in spec.columns}
    change.specs[name] = spec


def _rename(
    change: Change, name: str, spec: TableSpec, rng: random.Random
) -> TableSpec:
    now = _renamed([*spec.columns], COLUMNS, rng, often=1)
    columns = {
        now[old]: each if now[old] == old else attrs.evolve(each, former=old)
        for old, each in spec.columns.items()
    }
    change.columns[name] = {new: old for old, new in now.items()}
    free = [each for each in now if each not in columns]
    if free and rng.random() < 0.3:  # a new one in the place of what was renamed
        columns[free[0]] = random_column(rng)
    return attrs.evolve(spec, columns=columns)


def _circle(change: Change, spec: TableSpec, rng: random.Random) -> TableSpec:
    if len(spec.columns) < 2:
        return spec
    change.is_circle = True
    circle = rng.sample([*spec.columns], rng.randint(2, len(spec.columns)))
    formers = dict(zip(circle, [*circle[1:], circle[0]], strict=True))
    columns = {
        name: attrs.evolve(each, former=formers.get(name, each.former))
        for name, each in spec.columns.items()
    }
    return attrs.evolve(spec, columns=columns)


def _add(spec: TableSpec, rng: random.Random) -> TableSpec:
    left = [each for each in COLUMNS if each not in spec.columns]
    items = [*spec.columns.items()]
    if left:
        column = random_column(rng)
        items.insert(rng.randint(0, len(items)), (rng.choice(left), column))
    return attrs.evolve(spec, columns=dict(items))


def _add_without_value(spec: TableSpec, rng: random.Random) -> TableSpec:
    left = [each for each in COLUMNS if each not in spec.columns]
    if not left:
        return spec
    column = attrs.evolve(random_column(rng), gives="nothing")
    return attrs.evolve(spec, columns={rng.choice(left): column, **spec.columns})


def _remove(spec: TableSpec, rng: random.Random) -> TableSpec:
    kept = rng.sample([*spec.columns], max(1, len(spec.columns) - 1))
    columns = {name: each for name, each in spec.columns.items() if name in kept}
    return attrs.evolve(spec, columns=columns)


def _move(spec: TableSpec, rng: random.Random) -> TableSpec:
    items = [*spec.columns.items()]
    rng.shuffle(items)
    return attrs.evolve(spec, columns=dict(items))


def _one(spec: TableSpec, rng: random.Random, **options: Any) -> TableSpec:
    name = rng.choice([*spec.columns])
    column = attrs.evolve(spec.columns[name], **options)
    return attrs.evolve(spec, columns={**spec.columns, name: column})


_CHANGES: dict[str, Callable[[TableSpec, random.Random], TableSpec]] = {
    "add": _add,
    "add without a value": _add_without_value,
    "remove": _remove,
    "move": _move,
    "wide": lambda spec, rng: _one(spec, rng, is_wide=True),
    "optional": lambda spec, rng: _one(spec, rng, is_option=True),
    "narrow": lambda spec, rng: _one(spec, rng, is_wide=False, is_option=False),
    "key": lambda spec, rng: _one(spec, rng, key=rng.choice(KEYS)),
    "unique": lambda spec, rng: _one(spec, rng, key="unique"),
    "public": lambda spec, _: attrs.evolve(spec, is_public=not spec.is_public),
    "generated": lambda spec, _: attrs.evolve(spec, is_generated=not spec.is_generated),
}


def edition_of(specs: Specs, note: str) -> Edition:
    """Make the module of some tables."""
    tables: dict[str, Any] = {}
    for name, spec in specs.items():
        is_generated: Any = spec.is_generated
        key = qsdb.primary_key(auto_inc=is_generated)
        columns = {each: column.annotated() for each, column in spec.columns.items()}
        tables[name] = {"id": (u64, key), **columns}
    options = {
        name: {"public": spec.is_public, "renamed_from": spec.former}
        for name, spec in specs.items()
    }
    return edition(note, options, **tables)


def changed_edition(change: Change, note: str, before: qsdb.Module) -> Edition:
    """Make the module of a change of another one, with a function that fills tables."""
    made = edition_of(change.specs, note)
    if change.filled:

        @made.module.migration(from_=before.schema_hash(), tables=sorted(change.filled))
        def fill(ctx: qsdb.MigrationContext) -> None:
            for name in sorted(change.filled):
                spec = change.specs[name]
                for old in sorted(ctx.old(change.tables[name])):
                    row = filled_row(spec, old.id)
                    key = {} if spec.is_generated else {"id": old.id}
                    ctx.db.table(name).insert(made.rows[name](**key, **row))

    return made


Row = dict[str, Any]
Rows = dict[int, Row]


def filled_row(spec: TableSpec, key: int) -> Row:
    """Give the row that a migration function makes of an old one."""
    return {name: SORTS[each.sort][2](key) for name, each in spec.columns.items()}


class RefusedError(Exception):
    """The change must be refused; the text says why."""


class Model:
    """What a database holds.

    Attributes:
        specs: The tables.
        rows: Table → key → column → value.
        following: Table → the next key, where it is generated.
    """

    def __init__(self, specs: Specs) -> None:
        self.specs = specs
        self.rows: dict[str, Rows] = {name: {} for name in specs}
        self.following = dict.fromkeys(specs, 1)

    def copy(self) -> "Model":
        """Give a copy that nothing changes."""
        return copy.deepcopy(self)

    def next_key(self, name: str) -> int:
        """Give the key of the next row: drawn, or above all others."""
        if self.specs[name].is_generated:
            return self.following[name]
        return max(self.rows[name], default=0) + 1

    def insert(self, name: str, row: Row) -> int:
        """Insert a row and give its key."""
        key = self.next_key(name)
        self.following[name] = key + 1
        self.rows[name][key] = row
        return key

    def is_free(self, name: str, row: Row, key: int) -> bool:
        """Whether a row with this key may be stored beside the others."""
        others = {k: each for k, each in self.rows[name].items() if k != key}
        return _keeps_unique(self.specs[name], {**others, key: row})

    def publish(self, change: Change) -> None:
        """Have other tables.

        Raises:
            RefusedError: that cannot be; nothing has changed.
        """
        if change.is_circle:
            raise RefusedError("names go round in a circle")
        gone = [name for name in change.gone(self.specs) if self.rows[name]]
        if change.is_withheld and gone:
            raise RefusedError(f"{gone} have rows")
        rows = {name: self._rows_of(change, name) for name in change.specs}
        for name, spec in change.specs.items():
            if not _keeps_unique(spec, rows[name]):
                raise RefusedError(f"rows of {name} have the same value")
        following = {
            name: self._following(change, name, rows[name]) for name in change.specs
        }
        self.specs = {name: spec.published for name, spec in change.specs.items()}
        self.rows, self.following = rows, following

    def _rows_of(self, change: Change, name: str) -> Rows:
        spec, old = change.specs[name], change.tables.get(name)
        if old is None:
            return {}
        before = self.rows[old]
        if name in change.filled:
            keys = sorted(before)
            made = [filled_row(spec, key) for key in keys]
            new = range(1, 1 + len(keys)) if spec.is_generated else keys
            return dict(zip(new, made, strict=True))
        return {key: self._row(change, name, key, row) for key, row in before.items()}

    def _row(self, change: Change, name: str, key: int, row: Row) -> Row:
        made, old = {}, self.specs[change.tables[name]]
        for each, column in change.specs[name].columns.items():
            origin = change.columns[name].get(each)
            _, default, fill = SORTS[column.sort]
            if origin is not None and column.takes(old.columns[origin]):
                made[each] = row[origin]
            elif column.gives == "fill":
                made[each] = fill(key)
            elif origin is not None or column.gives == "nothing":
                raise RefusedError(f"nothing gives values of {name}.{each}")
            else:
                made[each] = default
        return made

    def _following(self, change: Change, name: str, rows: Rows) -> int:
        old, spec = change.tables.get(name), change.specs[name]
        was_generated = old is not None and self.specs[old].is_generated
        if spec.is_generated and was_generated and name not in change.filled:
            return self.following[change.tables[name]]
        return max(rows, default=0) + 1

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


def _keeps_unique(spec: TableSpec, rows: Rows) -> bool:
    """Whether no two rows have the same value in a unique column."""
    for name, column in spec.columns.items():
        values = [row[name] for row in rows.values() if row[name] is not None]
        if column.key == "unique" and len({*values}) < len(values):
            return False
    return True
