"""Kinds as annotations of Python, and the classes that they need.

All names of qsdb stand behind ``qsdb.``, so that classes of users may be called as they
like. Annotations are strings at run time, so classes may be named before they are
declared; only those of one union must come in the order of its variants.
"""

import enum
import graphlib
import itertools
import keyword
import math
from collections.abc import Iterable, Sequence

from qsdb.server.definition_names import FreeNames, identifier_of
from qsdb.values.compounds import ArrayKind, EnumKind, OptionKind, ProductKind, SumKind
from qsdb.values.kinds import Kind

__all__ = ["ClassDeclarations", "NoLiteralError", "class_name_of", "literal"]

_BUILTIN = frozenset({"bool", "str", "bytes"})


class NoLiteralError(Exception):
    """A value has no literal that means the same everywhere."""


def class_name_of(name: str) -> str:
    """Give the name of a kind as that of a class.

    >>> class_name_of("Place"), class_name_of("big place"), class_name_of("class")
    ('Place', 'big_place', 'class_')
    """
    made = identifier_of(name)
    return f"{made}_" if keyword.iskeyword(made) else made


class ClassDeclarations:
    """The classes of a source: enums and products, as they are asked for.

    Attributes:
        free: The names that are not taken yet.
        qsdb: What qsdb is called in the source.
    """

    def __init__(self, function_names: Iterable[str]) -> None:
        """Begin without any.

        Args:
            function_names: Of the functions in the source, which nothing else may have.
        """
        self._taken = frozenset(function_names)
        self.free = FreeNames({*self._taken, *_BUILTIN, "list", "tuple", "object"})
        self.qsdb = self.free.take("qsdb")
        self.enum = self.free.take("enum")
        self.uuid = self.free.take("uuid")
        self._names: dict[Kind, str] = {}
        self._sources: dict[str, list[str]] = {}
        self._unions: list[list[str]] = []

    def builtin(self, name: str) -> str:
        """Give a name of Python's own, also where a function has taken it."""
        return f"builtins.{name}" if name in self._taken else name

    def name_rows(self, kind: Kind, name: str) -> None:
        """Have a class of rows stand for its kind."""
        self._names.setdefault(kind, name)

    def annotation(self, kind: Kind, *, as_parameter: bool = False) -> str:
        """Give the annotation of a kind, and declare what it needs.

        Args:
            kind: It.
            as_parameter: Whether it is one of a function: then an array is a list.
        """
        match kind:
            case OptionKind():
                inner = self.annotation(kind.inner, as_parameter=as_parameter)
                return f"{inner} | None"
            case ArrayKind():
                item = self.annotation(kind.item)
                if as_parameter:
                    return f"{self.builtin('list')}[{item}]"
                return f"{self.builtin('tuple')}[{item}, ...]"
            case ProductKind() if kind.is_tuple:
                items = [self.annotation(each.kind) for each in kind.fields]
                return f"{self.builtin('tuple')}[{', '.join(items)}]"
            case _:
                return self._plain_annotation(kind)

    def _plain_annotation(self, kind: Kind) -> str:
        match kind:
            case SumKind():
                names = [self._class_of(each.kind) for each in kind.variants]
                self._unions.append(names)
                return " | ".join(names)
            case EnumKind() | ProductKind():
                return self._class_of(kind)
            case _:
                return self._leaf(kind.name)

    def _leaf(self, name: str) -> str:
        if name in _BUILTIN:
            return self.builtin(name)
        return f"{self.uuid}.UUID" if name == "UUID" else f"{self.qsdb}.{name}"

    def _class_of(self, kind: Kind) -> str:
        """Give the name of a class, which is declared then."""
        found = self._names.get(kind)
        if found is None:
            found = self.free.take(class_name_of(kind.name))
            self._names[kind] = found
            self._sources[found] = []  # its place is that of the first use
            if isinstance(kind, EnumKind):
                self._sources[found] = self._enum(found, kind)
            else:
                assert isinstance(kind, ProductKind)
                self._sources[found] = self._product(found, kind)
        return found

    def _enum(self, name: str, kind: EnumKind) -> list[str]:
        if all(_is_member(each) for each in kind.variants):
            members = [f"    {each} = {n}" for n, each in enumerate(kind.variants)]
            return [f"class {name}({self.enum}.Enum):", *members]
        pairs = [f"    ({each!r}, {n})," for n, each in enumerate(kind.variants)]
        return [
            f"{name} = {self.enum}.Enum(",
            f"    {name!r},",
            "    [",
            *[f"    {each}" for each in pairs],
            "    ],",
            ")",
        ]

    def _product(self, name: str, kind: ProductKind) -> list[str]:
        # The names of fields are those that they have in Python.
        fields = [
            f"    {field.name}: {self.annotation(field.kind)}" for field in kind.fields
        ]
        return [f"class {name}({self.qsdb}.Product):", *(fields or ["    pass"])]

    def lines(self) -> list[str]:
        """Give the declarations, in an order that unions can be made in."""
        graph: dict[str, set[str]] = {name: set() for name in self._sources}
        for names in self._unions:
            for before, after in itertools.pairwise(names):
                graph[after].add(before)
        order = _stable_order([*self._sources], graph)
        return [line for name in order for line in [*self._sources[name], "", ""]]


def _is_member(name: str) -> bool:
    is_odd = name.startswith("_") or keyword.iskeyword(name)
    return name.isidentifier() and not is_odd and name not in ("mro", "name", "value")


def _stable_order(names: Sequence[str], before: dict[str, set[str]]) -> list[str]:
    """Sort names so that each comes after those before it, else as they are."""
    places = {name: place for place, name in enumerate(names)}
    sorter = graphlib.TopologicalSorter(before)
    sorter.prepare()
    ready = [*sorter.get_ready()]
    order: list[str] = []
    while ready:
        ready.sort(key=places.__getitem__)
        name = ready.pop(0)
        order.append(name)
        sorter.done(name)
        ready += sorter.get_ready()
    return order


def literal(value: object) -> str:
    """Give the source of a default.

    Raises:
        NoLiteralError: there is none.
    """
    match value:
        case enum.Enum():
            raise NoLiteralError
        case None | bool() | int() | str() | bytes():
            return repr(value)
        case float() if math.isfinite(value):
            return repr(value)
        case _:
            raise NoLiteralError
