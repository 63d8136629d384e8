"""What a literal is worth: it is read as the kind of what it stands beside.

====================  ==============================================================
kind                  literals
====================  ==============================================================
bool                  ``TRUE`` and ``FALSE``
integers              numbers that are whole: ``7``, ``-7``, ``7.0``, ``7e2``; hex
f32, f64              numbers; beyond the range they are infinite, ``-0`` is 0
str                   strings
bytes                 hex with an even number of digits; strings of such
Identity,             as many hex digits as it has, also in a string
ConnectionId, UUID    (a UUID there with hyphens, in braces, after ``urn:uuid:``)
Timestamp             strings of RFC 3339, with an offset
enums                 strings: the name of a member
others                none
====================  ==============================================================

Nothing else is taken for what it is not: no string for a number, no digits for text.
SpacetimeDB does so, and reads hex as decimal digits.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from qsdb.errors import brief
from qsdb.sql.arithmetic import fitter
from qsdb.sql.syntax import Literal, LiteralForm
from qsdb.values.compounds import EnumKind
from qsdb.values.kinds import (
    TIMESTAMP,
    UUID,
    BigEndianKind,
    BoolKind,
    BytesKind,
    FloatKind,
    IntKind,
    Kind,
    MicrosKind,
    MismatchError,
    Stored,
    StrKind,
)
from qsdb.values.rfc3339 import parse_micros

__all__ = ["LiteralError", "read_literal"]

EXPONENT_MAX = 100
"""Of whole numbers: larger ones would only cost memory."""

_NUMBER = re.compile(r"([+-]?)0*([0-9]*)\.?([0-9]*)(?:[eE]([+-]?)0*([0-9]*))?")
_DIGITS_MAX = 100
"""The longest whole number that a column holds has 78 digits."""


class LiteralError(ValueError):
    """A literal is not of the kind that it is read as."""


class _Reading(NamedTuple):
    """How literals are read as one class of kinds."""

    admitted: Callable[[Any], str]
    """Says of a kind what can be written."""
    readers: Mapping[LiteralForm, Callable[[str, Any], Stored]]
    """Form → from the text and the kind to a value, which may be out of range."""


def read_literal(literal: Literal, kind: Kind) -> Stored:
    """Give the stored value of a literal.

    Raises:
        LiteralError: it has none of this kind; says which are admitted.
    """
    reading = _READINGS.get(type(kind), _NONE)
    if isinstance(kind, MicrosKind) and kind != TIMESTAMP:
        reading = _NONE
    read = reading.readers.get(literal.form, _unreadable)
    try:
        return kind.canonical(read(literal.text, kind))
    except MismatchError as mismatch:
        admitted = mismatch.admitted
    except _ReasonError as error:
        admitted = str(error)
    except ValueError:
        admitted = reading.admitted(kind)
    raise LiteralError(f"{_spelt(literal)} is not {admitted}")


class _ReasonError(ValueError):
    """What is said is what would be admitted."""


def _unreadable(_: str, __: Kind) -> Stored:
    """Read a form that a kind does not take."""
    raise ValueError


def _whole(text: str, _: Kind) -> int:
    """Read a number that is to be whole, however it is spelt."""
    found = _NUMBER.fullmatch(text)
    assert found is not None, text
    sign, before, after, exponent_sign, exponent_digits = found.groups("")
    after = after.rstrip("0")
    if len(exponent_digits) > len(str(EXPONENT_MAX)):
        raise _ReasonError(f"a number with an exponent up to {EXPONENT_MAX}")
    exponent = int(exponent_sign + (exponent_digits or "0"))
    if abs(exponent) > EXPONENT_MAX:
        raise _ReasonError(f"a number with an exponent up to {EXPONENT_MAX}")
    if len(before) + len(after) > _DIGITS_MAX:
        raise ValueError
    digits, shift = int(before + after or "0"), exponent - len(after)
    if shift < 0:
        digits, rest = divmod(digits, 10**-shift)
        if rest:
            raise ValueError
        shift = 0
    return (-digits if sign == "-" else digits) * int(10**shift)


def _real(text: str, kind: FloatKind) -> float:
    return fitter(kind)(float(text))


def _hex(text: str, _: Kind) -> bytes:
    return bytes.fromhex(text)


def _text_of_hex(text: str, kind: Kind) -> bytes:
    if kind == UUID:
        text = _digits_of_uuid(text)
    text = text.removeprefix("0x")
    if not text.isalnum() and text:  # fromhex lets blanks pass
        raise ValueError
    return bytes.fromhex(text)


def _digits_of_uuid(text: str) -> str:
    """Take off what may stand around the digits, and hyphens where they belong."""
    text = text.removeprefix("urn:uuid:")
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    parts = text.split("-")
    if len(parts) > 1 and [*map(len, parts)] != [8, 4, 4, 4, 12]:
        raise ValueError
    return "".join(parts)


def _moment(text: str, _: Kind) -> int:
    """Read a moment; a second 60 is the one after."""
    text = text.replace("\u2212", "-")
    if text[17:19] == "60":
        return parse_micros(f"{text[:17]}59{text[19:]}") + 1_000_000
    return parse_micros(text)


def _spelt(literal: Literal) -> str:
    match literal.form:
        case "text":
            return brief(literal.text)
        case "hex":
            return f"0x{literal.text}"[:80]
        case "number":
            return literal.text[:80]
        case _:
            return literal.text.upper()


_NONE = _Reading(lambda kind: f"a value of {kind.name}, which no literal is", {})

_READINGS: dict[type[Kind], _Reading] = {
    BoolKind: _Reading(
        lambda _: "TRUE or FALSE", {"bool": lambda text, _: text == "true"}
    ),
    IntKind: _Reading(
        lambda kind: f"a whole number ({kind.name})",
        {"number": _whole, "hex": lambda text, _: int(text, 16)},
    ),
    FloatKind: _Reading(lambda kind: f"a number ({kind.name})", {"number": _real}),
    StrKind: _Reading(
        lambda _: "a string: write it in single quotes", {"text": lambda text, _: text}
    ),
    BytesKind: _Reading(
        lambda _: "bytes: write an even number of hex digits after 0x",
        {"hex": _hex, "text": _text_of_hex},
    ),
    BigEndianKind: _Reading(
        lambda kind: f"{kind.name}: write {2 * kind.size} hex digits after 0x",
        {"hex": _hex, "text": _text_of_hex},
    ),
    MicrosKind: _Reading(
        lambda _: "a Timestamp: write it as '2026-01-31T12:00:00Z'", {"text": _moment}
    ),
    EnumKind: _Reading(
        lambda kind: "one of " + ", ".join(f"'{each}'" for each in kind.variants),
        {"text": lambda text, kind: kind.variants.index(text)},
    ),
}
