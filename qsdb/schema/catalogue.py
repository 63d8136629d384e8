"""The catalogue: a module's schema as rows of the system tables.

Writing takes a compiled module apart (`catalogue_rows`), and
`qsdb.schema.catalogue_reading` puts together what the engine needs to work without the
module. What is read is equal to what was written: tables with their keys, indexes,
defaults, schedules and row filters, and reducers with the kinds of their parameters;
views likewise.

1. Tables of a new database have ids in the order of their declaration, from 4096.
   A table that a later module brings, or whose rows it lays out otherwise, has an id
   above all others.
2. Keys and indexes are numbered together through all tables, so that their order is
   kept too.
3. The system tables describe themselves in the rows.

*Source*: the system catalogues of SQL databases; SpacetimeDB's names.
"""

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from operator import itemgetter
from typing import cast

from qsdb.codec.cbor import to_cbor
from qsdb.schema.functions import Reducer
from qsdb.schema.kind_data import kind_to_data
from qsdb.schema.modules import ModuleSchema
from qsdb.schema.procedures import Procedure
from qsdb.schema.rows import Row, stored_of
from qsdb.schema.specifiers import MISSING
from qsdb.schema.system import (
    USER_IDS_FIRST,
    StColumn,
    StConstraint,
    StIndex,
    StModule,
    StProcedure,
    StReducer,
    StRowLevelSecurity,
    StScheduled,
    StSequence,
    StTable,
    StView,
    system_tables,
)
from qsdb.schema.tables import ColumnSchema, TableSchema
from qsdb.schema.views import View
from qsdb.values.compounds import Field, ProductKind
from qsdb.values.identity import Identity
from qsdb.values.kinds import (
    Stored,
)
from qsdb.values.timestamps import Timestamp

__all__ = ["canonical", "catalogue_rows", "parameters_kind", "view_kinds"]


def parameters_kind(function: Reducer | Procedure) -> ProductKind:
    """Give the kind of a function's arguments, taken as one product."""
    parameters = function.parameters.parameters
    fields = [Field(each.name, each.binding.kind) for each in parameters]
    return ProductKind(function.name, tuple(fields))


def catalogue_rows(  # noqa: PLR0913  a row of st_module says five of them
    schema: ModuleSchema,
    *,
    database_identity: Identity,
    owner_identity: Identity,
    seed: int,
    created: Timestamp,
    version: str,
    ids: Sequence[int] = (),
) -> dict[int, list[tuple[Stored, ...]]]:
    """Give all rows of the system tables that describe a module.

    Args:
        schema: The compiled module.
        database_identity: That of the database.
        owner_identity: That of whoever owns it.
        seed: What the seeds of calls come from, below 2**64.
        created: Now.
        version: The version of qsdb.
        ids: Of the module's tables, in their order; from 4096 on if not given.

    Returns:
        The id of each system table → its stored rows, canonical.

    Raises:
        LimitError: a kind nests too deep to be encoded.
        ValueError: a name inside a kind is not valid Unicode.
        MismatchError: `seed` is out of range.

    Cost: some microseconds for each column of the module.
    """
    module = StModule(
        database_identity, owner_identity, schema.name, seed, created, version
    )
    numbers = ids or range(USER_IDS_FIRST, USER_IDS_FIRST + len(schema.tables))
    users_tables = [each.schema for each in schema.tables]
    numbered = sorted(zip(numbers, users_tables, strict=True), key=itemgetter(0))
    rows = itertools.chain(
        _table_rows("user", USER_IDS_FIRST, numbered),
        _view_rows(schema.views.values()),
        _reducer_rows(schema.reducers.values()),
        _procedure_rows(schema.procedures.values()),
        [module],
    )
    found = {table_id: [*of_system] for table_id, of_system in _system_rows().items()}
    _add(found, rows)
    return found


@functools.cache
def _system_rows() -> dict[int, list[tuple[Stored, ...]]]:
    """Give the rows by which the system tables describe themselves."""
    system = system_tables()
    found: dict[int, list[tuple[Stored, ...]]] = {n: [] for n, _ in system}
    _add(found, _table_rows("system", 1, [(n, bound.schema) for n, bound in system]))
    return found


def _add(found: dict[int, list[tuple[Stored, ...]]], rows: Iterable[Row]) -> None:
    """Add rows of system tables to those of their tables."""
    places = _places()
    for row in rows:
        table_id, kind = places[type(row)]
        found[table_id].append(canonical(kind, stored_of(row)))


@functools.cache
def _places() -> dict[type[Row], tuple[int, ProductKind]]:
    return {bound.row_class: (n, bound.shape.kind) for n, bound in system_tables()}


def canonical(kind: ProductKind, row: Stored) -> tuple[Stored, ...]:
    """Give a row as it is stored.

    Raises:
        MismatchError: it is none of the kind.
    """
    return cast(tuple[Stored, ...], kind.canonical(row))


def _table_rows(
    table_type: str, ids_first: int, tables: Iterable[tuple[int, TableSchema]]
) -> Iterator[Row]:
    """Yield the rows that describe tables with these ids."""
    key_ids, sequence_ids = itertools.count(ids_first), itertools.count(ids_first)
    schedule_ids = itertools.count(ids_first)
    for table_id, schema in tables:
        schedule = schema.schedule
        if schedule is not None:
            yield StScheduled(
                next(schedule_ids),
                table_id,
                schedule.function,
                schema.name,
                schedule.at,
                schedule.missed,
                schedule.retry,
            )
        for each in schema.row_filters:
            yield StRowLevelSecurity(table_id, each.text, each.namespace)
        access = "public" if schema.is_public else "private"
        sort = "event" if schema.is_event else table_type
        yield StTable(table_id, schema.name, sort, access, schema.primary_key)
        for place, column in enumerate(schema.columns):
            yield _column_row(table_id, place, column)
            if column.auto_inc:
                yield StSequence(next(sequence_ids), table_id, place)
        for index in schema.indexes:
            key_id, name = next(key_ids), index.accessor
            if index.algorithm == "unique":
                yield StConstraint(key_id, table_id, name, index.columns)
            else:
                yield StIndex(key_id, table_id, name, index.algorithm, index.columns)


def _column_row(table_id: int, place: int, column: ColumnSchema) -> StColumn:
    is_default = column.default is not MISSING
    return StColumn(
        table_id=table_id,
        col_pos=place,
        col_name=column.name,
        col_attribute=column.attribute,
        col_type=to_cbor(kind_to_data(column.kind)),
        col_auto_inc=column.auto_inc,
        col_default=to_cbor(column.default) if is_default else None,
    )


def _view_rows(views: Iterable[View]) -> Iterator[StView]:
    for view_id, each in enumerate(views, USER_IDS_FIRST):
        params, row = [to_cbor(kind_to_data(kind)) for kind in view_kinds(each)]
        is_public, is_anonymous = each.bound.schema.is_public, each.is_anonymous
        yield StView(view_id, each.name, is_public, is_anonymous, params, row)


def view_kinds(view: View) -> tuple[ProductKind, ProductKind]:
    """Give the kinds of a view's arguments, and of its rows."""
    columns = view.bound.schema.columns
    fields = [Field(column.name, column.kind) for column in columns]
    given = [Field(e.name, e.binding.kind) for e in view.parameters.parameters]
    return ProductKind(view.name, tuple(given)), ProductKind(view.name, tuple(fields))


def _reducer_rows(reducers: Iterable[Reducer]) -> Iterator[StReducer]:
    for reducer_id, each in enumerate(reducers, USER_IDS_FIRST):
        params = to_cbor(kind_to_data(parameters_kind(each)))
        yield StReducer(reducer_id, each.name, each.is_private, params)


def _procedure_rows(procedures: Iterable[Procedure]) -> Iterator[StProcedure]:
    for number, each in enumerate(procedures, USER_IDS_FIRST):
        params = to_cbor(kind_to_data(parameters_kind(each)))
        yield StProcedure(number, each.name, each.is_private, each.is_async, params)
