"""Random tables for the tests of the store, as data: what a model can read.

A `TableSpec` says all about a table in words of the public API; `build` makes a
module of such tables with row classes of their own. Columns take their values
from a `Domain`: a few values that are written down *in their order*, so that
rows collide all the time and the order has a judge that sorts nothing. What a
user may give for a value in another form (an int for a float, a list for a
tuple, -0.0 for 0.0) stands beside it.
"""

import enum
import functools
import math
import uuid
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import attrs
from hypothesis import strategies as st

import qsdb
from qsdb import ConnectionId, Identity, ScheduleAt, TimeDuration, Timestamp

__all__ = [
    "DOMAINS",
    "GENERATED",
    "Accessor",
    "ColumnSpec",
    "Domain",
    "TableSpec",
    "build",
    "module_specs",
]


class Mood(enum.Enum):
    """Sorts by definition, not by value or name."""

    CALM = "z"
    ANGRY = "a"
    SAD = "m"


class Place(qsdb.Product):
    """Sorts field by field."""

    x: int | None
    y: float


class Circle(qsdb.Product):
    """The first of a union's classes."""

    RANK: ClassVar[int] = 0
    radius: float


class Square(qsdb.Product):
    """The second of them."""

    RANK: ClassVar[int] = 1
    side: int


NAN = math.nan
ANOTHER_NAN = float("nan")
SINGLE_TENTH = 0.10000000149011612
"""0.1 in single precision."""


@attrs.frozen(repr=False)
class Domain:
    """The values that columns of one kind take in the tests.

    Attributes:
        name: For messages.
        annotation: What a user writes behind the column's name.
        values: In ascending order, canonical.
        others: Further forms of those values: what is given → what is meant.
        wrong: What no column of the kind takes.
        greatest: Highest number, where a sequence may fill the column.
    """

    name: str
    annotation: object
    values: tuple[object, ...]
    others: tuple[tuple[object, object], ...] = ()
    wrong: object = "wrong"
    greatest: int = 0

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def pair(self, number: int) -> tuple[object, object]:
        """Give what is given and what is meant, for any number."""
        count = len(self.values)
        number %= count + len(self.others)
        if number < count:
            return self.values[number], self.values[number]
        return self.others[number - count]


def _micros(*numbers: int) -> tuple[Timestamp, ...]:
    return tuple([Timestamp.from_micros(number) for number in numbers])


def _numbers(
    maker: type[Identity | ConnectionId], size: int, *numbers: int
) -> tuple[Identity | ConnectionId, ...]:
    return tuple([maker.from_bytes(number.to_bytes(size)) for number in numbers])


_second = TimeDuration.from_seconds(1)

DOMAINS: tuple[Domain, ...] = (
    Domain("bool", bool, (False, True), wrong=1),
    Domain("u8", qsdb.u8, (0, 1, 2, 255), wrong=256),
    Domain("int", int, (-2, 0, 1, 7), wrong=True),
    Domain("i256", qsdb.i256, (-(1 << 255), 0, 1 << 200), wrong=1 << 255),
    Domain(
        "float",
        float,
        (-math.inf, -1.5, 0.0, 2.0, NAN),
        ((-0.0, 0.0), (2, 2.0), (ANOTHER_NAN, NAN)),
        wrong=True,
    ),
    Domain("f32", qsdb.f32, (0.0, SINGLE_TENTH, NAN), ((0.1, SINGLE_TENTH),)),
    Domain("str", str, ("", "a", "ab", "é", "\U0001f600"), wrong="\ud800"),
    Domain("bytes", bytes, (b"", b"\0", b"\xff")),
    Domain("mood", Mood, tuple(Mood), wrong="a"),
    Domain(
        "place",
        Place,
        (Place(-1, NAN), Place(2, 0.0), Place(2, 1.0), Place(2, NAN), Place(None, 0.0)),
        ((Place(2, -0.0), Place(2, 0.0)), (Place(-1, ANOTHER_NAN), Place(-1, NAN))),
        wrong=Place("x", 0.0),  # type: ignore[arg-type]
    ),
    Domain(
        "shape",
        Circle | Square,
        (Circle(0.0), Circle(NAN), Square(-3), Square(0)),
        ((Circle(-0.0), Circle(0.0)),),
        wrong=Place(2, 0.0),
    ),
    Domain(
        "array",
        tuple[int, ...],
        ((), (1,), (1, 2), (2,)),
        (([1, 2], (1, 2)),),
        wrong=(True,),
    ),
    Domain(
        "floats", tuple[float, ...], ((), (0.0,), (0.0, 1.0), (NAN,)), wrong=(None,)
    ),
    Domain(
        "options", tuple[int | None, ...], ((), (1, None), (2,), (None,)), wrong=(0.5,)
    ),
    Domain(
        "pair",
        tuple[int, float | None],
        ((0, 0.5), (0, NAN), (0, None), (1, 0.0)),
        (([1, -0.0], (1, 0.0)),),
        wrong=(1,),
    ),
    Domain("option", int | None, (-1, 0, 3, None), wrong=True),
    Domain("option of float", float | None, (0.0, 1.5, NAN, None), ((-0.0, 0.0),)),
    Domain("option of place", Place | None, (Place(2, 0.0), Place(2, NAN), None)),
    Domain("option of mood", Mood | None, (*Mood, None), wrong=Place(2, 0.0)),
    Domain("identity", Identity, _numbers(Identity, 32, 0, 255, 256), wrong=bytes(32)),
    Domain("connection", ConnectionId, _numbers(ConnectionId, 16, 0, 1, 1 << 90)),
    Domain("uuid", uuid.UUID, tuple([uuid.UUID(int=n) for n in (0, 255, 256)])),
    Domain("timestamp", Timestamp, _micros(-1, 0, 1 << 40), wrong=_second),
    Domain("duration", TimeDuration, (-_second, _second, _second + _second)),
    Domain(
        "schedule",
        ScheduleAt,
        (
            ScheduleAt.interval(-_second),
            ScheduleAt.interval(_second),
            *map(ScheduleAt.time, _micros(-1, 0)),
        ),
        wrong=Timestamp.EPOCH,
    ),
)

ZEROS = ((0, 0),) * 3
"""Asks for the next number as often as not."""

GENERATED: tuple[Domain, ...] = (
    Domain("u8 sequence", qsdb.u8, (0, 1, 3, 254, 255), ZEROS, wrong=-1, greatest=255),
    Domain(
        "int sequence",
        int,
        (-1, 0, 1, 6, (1 << 63) - 2),
        ZEROS,
        wrong=True,
        greatest=(1 << 63) - 1,
    ),
)
"""For columns with `auto_inc`, where 0 asks for the next number."""


@attrs.frozen
class ColumnSpec:
    """One column: `role` is "", "primary", "unique", "btree" or "hash"."""

    name: str
    domain: Domain
    role: str = ""
    is_generated: bool = False


@attrs.frozen
class Accessor:
    """What ``table.<name>`` leads to.

    `algorithm` is that of the index which answers `filter`: "btree", "hash", or
    "unique" where there is only the key itself.
    """

    name: str
    columns: tuple[int, ...]
    is_unique: bool
    algorithm: str


@attrs.frozen
class IndexSpec:
    """A key or index of class keywords; without a name it is that of its columns."""

    algorithm: str
    columns: tuple[int, ...]
    name: str | None = None


@attrs.frozen
class TableSpec:
    """One table in words of the public API."""

    name: str
    columns: tuple[ColumnSpec, ...]
    key: tuple[int, ...] = ()
    """A composite primary key, as a class keyword."""
    indexes: tuple[IndexSpec, ...] = ()

    @property
    def primary_key(self) -> tuple[int, ...]:
        """Places of the key's columns; empty without one."""
        marked = [n for n, each in enumerate(self.columns) if each.role == "primary"]
        return self.key or tuple(marked)

    @property
    def unique_keys(self) -> list[tuple[int, ...]]:
        """The keys besides the primary one."""
        marked = [(n,) for n, each in enumerate(self.columns) if each.role == "unique"]
        return marked + [
            each.columns for each in self.indexes if each.algorithm == "unique"
        ]

    @property
    def accessors(self) -> tuple[Accessor, ...]:
        """All keys and indexes, one for each name."""
        found: dict[str, Accessor] = {}
        if self.primary_key:
            self._note(found, self.primary_key, "primary")
        for place, column in enumerate(self.columns):
            if column.role in ("unique", "btree", "hash"):
                self._note(found, (place,), column.role)
        for index in self.indexes:
            self._note(found, index.columns, index.algorithm, index.name)
        return tuple(found.values())

    def _note(
        self,
        found: dict[str, Accessor],
        columns: tuple[int, ...],
        algorithm: str,
        name: str | None = None,
    ) -> None:
        name = name or "_".join(self.names(columns))
        is_key = algorithm in ("primary", "unique")
        before = found.get(name, Accessor(name, columns, is_key, "unique"))
        found[name] = Accessor(
            name,
            columns,
            before.is_unique or is_key,
            before.algorithm if is_key else algorithm,
        )

    def names(self, columns: Iterable[int]) -> tuple[str, ...]:
        """Give the names of columns."""
        return tuple([self.columns[place].name for place in columns])


def build(specs: Iterable[TableSpec]) -> tuple[qsdb.Module, dict[str, Any]]:
    """Make a module with these tables and give it with the classes by name."""
    module = qsdb.Module("random")
    classes = {spec.name: _row_class(module, spec) for spec in specs}
    return module, classes


def _row_class(module: qsdb.Module, spec: TableSpec) -> Any:
    makers: Mapping[str, Any] = {
        "primary": qsdb.primary_key,
        "unique": qsdb.unique,
        "btree": functools.partial(qsdb.index, "btree"),
        "hash": functools.partial(qsdb.index, "hash"),
    }
    members: dict[str, Any] = {
        "__module__": __name__,
        "__qualname__": spec.name.title(),
        "__annotations__": {each.name: each.domain.annotation for each in spec.columns},
    }
    for each in spec.columns:
        if each.role:
            members[each.name] = makers[each.role](auto_inc=each.is_generated)
        elif each.is_generated:
            members[each.name] = qsdb.auto_inc()
    classes = {"btree": qsdb.BTree, "hash": qsdb.Hash}
    options: dict[str, Any] = {
        "primary_key": spec.names(spec.key),
        "unique": [
            spec.names(each.columns)
            for each in spec.indexes
            if each.algorithm == "unique"
        ],
        "indexes": [
            classes[each.algorithm](*spec.names(each.columns), name=each.name)
            for each in spec.indexes
            if each.algorithm != "unique"
        ],
    }
    metaclass: Any = type(qsdb.Row)
    return metaclass(spec.name.title(), (qsdb.Row,), members, module=module, **options)


_names = ("a", "b", "c", "d")
_domains = st.sampled_from(DOMAINS)
_generated = st.sampled_from(GENERATED)
_counts = st.integers(1, 4)
_few = st.integers(0, 2)
_roles = st.sampled_from(("", "btree", "unique", "hash", "generated"))
_forms = st.sampled_from(("key", "generated key", "composite", "none"))
_orders = st.permutations(range(4))
_algorithms = st.sampled_from(("btree", "hash", "unique"))
_are_named = st.booleans()
_has_rich = st.booleans()


_DOMAIN = {each.name: each for each in (*DOMAINS, *GENERATED)}

RICH = TableSpec(
    "rich",
    (
        ColumnSpec("a", _DOMAIN["u8 sequence"], "primary", is_generated=True),
        ColumnSpec("b", _DOMAIN["option of float"], "unique"),
        ColumnSpec("c", _DOMAIN["float"], "hash"),
        ColumnSpec("d", _DOMAIN["option"], "btree"),
    ),
    indexes=(IndexSpec("btree", (2, 3), "by_c_d"), IndexSpec("unique", (3, 2))),
)
"""A table with something of everything."""


@st.composite
def module_specs(draw: st.DrawFn) -> tuple[TableSpec, ...]:
    """Draw one to three tables of any sort, columns of any kind; often `RICH`."""
    rest = [_draw_table(draw, f"t{n}") for n in range(1 + draw(_few))]
    return (RICH, *rest[1:]) if draw(_has_rich) else tuple(rest)


def _draw_table(draw: st.DrawFn, name: str) -> TableSpec:
    count = draw(_counts)
    form = draw(_forms)
    is_composite = form == "composite" and count > 1
    columns = []
    for place in range(count):
        role = draw(_roles)
        if place == 0 and form in ("key", "generated key"):
            is_generated, role = form == "generated key", "primary"
        else:
            is_generated = role == "generated"
            role = "" if is_generated else role
        domain = draw(_generated if is_generated else _domains)
        columns.append(ColumnSpec(_names[place], domain, role, is_generated))
    key = tuple(_draw_places(draw, count, 2)) if is_composite else ()
    table = TableSpec(name, tuple(columns), key)
    indexes: list[IndexSpec] = []
    for _ in range(draw(_few)):
        _add_index(draw, table, indexes)
    return attrs.evolve(table, indexes=tuple(indexes))


def _draw_places(draw: st.DrawFn, count: int, most: int) -> list[int]:
    return [place for place in draw(_orders) if place < count][:most]


def _add_index(draw: st.DrawFn, table: TableSpec, indexes: list[IndexSpec]) -> None:
    """Draw an index, and leave it out where the library would refuse it."""
    places = tuple(_draw_places(draw, len(table.columns), 1 + draw(_few)))
    algorithm = draw(_algorithms)
    drawn = attrs.evolve(table, indexes=tuple(indexes))
    if algorithm == "unique":
        taken = [*drawn.unique_keys, table.primary_key]
        if len(places) > 1 and places not in taken:
            indexes.append(IndexSpec("unique", places))
        return
    name = f"by_{len(indexes)}" if draw(_are_named) else None
    accessor = name or "_".join(table.names(places))
    same = [each for each in drawn.accessors if each.name == accessor]
    if all(each.algorithm == "unique" for each in same):
        indexes.append(IndexSpec(algorithm, places, name))
