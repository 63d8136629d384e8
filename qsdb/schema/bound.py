"""`BoundTable`: a table joined with the class in which users see its rows.

Generated classes and functions depend on nothing but the declaration. So they are made
once (`derived`), kept with the table, and shared by all databases of a module.
"""

import functools
from collections.abc import Callable
from typing import TypeVar, cast

import attrs

from qsdb.schema.rows import Row
from qsdb.schema.shapes import Shape
from qsdb.schema.tables import TableSchema

__all__ = ["BoundTable", "derived"]

T = TypeVar("T")


@attrs.define(eq=False)
class BoundTable:
    """A table together with the class in which users see its rows."""

    schema: TableSchema
    shape: Shape
    row_class: type[Row]
    derived: dict[object, object] = attrs.field(factory=dict, init=False, repr=False)
    """What `derived` functions made of the table; nobody else's."""

    def users_key(self, columns: tuple[int, ...], key: object) -> object:
        """Give a key of these columns as users see it: for messages."""
        parts = (key,) if len(columns) == 1 else key
        assert type(parts) is tuple
        shown = tuple(
            [
                self.shape.columns[place].binding.leave(part)
                for place, part in zip(columns, parts, strict=True)
            ]
        )
        return shown[0] if len(columns) == 1 else shown


def derived(function: Callable[[BoundTable], T]) -> Callable[[BoundTable], T]:
    """Have what a function makes of a table made once, and kept with the table.

    Generated classes and functions depend on nothing but the declaration, so
    all databases of a module share them.
    """

    @functools.wraps(function)
    def get(bound: BoundTable) -> T:
        found = bound.derived.get(function)
        if found is None:
            found = bound.derived[function] = function(bound)
        return cast(T, found)

    return get
