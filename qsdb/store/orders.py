"""Generated key functions: from a stored row to its keys.

Three functions of a row are needed everywhere and are the same for all rows of
a table, so they are compiled once:

* the *row key*, under which the table's dict holds the row: the primary key's
  value, a tuple of several, or the whole row where a table has no key;
* an index's *value*: what equal rows share in it;
* an index's *entry*: a tuple that sorts as the index does, the row key last.

Raw values do not always compare (None, NaN), so entries hold the order keys of
`qsdb.values.kinds` where a kind's values do not sort by themselves.
"""

from collections.abc import Callable
from typing import Any, cast

from qsdb.schema.modules import BoundTable, derived
from qsdb.schema.tables import TableSchema
from qsdb.values.source import Names, compile_source

__all__ = [
    "StoredRow",
    "compile_key",
    "entry_function",
    "generated_key",
    "key_function",
    "key_source",
    "value_function",
]

StoredRow = tuple[object, ...]
"""One row as it is stored: canonical values in the order of the columns."""


def key_source(schema: TableSchema) -> str:
    """Give the row key as an expression over ``v0, v1, …`` and ``row``."""
    if not schema.primary_key:
        return "row"
    return _tuple_source([f"v{place}" for place in schema.primary_key])


def generated_key(schema: TableSchema) -> tuple[int, ...]:
    """Give the places of the primary key's generated columns.

    0 there stands for the next number, and so for no key.
    """
    return tuple([n for n in schema.primary_key if schema.columns[n].auto_inc])


def _tuple_source(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"({', '.join(parts)})"


def _compile(
    title: str, expression: str, names: Names
) -> Callable[[StoredRow], object]:
    source = f"def key(row):\n    return {expression}\n"
    function = compile_source(title, source, names)["key"]
    assert callable(function)
    return function


@derived
def key_function(bound: BoundTable) -> Callable[[StoredRow], object]:
    """Compile the row key, once for each table."""
    return compile_key(bound.schema)


def compile_key(schema: TableSchema) -> Callable[[StoredRow], object]:
    """Compile the row key."""
    parts = [f"row[{place}]" for place in schema.primary_key]
    expression = _tuple_source(parts) if parts else "row"
    return _compile(f"{schema.name} key", expression, Names())


@derived
def index_functions(bound: BoundTable) -> tuple[Callable[[StoredRow], Any], ...]:
    """Compile for each index its entry, if it is ordered, or its value."""
    schema = bound.schema
    return tuple(
        [
            entry_function(schema, index.columns)
            if index.algorithm == "btree"
            else value_function(schema, index.columns)
            for index in schema.indexes
        ]
    )


def value_function(
    schema: TableSchema, columns: tuple[int, ...]
) -> Callable[[StoredRow], object]:
    """Compile the value of some columns: one value, or a tuple of several."""
    expression = _tuple_source([f"row[{place}]" for place in columns])
    return _compile(f"{schema.name} value", expression, Names())


def entry_function(
    schema: TableSchema, columns: tuple[int, ...]
) -> Callable[[StoredRow], StoredRow]:
    """Compile the entry of an ordered index over `columns`.

    The entry is the columns' order keys, then, where row keys do not sort by
    themselves, their order keys, and the row key at the end. Entries of
    different rows differ before a comparison reaches a value that does not
    compare.
    """
    names = Names()

    def order(place: int) -> str:
        return schema.columns[place].kind.order_source(f"row[{place}]", names)

    key = schema.primary_key or tuple(range(len(schema.columns)))
    parts = [order(place) for place in columns]
    if not all(schema.columns[place].kind.is_naturally_ordered for place in key):
        parts += [order(place) for place in key]
    raw_key = [f"row[{place}]" for place in schema.primary_key]
    parts.append(_tuple_source(raw_key) if raw_key else "row")
    compiled = _compile(f"{schema.name} entry", _tuple_source(parts), names)
    return cast(Callable[[StoredRow], StoredRow], compiled)
