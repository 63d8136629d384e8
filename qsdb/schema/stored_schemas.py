"""`StoredSchema`: what a catalogue says of a module, as plain data.

A database knows its tables wholly, since it must work without the module. Of
functions it knows what callers depend on: their *signatures*, here as text that is
the same for the same signature. `stored_schema` reads a catalogue, and
`schema_of_module` gives what a catalogue would say of a module, so that the two can
be set side by side.
"""

from collections.abc import Mapping

import attrs

from qsdb.schema.catalogue import parameters_kind
from qsdb.schema.catalogue_reading import (
    CatalogueRows,
    module_of,
    private_reducers_of,
    reducers_of,
    schemas_of,
)
from qsdb.schema.descriptions import parameters_text
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.schema_hashes import schema_hash
from qsdb.schema.tables import TableSchema
from qsdb.values.compounds import ProductKind

__all__ = ["StoredSchema", "schema_of_module", "stored_schema"]


@attrs.frozen
class StoredSchema:
    """The tables, and the signatures of functions, that a database has."""

    module: str
    """The name of the module."""
    tables: tuple[TableSchema, ...]
    """Those of users, in the order of their ids."""
    reducers: Mapping[str, str] = attrs.field(factory=dict)
    """Name → signature."""
    procedures: Mapping[str, str] = attrs.field(factory=dict)
    """Name → signature."""
    views: Mapping[str, str] = attrs.field(factory=dict)
    """Name → signature, with the columns of the result."""
    row_filters: tuple[str, ...] = ()
    """Their SQL."""

    @property
    def hash(self) -> str:
        """16 hexadecimal digits, the same for the same tables."""
        return schema_hash(self.tables)


def stored_schema(rows: CatalogueRows) -> StoredSchema:
    """Read the rows of the system tables.

    Raises:
        ValueError: they are no catalogue.

    Cost: some tens of microseconds for each column.
    """
    private = private_reducers_of(rows)
    return StoredSchema(
        module_of(rows).module_name,
        tuple(schemas_of(rows).values()),
        {
            name: _signature(kind, is_private=name in private)
            for name, kind in reducers_of(rows).items()
        },
    )


def schema_of_module(module: ModuleSchema) -> StoredSchema:
    """Give what would be stored of a module."""
    return StoredSchema(
        module.name,
        tuple([bound.schema for bound in module.tables]),
        {
            name: _signature(parameters_kind(each), is_private=each.is_private)
            for name, each in module.reducers.items()
        },
    )


def _signature(parameters: ProductKind, *, is_private: bool) -> str:
    return f"{'private ' if is_private else ''}{parameters_text(parameters)}"
