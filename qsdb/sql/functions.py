"""Functions of single values: what people expect of text, numbers and moments.

Each takes values of stated kinds and gives one, and none where an argument is absent.
All of them depend on their arguments alone: there is no clock and no chance in a
query, which may be asked again for the same answer. A moment of now is a parameter.

======================================  ==============================================
function                                gives
======================================  ==============================================
a || b, CONCAT(a, b, …)                 texts one after the other
LOWER(s), UPPER(s)                      the text in one case
TRIM(s), LTRIM(s), RTRIM(s)             the text without blanks at both ends, or one
LENGTH(s)                               how many characters it has
SUBSTR(s, from), SUBSTR(s, from, n)     its characters from a place on, 1 the first
REPLACE(s, old, new)                    the text with another part in the place of one
INSTR(s, part)                          the place of a part, 0 if there is none
ABS(x)                                  a number without its sign
ROUND(x), FLOOR(x), CEIL(x)             a float without fraction; halves from 0 away
YEAR(t), MONTH(t), DAY(t), HOUR(t),     a part of a Timestamp, in UTC
MINUTE(t), SECOND(t)
DATE(t)                                 its day, as ``'2026-01-31'``
DATE_TRUNC('day', t)                    the Timestamp at which its day began; also
                                        year, month, week, hour, minute, second
MICROS(t)                               microseconds since 1970
CAST(x AS kind)                         a number in another kind: of floats the whole
                                        part, where that is to be whole and has room
======================================  ==============================================
"""

import functools
import math
from collections.abc import Callable, Mapping

import attrs

from qsdb.sql.arithmetic import fitter
from qsdb.sql.moments import TRUNCATIONS, Calendar
from qsdb.sql.places import AnyPlace, failure
from qsdb.values.kinds import (
    F32,
    F64,
    I8,
    I16,
    I32,
    I64,
    I128,
    I256,
    STR,
    TIMESTAMP,
    U8,
    U16,
    U32,
    U64,
    U128,
    U256,
    FloatKind,
    IntKind,
    Kind,
    MicrosKind,
    StrKind,
)

__all__ = ["FUNCTIONS", "NUMBERS", "Function", "Parameter", "cast_to", "function_of"]


@attrs.frozen
class Parameter:
    """What a function takes.

    Attributes:
        said: How an error says what is meant.
        kinds: The kinds that it takes.
        default: The kind of a literal that nothing else tells of.
    """

    said: str
    kinds: tuple[type[Kind], ...]
    default: Kind

    def admits(self, kind: Kind) -> bool:
        """Whether it takes values of a kind."""
        if isinstance(kind, MicrosKind):
            return kind == self.default
        return isinstance(kind, self.kinds)


Made = Callable[..., object]


@attrs.frozen
class Function:
    """A function.

    Attributes:
        parameters: What it takes.
        least: How many of them must be given.
        gives: The kind of what it gives; None is that of the first argument.
        make: Gives the function itself, of the kind of the first argument and the
            place where the call stands.
        can_fail: Whether there are values for which it has none to give.
        is_endless: Whether it takes any number of its last parameter.
    """

    parameters: tuple[Parameter, ...]
    gives: Kind | None
    make: Callable[[Kind, AnyPlace], Made]
    least: int = -1
    can_fail: bool = False
    is_endless: bool = False

    @property
    def arguments_min(self) -> int:
        """How many arguments must be given."""
        return len(self.parameters) if self.least < 0 else self.least

    @property
    def arguments_said(self) -> str:
        """How many arguments it takes, in words."""
        least, most = self.arguments_min, len(self.parameters)
        if self.is_endless:
            return f"{least} arguments or more"
        if least == most:
            return "1 argument" if most == 1 else f"{most} arguments"
        return f"{least} or {most} arguments"

    def parameters_for(self, count: int) -> tuple[Parameter, ...]:
        """Give what it takes, if it is given so many arguments."""
        more = count - len(self.parameters) if self.is_endless else 0
        return (*self.parameters, *self.parameters[-1:] * more)


_TEXT = Parameter("a str", (StrKind,), STR)
_WHOLE = Parameter("a whole number", (IntKind,), I64)
_NUMBER = Parameter("a number", (IntKind, FloatKind), I64)
_REAL = Parameter("a float", (FloatKind,), F64)
_MOMENT = Parameter("a Timestamp", (MicrosKind,), TIMESTAMP)


def _plain(function: Made) -> Callable[[Kind, AnyPlace], Made]:
    """Make a function that is the same for all kinds and places."""
    return lambda _kind, _place: function


def _part_of(text: str, start: int, length: int | None = None) -> str:
    """Give the characters from a place on; those before the first are none."""
    end = len(text) + 1 if length is None else start + length
    return text[max(start, 1) - 1 : max(end, 1) - 1]


def _absolute(kind: Kind, place: AnyPlace) -> Made:
    fit = fitter(kind, place)
    return lambda value: fit(abs(value))


def _to_whole(round_one: Callable[[float], float]) -> Callable[[Kind, AnyPlace], Made]:
    """Make a function of floats that leaves what has no fraction as it is."""

    def whole(value: float) -> float:
        return float(round_one(value)) + 0.0 if math.isfinite(value) else value

    return _plain(whole)


def _rounded(value: float) -> float:
    found = math.trunc(value)
    return found + int(math.copysign(1, value)) * (abs(value - found) >= 0.5)


def _truncated(_: Kind, place: AnyPlace) -> Made:
    """Make DATE_TRUNC."""
    least = -(2**63)

    def truncate(unit: str, micros: int) -> int:
        begin = TRUNCATIONS.get(unit.lower())
        if begin is None:
            raise failure(f"{unit!r} is none of {', '.join(TRUNCATIONS)}", place)
        found = begin(micros)
        if found < least:
            raise failure("this begins before all Timestamps", place)
        return found

    return truncate


def _of_text(function: Made) -> Function:
    return Function((_TEXT,), STR, _plain(function))


def _of_moment(function: Made, gives: Kind = I64) -> Function:
    return Function((_MOMENT,), gives, _plain(function))


def _calendar(name: str) -> Function:
    return _of_moment(functools.partial(Calendar.part, name))


FUNCTIONS: Mapping[str, Function] = {
    "ABS": Function((_NUMBER,), None, _absolute, can_fail=True),
    "CONCAT": Function(
        (_TEXT, _TEXT),
        STR,
        _plain(lambda *texts: "".join(texts)),
        is_endless=True,
    ),
    "CEIL": Function((_REAL,), None, _to_whole(math.ceil)),
    "DATE": _of_moment(Calendar.date_text, STR),
    "DATE_TRUNC": Function((_TEXT, _MOMENT), TIMESTAMP, _truncated, can_fail=True),
    "DAY": _calendar("day"),
    "FLOOR": Function((_REAL,), None, _to_whole(math.floor)),
    "HOUR": _calendar("hour"),
    "INSTR": Function((_TEXT, _TEXT), I64, _plain(lambda s, part: s.find(part) + 1)),
    "LENGTH": Function((_TEXT,), I64, _plain(len)),
    "LOWER": _of_text(str.lower),
    "LTRIM": _of_text(lambda text: text.lstrip(" ")),
    "MICROS": _of_moment(lambda micros: micros),
    "MINUTE": _calendar("minute"),
    "MONTH": _calendar("month"),
    "REPLACE": Function(
        (_TEXT, _TEXT, _TEXT),
        STR,
        _plain(lambda text, old, new: text.replace(old, new) if old else text),
    ),
    "ROUND": Function((_REAL,), None, _to_whole(_rounded)),
    "RTRIM": _of_text(lambda text: text.rstrip(" ")),
    "SECOND": _calendar("second"),
    "SUBSTR": Function((_TEXT, _WHOLE, _WHOLE), STR, _plain(_part_of), least=2),
    "TRIM": _of_text(lambda text: text.strip(" ")),
    "UPPER": _of_text(str.upper),
    "YEAR": _calendar("year"),
}
"""Name → function. In queries a name may be in any case."""

NUMBERS: Mapping[str, IntKind | FloatKind] = {
    **{each.name: each for each in (I8, I16, I32, I64, I128, I256)},
    **{each.name: each for each in (U8, U16, U32, U64, U128, U256, F32, F64)},
    **dict.fromkeys(("int", "integer", "bigint"), I64),
    "smallint": I16,
    "real": F32,
    **dict.fromkeys(("double", "float"), F64),
}
"""What a number can be taken into, also by the names that other databases have."""


def cast_to(kind: Kind) -> str:
    """Give the name of the function that takes numbers into a kind."""
    return f"CAST_{kind.name}"


def _taken_into(target: IntKind | FloatKind) -> Function:
    """Make CAST."""

    def make(_: Kind, place: AnyPlace) -> Made:
        fit = fitter(target, place)
        if isinstance(target, FloatKind):
            return lambda value: fit(float(value))

        def whole(value: float) -> float:
            if not math.isfinite(value):
                raise failure(f"{value} has no place in {target.name}", place)
            return fit(math.trunc(value))

        return whole

    return Function((_NUMBER,), target, make, can_fail=isinstance(target, IntKind))


_CASTS = {cast_to(kind): _taken_into(kind) for kind in NUMBERS.values()}


def function_of(name: str) -> Function:
    """Give the function of a typed call."""
    return FUNCTIONS.get(name) or _CASTS[name]
