"""Algebraic types of a server's definition, read as kinds.

The other way round is `qsdb.server.algebraic_types`. What a type is called matters to
nobody here but to people: two kinds have the same values on the wire if their
`wire_form` is the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from qsdb.codec.json_leaves import SCHEDULE_VARIANTS, SPECIAL_FIELDS
from qsdb.values import kinds as k
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    Field,
    OptionKind,
    ProductKind,
    SumKind,
    tuple_kind,
)
from qsdb.values.kinds import Kind

__all__ = ["DefinitionError", "TypeReader", "wire_form"]

NESTING_MAX = 64

_SPECIAL = {
    SPECIAL_FIELDS[each.name]: each
    for each in (k.IDENTITY, k.CONNECTION_ID, k.UUID, k.TIMESTAMP, k.TIME_DURATION)
}
_SCALARS: dict[str, Kind] = {
    "Bool": k.BOOL,
    "String": k.STR,
    "F32": k.F32,
    "F64": k.F64,
    **{
        f"{sign}{8 << n}": k.IntKind(8 << n, signed=sign == "I")
        for sign in "IU"
        for n in range(6)
    },
}
UNIT = ProductKind("Unit", ())


class DefinitionError(ValueError):
    """A definition cannot be read."""


class TypeReader:
    """Reads the types of one definition."""

    def __init__(self, types: Sequence[Any], names: Mapping[int, str]) -> None:
        """Read them.

        Args:
            types: Those that others refer to by their places.
            names: Place → what a type is called.
        """
        self._types = types
        self._names = names

    def kind(self, given: Any, name: str = "Product", depth: int = 0) -> Kind:  # noqa: ANN401  JSON
        """Give the kind that a type is.

        Raises:
            DefinitionError: it is none, or nests too deep.
        """
        if depth > NESTING_MAX:
            raise DefinitionError(f"types nest over {NESTING_MAX} levels deep")
        ((tag, payload),) = given.items()
        match tag:
            case "Ref":
                name = self._names.get(payload, f"Type{payload}")
                return self.kind(self._types[payload], name, depth + 1)
            case "Array":
                item = self.kind(payload, "Item", depth + 1)
                return k.BYTES if item == k.U8 else ArrayKind(item)
            case "Product":
                return self._product(self.fields(payload["elements"], depth), name)
            case "Sum":
                return self._sum(self.fields(payload["variants"], depth), name)
            case _ if tag in _SCALARS:
                return _SCALARS[tag]
            case _:
                raise DefinitionError(f"there is no type {tag!r}")

    def fields(self, parts: Sequence[Any], depth: int = 0) -> tuple[Field, ...]:
        """Give the fields of a product, or the variants of a sum.

        Raises:
            DefinitionError: as `kind` does.
        """
        found: list[Field] = []
        for place, part in enumerate(parts):
            name = part["name"].get("some", f"_{place}")
            kind = self.kind(part["algebraic_type"], name, depth + 1)
            found.append(Field(name, kind))
        return tuple(found)

    def _product(self, fields: tuple[Field, ...], name: str) -> Kind:
        if len(fields) == 1 and fields[0].name in _SPECIAL:
            return _SPECIAL[fields[0].name]
        names = [each.name for each in fields]
        if fields and names == [f"_{n}" for n in range(len(fields))]:
            return tuple_kind([each.kind for each in fields])
        return ProductKind(name, fields)

    def _sum(self, variants: tuple[Field, ...], name: str) -> Kind:
        names = tuple([each.name for each in variants])
        are_units = [each.kind == _unit(each.name) for each in variants]
        if names == ("some", "none") and are_units[1]:
            return OptionKind(variants[0].kind)
        if names == SCHEDULE_VARIANTS:
            return k.SCHEDULE_AT
        if all(are_units):
            return EnumKind(name, names)
        return SumKind(variants)


def _unit(name: str) -> ProductKind:
    return ProductKind(name, ())


def wire_form(kind: Kind) -> object:  # noqa: PLR0911  a table
    """Give what is the same for kinds whose values are the same on the wire."""
    match kind:
        case OptionKind():
            return ("option", wire_form(kind.inner))
        case ArrayKind() if kind.item == k.U8:
            return k.BYTES
        case ArrayKind():
            return ("array", wire_form(kind.item))
        case EnumKind():
            return ("sum", tuple([(each, wire_form(UNIT)) for each in kind.variants]))
        case ProductKind():
            return ("product", _forms(kind.fields, named=not kind.is_tuple))
        case SumKind():
            return ("sum", _forms(kind.variants, named=True))
        case _:
            return kind


def _forms(fields: Sequence[Field], *, named: bool) -> tuple[object, ...]:
    return tuple(
        [(each.name if named else "", wire_form(each.kind)) for each in fields]
    )
