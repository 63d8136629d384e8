"""What a server answers as plain data, by the types that it tells.

A server answers in SATS-JSON, mostly without names: ``[0, 7]`` for an option. What that
means its types say (`qsdb.server.algebraic_types`). The result is what
`qsdb.cli.plain_values` makes of a user's values.
"""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from qsdb.codec.json_leaves import SPECIAL_FIELDS
from qsdb.values.timestamps import TimeDuration, Timestamp

__all__ = ["AlgebraicType", "plain_of_type", "special_name", "variant_names"]

AlgebraicType = Mapping[str, Any]
"""``{"U8": []}``, ``{"Ref": 3}``, …"""

_SPECIAL_NAMES = {field: name for name, field in SPECIAL_FIELDS.items()}
_OPTION = ["some", "none"]


def _parts(described: AlgebraicType, sort: str) -> list[tuple[str, AlgebraicType]]:
    """Give the fields of a product, or the variants of a sum."""
    return [
        (each["name"].get("some", f"{place}"), each["algebraic_type"])
        for place, each in enumerate(described[sort])
    ]


def special_name(described: AlgebraicType) -> str | None:
    """Give the name of a type that is a product of one field: ``"Timestamp"``."""
    product = described.get("Product")
    if product is None:
        return None
    names = [name for name, _ in _parts(product, "elements")]
    return _SPECIAL_NAMES.get(names[0]) if len(names) == 1 else None


def variant_names(described: AlgebraicType) -> list[str]:
    """Give the names of a sum's variants; none of what is no sum."""
    if "Sum" not in described:
        return []
    return [name for name, _ in _parts(described["Sum"], "variants")]


def plain_of_type(
    described: AlgebraicType, value: object, types: Sequence[AlgebraicType] = ()
) -> object:
    """Give a value as plain data.

    Args:
        described: Its type.
        value: In SATS-JSON, with names or without.
        types: What references mean.

    Raises:
        ValueError, TypeError, LookupError: it is no value of that type.
    """
    [(sort, inner)] = described.items()
    special = special_name(described)
    match sort:
        case "Ref":
            return plain_of_type(types[inner], value, types)
        case "Sum":
            return _sum(_parts(inner, "variants"), value, types)
        case "Product" if special is not None:
            return _special(special, value)
        case "Product":
            return _product(_parts(inner, "elements"), value, types)
        case "Array":
            return _array(inner, value, types)
        case _:
            is_wide = sort in ("U256", "I256") and isinstance(value, str)
            return int(f"{value}", 0) if is_wide else value


def _array(inner: AlgebraicType, value: Any, types: Sequence[AlgebraicType]) -> object:  # noqa: ANN401  of any form
    if isinstance(value, str):  # of bytes
        return f"0x{value}"
    return [plain_of_type(inner, each, types) for each in value]


def _sum(
    variants: Sequence[tuple[str, AlgebraicType]],
    value: Any,  # noqa: ANN401  of any form
    types: Sequence[AlgebraicType],
) -> object:
    names = [name for name, _ in variants]
    if value is None:
        return None
    if isinstance(value, dict):
        [(key, payload)] = value.items()
        place = names.index(key)
    else:
        place, payload = value
    name, inner = variants[place]
    if names == _OPTION:
        return plain_of_type(inner, payload, types) if name == "some" else None
    if inner == {"Product": {"elements": []}} and all(
        each == inner for _, each in variants
    ):
        return name
    return {name: plain_of_type(inner, payload, types)}


def _product(
    fields: Sequence[tuple[str, AlgebraicType]],
    value: Any,  # noqa: ANN401  of any form
    types: Sequence[AlgebraicType],
) -> object:
    names = [name for name, _ in fields]
    values = [value[name] for name in names] if isinstance(value, dict) else value
    pairs = zip(fields, values, strict=True)
    shown = [plain_of_type(inner, each, types) for (_, inner), each in pairs]
    if names == [f"_{place}" for place in range(len(names))]:
        return shown if names else {}
    return dict(zip(names, shown, strict=True))


def _hex(value: Any, characters: int) -> str:  # noqa: ANN401  a number, or hex text
    number = int(value, 0) if isinstance(value, str) else value
    return f"0x{number:0{characters}x}"


_SPECIALS: Mapping[str, Callable[[Any], object]] = {
    "Identity": lambda value: _hex(value, 64),
    "ConnectionId": lambda value: _hex(value, 32),
    "UUID": lambda value: f"{uuid.UUID(int=value)}",
    "Timestamp": lambda value: f"{Timestamp.from_micros(value)}",
    "TimeDuration": lambda value: f"{TimeDuration.from_micros(value)}",
}


def _special(name: str, value: Any) -> object:  # noqa: ANN401  of any form
    [inner] = value.values() if isinstance(value, dict) else value
    return _SPECIALS[name](inner)
