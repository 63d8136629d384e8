"""`StoredSchema`: what a catalogue says of a module, as plain data.

A database knows its tables wholly, since it must work without the module. Of
functions it knows what callers depend on: their *signatures*, here as text that is
the same for the same signature. `stored_schema` reads a catalogue, and
`schema_of_module` gives what a catalogue would say of a module, so that the two can
be set side by side.
"""

from collections.abc import Iterable, Mapping

import attrs

from qsdb.schema.catalogue import parameters_kind, view_kinds
from qsdb.schema.catalogue_reading import (
    CatalogueRows,
    module_of,
    private_functions_of,
    procedures_of,
    reducers_of,
    schemas_of,
    views_of,
)
from qsdb.schema.descriptions import parameters_text
from qsdb.schema.functions import Reducer
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.procedures import Procedure
from qsdb.schema.schema_hashes import schema_hash
from qsdb.schema.tables import TableSchema
from qsdb.values.compounds import ProductKind

__all__ = ["StoredSchema", "filters_of", "schema_of_module", "stored_schema"]


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
    turns: Mapping[str, str] | None = attrs.field(default=None, eq=False)
    """Turn of the database's life → the name of the function that is run then. None
    where nobody knows, as that is not stored."""
    routes: Mapping[str, str] | None = attrs.field(default=None, eq=False)
    """Method and path → the name of the handler; likewise."""

    @property
    def hash(self) -> str:
        """16 hexadecimal digits, the same for the same tables."""
        return schema_hash(self.tables)


def stored_schema(
    rows: CatalogueRows, served: ModuleSchema | None = None
) -> StoredSchema:
    """Read the rows of the system tables.

    Args:
        rows: They.
        served: The module that they describe, if it is there: it knows what is not
            stored.

    Raises:
        ValueError: they are no catalogue.

    Cost: some tens of microseconds for each column.
    """
    private = private_functions_of(rows)
    tables = tuple(schemas_of(rows).values())
    return StoredSchema(
        module_of(rows).module_name,
        tables,
        {
            name: _signature(kind, is_private=name in private)
            for name, kind in reducers_of(rows).items()
        },
        {
            name: _signature(kind, is_private=name in private)
            for name, kind in procedures_of(rows).items()
        },
        {
            name: _view_signature(row.is_public, row.is_anonymous, given, columns)
            for name, (row, given, columns) in views_of(rows).items()
        },
        filters_of(tables),
        None if served is None else _turns(served),
        None if served is None else _routes(served),
    )


def schema_of_module(module: ModuleSchema) -> StoredSchema:
    """Give what would be stored of a module."""
    tables = tuple([bound.schema for bound in module.tables])
    return StoredSchema(
        module.name,
        tables,
        _signatures(module.reducers.values()),
        _signatures(module.procedures.values()),
        {
            name: _view_signature(
                each.bound.schema.is_public, each.is_anonymous, *view_kinds(each)
            )
            for name, each in module.views.items()
        },
        filters_of(tables),
        _turns(module),
        _routes(module),
    )


def _turns(module: ModuleSchema) -> dict[str, str]:
    return {turn: each.name for turn, each in module.lifecycle.items()}


def _routes(module: ModuleSchema) -> dict[str, str]:
    return {
        f"{each.method} {each.path}".rstrip(): each.handler.name
        for each in module.http_routes
    }


def _signatures(functions: Iterable[Reducer | Procedure]) -> dict[str, str]:
    return {
        each.name: _signature(parameters_kind(each), is_private=each.is_private)
        for each in functions
    }


def _view_signature(
    is_public: bool,  # noqa: FBT001  as the catalogue has them
    is_anonymous: bool,  # noqa: FBT001
    given: ProductKind,
    row: ProductKind,
) -> str:
    access = "public" if is_public else "private"
    whose = "of all" if is_anonymous else "of each caller"
    return f"{access} {whose} {parameters_text(given)}: {parameters_text(row)}"


def filters_of(tables: Iterable[TableSchema]) -> tuple[str, ...]:
    """Give the row filters of tables, as text."""
    return tuple([str(each) for table in tables for each in table.row_filters])


def _signature(parameters: ProductKind, *, is_private: bool) -> str:
    return f"{'private ' if is_private else ''}{parameters_text(parameters)}"
