"""Text of points in time: what is written, what is read, what is refused."""

import datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from qsdb.values.rfc3339 import CYCLE_YEARS, format_micros, parse_micros

LEAST, GREATEST = -(1 << 63), (1 << 63) - 1
YEAR_10000 = 253_402_300_800_000_000

NOON = 1_709_208_000_000_000
"""2024-02-29T12:00:00Z."""


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1, "1970-01-01T00:00:00.000001Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (NOON, "2024-02-29T12:00:00Z"),
        (1_500_000, "1970-01-01T00:00:01.500000Z"),
        (YEAR_10000 - 1, "9999-12-31T23:59:59.999999Z"),
        (YEAR_10000, "+10000-01-01T00:00:00Z"),
        (-62_135_596_800_000_000, "0001-01-01T00:00:00Z"),
        (-62_135_596_800_000_001, "0000-12-31T23:59:59.999999Z"),
        (-62_167_219_200_000_001, "-0001-12-31T23:59:59.999999Z"),
        (LEAST, "-290308-12-21T19:59:05.224192Z"),
        (GREATEST, "+294247-01-10T04:00:54.775807Z"),
    ],
)
def test_known_moments_are_written_and_read(micros: int, text: str) -> None:
    assert format_micros(micros) == text
    assert parse_micros(text) == micros


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-29T13:00:00+01:00",
        "2024-02-29T11:30:00-00:30",
        "2024-03-01T11:59:00+23:59",
        "2024-02-29T12:00:00-00:00",
        "2024-02-29t12:00:00z",
        "2024-02-29 12:00:00Z",
        "2024-02-29T12:00:00.0Z",
        "2024-02-29T12:00:00.0000009Z",
        "+2024-02-29T12:00:00Z",
        "+002024-02-29T12:00:00Z",
    ],
)
def test_other_ways_to_write_a_moment_are_read(text: str) -> None:
    assert parse_micros(text) == NOON


@pytest.mark.parametrize(
    ("fraction", "micros"),
    [(".5", 500_000), (".000001", 1), (".1234567", 123_456), (".999999999", 999_999)],
)
def test_digits_after_the_microseconds_are_cut_off(fraction: str, micros: int) -> None:
    assert parse_micros(f"2024-02-29T12:00:00{fraction}Z") == NOON + micros
    assert parse_micros(f"1969-12-31T23:59:59{fraction}Z") == micros - 1_000_000


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Z",
        "-",
        "2024-02-29",
        "2024-02-29T12:00Z",
        "2024-02-29T12:00:00",
        "20240229T120000Z",
        "2024-W09-4T12:00:00Z",
        "2024-060T12:00:00Z",
        "2024-02-29T12:00:00.Z",
        "2024-02-29T12:00:00,5Z",
        "2024-02-29T12:00:00.5_0Z",
        "2024-02-29T12:00:00Z ",
        " 2024-02-29T12:00:00Z",
        "2024-02-29_12:00:00Z",
        "2024-02-29T12:00:00+0100",
        "2024-02-29T12:00:00+01",
        "2024-02-29T12:00:00+01:00:00",
        "2024-02-29T12:00:00+24:00",
        "2024-02-29T12:00:00+23:60",
        "2024-02-29T24:00:00Z",
        "2024-02-29T12:60:00Z",
        "2024-02-29T12:00:60Z",
        "2023-02-29T12:00:00Z",
        "2024-13-01T12:00:00Z",
        "2024-00-01T12:00:00Z",
        "2024-01-00T12:00:00Z",
        "024-02-29T12:00:00Z",
        "02024-02-29T12:00:00Z",
        "+024-02-29T12:00:00Z",
        "+0002024-02-29T12:00:00Z",
        "--2024-02-29T12:00:00Z",
        "2_24-02-29T12:00:00Z",
        "\u0662\u0660\u0662\u0664-02-29T12:00:00Z",
        "2024-0\u0662-29T12:00:00Z",
        "2024-02-29T12:00:00.\u0665Z",
    ],
)
def test_other_text_is_refused_by_name(text: str) -> None:
    with pytest.raises(ValueError, match="is not a moment in RFC 3339") as caught:
        parse_micros(text)

    assert repr(text) in str(caught.value)


def test_what_is_no_text_is_refused() -> None:
    data: Any = b"2024-02-29T12:00:00Z"

    with pytest.raises(TypeError, match="read from a str, not from b'2024"):
        parse_micros(data)


@given(st.integers(LEAST, GREATEST))
def test_what_is_written_is_read_back(micros: int) -> None:
    assert parse_micros(format_micros(micros)) == micros


@given(st.datetimes(timezones=st.just(datetime.UTC)))
@example(datetime.datetime.min.replace(tzinfo=datetime.UTC))
@example(datetime.datetime.max.replace(tzinfo=datetime.UTC))
def test_text_is_that_of_datetime(moment: datetime.datetime) -> None:
    text = moment.isoformat().replace("+00:00", "Z")

    assert format_micros(parse_micros(text)) == text


@given(st.integers(LEAST, GREATEST), st.integers(-3, 3))
def test_the_calendar_repeats(micros: int, cycles: int) -> None:
    later = micros + cycles * 146_097 * 86_400_000_000
    year, rest = format_micros(micros)[:-1].rsplit("-", 2)[0], format_micros(micros)
    later_year = format_micros(later)[:-1].rsplit("-", 2)[0]

    assert int(later_year) == int(year) + cycles * CYCLE_YEARS
    assert format_micros(later).removeprefix(later_year) == rest.removeprefix(year)


@given(st.text(alphabet="0123456789-+:.TZtz ", max_size=32))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        micros = parse_micros(text)
    except ValueError:
        return

    assert parse_micros(format_micros(micros)) == micros
