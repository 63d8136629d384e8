"""Tables in the definition of a module: their keys, indexes and sequences.

Rules where qsdb has more than SpacetimeDB:

1. A primary key of several columns is written as a unique key over them, and the table
   as one without primary key.
2. Each unique key has a B-tree index over its columns, called by its accessor, unless
   there is an index over the same columns already.
3. Defaults of columns are written where no key or sequence is over the column.
4. Objects are called ``{table}_{columns}_idx_{algorithm}``, ``…_key`` and ``…_seq``; a
   name that is taken gets a number behind it.
"""

from collections.abc import Iterator

from qsdb.codec.bsatn import encoder
from qsdb.schema.bound_tables import BoundTable
from qsdb.schema.specifiers import MISSING
from qsdb.schema.tables import TableSchema
from qsdb.server.algebraic_types import Data, Typespace
from qsdb.server.definition_names import FreeNames
from qsdb.values.compounds import Field, ProductKind

__all__ = ["access_of", "column_defaults", "row_kind", "rows_and_keys"]


def row_kind(bound: BoundTable) -> ProductKind:
    """Give the kind of a table's rows, with the names of its columns."""
    fields = [Field(each.name, each.kind) for each in bound.schema.columns]
    return ProductKind(bound.shape.class_name, tuple(fields))


def access_of(schema: TableSchema) -> Data:
    """Give who may read a table."""
    return {"Public" if schema.is_public else "Private": []}


def rows_and_keys(
    name: str, bound: BoundTable, typespace: Typespace, free: FreeNames, name_field: str
) -> Data:
    """Give what both versions say of a table.

    Args:
        name: Of the table, without the namespace.
        bound: It.
        typespace: Takes the type of its rows.
        free: Takes the names of its objects.
        name_field: What a name is called in this version.
    """
    schema = bound.schema
    place = typespace.place_of(row_kind(bound))
    typespace.alias(bound.shape.kind, place)
    key = schema.primary_key
    unique = [each.columns for each in schema.indexes if each.algorithm == "unique"]
    if key:
        unique.insert(0, key)

    def named(columns: tuple[int, ...], ending: str) -> Data:
        joined = "_".join(schema.column_names(columns))
        return {name_field: {"some": free.take(f"{name}_{joined}_{ending}")}}

    indexes = [
        {
            **named(columns, f"idx_{algorithm.lower()}"),
            "accessor_name": {"some": accessor},
            "algorithm": {algorithm: [*columns]},
        }
        for accessor, columns, algorithm in _indexes(schema)
    ]
    constraints = [
        {**named(columns, "key"), "data": {"Unique": {"columns": [*columns]}}}
        for columns in unique
    ]
    bounds: Data = {each: {"none": []} for each in ("start", "min_value", "max_value")}
    sequences = [
        {**named((place,), "seq"), "column": place, **bounds, "increment": 1}
        for place, column in enumerate(schema.columns)
        if column.auto_inc
    ]
    return {
        name_field: name,
        "product_type_ref": place,
        "primary_key": [*key] if len(key) == 1 else [],
        "indexes": indexes,
        "constraints": constraints,
        "sequences": sequences,
    }


def _indexes(schema: TableSchema) -> Iterator[tuple[str, tuple[int, ...], str]]:
    """Give accessor, columns and algorithm of each index, those of keys first."""
    declared = [each for each in schema.indexes if each.algorithm != "unique"]
    covered = {frozenset(each.columns) for each in declared}
    keys = [(each.accessor, each.columns) for each in schema.indexes]
    if schema.primary_key:
        attributes = [schema.columns[place].attribute for place in schema.primary_key]
        keys.insert(0, ("_".join(attributes), schema.primary_key))
    for accessor, columns in keys:
        if frozenset(columns) not in covered:
            covered.add(frozenset(columns))
            yield accessor, columns, "BTree"
    for index in declared:
        algorithm = "Hash" if index.algorithm == "hash" else "BTree"
        yield index.accessor, index.columns, algorithm


def column_defaults(schema: TableSchema) -> list[Data]:
    """Give the columns that have a default, with it in BSATN, as hex text."""
    keyed = {
        *schema.primary_key,
        *[
            n
            for each in schema.indexes
            if each.algorithm == "unique"
            for n in each.columns
        ],
    }
    return [
        {"col_id": place, "value": encoder(column.kind)(column.default).hex()}
        for place, column in enumerate(schema.columns)
        if column.default is not MISSING and place not in keyed
    ]
