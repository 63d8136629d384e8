"""The indexes of a table, as plans use them."""

from collections.abc import Iterator

import attrs

from qsdb.schema.tables import TableSchema

__all__ = ["IndexPath", "paths_of", "wished_path"]


@attrs.frozen
class IndexPath:
    """An index that a step can use.

    Attributes:
        number: Which of the table's indexes; None is the primary key, and below 0 one
            that whoever runs the plan has of the column ``-1 - number``.
        name: How users know it.
        columns: Places of its columns.
        is_unique: Whether a value for each column finds one row at most.
        is_ordered: Whether it finds ranges, and what begins with some values.
    """

    number: int | None
    name: str
    columns: tuple[int, ...]
    is_unique: bool = False
    is_ordered: bool = False


def paths_of(schema: TableSchema) -> Iterator[IndexPath]:
    """Yield the indexes of a table."""
    key = schema.primary_key
    if key:
        name = "_".join(schema.column_names(key))
        yield IndexPath(None, name, key, is_unique=True)
    for number, index in enumerate(schema.indexes):
        yield IndexPath(
            number,
            index.accessor,
            index.columns,
            is_unique=index.algorithm == "unique",
            is_ordered=index.algorithm == "btree",
        )


def wished_path(schema: TableSchema, column: int) -> IndexPath:
    """Give the path by an index that whoever runs the plan is to make."""
    return IndexPath(-1 - column, schema.columns[column].name, (column,))
