"""The shape of a class statement: columns, and what is wrong with them."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

import qsdb
from qsdb.schema.rows import draft_of, shape_of
from qsdb.schema.shapes import COLUMNS_COUNT_MAX, Column, Shape
from qsdb.schema.specifiers import MISSING, Specifier
from qsdb.values import kinds as k
from qsdb.values.compounds import Field, ProductKind


class Place(qsdb.Product):
    x: float
    y: float = 0


class Message(qsdb.Row):
    id: qsdb.u64 = qsdb.primary_key(auto_inc=True)
    room: str = qsdb.index("hash", name="the room")
    at: Place = Place(1.0)
    level: qsdb.u8 = qsdb.column(default=3)


def shape(row_class: type[Any]) -> Shape:
    return shape_of(row_class)  # type: ignore[arg-type]


def mistakes(declare: Callable[[], type[Any]]) -> list[str]:
    """Give what is wrong with a class; a place stands at the front of each."""
    row_class = declare()
    with pytest.raises(qsdb.SchemaError) as caught:
        shape(row_class)
    found = list(caught.value.mistakes)
    assert tuple(found) == draft_of(row_class).mistakes  # type: ignore[arg-type]
    assert all(each.startswith(row_class.__name__) for each in found)
    return found


def made(name: str, annotations: Mapping[str, object]) -> type[Any]:
    """Make a row class whose attributes no class statement could have."""
    metaclass: Any = type(qsdb.Row)
    row_class: type[Any] = metaclass(
        name, (qsdb.Row,), {"__annotations__": annotations}
    )
    return row_class


def only_mistake(declare: Callable[[], type[Any]]) -> str:
    found = mistakes(declare)
    assert len(found) == 1, found
    return found[0]


def columns(row_class: type[Any]) -> dict[str, Column]:
    return {each.attribute: each for each in shape(row_class).columns}


def test_columns_stand_in_the_order_of_the_class() -> None:
    found = columns(Message)

    assert list(found) == ["id", "room", "at", "level"]
    assert [each.name for each in found.values()] == ["id", "the room", "at", "level"]
    assert found["id"].binding.kind == k.U64
    assert found["room"].specifier == Specifier(algorithm="hash", name="the room")
    assert shape(Message).class_name == "Message"
    assert shape(Message).mistakes == ()


def test_defaults_are_what_users_see() -> None:
    found = columns(Message)

    assert found["id"].default == 0
    assert found["room"].default is MISSING
    assert found["at"].default == Place(1.0, 0.0)
    assert found["level"].default == 3
    assert type(columns(Place)["y"].default) is float


def test_generated_columns_are_those_with_a_sequence() -> None:
    generated = [name for name, each in columns(Message).items() if each.is_generated]

    assert generated == ["id"]


def test_a_product_is_a_kind() -> None:
    fields = (Field("x", k.F64), Field("y", k.F64))

    assert shape(Place).kind == ProductKind("Place", fields)


# Mistakes.


def test_a_list_column_names_the_tuple() -> None:
    def declare() -> type[Any]:
        class Bad(qsdb.Row):
            tags: list[qsdb.u8]

        return Bad

    assert only_mistake(declare) == (
        "Bad.tags: list[u8] can change, and rows cannot: write tuple[u8, ...]"
    )


def test_a_list_column_of_rows_that_come_later_names_the_tuple() -> None:
    def declare() -> type[Any]:
        class Bad(qsdb.Row):
            places: "list[Later]"

        class Later(qsdb.Product): ...

        return Bad

    assert "tuple[Later, ...]" in only_mistake(declare)


def test_an_unknown_name_is_a_mistake() -> None:
    def declare() -> type[Any]:
        class Bad(qsdb.Row):
            at: "Nowhere"  # type: ignore[name-defined]  # noqa: F821

        return Bad

    assert "Nowhere" in only_mistake(declare)


@pytest.mark.parametrize("annotation", [str, float, bool, qsdb.Timestamp, Place])
def test_a_sequence_needs_an_integer(annotation: Any) -> None:
    def declare() -> type[Any]:
        class Bad(qsdb.Row):
            id: annotation = qsdb.primary_key(auto_inc=True)

        return Bad

    assert only_mistake(declare).startswith("Bad.id: auto_inc needs an integer, not ")


def test_an_optional_integer_has_no_sequence() -> None:
    def declare() -> type[Any]:
        class Bad(qsdb.Row):
            id: qsdb.u8 | None = qsdb.auto_inc()

        return Bad

    assert "auto_inc needs an integer, not u8 | None" in only_mistake(declare)


def test_a_generated_column_has_no_default() -> None:
    def declare() -> type[Any]:
        class Bad(qsdb.Row):
            id: qsdb.u8 = qsdb.primary_key(auto_inc=True, default=3)  # type: ignore[call-overload]

        return Bad

    assert "Bad.id" in only_mistake(declare)
    assert "default" in only_mistake(declare)


@pytest.mark.parametrize(
    ("annotation", "default", "said"),
    [
        (qsdb.u8, 256, "256 is not an int from 0 to 255"),
        (qsdb.u8, -1, "-1 is not an int from 0 to 255"),
        (qsdb.u8, True, "True is not an int from 0 to 255"),
        (qsdb.u8, None, "None is not an int"),
        (qsdb.u8, "x", "'x' is not an int"),
        (str, 5, "5 is not a str"),
        (str, "\ud800", "valid Unicode"),
        (qsdb.f32, 1e39, "1e+39 is not a number"),
        (bool, 1, "1 is not a bool"),
        (qsdb.Identity, bytes(32), "is not an Identity"),
        (Place, (1.0, 2.0), "(1.0, 2.0) is not a Place"),
        (Place, Place("x"), "'x' is not a number"),  # type: ignore[arg-type]
        (tuple[str, ...], "ab", "'ab' is not a sequence of str"),
        (tuple[str, ...], (1,), "1 is not a str"),
        (str | None, 5, "5 is not a str of valid Unicode, or None"),
        pytest.param(qsdb.u8, 10**5000, "0x", id="very long"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("form", ["bare", "column", "index"])
def test_a_default_must_fit(
    form: str, annotation: Any, default: object, said: str
) -> None:
    def declare() -> type[Any]:
        class Bad(qsdb.Row):
            level: annotation = {
                "bare": default,
                "column": qsdb.column(default=default),
                "index": qsdb.index(default=default),
            }[form]

        return Bad

    mistake = only_mistake(declare)

    assert mistake.startswith("Bad.level: the default ")
    assert said in mistake


def test_a_required_column_cannot_follow_a_default() -> None:
    def declare() -> type[Any]:
        class Bad(qsdb.Row):
            a: qsdb.u8 = 1
            b: qsdb.u8  # type: ignore[misc]
            c: qsdb.u8 = qsdb.index()  # type: ignore[misc]
            d: qsdb.u8 = 2

        return Bad

    found = mistakes(declare)

    assert [each.partition(":")[0] for each in found] == ["Bad.b", "Bad.c"]
    assert all("cannot follow a" in each for each in found)


def test_a_generated_column_may_stand_anywhere() -> None:
    class Good(qsdb.Row):
        id: qsdb.u8 = qsdb.primary_key(auto_inc=True)
        a: qsdb.u8
        serial: qsdb.u8 = qsdb.auto_inc()
        b: qsdb.u8
        c: qsdb.u8 = 1

    assert Good(1, 2).c == 1


def test_a_default_may_stand_before_a_generated_column() -> None:
    class Good(qsdb.Row):
        a: qsdb.u8 = 1
        id: qsdb.u8 = qsdb.primary_key(auto_inc=True)

    assert Good(2).a == 2


def test_a_specifier_needs_an_annotation() -> None:
    def declare() -> type[Any]:
        class Bad(qsdb.Row):
            a: qsdb.u8
            id = qsdb.primary_key(auto_inc=True)
            room = qsdb.index()

        return Bad

    found = mistakes(declare)

    assert [each.partition(":")[0] for each in found] == ["Bad.id", "Bad.room"]
    assert all("needs an annotation" in each for each in found)


def test_names_that_are_the_rows_own_are_refused() -> None:
    def declare() -> type[Any]:
        class Bad(qsdb.Row):
            _secret: qsdb.u8
            __hidden: qsdb.u8
            replace: qsdb.u8  # type: ignore[assignment]

        return Bad

    found = mistakes(declare)

    assert [each.partition(":")[0] for each in found] == [
        "Bad._secret",
        "Bad._Bad__hidden",
        "Bad.replace",
    ]
    assert "underscore" in found[0]
    assert "method" in found[2]


def test_members_that_would_be_lost_are_refused() -> None:
    def declare() -> type[Any]:
        class Bad(qsdb.Row):
            _fields = ("a",)
            __match_args__ = ("a",)
            a: qsdb.u8

            def __new__(cls, *args: object) -> Any:
                return args

            def __iter__(self) -> Any:
                return iter([99])

            def replace(self, **changes: Any) -> Any:
                return changes

            def __replace__(self, **changes: Any) -> Any:
                return changes

            def __bool__(self) -> bool:
                return False

        return Bad

    found = mistakes(declare)

    assert [each.partition(":")[0] for each in found] == [
        "Bad._fields",
        "Bad.__match_args__",
        "Bad.__new__",
        "Bad.__iter__",
        "Bad.replace",
        "Bad.__replace__",
    ]
    assert "Bad.replace: qsdb makes replace for every row, and yours would" in found[4]


def test_members_of_a_product_that_would_be_lost_are_refused() -> None:
    def declare() -> type[Any]:
        class Bad(qsdb.Product):
            a: qsdb.u8

            def replace(self, **changes: Any) -> Any:
                return changes

        return Bad

    assert only_mistake(declare).startswith("Bad.replace: qsdb makes replace")


def products(count: int) -> list[type[Any]]:
    """Make product classes, each of which holds the one before."""
    made: list[type[Any]] = []
    metaclass: Any = type(qsdb.Product)
    inner: object = qsdb.u8
    for number in range(count):
        members = {"__annotations__": {"x": inner}}
        inner = metaclass(f"P{number}", (qsdb.Product,), members)
        made.append(inner)  # type: ignore[arg-type]
    return made


@pytest.mark.parametrize("count", [62, 70, 400, 1500])
def test_products_that_nest_too_deep_are_told_of_the_row_alone(count: int) -> None:
    classes = products(count)
    row_class = made("Deep", {"x": classes[-1], "y": classes[60]})

    found = draft_of(row_class).mistakes  # type: ignore[arg-type]
    assert found == ("Deep.x: it nests kinds more than 62 levels deep",)


@pytest.mark.parametrize("known", [1, 30, 62])
def test_levels_of_products_that_have_been_made_count(known: int) -> None:
    classes = products(62)
    shape(classes[known - 1])

    assert shape(made("Fits", {"x": classes[60]})).mistakes == ()
    (mistake,) = draft_of(made("Deep", {"x": classes[61]})).mistakes  # type: ignore[arg-type]
    assert mistake.startswith("Deep.x: it nests kinds")


def test_a_product_that_nests_too_deep_may_be_told_by_itself() -> None:
    classes = products(64)

    with pytest.raises(qsdb.SchemaError) as caught:
        classes[63](1)
    assert caught.value.mistakes == ("P63.x: it nests kinds more than 62 levels deep",)


@pytest.mark.parametrize("name", ["class", "None", "a b", "", "1a", "a-b"])
def test_an_attribute_is_an_identifier(name: str) -> None:
    def declare() -> type[Any]:
        return made("Bad", {name: int})

    assert "identifier" in only_mistake(declare)


def test_a_products_field_takes_a_default_only() -> None:
    def declare() -> type[Any]:
        class Bad(qsdb.Product):
            a: qsdb.u8 = qsdb.column(default=1)
            b: qsdb.u8 = qsdb.index(default=1)
            c: qsdb.u8 = qsdb.primary_key(default=1)
            d: qsdb.u8 = qsdb.column(name="e", default=1)
            f: qsdb.u8 = qsdb.auto_inc()
            g: qsdb.u8 = qsdb.unique(default=1)

        return Bad

    found = mistakes(declare)

    assert [each.partition(":")[0] for each in found] == [
        f"Bad.{name}" for name in "bcdfg"
    ]


def test_a_product_with_the_default_nan_is_right() -> None:
    class Unknown(qsdb.Product):
        x: qsdb.f64 = float("nan")

    assert Unknown() == Unknown(float("nan"))


def test_a_product_cannot_hold_itself() -> None:
    class Node(qsdb.Product):
        value: qsdb.u8
        next: "Node | None" = None

    with pytest.raises(qsdb.SchemaError) as caught:
        Node(1)
    assert caught.value.mistakes == ("Node.next: Node contains itself",)


def test_products_cannot_hold_each_other() -> None:
    class Hen(qsdb.Product):
        egg: "tuple[Egg, ...]"

    class Egg(qsdb.Product):
        hen: "Hen | None"

    class Farm(qsdb.Row):
        hens: tuple[Hen, ...]

    with pytest.raises(qsdb.SchemaError, match=r"Hen\.egg: Egg\.hen: .* itself"):
        Hen(())
    with pytest.raises(qsdb.SchemaError, match="Egg"):
        Egg(None)
    with pytest.raises(qsdb.SchemaError, match=r"Farm\.hens: Hen\.egg: Egg\.hen"):
        Farm(())


def test_the_mistakes_of_a_product_are_those_of_its_row() -> None:
    class Inner(qsdb.Product):
        bad: dict[str, int]
        worse: list[int]

    def declare() -> type[Any]:
        class Outer(qsdb.Row):
            inner: Inner
            other: set[int]

        return Outer

    found = mistakes(declare)

    assert [each.split(" ")[0] for each in found] == [
        "Outer.inner:",
        "Outer.inner:",
        "Outer.other:",
    ]
    assert "Inner.bad: " in found[0]
    assert "Inner.worse: " in found[1]


def test_all_mistakes_of_a_class_are_told_at_once() -> None:
    def declare() -> type[Any]:
        class Bad(qsdb.Row):
            tags: list[str]
            any: Any
            level: qsdb.u8 = 300
            name: str  # type: ignore[misc]
            _hidden: str  # type: ignore[misc]
            id: str = qsdb.auto_inc()
            bare = qsdb.index()

        return Bad

    found = mistakes(declare)

    assert sorted({each.partition(":")[0] for each in found}) == [
        "Bad._hidden",
        "Bad.any",
        "Bad.bare",
        "Bad.id",
        "Bad.level",
        "Bad.name",
        "Bad.tags",
    ]


def test_a_draft_has_a_column_for_each_attribute() -> None:
    class Bad(qsdb.Row):
        tags: list[str] = qsdb.unique(name="labels")
        id: str = qsdb.primary_key(auto_inc=True)

    draft = draft_of(Bad)  # type: ignore[arg-type]

    assert [each.name for each in draft.columns] == ["labels", "id"]
    assert draft.columns[0].specifier.is_unique
    assert draft.columns[1].is_generated


def test_columns_beyond_a_lower_bound_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("qsdb.schema.shapes.COLUMNS_COUNT_MAX", 1)

    mistake = only_mistake(lambda: made("Bad", {"a": int, "b": int}))

    assert mistake.endswith("2 columns; at most 1 are possible")


@pytest.mark.slow
def test_columns_beyond_the_bound_are_refused() -> None:
    names = {f"c{number}": int for number in range(COLUMNS_COUNT_MAX + 1)}

    def declare() -> type[Any]:
        return made("Bad", names)

    assert COLUMNS_COUNT_MAX == 65536
    assert f"{COLUMNS_COUNT_MAX + 1} columns; at most {COLUMNS_COUNT_MAX}" in (
        only_mistake(declare)
    )
