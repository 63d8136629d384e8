"""From annotations to bindings, and where the names in them are looked up."""

import enum
import sys
import types
import typing
import uuid
from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal, NewType, Optional, Union

import pytest
from typing_extensions import TypeAliasType

import qsdb
from qsdb.codec.layout import refuse_deep
from qsdb.schema import annotations
from qsdb.schema.annotations import (
    LEVELS_COUNT_MAX,
    DeepError,
    MistakeError,
    Scope,
    annotation_text,
    bind,
)
from qsdb.schema.bindings import ArrayBinding, EnumBinding, OptionBinding, SumBinding
from qsdb.schema.rows import find_record
from qsdb.values import kinds as k
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    Field,
    OptionKind,
    ProductKind,
    SumKind,
    tuple_kind,
)


class Mood(enum.Enum):
    calm = 0
    angry = 1


class Empty(enum.Enum): ...


Many = enum.Enum("Many", [f"m{number}" for number in range(256)])  # type: ignore[misc]
TooMany = enum.Enum("TooMany", [f"m{number}" for number in range(257)])  # type: ignore[misc]


class Circle(qsdb.Product):
    radius: float


class Square(qsdb.Product):
    side: float


class Player(qsdb.Row):
    id: int


CIRCLE = ProductKind("Circle", (Field("radius", k.F64),))
SQUARE = ProductKind("Square", (Field("side", k.F64),))
FORM = SumKind((Field("Circle", CIRCLE), Field("Square", SQUARE)))
MOOD = EnumKind("Mood", ("calm", "angry"))
PAIR = tuple_kind([MOOD, OptionKind(CIRCLE)])

Level = NewType("Level", qsdb.u16)
Levels = NewType("Levels", list[int])


def bound(annotation: object, *, lists: bool = False) -> k.Kind:
    return bind(annotation, find_record, lists=lists).kind


def mistake(annotation: object, *, lists: bool = False) -> str:
    with pytest.raises(MistakeError) as caught:
        bind(annotation, find_record, lists=lists)
    return str(caught.value)


@pytest.mark.parametrize(
    ("annotation", "kind"),
    [
        (bool, k.BOOL),
        (int, k.I64),
        (float, k.F64),
        (str, k.STR),
        (bytes, k.BYTES),
        (qsdb.Identity, k.IDENTITY),
        (qsdb.ConnectionId, k.CONNECTION_ID),
        (qsdb.Timestamp, k.TIMESTAMP),
        (qsdb.TimeDuration, k.TIME_DURATION),
        (qsdb.ScheduleAt, k.SCHEDULE_AT),
        (uuid.UUID, k.UUID),
        (Mood, MOOD),
        (Circle, CIRCLE),
        (Circle | Square, FORM),
        (Square | Circle, FORM),
        (Union[Square, Circle], FORM),  # noqa: UP007
        (Square | None | Circle, OptionKind(FORM)),
        (str | None, OptionKind(k.STR)),
        (None | str, OptionKind(k.STR)),
        (Optional[str], OptionKind(k.STR)),  # noqa: UP045
        (qsdb.u8 | None, OptionKind(k.U8)),
        (tuple[qsdb.u8, ...], ArrayKind(k.U8)),
        (typing.Tuple[str, ...], ArrayKind(k.STR)),  # noqa: UP006
        (tuple[tuple[Mood, ...], ...], ArrayKind(ArrayKind(MOOD))),
        (tuple[Circle | None, ...], ArrayKind(OptionKind(CIRCLE))),
        (tuple[str, ...] | None, OptionKind(ArrayKind(k.STR))),
        (tuple[qsdb.u8, str], tuple_kind([k.U8, k.STR])),
        (typing.Tuple[Mood, Circle | None], PAIR),  # noqa: UP006
        (tuple[tuple[int, int], ...], ArrayKind(tuple_kind([k.I64, k.I64]))),
        (Annotated[str, "noted"], k.STR),
        (Annotated[qsdb.f32, ["unhashable"]], k.F32),
        (Annotated[Circle, "noted"], CIRCLE),
        (Annotated[str | None, "noted"] | None, OptionKind(k.STR)),
        (Level, k.U16),
        (Level | None, OptionKind(k.U16)),
        (tuple[Level, ...], ArrayKind(k.U16)),
    ],
    ids=str,
)
def test_an_annotation_gives_its_kind(annotation: object, kind: k.Kind) -> None:
    assert bound(annotation) == kind
    assert bound(annotation, lists=True) == kind


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("bits", [8, 16, 32, 64, 128, 256])
def test_integers_of_each_size_have_a_name(bits: int, *, signed: bool) -> None:
    name = f"{'i' if signed else 'u'}{bits}"

    kind = bound(getattr(qsdb, name))

    assert kind == k.IntKind(bits, signed)
    assert kind.name == name
    assert typing.get_args(getattr(annotations, name))[0] is int


def test_floats_have_names() -> None:
    assert bound(qsdb.f32) == k.F32
    assert bound(qsdb.f64) == k.F64


def test_the_admitted_kinds_are_listed_in_the_message() -> None:
    text = mistake(dict[str, int])

    assert text.startswith("dict[str, int] is no column kind; there are: bool, i8")
    assert "uuid.UUID" in text


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        (Any, "Any"),
        (object, "object"),
        (complex, "complex"),
        (dict[str, int], "dict"),
        (set[int], "set"),
        (Sequence[int], "Sequence"),
        (Callable[[], int], "Callable"),
        (Literal["a"], "Literal"),
        (type[int], "type[int]"),
        (Final[int], "Final"),
        (ClassVar[int], "ClassVar"),
        (typing.TypeVar("T"), "T"),
        (type(None), "None is no column kind"),
        (5, "5"),
        (Mood.calm, "Mood.calm"),
        (qsdb.Product, "Product"),
        (qsdb.Row, "Row"),
        (enum.Enum, "Enum"),
        (list, "tuple[T, ...]"),
        (tuple, "tuple[T, ...]"),
        (typing.List, "tuple[T, ...]"),  # noqa: UP006
        (typing.Tuple, "tuple[T, ...]"),  # noqa: UP006
        (tuple[()], "tuple[T, ...]"),
        (tuple[int], "tuple[int] is a tuple of 1: write tuple[T, ...]"),
        (tuple[int, Any], "Any is no column kind"),
        (tuple[int, list[qsdb.u8]], "tuple[u8, ...]"),
        (int | str, "int, str"),
        (int | str | None, "int, str"),
        (Circle | str, "str"),
        (Circle | Mood, "Mood"),
        (list[str], "tuple[str, ...]"),
        (list[qsdb.u32], "tuple[u32, ...]"),
        (list[Mood], "tuple[Mood, ...]"),
        (list[str | None], "tuple[str | None, ...]"),
        (list[Annotated[str, "noted"]], "tuple[str, ...]"),
        (list[str] | None, "tuple[str, ...]"),
        (tuple[list[str], ...], "tuple[str, ...]"),
        (Levels, "tuple[int, ...]"),
        (Empty, "Empty has 0 members; 1 to 256"),
        (TooMany, "TooMany has 257 members; 1 to 256"),
        (tuple[Any, ...], "Any"),
        (Any | None, "Any"),
        (Annotated[Any, "noted"], "Any"),
    ],
    ids=str,
)
def test_an_annotation_that_is_no_kind_is_named(annotation: object, said: str) -> None:
    assert said in mistake(annotation)


def test_as_many_variants_as_a_tag_can_count_are_admitted() -> None:
    kind = bound(Many)

    assert isinstance(kind, EnumKind)
    assert len(kind.variants) == 256


def test_as_many_products_as_a_tag_can_count_are_admitted() -> None:
    products = [
        types.new_class(f"P{number}", (qsdb.Product,), {}, lambda ns: None)  # noqa: ARG005
        for number in range(257)
    ]

    kind = bound(Union[tuple(products[:256])])  # noqa: UP007

    assert isinstance(kind, SumKind)
    assert len(kind.variants) == 256
    assert "257 classes; at most 256" in mistake(Union[tuple(products)])  # noqa: UP007


def test_two_products_of_one_name_make_no_union() -> None:
    def declare() -> type[qsdb.Product]:
        class Circle(qsdb.Product): ...

        return Circle

    text = mistake(Union[Circle, declare()])  # noqa: UP007

    assert "Circle" in text
    assert "name" in text


def test_lists_are_admitted_for_arguments_only() -> None:
    assert bound(list[str], lists=True) == ArrayKind(k.STR)
    assert bound(list[list[str]], lists=True) == ArrayKind(ArrayKind(k.STR))
    assert bound(list[str] | None, lists=True) == OptionKind(ArrayKind(k.STR))
    assert bound(tuple[list[str], ...], lists=True) == ArrayKind(ArrayKind(k.STR))
    assert bound(Annotated[list[str], "noted"], lists=True) == ArrayKind(k.STR)
    assert bound(Levels, lists=True) == ArrayKind(k.I64)
    assert "tuple[T, ...]" in mistake(typing.List, lists=True)  # noqa: UP006


def nested(levels_count: int) -> Any:
    """Give an annotation of so many levels."""
    annotation: Any = qsdb.u8
    for _ in range(levels_count - 1):
        annotation = tuple[annotation, ...]
    return annotation


@pytest.mark.parametrize("levels_count", [LEVELS_COUNT_MAX + 1, 100])
def test_kinds_that_nest_too_deep_are_a_mistake(levels_count: int) -> None:
    bind(nested(LEVELS_COUNT_MAX), find_record)

    with pytest.raises(DeepError, match="more than 62 levels deep"):
        bind(nested(levels_count), find_record)
    with pytest.raises(DeepError):
        bind(nested(levels_count - 1) | None, find_record)


def test_what_nests_too_deep_to_be_looked_into_is_a_mistake() -> None:
    with pytest.raises(DeepError):
        Scope("anything", 0).resolve(nested(5000))


def test_levels_of_a_product_that_is_known_count() -> None:
    deepest = ArrayBinding(bind(nested(LEVELS_COUNT_MAX - 1), find_record))

    class Known:
        """Stands for a product that was resolved before."""

    def find(annotation: object, depth: int) -> tuple[int, Any] | None:
        found = find_record(annotation, depth)
        return (0, deepest) if annotation is Known else found

    assert bind(Known, find) is deepest
    with pytest.raises(DeepError):
        bind(tuple[Known, ...], find)


def test_a_column_as_deep_as_can_be_fits_into_a_snapshot() -> None:
    kind = bind(nested(LEVELS_COUNT_MAX), find_record).kind

    row = ProductKind("row", (Field("column", kind),))
    refuse_deep(ArrayKind(row))
    with pytest.raises(qsdb.LimitError):
        refuse_deep(ArrayKind(ArrayKind(row)))


def test_a_name_that_stands_for_itself_is_a_mistake() -> None:
    class TypeAliasType:  # as lazy as the real one of Python 3.12
        @property
        def __value__(self) -> object:
            return self

    with pytest.raises(DeepError):
        bind(TypeAliasType(), find_record)


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (int, "int"),
        (qsdb.u8, "u8"),
        (list[qsdb.u8], "list[u8]"),
        (list[list[Mood]], "list[list[Mood]]"),
        (tuple[Circle, ...], "tuple[Circle, ...]"),
        (list[str] | None, "list[str] | None"),
        (Optional[qsdb.f32], "f32 | None"),  # noqa: UP045
        (Union[Circle, Square], "Circle | Square"),  # noqa: UP007
        (Annotated[list[str], "noted"], "list[str]"),
    ],
    ids=str,
)
def test_an_annotation_is_shown_as_it_is_written(annotation: Any, text: str) -> None:
    assert annotation_text(annotation) == text


def test_bindings_show_users_their_classes() -> None:
    def bound_to(annotation: object) -> object:
        return bind(annotation, find_record)

    assert isinstance(bound_to(Mood), EnumBinding)
    assert isinstance(bound_to(Mood | None), OptionBinding)
    assert isinstance(bound_to(tuple[Mood, ...]), ArrayBinding)
    assert isinstance(bound_to(Circle | Square), SumBinding)
    assert bind(Circle, find_record).leave((1.0,)) == Circle(1.0)
    assert bind(Square | Circle, find_record).leave((1, (1.0,))) == Square(1.0)


# Scopes.

Outside = str


def test_a_name_is_looked_up_in_the_module() -> None:
    assert Scope("anything", 0).resolve("Outside") is str
    assert Scope("anything", 0).resolve("tuple[Outside, ...]") == tuple[str, ...]


def test_what_is_no_string_stays_as_it_is() -> None:
    scope = Scope("anything", 0)

    assert scope.resolve(int) is int
    assert scope.resolve(qsdb.u8) == qsdb.u8
    assert scope.resolve(None) is type(None)


def test_quotes_may_stand_in_quotes() -> None:
    scope = Scope("anything", 0)

    assert scope.resolve("'Outside'") is str
    assert scope.resolve("'Outside | None'") == str | None
    assert scope.resolve(tuple["Outside", ...]) == tuple[str, ...]
    assert scope.resolve(Optional["Outside"]) == str | None


def test_a_name_is_looked_up_in_the_functions_around() -> None:
    Inside = bytes  # noqa: N806

    def inner() -> object:
        Deeper = bool  # noqa: F841, N806
        scope = Scope(f"{inner.__qualname__}.<locals>.Declared", 0)
        return (
            scope.resolve("Deeper"),
            scope.resolve("Inside"),
            scope.resolve("Outside"),
        )

    assert inner() == (bool, Inside, str)


def test_the_nearest_name_wins() -> None:
    Outside = bytes  # noqa: N806

    name = test_the_nearest_name_wins.__qualname__ + ".<locals>.Declared"

    assert Scope(name, 0).resolve("Outside") is Outside


def test_functions_that_only_call_are_not_looked_into() -> None:
    def caller() -> object:
        Inside = bytes  # noqa: F841, N806
        return declared()

    def declared() -> object:
        return Scope("declared.<locals>.Declared", 0).resolve("Inside")

    with pytest.raises(MistakeError, match="Inside"):
        caller()


@pytest.mark.parametrize(
    ("annotation", "said"),
    [
        ("Nowhere", "'Nowhere' is not defined"),
        ("tuple[Nowhere, ...]", "'Nowhere' is not defined"),
        ("enum.Nowhere", "Nowhere"),
        ("u8[", "cannot be read"),
        ("", "cannot be read"),
        ("int[str]", "cannot be read"),
        ("{}['missing']", "cannot be read"),
        ("[][0]", "cannot be read"),
    ],
)
def test_a_string_that_cannot_be_evaluated_is_a_mistake(
    annotation: str, said: str
) -> None:
    with pytest.raises(MistakeError) as caught:
        Scope("anything", 0).resolve(annotation)

    assert repr(annotation) in str(caught.value)
    assert said in str(caught.value)


def test_a_scope_is_that_of_the_frame_at_its_depth() -> None:
    module = types.ModuleType("elsewhere")
    source = (
        "def call(function):\n    Outside = 3\n    return function()\nOutside = 1\n"
    )
    exec(source, vars(module))

    def scope() -> Scope:
        return Scope("anything", 1)

    assert module.call(scope).resolve("Outside") == 1
    assert sys.modules.get("elsewhere") is None


def test_a_type_statement_stands_for_what_it_names() -> None:
    score = TypeAliasType("score", qsdb.u16)
    scores = TypeAliasType("scores", tuple[score, ...])

    assert bind(score, find_record).kind == k.U16
    assert bind(scores, find_record).kind == ArrayKind(k.U16)


def test_a_type_statement_that_names_something_unknown() -> None:
    class TypeAliasType:  # as lazy as the real one of Python 3.12
        def __str__(self) -> str:
            return "score"

        @property
        def __value__(self) -> object:
            raise NameError("name 'u61' is not defined")

    with pytest.raises(MistakeError, match=r"the type score names .* 'u61'"):
        bind(TypeAliasType(), find_record)
