"""Generated: sections and whole records of commits that put one row or two.

Most commits are calls that put one row or two into one table. Their record is put
together in one go: arguments and rows are taken apart, each run of scalars is packed by
one call of `struct`, with what is the same in every record, and texts stand between.
The shape of the source, for a reducer of two numbers and a table of a number and a
text::

    def write(images, find, microseconds, origin, state, arguments):
        try:
            if _len(images) == 1:
                ((key, old),) = images.items()
                row = find(key)
                if row is not None and row != old:
                    (p0, p1) = arguments
                    (v0, v1) = row
                    v2 = v1.encode()
                    n2 = _len(v2)
                    return (
                        _pack(
                            1,
                            microseconds,
                            origin,
                            state,
                            _name,
                            p0,
                            p1,
                            _head,
                            14 + n2,
                            v0,
                            n2,
                        )
                        + v2
                    )
            elif _len(images) == 2:
                (likewise)
        except _errors:  # a length is over u32, which is told by
            pass
        return _otherwise(images, find, microseconds, origin, state, arguments)

``pack(*arguments, *row)`` would cost twice that: it makes a list and a tuple first.
A section alone is written likewise, of ``images`` and ``find``.
"""

import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import count

import attrs

from qsdb.codec.bsatn import encoder
from qsdb.codec.encode import joined_source
from qsdb.codec.layout import Leaf, Scalar, layout, tuple_source
from qsdb.errors import LimitError
from qsdb.log.records import CALL_CODES, COUNT, IS_CALL, LENGTH, SECTION
from qsdb.values.compounds import ProductKind
from qsdb.values.kinds import BytesKind, Kind, StrKind
from qsdb.values.source import Names, compile_source

__all__ = ["Calls", "Rows", "compile_writer"]

LEAVES_MAX = 64
"""Of arguments and a row together. What has more takes longer to compile than it saves,
and the compiler goes as deep as there are texts."""


@attrs.frozen
class Rows:
    """The rows that are put.

    Attributes:
        table_id: The table's number in the catalogue.
        kind: Of a row.
    """

    table_id: int
    kind: ProductKind


@attrs.frozen
class Calls:
    """The calls that put them.

    Attributes:
        name: The reducer's, after its length.
        parameters: A product of its parameters.
        enter: For each of them, what makes of its variable an expression for the value
            that is stored.
    """

    name: bytes
    parameters: ProductKind
    enter: Sequence[Callable[[str, Names], str]]


def compile_writer(
    title: str, rows: Rows, otherwise: Callable[..., bytes], calls: Calls | None = None
) -> Callable[..., bytes]:
    """Make the function that writes sections, or records of calls.

    Where there are more than `LEAVES_MAX`, that is `otherwise` itself.

    Args:
        title: Of the source, for tracebacks.
        rows: What the commits put.
        otherwise: Takes the same, and writes whatever there is.
        calls: Who puts them; None for a section alone.

    Cost: half a millisecond, and a tenth for each column and parameter.
    """
    leaves = len(layout(rows.kind).leaves)
    if calls is not None:
        leaves += len(layout(calls.parameters).leaves)
    if leaves > LEAVES_MAX:
        return otherwise
    names = Names(otherwise=otherwise, errors=(struct.error, LimitError))
    writer = _Writer(names, rows, calls)
    source = "\n".join(writer.lines())
    write = compile_source(title, source, names)["write"]
    assert callable(write)
    return write


class _Value:
    """What is written of some values that are taken apart.

    Attributes:
        lines: Statements before.
        pieces: Code of `struct` and expression of each scalar; without a code, bytes.
        size: How many bytes it has at least.
        lengths: Variables of how many more it has.
    """

    def __init__(self, names: Names, numbers: Iterator[int]) -> None:
        self.lines: list[str] = []
        self.pieces: list[tuple[str, str]] = []
        self.size = 0
        self.lengths: list[str] = []
        self._names = names
        self._numbers = numbers

    def take(self, kind: Kind, expression: str) -> None:
        """Write the stored value that an expression gives; a product is taken apart."""
        shape = layout(kind)
        if shape.template == "{}":
            self.add(shape.leaves[0], expression)
            return
        variables = [f"v{next(self._numbers)}" for _ in shape.leaves]
        self.lines.append(f"{shape.fill(variables)} = {expression}")
        for leaf, each in zip(shape.leaves, variables, strict=True):
            self.add(leaf, each)

    def add(self, leaf: Leaf, expression: str) -> None:
        """Write what an expression gives, which has no parts."""
        if isinstance(leaf, Scalar):
            self.pieces.append((leaf.code, leaf.outgoing.format(expression)))
            self.size += leaf.size
            return
        number = next(self._numbers)
        data, length = f"v{number}", f"n{number}"
        if isinstance(leaf, StrKind):
            self.lines.append(f"{data} = {expression}.encode()")
        elif isinstance(leaf, BytesKind):
            self.lines.append(f"{data} = {expression}")
        else:
            encode = self._names.bind("encode", encoder(leaf))
            self.lines.append(f"{data} = {encode}({expression})")
        self.lines.append(f"{length} = _len({data})")
        if isinstance(leaf, StrKind | BytesKind):
            self.pieces.append(("I", length))
            self.size += LENGTH.size
        self.pieces.append(("", data))
        self.lengths.append(length)

    def length(self, more: int = 0) -> str:
        """Give the expression of how many bytes it has, and of some more."""
        return " + ".join([str(self.size + more), *self.lengths])


class _Writer:
    """Writes one source."""

    def __init__(self, names: Names, rows: Rows, calls: Calls | None) -> None:
        self._names = names
        self._rows = rows
        self._calls = calls
        self._numbers = count()

    def lines(self) -> Iterator[str]:
        """Give the lines of the function."""
        parameters = "images, find"
        if self._calls is not None:
            parameters += ", microseconds, origin, state, arguments"
        yield f"def write({parameters}):"
        yield "    try:"
        yield from _indented(2, _ONE)
        yield from _indented(4, self._put(["row"]))
        yield from _indented(2, _TWO)
        yield from _indented(4, self._put(["row", "second"]))
        yield "    except _errors:"
        yield "        pass"
        yield f"    return _otherwise({parameters})"

    def _arguments(self, calls: Calls) -> _Value:
        value = _Value(self._names, self._numbers)
        variables = [f"p{number}" for number in range(len(calls.enter))]
        value.lines.append(f"{tuple_source(variables)} = arguments")
        for field, variable, enter in zip(
            calls.parameters.fields, variables, calls.enter, strict=True
        ):
            value.take(field.kind, enter(variable, self._names))
        return value

    def _call(self, calls: Calls, arguments: _Value) -> list[tuple[str, str]]:
        """Give what stands before the sections."""
        flags, time, origin, state = CALL_CODES
        name = calls.name
        if arguments.lengths:
            length = [("I", arguments.length())]
        else:
            name, length = name + LENGTH.pack(arguments.size), []
        return [
            (flags, str(IS_CALL)),
            (time, "microseconds"),
            (origin, "origin"),
            (state, "state"),
            (f"{len(name)}s", self._names.bind("name", name)),
            *length,
            *arguments.pieces,
        ]

    def _put(self, rows: list[str]) -> list[str]:
        """Give the block that puts rows."""
        lines: list[str] = []
        before: list[tuple[str, str]] = []
        if self._calls is not None:
            arguments = self._arguments(self._calls)
            lines, before = arguments.lines, self._call(self._calls, arguments)
        value = _Value(self._names, self._numbers)
        for row in rows:
            value.take(self._rows.kind, row)
        length = 0 if value.lengths else COUNT.size + value.size
        head = SECTION.pack(self._rows.table_id, len(rows), 0, length) + COUNT.pack(0)
        if value.lengths:
            fixed = SECTION.size - LENGTH.size
            name = self._names.bind("head", head[:fixed])
            section = [
                (f"{fixed}s", name),
                ("I", value.length(COUNT.size)),
                (f"{COUNT.size}x", ""),
            ]
        else:
            section = [(f"{len(head)}s", self._names.bind("head", head))]
        pieces = [*before, *section, *value.pieces]
        return [*lines, *value.lines, f"return {self._joined(pieces)}"]

    def _joined(self, pieces: Iterable[tuple[str, str]]) -> str:
        """Give the expression of all pieces, one after the other."""
        parts: list[str] = []
        codes, packed = "", list[str]()
        for code, expression in [*pieces, ("", "")]:
            if code:
                codes += code
                packed += [expression] if expression else []
                continue
            if codes:
                pack = self._names.bind("pack", struct.Struct(f"<{codes}").pack)
                parts.append(f"{pack}({', '.join(packed)})")
                codes, packed = "", []
            parts += [expression] if expression else []
        return joined_source(parts)


_ONE = [
    "if _len(images) == 1:",
    "    ((key, old),) = images.items()",
    "    row = find(key)",
    "    if row is not None and row != old:",
]
"""Begins the block of one row that is put, and nothing else."""

_TWO = [
    "elif _len(images) == 2:",
    "    ((key, old), (other, was)) = images.items()",
    "    row, second = find(key), find(other)",
    "    if row is not None and second is not None and row != old and second != was:",
]
"""Likewise of two."""


def _indented(depth: int, lines: Iterable[str]) -> Iterator[str]:
    return (f"{'    ' * depth}{line}" for line in lines)
