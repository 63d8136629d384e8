"""How values lie on the wire: what `struct` can pack, and what it cannot.

A kind is seen as a *template* with *leaves*. Products put no bytes of their own
on the wire, so they are dissolved: a row of a u32 and a point of two f32 has
the template ``({}, ({}, {}))`` and three leaves. Filled with variables the
template takes a stored value apart, filled with expressions it builds one.

A leaf is either a `Scalar`, of fixed width and one code of `struct`, or a kind
that needs statements: text, bytes, option, array or sum. Neighbouring scalars
are packed by one call; a length, a count or a tag is a scalar too and ends the
run of those before it.
"""

import struct

import attrs

from qsdb.errors import LimitError
from qsdb.values.compounds import (
    ArrayKind,
    EnumKind,
    OptionKind,
    ProductKind,
    SumKind,
)
from qsdb.values.kinds import (
    BigEndianKind,
    BoolKind,
    BytesKind,
    FloatKind,
    IntKind,
    Kind,
    MicrosKind,
    ScheduleAtKind,
    StrKind,
)

__all__ = [
    "EMPTY_ITEMS_COUNT_MAX",
    "KIND_DEPTH_MAX",
    "LENGTH_BYTES",
    "LENGTH_MAX",
    "Layout",
    "Leaf",
    "Scalar",
    "layout",
    "length_scalar",
    "refuse_deep",
    "size_range",
    "struct_of",
    "tag_scalar",
    "tuple_source",
]

LENGTH_BYTES = 4
LENGTH_MAX = (1 << 32) - 1
"""Lengths and counts are u32."""

EMPTY_ITEMS_COUNT_MAX = 256
"""Most items of an array whose items have no bytes.

Input can prove such a count by nothing, so a few bytes could claim gigabytes.
With this bound four bytes claim 2 KiB. It holds in both directions, so that
whatever is written can be read.
"""

KIND_DEPTH_MAX = 64
"""Most levels of kinds within kinds.

Python's compiler allows 100 levels of indentation and 200 of parentheses.
"""


@attrs.frozen
class Scalar:
    """A value of fixed width: a code of `struct` and what is done around it.

    Attributes:
        name: Of the kind, for messages.
        code: For `struct`, which makes one value of it: ``q``, ``32s``.
        size: In bytes.
        outgoing: What is packed, as an expression of the stored value ``{0}``.
        incoming: The stored value, as an expression of what was unpacked; it may
            refer to ``_NAN`` and ``_int_from_bytes``.
        values_count: The number has to be below this; None where any will do.
    """

    name: str
    code: str
    size: int
    outgoing: str = "{0}"
    incoming: str = "{0}"
    values_count: int | None = None

    @property
    def is_bounded(self) -> bool:
        """Whether some bytes stand for no value."""
        return self.values_count is not None and self.values_count < 256


Leaf = Scalar | StrKind | BytesKind | OptionKind | ArrayKind | SumKind


@attrs.frozen
class Layout:
    """A kind with its products dissolved.

    Attributes:
        template: Nested parentheses with one ``{}`` for each leaf.
        leaves: In wire order.
    """

    template: str
    leaves: tuple[Leaf, ...]

    def fill(self, parts: list[str]) -> str:
        """Put one text in the place of each leaf."""
        return self.template.format(*parts)

    @property
    def scalars(self) -> tuple[Scalar, ...] | None:
        """The leaves, if all are scalars, so that one struct packs a value."""
        found = tuple([leaf for leaf in self.leaves if isinstance(leaf, Scalar)])
        return found if len(found) == len(self.leaves) else None

    @property
    def codes(self) -> str:
        """The codes of `struct` for all leaves; nothing unless all are scalars."""
        return "".join([scalar.code for scalar in self.scalars or ()])

    @property
    def is_packed_plainly(self) -> bool:
        """Whether one struct takes the leaves' values as they are."""
        scalars = self.scalars or ()
        return bool(scalars) and all(each.outgoing == "{0}" for each in scalars)

    @property
    def is_unpacked_plainly(self) -> bool:
        """Whether one struct gives the leaves' values as they are."""
        scalars = self.scalars or ()
        return bool(scalars) and all(
            each.incoming == "{0}" and not each.is_bounded for each in scalars
        )

    @property
    def is_flat(self) -> bool:
        """Whether a value is a tuple of the leaves' values, one after another."""
        return self.template == tuple_source(["{}"] * len(self.leaves))


def layout(kind: Kind) -> Layout:
    """Dissolve the products of `kind`; cost: its products' fields."""
    match kind:
        case ProductKind():
            parts = [layout(field.kind) for field in kind.fields]
            leaves = [leaf for part in parts for leaf in part.leaves]
            template = tuple_source([part.template for part in parts])
            return Layout(template, tuple(leaves))
        case ScheduleAtKind():
            tag = tag_scalar("ScheduleAt", 2)
            return Layout("({}, {})", (tag, Scalar("ScheduleAt", "q", 8)))
        case StrKind() | BytesKind() | OptionKind() | ArrayKind() | SumKind():
            return Layout("{}", (kind,))
        case _:
            return Layout("{}", (_scalar(kind),))


def length_scalar(name: str) -> Scalar:
    """Give the length, in bytes or items, that stands before what `name` names."""
    return Scalar(f"length of {name}", "I", LENGTH_BYTES)


def tag_scalar(name: str, variants_count: int) -> Scalar:
    """Give the tag that stands before the payload of a sum or an option."""
    assert variants_count <= 256
    return Scalar(f"tag of {name}", "B", 1, values_count=variants_count)


def tuple_source(parts: list[str]) -> str:
    """Give the source of a tuple, which also is a pattern that takes one apart."""
    return f"({parts[0]},)" if len(parts) == 1 else f"({', '.join(parts)})"


def struct_of(scalars: tuple[Scalar, ...]) -> struct.Struct:
    """Give the struct that packs `scalars` one after another."""
    return struct.Struct("<" + "".join([scalar.code for scalar in scalars]))


def size_range(kind: Kind) -> tuple[int, int | None]:
    """Give the least and the greatest encoded size in bytes.

    The greatest is None for text, bytes, arrays and what contains them.
    """
    match kind:
        case StrKind() | BytesKind() | ArrayKind():
            return LENGTH_BYTES, None
        case ScheduleAtKind():
            return 9, 9
        case OptionKind():
            _, greatest = size_range(kind.inner)
            return 1, None if greatest is None else 1 + greatest
        case ProductKind():
            ranges = [size_range(field.kind) for field in kind.fields]
            return sum(low for low, _ in ranges), _total([high for _, high in ranges])
        case SumKind():
            ranges = [size_range(variant.kind) for variant in kind.variants]
            highs = [high for _, high in ranges if high is not None]
            is_bounded = len(highs) == len(ranges)
            return 1 + min(low for low, _ in ranges), (
                1 + max(highs) if is_bounded else None
            )
        case _:
            size = _scalar(kind).size
            return size, size


def refuse_deep(kind: Kind) -> None:
    """Refuse a kind that nests deeper than generated code could.

    Raises:
        LimitError: more than `KIND_DEPTH_MAX` levels.
    """
    level = [kind]
    for _ in range(KIND_DEPTH_MAX):
        parts = [part for each in level for part in _parts(each)]
        level = list({id(part): part for part in parts}.values())
        if not level:
            return
    raise LimitError(
        f"a kind nests more than {KIND_DEPTH_MAX} levels deep, "
        f"which is the most that can be encoded"
    )


def _scalar(kind: Kind) -> Scalar:
    match kind:
        case BoolKind():
            return Scalar("bool", "B", 1, incoming="({0} == 1)", values_count=2)
        case EnumKind():
            return Scalar(kind.name, "B", 1, values_count=len(kind.variants))
        case IntKind():
            return _int_scalar(kind)
        case MicrosKind():
            return Scalar(kind.name, "q", 8)
        case FloatKind():
            canonical = "(({0} or 0.0) if {0} == {0} else _NAN)"
            code = "f" if kind.bits == 32 else "d"
            return Scalar(kind.name, code, kind.bits // 8, incoming=canonical)
        case _:
            assert isinstance(kind, BigEndianKind), f"no layout for {kind!r}"
            code, turned = f"{kind.size}s", "{0}[::-1]"
            return Scalar(kind.name, code, kind.size, turned, turned)


def _int_scalar(kind: IntKind) -> Scalar:
    size = kind.bits // 8
    code = {1: "b", 2: "h", 4: "i", 8: "q"}.get(size)
    if code is not None:
        return Scalar(kind.name, code if kind.signed else code.upper(), size)
    signed = ", signed=True" if kind.signed else ""
    outgoing = f"{{0}}.to_bytes({size}, 'little'{signed})"
    incoming = f"_int_from_bytes({{0}}, 'little'{signed})"
    return Scalar(kind.name, f"{size}s", size, outgoing, incoming)


def _total(sizes: list[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _parts(kind: Kind) -> list[Kind]:
    match kind:
        case OptionKind():
            return [kind.inner]
        case ArrayKind():
            return [kind.item]
        case ProductKind():
            return [field.kind for field in kind.fields]
        case SumKind():
            return [variant.kind for variant in kind.variants]
        case _:
            return []
