"""Kinds as the SDK's type builders: ``t.option(t.u32())``.

===============  ===================================================
kind             builder
===============  ===================================================
int, float, …    ``t.u32()``, ``t.f64()``, ``t.bool()``, ``t.string()``
bytes            ``t.byteArray()``
Identity, …      ``t.identity()``, ``t.timestamp()``, …
option, array    ``t.option(…)``, ``t.array(…)``
enum             ``t.enum("Mood", ["calm", "angry"])``, declared once
product, tuple   ``t.object("Place", {…})``, likewise
union            ``t.enum("AOrB", {A, B})``, likewise
===============  ===================================================

What has a name is declared before it is used: kinds contain no cycles.
"""

from collections.abc import Sequence

from qsdb.generate.typescript_names import (
    GLOBAL_NAMES,
    VARIANT_MEMBERS,
    accessors,
    quoted,
    shown_key,
)
from qsdb.server.algebraic_types import Typespace
from qsdb.server.definition_names import FreeNames
from qsdb.values.compounds import ArrayKind, EnumKind, OptionKind, ProductKind, SumKind
from qsdb.values.kinds import Kind

__all__ = ["TypeDeclarations", "call_lines", "object_lines"]

LINE_CHARACTERS_MAX = 88

_LEAVES = {
    "str": "string",
    "bytes": "byteArray",
    "Identity": "identity",
    "ConnectionId": "connectionId",
    "Timestamp": "timestamp",
    "TimeDuration": "timeDuration",
    "ScheduleAt": "scheduleAt",
    "UUID": "uuid",
}
"""Kinds whose builders are not called like them."""


def object_lines(parts: Sequence[tuple[str, str]]) -> list[str]:
    """Write an object, a line for each of its parts."""
    if not parts:
        return ["{}"]
    return ["{", *[f"  {shown_key(key)}: {each}," for key, each in parts], "}"]


def call_lines(function: str, first: str, lines: Sequence[str]) -> list[str]:
    """Write a call with a short argument and one of several lines."""
    begin, *rest = lines
    opened = f"{function}({first}, {begin}"
    return [opened, *rest[:-1], f"{rest[-1]})"] if rest else [f"{opened})"]


class TypeDeclarations:
    """The named types of a module, as they are asked for.

    Attributes:
        lines: Their declarations.
    """

    def __init__(self, typespace: Typespace) -> None:
        """Begin without any; the typespace gives their names."""
        self.lines: list[str] = []
        self._typespace = typespace
        self._free = FreeNames({*GLOBAL_NAMES})
        self._declared: dict[int, str] = {}

    def builder(self, kind: Kind) -> str:
        """Give the expression for a kind, and declare what it needs."""
        match kind:
            case OptionKind():
                return f"t.option({self.builder(kind.inner)})"
            case ArrayKind():
                return f"t.array({self.builder(kind.item)})"
            case EnumKind() | ProductKind() | SumKind():
                return self.named(kind)
            case _:
                return f"t.{_LEAVES.get(kind.name, kind.name)}()"

    def named(self, kind: EnumKind | ProductKind | SumKind) -> str:
        """Give the name of a type, which is declared then."""
        place = self._typespace.place_of(kind)
        name = self._declared.get(place)
        if name is None:
            made = self._written_out(kind, self._typespace.names[place])
            name = self._free.take(self._typespace.names[place])
            self._declared[place] = name
            begin, *rest = made
            self.lines += [f"export const {name} = {begin}", *rest]
            self.lines[-1] += ";"
            self.lines += [f"export type {name} = Infer<typeof {name}>;", ""]
        return name

    def _written_out(
        self, kind: EnumKind | ProductKind | SumKind, name: str
    ) -> list[str]:
        match kind:
            case EnumKind():
                tags = [quoted(each) for each in self._tags(kind.variants)]
                line = f"t.enum({quoted(name)}, [{', '.join(tags)}])"
                if len(line) + len(name) < LINE_CHARACTERS_MAX:
                    return [line]
                return call_lines(
                    "t.enum", quoted(name), ["[", *[f"  {each}," for each in tags], "]"]
                )
            case ProductKind():
                keys = self.field_accessors(kind)
                builders = [self.builder(each.kind) for each in kind.fields]
                lines = object_lines([*zip(keys, builders, strict=True)])
                return call_lines("t.object", quoted(name), lines)
            case _:
                tags = self._tags([each.name for each in kind.variants])
                builders = [self.builder(each.kind) for each in kind.variants]
                lines = object_lines([*zip(tags, builders, strict=True)])
                return call_lines("t.enum", quoted(name), lines)

    @staticmethod
    def _tags(names: Sequence[str]) -> list[str]:
        free = FreeNames({*VARIANT_MEMBERS})
        return [free.take(each) for each in names]

    @staticmethod
    def field_accessors(kind: ProductKind) -> list[str]:
        """Give what the fields of a product are called; those of tuples ``_0``, …."""
        if kind.is_tuple:
            return [f"_{place}" for place in range(len(kind.fields))]
        return accessors([each.name for each in kind.fields])
