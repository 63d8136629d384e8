"""Values of users as plain data: what JSON has, and people read.

====================  ==============================================
value                 plain
====================  ==============================================
None, bool, int, str  as it is
float                 as it is; NaN and infinities as text
bytes, Identity, …    ``"0x2a"``, as SQL writes it
Timestamp             RFC 3339, and a `TimeDuration` ``"+1.500000"``
enum                  its name
product, row          an object, by column
one of a union        an object: ``{"Circle": {"radius": 1}}``
sequence              an array
====================  ==============================================

`qsdb.cli.plain_types` makes the same of what a server answers.
"""

import enum
import math
import uuid
from typing import cast

from qsdb.schema.rows import Product, Row, RowClass, shape_of
from qsdb.values.compounds import ArrayKind, OptionKind, ProductKind, SumKind
from qsdb.values.identity import ConnectionId, Identity
from qsdb.values.kinds import Kind
from qsdb.values.timestamps import ScheduleAt, TimeDuration, Timestamp

__all__ = ["columns_of", "plain", "plain_row"]


def plain(value: object, kind: Kind | None = None) -> object:
    """Give a value as plain data.

    Args:
        value: As users see it.
        kind: What it is, where that is known: so unions show which variant it is.

    >>> plain((b"*", None, [1.5]))
    ['0x2a', None, [1.5]]
    """
    if isinstance(kind, OptionKind) and value is not None:
        kind = kind.inner
    match value:
        case enum.Enum():
            return value.name
        case Row() | Product():
            shown = _fields(value)
            is_variant = isinstance(kind, SumKind)
            return {type(value).__name__: shown} if is_variant else shown
        case list() | tuple():
            return _items([*value], kind)
        case dict():
            return {f"{name}": plain(each) for name, each in value.items()}
        case None | bool() | int() | str() | float():
            is_json = not isinstance(value, float) or math.isfinite(value)
            return value if is_json else f"{value}"
        case _:
            return _leaf(value)


def _fields(value: Row | Product) -> dict[str, object]:
    columns = shape_of(cast(RowClass, type(value))).columns
    return {
        each.name: plain(getattr(value, each.attribute), each.binding.kind)
        for each in columns
    }


def _items(values: list[object], kind: Kind | None) -> list[object]:
    if isinstance(kind, ArrayKind):
        return [plain(each, kind.item) for each in values]
    if isinstance(kind, ProductKind):
        pairs = zip(values, kind.fields, strict=True)
        return [plain(each, field.kind) for each, field in pairs]
    return [plain(each) for each in values]


def _leaf(value: object) -> object:
    match value:
        case bytes():
            return f"0x{value.hex()}"
        case Identity() | ConnectionId():
            return f"0x{value.to_hex()}"
        case ScheduleAt():
            name = "Time" if value.is_time else "Interval"
            return {name: f"{value.value}"}
        case Timestamp() | TimeDuration() | uuid.UUID():
            return f"{value}"
        case _:
            return repr(value)


def plain_row(row: object) -> list[object]:
    """Give a row of a result as plain data, in the order of its columns."""
    if isinstance(row, Row):
        return [*_fields(row).values()]
    assert isinstance(row, tuple)  # a named tuple
    return [plain(each) for each in row]


def columns_of(row: object) -> list[str]:
    """Give the names of the columns of a row of a result."""
    if isinstance(row, Row):
        return [each.name for each in shape_of(cast(RowClass, type(row))).columns]
    names: tuple[str, ...] = getattr(row, "_fields", ())
    return [*names]
