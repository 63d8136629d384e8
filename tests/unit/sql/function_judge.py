"""The slow obvious twin of functions of single values."""

import math
import struct
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Any

from qsdb.values.kinds import FloatKind, IntKind, Kind

__all__ = ["called", "in_room"]

ROUNDINGS = {"ROUND": ROUND_HALF_UP, "FLOOR": ROUND_FLOOR, "CEIL": ROUND_CEILING}


def in_room(kind: Kind, value: Any) -> Any:
    """Give a number as its kind holds it; None if that has no room for it."""
    if isinstance(kind, IntKind):
        return value if kind.least <= value <= kind.greatest else None
    assert isinstance(kind, FloatKind)
    if kind.bits == 32:
        try:
            value = struct.unpack("<f", struct.pack("<f", value))[0]
        except OverflowError:
            value = math.copysign(math.inf, value)
    return value + 0.0 if value else 0.0


def called(name: str, kind: Kind, given: list[Any]) -> Any:  # noqa: C901, PLR0911, PLR0912  a table
    """Give what a function gives; what it takes is all there."""
    first = given[0]
    match name:
        case "LOWER":
            return "".join([each.lower() for each in first])
        case "UPPER":
            return "".join([each.upper() for each in first])
        case "TRIM":
            return called("LTRIM", kind, [called("RTRIM", kind, given)])
        case "LTRIM":
            return first if first[:1] != " " else called(name, kind, [first[1:]])
        case "RTRIM":
            return first if first[-1:] != " " else called(name, kind, [first[:-1]])
        case "LENGTH":
            return sum(1 for _ in first)
        case "CONCAT":
            return "".join(given)
        case "SUBSTR":
            end = math.inf if len(given) == 2 else given[1] + given[2]
            return "".join(
                [each for n, each in enumerate(first, 1) if given[1] <= n < end]
            )
        case "REPLACE":
            return first if not given[1] else given[2].join(first.split(given[1]))
        case "INSTR":
            starts = [
                n for n in range(len(first) + 1) if first[n:].startswith(given[1])
            ]
            return starts[0] + 1 if starts else 0
        case "ABS":
            return in_room(kind, -first if first < 0 else first)
        case "ROUND" | "FLOOR" | "CEIL":
            if not math.isfinite(first):
                return first
            whole = Decimal(first).to_integral_value(ROUNDINGS[name])
            return float(whole) + 0.0
        case _ if name == f"CAST_{kind.name}":
            if isinstance(kind, IntKind):
                first = int(Decimal(first).to_integral_value(ROUND_DOWN))
            return in_room(kind, float(first) if isinstance(kind, FloatKind) else first)
        case "MICROS":
            return first
        case "DATE":
            return _moment(first).date().isoformat()
        case "DATE_TRUNC":
            return _truncated(first, given[1])
        case _:
            return getattr(_moment(first), name.lower())


def _moment(micros: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)


def _truncated(unit: str, micros: int) -> int:
    found = _moment(micros).replace(microsecond=0)
    units = ("second", "minute", "hour", "day", "month", "year")
    if unit == "week":
        found = found.replace(second=0, minute=0, hour=0)
        found -= timedelta(days=found.weekday())
    else:
        for smaller in units[: units.index(unit)]:
            first = 1 if smaller in ("day", "month") else 0
            found = found.replace(**{smaller: first})  # type: ignore[arg-type]
    return (found - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
