"""The forms in SATS-JSON of values that are not made of other values.

Each kind has a function that writes its stored values as JSON data and one that reads
them; those of bools, texts and integers up to 128 bits are written as they are
(`is_direct`). What cannot be read is a `JsonFaultError`, which knows the way from the
outermost value to it.

==============  ==================================================================
f32, f64        a number; NaN and infinities are written as null, and not read
u256, i256      ``"0x2a"``, ``"-0x2a"``; read in decimal, and as a number, too
bytes           ``"00ff"``; read as an array of numbers, too
enum            ``{"Calm": []}``, or ``[0, []]`` without names
Identity        ``{"__identity__": "0x2a"}``, or ``["0x2a"]`` without names
ConnectionId    ``{"__connection_id__": 42}``
UUID            ``{"__uuid__": 42}``
Timestamp       ``{"__timestamp_micros_since_unix_epoch__": 42}``
TimeDuration    ``{"__time_duration_micros__": 42}``
ScheduleAt      ``{"Interval": …}`` with a TimeDuration, ``{"Time": …}``
==============  ==================================================================

*Source*: SATS-JSON of SpacetimeDB.
"""

import re
from collections.abc import Callable, Mapping

from qsdb.codec.json_faults import JsonFaultError, case_of
from qsdb.values.compounds import EnumKind
from qsdb.values.kinds import (
    I64,
    TIME_DURATION,
    TIMESTAMP,
    U8,
    U128,
    U256,
    BigEndianKind,
    BoolKind,
    BytesKind,
    FloatKind,
    IntKind,
    Kind,
    MicrosKind,
    MismatchError,
    ScheduleAtKind,
    Stored,
    StrKind,
)
from qsdb.values.singles import round_to_single

__all__ = [
    "JsonReader",
    "JsonWriter",
    "is_direct",
    "leaf_reader",
    "leaf_writer",
]

JsonWriter = Callable[[Stored], object]
"""Takes a canonical stored value, and gives JSON data."""

JsonReader = Callable[[object], Stored]
"""Takes JSON data, and gives a canonical stored value, or a `JsonFaultError`."""

SPECIAL_FIELDS: Mapping[str, str] = {
    "Identity": "__identity__",
    "ConnectionId": "__connection_id__",
    "UUID": "__uuid__",
    "Timestamp": "__timestamp_micros_since_unix_epoch__",
    "TimeDuration": "__time_duration_micros__",
}
"""Kind → the one field of the product that it is elsewhere."""

SCHEDULE_VARIANTS = ("Interval", "Time")


def is_direct(kind: Kind) -> bool:
    """Whether stored values are JSON data as they are."""
    if isinstance(kind, IntKind):
        return kind.bits <= 128
    return isinstance(kind, BoolKind | StrKind)


def leaf_writer(kind: Kind, *, named: bool) -> JsonWriter:
    """Give the function that writes values of a kind without parts, not a direct one.

    Args:
        kind: It.
        named: Whether names are written, as in rows of tables.
    """
    match kind:
        case FloatKind():
            return _write_single if kind.bits == 32 else _write_double
        case IntKind():
            return _write_wide
        case BytesKind():
            return _write_bytes
        case EnumKind():
            names = kind.variants
            return (lambda tag: {names[_int(tag)]: []}) if named else _write_tag
        case ScheduleAtKind():
            return _write_schedule if named else _write_bare_schedule
        case _:
            return _special_writer(kind, named=named)


def _special_writer(kind: Kind, *, named: bool) -> JsonWriter:
    """Give the function that writes a number as the product that it is elsewhere."""
    write: JsonWriter = _int
    if isinstance(kind, BigEndianKind):
        write = _write_hex if kind.size == 32 else _big_endian
    if not named:
        return lambda value: [write(value)]
    field = SPECIAL_FIELDS[kind.name]
    return lambda value: {field: write(value)}


def _int(value: Stored) -> int:
    assert type(value) is int
    return value


def _float(value: Stored) -> float:
    assert type(value) is float
    return value


def _big_endian(value: Stored) -> int:
    assert type(value) is bytes
    return int.from_bytes(value, "big")


def _write_hex(value: Stored) -> str:
    return hex(_big_endian(value))


def _write_wide(value: Stored) -> str:
    return hex(_int(value))


def _write_bytes(value: Stored) -> str:
    assert type(value) is bytes
    return value.hex()


def _write_tag(value: Stored) -> object:
    return [value, []]


def _write_double(value: Stored) -> float | None:
    number = _float(value)
    return number if number - number == 0.0 else None


def _write_single(value: Stored) -> float | None:
    """Give the number with the fewest digits that is read as the same single."""
    number = _write_double(value)
    if number is None:
        return None
    for digits in (6, 7, 8):
        shorter = float(f"{number:.{digits}g}")
        if round_to_single(shorter) == number:
            return shorter
    return float(f"{number:.9g}")  # nine digits tell any two singles apart


def _write_schedule(value: Stored) -> object:
    assert type(value) is tuple
    tag, micros = value
    field = SPECIAL_FIELDS[(TIME_DURATION, TIMESTAMP)[tag].name]
    return {SCHEDULE_VARIANTS[tag]: {field: micros}}


def _write_bare_schedule(value: Stored) -> object:
    assert type(value) is tuple
    tag, micros = value
    return [tag, [micros]]


def leaf_reader(kind: Kind) -> JsonReader:
    """Give the function that reads values of a kind without parts."""
    match kind:
        case FloatKind():
            return _float_reader(kind)
        case BytesKind():
            return _read_bytes
        case EnumKind():
            return _enum_reader(kind)
        case ScheduleAtKind():
            return _schedule_reader()
        case BigEndianKind() | MicrosKind():
            return _special_reader(kind)
        case _:
            return _direct_reader(kind)


def _bytes_of(number: Stored, size: int) -> bytes:
    return _int(number).to_bytes(size, "big")


def _direct_reader(kind: Kind) -> JsonReader:
    if isinstance(kind, IntKind) and not is_direct(kind):
        return _wide_reader(kind)

    def read_direct(data: object) -> Stored:
        try:
            return kind.canonical(data)
        except MismatchError as mismatch:
            raise JsonFaultError(data, mismatch.admitted) from None

    return read_direct


def _float_reader(kind: FloatKind) -> JsonReader:
    def read_float(data: object) -> Stored:
        admitted = "a number (NaN and infinities have no form in JSON)"
        if type(data) is float and data - data != 0.0:
            raise JsonFaultError(data, admitted)
        try:
            return kind.canonical(data)
        except MismatchError as mismatch:
            is_number = type(data) in (int, float)
            told = mismatch.admitted if is_number else admitted
            raise JsonFaultError(data, told) from None

    return read_float


_is_wide = re.compile(r"(-?)(?:0x([0-9a-fA-F]{1,64})|([0-9]{1,78}))", re.ASCII)


def _wide_reader(kind: IntKind) -> JsonReader:
    admitted = f"an int from {hex(kind.least)} to {hex(kind.greatest)}, as hex text"

    def read_wide(data: object) -> Stored:
        number = data
        if isinstance(data, str):
            found = _is_wide.fullmatch(data)
            if found is None:
                raise JsonFaultError(data, admitted)
            sign, in_hex, decimal = found.groups()
            number = int(in_hex, 16) if in_hex else int(decimal)
            number = -number if sign else number
        try:
            return kind.canonical(number)
        except MismatchError:
            raise JsonFaultError(data, admitted) from None

    return read_wide


def _read_bytes(data: object) -> Stored:
    if isinstance(data, list):
        read = leaf_reader(U8)
        for place, item in enumerate(data):
            try:
                read(item)
            except JsonFaultError as fault:
                fault.steps.append(place)
                raise
        return bytes(data)
    if isinstance(data, str):
        try:
            found = bytes.fromhex(data)
        except ValueError:
            found = b""
        if 2 * len(found) == len(data):  # bytes.fromhex skips blanks
            return found
    raise JsonFaultError(data, "bytes, as hex text or an array of numbers")


def _refuse_content(payload: object, variant: str) -> None:
    """Refuse what is no unit, which stands where a variant has no payload."""
    if payload not in ([], {}):
        raise JsonFaultError(payload, f"[], as {variant} holds nothing", variant)


def _enum_reader(kind: EnumKind) -> JsonReader:
    shown = ", ".join(kind.variants)
    admitted = f"a {kind.class_name}: an object of one of {shown}, with []"

    def read_enum(data: object) -> Stored:
        tag, payload = case_of(data, kind.variants, admitted)
        _refuse_content(payload, kind.variants[tag])
        return tag

    return read_enum


def _special_reader(kind: BigEndianKind | MicrosKind) -> JsonReader:
    field = SPECIAL_FIELDS[kind.name]
    admitted = f'the {kind.name} {{"{field}": …}}'
    read = _number_reader(kind)

    def read_special(data: object) -> Stored:
        match data:
            case [inner]:
                pass
            case dict() if len(data) == 1 and field in data:
                inner = data[field]
            case _:
                raise JsonFaultError(data, admitted)
        try:
            return read(inner)
        except JsonFaultError as fault:
            fault.steps.append(field)
            raise

    return read_special


def _number_reader(kind: BigEndianKind | MicrosKind) -> JsonReader:
    if isinstance(kind, MicrosKind):
        return _direct_reader(I64)
    size = kind.size
    number = _direct_reader(U256 if size == 32 else U128)
    return lambda data: _bytes_of(number(data), size)


def _schedule_reader() -> JsonReader:
    readers = leaf_reader(TIME_DURATION), leaf_reader(TIMESTAMP)
    admitted = 'the ScheduleAt {"Interval": …} or {"Time": …}'

    def read_schedule(data: object) -> Stored:
        tag, payload = case_of(data, SCHEDULE_VARIANTS, admitted)
        try:
            return (tag, readers[tag](payload))
        except JsonFaultError as fault:
            fault.steps.append(SCHEDULE_VARIANTS[tag])
            raise

    return read_schedule
