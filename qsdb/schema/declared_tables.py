"""The tables of a module, from what was declared to what a database holds.

Mistakes are gathered, not raised: a module tells all of its own at once.
"""

from collections.abc import Iterable
from typing import cast

from qsdb.errors import SchemaError
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.matching import circles
from qsdb.schema.rows import Row, draft_of
from qsdb.schema.tables import TableOptions, table_schema

__all__ = ["as_tuple", "compile_tables"]


def as_tuple(given: object) -> object:
    """Give a list as a tuple; what cannot be one stays as it is, for the message."""
    if isinstance(given, Iterable) and not isinstance(given, str | tuple):
        return tuple(given)
    return given


def compile_tables(
    declared: list[tuple[type[Row], TableOptions]], mistakes: list[str]
) -> list[BoundTable]:
    """Give the tables; note what is wrong with them."""
    tables: list[BoundTable] = []
    names: dict[str, object] = {}
    told: set[type[Row]] = set()
    for row_class, options in declared:
        name = options.table_name(row_class.__name__)
        if name in names:
            mistakes.append(f"table {name}: it is declared twice")
        names[name] = options.renamed_from
        shape = draft_of(row_class)  # type: ignore[arg-type]
        if row_class not in told:
            mistakes += [f"table {name}, {each}" for each in shape.mistakes]
        told.add(row_class)
        try:
            schema = table_schema(shape, options)
            renamed_from = cast(str | None, options.renamed_from)
            tables.append(BoundTable(schema, shape, row_class, renamed_from))
        except SchemaError as error:
            mistakes += error.mistakes
    mistakes += [f"tables {each}" for each in circles(names.items())]
    return tables
