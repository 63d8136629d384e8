"""Between users' values and stored ones, for each sort of annotation.

Laws, for values of every binding and for values that are none:

1. what is left after entering is what was given, also where it is a misfit;
2. the generated expressions are their methods: `enter_source` is `enter`, and
   `doubt` is false only where `admit` changes nothing;
3. what `admit` gives is canonical: it enters as canonical stored value;
4. `show` gives a text that evaluates to the value.
"""

import enum
import functools
import math
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import qsdb
from qsdb.schema.annotations import bind
from qsdb.schema.bindings import Binding
from qsdb.schema.rows import find_record
from qsdb.values.kinds import NAN, MismatchError
from qsdb.values.misfits import Misfit
from qsdb.values.source import Names, compile_source
from tests.support.strategies import stored_likes, stored_values


class Mood(enum.Enum):
    calm = 0
    angry = 1


class Weekday(enum.IntEnum):
    monday = 1
    tuesday = 2


Named = enum.Enum("Named", ["class", "a b", "c"])


class Place(qsdb.Product):
    x: qsdb.f32
    y: qsdb.f64 | None


class Stop(qsdb.Product):
    at: Place
    mood: Mood


ANNOTATIONS: list[object] = [
    bool,
    qsdb.u8,
    qsdb.i256,
    qsdb.f32,
    qsdb.f64,
    str,
    bytes,
    qsdb.Identity,
    qsdb.ConnectionId,
    qsdb.Timestamp,
    qsdb.TimeDuration,
    qsdb.ScheduleAt,
    uuid.UUID,
    Mood,
    Weekday,
    Named,
    Place,
    Stop,
    Place | Stop,
    qsdb.u8 | None,
    qsdb.f64 | None,
    qsdb.Identity | None,
    Mood | None,
    Place | None,
    Place | Stop | None,
    tuple[qsdb.u8, ...],
    tuple[qsdb.f64, ...],
    tuple[qsdb.f32 | None, ...],
    tuple[Mood, ...],
    tuple[Place | Stop, ...],
    tuple[tuple[str, ...], ...],
    tuple[qsdb.u8, str],
    tuple[qsdb.f64, Mood | None, tuple[Place, ...]],
    tuple[tuple[qsdb.f32, qsdb.f32], ...],
    tuple[list[str], Place] | None,
    tuple[str, ...] | None,
    list[str],
    list[qsdb.f64],
    list[list[Mood]],
    list[Place] | None,
]


def bound(annotation: object) -> Binding:
    return bind(annotation, find_record, lists=True)


bindings = st.sampled_from([bound(annotation) for annotation in ANNOTATIONS])


laws = settings(max_examples=max(200, settings().max_examples))
"""A binding is drawn first, so there must be some examples for each."""


def compiled(expression: Callable[[str, Names], str]) -> Callable[[object], Any]:
    names = Names()
    source = f"def it(x):\n    return {expression('x', names)}\n"
    function = compile_source("test of bindings", source, names)["it"]
    assert callable(function)
    return function


compiled_once = functools.cache(compiled)


def users_values(binding: Binding) -> SearchStrategy[object]:
    """Draw what users give: right values, and things that are none."""
    right = stored_values(binding.kind).map(binding.leave)
    return right | stored_likes() | st.just(Place(1.0, None)) | st.sampled_from(Mood)


def same(first: object, second: object) -> bool:
    """Whether two values are alike in type and, for floats, NaN included."""
    if type(first) is not type(second):
        return False
    if isinstance(first, Misfit) and isinstance(second, Misfit):
        return same(first.value, second.value)
    if isinstance(first, float) and isinstance(second, float):
        return first == second or (first != first and second != second)
    if isinstance(first, tuple | list) and isinstance(second, tuple | list):
        pairs = zip([*first], [*second], strict=False)
        return len([*first]) == len([*second]) and all(same(*pair) for pair in pairs)
    return first == second


@pytest.mark.slow
@laws
@given(bindings, st.data())
def test_what_entered_leaves_as_it_was(binding: Binding, data: st.DataObject) -> None:
    value = data.draw(stored_values(binding.kind).map(binding.leave))

    stored = binding.enter(value)

    assert same(binding.leave(stored), value)
    assert same(binding.kind.canonical(stored), stored)


@pytest.mark.slow
@laws
@given(bindings, st.data())
def test_what_does_not_fit_leaves_as_it_was(
    binding: Binding, data: st.DataObject
) -> None:
    value = data.draw(users_values(binding))

    left = binding.leave(binding.enter(value))

    assert same(left, value) or same(_as_list(left), _as_list(value))


def _as_list(value: object) -> object:
    """Sequences may become tuples or lists on their way."""
    if type(value) in (tuple, list):
        return [_as_list(item) for item in value]  # type: ignore[attr-defined]
    return value


@pytest.mark.slow
@laws
@given(bindings, st.data())
def test_generated_entering_is_entering(binding: Binding, data: st.DataObject) -> None:
    enter = compiled_once(binding.enter_source)
    value = data.draw(users_values(binding))

    assert same(enter(value), binding.enter(value))


@pytest.mark.slow
@laws
@given(bindings, st.data())
def test_what_is_not_doubted_is_admitted_as_it_is(
    binding: Binding, data: st.DataObject
) -> None:
    is_doubtful = compiled_once(binding.doubt)
    value = data.draw(users_values(binding))

    if not is_doubtful(value):
        assert same(binding.admit(value), value)


@pytest.mark.slow
@laws
@given(bindings, st.data())
def test_what_is_admitted_is_canonical(binding: Binding, data: st.DataObject) -> None:
    value = data.draw(users_values(binding))

    try:
        admitted = binding.admit(value)
    except MismatchError:
        return

    stored = binding.enter(admitted)
    assert same(binding.kind.canonical(stored), stored)
    assert same(binding.admit(admitted), admitted)


@pytest.mark.slow
@laws
@given(bindings, st.data())
def test_a_shown_value_reads_back(binding: Binding, data: st.DataObject) -> None:
    value = data.draw(stored_values(binding.kind).map(binding.leave))

    text = binding.show(value)

    public = {name: getattr(qsdb, name) for name in qsdb.__all__}
    names = {**public, **globals(), "UUID": uuid.UUID}
    assert same(eval(text, names), value)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (bool, 1),
        (qsdb.u8, True),
        (qsdb.u8, 256),
        (qsdb.u8, -1),
        (qsdb.u8, 1.0),
        (qsdb.u8, "1"),
        (qsdb.f64, True),
        (qsdb.f64, "1"),
        (qsdb.f32, 1e39),
        (str, b"a"),
        (str, "\ud800"),
        (bytes, "a"),
        (bytes, bytearray(b"a")),
        (qsdb.Identity, bytes(32)),
        (qsdb.Identity, qsdb.ConnectionId.ZERO),
        (qsdb.Timestamp, 0),
        (qsdb.Timestamp, qsdb.TimeDuration.from_micros(0)),
        (qsdb.ScheduleAt, (0, 0)),
        (uuid.UUID, bytes(16)),
        (Mood, 0),
        (Mood, Weekday.monday),
        (Weekday, 1),
        (Place, (1.0, None)),
        (Place, Place("x", None)),  # type: ignore[arg-type]
        (Place | Stop, (0, (1.0, None))),
        (Place | Stop, Stop(Place(1.0, None), 0)),  # type: ignore[arg-type]
        (tuple[str, ...], "ab"),
        (tuple[str, ...], ("a", 1)),
        (tuple[str, ...], Place(1.0, None)),
        (tuple[Mood, ...], [0]),
        (list[str], "ab"),
        (list[str], b"ab"),
        (list[Mood], [Mood.calm, 0]),
        (str, None),
        (str | None, 1),
    ],
    ids=repr,
)
def test_what_does_not_belong_is_not_admitted(
    annotation: object, value: object
) -> None:
    with pytest.raises(MismatchError):
        bound(annotation).admit(value)


@pytest.mark.parametrize(
    ("annotation", "value", "admitted"),
    [
        (qsdb.f64, 1, 1.0),
        (qsdb.f32, 0.1, 0.10000000149011612),
        (qsdb.f64 | None, 1, 1.0),
        (qsdb.f64 | None, None, None),
        (tuple[qsdb.f64, ...], [1, 2], (1.0, 2.0)),
        (list[qsdb.f64], (1, 2), [1.0, 2.0]),
        (list[qsdb.f64] | None, (1,), [1.0]),
        (list[list[str]], [("a",)], [["a"]]),
        (tuple[str, ...], ["a"], ("a",)),
        (tuple[qsdb.i64, ...], range(3), (0, 1, 2)),
        (Place, Place(1, 2), Place(1.0, 2.0)),
        (Place | Stop, Place(0.1, None), Place(0.10000000149011612, None)),
    ],
    ids=repr,
)
def test_what_is_admitted_takes_its_canonical_form(
    annotation: object, value: object, admitted: object
) -> None:
    got = bound(annotation).admit(value)

    assert same(got, admitted)


def test_admitted_lists_are_copies() -> None:
    given_list = [["a"], ["b"]]

    admitted = bound(list[list[str]]).admit(given_list)

    assert admitted == given_list
    assert isinstance(admitted, list)
    assert admitted is not given_list
    assert admitted[0] is not given_list[0]


@pytest.mark.parametrize("annotation", [qsdb.f64, qsdb.f32 | None])
def test_a_nan_enters_as_the_one_nan(annotation: object) -> None:
    assert bound(annotation).enter(float("nan")) is NAN
    assert bound(tuple[annotation, ...]).enter([float("nan")]) == (NAN,)  # type: ignore[valid-type]


def test_a_negative_zero_is_admitted_as_zero() -> None:
    admitted = bound(qsdb.f64).admit(-0.0)

    assert isinstance(admitted, float)
    assert math.copysign(1.0, admitted) == 1.0


@pytest.mark.parametrize(
    ("annotation", "value", "text"),
    [
        (qsdb.f64, math.inf, "float('inf')"),
        (qsdb.f64, -math.inf, "float('-inf')"),
        (qsdb.f64, math.nan, "float('nan')"),
        (qsdb.f64, -0.0, "-0.0"),
        (Mood, Mood.angry, "Mood.angry"),
        (Mood, "angry", "'angry'"),
        (Weekday, Weekday.monday, "Weekday.monday"),
        (Named, Named["class"], "Named['class']"),
        (Named, Named["a b"], "Named['a b']"),
        (Named, Named["c"], "Named.c"),
        (Mood | None, None, "None"),
        (tuple[Mood, ...], (Mood.calm,), "(Mood.calm,)"),
        (tuple[Mood, ...], (), "()"),
        (tuple[Mood, ...], (Mood.calm, Mood.angry), "(Mood.calm, Mood.angry)"),
        (tuple[Mood, ...], "x", "'x'"),
        (list[qsdb.f64], [math.inf], "[float('inf')]"),
    ],
    ids=repr,
)
def test_values_are_shown_as_they_are_written(
    annotation: object, value: object, text: str
) -> None:
    assert bound(annotation).show(value) == text


@pytest.mark.parametrize(
    ("annotation", "is_plain"),
    [
        (qsdb.u8, True),
        (qsdb.u8 | None, True),
        (str, True),
        (Mood, False),
        (Mood | None, False),
        (tuple[str, ...], False),
        (Place, False),
        (qsdb.Identity, False),
    ],
    ids=repr,
)
def test_plain_kinds_are_seen_as_they_are_stored(
    annotation: object, *, is_plain: bool
) -> None:
    assert bound(annotation).is_plain is is_plain


def test_misfits_are_values() -> None:
    assert Misfit(b"a") == Misfit(b"a")
    assert Misfit(b"a") != Misfit(b"b")
    assert Misfit(b"a") != b"a"
    assert Misfit(b"a") != b"a"
    assert hash(Misfit(b"a")) == hash(Misfit(b"a"))
    assert repr(Misfit(b"a")) == "b'a'"
    with pytest.raises(TypeError):
        hash(Misfit([]))


@pytest.mark.parametrize(
    "wrong", [(1,), (1, "a", 2), 5, "ab", Place(1.0, None), {1: "a", 2: "b"}]
)
def test_a_tuple_takes_as_many_values_as_it_has_kinds(wrong: object) -> None:
    binding = bound(tuple[qsdb.u8, Mood | None])

    entered = binding.enter(wrong)

    assert type(entered) is Misfit
    assert binding.leave(entered) is wrong
    with pytest.raises(MismatchError) as caught:
        binding.admit(wrong)
    assert caught.value.value is wrong
    assert caught.value.admitted == "a tuple[u8, Mood | None]"


def test_a_tuple_enters_and_leaves_and_is_shown_value_by_value() -> None:
    binding = bound(tuple[qsdb.f64, Mood | None])

    assert binding.enter([1.5, Mood.angry]) == (1.5, 1)
    assert binding.leave((1.5, 1)) == (1.5, Mood.angry)
    assert binding.admit([-0.0, None]) == (0.0, None)
    assert binding.show((math.inf, Mood.angry)) == "(float('inf'), Mood.angry)"
    assert binding.show("none of it") == "'none of it'"
    with pytest.raises(MismatchError, match=r"field 0 of tuple\[f64, Mood \| None\]"):
        binding.admit(("x", None))
