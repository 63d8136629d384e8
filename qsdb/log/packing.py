"""Generated: sections and whole records that one call of `struct` packs.

Most commits are calls that put one row or two into one table. Where the rows and the
arguments are scalars, such a record has one size: all of its parts stand where they
always do, and what is the same for all of them is laid out beforehand. The shape of
the source, for a reducer of three parameters and a table of two columns::

    def write(images, find, microseconds, origin, state, arguments):
        (
            p0,
            p1,
            p2,
        ) = arguments
        if _len(images) == 1:
            ((key, old),) = images.items()
            row = find(key)
            if row is not None and row != old:
                (
                    a0,
                    a1,
                ) = row
                return _pack_one(
                    1,
                    microseconds,
                    origin,
                    state,
                    _name,
                    p0,
                    p1,
                    p2,
                    _head_of_one,
                    a0,
                    a1,
                )
        elif _len(images) == 2:
            (likewise)
        return _otherwise(images, find, microseconds, origin, state, arguments)

``pack(*arguments, *row)`` would cost twice that: it makes a list and a tuple first.
A section alone is written likewise, of ``images`` and ``find``.
"""

import struct
from collections.abc import Callable, Sequence

import attrs

from qsdb.log.records import CALL, COUNT, IS_CALL, SECTION
from qsdb.values.source import Names, compile_source

__all__ = ["CallLayout", "RowLayout", "compile_packer"]


@attrs.frozen
class RowLayout:
    """How the rows of a table are packed.

    Attributes:
        table_id: Its number in the catalogue.
        codes: Of `struct`, for one row.
        count: How many columns it has.
    """

    table_id: int
    codes: str
    count: int

    def head(self, rows: int) -> bytes:
        """Give what a section of so many rows begins with."""
        length = COUNT.size + struct.calcsize(f"<{self.codes}") * rows
        return SECTION.pack(self.table_id, rows, 0, length) + COUNT.pack(0)


@attrs.frozen
class CallLayout:
    """How the calls of a reducer are packed.

    Attributes:
        name: The reducer's, and the length of the arguments, as they are written.
        codes: Of `struct`, for the arguments.
        enter: For each parameter what makes of its variable an expression for the value
            that is stored.
    """

    name: bytes
    codes: str
    enter: Sequence[Callable[[str, Names], str]]


def compile_packer(
    title: str,
    rows: RowLayout,
    otherwise: Callable[..., bytes],
    call: CallLayout | None = None,
) -> Callable[..., bytes]:
    """Make the function that writes sections, or records of calls.

    Args:
        title: Of the source, for tracebacks.
        rows: Those of the table that the commit changes.
        otherwise: Writes what no single pack can: more rows, and rows removed.
        call: Which calls; None for a section alone.

    Cost: about a millisecond.
    """
    names = Names(otherwise=otherwise)
    parameters, given, codes = "images, find", "", "<"
    lines: list[str] = []
    if call is not None:
        parameters += ", microseconds, origin, state, arguments"
        variables = [f"p{number}" for number in range(len(call.enter))]
        lines.append(f"    ({_listed(variables)}) = arguments")
        entered = [
            enter(variable, names)
            for variable, enter in zip(variables, call.enter, strict=True)
        ]
        name = names.bind("name", call.name)
        given = f"{IS_CALL}, microseconds, origin, state, {name}, {_listed(entered)}"
        codes = f"{CALL.format}{len(call.name)}s{call.codes}"
    for count, condition in ((1, _ONE), (2, _TWO)):
        head = rows.head(count)
        layout = struct.Struct(f"{codes}{len(head)}s{rows.codes * count}")
        pack = names.bind(f"pack_{count}", layout.pack)
        columns = [
            _listed([f"{letter}{number}" for number in range(rows.count)])
            for letter in "ab"[:count]
        ]
        parts = f"{given}{names.bind(f'head_{count}', head)}, {''.join(columns)}"
        lines += [f"    {line}" for line in condition.splitlines()]
        for row, variables_of_row in zip(("row", "second"), columns, strict=False):
            lines.append(f"            ({variables_of_row}) = {row}")
        lines.append(f"            return {pack}({parts})")
    source = "\n".join(
        [f"def write({parameters}):", *lines, f"    return _otherwise({parameters})"]
    )
    write = compile_source(title, source, names)["write"]
    assert callable(write)
    return write


_ONE = """\
if _len(images) == 1:
    ((key, old),) = images.items()
    row = find(key)
    if row is not None and row != old:
"""
"""Begins the block of one row that is put, and nothing else."""

_TWO = """\
elif _len(images) == 2:
    ((key, old), (other, was)) = images.items()
    row, second = find(key), find(other)
    if row is not None and second is not None and row != old and second != was:
"""
"""Likewise of two."""


def _listed(parts: Sequence[str]) -> str:
    return "".join(f"{each}, " for each in parts)
