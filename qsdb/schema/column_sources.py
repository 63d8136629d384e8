"""Where the values of a migrated table's columns come from, and the code for it.

For each column of the new table there is a `ColumnSource`. Together they are one
function from old row to new, generated as source::

    def convert(row):
        return (row[1], _convert(row[0]), _value, _fill(row), _number())

"""

import itertools
from collections.abc import Callable, Sequence
from typing import NoReturn, cast

import attrs

from qsdb.errors import InternalError, KindError
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.shapes import Column
from qsdb.schema.specifiers import MISSING, Fill
from qsdb.schema.stored import stored_module
from qsdb.schema.tables import TableSchema
from qsdb.values.kinds import MismatchError, Stored
from qsdb.values.source import Names, compile_source

__all__ = ["ColumnSource", "StoredRow", "compile_values", "old_row_function"]

StoredRow = tuple[Stored, ...]


@attrs.frozen(eq=False)
class ColumnSource:
    """Where the values of one column come from: at most one of four places.

    Without any, there is nothing to take them from: the old table must be empty.
    """

    place: int | None = None
    """The place of a stored column, whose values `convert` changes, if it is there."""
    convert: Callable[[Stored], Stored] | None = None
    is_injective: bool = True
    """Whether different stored values stay different."""
    value: Stored = MISSING
    """A constant."""
    fill: Fill | None = None
    """A user's function of the old row."""
    is_numbered: bool = False
    """Rows are numbered 1, 2, 3 … as they come."""

    @property
    def is_missing(self) -> bool:
        """Whether it gives no values."""
        return (
            self.place is None
            and self.value is MISSING
            and self.fill is None
            and not self.is_numbered
        )


def compile_values(
    stored: TableSchema,
    declared: BoundTable,
    sources: Sequence[ColumnSource],
    places: Sequence[int],
) -> Callable[[StoredRow], StoredRow]:
    """Compile a function from an old row to the values of some new columns.

    Args:
        stored: The old table.
        declared: The new one.
        sources: For each column of it.
        places: Of the columns whose values are wanted.

    Raises (the function):
        KindError: a function of a user gave what the column does not take.

    Cost: a fraction of a millisecond, and then some tens of nanoseconds a value.
    """
    names = Names()
    parts = [
        _expression(stored, declared, place, sources[place], names) for place in places
    ]
    source = f"def convert(row):\n    return ({''.join([f'{p}, ' for p in parts])})\n"
    title = f"{declared.schema.name} migration"
    made = compile_source(title, source, names)["convert"]
    return cast(Callable[[StoredRow], StoredRow], made)


def _expression(
    stored: TableSchema,
    declared: BoundTable,
    place: int,
    source: ColumnSource,
    names: Names,
) -> str:
    if source.place is not None:
        taken = f"row[{source.place}]"
        if source.convert is None:
            return taken
        return f"{names.bind('convert', source.convert)}({taken})"
    column = declared.shape.columns[place]
    if source.fill is not None:
        filled = _filler(declared.schema.name, column, source.fill, stored)
        return f"{names.bind('fill', filled)}(row)"
    if source.is_numbered:
        return f"{names.bind('number', itertools.count(1).__next__)}()"
    if source.value is not MISSING:
        return names.bind("value", source.value)
    return f"{names.bind('refuse', _refuser(declared.schema.name, column.name))}()"


def old_row_function(stored: TableSchema) -> Callable[[StoredRow], object]:
    """Give what shows a row of a stored table to users: as a named tuple."""
    row_class = stored_module("old", [stored]).tables[0].row_class
    make = cast(Callable[[type, StoredRow], object], tuple.__new__)
    return lambda row: make(row_class, row)


def _filler(
    table: str, column: Column, fill: Fill, stored: TableSchema
) -> Callable[[StoredRow], Stored]:
    shown = old_row_function(stored)
    binding, kind = column.binding, column.binding.kind

    def filled(row: StoredRow) -> Stored:
        try:
            return kind.canonical(binding.enter(fill(shown(row))))
        except MismatchError as mismatch:
            raise KindError(
                table, column.name, mismatch.value, mismatch.admitted
            ) from None

    return filled


def _refuser(table: str, column: str) -> Callable[[], NoReturn]:
    def refuse() -> NoReturn:
        """Say that a plan for an empty table met a row.

        Raises:
            InternalError: always.
        """
        raise InternalError(
            f"table {table}, column {column}: the plan was made for an empty table"
        )

    return refuse
