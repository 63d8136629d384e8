"""Typed connections in a Python source: protocols of what a client can call.

There is one for programs with threads, and one for those in an event loop, whose
functions are awaited: ``typed(connection)``, ``typed_async(connection)``.
"""

from collections.abc import Iterable, Iterator, Sequence

import attrs

from qsdb.generate.python_signatures import (
    inside,
    own_name,
    parameter_texts,
    returned_text,
)
from qsdb.generate.python_types import ClassDeclarations
from qsdb.schema.functions import Reducer
from qsdb.schema.procedures import Procedure

__all__ = ["Protocols"]

Functions = Sequence[Reducer | Procedure]


@attrs.define
class Protocols:
    """Writes the protocols.

    Attributes:
        classes: Know what kinds are called.
        paths: What is mounted, the outermost first.
        reducers: All that clients may call.
        procedures: Likewise.
    """

    classes: ClassDeclarations
    paths: Sequence[str]
    reducers: Functions
    procedures: Functions
    any_name: str = attrs.field(init=False)
    protocol_name: str = attrs.field(init=False)
    cast_name: str = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        """Name what is imported."""
        free = self.classes.free
        self.any_name = free.take("Any")
        self.protocol_name = free.take("Protocol")
        self.cast_name = free.take("cast")

    def lines(self) -> Iterator[str]:
        """Give all of them."""
        yield from self._connection("", "typed", is_async=False)
        yield ""
        yield ""
        yield from self._connection("Async", "typed_async", is_async=True)

    def _connection(
        self, prefix: str, function: str, *, is_async: bool
    ) -> Iterator[str]:
        """Write the protocol of a connection, and the function that gives one."""
        names: dict[str, str] = {}
        for sort, functions in (
            ("Reducers", self.reducers),
            ("Procedures", self.procedures),
        ):
            for path in reversed(self.paths):
                words = [each.capitalize() for each in path.split(".")]
                name = self.classes.free.take(f"{prefix}{''.join(words)}{sort}")
                inner = self._mounted(path, sort, names)
                names[f"{path}:{sort}"] = name
                yield f"class {name}({self.protocol_name}):"
                whose = path or "the module"
                yield f'    """{sort} of {whose}, as a client calls them."""'
                yield ""
                for each in inside(functions, path):
                    yield from self._method(each, is_async=is_async)
                yield from inner
                yield ""
        made = self.classes.free.take(f"{prefix}Connection")
        give = self.classes.free.take(function)
        yield f"class {made}({self.protocol_name}):"
        yield '    """A connection to a database of this module."""'
        yield ""
        yield from self._property("identity", f"{self.classes.qsdb}.Identity")
        yield from self._property("token", self.classes.builtin("str"))
        yield from self._property("db", self.any_name)
        yield from self._property("reducers", names[":Reducers"])
        yield from self._property("procedures", names[":Procedures"])
        yield f"    {'async ' * is_async}def close(self) -> None: ..."
        yield ""
        yield ""
        given = self.classes.builtin("object")
        yield f"def {give}(connection: {given}) -> {made}:"
        yield '    """Give a connection, with functions that type checkers know."""'
        yield f"    return {self.cast_name}({made!r}, connection)"

    def _mounted(self, path: str, sort: str, names: dict[str, str]) -> Iterable[str]:
        """Write what is mounted in a module, each by its own protocol."""
        return [
            line
            for inner in self.paths
            if inner and inner.rpartition(".")[0] == path
            for line in self._property(
                inner.rpartition(".")[2], names[f"{inner}:{sort}"]
            )
        ]

    def _method(
        self, function: Reducer | Procedure, *, is_async: bool
    ) -> Iterator[str]:
        name = function.name.rpartition(".")[2]
        yield f"    {'async ' * is_async}def {name}("
        yield f"        {own_name(function.parameters)},"
        for each in parameter_texts(function.parameters, self.classes):
            yield f"        {each},"
        yield f"    ) -> {returned_text(function, self.classes)}: ..."
        yield ""

    def _property(self, name: str, annotation: str) -> Iterator[str]:
        yield f"    @{self.classes.builtin('property')}"
        yield f"    def {name}(self) -> {annotation}: ..."
        yield ""
