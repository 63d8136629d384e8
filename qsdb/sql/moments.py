"""Parts of moments, in UTC, of any that a Timestamp holds.

Moments are microseconds since 1970. They reach some 290,000 years to both sides, and
Python's own dates do not; so the calendar is worked out here, the one of today also for
days before it was made (*proleptic Gregorian*).

*Source*: Howard Hinnant, chrono-compatible low-level date algorithms.
"""

from collections.abc import Callable, Mapping

__all__ = ["TRUNCATIONS", "Calendar"]

SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY
ERA_DAYS = 146_097
"""In 400 years."""


def _civil(days: int) -> tuple[int, int, int]:
    """Give year, month and day of a number of days since 1970."""
    era, day_of_era = divmod(days + 719_468, ERA_DAYS)
    leaps = day_of_era // 1460 - day_of_era // 36_524 + day_of_era // 146_096
    year_of_era = (day_of_era - leaps) // 365
    day_of_year = day_of_era - (
        365 * year_of_era + year_of_era // 4 - year_of_era // 100
    )
    month_from_march = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_from_march + 2) // 5 + 1
    month = month_from_march + (3 if month_from_march < 10 else -9)
    return year_of_era + era * 400 + (month <= 2), month, day


def _days(year: int, month: int) -> int:
    """Give the number of days from 1970 to the first of a month."""
    year -= month <= 2
    era, year_of_era = divmod(year, 400)
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * ERA_DAYS + day_of_era - 719_468


class Calendar:
    """What clock and calendar show at a moment."""

    @staticmethod
    def part(name: str, micros: int) -> int:
        """Give one part of a moment.

        >>> Calendar.part("year", -1), Calendar.part("second", -1)
        (1969, 59)
        """
        if name in _CLOCK:
            size, within = _CLOCK[name]
            return micros % within // size
        return _civil(micros // DAY)[("year", "month", "day").index(name)]

    @staticmethod
    def date_text(micros: int) -> str:
        """Give the day of a moment.

        >>> Calendar.date_text(0)
        '1970-01-01'
        """
        year, month, day = _civil(micros // DAY)
        sign = "-" if year < 0 else ""
        return f"{sign}{abs(year):04}-{month:02}-{day:02}"


_CLOCK = {"hour": (HOUR, DAY), "minute": (MINUTE, HOUR), "second": (SECOND, MINUTE)}
"""Part → its length, and the length of what it is a part of."""


def _begin_of_year(micros: int) -> int:
    year, _, _ = _civil(micros // DAY)
    return _days(year, 1) * DAY


def _begin_of_month(micros: int) -> int:
    year, month, _ = _civil(micros // DAY)
    return _days(year, month) * DAY


TRUNCATIONS: Mapping[str, Callable[[int], int]] = {
    "year": _begin_of_year,
    "month": _begin_of_month,
    # 1970 began on a Thursday, and weeks begin on Mondays.
    "week": lambda micros: (micros + 3 * DAY) // WEEK * WEEK - 3 * DAY,
    "day": lambda micros: micros // DAY * DAY,
    "hour": lambda micros: micros // HOUR * HOUR,
    "minute": lambda micros: micros // MINUTE * MINUTE,
    "second": lambda micros: micros // SECOND * SECOND,
}
"""Unit → what gives the moment at which that of another moment began."""
