"""`StoredSchema`: what a catalogue says of a module, as plain data, and its hash."""

from collections.abc import Mapping

import attrs

from qsdb.schema.catalogue_reading import CatalogueRows
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.schema_hashes import schema_hash
from qsdb.schema.tables import TableSchema

__all__ = ["StoredSchema", "schema_of_module", "stored_schema"]


@attrs.frozen
class StoredSchema:
    """The tables and the signatures of functions that a database has."""

    module: str
    """The name of the module."""
    tables: tuple[TableSchema, ...]
    """Those of users, in the order of their ids."""
    reducers: Mapping[str, str] = attrs.field(factory=dict)
    """Name → signature, as text that is the same for the same signature."""
    procedures: Mapping[str, str] = attrs.field(factory=dict)
    views: Mapping[str, str] = attrs.field(factory=dict)
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
    """
    raise NotImplementedError


def schema_of_module(module: ModuleSchema) -> StoredSchema:
    """Give what would be stored of a module."""
    raise NotImplementedError
