"""Writes the statements that move through the input and unpack runs of scalars.

The place in the input is an offset that is known when the source is written,
after a base: the start of the input, or the variable ``position`` once something
of varying size was passed. So fixed parts cost no arithmetic at all.

Scalars are queued until something else has to be read; then one call unpacks
all of them, and those with a bound are checked.
"""

import struct
from itertools import count

from qsdb.codec.layout import LENGTH_BYTES, Scalar, struct_of, tuple_source
from qsdb.values.kinds import NAN, Kind
from qsdb.values.source import Names

__all__ = ["Unpacking"]


class Unpacking:
    """The source of one function, as far as it is written.

    Attributes:
        names: What the source refers to, save ``_DecodeError``.
        lines: Statements so far.
        indent: Of the present block.
    """

    def __init__(self, names: Names, base: str, whole: Kind | None) -> None:
        """Begin a function.

        Args:
            names: Takes what the statements refer to.
            base: ``position``, or nothing for the start of the input.
            whole: The kind of the whole input, if it is one run of scalars.
        """
        self.names = names
        self.lines: list[str] = []
        self.indent = "    "
        self._base = base
        self._offset = 0
        self._whole = whole
        self._run: list[tuple[Scalar, str]] = []
        self._numbers = count()
        names.bind("NAN", NAN)
        names.bind("StructError", struct.error)
        names.bind("int_from_bytes", int.from_bytes)

    def add(self, text: str) -> None:
        """Add a statement to the present block."""
        self.lines.append(f"{self.indent}{text}\n")

    def variable(self) -> str:
        """Give a variable that is not used yet."""
        return f"v{next(self._numbers)}"

    def place(self) -> str:
        """Give the expression of the present place."""
        if not self._base:
            return str(self._offset)
        return f"{self._base} + {self._offset}" if self._offset else self._base

    def move(self, statement: str) -> None:
        """Add a statement that sets ``position`` to the place from now on."""
        self.add(statement)
        self._base, self._offset = "position", 0

    def settle(self) -> None:
        """Let ``position`` hold the place, as it must where branches meet."""
        if self.place() != "position":
            self.move(f"position = {self.place()}")

    def queue(self, scalar: Scalar) -> str:
        """Have `scalar` read next; give the variable that will hold it."""
        variable = self.variable()
        self._run.append((scalar, variable))
        return variable

    def flush(self) -> None:
        """Unpack what is queued, and check what has a bound."""
        if not self._run:
            return
        run, self._run = self._run, []
        scalars = tuple([scalar for scalar, _ in run])
        places = self.unpack(scalars, tuple_source([variable for _, variable in run]))
        for (scalar, variable), place in zip(run, places, strict=True):
            if scalar.is_bounded:
                self.add(f"if {variable} >= {scalar.values_count}:")
                told = f"{scalar.name!r}, {place}, {variable}, {scalar.values_count}"
                self.add(f"    raise _DecodeError.unknown({told})")

    def unpack(self, scalars: tuple[Scalar, ...], target: str) -> list[str]:
        """Unpack into `target` and move behind; give the place of each scalar."""
        described = tuple([(scalar.name, scalar.size) for scalar in scalars])
        packing = struct_of(scalars)
        if self._whole is not None:
            call = f"{self.names.bind('unpack', packing.unpack)}(data)"
            failure = f"misfit({self._whole.name!r}, len(data), {described!r})"
        else:
            unpack = self.names.bind("unpack_from", packing.unpack_from)
            call = f"{unpack}(data, {self.place()})"
            failure = f"truncated(len(data), {self.place()}, {described!r})"
        self.add("try:")
        self.add(f"    {target} = {call}")
        self.add("except _StructError:")
        self.add(f"    raise _DecodeError.{failure} from None")
        places: list[str] = []
        for scalar in scalars:
            places.append(self.place())
            self._offset += scalar.size
        return places

    def pass_items(self, kind: Kind, length: str, item_bytes: int) -> str:
        """Move behind items whose count is in `length`, just read.

        It is checked first that the input goes that far.

        Returns:
            The expression of the place where the items start. They end at
            ``position``.
        """
        start = self.place()
        if self._base:
            start = self.variable()
            self.add(f"{start} = {self.place()}")
        room, total = f"size - {start}", length
        if item_bytes > 1:
            room, total = f"({room}) // {item_bytes}", f"{length} * {item_bytes}"
        self.refuse_over(room, kind, length, start)
        self.move(f"position = {start} + {total}")
        return start

    def refuse_over(self, most: str, kind: Kind, length: str, start: str) -> None:
        """Refuse a length or count above `most`; the items would be at `start`."""
        told = f"{kind.name!r}, {start} - {LENGTH_BYTES}, {length}, {most}"
        self.add(f"if {length} > {most}:")
        self.add(f"    raise _DecodeError.overlong({told})")
