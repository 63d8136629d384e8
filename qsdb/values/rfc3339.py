"""The text form of a point in time: RFC 3339, for every year of an i64.

::

    2024-02-29T13:00:00.25+01:00
    ├──┘ ├────────────┘├─┘├────┘
    year clock         │  offset
                       fraction

A `datetime` ends with the year 9999, microseconds in 64 bits do not. Years
outside 0000 to 9999 are written with a sign, as ISO 8601 has it:
``+10000-01-01T00:00:00Z``. The calendar repeats after 400 years, so
`datetime` does the work for those too, some cycles away.
"""

from datetime import UTC, datetime, timedelta

from qsdb.excerpts import brief

__all__ = ["CYCLE_YEARS", "format_micros", "parse_micros"]

CYCLE_YEARS = 400
"""After so many years the same days follow again: 97 of the years are leap."""

_CYCLE = 146_097 * 86_400 * 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_ALL_DIGITS_ZERO = str.maketrans("123456789", "000000000")
_SHAPES = ("00-00T00:00:00+00:00", "00-00T00:00:00-00:00")


def format_micros(micros: int) -> str:
    """Write microseconds since the epoch, in UTC, with six fractional digits or none.

    >>> format_micros(1_500_000)
    '1970-01-01T00:00:01.500000Z'
    """
    cycles, near_micros = divmod(micros, _CYCLE)
    moment = _EPOCH + timedelta(microseconds=near_micros)
    year = moment.year + cycles * CYCLE_YEARS
    digits = f"{year:04}" if 0 <= year <= 9999 else f"{year:+05}"
    return f"{digits}{moment.replace(tzinfo=None).isoformat()[4:]}Z"


def parse_micros(text: str) -> int:
    """Read microseconds since the epoch; digits after them are cut off.

    A blank or ``t`` may stand for the ``T``, and years may be written with a
    sign and four to six digits. The result may be more than an i64 holds.

    Raises:
        TypeError: `text` is not a str.
        ValueError: `text` is something else, or there is no such moment; a
            leap second is none.

    >>> parse_micros("1970-01-01T01:00:00.25+01:00")
    250000
    """
    if not isinstance(text, str):
        raise TypeError(f"a moment is read from a str, not from {brief(text)}")
    try:
        year, rest, fraction = _split(text)
        cycles, near_year = divmod(year - 1970, CYCLE_YEARS)
        moment = datetime.fromisoformat(f"{near_year + 1970}-{rest}")
    except ValueError:
        raise ValueError(f"{brief(text)} is not a moment in RFC 3339") from None
    near_micros = (moment - _EPOCH) // timedelta(microseconds=1)
    return near_micros + cycles * _CYCLE + int(fraction[:6].ljust(6, "0"))


def _split(text: str) -> tuple[int, str, str]:
    """Give the year, ``MM-DDThh:mm:ss±hh:mm``, and the digits after the dot.

    Raises:
        ValueError: `text` is not made like that.
    """
    is_signed = text[:1] in {"+", "-"}
    year, _, rest = text[is_signed:].partition("-")
    if rest[-1:] in {"Z", "z"}:
        rest = rest[:-1] + "+00:00"
    clock, fraction, offset = rest[:14], rest[14:-6], rest[-6:]
    if clock[5:6] in {"t", " "}:
        clock = f"{clock[:5]}T{clock[6:]}"
    is_year = year.isdecimal() and 4 <= len(year) <= (6 if is_signed else 4)
    is_fraction = not fraction or (fraction[0] == "." and fraction[1:].isdecimal())
    if not (text.isascii() and is_year and is_fraction and _is_time(clock, offset)):
        raise ValueError
    return int(f"-{year}" if text[0] == "-" else year), clock + offset, fraction[1:]


def _is_time(clock: str, offset: str) -> bool:
    """Whether both have their shape, and no part is one that datetimes let pass."""
    if (clock + offset).translate(_ALL_DIGITS_ZERO) not in _SHAPES:
        return False
    return clock[6:8] <= "23" and offset[1:3] <= "23" and offset[4:6] <= "59"
