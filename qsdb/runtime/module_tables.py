"""From a recovered state to the tables of a module, or of a module made for them.

What was recovered has the schema that is stored with it. A module that is opened on
it must have the same; without a module, one is made of what is stored.
"""

from collections.abc import Mapping
from typing import Final
from weakref import WeakKeyDictionary

import attrs

from qsdb.errors import CorruptionError, SchemaError
from qsdb.recovery.state import State
from qsdb.schema.catalogue import catalogue_rows
from qsdb.schema.catalogue_reading import CatalogueRows, module_of
from qsdb.schema.descriptions import describe
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.plans import plan_migration
from qsdb.schema.schema_hashes import are_same
from qsdb.schema.stored import stored_module
from qsdb.schema.stored_schemas import filters_of, schema_of_module, stored_schema
from qsdb.schema.system import (
    CATALOGUE_IDS,
    ST_MODULE,
    USER_IDS_FIRST,
    StModule,
    system_tables,
)
from qsdb.schema.tables import TableSchema
from qsdb.store.images import StoredTable
from qsdb.values.identity import Identity
from qsdb.values.kinds import Stored
from qsdb.values.timestamps import Timestamp

__all__ = [
    "load_tables",
    "make_module",
    "new_tables",
    "require_same",
    "stored_if_other",
    "stored_row_of_module",
]

_DESCRIBED: Final[
    WeakKeyDictionary[ModuleSchema, Mapping[int, frozenset[tuple[Stored, ...]]]]
] = WeakKeyDictionary()
"""Of modules that this process has opened before: making them takes milliseconds."""


def new_tables(schema: ModuleSchema) -> list[StoredTable]:
    """Give empty tables: those of a module, then those of the system."""
    users = enumerate(schema.tables, USER_IDS_FIRST)
    return [
        *[StoredTable(bound, table_id) for table_id, bound in users],
        *[StoredTable(bound, table_id) for table_id, bound in system_tables()],
    ]


def load_tables(state: State, schema: ModuleSchema, path: str) -> list[StoredTable]:
    """Give the tables of a module with what a state has in them, which they take.

    Args:
        state: At offset 1 or later; of no use afterwards.
        schema: The module.
        path: Of the database, for messages.

    Raises:
        SchemaError: the module's tables are not those that are stored; with each
            difference, and both schemas.
        CorruptionError: what is stored is no schema.

    Cost: as much as entering all rows into all indexes.
    """
    require_same(state, schema, path)
    ids = {table.schema.name: number for number, table in state.described().items()}
    tables = []
    for bound in (*schema.tables, *[bound for _, bound in system_tables()]):
        table = StoredTable(bound, ids[bound.schema.name])
        found = state.tables[table.table_id]
        table.adopt(found.rows, found.sequences)
        tables.append(table)
    return tables


def require_same(state: State, schema: ModuleSchema, path: str) -> None:
    """Refuse a module whose tables are not those of a state.

    Raises:
        SchemaError: with each difference, and both schemas.
        CorruptionError: what is stored is no schema.
    """
    stored = _stored_tables(state, path)
    declared = [bound.schema for bound in schema.tables]
    if not are_same(stored.values(), declared):
        raise _difference(tuple(stored.values()), schema, path)


def _difference(
    stored: tuple[TableSchema, ...], schema: ModuleSchema, path: str
) -> SchemaError:
    """Make the error for a module of another schema."""
    of_tables = attrs.evolve(
        schema_of_module(schema), tables=stored, row_filters=filters_of(stored)
    )
    plan = plan_migration(of_tables, schema, lambda _: ())
    differences = [f"{path}: {step}" for step in plan.steps]
    both = (
        f"\nstored is:\n{describe(stored)}\nmodule {schema.name} has:\n"
        f"{describe([bound.schema for bound in schema.tables])}"
    )
    *others, last = differences
    return SchemaError(*others, last + both)


def stored_if_other(
    state: State, schema: ModuleSchema, path: str
) -> ModuleSchema | None:
    """Give the module that is stored, if opening with another one is to publish that.

    Raises:
        SchemaError: it cannot be published, or that would give data up, which nobody
            has asked for; with the plan.
        CorruptionError: what is stored is no schema.

    Cost: a millisecond where it is the same, and O(rows) where a rule looks at them.
    """
    if _is_described_so(state.catalogue(), schema):
        return None
    try:
        stored = stored_schema(state.catalogue())
    except ValueError as error:
        raise _damage(path, error) from None
    numbers = {table.name: number for number, table in state.schemas().items()}
    try:
        plan = plan_migration(
            stored, schema, lambda name: state.tables[numbers[name]].rows.values()
        )
    except SchemaError as error:
        raise SchemaError(*[f"{path}: {each}" for each in error.mistakes]) from None
    if plan.is_empty:
        return None
    if plan.losses:
        raise SchemaError(
            f"{path}: opening it with module {schema.name} would give data up; open it "
            f"with the module that it has and publish this one\n{plan}"
        )
    return make_module(state, path)


def _is_described_so(stored: CatalogueRows, schema: ModuleSchema) -> bool:
    """Whether a catalogue describes a module as a new database of it would."""
    described = _DESCRIBED.get(schema)
    if described is None:
        described = _DESCRIBED[schema] = _described(schema)
    return all(
        rows == {*stored.get(table_id, ())} for table_id, rows in described.items()
    )


def _described(schema: ModuleSchema) -> Mapping[int, frozenset[tuple[Stored, ...]]]:
    """Give the rows that describe a module in any database, by system table."""
    declared = catalogue_rows(
        schema,
        database_identity=Identity.ZERO,
        owner_identity=Identity.ZERO,
        seed=0,
        created=Timestamp.from_micros(0),
        version="",
    )
    return {
        table_id: frozenset(declared[table_id])
        for table_id in CATALOGUE_IDS
        if table_id != ST_MODULE
    }


def make_module(state: State, path: str) -> ModuleSchema:
    """Make a module of the schema that is stored with a state.

    Raises:
        CorruptionError: what is stored is no schema.
    """
    tables = _stored_tables(state, path)
    name = stored_row_of_module(state, path).module_name
    try:
        return stored_module(name, tables.values())
    except ValueError as error:
        raise _damage(path, error) from None


def stored_row_of_module(state: State, path: str) -> StModule:
    """Give what a state says of the database and of the module.

    Raises:
        CorruptionError: it does not say it.
    """
    try:
        return module_of(state.catalogue())
    except ValueError as error:
        raise _damage(path, error) from None


def _stored_tables(state: State, path: str) -> Mapping[int, TableSchema]:
    try:
        return state.schemas()
    except ValueError as error:
        raise _damage(path, error) from None


def _damage(path: str, error: ValueError) -> CorruptionError:
    return CorruptionError(path, 0, f"its catalogue: {error}")
