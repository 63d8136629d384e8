"""Functions of single values, against their twin; and calls that are refused."""

import math

import pytest

from qsdb.errors import QueryError
from qsdb.sql.functions import FUNCTIONS, NUMBERS, cast_to, function_of
from qsdb.sql.moments import TRUNCATIONS, Calendar
from qsdb.values.kinds import (
    F64,
    I8,
    I64,
    STR,
    TIMESTAMP,
    U8,
    IntKind,
    Kind,
    Stored,
)
from tests.unit.sql.function_judge import called

TEXTS = ("", " a ", "abcab", "Straße É", "  ")
DAY = 86_400_000_000
MOMENTS = (
    *(0, -1, 1, DAY - 1, -DAY, 951_782_400_000_000, 951_868_799_999_999),
    *(-62_135_596_800_000_000, 253_402_300_799_999_999, 1_709_208_000_000_000),
)
FLOATS = (0.0, 0.5, -0.5, 2.5, -2.5, 0.49999999999999994, 1e300, float("inf"))


def given() -> list[tuple[str, Kind, tuple[Stored, ...]]]:
    """Give calls: of each function, and the kind of its first argument."""
    calls: list[tuple[str, Kind, tuple[Stored, ...]]] = []
    for text in TEXTS:
        calls += [(name, STR, (text,)) for name in ("LOWER", "UPPER", "LENGTH")]
        calls += [(name, STR, (text,)) for name in ("TRIM", "LTRIM", "RTRIM")]
        for other in ("", "a", "ab", "x"):
            calls.append(("INSTR", STR, (text, other)))
            calls.append(("CONCAT", STR, (text, other, "!")))
            calls.append(("REPLACE", STR, (text, other, "-")))
        for start in (-2, 0, 1, 2, 9):
            calls.append(("SUBSTR", STR, (text, start)))
            calls += [("SUBSTR", STR, (text, start, n)) for n in (-1, 0, 1, 3)]
    for moment in MOMENTS:
        parts = ("YEAR", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "DATE", "MICROS")
        calls += [(name, TIMESTAMP, (moment,)) for name in parts]
        calls += [("DATE_TRUNC", STR, (unit, moment)) for unit in TRUNCATIONS]
    for number in FLOATS:
        calls += [(name, F64, (number,)) for name in ("ROUND", "FLOOR", "CEIL", "ABS")]
    return [*calls, ("ABS", I64, (-3,)), ("ABS", I8, (127,))]


def test_functions_give_what_their_twin_gives() -> None:
    calls = given()
    for name, kind, arguments in calls:
        made = FUNCTIONS[name].make(kind, None)
        assert made(*arguments) == called(name, kind, [*arguments]), (name, arguments)
    assert {name for name, _, _ in calls} == set(FUNCTIONS)


def test_units_may_be_in_any_case() -> None:
    assert FUNCTIONS["DATE_TRUNC"].make(STR, None)("DAY", DAY + 5) == DAY


@pytest.mark.parametrize(
    ("name", "kind", "arguments", "reason"),
    [
        ("ABS", I8, (-128,), "the result 128 is not i8"),
        ("DATE_TRUNC", STR, ("eon", 0), "'eon' is none of year, month, week, day"),
        ("DATE_TRUNC", STR, ("year", -(2**63)), "this begins before all Timestamps"),
    ],
)
def test_functions_fail_where_they_have_nothing_to_give(
    name: str, kind: Kind, arguments: tuple[Stored, ...], reason: str
) -> None:
    assert FUNCTIONS[name].can_fail
    with pytest.raises(QueryError, match=reason):
        FUNCTIONS[name].make(kind, None)(*arguments)


WHOLE = (0, 1, -1, 255, 256, -128, 2**24 + 1, 2**63, -(2**63), 2**200 + 1)


@pytest.mark.parametrize("kind", [*{each.name: each for each in NUMBERS.values()}])
def test_numbers_are_taken_into_other_kinds(kind: str) -> None:
    target = NUMBERS[kind]
    function = function_of(cast_to(target))
    assert function.can_fail is isinstance(target, IntKind)
    assert function.gives == target
    cast = function.make(I64, None)
    for value in (*WHOLE, *FLOATS, 7.999, -7.999, 0.1):
        is_endless = isinstance(value, float) and math.isinf(value)
        if is_endless and isinstance(target, IntKind):
            with pytest.raises(QueryError, match=f"inf has no place in {kind}"):
                cast(value)
            continue
        expected = called(cast_to(target), target, [value])
        if expected is None:
            with pytest.raises(QueryError, match=f"is not {kind} "):
                cast(value)
            continue
        found = cast(value)
        assert (found, type(found)) == (expected, type(expected))


def test_what_is_no_number_is_told() -> None:
    nan = function_of(cast_to(F64)).make(F64, None)(float("nan"))
    assert isinstance(nan, float)
    assert math.isnan(nan)
    with pytest.raises(QueryError, match="nan has no place in u8"):
        function_of(cast_to(U8)).make(F64, None)(float("nan"))


def test_the_calendar_reaches_as_far_as_timestamps_do() -> None:
    assert Calendar.part("year", 2**63 - 1) == 294_247
    assert Calendar.date_text(-(2**63)) == "-290308-12-21"
