"""Row classes: made, compared, copied, shown and pickled as values; no sequences."""

import copy
import enum
import math
import operator
import pickle
import sys
import threading
import types
import uuid
import weakref
from collections.abc import Callable, Iterator
from typing import Annotated, Any, ClassVar, NewType

import pytest

import qsdb
from qsdb import (
    ConnectionId,
    Identity,
    ScheduleAt,
    TimeDuration,
    Timestamp,
    f32,
    f64,
    i8,
    u8,
    u16,
    u32,
    u64,
    u256,
)
from qsdb.schema.rows import find_record, shape_of, stored_of

ALICE = Identity.from_claims("test", "alice")
NOON = Timestamp.parse("2026-01-01T12:00:00Z")


class Mood(enum.Enum):
    calm = 0
    angry = 1
    fuming = 1  # noqa: PIE796  an alias


class Place(qsdb.Product):
    x: f32
    y: f32


class House(qsdb.Product):
    at: Place
    floors: u8 = 1


class Circle(qsdb.Product):
    radius: f64


class Square(qsdb.Product):
    side: f64
    corner: Place = Place(0.0, 0.0)


class Unit(qsdb.Product):
    """A product without fields."""


class User(qsdb.Row):
    identity: Identity = qsdb.primary_key()
    name: str | None = None
    online: bool = False
    mood: Mood = Mood.calm
    at: Place = Place(0.0, 0.0)


class Message(qsdb.Row):
    id: u64 = qsdb.primary_key(auto_inc=True)
    room: str = qsdb.index()
    sender: Identity = qsdb.index()
    text: str = ""


class Everything(qsdb.Row):
    flag: bool
    small: i8
    huge: u256
    single: f32
    double: f64
    text: str
    data: bytes
    tags: tuple[str, ...]
    moods: tuple[Mood, ...]
    maybe: u32 | None
    mood: Mood
    house: House
    form: Circle | Square
    maybe_form: Circle | Square | None
    houses: tuple[House, ...]
    nested: tuple[tuple[f64, ...], ...]
    identity: Identity
    connection: ConnectionId
    time: Timestamp
    span: TimeDuration
    schedule: ScheduleAt
    external: uuid.UUID
    unit: Unit


class Number(qsdb.Row):
    value: f64
    many: tuple[f64, ...] = ()
    maybe: f64 | None = None


class Odd(qsdb.Row):
    """Columns named like what a tuple, a class or generated code uses."""

    count: u32
    index: u32
    type: str
    len: str
    id: u32
    map: str
    self: u32
    cls: u32
    row: str
    key: str
    match: str
    print: str = "p"


def everything(**changes: object) -> Everything:
    row = Everything(
        flag=True,
        small=-128,
        huge=(1 << 256) - 1,
        single=0.5,
        double=1e300,
        text='it\'s "so"\n\\ é \U0001f600',
        data=b"\x00\xff'",
        tags=("a",),
        moods=(Mood.calm, Mood.angry),
        maybe=None,
        mood=Mood.angry,
        house=House(Place(1.0, -2.0), 3),
        form=Square(2.0),
        maybe_form=Circle(1.5),
        houses=(House(Place(0.0, 0.0)),),
        nested=((1.0, 2.0), ()),
        identity=ALICE,
        connection=ConnectionId.from_hex("0f" * 16),
        time=NOON,
        span=TimeDuration.from_seconds(-1.5),
        schedule=ScheduleAt.interval(TimeDuration.from_seconds(5)),
        external=uuid.UUID(int=7),
        unit=Unit(),
    )
    return row.replace(**changes)


def read_back(row: object) -> object:
    return eval(repr(row), {**globals(), "UUID": uuid.UUID})


# Construction.


def test_columns_are_given_by_place_or_by_name() -> None:
    by_place = User(ALICE, "alice", True, Mood.angry, Place(1.0, 2.0))  # noqa: FBT003
    by_name = User(
        at=Place(1.0, 2.0), mood=Mood.angry, online=True, name="alice", identity=ALICE
    )

    assert by_place == by_name
    assert by_name.identity == ALICE
    assert by_name.name == "alice"
    assert by_name.online is True
    assert by_name.mood is Mood.angry
    assert by_name.at == Place(1.0, 2.0)


def test_a_column_left_out_has_its_default() -> None:
    row = User(ALICE)

    assert row.name is None
    assert row.online is False
    assert row.mood is Mood.calm
    assert row.at == Place(0.0, 0.0)


def test_a_generated_column_is_not_positional() -> None:
    row = Message("lobby", ALICE, "hi")

    assert (row.id, row.room, row.sender, row.text) == (0, "lobby", ALICE, "hi")


def test_a_generated_column_may_be_given_by_keyword() -> None:
    row = Message(id=7, room="lobby", sender=ALICE)  # type: ignore[call-arg]

    assert row.id == 7


def test_a_default_is_made_canonical() -> None:
    class Defaults(qsdb.Row):
        single: f32 = 0.1
        double: f64 = 1
        tags: tuple[str, ...] = ["a", "b"]  # type: ignore[assignment]
        nothing: f64 = -0.0

    row = Defaults()

    assert row.single == 0.10000000149011612
    assert type(row.double) is float
    assert row.tags == ("a", "b")
    assert math.copysign(1, row.nothing) == 1


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ('Message(rom="x", sender=ALICE)', ["rom", "room", "Message"]),
        ('Message("a", ALICE, "b", "c")', ["1 positional", "'c'", "Message"]),
        ('Message("a", ALICE, "b", 1, 2)', ["2 positional", "1, 2"]),
        ('Message("a")', ["missing", "sender", "Message"]),
        ("Message()", ["missing", "room, sender"]),
        ('Message("a", ALICE).replace(rom="x")', ["rom", "room"]),
        ('Message("a", ALICE).replace("x")', ["'x'"]),
        ("Place(1.0)", ["missing", "y", "Place"]),
    ],
)
def test_a_wrong_construction_is_refused_with_the_names(
    expression: str, said: list[str]
) -> None:
    with pytest.raises(qsdb.ArgumentError) as caught:
        eval(expression)

    assert all(each in str(caught.value) for each in said), str(caught.value)


def test_a_refusal_names_columns_and_no_class_variables() -> None:
    class Limited(qsdb.Row):
        limit: ClassVar[int] = 3
        level: u8

    with pytest.raises(qsdb.ArgumentError, match=r"there are: level$"):
        Limited(1, levle=2)  # type: ignore[call-arg]


def test_one_column_given_twice_is_a_type_error() -> None:
    with pytest.raises(TypeError, match=r"^Message\.__new__\(\) got multiple values"):
        Message("a", ALICE, room="b")  # type: ignore[misc]


def test_a_constructor_checks_no_values() -> None:
    row = Message(room=5, sender=None, text=[1])  # type: ignore[arg-type]

    assert (row.room, row.sender, row.text) == (5, None, [1])  # type: ignore[comparison-overlap]


@pytest.mark.parametrize("order", ["by place", "by name"])
def test_columns_may_have_any_name_that_python_uses(order: str) -> None:
    class Fresh(qsdb.Row):
        count: u32
        self: u32
        cls: u32
        type: str

    row = (
        Fresh(1, 2, 3, "t")
        if order == "by place"
        else Fresh(cls=3, self=2, type="t", count=1)
    )

    assert (row.count, row.self, row.cls, row.type) == (1, 2, 3, "t")
    assert row.replace(self=5, cls=6) == Fresh(1, 5, 6, "t")


def test_odd_columns_work_all_the_way() -> None:
    row = Odd(1, 2, "t", "l", 3, "m", 4, 5, "r", "k", "x")

    assert read_back(row) == row
    assert list(row) == [1, 2, "t", "l", 3, "m", 4, 5, "r", "k", "x", "p"]
    assert row.replace(count=9).count == 9
    assert qsdb.asdict(row)["index"] == 2
    assert pickle.loads(pickle.dumps(row)) == row


def test_many_columns_are_possible() -> None:
    names = [f"c{number}" for number in range(300)]
    wide: Any = types.new_class(
        "Wide",
        (qsdb.Row,),
        {},
        lambda ns: ns.update(__annotations__=dict.fromkeys(names, int)),
    )

    row = wide(*range(300))

    assert list(row) == list(range(300))
    assert row.c299 == 299


# Values.


def test_a_tuple_column_takes_any_sequence() -> None:
    class Tagged(qsdb.Row):
        tags: tuple[str, ...]
        moods: tuple[Mood, ...] = ()

    row = Tagged(["a", "b"], [Mood.calm])  # type: ignore[arg-type]

    assert row.tags == ("a", "b")
    assert row.moods == (Mood.calm,)
    assert row == Tagged(("a", "b"), (Mood.calm,))
    assert row.replace(tags=["c"]).tags == ("c",)


@pytest.mark.parametrize(
    "value",
    ["ab", b"ab", bytearray(b"a"), 5, None, {1.0}, {1.0: 1}, Unit(), Place(1.0, 2.0)],
    ids=repr,
)
def test_what_is_no_sequence_is_no_array(value: object) -> None:
    module = qsdb.Module("numbers")

    class Numbers(qsdb.Row, module=module):
        values: tuple[f32, ...]

    row = Numbers(value)  # type: ignore[arg-type]

    assert row.values == value
    with qsdb.Database(module) as db, db.write() as tx, pytest.raises(qsdb.KindError):
        tx[Numbers].insert(row)


def test_a_union_takes_each_of_its_products() -> None:
    assert everything(form=Circle(2.0)).form == Circle(2.0)
    assert everything(form=Square(2.0)).form == Square(2.0)
    assert everything(maybe_form=None).maybe_form is None


def test_tags_of_a_union_follow_the_definition_of_its_classes() -> None:
    class Later(qsdb.Product):
        a: u8

    class Last(qsdb.Product):
        a: u8

    class One(qsdb.Row):
        it: Later | Last

    class Other(qsdb.Row):
        it: Last | Later

    assert stored_of(One(Later(1))) == ((0, (1,)),) == stored_of(Other(Later(1)))
    assert stored_of(One(Last(1))) == ((1, (1,)),) == stored_of(Other(Last(1)))


def test_an_alias_of_an_enum_is_its_member() -> None:
    row = User(ALICE, mood=Mood.fuming)

    assert row.mood is Mood.angry
    assert repr(row.mood) == repr(Mood.angry)


def test_new_types_and_annotated_are_what_they_stand_for() -> None:
    Level = NewType("Level", u16)

    module = qsdb.Module("stands")

    class Stands(qsdb.Row, module=module):
        level: Level
        noted: Annotated[str, "a note"]
        both: Annotated[Level | None, "a note"] = None

    with qsdb.Database(module) as db, db.write() as tx:
        row = tx[Stands].insert(Stands(Level(65535), "x", Level(1)))
        assert row.both == 1
        with pytest.raises(qsdb.KindError, match="65535"):
            tx[Stands].insert(Stands(Level(65536), "x"))


# Misfits: the constructor takes them, attributes show them, tables refuse them.

MISFITS = [
    pytest.param("identity", bytes(32), id="bytes for an identity"),
    pytest.param("connection", bytes(16), id="bytes for a connection"),
    pytest.param("time", 5, id="int for a timestamp"),
    pytest.param("span", 5, id="int for a duration"),
    pytest.param("time", TimeDuration.from_micros(5), id="duration for a timestamp"),
    pytest.param("schedule", (0, 5), id="tuple for a schedule"),
    pytest.param("external", bytes(16), id="bytes for a uuid"),
    pytest.param("external", str(uuid.UUID(int=7)), id="str for a uuid"),
    pytest.param("mood", 1, id="int for an enum"),
    pytest.param("mood", "angry", id="str for an enum"),
    pytest.param("moods", (1,), id="int for an enum in an array"),
    pytest.param("house", ((1.0, 2.0), 3), id="tuple for a product"),
    pytest.param("house", House((1.0, 2.0), 3), id="tuple for a product inside"),  # type: ignore[arg-type]
    pytest.param("houses", (((1.0, 2.0), 3),), id="tuple for a product in an array"),
    pytest.param("form", (0, (1.0,)), id="tuple for a sum"),
    pytest.param("form", House(Place(1.0, 2.0)), id="another product for a sum"),
    pytest.param("maybe_form", (0, (1.0,)), id="tuple for an optional sum"),
    pytest.param("unit", (), id="tuple for a product without fields"),
    pytest.param("tags", "abc", id="str for an array"),
    pytest.param("nested", (5,), id="int for an array in an array"),
]


@pytest.mark.parametrize(("column", "value"), MISFITS)
def test_a_raw_value_is_shown_as_it_was_given(column: str, value: object) -> None:
    row = everything(**{column: value})

    assert getattr(row, column) == value
    assert dict(zip(qsdb.asdict(row), row, strict=True))[column] == value
    assert f"{column}={value!r}" in repr(row)


@pytest.mark.parametrize(("column", "value"), MISFITS)
def test_a_raw_value_is_refused_by_tables(column: str, value: object) -> None:
    module = qsdb.Module("everything")
    module.add_table(Everything)

    with qsdb.Database(module) as db:
        with db.write() as tx:
            for write in (
                tx[Everything].insert,
                tx[Everything].delete,
                lambda row: tx[Everything].insert_many([everything(), row]),
            ):
                with pytest.raises(qsdb.KindError) as caught:
                    write(everything(**{column: value}))
                assert caught.value.table == "everything"
                assert caught.value.column == column
            assert everything() not in tx[Everything]
        assert db.offset == 1
        db.check()


@pytest.mark.parametrize(("column", "value"), MISFITS)
def test_rows_with_equal_misfits_are_equal(column: str, value: object) -> None:
    row, other = everything(**{column: value}), everything(**{column: value})

    assert row == other
    assert hash(row) == hash(other)
    assert pickle.loads(pickle.dumps(row)) == row
    assert copy.deepcopy(row) == row
    assert row != everything()


def test_a_misfit_equals_no_right_value() -> None:
    class Owned(qsdb.Row):
        owner: Identity

    assert Owned(bytes(ALICE)) != Owned(ALICE)  # type: ignore[arg-type]
    assert Owned(bytes(ALICE)) != Owned(b"")  # type: ignore[arg-type]


# Immutable, equal, hashable.


def test_a_row_does_not_change() -> None:
    row = User(ALICE)

    with pytest.raises(AttributeError):
        row.name = "bob"  # type: ignore[misc]
    with pytest.raises(AttributeError):
        row.online = True  # type: ignore[misc]
    with pytest.raises(AttributeError):
        row.mood = Mood.angry  # type: ignore[misc]
    with pytest.raises(AttributeError):
        row.colour = "red"  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        del row.mood
    with pytest.raises(AttributeError):
        del row.name
    assert not hasattr(row, "__dict__")
    assert row == User(ALICE)


@pytest.mark.parametrize("name", ["name", "mood", "colour", "__class__"])
@pytest.mark.parametrize("row", [User(ALICE), Place(1.0, 2.0)], ids=repr)
def test_a_row_that_is_to_be_changed_tells_how(row: Any, name: str) -> None:
    owner = type(row).__name__

    with pytest.raises(AttributeError) as caught:
        setattr(row, name, 1)
    assert str(caught.value) == (
        f"{owner} is immutable; cannot set {name}. replace(…) gives a changed copy"
    )
    with pytest.raises(AttributeError) as caught:
        delattr(row, name)
    assert str(caught.value) == f"{owner} is immutable; cannot delete {name}"


def test_rows_are_equal_by_class_and_values() -> None:
    class Pair(qsdb.Row):
        x: f32
        y: f32

    assert Place(1.0, 2.0) == Place(1.0, 2.0)
    assert not operator.ne(Place(1.0, 2.0), Place(1.0, 2.0))
    assert Place(1.0, 2.0) != Place(1.0, 3.0)
    assert Pair(1.0, 2.0) != Place(1.0, 2.0)  # type: ignore[comparison-overlap]
    assert not operator.eq(Pair(1.0, 2.0), Place(1.0, 2.0))
    assert Place(1.0, 2.0) != (1.0, 2.0)  # type: ignore[comparison-overlap]
    assert Place(1.0, 2.0) != (1.0, 2.0)  # type: ignore[comparison-overlap]
    assert Place(1.0, 2.0) != None  # noqa: E711


def test_rows_are_keys() -> None:
    rows = {Message("a", ALICE), Message("a", ALICE), Message("b", ALICE)}

    assert len(rows) == 2
    assert {everything(): 1}[everything()] == 1


def test_rows_with_nan_are_equal() -> None:
    row = Number(float("nan"), (1.0, float("nan")), float("nan"))
    other = Number(float("nan"), [1.0, float("nan")], float("nan"))  # type: ignore[arg-type]

    assert row == other
    assert hash(row) == hash(other)
    assert row.replace(value=float("nan")) == other
    assert pickle.loads(pickle.dumps(row)) == other
    assert Circle(float("nan")) == Circle(float("nan"))


def test_what_differs_from_itself_and_is_no_nan_stays_as_it_is() -> None:
    class Strange:
        __hash__ = None  # type: ignore[assignment]

        def __eq__(self, other: object) -> bool:
            return False

    strange = Strange()

    assert Number(strange).value is strange  # type: ignore[arg-type, comparison-overlap]


# Copies.


def test_replace_gives_a_changed_copy() -> None:
    row = Message("lobby", ALICE, "hi")

    changed = row.replace(text="ho", id=9)

    assert changed == Message(id=9, room="lobby", sender=ALICE, text="ho")  # type: ignore[call-arg]
    assert type(changed) is Message
    assert row.text == "hi"
    assert row.replace() == row


def test_replace_works_on_wrapped_columns_and_products() -> None:
    bob = Identity.from_claims("test", "bob")

    assert User(ALICE).replace(identity=bob) == User(bob)
    assert User(ALICE).replace(mood=Mood.angry).mood is Mood.angry
    assert User(ALICE, "a").replace(name=None).name is None
    assert House(Place(1.0, 2.0)).replace(floors=2) == House(Place(1.0, 2.0), 2)
    assert Unit().replace() == Unit()


def test_copy_replace_is_replace() -> None:
    row = User(ALICE)
    replace: Callable[..., User] = getattr(
        copy, "replace", lambda row, **changes: row.__replace__(**changes)
    )

    assert replace(row, name="alice") == User(ALICE, "alice")
    assert hasattr(copy, "replace") == (sys.version_info >= (3, 13))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_rows_are_pickled(protocol: int) -> None:
    row = everything()

    copied = pickle.loads(pickle.dumps(row, protocol))

    assert copied == row
    assert type(copied) is Everything
    assert copied.form == Square(2.0)


def test_a_row_of_a_class_that_no_name_leads_to_is_not_pickled() -> None:
    class Local(qsdb.Row):
        a: u8

    with pytest.raises((pickle.PicklingError, AttributeError)):
        pickle.dumps(Local(1))


def test_rows_are_copied() -> None:
    row = everything()

    assert copy.copy(row) == row
    assert copy.deepcopy(row) == row
    assert copy.deepcopy([row]) == [row]
    assert type(copy.deepcopy(row)) is Everything


@pytest.mark.parametrize("values", [(), ("a",), ("a", ALICE.stored, "", 1, 2)])
def test_a_row_pickled_by_another_shape_is_refused(values: tuple[object, ...]) -> None:
    rebuild: Any = Message("a", ALICE).__reduce__()[0]

    with pytest.raises(qsdb.SchemaError) as caught:
        rebuild(Message, values)
    assert str(caught.value) == (
        f"Message: a pickled row has {len(values)} values, and the class has 4 columns"
    )


def test_a_row_is_unpickled_before_any_other_is_made() -> None:
    rebuild: Any = Message("a", ALICE).__reduce__()[0]

    row = rebuild(Untouched, ("a",))

    assert row.name == "a"


class Untouched(qsdb.Row):
    """Only the test above makes one."""

    name: str


# Shown.


@pytest.mark.parametrize(
    "row",
    [
        everything(),
        everything(tags=(), moods=(Mood.angry,), maybe=7, maybe_form=None),
        everything(single=math.inf, double=-math.inf, nested=((math.inf, 1.0),)),
        everything(single=math.nan, double=math.nan, nested=((math.nan,),)),
        everything(form=Circle(math.nan), houses=(House(Place(-math.inf, math.nan)),)),
        everything(schedule=ScheduleAt.time(NOON)),
        everything(double=-0.0, small=0, huge=0),
        Number(1.0, (math.nan,), math.nan),
        Message(id=3, room="a", sender=ALICE),  # type: ignore[call-arg]
        Place(1, 2),
        Unit(),
    ],
)
def test_the_repr_of_a_row_is_read_back(row: object) -> None:
    assert read_back(row) == row
    assert repr(read_back(row)) == repr(row)


def test_the_repr_names_all_columns() -> None:
    user = User(ALICE, at=Place(1.0, math.nan), mood=Mood.angry)

    assert repr(user) == (
        f"User(identity=Identity.from_hex('{ALICE.to_hex()}'), name=None, "
        "online=False, mood=Mood.angry, at=Place(x=1.0, y=float('nan')))"
    )
    assert repr(Message("a", ALICE)).startswith("Message(id=0, room='a'")
    assert str(Place(1.0, 2.0)) == "Place(x=1.0, y=2.0)"


def test_the_repr_shows_an_int_too_long_for_decimal() -> None:
    class Long(qsdb.Row):
        value: u8

    assert len(repr(Long(10**5000))) > 0


# Iterated, matched, taken apart.


def test_a_row_iterates_over_what_its_attributes_give() -> None:
    user = User(ALICE, "a", True, Mood.angry, Place(1.0, 2.0))  # noqa: FBT003
    identity, name, *rest = user

    assert list(user) == [ALICE, "a", True, Mood.angry, Place(1.0, 2.0)]
    assert (identity, name, rest) == (ALICE, "a", [True, Mood.angry, Place(1.0, 2.0)])
    assert tuple(user) == (ALICE, "a", True, Mood.angry, Place(1.0, 2.0))
    assert [*Message("a", ALICE)] == [0, "a", ALICE, ""]
    assert list(Unit()) == []


def test_a_row_matches_by_place_and_by_name() -> None:
    found: list[object] = []
    for value in (Circle(1.0), Square(2.0), Square(3.0, Place(1.0, 1.0)), (1.0,)):
        match value:
            case Circle(radius):
                found.append(radius)
            case Square(side, corner=Place(x=0.0)):
                found.append(side)
            case Square(_, Place(x, y)):
                found.append((x, y))
            case _:
                found.append(None)

    assert found == [1.0, 2.0, (1.0, 1.0), None]


def test_match_by_place_leaves_generated_columns_out() -> None:
    match Message("lobby", ALICE, "hi"):
        case Message(room, sender, text=text):
            assert (room, sender, text) == ("lobby", ALICE, "hi")
        case _:
            pytest.fail("no match")
    assert Message.__match_args__ == ("room", "sender", "text")


def test_what_the_documentation_says_of_match_and_of_percent() -> None:
    def matched(value: object) -> str:
        match value:
            case Place(x=1.0):
                return "a class"
            case [_, _]:
                return "a sequence"
            case _:
                return "nothing"

    assert matched(Place(1.0, 2.0)) == "a class"
    assert [matched((1.0, 2.0)), matched(1.0)] == ["a sequence", "nothing"]
    with pytest.raises(TypeError, match="no sequence"):
        matched(Place(2.0, 2.0))
    assert "%s %s" % Place(1.0, 2.0) == "1.0 2.0"  # noqa: UP031  that is asked
    assert "%s" % (Place(1.0, 2.0),) == f"{Place(1.0, 2.0)}"  # noqa: UP031


def test_a_sequence_pattern_on_a_row_is_an_error() -> None:
    # A tuple in C: CPython takes it for a sequence, and asks for the length.
    def match_a_pair() -> None:
        match ROW:
            case [_, _]:
                pytest.fail("it matched")
            case _:
                pytest.fail("it was asked and did not match")

    with pytest.raises(TypeError, match="no sequence"):
        match_a_pair()


def test_asdict_gives_products_as_dicts() -> None:
    house = {"at": {"x": 1.0, "y": -2.0}, "floors": 3}

    assert qsdb.asdict(everything())["house"] == house
    assert qsdb.asdict(everything(houses=[House(Place(1.0, -2.0), 3)]))["houses"] == (
        house,
    )
    assert qsdb.asdict(everything(maybe_form=Circle(1.0)))["maybe_form"] == {
        "radius": 1.0
    }
    assert qsdb.asdict(User(ALICE)) == {
        "identity": ALICE,
        "name": None,
        "online": False,
        "mood": Mood.calm,
        "at": {"x": 0.0, "y": 0.0},
    }
    assert qsdb.asdict(Unit()) == {}


@pytest.mark.parametrize("value", [5, (1, 2), {"a": 1}, User, None])
def test_asdict_refuses_what_is_no_row(value: Any) -> None:
    with pytest.raises(qsdb.ArgumentError, match="asdict"):
        qsdb.asdict(value)


# What a tuple can and a row cannot.

ROW: Any = Place(1.0, 2.0)


@pytest.mark.parametrize(
    "expression",
    [
        "ROW[0]",
        "ROW[:]",
        "len(ROW)",
        "1.0 in ROW",
        "list(reversed(ROW))",
        "ROW + ROW",
        "ROW + (1,)",
        "(1,) + ROW",
        "ROW * 2",
        "2 * ROW",
        "ROW < Place(2.0, 2.0)",
        "ROW <= Place(2.0, 2.0)",
        "ROW > Place(2.0, 2.0)",
        "ROW >= Place(2.0, 2.0)",
        "ROW < (2.0, 2.0)",
        "ROW <= (2.0, 2.0)",
        "ROW > (2.0, 2.0)",
        "ROW >= (2.0, 2.0)",
        "(2.0, 2.0) < ROW",
        "(2.0, 2.0) <= ROW",
        "(2.0, 2.0) > ROW",
        "(2.0, 2.0) >= ROW",
        "sorted([Place(2.0, 1.0), ROW])",
        "max(ROW, (1.0, 2.0))",
    ],
)
def test_a_row_is_no_sequence_and_has_no_order(expression: str) -> None:
    with pytest.raises(TypeError):
        eval(expression)


@pytest.mark.parametrize("name", ["count", "index"])
def test_the_methods_of_a_tuple_are_not_there(name: str) -> None:
    assert not hasattr(ROW, name)
    with pytest.raises(AttributeError, match=name):
        getattr(ROW, name)


def test_every_row_is_true() -> None:
    rows: list[Any] = [Unit(), Place(0.0, 0.0), User(ALICE)]

    assert all(rows)


# What a class statement may hold.


class Account(qsdb.Row):
    """Holds money."""

    bounds: ClassVar[tuple[int, int]] = (0, 100)
    later: "ClassVar[int]" = 3
    currency = "EUR"

    owner: str
    cents: u32 = 0

    @property
    def euros(self) -> float:
        return self.cents / 100

    def plus(self, cents: int) -> "Account":
        return self.replace(cents=self.cents + cents)

    @classmethod
    def empty(cls, owner: str) -> "Account":
        return cls(owner)

    @staticmethod
    def zero() -> int:
        return 0

    def __str__(self) -> str:
        return f"{self.owner}: {self.euros:.2f}"

    def shown(self) -> str:
        return super().__repr__()


def test_a_row_class_may_have_methods_and_properties() -> None:
    account = Account.empty("ann").plus(150)

    assert account.euros == 1.5
    assert str(account) == "ann: 1.50"
    assert repr(account) == account.shown() == "Account(owner='ann', cents=150)"
    assert Account.zero() == 0
    assert Account.__doc__ == "Holds money."


def test_class_variables_are_no_columns() -> None:
    assert Account.bounds == (0, 100)
    assert Account("ann").later == 3
    assert Account.currency == "EUR"
    assert list(qsdb.asdict(Account("ann"))) == ["owner", "cents"]


class ClassVariant(enum.Enum):
    a = 0


def test_a_name_that_only_resembles_class_variables_is_a_column() -> None:
    class Resembling(qsdb.Row):
        kind: "ClassVariant"
        other: ClassVariant

    assert Resembling(ClassVariant.a, ClassVariant.a).kind is ClassVariant.a


def test_a_column_overrides_nothing_of_the_class() -> None:
    class Named(qsdb.Row):
        name: str
        doc: str = qsdb.column(default="d", name="__doc__")

    assert Named.__name__ == "Named"
    assert Named("n").doc == "d"


def test_classes_are_made_by_calls_too() -> None:
    made: Any = types.new_class(
        "Made", (qsdb.Row,), {}, lambda ns: ns.update(__annotations__={"level": u8})
    )

    assert repr(made(3)) == "Made(level=3)"


def test_a_class_may_name_one_that_is_defined_later() -> None:
    class Early(qsdb.Row):
        late: "Late"

    class Late(qsdb.Product):
        value: u8

    assert Early(Late(3)).late.value == 3


def test_a_class_in_a_function_sees_its_surroundings() -> None:
    def declare() -> type[Any]:
        class Inner(qsdb.Product):
            value: u8

        class Outer:
            class Nested(qsdb.Row):
                inner: "Inner"
                outer: "tuple[Inner, ...] | None" = None

        return Outer.Nested

    nested = declare()

    row = nested(inner=None)
    assert repr(row).startswith("Nested(inner=None")


def test_the_surroundings_of_a_class_are_let_go() -> None:
    class Heavy:
        pass

    def declare() -> tuple[type[Any], "weakref.ref[Heavy]"]:
        heavy = Heavy()

        class Light(qsdb.Row):
            value: "u8"

        return Light, weakref.ref(heavy)

    light, heavy = declare()
    light(1)

    assert heavy() is None


def test_a_class_that_could_not_be_resolved_may_be_used_later() -> None:
    class Waiting(qsdb.Row):
        later: "Missing"

    with pytest.raises(qsdb.SchemaError, match="Missing"):
        Waiting(1)  # type: ignore[arg-type]

    class Missing(qsdb.Product):
        value: u8

    assert Waiting(Missing(1)).later == Missing(1)


def test_two_threads_may_make_the_first_row_at_once() -> None:
    resolving, resolved = threading.Event(), threading.Event()
    made: list[object] = []

    def slowly() -> type[int]:
        resolving.set()
        resolved.wait(5)
        return int

    class Slow(qsdb.Row):
        value: "slowly()"  # type: ignore[valid-type]

    def make() -> None:
        made.append(Slow(1))

    threads = [threading.Thread(target=make), threading.Thread(target=make)]
    threads[0].start()
    resolving.wait(5)
    threads[1].start()
    threads[1].join(0.05)
    resolved.set()
    for thread in threads:
        thread.join(5)

    assert made == [Slow(1), Slow(1)]


# Class statements that are refused at once.


def refusal(declare: Callable[[], object]) -> str:
    with pytest.raises(qsdb.SchemaError) as caught:
        declare()
    return str(caught.value)


def test_a_row_class_has_no_subclasses() -> None:
    def declare() -> None:
        class Special(Message):
            extra: u8  # type: ignore[misc]

    def declare_product() -> None:
        class Special(Place): ...

    assert "Message" in refusal(declare)
    assert "Place" in refusal(declare_product)


def test_a_row_class_has_one_base() -> None:
    class Mixin: ...

    def declare() -> None:
        class Mixed(Mixin, qsdb.Row):
            a: u8

    def declare_both() -> None:
        class Both(qsdb.Row, qsdb.Product):
            a: u8

    assert "one base" in refusal(declare)
    assert "one base" in refusal(declare_both)


def test_a_product_takes_no_options() -> None:
    def declare() -> None:
        class Public(qsdb.Product, public=True):  # type: ignore[call-arg]
            a: u8

    assert "public" in refusal(declare)


def test_options_need_a_module() -> None:
    def declare() -> None:
        class Lost(qsdb.Row, public=True):
            a: u8

    assert "public" in refusal(declare)
    assert "module" in refusal(declare)


@pytest.mark.parametrize("module", [5, "chat", qsdb, object()])
def test_the_module_must_be_one(module: object) -> None:
    def declare() -> None:
        class Lost(qsdb.Row, module=module):
            a: u8

    assert "no qsdb.Module" in refusal(declare)


@pytest.mark.parametrize("root", [qsdb.Row, qsdb.Product])
def test_the_roots_make_no_rows(root: type[Any]) -> None:
    with pytest.raises(qsdb.SchemaError, match=root.__name__):
        root()


def test_what_has_the_metaclass_alone_is_no_row_class() -> None:
    metaclass: Any = type(qsdb.Row)
    alone = metaclass("Alone", (), {})

    assert find_record(alone) is None
    with pytest.raises(qsdb.SchemaError, match="Alone itself has no columns"):
        shape_of(alone)


def test_a_row_class_without_a_module_makes_rows() -> None:
    class Free(qsdb.Row):
        a: u8

    assert Free(1).a == 1


def test_a_bad_column_is_told_when_a_row_is_made() -> None:
    class Bad(qsdb.Row):
        tags: list[str]
        other: dict[str, int]

    with pytest.raises(qsdb.SchemaError) as caught:
        Bad(["a"], {})

    assert len(caught.value.mistakes) == 2
    assert "tags" in str(caught.value)
    assert "tuple[str, ...]" in str(caught.value)
    assert "other" in str(caught.value)


# What other layers ask of a class.


def test_products_are_found_by_their_class() -> None:
    found = find_record(Place)
    assert found is not None

    assert find_record(House) is not None
    assert found[0] < find_record(House)[0]  # type: ignore[index]
    assert found[1].kind.name == "Place"
    for other in (qsdb.Product, qsdb.Row, int, "Place", Place(1.0, 2.0)):
        assert find_record(other) is None


def test_rows_are_found_for_parameters_and_are_no_columns() -> None:
    found = find_record(User)
    assert found is not None
    assert found[1].kind == shape_of(User).kind  # type: ignore[arg-type]

    class Holder(qsdb.Row):
        user: User

    with pytest.raises(qsdb.SchemaError, match=r"Holder\.user: User is no column kind"):
        Holder(None)  # type: ignore[arg-type]


def test_stored_values_are_exact_builtins() -> None:
    stored = stored_of(everything())

    def leaves(value: object) -> Iterator[type]:
        if type(value) is tuple:
            for part in value:
                yield from leaves(part)
        else:
            yield type(value)

    assert type(stored) is tuple
    assert set(leaves(stored)) == {bool, int, float, str, bytes, type(None)}


def test_the_shape_is_made_once() -> None:
    assert shape_of(Place) is shape_of(Place)  # type: ignore[arg-type]
    assert [each.attribute for each in shape_of(User).columns] == [  # type: ignore[arg-type]
        "identity",
        "name",
        "online",
        "mood",
        "at",
    ]
