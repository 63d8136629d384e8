"""The errors of a table's operations: which row is missing, taken or none of its own.

Generated code (`qsdb.store.operations`) calls what `taker`, `misser` and the others
give, where something is wrong; none of them returns.
"""

from collections.abc import Callable
from typing import Protocol

from qsdb.errors import (
    ArgumentError,
    KindError,
    LimitError,
    NotFoundError,
    UniqueError,
    brief,
)
from qsdb.schema.modules import BoundTable
from qsdb.schema.tables import TableSchema
from qsdb.store.orders import StoredRow, key_function
from qsdb.values.kinds import IntKind

__all__ = [
    "limiter",
    "misser",
    "missing",
    "refuser",
    "refuser_of_rows",
    "taken",
    "taker",
    "wrong_row",
]


def taken(bound: BoundTable, columns: tuple[int, ...], key: object) -> UniqueError:
    """Make the error for a key that another row has."""
    names = bound.schema.column_names(columns)
    return UniqueError(bound.schema.name, names, bound.users_key(columns, key))


def missing(bound: BoundTable, columns: tuple[int, ...], key: object) -> NotFoundError:
    """Make the error for a key that no row has."""
    names = ", ".join(bound.schema.column_names(columns))
    shown = brief(bound.users_key(columns, key))
    return NotFoundError(
        f"table {bound.schema.name}: there is no row with {names} {shown}"
    )


def taker(bound: BoundTable) -> Callable[[object], None]:
    """Give what refuses a key that another row has."""

    def refuse(key: object) -> None:
        raise taken(bound, bound.schema.primary_key, key)

    return refuse


def misser(
    bound: BoundTable, canonical: Callable[[StoredRow], StoredRow]
) -> Callable[[StoredRow], None]:
    """Give what refuses a row whose key no row has.

    Args:
        bound: The table.
        canonical: Refuses a row that could not be stored in it: of the key no more is
            known than `Kind.key_doubt` asks.
    """
    key_of = key_function(bound)

    def refuse(stored: StoredRow) -> None:
        canonical(stored)
        raise missing(bound, bound.schema.primary_key, key_of(stored))

    return refuse


def wrong_row(bound: BoundTable, row: object) -> KindError:
    """Make the error for a row of another class, or no row at all."""
    name = bound.row_class.__name__
    article = "an" if name[0] in "AEIOU" else "a"
    return KindError(bound.schema.name, None, row, f"{article} {name} row")


class _Handle(Protocol):
    def _require_open(self) -> object: ...


def refuser(bound: BoundTable) -> Callable[[_Handle, object], None]:
    """Give what refuses a row of another class, unless the handle is closed."""

    def refuse(handle: _Handle, row: object) -> None:
        handle._require_open()
        raise wrong_row(bound, row)

    return refuse


def refuser_of_rows(bound: BoundTable) -> Callable[[object, TypeError], None]:
    """Give what refuses to iterate over what is no rows."""

    def refuse(rows: object, error: TypeError) -> None:
        if hasattr(type(rows), "__iter__"):  # and so the error is of the user's own
            raise error
        raise ArgumentError(
            f"table {bound.schema.name}: insert_many takes rows, not {brief(rows)}"
        ) from None

    return refuse


def limiter(schema: TableSchema, place: int) -> Callable[[_Handle], None]:
    """Give what refuses a number beyond the last one of a generated column.

    Unless the handle is closed.
    """
    column = schema.columns[place]
    assert isinstance(column.kind, IntKind)
    greatest = column.kind.greatest

    def refuse(handle: _Handle) -> None:
        handle._require_open()
        raise LimitError(
            f"table {schema.name}, column {column.name}: the sequence has come to its "
            f"end, {greatest}"
        )

    return refuse
