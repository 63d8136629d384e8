"""Points in time, spans of time, and when a timer fires.

`Timestamp` is a whole number of microseconds since 1970-01-01T00:00:00Z,
`TimeDuration` a whole number of microseconds between two of them; both fill 64
signed bits, which is 292 thousand years either way. There are no leap seconds.
All arithmetic is exact, and what does not fit raises OverflowError::

    Timestamp    ± TimeDuration → Timestamp
    Timestamp    - Timestamp    → TimeDuration
    TimeDuration ± TimeDuration → TimeDuration

A `datetime.timedelta` may stand for the right or left TimeDuration.

Points in time are written in RFC 3339; see `qsdb.values.rfc3339`.
"""

from datetime import UTC, datetime, timedelta
from typing import ClassVar, final, overload

from qsdb.excerpts import brief
from qsdb.values.rfc3339 import format_micros, parse_micros
from qsdb.values.wrapped import Sortable, Wrapped

__all__ = ["ScheduleAt", "TimeDuration", "Timestamp"]

MICROS_LEAST, MICROS_GREATEST = -(1 << 63), (1 << 63) - 1

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

# Tags of a stored ScheduleAt; written to disk, never renumber.
_INTERVAL, _TIME = 0, 1


@final
class TimeDuration(Sortable[int]):
    """A span of time in microseconds; it may be negative.

    >>> TimeDuration.from_seconds(1.5)
    TimeDuration.from_micros(1500000)
    >>> str(TimeDuration.from_seconds(1.5) - timedelta(minutes=1))
    '-58.500000'
    """

    __slots__ = ()

    @classmethod
    def from_micros(cls, micros: int) -> "TimeDuration":
        """Take whole microseconds.

        Raises:
            OverflowError: `micros` does not fit 64 signed bits.
        """
        return cls.from_stored(_checked(micros, "a TimeDuration"))

    @classmethod
    def from_seconds(cls, seconds: float) -> "TimeDuration":
        """Take seconds and round to the nearest microsecond, ties to even.

        Raises:
            OverflowError: the span does not fit, or is infinite.
            ValueError: `seconds` is NaN.
        """
        if not isinstance(seconds, int | float):
            raise TypeError(f"seconds must be a number, not {brief(seconds)}")
        if seconds in (float("inf"), float("-inf")):
            raise OverflowError(_beyond(f"{seconds}", "a TimeDuration"))
        if seconds != seconds:
            raise ValueError("nan seconds are not a TimeDuration")
        # The ratio is exact, a product of floats would not be.
        numerator, denominator = seconds.as_integer_ratio()
        micros, rest = divmod(numerator * _SECOND, denominator)
        if 2 * rest + (micros & 1) > denominator:
            micros += 1
        return cls.from_stored(_checked(micros, "a TimeDuration"))

    @classmethod
    def from_timedelta(cls, span: timedelta) -> "TimeDuration":
        """Take a timedelta, which also counts microseconds.

        Raises:
            OverflowError: it is longer than 292 thousand years.
        """
        if not isinstance(span, timedelta):
            raise TypeError(f"{brief(span)} is not a timedelta")
        return cls.from_stored(_checked(_micros_in(span), "a TimeDuration"))

    @property
    def micros(self) -> int:
        """The span in microseconds."""
        return self.stored

    @property
    def seconds(self) -> float:
        """The whole span in seconds, to the nearest float."""
        return self.stored / _SECOND

    def to_timedelta(self) -> timedelta:
        """Give the same span as a timedelta; every span fits."""
        return timedelta(microseconds=self.stored)

    def __add__(self, other: "TimeDuration | timedelta") -> "TimeDuration":
        micros = _span_micros(other)
        if micros is None:
            return NotImplemented
        return self.from_stored(_checked(self.stored + micros, "a TimeDuration"))

    __radd__ = __add__

    def __sub__(self, other: "TimeDuration | timedelta") -> "TimeDuration":
        micros = _span_micros(other)
        if micros is None:
            return NotImplemented
        return self.from_stored(_checked(self.stored - micros, "a TimeDuration"))

    def __rsub__(self, other: timedelta) -> "TimeDuration":
        micros = _span_micros(other)
        if micros is None:
            return NotImplemented
        return self.from_stored(_checked(micros - self.stored, "a TimeDuration"))

    def __mul__(self, times: int) -> "TimeDuration":
        if type(times) is not int:
            return NotImplemented
        return self.from_stored(_checked(self.stored * times, "a TimeDuration"))

    __rmul__ = __mul__

    def __neg__(self) -> "TimeDuration":
        return self.from_stored(_checked(-self.stored, "a TimeDuration"))

    def __abs__(self) -> "TimeDuration":
        return self.from_stored(_checked(abs(self.stored), "a TimeDuration"))

    def __bool__(self) -> bool:
        return self.stored != 0

    def __str__(self) -> str:
        """Give sign, whole seconds, dot, six digits: ``+1.500000``."""
        seconds, micros = divmod(abs(self.stored), _SECOND)
        return f"{'-' if self.stored < 0 else '+'}{seconds}.{micros:06}"

    def __repr__(self) -> str:
        return f"TimeDuration.from_micros({self.stored})"


@final
class Timestamp(Sortable[int]):
    """A point in time, in microseconds since the epoch.

    >>> noon = Timestamp.parse("2024-02-29T13:00:00+01:00")
    >>> noon + timedelta(days=1)
    Timestamp.parse('2024-03-01T12:00:00Z')
    >>> noon - Timestamp.EPOCH
    TimeDuration.from_micros(1709208000000000)
    """

    __slots__ = ()

    EPOCH: ClassVar["Timestamp"]
    """1970-01-01T00:00:00Z."""

    @classmethod
    def from_micros(cls, micros: int) -> "Timestamp":
        """Take whole microseconds since the epoch.

        Raises:
            OverflowError: `micros` does not fit 64 signed bits.
        """
        return cls.from_stored(_checked(micros, "a Timestamp"))

    @classmethod
    def from_datetime(cls, moment: datetime) -> "Timestamp":
        """Take a datetime that knows its offset from UTC.

        Raises:
            ValueError: it is naive, so that its point in time is anyone's guess.
        """
        if not isinstance(moment, datetime):
            raise TypeError(f"{brief(moment)} is not a datetime")
        if moment.utcoffset() is None:
            raise ValueError(f"{brief(moment)} is naive; give it a tzinfo")
        return cls.from_stored(_micros_in(moment - _EPOCH))

    @classmethod
    def parse(cls, text: str) -> "Timestamp":
        """Read RFC 3339, with any offset: ``2024-02-29T13:00:00.25+01:00``.

        A blank or ``t`` may stand for the ``T``, and years may be written with
        a sign and four to six digits. Digits after the microseconds are cut off.

        Raises:
            TypeError: `text` is not a str.
            ValueError: `text` is something else, or there is no such moment;
                a leap second is none.
            OverflowError: the moment does not fit 64 signed bits.
        """
        return cls.from_stored(_checked(parse_micros(text), "a Timestamp"))

    @property
    def micros(self) -> int:
        """Microseconds since the epoch; negative before it."""
        return self.stored

    def to_datetime(self) -> datetime:
        """Give the same moment as an aware datetime, in UTC.

        Raises:
            OverflowError: its year is not between 1 and 9999.
        """
        try:
            return _EPOCH + timedelta(microseconds=self.stored)
        except OverflowError:
            raise OverflowError(
                f"{self} is outside the years 1 to 9999 of a datetime"
            ) from None

    def __add__(self, other: TimeDuration | timedelta) -> "Timestamp":
        micros = _span_micros(other)
        if micros is None:
            return NotImplemented
        return self.from_stored(_checked(self.stored + micros, "a Timestamp"))

    __radd__ = __add__

    @overload
    def __sub__(self, other: "Timestamp") -> TimeDuration: ...
    @overload
    def __sub__(self, other: TimeDuration | timedelta) -> "Timestamp": ...
    def __sub__(
        self, other: "Timestamp | TimeDuration | timedelta"
    ) -> "Timestamp | TimeDuration":
        if type(other) is Timestamp:
            return TimeDuration.from_micros(self.stored - other.stored)
        micros = _span_micros(other)
        if micros is None:
            return NotImplemented
        return self.from_stored(_checked(self.stored - micros, "a Timestamp"))

    def __str__(self) -> str:
        """Give RFC 3339 in UTC, with six fractional digits or none."""
        return format_micros(self.stored)

    def __repr__(self) -> str:
        return f"Timestamp.parse({str(self)!r})"


Timestamp.EPOCH = Timestamp.from_stored(0)


@final
class ScheduleAt(Wrapped[tuple[int, int]]):
    """When a timer fires: once at a time, or again after each interval.

    >>> match ScheduleAt.interval(timedelta(seconds=5)):
    ...     case ScheduleAt(TimeDuration() as interval):
    ...         print("every", interval)
    ...     case ScheduleAt(Timestamp() as time):
    ...         print("at", time)
    every +5.000000
    """

    __slots__ = ()

    __match_args__ = ("value",)

    @classmethod
    def time(cls, when: Timestamp | datetime) -> "ScheduleAt":
        """Fire once, at `when`; an aware datetime will do.

        Raises:
            TypeError: `when` is neither.
            ValueError: a datetime is naive.
        """
        if isinstance(when, datetime):
            when = Timestamp.from_datetime(when)
        if type(when) is not Timestamp:
            raise TypeError(f"{brief(when)} is not a Timestamp")
        return cls.from_stored((_TIME, when.stored))

    @classmethod
    def interval(cls, span: TimeDuration | timedelta) -> "ScheduleAt":
        """Fire again and again, `span` apart.

        Raises:
            TypeError: `span` is neither.
            OverflowError: a timedelta does not fit 64 signed bits.
        """
        micros = _span_micros(span)
        if micros is None:
            raise TypeError(f"{brief(span)} is not a TimeDuration")
        return cls.from_stored((_INTERVAL, _checked(micros, "a TimeDuration")))

    @property
    def is_interval(self) -> bool:
        """Whether the timer fires again and again."""
        return self.stored[0] == _INTERVAL

    @property
    def is_time(self) -> bool:
        """Whether the timer fires once."""
        return self.stored[0] == _TIME

    @property
    def value(self) -> Timestamp | TimeDuration:
        """The time, or the interval."""
        tag, micros = self.stored
        if tag == _TIME:
            return Timestamp.from_stored(micros)
        return TimeDuration.from_stored(micros)

    def __repr__(self) -> str:
        name = "time" if self.is_time else "interval"
        return f"ScheduleAt.{name}({self.value!r})"


def _checked(micros: int, what: str) -> int:
    """Give `micros` back if it is an int of 64 signed bits."""
    if type(micros) is not int:
        raise TypeError(f"microseconds must be an int, not {brief(micros)}")
    if not MICROS_LEAST <= micros <= MICROS_GREATEST:
        raise OverflowError(_beyond(f"{brief(micros)} microseconds", what))
    return micros


def _beyond(value: str, what: str) -> str:
    bounds = f"{MICROS_LEAST} to {MICROS_GREATEST} microseconds"
    return f"{value} do not fit {what}, which holds {bounds}"


def _micros_in(span: timedelta) -> int:
    return span.days * _DAY + span.seconds * _SECOND + span.microseconds


def _span_micros(span: object) -> int | None:
    """Give the length of a span; None if `span` is something else."""
    if type(span) is TimeDuration:
        return span.stored
    if isinstance(span, timedelta):
        return _micros_in(span)
    return None
