"""Kinds as algebraic types: what clients of SpacetimeDB know a column to be.

Data are in the form of the meta-type `ALGEBRAIC_TYPE`. A `Typespace` numbers the types
that have a name, and refers to them; `inline_type` writes a kind out, as the answers of
SQL have it.

=======================  =========================================================
kind                     type
=======================  =========================================================
ints, floats, bool, str  the type of that name
bytes                    array of U8
Identity, Timestamp, …   product of the one field by which it is recognised
ScheduleAt               sum of ``Interval`` and ``Time``
option                   sum of ``some`` and ``none``
array                    array
enum                     named sum of units
product                  named product
tuple of fixed size      named product of ``_0``, ``_1``, …; its name is made of its
                         parts: ``TupleU8Str``
union                    named sum; its name is made of its variants: ``CircleOrSquare``
=======================  =========================================================

Names of types are not on the wire, so what is no identifier elsewhere is made one, by
``_`` for what does not belong there; a name that is taken gets a number: ``Point2``.
"""

import re

from qsdb.codec.json_leaves import SCHEDULE_VARIANTS, SPECIAL_FIELDS
from qsdb.server.definition_names import identifier_of
from qsdb.values.compounds import ArrayKind, EnumKind, OptionKind, ProductKind, SumKind
from qsdb.values.kinds import (
    I64,
    TIME_DURATION,
    TIMESTAMP,
    U8,
    U128,
    U256,
    BigEndianKind,
    BytesKind,
    Kind,
    MicrosKind,
    ScheduleAtKind,
    StrKind,
)

__all__ = ["UNIT_TYPE", "Data", "Typespace", "inline_product", "inline_type"]

Data = dict[str, object]
"""An object of a definition, in the form of its meta-type."""

UNIT_TYPE: Data = {"Product": {"elements": []}}

TYPE_NAME_MAX = 60
"""Longest name that is made of other names."""


def field_name(kind: ProductKind, place: int) -> str:
    """Give the name that a field has in a type."""
    return f"_{place}" if kind.is_tuple else kind.fields[place].name


def part(name: str, algebraic_type: Data) -> Data:
    """Give a field of a product, or a variant of a sum."""
    return {"name": {"some": name}, "algebraic_type": algebraic_type}


def inline_product(kind: ProductKind) -> Data:
    """Give the type of a row without references: ``{"elements": [...]}``."""
    parts = [
        part(field_name(kind, place), inline_type(field.kind))
        for place, field in enumerate(kind.fields)
    ]
    return {"elements": parts}


def inline_type(kind: Kind) -> Data:
    """Give the type of a kind without references.

    >>> from qsdb.values.kinds import U8
    >>> inline_type(ArrayKind(U8))
    {'Array': {'U8': []}}
    """
    return _Writer().type_of(kind)


class _Writer:
    """Writes types out."""

    def type_of(self, kind: Kind) -> Data:
        """Give the type of a kind."""
        match kind:
            case OptionKind():
                some = part("some", self.type_of(kind.inner))
                return {"Sum": {"variants": [some, part("none", UNIT_TYPE)]}}
            case ArrayKind():
                return {"Array": self.type_of(kind.item)}
            case EnumKind() | ProductKind() | SumKind():
                return self.named_type(kind)
            case ScheduleAtKind():
                kinds = zip(SCHEDULE_VARIANTS, (TIME_DURATION, TIMESTAMP), strict=True)
                variants = [part(name, self.type_of(each)) for name, each in kinds]
                return {"Sum": {"variants": variants}}
            case _:
                return _leaf_type(kind)

    def named_type(self, kind: Kind) -> Data:
        """Give the type of a kind that has a name."""
        return self.written_out(kind)

    def written_out(self, kind: Kind) -> Data:
        """Give a product or sum with its parts."""
        match kind:
            case EnumKind():
                variants = [part(name, UNIT_TYPE) for name in kind.variants]
                return {"Sum": {"variants": variants}}
            case ProductKind():
                return {"Product": self.product(kind)}
            case _:
                assert isinstance(kind, SumKind)
                variants = [
                    part(each.name, self.type_of(each.kind)) for each in kind.variants
                ]
                return {"Sum": {"variants": variants}}

    def product(self, kind: ProductKind) -> Data:
        """Give the fields of a product: of a row, or the parameters of a function."""
        parts = [
            part(field_name(kind, place), self.type_of(field.kind))
            for place, field in enumerate(kind.fields)
        ]
        return {"elements": parts}


class Typespace(_Writer):
    """The types of one module that have names; each kind is there once.

    Attributes:
        types: Their types, in the order in which they were first asked for.
        names: Theirs.
    """

    def __init__(self) -> None:
        """Begin without types."""
        self.types: list[Data] = []
        self.names: list[str] = []
        self._places: dict[Kind, int] = {}

    def place_of(self, kind: Kind) -> int:
        """Give the number of a kind that has a name."""
        found = self._places.get(kind)
        if found is None:
            found = self._places[kind] = len(self.types)
            self.names.append(self._free(_type_name(kind)))
            self.types.append({})
            self.types[found] = self.written_out(kind)
        return found

    def alias(self, kind: Kind, place: int) -> None:
        """Have a kind stand for a type that is there; nothing if it has one already."""
        self._places.setdefault(kind, place)

    def named_type(self, kind: Kind) -> Data:
        return {"Ref": self.place_of(kind)}

    def _free(self, name: str) -> str:
        number, candidate = 1, name
        while candidate in self.names:
            number += 1
            candidate = f"{name}{number}"
        return candidate


def _type_name(kind: Kind) -> str:
    match kind:
        case SumKind():
            made = "Or".join([each.name for each in kind.variants])
        case ProductKind() if kind.is_tuple:
            words = re.findall(r"\w+", kind.name)
            made = "".join([word[0].upper() + word[1:] for word in words])
        case _:
            made = kind.name
            return identifier_of(made)
    return identifier_of(made[:TYPE_NAME_MAX])


def _leaf_type(kind: Kind) -> Data:
    match kind:
        case StrKind():
            return {"String": []}
        case BytesKind():
            return {"Array": _leaf_type(U8)}
        case MicrosKind():
            inner: Kind = I64
        case BigEndianKind():
            inner = U256 if kind.size == 32 else U128
        case _:
            return {kind.name.capitalize(): []}
    return {
        "Product": {"elements": [part(SPECIAL_FIELDS[kind.name], _leaf_type(inner))]}
    }
