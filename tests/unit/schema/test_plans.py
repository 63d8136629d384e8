"""What may change in a schema, and what may not: a table of every rule.

Each case is a schema before, one after, and stored rows. What is accepted is told
in steps, word for word, with ``!`` before those that disconnect clients; what is
refused, in mistakes, word for word.
"""

import enum
from typing import Any

import attrs
import pytest

import qsdb
from qsdb import ScheduleAt, f32, i8, i16, u8, u16, u32, u64
from qsdb.schema.function_steps import function_steps
from qsdb.schema.plans import MigrationStep
from tests.support.migrations import (
    Table,
    Tables,
    module_of,
    plan,
    refused,
    schema_of,
)

key, unique, index, column = (
    qsdb.primary_key,
    qsdb.unique,
    qsdb.index,
    qsdb.column,
)
FORM = "they hold its rows in the old form"


def mood(*names: str) -> Any:
    return enum.Enum("Mood", list(names))


def product(name: str, **fields: Any) -> Any:
    """Make a product class; a pair is a field with a default."""
    pairs = {k: v if isinstance(v, tuple) else (v,) for k, v in fields.items()}
    members = {
        "__module__": __name__,
        "__qualname__": name,
        "__annotations__": {k: pair[0] for k, pair in pairs.items()},
        **{k: pair[1] for k, pair in pairs.items() if len(pair) > 1},
    }
    metaclass: Any = type(qsdb.Product)
    return metaclass(name, (qsdb.Product,), members)


AT = product("At", x=int, y=int)
CIRCLE, SQUARE, LINE = product("Circle", r=int), product("Square"), product("Line")
MOODS = mood("CALM", "ANGRY")

ONE = Table(id=(u64, key()), a=int)
ROWS = [(1, 10), (2, 20)]


def told(steps: tuple[MigrationStep, ...]) -> list[str]:
    """Give steps about the table t in short: ``!`` for those that disconnect."""
    found = []
    for step in steps:
        assert step.breaks in ("", FORM)
        mark = "! " if step.is_breaking else ""
        subject = step.subject.removeprefix("table t")
        loses = f" -- {step.loses}" if step.loses else ""
        found.append(f"{mark}{subject}{step.text}{loses}")
    return found


def both(
    before: Table, after: Table, *, is_public: bool = True
) -> tuple[Tables, Tables]:
    options = {"public": True} if is_public else {}
    return {"t": before.but(**options)}, {"t": after.but(**options)}


ACCEPTED: dict[str, tuple[Table, Table, list[Any], list[str]]] = {
    "nothing": (ONE, ONE, ROWS, []),
    # Columns that come and go.
    "a column at the end, with a default": (
        ONE,
        Table(id=(u64, key()), a=int, b=(str, "x")),
        ROWS,
        ["! column b: str is added, old rows have 'x'"],
    ),
    "a default that is false": (
        ONE,
        Table(id=(u64, key()), a=int, b=(int | None, None)),
        ROWS,
        ["! column b: i64 | None is added, old rows have None"],
    ),
    "a column in the middle": (
        ONE,
        Table(id=(u64, key()), b=(MOODS, MOODS.ANGRY), a=(int, 0)),
        ROWS,
        [
            "! column b: Mood{CALM, ANGRY} is added, old rows have Mood.ANGRY",
            "column a has the default 0",
        ],
    ),
    "a column that a function fills": (
        ONE,
        Table(id=(u64, key()), a=int, b=(int, column(fill=lambda old: old.a + 1))),
        ROWS,
        ["! column b: i64 is added, filled by a function of the old row"],
    ),
    "a generated column": (
        ONE,
        Table(id=(u64, key()), a=int, n=(u8, qsdb.auto_inc())),
        ROWS,
        ["! column n: u8 is added, old rows are numbered 1, 2, 3 …"],
    ),
    "a column without a default, in an empty table": (
        ONE,
        Table(b=int, id=(u64, key()), a=int),
        [],
        ["! column b: i64 is added"],
    ),
    "a column less": (
        ONE,
        Table(id=(u64, key())),
        ROWS,
        ["! column a is removed -- its values in 2 rows"],
    ),
    "a column less, in an empty table": (
        ONE,
        Table(id=(u64, key())),
        [],
        ["! column a is removed"],
    ),
    "what may be another name": (
        ONE,
        Table(id=(u64, key()), b=(int, 0)),
        ROWS,
        [
            "! column b: i64 is added, old rows have 0",
            (
                "! column a is removed -- its values in 2 rows; if it is b now, say so "
                "by renamed_from='a'"
            ),
        ],
    ),
    # Columns that have other names and places.
    "a column renamed": (
        ONE,
        Table(id=(u64, key()), b=(int, column(renamed_from="a"))),
        ROWS,
        [
            "! column b is renamed from a",
            "column b is the attribute b, was a",
        ],
    ),
    "a key renamed": (
        ONE,
        Table(key=(u64, key(renamed_from="id")), a=int),
        ROWS,
        [
            "! column key is renamed from id",
            "column key is the attribute key, was id",
        ],
    ),
    "a column renamed, and another in its place": (
        ONE,
        Table(
            id=(u64, key()), a=(str, ""), b=(int, column(default=1, renamed_from="a"))
        ),
        ROWS,
        [
            "! column a: str is added, old rows have ''",
            "! column b is renamed from a",
            "column b is the attribute b, was a",
            "column b has the default 1",
        ],
    ),
    "what was renamed long ago": (
        ONE,
        Table(id=(u64, key()), a=(int, column(renamed_from="z"))),
        ROWS,
        [],
    ),
    "columns renamed in a chain": (
        Table(id=(u64, key()), a=int, b=str),
        Table(
            id=(u64, key()),
            c=(str, column(renamed_from="b")),
            b=(int, column(renamed_from="a")),
            a=(u8, 7),
        ),
        [(1, 10, "x")],
        [
            "! column c is renamed from b",
            "column c is the attribute c, was b",
            "! column b is renamed from a",
            "column b is the attribute b, was a",
            "! column a: u8 is added, old rows have 7",
            "! the columns are in another order: id, c, b, a",
        ],
    ),
    "columns renamed in a chain long ago": (
        Table(id=(u64, key()), a=int, b=int, c=int),
        Table(
            id=(u64, key()),
            a=int,
            b=(int, column(renamed_from="a")),
            c=(int, column(renamed_from="b")),
        ),
        [(1, 10, 20, 30)],
        [],
    ),
    "half of a chain long ago": (
        Table(id=(u64, key()), a=int, c=int),
        Table(
            id=(u64, key()),
            b=(int, column(renamed_from="a")),
            c=(int, column(renamed_from="b")),
        ),
        [(1, 10, 30)],
        ["! column b is renamed from a", "column b is the attribute b, was a"],
    ),
    "a column that names itself": (
        ONE,
        Table(
            id=(u64, key()),
            a=(int, column(renamed_from="a")),
        ),
        ROWS,
        [],
    ),
    "another attribute of the same column": (
        ONE,
        Table(id=(u64, key()), b=(int, column(name="a"))),
        ROWS,
        ["column a is the attribute b, was a"],
    ),
    "columns in another order": (
        ONE,
        Table(a=int, id=(u64, key())),
        ROWS,
        ["! the columns are in another order: a, id"],
    ),
    "a default, another, and none": (
        Table(a=int, b=(int, 1), c=(int, 1)),
        Table(b=int, a=(int, 1), c=(int, 2)),
        [],
        [
            "column b has no default",
            "column a has the default 1",
            "column c has the default 2",
            "! the columns are in another order: b, a, c",
        ],
    ),
    # Other kinds.
    "an integer with more bits": (
        Table(a=u32, b=u8, c=i8),
        Table(a=u64, b=i16, c=int),
        [(1, 2, 3)],
        [
            "! column a: u32 becomes u64",
            "! column b: u8 becomes i16",
            "! column c: i8 becomes i64",
        ],
    ),
    "a float with more bits": (
        Table(a=f32),
        Table(a=float),
        [(0.5,)],
        ["! column a: f32 becomes f64"],
    ),
    "an option": (
        Table(a=str, b=u8 | None),
        Table(a=str | None, b=u16 | None),
        [("x", None)],
        [
            "! column a: str becomes str | None",
            "! column b: u8 | None becomes u16 | None",
        ],
    ),
    "a variant of an enum at the end": (
        Table(a=mood("CALM", "ANGRY")),
        Table(a=mood("CALM", "ANGRY", "SAD")),
        [(1,)],
        ["column a: Mood{CALM, ANGRY} becomes Mood{CALM, ANGRY, SAD}"],
    ),
    "a variant of an enum in the middle": (
        Table(a=mood("CALM", "ANGRY")),
        Table(a=mood("CALM", "SAD", "ANGRY")),
        [(1,)],
        ["! column a: Mood{CALM, ANGRY} becomes Mood{CALM, SAD, ANGRY}"],
    ),
    "a product more in a union": (
        Table(a=CIRCLE | SQUARE),
        Table(a=CIRCLE | SQUARE | LINE),
        [((0, (1,)),)],
        [
            (
                "column a: Circle(r: i64) | Square() becomes "
                "Circle(r: i64) | Square() | Line()"
            )
        ],
    ),
    "a field of a product in a union": (
        Table(a=product("At", x=u8) | SQUARE),
        Table(a=product("At", x=u16) | SQUARE),
        [((1, (1,)),)],
        ["! column a: Square() | At(x: u8) becomes Square() | At(x: u16)"],
    ),
    "a union in place of a product": (
        Table(a=SQUARE),
        Table(a=CIRCLE | SQUARE),
        [((),)],
        ["! column a: Square() becomes Circle(r: i64) | Square()"],
    ),
    "a field of a product more, and one with more bits": (
        Table(a=product("At", x=u8)),
        Table(a=product("At", x=u16, y=(u8, 7))),
        [((1,),)],
        ["! column a: At(x: u8) becomes At(x: u16, y: u8)"],
    ),
    "fields in another order": (
        Table(a=AT),
        Table(a=product("At", y=int, x=int)),
        [((1, 2),)],
        ["! column a: At(x: i64, y: i64) becomes At(y: i64, x: i64)"],
    ),
    "a field of a product less": (
        Table(id=(u8, key()), a=AT),
        Table(id=(u8, key()), a=product("At", y=int)),
        [(1, (1, 2))],
        ["! column a: At(x: i64, y: i64) becomes At(y: i64) -- At.x of 1 row"],
    ),
    "a field less, in an empty table": (
        Table(a=AT),
        Table(a=product("At", y=int)),
        [],
        ["! column a: At(x: i64, y: i64) becomes At(y: i64)"],
    ),
    "items of an array": (
        Table(a=tuple[u8, ...]),
        Table(a=tuple[u16 | None, ...]),
        [((1, 2),)],
        ["! column a: tuple[u8, ...] becomes tuple[u16 | None, ...]"],
    ),
    "another name of a class": (
        Table(a=product("At", x=int)),
        Table(a=product("Place", x=int)),
        [((1,),)],
        ["column a: At(x: i64) becomes Place(x: i64)"],
    ),
    "any kind, in an empty table": (
        Table(a=u64, b=str | None, c=str),
        Table(a=u8, b=str, c=MOODS),
        [],
        [
            "! column a: u64 becomes u8",
            "! column b: str | None becomes str",
            "! column c: str becomes Mood{CALM, ANGRY}",
        ],
    ),
    "any kind, where a function fills": (
        Table(id=(u8, key()), a=u64),
        Table(id=(u8, key()), a=(u8, column(fill=lambda old: min(old.a, 255)))),
        [(1, 1000)],
        ["! column a: u64 becomes u8, filled by a function of the old row"],
    ),
    # Keys and indexes.
    "an index more, one less, and others": (
        Table(a=(int, index()), b=(int, index("hash")), c=int, d=int),
        Table(a=int, b=(int, index()), c=int, d=int).but(
            indexes=[qsdb.BTree("c", "d", name="cd"), qsdb.Hash("d")]
        ),
        [(1, 2, 3, 4)],
        [
            "btree index a over a is removed",
            "hash index b over b is removed",
            "btree index b over b is added",
            "btree index cd over c, d is added",
            "hash index d over d is added",
        ],
    ),
    "an index with another name": (
        ONE.but(indexes=[qsdb.BTree("a", "id", name="one")]),
        ONE.but(indexes=[qsdb.BTree("a", "id", name="two")]),
        ROWS,
        ["btree index two over a, id is renamed from one"],
    ),
    "an index of a renamed column": (
        Table(a=(int, index()), b=int),
        Table(c=(int, index(renamed_from="a")), b=int),
        [(1, 2)],
        [
            "! column c is renamed from a",
            "column c is the attribute c, was a",
            "btree index c over c is renamed from a",
        ],
    ),
    "an index of a removed column": (
        Table(a=(int, index()), b=int),
        Table(b=int),
        [(1, 2)],
        [
            "! column a is removed -- its values in 1 row",
            "btree index a over a (old) is removed",
        ],
    ),
    "a unique key": (
        ONE,
        Table(id=(u64, key()), a=(int, unique())),
        ROWS,
        ["unique key a over a is added"],
    ),
    "a unique key, of which None is free": (
        Table(id=(u64, key()), a=int | None),
        Table(id=(u64, key()), a=(int | None, unique())),
        [(1, None), (2, None), (3, 7)],
        ["unique key a over a is added"],
    ),
    "a unique key less": (
        Table(id=(u64, key()), a=(int, unique())),
        ONE,
        ROWS,
        ["unique key a over a is removed"],
    ),
    "a unique key over other columns": (
        Table(a=int, b=int, c=int).but(unique=[("a", "b")]),
        Table(a=int, b=int, c=int).but(unique=[("a", "c")]),
        [(1, 1, 1), (1, 2, 2)],
        [
            "unique key a_b over a, b is removed",
            "unique key a_c over a, c is added",
        ],
    ),
    "a primary key": (
        Table(a=int, b=int),
        Table(a=(int, key()), b=int),
        [(1, 1), (2, 1)],
        ["the primary key is a, was none"],
    ),
    "another primary key": (
        Table(a=(int, key()), b=int),
        Table(a=int, b=int).but(primary_key=("b", "a")),
        [(1, 1), (2, 1)],
        ["the primary key is b, a, was a"],
    ),
    "no primary key": (
        Table(a=(int, key()), b=int),
        Table(a=int, b=int),
        [(1, 1), (2, 1)],
        ["the primary key is none, was a"],
    ),
    "a column that is generated, and one no longer": (
        Table(a=(u8, key()), b=(u8, qsdb.auto_inc())),
        Table(a=(u8, key(auto_inc=True)), b=u8),
        [(9, 1)],
        [
            "column a is generated, from its greatest value on",
            "column b is no longer generated",
        ],
    ),
    # Flags.
    "an event table in place of an empty one": (
        ONE,
        ONE.but(event=True),
        [],
        ["! is an event table, which keeps no rows"],
    ),
    "an event table that keeps its rows": (
        ONE.but(event=True),
        ONE,
        [],
        ["! keeps its rows, was an event table"],
    ),
    "columns of an event table": (
        ONE.but(event=True),
        Table(b=str).but(event=True),
        [],
        [
            "! column b: str is added",
            "! column id is removed",
            "! column a is removed",
            "the primary key is none, was id (old)",
        ],
    ),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_accepted_is_told_in_steps(name: str) -> None:
    before, after, rows, steps = ACCEPTED[name]
    found = plan(*both(before, after), {"t": rows})

    assert told(found.steps) == steps
    assert found.is_empty == (not steps)
    assert len(found.breaking) == sum(step.startswith("!") for step in steps)
    assert len(found.losses) == sum(" -- " in step for step in steps)


@pytest.mark.parametrize("name", ACCEPTED)
def test_clients_of_private_tables_are_never_disconnected(name: str) -> None:
    before, after, rows, steps = ACCEPTED[name]
    found = plan(*both(before, after, is_public=False), {"t": rows})

    assert told(found.steps) == [step.removeprefix("! ") for step in steps]
    assert found.breaking == []


GOES = (
    "table a: its rows go only by drop=['a'], and stay in another table by "
    "renamed_from='a'"
)
NEW = "it is new, and without a default or fill=… old rows have no value"

REFUSED: dict[str, tuple[Table, Table, list[Any], list[str]]] = {
    "a column without a default": (
        ONE,
        Table(id=(u64, key()), a=int, b=str),
        ROWS,
        [f"table t, column b: {NEW}; the table has 2 rows"],
    ),
    "smaller numbers": (
        ONE,
        Table(id=(u32, key()), a=u64),
        ROWS[:1],
        [
            (
                "table t, column id: u64 cannot become u32: not every u64 is a u32; "
                "the table has 1 row"
            ),
            (
                "table t, column a: i64 cannot become u64: not every i64 is a u64; "
                "the table has 1 row"
            ),
        ],
    ),
    "no place for None": (
        Table(a=int | None),
        Table(a=int),
        [(1,)],
        [
            (
                "table t, column a: i64 | None cannot become i64: None is no i64; "
                "the table has 1 row"
            )
        ],
    ),
    "another kind": (
        Table(a=str, b=float, c=int, d=tuple[int, ...], e=MOODS),
        Table(a=bytes, b=f32, c=float, d=int, e=str),
        [("", 0.0, 1, (), 0)],
        [
            f"table t, column {name}: {old} cannot become {new}: no {short} is a "
            f"{new}; the table has 1 row"
            for name, old, new, short in (
                ("a", "str", "bytes", "str"),
                ("b", "f64", "f32", "f64"),
                ("c", "i64", "f64", "i64"),
                ("d", "tuple[i64, ...]", "i64", "tuple[i64, ...]"),
                ("e", "Mood{CALM, ANGRY}", "str", "Mood"),
            )
        ],
    ),
    "a variant less": (
        Table(a=MOODS, b=CIRCLE | SQUARE | LINE, c=LINE),
        Table(a=mood("CALM", "SAD"), b=CIRCLE | LINE, c=CIRCLE | SQUARE),
        [(0, (1, ()), ())],
        [
            (
                "table t, column a: Mood{CALM, ANGRY} cannot become Mood{CALM, SAD}: "
                "Mood has no ANGRY any more; the table has 1 row"
            ),
            (
                "table t, column b: Circle(r: i64) | Square() | Line() cannot become "
                "Circle(r: i64) | Line(): the union has no Square any more; "
                "the table has 1 row"
            ),
            (
                "table t, column c: Line() cannot become Circle(r: i64) | Square(): "
                "the union has no Line; the table has 1 row"
            ),
        ],
    ),
    "a field without a default, and one of another kind": (
        Table(a=product("At", x=u8), b=product("At", x=u8)),
        Table(a=product("At", x=u8, y=u8), b=product("At", x=i8)),
        [((1,), (1,))],
        [
            (
                "table t, column a: At(x: u8) cannot become At(x: u8, y: u8): At.y is "
                "new and has no default; the table has 1 row"
            ),
            (
                "table t, column b: At(x: u8) cannot become At(x: i8): At.x: not every "
                "u8 is an i8; the table has 1 row"
            ),
        ],
    ),
    "the same value in a unique key": (
        ONE,
        Table(id=(u64, key()), a=(int, unique())),
        [(1, 5), (2, 5), (3, 6), (4, 7), (5, 7), (6, 7)],
        [
            "table t, unique key a: rows have the same value: 5 (2 rows), 7 (3 rows)",
        ],
    ),
    "the same values in a unique key": (
        Table(a=MOODS, b=int | None, c=int),
        Table(a=MOODS, b=int | None, c=int).but(unique=[("a", "b")]),
        [(0, 1, 1), (0, 1, 2), (1, None, 1), (1, None, 2)],
        [
            (
                "table t, unique key a_b: rows have the same value: "
                "(<Mood.CALM: 1>, 1) (2 rows)"
            ),
        ],
    ),
    "the same value in a primary key": (
        Table(a=int | None, b=int),
        Table(a=(int | None, key()), b=int),
        [(None, 1), (None, 2), (1, 1)],
        ["table t, primary key: rows have the same value: None (2 rows)"],
    ),
    "None more than once in a unique key, which becomes the primary key": (
        Table(a=(int | None, unique()), b=int),
        Table(a=(int | None, key()), b=int),
        [(None, 1), (None, 2)],
        ["table t, primary key: rows have the same value: None (2 rows)"],
    ),
    "the same constant in a new unique column": (
        ONE,
        Table(id=(u64, key()), a=int, b=(int, unique(default=3))),
        ROWS,
        ["table t, unique key b: rows have the same value: 3 (2 rows)"],
    ),
    "the same from a function": (
        ONE,
        Table(id=(u64, key()), a=int, b=(int, unique(fill=lambda old: old.a % 2))),
        [(1, 1), (2, 2), (3, 3)],
        ["table t, unique key b: rows have the same value: 1 (2 rows)"],
    ),
    "rows that would be equal": (
        Table(a=int, b=int),
        Table(a=int),
        [(1, 1), (1, 2), (2, 1)],
        ["table t: rows would be equal, and are kept once only: T(a=1) (2 rows)"],
    ),
    "rows that would be equal, by a field": (
        Table(a=AT),
        Table(a=product("At", x=int)),
        [((1, 1),), ((1, 2),)],
        ["table t: rows would be equal, and are kept once only: T(a=At(x=1)) (2 rows)"],
    ),
    "a key that a field made": (
        Table(a=(AT, key())),
        Table(a=(product("At", x=int), key())),
        [((1, 1),), ((1, 2),)],
        ["table t, primary key: rows have the same value: At(x=1) (2 rows)"],
    ),
    "an event table with rows": (
        ONE,
        ONE.but(event=True),
        ROWS,
        ["table t is an event table, which keeps no rows; the table has 2 rows"],
    ),
    "more rows than numbers": (
        Table(a=int),
        Table(a=int, n=(i8, qsdb.auto_inc())),
        [(n,) for n in range(128)],
        ["table t, column n: i8 has numbers up to 127, and there are 128 rows"],
    ),
    "a function that fails": (
        ONE,
        Table(
            id=(u64, key()), a=int, b=(int, column(fill=lambda old: 20 // (old.a - 20)))
        ),
        ROWS,
        [
            (
                "table t, column b: integer division or modulo by zero "
                "(ZeroDivisionError), for t(id=2, a=20)"
            )
        ],
    ),
    "a function that gives what does not fit": (
        ONE,
        Table(id=(u64, key()), a=int, b=(u8, unique(fill=lambda old: old.a * 20))),
        [*ROWS, (3, 30)],
        [
            (
                "table t, column b: 400 is not an int from 0 to 255 (KindError), for "
                "t(id=2, a=20), 600 is not an int from 0 to 255 (KindError), for "
                "t(id=3, a=30)"
            )
        ],
    ),
    "two names for one column": (
        ONE,
        Table(
            id=(u64, key()),
            b=(int, column(renamed_from="a")),
            c=(int, column(default=0, renamed_from="a")),
        ),
        [],
        ["table t, column c: b is renamed from a already"],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_told_in_sentences(name: str) -> None:
    before, after, rows, mistakes = REFUSED[name]

    assert refused(*both(before, after), {"t": rows}) == mistakes


# Tables.


def test_a_table_may_come_and_an_empty_one_may_go() -> None:
    found = plan({"a": ONE.but(public=True), "b": ONE}, {"c": ONE})

    assert [str(step) for step in found.steps] == [
        "table a: is removed (disconnects clients: it is gone)",
        "table b: is removed",
        "table c: is added",
    ]
    assert [(each.stored is None, each.declared is None) for each in found.changes] == [
        (False, True),
        (False, True),
        (True, False),
    ]


def test_a_table_with_rows_goes_when_it_is_dropped() -> None:
    tables, rows = {"a": ONE, "b": ONE}, {"a": ROWS, "b": ROWS}

    assert refused(tables, {"b": ONE}, rows) == [f"{GOES}; the table has 2 rows"]
    [step] = plan(tables, {"b": ONE}, rows, drop=["a"]).steps
    assert str(step) == "table a: is removed (loses its 2 rows)"


def test_what_is_dropped_must_be_there_and_not_in_the_module() -> None:
    assert refused({"a": ONE, "b": ONE}, {"b": ONE}, drop=["b", "x"]) == [
        "drop: b is no table that the module leaves out; there are: a",
        "drop: x is no table that the module leaves out; there are: a",
    ]
    assert refused({}, {}, drop=["x"])[0].endswith("there are: none")


def test_a_table_may_be_renamed() -> None:
    after = {"b": ONE.but(renamed_from="a", public=True)}
    found = plan({"a": ONE.but(public=True)}, after, {"a": ROWS})

    assert [str(step) for step in found.steps] == [
        "table b: is renamed from a (disconnects clients: its old name is gone)"
    ]
    assert plan(after, after, {"b": ROWS}).is_empty


def test_two_tables_are_not_renamed_from_one() -> None:
    after = {"b": ONE.but(renamed_from="a"), "c": ONE.but(renamed_from="a")}

    assert refused({"a": ONE}, after) == ["table c: b is renamed from a already"]


def test_tables_may_be_renamed_in_a_chain() -> None:
    before = {"a": ONE, "b": Table(id=(u64, key()), text=str)}
    after = {
        "b": ONE.but(renamed_from="a"),
        "c": before["b"].but(renamed_from="b"),
    }
    found = plan(before, after, {"a": ROWS, "b": [(1, "x")]})

    assert [str(step) for step in found.steps] == [
        "table b: is renamed from a",
        "table c: is renamed from b",
    ]
    assert plan(after, after, {"b": ROWS, "c": [(1, "x")]}).is_empty


def test_who_is_renamed_first_takes_what_two_want() -> None:
    after = {
        "b": ONE.but(renamed_from="a"),
        "c": ONE.but(renamed_from="b"),
        "d": ONE.but(renamed_from="a"),
    }

    assert refused({"a": ONE, "b": ONE}, after) == [
        "table b: d is renamed from a already"
    ]


def test_who_sees_a_table_may_change() -> None:
    shown = {"t": ONE.but(public=True)}

    [step] = plan({"t": ONE}, shown, {"t": ROWS}).steps
    assert str(step) == "table t: is public"
    [step] = plan(shown, {"t": ONE}, {"t": ROWS}).steps
    assert str(step) == (
        "table t: is private (disconnects clients: they may not read it any more)"
    )


def test_schedules_may_come_change_and_go() -> None:
    table = Table(id=(u64, key(auto_inc=True)), at=ScheduleAt)

    def module(**options: Any) -> qsdb.Module:
        row_classes = module_of({"t": table})._declared.tables
        made = qsdb.Module("m")
        made.add_table(row_classes[0][0], name="t", **options)

        def ring(_: qsdb.ReducerContext, row: Any) -> None: ...

        ring.__annotations__["row"] = row_classes[0][0]
        made.reducer(ring)
        return made

    def texts(before: qsdb.Module, after: qsdb.Module) -> list[str]:
        stored = schema_of({})
        schemas = [bound.schema for bound in before.compiled().tables]
        stored = attrs.evolve(stored, tables=tuple(schemas))
        rows = {"t": [(1, (0, 5))]}
        return [step.text for step in plan(stored, after, rows).steps[:-1]]

    often, seldom = module(scheduled="ring"), module(scheduled="ring", missed="none")
    said = "scheduled: at says when ring is run (missed: {}, retry: 0)"
    assert texts(module(), often) == [f"is {said.format('one')}; was not scheduled"]
    assert texts(often, seldom) == [
        f"is {said.format('none')}; was {said.format('one')}"
    ]
    assert texts(often, module()) == [f"is not scheduled; was {said.format('one')}"]


# Functions.


def test_functions_come_change_and_go() -> None:
    module = qsdb.Module("m")

    @module.reducer
    def send(_: qsdb.ReducerContext, room: str, text: str) -> None: ...

    @module.reducer(private=True)
    def new(_: qsdb.ReducerContext) -> None: ...

    reducers = {"old": "()", "send": "(room: str)", "new": "()"}
    stored = attrs.evolve(schema_of({}), reducers=reducers)

    assert [str(step) for step in plan(stored, module).steps] == [
        "reducer old: is removed",
        "reducer send: is (room: str, text: str), was (room: str)",
        "reducer new: is private (), was ()",
    ]


def test_views_and_row_filters_disconnect_clients() -> None:
    stored = attrs.evolve(
        schema_of({}),
        procedures={"load": "(path: str)"},
        views={"mine": "user", "all": "user", "same": "user"},
        row_filters=("SELECT 1", "SELECT 2"),
    )
    declared = attrs.evolve(
        stored,
        procedures={},
        views={"mine": "message", "same": "user", "new": "user"},
        row_filters=("SELECT 2", "SELECT 3"),
    )
    steps = list(function_steps(stored, declared))

    assert [(str(step).split(" (")[0], step.breaks) for step in steps] == [
        ("procedure load: is removed", ""),
        ("view all: is removed", "they hold its result in the old form"),
        ("view mine: is message, was user", "they hold its result in the old form"),
        ("view new: is added", ""),
        ("row filter: SELECT 1 is removed", "they may see other rows"),
        ("row filter: SELECT 3 is added", "they may see other rows"),
    ]
    assert list(function_steps(stored, stored)) == []


# Everything at once.


def test_all_that_stands_against_a_plan_is_told_at_once_with_a_way_out() -> None:
    before = {"a": ONE, "b": ONE, "c": ONE}
    after = {
        "b": Table(id=(u8, key()), a=(int, unique()), z=int),
        "c": Table(id=(u64, key()), x=(int, column(renamed_from="a"))),
    }
    rows = {"a": ROWS, "b": [(1, 1), (2, 1)], "c": ROWS}
    with pytest.raises(qsdb.SchemaError) as caught:
        plan(before, after, rows, drop=["c"])

    texts = [each.split(";")[0] for each in caught.value.mistakes]
    assert texts == [
        "drop: c is no table that the module leaves out",
        GOES,
        "table b, column id: u64 cannot become u8: not every u64 is a u8",
        f"table b, column z: {NEW}",
        (
            "table b, unique key a: rows have the same value: 1 (2 rows)\n"
            "What no rule does to rows a function may: "
            f"@module.migration(from_='{schema_of(before).hash}', tables=[…])"
        ),
    ]


def test_there_is_no_way_out_where_no_rows_are_in_the_way() -> None:
    with pytest.raises(qsdb.SchemaError) as caught:
        plan({"a": ONE}, {"a": ONE}, drop=["a"])

    assert "What no rule does" not in str(caught.value)


def test_ten_groups_are_shown_and_the_others_counted() -> None:
    before, after = both(ONE, Table(id=(u64, key()), a=(int, unique())))
    rows = [(n, n // 2) for n in range(400)]
    [mistake] = refused(before, after, {"t": rows})

    assert mistake == (
        "table t, unique key a: rows have the same value: "
        + ", ".join([f"{n} (2 rows)" for n in range(10)])
        + ", and 190 more"
    )


# Text.


def test_a_plan_is_a_line_for_each_step() -> None:
    before = {
        "message": Table(room=str, text=str, n=u32).but(public=True),
        "user": ONE.but(public=True),
        "old\nname": ONE,
    }
    after = {
        "message": Table(room=(str, index()), text=str, n=u64).but(public=True),
        "user": Table(id=(u64, key())).but(public=True),
    }
    found = plan(before, after, {"user": ROWS, "message": [("a", "b", 1)]})

    assert str(found) == (
        "module m: 4 steps from schema "
        f"{found.stored_hash} to {found.declared_hash}, 2 marked ! disconnect clients\n"
        "    table old\\nname  is removed\n"
        "  ! table message    column n: u32 becomes u64 (disconnects clients: they "
        "hold its rows in the old form)\n"
        "    table message    btree index room over room is added\n"
        "  ! table user       column a is removed (loses its values in 2 rows; "
        "disconnects clients: they hold its rows in the old form)"
    )
    assert repr(found) == "<MigrationPlan of 4 steps>"


def test_long_kinds_are_cut_in_the_middle() -> None:
    names = [f"MOOD_{n}" for n in range(200)]
    tables = Table(a=mood(*names[:-1])), Table(a=mood(*names))
    [step] = plan({"t": tables[0]}, {"t": tables[1]}).steps

    assert step.text.startswith("column a: Mood{MOOD_0, MOOD_1, ")
    assert step.text.endswith(", MOOD_198, MOOD_199}")
    assert len(step.text) < 300


def test_a_plan_of_one_step_and_one_of_none_are_told_apart() -> None:
    before, after = both(ONE, Table(id=(u64, key())))
    found = plan(before, after)

    assert str(found).splitlines()[0] == (
        f"module m: 1 step from schema {found.stored_hash} to {found.declared_hash}, "
        "1 marked ! disconnects clients"
    )
    assert str(plan({}, {"t": ONE})).endswith("\n    table t  is added")
    nothing = plan(before, before)
    assert str(nothing) == (
        f"module m: nothing changes in schema {nothing.stored_hash}"
    )
    assert nothing.stored_hash == nothing.declared_hash == found.stored_hash
