"""The parameters of a reducer: resolved once, checked at each call.

The law: the generated check is what binding the arguments by `inspect` and
admitting each one gives.
"""

import enum
import inspect
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qsdb
from qsdb.schema.annotations import Scope
from qsdb.schema.parameters import Parameters, resolve_parameters
from qsdb.schema.rows import find_record
from qsdb.schema.specifiers import MISSING
from qsdb.values.kinds import MismatchError


class Mood(enum.Enum):
    calm = 0
    angry = 1


class Place(qsdb.Product):
    x: qsdb.f32
    y: qsdb.f32 = 0.0


class Circle(qsdb.Product):
    radius: float


Function = Callable[..., object]


def resolved(function: Function) -> Parameters:
    scope = Scope(function.__qualname__, 1, function.__globals__)
    return resolve_parameters(function, scope, find_record)


def mistakes(function: Function) -> tuple[str, ...]:
    with pytest.raises(qsdb.SchemaError) as caught:
        resolved(function)
    return caught.value.mistakes


def call(function: Function, *args: object, **kwargs: object) -> tuple[object, ...]:
    """Check arguments; in both ways, where all are given by place."""
    parameters = resolved(function)
    try:
        checked = parameters.check(*args, **kwargs)
    except TypeError as error:
        if not kwargs:
            with pytest.raises(type(error)) as caught:
                parameters.take(args)
            assert str(caught.value) == str(error)
        parameters.explain(error, args)
    if not kwargs:
        assert repr(parameters.take(args)) == repr(checked)
    return checked


def refusal(function: Function, *args: object, **kwargs: object) -> str:
    with pytest.raises(qsdb.ArgumentError) as caught:
        call(function, *args, **kwargs)
    assert caught.value.__suppress_context__
    return str(caught.value)


def post(ctx: object, room: str, level: qsdb.u8, factor: qsdb.f64 = 1) -> None: ...


# Resolving.


def test_parameters_are_those_behind_the_context() -> None:
    parameters = resolved(post)

    assert parameters.function_name == "post"
    assert [each.name for each in parameters.parameters] == ["room", "level", "factor"]
    assert [each.binding.kind.name for each in parameters.parameters] == [
        "str",
        "u8",
        "f64",
    ]
    assert parameters.parameters[0].default is MISSING
    assert parameters.parameters[2].default == 1.0
    assert type(parameters.parameters[2].default) is float


def test_a_function_may_take_the_context_alone() -> None:
    def alone(ctx: object) -> None: ...

    assert resolved(alone).parameters == ()
    assert call(alone) == ()


def test_the_context_needs_no_annotation_and_any_name() -> None:
    def named(context, a: str) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001
    def positional(ctx, /, a: str) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001

    assert call(named, "x") == ("x",)
    assert call(positional, "x") == ("x",)


def test_annotations_may_be_strings_and_of_classes_in_functions() -> None:
    class Local(qsdb.Product):
        value: qsdb.u8

    def local(ctx: object, a: "Local", b: "list[Local]") -> None: ...

    assert call(local, Local(1), [Local(2)]) == (Local(1), [Local(2)])


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def f(): ...", "the first parameter must be the context"),
        ("def f(*args): ...", "the first parameter must be the context"),
        ("def f(**kwargs): ...", "the first parameter must be the context"),
        ("def f(*, ctx): ...", "the first parameter must be the context"),
        ("def f(ctx, a): ...", "parameter a: it needs an annotation"),
        ("def f(ctx, a=1): ...", "parameter a: it needs an annotation"),
        ("def f(ctx, *args: str): ...", "parameter args: a reducer takes no variadic"),
        ("def f(ctx, *args): ...", "parameter args: a reducer takes no variadic"),
        ("def f(ctx, **kwargs: str): ...", "parameter kwargs: a reducer takes no"),
        ("def f(ctx, *, a: str): ...", "parameter a: a reducer takes no keyword-only"),
        ("def f(ctx, a: str, /): ...", "parameter a: a reducer takes no positional"),
        ("def f(ctx, _a: str): ...", "parameter _a: a parameter's name cannot begin"),
        ("def f(ctx, a: dict[str, int]): ...", "parameter a: dict[str, int] is no"),
        ("def f(ctx, a: list): ...", "parameter a: list says not of what"),
        ("def f(ctx, a: 'Nowhere'): ...", "parameter a: the annotation 'Nowhere'"),
        ("def f(ctx, a: int | str): ...", "parameter a: a union is made of"),
        ("def f(ctx, a: u8 = 256): ...", "parameter a: the default 256 is not an int"),
        ("def f(ctx, a: u8 = None): ...", "parameter a: the default None is not an"),
        ("def f(ctx, a: f32 = 1e39): ...", "parameter a: the default 1e+39 is not a"),
        ("def f(ctx, a: list[str] = ()): ...", ""),
        ("def f(ctx, a: list[str] = 'ab'): ...", "parameter a: the default 'ab' is"),
    ],
)
def test_a_signature_that_no_call_can_fit_is_a_mistake(source: str, said: str) -> None:
    namespace: dict[str, Any] = {name: getattr(qsdb, name) for name in qsdb.__all__}
    exec(source, namespace)

    if not said:
        assert len(resolved(namespace["f"]).parameters) == 1
        return
    found = mistakes(namespace["f"])
    assert len(found) == 1
    assert found[0].startswith("reducer f")
    assert said in found[0]


def test_all_mistakes_of_a_signature_are_told_at_once() -> None:
    class Bad(qsdb.Product):
        a: set[int]
        b: list[int]

    def wrong(ctx, a, b: Any, c: Bad, *d: str, e: str) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001

    found = mistakes(wrong)

    assert [each.partition(":")[0] for each in found] == [
        "reducer wrong, parameter a",
        "reducer wrong, parameter b",
        "reducer wrong, parameter c",
        "reducer wrong, parameter c",
        "reducer wrong, parameter d",
        "reducer wrong, parameter e",
    ]
    assert "Bad.a: set[int]" in found[2]


# Checking.


@pytest.mark.parametrize(
    ("args", "kwargs", "values"),
    [
        (("a", 1), {}, ("a", 1, 1.0)),
        (("a", 1, 2.5), {}, ("a", 1, 2.5)),
        (("a",), {"level": 1}, ("a", 1, 1.0)),
        ((), {"level": 1, "room": "a", "factor": 2}, ("a", 1, 2.0)),
    ],
)
def test_arguments_are_taken_as_python_takes_them(
    args: tuple[object, ...], kwargs: dict[str, object], values: tuple[object, ...]
) -> None:
    found = call(post, *args, **kwargs)

    assert found == values
    assert [type(each) for each in found] == [str, int, float]


def test_an_int_for_a_float_arrives_as_float() -> None:
    assert type(call(post, "a", 1, 3)[2]) is float


def test_values_arrive_in_canonical_form() -> None:
    def canonical(
        ctx: object,
        single: qsdb.f32,
        zero: qsdb.f64,
        place: Place,
        many: list[qsdb.f32],
    ) -> None: ...

    found = call(canonical, 0.1, -0.0, Place(1, 0.1), [1, 0.1])

    single = 0.10000000149011612
    assert found == (single, 0.0, Place(1.0, single), [1.0, single])
    assert str(found[1]) == "0.0"
    assert type(found[3][0]) is float


def test_a_list_arrives_as_a_list_and_is_a_copy() -> None:
    def take(
        ctx: object, a: list[str], b: list[list[str]], c: tuple[str, ...]
    ) -> None: ...

    first, second = ["x"], [["y"]]
    found = call(take, first, second, ["z"])

    assert found == (["x"], [["y"]], ("z",))
    assert found[0] is not first
    assert found[1][0] is not second[0]
    assert call(take, ("x",), (("y",),), ("z",)) == found


def test_a_default_list_is_a_new_one_in_each_call() -> None:
    def take(ctx: object, a: list[str] = ["x"]) -> None: ...  # noqa: B006

    parameters = resolved(take)
    first, second = parameters.check()[0], parameters.check()[0]

    assert first == second == ["x"]
    assert first is not second


def test_each_kind_of_value_is_admitted() -> None:
    def take(
        ctx: object,
        mood: Mood,
        form: Place | Circle,
        who: qsdb.Identity | None,
        many: tuple[Mood, ...] = (Mood.calm,),
        where: Place = Place(1.0),  # noqa: B008
    ) -> None: ...

    found = call(take, Mood.angry, Circle(1), qsdb.Identity.ZERO)

    assert found == (
        Mood.angry,
        Circle(1.0),
        qsdb.Identity.ZERO,
        (Mood.calm,),
        Place(1.0),
    )
    assert call(take, Mood.calm, Place(1.0), None)[2] is None


@pytest.mark.parametrize(
    ("args", "kwargs", "said"),
    [
        (("a", True), {}, "post(), argument level: True is not an int from 0 to 255"),
        (("a", 256), {}, "post(), argument level: 256 is not an int from 0 to 255"),
        (("a", -1), {}, "post(), argument level: -1 is not an int from 0 to 255"),
        (("a", 1.0), {}, "post(), argument level: 1.0 is not an int"),
        (("a", None), {}, "post(), argument level: None is not an int"),
        ((b"a", 1), {}, "post(), argument room: b'a' is not a str of valid Unicode"),
        (("\ud800", 1), {}, "post(), argument room: '\\ud800' is not a str of valid"),
        (("a", 1, True), {}, "post(), argument factor: True is not a number"),
        (("a", 1, "x"), {}, "post(), argument factor: 'x' is not a number"),
        (("a", 1, 10**400), {}, "is not a number from -1.797"),
        ((), {}, "missing 2 required positional arguments: 'room' and 'level'"),
        (("a",), {}, "missing 1 required positional argument: 'level'"),
        (("a", 1, 1.0, 2, 3), {}, "but 5 were given"),
        (("a", 1), {"room": "b"}, "multiple values for argument 'room'"),
        (("a", 1), {"colour": "b"}, "unexpected keyword argument 'colour'"),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_a_wrong_call_is_refused_with_the_reason(
    args: tuple[object, ...], kwargs: dict[str, object], said: str
) -> None:
    text = refusal(post, *args, **kwargs)

    assert said in text
    assert text.startswith("post(")


def test_a_wrong_call_is_told_with_the_signature() -> None:
    assert refusal(post, "a") == (
        "post(room: str, level: u8, factor: f64 = 1.0): missing 1 required positional "
        "argument: 'level' (1 given by place)"
    )
    assert "check" not in refusal(post)
    assert refusal(post).endswith("'room' and 'level'")


def test_a_wrong_call_is_told_with_the_annotations_as_they_are_written() -> None:
    def take(
        ctx: object,
        words: list[str],
        grid: "list[list[qsdb.u8]] | None" = None,
        many: tuple[float, ...] = (),
    ) -> None: ...

    assert refusal(take).startswith(
        "take(words: list[str], grid: list[list[u8]] | None = None, "
        "many: tuple[float, ...] = ()): missing 1"
    )


def test_a_parameter_that_nests_too_deep_is_a_mistake() -> None:
    deep: Any = qsdb.u8
    for _ in range(62):
        deep = tuple[deep, ...]

    def take(ctx: object, deep: deep) -> None: ...

    assert mistakes(take) == (
        "reducer take, parameter deep: it nests kinds more than 62 levels deep",
    )


def test_a_wrong_value_is_an_argument_error_and_a_type_error() -> None:
    with pytest.raises(TypeError):
        call(post, 5, 5)


def test_a_very_long_int_is_refused_like_any_other() -> None:
    assert "is not an int from 0 to 255" in refusal(post, "a", 10**5000)


def test_parameters_may_have_any_name_that_python_uses() -> None:
    def odd(
        self: object,
        check: str,
        type: str,  # noqa: A002
        len: str,  # noqa: A002
        id: str,  # noqa: A002
        admit_id: str,
        error: str,
        args: str,
        key: str = "k",
    ) -> None: ...

    assert call(odd, *"abcdefg", key="h") == tuple("abcdefgh")
    assert call(odd, *"abcdef", args="g") == (*"abcdefg", "k")
    assert call(odd, *"abcdefgh") == tuple("abcdefgh")


@given(
    values=st.dictionaries(
        st.sampled_from(["room", "level", "factor", "other"]),
        st.sampled_from(["a", "\ud800", 0, 255, 256, True, 1.5, float("inf"), None]),
    ),
    by_place=st.integers(0, 4),
)
def test_the_generated_check_is_what_python_and_the_kinds_say(
    values: dict[str, object], by_place: int
) -> None:
    args, kwargs = [*values.values()][:by_place], dict([*values.items()][by_place:])
    parameters = resolved(post)

    expected = _slowly(parameters, args, kwargs)

    try:
        found: tuple[object, ...] | None = parameters.check(*args, **kwargs)
    except TypeError:
        found = None
    assert found == expected


def _slowly(
    parameters: Parameters, args: list[object], kwargs: dict[str, object]
) -> tuple[object, ...] | None:
    """Check as the generated code does, by the standard library; None if refused."""
    try:
        bound = inspect.signature(post).bind(None, *args, **kwargs)
        bound.apply_defaults()
        given_values = [*bound.arguments.values()][1:]
        return tuple(
            each.binding.admit(value)
            for each, value in zip(parameters.parameters, given_values, strict=True)
        )
    except (TypeError, MismatchError):
        return None
