"""Writes the source of decoders and readers: BSATN to stored values.

A decoder takes bytes that hold one value and nothing else; a reader takes a
buffer and a position, and gives a value and the position after it. Each run of
scalars is unpacked by one call, then checked. For a row of a u64 and a text::

    def decode(data):
        size = len(data)
        try:
            (v0, v1) = _unpack_from(data, 0)
        except _StructError:
            raise _DecodeError.truncated(len(data), 0, ...) from None
        if v1 > size - 12:
            raise _DecodeError.overlong("str", 12 - 4, v1, size - 12)
        position = 12 + v1
        try:
            v2 = data[12:position].decode()
        except UnicodeDecodeError as error:
            raise _DecodeError.unreadable(12, error) from None
        if position != size:
            raise _DecodeError.trailing("Player", position, size)
        return (v0, v2)

Rules of what is written:

1. No value is given from bytes that are not there: `struct` refuses a short
   run, and a length is compared with what is left before anything is cut out.
2. Nothing is allocated for a length or count before it is sure that the bytes
   left could hold it; items without bytes have a bound of their own.
3. A value is canonical: bools, tags and enums are compared with their bound,
   every NaN is `NAN`, no zero is negative, text is valid Unicode.
4. Calls nest no deeper than arrays and sums do in the kind.

What is wrong is told by `qsdb.codec.bsatn.DecodeError`, which is bound by
whoever compiles the source.
"""

import struct
from collections.abc import Callable

from qsdb.codec.layout import (
    EMPTY_ITEMS_COUNT_MAX,
    Layout,
    Leaf,
    Scalar,
    layout,
    length_scalar,
    size_range,
    struct_of,
    tag_scalar,
    tuple_source,
)
from qsdb.codec.unpacking import Unpacking
from qsdb.values.compounds import ArrayKind, OptionKind, SumKind
from qsdb.values.kinds import BytesKind, Kind, Stored, StrKind
from qsdb.values.source import Names

__all__ = ["Buffer", "Decoder", "Reader", "decoder_source", "reader_source"]

Buffer = bytes | bytearray | memoryview
"""What a reader takes; a memoryview must be one of single bytes."""

Decoder = Callable[[bytes], Stored]
"""Takes the bytes of one value, and nothing else, and gives the stored value."""

Reader = Callable[[Buffer, int], tuple[Stored, int]]
"""Takes a buffer and a position in it; gives a stored value and the next one."""


def decoder_source(
    kind: Kind, names: Names, reader_of: Callable[[Kind], Reader]
) -> str:
    """Write ``decode(data)`` for `kind`.

    Args:
        kind: Of the value.
        names: Takes what the source refers to, save ``_DecodeError``.
        reader_of: Gives the reader of a kind of array items or of a variant.
    """
    whole = kind if layout(kind).scalars else None
    code = Unpacking(names, base="", whole=whole)
    value = _Body(code, reader_of, is_decoder=True).read(kind)
    if whole is None:
        end = code.place()
        code.lines.insert(0, _SIZE)
        code.add(f"if {end} != size:")
        code.add(f"    raise _DecodeError.trailing({kind.name!r}, {end}, size)")
    return f"def decode(data):\n{''.join(code.lines)}    return {value}\n"


def reader_source(kind: Kind, names: Names, reader_of: Callable[[Kind], Reader]) -> str:
    """Write ``read(data, position)`` for `kind`; the arguments are the same."""
    code = Unpacking(names, base="position", whole=None)
    body = _Body(code, reader_of, is_decoder=False)
    value = body.read(kind)
    if layout(kind).scalars is None:
        code.lines.insert(0, _SIZE)
    return (
        f"def read(data, position):\n"
        f"    assert position >= 0\n"
        f"{_IS_BYTES if body.cuts else ''}"
        f"{''.join(code.lines)}"
        f"    return {value}, {code.place()}\n"
    )


_INLINE = Scalar, StrKind, BytesKind
"""What items of arrays may have without a call for each: rows mostly have no more."""

_SIZE = "    size = len(data)\n"
_IS_BYTES = "    is_bytes = type(data) is bytes\n"


class _Body:
    """The statements of one function, by the kind of what is read.

    Attributes:
        cuts: Whether text or bytes are cut out of ``data``.
    """

    def __init__(
        self,
        code: Unpacking,
        reader_of: Callable[[Kind], Reader],
        *,
        is_decoder: bool,
    ) -> None:
        """Begin a function whose statements are added to `code`.

        Args:
            code: Takes the statements.
            reader_of: Gives the reader of another kind.
            is_decoder: Whether ``data`` is certain to be `bytes`.
        """
        self.cuts = False
        self._code = code
        self._reader_of = reader_of
        self._is_decoder = is_decoder

    def read(self, kind: Kind) -> str:
        """Read a value where no run is open; give its expression."""
        shape = layout(kind)
        if shape.scalars and shape.is_flat and shape.is_unpacked_plainly:
            row = self._code.variable()
            self._code.unpack(shape.scalars, row)
            return row
        values = [self._read_leaf(leaf) for leaf in shape.leaves]
        self._code.flush()
        return shape.fill(values)

    def _read_leaf(self, leaf: Leaf) -> str:
        match leaf:
            case Scalar():
                return leaf.incoming.format(self._code.queue(leaf))
            case StrKind() | BytesKind():
                return self._read_sized(leaf)
            case OptionKind():
                return self._read_option(leaf)
            case ArrayKind():
                return self._read_array(leaf)
            case _:  # a SumKind is all that is left
                return self._read_sum(leaf)

    def _read_sized(self, kind: StrKind | BytesKind) -> str:
        code = self._code
        length = code.queue(length_scalar(kind.name))
        code.flush()
        start = code.pass_items(kind, length, 1)
        self.cuts = True
        cut, value = f"data[{start}:position]", code.variable()
        if isinstance(kind, BytesKind):
            copied = "" if self._is_decoder else f" if is_bytes else bytes({cut})"
            code.add(f"{value} = {cut}{copied}")
            return value
        copied = "" if self._is_decoder else f" if is_bytes else str({cut}, 'utf-8')"
        code.add("try:")
        code.add(f"    {value} = {cut}.decode(){copied}")
        code.add("except UnicodeDecodeError as error:")
        code.add(f"    raise _DecodeError.unreadable({start}, error) from None")
        return value

    def _read_option(self, kind: OptionKind) -> str:
        code = self._code
        tag = code.queue(tag_scalar(kind.name, 2))
        code.flush()
        code.settle()
        value = code.variable()
        code.add(f"if {tag}:")
        code.add(f"    {value} = None")
        code.add("else:")
        outer, code.indent = code.indent, f"{code.indent}    "
        inner = self.read(kind.inner)
        code.add(f"{value} = {inner}")
        code.settle()
        code.indent = outer
        return value

    def _read_sum(self, kind: SumKind) -> str:
        code = self._code
        tag = code.queue(tag_scalar(kind.name, len(kind.variants)))
        code.flush()
        readers = tuple([self._reader_of(variant.kind) for variant in kind.variants])
        table, payload = code.names.bind("variants", readers), code.variable()
        code.move(f"{payload}, position = {table}[{tag}](data, {code.place()})")
        return f"({tag}, {payload})"

    def _read_array(self, kind: ArrayKind) -> str:
        code = self._code
        length = code.queue(length_scalar(kind.name))
        code.flush()
        scalars, item_bytes_least = layout(kind.item).scalars, size_range(kind.item)[0]
        if item_bytes_least == 0:
            code.refuse_over(str(EMPTY_ITEMS_COUNT_MAX), kind, length, code.place())
            item = code.names.bind("empty_item", (kind.item.default,))
            return f"{item} * {length}"
        if scalars is not None:
            return self._unpack_items(kind, length, scalars)
        code.settle()
        room = f"(size - position) // {item_bytes_least}"
        code.refuse_over(room, kind, length, "position")
        items = code.variable()
        code.add(f"{items} = []")
        code.add(f"for _ in range({length}):")
        outer, code.indent = code.indent, f"{code.indent}    "
        if all(isinstance(leaf, _INLINE) for leaf in layout(kind.item).leaves):
            item = self.read(kind.item)
            code.settle()
        else:
            item = "item"
            read = code.names.bind("read_item", self._reader_of(kind.item))
            code.add(f"item, position = {read}(data, position)")
        code.add(f"{items}.append({item})")
        code.indent = outer
        return f"tuple({items})"

    def _unpack_items(
        self, kind: ArrayKind, length: str, scalars: tuple[Scalar, ...]
    ) -> str:
        """Unpack items of scalars all at once.

        Items with a number out of bounds are left out, and make the array too
        short; then the first of them is looked for, to be named.
        """
        code, item_bytes = self._code, sum(scalar.size for scalar in scalars)
        start = code.pass_items(kind, length, item_bytes)
        value = code.variable()
        code.add(f"{value} = tuple({self._items(layout(kind.item), length, start)})")
        if any(scalar.is_bounded for scalar in scalars):
            read = code.names.bind("read_item", self._reader_of(kind.item))
            code.add(f"if len({value}) != {length}:")
            code.add(f"    for at in range({start}, position, {item_bytes}):")
            code.add(f"        {read}(data, at)")
        return value

    def _items(self, shape: Layout, length: str, start: str) -> str:
        """Give what iterates over the items, without those out of bounds."""
        names, scalars = self._code.names, shape.scalars or ()
        if shape.template == "{}" and len(scalars[0].code) == 1:
            unpack = names.bind("struct_unpack_from", struct.unpack_from)
            items = f"{unpack}(f'<{{{length}}}{scalars[0].code}', data, {start})"
            pattern, is_item_whole = "e0", True
        else:
            iterate = names.bind("iter_unpack", struct_of(scalars).iter_unpack)
            items = f"{iterate}(data[{start}:position])"
            pattern = tuple_source([f"e{n}" for n in range(len(scalars))])
            is_item_whole = shape.is_flat
        if is_item_whole and shape.is_unpacked_plainly:
            return items
        values = [each.incoming.format(f"e{n}") for n, each in enumerate(scalars)]
        bounds = [
            f"e{n} < {scalar.values_count}"
            for n, scalar in enumerate(scalars)
            if scalar.is_bounded
        ]
        condition = f" if {' and '.join(bounds)}" if bounds else ""
        return f"[{shape.fill(values)} for {pattern} in {items}{condition}]"
