"""Whether rows of one declaration are rows of another, to those who read them.

That is what live queries and caches depend on when a module is published: names and
kinds of columns. Keys, indexes, defaults and access may change meanwhile.
"""

from qsdb.schema.descriptions import spelled
from qsdb.schema.tables import TableSchema

__all__ = ["columns_text", "have_same_rows"]


def columns_text(schema: TableSchema) -> str:
    """Give the columns of a table in one line.

    >>> from qsdb.schema.tables import ColumnSchema
    >>> from qsdb.values import kinds
    >>> columns_text(TableSchema("p", (ColumnSchema("x", "x", kinds.I8),), ()))
    '(x: i8)'
    """
    columns = [f"{each.name}: {spelled(each.kind)}" for each in schema.columns]
    return f"({', '.join(columns)})"


def have_same_rows(stored: TableSchema, declared: TableSchema) -> bool:
    """Whether both have the same columns, and keep rows or only tell them."""
    columns = [
        [(column.name, column.kind) for column in each.columns]
        for each in (stored, declared)
    ]
    return columns[0] == columns[1] and stored.is_event == declared.is_event
