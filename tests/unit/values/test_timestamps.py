"""Points in time, spans, and schedules: exact arithmetic, and every bound."""

import datetime
import math
from collections.abc import Callable
from datetime import timedelta
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from qsdb.testing.clock import FakeClock
from qsdb.values.identity import Identity
from qsdb.values.timestamps import (
    MICROS_GREATEST,
    MICROS_LEAST,
    ScheduleAt,
    TimeDuration,
    Timestamp,
)

NOON = Timestamp.from_micros(1_709_208_000_000_000)
"""2024-02-29T12:00:00Z."""

SECOND = TimeDuration.from_micros(1_000_000)

FIRST, LAST = (
    Timestamp.from_stored(MICROS_LEAST),
    Timestamp.from_stored(MICROS_GREATEST),
)
SHORTEST = TimeDuration.from_stored(MICROS_LEAST)
LONGEST = TimeDuration.from_stored(MICROS_GREATEST)

DATETIME_FIRST = datetime.datetime.min.replace(tzinfo=datetime.UTC)
DATETIME_LAST = datetime.datetime.max.replace(tzinfo=datetime.UTC)

BOUNDS = f"{MICROS_LEAST} to {MICROS_GREATEST} microseconds"

micros = st.integers(MICROS_LEAST, MICROS_GREATEST)
timestamps = micros.map(Timestamp.from_micros)
durations = micros.map(TimeDuration.from_micros)


# Points in time


def test_micros_are_kept() -> None:
    assert Timestamp.from_micros(-5).micros == -5
    assert Timestamp.from_micros(-5).stored == -5
    assert Timestamp.EPOCH.micros == 0


@pytest.mark.parametrize("maker", [Timestamp, TimeDuration])
@pytest.mark.parametrize("value", [MICROS_LEAST - 1, MICROS_GREATEST + 1])
def test_micros_beyond_the_bounds_are_refused(maker: Any, value: int) -> None:
    with pytest.raises(OverflowError) as caught:
        maker.from_micros(value)

    assert str(value) in str(caught.value)
    assert f"a {maker.__name__}, which holds {BOUNDS}" in str(caught.value)


@pytest.mark.parametrize("maker", [Timestamp, TimeDuration])
@pytest.mark.parametrize("value", [1.0, True, "1", None])
def test_micros_that_are_no_int_are_refused(maker: Any, value: object) -> None:
    with pytest.raises(TypeError, match="microseconds must be an int, not"):
        maker.from_micros(value)


def test_datetimes_of_any_offset_are_taken() -> None:
    zone = datetime.timezone(timedelta(hours=1))
    moment = datetime.datetime(2024, 2, 29, 13, tzinfo=zone)

    assert Timestamp.from_datetime(moment) == NOON


def test_a_naive_datetime_is_refused() -> None:
    with pytest.raises(ValueError, match="is naive; give it a tzinfo"):
        Timestamp.from_datetime(datetime.datetime(2024, 2, 29))  # noqa: DTZ001


def test_what_is_no_datetime_is_refused() -> None:
    day: Any = datetime.date(2024, 2, 29)

    with pytest.raises(TypeError, match="is not a datetime"):
        Timestamp.from_datetime(day)


def test_datetimes_given_back_are_in_utc() -> None:
    moment = NOON.to_datetime()

    assert moment == datetime.datetime(2024, 2, 29, 12, tzinfo=datetime.UTC)
    assert moment.tzinfo is datetime.UTC


@pytest.mark.parametrize("edge", [DATETIME_FIRST, DATETIME_LAST])
def test_the_first_and_last_datetime_come_back(edge: datetime.datetime) -> None:
    assert Timestamp.from_datetime(edge).to_datetime() == edge


@pytest.mark.parametrize(
    ("edge", "step"),
    [(DATETIME_FIRST, -timedelta.resolution), (DATETIME_LAST, timedelta.resolution)],
)
def test_what_no_datetime_holds_is_refused(
    edge: datetime.datetime, step: timedelta
) -> None:
    beyond = Timestamp.from_datetime(edge) + step

    with pytest.raises(OverflowError, match="outside the years 1 to 9999") as caught:
        beyond.to_datetime()

    assert str(beyond) in str(caught.value)


def test_text_is_written_and_read() -> None:
    assert str(NOON) == "2024-02-29T12:00:00Z"
    assert Timestamp.parse("2024-02-29T13:00:00+01:00") == NOON
    assert repr(NOON) == "Timestamp.parse('2024-02-29T12:00:00Z')"


def test_text_beyond_the_bounds_is_refused() -> None:
    with pytest.raises(OverflowError, match=f"a Timestamp, which holds {BOUNDS}"):
        Timestamp.parse("+294247-01-10T04:00:54.775808Z")


@given(timestamps)
def test_text_and_repr_are_read_back(moment: Timestamp) -> None:
    assert Timestamp.parse(str(moment)) == moment
    assert eval(repr(moment)) == moment


@given(st.datetimes(timezones=st.just(datetime.UTC)))
def test_datetimes_come_back(moment: datetime.datetime) -> None:
    assert Timestamp.from_datetime(moment).to_datetime() == moment


@given(timestamps, timestamps)
def test_order_is_that_of_the_micros(first: Timestamp, second: Timestamp) -> None:
    assert (first < second) == (first.micros < second.micros)
    assert (first == second) == (first.micros == second.micros)


# Arithmetic


@pytest.mark.parametrize("span", [SECOND, timedelta(seconds=1)])
def test_a_span_moves_a_point(span: Any) -> None:
    later = Timestamp.from_micros(NOON.micros + 1_000_000)

    assert NOON + span == later
    assert span + NOON == later
    assert later - span == NOON


def test_points_are_a_span_apart() -> None:
    forth, back = NOON - Timestamp.EPOCH, Timestamp.EPOCH - NOON

    assert forth == TimeDuration.from_micros(NOON.micros)
    assert back == TimeDuration.from_micros(-NOON.micros)


@pytest.mark.parametrize("span", [SECOND, timedelta(seconds=1)])
def test_spans_add_up(span: Any) -> None:
    half = TimeDuration.from_micros(500_000)

    assert half + span == span + half == TimeDuration.from_micros(1_500_000)
    assert half - span == TimeDuration.from_micros(-500_000)
    assert span - half == half


def test_spans_are_multiplied() -> None:
    assert SECOND * 90 == 90 * SECOND == TimeDuration.from_seconds(90)
    assert (SECOND * -2).micros == -2_000_000


@pytest.mark.parametrize("times", [1.5, True, "2"])
def test_spans_are_multiplied_by_ints_alone(times: Any) -> None:
    with pytest.raises(TypeError):
        _ = SECOND * times


def test_spans_have_signs() -> None:
    assert (-SECOND).micros == -1_000_000
    assert abs(-SECOND) == abs(SECOND) == SECOND


def test_only_the_empty_span_is_false() -> None:
    assert not TimeDuration.from_micros(0)
    assert TimeDuration.from_micros(-1)


@pytest.mark.parametrize(
    "expression",
    [
        "LAST + SECOND",
        "SECOND + LAST",
        "FIRST - SECOND",
        "LAST - FIRST",
        "FIRST - LAST",
        "LAST + timedelta.max",
        "LONGEST + SECOND",
        "SHORTEST - SECOND",
        "timedelta.max - SECOND",
        "-SHORTEST",
        "LONGEST * 2",
        "abs(SHORTEST)",
        "TimeDuration.from_timedelta(timedelta.max)",
        "TimeDuration.from_timedelta(timedelta.min)",
        "TimeDuration.from_seconds(1e13)",
        "TimeDuration.from_seconds(-(10**13))",
        "TimeDuration.from_seconds(math.inf)",
        "TimeDuration.from_seconds(-math.inf)",
        "ScheduleAt.interval(timedelta.max)",
    ],
)
def test_a_result_beyond_the_bounds_is_refused(expression: str) -> None:
    with pytest.raises(OverflowError, match=f"do not fit .* which holds {BOUNDS}"):
        eval(expression)


@pytest.mark.parametrize(
    "expression",
    [
        "NOON + NOON",
        "NOON + 1",
        "1 + NOON",
        "NOON - 1",
        "1 - NOON",
        "NOON - NOON.to_datetime()",
        "SECOND - NOON",
        "SECOND + 1",
        "1 + SECOND",
        "SECOND - 1",
        "1 - SECOND",
        "NOON.to_datetime() - SECOND",
    ],
)
def test_arithmetic_with_anything_else_is_refused(expression: str) -> None:
    with pytest.raises(TypeError, match="unsupported operand"):
        eval(expression)


@given(timestamps, durations)
def test_subtraction_undoes_addition(moment: Timestamp, span: TimeDuration) -> None:
    assume(MICROS_LEAST <= moment.micros + span.micros <= MICROS_GREATEST)

    assert (moment + span) - span == moment
    assert (moment + span) - moment == span


@given(durations, durations)
def test_spans_are_exact_numbers(first: TimeDuration, second: TimeDuration) -> None:
    assume(MICROS_LEAST <= first.micros + second.micros <= MICROS_GREATEST)

    assert (first + second).micros == first.micros + second.micros
    assert (first + second) - second == first
    assert (first < second) == (first.micros < second.micros)


# Spans


@pytest.mark.parametrize(
    ("seconds", "span_micros"),
    [
        (0, 0),
        (1.5, 1_500_000),
        (-1.5, -1_500_000),
        (3, 3_000_000),
        (0.1, 100_000),
        (4e-7, 0),
        (6e-7, 1),
        (-6e-7, -1),
        (1 / 128, 7_812),
        (3 / 128, 23_438),
        (-1 / 128, -7_812),
        (-3 / 128, -23_438),
        (9_223_372_036_854, 9_223_372_036_854_000_000),
    ],
)
def test_seconds_are_rounded_to_the_nearest_microsecond(
    seconds: float, span_micros: int
) -> None:
    assert TimeDuration.from_seconds(seconds).micros == span_micros


@given(st.floats(-9e12, 9e12))
def test_rounding_of_seconds_is_exact(seconds: float) -> None:
    nearest = round(Fraction(seconds) * 1_000_000)

    assert TimeDuration.from_seconds(seconds).micros == nearest


def test_nan_seconds_are_refused() -> None:
    with pytest.raises(ValueError, match="nan seconds are not a TimeDuration"):
        TimeDuration.from_seconds(math.nan)


def test_seconds_that_are_no_number_are_refused() -> None:
    text: Any = "1"

    with pytest.raises(TypeError, match="seconds must be a number, not '1'"):
        TimeDuration.from_seconds(text)


def test_seconds_are_given_back() -> None:
    assert TimeDuration.from_micros(-1_500_000).seconds == -1.5


def test_what_is_no_timedelta_is_refused() -> None:
    number: Any = 5

    with pytest.raises(TypeError, match="5 is not a timedelta"):
        TimeDuration.from_timedelta(number)


@given(durations)
def test_every_span_fits_a_timedelta(span: TimeDuration) -> None:
    assert TimeDuration.from_timedelta(span.to_timedelta()) == span
    assert span.to_timedelta() // timedelta.resolution == span.micros


@pytest.mark.parametrize(
    ("span_micros", "text"),
    [
        (1_500_000, "+1.500000"),
        (-1_500_000, "-1.500000"),
        (0, "+0.000000"),
        (-1, "-0.000001"),
        (90_000_000_001, "+90000.000001"),
        (MICROS_LEAST, "-9223372036854.775808"),
    ],
)
def test_text_of_a_span_is_sign_seconds_and_six_digits(
    span_micros: int, text: str
) -> None:
    assert str(TimeDuration.from_micros(span_micros)) == text


# Schedules


@pytest.mark.parametrize("when", [NOON, NOON.to_datetime()])
def test_a_time_is_kept(when: Any) -> None:
    schedule = ScheduleAt.time(when)

    assert schedule.stored == (1, NOON.micros)
    assert schedule.value == NOON
    assert schedule.is_time
    assert not schedule.is_interval
    assert repr(schedule) == "ScheduleAt.time(Timestamp.parse('2024-02-29T12:00:00Z'))"


@pytest.mark.parametrize("span", [SECOND, timedelta(seconds=1)])
def test_an_interval_is_kept(span: Any) -> None:
    schedule = ScheduleAt.interval(span)

    assert schedule.stored == (0, 1_000_000)
    assert schedule.value == SECOND
    assert schedule.is_interval
    assert not schedule.is_time
    assert repr(schedule) == "ScheduleAt.interval(TimeDuration.from_micros(1000000))"


def test_a_time_and_an_interval_of_equal_micros_differ() -> None:
    time = ScheduleAt.time(Timestamp.from_micros(5))
    interval = ScheduleAt.interval(TimeDuration.from_micros(5))

    assert time != interval


def test_schedules_can_be_matched() -> None:
    match ScheduleAt.time(NOON):
        case ScheduleAt(TimeDuration()):
            found = "interval"
        case ScheduleAt(Timestamp() as when):
            found = str(when)
        case _:
            found = "neither"

    assert found == str(NOON)


@pytest.mark.parametrize("value", [SECOND, timedelta(1), 5, None])
def test_a_time_of_a_wrong_type_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="is not a Timestamp"):
        ScheduleAt.time(value)


def test_a_time_that_is_naive_is_refused() -> None:
    with pytest.raises(ValueError, match="is naive"):
        ScheduleAt.time(datetime.datetime(2024, 2, 29))  # noqa: DTZ001


@pytest.mark.parametrize("value", [NOON, NOON.to_datetime(), 5, None])
def test_an_interval_of_a_wrong_type_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="is not a TimeDuration"):
        ScheduleAt.interval(value)


HUGE = 10**5000
"""More digits than Python writes."""


@pytest.mark.parametrize(
    "make",
    [
        lambda: Timestamp.from_micros(HUGE),
        lambda: TimeDuration.from_micros(-HUGE),
        lambda: TimeDuration.from_seconds(HUGE),
        lambda: TimeDuration.from_micros(1) * HUGE,
        lambda: FakeClock().advance(HUGE),
    ],
    ids=["moment", "span", "seconds", "product", "clock"],
)
def test_numbers_of_any_length_overflow(make: Callable[[], object]) -> None:
    with pytest.raises(OverflowError, match=f"which holds {BOUNDS}"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        Timestamp.from_datetime,
        Timestamp.parse,
        TimeDuration.from_timedelta,
        ScheduleAt.time,
        ScheduleAt.interval,
        Identity.from_hex,
        FakeClock,
    ],
)
def test_what_is_refused_may_be_of_any_length(make: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError, match=" … "):
        make(HUGE)
