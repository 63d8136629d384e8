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
        position = 12 + v1
        if position > size:
            raise _DecodeError.overlong("str", 12 - 4, v1, size - 12)
        try:
            v2 = data[12:position].decode()
        except UnicodeDecodeError as error:
            raise _DecodeError.unreadable(12, error) from None
        if position != size:
            raise _DecodeError.trailing("Player", position, size)
        return (v0, v2)

Rules of what is written:

1. No value is given from bytes that are not there: `struct` refuses a short
   run, and an end is compared with the size of the input before it is cut to.
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
from itertools import count

from qsdb.codec.layout import (
    EMPTY_ITEMS_COUNT_MAX,
    LENGTH_BYTES,
    Layout,
    Leaf,
    Scalar,
    layout,
    length_scalar,
    size_range,
    tag_scalar,
    tuple_source,
)
from qsdb.values.compounds import ArrayKind, OptionKind, SumKind
from qsdb.values.kinds import NAN, BytesKind, Kind, Stored, StrKind
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
    body = _Body(names, reader_of, base="", whole=whole)
    value = body.read(kind)
    if whole is None:
        body.lines.insert(0, _SIZE)
        body.add_line(f"if {body.place()} != size:")
        body.add_line(
            f"    raise _DecodeError.trailing({kind.name!r}, {body.place()}, size)"
        )
    return f"def decode(data):\n{''.join(body.lines)}    return {value}\n"


def reader_source(kind: Kind, names: Names, reader_of: Callable[[Kind], Reader]) -> str:
    """Write ``read(data, position)`` for `kind`; the arguments are the same."""
    body = _Body(names, reader_of, base="position", whole=None)
    value = body.read(kind)
    if layout(kind).scalars is None:
        body.lines.insert(0, _SIZE)
    return (
        f"def read(data, position):\n"
        f"    assert position >= 0\n"
        f"{_IS_BYTES if body.cuts else ''}"
        f"{''.join(body.lines)}"
        f"    return {value}, {body.place()}\n"
    )


_SIZE = "    size = len(data)\n"
_IS_BYTES = "    is_bytes = type(data) is bytes\n"


class _Body:
    """Statements that read one value after another from ``data``.

    The place in the input is an offset that is known when the source is
    written, after a base: the start of the input, or the variable ``position``.

    Attributes:
        lines: Statements so far.
        cuts: Whether text or bytes are cut out of ``data``.
    """

    def __init__(
        self,
        names: Names,
        reader_of: Callable[[Kind], Reader],
        base: str,
        whole: Kind | None,
    ) -> None:
        """Begin a function.

        Args:
            names: Takes what the statements refer to.
            reader_of: Gives the reader of another kind.
            base: ``position`` in a reader; nothing in a decoder, which begins at
                the start and is given nothing but bytes.
            whole: The kind of the whole input, if one struct unpacks it.
        """
        self.lines: list[str] = []
        self.cuts = False
        self._names = names
        self._reader_of = reader_of
        self._base = base
        self._offset = 0
        self._whole = whole
        self._is_decoder = not base
        self._indent = "    "
        self._run: list[tuple[Scalar, str]] = []
        self._numbers = count()
        names.bind("NAN", NAN)
        names.bind("StructError", struct.error)
        names.bind("int_from_bytes", int.from_bytes)

    def place(self, extra: int = 0) -> str:
        """Give the expression of the place `extra` bytes after the present one."""
        offset = self._offset + extra
        if not self._base:
            return str(offset)
        return f"{self._base} + {offset}" if offset else self._base

    def add_line(self, text: str) -> None:
        """Add a statement to the present block."""
        self.lines.append(f"{self._indent}{text}\n")

    def read(self, kind: Kind) -> str:
        """Read a value where no run is open; give its expression."""
        assert not self._run
        shape = layout(kind)
        if _is_unpacked_plainly(shape) and shape.is_flat:
            row = self._variable()
            self._unpack(shape.scalars or (), row)
            return row
        values = [self._read_leaf(leaf) for leaf in shape.leaves]
        self._flush()
        return shape.fill(values)

    def _read_leaf(self, leaf: Leaf) -> str:
        match leaf:
            case Scalar():
                return leaf.incoming.format(self._queue(leaf))
            case StrKind() | BytesKind():
                return self._read_sized(leaf)
            case OptionKind():
                return self._read_option(leaf)
            case ArrayKind():
                return self._read_array(leaf)
            case SumKind():
                return self._read_sum(leaf)

    def _read_sized(self, kind: StrKind | BytesKind) -> str:
        length = self._queue(length_scalar(kind.name))
        self._flush()
        start = self._pass_over(kind, length, 1)
        self.cuts = True
        cut, value = f"data[{start}:position]", self._variable()
        if isinstance(kind, BytesKind):
            exact = "" if self._is_decoder else f" if is_bytes else bytes({cut})"
            self.add_line(f"{value} = {cut}{exact}")
            return value
        exact = "" if self._is_decoder else f" if is_bytes else str({cut}, 'utf-8')"
        self.add_line("try:")
        self.add_line(f"    {value} = {cut}.decode(){exact}")
        self.add_line("except UnicodeDecodeError as error:")
        self.add_line(f"    raise _DecodeError.unreadable({start}, error) from None")
        return value

    def _read_option(self, kind: OptionKind) -> str:
        tag = self._queue(tag_scalar(kind.name, 2))
        self._flush()
        self._settle()
        value = self._variable()
        self.add_line(f"if {tag}:")
        self.add_line(f"    {value} = None")
        self.add_line("else:")
        outer, self._indent = self._indent, self._indent + "    "
        self.add_line(f"{value} = {self.read(kind.inner)}")
        self._settle()
        self._indent = outer
        return value

    def _read_sum(self, kind: SumKind) -> str:
        tag = self._queue(tag_scalar(kind.name, len(kind.variants)))
        self._flush()
        readers = tuple([self._reader_of(variant.kind) for variant in kind.variants])
        table, payload = self._names.bind("variants", readers), self._variable()
        self.add_line(f"{payload}, position = {table}[{tag}](data, {self.place()})")
        self._base, self._offset = "position", 0
        return f"({tag}, {payload})"

    def _read_array(self, kind: ArrayKind) -> str:
        length = self._queue(length_scalar(kind.name))
        self._flush()
        shape, item_bytes_least = layout(kind.item), size_range(kind.item)[0]
        if item_bytes_least == 0:
            return self._read_empty_items(kind, length)
        if shape.scalars is not None:
            return self._unpack_items(kind, length, shape, shape.scalars)
        read = self._names.bind("read_item", self._reader_of(kind.item))
        self._settle()
        self.add_line(f"if {length} * {item_bytes_least} > size - position:")
        most = f"(size - position) // {item_bytes_least}"
        self._add_overlong(kind, f"position - {LENGTH_BYTES}", length, most)
        items = self._variable()
        self.add_line(f"{items} = []")
        self.add_line(f"for _ in range({length}):")
        self.add_line(f"    item, position = {read}(data, position)")
        self.add_line(f"    {items}.append(item)")
        return f"tuple({items})"

    def _read_empty_items(self, kind: ArrayKind, length: str) -> str:
        """Repeat the one value that has no bytes."""
        self.add_line(f"if {length} > {EMPTY_ITEMS_COUNT_MAX}:")
        at = self.place(-LENGTH_BYTES)
        self._add_overlong(kind, at, length, str(EMPTY_ITEMS_COUNT_MAX))
        item = self._names.bind("empty_item", (kind.item.default,))
        return f"{item} * {length}"

    def _unpack_items(
        self, kind: ArrayKind, length: str, shape: Layout, scalars: tuple[Scalar, ...]
    ) -> str:
        """Unpack items of scalars all at once.

        Items with a number out of bounds are left out, and make the array too
        short; then the first of them is looked for, to be named.
        """
        item_bytes = sum(scalar.size for scalar in scalars)
        start = self._pass_over(kind, length, item_bytes)
        items, pattern = _iteration(shape, self._names, length, start)
        doubts = [
            f"e{n} < {scalar.values_count}"
            for n, scalar in enumerate(scalars)
            if _is_bounded(scalar)
        ]
        is_item_whole = shape.is_flat or pattern == "e0"
        if not is_item_whole or not _is_unpacked_plainly(shape):
            values = [each.incoming.format(f"e{n}") for n, each in enumerate(scalars)]
            condition = f" if {' and '.join(doubts)}" if doubts else ""
            items = f"[{shape.fill(values)} for {pattern} in {items}{condition}]"
        value = self._variable()
        self.add_line(f"{value} = tuple({items})")
        if doubts:
            read = self._names.bind("read_item", self._reader_of(kind.item))
            self.add_line(f"if len({value}) != {length}:")
            self.add_line(f"    for at in range({start}, position, {item_bytes}):")
            self.add_line(f"        {read}(data, at)")
        return value

    def _pass_over(self, kind: Kind, length: str, item_bytes: int) -> str:
        """Move over items whose count was read last; give where they start.

        The place is then ``position``, and known to be within the input.
        """
        start = self.place()
        if self._base:
            start = self._variable()
            self.add_line(f"{start} = {self.place()}")
        factor = "" if item_bytes == 1 else f" * {item_bytes}"
        self.add_line(f"position = {start} + {length}{factor}")
        self.add_line("if position > size:")
        room = f"size - {start}"
        most = room if item_bytes == 1 else f"({room}) // {item_bytes}"
        self._add_overlong(kind, f"{start} - {LENGTH_BYTES}", length, most)
        self._base, self._offset = "position", 0
        return start

    def _add_overlong(self, kind: Kind, at: str, length: str, most: str) -> None:
        """Refuse a length or count that stands at `at`."""
        arguments = f"{kind.name!r}, {at}, {length}, {most}"
        self.add_line(f"    raise _DecodeError.overlong({arguments})")

    def _settle(self) -> None:
        """Let ``position`` hold the place, as where branches meet it must."""
        if self.place() != "position":
            self.add_line(f"position = {self.place()}")
            self._base, self._offset = "position", 0

    def _queue(self, scalar: Scalar) -> str:
        """Have `scalar` read by the open run; give the variable it will be in."""
        variable = self._variable()
        self._run.append((scalar, variable))
        return variable

    def _flush(self) -> None:
        """Unpack the open run and check what has a bound."""
        if not self._run:
            return
        run, self._run = self._run, []
        places = self._unpack(
            tuple([scalar for scalar, _ in run]),
            tuple_source([variable for _, variable in run]),
        )
        for (scalar, variable), place in zip(run, places, strict=True):
            if _is_bounded(scalar):
                bound = scalar.values_count
                self.add_line(f"if {variable} >= {bound}:")
                arguments = f"{scalar.name!r}, {place}, {variable}, {bound}"
                self.add_line(f"    raise _DecodeError.unknown({arguments})")

    def _unpack(self, scalars: tuple[Scalar, ...], target: str) -> list[str]:
        """Unpack `scalars` into `target` and move over them; give their places."""
        place = self.place()
        described = tuple([(scalar.name, scalar.size) for scalar in scalars])
        if self._whole is not None:
            unpack = self._names.bind("unpack", _struct_of(scalars).unpack)
            call = f"{unpack}(data)"
            failure = f"misfit({self._whole.name!r}, len(data), {described!r})"
        else:
            unpack = self._names.bind("unpack_from", _struct_of(scalars).unpack_from)
            call = f"{unpack}(data, {place})"
            failure = f"truncated(len(data), {place}, {described!r})"
        self.add_line("try:")
        self.add_line(f"    {target} = {call}")
        self.add_line("except _StructError:")
        self.add_line(f"    raise _DecodeError.{failure} from None")
        places: list[str] = []
        for scalar in scalars:
            places.append(self.place())
            self._offset += scalar.size
        return places

    def _variable(self) -> str:
        return f"v{next(self._numbers)}"


def _iteration(shape: Layout, names: Names, length: str, start: str) -> tuple[str, str]:
    """Give what iterates over unpacked items, and the pattern that takes one."""
    scalars = shape.scalars or ()
    codes = _codes(scalars)
    if shape.template == "{}" and len(codes) == 1:
        unpack = names.bind("struct_unpack_from", struct.unpack_from)
        return f"{unpack}(f'<{{{length}}}{codes}', data, {start})", "e0"
    iterate = names.bind("iter_unpack", _struct_of(scalars).iter_unpack)
    variables = [f"e{n}" for n in range(len(scalars))]
    return f"{iterate}(data[{start}:position])", tuple_source(variables)


def _struct_of(scalars: tuple[Scalar, ...]) -> struct.Struct:
    return struct.Struct(f"<{_codes(scalars)}")


def _codes(scalars: tuple[Scalar, ...]) -> str:
    return "".join([scalar.code for scalar in scalars])


def _is_bounded(scalar: Scalar) -> bool:
    """Whether some bytes stand for no value."""
    return scalar.values_count is not None and scalar.values_count < 256


def _is_unpacked_plainly(shape: Layout) -> bool:
    """Whether stored values come out of one struct as they are."""
    return bool(shape.scalars) and not any(
        scalar.incoming != "{0}" or _is_bounded(scalar)
        for scalar in shape.scalars or ()
    )
