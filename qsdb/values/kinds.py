"""What a column can hold: the kinds of stored values.

**Stored values are exact built-ins**: bool, int, float, str, bytes, None and
tuples of them. An `Identity` is stored as its 32 bytes (big-endian, so that
bytes sort like the number), a `Timestamp` as its microseconds, an enum as its
tag, a product as a tuple, a sum as ``(tag, payload)``. So rows hash, compare
and copy in C, and the engine knows no class of a user.

A `Kind` says four things about the values of one column:

1. *range*: `Kind.canonical` takes what belongs and refuses the rest;
2. *canonical form*: equal values are stored equal. ``-0.0`` becomes ``0.0``,
   every NaN the one object `NAN`, an int in a float column a float, and an
   `f32` is rounded to single precision;
3. *order*: `Kind.order` gives a key that sorts: NaN after all numbers, None
   after everything, fields of a product one after the other;
4. *default*: the value that stands for "nothing given".

Two more members serve generated code: `Kind.suspicion` is an expression that is
false only for values that are canonical already, so that the common case costs
no call, and `Kind.order_source` gives the sort key as an expression.

Source: SpacetimeDB's algebraic types, with one equality in place of its two.
"""

import math

import attrs

from qsdb.values.misfits import Misfit
from qsdb.values.singles import is_plain_single, round_to_single
from qsdb.values.source import Names

__all__ = [
    "BOOL",
    "BYTES",
    "CONNECTION_ID",
    "F32",
    "F64",
    "I8",
    "I16",
    "I32",
    "I64",
    "I128",
    "I256",
    "IDENTITY",
    "NAN",
    "SCHEDULE_AT",
    "STR",
    "TIMESTAMP",
    "TIME_DURATION",
    "U8",
    "U16",
    "U32",
    "U64",
    "U128",
    "U256",
    "UUID",
    "BigEndianKind",
    "BoolKind",
    "BytesKind",
    "FloatKind",
    "IntKind",
    "Kind",
    "MicrosKind",
    "MismatchError",
    "ScheduleAtKind",
    "Stored",
    "StrKind",
]

Stored = object
"""bool, int, float, str, bytes, None, or a tuple of these; to mypy an object."""

NAN = math.nan
"""The one NaN that is ever stored: identity makes it equal to itself."""


class MismatchError(Exception):
    """A value is not of its kind; whoever knows the place makes it an error.

    Attributes:
        value: The offending value, which may be an inner one.
        admitted: What would have been taken, in words: "an int from 0 to 255".
    """

    def __init__(self, value: object, admitted: str) -> None:
        """Keep both; a `Misfit` is unpacked."""
        self.value = value.value if isinstance(value, Misfit) else value
        self.admitted = admitted
        super().__init__(self.value, admitted)


class Kind:
    """The range, canonical form, order and default of one kind of value."""

    __slots__ = ()

    @property
    def name(self) -> str:
        """The kind as a user writes it in an annotation."""
        raise NotImplementedError  # pragma: no cover  each kind has its own

    @property
    def default(self) -> Stored:
        """The value that stands for "nothing given"; it is canonical."""
        raise NotImplementedError  # pragma: no cover  each kind has its own

    @property
    def is_naturally_ordered(self) -> bool:
        """Whether stored values themselves sort as the kind's order says."""
        return True

    def canonical(self, value: Stored) -> Stored:
        """Give the canonical form of a stored value.

        Raises:
            MismatchError: the value is not of this kind, or out of its range.
        """
        raise NotImplementedError  # pragma: no cover  each kind has its own

    def order(self, value: Stored) -> Stored:
        """Give a key by which canonical values of this kind sort."""
        return value

    def suspicion(self, variable: str, names: Names) -> str:
        """Give an expression that is false only where `canonical` is identity."""
        raise NotImplementedError  # pragma: no cover  each kind has its own

    def key_doubt(self, variable: str, names: Names) -> str:
        """Give an expression that is false for every value that may be looked up.

        A look-up that hits needs less than `suspicion`: among values of the
        right class, one that equals a stored key is that key.
        """
        return self.suspicion(variable, names)

    def order_source(self, variable: str, names: Names) -> str:
        """Give `order` of `variable` as an expression."""
        if self.is_naturally_ordered:
            return variable
        return f"{names.bind('order', self.order)}({variable})"


@attrs.frozen
class BoolKind(Kind):
    """True or False; never 0 or 1. False sorts first."""

    name = "bool"
    default = False

    def canonical(self, value: Stored) -> Stored:
        if type(value) is not bool:
            raise MismatchError(value, "a bool")
        return value

    def suspicion(self, variable: str, names: Names) -> str:
        return f"_type({variable}) is not _bool"


DIGIT_MAX = (1 << 30) - 1
"""The greatest int of CPython that is one digit: such are compared in the interpreter's
own loop, others by a call each."""


@attrs.frozen
class IntKind(Kind):
    """Whole numbers of 8 to 256 bits, signed or not."""

    bits: int
    signed: bool
    least: int = attrs.field(init=False, eq=False, repr=False)
    """The lowest value."""
    greatest: int = attrs.field(init=False, eq=False, repr=False)
    """The highest value."""
    default = 0

    @least.default
    def _find_least(self) -> int:
        return -(1 << (self.bits - 1)) if self.signed else 0

    @greatest.default
    def _find_greatest(self) -> int:
        return (1 << (self.bits - self.signed)) - 1

    @property
    def name(self) -> str:
        return f"{'i' if self.signed else 'u'}{self.bits}"

    def canonical(self, value: Stored) -> Stored:
        if type(value) is not int or not self.least <= value <= self.greatest:
            raise MismatchError(value, f"an int from {self.least} to {self.greatest}")
        return value

    def key_doubt(self, variable: str, names: Names) -> str:
        return f"_type({variable}) is not _int"

    def suspicion(self, variable: str, names: Names) -> str:
        doubt = f"{variable} < {self.least} or {variable} > {self.greatest}"
        if self.greatest > DIGIT_MAX:
            least = -DIGIT_MAX if self.signed else 0
            doubt = f"({variable} < {least} or {variable} > {DIGIT_MAX}) and ({doubt})"
        return f"_type({variable}) is not _int or {doubt}"


@attrs.frozen
class FloatKind(Kind):
    """IEEE numbers of 32 or 64 bits; NaN equals NaN and sorts last."""

    bits: int

    @property
    def name(self) -> str:
        return f"f{self.bits}"

    @property
    def default(self) -> Stored:
        return 0.0

    @property
    def is_naturally_ordered(self) -> bool:
        return False

    def canonical(self, value: Stored) -> Stored:
        if type(value) is not float and type(value) is not int:
            raise MismatchError(value, self._admitted)
        try:
            number = float(value)
            if self.bits == 32 and number == number:
                number = round_to_single(number)
        except OverflowError:
            raise MismatchError(value, self._admitted) from None
        if number != number:
            return NAN
        return number or 0.0

    @property
    def _admitted(self) -> str:
        bound = (
            "3.4028234663852886e+38" if self.bits == 32 else "1.7976931348623157e+308"
        )
        return f"a number from -{bound} to {bound}, an infinity or NaN"

    def order(self, value: Stored) -> Stored:
        return (1,) if value is NAN else (0, value)

    def suspicion(self, variable: str, names: Names) -> str:
        if self.bits == 32:
            plain = names.bind("is_plain_single", is_plain_single)
            return f"_type({variable}) is not _float or not {plain}({variable})"
        odd = f"{variable} == 0.0 or {variable} != {variable}"
        return f"_type({variable}) is not _float or {odd}"


def _is_unicode(text: str) -> bool:
    """Whether `text` can be written as UTF-8, that is, has no lone surrogate."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@attrs.frozen
class StrKind(Kind):
    """Valid Unicode of any length; sorts by code point, as UTF-8 bytes do."""

    name = "str"
    default = ""

    def canonical(self, value: Stored) -> Stored:
        if type(value) is not str or not _is_unicode(value):
            raise MismatchError(value, "a str of valid Unicode")
        return value

    def key_doubt(self, variable: str, names: Names) -> str:
        return f"_type({variable}) is not _str"

    def suspicion(self, variable: str, names: Names) -> str:
        valid = f"{variable}.isascii() or {names.bind('is_unicode', _is_unicode)}"
        return f"_type({variable}) is not _str or not ({valid}({variable}))"


@attrs.frozen
class BytesKind(Kind):
    """Bytes of any length; sorts byte by byte."""

    name = "bytes"
    default = b""

    def canonical(self, value: Stored) -> Stored:
        if type(value) is not bytes:
            raise MismatchError(value, "a bytes object")
        return value

    def suspicion(self, variable: str, names: Names) -> str:
        return f"_type({variable}) is not _bytes"


@attrs.frozen
class BigEndianKind(Kind):
    """A number of fixed size kept as its big-endian bytes: identities, uuids."""

    class_name: str
    size: int

    @property
    def name(self) -> str:
        return self.class_name

    @property
    def default(self) -> Stored:
        return bytes(self.size)

    def canonical(self, value: Stored) -> Stored:
        if type(value) is not bytes or len(value) != self.size:
            article = "an" if self.class_name[0] in "IU" else "a"
            raise MismatchError(value, f"{article} {self.class_name}")
        return value

    def key_doubt(self, variable: str, names: Names) -> str:
        return f"_type({variable}) is not _bytes"

    def suspicion(self, variable: str, names: Names) -> str:
        return f"_type({variable}) is not _bytes or _len({variable}) != {self.size}"


MICROS_END = 1 << 63
"""Microseconds of times and durations are below this, and not below its negative."""


def _is_micros(value: Stored) -> bool:
    return type(value) is int and -MICROS_END <= value < MICROS_END


@attrs.frozen
class MicrosKind(Kind):
    """Microseconds in 64 signed bits: a point in time, or a span of it."""

    class_name: str

    @property
    def name(self) -> str:
        return self.class_name

    @property
    def default(self) -> Stored:
        return 0

    def canonical(self, value: Stored) -> Stored:
        if not _is_micros(value):
            raise MismatchError(value, f"a {self.class_name}")
        return value

    def key_doubt(self, variable: str, names: Names) -> str:
        return f"_type({variable}) is not _int"

    def suspicion(self, variable: str, names: Names) -> str:
        bounds = f"{-MICROS_END} <= {variable} < {MICROS_END}"
        return f"_type({variable}) is not _int or not {bounds}"


@attrs.frozen
class ScheduleAtKind(Kind):
    """``(0, micros)`` for an interval, ``(1, micros)`` for a time."""

    name = "ScheduleAt"
    default = (0, 0)

    def canonical(self, value: Stored) -> Stored:
        if _is_not_schedule(value):
            raise MismatchError(value, "a ScheduleAt")
        return value

    def suspicion(self, variable: str, names: Names) -> str:
        return f"{names.bind('is_not_schedule', _is_not_schedule)}({variable})"


def _is_not_schedule(value: Stored) -> bool:
    if type(value) is not tuple or len(value) != 2:
        return True
    tag, micros = value
    return type(tag) is not int or tag not in (0, 1) or not _is_micros(micros)


BOOL = BoolKind()
I8, I16, I32, I64, I128, I256 = (IntKind(8 << n, signed=True) for n in range(6))
U8, U16, U32, U64, U128, U256 = (IntKind(8 << n, signed=False) for n in range(6))
F32, F64 = FloatKind(32), FloatKind(64)
STR = StrKind()
BYTES = BytesKind()
IDENTITY = BigEndianKind("Identity", 32)
CONNECTION_ID = BigEndianKind("ConnectionId", 16)
UUID = BigEndianKind("UUID", 16)
TIMESTAMP = MicrosKind("Timestamp")
TIME_DURATION = MicrosKind("TimeDuration")
SCHEDULE_AT = ScheduleAtKind()
