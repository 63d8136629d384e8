"""What columns hold: range, canonical form, order and default of each kind.

The laws at the end hold for every kind, also for those made of others:

1. a value that is not suspect is canonical already;
2. `canonical` refuses with MismatchError alone, and changes nothing twice;
3. canonical values that Python calls equal are the same, down to the bits;
4. order keys sort as the order is documented.
"""

import functools
import math
import struct
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qsdb.values import kinds as k
from qsdb.values.compounds import ArrayKind, OptionKind, ProductKind, SumKind
from qsdb.values.kinds import Kind, MismatchError, Stored
from qsdb.values.misfits import Misfit
from qsdb.values.source import Names, compile_source
from tests.support.strategies import SCALAR_KINDS, kinds, rough_values, stored_values

F32_GREATEST = 3.4028234663852886e38
OTHER_NAN = struct.unpack("<d", struct.pack("<Q", 0xFFF8_0000_0000_0001))[0]

INT_KINDS = [kind for kind in SCALAR_KINDS if isinstance(kind, k.IntKind)]
MICROS_KINDS = [k.TIMESTAMP, k.TIME_DURATION]
BYTES_KINDS = [k.IDENTITY, k.CONNECTION_ID, k.UUID]

each_scalar = pytest.mark.parametrize("kind", SCALAR_KINDS, ids=lambda kind: kind.name)


def same(first: Stored, second: Stored) -> bool:
    """Whether two stored values are the same in type and in bits."""
    if type(first) is not type(second):
        return False
    if isinstance(first, tuple) and isinstance(second, tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, float) and isinstance(second, float):
        return first is second or struct.pack("d", first) == struct.pack("d", second)
    return first == second


def suspect_function(kind: Kind) -> Callable[[Stored], bool]:
    names = Names()
    source = f"def is_suspect(x):\n    return {kind.suspicion('x', names)}\n"
    return compiled("is_suspect", source, names)


def compiled(name: str, source: str, names: Names) -> Callable[..., Any]:
    function = compile_source("test of kinds", source, names)[name]
    assert callable(function)
    return function


def admitted(kind: Kind, value: Stored) -> str:
    """Give the words in which `kind` refuses `value`."""
    with pytest.raises(MismatchError) as caught:
        kind.canonical(value)
    assert caught.value.value is value
    return caught.value.admitted


# Each kind


@pytest.mark.parametrize(
    ("kind", "name", "default"),
    [
        (k.BOOL, "bool", False),
        (k.I8, "i8", 0),
        (k.U256, "u256", 0),
        (k.F32, "f32", 0.0),
        (k.F64, "f64", 0.0),
        (k.STR, "str", ""),
        (k.BYTES, "bytes", b""),
        (k.IDENTITY, "Identity", bytes(32)),
        (k.CONNECTION_ID, "ConnectionId", bytes(16)),
        (k.UUID, "UUID", bytes(16)),
        (k.TIMESTAMP, "Timestamp", 0),
        (k.TIME_DURATION, "TimeDuration", 0),
        (k.SCHEDULE_AT, "ScheduleAt", (0, 0)),
    ],
)
def test_names_are_those_of_annotations(kind: Kind, name: str, default: Stored) -> None:
    assert kind.name == name
    assert same(kind.default, default)


@each_scalar
def test_default_is_canonical(kind: Kind) -> None:
    assert same(kind.canonical(kind.default), kind.default)


@each_scalar
def test_a_key_is_doubted_where_its_type_is_another(kind: Kind) -> None:
    names = Names()
    source = f"def is_doubted(x):\n    return {kind.key_doubt('x', names)}\n"
    is_doubted = compiled("is_doubted", source, names)

    assert not is_doubted(kind.default) or kind in (k.F32, k.F64)
    for value in (
        None,
        object(),
        True if kind != k.BOOL else 1,
        "" if kind != k.STR else b"",
    ):
        assert is_doubted(value)


@each_scalar
@pytest.mark.parametrize("value", [None, [], {}, object(), Misfit(1), bytearray(16)])
def test_what_is_never_stored_is_refused(kind: Kind, value: object) -> None:
    assert suspect_function(kind)(value)
    with pytest.raises(MismatchError):
        kind.canonical(value)


@pytest.mark.parametrize("value", [0, 1, 1.0, "True"])
def test_bool_takes_no_number(value: Stored) -> None:
    assert admitted(k.BOOL, value) == "a bool"


@pytest.mark.parametrize("kind", INT_KINDS, ids=lambda kind: kind.name)
def test_ints_are_taken_up_to_their_bounds(kind: k.IntKind) -> None:
    span = kind.greatest - kind.least

    assert span == (1 << kind.bits) - 1
    assert (kind.least < 0) == kind.signed
    assert kind.canonical(kind.least) == kind.least
    assert kind.canonical(kind.greatest) == kind.greatest
    for beyond in (kind.least - 1, kind.greatest + 1):
        words = admitted(kind, beyond)
        assert words == f"an int from {kind.least} to {kind.greatest}"


@pytest.mark.parametrize("kind", INT_KINDS, ids=lambda kind: kind.name)
def test_an_int_is_suspect_where_it_is_refused(kind: k.IntKind) -> None:
    edges = (kind.least, kind.greatest, -k.DIGIT_MAX, k.DIGIT_MAX, 0)
    is_suspect = suspect_function(kind)

    for value in {edge + step for edge in edges for step in (-1, 0, 1)}:
        assert is_suspect(value) == (not kind.least <= value <= kind.greatest)


@pytest.mark.parametrize("value", [True, 1.0, "1"])
def test_ints_take_nothing_that_only_equals_one(value: Stored) -> None:
    assert admitted(k.U8, value) == "an int from 0 to 255"


@pytest.mark.parametrize("kind", [k.F32, k.F64], ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    ("value", "canonical"),
    [
        (1.5, 1.5),
        (3, 3.0),
        (0.0, 0.0),
        (-0.0, 0.0),
        (0, 0.0),
        (math.inf, math.inf),
        (-math.inf, -math.inf),
    ],
)
def test_numbers_have_one_form(kind: Kind, value: Stored, canonical: float) -> None:
    assert same(kind.canonical(value), canonical)


@pytest.mark.parametrize("kind", [k.F32, k.F64], ids=lambda kind: kind.name)
@pytest.mark.parametrize(
    "value",
    [math.nan, float("nan"), -math.nan, OTHER_NAN],
    ids=["math", "new", "negative", "payload"],
)
def test_every_nan_becomes_the_one_nan(kind: Kind, value: float) -> None:
    assert kind.canonical(value) is k.NAN
    assert value is k.NAN or suspect_function(kind)(value)


@pytest.mark.parametrize("kind", [k.F32, k.F64], ids=lambda kind: kind.name)
def test_negative_zero_is_suspect_and_common_numbers_are_not(kind: Kind) -> None:
    is_suspect = suspect_function(kind)

    assert is_suspect(-0.0)
    assert not any(map(is_suspect, [1.0, -2.5, math.inf, -math.inf]))


@pytest.mark.parametrize(
    ("value", "canonical"),
    [
        (0.1, 0.10000000149011612),
        (16_777_217, 16_777_216.0),
        (1e-46, 0.0),
        (-1e-46, 0.0),
        (F32_GREATEST * (1 + 1e-9), F32_GREATEST),
    ],
)
def test_singles_are_rounded(value: Stored, canonical: float) -> None:
    assert suspect_function(k.F32)(value)
    assert same(k.F32.canonical(value), canonical)


@pytest.mark.parametrize("value", [1e39, -1e39, 10**39, 10**400, "1", True])
def test_singles_take_no_more_than_they_hold(value: Stored) -> None:
    assert suspect_function(k.F32)(value)
    assert admitted(k.F32, value) == (
        "a number from -3.4028234663852886e+38 to 3.4028234663852886e+38, "
        "an infinity or NaN"
    )


@pytest.mark.parametrize("value", [10**400, -(10**400), "1", True])
def test_doubles_take_no_more_than_they_hold(value: Stored) -> None:
    assert admitted(k.F64, value) == (
        "a number from -1.7976931348623157e+308 to 1.7976931348623157e+308, "
        "an infinity or NaN"
    )


@pytest.mark.parametrize("value", ["", "abc", "é", "\U0001f40d"])
def test_text_is_taken(value: str) -> None:
    assert k.STR.canonical(value) is value
    assert not suspect_function(k.STR)(value)


@pytest.mark.parametrize("value", ["\ud800", "a\udfff", b"abc"])
def test_text_that_is_no_unicode_is_refused(value: Stored) -> None:
    assert suspect_function(k.STR)(value)
    assert admitted(k.STR, value) == "a str of valid Unicode"


def test_bytes_take_no_text() -> None:
    assert k.BYTES.canonical(b"\xff") == b"\xff"
    assert admitted(k.BYTES, "abc") == "a bytes object"


@pytest.mark.parametrize("kind", BYTES_KINDS, ids=lambda kind: kind.name)
def test_numbers_of_fixed_size_take_that_size_alone(kind: k.BigEndianKind) -> None:
    article = "a" if kind is k.CONNECTION_ID else "an"

    assert kind.canonical(b"\xff" * kind.size) == b"\xff" * kind.size
    for size in (0, kind.size - 1, kind.size + 1):
        assert admitted(kind, bytes(size)) == f"{article} {kind.name}"


@pytest.mark.parametrize("kind", MICROS_KINDS, ids=lambda kind: kind.name)
def test_micros_are_taken_up_to_their_bounds(kind: k.MicrosKind) -> None:
    least, greatest = -(1 << 63), (1 << 63) - 1

    assert kind.canonical(least) == least
    assert kind.canonical(greatest) == greatest
    for other in (least - 1, greatest + 1, True, 1.0):
        assert admitted(kind, other) == f"a {kind.name}"


@pytest.mark.parametrize("value", [(0, 5), (1, -5), (1, (1 << 63) - 1)])
def test_schedules_are_taken(value: Stored) -> None:
    assert k.SCHEDULE_AT.canonical(value) is value
    assert not suspect_function(k.SCHEDULE_AT)(value)


@pytest.mark.parametrize(
    "value",
    [
        *(5, (), (1,), (0, 1, 2), (2, 5), (-1, 5), (True, 5), (0, 5.0), (0, True)),
        *((0, 1 << 63), (1, -(1 << 63) - 1), [0, 5]),
    ],
)
def test_what_is_no_schedule_is_refused(value: Stored) -> None:
    assert suspect_function(k.SCHEDULE_AT)(value)
    assert admitted(k.SCHEDULE_AT, value) == "a ScheduleAt"


# Values that fit nowhere


def test_a_misfit_reads_like_its_value() -> None:
    assert repr(Misfit(b"x")) == "b'x'"


def test_a_mismatch_tells_what_a_misfit_holds() -> None:
    mismatch = MismatchError(Misfit(5), "a bool")

    assert mismatch.value == 5
    assert mismatch.admitted == "a bool"


# Laws of all kinds


@st.composite
def kinds_and_rough_values(draw: st.DrawFn) -> tuple[Kind, Stored]:
    kind = draw(kinds())
    return kind, draw(rough_values(kind))


@st.composite
def kinds_and_values(draw: st.DrawFn) -> tuple[Kind, list[Stored]]:
    kind = draw(kinds())
    return kind, draw(st.lists(stored_values(kind), min_size=2, max_size=5))


@given(kinds_and_rough_values())
def test_what_is_not_suspect_is_canonical(pair: tuple[Kind, Stored]) -> None:
    kind, value = pair

    if not suspect_function(kind)(value):
        assert same(kind.canonical(value), value)


@given(kinds_and_rough_values())
def test_canonical_refuses_or_is_stable(pair: tuple[Kind, Stored]) -> None:
    kind, value = pair

    try:
        canonical = kind.canonical(value)
    except MismatchError:
        return

    assert same(kind.canonical(canonical), canonical)


@given(kinds())
def test_defaults_are_canonical(kind: Kind) -> None:
    assert same(kind.canonical(kind.default), kind.default)
    assert kind.name


@given(kinds_and_values())
def test_canonical_values_are_taken_as_they_are(
    pair: tuple[Kind, list[Stored]],
) -> None:
    kind, values = pair

    assert all(same(kind.canonical(value), value) for value in values)


@given(kinds_and_values())
def test_equal_means_the_same(pair: tuple[Kind, list[Stored]]) -> None:
    _, (first, second, *_) = pair

    assert ((first,) == (second,)) == same(first, second)


@given(kinds_and_values())
def test_keys_sort_as_the_order_is_documented(pair: tuple[Kind, list[Stored]]) -> None:
    kind, values = pair
    documented = functools.cmp_to_key(functools.partial(compare, kind))

    assert in_order(kind, values) == sorted(values, key=documented)


@given(kinds_and_values())
def test_generated_keys_are_those_of_order(pair: tuple[Kind, list[Stored]]) -> None:
    kind, values = pair
    names = Names()
    source = f"def key(x):\n    return {kind.order_source('x', names)}\n"
    key = compiled("key", source, names)

    assert [key(value) for value in values] == [
        value if kind.is_naturally_ordered else kind.order(value) for value in values
    ]


@given(kinds_and_values())
def test_naturally_ordered_values_need_no_key(pair: tuple[Kind, list[Stored]]) -> None:
    kind, values = pair

    if kind.is_naturally_ordered:
        plain: list[Any] = list(values)
        assert sorted(plain) == in_order(kind, values)


def in_order(kind: Kind, values: list[Stored]) -> list[Stored]:
    key: Any = kind.order
    return sorted(values, key=key)


def compare(kind: Kind, first: Any, second: Any) -> int:
    """Give -1, 0 or 1, by the documented order alone: the slow twin of `order`."""
    match kind:
        case OptionKind() if first is None or second is None:
            return (first is None) - (second is None)
        case OptionKind():
            return compare(kind.inner, first, second)
        case ArrayKind() | ProductKind() | SumKind():
            return compare_parts(kind, first, second)
        case k.FloatKind() if math.isnan(first) or math.isnan(second):
            return math.isnan(first) - math.isnan(second)
        case _:
            return sign(first, second)


def compare_parts(
    kind: ArrayKind | ProductKind | SumKind, first: Any, second: Any
) -> int:
    """Let the first difference decide; then the longer array is greater."""
    match kind:
        case ArrayKind():
            parts, ending = [kind.item] * len(first), sign(len(first), len(second))
        case ProductKind():
            parts, ending = [field.kind for field in kind.fields], 0
        case SumKind() if first[0] == second[0]:
            return compare(kind.variants[first[0]].kind, first[1], second[1])
        case _:
            return sign(first[0], second[0])
    triples = zip(parts, first, second, strict=False)
    steps = [compare(*triple) for triple in triples]
    return next((step for step in steps if step), ending)


def sign(first: Any, second: Any) -> int:
    return int(first > second) - int(first < second)
