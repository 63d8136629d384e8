"""Tables and named tuples that are made of a catalogue alone."""

import copy
import enum
import operator
import pickle
import sys
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given

import qsdb
from qsdb import Identity, TimeDuration, Timestamp, f32, u8, u64
from qsdb.schema.rows import stored_of
from qsdb.schema.stored import NamedRow, stored_module
from qsdb.schema.tables import ColumnSchema, TableSchema
from qsdb.values import kinds
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    Field,
    OptionKind,
    ProductKind,
    SumKind,
    tuple_kind,
)
from qsdb.values.kinds import Kind
from tests.support.strategies import kinds as drawn_kinds

module = qsdb.Module("sorts")


class Mood(enum.Enum):
    CALM = "c"
    ANGRY = "a"


class Place(qsdb.Product):
    x: f32
    mood: Mood = Mood.CALM


class Circle(qsdb.Product):
    radius: float


class Square(qsdb.Product):
    corner: Place
    side: int


class Thing(qsdb.Row, module=module):
    id: u64 = qsdb.primary_key(auto_inc=True)
    owner: Identity
    at: Timestamp
    place: Place
    shape: Circle | Square
    mood: Mood = Mood.CALM
    path: tuple[Place, ...] = ()
    way: tuple[Place, u8] = (Place(0.0), 1)
    spare: Place | None = None
    external: uuid.UUID = uuid.UUID(int=0)
    waits: TimeDuration = qsdb.column(default=TimeDuration.from_micros(5))
    name: str = qsdb.column(default="", name="title")


class Plain(qsdb.Row, module=module):
    count: u8
    index: str


OWNER = Identity.from_bytes(bytes(range(32)))
NOON = Timestamp.parse("2026-01-01T12:00:00Z")


def named(*schemas: TableSchema) -> tuple[type[Any], ...]:
    """Make the row classes of tables, which can do more than a Row."""
    return tuple([bound.row_class for bound in stored_module("m", schemas).tables])


SCHEMAS = [bound.schema for bound in module.compiled().tables]
ThingRow, PlainRow = named(*SCHEMAS)


def as_named(row: qsdb.Row, row_class: type[Any]) -> Any:
    return tuple.__new__(row_class, stored_of(row))


@pytest.fixture
def thing() -> Any:
    place = Place(1.5, Mood.ANGRY)
    row = Thing(OWNER, NOON, place, Square(place, 4), Mood.ANGRY, (place,))
    return as_named(row.replace(id=7), ThingRow)


# Values.


def test_attributes_give_values_as_users_see_them(thing: Any) -> None:
    assert (thing.id, thing.owner, thing.at) == (7, OWNER, NOON)
    assert thing.mood.name == "ANGRY"
    assert thing.place.x == 1.5
    assert thing.place.mood is thing.mood
    assert thing.shape.corner == thing.place
    assert thing.path[0].mood.name == "ANGRY"
    assert thing.spare is None
    assert thing.external == uuid.UUID(int=0)
    assert thing.waits == TimeDuration.from_micros(5)


def test_places_give_the_same_as_attributes(thing: Any) -> None:
    values = tuple([getattr(thing, name) for name in thing._fields])

    assert [*thing] == [*values]
    assert len(thing) == len(values) == 12
    assert [thing[n] for n in range(-12, 12)] == [*values, *values]
    assert thing[1:3] == (OWNER, NOON)
    assert type(thing[1:3]) is tuple
    assert [*reversed(thing)] == [*reversed(values)]
    with pytest.raises(IndexError):
        thing[12]


def test_a_row_equals_the_tuple_of_its_values(thing: Any) -> None:
    values = (*thing,)

    assert thing == values
    assert values == thing
    assert hash(thing) == hash(values)
    assert thing == as_named(Thing(*values[1:]).replace(id=7), ThingRow)
    assert operator.ne(thing, values) is operator.ne(values, thing) is False
    assert thing != (8, *values[1:])
    assert thing != values[:-1]
    assert thing != [*values]
    assert {thing: 1}[values] == 1
    place = thing.place
    assert place == (1.5, thing.mood)


def test_a_row_never_equals_one_of_a_users_class() -> None:
    plain = as_named(Plain(1, "a"), PlainRow)

    assert plain != Plain(1, "a")
    assert Plain(1, "a") != plain
    assert plain == (1, "a")


def test_a_row_as_a_dict(thing: Any) -> None:
    found = thing._asdict()

    assert [*found] == [*thing._fields]
    assert found["owner"] == OWNER


def test_a_row_is_shown_with_its_values(thing: Any) -> None:
    text = repr(thing)

    assert text.startswith("thing(id=7, owner=Identity.from_hex(")
    assert "place=Place(x=1.5, mood=Mood.ANGRY), shape=Square(corner=Place(" in text
    assert repr(as_named(Plain(1, "a"), PlainRow)) == "plain(count=1, index='a')"


def test_columns_may_have_names_of_a_tuples_methods() -> None:
    plain = as_named(Plain(3, "abc"), PlainRow)

    assert (plain.count, plain.index) == (3, "abc")


def test_what_a_tuple_does_it_does_with_the_values(thing: Any) -> None:
    assert OWNER in thing
    if not sys.flags.bytes_warning:  # to compare them with ints is asked for
        assert OWNER.stored not in thing
    assert thing.count(OWNER) == 1
    assert thing.index(NOON) == 2
    add, values, some = operator.add, (*thing,), (1,)
    assert (add(thing, some), add(some, thing)) == ((*values, 1), (1, *values))
    assert add(thing, thing) == thing * 2 == 2 * thing == (*values, *values)
    results = (add(thing, some), add(some, thing), thing * 1, 1 * thing)
    assert all(type(each) is tuple for each in results)
    first, *_, last = thing
    assert (first, last) == (7, "")


@pytest.mark.parametrize(
    "compare", [operator.lt, operator.le, operator.gt, operator.ge]
)
def test_rows_sort_as_tuples_of_their_values(
    compare: Callable[[object, object], bool],
) -> None:
    rows = [as_named(Plain(n, "abc"[n]), PlainRow) for n in (0, 1, 1)]

    for one in rows:
        for other in rows:
            expected = compare((*one,), (*other,))
            assert compare(one, other) is expected
            assert compare(one, (*other,)) is expected
            assert compare((*one,), other) is expected


def test_a_row_cannot_change(thing: Any) -> None:
    for name in ("id", "owner", "other"):
        with pytest.raises(AttributeError):
            setattr(thing, name, 1)
    assert thing.replace(id=8)[0] == 8
    assert thing.id == 7


def test_a_row_is_copied_as_itself_and_pickled_as_a_tuple() -> None:
    plain = as_named(Plain(1, "a"), PlainRow)

    assert copy.copy(plain) is plain
    assert copy.deepcopy([plain])[0] is plain
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(plain, protocol))
        assert type(again) is tuple
        assert again == plain


def test_a_row_matches_a_pattern_by_name() -> None:
    match as_named(Plain(1, "a"), PlainRow):
        case PlainRow(count=count, index="a"):
            assert count == 1
        case _:
            pytest.fail("no match")


def test_rows_are_made_with_the_stored_defaults() -> None:
    place = type(ThingRow.place.fget(as_named(_any_thing(), ThingRow)))
    made = ThingRow(OWNER, NOON, place(1, (0.0, None)), None)

    assert (made.id, made.name, made.waits) == (0, "", TimeDuration.from_micros(5))
    assert made.mood.name == "CALM"


def _any_thing() -> Thing:
    return Thing(OWNER, NOON, Place(0), Circle(0))


# Bindings.


def test_a_plain_tuple_enters_in_the_place_of_a_product() -> None:
    (bound, _) = stored_module("m", SCHEMAS).tables
    binding = bound.shape.columns[3].binding
    stored = stored_of(Place(2, Mood.ANGRY))
    product = binding.leave(stored)
    mood = product.mood  # type: ignore[attr-defined]

    assert binding.enter(product) == stored
    assert binding.enter((2, mood)) == stored
    assert binding.admit((2, mood)) == product
    for wrong in ((2,), (2, mood, 3), Place(2), [2, mood], "xy"):
        with pytest.raises(kinds.MismatchError):
            binding.admit(wrong)
    with pytest.raises(kinds.MismatchError):
        binding.admit((2, "ANGRY"))


def test_equal_kinds_share_their_classes(thing: Any) -> None:
    other = as_named(_any_thing(), ThingRow)

    assert type(thing.place) is type(other.place) is type(thing.path[0])
    assert type(thing.mood) is type(thing.place.mood)


def test_a_product_of_a_union_has_the_class_that_it_has_elsewhere() -> None:
    circle = product("Circle", "radius")
    union = SumKind((Field("Circle", circle),))
    columns = [
        ColumnSchema(name, name, kind)
        for name, kind in (("a", circle), ("b", union), ("c", circle))
    ]
    (row_class,) = named(TableSchema("t", tuple(columns), ()))

    row = tuple.__new__(row_class, ((1,), (0, (2,)), (3,)))

    assert type(row.a) is type(row.b) is type(row.c)
    assert row == ((1,), (2,), (3,))


def test_a_module_of_stored_tables_has_their_schemas_and_no_reducers() -> None:
    made = stored_module("m", SCHEMAS)

    assert [bound.schema for bound in made.tables] == SCHEMAS
    assert (made.name, made.reducers, made.lifecycle) == ("m", {}, {})
    for bound, declared in zip(made.tables, module.compiled().tables, strict=True):
        for column, wanted in zip(
            bound.shape.columns, declared.shape.columns, strict=True
        ):
            assert (column.attribute, column.name) == (wanted.attribute, wanted.name)
            assert column.binding.kind == wanted.binding.kind
            assert column.is_generated is wanted.is_generated


def test_a_table_may_have_a_name_that_no_class_has() -> None:
    schema = TableSchema("a\0b c", (ColumnSchema("x", "x", kinds.U8),), ())

    (row_class,) = named(schema)

    assert repr(row_class(3)) == "a\\x00b c(x=3)"


def schema_of(kind: Kind, attribute: str = "x") -> TableSchema:
    return TableSchema("t", (ColumnSchema("x", attribute, kind),), ())


@pytest.mark.slow
@given(drawn_kinds())
def test_every_kind_that_a_class_can_give_has_a_binding(kind: Kind) -> None:
    try:
        (bound,) = stored_module("m", [schema_of(kind)]).tables
    except ValueError:
        assert "SumKind" in repr(kind)  # drawn unions are not of products
        return

    binding = bound.shape.columns[0].binding
    assert binding.kind == kind
    value = binding.leave(kind.default)
    assert binding.enter(value) == kind.default


# What is damaged.


def product(name: str, *fields: str) -> ProductKind:
    return ProductKind(name, tuple([Field(each, kinds.U8) for each in fields]))


PAIR = tuple_kind([kinds.U8, kinds.U8])


class NamelessKind(Kind):
    """None of those that there are."""

    name = "nameless"


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (product("P", "x y"), "identifier"),
        (product("P", "x=print(1)"), "identifier"),
        (product("P", "_x"), "underscore"),
        (product("P", "class"), "identifier"),
        (product("P", "replace"), "replace"),
        (product("P", "ﬁ"), "Python has no such names"),
        (product("P", "fi", "ﬁ"), "Python has no such names"),
        (product("P\0", "x"), "null"),
        (EnumKind("E", ("mro",)), "mro"),
        (EnumKind("E", ("_x_",)), "_x_"),
        (EnumKind("E", ("__x__", "y")), "contradicts itself"),
        (SumKind((Field("a", kinds.U8),)), "u8 is none"),
        (tuple_kind([PAIR, SumKind((Field("a", PAIR),))]), "tuple.* is none"),
        (product("tuple[u8]", "_x"), "underscore"),
        (SumKind((Field("Q", product("P", "x")),)), "contradicts itself"),
        (ArrayKind(OptionKind(product("P", ""))), "identifier"),
        (NamelessKind(), "no values"),
    ],
)
def test_a_kind_that_no_class_can_give_is_refused(kind: Kind, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        stored_module("m", [schema_of(kind)])


@pytest.mark.parametrize("attribute", ["x y", "_x", "for", "ﬁ"])
def test_an_attribute_that_no_class_can_have_is_refused(attribute: str) -> None:
    with pytest.raises(ValueError, match=r"^t\."):
        stored_module("m", [schema_of(kinds.U8, attribute)])


def test_named_rows_are_tuples_of_stored_values(thing: Any) -> None:
    assert isinstance(thing, NamedRow)
    assert tuple.__getitem__(thing, slice(None))[1] == OWNER.stored
